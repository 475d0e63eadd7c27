"""The business' own values survive; a caller's own do not, though they are the same."""

from __future__ import annotations

import datetime as dt

import pytest

from callveil.schemas.account import Account
from callveil.schemas.finding import TextSpan
from callveil.transforms.detect.business_values import business_spans, drop_business_findings

ACCOUNT = Account(
    "1",
    dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
    name="Lopez  Plumbing",
    numbers=("+1 415-555-0132", "911"),
)


@pytest.mark.parametrize(
    ("text", "own"),
    [
        ("thanks for calling lopez plumbing", ["lopez plumbing"]),
        ("Lopez Plumbingworks is another", []),
        ("this is Ana Lopez", []),
        ("our number is 415 555 0132", ["415 555 0132"]),
        (
            "call four one five five five five oh one three two",
            ["four one five five five five oh one three two"],
        ),
        ("my number is 415 555 0133", []),
        ("dial 911", []),
        ("the office is (202) 555-0171", ["202) 555-0171"]),
    ],
)
def test_names_and_numbers_of_the_business_are_placed(text: str, own: list[str]) -> None:
    places = business_spans(text, {"business_number": "+12025550171"}, ACCOUNT)
    widest = [
        (a, b)
        for a, b in places
        if not any(c <= a and b <= d and (a, b) != (c, d) for c, d in places)
    ]  # a local form lies within the whole
    assert sorted({text[a:b].strip("(") for a, b in widest}) == own


@pytest.mark.parametrize(
    ("text", "own"),
    [
        ("we are at 12 elm street, come by", ["12 elm street"]),
        ("it is twelve elm street springfield", ["twelve elm street springfield"]),
        ("12 Elm Street, Springfield, IL 62701", ["12 Elm Street, Springfield, IL 62701"]),
        ("i live at 14 elm street", []),
        ("i live in springfield", []),
    ],
)
def test_addresses_of_the_business_are_placed(text: str, own: list[str]) -> None:
    account = Account(
        "1",
        dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
        addresses=("12 Elm Street, Springfield, IL 62701", "Springfield"),
    )
    places = business_spans(text, {}, account)
    widest = [
        (a, b)
        for a, b in places
        if not any(c <= a and b <= d and (a, b) != (c, d) for c, d in places)
    ]
    assert [text[a:b] for a, b in widest] == own


def test_a_number_that_only_ends_like_the_business_own_stays() -> None:
    text = "my number is 202 555 0132"
    found = [TextSpan(13, len(text), "PHONE_NUMBER", 0.9, "SpokenPhoneRecognizer")]
    assert drop_business_findings(found, business_spans(text, {}, ACCOUNT)) == found


def test_without_an_account_only_the_record_speaks() -> None:
    assert business_spans("lopez plumbing, 415 555 0132", {}, None) == []
    assert business_spans("it's 415 555 0132", {"tracking_number": "4155550132"}, None)


def test_what_someone_knows_to_be_personal_stays() -> None:
    places = [(0, 10)]
    found = [
        TextSpan(0, 10, "PHONE_NUMBER", 0.9, name)
        for name in ("SpokenPhoneRecognizer", "known_value", "deny_list")
    ]
    assert [s.detector for s in drop_business_findings(found, places)] == [
        "known_value",
        "deny_list",
    ]
    wider = TextSpan(0, 12, "PHONE_NUMBER", 0.9, "SpokenPhoneRecognizer")
    assert drop_business_findings([wider], places) == [wider]
