"""Lookup of the currently stored rows for entries of the identifier index.

Index entries may be out of date; the stored rows are authoritative.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

import pyarrow.parquet as pq

from callveil.schemas.interaction import InteractionKey
from callveil.schemas.json_types import Row
from callveil.schemas.manifest import FileEntry
from callveil.schemas.subject_index import RecordRef, SubjectEntry
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.format1.snapshot import Snapshot
from callveil.transforms.storage.tables.key_index import (
    IndexEntry,
    current_files,
    key_bucket,
    key_bucket_files,
)
from callveil.transforms.storage.tables.parquet import INTERACTIONS
from callveil.transforms.storage.tables.versions import VERSIONS

VERSION_COLUMNS = ("version_id", "account_id", "item_type", "item_id")


def index_entries(
    files: Files, root: str, snapshot: Snapshot, wanted: Iterable[InteractionKey]
) -> dict[InteractionKey, IndexEntry]:
    """Return the key index' latest entry of each of some interactions; reads the row groups that
    may hold them.
    """
    by_bucket: dict[int, set[InteractionKey]] = defaultdict(set)
    for key in wanted:
        by_bucket[key_bucket(key)].add(key)
    out: dict[InteractionKey, IndexEntry] = {}
    for bucket, keys in sorted(by_bucket.items()):
        for file in key_bucket_files(snapshot, bucket):
            for entry in read_index_file(files, root, file, keys):
                held = out.get(entry.key)
                if held is None or entry.seq >= held.seq:
                    out[entry.key] = entry
    return out


def read_index_file(
    files: Files, root: str, file: FileEntry, wanted: set[InteractionKey]
) -> Iterator[IndexEntry]:
    """Yield entries of some interactions in one file of the key index; reads the row groups that
    may hold them.
    """
    where = [
        ("account_id", "in", sorted({k.account_id for k in wanted})),
        ("id", "in", sorted({k.id for k in wanted})),
    ]
    with files.open(files.join(root, file.path)) as source:
        rows = pq.read_table(source, filters=where).to_pylist()
    yield from (e for e in map(IndexEntry.of, rows) if e.key in wanted)


def version_files(snapshot: Snapshot) -> dict[str, list[FileEntry]]:
    """Live files of versions by UTC day."""
    out: dict[str, list[FileEntry]] = defaultdict(list)
    for file in snapshot.by_dataset(VERSIONS.name):
        out[file.partition["day"]].append(file)
    return out


def version_rows(
    files: Files,
    root: str,
    by_day: dict[str, list[FileEntry]],
    day: str,
    wanted: Iterable[RecordRef],
    columns: list[str] | None = None,
) -> dict[RecordRef, tuple[FileEntry, Row]]:
    """Return rows of some versions of one day, each with its file."""
    refs = set(wanted)
    return {
        ref: (file, row)
        for file in by_day.get(day, ())
        for ref, row in read_version_file(files, root, file, refs, columns)
    }


def read_version_file(
    files: Files,
    root: str,
    file: FileEntry,
    wanted: set[RecordRef],
    columns: list[str] | None = None,
) -> Iterator[tuple[RecordRef, Row]]:
    """Yield rows of some versions in one file."""
    where = [("version_id", "in", sorted({r.record_id for r in wanted}))]
    with files.open(files.join(root, file.path)) as source:
        rows = pq.read_table(source, columns=columns, filters=where).to_pylist()
    for row in rows:
        ref = RecordRef(
            "version", row["account_id"], row["version_id"], row["item_type"], row["item_id"]
        )
        if ref in wanted:
            yield ref, row


def current_entries(
    files: Files, root: str, snapshot: Snapshot, entries: Iterable[SubjectEntry]
) -> list[SubjectEntry]:
    """Return those entries whose record is stored, in the snapshot the entry was made from, in
    order.
    """
    entries = list(entries)
    keys = {
        InteractionKey(e.account_id, e.record_id)
        for e in entries
        if e.record_class == "interaction"
    }
    stored = index_entries(files, root, snapshot, keys) if keys else {}
    days: dict[str, set[RecordRef]] = defaultdict(set)
    for e in entries:
        if e.record_class == "version":
            days[e.day].add(e.record)
    digests: dict[RecordRef, str] = {}
    by_day = version_files(snapshot) if days else {}
    for day, refs in sorted(days.items()):
        rows = version_rows(files, root, by_day, day, refs, [*VERSION_COLUMNS, "digest"])
        digests.update({ref: row["digest"] for ref, (_, row) in rows.items()})
    for key, entry in stored.items():
        if not entry.tombstone:
            digests[RecordRef("interaction", *key)] = entry.digest
    return [e for e in entries if digests.get(e.record) == e.digest]


def interaction_files(snapshot: Snapshot) -> dict[str, FileEntry]:
    """Live files of interactions by origin."""
    return current_files(snapshot, INTERACTIONS.name)
