"""Small tables that people write: JSON lines, JSON, CSV, YAML or Parquet, to rows that know where
they stand.

For accounts and requests, which are read whole and where every fault is to be told at once, with
file and line.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from callveil.schemas.errors import UserError
from callveil.schemas.problem import Problem
from callveil.transforms.ingest.discover import InputError
from callveil.transforms.ingest.lines import LineReader, ValueReader
from callveil.transforms.ingest.parquet_source import (
    BadParquet,
    BadRow,
    read_parquet_rows,
    row_groups,
)
from callveil.transforms.ingest.sniff import FileFormat, NotReadable, sniff_format
from callveil.transforms.ingest.streams import ZIP, DamagedStream, read_blocks
from callveil.transforms.storage.files.strict_json import ParseError, load_json

if TYPE_CHECKING:
    from callveil.transforms.storage.files.filesystem import Files

MAX_SHOWN = 20
MAX_ROW_BYTES = 1 << 20
MAX_FILE_BYTES = 256 << 20


class TableError(UserError, ValueError):
    """Faults of a table, all at once; the text shows the first 20. `problems` holds all."""

    what = "table"

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        shown = "\n".join(f"  {p}" for p in self.problems[:MAX_SHOWN])
        more = (
            f"\n  ... and {len(self.problems) - MAX_SHOWN} more"
            if len(self.problems) > MAX_SHOWN
            else ""
        )
        count = f"{len(self.problems)} problem{'s' * (len(self.problems) > 1)}"
        super().__init__(f"{count} in the {self.what}:\n{shown}{more}")


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row and where it stands."""

    file: str
    line: int
    values: Mapping[str, Any]


def read_table(
    files: Files, patterns: Sequence[str], list_name: str
) -> Iterator[TableRow | Problem]:
    """Yield rows of every file that `patterns` name, files by URL.

    Args:
        files: where to look.
        patterns: files, folders or wildcards.
        list_name: member of a JSON or YAML document that holds the rows, such as `accounts`.

    Raises:
        InputError: a pattern names nothing.
    """
    urls: set[str] = set()
    for pattern in patterns:
        found = [i.url for i in files.glob(pattern)]
        if not found:
            raise InputError(
                f"nothing to read at {pattern!r}; check the path, and quote wildcards so that the "
                "shell leaves them alone"
            )
        urls.update(found)
    for url in sorted(urls):
        yield from _file(files, url, list_name)


def _file(files: Files, url: str, list_name: str) -> Iterator[TableRow | Problem]:
    info = files.info(url)
    size = info.size if info else 0
    if size == 0:
        return
    try:
        shape = sniff_format(files, url, size)
        if shape.format == "empty":
            return
        if shape.format in ("csv", "tsv"):
            yield from _csv(
                url, _text(files, url, shape.packing), "\t" if shape.format == "tsv" else ","
            )
        elif shape.format == "yaml":
            yield from _yaml(url, _text(files, url, shape.packing), list_name)
        elif shape.format == "parquet":
            yield from _parquet(files, url)
        elif shape.format in ("lines", "values"):
            yield from _lines(files, url, shape)
        elif shape.format == "document":
            yield from _document(url, _bytes(files, url, shape.packing), list_name)
        else:
            way = "; unpack the archive, or save the sheet as CSV" if shape.format == ZIP else ""
            yield Problem(url, None, "", f"neither JSON lines, JSON, CSV, YAML nor Parquet{way}")
    except NotReadable as e:
        yield Problem(url, None, "", e.detail)
    except DamagedStream as e:
        yield Problem(url, None, "", e.detail)
    except UnicodeDecodeError as e:
        yield Problem(
            url, None, "", f"not UTF-8 from byte {e.start} on; convert it with iconv -t UTF-8"
        )
    except ParseError as e:
        yield Problem(url, None, "", e.detail)


def _bytes(files: Files, url: str, packing: str) -> bytes:
    out = bytearray()
    for block in read_blocks(files, url, packing):
        out += block
        if len(out) > MAX_FILE_BYTES:
            raise ParseError(
                "record_too_large", f"more than {MAX_FILE_BYTES >> 20} MiB; write it as JSON lines"
            )
    return bytes(out).removeprefix(b"\xef\xbb\xbf")


