"""Carriers, spelling, renaming and noise: labels stay on what they labelled."""

from __future__ import annotations

import random
import re
from collections import Counter

import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from support import TESTS

from callveil.transforms.lab.sample.people import name_origins
from callveil.transforms.lab.train.augment import (
    change_case,
    drop_punctuation,
    insert_hesitations,
    insert_people,
    keep_characters,
    scramble_words,
    sentence_case,
    swap_values,
    vary_surface,
)
from callveil.transforms.lab.train.corpus import (
    PERSON_OR_ORG,
    PUBLIC_PERSON,
    UNKNOWN,
    LabeledUtterance,
    Talk,
    build_utterance,
)
from callveil.transforms.lab.train.fill import Filler
from callveil.transforms.lab.train.grammar import SentenceTemplate, sentence_templates
from callveil.transforms.lab.train.lists import (
    LetterChain,
    TrainingNames,
    is_held_out,
    listed_names,
    word_lists,
)
from callveil.transforms.lab.train.mix import TrainingMix
from callveil.transforms.lab.train.spell import (
    fuse_letters,
    looks_spelled,
    mishear_name,
    name_letters,
    spell_name,
)

NAMES = TrainingNames()
FILL = Filler(NAMES)
SEEDS = st.integers(0, 2**32)
FILES = ("ask.txt", "answer.txt", "requests.txt")


def marked(turn: LabeledUtterance) -> list[str]:
    return [turn.text[m.start : m.end] for m in turn.marks]


@st.composite
def utterances(draw: st.DrawFn) -> LabeledUtterance:
    piece = st.text(st.sampled_from("abcXYZéßİ .,?!-'0123\n"), min_size=1, max_size=8)
    parts = draw(
        st.lists(
            st.tuples(piece, st.sampled_from([None, "PERSON", "LOCATION", UNKNOWN])),
            min_size=1,
            max_size=8,
        )
    )
    return build_utterance([(t, label) if label is not None else t for t, label in parts])


@pytest.mark.parametrize("name", FILES)
def test_every_carrier_parses_and_every_slot_fills(name: str) -> None:
    rng = random.Random(1)
    for section, lines in sentence_templates(name).items():
        assert lines, section
        for line in lines:
            for _ in range(4):
                turn = FILL.fill(rng, line, spoken=rng.random() < 0.5)
                assert not set("<>{}|") & set(turn.text), (section, turn.text)


@pytest.mark.parametrize("line", ["<a|b", "a>b", "a|b", "{F} <a <b|c>"])
def test_a_bracket_out_of_place_is_named(line: str) -> None:
    with pytest.raises(ValueError, match=r"here\.txt, line 3"):
        SentenceTemplate(line, "here.txt, line 3")


def test_nested_alternatives_all_occur() -> None:
    carrier = SentenceTemplate("<a<1|2>|b|>{G}", "x")
    drawn = {"".join(carrier.draw(random.Random(i))) for i in range(200)}
    assert drawn == {"a1{G}", "a2{G}", "b{G}", "{G}"}


@pytest.mark.parametrize("section", ["without"])
def test_carriers_without_names_label_nothing(section: str) -> None:
    rng = random.Random(2)
    assert not any(
        FILL.fill(rng, line).marks for line in sentence_templates("requests.txt")[section]
    )


@given(utterances(), st.sets(st.integers(0, 60)))
def test_edit_keeps_labels_on_their_letters(turn: LabeledUtterance, gone: set[int]) -> None:
    out = keep_characters(turn, lambda i: i not in gone)
    assert out.text == "".join(c for i, c in enumerate(turn.text) if i not in gone)
    kept = [
        "".join(turn.text[i] for i in range(m.start, m.end) if i not in gone) for m in turn.marks
    ]
    assert marked(out) == [k for k in kept if k]


@given(utterances())
def test_case_never_moves_a_label(turn: LabeledUtterance) -> None:
    for how in (str.lower, str.upper):
        out = change_case(turn, how)
        assert len(out.text) == len(turn.text) and out.marks == turn.marks


@pytest.mark.parametrize(
    ("text", "out"),
    [
        ("Yes, it's Mr. Brandt.", "Yes it's Mr Brandt"),
        ("at 3:15, $4.50?", "at 3:15 $4.50"),
        ("a.b@example.com!", "a.b@example.com"),
        ("K. Y. L.", "K Y L"),
        ("smith-jones; so", "smith-jones so"),
    ],
)
def test_bare(text: str, out: str) -> None:
    assert drop_punctuation(LabeledUtterance(text)).text == out


