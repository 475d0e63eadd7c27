"""Loading into a store: the same history whatever the order, later redaction of interactions, leaks, restarts, reports. Everything is generated."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
import pytest
from history_bench import AS_OF, PLAIN, Bench, version
from history_worlds import lives
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from callveil.pipelines.commands import history as command
from callveil.pipelines.commands.rejected import contents
from callveil.pipelines.history import HistoryOptions, run_history
from callveil.schemas.policy_load import load_policy
from callveil.schemas.version import RedactedVersion
from callveil.transforms.history.report import Report, account_rows, accounts_of, read_accounts, verify_report, write_report
from callveil.transforms.history.timeline import state_at
from callveil.transforms.store.care import unpurged, verify
from callveil.transforms.store.catalog import Store
from callveil.transforms.store.files import Files
from callveil.transforms.store.keyring import Keyring
from callveil.transforms.store.read import open_dataset

RUN_FACTS = ("recorded_at", "run_id")


def history(versions: Iterable[RedactedVersion]) -> list[Any]:
    """What is stored, without what depends on the run that stored it."""
    return [(v.key, v.account_type, v.mode, {k: x for k, x in v.record.items() if k not in RUN_FACTS}) for v in versions]


def many(count: int) -> list[dict[str, Any]]:
    """Versions of some objects over some days; some have a more complete twin."""
    out = []
    for n in range(count):
        row = version(
            version_id=str(n),
            item_type=("User", "TrackingNumber", "Call")[n % 3],
            item_id=str(n % 5),
            created_at=f"2026-10-{20 + n % 4}T{n % 24:02d}:00:00Z",
            changes={"color": [n, n + 1], "notes": [None, f"call 415-555-01{n % 90:02d}"]},
        )
        out.append(row)
        if n % 4 == 0:
            out.append(row | {"object": {"color": n}})
        if n % 6 == 0:
            out.append({k: v for k, v in row.items() if k != "changes"} | {"object": {"color": n}})
    return out


@settings(deadline=None, max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_late_repeated_and_unordered_deliveries_give_the_same_history(make_bench: Callable[[str], Bench], data: st.DataObject) -> None:
    rows = many(14)
    order = data.draw(st.permutations([*rows, *data.draw(st.lists(st.sampled_from(rows), max_size=6))]))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(order)), max_size=2)))
    parts = [p for p in (order[a:b] for a, b in zip([0, *cuts], [*cuts, len(order)], strict=True)) if p]
    once, often = make_bench(f"once-{os.urandom(4).hex()}"), make_bench(f"often-{os.urandom(4).hex()}")
    once.load_records(rows)
    for n, part in enumerate(parts):
        often.load_records(part, as_of=AS_OF + dt.timedelta(days=n))
    assert len(once.versions()) == 14
    assert history(often.versions()) == history(once.versions())
    assert verify(often.store) == []


def test_the_same_command_again_does_nothing_and_counts_add_up(bench: Bench) -> None:
    path = bench.write([*many(10), {"version_id": "x"}])
    first = bench.load(path)
    assert (first.counts["in"], first.counts["stored"], first.counts["duplicates"], first.counts["rejected"]) == (16, 10, 5, 1)
    again = bench.load(path)
    assert again.repeated
    assert again.seq == first.seq
    later = bench.load(path, as_of=AS_OF + dt.timedelta(days=1))
    assert (later.counts["stored"], later.counts["duplicates"], later.removed) == (0, 15, 0)


def test_partitions_follow_account_type_and_day(bench: Bench) -> None:
    accounts = bench.root / "accounts.jsonl"
    rows = [("41", "individual", "2020-01-01"), ("41", "agency", "2026-10-21"), ("42", "agency", "2020-01-01")]
    accounts.write_text("\n".join(orjson.dumps({"account_id": a, "type": t, "effective_at": e, "agency_id": "9"}).decode() for a, t, e in rows))
    told = [version(version_id="1"), version(version_id="2", created_at="2026-10-21T00:00:00Z"), version(version_id="3", account_id="42")]
    bench.load_records(told, accounts=[str(accounts)])
    partitions = {tuple(f.partition) for f in bench.store.current().by_dataset("versions")}
    expected = {("individual", "2026-10-20"), ("agency", "2026-10-21"), ("agency", "2026-10-20")}
    assert partitions == {(("account_type", t), ("day", d)) for t, d in expected}
    assert {v.record["agency_id"] for v in bench.versions()} == {"9"}


def call(number: int = 7, **members: Any) -> dict[str, Any]:
    """A generated call."""
    record = {"id": str(number), "account_id": "41", "called_at": "2026-10-20T10:00:00Z", "status": "completed", "duration": 60, "notes": "all fine"}
    return record | members


NOTES = version(version_id="5", item_type="Call", item_id="7", changes={"notes": ["was all fine", "all fine"], "status": ["a", "b"]})


def notes(bench: Bench) -> tuple[str, str]:
    """Mode and notes of version 5."""
    (found,) = [v for v in bench.versions() if v.key.version_id == "5"]
    return found.mode, {c["field"]: c for c in found.record["changes"]}["notes"]["after"]


def test_versions_are_redacted_when_their_interaction_is_redacted_later(bench: Bench) -> None:
    bench.redact_calls([call()])
    bench.load_records([NOTES])
    assert notes(bench) == ("content", "all fine")
    digests = [v.record["digest"] for v in bench.versions()]
    request = {"account_id": "41", "interaction_id": "7", "scope": "all", "reason": "asked", "actor": "dpo"}
    bench.redact_calls([], [request], as_of=AS_OF + dt.timedelta(days=1))
    result = bench.load(as_of=AS_OF + dt.timedelta(days=1))
    assert result.counts["redone"] == 1
    assert notes(bench) == ("full", "[REDACTED]")
    assert [v.record["digest"] for v in bench.versions()] == digests
    assert bench.load(as_of=AS_OF + dt.timedelta(days=2)).counts.get("redone", 0) == 0
    # A copy that is delivered again does not bring anything back.
    assert bench.load_records([NOTES | {"object": {"notes": "was all fine"}}], as_of=AS_OF + dt.timedelta(days=3)).counts["replaced"] == 1
    assert notes(bench) == ("full", "[REDACTED]")
    assert unpurged(bench.store) == []
    assert_gone(Path(bench.output), b"all fine")


def test_a_request_for_one_field_reaches_versions(bench: Bench) -> None:
    bench.redact_calls([call()])
    bench.load_records([NOTES])
    request = {"account_id": "41", "interaction_id": "7", "scope": "field", "field": "notes", "reason": "asked", "actor": "dpo"}
    bench.redact_calls([], [request], as_of=AS_OF + dt.timedelta(days=1))
    bench.load(as_of=AS_OF + dt.timedelta(days=1))
    assert notes(bench) == ("content", "[REDACTED]")


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (1, 0, 2)])
@pytest.mark.parametrize("together", [True, False])
def test_a_redact_event_reaches_every_version_of_its_interaction_whenever_it_comes(bench: Bench, order: tuple[int, ...], together: bool) -> None:
    later = NOTES | {"version_id": "6", "created_at": "2026-10-25T00:00:00Z"}
    event = version(version_id="9", item_type="Call", item_id="7", event="redact", created_at="2026-10-23T00:00:00Z", changes=None)
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
    bench.load_records([NOTES, version(version_id="8", item_type="Source", changes={"color": [1, 2]})], rules=rules)
    assert notes(bench)[0] == "content"
    assert bench.load(rules=rules, as_of=AS_OF + dt.timedelta(days=1)).counts.get("redone", 0) == 0
    due = dt.datetime(2026, 11, 19, 10, tzinfo=dt.UTC)
    assert bench.load(rules=rules, as_of=due - dt.timedelta(microseconds=1)).counts.get("redone", 0) == 0
    assert bench.load(rules=rules, as_of=due).counts["redone"] == 1
    assert notes(bench) == ("full", "[REDACTED]")


def assert_gone(root: Path, value: bytes) -> None:
    """No file below a folder holds a value, in its bytes or in its decoded columns."""
    for path in (p for p in root.rglob("*") if p.is_file()):
        assert value not in path.read_bytes()
        if path.suffix == ".parquet":
            assert value.decode() not in str(pq.read_table(path).to_pylist())


SECRETS = {
    "password": "hunter22-Zebra",
    "api_key": "sk_live_4eC39HqLyjWDarjtT1zdp7dc",
    "card_number": "4111111111111111",
    "cvv": "9371",
    "email": "wilhelmina@example.com",
    "name": "Wilhelmina Testperson",
    "comment": "reach Wilhelmina Testperson at 415-555-0123",
    "last_ip": "203.0.113.77",
}
NEVER = (
    "hunter22",
    "sk_live",
    "4eC39",
    "4111111111111111",
    "9371",
    "wilhelmina",
    "Wilhelmina",
    "Testperson",
    "555-0123",
    "203.0.113.77",
    "Ada Admin",
)


def test_nothing_that_was_planted_is_found_in_the_store_reports_or_logs(bench: Bench, capfd: pytest.CaptureFixture[str]) -> None:
    rows: list[dict[str, Any]] = [
        version(
            version_id="1",
            item_label=SECRETS["name"],
            user_name="Ada Admin",
            ip="203.0.113.77",
            changes=[{"field": k, "before": None, "after": v} for k, v in SECRETS.items()],
        ),
        version(id="2", version_id=None, changes=None, object=dict(SECRETS), whodunnit="Ada Admin"),
        version(version_id="3", changes={"settings": [{"nested": dict(SECRETS)}, [dict(SECRETS)]]}),
        {"version_id": "4", "item_type": SECRETS["name"], **SECRETS},
        version(version_id="5", account_id="41", event="update", changes="{" + SECRETS["name"]),
    ]
    path = bench.write(rows)
    with Path(path).open("ab") as out:
        out.write(b'{"broken": "' + SECRETS["name"].encode() + b" 4111111111111111\n")
    words = [
        "load",
        "--input",
        path,
        "--output",
        bench.output,
        "--policy",
        policy_file(bench),
        "--as-of",
        "2026-11-02",
        "--keyring",
        str(bench.keyring),
    ]
    assert command.main(words) == 3
    out = str(bench.root / "report.parquet")
    for action in (
        ["export", "--out", out],
        ["show", "--item", "User/15"],
        ["find"],
        ["find", "--security", "--json"],
        ["at", "--item", "User/15", "--time", "2026-11-01"],
    ):
        assert command.main([action[0], "--store", bench.output, "--keyring", str(bench.keyring), *action[1:]]) == 0
    printed = "".join(capfd.readouterr())
    for value in NEVER:
        assert value not in printed
        assert value not in str(pq.read_table(out).to_pylist())
        assert_gone(Path(bench.output), value.encode())
    for batch in pq.ParquetFile(out).metadata.to_dict()["row_groups"]:
        for column in batch["columns"]:
            if column["path_in_schema"] in ("before", "after", "actor_name", "actor_ip", "field", "item_label"):
                assert not column["is_stats_set"]


def policy_file(bench: Bench) -> str:
    """The plain policy as a file."""
    path = bench.root / "plain.yaml"
    path.write_text(PLAIN)
    return str(path)


def test_the_accounts_own_name_and_numbers_stay_readable(bench: Bench) -> None:
    accounts = bench.root / "accounts.jsonl"
    accounts.write_bytes(orjson.dumps({"account_id": "41", "type": "agency", "name": "Testperson Plumbing", "numbers": ["+14155550100"]}))
    rows = [
        version(item_type="Account", item_id="41", changes={"company": [None, "Testperson Plumbing"], "main_line": ["+14155550100", "+14155550199"]}),
    ]
    bench.load_records(rows, accounts=[str(accounts)])
    changes = {c["field"]: c for c in bench.versions()[0].record["changes"]}
    assert changes["company"]["after"] == "Testperson Plumbing"
    assert (changes["main_line"]["before"], changes["main_line"]["after"]) == ("+14155550100", "[PHONE_NUMBER]")


@pytest.mark.parametrize(("kind", "days"), [("individual", 7), ("agency", 120)])
def test_the_report_says_when_each_version_becomes_due(bench: Bench, kind: str, days: int) -> None:
    accounts = bench.root / "accounts.jsonl"
    accounts.write_bytes(orjson.dumps({"account_id": "41", "type": kind}))
    bench.load_records([version(changes={"role": ["a", "b"]})], accounts=[str(accounts)])
    out = str(bench.root / "r.parquet")
    words = ["export", "--store", bench.output, "--keyring", str(bench.keyring), "--out", out, "--accounts", str(accounts), "--as-of", "2026-11-02"]
    assert command.main(words) == 0
    (row,) = pq.read_table(out).to_pylist()
    assert row["retention_expires_at"] == dt.datetime(2026, 10, 20, 10, tzinfo=dt.UTC) + dt.timedelta(days=days)
    assert (row["account_type_at_event"], row["sensitive_class"], row["field"]) == (kind, "role", "role")


def test_rejected_versions_come_back_with_the_keyring_and_say_where(bench: Bench) -> None:
    path = bench.write([version(), {"version_id": "2", "item_type": "User", "name": "Wilhelmina Testperson"}])
    bench.load(path)
    (row,) = open_dataset(bench.store, "rejected").to_table().to_pylist()
    assert (row["file"], row["line"], row["reason"], row["field"]) == (path, 2, "missing_key", "item_id")
    assert "Wilhelmina" not in str(row)
    (raw,) = contents(bench.store, Keyring.load(bench.keyring), [row])
    assert b"Wilhelmina" in raw


def test_a_run_killed_anywhere_is_finished_by_its_repetition(tmp_path: Path, files: Files) -> None:
    rows = many(40)
    path = tmp_path / "v.jsonl"
    path.write_bytes(b"".join(orjson.dumps(r) + b"\n" for r in rows))
    (tmp_path / "p.yaml").write_text(PLAIN)
    whole = tmp_path / "whole"

    def options(root: Path) -> HistoryOptions:
        return HistoryOptions(
            [str(path)], str(root), load_policy(str(tmp_path / "p.yaml")), AS_OF, keyring=str(tmp_path / "k.json"), files=files, chunk_bytes=3000
        )

    expected = run_history(options(whole))
    reference = {str(p.relative_to(whole)): p.read_bytes() for p in sorted(whole.rglob("*.parquet"))}
    broken = tmp_path / "broken"
    for writes in (3, 9, 13):
        killed = subprocess.run(
            [sys.executable, "-c", KILL, str(writes), str(path), str(broken), str(tmp_path)], capture_output=True, text=True, check=False, timeout=240
        )
        assert killed.returncode in (-9, 0), killed.stderr[-2000:]
    result = run_history(options(broken))
    assert result.run_id == expected.run_id
    assert result.counts == expected.counts
    assert {str(p.relative_to(broken)): p.read_bytes() for p in sorted(broken.rglob("*.parquet"))} == reference
    assert verify(Store.open(files, str(broken))) == []
    assert not [p for p in broken.rglob("*") if p.is_file() and "_callveil/work/" in str(p)]


KILL = """
import os, sys, datetime as dt
from callveil.transforms.store.local import LocalFiles
left = int(sys.argv[1])
write = LocalFiles.write
def counted(self, *args, **how):
    global left
    out = write(self, *args, **how)
    left -= 1
    if left <= 0:
        os.kill(os.getpid(), 9)
    return out
