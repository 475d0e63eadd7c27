"""The business' own name, numbers and addresses: they are no personal data of its callers, so findings that are nothing else are let go."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from operator import itemgetter
from typing import Any

from callveil.schemas.account import Account
from callveil.schemas.finding import Span
from callveil.transforms.detect.known import DIGITS, PLACE, KnownValue, values_of
from callveil.transforms.detect.seek import Tokens, find

FIRM = frozenset({"known_value", "deny_list", "request"})
"""Detectors that outrank the business' own values: a caller's own value stays redacted where the business shares it."""
NUMBER_FIELDS = ("business_number", "business_number_bare", "business_number_complete", "tracking_number", "tracking_number_bare")
SHORTEST = 7
"""Digits a number needs to be told from others."""
WHOLE = 10
"""A number with so many digits is the business' own only where it is said with its area."""


def own_places(text: str, record: Mapping[str, Any], account: Account | None, language: str = "en") -> list[tuple[int, int]]:
    """Where the business' own values stand in a text, half-open, in code points: numbers in digits or in words, the name as it is written.

    Args:
        text: what detection read.
        record: the interaction, whose business and tracking numbers are the business' own.
        account: version of the account that held at the time, where one is known.
        language: how numbers are said.
    """
    numbers = {value for name in NUMBER_FIELDS if isinstance(value := record.get(name), str)} | set(account.numbers if account else ())
    values = [
        v
        for n in sorted(numbers)
        if (count := sum(c.isdigit() for c in n)) >= SHORTEST
        for v in values_of(DIGITS, "PHONE_NUMBER", n)
        if count < WHOLE or len(v.target) >= WHOLE - 1  # a caller's number may end as the business' own does
    ]
    values += [v for a in (account.addresses if account else ()) for v in _address(a)]
    out = [(s.start, s.end) for s in find(Tokens.of(text, language), values, "own")] if values else []
    if account and account.name and len(words := account.name.split()) and len(account.name) > 3:
        pattern = r"(?<!\w)" + r"\s+".join(map(re.escape, words)) + r"(?!\w)"
        out.extend(match.span() for match in re.finditer(pattern, text, re.IGNORECASE))
    return out


def _address(address: str) -> Iterator[KnownValue]:
    """An address with a house number, as far as each of its parts: people say `12 elm street` and `12 elm street, springfield`."""
    parts = [part.strip() for part in address.split(",")]
    for count in range(1, len(parts) + 1):
        said = " ".join(parts[:count])
        if any(c.isdigit() for c in said) and any(c.isalpha() for c in said):
            yield from values_of(PLACE, "ADDRESS", said)


def without_own(spans: Sequence[Span], places: Sequence[tuple[int, int]]) -> list[Span]:
    """The findings but those that lie wholly within one of the business' own values, unless someone knows them to be personal."""
    ordered = sorted(places)
    reach = list(accumulate((end for _, end in ordered), max, initial=-1))  # how far those that begin up to a place reach
    return [s for s in spans if s.detector in FIRM or reach[bisect_right(ordered, s.start, key=itemgetter(0))] < s.end]
