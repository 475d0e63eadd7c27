"""Run manifests and the files they list."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Annotated

from msgspec import UNSET, UnsetType

from callveil.schemas.json_types import JsonObject

FORMAT_VERSION = 1
MAX_ACCOUNTS = 1_000
"""A file with rows of more accounts is listed without their counts: they would outgrow the list."""


@dataclass(frozen=True, order=True, slots=True)
class FileEntry:
    """One published file.

    Attributes:
        path: relative to the store's root, with `/`.
        dataset: interactions, findings, rejected, rejected_content, index, requests.
        partition: partition values, e.g. `{"account_type": "agency", "day": "2026-11-01"}`.
        rows: rows it holds (0 for encrypted content).
        bytes: size.
        sha256: of its bytes, hex.
        accounts: rows by account id, those of no account under an empty one. Not set, and not
            written, where rows are not counted: sealed content, tables without accounts, files of
            more than `MAX_ACCOUNTS`, and files from before they were counted.
    """

    path: str
    dataset: str
    partition: Annotated[Mapping[str, str], "partition values by column"] = field(hash=False)
    rows: int
    bytes: int
    sha256: str
    accounts: Annotated[
        Mapping[str, int] | UnsetType, "rows by account id; absent: not counted"
    ] = field(default=UNSET, hash=False)

    def lacks(self, accounts: Collection[str]) -> bool:
        """Tell whether it is known that no row is of any of some accounts."""
        return self.accounts is not UNSET and self.accounts.keys().isdisjoint(accounts)

    def differs(self, digest: str, size: int) -> str:
        """Return what is wrong with a file of this SHA-256 and size, or an empty text."""
        if size != self.bytes:
            return f"has {size} bytes, its entry says {self.bytes}"
        return "" if digest == self.sha256 else "its SHA-256 is not the one of its entry"


@dataclass(frozen=True, slots=True)
class RunManifest:
    """Record of what one run read, decided by, and published. It holds no personal data.

    Attributes:
        run_id: digest of inputs, policy, requests and as_of: the same run has the same id.
        seq: position in the store's history, from 1.
        parent: name of the manifest before it, or empty.
        parent_sha256: sha256 of the bytes of that manifest, or empty.
        job: redact, retain, ...
        as_of: ISO 8601, UTC.
        tool_version, policy_name, policy_sha256: what decided.
        inputs: `{url, size, etag}` of every file read.
        counts: in, redacted, superseded, unchanged, rejected, findings, ...; see
            `pipelines.redact`.
        added, removed: files this run published and files it took out of the store.
        not_read: `{url, size, etag, reason, detail}` of every file below an input that was not
            read.
    """

    run_id: str
    seq: int
    parent: str
    parent_sha256: str
    job: str
    as_of: str
    tool_version: str
    policy_name: str
    policy_sha256: str
    inputs: tuple[JsonObject, ...] = ()
    counts: dict[str, int] = field(default_factory=dict)
    added: tuple[FileEntry, ...] = ()
    removed: tuple[FileEntry, ...] = ()
    format_version: int = FORMAT_VERSION
    not_read: tuple[JsonObject, ...] = ()
