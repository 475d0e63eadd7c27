"""Reading shards from the spool, and writing redacted ones to the store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from callveil.schemas.outcome import Outcome
from callveil.schemas.pointer import RecordPointer, unpack_rows
from callveil.schemas.rejected import Rejected
from callveil.schemas.request import decode_request
from callveil.schemas.shard import Shard
from callveil.schemas.subject_index import SubjectEntry
from callveil.transforms.detect.decision import MinimumRedaction, decide_redaction
from callveil.transforms.detect.detection_result import DetectionJob
from callveil.transforms.ingest.deduplicate import DROP, Change
from callveil.transforms.jobs.batch.context import Engines, RedactJob, WorkCache, engines_of
from callveil.transforms.jobs.batch.redact_batches import RawBatch, RedactedBatch, redact_raw
from callveil.transforms.jobs.batch.work_results import WorkResult
from callveil.transforms.redact.engine import RedactionResult
from callveil.transforms.storage.format1.snapshot import data_path
from callveil.transforms.storage.identity.record_identifiers import interaction_ref
from callveil.transforms.storage.identity.record_identifiers import (
    make_subject_entries as subject_entries,
)
from callveil.transforms.storage.tables.dead_letters import DeadLetterWriter, KnownDeadLetters
from callveil.transforms.storage.tables.key_index import IndexEntry
from callveil.transforms.storage.tables.parquet import FINDINGS, INTERACTIONS, publish_records
from callveil.transforms.storage.tables.spool import (
    SpoolReader,
    decode_raw_record,
    encode_raw_record,
)


def read_shard(job: RedactJob, built: Engines, shard: Shard) -> Iterator[DetectionJob | Rejected]:
    """Raw records of a shard, each with the decision how it is redacted, in the shard's order. Each
    is decoded when it is asked for.

    A record nothing can be decided for comes as its rejection.
    """
    chosen = shard.chosen()
    reader = SpoolReader(job.files, job.work, built.keyring, job.run.run_id)
    held = dict(reader.encoded([c.pointer for c in chosen]))
    for row in chosen:
        raw = decode_raw_record(held.pop(row.pointer))
        try:
            language = built.detector.language_of(row.pointer.language or None)
            requests = tuple(decode_request(r) for r in row.requests)
            floor = MinimumRedaction(row.floor_mode, frozenset(row.floor_entities))
            decision = decide_redaction(
                job.policy, raw, shard.account_type, job.as_of, language, floor, requests
            )
            item: DetectionJob | Rejected = DetectionJob(
                raw,
                decision,
                shard.account_type,
                row.pointer.agency_id,
                job.accounts.at(raw.key.account_id, raw.called_at),
            )
        except Exception as e:  # noqa: BLE001 - one record that hits a fault of ours must not end the run; it is refused and counted
            detail = f"{type(e).__name__} while it was decided what is redacted; please report this"
            item = Rejected(
                raw.source, "redact", "internal_error", detail, "", encode_raw_record(raw), *raw.key
            )
        yield item


def redact_shard(job: RedactJob, shard: Shard) -> WorkResult:
    """Read, redact and write a shard; gives what `write_shard` does, done or remembered."""

    def work() -> WorkResult:
        built = engines_of(job)
        raw = RawBatch(shard, read_shard(job, built, shard))
        return write_shard(job, built, redact_raw(built, raw))

    return WorkCache(job, "shards", WorkResult).once(shard.digest, work, shard=shard.number)


def write_shard(job: RedactJob, built: Engines, batch: RedactedBatch) -> WorkResult:
    """Publish a shard's interactions, findings and rejections as files.

    Every stored row that a written one replaces is to go; where the new snapshot was rejected, it
    stays.
    """
    shard = batch.shard
    partition = {"account_type": shard.account_type, "day": shard.day}
    name = job.new_name(f"{shard.number:06d}")
    outcome = Outcome()
    path = data_path(INTERACTIONS.name, partition, job.run.run_id, name)
    if batch.redacted:
        outcome.added.append(
            publish_records(
                job.files,
                job.target,
                path,
                INTERACTIONS,
                partition,
                sorted((r.interaction for r in batch.redacted), key=interaction_order),
            )
        )
        findings = sorted(
            (row for r in batch.redacted for row in r.findings),
            key=lambda f: (f.account_id, f.interaction_id, f.finding_id),
        )
        if findings:
            outcome.added.append(
                publish_records(
                    job.files,
                    job.target,
                    data_path(FINDINGS.name, partition, job.run.run_id, name),
                    FINDINGS,
                    partition,
                    findings,
                )
            )
    before = KnownDeadLetters(job.files, job.root, job.snapshot, built.keyring)
    work = f"redact.{shard.account_type}.{shard.day}.{name}"
    rejects = DeadLetterWriter(
        job.files, job.target, built.keyring, job.run.run_id, job.as_of, work, before
    )
    for rejected in batch.rejected:
        rejects.add(rejected)
    outcome.added.extend(rejects.publish())
    outcome.counts = count_redacted(batch.redacted)
    outcome.counts["rejected"] += len(batch.rejected)
    if rejects.repeated:
        outcome.counts["rejected_before"] += rejects.repeated
    outcome.counts.update({f"reason.{reason}": n for reason, n in rejects.reasons.items()})
    chosen = {c.pointer.key: c for c in shard.chosen()}
    entries = [
        key_index_entry(chosen[r.interaction.key].pointer, r, path, job) for r in batch.redacted
    ]
    changes = [
        Change(chosen[key].replaces, *key, DROP)
        for r in batch.redacted
        if chosen[key := r.interaction.key].replaces
    ]
    outcome.counts["replaced"] = len(changes)
    people = [
        e
        for r in batch.redacted
        for e in identifier_entries(chosen[r.interaction.key].pointer, r, built)
    ]
    return WorkResult(outcome, entries, people, changes)


def identifier_entries(
    pointer: RecordPointer, item: RedactionResult, built: Engines
) -> list[SubjectEntry]:
    """Return the identifier index' entries of a redacted interaction."""
    return subject_entries(
        built.keyring,
        interaction_ref(pointer.key),
        item.interaction.day,
        pointer.digest,
        item.people,
    )


