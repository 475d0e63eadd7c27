"""Streets as other languages order them: the kind first ("calle mayor 5", "12 rue de la paix"), or
the number last ("Hauptstraße 5").

Which of the two a language has, and its words for them, is in its `address.yaml`.
"""

from __future__ import annotations

from callveil.transforms.detect.recognizers.context import open_questions
from callveil.transforms.detect.recognizers.match import ValueMatch, spans_of
from callveil.transforms.detect.recognizers.places import HOUSE_KINDS, AddressParts
from callveil.transforms.detect.recognizers.vocabulary import DIGITS, LETTER, MONTH, SEPARATOR, WORD

NAME_WORDS = 6
"""A street's name is at most this many words, articles and particles not counted."""
SHORT = 4
"""A house number is at most this many tokens in words."""


def find_localized_streets(places: AddressParts) -> list[ValueMatch]:
    """Return streets of the current language's own order; nothing where its data names none."""
    vocab, out = places.vocab, []
    if vocab.kind_first and not places.reading.words.isdisjoint(vocab.street_prefixes):
        out += [
            hit
            for token in range(places.reading.count)
            if (hit := _kind_first(places, token)) is not None
        ]
    if vocab.street_words:
        out += [
            hit
            for token in range(places.reading.count)
            if (hit := _suffixed(places, token)) is not None
        ]
    elif places.reading.has_numbers:
        ends = {
            word
            for word in places.reading.places
            if len(word) >= 6 and word.endswith(vocab.street_endings + vocab.capital_endings)
        }
        out += [
            hit
            for token in places.reading.tokens_in(ends)
            if _foreign(places, token) and (hit := _suffixed(places, token)) is not None
        ]
    return out


def _foreign(places: AddressParts, token: int) -> bool:
    """Tell whether a word is a street of a country that writes it as one word ("tulpenlaan ninety
    one"): by its ending, its capital or the question.
    """
    if places.low[token] in places.vocab.words:
        return False
    return places.ending(token) or _capital(places, token) or _asked(places, token)


def _hit(places: AddressParts, first: int, after: int, stop: int, why: str) -> ValueMatch:
    last = places.tail(after, stop) - 1
    while last > first and places.low[last] in ",-\n":
        last -= 1
    return ValueMatch("ADDRESS", spans_of(places.reading, [first, last]), 0.7, why)


def _kind_first(places: AddressParts, token: int) -> ValueMatch | None:
    """ "calle de alcalá número cuarenta y dos", "12 bis rue victor hugo": found at the token of the
    kind.
    """
    vocab, low = places.vocab, places.low
    if low[token] not in vocab.street_prefixes:
        return None
    start, stop = places.reading.turns[places.reading.turn[token]].first, places.limit(token)
    at = token + 1
    slashed = at < stop and low[at] == "/"  # "c/ mayor"
    if len(low[token]) == 1 and not slashed:
        return None
    at += slashed or (at < stop and low[at] == "." and places.reading.glued(at))
    place, words, named = _name(places, at, stop)
    if not words:
        return None
    after = _numbered(places, place, stop)
    first = _number_before(places, token, start)
    sure = slashed or low[token] in vocab.sure_prefixes
    if after is None and first is None:
        placed = token > start and (low[token - 1] in vocab.sets["placed"] or _asked(places, token))
        if not (
            named and (placed or _capital(places, place - 1)) and (sure or _capital(places, token))
        ):
            return None
    elif not (
        sure
        or named
        or _asked(places, token)
        or places.town(_past_comma(places, after or place, stop), stop) is not None
    ):
        return None
    return _hit(
        places,
        token if first is None else first,
        after or place,
        stop,
        "kind of street, name and number",
    )


def _name(places: AddressParts, at: int, stop: int) -> tuple[int, int, bool]:
    """Return the name of a street that begins at `at`: (token after it, words in it, whether one of
    them is no everyday word).
    """
    vocab, low, kind = places.vocab, places.low, places.kind
    place, words, named, last = at, 0, False, at
    while place < stop and words < NAME_WORDS:
        word = low[place]
        if kind[place] in HOUSE_KINDS:
            month = place + 1 + (place + 1 < stop and low[place + 1] in vocab.date_words)
            if month < stop and kind[month] == MONTH:  # "rue du 8 mai 1945", "calle dos de mayo"
                year = month + 1
                place = last = (
                    year + 1
                    if year < stop
                    and kind[year] == DIGITS
                    and len(low[year]) == 4
                    and word.isdigit()
                    else year
                )
                words, named = words + 1, True
                continue
            break
        if kind[place] == SEPARATOR:
            if words and word in "-'." and place + 1 < stop and places.reading.glued(place):
                if word == "." and len(low[place - 1]) > 3:
                    break
                place += 1
                continue
            break
        if word in vocab.sets["house_words"] or kind[place] not in (WORD, MONTH, LETTER):
            break
        if word in vocab.particles or word in vocab.sets["name_starts"]:
            place += 1
            continue
        if not _capital(places, place) and (
            word in vocab.address_stops or (words and word in vocab.words)
        ):
            break
        named = named or _capital(places, place) or word not in vocab.words
        place, words = place + 1, words + 1
        last = place
    return last, words, named


