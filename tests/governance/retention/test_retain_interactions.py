"""Interactions, their recordings, transcripts and findings, and rejected input: what goes, and that
nothing brings it back.
"""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
from support.command_runs import Bench, call

from callveil.pipelines.retain import RetainOptions, RetainResult, run_retain
from callveil.schemas.policy_load import load_policy
from callveil.transforms.storage.commit.maintenance import unpurged_runs, verify_integrity

DAY = dt.timedelta(days=1)
CALLED = dt.datetime(2026, 10, 20, 10, tzinfo=dt.UTC)
NOW = dt.datetime(2026, 11, 24, tzinfo=dt.UTC)
REDACT = "version: 1\nname: plain\nextends: gdpr\ndetect: {model: none}\nfields: {media: keep}\n"
RULES = """\
retention:
  rules:
    - {id: sound, action: delete, days: 10, class: recordings}
    - {id: words, action: delete, days: 15, class: transcripts}
    - {id: full, action: redact, days: 20, class: interactions}
    - {id: calls, action: delete, days: 30, class: interactions}
    - {id: traces, action: delete, days: 40, class: findings}
    - {id: broken, action: delete, days: 5, class: [rejected, raw]}
"""
RICH: dict[str, Any] = {
    "audio": "https://media.example/recording-1.mp3",
    "transcription_text": "call Wilhelmina back on 415 555 0199",
    "outline": [
        {"speaker": "x", "text": "call back on 415 555 0199", "channel": 1, "s": 0.0, "e": 2.0}
    ],
    "tag_list": ["vip"],
}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A store with two accounts' calls of two days and a broken line."""
    place = Bench(tmp_path / "bench")
    place.run(
        [
            call(1, **RICH),
            call(2, account_id=42, **RICH),
            call(3, called_at=(CALLED + 3 * DAY).isoformat(), **RICH),
        ],
        policy=REDACT,
    )
    return place


def retain(
    place: Bench, as_of: dt.datetime, rules: str = RULES, holds: list[dict[str, Any]] | None = None
) -> RetainResult:
    """Run retention on a bench's store."""
    given = place.root / "holds.jsonl"
    given.write_text("".join(json.dumps(h) + "\n" for h in holds or []))
    policy = load_policy(place.policy(REDACT + rules))
    return run_retain(
        RetainOptions(
            place.output,
            policy,
            as_of,
            NOW,
            holds=[str(given)] if holds else (),
            keyring=str(place.keyring),
            files=place.files,
        )
    )


def test_recordings_and_transcripts_go_while_the_call_stays(bench: Bench) -> None:
    assert bench.row(call(1))["audio"]
    before = bench.row(call(1))
    retain(bench, CALLED + 10 * DAY)
    row = bench.row(call(1))
    assert row["audio"] is None
    assert {k: v for k, v in row.items() if k != "audio"} == {
        k: v for k, v in before.items() if k != "audio"
    }
    assert bench.row(call(3))["audio"]
    retain(bench, CALLED + 15 * DAY)
    row = bench.row(call(1))
    assert (row["transcription_text"], row["outline"], row["tag_list"] is None) == (
        None,
        None,
        False,
    )
    newer = call(1, duration=900, **RICH)
    bench.run([newer], policy=REDACT)
    assert (
        bench.row(newer)["duration"],
        bench.row(newer)["audio"],
        bench.row(newer)["transcription_text"],
    ) == (900, None, None)
    assert verify_integrity(bench.store) == []


def test_deleted_calls_never_come_back(bench: Bench) -> None:
    retain(bench, CALLED + 30 * DAY, RULES.replace("action: redact", "action: keep"))
    assert [r["id"] for r in bench.rows()] == [str(call(3)["id"])]
    result = bench.run(
        [call(1, **RICH), call(2, account_id=42, duration=901, **RICH)], policy=REDACT
    )
    assert result.counts["tombstoned"] == 2
    assert len(bench.rows()) == 1
    assert verify_integrity(bench.store) == [] and unpurged_runs(bench.store) == []
    entries = [e for e in bench.rows("index") if e["tombstone"]]
    assert len(entries) == 2 and all(not e["requests"] and not e["digest"] for e in entries)


