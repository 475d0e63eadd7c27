"""The main job: a batch of call interactions to redacted Parquet, findings, and a rejected zone."""

from __future__ import annotations

import datetime as dt
import hashlib
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import apache_beam as beam
import orjson
from apache_beam.options.pipeline_options import PipelineOptions

from callveil.pipelines.attempts import TOOL, RunResult, publish_run, until_published
from callveil.pipelines.local_runner import run_pipeline
from callveil.pipelines.progress import RunProgress
from callveil.pipelines.workers import PIECE_BYTES
from callveil.schemas.account import AccountBook
from callveil.schemas.interaction import InteractionKey
from callveil.schemas.outcome import Outcome
from callveil.schemas.policy import Policy
from callveil.schemas.request import FIELDS as REQUEST_FIELDS
from callveil.schemas.request import SCHEMA as REQUEST_SCHEMA
from callveil.schemas.request import RedactionRequest
from callveil.transforms.detect.models import identity
from callveil.transforms.ingest.accounts import read_accounts
from callveil.transforms.ingest.chunks import InputChunk, InputPlan, plan_input
from callveil.transforms.ingest.discover import refuse_overlap
from callveil.transforms.ingest.requests import read_requests
from callveil.transforms.ingest.transform import OUTCOMES, IngestChunks
from callveil.transforms.redact.engine import Run
from callveil.transforms.redact.names import Names
from callveil.transforms.redact.operators import Secrets, token
from callveil.transforms.redact.transform import Redact
from callveil.transforms.run.job import SHARD_BYTES, SHARD_ROWS, RedactJob
from callveil.transforms.run.transform import (
    CHANGES,
    INDEX,
    SUBJECTS,
    ChangeStored,
    ReadShards,
    ResolveSnapshots,
    WriteIndex,
    WriteShards,
    WriteSubjects,
)
from callveil.transforms.store.catalog import Store
from callveil.transforms.store.files import Files
from callveil.transforms.store.identity import compare, open_or_claim
from callveil.transforms.store.index import BUCKETS
from callveil.transforms.store.keyring import Keyring
from callveil.transforms.store.parquet import Table, publish_records, register
from callveil.transforms.store.snapshot import Snapshot, data_path

REQUESTS = register(Table("requests", REQUEST_SCHEMA, REQUEST_FIELDS, ("account_id", "interaction_id", "request_id")))


@dataclass(frozen=True)
class RedactOptions:
    """What the job is asked to do.

    Attributes:
        inputs: files, folders, globs or `s3://` URLs.
        output: root of the store.
        policy: the policy.
        as_of: the run's time, UTC. Ages are counted from it; nothing in the run reads a clock.
        accounts, requests: files with account records and manual requests.
        keyring: path of the keyring, or None for the default place.
        files: how to reach files.
        beam: Beam options; the in-process runner is taken unless a runner is named.
        dry_run: do everything but change the store.
        progress: show progress on standard error.
        workers: processes to work with, where no runner is named; 1: this one alone; None: what the machine allows and the input is worth.
        shard_rows, shard_bytes, chunk_bytes: how work is cut.
    """

    inputs: Sequence[str]
    output: str
    policy: Policy
    as_of: dt.datetime
    accounts: Sequence[str] = ()
    requests: Sequence[str] = ()
    keyring: str | None = None
    files: Files = field(default_factory=Files)
    beam: PipelineOptions | None = None
    dry_run: bool = False
    progress: bool = True
    workers: int | None = None
    shard_rows: int = SHARD_ROWS
    shard_bytes: int = SHARD_BYTES
    chunk_bytes: int = 32 << 20


class ReconciliationError(RuntimeError):
    """Records that came in are not all accounted for. Nothing is published."""


