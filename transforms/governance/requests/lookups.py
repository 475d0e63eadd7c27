"""Lookups in one state of a store that are remembered, by file: files never change, so on a later
state only those that are new are read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from sys import intern
from typing import Generic, TypeVar

from callveil.schemas.interaction import InteractionKey
from callveil.schemas.json_types import Row
from callveil.schemas.manifest import FileEntry
from callveil.schemas.subject_index import IdentifierLink, RecordRef, SubjectEntry
from callveil.transforms.governance.requests.controller import accounts_of_file, arrived_accounts
from callveil.transforms.governance.requests.current_rows import (
    VERSION_COLUMNS,
    interaction_files,
    read_index_file,
    read_version_file,
)
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.format1.live import Live
from callveil.transforms.storage.format1.snapshot import Snapshot
from callveil.transforms.storage.index.identifier_index import (
    SUBJECTS,
    read_entries_of,
    token_bucket,
)
from callveil.transforms.storage.tables.key_index import INDEX, IndexEntry, key_bucket
from callveil.transforms.storage.tables.versions import VERSIONS

COLUMNS = [*VERSION_COLUMNS, "created_at", "digest"]
K = TypeVar("K")
V = TypeVar("V")


class _FileMemory(Generic[K, V]):
    """What was found in files under some keys.

    Args:
        read: yields what a file holds under some keys, each with its key.
    """

    def __init__(self, read: Callable[[FileEntry, set[K]], Iterable[tuple[K, V]]]) -> None:
        self._read = read
        self._held: dict[str, tuple[set[K], dict[K, list[V]]]] = {}

    def find(self, file: FileEntry, wanted: set[K]) -> Iterator[V]:
        """Yield what a file holds under some keys; reads what was not asked for before."""
        asked, found = self._held.setdefault(file.path, (set(), {}))
        if new := wanted - asked:
            for key, value in self._read(file, new):
                found.setdefault(key, []).append(value)
            asked |= new
        for key in wanted if len(wanted) < len(found) else [k for k in found if k in wanted]:
            yield from found.get(key, ())

    def forget(self, live: Iterable[str]) -> None:
        """Forget files that are gone."""
        for path in self._held.keys() - set(live):
            del self._held[path]


class StoreLookups:
    """Lookups in one state of a store.

    Many at once read each file once: `entries` of all digests that will be asked for makes what
    follows cheap.

    Args:
        store, snapshot: where.
    """

    def __init__(self, store: Store, snapshot: Snapshot) -> None:
        self.store = store
        files, root = store.files, store.root
        self._in_subjects = _FileMemory[str, SubjectEntry](
            lambda f, wanted: (
                (e.token, self._shared(e)) for e in read_entries_of(files, root, f, wanted)
            )
        )
        self._in_index = _FileMemory[InteractionKey, IndexEntry](
            lambda f, wanted: ((e.key, e) for e in read_index_file(files, root, f, wanted))
        )
        self._in_versions = _FileMemory[RecordRef, tuple[FileEntry, Row]](
            lambda f, wanted: (
                (ref, (f, row)) for ref, row in read_version_file(files, root, f, wanted, COLUMNS)
            )
        )
        self._links: dict[tuple[IdentifierLink, ...], tuple[IdentifierLink, ...]] = {}
        self._in_accounts: dict[str, frozenset[str]] = {}
        self._begin(snapshot)

    def _shared(self, entry: SubjectEntry) -> SubjectEntry:
        """Return an entry that shares what it has in common with others: a person's records have
        the same identifiers, which are most of the memory.
        """
        links = self._links.setdefault(entry.links, entry.links)
        return SubjectEntry._make([*map(intern, entry[:-2]), entry.seq, links])

    def _begin(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self._files: dict[tuple[str, str], list[FileEntry]] = defaultdict(list)
        for file in snapshot.files:
            if file.dataset in (SUBJECTS.name, INDEX.name):
                self._files[file.dataset, file.partition["bucket"]].append(file)
            elif file.dataset == VERSIONS.name:
                self._files[file.dataset, file.partition["day"]].append(file)
        self._current: dict[str, list[SubjectEntry]] = {}
        self._entries: dict[InteractionKey, IndexEntry | None] = {}
        self._versions: dict[RecordRef, tuple[str, tuple[FileEntry, Row] | None]] = {}
        self._origins: dict[str, FileEntry] | None = None
        self._accounts: frozenset[str] | None = None

    def move_to(self, snapshot: Snapshot) -> bool:
        """Look at a later state from now on; returns whether all that was looked up before is the
        same there.
        """
        before = self._current, self._entries, self._versions
        self._begin(snapshot)
        for memory in (self._in_subjects, self._in_index, self._in_versions):
            memory.forget(f.path for f in snapshot.files)
        self.entries(before[0])
        self.index(before[1])
        self.versions({ref: day for ref, (day, _) in before[2].items()})
        return before == (self._current, self._entries, self._versions)

    def entries(self, tokens: Iterable[str]) -> Mapping[str, list[SubjectEntry]]:
        """Return, by digest, entries of the identifier index whose record is stored, in the
        snapshot the entry was made from; each digest's in order.
        """
        wanted = set(tokens)
        by_bucket: dict[int, set[str]] = defaultdict(set)
        for token in (t for t in wanted if t not in self._current):
            by_bucket[token_bucket(token)].add(token)
        latest: dict[tuple[str, ...], SubjectEntry] = {}
        for bucket, own in by_bucket.items():
            self._current.update((t, []) for t in own)
            for file in self._files[SUBJECTS.name, f"{bucket:02d}"]:
                for entry in self._in_subjects.find(file, own):
                    held = latest.get(entry.place)
                    if held is None or entry.seq >= held.seq:
                        latest[entry.place] = entry
        digests = self._digests(latest.values())
        for _, entry in sorted(latest.items()):
            if digests.get(entry.record) == entry.digest:
                self._current[entry.token].append(entry)
        return {t: self._current[t] for t in wanted}

    def _digests(self, entries: Iterable[SubjectEntry]) -> dict[RecordRef, str]:
        """Return digests of the snapshots that are stored of the records of some entries."""
        records = {e.record: e.day for e in entries}
        keys = {
            InteractionKey(r.account_id, r.record_id): r
            for r in records
            if r.record_class == "interaction"
        }
        found = {keys[k]: e.digest for k, e in self.index(keys).items() if not e.tombstone}
        rows = self.versions({r: d for r, d in records.items() if r.record_class == "version"})
        return found | {ref: row["digest"] for ref, (_, row) in rows.items()}

    def index(self, keys: Iterable[InteractionKey]) -> dict[InteractionKey, IndexEntry]:
        """Return the key index' latest entry of each of some interactions."""
        wanted = set(keys)
        by_bucket: dict[int, set[InteractionKey]] = defaultdict(set)
        for key in (k for k in wanted if k not in self._entries):
            by_bucket[key_bucket(key)].add(key)
        for bucket, own in by_bucket.items():
            self._entries.update(dict.fromkeys(own))
            for file in self._files[INDEX.name, f"{bucket:02d}"]:
                for entry in self._in_index.find(file, own):
                    held = self._entries[entry.key]
                    if held is None or entry.seq >= held.seq:
                        self._entries[entry.key] = entry
        return {k: e for k in wanted if (e := self._entries[k]) is not None}

    def versions(self, wanted: Mapping[RecordRef, str]) -> dict[RecordRef, tuple[FileEntry, Row]]:
        """Return rows of some versions, by the UTC day of each, with their files; columns as in
        `COLUMNS`.
        """
        by_day: dict[str, set[RecordRef]] = defaultdict(set)
        for ref, day in wanted.items():
            if ref not in self._versions:
                by_day[day].add(ref)
                self._versions[ref] = day, None
        for day, refs in by_day.items():
            for file in self._files[VERSIONS.name, day]:
                for found in self._in_versions.find(file, refs):
                    self._versions[_version_of(found[1])] = day, found
        return {ref: held for ref in wanted if (held := self._versions[ref][1]) is not None}

    def origins(self) -> dict[str, FileEntry]:
        """Live files of interactions by origin."""
        if self._origins is None:
            self._origins = interaction_files(self.snapshot)
        return self._origins

    def accounts(self) -> frozenset[str]:
        """Return accounts that have records in the store, as `accounts_in` does."""
        if self._accounts is None:
            files = [f for (name, _), own in self._files.items() for f in own if name != "subjects"]
            for file in files:
                if file.path not in self._in_accounts:
                    self._in_accounts[file.path] = accounts_of_file(self.store, file)
            live = arrived_accounts(Live(self.store.files, self.store.root))
            self._accounts = frozenset(live).union(*(self._in_accounts[f.path] for f in files))
        return self._accounts - {"", None}


def _version_of(row: Row) -> RecordRef:
    return RecordRef(
        "version", row["account_id"], row["version_id"], row["item_type"], row["item_id"]
    )
