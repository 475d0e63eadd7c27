"""Explicit exceptions to Presidio's patterns: false positives that hold no personal value.

Presidio's patterns are the baseline beneath callveil's own recognizers.

| exception | such as | what it leaves alone |
| --- | --- | --- |
| date, with or without a time | 05.11.2025, 2025-11-05 10:30, 11/2025 | 06.11.20.25.33, 5.11.2025-77 |
| range of dates or years | 05.11.2025-07.11.2025, 2019/2020 | 2019-55501 |
| hours, range of hours, time read off a clock | 10.30-16.00, 0900-1700, 00:04:35.120 | 555-0123, 0152-1234 |
| seconds or milliseconds since 1970 | 1748503543 | the same behind a word such as "phone" |
| version, build | version 14.973.948.436 | 415.555.0194 |
| part, model, stock number | part number 929-2743-8750 | the part is in, call 929-2743-8750 |
| coordinates | 59.7055, -150.4560289 | 150.4560289 alone |
| status code | 0x80070057 | 80070057 alone |
| sizes | 1200x800x2100 | 1200-800-2100 |
| part of an e-mail address, which is one itself | a.b@acme.it | @acme.it, https://a.b@acme.it |
| end and beginning of two sentences | thanks.can you, number.Smoking | acme.it, www.is.it, acme.company |

They hold for findings without a check digit, and the first nine for numbers alone: an IP address is
not read as a version.
"""

from __future__ import annotations

import re
from collections.abc import Collection

_DAY, _MONTH, _YEAR = r"(?:0?[1-9]|[12]\d|3[01])", r"(?:0?[1-9]|1[0-2])", r"(?:19|20)\d\d"
_DATE = (
    rf"(?:{_YEAR}([./-]){_MONTH}\1{_DAY}|{_DAY}([./-]){_DAY}\2(?:{_YEAR}|\d\d)|{_DAY} "
    rf"{_MONTH} "
    rf"{_YEAR}|{_MONTH}[./-]{_YEAR}|{_YEAR})"
)
_CLOCK = r"(?:(?:[01]?\d|2[0-4])[.:][0-5]\d(?:[.:][0-5]\d(?:[.,]\d{1,6})?)?|(?:[01]\d|2[0-4])(?:00|15|30|45))"
_TO = r"(?: ?[-–—/] ?| to )"


def _again(pattern: str, n: int) -> str:
    """Return a pattern with two groups and references to them, for its n-th use in one
    expression.
    """
    return pattern.replace(r"\1", rf"\{2 * n + 1}").replace(r"\2", rf"\{2 * n + 2}")


_FORMS = (
    rf"{_again(_DATE, 0)}(?:[ T,]+{_CLOCK}|{_TO}{_again(_DATE, 1)})?",
    rf"{_CLOCK}(?:{_TO}{_CLOCK})?(?:[,;]? {_CLOCK}{_TO}{_CLOCK})*",
    r"(?:v|ver|version|release|build|firmware|driver)[.: ]{0,2}\d{1,6}(?:\.\d{1,6}){1,4}",
    r"(?:(?:part|model|item|article|stock) ?(?:no|nr|number|code|#)|part|model|sku|pn|p/n)[.:# "
    r"]{1,3}[\w-]{2,30}",
    r"-?\d{1,3}\.\d{3,12}, ?-?\d{1,3}\.\d{3,12}",
    r"0x[0-9a-f]{2,16}",
    r"\d{1,5}(?: ?[x×] ?\d{1,5}){1,2}",
)
_NO_NUMBER = re.compile(rf"(?i)(?<![\w.,/:–-])(?:{'|'.join(_FORMS)})(?![\w–-]|[.,/:]\d)")
_EPOCH = re.compile(r"1\d{9}(?:\d{3})?")
_AROUND = 48

NO_NUMBERS = frozenset({"DATE_TIME", "EMAIL_ADDRESS", "IP_ADDRESS", "MAC_ADDRESS", "URL", "UUID"})
"""Entity types whose values are not read as numbers."""

_LABEL_REST = re.compile(r"[a-zA-Z0-9-]{0,63}")
_MAIL_BEFORE = re.compile(r"[^\s@(<\[]@\Z")
_SURE_ENDINGS = frozenset({"com", "net", "org", "edu", "gov", "info", "io", "uk", "de", "ca"})


def is_no_value(
    entity: str,
    text: str,
    span: tuple[int, int],
    cued: bool,
    words: Collection[str],
    endings: Collection[str],
) -> bool:
    """Tell whether what a pattern found is one of the exceptions.

    Args:
        entity: type of the finding.
        text: what it was found in.
        span: where.
        cued: whether a word before it names what it is.
        words: everyday words of the text's language, lower case.
        endings: top-level domains, lower case.
    """
    start, end = span
    if entity == "URL":
        return _in_mail(text, start, end) or (
            not cued and _joins_sentences(text, start, end, words, endings)
        )
    if entity in NO_NUMBERS:
        return False
    if not cued and _EPOCH.fullmatch(text, start, end):
        return True
    low = max(0, start - _AROUND)
    around = text[low : end + _AROUND]
    return any(
        m.start() + low <= start and end <= m.end() + low for m in _NO_NUMBER.finditer(around)
    )


def _in_mail(text: str, start: int, end: int) -> bool:
    if "/" in text[start:end] or text[max(0, start - 3) : start] == "://":
        return False
    behind = end + len(_rest(text, end))
    return (
        bool(_MAIL_BEFORE.search(text[max(0, start - _AROUND) : start]))
        or text[behind : behind + 1] == "@"
    )


def _rest(text: str, end: int) -> str:
    match = _LABEL_REST.match(text, end)
    return match.group() if match else ""


def _joins_sentences(
    text: str, start: int, end: int, words: Collection[str], endings: Collection[str]
) -> bool:
    """Tell whether a full stop without a space behind it made a web address of two sentences."""
    found = text[start:end]
    if "/" in found or ":" in found or found.lower().startswith("www."):
        return False
    before, last = found.rstrip("'\"").rsplit(".", 1)
    whole = last + _rest(text, end)
    label = before.rsplit(".", 1)[-1]
    if not label or whole.lower() not in endings:
        return True
    if whole.lower() in _SURE_ENDINGS:
        return False
    if whole.istitle() and (whole.lower() in words or not (label.istitle() or label.isupper())):
        return True
    return whole.lower() in words and (label.lower() in words or not label.isalpha())
