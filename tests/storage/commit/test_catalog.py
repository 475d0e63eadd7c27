"""The catalog: publishing, being killed anywhere, conflicts, purging, orphans, verification, and
reading back.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import pickle
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.comparable_stores import comparable_files
from support.faults import KillingFiles
from support.number_tables import NOW, NUMBERS, manifest, publish, run_id, values, write

from callveil.schemas.manifest import FileEntry
from callveil.transforms.storage.commit.catalog import (
    AlreadyPublished,
    PublishConflict,
    Snapshot,
    Store,
    StoreError,
)
from callveil.transforms.storage.commit.maintenance import (
    collect_orphans,
    purge_removed,
    release_lease,
    take_lease,
    unpurged_runs,
    verify_integrity,
)
from callveil.transforms.storage.commit.scan import open_dataset
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.tables.parquet import TABLES


def test_publish_and_read(files: Files, store_root: str) -> None:
    store = Store.open_or_create(files, store_root)
    assert store.current() == Snapshot()
    assert values(store) == []
    first = publish(store, "a", 1, 2)
    second = publish(store, "b", 3, removed=first.by_dataset("numbers"), day="2026-11-02")
    third = publish(store, "empty")
    assert [s.seq for s in (first, second, third)] == [1, 2, 3]
    assert Store.open(files, store_root).current() == third
    assert values(store) == [3]
    assert [m.run_id for m in store.manifests()] == [run_id(n) for n in ("a", "b", "empty")]
    assert [m.seq for m in store.manifests(since=3)] == [3]
    assert [store.published(run_id(n)) for n in ("a", "b", "empty", "none")] == [1, 2, 3, None]
    assert verify_integrity(store) == []
    data = files.read(store.url("_callveil/manifests/00000001.json"))
    assert (
        store.manifest(2).parent_sha256 == hashlib.sha256(data).hexdigest() == first.manifest_sha256
    )
    assert pickle.loads(pickle.dumps(store)).current() == third


def test_reading_filters_by_partition(files: Files, store_root: str) -> None:
    store = Store.open_or_create(files, store_root)
    old = publish(store, "a", 1, 2, day="2026-11-01")
    publish(store, "b", 3, day="2026-11-02")
    import pyarrow.dataset as ds

    dataset = open_dataset(store, "numbers")
    assert dataset.schema.names == ["n", "t", "day"]
    assert dataset.to_table(filter=ds.field("day") == "2026-11-02").to_pylist() == [
        {"n": 3, "t": None, "day": "2026-11-02"}
    ]
    assert len(list(dataset.get_fragments(filter=ds.field("day") == "2026-11-02"))) == 1
    assert open_dataset(store, "numbers", old).count_rows() == 2
    with pytest.raises(ValueError, match="no Parquet dataset"):
        open_dataset(store, "rejected_content")


def test_same_run_twice_and_conflicts(files: Files, store_root: str) -> None:
    store = Store.open_or_create(files, store_root)
    base = store.current()
    mine, theirs = (
        manifest(base, "mine", (write(store, "mine", 1),)),
        manifest(base, "theirs", (write(store, "theirs", 2),)),
    )
    store.publish(mine, base)
    with pytest.raises(AlreadyPublished) as caught:
        store.publish(mine, base)
    assert caught.value.seq == 1
    with pytest.raises(PublishConflict, match="another was faster"):
        store.publish(theirs, base)
    assert values(store) == [1]
    again = store.current()
    store.publish(manifest(again, "theirs", theirs.added), again)
    with pytest.raises(AlreadyPublished):
        store.publish(mine, base)
    assert values(store) == [1, 2]


def test_conflict_at_the_last_moment(tmp_path: Path) -> None:
    """The other run commits between our check and our own commit."""

    class Late(Files):
        armed: Callable[[], None] | None = None

        def write(self, url: str, data: bytes | BinaryIO, **how: Any) -> str:
            if "/manifests/" in url and self.armed:
                call, self.armed = self.armed, None
                call()
            return super().write(url, data, **how)

    late = Late()
    store = Store.open_or_create(late, str(tmp_path))
    other = Store(Files(), str(tmp_path))
    base = store.current()
    entry = write(store, "mine", 1)
    late.armed = lambda: publish(other, "theirs", 2) and None
    with pytest.raises(PublishConflict):
        store.publish(manifest(base, "mine", (entry,)), base)
    assert values(store) == [2]
    assert len(list(late.list(store.url("_callveil/snapshots")))) == 1
    late.armed = lambda: (
        other.publish(manifest(other.current(), "mine", (entry,)), other.current()) and None
    )
    base = store.current()
    assert (
        store.publish(manifest(base, "mine", (entry,)), base) == store.current()
    )  # our twin was faster: the same run, published once
    assert values(store) == [1, 2]
    assert verify_integrity(store) == []


@pytest.mark.parametrize("spoil", ["missing", "short", "changed"])
def test_added_files_are_read_back(files: Files, store_root: str, spoil: str) -> None:
    store = Store.open_or_create(files, store_root)
    entry = write(store, "a", 1)
    data = files.read(store.url(entry.path))
    if spoil == "missing":
        files.delete(store.url(entry.path))
    else:
        files.write(
            store.url(entry.path),
            data[:-1] if spoil == "short" else data[:-1] + bytes([data[-1] ^ 1]),
        )
    with pytest.raises(StoreError, match="numbers/day=2026-11-01"):
        store.publish(manifest(Snapshot(), "a", (entry,)), Snapshot())
    assert store.current() == Snapshot()


def test_manifests_that_do_not_fit(tmp_path: Path) -> None:
    store = Store.open_or_create(Files(), str(tmp_path))
    first = publish(store, "a", 1)
    (live,) = first.files
    entry = write(store, "b", 2)
    wrong = [
        (manifest(Snapshot(), "b"), "field seq"),
        (manifest(first, "b", (live,)), "has that name already"),
        (manifest(first, "b", (live,), (live,)), "has that name already"),
        (manifest(first, "b", (entry, entry)), "has that name already"),
        (manifest(first, "b", removed=(entry,)), "no live file"),
        (manifest(first, "b", removed=(live, live)), "no live file"),
        (
            manifest(first, "b", (FileEntry("_callveil/latest.json", "x", {}, 0, 0, ""),)),
            "not the path of a data file",
        ),
        (
            manifest(first, "b", (FileEntry("numbers/../x", "x", {}, 0, 0, ""),)),
            "not the path of a data file",
        ),
    ]
    for bad, words in wrong:
        with pytest.raises(ValueError, match=words):
            store.publish(bad, first)
    assert store.current() == first


def test_not_a_store(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no store here"):
        Store.open(Files(), str(tmp_path))
    Store.open_or_create(Files(), str(tmp_path))
    for text in (b'{"format": 99}', b"[]"):
        (tmp_path / "_callveil/store.json").write_bytes(text)
        with pytest.raises(StoreError, match="field format"):
            Store.open(Files(), str(tmp_path))
    (tmp_path / "_callveil/store.json").write_bytes(b"{")
    with pytest.raises(StoreError, match="not JSON"):
        Store.open_or_create(Files(), str(tmp_path))


# Being killed


class Killed(BaseException):
    """Stands for the end of a process."""


def _raise_killed() -> None:
    raise Killed


def killing(files: Files, step: int, after: bool) -> KillingFiles:
    """Files like these that end the process at a change of the store, before or after it."""
    moment = "after" if after else "before"
    return KillingFiles(step, moment, files._s3.settings, end=_raise_killed)


def job(files: Files, root: str, name: str, *numbers: int) -> None:
    """Run a job from its beginning: replace all live files by one new one, publish, purge."""
    store = Store.open_or_create(files, root)
    for seq in unpurged_runs(store):
        purge_removed(store, store.manifest(seq), NOW.isoformat())
    if store.published(run_id(name)) is not None:
        return
    take_lease(store, run_id(name), NOW)
    base = store.current()
    try:
        made = manifest(base, name, (write(store, name, *numbers),), base.by_dataset("numbers"))
        store.publish(made, base)
    except AlreadyPublished:
        made = store.manifest(store.published(run_id(name)) or 0)
    purge_removed(store, made, NOW.isoformat())
    release_lease(store, run_id(name))


def steps_of(files: Files, root: str) -> int:
    counting = killing(files, 10**9, False)
    job(counting, root, "b", 2)
    return counting.changes


@pytest.mark.parametrize("after", [False, True])
def test_killed_anywhere_and_repeated(files: Files, store_root: str, after: bool) -> None:
    """Whichever change a run is killed at: what readers see is whole, and repeating the run leads
    to the same bytes as never being killed.
    """
    base = files.join(store_root, "clean")
    job(files, base, "a", 1)
    total = steps_of(files, base)
    expected = comparable_files(files, base)
    assert total > 6
    for step in range(1, total + 1):
        if store_root.startswith("s3://") and step % 3 != after:
            continue  # every step is tried on disk; over HTTP every third, to save time
        root = files.join(store_root, f"{after}-{step}")
        job(files, root, "a", 1)
        with pytest.raises(Killed):
            job(killing(files, step, after), root, "b", 2)
        seen = Store.open(files, root)
        assert values(seen) in ([1], [2])
        job(files, root, "b", 2)
        release_lease(seen, run_id("b"))
        ended = comparable_files(files, root)
        versions = {
            k for k in ended if "/purged/" in k
        }  # a purge that was cut short has fewer versions left to count
        assert {k: v for k, v in ended.items() if k not in versions} == {
            k: v for k, v in expected.items() if k not in versions
        }
        assert set(ended) == set(expected)
        assert verify_integrity(seen) == []
        assert unpurged_runs(seen) == []


@pytest.mark.parametrize("after", [False, True])
def test_killed_anywhere_and_another_run_comes(tmp_path: Path, after: bool) -> None:
    files = Files()
    base = str(tmp_path / "count")
    job(files, base, "a", 1)
    for step in range(1, steps_of(files, base) + 1):
        root = str(tmp_path / f"{step}")
        job(files, root, "a", 1)
        with pytest.raises(Killed):
            job(killing(files, step, after), root, "b", 2)
        job(files, root, "c", 3)
        store = Store.open(files, root)
        assert values(store) == [3]
        assert verify_integrity(store) == []
        assert unpurged_runs(store) == []
        assert (
            collect_orphans(store, NOW, dry_run=False) == []
        )  # the dead run's lease is still good
        orphans = collect_orphans(store, NOW + dt.timedelta(days=2), dry_run=False)
        assert all(run_id("b")[:16] in o for o in orphans)
        assert (
            len(
                [
                    p
                    for p in comparable_files(files, root)
                    if p.startswith("numbers/") and "metadata" not in p
                ]
            )
            == 1
        )
        assert verify_integrity(store) == []


@settings(max_examples=40)
@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(1, 14), st.booleans()), max_size=6))
def test_any_sequence_of_deaths(deaths: list[tuple[str, int, bool]]) -> None:
    """Runs die in any order at any step. Afterwards each is repeated once, and every run is
    published exactly once in an unbroken chain.
    """
    root = tempfile.mkdtemp()
    try:
        TABLES["numbers"] = NUMBERS
        for name, step, after in deaths:
            with contextlib.suppress(Killed):
                job(killing(Files(), step, after), root, name, ord(name))
        for name in "abcd":
            job(Files(), root, name, ord(name))
        store = Store.open(Files(), root)
        runs = [m.run_id for m in store.manifests()]
        assert sorted(runs) == sorted(run_id(n) for n in "abcd")
        assert verify_integrity(store) == []
        assert unpurged_runs(store) == []
        last = next(n for n in "abcd" if run_id(n) == runs[-1])
        assert values(store) == [ord(last)]
    finally:
        shutil.rmtree(root)


def test_lost_pointer_is_rebuilt(tmp_path: Path) -> None:
    files = Files()
    for name in "abc":
        job(files, str(tmp_path), name, ord(name))
    expected = comparable_files(files, str(tmp_path))
    (tmp_path / "_callveil/latest.json").unlink()
    Store.open_or_create(files, str(tmp_path))
    assert comparable_files(files, str(tmp_path)) == expected


def test_committed_run_whose_files_are_gone_stops_everything(tmp_path: Path) -> None:
    files = Files()
    store = Store.open_or_create(files, str(tmp_path))
    base = store.current()
    made = manifest(base, "a", (write(store, "a", 1),))
    with pytest.raises(Killed):
        Store(killing(files, 2, True), str(tmp_path)).publish(made, base)
    assert store.current().seq == 0
    (tmp_path / made.added[0].path).unlink()
    with pytest.raises(StoreError, match="missing"):
        Store.open_or_create(files, str(tmp_path))
    assert Store.open(files, str(tmp_path)).current().seq == 0


# Care
