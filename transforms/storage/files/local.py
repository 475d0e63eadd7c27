"""Local files: atomic, durable writes and listings.

A write goes to a temporary file in the same folder, is flushed to the disk, takes its place by a
link or a rename, and then the folder itself is flushed. A killed process leaves at most a file
named `.callveil-tmp-*`.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, BinaryIO, cast

from callveil.transforms.storage.files.urls import (
    LOCK_NAME,
    TEMPORARY_PREFIX,
    FileInfo,
    Infos,
    Names,
    PreconditionFailed,
    fixed_prefix,
    glob_regex,
    has_magic,
    hidden_below,
    local_path,
)

COPY_BYTES = 4 << 20


def temporary_file() -> BinaryIO:
    """Return a nameless temporary file in TMPDIR, for building a file of unknown size before its
    upload; the system deletes it with its process.
    """
    return cast(BinaryIO, tempfile.TemporaryFile())


def _info(url: str, stat: os.stat_result) -> FileInfo:
    return FileInfo(url, stat.st_size, f"{stat.st_mtime_ns:x}-{stat.st_size:x}", stat.st_mtime)


def _is_internal(name: str) -> bool:
    return name.startswith(TEMPORARY_PREFIX) or name == LOCK_NAME


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _make_folder(folder: Path) -> None:
    """Create `folder` and its parents, readable by the owner only, each made durable in its own
    parent.
    """
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        return
    _sync_folder(folder.parent)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the folder's lock file. It is never deleted: deleting a lock file lets two holders
    in.
    """
    handle = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _temporary(folder: Path) -> tuple[int, Path]:
    """Return a new temporary file under a lock that lives as long as its writer, so that sweeping
    can tell it from a dead one's.
    """
    while True:
        handle, name = tempfile.mkstemp(prefix=TEMPORARY_PREFIX, dir=folder)
        fcntl.flock(handle, fcntl.LOCK_EX)
        if os.fstat(handle).st_nlink:  # swept between creation and lock otherwise
            return handle, Path(name)
        os.close(handle)


