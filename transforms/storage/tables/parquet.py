"""Parquet files of the store's datasets: writing them, and rewriting one by a function of its rows.

Bytes are a function of the rows and of the versions of callveil and pyarrow alone, so a repeated
run writes the same file.
"""

from __future__ import annotations

import hashlib
import io
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from msgspec import UNSET, UnsetType

from callveil.schemas import finding, rejected, request
from callveil.schemas.arrow import (
    FINDING_SCHEMA,
    REDACTED_INTERACTION_SCHEMA,
    REDACTION_REQUEST_SCHEMA,
    REJECTED_SCHEMA,
)
from callveil.schemas.fields import Field
from callveil.schemas.interaction import FIELDS, STATE, RedactedInteraction
from callveil.schemas.json_types import Row
from callveil.schemas.manifest import MAX_ACCOUNTS, FileEntry
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.files.local import temporary_file
from callveil.transforms.storage.files.serialization import finding_row, interaction_row
from callveil.transforms.storage.tables.column_stats import dictionary_leaves, plain_leaves

GROUP_ROWS = 2_000
GROUP_BYTES = 16 << 20
PENDING_ROWS = 50
ZSTD_LEVEL = 3
BLOOM_FPP = 0.01
ACCOUNT = "account_id"
"""Column by which a file's rows are counted in its entry."""


def _same(row: Any) -> Row:
    if not isinstance(row, dict):
        raise TypeError(f"this dataset takes rows as dicts, not {type(row).__name__}")
    return row


@dataclass(frozen=True)
class Table:
    """A dataset of the store.

    Attributes:
        name: dataset name, the first folder of its files.
        schema: Arrow schema of a row, without partition columns.
        fields: its declaration, which says what is personal.
        doc: what a row of it is.
        key: columns whose values no two live rows share and none lacks; empty where there are none.
        partition_by: keys of its files' `FileEntry.partition`, in order.
        sort_by: columns its files are sorted by; never personal ones.
        bloom: columns with a bloom filter; never personal ones.
        to_row: turns a record into a row, and refuses a record of another type with TypeError.
    """

    name: str
    schema: pa.Schema
    fields: tuple[Field, ...]
    sort_by: tuple[str, ...] = ()
    bloom: tuple[str, ...] = ()
    to_row: Callable[[Any], Row] = _same
    doc: str = ""
    key: tuple[str, ...] = ()
    partition_by: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        plain = set(plain_leaves(self.fields))
        for column in (*self.sort_by, *self.bloom):
            if column not in plain:
                raise ValueError(
                    f"{column}: a column that may hold personal data can be neither sorted by nor "
                    "have a bloom filter"
                )


INTERACTIONS = Table(
    "interactions",
    REDACTED_INTERACTION_SCHEMA,
    FIELDS + STATE,
    ("account_id", "called_at", "id"),
    ("id",),
    interaction_row,
    doc="A call, text, chat or form after redaction, with what was done to it.",
    key=("account_id", "id"),
    partition_by=("account_type", "day"),
)
FINDINGS = Table(
    "findings",
    FINDING_SCHEMA,
    finding.FIELDS,
    ("account_id", "interaction_id", "finding_id"),
    ("interaction_id",),
    finding_row,
    doc="What was found where in an interaction and what was done with it, never the value.",
    key=("account_id", "interaction_id", "finding_id"),
    partition_by=("account_type", "day"),
)
REJECTED = Table(
    "rejected",
    REJECTED_SCHEMA,
    rejected.FIELDS,
    ("file", "rejected_id"),
    doc="Input that could not be read or redacted: where it was and why, never its content.",
    partition_by=("day",),
)
REQUESTS = Table(
    "requests",
    REDACTION_REQUEST_SCHEMA,
    request.FIELDS,
    ("account_id", "interaction_id", "request_id"),
    doc="A person's request to redact an interaction, or a part of one.",
    partition_by=("day",),
)
"""Manual requests as the redaction job writes them."""
TABLES: dict[str, Table] = {t.name: t for t in (INTERACTIONS, FINDINGS, REJECTED, REQUESTS)}
"""Datasets by name; `register_table` adds to them."""


def register_table(table: Table) -> Table:
    """Make a further dataset known to `open_dataset`, and return it."""
    TABLES[table.name] = table
    return table


def row_sort_key(row: Row, columns: Sequence[str]) -> tuple[Any, ...]:
    """Return the key that orders rows as the files are: ascending, nulls first."""
    return tuple((row.get(c) is not None, row.get(c)) for c in columns)