def run_redact(options: RedactOptions) -> RunResult:
    """Run the job.

    Raises:
        NothingToRead: the inputs hold nothing that can be read; nothing is done.
        InputError, AccountsError, RequestsError, PolicyError: the user's input, with file, line and field.
        ModelError: a spaCy pipeline the policy names is not there.
        StoreError: the output is no store, or damaged.
        ReconciliationError: a record was lost; nothing is published.
    """
    refuse_overlap(options.files, options.inputs, options.output)
    keyring = compare(options.files, options.output, options.keyring, not options.dry_run)
    plan = plan_input(options.files, list(options.inputs), options.chunk_bytes).required() if options.inputs else InputPlan()
    keyring = keyring or Keyring.open_or_create(options.keyring)
    accounts = AccountBook(read_accounts(options.files, list(options.accounts)) if options.accounts else ())
    names = Names(keyring, options.policy.detect.digit_ids)
    plan = names.plan(plan)
    requests = read_requests(options.files, list(options.requests)) if options.requests else []
    requests = [replace(r, interaction_id=names.id(r.interaction_id)) for r in requests]
    models = identity(options.policy.detect)
    number = _run_id(options, keyring, plan, accounts, requests, models)
    run = Run(number, options.policy.sha256, options.policy.name, options.as_of, models)
    by_key: dict[InteractionKey, tuple[RedactionRequest, ...]] = defaultdict(tuple)
    for request in requests:
        by_key[request.key] += (request,)
    store = Store(options.files, options.output) if options.dry_run else open_or_claim(options.files, options.output, keyring, accounts.controllers())

    def job_on(base: Snapshot) -> RedactJob:
        return RedactJob(
            run, options.policy, options.files, options.output, str(keyring.path), accounts, dict(by_key), base,
            shard_rows=options.shard_rows, shard_bytes=options.shard_bytes,
        )  # fmt: skip

    if options.dry_run:
        return _dry_run(options, job_on(store.current()), plan)

    # Named, not lambdas: a fault is told by the function it happened in.
    def execute(job: RedactJob) -> Outcome:
        return _execute(options, job, plan)

    def publish(job: RedactJob, outcome: Outcome) -> RunResult:
        return _publish(store, job, plan, requests, outcome)

    return until_published(store, run.run_id, job_on, execute, publish)


def _run_id(
    options: RedactOptions, keyring: Keyring, plan: InputPlan, accounts: AccountBook, requests: Sequence[RedactionRequest], models: str
) -> str:
    """Digest of everything the run's result depends on, so that the same command names the same run."""
    facts: dict[str, Any] = {
        "job": "redact",
        "tool": TOOL,
        "inputs": plan.listed(),
        "keyring": keyring.fingerprint(),
        "policy": options.policy.sha256,
        "as_of": options.as_of.isoformat(),
        "accounts": accounts.digest(),
        "requests": [repr(r) for r in requests],
        "cut": [options.shard_rows, options.shard_bytes, options.chunk_bytes],
        **({"models": models} if models else {}),
    }
    return hashlib.sha256(orjson.dumps(facts, option=orjson.OPT_SORT_KEYS)).hexdigest()


