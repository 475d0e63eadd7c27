"""Street addresses: number and street, a place told after "the address is", and streets named
without a number.
"""

from __future__ import annotations

from dataclasses import dataclass

from callveil.transforms.detect.recognizers.context import open_questions
from callveil.transforms.detect.recognizers.match import (
    ValueMatch,
    prune_matches,
)
from callveil.transforms.detect.recognizers.places import HOUSE_KINDS, AddressParts
from callveil.transforms.detect.recognizers.run_on_addresses import find_run_on_addresses
from callveil.transforms.detect.recognizers.streets import find_localized_streets
from callveil.transforms.detect.recognizers.tokens import TokenizedConversation
from callveil.transforms.detect.recognizers.unnumbered_streets import (
    address_match,
    find_unnumbered_streets,
)
from callveil.transforms.detect.recognizers.vocabulary import (
    DIGITS,
    LETTER,
    LINE,
    MONTH,
    NUMERIC,
    SEPARATOR,
    WORD,
)

TOLD_TOKENS = 14
"""A place told after a lead-in is at most this many tokens."""


def find_addresses(reading: TokenizedConversation) -> list[ValueMatch]:
    """Return every street address; spans never leave their turn."""
    kept: list[ValueMatch] | None = reading.__dict__.get("_addresses")
    if kept is None:
        places = AddressParts(reading)
        found = (
            _numbered(places)
            + _number_last(places)
            + find_localized_streets(places)
            + _told(places)
            + find_unnumbered_streets(places)
            + _boxes(places)
        )
        kept = reading.__dict__["_addresses"] = prune_matches(
            found + find_run_on_addresses(places, found)
        )
    return kept


def _numbered(places: AddressParts) -> list[ValueMatch]:
    reading, out, passed = places.reading, [], 0
    for token in reading.telling:
        if token < passed or reading.kind[token] not in NUMERIC:
            continue
        if reading.glued(token) and token and reading.low[token - 1] not in "\n(>,.#":
            continue
        after = places.house(token)
        stop = places.limit(token)
        found = None
        if after is not None and after < stop:
            begin = after
            if (
                places.low[begin] == ","
                and begin + 1 < stop
                and places.kind[token] == DIGITS
                and places.capital(begin + 1)
            ):
                begin += 1
            prefixed = places.prefixed(begin, stop)
            if prefixed is not None:
                found = prefixed, True
            street = places.street(begin, stop)
            if street is None and places.kind[begin] == LETTER and begin + 1 < stop:
                street = places.street(begin + 1, stop)  # "one seven a wharf lane"
            if street is not None and (found is None or street[0] > found[0]):
                found = street
        if found is not None:
            end = places.tail(found[0], stop)
            start = token
            while (
                start > reading.turns[reading.turn[token]].first
                and places.kind[start - 1] in HOUSE_KINDS
                and start - 1 not in places.skip
                and places.house(start - 1) is not None
            ):
                start -= 1
            out.append(
                address_match(
                    places, start, end, 0.8 if found[1] else 0.6, "house number and street"
                )
            )
            passed = end
        else:
            passed = after or 0
    return out


def _measured(reading: TokenizedConversation, token: int) -> bool:
    """Tell letters right behind a number that are no part of a house number ("256GB"; not
    "12a").
    """
    return (
        token < len(reading.low)
        and reading.glued(token)
        and reading.kind[token] == WORD
        and len(reading.low[token]) > 1
    )


@dataclass(frozen=True, slots=True)
class _Street:
    """A street named right before a number: its first token, what it was known by, and how sure
    that is.
    """

    first: int
    why: str = "street and house number"
    score: float = 0.6


