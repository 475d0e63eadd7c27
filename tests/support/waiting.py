"""Waiting for what another process or thread does."""

from __future__ import annotations

import time
from collections.abc import Callable

HANGS = 900.0
"""Seconds after which what is waited for is taken to hang: no measure of speed, so that a busy
machine fails no test.
"""


def wait_for(
    what: str, there: Callable[[], bool], seconds: float = HANGS, pause: float = 0.05
) -> float:
    """Wait until `there()`; returns how long it took, seconds. Raises AssertionError after
    `seconds`.
    """
    begun = time.monotonic()
    while not there():
        assert time.monotonic() - begun < seconds, f"{what}: not within {seconds:g} seconds"
        time.sleep(pause)
    return time.monotonic() - begun
