"""The business' own name, numbers and addresses: they are no personal data of its callers, so
findings that are nothing else are let go.

Its numbers also tell which country's identity numbers its callers have.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import accumulate
from operator import itemgetter
from typing import Any

import phonenumbers

from callveil.schemas.account import Account
from callveil.schemas.finding import TextSpan
from callveil.transforms.detect.known_values import DIGITS, PLACE, KnownValue, values_of
from callveil.transforms.detect.normalized_text import normalize_text
from callveil.transforms.detect.value_search import FoldedWords, find_values

FIRM = frozenset({"known_value", "deny_list", "request"})
"""Detectors that outrank the business' own values: a caller's own value stays redacted where the
business shares it.
"""
NUMBER_FIELDS = tuple(
    f"{n}_number{s}"
    for n in ("business", "tracking", "receiving")
    for s in ("", "_bare", "_complete", "_format")
)
CONTACT_FIELDS = (
    "caller_number",
    "caller_number_bare",
    "caller_number_complete",
    "caller_number_format",
    "contact_number",
    "alternative_number",
)
DIALLED = ("number_to_call", "customer_number_to_dial")
"""Members of a form that hold a number which the platform then calls: the contact's, unless it is
known for the business' own.
"""
OUR_END = {"inbound": "to", "outbound": "from"}
"""The end of a leg that is the business' own, by the direction of the interaction."""
SHORTEST = 7
"""Digits a number needs to be told from others."""
WHOLE = 10
"""A number with so many digits is the business' own only where it is said with its area."""


def business_values(record: Mapping[str, Any], account: Account | None) -> list[KnownValue]:
    """Return the business' own numbers and addresses, as they are sought in texts."""
    return list(
        _sought(business_numbers(record, account), tuple(account.addresses) if account else ())
    )


@lru_cache(maxsize=1024)
def _sought(numbers: frozenset[str], addresses: tuple[str, ...]) -> tuple[KnownValue, ...]:
    """As `business_values`; the same for most records of an account, and before and after
    redaction.
    """
    values = [
        v
        for n in sorted(numbers)
        if (count := sum(c.isdigit() for c in n))
        for v in values_of(DIGITS, "PHONE_NUMBER", n)
        if count < WHOLE
        or len(v.target) >= WHOLE - 1  # a caller's number may end as the business' own does
    ]
    return (*values, *(v for a in addresses for v in _address(a)))


def business_spans(
    text: str,
    record: Mapping[str, Any],
    account: Account | None,
    language: str = "en",
    known: tuple[FoldedWords, Sequence[KnownValue]] | None = None,
) -> list[tuple[int, int]]:
    """Tell where the business' own values stand in a text, half-open, in code points: numbers in
    digits or in words, the name as it is written.

    Args:
        text: what detection read.
        record: the interaction, whose business and tracking numbers are the business' own.
        account: version of the account that held at the time, where one is known.
        language: how numbers are said.
        known: the text's tokens and `business_values` of both, where they are at hand.
    """
    tokens, values = known or (FoldedWords.of(text, language), business_values(record, account))
    out = [_with_signs(text, s) for s in find_values(tokens, values, "own")] if values else []
    for words in _own_names(record, account):
        pattern = r"(?<!\w)" + r"\s+".join(map(re.escape, words)) + r"(?!\w)"
        out.extend(match.span() for match in re.finditer(pattern, text, re.IGNORECASE))
    return out


def business_numbers(record: Mapping[str, Any], account: Account | None) -> frozenset[str]:
    """Return the business' own numbers, as they are written: tracking, receiving and business
    numbers, those of the account, and its ends of the legs.

    A number of the account or of a leg that is the contact's too is the contact's, and so is one of
    a leg that a form asks to be called.
    """
    certain = {value for name in NUMBER_FIELDS if isinstance(value := record.get(name), str)}
    contact = {
        _last(value) for name in CONTACT_FIELDS if isinstance(value := record.get(name), str)
    }
    form = record.get("form")
    dialled = {
        _last(value)
        for name in DIALLED
        if isinstance(form, Mapping) and isinstance(value := form.get(name), str)
    }
    further = {n for n in (account.numbers if account else ()) if _last(n) not in contact}
    further |= {n for n in _our_ends(record) if _last(n) not in contact | dialled}
    return frozenset(n for n in certain | further if sum(map(str.isdigit, n)) >= SHORTEST)


def is_business_number(text: str, numbers: Iterable[str]) -> bool:
    """Tell whether a text is nothing but one of some numbers, in whatever form."""
    return (
        not any(c.isalpha() for c in text)
        and sum(c.isdigit() for c in text) >= WHOLE
        and _last(text) in {_last(n) for n in numbers}
    )


