"""Replace a stored file by a function of its rows: the one way in which published rows are changed
or dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import pyarrow as pa
import pyarrow.parquet as pq

from callveil.schemas.errors import CallveilError
from callveil.schemas.json_types import Row
from callveil.schemas.manifest import FileEntry
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.files.local import temporary_file
from callveil.transforms.storage.tables.parquet import Table, TableWriter, publish_bytes

BATCH_ROWS = 500

BatchChange = Callable[[pa.RecordBatch], pa.RecordBatch]
"""Rows in, rows out, in the same schema and order; fewer rows where some are dropped."""


class RewriteError(CallveilError, ValueError):
    """A file cannot be rewritten: it does not hold what its entry says, or has columns that this
    version does not know.
    """


@dataclass(frozen=True)
class RewriteResult:
    """What a rewrite did.

    Attributes:
        rows_before, rows_after: rows of the old and the new file.
        entry: the new file, or None where no row was left and so no file was written.
    """

    rows_before: int
    rows_after: int
    entry: FileEntry | None


def change_rows(change: Callable[[Row], Row | None]) -> BatchChange:
    """Lift a function of one row to batches.

    `change` gets a row as stored (JSON columns are text) and returns the same object to keep it as
    it is, another dict to replace it, or None to drop it. It may not change its argument. Rows that
    are kept are not converted back and forth.
    """

    def apply(batch: pa.RecordBatch) -> pa.RecordBatch:
        pieces: list[pa.RecordBatch] = []
        kept_from = 0
        for place, row in enumerate(batch.to_pylist()):
            new = change(row)
            if new is row:
                continue
            if place > kept_from:
                pieces.append(batch.slice(kept_from, place - kept_from))
            if new is not None:
                pieces.append(pa.RecordBatch.from_pylist([new], schema=batch.schema))
            kept_from = place + 1
        if kept_from == 0:
            return batch
        pieces.append(batch.slice(kept_from))
        table = pa.Table.from_batches(pieces, batch.schema).combine_chunks()
        return table.to_batches()[0] if table.num_rows else batch.slice(0, 0)

    return apply


def drop_rows(drop: Callable[[Row], bool], columns: Sequence[str]) -> BatchChange:
    """Drop the rows for which `drop` is true, decoding only `columns` to decide. For retention and
    erasure by key.
    """

    def apply(batch: pa.RecordBatch) -> pa.RecordBatch:
        keep = [not drop(row) for row in batch.select(list(columns)).to_pylist()]
        return batch if all(keep) else batch.filter(pa.array(keep, pa.bool_()))

    return apply


def conform_batch(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """Give rows of an older file today's columns, absent ones null.

    Raises `RewriteError` for a column that `schema` lacks: dropping it would lose data without a
    word.
    """
    unknown = sorted(set(batch.schema.names) - set(schema.names))
    if unknown:
        raise RewriteError(
            "the file has columns that this version of callveil does not know: "
            f"{', '.join(unknown)}; use the newer one"
        )
    columns = [
        batch.column(f.name).cast(f.type)
        if f.name in batch.schema.names
        else pa.nulls(batch.num_rows, f.type)
        for f in schema
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def rewrite_file(
    files: Files, root: str, entry: FileEntry, path: str, table: Table, change: BatchChange
) -> RewriteResult:
    """Stream a stored file through `change` into a new file.

    Args:
        root: the store's root.
        entry: the live file.
        path: of the new file, relative to the root; another than the old one's, since files are
            immutable.
        table: its dataset.
        change: see `change_rows` and `drop_rows`.

    Returns: rows before and after, and the new entry (same dataset and partition) for the
        manifest's `added`; the caller
    lists the old entry as `removed`. Memory holds one row group of the old file and one of the new.
    Raises `RewriteError` where the old file has another number of rows than its entry, or `change`
    adds rows.
    """
    if path == entry.path:
        raise ValueError(
            "a rewritten file needs a name of its own: the old one stays readable until the new "
            "one is published"
        )
    before = 0
    with files.open(files.join(root, entry.path)) as source, temporary_file() as sink:
        writer = TableWriter(sink, table)
        try:
            stored = pq.ParquetFile(source, page_checksum_verification=True)
            for group in range(stored.num_row_groups):
                for batch in stored.read_row_group(group).to_batches(BATCH_ROWS):
                    before += batch.num_rows
                    changed = change(conform_batch(batch, table.schema))
                    if changed.num_rows > batch.num_rows:
                        raise RewriteError(
                            "a rewrite may keep, change and drop rows, never add any"
                        )
                    writer.append_batch(changed)
            if before != entry.rows:
                raise RewriteError(
                    f"{entry.path}: holds {before} rows, its entry says {entry.rows}; it was "
                    "replaced or damaged. Run `verify`"
                )
        except (pa.ArrowException, OSError) as error:
            writer.abandon()
            if isinstance(error, OSError) and type(error) is not OSError:
                raise  # the file could not be reached; Arrow reports damage as a bare OSError
            raise RewriteError(
                f"{entry.path}: not readable as Parquet ({type(error).__name__}); run `verify`, "
                "and restore the file"
            ) from None
        except BaseException:
            writer.abandon()
            raise
        after = writer.close()
        if not after:
            return RewriteResult(before, 0, None)
        return RewriteResult(
            before,
            after,
            publish_bytes(
                files, root, path, entry.dataset, entry.partition, cast(Any, sink), after
            ),
        )
