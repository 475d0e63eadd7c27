"""One small facade over local paths and `s3://` URLs."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, BinaryIO

from callveil.transforms.storage.files.local import LocalFiles
from callveil.transforms.storage.files.urls import (
    FileInfo,
    FilesError,
    Infos,
    Names,
    ObjectLocked,
    PreconditionFailed,
    S3Settings,
    is_s3,
    join_url,
)

if TYPE_CHECKING:
    from callveil.transforms.storage.files.s3 import S3Files

__all__ = ["FileInfo", "Files", "FilesError", "ObjectLocked", "PreconditionFailed", "S3Settings"]

HASH_BYTES = 4 << 20


class Files:
    """Reads, writes and lists local files and S3 objects alike. Picklable; holds no open connection
    when pickled.

    Args:
        s3: where S3 is; unused for local paths.
        state: folder of this machine in which heads of stores are remembered, or None for the
            default place; see `store.heads`.

    Every method raises `FileNotFoundError` for a missing file where it needs one, `FilesError` (an
    `OSError`) where the store cannot be reached or refuses, and `ValueError` for a scheme that is
    not supported.
    """

    def __init__(self, s3: S3Settings = S3Settings(), state: str | None = None) -> None:  # noqa: B008 - frozen
        self._settings = s3
        self.endpoint, self.state = s3.endpoint_url, state
        self._local = LocalFiles()

    @cached_property
    def _s3(self) -> S3Files:
        from callveil.transforms.storage.files.s3 import (
            S3Files,
        )  # loads botocore, a fifth of a second that a store on disk does without

        return S3Files(self._settings)

    def _at(self, url: str) -> LocalFiles | S3Files:
        return self._s3 if is_s3(url) else self._local

    @staticmethod
    def join(base: str, *parts: str) -> str:
        """Return `base` and `parts` with single slashes between; raises ValueError for `..` and
        absolute parts.
        """
        return join_url(base, *parts)

    def glob(self, pattern: str) -> Infos:
        """Return files that `pattern` names, sorted by URL; empty where there are none.

        A file is itself; a folder means every file below it, without names that begin with `.` or
        `_`. `*`, `?` and `[..]` stay within one name, `**` spans folders; a pattern with wildcards
        matches files only.
        """
        return self._at(pattern).glob(pattern)

    def info(self, url: str) -> FileInfo | None:
        """Size (bytes) and etag of a file, or None where there is none."""
        return self._at(url).info(url)

    def read(self, url: str, start: int = 0, length: int | None = None) -> bytes:
        """Return `length` bytes from byte `start` on, or all the rest; fewer (or none) where the
        file ends before.
        """
        if start < 0 or (length is not None and length < 0):
            raise ValueError("start and length may not be negative")
        return self._at(url).read(url, start, length)

    def open(self, url: str, offset: int = 0) -> BinaryIO:
        """Return a seekable binary reader, standing at byte `offset`. An S3 object is read by
        ranged GETs of a few MB.
        """
        return self._at(url).open(url, offset)

    def write(
        self,
        url: str,
        data: bytes | BinaryIO,
        *,
        if_none_match: bool = False,
        if_match: str | None = None,
    ) -> str:
        """Write a whole file, atomically and durably, and return its etag.

        Args:
            url: where. Missing local folders are made; files get mode 0600.
            data: bytes, or a reader that stands where the content begins.
            if_none_match: only if there is no such file.
            if_match: only if the file still has this etag.

        Raises `PreconditionFailed` where the condition does not hold. After a network failure a
        conditional write may have happened although it is reported as failed: compare the content
        before concluding that somebody else wrote.
        """
        if if_none_match and if_match is not None:
            raise ValueError("if_none_match and if_match exclude each other")
        return self._at(url).write(url, data, if_none_match, if_match)

    def delete(self, url: str) -> None:
        """Delete a file; a missing one is no error. On a versioned bucket old versions stay: see
        `purge`.
        """
        self._at(url).delete(url)

    def purge(self, url: str, *, if_match: str | None = None) -> Names:
        """Delete every version and delete marker of a file, and return their ids; empty where
        nothing was left.

        Args:
            if_match: only if the file has this etag. Versions that come meanwhile stay; where there
                are none, a moment is left in which what takes the file's place could go with it.

        Raises `ObjectLocked` after trying all, where a retention or legal hold protects some;
        `PreconditionFailed` where the file has another etag.
        """
        return self._at(url).purge(url, if_match=if_match)

    def purge_older(self, url: str) -> Names:
        """Delete every version of a file but the present one, and return their ids; of a deleted
        file, every version and delete marker.

        Raises `ObjectLocked` as `purge` does. Nothing is done on disk, where there are no older
        versions.
        """
        return self._s3.purge(url, older=True) if is_s3(url) else []

    def superseded(self, folder: str) -> Names:
        """Return files below `folder` of which older versions are kept, deleted ones included;
        sorted. Empty on disk.
        """
        return self._s3.superseded(folder) if is_s3(folder) else []

    def list(self, folder: str) -> Iterator[FileInfo]:
        """Return every file below `folder`, in the order of their URLs, hidden ones included,
        temporary files and locks not.
        """
        return self._at(folder).list(folder)

    def sha256(self, url: str) -> tuple[str, int]:
        """SHA-256 (hex) and size (bytes) of a file, read in pieces."""
        digest, size = hashlib.sha256(), 0
        with self.open(url) as source:
            while piece := source.read(HASH_BYTES):
                digest.update(piece)
                size += len(piece)
        return digest.hexdigest(), size

    def sweep_temporary(self, root: str, before: dt.datetime | None = None) -> Names:
        """Remove what killed writers left below `root`, and return the names.

        On disk: `.callveil-tmp-*` files whose writer no longer holds their lock. On S3: multipart
        uploads begun before `before` (UTC); without it none, since a running upload cannot be told
        from a dead one.
        """
        if is_s3(root):
            return self._s3.abort_uploads(root, before) if before else []
        return self._local.sweep_temporary(root)
