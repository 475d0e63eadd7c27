"""How written text may be said: readings against tables, and against random ways through the
graph.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callveil.transforms.redact.audio.align import path_of
from callveil.transforms.redact.audio.grapheme_to_phoneme import sounds_of
from callveil.transforms.redact.audio.pronunciations import Graph, pronunciation_graph, tokens_of

LATER = {"okonkwo", "siobhan", "zxq"}


def graph_of(text: str) -> Graph:
    return pronunciation_graph(tokens_of(text), lambda w: w.isascii() and w not in LATER, sounds_of)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("my card is", "my card is"),
        ("42", "forty two"),
        ("42", "four two"),
        ("415-555-0123", "four one five five five five oh one two three"),
        ("415-555-0123", "four fifteen five fifty five zero one twenty three"),
        ("(415) 555-0123", "four one five triple five oh one two three"),
        ("4155550123", "four one five triple five oh one two three"),
        ("1-800-555-0100", "one eight hundred five double five oh one double zero"),
        ("4111 1111", "forty one eleven eleven eleven"),
        ("$42.50", "forty two dollars fifty"),
        ("$42.50", "forty two dollars and fifty cents"),
        ("$1,250", "one thousand two hundred and fifty dollars"),
        ("$1,250", "twelve fifty"),
        ("04/29", "oh four twenty nine"),
        ("04/29", "april twenty ninth"),
        ("04/29/1984", "april twenty ninth nineteen eighty four"),
        ("07/04/2016", "oh seven slash oh four two thousand and sixteen"),
        ("the 22nd", "the twenty second"),
        ("4:30 pm", "four thirty pm"),
        ("4:00", "four o'clock"),
        ("jo.marsh@example.net", "jo dot marsh at example dot net"),
        ("12 Oak St.", "twelve oak street"),
        ("DOB", "dob"),
        ("DOB", "d o b"),
        ("O'Brien", "o'brien"),
        ("100", "a hundred"),
        ("2016", "twenty sixteen"),
        ("Okonkwo", "=OW K AA NG K W OW"),
        ("ZXQ", "z x q"),
        ("Müller", "muller"),
        ("well - yes", "well yes"),
        ("4² ④", "four two four"),
        ("٤٢", "four two"),
    ],
)
def test_said_so(text: str, said: str) -> None:
    words = [said.replace(" ", "_")] if said.startswith("=") else said.split()
    owners = path_of(graph_of(text), words)
    assert owners is not None, f"{text} cannot be said as {said}"
    assert owners == sorted(owners)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("42", "four three"),
        ("415", "four one"),
        ("my card", "my"),
        ("my card", "my card card"),
        ("04/29", "may twenty ninth"),
        ("x", ""),
        ("$5", "five euros"),
    ],
)
def test_not_said_so(text: str, said: str) -> None:
    assert path_of(graph_of(text), said.split()) is None


@given(
    st.text(alphabet="abcO'-@./:$,%#0123459 éЖ²½٤Ⅳ", max_size=24), st.randoms(use_true_random=False)
)
def test_any_way_through_the_graph_is_found_again_with_its_tokens(text: str, rng: object) -> None:
    """A random walk knows which token each word came from: no other answer may come out where words
    differ by token.
    """
    graph = graph_of(text)
    state, words, owners = 0, [], []
    for _ in range(400):
        if state == graph.final and not any(a.source == state for a in graph.arcs):
            break
        arc = rng.choice([a for a in graph.arcs if a.source == state])  # type: ignore[attr-defined]
        state = arc.target
        if arc.word:
            words.append(arc.word.replace(" ", "_"))
            owners.append(arc.token)
    assert state == graph.final, "every way ends at the end of the text"
    found = path_of(graph, words)
    assert found is not None
    assert len(found) == len(words)
    assert found == sorted(found)
    for a, b in zip(found, owners, strict=True):
        assert abs(a - b) <= 1


@pytest.mark.parametrize("digits", ["0" * 200, "1234567890" * 30])
def test_long_runs_of_digits_stay_small(digits: str) -> None:
    assert len(graph_of(digits).arcs) <= 2 * len(digits)


def test_the_sounds_of_names() -> None:
    assert sounds_of("smith") == ["S", "M", "IH", "TH"]
    assert sounds_of("Ж") == []
    assert sounds_of("") == []
