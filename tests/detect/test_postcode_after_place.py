"""Postcodes right after a place. Every address is generated."""

from __future__ import annotations

import pytest

from callveil.schemas.finding import TextSpan
from callveil.transforms.detect.postcode_after_place import postcodes_after


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("[hobart] seven oh one four", ["seven oh one four"]),
        ("[hobart] tas seven oh one four, is that right?", ["seven oh one four"]),
        ("[3 elm street, austin], TX 78701.", ["78701"]),
        ("[austin] seven eighty seven oh one correct", ["seven eighty seven oh one"]),
        ("[newcastle] twenty three forty", []),  # may be a time
        ("[newcastle] seventy fifty two, is that right", ["seventy fifty two"]),
        ("[newcastle] twenty three four oh", ["twenty three four oh"]),
        ("[boston] ten thirty", []),
        ("[boston] nineteen eighty four", []),
        ("[boston] 2019.", []),
        ("[boston] 2345 miles away", []),
        ("[boston] four people", []),
        ("[boston] and then seven oh one four five", []),
        ("[boston]\n78701", []),
        ("[boston] seven oh one four five six", []),
        ("[boston] 7014 5678 9", ["7014 5678 9"]),
        ("[boston] 1200 elm street", []),
        ("78701 [boston]", []),
        ("[3 elm street] for $3,900.", []),
        ("[3 elm street], $3,900.", []),
        ("[3 elm street]. rent is 3900.", []),
        ("[3 elm street] for 3900.", []),
    ],
)
def test_digits_behind_a_place(text: str, found: list[str]) -> None:
    start, end = text.index("["), text.index("]") - 1
    plain = text.replace("[", "").replace("]", "")
    spans = list(
        postcodes_after(plain, [TextSpan(start, end, "LOCATION", 0.85, "SpacyRecognizer")], "en")
    )
    assert [plain[s.start : s.end] for s in spans] == found
    assert {s.entity for s in spans} <= {"ZIP_CODE"}


def test_numbers_are_those_of_the_language() -> None:
    text = "sevilla cuatro uno cero cero uno"
    assert [
        text[s.start : s.end]
        for s in postcodes_after(text, [TextSpan(0, 7, "LOCATION", 0.85, "x")], "es")
    ] == ["cuatro uno cero cero uno"]


def test_only_places_count() -> None:
    assert (
        list(postcodes_after("anna seven oh one four", [TextSpan(0, 4, "PERSON", 0.85, "x")], "en"))
        == []
    )