def _number_last(places: AddressParts) -> list[ValueMatch]:
    """Return streets of countries that put the number last ("Hauptstrasse 5", "ul. Polna 73", "Rua
    do Sol 16"), and units by themselves.
    """
    reading, out = places.reading, []
    for token in reading.telling:
        if not _may_be_last(places, token):
            continue
        start, stop = reading.turns[reading.turn[token]].first, places.limit(token)
        written = reading.kind[token] == DIGITS
        ways = _STREETS_BEFORE if written else _STREETS_BEFORE_WORDS
        street = next(
            (street for way in ways if (street := way(places, token, start, stop)) is not None),
            None,
        )
        if street is None:
            continue
        first, end = street.first, token + 1
        if (
            first > start
            and reading.kind[first - 1] == DIGITS
            and first - 1 not in places.skip
            and len(reading.low[first - 1]) <= 5
        ):
            first -= 1
        while not written and end < stop and reading.kind[end] in HOUSE_KINDS and end - token < 5:
            end += 1
        if (
            end < stop
            and reading.glued(end)
            and len(reading.low[end]) == 1
            and reading.low[end].isalpha()
        ):
            end += 1
        out.append(address_match(places, first, places.tail(end, stop), street.score, street.why))
    return out


def _may_be_last(places: AddressParts, token: int) -> bool:
    """Tell whether a number can be a house number that stands behind its street."""
    reading = places.reading
    if (
        token == 0
        or reading.kind[token] not in NUMERIC
        or token in places.skip
        or len(reading.low[token]) > 5
    ):
        return False
    return (
        reading.turn[token] == reading.turn[token - 1]
        and not reading.glued(token)
        and not _measured(reading, token + 1)
    )


def _unit_before(places: AddressParts, token: int, start: int, stop: int) -> _Street | None:
    """ "apt 5", "ste. 12"."""
    low, units, before = places.low, places.vocab.sure_units, token - 1
    if low[before] in units or (low[before] == "." and before > start and low[before - 1] in units):
        return _Street(before - (low[before] == "."), "a unit of a building")
    return None


def _one_word_before(places: AddressParts, token: int, start: int, stop: int) -> _Street | None:
    """ "Hauptstrasse 5"."""
    return (
        _Street(token - 1) if places.kind[token - 1] == WORD and places.ending(token - 1) else None
    )


def _kind_before(places: AddressParts, token: int, start: int, stop: int) -> _Street | None:
    """ "ul. Polna 73", "Rua do Sol 16"."""
    low, vocab, back = places.low, places.vocab, token - 1
    while (
        back > start
        and token - 1 - back < 4
        and places.kind[back] in (WORD, SEPARATOR)
        and low[back] not in ",;:?!"
    ):
        sure = places.capital(back) or low[back] not in vocab.sets["doubtful_prefixes"]
        if (
            low[back] in vocab.street_prefixes
            and back < token - 1
            and sure
            and _one_name(places, back + 1, token)
        ):
            return _Street(back)
        back -= 1
    return None


def _between_numbers(places: AddressParts, token: int, start: int, stop: int) -> _Street | None:
    """ "6750 Koskikatu 25": a name in capitals between two numbers, a unit after it."""
    low, kind, vocab, back = places.low, places.kind, places.vocab, token - 1
    if not places.proper(back) or low[back] in vocab.words:
        return None
    while (
        back > start
        and token - 1 - back < 3
        and kind[back - 1] == WORD
        and (places.proper(back - 1) or low[back - 1] in vocab.particles)
    ):
        back -= 1
    numbered = (
        back > start
        and kind[back - 1] == DIGITS
        and 2 <= len(low[back - 1]) <= 5
        and back - 1 not in places.skip
    )
    unit = _unit_follows(places, token + 1, stop)
    sure = numbered and (unit or _ends_line(places, token + 1, stop))
    return _Street(back, score=0.5) if sure or ((numbered or unit) and not places.uncased) else None


_STREETS_BEFORE_WORDS = (_unit_before, _one_word_before)
"""How a street is known before a number in words, and before one in digits."""
_STREETS_BEFORE = (*_STREETS_BEFORE_WORDS, _kind_before, _between_numbers)


