"""Bytes of a file in blocks, unpacked where need be, up to the damage where there is one.

Packed input is fed to the decoder in small pieces, so that no few bytes can unfold into gigabytes
at once, and a file may unfold to `MOST_TIMES` its size (or `ALWAYS_BYTES`, whichever is more).
Where a decoder fails, it is run again over the same input, byte by byte in the piece that failed,
so that all that stands before the damage comes out.
"""

from __future__ import annotations

import bz2
import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import zstandard

from callveil.transforms.storage.files.urls import damaged_file_error

if TYPE_CHECKING:
    from callveil.transforms.storage.files.filesystem import Files

BLOCK = 1 << 20
MOST_TIMES = 250
ALWAYS_BYTES = 256 << 20
ZIP = "zip"
MAGIC = {
    b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"BZh": "bzip2",
    b"\x78\x9c": "zlib",
    b"\x78\xda": "zlib",
    b"PK\x03\x04": ZIP,
    b"PK\x05\x06": ZIP,
}
_PIECES = {"gzip": 16_384, "zlib": 16_384, "zstd": 1_024, "bzip2": 16_384}
_NEW: dict[str, Callable[[], Any]] = {
    "gzip": lambda: zlib.decompressobj(31),
    "zlib": zlib.decompressobj,
    "zstd": lambda: zstandard.ZstdDecompressor().decompressobj(),
    "bzip2": bz2.BZ2Decompressor,
}
_BOUNDED = ("bzip2",)
"""Decoders of which one piece may unfold a thousandfold and more; they are told how much to give at
once.
"""
_FAULTS = (zlib.error, zstandard.ZstdError, EOFError, OSError)
_ZIP_FAULTS = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,
    RuntimeError,
)

Source = Callable[[], Iterator[bytes]]
"""Gives the packed bytes from their beginning, as often as it is called."""


class DamagedStream(Exception):
    """A packed stream that breaks off, does not decode, or unfolds beyond all measure. Everything
    before was given out.

    Args:
        detail: one sentence that quotes nothing.
        offset: about where the damage begins, bytes of the packed stream.
    """

    def __init__(self, detail: str, offset: int) -> None:
        super().__init__(detail)
        self.detail, self.offset = detail, offset


