"""Commits of a run's files to the tables they are part of.

What is written here is seen by nobody until the store's pointer names it. Names are unique to an
attempt (they hold a UUID that begins with the run's number), so two processes that finish the same
run are not in each other's way, and what a killed one left is known by its name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import IO, cast

import pyarrow.parquet as pq
from pyiceberg.schema import Schema, assign_fresh_schema_ids
from pyiceberg.table import Table as IcebergTable
from pyiceberg.table import TableProperties, Transaction
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.name_mapping import create_mapping_from_schema
from pyiceberg.table.snapshots import Snapshot as TableSnapshot
from pyiceberg.table.update.snapshot import ExpireSnapshots

from callveil.schemas.manifest import FileEntry
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.iceberg.catalog import NAMESPACE, StoreCatalog
from callveil.transforms.storage.iceberg.commit_record import TableCommit, run_of_metadata
from callveil.transforms.storage.iceberg.file_io import FilesIO
from callveil.transforms.storage.iceberg.table_schema import (
    KEPT_SNAPSHOTS,
    PROPERTIES,
    data_file,
    partition_keys,
    partition_spec,
    table_columns,
)
from callveil.transforms.storage.tables.parquet import TABLES


def commit_tables(
    files: Files,
    location: str,
    seq: int,
    tables: Mapping[str, str],
    live: Iterable[FileEntry],
    added: Iterable[FileEntry],
    removed: Iterable[FileEntry],
) -> TableCommit:
    """Write the metadata of every table that a run changes.

    Args:
        location: absolute path or URL of the store. seq: number of the run.
        tables: metadata files of the tables as they are, below the root.
        live: all files of the store after the run. added, removed: of the run.

    A table that is not there yet, or that was made at another place, is made anew of all its live
    files: so a store that was copied or moved is mended by its next run.
    """
    after, new, old = _by_table(live), _by_table(added), _by_table(removed)
    obsolete: set[str] = set()
    with FilesIO(files) as io:
        catalog = StoreCatalog(location, tables, io, seq)
        for name in sorted({*after, *old, *tables}):
            before = _load(catalog, name)
            written = set(io.written)
            if before is not None and (name in new or name in old):
                earlier = before.metadata
                _change_table(catalog, before, new.get(name, []), old.get(name, []))
                now = catalog.load_table(name)
                obsolete |= _left_behind(earlier, now)
            elif before is None and after.get(name):
                obsolete |= set(_earlier_metadata(files, location, name, seq))
                _make_table(catalog, name, after[name])
                now = catalog.load_table(name)
            else:
                continue
            # A manifest that was merged at once is of no use to anybody.
            for place in io.written.keys() - written - set(_of_newest(now)):
                io.delete(place)
    start = f"{location}/"
    return TableCommit(
        catalog.tables,
        {place.removeprefix(start): digest for place, digest in sorted(io.written.items())},
        tuple(sorted(place.removeprefix(start) for place in obsolete)),
    )


def _left_behind(before: TableMetadata, now: IcebergTable) -> set[str]:
    """Return metadata files that led to a table's snapshots and do so no more.

    A manifest that is once left out of a snapshot is in none after it, so those of snapshots that
    are gone are needed only where the oldest one that is kept has them.
    """
    kept = {s.snapshot_id for s in now.metadata.snapshots}
    gone = [s for s in before.snapshots if s.snapshot_id not in kept]
    oldest = min(now.metadata.snapshots, key=_age)
    earlier = {log.metadata_file for log in before.metadata_log}
    return (
        {m for s in gone for m in _manifests(now, s)} - _manifests(now, oldest)
        | {s.manifest_list for s in gone}
        | (earlier - {log.metadata_file for log in now.metadata.metadata_log})
    )


def _of_newest(table: IcebergTable) -> Iterator[str]:
    """Yield metadata files of a table's current snapshot."""
    yield table.metadata_location
    if snapshot := table.current_snapshot():
        yield snapshot.manifest_list
        yield from _manifests(table, snapshot)


def _manifests(table: IcebergTable, snapshot: TableSnapshot) -> set[str]:
    """Return locations of a snapshot's manifests; none where its list is missing."""
    with suppress(FileNotFoundError):
        return {m.manifest_path for m in snapshot.manifests(table.io)}
    return set()


def reachable_files(table: IcebergTable) -> Iterator[str]:
    """Yield locations of all metadata files of a table that a reader may come to: earlier metadata,
    manifest lists and manifests. Those that are missing are passed over.
    """
    yield table.metadata_location
    yield from (log.metadata_file for log in table.metadata.metadata_log)
    yield from (snapshot.manifest_list for snapshot in table.metadata.snapshots)
    yield from {m for s in table.metadata.snapshots for m in _manifests(table, s)}


