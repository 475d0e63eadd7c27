"""Context of the work at hand, as each log line states it: run, piece of input, shard, file of the
store.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType

LogFields = Mapping[str, str | int]
_of_thread: ContextVar[LogFields] = ContextVar("callveil_log", default=MappingProxyType({}))
_of_process: dict[str, str | int] = {}


def set_process_context(**fields: str | int) -> None:
    """Add to every line of this process, whichever thread writes it."""
    _of_process.update(fields)


@contextmanager
def log_context(**fields: str | int) -> Iterator[None]:
    """Add to the lines of this thread within the block. Never what a record holds, nor whose it
    is.
    """
    token = _of_thread.set({**_of_thread.get(), **fields})
    try:
        yield
    finally:
        _of_thread.reset(token)


def current_log_context() -> LogFields:
    """Return what a line that is written now says of itself."""
    return {**_of_process, **_of_thread.get()}
