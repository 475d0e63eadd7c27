"""Training at a tiny size: reproducible, clean of corpus text, and honest about labels."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import spacy

from callveil.transforms.detect.model import LABELS, LANGUAGE, load_call_model, model_key
from callveil.transforms.lab.train.card import CARD, describe_model, evaluate_model, held_out_talks
from callveil.transforms.lab.train.corpus import UNKNOWN, CorpusError, LabeledUtterance, Mark, Talk
from callveil.transforms.lab.train.trainer import (
    TrainReport,
    blank_pipeline,
    make_example,
    train_model,
)


def corpus(folder: Path) -> Path:
    path = folder / "mine.jsonl"
    turns = [
        {"speaker": "agent", "text": "who is calling?"},
        {"speaker": "customer", "text": "This is Qzyvandor from the Blorptown office"},
    ]
    spans = [{"turn": 1, "start": 8, "end": 17, "type": "PERSON"}]
    rows = [
        {"id": str(i), "turns": turns, "spans": spans, "metadata": {"complete_types": ["PERSON"]}}
        for i in range(20)
    ]
    path.write_text("".join(json.dumps(r) + "\n" for r in rows), encoding="utf-8")
    return path


def tiny(folder: Path, name: str, seed: int = 3) -> tuple[Path, TrainReport]:
    report = train_model(
        folder / name, seed, [corpus(folder)], steps=3, width=16, depth=1, log=lambda _: None
    )
    return folder / name, report


def contents(folder: Path) -> dict[str, bytes]:
    return {
        p.relative_to(folder).as_posix(): p.read_bytes()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


def test_equal_seeds_give_equal_models_and_other_seeds_others(tmp_path: Path) -> None:
    (one, report), (two, _), (other, _) = (
        tiny(tmp_path, "a"),
        tiny(tmp_path, "b"),
        tiny(tmp_path, "c", seed=4),
    )
    assert contents(one) == contents(two)
    assert contents(one)["ner/model"] != contents(other)["ner/model"]
    assert (
        report.steps == 3
        and report.words > 1000
        and report.size == sum(map(len, contents(one).values()))
    )
    assert set(report.sources) >= {"call", "request", "mine"}


def test_the_model_loads_with_its_labels_and_holds_no_word_of_the_corpora(tmp_path: Path) -> None:
    folder, _ = tiny(tmp_path, "a")
    nlp = load_call_model(folder)
    assert nlp.pipe_names == ["ner"] and nlp.lang == LANGUAGE
    assert sorted(nlp.get_pipe("ner").labels) == list(LABELS)
    for data in contents(folder).values():
        assert b"qzyvandor" not in data.lower() and b"blorptown" not in data.lower()


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="callveil train"):
        load_call_model(tmp_path)


def test_a_pipeline_with_other_labels_is_refused(tmp_path: Path) -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("ner").add_label("GPE")
    nlp.initialize()
    nlp.to_disk(tmp_path)
    with pytest.raises(ValueError, match="GPE, expected ADDRESS"):
        load_call_model(tmp_path)


@pytest.mark.parametrize(("width", "depth"), [(8, 4), (100, 4), (256, 4), (96, 0), (96, 9)])
def test_sizes_out_of_range_are_refused(width: int, depth: int) -> None:
    with pytest.raises(ValueError, match="width must be a multiple of 8"):
        blank_pipeline(width, depth)


def test_no_step_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        train_model(tmp_path, steps=0)


def test_a_bad_corpus_stops_training_before_anything_is_written(tmp_path: Path) -> None:
    bad = tmp_path / "bad.jsonl"
    bad.write_text("{\n", encoding="utf-8")
    with pytest.raises(CorpusError):
        train_model(tmp_path / "out", extra=[bad], steps=1)
    assert not (tmp_path / "out").exists()


def test_example_labels_whole_tokens_and_leaves_unknown_words_open() -> None:
    nlp = spacy.blank(LANGUAGE)
    talk = Talk(
        (
            LabeledUtterance("name?"),
            LabeledUtterance("O'Briens, Dor", (Mark(0, 6, "PERSON"), Mark(10, 13, UNKNOWN))),
        )
    )
    gold = make_example(nlp, talk).reference
    assert gold.text == "name?\nO'Briens, Dor"
    assert [(e.text, e.label_) for e in gold.ents] == [("O'Briens", "PERSON")]
    assert {t.text: t.ent_iob_ for t in gold}["Dor"] == ""
    assert {t.text: t.ent_iob_ for t in gold}["name"] == "O"


@pytest.mark.parametrize(
    ("text", "out"),
    [
        ("José", "jose"),
        ("B12", "b00"),
        ("STRAẞE", "strasse"),
        ("Łódź", "łodz"),
        ("O'Brien", "o'brien"),
    ],
)
def test_fold(text: str, out: str) -> None:
    assert model_key(text) == out


def test_case_changes_no_feature_but_shape() -> None:
    nlp = spacy.blank(LANGUAGE)
    for word in ("Müller", "KYLE", "o'Brien", "Zoë2"):
        one, two = nlp.vocab[word], nlp.vocab[word.lower()]
        assert (one.norm, one.prefix, one.suffix) == (two.norm, two.prefix, two.suffix)


def test_figures_count_by_coverage_and_leave_unknown_words_neutral() -> None:
    nlp = spacy.blank(LANGUAGE)
    ruler = nlp.add_pipe("entity_ruler")
    ruler.add_patterns(
        [{"label": "PERSON", "pattern": w} for w in ("Merek", "Dor", "wrong")]
        + [{"label": "LOCATION", "pattern": "Vantora"}]
    )
    turn = LabeledUtterance(
        "Merek Tan, Vantora, Dor, wrong",
        (Mark(0, 9, "PERSON"), Mark(11, 18, "PERSON"), Mark(20, 23, UNKNOWN)),
    )
    figures = evaluate_model(nlp, [Talk((turn,))], "x")
    assert (figures.gold["PERSON"], figures.covered["PERSON"], figures.typed["PERSON"]) == (2, 1, 0)
    assert (figures.given["PERSON"], figures.wrong["PERSON"]) == (3, 1)
    assert (
        figures.recall("PERSON") == 0.5
        and figures.precision("PERSON") == pytest.approx(2 / 3)
        and figures.precision("LOCATION") == 1
    )
    assert figures.recall("ADDRESS") != figures.recall("ADDRESS")


def test_card_reports_figures_and_no_folder(tmp_path: Path) -> None:
    folder, report = tiny(tmp_path, "a")
    card, figures = describe_model(
        report,
        {"mine": corpus(tmp_path)},
        ["mine.jsonl, 20 conversations, own"],
        "callveil train --out OUT",
        count=10,
    )
    assert card == folder / CARD and len(figures) == 4
    text = card.read_text(encoding="utf-8")
    assert (
        "| generated calls, unseen names |" in text
        and "| mine, lower-cased |" in text
        and "- mine.jsonl, 20 conversations, own" in text
    )
    assert str(tmp_path) not in text
    load_call_model(folder)


def test_held_out_kind_is_checked() -> None:
    with pytest.raises(ValueError, match="call or request"):
        held_out_talks("letter", 1)
