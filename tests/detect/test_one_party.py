"""Conversations whose other side is missing. All people and numbers are made up."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.language_cases import marked
from support.record_redaction import raw

from callveil.schemas.policy_load import parse_policy
from callveil.transforms.detect.conversation import View
from callveil.transforms.detect.document import DocumentSet, roles_of, speakers_of
from callveil.transforms.detect.engine import Detector
from callveil.transforms.detect.recognizers.build import build_recognizers
from callveil.transforms.detect.text_fields import walk
from callveil.transforms.lab.evaluate.gold import GoldRow, predict_rows

RECOGNIZERS = build_recognizers("en", ("US", "GB", "CA"))
ENTITIES = sorted({entity for r in RECOGNIZERS for entity in r.supported_entities})

BARE = [
    # numbers alone, behind a name or place, and before it
    "[4431]",
    "[90817|ACCOUNT_ID]",
    "its [5512] thanks",
    "no its [4418]",
    "um [four four three one]",
    "it's [4 4 3 1] please",
    "okay [one double oh double one]",
    "[katarzyna 88213]",
    "[priya|PERSON] and [7719|ACCOUNT_ID]",
    "[okafor 4410]",
    "[5439876 jane doe]",
    "[6620 diego]",
    "it should be [33818]",
    "[lagos|LOCATION] [100001|ZIP_CODE]",
    "[leeds] and [90017]",
    "[manila 1004]",
    "palm springs [92262]",
    "[vellore 632004]",
    # names, and codes in groups
    "[ngozi]",
    "[arjun]",
    "[rahul mehta]",
    "[qwx 771|ORDER_ID]",
    "[zz 4 k 9]",
    "[8 h 4 j 2]",
    "its [lm 90 p]",
    "[garcia wqb 552]",
    "[meera] and [q 44 r]",
    "[ab 12 cd 34] thanks",
    "[77 xk 2]",
    "[he 417 d]",
    "sorry [kt 40 h 7]",
    "[uj 8439]",
    # addresses
    "my number is [415] || C: [555 0134|PHONE_NUMBER]",
    "[77 lakeshore pune|ADDRESS]",
    "[452 rampur melur]",
    "[omar|PERSON] [12 gandhi marg pune 411001|ADDRESS]",
    "[gupta street kanpur]",
    "[hanif 143 raza complex]",
]
OTHERWISE = [
    "i need 2 large pizzas",
    "12 wings",
    "100 mb",
    "at 5 30",
    "room 304",
    "that will be 4500 dollars",
    "the year 2019",
    "windows 10",
    "i paid 2500",
    "2 nd floor",
    "gate b 12",
    "flight 4471",
    "need 50 qty",
    "10 to 15",
    "5 or 6 people",
    "3 to 4 weeks",
    "100 usd",
    "12 volt battery",
    "mp 3 player",
    "9 to 5 job",
    "version 2 1",
    "250 gb",
    "route 66",
    "hai",
    "okey",
    "hii",
    "nothanks",
    "thnks",
    "good morning",
    "cash",
    "extra cheese",
    "1 gb",
]


def covered(
    case: str, one_party: bool
) -> tuple[View, set[int], set[int], list[tuple[int, int, str]], list[tuple[int, int, str]]]:
    view, wanted, typed = marked(f"C: hi there || C: {case} || C: okay")
    view = replace(view, one_party=one_party)
    shared = SimpleNamespace(tokens=SimpleNamespace(user_data={"callveil_view": view}))
    found = [
        (r.start, r.end, r.entity_type)
        for each in RECOGNIZERS
        for r in each.analyze(view.text, ENTITIES, shared)
    ]
    return (
        view,
        wanted,
        {c for a, b, _ in found for c in range(a, b) if view.text[c].isalnum()},
        typed,
        found,
    )


@pytest.mark.parametrize("case", BARE)
def test_bare_answers_are_found_where_one_party_is_missing(case: str) -> None:
    view, wanted, inside, typed, found = covered(case, True)
    assert wanted == inside, f"covered {''.join(view.text[c] for c in sorted(inside))!r}"
    for start, end, entity in typed:
        assert entity in {e for a, b, e in found if a < end and start < b}


@pytest.mark.parametrize("case", OTHERWISE)
def test_what_answers_nothing_stays(case: str) -> None:
    view, _, inside, _, _ = covered(case, True)
    assert not inside, f"covered {''.join(view.text[c] for c in sorted(inside))!r}"


def test_where_both_speak_nothing_bare_is_taken_for_an_answer() -> None:
    both = [case for case in BARE if not covered(case, False)[1] <= covered(case, False)[2]]
    assert len(both) > len(BARE) * 0.7


@settings(max_examples=60)
@given(st.lists(st.sampled_from([*BARE, *OTHERWISE]), min_size=2, max_size=5))
def test_a_missing_party_only_adds(cases: list[str]) -> None:
    case = " || C: ".join(cases)
    assert covered(case, False)[2] <= covered(case, True)[2]


def turn(text: str, speaker: str | None = None, channel: int | None = None) -> dict[str, Any]:
    return {
        k: v
        for k, v in (("text", text), ("speaker", speaker), ("channel", channel))
        if v is not None
    }


ONE = [turn(t, "Ana", 1) for t in ("hello", "jane doe 4431", "thanks")]
RECORDS: list[tuple[dict[str, Any], bool]] = [
    ({"outline": ONE}, True),
    ({"outline": [turn(t, channel=2) for t in ("hello", "4431", "bye")]}, True),
    ({"outline": [turn(t, "Speaker 1") for t in ("hello", "4431", "bye")]}, True),
    ({"outline": [*ONE, turn("one moment", "Ben", 2)]}, False),
    (
        {
            "outline": [
                turn("hello", "Speaker 1"),
                turn("hi", "Speaker 2"),
                turn("4431", "Speaker 1"),
            ]
        },
        False,
    ),
    ({"outline": [turn(t) for t in ("hello", "4431", "bye")]}, False),
    ({"outline": ONE[:2]}, False),
    ({"outline": ONE[1:2]}, False),
    ({"chat_messages": [turn(t, "visitor") for t in ("hello", "4431", "bye")]}, True),
    (
        {
            "chat_messages": [
                turn("hello", "visitor"),
                turn("your code?", "agent"),
                turn("4431", "visitor"),
            ]
        },
        False,
    ),
    ({"transcription_text": "Caller: hello\nCaller: 4431\nCaller: bye"}, True),
    ({"transcription_text": "Caller: hello\nAgent: your code?\nCaller: 4431"}, False),
    ({"transcription_text": "hello\n4431\nbye"}, False),
    ({"message_body": "4431"}, False),
]


@pytest.mark.parametrize(("record", "seen"), RECORDS)
def test_one_party_is_seen_or_declared(record: dict[str, Any], seen: bool) -> None:
    values = raw(record).record
    leaves = [leaf for leaf in walk(values) if leaf.field.group != "identity"]

    def one_party(how: str) -> bool:
        return (
            DocumentSet(leaves, roles_of(values), None, speakers_of(values), how)
            .readings[0]
            .view.one_party
        )

    assert one_party("seen") == seen
    assert not one_party("never")
    assert one_party("always") == (
        len(DocumentSet(leaves, roles_of(values)).readings[0].view.turns) > 1
    )


@pytest.mark.parametrize(
    ("setting", "found"),
    [("seen", {"4431", "qwx 771"}), ("never", set()), ("always", {"4431", "qwx 771"})],
)
def test_the_policy_says_when_a_conversation_is_one_sided(setting: str, found: set[str]) -> None:
    policy = parse_policy(f"version: 1\ndetect: {{model: none, one_party: {setting}}}\n")
    turns = (("customer", "hello"), ("customer", "4431"), ("customer", "qwx 771"))
    ((_, predictions),) = predict_rows(
        Detector(policy.detect), policy, iter([GoldRow("1", "made up", 1, turns, ())])
    )
    assert {turns[p.turn][1][p.start : p.end] for p in predictions or ()} == found
