"""The text detection reads: a whole conversation at once, with its turns."""

from __future__ import annotations

from dataclasses import dataclass, replace

from callveil.transforms.detect.normalized_text import Edit, NormalizedText

AGENT, CALLER, UNKNOWN = "agent", "caller", ""
"""Roles of a turn. `agent` is the business' side (channel 2), `caller` the external party (channel
1).
"""


@dataclass(frozen=True, slots=True)
class Turn:
    """One stretch of the view's text by one speaker, half-open, in code points."""

    start: int
    end: int
    role: str = UNKNOWN


@dataclass(frozen=True, slots=True)
class View:
    """Text that one analysis reads, with its turns.

    Attributes:
        text: all turns joined by a line feed (a turn itself may hold line feeds).
        turns: in order, not overlapping; empty for text that is no conversation.
        others: other readings of the text that are as likely, as edits in order; see
            `normalized_text.other_readings`.
        countries: ISO 3166-1 codes whose identity numbers are read beside those of the policy.
        one_party: the turns are one side's of a conversation whose other side is missing: answers
            stand in them without their questions.
    """

    text: str
    turns: tuple[Turn, ...] = ()
    countries: frozenset[str] = frozenset()
    others: tuple[Edit, ...] = ()
    one_party: bool = False

    @classmethod
    def of_turns(cls, turns: list[tuple[str, str]]) -> View:
        """Build a view from `(role, text)` pairs."""
        parts, spans, place = [], [], 0
        for role, text in turns:
            parts.append(text)
            spans.append(Turn(place, place + len(text), role))
            place += len(text) + 1
        return cls("\n".join(parts), tuple(spans))

    def read_otherwise(self) -> tuple[View, NormalizedText]:
        """Return the view with the other readings in place, and the way back to its own offsets."""
        text = NormalizedText(self.text).edited(self.others)
        turns = []
        for turn in self.turns:
            start, end = text.within(turn.start, turn.end) if turn.start < turn.end else (0, 0)
            turns.append(replace(turn, start=start, end=max(start, end)))
        return replace(self, text=text.text, turns=tuple(turns), others=()), text
