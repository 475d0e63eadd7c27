"""The watch job: recordings and their records are redacted as they arrive, on a runner that
streams, or once over what is there.
"""

from __future__ import annotations

import datetime as dt
import os
import shutil
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import apache_beam as beam
from apache_beam.io.unbounded_source import ReadFromUnboundedSource
from apache_beam.options.pipeline_options import PipelineOptions

from callveil.pipelines.local_runner import local_runner
from callveil.pipelines.logs import tell
from callveil.pipelines.tethered import tethered_prism
from callveil.schemas.account import AccountBook
from callveil.schemas.arrival import Arrival
from callveil.schemas.errors import UserError
from callveil.schemas.policy import Policy
from callveil.transforms.ingest.accounts import read_accounts
from callveil.transforms.ingest.discover import refuse_overlap, refuse_store_above
from callveil.transforms.jobs.streaming.beam import WatchRecordings
from callveil.transforms.jobs.streaming.context import WatchJob
from callveil.transforms.jobs.streaming.folder_source import (
    FolderSource,
    list_arrivals,
    unsettled_arrivals,
)
from callveil.transforms.jobs.streaming.object_names import RecordingNaming
from callveil.transforms.jobs.streaming.read_object import RejectMessage
from callveil.transforms.jobs.streaming.sqs import Queue
from callveil.transforms.jobs.streaming.sqs_source import (
    PATIENCE,
    QueueSource,
    ReadQueue,
    acknowledge_settled,
    drain_queue,
    hold_messages,
)
from callveil.transforms.redact.audio.transcribe import RecogniserMissing, recogniser_of
from callveil.transforms.storage.checkpoints.live_checkpoint import write_checkpoint
from callveil.transforms.storage.checkpoints.store_identity import (
    compare_inbox,
    keyring_for,
    open_or_claim,
    open_to_change,
)
from callveil.transforms.storage.commit.catalog import StoreError
from callveil.transforms.storage.encryption.keyring import KeyringError
from callveil.transforms.storage.files.filesystem import Files, PreconditionFailed
from callveil.transforms.storage.files.urls import has_magic
from callveil.transforms.storage.format1.live import Live, Settled
from callveil.transforms.storage.format1.snapshot import CONTROL
from callveil.transforms.storage.index.identity_markers import note_new_zone

PRISM = "CALLVEIL_PRISM"
"""Path of the Prism binary; else `prism` on the PATH or in build/go, where deploy/prism.sh puts it.
"""

WHOLE_KEYS = "--experiments=prism_disable_sdf_split"
"""Prism 2.77.0 splits bundles of stateful steps too. Where the cut falls between two elements of
one key it runs both parts at once, and the second does not see what the first wrote into the key's
state: a recording and its record each wait for the other (deploy/RUNNERS.md).
"""

PRISM_SOURCE = "github.com/apache/beam/sdks/v2/go/cmd/prism@v2.77.0"


REJECTIONS = ("rejected", "audio.rejected", "record.rejected")
"""Counters of what was rejected: while it was read, and while it was redacted."""


@dataclass(frozen=True)
class WatchOptions:
    """Settings of the job.

    Attributes:
        places: folders or globs that grow, local or `s3://`.
        queue: an SQS queue with S3's event notifications.
        prefixes: only objects of the queue's whose URL begins with one of these; none means all.
        output: root of the store.
        policy, accounts, keyring, files: as for `callveil redact`.
        naming: how recordings are named.
        recogniser: see `WatchJob`.
        poll: seconds between two looks at a folder or an idle queue.
        beam: Beam options; they name the runner, where it is not the default one.
        tell: seconds between lines on standard error that say what was done.
        seal: seconds between checkpoints of evidence; 0: none are made.
    """

    output: str
    policy: Policy
    places: Sequence[str] = ()
    queue: Queue | None = None
    prefixes: tuple[str, ...] = ()
    accounts: Sequence[str] = ()
    keyring: str | None = None
    files: Files = field(default_factory=Files)
    naming: RecordingNaming = field(default_factory=RecordingNaming)
    recogniser: str = ""
    poll: float = 1.0
    beam: Sequence[str] = ()
    tell: float = 60.0
    seal: float = 300.0


