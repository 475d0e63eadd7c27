"""Numbers as words: which digits the words from a place on may say, in the words of a language's
folder.

One word may be read in more than one way: `forty` before `five` says 4 or 40, `hundred` says two
zeros or none. Whoever seeks a value tries each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from callveil.transforms.detect.lang import LanguageError
from callveil.transforms.detect.recognizers.vocabulary import (
    HUNDRED,
    MULTIPLE,
    TEEN,
    TENS,
    THOUSAND,
    UNIT,
    ZERO,
    Vocabulary,
    load_vocabulary,
)

Reading = tuple[str, int]
"""Digits, and how many words say them."""


@dataclass(frozen=True)
class SpokenDigits:
    """How one language says digits.

    Attributes:
        words: its tables.
        compounds: numbers of several words, by their words: `treinta y uno`.
    """

    words: Vocabulary
    compounds: Mapping[tuple[str, ...], str]

    def begins(self, word: str) -> bool:
        """Tell whether digits may begin at a folded word; one that holds figures says them
        itself.
        """
        kind = self.words.kinds.get(word, (-1, ""))[0]
        return (
            kind in (UNIT, ZERO, TEEN, TENS, MULTIPLE)
            or any(c.isdigit() for c in word)
            or bool(self._glued(word))
        )

    def tells(self, word: str) -> bool:
        """Tell whether `readings` may read anything from a folded word on."""
        known = word in self.words.kinds or word in self._firsts
        return known or word.isdigit() or bool(self._glued(word))

    @cached_property
    def _firsts(self) -> frozenset[str]:
        return frozenset(phrase[0] for phrase in self.compounds)

    def readings(self, words: Sequence[str], place: int) -> list[Reading]:
        """Return what the words from `place` on may say, the likeliest first; empty where they are
        no number.
        """
        if self.compounds:
            ahead = tuple(words[place : place + 5])
            longer = [
                (self.compounds[ahead[:n]], n)
                for n in range(len(ahead), 1, -1)
                if ahead[:n] in self.compounds
            ]
            return longer + self._single(words, place)
        return self._single(words, place)

    def _single(self, words: Sequence[str], place: int) -> list[Reading]:
        word = words[place]
        if word.isdigit() and word.isascii():
            return [(word, 1)]
        kind, value = self.words.kinds.get(word, (-1, ""))
        value = str(value)
        if kind in (UNIT, ZERO):
            return [(value, 1)]
        if kind == TEEN:
            return [(value, 1)] + ([(value[0], 1)] if len(value) == 3 else [])
        if kind == TENS:
            unit = self._unit(words, place + 1)
            return [*([(value[0] + unit, 2)] if unit else []), (value, 1)]
        if kind == MULTIPLE:
            ahead = (
                place + 1 < len(words)
                and self.words.kinds.get(words[place + 1], (-1,))[0] != MULTIPLE
            )
            nested = self.readings(words, place + 1) if ahead else []
            return [
                (digits * int(value), 1 + used)
                for digits, used in nested
                if used == 1 and len(digits) == 1
            ]
        if kind in (HUNDRED, THOUSAND):
            return [(value, 1), ("", 1)]
        glued = self._glued(word)
        return [(glued, 1)] if glued else []

    def _unit(self, words: Sequence[str], place: int) -> str:
        kind, value = (
            self.words.kinds.get(words[place], (-1, "")) if place < len(words) else (-1, "")
        )
        return str(value) if kind == UNIT and str(value) != "0" else ""

    def _glued(self, word: str) -> str:
        """Return the digits of `fünfundvierzig`, which is one word; empty for any other word."""
        joint = self.words.glued_and
        unit, found, tens = word.partition(joint) if joint else ("", "", "")
        ten = self.words.kinds.get(tens, (-1, ""))
        if not found or ten[0] != TENS:
            return ""
        one = "1" if unit == self.words.glued_one else self._unit([unit], 0)
        return str(ten[1])[0] + one if one else ""


@lru_cache(maxsize=16)
def load_spoken_digits(language: str) -> SpokenDigits:
    """Tell how `language` says digits; English where there is no data for it."""
    try:
        words = load_vocabulary(language)
    except LanguageError:
        words = load_vocabulary("en")
    return SpokenDigits(
        words,
        {
            tuple(phrase.split()): str(value)
            for phrase, value in words.language.lexicon.get("compounds", {}).items()
            if " " in phrase
        },
    )
