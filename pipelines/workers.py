"""Worker processes of one machine: as many as its cores and memory allow, and as there is work for.

    command ── template: loads what the work needs, once, and has no other thread
                 ├── worker, forked from it: shares that memory until it writes to it
                 └── worker ...

The command hands out pieces of work and takes results, over a socket to each worker; what a piece
has written is in the store's working folder by then, so a run that is interrupted goes on where it
was. All end with the command, however that ends.
"""

from __future__ import annotations

import gc
import importlib
import os
import pickle
import resource
import signal
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from types import TracebackType
from typing import Any, NoReturn

from callveil.pipelines.exits import FailedError
from callveil.pipelines.logs import configure_worker_logging
from callveil.pipelines.tethered import end_with_parent
from callveil.schemas.policy import DetectionSettings
from callveil.transforms.execution.log_context import current_log_context, set_process_context
from callveil.transforms.execution.resources import (
    available_bytes,
    note_workers,
    peak_of,
    resident_bytes,
    shared_bytes,
    usable_cores,
)
from callveil.transforms.execution.worker_pool import (
    Done,
    LocalStage,
    Piece,
    WorkerFault,
    pool_for,
    pool_of,
)

PIECE_BYTES = 256 << 10
PIECE_ROWS = 100
"""A worker pays where it has so much raw input or so many stored rows to read: some seconds of
work, as long as it takes to start.
"""
FILE_BYTES = 64 << 20
"""The same for stored files that are only rewritten, or looked through."""
WORK_BYTES = 256 << 20
"""What a worker takes beside what it has loaded; a shard of 500 interactions took 200 MiB."""
LOADED_BYTES = 256 << 20
"""What it has loaded, as long as nobody has measured it."""
END_SECONDS = 30
"""How long workers that were told to end may take."""
AHEAD = 8
"""Results of so many pieces a worker may wait for one that takes longer."""
MODULES = (
    "callveil.transforms.jobs.batch.ingest_chunk",
    "callveil.transforms.jobs.batch.changes",
    "callveil.transforms.jobs.batch.shards",
    "callveil.transforms.storage.evidence.attestor",
    "callveil.transforms.storage.index.identifier_index",
)
"""What `redact` works with."""


class WorkerLost(FailedError):
    """A worker process was ended from outside. Exit code 1."""