LocalFiles.write = counted
from callveil.pipelines.history import HistoryOptions, run_history
from callveil.schemas.policy_load import load_policy
folder = sys.argv[4]
as_of = dt.datetime(2026, 11, 2, tzinfo=dt.UTC)
run_history(HistoryOptions([sys.argv[2]], sys.argv[3], load_policy(folder + "/p.yaml"), as_of, keyring=folder + "/k.json", chunk_bytes=3000))
"""


def test_a_dry_run_changes_nothing_and_counts_the_same(bench: Bench) -> None:
    path = bench.write(many(8))
    dry = bench.load(path, dry_run=True)
    assert dry.dry_run
    assert not Path(bench.output).exists()
    assert bench.load(path).counts == dry.counts


def test_s3_holds_the_same_history_as_the_disk(bench: Bench, s3_bucket: str, files: Files) -> None:
    rows = many(9)
    source = f"s3://{s3_bucket}/raw/versions.jsonl"
    files.write(source, b"".join(orjson.dumps(r) + b"\n" for r in rows))
    remote = Bench(bench.root, files, f"s3://{s3_bucket}/zone/store")
    remote.load(source)
    bench.load_records(rows)
    assert history(remote.versions()) == history(bench.versions())
    assert verify(remote.store) == []
    rows_there = rows_of(remote)
    assert rows_there == rows_of(bench)
    report = f"s3://{s3_bucket}/reports/r.parquet"
    assert write_report(files, report, rows_there) == len(rows_there)
    assert verify_report(files, report, Keyring.load(bench.keyring)) == []


def rows_of(bench: Bench) -> list[dict[str, Any]]:
    """Rows of a report, without what depends on the run."""
    store, keyring = bench.store, Keyring.load(bench.keyring)
    report = Report("r", "run", AS_OF, "tests")
    snapshot = store.current()
    return [row for _, found in read_accounts(store, snapshot, accounts_of(store, snapshot)) for row in account_rows(report, keyring, found)]


@settings(deadline=None, max_examples=3, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(life=lives(most=6))
def test_what_was_stored_and_read_again_is_the_life_that_was_told(make_bench: Callable[[str], Bench], life: Any) -> None:
    bench = make_bench(f"life-{os.urandom(4).hex()}")
    bench.load_records([t.native("41", life.item) for t in life.versions], rules="mode: none\n")
    for told in life.versions:
        state = state_at(bench.versions(), told.when)
        assert state.exists is (life.at(told.when) is not None)
        if state.exists:
            assert {n: orjson.dumps(v.value) for n, v in state.fields.items()} == {n: orjson.dumps(v) for n, v in (life.at(told.when) or {}).items()}
