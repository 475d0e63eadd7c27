"""Lines of a byte stream, and JSON values that run together in one, with number and offset, in
bounded memory whatever their length.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Line:
    """One line.

    Attributes:
        raw: its bytes without the line feed; of a line longer than the limit, the first `limit`
            bytes.
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
        """Tell whether it exceeded the limit, so that `raw` is only its beginning."""
        return self.size > len(self.raw)


class LineReader:
    """Cuts blocks into lines.

    Args:
        blocks: bytes in order.
        limit: longest line kept whole, bytes.
        offset: of the first block in the stream.
        number: of the first line; None if unknown.
        skip_first: the first block begins inside a line (or right behind a line feed that it
            includes), which belongs to the reader before.
        end: lines that begin at or after this offset belong to the next reader.

    After a stream that raised, `tail` holds the line that was cut off.
    """

    def __init__(
        self,
        blocks: Iterable[bytes],
        limit: int,
        *,
        offset: int = 0,
        number: int | None = 1,
        skip_first: bool = False,
        end: int | None = None,
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
                # a line longer than the whole range: whatever follows it begins behind the end
                return
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
        line = (
            None
            if self._skip
            else Line(
                self._parts[0] if len(self._parts) == 1 else b"".join(self._parts),
                self._start,
                self._number,
                self._size,
            )
        )
        self._start += self._size + 1
        if self._number is not None and not self._skip:
            self._number += 1
        self._skip, self._parts, self._kept, self._size = False, [], 0, 0
        return line


_FIRST = re.compile(rb"[^ \t\r\n,\x1e]")
"""Where something begins between two values: neither space, nor a comma, nor the separator of RFC
7464.
"""
_JUNK = re.compile(rb"[\n{\[]")
_BRACKET = re.compile(rb'["{}\[\]]')
_IN_TEXT = re.compile(rb'["\\\n]')


class ValueReader:
    """Cuts blocks into JSON values (objects and arrays) that follow each other with or without
    anything between.

    Only brackets and quotes are looked at, so a value may still be no JSON. One whose text runs
    into a line feed, which no JSON text may hold, ends there; so the values behind it are read.
    What stands between values and is none is given out too, line by line.

    Args:
        blocks: bytes in order.
        limit: most bytes of a value that are kept.

    `closed` tells of the value given last whether it ended with its own bracket.
    """

    def __init__(self, blocks: Iterable[bytes], limit: int) -> None:
        self._blocks, self._limit = blocks, limit
        self._kept: list[bytes] = []
        self._begin, self._line, self._number = 0, 1, 1
        self._size = self._depth = 0
        self._open = self._junk = self._text = self._escaped = False
        self.closed = False

    def __iter__(self) -> Iterator[Line]:
        place = 0
        for block in self._blocks:
            at = 0
            while at < len(block):
                if not self._open:
                    first = _FIRST.search(block, at)
                    self._number += block.count(b"\n", at, first.start() if first else len(block))
                    if not first:
                        break
                    at = first.start()
                    self._start(place + at, block[at : at + 1] not in (b"{", b"["))
                end = self._end(block, at)
                self._take(block[at : len(block) if end is None else end])
                at = len(block) if end is None else end
                if end is not None:
                    yield self._finish()
            place += len(block)
        self.closed = False
        if self._open:
            yield self._finish()

    @property
    def tail(self) -> Line | None:
        """The value begun and not ended, of a stream that raised."""
        return self._finish() if self._open else None

    def _start(self, place: int, junk: bool) -> None:
        self._junk = junk
        self._begin, self._line, self._size, self._depth = place, self._number, 0, 0
        self._kept, self._open, self._text, self._escaped = [], True, False, False

    def _take(self, piece: bytes) -> None:
        room = self._limit - sum(map(len, self._kept))
        if room > 0:
            self._kept.append(piece[:room])
        self._size += len(piece)
        self._number += piece.count(b"\n")

    def _finish(self) -> Line:
        self._open = False
        return Line(b"".join(self._kept), self._begin, self._line, self._size)

    def _end(self, block: bytes, at: int) -> int | None:
        """Tell where the value ends in a block that goes on with it at `at`; None where it does not
        end there.
        """
        if self._junk:
            found = _JUNK.search(block, at)
            self.closed = False
            return found.start() if found else None
        while at < len(block):
            if self._escaped:
                self._escaped, at = False, at + 1
                continue
            found = (_IN_TEXT if self._text else _BRACKET).search(block, at)
            if not found:
                return None
            sign, at = found[0], found.end()
            if sign == b"\\":
                self._escaped = True
            elif sign == b"\n":
                self.closed = False
                return at
            elif sign == b'"':
                self._text = not self._text
            else:
                self._depth += 1 if sign in b"{[" else -1
                if self._depth <= 0:
                    self.closed = True
                    return at
        return None


def value_end(text: bytes) -> int | None:
    """Tell where the JSON object or array that `text` begins with ends; None where it does not end
    properly.
    """
    reader = ValueReader([text], 0)
    first = next(iter(reader), None)
    return first.offset + first.size if first and reader.closed else None
