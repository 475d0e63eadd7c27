"""Generated numbers: telephones, cards, social security numbers, postal codes.

Telephone numbers come from ranges set
aside for fiction unless `realistic=True` asks for numbers that validators accept:

- North America: 555-0100 to 555-0199 in every area code (NANPA, 555 line number guidelines);
- United Kingdom: Ofcom, "Telephone numbers for use in TV and radio drama programmes";
- Australia: ACMA, "Phone numbers for use in TV shows, films and creative works";
- Ireland: ComReg, 020 91x xxxx; Germany: Bundesnetzagentur, media numbers; France: ARCEP decision
  2009, media numbers;
- the Netherlands set none aside, so those look real and are random.

Cards are Luhn-valid on top of prefixes that payment providers publish for tests.
"""

from __future__ import annotations

import random

from callveil.transforms.lab.sample.lists import Town, pick_one

_CARD_PREFIXES = (
    ("visa", "424242", 16),
    ("visa", "411111", 16),
    ("visa", "400000", 16),
    ("mastercard", "555555", 16),
    ("mastercard", "510510", 16),
    ("mastercard", "222300", 16),
    ("amex", "378282", 15),
    ("amex", "371449", 15),
    ("discover", "601111", 16),
    ("diners", "305693", 14),
    ("jcb", "353011", 16),
)
_CARD_WEIGHTED = (0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 5, 6, 7, 8, 9, 10)
_CA_LETTERS = "ABCEGHJKLMNPRSTVXY"
_UK_INWARD = "ABDEFGHJLNPQRSTUWXYZ"
_EIRCODE = "ACDEFHKNPRTVWXY"

_FRENCH = {
    ("6", True): ("61", "62", "64", "65", "68"),
    ("1", True): ("140", "142", "144"),
    ("2", True): ("299", "223"),
    ("3", True): ("320", "327"),
    ("4", True): ("472", "478"),
    ("5", True): ("556", "557"),
    ("6", False): ("63998",),
    ("1", False): ("19900",),
    ("2", False): ("26191",),
    ("3", False): ("35301",),
    ("4", False): ("46571",),
    ("5", False): ("53649",),
}
"""Beginnings of French numbers by zone (6: mobile) and whether they are to pass for real."""


def random_digits(rng: random.Random, n: int) -> str:
    """Return `n` random digits, n from 0 to 18."""
    return f"{int(rng.random() * 10**n):0{n}d}" if n else ""


def luhn_digit(body: str) -> str:
    """Return the check digit that makes `body` followed by it pass the Luhn test (ISO/IEC 7812-1,
    annex B).
    """
    total = 0
    for i, c in enumerate(reversed(body)):
        d = int(c)
        if i % 2 == 0:
            d = d * 2 - 9 if d > 4 else d * 2
        total += d
    return str(-total % 10)


def card_number(rng: random.Random) -> tuple[str, str]:
    """(brand, digits) of a card number that passes Luhn, on a test prefix."""
    brand, prefix, length = _CARD_PREFIXES[pick_one(rng, _CARD_WEIGHTED)]
    body = prefix + random_digits(rng, length - 1 - len(prefix))
    return brand, body + luhn_digit(body)


def random_ssn(rng: random.Random) -> str:
    """Return a US social security number, valid in form: area 001-899 but not 666, group 01-99,
    serial 0001-9999 (SSA, "SSN randomization").
    """
    area = 1 + int(rng.random() * 898)
    return f"{area + (area >= 666):03d}-{1 + int(rng.random() * 99):02d}-{1 + int(rng.random() * 9999):04d}"


def postal_code(rng: random.Random, place: Town) -> str:
    """Return a code of the place's form; most, not all, are in use."""
    out = []
    for c in place.postal:
        if c == "#":
            out.append(str(int(rng.random() * 10)))
        elif c == "%":
            out.append(str(1 + int(rng.random() * 9)))
        elif c == "@":
            out.append(pick_one(rng, _UK_INWARD))
        elif c == "!":
            out.append(pick_one(rng, _EIRCODE))
        elif c == "?":
            out.append(pick_one(rng, _CA_LETTERS))
        else:
            out.append(c)
    return "".join(out)


