"""Error analysis: false negatives and false positives, counted by circumstance.

Text is quoted only on request.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from callveil.schemas.json_types import JsonObject
from callveil.transforms.lab.evaluate.gold import GoldLabel, GoldRow, Prediction

NEAR = 20
"""Characters within which a predicted span of the same turn counts as near a miss."""
AROUND = 40
"""Characters of context quoted on either side of an example."""
EXAMPLES = 5
"""Examples kept of each kind of miss, and of each type and detector of over-redaction."""


@dataclass(frozen=True, order=True)
class MissKind:
    """The circumstances of a miss.

    Attributes:
        type: labelled type.
        nearest: `part of TYPE` where a prediction covers some of it, `near TYPE` within `NEAR`
            characters, else `none`.
        case: lower, upper, capitalised, or no letters.
        position: whole turn, start, middle or end of the turn.
        after_question: the turn before, by the other party, asks something.
    """

    type: str
    nearest: str
    case: str
    position: str
    after_question: bool


@dataclass(frozen=True)
class QuotedExample:
    """A place in a labelled conversation, with the words around it. Holds the text itself: for
    `--show-text` alone.
    """

    id: str
    turn: int
    before: str
    text: str
    after: str


def quote_example(row: GoldRow, turn: int, start: int, end: int) -> QuotedExample:
    """Return the place `start` to `end` of a turn."""
    text = row.turns[turn][1]
    return QuotedExample(
        row.id,
        turn,
        text[max(0, start - AROUND) : start],
        text[start:end],
        text[end : end + AROUND],
    )


def miss_kind(row: GoldRow, label: GoldLabel, predictions: Sequence[Prediction]) -> MissKind:
    """Return the circumstances of one miss."""
    text = row.turns[label.turn][1]
    said = text[label.start : label.end]
    here = [p for p in predictions if p.turn == label.turn]
    gap = {p: max(p.start - label.end, label.start - p.end) for p in here}
    closest = min(here, key=lambda p: (gap[p], p.start, p.type), default=None)
    if closest is None or gap[closest] > NEAR:
        nearest = "none"
    else:
        nearest = f"{'part of' if gap[closest] < 0 else 'near'} {closest.type}"
    if not any(c.isalpha() for c in said):
        case = "no letters"
    else:
        case = (
            "lower" if said == said.lower() else "upper" if said == said.upper() else "capitalised"
        )
    starts, ends = (
        not any(c.isalnum() for c in text[: label.start]),
        not any(c.isalnum() for c in text[label.end :]),
    )
    position = (
        "whole turn" if starts and ends else "start" if starts else "end" if ends else "middle"
    )
    asked = (
        bool(label.turn)
        and row.turns[label.turn - 1][0] != row.turns[label.turn][0]
        and "?" in row.turns[label.turn - 1][1]
    )
    return MissKind(label.type, nearest, case, position, asked)


@dataclass
class ErrorCounts:
    """Misses and over-redaction of one set.

    Attributes:
        quote: keep examples.
        misses: how many of each kind.
        over: (type, detector) to letters and digits covered outside every label.
        over_spans: the same to predicted spans that touch no label at all.
    """

    quote: bool = False
    misses: Counter[MissKind] = field(default_factory=Counter)
    over: Counter[tuple[str, str]] = field(default_factory=Counter)
    over_spans: Counter[tuple[str, str]] = field(default_factory=Counter)
    missed_examples: dict[MissKind, list[QuotedExample]] = field(
        default_factory=lambda: defaultdict(list)
    )
    over_examples: dict[tuple[str, str], list[QuotedExample]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def add(
        self, row: GoldRow, predictions: Sequence[Prediction], missed: Sequence[GoldLabel]
    ) -> None:
        """Count one conversation; `missed` are the labels not wholly covered."""
        for label in missed:
            kind = miss_kind(row, label, predictions)
            self.misses[kind] += 1
            if self.quote and len(self.missed_examples[kind]) < EXAMPLES:
                self.missed_examples[kind].append(
                    quote_example(row, label.turn, label.start, label.end)
                )
        gold: list[set[int]] = [set() for _ in row.turns]
        for label in row.labels:
            gold[label.turn].update(range(label.start, label.end))
        for p in predictions:
            text = row.turns[p.turn][1]
            outside = sum(
                1 for c in range(p.start, p.end) if c not in gold[p.turn] and text[c].isalnum()
            )
            if outside:
                key = (p.type, p.detector)
                self.over[key] += outside
                self.over_spans[key] += not any(c in gold[p.turn] for c in range(p.start, p.end))
                if self.quote and len(self.over_examples[key]) < EXAMPLES:
                    self.over_examples[key].append(quote_example(row, p.turn, p.start, p.end))

    def merge(self, other: ErrorCounts) -> None:
        """Add another account to this one."""
        self.misses.update(other.misses)
        self.over.update(other.over)
        self.over_spans.update(other.over_spans)
        for kind, examples in other.missed_examples.items():
            self.missed_examples[kind] = [*self.missed_examples[kind], *examples][:EXAMPLES]
        for key, examples in other.over_examples.items():
            self.over_examples[key] = [*self.over_examples[key], *examples][:EXAMPLES]

    def ranked_misses(self) -> list[tuple[MissKind, int]]:
        """Return kinds of misses, most frequent first."""
        return sorted(self.misses.items(), key=lambda item: (-item[1], item[0]))

    def ranked_over(self) -> list[tuple[tuple[str, str], int]]:
        """Return types and detectors of over-redaction, most letters first."""
        return sorted(self.over.items(), key=lambda item: (-item[1], item[0]))

    def as_dict(self) -> JsonObject:
        """JSON form; examples are in it only where they were kept."""
        misses = []
        for kind, n in self.ranked_misses():
            misses.append(
                {
                    **asdict(kind),
                    "n": n,
                    **(
                        {"examples": [asdict(e) for e in self.missed_examples[kind]]}
                        if self.quote
                        else {}
                    ),
                }
            )
        over = []
        for key, letters in self.ranked_over():
            quoted = (
                {"examples": [asdict(e) for e in self.over_examples[key]]} if self.quote else {}
            )
            over.append(
                {
                    "type": key[0],
                    "detector": key[1],
                    "letters": letters,
                    "spans_without_label": self.over_spans[key],
                    **quoted,
                }
            )
        return {"misses": misses, "over": over}
