"""Rows of docs/retention.md, one by one, on the engine itself; and that every row names tests that
exist.
"""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import Any

import pytest
from support import ROOT

from callveil.schemas.hold import Hold
from callveil.schemas.lifecycle import AccountEvent
from callveil.schemas.pointer import from_micros, to_micros
from callveil.schemas.retention import DEFAULT_RULES, RetentionRule, RetentionSettings
from callveil.transforms.governance.retention.engine import RetentionDecision, RetentionEngine
from callveil.transforms.governance.retention.record import RetentionRecord
from callveil.transforms.governance.retention.timeline import Release, Timelines

AT = dt.datetime(2026, 3, 1, 9, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
MICRO = dt.timedelta(microseconds=1)
VERSIONS = frozenset({"versions"})


def fact(account: str, kind: str, at: dt.datetime, **more: Any) -> AccountEvent:
    """An event, known at once."""
    return AccountEvent(at, at, f"{account}-{kind}-{at.isoformat()}", account, kind, **more)


INDIVIDUAL = fact("a", "opened", AT - 400 * DAY, type="individual")
AGENCY = fact("a", "opened", AT - 400 * DAY, type="agency")


def decided(
    as_of: dt.datetime,
    *facts: AccountEvent,
    at: dt.datetime = AT,
    account: str = "a",
    cls: str = "versions",
    holds: tuple[Hold, ...] = (),
    **section: Any,
) -> RetentionDecision:
    """The decision about one record."""
    retention = RetentionSettings(**section)
    timelines = Timelines(facts, as_of, retention.window_us, retention.subaccounts_inherit)
    return RetentionEngine(retention, timelines, holds, to_micros(as_of)).decide(
        RetentionRecord(cls, account, "r", to_micros(at), "unknown", "Thing", "item")
    )


def due_at(decision: RetentionDecision) -> dt.datetime | None:
    """When the record is due."""
    return from_micros(decision.eligible_at) if decision.eligible_at is not None else None


def with_rules(*rules: RetentionRule) -> dict[str, Any]:
    """The default rules and some more."""
    return {"rules": (*DEFAULT_RULES, *rules)}


def test_the_shortest_deletion_wins() -> None:
    rules = with_rules(
        RetentionRule("r5", "delete", 5, VERSIONS), RetentionRule("r9", "delete", 9, VERSIONS)
    )
    assert decided(AT + 5 * DAY - MICRO, INDIVIDUAL, **rules).decision == "keep"
    found = decided(AT + 5 * DAY, INDIVIDUAL, **rules)
    assert (found.decision, found.rule_id, found.days) == ("delete", "r5", 5)


def test_the_longest_duty_wins() -> None:
    rules = with_rules(
        RetentionRule("k30", "keep", 30, VERSIONS),
        RetentionRule("k60", "keep", 60, VERSIONS, account_types=frozenset({"individual"})),
    )
    found = decided(AT + 40 * DAY, INDIVIDUAL, **rules)
    assert (found.decision, found.reason, due_at(found)) == ("keep", "duty", AT + 60 * DAY)
    assert decided(AT + 60 * DAY, INDIVIDUAL, **rules).decision == "delete"
    full = (
        RetentionRule("f", "redact", 10, frozenset({"interactions"})),
        RetentionRule("k", "keep", 20, frozenset({"interactions"})),
    )
    assert decided(AT + 15 * DAY, INDIVIDUAL, cls="interactions", rules=full).decision == "keep"
    assert decided(AT + 20 * DAY, INDIVIDUAL, cls="interactions", rules=full).decision == "redact"


def test_a_duty_on_a_part_keeps_the_whole() -> None:
    rules = (
        RetentionRule("d", "delete", 10, frozenset({"interactions"})),
        RetentionRule("k", "keep", 50, frozenset({"recordings"})),
    )
    assert decided(AT + 49 * DAY, INDIVIDUAL, cls="interactions", rules=rules).decision == "keep"
    assert decided(AT + 50 * DAY, INDIVIDUAL, cls="interactions", rules=rules).decision == "delete"


def test_a_hold_counts_as_soon_as_it_is_known() -> None:
    as_of = AT + 10 * DAY
    hold = Hold("h", as_of + 5 * DAY, "counsel", account_id="a")
    found = decided(as_of, INDIVIDUAL, holds=(hold,))
    assert (found.decision, found.reason, found.hold_id, found.rule_id) == (
        "hold",
        "legal_hold",
        "h",
        "versions-individual",
    )
    lifted = Hold("h", AT, "counsel", account_id="a", lifted_at=as_of, lifted_by="counsel")
    assert decided(as_of - MICRO, INDIVIDUAL, holds=(lifted,)).decision == "hold"
    assert decided(as_of, INDIVIDUAL, holds=(lifted,)).decision == "delete"


@pytest.mark.parametrize(
    ("conditions", "covered"),
    [
        ({"account_id": "a"}, True),
        ({"account_id": "b"}, False),
        ({"items": frozenset({"r"})}, True),
        ({"items": frozenset({"item"})}, True),
        ({"items": frozenset({"other"})}, False),
        ({"account_id": "b", "items": frozenset({"r"})}, False),
        ({"period_from": AT}, True),
        ({"period_from": AT + MICRO}, False),
        ({"period_to": AT}, False),
        ({"period_to": AT + MICRO}, True),
        ({"account_id": "a", "classes": frozenset({"findings"})}, False),
        ({"account_id": "a", "classes": VERSIONS}, True),
        ({"account_id": "a", "subject_ref": "0f"}, True),
        ({"account_id": "a", "subject_ref": "0f", "items": frozenset({"other"})}, False),
    ],
)
def test_what_a_hold_covers(conditions: dict[str, Any], covered: bool) -> None:
    found = decided(AT + 10 * DAY, INDIVIDUAL, holds=(Hold("h", AT, "counsel", **conditions),))
    assert found.decision == ("hold" if covered else "delete")


def test_a_hold_without_conditions_is_refused() -> None:
    with pytest.raises(ValueError, match="needs an account, items or a period"):
        Hold("h", AT, "counsel", subject_ref="0f")


def test_plan_changes() -> None:
    up = fact("a", "plan_changed", AT + 5 * DAY, type="agency")
    assert due_at(decided(AT + 6 * DAY, INDIVIDUAL, up)) == AT + 120 * DAY
    assert due_at(decided(AT + 6 * DAY, INDIVIDUAL, up, on_downgrade="at_event")) == AT + 7 * DAY
    down = fact("a", "plan_changed", AT + 5 * DAY, type="individual")
    assert due_at(decided(AT + 6 * DAY, AGENCY, down)) == AT + 35 * DAY
    assert due_at(decided(AT + 6 * DAY, AGENCY, down, on_downgrade="current")) == AT + 7 * DAY
    assert due_at(decided(AT + 6 * DAY, AGENCY, down, on_downgrade="at_event")) == AT + 120 * DAY
    assert due_at(decided(AT + 6 * DAY, AGENCY, down, downgrade_grace_days=None)) == AT + 120 * DAY
    assert due_at(decided(AT + 6 * DAY, AGENCY, down, downgrade_grace_days=0)) == AT + 7 * DAY
    late = fact("a", "plan_changed", AT + 110 * DAY, type="individual")
    assert (
        due_at(decided(AT + 111 * DAY, AGENCY, late)) == AT + 120 * DAY
    )  # the grace never lengthens
    assert (
        due_at(decided(AT + 6 * DAY, AGENCY, down, at=AT + 5 * DAY)) == AT + 12 * DAY
    )  # made when it was individual already


def test_a_subaccount_inherits_only_where_the_policy_says_so() -> None:
    family = (
        fact("g", "opened", AT - 9 * DAY, type="agency"),
        fact("a", "opened", AT - 9 * DAY, type="individual", agency_id="g"),
    )
    assert due_at(decided(AT, *family)) == AT + 7 * DAY
    assert due_at(decided(AT, *family, subaccounts_inherit=True)) == AT + 120 * DAY
    away = fact("a", "moved", AT + DAY, agency_id="")
    assert (
        due_at(
            decided(AT + 2 * DAY, *family, away, subaccounts_inherit=True, downgrade_grace_days=0)
        )
        == AT + 7 * DAY
    )
    less = fact("g", "plan_changed", AT + DAY, type="individual")
    assert (
        due_at(
            decided(AT + 2 * DAY, *family, less, subaccounts_inherit=True, downgrade_grace_days=0)
        )
        == AT + 7 * DAY
    )


@pytest.mark.parametrize("pause", ["calls", "tracking_code"])
def test_pausing_changes_nothing(pause: str) -> None:
    for facts in (
        (fact("a", "paused", AT + DAY, pause=pause),),
        (fact("a", "paused", AT + DAY, pause=pause), fact("a", "resumed", AT + 2 * DAY)),
    ):
        found = decided(AT + 3 * DAY, AGENCY, *facts)
        assert due_at(found) == AT + 120 * DAY
        assert found.status == ("paused" if len(facts) == 1 else "active")


def test_the_clock_of_a_cancellation() -> None:
    cancelled = fact("a", "cancelled", AT + 3 * DAY)
    assert due_at(decided(AT + 2 * DAY, INDIVIDUAL, cancelled)) == AT + 7 * DAY
    found = decided(AT + 20 * DAY, INDIVIDUAL, cancelled)
    assert (found.decision, found.reason, due_at(found)) == ("keep", "duty", AT + 63 * DAY)
    assert decided(AT + 63 * DAY - MICRO, INDIVIDUAL, cancelled).decision == "keep"
    assert decided(AT + 63 * DAY, INDIVIDUAL, cancelled).decision == "delete"
    assert (
        decided(AT + 20 * DAY, INDIVIDUAL, fact("a", "cancelled", AT + 7 * DAY)).decision
        == "delete"
    )  # due when it was cancelled
    assert (
        decided(AT + 20 * DAY, INDIVIDUAL, fact("a", "cancelled", AT + 7 * DAY - MICRO)).decision
        == "keep"
    )
    assert due_at(decided(AT + 20 * DAY, AGENCY, cancelled)) == AT + 63 * DAY
    assert due_at(decided(AT + 20 * DAY, AGENCY, cancelled, cls="interactions")) == AT + 63 * DAY
    assert due_at(decided(AT + 20 * DAY, AGENCY, cls="interactions")) is None


def test_cancelling_an_agency() -> None:
    family = (
        fact("g", "opened", AT - 9 * DAY, type="agency", numbers=("+15550100",)),
        fact(
            "a",
            "opened",
            AT - 9 * DAY,
            type="individual",
            agency_id="g",
            numbers=("+15550101", "+15550102"),
        ),
        fact("b", "opened", AT - 9 * DAY, type="individual", agency_id="g"),
        fact("c", "opened", AT - 9 * DAY, type="individual"),
        fact("b", "cancelled", AT - 2 * DAY),
        fact("g", "cancelled", AT + DAY),
    )
    for name, end in (("a", AT + 61 * DAY), ("b", AT + 58 * DAY), ("c", AT + 7 * DAY)):
        assert due_at(decided(AT + 2 * DAY, *family, account=name)) == end
    found = Timelines(family, AT + 2 * DAY, RetentionSettings().window_us)
    assert found.releases == [
        Release("g", to_micros(AT + DAY), ("+15550100",)),
        Release("a", to_micros(AT + DAY), ("+15550101", "+15550102")),
    ]
    assert Timelines(family, AT, RetentionSettings().window_us).releases == []


def test_reactivation() -> None:
    family = (
        fact("g", "opened", AT - 9 * DAY, type="agency"),
        fact("a", "opened", AT - 9 * DAY, type="individual", agency_id="g"),
        fact("b", "opened", AT - 9 * DAY, type="individual", agency_id="g"),
        fact("b", "cancelled", AT + DAY),
        fact("g", "cancelled", AT + 2 * DAY),
    )
    within, beyond = (
        fact("g", "reactivated", AT + 62 * DAY - MICRO),
        fact("g", "reactivated", AT + 62 * DAY),
    )
    for name, status in (("g", "active"), ("a", "active"), ("b", "cancelled")):
        assert decided(AT + 62 * DAY, *family, within, account=name).status == status
    for name, status in (("g", "active"), ("a", "cancelled"), ("b", "cancelled")):
        assert decided(AT + 62 * DAY, *family, beyond, account=name).status == status
    old = decided(AT + 63 * DAY, *family, beyond, account="g")
    assert (old.decision, old.rule_id) == ("delete", "cancelled-end")
    new = decided(AT + 63 * DAY, *family, beyond, account="g", at=AT + 62 * DAY)
    assert due_at(new) == AT + 182 * DAY
    assert due_at(decided(AT + 63 * DAY, *family, within, account="g")) == AT + 120 * DAY


def test_what_a_window_kept_stays_after_a_reactivation() -> None:
    closed, back = fact("a", "cancelled", AT + 3 * DAY), fact("a", "reactivated", AT + 20 * DAY)

    def found(*facts: AccountEvent, **more: Any) -> dt.datetime | None:
        return due_at(decided(AT + 25 * DAY, INDIVIDUAL, closed, back, *facts, **more))

    assert found() == AT + 63 * DAY
    assert found(on_reactivation="at_once") == AT + 7 * DAY
    assert (
        found(at=AT - 4 * DAY) == AT + 3 * DAY
    )  # due when it was cancelled: the window never kept it
    assert found(at=AT - 4 * DAY + MICRO) == AT + 63 * DAY
    assert found(at=AT + 20 * DAY - MICRO) == AT + 63 * DAY  # made while it was cancelled
    assert found(at=AT + 20 * DAY) == AT + 27 * DAY  # made afterwards
    assert (
        found(fact("a", "cancelled", AT + 24 * DAY)) == AT + 84 * DAY
    )  # cancelled anew before the first window's end
    again = (fact("a", "cancelled", AT + 70 * DAY), fact("a", "reactivated", AT + 71 * DAY))
    assert due_at(decided(AT + 72 * DAY, INDIVIDUAL, closed, back, *again)) == AT + 63 * DAY


NOVEMBER = dt.datetime(2026, 11, 29, tzinfo=dt.UTC)
ACCOUNTS = {
    "agency": ("agencyone", "downgraded", "agencytwo", "downgradedlongago", "backlate"),
    "individual": (
        "single",
        "sub",
        "upgraded",
        "inwindow",
        "over",
        "backintime",
        "subtwo",
        "movedbefore",
        "paused",
        "held",
        "movedafter",
    ),
}
BELONGS = {
    "sub": "agencyone",
    "subtwo": "agencytwo",
    "movedbefore": "agencytwo",
    "movedafter": "agencytwo",
}
HAPPENED: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    ("downgraded", "plan_changed", "2026-11-10", {"type": "individual"}),
    ("upgraded", "plan_changed", "2026-11-20", {"type": "agency"}),
    ("inwindow", "cancelled", "2026-11-24", {}),
    ("over", "cancelled", "2026-09-29", {}),
    ("backintime", "cancelled", "2026-11-01", {}),
    ("backintime", "reactivated", "2026-11-28", {}),
    ("movedbefore", "moved", "2026-10-01", {"agency_id": "agencyone"}),
    ("agencytwo", "cancelled", "2026-11-20", {}),
    ("paused", "paused", "2026-11-20", {"pause": "calls"}),
    ("movedafter", "moved", "2026-11-25", {"agency_id": "agencyone"}),
    ("downgradedlongago", "plan_changed", "2026-10-15", {"type": "individual"}),
    ("backlate", "cancelled", "2026-08-01", {}),
    ("backlate", "reactivated", "2026-11-10", {}),
)
VERDICTS = """single 2026-11-21T23:59:59.999999+00:00 delete
single 2026-11-22T00:00:00+00:00 delete
single 2026-11-22T00:00:00.000001+00:00 keep
single 2026-11-21T18:59:59.999999-05:00 delete
single 2026-11-21T19:00:00.000001-05:00 keep
single 2026-11-29T05:00:00+00:00 keep
single 2026-12-02T00:00:00+00:00 quarantine
agencyone 2026-07-31T23:59:59.999999+00:00 delete
agencyone 2026-08-01T00:00:00+00:00 delete
agencyone 2026-08-01T00:00:00.000001+00:00 keep
agencyone 2026-11-21 keep
sub 2026-11-21 delete
sub 2026-11-23 keep
downgraded 2026-10-30 keep
downgraded 2026-11-19 delete
upgraded 2026-11-17 keep
upgraded 2026-11-09 keep
upgraded 2026-11-27 keep
inwindow 2026-11-23 keep
inwindow 2026-11-18 keep
inwindow 2026-11-15 delete
over 2026-09-27 delete
over 2026-09-29 delete
backintime 2026-10-31 keep
backintime 2026-11-26 keep
agencytwo 2026-08-21 keep
agencytwo 2026-07-22 delete
subtwo 2026-11-17 keep
subtwo 2026-11-09 delete
movedbefore 2026-11-17 delete
paused 2026-11-23 keep
paused 2026-11-21 delete
held 2026-08-21 hold
movedafter 2026-11-17 keep
downgradedlongago 2026-09-30 delete
downgradedlongago 2026-11-24 keep
backlate 2026-07-27 delete
backlate 2026-08-21 delete
backlate 2026-11-19 keep
nobody 2026-10-30 quarantine"""


