"""The sentences conversations are made of, compiled for the way a style writes them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

_SLOT = re.compile(r"\{(\w+)\}")
_DROP = re.compile(r"[.,?!;:]+(?=\s|$)")
_KEEPS_CAPITAL = (
    "I ",
    "I'",
    "Dr.",
    "Mrs.",
    "Visa",
    "Visa,",
    "CVV",
    "D O B",
    "IP",
    "IBAN",
    "AC ",
    "Google",
    "Officer",
)

Part = tuple[bool, str]
"""(is it a slot, its name or the literal text)."""


@dataclass(frozen=True, slots=True)
class LineTemplate:
    """One sentence. `parts` as it stands alone, `continued` as it follows a filler (its first
    letter small). `then`: the turns after it.
    """

    parts: tuple[Part, ...]
    continued: tuple[Part, ...]
    speaker: str = ""
    then: tuple[LineTemplate, ...] = ()

    def rest(self) -> tuple[LineTemplate, ...]:
        """Return this sentence and the turns after it."""
        return (self, *self.then)


@dataclass(frozen=True, slots=True)
class ScenarioScript:
    """Lines and slots particular to a scenario. Lines stand as written in the data; `lines`
    compiles them.

    Attributes:
        endings: endings of business names. slots: slot expressions in order. topics: what it is
            about.
        opening, talk: raw lines. tell: chance that the agent gives a reference.
    """

    name: str
    endings: tuple[str, ...]
    slots: tuple[str, ...]
    topics: tuple[str, ...]
    opening: tuple[str, ...]
    talk: tuple[str, ...]
    tell: float


def _read(name: str) -> list[tuple[str, list[str]]]:
    out: list[tuple[str, list[str]]] = []
    for line in (
        (files("callveil.transforms.lab.sample") / "data" / name)
        .read_text(encoding="utf-8")
        .splitlines()
    ):
        line = line.strip()
        if line.startswith("["):
            out.append((line[1:-1], []))
        elif line and not line.startswith("#"):
            out[-1][1].append(line)
    return out


def compile_line(line: str, cased: bool, punctuated: bool) -> LineTemplate:
    """Compile `A: one {slot} | C: other` into a carrier with its following turns."""
    made = []
    for turn in line.split(" | "):
        speaker = {"A: ": "agent", "C: ": "customer"}.get(turn[:3], "")
        text = turn[3:] if speaker else turn
        if not punctuated:
            text = _DROP.sub("", text).replace("...", "")
        parts: list[Part] = []
        for i, piece in enumerate(_SLOT.split(text)):
            if i % 2:
                parts.append((True, piece))
            elif piece:
                parts.append((False, piece if cased else piece.lower()))
        after = parts
        if cased and parts and not parts[0][0] and not text.startswith(_KEEPS_CAPITAL):
            after = [(False, parts[0][1][:1].lower() + parts[0][1][1:]), *parts[1:]]
        made.append(LineTemplate(tuple(parts), tuple(after), speaker))
    head = made[0]
    return LineTemplate(head.parts, head.continued, head.speaker, tuple(made[1:]))


@lru_cache(maxsize=4)
def line_templates(cased: bool, punctuated: bool) -> dict[str, tuple[LineTemplate, ...]]:
    """Return every section of `data/carriers.txt`, compiled for one way of writing."""
    return {
        name: tuple(compile_line(x, cased, punctuated) for x in lines)
        for name, lines in _read("carriers.txt")
    }


@lru_cache(maxsize=1)
def relation_words() -> tuple[str, ...]:
    """Return words for how a third person is related to the caller."""
    return tuple(dict(_read("carriers.txt"))["relation"])


@lru_cache(maxsize=1)
def load_scenarios() -> dict[str, ScenarioScript]:
    """Return every scenario of `data/scenarios.txt`, by name."""
    out = {}
    for name, lines in _read("scenarios.txt"):
        got: dict[str, list[str]] = {}
        for line in lines:
            key, _, rest = line.partition(":")
            got.setdefault(key, []).append(rest.strip())
        slots = [] if got["slots"][0] == "none" else [x.strip() for x in got["slots"][0].split(",")]
        out[name] = ScenarioScript(
            name,
            tuple(x.strip() for x in got["biz"][0].split(",")),
            tuple(slots),
            tuple(x.strip() for x in got["topic"][0].split("|")),
            tuple(got["open"]),
            tuple(got["talk"]),
            float(got["tell"][0]),
        )
    return out


@lru_cache(maxsize=256)
def script_lines(
    name: str, cased: bool, punctuated: bool
) -> tuple[tuple[LineTemplate, ...], tuple[LineTemplate, ...]]:
    """(opening lines, exchanges) of a scenario, compiled for one way of writing."""
    s = load_scenarios()[name]
    return tuple(compile_line(x, cased, punctuated) for x in s.opening), tuple(
        compile_line(x, cased, punctuated) for x in s.talk
    )
