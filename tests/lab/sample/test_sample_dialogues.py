"""Generated conversations: labels are exact, carriers are wide, styles differ as said."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callveil.schemas.entities import ENTITIES
from callveil.transforms.lab.sample.carriers import line_templates, load_scenarios
from callveil.transforms.lab.sample.dialogues import (
    CLEAN,
    FLAT,
    SCENARIOS,
    TYPED,
    Dialogue,
    Style,
    random_business,
    random_dialogue,
    random_sentence,
    random_style,
)
from callveil.transforms.lab.sample.neutral import NEUTRAL
from callveil.transforms.lab.sample.people import COUNTRIES, Person, random_person
from callveil.transforms.lab.sample.slots import VALUES

SEEDS = st.integers(0, 2**64)


def make(
    seed: int, scenario: str | None = None, style: Style | None = None, country: str = "US"
) -> tuple[Dialogue, Person]:
    rng = random.Random(seed)
    caller = random_person(rng, country)
    return random_dialogue(
        rng,
        caller,
        random_person(rng, country),
        random_business(rng, None if scenario == "voicemail" else scenario, country),
        scenario,
        style,
    ), caller


@given(SEEDS, st.sampled_from(SCENARIOS), st.sampled_from(COUNTRIES))
@settings(max_examples=300)
def test_labels_are_exact_spans_of_known_values(seed: int, scenario: str, country: str) -> None:
    talk, _ = make(seed, scenario, None, country)
    for turn in talk.turns:
        end = 0
        for s in turn.spans:
            assert end <= s.start < s.end <= len(turn.text)
            piece = turn.text[s.start : s.end]
            assert piece == piece.strip()
            # A label covers whole words: neither neighbour continues it.
            assert s.start == 0 or not turn.text[s.start - 1].isalnum()
            assert s.end == len(turn.text) or not turn.text[s.end].isalnum()
            assert s.type in ENTITIES and talk.values[s.key].type == s.type
            end = s.end


@given(SEEDS)
def test_nothing_personal_stands_outside_a_label(seed: int) -> None:
    talk, caller = make(seed, None, CLEAN)
    for turn in talk.turns:
        bare = "".join(
            c for i, c in enumerate(turn.text) if not any(s.start <= i < s.end for s in turn.spans)
        )
        for value in (
            caller.email,
            caller.card,
            caller.ssn,
            caller.phone[-10:],
            caller.street_line,
        ):
            assert value not in bare


@given(SEEDS)
def test_names_outside_labels_are_other_words(seed: int) -> None:
    """A surname of the caller that is long and no everyday word never stands unlabelled."""
    rng = random.Random(seed)
    caller = random_person(rng, origin="polish")
    talk = random_dialogue(rng, caller, random_person(rng), random_business(rng), None, CLEAN)
    for turn in talk.turns:
        bare = "".join(
            c for i, c in enumerate(turn.text) if not any(s.start <= i < s.end for s in turn.spans)
        )
        assert caller.last not in bare


@given(SEEDS)
def test_equal_seeds_make_equal_conversations(seed: int) -> None:
    assert make(seed)[0] == make(seed)[0]


@given(SEEDS)
def test_flat_style_has_no_capitals_and_no_sentence_punctuation(seed: int) -> None:
    talk, _ = make(seed, None, FLAT)
    for turn in talk.turns:
        assert turn.text == turn.text.lower()
        outside = "".join(
            c for i, c in enumerate(turn.text) if not any(s.start <= i < s.end for s in turn.spans)
        )
        assert "?" not in outside and ", " not in outside


@given(SEEDS)
def test_times_run_forward_and_channels_fit_speakers(seed: int) -> None:
    talk, _ = make(seed)
    last = 0.0
    for t in talk.turns:
        assert t.channel == (1 if t.speaker == "customer" else 2)
        assert last <= t.s < t.e
        last = t.e


def test_unknown_scenario_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown scenario"):
        make(1, "moon landing")


def test_there_are_twenty_scenarios_and_each_of_their_slots_can_be_asked() -> None:
    assert len(SCENARIOS) >= 20
    book = line_templates(True, True)
    for script in load_scenarios().values():
        for expression in script.slots:
            for slot in expression.rstrip("?!").split("/"):
                assert f"ask.{slot}" in book and f"say.{slot}" in book, (script.name, slot)
                assert slot in VALUES


@pytest.mark.parametrize(
    "slot",
    [
        "name",
        "spell",
        "phone",
        "email",
        "address",
        "zip",
        "dob",
        "card",
        "expiry",
        "cvv",
        "ssn",
        "ssn4",
        "account",
        "order",
        "plate",
        "username",
        "policy",
    ],
)
def test_common_questions_have_many_forms(slot: str) -> None:
    book = line_templates(True, True)
    assert len(set(book[f"ask.{slot}"])) >= 11
    assert len(set(book[f"say.{slot}"])) >= 11


def test_every_slot_in_the_sentences_is_known() -> None:
    known = VALUES.keys() | NEUTRAL.keys() | {"v"}
    for name, lines in line_templates(True, True).items():
        for line in lines:
            for part in line.rest():
                assert {p for is_slot, p in part.parts if is_slot} <= known, name


def test_conversations_are_of_the_usual_length() -> None:
    rng = random.Random(11)
    lengths = []
    for _ in range(300):
        talk = random_dialogue(
            rng,
            random_person(rng),
            random_person(rng),
            random_business(rng),
            None,
            random_style(rng),
        )
        lengths.append(sum(len(t.text.split()) for t in talk.turns))
    lengths.sort()
    assert 120 <= sum(lengths) / len(lengths) <= 250
    assert lengths[-1] > 300


def test_long_values_are_spread_over_turns_now_and_then() -> None:
    spread = 0
    for seed in range(200):
        talk, _ = make(seed, "card_payment", Style(True, True, 0.8, 0.1, 1.0))
        turns = [
            t
            for t in talk.turns
            if t.speaker == "customer" and any(s.key == "caller.card" for s in t.spans)
        ]
        spread += len(turns) > 2
    assert spread > 80


def test_sentences_carry_labels_too() -> None:
    rng = random.Random(2)
    caller = random_person(rng)
    for _ in range(200):
        turn, values = random_sentence(
            rng, "summary", caller, random_person(rng), random_business(rng), TYPED, "a quote"
        )
        assert all(values[s.key].type == s.type for s in turn.spans)
        assert all(turn.text[s.start : s.end] for s in turn.spans)