def find_unreachable(files: Files, location: str, tables: Mapping[str, str], seq: int) -> list[str]:
    """Return paths, below the root, of metadata files of runs up to `seq` that no reader comes to,
    sorted. Arguments are as in `commit_tables`.
    """
    catalog, out = StoreCatalog(location, tables, FilesIO(files)), []
    for name in sorted(tables):
        reached = set(reachable_files(catalog.load_table(name)))
        out += [
            place.removeprefix(f"{location}/")
            for place in _earlier_metadata(files, location, name, seq + 1)
            if place not in reached
        ]
    return out


def _earlier_metadata(files: Files, location: str, name: str, seq: int) -> Iterator[str]:
    """Yield metadata files of a table that runs before number `seq` wrote."""
    for info in files.list(f"{location}/{name}/metadata"):
        run = run_of_metadata(info.url)
        if run is not None and run < seq:
            yield info.url


def _by_table(entries: Iterable[FileEntry]) -> dict[str, list[FileEntry]]:
    out: dict[str, list[FileEntry]] = {}
    for entry in entries:
        if entry.path.endswith(".parquet"):
            out.setdefault(entry.dataset, []).append(entry)
    return out


def _load(catalog: StoreCatalog, name: str) -> IcebergTable | None:
    """Return a table as it stands; None where there is none, or it was made at another place."""
    if name not in catalog.tables:
        return None
    table = catalog.load_table(name)
    if table.metadata.location != f"{catalog.location}/{name}":
        del catalog.tables[name]
        return None
    return table


def _make_table(catalog: StoreCatalog, name: str, entries: list[FileEntry]) -> None:
    schema = _schema(catalog, name, entries[-1])
    with catalog.create_table_transaction(
        (NAMESPACE, name),
        schema,
        f"{catalog.location}/{name}",
        partition_spec(schema, partition_keys(entries[0])),
        properties={
            **PROPERTIES,
            TableProperties.DEFAULT_NAME_MAPPING: create_mapping_from_schema(
                schema
            ).model_dump_json(),
        },
    ) as change:
        _append(change, catalog, entries)


def _change_table(
    catalog: StoreCatalog,
    table: IcebergTable,
    added: list[FileEntry],
    removed: list[FileEntry],
) -> None:
    root, name = catalog.location, table.name()[-1]
    with table.transaction() as change:
        if added:
            _add_columns(change, catalog, name, added[-1])
        earlier = table.metadata.snapshots
        if removed:
            spec = table.metadata.default_spec_id
            with change.update_snapshot().overwrite(commit_uuid=catalog.new_uuid()) as step:
                for entry in removed:
                    step.delete_data_file(data_file(entry, root, spec))
                for entry in added:
                    step.append_data_file(data_file(entry, root, spec))
        else:
            _append(change, catalog, added)
            earlier = sorted(earlier, key=_age)[: max(0, len(earlier) - KEPT_SNAPSHOTS + 1)]
        # Files that a run removes are purged, so no snapshot that has them may be left.
        if earlier:
            ExpireSnapshots(change).by_ids([s.snapshot_id for s in earlier]).commit()


def _age(snapshot: TableSnapshot) -> int:
    return snapshot.sequence_number or 0


def _append(change: Transaction, catalog: StoreCatalog, entries: list[FileEntry]) -> None:
    spec = change.table_metadata.default_spec_id
    with change.update_snapshot().merge_append() as step:
        step.commit_uuid = catalog.new_uuid()
        for entry in entries:
            step.append_data_file(data_file(entry, catalog.location, spec))


def _add_columns(change: Transaction, catalog: StoreCatalog, name: str, entry: FileEntry) -> None:
    """Give a table that an earlier version made the columns that have come since."""
    columns = _schema(catalog, name, entry)
    known = set(change.table_metadata.schema().column_names)
    if not known.issuperset(columns.column_names):
        with change.update_schema() as step:
            step.union_by_name(columns)


def _schema(catalog: StoreCatalog, name: str, entry: FileEntry) -> Schema:
    """Return the columns of a table, with ids that are their own where the table is new.

    A table that this process does not know, since none of its code uses it, has those of its file.
    """
    if name in TABLES:
        schema = TABLES[name].schema
    else:
        with catalog.open_file(entry.path) as source:
            schema = pq.read_schema(cast(IO[bytes], source)).remove_metadata()
    columns = table_columns(schema, partition_keys(entry))
    return assign_fresh_schema_ids(catalog.convert_schema(columns))