def make_job(options: WatchOptions) -> WatchJob:
    """Return the job, with its store made and its policy kept there. Raises as `run_redact` does
    for the user's input, and `RecogniserMissing`.
    """
    refuse_overlap(options.files, options.places, options.output)
    for place in options.places:
        refuse_store_above(options.files, place)
    if options.policy.recordings.without_transcript == "recognise" and not options.recogniser:
        raise RecogniserMissing(
            "the policy says `without_transcript: recognise`: name with --recogniser what is to "
            "transcribe"
        )
    if options.recogniser:
        recogniser_of(options.recogniser)
    keyring = keyring_for(options.files, options.output, options.keyring)
    for place in (p for p in options.places if not has_magic(p)):
        with suppress(FileNotFoundError, NotADirectoryError):
            compare_inbox(options.files, place, str(keyring.path))
    accounts = AccountBook(
        read_accounts(options.files, list(options.accounts)) if options.accounts else ()
    )
    store = open_or_claim(options.files, options.output, keyring, accounts.controllers())
    with suppress(PreconditionFailed):
        url = store.url(f"{CONTROL}/policies/{options.policy.sha256}.yaml")
        options.files.write(url, options.policy.effective_yaml().encode(), if_none_match=True)
    note_new_zone(Live(options.files, options.output))
    return WatchJob(
        options.policy,
        options.files,
        options.output,
        str(keyring.path),
        accounts,
        options.naming,
        options.recogniser,
    )


def pending_arrivals(options: WatchOptions, now: float) -> list[Arrival]:
    """Return what lies in the folders at `now` and is not settled; nothing is changed. A store that
    is not there yet has settled nothing.
    """
    return (
        unsettled_arrivals(
            Live(options.files, options.output), list_arrivals(options.files, options.places, now)
        )
        if options.places
        else []
    )


def run_once(options: WatchOptions, now: float) -> dict[str, int]:
    """Deal with everything that is there at `now` (seconds since 1970) on the embedded runner, and
    end.

    Returns: counts; `published` and `rejected` are outputs, `waiting` interactions of which a half
        is still waited for.
    """
    job = make_job(options)
    settled = Settled(job.live)
    found = pending_arrivals(options, now)
    if options.queue is None:
        counts = _deal_with(job, found, now, options.beam)
        commit_checkpoint(options)
        return counts
    reject = RejectMessage(job, options.queue.url, now)
    messages = drain_queue(
        options.queue,
        prefixes=options.prefixes,
        settled=settled,
        reject=reject,
        store=options.output,
    )
    with hold_messages(options.queue, messages):
        counts = _deal_with(
            job, [*found, *(a for m in messages for a in m.arrivals)], now, options.beam
        )
    counts |= {
        f"messages.{k}": v for k, v in acknowledge_settled(options.queue, messages, settled).items()
    }
    commit_checkpoint(options)
    return counts


def commit_checkpoint(options: WatchOptions) -> None:
    """Make a checkpoint of evidence of what is new in the live zone, and say on standard error what
    may not be committed to.

    Raises `StoreError` where it cannot be signed.
    """
    if options.seal:
        store, keyring = open_to_change(options.files, options.output, options.keyring)
        for part in write_checkpoint(store, keyring, dt.datetime.now(dt.UTC)).refused:
            tell(f"{part}: not what the last checkpoint commits to; see `callveil evidence verify`")


def _deal_with(
    job: WatchJob, found: Sequence[Arrival], now: float, beam_options: Sequence[str]
) -> dict[str, int]:
    told = {a.object_id: a for a in found}
    if not told:
        return {"arrived": 0}
    pipeline = beam.Pipeline(runner=local_runner(), options=PipelineOptions(list(beam_options)))
    _ = (
        pipeline
        | "Arrivals" >> beam.Create(list(told.values()), reshuffle=True)
        | "Watch" >> WatchRecordings(job, now)
    )
    result = pipeline.run()
    result.wait_until_finish()
    return {"arrived": len(told), **read_counters(result)}


def read_counters(result: object) -> dict[str, int]:
    """Return the job's own counters, by name."""
    found = result.metrics().query(beam.metrics.MetricsFilter().with_namespace("watch"))["counters"]  # type: ignore[attr-defined]
    out: dict[str, int] = {}
    for row in found:
        out[row.key.metric.name] = out.get(row.key.metric.name, 0) + int(row.result)
    return out


