"""Runs a command and watches the memory of its process and of all that it starts."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

EVERY = 0.25
"""Seconds between samples of memory."""


@dataclass(frozen=True)
class Watched:
    """How a command went.

    Attributes:
        code: exit code. seconds: wall time. cpu_seconds: of all its processes.
        peak_bytes: highest sampled sum over its processes at one moment, resident set size where it
            is one, unique set size where it is several.
        processes: most processes seen at one moment.
    """

    code: int
    seconds: float
    cpu_seconds: float
    peak_bytes: int
    processes: int

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        return asdict(self)


def watch(
    words: Sequence[str],
    env: Mapping[str, str],
    out: Path,
    err: Path,
    tell: Callable[[float, int], None] | None = None,
    every: float = 30,
) -> Watched:
    """Run a command to its end.

    Args:
        words: the command. env: its environment. out, err: where its output goes.
        tell: called every `every` seconds with the seconds gone and the peak so far.
    """
    started = told = time.monotonic()
    peak, most, cpu = 0, 0, 0.0
    with (
        out.open("wb") as stdout,
        err.open("wb") as stderr,
        psutil.Popen(list(words), env=dict(env), stdout=stdout, stderr=stderr) as process,
    ):
        while True:
            size, count, spent = _sample(process)
            peak, most, cpu = max(peak, size), max(most, count), max(cpu, spent)
            if tell and time.monotonic() - told >= every:
                told = time.monotonic()
                tell(told - started, peak)
            try:
                code = process.wait(EVERY)
                break
            except (psutil.TimeoutExpired, subprocess.TimeoutExpired):
                continue
    return Watched(int(code), time.monotonic() - started, cpu, peak, most)


def _sample(process: psutil.Process) -> tuple[int, int, float]:
    """Bytes, number of processes and CPU seconds at this moment; those that have just ended do not
    count.
    """
    try:
        family = [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0, 0, 0.0
    sizes: list[int] = []
    cpu = 0.0
    for member in family:
        try:
            sizes.append(
                member.memory_full_info().uss if len(family) > 1 else member.memory_info().rss
            )
            times = member.cpu_times()
            cpu += (
                times.user + times.system + times.children_user + times.children_system
            )  # of children that have ended
        except psutil.Error:
            continue
    return sum(sizes), len(sizes), cpu
