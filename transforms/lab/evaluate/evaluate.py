"""Detection measured on labelled conversations."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from callveil.schemas.json_types import JsonObject
from callveil.schemas.policy import Policy
from callveil.transforms.detect.engine import Detector
from callveil.transforms.lab.evaluate.gold import (
    GoldRow,
    Prediction,
    normalize_type,
    predict_rows,
    read_gold,
)
from callveil.transforms.lab.evaluate.measure import Scoring, SetMetrics, Tally
from callveil.transforms.lab.evaluate.misses import ErrorCounts

POOLED = "all files"
"""Name of the measures over all files together."""
WARM_UP = GoldRow(
    "",
    "",
    0,
    (
        ("agent", "May I have your name and number?"),
        ("customer", "Joan Smith, 415 555 0142, 12 Elm Street in Boston, on May 4th."),
    ),
    (),
)


@dataclass
class SetResult:
    """One set's measures.

    Attributes:
        name: the file as the user named it, or `POOLED`.
        tally, account: sums, misses and over-redaction.
        words: words of all turns.
        failed: conversations the job would have rejected; nothing is found in them, so all they
            hold counts as leaked here.
        people: spans found as people, rightly or not.
        cpu_seconds: CPU time of detection, without loading and scoring.
    """

    name: str
    tally: Tally
    account: ErrorCounts
    words: int = 0
    failed: int = 0
    people: int = 0
    cpu_seconds: float = 0.0
    _figures: SetMetrics | None = field(default=None, repr=False)

    def add(self, row: GoldRow, predictions: Sequence[Prediction] | None) -> None:
        """Count one conversation; None where detection failed."""
        self.failed += predictions is None
        found = predictions or ()
        self.account.add(row, found, self.tally.add(row, found))
        self.words += row.words
        self.people += sum(normalize_type(p.type) == "PERSON" for p in found)
        self._figures = None

    @property
    def people_per_1000(self) -> float | None:
        """People found per 1,000 words."""
        return 1000 * self.people / self.words if self.words else None

    @property
    def figures(self) -> SetMetrics:
        """The figures; computed once, since they draw a thousand samples."""
        if self._figures is None:
            self._figures = self.tally.figures()
        return self._figures

    def as_dict(self) -> JsonObject:
        """JSON form."""
        own = {
            "name": self.name,
            "words": self.words,
            "failed": self.failed,
            "people_per_1000_words": self.people_per_1000,
            "cpu_seconds": round(self.cpu_seconds, 2),
        }
        return {**own, **self.figures.as_dict(), **self.account.as_dict()}


Sink = Callable[[GoldRow, Sequence[Prediction]], None]
"""What is told of each conversation's predictions as they come."""


class EntityFinder(Protocol):
    """Finder of personal data in labelled conversations: callveil, or what it is compared with.

    Attributes:
        name: for reports.
        cpu_seconds: CPU time of detection so far.
    """

    name: str
    cpu_seconds: float

    def predict(self, rows: Iterator[GoldRow]) -> Iterator[tuple[GoldRow, list[Prediction] | None]]:
        """Return each row with what is found in it, in order; None where the job would have
        rejected it.
        """


class CallveilFinder:
    """callveil, reading each conversation as a whole, by the path the redaction job takes, under
    the rules for a call of no particular account.

    Args:
        detector: engines of `policy.detect`.
        policy: decides what is replaced; only that counts as found.
    """

    name = "callveil"

    def __init__(self, detector: Detector, policy: Policy) -> None:
        self.detector, self.policy = detector, policy
        self.cpu_seconds = 0.0

    def predict(self, rows: Iterator[GoldRow]) -> Iterator[tuple[GoldRow, list[Prediction] | None]]:
        """See `EntityFinder`."""
        found = predict_rows(self.detector, self.policy, rows)
        while True:
            began = time.process_time()
            item = next(found, None)
            self.cpu_seconds += time.process_time() - began
            if item is None:
                return
            yield item


def warm_up(finder: EntityFinder) -> None:
    """Let a finder read one made-up conversation that does not count: what it loads when first
    needed is loading, not detection.
    """
    list(finder.predict(iter([WARM_UP])))
    finder.cpu_seconds = 0.0


def evaluate_sets(
    finder: EntityFinder,
    paths: Sequence[Path],
    scoring: Scoring = Scoring(),  # noqa: B008 - frozen
    *,
    limit: int | None = None,
    quote: bool = False,
    sink: Sink | None = None,
) -> list[SetResult]:
    """Measure detection on files of labelled conversations.

    Args:
        finder: finds what is measured.
        paths: JSON-lines files.
        scoring: what counts.
        limit: conversations of each file at most.
        quote: keep examples of misses and over-redaction; they hold text.
        sink: called for each conversation, in order, also for those without predictions.

    Returns: measures by file, and those of all files together where there are several.

    Raises:
        GoldError: a file or row cannot be used.
    """
    out: list[SetResult] = []
    for path in paths:
        measured, before = (
            SetResult(str(path), Tally(scoring), ErrorCounts(quote)),
            finder.cpu_seconds,
        )
        for row, predictions in finder.predict(read_gold(path, limit)):
            measured.add(row, predictions)
            if sink is not None:
                sink(row, predictions or ())
        measured.cpu_seconds = finder.cpu_seconds - before
        out.append(measured)
    if len(out) > 1:
        out.append(pool_results(out, scoring, quote))
    return out


def pool_results(parts: Sequence[SetResult], scoring: Scoring, quote: bool = False) -> SetResult:
    """Return the measures of several sets as one."""
    whole = SetResult(POOLED, Tally(scoring), ErrorCounts(quote))
    for part in parts:
        whole.tally.merge(part.tally)
        whole.account.merge(part.account)
        whole.words += part.words
        whole.failed += part.failed
        whole.people += part.people
        whole.cpu_seconds += part.cpu_seconds
    return whole
