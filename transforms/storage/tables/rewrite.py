"""Replace a stored file by a function of its rows: the one way in which published rows are changed
or dropped.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from callveil.schemas.errors import CallveilError
from callveil.schemas.json_types import Row
from callveil.schemas.manifest import FileEntry
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.files.local import temporary_file
from callveil.transforms.storage.tables.parquet import Table, TableWriter, publish_bytes

BATCH_ROWS = 500


class RewriteError(CallveilError, ValueError):
    """A file cannot be rewritten: it does not hold what its entry says, or has columns that this
    version does not know.
    """


class BatchEdit:
    """Edits of the rows of a batch; rows without an edit stay as they are.

    Args:
        batch: rows as stored (JSON columns are text), in today's columns.
        counts: grows by the rows that are dropped, replaced and cleared, by reason.
    """

    def __init__(self, batch: pa.RecordBatch, counts: Counter[str]) -> None:
        self.batch = batch
        self._counts = counts
        self._changed: dict[int, Row | None] = {}
        self._cleared: dict[str, list[int]] = defaultdict(list)

    def keys(self, *columns: str) -> Iterator[tuple[Any, ...]]:
        """Yield the values of some columns of each row."""
        return zip(*(self.batch.column(c).to_pylist() for c in columns), strict=True)

    def row(self, place: int) -> Row:
        """Return one row as stored."""
        rows: list[Row] = self.batch.slice(place, 1).to_pylist()
        return rows[0]

    def rows(self, places: Sequence[int], columns: Sequence[str] = ()) -> list[Row]:
        """Return some rows as stored, or some columns of them."""
        batch = self.batch.select(list(columns)) if columns else self.batch
        rows: list[Row] = batch.take(pa.array(places, pa.int64())).to_pylist()
        return rows

    def drop(self, place: int, reason: str = "") -> None:
        """Take a row out."""
        self._changed[place] = None
        self._counts[reason] += 1

    def replace(self, place: int, row: Row, reason: str = "") -> None:
        """Put another row in the place of one."""
        self._changed[place] = row
        self._counts[reason] += 1

    def clear(self, place: int, columns: Iterable[str], reason: str = "") -> None:
        """Make some columns of a row null."""
        for name in columns:
            self._cleared[name].append(place)
        self._counts[reason] += 1

    def changed_places(self) -> dict[int, bool]:
        """Return places of rows that do not stay as they are, and whether each is dropped."""
        cleared = {place for places in self._cleared.values() for place in places}
        return dict.fromkeys(cleared, False) | {p: r is None for p, r in self._changed.items()}

    def dropped(self) -> pa.RecordBatch:
        """Return the rows that go."""
        return self.batch.filter(pa.array(~self._kept()))

    def result(self) -> pa.RecordBatch:
        """Return the rows as they are to be. Rows that are kept are not converted back and
        forth.
        """
        batch = self.batch
        for name, places in self._cleared.items():
            batch = _with_nulls(batch, name, places)
        if not self._changed:
            return batch
        if not any(self._changed.values()):
            return batch.filter(pa.array(self._kept()))
        pieces, kept_from = [], 0
        for place, row in sorted(self._changed.items()):
            pieces.append(batch.slice(kept_from, place - kept_from))
            if row is not None:
                pieces.append(pa.RecordBatch.from_pylist([row], schema=batch.schema))
            kept_from = place + 1
        table = pa.Table.from_batches([*pieces, batch.slice(kept_from)], batch.schema)
        return table.combine_chunks().to_batches()[0]

    def _kept(self) -> Any:
        kept = np.ones(self.batch.num_rows, np.bool_)
        kept[[place for place, row in self._changed.items() if row is None]] = False
        return kept


def _with_nulls(batch: pa.RecordBatch, name: str, places: Sequence[int]) -> pa.RecordBatch:
    number = batch.schema.get_field_index(name)
    # Taking with a null place gives null, whatever the column's type.
    mask = np.zeros(batch.num_rows, np.bool_)
    mask[places] = True
    values = batch.column(number).take(pa.array(np.arange(batch.num_rows), mask=mask))
    return batch.set_column(number, batch.schema.field(number), values)


EditRows = Callable[[BatchEdit], None]
"""Says of the rows of a batch what becomes of them."""


def edit_batch(batch: pa.RecordBatch, change: EditRows) -> pa.RecordBatch:
    """Return the rows of a batch as they are to be."""
    edit = BatchEdit(batch, Counter())
    change(edit)
    return edit.result()


@dataclass(frozen=True)
class RowChanges:
    """Rows of a file that are not in the one that took its place.

    Attributes:
        places: their numbers in the old file, ascending. dropped: whether each was dropped, or has
            another row in its place.
        packed: as they were, as a compressed stream of Arrow: they may be many, and wait long.
    """

    places: tuple[int, ...] = ()
    dropped: tuple[bool, ...] = ()
    packed: bytes = b""

    @classmethod
    def of(cls, places: Mapping[int, bool], rows: Sequence[pa.RecordBatch]) -> RowChanges:
        """Return the changes of a file: by place, whether the row was dropped; and those rows."""
        if not rows:
            return cls()
        sink = pa.BufferOutputStream()
        options = pa.ipc.IpcWriteOptions(compression="zstd")
        with pa.ipc.new_stream(sink, rows[0].schema, options=options) as writer:
            for batch in rows:
                writer.write_batch(batch)
        return cls(tuple(places), tuple(places.values()), sink.getvalue().to_pybytes())

    def rows(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows as they were."""
        if self.packed:
            yield from pa.ipc.open_stream(self.packed)


