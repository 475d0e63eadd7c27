"""Rule match: one value, in one or more pieces, and operations on matches."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from callveil.transforms.detect.budget import spend_steps
from callveil.transforms.detect.recognizers.tokens import TokenizedConversation
from callveil.transforms.detect.recognizers.vocabulary import WORD


@dataclass(frozen=True, slots=True)
class ValueMatch:
    """One value found.

    Attributes:
        entity: entity type.
        spans: its pieces, half-open, in code points, in order; one per turn.
        score: 0 to 1.
        why: the rule and the context that decided; never the value.
    """

    entity: str
    spans: tuple[tuple[int, int], ...]
    score: float
    why: str


def spans_of(reading: TokenizedConversation, tokens: list[int]) -> tuple[tuple[int, int], ...]:
    """Return one span per turn, from the first to the last of `tokens` in it."""
    edges: dict[int, tuple[int, int]] = {}
    for token in tokens:
        turn = reading.turn[token]
        low, high = edges.get(turn, (token, token))
        edges[turn] = (min(low, token), max(high, token))
    return tuple((reading.start[a], reading.end[b]) for _, (a, b) in sorted(edges.items()))


def is_not_street(reading: TokenizedConversation, token: int) -> bool:
    """Tell what ends with `token` as a street does and is none ("502 Bad Gateway")."""
    return " ".join(reading.low[max(0, token - 1) : token + 1]) in reading.vocab.sets["no_streets"]


def names_product(reading: TokenizedConversation, token: int) -> bool:
    """Tell whether the street that ends with `token` is what some goods are called ("the Oak Street
    collection", "the Broadway desk lamp").
    """
    stop, wares = reading.turns[reading.turn[token]].last, reading.vocab.sets["wares"]
    if is_not_street(reading, token):
        return True
    after = reading.low[token + 1 : min(token + 3, stop)]
    if (
        reading.low[token] not in reading.vocab.streets
        or not after
        or reading.kind[token + 1] != WORD
    ):
        return False
    return after[0] in wares or (after[-1] in wares and after[0] not in reading.vocab.address_stops)


def prune_matches(hits: Iterable[ValueMatch]) -> list[ValueMatch]:
    """Return the hits in order of place, without those that lie wholly within another of the same
    entity.
    """
    kept: list[ValueMatch] = []
    near: dict[str, list[ValueMatch]] = {}  # by entity, those that may reach over what is to come
    for hit in sorted(
        hits,
        key=lambda h: (h.spans[0][0], -sum(b - a for a, b in h.spans), h.spans, h.entity, -h.score),
    ):
        others = near[hit.entity] = [
            other for other in near.get(hit.entity, ()) if other.spans[-1][1] > hit.spans[0][0]
        ]
        spend_steps(1 + len(others))
        if not any(_within(hit, other) for other in others):
            kept.append(hit)
            others.append(hit)
    return kept


def _within(inner: ValueMatch, outer: ValueMatch) -> bool:
    return all(any(c <= a and b <= d for c, d in outer.spans) for a, b in inner.spans)
