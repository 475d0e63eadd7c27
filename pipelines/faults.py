"""Error messages for unexpected failures: kind and location, never the exception's text.

That text may quote a record.
"""

from __future__ import annotations

import errno
import os
import re
import tempfile
import traceback

from callveil.pipelines.exits import CommandError

FULL = "CALLVEIL_TRACEBACK"
"""Set to 1 to see errors whole; they may then hold personal data."""
_FRAME = re.compile(r'File "([^"]*)", line (\d+), in (\w+)')
_KIND = re.compile(
    r"^([A-Za-z_][\w.]*(?:Error|Exception|Exit|Interrupt|Timeout|Failed|Warning))\b", re.MULTILINE
)


_AGAIN = "then run the same command again: it goes on where it was"
_WAYS_OUT = {
    errno.ENOSPC: "make room, or name a place on another disk (--output; TMPDIR for temporary "
    f"files), {_AGAIN}",
    errno.EDQUOT: f"make room or have the quota raised, {_AGAIN}",
    errno.EFBIG: "the limit for files (`ulimit -f`) or the file system does not allow one of this "
    f"size; raise it, {_AGAIN}",
    errno.EROFS: "name a place that can be written, or mount this one for writing",
    errno.EACCES: "this user may not read or write there; check owner and mode of the file and of "
    "the folders above it",
    errno.EPERM: "this user may not do that; check owner and mode of the file and of the folders "
    "above it",
    errno.ENOTDIR: "a file lies where a folder is needed; name another folder",
    errno.EISDIR: "a folder lies where a file is needed; name another file",
    errno.EEXIST: "a file lies where a folder is needed; name another folder",
    errno.ENOENT: "check the path; a file that was there is gone",
    errno.ENAMETOOLONG: "name a shorter path",
    errno.EMFILE: f"raise the limit of open files (`ulimit -n`), {_AGAIN}",
    errno.EIO: f"the disk or its network failed; check it, {_AGAIN}",
    errno.ESTALE: f"the network disk was mounted anew; {_AGAIN}",
    errno.ETIMEDOUT: f"check disk and network, {_AGAIN}",
}
_OURS = r"callveil\.transforms\.(?:storage\.files\.urls\.(?:FilesError|PreconditionFailed)|ingest\.read\.InputChanged)"  # noqa: E501
_FILES_ERROR = re.compile(
    rf"^(?:RuntimeError: )?{_OURS}: (.*?)(?: \[while running '.*)?$", re.MULTILINE
)
_OS_ERROR = re.compile(
    r"^(?:RuntimeError: "
    r")?(?:OSError|PermissionError|NotADirectoryError|FileNotFoundError|FileExistsError|IsADirectoryError|TimeoutError)"
    r": \[Errno (\d+)\] [^:\n']*(?:: '([^'\n]*)')?",
    re.MULTILINE,
)


def describe_os_error(number: int, filename: object) -> str:
    """Return what the system refused, at which file, and the way out. Nothing of it is a record's:
    texts are the system's by number.
    """
    nameless = f"a file of this run (temporary ones are in {tempfile.gettempdir()})"
    where = os.fsdecode(filename) if isinstance(filename, str | bytes | os.PathLike) else nameless
    return (
        f"{where}: {os.strerror(number)}; "
        f"{_WAYS_OUT.get(number, 'check disk and network, ' + _AGAIN)}"
    )


def system_fault(error: BaseException) -> str | None:
    """Return what a fault of disk or network says, as the error itself or in the text that Beam
    hands on of a worker's; None for other errors.
    """
    ours = type(error).__module__.startswith("callveil.")
    if isinstance(error, OSError) and (ours or error.errno is not None):
        return str(error) if ours else describe_os_error(int(error.errno or 0), error.filename)
    text = str(error)
    if not _FRAME.search(text) and "[while running" not in text:
        return None
    last = text.rstrip().rpartition("\n\n")[2]  # of a chain, the error that ended it
    if found := _FILES_ERROR.findall(last):
        return str(found[-1])
    if numbers := _OS_ERROR.findall(last):
        return describe_os_error(int(numbers[-1][0]), numbers[-1][1] or None)
    return None


def shows_content() -> bool:
    """Tell whether errors and log lines are to be shown whole."""
    return os.environ.get(FULL) == "1"


def has_frames(text: str) -> bool:
    """Tell whether a text holds a traceback."""
    return _FRAME.search(text) is not None


def describe_error(error: BaseException) -> str:
    """Return one sentence on an error: what disk or network did, or else its kind, and the last
    place in callveil it came through.

    Beam hands on a worker's error as text, so that is read too.
    """
    if shows_content():
        return "".join(traceback.format_exception(error))
    if fault := system_fault(error):
        return fault
    if isinstance(error, OSError) and error.filename and error.strerror:
        # a file and what the system says of it; no record's text
        return f"{error.filename}: {error.strerror}"
    said = str(error)
    frames = [
        (f.filename, str(f.lineno), f.name) for f in traceback.extract_tb(error.__traceback__)
    ] + _FRAME.findall(said)
    own = [
        (file, line, name)
        for file, line, name in frames
        if re.search(r"/(pipelines|transforms|schemas)/", file)
        and not file.endswith("pipelines/cli.py")
    ]
    kinds = _KIND.findall(said) if _FRAME.search(said) else []
    kind = kinds[-1] if kinds else type(error).__name__
    place = ""
    if own:
        file, line, name = own[-1]
        place = f" in {name} ({'/'.join(file.split('/')[-3:])}:{line})"
    return (
        f"{kind}{place}. Its text is withheld because it may quote a record: set {FULL}=1 to see it"
    )


_ABOUT = re.compile(
    r"^\s*(?:(?:argument )?(?P<option>--[a-z][a-z0-9-]*)(?:: | |(?=: )))?(?P<place>[^\s:-]\S*?)?: ",
    re.MULTILINE,
)
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def as_dict(error: BaseException | None, text: str, code: int) -> dict[str, object]:
    """JSON form of what ended a command.

    Args:
        error: what was raised; what a command made its own message of tells the kind.
        text: the message. code: the exit code.
    """
    cause = (error.__context__ or error) if isinstance(error, CommandError) else error
    kind = _HUMP.sub("_", type(cause).__name__).lower() if cause else "usage_error"
    about = _ABOUT.search(text)
    found = {name: value for name, value in about.groupdict().items() if value} if about else {}
    filename = getattr(cause, "filename", None)
    if isinstance(filename, str):
        found["place"] = filename
    if way_out := str(getattr(cause, "way_out", "") or text.partition("; ")[2]):
        found["way_out"] = way_out
    return {"kind": kind, "message": text, "exit_code": code} | found
