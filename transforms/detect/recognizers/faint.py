"""Which of the people the language model all but found are taken: those of rare words alone, written as a name would be.

Names nobody lists score low with the model, and so does many a common word. What tells them apart is that the words of a rare name are no common
words, and that in a turn with capitals a name has one.
"""

from __future__ import annotations

from functools import lru_cache
from importlib import resources
from typing import Protocol

from callveil.transforms.detect.known import fold, word_file
from callveil.transforms.detect.recognizers.reading import Reading
from callveil.transforms.detect.recognizers.vocabulary import MONTH, SEPARATOR, WORD, vocabulary

OPENING = 2.0
"""A lone word that opens a sentence has its capital from there: its margin may be this far below zero at most."""
LANGUAGE = "en"
"""The language there is a list of common words for."""
_NAMES_FIRST = frozenset((
    "carol", "christian", "daisy", "dale", "dan", "harry", "heather", "henry", "iris", "ivy", "jack", "jade", "jasmine", "jay", "jean", "john",
    "kay", "lee", "nick", "rob", "ruby", "tom", "victor",
))  # fmt: skip
"""Names that are words too, but in talk mostly names."""
_ENDINGS = ("s", "es", "d", "ed", "ing", "ly")
_NO_PLURALS = frozenset(("ed", "ing", "ly"))
"""With these a word that is a name as well is one no more ("shortly"); with an "s" it may be ("Woods")."""
_OPENERS = frozenset('.!?:;-"\n')
_I = frozenset(("i", "i'm", "i'd", "i'll", "i've", "ok"))


class FaintMention(Protocol):
    """A person the model passed over: its offsets and how far its score was below that of passing on, at most 0."""

    @property
    def start_char(self) -> int: ...
    @property
    def end_char(self) -> int: ...
    @property
    def margin(self) -> float: ...


@lru_cache(maxsize=1)
def _ordinary() -> frozenset[str]:
    text = resources.files("callveil.transforms.detect.model").joinpath("ordinary.txt").read_text(encoding="utf-8")
    listed = frozenset(word for line in text.splitlines() if not line.startswith("#") for word in line.split())
    return (listed | word_file(LANGUAGE, "everyday.txt") | vocabulary(LANGUAGE).words | vocabulary(LANGUAGE).things) - _also_names() - _NAMES_FIRST


@lru_cache(maxsize=1)
def _also_names() -> frozenset[str]:
    return (vocabulary(LANGUAGE).ambiguous_names | word_file(LANGUAGE, "name_words.txt")) - _NAMES_FIRST


@lru_cache(maxsize=1)
def _stems() -> frozenset[str]:
    return _ordinary() | _also_names()


def common(word: str) -> bool:
    """Whether a word, in lower case, is a common English one or a usual form of one ("tasks", "reflected", "hoping", "shortly"), or no word."""
    base = word.removesuffix("'s")
    return not base[:1].isalpha() or _known(fold(base))


@lru_cache(maxsize=4096)
def _known(word: str) -> bool:
    if word in _ordinary() or word in _also_names():
        return word in _ordinary()
    for ending in _ENDINGS:
        stem = word.removesuffix(ending)
        listed = _stems() if ending in _NO_PLURALS else _ordinary()
        if len(stem) > 2 and stem != word:
            doubled = len(stem) > 3 and stem[-1] == stem[-2] and stem[:-1] in listed
            if stem in listed or stem + "e" in listed or doubled or (stem[-1] == "i" and stem[:-1] + "y" in listed):
                return True
    return False


def likely(reading: Reading, mention: FaintMention) -> bool:
    """Whether a faint person is taken.

    It is of rare words, one of which at least is none that is a name and a word as well ("hope"); it stands within one turn; and where its
    turn has capitals, it begins with one, which counts for less where a sentence begins there.
    """
    if reading.vocab.language.code != LANGUAGE:
        return False
    first, stop = reading.token_at(mention.start_char), reading.token_at(mention.end_char - 1) + 1
    if stop <= first or reading.turn[first] != reading.turn[stop - 1]:
        return False
    words = [t for t in range(first, stop) if reading.kind[t] != SEPARATOR]
    if not words or any(reading.kind[t] not in (WORD, MONTH) or common(reading.low[t]) for t in words):
        return False
    if all(reading.low[t] in _also_names() or reading.low[t] in reading.vocab.titles for t in words):
        return False
    if not _capitals(reading, first):
        return True
    if not reading.text[reading.start[first]].isupper():
        return False
    said = reading.turns[reading.turn[first]]
    opening = first == said.first or reading.low[first - 1] in _OPENERS
    return len(words) > 1 or not opening or mention.margin >= -OPENING


def _capitals(reading: Reading, token: int) -> bool:
    """Whether the turn of a token is written with capitals and small letters; "I" alone says nothing."""
    said = reading.turns[reading.turn[token]]
    words = [t for t in range(said.first, said.last) if reading.kind[t] == WORD and reading.low[t] not in _I]
    if not any(reading.text[reading.start[t]].isupper() for t in words):
        return False
    return len(words) < 2 or not all(reading.text[reading.start[t] : reading.end[t]].isupper() for t in words)
