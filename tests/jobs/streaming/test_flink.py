"""`callveil watch` on a Flink cluster: recordings through S3 and SQS while workers, TaskManager and
JobManager are killed.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.emulated_cloud import CREDENTIALS, Cloud
from support.landed_calls import calls
from support.watch_disturbances import POLICY, Feed, check, disturb
from support.watch_runners import FLINK, Flink

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(
        not shutil.which("java")
        or not (FLINK.parents[1] / "build" / "flink" / "job-server.jar").exists(),
        reason="no Flink here; deploy/flink.sh install",
    ),
]


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    cloud = Cloud(tmp_path)
    yield cloud
    cloud.stop()


def test_every_recording_once_through_kills(tmp_path: Path, cloud: Cloud) -> None:
    """24 calls in 48 objects while a worker, the TaskManager and the JobManager are killed: 24
    recordings and 24 records, each once.
    """
    (tmp_path / "policy.yaml").write_text(POLICY)
    args = [
        *cloud.options(visibility=10),
        "--output",
        str(tmp_path / "store"),
        "--policy",
        str(tmp_path / "policy.yaml"),
        "--poll",
        "0.5",
    ]
    watch = Flink(
        tmp_path, args, CREDENTIALS | {"CALLVEIL_KEYRING": str(tmp_path / "keyring.json")}
    )
    feed = Feed(cloud, calls(tmp_path / "sample", 24, seconds=20.0), rate=4, poisoned=3)
    try:
        watch.start()
        thread = feed.start()
        for line in disturb(
            watch, feed, thread, tmp_path / "store", ["worker", "taskmanager-1", "jobmanager"], 420
        ):
            print(line)
        print(check(tmp_path / "store", feed))
        assert watch.restored, (
            "the job that the JobManager took with it came back from its checkpoint"
        )
    finally:
        watch.stop()
