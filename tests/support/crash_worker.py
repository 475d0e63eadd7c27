"""A process that runs retention and is killed at its n-th change of the store: before it, in the
middle of it, or after it.
"""

from __future__ import annotations

import datetime as dt
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from callveil.transforms.storage.files.filesystem import Files, S3Settings
from callveil.transforms.storage.files.local import LocalFiles
from support.retention_stores import Place

MOMENTS = ("before", "middle", "after")


def die() -> None:
    """What a power cut looks like to the process."""
    os.kill(os.getpid(), signal.SIGKILL)


class Doomed(Files):
    """Files that kill their process at the n-th change. `middle` means: a local file lies there
    under its temporary name.
    """

    def __init__(self, s3: S3Settings, step: int, moment: str, only: str = "") -> None:
        super().__init__(s3)
        self.left, self.moment, self.only = step, moment, only

    def _change(self, url: str, call: Callable[[], Any]) -> Any:
        if self.only and not url.startswith(self.only):
            return call()
        self.left -= 1
        if self.left == 0 and self.moment == "before":
            die()
        if self.left == 0 and self.moment == "middle":
            LocalFiles._place = lambda *a: die()  # type: ignore[method-assign,assignment]
        try:
            return call()
        finally:
            if self.left == 0:
                die()

    def write(self, url: str, data: bytes | BinaryIO, **how: Any) -> str:
        return str(self._change(url, lambda: super(Doomed, self).write(url, data, **how)))

    def delete(self, url: str) -> None:
        self._change(url, lambda: super(Doomed, self).delete(url))

    def purge(self, url: str) -> list[str]:
        return list(self._change(url, lambda: super(Doomed, self).purge(url)))


def run(
    folder: str,
    root: str,
    s3: S3Settings,
    facts: dict[str, Any],
    as_of: dt.datetime,
    step: int,
    moment: str,
    done: Any,
    env: dict[str, str],
) -> None:
    """Run retention once; `done` gets the number of changes made, where the process lives to
    tell.
    """
    os.environ.update(env)
    files = Doomed(s3, step, moment, root)
    Place(Path(folder), files, root, **facts).run(as_of)
    done.put(step - files.left)
