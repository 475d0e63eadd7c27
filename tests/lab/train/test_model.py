"""The model in the package, on utterances written by hand and on generated calls that name people
it never saw.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

import pytest
from spacy.language import Language

from callveil.transforms.detect.model import LABELS, load_call_model, model_path
from callveil.transforms.lab.train.card import (
    CARD,
    evaluate_model,
    held_out_talks,
    lower_case_talks,
)
from callveil.transforms.lab.train.corpus import LabeledUtterance, Talk, build_utterance
from callveil.transforms.lab.train.trainer import MAX_BYTES

SAID = Path(__file__).with_name("said.txt")


@lru_cache(maxsize=1)
def model() -> Language:
    return load_call_model()


def said() -> dict[str, list[Talk]]:
    """Sections of the file; `question>answer` are two turns, `[name]` a person."""
    out: dict[str, list[Talk]] = {}
    section = ""
    for line in SAID.read_text(encoding="utf-8").splitlines():
        if line.startswith("# "):
            section = line[2:]
        elif line:
            turns: list[LabeledUtterance] = []
            for turn in line.split(">"):
                pieces = re.split(r"\[(.*?)\]", turn)
                turns.append(
                    build_utterance([(p, "PERSON") if i % 2 else p for i, p in enumerate(pieces)])
                )
            out.setdefault(section, []).append(Talk(tuple(turns)))
    return out


def test_the_package_holds_the_model_its_card_and_nothing_too_large() -> None:
    assert sorted(model().get_pipe("ner").labels) == list(LABELS)
    assert (
        sum(
            p.stat().st_size
            for p in model_path().rglob("*")
            if p.is_file() and "__pycache__" not in p.parts
        )
        <= MAX_BYTES + 20_000
    )
    card = (model_path() / CARD).read_text(encoding="utf-8")
    assert "## Figures" in card and "## Limits" in card
    assert not re.search(r"/(?:work|tmp|home|root)/", card)


@pytest.mark.parametrize("lower", [False, True])
@pytest.mark.parametrize(("section", "recall"), [("with people", 0.88), ("asked", 0.88)])
def test_people_in_utterances_written_by_hand(section: str, recall: float, lower: bool) -> None:
    talks = [t for name, found in said().items() if name.startswith(section) for t in found]
    figures = evaluate_model(model(), lower_case_talks(talks) if lower else talks)
    assert figures.gold["PERSON"] >= 20
    assert figures.recall("PERSON") >= recall


@pytest.mark.parametrize("lower", [False, True])
@pytest.mark.parametrize(
    ("section", "alarms"), [("without people", 2), ("asked without people", 2)]
)
def test_false_alarms_in_utterances_written_by_hand(section: str, alarms: int, lower: bool) -> None:
    figures = evaluate_model(
        model(), lower_case_talks(said()[section]) if lower else said()[section]
    )
    assert figures.talks >= 19
    assert sum(figures.given.values()) <= alarms


@pytest.mark.parametrize(
    ("kind", "recall", "precision"), [("call", 0.94, 0.97), ("request", 0.91, 0.95)]
)
def test_unseen_names_in_generated_talk(kind: str, recall: float, precision: float) -> None:
    figures = evaluate_model(model(), held_out_talks(kind, 700, seed=11))
    assert figures.recall("PERSON") >= recall and figures.precision("PERSON") >= precision


def test_the_question_decides_what_a_lone_word_is() -> None:
    def people(text: str) -> list[str]:
        return [e.text for e in model()(text).ents if e.label_ == "PERSON"]

    for word in ("june", "rose", "hope", "may"):
        assert people(f"and what's your first name please\n{word}") == [word]
    assert people("what month does it expire\njune") == []
    assert people("which flower would you like\nrose") == []
    assert people("which month would you prefer\nmay") == []
