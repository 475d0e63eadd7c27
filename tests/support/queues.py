"""Queues to test with: a server, a queue with its dead-letter queue, messages, and a record of what
is settled.
"""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from callveil.schemas.arrival import Arrival
from callveil.transforms.jobs.streaming.sqs import Queue
from support.s3_events import classic, records

_numbers = itertools.count(1)


@contextmanager
def sqs_server() -> Iterator[str]:
    """URL of a running SQS server with S3 beside it, and made-up credentials for it."""
    from moto.server import ThreadedMotoServer

    with pytest.MonkeyPatch.context() as patch:
        for name, value in (
            ("AWS_ACCESS_KEY_ID", "generated"),
            ("AWS_SECRET_ACCESS_KEY", "generated"),
            ("AWS_DEFAULT_REGION", "us-east-1"),
        ):
            if not os.environ.get(name):
                patch.setenv(name, value)
        server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        server.start()
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
        server.stop()


@dataclass
class Bench:
    """A queue on that server, and its dead-letter queue where it has one."""

    endpoint: str
    queue: Queue
    client: Any
    dead: str | None

    def send(self, *urls: str, **more: Any) -> None:
        """A message for each object."""
        for url in urls:
            bucket, key = url.removeprefix("s3://").split("/", 1)
            self.client.send_message(
                QueueUrl=self.queue.url,
                MessageBody=json.dumps(records(classic(key, bucket=bucket, **more))),
            )

    def send_body(self, body: str) -> None:
        """A message of any body."""
        self.client.send_message(QueueUrl=self.queue.url, MessageBody=body)

    def left(self) -> tuple[int, int]:
        """Messages that are visible, and in flight."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        facts = self.client.get_queue_attributes(QueueUrl=self.queue.url, AttributeNames=names)[
            "Attributes"
        ]
        return int(facts[names[0]]), int(facts[names[1]])

    def dead_bodies(self) -> list[str]:
        """Bodies in the dead-letter queue, which is emptied."""
        out = []
        while batch := self.client.receive_message(QueueUrl=self.dead, MaxNumberOfMessages=10).get(
            "Messages"
        ):
            for message in batch:
                out.append(message["Body"])
                self.client.delete_message(
                    QueueUrl=self.dead, ReceiptHandle=message["ReceiptHandle"]
                )
        return sorted(out)


def bench(
    endpoint: str, visibility: int = 30, most_receives: int | None = 5, **attributes: str
) -> Bench:
    """A new queue; without `most_receives` it has no redrive policy."""
    client = boto3.session.Session().client("sqs", endpoint_url=endpoint, region_name="us-east-1")
    name = f"calls-{os.getpid()}-{next(_numbers)}"
    dead = None
    if most_receives is not None:
        dead = client.create_queue(QueueName=name + "-dead")["QueueUrl"]
        arn = client.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"][
            "QueueArn"
        ]
        attributes["RedrivePolicy"] = json.dumps(
            {"deadLetterTargetArn": arn, "maxReceiveCount": most_receives}
        )
    url = client.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    return Bench(endpoint, Queue(url, endpoint, "us-east-1", visibility), client, dead)


@dataclass(frozen=True)
class FileSettled:
    """The predicate of these tests: an object is settled once a file of its id lies in a folder.
    Picklable.
    """

    folder: str

    def __call__(self, arrival: Arrival) -> bool:
        return (Path(self.folder) / arrival.object_id).exists()

    def settle(self, *arrivals: Arrival) -> None:
        """Settle objects in the place of the pipeline."""
        for arrival in arrivals:
            (Path(self.folder) / arrival.object_id).write_text(arrival.url)
