"""File format detection by leading content; the name decides only where content is ambiguous.

JSON is lines, one document, or values that run together. It is lines when its first value is closed
on its first line and another one begins on the next. A file of one line reads the same either way;
it counts as a document.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson

from callveil.transforms.ingest.lines import value_end
from callveil.transforms.ingest.plugin_sources import plugin_format
from callveil.transforms.ingest.streams import ZIP, DamagedStream, packing_of, read_blocks
from callveil.transforms.storage.encryption.sealed_body import BEGINNING, SUFFIX

if TYPE_CHECKING:
    from callveil.transforms.storage.files.filesystem import Files

_FIRST_LOOK = 65_536
_LAST_LOOK = 16 << 20
_MOST_LAYERS = 3
_BOM = b"\xef\xbb\xbf"
_SPACE = b" \t\r\n"
_PACKED_SUFFIXES = (".gz", ".zst", ".zstd", ".bz2")
_LINE_SUFFIXES = (".jsonl", ".ndjson")
_JSON_SUFFIXES = (".json", *_LINE_SUFFIXES)
_TABLES = {".csv": "csv", ".tsv": "tsv", ".tab": "tsv", ".yaml": "yaml", ".yml": "yaml"}
_RECORD = re.compile(rb"^[ \t]*[{\[].*[}\]],?[ \t\r]*$", re.MULTILINE)
_CELL = re.compile(r"[A-Za-z_][\w .\-/#()]{0,63}\Z")
_YAML = re.compile(rb"(?:---|%YAML)[\s]|- [\w\"']+[\"']?:|[\w\"']+[\"']?:(?:\s|$)")

REASONS = {
    "archive": "an archive of a kind that is not unpacked",
    "columns": "a columnar or database file other than Parquet",
    "csv": "a table of separated values",
    "encoding": "text that is not UTF-8",
    "encrypted": "encrypted",
    "link": "a link, or no regular file",
    "markup": "HTML or XML",
    "media": "a recording, picture or document",
    "own_output": "written by callveil itself",
    "packed_parquet": "Parquet inside another compression",
    "store": "a store of callveil's",
    "text": "text that is neither JSON nor a table",
    "unknown": "a kind of file that is not known",
    "unreadable": "it cannot be opened",
    "yaml": "YAML",
}
"""Why a file is not read: codes, and what each means."""

_BINARY = (
    (b"%PDF", "media", "a PDF document"),
    (
        b"RIFF",
        "media",
        "a recording or film; recordings go to `callveil watch` or `callveil audio redact`",
    ),
    (
        b"ID3",
        "media",
        "a recording (MP3); recordings go to `callveil watch` or `callveil audio redact`",
    ),
    (
        b"\xff\xfb",
        "media",
        "a recording (MP3); recordings go to `callveil watch` or `callveil audio redact`",
    ),
    (
        b"fLaC",
        "media",
        "a recording (FLAC); recordings go to `callveil watch` or `callveil audio redact`",
    ),
    (
        b"OggS",
        "media",
        "a recording (Ogg); recordings go to `callveil watch` or `callveil audio redact`",
    ),
    (b"\x89PNG", "media", "a picture (PNG)"),
    (b"\xff\xd8\xff", "media", "a picture (JPEG)"),
    (b"GIF8", "media", "a picture (GIF)"),
    (
        b"\xd0\xcf\x11\xe0",
        "media",
        "an old Office document; save the table in it as JSON lines or Parquet",
    ),
    (b"7z\xbc\xaf\x27\x1c", "archive", "a 7z archive; unpack it"),
    (b"Rar!", "archive", "a RAR archive; unpack it"),
    (b"\x04\x22\x4d\x18", "archive", "LZ4; unpack it with `lz4 -d`"),
    (
        b"\xff\x06\x00\x00sNaPpY",
        "archive",
        "Snappy; unpack it, or have the export written with gzip or zstd",
    ),
    (b"\xfd7zXZ\0", "archive", "xz, which tells damage only at its end; unpack it with `xz -d`"),
    (b"LZIP", "archive", "lzip; unpack it with `lzip -d`"),
    (b"\x1f\x9d", "archive", "a file of `compress`; unpack it with `uncompress`"),
    (b"Obj\x01", "columns", "Avro; export JSON lines or Parquet"),
    (b"ORC", "columns", "ORC; export JSON lines or Parquet"),
    (b"ARROW1", "columns", "an Arrow (Feather) file; export JSON lines or Parquet"),
    (b"\xff\xff\xff\xff", "columns", "an Arrow stream; export JSON lines or Parquet"),
    (b"FEA1", "columns", "a Feather file; export JSON lines or Parquet"),
    (b"SEQ\x06", "columns", "a Hadoop sequence file; export JSON lines or Parquet"),
    (b"SQLite format 3\0", "columns", "an SQLite database; export JSON lines or Parquet"),
    (b"\x89HDF", "columns", "HDF5; export JSON lines or Parquet"),
    (b"PGDMP", "columns", "a PostgreSQL dump; export JSON lines or Parquet"),
    (
        b"PARE",
        "encrypted",
        "an encrypted Parquet file; export it without encryption, or JSON lines",
    ),
    (b"-----BEGIN PGP", "encrypted", "encrypted with PGP; decrypt it"),
    (b"Salted__", "encrypted", "encrypted with OpenSSL; decrypt it"),
    (b"age-encryption.org/", "encrypted", "encrypted with age; decrypt it"),
)


@dataclass(frozen=True, slots=True)
class FileFormat:
    """How a file is to be read.

    Attributes:
        format: lines, values (JSON that runs together), document, parquet, sealed, csv, tsv, yaml,
            zip (its members are), empty, or `plugin:<name>`.
        packing: see `streams.read_blocks`.
    """

    format: str
    packing: str = ""


class NotReadable(Exception):
    """A file of a kind that is not read.

    Args:
        reason: a code of `REASONS`.
        detail: what it is and what mends it, one sentence that quotes nothing.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason, self.detail = reason, detail


