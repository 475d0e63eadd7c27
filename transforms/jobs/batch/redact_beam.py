"""Detection and redaction as a Beam transform."""

from __future__ import annotations

import pickle
import time
from collections.abc import Iterator
from dataclasses import dataclass

import apache_beam as beam
from apache_beam.metrics import Metrics

from callveil.transforms.jobs.batch.context import RedactJob, engines_of
from callveil.transforms.jobs.batch.redact_batches import RawBatch, RedactedBatch, redact_raw


class BatchCoder(beam.coders.Coder):  # type: ignore[misc]
    """Batches go from step to step within one worker, so all that Beam asks of their coder is a
    size, for its statistics.

    Its own answer would be to pickle some of them, which doubles what a worker holds. Raw records
    are refused where a runner does mean to move them.
    """

    def encode(self, value: RawBatch | RedactedBatch) -> bytes:
        """Pickle a redacted batch. Raises `TypeError` for a raw one."""
        if isinstance(value, RawBatch):
            raise TypeError(
                "raw records do not leave the worker that read them: this runner does not keep the "
                "steps of a shard together"
            )
        return pickle.dumps(value)

    def decode(self, encoded: bytes) -> RedactedBatch:
        """Return the batch that `encode` pickled."""
        batch: RedactedBatch = pickle.loads(encoded)  # noqa: S301 - written by the line above, in the same run
        return batch

    def estimate_size(self, value: RawBatch | RedactedBatch) -> int:
        """Return the size in bytes of the shard's pointers: small, and at hand."""
        return len(value.shard.rows)

    def is_deterministic(self) -> bool:
        """Not meant to be a key."""
        return False


for _batch in (RawBatch, RedactedBatch):
    beam.coders.registry.register_coder(_batch, BatchCoder)


class _Redact(beam.DoFn):  # type: ignore[misc]
    """Element: RawBatch. Output: RedactedBatch. Engines are built once per process, on first
    use.
    """

    def __init__(self, job: RedactJob) -> None:
        self.job = job
        self.seen = Metrics.counter("redact", "in")
        self.done = Metrics.counter("redact", "out")
        self.rejected = Metrics.counter("redact", "rejected")
        self.msec = Metrics.distribution("redact", "msec")

    def process(self, batch: RawBatch) -> Iterator[RedactedBatch]:
        started = time.monotonic()
        done = redact_raw(engines_of(self.job), batch)
        self.seen.inc(len(done.redacted) + len(done.rejected))
        self.done.inc(len(done.redacted))
        self.rejected.inc(len(done.rejected))
        self.msec.update(int((time.monotonic() - started) * 1000))
        yield done


@dataclass
class RedactBatches(beam.PTransform):  # type: ignore[misc]
    """PCollection[RawBatch] -> PCollection[RedactedBatch]. Each conversation is read as a whole.

    Finding and replacing are one step because they take turns: what was replaced is read again
    until nothing more is found.
    """

    job: RedactJob

    def expand(self, batches: beam.PCollection) -> beam.PCollection:
        """Return one ParDo."""
        return batches | "Find and replace" >> beam.ParDo(_Redact(self.job)).with_output_types(
            RedactedBatch
        )