@given(utterances(), SEEDS)
def test_fillers_leave_the_words_of_a_label_in_place(turn: LabeledUtterance, seed: int) -> None:
    out = insert_hesitations(random.Random(seed), turn, 0.5)
    assert len(out.marks) == len(turn.marks)
    for before, after in zip(marked(turn), marked(out), strict=True):
        assert after[0] == before[0] and after[-1] == before[-1]
        assert len(after) >= len(before)
    assert len(out.text) >= len(turn.text)


def test_swap_renames_a_value_alike_everywhere_and_settles_labels() -> None:
    talk = Talk(
        (
            build_utterance(
                ["pay ", ("Merek", "PERSON"), " at ", ("Vantora Salon", PERSON_OR_ORG)]
            ),
            build_utterance(
                [
                    "so ",
                    ("merek", "PERSON"),
                    ", by ",
                    ("Ilvo Tan", PUBLIC_PERSON),
                    " ",
                    ("Dor", UNKNOWN),
                ]
            ),
        )
    )
    for seed in range(30):
        out = swap_values(random.Random(seed), talk, FILL, 1.0)
        (first, salon), (second, public, kept) = (
            list(zip(marked(t), (m.label for m in t.marks), strict=True)) for t in out.turns
        )
        assert first == second and first[1] == "PERSON" and first[0].lower() != "merek"
        assert salon[1] == "ORGANIZATION" and salon[0] != "Vantora Salon"
        assert public[1] == "PERSON" and kept == ("Dor", UNKNOWN)


@given(
    SEEDS,
    st.sampled_from(["Kyle", "O'Brien", "Jean-Luc", "de la Cruz", "Müller", "Aaliyah", "Łukasz"]),
)
def test_spelled_names_start_and_are_never_empty(seed: int, name: str) -> None:
    text = spell_name(random.Random(seed), name)
    assert text == text.strip() and "  " not in text and any(c.isalpha() for c in text)


def test_fused_spelling_loses_no_letter() -> None:
    for seed in range(200):
        text = fuse_letters(random.Random(seed), list("kylesmith"))
        assert text.replace(" ", "").lower() == "kylesmith"


@pytest.mark.parametrize(
    ("name", "out"),
    [
        ("Kyle", "kyle"),
        ("O'Brien", "o'brien"),
        ("Núñez", "nunez"),
        ("Smith-Jones", "smith-jones"),
        ("Groß", "gross"),
    ],
)
def test_letters(name: str, out: str) -> None:
    assert "".join(name_letters(name)) == out


@pytest.mark.parametrize(
    ("text", "is_spelled"),
    [
        ("k yl e s m I th", True),
        ("K-Y-L-E", True),
        ("K. Y. L. E.", True),
        ("Kyle Smith", False),
        ("Kyle J Smith", False),
        ("Jean-Luc", False),
    ],
)
def test_looks_spelled(text: str, is_spelled: bool) -> None:
    assert looks_spelled(text) is is_spelled


@given(SEEDS, st.sampled_from([n for o in name_origins().values() for n in o.surnames[:3]]))
def test_misheard_stays_close(seed: int, name: str) -> None:
    text = mishear_name(random.Random(seed), name)
    assert text.strip() and abs(len(text) - len(name)) <= 2


def test_held_out_names_never_occur_in_training_and_only_they_occur_in_held_out_talks() -> None:
    listed = (
        {n for o in name_origins().values() for n in (*o.given, *o.surnames)}
        | set(word_lists()["given"])
        | set(word_lists()["sur"])
    )
    share = sum(map(is_held_out, listed)) / len(listed)
    assert 0.02 < share < 0.12
    rng, held = random.Random(3), TrainingNames(held=True)
    plain = TrainingNames(invented=0.5)
    for _ in range(3000):
        assert not any(map(is_held_out, plain.pair(rng)))
        assert all(map(is_held_out, held.pair(rng)))


def test_names_kept_for_tests_are_not_drawn_from_the_lexicon() -> None:
    said = (TESTS / "detect" / "recognizers" / "spoken" / "origins.txt").read_text(encoding="utf-8")
    kept = {
        w.lower()
        for line in said.splitlines()
        if not line.startswith("#")
        for w in re.findall(r"[^\W\d_]+", " ".join(line.split("|")[:8]))
    }
    given, surnames = listed_names()
    drawn = {name.lower() for name in (*given, *surnames)}
    assert len(kept) > 100 and kept.isdisjoint(drawn) and {"zdzislaw", "okonkwo"} & drawn


def test_invented_names_look_like_names() -> None:
    chain, rng = LetterChain(word_lists()["sur"]), random.Random(4)
    drawn = {chain.draw(rng) for _ in range(500)}
    assert all(3 <= len(n) <= 12 and re.fullmatch(r"[\w' -]+", n) for n in drawn)
    assert len(drawn - set(word_lists()["sur"])) > 200


