"""Processes that change a store and are killed at its n-th change: before it, in the middle of it,
or after it.
"""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path
from typing import Any

from callveil.pipelines.subject import erase_request, restrict_request
from callveil.pipelines.subject_batch import erase_batch
from callveil.transforms.storage.files.filesystem import S3Settings
from support.faults import KillingFiles
from support.people_world import World
from support.retention_stores import Place


def run_retention(
    folder: str,
    root: str,
    s3: S3Settings,
    facts: dict[str, Any],
    as_of: dt.datetime,
    step: int,
    moment: str,
    done: Any,
    env: dict[str, str],
) -> None:
    """Run retention once; `done` gets the number of changes made, where the process lives to
    tell.
    """
    os.environ.update(env)
    files = KillingFiles(step, moment, s3, root)
    Place(Path(folder), files, root, **facts).run(as_of)
    done.put(files.changes)


def run_request(
    folder: str, request_id: str, scope: str, step: int, moment: str, state: str, done: Any
) -> None:
    """Carry a request out once; `done` as above. `state`: where heads are remembered; the server
    that processes are forked from has the environment of its first test.
    """
    world = World(Path(folder))
    files = world.files = KillingFiles(step, moment)
    files.state = state
    (erase_request if scope == "erasure" else restrict_request)(world.options(2), request_id)
    done.put(files.changes)


def run_batch(folder: str, step: int, moment: str, state: str, done: Any) -> None:
    """Erase all that are due once; arguments as above."""
    world = World(Path(folder))
    files = world.files = KillingFiles(step, moment)
    files.state = state
    erase_batch(world.options(2))
    done.put(files.changes)
