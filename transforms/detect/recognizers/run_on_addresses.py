"""Street addresses as service talk leaves them: no sign or capital, the city running on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from callveil.transforms.detect.budget import spend_steps
from callveil.transforms.detect.recognizers.evidence import LANGUAGE, is_ordinary_word
from callveil.transforms.detect.recognizers.match import ValueMatch, spans_of
from callveil.transforms.detect.recognizers.places import HOUSE_KINDS, AddressParts
from callveil.transforms.detect.recognizers.vocabulary import DIGITS, LETTER, MONTH, ORDINAL, WORD

WORDS = 7
"""Words from a house number or a street to the state or postcode that ends it, at most."""
SUFFIX = 4
"""Letters of a street's suffix that a city may run on from, at least ("drivewinfield")."""
HOUSE = 5
"""Digits of a house number, at most."""
CODE = range(2, 7)
"""Digits of a postcode behind letters that stand for a state or city."""


def find_run_on_addresses(places: AddressParts, found: Iterable[ValueMatch]) -> list[ValueMatch]:
    """Return the addresses `found` as far as they reach in small letters, and further ones."""
    reading = places.reading
    out: list[ValueMatch] = []
    if not reading.has_numbers:
        return out
    begun = [
        (reading.token_at(a), reading.token_at(b - 1) + 1) for hit in found for a, b in hit.spans
    ]
    begun += [
        pair
        for token in reading.tokens_in(_numbers(places))
        if _small(places, token)
        for pair in _numbered(places, token)
    ]
    for first, after in begun:
        if not _small(places, first):
            continue
        start, end = _from(places, first), _to(places, after, places.limit(first))
        out.append(
            ValueMatch(
                "ADDRESS",
                spans_of(reading, [start, end - 1]),
                0.6,
                "house number and street, running on",
            )
        )
    return out


def _numbers(places: AddressParts) -> frozenset[str]:
    low, kind = places.low, places.kind
    return frozenset(
        low[t] for t in places.reading.telling if kind[t] == DIGITS and len(low[t]) <= HOUSE
    )


def _small(places: AddressParts, token: int) -> bool:
    """Tell whether the turn of a token is written without capitals."""
    reading, cache = places.reading, places.reading.__dict__.setdefault("_small_turns", {})
    turn = reading.turn[token]
    if turn not in cache:
        cache[turn] = reading.text[reading.turns[turn].start : reading.turns[turn].end].islower()
    return bool(cache[turn])


def _numbered(places: AddressParts, token: int) -> Iterator[tuple[int, int]]:
    """Yield a house number and a suffix a city runs on from, or words that state and postcode
    end.
    """
    low, stop = places.low, places.limit(token)
    if places.reading.glued(token) or token in places.skip or places.house(token) is None:
        return
    for at in range(token + 1, min(token + 1 + WORDS, stop)):
        spend_steps()
        if not _inside(places, at):
            return
        if at > token + 1 and _runs_on(places, low[at]):
            yield token, at + 1
            return
        code = (
            at + 1 < stop
            and at > token + 1
            and low[at] in places.vocab.state_codes
            and _code(places, at + 1)
        )
        if code:
            yield token, at + 2
            return


def _runs_on(places: AddressParts, word: str) -> bool:
    """Tell whether a word is a street's suffix and the city behind it ("streetdayton")."""
    suffix = next((s for s in places.vocab.streets if len(s) >= SUFFIX and word.startswith(s)), "")
    return len(word) > len(suffix) + 2 and bool(suffix) and _unknown(places, word)


def _unknown(places: AddressParts, word: str) -> bool:
    return word not in places.vocab.words and not (
        places.vocab.language.code == LANGUAGE and is_ordinary_word(word)
    )


def _inside(places: AddressParts, token: int) -> bool:
    """Tell whether a word can stand between a street's name and its postcode."""
    low, vocab = places.low[token], places.vocab
    if any(
        low in words
        for words in (
            vocab.address_stops,
            vocab.quantities,
            vocab.currencies,
            vocab.sets["measures"],
        )
    ):
        return (
            low in vocab.state_codes
            and token + 1 < places.limit(token)
            and _code(places, token + 1)
        )
    return token not in places.reading.cued and places.kind[token] in (WORD, MONTH, ORDINAL, LETTER)


def _code(places: AddressParts, token: int) -> bool:
    return (
        places.kind[token] == DIGITS and len(places.low[token]) in CODE and token not in places.skip
    )


def _from(places: AddressParts, first: int) -> int:
    """Return the first token with the word for a number before it ("no 12 mill lane")."""
    start, at = places.reading.turns[places.reading.turn[first]].first, first
    if (
        at - 1 >= start
        and places.kind[at - 1] == LETTER
        and places.low[at - 1] not in "i"
        and places.kind[at] in HOUSE_KINDS
    ):
        at -= 1
    led = (
        at - 1 >= start
        and places.kind[first] in HOUSE_KINDS
        and places.low[at - 1] in places.vocab.sets["house_leads"]
    )
    return at - 1 if led else first


def _to(places: AddressParts, after: int, stop: int) -> int:
    """Return the token after the state, country or postcode that ends an address, or `after`."""
    end, at = after, after
    while at < stop and at - after < WORDS:
        spend_steps()
        low = places.low[at]
        ended = at + 1 >= stop or _phone(places, at + 1)
        state = places.reading.match(at, places.vocab.states, stop)
        if state is not None:
            end = at = places.postcode(state[0], stop) or state[0]
            continue
        if low in places.vocab.sets["countries"] and ended:
            return at + 1
        if low.isalpha() and len(low) <= 2 and at + 1 < stop and _code(places, at + 1):
            return at + 2
        if low in places.vocab.state_codes and ended and low not in places.vocab.words:
            return at + 1
        if _code(places, at) and len(low) > 4 - (at > after) and ended:
            return at + 1
        if not _inside(places, at):
            break
        if at == end and _unknown(places, low) and places.kind[at] == WORD:
            end = at + 1
        at += 1
    return end


def _phone(places: AddressParts, token: int) -> bool:
    """Tell whether a long number, or a cue for one, follows an address."""
    if places.kind[token] == DIGITS and len(places.low[token]) > max(CODE):
        return True
    return token in places.reading.cued
