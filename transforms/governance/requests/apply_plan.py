"""Carrying a plan out on a state of the store: files rewritten, indexes brought up to date, and
what was counted on the way.
"""

from __future__ import annotations

import io
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from callveil.schemas.errors import CallveilError
from callveil.schemas.interaction import InteractionKey
from callveil.schemas.json_types import Row
from callveil.schemas.manifest import FileEntry
from callveil.schemas.subject_index import RecordRef, SubjectEntry
from callveil.transforms.execution.worker_pool import spread_work
from callveil.transforms.governance.requests.action import DROP, KEEP, UNLINK, RecordAction
from callveil.transforms.governance.requests.plan import ErasePlan
from callveil.transforms.governance.requests.search import confirmed_values
from callveil.transforms.governance.requests.unlink import ACTOR_FIELDS, STAFF_FIELDS, Unlinker
from callveil.transforms.storage.checkpoints.store_identity import worker_keyring
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.format1.snapshot import Snapshot
from callveil.transforms.storage.index.identifier_index import SUBJECTS
from callveil.transforms.storage.tables.key_index import (
    INDEX,
    IndexEntry,
    current_files,
    stem_of,
)
from callveil.transforms.storage.tables.mutation import (
    RowMutation,
    tombstone,
    with_cleared_fields,
)
from callveil.transforms.storage.tables.parquet import FINDINGS, INTERACTIONS, REQUESTS
from callveil.transforms.storage.tables.rewrite import BatchEdit, EditRows, change_keys


class CarryError(CallveilError, RuntimeError):
    """The store holds other rows than were planned; nothing was published."""


@dataclass
class ExecutionResult:
    """Outcome, so far, of carrying out a plan.

    Attributes:
        added, removed: files.
        rows: `(record class, dataset, method)` to rows matched, erased and retained.
        kept: rows that went, as Parquet, by dataset and partition, where they are to be set aside.
        entries: index entries as they were, of interactions that were set aside.
    """

    added: list[FileEntry] = field(default_factory=list)
    removed: list[FileEntry] = field(default_factory=list)
    rows: dict[tuple[str, str, str, str], list[int]] = field(default_factory=dict)
    kept: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list, repr=False)
    entries: list[IndexEntry] = field(default_factory=list)

    def count(
        self,
        record_class: str,
        dataset: str,
        method: str,
        matched: int,
        erased: int,
        retained: int = 0,
        ground: str = "",
    ) -> None:
        """Add to a series."""
        held = self.rows.setdefault((record_class, dataset, method, ground), [0, 0, 0])
        for n, more in enumerate((matched, erased, retained)):
            held[n] += more

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
        for (record_class, dataset, method, ground), (
            matched,
            erased,
            retained,
        ) in part.rows.items():
            self.count(record_class, dataset, method, matched, erased, retained, ground)


