"""Generated conversations with every planted value labelled.

A conversation is put together from the sentences in `data/carriers.txt` and `data/scenarios.txt`: a business, a caller, an agent, a scenario, and a
style that says how a recogniser or a typing person would write it. Values are labelled as they are written, so a label's offsets are exact by
construction; nothing is searched for afterwards.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from callveil.transforms.sample import values as say
from callveil.transforms.sample.carriers import Carrier, carriers, compile_line, scenarios, script_lines
from callveil.transforms.sample.people import Person, person, pick
from callveil.transforms.sample.slots import NEUTRAL, VALUES, Piece, Value


class Span(NamedTuple):
    """A labelled piece of a turn: half-open code points, entity type, and the key of the value in `Dialogue.values`."""

    start: int
    end: int
    type: str
    key: str


@dataclass(slots=True)
class Turn:
    """One turn.

    Attributes:
        speaker: `customer` or `agent`. channel: 1 customer, 2 agent.
        text: what was said or typed. s, e: seconds from the beginning. spans: in order, not overlapping.
    """

    speaker: str
    text: str
    channel: int
    s: float
    e: float
    spans: list[Span] = field(default_factory=list)


@dataclass(slots=True)
class Dialogue:
    """A conversation. `values` holds each planted value's type and canonical form by the key its spans carry."""

    scenario: str
    topic: str
    turns: list[Turn]
    values: dict[str, Value]


