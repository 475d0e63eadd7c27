"""Measures of detection against hand-made cases, their own definitions, and the scorer that comes
with published sets.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callveil.schemas.policy import Policy
from callveil.transforms.detect.engine import Detector
from callveil.transforms.lab.evaluate.evaluate import CallveilFinder, evaluate_sets
from callveil.transforms.lab.evaluate.gold import (
    GoldLabel,
    GoldRow,
    Prediction,
    normalize_type,
    read_gold,
)
from callveil.transforms.lab.evaluate.measure import (
    CORE,
    Estimate,
    Scoring,
    SetMetrics,
    Tally,
    bootstrap_ratio,
    wilson_interval,
)
from callveil.transforms.lab.evaluate.misses import ErrorCounts, miss_kind


def row(*texts: str, labels: Sequence[GoldLabel] = (), complete: Sequence[str] = ()) -> GoldRow:
    return GoldRow(
        "r",
        "f",
        1,
        tuple(("agent" if i % 2 else "customer", t) for i, t in enumerate(texts)),
        tuple(labels),
        frozenset(complete),
    )


def figures(
    r: GoldRow,
    predictions: Sequence[Prediction],
    scoring: Scoring = Scoring(),  # noqa: B008 - frozen
) -> SetMetrics:
    tally = Tally(scoring)
    tally.add(r, predictions)
    return tally.figures()


def test_a_span_is_found_only_when_every_letter_and_digit_is_covered() -> None:
    r = row("call Ann Lee now", labels=[GoldLabel(0, 5, 12, "PERSON")])
    whole = figures(
        r, [Prediction(0, 5, 8, "PERSON", 1), Prediction(0, 9, 12, "PERSON", 1)]
    )  # the space between is no letter
    half = figures(r, [Prediction(0, 5, 8, "PERSON", 1)])
    assert (
        whole.entity_recall.value,
        whole.char_recall.value,
        whole.leak_per_1000.value,
        whole.zero_leak.value,
    ) == (1, 1, 0, 1)
    assert (half.entity_recall.value, half.char_recall.value, half.zero_leak.value) == (0, 0.5, 0)
    assert half.leak_per_1000.value == pytest.approx(1000 * 3 / 16)


def test_types_count_only_when_asked_for() -> None:
    r = row("call Ann now", labels=[GoldLabel(0, 5, 8, "PERSON")])
    wrong = [Prediction(0, 5, 8, "LOCATION", 1)]
    assert figures(r, wrong).entity_recall.value == 1
    assert figures(r, wrong, Scoring(typed=True)).entity_recall.value == 0
    assert (
        figures(r, [Prediction(0, 5, 8, "PERSON", 1)], Scoring(typed=True)).entity_recall.value == 1
    )


def test_weak_labels_are_neutral_and_patterns_labels_leave_recall_alone() -> None:
    r = row(
        "Ann 12345",
        labels=[GoldLabel(0, 0, 3, "PERSON", weak=True), GoldLabel(0, 4, 9, "ZIP", by="regex")],
    )
    assert figures(r, []).entity_recall.n == 1
    assert figures(r, [], Scoring(labelled_only=True)).entity_recall.n == 0
    assert figures(r, [Prediction(0, 0, 9, "PERSON", 1)]).over_per_1000.value == 0


def test_core_and_other_types() -> None:
    r = row("to Rome", labels=[GoldLabel(0, 3, 7, "LOCATION")])
    assert "LOCATION" not in CORE
    assert figures(r, []).entity_recall.n == 0
    assert figures(r, []).by_type["LOCATION"].entity_recall.value == 0
    assert figures(r, [], Scoring(all_types=True)).leak_per_1000.value == pytest.approx(
        1000 * 4 / 7
    )


def test_precision_asks_only_where_a_type_is_labelled_completely() -> None:
    r = row("Ann and Bob", labels=[GoldLabel(0, 0, 3, "PERSON")], complete=["PERSON"])
    f = figures(
        r,
        [
            Prediction(0, 0, 3, "PERSON", 1),
            Prediction(0, 8, 11, "PERSON", 1),
            Prediction(0, 4, 7, "LOCATION", 1),
        ],
    )
    assert (f.precision.value, f.precision.n, f.typed_precision.value) == (0.5, 2, 0.5)
    assert f.over_per_1000.value == pytest.approx(1000 * 6 / 11)


def test_wilson_interval_of_a_published_case() -> None:
    # 81 of 263: Newcombe, Statistics in Medicine 17 (1998), table I, method 3.
    e = wilson_interval(81, 263)
    assert (round(e.low or 0, 4), round(e.high or 0, 4)) == (0.2553, 0.3662)
    assert wilson_interval(0, 0) == Estimate(None, None, None, 0)
    assert wilson_interval(10, 10).high == 1 and wilson_interval(0, 10).low == 0


@given(st.integers(1, 400), st.data())
def test_wilson_interval_holds_the_share_and_shrinks(n: int, draw: st.DataObject) -> None:
    k = draw.draw(st.integers(0, n))
    e, larger = wilson_interval(k, n), wilson_interval(4 * k, 4 * n)
    assert (
        e.value is not None
        and e.low is not None
        and e.high is not None
        and larger.low is not None
        and larger.high is not None
    )
    assert 0 <= e.low <= e.value <= e.high <= 1
    assert larger.high - larger.low < e.high - e.low


def test_bootstrap_is_seeded_and_covers() -> None:
    parts, wholes = [n % 7 for n in range(200)], [10 + n % 5 for n in range(200)]
    first = bootstrap_ratio(parts, wholes, 1000)
    assert first == bootstrap_ratio(parts, wholes, 1000)
    assert first.value == pytest.approx(1000 * sum(parts) / sum(wholes))
    assert (
        first.low is not None
        and first.high is not None
        and first.low < (first.value or 0) < first.high
    )
    # The interval is about as wide as the ratio estimator's normal approximation says.
    ratio = sum(parts) / sum(wholes)
    spread = math.sqrt(sum((p - ratio * w) ** 2 for p, w in zip(parts, wholes, strict=True))) / sum(
        wholes
    )
    assert (first.high - first.low) / 1000 == pytest.approx(2 * 1.96 * spread, rel=0.15)
    assert bootstrap_ratio([], []).value is None
    assert bootstrap_ratio([0, 0], [0, 0]).n == 0


def test_merging_tallies_is_counting_all_at_once() -> None:
    rows = [
        row(f"name Ann{n} and more", labels=[GoldLabel(0, 5, 9, "PERSON")], complete=["PERSON"])
        for n in range(6)
    ]
    found = [[Prediction(0, 5, 9 - n % 2, "PERSON", 1)] for n in range(6)]
    whole, parts = Tally(Scoring()), [Tally(Scoring()), Tally(Scoring())]
    for n, (r, p) in enumerate(zip(rows, found, strict=True)):
        whole.add(r, p)
        parts[n >= 3].add(r, p)
    parts[0].merge(parts[1])
    assert parts[0].figures() == whole.figures()


@pytest.mark.parametrize(
    ("text", "label", "predicted", "expected"),
    [
        ("it is ann lee.", (6, 13), [(6, 9)], ("part of PERSON", "lower", "end")),
        ("Ann.", (0, 3), [], ("none", "capitalised", "whole turn")),
        ("ANN called", (0, 3), [(5, 10)], ("near PERSON", "upper", "start")),
        (
            "the code 4711 is old and then nothing more is said of Bob",
            (9, 13),
            [(54, 57)],
            ("none", "no letters", "middle"),
        ),
    ],
)
def test_kinds_of_misses(
    text: str,
    label: tuple[int, int],
    predicted: list[tuple[int, int]],
    expected: tuple[str, str, str],
) -> None:
    wanted = GoldLabel(1, *label, "PERSON")
    kind = miss_kind(
        row("who is it?", text, labels=[wanted]),
        wanted,
        [Prediction(1, a, b, "PERSON", 1) for a, b in predicted],
    )
    assert (kind.nearest, kind.case, kind.position) == expected
    assert kind.after_question


def test_accounts_quote_only_on_request() -> None:
    r = row("it is Ann, not Bob", labels=[GoldLabel(0, 6, 9, "PERSON")])
    for quote in (False, True):
        account = ErrorCounts(quote)
        account.add(r, [Prediction(0, 15, 18, "PERSON", 0.9, "X")], [r.labels[0]])
        told = repr(account.as_dict())
        assert ("Ann" in told, "Bob" in told) == (quote, quote)
        assert account.over[("PERSON", "X")] == 3


# -- the published scorer


@lru_cache
def published(data: Path) -> Any:
    spec = importlib.util.spec_from_file_location("published_score", data / "score.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def agree(mine: SetMetrics, theirs: dict[str, Any]) -> None:
    pairs = [
        (mine.entity_recall, "core_entity_recall"),
        (mine.char_recall, "core_char_recall"),
        (mine.leak_per_1000, "leak_per_1000"),
        (mine.over_per_1000, "over_per_1000"),
        (mine.zero_leak, "zero_leak_share"),
        (mine.precision, "precision"),
        (mine.typed_precision, "typed_precision"),
    ]
    for estimate, name in pairs:
        assert estimate.value == (
            None if theirs[name] is None else pytest.approx(theirs[name], abs=1e-12)
        ), name
    counts = (mine.dialogues, mine.chars, mine.entity_recall.n, mine.zero_leak.n, mine.precision.n)
    assert counts == tuple(
        theirs[k]
        for k in ("dialogues", "chars", "core_spans", "dialogues_with_core", "precision_n")
    )
    assert {
        k: (f.entity_recall.n, f.entity_recall.value)
        for k, f in mine.by_type.items()
        if f.entity_recall.n
    } == {k: (v["n"], pytest.approx(v["entity"])) for k, v in theirs["by_type"].items()}
    assert {
        k: (f.precision.n, f.precision.value) for k, f in mine.by_type.items() if f.precision.n
    } == {k: (v["n"], pytest.approx(v["p"])) for k, v in theirs["precision_by_type"].items()}


def as_published(r: GoldRow) -> dict[str, Any]:
    spans = [
        {"turn": s.turn, "start": s.start, "end": s.end, "type": s.type, "weak": s.weak, "by": s.by}
        for s in r.labels
    ]
    return {
        "id": r.id,
        "turns": [{"text": t} for _, t in r.turns],
        "metadata": {"complete_types": sorted(r.complete)},
        "spans": spans,
    }


SCORINGS = [
    Scoring(),
    Scoring(typed=True),
    Scoring(all_types=True),
    Scoring(labelled_only=True),
    Scoring(True, True, True),
]


@pytest.mark.parametrize("name", ["sgd", "multiwoz", "presidio_synth"])
def test_figures_are_those_of_the_published_scorer_on_published_sets(
    name: str, data: Path, detector: Detector, policy: Policy
) -> None:
    scorer = published(data)
    gold = list(read_gold(data / "dev" / f"{name}.jsonl", 60))
    found: dict[str, list[Prediction]] = {}
    measured = evaluate_sets(
        CallveilFinder(detector, policy),
        [data / "dev" / f"{name}.jsonl"],
        limit=60,
        sink=lambda r, p: found.__setitem__(r.id, list(p)),
    )
    theirs = {k: [p.as_dict() for p in v] for k, v in found.items()}
    agree(measured[0].figures, scorer.score([as_published(r) for r in gold], theirs))
    for scoring in SCORINGS[1:]:
        tally = Tally(scoring)
        for r in gold:
            tally.add(r, found[r.id])
        options = {
            "typed": scoring.typed,
            "all_types": scoring.all_types,
            "labelled_only": scoring.labelled_only,
        }
        agree(tally.figures(), scorer.score([as_published(r) for r in gold], theirs, **options))


KINDS = ["PERSON", "PHONE", "LOCATION", "ZIP", "DATE"]
PREDICTED = ["PERSON", "PHONE_NUMBER", "ZIP_CODE", "LOCATION", "AGE"]


@st.composite
def case(draw: st.DrawFn) -> tuple[GoldRow, list[Prediction]]:
    texts = draw(st.lists(st.text("ab1 .\u00e9", max_size=12), min_size=1, max_size=3))
    long = [(t, n) for t, n in enumerate(map(len, texts)) if n]

    def span(kinds: list[str]) -> tuple[int, int, int, str]:
        turn, size = draw(st.sampled_from(long))
        start = draw(st.integers(0, size - 1))
        return turn, start, draw(st.integers(start + 1, size)), draw(st.sampled_from(kinds))

    count = st.integers(0, 4) if long else st.just(0)
    labels = [
        GoldLabel(*span(KINDS), draw(st.booleans()), draw(st.sampled_from(["", "regex"])))
        for _ in range(draw(count))
    ]
    predictions = [Prediction(*span(PREDICTED), 1.0) for _ in range(draw(count))]
    return row(
        *texts, labels=labels, complete=draw(st.lists(st.sampled_from(KINDS), unique=True))
    ), predictions


@given(case(), st.sampled_from(SCORINGS))
@settings(max_examples=300)
def test_the_sums_follow_their_definitions(
    drawn: tuple[GoldRow, list[Prediction]], scoring: Scoring
) -> None:
    r, predictions = drawn
    f = figures(r, predictions, scoring)
    places = {
        (t, c) for t, (_, text) in enumerate(r.turns) for c in range(len(text)) if text[c].isalnum()
    }
    inside = {(s.turn, c) for s in r.labels for c in range(s.start, s.end)}
    covered = {(p.turn, c) for p in predictions for c in range(p.start, p.end)}
    typed = {
        (p.turn, c, normalize_type(p.type)) for p in predictions for c in range(p.start, p.end)
    }
    asked = [
        s
        for s in r.labels
        if not s.weak
        and not (scoring.labelled_only and s.by)
        and (scoring.all_types or s.type in CORE)
    ]

    def hit(label: GoldLabel, c: int) -> bool:
        return (label.turn, c, label.type) in typed if scoring.typed else (label.turn, c) in covered

    open_ = [
        [c for c in range(s.start, s.end) if (s.turn, c) in places and not hit(s, c)] for s in asked
    ]
    size = sum(len(text) for _, text in r.turns)
    assert f.entity_recall.n == len(asked)
    assert (f.entity_recall.value or 0) * len(asked) == pytest.approx(sum(not o for o in open_))
    if size:
        assert f.leak_per_1000.value == pytest.approx(1000 * sum(map(len, open_)) / size)
        assert f.over_per_1000.value == pytest.approx(
            1000 * len((covered & places) - inside) / size
        )


@given(case(), st.sampled_from(SCORINGS))
@settings(max_examples=200)
def test_figures_are_those_of_the_published_scorer_on_any_spans(
    data: Path, drawn: tuple[GoldRow, list[Prediction]], scoring: Scoring
) -> None:
    r, predictions = drawn
    if not any(text for _, text in r.turns):
        return  # the published scorer divides by the number of characters
    options = {
        "typed": scoring.typed,
        "all_types": scoring.all_types,
        "labelled_only": scoring.labelled_only,
    }
    agree(
        figures(r, predictions, scoring),
        published(data).score(
            [as_published(r)], {r.id: [p.as_dict() for p in predictions]}, **options
        ),
    )
