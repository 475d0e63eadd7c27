"""One day's expiry costs what is due, not what is held: bytes read and time on generated stores of
different size.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import psutil
import pyarrow as pa
import pytest
from support.retention_stores import DAY, Place, account, event, hold, write_table

from callveil.schemas.arrow import REDACTED_VERSION_SCHEMA
from callveil.schemas.manifest import RunManifest
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.tables.versions import SORT, VERSIONS

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
LISTS = ("snapshots", "manifests", "evidence", "salts")
"""Folders whose objects name files: they grow with the number of files, some hundred bytes for
each.
"""
POLICY = """\
version: 1
name: long
retention:
  rules:
    - {{id: versions-individual, action: delete, days: {days}, class: versions, account_type: individual}}
    - {{id: versions-agency, action: delete, days: {days}, class: versions, account_type: agency}}
"""  # noqa: E501


class CountingReader(io.RawIOBase):
    """A reader that counts the bytes it hands out."""

    def __init__(self, source: BinaryIO, files: Counting, url: str) -> None:
        self._source, self._files, self._url = source, files, url

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._source.seek(offset, whence)

    def tell(self) -> int:
        return self._source.tell()

    def read(self, size: int = -1) -> bytes:  # type: ignore[override]
        data = self._source.read(size)
        self._files.count(self._url, len(data))
        return data

    def readinto(self, buffer: Any) -> int:
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._source.close()
        super().close()


class Counting(Files):
    """Files that count every byte they read, and those of data files and of lists of files
    apart.
    """

    bytes_read = 0
    data_read = 0
    lists_read = 0

    def count(self, url: str, size: int) -> None:
        """Add to the counts."""
        self.bytes_read += size
        self.data_read += size if "/versions/" in url else 0
        self.lists_read += size if any(f"/_callveil/{name}/" in url for name in LISTS) else 0

    def open(self, url: str, offset: int = 0) -> BinaryIO:
        return cast(BinaryIO, CountingReader(super().open(url, offset), self, url))

    def read(self, url: str, start: int = 0, length: int | None = None) -> bytes:
        data = super().read(url, start, length)
        self.count(url, len(data))
        return data


@dataclass
class Held:
    """A generated store and what one day's expiry on it cost.

    Attributes:
        rows, size: versions held, and bytes of their files.
        read, data_read, lists_read: bytes read by the run, those of them that were versions, and
            those that were lists of files.
        seconds: CPU seconds of the run.
        peak: bytes of memory after it, above what was in use before.
        due: rows that went.
    """

    rows: int
    size: int = 0
    read: int = 0
    data_read: int = 0
    lists_read: int = 0
    seconds: float = 0.0
    peak: int = 0
    due: int = 0
    extra: dict[str, int] = field(default_factory=dict)


def fill(store: Store, rows: int, accounts: int, days: int) -> None:
    """Versions spread evenly over accounts and days; every tenth account is an agency's.
    Incompressible digests stand for content.
    """
    random = np.random.default_rng(7)
    run = hashlib.sha256(b"fill").hexdigest()
    names = np.array([f"acct-{n:06d}" for n in range(accounts)])
    entries = []
    for day in range(days):
        for kind, own in (
            ("agency", names[::10]),
            ("individual", names[np.arange(accounts) % 10 > 0]),
        ):
            count = max(1, rows // days * len(own) // accounts)
            who = np.sort(random.choice(own, count))
            at = (START + day * DAY).timestamp() * 1e6 + random.integers(0, 86_400_000_000, count)
            digests = [bytes(b).hex() for b in random.integers(0, 256, (count, 24), np.uint8)]
            columns = {
                "version_id": pa.array([f"{day:03d}-{n:07d}" for n in range(count)]),
                "account_id": pa.array(who),
                "item_type": pa.array(["User"] * count),
                "item_id": pa.array([str(n % 97) for n in range(count)]),
                "created_at": pa.array(at.astype("int64"), pa.timestamp("us", tz="UTC")),
                "event": pa.array(["update"] * count),
                "item_label": pa.array(digests),
                "digest": pa.array(digests),
                "account_type": pa.array([kind] * count),
            }
            table = pa.table(
                [
                    columns[f.name].cast(f.type) if f.name in columns else pa.nulls(count, f.type)
                    for f in REDACTED_VERSION_SCHEMA
                ],
                schema=REDACTED_VERSION_SCHEMA,
            )
            table = table.sort_by([(c, "ascending") for c in SORT])
            entries.append(
                write_table(
                    store,
                    VERSIONS,
                    table,
                    {"account_type": kind, "day": (START + day * DAY).date().isoformat()},
                    run,
                    f"{day:04d}",
                )
            )
    base = store.current()
    made = RunManifest(
        run,
        **base.chain(),
        job="load",
        as_of=START.isoformat(),
        tool_version="t",
        policy_name="p",
        policy_sha256="0",
        added=tuple(entries),
    )
    store.publish(made, base)


def one_day(folder: Path, rows: int, accounts: int, days: int) -> Held:
    """Fill a store that has just lost its first day, and run the next day's retention."""
    files = Counting()
    place = Place(folder, files, policy=POLICY.format(days=days - 10))
    place.accounts = [
        account(f"acct-{n:06d}", "individual" if n % 10 else "agency") for n in range(accounts)
    ]
    special = range(0, accounts, 200)  # one account in 200 is not like the others
    for n in special:
        name = f"acct-{n:06d}"
        if n % 600 == 0:
            place.events.append(
                event(name, "plan_changed", START + 5 * DAY, can_create_subaccounts=False)
            )
        elif n % 600 == 200:
            place.holds.append(hold(f"h{n}", account_id=name))
        else:
            place.events.append(event(name, "cancelled", START + 20 * DAY))
    fill(place.store, rows, accounts, days)
    place.run(START + (days - 9) * DAY)
    held = Held(rows, sum(f.bytes for f in place.store.current().by_dataset("versions")))
    options = place.options(START + (days - 8) * DAY)
    facts = sum(
        Path(p).stat().st_size for p in (*options.accounts, *options.events, *options.holds)
    )
    process = psutil.Process()
    files.bytes_read = files.data_read = files.lists_read = 0
    memory, started = process.memory_info().rss, time.process_time()
    result = place.run(START + (days - 8) * DAY)
    held.seconds, held.peak = time.process_time() - started, process.memory_info().rss - memory
    held.read, held.data_read, held.lists_read, held.extra = (
        files.bytes_read - facts,
        files.data_read,
        files.lists_read,
        result.plan.counts,
    )
    held.due = held.extra["versions.delete"]
    return held


