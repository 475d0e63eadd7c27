"""Carrier sentences: a small grammar, and the slots that are filled with generated values.

A carrier is a line such as `<my name is|it's> {F}<.|>`: `<a|b|>` chooses one, nested at will, and `{F}` is a slot. Slots that name a person, a
place, an address or an organization are labelled; the others (dates, numbers, things) are there so that the model sees what no name is.
"""

from __future__ import annotations

import datetime as dt
import random
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from importlib import resources

from callveil.transforms.sample import people, values
from callveil.transforms.sample.people import pick
from callveil.transforms.train.corpus import Utterance, build
from callveil.transforms.train.lists import Names, words
from callveil.transforms.train.spell import misheard, spelled

Part = str | tuple[str, str]
Node = str | tuple[str, ...] | list["Node"] | list[list["Node"]]
_TOKEN = re.compile(r"[<>|]|\{[A-Z]+\}|[^<>|{}]+")
_DAYS = (
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
)
_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
    "may",
    "june",
    "april",
    "march",
    "august",
)
_UK_SUFFIX = (
    "Road",
    "Street",
    "Lane",
    "Avenue",
    "Close",
    "Way",
    "Crescent",
    "Court",
    "Place",
    "Parade",
    "Drive",
    "Row",
    "Hill",
    "Green",
    "Park",
    "Gardens",
    "Square",
    "Terrace",
)
_EURO = (
    "{n}straße {h}",
    "{n}strasse {h}",
    "{n}weg {h}",
    "Rue {n} {h}",
    "{h} Rue de {n}",
    "Via {n} {h}",
    "Calle {n} {h}",
    "{n}gatan {h}",
    "{n}vej {h}",
    "{n}straat {h}",
    "{n}laan {h}",
    "Avenida {n} {h}",
    "{n} u. {h}.",
    "ul. {n} {h}",
    "{n}katu {h}",
    "Rua {n} {h}",
    "{h} Chemin {n}",
    "Plaza {n} {h}",
    "{n}veien {h}",
    "{h}, {n} Marg",
    "Jalan {n} {h}",
)


class Carrier:
    """One line of the grammar, parsed. Raises `ValueError` with the line's place for a bracket left open."""

    def __init__(self, line: str, where: str) -> None:
        self._stack: list[list[list[object]]] = [[[]]]
        for token in _TOKEN.findall(line):
            if token == "<":
                self._stack.append([[]])
            elif token == "|" and len(self._stack) > 1:
                self._stack[-1].append([])
            elif token == ">" and len(self._stack) > 1:
                choice = self._stack.pop()
                self._stack[-1][-1].append(choice)
            elif token in "<>|":
                raise ValueError(f"{where}: `{token}` stands outside of `<...>`; write alternatives as `<this|that>`")
            else:
                self._stack[-1][-1].append(token)
        if len(self._stack) != 1:
            raise ValueError(f"{where}: `<` is never closed; write alternatives as `<this|that>`")
        self._nodes = self._stack.pop()[0]

    def draw(self, rng: random.Random) -> Iterator[str]:
        """Literals and slots `{X}` in order, one alternative chosen at each `<...>`."""
        return _draw(self._nodes, rng)


def _draw(nodes: list[object], rng: random.Random) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, str):
            yield node
        elif isinstance(node, list):
            yield from _draw(pick(rng, node), rng)


@lru_cache(maxsize=8)
def carriers(name: str) -> dict[str, tuple[Carrier, ...]]:
    """Carriers by section of a file of this package (`ask.txt`, `answer.txt`, `requests.txt`)."""
    out: dict[str, list[Carrier]] = {}
    section: list[Carrier] = []
    for number, line in enumerate(resources.files(__package__).joinpath(name).read_text(encoding="utf-8").splitlines(), 1):
        if line.startswith("# "):
            section = out.setdefault(line[2:].strip(), [])
        elif line.strip():
            section.append(Carrier(line, f"{name}, line {number}"))
    return {k: tuple(v) for k, v in out.items()}


