"""The watch pipeline's steps as Beam transforms: arrivals to pieces, pieces joined by key, and what
is ready acted on.
"""

from __future__ import annotations

import logging
import math
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

import apache_beam as beam
from apache_beam.coders import BytesCoder, FloatCoder
from apache_beam.metrics import Metrics
from apache_beam.transforms.timeutil import TimeDomain
from apache_beam.transforms.userstate import (
    BagStateSpec,
    ReadModifyWriteStateSpec,
    TimerSpec,
    on_timer,
)
from apache_beam.transforms.window import GlobalWindows
from apache_beam.utils.timestamp import Timestamp
from apache_beam.utils.windowed_value import WindowedValue

from callveil.schemas.arrival import Arrival
from callveil.transforms.jobs.streaming.context import PublishedOutput, WatchJob
from callveil.transforms.jobs.streaming.halves import InteractionPart, key_text, parse_key_text
from callveil.transforms.jobs.streaming.pair import (
    InteractionParts,
    Why,
    collect_parts,
    due_reason,
    growing_recordings,
    ready_reason,
    settled_at,
    waiting_ends_at,
)
from callveil.transforms.jobs.streaming.read_object import Found, read_arrival
from callveil.transforms.jobs.streaming.redact_and_publish import InteractionPublisher

Clock = Callable[[], float]
"""Seconds since 1970; the one thing here that tells the time. It decides how long is waited, and
nothing about what comes out.
"""

GRACE = 10.0
"""Seconds for which a piece that landed long ago is held all the same: after an outage its other
half may be the next to come.
"""

EARLY = 1.0
"""Seconds by which a timer may fire before its time."""

AT_ONCE = 8
"""Interactions of a bundle that are acted on at once."""

ATTEMPTS = 5
"""How often a piece of work is begun anew where a source or the store did not answer, the pauses
between doubling from half a second. Then the runner takes over: Flink restarts from its checkpoint;
elsewhere the process ends and is started again, and what is not settled comes again.
"""

log = logging.getLogger(__name__)
T = TypeVar("T")


def retry_iter(
    work: Callable[[], Iterable[T]], pause: Callable[[float], None] = time.sleep
) -> Iterator[T]:
    """Yield what `work` gives, one by one; begun anew, and what was given already passed over,
    where it meets an `OSError`, whose last one is raised.

    `work` must give the same again.
    """
    given = 0
    for attempt in range(1, ATTEMPTS + 1):
        try:
            for item in islice(work(), given, None):
                given += 1
                yield item
            return
        except OSError as problem:
            if attempt == ATTEMPTS:
                raise
            log.warning(
                "%s (errno %s); trying again, attempt %d of %d",
                type(problem).__name__,
                problem.errno,
                attempt + 1,
                ATTEMPTS,
            )
            pause(0.25 * 2**attempt)


Ready = tuple[str, tuple[list[bytes], str, float]]
"""Key, pieces, why they are acted on, and when that was decided, seconds since 1970."""


class ReadArrival(beam.DoFn):  # type: ignore[misc]
    """Element: Arrival. Output: (key, encoded Piece)."""

    def __init__(self, job: WatchJob) -> None:
        self.job = job

    def process(self, arrival: Arrival) -> Iterator[tuple[str, bytes]]:
        keyring = self.job.engines().keyring
        counts: Counter[str] = Counter()

        def read() -> Iterator[Found]:
            counts.clear()
            return read_arrival(self.job, keyring, arrival, counts)

        for key, piece in retry_iter(read):
            yield key_text(key), piece.encoded()
        for name, n in counts.items():
            Metrics.counter("watch", name).inc(n)


