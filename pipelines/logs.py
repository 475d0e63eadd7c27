"""Log lines on standard error, as text or as JSON, with what is at work and without content.

Content is taken out where a record is made, so that no handler, a library's or a runner's own, has
it. What stays is what stands in the source of a message, and of its arguments what cannot be a
record's: from callveil itself texts, numbers and its own errors, from libraries the types alone. Of
errors that are not callveil's own kind and place stay.
"""

from __future__ import annotations

import ast
import datetime as dt
import json
import logging
import os
import re
import sys
import warnings
from functools import lru_cache
from pathlib import Path, PurePath
from typing import Any, TextIO

from callveil.pipelines.faults import describe_error, has_frames, shows_content
from callveil.schemas.errors import CallveilError
from callveil.transforms.execution.log_context import current_log_context, set_process_context

FORMATS = ("text", "json")
FORMAT_ENV = "CALLVEIL_LOG_FORMAT"
_OF_PARENT = "CALLVEIL_LOG_OF_PARENT"
"""Tells a process that a command starts the format of its lines, and the command."""
log = logging.getLogger(__name__)
_DIRECTIVE = re.compile(r"%(?:\(\w+\))?[-#0 +]*(?:\*|\d+)?(?:\.(?:\*|\d+))?[diouxXeEfFgGcrsa]")
_WITHHELD = "its text is withheld because it may quote a record"
_WARNING = re.compile(r"^(\S+:\d+: \w+):")


class _StandardError(logging.StreamHandler[TextIO]):
    """Writes to standard error as it is at the time."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        return sys.stderr

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Say nothing: the standard library would print the arguments."""


class _SafeRecord(logging.LogRecord):
    """A record without content, unless that is asked for."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.is_worth_saying = _is_worth_saying(self)
        if shows_content():
            return
        try:
            shown = shown_message(self)
        except Exception:  # noqa: BLE001 - whoever logs has no part in what is shown
            shown = f"{self.name}: {_WITHHELD}"
        self.msg, self.args, self.exc_info, self.stack_info = shown, (), None, None


class TextFormatter(logging.Formatter):
    """Lines for people: what the command says, or the level of a warning."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line; more where the message has them."""
        text = record.getMessage()
        if record.levelno == logging.WARNING or not _is_ours(record):
            return f"callveil: {record.levelname}: {text}"
        return f"callveil {current_log_context().get('command', '')}".rstrip() + f": {text}"


class JsonFormatter(logging.Formatter):
    """One JSON object a line: `time` (UTC), `level`, `logger`, `message`, `command`, and `run_id`,
    `chunk`, `shard` or `file` where one is at work.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the object."""
        when = dt.datetime.fromtimestamp(record.created, dt.UTC).isoformat(timespec="milliseconds")
        fields: dict[str, Any] = {
            "time": when,
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **current_log_context(),
            **(getattr(record, "fields", {}) if _is_ours(record) else {}),
        }
        return json.dumps(fields, ensure_ascii=False)


def configure_logging(command: str, log_format: str = "") -> None:
    """Have all that is logged go to standard error by way of the formatters.

    Args:
        command: the command at work. log_format: one of `FORMATS`; empty: as the environment says.
    """
    chosen = log_format or os.environ.get(FORMAT_ENV, "")
    os.environ[_OF_PARENT] = f"{chosen if chosen in FORMATS else FORMATS[0]} {command}"
    configure_worker_logging()


def configure_worker_logging() -> None:
    """Have a process that a command has started log as that does."""
    set_process_context(command=os.environ.get(_OF_PARENT, "").partition(" ")[2])
    logging.setLogRecordFactory(_SafeRecord)
    handler = _StandardError()
    handler.addFilter(lambda record: getattr(record, "is_worth_saying", True))
    handler.setFormatter(JsonFormatter() if logs_json() else TextFormatter())
    root = logging.getLogger()
    ours = (_StandardError, logging.StreamHandler)  # libraries make one where there is none yet
    root.handlers[:] = [h for h in root.handlers if type(h) not in ours] + [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("callveil").setLevel(logging.INFO)
    logging.captureWarnings(True)
    # gliner, which Presidio imports wherever it is installed.
    warnings.filterwarnings("ignore", r"`torch\.jit\.script` is deprecated", FutureWarning)


def logs_json() -> bool:
    """Tell whether lines are JSON, so that nothing else goes to standard error."""
    return os.environ.get(_OF_PARENT, "").startswith("json")


def tell(text: str) -> None:
    """Say something to whoever runs the command. It quotes no record."""
    log.info("%s", text)


def shown_message(record: logging.LogRecord) -> str:
    """Return what a record says without content: see the module."""
    error = record.exc_info[1] if record.exc_info else None
    said = _message(record)
    if found := _WARNING.match(said) if record.name == "py.warnings" else None:
        return f"{found[1]}: {_WITHHELD}"
    shown = _filled(record)
    if shown is None:
        if error is None and isinstance(record.msg, BaseException):
            error = record.msg
        if error is None and has_frames(said):  # Beam hands on errors of workers as text
            error = RuntimeError(said)
        shown = f"{record.name} ({Path(record.pathname).name}:{record.lineno})"
        if error is None:
            return f"{shown}: {_WITHHELD}"
    elif not _is_ours(record):
        shown = f"{record.name}: {shown}"
    return f"{shown}: {_told(error)}" if error else shown


def _is_ours(record: logging.LogRecord) -> bool:
    return record.name.partition(".")[0] == "callveil"


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError):  # arguments that do not fit the text
        return str(record.msg)


def _told(error: BaseException) -> str:
    return str(error) if isinstance(error, CallveilError) else describe_error(error)


def _filled(record: logging.LogRecord) -> str | None:
    """Return a message that stands in the source, with what may be shown of its arguments; None for
    one that was put together before it was logged.
    """
    template = record.msg
    if not isinstance(template, str) or template not in _literals(record.pathname):
        return None
    if not record.args:
        return template
    if not _is_ours(record) or not isinstance(record.args, tuple):
        given = record.args.values() if isinstance(record.args, dict) else record.args
        kinds = iter([f"<{type(a).__name__}>" for a in given])
        return _DIRECTIVE.sub(lambda _: next(kinds, "<...>"), template)
    try:
        return template % tuple(_shown(arg) for arg in record.args)
    except (TypeError, ValueError):
        return template


def _shown(arg: object) -> object:
    if isinstance(arg, BaseException):
        return _told(arg)
    if arg is None or isinstance(arg, str | int | float | PurePath):
        return arg
    return f"<{type(arg).__name__}>"


@lru_cache(maxsize=256)
def _literals(path: str) -> frozenset[str]:
    """Return the texts that stand in a source file; none where it cannot be read."""
    try:
        tree = ast.parse(Path(path).read_bytes())
    except (OSError, ValueError, SyntaxError):
        return frozenset()
    return frozenset(
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def _is_worth_saying(record: logging.LogRecord) -> bool:
    """Tell whether a line is for whoever runs a command: of libraries warnings alone, nothing of
    those that are not used, nor of an interruption, which the command tells itself.
    """
    if _is_ours(record):
        return True
    message = _message(record)
    error = record.exc_info[1] if record.exc_info else None
    interrupted = isinstance(error, KeyboardInterrupt) or message.rstrip().endswith(
        "KeyboardInterrupt"
    )
    wanted = record.levelno >= logging.WARNING and "bigquery" not in message
    return wanted and not interrupted
