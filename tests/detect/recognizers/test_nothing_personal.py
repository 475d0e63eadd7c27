"""Talk without personal data: it stays readable under default policy and built-in model."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest

from callveil.schemas.policy_load import load_policy
from callveil.transforms.detect.conversation import View
from callveil.transforms.detect.engine import Detector
from callveil.transforms.detect.resolve import accept_findings, merge_spans

BAR = 4.0
"""Letters and digits redacted of every 1,000, at most."""


def table() -> dict[str, list[str]]:
    """Conversations by heading."""
    out: dict[str, list[str]] = defaultdict(list)
    heading = ""
    for line in (
        (Path(__file__).parent / "spoken" / "nothing.txt").read_text(encoding="utf-8").splitlines()
    ):
        if line.startswith("## "):
            heading = line[3:]
        elif line and not line.startswith("#"):
            out[heading].append(line)
    return out


def view_of(line: str) -> View:
    """The turns of one line of the table."""
    return View.of_turns(
        [
            ("agent", part[3:]) if part.startswith("A: ") else ("caller", part)
            for part in line.split(" / ")
        ]
    )


def covered(detector: Detector, lines: list[str]) -> list[tuple[str, set[int]]]:
    """Each text and the offsets that the default policy redacts in it."""
    rules = load_policy(None).base
    views = [view_of(line) for line in lines]
    out = []
    for view, (_, found) in zip(views, detector.run([(v, None) for v in views], "en"), strict=True):
        assert isinstance(found, list)
        out.append(
            (
                view.text,
                {
                    i
                    for s in merge_spans(accept_findings(view.text, found, rules)[0])
                    for i in range(s.start, s.end)
                    if view.text[i].isalnum()
                },
            )
        )
    return out


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector(load_policy(None).detect)


def test_hardly_anything_is_redacted(detector: Detector) -> None:
    lines = [line for group in table().values() for line in group]
    results = covered(detector, lines)
    letters = sum(sum(c.isalnum() for c in text) for text, _ in results)
    lost = sum(len(places) for _, places in results)
    shown = [
        "".join("_" if i in places else c for i, c in enumerate(text))
        for text, places in results
        if places
    ]
    assert len(lines) >= 120
    assert letters > 6000
    assert 1000 * lost / letters <= BAR, f"{lost} of {letters}:\n" + "\n".join(shown)


def test_no_digit_of_machine_identifiers_times_prices_and_rooms_is_redacted(
    detector: Detector,
) -> None:
    for text, places in covered(detector, table()["identifiers of machines, times and prices"]):
        assert not any(text[i].isdigit() for i in places), "".join(
            "_" if i in places else c for i, c in enumerate(text)
        )


@pytest.mark.parametrize(
    "text",
    [
        "a three star hotel",
        "a 4-star hotel",
        "4 star",
        "is your order confirmed / yes, a four star hotel",
        "a five - star place",
        "A: what did you order / a two star room",
        "A: what's the booking for / a 3 star hotel please",
    ],
)
def test_stars_are_no_order_numbers(detector: Detector, text: str) -> None:
    assert covered(detector, [text])[0][1] == set()


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("my name is penny and i live with grace", ["penny", "grace"]),
        ("i spoke with a rachel about the bill", ["rachel"]),
        ("the martinez family is coming at five", ["martinez"]),
        ("deliver it to 412 Oak Street, chair and all", ["412", "Oak", "Street"]),
        ("we are on Oak Street, the sofa goes upstairs", ["Oak", "Street"]),
        ("A: may i have your name / walnut", ["walnut"]),
        ("A: and your last name please / it's garage", ["garage"]),
    ],
)
def test_names_that_are_words_and_streets_are_found_where_they_are_told(
    detector: Detector, text: str, wanted: list[str]
) -> None:
    ((shown, places),) = covered(detector, [text])
    for word in wanted:
        at = shown.index(word)
        assert places.issuperset(range(at, at + len(word))), "".join(
            "_" if i in places else c for i, c in enumerate(shown)
        )
