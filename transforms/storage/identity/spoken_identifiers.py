"""Numbers and addresses as people say them: in words, in pieces over several turns, read back in
whole or in part.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from callveil.transforms.detect.known_values import normalize_code, strip_case_and_accents
from callveil.transforms.detect.lang import LanguageError
from callveil.transforms.detect.recognizers.vocabulary import load_vocabulary
from callveil.transforms.detect.spoken_digits import load_spoken_digits
from callveil.transforms.storage.identity import identifiers as ids

MOST = 9
"""Pieces in which a number is said at most, those read back among them."""
LONGEST = 15
"""Digits of the longest number (E.164)."""
GLUED = re.compile(r"[^\W_]+|(?<=[^\W_])[._+-](?=[^\W_])")
"""Words, and the symbols an address has within."""
_AS_IN = re.compile(r"\b(\w),?\s+(?:as in|for|like|wie|como|comme|de)\s+\w+\b,?")
"""`i as in India`: the letter, without the word that tells it from others."""
SYMBOLS = frozenset("@._+-")
_PLUS = re.compile(r"^(?:plus|mas|piu)(?=\d)")


def find_spoken_numbers(parts: Iterable[str], region: str, language: str = "en") -> list[str]:
    """Return numbers that the pieces of one value say, each once, in normal form.

    Args:
        parts: pieces in the order in which they were said. region: as of `normal_phone`. language:
            whose words they are in.
    """
    out: list[str] = []
    for text in _complete([c for p in parts if (c := _code(p, language))], region):
        if (number := ids.normal_phone(text, region)) and number not in out:
            out.append(number)
    return out


def numbers_in_run(pieces: Sequence[str], region: str, language: str = "en") -> list[str]:
    """Return numbers that pieces which follow each other in a conversation may say, each piece read
    back at once, in part, or from the start.

    Which piece goes on and which repeats is not known, so all ways to put neighbours together are
    tried; a number of a country's length counts.
    """
    codes = [c for p in pieces if (c := _code(p, language))]
    out: dict[str, None] = {}
    for first, code in enumerate(codes):
        ways = {code}
        for piece in codes[first + 1 : first + MOST]:
            ways |= {way + piece for way in ways} | {piece for way in ways if piece.startswith(way)}
            ways = {way for way in ways if len(way) <= LONGEST + 3}
        out |= dict.fromkeys(n for way in sorted(ways) if (n := _number(way, region)))
    return list(out)


def _number(code: str, region: str) -> str:
    """Return a number of full length in normal form; empty where digits are none."""
    if not (ids.names_country(code) or ids.national_to_e164(code, region)):
        return ""
    number = ids.normal_phone(code, region) or ""
    return number if number.startswith("+") and ids.is_whole(number) else ""


def _complete(codes: Sequence[str], region: str) -> Iterator[str]:
    """Yield pieces put together: a piece goes on with what is open as long as both can be one
    number, and what repeats it is left out.
    """
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
    """Return a piece without what it repeats: a number said twice in one breath is one number."""
    half, odd = divmod(len(code), 2)
    if not odd and code[:half] == code[half:] and _is_number(code[:half], region):
        return code[:half]
    return code


def _is_number(code: str, region: str) -> bool:
    number = ids.normal_phone(code, region) if len(code) <= LONGEST + 3 else None
    if number is None or number.startswith("digits:"):
        return False
    # What is a number only as one of another country, with a + that nobody said, is more likely two
    # pieces.
    return ids.names_country(code) or bool(ids.national_to_e164(code, region))


def _code(text: str, language: str) -> str:
    """Return digits of a piece, with the + that was said or written."""
    if sum(c.isdigit() for c in text) >= ids.SHORTEST:
        return ("+" if text.strip().startswith("+") else "") + re.sub(
            r"\D", "", ids.without_extension(text)
        )
    try:
        load_spoken_digits(language)
    except LanguageError:
        language = "en"
    spoken = _PLUS.sub("+", normalize_code(text, language).replace("o", "0"))
    return ("+" if spoken.startswith("+") or text.strip().startswith("+") else "") + re.sub(
        r"\D", "", spoken
    )


def find_spoken_addresses(parts: Iterable[str], language: str = "en") -> list[str]:
    """Return addresses that the pieces of one value say or write, each once, in lower case."""
    pieces = list(parts)
    whole = [a for text in pieces for a in _addresses(text, language)]
    return list(dict.fromkeys(whole or _addresses(" ".join(pieces), language)))


def addresses_in_run(pieces: Sequence[str], language: str = "en") -> list[str]:
    """Return addresses that pieces which follow each other in a conversation may say together, some
    of them read back.
    """
    runs = (
        " ".join([*pieces[first:at], *rest])
        for first in range(len(pieces))
        for at in range(first + 1, min(len(pieces), first + 4))
        for more in range(at, min(len(pieces), at + 4))
        for rest in ([pieces[more]], pieces[more : more + 2])
    )
    return list(dict.fromkeys(a for text in runs for a in _addresses(text, language)))


def _addresses(text: str, language: str) -> list[str]:
    """Return addresses a text may say: its first words may be no part of one (`is it still jane dot
    doe at`), and an o is a letter or a zero.
    """
    if "@" in text:
        return [a for a in (ids.normal_email(text),) if a]
    out = []
    for zero in ("0", "o"):
        words = _written(text, language, zero)
        starts = (
            n
            for n in range(len(words))
            if not n or ("@" in words[n:] and not _hang_together(words[n - 1], words[n]))
        )
        out += [a for n in starts if (a := ids.normal_email("".join(words[n:])))]
    return list(dict.fromkeys(out))


def _hang_together(before: str, word: str) -> bool:
    """Tell whether two words of an address are surely parts of it: one is a symbol, or both are
    letters or digits of a word that is spelled.
    """
    return before in SYMBOLS or word in SYMBOLS or len(before) == len(word) == 1


def _written(text: str, language: str, zero: str) -> list[str]:
    """Return words of an address read aloud, as they are written: `jane dot doe at mail dot
    example`.
    """
    try:
        vocab = load_vocabulary(language)
    except LanguageError:
        vocab = load_vocabulary("en")
    at = frozenset(vocab.language.internet.get("at", ("at",)))
    words = [strip_case_and_accents(m) for m in GLUED.findall(_AS_IN.sub(r"\1", text.lower()))]
    out, place, numbers = [], 0, load_spoken_digits(vocab.language.code)
    while place < len(words):
        word, used = words[place], 1
        if word in at:
            word = "@"
        elif word in vocab.mail_joints:
            word = vocab.mail_joints[word]
        elif (readings := numbers.readings(words, place)) and word != "o":
            word, used = readings[0]
        out.append(zero if word == "o" else word)
        place += used
    return out
