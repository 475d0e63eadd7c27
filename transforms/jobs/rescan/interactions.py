"""A file of interactions read again, and rewritten where more was found in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow.parquet as pq

from callveil.schemas.interaction import InteractionKey
from callveil.schemas.rejected import RETRYABLE, Rejected
from callveil.schemas.subject_index import SubjectEntry
from callveil.transforms.detect.detection_result import DetectionJob
from callveil.transforms.jobs.batch.changes import replace_rows
from callveil.transforms.jobs.batch.context import Engines, RedactJob
from callveil.transforms.jobs.batch.redact_batches import with_content
from callveil.transforms.jobs.rescan.again import EarlierPolicies, job_of, read_again
from callveil.transforms.jobs.rescan.report import (
    INTERACTIONS,
    RescanNotes,
    TaskResult,
    UnreadableRow,
    count_row,
    count_unread,
)
from callveil.transforms.redact.engine import RedactionResult
from callveil.transforms.redact.reredact import stored_record
from callveil.transforms.storage.format1.live import Live
from callveil.transforms.storage.identity.record_identifiers import (
    OTHER,
    interaction_ref,
    make_subject_entries,
    record_token,
)
from callveil.transforms.storage.index.identifier_index import lookup_entries
from callveil.transforms.storage.tables.key_index import IndexEntry, current_files

BATCH_ROWS = 100


def rescan_file(job: RedactJob, built: Engines, origin: str) -> TaskResult:
    """Read one interactions file again and, unless the run only looks, cover what was found.

    Args:
        origin: the file's first name; see `store.index.origin_of`.

    Memory holds the rows in which something was found, at most those of one file.
    """
    entry = current_files(job.snapshot, INTERACTIONS)[origin]
    counts: Counter[str] = Counter({"in": entry.rows, f"in.{INTERACTIONS}": entry.rows})
    redone: dict[InteractionKey, RedactionResult] = {}
    rejected: list[Rejected] = []
    audible: list[InteractionKey] = []
    live = Live(job.files, job.root)
    for one, item in read_again(built, _jobs(job, built, entry.path, EarlierPolicies(job), counts)):
        if isinstance(item, Rejected):
            rejected.append(with_content(item, one))
            continue
        redone[one.raw.key] = item.result
        count_row(counts, INTERACTIONS, item.found)
        if item.is_heard and is_audible(live, one.raw.key):
            audible.append(one.raw.key)
    unread = [
        UnreadableRow(INTERACTIONS, r.account_id, r.interaction_id, r.reason) for r in rejected
    ]
    rejected = [r for r in rejected if r.reason not in RETRYABLE]  # the next rescan may read them
    done = TaskResult(notes=RescanNotes(unread, sorted(audible)))
    if (redone or rejected) and not job.scratch:
        written = replace_rows(job, built, origin, redone, rejected)
        done.outcome, done.index = written.outcome, written.index
        done.subjects = list(_people(job, built, redone, done.index))
    done.outcome.counts.update(counts)
    count_unread(done.outcome, unread)
    return done


def is_audible(live: Live, key: InteractionKey) -> bool:
    """Tell whether the live zone has a redacted recording, in which what was not found can be
    heard.
    """
    receipt = live.receipt(key, "audio")
    return receipt is not None and receipt.get("status") == "done"


def _jobs(
    job: RedactJob, built: Engines, path: str, earlier: EarlierPolicies, counts: Counter[str]
) -> Iterator[tuple[DetectionJob, Mapping[str, Any]]]:
    with job.files.open(job.files.join(job.root, path)) as source:
        for batch in pq.ParquetFile(source, page_checksum_verification=True).iter_batches(
            BATCH_ROWS
        ):
            for row in batch.to_pylist():
                one = job_of(job, built, stored_record(row, path), row, earlier)
                counts["account_unknown"] += one.account is None
                yield one, row


def _people(
    job: RedactJob,
    built: Engines,
    redone: Mapping[InteractionKey, RedactionResult],
    index: Sequence[IndexEntry],
) -> Iterator[SubjectEntry]:
    """Yield entries of the identifier index for what texts no longer show, beside those it holds.

    Without them a person could not be found any more by a number that was covered late.
    """
    for stored in index:
        found = redone.get(stored.key)
        said = [link for link in found.people if link.role == OTHER] if found else []
        if found is None or not said:
            continue
        token = record_token(built.keyring, interaction_ref(stored.key))
        held = [
            e
            for e in lookup_entries(job.files, job.root, job.snapshot, {token})
            if e.digest == stored.digest
        ]
        links = {*said, *(link for e in held for link in e.links)}
        yield from make_subject_entries(
            built.keyring,
            interaction_ref(stored.key),
            found.interaction.day,
            stored.digest,
            sorted(links),
        )
