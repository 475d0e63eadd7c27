"""Reading labelled JSON lines: types, unknown words, and what is refused and how."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from callveil.transforms.lab.train.corpus import (
    UNKNOWN,
    CorpusError,
    LabeledUtterance,
    Mark,
    Talk,
    build_utterance,
    mark_unknown,
    proper_words,
    read_corpus,
)


def write(path: Path, *rows: Any) -> Path:
    path.write_text(
        "\n".join(r if isinstance(r, str) else json.dumps(r) for r in rows) + "\n", encoding="utf-8"
    )
    return path


def row(
    text: str, *spans: tuple[str, str], complete: tuple[str, ...] = ("PERSON", "LOCATION")
) -> dict[str, Any]:
    found = [
        {"turn": 0, "start": text.index(v), "end": text.index(v) + len(v), "type": kind}
        for v, kind in spans
    ]
    return {
        "id": "x",
        "turns": [{"speaker": "customer", "text": text}],
        "spans": found,
        "metadata": {"complete_types": complete},
    }


def labels(talk: Talk) -> list[tuple[str, str]]:
    return [(u.text[m.start : m.end], m.label) for u in talk.turns for m in u.marks]


@pytest.mark.parametrize(
    ("kind", "label"),
    [
        ("PERSON", "PERSON"),
        ("NAME", "PERSON"),
        ("GPE", "LOCATION"),
        ("STREET_ADDRESS", "ADDRESS"),
        ("ORG", "ORGANIZATION"),
        ("ORGANIZATION", "ORGANIZATION"),
    ],
)
def test_types_are_mapped(tmp_path: Path, kind: str, label: str) -> None:
    (talk,) = read_corpus(write(tmp_path / "a.jsonl", row("call Vantora now", ("Vantora", kind))))
    assert labels(talk) == [("Vantora", label)]


def test_types_that_are_no_names_give_no_label(tmp_path: Path) -> None:
    (talk,) = read_corpus(
        write(
            tmp_path / "a.jsonl", row("on friday it costs 12", ("friday", "DATE"), ("12", "MONEY"))
        )
    )
    assert labels(talk) == []


def test_unlabelled_names_are_unknown_where_the_type_is_incomplete(tmp_path: Path) -> None:
    partial = row(
        "Send it to Vantora and to Merek on Friday", ("Vantora", "PERSON"), complete=("PHONE",)
    )
    (talk,) = read_corpus(write(tmp_path / "a.jsonl", partial))
    assert labels(talk) == [("Vantora", "PERSON"), ("Merek", UNKNOWN)]


def test_unlabelled_names_are_no_names_where_the_types_are_complete(tmp_path: Path) -> None:
    (talk,) = read_corpus(write(tmp_path / "a.jsonl", row("Send it to Merek")))
    assert labels(talk) == []


def test_a_word_written_as_a_name_elsewhere_is_unknown_in_lower_case_too() -> None:
    talks = [
        Talk((LabeledUtterance("i met Merek and the dog"),)),
        Talk((LabeledUtterance("tell merek about the dog"),)),
    ]
    proper = proper_words([*talks, *talks[:1] * 3])
    assert proper == {"merek"}
    assert labels(mark_unknown(talks[1], proper)) == [("merek", UNKNOWN)]


def test_weak_spans_are_unknown(tmp_path: Path) -> None:
    data = row("call Vantora", ("Vantora", "PERSON"))
    data["spans"][0]["weak"] = True
    (talk,) = read_corpus(write(tmp_path / "a.jsonl", data))
    assert labels(talk) == [("Vantora", UNKNOWN)]


def test_the_longer_of_two_overlapping_spans_is_kept(tmp_path: Path) -> None:
    (talk,) = read_corpus(
        write(
            tmp_path / "a.jsonl",
            row("call Vantora Merek", ("Vantora", "PERSON"), ("Vantora Merek", "PERSON")),
        )
    )
    assert labels(talk) == [("Vantora Merek", "PERSON")]


SECRET = "Vantora"


@pytest.mark.parametrize(
    "line",
    [
        f'{{"id": "{SECRET}", ',
        json.dumps([SECRET]),
        json.dumps({"id": "1", "turns": SECRET}),
        json.dumps({"id": "1", "turns": [{"text": 3, "speaker": SECRET}]}),
        json.dumps(
            {
                "id": "1",
                "turns": [{"text": SECRET}],
                "spans": [{"turn": 0, "start": 0, "type": "PERSON"}],
            }
        ),
        json.dumps(
            {
                "id": "1",
                "turns": [{"text": SECRET}],
                "spans": [{"turn": 0, "start": 0, "end": 99, "type": "PERSON"}],
            }
        ),
        json.dumps(
            {
                "id": "1",
                "turns": [{"text": SECRET}],
                "spans": [{"turn": 1, "start": 0, "end": 2, "type": "PERSON"}],
            }
        ),
        json.dumps(
            {
                "id": "1",
                "turns": [{"text": SECRET}],
                "spans": [{"turn": 0, "start": 2, "end": 2, "type": "PERSON"}],
            }
        ),
        json.dumps({"id": "1", "turns": [{"text": SECRET}], "spans": [SECRET]}),
        json.dumps({"id": "1", "turns": [{"text": "x"}], "metadata": [SECRET]}),
        json.dumps({"id": "1", "turns": [{"text": "x"}], "metadata": {"complete_types": 3}}),
    ],
)
def test_a_bad_line_is_named_and_not_quoted(tmp_path: Path, line: str) -> None:
    path = write(tmp_path / "bad.jsonl", row("fine"), line)
    with pytest.raises(CorpusError) as caught:
        read_corpus(path)
    assert "line 2" in str(caught.value) and "bad.jsonl" in str(caught.value)
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None


def test_empty_lines_are_passed_over(tmp_path: Path) -> None:
    assert len(read_corpus(write(tmp_path / "a.jsonl", row("one"), "", row("two")))) == 2


def test_build_gives_exact_offsets() -> None:
    made = build_utterance(["it's ", ("Vantora", "PERSON"), ", ", ("", "PERSON"), "yes"])
    assert made == LabeledUtterance("it's Vantora, yes", (Mark(5, 12, "PERSON"),))


@pytest.mark.parametrize(
    ("text", "unknown"),
    [
        ("so did zofia see the long report", ["zofia"]),
        ("hope will bill us for it", ["hope", "bill"]),  # given names that are words
        ("ask mister qzyvand", ["qzyvand"]),
        ("the k l t and the b m w", []),
        ("uhhuh yeah the analysis of berlin's frames", ["berlin's"]),
    ],
)
def test_in_talk_without_capitals_what_may_be_a_name_is_unknown(
    tmp_path: Path, text: str, unknown: list[str]
) -> None:
    (talk,) = read_corpus(write(tmp_path / "a.jsonl", row(text, complete=())))
    assert talk.spoken and labels(talk) == [(word, UNKNOWN) for word in unknown]


def test_words_that_no_label_ever_holds_are_none_where_they_are_usual(tmp_path: Path) -> None:
    # "hai" greets in this file, "zofia" is a label that is missing; a file without labels tells
    # neither
    rows = [row("hai this is merek", ("merek", "PERSON"), complete=()) for _ in range(20)]
    asked = row("hai i am zofia", ("zofia", "PERSON"), complete=())
    missed = row("hai it is zofia", complete=())
    assert labels(read_corpus(write(tmp_path / "a.jsonl", *rows, asked, missed))[-1]) == [
        ("zofia", UNKNOWN)
    ]
    assert labels(read_corpus(write(tmp_path / "b.jsonl", missed))[0]) == [
        ("hai", UNKNOWN),
        ("zofia", UNKNOWN),
    ]


@pytest.mark.parametrize(
    ("kind", "unknown"),
    [("ORDER_ID", []), ("ACCOUNT_ID", []), ("EMAIL", ["quellmir"]), ("PASSWORD", ["quellmir"])],
)
def test_the_letters_of_a_code_are_no_name(tmp_path: Path, kind: str, unknown: list[str]) -> None:
    (talk,) = read_corpus(
        write(tmp_path / "a.jsonl", row("it is quellmir 52", ("quellmir 52", kind), complete=()))
    )
    assert labels(talk) == [(word, UNKNOWN) for word in unknown]
