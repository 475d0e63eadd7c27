"""Requests to one Amazon SQS queue, or a compatible one, through boto3 and its usual credential
chain.
"""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from callveil.schemas.errors import CallveilError
from callveil.transforms.storage.files.s3_errors import ATTEMPTS, CONNECT_SECONDS, limit_retries

BATCH = 10
"""Messages one request can be about, at most."""
LONGEST_VISIBILITY = 12 * 3600
"""Seconds a message can be kept from others, counted from its receipt ("Amazon SQS visibility
timeout").
"""
FEWEST_RECEIVES = 20
"""A redrive policy's maxReceiveCount below this sends healthy messages to the dead-letter queue
after few restarts.
"""
_PERMANENT = (
    "NonExistentQueue",
    "QueueDoesNotExist",
    "AccessDenied",
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "InvalidAddress",
)
_REGION = re.compile(r"https?://(?:sqs\.)?([a-z]{2}(?:-[a-z]+)+-\d)\.(?:queue\.)?amazonaws\.com")
_clients: dict[tuple[int, str | None, str | None], Any] = {}
_making_client = threading.Lock()


class QueueError(CallveilError, OSError):
    """A queue cannot be used; the text says why that usually happens and what mends it."""


class QueueUnreachable(QueueError):
    """The queue did not answer; it may a moment later."""


@dataclass(frozen=True)
class Queue:
    """Where a queue is, and how long its messages are kept from others. Credentials are never kept
    here.

    Attributes:
        url: such as `https://sqs.eu-central-1.amazonaws.com/123456789012/calls`.
        endpoint_url: of a compatible server; None for AWS, or for what AWS_ENDPOINT_URL says.
        region: None for the one in `url`, else what the environment says.
        visibility: seconds for which a received message is kept from other receivers, 1 to 43,200.
            It is extended while the message is in work, so this is about how long its objects wait
            when the process is killed.
    """

    url: str
    endpoint_url: str | None = None
    region: str | None = None
    visibility: int = 60

    def __post_init__(self) -> None:
        if "://" not in self.url:
            raise ValueError(
                "a queue is named by its URL, such as "
                "https://sqs.eu-central-1.amazonaws.com/123456789012/calls"
            )
        if not 1 <= self.visibility <= LONGEST_VISIBILITY:
            raise ValueError(f"visibility: expected 1 to {LONGEST_VISIBILITY} seconds")


class ReceivedMessage(NamedTuple):
    """A message as a receipt gave it: id, receipt handle, body, and how often it was received, this
    time included.
    """

    id: str
    receipt: str
    body: str
    times: int


class RedrivePolicy(NamedTuple):
    """A queue's redrive policy: the dead-letter queue's ARN, and after how many receipts SQS moves
    a message there.
    """

    target: str
    most_receives: int


def sqs_client(queue: Queue) -> Any:
    """Return boto3's SQS client of this process for a queue; safe to share between threads, never
    pickled.
    """
    found = _REGION.match(queue.url)
    region = queue.region or (found[1] if found and not queue.endpoint_url else None)
    key = (os.getpid(), queue.endpoint_url, region)
    with _making_client:
        if key not in _clients:
            retries = {"mode": "standard", "total_max_attempts": ATTEMPTS}
            config = Config(
                retries=retries,
                connect_timeout=CONNECT_SECONDS,
                read_timeout=30,
                max_pool_connections=16,
            )
            made = boto3.session.Session().client(
                "sqs", config=config, endpoint_url=queue.endpoint_url, region_name=region
            )
            _clients[key] = limit_retries(made, "sqs")
        return _clients[key]


@contextmanager
def _explained(queue: Queue) -> Iterator[None]:
    """Turn botocore's errors into ones that say what to do."""
    try:
        yield
    except NoCredentialsError:
        raise QueueError(
            f"{queue.url}: no credentials found; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, "
            "a profile or a role"
        ) from None
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        if "NonExistent" in code or "DoesNotExist" in code:
            raise QueueError(
                f"{queue.url}: there is no such queue; check its URL, the region and the endpoint"
            ) from None
        if any(p in code for p in _PERMANENT):
            needs = (
                "sqs:ReceiveMessage, DeleteMessage, ChangeMessageVisibility and GetQueueAttributes"
            )
            raise QueueError(
                f"{queue.url}: SQS refused {error.operation_name} ({code}); the role needs {needs}"
            ) from None
        raise QueueUnreachable(
            f"{queue.url}: SQS answered {code or 'an error'} to {error.operation_name}"
        ) from None
    except BotoCoreError as error:
        raise QueueUnreachable(
            f"{queue.url}: SQS could not be reached ({type(error).__name__}); check endpoint, "
            "region and network"
        ) from None


