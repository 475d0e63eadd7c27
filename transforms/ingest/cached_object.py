"""A small object, fetched once and read from memory: reading records takes several passes, each of
which would be requests to S3.
"""

from __future__ import annotations

import io
from typing import BinaryIO

from callveil.schemas.arrival import Arrival
from callveil.transforms.storage.files.filesystem import FileInfo, Files
from callveil.transforms.storage.files.urls import Infos, is_s3

MOST = 4 << 20
"""Bytes up to which an object is fetched whole."""


def cache_small_object(files: Files, arrival: Arrival) -> Files:
    """Return `files`, or a view of it that has the object in memory, where that lies in S3 and is
    small. Raises as `Files.read`.
    """
    return CachedObject(files, arrival) if is_s3(arrival.url) and arrival.size <= MOST else files


class CachedObject(Files):
    """One object in memory, to be read as any file. Nothing else can be reached through it.

    Raises as `Files.read`, at once.
    """

    def __init__(self, files: Files, arrival: Arrival) -> None:
        super().__init__()
        self._data = files.read(arrival.url)
        self._info = FileInfo(arrival.url, len(self._data), arrival.etag, arrival.landed_at)

    def _own(self, url: str) -> bytes:
        if url != self._info.url:
            raise FileNotFoundError(url)
        return self._data

    def glob(self, pattern: str) -> Infos:
        """Return the object, named by its URL."""
        return [self._info] if pattern == self._info.url else []

    def info(self, url: str) -> FileInfo | None:
        """Return what is known of the object."""
        return self._info if url == self._info.url else None

    def read(self, url: str, start: int = 0, length: int | None = None) -> bytes:
        """Return a part of it."""
        data = self._own(url)
        return data[start : None if length is None else start + length]

    def open(self, url: str, offset: int = 0) -> BinaryIO:
        """Return a reader of it."""
        source = io.BytesIO(self._own(url))
        source.seek(offset)
        return source
