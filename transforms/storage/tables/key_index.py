"""The key index: for every stored interaction, which snapshot it is, how far it was redacted, and
in which file it began.

It answers "is this key stored already, and as what?" without reading data files. Entries lie in
buckets by a stable hash of the key. A run appends a small file per bucket it touches; of several
entries for a key the one from the latest run holds. A bucket with many files is merged into one.
The index holds no personal data.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, NamedTuple

import pyarrow.parquet as pq

from callveil.schemas.arrow import arrow_schema
from callveil.schemas.interaction import InteractionKey
from callveil.schemas.json_types import Row
from callveil.schemas.manifest import FileEntry
from callveil.schemas.typed_rows import fields_of
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.format1.snapshot import Snapshot, data_path
from callveil.transforms.storage.tables.parquet import Table, publish_records, register_table

BUCKETS = 64
MAX_FILES = 8
"""Files per bucket before they are merged into one."""


class IndexEntry(NamedTuple):
    """One interaction's entry."""

    account_id: Annotated[str, "account"]
    id: Annotated[str, "interaction"]
    rank: Annotated[int, "rank of the stored snapshot"]
    digest: Annotated[str, "keyed digest of its content"]
    called_us: Annotated[int, "when it began, microseconds since 1970"]
    kind: Annotated[str, "call, text, chat or form"]
    language: Annotated[str, "language of the conversation, ISO 639-1"]
    account_type: Annotated[str, "account type when it happened"]
    agency_id: Annotated[str, "agency"]
    origin: Annotated[str, "file the row was first written to"]
    mode: Annotated[str, "redaction mode"]
    entities: Annotated[
        tuple[str, ...],
        "entity types that were redacted, and clear:<field> or redact:<field> for fields that "
        "went whole",
    ] = ()
    requests: Annotated[tuple[str, ...], "manual requests that were applied, JSON"] = ()
    policy_sha256: Annotated[str, "policy that decided"] = ""
    tombstone: Annotated[bool, "deleted; no snapshot brings it back"] = False
    seq: Annotated[int, "run that wrote this entry"] = 0

    @property
    def key(self) -> InteractionKey:
        """Its key."""
        return InteractionKey(self.account_id, self.id)

    @classmethod
    def of(cls, row: Mapping[str, Any] | Iterable[Any]) -> IndexEntry:
        """Return the entry held in a stored row or a list of its values."""
        values = [row[f] for f in cls._fields] if isinstance(row, Mapping) else list(row)
        values[11], values[12] = tuple(values[11] or ()), tuple(values[12] or ())
        return cls(*values)


FIELDS = fields_of(IndexEntry, personal=("requests",))
INDEX = register_table(
    Table(
        "index",
        arrow_schema(FIELDS, {"callveil": "index"}),
        FIELDS,
        ("account_id", "id", "seq"),
        ("id",),
        doc="A stored interaction: which snapshot it is, how far it was redacted, and in which "
        "file it began. Of several rows for one interaction the one of the latest run holds.",
        key=("account_id", "id", "seq"),
        partition_by=("bucket",),
    )
)


def key_bucket(key: InteractionKey) -> int:
    """Return the bucket of a key: a stable hash, the same on every machine."""
    data = f"{len(key.account_id)}:{key.account_id}{key.id}".encode()
    return int.from_bytes(hashlib.blake2b(data, digest_size=4).digest(), "big") % BUCKETS


def origin_of(path: str) -> str:
    """Return the name under which a row's file began, of the file's present path.

    A rewritten file is named `<run>-<run it began in>-<number>`, so the last two parts never
    change, and entries of rows that a rewrite leaves alone stay right.
    """
    folder, _, name = path.rpartition("/")
    return f"{folder}/{'-'.join(name.split('-')[-2:])}"


def stem_of(path: str) -> str:
    """Return the last part of that name, without its suffix."""
    return origin_of(path).rpartition("/")[2].removesuffix(".parquet")


def current_files(snapshot: Snapshot, dataset: str) -> dict[str, FileEntry]:
    """Live files of a dataset by origin."""
    return {origin_of(f.path): f for f in snapshot.by_dataset(dataset)}


def key_bucket_files(snapshot: Snapshot, bucket: int) -> list[FileEntry]:
    """Live files of one bucket."""
    return [f for f in snapshot.by_dataset(INDEX.name) if f.partition["bucket"] == f"{bucket:02d}"]


def read_key_bucket(
    files: Files, root: str, snapshot: Snapshot, bucket: int
) -> dict[InteractionKey, IndexEntry]:
    """Return all entries of one bucket; the latest of each key."""
    out: dict[InteractionKey, IndexEntry] = {}
    for file in key_bucket_files(snapshot, bucket):
        with files.open(files.join(root, file.path)) as source:
            for batch in pq.ParquetFile(source, page_checksum_verification=True).iter_batches():
                for row in batch.to_pylist():
                    entry = IndexEntry.of(row)
                    held = out.get(entry.key)
                    if held is None or entry.seq >= held.seq:
                        out[entry.key] = entry
    return out


def write_key_bucket(
    files: Files,
    root: str,
    snapshot: Snapshot,
    run_id: str,
    bucket: int,
    entries: Iterable[IndexEntry],
) -> tuple[FileEntry | None, list[FileEntry]]:
    """Publish a run's entries of one bucket.

    Returns: the new file, or None where there is nothing to write, and the files it replaces where
        the bucket was merged.
    """
    new = {e.key: e._replace(seq=snapshot.seq + 1) for e in entries}
    if not new:
        return None, []
    old = key_bucket_files(snapshot, bucket)
    merged = len(old) + 1 > MAX_FILES
    rows = {**read_key_bucket(files, root, snapshot, bucket), **new} if merged else new
    partition = {"bucket": f"{bucket:02d}"}
    path = data_path(INDEX.name, partition, run_id, f"{snapshot.seq + 1:08d}")
    entry = publish_records(files, root, path, INDEX, partition, index_rows(rows))
    return entry, old if merged else []


def index_rows(entries: Mapping[InteractionKey, IndexEntry]) -> list[Row]:
    """Return entries as rows of the index, sorted."""
    return [
        e._asdict() | {"entities": list(e.entities), "requests": list(e.requests)}
        for _, e in sorted(entries.items())
    ]
