"""The key index: newest entry wins, buckets are stable, and merging changes nothing but the number
of files.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callveil.schemas.interaction import InteractionKey
from callveil.schemas.manifest import RunManifest
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.format1.snapshot import data_path
from callveil.transforms.storage.tables.column_stats import require_no_traces
from callveil.transforms.storage.tables.key_index import (
    BUCKETS,
    FIELDS,
    MAX_FILES,
    IndexEntry,
    key_bucket,
    key_bucket_files,
    origin_of,
    read_key_bucket,
    write_key_bucket,
)

RUN = "0123456789abcdef"


def entry(account: str, key: str, rank: int = 0) -> IndexEntry:
    origin = "interactions/x.parquet"
    return IndexEntry(
        account,
        key,
        rank,
        f"d{rank}",
        1,
        "call",
        "en",
        "agency",
        "",
        origin,
        "content",
        ("PERSON",),
        ('{"id":"r"}',),
        "p",
    )


def publish(store: Store, number: int, bucket: int, entries: list[IndexEntry]) -> None:
    base = store.current()
    run = hashlib.sha256(f"{number}".encode()).hexdigest()
    added, removed = write_key_bucket(store.files, store.root, base, run, bucket, entries)
    what = {"job": "t", "as_of": "", "tool_version": "", "policy_name": "", "policy_sha256": ""}
    made = RunManifest(
        run, **base.chain(), **what, added=(added,) if added else (), removed=tuple(removed)
    )
    store.publish(made, base)


def test_buckets_are_stable_and_even() -> None:
    counts = [0] * BUCKETS
    for number in range(6400):
        counts[key_bucket(InteractionKey("7", str(number)))] += 1
    assert min(counts) > 50
    assert max(counts) < 160
    assert key_bucket(InteractionKey("1", "23")) != key_bucket(InteractionKey("12", "3"))


def test_newest_wins_through_merging(files: Files, store_root: str) -> None:
    store = Store.open_or_create(files, store_root)
    keys = [k for n in range(2000) if key_bucket(k := InteractionKey("7", str(n))) == 5]
    model: dict[InteractionKey, IndexEntry] = {}
    sizes = []
    for number in range(MAX_FILES + 3):
        chosen = keys[number : number + 4]
        publish(store, number, 5, [entry(*k, rank=number) for k in chosen])
        model.update({k: entry(*k, rank=number)._replace(seq=number + 1) for k in chosen})
        snapshot = store.current()
        sizes.append(len(key_bucket_files(snapshot, 5)))
        assert read_key_bucket(files, store.root, snapshot, 5) == model
    assert max(sizes) == MAX_FILES
    assert sizes[MAX_FILES] == 1
    with files.open(store.url(key_bucket_files(snapshot, 5)[0].path)) as source:
        require_no_traces(source, FIELDS)


@settings(max_examples=15)
@given(
    st.lists(
        st.lists(
            st.tuples(st.integers(0, 3), st.integers(0, 9)), max_size=4, unique_by=lambda p: p[0]
        ),
        max_size=12,
    )
)
def test_any_history_equals_a_dictionary(
    tmp_path_factory: pytest.TempPathFactory, history: list[list[tuple[int, int]]]
) -> None:
    store = Store.open_or_create(Files(), str(tmp_path_factory.mktemp("index")))
    keys = [k for n in range(2000) if key_bucket(k := InteractionKey("7", str(n))) == 9][:4]
    model: dict[InteractionKey, int] = {}
    for number, run in enumerate(history):
        publish(store, number, 9, [entry(*keys[k], rank=rank) for k, rank in run])
        model.update({keys[k]: rank for k, rank in run})
    assert {
        k: e.rank for k, e in read_key_bucket(store.files, store.root, store.current(), 9).items()
    } == model


def test_nothing_to_write(tmp_path: Path) -> None:
    store = Store.open_or_create(Files(), str(tmp_path))
    assert write_key_bucket(store.files, store.root, store.current(), RUN, 3, []) == (None, [])
    assert read_key_bucket(store.files, store.root, store.current(), 3) == {}


def test_a_rewritten_file_keeps_its_origin() -> None:
    first = data_path("interactions", {"day": "2026-11-01"}, RUN, "000001")
    folder, _, name = first.rpartition("/")
    again = f"{folder}/fedcba9876543210-{name}"
    assert origin_of(first) == origin_of(again) == first
