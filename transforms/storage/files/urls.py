"""URLs of files: joining, splitting and glob patterns that mean the same on disk and on S3."""

from __future__ import annotations

import errno
import re
from dataclasses import dataclass, field
from pathlib import Path

from callveil.schemas.errors import CallveilError, UserError

TEMPORARY_PREFIX = ".callveil-tmp-"
LOCK_NAME = ".callveil-lock"
S3_SCHEME = "s3://"
MAGIC = re.compile(r"[*?\[]")


@dataclass(frozen=True, order=True)
class FileInfo:
    """A file as a listing shows it.

    Attributes:
        url: local path or `s3://bucket/key`.
        size: bytes.
        etag: changes whenever the content does; S3's own without quotes, or time and size of a
            local file.
        modified: when it was last written, seconds since 1970, as the store says.
    """

    url: str
    size: int
    etag: str
    modified: float = field(default=0.0, compare=False)


@dataclass(frozen=True)
class S3Settings:
    """Where S3 is. Credentials are never kept here: boto3's chain finds them (environment, profile,
    instance role).

    Attributes:
        endpoint_url: of a compatible server; None for AWS, or for what AWS_ENDPOINT_URL says.
        region: None for what the environment says.
    """

    endpoint_url: str | None = None
    region: str | None = None


Infos = list[FileInfo]
Names = list[str]
"""Written out here because classes that have a method `list` cannot say `list[...]` in a signature.
"""


class PlaceError(UserError, ValueError):
    """A place is written in a form that names none; the user's mistake."""


class FilesError(CallveilError, OSError):
    """A file or bucket cannot be reached; the text says why that usually happens and what mends
    it.
    """

    def __str__(self) -> str:
        return (
            f"{self.filename}: {self.strerror}"
            if self.filename and self.strerror
            else super().__str__()
        )


def damaged_file_error(url: str, what: str) -> FilesError:
    """Return the error of a file that lies whole where it is and did not come so; `what` says what
    came.
    """
    return FilesError(
        errno.EIO, f"{what}; check disk and network, then run the same command again", url
    )


class PreconditionFailed(FilesError):
    """A conditional write found the file already there, or changed since it was read."""


class ObjectLocked(FilesError):
    """Object versions could not be deleted because a retention period or a legal hold protects
    them.

    Args:
        refused: `(url, version id)` of each version that stays.
    """

    def __init__(self, refused: list[tuple[str, str]]) -> None:
        self.refused = refused
        shown = "; ".join(f"{url} version {version}" for url, version in refused[:5])
        more = f" and {len(refused) - 5} more" if len(refused) > 5 else ""
        super().__init__(
            f"{len(refused)} object version(s) are protected by S3 Object Lock and were not "
            f"deleted: {shown}{more}. "
            "The bucket has a default retention, or a legal hold was set. Lift the hold or wait "
            "for the retention to end, then purge again."
        )


def is_s3(url: str) -> bool:
    """Tell whether `url` is `s3://...`. Raises `PlaceError` for another scheme than s3 or file."""
    if url.startswith(S3_SCHEME):
        return True
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]+)://", url)
    if scheme and scheme[1].lower() != "file":
        raise PlaceError(
            f"{url}: {scheme[1]}:// is not supported; use a local path or s3://bucket/key"
        )
    return False


def local_path(url: str) -> str:
    """Return the path of a local URL: `file://` is taken off."""
    return url[len("file://") :] if url.lower().startswith("file://") else url


def absolute_url(url: str) -> str:
    """Return a place as it is known to other programs: an absolute path, or an URL as it is."""
    return url.rstrip("/") if is_s3(url) else str(Path(local_path(url)).resolve())


def split_s3(url: str) -> tuple[str, str]:
    """Return the bucket and key of `s3://bucket/key`; the key may be empty. Raises `PlaceError`
    where the bucket is missing.
    """
    bucket, _, key = url[len(S3_SCHEME) :].partition("/")
    if not bucket:
        raise PlaceError(f"{url}: an S3 URL needs a bucket: s3://bucket/key")
    return bucket, key


def join_url(base: str, *parts: str) -> str:
    """Return `base` and `parts` joined by single slashes. `..` and absolute parts are refused
    (ValueError): names come from data.
    """
    out = base if base == "/" else base.rstrip("/")
    for part in parts:
        pieces = part.split("/")
        if part.startswith("/") or ".." in pieces:
            raise ValueError("a part of a path may neither begin with '/' nor contain '..'")
        clean = "/".join(p for p in pieces if p not in ("", "."))
        if clean:
            out = f"{out.rstrip('/')}/{clean}" if out else clean
    return out


def has_magic(pattern: str) -> bool:
    """Tell whether `pattern` holds a wildcard."""
    return MAGIC.search(pattern) is not None


def fixed_prefix(pattern: str) -> str:
    """Return the part of `pattern` up to the last slash before its first wildcard, slash
    included.
    """
    found = MAGIC.search(pattern)
    head = pattern[: found.start()] if found else pattern
    return head[: head.rfind("/") + 1]


def glob_regex(pattern: str) -> re.Pattern[str]:
    """Regular expression of a glob: `*` and `?` stay within one name, `**` spans folders, `[..]`
    and `[!..]` are sets.

    As in shells, a wildcard at the beginning of a name does not match a leading dot.
    """
    out: list[str] = []
    place = 0
    while place < len(pattern):
        char = pattern[place]
        at_start = place == 0 or pattern[place - 1] == "/"
        guard = r"(?!\.)" if at_start else ""
        if pattern.startswith("**/", place) and at_start:
            out.append(r"(?:(?!\.)[^/]+/)*")
            place += 3
        elif pattern.startswith("**", place):
            out.append(r"(?:(?!\.)[^/]+/)*(?!\.)[^/]+" if at_start else r"(?:[^/]|/(?!\.))*")
            place += 2
        elif char == "*":
            out.append(
                guard
                + ("[^/]+" if at_start and pattern[place + 1 : place + 2] in ("", "/") else "[^/]*")
            )
            place += 1
        elif char == "?":
            out.append(guard + "[^/]")
            place += 1
        elif char == "[" and (end := pattern.find("]", place + 2)) > 0:
            body = pattern[place + 1 : end]
            negate = body[:1] in ("!", "^")
            members = re.sub(r"([\\\[\]^&~|])", r"\\\1", body[1:] if negate else body)
            out.append(guard + (f"(?!/)[^{members}]" if negate else f"(?!/)[{members}]"))
            place = end + 1
        else:
            out.append(re.escape(char))
            place += 1
    try:
        return re.compile("".join(out), re.DOTALL)
    except re.error:
        raise PlaceError(
            f"{pattern}: the pattern holds a set such as [z-a] that is no valid range"
        ) from None


def hidden_below(url: str, folder: str) -> bool:
    """Tell whether a name on the way from `folder` down to `url` begins with `.` or `_`."""
    return any(name[:1] in (".", "_") for name in url[len(folder) :].split("/") if name)