def _numbered(places: AddressParts, at: int, stop: int) -> int | None:
    """Return the token after the house number that follows a street ("número 5", ", 12 bis",
    "cuarenta y dos"), if one does.
    """
    vocab, low, kind = places.vocab, places.low, places.kind
    place, told = at, False
    while (
        place < stop
        and place - at < 4
        and (low[place] in ",.:#" or low[place] in vocab.sets["house_words"])
    ):
        told = told or low[place] in vocab.sets["house_words"]
        place += 1
    if place >= stop or kind[place] not in HOUSE_KINDS or place in places.skip:
        return None
    if kind[place] == DIGITS:
        if len(low[place]) > 4:
            return None
        end = place + 1
        while (
            end + 1 < stop
            and low[end] in "-–/"
            and kind[end + 1] == DIGITS
            and len(low[end + 1]) <= 4
        ):
            end += 2
        if end < stop and places.reading.glued(end) and len(low[end]) == 1 and low[end].isalpha():
            end += 1
    else:
        end = place
        while end < stop and kind[end] in HOUSE_KINDS and end - place < SHORT:
            end += 1
    if end < stop and low[end] in vocab.sets["house_letters"]:
        end += 1
    if (
        end < stop
        and not told
        and (low[end] in vocab.quantities or low[end] in vocab.currencies or low[end] in "€$£%:")
    ):
        return None
    return end


def _number_before(places: AddressParts, token: int, start: int) -> int | None:
    """Return the first token of the house number right before a kind of street ("12 bis, rue"), if
    one stands there.
    """
    low, kind = places.low, places.kind
    place = token - 1
    if place > start and low[place] == ",":
        place -= 1
    if place > start and low[place] in places.vocab.sets["house_letters"]:
        place -= 1
    if (
        place > start
        and len(low[place]) == 1
        and low[place].isalpha()
        and kind[place - 1] == DIGITS
        and places.reading.glued(place)
    ):
        place -= 1
    if (
        place < start
        or kind[place] not in HOUSE_KINDS
        or place in places.skip
        or (kind[place] == DIGITS and len(low[place]) > 4)
    ):
        return None
    while (
        place > start
        and kind[place] != DIGITS
        and kind[place - 1] in HOUSE_KINDS
        and token - place < SHORT
    ):
        place -= 1
    return place


def _suffixed(places: AddressParts, token: int) -> ValueMatch | None:
    """ "Hauptstraße 5", "berliner straße zwölf", "Lange Gasse 3": found at the token that ends the
    name.
    """
    vocab, low, kind = places.vocab, places.low, places.kind
    whole = low[token] in vocab.street_words
    glued = (
        not whole
        and len(low[token]) >= 6
        and low[token] not in vocab.words
        and low[token].endswith(vocab.street_endings + vocab.capital_endings)
    )
    if kind[token] != WORD or not (whole or glued):
        return None
    start, stop = places.reading.turns[places.reading.turn[token]].first, places.limit(token)
    first = _before(places, token, start) if whole else token
    if not whole:
        while (
            first - 2 >= start
            and low[first - 1] == "-"
            and kind[first - 2] == WORD
            and places.reading.glued(first)
        ):
            first -= 2  # "Konrad-Adenauer-Straße"
    if whole and first == token:
        return None
    while (
        first > start
        and (_capital(places, first - 1) or first - 1 > start)
        and _leads_name(places, first - 1, start)
    ):
        first -= 1
    after = _numbered(places, token + 1, stop)
    if after is None:
        placed = first > start and low[first - 1] in vocab.sets["placed"]
        long = bool(vocab.street_words) and low[token].endswith(vocab.street_endings[:4])
        if not (long and (placed or _asked(places, token))):
            return None
    return _hit(places, first, after or token + 1, stop, "street and house number")


def _leads_name(places: AddressParts, token: int, start: int) -> bool:
    """Tell whether a preposition in capitals begins the name ("Am Sandtorkai", "An der Alten
    Gasse").
    """
    if places.low[token] in places.vocab.particles and token > start:
        token -= 1
    return places.low[token] in places.vocab.sets["name_starts"] and _capital(places, token)


def _before(places: AddressParts, token: int, start: int) -> int:
    """Return the first token of the name before a kind of street that is a word of its own."""
    vocab, low, kind = places.vocab, places.low, places.kind
    first, words = token, 0
    while first > start and words < 3:
        before = first - 1
        if low[before] == "-" and before > start and places.reading.glued(first):
            first = before
            continue
        if (
            kind[before] != WORD
            or low[before] in vocab.address_stops
            or (words and low[before] in vocab.words and low[first] != "-")
        ):
            break
        first, words = before, words + 1
    return first


def _capital(places: AddressParts, token: int) -> bool:
    """Tell whether a word begins with a capital and goes on in small letters: in a text all in
    capitals they say nothing.
    """
    raw = places.raw(token)
    return raw[:1].isupper() and (len(raw) == 1 or not raw.isupper())


def _past_comma(places: AddressParts, at: int, stop: int) -> int:
    return at + 1 if at < stop and places.low[at] == "," else at


def _asked(places: AddressParts, token: int) -> bool:
    """Tell whether the turn answers a question for an address."""
    return any(
        topic.name == "address" and topic.answers == 0
        for topic in open_questions(places.reading, places.reading.turn[token])
    )
