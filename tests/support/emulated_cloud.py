"""A bucket and a queue on a server in a process of its own, and what tests need to look after
processes.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import psutil

from support.waiting import wait_for

PYTHON = Path(sys.executable)
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "generated",
    "AWS_SECRET_ACCESS_KEY": "generated",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_REGION": "us-east-1",
}


def free_ports(number: int) -> int:
    """The first of `number` ports in a row that nobody listens on."""
    for first in range(20_000 + os.getpid() % 5_000, 60_000, number):
        held = [socket.socket() for _ in range(number)]
        try:
            for offset, s in enumerate(held):
                s.bind(("127.0.0.1", first + offset))
        except OSError:
            continue
        finally:
            for s in held:
                s.close()
        return first
    raise RuntimeError("no free ports")


def gone(pid: int) -> bool:
    """Tell whether a process has ended; a zombie has, whoever is to reap it."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def end(process: subprocess.Popen[bytes] | None) -> None:
    """End a child and all that it started, at once."""
    if process is None:
        return
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def callveil(*args: str) -> list[str]:
    """The command line of `callveil` in this environment."""
    return [str(PYTHON.with_name("callveil")), *args]


@dataclass
class Cloud:
    """A bucket whose objects are told of by a queue, with a dead-letter queue, on a server of its
    own process.
    """

    folder: Path
    most_receives: int = 100
    bucket: str = "calls"
    port: int = field(default_factory=lambda: free_ports(1))

    def __post_init__(self) -> None:
        self.env = {
            "AWS_ACCESS_KEY_ID": "generated",
            "AWS_SECRET_ACCESS_KEY": "generated",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_REGION": "us-east-1",
        }
        self.log = (self.folder / "cloud.log").open("ab")
        command = [str(PYTHON.with_name("moto_server")), "-H", "127.0.0.1", "-p", str(self.port)]
        self.process = subprocess.Popen(
            command, stdout=self.log, stderr=self.log, start_new_session=True
        )
        self.endpoint = f"http://127.0.0.1:{self.port}"
        wait_for("the server", self._answers)
        session = boto3.session.Session("generated", "generated", region_name="us-east-1")
        self.sqs: Any = session.client("sqs", endpoint_url=self.endpoint)
        self.s3: Any = session.client("s3", endpoint_url=self.endpoint)
        self.s3.create_bucket(Bucket=self.bucket)
        self.dead = self.sqs.create_queue(QueueName="calls-dead")["QueueUrl"]
        redrive = {
            "deadLetterTargetArn": self._arn(self.dead),
            "maxReceiveCount": self.most_receives,
        }
        self.queue = self.sqs.create_queue(
            QueueName="calls", Attributes={"RedrivePolicy": json.dumps(redrive)}
        )["QueueUrl"]
        to = {"QueueArn": self._arn(self.queue), "Events": ["s3:ObjectCreated:*"]}
        self.s3.put_bucket_notification_configuration(
            Bucket=self.bucket, NotificationConfiguration={"QueueConfigurations": [to]}
        )
        self.clear()  # S3's test message

    def _answers(self) -> bool:
        with suppress(OSError), urllib.request.urlopen(self.endpoint + "/moto-api/", timeout=1):
            return True
        return False

    def _arn(self, url: str) -> str:
        return str(
            self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"][
                "QueueArn"
            ]
        )

    def clear(self) -> None:
        """Empty the queue."""
        self.sqs.purge_queue(QueueUrl=self.queue)

    def put(self, key: str, data: bytes) -> None:
        """An object lands, and the queue is told."""
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=data)

    def poison(self, body: str) -> None:
        """A message that is no notification."""
        self.sqs.send_message(QueueUrl=self.queue, MessageBody=body)

    def left(self) -> int:
        """Messages in the queue, visible or in flight."""
        names = [
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesNotVisible",
            "ApproximateNumberOfMessagesDelayed",
        ]
        facts = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=names)[
            "Attributes"
        ]
        return sum(int(facts.get(n, 0)) for n in names)

    def dead_bodies(self) -> list[str]:
        """Bodies in the dead-letter queue, sorted; they stay there, unseen for a minute."""
        out = []
        while batch := self.sqs.receive_message(
            QueueUrl=self.dead, MaxNumberOfMessages=10, VisibilityTimeout=60
        ).get("Messages"):
            out += [m["Body"] for m in batch]
        return sorted(out)

    def options(self, visibility: int) -> list[str]:
        """Options of `callveil watch` that read this queue."""
        return [
            "--queue",
            self.queue,
            "--sqs-endpoint-url",
            self.endpoint,
            "--s3-endpoint-url",
            self.endpoint,
            "--visibility",
            str(visibility),
        ]

    def stop(self) -> None:
        """End the server."""
        end(self.process)
        self.log.close()
