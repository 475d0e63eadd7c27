"""Read access to a store's tables, as of one state of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from callveil.schemas.json_types import Row

# Each registers tables.
from callveil.transforms.governance.requests import certificate, register  # noqa: F401
from callveil.transforms.governance.retention import certificate as _certificate  # noqa: F401
from callveil.transforms.governance.retention import plan_file  # noqa: F401
from callveil.transforms.storage.checkpoints.store_identity import open_store as open_checked
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.commit.scan import open_dataset
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.format1.snapshot import Snapshot
from callveil.transforms.storage.index import identifier_index, suppression_list  # noqa: F401
from callveil.transforms.storage.tables import recordings, versions  # noqa: F401
from callveil.transforms.storage.tables.parquet import TABLES

ROWS = 2_000
"""Rows that are read at a time."""


@dataclass(frozen=True)
class OpenStore:
    """A store in the state of one published run. What later runs publish does not show; open it
    again for that. It can be read until files that later runs removed are purged.

    Attributes:
        root: where it is.
        run: number of the run, 0 where nothing was published. run_id: its digest, or empty.
        tables: rows of each table that has any.
    """

    root: str
    run: int
    run_id: str
    tables: Mapping[str, int]
    _store: Store = field(repr=False)
    _snapshot: Snapshot = field(repr=False)

    def dataset(self, table: str) -> Any:
        """Return a `pyarrow.dataset.Dataset` of a table, which DuckDB, Polars and pandas read.

        Partition columns (`account_type`, `day`, ...) are columns of it, and a filter on them skips
        whole files. Raises `ValueError` for a name that is no table's.
        """
        return open_dataset(self._store, table, self._snapshot)

    def rows(
        self,
        table: str,
        columns: Sequence[str] | None = None,
        filter: Any = None,  # noqa: A002 - as pyarrow has it
    ) -> Iterator[Row]:
        """Yield rows of a table. Bounded memory.

        Args:
            columns: only these. filter: a `pyarrow.dataset` expression.
        """
        dataset = self.dataset(table)
        if unknown := sorted(set(columns or ()) - set(dataset.schema.names)):
            raise ValueError(f"{table}: has no column {', '.join(unknown)}")
        scanner = dataset.scanner(
            columns=list(columns) if columns else None, filter=filter, batch_size=ROWS
        )
        for batch in scanner.to_batches():
            yield from batch.to_pylist()


def open_store(root: str | Path, *, keyring: str | Path | None = None) -> OpenStore:
    """Open a store to read its tables. Nothing is written to it.

    Args:
        root: folder, or `s3://bucket/prefix`; credentials come from the usual environment.
        keyring: path of the keyring to compare with the store's; None: the usual place, where a
            file is there. Tables are read without one.

    Raises:
        StoreError: there is no store, it is damaged, or older than it was seen.
        KeyringError: the store is kept with other keys than those at hand.
    """
    store = open_checked(Files(), str(root), str(keyring) if keyring else None)
    snapshot = store.current()
    rows = {name: sum(e.rows for e in snapshot.by_dataset(name)) for name in sorted(TABLES)}
    held = {name: n for name, n in rows.items() if n}
    return OpenStore(
        store.root, snapshot.seq, snapshot.run_id, MappingProxyType(held), store, snapshot
    )
