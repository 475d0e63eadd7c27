"""The file formats a sample is written in: lines, compressed lines, API pages, webhook bodies,
Parquet.
"""

from __future__ import annotations

import gzip
import io
import random
from pathlib import Path
from typing import Any, Protocol

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from callveil.schemas.json_types import Row
from callveil.transforms.lab.sample.people import pick_one

PART_LINES = 20_000
PAGE = 150
"""Entries of an API page, the platform's own maximum."""
_ROWS = 2_000


class SampleSink(Protocol):
    def put(self, record: Row) -> None: ...

    def close(self) -> None: ...


class LineSink:
    """JSON lines in parts, plain or compressed. `file` and `line` tell where the last line went."""

    def __init__(self, folder: Path, suffix: str) -> None:
        self.folder, self.suffix, self.part, self.line = folder, suffix, 0, 0
        self.file = ""
        self._out: io.BufferedIOBase | Any = None

    def put(self, record: Row) -> None:
        """Write one record."""
        self.raw(orjson.dumps(record))

    def raw(self, line: bytes) -> None:
        """Write one line as it is."""
        if self._out is None or self.line >= PART_LINES:
            self._next()
        self._out.write(line + b"\n")
        self.line += 1

    def _next(self) -> None:
        self.close()
        self.file = f"interactions/calls-{self.part:04d}.{self.suffix}"
        path = self.folder / self.file
        self.part, self.line = self.part + 1, 0
        if self.suffix == "jsonl.gz":
            # No name and no time in the header, so that equal content gives equal bytes.
            self._plain = path.open("wb")
            self._out = gzip.GzipFile(
                filename="", mode="wb", compresslevel=5, fileobj=self._plain, mtime=0
            )
        elif self.suffix == "jsonl.zst":
            self._out = zstandard.ZstdCompressor(level=3).stream_writer(path.open("wb"))
        else:
            self._out = path.open("wb", buffering=1 << 20)

    def close(self) -> None:
        """Finish the part."""
        if self._out is not None:
            self._out.close()
            if self.suffix == "jsonl.gz":
                self._plain.close()
            self._out = None


