"""The catalog: publishing, being killed anywhere, conflicts, purging, orphans, verification, and
reading back.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import pickle
import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callveil.schemas.arrow import arrow_schema
from callveil.schemas.fields import Field, Integer, Text
from callveil.schemas.manifest import FileEntry, RunManifest
from callveil.transforms.storage.commit import maintenance
from callveil.transforms.storage.commit.catalog import (
    AlreadyPublished,
    PublishConflict,
    Snapshot,
    Store,
    StoreError,
)
from callveil.transforms.storage.commit.maintenance import (
    collect_orphans,
    list_leases,
    purge_removed,
    release_lease,
    take_lease,
    unpurged_runs,
    verify_integrity,
)
from callveil.transforms.storage.commit.scan import open_dataset
from callveil.transforms.storage.files.filesystem import Files, ObjectLocked
from callveil.transforms.storage.format1.snapshot import data_path
from callveil.transforms.storage.tables.parquet import TABLES, Table, publish_records

NOW = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
NUMBERS = Table(
    "numbers",
    arrow_schema(f := (Field("n", Integer(), personal=False), Field("t", Text()))),
    f,
    ("n",),
)


@pytest.fixture(autouse=True)
def _numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TABLES, "numbers", NUMBERS)


def run_id(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def write(store: Store, run: str, *numbers: int, day: str = "2026-11-01") -> FileEntry:
    partition = {"day": day}
    path = data_path("numbers", partition, run_id(run), "0")
    return publish_records(
        store.files, store.root, path, NUMBERS, partition, [{"n": n} for n in numbers]
    )


def manifest(
    base: Snapshot, run: str, added: tuple[FileEntry, ...] = (), removed: tuple[FileEntry, ...] = ()
) -> RunManifest:
    what = {
        "job": "test",
        "as_of": NOW.isoformat(),
        "tool_version": "0",
        "policy_name": "p",
        "policy_sha256": "0",
    }
    return RunManifest(run_id(run), **base.chain(), **what, added=added, removed=removed)


def publish(
    store: Store,
    run: str,
    *numbers: int,
    removed: tuple[FileEntry, ...] = (),
    day: str = "2026-11-01",
) -> Snapshot:
    base = store.current()
    added = (write(store, run, *numbers, day=day),) if numbers else ()
    return store.publish(manifest(base, run, added, removed), base)


def values(store: Store) -> list[int]:
    return sorted(int(r["n"]) for r in open_dataset(store, "numbers").to_table().to_pylist())


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


class Mortal(Files):
    """Files that dies at its n-th change of the store, before or after the change happens."""

    def __init__(self, like: Files, steps: int, after: bool) -> None:
        super().__init__(like._s3.settings)
        self.steps, self.after = steps, after

    def _change(self, call: Callable[[], Any]) -> Any:
        self.steps -= 1
        if self.steps == 0 and not self.after:
            raise Killed
        try:
            return call()
        finally:
            if self.steps == 0:
                raise Killed

    def write(self, url: str, data: bytes | BinaryIO, **how: Any) -> str:
        return str(self._change(lambda: super(Mortal, self).write(url, data, **how)))

    def delete(self, url: str) -> None:
        self._change(lambda: super(Mortal, self).delete(url))

    def purge(self, url: str) -> list[str]:
        return list(self._change(lambda: super(Mortal, self).purge(url)))


def job(files: Files, root: str, name: str, *numbers: int) -> None:
    """What a job does, from the beginning: replaces all live files by one new one, publishes,
    purges.
    """
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


def contents(files: Files, root: str) -> dict[str, bytes]:
    """All files by path. Salts are drawn at random, so evidence and salts stand for themselves by
    name alone, without the digest in it.
    """
    out = {f.url[len(root) :]: files.read(f.url) for f in files.list(root)}
    drawn = {p for p in out if p.startswith(("/_callveil/evidence/", "/_callveil/salts/"))}
    names = sorted(re.sub(r"-[0-9a-f]{16}(?=\.(json|proofs)$)", "", p) for p in drawn)
    assert len(set(names)) == len(names), "a killed attempt's salts or proofs are left"
    return {p: d for p, d in out.items() if p not in drawn} | dict.fromkeys(names, b"")


def steps_of(files: Files, root: str) -> int:
    counting = Mortal(files, 10**9, False)
    job(counting, root, "b", 2)
    return 10**9 - counting.steps


@pytest.mark.parametrize("after", [False, True])
def test_killed_anywhere_and_repeated(files: Files, store_root: str, after: bool) -> None:
    """Whichever change a run is killed at: what readers see is whole, and repeating the run leads
    to the same bytes as never being killed.
    """
    base = files.join(store_root, "clean")
    job(files, base, "a", 1)
    total = steps_of(files, base)
    expected = contents(files, base)
    assert total > 6
    for step in range(1, total + 1):
        if store_root.startswith("s3://") and step % 3 != after:
            continue  # every step is tried on disk; over HTTP every third, to save time
        root = files.join(store_root, f"{after}-{step}")
        job(files, root, "a", 1)
        with pytest.raises(Killed):
            job(Mortal(files, step, after), root, "b", 2)
        seen = Store.open(files, root)
        assert values(seen) in ([1], [2])
        job(files, root, "b", 2)
        release_lease(seen, run_id("b"))
        ended = contents(files, root)
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
            job(Mortal(files, step, after), root, "b", 2)
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
        assert len([p for p in contents(files, root) if p.startswith("/numbers/")]) == 1
        assert verify_integrity(store) == []


@settings(max_examples=40, deadline=None)
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
                job(Mortal(Files(), step, after), root, name, ord(name))
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
    expected = contents(files, str(tmp_path))
    (tmp_path / "_callveil/latest.json").unlink()
    Store.open_or_create(files, str(tmp_path))
    assert contents(files, str(tmp_path)) == expected


def test_committed_run_whose_files_are_gone_stops_everything(tmp_path: Path) -> None:
    files = Files()
    store = Store.open_or_create(files, str(tmp_path))
    base = store.current()
    made = manifest(base, "a", (write(store, "a", 1),))
    with pytest.raises(Killed):
        Store(Mortal(files, 2, True), str(tmp_path)).publish(made, base)
    assert store.current().seq == 0
    (tmp_path / made.added[0].path).unlink()
    with pytest.raises(StoreError, match="missing"):
        Store.open_or_create(files, str(tmp_path))
    assert Store.open(files, str(tmp_path)).current().seq == 0


# Care


def test_purge_removes_all_versions_and_is_recorded(
    files: Files, s3_bucket: str, s3_client: Any
) -> None:
    s3_client.put_bucket_versioning(Bucket=s3_bucket, VersioningConfiguration={"Status": "Enabled"})
    store = Store.open_or_create(files, f"s3://{s3_bucket}/store")
    first = publish(store, "a", 1)
    (entry,) = first.files
    write(store, "a", 1)  # a repetition writes the file once more: a second version
    publish(store, "b", 2, removed=(entry,))
    assert unpurged_runs(store) == [1, 2]
    assert purge_removed(store, store.manifest(1), "t") == 0
    assert purge_removed(store, store.manifest(2), "t") == 2
    assert purge_removed(store, store.manifest(2), "t") == 0
    assert unpurged_runs(store) == []
    listed = s3_client.list_object_versions(Bucket=s3_bucket, Prefix=f"store/{entry.path}")
    assert "Versions" not in listed
    assert "DeleteMarkers" not in listed
    assert verify_integrity(store) == []


def test_purge_refuses_live_and_unpublished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store.open_or_create(Files(), str(tmp_path))
    first = publish(store, "a", 1)
    with pytest.raises(StoreError, match="not published"):
        purge_removed(store, manifest(first, "b", removed=first.files))
    published = store.manifest(1)
    with pytest.raises(StoreError, match="is live"):
        purge_removed(
            store,
            RunManifest(
                **{
                    **{k: getattr(published, k) for k in published.__dataclass_fields__},
                    "removed": first.files,
                }
            ),
        )
    assert values(store) == [1]

    second = publish(store, "b", 2, removed=first.files)

    def locked(self: Files, url: str) -> list[str]:
        raise ObjectLocked([(url, "v1")])

    with monkeypatch.context() as patch:
        patch.setattr(Files, "purge", locked)
        with pytest.raises(ObjectLocked):
            purge_removed(store, store.manifest(second.seq))
    assert second.seq in unpurged_runs(store)
    assert purge_removed(store, store.manifest(second.seq)) == 1


def test_orphans(files: Files, store_root: str) -> None:
    store = Store.open_or_create(files, store_root)
    first = publish(store, "a", 1)
    publish(store, "b", 2, removed=first.files)
    dead, running, anonymous = (
        write(store, "dead", 3),
        write(store, "running", 4),
        "numbers/somebody.parquet",
    )
    files.write(store.url(anonymous), b"x")
    take_lease(store, run_id("running"), NOW - dt.timedelta(hours=23))
    take_lease(store, run_id("dead"), NOW - dt.timedelta(hours=25))
    spools = [f"_callveil/work/{run_id(n)}/spool/0" for n in ("dead", "running")]
    for spool in spools:
        files.write(store.url(spool), b"sealed")
    assert list_leases(store, NOW) == {run_id("dead"): False, run_id("running"): True}
    expected = sorted([dead.path, spools[0], f"_callveil/work/{run_id('dead')}/lease.json"])
    assert collect_orphans(store, NOW) == expected
    assert files.info(store.url(dead.path)) is not None
    assert collect_orphans(store, NOW, dry_run=False) == expected
    assert files.info(store.url(dead.path)) is None
    assert collect_orphans(store, NOW) == []
    assert files.info(store.url(first.files[0].path)) is not None  # waits for its purge
    release_lease(store, run_id("running"))
    assert files.info(store.url(spools[1])) is None
    assert collect_orphans(store, NOW, dry_run=False) == sorted([running.path, anonymous])
    assert values(store) == [2]
    assert verify_integrity(store) == []


def test_old_snapshots_are_collected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maintenance, "KEEP_SNAPSHOTS", 2)
    store = Store.open_or_create(Files(), str(tmp_path))
    for number in range(5):
        publish(store, f"r{number}")
    assert [Path(p).name[:8] for p in collect_orphans(store, NOW, dry_run=False)] == [
        "00000001",
        "00000002",
        "00000003",
    ]
    assert store.current().seq == 5
    assert verify_integrity(store) == []


def test_verify_names_what_differs(files: Files, store_root: str) -> None:
    store = Store.open_or_create(files, store_root)
    first = publish(store, "a", 1)
    publish(store, "b", 2, removed=first.files)
    third = publish(store, "c", 3)
    purge_removed(store, store.manifest(2))
    files.write(store.url(first.files[0].path), b"back again")
    (two, three) = sorted(third.files, key=lambda f: f.path != third.by_dataset("numbers")[0].path)
    data = files.read(store.url(two.path))
    files.write(store.url(two.path), bytes([data[0] ^ 1]) + data[1:])
    files.delete(store.url(three.path))
    found = {p.path: p.reason for p in verify_integrity(store)}
    assert set(found) == {first.files[0].path, two.path, three.path}
    assert "recorded as purged" in found[first.files[0].path]
    assert "SHA-256" in found[two.path]
    assert found[three.path] == "missing"


@pytest.mark.parametrize(
    ("name", "spoil", "words"),
    [
        (
            "_callveil/manifests/00000001.json",
            lambda d: d.replace(b'"job": "test"', b'"job": "best"'),
            "another predecessor",
        ),
        (
            "_callveil/manifests/00000002.json",
            lambda d: d.replace(b'"job": "test"', b'"job": "best"'),
            "differs from what",
        ),
        ("_callveil/manifests/00000001.json", lambda d: d[:-40], "not a run manifest"),
        ("_callveil/manifests/00000001.json", lambda d: None, "missing, although"),
        ("_callveil/latest.json", lambda d: d[:-10], "not a valid pointer"),
        ("_callveil/snapshots/", lambda d: d + b"x", "not what"),
    ],
)
def test_verify_finds_changed_records(
    tmp_path: Path, name: str, spoil: Callable[[bytes], bytes | None], words: str
) -> None:
    store = Store.open_or_create(Files(), str(tmp_path))
    publish(store, "a", 1)
    publish(store, "b", 2)
    path = next(
        p
        for p in sorted(tmp_path.rglob("*"), reverse=True)
        if str(p.relative_to(tmp_path)).startswith(name) and p.is_file()
    )
    data = spoil(path.read_bytes())
    if data is None:
        path.unlink()
    else:
        path.write_bytes(data)
    problems = verify_integrity(store)
    assert len(problems) == 1
    assert words in str(problems[0])