def phone_number(
    rng: random.Random, place: Town, realistic: bool = False, mobile: bool | None = None
) -> str:
    """E.164 number of the place's country; see the module's text for the ranges. `mobile=None`
    draws (outside North America).
    """
    area, r = pick_one(rng, place.areas), rng.random
    mob = r() < 0.6 if mobile is None else mobile
    if place.country in ("US", "CA"):
        if not realistic:
            return f"+1{area}55501{random_digits(rng, 2)}"
        exchange = 200 + int(r() * 800)
        while exchange % 100 == 11 or exchange == 555 or exchange % 1000 == 950:
            exchange = 200 + int(r() * 800)
        return f"+1{area}{exchange}{random_digits(rng, 4)}"
    if place.country == "GB":
        if realistic:
            return (
                f"+447{pick_one(rng, ('4', '5', '8', '9'))}{1 + int(r() * 8)}{random_digits(rng, 7)}"
                if mob
                else _uk_landline(rng, area, random_digits(rng, 4), True)
            )
        return (
            f"+447700900{random_digits(rng, 3)}"
            if mob
            else _uk_landline(rng, area, f"0{random_digits(rng, 3)}", False)
        )
    if place.country == "AU":
        if mob:
            return (
                f"+614{pick_one(rng, ('12', '23', '34', '01', '38'))}{random_digits(rng, 6)}"
                if realistic
                else "+61491570"
                + pick_one(rng, ("006", "156", "157", "158", "159", "110", "313", "737"))
            )
        return f"+61{area}{'9' if realistic else pick_one(rng, ('5550', '7010'))}{random_digits(rng, 7 if realistic else 4)}"
    if place.country == "IE":
        return (
            f"+3538{pick_one(rng, '5679')}{1 + int(r() * 8)}{random_digits(rng, 6)}"
            if realistic
            else f"+3532091{random_digits(rng, 5)}"
        )
    if place.country == "DE":
        if realistic:
            return (
                f"+4915{pick_one(rng, ('12', '20', '22', '75', '77'))}{random_digits(rng, 7)}"
                if mob
                else f"+49{area}{2 + int(r() * 7)}{random_digits(rng, 6)}"
            )
        media = {"30": "23125", "69": "90009", "40": "66969", "221": "4710", "89": "99998"}
        return f"+49{area}{media[area]}{random_digits(rng, 3)}"
    if place.country == "FR":
        zone = ("6" if mob else area, realistic)
        return f"+33{pick_one(rng, _FRENCH[zone])}{random_digits(rng, 7 if zone == ('6', True) else 6 if realistic else 4)}"
    return (
        f"+316{pick_one(rng, '123458')}{random_digits(rng, 7)}"
        if mob
        else f"+31{area}{2 + int(r() * 7)}{random_digits(rng, 6)}"
    )


def _uk_landline(rng: random.Random, area: str, tail: str, realistic: bool) -> str:
    if area == "20":
        return (
            f"+4420{'7' if realistic else '7946'}{random_digits(rng, 3) if realistic else ''}{tail}"
        )
    if area == "29":
        return f"+442920{'5' + random_digits(rng, 1) if realistic else '18'}{tail}"
    if area == "28":
        return (
            f"+442890{'3' + random_digits(rng, 1) if realistic else '18'}{tail}"
            if realistic
            else f"+44289649{'6' + tail[1:]}"
        )
    if area == "1632":
        return (
            f"+441223{pick_one(rng, '23456')}{random_digits(rng, 1)}{tail}"
            if realistic
            else f"+441632960{tail[1:]}"
        )
    return f"+44{area}{'2' + random_digits(rng, 2) if realistic else '498' if area == '191' else '496'}{tail}"
