"""Input plan: input files cut into chunks that workers can read independently."""

from __future__ import annotations

import errno
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING

from callveil.schemas.json_types import JsonObject
from callveil.transforms.ingest.discover import (
    InputError,
    InputFile,
    SkippedFile,
    archive_members,
    find_input,
)
from callveil.transforms.ingest.parquet_source import row_groups
from callveil.transforms.ingest.plugin_sources import KIND as PLUGIN
from callveil.transforms.ingest.sniff import FileFormat, NotReadable, sniff_format

if TYPE_CHECKING:
    from callveil.transforms.storage.files.filesystem import FileInfo, Files

CHUNK_BYTES = 32 << 20
READ = frozenset({"lines", "values", "document", "parquet", "sealed", PLUGIN})
"""Formats of interactions."""
PACKED = 8
"""Compressed input is about so many times as large as its file."""
_COUNT_BLOCK = 4 << 20
_NEEDED = ("account_id", "id", "called_at")
_EXAMPLE = (
    "duckdb -c \"COPY (SELECT call_id AS id, acct AS account_id, * FROM 'FILE') TO "
    "'calls.jsonl' (FORMAT json)\""
)


class NothingToRead(InputError):
    """There is nothing to read at the places given: no file, only empty ones, or none of a kind
    that is read.

    Args:
        patterns: the places. not_read: what lies there. empty: how many empty files.
    """

    def __init__(
        self, patterns: Sequence[str], not_read: Sequence[SkippedFile], empty: int
    ) -> None:
        self.not_read, self.empty = tuple(not_read), empty
        named = ", ".join(map(repr, patterns))
        there = [f"{empty:,} empty file{'s' * (empty > 1)}"] * (empty > 0)
        there += [
            f"{len(not_read):,} file{'s' * (len(not_read) > 1)} of kinds that are not read"
        ] * bool(not_read)
        super().__init__(
            f"nothing to read at {named}{': ' + ' and '.join(there) if there else ''}. Check the "
            "path (quote wildcards so that the shell leaves "
            "them alone), and for S3 the bucket, region and credentials"
        )


