"""Street addresses: number and street, a place told after "the address is", and streets named without a number."""

from __future__ import annotations

from callveil.transforms.detect.recognizers.context import questions
from callveil.transforms.detect.recognizers.hit import Hit, pruned, spans_of
from callveil.transforms.detect.recognizers.numbers import blocked
from callveil.transforms.detect.recognizers.reading import Reading
from callveil.transforms.detect.recognizers.vocabulary import (
    DIGITS,
    HUNDRED,
    LETTER,
    LINE,
    MONTH,
    MULTIPLE,
    ORDINAL,
    SEPARATOR,
    TEEN,
    TENS,
    THOUSAND,
    UNIT,
    WORD,
    ZERO,
)

_NUMBER = frozenset((DIGITS, UNIT, TEEN, TENS, HUNDRED, THOUSAND, ZERO, MULTIPLE))
NAME_WORDS = 6
"""A street's name is at most this many words before its suffix."""
TOLD_TOKENS = 14
"""A place told after a lead-in is at most this many tokens."""


class _Places:
    def __init__(self, reading: Reading) -> None:
        self.reading, self.vocab = reading, reading.vocab
        self.low, self.kind = reading.low, reading.kind
        self.skip = blocked(reading)

    def raw(self, token: int) -> str:
        return self.reading.text[self.reading.start[token] : self.reading.end[token]]

    def capital(self, token: int) -> bool:
        return self.raw(token)[:1].isupper()

    def limit(self, token: int) -> int:
        return self.reading.turns[self.reading.turn[token]].last

    def house(self, token: int) -> int | None:
        """The token after the house number that begins at `token`: "517a", "15 - 17", "four twelve", "one oh nine"."""
        stop, at = self.limit(token), token
        if self.kind[token] == DIGITS:
            if token in self.skip or len(self.low[token]) > 6:
                return None
            at += 1
            if at < stop and self.reading.glued(at) and len(self.low[at]) == 1 and self.low[at].isalpha():
                at += 1
            while at + 1 < stop and self.low[at] in "-–/&" and self.kind[at + 1] == DIGITS and len(self.low[at + 1]) <= 5:
                at += 2
                if at < stop and self.reading.glued(at) and len(self.low[at]) == 1 and self.low[at].isalpha():
                    at += 1
            # "6750 216 Karaiskaki", "one 0 four": a second number follows
            while at < stop and self.kind[at] == DIGITS and at not in self.skip and len(self.low[at]) <= 5 and not (at + 1 < stop and self.low[at + 1] in self.vocab.ordinal_suffixes):
                at += 1
        else:
            while at < stop and self.kind[at] in _NUMBER and at - token < 7:
                at += 1
            if self.low[token] == "one" and at == token + 1 and token and self.low[token - 1] in self.vocab.one_before:
                return None
        if at >= stop or self.low[at] in self.vocab.quantities or self.low[at] in ("st", "nd", "rd", "th", "%"):
            return None if at >= stop or self.low[at] not in ("th", "st", "nd", "rd") or self.reading.glued(at) else at
        return at

    def street(self, at: int, stop: int) -> tuple[int, bool] | None:
        """From the first word of a street's name: (token after its suffix, whether the suffix is unmistakable)."""
        words, place, named, first_suffix = 0, at, False, None
        strong = False
        while place < stop and words <= NAME_WORDS:
            low, kind = self.low[place], self.kind[place]
            if kind == SEPARATOR:
                if words and (low in "'’-&" or (low == "." and len(self.low[place - 1]) <= 3)):
                    place += 1
                    continue
                break
            if kind == LINE:
                break
            if words and low in self.vocab.streets and (named or low not in self.vocab.weak_streets):
                first_suffix, strong = place + 1, strong or low not in self.vocab.weak_streets
                # a suffix may be followed by another ("Camino Real", "Great Mall Drive")
                if place + 1 < stop and (self.low[place + 1] in self.vocab.streets or (place + 2 < stop and self.low[place + 2] in self.vocab.streets and self.low[place + 1] not in self.vocab.address_stops)):
                    words, place, named = words + 1, place + 1, True
                    continue
                break
            named_so = place + 1 < stop and self.low[place + 1] in self.vocab.streets and low not in ("the", "a", "this", "that")
            if low in self.vocab.address_stops and not (self.capital(place) and self.raw(place) != "I" and len(low) > 1 and (words or named_so)):
                break
            if kind in (DIGITS,) and words and not (place + 1 < stop and self.low[place + 1] in self.vocab.ordinal_suffixes):
                break
            named = named or self.named(place)
            if low in self.vocab.quantities and not self.capital(place):
                break
            words, place = words + 1, place + 1
        return None if first_suffix is None else (first_suffix, strong)

    def named(self, token: int) -> bool:
        """Whether the word can be the name of a street rather than part of a sentence."""
        low, kind = self.low[token], self.kind[token]
        return kind in (ORDINAL, DIGITS, MONTH) or low in self.vocab.ordinal_suffixes or self.capital(token) or low not in self.vocab.words or low in ("main", "park", "high", "church", "mill", "station", "spring", "market", "school")

    def prefixed(self, at: int, stop: int) -> int | None:
        """A street whose kind comes first ("calle mayor", "El Camino Real", "rue de la Paix"): the token after it."""
        place = at
        while place < stop and self.low[place] in ("el", "la", "le", "old", "the", "north", "south", "east", "west", "n", "s", "e", "w"):
            place += 1
        if place >= stop or self.low[place] not in self.vocab.street_prefixes:
            return None
        place += 1
        words = 0
        while place < stop and words < 5 and self.kind[place] in (WORD, MONTH, ORDINAL, LETTER, DIGITS) and (
            self.capital(place) or self.kind[place] == DIGITS or self.low[place] in self.vocab.particles or (self.low[place] not in self.vocab.words and self.low[place] not in self.vocab.address_stops)
        ):
            place, words = place + 1, words + 1
        return place if words else None

    def tail(self, at: int, stop: int) -> int:
        """The token after what follows a street: full stop of an abbreviation, direction, unit, district, city, state, postcode."""
        end = at
        while True:
            place = end
            if place < stop and self.low[place] == "." and self.reading.glued(place) and place + 1 < stop:
                place += 1
            if place < stop and self.low[place] in self.vocab.directions and len(self.low[place]) > 1 and self.low[place] not in ("old", "new", "upper", "lower"):
                end = place + 1
                continue
            comma = place
            while comma < stop and (self.low[comma] in ",#-\n>" or self.kind[comma] == LINE):
                comma += 1
            district = self.district(end, stop)
            if district is not None:
                end = district
                continue
            unit = self.unit(place, stop) or self.unit(comma, stop)
            if unit is not None:
                end = unit
                continue
            known = self.reading.match(place, self.vocab.tails, stop) if place < stop else None
            if known is not None:
                end = known[0]
                continue
            city = self.city(place, comma, stop)
            if city is not None:
                end = city
                continue
            return end

    def district(self, at: int, stop: int) -> int | None:
        """One to three words in capitals right after a street in capitals ("Milton Road Chesterton"): the token after them."""
        place = at + 1 if at < stop and self.low[at] == "." and at + 1 < stop else at
        begin = place
        if at == 0 or not self.capital(at - 1):
            return None
        while place < stop and place - begin < 3 and self.kind[place] == WORD and self.capital(place) and self.low[place] not in self.vocab.words and self.low[place] not in self.vocab.address_stops and self.low[place] not in self.vocab.units and self.low[place] not in self.vocab.titles:
            if self.reading.match(place, self.vocab.states, stop) is not None:
                break
            place += 1
        if place == begin or (place < stop and (self.low[place] in self.vocab.streets or self.low[place] in self.vocab.things)):
            return None
        return place

    def unit(self, at: int, stop: int) -> int | None:
        """ "apartment three b", "# 110", "2nd floor", "suite 199": the token after it."""
        if at >= stop:
            return None
        place = at
        if self.low[place] in self.vocab.units:
            place += 1
            if place < stop and self.low[place] in (".", "#", "number"):
                place += 1
            if place < stop and self.low[place] == "#":
                place += 1
        elif self.low[place] == "#" and place + 1 < stop:
            place += 1
        elif place + 1 < stop and (self.kind[place] == ORDINAL or (self.kind[place] == DIGITS and self.low[place + 1] in self.vocab.ordinal_suffixes)):
            place += 1 + (self.kind[place] == DIGITS)
            return place + 1 if place < stop and self.low[place] in ("floor", "fl", "level") else None
        else:
            return None
        begin = place
        while place < stop and place - begin < 5 and (self.kind[place] in _NUMBER or (self.kind[place] == LETTER and self.low[place] not in "i") or self.low[place] == "-"):
            place += 1
        while place > begin and self.low[place - 1] == "-":
            place -= 1
        if place > begin:
            return place
        if place < stop and self.kind[place] == WORD and len(self.low[place]) <= 4 and self.raw(place).isupper():
            return place + 1
        return None

    def city(self, at: int, comma: int, stop: int) -> int | None:
        """City, state and postcode after a street; needs a comma, a line's end, a state or a postcode to be sure."""
        place, words = comma, 0
        best: int | None = None
        while place < stop and words <= 4:
            low, kind = self.low[place], self.kind[place]
            state = self.reading.match(place, self.vocab.states, stop)
            if state is None and low in self.vocab.state_codes and (self.raw(place).isupper() or (words and place + 1 < stop and self.kind[place + 1] == DIGITS)):
                state = place + 1, ""
            if state is not None and (words or comma > at):
                best = self.postcode(state[0], stop) or state[0]
                break
            code = self.postcode(place, stop)
            if code is not None and (words or comma > at):
                best = code
                break
            if kind in (SEPARATOR, LINE):
                if low in ",\n>" and words:
                    if comma > at and best is None and self.capitals(comma, place):
                        best = place
                    place += 1
                    continue
                if low == "." and self.reading.glued(place):
                    place += 1
                    continue
                break
            if low in self.vocab.address_stops and not (self.capital(place) and words == 0 and len(low) > 2):
                break
            if kind not in (WORD, MONTH, ORDINAL):
                break
            if not self.capital(place) and low in self.vocab.words and low not in ("city", "new", "park", "lake", "spring", "fort"):
                break
            words, place = words + 1, place + 1
        if best is None and comma > at and words and self.capitals(comma, place) and ("," in self.low[at:comma] or self.kind[comma - 1] == LINE):
            return place
        return best

    def capitals(self, first: int, last: int) -> bool:
        return first < last and all(self.capital(t) for t in range(first, last) if self.kind[t] in (WORD, MONTH))

    def postcode(self, at: int, stop: int) -> int | None:
        """A postcode of four or five digits (and four more), or of letters and digits in capitals: the token after it."""
        place = at
        while place < stop and (self.low[place] in ",\n>" or self.low[place] in ("zip", "code")):
            place += 1
        if place >= stop:
            return None
        if self.kind[place] == DIGITS and 4 <= len(self.low[place]) <= 6 and place not in self.skip:
            after = place + 1
            if after + 1 < stop and self.low[after] == "-" and self.kind[after + 1] == DIGITS and self.reading.glued(after) and len(self.low[after + 1]) in (3, 4):
                after += 2
            return after
        run = place
        digits = 0
        while run < stop and self.kind[run] in (UNIT, ZERO, TEEN, TENS, MULTIPLE) and digits < 9:
            digits += len(self.reading.value[run])
            run += 1
        return run if digits in (5, 9) else None


