"""The queue source: S3 event notifications from Amazon SQS, as an unbounded source of arrivals.

Each message is held until everything that came from its objects is settled, then deleted. Held
messages are looked after by a thread of the reader's process, by each poll, and by each finalized
checkpoint. Finalization alone would not do: a runner finalizes when a bundle is committed, at which
time the objects are still in work (they wait to be joined), and it is best effort.

Restarts. A checkpoint mark names the reader's holder and how many arrivals were given out. Resumed
in the same process, the reader gives out again what the mark does not cover, from memory. Resumed
in another process, from that mark or from nothing, it starts empty, and SQS gives out again what
was held, `Queue.visibility` seconds after the process ended. Either way an arrival may come twice
and is never lost.

Each restart is one more receipt of what was held, and so is every `patience` seconds that an object
stays open. The queue's redrive policy must allow for that: with a `maxReceiveCount` of 100 a
message survives 99 kills. `sqs.check_queue` warns below 20.
"""

from __future__ import annotations

import json
import logging
import math
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import apache_beam as beam
from apache_beam import coders
from apache_beam.io.unbounded_source import (
    CheckpointMark,
    ReadFromUnboundedSource,
    UnboundedReader,
    UnboundedSource,
)
from apache_beam.metrics import Metrics
from apache_beam.utils.timestamp import MAX_TIMESTAMP, MIN_TIMESTAMP, Timestamp

from callveil.schemas.arrival import Arrival
from callveil.transforms.jobs.streaming import message_lease as holding
from callveil.transforms.jobs.streaming import sqs
from callveil.transforms.jobs.streaming.message_lease import (
    Clock,
    InFlightMessages,
    QueueMessage,
    Settled,
)
from callveil.transforms.jobs.streaming.poll_queue import QueuePoller, Reject
from callveil.transforms.jobs.streaming.sqs import Queue, QueueUnreachable

_log = logging.getLogger(__name__)
ROUNDS = 5
"""Requests one `advance` makes at most while what comes brings nothing to give out."""
INLINE = 0.2
"""Seconds a poll or a finalization spends on held messages at most; the thread does the rest."""
IN_FLIGHT = 5_000
"""Messages held at most. SQS allows 120,000 in flight per queue, for all its receivers."""
PATIENCE = 3600.0


class QueueMark(CheckpointMark):
    """How far a reader came.

    Args:
        token: of its holder.
        position: arrivals given out.
    """

    def __init__(self, token: str, position: int) -> None:
        self.token, self.position = token, position

    def finalize_checkpoint(self) -> None:
        """Look after what the reader holds, where it lives in this process; elsewhere there is
        nothing to do.
        """
        found = holding.find_messages(self.token)
        if found:
            found.touch()
            found.tend(INLINE)


class QueueMarkCoder(coders.Coder):
    """Marks as JSON; equal marks give equal bytes."""

    def encode(self, value: QueueMark) -> bytes:
        return json.dumps([value.token, value.position]).encode()

    def decode(self, encoded: bytes) -> QueueMark:
        return QueueMark(*json.loads(encoded))

    def is_deterministic(self) -> bool:
        return True


