"""Values beside other values, words and signs: what tests of number sequences draw from. All of it
is generated.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from callveil.transforms.detect.recognizers import checks

ONES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
SIGNS = (
    " ",
    " ",
    ", ",
    "; ",
    " - ",
    "-",
    "/",
    " / ",
    "\n",
    "|",
    " | ",
    ": ",
    ". ",
    "\t",
    "_",
    "=",
    "  ",
    ",",
    "#",
    "*",
    " (",
    ") ",
    ":",
)
"""What may stand between a value and its neighbour."""


def digits(rng: random.Random, count: int) -> str:
    """So many digits."""
    return "".join(rng.choice("0123456789") for _ in range(count))


def plain_card(rng: random.Random) -> str:
    """A card number of a well-known brand with its check digit."""
    head, length = rng.choice(
        (
            ("4", 16),
            ("51", 16),
            ("55", 16),
            ("2221", 16),
            ("34", 15),
            ("37", 15),
            ("6011", 16),
            ("36", 14),
            ("3530", 16),
        )
    )
    body = head + digits(rng, length - 1 - len(head))
    return next(body + d for d in "0123456789" if checks.luhn(body + d))


def grouped(text: str, sizes: tuple[int, ...], sign: str) -> str:
    """`text` in groups of `sizes`, joined by `sign`."""
    out, place = [], 0
    for size in sizes:
        out.append(text[place : place + size])
        place += size
    return sign.join(out)


def card(rng: random.Random) -> str:
    """A card number as people type it."""
    number = plain_card(rng)
    if rng.random() < 0.5:
        return number
    return grouped(
        number,
        {14: (4, 6, 4), 15: (4, 6, 5)}.get(len(number), (4, 4, 4, 4)),
        rng.choice((" ", "-")),
    )


def phone(rng: random.Random) -> str:
    """A telephone number of the North American plan, as people type it."""
    area, exchange = (
        rng.choice(("212", "303", "415", "628", "716", "808", "919")),
        rng.choice("23456789") + rng.choice("023456789") + digits(rng, 1),
    )
    forms = (
        "{}-{}-{}",
        "({}) {}-{}",
        "{}.{}.{}",
        "{} {} {}",
        "{}{}{}",
        "+1 {} {} {}",
        "+1{}{}{}",
        "1-{}-{}-{}",
        "+1 ({}) {}-{}",
        "+1-{}-{}-{}",
    )
    return rng.choice(forms).format(area, exchange, digits(rng, 4))


def ssn(rng: random.Random) -> str:
    """A social security number in its groups."""
    number = f"{rng.randint(1, 665):03d}{rng.randint(1, 99):02d}{rng.randint(1, 9999):04d}"
    return grouped(number, (3, 2, 4), rng.choice("-- "))


def iban(rng: random.Random) -> str:
    """An IBAN with its check digits."""
    country, letters, count = rng.choice(
        (("DE", 0, 18), ("GB", 4, 14), ("FR", 0, 23), ("NL", 4, 10), ("AT", 0, 16), ("ES", 0, 20))
    )
    body = "".join(rng.choice("ABCDEFGH") for _ in range(letters)) + digits(rng, count)
    number = next(text for n in range(2, 99) if checks.is_iban(text := f"{country}{n:02d}{body}"))
    return (
        number
        if rng.random() < 0.5
        else " ".join(number[i : i + 4] for i in range(0, len(number), 4))
    )


def mail(rng: random.Random) -> str:
    """An e-mail address."""
    name, host = (
        rng.choice(("jane.doe", "m_ostrander", "zq77", "bob+x")),
        rng.choice(("example.org", "mail.example.co.uk", "example.com")),
    )
    return f"{name}@{host}"


VALUES: dict[str, Callable[[random.Random], str]] = {
    "card": card,
    "phone": phone,
    "ssn": ssn,
    "iban": iban,
    "mail": mail,
}
NEIGHBOURS: dict[str, Callable[[random.Random], str]] = {
    "expiry": lambda rng: rng.choice(("12/27", "1227", "09/2028", "0928", "12-27")),
    "code": lambda rng: digits(rng, rng.choice((3, 4))),
    "zip": lambda rng: (
        digits(rng, 5) if rng.random() < 0.5 else f"{digits(rng, 5)}-{digits(rng, 4)}"
    ),
    "date": lambda rng: rng.choice(("12/27/2025", "2025-11-29", "29.11.2025", "Nov 29 2025")),
    "price": lambda rng: rng.choice(("$20", "$19.99", "20 dollars", "£1,250", "€20", "20%")),
    "letters": lambda rng: rng.choice(
        ("abc", "USD", "phone", "x", "cc", "mm", "是", "です", "No", "ref")
    ),
    "cue": lambda rng: rng.choice(
        (
            "exp",
            "cvv",
            "zip",
            "card number",
            "phone",
            "ssn",
            "order",
            "room",
            "account number",
            "call me at",
            "flight",
            "total",
            "dob",
            "price",
        )
    ),
    "word": lambda rng: rng.choice(("please", "thanks", "and", "or", "ok")),
    "time": lambda rng: rng.choice(("10:30", "10.30", "at 5pm", "10.30-16.00", "0900-1700")),
}


@dataclass(frozen=True)
class Pair:
    """A value with a neighbour: the value's kind and place in the text."""

    kind: str
    text: str
    start: int
    end: int


def pair(rng: random.Random, kind: str, neighbour: str, sign: str, front: bool) -> Pair | None:
    """A value of `kind` beside a neighbour; None where nothing could tell them apart.

    An e-mail address runs on over letters, digits and most signs that touch it, so what touches it
    is a part of it.
    """
    value = VALUES[kind](rng)
    beside = (NEIGHBOURS.get(neighbour) or VALUES[neighbour])(rng)
    if neighbour == "letters" and rng.random() < 0.5:
        sign = ""
    if kind == "mail" and not sign:
        return None
    text = value + sign + beside if front else beside + sign + value
    start = 0 if front else len(text) - len(value)
    return Pair(kind, text, start, start + len(value))