@pytest.mark.integration
def test_a_day_costs_what_is_due(tmp_path: Path) -> None:
    small, large = (
        one_day(tmp_path / "small", 40_000, 400, 40),
        one_day(tmp_path / "large", 120_000, 400, 120),
    )
    assert 900 < small.due < 1100 and 900 < large.due < 1100
    assert large.size > 2.5 * small.size
    assert large.data_read < 1.2 * small.data_read  # what is held has tripled
    assert (
        large.data_read < 0.04 * large.size
    )  # one day of 120 is 0.8 %, some of it is read to be rewritten, checked and committed to; the
    # documentation of columns in the footers counts in files as small as these
    assert large.read - large.lists_read < 1.1 * (small.read - small.lists_read)
    # Two files a day, each named by the snapshots and by the run that wrote it with its rows by
    # account, with its salt, and by its table's manifest; what a commit reads of a table's own
    # metadata does not grow with them.
    assert large.lists_read - small.lists_read < 7_000 * 2 * 80


@pytest.mark.soak
@pytest.mark.parametrize("rows", [1_000_000, 10_000_000], ids=["1-million", "10-million"])
def test_millions_of_versions(tmp_path: Path, rows: int) -> None:
    """Rows of 20,000 accounts (2,000 for a million) over 180 days: a day's expiry reads under 2 %
    of the bytes, in bounded memory.

    Of a million, that is the versions themselves; lists of files and accounts, about a megabyte,
    are another percent there, and next to nothing of ten million. Ten million beside a tenth of
    them in as many fewer days, of which as many are due a day, read no more but for whole files:
    where an account cancelled or is held, a day's file is rewritten instead of dropped, and 180
    days have two such files due where 18 have one.

    `pytest -s -m soak tests/governance/retention/test_retain_scale.py -k 1-million` (or
    `10-million`) prints bytes held and read, CPU seconds, memory and rows deleted.
    """
    held = one_day(tmp_path / "store", rows, rows // 500, 180)
    print(f"\n{held}")
    assert held.peak < 1 << 30
    assert held.data_read < 0.02 * held.size
    if rows >= 10_000_000:
        assert held.read < 0.02 * held.size
        less = one_day(tmp_path / "less", rows // 10, rows // 500, 18)
        print(less)
        assert held.data_read < 3 * less.data_read  # ten times are held
