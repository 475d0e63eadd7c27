"""Rows of published tables changed by one run: the one way in which stored rows are replaced or
dropped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

import pyarrow as pa

from callveil.schemas.interaction import InteractionKey
from callveil.schemas.manifest import FileEntry
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.format1.snapshot import Snapshot, data_path
from callveil.transforms.storage.tables.key_index import (
    INDEX,
    IndexEntry,
    index_rows,
    key_bucket,
    key_bucket_files,
    origin_of,
    read_key_bucket,
)
from callveil.transforms.storage.tables.parquet import TABLES, publish_records
from callveil.transforms.storage.tables.rewrite import EditRows, RowChanges, rewrite_file


@dataclass
class RowMutation:
    """Changes a run makes to stored rows; nothing is visible until it is published.

    Args:
        files, root, snapshot: the store and its state. run_id: names new files.

    Attributes:
        added, removed: files of rows, for `RunChanges`.
        counts: rows that were changed, by table and reason.
        changes: rows that are not in the new file, by its path.
    """

    files: Files
    root: str
    snapshot: Snapshot
    run_id: str
    added: list[FileEntry] = field(default_factory=list)
    removed: list[FileEntry] = field(default_factory=list)
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    changes: dict[str, RowChanges] = field(default_factory=dict, repr=False)

    def edit_file(
        self,
        entry: FileEntry,
        name: str,
        change: EditRows,
        keep_dropped: Callable[[pa.RecordBatch], None] | None = None,
    ) -> Counter[str]:
        """Put a file with changed rows in the place of one, or none where no row is left.

        Args:
            name: of the new file, behind the run's id; see `RedactJob.rewritten_name`.
            change: what becomes of the rows. keep_dropped: gets those that go.

        Returns: rows that were changed, by reason. Raises `RewriteError`.
        """
        path = data_path(entry.dataset, dict(entry.partition), self.run_id, name)
        table = TABLES[entry.dataset]
        done = rewrite_file(self.files, self.root, entry, path, table, change, keep_dropped)
        self.removed.append(entry)
        if done.entry:
            self.added.append(done.entry)
            if origin_of(path) == origin_of(entry.path):  # else nothing says that it is the same
                self.changes[path] = done.changes
        self.counts.update({(entry.dataset, reason): n for reason, n in done.counts.items()})
        return done.counts

    def edit_index(
        self, keys: Collection[InteractionKey], change: Callable[[IndexEntry], IndexEntry]
    ) -> None:
        """Change the key index' entries of some interactions. Each touched bucket becomes one file,
        so that nothing older says otherwise.
        """
        wanted, seq = set(keys), self.snapshot.seq + 1
        for bucket in sorted({key_bucket(k) for k in wanted}):
            entries = read_key_bucket(self.files, self.root, self.snapshot, bucket)
            for key in wanted & entries.keys():
                entries[key] = change(entries[key])._replace(seq=seq)
            if entries:
                partition = {"bucket": f"{bucket:02d}"}
                path = data_path(INDEX.name, partition, self.run_id, f"{seq:08d}")
                rows = index_rows(entries)
                self.added.append(
                    publish_records(self.files, self.root, path, INDEX, partition, rows)
                )
                self.removed += key_bucket_files(self.snapshot, bucket)


def tombstone(entry: IndexEntry) -> IndexEntry:
    """Return the entry of an interaction that was deleted, so that no replay brings it back."""
    return entry._replace(tombstone=True, digest="", entities=(), requests=())


def with_cleared_fields(entry: IndexEntry, names: Collection[str]) -> IndexEntry:
    """Return the entry of an interaction some fields of which were emptied for good."""
    cleared = {f"clear:{name}" for name in names}
    return entry._replace(entities=tuple(sorted({*entry.entities, *cleared})))
