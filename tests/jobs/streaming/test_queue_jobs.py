"""Jobs that read a queue: batches, a pipeline, and `callveil watch`."""

from __future__ import annotations

import datetime as dt
import json
import pickle
import time
from pathlib import Path

import apache_beam as beam
import boto3
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.testing.util import assert_that, equal_to
from support.landed_calls import noise
from support.queues import FileSettled, bench
from support.s3_events import classic, records

from callveil.pipelines import cli
from callveil.pipelines.watch import WatchOptions, run_once
from callveil.schemas.arrival import Arrival
from callveil.schemas.interaction import InteractionKey
from callveil.schemas.policy_load import parse_policy
from callveil.transforms.jobs.streaming.sqs import check_queue
from callveil.transforms.jobs.streaming.sqs_source import (
    QueueSource,
    ReadQueue,
    acknowledge_settled,
    drain_queue,
    hold_messages,
)
from callveil.transforms.storage.files.filesystem import Files, S3Settings
from callveil.transforms.storage.format1.live import Live


def test_warnings_on_a_queue(endpoint: str) -> None:
    assert "no redrive policy" in check_queue(bench(endpoint, most_receives=None).queue)[0]
    assert "maxReceiveCount" in check_queue(bench(endpoint, most_receives=3).queue)[0]
    assert check_queue(bench(endpoint, most_receives=20).queue) == []
    assert (
        "retention"
        in check_queue(bench(endpoint, most_receives=20, MessageRetentionPeriod="600").queue)[0]
    )


def test_a_batch_in_two_steps(endpoint: str, settled: FileSettled) -> None:
    """Drained, kept from others while the batch runs, and acknowledged as far as it came."""
    at = bench(endpoint, visibility=1, most_receives=6)
    at.send(*(f"s3://raw/{n}" for n in range(23)))
    at.send_body("no notification")
    messages = drain_queue(at.queue, wait=0)
    assert len(messages) == 23 and at.dead_bodies() == ["no notification"]
    with hold_messages(at.queue, messages):
        time.sleep(2.5)
        assert at.left() == (0, 23)
        settled.settle(*(a for m in messages[:20] for a in m.arrivals))
    assert acknowledge_settled(at.queue, messages, settled) == {
        "deleted": 20,
        "given_back": 3,
        "lost": 0,
    }
    assert at.left() == (3, 0)
    settled.settle(*(a for m in messages[20:21] for a in m.arrivals))
    rest = drain_queue(at.queue, settled=settled, wait=0)
    assert len(rest) == 2 and at.left() == (0, 2)
    at.client.purge_queue(QueueUrl=at.queue.url)
    assert acknowledge_settled(at.queue, rest, settled)["lost"] == 2


def test_a_limited_batch(endpoint: str, settled: FileSettled) -> None:
    at = bench(endpoint)
    at.send(*(f"s3://raw/{n}" for n in range(23)))
    assert len(drain_queue(at.queue, limit=15, wait=0)) == 15
    assert at.left() == (8, 15)


def always(arrival: Arrival) -> bool:
    return True


def test_in_a_pipeline(endpoint: str) -> None:
    """The whole source under Beam's wrapper; the embedded runner gives outputs only at the end, so
    everything counts as settled here.
    """
    at = bench(endpoint)
    at.send(*(f"s3://raw/{n}" for n in range(130)))
    source = QueueSource(at.queue, always, wait=0, idle_polls=2)
    assert isinstance(pickle.loads(pickle.dumps(source)), QueueSource)
    with beam.Pipeline(
        "FnApiRunner", options=PipelineOptions(["--no_pipeline_type_check"])
    ) as pipeline:
        found = (
            pipeline
            | ReadQueue(source, poll_interval=0.05, records=25)
            | "Url" >> beam.Map(lambda a: a.url)
        )
        assert_that(found, equal_to([f"s3://raw/{n}" for n in range(130)]))
    assert at.left() == (0, 0)


def test_watch_looks_at_the_queue_first(
    endpoint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command warns of a queue that is set up badly, seals what is no notification, and fails
    on a queue that is not there.
    """
    base = [
        "watch",
        "--once",
        "--output",
        str(tmp_path / "store"),
        "--keyring",
        str(tmp_path / "k.json"),
        "--sqs-endpoint-url",
        endpoint,
    ]
    low = bench(endpoint, most_receives=3)
    assert cli.main([*base, "--queue", low.queue.url]) == 0
    assert "maxReceiveCount" in capsys.readouterr().err
    bare = bench(endpoint, most_receives=None)
    bare.send_body('{"name": "Quillon Vexworth"}')
    assert cli.main([*base, "--queue", bare.queue.url]) in (0, 3)
    assert "no redrive policy" in capsys.readouterr().err and bare.left() == (0, 0)
    written = [path for path in (tmp_path / "store").rglob("*") if path.is_file()]
    assert any(b"bad_notification" in path.read_bytes() for path in written)
    assert not any(b"Vexworth" in path.read_bytes() for path in written)
    assert cli.main([*base, "--queue", low.queue.url + "-not"]) == 1
    assert "no such queue" in capsys.readouterr().err


def test_an_object_that_is_replaced_is_dealt_with_as_it_is_and_put_away_once_it_has_settled(
    endpoint: str, tmp_path: Path
) -> None:
    """Half a recording is told of, the whole one takes its place; its message goes once the
    original has.
    """
    at, files = bench(endpoint), Files(S3Settings(endpoint, "us-east-1"))
    boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1").create_bucket(
        Bucket="settles"
    )
    policy = parse_policy(
        "version: 1\nname: t\nextends: gdpr\nrecordings: {wait_seconds: 0, original: delete, "
        "settle_seconds: 60}\n"
    )
    options = WatchOptions(
        str(tmp_path / "store"),
        policy,
        queue=at.queue,
        keyring=str(tmp_path / "k.json"),
        files=files,
    )

    def land(name: str, data: bytes) -> float:
        etag = files.write(f"s3://settles/17/{name}", data)
        told = records(classic(f"17/{name}", bucket="settles", eTag=etag, size=len(data)))
        told["Records"][0]["eventTime"] = dt.datetime.now(dt.UTC).isoformat()
        at.send_body(json.dumps(told))
        return time.time()

    whole = noise(2)
    land("1.wav", whole[:20_000])
    counts = run_once(options, land("1.wav", whole) + 5)
    receipt = Live(files, options.output).receipt(InteractionKey("17", "1"), "audio") or {}
    assert (receipt["status"], receipt["seconds"], receipt["cut"]) == ("done", 2, False)
    assert counts["audio.done"] == counts["settling"] == 1 and files.info("s3://settles/17/1.wav")
    assert counts["messages.given_back"] == 1, (
        "of the whole one, until its original is put away; the other is settled"
    )
    later = land("2.wav", whole[:20_000]) + 70
    run_once(options, later)
    assert files.info("s3://settles/17/1.wav") is None and at.left() == (0, 0)
    cut = Live(files, options.output).receipt(InteractionKey("17", "2"), "audio") or {}
    assert (cut["cut"], cut["original"]) == (True, "keep") and files.read(
        "s3://settles/17/2.wav"
    ) == whole[:20_000]
    run_once(options, land("2.wav", whole) + 70)
    assert files.info("s3://settles/17/2.wav") is None and at.left() == (0, 0)
