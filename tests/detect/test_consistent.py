"""Further mentions of what was found: what is sought again, and what is left alone. All values are generated."""

from __future__ import annotations

import pytest

from callveil.schemas.finding import Span
from callveil.transforms.detect.consistent import MAX_VALUES, everyday_words, speaker_names, strongest, values_found
from callveil.transforms.detect.known import CODE, DIGITS, NAME, KnownValue, Tokens, find


def mentions(value: str, entity: str, text: str, score: float = 0.9) -> list[str]:
    """What of `text` is found once `value` was."""
    values = strongest(values_found(value, [Span(0, len(value), entity, score, "r", "g")], "en"))
    return sorted({text[s.start : s.end] for s in find(Tokens.of(text), values)}, key=text.index)


@pytest.mark.parametrize(
    ("value", "entity", "text", "found"),
    [
        ("Zofia Kowalczyk", "PERSON", "thanks zofia", ["zofia"]),
        ("Zofia Kowalczyk", "PERSON", "ms KOWALCZYK's file", ["KOWALCZYK"]),
        ("Zofia Kowalczyk", "PERSON", "z o f i a kowalczyk", ["z o f i a", "z o f i a kowalczyk", "kowalczyk"]),
        ("may", "PERSON", "may i", []),
        ("Zofia May", "PERSON", "may i, Zofia", ["Zofia"]),
        ("Zofia May", "PERSON", "so May called", ["May"]),
        ("four one five five five five oh one three four", "PHONE_NUMBER", "so 415-555-0134", ["415-555-0134", "555-0134"]),
        ("4111 1111 1111 1111", "CREDIT_CARD", "ending in one one one one", ["one one one one"]),
        ("4242424242421984", "CREDIT_CARD", "since 1984", []),  # four digits that read as a year
        ("x k four z j q", "BOOKING_REFERENCE", "so XK4ZJQ", ["XK4ZJQ"]),
        ("XK4ZJQ", "BOOKING_REFERENCE", "x k four z j q", ["x k four z j q"]),
        ("12", "ORDER_ID", "12 o'clock", []),
        ("zofia.k@example.com", "EMAIL_ADDRESS", "zofia dot k at example dot com", ["zofia dot k at example dot com"]),
        ("4 May 1980", "DATE_OF_BIRTH", "4 May 1980", []),  # a date is said for other reasons too
    ],
)  # fmt: skip
def test_mentions(value: str, entity: str, text: str, found: list[str]) -> None:
    assert mentions(value, entity, text) == found


def test_weak_findings_are_not_spread() -> None:
    assert mentions("Zofia", "PERSON", "zofia", score=0.49) == []
    assert mentions("Zofia", "PERSON", "zofia", score=0.5) == ["zofia"]


def test_a_value_over_several_turns_is_one() -> None:
    text = "415 555\nokay\n0134"
    spans = [Span(0, 7, "PHONE_NUMBER", 0.9, "r", "g"), Span(13, 17, "PHONE_NUMBER", 0.9, "r", "g")]
    values = list(values_found(text, spans, "en"))
    assert ("4155550134", "g") in {(v.target, v.group) for v in values}


def test_what_two_recognizers_found_in_one_place_is_said_once() -> None:
    text = "mail zofia.k@example.com"
    spans = [Span(5, 24, "EMAIL_ADDRESS", 0.9, "a", "g"), Span(5, 24, "EMAIL_ADDRESS", 0.8, "b", "g"), Span(5, 12, "EMAIL_ADDRESS", 0.8, "c", "g")]
    assert [v.target for v in values_found(text, spans, "en")] == ["zofiakexamplecom"]


def test_strongest_is_bounded_distinct_and_longest_first() -> None:
    many = [KnownValue(DIGITS, "ORDER_ID", str(10_000 + n)) for n in range(MAX_VALUES + 50)] + [KnownValue(CODE, "ORDER_ID", "longest77")] * 2
    out = strongest(many)
    assert len(out) == MAX_VALUES and out[0].target == "longest77" and len({v.target for v in out}) == MAX_VALUES
    assert out == strongest(reversed(many))


def test_speakers_are_values_and_roles_are_none() -> None:
    record = {
        "outline": [{"speaker": "Zofia Kowalczyk", "text": "hi"}, {"speaker": "Agent", "text": "hi"}, {"text": "x"}],
        "chat_messages": [{"speaker": "Visitor 3"}, {"speaker": "Iwona"}],
    }
    names = speaker_names(record, "en")
    assert {v.target for v in names} == {"zofiakowalczyk", "kowalczykzofia", "zofia", "kowalczyk", "iwona"}
    assert {v.kind for v in names} == {NAME}
    assert speaker_names({}, "en") == []


def test_unknown_languages_have_the_common_words_alone() -> None:
    assert "may" in everyday_words("xx") and everyday_words("xx") < everyday_words("en")