def receive_messages(queue: Queue, wait: int = 0, most: int = BATCH) -> list[ReceivedMessage]:
    """Return messages that are there, up to `most` (10 at most), kept from others for
    `queue.visibility` seconds.

    Args:
        wait: seconds (0 to 20) to wait for one where there is none.

    Raises `QueueUnreachable` where trying again may help, `QueueError` where it does not.
    """
    with _explained(queue):
        answer = sqs_client(queue).receive_message(
            QueueUrl=queue.url,
            MaxNumberOfMessages=most,
            WaitTimeSeconds=wait,
            VisibilityTimeout=queue.visibility,
            MessageSystemAttributeNames=["ApproximateReceiveCount"],
        )
    return [
        ReceivedMessage(
            m["MessageId"],
            m["ReceiptHandle"],
            m["Body"],
            int(m.get("Attributes", {}).get("ApproximateReceiveCount", 1)),
        )
        for m in answer.get("Messages", ())
    ]


def delete_messages(queue: Queue, receipts: Sequence[str]) -> list[bool | None]:
    """Delete messages by receipt handle. For each: True if it is gone, False if the handle is no
    longer good, None if trying again may help.
    """
    return _each(queue, receipts, "delete_message_batch", {})


def extend_visibility(queue: Queue, receipts: Sequence[str], seconds: int) -> list[bool | None]:
    """Keep messages from others for `seconds` from now on; 0 gives them back at once. Answers as
    `delete_messages`.
    """
    return _each(queue, receipts, "change_message_visibility_batch", {"VisibilityTimeout": seconds})


def _each(
    queue: Queue, receipts: Sequence[str], method: str, more: dict[str, int]
) -> list[bool | None]:
    """Make one batch request for every ten messages. Never raises for a queue's sake: what failed
    is None.
    """
    out: list[bool | None] = []
    for start in range(0, len(receipts), BATCH):
        batch = receipts[start : start + BATCH]
        entries = [
            {"Id": str(n), "ReceiptHandle": receipt, **more} for n, receipt in enumerate(batch)
        ]
        answers: list[bool | None] = [None] * len(batch)
        try:
            reply = getattr(sqs_client(queue), method)(QueueUrl=queue.url, Entries=entries)
        except (ClientError, BotoCoreError):
            out += answers
            continue
        for item in reply.get("Successful", ()):
            answers[int(item["Id"])] = True
        for item in reply.get("Failed", ()):
            answers[int(item["Id"])] = False if item.get("SenderFault") else None
        out += answers
    return out


def redrive_policy(queue: Queue) -> RedrivePolicy | None:
    """Return the queue's redrive policy, or None where it has none. Raises `QueueError`."""
    return _redrive(_attributes(queue))


def check_queue(queue: Queue) -> list[str]:
    """Look at a queue before it is used; returns warnings, each one sentence. Raises `QueueError`
    where it cannot be used at all.
    """
    facts = _attributes(queue)
    found, retention = _redrive(facts), int(facts.get("MessageRetentionPeriod", 0))
    warnings = []
    if found is None:
        warnings.append(
            "the queue has no redrive policy: messages that are no notifications are sealed into "
            "the rejected zone and deleted"
        )
    elif found.most_receives < FEWEST_RECEIVES:
        warnings.append(
            f"the queue's redrive policy moves a message after {found.most_receives} receipts; "
            "each restart of the pipeline is a receipt of what was "
            "in work, so healthy messages may end in the dead-letter queue: set maxReceiveCount "
            f"to {FEWEST_RECEIVES} or more (100 is a good choice)"
        )
    if 0 < retention < 24 * 3600:
        warnings.append(
            f"the queue drops messages after {retention} seconds, so an outage of that length "
            "loses them: set its retention to days"
        )
    return warnings


def _attributes(queue: Queue) -> dict[str, str]:
    with _explained(queue):
        return dict(
            sqs_client(queue)
            .get_queue_attributes(QueueUrl=queue.url, AttributeNames=["All"])
            .get("Attributes", {})
        )


def _redrive(facts: dict[str, str]) -> RedrivePolicy | None:
    try:
        policy = json.loads(facts.get("RedrivePolicy") or "{}")
        return RedrivePolicy(str(policy["deadLetterTargetArn"]), int(policy["maxReceiveCount"]))
    except (ValueError, KeyError, TypeError):
        return None
