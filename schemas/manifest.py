"""Run manifests and the files they list."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

FORMAT_VERSION = 1


@dataclass(frozen=True, order=True)
class FileEntry:
    """One published file.

    Attributes:
        path: relative to the store's root, with `/`.
        dataset: interactions, findings, rejected, rejected_content, index, requests.
        partition: partition values, e.g. `{"account_type": "agency", "day": "2026-11-01"}`, as
            sorted pairs.
        rows: rows it holds (0 for encrypted content).
        bytes: size.
        sha256: of its bytes, hex.
    """

    path: str
    dataset: str
    partition: tuple[tuple[str, str], ...]
    rows: int
    bytes: int
    sha256: str

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        return asdict(self) | {"partition": dict(self.partition)}

    def differs(self, digest: str, size: int) -> str:
        """Return what is wrong with a file of this SHA-256 and size, or an empty text."""
        if size != self.bytes:
            return f"has {size} bytes, its entry says {self.bytes}"
        return "" if digest == self.sha256 else "its SHA-256 is not the one of its entry"

    @classmethod
    def from_dict(cls, d: dict[str, Any]) -> FileEntry:
        """Return inverse of `as_dict`."""
        return cls(
            d["path"],
            d["dataset"],
            tuple(sorted(d["partition"].items())),
            d["rows"],
            d["bytes"],
            d["sha256"],
        )


@dataclass(frozen=True)
class RunManifest:
    """What one run read, decided by, and published. It holds no personal data.

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
    inputs: tuple[dict[str, Any], ...] = ()
    counts: dict[str, int] = field(default_factory=dict)
    added: tuple[FileEntry, ...] = ()
    removed: tuple[FileEntry, ...] = ()
    format_version: int = FORMAT_VERSION
    not_read: tuple[dict[str, Any], ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        d = {k: getattr(self, k) for k in self.__dataclass_fields__}
        d["added"] = [f.as_dict() for f in sorted(self.added)]
        d["removed"] = [f.as_dict() for f in sorted(self.removed)]
        d["inputs"] = list(self.inputs)
        d["not_read"] = list(self.not_read)
        return d if self.not_read else {k: v for k, v in d.items() if k != "not_read"}

    @classmethod
    def from_dict(cls, d: dict[str, Any]) -> RunManifest:
        """Return inverse of `as_dict`."""
        files = {k: tuple(FileEntry.from_dict(f) for f in d[k]) for k in ("added", "removed")}
        return cls(
            **(d | files | {"inputs": tuple(d["inputs"]), "not_read": tuple(d.get("not_read", ()))})
        )
