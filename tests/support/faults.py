"""Injected faults: files whose process ends at a chosen change of the store."""

from __future__ import annotations

import itertools
import os
import signal
from collections.abc import Callable
from typing import Any, BinaryIO

from callveil.transforms.storage.files.filesystem import Files, S3Settings
from callveil.transforms.storage.files.local import LocalFiles

MOMENTS = ("before", "middle", "after")
"""Of a change at which `KillingFiles` end their process."""


class ProcessKilled(Exception):
    """Stands for the end of a process."""


class CrashingFiles(Files):
    """Files that raise `ProcessKilled` at every write or purge once `steps` of them are done, from
    any thread.
    """

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.steps, self._done = steps, itertools.count()

    def _step(self) -> None:
        if next(self._done) >= self.steps:
            raise ProcessKilled

    def write(self, url: str, data: bytes | BinaryIO, **how: Any) -> str:
        self._step()
        return super().write(url, data, **how)

    def purge(self, url: str, **how: Any) -> list[str]:
        self._step()
        return super().purge(url, **how)


def kill_process() -> None:
    """End this process as a power cut would."""
    os.kill(os.getpid(), signal.SIGKILL)


class KillingFiles(Files):
    """Files that end their process at one change of the store.

    Attributes:
        step: the change, counted from 1. below: prefix of the URLs whose changes count.
        moment: one of `MOMENTS`; in the middle a local file lies there under its temporary name.
        end: what ends the process.
        changes: how many were begun.
    """

    def __init__(
        self,
        step: int,
        moment: str,
        s3: S3Settings | None = None,
        below: str = "",
        end: Callable[[], None] = kill_process,
    ) -> None:
        super().__init__(s3 or S3Settings())
        self.step, self.moment, self.below, self.end, self.changes = step, moment, below, end, 0

    def _change(self, url: str, call: Callable[[], Any]) -> Any:
        if not url.startswith(self.below):
            return call()
        self.changes += 1
        last = self.changes == self.step
        if last and self.moment == "before":
            self.end()
        if last and self.moment == "middle":
            LocalFiles._place = lambda *a: self.end()  # type: ignore[method-assign,assignment]
        try:
            return call()
        finally:
            if last:
                self.end()

    def write(self, url: str, data: bytes | BinaryIO, **how: Any) -> str:
        return str(self._change(url, lambda: super(KillingFiles, self).write(url, data, **how)))

    def delete(self, url: str) -> None:
        self._change(url, lambda: super(KillingFiles, self).delete(url))

    def purge(self, url: str) -> list[str]:
        return list(self._change(url, lambda: super(KillingFiles, self).purge(url)))
