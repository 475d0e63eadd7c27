"""Messages received and not yet acknowledged: kept from other receivers while their objects are in
work, deleted once those are settled.

A message is deleted only after everything that came from its objects is published or rejected.
Nothing else ends it: where this process dies, or a receipt handle is no longer good, SQS gives the
message out again, which is harmless because outputs are named by what they were made from.
"""

from __future__ import annotations

import math
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from callveil.schemas.arrival import Arrival
from callveil.transforms.jobs.streaming import sqs
from callveil.transforms.jobs.streaming.sqs import Queue

Settled = Callable[[Arrival], bool]
Clock = Callable[[], float]
FIRST_LOOK, LONGEST_LOOK = 0.5, 30.0
"""Seconds until a message is first asked about, and the longest time between two questions; it
doubles from one to the other.
"""
LEASE = 120.0
"""Seconds for which messages are kept from others although nobody reads any more. A pipeline that
was stopped within a living process ends so.
"""


@dataclass(slots=True)
class QueueMessage:
    """A received message that brought arrivals.

    Attributes:
        id, receipt: SQS's id, and the handle of its latest receipt.
        arrivals: its objects.
        received_at, visible_at: when it was received, and until when it is kept from others, by the
            holder's clock.
        first: number of its first arrival, counted over all that its holder took.
    """

    id: str
    receipt: str
    arrivals: tuple[Arrival, ...]
    received_at: float
    visible_at: float
    first: int = 0
    look_at: float = 0.0
    look_gap: float = FIRST_LOOK
    open: list[Arrival] = field(default_factory=list)


