"""The `subjects` dataset: the identifier index in buckets of digests, sorted by digest, so that a
search reads a row group of each file.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from callveil.schemas.arrow import SUBJECT_INDEX_SCHEMA
from callveil.schemas.manifest import FileEntry
from callveil.schemas.subject_index import FIELDS, SORT, SubjectEntry
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.format1.snapshot import Snapshot, data_path
from callveil.transforms.storage.tables.parquet import Table, publish_records, register_table

BUCKETS = 64
MAX_FILES = 8
"""Files of a bucket before some are merged."""
GROWTH = 4
"""A file is merged with the smaller ones once they hold a quarter as many rows: each entry is
written anew a few times at most.
"""
SUBJECTS = register_table(
    Table(
        "subjects",
        SUBJECT_INDEX_SCHEMA,
        FIELDS,
        SORT,
        doc="An identifier of a person, as a keyed digest, and a record it stands in. Of several "
        "rows for one place the one of the latest run holds.",
        partition_by=("bucket",),
    )
)


def token_bucket(token: str) -> int:
    """Return the bucket of a digest."""
    return int(token[:8], 16) % BUCKETS


def identifier_bucket_files(snapshot: Snapshot, bucket: int) -> list[FileEntry]:
    """Live files of one bucket."""
    return [
        f for f in snapshot.by_dataset(SUBJECTS.name) if f.partition["bucket"] == f"{bucket:02d}"
    ]


def lookup_entries(
    files: Files, root: str, snapshot: Snapshot, wanted: Iterable[str]
) -> list[SubjectEntry]:
    """Return entries under some digests; of several for one place the latest. Reads the row groups
    that may hold them, by their statistics.
    """
    by_bucket: dict[int, set[str]] = defaultdict(set)
    for token in wanted:
        by_bucket[token_bucket(token)].add(token)
    out: dict[tuple[str, ...], SubjectEntry] = {}
    for bucket, tokens in sorted(by_bucket.items()):
        for file in identifier_bucket_files(snapshot, bucket):
            for entry in read_entries_of(files, root, file, tokens):
                held = out.get(entry.place)
                if held is None or entry.seq >= held.seq:
                    out[entry.place] = entry
    return [out[place] for place in sorted(out)]


def read_entries_of(
    files: Files, root: str, file: FileEntry, tokens: set[str]
) -> Iterator[SubjectEntry]:
    """Yield rows of one file under some digests. One row group is read at a time, and none that
    cannot hold one.
    """
    ordered = sorted(tokens)
    wanted = pa.array(ordered, pa.string())
    with files.open(files.join(root, file.path)) as source:
        stored = pq.ParquetFile(source, page_checksum_verification=True)
        for group in range(stored.metadata.num_row_groups):
            statistics = stored.metadata.row_group(group).column(0).statistics
            if (
                statistics is not None
                and statistics.has_min_max
                and not _within(ordered, statistics.min, statistics.max)
            ):
                continue
            column = stored.read_row_group(group, columns=["token"]).column(0)
            places = np.flatnonzero(
                pc.is_in(column, value_set=wanted).to_numpy(zero_copy_only=False)
            )
            if len(places):
                # The digests, which hardly compress, are most of the bytes: they are not read
                # twice.
                rest = stored.read_row_group(
                    group, columns=[c for c in SUBJECT_INDEX_SCHEMA.names if c != "token"]
                )
                rows, names = (
                    rest.take(pa.array(places)).to_pylist(),
                    column.take(pa.array(places)).to_pylist(),
                )
                yield from (
                    SubjectEntry.of(row | {"token": name})
                    for row, name in zip(rows, names, strict=True)
                )


def _within(ordered: list[str], lowest: str, highest: str) -> bool:
    """Tell whether one of some sorted texts lies between two others."""
    place = bisect_left(ordered, lowest)
    return place < len(ordered) and ordered[place] <= highest


def read_entries(files: Files, root: str, file: FileEntry) -> Iterator[SubjectEntry]:
    """Yield all entries of one file, in order."""
    with files.open(files.join(root, file.path)) as source:
        for batch in pq.ParquetFile(source, page_checksum_verification=True).iter_batches(2_000):
            yield from map(SubjectEntry.of, batch.to_pylist())


def write_identifier_bucket(
    files: Files,
    root: str,
    snapshot: Snapshot,
    run_id: str,
    bucket: int,
    entries: Iterable[SubjectEntry],
) -> tuple[FileEntry | None, list[FileEntry]]:
    """Publish a run's new entries of one bucket; what stands there already, of the same snapshot,
    is not written again.

    Returns: the new file, or None where there is nothing to write, and the files it replaces where
        some were merged.
    """
    new = {e.place: e._replace(seq=snapshot.seq + 1) for e in entries}
    old = identifier_bucket_files(snapshot, bucket)
    known = (
        {e.place: e for e in lookup_entries(files, root, snapshot, {e.token for e in new.values()})}
        if old
        else {}
    )
    new = {p: e for p, e in new.items() if p not in known or known[p]._replace(seq=e.seq) != e}
    if not new:
        return None, []
    merged = _mergeable(old, len(new)) if len(old) + 1 > MAX_FILES else []
    streams: list[Iterable[SubjectEntry]] = [
        [new[p] for p in sorted(new)],
        *(read_entries(files, root, f) for f in merged),
    ]
    partition = {"bucket": f"{bucket:02d}"}
    path = data_path(SUBJECTS.name, partition, run_id, f"{snapshot.seq + 1:08d}")
    return publish_records(
        files, root, path, SUBJECTS, partition, (e.as_row() for e in merge_latest(streams))
    ), merged


def _mergeable(old: list[FileEntry], rows: int) -> list[FileEntry]:
    """Return the smallest files, up to the first that is much larger than all of them together."""
    out: list[FileEntry] = []
    for file in sorted(old, key=lambda f: (f.rows, f.path)):
        if len(out) > 1 and file.rows > GROWTH * rows:
            break
        out.append(file)
        rows += file.rows
    return out


def merge_latest(streams: Iterable[Iterable[SubjectEntry]]) -> Iterator[SubjectEntry]:
    """Sorted streams as one, with the latest entry of each place."""
    held: SubjectEntry | None = None
    for entry in heapq.merge(*streams, key=lambda e: (e.place, -e.seq)):
        if held is None or entry.place != held.place:
            held = entry
            yield entry
