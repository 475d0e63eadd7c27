"""The load as Beam transforms: chunks to redacted versions by day, and days to files."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
from apache_beam.metrics import Metrics

from callveil.schemas.interaction import InteractionKey
from callveil.schemas.outcome import Outcome
from callveil.schemas.pointer import pack, unpack
from callveil.transforms.history.days import write_day
from callveil.transforms.history.expired import Arrivals
from callveil.transforms.history.load import load_chunk
from callveil.transforms.ingest.chunks import InputChunk
from callveil.transforms.ingest.transform import OUTCOMES
from callveil.transforms.run.job import Checkpoint, RedactJob, engines
from callveil.transforms.run.transform import SUBJECTS, subject_blocks

MARKS = "marks"
"""Tag of the output that carries interactions which `redact` events name."""


class _LoadChunk(beam.DoFn):  # type: ignore[misc]
    """Element: InputChunk. Outputs `(day, encoded versions)` and, tagged, packed marks, entries of the identifier index, and an encoded Outcome."""

    def __init__(self, job: RedactJob, arrivals: Arrivals | None) -> None:
        self.job, self.arrivals = job, arrivals
        self.seen = Metrics.counter("history", "in")
        self.rejected = Metrics.counter("history", "rejected")
        self.msec = Metrics.distribution("history", "msec")

    def process(self, chunk: InputChunk) -> Iterator[Any]:
        started = time.monotonic()
        checkpoint = Checkpoint(self.job, "ingest")
        name = f"{chunk.ordinal:06d}-{hashlib.sha256(repr((chunk, self.job.snapshot.manifest_sha256)).encode()).hexdigest()[:16]}"
        result = checkpoint.load(name)
        if result is None:
            result = load_chunk(self.job, engines(self.job), chunk, self.arrivals)
            checkpoint.store(name, result)
        outcome = Outcome.from_dict(result["outcome"])
        self.seen.inc(outcome.counts["in"])
        self.rejected.inc(outcome.counts["rejected"])
        self.msec.update(int((time.monotonic() - started) * 1000))
        for day, packed in result["days"].items():
            yield day, base64.b64decode(packed)
        if result["marks"]:
            yield beam.pvalue.TaggedOutput(MARKS, pack(result["marks"]))
        yield from subject_blocks(result["subjects"])
        yield beam.pvalue.TaggedOutput(OUTCOMES, outcome.encode())


@dataclass
class LoadChunks(beam.PTransform):  # type: ignore[misc]
    """PCollection[InputChunk] -> `main`: (day, encoded versions), `marks`: packed interaction keys, `subjects`, `outcomes`.

    Args:
        arrivals: knows which versions retention has deleted before; None: none.
    """

    job: RedactJob
    arrivals: Arrivals | None = None

    def expand(self, chunks: beam.PCollection) -> beam.pvalue.DoOutputsTuple:
        """One ParDo."""
        return chunks | "Read and redact" >> beam.ParDo(_LoadChunk(self.job, self.arrivals)).with_outputs(MARKS, SUBJECTS, OUTCOMES, main="main")


class _WriteDay(beam.DoFn):  # type: ignore[misc]
    """Element: (day, encoded versions). Output: encoded Outcome."""

    def __init__(self, job: RedactJob, changed: frozenset[InteractionKey], aged: frozenset[str]) -> None:
        self.job, self.changed, self.aged = job, changed, aged
        self.written = Metrics.counter("history", "out")

    def process(self, element: tuple[str, Iterable[bytes]], marks: list[bytes]) -> Iterator[bytes]:
        day, found = element
        blocks = sorted(block for block in found if block)
        marked = frozenset(InteractionKey(*row) for block in marks for row in unpack(block))
        checkpoint = Checkpoint(self.job, "days")
        facts = hashlib.sha256(repr((sorted(marked), sorted(self.changed), sorted(self.aged), self.job.snapshot.manifest_sha256)).encode())
        for block in blocks:
            facts.update(hashlib.sha256(block).digest())
        name = f"{day}-{facts.hexdigest()[:24]}"
        result = checkpoint.load(name)
        if result is None:
            result = write_day(self.job, engines(self.job), day, blocks, marked, self.changed, day in self.aged)
            checkpoint.store(name, result)
        outcome = Outcome.from_dict(result)
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
            | "Write day" >> beam.ParDo(_WriteDay(self.job, self.changed, self.aged), beam.pvalue.AsList(self.marks))
        )
