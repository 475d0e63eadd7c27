"""Erasure of many people in one run: each file is rewritten once, each request keeps its own plan,
register entries and certificate, and it may be killed anywhere.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from support import crash_worker
from support.erasure_stores import CallWriter, enter_requests, make_world
from support.faults import MOMENTS
from support.people_world import World, human, index_tokens, interaction, left_over
from support.waiting import HANGS

from callveil.pipelines.cli import main
from callveil.pipelines.subject import erase_request, plan_erasure, search_request
from callveil.pipelines.subject_batch import erase_batch, plan_batch
from callveil.pipelines.subject_register import list_requests
from callveil.schemas.interaction import InteractionKey
from callveil.schemas.manifest import RunManifest
from callveil.transforms.governance.requests.certificate import is_certificate_signed
from callveil.transforms.governance.requests.erasure_run import ErasureRun
from callveil.transforms.governance.requests.plan import PlanChanged
from callveil.transforms.report.verify.store import verify_evidence
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.commit.maintenance import unpurged_runs, verify_integrity
from callveil.transforms.storage.evidence.signing_keys import open_signer
from callveil.transforms.storage.files.filesystem import Files

PEOPLE = (1, 2, 3)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Generated calls of a few people and others, and a request of each of the few."""
    world = make_world(tmp_path_factory.mktemp("made") / "world", 120, 4, share=0.5)
    enter_requests(world, PEOPLE)
    return world


@pytest.fixture
def world(made: World, tmp_path: Path) -> World:
    """A copy of that."""
    shutil.copytree(made.root, tmp_path / "world")
    return World(tmp_path / "world")


def rows_of(world: World) -> dict[str, list[dict[str, Any]]]:
    """Rows that readers see, by dataset."""
    return {d: world.rows(d) for d in ("interactions", "findings", "index", "subjects")}


def callers(world: World) -> set[str]:
    """Digests of identifiers that are in the index."""
    return index_tokens(world)


def certificates(world: World) -> dict[str, list[tuple[Any, ...]]]:
    """What certificates say, by request, but for times and numbers of the run."""
    names = ("record_class", "location", "method", "rows_matched", "rows_erased", "rows_retained")
    out: dict[str, list[tuple[Any, ...]]] = {}
    for row in world.rows("erasure_certificates"):
        if row["completed_at"]:
            out.setdefault(row["request_id"], []).append(
                (*(row[n] for n in names), row["retention_ground"], row["residual_hits"])
            )
    return {name: sorted(set(rows), key=repr) for name, rows in out.items()}


def check_whole(world: World) -> None:
    """The store is whole, purged, and its evidence verifies."""
    assert verify_integrity(world.store) == [] and unpurged_runs(world.store) == []
    key = open_signer(world.keyring).public
    assert list(verify_evidence(world.files, world.output, [key]).problems) == []


