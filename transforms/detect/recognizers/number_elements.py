"""Numbers as they are said one by one, and the runs they make."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, field

from callveil.transforms.detect.recognizers.tokens import TokenizedConversation, TokenStream

# how firmly two elements of a run hold together: the number is split where the link is weakest
TIGHT, LOOSE, WEAK, PAUSE, REPAIR = range(5)
GLUED, CHAIN = 9, 40
"""Digits, and characters at most in which they stand, that letters may touch and still be a value
of their own ("phone630-596-1187").
"""
_TIGHT_SIGNS, _LOOSE_SIGNS, _STOP_SIGNS = (
    frozenset("-–—()/‐‑−+"),
    frozenset(",:#\\"),
    frozenset("$£€¥₹%@_=<{}[]"),
)


@dataclass(slots=True)
class NumberElement:
    """One number as said: its digits, its tokens (both ends included), the link to the element
    before.

    `glued` tells that letters touch it; `sign` is what is written between it and the element
    before.
    """

    digits: str
    first: int
    last: int
    link: int = TIGHT
    spoken: bool = False
    plus: bool = False
    glued: bool = False
    sign: str = ""


@dataclass(slots=True)
class DigitRun:
    """Elements of one party that may be one number, in order."""

    elements: list[NumberElement] = field(default_factory=list)
    counting: NumberElement | None = None
    """A last number that counts what follows it ("... 2 rooms"), unless it completes a value ("4539
    9103 1776 4670 USD").
    """

    @property
    def digits(self) -> str:
        return "".join(e.digits for e in self.elements)

    @property
    def first(self) -> int:
        return self.elements[0].first

    @property
    def last(self) -> int:
        return self.elements[-1].last


def sign_weight(reading: TokenizedConversation, skip: Container[int], token: int) -> int | None:
    """Tell how firmly a sign between two numbers holds them together; None where it parts them."""
    low = reading.low[token]
    inner = reading.glued(token) and token + 1 < reading.count and reading.glued(token + 1)
    if inner and low in "_=":
        return TIGHT
    if low in _STOP_SIGNS or token in skip:
        return None
    if low in _TIGHT_SIGNS:
        return LOOSE if low == "+" else TIGHT
    if inner and low == ".":
        return TIGHT
    return LOOSE if low in _LOOSE_SIGNS or low in ".…·'" else WEAK


def after_annotation(reading: TokenizedConversation, stream: TokenStream, place: int) -> int:
    """Return the place after a transcript's note such as `[pause]` or `<noise>`, or `place`."""
    words = [
        reading.low[stream[p]] for p in range(place, min(place + 4, len(stream))) if stream[p] >= 0
    ]
    if len(words) < 3 or words[0] not in "[<(" or words[1] not in reading.vocab.sets["annotations"]:
        return place
    return next((place + n + 1 for n in (2, 3) if n < len(words) and words[n] in "]>)"), place)
