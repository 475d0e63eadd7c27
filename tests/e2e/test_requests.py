"""Manual redaction requests, on records that come in and on rows that are stored, and how they are
kept account of.
"""

from __future__ import annotations

from typing import Any

import pytest
from support.command_runs import PLAIN, Bench, call, callveil, environment, key_of

from callveil.transforms.storage.commit.maintenance import verify_integrity
from callveil.transforms.storage.tables.key_index import IndexEntry

TEXT = "the blue door opens at noon and the dog sleeps in the barn"
TURNS = [
    {"speaker": "Agent", "text": "where is the key", "channel": 2, "s": 0.0, "e": 2.0},
    {"speaker": "Caller", "text": "under the third stone", "channel": 1, "s": 2.5, "e": 5.0},
    {"speaker": "Agent", "text": "noted", "channel": 2, "s": 5.0, "e": 6.0},
]
RECORD = call(1, notes=TEXT, outline=TURNS, summary="a talk about stones and doors")
REASON = "asked for by Wilhelmina Testperson"


def ask(scope: str, record: dict[str, Any] = RECORD, **members: Any) -> dict[str, Any]:
    """A request as it stands in a file."""
    account, number = key_of(record)
    return {
        "account_id": account,
        "interaction_id": number,
        "scope": scope,
        "reason": REASON,
        "actor": "dpo-7",
        **members,
    }


def said(row: dict[str, Any]) -> list[str]:
    """Text of the turns."""
    return [turn["text"] for turn in row["outline"]]


def apply(
    bench: Bench, way: str, *requests: dict[str, Any], record: dict[str, Any] = RECORD
) -> dict[str, Any]:
    """Apply requests to a record as it comes in, to its stored row, or to its replay, and return
    the row.
    """
    other = call(2, notes=TEXT)
    if way != "incoming":
        bench.run([record, other])
    result = bench.run([record, other] if way != "stored" else [], requests=requests)
    assert result.counts["requests_applied"] == len(requests)
    assert bench.row(other)["notes"] == TEXT, "a request reached another interaction"
    assert len(bench.rows()) == 2
    assert verify_integrity(bench.store) == []
    return bench.row(record)


WAYS = pytest.mark.parametrize("way", ["incoming", "stored", "replay"])


@WAYS
def test_all_of_it(bench: Bench, way: str) -> None:
    row = apply(bench, way, ask("all", trigger="subject_request"))
    assert (row["redaction_mode"], row["notes"], row["outline"], row["summary"], row["name"]) == (
        "full",
        None,
        None,
        None,
        None,
    )
    assert (row["duration"], row["redacted_by"]) == (60, "dpo-7")
    asked = [f for f in bench.findings(RECORD) if f["trigger"] == "subject_request"]
    assert {"notes", "outline", "summary"} <= {f["field_path"] for f in asked}
    assert {f["actor_id"] for f in asked} == {"dpo-7"}


@WAYS
def test_one_field(bench: Bench, way: str) -> None:
    row = apply(bench, way, ask("field", field="notes"), ask("field", field="outline[1].text"))
    assert "blue door" not in repr(row["notes"]) and row["notes"] == "[REDACTED]"
    assert said(row) == ["where is the key", "[REDACTED]", "noted"]
    assert row["summary"] == RECORD["summary"]


@WAYS
@pytest.mark.parametrize("basis", ["source", "stored"])
def test_a_span(bench: Bench, way: str, basis: str) -> None:
    start = TEXT.index("blue door")
    row = apply(bench, way, ask("span", field="notes", start=start, end=start + 9, basis=basis))
    assert row["notes"] == TEXT.replace("blue door", "[REDACTED]")
    (finding,) = [f for f in bench.findings(RECORD) if f["detector"] == "request"]
    assert (finding["field_path"], finding["trigger"], finding["actor_id"], finding["status"]) == (
        "notes",
        "manual",
        "dpo-7",
        "done",
    )


def test_a_span_of_the_source_is_found_behind_replacements(bench: Bench) -> None:
    text = "mail w.testperson@mail.example or +1 415 555 0123, and the dog sleeps in the barn"
    record = call(1, notes=text)
    bench.run([record])
    start = text.index("barn")
    bench.run(requests=[ask("span", record, field="notes", start=start, end=start + 4)])
    assert (
        bench.row(record)["notes"]
        == "mail [EMAIL_ADDRESS] or [PHONE_NUMBER], and the dog sleeps in the [REDACTED]"
    )


