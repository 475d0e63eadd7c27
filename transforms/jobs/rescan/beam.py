"""The rescan as Beam transforms: pieces of a store read again, each by itself."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import apache_beam as beam
import msgspec
from apache_beam.metrics import Metrics

from callveil.transforms.jobs.batch.context import RedactJob, WorkCache, engines_of
from callveil.transforms.jobs.batch.ingest_beam import OUTCOMES
from callveil.transforms.jobs.batch.steps import SpreadStep
from callveil.transforms.jobs.batch.store_beam import CHANGES, INDEX, SUBJECTS, results_of
from callveil.transforms.jobs.rescan import interactions, live, versions
from callveil.transforms.jobs.rescan.report import (
    INTERACTIONS,
    LIVE,
    VERSIONS,
    RescanNotes,
    TaskResult,
)
from callveil.transforms.storage.format1.live import Live
from callveil.transforms.storage.tables.key_index import current_files

STAGE = "rescan"
NOTES = "notes"
RECORDS = 100
"""Records of the live zone that are one piece of work."""


@dataclass(frozen=True)
class RescanTask:
    """A piece of a store.

    Attributes:
        zone: one of `report.ZONES`.
        names: the first name of a file of interactions, the path of one of versions, or URLs of
            receipts.
    """

    zone: str
    names: tuple[str, ...]


def list_tasks(job: RedactJob) -> list[RescanTask]:
    """Return all there is to read in a store, in order. Memory: the URLs of the live zone's
    records.
    """
    out = [
        RescanTask(INTERACTIONS, (origin,))
        for origin in sorted(current_files(job.snapshot, INTERACTIONS))
    ]
    out += [RescanTask(VERSIONS, (f.path,)) for f in sorted(job.snapshot.by_dataset(VERSIONS))]
    zone = Live(job.files, job.root)
    try:
        urls = sorted(
            info.url
            for info in job.files.list(zone.url("calls"))
            if info.url.endswith("/record.json")
        )
    except FileNotFoundError:
        urls = []
    return out + [
        RescanTask(LIVE, tuple(urls[n : n + RECORDS])) for n in range(0, len(urls), RECORDS)
    ]


def run_task(job: RedactJob, piece: RescanTask) -> TaskResult:
    """Read one piece again; returns what `rescan_file` or `rescan_records` does."""
    built = engines_of(job)
    if piece.zone == INTERACTIONS:
        return interactions.rescan_file(job, built, piece.names[0])
    if piece.zone == VERSIONS:
        (entry,) = [f for f in job.snapshot.by_dataset(VERSIONS) if f.path == piece.names[0]]
        return versions.rescan_file(job, built, entry)
    return live.rescan_records(job, built, piece.names, f"live.{_digest(piece.names)[:16]}")


def _digest(*facts: Any) -> str:
    return hashlib.sha256(repr(facts).encode()).hexdigest()


def _rescan(job: RedactJob, piece: RescanTask) -> TaskResult:
    """Return what `run_task` gives, done or remembered."""
    name = _digest(piece, job.snapshot.manifest_sha256)[:24]
    return WorkCache(job, STAGE, TaskResult).once(name, lambda: run_task(job, piece))


class _Rescan(SpreadStep):
    """Element: Piece. Outputs, tagged: entries of both indexes by bucket, an Outcome, and notes."""

    def __init__(self, job: RedactJob) -> None:
        self.job = job
        self.seen = Metrics.counter("rescan", "in")

    def work(self) -> Callable[..., Any]:
        return partial(_rescan, self.job)

    def piece(self, element: RescanTask, side: Any = None) -> tuple[RescanTask]:
        return (element,)

    def results(self, result: TaskResult, msec: int) -> Iterator[Any]:
        self.seen.inc(result.outcome.counts["in"])
        yield from results_of(result)
        yield beam.pvalue.TaggedOutput(NOTES, msgspec.json.encode(result.notes))


@dataclass
class RescanStore(beam.PTransform):  # type: ignore[misc]
    """PCollection[Piece] -> `index`, `subjects`, `outcomes`, `notes`."""

    job: RedactJob

    def expand(self, found: beam.PCollection) -> beam.pvalue.DoOutputsTuple:
        """Return one ParDo: no piece knows of another."""
        tags = (INDEX, SUBJECTS, CHANGES, OUTCOMES, NOTES)
        return found | "Read again" >> beam.ParDo(_Rescan(self.job)).with_outputs(
            *tags, main="main"
        )


def merge_notes(texts: Sequence[bytes]) -> RescanNotes:
    """Return the notes of all pieces as one, in order and each once."""
    out = RescanNotes()
    for text in texts:
        notes = msgspec.json.decode(text, type=RescanNotes)
        out.unread += notes.unread
        out.audible += notes.audible
        out.receipts += notes.receipts
    out.receipts.sort(key=lambda pair: (pair[1]["account_id"], pair[1]["id"]))
    out.unread, out.audible = sorted(set(out.unread)), sorted(set(out.audible))
    return out
