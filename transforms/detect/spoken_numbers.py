"""English number words, ordinals and months."""

from __future__ import annotations

from typing import Final

ONES: Final = (
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
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
TENS: Final = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_ORDINALS: Final = {
    1: "first",
    2: "second",
    3: "third",
    5: "fifth",
    8: "eighth",
    9: "ninth",
    12: "twelfth",
    20: "twentieth",
    30: "thirtieth",
}
MONTHS: Final = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)


def number_words(n: int) -> str:
    """Return `n` from 0 to 999,999 in words: `four hundred twelve`, `two thousand sixteen`."""
    if n < 20:
        return ONES[n]
    if n < 100:
        return TENS[n // 10] + (f" {ONES[n % 10]}" if n % 10 else "")
    if n < 1000:
        return f"{ONES[n // 100]} hundred" + (f" {number_words(n % 100)}" if n % 100 else "")
    return f"{number_words(n // 1000)} thousand" + (
        f" {number_words(n % 1000)}" if n % 1000 else ""
    )


def ordinal_words(n: int) -> str:
    """Return `n` from 1 to 99 as an ordinal: `twenty first`."""
    if n in _ORDINALS:
        return _ORDINALS[n]
    if n < 20:
        return ONES[n] + "th"
    return f"{TENS[n // 10]} {ordinal_words(n % 10)}" if n % 10 else TENS[n // 10][:-1] + "ieth"
