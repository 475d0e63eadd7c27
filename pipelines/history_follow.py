"""The history job over a place where files keep arriving: each time there are new ones they are
published as a run of their own.
"""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Callable
from dataclasses import replace

from callveil.pipelines.attempts import RunResult
from callveil.pipelines.history import HistoryOptions, run_history
from callveil.transforms.ingest.chunks import NothingToRead
from callveil.transforms.ingest.discover import InputFile, refuse_overlap
from callveil.transforms.ingest.versions.read import list_inputs
from callveil.transforms.jobs.history.linked_interactions import JOB
from callveil.transforms.storage.checkpoints.store_identity import keyring_for, open_or_claim
from callveil.transforms.storage.identity.identifier_names import NamePseudonymizer


def follow_inputs(
    options: HistoryOptions,
    seconds: float,
    stop: threading.Event,
    as_of: Callable[[], dt.datetime],
    told: Callable[[RunResult, float], None],
    refused: Callable[[NothingToRead], None],
) -> None:
    """Load what lies at `options.inputs`, then what arrives there, until `stop` is set; the run
    under way is finished.

    A file is loaded once it has not changed from one look to the next, so that one which is still
    being written is left until it is whole. Which files were loaded is read from the store, so a
    follower that was stopped or killed goes on where it was. A file that is replaced or grows is
    loaded again; versions that were in it before are duplicates then.

    Args:
        options: of every run; `as_of` is taken from the argument of that name.
        seconds: between two looks.
        as_of: tells each run's time.
        told: called with each run's result and the seconds it took. refused: called where nothing
            of what is new can be read.

    Raises what `run_history` does. That nothing is there yet is no error.
    """
    refuse_overlap(options.files, options.inputs, options.output)
    keyring = keyring_for(options.files, options.output, options.keyring)
    store = open_or_claim(options.files, options.output, keyring)
    done = {
        InputFile(i["url"], i["size"], i["etag"])
        for m in store.manifests()
        if m.job == JOB
        for i in (*m.inputs, *m.not_read)
    }
    names = NamePseudonymizer(keyring)
    before: set[InputFile] = set()
    while not stop.is_set():
        found = {
            f
            for f in list_inputs(options.files, options.inputs)
            if replace(f, url=names.place(f.url)) not in done
        }
        ready = sorted(found & before)
        if ready:
            started = time.monotonic()
            try:
                result = run_history(replace(options, inputs=[f.url for f in ready], as_of=as_of()))
                told(result, time.monotonic() - started)
            except NothingToRead as nothing:
                refused(nothing)
            done.update(replace(f, url=names.place(f.url)) for f in ready)
        before = found
        stop.wait(seconds)