class InFlightMessages:
    """The messages one reader holds. Safe to use from several threads.

    Args:
        queue: where they came from.
        settled: whether everything that came from an object is published or rejected; None: nobody
            is asked, messages are only kept.
        patience: seconds after which a message whose objects are still open is given back, to be
            read anew.
        lease: seconds for which messages are kept although nobody reads any more.
        clock: seconds, any origin.
    """

    def __init__(
        self,
        queue: Queue,
        settled: Settled | None,
        patience: float = math.inf,
        lease: float = LEASE,
        clock: Clock = time.monotonic,
    ) -> None:
        self.token = uuid.uuid4().hex
        self.counts: Counter[str] = Counter()
        self._queue, self._settled, self._patience, self._lease, self._clock = (
            queue,
            settled,
            patience,
            lease,
            clock,
        )
        self._messages: dict[str, QueueMessage] = {}
        self._lock, self._tending = threading.Lock(), threading.Lock()
        self._next = 0
        self._touched = clock()
        self._keeper: threading.Thread | None = None
        self._ended = threading.Event()

    def __len__(self) -> int:
        return len(self._messages)

    def touch(self) -> None:
        """Note that somebody reads: messages are kept for `LEASE` seconds more."""
        self._touched = self._clock()

    def take(
        self, message_id: str, receipt: str, arrivals: tuple[Arrival, ...]
    ) -> QueueMessage | None:
        """Hold a message that was just received; None where it is held already, and was only given
        out once more.
        """
        now = self._clock()
        with self._lock:
            known = self._messages.get(message_id)
            if known:  # only the latest handle is sure to delete it
                known.receipt, known.visible_at = receipt, now + self._queue.visibility
                return None
            message = QueueMessage(
                message_id,
                receipt,
                arrivals,
                now,
                now + self._queue.visibility,
                self._next,
                now + FIRST_LOOK,
                open=list(arrivals),
            )
            self._next += len(arrivals)
            self._messages[message_id] = message
        self._keep()
        return message

    def adopt(self, messages: Iterable[QueueMessage]) -> None:
        """Hold messages that somebody else has held."""
        with self._lock:
            self._messages.update((m.id, m) for m in messages)
        self._keep()

    def after(self, position: int) -> list[tuple[int, Arrival]]:
        """Return arrivals of held messages with their numbers, from number `position` on, in
        order.
        """
        with self._lock:
            found = [
                (m.first + n, arrival)
                for m in self._messages.values()
                for n, arrival in enumerate(m.arrivals)
                if m.first + n >= position
            ]
        return sorted(found, key=lambda pair: pair[0])

    def count(self, name: str, number: int = 1) -> None:
        """Add to a counter, which a reader passes on by `counted`."""
        with self._lock:
            self.counts[name] += number

    def counted(self) -> dict[str, int]:
        """Return what was counted since the last call."""
        with self._lock:
            out, self.counts = dict(self.counts), Counter()
        return out

    def tend(self, seconds: float) -> None:
        """Look after the messages: extend those that would become visible soon, delete the settled,
        give back those that stay open too long.

        It ends after about `seconds` even where more is to do, which the next call does. Does
        nothing while another thread is at it. Never raises.
        """
        if not self._tending.acquire(blocking=False):
            return
        try:
            until = time.monotonic() + seconds
            self._extend(until)
            self._look(until)
        finally:
            self._tending.release()

    def _extend(self, until: float) -> None:
        now, whole = self._clock(), self._queue.visibility
        with self._lock:
            held = sorted(self._messages.values(), key=lambda m: m.visible_at)
        late = [m for m in held if now - m.received_at > self._patience]
        self._give_up(
            late, sqs.extend_visibility(self._queue, [m.receipt for m in late], 0), "given_back"
        )
        soon = [m for m in held if m.visible_at - now < whole / 2 and m not in late]
        for start in range(0, len(soon), sqs.BATCH):
            batch = soon[start : start + sqs.BATCH]
            for message, answer in zip(
                batch,
                sqs.extend_visibility(self._queue, [m.receipt for m in batch], whole),
                strict=True,
            ):
                if answer:
                    message.visible_at = now + whole
                elif answer is False:  # it is out of our hands and will be received again
                    self._drop(message, "lost")
            if time.monotonic() > until:
                return

    def _look(self, until: float) -> None:
        if self._settled is None:
            return
        now = self._clock()
        with self._lock:
            due = sorted(
                (m for m in self._messages.values() if m.look_at <= now), key=lambda m: m.look_at
            )
        done: list[QueueMessage] = []
        for message in due:
            if self._is_settled(message):
                done.append(message)
            else:
                message.look_gap = min(message.look_gap * 2, LONGEST_LOOK)
                message.look_at = now + message.look_gap
            if len(done) == sqs.BATCH:
                self._give_up(
                    done, sqs.delete_messages(self._queue, [m.receipt for m in done]), "deleted"
                )
                done = []
            if time.monotonic() > until:
                break
        if done:
            self._give_up(
                done, sqs.delete_messages(self._queue, [m.receipt for m in done]), "deleted"
            )

    def _is_settled(self, message: QueueMessage) -> bool:
        """Ask about the objects that were open the last time. A question that fails is asked again
        later.
        """
        try:
            while message.open:
                if not (self._settled and self._settled(message.open[-1])):
                    return False
                message.open.pop()
        except Exception:  # noqa: BLE001 - of the predicate, such as a store that cannot be reached; the pipeline must not end for it
            self.count("failed_looks")
            return False
        return True

    def _give_up(self, messages: list[QueueMessage], answers: list[bool | None], name: str) -> None:
        for message, answer in zip(messages, answers, strict=True):
            if answer is not None:
                self._drop(message, name if answer else "lost")

    def _drop(self, message: QueueMessage, name: str) -> None:
        with self._lock:
            self._messages.pop(message.id, None)
            self.counts[name] += 1

    def _keep(self) -> None:
        """Have a thread tend the messages, so that they stay ours however long the pipeline is busy
        with something else.
        """
        with self._lock:
            if self._keeper is None or not self._keeper.is_alive():
                self._ended.clear()
                self._keeper = threading.Thread(
                    target=self._run, name="callveil-queue", daemon=True
                )
                self._keeper.start()

    def _run(self) -> None:
        tick = min(1.0, self._queue.visibility / 8)
        while not self._ended.wait(tick):
            if self._clock() - self._touched > self._lease:
                forget_messages(self)
                return
            self.tend(min(5.0, self._queue.visibility / 6))

    def end(self) -> None:
        """Stop the thread. Messages still held become visible when their time is over."""
        self._ended.set()


_held: dict[str, InFlightMessages] = {}
_registry = threading.Lock()


def register_messages(held: InFlightMessages) -> InFlightMessages:
    """Make a holder known to this process by its token: checkpoint marks name it, and are finalized
    and resumed anywhere in the process.
    """
    held.touch()
    with _registry:
        _held[held.token] = held
    return held


def find_messages(token: str) -> InFlightMessages | None:
    """Return the holder of that token, where it lives in this process."""
    with _registry:
        return _held.get(token)


def forget_messages(held: InFlightMessages) -> None:
    """Stop a holder and take it from the registry."""
    held.end()
    with _registry:
        _held.pop(held.token, None)
