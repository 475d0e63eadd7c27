"""The store's side of the job as Beam transforms: resolve keys, read and write shards, change
stored rows, write the index.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import apache_beam as beam
from apache_beam.metrics import Metrics

from callveil.schemas.outcome import Outcome
from callveil.schemas.pointer import pack_rows, unpack_pointers, unpack_rows
from callveil.schemas.shard import ChosenSnapshot, Shard, pack_chosen, unpack_chosen
from callveil.schemas.subject_index import SubjectEntry
from callveil.transforms.execution.worker_pool import pool_of
from callveil.transforms.ingest.deduplicate import Change, plan_shards, resolve_bucket
from callveil.transforms.jobs.batch.changes import change_file_once
from callveil.transforms.jobs.batch.context import RedactJob, WorkCache, engines_of
from callveil.transforms.jobs.batch.ingest_beam import OUTCOMES
from callveil.transforms.jobs.batch.redact_batches import RawBatch, RedactedBatch
from callveil.transforms.jobs.batch.shards import (
    read_shard,
    redact_shard,
    write_entries,
    write_shard,
)
from callveil.transforms.jobs.batch.steps import SpreadStep, in_window
from callveil.transforms.jobs.batch.work_results import WorkResult
from callveil.transforms.storage.index.identifier_index import token_bucket as subject_bucket
from callveil.transforms.storage.index.identifier_index import (
    write_identifier_bucket as write_subjects,
)
from callveil.transforms.storage.tables.key_index import (
    IndexEntry,
    key_bucket,
    read_key_bucket,
    write_key_bucket,
)

INDEX, CHANGES, SUBJECTS = "index", "changes", "subjects"


def results_of(result: WorkResult) -> Iterator[Any]:
    """Yield outputs of a finished piece of work: its outcome, entries of both indexes by bucket,
    and changes to stored rows by file.
    """
    by_bucket: dict[int, list[IndexEntry]] = defaultdict(list)
    for entry in result.index:
        by_bucket[key_bucket(entry.key)].append(entry)
    for bucket in sorted(by_bucket):
        yield beam.pvalue.TaggedOutput(INDEX, (bucket, pack_rows(by_bucket[bucket])))
    yield from subject_blocks(result.subjects)
    by_file: dict[str, list[Change]] = defaultdict(list)
    for change in result.changes:
        by_file[change.origin].append(change)
    for origin in sorted(by_file):
        yield beam.pvalue.TaggedOutput(CHANGES, (origin, pack_rows(by_file[origin])))
    yield beam.pvalue.TaggedOutput(OUTCOMES, result.outcome.encode())


def subject_blocks(entries: Iterable[SubjectEntry]) -> Iterator[Any]:
    """Tagged outputs of entries of the identifier index, by bucket."""
    by_bucket: dict[int, list[list[Any]]] = defaultdict(list)
    for entry in entries:
        by_bucket[subject_bucket(entry.token)].append(entry.as_list())
    for bucket in sorted(by_bucket):
        yield beam.pvalue.TaggedOutput(SUBJECTS, (bucket, pack_rows(by_bucket[bucket])))


class _Resolve(beam.DoFn):  # type: ignore[misc]
    """Element: (bucket, packed pointers). Outputs shards' rows by partition and, tagged, changes by
    file and an Outcome.
    """

    def __init__(self, job: RedactJob) -> None:
        self.job = job

    def process(self, element: tuple[int, Iterable[bytes]]) -> Iterator[Any]:
        job = self.job
        bucket, blocks = element
        pointers = [p for block in blocks for p in unpack_pointers(block)]
        requests = {key: asked for key, asked in job.requests.items() if key_bucket(key) == bucket}
        stored = read_key_bucket(job.files, job.root, job.snapshot, bucket)
        result = resolve_bucket(pointers, stored, requests, job.policy, job.as_of)
        partitions: dict[tuple[str, str], list[ChosenSnapshot]] = defaultdict(list)
        for row in result.chosen:
            partitions[row.pointer.partition].append(row)
        for partition in sorted(partitions):
            yield partition, pack_chosen(partitions[partition])
        files: dict[str, list[Change]] = defaultdict(list)
        for change in result.changes:
            files[change.origin].append(change)
        for origin in sorted(files):
            yield beam.pvalue.TaggedOutput(CHANGES, (origin, pack_rows(files[origin])))
        yield beam.pvalue.TaggedOutput(OUTCOMES, Outcome(counts=result.counts).encode())


@dataclass
class ResolveSnapshots(beam.PTransform):  # type: ignore[misc]
    """PCollection[(bucket, packed pointers)] -> `main`: (partition, packed Chosen), `changes`:
    (file, packed Change), `outcomes`.
    """

    job: RedactJob

    def expand(self, pointers: beam.PCollection) -> beam.pvalue.DoOutputsTuple:
        """Group by bucket of keys and resolve each against the index."""
        return (
            pointers
            | "Group by key bucket" >> beam.GroupByKey()
            | "Resolve snapshots"
            >> beam.ParDo(_Resolve(self.job)).with_outputs(CHANGES, OUTCOMES, main="main")
        )


def shards_of(
    job: RedactJob, partition: tuple[str, str], blocks: Iterable[bytes]
) -> Iterator[Shard]:
    """Yield shards of one partition."""
    rows = [row for block in blocks for row in unpack_chosen(block)]
    for number, shard in enumerate(plan_shards(rows, job.shard_rows, job.shard_bytes)):
        yield Shard(*partition, number, pack_chosen(shard))


class _PlanShards(beam.DoFn):  # type: ignore[misc]
    def __init__(self, job: RedactJob) -> None:
        self.job = job

    def process(self, element: tuple[tuple[str, str], Iterable[bytes]]) -> Iterator[Shard]:
        yield from shards_of(self.job, *element)


WAITING = 64
"""Of so many shards the largest goes first to the worker processes, so that none is left with a
large one when the others are done.
"""


class _ReadShard(SpreadStep):
    """Element: Shard. Output: RawBatch, or the results where an earlier attempt at this run
    finished the shard, or a worker process does.
    """

    _waiting: list[tuple[int, Shard]]

    def __init__(self, job: RedactJob) -> None:
        self.job = job
        self.seen, self.done, self.rejected = (
            Metrics.counter("redact", name) for name in ("in", "out", "rejected")
        )
        self.msec = Metrics.distribution("redact", "msec")
        self.written = Metrics.counter("store", "out")

    def work(self) -> Callable[..., Any]:
        return partial(redact_shard, self.job)

    def piece(self, element: Shard, side: Any = None) -> tuple[Shard]:
        return (element,)

    def results(self, result: WorkResult, msec: int) -> Iterator[Any]:
        counts = result.outcome.counts
        redacted, rejected = counts["redacted"], counts["rejected"]
        self.seen.inc(redacted + rejected)
        self.done.inc(redacted)
        self.rejected.inc(rejected)
        self.msec.update(msec)
        self.written.inc(redacted)
        yield from results_of(result)

    def start_bundle(self) -> None:
        """Begin with nothing that waits."""
        self._waiting = []

    def process(self, element: Shard, side: Any = None) -> Iterator[Any]:
        finished = WorkCache(self.job, "shards", WorkResult).load(element.digest)
        if finished is not None:
            yield from results_of(finished)
        elif pool_of(self.job.run.run_id) is None:
            yield RawBatch(element, read_shard(self.job, engines_of(self.job), element))
        else:
            heapq.heappush(self._waiting, (-sum(c.pointer.size for c in element.chosen()), element))
            if len(self._waiting) > WAITING:
                yield from super().process(heapq.heappop(self._waiting)[1])

    def finish_bundle(self) -> Iterator[Any]:
        while self._waiting:
            yield from map(in_window, super().process(heapq.heappop(self._waiting)[1]))
        yield from super().finish_bundle()


@dataclass
class ReadShards(beam.PTransform):  # type: ignore[misc]
    """PCollection[(partition, packed Chosen)] -> `main`: RawBatch; of shards finished before:
    `index`, `subjects`, `changes`, `outcomes`.
    """

    job: RedactJob

    def expand(self, rows: beam.PCollection) -> beam.pvalue.DoOutputsTuple:
        """Group by partition, cut into shards, spread them over the workers, and read each from the
        spool.
        """
        return (
            rows
            | "Group by partition" >> beam.GroupByKey()
            | "Cut into shards" >> beam.ParDo(_PlanShards(self.job))
            | "Spread shards" >> beam.Reshuffle()
            | "Read shard"
            >> beam.ParDo(_ReadShard(self.job))
            .with_output_types(RawBatch)
            .with_outputs(INDEX, SUBJECTS, CHANGES, OUTCOMES, main="main")
        )


class _WriteShard(beam.DoFn):  # type: ignore[misc]
    """Element: RedactedBatch. Outputs, tagged, index entries by bucket and an Outcome."""

    def __init__(self, job: RedactJob) -> None:
        self.job = job
        self.written = Metrics.counter("store", "out")

    def process(self, batch: RedactedBatch) -> Iterator[Any]:
        result = write_shard(self.job, engines_of(self.job), batch)
        WorkCache(self.job, "shards", WorkResult).store(batch.shard.digest, result)
        self.written.inc(len(batch.redacted))
        yield from results_of(result)


@dataclass
class WriteShards(beam.PTransform):  # type: ignore[misc]
    """PCollection[RedactedBatch] -> `index`, `subjects`, `changes`, `outcomes`. Only redacted
    records can be written: the rows' type is checked.
    """

    job: RedactJob

    def expand(self, batches: beam.PCollection) -> beam.pvalue.DoOutputsTuple:
        """Return one ParDo."""
        return batches | "Write shard" >> beam.ParDo(_WriteShard(self.job)).with_outputs(
            INDEX, SUBJECTS, CHANGES, OUTCOMES, main="main"
        )


class _ApplyChanges(SpreadStep):
    def __init__(self, job: RedactJob) -> None:
        self.job = job

    def work(self) -> Callable[..., Any]:
        return partial(change_file_once, self.job)

    def piece(
        self, element: tuple[str, Iterable[bytes]], side: Any = None
    ) -> tuple[str, list[Change]]:
        origin, blocks = element
        return origin, sorted(Change.of(row) for block in blocks for row in unpack_rows(block))

    def results(self, result: WorkResult, msec: int) -> Iterator[Any]:
        yield from results_of(result)

    def process(self, element: tuple[str, Iterable[bytes]], side: Any = None) -> Iterator[Any]:
        if not self.job.scratch:  # a dry run has counted its changes when it resolved the keys
            yield from super().process(element)


@dataclass
class ChangeStored(beam.PTransform):  # type: ignore[misc]
    """PCollection[(file, packed Change)] -> `index`, `outcomes`."""

    job: RedactJob

    def expand(self, changes: beam.PCollection) -> beam.pvalue.DoOutputsTuple:
        """Group by file, since a file is rewritten once."""
        return (
            changes
            | "Group by file" >> beam.GroupByKey()
            | "Rewrite file"
            >> beam.ParDo(_ApplyChanges(self.job)).with_outputs(INDEX, OUTCOMES, main="main")
        )


class _WriteBucket(SpreadStep):
    """Element: (bucket, packed entries). Output: an encoded Outcome.

    Args:
        job: the run.
        read: an entry from its list.
        write: writes one bucket's entries; gives the file it added, if any, and those it removed.
    """

    def __init__(
        self,
        job: RedactJob,
        read: Callable[[list[Any]], Any],
        write: Callable[..., tuple[Any, list[Any]]],
    ) -> None:
        self.job, self.read, self.write = job, read, write

    def work(self) -> Callable[..., Any]:
        return partial(write_entries, self.job, self.read, self.write)

    def piece(
        self, element: tuple[int, Iterable[bytes]], side: Any = None
    ) -> tuple[int, list[bytes]]:
        return element[0], list(element[1])

    def results(self, result: bytes, msec: int) -> Iterator[bytes]:
        yield result

    def process(self, element: tuple[int, Iterable[bytes]], side: Any = None) -> Iterator[Any]:
        if not self.job.scratch:
            yield from super().process(element)


@dataclass
class WriteIndex(beam.PTransform):  # type: ignore[misc]
    """PCollection[(bucket, packed IndexEntry)] -> PCollection[encoded Outcome]."""

    job: RedactJob

    def expand(self, entries: beam.PCollection) -> beam.PCollection:
        """Group by bucket, since a bucket gets one file a run."""
        write = _WriteBucket(self.job, IndexEntry.of, write_key_bucket)
        return (
            entries
            | "Group by index bucket" >> beam.GroupByKey()
            | "Write index" >> beam.ParDo(write)
        )


@dataclass
class WriteSubjects(beam.PTransform):  # type: ignore[misc]
    """PCollection[(bucket, packed SubjectEntry)] -> PCollection[encoded Outcome]."""

    job: RedactJob

    def expand(self, entries: beam.PCollection) -> beam.PCollection:
        """Group by bucket, since a bucket gets one file a run."""
        write = _WriteBucket(self.job, SubjectEntry.of, write_subjects)
        return (
            entries
            | "Group by bucket of identifiers" >> beam.GroupByKey()
            | "Write subjects" >> beam.ParDo(write)
        )
