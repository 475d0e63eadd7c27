"""Once a value is found in a record, all its mentions there are found: read back, repeated in a
summary, shortened, or misspelt.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from callveil.schemas.finding import TextSpan
from callveil.transforms.detect.known_values import (
    CODE,
    COMMON_WORDS,
    DIGITS,
    EMAIL,
    FILLERS,
    NAME,
    PLACE,
    WORD,
    KnownValue,
    normalize_code,
    strip_case_and_accents,
    values_of,
)
from callveil.transforms.detect.lang import word_file
from callveil.transforms.detect.recognizers.evidence import LANGUAGE, is_ordinary_word
from callveil.transforms.detect.spoken_digits import load_spoken_digits
from callveil.transforms.detect.text_fields import ROLE_WORDS

DETECTOR = "consistency"

KINDS = {
    "PERSON": NAME,
    "PHONE_NUMBER": DIGITS,
    "EMAIL_ADDRESS": EMAIL,
    "CREDIT_CARD": CODE,
    "US_SSN": CODE,
    "IBAN_CODE": CODE,
    "ACCOUNT_ID": CODE,
    "ORDER_ID": CODE,
    "BOOKING_REFERENCE": CODE,
    "USERNAME": CODE,
    "ZIP_CODE": CODE,
    "LICENSE_PLATE": CODE,
    "US_BANK_NUMBER": CODE,
    "MEDICAL_RECORD": CODE,
    "VIN": CODE,
    "US_DRIVER_LICENSE": CODE,
    "US_PASSPORT": CODE,
    "UK_NINO": CODE,
    "UK_NHS": CODE,
    "PASSWORD": CODE,
    "ADDRESS": PLACE,
    "ES_NIF": CODE,
    "ES_NIE": CODE,
    "FR_NIR": CODE,
    "DE_TAX_ID": CODE,
}
"""Entity types whose values are sought again, and how."""

MIN_SCORE = 0.5
"""Weaker findings are not spread: one doubtful guess must not become many."""

MAX_VALUES = 300
"""Values sought again per record, the strongest first; a record with more is a list, not a
conversation.
"""

MAX_TARGET = 128
"""Letters and digits of a value that is sought again; nobody repeats a longer one, and each place a
value may begin at costs as many steps.
"""

LAST_DIGITS = frozenset({"CREDIT_CARD", "US_SSN", "IBAN_CODE", "US_BANK_NUMBER"})
"""Types that people quote by their last four digits."""


BELOW = 0.05
"""A further mention scores so much less than the weakest piece of the value it repeats."""


@lru_cache(maxsize=16)
def everyday_words(language: str) -> frozenset[str]:
    """Everyday words of a language, folded: alone they are never taken for a name again. Empty
    where none are known.
    """
    return word_file(language, "words.txt") | COMMON_WORDS


def values_from_spans(text: str, spans: Iterable[TextSpan], language: str) -> Iterator[KnownValue]:
    """Yield the values that spans of one text stand for, as values to seek.

    Args:
        text: the view the spans were found in.
        spans: findings that count (their score has been checked).
        language: whose everyday words are guarded.
    """
    groups: dict[tuple[str, str], list[TextSpan]] = {}
    for span in spans:
        if span.entity in KINDS and span.score >= MIN_SCORE:
            groups.setdefault((span.entity, span.group), []).append(span)
    words = everyday_words(language)
    for (entity, group), parts in groups.items():
        pieces: list[TextSpan] = []
        for span in sorted(
            parts, key=lambda s: (s.start, -s.end)
        ):  # what several recognizers found in one place is said once
            if not pieces or span.start >= pieces[-1].end:
                pieces.append(span)
        value = " ".join(text[s.start : s.end] for s in pieces)
        score = round(max(0.01, min(s.score for s in pieces) - BELOW), 6)
        for known in _forms(entity, value, words, language):
            if len(known.target) <= MAX_TARGET:
                yield replace(known, group=group, score=score)


def _forms(entity: str, value: str, words: frozenset[str], language: str) -> Iterator[KnownValue]:
    kind = KINDS[entity]
    if kind == NAME:
        parts = [strip_case_and_accents(w) for w in WORD.findall(value)]
        for known in values_of(NAME, entity, value):
            single = known.spelled
            if single and (len(known.target) < 3 or (len(parts) == 1 and known.target in words)):
                continue
            word = known.target in words or (
                language == LANGUAGE and is_ordinary_word(known.target)
            )
            yield KnownValue(
                NAME, entity, known.target, known.guarded or (single and word), known.spelled
            )
    elif kind == EMAIL:
        yield from values_of(EMAIL, entity, value)
    elif kind == DIGITS:
        yield from values_of(DIGITS, entity, normalize_code(value, language))
    elif kind == PLACE:
        yield from _addresses(entity, value, language)
    else:
        code = normalize_code(value, language)
        if len(code) >= 5 or (len(code) == 4 and code.isdigit() and not 1900 <= int(code) <= 2099):
            yield KnownValue(DIGITS if code.isdigit() else CODE, entity, code)
        last = code[-4:]
        if (
            entity in LAST_DIGITS
            and len(code) > 4
            and last.isdigit()
            and not 1900 <= int(last) <= 2099
        ):
            yield KnownValue(DIGITS, entity, last)


STREET_WORDS = 2
"""Words behind a house number that are enough to tell its street again."""


def _addresses(entity: str, value: str, language: str) -> Iterator[KnownValue]:
    """Yield an address with a house number before its street: whole, and as far as the street's
    first words. Others are places like many.
    """
    spoken = normalize_code(value, language)
    number = re.match(r"\d+", spoken)
    if not number or len(spoken) < len(number[0]) + 4:
        return
    yield KnownValue(PLACE, entity, spoken)
    words = [strip_case_and_accents(w) for w in WORD.findall(value)]
    rest = [w for w in words if w not in FILLERS and not load_spoken_digits(language).begins(w)][
        :STREET_WORDS
    ]
    short = number[0] + "".join(rest)
    if len(rest) == STREET_WORDS and spoken.startswith(short):
        yield KnownValue(PLACE, entity, short)


def speaker_names(record: Mapping[str, Any], language: str) -> list[KnownValue]:
    """Return names that speakers are labelled with, as values to seek: a flat transcript repeats
    them before each line. Roles name nobody.
    """
    rows = [
        row for source in ("outline", "chat_messages", "words") for row in record.get(source) or ()
    ]
    names = sorted(
        {
            row["speaker"]
            for row in rows
            if row.get("speaker") and not ROLE_WORDS.fullmatch(row["speaker"])
        }
    )
    words = everyday_words(language)
    return [known for name in names for known in _forms("PERSON", name, words, language)]


def distinct_values(values: Iterable[KnownValue]) -> list[KnownValue]:
    """Distinct values, longest first, at most `MAX_VALUES`."""
    seen: dict[tuple[str, str], KnownValue] = {}
    for value in values:
        known = seen.setdefault((value.entity, value.target), value)
        if value.score > known.score:
            seen[value.entity, value.target] = replace(
                value, group=known.group, guarded=known.guarded and value.guarded
            )
    return sorted(seen.values(), key=lambda v: (-len(v.target), v.target, v.entity))[:MAX_VALUES]
