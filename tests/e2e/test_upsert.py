"""Several runs over one store: late updates replace, replays do not, and what was redacted stays
redacted.
"""

from __future__ import annotations

import datetime as dt
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from rich.console import Console
from support.command_runs import AS_OF, PLAIN, Bench, call, key_of, tree

from callveil.pipelines.summary import print_summary
from callveil.schemas.arrow import arrow_schema
from callveil.schemas.fields import Struct
from callveil.schemas.interaction import FIELDS, FURTHER, STATE
from callveil.transforms.jobs.batch import shards
from callveil.transforms.storage.commit.maintenance import verify_integrity
from callveil.transforms.storage.files.serialization import dumps, interaction_row
from callveil.transforms.storage.tables.key_index import MAX_FILES
from callveil.transforms.storage.tables.parquet import INTERACTIONS

DAY = dt.timedelta(days=1)
AGED = PLAIN + "full_after_days: 30\n"
NONE = PLAIN + "mode: none\n"
LAX = PLAIN + (
    "entities: {default: keep}\nfields: {caller: keep, media: keep, staff: keep, visitor: keep, "
    "custom: scan, unknown: scan, form: scan}\n"
)
SECRETS = (
    "Wilhelmina",
    "Testperson",
    "4155550123",
    "415 555 0199",
    "w.testperson@mail.example",
    "198.51.100.7",
    "S3cretTag",
    "recording-77",
)
RICH: dict[str, Any] = {
    "notes": "call Wilhelmina back on 415 555 0199 or w.testperson@mail.example",
    "email": "w.testperson@mail.example",
    "visitor_ip": "198.51.100.7",
    "audio": "https://media.example/recording-77.mp3",
    "unheard_of": "S3cretTag",
    "agent": {"id": "USR-9", "name": "Gwendolyn Staffer", "email": "g.staffer@firm.example"},
    "custom_fields": {"note": "w.testperson@mail.example"},
}


def contents(bench: Bench) -> list[dict[str, Any]]:
    """Rows without what names the run that wrote them."""
    return [
        {k: v for k, v in row.items() if k not in ("run_id", "redacted_at")} for row in bench.rows()
    ]


def readable(row: dict[str, Any]) -> list[str]:
    """Secrets that can be read in a row."""
    return [s for s in SECRETS if s in repr(row)]


def test_a_late_update_replaces_the_earlier_row(bench: Bench) -> None:
    bench.run([call(1), call(2)])
    result = bench.run([call(1, duration=90, notes="second version")])
    assert result.counts["replaced"] == 1
    rows = bench.rows()
    assert len(rows) == 2
    assert (bench.row(call(1))["duration"], bench.row(call(1))["notes"]) == (90, "second version")
    assert bench.row(call(2))["duration"] == 60
    assert {f["run_id"] for f in bench.findings(call(1))} == {result.run_id}
    assert verify_integrity(bench.store) == []


def test_a_replay_of_an_older_snapshot_does_not_come_back(bench: Bench) -> None:
    bench.run([call(1, duration=90, notes="second version")])
    before = tree(Path(bench.output) / "interactions")
    result = bench.run([call(1), call(1, status="in progress", duration=600)])
    assert (
        result.counts["superseded"],
        result.counts["replayed"],
        result.counts.get("redacted", 0),
    ) == (1, 1, 0)
    assert tree(Path(bench.output) / "interactions") == before
    again = bench.run([call(1, duration=90, notes="second version"), call(9)])
    assert again.counts["unchanged"] == 1
    assert bench.row(call(1))["duration"] == 90


def test_files_that_were_replaced_are_gone(bench: Bench) -> None:
    bench.run([call(1, notes="old text here")])
    (old,) = [p for p in tree(Path(bench.output)) if p.startswith("interactions/")]
    bench.run([call(1, duration=61, notes="new text here")])
    assert old not in tree(Path(bench.output))
    assert not [
        p
        for p in Path(bench.output).rglob("*")
        if p.is_file() and b"old text here" in p.read_bytes()
    ]