def sniff_format(
    files: Files, url: str, size: int, member: int = -1, name: str = "", plugins: bool = False
) -> FileFormat:
    """Look at the beginning of a file, or of a member of a zip archive.

    Args:
        size: bytes of the file. member: its place among the archive's members; -1 for none. name:
            its name, where that is not the URL's.
        plugins: ask sources of others first.

    Raises:
        PluginError: one of these cannot be asked.
        NotReadable: it is of a kind that is not read.
        OSError: it cannot be reached.
    """
    name = (name or url).lower()
    packing, head = _unpacked(files, url, member)
    start = head[:4]
    if start == BEGINNING:
        if name.endswith(SUFFIX) and not packing:
            return FileFormat("sealed")
        raise NotReadable(
            "own_output", "sealed by callveil itself; bodies of webhooks keep their suffix .sealed"
        )
    if start == b"PAR1":
        if packing:
            raise NotReadable(
                "packed_parquet",
                "Parquet inside another compression; unpack it, it is compressed within already",
            )
        return FileFormat("parquet")
    for suffix in _PACKED_SUFFIXES:
        name = name.removesuffix(suffix)
    if plugins and head and (theirs := plugin_format(head, name)):
        return FileFormat(theirs, packing)
    _refuse_binary(head)
    text = head.removeprefix(_BOM).lstrip(_SPACE + b"\x1e")
    if not text:
        return _blank(files, url, packing, member, name)
    if text[:1] in (b"{", b"[") and not (name.endswith((".yaml", ".yml")) and _flows(text)):
        return FileFormat(_json(files, url, size, packing, member, name), packing)
    if (
        named := next((kind for suffix, kind in _TABLES.items() if name.endswith(suffix)), "")
    ) and _is_text(head):
        return FileFormat(named, packing)
    if name.endswith(".parquet") and not packing:
        return FileFormat(
            "parquet"
        )  # damaged at its very beginning, which is told where it is read
    return FileFormat(_texts(head, name), packing)


def _unpacked(files: Files, url: str, member: int) -> tuple[str, bytes]:
    """Tell how a file is packed, and its first bytes without that."""
    layers = [ZIP] if member >= 0 else []
    while True:
        packing = "+".join(layers)
        head = _first(files, url, packing, member, _FIRST_LOOK)
        kind = packing_of(head)
        if not kind:
            return packing, head
        if kind == ZIP:
            if layers:
                raise NotReadable("archive", "a zip archive inside another one; unpack it")
            return ZIP, b""
        if len(layers) >= _MOST_LAYERS:
            raise NotReadable(
                "archive", f"compressed more than {_MOST_LAYERS} times over; unpack it"
            )
        if kind == "zlib" and _is_text(head):
            return packing, head
        layers.append(kind)


def _first(files: Files, url: str, packing: str, member: int, most: int) -> bytes:
    """Return the first bytes of a file, unpacked as far as they can be."""
    if not packing:
        return files.read(url, 0, most)
    head = b""
    try:
        for block in read_blocks(files, url, packing, member=member):
            head += block
            if len(head) >= most:
                break
    except DamagedStream:
        if not head:
            return b" "  # told where it is read
    return head[:most]


def _refuse_binary(head: bytes) -> None:
    """Raise `NotReadable` for a file that a signature tells, and for what is no text in UTF-8."""
    for magic, reason, detail in _BINARY:
        if head.startswith(magic) and not _printable(head, magic):
            raise NotReadable(reason, detail)
    if head[257:262] == b"ustar":
        raise NotReadable("archive", "a tar archive; unpack it")
    if head[4:8] == b"ftyp":
        raise NotReadable(
            "media",
            "a recording or film (MP4); recordings go to `callveil watch` or `callveil audio "
            "redact`",
        )
    even, odd = head[:4:2], head[1:4:2]
    if head[:2] in (b"\xff\xfe", b"\xfe\xff") or (
        len(head) >= 4 and b"\0\0" in (even, odd) and even != odd
    ):
        raise NotReadable(
            "encoding", "text in UTF-16 or UTF-32; convert it with `iconv -f UTF-16 -t UTF-8`"
        )


