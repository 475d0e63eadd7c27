"""A chunk to records: every line, entry or row comes out, as an interaction or as one rejection
with its reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import count
from typing import TYPE_CHECKING, Any

from callveil.schemas.errors import CallveilError
from callveil.schemas.fields import FieldError
from callveil.schemas.interaction import RawInteraction, SourceRef
from callveil.schemas.policy import DetectionSettings
from callveil.schemas.rejected import Rejected
from callveil.transforms.detect.budget import Budget, TimedOut, reason_of
from callveil.transforms.ingest.documents import WRAPPERS, expand_document
from callveil.transforms.ingest.lines import Line, LineReader, ValueReader
from callveil.transforms.ingest.normalise import NO_ZONES, normalize_interaction
from callveil.transforms.ingest.parquet_source import BadParquet, BadRow, read_parquet_rows
from callveil.transforms.ingest.plugin_sources import read_plugin_records
from callveil.transforms.ingest.streams import DamagedStream, read_blocks
from callveil.transforms.storage.encryption.encrypted_file import SealedError
from callveil.transforms.storage.encryption.keyring import KeyringError
from callveil.transforms.storage.encryption.sealed_body import decrypt_body
from callveil.transforms.storage.files.strict_json import ParseError, dump_json, load_json, peek_key

if TYPE_CHECKING:
    from callveil.schemas.policy import InputLimits
    from callveil.transforms.ingest.chunks import InputChunk
    from callveil.transforms.storage.encryption.keyring import Keyring
    from callveil.transforms.storage.files.filesystem import Files

Read = RawInteraction | Rejected
DEFAULT = DetectionSettings()
"""What reading a record may cost in CPU time, whatever a policy grants detection."""
_BOM = b"\xef\xbb\xbf"
_SPACE = b" \t\r\n"
_ENVELOPES = frozenset(WRAPPERS)


class InputChanged(CallveilError, OSError):
    """A file is no longer what it was when the run was planned, so its records cannot be told apart
    any more.
    """


def read_chunk(
    files: Files,
    chunk: InputChunk,
    limits: InputLimits,
    zones: Mapping[str, str] = NO_ZONES,
    keyring: Keyring | None = None,
) -> Iterator[Read]:
    """Read one chunk, streaming.

    Memory: one line, one document (at most `limits.document_bytes` and what parsing it takes) or
        one batch of Parquet rows. A line above
    `limits.record_bytes` is passed over; its first `record_bytes` are kept and the rejection tells
    where the rest stands. A file that has grown since planning is read as far as it was planned.

    Args:
        files: where the chunk's file is.
        chunk: from `plan_chunks`.
        limits: bounds on records and documents.
        zones: IANA zone by account id, for times without an offset.
        keyring: opens sealed bodies; without it they are rejected.

    Yields: in the order of the file, a `RawInteraction` or `Rejected` for each record, plus one
        `Rejected` for the rest of a damaged stream.

    Raises:
        InputChanged: the file was replaced or cut since planning.
        OSError: reading failed midway (the network, say); what came before stands, and the chunk
            can be read again.
    """
    now = files.info(chunk.url)
    if now is None or now.size < chunk.size or (now.size == chunk.size and now.etag != chunk.etag):
        raise InputChanged(
            f"{chunk.url}: was removed, replaced or cut while the run was going on; start the run "
            "again"
        )
    try:
        files.read(chunk.url, chunk.start, 1)
    except PermissionError as e:
        detail = f"{type(e).__name__}: the file cannot be opened; check its permissions"
        yield Rejected(
            SourceRef(chunk.place, offset=chunk.start), "ingest", "unreadable_file", detail
        )
        return
    if chunk.format == "sealed":
        yield from _sealed(files, chunk, limits, zones, keyring)
        return
    readers = {"parquet": _parquet, "document": _document, "values": _values, "plugin": _plugin}
    kind = chunk.format.partition(":")[0]
    yield from readers.get(kind, _lines)(files, chunk, limits, zones)


def read_record(
    raw: bytes, source: SourceRef, limits: InputLimits, zones: Mapping[str, str] = NO_ZONES
) -> Iterator[Read]:
    """Yield the records of one JSON text: a line, or the body of a webhook.

    Args:
        raw: UTF-8 JSON: a record, an envelope around one, a page or an array.
        source: where it came from.
        limits: bounds; `raw` above `record_bytes` is rejected.
        zones: IANA zone by account id, for times without an offset.
    """
    if len(raw) > limits.record_bytes:
        yield _too_long(
            Line(raw[: limits.record_bytes], source.offset or 0, source.line, len(raw)),
            source,
            limits.record_bytes,
        )
        return
    try:
        doc = load_json(raw.removeprefix(_BOM))
    except ParseError as e:
        if e.reason == "bad_json" and len(parts := _parts(raw)) > 1:
            for part in parts:
                place = SourceRef(
                    source.file,
                    source.line,
                    None if source.offset is None else source.offset + part.offset,
                    source.index,
                )
                yield from read_record(part.raw, place, limits, zones)
            return
        account, interaction = peek_key(raw, _ENVELOPES)
        yield Rejected(source, "ingest", e.reason, e.detail, "", raw, account, interaction)
        return
    yield from read_document(doc, raw, source, limits, zones)


def _parts(raw: bytes) -> list[Line]:
    """JSON values that run together in one line, as Firehose writes them; none where anything else
    stands beside them, or the first is broken.
    """
    parts = list(ValueReader([raw], len(raw)))
    if len(parts) < 2 or any(part.raw[:1] not in (b"{", b"[") for part in parts):
        return []
    try:
        load_json(parts[0].raw)
    except ParseError:
        return []
    return parts


def read_document(
    doc: Any,
    raw: bytes | None,
    source: SourceRef,
    limits: InputLimits,
    zones: Mapping[str, str] = NO_ZONES,
) -> Iterator[Read]:
    """Yield the records of a parsed document: a record, an envelope around one, a page or an array.

    Args:
        raw: its text, where it is at hand. source, limits, zones: as for `read_record`.
    """
    items = expand_document(doc)
    while True:
        try:
            item = next(items, None)
        except Exception as e:  # noqa: BLE001 - as in `_one`
            kept = dump_json(doc) if raw is None else raw
            detail = f"{type(e).__name__} while the document was taken apart; please report this"
            yield Rejected(
                source,
                "ingest",
                "internal_error",
                detail,
                "",
                kept[: limits.record_bytes],
                *peek_key(kept, _ENVELOPES),
            )
            return
        if item is None:
            return
        place = (
            source
            if item.index is None
            else SourceRef(source.file, source.line, source.offset, item.index)
        )
        yield _one(
            item.value, raw if item.index is None else None, place, limits, zones, item.kind_hint
        )


def _one(
    value: Any,
    raw: bytes | None,
    source: SourceRef,
    limits: InputLimits,
    zones: Mapping[str, str],
    kind: str = "",
) -> Read:
    try:
        return Budget.of(DEFAULT, 0 if raw is None else len(raw)).run(
            lambda: normalize_interaction(value, source, limits, zones, kind)
        )
    except FieldError as e:
        reason, path, detail = e.reason, e.path, e.detail
    except TimedOut as e:
        path, (reason, detail) = "", reason_of(e)
    except Exception as e:  # noqa: BLE001 - one record that hits a fault of ours must not end the run; it is refused and counted
        reason, path, detail = (
            "internal_error",
            "",
            f"{type(e).__name__} while reading the record; please report this",
        )
    raw = dump_json(value) if raw is None else raw
    account, interaction = peek_key(raw, _ENVELOPES)
    return Rejected(
        source, "ingest", reason, detail, path, raw[: limits.record_bytes], account, interaction
    )


def _sealed(
    files: Files,
    chunk: InputChunk,
    limits: InputLimits,
    zones: Mapping[str, str],
    keyring: Keyring | None,
) -> Iterator[Read]:
    source = SourceRef(chunk.place)
    if keyring is None:
        yield Rejected(
            source, "ingest", "unreadable_file", "a sealed body needs the keyring that sealed it"
        )
        return
    try:
        body = decrypt_body(files.read(chunk.url), keyring)
    except (SealedError, KeyringError) as e:
        detail = (
            "a sealed body that cannot be opened: it was changed or cut off, or sealed with "
            "a "
            "key this keyring lacks"
        )
        yield Rejected(source, "ingest", "unreadable_file", f"{detail} ({type(e).__name__})")
        return
    yield from read_record(body, source, limits, zones)


def _lines(
    files: Files, chunk: InputChunk, limits: InputLimits, zones: Mapping[str, str]
) -> Iterator[Read]:
    first = chunk.start == 0
    begin = (
        0 if first else chunk.start - 1
    )  # one byte early: a line that begins right at `start` is ours
    stream = read_blocks(files, chunk.url, chunk.compression, begin, chunk.size, chunk.member)
    end = None if chunk.compression else chunk.end
    reader = LineReader(
        stream,
        limits.record_bytes,
        offset=begin,
        number=chunk.first_line,
        skip_first=not first,
        end=end,
    )
    yield from _each(reader, chunk, limits, zones)


def _values(
    files: Files, chunk: InputChunk, limits: InputLimits, zones: Mapping[str, str]
) -> Iterator[Read]:
    stream = read_blocks(files, chunk.url, chunk.compression, 0, chunk.size, chunk.member)
    yield from _each(ValueReader(stream, limits.record_bytes), chunk, limits, zones)


def _each(
    reader: LineReader | ValueReader,
    chunk: InputChunk,
    limits: InputLimits,
    zones: Mapping[str, str],
) -> Iterator[Read]:
    try:
        for line in reader:
            yield from _line(line, chunk.place, limits, zones)
    except DamagedStream as e:
        tail = reader.tail
        source = SourceRef(
            chunk.place, tail.number if tail else None, tail.offset if tail else None
        )
        yield Rejected(
            source,
            "ingest",
            "bad_compression",
            e.detail + "; all complete lines before were read",
            "",
            tail.raw if tail else b"",
        )


def _line(line: Line, url: str, limits: InputLimits, zones: Mapping[str, str]) -> Iterator[Read]:
    source = SourceRef(url, line.number, line.offset)
    if line.too_long:
        yield _too_long(line, source, limits.record_bytes)
        return
    raw = line.raw.strip(_SPACE).removeprefix(_BOM).strip(_SPACE)
    if raw:
        yield from read_record(raw, source, limits, zones)


def _too_long(line: Line, source: SourceRef, limit: int) -> Rejected:
    detail = (
        f"{line.size} bytes; the limit is {limit}. The first {len(line.raw)} bytes are kept here, "
        f"the other {line.size - len(line.raw)} stand in the "
        f"file from byte {line.offset + len(line.raw)} on (of the uncompressed stream). Raise "
        "limits.record_bytes in the policy to read it."
    )
    return Rejected(
        source, "ingest", "record_too_large", detail, "", line.raw, *peek_key(line.raw, _ENVELOPES)
    )


def _document(
    files: Files, chunk: InputChunk, limits: InputLimits, zones: Mapping[str, str]
) -> Iterator[Read]:
    source = SourceRef(chunk.place, 1, 0)
    parts: list[bytes] = []
    size = 0
    try:
        for block in read_blocks(files, chunk.url, chunk.compression, 0, chunk.size, chunk.member):
            parts.append(block)
            size += len(block)
            if size > limits.document_bytes:
                detail = (
                    f"one JSON document of more than {limits.document_bytes} bytes; write it as "
                    "JSON lines (jq -c '.[]' or '.calls[]') "
                    "or raise limits.document_bytes in the policy"
                )
                raw = b"".join(parts)[: limits.record_bytes]
                yield Rejected(
                    source,
                    "ingest",
                    "record_too_large",
                    f"{detail}. The first {len(raw)} bytes are kept here.",
                    "",
                    raw,
                )
                return
    except DamagedStream as e:
        raw = b"".join(parts)[: limits.record_bytes]
        detail = f"{e.detail}; a JSON document cannot be read in part"
        yield Rejected(
            source, "ingest", "bad_compression", detail, "", raw, *peek_key(raw, _ENVELOPES)
        )
        return
    raw = b"".join(parts).removeprefix(_BOM)
    parts.clear()
    if not raw.strip(_SPACE):
        return
    try:
        doc = load_json(raw)
    except ParseError as e:
        kept = raw[: limits.record_bytes]
        more = (
            ""
            if len(kept) == len(raw)
            else (
                f"; the first {len(kept)} of {len(raw)} bytes are kept here, the rest stands in "
                "the file"
            )
        )
        yield Rejected(
            source, "ingest", e.reason, e.detail + more, "", kept, *peek_key(kept, _ENVELOPES)
        )
        return
    alone = raw if len(raw) <= limits.record_bytes else None
    yield from read_document(doc, alone, source, limits, zones)


def _plugin(
    files: Files, chunk: InputChunk, limits: InputLimits, zones: Mapping[str, str]
) -> Iterator[Read]:
    ours: list[OSError | DamagedStream] = []  # whatever the plugin makes of them

    def blocks() -> Iterator[bytes]:
        try:
            yield from read_blocks(files, chunk.url, chunk.compression, 0, chunk.size, chunk.member)
        except (OSError, DamagedStream) as e:
            ours.append(e)
            raise

    records = read_plugin_records(chunk.format, blocks())
    for row in count():
        source = SourceRef(chunk.place, index=row)
        try:
            record = next(records, None)
        except Exception as e:  # noqa: BLE001 - code of others; its text may quote content
            reason, said = "unreadable_file", f"{chunk.format} raised {type(e).__name__}"
            for fault in ours:
                if isinstance(fault, OSError):
                    raise fault from None
                reason, said = "bad_compression", fault.detail
            yield Rejected(source, "ingest", reason, f"{said}; all records before were read")
            return
        if record is None:
            return
        yield from read_document(record, None, source, limits, zones)


def _parquet(
    files: Files, chunk: InputChunk, limits: InputLimits, zones: Mapping[str, str]
) -> Iterator[Read]:
    try:
        for row, value in read_parquet_rows(files, chunk.url, chunk.row_groups, chunk.first_row):
            source = SourceRef(chunk.place, index=row)
            if isinstance(value, BadParquet):
                yield Rejected(source, "ingest", "bad_parquet", value.detail)
            elif isinstance(value, BadRow):
                yield Rejected(
                    source,
                    "ingest",
                    value.reason,
                    value.detail,
                    "",
                    value.raw,
                    *peek_key(value.raw),
                )
            else:
                yield _one(value, None, source, limits, zones)
    except BadParquet as e:
        yield Rejected(SourceRef(chunk.place), "ingest", "bad_parquet", e.detail)