def choose_worker_count(asked: int | None, units: float, loaded: int = LOADED_BYTES) -> int:
    """Tell how many worker processes are worth it.

    Args:
        asked: what the user has asked for; None: what the machine allows.
        units: how many workers there is work for; see `PIECE_BYTES`.
        loaded: bytes of memory a worker takes before it works.
    """
    if asked is not None:
        return max(1, asked)
    free = available_bytes()
    room = usable_cores() if free is None else int(free // (loaded + WORK_BYTES))
    return max(1, min(usable_cores(), int(units), room))


@contextmanager
def use_workers(
    run_id: str,
    asked: int | None,
    units: float,
    detect: DetectionSettings | None,
    modules: Sequence[str] = MODULES,
) -> Iterator[None]:
    """Have the pieces of a run's work done by worker processes within the block, where they are
    worth it; those it has already stay.

    Args:
        run_id: the run.
        asked, units: see `choose_worker_count`.
        detect: settings of the detector the work needs; None: it needs none.
        modules: what it needs besides.

    Raises `WorkerLost` in place of whatever became of a run whose worker was ended from outside.
    """
    set_process_context(run_id=run_id)
    if pool_of(run_id) is not None:
        yield
        return
    count = choose_worker_count(asked, units)
    note_workers(1, 0)
    if count < 2:
        yield
        return
    loading = [pool for pool in _ahead if pool.needs == (asked, detect, tuple(modules))]
    _ahead[:] = [pool for pool in _ahead if pool not in loading]
    pool = loading[0] if loading else Workers(count, asked, detect, modules)
    try:
        with pool, pool_for(run_id, pool):
            yield
    except Exception:
        if pool.lost is not None:
            raise pool.lost from None
        raise


_ahead: list[Workers] = []


@contextmanager
def preload_workers(
    asked: int | None,
    units: float,
    detect: DetectionSettings | None,
    modules: Sequence[str] = MODULES,
) -> Iterator[None]:
    """Have the processes of a run within the block, `use_workers` of the same needs, load while
    this one loads too.
    """
    count = choose_worker_count(asked, units)
    if count > 1:
        _ahead.append(Workers(count, asked, detect, modules))
    try:
        yield
    finally:
        while _ahead:
            _ahead.pop().end()


class Workers:
    """Worker processes, started at once and ready when the first piece of work is given.

    Args:
        count: how many; fewer where memory turns out not to allow them, unless `asked` says so
            many.
        detect, modules: see `use_workers`.
    """

    def __init__(
        self,
        count: int,
        asked: int | None,
        detect: DetectionSettings | None,
        modules: Sequence[str],
    ) -> None:
        self.count, self.asked, self.needs = count, asked, (asked, detect, tuple(modules))
        self.lost: WorkerLost | None = None
        self.idle: list[Connection] = []
        self.busy: dict[Connection, tuple[_Stage, int]] = {}
        self._all: list[Connection] = []
        self._has: dict[Connection, set[int]] = {}
        self._stages = 0
        self._ready = False
        pairs = [socket.socketpair() for _ in range(count + 1)]
        theirs = [there.fileno() for _, there in pairs]
        # In a session of its own: Ctrl-C is for the command to handle, which ends them.
        self._process = subprocess.Popen(  # noqa: S603 - the command line is our own
            [sys.executable, "-P", "-m", __spec__.name, str(os.getpid()), *map(str, theirs)],
            pass_fds=theirs,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        for _, there in pairs:
            there.close()
        self._template, *self._all = [Connection(here.detach()) for here, _ in pairs]
        self._template.send((detect, tuple(modules)))

    def __enter__(self) -> Workers:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None and self._ready and self.count > 1:
            self._note_memory()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(END_SECONDS)
        self.end()

    def end(self) -> None:
        """End the processes: what they are still at is worth nothing any more, and nothing of it is
        visible.
        """
        self._process.kill()
        self._process.wait()
        for connection in (self._template, *self._all):
            connection.close()

    def stage(self, work: Callable[..., Any]) -> _Stage | LocalStage:
        """See `transforms.execution.worker_pool.Pool`."""
        self._wait_ready()
        if self.count < 2:
            return LocalStage(work)
        self._stages += 1
        return _Stage(self, self._stages, work)

    def give(self, stage: _Stage, number: int, piece: Piece) -> None:
        """Have an idle worker do a piece."""
        connection = self.idle.pop()
        known = self._has.setdefault(connection, set())
        try:
            work = None if stage.number in known else (stage.work, current_log_context())
            connection.send((stage.number, work, number, piece))
        except OSError:
            self._lose(connection)
        known.add(stage.number)
        self.busy[connection] = stage, number

    def collect(self) -> None:
        """Wait for a worker to be done, and take what there is."""
        for connection in wait([*self.busy, self._template]):
            assert isinstance(connection, Connection)
            if connection is self._template:
                self._lose(None)
            stage, number = self.busy[connection]
            try:
                fine, result, msec = connection.recv()
            except (EOFError, OSError):
                self._lose(connection)
            del self.busy[connection]
            self.idle.append(connection)
            if not fine:
                raise WorkerFault(*result)
            stage.done[number] = result, msec

    def _wait_ready(self) -> None:
        """Let the template fork the workers, now that what it has loaded can be measured."""
        if self._ready:
            return
        try:
            fine, told = self._template.recv()
            if not fine:
                raise WorkerFault(told)
            self.count = min(self.count, choose_worker_count(self.asked, self.count, told))
            if self.count < 2:
                self._process.kill()
            else:
                self._template.send(self.count)
        except (EOFError, OSError):
            self._lose(None)
        self._ready = True
        for connection in self._all[self.count :]:
            connection.close()
        del self._all[self.count :]
        self.idle = list(self._all)

    def _lose(self, connection: Connection | None) -> NoReturn:
        """Tell that a worker is gone, and by which signal, as far as the template knows."""
        how = "ended"
        with suppress(EOFError, OSError):
            if self._template.poll(5):
                number = self._template.recv()[1]
                how = (
                    f"ended by {signal.Signals(-number).name}"
                    if number < 0
                    else f"ended with exit code {number}"
                )
        out_of_memory = (
            "; where the system was out of memory, give --workers fewer"
            if "KILL" in how or how == "ended"
            else ""
        )
        what = (
            "a worker process"
            if connection is not None or how != "ended"
            else "the worker processes"
        )
        self.lost = WorkerLost(
            f"{what} {'were' if what.startswith('the') else 'was'} {how}; nothing was published. "
            "Run the same command again: it goes on where it was"
            f"{out_of_memory}"
        )
        raise self.lost

    def _note_memory(self) -> None:
        peaks = 0
        with suppress(EOFError, OSError):
            for connection in self._all:
                connection.send(None)
                peak, shared = connection.recv()
                peaks += max(0, peak - shared)
            own = shared_bytes()  # while the template is there: libraries that it has as well
            self._template.send(None)
            peaks += max(0, self._template.recv() - own)
        note_workers(self.count, peaks)


class _Stage:
    """Pieces of one kind of work on their way through the workers; see
    `transforms.execution.worker_pool.Stage`.
    """

    def __init__(self, pool: Workers, number: int, work: Callable[..., Any]) -> None:
        self.pool, self.number, self.work = pool, number, pickle.dumps(work)
        self.done: dict[int, Done] = {}
        self.given = self.next = 0

    def put(self, piece: Piece) -> Iterator[Done]:
        """Add a piece, and give results that are their turn."""
        pool = self.pool
        while not pool.idle or self.given - self.next >= AHEAD * pool.count:
            pool.collect()
            yield from self._turn()
        pool.give(self, self.given, piece)
        self.given += 1
        yield from self._turn()

    def rest(self) -> Iterator[Done]:
        """Wait for all."""
        yield from self._turn()
        while self.next < self.given:
            self.pool.collect()
            yield from self._turn()

    def _turn(self) -> Iterator[Done]:
        while self.next in self.done:
            self.next += 1
            yield self.done.pop(self.next - 1)


def _template(parent: int, control: Connection, ours: Sequence[int]) -> None:
    """Load what workers need, fork them, and tell of those that are gone."""
    end_with_parent()
    if os.getppid() != parent:
        os._exit(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    configure_worker_logging()
    detect, modules = control.recv()
    try:
        for name in modules:
            importlib.import_module(name)
        if detect is not None:
            from callveil.transforms.jobs.batch.context import load_whole

            load_whole(detect)
    except Exception:  # noqa: BLE001 - told where the work was asked for
        control.send((False, traceback.format_exc()))
        os._exit(1)
    control.send((True, resident_bytes()))
    count = control.recv()
    gc.collect()
    # a collection in a worker would write to every object, and the memory would be shared no more
    gc.freeze()
    here = os.getpid()
    pids: dict[int, int] = {}
    for fd in ours[:count]:
        if not (pid := os.fork()):
            end_with_parent()
            control.close()
            for other in ours:
                if other != fd:
                    os.close(other)
            if os.getppid() != here:
                os._exit(1)
            _work(Connection(fd))
        pids[pid] = fd
    for fd in ours:
        os.close(fd)
    _watch(control, pids)


def _watch(control: Connection, pids: Mapping[int, int]) -> NoReturn:
    """Wait until the command has what it wanted, or is gone, and tell it of a worker that ended
    before.
    """
    told = False
    while True:
        if control.poll(0.2):
            with suppress(EOFError, OSError):
                control.recv()
                control.send(peak_of(resource.RUSAGE_SELF))
                for pid in (
                    pids
                ):  # whose CPU time is counted as this process' own once it has waited for them
                    with suppress(ChildProcessError):  # one that was waited for below
                        os.waitpid(pid, 0)
            os._exit(0)
        with suppress(ChildProcessError):
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid in pids and status and not told:
                told = True
                with suppress(OSError):
                    control.send((False, os.waitstatus_to_exitcode(status)))


def _work(connection: Connection) -> NoReturn:
    """Do pieces of work until the command is gone."""
    stages: dict[int, Callable[..., Any]] = {}
    try:
        while (message := connection.recv()) is not None:
            stage, work, _, piece = message
            started = time.monotonic()
            try:
                if work is not None:
                    set_process_context(**work[1])
                    stages[stage] = pickle.loads(work[0])  # noqa: S301 - the command's own, over a socket nobody else has
                reply = True, stages[stage](*piece), int((time.monotonic() - started) * 1000)
            except Exception as error:  # noqa: BLE001 - raised again by the command
                reply = False, (traceback.format_exc(), _sendable(error)), 0
            connection.send(reply)
        connection.send((peak_of(resource.RUSAGE_SELF), shared_bytes()))
    except (EOFError, OSError):
        pass
    finally:
        os._exit(0)


def _sendable(error: Exception) -> Exception | None:
    """Return an error that a caller may act on by its type, if it can be sent: the system's and
    callveil's own.
    """
    if not isinstance(error, OSError) and not type(error).__module__.startswith("callveil."):
        return None
    try:
        return error if type(pickle.loads(pickle.dumps(error))) is type(error) else None  # noqa: S301 - made on the same line
    except Exception:  # noqa: BLE001 - then its traceback has to do
        return None


if __name__ == "__main__":
    _template(int(sys.argv[1]), Connection(int(sys.argv[2])), [int(fd) for fd in sys.argv[3:]])
