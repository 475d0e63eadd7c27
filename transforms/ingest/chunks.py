"""What there is to read, cut into pieces that workers can read apart from each other."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from callveil.transforms.ingest.parquet_source import row_groups
from callveil.transforms.ingest.sniff import Shape, sniff

if TYPE_CHECKING:
    from callveil.transforms.store.files import FileInfo, Files

CHUNK_BYTES = 32 << 20
SUFFIXES = (
    ".json", ".jsonl", ".ndjson", ".parquet", ".json.gz", ".jsonl.gz", ".ndjson.gz", ".json.zst", ".jsonl.zst", ".ndjson.zst",
    ".sealed",
)  # fmt: skip
"""Names that a folder or a bare wildcard takes; another file is taken when its name or suffix is given."""

_WILD = re.compile(r"[*?\[]")
_COUNT_BLOCK = 4 << 20


class InputError(ValueError):
    """A pattern that names nothing to read; a usage error."""


@dataclass(frozen=True, order=True)
class InputFile:
    """A file that is read, for the manifest. Size in bytes; the etag tells one version of it from another."""

    url: str
    size: int
    etag: str

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {"url": self.url, "size": self.size, "etag": self.etag}


@dataclass(frozen=True)
class InputChunk:
    """A piece of one file that is read by one call of `read_chunk`.

    Attributes:
        ordinal: place among all chunks of the run, from 0; stable for the same files.
        url, size, etag: the file, as it was when planned.
        format: lines, document, parquet or sealed.
        compression: gzip, zstd or empty.
        start, end: bytes of the file; of lines, those that begin in [start, end). Empty compressed files and documents are one chunk.
        first_line: number of the first line that begins here; None where lines before were not counted.
        row_groups: of a Parquet file; empty where its footer cannot be read.
        first_row: 0-based row of the first of them.
    """

    ordinal: int
    url: str
    size: int
    etag: str
    format: str
    compression: str = ""
    start: int = 0
    end: int = 0
    first_line: int | None = 1
    row_groups: tuple[int, ...] = ()
    first_row: int = 0


def plan_chunks(
    files: Files, patterns: Sequence[str], chunk_bytes: int = CHUNK_BYTES, *, count_lines: bool | None = None
) -> tuple[list[InputChunk], list[InputFile]]:
    """Find the input and cut it up.

    Plain JSON lines are cut by byte ranges and Parquet by row groups; compressed files and JSON documents are one chunk each. A folder takes files
    of `SUFFIXES`; hidden files and empty ones give no chunk.

    Args:
        files: where to look.
        patterns: files, folders or wildcards, local or `s3://`.
        chunk_bytes: about how much one chunk holds.
        count_lines: whether to read large line files once beforehand so that errors can name lines; the default is to do so for local files only.
            Without it, errors in all but a file's first chunk name the byte offset alone.

    Returns: (chunks in order of URL and place, files in order of URL). The same files give the same answer.

    Raises:
        InputError: no pattern, or one that matches nothing readable.
    """
    if chunk_bytes < 1:
        raise InputError(f"chunk_bytes must be at least 1, not {chunk_bytes}")
    if not patterns:
        raise InputError("no input given; name at least one file, folder or pattern such as 's3://bucket/calls/**/*.jsonl.gz'")
    found: dict[str, FileInfo] = {}
    for pattern in patterns:
        found.update((info.url, info) for info in _matching(files, pattern))
    chunks: list[InputChunk] = []
    for url in sorted(found):
        for piece in _cut(files, found[url], chunk_bytes, count_lines):
            chunks.append(InputChunk(len(chunks), url, found[url].size, found[url].etag, **piece))
    return chunks, [InputFile(i.url, i.size, i.etag) for _, i in sorted(found.items())]


def _matching(files: Files, pattern: str) -> list[FileInfo]:
    infos = list(files.glob(pattern))
    name = pattern.rstrip("/").rpartition("/")[2]
    wild = bool(_WILD.search(pattern))
    named = [i for i in infos if not wild and i.url.rstrip("/").endswith(name) and len(infos) == 1 and _same(i.url, pattern)]
    chosen_suffix = wild and "." in name and not _WILD.search(name.rpartition(".")[2])
    taken = infos if named or chosen_suffix else [i for i in infos if i.url.lower().endswith(SUFFIXES)]
    if not taken:
        other = f"; {len(infos)} other files there have none of the suffixes {', '.join(SUFFIXES[:4])} (also .gz, .zst)" if infos else ""
        raise InputError(
            f"nothing to read at {pattern!r}{other}. Check the path (quote wildcards so that the shell leaves them alone), and for S3 the bucket, "
            "region and credentials; name a file in full to read it whatever its suffix."
        )
    return taken


def _same(url: str, pattern: str) -> bool:
    return url == pattern or url.rpartition("/")[2] == pattern.rpartition("/")[2]


def _cut(files: Files, info: FileInfo, chunk_bytes: int, count_lines: bool | None) -> list[dict[str, Any]]:
    if info.size == 0:
        return []
    shape: Shape = sniff(files, info.url, info.size)
    whole = {"format": shape.format, "compression": shape.compression, "end": info.size}
    if shape.format == "parquet":
        groups = row_groups(files, info.url, chunk_bytes)
        return [whole | {"row_groups": g, "first_row": first} for g, first in groups] if groups is not None else [whole]
    if shape.format in ("document", "sealed") or shape.compression or info.size <= chunk_bytes:
        return [whole]
    starts = list(range(0, info.size, chunk_bytes))
    counted = count_lines if count_lines is not None else not info.url.startswith("s3://")
    numbers = _first_lines(files, info, starts) if counted else [1] + [None] * (len(starts) - 1)
    return [whole | {"start": s, "end": min(s + chunk_bytes, info.size), "first_line": number} for s, number in zip(starts, numbers, strict=True)]


def _first_lines(files: Files, info: FileInfo, starts: list[int]) -> list[int | None]:
    """Number of the first line that begins in each chunk.

    A chunk's reader opens one byte early and drops everything through the first line feed; so that line's number is two more than the line feeds
    before the byte it opens at.
    """
    numbers: list[int | None] = [1]
    feeds = 0
    with files.open(info.url) as source:
        place = 0
        for start in starts[1:]:
            while place < start - 1:
                block = source.read(min(_COUNT_BLOCK, start - 1 - place))
                if not block:
                    break
                feeds += block.count(b"\n")
                place += len(block)
            numbers.append(feeds + 2)
    return numbers
