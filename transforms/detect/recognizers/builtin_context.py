"""Evidence for or against a value that one of Presidio's own recognizers found."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from typing import Any

import tldextract
from presidio_analyzer.context_aware_enhancers import LemmaContextAwareEnhancer

from callveil.transforms.detect.recognizers.no_value import NO_NUMBERS, is_no_value

_STOCK = LemmaContextAwareEnhancer()
CONTEXT_FACTOR, LEAST_WITH_CONTEXT = (
    _STOCK.context_similarity_factor,
    _STOCK.min_score_with_context_similarity,
)


def context_word(artifacts: Any, start: int, words: Sequence[str]) -> str:
    """Return the first of `words` that Presidio's context enhancement, as it comes, finds before a
    value; empty: none.
    """
    return _first([(word, word.lower()) for word in words], _before(artifacts, start))


def _first(words: Iterable[tuple[str, str]], before: str) -> str:
    """Return the first word whose lower-case form is part of one of those before; none holds a line
    feed.
    """
    return next((word for word, low in words if low in before), "")


def _before(artifacts: Any, start: int) -> str:
    """Return the words that Presidio looks at for context, in lower case, a line feed between them.

    It looks for each as a part of the value's first token and of the five words before it that are
    neither stop words nor punctuation. Presidio makes a list of all such words of a text first;
    here only those it looks at are judged.
    """
    if artifacts is None:
        return ""
    doc = artifacts.tokens
    ends = getattr(doc, "ends", None)  # a `Doc` has none at hand
    if ends is None:
        token = bisect_right(range(len(doc)), start, key=lambda i: doc[i].idx + len(doc[i]))
    else:
        token = bisect_right(ends, start)
    before: list[str] = []
    place = min(token, len(doc) - 1)
    while place >= 0 and len(before) <= _STOCK.context_prefix_count:
        word = doc[place]
        lemma = word.lemma_ or word.lower_
        lexeme = doc.vocab[lemma]
        if not (lexeme.is_stop or lexeme.is_punct or lemma in ("-PRON-", "be") or ":" in lemma):
            before.append(lemma.lower())
        place -= 1
    return "\n".join(before)


class ValueJudge:
    """Judge of what speaks for or against the values found in one text, each place looked at once
    for all recognizers.
    """

    def __init__(self, text: str, artifacts: Any, words: Collection[str]) -> None:
        self.text, self._artifacts, self._words = text, artifacts, words
        self._cues: dict[int, str] = {}
        self._none: dict[tuple[str, tuple[int, int], bool], bool] = {}

    def cue(self, start: int, words: Sequence[tuple[str, str]]) -> str:
        """Return the first of `words`, with their lower-case forms, that stands before a value;
        empty: none.
        """
        if not words:
            return ""
        if start not in self._cues:
            self._cues[start] = _before(self._artifacts, start)
        return _first(words, self._cues[start])

    def no_value(self, entity: str, span: tuple[int, int], cued: bool) -> bool:
        """Tell whether what was found is one of the exceptions of `no_value.py`."""
        key = entity if entity in NO_NUMBERS else "", span, cued
        if key not in self._none:
            self._none[key] = is_no_value(
                entity, self.text, span, cued, self._words, top_level_domains()
            )
        return self._none[key]


@lru_cache(maxsize=1)
def domain_suffixes() -> tldextract.TLDExtract:
    return tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)


@lru_cache(maxsize=1)
def top_level_domains() -> frozenset[str]:
    """Top-level domains."""
    return frozenset(domain_suffixes().tlds)
