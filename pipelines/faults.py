"""What is told of an unexpected failure: its kind and place, never its text, which may quote a record."""

from __future__ import annotations

import logging
import os
import re
import traceback
import warnings

FULL = "CALLVEIL_TRACEBACK"
"""Set to 1 to see errors whole; they may then hold personal data."""
_FRAME = re.compile(r'File "([^"]*)", line (\d+), in (\w+)')
_KIND = re.compile(r"^([A-Za-z_][\w.]*(?:Error|Exception|Exit|Interrupt|Timeout|Failed|Warning))\b", re.MULTILINE)


def describe(error: BaseException) -> str:
    """One sentence on an error: its kind, and the last place in callveil it came through.

    Beam hands on a worker's error as text, so that is read too.
    """
    if os.environ.get(FULL) == "1":
        return "".join(traceback.format_exception(error))
    said = str(error)
    frames = [(f.filename, str(f.lineno), f.name) for f in traceback.extract_tb(error.__traceback__)] + _FRAME.findall(said)
    own = [
        (file, line, name)
        for file, line, name in frames
        if re.search(r"/(pipelines|transforms|schemas)/", file) and not file.endswith("pipelines/cli.py")
    ]
    kinds = _KIND.findall(said) if _FRAME.search(said) else []
    kind = kinds[-1] if kinds else type(error).__name__
    place = ""
    if own:
        file, line, name = own[-1]
        place = f" in {name} ({'/'.join(file.split('/')[-3:])}:{line})"
    return f"{kind}{place}. Its text is withheld because it may quote a record: set {FULL}=1 to see it"


def without_warnings() -> None:
    """Keep standard error free of warnings that are none of the user's business."""
    # gliner, which Presidio imports wherever it is installed.
    warnings.filterwarnings("ignore", r"`torch\.jit\.script` is deprecated", FutureWarning)


def without_content(record: logging.LogRecord) -> bool:
    """A logging filter: cut what Beam and libraries log of an error down to its kind and place, and drop talk of libraries that nothing here uses."""
    message = record.getMessage()
    if "bigquery" in message:
        return False
    if os.environ.get(FULL) == "1":
        return True
    if record.exc_info or "Traceback" in message or (record.name.startswith("apache_beam") and record.levelno >= logging.ERROR):
        error = record.exc_info[1] if record.exc_info else None
        record.msg, record.args = "%s: %s", (record.name, describe(error if error else RuntimeError(message)))
        record.exc_info = record.exc_text = record.stack_info = None
    return True
