"""From findings in a transcript to seconds of the recording."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from callveil.schemas.finding import WHOLE, Finding
from callveil.transforms.detect.text_fields import walk
from callveil.transforms.redact.audio.fit import TranscriptFit
from callveil.transforms.redact.audio.placeholders import PLACEHOLDER, count_withheld
from callveil.transforms.redact.audio.plan import EVERYTHING, AudioSpan
from callveil.transforms.redact.audio.span_times import audio_spans

TURNS: list[dict[str, Any]] = [
    {"text": "Can I have your number?", "channel": 2, "s": 0.5, "e": 2.0},
    {"text": "Sure, it is 415-555-0101.", "channel": 1, "s": 2.5, "e": 6.0},
    {"text": "Thank you.", "channel": 2, "s": 6.2, "e": 7.0},
]
WORDS: list[dict[str, Any]] = [
    *(
        {"word": w, "s": 0.5 + 0.3 * n, "e": 0.7 + 0.3 * n, "channel": 2}
        for n, w in enumerate(["Can", "I", "have", "your", "number?"])
    ),
    {"word": "Sure,", "s": 2.5, "e": 2.9, "channel": 1},
    {"word": "it", "s": 3.0, "e": 3.1, "channel": 1},
    {"word": "is", "s": 3.2, "e": 3.3, "channel": 1},
    {"word": "415", "s": 3.4, "e": 4.1, "channel": 1},
    {"word": "555", "s": 4.2, "e": 4.9, "channel": 1},
    {"word": "0101.", "s": 5.0, "e": 5.9, "channel": 1},
    {"word": "Thank", "s": 6.2, "e": 6.5, "channel": 2},
    {"word": "you.", "s": 6.6, "e": 7.0, "channel": 2},
]
FLAT = "Agent: Can I have your number?\nCaller: Sure, it is 415-555-0101.\nAgent: Thank you."


def finding(path: str, text: str = "", piece: str = "", **more: Any) -> Finding:
    start = text.index(piece) if piece else None
    return Finding(
        path,
        "PHONE_NUMBER",
        "test",
        1.0,
        "label",
        start,
        None if start is None else start + len(piece),
        **more,
    )


def without_times(rows: list[dict[str, Any]], *names: str) -> list[dict[str, Any]]:
    return [{k: v for k, v in r.items() if k not in names} for r in rows]


NUMBER = finding("outline[1].text", str(TURNS[1]["text"]), "415-555-0101")
IN_FLAT = finding("transcription_text", FLAT, "415-555-0101")
WORD_SPANS = [AudioSpan(3.4, 4.1, 1), AudioSpan(4.2, 4.9, 1), AudioSpan(5.0, 5.9, 1)]


@pytest.mark.parametrize(
    ("record", "found", "spans"),
    [
        ({"outline": TURNS, "words": WORDS}, NUMBER, WORD_SPANS),
        ({"outline": TURNS, "words": WORDS, "transcription_text": FLAT}, IN_FLAT, WORD_SPANS),
        ({"words": WORDS, "transcription_text": FLAT}, IN_FLAT, WORD_SPANS),
        ({"outline": TURNS}, NUMBER, [AudioSpan(2.5, 6.0, 1)]),
        ({"outline": TURNS, "transcription_text": FLAT}, IN_FLAT, [AudioSpan(2.5, 6.0, 1)]),
        ({"words": WORDS}, finding("words[8].word", "415", "415"), WORD_SPANS[:1]),
        ({"outline": TURNS, "words": WORDS[:-4]}, NUMBER, [AudioSpan(2.5, 6.0, 1)]),
        (
            {"outline": TURNS, "words": without_times(WORDS, "s", "e")},
            NUMBER,
            [AudioSpan(2.5, 6.0, 1)],
        ),
        ({"outline": without_times(TURNS, "e")}, NUMBER, [AudioSpan(2.5, math.inf, 1)]),
        (
            {"outline": [*without_times(TURNS, "e"), {"text": "Bye.", "channel": 1, "s": 8.0}]},
            NUMBER,
            [AudioSpan(2.5, 8.0, 1)],
        ),
        ({"outline": without_times(TURNS, "s", "e")}, NUMBER, [AudioSpan(0.0, math.inf, 1)]),
        ({"outline": without_times(TURNS, "s", "e", "channel")}, NUMBER, [EVERYTHING]),
        ({"transcription_text": FLAT}, IN_FLAT, [EVERYTHING]),
        ({"outline": TURNS[:1], "transcription_text": FLAT}, IN_FLAT, [EVERYTHING]),
        ({"outline": TURNS}, finding("outline"), [EVERYTHING]),
        ({"outline": TURNS}, finding("outline[1].extra{0}", "x", "x"), [AudioSpan(2.5, 6.0, 1)]),
        (
            {"outline": [TURNS[0], {**TURNS[1], "s": 6.0, "e": 2.5}]},
            NUMBER,
            [AudioSpan(0.0, math.inf, 1)],
        ),
    ],
    ids=[
        "words of a turn",
        "flat, turns and words",
        "flat and words",
        "turn",
        "flat and turns",
        "a word",
        "words that do not hold it",
        "words without times",
        "turn without end",
        "turn without end, then another",
        "turn without times",
        "turn without anything",
        "flat alone",
        "flat says more",
        "whole transcript",
        "undeclared member of a turn",
        "times that cannot be",
    ],
)
def test_findings_become_spans(
    record: dict[str, Any], found: Finding, spans: list[AudioSpan]
) -> None:
    assert audio_spans(record, [found]) == spans


def test_a_word_without_time_lies_between_its_neighbours() -> None:
    words = [dict(w) for w in WORDS]
    del words[9]["s"], words[9]["e"]
    assert audio_spans({"words": words}, [finding("words[9].word", "555", "555")]) == [
        AudioSpan(3.4, 5.0, 1)
    ]
    assert audio_spans({"outline": TURNS, "words": words}, [NUMBER]) == [AudioSpan(2.5, 6.0, 1)], (
        "the turn: one word of it has no time"
    )


def test_what_nobody_said_and_what_was_kept_counts_for_nothing() -> None:
    record = {
        "outline": [{**TURNS[1], "speaker": "Zoe Marsh"}],
        "transcription_text": "Zoe Marsh: Sure, it is 415-555-0101.",
        "name": "Zoe Marsh",
    }
    nothing = [
        finding("name", "Zoe Marsh", "Zoe Marsh"),
        finding("outline[0].speaker", "Zoe Marsh", "Zoe Marsh"),
        finding("transcription_text", str(record["transcription_text"]), "Zoe Marsh"),
        finding("outline[0].text", str(TURNS[1]["text"]), "Sure", status="kept"),
    ]
    assert audio_spans(record, nothing) == []


@pytest.mark.parametrize(
    ("extra", "covered"),
    [
        ({"id": "seg-17", "confidence": 0.93, "avg_logprob": -0.2, "sentiment": "POSITIVE"}, False),
        ({"Loudness": [70, 71], "type": "transcript.text.segment"}, False),
        ({"raw": "sure it is"}, False),
        ({"alternative": "Shore, it is four one five"}, True),
        ({"other": "我的名字"}, True),
        ({"notes": {"said": "the caller is Mary"}}, True),
    ],
)
def test_what_a_source_says_beside_a_turn_is_not_what_was_heard_in_it(
    extra: dict[str, Any], covered: bool
) -> None:
    outline = [TURNS[0], TURNS[1] | {"extra": extra}]
    found = [
        Finding(leaf.shown, "GENERIC", WHOLE, 1.0, "label", 0, len(leaf.text))
        for leaf in walk({"outline": outline})
        if "extra" in leaf.shown
    ]
    assert (
        found and (audio_spans({"outline": outline}, found) == [AudioSpan(2.5, 6.0, 1)]) is covered
    )
    assert audio_spans(
        {"outline": outline},
        [replace(f, detector="test") for f in found if not f.field_path.endswith(".key")],
    )
    silent = [{k: v for k, v in turn.items() if k != "text"} for turn in outline]
    assert audio_spans({"outline": silent}, found) == [AudioSpan(2.5, 6.0, 1)]


def test_channels() -> None:
    record = {"outline": TURNS}
    assert audio_spans(record, [NUMBER], "swapped") == [AudioSpan(2.5, 6.0, 2)]
    assert audio_spans(record, [NUMBER], "all") == [AudioSpan(2.5, 6.0, 0)]
    with pytest.raises(ValueError, match="own, swapped, all"):
        audio_spans(record, [NUMBER], "left")


LABELS = [
    "[redacted]",
    "[PII]",
    "[PHONE_NUMBER_1]",
    "####",
    "***",
    "<PERSON>",
    "{{NAME}}",
    "{name}",
    "(REDACTED)",
    "XXXX",
]
LABELS += [
    "[Name]",
    "[NAME-1]",
    "<CREDIT_CARD_4>",
    "██",
    "[Redacted]",
    "##",
    "[person_name]",
    "&lt;PERSON&gt;",
    "%NAME%",
    "__NAME__",
]
LABELS += [
    "$NAME",
    "<#PERSON#>",
    "«NAME»",
    "|NAME|",
    "[scrubbed]",
    "[de-identified]",
    "[bleep]",
    "[beep]",
    "PERSON_NAME",
    "XXX-XX-1234",
]
LABELS += ["-----", "~~~~", "____", "xx", "[sensitive information]"]
SOUNDS = [
    "[MUSIC] hi",
    "[laughter]",
    "(inaudible)",
    "<unk>",
    "[BLANK_AUDIO]",
    "the CEO (OK) said",
    "a * b",
    "# 5",
]
SOUNDS += [
    "I -- I mean",
    "size XL",
    "NASA and USA",
    "50 % of it",
    "$500",
    "cost is $20_000",
    "<i>yes</i>",
    "well... no",
    "e-mail_me",
    "XX chromosome",
    "a_b",
]


@pytest.mark.parametrize("label", LABELS)
def test_what_was_taken_out_before_is_covered_where_it_was_said(label: str) -> None:
    words = [
        {"word": w, "s": s, "e": s + 0.4, "channel": 1}
        for w, s in (("name", 1.0), ("is", 1.5), (label, 2.0), ("thanks", 2.5))
    ]
    turn = {"text": f"name is {label} thanks", "channel": 1, "s": 1.0, "e": 2.9}
    assert audio_spans({"outline": [turn], "words": words}, []) == [AudioSpan(2.0, 2.4, 1)]
    assert audio_spans({"outline": [turn]}, []) == [AudioSpan(1.0, 2.9, 1)]


@pytest.mark.parametrize("sign", ["#", "*"])
def test_one_sign_stands_for_a_word_of_one_letter(sign: str) -> None:
    words = [
        {"word": w, "s": s, "e": s + 0.4, "channel": 1}
        for w, s in (("aged", 1.0), (sign, 1.5), ("years", 2.0))
    ]
    turn = {"text": f"aged {sign} years", "channel": 1, "s": 1.0, "e": 2.4}
    assert audio_spans({"outline": [turn], "words": words}, []) == [AudioSpan(1.5, 1.9, 1)]


@pytest.mark.parametrize("text", SOUNDS)
def test_sounds_and_signs_are_nothing_taken_out(text: str) -> None:
    assert not PLACEHOLDER.search(text)


def test_a_word_that_lasts_no_time_is_covered_between_its_neighbours() -> None:
    words = [
        {"word": w, "s": s, "e": e, "channel": 1}
        for w, s, e in (("is", 1.0, 1.4), ("Marla", 1.7, 1.7), ("thanks", 3.0, 3.4))
    ]
    assert audio_spans({"words": words}, [finding("words[1].word")]) == [AudioSpan(1.0, 3.0, 1)]


AWS = {"text": "my name is [PII] and [PII]", "channel": 1, "s": 1.0, "e": 6.0}


def stamps(*pairs: tuple[float, float]) -> dict[str, object]:
    return {
        "Redaction": {
            "RedactedTimestamps": [
                {"BeginOffsetMillis": 1000 * s, "EndOffsetMillis": 1000 * e} for s, e in pairs
            ]
        }
    }


@pytest.mark.parametrize(
    ("extra", "covered"),
    [
        (stamps((2.5, 3.4), (4, 5)), [(2.5, 3.4), (4, 5)]),
        (stamps((2.5, 3.4)), [(1, 6), (2.5, 3.4)]),  # the second label has no time of its own
        (stamps((2.5, 2.5), (4, 5)), [(1, 6), (4, 5)]),
        (stamps((2.5, 3.4), (40, 50)), [(1, 6), (2.5, 3.4)]),
        (
            {"IssuesDetected": [{"CharacterOffsets": {"BeginOffsetChar": 0, "EndOffsetChar": 10}}]},
            [(1, 6)],
        ),
        ({"Redaction": {"RedactedTimestamps": [None, "x", {"BeginOffsetMillis": "2"}]}}, [(1, 6)]),
        ({"Redaction": "yes"}, [(1, 6)]),
    ],
)
def test_amazon_s_own_times_cover_what_it_withheld(
    extra: dict[str, object], covered: list[tuple[float, float]]
) -> None:
    record = {"outline": [{**AWS, "extra": extra}]}
    assert sorted(audio_spans(record, [])) == [AudioSpan(s, e, 1) for s, e in sorted(covered)]
    assert count_withheld(record) == {"PII": 2}
    moved = TranscriptFit("shifted", "own", 2.0).record(record)
    assert sorted(audio_spans(moved, [])) == [
        AudioSpan(s + 2, e + 2, 1) for s, e in sorted(covered)
    ]


def test_amazon_s_own_kinds_are_told() -> None:
    turn = {"text": "it is Marla", "channel": 2, "s": 1.0, "e": 3.0}
    entity = {
        "Category": "PII",
        "Type": "NAME",
        "Content": "Marla",
        "BeginOffsetMillis": 2100,
        "EndOffsetMillis": 2600,
    }
    record = {
        "outline": [{**turn, "extra": {"Entities": [entity, {**entity, "Category": "CUSTOM"}]}}]
    }
    assert (audio_spans(record, []), count_withheld(record)) == (
        [AudioSpan(2.1, 2.6, 2)],
        {"NAME": 1},
    )
    words = [
        {
            "word": "[PII]",
            "s": 1.0,
            "e": 1.5,
            "extra": {"redactions": [{"confidence": "0.9", "type": "PHONE", "category": "PII"}]},
        },
        {
            "word": "-----",
            "s": 2.0,
            "e": 2.5,
            "extra": {"redactions": [{"pii_category": "PII", "type": "Zoe Marsh"}]},
        },
        {"word": "[PII]", "s": 3.0, "e": 3.5},
        {"word": "[SECRET]", "s": 4.0, "e": 4.5},
    ]
    record = {
        "words": words,
        "outline": [{"text": "[PII] ----- [PII] [SECRET]", "s": 1.0, "e": 4.5}],
    }
    assert sorted(set(audio_spans(record, []))) == [
        AudioSpan(s, s + 0.5) for s in (1.0, 2.0, 3.0, 4.0)
    ]
    assert count_withheld(record) == {"OTHER": 1, "PHONE": 1, "PII": 2}, (
        "another's kinds could quote what was said"
    )
