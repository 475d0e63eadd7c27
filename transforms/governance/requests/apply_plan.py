"""Carrying plans out on a state of the store: files rewritten once for all of them, indexes brought
up to date, and what was counted on the way.
"""

from __future__ import annotations

import io
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

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
from callveil.transforms.governance.requests.action import DROP, KEEP, RecordAction
from callveil.transforms.governance.requests.execution_result import (
    ExecutionResult,
    FinishedWork,
)
from callveil.transforms.governance.requests.plan import ErasePlan
from callveil.transforms.governance.requests.search import confirmed_values
from callveil.transforms.governance.requests.unlink import ACTOR_FIELDS, STAFF_FIELDS, Unlinker
from callveil.transforms.storage.checkpoints.store_identity import worker_keyring
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.format1.snapshot import Snapshot
from callveil.transforms.storage.identity.identifiers import Identifier
from callveil.transforms.storage.index.identifier_index import SUBJECTS
from callveil.transforms.storage.tables.key_index import (
    INDEX,
    IndexEntry,
    current_files,
    key_bucket,
    stem_of,
)
from callveil.transforms.storage.tables.mutation import (
    RowMutation,
    tombstone,
    with_cleared_fields,
)
from callveil.transforms.storage.tables.parquet import FINDINGS, INTERACTIONS, REQUESTS
from callveil.transforms.storage.tables.rewrite import BatchEdit, EditRows

REF = ("record_class", "account_id", "record_id", "item_type", "item_id")


class CarryError(CallveilError, RuntimeError):
    """The store holds other rows than were planned; nothing was published."""


class Person(NamedTuple):
    """Whom a plan is about, as workers need to know them.

    Attributes:
        request_id: the request. tokens, known: of the confirmed identifiers, digests, and those
            known in clear.
    """

    request_id: str
    tokens: frozenset[str]
    known: tuple[Identifier, ...]


class Fate(NamedTuple):
    """What becomes of a record by all plans together: where one of them has it go, it goes.

    Attributes:
        drop: numbers of the plans by which it goes.
        unlink: `(plan, role, ground)` by which it stays without what leads to the person.
    """

    drop: tuple[int, ...] = ()
    unlink: tuple[tuple[int, str, str], ...] = ()

    @property
    def plans(self) -> tuple[int, ...]:
        """Numbers of the plans that name the record."""
        return (*self.drop, *(n for n, _, _ in self.unlink))

    def also(self, number: int, action: RecordAction) -> Fate:
        """Return what becomes of it by one more plan."""
        if action.action == DROP:
            return self._replace(drop=(*self.drop, number))
        return self._replace(unlink=(*self.unlink, (number, action.role, action.ground)))


Piece = tuple[tuple[object, ...], tuple[Any, ...]]
"""What is to be done, and the arguments of the function that does it."""


