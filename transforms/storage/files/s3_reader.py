"""A seekable view of one S3 object."""

from __future__ import annotations

import errno
import hashlib
import io
import re
from collections.abc import Callable
from typing import Any, BinaryIO, cast

from callveil.transforms.storage.files.s3_errors import (
    AGAIN,
)
from callveil.transforms.storage.files.urls import (
    FileInfo,
    FilesError,
)

RANGE_BYTES = 4 << 20
_MD5 = re.compile(r"[0-9a-f]{32}")


class RangedReader(io.RawIOBase):
    """A seekable view of one object, read by ranged GETs. It fails if the object is replaced while
    being read.

    Of a part of an object S3 gives no checksum. So an object of up to `RANGE_BYTES` is fetched
    whole, and one that is read from its beginning to its end is compared with its etag, which most
    often is its MD5: where it is not, the object is read again, and what came twice is what is
    stored.
    """

    def __init__(self, read: Callable[[str, int, int | None, str], bytes], info: FileInfo) -> None:
        self._read, self._info, self._at = read, info, 0
        self._whole: bytes | None = None
        self._digest, self._digested = hashlib.md5(usedforsecurity=False), 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._info.size}[whence]
        if at < 0:
            raise ValueError("cannot seek before the beginning")
        self._at = at
        return at

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        want = min(len(view), self._info.size - self._at)
        if want <= 0:
            return 0
        data = self._take(want)
        view[: len(data)] = data
        return len(data)

    def readall(self) -> bytes:
        return self._take(self._info.size - self._at) if self._at < self._info.size else b""

    def _take(self, want: int) -> bytes:
        start, size = self._at, self._info.size
        if size <= RANGE_BYTES:
            if self._whole is None:
                self._whole = self._read(self._info.url, 0, None, self._info.etag)
            data = self._whole[start : start + want]
        else:
            data = self._read(self._info.url, start, want, self._info.etag)
            if start == self._digested:
                self._digest.update(data)
                self._digested += len(data)
                if self._digested == size:
                    self._compare()
        if len(data) != want:
            raise FilesError(
                errno.EIO,
                f"S3 gave {len(data)} of {want} bytes from byte {start} on; check the server, then "
                f"{AGAIN}",
                self._info.url,
            )
        self._at += want
        return data

    def _compare(self) -> None:
        """Raise `FilesError` where what came from beginning to end is not what is stored."""
        if not _MD5.fullmatch(self._info.etag) or self._digest.hexdigest() == self._info.etag:
            return  # of objects that went up in parts the etag is another digest
        again = hashlib.md5(usedforsecurity=False)
        for start in range(0, self._info.size, RANGE_BYTES):
            again.update(self._read(self._info.url, start, RANGE_BYTES, self._info.etag))
        if again.digest() != self._digest.digest():
            text = (
                "the object came damaged, and otherwise when it was read again; check the "
                f"network, then {AGAIN}"
            )
            raise FilesError(errno.EIO, text, self._info.url)


def open_ranged(read: Callable[[str, int, int | None, str], bytes], info: FileInfo) -> BinaryIO:
    """Open an object. `read` gives its bytes: by URL, start, length (None: all) and etag."""
    return cast(BinaryIO, io.BufferedReader(RangedReader(read, info), RANGE_BYTES))
