"""The text detection reads: a whole conversation at once, with its turns."""

from __future__ import annotations

from dataclasses import dataclass

AGENT, CALLER, UNKNOWN = "agent", "caller", ""
"""Roles of a turn. `agent` is the business' side (channel 2), `caller` the external party (channel 1)."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One stretch of the view's text by one speaker, half-open, in code points."""

    start: int
    end: int
    role: str = UNKNOWN


@dataclass(frozen=True, slots=True)
class View:
    """What one analysis reads.

    Attributes:
        text: all turns joined by a line feed (a turn itself may hold line feeds).
        turns: in order, not overlapping; empty for text that is no conversation.
        countries: ISO 3166-1 codes whose identity numbers are read beside those of the policy.
    """

    text: str
    turns: tuple[Turn, ...] = ()
    countries: frozenset[str] = frozenset()

    @classmethod
    def of_turns(cls, turns: list[tuple[str, str]]) -> View:
        """Build a view from `(role, text)` pairs."""
        parts, spans, place = [], [], 0
        for role, text in turns:
            parts.append(text)
            spans.append(Turn(place, place + len(text), role))
            place += len(text) + 1
        return cls("\n".join(parts), tuple(spans))
