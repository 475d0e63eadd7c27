"""The rows of a stored file as bytes to commit to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from callveil.transforms.storage.evidence.merkle import leaf_hash

BATCH_ROWS = 500
HINT_BYTES = 4
"""Digits of a commitment that are kept to tell which row differs; the root is what proves."""


class RowsError(ValueError):
    """The file cannot be read as rows."""


def row_bytes(batch: pa.RecordBatch) -> list[bytes]:
    """Return rows as canonical JSON, times as microseconds since 1970. Columns without a value are
    left out, so one that is added later changes nothing.
    """
    columns = dict(zip(batch.schema.names, batch.columns, strict=True))
    nulls = {n: c.null_count for n, c in columns.items()}
    full = [n for n, missing in nulls.items() if not missing]
    some = [n for n, missing in nulls.items() if 0 < missing < batch.num_rows]
    dumps, sort = orjson.dumps, orjson.OPT_SORT_KEYS
    rows: list[dict[str, Any]] = (
        [
            dict(zip(full, row, strict=True))
            for row in zip(*(_values(columns[n]) for n in full), strict=True)
        ]
        if full
        else [{} for _ in range(batch.num_rows)]
    )
    for name in some:
        for row, value in zip(rows, _values(columns[name]), strict=True):
            if value is not None:
                row[name] = value
    return [dumps(row, _other, sort) for row in rows]


def _values(column: Any) -> list[Any]:
    # Times as numbers: making a datetime of each costs as much as all the rest.
    values: list[Any] = (
        column.cast(pa.timestamp("us", column.type.tz)).cast(pa.int64())
        if pa.types.is_timestamp(column.type)
        else column
    ).to_pylist()
    return values


def _other(value: Any) -> Any:
    return value.hex() if isinstance(value, bytes | bytearray) else str(value)


def read_canonical_rows(source: BinaryIO, check: bool = True) -> Iterator[bytes]:
    """Yield rows of a Parquet file in order. Raises `RowsError` where it is none, or is damaged.

    Args:
        check: compare the checksums of pages; without, a damaged page is read as far as it can be.
    """
    try:
        stored = pq.ParquetFile(source, page_checksum_verification=check)
        for batch in stored.iter_batches(BATCH_ROWS, use_threads=False):
            yield from row_bytes(batch)
    except (pa.ArrowException, OSError, UnicodeDecodeError, ValueError, OverflowError) as error:
        if isinstance(error, OSError) and type(error) is not OSError:
            raise  # the file could not be reached; Arrow reports damage as a bare OSError
        raise RowsError(f"not readable as Parquet ({type(error).__name__})") from None


def commitment_hint(commitment: bytes) -> bytes:
    """Return what is kept of a commitment to tell rows apart."""
    return commitment[:HINT_BYTES]


def describe_changed_rows(rows: list[bytes], salts: list[bytes], hints: bytes) -> list[str]:
    """Tell which rows differ from those that were committed to, in words; rows are counted from 0.
    Empty where none does.

    Args:
        rows: as they are now. salts, hints: of the rows as they were.
    """
    signed = [hints[i : i + HINT_BYTES] for i in range(0, len(hints), HINT_BYTES)]
    bad = [
        n
        for n, (row, salt, h) in enumerate(zip(rows, salts, signed, strict=False))
        if commitment_hint(leaf_hash(salt, row)) != h
    ]
    if len(rows) == len(signed):
        return _exchanged(rows, salts, signed, bad)
    first = bad[0] if bad else min(len(rows), len(signed))
    fewer = len(signed) - len(rows)
    tail = [
        commitment_hint(leaf_hash(s, r))
        for r, s in zip(
            rows[first + max(-fewer, 0) :], salts[first + max(fewer, 0) :], strict=False
        )
    ]
    aligned = tail == signed[first + max(fewer, 0) :]
    what = "taken out" if fewer > 0 else "put in"
    which = f"row {first}" if abs(fewer) == 1 else f"rows {first} to {first + abs(fewer) - 1}"
    if aligned:
        return [f"{which} {'was' if abs(fewer) == 1 else 'were'} {what}"]
    return [
        f"holds {len(rows)} rows instead of {len(signed)}; the first that differs is row {first}"
    ]


def _exchanged(
    rows: list[bytes], salts: list[bytes], signed: list[bytes], bad: list[int]
) -> list[str]:
    """Return rows that stand in another's place, and rows that are others."""
    if 1 < len(bad) <= 1000:
        by_row = {
            n: [m for m in bad if commitment_hint(leaf_hash(salts[m], rows[n])) == signed[m]]
            for n in bad
        }
        moved = {n: found[0] for n, found in by_row.items() if found}
        if len(moved) == len(bad):
            pairs = sorted((a, b) for a, b in moved.items() if a < b and moved.get(b) == a)
            if 2 * len(pairs) == len(bad):
                return [f"rows {a} and {b} were exchanged" for a, b in pairs]
            return [f"rows {bad[0]} to {bad[-1]} stand in another order"]
    if len(bad) > 20:
        return [f"{len(bad)} rows were changed; the first is row {bad[0]}, the last row {bad[-1]}"]
    return [f"row {n} was changed" for n in bad]