class JoinByKey(beam.DoFn):  # type: ignore[misc]
    """Element: (key, encoded Piece). Output: `Ready`, when all parts are there or waiting is over,
    and once more when a recording has settled.

    Timers go by processing time: how long is waited is a matter of the wall clock, and a source
    that is idle must not hold it up.
    """

    PIECES = BagStateSpec("pieces", BytesCoder())
    DUE = ReadModifyWriteStateSpec("due", FloatCoder())
    WAIT = TimerSpec("wait", TimeDomain.REAL_TIME)

    def __init__(
        self, wait: float, clock: Clock = time.time, settle: float = 0.0, puts_away: bool = False
    ) -> None:
        self.wait, self.clock, self.settle, self.puts_away = wait, clock, settle, puts_away

    def process(
        self,
        element: tuple[str, bytes],
        pieces: beam.transforms.userstate.AccumulatingRuntimeState = beam.DoFn.StateParam(PIECES),  # noqa: B008 - Beam's way to declare it
        due: beam.transforms.userstate.ReadModifyWriteRuntimeState = beam.DoFn.StateParam(DUE),  # noqa: B008
        timer: beam.transforms.userstate.RuntimeTimer = beam.DoFn.TimerParam(WAIT),  # noqa: B008
    ) -> Iterator[Ready]:
        key, data = element
        now, set_for = self.clock(), due.read()
        held = collect_parts(InteractionPart.decoded(d) for d in [*pieces.read(), data])
        why, at = ready_reason(held), settled_at(held, self.settle)
        pieces.clear()  # what was passed over for a later snapshot is let go
        if why and now >= at:
            yield _ready(key, held, why, now)
            held = self._still(held, now)
            at = held.landed_at + self.settle if held.pieces else math.nan
        elif not why:
            at = max(
                at,
                waiting_ends_at(held, self.wait),
                now + min(self.wait, GRACE) if set_for is None else set_for,
            )
        for d in _encoded(held):
            pieces.add(d)
        if not held.pieces:
            due.clear()
            timer.clear()
        elif set_for != at:
            due.write(at)
            timer.set(Timestamp(at))

    def _still(self, held: InteractionParts, now: float) -> InteractionParts:
        """Return what is still held after it was acted on."""
        return growing_recordings(held, now, self.settle) if self.puts_away else InteractionParts()

    @on_timer(WAIT)
    def waited(
        self,
        key: str = beam.DoFn.KeyParam,
        pieces: beam.transforms.userstate.AccumulatingRuntimeState = beam.DoFn.StateParam(PIECES),  # noqa: B008
        due: beam.transforms.userstate.ReadModifyWriteRuntimeState = beam.DoFn.StateParam(DUE),  # noqa: B008
        timer: beam.transforms.userstate.RuntimeTimer = beam.DoFn.TimerParam(WAIT),  # noqa: B008
    ) -> Iterator[Ready]:
        at, now = due.read(), self.clock()
        if at is not None and now < at - EARLY:  # Prism fires a timer that was cleared, soon after
            timer.set(Timestamp(at))
            return
        now = max(now, at or now)
        held = collect_parts(InteractionPart.decoded(d) for d in pieces.read())
        pieces.clear()
        due.clear()
        if not held.pieces:
            return
        yield _ready(key, held, (ready_reason(held) and "settled") or "waited", now)
        held = self._still(held, now)
        for d in _encoded(held):
            pieces.add(d)
        if held.pieces:
            at = held.landed_at + self.settle
            due.write(at)
            timer.set(Timestamp(at))


class JoinParts(beam.DoFn):  # type: ignore[misc]
    """Element: (key, all encoded pieces there are). Output: `Ready` where it is ready at `now`; the
    rest stays unsettled and comes again.
    """

    def __init__(
        self, wait: float, now: float, settle: float = 0.0, puts_away: bool = False
    ) -> None:
        self.wait, self.now, self.settle, self.puts_away = wait, now, settle, puts_away
        self.waiting, self.settling = (
            Metrics.counter("watch", "waiting"),
            Metrics.counter("watch", "settling"),
        )

    def process(self, element: tuple[str, Iterable[bytes]]) -> Iterator[Ready]:
        key, pieces = element
        held = collect_parts(InteractionPart.decoded(d) for d in pieces)
        why = due_reason(held, self.now, self.wait, self.settle)
        if why:
            if self.puts_away:
                self.settling.inc(len(growing_recordings(held, self.now, self.settle).recordings))
            yield _ready(key, held, why, self.now)
        else:
            self.waiting.inc()


