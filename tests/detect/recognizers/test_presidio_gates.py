"""The gates before Presidio's recognizers: what a pattern needs, and which results are dropped."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.presidio_gates import GATED

from callveil.transforms.detect.recognizers import (
    builtin_context,
)
from callveil.transforms.detect.recognizers import presidio_builtin as builtin
from callveil.transforms.detect.recognizers.no_value import is_no_value
from callveil.transforms.detect.recognizers.pattern_digits import may_match, needs_of, runs_of

PATTERNS = [
    p.regex
    for b in GATED.builtins
    for p in b.patterns
    if p.needs is not None and "(?<=" not in p.regex.pattern
]
"""Those without a condition on what stands before, which no example could be made of."""


@settings(derandomize=True, max_examples=150, suppress_health_check=list(HealthCheck))
@given(
    st.data(),
    st.sampled_from(PATTERNS),
    st.sampled_from(["", " ", "x ", "12 ", ", 2 "]),
    st.sampled_from(["", " ", " x", "-", " 415 555", "."]),
)
def test_what_a_pattern_matches_has_the_runs_of_digits_it_needs(
    data: st.DataObject, pattern: Any, before: str, behind: str
) -> None:
    value = data.draw(
        st.from_regex(re.compile(pattern.pattern.replace("(?i)", ""), re.IGNORECASE | re.ASCII))
    )
    text = builtin.excerpt.to_ascii_digits(before + value + behind)
    if pattern.search(text):
        assert may_match(needs_of(pattern.pattern), runs_of(text)), (pattern.pattern, text)


@pytest.mark.parametrize(
    ("pattern", "held", "not_held"),
    [
        (r"\b\d{3}-\d{2}-\d{4}\b", "482-17-3645", ["482173645", "48212-73-645", "482-17-36451"]),
        (r"(?<!\d)\d{9}(?!\w)", "482173645", ["4821736450"]),
        (r"\d{6}-?\d{4}", "94821736450", ["48217-3645"]),
        (r"\b[1-79]\d{2}([- ])\d{3}\1\d{3}\b", "256-514-274", ["256514274"]),
        (r"\b(?:\d{8}[A-Z]|[TS]\d{2}[A-Z]{2}\d{4}[A-Z])\b", "T08LL1234K", ["T081LL34K"]),
        (r"\b[A-Z]{2,30}\d{4}\b", "AB1234", ["AB123"]),
    ],
)
def test_runs_of_digits_that_a_pattern_needs(pattern: str, held: str, not_held: list[str]) -> None:
    assert re.search(pattern, held)
    assert may_match(needs_of(pattern), runs_of(held))
    assert not any(may_match(needs_of(pattern), runs_of(text)) for text in not_held)


@pytest.mark.parametrize(
    "pattern", [r"\d.*", r"[A-Z0-9]{20}", r"\d{3,}", r"(\d)(?(1)a|b)", r"\d{99}"]
)
def test_of_some_patterns_nothing_is_known(pattern: str) -> None:
    assert needs_of(pattern) is None


DROPPED: list[tuple[str, str, str]] = [
    ("PHONE_NUMBER", "on [05.11.2025] we", "date"),
    ("PHONE_NUMBER", "at [2025-11-05 10]:30", "date and time"),
    ("PHONE_NUMBER", "CA [03/2015 – 03/2016] plans", "range of months"),
    ("PHONE_NUMBER", "[2015-2016] and", "range of years"),
    ("PHONE_NUMBER", "open [10.30-16.00] daily", "hours"),
    ("PHONE_NUMBER", "Mon [0900-1700]", "hours"),
    ("PHONE_NUMBER", "at 00:04:[35.120] it", "clock"),
    ("PHONE_NUMBER", "at [1748503543] the webhook", "epoch"),
    ("PHONE_NUMBER", "version [14.973.948.436] is", "version"),
    ("PHONE_NUMBER", "part number [929-2743-8750] is", "part number"),
    ("US_DRIVER_LICENSE", "at 59.7055, -150.[4560289] or", "coordinates"),
    ("US_BANK_NUMBER", "error 0x[80070057] again", "status code"),
    ("PHONE_NUMBER", "[1200x800x2100] mm", "size"),
    ("URL", "[thanks.ca]n you", "sentences"),
    ("URL", "the [number.Sm]oking is", "sentences"),
    ("URL", "mail zofia.k@[acme.it] now", "e-mail"),
    ("URL", "mail [zofia.co]@acme.it now", "e-mail"),
    ("URL", "[please.it] is", "sentences"),
    ("URL", "[Okay..th]is", "sentences"),
]


STAYS: list[tuple[str, str, str]] = [
    ("PHONE_NUMBER", "on [06.11.20.25.33] we", "date"),
    ("PHONE_NUMBER", "[5.11.2025-77] we", "date"),
    ("PHONE_NUMBER", "[2019-55501] and", "range of years"),
    ("PHONE_NUMBER", "open [555-0123] daily", "hours"),
    ("PHONE_NUMBER", "Mon [0152-1234]", "hours"),
    ("PHONE_NUMBER", "at [415.555.0194] it", "version"),
    ("PHONE_NUMBER", "the part is in, call [929-2743-8750]", "part number"),
    ("PHONE_NUMBER", "part number +1 [415 555 0194]", "part number"),
    ("US_DRIVER_LICENSE", "license [4560289] or", "coordinates"),
    ("US_BANK_NUMBER", "account [80070057] again", "status code"),
    ("PHONE_NUMBER", "[1200-800-2100] mm", "size"),
    ("URL", "see [acme.it] is", "sentences"),
    ("URL", "[acme.com]pany", "sentences"),
    ("URL", "by @[acme.it] now", "e-mail"),
    ("URL", "https://[acme.it] now", "e-mail"),
    ("URL", "[www.is.it] now", "sentences"),
    ("URL", "[Acme.Com] is", "sentences"),
    ("US_SSN", "[482-17-3645]", "date"),
    ("IP_ADDRESS", "version [203.0.113.7]", "version"),
    ("US_ITIN", "[948-71-4821]", "date"),
]


def excepted(entity: str, text: str, cued: bool = False) -> bool:
    start, plain = text.index("["), text.replace("[", "").replace("]", "")
    return is_no_value(
        entity,
        plain,
        (start, text.index("]") - 1),
        cued,
        GATED._words,
        builtin_context.top_level_domains(),
    )


@pytest.mark.parametrize(("entity", "text", "rule"), DROPPED)
def test_the_exceptions(entity: str, text: str, rule: str) -> None:
    assert excepted(entity, text), rule


@pytest.mark.parametrize(("entity", "text", "rule"), STAYS)
def test_what_the_exceptions_leave_alone(entity: str, text: str, rule: str) -> None:
    assert not excepted(entity, text), rule


def test_seconds_since_1970_behind_a_cue_are_a_number() -> None:
    assert not excepted("PHONE_NUMBER", "phone [1748503543] again", cued=True)