class PlanExecutor:
    """Carries out one plan.

    Args:
        store, keyring, snapshot: where. run_id: names new files.
        plan: what. set_aside: keep the rows that go, for a restriction.
    """

    def __init__(
        self,
        store: Store,
        keyring: Keyring,
        snapshot: Snapshot,
        run_id: str,
        plan: ErasePlan,
        *,
        set_aside: bool = False,
    ) -> None:
        self.store, self.keyring, self.snapshot, self.run_id, self.plan = (
            store,
            keyring,
            snapshot,
            run_id,
            plan,
        )
        self.set_aside = set_aside
        self.unlinker = Unlinker(keyring, plan.match.tokens, confirmed_values(plan.match.confirmed))
        self.done = ExecutionResult()
        self.live = {f.path: f for f in snapshot.files}

    def run(self) -> ExecutionResult:
        """Do all of it; nothing is visible until the files are published."""
        by_path: dict[str, list[RecordAction]] = defaultdict(list)
        for action in self.plan.actions:
            if action.action == KEEP:
                self.done.count(*self._series(action), "none", 1, 0, 1, action.ground)
            else:
                by_path[action.path].append(action)
        # Each file alone, so that any process may do it: the run's workers are this one's own, and
        # what they get goes to nobody else.
        pieces = [(self.live[path], actions) for path, actions in sorted(by_path.items())]
        for part in spread_work(self.plan.request_id, self.rewritten, pieces):
            self.done.add(part)
        dropped = self.dropped("interaction")
        self._findings(dropped)
        self._requests(dropped)
        self._index(dropped)
        if not self.set_aside:
            self._subjects()
        return self.done

    def _alone(self) -> PlanExecutor:
        """Return the same with nothing done yet."""
        alone = object.__new__(PlanExecutor)
        alone.__dict__ |= self.__dict__ | {"done": ExecutionResult()}
        return alone

    def __getstate__(self) -> dict[str, Any]:
        """Without secrets, which a worker loads for itself."""
        return {n: v for n, v in self.__dict__.items() if n not in ("keyring", "unlinker")} | {
            "keyring": str(self.keyring.path)
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__ |= state
        self.keyring = worker_keyring(self.store.files, self.store.root, state["keyring"])
        self.unlinker = Unlinker(
            self.keyring, self.plan.match.tokens, confirmed_values(self.plan.match.confirmed)
        )

    def rewritten(self, entry: FileEntry, actions: list[RecordAction]) -> ExecutionResult:
        """Return what carrying out comes to for one file of interactions or versions."""
        alone = self._alone()
        alone._rows(entry, actions)
        return alone.done

    def without(
        self, file: FileEntry, gone: set[RecordRef], linked: set[RecordRef]
    ) -> tuple[ExecutionResult, int]:
        """Return the same for one file of the identifier index, which loses entries; and how
        many.
        """
        alone = self._alone()
        return alone.done, alone._subject_file(file, gone, linked)

    def dropped(self, record_class: str) -> set[InteractionKey]:
        """Return keys of records that go."""
        own = (
            a.record
            for a in self.plan.actions
            if a.action == DROP and a.record.record_class == record_class
        )
        return {InteractionKey(r.account_id, r.record_id) for r in own}

    @staticmethod
    def _series(action: RecordAction) -> tuple[str, str]:
        return f"{action.record.record_class}s", action.path.split("/", 1)[0]

    def _rows(self, entry: FileEntry, actions: list[RecordAction]) -> None:
        """Rewrite one file of interactions or versions."""
        gone = {a.record for a in actions if a.action == DROP}
        linked = {a.record: a for a in actions if a.action == UNLINK}
        kind = "interaction" if entry.dataset == INTERACTIONS.name else "version"
        columns = (
            ("account_id", "id")
            if kind == "interaction"
            else ("account_id", "version_id", "item_type", "item_id")
        )

        def edit_rows(edit: BatchEdit) -> None:
            for place, key in enumerate(edit.keys(*columns)):
                record = RecordRef(kind, *key)
                if record in gone:
                    edit.drop(place, DROP)
                elif record in linked:
                    edit.replace(
                        place, self._unlinked(edit.row(place), linked[record], kind), UNLINK
                    )

        if self._edit(entry, edit_rows) != Counter({DROP: len(gone), UNLINK: len(linked)}):
            raise CarryError(
                f"{entry.path}: holds other rows than were planned; nothing was published. Repeat "
                "the command"
            )
        name, dataset = f"{kind}s", entry.dataset
        if gone:
            self.done.count(name, dataset, self._dropping, len(gone), len(gone))
        for action in linked.values():
            self.done.count(
                name,
                dataset,
                "unlink",
                1,
                0 if action.ground else 1,
                1 if action.ground else 0,
                action.ground,
            )

    @property
    def _dropping(self) -> str:
        return "seal" if self.set_aside else "drop_rows"

    def _unlinked(self, row: Row, action: RecordAction, kind: str) -> Row:
        interaction = row["id"] if kind == "interaction" else ""
        new, _ = self.unlinker.row(row, row["account_id"], interaction)
        if action.role == "agent":
            new |= dict.fromkeys(STAFF_FIELDS if kind == "interaction" else ACTOR_FIELDS)
        return new

    def _edit(self, entry: FileEntry, change: EditRows, name: str = "") -> Counter[str]:
        """Put a changed file in the place of one; rows that go are kept aside where that was asked
        for.
        """

        def keep(rows: pa.RecordBatch) -> None:
            sink = io.BytesIO()
            pq.write_table(pa.Table.from_batches([rows]), sink, compression="zstd")
            self.done.kept.append((entry.dataset, dict(entry.partition), sink.getvalue()))

        mutation = self._mutation()
        counts = mutation.edit_file(
            entry,
            name or f"{self.snapshot.seq:08d}-{stem_of(entry.path)}",
            change,
            keep if self.set_aside else None,
        )
        self.done.take(mutation)
        return counts

    def _mutation(self) -> RowMutation:
        return RowMutation(self.store.files, self.store.root, self.snapshot, self.run_id)

    def _drop_keys(self, entry: FileEntry, keys: set[InteractionKey]) -> int:
        """Rewrite a file without the rows of some interactions; returns how many there were. One
        without such rows is left alone.
        """
        columns = ("account_id", "interaction_id")
        with self.store.files.open(self.store.url(entry.path)) as source:
            where = [(columns[1], "in", sorted({k.id for k in keys}))]
            rows = pq.read_table(source, columns=list(columns), filters=where).to_pylist()
        if not any(tuple(r.values()) in keys for r in rows):
            return 0
        return self._edit(entry, change_keys(columns, keys)).total()

    def _findings(self, keys: set[InteractionKey]) -> None:
        origins = current_files(self.snapshot, FINDINGS.name)
        wanted: dict[str, set[InteractionKey]] = defaultdict(set)
        for key in keys:
            folder, _, name = self.plan.entries[key].origin.partition("/")[2].rpartition("/")
            stem = name.removesuffix(".parquet")
            # findings of rows that were redacted further later on
            again = f".again.{stem.replace('-', '.')}.parquet"
            for origin in origins:
                if origin == f"{FINDINGS.name}/{folder}/{name}" or (
                    origin.startswith(f"{FINDINGS.name}/{folder}/") and origin.endswith(again)
                ):
                    wanted[origin].add(key)
        found = sum(self._drop_keys(origins[o], own) for o, own in sorted(wanted.items()))
        if found:
            self.done.count("findings", FINDINGS.name, self._dropping, found, found)

    def _requests(self, keys: set[InteractionKey]) -> None:
        """Manual requests about interactions that go: each holds a reason that can be opened."""
        if self.set_aside or not keys:
            return
        found = sum(
            self._drop_keys(entry, keys) for entry in self.snapshot.by_dataset(REQUESTS.name)
        )
        if found:
            self.done.count("requests", REQUESTS.name, "drop_rows", found, found)

    # Indexes

    def _index(self, dropped: set[InteractionKey]) -> None:
        """Tombstones of what went, so that no replay brings it back, and floors of staff fields
        that went. Touched buckets are merged.
        """
        staff = {
            InteractionKey(a.record.account_id, a.record.record_id)
            for a in self.plan.actions
            if a.action == UNLINK and a.role == "agent" and a.record.record_class == "interaction"
        }

        def new(entry: IndexEntry) -> IndexEntry:
            if entry.key in dropped:
                self.done.entries.append(entry)
                return tombstone(entry)
            return with_cleared_fields(entry, STAFF_FIELDS)

        mutation = self._mutation()
        mutation.edit_index(dropped | staff, new)
        self.done.take(mutation)
        if dropped:
            self.done.count("index", INDEX.name, "drop_rows", len(dropped), len(dropped))

    def _subjects(self) -> None:
        """Entries that lead to the person, and all entries of records that went, leave the
        identifier index.

        Every file is looked at: an earlier snapshot of a record may have had identifiers that its
        present entries do not list.
        """
        gone = {a.record for a in self.plan.actions if a.action == DROP}
        linked = {a.record for a in self.plan.actions if a.action == UNLINK}
        dropped = 0
        files = self.snapshot.by_dataset(SUBJECTS.name) if gone or linked else ()
        for part, fewer in spread_work(
            self.plan.request_id, self.without, ((file, gone, linked) for file in files)
        ):
            self.done.add(part)
            dropped += fewer
        if dropped:
            self.done.count("index", SUBJECTS.name, "drop_rows", dropped, dropped)

    def _subject_file(self, file: FileEntry, gone: set[RecordRef], linked: set[RecordRef]) -> int:
        """Take entries out of one file of the identifier index; returns how many."""
        mine, names = (
            set(self.plan.match.tokens),
            pa.array(sorted({r.record_id for r in gone | linked}), pa.string()),
        )
        dropped = 0

        def edit_rows(edit: BatchEdit) -> None:
            """Turn only the rows that may be meant into Python's own: they are few among many."""
            nonlocal dropped
            meant = pc.is_in(edit.batch.column("record_id"), value_set=names)
            for place in np.flatnonzero(meant.to_numpy(zero_copy_only=False)).tolist():
                entry = SubjectEntry.of(edit.row(place))
                new = _without(entry, gone, linked, mine)
                dropped += new is not entry
                if new is None:
                    edit.drop(place)
                elif new is not entry:
                    edit.replace(place, new.as_row())

        if self._holds(file, gone | linked, names):
            self._edit(file, edit_rows, f"{self.snapshot.seq + 1:08d}.{file.sha256[:12]}")
        return dropped

    def _holds(self, file: FileEntry, records: set[RecordRef], names: pa.Array) -> bool:
        """Tell whether a file of the identifier index has entries of some records. Reads one
        column, and the others where that says so.
        """
        with self.store.files.open(self.store.url(file.path)) as source:
            stored = pq.ParquetFile(source, page_checksum_verification=True)
            if not pc.any(
                pc.is_in(stored.read(columns=["record_id"]).column(0), value_set=names)
            ).as_py():
                return False
            columns = ["record_class", "account_id", "record_id", "item_type", "item_id"]
            return any(
                RecordRef(*(r[c] for c in columns)) in records
                for r in stored.read(columns=columns).to_pylist()
            )


def _without(
    entry: SubjectEntry, gone: set[RecordRef], linked: set[RecordRef], mine: set[str]
) -> SubjectEntry | None:
    """Return an entry as it stays: the same object where nothing changes, None where it goes."""
    if entry.record in gone or (entry.record in linked and entry.token in mine):
        return None
    if entry.record in linked and any(mine & {link.token, link.field} for link in entry.links):
        return entry._replace(
            links=tuple(link for link in entry.links if not mine & {link.token, link.field})
        )
    return entry
