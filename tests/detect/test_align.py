"""Copies of a conversation: spans found in one cover the same letters in the other."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callveil.schemas.finding import TextSpan
from callveil.transforms.detect.align import MAX_FUZZY_TOKENS, align_texts, speaker_labels

WORDS = st.lists(st.text("abcdeéß0123", min_size=1, max_size=6), min_size=1, max_size=20)
GAPS = [" ", ", ", ". ", "-", "\n", "  ", "…"]


def letters(text: str, a: int, b: int) -> str:
    return "".join(c.lower() for c in text[a:b] if c.isalnum())


def span(a: int, b: int) -> TextSpan:
    return TextSpan(a, b, "PERSON", 0.9, "r")


@settings(max_examples=200)
@given(WORDS, st.randoms(use_true_random=False), st.data())
def test_exact_copies_cover_the_same_letters(
    words: list[str], rng: random.Random, data: st.DataObject
) -> None:
    left = "".join(w + rng.choice(GAPS) for w in words)
    right = "".join(
        (w.upper() if len(w.upper()) == len(w) and rng.random() < 0.5 else w)
        + rng.choice([*GAPS, ""])
        for w in words
    )
    copy = align_texts(left, right)
    assert copy.exact
    places = [i for i, c in enumerate(left) if c.isalnum()]
    a = data.draw(st.integers(0, len(places) - 1))
    b = data.draw(st.integers(a, len(places) - 1))
    (there,) = copy.project([span(places[a], places[b] + 1)])
    assert letters(right, there.start, there.end) == letters(left, places[a], places[b] + 1)
    (back,) = copy.project([there], reverse=True)
    assert (back.start, back.end) == (places[a], places[b] + 1)


@settings(max_examples=200)
@given(
    st.lists(st.sampled_from(["ana", "call", "me", "doe", "x1", "yes", "banana"]), max_size=12),
    st.data(),
)
def test_projection_leaves_no_partner_uncovered(words: list[str], data: st.DataObject) -> None:
    left = " ".join(words)
    right = " ".join(data.draw(st.lists(st.sampled_from([*words, "um", "ana"]), max_size=14)))
    copy = align_texts(left, right)
    assert list(copy.left) == sorted(set(copy.left)) and list(copy.right) == sorted(set(copy.right))
    assert len(copy.left) == len(copy.right)
    assert all(
        left[a].lower() == right[b].lower() for a, b in zip(copy.left, copy.right, strict=True)
    )
    if copy.exact:
        assert list(copy.right) == [i for i, c in enumerate(right) if c.isalnum()]
    for a in range(len(left)):
        for b in range(a + 1, len(left) + 1, 3):
            covered = {i for s in copy.project([span(a, b)]) for i in range(s.start, s.end)}
            assert all(
                r in covered for p, r in zip(copy.left, copy.right, strict=True) if a <= p < b
            )


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("hello, I'm Jane Doe", "Caller: hello im JANE DOE"),
        ("hi\nit is jane", "[0:01] agent: hi\n[0:04 -> 0:06] caller (0:04) - it is Jane."),
        ("four one five", "fourone five"),
        ("k y l e", "Kyle"),
        ("o'brien here", "O BRIEN here"),
    ],
)
def test_labels_case_punctuation_and_word_borders_make_no_difference(left: str, right: str) -> None:
    assert align_texts(left, right).exact


@pytest.mark.parametrize(
    ("left", "right", "exact"),
    [
        ("she had a banana then left", "ana", False),  # inside of a word
        ("call ana and ana too", "ana", False),  # which of the two?
        ("call ana tomorrow", "ana", True),
        ("one. my name is jane doe. thanks", "my name is Jane Doe", True),
        ("anna is here", "ann", False),
        ("", "ana", False),
        ("ana", "", False),
    ],
)
def test_a_part_is_a_copy_only_where_it_is_whole_and_alone(
    left: str, right: str, exact: bool
) -> None:
    assert align_texts(left, right).exact is exact


def test_named_labels_are_passed_over_only_when_they_are_speakers() -> None:
    left, right = "hello there", "Maria Lopez: hello there"
    assert align_texts(left, right, frozenset({"maria lopez"})).exact
    assert not align_texts(left, right).exact
    assert speaker_labels("Agent: x\n  caller> y\nnot a label", frozenset()) == [(0, 7), (9, 19)]


def test_fuzzy_copy_keeps_what_it_can() -> None:
    left, right = (
        "my name is jane doe and I live in springfield",
        "so my name is um jane doe I live near springfield",
    )
    copy = align_texts(left, right)
    at = left.index("jane")
    (there,) = copy.project([span(at, at + 8)])
    assert right[there.start : there.end] == "jane doe"
    assert copy.project([span(left.index("in "), left.index("in ") + 2)]) == []


def test_long_texts_that_differ_are_not_aligned() -> None:
    left = "word " * (MAX_FUZZY_TOKENS + 1)
    assert align_texts(left, left + "more").left == ()
    assert align_texts(left, left).exact
