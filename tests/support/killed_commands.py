"""Runs of the command in processes of their own that are killed: at a moment, or at a named step of
their writing.

The processes are forked from a server that has loaded callveil already, so that each costs no more
than its work. What runs in them is the command line's own `main`, and what ends them is SIGKILL.
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from support.comparable_stores import comparable_name
from support.waiting import HANGS

KILLED = -signal.SIGKILL
SALTED = re.compile(r"-[0-9a-f]{16}(?=\.(?:json|proofs)$)")
"""In the name of a file of salts or proofs, the digest of its content, which is random."""
PRELOAD = ["callveil.pipelines.commands.redact", "callveil.transforms.detect.engine", "spacy"]


def forkserver() -> ForkServerContext:
    """The context whose processes start with callveil loaded."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOAD)
    return context


@dataclass
class Running:
    """A command under way.

    Attributes:
        process: its process.
        printed: file with what it prints, standard error included.
        steps: file with its steps of writing, one a line.
        started: monotonic seconds.
    """

    process: BaseProcess
    printed: Path
    steps: Path
    started: float

    def wait(self, timeout: float = HANGS) -> int:
        """Wait for its end and return the exit code; negative is the number of the signal that
        ended it.
        """
        self.process.join(timeout)
        if self.process.exitcode is None:
            self.process.kill()
            self.process.join()
            raise AssertionError(
                f"the command did not end within {timeout:.0f} s:\n{self.printed.read_text()}"
            )
        return int(self.process.exitcode)

    def kill_after(self, seconds: float) -> int:
        """Send SIGKILL after so many seconds, unless it ends before; returns the exit code."""
        self.process.join(max(0.0, seconds - (time.monotonic() - self.started)))
        if self.process.exitcode is None and self.process.pid:
            os.kill(self.process.pid, signal.SIGKILL)
        return self.wait()

    def wait_until(self, step: str, timeout: float = HANGS) -> None:
        """Wait until it has come to the first step that holds `step`."""
        end = time.monotonic() + timeout
        while step not in self.steps.read_text():
            assert time.monotonic() < end and self.process.is_alive(), (
                f"it never came to {step}:\n{self.printed.read_text()}"
            )
            time.sleep(0.005)


def start(
    words: Sequence[str], env: Mapping[str, str], folder: Path, root: str, kill_at: str = ""
) -> Running:
    """Start a command.

    Args:
        words: after `callveil`.
        env: variables to set.
        folder: where its output and its steps are noted.
        root: the store; steps are named by paths below it.
        kill_at: the step before which it is to kill itself; see `Steps`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    number = len(list(folder.glob("*.out")))
    printed, steps = folder / f"{number:03d}.out", folder / f"{number:03d}.steps"
    printed.touch()
    steps.touch()
    process = forkserver().Process(
        target=_main, args=(list(words), dict(env), str(printed), str(steps), root, kill_at)
    )
    process.start()
    return Running(process, printed, steps, time.monotonic())


def run(
    words: Sequence[str], env: Mapping[str, str], folder: Path, root: str, kill_at: str = ""
) -> tuple[int, str, list[str]]:
    """Run a command to its end. Returns exit code, what it printed, and its steps."""
    running = start(words, env, folder, root, kill_at)
    code = running.wait()
    return code, running.printed.read_text(), running.steps.read_text().splitlines()


def command(
    *words: str,
    env: Mapping[str, str],
    cwd: Path | None = None,
    fault: tuple[str, str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, with standard output and standard error apart.

    Args:
        fault: a module, a function of it that is to fail with a ValueError, and that error's text.
    """
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder) / "out", Path(folder) / "err"
        process = forkserver().Process(
            target=_apart, args=(list(words), dict(env), str(out), str(err), str(cwd or ""), fault)
        )
        process.start()
        process.join(300)
        if process.exitcode is None:
            process.kill()
            raise AssertionError(f"the command did not end:\n{err.read_text()}")
        return subprocess.CompletedProcess(
            ["callveil", *words], process.exitcode, out.read_text(), err.read_text()
        )


class Steps:
    """Notes each step of writing to the local disk and kills the process before a given one.

    Steps are `write PATH` (before a file is begun), `place PATH` (it is written under a temporary
    name, and not yet under its own), `placed PATH` (it has its name, the temporary one may still be
    there) and `delete PATH`.
    """

    def __init__(self, log: str, root: str, kill_at: str) -> None:
        self.log = os.open(log, os.O_WRONLY | os.O_APPEND)
        self.root, self.kill_at = root.rstrip("/") + "/", kill_at

    def at(self, step: str, url: str) -> None:
        """Note a step; the process ends here where it is the one."""
        if not url.startswith(self.root):
            return
        name = comparable_name(SALTED.sub("-*", f"{step} {url[len(self.root) :]}"))
        os.write(self.log, f"{name}\n".encode())
        if name == self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def install(self) -> None:
        """Hook into the local half of `Files`."""
        from callveil.transforms.storage.files.local import LocalFiles

        write, place, delete = LocalFiles.write, LocalFiles._place, LocalFiles.delete

        def noted_write(files: LocalFiles, url: str, *args: Any, **more: Any) -> str:
            self.at("write", url)
            return write(files, url, *args, **more)

        def noted_place(files: LocalFiles, temporary: Path, target: Path, *args: Any) -> str:
            self.at("place", str(target))
            etag = place(files, temporary, target, *args)
            self.at("placed", str(target))
            return etag

        def noted_delete(files: LocalFiles, url: str) -> None:
            self.at("delete", url)
            delete(files, url)

        LocalFiles.write, LocalFiles._place, LocalFiles.delete = (
            noted_write,
            noted_place,
            noted_delete,
        )  # type: ignore[method-assign]


def _apart(
    words: list[str],
    env: dict[str, str],
    out: str,
    err: str,
    cwd: str,
    fault: tuple[str, str, str] | None,
) -> None:
    for place, name in ((1, out), (2, err)):
        os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_APPEND), place)
    if fault:
        module, function, text = fault

        def fail(*args: Any, **more: Any) -> None:
            raise ValueError(text)

        setattr(importlib.import_module(module), function, fail)
    _begin(words, env, cwd)


def _main(
    words: list[str], env: dict[str, str], printed: str, log: str, root: str, kill_at: str
) -> None:
    out = os.open(printed, os.O_WRONLY | os.O_APPEND)
    os.dup2(out, 1)
    os.dup2(out, 2)
    Steps(log, root, kill_at).install()
    _begin(words, env)


def _begin(words: list[str], env: dict[str, str], cwd: str = "") -> None:
    """Run the command line in this process and end it, as a new interpreter would."""
    os.environ.clear()
    os.environ.update(env)
    tempfile.tempdir = None  # read anew from TMPDIR
    if cwd:
        os.chdir(cwd)
    from callveil.pipelines.cli import main

    try:
        code = main(words)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    sys.exit(code)
