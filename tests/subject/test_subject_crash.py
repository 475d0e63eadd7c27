"""Real processes killed at changes of the store, and repeated: the end is always the same, and readers see a whole run or none."""

from __future__ import annotations

import multiprocessing
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import doomed
import pytest
from people_world import World, human, interaction, left_over, version

from callveil.pipelines.subject import erase, restrict
from callveil.transforms.store.care import unpurged, verify


@pytest.fixture(scope="module")
def spawn() -> Iterator[Any]:
    """Processes that start from a clean one with everything imported, so that each costs little."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["doomed"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parent))
        yield context


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A store with one person to be erased and two others."""
    world = World(tmp_path_factory.mktemp("first") / "world")
    rng = random.Random(23)
    people = [human(n) for n in range(3)]
    records = [interaction(rng, n, people[n % 3], people[0] if n == 4 else None) for n in range(9)]
    world.redact(records, [b'{"id": 1, "account_id": 41, "caller_number": "' + people[0].phones[0].encode()])
    world.history([version(n, ("Call", records[n]["id"]), {"status": ("a", "b")}) for n in range(3)])
    world.ask("erasure", *people[0].phones, *people[0].emails, request_id="R")
    world.confirm_all("R")
    return world


def state_of(world: World) -> dict[str, list[dict[str, Any]]]:
    """What readers see."""
    return {d: world.rows(d) for d in ("interactions", "findings", "versions")}


def attempt(spawn: Any, world: World, scope: str, step: int, moment: str) -> int | None:
    """Carry the request out in a process that dies at a step; the number of its changes where it did not."""
    done = spawn.Queue()
    process = spawn.Process(target=doomed.run, args=(str(world.root), "R", scope, step, moment, done))
    process.start()
    process.join(120)
    assert process.exitcode in (0, -9), "the process failed by itself"
    return int(done.get()) if process.exitcode == 0 else None


def copy_of(world: World, folder: Path) -> World:
    shutil.copytree(world.root, folder)
    return World(folder)


def series(world: World) -> list[tuple[Any, ...]]:
    """Certificates without what differs from run to run: times, and how many versions a repetition still found to purge."""
    rows = world.rows("erasure_certificates")
    names = ("record_class", "location", "method", "rows_matched", "rows_erased", "rows_retained", "retention_ground", "residual_hits")
    return sorted({tuple(r[n] for n in names) for r in rows if r["completed_at"]}, key=repr)


def check(world: World, whole: World) -> None:
    """The same end as that of an undisturbed run."""
    assert state_of(world) == state_of(whole) and series(world) == series(whole)
    assert verify(world.store) == [] and unpurged(world.store) == []
    assert left_over(Path(world.output), human(0).values) == []
    assert not list(Path(world.output).rglob(".callveil-tmp-*"))
    assert [f.path.split("/")[0] for f in world.store.current().files].count("subjects") == [
        f.path.split("/")[0] for f in whole.store.current().files
    ].count("subjects")


def killed(tmp_path: Path, spawn: Any, first: World, scope: str, steps: Any, moments: tuple[str, ...]) -> int:
    whole = copy_of(first, tmp_path / "whole")
    before = state_of(whole)
    total = attempt(spawn, whole, scope, 10**6, "before")
    assert total is not None and total > 20
    died = 0
    for step in steps(total):
        for moment in moments or (doomed.MOMENTS[step % 3],):
            world = copy_of(first, tmp_path / f"{step}-{moment}")
            died += attempt(spawn, world, scope, step, moment) is None
            assert state_of(world) in (before, state_of(whole))  # a whole run or none
            (erase if scope == "erasure" else restrict)(world.options(2), "R")
            check(world, whole)
            shutil.rmtree(world.root)
    return died


def test_an_erasure_killed_and_repeated(tmp_path: Path, spawn: Any, first: World) -> None:
    """Some changes here; every change at every moment is the soak test below."""
    assert killed(tmp_path, spawn, first, "erasure", lambda total: range(2, total + 1, max(1, total // 6)), ()) > 4


def test_a_restriction_killed_and_repeated(tmp_path: Path, spawn: Any, first: World) -> None:
    assert killed(tmp_path, spawn, first, "restriction", lambda total: range(3, total + 1, max(1, total // 3)), ()) > 1


@pytest.mark.soak
@pytest.mark.parametrize("scope", ["erasure", "restriction"])
def test_killed_at_every_change_at_every_moment(tmp_path: Path, spawn: Any, first: World, scope: str) -> None:
    killed(tmp_path, spawn, first, scope, lambda total: range(1, total + 1), doomed.MOMENTS)