def interaction_order(interaction: Any) -> tuple[str, Any, str]:
    """Order of interactions in a file: account, time, id."""
    return interaction.key.account_id, interaction.called_at, interaction.key.id


def count_redacted(redacted: list[RedactionResult]) -> Counter[str]:
    """Return counts of what was redacted."""
    counts: Counter[str] = Counter()
    for item in redacted:
        counts["redacted"] += 1
        counts[f"kind.{item.interaction.kind}"] += 1
        counts[f"mode.{item.interaction.mode}"] += 1
        counts["findings"] += len(item.findings)
        counts.update(f"held.{name}" for name in item.held)
        for row in item.findings:
            counts[
                f"{'finding' if row.finding.status == 'done' else 'kept'}.{row.finding.entity_type}"
            ] += row.finding.count
    return counts


def key_index_entry(
    pointer: RecordPointer, item: RedactionResult, path: str, job: RedactJob
) -> IndexEntry:
    """Return the key index' entry of a redacted interaction."""
    return IndexEntry(
        pointer.account_id,
        pointer.id,
        pointer.rank,
        pointer.digest,
        pointer.called_us,
        pointer.kind,
        pointer.language,
        pointer.account_type,
        pointer.agency_id,
        path,
        item.interaction.mode,
        item.floor,
        item.requests,
        job.policy.sha256,
    )


def write_entries(
    job: RedactJob,
    read: Callable[[list[Any]], Any],
    write: Callable[..., tuple[Any, list[Any]]],
    bucket: int,
    blocks: list[bytes],
) -> bytes:
    """Write entries of one bucket of an index; gives an encoded Outcome."""
    entries = [read(row) for block in blocks for row in unpack_rows(block)]
    added, removed = write(job.files, job.root, job.snapshot, job.run.run_id, bucket, entries)
    return Outcome([added] if added else [], [f.path for f in removed]).encode()
