"""A process that erases and is killed at its n-th change of the store: before it, in the middle of
it, or after it.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from callveil.pipelines.subject import erase_request, restrict_request
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.files.local import LocalFiles
from support.people_world import World

MOMENTS = ("before", "middle", "after")


class Doomed(Files):
    """Files that kill their process at the n-th change. `middle` means: a local file lies there
    under its temporary name.
    """

    def __init__(self, step: int, moment: str) -> None:
        super().__init__()
        self.left, self.moment, self.made = step, moment, 0

    def _change(self, call: Callable[[], Any]) -> Any:
        self.left -= 1
        self.made += 1
        if self.left == 0 and self.moment == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.left == 0 and self.moment == "middle":
            LocalFiles._place = lambda *a: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore[method-assign,assignment]
        try:
            return call()
        finally:
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    def write(self, url: str, data: bytes | BinaryIO, **how: Any) -> str:
        return str(self._change(lambda: super(Doomed, self).write(url, data, **how)))

    def delete(self, url: str) -> None:
        self._change(lambda: super(Doomed, self).delete(url))

    def purge(self, url: str) -> list[str]:
        return list(self._change(lambda: super(Doomed, self).purge(url)))


def run(
    folder: str, request_id: str, scope: str, step: int, moment: str, state: str, done: Any
) -> None:
    """Carry a request out once; `done` gets the number of changes made, where the process lives to
    tell. `state`: where heads are remembered.
    """
    world = World(Path(folder))
    world.files = Doomed(step, moment)
    world.files.state = (
        state  # the server that processes are forked from has the environment of its first test
    )
    (erase_request if scope == "erasure" else restrict_request)(world.options(2), request_id)
    done.put(world.files.made)
