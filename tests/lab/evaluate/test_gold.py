"""Reading labelled conversations, and what detection predicts for them. All names and numbers are
made up.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from callveil.schemas.policy import Policy
from callveil.schemas.policy_load import load_policy
from callveil.transforms.detect.engine import Detector
from callveil.transforms.lab.evaluate.evaluate import POOLED, CallveilFinder, evaluate_sets
from callveil.transforms.lab.evaluate.gold import (
    GoldError,
    Prediction,
    as_job,
    predict_rows,
    read_gold,
)

GOOD: dict[str, Any] = {
    "id": "a",
    "turns": [{"speaker": "customer", "text": "it is Zorblax"}],
    "spans": [{"turn": 0, "start": 6, "end": 13, "type": "PERSON"}],
}


def test_a_row_is_read_with_its_types_normalised(write: Callable[[Any], Path]) -> None:
    spans = [{"turn": 0, "start": 0, "end": 2, "type": "PHONE_NUMBER", "by": "regex", "weak": True}]
    (row,) = read_gold(
        write(
            {
                **GOOD,
                "spans": spans,
                "metadata": {"complete_types": ["EMAIL_ADDRESS"], "language": "en"},
            }
        )
    )
    assert (row.id, row.line, row.language, row.complete, row.words) == ("a", 1, "en", {"EMAIL"}, 3)
    assert (row.labels[0].type, row.labels[0].weak, row.labels[0].by) == ("PHONE", True, "regex")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"id": ""}, "id"),
        ({"id": None}, "id"),
        ({"turns": None}, "turns"),
        ({"turns": [{"speaker": "x"}]}, "turns"),
        ({"spans": None}, "spans"),
        ({"spans": [4]}, "spans[0]"),
        ({"spans": [{**GOOD["spans"][0], "turn": 1}]}, "spans[0].turn"),
        ({"spans": [{**GOOD["spans"][0], "end": 14}]}, "spans[0]"),
        ({"spans": [{**GOOD["spans"][0], "start": 13}]}, "spans[0]"),
        ({"spans": [{**GOOD["spans"][0], "start": "6"}]}, "spans[0].start"),
        ({"spans": [{**GOOD["spans"][0], "end": True}]}, "spans[0].end"),
        ({"spans": [{**GOOD["spans"][0], "type": ""}]}, "spans[0].type"),
        ({"metadata": [1]}, "metadata"),
        ({"metadata": {"complete_types": "PERSON"}}, "metadata.complete_types"),
    ],
)
def test_what_is_wrong_with_a_row_is_said_without_its_content(
    change: dict[str, Any], field: str, write: Callable[[Any], Path]
) -> None:
    path = write({**GOOD, **change})
    with pytest.raises(GoldError) as error:
        list(read_gold(path))
    assert str(error.value).startswith(f"{path}:1: {field}:")
    assert "Zorblax" not in str(error.value)


def test_files_that_are_no_gold(tmp_path: Path, write: Callable[[Any], Path]) -> None:
    with pytest.raises(GoldError, match="cannot be opened"):
        list(read_gold(tmp_path / "none.jsonl"))
    with pytest.raises(GoldError, match=r":2: not a JSON line"):
        list(read_gold(write(json.dumps(GOOD) + "\n{'id'")))
    with pytest.raises(GoldError, match=r":3: id: line 1 has the same"):
        list(read_gold(write(json.dumps(GOOD) + "\n\n" + json.dumps(GOOD))))


def test_limit_counts_rows_not_lines(write: Callable[[Any], Path]) -> None:
    path = write("\n\n" + "\n\n".join(json.dumps({**GOOD, "id": n}) for n in range(5)))
    assert [(r.id, r.line) for r in read_gold(path, 2)] == [("0", 3), ("1", 5)]


def test_roles_become_channels(
    detector: Detector, policy: Policy, write: Callable[[Any], Path]
) -> None:
    turns = [{"speaker": s, "text": "hello"} for s in ("customer", "agent", "Speaker 1")]
    (row,) = read_gold(write({"id": "a", "turns": turns, "spans": []}))
    assert [t.get("channel") for t in as_job(row, policy, detector).raw.record["outline"]] == [
        1,
        2,
        None,
    ]


def test_a_language_the_policy_does_not_read_is_refused(
    detector: Detector, policy: Policy, write: Callable[[Any], Path]
) -> None:
    with pytest.raises(GoldError, match=r"row\.jsonl:1: metadata\.language"):
        list(
            predict_rows(
                detector, policy, read_gold(write({**GOOD, "metadata": {"language": "fi"}}))
            )
        )


def test_predictions_stand_in_their_turns(
    detector: Detector, policy: Policy, write: Callable[[Any], Path]
) -> None:
    """A number given over three turns is covered in each, in the turn's own offsets, line feeds and
    empty turns notwithstanding.
    """
    texts = [
        ("agent", "and the phone number?"),
        ("customer", "yes\nfour one five"),
        ("agent", "mm-hm"),
        ("customer", "five five five"),
        ("agent", ""),
        ("customer", "oh one four two thanks"),
    ]
    row = {"id": "a", "turns": [{"speaker": s, "text": t} for s, t in texts], "spans": []}
    ((_, found),) = predict_rows(detector, policy, read_gold(write(row)))
    assert found is not None
    said = [
        (p.turn, texts[p.turn][1][p.start : p.end])
        for p in found
        if p.type == "PHONE_NUMBER" and p.turn % 2
    ]
    assert said == [(1, "four one five"), (3, "five five five"), (5, "oh one four two")]


def test_long_turns_bring_no_warnings_of_libraries(
    detector: Detector, policy: Policy, write: Callable[[Any], Path]
) -> None:
    """Pieces of a long text, and of a long word, are joined by spaCy, which would warn of what
    rides along (W102).
    """
    text = "my name is Jane Smith and I live in Chicago. " * 460 + "x" * 500
    row = {"id": "a", "turns": [{"speaker": "customer", "text": text}], "spans": []}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ((_, found),) = predict_rows(detector, policy, read_gold(write(row)))
    assert found is not None and sum(p.type == "PERSON" for p in found) == 460


def test_what_the_policy_keeps_is_not_predicted(
    detector: Detector, write: Callable[[Any], Path], tmp_path: Path
) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text("version: 1\nname: keeps\nextends: gdpr\nentities:\n  EMAIL_ADDRESS: keep\n")
    keeping = load_policy(str(path))
    row = {
        "id": "a",
        "turns": [{"speaker": "customer", "text": "write to jo@example.com"}],
        "spans": [],
    }
    for policy, expected in ((load_policy(None), ["EMAIL_ADDRESS"]), (keeping, [])):
        ((_, found),) = predict_rows(detector, policy, read_gold(write(row)))
        assert found is not None and [p.type for p in found if p.start >= 9] == expected


def test_evaluating_files_one_by_one_and_together(
    detector: Detector, policy: Policy, gold_file: Path, write: Callable[[Any], Path]
) -> None:
    told: list[tuple[str, int]] = []

    def sink(row: Any, predictions: Any) -> None:
        told.append((row.id, len(predictions)))

    first, second, both = evaluate_sets(
        CallveilFinder(detector, policy), [gold_file, write({**GOOD, "spans": []})], sink=sink
    )
    assert [name for name, _ in told] == ["one", "two", "a"]
    assert (first.name, both.name) == (str(gold_file), POOLED)
    assert first.figures.by_type["PHONE"].entity_recall.value == 1
    assert first.figures.by_type["EMAIL"].entity_recall.value == 1
    assert first.figures.entity_recall.value == pytest.approx(2 / 3)
    assert both.words == first.words + second.words
    assert both.figures.chars == first.figures.chars + second.figures.chars
    assert not both.account.missed_examples


def test_a_conversation_that_cannot_be_read_counts_as_leaked(
    detector: Detector, policy: Policy, gold_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A real recognizer is made to fail on one text; the job would reject that record."""
    recognizer = next(
        r for r in detector.analyzer.registry.recognizers if r.name == "SpokenEmailRecognizer"
    )
    whole = type(recognizer).analyze

    def failing(self: Any, text: str, *rest: Any, **more: Any) -> Any:
        if "jane.doe" in text:
            raise RuntimeError("generated failure")
        return whole(self, text, *rest, **more)

    monkeypatch.setattr(type(recognizer), "analyze", failing)
    (measured,) = evaluate_sets(CallveilFinder(detector, policy), [gold_file])
    assert measured.failed == 1
    assert measured.figures.by_type["EMAIL"].entity_recall.value == 0
    assert measured.figures.by_type["PHONE"].entity_recall.value == 1


def test_predictions_have_the_form_in_which_they_are_exchanged() -> None:
    assert Prediction(1, 2, 5, "PERSON", 0.123456, "X").as_dict() == {
        "turn": 1,
        "start": 2,
        "end": 5,
        "type": "PERSON",
        "score": 0.1235,
    }