class TableWriter:
    """Streams records of one dataset into a Parquet file, in row groups of 2,000 rows or about 16
    MB of Arrow memory.

    Args:
        sink: written from its present place; not closed.
        table: the dataset.

    Records must come in the order of `table.sort_by` (ValueError otherwise), since the footer
    promises it to readers.
    """

    def __init__(self, sink: BinaryIO, table: Table) -> None:
        self.table, self.rows = table, 0
        self._accounts: Counter[str] = Counter()
        order = [
            pq.SortingColumn(table.schema.get_field_index(c), nulls_first=True)
            for c in table.sort_by
        ]
        self._writer = pq.ParquetWriter(
            sink,
            table.schema,
            compression="zstd",
            compression_level=ZSTD_LEVEL,
            data_page_version="2.0",
            write_page_index=True,
            write_page_checksum=True,
            write_statistics=plain_leaves(table.fields),
            use_dictionary=dictionary_leaves(table.fields),
            bloom_filter_options={c: {"ndv": GROUP_ROWS, "fpp": BLOOM_FPP} for c in table.bloom}
            or None,
            sorting_columns=order or None,
        )
        self._pending: list[Row] = []
        self._batches: list[pa.RecordBatch] = []
        self._held_rows, self._held_bytes = 0, 0
        self._last: tuple[Any, ...] | None = None

    def append(self, record: Any) -> None:
        """Add one record of the dataset's type; TypeError for another type, ValueError where it is
        out of order.
        """
        row = self.table.to_row(record)
        if self.table.sort_by:
            key = row_sort_key(row, self.table.sort_by)
            if self._last is not None and key < self._last:
                raise ValueError(
                    f"dataset {self.table.name}: records must come sorted by "
                    f"{', '.join(self.table.sort_by)}"
                )
            self._last = key
        self._pending.append(row)
        if len(self._pending) >= PENDING_ROWS:
            self._convert()

    def append_batch(self, batch: pa.RecordBatch) -> None:
        """Add rows that were stored before, as `rewrite` does. They must have the dataset's
        schema.
        """
        if not batch.schema.equals(self.table.schema):
            raise ValueError(f"dataset {self.table.name}: the batch has another schema")
        self._convert()
        self._hold(batch)

    def close(self) -> int:
        """Write the rest and the footer, and return the number of rows."""
        self._convert()
        self._flush()
        self._writer.close()
        return self.rows

    def abandon(self) -> None:
        """Give up: what the sink holds is no Parquet file a reader would open as whole. The caller
        throws it away.
        """
        self._pending, self._batches = [], []
        self._writer.close()

    def _convert(self) -> None:
        if self._pending:
            rows, self._pending = self._pending, []
            try:
                batch = pa.RecordBatch.from_pylist(rows, schema=self.table.schema)
            except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, UnicodeError) as error:
                raise ValueError(
                    f"dataset {self.table.name}: {self._misfit(rows)} ({type(error).__name__})"
                ) from None
            self._hold(batch)

    def _misfit(self, rows: list[Row]) -> str:
        """Name the column whose values do not fit, without quoting them: Arrow's own message
        would.
        """
        for column in self.table.schema:
            try:
                pa.array([row.get(column.name) for row in rows], type=column.type)
            except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, UnicodeError):
                return (
                    f"a value of column {column.name} does not fit its type {column.type}; the "
                    "record was not coerced before it came here"
                )
        return "a row does not fit the schema"

    @property
    def accounts(self) -> Mapping[str, int] | UnsetType:
        """Rows so far by account; see `FileEntry.accounts`."""
        known = ACCOUNT in self.table.schema.names and len(self._accounts) <= MAX_ACCOUNTS
        return dict(sorted(self._accounts.items())) if known else UNSET

    def _hold(self, batch: pa.RecordBatch) -> None:
        if ACCOUNT in batch.schema.names:
            counted = pc.value_counts(pc.fill_null(batch.column(ACCOUNT), "")).to_pylist()
            self._accounts.update({c["values"]: c["counts"] for c in counted})
        size = batch.nbytes
        if not batch.num_rows:
            return
        if self._held_rows + batch.num_rows < GROUP_ROWS and self._held_bytes + size < GROUP_BYTES:
            self._batches.append(batch)  # whole: slices are costly to measure and to write
            self._held_rows += batch.num_rows
            self._held_bytes += size
            self.rows += batch.num_rows
            return
        for start in range(0, batch.num_rows, PENDING_ROWS):
            part = batch.slice(start, PENDING_ROWS)
            self._batches.append(part)
            self._held_rows += part.num_rows
            self._held_bytes += part.nbytes
            self.rows += part.num_rows
            if self._held_rows >= GROUP_ROWS or self._held_bytes >= GROUP_BYTES:
                self._flush()

    def _flush(self) -> None:
        if self._batches:
            self._writer.write_table(
                pa.Table.from_batches(self._batches, self.table.schema),
                row_group_size=self._held_rows,
            )
            self._batches, self._held_rows, self._held_bytes = [], 0, 0


