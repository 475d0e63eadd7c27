"""Sealed files: records compressed and encrypted in blocks, any of which can be read alone.

Layout, integers big-endian:

    header   magic "CVSEAL01" | u8 length of key id | key id
    frame    u8 kind | u32 length | AES-SIV ciphertext           one per block, then one for the footer
    trailer  u64 offset of the footer's frame | u32 number of blocks | magic "CVSEALED"

A block's plaintext is zstd over `u32 length | record` repeated. The footer's plaintext is zstd over
a JSON list of `[offset, records]` per block. AES-SIV (RFC 5297) is deterministic and resists nonce
misuse, so the same records under the same name give the same bytes, which lets a repeated run
produce the same file. What that shows an onlooker is only whether two blocks with the same name,
number and key are equal, that is, whether a rerun changed.

Each frame is bound by associated data to the header, the file's logical name, its kind (a block,
the last block, the footer) and its number. So a block that is changed, exchanged, moved, repeated
or cut off does not authenticate, nor does a whole file that is put in another one's place.
"""  # noqa: E501

from __future__ import annotations

import hashlib
import io
import struct
from collections.abc import Iterator
from typing import BinaryIO

import orjson
import zstandard
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from callveil.schemas.errors import CallveilError
from callveil.transforms.storage.encryption.keyring import Keyring, KeyringError

MAGIC, END_MAGIC = b"CVSEAL01", b"CVSEALED"
BLOCK_BYTES = 1 << 20
MAX_FRAME = 1 << 30
ZSTD_LEVEL = 3
_BLOCK, _LAST, _FOOTER = 0, 1, 2
_FRAME = struct.Struct(">BI")
_TRAILER = struct.Struct(">QI8s")
_LENGTH = struct.Struct(">I")
SIV_BYTES = 16
HEAD_BYTES = len(MAGIC) + 1 + 64


class SealedError(CallveilError, ValueError):
    """A sealed file cannot be opened: changed, cut off, under another name, or sealed with another
    key.
    """


class _Sealer:
    """The cipher of one file: encrypts and decrypts frames by kind and number."""

    def __init__(
        self, keyring: Keyring, key_id: str, name: str, purpose: str, header: bytes
    ) -> None:
        self._siv = AESSIV(keyring.derive(f"sealed/{purpose}", 64, key_id))
        self._bound = [header, name.encode()]

    def _data(self, kind: int, number: int) -> list[bytes]:
        return [*self._bound, struct.pack(">BQ", kind, number)]

    def seal(self, kind: int, number: int, plain: bytes) -> bytes:
        packed = zstandard.ZstdCompressor(level=ZSTD_LEVEL).compress(plain)
        sealed = self._siv.encrypt(packed, self._data(kind, number))
        return _FRAME.pack(kind, len(sealed)) + sealed

    def open(self, kind: int, number: int, sealed: bytes) -> bytes:
        try:
            packed = self._siv.decrypt(sealed, self._data(kind, number))
        except (InvalidTag, ValueError):
            what = "the footer" if kind == _FOOTER else f"block {number}"
            raise SealedError(
                f"{what} does not authenticate: the file was changed or damaged, is stored under "
                "another file's name, or belongs to another purpose. "
                "Restore it from a copy whose SHA-256 the manifest names"
            ) from None
        return zstandard.ZstdDecompressor().decompress(
            packed
        )  # authenticated, so its declared size can be trusted


