"""Slots filled with generated values.

Slots that name a person, a place, an address or an organization are labelled; the others (dates, numbers, things, titles) are there so that the
model sees what no name is.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from callveil.transforms.lab.sample import people
from callveil.transforms.lab.sample.people import pick
from callveil.transforms.lab.train import slots
from callveil.transforms.lab.train.corpus import Utterance, build
from callveil.transforms.lab.train.grammar import Carrier
from callveil.transforms.lab.train.lists import Names, words
from callveil.transforms.lab.train.spell import misheard, spelled

_Maker = Callable[[random.Random, bool], str]
_CHAINS = ("Hotel", "La", "El", "The", "Cafe", "Restaurant", "Best Western", "Marriott", "Hilton", "Casa")


class Filler:
    """Fills carriers.

    Args:
        names: where people's names come from.
        noise: share of names written as a recogniser mishears them, 0 to 0.5; twice that in spoken text, a third of it in typed text.
    """

    def __init__(self, names: Names, noise: float = 0.06) -> None:
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
            "STREET": (lambda r, s: slots.street(r), "ADDRESS"),
            "ADDR": (slots.address, "ADDRESS"),
            "ADDRL": (self.long_address, "ADDRESS"),
            "ORG": (lambda r, s: self.organization(r), "ORGANIZATION"),
            "VENUE": (lambda r, s: self.venue(r), "ORGANIZATION"),
            "DATE": (slots.day, None),
            "DOB": (slots.birth_date, None),
            "TIME": (slots.clock, None),
            "DAY": (lambda r, s: pick(r, slots.DAYS), None),
            "MONTH": (lambda r, s: pick(r, words()["month"]) if r.random() < 0.7 else pick(r, ("may", "june", "april", "march", "august")), None),
            "NUM": (slots.number, None),
            "AMOUNT": (slots.amount, None),
            "PHONE": (slots.phone, None),
            "EMAIL": (slots.email, None),
            "POST": (slots.postal, None),
            "REF": (slots.reference, None),
            "CUISINE": (lambda r, s: pick(r, words()["cuisine"]).title() if r.random() < 0.4 else pick(r, words()["cuisine"]), None),
            "TITLE": (lambda r, s: slots.title(r), None),
            **{k.upper(): (_listed(k), None) for k in ("noun", "adj", "verb", "item", "brand", "song")},
        }

    def fill(self, rng: random.Random, carrier: Carrier, spoken: bool = False, agent: bool = False) -> Utterance:
        """One utterance from a carrier, its names labelled. Raises `KeyError` for a slot that does not exist."""
        parts: list[str | tuple[str, str]] = []
        for piece in carrier.draw(rng):
            if piece.startswith("{"):
                make, label = self._slots[piece[1:-1]]
                text = make(rng, spoken)
                parts.append((text, label) if label else text)
            else:
                parts.append(piece)
        return build(parts, agent)

    def full(self, rng: random.Random) -> str:
        """A whole name, or a given name alone once in six."""
        return self.names.given(rng) if rng.random() < 0.17 else self.names.full(rng)

    def _heard(self, rng: random.Random, name: str, spoken: bool) -> str:
        return misheard(rng, name) if rng.random() < (self._noise * 2 if spoken else self._noise / 3) else name

    def _spell(self, rng: random.Random) -> str:
        r = rng.random()
        return spelled(rng, self.names.given(rng) if r < 0.3 else self.names.surname(rng) if r < 0.8 else self.names.full(rng))

    def city(self, rng: random.Random) -> str:
        """A town, known or invented."""
        r = rng.random()
        if r < 0.75:
            return pick(rng, words()["city"])
        if r < 0.85:
            return pick(rng, people.places()[pick(rng, people.COUNTRIES)]).city
        return pick(rng, words()["townform"]).format(self.names.surname(rng).split("-")[0])

    def place(self, rng: random.Random) -> str:
        """A landmark, station, park, county, airport."""
        if rng.random() < 0.5:
            return pick(rng, words()["place"])
        stem = self.city(rng) if rng.random() < 0.5 else self.names.surname(rng)
        return f"{stem} {pick(rng, words()['placekind'])}"

    def organization(self, rng: random.Random) -> str:
        """A business: well known, or made of a stem and a trade, a family name, a town."""
        r, w, names = rng.random(), words(), self.names
        if r < 0.3:
            return pick(rng, w["org"])
        stem = pick(rng, w["orgstem"]) if r < 0.6 else names.surname(rng) if r < 0.85 else self.city(rng)
        q = rng.random()
        if q < 0.55:
            return f"{stem} {pick(rng, w['orgword'])}"
        if q < 0.65:
            return f"{stem} {pick(rng, w['orgword'])} {pick(rng, w['orgend'])}"
        if q < 0.78:
            return f"{stem} {pick(rng, w['orgend'])}"
        if q < 0.9:
            return f"{names.surname(rng)}{pick(rng, (' and ', ' & ', '-'))}{names.surname(rng)}"
        if q < 0.95:
            return f"{pick(rng, ('Bank', 'University', 'Church', 'Hospital', 'City', 'Port'))} of {self.city(rng)}"
        return f"{names.given(rng)}'s {pick(rng, w['orgword'])}"

    def venue(self, rng: random.Random) -> str:
        """A restaurant, hotel, block of flats, theatre or college."""
        stem = self._venue_stem(rng)
        return f"{stem} {pick(rng, words()['eatery'])}" if rng.random() < 0.85 else f"{pick(rng, _CHAINS)} {stem}"

    def _venue_stem(self, rng: random.Random) -> str:
        r, w, names = rng.random(), words(), self.names
        if r < 0.2:
            return pick(rng, w["orgstem"])
        if r < 0.4:
            return names.surname(rng)
        if r < 0.5:
            return f"{names.given(rng)}'s"
        if r < 0.6:
            return self.city(rng)
        if r < 0.75:
            return f"{pick(rng, w['adj'])} {pick(rng, w['noun'])}".title()
        if r < 0.82:
            return pick(rng, w["cuisine"]).title()
        return f"The {pick(rng, w['noun'])}".title() if r < 0.9 else names.pair(rng)[1]

    def long_address(self, rng: random.Random, spoken: bool) -> str:
        """Street, town, state or country and code, parted as people part them, on one line or several."""
        line, r, w = slots.address(rng, spoken), rng.random(), words()
        if r < 0.06 and not spoken:
            return slots.military_address(rng)
        sep = pick(rng, (" ", ", ", " in ")) if spoken else pick(rng, (", ", ", ", " ", "\n", "\n ", " , "))
        code = slots.postal(rng, spoken) if rng.random() < 0.7 else ""
        tail = [self.city(rng)]
        if rng.random() < 0.75:
            tail.append(pick(rng, w["state" if rng.random() < 0.6 else "country"]))
        if rng.random() < 0.1:
            tail.append(pick(rng, w["country"]))
        return sep.join([line, *tail]) + (f" {code}" if code else "")


def _listed(section: str) -> _Maker:
    return lambda rng, spoken: pick(rng, words()[section])
