"""Notation of the tables of other languages: how a case is written, and how it is read.

A case is turns parted by ` || `; `A: ` is the agent's, `C: ` the caller's. `[` and `]` mark what
must be covered, with the entity type after a bar where it matters: `[612 345 678|PHONE_NUMBER]`.
Every other letter and digit must stay. All people and numbers are made up; numbers with check
digits were computed to be valid.
"""

from __future__ import annotations

import re
from functools import lru_cache
from types import SimpleNamespace

from presidio_analyzer import EntityRecognizer

from callveil.transforms.detect.conversation import View
from support import TESTS

_MARK = re.compile(r"\[([^\]|]*)(?:\|([A-Z_]+))?\]")


@lru_cache
def calls(language: str) -> list[str]:
    """Further cases, one a line: turns of calls and chats, with and without anything personal in
    them.
    """
    return (TESTS / "detect" / "lang" / f"{language}.txt").read_text(encoding="utf-8").splitlines()


def marked(case: str) -> tuple[View, set[int], list[tuple[int, int, str]]]:
    """The view of a case, the places that must be covered, and the spans whose type matters."""
    turns: list[tuple[str, str]] = []
    wanted: set[int] = set()
    typed: list[tuple[int, int, str]] = []
    place = 0
    for part in case.split(" || "):
        role, text = (
            ("agent", part[3:])
            if part.startswith("A: ")
            else ("caller", part[3:])
            if part.startswith("C: ")
            else ("", part)
        )
        plain, last = "", 0
        for match in _MARK.finditer(text):
            plain += text[last : match.start()]
            start = place + len(plain)
            plain += match[1]
            wanted.update(start + i for i, char in enumerate(match[1]) if char.isalnum())
            if match[2]:
                typed.append((start, place + len(plain), match[2]))
            last = match.end()
        plain += text[last:]
        turns.append((role, plain))
        place += len(plain) + 1
    return View.of_turns(turns), wanted, typed


def check(recognizers: list[EntityRecognizer], language: str, case: str) -> None:
    """Assert that the recognizers cover exactly what the case marks, with the types it names."""
    view, wanted, typed = marked(case)
    shared = SimpleNamespace(tokens=SimpleNamespace(user_data={"callveil_view": view}))
    entities = sorted({entity for r in recognizers for entity in r.supported_entities})
    found = [result for r in recognizers for result in r.analyze(view.text, entities, shared)]
    covered = {
        place for r in found for place in range(r.start, r.end) if view.text[place].isalnum()
    }
    told = sorted({(r.entity_type, view.text[r.start : r.end]) for r in found})
    assert wanted <= covered, (
        f"{language}: not covered: {''.join(view.text[p] for p in sorted(wanted - covered))!r}; "
        f"found {told}"
    )
    extra = covered - wanted
    assert not extra, (
        f"{language}: covered too much: {''.join(view.text[p] for p in sorted(extra))!r}; found "
        f"{told}"
    )
    for start, end, entity in typed:
        types = {r.entity_type for r in found if r.start < end and r.end > start}
        assert entity in types, (
            f"{language}: {view.text[start:end]!r} should be {entity}; found {told}"
        )
