"""The load as Beam transforms: chunks to redacted versions by day, and days to files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import apache_beam as beam
from apache_beam.metrics import Metrics

from callveil.schemas.interaction import InteractionKey
from callveil.schemas.outcome import Outcome
from callveil.schemas.pointer import pack_rows, unpack_rows
from callveil.transforms.governance.retention.late_arrivals import LateArrivalFilter
from callveil.transforms.ingest.chunks import InputChunk
from callveil.transforms.jobs.batch.context import RedactJob
from callveil.transforms.jobs.batch.ingest_beam import OUTCOMES
from callveil.transforms.jobs.batch.steps import SpreadStep
from callveil.transforms.jobs.batch.store_beam import SUBJECTS, subject_blocks
from callveil.transforms.jobs.history.load import VersionChunkResult, load_once
from callveil.transforms.jobs.history.merge_days import write_day_once

MARKS = "marks"
"""Tag of the output that carries interactions which `redact` events name."""


class _LoadChunk(SpreadStep):
    """Element: InputChunk. Outputs `(day, encoded versions)` and, tagged, packed marks, entries of
    the identifier index, and an encoded Outcome.
    """

    def __init__(self, job: RedactJob, arrivals: LateArrivalFilter | None) -> None:
        self.job, self.arrivals = job, arrivals
        self.seen = Metrics.counter("history", "in")
        self.rejected = Metrics.counter("history", "rejected")
        self.msec = Metrics.distribution("history", "msec")

    def work(self) -> Callable[..., Any]:
        return partial(load_once, self.job, self.arrivals)

    def piece(self, element: InputChunk, side: Any = None) -> tuple[InputChunk]:
        return (element,)

    def results(self, result: VersionChunkResult, msec: int) -> Iterator[Any]:
        outcome = result.outcome
        self.seen.inc(outcome.counts["in"])
        self.rejected.inc(outcome.counts["rejected"])
        self.msec.update(msec)
        yield from result.days.items()
        if result.marks:
            yield beam.pvalue.TaggedOutput(MARKS, pack_rows(result.marks))
        yield from subject_blocks(result.subjects)
        yield beam.pvalue.TaggedOutput(OUTCOMES, outcome.encode())


@dataclass
class LoadChunks(beam.PTransform):  # type: ignore[misc]
    """PCollection[InputChunk] -> `main`: (day, encoded versions), `marks`: packed interaction keys,
    `subjects`, `outcomes`.

    Args:
        arrivals: knows which versions retention has deleted before; None: none.
    """

    job: RedactJob
    arrivals: LateArrivalFilter | None = None

    def expand(self, chunks: beam.PCollection) -> beam.pvalue.DoOutputsTuple:
        """Return one ParDo."""
        return chunks | "Read and redact" >> beam.ParDo(
            _LoadChunk(self.job, self.arrivals)
        ).with_outputs(MARKS, SUBJECTS, OUTCOMES, main="main")


class _WriteDay(SpreadStep):
    """Element: (day, encoded versions). Output: encoded Outcome."""

    def __init__(
        self, job: RedactJob, changed: frozenset[InteractionKey], aged: frozenset[str]
    ) -> None:
        self.job, self.changed, self.aged = job, changed, aged
        self.written = Metrics.counter("history", "out")

    def work(self) -> Callable[..., Any]:
        return partial(write_day_once, self.job, self.changed, self.aged)

    def piece(
        self, element: tuple[str, Iterable[bytes]], side: Any = None
    ) -> tuple[str, list[bytes], frozenset[InteractionKey]]:
        day, found = element
        marked = frozenset(InteractionKey(*row) for block in side for row in unpack_rows(block))
        return day, sorted(block for block in found if block), marked

    def results(self, outcome: Outcome, msec: int) -> Iterator[bytes]:
        self.written.inc(outcome.counts["stored"])
        yield outcome.encode()


@dataclass
class WriteDays(beam.PTransform):  # type: ignore[misc]
    """PCollection[(day, encoded versions)] -> PCollection[encoded Outcome].

    Args:
        marks: packed marks of this run, as a PCollection.
        changed: interactions redacted further since the last run.
        aged: days in which interactions may have reached an age of full redaction since.
    """

    job: RedactJob
    marks: Any
    changed: frozenset[InteractionKey]
    aged: frozenset[str]

    def expand(self, days: beam.PCollection) -> beam.PCollection:
        """Group by day, since a day's files are brought up to date at once."""
        return (
            days
            | "Group by day" >> beam.GroupByKey()
            | "Write day"
            >> beam.ParDo(
                _WriteDay(self.job, self.changed, self.aged), beam.pvalue.AsList(self.marks)
            )
        )
