"""Recordings and records that land while `callveil watch` is killed again and again, and what must
be there at the end.

feed      calls land in random order, some told of twice, poisoned messages among them
disturb   parts of the runner are killed at even distances of progress, and started again as a
          supervisor would
check     every call has one redacted recording and one redacted record, whole; the queue is empty;
          the dead-letter queue holds the poisoned only
"""

from __future__ import annotations

import hashlib
import json
import random
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from support.emulated_cloud import Cloud
from support.landed_calls import Call
from support.watch_runners import Runner

POLICY = "version: 1\nname: kills\nextends: gdpr\nrecordings: {wait_seconds: 3600, align: false}\n"
"""Nothing is acted on for having waited: which half comes late is a matter of the kills."""


PAUSE = 15.0


@dataclass
class Feed:
    """Calls on their way to a bucket, from a thread.

    Attributes:
        rate: objects a second; 0 is as fast as it goes.
        twice: the share of objects that the queue is told of twice.
        poisoned: how many messages are no notifications.
    """

    cloud: Cloud
    calls: Sequence[Call]
    rate: float = 0.0
    twice: float = 0.05
    poisoned: int = 10
    seed: int = 1
    landed: int = 0
    bodies: list[str] = field(default_factory=list)

    def start(self) -> threading.Thread:
        """Begin; the thread ends when all has landed."""
        thread = threading.Thread(target=self._run, daemon=True)
        thread.start()
        return thread

    def _run(self) -> None:
        rng = random.Random(self.seed)
        objects = [
            (place + rng.uniform(-20, 20), c, kind)
            for place, c in enumerate(self.calls)
            for kind in ("wav", "json")
        ]
        objects.sort(key=lambda o: o[0])
        at = set(rng.sample(range(len(objects)), self.poisoned))
        for number, (_, call, kind) in enumerate(objects):
            if number in at:
                self.bodies.append(json.dumps({"poison": number}))
                self.cloud.poison(self.bodies[-1])
            data = call.audio if kind == "wav" else call.record
            for _ in range(2 if rng.random() < self.twice else 1):
                self.cloud.put(f"raw/{call.name}.{kind}", data)
            self.landed += 1
            if self.rate:
                time.sleep(1 / self.rate)


def receipts(store: Path, what: str) -> int:
    """How many receipts there are."""
    return sum(1 for _ in (store / "live" / "calls").glob(f"*/*/{what}.json"))


def disturb(
    runner: Runner,
    feed: Feed,
    thread: threading.Thread,
    store: Path,
    roles: Sequence[str],
    seconds: float,
) -> Iterator[str]:
    """Kill `roles` in turn, each when as much more is done as the one before, and wait for the end.
    Yields what happened, a line each.

    Where all is done before each had its turn, the others are killed `PAUSE` seconds apart:
    messages may be left to be deleted.

    Raises AssertionError where it has not ended after `seconds`.
    """
    begun, left, goal = time.monotonic(), list(roles), len(feed.calls)
    step = goal / (len(left) + 1)
    at, last = step, 0.0
    while True:
        done, spent = receipts(store, "audio"), time.monotonic() - begun
        if left and (done >= at or (done >= goal and spent > last + PAUSE)):
            role, last = left.pop(0), spent
            runner.kill(role)
            at = max(at, done) + step * 0.999
            yield f"{spent:6.1f} s: killed {role} at {done} of {goal}"
        elif (
            done >= goal
            and receipts(store, "record") >= goal
            and not thread.is_alive()
            and not left
            and feed.cloud.left() == 0
        ):
            yield f"{spent:6.1f} s: the queue is empty; {runner.starts} starts"
            return
        if runner.recover():
            yield f"{time.monotonic() - begun:6.1f} s: started again"
        if spent > seconds:
            missing = (
                f"{goal - done} recordings, {goal - receipts(store, 'record')} records "
                f"missing, {feed.cloud.left()} messages left"
            )
            raise AssertionError(f"not done after {seconds:g} s: {missing}")
        time.sleep(0.5)


def check(store: Path, feed: Feed) -> dict[str, int]:
    """Raises AssertionError where something is missing, twice, broken or in the wrong place.
    Returns counts.
    """
    calls = {c.name: c for c in feed.calls}
    found = {f"{p.parent.name}/{p.name}" for p in (store / "live" / "calls").glob("*/*")}
    assert found == set(calls), f"{len(found ^ set(calls))} interactions too many or too few"
    files = 0
    for name in calls:
        folder = store / "live" / "calls" / name
        for what in ("audio", "record"):
            receipt = json.loads((folder / f"{what}.json").read_text())
            assert receipt["status"] == "done", (name, receipt["status"], receipt["reason"])
            data = (folder / receipt["file"]).read_bytes()
            assert hashlib.sha256(data).hexdigest() == receipt["sha256"], name
            outputs = [p.name for p in folder.iterdir() if p.name.startswith(f"{what}-")]
            assert outputs == [receipt["file"]], (name, outputs)
            files += 1
        assert json.loads((folder / "audio.json").read_text())["reason"] == "", (
            f"{name} was covered whole: its transcript was not waited for"
        )
    dead = feed.cloud.dead_bodies()
    assert dead == sorted(feed.bodies), (
        f"{len(dead)} in the dead-letter queue, {len(feed.bodies)} poisoned"
    )
    rejected = len(list((store / "live").glob("rejected/*/*.json")))
    assert rejected == 0, f"{rejected} rejected"
    return {"calls": len(calls), "files": files, "dead": len(dead)}
