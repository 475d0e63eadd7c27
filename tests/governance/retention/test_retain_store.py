"""Plans and their carrying out on real stores: boundaries, partitions, holds, late records,
refusal, dispositions and certificates.
"""

from __future__ import annotations

import datetime as dt
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.retention_oracle import World, decide
from support.retention_stores import DAY, NOW, Place, V, account, event, hold

from callveil.pipelines.retain import apply_plan, write_retention_plan
from callveil.schemas.pointer import to_micros
from callveil.transforms.governance.retention.account_events import (
    all_facts,
    read_events,
    read_holds,
)
from callveil.transforms.governance.retention.plan_file import PlanError
from callveil.transforms.governance.retention.record import RetentionRecord
from callveil.transforms.ingest.accounts import read_accounts
from callveil.transforms.storage.commit.maintenance import (
    collect_orphans,
    list_leases,
    unpurged_runs,
    verify_integrity,
)
from callveil.transforms.storage.files.filesystem import Files

AT = dt.datetime(2026, 6, 1, 10, tzinfo=dt.UTC)
MICRO = dt.timedelta(microseconds=1)
LIMITS = {"individual": 7 * DAY, "agency": 120 * DAY}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """An empty place."""
    return Place(tmp_path)


@pytest.mark.parametrize(("kind", "limit"), LIMITS.items())
def test_a_version_lives_to_its_last_microsecond(
    place: Place, kind: str, limit: dt.timedelta
) -> None:
    place.accounts = [account("a", kind)]
    place.put([V("a", AT, "v1", kind), V("a", AT + MICRO, "v2", kind)])
    place.run(AT + limit - MICRO)
    assert place.ids() == ["v1", "v2"]
    place.run(AT + limit)
    assert place.ids() == ["v2"]
    place.run(AT + limit + MICRO)
    assert place.ids() == []
    assert verify_integrity(place.store) == [] and unpurged_runs(place.store) == []


@pytest.mark.parametrize(
    ("written", "utc"),
    [
        ("2024-02-29T23:59:59.999999Z", dt.datetime(2024, 2, 29, 23, 59, 59, 999999, dt.UTC)),
        ("2024-02-29T12:00:00Z", dt.datetime(2024, 2, 29, 12, tzinfo=dt.UTC)),
        ("2026-03-08T01:30:00-05:00", dt.datetime(2026, 3, 8, 6, 30, tzinfo=dt.UTC)),
        ("2026-03-08T03:30:00-04:00", dt.datetime(2026, 3, 8, 7, 30, tzinfo=dt.UTC)),
        ("2026-11-01T01:30:00-04:00", dt.datetime(2026, 11, 1, 5, 30, tzinfo=dt.UTC)),
        ("2026-11-01T01:30:00-05:00", dt.datetime(2026, 11, 1, 6, 30, tzinfo=dt.UTC)),
        ("1970-01-01T00:00:00Z", dt.datetime(1970, 1, 1, tzinfo=dt.UTC)),
        ("1970-01-01T00:00:00.000001Z", dt.datetime(1970, 1, 1, 0, 0, 0, 1, dt.UTC)),
        ("2262-03-31T23:00:00Z", dt.datetime(2262, 3, 31, 23, tzinfo=dt.UTC)),
    ],
)
def test_days_are_24_hours_whatever_the_calendar_says(
    place: Place, written: str, utc: dt.datetime
) -> None:
    from callveil.transforms.ingest.dates import parse_time

    at = parse_time(written)
    assert at == utc
    place.accounts = [account("a")]
    place.put([V("a", at, "v")])
    place.run(at + 7 * DAY - MICRO)
    assert place.ids() == ["v"]
    place.run(at + 7 * DAY)
    assert place.ids() == []


