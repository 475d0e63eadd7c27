"""Version logs to `RawVersion`s: JSON lines, JSON documents, CSV, YAML and Parquet, from disk or
S3.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import yaml

from callveil.schemas.fields import FieldError
from callveil.schemas.interaction import SourceRef
from callveil.schemas.json_types import JsonObject
from callveil.schemas.rejected import Rejected
from callveil.schemas.version import RawVersion
from callveil.transforms.ingest.chunks import CHUNK_BYTES, InputChunk, InputPlan, plan_input
from callveil.transforms.ingest.chunks import READ as RECORDS
from callveil.transforms.ingest.discover import InputFile, find_input
from callveil.transforms.ingest.lines import LineReader, ValueReader
from callveil.transforms.ingest.parquet_source import BadParquet, BadRow, read_parquet_rows
from callveil.transforms.ingest.read import InputChanged
from callveil.transforms.ingest.streams import DamagedStream, read_blocks
from callveil.transforms.ingest.versions.csv_source import read_csv
from callveil.transforms.ingest.versions.normalize import normalize_version
from callveil.transforms.ingest.versions.yaml_json import node_value, yaml_documents
from callveil.transforms.storage.files.strict_json import ParseError, dump_json, load_json

if TYPE_CHECKING:
    from callveil.schemas.policy import InputLimits
    from callveil.transforms.storage.files.filesystem import Files

Read = RawVersion | Rejected
READ = (RECORDS - {"sealed", "plugin"}) | {"csv", "tsv", "yaml"}
"""Formats of version logs."""
LISTS = ("versions", "records", "data", "items", "results", "events", "audits", "changes_log")
"""Members of a page that hold its versions."""
_BOM = b"\xef\xbb\xbf"
_SPACE = b" \t\r\n"
_ITEM = re.compile(r"(?:-|---)(?:\s|$)")
"""Line that begins an item of a list, or a document."""


def plan_versions(
    files: Files, patterns: Sequence[str], chunk_bytes: int = CHUNK_BYTES
) -> InputPlan:
    """Find the input and cut it up, as `ingest.chunks.plan_input` does, which see; tables and YAML
    are read too.
    """
    return plan_input(files, patterns, chunk_bytes, reads=READ)


def list_inputs(files: Files, patterns: Sequence[str]) -> list[InputFile]:
    """Return the files that `plan_versions` would look into, in order of URL; none where there are
    none yet. They are not opened.

    Raises `InputError` for a place that lies in a store.
    """
    found = find_input(files, patterns, later=True).files
    return [InputFile(i.url, i.size, i.etag) for _, i in sorted(found.items())]


def read_versions(files: Files, chunk: InputChunk, limits: InputLimits) -> Iterator[Read]:
    """Read one chunk, streaming; a YAML or JSON document is held whole, at most
    `limits.document_bytes`.

    Yields: in the order of the file, a `RawVersion` or `Rejected` for each record, plus one
        `Rejected` for the rest of a damaged stream.

    Raises:
        InputChanged: the file was replaced or cut since planning.
        OSError: reading failed midway; the chunk can be read again.
    """
    now = files.info(chunk.url)
    if now is None or now.size < chunk.size or (now.size == chunk.size and now.etag != chunk.etag):
        raise InputChanged(
            f"{chunk.url}: was removed, replaced or cut while the run was going on; start the run "
            "again"
        )
    readers = {
        "parquet": _parquet,
        "document": _document,
        "csv": _csv,
        "tsv": _csv,
        "yaml": _yaml,
        "values": _values,
    }
    yield from readers.get(chunk.format, _lines)(files, chunk, limits)


def read_version(raw: bytes, source: SourceRef, limits: InputLimits) -> Iterator[Read]:
    """Yield the versions of one JSON text: a line, a page, or a message of a stream.

    Args:
        raw: UTF-8 JSON.
        source: where it came from.
        limits: bounds; more than `record_bytes` is rejected.
    """
    if len(raw) > limits.record_bytes:
        detail = (
            f"{len(raw)} bytes; the limit is {limits.record_bytes} (limits.record_bytes in "
            "the policy)"
        )
        yield Rejected(source, "ingest", "record_too_large", detail, "", raw[: limits.record_bytes])
        return
    try:
        doc = load_json(raw.removeprefix(_BOM))
    except Exception as problem:  # noqa: BLE001 - one record must not end the run
        yield Rejected(source, "ingest", *_fault(problem), "", raw)
        return
    yield from _expand(doc, raw, source, limits)


def _fault(problem: Exception) -> tuple[str, str]:
    """Return reason and detail of a record that could not be read. Of a fault of ours only the type
    is told, for its message may quote content.
    """
    if isinstance(problem, ParseError):
        return problem.reason, problem.detail
    return (
        "internal_error",
        f"{type(problem).__name__} while reading the version; please report this",
    )


def _expand(doc: Any, raw: bytes | None, source: SourceRef, limits: InputLimits) -> Iterator[Read]:
    shared: JsonObject = {}
    rows = doc
    if isinstance(doc, Mapping) and doc.get("item_type") is None:
        name = next((n for n in LISTS if isinstance(doc.get(n), list)), None)
        if name:
            rows = doc[name]
            shared = {k: doc[k] for k in ("account_id", "agency_id") if doc.get(k) is not None}
        elif isinstance(doc.get("version"), Mapping):
            rows = doc["version"]
    if not isinstance(rows, list):
        yield _one(rows, raw, source, limits)
        return
    for i, row in enumerate(rows):
        whole = {**shared, **row} if shared and isinstance(row, Mapping) else row
        yield _one(whole, None, SourceRef(source.file, source.line, source.offset, i), limits)


def _one(value: Any, raw: bytes | None, source: SourceRef, limits: InputLimits) -> Read:
    try:
        return normalize_version(value, source, limits)
    except FieldError as e:
        reason, path, detail = e.reason, e.path, e.detail
    except Exception as e:  # noqa: BLE001 - one record that hits a fault of ours must not end the run; it is refused and counted
        (reason, detail), path = _fault(e), ""
    account = value.get("account_id") if isinstance(value, Mapping) else None
    shown = (
        str(account)
        if isinstance(account, int | str) and str(account).isalnum() and len(str(account)) <= 64
        else ""
    )
    return Rejected(
        source,
        "ingest",
        reason,
        detail,
        path,
        (dump_json(value) if raw is None else raw)[: limits.record_bytes],
        shown,
    )


def _lines(files: Files, chunk: InputChunk, limits: InputLimits) -> Iterator[Read]:
    first = chunk.start == 0
    begin = (
        0 if first else chunk.start - 1
    )  # one byte early: a line that begins right at `start` is ours
    stream = read_blocks(files, chunk.url, chunk.compression, begin, chunk.size, chunk.member)
    reader = LineReader(
        stream,
        limits.record_bytes,
        offset=begin,
        number=chunk.first_line,
        skip_first=not first,
        end=None if chunk.compression else chunk.end,
    )
    yield from _each(reader, chunk, limits)


def _values(files: Files, chunk: InputChunk, limits: InputLimits) -> Iterator[Read]:
    stream = read_blocks(files, chunk.url, chunk.compression, 0, chunk.size, chunk.member)
    yield from _each(ValueReader(stream, limits.record_bytes), chunk, limits)


def _each(
    reader: LineReader | ValueReader, chunk: InputChunk, limits: InputLimits
) -> Iterator[Read]:
    try:
        for line in reader:
            source = SourceRef(chunk.place, line.number, line.offset)
            if line.too_long:
                detail = (
                    f"{line.size} bytes; the limit is {limits.record_bytes} "
                    "(limits.record_bytes in the policy)"
                )
                yield Rejected(source, "ingest", "record_too_large", detail, "", line.raw)
                continue
            raw = line.raw.strip(_SPACE).removeprefix(_BOM).strip(_SPACE)
            if raw:
                yield from read_version(raw, source, limits)
    except DamagedStream as e:
        tail = reader.tail
        source = SourceRef(
            chunk.place, tail.number if tail else None, tail.offset if tail else None
        )
        yield Rejected(
            source,
            "ingest",
            "bad_compression",
            f"{e.detail}; all complete lines before were read",
            "",
            tail.raw if tail else b"",
        )


def _whole(files: Files, chunk: InputChunk, limits: InputLimits) -> bytes | Rejected:
    parts, size = [], 0
    try:
        for block in read_blocks(files, chunk.url, chunk.compression, 0, chunk.size, chunk.member):
            parts.append(block)
            size += len(block)
            if size > limits.document_bytes:
                detail = (
                    f"one document of more than {limits.document_bytes} bytes; write it as "
                    "JSON lines, or raise limits.document_bytes in the policy"
                )
                return Rejected(
                    SourceRef(chunk.place, 1, 0),
                    "ingest",
                    "record_too_large",
                    detail,
                    "",
                    b"".join(parts)[: limits.record_bytes],
                )
    except DamagedStream as e:
        raw = b"".join(parts)[: limits.record_bytes]
        return Rejected(
            SourceRef(chunk.place, 1, 0),
            "ingest",
            "bad_compression",
            f"{e.detail}; a document cannot be read in part",
            "",
            raw,
        )
    return b"".join(parts).removeprefix(_BOM)


def _document(files: Files, chunk: InputChunk, limits: InputLimits) -> Iterator[Read]:
    raw = _whole(files, chunk, limits)
    if isinstance(raw, Rejected):
        yield raw
        return
    source = SourceRef(chunk.place, 1, 0)
    if not raw.strip(_SPACE):
        return
    try:
        doc = load_json(raw)
    except Exception as problem:  # noqa: BLE001 - as above
        yield Rejected(source, "ingest", *_fault(problem), "", raw[: limits.record_bytes])
        return
    yield from _expand(doc, raw if len(raw) <= limits.record_bytes else None, source, limits)


def _yaml(files: Files, chunk: InputChunk, limits: InputLimits) -> Iterator[Read]:
    """Yield a list of versions, `{versions: [...]}`, or a stream of documents with one version
    each. A rejected one is told by its line.
    """
    raw = _whole(files, chunk, limits)
    if isinstance(raw, Rejected):
        yield raw
        return
    try:
        text = raw.decode()
    except UnicodeDecodeError as e:
        yield Rejected(
            SourceRef(chunk.place, 1, 0),
            "ingest",
            "bad_utf8",
            f"not UTF-8 from byte {e.start} on",
            "",
            raw[: limits.record_bytes],
        )
        return
    lines = text.split("\n")
    done = 0
    try:
        for node in yaml_documents(text):
            yield from _yaml_versions(node, lines, 0, chunk, limits)
            done = node.end_mark.line
    except ParseError as e:
        yield from _yaml_parts(lines, done, e, chunk, limits)


def _yaml_versions(
    node: yaml.Node,
    lines: list[str],
    first: int,
    chunk: InputChunk,
    limits: InputLimits,
    shared: Mapping[str, Any] | None = None,
) -> Iterator[Read]:
    """Yield versions of one document whose text begins at line `first` (from 0) of the file."""
    for child, own in _yaml_rows(node):
        start = first + child.start_mark.line
        source = SourceRef(chunk.place, start + 1)
        content = _bytes(lines[start : first + child.end_mark.line + 1], limits)
        try:
            value = node_value(child)
        except Exception as problem:  # noqa: BLE001 - one record must not end the run
            yield Rejected(source, "ingest", *_fault(problem), "", content)
            continue
        own = {**(shared or {}), **own}
        yield _one(
            {**own, **value} if own and isinstance(value, Mapping) else value,
            content,
            source,
            limits,
        )


def _yaml_parts(
    lines: list[str], done: int, problem: ParseError, chunk: InputChunk, limits: InputLimits
) -> Iterator[Read]:
    """Yield where a document is not well formed, its items (or the documents behind it) each by
    itself, so that one costs the others nothing.
    """
    starts = [i for i in range(done, len(lines)) if _ITEM.match(lines[i])]
    parts = list(zip([done, *starts], [*starts, len(lines)], strict=True))
    shared: JsonObject = {}
    for begin, end in parts:
        part = lines[begin:end]
        if not any(line.strip("- \t\r") for line in part):
            continue
        try:
            nodes = list(yaml_documents("\n".join(part)))
            if (
                begin == done and begin not in starts and starts
            ):  # what stands before the first item
                shared = _shared(nodes[0]) if nodes else {}
                continue
        except ParseError as own:
            told = own if starts else problem
            source = SourceRef(chunk.place, begin + 1)
            yield Rejected(source, "ingest", told.reason, told.detail, "", _bytes(part, limits))
            continue
        for node in nodes:
            yield from _yaml_versions(node, lines, begin, chunk, limits, shared)


def _bytes(lines: list[str], limits: InputLimits) -> bytes:
    return "\n".join(lines).encode("utf-8", "surrogatepass")[: limits.record_bytes]


def _yaml_rows(node: yaml.Node) -> Iterator[tuple[yaml.Node, JsonObject]]:
    shared: JsonObject = {}
    if isinstance(node, yaml.MappingNode):
        members = {k.value: v for k, v in node.value if isinstance(k, yaml.ScalarNode)}
        held = next(
            (members[n] for n in LISTS if isinstance(members.get(n), yaml.SequenceNode)), None
        )
        if held is not None and "item_type" not in members:
            shared = _shared(node)
            node = held
    for child in node.value if isinstance(node, yaml.SequenceNode) else [node]:
        yield child, shared


def _shared(node: yaml.Node) -> JsonObject:
    """Return what a page says of all its versions."""
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    members = {k.value: v for k, v in pairs if isinstance(k, yaml.ScalarNode)}
    return {
        k: node_value(members[k])
        for k in ("account_id", "agency_id")
        if isinstance(members.get(k), yaml.ScalarNode)
    }


def _csv(files: Files, chunk: InputChunk, limits: InputLimits) -> Iterator[Read]:
    yield from read_csv(files, chunk, limits, _one)


def _parquet(files: Files, chunk: InputChunk, limits: InputLimits) -> Iterator[Read]:
    try:
        for row, value in read_parquet_rows(files, chunk.url, chunk.row_groups, chunk.first_row):
            source = SourceRef(chunk.place, index=row)
            if isinstance(value, BadParquet):
                yield Rejected(source, "ingest", "bad_parquet", value.detail)
            elif isinstance(value, BadRow):
                yield Rejected(source, "ingest", value.reason, value.detail, "", value.raw)
            else:
                yield _one(value, None, source, limits)
    except BadParquet as e:
        yield Rejected(SourceRef(chunk.place), "ingest", "bad_parquet", e.detail)