def build(pipeline: beam.Pipeline, job: RedactJob, chunks: Sequence[InputChunk], results: str) -> None:
    """Wire the job into `pipeline`; the total outcome is written to the file `results`."""
    read = pipeline | "Input" >> beam.Create(list(chunks), reshuffle=True) | "Ingest" >> IngestChunks(job)
    # Every bucket is looked at even where nothing came in for it: stored records grow old, and requests may name them.
    every = pipeline | "All buckets" >> beam.Create([(bucket, b"") for bucket in range(BUCKETS)])
    resolved = (read.main, every) | "All keys" >> beam.Flatten() | "Resolve" >> ResolveSnapshots(job)
    shards = resolved.main | "Shards" >> ReadShards(job)
    written = shards.main | "Redact" >> Redact(job) | "Write" >> WriteShards(job)
    changes = (resolved[CHANGES], shards[CHANGES], written[CHANGES]) | "All changes" >> beam.Flatten()
    changed = changes | "Change stored" >> ChangeStored(job)
    index = (shards[INDEX], written[INDEX], changed[INDEX]) | "All entries" >> beam.Flatten() | "Index" >> WriteIndex(job)
    people = (shards[SUBJECTS], written[SUBJECTS]) | "All identifiers" >> beam.Flatten() | "Subjects" >> WriteSubjects(job)
    done = (read[OUTCOMES], resolved[OUTCOMES], shards[OUTCOMES], written[OUTCOMES], changed[OUTCOMES], index, people)
    outcomes = done | "All outcomes" >> beam.Flatten()
    _ = (
        outcomes
        | "Under one key" >> beam.Map(lambda outcome: (0, outcome))
        | "Gather outcomes" >> beam.GroupByKey()
        | "Write outcome" >> beam.Map(_write_outcome, job.files, results)
    )


def _write_outcome(element: tuple[int, Any], files: Files, url: str) -> None:
    files.write(url, orjson.dumps(Outcome.total(element[1]).as_dict()))


def _execute(options: RedactOptions, job: RedactJob, plan: InputPlan) -> Outcome:
    results = job.files.join(job.work, "outcome.json")

    def wire(pipeline: beam.Pipeline) -> None:
        build(pipeline, job, plan.chunks, results)

    with RunProgress(job, len(plan.chunks), options.progress):
        run_pipeline(wire, options.beam, job, options.workers, plan.bytes() / PIECE_BYTES)
    return Outcome.from_dict(orjson.loads(job.files.read(results)))


def reconcile(counts: dict[str, int]) -> None:
    """Check that every snapshot read is accounted for: redacted, superseded, replayed, unchanged, tombstoned or rejected.

    Raises `ReconciliationError`, naming the numbers, where it is not.
    """
    parts = ("redacted", "superseded", "replayed", "unchanged", "tombstoned", "rejected")
    total = sum(counts.get(p, 0) for p in parts)
    if total != counts.get("in", 0):
        numbers = ", ".join(f"{p} {counts.get(p, 0):,}" for p in parts)
        raise ReconciliationError(f"{counts.get('in', 0):,} records came in, but {total:,} are accounted for ({numbers}); nothing was published")


def _publish(store: Store, job: RedactJob, plan: InputPlan, requests: Sequence[RedactionRequest], outcome: Outcome) -> RunResult:
    reconcile(outcome.counts)
    run = job.run
    if requests:
        partition = {"day": run.as_of.date().isoformat()}
        rows = sorted(
            (_request_row(r, Keyring.load(job.keyring_path)) for r in requests), key=lambda r: (r["account_id"], r["interaction_id"], r["request_id"])
        )
        outcome.added.append(
            publish_records(job.files, job.root, data_path(REQUESTS.name, partition, run.run_id, "requests"), REQUESTS, partition, rows)
        )
    return publish_run(store, job, "redact", plan, outcome)


def _request_row(request: RedactionRequest, keyring: Keyring) -> dict[str, Any]:
    """A request as it is stored: its reason, which may name people, as a token that `callveil reveal` opens."""
    reason = token("REASON", request.reason, Secrets.of(keyring), request.account_id, request.interaction_id)
    return {f.name: getattr(request, f.name) for f in REQUEST_FIELDS} | {"reason": reason}


def _dry_run(options: RedactOptions, job: RedactJob, plan: InputPlan) -> RunResult:
    with tempfile.TemporaryDirectory(prefix="callveil-dry-run-") as scratch:
        outcome = _execute(options, replace(job, scratch=scratch), plan)
    reconcile(outcome.counts)
    not_read = tuple(f.as_dict() for f in plan.not_read)
    return RunResult(job.run.run_id, 0, dict(sorted(outcome.counts.items())), len(outcome.added), 0, dry_run=True, not_read=not_read)