def addresses(reading: Reading) -> list[Hit]:
    """Every street address; spans never leave their turn."""
    kept: list[Hit] | None = reading.__dict__.get("_addresses")
    if kept is None:
        places = _Places(reading)
        kept = reading.__dict__["_addresses"] = pruned(
            _numbered(places) + _number_last(places) + _told(places) + _unnumbered(places) + _boxes(places)
        )
    return kept


def _hit(places: _Places, first: int, after: int, score: float, why: str) -> Hit:
    reading = places.reading
    while after - 1 > first and (reading.kind[after - 1] == LINE or (reading.kind[after - 1] == SEPARATOR and reading.low[after - 1] != ".")):
        after -= 1
    return Hit("ADDRESS", spans_of(reading, [first, after - 1]), score, why)


def _numbered(places: _Places) -> list[Hit]:
    reading, out, token = places.reading, [], 0
    while token < reading.count:
        if reading.kind[token] not in (DIGITS, UNIT, TEEN, TENS) or (reading.glued(token) and token and reading.low[token - 1] not in "\n(>,.#"):
            token += 1
            continue
        after = places.house(token)
        stop = places.limit(token)
        found = None
        if after is not None and after < stop:
            begin = after
            if places.low[begin] == "," and begin + 1 < stop and places.kind[token] == DIGITS and places.capital(begin + 1):
                begin += 1
            prefixed = places.prefixed(begin, stop)
            if prefixed is not None:
                found = prefixed, True
            street = places.street(begin, stop)
            if street is not None and (found is None or street[0] > found[0]):
                found = street
        if found is not None:
            end = places.tail(found[0], stop)
            start = token
            while start > reading.turns[reading.turn[token]].first and places.kind[start - 1] in _NUMBER and start - 1 not in places.skip and places.house(start - 1) is not None:
                start -= 1
            out.append(_hit(places, start, end, 0.8 if found[1] else 0.6, "house number and street"))
            token = end
        else:
            token = max(token + 1, after or 0)
    return out


