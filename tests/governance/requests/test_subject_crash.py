"""Real processes killed at changes of the store, and repeated: the end is always the same, and
readers see a whole run or none.
"""

from __future__ import annotations

import multiprocessing
import os
from pathlib import Path
from typing import Any

import pytest
from support import crash_worker
from support.faults import MOMENTS
from support.live_people import LiveWorld, PreparedWorld, files_of, opened, populate
from support.people_world import World, left_over, version
from support.waiting import HANGS

from callveil.pipelines.subject import erase_request, restrict_request
from callveil.transforms.storage.commit.maintenance import unpurged_runs, verify_integrity


@pytest.fixture(scope="module")
def spawn() -> Any:
    """Processes that start from a clean one with everything imported, so that each costs little."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["support.crash_worker"])
    return context


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> PreparedWorld:
    """A store and its live zone with a person who is to be erased, and others."""
    folder = tmp_path_factory.mktemp("first")
    made = populate(World(folder / "world"))
    calls = [r["id"] for r in made.world.rows("interactions")][:3]
    made.world.history(
        [version(n, ("Call", number), {"status": ("a", "b")}) for n, number in enumerate(calls)]
    )
    made.ask()
    return PreparedWorld(made, folder / "kept")


def state_of(world: World) -> dict[str, list[dict[str, Any]]]:
    """Return the rows that readers see, by dataset."""
    return {d: world.rows(d) for d in ("interactions", "findings", "versions", "rejected")}


def attempt(spawn: Any, world: World, scope: str, step: int, moment: str) -> int | None:
    """Carry the request out in a process that dies at a step; the number of its changes where it
    did not.
    """
    done = spawn.Queue()
    process = spawn.Process(
        target=crash_worker.run_request,
        args=(str(world.root), "R", scope, step, moment, os.environ["CALLVEIL_STATE"], done),
    )
    process.start()
    process.join(HANGS)
    assert process.exitcode in (0, -9), "the process failed by itself"
    return int(done.get()) if process.exitcode == 0 else None


def series(world: World) -> list[tuple[Any, ...]]:
    """Certificates without what differs from run to run: times, and how many versions a repetition
    still found to purge.
    """
    rows = world.rows("erasure_certificates")
    names = (
        "record_class",
        "location",
        "method",
        "rows_matched",
        "rows_erased",
        "rows_retained",
        "retention_ground",
        "residual_hits",
    )
    return sorted({tuple(r[n] for n in names) for r in rows if r["completed_at"]}, key=repr)


def end_of(made: LiveWorld) -> dict[str, Any]:
    """The end a request comes to: rows, certificates, and files of the live zone and the inbox but
    for those that hold a time or a salt.
    """
    world = made.world
    present = [f.path.split("/")[0] for f in world.store.current().files].count("subjects")
    files = files_of(made, without=("live/unsealed", "live/objects", ".proof.", ".callveil-lock"))
    return {
        "rows": state_of(world),
        "certificates": series(world),
        "subjects": present,
        "files": files,
    }


def check(made: LiveWorld, scope: str, whole: dict[str, Any], where: str) -> None:
    """The same end as that of an undisturbed run. `where` it was killed."""
    end = end_of(made)
    files, wanted = end["files"], whole["files"]
    assert sorted(p for p in files.keys() | wanted.keys() if files.get(p) != wanted.get(p)) == [], (
        where
    )
    assert end == whole, where
    assert verify_integrity(made.world.store) == [] and unpurged_runs(made.world.store) == []
    assert not list(Path(made.world.output).rglob(".callveil-tmp-*"))
    if scope == "erasure":
        who = made.people[0].values
        assert (
            left_over(Path(made.world.output), who)
            == []
            == left_over(made.world.root / "inbox", who)
        )
        assert not [p for p, data in opened(made) for v in who if v.encode() in data.lower()]


def killed(
    spawn: Any, first: PreparedWorld, scope: str, steps: Any, moments: tuple[str, ...]
) -> int:
    made = first.restore()
    before = state_of(made.world)
    total = attempt(spawn, made.world, scope, 10**6, "before")
    assert total is not None and total > 20
    whole, died = end_of(made), 0
    check(made, scope, whole, "nowhere")
    for step in steps(total):
        for moment in moments or (MOMENTS[step % 3],):
            made = first.restore()
            died += attempt(spawn, made.world, scope, step, moment) is None
            assert state_of(made.world) in (before, whole["rows"])  # a whole run or none
            (erase_request if scope == "erasure" else restrict_request)(made.world.options(2), "R")
            check(made, scope, whole, f"{moment} change {step}")
    return died


def test_an_erasure_killed_and_repeated(spawn: Any, first: PreparedWorld) -> None:
    """Some changes here; every change at every moment is the soak test below."""
    assert (
        killed(spawn, first, "erasure", lambda total: range(2, total + 1, max(1, total // 6)), ())
        > 4
    )


def test_a_restriction_killed_and_repeated(spawn: Any, first: PreparedWorld) -> None:
    assert (
        killed(
            spawn, first, "restriction", lambda total: range(3, total + 1, max(1, total // 3)), ()
        )
        > 1
    )


@pytest.mark.soak
@pytest.mark.parametrize("scope", ["erasure", "restriction"])
def test_killed_at_every_change_at_every_moment(
    spawn: Any, first: PreparedWorld, scope: str
) -> None:
    killed(
        spawn, first, scope, lambda total: range(1, total + 1), ("middle", "after")
    )  # before a change is after the one before