def test_a_day_that_is_over_goes_unread(place: Place) -> None:
    place.accounts = [account("a"), account("b")]
    place.put([V(a, AT + n * dt.timedelta(hours=1), f"{a}{n}") for a in "ab" for n in range(4)])
    place.put([V("a", AT + 3 * DAY, "later")])
    place.run(AT)  # looks at everything once
    midnight = dt.datetime(2026, 6, 9, tzinfo=dt.UTC)
    result = place.run(midnight)
    assert place.ids() == ["later"]
    assert result.plan.counts["files.drop_file"] == 1 and result.plan.counts["bytes_unread"] > 0
    rows = place.dispositions(method="drop_file")  # one for each account in the file
    assert [
        (r["account_id"], r["rows_before"], r["rows_deleted"], r["rows_after"], r["record_id"])
        for r in rows
    ] == [
        ("a", 8, 4, 0, None),
        ("b", 8, 4, 0, None),
    ]
    row = rows[0]
    assert (row["expired_first"], row["eligible_at"]) == (midnight - DAY, midnight - MICRO)
    assert (row["decision"], row["rule_id"], row["retention_days"], row["disposed_at"]) == (
        "delete",
        "versions-individual",
        7,
        NOW,
    )


def test_a_mixed_file_is_rewritten_and_says_what_went(place: Place) -> None:
    place.accounts = [account("a"), account("b")]
    place.holds = [hold("h", account_id="b")]
    place.put([V("a", AT, "v1"), V("b", AT, "v2"), V("a", AT + 5 * dt.timedelta(hours=1), "v3")])
    result = place.run(AT + 7 * DAY)
    assert place.ids() == ["v2", "v3"]
    (head,) = place.dispositions(record_id=None, method="rewrite")
    assert (head["rows_before"], head["rows_deleted"], head["rows_after"]) == (3, 1, 2)
    assert head["object_version_old"] and head["object_version_new"] not in (
        None,
        head["object_version_old"],
    )
    (gone,) = [r for r in place.dispositions(method="rewrite") if r["record_id"]]
    assert (gone["account_id"], gone["eligible_at"], gone["event_time"]) == ("a", AT + 7 * DAY, AT)
    assert "v1" not in repr(place.dispositions())
    (held,) = place.dispositions(decision="hold")
    assert (held["account_id"], held["hold_id"], held["disposed_at"], held["method"]) == (
        "b",
        "h",
        None,
        "none",
    )
    (certificate,) = place.rows("certificates")
    assert (
        certificate["rows_deleted"],
        certificate["files"],
        certificate["versions_purged"],
        certificate["versions_locked"],
    ) == (1, 1, 1, 0)
    assert certificate["account_id"] == "a", "all of the series' records are of one account"
    assert (
        certificate["expired_first"],
        certificate["deleted_at"],
        certificate["purged_at"],
        certificate["verified_at"],
    ) == (
        AT + 7 * DAY,
        NOW,
        NOW,
        NOW,
    )
    assert certificate["plan_sha256"] == result.plan.sha256


def test_the_same_run_again_does_nothing(place: Place) -> None:
    place.accounts = [account("a")]
    place.put([V("a", AT, "v1"), V("a", AT + 3 * DAY, "v2")])
    assert place.run(AT + 8 * DAY).seq > 0
    before = place.store.current()
    again = place.run(AT + 8 * DAY)
    assert (again.seq, again.run_id) == (0, "")
    assert place.store.current() == before
    assert list_leases(place.store, NOW) == {} and collect_orphans(place.store, NOW + 2 * DAY) == []


def test_a_quiet_day_is_recorded_too(place: Place) -> None:
    place.accounts = [account("a")]
    place.put([V("a", AT, "v1")])
    place.run(AT + DAY)
    result = place.run(AT + 2 * DAY)
    assert result.seq > 0 and result.plan.changes == 0
    assert place.store.manifest(result.seq).job == "retain"


def test_late_records_enter_the_next_run(place: Place) -> None:
    place.accounts = [account("a")]
    place.put([V("a", AT, "v1")])
    place.run(AT + 8 * DAY)
    place.put([V("a", AT, "replayed"), V("a", AT + 2 * DAY, "fresh")])
    result = place.run(AT + 9 * DAY)
    assert place.ids() == []
    assert [
        (r["late"], r["rows_deleted"])
        for r in place.dispositions(record_id=None)
        if r["plan_sha256"] == result.plan.sha256
    ] == [
        (True, 1),
        (False, 1),
    ]


