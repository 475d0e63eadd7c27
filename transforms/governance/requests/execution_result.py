"""What carrying plans out has come to: files, and what was counted for each request."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from callveil.schemas.manifest import FileEntry
from callveil.transforms.storage.tables.key_index import IndexEntry
from callveil.transforms.storage.tables.mutation import RowMutation

Series = tuple[str, str, str, str]


@dataclass
class ExecutionResult:
    """Outcome, so far, of carrying out a plan.

    Attributes:
        added, removed: files.
        rows: by request, `(record class, dataset, method, ground)` to rows matched, erased and
            retained.
        kept: rows that went, as Parquet, by dataset and partition, where they are to be set aside.
        entries: index entries as they were, of interactions that were set aside.
    """

    added: list[FileEntry] = field(default_factory=list)
    removed: list[FileEntry] = field(default_factory=list)
    rows: dict[str, dict[Series, list[int]]] = field(default_factory=lambda: defaultdict(dict))
    kept: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list, repr=False)
    entries: list[IndexEntry] = field(default_factory=list)

    def count(
        self,
        request_id: str,
        record_class: str,
        dataset: str,
        method: str,
        matched: int,
        erased: int,
        retained: int = 0,
        ground: str = "",
    ) -> None:
        """Add to a series of a request."""
        self._add(request_id, (record_class, dataset, method, ground), (matched, erased, retained))

    def _add(self, request_id: str, name: Series, counts: Iterable[int]) -> None:
        held = self.rows[request_id].setdefault(name, [0, 0, 0])
        for n, more in enumerate(counts):
            held[n] += more

    def series(self, request_id: str) -> list[list[object]]:
        """Return the series of a request, in order."""
        return [[*name, *counts] for name, counts in sorted(self.rows[request_id].items())]

    def take(self, mutation: RowMutation) -> None:
        """Add the files of a change of rows."""
        self.added += mutation.added
        self.removed += mutation.removed

    def add(self, part: ExecutionResult) -> None:
        """Add what a part of the work has come to."""
        self.added += part.added
        self.removed += part.removed
        self.kept += part.kept
        self.entries += part.entries
        for request_id, rows in part.rows.items():
            for name, counts in rows.items():
                self._add(request_id, name, counts)


FinishedWork = dict[tuple[object, ...], ExecutionResult]
"""Rewrites that are done, by what was to be done: they hold on any later state in which the files
they replace are still live."""
