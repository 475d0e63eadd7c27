"""The rescan job: a store is read again by the present rules, and what they find is covered."""

from __future__ import annotations

import datetime as dt
import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import apache_beam as beam
import msgspec
import orjson
from apache_beam.options.pipeline_options import PipelineOptions

from callveil.pipelines.attempts import archive_policy, facts_of, finish_run
from callveil.pipelines.local_runner import run_pipeline
from callveil.pipelines.progress import RunProgress
from callveil.pipelines.workers import PIECE_ROWS
from callveil.schemas.account import AccountBook
from callveil.schemas.errors import UserError
from callveil.schemas.json_types import from_json_text
from callveil.schemas.outcome import Outcome
from callveil.schemas.policy import Policy, PolicyError
from callveil.transforms.detect.models import model_fingerprint
from callveil.transforms.ingest.accounts import read_accounts
from callveil.transforms.jobs.batch.context import RedactJob
from callveil.transforms.jobs.batch.ingest_beam import OUTCOMES
from callveil.transforms.jobs.batch.store_beam import INDEX, SUBJECTS, WriteIndex, WriteSubjects
from callveil.transforms.jobs.rescan.beam import (
    NOTES,
    RescanStore,
    RescanTask,
    list_tasks,
    merge_notes,
)
from callveil.transforms.jobs.rescan.live import manifest_facts, publish_replacements, purge_unused
from callveil.transforms.jobs.rescan.report import (
    INTERACTIONS,
    LIVE,
    VERSIONS,
    RescanNotes,
    UnreadableRow,
)
from callveil.transforms.redact.engine import RunColumns
from callveil.transforms.redact.operators import code_fingerprint
from callveil.transforms.storage.checkpoints.live_checkpoint import write_checkpoint
from callveil.transforms.storage.checkpoints.store_identity import open_keyed, open_to_change
from callveil.transforms.storage.commit.catalog import PublishConflict, Store
from callveil.transforms.storage.commit.commit_run import (
    TOOL,
    CommitPolicy,
    RunChanges,
    commit_on,
    work_on_newest,
)
from callveil.transforms.storage.commit.maintenance import list_leases, release_lease
from callveil.transforms.storage.commit.policy_archive import newest_policy
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.format1.live import Live
from callveil.transforms.storage.format1.snapshot import CONTROL, Snapshot

JOB = "rescan"
RESULTS = "rescan.json"
MODULES = (
    "callveil.transforms.jobs.rescan.beam",
    "callveil.transforms.storage.index.identifier_index",
)
"""What worker processes load."""
DECIDED = frozenset({"redact", "history", JOB})
"""Jobs whose policy decided what is read again; retention's may be another one."""
RESCAN = CommitPolicy(attempts=3, retry_on=(Exception,), notify=True)
"""A published run may have purged files that this one was reading. On another state of the store it
is another run, so what was written is purged.
"""


@dataclass(frozen=True)
class RescanOptions:
    """Settings of the job.

    Attributes:
        store: root of the store.
        as_of: the run's time, UTC; stands in what it writes and decides nothing.
        policy: the policy; None for the newest one that the store was decided by.
        apply: cover what was found; else the store is only read.
        accounts: files with account records: what is an account's own is nobody's.
        keyring: path of the keyring, or None for the default place.
        files: how to reach files.
        beam: Beam options; the in-process runner is taken unless a runner is named.
        progress: show progress on standard error.
        workers: see `RedactOptions`.
    """

    store: str
    as_of: dt.datetime
    policy: Policy | None = None
    apply: bool = False
    accounts: Sequence[str] = ()
    keyring: str | None = None
    files: Files = field(default_factory=Files)
    beam: PipelineOptions | None = None
    progress: bool = True
    workers: int | None = None