def find_prism() -> str | None:
    """Return the path of a Prism binary that is at hand, or None."""
    built = Path(__file__).resolve().parent.parent / "build" / "go" / "prism"
    return (
        os.environ.get(PRISM) or shutil.which("prism") or (str(built) if built.exists() else None)
    )


class NoRunner(UserError, RuntimeError):
    """No runner that streams is at hand."""


def streaming_options(given: Sequence[str]) -> list[str]:
    """Beam options for a streaming run: those given, and Prism in this process where no runner is
    named.

    Raises `NoRunner` where Prism is meant and there is none: Beam would download a binary, or fall
    back to a runner that never gives an output.
    """
    words = ["--streaming", *given]
    named = PipelineOptions(words).get_all_options().get("runner")
    if named not in (None, "PrismRunner"):
        return words
    flags = {w.split("=", 1)[0] for w in given}
    words += [] if named else ["--runner=PrismRunner"]
    words.append(WHOLE_KEYS)
    if "--prism_location" not in flags:
        binary = find_prism()
        if binary is None:
            raise NoRunner(
                "no Prism at hand, the runner that streams on one machine: `go install "
                f"{PRISM_SOURCE}` makes one (deploy/prism.sh does it into "
                f"build/go); put it on the PATH or name it in {PRISM}. Or name another runner with "
                "--runner, or use --once, which needs none"
            )
        words.append(f"--prism_location={binary}")
    return words if "--environment_type" in flags else [*words, "--environment_type=LOOPBACK"]


def build_pipeline(pipeline: beam.Pipeline, job: WatchJob, options: WatchOptions) -> None:
    """Wire the streaming job into `pipeline`."""
    sources = []
    if options.places:
        folder = FolderSource(
            options.files,
            tuple(options.places),
            job.live,
            job.root,
            job.wait + PATIENCE,
            poll=options.poll,
        )
        sources.append(
            pipeline | "Folders" >> ReadFromUnboundedSource(folder, poll_interval=options.poll)
        )
    if options.queue:
        reject = RejectMessage(job, options.queue.url, epoch_seconds())
        queue = QueueSource(
            options.queue,
            Settled(job.live),
            options.prefixes,
            reject,
            patience=job.wait + PATIENCE,
            store=job.root,
        )
        sources.append(pipeline | "Queue" >> ReadQueue(queue, poll_interval=min(options.poll, 0.1)))
    merged = sources[0] if len(sources) == 1 else sources | "All arrivals" >> beam.Flatten()
    _ = merged | "Watch" >> WatchRecordings(job)


def run_forever(options: WatchOptions) -> None:
    """Run the streaming job until it is stopped. Raises whatever ends it."""
    words = streaming_options(
        options.beam
    )  # before anything is made: it may find that no runner is at hand
    job = make_job(options)
    beam_options = PipelineOptions(words)
    on_prism = beam_options.get_all_options()["runner"] == "PrismRunner"
    pipeline = beam.Pipeline(runner=tethered_prism() if on_prism else None, options=beam_options)
    build_pipeline(pipeline, job, options)
    result = pipeline.run()
    threading.Thread(target=_tell, args=(result, options.tell), daemon=True).start()
    if options.seal:
        threading.Thread(target=_commit, args=(options,), daemon=True).start()
    result.wait_until_finish()


def _tell(result: object, every: float) -> None:
    """Say on standard error what was done since the job began, where it has changed. Runs beside
    the job, which it must not disturb.
    """
    told: dict[str, int] = {}
    while True:
        time.sleep(every)
        try:
            counts = read_counters(result)
        except Exception:  # noqa: BLE001, S112 - a runner that cannot say how far it is
            continue
        if counts != told:
            told = counts
            rejected = sum(counts.get(k, 0) for k in REJECTIONS)
            done = (
                f"{counts.get('audio.done', 0):,} recordings and "
                f"{counts.get('record.done', 0):,} records redacted, {rejected:,} rejected"
            )
            tell(f"{done}, {counts.get('replayed', 0):,} known already")


def _commit(options: WatchOptions) -> None:
    """Make checkpoints beside the job, which does not end where one cannot be made: what was
    announced stays announced.
    """
    while True:
        time.sleep(options.seal)
        try:
            commit_checkpoint(options)
        except (StoreError, KeyringError, OSError) as error:
            tell(f"no checkpoint was made: {error}")


def epoch_seconds() -> float:
    """Return seconds since 1970."""
    return time.time()