def _one_name(places: AddressParts, first: int, stop: int) -> bool:
    """Tell whether the words between a street's kind and its number can be its name: no sentence
    ends there, no word of a sentence stands there.
    """
    low, vocab = places.low, places.vocab
    for token in range(first, stop):
        if low[token] in vocab.particles or (token == first and low[token] == "."):
            continue
        if low[token] == "." and len(low[token - 1]) > 3:
            return False
        if low[token] in vocab.address_stops and places.kind[token] == WORD:
            return False
    return True


def _ends_line(places: AddressParts, at: int, stop: int) -> bool:
    return at < stop and (places.kind[at] == LINE or places.low[at] == ",")


def _unit_follows(places: AddressParts, at: int, stop: int) -> bool:
    while at < stop and (places.low[at] in ",.>" or places.kind[at] == LINE):
        at += 1
    return at < stop and places.low[at] in places.vocab.sure_units


def _told(places: AddressParts) -> list[ValueMatch]:
    """Return what follows "the address is" or answers the question for it."""
    reading, out, after = places.reading, [], 0
    for token in reading.tokens_in(places.vocab.address_leads):
        said = reading.turns[reading.turn[token]]
        lead = (
            reading.match(token, places.vocab.address_leads, said.last) if token >= after else None
        )
        if lead is None:
            continue
        after = lead[0]
        span = _place(
            places,
            lead[0],
            said.last,
            " ".join(reading.low[lead[0] - 2 : lead[0]]) in places.vocab.sets["corners"],
        )
        if span is not None:
            out.append(
                address_match(
                    places,
                    span[0],
                    span[1],
                    0.6,
                    f"'{' '.join(reading.low[token : lead[0]])}' before it",
                )
            )
    for cue in reading.cues:
        if cue.topic == "address" and _number_follows(
            places, cue.last, reading.turns[cue.turn].last
        ):
            span = _place(places, cue.last, reading.turns[cue.turn].last)
            if span is not None:
                out.append(
                    address_match(
                        places,
                        span[0],
                        span[1],
                        0.6,
                        f"'{' '.join(reading.low[cue.first : cue.last])}' before it",
                    )
                )
    if "address" in reading.topics:
        for index, said in enumerate(reading.turns):
            asked = open_questions(reading, index)
            if (
                asked
                and asked[0].name == "address"
                and asked[0].answers == 0
                and asked[0].distance <= 3
                and said.first < said.last
            ):
                span = _place(places, said.first, said.last)
                if span is not None and any(
                    places.kind[t] in HOUSE_KINDS or places.low[t] in places.vocab.streets
                    for t in range(*span)
                ):
                    out.append(
                        address_match(places, span[0], span[1], 0.5, asked[0].explain(reading))
                    )
    return out


def _number_follows(places: AddressParts, at: int, stop: int) -> bool:
    """Tell whether a house number stands right behind a cue that no "is" parts from it ("address 72
    main ...", "address no 5 ...").
    """
    at += at < stop and places.low[at] in places.vocab.sets["house_leads"]
    return at < stop and places.kind[at] in HOUSE_KINDS and places.house(at) is not None


def _place(
    places: AddressParts, at: int, stop: int, corner: bool = False
) -> tuple[int, int] | None:
    """Return the tokens of a place told from `at` on, half-open; `corner`: two streets, with an
    "and" between them.
    """
    first = last = at = _without_frames(places, at, stop)
    sure, words = False, 0
    while at < stop and at - first < TOLD_TOKENS:
        low, kind = places.low[at], places.kind[at]
        if kind in (SEPARATOR, LINE):
            if not _sign_within(places, at, stop):
                break
            at += 1
            continue
        if corner and words and low in places.vocab.sets["and"]:
            corner, at = False, at + 1
            continue
        if _ends_place(places, at, stop, words):
            break
        if low in places.vocab.quantities and words and places.kind[at - 1] in HOUSE_KINDS:
            return None
        sure = sure or any(speaks(places, at, first, stop) for speaks in _FOR_A_PLACE)
        words, at = words + 1, at + 1
        last = at
    return (first, places.tail(last, stop)) if words and sure else None


