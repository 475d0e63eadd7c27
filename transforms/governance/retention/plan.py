"""Retention plan: the rows that list the records due in a store, file by file."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from callveil.schemas.json_types import Row
from callveil.schemas.manifest import FileEntry
from callveil.schemas.pointer import from_micros
from callveil.transforms.governance.retention.decide_rows import (
    actions_of,
    decide_rows,
    has_rules,
    key_columns,
    record_of,
)
from callveil.transforms.governance.retention.due_ranges import spans_cover, spans_overlap
from callveil.transforms.governance.retention.engine import (
    NEVER,
    RetentionDecision,
    RetentionEngine,
)
from callveil.transforms.governance.retention.file_stats import FilePruner, day_of
from callveil.transforms.governance.retention.record import RetentionRecord
from callveil.transforms.governance.retention.record_classes import (
    CLASSES,
    FILE,
    ROW_DATASETS,
    RecordClass,
)
from callveil.transforms.governance.retention.scan import (
    batch_accounts,
    column_micros,
    key_batches,
)
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.commit.scan import count_accounts
from callveil.transforms.storage.format1.snapshot import Snapshot
from callveil.transforms.storage.tables.key_index import origin_of

Conceal = Callable[..., str]
"""Turns ids into keyed digests."""

_METHOD = {"delete": "rewrite", "redact": "full_redaction"}


class _Due(NamedTuple):
    """Records of one account in a file that are due.

    Attributes:
        rows: how many. last: the decision about the last to fall due. first: when the first did.
    """

    rows: int
    last: Row
    first: dt.datetime

    @classmethod
    def of(cls, rows: Sequence[Row]) -> _Due:
        """Return what some records' own rows come to."""
        last = max(rows, key=lambda r: r["eligible_at"])
        return cls(len(rows), last, min(r["eligible_at"] for r in rows))


def _alike(accounts: Mapping[str, int], last: Row, first: Row) -> dict[str, _Due]:
    """Return the same decision for every account; what is nobody's by name stands under an empty
    one. A file of which nothing is listed goes all the same.
    """
    return {
        account: _Due(n, last, first["eligible_at"]) for account, n in (accounts or {"": 0}).items()
    }


