"""Greetings as chats spell them, which a model takes for names: "hii", "nothanks", "thnks"."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import groupby

from callveil.transforms.detect.lang import word_file
from callveil.transforms.detect.lexicon import load_lexicon
from callveil.transforms.detect.recognizers.evidence import LANGUAGE
from callveil.transforms.detect.recognizers.squeezed_mail import within_one_edit
from callveil.transforms.detect.recognizers.vocabulary import load_vocabulary

TOGETHER = 5
"""Letters of several words written as one, at least."""
MISTYPED = 5
"""Letters of a word that is one letter off, at least."""


def is_small_talk(words: Sequence[str], alone: bool) -> bool:
    """Tell whether words in lower case are greetings, thanks and the like and nothing else.

    Args:
        words: what was taken for a name.
        alone: they are all that is said; a name that greets too ("hai") is a greeting then only.
    """
    sure = load_vocabulary(LANGUAGE).sets["greetings_too"] if alone else frozenset[str]()
    return bool(words) and all(word in sure or _small(word) for word in words)


def trim_value_words(words: Sequence[str]) -> tuple[int, int]:
    """Return the words of a value (half-open) without those at its ends that only say what it
    is.
    """
    said = load_vocabulary(LANGUAGE).sets["value_words"]
    first, stop = 0, len(words)
    while first < stop and words[first] in said:
        first += 1
    while stop > first and words[stop - 1] in said:
        stop -= 1
    return (first, stop) if first < stop else (0, len(words))


@lru_cache(maxsize=8192)
def _small(word: str) -> bool:
    if word in word_file(LANGUAGE, "shorthand.txt"):
        return True
    if load_lexicon().named(word):
        return False
    words = load_vocabulary(LANGUAGE).sets["small_talk"]
    if _plain(word) in _drawn():
        return True
    if len(word) >= MISTYPED and any(within_one_edit(word, w) for w in words if len(w) >= MISTYPED):
        return True
    return len(word) >= TOGETHER and _together(word)


@lru_cache(maxsize=1)
def _drawn() -> frozenset[str]:
    return frozenset(_plain(word) for word in load_vocabulary(LANGUAGE).sets["small_talk"])


def _plain(word: str) -> str:
    """Return a word without letters that are drawn out: "byeee" and "bye" are the same."""
    return "".join(letter for letter, _ in groupby(word))


@lru_cache(maxsize=8192)
def _together(word: str) -> bool:
    """Tell whether a word is small talk run together ("nothanksbye", "okayi")."""
    words = load_vocabulary(LANGUAGE).sets["small_talk"]
    return any(
        word[:n] in words and (word[n:] in words or _together(word[n:]))
        for n in range(2, len(word))
    )
