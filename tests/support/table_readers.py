"""Other engines as readers of a store's tables."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import duckdb
from pyiceberg.table import Table as IcebergTable

from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.files.urls import absolute_url
from callveil.transforms.storage.iceberg.catalog import StoreCatalog


@cache
def _extensions() -> tuple[str, ...]:
    """Paths of DuckDB's extensions, which come as packages: nothing is downloaded."""
    out = []
    for name in ("avro", "iceberg"):
        spec = find_spec(f"duckdb_extension_{name}")
        assert spec and spec.submodule_search_locations
        folder = Path(spec.submodule_search_locations[0])
        out.append(str(next(folder.rglob(f"{name}.duckdb_extension"))))
    return tuple(out)


def connect_duckdb() -> duckdb.DuckDBPyConnection:
    """Return a connection that reads Iceberg tables."""
    connection = duckdb.connect()
    for path in _extensions():
        connection.execute(f"LOAD '{path}'")
    return connection


def read_by_folder(root: str, table: str, columns: str = "*") -> list[tuple[Any, ...]]:
    """Rows of a table as DuckDB sees them that is given its folder alone, sorted."""
    with connect_duckdb() as connection:
        query = f"SELECT {columns} FROM iceberg_scan('{root}/{table}')"
        return sorted(connection.execute(query).fetchall(), key=repr)


def open_table(store: Store, table: str) -> IcebergTable:
    """A table as pyiceberg opens it by the store's catalog."""
    return StoreCatalog(absolute_url(store.root), store.tables()).load_table(table)


def metadata_files(root: str, table: str) -> list[str]:
    """Names of all files of a table's metadata."""
    return sorted(p.name for p in Path(root, table, "metadata").iterdir() if p.name[0] != ".")
