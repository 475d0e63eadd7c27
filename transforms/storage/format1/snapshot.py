"""Catalog format: snapshots, file names, and their JSON serialization."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any
from urllib.parse import quote

import msgspec
import orjson
import zstandard

from callveil.schemas.errors import CallveilError
from callveil.schemas.json_types import JsonObject, to_json_text
from callveil.schemas.manifest import FileEntry, RunManifest

STORE_FORMAT = 1
CONTROL = "_callveil"
STORE_FILE = f"{CONTROL}/store.json"
LATEST_FILE = f"{CONTROL}/latest.json"
RUN_ID = re.compile(r"[0-9a-f]{16,128}")
"""Run ids are digests in lower-case hex."""
SHORT_ID = 16
_MANIFEST_MEMBERS = frozenset(RunManifest.__dataclass_fields__)


class StoreError(CallveilError, RuntimeError):
    """The store is not what its records say, or not a store at all; the text names the file and
    what to do.
    """


class PublishConflict(StoreError):
    """Another run published first: plan again on the current snapshot."""


class AlreadyPublished(StoreError):
    """This very run is in the store already, so there is nothing left to do.

    Args:
        seq: its position.
    """

    def __init__(self, run_id: str, seq: int) -> None:
        self.run_id, self.seq = run_id, seq
        super().__init__(
            f"run {run_id[:SHORT_ID]} was published before, as number {seq}; nothing was changed"
        )


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All live files after a run. Immutable.

    Attributes:
        seq: number of published runs; 0 for an empty store.
        run_id: the run that made it, or empty.
        manifest: path of that run's manifest below the root, or empty.
        manifest_sha256: of the manifest's bytes, or empty.
        files: live files, sorted.
    """

    seq: int = 0
    run_id: str = ""
    manifest: str = ""
    manifest_sha256: str = ""
    files: tuple[FileEntry, ...] = ()

    def by_dataset(self, name: str) -> tuple[FileEntry, ...]:
        """Live files of one dataset, sorted."""
        return tuple(f for f in self.files if f.dataset == name)

    def chain(self) -> JsonObject:
        """Return `seq`, `parent` and `parent_sha256` for the manifest of a run that is to be
        published on top of this snapshot.
        """
        return {"seq": self.seq + 1, "parent": self.manifest, "parent_sha256": self.manifest_sha256}

    def after(self, manifest: RunManifest) -> Snapshot:
        """Return the snapshot that `manifest` leads to. Raises ValueError where the manifest does
        not fit on this one.
        """
        for name, have in self.chain().items():
            if getattr(manifest, name) != have:
                raise ValueError(
                    f"field {name} of the manifest does not continue snapshot {self.seq}; build it "
                    "with Snapshot.chain()"
                )
        live = {f.path: f for f in self.files}
        for entry in manifest.removed:
            if live.pop(entry.path, None) != entry:
                raise ValueError(
                    f"{entry.path}: listed as removed, but no live file is exactly that"
                )
        gone = {f.path for f in manifest.removed}
        for entry in manifest.added:
            check_path(entry.path)
            if entry.path in live or entry.path in gone:
                raise ValueError(
                    f"{entry.path}: added, but a live, removed or added file has that name "
                    "already; names must be unique to a run"
                )
            live[entry.path] = entry
        name, data = manifest_name(manifest.seq), manifest_bytes(manifest)
        return Snapshot(
            manifest.seq, manifest.run_id, name, sha256(data), tuple(sorted(live.values()))
        )


@dataclass(frozen=True, slots=True)
class LatestPointer:
    """`latest.json`: which snapshot readers should use.

    Attributes:
        seq, run_id, manifest, manifest_sha256: as in `Snapshot`.
        snapshot, snapshot_sha256: path of the snapshot file and the digest of its bytes.
        tables: metadata file of each Iceberg table, below the root; see `storage.iceberg`.
    """

    seq: int
    run_id: str
    manifest: str
    manifest_sha256: str
    snapshot: str
    snapshot_sha256: str
    tables: dict[str, str] = field(default_factory=dict)


