"""Account events and holds as people and systems write them, the policy's retention section, and
the command line.
"""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
from support.retention_stores import DAY, Place, V, account, hold

from callveil.pipelines.cli import run_command
from callveil.pipelines.exits import UsageError
from callveil.schemas.policy import PolicyError
from callveil.schemas.policy_load import load_policy, parse_policy
from callveil.transforms.governance.retention.account_events import (
    EventsError,
    HoldsError,
    read_events,
    read_holds,
)
from callveil.transforms.governance.retention.plan_file import PlanError
from callveil.transforms.storage.files.filesystem import Files

AT = dt.datetime(2026, 6, 1, 10, tzinfo=dt.UTC)


def written(tmp_path: Path, *rows: dict[str, Any]) -> list[str]:
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(r) + "\n" for r in rows))
    return [str(path)]


def test_the_capability_decides(tmp_path: Path) -> None:
    rows = [
        {
            "account_id": 7,
            "kind": "plan_changed",
            "effective_at": "2026-01-01",
            "type": "individual",
            "can_create_subaccounts": True,
        },
        {
            "account_id": 7,
            "kind": "downgraded",
            "effective_at": "2026-01-02T00:00:00-05:00",
            "recorded_at": "2026-01-03T00:00:00Z",
        },
        {"account_id": 7, "kind": "Agency Cancelled", "effective_at": "2026-01-04"},
        {"account_id": 7, "kind": "calls_stopped", "effective_at": "2026-01-05"},
        {"account_id": 7, "kind": "moved", "effective_at": "2026-01-06", "agency_id": 9},
    ]
    found = read_events(Files(), written(tmp_path, *rows))
    assert [(e.kind, e.type, e.pause, e.agency_id) for e in found] == [
        ("plan_changed", "agency", "", None),
        ("plan_changed", "individual", "", None),
        ("cancelled", "", "", None),
        ("paused", "", "calls", None),
        ("moved", "", "", "9"),
    ]
    assert found[1].effective_at == dt.datetime(2026, 1, 2, 5, tzinfo=dt.UTC) and found[
        1
    ].recorded_at == dt.datetime(2026, 1, 3, tzinfo=dt.UTC)
    assert [e.event_id for e in read_events(Files(), written(tmp_path, *rows))] == [
        e.event_id for e in found
    ]
    assert len({e.event_id for e in found}) == 5


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"account_id": 7, "kind": "vanished", "effective_at": "2026-01-01"}, "kind"),
        ({"account_id": 7, "kind": "cancelled"}, "effective_at"),
        (
            {"account_id": 7, "kind": "plan_changed", "effective_at": "2026-01-01"},
            "can_create_subaccounts",
        ),
        ({"account_id": 7, "kind": "paused", "effective_at": "2026-01-01"}, "pause"),
        ({"kind": "cancelled", "effective_at": "2026-01-01"}, "account_id"),
    ],
)
def test_faulty_events_are_told_with_line_and_field(
    tmp_path: Path, row: dict[str, Any], words: str
) -> None:
    with pytest.raises(EventsError, match=rf"rows\.jsonl:2: {words}"):
        read_events(
            Files(),
            written(
                tmp_path, {"account_id": 1, "kind": "resumed", "effective_at": "2026-01-01"}, row
            ),
        )


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"hold_id": "h", "account_id": 1, "placed_at": "2026-01-01"}, "who placed it"),
        (
            {"hold_id": "h", "placed_at": "2026-01-01", "placed_by": "x"},
            "needs an account, items or a period",
        ),
        (
            {
                "hold_id": "h",
                "placed_at": "2026-01-01",
                "placed_by": "x",
                "account_id": 1,
                "lifted_at": "2026-02-01",
            },
            "go together",
        ),
        (
            {
                "hold_id": "h",
                "placed_at": "2026-01-01",
                "placed_by": "x",
                "account_id": 1,
                "classes": ["calls"],
            },
            "none of versions",
        ),
        (
            {
                "hold_id": "h",
                "placed_at": "2026-01-01",
                "placed_by": "x",
                "period_from": "2026-02-01",
                "period_to": "2026-01-01",
            },
            "not after",
        ),
        (
            {"hold_id": "g", "placed_at": "2026-01-01", "placed_by": "x", "account_id": 2},
            "stands twice",
        ),
    ],
)
def test_faulty_holds_are_refused(tmp_path: Path, row: dict[str, Any], words: str) -> None:
    good = {
        "hold_id": "g",
        "placed_at": "2026-01-01",
        "placed_by": "x",
        "account_id": 1,
        "items": "1, 2",
    }
    with pytest.raises(HoldsError, match=words):
        read_holds(Files(), written(tmp_path, good, row))
    (found,) = read_holds(Files(), written(tmp_path, good))
    assert found.items == {"1", "2"} and found.account_id == "1"


