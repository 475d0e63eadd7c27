"""Spoken and written forms of dates, times, ages and amounts.

As in `speech`, the generator comes first and text is returned.
"""

from __future__ import annotations

import datetime as dt
import random

from callveil.transforms.detect.spoken_numbers import MONTHS, ONES, number_words, ordinal_words
from callveil.transforms.lab.sample.lists import pick_one
from callveil.transforms.lab.sample.speech import ordinal_suffix, pair_words, spoken_digits


def spoken_expiry(rng: random.Random, month: int, year: int) -> str:
    """Card expiry: `oh four twenty nine`, `april two thousand twenty nine`, `04/29`, ..."""
    yy, r = f"{year % 100:02d}", rng.random()
    m = pair_words(f"{month:02d}", pick_one(rng, ("oh", "zero")))
    if r < 0.3:
        return f"{m} {pair_words(yy)}"
    if r < 0.45:
        return f"{m} {pick_one(rng, ('slash', 'of', 'stroke'))} {pair_words(yy)}"
    if r < 0.6:
        return f"{MONTHS[month - 1]} {year_words(rng, year)}"
    if r < 0.7:
        return f"{MONTHS[month - 1]} of {pair_words(yy)}"
    if r < 0.8:
        return f"{month:02d} {yy}"
    return written_expiry(rng, month, year)


def written_expiry(rng: random.Random, month: int, year: int) -> str:
    """Return `04/29`, `4/29`, `04/2029`, `04-29`."""
    return pick_one(
        rng,
        (
            f"{month:02d}/{year % 100:02d}",
            f"{month}/{year % 100:02d}",
            f"{month:02d}/{year}",
            f"{month:02d}-{year % 100:02d}",
        ),
    )


def year_words(rng: random.Random, year: int) -> str:
    """Return `nineteen eighty four`, `nineteen oh six`, `two thousand and four`, `twenty
    twelve`.
    """
    if year < 2000:
        return f"nineteen {pair_words(f'{year % 100:02d}')}" if year % 100 else "nineteen hundred"
    if year < 2010:
        tail = year % 10
        if tail and rng.random() < 0.2:
            return f"twenty oh {ONES[tail]}"
        return "two thousand" + (pick_one(rng, (" ", " and ")) + ONES[tail] if tail else "")
    return pick_one(
        rng, (f"twenty {number_words(year % 100)}", f"two thousand {number_words(year % 100)}")
    )


def spoken_date(rng: random.Random, day: dt.date, american: bool = True) -> str:
    """Return a birth date said aloud, in every order that occurs; a few as a recogniser formats
    them (`4/7/84`, `july 4th 1984`).
    """
    d, m, y = day.day, day.month, day.year
    month, yy, full = MONTHS[m - 1], f"{y % 100:02d}", year_words(rng, y)
    year = full if rng.random() < 0.7 else pair_words(yy)
    a, b = (m, d) if american else (d, m)
    r = rng.random()
    if r < 0.2:
        return f"{month} {ordinal_words(d)} {year}"
    if r < 0.32:
        return f"the {ordinal_words(d)} of {month} {year}"
    if r < 0.4:
        return (
            f"{ordinal_words(d)} {month} {year}"
            if rng.random() < 0.5
            else f"{ordinal_words(d)} of {month} {year}"
        )
    if r < 0.46:
        return f"{number_words(d)} {month} {year}"
    if r < 0.54:
        return f"{pair_words(f'{a:02d}')} {pair_words(f'{b:02d}')} {year}"
    if r < 0.6:
        return f"{number_words(a)} {number_words(b)} {year}"
    if r < 0.64:
        return (
            f"{number_words(a)} {pick_one(rng, ('slash', 'stroke', 'dash'))} {number_words(b)} "
            f"{pick_one(rng, ('slash', 'stroke', 'dash'))} {pair_words(yy)}"
        )
    if r < 0.68:
        return f"the {ordinal_words(a if not american else d)} of the {ordinal_words(m)} {year}"
    if r < 0.72:
        return " ".join(
            spoken_digits(rng, x, "words")
            for x in (f"{a:02d}", f"{b:02d}", yy if rng.random() < 0.5 else str(y))
        )
    if r < 0.82:
        return f"{month} {ordinal_suffix(d)} {y}" if rng.random() < 0.5 else f"{month} {d} {y}"
    if r < 0.88:
        return f"{ordinal_suffix(d)} of {month} {y}"
    if r < 0.94:
        return f"{a:02d} {b:02d} {y if rng.random() < 0.5 else yy}"
    return written_date(rng, day, american)


def written_date(rng: random.Random, day: dt.date, american: bool = True) -> str:
    """Return a date as typed; month first where `american`."""
    d, m, y = day.day, day.month, day.year
    a, b, month = (m, d, MONTHS[m - 1].title()) if american else (d, m, MONTHS[m - 1].title())
    return pick_one(
        rng,
        (
            f"{a:02d}/{b:02d}/{y}",
            f"{a}/{b}/{y}",
            f"{a}/{b}/{y % 100:02d}",
            f"{a:02d}-{b:02d}-{y}",
            day.isoformat(),
            f"{month} {d}, {y}",
            f"{d} {month} {y}",
            f"{month[:3]} {d} {y}",
            f"{d}.{m}.{y}",
            f"{ordinal_suffix(d)} {month} {y}",
        ),
    )


def spoken_amount(rng: random.Random, cents: int, currency: str = "dollars") -> str:
    """Return money, from cents: `forty two fifty`, `one hundred and twenty dollars`, `$42.50`."""
    whole, part = divmod(cents, 100)
    sign = {"dollars": "$", "pounds": "£", "euros": "€"}.get(currency, "$")
    r = rng.random()
    if r < 0.35:
        return f"{sign}{whole:,}" + (f".{part:02d}" if part else "")
    if part and r < 0.6:
        return f"{number_words(whole)} {pair_words(f'{part:02d}')}"
    return f"{number_words(whole)} {currency}" + (
        f" and {number_words(part)} cents" if part and currency == "dollars" else ""
    )


def spoken_time(rng: random.Random, hour: int, minute: int) -> str:
    """Return a time of day: `four thirty`, `half past four`, `18:45`, `4:30 pm`, `quarter to
    five`.
    """
    h12, r = hour % 12 or 12, rng.random()
    if r < 0.3:
        return (
            f"{h12}:{minute:02d} {'am' if hour < 12 else 'pm'}"
            if minute
            else f"{h12} {'am' if hour < 12 else 'pm'}"
        )
    if r < 0.4:
        return f"{hour:02d}:{minute:02d}"
    if minute == 30 and r < 0.6:
        return f"half past {ONES[h12]}"
    if minute == 15 and r < 0.6:
        return f"quarter past {ONES[h12]}"
    if minute == 45 and r < 0.6:
        return f"quarter to {ONES[h12 % 12 + 1]}"
    return (
        f"{ONES[h12]} "
        f"{pair_words(f'{minute:02d}') if minute else pick_one(rng, ('o clock', 'in the afternoon' if 12 <= hour < 18 else 'o clock'))}"  # noqa: E501
    )


def spoken_age(rng: random.Random, years: int) -> str:
    """Return an age: `ninety two`, `92`, `ninety two years old`."""
    return pick_one(
        rng,
        (
            str(years),
            number_words(years),
            f"{number_words(years)} years old",
            f"{years} years old",
            f"{years}-year-old",
        ),
    )
