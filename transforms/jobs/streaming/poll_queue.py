"""From a queue to held messages: receive, read, acknowledge what brings nothing, set the poisoned
apart.
"""

from __future__ import annotations

from collections.abc import Callable

from callveil.schemas.arrival import Arrival
from callveil.transforms.jobs.streaming import sqs
from callveil.transforms.jobs.streaming.message_lease import InFlightMessages, QueueMessage, Settled
from callveil.transforms.jobs.streaming.notifications import NotANotification, parse_notification
from callveil.transforms.jobs.streaming.sqs import Queue, ReceivedMessage

Reject = Callable[[bytes, str, str], None]
"""Seals a body with a reason code and a detail into the rejected zone; where it returns, that has
happened.
"""
REASON = "bad_notification"
LATER = 900
"""Seconds after which a poisoned message comes again where there is neither a redrive policy nor
`reject`.
"""


class QueuePoller:
    """Receives messages of a queue for one holder.

    A poisoned message is one whose body is no notification. Where the queue has a redrive policy it
    is made visible at once and never deleted, so that SQS itself moves it to the dead-letter queue
    after `maxReceiveCount` receipts: in one step, exactly once, under its own id, and so that it
    can be redriven. Sending a copy and deleting the original would be two steps, and a kill between
    them a second copy: standard queues, the only ones S3 notifies, do not deduplicate. Without a
    redrive policy `reject` seals it, then it is deleted.

    Args:
        queue: to receive from.
        held: takes the messages that bring arrivals.
        prefixes, store: see `notifications.parse_notification`.
        settled: asked about messages that were received before; those whose work is done are
            deleted and bring nothing.
        reject: for queues without a redrive policy.
    """

    def __init__(
        self,
        queue: Queue,
        held: InFlightMessages,
        prefixes: tuple[str, ...],
        settled: Settled | None,
        reject: Reject | None,
        store: str = "",
    ) -> None:
        self._queue, self._held, self._prefixes, self._settled, self._reject = (
            queue,
            held,
            prefixes,
            settled,
            reject,
        )
        self._store = store
        self._has_redrive: bool | None = None

    def poll(self, wait: int, most: int = sqs.BATCH) -> tuple[list[QueueMessage], int]:
        """Make one request. Return the messages newly held, and how many came in all. Raises as
        `sqs.receive`.
        """
        if self._has_redrive is None:
            self._has_redrive = sqs.redrive_policy(self._queue) is not None
        taken: list[QueueMessage] = []
        done: list[str] = []
        poisoned: list[tuple[ReceivedMessage, str]] = []
        came = sqs.receive_messages(self._queue, wait, most)
        for received in came:
            self._held.count("messages")
            try:
                notice = parse_notification(received.body, self._prefixes, self._store)
            except NotANotification as error:
                poisoned.append((received, str(error)))
                continue
            for why in notice.ignored:
                self._held.count(f"ignored_{why}")
            if not notice.arrivals or (received.times > 1 and self._is_done(notice.arrivals)):
                done.append(received.receipt)
                continue
            message = self._held.take(received.id, received.receipt, notice.arrivals)
            if message:
                taken.append(message)
        self._held.count(
            "deleted", sum(1 for answer in sqs.delete_messages(self._queue, done) if answer)
        )
        if poisoned:
            self._set_apart(poisoned)
        return taken, len(came)

    def _is_done(self, arrivals: tuple[Arrival, ...]) -> bool:
        try:
            return self._settled is not None and all(self._settled(a) for a in arrivals)
        except Exception:  # noqa: BLE001 - of the predicate; the message is then read as a new one
            return False

    def _set_apart(self, poisoned: list[tuple[ReceivedMessage, str]]) -> None:
        self._held.count("poisoned", len(poisoned))
        if self._has_redrive:
            sqs.extend_visibility(self._queue, [received.receipt for received, _ in poisoned], 0)
            return
        if (
            self._reject is None
        ):  # nowhere to put it: seldom looked at, it ends with the queue's retention
            sqs.extend_visibility(
                self._queue, [received.receipt for received, _ in poisoned], LATER
            )
            return
        sealed = []
        for received, detail in poisoned:
            try:
                self._reject(received.body.encode("utf-8", "surrogatepass"), REASON, detail)
                sealed.append(received.receipt)
            except Exception:  # noqa: BLE001 - the store cannot be written to; the message comes again
                self._held.count("failed_rejects")
        self._held.count("rejected", len(sealed))
        sqs.delete_messages(self._queue, sealed)
