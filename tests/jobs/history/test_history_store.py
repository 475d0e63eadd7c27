"""Loading into a store: the same history whatever the order, and versions redacted with their
interactions. Everything is generated.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.history_runs import AS_OF, Bench, assert_gone, history, many, version
from support.history_worlds import lives

from callveil.pipelines.cli import run_command
from callveil.transforms.redact.versions.timeline import state_at
from callveil.transforms.report.change_history.export import (
    ReportColumns,
    account_rows,
    accounts_with_versions,
    read_account_versions,
    verify_report,
    write_report,
)
from callveil.transforms.storage.commit.maintenance import unpurged_runs, verify_integrity
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.files.filesystem import Files


@settings(max_examples=4)
@given(data=st.data())
def test_late_repeated_and_unordered_deliveries_give_the_same_history(
    make_bench: Callable[[str], Bench], data: st.DataObject
) -> None:
    rows = many(14)
    order = data.draw(
        st.permutations([*rows, *data.draw(st.lists(st.sampled_from(rows), max_size=6))])
    )
    cuts = sorted(data.draw(st.lists(st.integers(0, len(order)), max_size=2)))
    parts = [
        p for p in (order[a:b] for a, b in zip([0, *cuts], [*cuts, len(order)], strict=True)) if p
    ]
    once, often = (
        make_bench(f"once-{os.urandom(4).hex()}"),
        make_bench(f"often-{os.urandom(4).hex()}"),
    )
    once.load_records(rows)
    for n, part in enumerate(parts):
        often.load_records(part, as_of=AS_OF + dt.timedelta(days=n))
    assert len(once.versions()) == 14
    assert history(often.versions()) == history(once.versions())
    assert verify_integrity(often.store) == []


def test_the_same_command_again_does_nothing_and_counts_add_up(bench: Bench) -> None:
    path = bench.write([*many(10), {"version_id": "x"}])
    first = bench.load(path)
    assert (
        first.counts["in"],
        first.counts["stored"],
        first.counts["duplicates"],
        first.counts["rejected"],
    ) == (16, 10, 5, 1)
    again = bench.load(path)
    assert again.repeated
    assert again.seq == first.seq
    later = bench.load(path, as_of=AS_OF + dt.timedelta(days=1))
    assert (later.counts["stored"], later.counts["duplicates"], later.removed) == (0, 15, 0)


def test_partitions_follow_account_type_and_day(bench: Bench) -> None:
    accounts = bench.root / "accounts.jsonl"
    rows = [
        ("41", "individual", "2020-01-01"),
        ("41", "agency", "2026-10-21"),
        ("42", "agency", "2020-01-01"),
    ]
    accounts.write_text(
        "\n".join(
            orjson.dumps({"account_id": a, "type": t, "effective_at": e, "agency_id": "9"}).decode()
            for a, t, e in rows
        )
    )
    told = [
        version(version_id="1"),
        version(version_id="2", created_at="2026-10-21T00:00:00Z"),
        version(version_id="3", account_id="42"),
    ]
    bench.load_records(told, accounts=[str(accounts)])
    partitions = {tuple(f.partition.items()) for f in bench.store.current().by_dataset("versions")}
    expected = {("individual", "2026-10-20"), ("agency", "2026-10-21"), ("agency", "2026-10-20")}
    assert partitions == {(("account_type", t), ("day", d)) for t, d in expected}
    assert {v.record["agency_id"] for v in bench.versions()} == {"9"}


def call(number: int = 7, **members: Any) -> dict[str, Any]:
    """A generated call."""
    record = {
        "id": str(number),
        "account_id": "41",
        "called_at": "2026-10-20T10:00:00Z",
        "status": "completed",
        "duration": 60,
        "notes": "all fine",
    }
    return record | members


NOTES = version(
    version_id="5",
    item_type="Call",
    item_id="7",
    changes={"notes": ["was all fine", "all fine"], "status": ["a", "b"]},
)


def notes(bench: Bench) -> tuple[str, str]:
    """Mode and notes of version 5."""
    (found,) = [v for v in bench.versions() if v.key.version_id == "5"]
    return found.mode, {c["field"]: c for c in found.record["changes"]}["notes"]["after"]


def test_versions_are_redacted_when_their_interaction_is_redacted_later(bench: Bench) -> None:
    bench.redact_calls([call()])
    bench.load_records([NOTES])
    assert notes(bench) == ("content", "all fine")
    digests = [v.record["digest"] for v in bench.versions()]
    request = {
        "account_id": "41",
        "interaction_id": "7",
        "scope": "all",
        "reason": "asked",
        "actor": "dpo",
    }
    bench.redact_calls([], [request], as_of=AS_OF + dt.timedelta(days=1))
    result = bench.load(as_of=AS_OF + dt.timedelta(days=1))
    assert result.counts["redone"] == 1
    assert notes(bench) == ("full", "[REDACTED]")
    assert [v.record["digest"] for v in bench.versions()] == digests
    assert bench.load(as_of=AS_OF + dt.timedelta(days=2)).counts.get("redone", 0) == 0
    # A copy that is delivered again does not bring anything back.
    assert (
        bench.load_records(
            [NOTES | {"object": {"notes": "was all fine"}}], as_of=AS_OF + dt.timedelta(days=3)
        ).counts["replaced"]
        == 1
    )
    assert notes(bench) == ("full", "[REDACTED]")
    assert unpurged_runs(bench.store) == []
    assert_gone(Path(bench.output), b"all fine")


def test_a_request_for_one_field_reaches_versions(bench: Bench) -> None:
    bench.redact_calls([call()])
    bench.load_records([NOTES])
    request = {
        "account_id": "41",
        "interaction_id": "7",
        "scope": "field",
        "field": "notes",
        "reason": "asked",
        "actor": "dpo",
    }
    bench.redact_calls([], [request], as_of=AS_OF + dt.timedelta(days=1))
    bench.load(as_of=AS_OF + dt.timedelta(days=1))
    assert notes(bench) == ("content", "[REDACTED]")


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (1, 0, 2)])
@pytest.mark.parametrize("together", [True, False])
def test_a_redact_event_reaches_every_version_of_its_interaction_whenever_it_comes(
    bench: Bench, order: tuple[int, ...], together: bool
) -> None:
    later = NOTES | {"version_id": "6", "created_at": "2026-10-25T00:00:00Z"}
    event = version(
        version_id="9",
        item_type="Call",
        item_id="7",
        event="redact",
        created_at="2026-10-23T00:00:00Z",
        changes=None,
    )
    rows = [NOTES, event, later]
    if together:
        for n in order:
            bench.write([rows[n]])
        bench.load(*(str(p) for p in bench.root.glob("in-*.jsonl")))
    else:
        for n, which in enumerate(order):
            bench.load_records([rows[which]], as_of=AS_OF + dt.timedelta(days=n))
    assert [v.mode for v in bench.versions()] == ["full"] * 3
    assert_gone(Path(bench.output), b"all fine")


def test_stored_versions_of_interactions_grow_old(bench: Bench) -> None:
    rules = "full_after_days: 30\n"
    bench.load_records(
        [NOTES, version(version_id="8", item_type="Source", changes={"color": [1, 2]})], rules=rules
    )
    assert notes(bench)[0] == "content"
    assert bench.load(rules=rules, as_of=AS_OF + dt.timedelta(days=1)).counts.get("redone", 0) == 0
    due = dt.datetime(2026, 11, 19, 10, tzinfo=dt.UTC)
    assert (
        bench.load(rules=rules, as_of=due - dt.timedelta(microseconds=1)).counts.get("redone", 0)
        == 0
    )
    assert bench.load(rules=rules, as_of=due).counts["redone"] == 1
    assert notes(bench) == ("full", "[REDACTED]")


def test_the_accounts_own_name_and_numbers_stay_readable(bench: Bench) -> None:
    accounts = bench.root / "accounts.jsonl"
    accounts.write_bytes(
        orjson.dumps(
            {
                "account_id": "41",
                "type": "agency",
                "name": "Testperson Plumbing",
                "numbers": ["+14155550100"],
            }
        )
    )
    rows = [
        version(
            item_type="Account",
            item_id="41",
            changes={
                "company": [None, "Testperson Plumbing"],
                "main_line": ["+14155550100", "+14155550199"],
            },
        ),
    ]
    bench.load_records(rows, accounts=[str(accounts)])
    changes = {c["field"]: c for c in bench.versions()[0].record["changes"]}
    assert changes["company"]["after"] == "Testperson Plumbing"
    assert (changes["main_line"]["before"], changes["main_line"]["after"]) == (
        "+14155550100",
        "[PHONE_NUMBER]",
    )


def test_a_policy_that_ages_sooner_reaches_what_is_stored(bench: Bench) -> None:
    bench.load_records([NOTES], rules="full_after_days: 300\n")
    later = AS_OF + dt.timedelta(days=1)
    assert bench.load(rules="full_after_days: 5\n", as_of=later).counts["redone"] == 1
    assert notes(bench) == ("full", "[REDACTED]")


@pytest.mark.parametrize(("kind", "days"), [("individual", 7), ("agency", 120)])
def test_the_report_says_when_each_version_becomes_due(bench: Bench, kind: str, days: int) -> None:
    accounts = bench.root / "accounts.jsonl"
    accounts.write_bytes(orjson.dumps({"account_id": "41", "type": kind}))
    bench.load_records([version(changes={"role": ["a", "b"]})], accounts=[str(accounts)])
    out = str(bench.root / "r.parquet")
    words = [
        "export",
        "--store",
        bench.output,
        "--keyring",
        str(bench.keyring),
        "--out",
        out,
        "--accounts",
        str(accounts),
        "--as-of",
        "2026-11-02",
    ]
    assert run_command("history", words) == 0
    (row,) = pq.read_table(out).to_pylist()
    assert row["retention_expires_at"] == dt.datetime(
        2026, 10, 20, 10, tzinfo=dt.UTC
    ) + dt.timedelta(days=days)
    assert (row["account_type_at_event"], row["sensitive_class"], row["field"]) == (
        kind,
        "role",
        "role",
    )


def test_s3_holds_the_same_history_as_the_disk(bench: Bench, s3_bucket: str, files: Files) -> None:
    rows = many(9)
    source = f"s3://{s3_bucket}/raw/versions.jsonl"
    files.write(source, b"".join(orjson.dumps(r) + b"\n" for r in rows))
    remote = Bench(bench.root, files, f"s3://{s3_bucket}/zone/store")
    remote.load(source)
    bench.load_records(rows)
    assert history(remote.versions()) == history(bench.versions())
    assert verify_integrity(remote.store) == []
    rows_there = rows_of(remote)
    assert rows_there == rows_of(bench)
    report = f"s3://{s3_bucket}/reports/r.parquet"
    assert write_report(files, report, rows_there) == len(rows_there)
    assert verify_report(files, report, Keyring.load(bench.keyring)) == []


def rows_of(bench: Bench) -> list[dict[str, Any]]:
    """Rows of a report, without what depends on the run."""
    store, keyring = bench.store, Keyring.load(bench.keyring)
    report = ReportColumns("r", "run", AS_OF, "tests")
    snapshot = store.current()
    return [
        row
        for _, found in read_account_versions(
            store, snapshot, accounts_with_versions(store, snapshot)
        )
        for row in account_rows(report, keyring, found)
    ]


@settings(max_examples=3)
@given(life=lives(most=6))
def test_what_was_stored_and_read_again_is_the_life_that_was_told(
    make_bench: Callable[[str], Bench], life: Any
) -> None:
    bench = make_bench(f"life-{os.urandom(4).hex()}")
    bench.load_records([t.native("41", life.item) for t in life.versions], rules="mode: none\n")
    for told in life.versions:
        state = state_at(bench.versions(), told.when)
        assert state.exists is (life.at(told.when) is not None)
        if state.exists:
            assert {n: orjson.dumps(v.value) for n, v in state.fields.items()} == {
                n: orjson.dumps(v) for n, v in (life.at(told.when) or {}).items()
            }
