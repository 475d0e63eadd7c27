"""The business' own name, numbers and addresses: they are no personal data of its callers, so findings that are nothing else are let go.

Its numbers also tell which country's identity numbers its callers have.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import accumulate
from operator import itemgetter
from typing import Any

import phonenumbers

from callveil.schemas.account import Account
from callveil.schemas.finding import Span
from callveil.transforms.detect.known import DIGITS, PLACE, KnownValue, values_of
from callveil.transforms.detect.normalized_text import normalize
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
    words = normalize(account.name).text.split() if account else []
    if account and words and len(account.name) > 3:
        pattern = r"(?<!\w)" + r"\s+".join(map(re.escape, words)) + r"(?!\w)"
        out.extend(match.span() for match in re.finditer(pattern, text, re.IGNORECASE))
    return out


COUNTRIES = {
    "AU": ("australia",), "CA": ("canada",), "DE": ("germany", "deutschland"), "ES": ("spain", "españa"), "FI": ("finland", "suomi"),
    "FR": ("france",), "GB": ("united kingdom", "uk", "great britain", "england", "scotland", "wales"), "IN": ("india",),
    "IT": ("italy", "italia"), "KR": ("south korea", "korea", "republic of korea"), "NG": ("nigeria",), "PH": ("philippines",),
    "PL": ("poland", "polska"), "SE": ("sweden", "sverige"), "SG": ("singapore",), "TH": ("thailand",), "TR": ("turkey", "türkiye"),
    "US": ("united states", "usa", "united states of america"), "ZA": ("south africa",),
}  # fmt: skip
"""Names of the countries whose identity numbers Presidio knows, by ISO 3166-1 code."""
_CODES = {name: code for code, names in COUNTRIES.items() for name in (code.lower(), *names)}


def countries_of(record: Mapping[str, Any], account: Account | None) -> frozenset[str]:
    """Countries of a record's contact and of the account's numbers, ISO 3166-1, as far as Presidio knows numbers of theirs."""
    told = record.get("country")
    named = _CODES.get(told.strip().casefold(), "") if isinstance(told, str) else ""
    found = {named, *(_region(n) for n in (account.numbers if account else ()))}
    return frozenset(found & COUNTRIES.keys())


@lru_cache(maxsize=4096)
def _region(number: str) -> str:
    """Region of a number with its country code, or nothing."""
    try:
        return phonenumbers.region_code_for_number(phonenumbers.parse(number, None)) or ""
    except phonenumbers.NumberParseException:
        return ""


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