class QueueSource(UnboundedSource):
    """Arrivals told of by a queue, each with the time its object landed.

    Args:
        queue: to read.
        settled: `settled(arrival)`: everything that came from that object is published or rejected.
            Picklable; called from a thread of its own.
        prefixes: only objects whose URL begins with one of these, such as `s3://calls/`; none means
            all. Others' messages are deleted.
        reject: `reject(body, reason, detail)` seals a message that is no notification, where the
            queue has no redrive policy. Picklable.
        most_held: messages in work at most; then nothing more is received until some are settled.
        patience: seconds after which a message whose objects are still open is read anew. Longer
            than any wait the policy has.
        wait: seconds (0 to 20) the first request of a poll waits for a message.
        lag: seconds the watermark stays behind an idle queue's clock, since S3 tells of an object
            some time after it landed.
        idle_polls: end after so many polls in a row that brought nothing, once nothing is held any
            more. None: never. Only for runners that give outputs while they read (Prism, Flink):
            for the embedded one see `drain_queue`.
        clock: seconds since 1970.
        store: root of the store; what lies below it is never input.
    """

    def __init__(
        self,
        queue: Queue,
        settled: Settled,
        prefixes: Sequence[str] = (),
        reject: Reject | None = None,
        most_held: int = IN_FLIGHT,
        patience: float = PATIENCE,
        wait: int = 1,
        lag: float = 10.0,
        idle_polls: int | None = None,
        clock: Clock = time.time,
        store: str = "",
    ) -> None:
        self.store = store
        self.queue, self.settled, self.prefixes, self.reject = (
            queue,
            settled,
            tuple(prefixes),
            reject,
        )
        self.most_held, self.patience, self.wait, self.lag, self.idle_polls, self.clock = (
            most_held,
            patience,
            wait,
            lag,
            idle_polls,
            clock,
        )

    def split(
        self, desired_num_splits: int, options: Any | None = None
    ) -> Iterable[UnboundedSource]:
        """Return one reader: it takes some hundred messages a second, far more than are
        redacted.
        """
        return [self]

    def create_reader(
        self, options: Any | None, checkpoint_mark: CheckpointMark | None
    ) -> QueueReader:
        """Return a reader that goes on behind the mark."""
        if isinstance(checkpoint_mark, QueueMark):
            found = holding.find_messages(checkpoint_mark.token)
            if found:
                return QueueReader(self, found, checkpoint_mark.position)
        return QueueReader(
            self,
            holding.register_messages(InFlightMessages(self.queue, self.settled, self.patience)),
            0,
        )

    def get_checkpoint_mark_coder(self) -> coders.Coder:
        return QueueMarkCoder()

    def default_output_coder(self) -> coders.Coder:
        return coders.registry.get_coder(Arrival)


class QueueReader(UnboundedReader):
    """Reads for one `QueueSource`; made by it."""

    def __init__(self, source: QueueSource, held: InFlightMessages, position: int) -> None:
        self._source, self._held, self._position = source, held, position
        self._intake = QueuePoller(
            source.queue, held, source.prefixes, source.settled, source.reject, source.store
        )
        self._pending: deque[tuple[int, Arrival]] = deque(held.after(position))
        self._current: Arrival | None = None
        self._watermark: Timestamp = MIN_TIMESTAMP
        self._fresh, self._idle, self._warned = True, 0, False

    def start(self) -> bool:
        return self.advance()

    def advance(self) -> bool:
        """Go to the next arrival. A poll that finds none waits `wait` seconds; once a bundle has
        given something out, none does.
        """
        holding.register_messages(self._held)
        for name, number in self._held.counted().items():
            Metrics.counter("watch_queue", name).inc(number)
        if not self._pending:
            self._receive()
        if not self._pending:
            self._held.tend(INLINE)
            self._fresh = True
            return False
        number, self._current = self._pending.popleft()
        self._position = number + 1
        self._fresh = False
        return True

    def _receive(self) -> None:
        came, room = 0, self._source.most_held - len(self._held)
        for _ in range(ROUNDS):
            if room <= 0:
                return
            try:
                messages, came = self._intake.poll(
                    self._source.wait if self._fresh else 0, min(room, sqs.BATCH)
                )
            except QueueUnreachable as error:
                if not self._warned:
                    _log.warning("%s; trying again", error)
                self._warned = True
                self._held.count("unreachable")
                return
            self._warned, self._fresh = False, False
            if messages:
                self._pending.extend(
                    (m.first + n, a) for m in messages for n, a in enumerate(m.arrivals)
                )
                self._advance_watermark(min(a.landed_at for _, a in self._pending))
            if messages or not came:
                break
        self._idle = 0 if came else self._idle + 1
        if not came:
            self._advance_watermark(self._source.clock())

    def _advance_watermark(self, seconds: float) -> None:
        self._watermark = max(self._watermark, Timestamp(seconds - self._source.lag))

    def get_current(self) -> Arrival | None:
        return self._current

    def get_current_timestamp(self) -> Timestamp:
        return Timestamp(self._current.landed_at) if self._current else MIN_TIMESTAMP

    def get_watermark(self) -> Timestamp:
        """Return a while before now where the queue is empty, else before the oldest of the last
        objects. SQS keeps no order, so it is no strict bound.
        """
        polls = self._source.idle_polls
        ended = (
            polls is not None and self._idle >= polls and not self._pending and not len(self._held)
        )
        return MAX_TIMESTAMP if ended else self._watermark

    def get_checkpoint_mark(self) -> QueueMark:
        return QueueMark(self._held.token, self._position)

    def close(self) -> None:
        """Where nothing is held any more the holder ends; else it stays for the reader that
        resumes, for a while.
        """
        if not len(self._held):
            holding.forget_messages(self._held)


