"""The commit loop: conflicts, twins, and attempts that were killed, on every policy."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable
from pathlib import Path

import pytest
from support.faults import CrashingFiles, ProcessKilled
from support.number_tables import NOW, NUMBERS

from callveil.transforms.storage.commit.catalog import PublishConflict, Snapshot, Store
from callveil.transforms.storage.commit.commit_run import (
    PLANNED,
    REPLAN,
    CommitPolicy,
    RunChanges,
    RunFacts,
    close_run,
    commit_on,
    commit_run,
)
from callveil.transforms.storage.commit.maintenance import list_leases, verify_integrity
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.format1.snapshot import data_path, is_table_metadata
from callveil.transforms.storage.tables.parquet import TABLES, publish_records

KEEP = CommitPolicy(retry_on=(Exception,), abandon=False)


@pytest.fixture(autouse=True)
def _numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TABLES, "numbers", NUMBERS)


def facts(name: str) -> RunFacts:
    return RunFacts(hashlib.sha256(name.encode()).hexdigest(), "test", NOW.isoformat())


def adding(
    store: Store, name: str, before: Callable[[], object] = lambda: None
) -> Callable[[Snapshot], RunChanges]:
    """Work that writes one file, named by the state of the store; `before` happens before it is
    published."""

    def build(base: Snapshot) -> RunChanges:
        path = data_path("numbers", {"run": name}, facts(name).run_id, f"{base.seq:08d}")
        rows = [{"n": base.seq}]
        entry = publish_records(store.files, store.root, path, NUMBERS, {"run": name}, rows)
        before()
        return RunChanges((entry,), counts={"rows": 1})

    return build


def publish(store: Store, name: str) -> None:
    done = commit_run(store, facts(name), adding(store, name), NOW)
    close_run(store, done)


def once(action: Callable[[], object]) -> Callable[[], object]:
    waiting = [action]
    return lambda: waiting.pop()() if waiting else None


def data_files(store: Store) -> set[str]:
    return {
        p
        for f in store.files.list(store.root)
        if not (p := f.url[len(store.root) + 1 :]).startswith("_callveil/")
        and not is_table_metadata(p)
    }


def check_whole(store: Store) -> None:
    """Nothing lies in the store that no reader sees, and no lease is left."""
    assert data_files(store) == {f.path for f in store.current().files}
    assert store.unreachable_metadata() == []
    assert verify_integrity(store) == [] and list_leases(store, NOW) == {}


@pytest.mark.parametrize("policy", [REPLAN, KEEP], ids=["abandons", "keeps"])
def test_work_begins_anew_where_another_run_came_first(
    files: Files, store_root: str, policy: CommitPolicy
) -> None:
    store = Store.open_or_create(files, store_root)
    seen: list[set[str]] = []

    def between() -> None:
        publish(store, "other")
        seen.append(data_files(store))

    again = adding(store, "mine", once(between))
    done = commit_run(store, facts("mine"), again, NOW, policy)
    assert (done.manifest.seq, done.repeated) == (2, False)
    assert (done.manifest.job, done.manifest.counts) == ("test", {"rows": 1})
    left = data_files(store) - {f.path for f in store.current().files}
    assert len(left) == (0 if policy.abandon else 1) and left <= seen[0]
    close_run(store, done)
    check_whole(store)


@pytest.mark.parametrize("attempts", [1, 2])
def test_a_conflict_is_told_once_attempts_are_spent(
    files: Files, store_root: str, attempts: int
) -> None:
    store = Store.open_or_create(files, store_root)
    names = (f"other {n}" for n in itertools.count())
    undone: list[int] = []

    def undo() -> None:
        undone.append(1)

    build = adding(store, "mine", lambda: publish(store, next(names)))
    with pytest.raises(PublishConflict):
        if attempts == 1:
            commit_on(
                store, store.current(), facts("mine"), build, NOW, undo=lambda: undone.append(1)
            )
        else:
            commit_run(store, facts("mine"), build, NOW, CommitPolicy(attempts))
    assert store.current().seq == attempts and undone == [1] * (attempts == 1)
    check_whole(store)


def test_an_error_of_the_work_is_the_workers_where_no_run_was_published(
    files: Files, store_root: str
) -> None:
    store = Store.open_or_create(files, store_root)
    calls: list[int] = []

    def fail() -> None:
        calls.append(1)
        raise FileNotFoundError

    with pytest.raises(FileNotFoundError):
        commit_run(store, facts("mine"), adding(store, "mine", fail), NOW)
    # It may still be published, by a repetition: what was written stays, under its lease.
    assert len(calls) == 1 and len(data_files(store)) == 1 and len(list_leases(store, NOW)) == 1
    publish(store, "mine")
    check_whole(store)


def test_files_that_another_run_purged_lead_to_another_attempt(
    files: Files, store_root: str
) -> None:
    store = Store.open_or_create(files, store_root)

    def purged() -> None:
        publish(store, "other")
        raise FileNotFoundError

    done = commit_run(store, facts("mine"), adding(store, "mine", once(purged)), NOW)
    assert done.manifest.seq == 2
    close_run(store, done)
    check_whole(store)


@pytest.mark.parametrize("policy", [REPLAN, PLANNED, KEEP], ids=["abandons", "planned", "keeps"])
def test_the_slower_of_two_equal_runs_publishes_nothing(
    files: Files, store_root: str, policy: CommitPolicy
) -> None:
    store = Store.open_or_create(files, store_root)
    twin = adding(store, "mine", once(lambda: publish(store, "mine")))
    done = commit_run(store, facts("mine"), twin, NOW, policy)
    assert (done.manifest.seq, done.repeated) == (1, True)
    close_run(store, done)
    check_whole(store)
    repeated = commit_run(store, facts("mine"), adding(store, "mine"), NOW, policy)
    assert repeated.repeated and store.current().seq == 1


def test_files_that_a_twin_purged_are_its_success(files: Files, store_root: str) -> None:
    store = Store.open_or_create(files, store_root)

    def purged() -> None:
        publish(store, "mine")
        raise FileNotFoundError

    done = commit_run(store, facts("mine"), adding(store, "mine", purged), NOW, CommitPolicy(1))
    assert (done.manifest.seq, done.repeated) == (1, True)
    close_run(store, done)
    check_whole(store)


def test_nothing_to_publish_is_no_run(files: Files, store_root: str) -> None:
    store = Store.open_or_create(files, store_root)
    base = store.current()
    assert commit_on(store, base, facts("mine"), lambda _: None, NOW) is None
    assert store.current().seq == 0


def test_killed_at_any_write_and_repeated_on_another_state_it_leaves_nothing(
    tmp_path: Path,
) -> None:
    for steps in itertools.count(1):
        root = str(tmp_path / str(steps))
        crashing = Store.make(CrashingFiles(10_000), root)
        crashing.files.steps = steps + 1  # type: ignore[attr-defined]
        try:
            publish(crashing, "mine")
            break
        except ProcessKilled:
            store = Store.open_or_create(Files(), root)
            publish(store, "other")
            publish(store, "mine")
            assert store.current().seq == 2
            check_whole(store)
    assert steps > 8