def test_the_order_of_runs_makes_no_difference(tmp_path: Path) -> None:
    first = [
        call(1),
        call(2, duration=80, notes="longer"),
        call(3, status="in progress", duration=5),
    ]
    second = [
        call(1, duration=70, notes="later"),
        call(2),
        call(3, duration=9, notes="ended"),
        call(4),
    ]
    ends = []
    for n, order in enumerate(
        ([first, second], [second, first], [first + second], [second, second[:2], first])
    ):
        bench = Bench(tmp_path / f"order-{n}")
        for records in order:
            bench.run(records)
        ends.append(contents(bench))
    assert ends[0] == ends[1] == ends[2] == ends[3]
    assert [r["duration"] for r in ends[0]] == [70, 80, 9, 60]


def test_a_snapshot_whose_day_changes_moves(bench: Bench) -> None:
    bench.run([call(1), call(2)])
    bench.run([call(1, duration=70, called_at="2026-10-21T10:00:00Z")])
    assert [(r["id"], r["called_at"].day, str(r["day"])) for r in bench.rows()] == [
        ("7000000001", 21, "2026-10-21"),
        ("7000000002", 20, "2026-10-20"),
    ]
    bench.run([call(2, duration=70, called_at="2026-10-21T11:00:00Z")])
    assert {p.split("/")[2] for p in tree(Path(bench.output)) if p.startswith("interactions/")} == {
        "day=2026-10-21"
    }
    assert {p.split("/")[2] for p in tree(Path(bench.output)) if p.startswith("findings/")} == {
        "day=2026-10-21"
    }
    assert len(bench.findings(call(2))) == len({f["field_path"] for f in bench.findings(call(2))})


def test_a_stored_row_grows_old_without_input(bench: Bench) -> None:
    bench.run([call(1, **RICH), call(2, called_at="2026-10-30T10:00:00Z", **RICH)], policy=AGED)
    assert {r["redaction_mode"] for r in bench.rows()} == {"content"}
    result = bench.run(policy=AGED, as_of=AS_OF + 20 * DAY)
    assert (result.counts["aged"], result.counts["redone"], result.counts.get("redacted", 0)) == (
        1,
        1,
        0,
    )
    row = bench.row(call(1))
    assert (row["redaction_mode"], row["notes"], row["name"], row["duration"]) == (
        "full",
        None,
        None,
        60,
    )
    assert row["redacted_at"] == AS_OF + 20 * DAY
    assert bench.row(call(2))["redaction_mode"] == "content"
    cleared = {
        f["field_path"]
        for f in bench.findings(call(1))
        if f["action"] == "clear" and f["run_id"] == result.run_id
    }
    assert {"notes", "name", "caller_number"} <= cleared
    # Half-open: the moment itself counts, the microsecond before does not.
    edge = dt.datetime(2026, 10, 30, 10, tzinfo=dt.UTC) + 30 * DAY
    assert (
        bench.run(policy=AGED, as_of=edge - dt.timedelta(microseconds=1)).counts.get("aged", 0) == 0
    )
    assert bench.run(policy=AGED, as_of=edge).counts["aged"] == 1
    assert verify_integrity(bench.store) == []


@pytest.mark.parametrize("after", [0, 30, 60, 90, 7])
def test_age_decides_on_incoming_records(bench: Bench, after: int) -> None:
    called = AS_OF - after * DAY
    bench.run(
        [
            call(1, called_at=called.isoformat(), **RICH),
            call(2, called_at=(called + dt.timedelta(seconds=1)).isoformat(), **RICH),
        ],
        policy=f"{PLAIN}full_after_days: {after}\n",
    )
    assert [r["redaction_mode"] for r in bench.rows()] == ["full", "content"]
    assert all(readable(r) == [] for r in bench.rows())


