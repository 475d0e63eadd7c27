"""Runs at once, in processes of their own: one yields or both succeed, and no row is lost, doubled
or brought back.

Each trial copies a store, lets jobs loose on it some tens of milliseconds apart, and compares what
is left with the plainest reading of the rules. Afterwards what yielded is repeated, one more
retention run settles late arrivals, and the comparison is exact. The same on disk, and with the
integration tests in a bucket that keeps old versions.
"""

from __future__ import annotations

import datetime as dt
import itertools
import json
import multiprocessing
import os
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from support.command_runs import Bench, call, write_lines
from support.concurrent_worker import DONE, YIELDED, Job, race
from support.retention_stores import DAY, Place, V, account

from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.commit.maintenance import (
    list_leases,
    unpurged_runs,
    verify_integrity,
)
from callveil.transforms.storage.commit.scan import open_dataset
from callveil.transforms.storage.files.filesystem import Files, S3Settings
from callveil.transforms.storage.format1.snapshot import is_table_metadata

AS_OF = dt.datetime(2026, 11, 10, tzinfo=dt.UTC)
FIRST = dt.datetime(2026, 10, 2, 10, tzinfo=dt.UTC)
POLICY = """\
version: 1
name: plain
extends: gdpr
detect: {model: none}
fields: {media: keep}
retention:
  rules:
    - {id: sound, action: delete, days: 10, class: recordings}
    - {id: full, action: redact, days: 20, class: interactions}
    - {id: calls, action: delete, days: 30, class: interactions}
"""
SOUND = "https://media.example/recording-1.mp3"
CALLS = {n: FIRST + 3 * n * DAY for n in range(10)}
"""Stored calls and when they began, by number."""
LATE = {100 + n: FIRST + (10 * n + 1) * DAY for n in range(4)}
"""Calls that the racing redaction brings: one to be deleted at once, one to be redacted fully, one
without its recording, one to stay.
"""
VERSIONS = [
    V(a, AS_OF - d * DAY - dt.timedelta(hours=h), f"{a}{d}{h}")
    for a in "ab"
    for d in range(5, 10)
    for h in (1, 13)
]


def calls(times: dict[int, dt.datetime], duration: int) -> list[dict[str, Any]]:
    """Records of calls."""
    return [
        call(n, called_at=at.isoformat(), duration=duration, audio=SOUND) for n, at in times.items()
    ]


def new_versions() -> list[dict[str, Any]]:
    """Return the racing load of history: a version a day, two of them due already, and copies of
    them.
    """
    rows = [
        {
            "version_id": f"n{d}",
            "account_id": "a",
            "item_type": "User",
            "item_id": "15",
            "event": "update",
            "user_id": 3,
            "created_at": (AS_OF - d * DAY - dt.timedelta(hours=2)).isoformat(),
            "changes": {"color": [d, d + 1]},
        }
        for d in range(5, 9)
    ]
    return rows * 2


@dataclass
class Arena:
    """A store to race on.

    Attributes:
        store: its root. folder: holds the policy, inputs and the keyring.
        files, s3: how to reach it.
        versions: paths below the root of all versions and delete markers a bucket holds; none on
            disk.
    """

    store: str
    folder: Path
    files: Files
    s3: S3Settings = field(default_factory=S3Settings)
    versions: Callable[[], set[str]] = set

    def job(self, kind: str, as_of: dt.datetime = AS_OF) -> Job:
        """A job on it."""
        given = {
            "retain": {"accounts": ["accounts"]},
            "redact": {"inputs": ["calls"]},
            "history": {"inputs": ["versions"]},
        }[kind]
        paths = {
            k: [str(self.folder / f"{name}.jsonl") for name in names] for k, names in given.items()
        }
        return Job(
            kind,
            self.store,
            str(self.folder / "policy.yaml"),
            str(self.folder / "keyring.json"),
            as_of,
            paths,
        )

    def rows(self, dataset: str) -> list[dict[str, Any]]:
        """Rows that readers see."""
        found: list[dict[str, Any]] = (
            open_dataset(Store.open(self.files, self.store), dataset).to_table().to_pylist()
        )
        return found


@pytest.fixture(scope="module")
def spawn() -> Any:
    """Processes that start from one with everything imported."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        [
            "support.concurrent_worker",
            "callveil.transforms.detect.engine",
            "callveil.transforms.jobs.batch.full_redaction",
        ]
    )
    return context


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a store of calls and versions, and what jobs on it need."""
    bench = Bench(tmp_path_factory.mktemp("together") / "first")
    bench.keyring = bench.root / "keyring.json"
    bench.run(calls(CALLS, 60), policy=POLICY, as_of=FIRST + 30 * DAY)
    Place(bench.root, root=bench.output).put(VERSIONS)
    (bench.root / "policy.yaml").write_text(POLICY)
    (bench.root / "accounts.jsonl").write_text("".join(json.dumps(account(a)) + "\n" for a in "ab"))
    write_lines(bench.root / "calls.jsonl", [*calls(CALLS, 900), *calls(LATE, 900)])
    write_lines(bench.root / "versions.jsonl", new_versions())
    return bench.root


