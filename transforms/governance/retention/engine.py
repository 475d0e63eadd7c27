"""The decision about one record: rules, what is known about its account, holds and a time in; keep,
delete, redact, hold or quarantine out.

Pure: no I/O and no clock. docs/retention.md says in a table what this module does. Times are
    integers, microseconds since 1970 UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from callveil.schemas.hold import Hold
from callveil.schemas.pointer import from_micros
from callveil.schemas.retention import DAY_US, RetentionRule, RetentionSettings
from callveil.transforms.governance.retention.holds import HoldIndex
from callveil.transforms.governance.retention.record import RetentionRecord
from callveil.transforms.governance.retention.timeline import (
    Closure,
    State,
    Timeline,
    Timelines,
    Window,
)

NEVER = 2**62
"""Stands for a time that does not come."""

_TOGETHER = {
    "interactions": frozenset({"interactions", "recordings", "transcripts"}),
    "rejected": frozenset({"rejected", "raw"}),
}
"""Classes that go when a record of the class on the left goes, so that duties on any of them keep
it.
"""


@dataclass(frozen=True)
class RetentionDecision:
    """Decision about a record, and its reason. Times in microseconds; None where there is none.

    Attributes:
        decision: keep, delete, redact, hold or quarantine.
        reason: a key of `schemas.disposition.REASONS`.
        rule_id, days, clock_start: the rule that decides, or would were it not held; empty and None
            where there is none.
        retain_until: until when a duty keeps it.
        eligible_at: when it may and must go.
        hold_id: hold that protects it.
        type_at_event, type_as_of, status: of its account.
    """

    decision: str
    reason: str
    rule_id: str = ""
    days: int | None = None
    clock_start: int | None = None
    retain_until: int | None = None
    eligible_at: int | None = None
    hold_id: str = ""
    type_at_event: str = "unknown"
    type_as_of: str = "unknown"
    status: str = "active"


class DueTime(NamedTuple):
    """When a record has to go, and by which rule. `at` is `NEVER` where no rule says so."""

    at: int
    rule: RetentionRule | None = None
    start: int = 0
    keep: int = 0


_NO = DueTime(NEVER)


class RetentionEngine:
    """Decides at one time.

    Args:
        retention: the rules.
        timelines: accounts as known at `as_of`.
        holds: every hold that is known, lifted ones too.
        as_of: the time of the decision, microseconds.
    """

    def __init__(
        self, retention: RetentionSettings, timelines: Timelines, holds: Iterable[Hold], as_of: int
    ) -> None:
        self.retention, self.timelines, self.as_of = retention, timelines, as_of
        self.holds = HoldIndex(h for h in holds if h.stands(from_micros(as_of)))
        self._rules = {
            a: tuple(r for r in sorted(retention.rules) if r.action == a)
            for a in ("delete", "redact", "keep")
        }

    def decide(self, record: RetentionRecord) -> RetentionDecision:
        """Decide about one record."""
        timeline = self.timelines.get(record.account_id)
        then, now, status = self.account(record, timeline)
        decided = partial(RetentionDecision, type_at_event=then, type_as_of=now, status=status)
        if record.at > self.as_of + self.retention.skew_us:
            return decided("quarantine", "future")
        due = self.due(record, "delete", timeline)
        action = "delete"
        if due.at > self.as_of and record.record_class == "interactions" and not record.redacted:
            redaction = self.due(record, "redact", timeline)
            if redaction.at <= self.as_of or due.at == NEVER:
                due, action = redaction, "redact"
        decided = partial(
            decided,
            rule_id=due.rule.rule_id if due.rule else "",
            days=due.rule.days if due.rule else None,
            clock_start=due.start if due.rule else None,
            retain_until=due.keep or None,
            eligible_at=due.at if due.at < NEVER else None,
        )
        if due.at <= self.as_of:
            hold = self.holds.covering(record)
            return decided("hold", "legal_hold", hold_id=hold) if hold else decided(action, "rule")
        if due.rule is None:
            if then == now == "unknown" and any(
                record.record_class in r.classes for r in self._rules["delete"]
            ):
                return decided("quarantine", "account_unknown")
            return decided("keep", "no_rule")
        return decided("keep", "duty" if due.keep == due.at else "not_due")

    def account(self, record: RetentionRecord, timeline: Timeline | None) -> tuple[str, str, str]:
        """Account type when the record was made, account type and status at `as_of`."""
        if timeline is None:
            return record.stored_type, record.stored_type, "active"
        state = timeline.at(record.at)
        return _type(state, record), _type(timeline.last, record), timeline.last.status

    def due(self, record: RetentionRecord, action: str, timeline: Timeline | None) -> DueTime:
        """Tell when a record must be deleted or redacted, duties to keep it counted in, holds
        not.
        """
        closure = timeline.closure(record.at) if timeline else None
        states = timeline.states if timeline else ()
        windows = (
            timeline.windows if timeline and self.retention.on_reactivation == "keep_window" else ()
        )
        return self._due(record, action, states, closure, windows)

    def _due(
        self,
        record: RetentionRecord,
        action: str,
        states: tuple[State, ...],
        closure: Closure | None,
        windows: tuple[Window, ...],
    ) -> DueTime:
        """Return when a record is due. `states` are those up to the time of the decision, `windows`
        what reactivations within the window have undone.
        """
        held = list(_types(record, states))
        status = states[-1].status if states else "active"
        found = self._by_event(record, action, states, held, status)
        if closure:
            for rule in self._matching(action, record, {held[-1]}, status, "cancelled"):
                found = min(
                    found,
                    DueTime(closure.at + rule.days * DAY_US, rule, closure.at),
                    key=lambda d: d.at,
                )
        keep = max(
            (
                record.at + r.days * DAY_US
                for r in self._matching("keep", record, set(held), status, "event")
            ),
            default=0,
        )
        if closure:
            until = max(
                (
                    closure.at + r.days * DAY_US
                    for r in self._matching("keep", record, set(held), status, "cancelled")
                ),
                default=0,
            )
            if until > keep and not self._was_due(record, action, states, closure.at, windows):
                keep = until
        for window in windows:
            if record.at < window.back and (closure is None or window.at < closure.at):
                kept_by = self._matching("keep", record, set(held), "cancelled", "cancelled")
                until = max((window.at + r.days * DAY_US for r in kept_by), default=0)
                if until > keep and not self._was_due(record, action, states, window.at, windows):
                    keep = until
        return found._replace(at=max(found.at, keep), keep=keep)

    def _was_due(
        self,
        record: RetentionRecord,
        action: str,
        states: tuple[State, ...],
        at: int,
        windows: tuple[Window, ...],
    ) -> bool:
        """Tell whether it had to go already when the account was cancelled, as the account stood
        before: the window brings nothing back.
        """
        earlier = tuple(s for s in states if s.at < at)
        return (
            self._due(record, action, earlier, None, tuple(w for w in windows if w.at < at)).at
            <= at
        )

    def _by_event(
        self,
        record: RetentionRecord,
        action: str,
        states: tuple[State, ...],
        held: list[str],
        status: str,
    ) -> DueTime:
        """Return what the rules that count from the record's own time say, for the account type
        that `on_downgrade` chooses.

        Args:
            held: types the account had since the record was made, in order; the first is its type
                then, the last its present one.
        """
        choice = self.retention.on_downgrade
        if choice == "at_event":
            return self._shortest(record, action, held[0], status)
        now = self._shortest(record, action, held[-1], status)
        downgraded = _last_downgrade(record, states)
        if choice == "current" or downgraded is None:
            return now
        longest = max(
            (
                self._shortest(record, action, t, status)
                for t in dict.fromkeys(held)
                if t != "unknown"
            ),
            key=lambda d: d.at,
        )
        if self.retention.downgrade_grace_days is None:
            return longest
        grace_ends = downgraded + self.retention.downgrade_grace_days * DAY_US
        return min(longest, now._replace(at=max(now.at, grace_ends)), key=lambda d: d.at)

    def _shortest(
        self, record: RetentionRecord, action: str, account_type: str, status: str
    ) -> DueTime:
        dues = (
            DueTime(record.at + r.days * DAY_US, r, record.at)
            for r in self._matching(action, record, {account_type}, status, "event")
        )
        return min(dues, key=lambda d: d.at, default=_NO)

    def _matching(
        self, action: str, record: RetentionRecord, types: set[str], status: str, clock: str
    ) -> Iterator[RetentionRule]:
        classes = (
            _TOGETHER.get(record.record_class, frozenset((record.record_class,)))
            if action == "keep"
            else (record.record_class,)
        )
        for rule in self._rules[action]:
            if rule.clock == clock and any(
                rule.matches(c, t, status, record.account_id) for t in types for c in classes
            ):
                yield rule


def _type(state: State | None, record: RetentionRecord) -> str:
    return record.stored_type if state is None or state.type == "unknown" else state.type


def _types(record: RetentionRecord, states: tuple[State, ...]) -> Iterator[str]:
    """Yield types the account had from the record's time on, in order, at least one."""
    first = None
    for state in states:
        if state.at > record.at:
            break
        first = state
    yield _type(first, record)
    for state in states:
        if state.at > record.at:
            yield _type(state, record)


def _last_downgrade(record: RetentionRecord, states: tuple[State, ...]) -> int | None:
    """Tell when the account last lost the capability to create subaccounts after the record was
    made.
    """
    found = None
    before = next(_types(record, states))
    for state in states:
        if state.at > record.at:
            kind = _type(state, record)
            if kind == "individual" and before == "agency":
                found = state.at
            before = kind
    return found
