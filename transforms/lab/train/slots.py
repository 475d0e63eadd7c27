"""Values for slots that need no list of people: streets and addresses, titles, dates, times,
amounts, numbers, codes.

Each takes a seeded generator and, where it makes a difference, whether the value is said (`spoken`)
or typed.
"""

from __future__ import annotations

import datetime as dt
import random
from functools import lru_cache

from callveil.transforms.lab.sample import people, values
from callveil.transforms.lab.sample.people import pick_one, random_digits
from callveil.transforms.lab.train.lists import word_lists

DAYS = tuple(
    form(d)
    for d in ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    for form in (str.lower, str.title)
)
_UNITS = (
    "",
    "",
    "",
    "",
    " Apt. ###",
    ", Apt #B",
    " # ###",
    " ###",
    " Suite ###",
    " Unit #",
    "\n Suite ###",
    "\n Apt. ###",
    ", Flat #",
)


@lru_cache(maxsize=1)
def _stems() -> tuple[str, ...]:
    w = word_lists()
    return tuple(
        dict.fromkeys([*w["sur"][:400], *w["orgstem"], *w["city"][:250], *w["given"][:120]])
    )


def random_street(rng: random.Random) -> str:
    """Return a street without a number."""
    if rng.random() < 0.5:
        return people.street_name(rng, pick_one(rng, ("US", "US", "US", "GB", "CA", "AU")))
    return (
        f"{pick_one(rng, _stems())} "
        f"{pick_one(rng, word_lists()['suffix' if rng.random() < 0.8 else 'shortsuffix'])}"
    )


def random_address(rng: random.Random, spoken: bool) -> str:
    """House number and street, with a unit at times; said in words where `spoken`."""
    r = rng.random()
    if spoken and r < 0.6:
        return values.spoken_address(
            rng, people.random_person(rng, pick_one(rng, ("US", "US", "GB", "CA", "AU")))
        )
    if r < 0.14:
        return pick_one(rng, word_lists()["abroad"]).format(
            n=pick_one(rng, _stems()).replace(" ", ""), h=people.house_number(rng, "DE")
        )
    number = people.house_number(rng, pick_one(rng, ("US", "US", "GB")))
    unit = pick_one(rng, _UNITS)
    count = unit.count("#") - unit.startswith(" # ")
    unit = unit.replace("#" * count, random_digits(rng, count)) if count else unit
    return (
        f"{random_street(rng)} {number}{unit}"
        if r > 0.9
        else f"{number} {random_street(rng)}{unit}"
    )


def military_address(rng: random.Random) -> str:
    """Return an address of the US forces abroad (USPS Publication 28, section 238)."""
    unit, place, region = (
        pick_one(rng, ("PSC", "Unit", "CMR")),
        pick_one(rng, ("APO", "FPO", "DPO")),
        pick_one(rng, ("AA", "AE", "AP")),
    )
    return (
        f"{unit} {random_digits(rng, 4)}, Box "
        f"{random_digits(rng, 4)}{pick_one(rng, (chr(10), ', '))}{place} {region} "
        f"{random_digits(rng, 5)}"
    )


def random_title(rng: random.Random) -> str:
    """Return a made-up title of a song, film or book; some known ones."""
    w = word_lists()
    if rng.random() < 0.15:
        return pick_one(rng, w["song"])
    made = pick_one(rng, w["titleform"]).format(
        noun=pick_one(rng, w["noun"]),
        other=pick_one(rng, w["noun"]),
        adj=pick_one(rng, w["adj"]),
        verb=pick_one(rng, w["verb"]),
    )
    return made.title() if rng.random() < 0.6 else made


def random_day(rng: random.Random, spoken: bool) -> str:
    """Return a day this year or next, with or without its year."""
    when = dt.date(2026, 1, 1) + dt.timedelta(days=int(rng.random() * 700))
    if rng.random() >= 0.4:
        return _full_date(rng, when, spoken)
    month, ordinal = word_lists()["month"][when.month - 1], values.ordinal_words(when.day)
    return pick_one(
        rng,
        (
            f"{month} {when.day}",
            f"{month} {when.day}th",
            f"the {ordinal}",
            f"{month} {ordinal}",
            f"the {when.day}th of {month}",
        ),
    )


def birth_date(rng: random.Random, spoken: bool) -> str:
    """Return a date of birth."""
    return _full_date(rng, people.birth_date(rng), spoken)


def _full_date(rng: random.Random, when: dt.date, spoken: bool) -> str:
    say = values.spoken_date if spoken or rng.random() < 0.2 else values.written_date
    return say(rng, when, rng.random() < 0.6)


def random_time(rng: random.Random, spoken: bool) -> str:
    """Return a time of day."""
    hour, minute = int(rng.random() * 24), 5 * int(rng.random() * 12)
    if spoken or rng.random() < 0.3:
        return values.spoken_time(rng, hour, minute)
    return pick_one(
        rng,
        (
            f"{hour}:{minute:02d}",
            f"{1 + hour % 12} pm",
            f"{1 + hour % 12}:{minute:02d} am",
            f"{1 + hour % 12}",
        ),
    )


def random_amount(rng: random.Random, spoken: bool) -> str:
    """Return a sum of money."""
    cents = 100 * (1 + int(rng.random() * 2000)) + (
        int(rng.random() * 100) if rng.random() < 0.3 else 0
    )
    if spoken or rng.random() < 0.3:
        return values.spoken_amount(rng, cents)
    whole = cents // 100
    return pick_one(
        rng,
        (
            f"${cents / 100:,.2f}",
            f"${whole}",
            f"{whole} dollars",
            f"{whole} bucks",
            f"£{whole}",
            f"{whole} pounds",
        ),
    )


def random_number(rng: random.Random, spoken: bool) -> str:
    """Return a small number."""
    return (
        str(int(rng.random() * 60))
        if rng.random() < 0.4 and not spoken
        else values.number_words(1 + int(rng.random() * 20))
    )


def random_phone(rng: random.Random, spoken: bool) -> str:
    """Return a telephone number."""
    made = people.phone_number(
        rng, pick_one(rng, people.towns_by_country()[pick_one(rng, people.COUNTRIES)])
    )
    return (
        values.spoken_phone(rng, made)
        if spoken or rng.random() < 0.3
        else values.written_phone(rng, made)
    )


def random_email(rng: random.Random, spoken: bool) -> str:
    """Return an e-mail address."""
    given, surname, _ = people.person_name(rng)
    made = people.email_address(rng, given, surname, 1980, "US", realistic=True)
    return values.spoken_email(rng, made) if spoken or rng.random() < 0.2 else made


def random_postal_code(rng: random.Random, spoken: bool) -> str:
    """Return a postal code of the US, the UK, Canada or the Netherlands."""
    country = pick_one(rng, ("US", "US", "GB", "GB", "CA", "NL"))
    code = people.postal_code(rng, pick_one(rng, people.towns_by_country()[country]))
    return values.spoken_postal(rng, code, country) if spoken or rng.random() < 0.3 else code


def random_order_reference(rng: random.Random, spoken: bool) -> str:
    """Return an order or booking reference."""
    code = values.random_reference(rng)
    return values.spoken_code(rng, code) if spoken or rng.random() < 0.2 else code
