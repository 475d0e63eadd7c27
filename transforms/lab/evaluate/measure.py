"""Detection quality on labelled conversations, with 95 % confidence intervals.

The measures are recall, leaks, over-redaction and precision; each has an interval.

Shares of independent spans get Wilson's score interval (E. B. Wilson, JASA 22, 1927). Figures per
character do not come from independent trials, since the characters of a name are found or missed
together; they get a percentile bootstrap over conversations (B. Efron, R. Tibshirani, An
Introduction to the Bootstrap, 1993, ch. 13), with a fixed seed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from callveil.schemas.json_types import JsonObject
from callveil.transforms.lab.evaluate.gold import GoldLabel, GoldRow, Prediction, normalize_type

CORE = frozenset(
    {
        "PERSON",
        "PHONE",
        "EMAIL",
        "ADDRESS",
        "ZIP",
        "USERNAME",
        "ORDER_ID",
        "ACCOUNT_ID",
        "DATE_OF_BIRTH",
        "CREDIT_CARD",
        "SSN",
        "IBAN",
        "IP",
        "ID",
    }
)
"""Types whose loss is a leak. Places, organizations, dates and amounts are measured by type but not
counted among the core.
"""

Z95 = 1.959963984540054
"""97.5 % point of the normal distribution."""
RESAMPLES, SEED = 1000, 1


@dataclass(frozen=True)
class Scoring:
    """Rules for what counts.

    Attributes:
        typed: a letter counts as found only where the predicted type is the labelled one.
        all_types: every labelled type is core.
        labelled_only: labels that a pattern added are left out of recall.
    """

    typed: bool = False
    all_types: bool = False
    labelled_only: bool = False

    def counts(self, label: GoldLabel) -> bool:
        """Tell whether recall asks for this label."""
        return not label.weak and not (self.labelled_only and label.by == "regex")

    def core(self, kind: str) -> bool:
        """Tell whether missing a type is a leak."""
        return self.all_types or kind in CORE


@dataclass(frozen=True)
class Estimate:
    """A figure, its 95 % interval, and how many spans, characters or conversations it rests on.
    None where there is nothing to measure.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int

    def as_dict(self) -> dict[str, float | int | None]:
        """JSON form."""
        return {"value": self.value, "low": self.low, "high": self.high, "n": self.n}


def wilson_interval(hits: int, n: int) -> Estimate:
    """Share `hits / n` with its 95 % Wilson interval."""
    if not n:
        return Estimate(None, None, None, 0)
    p, zz = hits / n, Z95 * Z95
    centre, spread = p + zz / (2 * n), Z95 * math.sqrt(p * (1 - p) / n + zz / (4 * n * n))
    # At both ends the interval closes exactly; floating point would leave it an ulp open.
    low = (centre - spread) / (1 + zz / n) if hits else 0.0
    high = (centre + spread) / (1 + zz / n) if hits < n else 1.0
    return Estimate(p, low, high, n)


