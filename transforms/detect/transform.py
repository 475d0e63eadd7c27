"""Detection as a Beam transform."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import apache_beam as beam
from apache_beam.metrics import Metrics

from callveil.schemas.rejected import Rejected
from callveil.schemas.shard import Shard
from callveil.transforms.detect.batch import Detected, Job, detect_batch
from callveil.transforms.ingest.spool import encode
from callveil.transforms.run.job import RedactJob, engines


@dataclass(frozen=True)
class RawBatch:
    """A shard's raw records with their decisions. Held in memory only."""

    shard: Shard
    jobs: list[Job] = field(repr=False)


@dataclass(frozen=True)
class DetectedBatch:
    """A shard's records with what was found in them, and those that could not be read."""

    shard: Shard
    detected: list[Detected] = field(repr=False)
    rejected: list[Rejected] = field(repr=False)


def with_content(rejected: Rejected, job: Job) -> Rejected:
    """A rejection with the record's content attached, for the sealed zone."""
    return replace(rejected, raw=encode(job.raw))


class _Detect(beam.DoFn):  # type: ignore[misc]
    """Element: RawBatch. Output: DetectedBatch. Engines are built once per process, on first use."""

    def __init__(self, job: RedactJob) -> None:
        self.job = job
        self.seen = Metrics.counter("detect", "in")
        self.rejected = Metrics.counter("detect", "rejected")
        self.msec = Metrics.distribution("detect", "msec")

    def process(self, batch: RawBatch) -> Iterator[DetectedBatch]:
        started = time.monotonic()
        built = engines(self.job)
        found: list[Detected] = []
        rejected: list[Rejected] = []
        with built.lock:
            for job, item in zip(batch.jobs, detect_batch(built.detector, batch.jobs), strict=True):
                if isinstance(item, Rejected):
                    rejected.append(with_content(item, job))
                else:
                    found.append(item)
        self.seen.inc(len(batch.jobs))
        self.rejected.inc(len(rejected))
        self.msec.update(int((time.monotonic() - started) * 1000))
        yield DetectedBatch(batch.shard, found, rejected)


@dataclass
class Detect(beam.PTransform):  # type: ignore[misc]
    """PCollection[RawBatch] -> PCollection[DetectedBatch]. Each conversation is read as a whole."""

    job: RedactJob

    def expand(self, batches: beam.PCollection) -> beam.PCollection:
        """One ParDo."""
        return batches | "Find personal data" >> beam.ParDo(_Detect(self.job))