class PublishInteractions(beam.DoFn):  # type: ignore[misc]
    """Element: `Ready`. Output: Published.

    Several elements of a bundle are in work at once, since most of an element's time goes by
    waiting for the store; no two of one interaction.
    """

    def __init__(self, job: WatchJob, clock: Clock = time.time) -> None:
        self.job, self.clock = job, clock
        self.pool: ThreadPoolExecutor | None = None
        self.going: dict[str, Future[list[PublishedOutput]]] = {}

    def start_bundle(self) -> None:
        self.going = {}

    def process(self, element: Ready) -> Iterator[PublishedOutput]:
        text, (pieces, why, now) = element
        Metrics.counter("watch", why).inc()
        if text in self.going:
            yield from self._done(text)
        self.pool = self.pool or ThreadPoolExecutor(AT_ONCE, "callveil-act")
        self.going[text] = self.pool.submit(self._act, text, pieces, now)
        while len(self.going) > 2 * AT_ONCE:
            yield from self._done(next(iter(self.going)))

    def finish_bundle(self) -> Iterator[WindowedValue]:
        for text in list(self.going):
            for done in self._done(text):
                yield GlobalWindows.windowed_value(done, Timestamp(done.landed_at))

    def teardown(self) -> None:
        if self.pool:
            self.pool.shutdown(wait=False)
            self.pool = None

    def _act(self, text: str, pieces: list[bytes], now: float) -> list[PublishedOutput]:
        actor = InteractionPublisher(self.job, self.job.engines())
        held = collect_parts(InteractionPart.decoded(d) for d in pieces)
        return list(retry_iter(lambda: actor.act(parse_key_text(text), held, now)))

    def _done(self, text: str) -> list[PublishedOutput]:
        """Return what came of an element; waits for it, and raises what it raised. Counted here:
        Beam's counters belong to the bundle's own thread.
        """
        found = self.going.pop(text).result()
        for done in found:
            Metrics.counter("watch", f"{done.what}.{done.status}").inc()
            if done.reason:
                Metrics.counter("watch", f"reason.{done.reason}").inc()
            Metrics.distribution("watch", "latency_msec").update(
                max(0, int((self.clock() - done.landed_at) * 1000))
            )
        return found


def _encoded(held: InteractionParts) -> list[bytes]:
    return [p.encoded() for p in held.pieces]


def _ready(key: str, held: InteractionParts, why: Why, now: float) -> Ready:
    return key, (_encoded(held), why, now)


@dataclass
class WatchRecordings(beam.PTransform):  # type: ignore[misc]
    """PCollection[Arrival] -> PCollection[Published]: each recording and each record redacted once,
    however often word of it comes.

    Attributes:
        job: how.
        now: given where the arrivals are bounded: what is not ready then, by the wait counted from
            when it landed, is left for the next time.
    """

    job: WatchJob
    now: float | None = None

    def expand(self, arrivals: beam.PCollection) -> beam.PCollection:
        """Read, join by key, act."""
        if (
            self.now is None
            # a source's bundle gives nothing on until it ends; reading is slow, and goes on beside
            # it
        ):
            arrivals = arrivals | "Spread" >> beam.Reshuffle()
        pieces = arrivals | "Read" >> beam.ParDo(ReadArrival(self.job)).with_output_types(
            tuple[str, bytes]
        )
        rules = self.job.policy.recordings
        settle, puts_away = rules.settle_seconds, rules.original != "keep"
        if self.now is None:
            joined = pieces | "Join" >> beam.ParDo(
                JoinByKey(self.job.wait, settle=settle, puts_away=puts_away)
            )
        else:
            joined = (
                pieces
                | "Gather" >> beam.GroupByKey()
                | "Join" >> beam.ParDo(JoinParts(self.job.wait, self.now, settle, puts_away))
            )
        return joined | "Act" >> beam.ParDo(PublishInteractions(self.job)).with_output_types(
            PublishedOutput
        )