def test_records_from_the_future_and_of_unknown_accounts_are_set_aside(place: Place) -> None:
    place.put(
        [
            V("a", AT + 3 * DAY, "ahead"),
            V("a", AT + DAY, "within the skew"),
            V("x", AT - 300 * DAY, "nobody's", "unknown"),
        ]
    )
    place.run(AT)
    assert len(place.ids()) == 3
    assert sorted((r["decision"], r["reason_code"]) for r in place.dispositions()) == [
        ("quarantine", "account_unknown"),
        ("quarantine", "future"),
    ]


def test_a_hold_that_is_lifted_lets_go_at_once(place: Place) -> None:
    place.accounts = [account("a")]
    place.put([V("a", AT, "v1", item="i1"), V("a", AT, "v2", item="i2")])
    place.holds = [hold("h", items=["i2"])]
    place.run(AT + 20 * DAY)
    place.run(AT + 30 * DAY)
    assert place.ids() == ["v2"]
    place.holds = [hold("h", items=["i2"], lifted_at=AT + 40 * DAY, lifted_by="counsel")]
    place.run(AT + 40 * DAY - MICRO)
    assert place.ids() == ["v2"]
    place.run(AT + 40 * DAY)
    assert place.ids() == []


@pytest.mark.parametrize(
    ("conditions", "stays"),
    [
        ({"period_from": AT, "period_to": AT + MICRO}, ["v1"]),
        ({"period_to": AT + MICRO}, ["v1"]),
        ({"period_from": AT + MICRO}, ["v2"]),
        ({"items": ["v2"]}, ["v2"]),
        ({"account_id": "a"}, ["v1"]),
        ({"account_id": "nobody"}, []),
        ({"period_from": AT, "classes": ["findings"]}, []),
    ],
)
def test_a_day_that_is_over_stays_as_far_as_it_is_held(
    place: Place, conditions: dict[str, Any], stays: list[str]
) -> None:
    """The day is known from an earlier run and over for every account, so it would go unread."""
    place.accounts = [account("a"), account("b")]
    place.holds = [hold("h", **conditions)]
    place.put([V("a", AT, "v1"), V("b", AT + 2 * dt.timedelta(hours=1), "v2")])
    place.run(AT)
    place.run(AT + 9 * DAY)
    assert place.ids() == stays
    assert [r["hold_id"] for r in place.dispositions(decision="hold")] == ["h"] * len(stays)


def test_a_downgrade_lets_go_when_the_grace_is_over(place: Place) -> None:
    place.accounts = [account("a", "agency")]
    place.put([V("a", AT + n * DAY, f"v{n:02d}", "agency") for n in range(40)])
    down = AT + 40 * DAY
    place.events = [event("a", "plan_changed", down, can_create_subaccounts=False)]
    for n in (1, 29):
        place.run(down + n * DAY)
        assert len(place.ids()) == 40
    place.run(down + 30 * DAY - MICRO)
    assert len(place.ids()) == 40
    place.run(down + 30 * DAY)
    assert place.ids() == []


