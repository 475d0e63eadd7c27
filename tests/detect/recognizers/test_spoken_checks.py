"""Check digits and forms, and the numbers that words say. All numbers are made up or published as
examples.
"""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callveil.transforms.detect.lang import LanguageError, available_languages, load_language
from callveil.transforms.detect.recognizers import checks
from callveil.transforms.detect.recognizers.numbers import digit_runs
from callveil.transforms.detect.recognizers.tokens import TokenizedConversation
from callveil.transforms.detect.recognizers.vocabulary import load_vocabulary

ONES = ("oh", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
TEENS = (
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
)
TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")


def said(rng: random.Random, digits: str) -> str:
    """One way of many to say `digits`: singly, doubled, in pairs, or as written digits, with pauses
    between.
    """
    out, at = [], 0
    while at < len(digits):
        rest, way = digits[at:], rng.random()
        if len(rest) > 1 and rest[0] == rest[1] and way < 0.5:
            out.append(f"double {ONES[int(rest[0])]}")
            at += 2
        elif len(rest) > 1 and rest[0] == "1" and way < 0.2:
            out.append(TEENS[int(rest[1])])
            at += 2
        elif len(rest) > 1 and rest[0] >= "2" and rest[1] != "0" and way < 0.3:
            out.append(f"{TENS[int(rest[0])]} {ONES[int(rest[1])]}")
            at += 2
        else:
            out.append(rest[0] if way > 0.85 else ONES[int(rest[0])])
            at += 1
        if rng.random() < 0.1:
            out.append(rng.choice(("uh", "um", "dash")))
    return " ".join(out)


@settings(max_examples=300)
@given(st.text("0123456789", min_size=2, max_size=20), st.integers(0, 2**32))
def test_digits_said_are_the_digits_read(digits: str, seed: int) -> None:
    text = f"the number {said(random.Random(seed), '4' + digits)}"
    runs = digit_runs(TokenizedConversation(text, (), load_vocabulary("en")))
    assert [run.digits for run in runs] == ["4" + digits]


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("eight hundred five five five", ["800555"]),
        ("twenty one hundred", ["2100"]),
        ("five hundred and twelve", ["512"]),
        ("nineteen eighty four", ["1984"]),
        ("triple seven", ["777"]),
        ("4 one 5", ["415"]),
        ("three thousand", ["3000"]),
        ("twenty-one", ["21"]),
        ("two people", []),
        ("five dollars", []),
        ("that one is fine", []),
        ("oh no", []),
        ("six o clock", []),
        ("at 18:45", []),
        ("on 2024-01-02", []),
        ("it costs $45.50", []),
        ("a 4.5 rating", []),
        ("room 3f2504e0-4f89-11d3-9a0c-0305e82c3301", []),
        ("a7b", []),
    ],
)
def test_numbers_in_words(text: str, digits: list[str]) -> None:
    assert [
        run.digits for run in digit_runs(TokenizedConversation(text, (), load_vocabulary("en")))
    ] == digits


def slow_luhn(digits: str) -> bool:
    """ISO/IEC 7812-1 as its annex words it: double every second digit from the right, add the
    digits of all.
    """
    doubled = "".join(str(int(d) * (1 + i % 2)) for i, d in enumerate(reversed(digits)))
    return sum(map(int, doubled)) % 10 == 0


@given(st.text("0123456789", min_size=1, max_size=24))
def test_luhn_agrees_with_its_definition(digits: str) -> None:
    assert checks.luhn(digits) == slow_luhn(digits)


@given(
    st.text("0123456789", min_size=14, max_size=14).map(lambda s: "4" + s),
    st.integers(0, 14),
    st.integers(1, 9),
)
def test_one_wrong_digit_breaks_a_card(body: str, place: int, by: int) -> None:
    number = next(body + d for d in "0123456789" if checks.luhn(body + d))
    wrong = number[:place] + str((int(number[place]) + by) % 10) + number[place + 1 :]
    assert not checks.luhn(wrong)


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (checks.is_card_number, "4242424242424242", "4242424242424241"),
        (checks.is_card_number, "378282246310005", "0000000000000000"),
        (checks.is_nanp_number, "4155550134", "1155550134"),
        (checks.is_nanp_number, "14155550134", "24155550134"),
        (checks.is_ssn, "078051120", "900051120"),
        (checks.is_ssn, "219099999", "219009999"),
        (checks.is_itin, "912701234", "812701234"),
        (checks.is_itin, "900501234", "900491234"),
        (checks.is_uk_postcode, "CB43PQ", "CB43PQX"),
        (checks.is_uk_postcode, "SW1A1AA", "SW1A11A"),
        (checks.is_uk_postcode, "M11AE", "M11CE"),
        (checks.is_canadian_postcode, "K1A0B1", "D1A0B1"),
        (checks.is_dutch_postcode, "1012AB", "0012AB"),
        (checks.is_nino, "AB123456C", "BG123456C"),
        (checks.is_nhs_number, "9434765919", "9434765918"),
        (checks.is_iban, "GB82WEST12345698765432", "GB82WEST12345698765431"),
        (checks.is_iban, "NL91ABNA0417164300", "NL91ABNA041716430"),
        (checks.is_vin, "1HGCM82633A004352", "1HGCM82633A004353"),
        (checks.is_vin, "1M8GDM9AXKP042788", "1M8GDM9AOKP042788"),
    ],
)
def test_check_digits(check: object, good: str, bad: str) -> None:
    assert callable(check)
    assert check(good)
    assert not check(bad)


def test_every_language_folder_is_complete() -> None:
    assert "en" in available_languages()
    for code in available_languages():
        language = load_language(code)
        assert language.words and language.cues and language.openers
        assert load_vocabulary(code).kinds


def test_a_missing_language_is_named_with_those_there_are() -> None:
    with pytest.raises(LanguageError, match=r"there is data for .*en"):
        load_language("xx")


def test_no_word_of_the_language_was_read_as_a_boolean() -> None:
    vocab = load_vocabulary("en")
    assert {"no", "yes", "on"} <= vocab.fillers | vocab.backchannel
    assert all(isinstance(word, str) for words in vocab.sets.values() for word in words)