@dataclass(frozen=True)
class RescanResult:
    """Outcome of a rescan: what was found, and done.

    Attributes:
        policy: that decided.
        counts: rows read, and what was found in them; see `transforms.jobs.rescan.report`.
        unread: rows that could not be read again.
        audible: account and id of interactions whose recording lets hear what was found in its
            transcript.
        run_id, seq: the run that covered it; empty and 0 where nothing was published.
        finished: an earlier run that was killed after it was published has been finished.
    """

    policy: Policy
    counts: dict[str, int]
    unread: tuple[UnreadableRow, ...] = ()
    audible: tuple[tuple[str, str], ...] = ()
    run_id: str = ""
    seq: int = 0
    finished: bool = False


@dataclass(frozen=True, slots=True)
class _Found:
    """Results of the pipeline."""

    outcome: Outcome
    notes: RescanNotes

    @property
    def changes(self) -> bool:
        """Tell whether there is anything to publish."""
        return bool(self.outcome.added or self.outcome.removed or self.notes.receipts)

    def result(self, job: RedactJob, **more: Any) -> RescanResult:
        counts = dict(sorted(self.outcome.counts.items()))
        unread, audible = tuple(self.notes.unread), tuple(self.notes.audible)
        return RescanResult(job.policy, counts, unread, audible, **more)


class NoPolicy(UserError, ValueError):
    """No policy is named and the store has none that this version can read."""


def run_rescan(options: RescanOptions) -> RescanResult:
    """Run the job.

    Raises:
        InputError, AccountsError, KeyringError, NoPolicy: the user's input.
        ModelError: a spaCy pipeline the policy names is not there.
        StoreError: there is no store, or it is damaged.
        PublishConflict: other runs were published first, time and again; nothing was changed.
    """
    opened = open_to_change if options.apply else open_keyed
    store, keyring = opened(options.files, options.store, options.keyring)
    accounts = AccountBook(
        read_accounts(options.files, list(options.accounts)) if options.accounts else ()
    )
    finished = False
    if options.apply:
        store.recover()
        finished = _finish_killed(store, keyring)

    def work(base: Snapshot) -> RescanResult:
        job = _job(options, base, _policy(options, store), keyring, accounts)
        return _cover(options, store, job, keyring) if options.apply else _look(options, job)

    return replace(work_on_newest(store, RESCAN, work), finished=finished)


def _look(options: RescanOptions, job: RedactJob) -> RescanResult:
    with tempfile.TemporaryDirectory(prefix="callveil-rescan-") as scratch:
        job = replace(job, scratch=scratch)
        return _execute(options, job).result(job)


def _cover(options: RescanOptions, store: Store, job: RedactJob, keyring: Keyring) -> RescanResult:
    found = _Found(Outcome(), merge_notes(()))

    def build(base: Snapshot) -> RunChanges | None:
        nonlocal found
        found = _execute(options, job)
        if not found.changes:
            return None
        archive_policy(store, job.policy)
        receipts = found.notes.receipts
        facts = (manifest_facts(keyring, receipts),) if receipts else ()
        return RunChanges.of(found.outcome, base, inputs=facts)

    def undo() -> None:
        purge_unused(Live(store.files, store.root), found.notes.receipts)

    done = commit_on(store, job.snapshot, facts_of(job.run, JOB), build, policy=RESCAN, undo=undo)
    if done is None:
        release_lease(store, job.run.run_id)
        return found.result(job)
    if not found.changes:
        raise PublishConflict("the same command has published what this one was reading")
    _put(store, keyring, found.notes.receipts)
    finish_run(store, done.manifest)
    return found.result(job, run_id=done.manifest.run_id, seq=done.manifest.seq)


def _policy(options: RescanOptions, store: Store) -> Policy:
    if options.policy is not None:
        return options.policy
    try:
        found = newest_policy(store, [m for m in store.manifests() if m.job in DECIDED])
    except PolicyError as error:
        raise NoPolicy(
            f"the policy in the store is not one of this version ({error}); name one with --policy"
        ) from None
    if found is None:
        raise NoPolicy(
            "the store holds no policy: nothing was redacted into it; name one with --policy"
        )
    return found


