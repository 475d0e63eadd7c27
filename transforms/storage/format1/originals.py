"""Originals of recordings that lie encrypted in the live zone, and how they are read again."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any, BinaryIO

from callveil.schemas.arrival import Arrival
from callveil.schemas.interaction import InteractionKey
from callveil.transforms.storage.encryption.encrypted_file import EncryptedReader
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.files.filesystem import FileInfo, Files
from callveil.transforms.storage.format1.live import Live, Receipt, original_names

PURPOSE = "original"
FILE = "original.sealed"


def open_original(
    files: Files, live: Live, keyring: Keyring, key: InteractionKey, name: str = FILE
) -> Iterator[bytes]:
    """Yield the sealed original, in pieces. Raises `FileNotFoundError` where there is none,
    `SealedError` where it was changed.
    """
    source: BinaryIO
    with files.open(files.join(live.folder(key), name)) as source:
        reader = EncryptedReader(source, keyring, name_of(key), PURPOSE)
        for block in range(reader.blocks):
            yield from reader.read_block(block)


def name_of(key: InteractionKey) -> str:
    """Logical name of an interaction's sealed original."""
    return f"original/{key.account_id}/{key.id}"


def original_of(
    files: Files, live: Live, keyring: Keyring, key: InteractionKey, entry: Receipt
) -> tuple[Files, str] | None:
    """Tell where the original of one of a call's recordings can be read: where it came from, as it
    was then, or sealed in the store; None: it is gone.

    Nothing of a sealed one is written in clear: what is returned opens it as it is read.
    """
    info = files.info(entry["source"])
    if (
        info is not None
        and Arrival(info.url, info.etag, info.size, info.modified).object_id == entry["object"]
    ):
        return files, entry["source"]
    url = files.join(live.folder(key), original_names(entry)[0])
    return (Unsealed(files, url, keyring, name_of(key)), url) if files.info(url) else None


class Unsealed(Files):
    """One sealed file as it was before, beside all others.

    Args:
        files: reads and writes everything else. url: the sealed file. keyring, name: see
            `EncryptedReader`.
    """

    def __init__(self, files: Files, url: str, keyring: Keyring, name: str) -> None:
        super().__init__()
        self._files, self._url, self._keyring, self._name = files, url, keyring, name

    def info(self, url: str) -> FileInfo | None:
        """Return the size of what is sealed; of others what is known."""
        if url != self._url:
            return self._files.info(url)
        with self.open(url) as file:
            return FileInfo(url, file.seek(0, 2), "sealed")

    def open(self, url: str, offset: int = 0) -> BinaryIO:
        """Return a reader of what is sealed. Raises `SealedError` where it was changed."""
        if url != self._url:
            return self._files.open(url, offset)
        file = io.BufferedReader(
            _Blocks(EncryptedReader(self._files.open(url), self._keyring, self._name, PURPOSE))
        )
        file.seek(offset)
        return file

    def write(self, url: str, data: bytes | BinaryIO, **how: Any) -> str:
        """As of the other files."""
        return self._files.write(url, data, **how)


class _Blocks(io.RawIOBase):
    """Decrypted content as one file; one block is in memory."""

    def __init__(self, reader: EncryptedReader) -> None:
        self._reader, self._at, self._block, self._data = reader, 0, -1, b""
        self._ends: list[int] = []
        for number in range(reader.blocks):
            self._ends.append(
                (self._ends[-1] if self._ends else 0) + sum(map(len, reader.read_block(number)))
            )

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        end = self._ends[-1] if self._ends else 0
        self._at = max(
            0, offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: end}[whence]
        )
        return self._at

    def readinto(self, buffer: Any) -> int:
        number = next((n for n, end in enumerate(self._ends) if self._at < end), None)
        if number is None:
            return 0
        if number != self._block:
            self._block, self._data = number, b"".join(self._reader.read_block(number))
        begin = self._at - (self._ends[number] - len(self._data))
        part = self._data[begin : begin + len(buffer)]
        buffer[: len(part)] = part
        self._at += len(part)
        return len(part)
