"""Ingest as a Beam transform: input chunks to the encrypted spool, pointers to what lies there, and
rejections.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import apache_beam as beam
from apache_beam.metrics import Metrics

from callveil.transforms.ingest.chunks import InputChunk
from callveil.transforms.jobs.batch.context import RedactJob
from callveil.transforms.jobs.batch.ingest_chunk import ingest_once
from callveil.transforms.jobs.batch.steps import SpreadStep
from callveil.transforms.jobs.batch.work_results import ChunkResult

OUTCOMES = "outcomes"
"""Tag of the output that carries `Outcome`s, in every transform of the job."""


class _IngestChunk(SpreadStep):
    """Element: InputChunk. Outputs `(bucket, packed pointers)` and, tagged, an encoded Outcome."""

    def __init__(self, job: RedactJob) -> None:
        self.job = job
        self.seen = Metrics.counter("ingest", "in")
        self.rejected = Metrics.counter("ingest", "rejected")
        self.msec = Metrics.distribution("ingest", "msec")

    def work(self) -> Callable[..., Any]:
        return partial(ingest_once, self.job)

    def piece(self, element: InputChunk, side: Any = None) -> tuple[InputChunk]:
        return (element,)

    def results(self, result: ChunkResult, msec: int) -> Iterator[Any]:
        counts = result.outcome.counts
        self.seen.inc(counts["in"])
        self.rejected.inc(counts["rejected"])
        self.msec.update(msec)
        for bucket, blocks in result.buckets.items():
            for block in blocks:
                yield int(bucket), block
        yield beam.pvalue.TaggedOutput(OUTCOMES, result.outcome.encode())


@dataclass
class IngestChunks(beam.PTransform):  # type: ignore[misc]
    """PCollection[InputChunk] -> `main`: PCollection[(bucket, packed pointers)], `outcomes`:
    PCollection[bytes].
    """

    job: RedactJob

    def expand(self, chunks: beam.PCollection) -> beam.pvalue.DoOutputsTuple:
        """Return one ParDo."""
        return chunks | "Read chunk" >> beam.ParDo(_IngestChunk(self.job)).with_outputs(
            OUTCOMES, main="main"
        )
