"""The main job as a Beam pipeline over a store: planned, executed, and published."""

from __future__ import annotations

import hashlib
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import apache_beam as beam
import orjson

from callveil.pipelines.attempts import RunResult, input_facts, run_until_published
from callveil.pipelines.local_runner import beam_spreads_work, run_pipeline
from callveil.pipelines.progress import RunProgress
from callveil.pipelines.redact_options import RedactOptions, reconcile_records
from callveil.pipelines.workers import PIECE_BYTES, use_workers
from callveil.schemas.account import AccountBook
from callveil.schemas.interaction import InteractionKey
from callveil.schemas.json_types import JsonObject, from_json_text
from callveil.schemas.outcome import Outcome
from callveil.schemas.request import FIELDS as REQUEST_FIELDS
from callveil.schemas.request import RedactionRequest
from callveil.transforms.detect.models import model_fingerprint
from callveil.transforms.ingest.accounts import read_accounts
from callveil.transforms.ingest.chunks import InputChunk, InputPlan
from callveil.transforms.ingest.plugin_sources import source_fingerprint
from callveil.transforms.ingest.requests import read_requests
from callveil.transforms.jobs.batch.context import RedactJob
from callveil.transforms.jobs.batch.ingest_beam import OUTCOMES, IngestChunks
from callveil.transforms.jobs.batch.redact_beam import RedactBatches
from callveil.transforms.jobs.batch.store_beam import (
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
from callveil.transforms.redact.engine import RunColumns
from callveil.transforms.redact.operators import TokenKeys, code_fingerprint, make_call_token
from callveil.transforms.storage.checkpoints.store_identity import open_or_claim
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.commit.commit_run import TOOL, RunChanges
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.format1.snapshot import Snapshot, data_path
from callveil.transforms.storage.identity.identifier_names import NamePseudonymizer
from callveil.transforms.storage.tables.key_index import BUCKETS
from callveil.transforms.storage.tables.parquet import REQUESTS, publish_records


def run_job(options: RedactOptions, keyring: Keyring | None, plan: InputPlan) -> RunResult:
    """Run the job over the input of `plan`; see `redact.run_redact`. `keyring`: the store's, where
    there is one.
    """
    keyring = keyring or Keyring.open_or_create(options.keyring)
    accounts = AccountBook(
        read_accounts(options.files, list(options.accounts)) if options.accounts else ()
    )
    names = NamePseudonymizer(keyring, options.policy.detect.digit_ids)
    plan = plan.renamed(names.place)
    requests = read_requests(options.files, list(options.requests)) if options.requests else []
    requests = [replace(r, interaction_id=names.id(r.interaction_id)) for r in requests]
    models = model_fingerprint(options.policy.detect)
    code = (code_fingerprint(options.policy), source_fingerprint(plan.formats()))
    deciding = ", ".join(filter(None, code))
    number = _run_id(options, keyring, plan, accounts, requests, deciding)
    run = RunColumns(number, options.policy.sha256, options.policy.name, options.as_of, models)
    by_key: dict[InteractionKey, tuple[RedactionRequest, ...]] = defaultdict(tuple)
    for request in requests:
        by_key[request.key] += (request,)
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
            dict(by_key),
            base,
            shard_rows=options.shard_rows,
            shard_bytes=options.shard_bytes,
        )

    if options.dry_run:
        return _dry_run(options, job_on(store.current()), plan)

    def work(job: RedactJob) -> RunChanges:
        return _changes(job, plan, requests, _execute(options, job, plan))

    with use_workers(
        number,
        1 if beam_spreads_work(options.beam) else options.workers,
        plan.bytes() / PIECE_BYTES,
        options.policy.detect,
    ):
        return run_until_published(store, "redact", run, job_on, work)