@pytest.fixture
def one_at_a_time() -> Iterator[None]:
    """moto's server looks at a condition and writes in two steps; S3 does it in one. So where it
    stands in, requests go through it one by one.
    """
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication

    lock, handle = threading.Lock(), DomainDispatcherApplication.__call__

    def serial(app: Any, environ: Any, start_response: Any) -> Any:
        with lock:
            return handle(app, environ, start_response)

    with pytest.MonkeyPatch.context() as patch:
        if not os.environ.get("CALLVEIL_TEST_S3_ENDPOINT"):
            patch.setattr(DomainDispatcherApplication, "__call__", serial)
        yield


@pytest.fixture(params=["disk", pytest.param("s3", marks=pytest.mark.soak)])
def place(request: pytest.FixtureRequest, first: Path, tmp_path: Path) -> Callable[[], Arena]:
    """Makes copies of the first store: on disk, or in a bucket that keeps old versions."""
    numbers = itertools.count(1)

    def on_disk() -> Arena:
        folder = tmp_path / f"trial-{next(numbers)}"
        shutil.copytree(first, folder)
        return Arena(str(folder / "store"), folder, Files())

    if request.param == "disk":
        return on_disk
    for name in ("one_at_a_time", "s3_server"):
        request.getfixturevalue(name)
    files, client, bucket = (
        request.getfixturevalue(name) for name in ("files", "s3_client", "s3_bucket")
    )
    client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})

    def in_bucket() -> Arena:
        prefix = f"trial-{next(numbers)}/store"
        for path in sorted(p for p in (first / "store").rglob("*") if p.is_file()):
            files.write(
                f"s3://{bucket}/{prefix}/{path.relative_to(first / 'store')}", path.read_bytes()
            )

        def versions() -> set[str]:
            pages = client.get_paginator("list_object_versions").paginate(
                Bucket=bucket, Prefix=f"{prefix}/"
            )
            return {
                v["Key"].removeprefix(f"{prefix}/")
                for page in pages
                for v in page.get("Versions", []) + page.get("DeleteMarkers", [])
            }

        return Arena(
            f"s3://{bucket}/{prefix}", first, files, request.getfixturevalue("s3_server"), versions
        )

    return in_bucket


def expected_calls(updated: bool, as_of: dt.datetime) -> dict[str, tuple[int, bool, str]]:
    """Return what must be left of the calls at the end, by id: duration, whether there is a
    recording, and mode.
    """
    out = {}
    for n, at in {**CALLS, **(LATE if updated else {})}.items():
        if at + 30 * DAY > as_of:
            out[str(call(n)["id"])] = (
                900 if updated else 60,
                at + 10 * DAY > as_of,
                "full" if at + 20 * DAY <= as_of else "content",
            )
    return out


def expected_versions(loaded: bool, as_of: dt.datetime) -> list[str]:
    """Ids of the versions that must be left at the end."""
    times = {v.id: v.at for v in VERSIONS} | (
        {r["version_id"]: dt.datetime.fromisoformat(r["created_at"]) for r in new_versions()}
        if loaded
        else {}
    )
    return sorted(name for name, at in times.items() if at + 7 * DAY > as_of)


def check_at_once(arena: Arena, possible: set[dt.datetime]) -> None:
    """Check what must hold as soon as both have ended: of the stored rows those that were due at
    one of the possible times are gone, all others are there once, and nothing on the disk is
    damaged or stays unpurged.
    """
    found = [r["id"] for r in arena.rows("interactions")]
    names = [r["version_id"] for r in arena.rows("versions")]
    assert len(found) == len(set(found)) and len(names) == len(set(names))
    stored = (
        {str(call(n)["id"]) for n in CALLS} & set(found),
        sorted({v.id for v in VERSIONS} & set(names)),
    )
    assert stored in [
        (
            {str(call(n)["id"]) for n, at in CALLS.items() if at + 30 * DAY > t},
            expected_versions(False, t),
        )
        for t in possible
    ]
    store = Store.open(arena.files, arena.store)
    assert verify_integrity(store) == [] and unpurged_runs(store) == []


