"""Nothing is lost when readers are killed, and only the poisoned reach the dead-letter queue; and
the source on the Prism runner.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from support import ROOT
from support.queue_crash_worker import work
from support.queues import Bench, FileSettled, bench
from support.waiting import wait_for

from callveil.schemas.arrival import Arrival
from callveil.transforms.jobs.streaming.sqs_source import QueueSource, ReadQueue

PRISM = Path(os.environ.get("CALLVEIL_PRISM", ROOT / "build/go/prism"))


def poison(at: Bench, number: int) -> list[str]:
    """Send so many messages that are no notifications; returns their bodies."""
    bodies = [json.dumps({"hello": n}) for n in range(number)]
    for body in bodies:
        at.send_body(body)
    return sorted(bodies)


@pytest.mark.integration
def test_ten_kills(endpoint: str, tmp_path: Path) -> None:
    """300 objects, 7 poisoned messages, ten readers killed at random moments: every object done,
    the queue empty, the dead-letter queue exact.
    """
    at = bench(endpoint, visibility=2, most_receives=30)
    names = [f"s3://raw/{n}.wav" for n in range(300)]
    at.send(*names[:150])
    bad = poison(at, 7)
    at.send(*names[150:])
    rng = random.Random(11)
    # A fork server that an earlier test started would not know this server's credentials.
    context = multiprocessing.get_context("spawn")
    for turn in range(11):
        reader = context.Process(target=work, args=(at.queue, str(tmp_path), turn), daemon=True)
        reader.start()
        if turn < 10:
            before = len(list(tmp_path.iterdir()))
            until = time.monotonic() + 30
            while (
                len(list(tmp_path.iterdir())) - before < rng.randrange(2, 25)
                and time.monotonic() < until
            ):
                time.sleep(0.05)
        else:
            wait_for("the last messages", lambda: at.left() == (0, 0), pause=0.3)
        reader.kill()
        reader.join()
    done = sorted(path.read_text() for path in tmp_path.iterdir() if len(path.name) == 32)
    assert done == sorted(names)
    taken = (tmp_path / "taken.log").read_text().splitlines()
    assert len(taken) >= len(names) + 10, (
        "the kills struck too little that was in work for the test to show anything"
    )
    assert at.dead_bodies() == bad


class Settle(beam.DoFn):
    """Stand-in for the pipeline: settles each object and logs its URL."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def process(self, arrival: Arrival) -> Iterator[str]:
        FileSettled(self._folder).settle(arrival)
        with (Path(self._folder) / "work.log").open("a") as log:
            log.write(arrival.url + "\n")
        yield arrival.url


@pytest.mark.integration
@pytest.mark.skipif(not PRISM.exists(), reason="deploy/prism.sh has not built Prism")
def test_on_prism(endpoint: str, tmp_path: Path) -> None:
    """Outputs come while it reads, so messages are settled, deleted, and the source ends by
    itself.
    """
    at = bench(endpoint, visibility=5, most_receives=20)
    at.send(*(f"s3://raw/{n}" for n in range(150)))
    bad = poison(at, 3)
    source = QueueSource(at.queue, FileSettled(str(tmp_path)), wait=0, idle_polls=5)
    options = PipelineOptions(
        [
            "--runner=PrismRunner",
            f"--prism_location={PRISM}",
            "--environment_type=LOOPBACK",
            "--streaming",
        ]
    )
    with beam.Pipeline(options=options) as pipeline:
        _ = (
            pipeline
            | ReadQueue(source, poll_interval=0.1, records=20)
            | beam.Reshuffle()
            | beam.ParDo(Settle(str(tmp_path)))
        )
    assert at.left() == (0, 0) and at.dead_bodies() == bad
    assert sorted((tmp_path / "work.log").read_text().split()) == sorted(
        f"s3://raw/{n}" for n in range(150)
    ), "each was given out once"