def _number_last(places: _Places) -> list[Hit]:
    """Streets of countries that put the number last ("Hauptstrasse 5", "ul. Polna 73", "Rua do Sol 16"), and units by themselves."""
    reading, vocab, out = places.reading, places.vocab, []
    if not reading.has_digits:
        return out
    for token in range(1, reading.count):
        if reading.kind[token] != DIGITS or token in places.skip or len(reading.low[token]) > 5 or reading.turn[token] != reading.turn[token - 1] or reading.glued(token):
            continue
        start, stop = reading.turns[reading.turn[token]].first, places.limit(token)
        before = token - 1
        first: int | None = None
        why, score = "street and house number", 0.6
        if reading.low[before] in vocab.sure_units or (reading.low[before] == "." and before > start and reading.low[before - 1] in vocab.sure_units):
            first, why = before - (reading.low[before] == "."), "a unit of a building"
        elif reading.kind[before] == WORD and places.capital(before) and reading.low[before].endswith(vocab.street_endings) and len(reading.low[before]) > 5:
            first = before
        else:
            back = before
            while back > start and before - back < 4 and reading.kind[back] in (WORD, SEPARATOR) and reading.low[back] not in ",;:?!":
                if reading.low[back] in vocab.street_prefixes and back < before:
                    first = back
                    break
                back -= 1
            # "6750 Koskikatu 25": a name in capitals between two numbers, a unit after it
            if first is None and places.capital(before) and reading.low[before] not in vocab.words:
                back = before
                while back > start and before - back < 3 and reading.kind[back - 1] == WORD and (places.capital(back - 1) or reading.low[back - 1] in vocab.particles):
                    back -= 1
                unit = _unit_follows(places, token + 1, stop)
                numbered = back > start and reading.kind[back - 1] == DIGITS and 2 <= len(reading.low[back - 1]) <= 5 and back - 1 not in places.skip
                if numbered or unit:
                    first, score = back, 0.5
        if first is None:
            continue
        if first > start and reading.kind[first - 1] == DIGITS and first - 1 not in places.skip and len(reading.low[first - 1]) <= 5:
            first -= 1
        end = token + 1
        if end < stop and reading.glued(end) and len(reading.low[end]) == 1 and reading.low[end].isalpha():
            end += 1
        out.append(_hit(places, first, places.tail(end, stop), score, why))
    return out


