"""Records redacted some at a time: what is cut from a shard, what comes of it, and the turn that
finding and replacing take.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from callveil.schemas.rejected import Rejected
from callveil.schemas.shard import Shard
from callveil.transforms.detect.batch import detect_batch
from callveil.transforms.detect.detection_result import DetectionJob, DetectionResult
from callveil.transforms.jobs.batch.context import Engines
from callveil.transforms.redact.engine import RedactionResult
from callveil.transforms.redact.until_stable import redact_until_stable
from callveil.transforms.storage.tables.spool import encode_raw_record

SLICE_ROWS = 128
SLICE_CHARS = 1 << 20
"""Records, and about so many characters of them, that are read at a time: what is known of a text
while it is read takes many times its room.
"""


@dataclass(frozen=True)
class RawBatch:
    """A shard's raw records with their decisions, to be read once. It goes from one step to the
    next in memory only, and a few at a time.
    """

    shard: Shard
    jobs: Iterator[DetectionJob | Rejected] = field(repr=False)


@dataclass(frozen=True)
class RedactedBatch:
    """A shard's redacted records with their findings, and those that were rejected on the way."""

    shard: Shard
    redacted: list[RedactionResult] = field(repr=False)
    rejected: list[Rejected] = field(repr=False)


def with_content(rejected: Rejected, job: DetectionJob) -> Rejected:
    """Return a rejection with the record's content attached, for the sealed zone."""
    return replace(rejected, raw=encode_raw_record(job.raw))


def slice_jobs(
    jobs: Iterable[DetectionJob], rows: int = SLICE_ROWS, chars: int = SLICE_CHARS
) -> Iterator[list[DetectionJob]]:
    """Cut a shard's records into runs of at most `rows` records and, one long record apart, about
    `chars` characters.
    """
    pending: list[DetectionJob] = []
    size = 0
    for job in jobs:
        length = len(encode_raw_record(job.raw))
        if pending and (len(pending) >= rows or size + length > chars):
            yield pending
            pending, size = [], 0
        pending.append(job)
        size += length
    if pending:
        yield pending


def redact_jobs(
    built: Engines, jobs: list[DetectionJob]
) -> Iterator[tuple[DetectionJob, RedactionResult | Rejected]]:
    """Find personal data in some records and replace it, with the engines' lock held.

    Yields: each record with its result; those that failed detection first.
    """
    found: list[DetectionResult] = []
    with built.lock:
        for job, item in zip(jobs, detect_batch(built.detector, jobs), strict=True):
            if isinstance(item, Rejected):
                yield job, item
            else:
                found.append(item)
        results = redact_until_stable(built.detector, built.redactor, found)
    yield from ((item.job, result) for item, result in zip(found, results, strict=True))


def redact_raw(built: Engines, batch: RawBatch) -> RedactedBatch:
    """Redact the records of a shard, some at a time."""
    redacted: list[RedactionResult] = []
    rejected: list[Rejected] = []

    def accepted() -> Iterator[DetectionJob]:
        for item in batch.jobs:
            if isinstance(item, Rejected):
                rejected.append(item)
            else:
                yield item

    for jobs in slice_jobs(accepted()):
        for job, result in redact_jobs(built, jobs):
            if isinstance(result, Rejected):
                rejected.append(with_content(result, job))
            else:
                redacted.append(result)
    return RedactedBatch(batch.shard, redacted, rejected)
