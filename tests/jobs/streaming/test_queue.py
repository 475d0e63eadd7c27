"""The queue source, reader by reader, against a server: what is given out, what is deleted and
when, and what comes again.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from apache_beam.utils.timestamp import MAX_TIMESTAMP, Timestamp
from support.queues import FileSettled, bench
from support.s3_events import LANDED, TEST, bridge, classic, records
from support.waiting import wait_for

from callveil.schemas.arrival import Arrival
from callveil.transforms.jobs.streaming import message_lease as holding
from callveil.transforms.jobs.streaming import sqs
from callveil.transforms.jobs.streaming.message_lease import InFlightMessages
from callveil.transforms.jobs.streaming.sqs import Queue, QueueError, check_queue
from callveil.transforms.jobs.streaming.sqs_source import (
    QueueMark,
    QueueReader,
    QueueSource,
)


@pytest.fixture(autouse=True)
def nobody_is_left() -> Iterator[None]:
    """No thread of one test tends the messages of another."""
    yield
    for held in list(holding._held.values()):
        holding.forget_messages(held)


def opened(source: QueueSource, mark: QueueMark | None = None) -> QueueReader:
    """A reader as a runner makes it."""
    return source.create_reader(None, mark)


def read(reader: QueueReader, number: int = 1 << 30, start: bool = True) -> list[Arrival]:
    """Up to so many arrivals, until there are none now."""
    out: list[Arrival] = []
    while len(out) < number and (reader.start() if start and not out else reader.advance()):
        current = reader.get_current()
        assert current is not None
        assert reader.get_current_timestamp() == Timestamp(current.landed_at)
        out.append(current)
    return out


def urls(arrivals: list[Arrival]) -> list[str]:
    return sorted(a.url for a in arrivals)


def test_objects_that_land_in_s3_are_told_of(endpoint: str, settled: FileSettled) -> None:
    """Notifications as the server itself writes them when an object is put or deleted."""
    at = bench(endpoint)
    s3 = boto3.session.Session().client("s3", endpoint_url=endpoint, region_name="us-east-1")
    s3.create_bucket(Bucket="landing")
    arn = at.client.get_queue_attributes(QueueUrl=at.queue.url, AttributeNames=["QueueArn"])[
        "Attributes"
    ]["QueueArn"]
    wanted = {
        "QueueConfigurations": [
            {"QueueArn": arn, "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]}
        ]
    }
    s3.put_bucket_notification_configuration(Bucket="landing", NotificationConfiguration=wanted)
    for key in ("calls/4/18.wav", "calls/4/19.wav", "other/1.wav"):
        s3.put_object(Bucket="landing", Key=key, Body=b"RIFF")
    s3.delete_object(Bucket="landing", Key="calls/4/19.wav")
    reader = opened(QueueSource(at.queue, settled, ["s3://landing/calls/"], wait=0))
    found = read(reader)
    assert urls(found) == ["s3://landing/calls/4/18.wav", "s3://landing/calls/4/19.wav"]
    assert {a.etag for a in found} == {
        s3.head_object(Bucket="landing", Key="calls/4/18.wav")["ETag"].strip('"')
    }
    assert all(a.size == 4 and abs(a.landed_at - time.time()) < 3600 for a in found)
    assert at.left() == (0, 2), (
        "test events, deletions and objects elsewhere are acknowledged at once"
    )


def test_a_message_is_deleted_once_all_its_objects_are_settled(
    endpoint: str, settled: FileSettled
) -> None:
    at = bench(endpoint)
    at.send_body(json.dumps(records(classic("a"), classic("b"))))
    reader = opened(QueueSource(at.queue, settled, wait=0))
    found = read(reader)
    assert len(found) == 2
    settled.settle(found[0])
    time.sleep(1.2)
    reader.get_checkpoint_mark().finalize_checkpoint()
    assert at.left() == (0, 1)
    settled.settle(found[1])
    wait_for("it", lambda: at.left() == (0, 0))  # by the thread: nobody polls or finalizes


def test_finalizing_and_polling_look_after_messages_too(
    endpoint: str, settled: FileSettled
) -> None:
    for act in ("finalize", "poll"):
        at = bench(endpoint)
        at.send("s3://raw/1")
        reader = opened(QueueSource(at.queue, settled, wait=0))
        found = read(reader)
        mark = reader.get_checkpoint_mark()
        coder = QueueSource(at.queue, settled).get_checkpoint_mark_coder()
        again = coder.decode(coder.encode(mark))
        held = holding.find_messages(mark.token)
        assert held is not None
        held.end()  # the thread does nothing from here on
        settled.settle(*found)
        time.sleep(holding.FIRST_LOOK)
        if act == "finalize":
            again.finalize_checkpoint()
        else:
            assert not reader.advance()
        assert at.left() == (0, 0), act
        again.finalize_checkpoint()
        QueueMark("of another process", 3).finalize_checkpoint()


def test_messages_in_work_stay_ours_beyond_their_visibility(
    endpoint: str, settled: FileSettled
) -> None:
    at = bench(endpoint, visibility=4, most_receives=2)
    at.send(*(f"s3://raw/{n}" for n in range(25)))
    reader = opened(QueueSource(at.queue, settled, wait=0))
    found = read(reader)
    assert len(found) == 25
    time.sleep(6)  # nobody polls: a runner may be busy elsewhere for minutes
    assert at.left() == (0, 25)
    assert not reader.advance()
    settled.settle(*found)
    wait_for("it", lambda: at.left() == (0, 0))
    assert at.dead_bodies() == []


def test_a_reader_that_is_gone_leaves_its_messages_to_the_next(
    endpoint: str, settled: FileSettled
) -> None:
    """As after a kill: nothing of the first reader is left in the process. What was settled is
    deleted, and not given out.
    """
    at = bench(endpoint, visibility=4)
    at.send(*(f"s3://raw/{n}" for n in range(12)))
    source = QueueSource(at.queue, settled, wait=0)
    first = opened(source)
    found = read(first)
    mark = first.get_checkpoint_mark()
    held = holding.find_messages(mark.token)
    assert held is not None
    holding.forget_messages(held)
    settled.settle(*found[:5])
    time.sleep(4.1)
    for resumed in (mark, None):
        second = opened(source, resumed)
        again: list[Arrival] = []
        wait_for(
            "it",
            lambda into=again, reader=second: bool(into.extend(read(reader)) or len(into) == 7),
        )  # type: ignore[misc]
        assert urls(again) == urls(found[5:])
        assert at.left() == (0, 7)
        holding.forget_messages(second._held)
        time.sleep(4.1)


def test_resumed_in_the_same_process_it_gives_out_what_the_mark_does_not_cover(
    endpoint: str, settled: FileSettled
) -> None:
    at = bench(endpoint)
    at.send_body(json.dumps(records(*(classic(f"a{n}") for n in range(3)))))
    at.send("s3://raw/b", "s3://raw/c")
    source = QueueSource(at.queue, settled, wait=0)
    first = opened(source)
    before = read(first, 2)
    mark = first.get_checkpoint_mark()
    after = read(first, start=False)
    assert len(before + after) == 5
    first.close()
    second = opened(source, mark)
    assert read(second) == after, (
        "the bundle after the mark was lost, so all of it comes again, and nothing from before"
    )
    third = opened(source, second.get_checkpoint_mark())
    assert read(third) == []
    settled.settle(*before, *after)
    wait_for("it", lambda: at.left() == (0, 0))


def test_no_more_is_received_than_may_be_held(endpoint: str, settled: FileSettled) -> None:
    at = bench(endpoint)
    at.send(*(f"s3://raw/{n}" for n in range(40)))
    reader = opened(QueueSource(at.queue, settled, wait=0, most_held=15))
    found = read(reader)
    assert len(found) == 15 and at.left() == (25, 15)
    assert not reader.advance()
    settled.settle(*found[:6])
    wait_for("it", lambda: at.left() == (25, 9))
    assert len(read(reader)) == 6


def test_poisoned_messages_reach_the_dead_letter_queue_and_healthy_ones_do_not(
    endpoint: str, settled: FileSettled
) -> None:
    at = bench(endpoint, most_receives=20)
    poisoned = [
        "",
        "Quillon Vexworth",
        "{}",
        json.dumps(records(classic(), {"eventName": "ObjectCreated:Put"})),
    ]
    at.send_body(poisoned[3])
    at.send(*(f"s3://raw/{n}" for n in range(30)))
    for body in (" ", poisoned[1], poisoned[2]):
        at.send_body(body)
    at.send_body(json.dumps(TEST))
    reader = opened(QueueSource(at.queue, settled, wait=0))
    found: list[Arrival] = []
    wait_for("it", lambda: bool(found.extend(read(reader))) or at.left()[0] == 0)
    assert len(found) == 30 and at.left() == (0, 30)
    settled.settle(*found)
    wait_for("it", lambda: at.left() == (0, 0))
    assert at.dead_bodies() == sorted([" ", *poisoned[1:]])


def test_without_a_redrive_policy_they_are_sealed_and_then_deleted(
    endpoint: str, settled: FileSettled
) -> None:
    at = bench(endpoint, visibility=2, most_receives=None)
    sealed: list[tuple[bytes, str, str]] = []
    failing = [True]

    def reject(body: bytes, reason: str, detail: str) -> None:
        if failing[0]:
            raise OSError("the store is full")
        sealed.append((body, reason, detail))

    at.send_body("Quillon é")
    at.send("s3://raw/1")
    reader = opened(QueueSource(at.queue, settled, reject=reject, wait=0))
    assert len(read(reader)) == 1
    assert at.left() == (0, 2) and not sealed, "it could not be sealed, so it stays"
    failing[0] = False
    wait_for("it", lambda: not read(reader, start=False) and bool(sealed))
    assert [(s[0], s[1]) for s in sealed] == [
        ("Quillon é".encode(), "bad_notification")
    ] and "Quillon" not in sealed[0][2]
    assert at.left() == (0, 1)
    nobody = bench(endpoint, most_receives=None)
    nobody.send_body("x")
    assert read(opened(QueueSource(nobody.queue, settled, wait=0))) == [] and nobody.left() == (
        0,
        1,
    )


def test_handles_that_are_no_longer_good_do_no_harm(endpoint: str, settled: FileSettled) -> None:
    at = bench(endpoint, visibility=1)
    at.send("s3://raw/1", "s3://raw/2")
    reader = opened(QueueSource(at.queue, settled, wait=0))
    assert len(read(reader)) == 2
    at.client.purge_queue(QueueUrl=at.queue.url)
    wait_for("it", lambda: len(reader._held) == 0)
    assert not reader.advance()


def test_an_object_that_stays_open_too_long_is_read_anew(
    endpoint: str, settled: FileSettled
) -> None:
    at = bench(endpoint, visibility=2)
    at.send("s3://raw/1")
    reader = opened(QueueSource(at.queue, settled, wait=0, patience=1.0))
    found = read(reader)
    again: list[Arrival] = []
    wait_for("it", lambda: bool(again.extend(read(reader, start=False)) or again))
    assert again[0] == found[0]


def test_a_predicate_that_fails_is_asked_again(endpoint: str, settled: FileSettled) -> None:
    at = bench(endpoint)
    at.send("s3://raw/1")
    asked: list[int] = []

    def broken(arrival: Arrival) -> bool:
        asked.append(1)
        if len(asked) < 3:
            raise OSError("the store is away")
        return True

    assert len(read(opened(QueueSource(at.queue, broken, wait=0)))) == 1
    wait_for("it", lambda: at.left() == (0, 0))
    assert len(asked) == 3


def test_the_same_message_given_out_twice_is_one(endpoint: str, settled: FileSettled) -> None:
    """Standard queues may do that at any time."""
    at = bench(endpoint)
    at.send("s3://raw/1")
    reader = opened(QueueSource(at.queue, settled, wait=0))
    found = read(reader)
    held = reader._held
    at.client.change_message_visibility(
        QueueUrl=at.queue.url,
        ReceiptHandle=next(iter(held._messages.values())).receipt,
        VisibilityTimeout=0,
    )
    assert not reader.advance() and len(held) == 1
    settled.settle(*found)
    wait_for("it", lambda: at.left() == (0, 0))


def test_the_watermark(endpoint: str, settled: FileSettled) -> None:
    at = bench(endpoint)
    now = LANDED + 1000
    reader = opened(QueueSource(at.queue, settled, wait=0, lag=10, clock=lambda: now, idle_polls=3))
    at.send_body(json.dumps(bridge()))
    assert reader.start() and reader.get_watermark() == Timestamp(LANDED - 10)
    settled.settle(*[a for a in [reader.get_current()] if a])
    assert not reader.advance() and reader.get_watermark() == Timestamp(now - 10)
    now += 5
    assert not reader.advance() and reader.get_watermark() == Timestamp(now - 10)
    wait_for("it", lambda: not reader.advance() and reader.get_watermark() == MAX_TIMESTAMP)
    assert at.left() == (0, 0)


def test_nothing_ends_while_something_is_open(endpoint: str, settled: FileSettled) -> None:
    at = bench(endpoint)
    at.send("s3://raw/1")
    reader = opened(QueueSource(at.queue, settled, wait=0, idle_polls=1))
    found = read(reader)
    for _ in range(5):
        assert not reader.advance() and reader.get_watermark() < MAX_TIMESTAMP
    settled.settle(*found)
    wait_for("it", lambda: not reader.advance() and reader.get_watermark() == MAX_TIMESTAMP)


def test_a_queue_that_is_away_ends_nothing_and_one_that_does_not_exist_does(
    endpoint: str, settled: FileSettled, monkeypatch: Any
) -> None:
    at = bench(endpoint)
    reader = opened(QueueSource(at.queue, settled, wait=0))
    assert read(reader) == []
    with monkeypatch.context() as patch:
        patch.setattr(
            reader._intake, "_queue", Queue(at.queue.url, "http://127.0.0.1:9", "us-east-1")
        )
        assert not reader.advance()
    at.send("s3://raw/1")
    assert len(read(reader, start=False)) == 1
    gone = Queue(at.queue.url + "-not", endpoint, "us-east-1")
    with pytest.raises(QueueError, match="no such queue"):
        opened(QueueSource(gone, settled)).start()
    with pytest.raises(QueueError, match="no such queue"):
        check_queue(gone)
    with pytest.raises(ValueError, match="URL"):
        Queue("calls")


def test_the_thread_lets_go_when_nobody_reads_any_more(endpoint: str, settled: FileSettled) -> None:
    at = bench(endpoint, visibility=1)
    at.send("s3://raw/1")
    held = holding.register_messages(InFlightMessages(at.queue, settled, lease=1.5))
    message = sqs.receive_messages(at.queue)[0]
    held.take(message.id, message.receipt, (Arrival("s3://raw/1", "e", 1, 0.0),))
    wait_for("it", lambda: holding.find_messages(held.token) is None)
    wait_for("it", lambda: at.left() == (1, 0))
