"""Purging, orphans, old snapshots, and verification of what a catalog says."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.number_tables import NOW, manifest, publish, run_id, values, write

from callveil.schemas.manifest import RunManifest
from callveil.transforms.storage.commit import maintenance
from callveil.transforms.storage.commit.catalog import (
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
from callveil.transforms.storage.files.filesystem import Files, ObjectLocked


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
    found = {p.path: p.detail for p in verify_integrity(store)}
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
