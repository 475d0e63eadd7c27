"""A run that is killed, wherever it is, and started again ends as if nothing had happened, and
readers see a whole run or none meanwhile.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from support import killed_commands
from support.command_runs import (
    PLAIN,
    call,
    environment,
    key_of,
    leftovers,
    live,
    rows,
    tree,
    write_lines,
)
from support.killed_commands import KILLED

from callveil.transforms.lab.sample.write import write_sample
from callveil.transforms.report.verify.store import verify_evidence
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.commit.maintenance import verify_integrity
from callveil.transforms.storage.evidence.public_key import PublicKey
from callveil.transforms.storage.evidence.signing_keys import ENV
from callveil.transforms.storage.files.filesystem import Files

RANDOM_KILLS = 4
WITHIN = 4
"""Kills at random steps before the publishing, beside one at each step of it."""
POLICY = PLAIN + "full_after_days: 60\n"


@dataclass
class Scene:
    """A store with one run in it, the next run's command, and how it ends when nobody disturbs it.

    Attributes:
        folder: holds `base/` (the store before), `clean/` (the store after an undisturbed run) and
            notes.
        words: of the second run; `{store}` stands for the store.
        env: of all runs.
        code: exit code of the undisturbed run. steps: its steps. seconds: its duration.
    """

    folder: Path
    words: list[str]
    env: dict[str, str]
    code: int = 0
    steps: list[str] | None = None
    seconds: float = 0.0

    def command(self, store: Path) -> list[str]:
        """The second run's command on a store."""
        return [w.replace("{store}", str(store)) for w in self.words]

    def copy(self, name: str) -> Path:
        """A copy of the store as it was before the second run."""
        store = self.folder / "copies" / name
        shutil.copytree(self.folder / "base", store)
        return store

    def check_reader(self, store: Path) -> None:
        """Check that a reader now sees a whole state: the one before or the one after."""
        current = Store.open(Files(), str(store)).current()
        assert current.seq in (1, 2)
        whole = Store.open(Files(), str(self.folder / ("base" if current.seq == 1 else "clean")))
        assert current == whole.current()
        assert live(Store.open(Files(), str(store))) == live(whole)

    def finish(self, store: Path) -> None:
        """Run the command again and compare the end with the undisturbed one."""
        code, printed, _ = killed_commands.run(
            self.command(store), self.env, self.folder / "notes" / f"{store.name}-end", str(store)
        )
        assert code == self.code, printed
        assert different(store, self.folder / "clean") == []
        assert leftovers(store) == []
        assert verify_integrity(Store.open(Files(), str(store))) == []
        evidence = verify_evidence(Files(), str(store), [PublicKey.read(self.env[ENV])])
        assert evidence.problems == (), [str(p) for p in evidence.problems]
        shutil.rmtree(store)


def different(one: Path, other: Path) -> list[str]:
    """Paths that only one of two stores has, or that differ in their bytes. Of purge records only
    the presence counts: they tell how many versions a purge found, and a repeated one finds fewer.
    """
    a, b = tree(one), tree(other)
    return sorted(
        p
        for p in a.keys() | b.keys()
        if (p not in a or p not in b or (a[p] != b[p] and not p.startswith("_callveil/purged/")))
    )


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """A store of calls; then a day of the sample with broken lines, later snapshots of half the
    calls, requests, and calls that have grown old.
    """
    folder = tmp_path_factory.mktemp("resume")
    env = environment(folder)
    (folder / "policy.yaml").write_text(POLICY)
    first = [
        call(
            n,
            called_at=f"2026-{9 + n % 2:02d}-0{1 + n % 2}T10:00:00Z",
            notes=f"mail a{n}@mail.example",
        )
        for n in range(12)
    ]
    later = [
        call(
            n,
            called_at=f"2026-{9 + n % 2:02d}-0{1 + n % 2}T10:00:00Z",
            duration=99,
            notes=f"ring 415 555 01{n:02d}",
        )
        for n in range(6)
    ]
    write_lines(folder / "first.jsonl", first)
    write_sample(folder / "day", 11, 30, accounts=4, days=2, malformed=0.1)
    write_lines(folder / "day" / "interactions" / "later.jsonl", later)
    account, number = key_of(call(8))
    request = {
        "account_id": account,
        "interaction_id": number,
        "scope": "field",
        "field": "notes",
        "reason": "asked",
        "actor": "dpo",
    }
    write_lines(folder / "requests.jsonl", [request])
    common = [
        "--output",
        "{store}",
        "--policy",
        f"{folder}/policy.yaml",
        "--shard-rows",
        "8",
        "--no-progress",
        "--json",
    ]
    common += ["--keyring", f"{folder}/keyring.json"]
    accounts = [
        "--accounts",
        f"{folder}/day/accounts.jsonl",
        "--requests",
        f"{folder}/requests.jsonl",
    ]
    made = Scene(
        folder,
        [
            "redact",
            "--input",
            f"{folder}/day/interactions",
            *accounts,
            "--as-of",
            "2026-11-02",
            *common,
        ],
        env,
    )
    base = folder / "base"
    words = [
        "redact",
        "--input",
        f"{folder}/first.jsonl",
        "--as-of",
        "2026-10-04",
        *[w.replace("{store}", str(base)) for w in common],
    ]
    code, printed, _ = killed_commands.run(words, env, folder / "notes" / "base", str(base))
    assert code == 0, printed
    clean = folder / "clean"
    shutil.copytree(base, clean)
    started = time.monotonic()
    made.code, printed, made.steps = killed_commands.run(
        made.command(clean), env, folder / "notes" / "clean", str(clean)
    )
    made.seconds = time.monotonic() - started
    assert made.code == 3, printed
    counts = Store.open(Files(), str(clean)).manifest(2).counts
    assert (
        min(
            counts[n]
            for n in ("redacted", "rejected", "replaced", "aged", "redone", "requests_applied")
        )
        > 0
    ), counts
    return made


