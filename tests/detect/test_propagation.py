"""Further mentions of what was found: what is sought again, and what is left alone. All values are
generated.
"""

from __future__ import annotations

import pytest

from callveil.schemas.finding import TextSpan
from callveil.transforms.detect.known_values import CODE, DIGITS, NAME, KnownValue
from callveil.transforms.detect.propagation import (
    DETECTOR,
    MAX_VALUES,
    distinct_values,
    everyday_words,
    speaker_names,
    values_from_spans,
)
from callveil.transforms.detect.resolve import merge_spans
from callveil.transforms.detect.value_search import FoldedWords, find_values


def mentions(value: str, entity: str, text: str, score: float = 0.9) -> list[str]:
    """Return the parts of `text` that are found once `value` was."""
    values = distinct_values(
        values_from_spans(value, [TextSpan(0, len(value), entity, score, "r", "g")], "en")
    )
    return sorted(
        {text[s.start : s.end] for s in find_values(FoldedWords.of(text), values)},
        key=lambda t: (text.index(t), len(t)),
    )


@pytest.mark.parametrize(
    ("value", "entity", "text", "found"),
    [
        ("Zofia Kowalczyk", "PERSON", "thanks zofia", ["zofia"]),
        ("Zofia Kowalczyk", "PERSON", "ms KOWALCZYK's file", ["KOWALCZYK"]),
        (
            "Zofia Kowalczyk",
            "PERSON",
            "z o f i a kowalczyk",
            ["z o f i a", "z o f i a kowalczyk", "kowalczyk"],
        ),
        ("may", "PERSON", "may i", []),
        ("Zofia May", "PERSON", "may i, Zofia", ["Zofia"]),
        ("Zofia May", "PERSON", "so May called", ["May"]),
        (
            "four one five five five five oh one three four",
            "PHONE_NUMBER",
            "so 415-555-0134",
            ["415-555-0134", "555-0134"],
        ),
        ("4111 1111 1111 1111", "CREDIT_CARD", "ending in one one one one", ["one one one one"]),
        ("4242424242421984", "CREDIT_CARD", "since 1984", []),  # four digits that read as a year
        ("x k four z j q", "BOOKING_REFERENCE", "so XK4ZJQ", ["XK4ZJQ"]),
        ("XK4ZJQ", "BOOKING_REFERENCE", "x k four z j q", ["x k four z j q"]),
        ("12", "ORDER_ID", "12 o'clock", []),
        (
            "zofia.k@example.com",
            "EMAIL_ADDRESS",
            "zofia dot k at example dot com",
            ["zofia dot k at example dot com"],
        ),
        ("4 May 1980", "DATE_OF_BIRTH", "4 May 1980", []),  # a date is said for other reasons too
    ],
)
def test_mentions(value: str, entity: str, text: str, found: list[str]) -> None:
    assert mentions(value, entity, text) == found


def test_weak_findings_are_not_spread() -> None:
    assert mentions("Zofia", "PERSON", "zofia", score=0.49) == []
    assert mentions("Zofia", "PERSON", "zofia", score=0.5) == ["zofia"]


def test_a_value_over_several_turns_is_one() -> None:
    text = "415 555\nokay\n0134"
    spans = [
        TextSpan(0, 7, "PHONE_NUMBER", 0.9, "r", "g"),
        TextSpan(13, 17, "PHONE_NUMBER", 0.9, "r", "g"),
    ]
    values = list(values_from_spans(text, spans, "en"))
    assert ("4155550134", "g") in {(v.target, v.group) for v in values}


def test_what_two_recognizers_found_in_one_place_is_said_once() -> None:
    text = "mail zofia.k@example.com"
    spans = [
        TextSpan(5, 24, "EMAIL_ADDRESS", 0.9, "a", "g"),
        TextSpan(5, 24, "EMAIL_ADDRESS", 0.8, "b", "g"),
        TextSpan(5, 12, "EMAIL_ADDRESS", 0.8, "c", "g"),
    ]
    assert [v.target for v in values_from_spans(text, spans, "en")] == ["zofiakexamplecom"]