@dataclass
class RetentionPlanner:
    """Makes the rows of a plan.

    Args:
        store, snapshot: what is looked at; nothing is changed.
        outlook: what is known beforehand.
        conceal: keyed digest of ids, since plans and dispositions are evidence.

    Attributes:
        odd: afterwards, accounts to remember by origin of a file.
        pending: afterwards, origins of files with rows to be fully redacted.
        counts: afterwards, records by class and decision, files by method, bytes of files that went
            unread.
    """

    store: Store
    snapshot: Snapshot
    outlook: FilePruner
    conceal: Conceal
    odd: dict[str, tuple[str, ...]] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    pending: set[str] = field(default_factory=set)

    @property
    def engine(self) -> RetentionEngine:
        """The engine that decides."""
        return self.outlook.engine

    def rows(self) -> Iterator[Row]:
        """Yield rows of the plan in a fixed order: for each file that is touched one row per class,
        then its single records.
        """
        fresh = self._fresh()
        for dataset, classes in ROW_DATASETS.items():
            actions = actions_of(self.engine, classes)
            for entry in self.snapshot.by_dataset(dataset) if actions else ():
                yield from self._judge(entry, actions, entry.path in fresh)
        for record_class in CLASSES.values():
            if record_class.unit == FILE and has_rules(self.engine, record_class, "delete"):
                for entry in self.snapshot.by_dataset(record_class.dataset):
                    yield from self._judge_file(record_class, entry)

    def _fresh(self) -> set[str]:
        """Return files the last run did not see."""
        paths = {f.path for f in self.snapshot.files}
        state = self.outlook.state
        if state is None or not self.outlook.usable or state.seq > self.snapshot.seq:
            return paths
        added = {
            f.path
            for seq in range(state.seq + 1, self.snapshot.seq + 1)
            for f in self.store.manifest(seq).added
        }
        return {p for p in paths if p in added or origin_of(p) in state.pending}

    # Files whose rows are judged one by one

    def _judge(
        self, entry: FileEntry, actions: Sequence[tuple[RecordClass, str]], fresh: bool
    ) -> list[Row]:
        accounts: set[str] | None = None
        if not fresh:
            self._remember(entry, self.outlook.odd(entry))
            stored = entry.partition["account_type"]
            lo, hi = day_of(entry)
            plain = [
                (c, a)
                for c, a in actions
                if spans_overlap(self.outlook.newly(c.name, a, "", stored), lo, hi)
            ]
            accounts = {
                name for c, a in actions for name in self.outlook.candidates(entry, c.name, a)
            }
            accounts |= {a for a in self.outlook.changed if self.outlook.is_odd(a, stored)}
            if not plain and not accounts:
                return []
            if plain and self._goes_unread(entry, actions[0][0], stored):
                return self._unread(entry, actions[0][0])
            if plain:
                accounts = None
        return self._scan(entry, actions, accounts, fresh)

    def _goes_unread(self, entry: FileEntry, record_class: RecordClass, stored: str) -> bool:
        lo, hi = day_of(entry)
        if record_class.unit != "rows" or self.engine.holds.touches(lo, hi):
            return False
        if not spans_cover(self.outlook.spans(record_class.name, "delete", "", stored), lo, hi):
            return False
        keepers = self.outlook.keepers(entry, record_class.name)
        return not keepers or count_accounts(self.store, entry).keys().isdisjoint(keepers)

    def _unread(self, entry: FileEntry, record_class: RecordClass) -> list[Row]:
        lo, hi = day_of(entry)
        stored = entry.partition["account_type"]
        first, last = (
            _decided(self.engine.decide(RetentionRecord(record_class.name, "", "", at, stored)))
            for at in (lo, hi - 1)
        )
        self.counts["bytes_unread"] += entry.bytes
        accounts = count_accounts(self.store, entry)
        return self._file_rows(entry, record_class.name, "drop_file", _alike(accounts, last, first))

    def _scan(
        self,
        entry: FileEntry,
        actions: Sequence[tuple[RecordClass, str]],
        accounts: set[str] | None,
        fresh: bool,
    ) -> list[Row]:
        stored = entry.partition["account_type"]
        records: dict[tuple[str, str], list[Row]] = defaultdict(list)
        others: list[Row] = []
        odd: set[str] = set()
        # What a killed run did not come to redact is looked at again, but it did not arrive late.
        arrived = fresh and not (
            self.outlook.state and origin_of(entry.path) in self.outlook.state.pending
        )
        for batch in key_batches(self.store, entry, key_columns(actions), accounts):
            odd.update(a for a in batch_accounts(batch)[0] if self.outlook.is_odd(a, stored))
            if fresh:
                others += self._set_aside(batch, actions[0][0], stored)
            for record_class, action, _, record, decision in decide_rows(
                self.outlook, batch, actions, stored
            ):
                late = (
                    arrived
                    and self.outlook.state is not None
                    and (decision.eligible_at or 0) <= self.outlook.state.as_of
                )
                goes = decision.decision in ("delete", "redact")
                (records[record_class.name, action] if goes else others).append(
                    self.record_row(entry, record, decision, late)
                )
        self._remember(entry, odd | self.outlook.odd(entry))
        out: list[Row] = []
        for (name, action), rows in records.items():
            out += self._summed(entry, name, action, rows)
        return out + others

    def _set_aside(self, batch: Any, record_class: RecordClass, stored: str) -> list[Row]:
        """Return rows of quarantined records: dated in the future, or of accounts nothing is known
        about and no rule covers.
        """
        ahead = (
            column_micros(batch, record_class.time)
            > self.engine.as_of + self.engine.retention.skew_us
        )
        if stored == "unknown":
            names, place = batch_accounts(batch)
            ahead |= np.array([self.engine.timelines.get(n) is None for n in names], np.bool_)[
                place
            ]
        found = (
            (r, self.engine.decide(r))
            for r in (record_of(batch, int(p), record_class, stored) for p in np.flatnonzero(ahead))
        )
        return [self.record_row(None, r, d, False) for r, d in found if d.decision == "quarantine"]

    def _remember(self, entry: FileEntry, odd: set[str] | frozenset[str]) -> None:
        if odd:
            self.odd[origin_of(entry.path)] = tuple(sorted(odd))

    # Files that go as a whole

    def _judge_file(self, record_class: RecordClass, entry: FileEntry) -> list[Row]:
        """Return the plan's rows for a file whose records share their time. It goes once the last
        moment of its day is due for every account in it, and none is held.
        """
        _, hi = day_of(entry)
        least = min(
            r.days
            for r in self.engine.retention.rules
            if r.action == "delete" and record_class.name in r.classes
        )
        if hi - 1 + least * 86_400_000_000 > self.engine.as_of:
            return []
        decisions = [(r, self.engine.decide(r)) for r in self._inside(record_class, entry, hi - 1)]
        held = [(r, d) for r, d in decisions if d.decision == "hold"]
        if held:
            return [
                self.record_row(None, *held[0], False)
                | {"object": entry.path, "rows_before": entry.rows}
            ]
        if any(d.decision != "delete" for _, d in decisions):
            return []
        found = sorted((_decided(d) for _, d in decisions), key=lambda row: row["eligible_at"])
        return self._file_rows(
            entry,
            record_class.name,
            "drop_file",
            _alike(self._holds(record_class, entry), found[-1], found[0]),
        )

    def _holds(self, record_class: RecordClass, entry: FileEntry) -> Mapping[str, int]:
        """Tell how many records of each account a file holds; of sealed content, what the reasons
        beside it say lies in it.
        """
        listing = _listing(record_class, entry, self.snapshot)
        if listing is entry:
            return count_accounts(self.store, entry)
        accounts: Counter[str] = Counter()
        for batch in key_batches(self.store, listing, ("account_id", "blob")) if listing else ():
            names, blobs = batch.column(0).to_pylist(), batch.column(1).to_pylist()
            accounts.update(a or "" for a, blob in zip(names, blobs, strict=True) if blob)
        return accounts

    def _inside(
        self, record_class: RecordClass, entry: FileEntry, at: int
    ) -> list[RetentionRecord]:
        """Return records of a file by account and interaction; one that stands for the file where
        nothing in it names any.
        """
        listing = _listing(record_class, entry, self.snapshot)
        found: list[RetentionRecord] = []
        if listing:
            for batch in key_batches(self.store, listing, CLASSES["rejected"].columns):
                found += [
                    record_of(batch, p, CLASSES["rejected"], "unknown")._replace(
                        record_class=record_class.name, at=at
                    )
                    for p in range(batch.num_rows)
                ]
        return found or [RetentionRecord(record_class.name, "", origin_of(entry.path), at)]

    # Rows

    def _summed(self, entry: FileEntry, name: str, action: str, rows: list[Row]) -> list[Row]:
        method = "clear_fields" if CLASSES[name].unit == "fields" else _METHOD[action]
        if method == "full_redaction":
            self.pending.add(origin_of(entry.path))
        if method == "rewrite" and len(rows) == entry.rows:
            method = "drop_file"
        for row in rows:
            row["method"] = method
        late = all(r["late"] for r in rows)
        own: dict[str, list[Row]] = defaultdict(list)
        for row in rows:
            own[row["account_id"] or ""].append(row)
        due = {a: _Due.of(group) for a, group in own.items()}
        heads = self._file_rows(entry, name, method, due, late)
        return [*heads, *(rows if method != "drop_file" or late else [])]

    def _file_rows(
        self, entry: FileEntry, name: str, method: str, due: Mapping[str, _Due], late: bool = False
    ) -> list[Row]:
        """Return rows about a file, one for each account that has records in it that are due.

        Rows before and after are the file's, or its records' where it is sealed; those that go are
        the account's.
        """
        lo, _ = day_of(entry)
        partition = entry.partition
        rows = sum(d.rows for d in due.values())
        self.counts[f"files.{method}"] += 1
        self.counts[f"{name}.late"] += rows if late else 0
        after = {"rewrite": entry.rows - rows, "drop_file": 0}.get(method, entry.rows)
        out = []
        for account, d in sorted(due.items()):
            self.counts[f"{name}.{d.last['decision']}"] += d.rows
            out.append(
                dict(d.last)
                | {
                    "record_class": name,
                    "account_id": account or None,
                    "record_id": None,
                    "item_type": None,
                    "item_id": None,
                    "event_time": from_micros(lo),
                    "type_at_event": partition.get("account_type", "unknown"),
                    "type_as_of": None,
                    "account_status": None,
                    "clock_start": None,
                    "retain_until": None,
                    "expired_first": d.first,
                    "late": late,
                    "dry_run": True,
                    "method": method,
                    "object": entry.path,
                    "object_version_old": entry.sha256,
                    "rows_before": max(entry.rows, rows),
                    "rows_deleted": d.rows,
                    "rows_after": after,
                }
            )
        return out

    def record_row(
        self,
        entry: FileEntry | None,
        record: RetentionRecord,
        decision: RetentionDecision,
        late: bool,
    ) -> Row:
        """Return a row about one record; what is not to go is counted."""
        if decision.decision not in ("delete", "redact"):
            self.counts[f"{record.record_class}.{decision.decision}"] += 1
        return _decided(decision) | {
            "record_class": record.record_class,
            "account_id": record.account_id or None,
            "record_id": self.conceal(record.record_class, record.account_id, record.record_id),
            "item_type": record.item_type or None,
            "item_id": self.conceal("item", record.account_id, record.item_id)
            if record.item_id
            else None,
            "event_time": from_micros(record.at),
            "late": late,
            "dry_run": True,
            "method": "none",
            "object": entry.path if entry else None,
        }


def _listing(record_class: RecordClass, entry: FileEntry, snapshot: Snapshot) -> FileEntry | None:
    """Return the Parquet file that says whose records a file holds: itself, or for sealed content
    the reasons beside it.
    """
    if record_class.name == "raw":
        path = (
            entry.path.replace("rejected_content/", "rejected/", 1).removesuffix(".sealed")
            + ".parquet"
        )
        return next((f for f in snapshot.by_dataset("rejected") if f.path == path), None)
    return entry if record_class.name == "rejected" else None


def _decided(d: RetentionDecision) -> Row:
    def when(micros: int | None) -> Any:
        return None if micros is None or micros >= NEVER else from_micros(micros)

    return {
        "type_at_event": d.type_at_event,
        "type_as_of": d.type_as_of,
        "account_status": d.status,
        "rule_id": d.rule_id or None,
        "retention_days": d.days,
        "clock_start": when(d.clock_start),
        "retain_until": when(d.retain_until),
        "eligible_at": when(d.eligible_at),
        "decision": d.decision,
        "reason_code": d.reason,
        "hold_id": d.hold_id or None,
    }