@dataclass(frozen=True, slots=True)
class Style:
    """How a conversation is written down.

    Attributes:
        cased: capitals are kept. punctuated: full stops and commas are kept.
        spoken: share of values said in words and not as written digits.
        fillers: chance that a caller's turn begins with a filler. split: chance that a long value is spread over turns.
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
    """A style as recognisers differ: about half cased and punctuated, two fifths flat, the rest in between."""
    r = rng.random()
    base = CLEAN if r < 0.5 else FLAT if r < 0.9 else Style(True, False, 0.6, 0.15) if r < 0.95 else Style(False, True, 0.6, 0.15)
    return replace(base, length=3.0 + 5 * rng.random()) if rng.random() < 0.03 else base


@dataclass(frozen=True, slots=True)
class Business:
    """A generated business: name, scenario it is fit for, town, own number (E.164) and street address."""

    name: str
    scenario: str
    city: str
    state: str
    phone: str
    address: str
    country: str = "US"


_ADJECTIVES = (
    "Harbor Summit Golden Silver Evergreen Riverside Lakeside Hillside Sunrise Sunset Pioneer Liberty Heritage Premier Cornerstone Keystone Bluebird Redwood "
    "Cedar Maple Willow Oakwood Northside Southgate Westview Eastland Coastal Prairie Granite Copper Crystal Beacon Compass Anchor Phoenix Falcon Eagle "
    "Magnolia Lotus Orchid Rosewood Ivy Bright Clear Swift Trusted Friendly Family Central Metro Union Allied National Pacific Atlantic Alpine"
).split()


def business(rng: random.Random, scenario: str | None = None, country: str = "US") -> Business:
    """A business for a scenario (drawn when absent). Raises KeyError for an unknown scenario."""
    name = scenario or pick(rng, tuple(scenarios()))
    ending = pick(rng, scenarios()[name].endings)
    owner = person(rng, country)
    r = rng.random()
    if r < 0.4:
        title = f"{pick(rng, _ADJECTIVES)} {ending}"
    elif r < 0.6:
        title = f"{owner.city} {ending}"
    elif r < 0.8:
        title = f"{owner.last} {ending}"
    elif r < 0.9:
        title = f"{owner.last} & Sons {ending}"
    else:
        title = f"{pick(rng, _ADJECTIVES)} {pick(rng, _ADJECTIVES)} {ending}"
    return Business(title, name, owner.city, owner.state, owner.phone, owner.street_line, country)


class Scene:
    """Who is in a conversation, and what has been said so far. Slots draw from it; see `slots.VALUES`."""

    def __init__(self, rng: random.Random, caller: Person, agent: Person, firm: Business, scenario: str, style: Style) -> None:
        self.rng, self.caller, self.agent, self.firm, self.style = rng, caller, agent, firm, style
        self.scenario = scenarios()[scenario]
        self.values: dict[str, Value] = {}
        self.turns: list[Turn] = []
        self.clock = rng.random() * 2
        self._cast: dict[str, Person] = {}
        self._kept: dict[str, str] = {}
        self.topic = pick(rng, self.scenario.topics)
        self._book = carriers(style.cased, style.punctuated)
        self.opening, self.talk = script_lines(scenario, style.cased, style.punctuated)
        self.sections = self._book.keys()
        self.bare = compile_line("{v}.", style.cased, style.punctuated)

    def other(self, role: str) -> Person:
        """A further person of the conversation (other, other2, doctor, doctor2), made when first named."""
        if role not in self._cast:
            self._cast[role] = person(self.rng, self.caller.country)
        return self._cast[role]

    def keep(self, name: str, make: Callable[[], str]) -> str:
        """A value made once per conversation, such as the order number."""
        if name not in self._kept:
            self._kept[name] = make()
        return self._kept[name]

    def written(self, text: str) -> str:
        """`text` as the style writes it: case and punctuation."""
        if not self.style.punctuated:
            text = text.replace(",", "").replace(". ", " ")
        return text if self.style.cased else text.lower()

    def spoken(self) -> bool:
        """Whether the next value is said in words."""
        return self.rng.random() < self.style.spoken

    def pieces(self, slot: str) -> tuple[Piece, ...]:
        """The pieces of a slot; registers the values they carry."""
        neutral = NEUTRAL.get(slot)
        if neutral is not None:
            return (Piece(self.written(neutral(self)), "", "", ""),)
        made = VALUES[slot](self)
        for p in made:
            if p.type and p.key not in self.values:
                self.values[p.key] = Value(p.type, p.canonical)
        return made

    def turn(self, speaker: str, *lines: Carrier, v: tuple[Piece, ...] = (), opening: str = "") -> None:
        """Add a turn that says the lines one after the other, `{v}` standing for the pieces given."""
        text, spans, place = [], [], 0
        if opening:
            text.append(opening)
            place = len(opening)
        for line in lines:
            if place:
                text.append(" ")
                place += 1
            for is_slot, part in line.continued if opening and place == len(opening) + 1 else line.parts:
                if not is_slot:
                    text.append(part)
                    place += len(part)
                    continue
                for p in v if part == "v" else self.pieces(part):
                    end = place + len(p.text)
                    if p.type and p.text:
                        spans.append(Span(place, end, p.type, p.key))
                    text.append(p.text)
                    place = end
        body = "".join(text)
        took = 0.5 + 0.33 * (body.count(" ") + 1) + self.rng.random() * 0.5
        start = self.clock
        self.clock = start + took + self.rng.random()
        self.turns.append(Turn(speaker, body, 1 if speaker == "customer" else 2, round(start, 2), round(start + took, 2), spans))

    def line(self, section: str) -> Carrier:
        """One sentence of a section of the carriers."""
        return pick(self.rng, self._book[section])

    def agent_says(self, *sections: str, v: tuple[Piece, ...] = ()) -> None:
        """An agent's turn out of one or more sections."""
        self.turn("agent", *(self.line(s) for s in sections), v=v)

    def caller_says(self, *sections: str, v: tuple[Piece, ...] = ()) -> None:
        """A caller's turn, with a filler in front now and then."""
        opening = ""
        if self.rng.random() < self.style.fillers:
            opening = self.written(pick(self.rng, ("Uh,", "Um,", "Well,", "So,", "Oh,", "Yeah, um,", "Er,", "Okay, uh,")))
        self.turn("customer", *(self.line(s) for s in sections), v=v, opening=opening)

    def exchange(self, section: str, first: str = "agent") -> None:
        """The turns of one `one | other` line of a section."""
        self.play(self.line(section), first)

    def play(self, script: Carrier, first: str = "agent") -> None:
        """The turns of one line; speakers as marked in it, else taking turns from `first`."""
        second = "customer" if first == "agent" else "agent"
        for i, part in enumerate(script.rest()):
            self.turn(part.speaker or (second if i % 2 else first), part)


_LONG = {"phone": (3, 3, 4), "card": (4, 4, 4, 4), "ssn": (3, 2, 4), "account": (4, 4, 4), "policy": (3, 3, 4), "bank": (4, 4, 4), "iban": (4, 4, 6, 8)}
_MISREAD = frozenset(("phone", "card", "zip", "account", "order"))