def test_strongest_is_bounded_distinct_and_longest_first() -> None:
    many = [KnownValue(DIGITS, "ORDER_ID", str(10_000 + n)) for n in range(MAX_VALUES + 50)] + [
        KnownValue(CODE, "ORDER_ID", "longest77")
    ] * 2
    out = distinct_values(many)
    assert (
        len(out) == MAX_VALUES
        and out[0].target == "longest77"
        and len({v.target for v in out}) == MAX_VALUES
    )
    assert out == distinct_values(reversed(many))


def test_speakers_are_values_and_roles_are_none() -> None:
    record = {
        "outline": [
            {"speaker": "Zofia Kowalczyk", "text": "hi"},
            {"speaker": "Agent", "text": "hi"},
            {"text": "x"},
        ],
        "chat_messages": [{"speaker": "Visitor 3"}, {"speaker": "Iwona"}],
    }
    names = speaker_names(record, "en")
    assert {v.target for v in names} == {
        "zofiakowalczyk",
        "kowalczykzofia",
        "zofia",
        "kowalczyk",
        "iwona",
    }
    assert {v.kind for v in names} == {NAME}
    assert speaker_names({}, "en") == []


def test_unknown_languages_have_the_common_words_alone() -> None:
    assert "may" in everyday_words("xx") and everyday_words("xx") < everyday_words("en")


@pytest.mark.parametrize(
    ("value", "entity", "turns", "left"),
    [
        (
            "4155550134",
            "PHONE_NUMBER",
            "four one five\nokay\nfive five five\nyeah\noh one three four",
            "\nokay\n\nyeah\n",
        ),
        (
            "4155550134",
            "PHONE_NUMBER",
            "415 uh 555\nok\n0134",
            "\nok\n",
        ),  # a filler of the same turn goes with the digits around it
        ("zofia.k@example.com", "EMAIL_ADDRESS", "zofia dot\nk at example\ndot com", "\n\n"),
        ("Zofia Kowalczyk", "PERSON", "zofia\nkowalczyk", "\n"),
    ],
)
def test_what_the_other_party_says_in_between_stays(
    value: str, entity: str, turns: str, left: str
) -> None:
    values = distinct_values(
        values_from_spans(value, [TextSpan(0, len(value), entity, 0.9, "r", "g")], "en")
    )
    spans = find_values(FoldedWords.of(turns), values)
    assert {s.group for s in spans} == {"g"}
    gone = {i for s in spans for i in range(s.start, s.end)}
    assert "".join(c for i, c in enumerate(turns) if i not in gone) == left


def test_pieces_of_a_known_value_share_a_group() -> None:
    spans = find_values(
        FoldedWords.of("415 555\nokay\n0134"), [KnownValue(DIGITS, "PHONE_NUMBER", "4155550134")]
    )
    assert (
        [(s.start, s.end) for s in spans] == [(0, 7), (13, 17)]
        and len({s.group for s in spans}) == 1
        and spans[0].group
    )


@pytest.mark.parametrize("score", [0.5, 0.7, 1.0])
def test_a_further_mention_scores_less_than_what_it_repeats(score: float) -> None:
    values = distinct_values(
        values_from_spans("Zofia Kowalczyk", [TextSpan(0, 15, "PERSON", score, "r", "g")], "en")
    )
    assert values and all(
        0 < s.score < score
        for s in find_values(FoldedWords.of("so zofia, zofia kowalczyk"), values)
    )


def test_a_further_mention_never_renames_what_was_found_in_its_place() -> None:
    mention, other = (
        TextSpan(3, 20, "PERSON", 0.9, DETECTOR, "g"),
        TextSpan(3, 8, "LOCATION", 0.4, "r"),
    )
    assert merge_spans([mention, other]) == [TextSpan(3, 20, "LOCATION", 0.4, "r")]
