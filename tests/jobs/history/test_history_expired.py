"""Versions that retention has deleted: they do not come back with a later delivery. Everything is
generated.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from support.history_runs import Bench, version

from callveil.pipelines.attempts import RunResult
from callveil.pipelines.history import HistoryReconciliationError, reconcile_versions
from callveil.pipelines.retain import RetainOptions, run_retain
from callveil.schemas.policy_load import load_policy
from callveil.transforms.storage.commit.maintenance import verify_integrity

T = dt.datetime(2026, 11, 2, tzinfo=dt.UTC)
DAY, MICRO = dt.timedelta(days=1), dt.timedelta(microseconds=1)


@dataclass
class World:
    """A store, and what is known of its accounts."""

    bench: Bench
    facts: dict[str, list[dict[str, Any]]] = field(
        default_factory=lambda: {"accounts": [], "events": [], "holds": []}
    )

    def paths(self) -> dict[str, list[str]]:
        """The facts as files."""
        out = {}
        for name, rows in self.facts.items():
            path = self.bench.root / f"{name}.jsonl"
            path.write_text("".join(json.dumps(r) + "\n" for r in rows))
            out[name] = [str(path)] if rows else []
        return out

    def load(self, rows: list[dict[str, Any]], as_of: dt.datetime) -> RunResult:
        """A load that is given all the facts; its counts add up."""
        result = self.bench.load_records(rows, as_of=as_of, **self.paths())
        reconcile_versions(result.counts)
        return result

    def retain(self, as_of: dt.datetime) -> list[str]:
        """A retention run; returns what is left."""
        policy = load_policy(str(self.bench.root / "policy-0.yaml"))
        run_retain(
            RetainOptions(
                self.bench.output,
                policy,
                as_of,
                as_of,
                keyring=str(self.bench.keyring),
                files=self.bench.files,
                **self.paths(),
            )
        )
        return self.ids()

    def ids(self) -> list[str]:
        """Versions in the store."""
        return sorted(v.key.version_id for v in self.bench.versions())


def told(name: str, account: str, at: dt.datetime, **members: Any) -> dict[str, Any]:
    """A version."""
    return version(
        version_id=name,
        account_id=account,
        created_at=at.isoformat(),
        changes={"color": [name, "b"]},
        **members,
    )


@pytest.fixture
def world(bench: Bench) -> World:
    """Accounts of all sorts: plain ones of both types, one that lost the capability, a cancelled
    one, ones that are held, in part or as a whole.
    """
    made = World(bench)
    kinds = {
        "a": "individual",
        "b": "agency",
        "c": "agency",
        "d": "agency",
        "e": "individual",
        "f": "individual",
    }
    made.facts["accounts"] = [
        {"account_id": a, "type": t, "effective_at": "2020-01-01T00:00:00Z"}
        for a, t in kinds.items()
    ]
    made.facts["events"] = [
        {
            "account_id": "c",
            "kind": "plan_changed",
            "effective_at": (T - 40 * DAY).isoformat(),
            "can_create_subaccounts": False,
        },
        {"account_id": "d", "kind": "cancelled", "effective_at": (T - 60 * DAY).isoformat()},
    ]
    by = {"placed_at": "2026-01-01T00:00:00Z", "placed_by": "counsel"}
    made.facts["holds"] = [
        {"hold_id": "h1", "account_id": "e", **by},
        {"hold_id": "h2", "account_id": "f", "items": ["held"], **by},
    ]
    return made


def everything() -> list[dict[str, Any]]:
    """Versions of all accounts and one nothing is known of, old and new ones, to the
    microsecond.
    """
    ages = {
        "first": 130 * DAY,
        "old": 61 * DAY,
        "middle": 30 * DAY,
        "due": 7 * DAY,
        "young": 7 * DAY - MICRO,
    }
    rows = [told(f"{a}-{name}", a, T - age) for a in "abcdefu" for name, age in ages.items()]
    return [*rows, told("f-item", "f", T - 20 * DAY, item_id="held")]


def test_a_replay_of_everything_brings_nothing_back(world: World) -> None:
    rows = everything()
    assert world.load(rows, T - DAY).counts["stored"] == len(rows)
    left = world.retain(T)
    assert {"a-young", "b-due", "e-first", "f-item", "u-first"} <= set(left) and not {
        "a-due",
        "b-first",
        "c-middle",
        "d-old",
        "f-due",
    } & set(left)
    for later in (T + dt.timedelta(hours=1), T + 2 * DAY):
        more = [r | {"object": {"color": "more complete"}} if later > T + DAY else r for r in rows]
        counts = world.load([*more, *more], later).counts
        assert counts["expired_on_arrival"] == 2 * (len(rows) - len(left))
        assert world.ids() == left
    assert verify_integrity(world.bench.store) == []
    before = world.bench.store.current().seq
    assert world.retain(T) == left and world.bench.store.current().seq == before


def test_before_any_retention_what_is_due_is_taken_in_and_goes_in_the_next_run(
    world: World,
) -> None:
    assert "expired_on_arrival" not in world.load([told("a", "a", T - 50 * DAY)], T).counts
    assert world.ids() == ["a"]
    assert world.retain(T) == []


@pytest.mark.parametrize(
    ("fact", "stays"),
    [("no_accounts", False), ("upgrade", True), ("hold", True), ("no_events", True)],
)
def test_where_other_facts_are_given_the_next_run_decides(
    world: World, fact: str, stays: bool
) -> None:
    """Check that what was deleted by other facts than those given now is taken in, since it may
    have to stay.
    """
    row = told("c", "c", T - 50 * DAY, item_id="77")
    world.load([row], T)
    assert world.retain(T) == []
    changes: dict[str, tuple[str, list[dict[str, Any]]]] = {
        "no_accounts": ("accounts", []),
        "upgrade": (
            "events",
            [
                {
                    "account_id": "c",
                    "kind": "plan_changed",
                    "effective_at": T.isoformat(),
                    "can_create_subaccounts": True,
                }
            ],
        ),
        "hold": (
            "holds",
            [
                {
                    "hold_id": "h3",
                    "items": ["77"],
                    "placed_at": T.isoformat(),
                    "placed_by": "counsel",
                }
            ],
        ),
        "no_events": ("events", []),
    }
    name, new = changes[fact]
    world.facts[name] = [*world.facts[name], *new] if new else []
    counts = world.load([row], T + dt.timedelta(hours=1)).counts
    assert (counts["stored"], counts.get("expired_on_arrival", 0)) == (1, 0)
    assert world.retain(T + dt.timedelta(hours=1)) == (["c"] if stays else [])


def test_a_redact_event_that_comes_too_late_to_be_kept_is_carried_out(world: World) -> None:
    note = told("1", "b", T - 10 * DAY, item_type="Call", item_id="7")
    world.load([note], T)
    world.retain(T)
    event = told("2", "b", T - 130 * DAY, item_type="Call", item_id="7", event="redact")
    counts = world.load([event], T + DAY).counts
    assert (counts["expired_on_arrival"], counts["stored"], counts["redone"]) == (1, 0, 1)
    assert [v.mode for v in world.bench.versions()] == ["full"]


def test_versions_that_are_not_accounted_for_stop_the_run() -> None:
    reconcile_versions(
        {"in": 4, "stored": 1, "duplicates": 1, "expired_on_arrival": 1, "rejected": 1}
    )
    with pytest.raises(HistoryReconciliationError, match="3 are accounted for"):
        reconcile_versions({"in": 4, "stored": 1, "duplicates": 1, "expired_on_arrival": 1})
