"""Postcodes of digits, written and said."""

from __future__ import annotations

from collections.abc import Container

from callveil.transforms.detect.recognizers.tokens import TokenizedConversation
from callveil.transforms.detect.recognizers.vocabulary import (
    DIGITS,
    MULTIPLE,
    TEEN,
    TENS,
    UNIT,
    ZERO,
)

CODE_TOKENS = 24


def postcode_end(
    reading: TokenizedConversation,
    skip: Container[int],
    at: int,
    stop: int,
    said: tuple[int, ...] = (5, 9),
) -> int | None:
    """Return the token after a postcode of four or five digits (and four more), or in words, of as
    many as `said` names; None where none stands at token `at`.
    """
    low, kind = reading.low, reading.kind
    place = at
    while place < stop and (
        low[place] in ",\n>" or low[place] in reading.vocab.sets["postcode_words"]
    ):
        place += 1
    if place >= stop:
        return None
    if kind[place] == DIGITS and 4 <= len(low[place]) <= 6 and place not in skip:
        after = place + 1
        if (
            after + 1 < stop
            and low[after] == "-"
            and kind[after + 1] == DIGITS
            and reading.glued(after)
            and len(low[after + 1]) in (3, 4)
        ):
            after += 2
        return after
    run, digits, times = place, 0, 1
    limit, said_so = min(stop, place + CODE_TOKENS), (UNIT, ZERO, TEEN, TENS, MULTIPLE, DIGITS)
    while run < limit and kind[run] in said_so and digits < 9 and len(low[run]) < 12:
        if kind[run] == MULTIPLE:
            times = int(reading.value[run])
        else:
            joined = kind[run] == UNIT and run > place and kind[run - 1] == TENS
            digits += 0 if joined else times * len(reading.value[run])
            times = 1
        run += 1
    return run if digits in said else None