def test_full_redaction_is_a_disposition_too(bench: Bench) -> None:
    result = retain(bench, CALLED + 20 * DAY)
    row = bench.row(call(1))
    assert (
        row["redaction_mode"],
        row["name"],
        row["transcription_text"],
        row["tag_list"],
        row["duration"],
    ) == ("full", None, None, None, 60)
    assert bench.row(call(3))["redaction_mode"] == "content"
    assert result.plan.counts["interactions.redact"] == 2
    rows = [r for r in bench.rows("dispositions") if r["method"] == "full_redaction"]
    assert {r["decision"] for r in rows} == {"redact"} and all(
        r["disposed_at"] == NOW for r in rows
    )
    assert {c["method"] for c in bench.rows("certificates")} >= {"full_redaction", "clear_fields"}
    bench.run([call(1, duration=950, **RICH)], policy=REDACT)
    assert (bench.row(call(1))["redaction_mode"], bench.row(call(1))["transcription_text"]) == (
        "full",
        None,
    )
    assert (
        retain(bench, CALLED + 20 * DAY + dt.timedelta(hours=1)).plan.counts.get(
            "interactions.redact", 0
        )
        == 0
    )
    assert verify_integrity(bench.store) == []


def test_full_redaction_that_was_cut_short_is_done_by_the_next_run(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run that deletes is published, the one that redacts is not: whoever comes next finds what
    is left, at the same time or a later one.
    """

    def dies(*args: Any) -> str:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("callveil.transforms.jobs.batch.full_redaction.redact_due", dies)
        with pytest.raises(KeyboardInterrupt):
            retain(bench, CALLED + 20 * DAY)
    assert bench.row(call(1))["redaction_mode"] == "content"
    assert bench.row(call(3))["audio"] is None  # the run before it was published
    retain(bench, CALLED + 21 * DAY)
    assert (bench.row(call(1))["redaction_mode"], bench.row(call(1))["audio"]) == ("full", None)
    assert not [r for r in bench.rows("dispositions") if r["late"]]
    assert verify_integrity(bench.store) == [] and unpurged_runs(bench.store) == []


def test_a_hold_on_the_recording_keeps_the_call(bench: Bench) -> None:
    held = [
        {
            "hold_id": "h",
            "placed_at": "2026-10-01T00:00:00Z",
            "placed_by": "counsel",
            "account_id": "41",
            "classes": ["recordings"],
        }
    ]
    retain(bench, CALLED + 30 * DAY, holds=held)
    row = bench.row(call(1))
    assert row["audio"] and row["redaction_mode"] == "content"
    assert [r["account_id"] for r in bench.rows()] == ["41", "41"]
    assert {r["decision"] for r in bench.rows("dispositions") if r["account_id"] == "41"} == {
        "hold"
    }


def test_findings_and_rejected_input_go_by_their_own_rules(tmp_path: Path) -> None:
    place = Bench(tmp_path / "bench")
    place.run(
        [
            call(1, **RICH),
            {"account_id": 41, "id": 9, "called_at": "not a time", "note": "brokencontent"},
        ],
        policy=REDACT,
    )
    assert place.rows("rejected") and place.rows("findings")
    taken = dt.datetime(2026, 11, 2, tzinfo=dt.UTC)  # the run's as_of
    retain(
        place, taken + 6 * DAY - dt.timedelta(microseconds=2), RULES.replace("days: 40", "days: 10")
    )
    assert place.rows("rejected")
    retain(
        place, taken + 6 * DAY - dt.timedelta(microseconds=1), RULES.replace("days: 40", "days: 10")
    )  # the last moment of its day is due
    assert place.rows("rejected") == [] and place.rows("findings") == [] and len(place.rows()) == 1
    assert not [f for f in place.store.current().files if f.dataset.startswith("rejected")]
    assert verify_integrity(place.store) == []