def _job(
    options: RescanOptions, base: Snapshot, policy: Policy, keyring: Keyring, accounts: AccountBook
) -> RedactJob:
    """Return the job on a state of the store.

    That state is part of the run's id: on another one the same command writes something else.
    """
    told = [
        JOB,
        TOOL,
        policy.sha256,
        keyring.fingerprint(),
        options.as_of.isoformat(),
        accounts.digest(),
        base.manifest_sha256,
        *((code,) if (code := code_fingerprint(policy)) else ()),
    ]
    run_id = hashlib.sha256(orjson.dumps(told)).hexdigest()
    models = model_fingerprint(policy.detect)
    run = RunColumns(run_id, policy.sha256, policy.name, options.as_of, models)
    return RedactJob(
        run,
        policy,
        options.files,
        options.store.rstrip("/") or "/",
        str(keyring.path),
        accounts,
        {},
        base,
    )


def build_pipeline(
    pipeline: beam.Pipeline, job: RedactJob, found: Sequence[RescanTask], results: str
) -> None:
    """Wire the job into `pipeline`; its results are written to the file `results`."""
    read = (
        pipeline
        | "Pieces" >> beam.Create(list(found), reshuffle=True)
        | "Rescan" >> RescanStore(job)
    )
    index = read[INDEX] | "Index" >> WriteIndex(job)
    people = read[SUBJECTS] | "Subjects" >> WriteSubjects(job)
    outcomes = (
        (read[OUTCOMES], index, people)
        | "All outcomes" >> beam.Flatten()
        | "Outcome" >> beam.Map(lambda one: ("outcomes", one))
    )
    notes = read[NOTES] | "Note" >> beam.Map(lambda one: ("notes", one))
    _ = (
        (outcomes, notes)
        | "All results" >> beam.Flatten()
        | "Under one key" >> beam.Map(lambda pair: (0, pair))
        | "Gather" >> beam.GroupByKey()
        | "Write results" >> beam.Map(_write_results, job.files, results)
    )


def _write_results(element: tuple[int, Any], files: Files, url: str) -> None:
    parts = list(element[1])
    outcome = Outcome.total(sorted(data for name, data in parts if name == "outcomes"))
    notes = merge_notes(sorted(data for name, data in parts if name == "notes"))
    files.write(url, msgspec.json.encode(_Found(outcome, notes)))


def _execute(options: RescanOptions, job: RedactJob) -> _Found:
    found = list_tasks(job)
    if not found:
        return _Found(Outcome(), merge_notes(()))
    results = job.files.join(job.work, RESULTS)

    def wire(pipeline: beam.Pipeline) -> None:
        build_pipeline(pipeline, job, found, results)

    rows = sum(f.rows for f in job.snapshot.files if f.dataset in (INTERACTIONS, VERSIONS))
    rows += sum(len(piece.names) for piece in found if piece.zone == LIVE)
    with RunProgress(job, len(found), options.progress):
        run_pipeline(wire, options.beam, job, options.workers, rows / PIECE_ROWS, MODULES)
    return _read_results(job.files, results)


def _read_results(files: Files, url: str) -> _Found:
    return from_json_text(files.read(url), _Found)


def _put(store: Store, keyring: Keyring, receipts: Sequence[Any]) -> None:
    if receipts:
        publish_replacements(Live(store.files, store.root), receipts)
        write_checkpoint(store, keyring, dt.datetime.now(dt.UTC))


def _finish_killed(store: Store, keyring: Keyring) -> bool:
    """Finish rescans that were killed after they were published; returns whether there were any."""
    found = False
    for run_id in sorted(list_leases(store, dt.datetime.now(dt.UTC))):
        seq = store.published(run_id)
        manifest = store.manifest(seq) if seq is not None else None
        if manifest is None or manifest.job != JOB:
            continue
        results = store.url(f"{CONTROL}/work/{run_id}/{RESULTS}")
        if store.files.info(results) is not None:
            _put(store, keyring, _read_results(store.files, results).notes.receipts)
        finish_run(store, manifest)
        found = True
    return found
