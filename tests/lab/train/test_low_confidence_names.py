"""Margins: what the model takes by them, whom it all but finds, which of them detection takes.

All people are generated or made up.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import pytest
import spacy

from callveil.schemas.policy import ModelMargin, ModelMargins
from callveil.schemas.policy_load import load_policy
from callveil.transforms.detect import low_confidence_names
from callveil.transforms.detect.engine import Detector
from callveil.transforms.detect.fast_tok2vec import patch_pipeline
from callveil.transforms.detect.low_confidence_names import (
    apply_margins,
    is_mixed_case,
    take_candidates,
)
from callveil.transforms.detect.model import load_call_model
from callveil.transforms.detect.recognizers.low_confidence_names import (
    OPENING,
    accept_candidate,
    is_common_word,
)
from callveil.transforms.detect.recognizers.tokens import TokenizedConversation
from callveil.transforms.detect.recognizers.vocabulary import load_vocabulary
from callveil.transforms.lab.evaluate.gold import GoldLabel, GoldRow, predict_rows
from callveil.transforms.lab.train.card import held_out_talks, lower_case_talks
from callveil.transforms.lab.train.corpus import PERSON_OR_ORG, PUBLIC_PERSON, UNKNOWN, Talk

POLICY = load_policy(None)
FAINT = 6.0
"""How far below the margin of a name that of a rare one lies, in tests."""


def margins(name: float = -2.0) -> ModelMargins:
    return ModelMargins(*[ModelMargin(name, name, name - FAINT)] * 2)


def lean_to_finding(ner: Any, lean: float, moves: tuple[str, ...] = ("O",)) -> None:
    """Take `lean` from the scores of some moves of a recogniser, in its weights."""
    scores = next(node for node in ner.model.walk() if node.name == "precomputable_affine")
    bias = scores.get_param("b").copy()
    bias[[n for n in range(ner.moves.n_moves) if ner.moves.get_class_name(n) in moves]] -= lean
    scores.set_param("b", bias)


def sample() -> list[str]:
    return [
        "\n".join(u.text for u in talk.turns)
        for talk in [*held_out_talks("call", 60, seed=4), *held_out_talks("request", 200, seed=4)]
    ]


@lru_cache(maxsize=1)
def detector() -> Detector:
    return Detector(POLICY.detect)


def rows(talks: Sequence[Talk]) -> list[GoldRow]:
    """Talks as labelled conversations; what nobody judged is a weak label."""
    out = []
    for n, talk in enumerate(talks, 1):
        turns = tuple(("agent" if u.agent else "customer", u.text) for u in talk.turns)
        labels = []
        for i, u in enumerate(talk.turns):
            for m in u.marks:
                label = {PUBLIC_PERSON: "PERSON", PERSON_OR_ORG: UNKNOWN}.get(m.label, m.label)
                labels.append(GoldLabel(i, m.start, m.end, label, weak=label == UNKNOWN))
        out.append(GoldRow(str(n), "generated", n, turns, tuple(labels)))
    return out


def people(talks: Sequence[Talk]) -> tuple[float, float]:
    """Recall of people (covered whole, by a finding of any type) and precision (findings of people
    that touch a label) of detection.
    """
    gold = covered = given = right = 0
    for row, found in predict_rows(detector(), POLICY, iter(rows(talks))):
        assert found is not None
        places = {(p.turn, i) for p in found for i in range(p.start, p.end)}
        labelled = {(label.turn, i) for label in row.labels for i in range(label.start, label.end)}
        for label in row.labels:
            if label.type == "PERSON":
                gold += 1
                text = row.turns[label.turn][1]
                covered += all(
                    (label.turn, i) in places
                    for i in range(label.start, label.end)
                    if text[i].isalnum()
                )
        for p in found:
            if p.type == "PERSON":
                given += 1
                right += not labelled.isdisjoint((p.turn, i) for i in range(p.start, p.end))
    assert gold >= 300
    return covered / gold, right / given


@pytest.mark.parametrize("lower", [False, True])
@pytest.mark.parametrize(
    ("kind", "recall", "precision"), [("call", 0.96, 0.94), ("request", 0.94, 0.96)]
)
def test_detection_finds_unseen_names(
    kind: str, recall: float, precision: float, lower: bool
) -> None:
    talks = held_out_talks(kind, 700, seed=11)
    found = people(lower_case_talks(talks) if lower else talks)
    assert found[0] >= recall and found[1] >= precision


def test_margins_give_what_a_model_that_leans_so_far_finds_and_faint_one_that_leans_further() -> (
    None
):
    leaned, noted, further = load_call_model(), load_call_model(), load_call_model()
    assert patch_pipeline(noted) and apply_margins(noted, margins(-1.5))
    lean_to_finding(leaned.get_pipe("ner"), 1.5 - leaned.meta["callveil"].get("lean", 0.0))
    lean_to_finding(
        further.get_pipe("ner"), 1.5 + FAINT - further.meta["callveil"].get("lean", 0.0)
    )
    texts = sample()
    count = 0
    for a, b, c in zip(leaned.pipe(texts), noted.pipe(texts), further.pipe(texts), strict=True):
        ents = [(e.start, e.end, e.label_) for e in a.ents]
        assert ents == [(e.start, e.end, e.label_) for e in b.ents]
        noted_here = b.user_data.get(low_confidence_names.KEY, ())
        found = {(f.start, f.end) for f in noted_here}
        assert all(-FAINT < f.margin <= 0 for f in noted_here)
        for e in c.ents:
            if (
                e.label_ == "PERSON"
                and len(e) <= low_confidence_names.LONGEST
                and not a[e.start].ent_type
            ):
                count += 1
                assert (e.start, e.end) in found
    assert count >= 50


def test_each_turn_goes_by_the_margin_of_its_kind() -> None:
    talks = [*held_out_talks("call", 120, seed=6), *held_out_talks("request", 60, seed=6)]
    texts = [
        "\n".join(u.text if n % 2 else u.text.lower() for n, u in enumerate(talk.turns))
        for talk in talks
    ]
    low, high, both = load_call_model(), load_call_model(), load_call_model()
    assert (
        apply_margins(low, margins(-4))
        and apply_margins(high, margins(1))
        and apply_margins(both, ModelMargins(ModelMargin(1, 1, 1), ModelMargin(-4, -4, -4)))
    )
    differ = 0
    for a, b, c in zip(low.pipe(texts), high.pipe(texts), both.pipe(texts), strict=True):
        lines = c.text.split("\n")
        line = {t.i: c.text[: t.idx].count("\n") for t in c}
        for token, loose, strict in zip(c, a, b, strict=True):
            begins = token.ent_iob_ == "B"
            inside = [t.ent_iob_ == "I" for t in (token, loose, strict)]
            if any(inside) or token.is_space:  # what began before goes on by the model's own scores
                continue
            expected = strict if is_mixed_case(lines[line[token.i]]) else loose
            differ += loose.ent_iob_ != strict.ent_iob_
            assert begins == (expected.ent_iob_ == "B")
    assert differ > 30


@pytest.mark.parametrize(
    ("line", "yes"),
    [
        ("Hello there", True),
        ("hello there", False),
        ("i spoke to Merek", True),
        ("HELLO THERE", False),
        ("MEREK", True),
        ("Merek", True),
        ("I am here", False),
        ("I'm OK", False),
        ("“Yes”", True),
        ("my iPhone", False),
        ("Привет, мир", True),
        ("", False),
        ("4711 B", True),
    ],
)
def test_cased(line: str, yes: bool) -> None:
    assert is_mixed_case(line) is yes


def test_faint_people_overlap_nothing_and_are_given_once() -> None:
    nlp = load_call_model()
    assert apply_margins(nlp, margins())
    seen = {False: 0, True: 0}
    for doc in nlp.pipe(
        "\n".join(u.text for u in talk.turns) for talk in held_out_talks("request", 300, seed=8)
    ):
        end = 0
        organizations = {(e.start, e.end) for e in doc.ents if e.label_ == "ORGANIZATION"}
        for f in take_candidates(doc):
            assert (
                f.start >= end
                and not doc[f.start].is_space
                and f.end <= len(doc)
                and -FAINT < f.margin <= 0
            )
            assert (
                (f.start, f.end) in organizations if f.organization else not doc[f.start].ent_type
            )
            end = f.end
            seen[f.organization] += 1
        assert take_candidates(doc) == []
    assert seen[False] >= 30 and seen[True] >= 3


def test_a_faint_organization_is_what_a_model_that_leans_from_organizations_would_take() -> None:
    noted, leaned = load_call_model(), load_call_model()
    assert patch_pipeline(noted) and apply_margins(noted, margins())
    lean_to_finding(leaned.get_pipe("ner"), FAINT, ("B-ORGANIZATION", "U-ORGANIZATION"))
    apply_margins(leaned, margins())
    texts = [
        "\n".join(u.text for u in talk.turns)
        for talk in [*held_out_talks("call", 60, seed=4), *held_out_talks("request", 400, seed=4)]
    ]
    count = 0
    for a, b in zip(noted.pipe(texts), leaned.pipe(texts), strict=True):
        starts = {
            e.start
            for e in a.ents
            if e.label_ == "ORGANIZATION" and len(e) <= low_confidence_names.LONGEST
        }
        found = {f.start for f in take_candidates(a) if f.organization}
        turned = {e.start for e in b.ents if e.label_ == "PERSON"} & starts
        assert turned <= found
        count += len(turned)
    assert count >= 4


def test_a_pipeline_of_another_kind_is_left_as_it_is() -> None:
    assert not apply_margins(spacy.blank("en"))
    nlp = spacy.blank("en")
    ner = nlp.add_pipe("ner")
    ner.add_label("PERSON")
    nlp.initialize()
    assert not apply_margins(nlp), "its scores go through an upper layer"
    once = load_call_model()
    assert apply_margins(once) and not apply_margins(once)


def test_a_noted_model_can_still_be_trained() -> None:
    nlp = load_call_model()
    apply_margins(nlp)
    doc = nlp.make_doc("this is Zorvan Quell")
    losses: dict[str, float] = {}
    example = spacy.training.Example.from_dict(doc, {"entities": [(8, 20, "PERSON")]})
    nlp.update([example], sgd=nlp.create_optimizer(), losses=losses)
    assert losses["ner"] >= 0


class _Mention(NamedTuple):
    start_char: int
    end_char: int
    margin: float
    organization: bool = False


@pytest.mark.parametrize(
    ("text", "margin", "taken"),
    [
        ("send it to [roosje]", -4.0, True),
        ("send it to [roosje tolvaar]'s desk", -4.0, True),
        ("send it to [jade]", -4.0, True),  # a word too, but mostly a name
        ("send it to [jade tolvaar]", -4.0, True),
        ("send it to [hope]", -0.1, False),  # a name that is as much a word
        ("send it to [hope tolvaar]", -0.1, True),
        ("send the [mortgage]", -0.1, False),
        ("my [mortgages tolvaar]", -0.1, False),
        ("he was [reflected]", -0.1, False),
        ("room [12]", -0.1, False),
        ("room ['s]", -0.1, False),
        ("Please send it to [Roosje]", -4.0, True),
        ("Please send it to [roosje]", -0.1, False),  # the turn has capitals, it has none
        ("SEND IT TO [ROOSJE]", -4.0, True),
        ("Thanks. [Roosje] will do it", -OPENING, True),
        (
            "Thanks. [Roosje] will do it",
            -OPENING - 0.1,
            False,
        ),  # the capital may be that of the sentence
        ("Thanks. [Roosje Tolvaar] will do it", -4.0, True),
        ("I sent it to [roosje]", -4.0, True),  # "I" alone makes no turn with capitals
        ("yes [roosje\ntolvaar]", -0.1, False),  # over the end of a turn
    ],
)
def test_which_faint_people_are_taken(text: str, margin: float, taken: bool) -> None:
    start, end = text.index("["), text.index("]") - 1
    plain = text.replace("[", "").replace("]", "")
    assert (
        accept_candidate(
            TokenizedConversation(plain, (), load_vocabulary("en")), _Mention(start, end, margin)
        )
        is taken
    )


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        ("the recipient is [jade tolvaar]", True),
        ("1752 pounds from [Roosje]", True),
        ("sharing this with [Art Tolvaar] then", True),
        ("for [Roosje]", True),
        ("pay [chase]", False),  # a word
        ("i'm near [roosje]", False),
        ("a hotel called [roosje]", False),
        ("i work for [roosje]", False),
        ("the booking was for [roosje]", True),
        ("dial [the tolvaar]", False),
        ("send it to [tolvaar and tolvaars]", False),
        ("dial [El Tolvaar]", False),
        ("send it to [roosje's]", False),
        ("send it to [tolvaar plumbing]", False),
        ("send it to [tolvaar] plumbing", False),
        ("my bank is [tolvaar]", False),
        ("bank\nit is [tolvaar]", True),  # the word is in another turn
    ],
)
def test_which_organizations_are_taken_for_people(text: str, taken: bool) -> None:
    start, end = text.index("["), text.index("]") - 1
    plain = text.replace("[", "").replace("]", "")
    assert (
        accept_candidate(
            TokenizedConversation(plain, (), load_vocabulary("en")),
            _Mention(start, end, -4.0, organization=True),
        )
        is taken
    )


@pytest.mark.parametrize("text", ["the recipient is Jade Farthing", "1752 pounds from Roi"])
def test_a_person_taken_for_an_organization_is_redacted(text: str) -> None:
    row = GoldRow("1", "made up", 1, (("customer", text),), ())
    ((_, found),) = predict_rows(detector(), POLICY, iter([row]))
    assert found is not None and [
        (p.type, text[p.start : p.end]) for p in found if p.type == "PERSON"
    ] == [("PERSON", text.split(" ", 3)[3])]


def test_no_faint_person_in_a_language_without_a_list() -> None:
    assert not accept_candidate(
        TokenizedConversation("es para roosje", (), load_vocabulary("es")), _Mention(8, 14, -0.1)
    )


@pytest.mark.parametrize(
    "word",
    ["task", "tasks", "hoping", "planned", "studied", "shortly", "companies", "'s", "&", "café's"],
)
def test_common_words(word: str) -> None:
    assert is_common_word(word)


@pytest.mark.parametrize("word", ["roosje", "tolvaar", "padma", "jade", "okonkwo's", "hope"])
def test_other_words(word: str) -> None:
    assert not is_common_word(word)