def bootstrap_ratio(
    parts: Sequence[int],
    wholes: Sequence[int],
    scale: float = 1.0,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> Estimate:
    """Return `scale * sum(parts) / sum(wholes)` with a 95 % interval from drawing the pairs anew.

    Args:
        parts, wholes: one of each per conversation, in order; equal input gives an equal interval.
    """
    whole = sum(wholes)
    if not whole:
        return Estimate(None, None, None, 0)
    top, bottom = np.asarray(parts, dtype=np.float64), np.asarray(wholes, dtype=np.float64)
    rng = np.random.default_rng(seed)
    ratios: list[float] = []
    for _ in range(resamples):
        drawn = rng.integers(0, len(top), len(top))
        size = bottom[drawn].sum()
        if size:
            ratios.append(float(top[drawn].sum() / size))
    low, high = np.quantile(ratios, (0.025, 0.975)) if ratios else (math.nan, math.nan)
    return Estimate(scale * sum(parts) / whole, scale * float(low), scale * float(high), whole)


@dataclass
class TypeCount:
    """Sums over one type.

    Attributes:
        spans, found: labelled spans, and those wholly covered.
        letters, covered: their letters and digits, and those covered.
        predicted, touching, matching: predicted spans in rows that label the type exhaustively;
            those that touch any label; one of their type.
    """

    spans: int = 0
    found: int = 0
    letters: int = 0
    covered: int = 0
    predicted: int = 0
    touching: int = 0
    matching: int = 0


@dataclass
class Tally:
    """Sums over conversations, and per conversation what the bootstrap draws from."""

    scoring: Scoring
    types: dict[str, TypeCount] = field(default_factory=dict)
    chars: list[int] = field(default_factory=list)
    leaked: list[int] = field(default_factory=list)
    over: list[int] = field(default_factory=list)
    core_letters: list[int] = field(default_factory=list)
    with_core: int = 0
    without_leak: int = 0

    def add(self, row: GoldRow, predictions: Iterable[Prediction]) -> list[GoldLabel]:
        """Count one conversation. Returns the core labels that were not wholly covered, in their
        order.
        """
        predictions = list(predictions)
        cover = covered_characters(row, predictions)
        gold: list[set[int]] = [set() for _ in row.turns]
        by_type: list[dict[str, set[int]]] = [{} for _ in row.turns]
        missed: list[GoldLabel] = []
        letters = leak = core = 0
        for label in row.labels:
            places = range(label.start, label.end)
            gold[label.turn].update(places)
            by_type[label.turn].setdefault(label.type, set()).update(places)
            if not self.scoring.counts(label):
                continue
            text, found = row.turns[label.turn][1], cover[label.turn]
            wanted = [c for c in places if text[c].isalnum()]
            hit = sum(
                1
                for c in wanted
                if (label.type in found.get(c, ()) if self.scoring.typed else c in found)
            )
            count = self.types.setdefault(label.type, TypeCount())
            count.spans += 1
            count.found += hit == len(wanted)
            count.letters += len(wanted)
            count.covered += hit
            if self.scoring.core(label.type):
                core += 1
                letters += len(wanted)
                leak += len(wanted) - hit
                if hit < len(wanted):
                    missed.append(label)
        self._precision(row, predictions, gold, by_type)
        self.chars.append(sum(len(text) for _, text in row.turns))
        self.leaked.append(leak)
        self.core_letters.append(letters)
        self.over.append(
            sum(
                1
                for t, found in enumerate(cover)
                for c in found
                if c not in gold[t] and row.turns[t][1][c].isalnum()
            )
        )
        self.with_core += core > 0
        self.without_leak += core > 0 and not leak
        return missed

    def _precision(
        self,
        row: GoldRow,
        predictions: list[Prediction],
        gold: list[set[int]],
        by_type: list[dict[str, set[int]]],
    ) -> None:
        for p in predictions:
            kind = normalize_type(p.type)
            if kind in row.complete:
                count = self.types.setdefault(kind, TypeCount())
                places = range(p.start, p.end)
                count.predicted += 1
                count.touching += any(c in gold[p.turn] for c in places)
                own = by_type[p.turn].get(kind, ())
                count.matching += any(c in own for c in places)

    def merge(self, other: Tally) -> None:
        """Add another tally of the same scoring to this one."""
        for kind, count in other.types.items():
            mine = self.types.setdefault(kind, TypeCount())
            for name, value in vars(count).items():
                setattr(mine, name, getattr(mine, name) + value)
        for name in ("chars", "leaked", "over", "core_letters"):
            getattr(self, name).extend(getattr(other, name))
        self.with_core += other.with_core
        self.without_leak += other.without_leak

    def figures(self) -> SetMetrics:
        """Return what the sums come to."""
        core = [c for kind, c in self.types.items() if self.scoring.core(kind)]
        everything = list(self.types.values())
        predicted = sum(c.predicted for c in everything)
        order = sorted(self.types, key=lambda k: (-self.types[k].spans, k))
        return SetMetrics(
            dialogues=len(self.chars),
            chars=sum(self.chars),
            entity_recall=wilson_interval(sum(c.found for c in core), sum(c.spans for c in core)),
            char_recall=bootstrap_ratio(
                [n - k for n, k in zip(self.core_letters, self.leaked, strict=True)],
                self.core_letters,
            ),
            leak_per_1000=bootstrap_ratio(self.leaked, self.chars, 1000),
            over_per_1000=bootstrap_ratio(self.over, self.chars, 1000),
            zero_leak=wilson_interval(self.without_leak, self.with_core),
            precision=wilson_interval(sum(c.touching for c in everything), predicted),
            typed_precision=wilson_interval(sum(c.matching for c in everything), predicted),
            by_type={k: _type_figures(self.types[k], self.scoring.core(k)) for k in order},
        )


def covered_characters(
    row: GoldRow, predictions: Iterable[Prediction]
) -> list[dict[int, set[str]]]:
    """For each turn, the characters that are covered and the normalised types that cover them."""
    cover: list[dict[int, set[str]]] = [{} for _ in row.turns]
    for p in predictions:
        kind = normalize_type(p.type)
        for c in range(max(0, p.start), min(p.end, len(row.turns[p.turn][1]))):
            cover[p.turn].setdefault(c, set()).add(kind)
    return cover


@dataclass(frozen=True)
class TypeMetrics:
    """Figures of one labelled type."""

    core: bool
    entity_recall: Estimate
    char_recall: float | None
    precision: Estimate


def _type_figures(count: TypeCount, core: bool) -> TypeMetrics:
    chars = count.covered / count.letters if count.letters else None
    return TypeMetrics(
        core,
        wilson_interval(count.found, count.spans),
        chars,
        wilson_interval(count.touching, count.predicted),
    )


@dataclass(frozen=True)
class SetMetrics:
    """The measures of one set.

    Attributes:
        dialogues, chars: size of the set; characters of all turns.
        entity_recall: share of core spans whose every letter and digit is covered.
        char_recall: share of the core spans' letters and digits that is covered.
        leak_per_1000: letters and digits of core spans left readable, per 1,000 characters of text.
        over_per_1000: letters and digits covered outside every label, per 1,000 characters; an
            upper bound of what is redacted needlessly, since labels are seldom complete.
        zero_leak: share of conversations with core spans in which nothing of them is readable.
        precision, typed_precision: share of predicted spans, of types a row labels exhaustively,
            that touch a label (of their type).
        by_type: by labelled type, most frequent first.
    """

    dialogues: int
    chars: int
    entity_recall: Estimate
    char_recall: Estimate
    leak_per_1000: Estimate
    over_per_1000: Estimate
    zero_leak: Estimate
    precision: Estimate
    typed_precision: Estimate
    by_type: dict[str, TypeMetrics]

    def as_dict(self) -> JsonObject:
        """JSON form."""
        out: JsonObject = {"dialogues": self.dialogues, "chars": self.chars}
        for name in (
            "entity_recall",
            "char_recall",
            "leak_per_1000",
            "over_per_1000",
            "zero_leak",
            "precision",
            "typed_precision",
        ):
            out[name] = getattr(self, name).as_dict()
        out["by_type"] = {
            k: {
                "core": f.core,
                "entity_recall": f.entity_recall.as_dict(),
                "char_recall": f.char_recall,
                "precision": f.precision.as_dict(),
            }
            for k, f in self.by_type.items()
        }
        return out


__all__ = [
    "CORE",
    "Estimate",
    "Scoring",
    "SetMetrics",
    "Tally",
    "TypeMetrics",
    "bootstrap_ratio",
    "covered_characters",
    "wilson_interval",
]
