"""Any history of accounts, holds, records and clock steps: the engine decides as the naive oracle
does, and caution never deletes more.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from support.retention_oracle import EPOCH, World, decide

from callveil.schemas.hold import Hold
from callveil.schemas.lifecycle import AccountEvent
from callveil.schemas.pointer import to_micros
from callveil.schemas.retention import (
    CLASSES,
    DAY_US,
    DEFAULT_RULES,
    ON_DOWNGRADE,
    ON_REACTIVATION,
    RetentionRule,
    RetentionSettings,
)
from callveil.transforms.governance.retention.due_ranges import due_spans
from callveil.transforms.governance.retention.engine import NEVER, RetentionEngine
from callveil.transforms.governance.retention.record import RetentionRecord
from callveil.transforms.governance.retention.timeline import Timelines

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
ACCOUNTS = ("a1", "a2", "s1", "s2", "s3")
AGENCIES = ("", "a1", "a2")
DAYS = st.sampled_from([0, 1, 6, 7, 8, 29, 30, 31, 59, 60, 61, 90, 119, 120, 121])
MOMENTS = st.builds(
    lambda days, extra: START + dt.timedelta(days=days) + dt.timedelta(microseconds=extra),
    st.integers(0, 130),
    st.sampled_from([0, 0, 0, 1, -1, 43]),
)
CLASS = st.sampled_from(
    [
        "versions",
        "versions",
        "versions",
        "versions",
        "interactions",
        "recordings",
        "findings",
        "rejected",
    ]
)


def some(values: tuple[str, ...]) -> st.SearchStrategy[frozenset[str]]:
    """Often no condition, else a few values."""
    return st.one_of(
        st.just(frozenset()), st.frozensets(st.sampled_from(values), min_size=1, max_size=2)
    )


RULES = st.builds(
    RetentionRule,
    rule_id=st.sampled_from(["r1", "r2", "r3", "versions-individual", "versions-agency"]),
    action=st.sampled_from(["delete", "delete", "keep"]),
    days=DAYS,
    classes=st.frozensets(st.sampled_from(CLASSES), min_size=1, max_size=3),
    clock=st.sampled_from(["event", "event", "cancelled"]),
    account_types=some(("individual", "agency", "unknown")),
    statuses=some(("active", "paused", "cancelled")),
    accounts=some(ACCOUNTS),
) | st.builds(lambda days: RetentionRule("full", "redact", days, frozenset({"interactions"})), DAYS)
SECTIONS = st.builds(
    lambda rules, **more: RetentionSettings(
        tuple({r.rule_id: r for r in (*DEFAULT_RULES, *rules)}.values()), **more
    ),
    st.lists(RULES, max_size=3),
    on_downgrade=st.sampled_from(("max", "max", *ON_DOWNGRADE)),
    downgrade_grace_days=st.sampled_from([None, 0, 1, 30]),
    subaccounts_inherit=st.booleans(),
    cancel_window_days=st.sampled_from([1, 60]),
    on_reactivation=st.sampled_from(("keep_window", *ON_REACTIVATION)),
)


WHO = st.sampled_from(("a1", "a1", "a1", "s1", "s1", "s2", "a2"))
RECORDS = st.tuples(
    CLASS,
    WHO | st.just("nobody"),
    MOMENTS,
    st.sampled_from(["individual", "agency", "unknown"]),
    st.sampled_from(["i1", "i2"]),
    st.booleans(),
)
TYPES = st.sampled_from(["individual", "agency"])
STATES = st.sampled_from(["active", "cancelled"])
EVENTS = st.one_of(
    st.fixed_dictionaries(
        {
            "kind": st.just("opened"),
            "type": TYPES,
            "agency_id": st.sampled_from(AGENCIES),
            "numbers": st.just(("+15550100",)),
        }
    ),
    st.fixed_dictionaries({"kind": st.just("plan_changed"), "type": TYPES}),
    st.fixed_dictionaries(
        {"kind": st.sampled_from(["cancelled", "cancelled", "reactivated", "resumed"])}
    ),
    st.fixed_dictionaries({"kind": st.just("paused"), "pause": st.just("calls")}),
    st.fixed_dictionaries({"kind": st.just("moved"), "agency_id": st.sampled_from(AGENCIES)}),
    st.fixed_dictionaries(
        {
            "kind": st.just("stated"),
            "type": st.sampled_from(["individual", "unknown"]),
            "agency_id": st.sampled_from(AGENCIES),
            "status": STATES,
        }
    ),
).flatmap(
    lambda m: st.builds(
        dict,
        account_id=WHO,
        at=MOMENTS,
        delay=st.sampled_from([0, 0, 0, 50]),
        **{k: st.just(v) for k, v in m.items()},
    )
)


class RetentionMachine(RuleBasedStateMachine):
    """Builds a world step by step. After each step every record is judged by both."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World(RetentionSettings())
        self.records: list[RetentionRecord] = []
        self.as_of = START + dt.timedelta(days=130)
        self.number = 0

    @initialize(
        section=SECTIONS,
        records=st.lists(RECORDS, min_size=4, max_size=10),
        events=st.lists(EVENTS, min_size=1, max_size=6),
    )
    def begin(
        self,
        section: RetentionSettings,
        records: list[tuple[Any, ...]],
        events: list[dict[str, Any]],
    ) -> None:
        self.world.retention = section
        # A family of accounts in which most of what follows means something.
        for name, kind, agency in (
            ("a1", "agency", ""),
            ("s1", "individual", "a1"),
            ("a2", "individual", ""),
        ):
            self._event(
                START,
                0,
                account_id=name,
                kind="opened",
                type=kind,
                agency_id=agency,
                numbers=("+15550100",),
            )
        for record in records:
            self._record(*record)
        for members in events:
            self._event(**members)

    def _record(
        self, cls: str, account: str, at: dt.datetime, stored: str, item: str, redacted: bool
    ) -> None:
        self.records.append(
            RetentionRecord(
                cls,
                account,
                f"r{len(self.records)}",
                to_micros(max(at, START)),
                stored,
                "thing",
                item,
                redacted,
            )
        )

    def _event(self, at: dt.datetime, delay: int, **members: Any) -> None:
        self.number += 1
        if members.get("agency_id") == members["account_id"]:
            members["agency_id"] = ""
        self.world.events.append(
            AccountEvent(at, at + dt.timedelta(days=delay), f"e{self.number}", **members)
        )

    @rule(members=EVENTS)
    def happens(self, members: dict[str, Any]) -> None:
        self._event(**members)

    @precondition(lambda self: self.world.events)
    @rule(data=st.data(), at=MOMENTS, retracted=st.booleans())
    def corrects(self, data: Any, at: dt.datetime, retracted: bool) -> None:
        event = data.draw(st.sampled_from(self.world.events))
        self.world.events.append(
            replace(
                event,
                effective_at=at,
                recorded_at=event.recorded_at + dt.timedelta(days=3),
                retracted=retracted,
            )
        )

    @rule(record=RECORDS)
    def arrives(self, record: tuple[Any, ...]) -> None:
        """Late or not."""
        self._record(*record)

    @rule(
        account=st.sampled_from(("", *ACCOUNTS)),
        items=st.sampled_from([frozenset(), frozenset({"i1"}), frozenset({"r0"})]),
        start=st.none() | MOMENTS,
        end=st.none() | MOMENTS,
        classes=some(CLASSES),
        placed=MOMENTS,
        lifted=st.none() | MOMENTS,
    )
    def is_held(
        self,
        account: str,
        items: frozenset[str],
        start: Any,
        end: Any,
        classes: frozenset[str],
        placed: dt.datetime,
        lifted: Any,
    ) -> None:
        self.number += 1
        if account or items or start or end:
            self.world.holds.append(
                Hold(
                    f"h{self.number}",
                    placed,
                    "counsel",
                    account_id=account,
                    items=items,
                    period_from=start,
                    period_to=end,
                    classes=classes,
                    lifted_at=lifted,
                )
            )

    @rule(data=st.data(), days=DAYS, extra=st.sampled_from([-1, 0, 0, 1]))
    def clock_steps(self, data: Any, days: int, extra: int) -> None:
        """Forward or backward, mostly to a time at which something begins or ends."""
        edges = [START + dt.timedelta(days=130)]
        edges += [EPOCH + dt.timedelta(microseconds=r.at) for r in self.records] + [
            e.effective_at for e in self.world.events
        ]
        self.as_of = data.draw(st.sampled_from(edges)) + dt.timedelta(days=days, microseconds=extra)

    def engine(
        self,
        retention: RetentionSettings | None = None,
        holds: list[Hold] | None = None,
        as_of: dt.datetime | None = None,
    ) -> RetentionEngine:
        section, when = retention or self.world.retention, as_of or self.as_of
        timelines = Timelines(
            reversed(self.world.events), when, section.window_us, section.subaccounts_inherit
        )
        return RetentionEngine(
            section, timelines, self.world.holds if holds is None else holds, to_micros(when)
        )

    @invariant()
    def agrees_with_the_oracle(self) -> None:
        for when in self.moments():
            engine = self.engine(as_of=when)
            for record in self.records:
                found = engine.decide(record)
                assert found.decision == decide(self.world, record, when), (record, found)
                if found.decision in ("delete", "redact", "hold"):
                    assert (
                        found.eligible_at is not None
                        and found.eligible_at <= engine.as_of
                        and found.rule_id
                    )

    def moments(self) -> list[dt.datetime]:
        """The present time, and some at which the last record's or the last event's consequences
        begin or end.
        """
        if not self.records:
            return [self.as_of]
        made, happened = (
            EPOCH + dt.timedelta(microseconds=self.records[-1].at),
            self.world.events[-1].effective_at,
        )
        days = [dt.timedelta(days=d) for d in (8, 45)]
        return [self.as_of, *(made + d for d in days), *(happened + d for d in days)]

    @invariant()
    def spans_are_the_records_that_are_due(self) -> None:
        engine = self.engine()
        for record in self.records:
            for action in ("delete", "redact"):
                spans = due_spans(
                    engine,
                    record.record_class,
                    record.account_id,
                    record.stored_type,
                    action,
                    engine.as_of,
                )
                is_due = (
                    engine.due(record, action, engine.timelines.get(record.account_id)).at
                    <= engine.as_of
                )
                in_reach = record.at <= engine.as_of + engine.retention.skew_us
                assert any(lo <= record.at < hi for lo, hi in spans) == (is_due and in_reach)

    @invariant()
    def caution_never_deletes_more(self) -> None:
        if not self.records or not self.world.retention.rules:
            return
        gone = self.gone(self.engine())
        section = self.world.retention
        for number, chosen in enumerate(section.rules):
            longer = tuple(
                replace(r, days=r.days + 3) if i == number else r
                for i, r in enumerate(section.rules)
            )
            assert self.gone(self.engine(replace(section, rules=longer))) <= gone, chosen
            if chosen.action in ("delete", "redact"):
                without = tuple(r for r in section.rules if r is not chosen)
                assert self.gone(self.engine(replace(section, rules=without))) <= gone, chosen
        first = self.records[0]
        for hold in (
            Hold("new", START, "x", account_id=first.account_id),
            Hold("new", START, "x", items=frozenset({first.record_id})),
        ):
            assert self.gone(self.engine(holds=[*self.world.holds, hold])) <= gone

    def gone(self, engine: RetentionEngine) -> set[str]:
        return {
            r.record_id for r in self.records if engine.decide(r).decision in ("delete", "redact")
        }

    def teardown(self) -> None:
        assert to_micros(dt.datetime(2262, 1, 1, tzinfo=dt.UTC)) + 36_500 * DAY_US < NEVER


QUICK = settings(max_examples=200, stateful_step_count=6, suppress_health_check=list(HealthCheck))


def test_any_history_against_the_oracle() -> None:
    run_state_machine_as_test(RetentionMachine, settings=QUICK)


@pytest.mark.soak
def test_ten_thousand_histories_against_the_oracle() -> None:
    run_state_machine_as_test(RetentionMachine, settings=settings(QUICK, max_examples=10_000))
