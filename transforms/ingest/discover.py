"""Input file discovery by path patterns.

Hidden files, temporary files and callveil's own stores are left out.
"""

from __future__ import annotations

import os
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from callveil.schemas.errors import UserError
from callveil.transforms.ingest.sniff import NotReadable
from callveil.transforms.ingest.streams import ALWAYS_BYTES, MOST_TIMES
from callveil.transforms.storage.files.urls import (
    FileInfo,
    fixed_prefix,
    has_magic,
    hidden_below,
    is_s3,
    local_path,
)
from callveil.transforms.storage.format1.snapshot import STORE_FILE

if TYPE_CHECKING:
    from callveil.transforms.storage.files.filesystem import Files

TEMPORARY = (
    ".tmp",
    ".temp",
    ".part",
    ".partial",
    ".filepart",
    ".crdownload",
    ".download",
    ".opdownload",
    ".inprogress",
    "~",
)
"""Ends of names that are passed over, besides those that begin with `.` or `_`: what programs call
a file that they still write.
"""
MOST_MEMBERS = 10_000
_OFFICE = re.compile(r"\[Content_Types\]\.xml\Z|mimetype\Z|META-INF/")


class InputError(UserError, ValueError):
    """A pattern that names nothing to read, or a place that cannot be input; a usage error."""


@dataclass(frozen=True, order=True)
class InputFile:
    """A file that is read, for the manifest. Size in bytes; the etag tells one version of it from
    another.
    """

    url: str
    size: int
    etag: str


@dataclass(frozen=True, order=True)
class SkippedFile:
    """A file below an input that is not read, for the summary, the manifest and so the evidence.

    Attributes:
        url: where; `archive.zip!name` for a member.
        size, etag: as of an `InputFile`.
        reason: a code of `sniff.REASONS`. detail: what it is and what mends it; quotes nothing.
    """

    url: str
    size: int
    etag: str
    reason: str
    detail: str

    @classmethod
    def of(cls, info: FileInfo, why: NotReadable, name: str = "") -> SkippedFile:
        """Return a file, or a member of it, and why it is not read."""
        return cls(
            f"{info.url}!{name}" if name else info.url, info.size, info.etag, why.reason, why.detail
        )


@dataclass
class InputListing:
    """Files that patterns name.

    Attributes:
        files: by URL. not_read: what is not even looked into.
    """

    files: dict[str, FileInfo] = field(default_factory=dict)
    not_read: list[SkippedFile] = field(default_factory=list)


def find_input(files: Files, patterns: Sequence[str], *, later: bool = False) -> InputListing:
    """List what patterns name. A folder means every file below it.

    Args:
        later: what is not there yet may come later, and is no mistake.

    Raises:
        InputError: a local path that is not there, a wildcard that matches nothing, or a place that
            lies in a store.
    """
    out = InputListing()
    for pattern in patterns:
        exact = files.info(pattern)
        if exact:
            out.files[exact.url] = exact
            continue
        refuse_store_above(files, pattern)
        wild = has_magic(pattern)
        listed = list(files.glob(pattern) if wild else files.list(pattern))
        if (
            not listed
            and not later
            and (wild or not (is_s3(pattern) or Path(local_path(pattern)).is_dir()))
        ):
            raise InputError(
                f"nothing to read at {pattern!r}: "
                f"{'no file matches' if wild else 'there is no such file or folder'}. "
                "Check the path, and quote wildcards so that the shell leaves them alone"
            )
        _below(files, pattern, wild, listed, out)
    return out


def _below(
    files: Files, pattern: str, wild: bool, listed: list[FileInfo], out: InputListing
) -> None:
    """Take the files of a folder or wildcard."""
    folder = fixed_prefix(pattern) if wild else pattern.rstrip("/") + "/"
    inside = {
        i.url.removesuffix(f"/{STORE_FILE}") for i in listed if i.url.endswith(f"/{STORE_FILE}")
    }
    if wild:
        parents = {
            "/".join(i.url.split("/")[:n])
            for i in listed
            for n in range(folder.count("/") + 1, i.url.count("/") + 1)
        }
        inside = {p for p in parents if files.info(f"{p}/{STORE_FILE}")}
    for info in listed:
        above = next((s for s in inside if info.url.startswith(f"{s}/")), "")
        if not above and not is_skipped_name(info.url, folder, pattern):
            out.files[info.url] = info
    for store in sorted(inside):
        out.not_read.append(
            SkippedFile(
                store,
                0,
                "",
                "store",
                "a store of callveil's; what it holds is redacted already, and is no input",
            )
        )
    if not wild and not is_s3(pattern):
        out.not_read += [
            SkippedFile(u, 0, "", "link", why)
            for u, why in irregular_files(pattern)
            if not is_skipped_name(u, folder, pattern)
        ]


