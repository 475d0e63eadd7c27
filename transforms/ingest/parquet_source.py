"""Parquet exports as input: row groups to plain rows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from callveil.schemas.json_types import Row
from callveil.transforms.ingest.sniff import NotReadable
from callveil.transforms.storage.files.strict_json import dump_json
from callveil.transforms.storage.files.urls import damaged_file_error

if TYPE_CHECKING:
    from callveil.transforms.storage.files.filesystem import Files

_BATCH_ROWS = 256
RAW = b"raw_interaction"
"""What a Parquet file's metadata says under `callveil` where it holds input."""


class BadParquet(Exception):
    """A part of a Parquet file that cannot be read.

    Args:
        detail: one sentence that quotes nothing.
        rows: how many rows are missing because of it; None if unknown.
    """

    def __init__(self, detail: str, rows: int | None = None) -> None:
        super().__init__(detail)
        self.detail, self.rows = detail, rows


class BadRow(Exception):
    """One row that cannot be turned into plain values.

    Args:
        raw: what could be saved of it.
        problem: what its reading raised.
    """

    def __init__(self, raw: bytes, problem: Exception) -> None:
        super().__init__("a row that cannot be read")
        self.raw = raw
        text = isinstance(problem, UnicodeDecodeError)
        self.reason = "bad_utf8" if text else "out_of_range"
        self.detail = (
            "a text column holds bytes that are not UTF-8"
            if text
            else "a column holds a time or number beyond what can be told"
        )


def row_groups(
    files: Files, url: str, chunk_bytes: int, own: bool = False
) -> list[tuple[tuple[int, ...], int]] | None:
    """Row groups gathered to about `chunk_bytes` (uncompressed) each, with the 0-based row each lot
    begins at; None for an unreadable footer.

    Raises `NotReadable` for a file that callveil wrote, unless `own` are wanted: it is redacted
    already.
    """
    try:
        with files.open(url) as source, pq.ParquetFile(source) as parquet:
            meta = parquet.metadata
            if not own and (meta.metadata or {}).get(b"callveil", RAW) != RAW:
                raise NotReadable(
                    "own_output",
                    "Parquet that callveil wrote; it is redacted already, and is no input",
                )
            sizes = [
                (meta.row_group(i).total_byte_size, meta.row_group(i).num_rows)
                for i in range(meta.num_row_groups)
            ]
    except (pa.ArrowException, OSError) as error:
        _raise_fault(error)
        return None
    lots: list[tuple[tuple[int, ...], int]] = []
    group: list[int] = []
    held = row = first = 0
    for i, (size, rows) in enumerate(sizes):
        if group and held + size > chunk_bytes:
            lots.append((tuple(group), first))
            group, held, first = [], 0, row
        group.append(i)
        held, row = held + size, row + rows
    if group:
        lots.append((tuple(group), first))
    return lots


def read_parquet_rows(
    files: Files, url: str, groups: tuple[int, ...], first_row: int
) -> Iterator[tuple[int, Row | BadRow | BadParquet]]:
    """Yield rows of row groups in order, as (0-based row of the file, row or what is wrong with
    it).

    A page that cannot be decoded costs the rest of its row group, which is told by one
    `BadParquet`; the next group is read on.

    Raises:
        BadParquet: the footer cannot be read, or two columns have one name.
        OSError: the file cannot be reached.
    """
    with files.open(url) as source:
        try:
            parquet = pq.ParquetFile(source, page_checksum_verification=True)
        except (pa.ArrowException, OSError) as error:
            _raise_fault(error)
            raise BadParquet(
                "no readable Parquet footer; the file is cut off, damaged or something else"
            ) from None
        names = parquet.schema_arrow.names
        if len(set(names)) < len(names):
            raise BadParquet("two columns have the same name, so a value would be lost; rename one")
        row = first_row
        for group in groups:
            end = row + parquet.metadata.row_group(group).num_rows
            try:
                for batch in parquet.iter_batches(_BATCH_ROWS, row_groups=[group]):
                    for value in _rows(batch):
                        yield row, value
                        row += 1
            except (pa.ArrowException, OSError) as error:
                _raise_fault(error)
                _read_again(files, url, group)
                yield (
                    row,
                    BadParquet(
                        f"row group {group} cannot be decoded from row {row} on; {end - row} rows "
                        "are missing",
                        end - row,
                    ),
                )
            row = end


def _raise_fault(error: Exception) -> None:
    """Raise what the system or the network did: it says nothing about the file, which may well be
    read the next time. Arrow's own have no number.
    """
    if isinstance(error, OSError) and error.errno is not None:
        raise error


def _read_again(files: Files, url: str, group: int) -> None:
    """Raise `FilesError` where a row group that could not be decoded now can."""
    try:
        with files.open(url) as source:
            for _ in pq.ParquetFile(source, page_checksum_verification=True).iter_batches(
                _BATCH_ROWS, row_groups=[group]
            ):
                pass
    except (pa.ArrowException, OSError) as error:
        _raise_fault(error)
        return
    raise damaged_file_error(url, "came damaged, and whole when it was read again")


def _rows(batch: pa.RecordBatch) -> Iterator[Row | BadRow]:
    try:
        rows = batch.to_pylist()
    except (ValueError, OverflowError):
        rows = None
    if rows is not None:
        yield from map(_plain_row, rows)
        return
    for i in range(batch.num_rows):
        one = batch.slice(i, 1)
        try:
            yield _plain_row(one.to_pylist()[0])
        except (ValueError, OverflowError) as problem:
            yield BadRow(_salvage(one), problem)


def _plain_row(row: Row) -> Row | BadRow:
    try:
        return {k: _plain(v) for k, v in row.items() if v is not None}
    except (ValueError, OverflowError, ArithmeticError, RecursionError) as problem:
        return BadRow(dump_json(row), problem)  # such as a binary column that holds no text


def _plain(value: Any) -> Any:
    """Return JSON's values: decimals and durations become numbers or text, maps become objects,
    bytes text.
    """
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items() if v is not None}
    if isinstance(value, list):
        if value and all(isinstance(v, tuple) and len(v) == 2 for v in value):
            members = {str(k): _plain(v) for k, v in value}
            return (
                members
                if len(members) == len(value)
                else [{"key": _plain(k), "value": _plain(v)} for k, v in value]
            )
        return [_plain(v) for v in value]
    if isinstance(value, Decimal):
        return (
            int(value) if value == value.to_integral_value() and abs(value) < 2**63 else str(value)
        )
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, dt.timedelta):
        return value.total_seconds()
    if isinstance(value, dt.time):
        return value.isoformat()
    return value


def _salvage(one: pa.RecordBatch) -> bytes:
    row: Row = {}
    for name, column in zip(one.schema.names, one.columns, strict=True):
        try:
            row[name] = column.to_pylist()[0]
        except (ValueError, OverflowError):
            flat = pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
            row[name] = column.cast(pa.binary()).to_pylist()[0] if flat else str(column.type)
    return dump_json(row)
