"""Detection and redaction as a Beam transform."""

from __future__ import annotations

import pickle
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

import apache_beam as beam
from apache_beam.metrics import Metrics

from callveil.schemas.rejected import Rejected
from callveil.schemas.shard import Shard
from callveil.transforms.detect.batch import Detected, Job, detect_batch
from callveil.transforms.ingest.spool import encode
from callveil.transforms.redact.engine import Redacted
from callveil.transforms.redact.settle import redact_batch
from callveil.transforms.run.job import Engines, RedactJob, engines

SLICE_ROWS = 128
SLICE_CHARS = 1 << 20
"""Records, and about so many characters of them, that are read at a time: what is known of a text while it is read takes many times its room."""


@dataclass(frozen=True)
class RawBatch:
    """A shard's raw records with their decisions, to be read once. It goes from one step to the next in memory only, and a few at a time."""

    shard: Shard
    jobs: Iterator[Job] = field(repr=False)


@dataclass(frozen=True)
class RedactedBatch:
    """A shard's redacted records with their findings, and those that were rejected on the way."""

    shard: Shard
    redacted: list[Redacted] = field(repr=False)
    rejected: list[Rejected] = field(repr=False)


class BatchCoder(beam.coders.Coder):  # type: ignore[misc]
    """Batches go from step to step within one worker, so all that Beam asks of their coder is a size, for its statistics.

    Its own answer would be to pickle some of them, which doubles what a worker holds. Raw records are refused where a runner does mean to move them.
    """

    def encode(self, value: RawBatch | RedactedBatch) -> bytes:
        """Pickle a redacted batch. Raises `TypeError` for a raw one."""
        if isinstance(value, RawBatch):
            raise TypeError("raw records do not leave the worker that read them: this runner does not keep the steps of a shard together")
        return pickle.dumps(value)

    def decode(self, encoded: bytes) -> RedactedBatch:
        """Inverse of `encode`."""
        batch: RedactedBatch = pickle.loads(encoded)  # noqa: S301 - written by the line above, in the same run
        return batch

    def estimate_size(self, value: RawBatch | RedactedBatch) -> int:
        """Bytes of the shard's pointers: small, and at hand."""
        return len(value.shard.rows)

    def is_deterministic(self) -> bool:
        """Not meant to be a key."""
        return False


for _batch in (RawBatch, RedactedBatch):
    beam.coders.registry.register_coder(_batch, BatchCoder)


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


class _Redact(beam.DoFn):  # type: ignore[misc]
    """Element: RawBatch. Output: RedactedBatch. Engines are built once per process, on first use."""

    def __init__(self, job: RedactJob) -> None:
        self.job = job
        self.seen = Metrics.counter("redact", "in")
        self.done = Metrics.counter("redact", "out")
        self.rejected = Metrics.counter("redact", "rejected")
        self.msec = Metrics.distribution("redact", "msec")

    def process(self, batch: RawBatch) -> Iterator[RedactedBatch]:
        started = time.monotonic()
        redacted: list[Redacted] = []
        rejected: list[Rejected] = []
        for jobs in slices(batch.jobs):
            self.seen.inc(len(jobs))
            for job, result in redact_jobs(engines(self.job), jobs):
                if isinstance(result, Rejected):
                    rejected.append(with_content(result, job))
                else:
                    redacted.append(result)
        self.done.inc(len(redacted))
        self.rejected.inc(len(rejected))
        self.msec.update(int((time.monotonic() - started) * 1000))
        yield RedactedBatch(batch.shard, redacted, rejected)


@dataclass
class Redact(beam.PTransform):  # type: ignore[misc]
    """PCollection[RawBatch] -> PCollection[RedactedBatch]. Each conversation is read as a whole.

    Finding and replacing are one step because they take turns: what was replaced is read again until nothing more is found.
    """

    job: RedactJob

    def expand(self, batches: beam.PCollection) -> beam.PCollection:
        """One ParDo."""
        return batches | "Find and replace" >> beam.ParDo(_Redact(self.job)).with_output_types(RedactedBatch)