class Filler:
    """Fills carriers. `spoken` values are said in words; `noise` is the share of names a recogniser gets wrong."""

    def __init__(self, names: Names, noise: float = 0.06) -> None:
        self.names, self._noise = names, noise
        self._slots: dict[str, Callable[[random.Random, bool], tuple[str, str | None]]] = {
            "G": lambda r, s: (self._heard(r, names.given(r), s), "PERSON"),
            "S": lambda r, s: (self._heard(r, names.surname(r), s), "PERSON"),
            "F": lambda r, s: (self._heard(r, self.full(r), s), "PERSON"),
            "SPELL": lambda r, s: (self._spell(r), "PERSON"),
            "CITY": lambda r, s: (self.city(r), "LOCATION"),
            "COUNTRY": lambda r, s: (pick(r, words()["country"]), "LOCATION"),
            "STATE": lambda r, s: (pick(r, words()["state"]), "LOCATION"),
            "PLACE": lambda r, s: (self.place(r), "LOCATION"),
            "STREET": lambda r, s: (street(r), "ADDRESS"),
            "ADDR": lambda r, s: (address(r, s), "ADDRESS"),
            "ADDRL": lambda r, s: (self.long_address(r, s), "ADDRESS"),
            "ORG": lambda r, s: (self.organization(r), "ORGANIZATION"),
            "DATE": lambda r, s: (_date(r, s), None),
            "DOB": lambda r, s: (_date(r, s, birth=True), None),
            "TIME": lambda r, s: (_time(r, s), None),
            "DAY": lambda r, s: (pick(r, _DAYS), None),
            "MONTH": lambda r, s: (pick(r, _MONTHS), None),
            "NUM": lambda r, s: (str(int(r.random() * 60)) if r.random() < 0.4 and not s else values.number_words(1 + int(r.random() * 20)), None),
            "AMOUNT": lambda r, s: (_amount(r, s), None),
            "PHONE": lambda r, s: (_phone(r, s), None),
            "EMAIL": lambda r, s: (_email(r, s), None),
            "POST": lambda r, s: (_postal(r, s), None),
            "REF": lambda r, s: (_reference(r, s), None),
            "ITEM": lambda r, s: (pick(r, words()["item"]), None),
            "BRAND": lambda r, s: (pick(r, words()["brand"]), None),
            "SONG": lambda r, s: (pick(r, words()["song"]), None),
        }

    def fill(self, rng: random.Random, carrier: Carrier, spoken: bool = False, agent: bool = False) -> Utterance:
        """One utterance from a carrier, its names labelled. Raises `KeyError` for a slot that does not exist."""
        parts: list[Part] = []
        for token in carrier.draw(rng):
            if token.startswith("{"):
                text, label = self._slots[token[1:-1]](rng, spoken)
                parts.append((text, label) if label else text)
            else:
                parts.append(token)
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
        stem = self.names.surname(rng).split("-")[0]
        return pick(
            rng,
            (
                f"{stem}ville",
                f"{stem}ton",
                f"Port {stem}",
                f"{stem} City",
                f"{stem} Springs",
                f"Fort {stem}",
                f"Saint {stem}",
                f"{stem}burg",
                f"New {stem}",
                f"{stem} Heights",
                f"Upper {stem}",
                stem,
            ),
        )

    def place(self, rng: random.Random) -> str:
        """A landmark, station, park, county, airport."""
        if rng.random() < 0.5:
            return pick(rng, words()["place"])
        stem = self.city(rng) if rng.random() < 0.5 else self.names.surname(rng)
        kind = pick(
            rng,
            (
                "Airport",
                "International Airport",
                "Station",
                "Park",
                "County",
                "Mall",
                "Stadium",
                "Beach",
                "Bridge",
                "Square",
                "Valley",
                "Lake",
                "Theater",
                "Bus Station",
                "Arena",
                "Library",
                "Museum",
            ),
        )
        return f"{stem} {kind}"

    def organization(self, rng: random.Random) -> str:
        """A business: well known, or made of a stem and a trade, a family name, a town."""
        r, w = rng.random(), words()
        if r < 0.3:
            return pick(rng, w["org"])
        stem = pick(rng, w["orgstem"]) if r < 0.6 else self.names.surname(rng) if r < 0.85 else self.city(rng)
        q = rng.random()
        if q < 0.55:
            return f"{stem} {pick(rng, w['orgword'])}"
        if q < 0.65:
            return f"{stem} {pick(rng, w['orgword'])} {pick(rng, w['orgend'])}"
        if q < 0.78:
            return f"{stem} {pick(rng, w['orgend'])}"
        if q < 0.86:
            return f"{self.names.surname(rng)} {pick(rng, ('and', '&'))} {self.names.surname(rng)}"
        if q < 0.9:
            return f"{self.names.surname(rng)}-{self.names.surname(rng)}"
        if q < 0.95:
            return f"{pick(rng, ('Bank', 'University', 'Church', 'Hospital', 'City', 'Port'))} of {self.city(rng)}"
        return f"{self.names.given(rng)}'s {pick(rng, w['orgword'])}"

    def long_address(self, rng: random.Random, spoken: bool) -> str:
        """Street, town, state or country and code, parted as people part them, on one line or several."""
        line, r = address(rng, spoken), rng.random()
        if r < 0.06 and not spoken:
            return f"{pick(rng, ('PSC', 'Unit', 'CMR'))} {people.digits(rng, 4)}, Box {people.digits(rng, 4)}{pick(rng, (chr(10), ', '))}{pick(rng, ('APO', 'FPO', 'DPO'))} {pick(rng, ('AA', 'AE', 'AP'))} {people.digits(rng, 5)}"
        sep = pick(rng, (", ", ", ", " ", "\n", "\n ", " , ")) if not spoken else pick(rng, (" ", ", ", " in "))
        code = _postal(rng, spoken) if rng.random() < 0.7 else ""
        tail = [self.city(rng)]
        if rng.random() < 0.75:
            tail.append(pick(rng, words()["state" if rng.random() < 0.6 else "country"]))
        if rng.random() < 0.1:
            tail.append(pick(rng, words()["country"]))
        return sep.join([line, *tail]) + (f" {code}" if code else "")