class EncryptedWriter:
    """Writes one sealed file. Holds one block (about 1 MiB, or one larger record) in memory.

    Args:
        sink: written from its present place; not closed.
        keyring: its active key seals.
        name: logical name of the file, normally its path in the store; reading needs the same.
        purpose: what the content is, such as `rejected`; other purposes have other keys.
        block_bytes: plaintext bytes after which a block ends.

    Used as a context manager it closes on success only: after an exception the file stays without
    its end, and so unreadable.
    """

    def __init__(
        self,
        sink: BinaryIO,
        keyring: Keyring,
        name: str,
        purpose: str,
        block_bytes: int = BLOCK_BYTES,
    ) -> None:
        self._sink, self._limit = sink, block_bytes
        key_id = keyring.active.encode()
        header = MAGIC + bytes([len(key_id)]) + key_id
        self._sealer = _Sealer(keyring, keyring.active, name, purpose, header)
        self._buffer, self._in_block = bytearray(), 0
        self._index: list[tuple[int, int]] = []
        self._hash, self.bytes, self.records, self.closed = hashlib.sha256(), 0, 0, False
        self._put(header)

    @property
    def sha256(self) -> str:
        """SHA-256 (hex) of all bytes written so far."""
        return self._hash.hexdigest()

    @property
    def blocks(self) -> int:
        """Blocks written so far."""
        return len(self._index)

    def append(self, record: bytes) -> tuple[int, int]:
        """Add a record (at most 256 MiB) and return its place: block, and position in that block,
        both from 0.
        """
        if self.closed:
            raise ValueError("the sealed file is closed")
        if len(record) > MAX_FRAME // 4:
            raise ValueError(f"a record may have {MAX_FRAME // 4} bytes at most")
        if self._in_block and len(self._buffer) + len(record) > self._limit:
            self._flush(_BLOCK)
        self._buffer += _LENGTH.pack(len(record)) + record
        place = (len(self._index), self._in_block)
        self._in_block += 1
        self.records += 1
        return place

    def cut(self) -> None:
        """End the block here, so that what follows lies in blocks of its own. Nothing happens where
        the block is empty.
        """
        if self._in_block:
            self._flush(_BLOCK)

    def close(self) -> None:
        """Write the last block, the index and the end. Closing twice does nothing."""
        if self.closed:
            return
        self._flush(_LAST)
        footer_at = self.bytes
        self._put(self._sealer.seal(_FOOTER, len(self._index), orjson.dumps(self._index)))
        self._put(_TRAILER.pack(footer_at, len(self._index), END_MAGIC))
        self.closed = True

    def __enter__(self) -> EncryptedWriter:
        return self

    def __exit__(self, kind: object, *rest: object) -> None:
        if kind is None:
            self.close()

    def _flush(self, kind: int) -> None:
        frame = self._sealer.seal(kind, len(self._index), bytes(self._buffer))
        self._index.append((self.bytes, self._in_block))
        self._put(frame)
        self._buffer.clear()
        self._in_block = 0

    def _put(self, data: bytes) -> None:
        self._sink.write(data)
        self._hash.update(data)
        self.bytes += len(data)


