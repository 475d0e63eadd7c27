"""Bytes of a file in blocks, decompressed where need be, up to the damage where there is one.

Compressed input is fed to the decoder in small pieces, so that no few bytes can unfold into gigabytes at once. Where a decoder fails, it is run again
over the same input, byte by byte in the piece that failed, so that all that stands before the damage comes out.
"""

from __future__ import annotations

import errno
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

import zstandard

from callveil.transforms.store.paths import FilesError

if TYPE_CHECKING:
    from callveil.transforms.store.files import Files

BLOCK = 1 << 20
_PIECES = {"gzip": 16_384, "zstd": 1_024}
MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}


class DamagedStream(Exception):
    """A compressed stream that breaks off or does not decode. Everything before was given out.

    Args:
        detail: one sentence that quotes nothing.
        offset: about where the damage begins, bytes of the compressed file.
    """

    def __init__(self, detail: str, offset: int) -> None:
        super().__init__(detail)
        self.detail, self.offset = detail, offset


class _Decoder(Protocol):
    def feed(self, data: bytes) -> bytes: ...

    @property
    def open_end(self) -> bool: ...


class _Members:
    """Decodes members (gzip) or frames (zstd) one after another. Raises zlib.error or ZstdError."""

    def __init__(self, compression: str) -> None:
        self._compression = compression
        self._decoder: Any = None
        self._tail_of_nul = False

    @property
    def open_end(self) -> bool:
        """Whether a member has begun and not ended."""
        return self._decoder is not None

    def feed(self, data: bytes) -> bytes:
        out = []
        while data:
            if self._decoder is None:
                data = data.lstrip(b"\0") if self._compression == "gzip" and self._tail_of_nul else data
                if not data:
                    break
                self._decoder = zlib.decompressobj(31) if self._compression == "gzip" else zstandard.ZstdDecompressor().decompressobj()
            decoder = self._decoder
            out.append(decoder.decompress(data))
            if not decoder.eof:
                break
            data = decoder.unused_data
            self._decoder, self._tail_of_nul = None, True
        return b"".join(out)


def blocks(files: Files, url: str, compression: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
    """Bytes of a file from `start` to `end` (compressed files: all of it, decompressed), in blocks of about 1 MiB.

    Raises:
        DamagedStream: after the last good block.
        OSError: the file cannot be read.
    """
    with files.open(url, start) as source:
        if not compression:
            left = None if end is None else max(0, end - start)
            while left is None or left > 0:
                block = source.read(BLOCK if left is None else min(BLOCK, left))
                if not block:
                    if left:
                        text = f"ended {left} bytes before the end it had; check disk and network, then run the same command again"
                        raise FilesError(errno.EIO, text, url)
                    return
                left = None if left is None else left - len(block)
                yield block
            return
        yield from _decoded(files, url, source, compression, end)


def _decoded(files: Files, url: str, source: BinaryIO, compression: str, end: int | None) -> Iterator[bytes]:
    decoder: _Decoder = _Members(compression)
    piece_size, place, digest = _PIECES[compression], 0, 0
    while block := source.read(BLOCK if end is None else min(BLOCK, end - place)):
        for at in range(0, len(block), piece_size):
            piece = block[at : at + piece_size]
            try:
                out = decoder.feed(piece)
            except (zlib.error, zstandard.ZstdError):
                _read_again(files, url, place + len(block), zlib.crc32(block, digest))
                yield from _again(files, url, compression, place + at, piece)
            if out:
                yield out
        digest = zlib.crc32(block, digest)
        place += len(block)
    if decoder.open_end:
        _read_again(files, url, end or place, digest)
        raise DamagedStream(f"the {compression} stream breaks off at its end, byte {place}; the file was probably not copied whole", place)


def _read_again(files: Files, url: str, size: int, digest: int) -> None:
    """Raise `FilesError` where the first `size` bytes of a file are not what came before: the damage is the way's, not the file's."""
    again = 0
    with files.open(url) as source:
        while size > 0 and (block := source.read(min(BLOCK, size))):
            again, size = zlib.crc32(block, again), size - len(block)
    if again != digest or size:
        text = "came damaged, and otherwise when it was read again; check disk and network, then run the same command again"
        raise FilesError(errno.EIO, text, url)


def _again(files: Files, url: str, compression: str, start: int, piece: bytes) -> Iterator[bytes]:
    """Decode once more up to `start`, then byte by byte into the piece that failed; ends in DamagedStream."""
    decoder, size = _Members(compression), _PIECES[compression]
    with files.open(url) as source:
        for at in range(0, start, size):
            decoder.feed(source.read(min(size, start - at)))
    for i in range(len(piece)):
        try:
            out = decoder.feed(piece[i : i + 1])
        except (zlib.error, zstandard.ZstdError):
            where = start + i
            raise DamagedStream(f"the {compression} stream is damaged near byte {where} of the compressed file; copy it again", where) from None
        if out:
            yield out
    raise DamagedStream(f"the {compression} stream is damaged near byte {start + len(piece)} of the compressed file", start + len(piece))
