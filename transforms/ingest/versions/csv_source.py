"""Version logs in CSV and TSV, row by row, in bounded memory."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from callveil.schemas.interaction import SourceRef
from callveil.schemas.policy import InputLimits
from callveil.schemas.rejected import Rejected
from callveil.schemas.version import RawVersion
from callveil.transforms.ingest.chunks import InputChunk
from callveil.transforms.ingest.lines import Line, LineReader
from callveil.transforms.ingest.streams import DamagedStream, read_blocks

if TYPE_CHECKING:
    from callveil.transforms.storage.files.filesystem import Files

Make = Callable[[Any, "bytes | None", SourceRef, InputLimits], "RawVersion | Rejected"]
_BOM = b"\xef\xbb\xbf"


class _CsvLines:
    """Lines for the csv module, which can be given back: a quote that is never closed must cost its
    own line only.
    """

    def __init__(self, stream: Iterator[Line]) -> None:
        self._stream = stream
        self._again: deque[Line] = deque()
        self.taken: list[Line] = []

    def __iter__(self) -> _CsvLines:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._stream)
        self.taken.append(line)
        raw = line.raw.removeprefix(_BOM) if line.offset == 0 else line.raw
        # A byte that is no UTF-8 becomes half a surrogate pair, which is refused further down: the
        # row is lost, the file is not.
        return raw.decode("utf-8", "surrogateescape") + "\n"

    def begin(self) -> None:
        """Begin a row."""
        self.taken = []

    def keep_first(self) -> None:
        """Give back all but the first line of the row."""
        self._again.extendleft(reversed(self.taken[1:]))
        del self.taken[1:]

    def content(self, limits: InputLimits) -> bytes:
        """Return the row's bytes."""
        return b"\n".join(line.raw for line in self.taken)[: limits.record_bytes]


def read_csv(
    files: Files, chunk: InputChunk, limits: InputLimits, make: Make
) -> Iterator[RawVersion | Rejected]:
    """Yield rows of a CSV (or TSV) file with a header. A row that is not well formed costs its
    first line; the next one is read on.

    Args:
        make: turns a row, its bytes and its place into a version or a rejection.
    """
    csv.field_size_limit(min(limits.record_bytes, 2**31 - 1))
    lines = _CsvLines(
        iter(
            LineReader(
                read_blocks(files, chunk.url, chunk.compression, 0, chunk.size, chunk.member),
                limits.record_bytes,
            )
        )
    )
    reader = csv.reader(lines, delimiter="\t" if chunk.format == "tsv" else ",", strict=True)
    header: list[str] | None = None
    while True:
        lines.begin()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            lines.keep_first()
            yield Rejected(
                _place(chunk, lines),
                "ingest",
                "bad_csv",
                "not well-formed CSV; check the quotes",
                "",
                lines.content(limits),
            )
            continue
        except DamagedStream as e:
            detail = f"{e.detail}; all complete rows before were read"
            yield Rejected(
                _place(chunk, lines), "ingest", "bad_compression", detail, "", lines.content(limits)
            )
            return
        if not any(cells):
            continue
        source, raw = _place(chunk, lines), lines.content(limits)
        if header is None:
            header = [c.strip() for c in cells]
            if len(set(header)) < len(header):
                yield Rejected(
                    source,
                    "ingest",
                    "bad_csv",
                    "two columns have the same name; rename one. Nothing of the file was read",
                    "",
                    raw,
                )
                return
            continue
        if len(cells) > len(header):
            yield Rejected(
                source,
                "ingest",
                "bad_csv",
                f"{len(cells)} cells, the header has {len(header)}; quote a cell that holds a "
                "separator",
                "",
                raw,
            )
            continue
        found = make(
            {k: v for k, v in zip(header, cells, strict=False) if v not in ("", "\\N")},
            raw,
            source,
            limits,
        )
        if isinstance(found, Rejected) and found.reason == "lone_surrogate":
            found = replace(
                found,
                reason="bad_utf8",
                detail="a cell holds bytes that are not UTF-8; convert "
                "the file with iconv -t UTF-8",
            )
        yield found


def _place(chunk: InputChunk, lines: _CsvLines) -> SourceRef:
    first = lines.taken[0] if lines.taken else None
    return SourceRef(chunk.place, first.number if first else None, first.offset if first else None)
