"""Numbers and addresses as people say them: in words, in pieces over several turns, read back in whole or in part."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from callveil.transforms.detect.known import WORD, fold, spoken_code
from callveil.transforms.detect.lang import LanguageError
from callveil.transforms.detect.recognizers.vocabulary import vocabulary
from callveil.transforms.detect.said import said
from callveil.transforms.subject import identifiers as ids

LONGEST = 15
"""Digits of the longest number (E.164)."""
_PLUS = re.compile(r"^(?:plus|mas|piu)(?=\d)")


def numbers_said(parts: Iterable[str], region: str, language: str = "en") -> list[str]:
    """Numbers that the pieces of one value say, each once, in normal form.

    Args:
        parts: pieces in the order in which they were said. region: as of `normal_phone`. language: whose words they are in.
    """
    out: list[str] = []
    for text in _complete([c for p in parts if (c := _code(p, language))], region):
        if (number := ids.normal_phone(text, region)) and number not in out:
            out.append(number)
    return out


def _complete(codes: Sequence[str], region: str) -> Iterator[str]:
    """Pieces put together: a piece goes on with what is open as long as both can be one number, and what repeats it is left out."""
    told: list[str] = []
    begun = ""
    for piece in (_once(c, region) for c in codes):
        whole, longer = _is_number(begun, region), _is_number(begun + piece, region)
        repeats = whole and piece in begun
        if piece in told or (repeats and not longer):
            continue
        if whole and (repeats or not longer):
            told.append(begun)  # it may be one already, so it counts, though more may follow
            begun = begun + piece if longer else piece
        elif not whole and not longer and _is_number(piece, region):
            begun = piece  # begun again from the start
        else:
            begun = begun + piece if len(begun + piece) <= LONGEST + 3 else piece
    yield from told
    yield begun


def _once(code: str, region: str) -> str:
    """A piece without what it repeats: a number said twice in one breath is one number."""
    half, odd = divmod(len(code), 2)
    if not odd and code[:half] == code[half:] and _is_number(code[:half], region):
        return code[:half]
    return code


def _is_number(code: str, region: str) -> bool:
    number = ids.normal_phone(code, region) if len(code) <= LONGEST + 3 else None
    if number is None or number.startswith("digits:"):
        return False
    # What is a number only as one of another country, with a + that nobody said, is more likely two pieces.
    return ids.names_country(code) or bool(ids.national(code, region))


def _code(text: str, language: str) -> str:
    """Digits of a piece, with the + that was said or written."""
    if sum(c.isdigit() for c in text) >= ids.SHORTEST:
        return ("+" if text.strip().startswith("+") else "") + re.sub(r"\D", "", ids.without_extension(text))
    try:
        said(language)
    except LanguageError:
        language = "en"
    spoken = _PLUS.sub("+", spoken_code(text, language).replace("o", "0"))
    return ("+" if spoken.startswith("+") or text.strip().startswith("+") else "") + re.sub(r"\D", "", spoken)


def addresses_said(parts: Iterable[str], language: str = "en") -> list[str]:
    """Addresses that the pieces of one value say or write, each once, in lower case."""
    pieces = list(parts)
    whole = [a for text in pieces if (a := _address(text, language))]
    joined = None if whole else _address(" ".join(pieces), language)
    return list(dict.fromkeys([*whole, joined] if joined else whole))


def _address(text: str, language: str) -> str | None:
    return ids.normal_email(text if "@" in text else _written(text, language))


def _written(text: str, language: str) -> str:
    """An address read aloud, as it is written: `jane dot doe at mail dot example`."""
    try:
        vocab = vocabulary(language)
    except LanguageError:
        vocab = vocabulary("en")
    at = frozenset(vocab.language.internet.get("at", ("at",)))
    words = [fold(m) for m in WORD.findall(text)]
    out, place, numbers = [], 0, said(vocab.language.code)
    while place < len(words):
        word, used = words[place], 1
        if word in at:
            word = "@"
        elif word in vocab.mail_joints:
            word = vocab.mail_joints[word]
        elif readings := numbers.readings(words, place):
            word, used = readings[0]
        out.append(word)
        place += used
    return "".join(out)
