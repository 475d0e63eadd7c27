"""Properties that hold for every text: offsets, gates, and that a later turn never uncovers a
value.
"""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from callveil.transforms.detect.conversation import View
from callveil.transforms.detect.recognizers.base import GROUP, SpokenRecognizer
from callveil.transforms.detect.recognizers.build import build_recognizers
from callveil.transforms.detect.recognizers.tokens import TokenizedConversation
from callveil.transforms.detect.recognizers.vocabulary import load_vocabulary

RECOGNIZERS = build_recognizers("en", ("US", "GB", "CA"))
ENTITIES = sorted({entity for r in RECOGNIZERS for entity in r.supported_entities})

# Pieces that make values, questions and noise likely; free text for the rest.
PIECES = [
    "what's your phone number",
    "can i take your date of birth",
    "what is your postcode",
    "could you spell that",
    "and the last four digits",
    "your name please",
    "what's the card number",
    "what's your email",
    "what's the address",
    "do you have an order number",
    "and the expiry",
    "your username",
    "one more time please",
    "sorry",
    "no sorry",
    "i mean",
    "scratch that",
    "okay",
    "mm-hm",
    "uh",
    "yes",
    "hold on",
    "take your time",
    "got it",
    "it's",
    "my",
    "is",
    "the",
    "at",
    "on",
    "for",
    "to",
    "one",
    "two",
    "three",
    "four",
    "five",
    "oh",
    "o",
    "zero",
    "nine",
    "double",
    "triple",
    "twenty",
    "eighty",
    "nineteen",
    "hundred",
    "thousand",
    "first",
    "fourth",
    "may",
    "july",
    "4",
    "42",
    "415",
    "5550134",
    "4242",
    "4111111111111111",
    "415-555-0134",
    "+44",
    "(",
    ")",
    "-",
    ".",
    ",",
    "?",
    "12/21/1983",
    "18:45",
    "$45",
    "3,500",
    "a",
    "b",
    "c",
    "i",
    "q",
    "z",
    "see",
    "bee",
    "x-ray",
    "charlie",
    "papa",
    "as in",
    "boy",
    "cb4",
    "3pq",
    "cb43pq",
    "SW1A",
    "1AA",
    "JXVKZ7KV",
    "XKZJQWPE",
    "settings",
    "it's under",
    "kbj-11522",
    "jane",
    "dot",
    "doe",
    "underscore",
    "example",
    "com",
    "gmail",
    "@",
    "jane@example.com",
    "www.example.com",
    "10.0.0.1",
    "smith",
    "maria",
    "o'neil",
    "this is",
    "my name is",
    "main street",
    "north elm street",
    "apt 3",
    "517a coldham lane",
    "p o box",
    "texas",
    "78701",
    "reference number is",
    "born",
    "people",
    "o clock",
    "years old",
    "ninety two",
]
CHUNK = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=6)), max_size=14).map(" ".join)
TURN = st.tuples(st.sampled_from(["agent", "caller"]), CHUNK)
TURNS = st.lists(TURN, min_size=1, max_size=7)
UNKNOWN = st.lists(st.tuples(st.just(""), CHUNK), min_size=1, max_size=5)


def artifacts(view: View) -> Any:
    """Return what the engine hands over: a document that carries the view."""
    return SimpleNamespace(tokens=SimpleNamespace(user_data={"callveil_view": view}))


def found(turns: list[tuple[str, str]]) -> tuple[View, list[Any]]:
    view = View.of_turns(turns)
    shared = artifacts(view)
    return view, [result for r in RECOGNIZERS for result in r.analyze(view.text, ENTITIES, shared)]


def covered(turns: list[tuple[str, str]]) -> set[int]:
    """Places of letters and digits that are found; spaces and signs between them say nothing."""
    view, results = found(turns)
    return {place for r in results for place in range(r.start, r.end) if view.text[place].isalnum()}


def cased_as(turns: list[tuple[str, str]], more: str) -> str:
    """Return `more`, in lower case where the turns have no capitals: a conversation written without
    them is read otherwise.
    """
    return more if any(re.search(r"[A-Z]\w", said) for _, said in turns) else more.lower()


@settings(max_examples=250)
@given(st.one_of(TURNS, UNKNOWN))
def test_results_lie_within_one_turn(turns: list[tuple[str, str]]) -> None:
    view, results = found(turns)
    for result in results:
        assert 0 <= result.start < result.end <= len(view.text)
        assert 0 < result.score <= 1
        assert any(t.start <= result.start and result.end <= t.end for t in view.turns)
        assert view.text[result.start : result.end].strip()


