"""The package a person receives: one zip with their data in forms for people and for machines, a
manifest, and a page that explains it.
"""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import io
import json
import os
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, TypedDict

import pyarrow as pa
import pyarrow.parquet as pq

from callveil.schemas.arrow import arrow_schema
from callveil.schemas.errors import UserError
from callveil.schemas.fields import Field, json_schema, to_storage
from callveil.schemas.interaction import BY_NAME
from callveil.schemas.json_types import JsonObject, Row
from callveil.transforms.governance.requests.article_15 import CATEGORIES, GROUPS
from callveil.transforms.governance.requests.disclosure import REASONS
from callveil.transforms.storage.files.serialization import encode_time

MANIFEST, README, CONTEXT, WITHHELD = (
    "manifest.json",
    "README.html",
    "context.json",
    "withheld.json",
)
FIXED = (1980, 1, 1, 0, 0, 0)
"""Time of every member of the zip, so that equal packages have equal bytes."""
PIECE = 1 << 20
EMPTY: tuple[Any, ...] = (None, "", [], {})
"""Values that say nothing."""


class PackageError(UserError, ValueError):
    """A package cannot be written."""


@dataclass(frozen=True)
class PackageFile:
    """One file of a package, as its manifest lists it."""

    path: str
    sha256: str
    bytes: int
    rows: int
    source: str
    category: str


@dataclass
class PackageSection:
    """Rows of one kind.

    Attributes:
        name: of its files. title, category: see `context.CATEGORIES`.
        fields: declaration of a row. rows: values by declared name. source: where they come from.
    """

    name: str
    title: str
    category: str
    fields: tuple[Field, ...]
    rows: list[Row] = field(repr=False)
    source: str


Withheld = TypedDict("Withheld", {"from": str, "reason": str, "explanation": str, "count": int})
"""What was withheld of a part of the package, why, and how often."""


@dataclass(frozen=True)
class PackageRecording:
    """A redacted recording.

    Attributes:
        name: of its file in `recordings/`. opener: how to read it.
        account_id, record_id: its conversation. seconds: its length.
        covered: stretches of it that are covered. whole: all of it is.
    """

    name: str
    opener: Callable[[], AbstractContextManager[BinaryIO]] = field(repr=False)
    account_id: str
    record_id: str
    seconds: float
    covered: int = 0
    whole: bool = False

    @property
    def path(self) -> str:
        """In the package."""
        return f"recordings/{self.name}"


@dataclass
class AccessPackage:
    """Contents of a package.

    Attributes:
        request_id, kind: the request; access or portability.
        made_at: UTC.
        sections: rows by kind. recordings: of the conversations.
        context: Art. 15 context. withheld: what of the person is not shown.
        zone, language: of the page; an IANA zone, and an ISO 639-1 code.
    """

    request_id: str
    kind: str
    made_at: dt.datetime
    sections: list[PackageSection]
    recordings: list[PackageRecording]
    context: JsonObject
    withheld: list[Withheld]
    zone: str = "UTC"
    language: str = "en"


class _Zip:
    """A zip being written, with a manifest entry for each member."""

    def __init__(self, sink: BinaryIO) -> None:
        self.zip = zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED, compresslevel=6)
        self.entries: list[PackageFile] = []

    def put(
        self,
        path: str,
        data: bytes | BinaryIO,
        rows: int = 0,
        source: str = "this package",
        category: str = "about",
    ) -> None:
        info = zipfile.ZipInfo(path, FIXED)
        info.compress_type = zipfile.ZIP_DEFLATED
        info.external_attr = 0o600 << 16
        reader = io.BytesIO(data) if isinstance(data, bytes) else data
        digest, size = hashlib.sha256(), 0
        with self.zip.open(info, "w", force_zip64=True) as out:
            while piece := reader.read(PIECE):
                out.write(piece)
                digest.update(piece)
                size += len(piece)
        self.entries.append(PackageFile(path, digest.hexdigest(), size, rows, source, category))