class ReadQueue(beam.PTransform):
    """Arrivals of a `QueueSource`. A bundle ends after `records` of them or `seconds`, since its
    outputs go on only then.

    Args:
        poll_interval: seconds between two polls of an empty queue, on top of the source's `wait`.
    """

    def __init__(
        self,
        source: QueueSource,
        poll_interval: float = 0.1,
        records: int = 100,
        seconds: float = 0.5,
    ) -> None:
        super().__init__()
        self._source, self._how = (
            source,
            {
                "poll_interval": poll_interval,
                "max_records_per_bundle": records,
                "max_read_time_seconds": seconds,
            },
        )

    def expand(self, begin: Any) -> Any:
        return begin | ReadFromUnboundedSource(self._source, **self._how)


def drain_queue(
    queue: Queue,
    *,
    prefixes: Sequence[str] = (),
    settled: Settled | None = None,
    reject: Reject | None = None,
    limit: int = 10_000,
    polls: int = 3,
    wait: int = 1,
    store: str = "",
) -> list[QueueMessage]:
    """Receive what is there and leave it in flight, for a batch run, since embedded runners give
    outputs only after a source has ended.

    Hold the messages with `hold_messages` while the batch runs, then `acknowledge_settled` them.

    Args:
        prefixes, settled, reject, store: as of `QueueSource`; with `settled`, messages whose work
            was done in an earlier run are deleted at once.
        limit: messages at most; where so many came there may be more.
        polls: end after so many requests in a row that brought nothing.
        wait: seconds each waits for a message.

    Raises `sqs.QueueError`.
    """
    held = InFlightMessages(queue, None, lease=math.inf)
    intake = QueuePoller(queue, held, tuple(prefixes), settled, reject, store)
    out: list[QueueMessage] = []
    empty = 0
    try:
        while empty < polls and len(out) < limit:
            messages, came = intake.poll(wait, min(sqs.BATCH, limit - len(out)))
            out += messages
            empty = 0 if came else empty + 1
    finally:
        held.end()
    return out


@contextmanager
def hold_messages(queue: Queue, messages: Sequence[QueueMessage]) -> Iterator[None]:
    """Keep drained messages from other receivers while a batch runs, for 11 hours at most."""
    held = InFlightMessages(queue, None, patience=sqs.LONGEST_VISIBILITY - 3600, lease=math.inf)
    held.adopt(messages)
    try:
        yield
    finally:
        held.end()


def acknowledge_settled(
    queue: Queue, messages: Sequence[QueueMessage], settled: Settled, again_after: int = 0
) -> dict[str, int]:
    """Delete the messages whose objects are all settled, and give back the rest.

    Args:
        again_after: seconds after which the rest can be received again. Each time they are counts
            against the queue's maxReceiveCount.

    Returns: `deleted`, `given_back`, and `lost`: those of neither, which SQS gives out again by
        itself.
    """
    counts: Counter[str] = Counter()
    done = [m for m in messages if all(settled(a) for a in m.arrivals)]
    finished = {m.id for m in done}
    rest = [m for m in messages if m.id not in finished]
    for name, answers in (
        ("deleted", sqs.delete_messages(queue, [m.receipt for m in done])),
        ("given_back", sqs.extend_visibility(queue, [m.receipt for m in rest], again_after)),
    ):
        for answer in answers:
            counts[name if answer else "lost"] += 1
    return {name: counts[name] for name in ("deleted", "given_back", "lost")}
