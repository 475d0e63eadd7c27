"""The watch pipeline over folders, driven by a clock of the test's: the real source, reader, join
and actor, without a runner between.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from apache_beam.utils.timestamp import Timestamp

from callveil.pipelines.watch import WatchOptions, make_job
from callveil.schemas.arrival import Arrival
from callveil.schemas.interaction import InteractionKey
from callveil.schemas.policy_load import parse_policy
from callveil.transforms.jobs.streaming.beam import JoinByKey, Ready
from callveil.transforms.jobs.streaming.context import PublishedOutput, WatchJob
from callveil.transforms.jobs.streaming.folder_source import (
    EmittedArrivals,
    FolderReader,
    FolderSource,
)
from callveil.transforms.jobs.streaming.halves import InteractionPart, key_text, parse_key_text
from callveil.transforms.jobs.streaming.pair import collect_parts
from callveil.transforms.jobs.streaming.read_object import read_arrival
from callveil.transforms.jobs.streaming.redact_and_publish import InteractionPublisher
from callveil.transforms.storage.files.filesystem import Files

BEGIN = 1_790_000_000.0
"""When it begins, seconds since 1970."""


@dataclass
class Held:
    """State and timer of one key, as a runner keeps them."""

    pieces: list[bytes] = field(default_factory=list)
    due: float | None = None
    timer: float | None = None

    def read(self) -> list[bytes]:
        return list(self.pieces)

    def add(self, data: bytes) -> None:
        self.pieces.append(data)

    def clear(self) -> None:
        self.pieces = []


class Due:
    """The state that holds when the timer is to go off."""

    def __init__(self, held: Held) -> None:
        self.held = held

    def read(self) -> float | None:
        return self.held.due

    def write(self, at: float) -> None:
        self.held.due = at

    def clear(self) -> None:
        self.held.due = None


class Timer:
    """The timer."""

    def __init__(self, held: Held) -> None:
        self.held = held

    def set(self, at: Timestamp) -> None:
        self.held.timer = float(at)

    def clear(self) -> None:
        self.held.timer = None


class Watch:
    """A folder, a store, and a process that watches; `now` is its clock."""

    def __init__(self, place: Path, *, quiet: float = 1.0, **recordings: Any) -> None:
        (place / "in").mkdir(parents=True, exist_ok=True)
        said = ", ".join(f"{k}: {v}" for k, v in {"align": "false", **recordings}.items())
        policy = parse_policy(f"version: 1\nname: t\nextends: gdpr\nrecordings: {{{said}}}\n")
        self.place, self.now, self.quiet = place, BEGIN, quiet
        self.job: WatchJob = make_job(
            WatchOptions(
                str(place / "store"),
                policy,
                (str(place / "in"),),
                keyring=str(place / "keyring.json"),
            )
        )
        self.counts: Counter[str] = Counter()
        self.begin()

    def begin(self, files: Files | None = None) -> None:
        """Start the process, which knows nothing: the one before was killed."""
        self.live = self.job.live
        self.running = replace(self.job, files=files) if files else self.job
        source = FolderSource(
            self.running.files,
            (str(self.place / "in"),),
            self.running.live,
            self.job.root,
            quiet=self.quiet,
            poll=0.0,
        )
        self.reader = FolderReader(
            source, EmittedArrivals(source.live, source.patience), clock=lambda: self.now
        )
        rules = self.job.policy.recordings
        self.join = JoinByKey(
            self.job.wait, lambda: self.now, rules.settle_seconds, rules.original != "keep"
        )
        self.held: dict[str, Held] = {}

    def step(self, seconds: float = 0.0) -> list[PublishedOutput]:
        """Let time pass, then do all there is to do."""
        self.now += seconds
        out: list[PublishedOutput] = []
        for key, held in list(self.held.items()):
            if held.timer is not None and held.timer <= self.now:
                held.timer = None
                out += self._act(self.join.waited(key, held, Due(held), Timer(held)))
        while self.reader.advance():
            for key, piece in read_arrival(
                self.running, self.running.engines().keyring, self.reader.get_current(), self.counts
            ):
                held = self.held.setdefault(key_text(key), Held())
                out += self._act(
                    self.join.process(
                        (key_text(key), piece.encoded()), held, Due(held), Timer(held)
                    )
                )
        return out

    def _act(self, ready: Iterator[Ready]) -> list[PublishedOutput]:
        actor = InteractionPublisher(self.running, self.running.engines())
        return [
            p
            for key, (pieces, _, now) in ready
            for p in actor.act(
                parse_key_text(key), collect_parts(map(InteractionPart.decoded, pieces)), now
            )
        ]

    def put(self, name: str, data: bytes, *, append: bool = False) -> Path:
        """Write a file now."""
        path = self.place / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab" if append else "wb") as sink:
            sink.write(data)
        os.utime(path, (self.now, self.now))
        return path

    def receipt(self, key: InteractionKey, what: Any) -> dict[str, Any]:
        """A receipt; empty where there is none."""
        return self.live.receipt(key, what) or {}

    def folder(self, key: InteractionKey) -> Path:
        """Where an interaction's outputs lie."""
        return Path(self.live.folder(key))

    def unsettled(self) -> list[str]:
        """Names of files that are not dealt with."""
        found = self.job.files.glob(str(self.place / "in"))
        return [
            i.url
            for i in found
            if not self.live.settled(Arrival(i.url, i.etag, i.size, i.modified))
        ]
