"""Writing a report's rows as they come: Parquet, CSV where it is asked for, and at most so many for
the page. Bounded memory.
"""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import orjson
import pyarrow.parquet as pq

from callveil.schemas.arrow import report_schema
from callveil.schemas.json_types import Row
from callveil.schemas.report import ReportType
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.files.local import temporary_file
from callveil.transforms.storage.tables.parquet import Table, TableWriter

PURPOSE = "report-row"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class WrittenReport:
    """Number of rows and digests of a report that was written.

    Attributes:
        rows: how many.
        sha256: of the Parquet file. csv_sha256: of the CSV file, or empty.
    """

    rows: int
    sha256: str
    csv_sha256: str = ""


def row_hash(keyring: Keyring, row: Row, previous: str, key_id: str | None = None) -> str:
    """Hash of a row: HMAC-SHA256 over the hash before it and all other columns, so that no row can
    be changed, taken out or moved.

    Keyed, since values can be guessed from a plain hash. Columns without a value are left out.
    """
    values = {k: v for k, v in row.items() if v is not None and k != "row_hash"}
    return keyring.hmac(
        PURPOSE,
        previous,
        orjson.dumps(values, option=orjson.OPT_SORT_KEYS | orjson.OPT_UTC_Z).decode(),
        key_id=key_id,
    )


def add_row_hashes(keyring: Keyring, rows: Iterable[Row]) -> Iterator[Row]:
    """Yield rows with their hashes."""
    previous = ""
    for row in rows:
        previous = row_hash(keyring, row, previous)
        yield row | {"row_hash": previous}


def write_report_rows(
    files: Files, kind: ReportType, url: str, csv_url: str, rows: Iterable[Row]
) -> WrittenReport:
    """Write a report's rows; a reader sees whole files or none. `csv_url` may be empty."""
    columns = [f.name for f in kind.columns]
    with temporary_file() as sink, temporary_file() as plain:
        writer = TableWriter(sink, Table(f"report_{kind.name}", report_schema(kind), kind.columns))
        table = csv.writer(_Encoded(plain)) if csv_url else None
        if table:
            table.writerow(columns)
        try:
            for row in rows:
                writer.append(row)
                if table:
                    table.writerow([csv_cell(row.get(c)) for c in columns])
        except BaseException:
            writer.abandon()
            raise
        count = writer.close()
        sink.seek(0)
        files.write(url, sink)
        if table:
            plain.seek(0)
            files.write(csv_url, plain)
    return WrittenReport(count, files.sha256(url)[0], files.sha256(csv_url)[0] if csv_url else "")


class _Encoded:
    """Sink of bytes that `csv` writes to."""

    def __init__(self, sink: BinaryIO) -> None:
        self._sink = sink

    def write(self, text: str) -> int:
        return self._sink.write(text.encode())


def csv_cell(value: Any) -> str:
    """Return a value as CSV text. Text that a spreadsheet would take for a formula gets a leading
    apostrophe.
    """
    if value is None:
        return ""
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | dict):
        value = orjson.dumps(value, option=orjson.OPT_UTC_Z).decode()
    text = str(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(_FORMULA) else text


def verify_rows(files: Files, url: str, keyring: Keyring) -> list[str]:
    """Check the chain of row hashes of a report's Parquet file; returns what is wrong. Works
    offline, with the keyring alone.

    Raises `OSError` where the file cannot be read.
    """
    problems: list[str] = []
    previous, number = "", 0
    with files.open(url) as source:
        for batch in pq.ParquetFile(source).iter_batches():
            for row in batch.to_pylist():
                stored = row["row_hash"]
                if not any(
                    row_hash(keyring, row, previous, key) == stored
                    for key in (keyring.active, *keyring.key_ids)
                ):
                    problems.append(
                        f"row {number}: was changed, or a row before it is missing or moved, or it "
                        "was made with another keyring"
                    )
                previous, number = stored, number + 1
    return problems
