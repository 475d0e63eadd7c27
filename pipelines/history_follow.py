"""The history job over a place where files keep arriving: each time there are new ones they are published as a run of their own."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Callable
from dataclasses import replace

from callveil.pipelines.attempts import RunResult
from callveil.pipelines.history import HistoryOptions, run_history
from callveil.transforms.history.about import JOB
from callveil.transforms.history.read import listed
from callveil.transforms.ingest.chunks import InputFile
from callveil.transforms.store.identity import keyring_for, open_or_claim


def follow(
    options: HistoryOptions, seconds: float, stop: threading.Event, as_of: Callable[[], dt.datetime], told: Callable[[RunResult, float], None]
) -> None:
    """Load what lies at `options.inputs`, then what arrives there, until `stop` is set; the run under way is finished.

    A file is loaded once it has not changed from one look to the next, so that one which is still being written is left until it is whole. Which
    files were loaded is read from the store, so a follower that was stopped or killed goes on where it was. A file that is replaced or grows is
    loaded again; versions that were in it before are duplicates then.

    Args:
        options: of every run; `as_of` is taken from the argument of that name.
        seconds: between two looks.
        as_of: tells each run's time.
        told: called with each run's result and the seconds it took.

    Raises what `run_history` does. That nothing is there yet is no error.
    """
    store = open_or_claim(options.files, options.output, keyring_for(options.files, options.output, options.keyring))
    done = {InputFile(**i) for m in store.manifests() if m.job == JOB for i in m.inputs}
    before: set[InputFile] = set()
    while not stop.is_set():
        found = set(listed(options.files, options.inputs)) - done
        ready = sorted(found & before)
        if ready:
            started = time.monotonic()
            result = run_history(replace(options, inputs=[f.url for f in ready], as_of=as_of()))
            told(result, time.monotonic() - started)
            done.update(ready)
        before = found
        stop.wait(seconds)