@dataclass(frozen=True)
class InputChunk:
    """A piece of one file that is read by one call of `read_chunk`.

    Attributes:
        ordinal: place among all chunks of the run, from 0; stable for the same files.
        url, size, etag: the file, as it was when planned.
        format: see `sniff.FileFormat`.
        compression: see `streams.blocks`; empty for none.
        start, end: bytes of the file; of lines, those that begin in [start, end). Packed files,
            documents and values are one chunk.
        first_line: number of the first line that begins here; None where lines before were not
            counted.
        row_groups: of a Parquet file; empty where its footer cannot be read.
        first_row: 0-based row of the first of them.
        member: of a zip archive, the member's place in its list; -1 where the file is none. name:
            the member's name.
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
    member: int = -1
    name: str = ""

    @property
    def place(self) -> str:
        """The file, as rejections name it: `archive.zip!name` for a member."""
        return f"{self.url}!{self.name}" if self.member >= 0 else self.url


@dataclass(frozen=True)
class InputPlan:
    """Plan of what is read, and what is not.

    Attributes:
        chunks: in order of URL and place.
        inputs: files that are read, empty ones included, in order of URL.
        not_read: all other files, in order of URL.
        empty: how many of the inputs hold nothing at all.
        patterns: the places that were looked at.
    """

    chunks: list[InputChunk] = field(default_factory=list)
    inputs: list[InputFile] = field(default_factory=list)
    not_read: list[SkippedFile] = field(default_factory=list)
    empty: int = 0
    patterns: tuple[str, ...] = ()

    def listed(self) -> list[JsonObject]:
        """Return all files, read or not, JSON-ready: what a run is named by."""
        return [*map(asdict, self.inputs), *map(asdict, self.not_read)]

    def formats(self) -> set[str]:
        """Return the formats of what is read."""
        return {c.format for c in self.chunks}

    def bytes(self) -> int:
        """About how much there is to read, unpacked."""
        packed = {
            c.url for c in self.chunks if c.compression or c.format == "parquet" or c.member >= 0
        }
        return sum(i.size * (PACKED if i.url in packed else 1) for i in self.inputs)

    def renamed(self, place: Callable[[str], str]) -> InputPlan:
        """Return the plan with its lists of files under the names that `place` gives them; its
        chunks still name them as they are.
        """
        inputs = [replace(f, url=place(f.url)) for f in self.inputs]
        return replace(
            self, inputs=inputs, not_read=[replace(f, url=place(f.url)) for f in self.not_read]
        )

    def required(self) -> InputPlan:
        """Return the plan itself. Raises `NothingToRead` where it has no chunk."""
        if not self.chunks:
            raise NothingToRead(self.patterns, self.not_read, self.empty)
        return self


def plan_input(
    files: Files,
    patterns: Sequence[str],
    chunk_bytes: int = CHUNK_BYTES,
    *,
    count_lines: bool | None = None,
    reads: frozenset[str] = READ,
) -> InputPlan:
    """Find the input and cut it up.

    Plain JSON lines are cut by byte ranges and Parquet by row groups; other files are one chunk
    each. Every file below a folder is looked into, whatever its name; empty ones give no chunk. The
    same files give the same answer.

    Args:
        files: where to look.
        patterns: files, folders or wildcards, local or `s3://`.
        chunk_bytes: about how much one chunk holds.
        count_lines: whether to read large line files once beforehand so that errors can name lines;
            the default is to do so for local files only. Without it, errors in all but a file's
            first chunk name the byte offset alone.
        reads: formats that the caller reads.

    Raises:
        InputError: no pattern, a local path that is not there, or a place that lies in a store.
    """
    if chunk_bytes < 1:
        raise InputError(f"chunk_bytes must be at least 1, not {chunk_bytes}")
    if not patterns:
        raise InputError(
            "no input given; name at least one file, folder or pattern such as "
            "'s3://bucket/calls/**/*.jsonl.gz'"
        )
    found = find_input(files, patterns)
    not_read, inputs, chunks, empty = list(found.not_read), [], [], 0
    for _, info in sorted(found.files.items()):
        pieces, refused = _look(files, info, chunk_bytes, count_lines, reads)
        not_read += refused
        chunks += pieces
        if pieces or not refused:
            inputs.append(InputFile(info.url, info.size, info.etag))
            empty += not pieces
    numbered = [replace(c, ordinal=n) for n, c in enumerate(chunks)]
    return InputPlan(numbered, inputs, sorted(set(not_read)), empty, tuple(patterns))


def plan_chunks(
    files: Files,
    patterns: Sequence[str],
    chunk_bytes: int = CHUNK_BYTES,
    *,
    count_lines: bool | None = None,
) -> tuple[list[InputChunk], list[InputFile]]:
    """Return chunks and files of `plan_input`, for callers that read what is there and account for
    nothing.

    Raises `NothingToRead` where not even an empty file is there.
    """
    plan = plan_input(files, patterns, chunk_bytes, count_lines=count_lines)
    if not plan.inputs:
        plan.required()
    return plan.chunks, plan.inputs


def _look(
    files: Files, info: FileInfo, chunk_bytes: int, count_lines: bool | None, reads: frozenset[str]
) -> tuple[list[InputChunk], list[SkippedFile]]:
    """Return pieces of one file, and what of it is not read."""
    try:
        if info.size == 0:
            return [], []
        shape = sniff_format(files, info.url, info.size, plugins=PLUGIN in reads)
        if shape.format == "zip":
            return _members(files, info, chunk_bytes, reads)
        return _cut(
            files, info, chunk_bytes, count_lines, _readable(files, info.url, shape, reads)
        ), []
    except NotReadable as why:
        return [], [SkippedFile.of(info, why)]
    except OSError as error:
        if error.errno == errno.EACCES:
            detail = "the file cannot be opened; check its permissions"
        elif isinstance(error, FileNotFoundError):
            detail = "it was removed while the input was listed"
        else:
            raise
        return [], [SkippedFile.of(info, NotReadable("unreadable", detail))]


def _members(
    files: Files, info: FileInfo, chunk_bytes: int, reads: frozenset[str]
) -> tuple[list[InputChunk], list[SkippedFile]]:
    pieces: list[InputChunk] = []
    refused: list[SkippedFile] = []
    for member, name in archive_members(files, info):
        try:
            shape = sniff_format(files, info.url, info.size, member, name, PLUGIN in reads)
            pieces += [
                replace(piece, member=member, name=name)
                for piece in _cut(
                    files, info, chunk_bytes, None, _readable(files, info.url, shape, reads)
                )
            ]
        except NotReadable as why:
            refused.append(SkippedFile.of(info, why, name))
    return pieces, refused


def _readable(files: Files, url: str, shape: FileFormat, reads: frozenset[str]) -> FileFormat:
    """Return the shape, where the caller reads it. Raises `NotReadable`."""
    if shape.format.partition(":")[0] in reads or shape.format == "empty":
        return shape
    if shape.format == "yaml":
        raise NotReadable("yaml", "YAML; write it as JSON lines")
    if "csv" in reads:
        raise NotReadable(
            "csv", "a table whose cells are separated by neither commas nor tabs; export it as CSV"
        )
    raise NotReadable(
        "csv",
        "a table of separated values, which names no types and lists. Write it as JSON lines or "
        f"Parquet with columns {', '.join(_NEEDED)} "
        f"and the others as `callveil schema interaction` names them, such as by {_EXAMPLE}",
    )


def _cut(
    files: Files, info: FileInfo, chunk_bytes: int, count_lines: bool | None, shape: FileFormat
) -> list[InputChunk]:
    if shape.format == "empty":
        return []
    place = (info.url, info.size, info.etag, shape.format)
    whole = InputChunk(0, *place, compression=shape.packing, end=info.size)
    if shape.format == "parquet":
        groups = row_groups(files, info.url, chunk_bytes)
        return (
            [replace(whole, row_groups=g, first_row=first) for g, first in groups]
            if groups is not None
            else [whole]
        )
    if shape.format != "lines" or shape.packing or info.size <= chunk_bytes:
        return [whole]
    starts = list(range(0, info.size, chunk_bytes))
    counted = count_lines if count_lines is not None else not info.url.startswith("s3://")
    numbers = _first_lines(files, info, starts) if counted else [1] + [None] * (len(starts) - 1)
    return [
        replace(whole, start=s, end=min(s + chunk_bytes, info.size), first_line=number)
        for s, number in zip(starts, numbers, strict=True)
    ]


def _first_lines(files: Files, info: FileInfo, starts: list[int]) -> list[int | None]:
    """Number of the first line that begins in each chunk.

    A chunk's reader opens one byte early and drops everything through the first line feed; so that
    line's number is two more than the line feeds before the byte it opens at.
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
