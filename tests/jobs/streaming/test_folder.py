"""A folder that grows: every file is told, once, and again where it stays unsettled."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from callveil.schemas.arrival import Arrival
from callveil.transforms.jobs.streaming.folder_source import (
    EmittedArrivals,
    FolderReader,
    FolderSource,
    list_arrivals,
)
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.format1.live import Ledger, Live

PATIENCE = 100.0


def put(folder: Path, name: str, at: float, data: bytes = b"x") -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    os.utime(path, (at, at))


def read(reader: FolderReader) -> list[str]:
    out = []
    more = reader.start()
    while more:
        out.append(Path(reader.get_current().url).name)
        more = reader.advance()
    return out


def test_files_in_the_order_they_were_written_without_hidden_and_unfinished_ones(tmp_path):
    put(tmp_path, "1/b.wav", 10)
    put(tmp_path, "1/a.wav", 20)
    put(tmp_path, "1/.c.wav", 5)
    put(tmp_path, ".hidden/d.wav", 5)
    put(tmp_path, "1/late.wav", 99.5)
    assert [Path(a.url).name for a in list_arrivals(Files(), [str(tmp_path)], now=100)] == [
        "b.wav",
        "a.wav",
    ]
    assert [a.landed_at for a in list_arrivals(Files(), [str(tmp_path)], now=100)] == [10, 20]


def test_s3_objects_are_whole_at_once(files, s3_bucket):
    url = f"s3://{s3_bucket}/in/17/1.wav"
    files.write(url, b"x")
    info = files.info(url)
    assert list(list_arrivals(files, [f"s3://{s3_bucket}/in"], now=info.modified)) == [
        Arrival(url, info.etag, 1, info.modified)
    ]


def test_a_reader_polls_no_sooner_than_it_may(tmp_path):
    now = [1000.0]
    source = FolderSource(
        Files(),
        (str(tmp_path),),
        Live(Files(), str(tmp_path / "store")),
        str(tmp_path / "store"),
        poll=5,
    )
    reader = FolderReader(source, EmittedArrivals(source.live, PATIENCE), clock=lambda: now[0])
    put(tmp_path, "1.wav", 10)
    assert read(reader) == ["1.wav"]
    put(tmp_path, "2.wav", 11)
    assert read(reader) == []
    now[0] += 5
    assert read(reader) == ["2.wav"]
    with pytest.raises(ValueError, match="no current"):
        reader.get_current()


class Growing(RuleBasedStateMachine):
    """Files come and are rewritten, some are settled, processes end, time passes: the oracle keeps
    a plain list of what must be told.
    """

    @initialize()
    def begin(self) -> None:
        import tempfile

        self.root = Path(tempfile.mkdtemp())
        self.live = Live(Files(), str(self.root / "store"))
        (self.root / "in").mkdir()
        self.now = 1000.0
        self.told = EmittedArrivals(self.live, PATIENCE)
        self.told_at: dict[str, float] = {}
        self.settled: set[str] = set()
        self.everything: dict[str, Arrival] = {}

    @rule(name=st.sampled_from("abcd"), size=st.integers(1, 3))
    def come(self, name: str, size: int) -> None:
        self.now += 2
        put(self.root / "in", f"{name}.wav", self.now, b"x" * size)

    @rule(seconds=st.sampled_from([1.0, 30.0, PATIENCE]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule(name=st.sampled_from("abcd"))
    def settle(self, name: str) -> None:
        for arrival in list_arrivals(Files(), [str(self.root / "in")], self.now):
            if Path(arrival.url).name == f"{name}.wav":
                self.live.note(arrival, Ledger("audio", (), 1, "settled"))
                self.settled.add(arrival.object_id)

    @rule()
    def process_ends(self) -> None:
        self.told = EmittedArrivals(self.live, PATIENCE)
        self.told_at.clear()

    @rule()
    def poll(self) -> None:
        found = list(list_arrivals(Files(), [str(self.root / "in")], self.now))
        due = [
            a.object_id
            for a in found
            if a.object_id not in self.told_at or self.now >= self.told_at[a.object_id] + PATIENCE
        ]
        told = [a.object_id for a in self.told.new(found, self.now)]
        # What is settled may be told once more, by a process that did not know: reading it finds
        # that out. What is not must be.
        assert [i for i in told if i not in self.settled] == [
            i for i in due if i not in self.settled
        ]
        assert set(told) <= set(due)
        self.told_at |= dict.fromkeys(due, self.now)
        gone = set(self.told_at) - {a.object_id for a in found}
        for object_id in gone:
            del self.told_at[object_id]

    @precondition(lambda self: hasattr(self, "now"))
    @invariant()
    def listing_is_whole(self) -> None:
        found = [a.object_id for a in list_arrivals(Files(), [str(self.root / "in")], self.now)]
        assert len(found) == len(set(found))


Growing.TestCase.settings = settings(max_examples=60, stateful_step_count=25)
TestGrowing = Growing.TestCase
