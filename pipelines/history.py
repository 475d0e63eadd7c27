"""The history job: version logs to the versions dataset, redacted."""

from __future__ import annotations

import datetime as dt
import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import apache_beam as beam
import orjson
from apache_beam.options.pipeline_options import PipelineOptions

from callveil.pipelines.attempts import RunResult, input_facts, run_until_published
from callveil.pipelines.local_runner import beam_spreads_work, run_pipeline
from callveil.pipelines.workers import PIECE_BYTES, use_workers
from callveil.schemas.account import Account, AccountBook
from callveil.schemas.errors import CallveilError
from callveil.schemas.interaction import InteractionKey
from callveil.schemas.json_types import JsonObject, from_json_text
from callveil.schemas.outcome import Outcome
from callveil.schemas.pointer import from_micros, to_micros, unpack_rows
from callveil.schemas.policy import Policy
from callveil.schemas.version import RedactedVersion
from callveil.transforms.governance.retention.account_events import (
    all_facts,
    facts_digest,
    holds_digest,
    read_events,
    read_holds,
)
from callveil.transforms.governance.retention.engine import RetentionEngine
from callveil.transforms.governance.retention.last_run import read_state
from callveil.transforms.governance.retention.late_arrivals import LateArrivalFilter
from callveil.transforms.governance.retention.record import RetentionRecord
from callveil.transforms.governance.retention.timeline import Timelines
from callveil.transforms.ingest.accounts import read_accounts
from callveil.transforms.ingest.chunks import InputChunk, InputPlan
from callveil.transforms.ingest.discover import refuse_overlap
from callveil.transforms.ingest.versions.read import plan_versions
from callveil.transforms.jobs.batch.context import RedactJob
from callveil.transforms.jobs.batch.ingest_beam import OUTCOMES
from callveil.transforms.jobs.batch.store_beam import SUBJECTS, WriteSubjects
from callveil.transforms.jobs.history.beam import MARKS as MARKS_TAG
from callveil.transforms.jobs.history.beam import LoadChunks, WriteDays
from callveil.transforms.jobs.history.linked_interactions import (
    JOB,
    aged_days,
    last_run,
    redacted_since,
)
from callveil.transforms.redact.engine import RunColumns
from callveil.transforms.redact.operators import code_fingerprint
from callveil.transforms.report.change_history.export import Expires
from callveil.transforms.storage.checkpoints.store_identity import compare_store, open_or_claim
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.commit.commit_run import TOOL, RunChanges
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.format1.snapshot import Snapshot
from callveil.transforms.storage.identity.identifier_names import NamePseudonymizer
from callveil.transforms.storage.tables.versions import MARKS, VERSIONS, write_marks

DATASETS = (VERSIONS.name, MARKS.name)
MODULES = (
    "callveil.transforms.jobs.history.load",
    "callveil.transforms.jobs.history.merge_days",
    "callveil.transforms.jobs.batch.shards",
    "callveil.transforms.storage.index.identifier_index",
)
"""What worker processes load."""


@dataclass(frozen=True)
class HistoryOptions:
    """Settings of the job.

    Attributes:
        inputs: files, folders, globs or `s3://` URLs; empty to redact further what is stored.
        output: root of the store.
        policy: the policy.
        as_of: the run's time, UTC; nothing in the run reads a clock.
        accounts: files with account records.
        events, holds: files with lifecycle events and legal holds. Given what retention is given,
            versions it has deleted are not taken in again.
        keyring: path of the keyring, or None for the default place.
        files: how to reach files.
        beam: Beam options; the in-process runner is taken unless a runner is named.
        dry_run: do everything but change the store.
        workers: see `RedactOptions`.
        chunk_bytes: how input is cut.
    """

    inputs: Sequence[str]
    output: str
    policy: Policy
    as_of: dt.datetime
    accounts: Sequence[str] = ()
    events: Sequence[str] = ()
    holds: Sequence[str] = ()
    keyring: str | None = None
    files: Files = field(default_factory=Files)
    beam: PipelineOptions | None = None
    dry_run: bool = False
    workers: int | None = None
    chunk_bytes: int = 32 << 20


class HistoryReconciliationError(CallveilError, RuntimeError):
    """Versions that came in are not all accounted for. Nothing is published."""


