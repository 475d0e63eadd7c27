"""Redaction as a Beam transform."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import apache_beam as beam
from apache_beam.metrics import Metrics

from callveil.schemas.rejected import Rejected
from callveil.schemas.shard import Shard
from callveil.transforms.detect.transform import DetectedBatch, with_content
from callveil.transforms.redact.engine import Redacted
from callveil.transforms.redact.settle import redact_batch
from callveil.transforms.run.job import RedactJob, engines


@dataclass(frozen=True)
class RedactedBatch:
    """A shard's redacted records with their findings, and those that were rejected on the way."""

    shard: Shard
    redacted: list[Redacted] = field(repr=False)
    rejected: list[Rejected] = field(repr=False)


class _Redact(beam.DoFn):  # type: ignore[misc]
    """Element: DetectedBatch. Output: RedactedBatch."""

    def __init__(self, job: RedactJob) -> None:
        self.job = job
        self.done = Metrics.counter("redact", "out")
        self.rejected = Metrics.counter("redact", "rejected")
        self.msec = Metrics.distribution("redact", "msec")

    def process(self, batch: DetectedBatch) -> Iterator[RedactedBatch]:
        started = time.monotonic()
        built = engines(self.job)
        redacted: list[Redacted] = []
        rejected = list(batch.rejected)
        with built.lock:
            results = redact_batch(built.detector, built.redactor, batch.detected)
        for detected, result in zip(batch.detected, results, strict=True):
            if isinstance(result, Rejected):
                rejected.append(with_content(result, detected.job))
            else:
                redacted.append(result)
        self.done.inc(len(redacted))
        self.rejected.inc(len(rejected) - len(batch.rejected))
        self.msec.update(int((time.monotonic() - started) * 1000))
        yield RedactedBatch(batch.shard, redacted, rejected)


@dataclass
class Redact(beam.PTransform):  # type: ignore[misc]
    """PCollection[DetectedBatch] -> PCollection[RedactedBatch]."""

    job: RedactJob

    def expand(self, batches: beam.PCollection) -> beam.PCollection:
        """One ParDo."""
        return batches | "Replace what was found" >> beam.ParDo(_Redact(self.job))