class _Members:
    """Decodes members (gzip), frames (zstd) or streams (bzip2) one after another. Raises what is
    listed in `_FAULTS`.
    """

    def __init__(self, compression: str) -> None:
        self._compression = compression
        self._decoder: Any = None
        self._tail_of_nul = False

    @property
    def open_end(self) -> bool:
        """Tell whether a member has begun and not ended."""
        return self._decoder is not None

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what some more bytes unfold to."""
        while data:
            if self._decoder is None:
                data = (
                    data.lstrip(b"\0")
                    if self._compression == "gzip" and self._tail_of_nul
                    else data
                )
                if not data:
                    break
                self._decoder = _NEW[self._compression]()
            decoder = self._decoder
            if self._compression in _BOUNDED:
                yield decoder.decompress(data, BLOCK)
                while not decoder.eof and not decoder.needs_input:
                    yield decoder.decompress(b"", BLOCK)
            else:
                yield decoder.decompress(data)
            if not decoder.eof:
                break
            data = decoder.unused_data
            self._decoder, self._tail_of_nul = None, True


def packing_of(head: bytes) -> str:
    """Tell how bytes that begin so are packed: a name of `MAGIC`, or empty."""
    return next((kind for magic, kind in MAGIC.items() if head.startswith(magic)), "")


def read_blocks(
    files: Files, url: str, packing: str, start: int = 0, end: int | None = None, member: int = -1
) -> Iterator[bytes]:
    """Yield bytes of a file from `start` to `end` (packed files: all of it, unpacked), in blocks of
    about 1 MiB.

    Args:
        packing: from the outside in, joined by `+`: `gzip`, `zip+gzip`; empty for none.
        member: of a zip archive, its place in the list of members.

    Raises:
        DamagedStream: after the last good block.
        OSError: the file cannot be read, ended before `end`, or came otherwise when damage in it
            was looked at again.
    """
    layers = packing.split("+") if packing else []
    raw = _Raw(files, url, start, end)
    source: Source = raw
    if not layers:
        yield from source()
        return
    info = files.info(url)
    most = max(ALWAYS_BYTES, MOST_TIMES * (info.size if info else 0))
    if layers[0] == ZIP:
        layers, source = layers[1:], lambda: _member(files, url, member)
    for layer in layers:
        source = _layer(source, layer)
    try:
        yield from _bounded(source, most)
    except DamagedStream:
        raw.compare()
        raise


def _bounded(source: Source, most: int) -> Iterator[bytes]:
    """Yield the blocks of a source, up to `most` bytes. Raises `DamagedStream` beyond."""
    given = 0
    for block in source():
        given += len(block)
        if given > most:
            raise DamagedStream(
                f"unfolds to more than {MOST_TIMES} times its size and {ALWAYS_BYTES >> 20} MiB; "
                "unpack it if it is what it should be",
                0,
            )
        yield block


class _Raw:
    """The bytes of a file as they lie there, and a sum of those that were read first."""

    def __init__(self, files: Files, url: str, start: int, end: int | None) -> None:
        self._files, self._url, self._start, self._end = files, url, start, end
        self._size = self._sum = 0
        self._begun = False

    def __call__(self) -> Iterator[bytes]:
        """Blocks from start to end. Raises `FilesError` where the file ends before."""
        first, self._begun = not self._begun, True
        left = None if self._end is None else max(0, self._end - self._start)
        with self._files.open(self._url, self._start) as source:
            while left is None or left > 0:
                block = source.read(BLOCK if left is None else min(BLOCK, left))
                if not block:
                    if left:
                        raise damaged_file_error(
                            self._url, f"ended {left} bytes before the end it had"
                        )
                    return
                left = None if left is None else left - len(block)
                if first:
                    self._size, self._sum = self._size + len(block), zlib.crc32(block, self._sum)
                yield block

    def compare(self) -> None:
        """Raise `FilesError` where what was read first now reads otherwise: the damage is the
        way's, not the file's.
        """
        left, again = self._size, 0
        with self._files.open(self._url, self._start) as source:
            while left > 0 and (block := source.read(min(BLOCK, left))):
                left, again = left - len(block), zlib.crc32(block, again)
        if self._begun and (left or again != self._sum):
            raise damaged_file_error(
                self._url, "came damaged, and otherwise when it was read again"
            )


def _member(files: Files, url: str, member: int) -> Iterator[bytes]:
    place = 0
    try:
        with (
            files.open(url) as source,
            zipfile.ZipFile(source) as archive,
            archive.open(archive.infolist()[member]) as stream,
        ):
            while block := stream.read(BLOCK):
                place += len(block)
                yield block
    except _ZIP_FAULTS:
        if _whole(files, url, member):
            raise damaged_file_error(
                url, "came damaged, and whole when it was read again"
            ) from None
        raise DamagedStream(
            f"the member of the zip archive is damaged behind byte {place} of its content; copy it "
            "again",
            place,
        ) from None


def _whole(files: Files, url: str, member: int) -> bool:
    """Tell whether a member of a zip archive can be read to its end."""
    try:
        with (
            files.open(url) as source,
            zipfile.ZipFile(source) as archive,
            archive.open(archive.infolist()[member]) as stream,
        ):
            while stream.read(BLOCK):
                pass
    except _ZIP_FAULTS:
        return False
    return True


def _layer(source: Source, compression: str) -> Source:
    return lambda: _decoded(source, compression)


def _decoded(source: Source, compression: str) -> Iterator[bytes]:
    decoder, size = _Members(compression), _PIECES[compression]
    place = given = 0
    for block in source():
        for at in range(0, len(block), size):
            unpacked = decoder.feed(block[at : at + size])
            while True:
                try:
                    out = next(unpacked, None)
                except _FAULTS:
                    yield from _again(source, compression, place + at, given)
                if out is None:
                    break
                if out:
                    given += len(out)
                    yield out
        place += len(block)
    if decoder.open_end:
        raise DamagedStream(
            f"the {compression} stream breaks off at its end, byte {place}; the file was probably "
            "not copied whole",
            place,
        )


def _again(source: Source, compression: str, start: int, given: int) -> Iterator[bytes]:
    """Decode once more up to `start`, then byte by byte to the damage; what was given before is
    left out. Ends in DamagedStream.
    """
    decoder, size = _Members(compression), _PIECES[compression]
    place = 0
    for block in source():
        at = 0
        while at < len(block):
            step = min(size, start - place, len(block) - at) if place < start else 1
            try:
                for out in decoder.feed(block[at : at + step]):
                    fresh = out[given:]
                    given = max(0, given - len(out))
                    if fresh:
                        yield fresh
            except _FAULTS:
                detail = (
                    f"the {compression} stream is damaged near byte {place} of the "
                    "compressed "
                    "file; copy it again"
                )
                raise DamagedStream(detail, place) from None
            at, place = at + step, place + step
    raise DamagedStream(
        f"the {compression} stream is damaged near byte {place} of the compressed file", place
    )
