"""Words of a conversation that carry no personal data: days, times, amounts, products, cars."""

from __future__ import annotations

from collections.abc import Callable

from callveil.transforms.lab.sample import values as say
from callveil.transforms.lab.sample.carriers import relation_words
from callveil.transforms.lab.sample.people import pick_one, random_digits
from callveil.transforms.lab.sample.scene import Scene

DAYS = (
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
    "Monday morning",
    "Friday afternoon",
    "next Tuesday",
    "tomorrow",
    "this Thursday",
)
PRODUCTS = (
    "lamp",
    "blue sofa",
    "winter coat",
    "coffee maker",
    "desk chair",
    "rose bush",
    "garden hose",
    "phone case",
    "dining table",
    "pair of boots",
    "vacuum cleaner",
    "baby stroller",
    "mattress",
    "bookshelf",
    "tent",
    "drill",
    "set of knives",
    "jade plant",
    "birthday cake",
    "mountain bike",
    "television",
)
CARS = (
    "Honda Civic",
    "Toyota Camry",
    "Ford Focus",
    "Chevy Malibu",
    "Ford F-150",
    "Nissan Altima",
    "Subaru Outback",
    "Volkswagen Golf",
    "Kia Soul",
    "Jeep Cherokee",
    "Mazda 3",
    "Lincoln Navigator",
    "Dodge Charger",
    "Mini Cooper",
    "Tesla",
    "Hyundai Elantra",
    "Lexus",
    "Buick",
    "Vauxhall Corsa",
    "Skoda",
)
COLORS = (
    "white",
    "black",
    "gray",
    "silver",
    "red",
    "blue",
    "green",
    "brown",
    "dark green",
    "beige",
    "amber",
    "violet",
)
PETS = (
    "Biscuit",
    "Rex",
    "Whiskers",
    "Mittens",
    "Pickles",
    "Bandit",
    "Peanut",
    "Snowball",
    "Patches",
    "Waffles",
    "Shadow",
)


def _time(s: Scene) -> str:
    return say.spoken_time(
        s.rng, 8 + int(s.rng.random() * 11), pick_one(s.rng, (0, 0, 15, 30, 30, 45))
    )


def _n(s: Scene) -> str:
    n = 2 + int(s.rng.random() * 9)
    return say.number_words(n) if s.rng.random() < 0.5 else str(n)


def _date(s: Scene) -> str:
    m, d = int(s.rng.random() * 12), 1 + int(s.rng.random() * 28)
    return (
        f"{say.MONTHS[m].title()} "
        f"{say.ordinal_words(d) if s.rng.random() < 0.5 else say.ordinal_suffix(d)}"
    )


NEUTRAL: dict[str, Callable[[Scene], str]] = {
    "day": lambda s: s.keep("day", lambda: pick_one(s.rng, DAYS)),
    "day2": lambda s: pick_one(s.rng, DAYS),
    "time": _time,
    "time2": _time,
    "n": _n,
    "smallage": lambda s: say.number_words(4 + int(s.rng.random() * 12)),
    "month": lambda s: say.MONTHS[int(s.rng.random() * 12)].title(),
    "date": _date,
    "amount": lambda s: say.spoken_amount(
        s.rng, pick_one(s.rng, (0, 50, 99, 25)) + 100 * (15 + int(s.rng.random() * 400))
    ),
    "bigamount": lambda s: (
        f"${100 + int(s.rng.random() * 800)},000"
        if s.rng.random() < 0.5
        else f"{say.number_words(2 + int(s.rng.random() * 6))} hundred thousand"
    ),
    "thousands": lambda s: (
        f"{5 + int(s.rng.random() * 140)},{random_digits(s.rng, 3)}"
        if s.rng.random() < 0.5
        else f"{say.number_words(5 + int(s.rng.random() * 140))} thousand"
    ),
    "room": lambda s: str(100 + int(s.rng.random() * 500)),
    "product": lambda s: s.keep("product", lambda: pick_one(s.rng, PRODUCTS)),
    "make": lambda s: s.keep("make", lambda: pick_one(s.rng, CARS)),
    "color": lambda s: pick_one(s.rng, COLORS),
    "pet": lambda s: s.keep("pet", lambda: pick_one(s.rng, PETS)),
    "relation": lambda s: s.keep("relation", lambda: pick_one(s.rng, relation_words())),
    "topic": lambda s: s.topic,
}
"""Slots that hold no personal data."""