def _without_frames(places: AddressParts, at: int, stop: int) -> int:
    """Return the token at which a place begins behind words such as "it's" and "that would be"."""
    vocab, begin = places.vocab, at
    while (
        at < stop
        and at - begin < 8
        and (
            places.low[at] in vocab.sets["address_frames"]
            or places.low[at] in ":,'-"
            or places.kind[at] == LINE
        )
    ):
        if (
            places.low[at] in vocab.streets
            and at + 1 < stop
            and places.low[at + 1] not in vocab.sets["address_words"]
        ):
            break
        at += 1
    return at


def _sign_within(places: AddressParts, at: int, stop: int) -> bool:
    """Tell whether a sign or a line's end stands within a place."""
    low, vocab = places.low[at], places.vocab
    if at + 1 >= stop:
        return False
    if low == "." and places.low[at - 1] in vocab.streets and places.reading.glued(at):
        return True
    return low in ",'’-#&()/\n" and places.low[at + 1] not in vocab.address_stops


def _ends_place(places: AddressParts, at: int, stop: int, words: int) -> bool:
    """Tell whether a word or number goes on with the sentence; a capital before the kind of a
    street makes a name of the word.
    """
    low, vocab = places.low[at], places.vocab
    if places.kind[at] == DIGITS and (len(low) > 6 or at in places.skip):
        return True
    if low not in vocab.address_stops or low in vocab.sets["compass"]:
        return False
    return not (
        len(low) > 2
        and places.capital(at)
        and words
        and at + 1 < stop
        and places.low[at + 1] in vocab.streets
    )


def _kind_of_street(places: AddressParts, at: int, first: int, stop: int) -> bool:
    return (
        at > first
        and places.low[at] in places.vocab.streets
        and any(places.kind[t] not in (SEPARATOR, LINE) for t in range(first, at))
    )


def _no_word(places: AddressParts, at: int, first: int, stop: int) -> bool:
    low, vocab = places.low[at], places.vocab
    return (
        places.kind[at] in (WORD, MONTH) and low not in vocab.words and low not in vocab.directions
    )


def _two_capitals(places: AddressParts, at: int, first: int, stop: int) -> bool:
    name = (
        places.kind[at] in (WORD, MONTH)
        and at > first
        and places.low[at] not in places.vocab.openers
    )
    return name and places.capital(at) and places.capital(at - 1)


def _number_and_name(places: AddressParts, at: int, first: int, stop: int) -> bool:
    return (
        places.kind[at] in HOUSE_KINDS
        and at + 1 < stop
        and places.kind[at + 1] == WORD
        and places.low[at + 1] not in places.vocab.words
    )


def _boxes(places: AddressParts) -> list[ValueMatch]:
    reading, vocab = places.reading, places.vocab
    out: list[ValueMatch] = []
    if reading.words.isdisjoint(vocab.sets["box"]):
        return out
    for token in reading.tokens_in(vocab.boxes):
        stop = places.limit(token)
        squeezed = [t for t in range(token, min(token + 8, stop)) if reading.low[t] != "."]
        words = tuple(reading.low[t] for t in squeezed)
        size = next(
            (len(box) for box, _ in vocab.boxes[reading.low[token]] if words[: len(box)] == box), 0
        )
        if size and size < len(squeezed) and reading.kind[squeezed[size]] in HOUSE_KINDS:
            after = squeezed[size]
            while after < stop and reading.kind[after] in HOUSE_KINDS:
                after += 1
            out.append(
                address_match(places, token, places.tail(after, stop), 0.8, "post office box")
            )
    return out


_FOR_A_PLACE = (_kind_of_street, _no_word, _two_capitals, _number_and_name)
"""Each tells of a token of what was told that it is a place."""
