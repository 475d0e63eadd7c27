"""State numbers with check digits: DNI and NIE, NIR, the German tax number. The examples are those
the authorities publish as samples.
"""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from callveil.transforms.detect.recognizers import checks

VALID = {
    "es_dni": ["12345678Z", "00000000T", "99999999R"],
    "es_nie": ["X1234567L", "Y1234567X", "Z1234567R", "X0000000T"],
    "fr_nir": ["255081416802538", "284077511600190", "185052A00400181", "185052B00400111"],
    "de_tax_id": ["86095742719", "65929970489", "57549285017", "25768131411"],
}
WRONG = {
    "es_dni": ["12345678A", "1234567Z", "123456789Z", "12345678", "ABCDEFGHZ", ""],
    "es_nie": ["X1234567A", "W1234567L", "1234567L", "X12345678Z"],
    "fr_nir": [
        "255081416802539",
        "955081416802538",
        "255151416802538",
        "2550814168025",
        "185052C00400181",
    ],
    "de_tax_id": ["86095742718", "06095742719", "8609574271", "12345678903", "11111111111"],
}


@pytest.mark.parametrize(
    ("name", "text"), [(name, text) for name, texts in VALID.items() for text in texts]
)
def test_valid(name: str, text: str) -> None:
    entity, check = checks.NATIONAL[name]
    assert check(text)
    assert checks.national_id_type(text, [name]) == entity
    assert checks.national_id_type(text, []) is None


@pytest.mark.parametrize(
    ("name", "text"), [(name, text) for name, texts in WRONG.items() for text in texts]
)
def test_wrong(name: str, text: str) -> None:
    assert not checks.NATIONAL[name][1](text)


@settings(max_examples=200)
@given(number=st.integers(0, 99_999_999), letter=st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
def test_one_letter_fits_a_dni(number: int, letter: str) -> None:
    fits = [c for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" if checks.is_dni(f"{number:08}{c}")]
    assert len(fits) == 1
    assert checks.is_dni(f"{number:08}{letter}") == (letter == fits[0])
    if number < 30_000_000:
        assert checks.is_nie("XYZ"[number // 10_000_000] + f"{number:08}"[1:] + fits[0])


@settings(max_examples=200)
@given(
    text=st.sampled_from([t for name in ("fr_nir", "de_tax_id", "es_dni") for t in VALID[name]]),
    place=st.integers(0, 14),
    digit=st.sampled_from("0123456789"),
)
def test_one_wrong_digit_is_noticed(text: str, place: int, digit: str) -> None:
    assume(place < len(text) and text[place].isdigit() and text[place] != digit)
    changed = text[:place] + digit + text[place + 1 :]
    assert checks.national_id_type(changed, list(checks.NATIONAL)) is None


@settings(max_examples=200)
@given(st.text("0123456789ABZXY", max_size=16))
def test_any_text(text: str) -> None:
    for _, check in checks.NATIONAL.values():
        assert check(text) in (True, False)
