"""State of a generated conversation: its participants, writing style, and turns so far."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from callveil.transforms.lab.sample.carriers import (
    LineTemplate,
    compile_line,
    line_templates,
    load_scenarios,
    script_lines,
)
from callveil.transforms.lab.sample.people import Person, pick_one, random_person


class TurnSpan(NamedTuple):
    """A labelled piece of a turn: half-open code points, entity type, and the key of the value in
    `Dialogue.values`.
    """

    start: int
    end: int
    type: str
    key: str


@dataclass(slots=True)
class DialogueTurn:
    """One turn.

    Attributes:
        speaker: `customer` or `agent`. channel: 1 customer, 2 agent.
        text: what was said or typed. s, e: seconds from the beginning. spans: in order, not
            overlapping.
    """

    speaker: str
    text: str
    channel: int
    s: float
    e: float
    spans: list[TurnSpan] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Style:
    """How a conversation is written down.

    Attributes:
        cased: capitals are kept. punctuated: full stops and commas are kept.
        spoken: share of values said in words and not as written digits.
        fillers: chance that a caller's turn begins with a filler. split: chance that a long value
            is spread over turns.
        length: multiplies the small talk and the exchanges; 1 gives about 150 words.
    """

    cased: bool = True
    punctuated: bool = True
    spoken: float = 0.5
    fillers: float = 0.1
    split: float = 0.2
    length: float = 1.0


CLEAN = Style(True, True, 0.35)
FLAT = Style(False, False, 0.85, 0.2, 0.3)
TYPED = Style(True, True, 0.0, 0.0, 0.0, 0.5)


def random_style(rng: random.Random) -> Style:
    """Return a style as recognisers differ: about half cased and punctuated, two fifths flat, the
    rest in between.
    """
    r = rng.random()
    base = (
        CLEAN
        if r < 0.5
        else FLAT
        if r < 0.9
        else Style(True, False, 0.6, 0.15)
        if r < 0.95
        else Style(False, True, 0.6, 0.15)
    )
    return replace(base, length=3.0 + 5 * rng.random()) if rng.random() < 0.03 else base


@dataclass(frozen=True, slots=True)
class Business:
    """A generated business: name, scenario it is fit for, town, own number (E.164) and street
    address.
    """

    name: str
    scenario: str
    city: str
    state: str
    phone: str
    address: str
    country: str = "US"


_ADJECTIVES = [
    "Harbor",
    "Summit",
    "Golden",
    "Silver",
    "Evergreen",
    "Riverside",
    "Lakeside",
    "Hillside",
    "Sunrise",
    "Sunset",
    "Pioneer",
    "Liberty",
    "Heritage",
    "Premier",
    "Cornerstone",
    "Keystone",
    "Bluebird",
    "Redwood",
    "Cedar",
    "Maple",
    "Willow",
    "Oakwood",
    "Northside",
    "Southgate",
    "Westview",
    "Eastland",
    "Coastal",
    "Prairie",
    "Granite",
    "Copper",
    "Crystal",
    "Beacon",
    "Compass",
    "Anchor",
    "Phoenix",
    "Falcon",
    "Eagle",
    "Magnolia",
    "Lotus",
    "Orchid",
    "Rosewood",
    "Ivy",
    "Bright",
    "Clear",
    "Swift",
    "Trusted",
    "Friendly",
    "Family",
    "Central",
    "Metro",
    "Union",
    "Allied",
    "National",
    "Pacific",
    "Atlantic",
    "Alpine",
]


def random_business(
    rng: random.Random, scenario: str | None = None, country: str = "US"
) -> Business:
    """Return a business for a scenario; drawn when absent or `voicemail`, which any business has.
    Raises ValueError for an unknown scenario.
    """
    name = (
        scenario if scenario and scenario != "voicemail" else pick_one(rng, tuple(load_scenarios()))
    )
    if name not in load_scenarios():
        raise ValueError(f"unknown scenario {name!r}; one of {', '.join(load_scenarios())}")
    ending = pick_one(rng, load_scenarios()[name].endings)
    owner = random_person(rng, country)
    r = rng.random()
    if r < 0.4:
        title = f"{pick_one(rng, _ADJECTIVES)} {ending}"
    elif r < 0.6:
        title = f"{owner.city} {ending}"
    elif r < 0.8:
        title = f"{owner.last} {ending}"
    elif r < 0.9:
        title = f"{owner.last} & Sons {ending}"
    else:
        title = f"{pick_one(rng, _ADJECTIVES)} {pick_one(rng, _ADJECTIVES)} {ending}"
    return Business(title, name, owner.city, owner.state, owner.phone, owner.street_line, country)


class PlantedValue(NamedTuple):
    """A planted value: entity type and canonical form (E.164, ISO date, digits only, full name)."""

    type: str
    canonical: str


class TurnPiece(NamedTuple):
    """A stretch of a turn: its text, and type, key and canonical form where it is a value (else
    empty).
    """

    text: str
    type: str
    key: str
    canonical: str


Slots = Mapping[str, Callable[["Scene"], tuple[TurnPiece, ...]]]
Neutral = Mapping[str, Callable[["Scene"], str]]


class Scene:
    """Who is in a conversation, and what has been said so far. Slots draw from it.

    Args:
        slots, neutral: what is said for each slot, with and without a value; see `slots.VALUES` and
            `neutral.NEUTRAL`.
    """

    rng: random.Random
    caller: Person
    agent: Person
    firm: Business
    style: Style
    topic: str
    values: dict[str, PlantedValue]
    turns: list[DialogueTurn]

    def __init__(
        self,
        rng: random.Random,
        caller: Person,
        agent: Person,
        firm: Business,
        scenario: str,
        style: Style,
        slots: Slots,
        neutral: Neutral,
    ) -> None:
        self.rng, self.caller, self.agent, self.firm, self.style = rng, caller, agent, firm, style
        self._slots, self._neutral = slots, neutral
        self.scenario = load_scenarios()[scenario]
        self.values: dict[str, PlantedValue] = {}
        self.turns: list[DialogueTurn] = []
        self.clock = rng.random() * 2
        self._cast: dict[str, Person] = {}
        self._kept: dict[str, str] = {}
        self.topic = pick_one(rng, self.scenario.topics)
        self._book = line_templates(style.cased, style.punctuated)
        self.opening, self.talk = script_lines(scenario, style.cased, style.punctuated)
        self.sections = self._book.keys()
        self.bare = compile_line("{v}.", style.cased, style.punctuated)

    def other(self, role: str) -> Person:
        """Return a further person of the conversation (other, other2, doctor, doctor2), made when
        first named.
        """
        if role not in self._cast:
            self._cast[role] = random_person(self.rng, self.caller.country)
        return self._cast[role]

    def keep(self, name: str, make: Callable[[], str]) -> str:
        """Return a value made once per conversation, such as the order number."""
        if name not in self._kept:
            self._kept[name] = make()
        return self._kept[name]

    def written(self, text: str) -> str:
        """Return `text` as the style writes it: case and punctuation."""
        if not self.style.punctuated:
            text = text.replace(",", "").replace(". ", " ").replace(" & ", " and ")
        return text if self.style.cased else text.lower()

    def spoken(self) -> bool:
        """Tell whether the next value is said in words."""
        return self.rng.random() < self.style.spoken

    def pieces(self, slot: str) -> tuple[TurnPiece, ...]:
        """Return the pieces of a slot; registers the values they carry."""
        neutral = self._neutral.get(slot)
        if neutral is not None:
            return (TurnPiece(self.written(neutral(self)), "", "", ""),)
        made = self._slots[slot](self)
        for p in made:
            if p.type and p.key not in self.values:
                self.values[p.key] = PlantedValue(p.type, p.canonical)
        return made

    def turn(
        self, speaker: str, *lines: LineTemplate, v: tuple[TurnPiece, ...] = (), opening: str = ""
    ) -> None:
        """Add a turn that says the lines one after the other, `{v}` standing for the pieces
        given.
        """
        text, spans, place = [], [], 0
        if opening:
            text.append(opening)
            place = len(opening)
        for line in lines:
            if place:
                text.append(" ")
                place += 1
            for is_slot, part in (
                line.continued if opening and place == len(opening) + 1 else line.parts
            ):
                if not is_slot:
                    text.append(part)
                    place += len(part)
                    continue
                for p in v if part == "v" else self.pieces(part):
                    end = place + len(p.text)
                    if p.type and p.text:
                        spans.append(TurnSpan(place, end, p.type, p.key))
                    text.append(p.text)
                    place = end
        body = "".join(text)
        took = 0.5 + 0.33 * (body.count(" ") + 1) + self.rng.random() * 0.5
        start = self.clock
        self.clock = start + took + self.rng.random()
        self.turns.append(
            DialogueTurn(
                speaker,
                body,
                1 if speaker == "customer" else 2,
                round(start, 2),
                round(start + took, 2),
                spans,
            )
        )

    def line(self, section: str) -> LineTemplate:
        """Return one sentence of a section of the carriers."""
        return pick_one(self.rng, self._book[section])

    def agent_says(self, *sections: str, v: tuple[TurnPiece, ...] = ()) -> None:
        """An agent's turn out of one or more sections."""
        self.turn("agent", *(self.line(s) for s in sections), v=v)

    def caller_says(self, *sections: str, v: tuple[TurnPiece, ...] = ()) -> None:
        """A caller's turn, with a filler in front now and then."""
        opening = ""
        if self.rng.random() < self.style.fillers:
            opening = self.written(
                pick_one(
                    self.rng, ("Uh,", "Um,", "Well,", "So,", "Oh,", "Yeah, um,", "Er,", "Okay, uh,")
                )
            )
        self.turn("customer", *(self.line(s) for s in sections), v=v, opening=opening)

    def exchange(self, section: str, first: str = "agent") -> None:
        """The turns of one `one | other` line of a section."""
        self.play(self.line(section), first)

    def play(self, script: LineTemplate, first: str = "agent") -> None:
        """The turns of one line; speakers as marked in it, else taking turns from `first`."""
        second = "customer" if first == "agent" else "agent"
        for i, part in enumerate(script.rest()):
            self.turn(part.speaker or (second if i % 2 else first), part)