def publishing(scene: Scene) -> list[str]:
    """Steps from the end of the pipeline on."""
    assert scene.steps
    return scene.steps[
        next(
            n
            for n, s in enumerate(scene.steps)
            if s.startswith("placed _callveil/work/") and s.endswith("/outcome.json")
        ) :
    ]


def telling(steps: list[str]) -> list[str]:
    """Of steps, those that leave another state behind: a file that is begun is no other state than
    the step before it, one that has its name is told apart from the next only where readers go by
    it, and of deletions below one folder the first and the last stand for all.
    """
    folders: dict[str, list[str]] = {}
    for step in steps:
        if step.startswith("delete "):
            folders.setdefault(
                "/".join(step.split("/")[: 2 if "_callveil" in step else 1]), []
            ).append(step)
    read = ("_callveil/manifests/", "_callveil/latest.json")
    ends = {step for found in folders.values() for step in (found[0], found[-1])}
    return [
        s for s in steps if s.startswith(("place ", *(f"placed {r}" for r in read))) or s in ends
    ]


@pytest.mark.integration  # two minutes
def test_killed_at_each_step_of_publishing(scene: Scene) -> None:
    steps = telling(publishing(scene))
    kinds = [s.split("/")[1] if "/" in s else s for s in steps]
    assert {"manifests", "snapshots", "latest.json", "runs", "purged", "work"} <= set(kinds), (
        "not all parts of publishing were seen"
    )
    assert sum(s.startswith("delete interactions/") for s in steps) >= 2
    for number, step in enumerate(steps):
        store = scene.copy(f"step-{number}")
        code, printed, done = killed_commands.run(
            scene.command(store),
            scene.env,
            scene.folder / "notes" / f"step-{number}",
            str(store),
            kill_at=step,
        )
        # Metadata of tables are written by several threads: another's step may be noted last.
        assert code == KILLED and step in done[-3:], printed
        scene.check_reader(store)
        scene.finish(store)


def test_killed_at_steps_of_the_pipeline(scene: Scene) -> None:
    assert scene.steps
    before = scene.steps[: scene.steps.index(publishing(scene)[0])]
    chosen = random.Random(5).sample([s for s in before if s.startswith("place")], WITHIN)
    for number, step in enumerate(chosen):
        store = scene.copy(f"within-{number}")
        code, printed, _ = killed_commands.run(
            scene.command(store),
            scene.env,
            scene.folder / "notes" / f"within-{number}",
            str(store),
            kill_at=step,
        )
        assert code == KILLED, printed
        scene.check_reader(store)
        scene.finish(store)