def write_records(sink: BinaryIO, table: Table, records: Iterable[Any]) -> int:
    """Write sorted `records` to `sink` and return their number. Raises as `TableWriter.append`."""
    return _write(sink, table, records).rows


def _write(sink: BinaryIO, table: Table, records: Iterable[Any]) -> TableWriter:
    writer = TableWriter(sink, table)
    try:
        for record in records:
            writer.append(record)
    except BaseException:
        writer.abandon()
        raise
    writer.close()
    return writer


def rows_to_parquet(
    rows: Iterable[Row],
    schema: pa.Schema,
    fields: tuple[Field, ...],
    sort_by: tuple[str, ...] = (),
) -> bytes:
    """Return a whole Parquet file of rows of any declaration, sorted here. For reports; it refuses
    the interactions' schema (TypeError).
    """
    if schema.equals(REDACTED_INTERACTION_SCHEMA) or fields[: len(FIELDS)] == FIELDS:
        raise TypeError(
            "interactions are written from RedactedInteraction objects: use write_records or "
            "publish_records with INTERACTIONS"
        )
    sink = io.BytesIO()
    write_records(
        sink,
        Table("rows", schema, fields, sort_by),
        sorted(rows, key=lambda r: row_sort_key(r, sort_by)),
    )
    return sink.getvalue()


def interactions_bytes(interactions: Iterable[RedactedInteraction]) -> bytes:
    """Return a Parquet file of redacted interactions, sorted here by account, time and id. Raises
    TypeError for anything else.
    """
    sink = io.BytesIO()
    rows = list(interactions)
    for interaction in rows:
        if type(interaction) is not RedactedInteraction:
            raise TypeError(
                "the interactions dataset takes RedactedInteraction only, not "
                f"{type(interaction).__name__}"
            )
    write_records(
        sink, INTERACTIONS, sorted(rows, key=lambda i: (i.key.account_id, i.called_at, i.key.id))
    )
    return sink.getvalue()


def publish_records(
    files: Files,
    root: str,
    path: str,
    table: Table,
    partition: Mapping[str, str],
    records: Iterable[Any],
) -> FileEntry:
    """Write sorted records as one file of a store and return its entry. Bounded memory.

    Args:
        root: the store's root.
        path: relative to it; written over where it exists, which is safe because names are unique
            to a run.
        partition: partition values.

    The file becomes visible to readers only when a manifest that lists it is published.
    """
    with temporary_file() as sink:
        done = _write(sink, table, records)
        return publish_bytes(
            files, root, path, table.name, partition, sink, done.rows, done.accounts
        )


def publish_bytes(
    files: Files,
    root: str,
    path: str,
    dataset: str,
    partition: Mapping[str, str],
    sink: BinaryIO,
    rows: int = 0,
    accounts: Mapping[str, int] | UnsetType = UNSET,
) -> FileEntry:
    """Store what a seekable `sink` holds (such as a sealed file) and return its entry.

    Args:
        rows, accounts: of a table's file, as its `TableWriter` counted them.
    """
    of = dict(sorted(partition.items()))
    hashing = _Hashing(sink)
    sink.seek(0)
    files.write(files.join(root, path), cast(BinaryIO, hashing))
    digest = hashing.digest.hexdigest()
    return FileEntry(path, dataset, of, rows, hashing.size, digest, accounts)


class _Hashing:
    """A reader that hashes and counts what passes through it."""

    def __init__(self, source: BinaryIO) -> None:
        self._source, self.digest, self.size = source, hashlib.sha256(), 0

    def read(self, size: int = -1) -> bytes:
        data = self._source.read(size)
        self.digest.update(data)
        self.size += len(data)
        return data