def _printable(head: bytes, magic: bytes) -> bool:
    """Tell whether a signature of letters alone begins what is a text all the same."""
    return magic.isalnum() and _is_text(head)


def _is_text(head: bytes) -> bool:
    """Tell whether bytes are text: no control characters beside spaces."""
    return not re.search(rb"[\0-\x08\x0b\x0c\x0e-\x1a\x1c\x1d\x1f]", head[:4096])


def _blank(files: Files, url: str, packing: str, member: int, name: str) -> FileFormat:
    """Return the format of a file that begins with nothing but space: empty, or damaged before its
    first byte.
    """
    if packing == ZIP and member < 0:
        return FileFormat(ZIP)
    try:
        for block in read_blocks(files, url, packing, member=member):
            if block.strip(_SPACE + b"\x1e" + _BOM):
                return FileFormat("lines", packing)
    except DamagedStream:
        return FileFormat("lines", packing)
    return FileFormat("empty", packing)


def _texts(head: bytes, name: str) -> str:
    """Return the format of a text that does not begin as JSON does. Raises `NotReadable`."""
    if name.endswith(_JSON_SUFFIXES):
        return "lines"  # each line that is none is refused on its own
    if not _is_text(head):
        raise NotReadable(
            "unknown", "neither text nor a known kind of file; export JSON lines or Parquet"
        )
    if any(_closed(line) for line in _RECORD.findall(head)[:20]):
        return "lines"
    if head.removeprefix(_BOM).lstrip()[:1] == b"<":
        raise NotReadable(
            "markup",
            "HTML or XML, such as the error page of a server it was fetched from; export JSON "
            "lines or Parquet",
        )
    try:
        text = head.removeprefix(_BOM).decode(
            "utf-8", "strict" if len(head) < _FIRST_LOOK else "ignore"
        )
    except UnicodeDecodeError:
        raise NotReadable(
            "encoding", "text that is not UTF-8; convert it with `iconv -t UTF-8`"
        ) from None
    delimiter = _delimiter(text)
    if delimiter:
        return {",": "csv", "\t": "tsv"}.get(delimiter, "separated")
    if _YAML.match(head.removeprefix(_BOM).lstrip()):
        return "yaml"
    raise NotReadable("text", "text that is neither JSON nor a table; export JSON lines or Parquet")


def _delimiter(text: str) -> str:
    """Return what separates the cells of a table with a header; empty where a text is none."""
    lines = [line for line in text.splitlines()[:5] if line.strip()]
    for delimiter in ",\t;|" if lines else "":
        try:
            rows = list(csv.reader(lines, delimiter=delimiter))
        except csv.Error:
            continue
        header = [c.strip() for c in rows[0]]
        if (
            len(header) > 1
            and all(_CELL.match(c) for c in header)
            and any(len(r) == len(header) for r in rows[1:] or rows)
        ):
            return delimiter
    return ""


def _json(files: Files, url: str, size: int, packing: str, member: int, name: str) -> str:
    """Return `lines`, `document` or `values`, of a file that begins with a bracket."""
    head, most = b"", _FIRST_LOOK
    while True:
        head = _first(files, url, packing, member, most)
        whole = len(head) < most
        text = head.removeprefix(_BOM).lstrip(_SPACE + b"\x1e")
        end = value_end(text)
        if end is not None or whole or most >= _LAST_LOOK:
            break
        most = _LAST_LOOK
    if end is None:
        return (
            "lines"
            if name.endswith(_LINE_SUFFIXES) or _is_lines(text, whole, packing, size)
            else "document"
        )
    rest = text[end:]
    behind = rest.lstrip(_SPACE + b",\x1e")
    if not behind:
        return "lines" if name.endswith(_LINE_SUFFIXES) or not whole else "document"
    between = rest[: len(rest) - len(behind)]
    if behind[:1] not in (b"{", b"[") and b"\n" not in between:
        return "lines" if name.endswith(_LINE_SUFFIXES) or b"\n" in behind else "document"
    if b"\n" in between and b"\n" not in text[:end] and not {*b",\x1e"} & {*between}:
        return "lines"
    return "values"


def _flows(text: bytes) -> bool:
    """Tell whether what begins with a bracket is YAML's own way of writing lists and objects, and
    no JSON.
    """
    end = value_end(text)
    return end is None or not _closed(text[:end])


def _is_lines(text: bytes, whole: bool, packing: str, size: int) -> bool:
    """Tell whether JSON whose first value does not end where it should is lines, of which the first
    is broken.
    """
    first, feed, rest = text.partition(b"\n")
    second = rest.lstrip(b"\r\n\t ")
    first = first.rstrip()
    if text[:1] == b"[":
        return _closed(first) and second[:1] == b"["
    if not feed:
        return not whole and not packing and size > _LAST_LOOK
    if second[:1] not in (b"{", b"["):
        return bool(second) and _closed(first)
    return first[-1:] not in (b",", b"[", b"{", b":")


def _closed(line: bytes) -> bool:
    try:
        orjson.loads(line.strip().removesuffix(b","))
    except orjson.JSONDecodeError:
        return False
    return True
