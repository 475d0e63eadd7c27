"""What a rule finds: one value, in one or more pieces."""

from __future__ import annotations

from dataclasses import dataclass

from callveil.transforms.detect.recognizers.reading import Reading


@dataclass(frozen=True, slots=True)
class Hit:
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


def spans_of(reading: Reading, tokens: list[int]) -> tuple[tuple[int, int], ...]:
    """One span per turn, from the first to the last of `tokens` in it."""
    edges: dict[int, tuple[int, int]] = {}
    for token in tokens:
        turn = reading.turn[token]
        low, high = edges.get(turn, (token, token))
        edges[turn] = (min(low, token), max(high, token))
    return tuple((reading.start[a], reading.end[b]) for _, (a, b) in sorted(edges.items()))