def is_skipped_name(url: str, folder: str, pattern: str = "") -> bool:
    """Tell whether a name below `folder` is hidden or of a temporary file, and the pattern does not
    ask for such.
    """
    end = next((e for e in TEMPORARY if url.lower().endswith(e)), "")
    return hidden_below(url, folder) or bool(end and not pattern.lower().endswith(end))


def irregular_files(folder: str) -> Iterator[tuple[str, str]]:
    """Yield what lies below a local folder and is neither a file nor a folder, and why it is not
    read.
    """
    for above, folders, names in os.walk(local_path(folder)):
        for name in (*folders, *names):
            path = Path(above) / name
            url = f"{folder.rstrip('/')}/{path.relative_to(local_path(folder))}"
            if path.is_symlink() and path.is_dir():
                yield url, "a link to a folder; name the folder it leads to as an input of its own"
            elif path.is_symlink() and not path.exists():
                yield url, "a link that leads nowhere"
            elif not path.is_dir() and not path.is_file():
                yield url, "a pipe, socket or device"


def refuse_overlap(files: Files, patterns: Iterable[str], output: str) -> None:
    """Refuse a store below an input, and an input below a store: tomorrow the store would be read
    as input.

    Raises `InputError`; also where the store would be at a file.
    """
    store = _real(output)
    if not is_s3(output):
        above = next((p for p in (Path(store), *Path(store).parents) if p.exists()), None)
        if above is not None and not above.is_dir():
            raise InputError(
                f"--output {output}: {above.name} is a file; name a folder for the store"
            )
    for pattern in patterns:
        wild = has_magic(pattern)
        base = _real(fixed_prefix(pattern) or ".") if wild else _real(pattern)
        if _is_below(base, store):
            raise InputError(
                f"--input {pattern}: lies in the store {output}; what a store holds is no input. "
                "Name the folder of the source"
            )
        if _is_below(store, base) and (not wild or _reaches(pattern, base, store)):
            raise InputError(
                f"--output {output}: lies below the input {pattern}, so the store would be read as "
                "input the next time; "
                "give the store a folder of its own, outside of the input"
            )


def refuse_store_above(files: Files, pattern: str) -> None:
    """Refuse an input that lies in a store, whichever it is. Raises `InputError`."""
    base = _real(fixed_prefix(pattern) or ".") if has_magic(pattern) else _real(pattern)
    parts = base.split("/")
    lowest = 3 if is_s3(base) else 1
    for n in range(len(parts), lowest - 1, -1):
        above = "/".join(parts[:n])
        if above not in ("", "s3:", "s3:/") and files.info(f"{above}/{STORE_FILE}"):
            raise InputError(
                f"--input {pattern}: lies in the store {above}; what a store holds is no input. "
                "Name the folder of the source"
            )


def _real(url: str) -> str:
    """Return a place in the one form that can be compared: links followed, doubled and final
    slashes gone.
    """
    if is_s3(url):
        return "s3://" + "/".join(p for p in url[len("s3://") :].split("/") if p)
    return os.path.realpath(local_path(url))


def _is_below(place: str, base: str) -> bool:
    return place == base or place.startswith(base.rstrip("/") + "/")


def _reaches(pattern: str, base: str, store: str) -> bool:
    """Tell whether a wildcard can name files in a store below its fixed part."""
    wanted = pattern[len(fixed_prefix(pattern)) :].split("/")
    given = [p for p in store[len(base) :].split("/") if p]
    for want, part in zip(wanted, given, strict=False):
        if "**" in want:
            return True
        if not fnmatchcase(part, want):
            return False
    return len(wanted) > len(given)


def archive_members(files: Files, info: FileInfo) -> list[tuple[int, str]]:
    """Return members of a zip archive that may be input: place in its list, and name. Raises
    `NotReadable`.
    """
    try:
        with files.open(info.url) as source, zipfile.ZipFile(source) as archive:
            listed = archive.infolist()
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError):
        raise NotReadable(
            "archive", "a zip archive that is damaged or cut off; copy it again"
        ) from None
    if any(_OFFICE.match(m.filename) for m in listed):
        raise NotReadable(
            "media", "an Office document or program; save the table in it as JSON lines or Parquet"
        )
    if len(listed) > MOST_MEMBERS:
        raise NotReadable(
            "archive", f"a zip archive of more than {MOST_MEMBERS:,} members; unpack it"
        )
    if sum(m.file_size for m in listed) > max(ALWAYS_BYTES, MOST_TIMES * info.size):
        raise NotReadable(
            "archive",
            f"a zip archive that unfolds to more than {MOST_TIMES} times its size; unpack it if it "
            "is what it should be",
        )
    if any(m.flag_bits & 1 for m in listed):
        raise NotReadable("encrypted", "a zip archive with a password; unpack it")
    names = [(n, m.filename) for n, m in enumerate(listed) if not m.is_dir()]
    return [
        (n, name)
        for n, name in names
        if not is_skipped_name(f"/{name}", "/") and not name.startswith("__MACOSX/")
    ]