class PlanExecutor:
    """Carries out plans of some requests together.

    Args:
        store, keyring, snapshot: where. run_id: names new files.
        plans: what, each of another request. set_aside: keep the rows that go, for a restriction.
        pool: name under which workers are found.
        finished: what an attempt on an earlier state has done, which is not done again; grows.
    """

    def __init__(
        self,
        store: Store,
        keyring: Keyring,
        snapshot: Snapshot,
        run_id: str,
        plans: Sequence[ErasePlan],
        *,
        pool: str = "",
        set_aside: bool = False,
        finished: FinishedWork | None = None,
    ) -> None:
        self.store, self.keyring, self.snapshot, self.run_id = store, keyring, snapshot, run_id
        self.plans, self.pool, self.set_aside = plans, pool, set_aside
        self.people = tuple(
            Person(
                p.request_id, frozenset(p.match.tokens), tuple(confirmed_values(p.match.confirmed))
            )
            for p in plans
        )
        self.fates: dict[RecordRef, Fate] = {}
        self.paths: dict[str, list[RecordRef]] = defaultdict(list)
        self.done = ExecutionResult()
        for number, plan in enumerate(plans):
            for action in plan.actions:
                if action.action == KEEP:
                    name = f"{action.record.record_class}s", action.path.split("/", 1)[0]
                    self.done.count(plan.request_id, *name, "none", 1, 0, 1, action.ground)
                    continue
                if action.record not in self.fates:
                    self.paths[action.path].append(action.record)
                self.fates[action.record] = self.fates.get(action.record, Fate()).also(
                    number, action
                )
        self.entries = {k: e for p in plans for k, e in p.entries.items()}
        self.finished = {} if finished is None else finished
        self.live = {f.path: f for f in snapshot.files}
        self._unlinkers: dict[int, Unlinker] = {}
        self._meant: pa.Array | None = None

    def run(self) -> ExecutionResult:
        """Do all of it; nothing is visible until the files are published."""
        whole = tuple(p.sha256 for p in self.plans)
        self._spread(
            self._rows,
            (
                ((path, *sorted((r, self.fates[r]) for r in records)), (self.live[path], records))
                for path, records in sorted(self.paths.items())
            ),
        )
        dropped = self.dropped("interaction")
        self._spread(self._findings, self._findings_of(dropped, whole))
        if not self.set_aside and dropped:
            requests = self.snapshot.by_dataset(REQUESTS.name)
            self._spread(self._requests, (((f.path, whole), (f, dropped)) for f in requests))
        self._index(dropped)
        if not self.set_aside and self.fates:
            subjects = self.snapshot.by_dataset(SUBJECTS.name)
            self._spread(self._subjects, (((f.path, whole), (f,)) for f in subjects))
        return self.done

    def _spread(self, work: Callable[..., ExecutionResult], pieces: Iterable[Piece]) -> None:
        """Do pieces that are not done yet, each alone, so that any process may do it: the run's
        workers are this one's own, and what they get goes to nobody else.
        """
        wanted = list(pieces)
        todo = [(key, piece) for key, piece in wanted if not self._is_finished(key)]
        results = spread_work(self.pool, work, (piece for _, piece in todo))
        for (key, _), part in zip(todo, results, strict=True):
            self.finished[key] = part
        for key, _ in wanted:
            self.done.add(self.finished[key])

    def _is_finished(self, key: tuple[object, ...]) -> bool:
        part = self.finished.get(key)
        return part is not None and all(self.live.get(f.path) == f for f in part.removed)

    def __getstate__(self) -> dict[str, Any]:
        """Without secrets, which a worker loads for itself, and without what it does not need."""
        left = ("keyring", "_unlinkers", "_meant", "plans", "paths", "finished", "done", "live")
        return {n: v for n, v in self.__dict__.items() if n not in left} | {
            "keyring": str(self.keyring.path)
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__ |= state
        self.keyring = worker_keyring(self.store.files, self.store.root, state["keyring"])
        self._unlinkers, self._meant = {}, None

    def dropped(self, record_class: str) -> set[InteractionKey]:
        """Return keys of records that go."""
        own = (r for r, f in self.fates.items() if f.drop and r.record_class == record_class)
        return {InteractionKey(r.account_id, r.record_id) for r in own}

    @property
    def _dropping(self) -> str:
        return "seal" if self.set_aside else "drop_rows"

    def _count_dropped(
        self,
        done: ExecutionResult,
        record_class: str,
        dataset: str,
        method: str,
        rows: Counter[RecordRef],
    ) -> None:
        """Count rows that went with records, for each request that names the record."""
        by_plan: Counter[int] = Counter()
        for record, number in rows.items():
            for plan in self.fates[record].plans:
                by_plan[plan] += number
        for plan, number in sorted(by_plan.items()):
            name = self.people[plan].request_id
            done.count(name, record_class, dataset, method, number, number)

    # Rows

    def _rows(self, entry: FileEntry, records: list[RecordRef]) -> ExecutionResult:
        """Rewrite one file of interactions or versions."""
        fates = {r: self.fates[r] for r in records}
        kind = "interaction" if entry.dataset == INTERACTIONS.name else "version"
        columns = (
            ("account_id", "id")
            if kind == "interaction"
            else ("account_id", "version_id", "item_type", "item_id")
        )
        seen: Counter[RecordRef] = Counter()

        def edit_rows(edit: BatchEdit) -> None:
            for place, key in enumerate(edit.keys(*columns)):
                record = RecordRef(kind, *key)
                if (fate := fates.get(record)) is None:
                    continue
                seen[record] += 1
                if fate.drop:
                    edit.drop(place)
                else:
                    edit.replace(place, self._unlinked(edit.row(place), fate, kind))

        done = self._edit(entry, edit_rows)
        if seen != Counter(records):
            raise CarryError(
                f"{entry.path}: holds other rows than were planned; nothing was published. Repeat "
                "the command"
            )
        name, dataset = f"{kind}s", entry.dataset
        gone = Counter(r for r, f in fates.items() if f.drop)
        self._count_dropped(done, name, dataset, self._dropping, gone)
        for fate in fates.values():
            for plan, _, ground in () if fate.drop else fate.unlink:
                stays = int(bool(ground))
                request_id = self.people[plan].request_id
                done.count(request_id, name, dataset, "unlink", 1, 1 - stays, stays, ground)
        return done

    def _unlinked(self, row: Row, fate: Fate, kind: str) -> Row:
        interaction = row["id"] if kind == "interaction" else ""
        for plan, role, _ in fate.unlink:
            row, _ = self._unlinker(plan).row(row, row["account_id"], interaction)
            if role == "agent":
                row |= dict.fromkeys(STAFF_FIELDS if kind == "interaction" else ACTOR_FIELDS)
        return row

    def _unlinker(self, plan: int) -> Unlinker:
        if plan not in self._unlinkers:
            _, tokens, known = self.people[plan]
            self._unlinkers[plan] = Unlinker(self.keyring, tokens, known)
        return self._unlinkers[plan]

    def _edit(self, entry: FileEntry, change: EditRows, name: str = "") -> ExecutionResult:
        """Put a changed file in the place of one; rows that go are kept aside where that was asked
        for.
        """
        done, mutation = ExecutionResult(), self._mutation()

        def keep(rows: pa.RecordBatch) -> None:
            sink = io.BytesIO()
            pq.write_table(pa.Table.from_batches([rows]), sink, compression="zstd")
            done.kept.append((entry.dataset, dict(entry.partition), sink.getvalue()))

        new = name or f"{self.snapshot.seq:08d}-{stem_of(entry.path)}"
        mutation.edit_file(entry, new, change, keep if self.set_aside else None)
        done.take(mutation)
        return done

    def _mutation(self) -> RowMutation:
        return RowMutation(self.store.files, self.store.root, self.snapshot, self.run_id)

    # What goes with interactions

    def _findings_of(self, dropped: set[InteractionKey], whole: tuple[str, ...]) -> Iterator[Piece]:
        """Files of findings of interactions that go, those of rows that were redacted further later
        on too.
        """
        origins = current_files(self.snapshot, FINDINGS.name)
        again: dict[tuple[str, str], list[str]] = defaultdict(list)
        for origin in origins:
            folder, _, name = origin.rpartition("/")
            if ".again." in name:
                again[folder, name.rpartition(".again.")[2]].append(origin)
        wanted: dict[str, set[InteractionKey]] = defaultdict(set)
        for key in dropped:
            folder, _, name = self.entries[key].origin.partition("/")[2].rpartition("/")
            folder, stem = f"{FINDINGS.name}/{folder}", name.removesuffix(".parquet")
            for origin in (
                f"{folder}/{name}",
                *again[folder, f"{stem.replace('-', '.')}.parquet"],
            ):
                if origin in origins:
                    wanted[origin].add(key)
        for origin, keys in sorted(wanted.items()):
            yield (origins[origin].path, whole), (origins[origin], keys)

    def _findings(self, entry: FileEntry, keys: set[InteractionKey]) -> ExecutionResult:
        return self._drop_keys(entry, keys, FINDINGS.name, self._dropping)

    def _requests(self, entry: FileEntry, keys: set[InteractionKey]) -> ExecutionResult:
        """Manual requests about interactions that go: each holds a reason that can be opened."""
        return self._drop_keys(entry, keys, REQUESTS.name, "drop_rows")

    def _drop_keys(
        self, entry: FileEntry, keys: set[InteractionKey], name: str, method: str
    ) -> ExecutionResult:
        """Rewrite a file without the rows of some interactions. One without such rows is left
        alone.
        """
        columns = ("account_id", "interaction_id")
        names = pa.array(sorted({k.id for k in keys}), pa.string())
        if not self._holds(entry, columns, columns[1], names, lambda key: key in keys):
            return ExecutionResult()
        rows: Counter[RecordRef] = Counter()

        def edit_rows(edit: BatchEdit) -> None:
            places = _places(edit.batch, columns[1], names)
            for place, row in zip(places, edit.rows(places, columns), strict=True):
                if (key := InteractionKey(*row.values())) in keys:
                    edit.drop(place)
                    rows[RecordRef("interaction", *key)] += 1

        done = self._edit(entry, edit_rows)
        self._count_dropped(done, name, name, method, rows)
        return done

    def _holds(
        self,
        entry: FileEntry,
        columns: Sequence[str],
        column: str,
        names: pa.Array,
        is_meant: Callable[[tuple[Any, ...]], bool],
    ) -> bool:
        """Tell whether a file has rows that are meant, by some of their columns. Reads one column,
        and the others where that has one of some names.
        """
        with self.store.files.open(self.store.url(entry.path)) as source:
            stored = pq.ParquetFile(source, page_checksum_verification=True)
            places = _places(stored.read(columns=[column], use_threads=False), column, names)
            if not places:
                return False
            rows = stored.read(columns=list(columns), use_threads=False).take(pa.array(places))
            return any(is_meant(tuple(r.values())) for r in rows.to_pylist())

    # Indexes

    def _index(self, dropped: set[InteractionKey]) -> None:
        """Tombstones of what went, so that no replay brings it back, and floors of staff fields
        that went. Touched buckets are merged.
        """
        staff = {
            InteractionKey(r.account_id, r.record_id)
            for r, f in self.fates.items()
            if r.record_class == "interaction" and any(role == "agent" for _, role, _ in f.unlink)
        }
        buckets: dict[int, set[InteractionKey]] = defaultdict(set)
        for key in dropped | staff:
            buckets[key_bucket(key)].add(key)
        self._spread(
            self._index_bucket,
            (
                (("bucket", b, *sorted((self.entries[k], k in dropped) for k in keys)), (keys,))
                for b, keys in sorted(buckets.items())
            ),
        )
        rows = Counter(RecordRef("interaction", *key) for key in dropped)
        self._count_dropped(self.done, "index", INDEX.name, "drop_rows", rows)

    def _index_bucket(self, keys: set[InteractionKey]) -> ExecutionResult:
        done = ExecutionResult()

        def new(entry: IndexEntry) -> IndexEntry:
            if self.fates[RecordRef("interaction", *entry.key)].drop:
                done.entries.append(entry)
                return tombstone(entry)
            return with_cleared_fields(entry, STAFF_FIELDS)

        mutation = self._mutation()
        mutation.edit_index(keys, new)
        done.take(mutation)
        return done

    def _subjects(self, file: FileEntry) -> ExecutionResult:
        """Take entries that lead to the people, and all entries of records that went, out of one
        file of the identifier index.

        Every file is looked at: an earlier snapshot of a record may have had identifiers that its
        present entries do not list.
        """
        if self._meant is None:
            self._meant = pa.array(sorted({r.record_id for r in self.fates}), pa.string())
        names, changed = self._meant, Counter[RecordRef]()
        if not self._holds(file, REF, "record_id", names, lambda r: RecordRef(*r) in self.fates):
            return ExecutionResult()

        def edit_rows(edit: BatchEdit) -> None:
            """Turn only the rows that may be meant into Python's own: they are few among many."""
            places = _places(edit.batch, "record_id", names)
            for place, row in zip(places, edit.rows(places, REF), strict=True):
                record = RecordRef(*row.values())
                fate = self.fates.get(record)
                if fate is None:
                    continue
                if fate.drop:
                    edit.drop(place)
                    changed[record] += 1
                    continue
                entry = SubjectEntry.of(edit.row(place))
                mine = frozenset[str]().union(*(self.people[n].tokens for n in fate.plans))
                new = _unlinked_entry(entry, mine)
                changed[record] += new is not entry
                if new is None:
                    edit.drop(place)
                elif new is not entry:
                    edit.replace(place, new.as_row())

        done = self._edit(file, edit_rows, f"{self.snapshot.seq + 1:08d}.{file.sha256[:12]}")
        self._count_dropped(done, "index", SUBJECTS.name, "drop_rows", +changed)
        return done


def _places(rows: pa.RecordBatch | pa.Table, column: str, names: pa.Array) -> list[int]:
    """Return places of rows that have one of some names in a column."""
    meant = pc.is_in(rows.column(column), value_set=names)
    places: list[int] = np.flatnonzero(meant.to_numpy(zero_copy_only=False)).tolist()
    return places


def _unlinked_entry(entry: SubjectEntry, mine: frozenset[str]) -> SubjectEntry | None:
    """Return an entry of a record that stays, without what leads from it to a person: the same
    object where nothing changes, None where it goes.
    """
    if entry.token in mine:
        return None
    if any(link.token in mine or link.field in mine for link in entry.links):
        return entry._replace(
            links=tuple(x for x in entry.links if x.token not in mine and x.field not in mine)
        )
    return entry