@settings(max_examples=40)
@given(SEEDS)
def test_the_stream_is_reproducible_and_its_labels_hold(seed: int) -> None:
    one, two = (TrainingMix().stream(random.Random(seed)) for _ in range(2))
    for _ in range(5):
        talk = next(one)
        assert talk == next(two)
        for turn in talk.turns:
            assert all(0 <= a.start < a.end <= len(turn.text) for a in turn.marks)
            assert all(a.end <= b.start for a, b in zip(turn.marks, turn.marks[1:], strict=False))


def real(source: str, count: int, turn: str = "nothing to see here at all") -> list[Talk]:
    return [Talk((LabeledUtterance(f"{turn} {n}"),) * 3, source, spoken=True) for n in range(count)]


def test_a_small_source_is_heard_beside_a_large_one() -> None:
    stream = TrainingMix([*real("large", 900), *real("small", 9)]).stream(random.Random(1))
    drawn = Counter(next(stream).source for _ in range(3000))
    assert 6 < drawn["large"] / drawn["small"] < 16  # the root of a hundred, not a hundred
    assert 0.35 < (drawn["large"] + drawn["small"]) / 3000 < 0.5


def test_where_the_model_is_wrong_is_drawn_more_often() -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("entity_ruler").add_patterns(
        [{"label": "PERSON", "pattern": word} for word in ("sprocket", "merek", "zofia")]
    )
    odd = Talk(
        (
            LabeledUtterance("so"),
            build_utterance(["the sprocket and ", ("zofia", UNKNOWN)]),
            build_utterance([("merek", "PERSON"), " has it"]),
        ),
        "a",
        spoken=True,
    )
    mix = TrainingMix([*real("a", 300), odd])
    rng = random.Random(2)
    assert mix.mine(nlp, rng) == 1, "what is labelled or unknown is no mistake"
    drawn = [mix.real(rng) for _ in range(500)]
    assert sum(any("procket" in u.text for u in talk.turns) for talk in drawn) > 100


def test_surface_covers_every_case() -> None:
    talk = Talk((LabeledUtterance("Hello, Merek. I am here."),))
    seen = {vary_surface(random.Random(i), talk).turns[0].text for i in range(300)}
    assert {
        "Hello, Merek. I am here.",
        "hello, merek. i am here.",
        "hello merek i am here",
        "hello merek I am here",
        "HELLO, MEREK. I AM HERE.",
        "Hello Merek I am here",
    } <= seen


@given(utterances(), SEEDS)
def test_scrambling_and_peopling_keep_labels_on_their_letters(
    turn: LabeledUtterance, seed: int
) -> None:
    rng = random.Random(seed)
    assert marked(scramble_words(rng, turn, 0.9)) == marked(turn)
    out = insert_people(rng, turn, FILL, 1.0)
    left = list(marked(out))
    for value in marked(turn):
        left.remove(value)
    assert len(left) == len(out.marks) - len(turn.marks)


def test_peopling_names_someone() -> None:
    turn = LabeledUtterance("tell him my friend and he said it is for you")
    seen: set[str] = set()
    for seed in range(40):
        out = insert_people(random.Random(seed), turn, FILL, 1.0)
        assert len(out.marks) == 4
        seen.add(
            keep_characters(
                out, lambda i, out=out: not any(m.start <= i < m.end for m in out.marks)
            ).text
        )  # type: ignore[misc]
    assert seen == {"tell   and  said it is for "}


def test_peopling_hails_by_name() -> None:
    seen = {
        insert_people(random.Random(i), LabeledUtterance("Thanks, that is all."), FILL, 1.0).text
        for i in range(60)
    }
    assert any(re.fullmatch(r"Thanks,? [^,]+, that is all\.", t) for t in seen)
    assert any(re.fullmatch(r"Thanks, that is all, [^,]+\.", t) for t in seen)
    assert "Thanks, that is all." in seen


def test_scramble_changes_ordinary_words_only() -> None:
    turn = build_utterance(
        ["please bring the charger to ", ("merek", "PERSON"), " or mail a.bcde@example.com"]
    )
    texts = {scramble_words(random.Random(i), turn, 0.5).text for i in range(50)}
    assert len(texts) > 20 and all(
        "merek" in t and "a.bcde@example.com" in t and " to " in t for t in texts
    )


@pytest.mark.parametrize(
    ("text", "first"),
    [("hello there", "Hello there"), ("", ""), ("ßa", "ßa"), ("Is it?", "Is it?")],
)
def test_sentence_case(text: str, first: str) -> None:
    assert sentence_case(random.Random(1), LabeledUtterance(text)).text.startswith(first)