def run_history(options: HistoryOptions) -> RunResult:
    """Run the job.

    Raises:
        NothingToRead: the inputs hold nothing that can be read; nothing is done.
        InputError, AccountsError, EventsError, HoldsError, PolicyError: the user's input, with
            file, line and field.
        ModelError: a spaCy pipeline the policy names is not there.
        StoreError: the output is no store, or damaged.
        HistoryLost: a version was lost; nothing is published.
    """
    refuse_overlap(options.files, options.inputs, options.output)
    keyring = compare_store(options.files, options.output, options.keyring, not options.dry_run)
    found = (
        plan_versions(options.files, list(options.inputs), options.chunk_bytes).required()
        if options.inputs
        else InputPlan()
    )
    keyring = keyring or Keyring.open_or_create(options.keyring)
    names = NamePseudonymizer(keyring, options.policy.detect.digit_ids)
    found = found.renamed(names.place)
    known = read_accounts(options.files, list(options.accounts)) if options.accounts else []
    accounts = AccountBook(known)
    engine, facts = _engine(
        options.files, options.policy, options.as_of, known, options.events, options.holds, names
    )
    run = RunColumns(
        _run_id(options, keyring, found, accounts, facts),
        options.policy.sha256,
        options.policy.name,
        options.as_of,
    )
    store = (
        Store(options.files, options.output)
        if options.dry_run
        else open_or_claim(options.files, options.output, keyring, accounts.controllers())
    )

    def job_on(base: Snapshot) -> RedactJob:
        return RedactJob(
            run,
            options.policy,
            options.files,
            options.output,
            str(keyring.path),
            accounts,
            {},
            base,
        )

    if options.dry_run:
        with tempfile.TemporaryDirectory(prefix="callveil-dry-run-") as scratch:
            outcome = _execute(
                options, replace(job_on(store.current()), scratch=scratch), store, found, engine
            )
        not_read = tuple(map(asdict, found.not_read))
        return RunResult(
            run.run_id,
            0,
            dict(sorted(outcome.counts.items())),
            len(outcome.added),
            0,
            dry_run=True,
            not_read=not_read,
        )

    def work(job: RedactJob) -> RunChanges:
        outcome = _execute(options, job, store, found, engine)
        return RunChanges.of(outcome, job.snapshot, **input_facts(found))

    with use_workers(
        run.run_id,
        1 if beam_spreads_work(options.beam) else options.workers,
        found.bytes() / PIECE_BYTES,
        options.policy.detect,
        MODULES,
    ):
        return run_until_published(store, JOB, run, job_on, work)


def _run_id(
    options: HistoryOptions,
    keyring: Keyring,
    found: InputPlan,
    accounts: AccountBook,
    known: list[str],
) -> str:
    """Return the digest of everything the run's result depends on, so that the same command names
    the same run.
    """
    code = code_fingerprint(options.policy)
    facts: JsonObject = {
        "job": JOB,
        "tool": TOOL,
        "policy": options.policy.sha256,
        "as_of": options.as_of.isoformat(),
        "inputs": found.listed(),
        "accounts": accounts.digest(),
        "known": known,
        "cut": options.chunk_bytes,
        "keyring": keyring.fingerprint(),
        **({"models": code} if code else {}),
    }
    return hashlib.sha256(orjson.dumps(facts, option=orjson.OPT_SORT_KEYS)).hexdigest()


def build_pipeline(
    pipeline: beam.Pipeline,
    job: RedactJob,
    chunks: Sequence[InputChunk],
    days: Sequence[str],
    changed: frozenset[InteractionKey],
    aged: frozenset[str],
    arrivals: LateArrivalFilter | None,
    results: str,
) -> None:
    """Wire the job into `pipeline`; the total outcome is written to the file `results`.

    Args:
        days: stored days to be looked at. changed: interactions redacted since the last run. aged:
            see `WriteDays`. arrivals: see `LoadChunks`.
    """
    read = (
        pipeline
        | "Input" >> beam.Create(list(chunks), reshuffle=True)
        | "Load" >> LoadChunks(job, arrivals)
    )
    held = pipeline | "Stored days" >> beam.Create([(day, b"") for day in days])
    every = (read.main, held) | "All days" >> beam.Flatten()
    written = every | "Write" >> WriteDays(job, read[MARKS_TAG], changed, aged)
    marks = read[MARKS_TAG] | "Mark" >> beam.Map(lambda block: ("marks", block))
    people = read[SUBJECTS] | "Subjects" >> WriteSubjects(job)
    outcomes = (
        (read[OUTCOMES], written, people)
        | "All outcomes" >> beam.Flatten()
        | "Name" >> beam.Map(lambda outcome: ("outcomes", outcome))
    )
    _ = (
        (marks, outcomes)
        | "All results" >> beam.Flatten()
        | "Under one key" >> beam.Map(lambda pair: (0, pair))
        | "Gather" >> beam.GroupByKey()
        | "Write outcome" >> beam.Map(_write_outcome, job, results)
    )


