"""Disks that are full, and calls to the system that fail as those of a failing disk do."""

from __future__ import annotations

import errno
import io
import itertools
import os
import pathlib
import resource
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from support import killed_commands

NEED_MOUNT = ("full disk", "full TMPDIR")
nothing = nullcontext


@contextmanager
def mounted(folder: Path, size: int) -> Iterator[None]:
    """A tmpfs of so many bytes at a folder."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def resize(folder: Path, size: int) -> None:
    """Give a tmpfs another size."""
    subprocess.run(["mount", "-o", f"remount,size={size}", str(folder)], check=True)


def used(folder: Path) -> int:
    """Bytes in use."""
    stat = os.statvfs(folder)
    return (stat.f_blocks - stat.f_bfree) * stat.f_frsize


def can_mount() -> bool:
    """Tell whether this process may mount a tmpfs."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder],
            capture_output=True,
            check=False,
        )
        if done.returncode == 0:
            subprocess.run(["umount", folder], check=True)
        return done.returncode == 0


def start(
    words: list[str], env: dict[str, str], folder: Path, kind: str, root: str, number: int
) -> killed_commands.Running:
    """Start a command that meets EIO at its `number`th call to the system below `root`, or files of
    at most `number` bytes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    printed, steps = folder / "spoilt.out", folder / "spoilt.steps"
    printed.touch()
    steps.touch()
    process = killed_commands.forkserver().Process(
        target=_main, args=(words, env, str(printed), str(steps), kind, root, number)
    )
    process.start()
    return killed_commands.Running(process, printed, steps, time.monotonic())


def _main(
    words: list[str],
    env: dict[str, str],
    printed: str,
    steps: str,
    kind: str,
    root: str,
    number: int,
) -> None:
    out = os.open(printed, os.O_WRONLY | os.O_APPEND)
    os.dup2(out, 1)
    os.dup2(out, 2)
    if kind == "EIO":
        _fail(root, number, os.open(steps, os.O_WRONLY | os.O_APPEND))
    else:
        resource.setrlimit(resource.RLIMIT_FSIZE, (number, number))
    killed_commands._begin(words, env)


def _fail(root: str, number: int, log: int) -> None:
    """Let the `number`th call fail with EIO: flushes, links, renames and listings of the system,
    and reads of files below `root`.
    """
    calls = itertools.count(1)

    def due(name: str, where: Any) -> None:
        if next(calls) == number:
            os.write(log, f"{name}\n".encode())
            raise OSError(
                errno.EIO, os.strerror(errno.EIO), where if isinstance(where, str) else None
            )

    def failing(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(place: Any, *args: Any, **more: Any) -> Any:
            if isinstance(place, int) or str(place).startswith(root):
                due(name, str(place) if not isinstance(place, int) else None)
            return function(place, *args, **more)

        return call

    class FailingFile(io.FileIO):
        def readinto(self, buffer: Any) -> Any:
            due("read", self.name)
            return super().readinto(buffer)

        def readall(self) -> Any:
            due("read", self.name)
            return super().readall()

    opened = pathlib.Path.open

    def path_open(path: Path, mode: str = "r", *args: Any, **more: Any) -> Any:
        return (
            io.BufferedReader(FailingFile(str(path)))
            if mode == "rb" and str(path).startswith(root)
            else opened(path, mode, *args, **more)
        )

    for name in ("fsync", "link", "replace", "scandir"):
        setattr(os, name, failing(name, getattr(os, name)))
    pathlib.Path.open = path_open  # type: ignore[method-assign, assignment]
