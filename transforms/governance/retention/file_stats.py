"""Information on a file that a retention run has before opening it.

It comes from the partition, from accounts that differ from the rest, and from the last run's state.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

from callveil.schemas.manifest import FileEntry
from callveil.schemas.pointer import to_micros
from callveil.schemas.retention import DAY_US
from callveil.transforms.governance.retention.due_ranges import (
    Spans,
    due_spans,
    spans_cover,
    spans_overlap,
    subtract_spans,
)
from callveil.transforms.governance.retention.engine import RetentionEngine
from callveil.transforms.governance.retention.last_run import RetainState, account_digests
from callveil.transforms.governance.retention.timeline import Timeline
from callveil.transforms.storage.tables.key_index import origin_of


def day_of(entry: FileEntry) -> tuple[int, int]:
    """Return the stretch of time a file's partition stands for: a UTC day, microseconds,
    half-open.
    """
    day = dt.date.fromisoformat(entry.partition["day"])
    start = to_micros(dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC))
    return start, start + DAY_US


def _differs(timeline: Timeline, by_status: bool) -> bool:
    """Tell whether the records of an account may be due at another time than those of others of its
    type.
    """
    closed = bool(timeline.closures or timeline.windows)
    return (
        closed
        or len({s.type for s in timeline.states}) > 1
        or (by_status and timeline.last.status != "active")
    )


@dataclass
class FilePruner:
    """Everything that is known before files are read.

    Args:
        engine: decides.
        state: of the last run, or None.
    """

    engine: RetentionEngine
    state: RetainState | None
    digests: dict[str, str] = field(init=False)
    changed: frozenset[str] = field(init=False)
    irregular: frozenset[str] = field(init=False)
    _spans: dict[tuple[str, str, str, str, int], Spans] = field(init=False, default_factory=dict)
    _special: dict[tuple[str, str, str], list[tuple[str, Spans]]] = field(
        init=False, default_factory=dict
    )

    def __post_init__(self) -> None:
        self.digests = account_digests(self.engine)
        known: Mapping[str, str] = self.state.accounts if self.state else {}
        names = {*self.digests, *known}
        self.changed = (
            frozenset(n for n in names if self.digests.get(n) != known.get(n))
            if self.state
            else frozenset()
        )
        named = {a for r in self.engine.retention.rules for a in r.accounts} | {
            h.account_id for h in self.engine.holds.all if h.account_id
        }
        by_status = any(r.statuses for r in self.engine.retention.rules)
        self.irregular = frozenset(
            named
            | {n for n, t in self.engine.timelines.by_account.items() if _differs(t, by_status)}
        )

    @property
    def usable(self) -> bool:
        """Tell whether the last run's state says anything: it was decided by the same rules and the
        same holds on nobody in particular.
        """
        engine, state = self.engine, self.state
        return (
            state is not None
            and state.retention == engine.retention.digest()
            and state.anyone == engine.holds.digest("")
        )

    def spans(self, record_class: str, action: str, account_id: str, stored_type: str) -> Spans:
        """Due stretches of an account's records at the run's time, holds aside."""
        like = (
            ""
            if account_id not in self.irregular and not self.is_odd(account_id, stored_type)
            else account_id
        )
        return self._at(record_class, action, like, stored_type, self.engine.as_of)

    def gone(self, record_class: str, action: str, account_id: str, stored_type: str) -> Spans:
        """Return stretches whose records are gone from every file the last run saw; empty for an
        account that has changed since.
        """
        if self.state is None or account_id in self.changed:
            return ()
        return self._at(
            record_class, action, account_id, stored_type, min(self.state.as_of, self.engine.as_of)
        )

    def _at(
        self, record_class: str, action: str, account_id: str, stored_type: str, as_of: int
    ) -> Spans:
        key = (record_class, action, account_id, stored_type, as_of)
        if key not in self._spans:
            self._spans[key] = due_spans(
                self.engine, record_class, account_id, stored_type, action, as_of
            )
        return self._spans[key]

    def newly(self, record_class: str, action: str, account_id: str, stored_type: str) -> Spans:
        """Return stretches whose records are due now and were not at the last run."""
        return subtract_spans(
            self.spans(record_class, action, account_id, stored_type),
            self.gone(record_class, action, account_id, stored_type),
        )

    def candidates(self, entry: FileEntry, record_class: str, action: str) -> set[str]:
        """Return accounts that differ from the rest and may have newly due records in a file the
        last run saw.
        """
        stored = entry.partition["account_type"]
        lo, hi = day_of(entry)
        key = (record_class, action, stored)
        if key not in self._special:
            found = (
                (a, self.newly(record_class, action, a, stored))
                for a in sorted(self.irregular | self.changed)
            )
            self._special[key] = [(a, s) for a, s in found if s]
        out = {a for a, spans in self._special[key] if spans_overlap(spans, lo, hi)}
        return out | {
            a
            for a in self.odd(entry)
            if spans_overlap(self.newly(record_class, action, a, stored), lo, hi)
        }

    def keepers(self, entry: FileEntry, record_class: str) -> set[str]:
        """Return accounts that differ from the rest and whose records in the file may have to
        stay.
        """
        stored = entry.partition["account_type"]
        lo, hi = day_of(entry)
        names = self.irregular | self.changed | self.odd(entry)
        return {
            a
            for a in names
            if self.engine.holds.on(a)
            or not spans_cover(self.spans(record_class, "delete", a, stored), lo, hi)
        }

    def odd(self, entry: FileEntry) -> frozenset[str]:
        """Return accounts that the last run saw in the file although they are of another type than
        its partition.
        """
        return (
            frozenset(self.state.odd.get(origin_of(entry.path), ())) if self.state else frozenset()
        )

    def is_odd(self, account_id: str, stored_type: str) -> bool:
        """Tell whether an account's records need remembering where they lie under `stored_type`."""
        timeline = self.engine.timelines.get(account_id)
        return (
            timeline is not None
            and account_id not in self.irregular
            and timeline.last.type not in (stored_type, "unknown")
        )
