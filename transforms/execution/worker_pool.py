"""Pieces of work spread over the worker processes of a run, where it has some; otherwise they are
done where they are asked for.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

Piece = tuple[Any, ...]
"""Arguments of the function that does a piece of work. They are pickled, so nothing raw is among
them.
"""
Done = tuple[Any, int]
"""What the function gave, and the milliseconds it took."""


class WorkerPool(Protocol):
    """Worker processes of one run."""

    def stage(self, work: Callable[..., Any]) -> Stage:
        """Return the way pieces of one kind take through the workers. `work` is pickled once for
        each of them.
        """


class Stage(Protocol):
    """Pieces of one kind of work, whose results come in the order in which they were put in."""

    def put(self, piece: Piece) -> Iterator[Done]:
        """Add a piece, which may wait for a worker; gives results that are their turn."""

    def rest(self) -> Iterator[Done]:
        """Return all results that are still out."""


class WorkerFault(RuntimeError):
    """A piece of work failed in a worker process.

    Args:
        text: the worker's traceback.
        error: what was raised there; None where it cannot be sent.
    """

    def __init__(self, text: str, error: Exception | None = None) -> None:
        super().__init__(text)
        self.error = error


_pools: dict[str, WorkerPool] = {}


@contextmanager
def pool_for(run_id: str, pool: WorkerPool | None) -> Iterator[None]:
    """Have the work of a run go to `pool` within the block."""
    if pool is not None:
        _pools[run_id] = pool
    try:
        yield
    finally:
        _pools.pop(run_id, None)


def pool_of(run_id: str) -> WorkerPool | None:
    """Return the worker processes of a run; None where this process has none for it, being one of
    them or on another machine.
    """
    return _pools.get(run_id)


def stage_of(run_id: str, work: Callable[..., Any]) -> Stage:
    """Return the way of one kind of work of a run: through its workers, or here."""
    pool = pool_of(run_id)
    return LocalStage(work) if pool is None else pool.stage(work)


def spread_work(run_id: str, work: Callable[..., Any], pieces: Iterable[Piece]) -> Iterator[Any]:
    """Yield results of all pieces, in order. Raises what `work` does, also where a worker process
    did it.
    """
    stage = stage_of(run_id, work)
    try:
        for piece in pieces:
            yield from (result for result, _ in stage.put(piece))
        yield from (result for result, _ in stage.rest())
    except WorkerFault as fault:
        if fault.error is None:
            raise
        raise fault.error from fault


class LocalStage:
    """A stage in this process."""

    def __init__(self, work: Callable[..., Any]) -> None:
        self.work = work

    def put(self, piece: Piece) -> Iterator[Done]:
        """Do it."""
        started = time.monotonic()
        result = self.work(*piece)
        yield result, int((time.monotonic() - started) * 1000)

    def rest(self) -> Iterator[Done]:
        """Return nothing: no piece is out."""
        return iter(())
