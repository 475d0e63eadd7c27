"""Lines of a byte stream, with number and offset, in bounded memory whatever their length."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Line:
    """One line.

    Attributes:
        raw: its bytes without the line feed; of a line longer than the limit, the first `limit` bytes.
        offset: where it begins, bytes of the uncompressed stream.
        number: 1-based; None where the count of lines before is not known.
        size: its full length, bytes, without the line feed.
    """

    raw: bytes = field(repr=False)
    offset: int
    number: int | None
    size: int

    @property
    def too_long(self) -> bool:
        """Whether it exceeded the limit, so that `raw` is only its beginning."""
        return self.size > len(self.raw)


class LineReader:
    """Cuts blocks into lines.

    Args:
        blocks: bytes in order.
        limit: longest line kept whole, bytes.
        offset: of the first block in the stream.
        number: of the first line; None if unknown.
        skip_first: the first block begins inside a line (or right behind a line feed that it includes), which belongs to the reader before.
        end: lines that begin at or after this offset belong to the next reader.

    After a stream that raised, `tail` holds the line that was cut off.
    """

    def __init__(
        self, blocks: Iterable[bytes], limit: int, *, offset: int = 0, number: int | None = 1, skip_first: bool = False, end: int | None = None
    ) -> None:
        self._blocks, self._limit, self._end = blocks, limit, end
        self._skip = skip_first
        self._parts: list[bytes] = []
        self._kept = self._size = 0
        self._start, self._number = offset, number

    def __iter__(self) -> Iterator[Line]:
        for block in self._blocks:
            pieces = block.split(b"\n")
            for piece in pieces[:-1]:
                self._add(piece)
                line = self._finish()
                if line is not None:
                    yield line
                if self._end is not None and self._start >= self._end:
                    return
            self._add(pieces[-1])
            if self._skip and self._end is not None and self._start + self._size >= self._end:
                return  # a line longer than the whole range: whatever follows it begins behind the end
        line = self.tail
        if line is not None:
            yield line

    @property
    def tail(self) -> Line | None:
        """The line begun and not ended by a line feed, if any."""
        if self._skip or not self._size or (self._end is not None and self._start >= self._end):
            return None
        return Line(b"".join(self._parts), self._start, self._number, self._size)

    def _add(self, piece: bytes) -> None:
        self._size += len(piece)
        room = self._limit - self._kept
        if not self._skip and room > 0 and piece:
            self._parts.append(piece[:room])
            self._kept += min(room, len(piece))

    def _finish(self) -> Line | None:
        line = None if self._skip else Line(self._parts[0] if len(self._parts) == 1 else b"".join(self._parts), self._start, self._number, self._size)
        self._start += self._size + 1
        if self._number is not None and not self._skip:
            self._number += 1
        self._skip, self._parts, self._kept, self._size = False, [], 0, 0
        return line