def test_killed_at_random_moments_again_and_again(scene: Scene) -> None:
    rng = random.Random(7)
    store = scene.copy("random")
    killed = 0
    for n in range(RANDOM_KILLS):
        running = killed_commands.start(
            scene.command(store), scene.env, scene.folder / "notes" / f"random-{n}", str(store)
        )
        killed += running.kill_after(rng.uniform(0.1, 0.9) * scene.seconds) == KILLED
        scene.check_reader(store)
    assert killed >= 1
    scene.finish(store)


def test_a_finished_shard_is_not_done_again(scene: Scene) -> None:
    assert scene.steps
    step = publishing(scene)[0]
    store = scene.copy("again")
    killed_commands.run(
        scene.command(store), scene.env, scene.folder / "notes" / "again", str(store), kill_at=step
    )
    _, _, steps = killed_commands.run(
        scene.command(store), scene.env, scene.folder / "notes" / "again", str(store)
    )
    written = [
        s
        for s in steps
        if s.startswith(("write interactions/", "write findings/", "write rejected"))
        and "/metadata/" not in s
    ]
    assert written == []
    assert different(store, scene.folder / "clean") == []


def test_the_command_killed_in_a_process_of_its_own(scene: Scene) -> None:
    store = scene.copy("process")
    words = [sys.executable, "-m", "callveil.pipelines.cli", *scene.command(store)]
    process = subprocess.Popen(
        words, env=scene.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while process.poll() is None and not list((store / "_callveil" / "work").rglob("*.sealed")):
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == KILLED
    scene.check_reader(store)
    scene.finish(store)


def test_the_same_command_twice_at_once_is_one_run(scene: Scene) -> None:
    store = scene.copy("twins")
    twins = [
        killed_commands.start(
            scene.command(store), scene.env, scene.folder / "notes" / "twins", str(store)
        )
        for _ in range(2)
    ]
    for twin in twins:
        assert twin.wait() == scene.code, twin.printed.read_text()
    scene.finish(store)


def test_two_runs_at_once_are_both_published(scene: Scene, tmp_path: Path) -> None:
    store = tmp_path / "store"
    words = []
    for name, numbers in (("one", range(8)), ("two", range(4, 12))):
        write_lines(
            tmp_path / f"{name}.jsonl",
            [call(n, duration=60 + len(name) + n % 3, notes=f"{name} {n}") for n in numbers],
        )
        policy = [
            "--policy",
            f"{scene.folder}/policy.yaml",
            "--as-of",
            "2026-11-02",
            "--no-progress",
        ]
        words.append(
            ["redact", "--input", f"{tmp_path}/{name}.jsonl", "--output", str(store), *policy]
        )
    both = [killed_commands.start(w, scene.env, tmp_path / "notes", str(store)) for w in words]
    for one in both:
        assert one.wait() == 0, one.printed.read_text()
    opened = Store.open(Files(), str(store))
    assert opened.current().seq == 2
    assert len(rows(opened, "interactions")) == 12
    assert {p for p in tree(store) if not p.startswith("_callveil/")} == set(live(opened))
    assert leftovers(store) == [] and verify_integrity(opened) == []


def test_a_killed_run_leaves_nothing_when_another_came_between(
    scene: Scene, tmp_path: Path
) -> None:
    """Its shards are planned anew on the other run's results; files of the first attempt that the
    second has no use for are removed.
    """
    store, notes = tmp_path / "store", tmp_path / "notes"
    write_lines(tmp_path / "many.jsonl", [call(n) for n in range(20)])
    write_lines(tmp_path / "newer.jsonl", [call(n, duration=99) for n in range(16)])
    policy = [
        "--policy",
        f"{scene.folder}/policy.yaml",
        "--as-of",
        "2026-11-02",
        "--no-progress",
        "--shard-rows",
        "4",
        "--output",
        str(store),
    ]
    first, other = (
        ["redact", "--input", f"{tmp_path}/{name}.jsonl", *policy] for name in ("many", "newer")
    )
    running = killed_commands.start(first, scene.env, notes, str(store))
    running.wait_until("/outcome.json")
    running.kill_after(0)
    assert killed_commands.run(other, scene.env, notes, str(store))[0] == 0
    assert killed_commands.run(first, scene.env, notes, str(store))[0] == 0
    opened = Store.open(Files(), str(store))
    assert sorted(r["duration"] for r in rows(opened, "interactions")) == [60] * 4 + [99] * 16
    assert {p for p in tree(store) if not p.startswith("_callveil/")} == set(live(opened))
    assert leftovers(store) == [] and verify_integrity(opened) == []
