"""Change rows of files that are live: drop the replaced ones, redact others further."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence

import pyarrow.parquet as pq

from callveil.schemas.finding import FindingRow
from callveil.schemas.interaction import InteractionKey
from callveil.schemas.json_types import Row
from callveil.schemas.manifest import FileEntry
from callveil.schemas.outcome import Outcome
from callveil.schemas.rejected import Rejected
from callveil.schemas.request import decode_request
from callveil.transforms.detect.decision import MinimumRedaction, decide_redaction, strongest_mode
from callveil.transforms.detect.detection_result import DetectionJob
from callveil.transforms.ingest.deduplicate import DROP, Change
from callveil.transforms.jobs.batch.context import Engines, RedactJob, WorkCache, engines_of
from callveil.transforms.jobs.batch.redact_batches import redact_jobs, slice_jobs, with_content
from callveil.transforms.jobs.batch.shards import count_redacted
from callveil.transforms.jobs.batch.work_results import WorkResult
from callveil.transforms.redact.engine import RedactionResult
from callveil.transforms.redact.reredact import stored_record, to_stored_offsets
from callveil.transforms.storage.files.serialization import interaction_row
from callveil.transforms.storage.format1.snapshot import data_path
from callveil.transforms.storage.tables.dead_letters import DeadLetterWriter
from callveil.transforms.storage.tables.key_index import (
    IndexEntry,
    current_files,
    key_bucket,
    read_key_bucket,
    stem_of,
)
from callveil.transforms.storage.tables.mutation import RowMutation
from callveil.transforms.storage.tables.parquet import FINDINGS, INTERACTIONS, publish_records
from callveil.transforms.storage.tables.rewrite import change_keys


def change_file_once(job: RedactJob, origin: str, changes: Sequence[Change]) -> WorkResult:
    """Return what `apply_changes` gives, done or remembered."""
    facts = repr((origin, changes, job.snapshot.manifest_sha256)).encode()
    return WorkCache(job, "changes", WorkResult).once(
        hashlib.sha256(facts).hexdigest()[:24],
        lambda: apply_changes(job, engines_of(job), origin, changes),
        file=origin,
    )


def apply_changes(
    job: RedactJob, built: Engines, origin: str, changes: Sequence[Change]
) -> WorkResult:
    """Rewrite one interactions file and its findings file.

    Args:
        origin: the file's first name; see `store.index.origin_of`.
        changes: what happens to which of its rows.

    A row that cannot be redacted further goes to the rejected zone and out of the dataset: what was
    asked to be hidden is not left readable.
    """
    entry = current_files(job.snapshot, INTERACTIONS.name)[origin]
    dropped = {InteractionKey(c.account_id, c.id) for c in changes if c.action == DROP}
    redo = {InteractionKey(c.account_id, c.id): c for c in changes if c.action != DROP}
    findings = [f.path for f in _findings_of(job, origin)]
    redone, rejected = _redo(job, built, entry.path, findings, redo) if redo else ({}, [])
    return replace_rows(job, built, origin, redone, rejected, dropped)


def _again(origin: str) -> str:
    """Last part of the names of files that hold findings of rows of a file which were redacted
    further.
    """
    return f"again.{origin.rsplit('/', 1)[1].removesuffix('.parquet').replace('-', '.')}"


def _findings_of(job: RedactJob, origin: str) -> list[FileEntry]:
    """Return files with the findings of an interactions file. Those of rows that were redacted
    further in an earlier run lie in files of their own.
    """
    folder, name = (
        f"{FINDINGS.name}/{origin.split('/', 1)[1].rpartition('/')[0]}",
        origin.rsplit("/", 1)[1],
    )
    return [
        f
        for o, f in sorted(current_files(job.snapshot, FINDINGS.name).items())
        if o == f"{folder}/{name}"
        or (o.startswith(f"{folder}/") and o.endswith(f".{_again(origin)}.parquet"))
    ]


def replace_rows(
    job: RedactJob,
    built: Engines,
    origin: str,
    redone: Mapping[InteractionKey, RedactionResult],
    rejected: Sequence[Rejected],
    dropped: Collection[InteractionKey] = frozenset(),
) -> WorkResult:
    """Rewrite one interactions file and its findings file.

    Args:
        redone: rows that take the place of stored ones. rejected: those that go to the rejected
            zone. dropped: those that only go.
    """
    entry = current_files(job.snapshot, INTERACTIONS.name)[origin]
    partition = dict(entry.partition)
    again = _again(origin)
    mutation = RowMutation(job.files, job.root, job.snapshot, job.run.run_id)
    gone = {*dropped, *(InteractionKey(r.account_id, r.interaction_id) for r in rejected)}
    new = {key: interaction_row(item.interaction) for key, item in redone.items()}
    mutation.edit_file(
        entry,
        job.rewritten_name(stem_of(origin)),
        change_keys(("account_id", "id"), gone, new),
    )
    forget = change_keys(("account_id", "interaction_id"), gone)
    for file in _findings_of(job, origin) if gone else []:
        mutation.edit_file(file, job.rewritten_name(stem_of(file.path)), forget)
    outcome = Outcome(mutation.added, [f.path for f in mutation.removed])
    rows: list[FindingRow] = sorted(
        (f for r in redone.values() for f in r.findings),
        key=lambda f: (f.account_id, f.interaction_id, f.finding_id),
    )
    if rows:
        place = data_path(FINDINGS.name, partition, job.run.run_id, job.new_name(again))
        outcome.added.append(publish_records(job.files, job.root, place, FINDINGS, partition, rows))
    refused = job.new_name(f"{partition['account_type']}.{partition['day']}.{again}")
    rejects = DeadLetterWriter(
        job.files, job.root, built.keyring, job.run.run_id, job.as_of, refused
    )
    for item in rejected:
        rejects.add(item)
    outcome.added.extend(rejects.publish())
    outcome.counts = count_redacted(list(redone.values()))
    outcome.counts["redone"] = outcome.counts.pop("redacted", 0)
    outcome.counts["redone_rejected"] += len(rejected)
    return WorkResult(outcome, _entries(job, redone, rejected))


def _redo(
    job: RedactJob,
    built: Engines,
    path: str,
    findings_paths: Sequence[str],
    redo: Mapping[InteractionKey, Change],
) -> tuple[dict[InteractionKey, RedactionResult], list[Rejected]]:
    rows = _rows(job, path, "id", redo)
    findings = [row for file in findings_paths for row in _rows(job, file, "interaction_id", redo)]
    jobs: list[DetectionJob] = []
    for row in rows:
        raw = stored_record(row, path)
        change = redo[raw.key]
        own = [
            f
            for f in findings
            if f["interaction_id"] == raw.key.id and f["account_id"] == raw.key.account_id
        ]
        requests = tuple(
            to_stored_offsets(decode_request(r), own, raw.record) for r in change.requests
        )
        floor = MinimumRedaction(
            strongest_mode(change.mode, row["redaction_mode"]),
            frozenset(row["redacted_entities"] or ()),
        )
        language = built.detector.language_of(raw.record.get("language"))
        decision = decide_redaction(
            job.policy, raw, row["account_type"], job.as_of, language, floor, requests
        )
        account = job.accounts.at(raw.key.account_id, raw.called_at)
        jobs.append(
            DetectionJob(
                raw, decision, row["account_type"], str(raw.record.get("agency_id") or ""), account
            )
        )
    done: dict[InteractionKey, RedactionResult] = {}
    rejected: list[Rejected] = []
    for some in slice_jobs(jobs):
        for work, result in redact_jobs(built, some):
            if isinstance(result, Rejected):
                rejected.append(with_content(result, work))
            else:
                done[work.raw.key] = result
    return done, rejected


def _rows(
    job: RedactJob, path: str, column: str, wanted: Mapping[InteractionKey, Change]
) -> list[Row]:
    ids = {key.id for key in wanted}
    with job.files.open(job.files.join(job.root, path)) as source:
        table = pq.read_table(source, filters=[(column, "in", sorted(ids))])
    return [
        row for row in table.to_pylist() if InteractionKey(row["account_id"], row[column]) in wanted
    ]


def _entries(
    job: RedactJob, redone: Mapping[InteractionKey, RedactionResult], rejected: Sequence[Rejected]
) -> list[IndexEntry]:
    """Index entries of rows that were redacted further; one that was rejected keeps a tombstone, so
    that no replay brings it back.
    """
    lost = {InteractionKey(r.account_id, r.interaction_id) for r in rejected}
    stored: dict[InteractionKey, IndexEntry] = {}
    for bucket in sorted({key_bucket(key) for key in (*redone, *lost)}):
        stored.update(read_key_bucket(job.files, job.root, job.snapshot, bucket))
    out = [stored[key]._replace(tombstone=True) for key in sorted(lost)]
    for key, item in sorted(redone.items()):
        entry = stored[key]
        floor = tuple(sorted({*entry.entities, *item.floor}))
        out.append(
            entry._replace(
                mode=item.interaction.mode,
                entities=floor,
                requests=(*entry.requests, *item.requests),
                policy_sha256=job.policy.sha256,
            )
        )
    return out
