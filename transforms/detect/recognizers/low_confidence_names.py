"""Acceptance rule for low-confidence person candidates of the language model.

Those of rare words alone are taken, if they are written as a name would be.

Names nobody lists score low with the model, and so does many a common word. What tells them apart
is that the words of a rare name are no common words, and that in a turn with capitals a name has
one. Where the model has an organization, a word for one in it or nearby keeps it so, and so does
one that leads to a place.
"""

from __future__ import annotations

from typing import Protocol

from callveil.transforms.detect.recognizers.evidence import (
    LANGUAGE,
    OPENERS,
    also_names,
    in_mixed_case_turn,
    is_common_word,
    is_ordinary_word,
)
from callveil.transforms.detect.recognizers.tokens import TokenizedConversation
from callveil.transforms.detect.recognizers.vocabulary import MONTH, SEPARATOR, WORD

OPENING = 2.0
"""A lone word that opens a sentence has its capital from there: its margin may be this far below
zero at most.
"""
_IN_BUSINESSES = frozenset(
    (
        "'t",
        "al",
        "and",
        "bank",
        "bros",
        "brothers",
        "casa",
        "chez",
        "el",
        "gmbh",
        "il",
        "l",
        "la",
        "las",
        "le",
        "les",
        "los",
        "masjid",
        "plc",
        "sons",
        "taverna",
        "the",
    )
)
"""Words of firms and shops that people seldom have in a name, beside those of `businesses`."""
_BY_BUSINESSES = frozenset(
    ("bank", "branch", "brand", "company", "employer", "firm", "shop", "stock", "store")
)
_NEAR = 3
"""Words before and after an organization among which a word for one tells."""
_LEADS = frozenset(("a", "an", "at", "called", "near", "the"))
"""Words before the name of a business rather than before a person's."""
_WORK = frozenset(("employed", "job", "work", "worked", "working", "works"))


class CandidateMention(Protocol):
    """A person the model passed over or took for an organization: offsets, and how far the score
    was below what it chose, at most 0.
    """

    @property
    def start_char(self) -> int: ...
    @property
    def end_char(self) -> int: ...
    @property
    def margin(self) -> float: ...
    @property
    def organization(self) -> bool: ...


def accept_candidate(reading: TokenizedConversation, mention: CandidateMention) -> bool:
    """Tell whether a faint person is taken.

    It is of rare words, one of which at least is none that is a name and a word as well ("hope");
    it stands within one turn; and where its turn has capitals, it begins with one, which counts for
    less where a sentence begins there. Nothing in or about one that the model took for an
    organization says that it is a business.
    """
    if reading.vocab.language.code != LANGUAGE:
        return False
    first, stop = reading.token_at(mention.start_char), reading.token_at(mention.end_char - 1) + 1
    if stop <= first or reading.turn[first] != reading.turn[stop - 1]:
        return False
    words = [t for t in range(first, stop) if reading.kind[t] != SEPARATOR]
    if not words or any(
        reading.kind[t] not in (WORD, MONTH)
        or is_common_word(reading.low[t])
        or is_ordinary_word(reading.low[t])
        for t in words
    ):
        return False
    if all(
        reading.low[t].removesuffix("'s") in also_names() or reading.low[t] in reading.vocab.titles
        for t in words
    ):
        return False
    if mention.organization and _business(reading, first, stop):
        return False
    if not in_mixed_case_turn(reading, first):
        return True
    if not reading.text[reading.start[first]].isupper():
        return False
    said = reading.turns[reading.turn[first]]
    opening = first == said.first or reading.low[first - 1] in OPENERS
    return len(words) > 1 or not opening or mention.margin >= -OPENING


def _business(reading: TokenizedConversation, first: int, stop: int) -> bool:
    """Tell whether something in a name or about it says that it is a business's."""
    said, low = reading.turns[reading.turn[first]], reading.low
    businesses = reading.vocab.sets["businesses"]
    words = low[first:stop]
    if any(w in businesses or w in _IN_BUSINESSES for w in words) or words[-1].endswith("'s"):
        return True
    before, after = (
        low[max(said.first, first - _NEAR) : first],
        low[stop : min(said.last, stop + _NEAR)],
    )
    if any(w in businesses or w in _BY_BUSINESSES for w in (*before, *after)):
        return True
    return not _LEADS.isdisjoint(before[-1:]) or (
        before[-1:] == ["for"] and not _WORK.isdisjoint(before[-2:-1])
    )
