"""Streets named without a number: on park street, Trinity Lane."""

from __future__ import annotations

from callveil.transforms.detect.recognizers.match import (
    ValueMatch,
    names_product,
    spans_of,
)
from callveil.transforms.detect.recognizers.places import AddressParts
from callveil.transforms.detect.recognizers.vocabulary import (
    LETTER,
    LINE,
    MONTH,
    ORDINAL,
    SEPARATOR,
    WORD,
)


def find_unnumbered_streets(places: AddressParts) -> list[ValueMatch]:
    """ "on park street", "Trinity Lane": one to three words and an unmistakable suffix."""
    reading, vocab, out = places.reading, places.vocab, []
    ends = {
        word
        for word in reading.places
        if word in vocab.streets or word.endswith(vocab.street_endings)
    }
    for token in reading.tokens_in(ends):
        if token == 0:
            continue
        first: int | None = None
        if reading.low[token] not in vocab.streets:
            one_word = (
                reading.kind[token] == WORD
                and reading.low[token - 1] in vocab.sets["on_streets"]
                and places.ending(token)
            )
            first = token if one_word else None
        elif reading.turn[token] == reading.turn[token - 1]:
            first = _name_before(places, token)
            first = first if first is not None and _is_street(places, first, token) else None
        if first is not None:
            out.append(
                address_match(
                    places,
                    first,
                    places.tail(token + 1, places.limit(token)),
                    0.5,
                    "name of a street",
                )
            )
    return out


STREET_WORDS = 4
"""Words before a street's kind that are read as its name, at most."""


def _name_before(places: AddressParts, token: int) -> int | None:
    """Return the first token of the name that stands before the kind of a street at `token`; None
    where there is none.
    """
    start = places.reading.turns[places.reading.turn[token]].first
    first, words = token, 0
    while first > start and words < STREET_WORDS:
        before = first - 1
        if not _sign_in_name(places, before, start, words):
            if (
                places.kind[before] == LETTER
                and words
                and places.low[before] in places.vocab.directions
            ):
                first = before
                break
            if not _word_in_name(places, before, token, words):
                break
            words += 1
        first = before
    while first < token and places.kind[first] == SEPARATOR:
        first += 1
    return first if words and first < token else None


def _sign_in_name(places: AddressParts, token: int, start: int, words: int) -> bool:
    """Tell whether a sign belongs to the name of a street ("O'Brien's", "St. John's")."""
    low = places.low
    if low[token] == "s" and token - 1 > start and low[token - 1] in ("'", "’"):
        return True
    if (
        places.kind[token] != SEPARATOR
        or low[token] not in _NAME_SIGNS
        or token <= start
        or words >= STREET_WORDS - 1
    ):
        return False
    return low[token] != "." or low[token - 1] in places.vocab.sets["saints"]


def _word_in_name(places: AddressParts, token: int, street: int, words: int) -> bool:
    """Tell whether a word can be one of the name of the street whose kind stands at `street`."""
    low, vocab = places.low[token], places.vocab
    if (
        places.kind[token] not in (WORD, MONTH, ORDINAL)
        or low in vocab.address_stops
        or low in vocab.quantities
    ):
        return False
    if places.capital(street):
        return places.capital(token)
    return not (words and low in vocab.words)


def _is_street(places: AddressParts, first: int, token: int) -> bool:
    """Tell whether tokens from `first` on name the street whose kind stands at `token`, by what
    stands before them and how they are written.
    """
    low, vocab = places.low, places.vocab
    words = [t for t in range(first, token) if places.kind[t] == WORD]
    capitals = places.capital(token) and all(places.capital(t) for t in words if low[t] != "s")
    lead = low[first - 1] if first > places.reading.turns[places.reading.turn[token]].first else ""
    placed = (
        lead == ":"
        or lead in vocab.sets["placed"]
        or (lead == "," and (capitals or low[first] not in vocab.words))
    )
    if not placed and names_product(places.reading, token):
        return False
    if low[token] not in vocab.weak_streets:
        return any(places.named(t) for t in range(first, token)) and (
            placed or (capitals and low[token] in vocab.sets["unplaced"])
        )
    ends = vocab.sets["weak_unnumbered_capital" if lead == "on" and capitals else "weak_unnumbered"]
    if (
        lead not in vocab.sets["placed_weakly"]
        or low[token] not in ends
        or any(low[t] == "s" or low[t].endswith("'s") for t in range(first, token))
    ):
        return False
    return all(places.named(t) or low[t] in vocab.directions for t in words)


_NAME_SIGNS = frozenset("'’.")


def address_match(
    places: AddressParts, first: int, after: int, score: float, why: str
) -> ValueMatch:
    reading = places.reading
    while after - 1 > first and (
        reading.kind[after - 1] == LINE
        or (reading.kind[after - 1] == SEPARATOR and reading.low[after - 1] != ".")
    ):
        after -= 1
    return ValueMatch("ADDRESS", spans_of(reading, [first, after - 1]), score, why)