def _last(number: str) -> str:
    """Return the digits by which two forms of a number are known for the same."""
    return "".join(filter(str.isdigit, number))[-WHOLE:]


def _our_ends(record: Mapping[str, Any]) -> Iterator[str]:
    """Yield numbers at the business' ends of an interaction's legs."""
    direction, legs = str(record.get("direction") or "").lower(), record.get("legs")
    end = next((end for way, end in OUR_END.items() if way in direction), "")
    for leg in legs if end and isinstance(legs, list) else ():
        number = leg.get(end) if isinstance(leg, Mapping) else None
        if isinstance(number, str) and not any(map(str.isalpha, number)):
            yield number


LEGAL_FORMS = frozenset(
    {
        "inc",
        "llc",
        "ltd",
        "limited",
        "co",
        "corp",
        "corporation",
        "company",
        "gmbh",
        "plc",
        "pty",
        "llp",
        "lp",
        "ag",
        "bv",
        "sa",
    }
)
"""What the name of a business ends in on paper and hardly ever in talk."""


def _own_names(record: Mapping[str, Any], account: Account | None) -> Iterator[list[str]]:
    """Yield words of the business' own name, and of the name without its legal form where two words
    or more are left.
    """
    for name in {str(record.get("account_name") or ""), account.name if account else ""}:
        words = normalize_text(name).text.split()
        if not words or len(name) <= 3:
            continue
        yield words
        if len(words) > 2 and words[-1].strip(".,").replace(".", "").lower() in LEGAL_FORMS:
            yield [*words[:-2], words[-2].rstrip(",")]


def _with_signs(text: str, span: TextSpan) -> tuple[int, int]:
    """Return a number's place with the signs it may begin with, `+` and `(`, and the bracket that
    closes one.
    """
    start, end = span.start, span.end
    while start and text[start - 1] in "+(":
        start -= 1
    return start, end + text.startswith(")", end)


COUNTRIES = {
    "AU": ("australia",),
    "CA": ("canada",),
    "DE": ("germany", "deutschland"),
    "ES": ("spain", "españa"),
    "FI": ("finland", "suomi"),
    "FR": ("france",),
    "GB": ("united kingdom", "uk", "great britain", "england", "scotland", "wales"),
    "IN": ("india",),
    "IT": ("italy", "italia"),
    "KR": ("south korea", "korea", "republic of korea"),
    "NG": ("nigeria",),
    "PH": ("philippines",),
    "PL": ("poland", "polska"),
    "SE": ("sweden", "sverige"),
    "SG": ("singapore",),
    "TH": ("thailand",),
    "TR": ("turkey", "türkiye"),
    "US": ("united states", "usa", "united states of america"),
    "ZA": ("south africa",),
}
"""Names of the countries whose identity numbers Presidio knows, by ISO 3166-1 code."""
_CODES = {name: code for code, names in COUNTRIES.items() for name in (code.lower(), *names)}


def countries_of(record: Mapping[str, Any], account: Account | None) -> frozenset[str]:
    """Return countries of a record's contact and of the account's numbers, ISO 3166-1, as far as
    Presidio knows numbers of theirs.
    """
    told = record.get("country")
    named = _CODES.get(told.strip().casefold(), "") if isinstance(told, str) else ""
    found = {named, *(_region(n) for n in (account.numbers if account else ()))}
    return frozenset(found & COUNTRIES.keys())


@lru_cache(maxsize=4096)
def _region(number: str) -> str:
    """Return region of a number with its country code, or nothing."""
    try:
        return phonenumbers.region_code_for_number(phonenumbers.parse(number, None)) or ""
    except phonenumbers.NumberParseException:
        return ""


def _address(address: str) -> Iterator[KnownValue]:
    """Yield an address with a house number, as far as each of its parts: people say `12 elm street`
    and `12 elm street, springfield`.
    """
    parts = [part.strip() for part in address.split(",")]
    for count in range(1, len(parts) + 1):
        said = " ".join(parts[:count])
        if any(c.isdigit() for c in said) and any(c.isalpha() for c in said):
            yield from values_of(PLACE, "ADDRESS", said)


def drop_business_findings(
    spans: Sequence[TextSpan], places: Sequence[tuple[int, int]]
) -> list[TextSpan]:
    """Return the findings but those that lie wholly within one of the business' own values, unless
    someone knows them to be personal.
    """
    ordered = sorted(places)
    reach = list(
        accumulate((end for _, end in ordered), max, initial=-1)
    )  # how far those that begin up to a place reach
    return [
        s
        for s in spans
        if s.detector in FIRM or reach[bisect_right(ordered, s.start, key=itemgetter(0))] < s.end
    ]
