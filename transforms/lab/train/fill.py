"""Slots filled with generated values.

Slots that name a person, a place, an address or an organization are labelled; the others (dates,
numbers, things, titles) are there so that the model sees what no name is.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from callveil.transforms.lab.sample import people
from callveil.transforms.lab.sample.people import pick_one
from callveil.transforms.lab.train import slots
from callveil.transforms.lab.train.corpus import LabeledUtterance, build_utterance
from callveil.transforms.lab.train.grammar import SentenceTemplate
from callveil.transforms.lab.train.lists import TrainingNames, word_lists
from callveil.transforms.lab.train.spell import mishear_name, spell_name

_Maker = Callable[[random.Random, bool], str]
_CHAINS = (
    "Hotel",
    "La",
    "El",
    "The",
    "Cafe",
    "Restaurant",
    "Best Western",
    "Marriott",
    "Hilton",
    "Casa",
)


class Filler:
    """Fills carriers.

    Args:
        names: where people's names come from.
        noise: share of names written as a recogniser mishears them, 0 to 0.5; twice that in spoken
            text, a third of it in typed text.
    """

    def __init__(self, names: TrainingNames, noise: float = 0.06) -> None:
        self.names, self._noise = names, noise
        self._slots: dict[str, tuple[_Maker, str | None]] = {
            "G": (lambda r, s: self._heard(r, names.given(r), s), "PERSON"),
            "S": (lambda r, s: self._heard(r, names.surname(r), s), "PERSON"),
            "F": (lambda r, s: self._heard(r, self.full(r), s), "PERSON"),
            "SPELL": (lambda r, s: self._spell(r), "PERSON"),
            "CITY": (lambda r, s: self.city(r), "LOCATION"),
            "COUNTRY": (_listed("country"), "LOCATION"),
            "STATE": (_listed("state"), "LOCATION"),
            "PLACE": (lambda r, s: self.place(r), "LOCATION"),
            "STREET": (lambda r, s: slots.random_street(r), "ADDRESS"),
            "ADDR": (slots.random_address, "ADDRESS"),
            "ADDRL": (self.long_address, "ADDRESS"),
            "ORG": (lambda r, s: self.organization(r), "ORGANIZATION"),
            "VENUE": (lambda r, s: self.venue(r), "ORGANIZATION"),
            "DATE": (slots.random_day, None),
            "DOB": (slots.birth_date, None),
            "TIME": (slots.random_time, None),
            "DAY": (lambda r, s: pick_one(r, slots.DAYS), None),
            "MONTH": (
                lambda r, s: (
                    pick_one(r, word_lists()["month"])
                    if r.random() < 0.7
                    else pick_one(r, ("may", "june", "april", "march", "august"))
                ),
                None,
            ),
            "NUM": (slots.random_number, None),
            "AMOUNT": (slots.random_amount, None),
            "PHONE": (slots.random_phone, None),
            "EMAIL": (slots.random_email, None),
            "POST": (slots.random_postal_code, None),
            "REF": (slots.random_order_reference, None),
            "CUISINE": (
                lambda r, s: (
                    pick_one(r, word_lists()["cuisine"]).title()
                    if r.random() < 0.4
                    else pick_one(r, word_lists()["cuisine"])
                ),
                None,
            ),
            "TITLE": (lambda r, s: slots.random_title(r), None),
            **{
                k.upper(): (_listed(k), None)
                for k in ("noun", "adj", "verb", "item", "brand", "song")
            },
        }

    def fill(
        self,
        rng: random.Random,
        carrier: SentenceTemplate,
        spoken: bool = False,
        agent: bool = False,
    ) -> LabeledUtterance:
        """Return one utterance from a carrier, its names labelled. Raises `KeyError` for a slot
        that does not exist.
        """
        parts: list[str | tuple[str, str]] = []
        for piece in carrier.draw(rng):
            if piece.startswith("{"):
                make, label = self._slots[piece[1:-1]]
                text = make(rng, spoken)
                parts.append((text, label) if label else text)
            else:
                parts.append(piece)
        return build_utterance(parts, agent)

    def full(self, rng: random.Random) -> str:
        """Return a whole name, or a given name alone once in six."""
        return self.names.given(rng) if rng.random() < 0.17 else self.names.full(rng)

    def _heard(self, rng: random.Random, name: str, spoken: bool) -> str:
        return (
            mishear_name(rng, name)
            if rng.random() < (self._noise * 2 if spoken else self._noise / 3)
            else name
        )

    def _spell(self, rng: random.Random) -> str:
        r = rng.random()
        return spell_name(
            rng,
            self.names.given(rng)
            if r < 0.3
            else self.names.surname(rng)
            if r < 0.8
            else self.names.full(rng),
        )

    def city(self, rng: random.Random) -> str:
        """Return a town, known or invented."""
        r = rng.random()
        if r < 0.75:
            return pick_one(rng, word_lists()["city"])
        if r < 0.85:
            return pick_one(rng, people.towns_by_country()[pick_one(rng, people.COUNTRIES)]).city
        return pick_one(rng, word_lists()["townform"]).format(self.names.surname(rng).split("-")[0])

    def place(self, rng: random.Random) -> str:
        """Return a landmark, station, park, county, airport."""
        if rng.random() < 0.5:
            return pick_one(rng, word_lists()["place"])
        stem = self.city(rng) if rng.random() < 0.5 else self.names.surname(rng)
        return f"{stem} {pick_one(rng, word_lists()['placekind'])}"

    def organization(self, rng: random.Random) -> str:
        """Return a business: well known, or made of a stem and a trade, a family name, a town."""
        r, w, names = rng.random(), word_lists(), self.names
        if r < 0.3:
            return pick_one(rng, w["org"])
        stem = (
            pick_one(rng, w["orgstem"])
            if r < 0.6
            else names.surname(rng)
            if r < 0.85
            else self.city(rng)
        )
        q = rng.random()
        if q < 0.55:
            return f"{stem} {pick_one(rng, w['orgword'])}"
        if q < 0.65:
            return f"{stem} {pick_one(rng, w['orgword'])} {pick_one(rng, w['orgend'])}"
        if q < 0.78:
            return f"{stem} {pick_one(rng, w['orgend'])}"
        if q < 0.9:
            return f"{names.surname(rng)}{pick_one(rng, (' and ', ' & ', '-'))}{names.surname(rng)}"
        if q < 0.95:
            return (
                f"{pick_one(rng, ('Bank', 'University', 'Church', 'Hospital', 'City', 'Port'))} "
                f"of {self.city(rng)}"
            )
        return f"{names.given(rng)}'s {pick_one(rng, w['orgword'])}"

    def venue(self, rng: random.Random) -> str:
        """Return a restaurant, hotel, block of flats, theatre or college."""
        stem = self._venue_stem(rng)
        return (
            f"{stem} {pick_one(rng, word_lists()['eatery'])}"
            if rng.random() < 0.85
            else f"{pick_one(rng, _CHAINS)} {stem}"
        )

    def _venue_stem(self, rng: random.Random) -> str:
        r, w, names = rng.random(), word_lists(), self.names
        if r < 0.2:
            return pick_one(rng, w["orgstem"])
        if r < 0.4:
            return names.surname(rng)
        if r < 0.5:
            return f"{names.given(rng)}'s"
        if r < 0.6:
            return self.city(rng)
        if r < 0.75:
            return f"{pick_one(rng, w['adj'])} {pick_one(rng, w['noun'])}".title()
        if r < 0.82:
            return pick_one(rng, w["cuisine"]).title()
        return f"The {pick_one(rng, w['noun'])}".title() if r < 0.9 else names.pair(rng)[1]

    def long_address(self, rng: random.Random, spoken: bool) -> str:
        """Street, town, state or country and code, parted as people part them, on one line or
        several.
        """
        line, r, w = slots.random_address(rng, spoken), rng.random(), word_lists()
        if r < 0.06 and not spoken:
            return slots.military_address(rng)
        sep = (
            pick_one(rng, (" ", ", ", " in "))
            if spoken
            else pick_one(rng, (", ", ", ", " ", "\n", "\n ", " , "))
        )
        code = slots.random_postal_code(rng, spoken) if rng.random() < 0.7 else ""
        tail = [self.city(rng)]
        if rng.random() < 0.75:
            tail.append(pick_one(rng, w["state" if rng.random() < 0.6 else "country"]))
        if rng.random() < 0.1:
            tail.append(pick_one(rng, w["country"]))
        return sep.join([line, *tail]) + (f" {code}" if code else "")


def _listed(section: str) -> _Maker:
    return lambda rng, spoken: pick_one(rng, word_lists()[section])