def _run_id(
    options: RedactOptions,
    keyring: Keyring,
    plan: InputPlan,
    accounts: AccountBook,
    requests: Sequence[RedactionRequest],
    models: str,
) -> str:
    """Return the digest of everything the run's result depends on, so that the same command names
    the same run.
    """
    facts: JsonObject = {
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


def build_pipeline(
    pipeline: beam.Pipeline, job: RedactJob, chunks: Sequence[InputChunk], results: str
) -> None:
    """Wire the job into `pipeline`; the total outcome is written to the file `results`."""
    read = (
        pipeline
        | "Input" >> beam.Create(list(chunks), reshuffle=True)
        | "Ingest" >> IngestChunks(job)
    )
    # Every bucket is looked at even where nothing came in for it: stored records grow old, and
    # requests may name them.
    every = pipeline | "All buckets" >> beam.Create([(bucket, b"") for bucket in range(BUCKETS)])
    resolved = (
        (read.main, every) | "All keys" >> beam.Flatten() | "Resolve" >> ResolveSnapshots(job)
    )
    shards = resolved.main | "Shards" >> ReadShards(job)
    written = shards.main | "Redact" >> RedactBatches(job) | "Write" >> WriteShards(job)
    changes = (
        resolved[CHANGES],
        shards[CHANGES],
        written[CHANGES],
    ) | "All changes" >> beam.Flatten()
    changed = changes | "Change stored" >> ChangeStored(job)
    index = (
        (shards[INDEX], written[INDEX], changed[INDEX])
        | "All entries" >> beam.Flatten()
        | "Index" >> WriteIndex(job)
    )
    people = (
        (shards[SUBJECTS], written[SUBJECTS])
        | "All identifiers" >> beam.Flatten()
        | "Subjects" >> WriteSubjects(job)
    )
    done = (
        read[OUTCOMES],
        resolved[OUTCOMES],
        shards[OUTCOMES],
        written[OUTCOMES],
        changed[OUTCOMES],
        index,
        people,
    )
    outcomes = done | "All outcomes" >> beam.Flatten()
    _ = (
        outcomes
        | "Under one key" >> beam.Map(lambda outcome: (0, outcome))
        | "Gather outcomes" >> beam.GroupByKey()
        | "Write outcome" >> beam.Map(_write_outcome, job.files, results)
    )


def _write_outcome(element: tuple[int, Any], files: Files, url: str) -> None:
    files.write(url, Outcome.total(element[1]).encode())


def _execute(options: RedactOptions, job: RedactJob, plan: InputPlan) -> Outcome:
    results = job.files.join(job.work, "outcome.json")

    def wire(pipeline: beam.Pipeline) -> None:
        build_pipeline(pipeline, job, plan.chunks, results)

    with RunProgress(job, len(plan.chunks), options.progress):
        run_pipeline(wire, options.beam, job, options.workers, plan.bytes() / PIECE_BYTES)
    return from_json_text(job.files.read(results), Outcome)


def _changes(
    job: RedactJob, plan: InputPlan, requests: Sequence[RedactionRequest], outcome: Outcome
) -> RunChanges:
    """Write the requests beside what was redacted; returns what is to be published."""
    reconcile_records(outcome.counts)
    run = job.run
    if requests:
        partition = {"day": run.as_of.date().isoformat()}
        rows = sorted(
            (_request_row(r, Keyring.load(job.keyring_path)) for r in requests),
            key=lambda r: (r["account_id"], r["interaction_id"], r["request_id"]),
        )
        outcome.added.append(
            publish_records(
                job.files,
                job.root,
                data_path(REQUESTS.name, partition, run.run_id, "requests"),
                REQUESTS,
                partition,
                rows,
            )
        )
    return RunChanges.of(outcome, job.snapshot, **input_facts(plan))


def _request_row(request: RedactionRequest, keyring: Keyring) -> JsonObject:
    """Return a request as it is stored: its reason, which may name people, as a token that
    `callveil reveal` opens.
    """
    reason = make_call_token(
        "REASON", request.reason, TokenKeys.of(keyring), request.account_id, request.interaction_id
    )
    return {f.name: getattr(request, f.name) for f in REQUEST_FIELDS} | {"reason": reason}


def _dry_run(options: RedactOptions, job: RedactJob, plan: InputPlan) -> RunResult:
    with tempfile.TemporaryDirectory(prefix="callveil-dry-run-") as scratch:
        outcome = _execute(options, replace(job, scratch=scratch), plan)
    reconcile_records(outcome.counts)
    not_read = tuple(map(asdict, plan.not_read))
    return RunResult(
        job.run.run_id,
        0,
        dict(sorted(outcome.counts.items())),
        len(outcome.added),
        0,
        dry_run=True,
        not_read=not_read,
    )
