"""A dataset of numbers in a store, for tests of the catalog."""

from __future__ import annotations

import datetime as dt
import hashlib

from callveil.schemas.arrow import arrow_schema
from callveil.schemas.fields import Field, Integer, Text
from callveil.schemas.manifest import FileEntry, RunManifest
from callveil.transforms.storage.commit.catalog import (
    Snapshot,
    Store,
)
from callveil.transforms.storage.commit.scan import open_dataset
from callveil.transforms.storage.format1.snapshot import data_path
from callveil.transforms.storage.tables.parquet import Table, publish_records

NOW = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)


NUMBERS = Table(
    "numbers",
    arrow_schema(f := (Field("n", Integer(), personal=False), Field("t", Text()))),
    f,
    ("n",),
)


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