FULL_ONCE: tuple[tuple[str, dict[str, Any]], ...] = (
    ("age", {"policy": AGED, "as_of": AS_OF + 40 * DAY}),
    (
        "request",
        {
            "requests": [
                {
                    "account_id": "41",
                    "interaction_id": key_of(call(1))[1],
                    "scope": "all",
                    "reason": "asked",
                    "actor": "dpo",
                }
            ]
        },
    ),
)
ATTACKS: tuple[tuple[str, dict[str, Any], dict[str, Any]], ...] = (
    ("a replay", {}, {}),
    ("a newer snapshot", {"duration": 500}, {}),
    ("a replay under a policy without redaction", {}, {"policy": NONE}),
    ("a newer snapshot under a policy without redaction", {"duration": 500}, {"policy": NONE}),
    ("a newer snapshot under a policy that keeps all", {"duration": 500}, {"policy": LAX}),
)


@pytest.mark.parametrize(("why", "once"), FULL_ONCE, ids=[w for w, _ in FULL_ONCE])
def test_full_redaction_is_never_undone(bench: Bench, why: str, once: dict[str, Any]) -> None:
    for stored_before in (True, False):
        record = call(1, **RICH)
        place = Bench(bench.root / f"{why}-{stored_before}")
        if stored_before:
            place.run([record])
            place.run(**once)
        else:
            place.run([record], **once)
        assert place.row(record)["redaction_mode"] == "full"
        for _, change, more in ATTACKS:
            place.run([record | change], **({"as_of": once.get("as_of", AS_OF)} | more))
            row = place.row(record)
            assert row["redaction_mode"] == "full"
            assert (
                row["name"],
                row["notes"],
                row["audio"],
                row["agent"] is not None and "Gwendolyn" in repr(row["agent"]),
            ) == (
                None,
                None,
                None,
                False,
            )
            assert readable(row) == []


@pytest.mark.parametrize(
    ("change", "policy"),
    [({}, NONE), ({}, LAX), ({"duration": 500}, NONE), ({"duration": 500}, LAX)],
    ids=["replay-none", "replay-lax", "newer-none", "newer-lax"],
)
def test_content_redaction_is_never_undone_by_a_laxer_policy(
    bench: Bench, change: dict[str, Any], policy: str
) -> None:
    record = call(1, **RICH)
    bench.run([record])
    assert readable(bench.row(record)) == []
    bench.run([record | change], policy=policy)
    row = bench.row(record)
    assert row["redaction_mode"] == "content"
    assert readable(row) == []
    assert "Gwendolyn" not in repr(row)


def test_a_run_says_where_an_earlier_redaction_held(bench: Bench) -> None:
    record = call(1, campaign="spring", email="w.testperson@mail.example", likely=0.4)
    first = bench.run([record])
    later = bench.run([record | {"duration": 90}], policy=LAX)
    held = {k for k, n in later.counts.items() if k.startswith("held.") and n == 1}
    assert not any(k.startswith("held.") for k in first.counts)
    assert held == {"held.campaign", "held.email", "held.caller_number", "held.name", "held.extra"}
    out = io.StringIO()
    print_summary(later, "store", 1.0, 1, Console(file=out, width=200))
    assert (
        "still covered as an earlier redaction left it" in out.getvalue()
        and "campaign 1" in out.getvalue()
    )


@pytest.mark.parametrize("treatment", ["clear", "redact"])
def test_a_field_without_a_type_that_went_whole_stays_away(bench: Bench, treatment: str) -> None:
    record = call(1, salesforce={"stage": "S3cretTag"}, **RICH)
    bench.run(
        [record],
        policy=f"{PLAIN}fields: {{custom: {treatment}, content: "
        f"{treatment}, staff: {treatment}}}\n",
    )
    first = bench.row(record)
    assert "Wilhelmina" not in repr(first) and "back on" not in repr(first)
    for change, policy in (({}, LAX), ({"duration": 500}, LAX), ({"duration": 501}, PLAIN)):
        bench.run([record | change], policy=policy)
        row = bench.row(record)
        assert readable(row) == []
        for name in ("notes", "salesforce", "custom_fields", "agent"):
            assert "back on" not in repr(row[name]) and "Gwendolyn" not in repr(row[name])
            assert treatment == "redact" or row[name] is None
        assert not [e for e in row["redacted_entities"] if ":" in e]