def _unit_follows(places: _Places, at: int, stop: int) -> bool:
    while at < stop and (places.low[at] in ",.>" or places.kind[at] == LINE):
        at += 1
    return at < stop and places.low[at] in places.vocab.sure_units


def _told(places: _Places) -> list[Hit]:
    """What follows "the address is" or answers the question for it."""
    reading, out = places.reading, []
    for said in reading.turns:
        token = said.first
        while token < said.last:
            lead = reading.match(token, places.vocab.address_leads, said.last) if reading.low[token] in places.vocab.address_leads else None
            if lead is None:
                token += 1
                continue
            span = _place(places, lead[0], said.last)
            if span is not None:
                out.append(_hit(places, span[0], span[1], 0.6, f"'{' '.join(reading.low[token : lead[0]])}' before it"))
            token = lead[0]
    if "address" in reading.topics:
        for index, said in enumerate(reading.turns):
            asked = questions(reading, index)
            if asked and asked[0].name == "address" and asked[0].answers == 0 and asked[0].distance <= 3 and said.first < said.last:
                span = _place(places, said.first, said.last)
                if span is not None and any(places.kind[t] in _NUMBER or places.low[t] in places.vocab.streets for t in range(*span)):
                    out.append(_hit(places, span[0], span[1], 0.5, asked[0].explain(reading)))
    return out