@settings(max_examples=250)
@given(TURNS, TURN)
@example([("agent", "what's your phone number"), ("caller", "four one five")], ("caller", "7"))
@example(
    [("agent", "what's the card number"), ("caller", "4111 1111 1111 1111")], ("caller", "2 2 2")
)
@example([("agent", "your email"), ("caller", "jane dot doe at example dot com")], ("agent", "?"))
def test_adding_a_turn_uncovers_nothing(
    turns: list[tuple[str, str]], more: tuple[str, str]
) -> None:
    assert covered(turns) <= covered([*turns, (more[0], cased_as(turns, more[1]))])


@settings(max_examples=150)
@given(UNKNOWN, CHUNK)
@example([("", "apt 3 www.example.com")], "a0")
def test_adding_a_line_uncovers_nothing(lines: list[tuple[str, str]], more: str) -> None:
    assert covered(lines) <= covered([*lines, ("", cased_as(lines, more))])


@settings(max_examples=250)
@given(st.one_of(TURNS, UNKNOWN))
def test_gates_never_change_what_is_found(turns: list[tuple[str, str]]) -> None:
    view = View.of_turns(turns)
    for recognizer in RECOGNIZERS:
        if isinstance(recognizer, SpokenRecognizer):
            read = TokenizedConversation(view.text, view.turns, load_vocabulary("en"))
            if not recognizer.gate(read):
                assert not list(recognizer.find(read)), recognizer.name


@settings(max_examples=150)
@given(st.text(max_size=200))
def test_any_text_without_a_view(text: str) -> None:
    for recognizer in RECOGNIZERS:
        for result in recognizer.analyze(text, ENTITIES, None):
            assert 0 <= result.start < result.end <= len(text)


@settings(max_examples=100)
@given(TURNS)
def test_the_reading_maps_every_token_back(turns: list[tuple[str, str]]) -> None:
    view = View.of_turns(turns)
    read = TokenizedConversation(view.text, view.turns, load_vocabulary("en"))
    last = 0
    for token in range(read.count):
        start, end = read.start[token], read.end[token]
        assert last <= start < end
        assert view.text[start:end].lower().replace("’", "'") == read.low[token]
        assert read.turns[read.turn[token]].start <= start < end <= read.turns[read.turn[token]].end
        last = end


def test_findings_do_not_depend_on_order_or_repetition() -> None:
    turns = [
        ("agent", "what's your phone number"),
        ("caller", "four one five"),
        ("agent", "mm-hm"),
        ("caller", "five five five oh one three four"),
    ]
    first = [(r.entity_type, r.start, r.end, r.score) for r in found(turns)[1]]
    assert first == [(r.entity_type, r.start, r.end, r.score) for r in found(turns)[1]]


def test_pieces_of_one_value_share_a_group() -> None:
    _, results = found(
        [
            ("agent", "what's your phone number"),
            ("caller", "four one five"),
            ("agent", "mm-hm"),
            ("caller", "five five five oh one three four"),
        ]
    )
    groups = {r.recognition_metadata.get(GROUP) for r in results if r.entity_type == "PHONE_NUMBER"}
    assert len(groups) == 1 and None not in groups


def test_a_view_of_another_text_is_refused() -> None:
    with pytest.raises(ValueError, match="another text"):
        RECOGNIZERS[0].analyze(
            "some text", ENTITIES, artifacts(View.of_turns([("", "other text")]))
        )


def test_explanations_never_quote_a_value() -> None:
    _, results = found(
        [
            ("agent", "what's your phone number"),
            ("caller", "it's 415 555 0134"),
            ("agent", "your name please"),
            ("caller", "kowalczyk"),
        ]
    )
    assert results
    for result in results:
        told = result.analysis_explanation.textual_explanation
        assert "0134" not in told and "kowalczyk" not in told


@pytest.mark.parametrize("name", ["SpokenPhoneRecognizer", "AddressRecognizer"])
def test_disabled_recognizers_are_left_out(name: str) -> None:
    assert name in {r.name for r in RECOGNIZERS}
    assert name not in {r.name for r in build_recognizers("en", ("US",), disable=[name])}


def test_an_unknown_language_says_what_to_do() -> None:
    with pytest.raises(ValueError, match="unknown_language"):
        build_recognizers("xx", ("US",))
