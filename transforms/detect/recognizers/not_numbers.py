"""Places that hold digits but no number of anybody: dates, times, prices, internet addresses."""

from __future__ import annotations

import re
from collections.abc import Iterator

from callveil.transforms.detect.recognizers.tokens import (
    TokenizedConversation,
)
from callveil.transforms.detect.recognizers.vocabulary import (
    LETTER,
)

_SIGN = re.compile(r"\d|[a-fA-F]{8}-")
"""In each of the two: digits, or the beginning of a GUID without any."""
_BESIDE_DIGITS = re.compile(
    r"(?:(?:\d[-\s.,/_]{0,3}){10}|(?<!\d)\d{3}[-. )]{1,2}\d{3}[-. ]|(?<!\d)0\d{2,4} \d{3,4}[ -])\Z"
)
"""Ten digits, or the beginning of a telephone number: what stands behind is no range."""

_NOT_NUMBERS = re.compile(
    r"""(?xi)
      (?=[\d$£€¥₹+[-]|[0-9a-f]{8}-)(?:                               # a cheap test first: hardly any place in a text can begin one of these
      \b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b              # GUID
    | (?<![\w.-])(?<!\d{3}[\ -]\d\d[\ -])(?<!\d{3}[\ -]\d{3}[\ -])(?<!\d{4}[\ -]\d{4}[\ -])   # not the end of another value
      (?:1[89]|2[01])\d\d-[01]\d-[0-3]\d(?:[T\ ]\d\d:\d\d(?::\d\d)?(?:[.,]\d+)?)?(?![\w-])   # ISO date, timestamp
    | (?<![\w:.])\d{1,2}:\d\d(?::\d\d)?(?![\w:])(?:[^\S\n]?[ap]\.?m\b)?  # time of day
    | (?<![\w/.-])(?:0?[1-9]|[12]\d|3[01])([/.-])(?:0?[1-9]|[12]\d|3[01])\1(?:(?:18|19|20)\d\d|\d\d)(?![\d/-]|\.\d)  # numeric date
    | [$£€¥₹][^\S\n]?(?:\d{1,3}(?:,\d{3})+|\d{1,9})(?!\d|[-\ .]\d{2,3}[-\ .]\d{4}(?!\d))(?:\.\d\d?(?!\d))?   # price
    | (?<![\w.-])\d{1,4}(?:\.\d{1,4})?[^\S\n]?%                             # share
    | (?<![\w.,-])\d{1,3}\.\d{1,2}(?![\w.-])                      # rating, decimal price
    | (?<![\w,./-])\d{1,3}(?:,\d{3}){1,3}(?![\w,-]|[\ .]\d{2,3}[-\ .]\d{4}(?!\d))  # 3,500; but not 12,415 555 0142
    | (?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?!\w|\.\d)                # internet address
    | (?<![\w.-])(?:\d{1,5}(?:[.,]\d{1,2})?(?:[x×]\d{1,5}(?:[.,]\d{1,2})?){1,3}|\d{1,5}(?:\ [x×]\ \d{2,5}){1,3})(?![\w-]|[.\ ]\d{2})   # 1200x800x2100
    | (?<![\w.-])\d{1,4}\.\d{1,2}\.\d{1,3}(?![\w.]|-(?![a-z]{2}))        # version 10.15.7
    | (?:(?<=build\ )|(?<=version\ )|(?<=firmware\ )|(?<=release\ )|(?<=section\ )|(?<=windows\ )|(?<=[a-z]/)|(?<=\bv))
      \d{1,8}(?:\.\d{1,5}){1,4}(?![\w.]|-\d)                          # build 20251129.4
    | (?<![\w.-])-?\d{1,3}\.\d{2,9}[^\S\n]?°[^\S\n]?[nsew]?            # a coordinate
    | (?<![\w.-])(?:1[89]|20)\d{6}t\d{6}z?(?!\w)                      # 20251129T103000Z
    | (?<![\w.:-])\[\d\d?:\d\d(?::\d\d)?(?:[.,]\d+)?\]             # [00:05]
    | (?:(?<=status\ )|(?<=error\ )|(?<=http\ ))[1-5]\d\d(?:,?\ (?:and\ |or\ |then\ )?[1-5]\d\d(?!\d))*(?![\w-])   # status 404, 500
    | (?<!\w)0x[0-9a-f]{1,16}(?!\w)                                # 0x80070057
    | (?<![\w.-])[+-]?\d{1,3}\.\d{4,9},[^\S\n]?[+-]?\d{1,3}\.\d{4,9}(?![\w.-])    # coordinates
    )"""
)
_RANGES = re.compile(
    r"""(?x)
      (?<![\w./:-])(?:
      (?:[01]?\d|2[0-4])[.:][0-5]\d\ ?(?:[-–—]|to)\ ?(?:[01]?\d|2[0-4])[.:][0-5]\d    # 10.30-16.00
    | (?:[01]\d|2[0-4])[0-5]\d\ ?[-–—]\ ?(?:[01]\d|2[0-4])[0-5]\d                    # 0900-1700
    | (?:19|20)\d\d\ ?[-–—/]\ ?(?:(?:19|20)\d\d|\d\d)                                      # 2015-2016
    | (?:0?[1-9]|1[0-2])/(?:19|20)\d\d\ ?[-–—]\ ?(?:0?[1-9]|1[0-2])/(?:19|20)\d\d   # 03/2015 - 03/2016
    )(?![\w/-]|\.\d)"""
)


def blocked_tokens(reading: TokenizedConversation) -> frozenset[int]:
    """Return tokens of written dates, times, prices, shares, ratings, GUIDs, internet addresses and
    cues: they are in no run.
    """
    kept: frozenset[int] | None = reading.__dict__.get("_blocked")
    if kept is not None:
        return kept
    out: set[int] = set()
    token, starts = 0, reading.start
    for match in _not_numbers(reading) if reading.has_digits else ():
        while token < reading.count and starts[token] < match.start():
            token += 1
        while token < reading.count and starts[token] < match.end():
            out.add(token)
            token += 1
    for cue in reading.cues:  # "the last four digits": the number belongs to the cue
        spelled = (
            cue.topic == "age"
            and reading.kind[cue.first] == LETTER
            and not (cue.first and reading.value[cue.first - 1])
        )
        if cue.last - cue.first > 1 and not spelled:  # "y o" is years old after a number only
            out.update(range(cue.first, cue.last))
    for start, end in reading.ibans:  # known by themselves
        out.update(range(reading.token_at(start), reading.token_at(end - 1) + 1))
    kept = reading.__dict__["_blocked"] = frozenset(out)
    return kept


def _not_numbers(reading: TokenizedConversation) -> list[re.Match[str]]:
    text, found = reading.text, list[re.Match[str]]()
    for start, end in _lines(text):
        found += _NOT_NUMBERS.finditer(text, start, end)
        # Right behind other digits a range may be a card's expiry date and code.
        found += [
            m
            for m in _RANGES.finditer(text, start, end)
            if not _BESIDE_DIGITS.search(text, max(0, m.start() - 24), m.start())
        ]
    more = reading.vocab.no_numbers
    return sorted(
        (*found, *(more.finditer(text) if more is not None else ())),
        key=lambda match: match.start(),
    )


def _lines(text: str) -> Iterator[tuple[int, int]]:
    """Yield lines that can hold what is no number though it holds digits; none reaches over two."""
    end = 0
    while (sign := _SIGN.search(text, end)) is not None:
        start, end = text.rfind("\n", 0, sign.start()) + 1, text.find("\n", sign.end())
        end = end if end >= 0 else len(text)
        yield start, end
