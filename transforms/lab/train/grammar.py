"""Carrier sentences, in a small grammar.

A carrier is a line such as `<my name is|it's> {F}<.|>`: `<a|b|>` chooses one alternative, nested at
will, and `{F}` is a slot that `fill.Filler` fills. Files of carriers are parted into sections by
lines `# name`.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from functools import lru_cache
from importlib import resources

from callveil.transforms.lab.sample.people import pick_one

_TOKEN = re.compile(r"[<>|]|\{[A-Z]+\}|[^<>|{}]+")


class SentenceTemplate:
    """One line of the grammar, parsed. Raises `ValueError`, naming `where`, for a bracket out of
    place.
    """

    def __init__(self, line: str, where: str) -> None:
        stack: list[list[list[object]]] = [[[]]]
        for token in _TOKEN.findall(line):
            if token == "<":  # noqa: S105
                stack.append([[]])
            elif token == "|" and len(stack) > 1:  # noqa: S105
                stack[-1].append([])
            elif token == ">" and len(stack) > 1:  # noqa: S105
                choice = stack.pop()
                stack[-1][-1].append(choice)
            elif token in ("<", ">", "|"):
                raise ValueError(
                    f"{where}: `{token}` stands outside of `<...>`; write alternatives as "
                    "`<this|that>`"
                )
            else:
                stack[-1][-1].append(token)
        if len(stack) != 1:
            raise ValueError(f"{where}: `<` is never closed; write alternatives as `<this|that>`")
        self._nodes = stack[0][0]

    def draw(self, rng: random.Random) -> Iterator[str]:
        """Return literals and slots `{X}` in order, one alternative chosen at each `<...>`."""
        return _draw(self._nodes, rng)


def _draw(nodes: list[object], rng: random.Random) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, str):
            yield node
        elif isinstance(node, list):
            yield from _draw(pick_one(rng, node), rng)


@lru_cache(maxsize=8)
def sentence_templates(name: str) -> dict[str, tuple[SentenceTemplate, ...]]:
    """Return carriers by section of a file of this package: `ask.txt`, `answer.txt` or
    `requests.txt`.

    Raises `ValueError` with file and line for a carrier that does not parse.
    """
    out: dict[str, list[SentenceTemplate]] = {}
    section: list[SentenceTemplate] = []
    for number, line in enumerate(
        resources.files(__package__).joinpath(name).read_text(encoding="utf-8").splitlines(), 1
    ):
        if line.startswith("# "):
            section = out.setdefault(line[2:].strip(), [])
        elif line.strip():
            section.append(SentenceTemplate(line, f"{name}, line {number}"))
    return {k: tuple(v) for k, v in out.items()}
