"""Tables as other engines see them: after every commit, after every kill, after a move."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import orjson
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.faults import CrashingFiles, ProcessKilled
from support.number_tables import NUMBERS, manifest, publish, values, write
from support.table_readers import metadata_files, open_table, read_by_folder

from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.commit.maintenance import purge_removed, verify_integrity
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.format1.snapshot import to_json
from callveil.transforms.storage.iceberg.table_schema import KEPT_SNAPSHOTS
from callveil.transforms.storage.tables.parquet import TABLES


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TABLES, "numbers", NUMBERS)


def seen_by_duckdb(root: str) -> list[int]:
    return [n for (n,) in sorted(read_by_folder(root, "numbers", "n"))]


def seen_by_pyiceberg(store: Store) -> list[int]:
    return sorted(open_table(store, "numbers").scan().to_arrow().column("n").to_pylist())


def check_readers(store: Store) -> None:
    expected = values(store)
    assert seen_by_pyiceberg(store) == expected == seen_by_duckdb(store.root)
    assert store.unreachable_metadata() == [] and verify_integrity(store) == []


steps = st.lists(
    st.tuples(
        st.lists(st.integers(0, 99), max_size=3),
        st.sets(st.integers(0, 5)),
        st.sampled_from(["2026-11-01", "2026-11-02"]),
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=15)
@given(steps)
def test_readers_see_what_is_live(
    tmp_path_factory: pytest.TempPathFactory,
    done: list[tuple[list[int], set[int], str]],
) -> None:
    store = Store.open_or_create(Files(), str(tmp_path_factory.mktemp("s") / "store"))
    publish(store, "first", 1000)
    for place, (numbers, gone, day) in enumerate(done):
        live = store.current().by_dataset("numbers")
        removed = tuple(f for n, f in enumerate(live) if n in gone)
        publish(store, f"{place}", *sorted(numbers), removed=removed, day=day)
        purge_removed(store, store.manifest(store.newest()))
        check_readers(store)
    days = {str(day) for day in open_table(store, "numbers").scan().to_arrow()["utc_day"]}
    assert days <= {"2026-11-01", "2026-11-02"}
    assert len(open_table(store, "numbers").metadata.snapshots) <= KEPT_SNAPSHOTS


def test_metadata_stays_bounded(tmp_path: Path) -> None:
    """Also of a table that is only appended to, and of its copy for engines without a catalog."""
    store = Store.open_or_create(Files(), str(tmp_path / "store"))
    sizes = []
    for n in range(3 * KEPT_SNAPSHOTS + 5):
        publish(store, f"{n}", n)
        sizes.append(len(metadata_files(store.root, "numbers")))
    assert max(sizes[-KEPT_SNAPSHOTS:]) <= max(sizes[: 2 * KEPT_SNAPSHOTS]) + 1 < 6 * KEPT_SNAPSHOTS
    assert sum(name.startswith("v") for name in metadata_files(store.root, "numbers")) == 2
    check_readers(store)


def test_metadata_hold_nothing_of_the_rows(tmp_path: Path) -> None:
    store = Store.open_or_create(Files(), str(tmp_path / "store"))
    publish(store, "a", 4711)
    table = open_table(store, "numbers")
    (task,) = table.scan().plan_files()
    assert not task.file.lower_bounds and not task.file.upper_bounds
    assert not task.file.value_counts and not task.file.null_value_counts
    for name in metadata_files(store.root, "numbers"):
        assert b"4711" not in Path(store.root, "numbers/metadata", name).read_bytes()


@pytest.mark.parametrize("removes", [False, True])
def test_killed_at_any_write_readers_see_a_whole_run_or_none(tmp_path: Path, removes: bool) -> None:
    for step in range(1, 1000):
        root = str(tmp_path / str(step))
        store = Store.open_or_create(Files(), root)
        before = publish(store, "a", 1)
        crashing = Store.open(CrashingFiles(step), root)
        try:
            base = crashing.current()
            live = base.by_dataset("numbers") if removes else ()
            crashing.publish(manifest(base, "b", (write(crashing, "b", 2),), live), base)
            killed = False
        except ProcessKilled:
            killed = True
        after = [2] if removes else [1, 2]
        assert seen_by_duckdb(root) in ([1], after)
        assert seen_by_pyiceberg(store) == values(store)
        store.recover()
        publish(store, "c", 3)
        assert values(store) in ([1, 3], [*after, 3])
        check_readers(store)
        if not killed:
            break
    assert before.seq == 1 and step > 12


def test_a_copied_store_is_read_where_it_is_after_its_next_run(tmp_path: Path) -> None:
    store = Store.open_or_create(Files(), str(tmp_path / "store"))
    for n in range(3):
        publish(store, f"{n}", n)
    shutil.copytree(store.root, tmp_path / "copy")
    shutil.rmtree(store.root)
    moved = Store.open_or_create(Files(), str(tmp_path / "copy"))
    assert values(moved) == [0, 1, 2]
    publish(moved, "there", 3)
    check_readers(moved)
    assert open_table(moved, "numbers").metadata.location == str(tmp_path / "copy" / "numbers")


def forget_tables(root: str) -> None:
    """Make a store what it was before it had tables."""
    latest = Path(root, "_callveil/latest.json")
    latest.write_bytes(to_json(orjson.loads(latest.read_bytes()) | {"tables": {}}))
    for folder in Path(root).glob("*/metadata"):
        shutil.rmtree(folder)


@pytest.mark.parametrize("known", [True, False])
def test_a_store_from_before_tables_has_them_after_its_next_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    store = Store.open_or_create(Files(), str(tmp_path / "store"))
    publish(store, "a", 1, 2)
    forget_tables(store.root)
    if not known:  # a command that has no use for the table makes it all the same
        monkeypatch.delitem(TABLES, "numbers")
    publish(store, "b")
    assert seen_by_pyiceberg(store) == [1, 2] == seen_by_duckdb(store.root)
    assert [f.name for f in open_table(store, "numbers").schema().fields] == ["n", "t", "utc_day"]


def test_columns_that_come_later_are_empty_in_older_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store.open_or_create(Files(), str(tmp_path / "store"))
    publish(store, "a", 1)
    later = replace(NUMBERS, schema=NUMBERS.schema.append(pa.field("later", pa.list_(pa.string()))))
    monkeypatch.setitem(TABLES, "numbers", later)
    publish(store, "b", 2)
    check_readers(store)
    assert read_by_folder(store.root, "numbers", "n, later") == [(1, None), (2, None)]
    names = [field.name for field in open_table(store, "numbers").schema().fields]
    assert names == ["n", "t", "utc_day", "later"]
