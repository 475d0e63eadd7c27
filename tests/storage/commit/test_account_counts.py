"""Files' rows by account: counted where they are written, the same as the rows say, and left out
of what is written about a file where they are not known.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET

from callveil.schemas.arrow import arrow_schema
from callveil.schemas.fields import Field, Integer, Text
from callveil.schemas.json_types import from_json_text, to_json_text
from callveil.schemas.manifest import MAX_ACCOUNTS, FileEntry
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.commit.scan import count_accounts, open_dataset
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.format1.snapshot import Snapshot
from callveil.transforms.storage.tables.parquet import TABLES, Table, publish_records
from callveil.transforms.storage.tables.rewrite import change_rows, rewrite_file

COUNTED = (Field("account_id", Text(), personal=False), Field("n", Integer(), personal=False))
OWNED = Table("owned", arrow_schema(COUNTED), COUNTED, ("account_id", "n"))
NOBODYS = Table("nobodys", arrow_schema(COUNTED[1:]), COUNTED[1:], ("n",))
ACCOUNTS = st.lists(st.sampled_from([None, "1", "2", "10", "1 0"]), max_size=120)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store.make(Files(), str(tmp_path_factory.mktemp("counts") / "store"))


def published(store: Store, accounts: list[str | None], name: str = "a") -> FileEntry:
    order = sorted(accounts, key=lambda a: (a is not None, a or ""))
    rows = ({"account_id": a, "n": n} for n, a in enumerate(order))
    return publish_records(store.files, store.root, f"owned/{name}.parquet", OWNED, {}, rows)


def not_counted(entry: FileEntry) -> FileEntry:
    """The entry as it was written before rows were counted."""
    return replace(entry, accounts=UNSET)


@settings(deadline=None, max_examples=60)
@given(accounts=ACCOUNTS, gone=st.integers(1, 7))
def test_counts_are_those_of_the_rows(store: Store, accounts: list[str | None], gone: int) -> None:
    entry = published(store, accounts)
    assert entry.accounts == Counter(a or "" for a in accounts)
    assert entry.rows == sum(count_accounts(store, entry).values())
    assert list(count_accounts(store, not_counted(entry)).items()) == list(entry.accounts.items())
    kept = [r for n, r in enumerate(sorted(a or "" for a in accounts)) if n % gone]
    done = rewrite_file(
        store.files,
        store.root,
        entry,
        "owned/b.parquet",
        OWNED,
        change_rows(lambda row: row if row["n"] % gone else None),
    )
    assert (dict(done.entry.accounts) if done.entry else {}) == Counter(kept)
    assert from_json_text(to_json_text(entry), FileEntry) == entry


def test_what_is_not_counted_is_not_written(store: Store) -> None:
    rows = ({"n": n} for n in range(3))
    entry = publish_records(store.files, store.root, "nobodys/a.parquet", NOBODYS, {}, rows)
    many = published(store, [str(n) for n in range(MAX_ACCOUNTS + 1)])
    most = published(store, [str(n) for n in range(MAX_ACCOUNTS)])
    assert entry.accounts is many.accounts is UNSET and len(dict(most.accounts)) == MAX_ACCOUNTS
    for unknown in (entry, many):
        assert b"accounts" not in to_json_text(unknown)
        assert from_json_text(to_json_text(unknown), FileEntry) == unknown
        assert not unknown.lacks(["7"]) and not unknown.lacks([])
    assert len(count_accounts(store, published(store, [str(n) for n in range(2_000)]))) == 2_000


def test_files_known_to_hold_none_are_left_out(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(TABLES, OWNED.name, OWNED)
    entries = [published(store, [a, a], f"of-{a}") for a in ("1", "2")]

    def accounts(files: list[FileEntry], *wanted: str) -> list[str]:
        found = open_dataset(store, OWNED.name, Snapshot(files=tuple(files)), wanted).to_table()
        return sorted(found.column("account_id").to_pylist())

    assert accounts(entries, "1") == ["1", "1"]
    assert accounts(entries, "1", "2") == accounts(entries) == ["1", "1", "2", "2"]
    assert accounts(entries, "3") == []
    assert accounts([not_counted(e) for e in entries], "1") == ["1", "1", "2", "2"]
    Path(store.url(entries[1].path)).unlink()
    assert accounts(entries, "1") == ["1", "1"]
