"""Optimistic-concurrency retry loop and publishing, shared by all jobs over a store.

A run works on the store as it finds it, publishes, and works again where another run published
first.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib.metadata import version

from callveil.schemas.json_types import JsonObject
from callveil.schemas.manifest import RunManifest
from callveil.schemas.outcome import Outcome
from callveil.transforms.ingest.chunks import InputPlan
from callveil.transforms.jobs.batch.context import RedactJob
from callveil.transforms.storage.commit.catalog import AlreadyPublished, PublishConflict, Store
from callveil.transforms.storage.commit.maintenance import (
    purge_removed,
    release_lease,
    sweep_run,
    take_lease,
    unpurged_runs,
)
from callveil.transforms.storage.files.filesystem import PreconditionFailed
from callveil.transforms.storage.format1.snapshot import CONTROL, Snapshot

ATTEMPTS = 3
"""How often a run is planned anew when another one publishes first."""

TOOL = f"callveil {version('callveil')}"
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunResult:
    """What a run did.

    Attributes:
        run_id: the run.
        seq: its position in the store; 0 for a dry run.
        counts: what came in and what became of it; each job's `reconcile` says which must add up.
        added, removed: number of files.
        repeated: the run had been published before, and nothing was done.
        dry_run: nothing was changed.
        not_read: files below the inputs that were not read; see `RunManifest`.
    """

    run_id: str
    seq: int
    counts: dict[str, int]
    added: int
    removed: int
    repeated: bool = False
    dry_run: bool = False
    not_read: tuple[JsonObject, ...] = ()


def until_published(
    store: Store,
    run_id: str,
    job_on: Callable[[Snapshot], RedactJob],
    execute: Callable[[RedactJob], Outcome],
    publish: Callable[[RedactJob, Outcome], RunResult],
) -> RunResult:
    """Do a run's work and publish it; begin anew on the new state of the store where another run
    came first.

    Args:
        job_on: the job over a state of the store. execute: its work. publish: see `publish_run`.

    Raises `PublishConflict`, or whatever the work raises, once `ATTEMPTS` are spent.
    """
    for attempt in range(1, ATTEMPTS + 1):
        base = store.current()
        job = job_on(base)
        seq = store.published(run_id)
        if seq is not None:
            return _repeated(store, run_id, seq)
        # The lease is the one place that tells the time: it says that this process is alive, and
        # decides nothing about records.
        take_lease(store, run_id, dt.datetime.now(dt.UTC))
        try:
            outcome = execute(job)
        except Exception:
            # A run that was published meanwhile may have purged files this one was reading; what
            # Beam makes of that has no type of its own.
            if attempt == ATTEMPTS or store.current().seq == base.seq:
                raise
            log.warning(
                "files changed while they were read, another run was published; working again on "
                "the new state of the store"
            )
            continue
        try:
            return publish(job, outcome)
        except AlreadyPublished as twin:
            return _repeated(store, run_id, twin.seq)
        except PublishConflict:
            if attempt == ATTEMPTS:
                raise
            log.warning(
                "another run was published first; working again on the new state of the store"
            )
    raise AssertionError("unreachable")


def publish_run(
    store: Store, job: RedactJob, name: str, plan: InputPlan, outcome: Outcome
) -> RunResult:
    """Make a run's files the store's, with its policy and manifest, and clear up after it. `name`
    is the job's.

    Raises `AlreadyPublished`, `PublishConflict`.
    """
    not_read = list(map(asdict, plan.not_read))
    manifest = publish_manifest(store, job, name, list(map(asdict, plan.inputs)), outcome, not_read)
    finish_run(store, manifest)
    return _result(manifest)


def _result(manifest: RunManifest, repeated: bool = False) -> RunResult:
    files = len(manifest.added), len(manifest.removed)
    return RunResult(
        manifest.run_id,
        manifest.seq,
        manifest.counts,
        *files,
        repeated=repeated,
        not_read=manifest.not_read,
    )


def publish_manifest(
    store: Store,
    job: RedactJob,
    name: str,
    inputs: Sequence[JsonObject],
    outcome: Outcome,
    not_read: Sequence[JsonObject] = (),
) -> RunManifest:
    """Make a run's files the store's; see `publish_run`. What is left to do is `finish_run`'s.
    `inputs` and `not_read` are JSON-ready.
    """
    run, base = job.run, job.snapshot
    with suppress(PreconditionFailed):  # the same policy has decided before
        job.files.write(
            store.url(f"{CONTROL}/policies/{run.policy_sha256}.yaml"),
            job.policy.effective_yaml().encode(),
            if_none_match=True,
        )
    live = {f.path: f for f in base.files}
    manifest = RunManifest(
        run_id=run.run_id,
        **base.chain(),
        job=name,
        as_of=run.as_of.isoformat(),
        tool_version=TOOL,
        policy_name=run.policy_name,
        policy_sha256=run.policy_sha256,
        inputs=tuple(inputs),
        counts=dict(sorted(outcome.counts.items())),
        added=tuple(sorted(outcome.added)),
        removed=tuple(sorted(live[p] for p in outcome.removed)),
        not_read=tuple(not_read),
    )
    store.publish(manifest, base)
    return manifest


def _repeated(store: Store, run_id: str, seq: int) -> RunResult:
    manifest = store.manifest(seq)
    finish_run(store, manifest)
    return _result(manifest, repeated=True)


def finish_run(store: Store, manifest: RunManifest) -> None:
    """Purge what the run replaced and what its killed attempts left, and remove its working files.

    Safe to repeat; a run killed in here is finished by its repetition.
    """
    for seq in unpurged_runs(store):
        purge_removed(store, store.manifest(seq), manifest.as_of)
    sweep_run(store, manifest)
    release_lease(store, manifest.run_id)
