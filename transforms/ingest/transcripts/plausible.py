"""Times of a transcript are trusted only where someone can have spoken so; what is left without
times is covered wider in recordings.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from callveil.schemas.interaction import SECONDS
from callveil.schemas.json_types import JsonObject
from callveil.transforms.ingest.transcripts.common import (
    as_key,
    letters_and_digits,
    parse_number,
    seconds_of_millis,
)

EARLY = 1.0
"""Seconds by which a time may lie before the beginning and count as the beginning."""
SLOWEST = 3.0
"""Seconds that a letter or digit takes at most, over a whole transcript."""
FEW = 3
"""Rows from which on something is told of all of them together."""
FASTEST, FASTEST_DIGIT = 0.025, 0.08
"""Seconds that a letter and a digit of a word take at least; words at the very same time are said
in it together.
"""
SHARED_OUT, ALIKE, UNLIKE = 4, 0.003, 2.0
"""Words in a row, without a pause, from which on their times are taken for a turn's that were
shared out among them, where they all last as long to so many seconds although one is so many times
as long to say as another, or each as long as it has letters.
"""


def plausible_times(outline: Sequence[JsonObject], words: Sequence[JsonObject]) -> list[str]:
    """Mend or leave out times that cannot be; the rows are changed.

    Whole numbers that make words last minutes are milliseconds. A row that ends before it begins,
    lasts no time, or lies outside what a recording can be has no times; neither have turns that are
    far slower than talk, words that are far faster, nor rows that all have the same times. Words
    among which a turn's time was shared out have all of it.

    Args:
        outline: turns. words: words.

    Returns: `outline`, `words`: where times were left out or made wider.
    """
    if len(words) >= FEW and _whole(words) and seconds_per_letter(words, "word") > SLOWEST:
        for rows in (words, outline):
            if (
                _whole(rows)
                and seconds_per_letter(rows, "word" if rows is words else "text") > SLOWEST
            ):
                for row in rows:
                    row.update(s=seconds_of_millis(row.get("s")), e=seconds_of_millis(row.get("e")))
    doubted = []
    for name, rows, text in (("outline", outline, "text"), ("words", words, "word")):
        unsure = (
            rows
            if _same(rows) or (_whole(rows) and seconds_per_letter(rows, text) > 3 * SLOWEST)
            else [r for r in rows if not _possible(r, text)]
        )
        if name == "words":
            unsure = [*unsure, *_hasty(rows)]
        for row in unsure:
            row.update(s=None, e=None)
        if unsure or (name == "words" and _shared_out(rows)):
            doubted.append(name)
    return doubted


def seconds_per_letter(
    rows: Sequence[JsonObject], text: str, start: str = "s", end: str = "e"
) -> float:
    """Return seconds per letter or digit of some rows, by their times; 0 where they have none."""
    took = sum(
        (parse_number(r.get(end)) or 0.0) - (parse_number(r.get(start)) or 0.0) for r in rows
    )
    letters = sum(len(letters_and_digits(str(r.get(text) or ""))) for r in rows)
    return took / letters if letters else 0.0


def _hasty(words: Sequence[JsonObject]) -> list[JsonObject]:
    """Return words that nobody can say in their time: spikes of some recognisers, or several words
    at one time.
    """
    together: dict[tuple[Any, ...], list[JsonObject]] = {}
    for row in words:
        if parse_number(row.get("s")) is not None and parse_number(row.get("e")) is not None:
            together.setdefault(
                as_key(row["s"], row["e"], row.get("channel"), row.get("speaker")), []
            ).append(row)
    out = []
    for rows in together.values():
        said = letters_and_digits("".join(str(row.get("word") or "") for row in rows))
        digits = sum(c.isdecimal() for c in said)
        least = FASTEST * (len(said) - digits) + FASTEST_DIGIT * digits
        if (
            len(said) > 1
            and (parse_number(rows[0]["e"]) or 0.0) - (parse_number(rows[0]["s"]) or 0.0) < least
        ):
            out += rows
    return out


def _shared_out(words: Sequence[JsonObject]) -> bool:
    """Tell whether the times of some words were never heard: a turn's was shared out among them.
    Each then has all of it.
    """
    runs: list[list[JsonObject]] = []
    last: dict[tuple[Any, ...], list[JsonObject]] = {}  # by party, since two speak at once
    for row in words:
        start, end = parse_number(row.get("s")), parse_number(row.get("e"))
        if start is None or end is None or end <= start or not row.get("word"):
            continue
        run = last.get(as_key(row.get("channel"), row.get("speaker")))
        if run is None or abs(start - (parse_number(run[-1]["e"]) or 0.0)) > ALIKE:
            run = last[as_key(row.get("channel"), row.get("speaker"))] = []
            runs.append(run)
        run.append(row)
    shared = [run for run in runs if len(run) >= SHARED_OUT and _even(run)]
    for run in shared:
        start, end = run[0]["s"], run[-1]["e"]
        for row in run:
            row.update(s=start, e=end)
    return bool(shared)


def _even(run: Sequence[JsonObject]) -> bool:
    """Tell whether words of unlike length last equally long, or each in proportion to its letters,
    with or without the blank behind it.
    """
    letters = [len(str(row["word"])) for row in run]
    lasting = [(parse_number(row["e"]) or 0.0) - (parse_number(row["s"]) or 0.0) for row in run]
    if max(letters) < UNLIKE * min(letters):
        return False
    paces = [[d / (n + more) for d, n in zip(lasting, letters, strict=True)] for more in (0, 1)]
    return max(lasting) - min(lasting) <= ALIKE or any(
        (max(p) - min(p)) * max(letters) <= 2 * ALIKE for p in paces
    )


def _whole(rows: Sequence[JsonObject]) -> bool:
    return bool(rows) and all(isinstance(r.get(k), int) for r in rows for k in ("s", "e"))


def _same(rows: Sequence[JsonObject]) -> bool:
    times = {(parse_number(r.get("s")), parse_number(r.get("e"))) for r in rows}
    return len(rows) >= FEW and len(times) == 1 and None not in next(iter(times))


def _possible(row: JsonObject, text: str) -> bool:
    """Tell times that a row can have, of which a start shortly before the beginning is made the
    beginning.
    """
    start, end = parse_number(row.get("s")), parse_number(row.get("e"))
    if start is not None and -EARLY <= start < 0:
        row["s"] = start = 0.0
    if any(value is not None and not 0 <= value <= SECONDS.high for value in (start, end)):
        return False
    return (
        start is None
        or end is None
        or end > start
        or (end == start and not letters_and_digits(str(row.get(text) or "")))
    )
