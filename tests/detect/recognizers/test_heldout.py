"""Spoken values on lines that no rule was tuned to: half B of the generated sets in `heldout` (see
`heldout/make.py`), as figures only.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.heldout.make import TYPES, lines

from callveil.schemas.policy_load import load_policy
from callveil.transforms.detect.engine import Detector
from callveil.transforms.lab.evaluate.gold import predict_rows, read_gold

FOLDER = Path(__file__).parent / "heldout"
FLOORS = {
    "name": 0.95,
    "birth": 0.95,
    "postcode": 0.95,
    "card": 0.97,
    "phone": 0.97,
    "email": 0.97,
    "ssn": 0.97,
}
"""Share of lines in which every letter and digit of the value is covered, at least."""
OVER = 40.0
"""Letters and digits covered outside of the values of every 1,000 characters, at most; fillers
within a value count here.
"""


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector(load_policy(None).detect)


def judged(detector: Detector, kind: str) -> Iterator[tuple[bool, int, int]]:
    """For each line: whether its value is wholly covered, letters and digits covered outside of it,
    and characters.
    """
    path = FOLDER / f"b-{kind}.jsonl"
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    for row, (_, found) in zip(
        rows, predict_rows(detector, load_policy(None), read_gold(path)), strict=True
    ):
        assert found is not None
        text = [turn["text"] for turn in row["turns"]]
        value = {
            (s["turn"], c)
            for s in row["spans"]
            for c in range(s["start"], s["end"])
            if text[s["turn"]][c].isalnum()
        }
        covered = {
            (s.turn, c) for s in found for c in range(s.start, s.end) if text[s.turn][c].isalnum()
        }
        yield value <= covered, len(covered - value), sum(map(len, text))


@pytest.mark.parametrize("kind", TYPES)
def test_values_are_found_on_unseen_lines(detector: Detector, kind: str) -> None:
    rows = list(judged(detector, kind))
    share = sum(whole for whole, _, _ in rows) / len(rows)
    over = 1000 * sum(extra for _, extra, _ in rows) / sum(chars for _, _, chars in rows)
    assert len(rows) >= 150
    assert share >= FLOORS[kind], f"{kind}: {share:.3f}"
    assert over <= OVER, f"{kind}: {over:.1f}"


@pytest.mark.parametrize("half", [0, 1])
@pytest.mark.parametrize("kind", TYPES)
def test_the_sets_are_what_the_seed_gives(kind: str, half: int) -> None:
    kept: list[dict[str, Any]] = [
        json.loads(line)
        for line in (FOLDER / f"{'ab'[half]}-{kind}.jsonl").read_text("utf-8").splitlines()
    ]
    assert kept == list(lines(kind, half))
    for row in kept:
        assert row["spans"]
        assert all(
            row["turns"][s["turn"]]["text"][s["start"] : s["end"]] == s["text"]
            for s in row["spans"]
        )