@lru_cache(maxsize=1)
def _street_stems() -> tuple[str, ...]:
    return tuple(dict.fromkeys([*words()["sur"][:400], *words()["orgstem"], *words()["city"][:250], *words()["given"][:120]]))


def street(rng: random.Random) -> str:
    """A street without a number."""
    if rng.random() < 0.5:
        return people.street_name(rng, pick(rng, ("US", "US", "US", "GB", "CA", "AU")))
    return f"{pick(rng, _street_stems())} {pick(rng, _UK_SUFFIX) if rng.random() < 0.8 else pick(rng, ('Boulevard', 'Blvd', 'Rd', 'St', 'St.', 'Ave', 'Ave.', 'Ln', 'Dr', 'Parkway', 'Highway', 'Turnpike', 'Plaza', 'Circle', 'Trail', 'Walk'))}"


def address(rng: random.Random, spoken: bool) -> str:
    """House number and street, with a unit at times; said in words where `spoken`."""
    r = rng.random()
    if spoken and r < 0.6:
        return values.spoken_address(rng, people.person(rng, pick(rng, ("US", "US", "GB", "CA", "AU"))))
    if r < 0.14:
        stem = pick(rng, _street_stems()).replace(" ", "")
        return pick(rng, _EURO).format(n=stem, h=people.house_number(rng, "DE"))
    number = people.house_number(rng, pick(rng, ("US", "US", "GB")))
    unit = pick(
        rng,
        (
            "",
            "",
            "",
            "",
            f" Apt. {people.digits(rng, 3)}",
            f", Apt {people.digits(rng, 1)}B",
            f" # {people.digits(rng, 3)}",
            f" #{people.digits(rng, 2)}",
            f" Suite {people.digits(rng, 3)}",
            f" Unit {people.digits(rng, 1)}",
            f"\n Suite {people.digits(rng, 3)}",
            f"\n Apt. {people.digits(rng, 3)}",
            f", Flat {people.digits(rng, 1)}",
        ),
    )
    if r > 0.9:
        return f"{street(rng)} {number}{unit}"
    return f"{number} {street(rng)}{unit}"


def _date(rng: random.Random, spoken: bool, birth: bool = False) -> str:
    day = people.birth_date(rng) if birth else dt.date(2026, 1, 1) + dt.timedelta(days=int(rng.random() * 700))
    if not birth and rng.random() < 0.4:
        month = pick(rng, _MONTHS[:12])
        return pick(
            rng,
            (
                f"{month} {day.day}",
                f"{month} {day.day}th",
                f"the {values.ordinal_words(day.day)}",
                f"{month} {values.ordinal_words(day.day)}",
                f"the {day.day}th of {month}",
            ),
        )
    return values.spoken_date(rng, day, rng.random() < 0.6) if spoken or rng.random() < 0.2 else values.written_date(rng, day, rng.random() < 0.6)


def _time(rng: random.Random, spoken: bool) -> str:
    hour, minute = int(rng.random() * 24), 5 * int(rng.random() * 12)
    if spoken or rng.random() < 0.3:
        return values.spoken_time(rng, hour, minute)
    return pick(rng, (f"{hour}:{minute:02d}", f"{1 + hour % 12} pm", f"{1 + hour % 12}:{minute:02d} am", f"{1 + hour % 12}"))


def _amount(rng: random.Random, spoken: bool) -> str:
    cents = 100 * (1 + int(rng.random() * 2000)) + (int(rng.random() * 100) if rng.random() < 0.3 else 0)
    if spoken or rng.random() < 0.3:
        return values.spoken_amount(rng, cents)
    return pick(
        rng,
        (
            f"${cents / 100:,.2f}",
            f"${cents // 100}",
            f"{cents // 100} dollars",
            f"{cents // 100} bucks",
            f"£{cents // 100}",
            f"{cents // 100} pounds",
        ),
    )


def _phone(rng: random.Random, spoken: bool) -> str:
    number = people.phone_number(rng, pick(rng, people.places()[pick(rng, people.COUNTRIES)]))
    return values.spoken_phone(rng, number) if spoken or rng.random() < 0.3 else values.written_phone(rng, number)


def _email(rng: random.Random, spoken: bool) -> str:
    given, surname, _ = people.person_name(rng)
    mail = people.email_address(rng, given, surname, 1980, "US", realistic=True)
    return values.spoken_email(rng, mail) if spoken or rng.random() < 0.2 else mail


def _postal(rng: random.Random, spoken: bool) -> str:
    country = pick(rng, ("US", "US", "GB", "GB", "CA", "NL"))
    code = people.postal_code(rng, pick(rng, people.places()[country]))
    return values.spoken_postal(rng, code, country) if spoken or rng.random() < 0.3 else code


def _reference(rng: random.Random, spoken: bool) -> str:
    code = values.reference(rng)
    return values.spoken_code(rng, code) if spoken or rng.random() < 0.2 else code