def _place(places: _Places, at: int, stop: int) -> tuple[int, int] | None:
    reading, vocab = places.reading, places.vocab
    skipped = 0
    while at < stop and skipped < 8 and (places.low[at] in (":", ",", "is", "the", "at", "on", "in", "'s", "'", "s", "it's", "it", "that's", "a", "my", "address", "i", "live", "yes", "yeah", "sure", "um", "uh", "okay", "of", "for", "his", "her", "was", "-", "located", "street", "i'm") or places.kind[at] == LINE):
        if places.low[at] == "street" and at + 1 < stop and places.low[at + 1] not in ("address", "is"):
            break
        at, skipped = at + 1, skipped + 1
    first, sure, words = at, False, 0
    last = at
    while at < stop and at - first < TOLD_TOKENS:
        low, kind = places.low[at], places.kind[at]
        if kind == SEPARATOR or kind == LINE:
            if low == "." and at + 1 < stop and places.low[at - 1] in vocab.streets and reading.glued(at):
                at += 1
                continue
            if low in ",'’-#&()/\n" and at + 1 < stop and (places.low[at + 1] not in vocab.address_stops):
                at += 1
                continue
            break
        if low in vocab.address_stops and not (low in ("north", "south", "east", "west") or (len(low) > 2 and places.capital(at) and words and at + 1 < stop and places.low[at + 1] in vocab.streets)):
            break
        if kind == DIGITS and (len(low) > 6 or at in places.skip):
            break
        if low in vocab.quantities and words and places.kind[at - 1] in _NUMBER:
            return None
        sure = sure or (low in vocab.streets and words > 0) or (kind in (WORD, MONTH) and low not in vocab.words and low not in vocab.directions)
        sure = sure or (kind in (WORD, MONTH) and at > first and places.capital(at) and places.capital(at - 1) and low not in vocab.openers)
        sure = sure or (kind in _NUMBER and at + 1 < stop and places.kind[at + 1] == WORD and places.low[at + 1] not in vocab.words)
        words, at = words + 1, at + 1
        last = at
    if not words or not sure:
        return None
    return first, places.tail(last, stop)


def _unnumbered(places: _Places) -> list[Hit]:
    """ "on park street", "Trinity Lane": one to three words and an unmistakable suffix."""
    reading, vocab, out = places.reading, places.vocab, []
    if reading.words.isdisjoint(vocab.streets):
        return []
    for token in range(1, reading.count):
        low = reading.low[token]
        if low not in vocab.streets or reading.turn[token] != reading.turn[token - 1]:
            continue
        weak = low in vocab.weak_streets
        first, words = token, 0
        start = reading.turns[reading.turn[token]].first
        while first > start and words < 4:
            before = first - 1
            if places.low[before] in "'’." and places.low[before] and before > start and words < 3 and places.kind[before] == SEPARATOR and (
                places.low[before] != "." or places.low[before - 1] in ("st", "dr", "mt")
            ):
                first = before
                continue
            if places.low[before] == "s" and before - 1 > start and places.low[before - 1] in ("'", "’"):
                first = before
                continue
            if places.kind[before] not in (WORD, MONTH, ORDINAL) or places.low[before] in vocab.address_stops or (places.low[before] in vocab.quantities):
                break
            if places.capital(token) and not places.capital(before):
                break
            if not places.capital(token) and places.low[before] in vocab.words and words >= 1:
                break
            first, words = before, words + 1
        while first < token and places.kind[first] == SEPARATOR:
            first += 1
        if not words or first >= token:
            continue
        capitals = places.capital(token) and all(places.capital(t) for t in range(first, token) if places.kind[t] == WORD and places.low[t] != "s")
        lead = places.low[first - 1] if first > start else ""
        placed = lead in ("on", "at", "off", "near", "along", "in", "is", "of", ":") or (lead == "," and (capitals or places.low[first] not in vocab.words))
        named = any(places.named(t) for t in range(first, token))
        if (not weak and named and (capitals or placed)) or (weak and capitals and lead in ("on", "off") and low in ("drive", "terrace", "way", "court", "place", "circle", "close", "dr", "ct", "pl", "hill", "gardens", "square")):
            out.append(_hit(places, first, places.tail(token + 1, places.limit(token)), 0.5, "name of a street"))
    return out


def _boxes(places: _Places) -> list[Hit]:
    reading, out = places.reading, []
    if "box" not in reading.words:
        return out
    for token in range(reading.count):
        if reading.low[token] not in ("po", "p", "post"):
            continue
        squeezed = [t for t in range(token, min(token + 8, places.limit(token))) if reading.low[t] != "."]
        words = [reading.low[t] for t in squeezed]
        size = 3 if words[:3] == ["p", "o", "box"] else 2 if words[:2] == ["po", "box"] else 3 if words[:3] == ["post", "office", "box"] else 0
        if size and size < len(squeezed) and reading.kind[squeezed[size]] in _NUMBER:
            after = squeezed[size]
            while after < places.limit(token) and reading.kind[after] in _NUMBER:
                after += 1
            out.append(_hit(places, token, places.tail(after, places.limit(token)), 0.8, "post office box"))
    return out
