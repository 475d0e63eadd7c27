"""Labels of values, and words beside a value that are no part of it, under the default policy and
the built-in model. All values are made up.
"""

from __future__ import annotations

import pytest

from callveil.schemas.policy_load import load_policy
from callveil.transforms.detect.conversation import View
from callveil.transforms.detect.engine import Detector
from callveil.transforms.detect.resolve import accept_findings, merge_spans


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector(load_policy(None).detect)


def found(detector: Detector, line: str) -> list[tuple[str, str]]:
    """(text, type) of what is redacted in a line whose turns ` / ` parts; the agent's begin with
    `A: `.
    """
    view = View.of_turns(
        [
            ("agent", part[3:]) if part.startswith("A: ") else ("caller", part)
            for part in line.split(" / ")
        ]
    )
    [(_, spans)] = detector.run([(view, None)], "en")
    assert isinstance(spans, list)
    return [
        (view.text[s.start : s.end], s.entity)
        for s in merge_spans(accept_findings(view.text, spans, load_policy(None).base)[0])
    ]


@pytest.mark.parametrize(
    "line",
    [
        "it's a violet Vauxhall Corsa",
        "A: what vehicle is it / violet Vauxhall Corsa",
        "the red Kia Sorento with the dent",
        "I've got a Mercedes C class",
        "my wife may come and my son will call, my dad can drive",
        "my address changed last month",
        "A: is the address still the same / no i moved last month",
        "which is the nearest branch",
        "for data protection we ask everybody",
    ],
)
def test_vehicles_verbs_and_times_are_nobodys(detector: Detector, line: str) -> None:
    assert found(detector, line) == []


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ("the reference for my booking is 4471093", [("4471093", "BOOKING_REFERENCE")]),
        (
            "A: do you have the reference for the booking / it's h k four four nine two",
            [("h k four four nine two", "BOOKING_REFERENCE")],
        ),
        (
            "Your booking is confirmed, the reference number is KQ8F2Z1X.",
            [("KQ8F2Z1X", "BOOKING_REFERENCE")],
        ),
        ("I made a booking, order number 4471093", [("4471093", "ORDER_ID")]),
        ("we moved to 88 Harley Street last month", [("88 Harley Street", "ADDRESS")]),
        (
            "I live at 14 Oakfield Road, Cambridge CB4 3PQ",
            [("14 Oakfield Road, Cambridge CB4 3PQ", "ADDRESS")],
        ),
        (
            "it's mike and jen at verizon dot net",
            [("mike and jen at verizon dot net", "EMAIL_ADDRESS")],
        ),
        ("send it to r lindqvist at gmail", [("r lindqvist at gmail", "EMAIL_ADDRESS")]),
        (
            "drop me a line at h lindqvist at g mail dot c o dot u k",
            [("h lindqvist at g mail dot c o dot u k", "EMAIL_ADDRESS")],
        ),
        (
            "call four one five five five five oh one nine two extension two three one please",
            [
                (
                    "four one five five five five oh one nine two extension two three one",
                    "PHONE_NUMBER",
                )
            ],
        ),
        (
            "call me on four one five five five five oh one nine for",
            [("four one five five five five oh one nine for", "PHONE_NUMBER")],
        ),
        (
            "A: your postcode please / kite tommy four four sugar william",
            [("kite tommy four four sugar william", "ZIP_CODE")],
        ),
        (
            "A: your date of birth / um one one slash eleven slash "
            "nineteen hundred and forty seven",
            [("one one slash eleven slash nineteen hundred and forty seven", "DATE_OF_BIRTH")],
        ),
    ],
)
def test_values_and_their_types(
    detector: Detector, line: str, values: list[tuple[str, str]]
) -> None:
    assert found(detector, line) == values