def test_facts_that_come_later_reach_files_seen_before(place: Place) -> None:
    """A known file is not looked at again for its plain accounts; an account of which something new
    is known is.
    """
    place.accounts = [account("a", "agency"), account("b", "agency"), account("c", "agency")]
    place.put([V(n, AT + dt.timedelta(hours=1), f"v-{n}", "agency") for n in "abc"])
    place.put([V("x", AT, "v-x", "unknown"), V("y", AT, "v-y", "unknown")])
    place.run(AT + 30 * DAY)
    assert len(place.ids()) == 5
    down = {"can_create_subaccounts": False, "recorded_at": (AT + 40 * DAY).isoformat()}
    place.events = [
        event("b", "plan_changed", AT + DAY, **down)
    ]  # it happened long ago, so that the grace is over too
    place.run(AT + 39 * DAY)
    assert len(place.ids()) == 5
    place.run(AT + 40 * DAY)
    assert place.ids() == ["v-a", "v-c", "v-x", "v-y"]
    place.accounts += [account("x", "individual"), account("y", "agency")]
    place.run(AT + 41 * DAY)
    assert place.ids() == ["v-a", "v-c", "v-y"]
    place.run(AT + 120 * DAY)
    assert place.ids() == ["v-a", "v-c"]
    place.accounts = [a for a in place.accounts if a["account_id"] != "c"]
    place.run(AT + 120 * DAY + dt.timedelta(hours=1))
    assert place.ids() == []


def test_changed_inputs_are_refused(place: Place, tmp_path: Path) -> None:
    place.accounts = [account("a"), account("b")]
    place.put([V("a", AT, "v1"), V("b", AT + MICRO, "v2")])
    as_of = AT + 7 * DAY
    folder = str(tmp_path / "plan")
    plan = write_retention_plan(place.options(as_of), folder)
    assert write_retention_plan(place.options(as_of), str(tmp_path / "again")).sha256 == plan.sha256
    before = place.store.current()
    place.holds = [hold("h", account_id="a")]
    with pytest.raises(PlanError, match="the legal holds"):
        apply_plan(place.options(as_of), folder)
    place.holds = []
    place.events = [event("a", "cancelled", AT + DAY)]
    with pytest.raises(PlanError, match="the accounts or their events"):
        apply_plan(place.options(as_of), folder)
    place.events = []
    place.policy = "version: 1\nname: p\nretention: {skew_hours: 1}\n"
    with pytest.raises(PlanError, match="retention rules"):
        apply_plan(place.options(as_of), folder)
    place.policy = "version: 1\nname: p\n"
    rows = Path(folder) / "plan.parquet"
    kept = rows.read_bytes()
    rows.write_bytes(kept[:-1] + bytes([kept[-1] ^ 1]))
    with pytest.raises(PlanError, match="changed after it was made"):
        apply_plan(place.options(as_of), folder)
    rows.write_bytes(kept)
    place.events = [
        event("a", "cancelled", as_of + DAY)
    ]  # not known at the plan's time, so it changes nothing
    assert place.store.current() == before
    result = apply_plan(place.options(as_of), folder)
    assert place.ids() == ["v2"] and result.seq == before.seq + 1
    place.put([V("a", AT, "v3")])
    assert (
        apply_plan(place.options(as_of), folder).seq == result.seq
    )  # done already: nothing more happens
    assert place.ids() == ["v2", "v3"]
    other = str(tmp_path / "other")
    write_retention_plan(place.options(as_of), other)
    place.put([V("a", AT, "v4")])
    with pytest.raises(PlanError, match="another run was published"):
        apply_plan(place.options(as_of), other)


# Random stores over many runs

KINDS = st.sampled_from(["individual", "agency"])
DAYS = st.integers(0, 45)
VERSIONS = st.lists(
    st.tuples(
        st.sampled_from("abcd"),
        DAYS,
        st.integers(0, 3),
        st.sampled_from(["individual", "agency", "unknown"]),
    ),
    min_size=1,
    max_size=10,
)
CHANGES = st.one_of(
    st.tuples(st.just("plan"), st.sampled_from("abc"), DAYS, KINDS),
    st.tuples(
        st.just("status"),
        st.sampled_from("abc"),
        DAYS,
        st.sampled_from(["cancelled", "reactivated", "paused"]),
    ),
    st.tuples(st.just("hold"), st.sampled_from(["a", "b", ""]), DAYS, st.sampled_from(["", "i1"])),
    st.tuples(st.just("lift"), st.just(""), DAYS, st.just("")),
    st.tuples(st.just("put"), VERSIONS, st.just(0), st.just("")),
)
STEPS = st.lists(
    st.tuples(st.lists(CHANGES, max_size=2), st.integers(0, 70), st.sampled_from([0, 0, 6])),
    min_size=2,
    max_size=5,
)
START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
SHORT = """\
version: 1
name: short
retention:
  downgrade_grace_days: 5
  cancel_window_days: 10
  skew_hours: 24
  rules:
    - {id: versions-individual, action: delete, days: 3, class: versions, account_type: individual}
    - {id: versions-agency, action: delete, days: 20, class: versions, account_type: agency}
    - {id: cancelled-window, action: keep, days: 10, class: versions, clock: cancelled}
    - {id: cancelled-end, action: delete, days: 10, class: versions, clock: cancelled}
"""


