"""Per-record processing budget: counted steps, and CPU time as a last resort.

Steps are counted where a loop may run long, so the same record is refused on every machine, however
fast it is. A loop nobody counts, or a fault of ours that never ends, is stopped by CPU time: a
thread watches the one at work and raises an exception in it. That reaches Python code alone; a
regular expression in C holds it up until it returns, so those of callveil are written to be linear
and Presidio's have a timeout of their own.
"""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from callveil.schemas.errors import CallveilError
from callveil.schemas.policy import STEP_CHARS, TIME_CHARS, DetectionSettings

T = TypeVar("T")

INTERVAL = 0.05
"""Seconds between two looks at the threads at work, and between two attempts to stop one."""


class OverBudget(RuntimeError):
    """A record needs more counted steps than it is granted; it would on any machine."""


class TimedOut(RuntimeError):
    """A record needs more CPU time than it is granted; another try, or a faster machine, may do."""


def reason_of(problem: Exception) -> tuple[str, str]:
    """Reason code and detail of a rejection for what a record raised; they quote nothing of its
    content, which the message may.
    """
    if isinstance(problem, OverBudget):
        return (
            "over_budget",
            "it takes more steps than detect.max_steps of the policy grants; raise that if the "
            "record is what it should be",
        )
    if isinstance(problem, TimedOut):
        return (
            "timed_out",
            "it took more CPU time than detect.timeout_seconds of the policy grants; feed it in "
            "again, or raise that",
        )
    if isinstance(problem, CallveilError):  # these quote no record
        return "", f"{type(problem).__name__}: {problem}"
    return "", type(problem).__name__


class _Stop(BaseException):
    """Raised in a thread from outside. No `Exception`, so that nothing that goes on after one goes
    on after this.
    """


_here = threading.local()


def spend_steps(steps: int = 1) -> None:
    """Count `steps` of the record this thread is at work on. Raises `OverBudget` where none are
    left; counts nothing outside `Budget.run`.
    """
    budget: Budget | None = getattr(_here, "budget", None)
    if budget is not None:
        budget.steps -= steps
        if budget.steps < 0:
            raise OverBudget


class Budget:
    """Steps and time that are left to one record.

    Args:
        steps: counted steps.
        seconds: CPU seconds of the thread that works on it.
    """

    def __init__(self, steps: int, seconds: float) -> None:
        self.steps, self.seconds = steps, seconds

    @classmethod
    def of(cls, settings: DetectionSettings, chars: int) -> Budget:
        """Return the budget of a record of `chars` characters under a policy's `detect` section."""
        return cls(
            settings.max_steps * (1 + chars // STEP_CHARS),
            settings.timeout_seconds * (1 + chars // TIME_CHARS),
        )

    def run(self, work: Callable[[], T]) -> T:
        """Return what `work` returns. Raises `OverBudget` or `TimedOut` where it needs more than is
        left, else what it raises.
        """
        outer: Budget | None = getattr(_here, "budget", None)
        watched = _watchdog.begin(self.seconds)
        try:
            try:
                _here.budget = self
                return work()
            finally:
                _settle(watched)
        except _Stop:
            raise TimedOut from None
        finally:
            _settle(watched)
            _here.budget = outer
            self.seconds -= watched.used()


@dataclass(eq=False)
class _Watched:
    """A thread at work, the clock of its CPU time, and when by that clock its time is over."""

    thread: int
    clock: Callable[[], float]
    began: float
    over: float
    struck: bool = False

    def used(self) -> float:
        return self.clock() - self.began


def _clock() -> Callable[[], float]:
    """Return the CPU time of this thread, to be read from any; of the whole process where the
    system tells no other's.
    """
    if not hasattr(time, "pthread_getcpuclockid"):
        return time.process_time
    clock = time.pthread_getcpuclockid(threading.get_ident())
    return lambda: time.clock_gettime(clock)


def _settle(watched: _Watched) -> None:
    """End the watch, whatever is raised meanwhile: afterwards nothing is raised from outside any
    more.
    """
    while True:
        try:
            _watchdog.end(watched)
            return
        except _Stop:
            continue


class _Watchdog:
    """Looks at threads at work from a thread of its own, which is started when it is first
    needed.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._watched: set[_Watched] = set()
        self._thread: threading.Thread | None = None

    def begin(self, seconds: float) -> _Watched:
        """Watch the calling thread from now on."""
        clock = _clock()
        now = clock()
        watched = _Watched(threading.get_ident(), clock, now, now + seconds)
        with self._changed:
            idle = not self._watched
            self._watched.add(watched)
            if self._thread is None or not self._thread.is_alive():  # a forked process has none
                self._thread = threading.Thread(
                    target=self._look, name="callveil-budget", daemon=True
                )
                self._thread.start()
            elif idle:
                self._changed.notify()
        return watched

    def end(self, watched: _Watched) -> None:
        """Watch it no more, and take back what was to be raised and is not yet."""
        with self._changed:
            self._watched.discard(watched)
            if watched.struck:
                watched.struck = False
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(watched.thread), None)

    def _look(self) -> None:
        while True:
            with self._changed:
                while not self._watched:
                    self._changed.wait()
                for watched in self._watched:
                    if watched.clock() > watched.over:
                        watched.struck = True
                        ctypes.pythonapi.PyThreadState_SetAsyncExc(
                            ctypes.c_ulong(watched.thread), ctypes.py_object(_Stop)
                        )
            time.sleep(INTERVAL)


_watchdog = _Watchdog()