def sha256(data: bytes) -> str:
    """SHA-256, hex."""
    return hashlib.sha256(data).hexdigest()


def to_json(value: Any) -> bytes:
    """Canonical JSON: sorted keys, indented, one newline at the end."""
    return to_json_text(value, orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def manifest_name(seq: int) -> str:
    """Return the path of manifest number `seq` below the root."""
    return f"{CONTROL}/manifests/{seq:08d}.json"


def pointer_bytes(pointer: LatestPointer) -> bytes:
    """Return the bytes a pointer is stored as."""
    document = msgspec.to_builtins(pointer)
    if not pointer.tables:  # a store from before it had tables
        del document["tables"]
    return to_json(document)


def snapshot_name(snapshot: Snapshot) -> str:
    """Return the path of a snapshot below the root. Its manifest's digest is part of it, so that
    two runs that want the same number share no file.
    """
    return f"{CONTROL}/snapshots/{snapshot.seq:08d}-{snapshot.manifest_sha256[:SHORT_ID]}.json.zst"


def manifest_bytes(manifest: RunManifest) -> bytes:
    """Return the bytes a manifest is stored as; their digest is what the next one names."""
    document = msgspec.to_builtins(manifest)
    for name in ("added", "removed"):
        document[name] = sorted(document[name], key=itemgetter("path"))
    if not manifest.not_read:  # manifests from before it was noted keep their digest
        del document["not_read"]
    return to_json(document)


def parse_manifest(data: bytes) -> RunManifest:
    """Return the manifest that `manifest_bytes` encoded. Raises ValueError for anything else, such
    as a manifest of a later version.
    """
    if not set(msgspec.json.decode(data, type=dict[str, msgspec.Raw])) <= _MANIFEST_MEMBERS:
        raise ValueError("members that a manifest of this version does not have")
    return msgspec.json.decode(data, type=RunManifest)


def snapshot_bytes(snapshot: Snapshot) -> bytes:
    """Return the bytes a snapshot is stored as."""
    return zstandard.ZstdCompressor(level=3).compress(to_json_text(snapshot))


def parse_snapshot(data: bytes) -> Snapshot:
    """Return the snapshot that `snapshot_bytes` encoded."""
    return msgspec.json.decode(zstandard.ZstdDecompressor().decompress(data), type=Snapshot)


def check_path(path: str) -> None:
    """Raise ValueError unless `path` is a data file's path: relative, without empty, `.` or `..`
    parts, outside the control folder.
    """
    parts = path.split("/")
    if (
        any(p in ("", ".", "..") for p in parts)
        or len(parts) < 2
        or parts[0].startswith(("_", "."))
    ):
        raise ValueError(
            f"{path}: not the path of a data file: expected <dataset>/.../<name>, relative to the "
            "root"
        )


def is_table_metadata(path: str) -> bool:
    """Tell whether a file below the root is part of a table's metadata, by its path."""
    parts = path.split("/")
    return len(parts) == 3 and parts[1] == "metadata" and not parts[0].startswith(("_", "."))


def data_path(
    dataset: str, partition: Mapping[str, str], run_id: str, name: str, suffix: str = ".parquet"
) -> str:
    """Return the path of a data file below the root: `<dataset>/<k>=<v>/.../<run>-<name><suffix>`.

    The run's id in the name keeps names unique to a run and tells whose file it is when orphans are
    collected. Partition keys come in the order given; keys and values are percent-encoded. They
    must hold no personal data.
    """
    folders = [f"{quote(k, safe='')}={quote(v, safe='')}" for k, v in partition.items()]
    return "/".join([dataset, *folders, f"{run_id[:SHORT_ID]}-{name}{suffix}"])


def parse_time(text: str) -> dt.datetime:
    """Return a UTC time as the store writes it (ISO 8601 with offset)."""
    return dt.datetime.fromisoformat(text)