class PageSink:
    """API pages: `{calls: [...], page, per_page, total_entries, total_pages, ...}`."""

    def __init__(self, folder: Path, total: int) -> None:
        self.folder, self.page, self.held, self.total = folder, 0, [], total

    held: list[Row]

    def put(self, record: Row) -> None:
        """Add one entry; a full page is written."""
        self.held.append(record)
        if len(self.held) == PAGE:
            self._write(True)

    def _write(self, more: bool) -> None:
        self.page += 1
        after = (
            f"https://api.example/api/v1/accounts/all/calls?page={self.page + 1}" if more else None
        )
        body = {
            "calls": self.held,
            "page": self.page,
            "per_page": PAGE,
            "total_entries": self.total,
            "total_pages": -(-self.total // PAGE),
            "next_page": after,
            "after": f"cursor{self.page}" if more else None,
        }
        (self.folder / "interactions" / f"page-{self.page:04d}.json").write_bytes(
            orjson.dumps(body)
        )
        self.held = []

    def close(self) -> None:
        """Write the last page."""
        if self.held:
            self._write(False)


class WebhookSink:
    """Webhook bodies, one a file, half of them wrapped in `call`."""

    def __init__(self, folder: Path, rng: random.Random) -> None:
        self.folder, self.rng, self.count = folder, rng, 0

    def put(self, record: Row) -> None:
        """Write one body."""
        body = (
            record
            if self.rng.random() < 0.5
            else {"call": record, "event": pick_one(self.rng, ("start", "end", "delayed_end"))}
        )
        (self.folder / "interactions" / f"webhook-{self.count:05d}.json").write_bytes(
            orjson.dumps(body)
        )
        self.count += 1

    def close(self) -> None:
        """Nothing to finish."""


_TURN = pa.list_(
    pa.struct(
        [
            ("speaker", pa.string()),
            ("text", pa.string()),
            ("channel", pa.int64()),
            ("s", pa.float64()),
            ("e", pa.float64()),
        ]
    )
)
_MESSAGE = pa.list_(
    pa.struct(
        [
            ("id", pa.string()),
            ("speaker", pa.string()),
            ("channel", pa.int64()),
            ("text", pa.string()),
            ("sent_at", pa.string()),
        ]
    )
)
_TEXTS = [
    "id",
    "sid",
    "account_id",
    "agency_id",
    "kind",
    "direction",
    "language",
    "called_at",
    "updated_at",
    "status",
    "call_status",
    "dial_status",
    "tracking_number",
    "tracking_number_id",
    "tracking_number_bare",
    "tracking_number_complete",
    "tracking_number_format",
    "tracking_label",
    "business_number",
    "business_number_bare",
    "business_number_format",
    "business_label",
    "source",
    "source_id",
    "name",
    "cnam",
    "caller_number",
    "caller_number_bare",
    "caller_number_complete",
    "caller_number_format",
    "alternative_number",
    "email",
    "street",
    "city",
    "state",
    "country",
    "postal_code",
    "transcription_text",
    "summary",
    "activity_analysis",
    "notes",
    "message_body",
    "message_id",
    "audio",
    "visitor_ip",
    "visitor_sid",
    "web_source",
    "medium",
    "location",
    "last_location",
    "campaign",
    "keyword",
    "gclid",
    "agent_id",
]
_NESTED = (
    "call_path",
    "caller_number_split",
    "emails",
    "extended_lookup",
    "transcript",
    "transcript_outline",
    "words",
    "message_media",
    "form",
    "custom_fields",
    "tag_list",
    "salesforce",
    "touchpoints",
    "agent",
)
PARQUET_SCHEMA = pa.schema(
    [(n, pa.string()) for n in _TEXTS]
    + [(n, pa.int64()) for n in ("unix_time", "duration", "talk_time", "ring_time", "hold_time")]
    + [
        ("is_new_caller", pa.bool_()),
        ("billed_amount", pa.float64()),
        ("latitude", pa.float64()),
        ("longitude", pa.float64()),
        ("outline", _TURN),
        ("chat_messages", _MESSAGE),
    ]
    + [(n, pa.string()) for n in _NESTED]
    + [("extra", pa.string())]
)
"""Columns of a Parquet export: nested members are JSON text, but for the outline and chat messages;
what has no column is under `extra`.
"""
_COLUMNS = frozenset(PARQUET_SCHEMA.names)


def parquet_row(record: Row) -> Row:
    """Return a record as a row of `PARQUET_SCHEMA`."""
    row: Row = {}
    spare: Row = {}
    for name, value in record.items():
        if name not in _COLUMNS:
            spare[name] = value
        elif name in _NESTED:
            row[name] = value if isinstance(value, str) else orjson.dumps(value).decode()
        elif isinstance(value, int) and name in ("id", "account_id", "agency_id", "source_id"):
            row[name] = str(value)
        else:
            row[name] = value
    if spare:
        row["extra"] = orjson.dumps(spare).decode()
    return row


class ParquetSink:
    """A Parquet export in row groups."""

    def __init__(self, folder: Path) -> None:
        self.path, self.rows = folder / "interactions" / "export.parquet", []
        self._out: pq.ParquetWriter | None = None

    rows: list[Row]

    def put(self, record: Row) -> None:
        """Add one row; a full group is written."""
        self.rows.append(parquet_row(record))
        if len(self.rows) >= _ROWS:
            self._write()

    def _write(self) -> None:
        if self._out is None:
            self._out = pq.ParquetWriter(self.path, PARQUET_SCHEMA, compression="zstd")
        self._out.write_table(pa.Table.from_pylist(self.rows, PARQUET_SCHEMA))
        self.rows = []

    def close(self) -> None:
        """Write the last group and the footer."""
        if self.rows:
            self._write()
        if self._out is not None:
            self._out.close()