class LocalFiles:
    """The local half of `Files`; same methods."""

    def info(self, url: str) -> FileInfo | None:
        try:
            stat = Path(local_path(url)).stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        return _info(url, stat) if Path(local_path(url)).is_file() else None

    def read(self, url: str, start: int = 0, length: int | None = None) -> bytes:
        try:
            source = Path(local_path(url)).open("rb")  # noqa: SIM115 - closed below
        except (
            NotADirectoryError
        ) as error:  # a file where a folder should be: what is below it is not there
            raise FileNotFoundError(errno.ENOENT, error.strerror, url) from None
        with source:
            source.seek(start)
            return source.read(-1 if length is None else length)

    def open(self, url: str, offset: int = 0) -> BinaryIO:
        source = Path(local_path(url)).open("rb")  # noqa: SIM115 - the caller closes it
        source.seek(offset)
        return cast(BinaryIO, source)

    def write(
        self, url: str, data: bytes | BinaryIO, if_none_match: bool, if_match: str | None
    ) -> str:
        target = Path(local_path(url))
        folder = target.parent
        _make_folder(folder)
        handle, temporary = _temporary(folder)
        try:
            with os.fdopen(handle, "wb") as sink:
                if isinstance(data, bytes | bytearray | memoryview):
                    sink.write(data)
                else:
                    shutil.copyfileobj(data, cast(IO[bytes], sink), COPY_BYTES)
                sink.flush()
                os.fsync(sink.fileno())
                etag = self._place(temporary, target, if_none_match, if_match)
        except OSError as error:
            error.filename = str(
                target
            )  # a full disk fails without a name, and the temporary one tells nobody anything
            error.filename2 = None
            raise
        finally:
            temporary.unlink(missing_ok=True)
        _sync_folder(folder)
        return etag

    def _place(
        self, temporary: Path, target: Path, if_none_match: bool, if_match: str | None
    ) -> str:
        """Give the finished temporary file its name, under the condition asked for."""
        if if_none_match:
            self._link_new(temporary, target)
        elif if_match is not None:
            with _locked(target.parent):
                found = self.info(str(target))
                if found is None or found.etag != if_match:
                    raise PreconditionFailed(
                        errno.EAGAIN, "the file changed since it was read", str(target)
                    )
                self._replace(temporary, target)
        else:
            self._replace(temporary, target)
        return _info(str(target), target.stat()).etag

    @staticmethod
    def _replace(temporary: Path, target: Path) -> None:
        """Rename over `target`. File systems stamp times in ticks of milliseconds, so a later
        content is given a later time.
        """
        try:
            before = target.stat().st_mtime_ns
        except FileNotFoundError:
            before = 0
        stat = temporary.stat()
        if stat.st_mtime_ns <= before:
            os.utime(temporary, ns=(stat.st_atime_ns, before + 1))
        temporary.replace(target)

    @staticmethod
    def _link_new(temporary: Path, target: Path) -> None:
        """Create `target` only if it is absent. A hard link fails atomically where the name exists,
        which a rename does not.
        """
        taken = PreconditionFailed(errno.EEXIST, "the file already exists", str(target))
        try:
            target.hardlink_to(temporary)
        except FileExistsError:
            raise taken from None
        except OSError as error:
            if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK):
                raise
            with _locked(target.parent):  # a file system without hard links
                if target.exists():
                    raise taken from None
                temporary.replace(target)

    def delete(self, url: str) -> None:
        path = Path(local_path(url))
        if path.exists():
            path.unlink(missing_ok=True)
            _sync_folder(path.parent)

    def purge(self, url: str, if_match: str | None = None) -> Names:
        found = self.info(url)
        if found is None:
            return []
        if if_match is not None and found.etag != if_match:
            raise PreconditionFailed(errno.EAGAIN, "the file changed since it was read", url)
        self.delete(url)
        return [found.etag]

    def list(self, folder: str) -> Iterator[FileInfo]:
        yield from self._walk(folder.rstrip("/") or "/", local_path(folder))

    def _walk(self, url: str, path: str) -> Iterator[FileInfo]:
        try:
            with os.scandir(path) as entries:
                found = sorted(
                    (e.name + "/" if e.is_dir(follow_symlinks=False) else e.name, e)
                    for e in entries
                    if not _is_internal(e.name)
                )
        except (FileNotFoundError, NotADirectoryError):
            return
        for name, entry in found:
            below = f"{url.rstrip('/')}/{name}"
            if name.endswith("/"):
                yield from self._walk(below[:-1], entry.path)
            elif entry.is_file():
                try:
                    yield _info(below, entry.stat())
                except FileNotFoundError:  # deleted while listing
                    continue

    def glob(self, pattern: str) -> Infos:
        exact = self.info(pattern)
        if exact:
            return [exact]
        folder = pattern.rstrip("/") or "/"
        if Path(local_path(folder)).is_dir():
            return sorted(f for f in self.list(folder) if not hidden_below(f.url, folder))
        if not has_magic(pattern):
            return []
        prefix = fixed_prefix(pattern)
        regex = glob_regex(pattern)
        start = prefix.rstrip("/") or ("/" if prefix else ".")
        found = self.list(start)
        if not prefix:  # a bare relative pattern: list "." but give names as the pattern would
            found = (replace(f, url=f.url[2:]) for f in found)
        return sorted(f for f in found if regex.fullmatch(f.url))

    def sweep_temporary(self, root: str) -> Names:
        swept = []
        for folder, _, names in os.walk(local_path(root)):
            for name in sorted(names):
                if name.startswith(TEMPORARY_PREFIX) and self._sweep(Path(folder) / name):
                    swept.append(str(Path(folder) / name))
        return sorted(swept)

    @staticmethod
    def _sweep(path: Path) -> bool:
        """Delete a temporary file unless a living writer holds its lock."""
        try:
            handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink(missing_ok=True)
            return True
        except BlockingIOError:
            return False
        finally:
            os.close(handle)