def test_a_span_of_the_stored_text_counts_there(bench: Bench) -> None:
    record = call(1, notes="mail w.testperson@mail.example, and the dog sleeps in the barn")
    bench.run([record])
    stored = "mail [EMAIL_ADDRESS], and the dog sleeps in the barn"
    assert bench.row(record)["notes"] == stored
    bench.run(
        requests=[
            ask(
                "span",
                record,
                field="notes",
                start=stored.index("barn"),
                end=len(stored),
                basis="stored",
            )
        ]
    )
    assert (
        bench.row(record)["notes"] == "mail [EMAIL_ADDRESS], and the dog sleeps in the [REDACTED]"
    )


@WAYS
def test_a_stretch_of_time(bench: Bench, way: str) -> None:
    row = apply(bench, way, ask("time", from_s=2.0, to_s=4.0))
    assert said(row) == ["where is the key", "[REDACTED]", "noted"]
    assert "stone" not in row["outline"][1]["text"]
    row = apply(Bench(bench.root / "both"), way, ask("time", from_s=1.0, to_s=5.5, channel=2))
    assert said(row) == ["[REDACTED]", "under the third stone", "[REDACTED]"]


def test_later_snapshots_keep_obeying(bench: Bench) -> None:
    start = TEXT.index("barn")
    bench.run(
        [RECORD],
        requests=[
            ask("span", field="notes", start=start, end=start + 4),
            ask("field", field="summary"),
            ask("time", from_s=2.5, to_s=3.0),
        ],
    )
    newer = RECORD | {"duration": 70, "summary": "another summary altogether"}
    bench.run([newer])
    row = bench.row(RECORD)
    assert row["duration"] == 70
    assert row["notes"] == TEXT.replace("barn", "[REDACTED]")
    assert (row["summary"], said(row)[1]) == ("[REDACTED]", "[REDACTED]")
    changed = newer | {"duration": 80, "notes": "the dog left the barn by the blue door"}
    bench.run([changed])
    assert bench.row(RECORD)["notes"] == "[REDACTED]", (
        "the text a span belonged to has changed, so the whole field goes"
    )
    bench.run([RECORD | {"duration": 90}], policy=PLAIN + "mode: none\n")
    assert "barn" not in repr(bench.row(RECORD))


def test_a_request_on_a_stored_row_holds_for_later_snapshots_too(bench: Bench) -> None:
    bench.run([RECORD])
    bench.run(requests=[ask("field", field="summary")])
    bench.run([RECORD | {"duration": 70, "summary": "quite another text"}])
    assert bench.row(RECORD)["summary"] == "[REDACTED]"


def test_requests_are_recorded_and_their_reason_opens_with_the_keyring_alone(bench: Bench) -> None:
    result = bench.run(
        [RECORD],
        requests=[
            ask("field", field="notes", request_id="ticket-1"),
            ask("all", call(99), request_id="ticket-2"),
        ],
    )
    assert (result.counts["requests_applied"], result.counts["requests_unmatched"]) == (1, 1)
    stored = {r["request_id"]: r for r in bench.rows("requests")}
    assert set(stored) == {"ticket-1", "ticket-2"}
    row = stored["ticket-1"]
    assert (row["actor"], row["scope"], row["field"], row["trigger"]) == (
        "dpo-7",
        "field",
        "notes",
        "manual",
    )
    assert "Wilhelmina" not in repr(stored) and row["reason"].startswith("[REASON:")
    assert all("Wilhelmina" not in repr(IndexEntry.of(r)) for r in bench.rows("index"))
    env = environment(bench.root)
    words = (
        "reveal",
        row["reason"],
        "--account",
        row["account_id"],
        "--interaction",
        row["interaction_id"],
        "--keyring",
    )
    opened = callveil(*words, str(bench.keyring), env=env)
    assert (opened.returncode, opened.stdout.strip()) == (0, REASON)
    refused = callveil(*words, str(bench.root / "other.json"), env=env)
    assert refused.returncode == 2 and "Wilhelmina" not in refused.stderr


def test_the_same_request_again_is_no_work(bench: Bench) -> None:
    request = ask("field", field="notes", request_id="ticket-1")
    bench.run([RECORD], requests=[request])
    again = bench.run(requests=[request])
    assert (again.counts.get("requests_applied", 0), again.counts.get("redone", 0)) == (0, 0)
    assert len(bench.findings(RECORD)) == len({f["finding_id"] for f in bench.findings(RECORD)})


def test_a_request_before_its_interaction_is_told_as_unmatched(bench: Bench) -> None:
    result = bench.run([call(2)], requests=[ask("all")])
    assert result.counts["requests_unmatched"] == 1
    assert bench.run([RECORD], requests=[ask("all")]).counts["requests_applied"] == 1
    assert bench.row(RECORD)["redaction_mode"] == "full"
