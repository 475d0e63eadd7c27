"""Which format a file has: by its name where that says it, else by how it begins.

`.json` may be lines or one document. It is lines when it begins with an object that is closed on its first line and another one begins on the
next. A file of one line reads the same either way; it counts as a document.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson

from callveil.transforms.ingest.bodies import BEGINNING, SUFFIX
from callveil.transforms.ingest.streams import MAGIC, DamagedStream, blocks

if TYPE_CHECKING:
    from callveil.transforms.store.files import Files

_FIRST_LOOK = 65_536
_LAST_LOOK = 16 << 20
_BOM = b"\xef\xbb\xbf"
_LINE_SUFFIXES = (".jsonl", ".ndjson")


@dataclass(frozen=True, slots=True)
class Shape:
    """Format (lines, document, parquet or sealed) and compression (gzip, zstd or empty) of a file."""

    format: str
    compression: str = ""


def sniff(files: Files, url: str, size: int) -> Shape:
    """Look at the beginning of a file. Raises OSError where it cannot be read."""
    start = files.read(url, 0, 4)
    if start == BEGINNING and url.lower().endswith(SUFFIX):
        return Shape("sealed")
    if start == b"PAR1" or url.lower().endswith(".parquet"):
        return Shape("parquet")
    name = url.lower()
    compression = next((kind for magic, kind in MAGIC.items() if start.startswith(magic)), "")
    plain = start.lstrip(b" \t\r\n\xef\xbb\xbf")[:1] in (b"{", b"[")  # some clients unpack while downloading and keep the name
    for suffix, kind in ((".gz", "gzip"), (".zst", "zstd"), (".zstd", "zstd")):
        if name.endswith(suffix):
            name, compression = name.removesuffix(suffix), compression or ("" if plain else kind)
    if name.endswith(_LINE_SUFFIXES):
        return Shape("lines", compression)
    return Shape("lines" if _is_lines(files, url, size, compression) else "document", compression)


def _is_lines(files: Files, url: str, size: int, compression: str) -> bool:
    head = b""
    whole = True
    try:
        for block in blocks(files, url, compression, 0, None if compression else min(size, _LAST_LOOK)):
            head += block
            if len(head) >= _LAST_LOOK or (len(head) >= _FIRST_LOOK and _second_line(head)):
                whole = False
                break
    except DamagedStream:
        whole = False
    text = head.removeprefix(_BOM).lstrip()
    first, feed, rest = text.partition(b"\n")
    second = rest.lstrip(b"\r\n\t ")
    first = first.rstrip()
    if text[:1] == b"[":
        return _closed(first) and second[:1] == b"["
    if text[:1] != b"{":
        return True  # no JSON: each line is refused on its own
    if not feed:
        return not whole and not compression and size > _LAST_LOOK
    if second[:1] not in (b"{", b"["):
        return bool(second) and _closed(first)
    return first[-1:] not in (b",", b"[", b"{", b":")


def _second_line(head: bytes) -> bool:
    _, feed, rest = head.lstrip().partition(b"\n")
    return bool(feed and rest.strip())


def _closed(line: bytes) -> bool:
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    return True
