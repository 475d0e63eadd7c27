"""Names that a frame gives away: whom a parcel is for, who is asked for, who will sign."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from callveil.transforms.detect.budget import spend_steps
from callveil.transforms.detect.lang import strip_accents
from callveil.transforms.detect.lexicon import load_lexicon
from callveil.transforms.detect.recognizers.address import find_addresses
from callveil.transforms.detect.recognizers.evidence import (
    BOTH,
    LANGUAGE,
    NAME,
    RARE,
    RARE_LETTERS,
    THING,
    also_names,
    follows_directly,
    in_mixed_case_turn,
    uncased_name,
    word_kind,
)
from callveil.transforms.detect.recognizers.tokens import TokenizedConversation
from callveil.transforms.detect.recognizers.vocabulary import LINE, SEPARATOR, WORD

REACH = 8
"""Tokens between what is done and whom it is done for, at most ("send 2 xl boxes to ...")."""
_VERBS = ("hands", "reaches", "receives")
_NOBODY = ("businesses", "makes", "named_makes", "value_words")
"""Sets of words that are nobody's name here ("a yellow lexus will pick you up")."""
_PART_BEHIND = re.compile(r"[@._+/\\]\w|@")
"""Behind a token that is part of an e-mail address, a domain or a path."""
_AUXILIARIES = 5
"""Words between a name and what its bearer will do, at most ("is the one who signs")."""


class Recipient(NamedTuple):
    """A name without a capital in a frame that only somebody fills.

    Attributes:
        first, stop: its tokens, half-open.
        end: where it ends in the text, without a possessive.
        sure: it needs no language model that finds a person there too.
        why: what gives it away.
    """

    first: int
    stop: int
    end: int
    sure: bool
    why: str


def gate(reading: TokenizedConversation) -> bool:
    """Tell a text that holds a word of such a frame."""
    vocab, words = reading.vocab, reading.words
    return not all(
        words.isdisjoint(some)
        for some in (vocab.handed_leads, *(vocab.sets[name] for name in _VERBS))
    )


def recipients(reading: TokenizedConversation) -> list[Recipient]:
    """Return the names in such frames, in order of the frames; worked out once for each reading."""
    kept: list[Recipient] | None = reading.__dict__.get("_recipients")
    if kept is None:
        kept, seen = [], set()
        for token, lead in (*_targets(reading), *_subjects(reading)) if gate(reading) else ():
            if token not in seen and (found := _judged(reading, token, lead)) is not None:
                kept.append(found)
            seen.add(token)
        reading.__dict__["_recipients"] = kept
    return kept


def _targets(reading: TokenizedConversation) -> Iterator[tuple[int, int]]:
    """Yield each token behind a lead, or behind a verb and its preposition, with that lead or
    verb.
    """
    low, kind, sets = reading.low, reading.kind, reading.vocab.sets
    for token in reading.tokens_in(reading.vocab.handed_leads):
        last = reading.turns[reading.turn[token]].last
        lead = reading.match(token, reading.vocab.handed_leads, last)
        at = lead[0] if lead is not None else last
        while at < last and (low[at] in ":-" or kind[at] == LINE):
            at += 1
        if at < last:
            yield at, token
    for token in reading.tokens_in(sets["hands"], sets["reaches"]):
        last = reading.turns[reading.turn[token]].last
        named = low[token - 1] if token else ""
        if (
            token + 1 < last
            and follows_directly(reading, token + 1)
            and named not in reading.vocab.things
        ):  # "a hotel call ..."
            yield token + 1, token
        for at in (
            range(token + 1, min(token + 1 + REACH, last - 1))
            if low[token] in sets["hands"]
            else ()
        ):
            spend_steps()
            if kind[at] == LINE or (kind[at] == SEPARATOR and low[at] not in "'-/#"):
                break
            if low[at] in sets["hand_to"]:
                yield at + 1 + (low[at + 1] == "/" and at + 2 < last), token


def _subjects(reading: TokenizedConversation) -> Iterator[tuple[int, int]]:
    """Yield each token that is somebody who receives ("quentin will be home"), with the verb."""
    low, sets = reading.low, reading.vocab.sets
    for token in reading.tokens_in(sets["receives"]):
        first = reading.turns[reading.turn[token]].first
        at = token - 1
        while at > first and token - at <= _AUXILIARIES and low[at] in sets["before_receives"]:
            at -= 1
        if first <= at < token - 1 or (at == token - 1 and low[at].endswith(("'s", "'ll"))):
            yield at, token


