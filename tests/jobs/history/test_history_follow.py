"""Following a place where version logs arrive. Everything is generated."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest
from support.history_runs import AS_OF, PLAIN, Bench, history, many, version
from support.waiting import HANGS

from callveil.pipelines import cli
from callveil.pipelines.history import HistoryOptions
from callveil.pipelines.history_follow import follow_inputs
from callveil.schemas.policy_load import load_policy
from callveil.transforms.ingest.chunks import NothingToRead
from callveil.transforms.storage.commit.maintenance import unpurged_runs, verify_integrity


def lines(rows: Sequence[dict[str, Any]]) -> bytes:
    """JSON lines."""
    return b"".join(orjson.dumps(r) + b"\n" for r in rows)


def arrive(folder: Path, name: str, data: bytes) -> None:
    """Put a file in place as a whole."""
    part = folder.parent / f"{name}.part"
    part.write_bytes(data)
    part.rename(folder / name)


class Follower:
    """The command, as a process of its own."""

    def __init__(self, bench: Bench, folder: Path) -> None:
        words = [
            "--input",
            str(folder),
            "--output",
            bench.output,
            "--policy",
            str(bench.root / "p.yaml"),
            "--keyring",
            str(bench.keyring),
        ]
        command = [
            sys.executable,
            "-m",
            "callveil.pipelines.cli",
            "history",
            "load",
            *words,
            "--as-of",
            "2026-11-02",
            "--follow",
            "0.2",
            "--json",
        ]
        self.bench, self.log = bench, (bench.root / f"log-{time.monotonic_ns()}").open("w+")
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=self.log)

    def wait(self, runs: int) -> None:
        """Until the store holds so many runs."""
        until = time.monotonic() + HANGS
        while not (
            Path(self.bench.output, "_callveil/latest.json").exists()
            and self.bench.store.current().seq >= runs
        ):
            assert self.process.poll() is None, Path(self.log.name).read_text()[-2000:]
            assert time.monotonic() < until, "no run came"
            time.sleep(0.1)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(number)
        code = self.process.wait(300)
        self.log.close()
        return code


def test_what_arrives_while_it_runs_or_while_it_does_not_gives_the_history_of_one_batch(
    make_bench: Callable[[str], Bench], tmp_path: Path
) -> None:
    bench, whole, rows = make_bench("followed"), make_bench("whole"), many(24)
    bench.root.joinpath("p.yaml").write_text(PLAIN)
    folder = tmp_path / "incoming"
    folder.mkdir()
    first = Follower(bench, folder)
    arrive(folder, "2.jsonl", lines(rows[12:]))
    first.wait(1)
    arrive(folder, "1.jsonl", lines(rows[:18]))  # late ones, and ones that were there
    first.wait(2)
    assert first.end() == 0
    arrive(folder, "3.jsonl", lines([*rows[::3], version(version_id="new"), {"version_id": "x"}]))
    second = Follower(bench, folder)
    second.wait(3)
    third_run = bench.store.manifest(3)
    assert [Path(i["url"]).name for i in third_run.inputs] == ["3.jsonl"]
    assert second.end(signal.SIGINT) == 3, "one version was rejected, and the exit code says so"
    third = Follower(bench, folder)
    time.sleep(8)  # long enough to start and look several times
    assert third.end(signal.SIGKILL) == -9
    assert bench.store.current().seq == 3, "nothing new, so nothing was done"
    whole.load(str(folder))
    assert history(bench.versions()) == history(whole.versions()) and len(whole.versions()) == 25
    assert verify_integrity(bench.store) == [] and unpurged_runs(bench.store) == []


class Clock(threading.Event):
    """Something happens between two looks, and after the last the follower is told to stop."""

    def __init__(self, *happens: Callable[[], object]) -> None:
        super().__init__()
        self.happens = list(happens)

    def wait(self, timeout: float | None = None) -> bool:
        if self.happens:
            self.happens.pop(0)()
        else:
            self.set()
        return self.is_set()


def test_a_file_is_taken_when_it_has_stopped_growing_and_again_when_it_grows_later(
    bench: Bench,
) -> None:
    folder, rows = bench.root / "incoming", [version(version_id=str(n)) for n in range(4)]
    policy = bench.root / "p.yaml"
    policy.write_text(PLAIN)
    options = HistoryOptions(
        [str(folder)],
        bench.output,
        load_policy(str(policy)),
        AS_OF,
        keyring=str(bench.keyring),
        files=bench.files,
    )
    told: list[dict[str, int]] = []
    refused: list[NothingToRead] = []
    path = folder / "log.jsonl"
    data = lines(rows)

    def write(size: int) -> Callable[[], object]:
        def act() -> None:
            folder.mkdir(exist_ok=True)
            path.write_bytes(data[:size])

        return act

    def nothing() -> None:
        """Time passes."""

    whole, half = len(data), len(lines(rows[:2]))
    clock = Clock(
        nothing, write(half - 30), write(half), nothing, nothing, write(whole), nothing, nothing
    )
    follow_inputs(
        options,
        1.0,
        clock,
        lambda: AS_OF,
        lambda result, _: told.append(result.counts),
        refused.append,
    )
    assert [(c["in"], c["stored"], c.get("duplicates", 0), c.get("rejected", 0)) for c in told] == [
        (2, 2, 0, 0),
        (4, 2, 2, 0),
    ]
    follow_inputs(
        options,
        1.0,
        Clock(nothing, nothing),
        lambda: AS_OF,
        lambda result, _: told.append(result.counts),
        refused.append,
    )
    assert len(told) == 2 and len(bench.versions()) == 4 and not refused
    (folder / "notes.txt").write_text("call back on Monday")
    follow_inputs(
        options,
        1.0,
        Clock(nothing, nothing, nothing, nothing),
        lambda: AS_OF,
        lambda result, _: told.append(result.counts),
        refused.append,
    )
    assert [f.reason for n in refused for f in n.not_read] == ["text"] and len(told) == 2


@pytest.mark.parametrize(
    "words",
    [
        ["--follow", "-1", "--input", "x"],
        ["--follow", "1"],
        ["--follow", "1", "--input", "x", "--dry-run"],
    ],
)
def test_options_that_do_not_go_with_following(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["history", "load", "--output", str(tmp_path / "store"), *words]) == 2
    assert (
        "--follow" in capsys.readouterr().err
        and json.dumps([p.name for p in tmp_path.iterdir()]) == "[]"
    )