class EncryptedReader:
    """Reads a sealed file: all blocks in order, or chosen ones.

    Args:
        source: seekable, from its beginning; not closed.
        keyring: must hold the key that sealed it (the active one or an older one).
        name, purpose: as when it was written.

    Opening checks header, index and end, reading only those; blocks are checked as they are read.
    Raises `SealedError`.
    """

    def __init__(self, source: BinaryIO, keyring: Keyring, name: str, purpose: str) -> None:
        self._source = source
        end = source.seek(0, 2)
        source.seek(0)
        head = self._exactly(len(MAGIC) + 1)
        if head[: len(MAGIC)] != MAGIC:
            raise SealedError(
                "not a sealed file: its first bytes are others. Check that the path is the one the "
                "manifest names"
            )
        key_id = self._exactly(head[-1])
        header = head + key_id
        try:
            self.key_id = key_id.decode()
            self._sealer = _Sealer(keyring, self.key_id, name, purpose, header)
        except (KeyringError, UnicodeDecodeError):
            raise SealedError(
                f"sealed with a key that {keyring.path} does not hold; use the keyring it was "
                "sealed with"
            ) from None
        if end < len(header) + _TRAILER.size:
            raise SealedError(
                "the file is cut off; its writer was killed, or it was copied in part. Run the job "
                "again, or restore a copy"
            )
        source.seek(end - _TRAILER.size)
        footer_at, blocks, magic = _TRAILER.unpack(self._exactly(_TRAILER.size))
        if magic != END_MAGIC or not len(header) <= footer_at <= end - _TRAILER.size:
            raise SealedError(
                "the file has no valid end: it is cut off or damaged. Run the job again, or "
                "restore a copy"
            )
        self._header_end, self._footer_at, self._end = len(header), footer_at, end - _TRAILER.size
        self._index = self._read_index(blocks)

    @property
    def blocks(self) -> int:
        """Number of blocks, at least one."""
        return len(self._index)

    @property
    def records(self) -> int:
        """Number of records in all blocks."""
        return sum(count for _, count in self._index)

    def __iter__(self) -> Iterator[list[bytes]]:
        for number in range(len(self._index)):
            yield self.read_block(number)

    def read_block(self, number: int) -> list[bytes]:
        """Return records of block `number` (from 0). Raises IndexError outside the file,
        `SealedError` where it was changed.
        """
        if not 0 <= number < len(self._index):
            raise IndexError(f"the file has {len(self._index)} block(s)")
        at, count = self._index[number]
        last = number + 1 == len(self._index)
        upto = self._footer_at if last else self._index[number + 1][0]
        plain = self._frame(_LAST if last else _BLOCK, number, at, upto)
        records, place = [], 0
        while place < len(plain):
            (length,) = _LENGTH.unpack_from(plain, place)
            place += _LENGTH.size
            records.append(plain[place : place + length])
            place += length
        if place != len(plain) or len(records) != count:
            raise SealedError(f"block {number} does not hold what the index says")
        return records

    def _read_index(self, blocks: int) -> list[tuple[int, int]]:
        """Decrypt the footer. Its place and the number of blocks come from the unprotected trailer;
        wrong ones fail to authenticate.
        """
        plain = self._frame(_FOOTER, blocks, self._footer_at, self._end)
        index = [(int(at), int(count)) for at, count in orjson.loads(plain)]
        if len(index) != blocks or not blocks or index[0][0] != self._header_end:
            raise SealedError(
                "the blocks do not stand where the index says: the file was changed or damaged"
            )
        return index

    def _frame(self, kind: int, number: int, at: int, upto: int) -> bytes:
        """Decrypt the frame that must fill exactly the bytes from `at` to `upto`."""
        self._source.seek(at)
        if upto - at < _FRAME.size + SIV_BYTES:
            raise SealedError("a frame is too short: the file was changed or damaged")
        found, length = _FRAME.unpack(self._exactly(_FRAME.size))
        if found != kind or length != upto - at - _FRAME.size or length > MAX_FRAME:
            raise SealedError(
                "a frame does not begin as the index says: the file was changed, cut off or damaged"
            )
        return self._sealer.open(kind, number, self._exactly(length))

    def _exactly(self, size: int) -> bytes:
        data = self._source.read(size)
        if len(data) != size:
            raise SealedError(
                "the file is cut off; its writer was killed, or it was copied in part. Run the job "
                "again, or restore a copy"
            )
        return data


def reencrypt_file(
    source: BinaryIO, sink: BinaryIO, keyring: Keyring, name: str, purpose: str, new_name: str = ""
) -> bool:
    """Seal a file anew with the keyring's active key, block by block, so that the places of its
    records stay. False where that key sealed it already.

    Args:
        source: the sealed file, seekable. sink: takes the new one; not closed.
        name, purpose: as it was written.
        new_name: logical name of the new file; the same where it is empty.

    Raises `SealedError` as `EncryptedReader` does.
    """
    reader = EncryptedReader(source, keyring, name, purpose)
    if reader.key_id == keyring.active and not new_name:
        return False
    with EncryptedWriter(sink, keyring, new_name or name, purpose, block_bytes=1 << 62) as writer:
        for block in range(reader.blocks):
            for record in reader.read_block(block):
                writer.append(record)
            if block + 1 < reader.blocks:
                writer.cut()
    return True


def encryption_key_id(head: bytes) -> str | None:
    """Return the id of the key that sealed a file, from its first `HEAD_BYTES` bytes; None where it
    is no sealed file.
    """
    if not head.startswith(MAGIC) or len(head) <= len(MAGIC):
        return None
    start = len(MAGIC) + 1
    return head[start : start + head[len(MAGIC)]].decode("utf-8", "replace")


def encrypt_bytes(keyring: Keyring, name: str, purpose: str, data: bytes) -> bytes:
    """Return a sealed file of one record, in memory; the same bytes each time as long as the
    keyring's active key is the same.
    """
    sink = io.BytesIO()
    with EncryptedWriter(sink, keyring, name, purpose) as writer:
        writer.append(data)
    return sink.getvalue()


def decrypt_bytes(keyring: Keyring, name: str, purpose: str, sealed: bytes) -> bytes:
    """Return the record that `encrypt_bytes` encrypted. Raises `SealedError` where the file was
    changed or cut off, holds other than one record, or its key is not in the keyring.
    """
    reader = EncryptedReader(io.BytesIO(sealed), keyring, name, purpose)
    if reader.records != 1:
        raise SealedError("the file holds no single record")
    return reader.read_block(0)[0]
