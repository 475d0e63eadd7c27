"""Amounts of money, written and spoken. Found only where a policy asks for them: they are seldom
personal.
"""

from __future__ import annotations

import re

from callveil.transforms.detect.recognizers.match import ValueMatch, spans_of
from callveil.transforms.detect.recognizers.numbers import NumberParser
from callveil.transforms.detect.recognizers.tokens import TokenizedConversation
from callveil.transforms.detect.recognizers.vocabulary import LETTER, LINE, SEPARATOR, WORD

_SIGNED = re.compile(
    r"[$£€¥₹][^\S\n]?\d[\d,]*(?:\.\d{1,2})?(?:[^\S\n]?(?:k|m|bn|thousand|million|billion)\b)?"
    r"|\b\d[\d,]{0,40}(?:\.\d{1,2})?[^\S\n]?[€£$]"
)
_NOTHING: frozenset[int] = frozenset()


def find_amounts(reading: TokenizedConversation) -> list[ValueMatch]:
    """ "$45.50", "forty five dollars", "twenty pounds fifty", "1,200 euros and 30 cents"."""
    vocab = reading.vocab
    out = [
        ValueMatch("AMOUNT", (match.span(),), 0.8, "currency sign")
        for match in _SIGNED.finditer(reading.text)
    ]
    if reading.words.isdisjoint(vocab.currencies):
        return out
    for stream in reading.streams:
        parser = NumberParser(reading, stream, _NOTHING)
        place = 0
        while place < len(stream):
            span = _spoken(reading, parser, stream, place)
            if span is None:
                place += 1
                continue
            out.append(
                ValueMatch(
                    "AMOUNT",
                    spans_of(reading, [stream[place], stream[span - 1]]),
                    0.7,
                    "number and currency",
                )
            )
            place = span
    return out


def _spoken(
    reading: TokenizedConversation, parser: NumberParser, stream: list[int], place: int
) -> int | None:
    """Return the place after the amount that begins at `place`."""
    token = stream[place]
    if token < 0 or reading.kind[token] in (WORD, LETTER, SEPARATOR, LINE):
        return None
    at, last = place, None
    for _ in range(6):
        number = parser.number(at, at > place)
        if number is None:
            break
        at = number[1]
        while (
            at + 1 < len(stream)
            and stream[at] >= 0
            and reading.low[stream[at]] in (",", ".")
            and parser.number(at + 1, True)
        ):
            number = parser.number(at + 1, True)
            at = number[1] if number else at + 1
        if (
            at < len(stream)
            and stream[at] >= 0
            and reading.low[stream[at]] in reading.vocab.currencies
        ):
            last = at = at + 1
            if (
                at < len(stream)
                and stream[at] >= 0
                and reading.low[stream[at]] in reading.vocab.sets["and"]
            ):
                at += 1
    return last