def _judged(reading: TokenizedConversation, at: int, lead: int) -> Recipient | None:
    last = reading.turns[reading.turn[at]].last
    raw = reading.text[reading.start[at] : reading.end[at]]
    if not raw.islower() and in_mixed_case_turn(reading, at):
        return None  # of names that are written as such the model knows more
    if _PART_BEHIND.match(reading.text, reading.end[at]) or _is_part_before(reading, at):
        return None  # "mail quentin.k@example.com" is told by what it is
    base = reading.low[at].removesuffix("'s").removesuffix("'ll")
    kind, sets = _sort(reading, at, base), reading.vocab.sets
    object_of = at == lead + 1 and (
        reading.low[lead] in sets["hands"] or reading.low[lead] in sets["reaches"]
    )
    if kind == THING or (kind == BOTH and object_of):
        return None
    stop, end = at + 1, reading.end[at] - len(reading.low[at]) + len(base)
    if base == reading.low[at]:
        stop = _surname(reading, at, last)
        end = reading.end[stop - 1]
    after = reading.low[stop : min(stop + 3, last)]
    noun = after[2:] if after[:2] == ["'", "s"] else after[:1]
    if not (reading.vocab.things.isdisjoint(noun) and sets["businesses"].isdisjoint(noun)):
        return None
    closed = _opens(reading, at) if at < lead else _closed(reading, stop, last)
    english = reading.vocab.language.code == LANGUAGE
    sure = kind != RARE and (closed or (english and kind == NAME))
    return Recipient(
        at,
        stop,
        end,
        sure or _located(reading, stop, last),
        f"'{reading.low[lead]}' {'after' if at < lead else 'before'} it",
    )


def _is_part_before(reading: TokenizedConversation, at: int) -> bool:
    """Tell a token that goes on with an address or a path begun before it."""
    return reading.glued(at) and reading.low[at - 1] in "@./_\\+"


def _sort(reading: TokenizedConversation, token: int, base: str) -> int:
    """Return what the lists make of a word where a name is told.

    One nobody is called is a thing; a town and a rare name that is a word are as unsure as what no
    list has.
    """
    vocab, word = reading.vocab, strip_accents(base)
    if (
        reading.kind[token] != WORD
        or len(base) < 2
        or any(base in vocab.sets[name] for name in _NOBODY)
        or base in vocab.titles
    ):
        return THING
    if vocab.language.code != LANGUAGE:
        if base in vocab.ambiguous_names:
            return RARE
        if (
            base in vocab.words
            or base in vocab.fillers
            or base in vocab.things
            or not base.isalpha()
        ):
            return THING
        return NAME if word in load_lexicon().given and word not in load_lexicon().places else RARE
    kind = word_kind(base)
    place, given = word in load_lexicon().places, word in load_lexicon().given
    if kind == BOTH and (base in load_lexicon().usual or base in vocab.sets["given_words"]):
        return THING if place else BOTH
    if kind == BOTH:
        return RARE if given and not place and base not in also_names() else THING
    if place:
        return RARE if given and kind == NAME else THING
    return kind if kind == NAME or (base.isalpha() and len(base) > RARE_LETTERS) else THING


def _surname(reading: TokenizedConversation, at: int, last: int) -> int:
    """Tell where a name ends that begins at a token.

    A surname that is a word too ends it where what is said ends or goes on with a place.
    """
    if reading.vocab.language.code != LANGUAGE:
        more = (
            at + 1 < last
            and follows_directly(reading, at + 1)
            and load_lexicon().named(strip_accents(reading.low[at + 1]))
        )
        return (
            at
            + 1
            + (
                more
                and reading.low[at + 1] not in reading.vocab.words
                and _closed(reading, at + 2, last)
            )
        )
    stop = uncased_name(reading, at, at + 1)[1]
    more = (
        stop < last
        and follows_directly(reading, stop)
        and word_kind(reading.low[stop]) == BOTH
        and reading.low[stop] not in reading.vocab.words
    )
    more = more and not _closed(reading, stop, last)
    return stop + (more and _closed(reading, stop + 1, last))


def _closed(reading: TokenizedConversation, stop: int, last: int) -> bool:
    """Tell whether what is said ends at a token, or goes on with where, when or why."""
    if (
        stop >= last
        or reading.kind[stop] == LINE
        or reading.low[stop] in reading.vocab.sets["hand_ends"]
    ):
        return True
    return reading.kind[stop] == SEPARATOR and reading.low[stop] in ",.!?;:()"


def _opens(reading: TokenizedConversation, at: int) -> bool:
    """Tell whether a clause begins at a token."""
    if at == reading.turns[reading.turn[at]].first or reading.kind[at - 1] in (SEPARATOR, LINE):
        return True
    return reading.low[at - 1] in reading.vocab.sets["clause_leads"]


def _located(reading: TokenizedConversation, stop: int, last: int) -> bool:
    """Tell whether an address follows at a token, a preposition or a comma between."""
    at, placed = stop, reading.vocab.sets["placed"]
    while (
        at < last
        and at - stop < 3
        and (reading.low[at] in placed or reading.low[at] in ",:-" or reading.kind[at] == LINE)
    ):
        at += 1
    if at == stop or at >= last:
        return False
    return reading.low[at] in reading.vocab.units or any(
        hit.spans[0][0] == reading.start[at] for hit in find_addresses(reading)
    )