def _ask(scene: Scene, slot: str, read_back: bool, asked: bool = True) -> None:
    rng = scene.rng
    if asked:
        lead = () if not scene.turns or scene.turns[-1].speaker == "agent" or rng.random() < 0.65 else ("ack.agent",)
        scene.agent_says(*lead, f"ask.{slot}")
    r = rng.random()
    if r < 0.05:
        scene.exchange("lead", "customer")
    elif r < 0.075 and slot not in ("name", "phone"):
        scene.exchange("opt", "customer")
        return
    pieces = scene.pieces("yourcity" if slot == "city" else slot)
    if slot in _LONG and len(pieces) == 1 and rng.random() < scene.style.split:
        _spread(scene, slot, pieces[0])
    elif rng.random() < 0.12:
        scene.turn("customer", scene.bare, v=pieces)
    else:
        scene.caller_says(f"say.{slot}", v=pieces)
    if rng.random() < 0.04:
        scene.agent_says("retry")
        scene.turn("customer", scene.bare, v=scene.pieces(slot))
    if read_back and rng.random() < 0.55 and f"read.{slot}" in scene.sections:
        if slot in _MISREAD and rng.random() < 0.15:
            scene.agent_says(f"read.{slot}", v=_misread(scene, slot, pieces))
            scene.caller_says("nack.customer", f"say.{slot}", v=scene.pieces(slot))
            scene.agent_says(f"read.{slot}", v=scene.pieces(slot))
        else:
            scene.agent_says(f"read.{slot}", v=scene.pieces("first" if slot == "name" and rng.random() < 0.6 else slot))
        scene.caller_says("ack.customer")


def _spread(scene: Scene, slot: str, whole: Piece) -> None:
    """Say a long value in groups over several turns, with the agent's backchannels, some of which repeat the group."""
    rng = scene.rng
    body = whole.canonical.replace("-", "").replace("+", "")
    sizes: tuple[int, ...] | list[int] = _LONG[slot]
    if slot == "phone":
        body, sizes = say.national(whole.canonical)
    groups = say.groups_of(body, sizes)
    style = say.any_style(rng, 1 - scene.style.spoken)
    for i, group in enumerate(groups):
        text = say.spoken_code(rng, group, "letters") if not group.isdigit() else say.spoken_digits(rng, group, style)
        piece = (Piece(scene.written(text), whole.type, whole.key, whole.canonical),)
        if i == 0:
            scene.caller_says(f"say.{slot}", v=piece)
        else:
            scene.turn("customer", scene.bare, v=piece)
        if i + 1 < len(groups):
            if rng.random() < 0.25:
                echo = say.spoken_digits(rng, group, "words") if group.isdigit() else group
                scene.turn("agent", scene.bare, v=(Piece(scene.written(echo), whole.type, whole.key, whole.canonical),))
            else:
                scene.agent_says("backchannel")


def _misread(scene: Scene, slot: str, pieces: tuple[Piece, ...]) -> tuple[Piece, ...]:
    """The value as the agent misheard it: one digit off, labelled as a value of its own."""
    p = pieces[-1]
    spots = [i for i, c in enumerate(p.text) if c.isdigit()]
    text = p.text
    if spots:
        at = pick(scene.rng, spots)
        text = text[:at] + str((int(text[at]) + 1 + int(scene.rng.random() * 8)) % 10) + text[at + 1 :]
    else:
        words = text.split(" ")
        found = [i for i, w in enumerate(words) if w.lower() in say.ONES]
        if not found:
            return pieces
        words[pick(scene.rng, found)] = say.ONES[int(scene.rng.random() * 10)]
        text = " ".join(words)
    key = p.key if text == p.text else f"{p.key}~misread"
    if key not in scene.values:
        scene.values[key] = Value(p.type, text)
    return (*pieces[:-1], Piece(text, p.type, key, text))


