"""Dates of a person that are no birth dates: appointments, admissions, payments. Found only where a
policy asks for them.

45 CFR 164.514(b)(2)(i)(C) counts every element of a date but the year among the identifiers of the
Safe Harbor method, so a day or a month has to be in it; a year, a weekday or a time of day alone is
none. Who asks for dates would rather lose "may 5 people come" than keep "may 5".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from callveil.transforms.detect.recognizers.base import SpokenRecognizer
from callveil.transforms.detect.recognizers.dates import (
    DATE_ITEM,
    DAY_ITEM,
    MONTH_ITEM,
    NUMBER_ITEM,
    DatePart,
    DateRuns,
    written_dates,
)
from callveil.transforms.detect.recognizers.match import ValueMatch, prune_matches, spans_of
from callveil.transforms.detect.recognizers.not_numbers import blocked_tokens
from callveil.transforms.detect.recognizers.number_elements import REPAIR
from callveil.transforms.detect.recognizers.tokens import TokenizedConversation
from callveil.transforms.detect.recognizers.vocabulary import MONTH

CENTURIES = ("18", "19", "20")
LONGEST = 4
"""Parts a date has at most: a day, a month, and a year said as two numbers."""


class DateRecognizer(SpokenRecognizer):
    """Dates with a day or a month, written and spoken, whatever they are dates of."""

    ENTITIES: ClassVar[tuple[str, ...]] = ("DATE_TIME",)

    def gate(self, read: TokenizedConversation) -> bool:
        return read.has_digits or MONTH in read.kind

    def find(self, read: TokenizedConversation) -> Iterable[ValueMatch]:
        return find_dates(read)


def find_dates(reading: TokenizedConversation) -> list[ValueMatch]:
    """ "March 3rd", "the fourth of May twenty twenty six", "3/14/2026", "2026-03-14", "June
    2024".
    """
    written, inside = written_dates(reading)
    skip = frozenset(blocked_tokens(reading) - inside)
    found: dict[tuple[tuple[int, int], ...], ValueMatch] = {}
    for stream in reading.streams:
        for run in DateRuns(reading, stream, written, skip).runs():
            place = 0
            while place < len(run):
                size = _size(run[place : place + LONGEST])
                if size:
                    items = run[place : place + size]
                    spans = spans_of(
                        reading, [t for item in items for t in (item.first, item.last)]
                    )
                    found.setdefault(
                        spans,
                        ValueMatch(
                            "DATE_TIME",
                            spans,
                            0.6,
                            "a day and a month" if size > 1 else "form of a date",
                        ),
                    )
                place += size or 1
    return prune_matches(found.values())


def _size(items: Sequence[DatePart]) -> int:
    """Tell how many of the items make a date from the first on; 0 where they make none."""
    items = [items[0], *_unbroken(items[1:])]
    if items[0].sort == DATE_ITEM:
        return 1
    sorts = [item.sort for item in items]
    if sorts[0] == MONTH_ITEM:
        if len(items) > 1 and _day(items[1]):
            return 2 + _year(items[2:])
        year = _year(items[1:])
        return 1 + year if year else 0
    if len(items) > 1 and sorts[1] == MONTH_ITEM and _day(items[0]):
        return 2 + _year(items[2:])
    return 0


def _unbroken(items: Sequence[DatePart]) -> list[DatePart]:
    """Return the items up to the first that takes back what was said before it."""
    out: list[DatePart] = []
    for item in items:
        if item.link >= REPAIR:
            break
        out.append(item)
    return out


def _day(item: DatePart) -> bool:
    return item.sort == DAY_ITEM or (
        item.sort == NUMBER_ITEM
        and len(item.digits) <= 2
        and item.digits.isdigit()
        and 1 <= int(item.digits) <= 31
    )


def _year(items: Sequence[DatePart]) -> int:
    """Tell how many items make a year: `2026` is one, `twenty` `twenty six` may be two."""
    digits = [item.digits if item.sort == NUMBER_ITEM else "" for item in items[:2]]
    if digits and len(digits[0]) == 4 and digits[0][:2] in CENTURIES:
        return 1
    return 2 if len(digits) > 1 and digits[0] in CENTURIES and len(digits[1]) == 2 else 0
