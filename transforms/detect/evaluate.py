"""Detection measured on labelled conversations."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from callveil.schemas.policy import Policy
from callveil.transforms.detect.engine import Detector
from callveil.transforms.detect.gold import GoldRow, Prediction, predict, read_gold
from callveil.transforms.detect.measure import Figures, Scoring, Tally
from callveil.transforms.detect.misses import Account

POOLED = "all files"
"""Name of the measures over all files together."""


@dataclass
class Measured:
    """One set's measures.

    Attributes:
        name: the file as the user named it, or `POOLED`.
        tally, account: sums, misses and over-redaction.
        words: words of all turns.
        failed: conversations the job would have rejected; nothing is found in them, so all they hold counts as leaked here.
    """

    name: str
    tally: Tally
    account: Account
    words: int = 0
    failed: int = 0
    _figures: Figures | None = field(default=None, repr=False)

    def add(self, row: GoldRow, predictions: Sequence[Prediction] | None) -> None:
        """Count one conversation; None where detection failed."""
        self.failed += predictions is None
        found = predictions or ()
        self.account.add(row, found, self.tally.add(row, found))
        self.words += row.words
        self._figures = None

    @property
    def figures(self) -> Figures:
        """The figures; computed once, since they draw a thousand samples."""
        if self._figures is None:
            self._figures = self.tally.figures()
        return self._figures

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {"name": self.name, "words": self.words, "failed": self.failed, **self.figures.as_dict(), **self.account.as_dict()}


Sink = Callable[[GoldRow, Sequence[Prediction]], None]
"""What is told of each conversation's predictions as they come."""


def evaluate(
    detector: Detector,
    policy: Policy,
    paths: Sequence[Path],
    scoring: Scoring = Scoring(),  # noqa: B008 - frozen
    *,
    limit: int | None = None,
    quote: bool = False,
    sink: Sink | None = None,
) -> list[Measured]:
    """Measure detection on files of labelled conversations.

    Each conversation is read as a whole, by the path the redaction job takes, under the policy's rules for a call of no particular account.

    Args:
        detector: engines of `policy.detect`.
        policy: decides what is replaced; only that counts as found.
        paths: JSON-lines files.
        scoring: what counts.
        limit: conversations of each file at most.
        quote: keep examples of misses and over-redaction; they hold text.
        sink: called for each conversation, in order, also for those without predictions.

    Returns: measures by file, and those of all files together where there are several.

    Raises:
        GoldError: a file or row cannot be used.
    """
    out: list[Measured] = []
    for path in paths:
        measured = Measured(str(path), Tally(scoring), Account(quote))
        for row, predictions in _rows(detector, policy, path, limit):
            measured.add(row, predictions)
            if sink is not None:
                sink(row, predictions or ())
        out.append(measured)
    if len(out) > 1:
        out.append(pooled(out, scoring, quote))
    return out


def _rows(detector: Detector, policy: Policy, path: Path, limit: int | None) -> Iterator[tuple[GoldRow, list[Prediction] | None]]:
    yield from predict(detector, policy, read_gold(path, limit))


def pooled(parts: Sequence[Measured], scoring: Scoring, quote: bool = False) -> Measured:
    """The measures of several sets as one."""
    whole = Measured(POOLED, Tally(scoring), Account(quote))
    for part in parts:
        whole.tally.merge(part.tally)
        whole.account.merge(part.account)
        whole.words += part.words
        whole.failed += part.failed
    return whole