SECTION = """\
version: 1
retention:
  on_downgrade: current
  disable: [cancelled-end]
  rules:
    - {id: versions-individual, action: delete, days: 3, class: versions, account_type: individual}
    - {id: law, action: keep, days: 3650, class: [interactions, recordings], account: [7], basis: "tax law"}
"""  # noqa: E501


def test_the_policy_says_what_differs() -> None:
    policy = parse_policy(SECTION)
    rules = {r.rule_id: r for r in policy.retention.rules}
    assert sorted(rules) == ["cancelled-window", "law", "versions-agency", "versions-individual"]
    assert (
        rules["versions-individual"].days,
        rules["law"].accounts,
        policy.retention.on_downgrade,
    ) == (3, frozenset({"7"}), "current")
    again = parse_policy(policy.effective_yaml())
    assert again == policy and again.retention.digest() == policy.retention.digest()


def test_policies_that_say_nothing_keep_their_digest() -> None:
    """A store's history names policies by digest: those must not change because the section
    exists.
    """
    assert "retention" not in load_policy("gdpr").document
    plain, told = (
        parse_policy("version: 1\nname: p\n"),
        parse_policy("version: 1\nname: p\nretention: {}\n"),
    )
    assert plain.sha256 != told.sha256 and plain.retention == told.retention


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("on_downgrade: never", "retention.on_downgrade"),
        ("disable: [nothing]", r"retention.disable\[0\]"),
        (
            "rules: [{id: x, action: delete, days: -1, class: versions}]",
            r"retention.rules\[0\].days",
        ),
        ("rules: [{id: x, action: delete, days: 1}]", r"retention.rules\[0\]"),
        (
            "rules: [{id: x, action: redact, days: 1, class: versions}]",
            r"retention.rules\[0\].class",
        ),
        ("rules: [{id: x, action: delete, days: 1, class: calls}]", r"retention.rules\[0\].class"),
        (
            "rules: [{id: x, action: delete, days: 1, class: raw}, {id: x, action: delete, days: "
            "2, class: raw}]",
            r"retention.rules\[1\].id",
        ),
        ("dayz: 1", "retention.dayz"),
    ],
)
def test_a_faulty_section_is_told_with_its_place(text: str, field: str) -> None:
    with pytest.raises(PolicyError, match=field):
        parse_policy(f"version: 1\nretention:\n  {text}\n")


def test_the_command_plans_applies_and_explains(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = Place(tmp_path)
    place.accounts, place.holds = [account("a"), account("b")], [hold("h", account_id="b")]
    place.put([V("a", AT, "v1"), V("b", AT, "v2")])
    options = place.options(AT)
    common = [
        "--store",
        place.root,
        "--accounts",
        *options.accounts,
        "--holds",
        *options.holds,
        "--keyring",
        str(tmp_path / "keyring.json"),
    ]
    as_of = (AT + 8 * DAY).isoformat()
    assert (
        run_command("retain", ["explain", *common, "--as-of", as_of, "--record", "versions/b/v2"])
        == 0
    )
    said = capsys.readouterr().out
    assert (
        "a legal hold protects it" in said
        and "rule versions-individual: 7 days from 2026-06-01T10:00:00" in said
        and "legal hold h" in said
    )
    with pytest.raises(UsageError, match="no such record"):
        run_command("retain", ["explain", *common, "--as-of", as_of, "--record", "versions/b/none"])
    assert (
        run_command("retain", ["plan", *common, "--as-of", as_of, "--out", str(tmp_path / "plan")])
        == 0
    )
    said = capsys.readouterr().out
    assert "versions: 1 delete, 1 hold" in said and "1 rewrite" in said
    assert (tmp_path / "plan" / "summary.txt").read_text().splitlines()[0] == said.splitlines()[0]
    assert len(place.ids()) == 2
    assert (
        run_command("retain", ["apply", *common, "--plan", str(tmp_path / "plan"), "--json"]) == 0
    )
    done = json.loads(capsys.readouterr().out)
    assert (done["counts"]["versions.delete"], done["versions_purged"], done["certificates"]) == (
        1,
        1,
        1,
    )
    assert place.ids() == ["v2"]
    place.put([V("a", AT, "v3")])
    assert run_command("retain", ["run", *common, "--as-of", as_of]) == 0
    assert place.ids() == ["v2"]
    with pytest.raises(PlanError, match="there is no plan here"):
        run_command("retain", ["apply", *common, "--plan", str(tmp_path / "none")])