def without_run(rows: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """Rows without the number of the run that wrote them."""
    return {d: [r | {"seq": 0} for r in found] for d, found in rows.items()}


def test_a_batch_erases_what_single_erasures_would_and_certifies_each(
    world: World, tmp_path: Path
) -> None:
    shutil.copytree(world.root, tmp_path / "single")
    single = World(tmp_path / "single")
    for n in PEOPLE:
        erase_request(single.options(2), f"P{n}")
    before = world.store.current()
    done, waiting = erase_batch(world.options(2))
    assert not done.refused and not waiting and done.seq == before.seq + 1
    assert without_run(rows_of(world)) == without_run(rows_of(single))
    assert certificates(world) == certificates(single) and len(certificates(world)) == len(PEOPLE)
    run, certified = (world.store.manifest(before.seq + n) for n in (1, 2))
    assert world.store.current().seq == before.seq + 2  # the erasure, and all certificates
    names = [f.path.rsplit("-", 1)[1] for f in run.added if f.dataset == "interactions"]
    assert len(names) == len(set(names)) == len(before.by_dataset("interactions"))
    assert sorted(f["request_id"] for f in certified.inputs) == [f"P{n}" for n in PEOPLE]
    rows = world.rows("erasure_certificates")
    assert len({r["certificate_id"] for r in rows}) == len(rows)
    assert all(is_certificate_signed(r, open_signer(world.keyring).public) for r in rows)
    assert {r.status for r in list_requests(world.options(3))} == {"in_progress"}
    assert not any(r.runs for r in list_requests(world.options(3)))
    assert not world.store.current().by_dataset("subject_content")
    check_whole(world)
    assert erase_batch(world.options(3))[0].results == ()  # nothing is due any more


def test_a_dry_run_shows_each_plan_and_the_whole_and_only_that_plan_is_carried_out(
    world: World,
) -> None:
    plan, waiting = plan_batch(world.options(2))
    assert {p.request_id: p.sha256 for p in plan.plans} == {
        f"P{n}": plan_erasure(world.options(2), f"P{n}").sha256 for n in PEOPLE
    }
    whole = sum(p.counts()["interactions.drop"] for p in plan.plans)
    assert plan.counts()["interactions.drop"] == whole and not waiting
    assert plan.lines()[-1].startswith(f"plan {plan.sha256[:16]} of 3 requests")
    with pytest.raises(PlanChanged):
        erase_batch(world.options(2), ["P1"], plan.sha256)
    assert len(erase_batch(world.options(2), (), plan.sha256[:16])[0].results) == len(PEOPLE)
    again = erase_batch(world.options(3), [f"P{n}" for n in PEOPLE], plan.sha256[:16])[0]
    assert not again.seq and all("carried out already" in r.before for r in again.results)


def test_a_refused_request_stops_no_other_and_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import random

    world, rng = World(tmp_path / "world"), random.Random(3)
    people = [human(n) for n in range(4)]
    # Two people on one line: nobody has said whose each call is.
    shared = [interaction(rng, 20 + n, people[2 + n % 2]) for n in range(2)]
    for record, who in zip(shared, people[2:], strict=True):
        record |= {"caller_number": people[2].phones[0], "email": who.emails[0], "name": who.name}
    world.redact([interaction(rng, n, people[n % 2]) for n in range(6)] + shared)
    for n in (0, 1):
        world.ask("erasure", *people[n].phones, *people[n].emails, request_id=f"R{n}")
        search_request(world.options(0.2), f"R{n}")
    world.ask("erasure", people[2].phones[0], request_id="SHARED")
    match, _ = search_request(world.options(0.2), "SHARED")
    assert match.undecided
    world.ask("erasure", people[3].emails[0], request_id="NEW", verified=False)
    words = ["subject", "erase", "--store", world.output, "--keyring", world.keyring, "--batch"]
    (world.root / "names").write_text("R0\nSHARED\nR1\nNEW\nNOBODY\n")
    assert main([*words, "--list", str(world.root / "names")]) == 3
    told = capsys.readouterr()
    assert "R0" in told.out and "R1" in told.out
    for name, why in (("SHARED", "whose"), ("NEW", "not verified"), ("NOBODY", "register")):
        assert any(name in line and why in line for line in told.err.splitlines())
    left = left_over(Path(world.output), [*people[0].values, *people[1].values])
    assert left == [] and len(world.rows("interactions")) == 2
    assert main(words) == 3  # what is due: the one that is refused; the other waits
    told = capsys.readouterr()
    assert "not due" in told.err and "refused" in told.err


@pytest.mark.parametrize("words", [["--requests", "R"], ["--list", "names"]])
def test_names_without_a_batch_are_refused(words: list[str], tmp_path: Path) -> None:
    command = ["subject", "erase", "--store", str(tmp_path), "--request", "R", *words]
    assert main(command) == 2


# Killed and repeated


def attempt(spawn: Any, world: World, step: int, moment: str) -> int | None:
    """Carry the batch out in a process that dies at a step; the number of its changes where it did
    not.
    """
    done = spawn.Queue()
    state = os.environ["CALLVEIL_STATE"]
    process = spawn.Process(
        target=crash_worker.run_batch, args=(str(world.root), step, moment, state, done)
    )
    process.start()
    process.join(HANGS)
    assert process.exitcode in (0, -9), "the process failed by itself"
    return int(done.get()) if process.exitcode == 0 else None


def killed(made: World, folder: Path, steps: Any) -> int:
    """Kill a batch at some of its changes and repeat it; returns how often it died."""
    spawn = multiprocessing.get_context("forkserver")
    spawn.set_forkserver_preload(["support.crash_worker"])

    def copy(name: str) -> World:
        shutil.copytree(made.root, folder / name)
        return World(folder / name)

    undisturbed = copy("whole")
    before, total = rows_of(undisturbed), attempt(spawn, undisturbed, 10**6, "before")
    assert total is not None and total > 20
    whole, said, died = without_run(rows_of(undisturbed)), certificates(undisturbed), 0
    check_whole(undisturbed)
    for step in steps(total):
        world = copy(f"step{step}")
        died += attempt(spawn, world, step, MOMENTS[step % 3]) is None
        assert without_run(rows_of(world)) in (without_run(before), whole), step
        done, _ = erase_batch(world.options(2), [f"P{n}" for n in PEOPLE])
        assert not done.refused
        assert (without_run(rows_of(world)), certificates(world)) == (whole, said), step
        check_whole(world)
        assert not list(Path(world.output).rglob(".callveil-tmp-*"))
        shutil.rmtree(world.root)
    return died


def test_a_batch_killed_and_repeated(made: World, tmp_path: Path) -> None:
    assert killed(made, tmp_path, lambda n: range(2, n + 1, max(1, n // 6))) > 4


@pytest.mark.soak
def test_a_batch_killed_at_every_change(made: World, tmp_path: Path) -> None:
    killed(made, tmp_path, lambda n: range(1, n + 1))


def test_a_request_of_a_killed_batch_that_is_erased_by_itself_finishes_all_of_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from callveil.transforms.governance.requests.erasure import Eraser

    finish_all, calls = Eraser.finish_all, 0

    def fail_second(eraser: Eraser, requests: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise KeyboardInterrupt
        return finish_all(eraser, requests)

    monkeypatch.setattr(Eraser, "finish_all", fail_second)
    with pytest.raises(KeyboardInterrupt):
        erase_batch(world.options(2))
    assert certificates(world) == {}
    assert erase_request(world.options(2), "P2").certified is not None
    assert set(certificates(world)) == {f"P{n}" for n in PEOPLE}
    check_whole(world)


# Beside a writer that appends all the time


@contextmanager
def appended_before(
    monkeypatch: pytest.MonkeyPatch, world: World, runs: dict[str, list[list[int]]]
) -> Iterator[list[int]]:
    """Publish a run of calls whenever a run of some event is about to be published, as long as
    there are some for it; gives how many files of rows each attempt at an erasure wrote.
    """
    writer, changes, publish = CallWriter(world), ErasureRun.changes, Store.publish
    writer.number = 10_000
    written: list[int] = []
    writes = 0
    original = Files.write

    def count(files: Files, url: str, *args: Any, **more: Any) -> str:
        nonlocal writes
        writes += "/interactions/" in url or "/subjects/" in url or "/findings/" in url
        return original(files, url, *args, **more)

    def counted(run: ErasureRun) -> Any:
        nonlocal writes
        writes = 0
        done = changes(run)
        written.append(writes)
        return done

    def late(store: Store, manifest: RunManifest, base: Any) -> Any:
        event = next((str(f["event"]) for f in manifest.inputs if "event" in f), "")
        if runs.get(event):
            writer.append(runs[event].pop(0))
        return publish(store, manifest, base)

    with monkeypatch.context() as patch:
        patch.setattr(Files, "write", count)
        patch.setattr(ErasureRun, "changes", counted)
        patch.setattr(Store, "publish", late)
        yield written
    assert not any(runs.values())


def test_an_erasure_beside_a_writer_of_other_peoples_calls_keeps_its_work(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More runs than other work is tried for: each adds two calls, and buckets of the index are
    merged on the way. The certificates are published beside the writer, too.
    """
    others = [[40 + n, 60 + n] for n in range(20)]
    runs = {"erased": others[:12], "certified": others[12:]}
    with appended_before(monkeypatch, world, runs) as written:
        done, _ = erase_batch(world.options(2))
    assert not done.refused and len(written) == 13
    assert written[0] > 20 and max(written[1:]) < written[0] // 2
    kept = {r["id"] for r in world.rows("interactions")}
    assert {str(5_000_010_000 + n) for n in range(40)} <= kept
    assert set(certificates(world)) == {f"P{n}" for n in PEOPLE}
    assert all(row[-1] == 0 for rows in certificates(world).values() for row in rows)
    check_whole(world)


def test_a_single_erasure_beside_such_a_writer(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with appended_before(monkeypatch, world, {"erased": [[50]] * 8}) as written:
        done = erase_request(world.options(2), "P1")
    assert len(written) == 9 and done.certified and not done.certified.residual_hits
    check_whole(world)


def test_a_person_who_calls_meanwhile_is_refused_and_stops_no_other(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with appended_before(monkeypatch, world, {"erased": [[2]]}):
        done, _ = erase_batch(world.options(2))
    assert list(done.refused) == ["P2"] and set(certificates(world)) == {"P1", "P3"}
    check_whole(world)
    assert not erase_batch(world.options(3))[0].refused
    assert set(certificates(world)) == {f"P{n}" for n in PEOPLE}
    check_whole(world)


def test_nobody_comes_back_through_what_is_appended(tmp_path: Path) -> None:
    """What the redaction job adds of an erased person afterwards: a replay brings nothing back, and
    a new call is theirs, found by `--returned`.
    """
    import random

    world, rng = World(tmp_path / "world"), random.Random(3)
    people = [human(n) for n in range(3)]
    records = [interaction(rng, n, people[n % 3]) for n in range(9)]
    world.redact(records)
    for n in (0, 1):
        world.ask("erasure", *people[n].phones, *people[n].emails, request_id=f"R{n}")
        search_request(world.options(0.2), f"R{n}")
    done, _ = erase_batch(world.options(2))
    assert not done.refused
    stored = {InteractionKey(r["account_id"], r["id"]) for r in world.rows("interactions")}
    again = world.redact([*records, interaction(rng, 50, people[2])])
    assert again.counts["tombstoned"] == 6
    after = {InteractionKey(r["account_id"], r["id"]) for r in world.rows("interactions")}
    assert after - stored == {InteractionKey("41", str(5_000_000_050))}
    values = [*people[0].values, *people[1].values]
    assert left_over(Path(world.output), values) == []