@dataclass(frozen=True)
class RewriteResult:
    """Outcome of a rewrite.

    Attributes:
        changes: rows that are not in the new file.
        rows_before, rows_after: rows of the old and the new file.
        entry: the new file, or None where no row was left and so no file was written.
        counts: rows that were dropped, replaced or cleared, by reason.
    """

    rows_before: int
    rows_after: int
    entry: FileEntry | None
    counts: Counter[str]
    changes: RowChanges = field(default=RowChanges(), repr=False)


def change_rows(change: Callable[[Row], Row | None]) -> EditRows:
    """Lift a function of one row to batches.

    `change` gets a row and returns the same object to keep it as it is, another dict to replace it,
    or None to drop it. It may not change its argument.
    """

    def edit_rows(edit: BatchEdit) -> None:
        for place, row in enumerate(edit.batch.to_pylist()):
            new = change(row)
            if new is None:
                edit.drop(place)
            elif new is not row:
                edit.replace(place, new)

    return edit_rows


def change_keys(
    columns: Sequence[str],
    gone: Collection[tuple[Any, ...]],
    new: Mapping[Any, Row] = MappingProxyType({}),
) -> EditRows:
    """Drop the rows with some keys and replace those with others, decoding only `columns` to find
    them.
    """

    def edit_rows(edit: BatchEdit) -> None:
        for place, key in enumerate(edit.keys(*columns)):
            if key in gone:
                edit.drop(place)
            elif key in new:
                edit.replace(place, new[key])

    return edit_rows


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
    files: Files,
    root: str,
    entry: FileEntry,
    path: str,
    table: Table,
    change: EditRows,
    keep_dropped: Callable[[pa.RecordBatch], None] | None = None,
) -> RewriteResult:
    """Stream a stored file through `change` into a new file.

    Args:
        root: the store's root.
        entry: the live file.
        path: of the new file, relative to the root; another than the old one's, since files are
            immutable.
        table: its dataset.
        change: what becomes of its rows. keep_dropped: gets the rows that go.

    Returns: rows before and after, and the new entry (same dataset and partition) for the
        manifest's `added`; the caller lists the old entry as `removed`. Memory holds one row group
        of the old file and one of the new.

    Raises `RewriteError` where the old file has another number of rows than its entry.
    """
    if path == entry.path:
        raise ValueError(
            "a rewritten file needs a name of its own: the old one stays readable until the new "
            "one is published"
        )
    before, counts = 0, Counter[str]()
    places: dict[int, bool] = {}
    gone: list[pa.RecordBatch] = []
    with files.open(files.join(root, entry.path)) as source, temporary_file() as sink:
        writer = TableWriter(sink, table)
        try:
            stored = pq.ParquetFile(source, page_checksum_verification=True)
            for group in range(stored.num_row_groups):
                whole = stored.read_row_group(group, use_threads=False)
                for batch in whole.to_batches(BATCH_ROWS):
                    edit = BatchEdit(conform_batch(batch, table.schema), counts)
                    change(edit)
                    changed = edit.result()
                    if own := dict(sorted(edit.changed_places().items())):
                        places |= {before + place: is_gone for place, is_gone in own.items()}
                        gone.append(edit.batch.take(pa.array(own, pa.int64())))
                    before += batch.num_rows
                    if keep_dropped and changed.num_rows < batch.num_rows:
                        keep_dropped(edit.dropped())
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
            return RewriteResult(before, 0, None, counts)
        new = publish_bytes(
            files,
            root,
            path,
            entry.dataset,
            entry.partition,
            cast(Any, sink),
            after,
            writer.accounts,
        )
        return RewriteResult(before, after, new, counts, RowChanges.of(places, gone))
