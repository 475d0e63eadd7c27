"""The commit loop: a run changes rows on the newest state of the store and publishes them; where
another run was published first, it begins anew.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any, TypeVar

from callveil.schemas.json_types import JsonObject
from callveil.schemas.manifest import FileEntry, RunManifest
from callveil.schemas.outcome import Outcome
from callveil.transforms.storage.commit.catalog import AlreadyPublished, PublishConflict, Store
from callveil.transforms.storage.commit.maintenance import (
    abandon_run,
    release_lease,
    sweep_run,
    take_lease,
)
from callveil.transforms.storage.format1.snapshot import Snapshot

TOOL = f"callveil {version('callveil')}"
log = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(frozen=True)
class CommitPolicy:
    """How a run takes it that another one is published first.

    Attributes:
        attempts: how often it is worked out, each time on the store's newest state.
        retry_on: errors that a published run may cause by purging what is being read; they lead to
            another attempt only where one was published meanwhile.
        abandon: purge what an attempt wrote. Off where the next one finds finished work of it in
            the run's working folder.
        notify: log a warning before another attempt.
    """

    attempts: int = 5
    retry_on: tuple[type[Exception], ...] = (FileNotFoundError,)
    abandon: bool = True
    notify: bool = False

    @property
    def conflicts(self) -> tuple[type[Exception], ...]:
        """Errors that tell of another run."""
        return (AlreadyPublished, PublishConflict, *self.retry_on)


REPLAN = CommitPolicy()
"""Small runs: what was written is purged, and the work is done again."""
PLANNED = CommitPolicy(attempts=1)
"""Runs that hold on the state they were planned on alone: whoever made the plan makes another."""


@dataclass(frozen=True)
class RunFacts:
    """Facts a manifest states of a run whatever it changes.

    Attributes:
        run_id: the same work has the same id. job: its name. as_of: ISO 8601, UTC.
        policy_name, policy_sha256: what decided; empty where no policy did.
    """

    run_id: str
    job: str
    as_of: str
    policy_name: str = ""
    policy_sha256: str = ""
    tool_version: str = TOOL


@dataclass(frozen=True)
class RunChanges:
    """Files a run adds to the store's tables and removes from them.

    Attributes:
        added, removed: files of rows.
        counts: for the manifest.
        inputs, not_read: facts for the manifest, JSON-ready; no personal data.
    """

    added: tuple[FileEntry, ...] = ()
    removed: tuple[FileEntry, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    inputs: tuple[JsonObject, ...] = ()
    not_read: tuple[JsonObject, ...] = ()

    @classmethod
    def of(cls, outcome: Outcome, base: Snapshot, **facts: Any) -> RunChanges:
        """Return an outcome of work on `base`; `facts` are the attributes it does not tell."""
        live = {f.path: f for f in base.files}
        removed = tuple(live[path] for path in outcome.removed)
        return cls(tuple(outcome.added), removed, outcome.counts, **facts)


@dataclass(frozen=True)
class CommittedRun:
    """A published run.

    Attributes:
        manifest: its record. repeated: an earlier attempt, or one beside this, published it.
        resumed: another attempt at it may have left files that were not published.
    """

    manifest: RunManifest
    repeated: bool = False
    resumed: bool = True


Build = Callable[[Snapshot], RunChanges | None]
"""Writes a run's files for a state of the store; None where there is nothing to publish."""


def commit_run(
    store: Store,
    run: RunFacts,
    build: Callable[[Snapshot], RunChanges],
    now: dt.datetime | None = None,
    policy: CommitPolicy = REPLAN,
) -> CommittedRun:
    """Do a run's work and publish it, as often as `policy` allows; see `commit_on`."""

    def attempt(base: Snapshot) -> CommittedRun | None:
        return commit_on(store, base, run, build, now, policy)

    done = work_on_newest(store, policy, attempt)
    assert done is not None  # since there are changes
    return done


def work_on_newest(store: Store, policy: CommitPolicy, work: Callable[[Snapshot], T]) -> T:
    """Return what `work` gives on the store's newest state; it is called again where it fails
    since another run was published meanwhile.

    Raises `PublishConflict`, or whatever the work raises, once all attempts are spent.
    """
    for attempt in range(1, policy.attempts + 1):
        base = store.current()
        try:
            return work(base)
        except policy.conflicts as error:
            if attempt == policy.attempts or store.current().seq == base.seq:
                raise
            if policy.notify:
                log.warning(
                    "another run was published first; working again on the new state of the store"
                    if isinstance(error, PublishConflict)
                    else "files changed while they were read, another run was published; working "
                    "again on the new state of the store"
                )
    raise AssertionError("unreachable")


def commit_on(
    store: Store,
    base: Snapshot,
    run: RunFacts,
    build: Build,
    now: dt.datetime | None = None,
    policy: CommitPolicy = PLANNED,
    undo: Callable[[], None] = lambda: None,
) -> CommittedRun | None:
    """Do a run's work on one state of the store and publish it; None where it has nothing to
    publish. What is left to do then is `close_run`'s, or the job's own.

    Args:
        now: for the lease, and decides nothing; None: the clock, for work that takes long.
        undo: takes back what was written outside of tables, where the run cannot be published.

    Raises `PublishConflict` where another run was published on `base` first, and whatever `build`
    raises. After another error than those of `policy` the lease stays, so that what was written is
    collected once it is over.
    """
    seq = store.published(run.run_id)
    if seq is not None:
        return CommittedRun(store.manifest(seq), repeated=True)
    # The lease is the one place that tells the time: it says that this process is alive, and
    # decides nothing about records.
    resumed = take_lease(store, run.run_id, now or dt.datetime.now(dt.UTC))
    try:
        changes = build(base)
        if changes is None:
            return None
        manifest = _manifest(run, base, changes)
        store.publish(manifest, base)
    except policy.conflicts:
        store.recover()
        seq = store.published(run.run_id)
        if seq is not None:  # by a twin, which may have purged what was being read
            return CommittedRun(store.manifest(seq), repeated=True)
        if policy.abandon:
            abandon_run(store, run.run_id, base, undo)
        raise
    return CommittedRun(manifest, resumed=resumed)


def _manifest(run: RunFacts, base: Snapshot, changes: RunChanges) -> RunManifest:
    return RunManifest(
        **vars(run),
        **base.chain(),
        inputs=changes.inputs,
        counts=dict(sorted(changes.counts.items())),
        added=tuple(sorted(changes.added)),
        removed=tuple(sorted(changes.removed)),
        not_read=changes.not_read,
    )


def close_run(store: Store, done: CommittedRun) -> None:
    """End a published run's lease; purge what another attempt at it left."""
    if done.resumed:
        sweep_run(store, done.manifest)
    release_lease(store, done.manifest.run_id)
