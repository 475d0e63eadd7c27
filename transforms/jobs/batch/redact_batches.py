"""Records redacted some at a time: what is cut from a shard, what comes of it, and the turn that finding and replacing take."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from callveil.schemas.rejected import Rejected
from callveil.schemas.shard import Shard
from callveil.transforms.detect.batch import Detected, Job, detect_batch
from callveil.transforms.jobs.batch.context import Engines
from callveil.transforms.redact.engine import Redacted
from callveil.transforms.redact.until_stable import redact_batch
from callveil.transforms.storage.tables.spool import encode

SLICE_ROWS = 128
SLICE_CHARS = 1 << 20
"""Records, and about so many characters of them, that are read at a time: what is known of a text while it is read takes many times its room."""


@dataclass(frozen=True)
class RawBatch:
    """A shard's raw records with their decisions, to be read once. It goes from one step to the next in memory only, and a few at a time."""

    shard: Shard
    jobs: Iterator[Job | Rejected] = field(repr=False)


@dataclass(frozen=True)
class RedactedBatch:
    """A shard's redacted records with their findings, and those that were rejected on the way."""

    shard: Shard
    redacted: list[Redacted] = field(repr=False)
    rejected: list[Rejected] = field(repr=False)


def with_content(rejected: Rejected, job: Job) -> Rejected:
    """A rejection with the record's content attached, for the sealed zone."""
    return replace(rejected, raw=encode(job.raw))


def slices(jobs: Iterable[Job], rows: int = SLICE_ROWS, chars: int = SLICE_CHARS) -> Iterator[list[Job]]:
    """Cut a shard's records into runs of at most `rows` records and, one long record apart, about `chars` characters."""
    pending: list[Job] = []
    size = 0
    for job in jobs:
        length = len(encode(job.raw))
        if pending and (len(pending) >= rows or size + length > chars):
            yield pending
            pending, size = [], 0
        pending.append(job)
        size += length
    if pending:
        yield pending


def redact_jobs(built: Engines, jobs: list[Job]) -> Iterator[tuple[Job, Redacted | Rejected]]:
    """Find personal data in some records and replace it, with the engines' lock held.

    Yields: each record with its result; those that failed detection first.
    """
    found: list[Detected] = []
    with built.lock:
        for job, item in zip(jobs, detect_batch(built.detector, jobs), strict=True):
            if isinstance(item, Rejected):
                yield job, item
            else:
                found.append(item)
        results = redact_batch(built.detector, built.redactor, found)
    yield from ((item.job, result) for item, result in zip(found, results, strict=True))


def redact_raw(built: Engines, batch: RawBatch) -> RedactedBatch:
    """Redact the records of a shard, some at a time."""
    redacted: list[Redacted] = []
    rejected: list[Rejected] = []

    def accepted() -> Iterator[Job]:
        for item in batch.jobs:
            if isinstance(item, Rejected):
                rejected.append(item)
            else:
                yield item

    for jobs in slices(accepted()):
        for job, result in redact_jobs(built, jobs):
            if isinstance(result, Rejected):
                rejected.append(with_content(result, job))
            else:
                redacted.append(result)
    return RedactedBatch(batch.shard, redacted, rejected)