@pytest.mark.parametrize("line", VERDICTS.splitlines())
def test_versions_whose_end_was_decided_beforehand(line: str) -> None:
    """Forty versions of seventeen accounts at one time, each decided by hand from the table."""
    account, text, expected = line.split()
    made = dt.datetime.fromisoformat(text)
    opened = [
        fact(
            a,
            "opened",
            dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
            type=kind,
            agency_id=BELONGS.get(a, ""),
        )
        for kind, names in ACCOUNTS.items()
        for a in names
    ]
    facts = [
        fact(a, k, dt.datetime.fromisoformat(day).replace(tzinfo=dt.UTC), **more)
        for a, k, day, more in HAPPENED
    ]
    holds = (Hold("h1", NOVEMBER - 100 * DAY, "counsel", account_id="held"),)
    at = made if made.tzinfo else made.replace(tzinfo=dt.UTC)
    assert (
        decided(NOVEMBER, *opened, *facts, at=at, account=account, holds=holds).decision == expected
    )


def test_a_moved_subaccount() -> None:
    family = (
        fact("g", "opened", AT - 9 * DAY, type="agency"),
        fact("h", "opened", AT - 9 * DAY, type="agency"),
        fact("a", "opened", AT - 9 * DAY, type="agency", agency_id="g"),
        fact("a", "moved", AT + DAY, agency_id="h"),
    )
    assert decided(AT + 3 * DAY, *family, fact("g", "cancelled", AT + 2 * DAY)).status == "active"
    assert (
        decided(AT + 3 * DAY, *family, fact("h", "cancelled", AT + 2 * DAY)).status == "cancelled"
    )
    gone = (fact("g", "cancelled", AT + DAY - MICRO), fact("g", "reactivated", AT + 3 * DAY))
    assert (
        decided(AT + 4 * DAY, *family, *gone).status == "cancelled"
    )  # the old agency cannot bring back what is no longer its own


def test_every_row_names_tests_that_exist() -> None:

    text = (ROOT / "docs" / "retention.md").read_text()
    rows = re.findall(r"^\| (\d+) \|.*\| ([^|]+) \|$", text, re.MULTILINE)
    assert [int(n) for n, _ in rows] == list(range(1, len(rows) + 1)) and len(rows) > 25
    folder = Path(__file__).parent
    for number, named in rows:
        file = ""
        for word in re.findall(r"`([^`]+)`", named):
            name = word
            if "::" in word or word.endswith(".py"):
                path, _, name = word.partition("::")
                file = path or file
                assert (folder / file).is_file(), (number, word)
            else:
                file = "test_retain_machine.py"
            assert f"def {name}(" in (folder / file).read_text() or not name, (number, word)
        assert "`" in named or named.strip() == "machine", number
