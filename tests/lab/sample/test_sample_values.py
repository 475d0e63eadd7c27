"""Spoken and written values say what they are made from."""

from __future__ import annotations

import datetime as dt
import random
import re

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callveil.transforms.lab.sample import values as v
from callveil.transforms.lab.sample.people import COUNTRIES, random_person

SEEDS = st.integers(0, 2**64)
DIGITS = st.text("0123456789", min_size=1, max_size=16)
ONES = {
    w: str(i)
    for i, w in enumerate(
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    )
} | {"oh": "0"}
TEENS = {
    w: str(i + 10)
    for i, w in enumerate(
        [
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
        ]
    )
}
TENS = {
    w: i + 2
    for i, w in enumerate(
        ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
    )
}


def heard(text: str) -> str:
    """Digits of a spoken number: an understanding of its own, to check the generator's against."""
    out: list[str] = []
    times = 1
    for word in text.split():
        if word in ("double", "triple"):
            times = 2 if word == "double" else 3
        elif word == "hundred":
            out.append("00")
        elif word == "thousand":
            out.append("000")
        elif word in TENS:
            out.append(f"{TENS[word]}_")
        elif word in ONES and out and out[-1].endswith("_") and word not in ("oh", "zero"):
            out[-1] = out[-1][:-1] + ONES[word]
        elif word in ONES:
            out.append(ONES[word] * times)
            times = 1
        elif word in TEENS:
            out.append(TEENS[word])
        elif word.isdigit():
            out.append(word)
    return "".join(out).replace("_", "0")


@given(SEEDS, DIGITS, st.sampled_from(v.STYLES))
def test_spoken_digits_are_the_digits(seed: int, number: str, style: str) -> None:
    assert heard(v.spoken_digits(random.Random(seed), number, style)) == number


@given(SEEDS, DIGITS, st.lists(st.integers(1, 5), max_size=5))
def test_groups_and_fillers_lose_no_digit(seed: int, number: str, sizes: list[int]) -> None:
    said = v.spoken_digits(random.Random(seed), number, "words", sizes, fillers=0.5)
    assert "".join(ONES.get(w, "") for w in said.split()) == number


def test_spoken_digits_examples() -> None:
    rng = random.Random(0)
    assert v.spoken_digits(rng, "2100", "tens") == "twenty one hundred"
    assert v.spoken_digits(rng, "800", "tens") == "eight hundred"
    assert v.spoken_digits(rng, "4477", "double") == "double four double seven"
    assert v.spoken_digits(rng, "777", "double") == "triple seven"
    assert v.spoken_digits(rng, "415", "spaced") == "4 1 5"


def test_unknown_style_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown style"):
        v.spoken_digits(random.Random(0), "1", "sung")


@given(st.integers(0, 999_999))
def test_number_words_count(n: int) -> None:
    total = 0
    part = 0
    for word in v.number_words(n).split():
        if word == "thousand":
            total, part = part * 1000, 0
        elif word == "hundred":
            part *= 100
        else:
            part += (
                int(ONES[word])
                if word in ONES
                else int(TEENS[word])
                if word in TEENS
                else TENS[word] * 10
            )
    assert total + part == n


@given(SEEDS, st.sampled_from(COUNTRIES))
def test_written_phone_is_the_number(seed: int, country: str) -> None:
    rng = random.Random(seed)
    number = random_person(rng, country, realistic=True).phone
    parsed = phonenumbers.parse(v.written_phone(rng, number), country)
    assert phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164) == number


@given(SEEDS, st.sampled_from(COUNTRIES))
def test_spoken_phone_says_the_number(seed: int, country: str) -> None:
    rng = random.Random(seed)
    number = random_person(rng, country).phone
    national, _ = v.national_digits(number)
    said = heard(re.sub(r"[-]", " ", v.spoken_phone(rng, number, "words", 0.0)))
    # With a restart the wrong group comes first, so only the end is sure to be there.
    assert said.endswith(national[-2:])