def check_settled(arena: Arena, updated: bool, loaded: bool, as_of: dt.datetime) -> None:
    """The exact rows; every deletion told once; and no file, lease or working file that the store
    does not name.
    """
    rows = {
        r["id"]: (r["duration"], r["audio"] is not None, r["redaction_mode"])
        for r in arena.rows("interactions")
    }
    assert rows == expected_calls(updated, as_of) and len(rows) == len(arena.rows("interactions"))
    assert sorted(r["version_id"] for r in arena.rows("versions")) == expected_versions(
        loaded, as_of
    )
    told = [
        r
        for r in arena.rows("dispositions")
        if r["record_id"] is None and r["method"] in ("drop_file", "rewrite")
    ]
    due = {
        "versions": len(VERSIONS) - len(expected_versions(False, as_of)),
        "interactions": sum(at + 30 * DAY <= as_of for at in CALLS.values()),
    }
    for name, least in due.items():
        late = sum(r["rows_deleted"] for r in told if r["record_class"] == name) - least
        assert (
            0
            <= late
            <= (
                1
                if name == "interactions" and updated
                else 2
                if name == "versions" and loaded
                else 0
            )
        )
    store = Store.open(arena.files, arena.store)
    assert (
        verify_integrity(store) == []
        and unpurged_runs(store) == []
        and list_leases(store, dt.datetime.now(dt.UTC)) == {}
    )
    paths = {f.url[len(arena.store) + 1 :] for f in arena.files.list(arena.store)}
    assert store.unreachable_metadata() == []
    assert {p for p in paths if not p.startswith("_callveil/") and not is_table_metadata(p)} == {
        f.path for f in store.current().files
    }
    assert not [p for p in paths if "/work/" in p or ".callveil-tmp-" in p]
    assert {
        p for p in arena.versions() if not p.startswith("_callveil/") and not is_table_metadata(p)
    } <= {f.path for f in store.current().files}, "an old version is left"


def trial(spawn: Any, arena: Arena, jobs: list[Job], delays: Sequence[float]) -> list[str]:
    """One race and everything after it. Returns how the jobs ended."""
    s3 = arena.s3
    ended = race(spawn, jobs, delays, s3)
    assert DONE in ended
    through = max(
        (j.as_of for j, how in zip(jobs, ended, strict=True) if j.kind == "retain" and how == DONE),
        default=FIRST,
    )
    # One that yielded may have published its deletions before: they are a run of their own, full
    # redaction and certificates come after.
    check_at_once(
        arena,
        {
            through,
            *(
                j.as_of
                for j, how in zip(jobs, ended, strict=True)
                if j.kind == "retain" and how == YIELDED and j.as_of > through
            ),
        },
    )
    latest = max(j.as_of for j in jobs)
    for job, how in zip(jobs, ended, strict=True):
        if how == YIELDED:
            assert job.run(s3) == DONE
    assert arena.job("retain", latest).run(s3) == DONE
    kinds = {j.kind for j in jobs}
    check_settled(arena, "redact" in kinds, "history" in kinds, latest)
    return ended


STARTS = [(0.0, 0.0), (0.0, 0.05), (0.1, 0.0), (0.0, 0.2), (0.3, 0.0)]
"""Seconds after the signal at which the two begin; a retention run takes some tenths."""


@pytest.mark.parametrize("later", [dt.timedelta(0), 2 * DAY], ids=["same-time", "two-days"])
def test_two_retention_runs(spawn: Any, place: Callable[[], Arena], later: dt.timedelta) -> None:
    for delays in STARTS[:3]:
        arena = place()
        trial(spawn, arena, [arena.job("retain"), arena.job("retain", AS_OF + later)], delays)


def test_retention_beside_redaction(spawn: Any, place: Callable[[], Arena]) -> None:
    for delays in STARTS[:3]:
        arena = place()
        trial(spawn, arena, [arena.job("retain"), arena.job("redact")], delays)


def test_retention_beside_a_load_of_history(spawn: Any, place: Callable[[], Arena]) -> None:
    for delays in STARTS[:3]:
        arena = place()
        trial(spawn, arena, [arena.job("retain"), arena.job("history")], delays)


@pytest.mark.parametrize("twins", ["redact", "history"])
def test_the_same_command_twice_beside_retention(
    spawn: Any, place: Callable[[], Arena], twins: str
) -> None:
    """Both are one run: the slower twin finds it published, or works on another state of the store,
    and writes over nothing.
    """
    for delays in ((0.0, 0.0, 0.0), (0.1, 0.0, 0.3)):
        arena = place()
        trial(spawn, arena, [arena.job("retain"), arena.job(twins), arena.job(twins)], delays)
