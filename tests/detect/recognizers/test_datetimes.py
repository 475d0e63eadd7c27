"""Dates that are no birth dates: found where a policy asks for them, and nowhere else. All values
are generated.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.record_redaction import Bench, content

from callveil.schemas.policy import DetectionSettings
from callveil.schemas.policy_load import parse_policy
from callveil.transforms.detect.conversation import View
from callveil.transforms.detect.engine import Detector

HIPAA = "version: 1\nextends: hipaa\ndetect: {model: none}\n"
MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
ORDINALS = (
    "first",
    "second",
    "third",
    "fourth",
    "fifth",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
    "tenth",
    "eleventh",
    "twelfth",
    "thirteenth",
    "fourteenth",
    "fifteenth",
    "sixteenth",
    "seventeenth",
    "eighteenth",
    "nineteenth",
    "twentieth",
)


@pytest.fixture(scope="module")
def asking() -> Detector:
    """A detector of a policy that asks for dates."""
    return Detector(DetectionSettings(model="none", dates=True))


def dates(detector: Detector, text: str) -> list[str]:
    """Return the texts found as DATE_TIME, by callveil's recognizer or Presidio's."""
    ((_, spans),) = detector.run([(View(text), 0)], "en")
    assert isinstance(spans, list)
    places = sorted({(s.start, s.end) for s in spans if s.entity == "DATE_TIME"})
    return [text[start:end] for start, end in places]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("your appointment is on march 3rd at 10 am", ["march 3rd"]),
        ("admitted the fourth of may twenty twenty six", ["fourth of may twenty twenty six"]),
        ("discharged on 3/14/2026, seen 2026-03-20", ["3/14/2026", "2026-03-20"]),
        ("since June 2024", ["June 2024"]),
        ("14th of September 2025, then Oct. 2", ["14th of September 2025", "Oct. 2"]),
        ("december twenty first", ["december twenty first"]),
        ("paid 30 march", ["30 march"]),
        ("2024 was good", []),
        ("tuesday at noon", []),
        ("in march we moved", []),
        ("call 415-555-0134", []),
        ("may I", []),
        ("room 3, may be 99 of them", []),
    ],
)
def test_dates(asking: Detector, text: str, found: list[str]) -> None:
    assert dates(asking, text) == found


@settings(max_examples=80)
@given(
    day=st.dates(dt.date(1990, 1, 1), dt.date(2029, 12, 31)),
    form=st.sampled_from(
        [
            "{m} {d}, {y}",
            "{d} {m} {y}",
            "{m} {o}",
            "{o} of {m}",
            "{y}-{n:02d}-{d:02d}",
            "{n}/{d}/{y}",
            "the {w} of {m}",
            "{m} {w}",
        ]
    ),
    around=st.sampled_from(["{}", "see you on {} then", "admitted {}.", "it was {}, yes"]),
    low=st.booleans(),
)
def test_every_form_of_a_day_is_found_whole(
    asking: Detector, day: dt.date, form: str, around: str, low: bool
) -> None:
    o = f"{day.day}{'th' if 10 < day.day < 20 else {1: 'st', 2: 'nd', 3: 'rd'}.get(day.day % 10, 'th')}"  # noqa: E501
    word = ORDINALS[day.day - 1] if day.day <= 20 else o
    said = form.format(m=MONTHS[day.month - 1], d=day.day, y=day.year, n=day.month, o=o, w=word)
    said = said.lower() if low else said
    (found,) = dates(asking, around.format(said))
    assert found == said.removeprefix("the ")


def test_only_a_policy_that_asks_gets_them(redact: Bench, tmp_path: Path) -> None:
    text = "your appointment is on March 3rd"
    assert (
        parse_policy(HIPAA).detect.dates
        and not parse_policy("version: 1\nextends: gdpr").detect.dates
    )
    assert (
        content(redact({"notes": text}, HIPAA, detector=Detector(parse_policy(HIPAA).detect)))[
            "notes"
        ]
        == "your appointment is on [DATE_TIME]"
    )
    assert content(redact({"notes": text}))["notes"] == text
    assert dates(redact.detector, text) == []


def test_a_birth_date_keeps_its_type(redact: Bench) -> None:
    record: dict[str, Any] = {
        "outline": [
            {"channel": 2, "text": "date of birth?"},
            {"channel": 1, "text": "May 4th 1980"},
        ]
    }
    out = content(redact(record, HIPAA, detector=Detector(parse_policy(HIPAA).detect)))
    assert out["outline"][1]["text"] == "[DATE_OF_BIRTH]"


def test_the_setting_is_part_of_the_policy_only_where_it_is_on() -> None:
    on, off = (
        parse_policy(f"version: 1\ndetect: {{dates: {value}}}") for value in ("true", "false")
    )
    assert "dates: true" in on.effective_yaml() and "dates" not in off.effective_yaml()
    assert off.sha256 == parse_policy("version: 1").sha256 != on.sha256
    assert parse_policy(on.effective_yaml()).detect == on.detect
