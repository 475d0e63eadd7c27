"""Files that die on the way, for tests of what a killed attempt leaves."""

from __future__ import annotations

import itertools
from typing import Any, BinaryIO

from callveil.transforms.storage.files.filesystem import Files


class Dead(Exception):
    """Stands for the end of a process."""


class Mortal(Files):
    """Dies at every write or purge once `steps` of them are done, from any thread."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.steps, self._done = steps, itertools.count()

    def _step(self) -> None:
        if next(self._done) >= self.steps:
            raise Dead

    def write(self, url: str, data: bytes | BinaryIO, **how: Any) -> str:
        self._step()
        return super().write(url, data, **how)

    def purge(self, url: str, **how: Any) -> list[str]:
        self._step()
        return super().purge(url, **how)
