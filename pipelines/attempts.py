"""Publishing of what jobs over a store have written, shared by all of them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass

from callveil.schemas.json_types import JsonObject
from callveil.schemas.manifest import RunManifest
from callveil.schemas.policy import Policy
from callveil.transforms.ingest.chunks import InputPlan
from callveil.transforms.jobs.batch.context import RedactJob
from callveil.transforms.redact.run import RunColumns
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.commit.commit_run import (
    CommitPolicy,
    RunChanges,
    RunFacts,
    commit_run,
)
from callveil.transforms.storage.commit.maintenance import (
    purge_removed,
    release_lease,
    sweep_run,
    unpurged_runs,
)
from callveil.transforms.storage.files.filesystem import PreconditionFailed
from callveil.transforms.storage.format1.snapshot import CONTROL, Snapshot

BATCH = CommitPolicy(attempts=3, retry_on=(Exception,), abandon=False, notify=True)
"""What Beam makes of a file that another run has purged has no type of its own. Finished pieces of
work are found in the run's working folder, so nothing is purged before another attempt.
"""


@dataclass(frozen=True)
class RunResult:
    """Outcome of a run.

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


def run_until_published(
    store: Store,
    name: str,
    run: RunColumns,
    job_on: Callable[[Snapshot], RedactJob],
    work: Callable[[RedactJob], RunChanges],
) -> RunResult:
    """Do a job's work and publish it, with its policy; then clear up after it.

    Args:
        name: the job's. job_on: the job over a state of the store. work: writes its files.

    Raises `PublishConflict`, or whatever the work raises, once all attempts are spent.
    """

    def build(base: Snapshot) -> RunChanges:
        job = job_on(base)
        changes = work(job)
        archive_policy(store, job.policy)
        return changes

    done = commit_run(store, facts_of(run, name), build, policy=BATCH)
    finish_run(store, done.manifest)
    manifest = done.manifest
    return RunResult(
        manifest.run_id,
        manifest.seq,
        manifest.counts,
        len(manifest.added),
        len(manifest.removed),
        repeated=done.repeated,
        not_read=manifest.not_read,
    )


def facts_of(run: RunColumns, job: str) -> RunFacts:
    """Return what the manifest of a job's run says whatever it changes."""
    return RunFacts(run.run_id, job, run.as_of.isoformat(), run.policy_name, run.policy_sha256)


def archive_policy(store: Store, policy: Policy) -> None:
    """Put a policy under its digest, for runs that it decided."""
    with suppress(PreconditionFailed):  # it has decided before
        store.files.write(
            store.url(f"{CONTROL}/policies/{policy.sha256}.yaml"),
            policy.effective_yaml().encode(),
            if_none_match=True,
        )


def input_facts(plan: InputPlan) -> JsonObject:
    """Return what a manifest says of a job's input, as attributes of `RunChanges`."""
    return {
        "inputs": tuple(map(asdict, plan.inputs)),
        "not_read": tuple(map(asdict, plan.not_read)),
    }


def finish_run(store: Store, manifest: RunManifest) -> None:
    """Purge what the run replaced and what its killed attempts left, and remove its working files.

    Safe to repeat; a run killed in here is finished by its repetition.
    """
    for seq in unpurged_runs(store):
        purge_removed(store, store.manifest(seq), manifest.as_of)
    sweep_run(store, manifest)
    release_lease(store, manifest.run_id)
