"""Stores of generated version rows for the retention tests, and looks into them. Nobody's data."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from callveil.pipelines.retain import RetainOptions, RetainResult, run_retain
from callveil.schemas.arrow import REDACTED_VERSION_SCHEMA
from callveil.schemas.manifest import RunManifest
from callveil.schemas.policy_load import parse_policy
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.commit.scan import open_dataset
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.files.local import temporary_file
from callveil.transforms.storage.format1.snapshot import data_path
from callveil.transforms.storage.tables.parquet import Table, TableWriter, publish_bytes
from callveil.transforms.storage.tables.versions import SORT, VERSIONS

NOW = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)


@dataclass(frozen=True, order=True)
class V:
    """One generated version."""

    account: str
    at: dt.datetime
    id: str
    stored: str = "individual"
    item: str = "77"
    secret: str = ""


def table_of(versions: Sequence[V]) -> pa.Table:
    """Rows as the store holds them."""
    rows = [
        {
            "version_id": v.id,
            "account_id": v.account,
            "item_type": "User",
            "item_id": v.item,
            "created_at": v.at,
            "event": "update",
            "item_label": v.secret or f"label of {v.id}",
            "account_type": v.stored,
            "redaction_mode": "none",
        }
        for v in versions
    ]
    return pa.Table.from_pylist(rows, schema=REDACTED_VERSION_SCHEMA).sort_by(
        [(c, "ascending") for c in SORT]
    )


def write_table(
    store: Store, table: Table, rows: pa.Table, partition: dict[str, str], run: str, name: str
) -> Any:
    """Write one file of the store from an Arrow table; returns its entry."""
    with temporary_file() as sink:
        writer = TableWriter(sink, table)
        for batch in rows.combine_chunks().to_batches():
            writer.append_batch(batch)
        number = writer.close()
        return publish_bytes(
            store.files,
            store.root,
            data_path(table.name, partition, run, name),
            table.name,
            partition,
            sink,
            number,
            writer.accounts,
        )


@dataclass
class Place:
    """A store, its facts, and runs of retention on it.

    Attributes:
        folder: holds the facts' files and the keyring; the store too, unless `root` says otherwise.
    """

    folder: Path
    files: Files = field(default_factory=Files)
    root: str = ""
    policy: str = "version: 1\nname: p\n"
    accounts: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    holds: list[dict[str, Any]] = field(default_factory=list)
    number: int = 0

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.root = self.root or str(self.folder / "store")
        Keyring.open_or_create(
            self.folder / "keyring.json"
        )  # a load makes one; none is made beside a store

    @property
    def store(self) -> Store:
        """The store, open for writing."""
        return Store.open_or_create(self.files, self.root)

    def put(self, versions: Iterable[V]) -> None:
        """Append versions, as a load would: one new file per account type and day."""
        self.number += 1
        run = hashlib.sha256(f"load {self.number}".encode()).hexdigest()
        groups: dict[tuple[str, str], list[V]] = defaultdict(list)
        for v in versions:
            groups[v.stored, v.at.date().isoformat()].append(v)
        store = self.store
        entries = [
            write_table(
                store, VERSIONS, table_of(rows), {"account_type": kind, "day": day}, run, f"{n:04d}"
            )
            for n, ((kind, day), rows) in enumerate(sorted(groups.items()))
        ]
        base = store.current()
        store.publish(
            RunManifest(
                run,
                **base.chain(),
                job="load",
                as_of=NOW.isoformat(),
                tool_version="t",
                policy_name="p",
                policy_sha256="0",
                added=tuple(entries),
            ),
            base,
        )

    def options(self, as_of: dt.datetime, now: dt.datetime = NOW) -> RetainOptions:
        """Options of the job, with the facts written to files."""
        given = {}
        for name in ("accounts", "events", "holds"):
            path = self.folder / f"{name}.jsonl"
            path.write_text("".join(json.dumps(r) + "\n" for r in getattr(self, name)))
            given[name] = [str(path)] if getattr(self, name) else []
        policy = parse_policy(self.policy)
        return RetainOptions(
            self.root,
            policy,
            as_of,
            now,
            keyring=str(self.folder / "keyring.json"),
            files=self.files,
            **given,
        )

    def run(self, as_of: dt.datetime, now: dt.datetime = NOW) -> RetainResult:
        """Plan and apply."""
        return run_retain(self.options(as_of, now))

    def ids(self) -> list[str]:
        """Ids of the versions that readers see."""
        return sorted(
            open_dataset(self.store, "versions")
            .to_table(columns=["version_id"])
            .column(0)
            .to_pylist()
        )

    def rows(self, dataset: str) -> list[dict[str, Any]]:
        """All rows of a dataset."""
        found: list[dict[str, Any]] = open_dataset(self.store, dataset).to_table().to_pylist()
        return found

    def dispositions(self, **wanted: Any) -> list[dict[str, Any]]:
        """Rows of the dispositions that hold these values."""
        return [r for r in self.rows("dispositions") if all(r[k] == v for k, v in wanted.items())]


def account(name: str, kind: str = "individual", **more: Any) -> dict[str, Any]:
    """An account record."""
    return {"account_id": name, "type": kind, **more}


def event(name: str, kind: str, at: dt.datetime, **more: Any) -> dict[str, Any]:
    """A lifecycle event."""
    return {"account_id": name, "kind": kind, "effective_at": at.isoformat(), **more}


def hold(name: str, **more: Any) -> dict[str, Any]:
    """A legal hold."""
    given = {k: v.isoformat() if isinstance(v, dt.datetime) else v for k, v in more.items()}
    return {"hold_id": name, "placed_at": "2026-01-01T00:00:00Z", "placed_by": "counsel", **given}
