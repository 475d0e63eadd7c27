"""`callveil watch` on the Prism runner: recordings through S3 and SQS, killed and started again."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest
from support.emulated_cloud import CREDENTIALS, Cloud, gone
from support.landed_calls import calls
from support.waiting import wait_for
from support.watch_disturbances import POLICY, Feed, check, disturb
from support.watch_runners import Prism

from callveil.pipelines.watch import find_prism

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(find_prism() is None, reason="no Prism here; deploy/prism.sh builds it"),
]


def test_every_recording_once_through_kills(tmp_path: Path) -> None:
    """24 calls in 48 objects, 3 kills: 24 recordings and 24 records, each once."""
    (tmp_path / "policy.yaml").write_text(POLICY)
    cloud = Cloud(tmp_path)
    args = [
        *cloud.options(visibility=6),
        "--output",
        str(tmp_path / "store"),
        "--policy",
        str(tmp_path / "policy.yaml"),
        "--poll",
        "0.5",
    ]
    watch = Prism(
        tmp_path, args, CREDENTIALS | {"CALLVEIL_KEYRING": str(tmp_path / "keyring.json")}
    )
    feed = Feed(cloud, calls(tmp_path / "sample", 24, seconds=20.0), rate=8, poisoned=3)
    try:
        watch.start()
        thread = feed.start()
        for line in disturb(
            watch, feed, thread, tmp_path / "store", ["client", "prism", "client"], 240
        ):
            print(line)
        print(check(tmp_path / "store", feed))
    finally:
        watch.stop()
        cloud.stop()


def test_prism_ends_with_a_command_that_was_killed(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    args = ["--input", str(tmp_path / "in"), "--output", str(tmp_path / "store")]
    watch = Prism(tmp_path, args, {"CALLVEIL_KEYRING": str(tmp_path / "keyring.json")})
    try:
        watch.start()

        def servers() -> list[psutil.Process]:
            return [p for p in watch.tree()[1:] if p.name() == "prism"]

        wait_for("Prism", lambda: bool(servers()))
        server = servers()[0]
        watch.kill("client")
        wait_for("Prism's end", lambda: gone(server.pid))
    finally:
        watch.stop()
