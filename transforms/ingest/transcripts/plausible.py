"""Times of a transcript are trusted only where someone can have spoken so; what is left without times is covered wider in recordings."""

from __future__ import annotations

from collections.abc import Sequence

from callveil.schemas.interaction import SECONDS
from callveil.transforms.ingest.transcripts.common import Row, number, seconds_of_millis, squash

EARLY = 1.0
"""Seconds by which a time may lie before the beginning and count as the beginning."""
SLOWEST = 3.0
"""Seconds that a letter or digit takes at most, over a whole transcript."""
FEW = 3
"""Rows from which on something is told of all of them together."""


def plausible_times(outline: Sequence[Row], words: Sequence[Row]) -> list[str]:
    """Mend or leave out times that cannot be; the rows are changed.

    Whole numbers that make words last minutes are milliseconds. A row that ends before it begins, lasts no time, or lies outside what a
    recording can be has no times; neither have turns that are far slower than talk, nor rows that all have the same times.

    Args:
        outline: turns. words: words.

    Returns: `outline`, `words`: where times were left out.
    """
    if len(words) >= FEW and _whole(words) and slowness(words, "word") > SLOWEST:
        for rows in (words, outline):
            if _whole(rows) and slowness(rows, "word" if rows is words else "text") > SLOWEST:
                for row in rows:
                    row.update(s=seconds_of_millis(row.get("s")), e=seconds_of_millis(row.get("e")))
    doubted = []
    for name, rows, text in (("outline", outline, "text"), ("words", words, "word")):
        unsure = rows if _same(rows) or (_whole(rows) and slowness(rows, text) > 3 * SLOWEST) else [r for r in rows if not _possible(r, text)]
        for row in unsure:
            row.update(s=None, e=None)
        if unsure:
            doubted.append(name)
    return doubted


def slowness(rows: Sequence[Row], text: str, start: str = "s", end: str = "e") -> float:
    """Seconds a letter or digit of some rows, by their times; 0 where they have none."""
    took = sum((number(r.get(end)) or 0.0) - (number(r.get(start)) or 0.0) for r in rows)
    letters = sum(len(squash(str(r.get(text) or ""))) for r in rows)
    return took / letters if letters else 0.0


def _whole(rows: Sequence[Row]) -> bool:
    return bool(rows) and all(isinstance(r.get(k), int) for r in rows for k in ("s", "e"))


def _same(rows: Sequence[Row]) -> bool:
    times = {(number(r.get("s")), number(r.get("e"))) for r in rows}
    return len(rows) >= FEW and len(times) == 1 and None not in next(iter(times))


def _possible(row: Row, text: str) -> bool:
    """Tell times that a row can have, of which a start shortly before the beginning is made the beginning."""
    start, end = number(row.get("s")), number(row.get("e"))
    if start is not None and -EARLY <= start < 0:
        row["s"] = start = 0.0
    if any(value is not None and not 0 <= value <= SECONDS.high for value in (start, end)):
        return False
    return start is None or end is None or end > start or (end == start and not squash(str(row.get(text) or "")))