def write_package(package: AccessPackage, readme: bytes, out: Path) -> str:
    """Write a package and return its SHA-256. The file is new, mode 0600, and there as a whole or
    not at all.

    Raises `PackageError` where a file of that name is there.
    """
    if out.exists():
        raise PackageError(f"{out}: is there already; name another file")
    out.parent.mkdir(parents=True, exist_ok=True)
    temporary = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        with os.fdopen(
            os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb"
        ) as sink:
            made = _Zip(sink)
            made.put(README, readme)
            made.put(CONTEXT, to_readable_json(package.context))
            made.put(WITHHELD, to_readable_json(package.withheld), len(package.withheld))
            for section in package.sections:
                _section(made, section, package.kind == "portability")
            for recording in package.recordings:
                with recording.opener() as source:
                    made.put(recording.path, source, 0, "live zone, redacted", "recordings")
            manifest = {
                "request_id": package.request_id,
                "kind": package.kind,
                "made_at": package.made_at,
                "format_version": 1,
                "files": [e.__dict__ for e in made.entries],
                "withheld": package.withheld,
            }
            made.put(MANIFEST, to_readable_json(manifest))
            made.zip.close()
            sink.flush()
            os.fsync(sink.fileno())
        os.link(temporary, out)
    except FileExistsError:
        raise PackageError(f"{out}: is there already; name another file") from None
    finally:
        temporary.unlink(missing_ok=True)
    return hashlib.sha256(out.read_bytes()).hexdigest()


def _section(made: _Zip, section: PackageSection, portable: bool) -> None:
    facts = (len(section.rows), section.source, section.category)
    made.put(f"data/{section.name}.json", to_readable_json(section.rows), *facts)
    made.put(f"data/{section.name}.csv", to_csv(section.fields, section.rows), *facts)
    made.put(f"data/{section.name}.parquet", to_parquet(section.fields, section.rows), *facts)
    if portable:
        schema = json_schema(
            section.title, section.fields, (), f"One record of {section.name}.json."
        )
        made.put(f"schema/{section.name}.schema.json", to_readable_json(schema))


def to_readable_json(value: Any) -> bytes:
    """Return JSON for people and machines: indented, UTF-8, times in ISO 8601."""
    return (json.dumps(value, indent=2, ensure_ascii=False, default=encode_time) + "\n").encode(
        "utf-8", "surrogatepass"
    )


def to_parquet(fields: tuple[Field, ...], rows: Iterable[Mapping[str, Any]]) -> bytes:
    """Return Parquet without statistics, which would repeat values."""
    schema = arrow_schema(fields)
    table = pa.Table.from_pylist([to_storage(fields, r, _text) for r in rows], schema=schema)
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd", write_statistics=False)
    return sink.getvalue()


def to_csv(fields: tuple[Field, ...], rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Return CSV with one column per declared name that occurs; nested values as JSON. A cell that
    a spreadsheet would take for a formula is quoted.
    """
    names = [f.name for f in fields if any(r.get(f.name) is not None for r in rows)]
    sink = io.StringIO(newline="")
    out = csv.writer(sink)
    out.writerow(names)
    for row in rows:
        out.writerow([_cell(row.get(n)) for n in names])
    return ("\ufeff" + sink.getvalue()).encode("utf-8", "replace")


def _cell(value: Any) -> str:
    if value is None:
        return ""
    text = (
        value
        if isinstance(value, str)
        else value.isoformat()
        if isinstance(value, dt.datetime)
        else _text(value)
    )
    risky = text[:1] in ("=", "@", "\t", "\r") or (
        text[:1] in ("+", "-") and any(c.isalpha() for c in text)
    )
    return f"'{text}" if risky else text


def _text(value: Any) -> str:
    return (
        value
        if isinstance(value, str)
        else json.dumps(value, ensure_ascii=False, default=encode_time)
    )


def withheld_rows(counts: Mapping[tuple[str, str], int]) -> list[Withheld]:
    """Return what was withheld, as the package lists it: by part of the package and reason."""
    return [
        {"from": where, "reason": why, "explanation": REASONS[why], "count": n}
        for (where, why), n in sorted(counts.items())
        if n
    ]


def count_by_category(
    sections: Iterable[PackageSection], recordings: Sequence[PackageRecording] = ()
) -> dict[str, int]:
    """Return the number of records of a package by category of data (`context.CATEGORIES`), in that
    order; one record may hold several.
    """
    out: Counter[str] = Counter()
    for section in sections:
        if section.category == "communication":
            for row in section.rows:
                out.update(
                    {
                        GROUPS[BY_NAME[n].group]
                        for n, v in row.items()
                        if n in BY_NAME and BY_NAME[n].group in GROUPS and v not in EMPTY
                    }
                )
        else:
            out[section.category] += len(section.rows)
    out["recordings"] += len(recordings)
    return {name: out[name] for name in CATEGORIES if out[name]}