def _write_outcome(element: tuple[int, Any], job: RedactJob, url: str) -> None:
    found = list(element[1])
    outcome = Outcome.total(sorted(data for name, data in found if name == "outcomes"))
    marks = {
        InteractionKey(*row) for name, data in found if name == "marks" for row in unpack_rows(data)
    }
    added, removed = write_marks(
        job.files, job.root, job.target, job.snapshot, job.run.run_id, marks
    )
    total = Outcome(
        sorted([*outcome.added, *added]),
        sorted([*outcome.removed, *(f.path for f in removed)]),
        outcome.counts,
    )
    job.files.write(url, total.encode())


def _execute(
    options: HistoryOptions, job: RedactJob, store: Store, found: InputPlan, engine: RetentionEngine
) -> Outcome:
    since = last_run(store, job.snapshot, job.policy.sha256)
    changed = redacted_since(job.files, job.root, job.snapshot, since)
    held = {f.partition["day"] for f in job.snapshot.by_dataset(VERSIONS.name)}
    # A `redact` event in the input may name an interaction whose versions lie in any stored day; so
    # with input every day is looked at.
    aged = frozenset(aged_days(job.snapshot, job.policy, since, job.as_of))
    days = held if changed or found.chunks else aged
    if not found.chunks and not days:
        return Outcome()
    results = job.files.join(job.work, "outcome.json")
    arrivals = (
        LateArrivalFilter.after(engine, read_state(store, job.snapshot)) if found.chunks else None
    )

    def wire(pipeline: beam.Pipeline) -> None:
        build_pipeline(pipeline, job, found.chunks, sorted(days), changed, aged, arrivals, results)

    run_pipeline(wire, options.beam, job, options.workers, found.bytes() / PIECE_BYTES, MODULES)
    outcome = from_json_text(job.files.read(results), Outcome)
    reconcile_versions(outcome.counts)
    return outcome


def reconcile_versions(counts: dict[str, int]) -> None:
    """Check that every version read is accounted for: stored, a duplicate, deleted by retention or
    erased before, or rejected.

    Raises `HistoryReconciliationError`, naming the numbers, where it is not.
    """
    parts = ("stored", "duplicates", "expired_on_arrival", "erased_on_arrival", "rejected")
    total = sum(counts.get(p, 0) for p in parts)
    if total != counts.get("in", 0):
        numbers = ", ".join(f"{p} {counts.get(p, 0):,}" for p in parts)
        raise HistoryReconciliationError(
            f"{counts.get('in', 0):,} versions came in, but {total:,} are accounted for "
            f"({numbers}); nothing was published"
        )


def _engine(
    files: Files,
    policy: Policy,
    as_of: dt.datetime,
    accounts: Sequence[Account],
    events: Sequence[str],
    holds: Sequence[str],
    names: NamePseudonymizer | None = None,
) -> tuple[RetentionEngine, list[str]]:
    """Return what decides by retention's rules, and digests of the facts and holds it was given.
    `names` knows what held items are stored as.
    """
    retention = policy.retention
    known = all_facts(accounts, read_events(files, list(events)) if events else [])
    standing = read_holds(files, list(holds)) if holds else []
    timelines = Timelines(known, as_of, retention.window_us, retention.subaccounts_inherit)
    stored = names.holds(standing) if names else standing
    return RetentionEngine(retention, timelines, stored, to_micros(as_of)), [
        facts_digest(known, as_of),
        holds_digest(standing),
    ]


def make_expiry(
    files: Files,
    policy: Policy,
    as_of: dt.datetime,
    accounts: Sequence[str],
    events: Sequence[str],
    holds: Sequence[str],
) -> Expires:
    """Tell when versions become due for deletion: the policy's retention rules, with what is known
    of accounts, their lifecycle and legal holds.

    Raises AccountsError, EventsError, HoldsError, InputError: the user's input, with file, line and
    field.
    """
    engine, _ = _engine(
        files,
        policy,
        as_of,
        read_accounts(files, list(accounts)) if accounts else [],
        events,
        holds,
    )

    def expires(v: RedactedVersion) -> dt.datetime | None:
        record = RetentionRecord(
            "versions",
            v.key.account_id,
            v.key.version_id,
            to_micros(v.created_at),
            v.account_type,
            v.key.item_type,
            v.key.item_id,
        )
        eligible = engine.decide(record).eligible_at
        return None if eligible is None else from_micros(eligible)

    return expires