def _opening(scene: Scene) -> None:
    rng = scene.rng
    scene.agent_says("greet.agent" if rng.random() < 0.88 else "greet.plain")
    r = rng.random()
    if r < 0.3:
        scene.caller_says("intro.customer")
        if rng.random() < 0.3:
            scene.agent_says("read.name", v=scene.pieces("first"))
        scene.turn("customer", pick(rng, scene.opening))
    elif r < 0.45:
        scene.caller_says("greet.plain")
        scene.agent_says("howare")
        scene.turn("customer", pick(rng, scene.opening))
    elif r < 0.6:
        scene.turn("customer", scene.line("intro.customer"), pick(rng, scene.opening))
    else:
        scene.turn("customer", scene.line("greet.plain"), pick(rng, scene.opening))


def _slot_plan(rng: random.Random, slots: tuple[str, ...]) -> list[tuple[str, bool]]:
    plan = []
    for expression in slots:
        name = expression.rstrip("?!")
        if expression.endswith("?") and rng.random() < 0.5:
            continue
        plan.append((pick(rng, name.split("/")), expression.endswith("!")))
    if len(plan) > 2 and rng.random() < 0.25:
        i = 1 + int(rng.random() * (len(plan) - 2))
        plan[i], plan[i + 1] = plan[i + 1], plan[i]
    return plan


def _voicemail(scene: Scene) -> None:
    scene.agent_says("voicemail.greeting")
    scene.caller_says("voicemail.body")


def _chat(scene: Scene, talk: list[Carrier]) -> None:
    """Exchanges, small talk and third parties between the questions."""
    rng = scene.rng
    if talk and rng.random() < 0.75:
        scene.play(talk.pop())
    r = rng.random()
    if r < 0.13:
        scene.exchange("small")
    elif r < 0.25:
        scene.exchange("hold")
    elif r < 0.38:
        scene.caller_says("third")
        scene.agent_says("third.reply")


def _conversation(scene: Scene) -> None:
    rng, script = scene.rng, scene.scenario
    _opening(scene)
    talk = list(scene.talk) * max(1, round(scene.style.length / 2))
    rng.shuffle(talk)
    scene.agent_says("ack.agent")
    rounds = max(1, round((1 + rng.random() * 2) * scene.style.length))
    plan = _slot_plan(rng, script.slots)
    for i, (slot, read_back) in enumerate(plan):
        _ask(scene, slot, read_back)
        if slot == "address" and rng.random() < 0.3:
            _ask(scene, "city", False)
        if i < rounds:
            _chat(scene, talk)
    for _ in range(rounds - len(plan) + (0 if plan else 1)):
        _chat(scene, talk)
    if rng.random() < script.tell:
        scene.agent_says("tell.order", v=scene.pieces("ticket"))
        scene.caller_says("ack.customer")
    if rng.random() < 0.8:
        scene.agent_says("closing.agent")
        scene.caller_says("closing.customer")
    if rng.random() < 0.9:
        scene.agent_says("bye.agent")
        scene.caller_says("bye.customer")


SCENARIOS: tuple[str, ...] = (*scenarios(), "voicemail")
"""Names of all scenarios."""


def dialogue(rng: random.Random, caller: Person, agent: Person, firm: Business, scenario: str | None = None, style: Style | None = None) -> Dialogue:
    """A conversation between a caller and a business.

    Args:
        rng: seeded. caller, agent, firm: who takes part.
        scenario: one of `SCENARIOS`; the firm's own when absent. style: how it is written down; drawn when absent.

    Raises:
        ValueError: unknown scenario.
    """
    name = scenario or firm.scenario
    if name not in SCENARIOS:
        raise ValueError(f"unknown scenario {name!r}; one of {', '.join(SCENARIOS)}")
    scene = Scene(rng, caller, agent, firm, firm.scenario if name == "voicemail" else name, style or random_style(rng))
    if name == "voicemail":
        _voicemail(scene)
    else:
        _conversation(scene)
    return Dialogue(name, scene.topic, scene.turns, scene.values)


def sentence(rng: random.Random, section: str, caller: Person, agent: Person, firm: Business, style: Style = TYPED, topic: str = "") -> tuple[Turn, dict[str, Value]]:
    """One sentence of a section of `data/carriers.txt` (`sms.in`, `summary`, `note`, ...), with its labels and the values they point to.

    Raises:
        KeyError: unknown section.
    """
    scene = Scene(rng, caller, agent, firm, firm.scenario, style)
    scene.topic = topic or scene.topic
    scene.caller_says(section)
    return scene.turns[0], scene.values