@given(SEEDS)
def test_a_card_put_right_is_said_in_full(seed: int) -> None:
    rng = random.Random(seed)
    card = random_person(rng).card
    said = heard(v.with_restart(rng, card, "words"))
    assert len(said) >= len(card) + 1 and said != card
    assert said[-3:] == card[-3:] or said[: len(card) // 2] == card[: len(card) // 2]


@given(SEEDS, st.dates(dt.date(1930, 1, 1), dt.date(2010, 12, 31)), st.booleans())
def test_written_date_holds_day_and_year(seed: int, day: dt.date, american: bool) -> None:
    text = v.written_date(random.Random(seed), day, american)
    numbers = [int(x) for x in re.findall(r"\d+", text)]
    assert day.day in numbers and (day.year in numbers or day.year % 100 in numbers)


@pytest.mark.parametrize(
    "form",
    [
        "the fourth of july",
        "july fourth",
        "july 4th",
        "4th of july",
        "oh seven oh four",
        "seven four",
        "07 04",
        "4 july 1984",
        "four july",
    ],
)
def test_birth_dates_are_said_in_every_order(form: str) -> None:
    rng = random.Random(7)
    said = {v.spoken_date(rng, dt.date(1984, 7, 4)).lower() for _ in range(4000)} | {
        v.written_date(rng, dt.date(1984, 7, 4)).lower() for _ in range(200)
    }
    assert any(form in s for s in said), sorted(said)[:50]


@given(
    SEEDS,
    st.from_regex(r"[a-z]{2,12}", fullmatch=True),
    st.sampled_from(["letters", "dashes", "nato", "everyday", "half", "double", "fused"]),
)
def test_spelling_gives_the_letters_back(seed: int, name: str, style: str) -> None:
    said = v.spell_text(random.Random(seed), name, style)
    if style == "nato":
        letters = "".join(w[0] for w in said.split())
    elif style == "dashes":
        letters = said.replace("-", "").lower()
    else:
        plain = re.sub(r" (as in|for|like) [a-z-]+", "", said)
        letters = "".join(re.sub(r"double (.)", r"\1\1", plain).split())
    assert letters == name


@given(SEEDS, st.sampled_from(["US", "GB", "CA", "NL"]))
def test_spoken_postal_code_says_every_letter_and_digit(seed: int, country: str) -> None:
    rng = random.Random(seed)
    code = random_person(rng, country).postal_code
    said = v.spoken_postal(rng, code, country, "words" if country == "US" else "letters")
    plain = re.sub(r"double (\w+)", r"\1 \1", said)
    assert "".join(ONES.get(w, w) for w in plain.split()) == code.replace(" ", "").lower()


@given(SEEDS)
def test_spoken_email_names_its_parts(seed: int) -> None:
    rng = random.Random(seed)
    address = random_person(rng, realistic=True).email
    said = v.spoken_email(rng, address)
    assert " at " in said and " dot " in said and "@" not in said
    assert (
        said.replace(" ", "")
        .replace("dot", ".")
        .endswith(address.rpartition("@")[2].replace("-", "dash"))
    )


@given(SEEDS, st.sampled_from(["GB", "NL", "IE", "FR", "DE"]))
def test_iban_check_digits_are_right(seed: int, country: str) -> None:
    number = v.random_iban(random.Random(seed), country)
    assert (
        number.startswith(country)
        and int("".join(str(int(c, 36)) for c in number[4:] + number[:4])) % 97 == 1
    )


@given(SEEDS)
def test_routing_number_check_digit_is_right(seed: int) -> None:
    routing, account = v.us_account(random.Random(seed))
    assert (
        len(routing) == 9
        and sum(int(c) * w for c, w in zip(routing, (3, 7, 1) * 3, strict=True)) % 10 == 0
    )
    assert 8 <= len(account) <= 12


@pytest.mark.parametrize(
    "kind",
    [
        "order",
        "booking",
        "account",
        "claim",
        "policy",
        "tracking",
        "ticket",
        "member",
        "confirmation",
    ],
)
def test_references_hold_a_digit(kind: str) -> None:
    rng = random.Random(1)
    for _ in range(300):
        assert any(c.isdigit() for c in v.random_reference(rng, kind))


def test_unknown_reference_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown reference kind"):
        v.random_reference(random.Random(0), "star sign")
