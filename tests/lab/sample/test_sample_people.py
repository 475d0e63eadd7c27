"""Generated people: reproducible, plausible, and outside anyone's real numbers unless asked."""

from __future__ import annotations

import random

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callveil.transforms.lab.sample.people import (
    COUNTRIES,
    card_number,
    luhn_digit,
    name_origins,
    phone_number,
    random_person,
    random_ssn,
    towns_by_country,
)

FICTION = {
    "US": r"+1 area 555 01xx",
    "GB": ("+447700900", "+441632960", "+4420794", "+4429201", "+4428964", "+441"),
    "AU": (
        "+61491570",
        "+6125550",
        "+6127010",
        "+6135550",
        "+6137010",
        "+6175550",
        "+6177010",
        "+6185550",
        "+6187010",
    ),
    "IE": ("+3532091",),
    "DE": ("+493023125", "+496990009", "+494066969", "+492214710", "+498999998"),
    "FR": ("+3363998", "+3319900", "+3326191", "+3335301", "+3346571", "+3353649"),
}


def luhn_valid(number: str) -> bool:
    total = sum(
        d if i % 2 == 0 else (d * 2 - 9 if d > 4 else d * 2)
        for i, d in enumerate(int(c) for c in reversed(number))
    )
    return total % 10 == 0


def test_origins_are_many_and_long_enough() -> None:
    assert len(name_origins()) >= 25
    for o in name_origins().values():
        assert 40 <= len(o.given) <= 110, o.name
        assert 40 <= len(o.surnames) <= 110, o.name


@pytest.mark.parametrize(
    "name", ["Will", "Mark", "Grace", "May", "June", "Rose", "Hope", "Chase", "Drew"]
)
def test_names_that_are_common_words_are_there(name: str) -> None:
    assert name in name_origins()["common-word"].given


@pytest.mark.parametrize(
    "name",
    ["O'Brien", "de la Cruz", "van der Berg", "Al-Rashid", "Smith-Jones", "McCarthy", "MacDonald"],
)
def test_hard_surnames_are_there(name: str) -> None:
    assert any(name in o.surnames for o in name_origins().values())


@given(st.integers(0, 2**64), st.sampled_from(COUNTRIES), st.booleans())
def test_equal_seeds_make_equal_people(seed: int, country: str, realistic: bool) -> None:
    assert random_person(random.Random(seed), country, realistic) == random_person(
        random.Random(seed), country, realistic
    )


@given(st.integers(0, 2**64), st.sampled_from(COUNTRIES), st.booleans())
def test_a_person_is_whole(seed: int, country: str, realistic: bool) -> None:
    p = random_person(random.Random(seed), country, realistic)
    assert p.first and p.last and p.street and p.city and p.postal_code
    assert luhn_valid(p.card) and len(p.cvv) == (4 if p.card_brand == "amex" else 3)
    assert 1 <= p.expiry[0] <= 12
    assert phonenumbers.is_possible_number(phonenumbers.parse(p.phone))
    assert p.email.count("@") == 1 and p.email.isascii()
    assert len(p.username) >= 5


@given(st.integers(0, 2**64), st.sampled_from(COUNTRIES))
def test_mail_domains_are_reserved_unless_realistic(seed: int, country: str) -> None:
    p = random_person(random.Random(seed), country)
    assert all(
        e.rpartition("@")[2].startswith("example.") or e.endswith(".example") for e in p.emails
    )


@given(st.integers(0, 2**64), st.sampled_from(("US", "CA")))
def test_north_american_numbers_are_fiction(seed: int, country: str) -> None:
    number = random_person(random.Random(seed), country).phone
    assert number[5:10] == "55501" and len(number) == 12


@given(st.integers(0, 2**64), st.sampled_from(("GB", "AU", "IE", "DE", "FR")))
def test_other_numbers_are_fiction(seed: int, country: str) -> None:
    number = random_person(random.Random(seed), country).phone
    assert number.startswith(FICTION[country])
    if country == "GB" and number.startswith("+441") and not number.startswith("+441632"):
        assert number[6:9] in ("496", "498") and number[9] == "0"


@pytest.mark.parametrize("country", COUNTRIES)
def test_realistic_numbers_pass_for_valid(country: str) -> None:
    rng = random.Random(3)
    made = [
        phone_number(rng, place, True) for place in towns_by_country()[country] for _ in range(20)
    ]
    valid = sum(phonenumbers.is_valid_number(phonenumbers.parse(n)) for n in made)
    assert valid >= 0.95 * len(made)


@given(st.integers(0, 2**64))
def test_social_security_numbers_have_a_valid_form(seed: int) -> None:
    area, group, serial = random_ssn(random.Random(seed)).split("-")
    assert 1 <= int(area) <= 899 and area != "666" and len(area) == 3
    assert 1 <= int(group) <= 99 and 1 <= int(serial) <= 9999 and len(serial) == 4


@given(st.text("0123456789", min_size=1, max_size=18))
def test_luhn_digit_makes_a_number_valid(body: str) -> None:
    assert luhn_valid(body + luhn_digit(body))


def test_cards_come_in_all_brands() -> None:
    rng = random.Random(1)
    assert {card_number(rng)[0] for _ in range(500)} == {
        "visa",
        "mastercard",
        "amex",
        "discover",
        "diners",
        "jcb",
    }


@pytest.mark.parametrize(("country", "origin"), [("ZZ", None), ("US", "klingon")])
def test_unknown_country_or_origin_is_refused(country: str, origin: str | None) -> None:
    with pytest.raises(ValueError, match="unknown"):
        random_person(random.Random(0), country, origin=origin)


def test_people_are_of_many_origins() -> None:
    rng = random.Random(5)
    assert len({random_person(rng).origin for _ in range(2000)}) == len(name_origins())
