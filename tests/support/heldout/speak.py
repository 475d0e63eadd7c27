"""How callers say numbers and letters, and how a recogniser writes them down. All values are
generated; none belongs to a person.

A value is a list of pieces `(text, is_value)`; a filler in the middle of a value is a piece that is
not part of it.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from callveil.transforms.detect.spoken_numbers import ONES, TENS
from callveil.transforms.lab.sample.spelling import NATO

Pieces = list[tuple[str, bool]]
Manner = Callable[[random.Random], Pieces]

EVERYDAY = dict(
    zip(
        "abcdefghijklmnopqrstuvwxyz",
        [
            "apple",
            "bobby",
            "cat",
            "david",
            "elephant",
            "freddie",
            "george",
            "harry",
            "igloo",
            "john",
            "kite",
            "lucy",
            "mother",
            "nancy",
            "orange",
            "peter",
            "queen",
            "robert",
            "sugar",
            "tommy",
            "umbrella",
            "violet",
            "william",
            "xylophone",
            "yellow",
            "zebra",
        ],
        strict=True,
    )
)
HEARD = {
    "b": "be",
    "c": "see",
    "p": "pee",
    "q": "queue",
    "u": "you",
    "r": "are",
    "y": "why",
    "t": "tea",
    "o": "oh",
    "i": "eye",
    "k": "kay",
    "l": "el",
}
HEARD |= {
    "m": "em",
    "n": "en",
    "x": "ex",
    "w": "double u",
    "z": "zed",
    "j": "jay",
    "g": "gee",
    "d": "dee",
    "s": "ess",
    "f": "eff",
    "a": "ay",
    "h": "aitch",
}
FILLERS = ["um", "uh", "er", "let me see", "hang on", "erm", "and then", "and"]


def digits(rng: random.Random, count: int) -> str:
    """`count` random digits."""
    return "".join(rng.choice("0123456789") for _ in range(count))


def group(text: str, sizes: list[int]) -> list[str]:
    """`text` cut into groups of the sizes given; the last group holds what is left."""
    out, at = [], 0
    for size in sizes:
        out.append(text[at : at + size])
        at += size
    return [part for part in [*out, text[at:]] if part]


def pair(number: str) -> str:
    """Two digits as one number: "42" forty two, "07" oh seven, "00" double oh."""
    value = int(number)
    if number == "00":
        return "double oh"
    if number[0] == "0":
        return f"oh {ONES[value]}"
    if value < 20:
        return ONES[value]
    return TENS[value // 10] + (f" {ONES[value % 10]}" if value % 10 else "")


def one_by_one(rng: random.Random, number: str, zero: str | None = None) -> str:
    """Digit words, with "oh" or "zero" for 0."""
    zero = zero or rng.choice(["oh", "zero", "o", "zero"])
    return " ".join(zero if digit == "0" else ONES[int(digit)] for digit in number)


def doubled(rng: random.Random, number: str) -> str:
    """Digit words with "double" and "triple" for runs."""
    zero, out, at = rng.choice(["oh", "zero"]), [], 0
    while at < len(number):
        run = (
            3
            if number[at : at + 3] == number[at] * 3
            else 2
            if number[at : at + 2] == number[at] * 2
            else 1
        )
        word = zero if number[at] == "0" else ONES[int(number[at])]
        out.append(f"{['', '', 'double ', 'triple '][run]}{word}")
        at += run
    return " ".join(out)


def paired(number: str) -> str:
    """Pairs of digits as numbers: "1984" nineteen eighty four."""
    return " ".join(
        pair(part) if len(part) == 2 else ONES[int(part)]
        for part in group(number, [2] * (len(number) // 2))
    )


def mixed(rng: random.Random, number: str) -> str:
    """Digits and words in one value, as recognisers write them: "4 one 5"."""
    return " ".join(
        digit if rng.random() < 0.6 else ("oh" if digit == "0" else ONES[int(digit)])
        for digit in number
    )


def whole(text: str) -> Pieces:
    """The text as one piece that belongs to the value."""
    return [(text, True)]


def with_filler(rng: random.Random, parts: list[str]) -> Pieces:
    """Groups with a filler between two of them."""
    at = rng.randrange(1, len(parts)) if len(parts) > 1 else 0
    out: Pieces = []
    for index, part in enumerate(parts):
        if index == at and index:
            out.append((rng.choice(FILLERS), False))
        out.append((part, True))
    return out


def ordinal(day: int) -> str:
    """The day as a spoken ordinal: 21 twenty first."""
    odd = {1: "first", 2: "second", 3: "third", 5: "fifth", 8: "eighth", 9: "ninth", 12: "twelfth"}
    if day in odd:
        return odd[day]
    if day < 20:
        return ONES[day] + "th"
    if day % 10 == 0:
        return TENS[day // 10][:-1] + "ieth"
    return f"{TENS[day // 10]} {ordinal(day % 10)}"


def written_ordinal(day: int) -> str:
    """The day as a written ordinal: 21st."""
    return f"{day}{'th' if 10 <= day <= 20 else {1: 'st', 2: 'nd', 3: 'rd'}.get(day % 10, 'th')}"


def year(rng: random.Random, value: int) -> str:
    """A birth year as people say it."""
    short = pair(f"{value % 100:02d}")
    if value >= 2000:
        rest = ONES[value - 2000] if value < 2020 else pair(str(value - 2000))
        return rng.choice(
            [
                f"two thousand and {rest}" if value > 2000 else "two thousand",
                f"two thousand {rest}" if value > 2000 else "the year two thousand",
            ]
        )
    if value % 100 < 10:
        return f"nineteen oh {ONES[value % 100]}"
    return rng.choice([f"nineteen {short}"] * 3 + [short] + [f"nineteen hundred and {short}"])


def cardinal(value: int) -> str:
    """1 to 99 as a number."""
    return ONES[value] if value < 20 else pair(str(value))


def letters(rng: random.Random, text: str) -> str:
    """Letters one by one, as different recognisers write them."""
    style = rng.randrange(4)
    if style == 0:
        return " ".join(text.lower())
    if style == 1:
        return " ".join(text.upper())
    if style == 2:
        return "-".join(text.upper())
    return " ".join(f"{letter}." for letter in text.lower())


def fused(rng: random.Random, text: str) -> str:
    """Letters with some of them run together and the pronoun I large: "k yl e s"."""
    out, at = [], 0
    while at < len(text):
        size = rng.choice([1, 1, 1, 2, 1, 3])
        out.append(text[at : at + size].lower())
        at += size
    return " ".join("I" if part == "i" else part for part in out)


def alphabet(rng: random.Random, text: str) -> str:
    """Some letters said with a word: "c for charlie", "n as in nancy", "m like mother"."""
    link = rng.choice(["for", "as in", "like", "for"])
    words = rng.choice([NATO, EVERYDAY])
    share = rng.choice([0.4, 1.0])
    return " ".join(
        f"{c} {link} {words[c]}" if c.isalpha() and rng.random() < share else c
        for c in text.lower()
    )


def spelled(rng: random.Random, text: str) -> str:
    """A name spelt aloud, in one of many ways."""
    style = rng.randrange(6)
    if style == 0:
        return fused(rng, text)
    if style == 1:
        return alphabet(rng, text)
    if style == 2:
        out = " ".join(text.lower())
        for letter in "abcdefghijklmnopqrstuvwxyz":
            out = out.replace(f"{letter} {letter}", f"double {letter}")
        return out
    if style == 3:
        return " ".join(NATO[c] for c in text.lower())
    return letters(rng, text)
