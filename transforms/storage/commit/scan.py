"""Reading a store's datasets with pyarrow, over exactly the live files of one snapshot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.fs as pafs
import pyarrow.parquet as pq
from msgspec import UNSET

from callveil.schemas.manifest import FileEntry
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.format1.snapshot import Snapshot
from callveil.transforms.storage.tables import key_index as _index  # noqa: F401 - registers the index dataset
from callveil.transforms.storage.tables.parquet import ACCOUNT, TABLES


class _Handler(pafs.FileSystemHandler):
    """Lets pyarrow read through `Files`, so that credentials and endpoints are found in one way
    only. Read-only.
    """

    def __init__(self, files: Files, root: str) -> None:
        self._files, self._root = files, root

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Handler) and (self._files, self._root) == (
            other._files,
            other._root,
        )

    __hash__ = None  # type: ignore[assignment]

    def get_type_name(self) -> str:
        return "callveil"

    def normalize_path(self, path: str) -> str:
        return path

    def get_file_info(self, paths: list[str]) -> list[Any]:
        out = []
        for path in paths:
            info = self._files.info(self._files.join(self._root, path))
            out.append(
                pafs.FileInfo(path, pafs.FileType.File, size=info.size)
                if info
                else pafs.FileInfo(path, pafs.FileType.NotFound)
            )
        return out

    def get_file_info_selector(self, selector: Any) -> list[Any]:
        raise NotImplementedError(
            "datasets of a store are opened by name of file, never by listing a folder"
        )

    def open_input_file(self, path: str) -> Any:
        return pa.PythonFile(self._files.open(self._files.join(self._root, path)), mode="r")

    def open_input_stream(self, path: str) -> Any:
        return self.open_input_file(path)

    def _read_only(self, *args: Any, **kwargs: Any) -> Any:
        raise PermissionError("the store is written by publishing runs, never through pyarrow")

    create_dir = delete_dir = delete_dir_contents = delete_root_dir_contents = delete_file = (
        _read_only
    )
    move = copy_file = open_output_stream = open_append_stream = _read_only


def open_dataset(
    store: Store,
    name: str,
    snapshot: Snapshot | None = None,
    accounts: Collection[str] = (),
) -> Any:
    """Return a `pyarrow.dataset.Dataset` over the live files of one dataset.

    Args:
        name: interactions, findings, rejected, index or another registered one; ValueError for an
            unknown name.
        snapshot: which to read; None means the current one. It stays readable until its removed
            files are purged.
        accounts: leave out files that are known to hold none of these; rows are not filtered.

    Partition columns (`account_type`, `day`, ...) are columns of the dataset, and a filter on them
    skips whole files.
    """
    if name not in TABLES:
        raise ValueError(f"no Parquet dataset {name!r}; there are {', '.join(sorted(TABLES))}")
    live = (snapshot or store.current()).by_dataset(name)
    entries = [e for e in live if not (accounts and e.lacks(accounts))]
    schema = TABLES[name].schema
    for column in sorted({k for e in live for k in e.partition}):
        if column not in schema.names:
            schema = schema.append(pa.field(column, pa.string()))
    filesystem = pafs.PyFileSystem(_Handler(store.files, store.root))
    layout = ds.ParquetFileFormat()
    fragments = [
        layout.make_fragment(e.path, filesystem=filesystem, partition_expression=_where(e))
        for e in entries
    ]
    return ds.FileSystemDataset(fragments, schema, layout, filesystem=filesystem)


def count_accounts(store: Store, entry: FileEntry) -> Mapping[str, int]:
    """Return a file's rows by account id, those of no account under an empty one: as its entry
    says; where it does not, the column is read.
    """
    if entry.accounts is not UNSET:
        return entry.accounts
    counts: Counter[str] = Counter()
    with store.files.open(store.url(entry.path)) as source:
        # Read with a small buffer: the column is a few KB in each group, far apart.
        file = pq.ParquetFile(source, buffer_size=1 << 16, pre_buffer=False)
        for group in range(file.num_row_groups):
            column = file.read_row_group(group, columns=[ACCOUNT], use_threads=False).column(0)
            found = pc.value_counts(pc.fill_null(column, "")).to_pylist()
            counts.update({c["values"]: c["counts"] for c in found})
    return dict(sorted(counts.items()))


def _where(entry: FileEntry) -> Any:
    expression = ds.scalar(True)
    for column, value in entry.partition.items():
        expression = expression & (ds.field(column) == value)
    return expression
