"""Real processes killed at every change of the store: afterwards A1 = A0 - B0, B1 = 0 and C1 = C0,
and no byte of what was purged is left.

A are the rows of a file, B those that are due, C the others.
"""

from __future__ import annotations

import datetime as dt
import io
import multiprocessing
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import zstandard
from support import crash_worker
from support.faults import MOMENTS
from support.retention_stores import DAY, Place, V, account, hold
from support.waiting import HANGS

from callveil.transforms.storage.commit.maintenance import unpurged_runs, verify_integrity
from callveil.transforms.storage.files.filesystem import S3Settings

AT = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)
AS_OF = AT + 9 * DAY + dt.timedelta(hours=12)
FACTS: dict[str, Any] = {
    "accounts": [account("a"), account("b"), account("g", "agency")],
    "holds": [hold("h", account_id="b", period_from=AT, period_to=AT + DAY)],
}


@pytest.fixture(scope="module")
def spawn() -> Any:
    """Processes that start from a clean one with everything imported, so that each costs little."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["support.crash_worker"])
    return context


def versions() -> list[V]:
    """A day that goes whole, two mixed ones (a hold; the edge of 7 days), and days that stay; each
    row has a secret of its own.
    """
    out = []
    for day in range(12):
        for n, (name, kind) in enumerate(
            (("a", "individual"), ("b", "individual"), ("g", "agency"), ("a", "individual"))
        ):
            at = AT + day * DAY + dt.timedelta(hours=6 * n + 1)
            out.append(
                V(name, at, f"v{day:02d}{n}", kind, secret=f"secret-{name}-{day:02d}-{n}-nobody")
            )
    return out


def is_due(v: V) -> bool:
    """The plainest reading: seven days for individual accounts, but what is held stays."""
    return (
        v.stored == "individual"
        and v.at + 7 * DAY <= AS_OF
        and not (v.account == "b" and v.at < AT + DAY)
    )


def rows_by_file(place: Place) -> dict[str, list[dict[str, Any]]]:
    """Rows of every live versions file, by its partition."""
    store = place.store
    out: dict[str, list[dict[str, Any]]] = {}
    for entry in store.current().by_dataset("versions"):
        rows = pq.read_table(io.BytesIO(store.files.read(store.url(entry.path)))).to_pylist()
        out[str(entry.partition)] = sorted(rows, key=lambda r: str(r["version_id"]))
    return out


def everything(data: bytes, name: str) -> Iterator[bytes]:
    """A file's bytes, and what they unpack to."""
    yield data
    if name.endswith(".zst"):
        yield zstandard.ZstdDecompressor().decompress(data)
    if data[:4] == b"PAR1" and data[-4:] == b"PAR1":
        file = pq.ParquetFile(io.BytesIO(data))
        yield repr(file.metadata.to_dict()).encode() + repr(file.schema_arrow.metadata).encode()
        yield repr(file.read().to_pylist()).encode()


def left_over(place: Place, secrets: list[str]) -> list[tuple[str, str]]:
    """Purged secrets that can be read in any file below the place's folder, names and temporary
    files included.
    """
    found = []
    for path in sorted(p for p in place.folder.rglob("*") if p.is_file()):
        for data in everything(path.read_bytes(), path.name):
            found += [(str(path), s) for s in secrets if s.encode() in data or s in path.name]
    return found


def attempt(spawn: Any, place: Place, step: int, moment: str) -> int | None:
    """Run retention in a process that dies at a step; returns the number of its changes where it
    did not.
    """
    done = spawn.Queue()
    process = spawn.Process(
        target=crash_worker.run_retention,
        args=(str(place.folder), place.root, S3Settings(), FACTS, AS_OF, step, moment, done, {}),
    )
    process.start()
    process.join(HANGS)
    assert process.exitcode in (0, -9), "the process failed by itself"
    return int(done.get()) if process.exitcode == 0 else None


@pytest.fixture(scope="module")
def prepare(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Place]:
    """Makes copies of a store that one quiet run has seen, so that the next may drop files
    unread.
    """
    first = Place(tmp_path_factory.mktemp("first") / "place", **FACTS)
    first.put(versions())
    first.run(AT)

    def copy(folder: Path) -> Place:
        shutil.copytree(first.folder, folder)
        return Place(folder, **FACTS)

    return copy


def check(place: Place, before: dict[str, list[dict[str, Any]]]) -> None:
    """A1 = A0 - B0, B1 = 0 and C1 = C0 for every file; nothing unpurged, nothing damaged, nothing
    legible.
    """
    due = {v.id for v in versions() if is_due(v)}
    after = rows_by_file(place)
    for partition, rows in before.items():
        stay = [r for r in rows if r["version_id"] not in due]
        assert after.get(partition, []) == stay
    assert set(after) <= set(before)
    store = place.store
    assert verify_integrity(store) == [] and unpurged_runs(store) == []
    assert left_over(place, [v.secret for v in versions() if is_due(v)]) == []
    assert len(left_over(place, [v.secret for v in versions() if not is_due(v)])) >= sum(
        not is_due(v) for v in versions()
    )
    assert not list(place.folder.rglob(".callveil-tmp-*"))


def test_killed_at_every_change_and_repeated(
    tmp_path: Path, spawn: Any, prepare: Callable[[Path], Place]
) -> None:
    whole = prepare(tmp_path / "whole")
    before = rows_by_file(whole)
    total = attempt(spawn, whole, 10**6, "before")
    assert total is not None and total > 20
    check(whole, before)
    died = 0
    for step in range(1, total + 1):
        moment = MOMENTS[step % 3]
        place = prepare(tmp_path / f"step-{step}")
        ended = attempt(spawn, place, step, moment)
        died += ended is None
        seen = place.ids()
        assert seen in (
            sorted(v.id for v in versions()),
            sorted(v.id for v in versions() if not is_due(v)),
        )  # a whole run or none
        place.run(AS_OF)
        check(place, before)
    assert died == total


@pytest.mark.soak
@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_at_every_change_at_every_moment_twice(
    tmp_path: Path, spawn: Any, prepare: Callable[[Path], Place], moment: str
) -> None:
    """The same at each moment of each change, and the repetition is killed as well, one change
    further on.
    """
    whole = prepare(tmp_path / "whole")
    before = rows_by_file(whole)
    total = attempt(spawn, whole, 10**6, "before") or 0
    for step in range(1, total + 1):
        place = prepare(tmp_path / f"step-{step}")
        assert attempt(spawn, place, step, moment) is None
        attempt(spawn, place, step + 1, moment)
        place.run(AS_OF)
        check(place, before)


def test_the_next_day_finishes_what_a_killed_run_left(
    tmp_path: Path, spawn: Any, prepare: Callable[[Path], Place]
) -> None:
    """Nobody repeats the killed run; the next day's has other due rows and must still purge what
    the killed one published or left lying.
    """
    steps = (8, 14, 20, 26, 32)
    for step in steps:
        place = prepare(tmp_path / f"step-{step}")
        assert attempt(spawn, place, step, "middle") is None
        place.run(AS_OF + DAY, now=place_now(2))
        store = place.store
        assert verify_integrity(store) == [] and unpurged_runs(store) == []
        gone = [v.secret for v in versions() if is_due(v)]
        assert left_over(place, gone) == []


def place_now(days: int) -> dt.datetime:
    """The wall clock some days on: by then a dead run's lease is no good any more."""
    from support.retention_stores import NOW

    return NOW + days * DAY
