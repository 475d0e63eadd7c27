"""Memory that a piece of work has freed goes back to the system, so that a worker's size follows
the largest piece and not their number.
"""

from __future__ import annotations

import ctypes
from functools import lru_cache
from typing import Any

import pyarrow as pa

MMAP_THRESHOLD, ARENA_MAX = -3, -8
"""Of glibc's `mallopt`, see mallopt(3)."""
MAPPED_BYTES = 256 << 10
"""Blocks of this size and more are mapped, and unmapped when they are freed."""
ARENAS = 2


@lru_cache(maxsize=1)
def limit_arenas() -> None:
    """Have the C library keep large blocks apart from small ones. To be called once per process,
    before its work; does nothing without glibc.

    By itself it takes to putting ever larger blocks among the small ones, and one small block that
    is held keeps all freed room below it.
    """
    libc = _libc()
    if libc is not None:
        libc.mallopt(MMAP_THRESHOLD, MAPPED_BYTES)
        libc.mallopt(ARENA_MAX, ARENAS)


def trim_heap() -> None:
    """Return freed memory to the system. To be called between pieces of work; takes some
    milliseconds.

    Arrow's pool and the C library keep what was freed for the next allocation, scattered among what
    is still held.
    """
    pa.default_memory_pool().release_unused()
    libc = _libc()
    if libc is not None:
        libc.malloc_trim(0)


@lru_cache(maxsize=1)
def _libc() -> Any:
    """Return the C library, where it is glibc."""
    try:
        libc = ctypes.CDLL(None)
        return libc if libc.malloc_trim and libc.mallopt else None
    except (AttributeError, OSError):
        return None