def _text(files: Files, url: str, packing: str) -> str:
    return _bytes(files, url, packing).decode()


def _lines(files: Files, url: str, shape: FileFormat) -> Iterator[TableRow | Problem]:
    stream = read_blocks(files, url, shape.packing)
    for line in (
        LineReader(stream, MAX_ROW_BYTES)
        if shape.format == "lines"
        else ValueReader(stream, MAX_ROW_BYTES)
    ):
        raw = line.raw.strip().removeprefix(b"\xef\xbb\xbf")
        if not raw:
            continue
        try:
            value = load_json(raw)
        except ParseError as e:
            yield Problem(url, line.number, "", e.detail)
            continue
        yield _row(url, line.number or 0, value)


def _document(url: str, raw: bytes, list_name: str) -> Iterator[TableRow | Problem]:
    value = load_json(raw)
    rows = value.get(list_name, value) if isinstance(value, Mapping) else value
    for i, row in enumerate(rows if isinstance(rows, list) else [rows], 1):
        yield _row(url, i, row)


def _row(url: str, line: int, value: Any) -> TableRow | Problem:
    if not isinstance(value, Mapping):
        return Problem(url, line, "", "a row must be an object with named members")
    if type(value) is not dict:
        return Problem(url, line, "", "a member is named twice in one object; keep one of them")
    return TableRow(url, line, {k: v for k, v in value.items() if v is not None})


def _csv(url: str, text: str, delimiter: str) -> Iterator[TableRow | Problem]:
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        names = [n.strip() for n in reader.fieldnames or ()]
        if len(set(names)) < len(names):
            yield Problem(url, 1, "", "two columns have the same name; rename one")
            return
        reader.fieldnames = names
        for row in reader:
            if None in row:
                yield Problem(
                    url,
                    reader.line_num,
                    "",
                    f"more cells than the header's {len(names)}; quote a cell that holds a "
                    f"{delimiter!r}",
                )
                continue
            yield TableRow(
                url,
                reader.line_num,
                {k: v.strip() for k, v in row.items() if isinstance(v, str) and v.strip()},
            )
    except csv.Error:
        yield Problem(url, reader.line_num, "", "not well-formed CSV; check the quotes")


def _yaml(url: str, text: str, list_name: str) -> Iterator[TableRow | Problem]:
    loader = None
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if isinstance(node, yaml.MappingNode):
            node = next((v for k, v in node.value if getattr(k, "value", None) == list_name), node)
        for child in (
            node.value
            if isinstance(node, yaml.SequenceNode)
            else [node]
            if node is not None
            else []
        ):
            line = child.start_mark.line + 1
            keys = [k.value for k, _ in child.value] if isinstance(child, yaml.MappingNode) else []
            if len({str(k) for k in keys}) < len(keys):
                yield Problem(url, line, "", "a member is named twice in one row; keep one of them")
                continue
            yield _row(url, line, loader.construct_document(child))
    except (yaml.YAMLError, ValueError, RecursionError) as e:
        mark = getattr(e, "problem_mark", None)
        yield Problem(
            url,
            mark.line + 1 if mark else None,
            "",
            "not well-formed YAML; check the indentation and quotes",
        )
    finally:
        if loader is not None:
            loader.dispose()


def _parquet(files: Files, url: str) -> Iterator[TableRow | Problem]:
    try:
        groups = row_groups(files, url, MAX_FILE_BYTES, own=True) or []
        if not groups:
            yield Problem(url, None, "", "no readable Parquet footer, or no rows")
        for lot, first in groups:
            for i, row in read_parquet_rows(files, url, lot, first):
                if isinstance(row, BadParquet | BadRow):
                    yield Problem(
                        url,
                        i + 1,
                        "",
                        row.detail
                        if isinstance(row, BadParquet)
                        else "a text column holds bytes that are not UTF-8",
                    )
                else:
                    yield _row(url, i + 1, row)
    except BadParquet as e:
        yield Problem(url, None, "", e.detail)
