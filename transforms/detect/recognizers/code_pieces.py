"""Pieces of a code as it is read out, and runs of them."""

from __future__ import annotations

from dataclasses import dataclass, field

from callveil.transforms.detect.recognizers.number_elements import TIGHT

SPELLED = frozenset(("zip", "spell", "plate", "name", "name_any", "email", "iban"))
"""After a question about one of these a recogniser's "see" or "bee" is a letter, and a short scrap
of letters a part of the answer.
"""
NAMED = frozenset(("order", "booking", "username", "password"))
"""Values of these topics may hold neither a digit nor a single letter."""


@dataclass(slots=True)
class CodePiece:
    """One letter, number or scrap: its characters in capitals, its tokens (both ends included), its
    link to the piece before.

    `letter` is 1 for a letter said by itself, 2 for one said as an alphabet word, 0 for anything
    else.
    """

    text: str
    first: int
    last: int
    link: int = TIGHT
    letter: int = 0
    spoken: bool = False


@dataclass(slots=True)
class CodeRun:
    """Pieces of one party that may be one code, in order."""

    pieces: list[CodePiece] = field(default_factory=list)
