"""Modes and manual requests: what goes and what stays. All values are generated."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from support.record_redaction import Bench, content

from callveil.schemas.arrow import arrow_type
from callveil.schemas.interaction import BY_NAME, FIELDS
from callveil.schemas.request import RedactionRequest
from callveil.transforms.detect.decision import MinimumRedaction

KEPT = {"identity", "time", "flow"}
CLEARED = {"caller", "content", "media", "form", "custom", "visitor", "unknown"}
"""What full redaction keeps and clears, by group."""

OUTLINE = [
    {"speaker": "Agent", "channel": 2, "text": "thanks for calling", "s": 0.0, "e": 2.0},
    {"speaker": "Caller", "channel": 1, "text": "the door is green", "s": 2.0, "e": 4.0},
    {"speaker": "Agent", "channel": 2, "text": "green it is", "s": 4.0, "e": 6.5},
]
WORDS = [
    {"word": w, "channel": 1, "s": 2 + n / 2, "e": 2.5 + n / 2}
    for n, w in enumerate(["the", "door", "is", "green"])
]


def full_record() -> dict[str, Any]:
    """A record with a value in every declared field."""
    record: dict[str, Any] = {}
    for field in FIELDS:
        word = "stays" if field.group in KEPT else "goes"
        sample = {"string": word, "int64": 7, "double": 1.5, "bool": True}.get(
            str(arrow_type(field.type))
        )
        if sample is not None:
            record[field.name] = sample
    record |= {
        "id": "5000000001",
        "account_id": "70001",
        "kind": "call",
        "unix_time": 1,
        "caller_number_split": ["415", "555"],
        "emails": ["zofia.k@example.com"],
        "outline": OUTLINE,
        "words": WORDS,
        "call_path": [{"route_id": "r", "route_name": "to sales", "route_type": "queue"}],
        "tag_list": ["tag"],
        "chat_messages": [{"text": "hi"}],
        "message_media": ["m.png"],
        "form": {"form_id": "f", "custom": [{"label": "l", "value": 5}]},
        "agent": {"id": "a", "name": "Iwona Nowak", "email": "i@example.com"},
        "notes": {"a": 1},
        "custom_fields": {"k": "v"},
        "language": "en",
    }
    return record


def request(scope: str, **how: Any) -> RedactionRequest:
    """A request over the record of these tests."""
    return RedactionRequest(
        "r1", "70001", "5000000001", scope, "asked by telephone", "j.doe", **how
    )


@pytest.mark.parametrize("trigger", ["policy", "age", "request", "floor"])
def test_full_redaction_clears_and_keeps_by_the_table(redact: Bench, trigger: str) -> None:
    record = full_record()
    assert {f.group for f in FIELDS if f.name in record} >= KEPT | CLEARED | {"staff"}
    rules = {"policy": "mode: full", "age": "full_after_days: 0"}.get(trigger, "mode: content")
    how: dict[str, Any] = {
        "request": {"requests": (request("all"),)},
        "floor": {"floor": MinimumRedaction("full")},
    }.get(trigger, {})
    out = redact(record, rules, **how)
    left = content(out)
    assert not {f for f in left if BY_NAME[f].group in CLEARED}
    before = {f: v for f, v in record.items() if BY_NAME[f].group in KEPT}
    assert {f: left.get(f) for f in before} == before
    assert left["call_path"][0]["route_name"] == "to sales"  # free text of the flow is scanned
    assert out.interaction.mode == out.interaction.record["redaction_mode"] == "full"
    cleared = {r.finding.field_path for r in out.findings if r.finding.action == "clear"}
    assert (
        cleared
        == {f for f in record if BY_NAME[f].group in CLEARED}
        <= set(out.interaction.record["redacted_fields"])
    )


def test_full_redaction_scans_the_flow(redact: Bench) -> None:
    record = {
        "name": "Zofia Kowalczyk",
        "call_path": [{"route_name": "Zofia 415-555-0134"}],
        "source": "ad of Zofia Kowalczyk",
        "transfers": [{"to": "zofia.k@example.com"}],
    }
    left = json.dumps(content(redact(record, "mode: full")), default=str)
    assert not [v for v in ("Zofia", "0134", "example.com") if v in left]


def test_mode_none_changes_nothing_declared(redact: Bench) -> None:
    record = full_record()
    left = content(redact(record, "mode: none"))
    assert {
        k: v
        for k, v in left.items()
        if k in record and k not in ("extra", "outline", "words", "chat_messages")
    } == {
        k: v for k, v in record.items() if k not in ("extra", "outline", "words", "chat_messages")
    }


def test_audio_and_transcription_links_go(redact: Bench) -> None:
    record = {
        "audio": "https://example.com/a.mp3",
        "transcription": "s3://bucket/t.json",
        "message_media": [{"url": "m.png"}],
        "message_id": "m-1",
    }
    out = redact(record)
    assert not content(out).keys() & record.keys()
    assert {r.finding.field_path: r.finding.entity_type for r in out.findings} == dict.fromkeys(
        record, "MEDIA"
    )
    kept = content(redact(record, "fields: {audio: keep, transcription: keep}"))
    assert (
        kept["audio"] == record["audio"]
        and kept["transcription"] == record["transcription"]
        and "message_id" not in kept
    )


def test_staff_by_policy(redact: Bench) -> None:
    record = {
        "agent_id": "a-1",
        "agent": {"id": "a-1", "name": "Iwona Nowak", "email": "i.nowak@example.com"},
        "notes": "Iwona will call",
    }
    kept = content(redact(record, "fields: {staff: keep}"))
    assert kept["agent_id"] == "a-1" and kept["agent"]["name"] == "Iwona Nowak"
    hidden = json.dumps(content(redact(record, "fields: {staff: redact}")), default=str)
    assert not [v for v in ("Iwona", "Nowak", "i.nowak") if v in hidden]


def test_a_field_request_takes_the_field_and_no_other(redact: Bench) -> None:
    record = {"notes": {"a": "green", "n": 7}, "summary": "green", "outline": OUTLINE}
    out = redact(record, requests=(request("field", field="notes"),))
    left = content(out)
    assert left["notes"] == {"a": "[REDACTED]"} or left["notes"] == {"a": "[REDACTED]", "n": None}
    assert left["summary"] == "green" and left["outline"] == OUTLINE
    rows = [r.finding for r in out.findings]
    assert {(f.request_id, f.actor_id, f.trigger, f.detector) for f in rows} == {
        ("r1", "j.doe", "manual", "request")
    }


def test_a_request_for_one_turn(redact: Bench) -> None:
    left = content(
        redact({"outline": OUTLINE}, requests=(request("field", field="outline[1].text"),))
    )
    assert [t["text"] for t in left["outline"]] == [
        "thanks for calling",
        "[REDACTED]",
        "green it is",
    ]
    assert left["outline"][1]["speaker"] == "Caller" and left["outline"][1]["s"] == 2.0


@pytest.mark.parametrize(
    ("start", "end", "left"),
    [
        (4, 8, "the [REDACTED] is green"),
        (12, None, "the door is [REDACTED]"),
        (12, 999, "the door is [REDACTED]"),
        (0, 17, "[REDACTED]"),
        (17, 20, "the door is green"),
    ],
)
def test_a_span_request(redact: Bench, start: int, end: int | None, left: str) -> None:
    out = redact(
        {"outline": OUTLINE},
        requests=(request("span", field="outline[1].text", start=start, end=end),),
    )
    assert content(out)["outline"][1]["text"] == left


def test_a_span_request_for_a_text_that_has_changed_takes_the_field(redact: Bench) -> None:
    asked = request("span", field="summary", start=4, end=8)
    first = redact({"summary": "the door is green"}, requests=(asked,))
    (kept,) = first.requests
    from callveil.schemas.request import decode_request

    bound = decode_request(kept)
    assert bound.text_digest and not bound.reason and "door" not in kept
    same = content(redact({"summary": "the door is green"}, requests=(bound,)))
    other = content(redact({"summary": "so the door is green"}, requests=(bound,)))
    assert same["summary"] == "the [REDACTED] is green" and other["summary"] == "[REDACTED]"


@pytest.mark.parametrize(
    ("how", "outline", "words"),
    [
        ({"from_s": 2.0, "to_s": 4.0}, [1], [0, 1, 2, 3]),
        (
            {"from_s": 2.5, "to_s": 3.0},
            [1],
            [1],
        ),  # half-open: a word that ends where the stretch begins stays
        ({"from_s": 3.9}, [1, 2], [3]),
        ({"to_s": 0.5}, [0], []),
        ({"from_s": 3.9, "channel": 2}, [2], []),
        ({"from_s": 7.0, "to_s": 9.0}, [], []),
        ({}, [0, 1, 2], [0, 1, 2, 3]),
    ],
)
def test_a_time_request(
    redact: Bench, how: dict[str, Any], outline: list[int], words: list[int]
) -> None:
    left = content(redact({"outline": OUTLINE, "words": WORDS}, requests=(request("time", **how),)))
    assert [i for i, t in enumerate(left["outline"]) if t["text"] == "[REDACTED]"] == outline
    assert [i for i, w in enumerate(left["words"]) if w["word"] == "[REDACTED]"] == words


def test_a_time_request_takes_what_has_no_times(redact: Bench) -> None:
    left = content(
        redact(
            {"outline": [{"text": "the door is green"}]}, requests=(request("time", from_s=100.0),)
        )
    )
    assert left["outline"][0]["text"] == "[REDACTED]"


def test_a_request_for_all_is_told_in_the_record(redact: Bench) -> None:
    out = redact({"summary": "green"}, requests=(request("all", trigger="subject_request"),))
    assert out.interaction.record["redacted_by"] == "j.doe"
    assert {(r.finding.trigger, r.finding.request_id) for r in out.findings} == {
        ("subject_request", "r1")
    }


def test_a_floor_holds_against_a_laxer_policy(redact: Bench) -> None:
    first = redact({"notes": "mail zofia.k@example.com", "web_source": "abc", "new_field": "x"})
    lax = (
        "mode: content\nentities: {default: label, EMAIL_ADDRESS: keep}\nfields: {web_source: keep}"
    )
    again = {"notes": "mail zofia.k@example.com", "web_source": "abc", "new_field": "x"}
    assert content(redact(again, lax))["notes"] == "mail zofia.k@example.com"
    held = content(
        redact(again, lax, floor=MinimumRedaction(first.interaction.mode, frozenset(first.floor)))
    )
    assert held["notes"] == "mail [EMAIL_ADDRESS]" and held["web_source"] == "[VISITOR_DATA]"


def test_findings_hold_no_values(redact: Bench) -> None:
    out = redact(
        {
            "notes": {"zofia.k@example.com": "415-555-0134"},
            "outline": [{"channel": 1, "text": "card 4111 1111 1111 1111"}],
        }
    )
    text = repr(out.findings)
    assert len(out.findings) >= 3 and not [v for v in ("zofia", "0134", "1111") if v in text]
    assert len({r.finding_id for r in out.findings}) == len(out.findings)
    assert all(re.fullmatch(r"[0-9a-f]{24}", r.finding_id) for r in out.findings)


def test_requests_and_a_second_look_do_not_disturb_each_other(redact: Bench) -> None:
    """A request takes a number out of a JSON field, so that the members behind it move up."""
    record = {
        "notes": {"n": 7, "x": "so zofia.k@example.com", "m": "4155550134"},
        "outline": [{"text": "mail zofia.k@example.com"}],
    }
    left = content(redact(record, requests=(request("field", field="notes{0}"),)))
    assert (
        left["notes"] == {"x": "so [EMAIL_ADDRESS]", "m": "[PHONE_NUMBER]"}
        and left["outline"][0]["text"] == "mail [EMAIL_ADDRESS]"
    )