def test_a_stricter_policy_applies_to_a_replay(bench: Bench) -> None:
    record = call(1, **RICH)
    bench.run([record], policy=NONE)
    assert "Wilhelmina" in repr(bench.row(record))
    result = bench.run([record])
    assert result.counts["replaced"] == 1
    assert readable(bench.row(record)) == []


def test_what_the_platform_redacted_outranks_its_own_copies(bench: Bench) -> None:
    bench.run([call(1, redacted=True, notes=None, duration=5)])
    result = bench.run([call(1, duration=900, notes="full story")])
    assert result.counts["replayed"] == 1
    assert bench.row(call(1))["notes"] is None


def test_the_index_is_compacted(bench: Bench) -> None:
    for n in range(MAX_FILES + 3):
        bench.run([call(1, duration=100 + n), call(100 + n)])
    buckets: dict[str, int] = {}
    for entry in bench.store.current().by_dataset("index"):
        bucket = entry.partition["bucket"]
        buckets[bucket] = buckets.get(bucket, 0) + 1
    assert max(buckets.values()) <= MAX_FILES
    assert len(bench.rows()) == MAX_FILES + 4
    assert bench.row(call(1))["duration"] == 100 + MAX_FILES + 2
    assert bench.run([call(1, duration=100)]).counts["replayed"] == 1
    assert verify_integrity(bench.store) == []


# Random histories against a naive oracle


LATER = {
    "customer_number_to_dial",
    "trackback_id",
    "uid",
    "first_name",
    "last_name",
    "role",
    "status",
    "inbound_number",
    "outbound_number",
    "pic_url",
}
"""Members of structs that earlier versions did not declare."""
FORMER = tuple(
    replace(f, type=Struct(tuple(m for m in f.type.fields if m.name not in LATER)))
    if isinstance(f.type, Struct)
    else f
    for f in FIELDS
    if f not in FURTHER
)
"""Fields of an interaction before the platform's further fields were declared."""


def test_a_store_of_an_earlier_version_is_read_added_to_and_rewritten(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    form = {"name": "Wilhelmina Testperson", "number_to_call": "+14155550123"}
    old = [
        call(n, form=form, agent={"id": "USR-9", "name": "Gwendolyn Staffer"}) for n in (1, 2, 3)
    ]

    def former_row(interaction: Any) -> dict[str, Any]:
        row = interaction_row(interaction)
        return row | {"notes": dumps(row["notes"])}

    schema = arrow_schema(FORMER + STATE, {"callveil": "redacted_interaction"})
    with monkeypatch.context() as patch:
        patch.setattr(
            shards,
            "INTERACTIONS",
            replace(INTERACTIONS, schema=schema, fields=FORMER + STATE, to_row=former_row),
        )
        bench.run(old)
    (entry,) = bench.store.current().by_dataset("interactions")
    stored = pq.read_table(Path(bench.output) / entry.path)
    assert "likelihood" not in stored.column_names and "extra" in str(
        stored.schema.field("form").type
    )
    assert stored.column("notes").to_pylist() == [
        '"first version"'
    ] * 3 and "trackback_id" not in str(stored.schema)
    assert [r["likelihood"] for r in bench.rows()] == [None] * 3

    later = call(4, likelihood=0.5, form={**form, "trackback_id": "TB1"})
    request = {
        "account_id": 41,
        "interaction_id": old[1]["id"],
        "scope": "field",
        "field": "form",
        "reason": "asked",
        "actor": "a7",
    }
    result = bench.run(
        [call(1, duration=90, likelihood=0.25, notes="second version"), later], requests=[request]
    )
    assert (result.counts["replaced"], result.counts["requests_applied"]) == (
        1,
        1,
    ) and verify_integrity(bench.store) == []
    assert {(r["id"][-1], r["likelihood"], r["notes"].strip('"')) for r in bench.rows()} == {
        ("1", 0.25, "second version"),
        ("2", None, "first version"),
        ("3", None, "first version"),
        ("4", 0.5, "first version"),
    }
    assert bench.row(old[1])["notes"] == "first version" and "Wilhelmina" not in repr(bench.rows())
