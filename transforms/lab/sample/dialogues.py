"""Generated conversations with every planted value labelled.

A conversation is put together from the sentences in `data/carriers.txt` and `data/scenarios.txt`: a
business, a caller, an agent, a scenario, and a style that says how a recogniser or a typing person
would write it. Values are labelled as they are written, so a label's offsets are exact by
construction; nothing is searched for afterwards.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from callveil.transforms.lab.sample import values as say
from callveil.transforms.lab.sample.carriers import LineTemplate, load_scenarios
from callveil.transforms.lab.sample.neutral import NEUTRAL
from callveil.transforms.lab.sample.people import Person, pick_one
from callveil.transforms.lab.sample.scene import (
    CLEAN,
    FLAT,
    TYPED,
    Business,
    DialogueTurn,
    PlantedValue,
    Scene,
    Style,
    TurnPiece,
    TurnSpan,
    random_business,
    random_style,
)
from callveil.transforms.lab.sample.slots import VALUES

__all__ = [
    "CLEAN",
    "FLAT",
    "SCENARIOS",
    "TYPED",
    "Business",
    "Dialogue",
    "DialogueTurn",
    "PlantedValue",
    "Style",
    "TurnSpan",
    "random_business",
    "random_dialogue",
    "random_sentence",
    "random_style",
]


@dataclass(slots=True)
class Dialogue:
    """A conversation. `values` holds each planted value's type and canonical form by the key its
    spans carry.
    """

    scenario: str
    topic: str
    turns: list[DialogueTurn]
    values: dict[str, PlantedValue]


_LONG = {
    "phone": (3, 3, 4),
    "card": (4, 4, 4, 4),
    "ssn": (3, 2, 4),
    "account": (4, 4, 4),
    "policy": (3, 3, 4),
    "bank": (4, 4, 4),
    "iban": (4, 4, 6, 8),
}
_MISREAD = frozenset(("phone", "card", "zip", "account", "order"))


def _ask(scene: Scene, slot: str, read_back: bool, asked: bool = True) -> None:
    rng = scene.rng
    if asked:
        lead = (
            ()
            if not scene.turns or scene.turns[-1].speaker == "agent" or rng.random() < 0.65
            else ("ack.agent",)
        )
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
            scene.agent_says(
                f"read.{slot}",
                v=scene.pieces("first" if slot == "name" and rng.random() < 0.6 else slot),
            )
        scene.caller_says("ack.customer")


def _spread(scene: Scene, slot: str, whole: TurnPiece) -> None:
    """Say a long value in groups over several turns, with the agent's backchannels, some of which
    repeat the group.
    """
    rng = scene.rng
    body = whole.canonical.replace("-", "").replace("+", "")
    sizes: tuple[int, ...] | list[int] = _LONG[slot]
    if slot == "phone":
        body, sizes = say.national_digits(whole.canonical)
    groups = say.groups_of(body, sizes)
    style = say.any_style(rng, 1 - scene.style.spoken)
    for i, group in enumerate(groups):
        text = (
            say.spoken_code(rng, group, "letters")
            if not group.isdigit()
            else say.spoken_digits(rng, group, style)
        )
        piece = (TurnPiece(scene.written(text), whole.type, whole.key, whole.canonical),)
        if i == 0:
            scene.caller_says(f"say.{slot}", v=piece)
        else:
            scene.turn("customer", scene.bare, v=piece)
        if i + 1 < len(groups):
            if rng.random() < 0.25:
                echo = say.spoken_digits(rng, group, "words") if group.isdigit() else group
                scene.turn(
                    "agent",
                    scene.bare,
                    v=(TurnPiece(scene.written(echo), whole.type, whole.key, whole.canonical),),
                )
            else:
                scene.agent_says("backchannel")


def _misread(scene: Scene, slot: str, pieces: tuple[TurnPiece, ...]) -> tuple[TurnPiece, ...]:
    """Return the value as the agent misheard it: one digit off, labelled as a value of its own."""
    p = pieces[-1]
    spots = [i for i, c in enumerate(p.text) if c.isdigit()]
    text = p.text
    if spots:
        at = pick_one(scene.rng, spots)
        text = (
            text[:at] + str((int(text[at]) + 1 + int(scene.rng.random() * 8)) % 10) + text[at + 1 :]
        )
    else:
        words = text.split(" ")
        found = [i for i, w in enumerate(words) if w.lower() in say.ONES]
        if not found:
            return pieces
        words[pick_one(scene.rng, found)] = say.ONES[int(scene.rng.random() * 10)]
        text = " ".join(words)
    key = p.key if text == p.text else f"{p.key}~misread"
    if key not in scene.values:
        scene.values[key] = PlantedValue(p.type, text)
    return (*pieces[:-1], TurnPiece(text, p.type, key, text))


def _opening(scene: Scene) -> None:
    rng = scene.rng
    scene.agent_says("greet.agent" if rng.random() < 0.88 else "greet.plain")
    r = rng.random()
    if r < 0.3:
        scene.caller_says("intro.customer")
        if rng.random() < 0.3:
            scene.agent_says("read.name", v=scene.pieces("first"))
        scene.turn("customer", pick_one(rng, scene.opening))
    elif r < 0.45:
        scene.caller_says("greet.plain")
        scene.agent_says("howare")
        scene.turn("customer", pick_one(rng, scene.opening))
    elif r < 0.6:
        scene.turn("customer", scene.line("intro.customer"), pick_one(rng, scene.opening))
    else:
        scene.turn("customer", scene.line("greet.plain"), pick_one(rng, scene.opening))


_ELSEWHERE = {"routing": "iban", "bank": "", "ssn": "", "ssn4": "dob"}
"""What is asked outside the United States instead; empty: nothing."""


def _slot_plan(rng: random.Random, slots: tuple[str, ...], country: str) -> list[tuple[str, bool]]:
    plan: list[tuple[str, bool]] = []
    for expression in slots:
        name = expression.rstrip("?!")
        if expression.endswith("?") and rng.random() < 0.5:
            continue
        slot = pick_one(rng, name.split("/"))
        slot = (
            ("routing" if slot == "iban" else slot)
            if country == "US"
            else _ELSEWHERE.get(slot, slot)
        )
        if slot and all(slot != other for other, _ in plan):
            plan.append((slot, expression.endswith("!")))
    if len(plan) > 2 and rng.random() < 0.25:
        i = 1 + int(rng.random() * (len(plan) - 2))
        plan[i], plan[i + 1] = plan[i + 1], plan[i]
    return plan


def _voicemail(scene: Scene) -> None:
    scene.agent_says("voicemail.greeting")
    scene.caller_says("voicemail.body")


def _chat(scene: Scene, talk: list[LineTemplate]) -> None:
    """Exchanges, small talk and third parties between the questions."""
    rng = scene.rng
    if talk and rng.random() < 0.85:
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
    rounds = max(1, round((2 + rng.random() * 3) * scene.style.length))
    plan = _slot_plan(rng, script.slots, scene.caller.country)
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


SCENARIOS: tuple[str, ...] = (*load_scenarios(), "voicemail")
"""Names of all scenarios."""


def random_dialogue(
    rng: random.Random,
    caller: Person,
    agent: Person,
    firm: Business,
    scenario: str | None = None,
    style: Style | None = None,
) -> Dialogue:
    """Return a conversation between a caller and a business.

    Args:
        rng: seeded. caller, agent, firm: who takes part.
        scenario: one of `SCENARIOS`; the firm's own when absent. style: how it is written down;
            drawn when absent.

    Raises:
        ValueError: unknown scenario.
    """
    name = scenario or firm.scenario
    if name not in SCENARIOS:
        raise ValueError(f"unknown scenario {name!r}; one of {', '.join(SCENARIOS)}")
    scene = Scene(
        rng,
        caller,
        agent,
        firm,
        firm.scenario if name == "voicemail" else name,
        style or random_style(rng),
        VALUES,
        NEUTRAL,
    )
    if name == "voicemail":
        _voicemail(scene)
    else:
        _conversation(scene)
    return Dialogue(name, scene.topic, scene.turns, scene.values)


def random_sentence(
    rng: random.Random,
    section: str,
    caller: Person,
    agent: Person,
    firm: Business,
    style: Style = TYPED,
    topic: str = "",
) -> tuple[DialogueTurn, dict[str, PlantedValue]]:
    """Return one sentence of a section of `data/carriers.txt` (`sms.in`, `summary`, `note`, ...),
    with its labels and the values they point to.

    Raises:
        KeyError: unknown section.
    """
    scene = Scene(rng, caller, agent, firm, firm.scenario, style, VALUES, NEUTRAL)
    scene.topic = topic or scene.topic
    scene.caller_says(section)
    return scene.turns[0], scene.values
