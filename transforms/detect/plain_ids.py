"""Ids that are nothing else: told from addresses, cards, keys and grouped numbers by form."""

from __future__ import annotations

import re

from callveil.transforms.detect.recognizers.checks import luhn
from callveil.transforms.detect.secret_fields import has_known_form

_RUN = re.compile(r"(?<!\d)[2-6](?:[ \-._:]?\d){12,18}(?!\d)")
_CARD = re.compile(
    r"4\d{12}(?:\d{3}){0,2}|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}"
    r"|3(?:0[0-5]|[68]\d)\d{11}|35\d{14}|6(?:011|4[4-9]\d|5\d\d)\d{12}|62\d{14,17}"
)
"""Prefixes and lengths of the brands."""
_GROUPED = re.compile(
    r"(?<!\d)(?:\d{3}[-._:]\d{2}[-._:]\d{4}|(?:\+?1[-._:])?\d{3}[-._:]\d{3}[-._:]\d{4})(?!\d)"
)
"""Numbers of persons and telephones as they are grouped where they are read out."""
_PLAIN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:\-]{0,127}|\[ID:[a-z2-7]+\]")


def card_spans(text: str) -> list[tuple[int, int]]:
    """Return stretches that are card numbers by brand, length and check digit. Half-open, in code
    points.
    """
    runs = ((m.span(), re.sub(r"\D", "", m[0])) for m in _RUN.finditer(text))
    return [span for span, digits in runs if _CARD.fullmatch(digits) and luhn(digits)]


def is_plain_id(text: str) -> bool:
    """Tell whether a text is an id and nothing else: no address, card, key or grouped number."""
    if not _PLAIN_ID.fullmatch(text) or card_spans(text) or _GROUPED.search(text):
        return False
    return not has_known_form(text)