def change(place: Place, what: tuple[Any, ...], number: int) -> list[V]:
    """One thing that happens between two runs."""
    kind, who, day, more = what
    at = START + day * DAY
    if kind == "plan":
        place.events.append(
            event(
                who,
                "plan_changed",
                at,
                can_create_subaccounts=more == "agency",
                event_id=f"e{number}",
            )
        )
    elif kind == "status":
        place.events.append(
            event(
                who,
                more,
                at,
                event_id=f"e{number}",
                **({"pause": "calls"} if more == "paused" else {}),
            )
        )
    elif kind == "hold" and (who or more):
        place.holds.append(
            hold(
                f"h{number}",
                **({"account_id": who} if who else {}),
                **({"items": [more]} if more else {}),
            )
        )
    elif kind == "hold":
        place.holds.append(hold(f"h{number}", period_from=at, period_to=at + 2 * DAY))
    elif kind == "lift" and place.holds:
        place.holds[-1] |= {"lifted_at": at.isoformat(), "lifted_by": "counsel"}
    elif kind == "put":
        return [
            V(a, START + d * DAY + h * dt.timedelta(hours=7), f"{number}-{i}", t, item=f"i{i % 3}")
            for i, (a, d, h, t) in enumerate(who)
        ]
    return []


def random_history(first: Any, steps: Any, files: Files | None = None) -> None:
    """Runs over a store that grows and whose accounts change: after each the store holds exactly
    what the oracle does not delete.
    """
    with tempfile.TemporaryDirectory() as folder:
        place = Place(Path(folder), policy=SHORT, files=files or Files())
        place.accounts = [
            account("a"),
            account("b", "agency"),
            account("c", effective_at="2026-01-10T00:00:00Z"),
        ]
        held = {v.id: v for v in change(place, ("put", first, 0, ""), 0)}
        place.put(held.values())
        number = 0
        for changes, day, hours in steps:
            for what in changes:
                number += 1
                new = change(place, what, number)
                if new:
                    place.put(new)
                    held |= {v.id: v for v in new}
            as_of = START + day * DAY + hours * dt.timedelta(hours=1)
            options = place.options(as_of)
            facts = all_facts(
                read_accounts(place.files, list(options.accounts)),
                read_events(place.files, list(options.events)) if options.events else [],
            )
            world = World(
                options.policy.retention,
                facts,
                read_holds(place.files, list(options.holds)) if options.holds else [],
            )
            place.run(as_of)
            for v in list(held.values()):
                record = RetentionRecord(
                    "versions", v.account, v.id, to_micros(v.at), v.stored, "User", v.item
                )
                if decide(world, record, as_of) == "delete":
                    del held[v.id]
            assert place.ids() == sorted(held)
        assert verify_integrity(place.store) == [] and unpurged_runs(place.store) == []


@settings(max_examples=40, suppress_health_check=list(HealthCheck))
@given(VERSIONS, STEPS)
def test_random_stores_end_as_the_oracle_says(first: Any, steps: Any) -> None:
    random_history(first, steps)


@pytest.mark.soak
@settings(max_examples=2_000, suppress_health_check=list(HealthCheck))
@given(VERSIONS, STEPS)
def test_many_random_stores_end_as_the_oracle_says(first: Any, steps: Any) -> None:
    random_history(first, steps)
