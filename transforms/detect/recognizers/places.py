"""The parts of a street address: house number, street, unit, district, city, state, postcode."""

from __future__ import annotations

import re

from callveil.transforms.detect.budget import spend_steps
from callveil.transforms.detect.recognizers.not_numbers import blocked_tokens
from callveil.transforms.detect.recognizers.postcodes import postcode_end
from callveil.transforms.detect.recognizers.tokens import TokenizedConversation
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

HOUSE_KINDS = frozenset((DIGITS, UNIT, TEEN, TENS, HUNDRED, THOUSAND, ZERO, MULTIPLE))
HOUSE_TOKENS = 40
"""A house number is at most this many tokens; a longer run of numbers is none."""
CITY_TOKENS = 40
"""A city, its state and its postcode are at most this many tokens, signs and line feeds among them.
"""
"""A postcode in words is at most this many tokens."""
NAME_WORDS = 6
"""A street's name is at most this many words before its suffix."""


_CAPITAL = re.compile(r"[A-Z]\w")
"""A word in capitals; "I" alone is one in texts without any other."""


class AddressParts:
    def __init__(self, reading: TokenizedConversation) -> None:
        self.reading, self.vocab = reading, reading.vocab
        self.low, self.kind = reading.low, reading.kind
        self.skip = blocked_tokens(reading)
        self._tails: dict[tuple[int, int], int] = {}
        self.uncased = bool(reading.vocab.common) and _CAPITAL.search(reading.text) is None

    def raw(self, token: int) -> str:
        return self.reading.text[self.reading.start[token] : self.reading.end[token]]

    def capital(self, token: int) -> bool:
        return self.raw(token)[:1].isupper()

    def proper(self, token: int) -> bool:
        """Tell whether a word can be a place's name by how it is written: a capital, or in texts
        without capitals no everyday word.
        """
        if not self.uncased:
            return self.capital(token)
        low = self.low[token]
        return (
            self.kind[token] == WORD
            and len(low) > 2
            and low not in self.vocab.address_stops
            and low not in self.vocab.common
        )

    def limit(self, token: int) -> int:
        return self.reading.turns[self.reading.turn[token]].last

    def house(self, token: int) -> int | None:
        """Return the token after the house number that begins at `token`: "517a", "15 - 17", "four
        twelve", "one oh nine".
        """
        stop, at = self.limit(token), token
        spend_steps()
        if self.kind[token] == DIGITS:
            if token in self.skip or len(self.low[token]) > 6:
                return None
            at += 1
            if (
                at < stop
                and self.reading.glued(at)
                and len(self.low[at]) == 1
                and self.low[at].isalpha()
            ):
                at += 1
            end = min(stop, token + HOUSE_TOKENS)
            while (
                at + 1 < end
                and self.low[at] in "-–/&"
                and self.kind[at + 1] == DIGITS
                and len(self.low[at + 1]) <= 5
            ):
                at += 2
                if (
                    at < stop
                    and self.reading.glued(at)
                    and len(self.low[at]) == 1
                    and self.low[at].isalpha()
                ):
                    at += 1
            # "6750 216 Karaiskaki", "one 0 four": a second number follows
            while (
                at < end
                and self.kind[at] == DIGITS
                and at not in self.skip
                and len(self.low[at]) <= 5
                and not (at + 1 < stop and self.low[at + 1] in self.vocab.ordinal_suffixes)
            ):
                at += 1
        else:
            while at < stop and self.kind[at] in HOUSE_KINDS and at - token < 7:
                at += 1
            if (
                self.low[token] in self.vocab.sets["ones"]
                and at == token + 1
                and token
                and self.low[token - 1] in self.vocab.one_before
            ):
                return None
        if (
            at >= stop
            or self.low[at] in self.vocab.quantities
            or self.low[at] == "%"
            or self.low[at] in self.vocab.ordinal_suffixes
        ):
            return (
                None
                if at >= stop
                or self.low[at] not in self.vocab.ordinal_suffixes
                or self.reading.glued(at)
                else at
            )
        return at

    def street(self, at: int, stop: int) -> tuple[int, bool] | None:
        """Return, from the first word of a street's name on, (token after its suffix, whether the
        suffix is unmistakable).
        """
        words, place, named, first_suffix = 0, at, False, None
        spend_steps()
        if (
            at + 1 < stop
            and self.low[at] in self.vocab.sets["whole_articles"]
            and self.low[at + 1] in self.vocab.streets
        ):
            return at + 2, self.low[at + 1] not in self.vocab.weak_streets
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
            if (
                words
                and low in self.vocab.streets
                and (named or low not in self.vocab.weak_streets)
            ):
                first_suffix, strong = place + 1, strong or low not in self.vocab.weak_streets
                # a suffix may be followed by another ("Camino Real", "Great Mall Drive")
                ahead = self.low[place + 1 : min(place + 3, stop)]
                if ahead and (
                    ahead[0] in self.vocab.streets
                    or (
                        len(ahead) > 1
                        and len(ahead[1]) > 3
                        and ahead[1] in self.vocab.streets
                        and ahead[0] not in self.vocab.address_stops
                    )
                ):
                    words, place, named = words + 1, place + 1, True
                    continue
                break
            named_so = (
                place + 1 < stop
                and self.low[place + 1] in self.vocab.streets
                and low not in self.vocab.sets["articles"]
            )
            if low in self.vocab.address_stops and not (
                self.capital(place)
                and self.raw(place) != "I"
                and len(low) > 1
                and (words or named_so)
            ):
                break
            if (
                kind in (DIGITS,)
                and words
                and not (place + 1 < stop and self.low[place + 1] in self.vocab.ordinal_suffixes)
            ):
                break
            named = named or self.named(place)
            if low in self.vocab.quantities and not self.capital(place):
                break
            words, place = words + 1, place + 1
        return None if first_suffix is None else (first_suffix, strong)

    def named(self, token: int) -> bool:
        """Tell whether the word can be the name of a street rather than part of a sentence."""
        low, kind = self.low[token], self.kind[token]
        return (
            kind in (ORDINAL, DIGITS, MONTH)
            or low in self.vocab.ordinal_suffixes
            or self.capital(token)
            or low not in self.vocab.words
            or low in self.vocab.sets["street_names"]
        )

    def ending(self, token: int) -> bool:
        """Tell a word that ends as streets do in other countries ("Prinsenstraat"); a short
        ending counts in capitals only.
        """
        low = self.low[token]
        if len(low) < 6 or low in self.vocab.words or not low.endswith(self.vocab.street_endings):
            return False
        return self.capital(token) or low.endswith(
            tuple(e for e in self.vocab.street_endings if len(e) >= 4 or e in ("weg", "hof"))
        )

    def prefixed(self, at: int, stop: int) -> int | None:
        """Return the token after a street whose kind comes first ("calle mayor", "El Camino Real",
        "rue de la Paix").
        """
        place = at
        while place < stop and self.low[place] in self.vocab.sets["street_articles"]:
            place += 1
        if place >= stop or self.low[place] not in self.vocab.street_prefixes:
            return None
        words = int(
            place > at
            and f"{self.low[place - 1]} {self.low[place]}" in self.vocab.sets["whole_streets"]
        )
        place += 1
        while (
            place < stop
            and words < 5
            and self.kind[place] in (WORD, MONTH, ORDINAL, LETTER, DIGITS)
            and (
                self.capital(place)
                or self.kind[place] == DIGITS
                or self.low[place] in self.vocab.particles
                or (
                    self.low[place] not in self.vocab.words
                    and self.low[place] not in self.vocab.address_stops
                )
            )
        ):
            place, words = place + 1, words + 1
        return place if words else None

    def tail(self, at: int, stop: int) -> int:
        """Return the token after what follows a street: full stop of an abbreviation, direction,
        unit, district, city, state, postcode.
        """
        end, passed = at, []
        while (end, stop) not in self._tails:
            spend_steps()
            passed.append((end, stop))
            after = self._part(end, stop)
            if after == end:
                self._tails[end, stop] = end
            end = after
        end = self._tails[end, stop]
        self._tails.update(dict.fromkeys(passed, end))
        return end

    def _part(self, end: int, stop: int) -> int:
        """Return the token after the next of these parts; `end` where none follows."""
        place = end
        if (
            place < stop
            and self.low[place] == "."
            and self.reading.glued(place)
            and place + 1 < stop
        ):
            place += 1
        if (
            place < stop
            and self.low[place] in self.vocab.directions
            and len(self.low[place]) > 1
            and self.low[place] not in self.vocab.sets["directions_before"]
            and self.unit(place, stop) is None
        ):
            return place + 1
        comma = place
        while comma < stop and (self.low[comma] in ",-\n>" or self.kind[comma] == LINE):
            comma += 1
        district = self.district(end, stop)
        if district is not None:
            return district
        town = self.town(comma, stop) if self.vocab.postcode_first and comma < stop else None
        if town is not None:
            return town
        unit = self.unit(place, stop) or self.unit(comma, stop)
        if unit is not None:
            return unit
        known = self.reading.match(place, self.vocab.tails, stop) if place < stop else None
        if known is not None:
            return known[0]
        city = self.city(place, comma, stop)
        return end if city is None else city

    def district(self, at: int, stop: int) -> int | None:
        """Return the token after one to three words in capitals right after a street in capitals
        ("Milton Road Chesterton").
        """
        place = at + 1 if at < stop and self.low[at] == "." and at + 1 < stop else at
        begin = place
        if at == 0 or not (self.uncased or self.capital(at - 1)):
            return None
        while (
            place < stop
            and place - begin < 3
            and self.kind[place] == WORD
            and self.proper(place)
            and self.low[place] not in self.vocab.words
            and self.low[place] not in self.vocab.address_stops
            and self.low[place] not in self.vocab.units
            and self.low[place] not in self.vocab.titles
        ):
            if self.reading.match(place, self.vocab.states, stop) is not None:
                break
            place += 1
        if place == begin or (
            place < stop
            and (self.low[place] in self.vocab.streets or self.low[place] in self.vocab.things)
        ):
            return None
        return place

    def unit(self, at: int, stop: int) -> int | None:
        """ "apartment three b", "# 110", "2nd floor", "suite 199": the token after it."""
        if at >= stop:
            return None
        place = at
        if self.low[place] in self.vocab.units:
            place += 1
            if place < stop and (
                self.low[place] in (".", "#") or self.low[place] in self.vocab.sets["unit_numbers"]
            ):
                place += 1
            if place < stop and self.low[place] == "#":
                place += 1
        elif self.low[place] == "#" and place + 1 < stop:
            place += 1
        elif place + 1 < stop and (
            self.kind[place] == ORDINAL
            or (self.kind[place] == DIGITS and self.low[place + 1] in self.vocab.ordinal_suffixes)
        ):
            place += 1 + (self.kind[place] == DIGITS)
            lettered = (
                self.vocab.kind_first
                and place < stop
                and (self.kind[place] == LETTER or self.low[place] in self.vocab.directions)
            )
            return (
                place + 1
                if place < stop and (lettered or self.low[place] in self.vocab.sets["floors"])
                else None
            )
        else:
            return None
        begin = place
        while (
            place < stop
            and place - begin < 5
            and (
                self.kind[place] in HOUSE_KINDS
                or (self.kind[place] == LETTER and self.low[place] not in "i")
                or self.low[place] == "-"
            )
        ):
            place += 1
        while place > begin and self.low[place - 1] == "-":
            place -= 1
        if place > begin:
            return place
        if (
            place < stop
            and self.kind[place] == WORD
            and len(self.low[place]) <= 4
            and self.raw(place).isupper()
        ):
            return place + 1
        return None

    def city(self, at: int, comma: int, stop: int) -> int | None:
        """City, state and postcode after a street; needs a comma, a line's end, a state or a
        postcode to be sure.
        """
        place, words = comma, 0
        best: int | None = None
        while place < stop and words <= 4 and place - comma < CITY_TOKENS:
            low, kind = self.low[place], self.kind[place]
            state = self.reading.match(place, self.vocab.states, stop)
            if (
                state is None
                and low in self.vocab.state_codes
                and (
                    self.raw(place).isupper()
                    or (words and self.postcode(place + 1, stop) is not None)
                )
            ):
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
            if low in self.vocab.address_stops and not (
                self.capital(place) and words == 0 and len(low) > 2
            ):
                break
            if kind not in (WORD, MONTH, ORDINAL):
                break
            if (
                not self.capital(place)
                and low in self.vocab.words
                and low not in self.vocab.sets["town_words"]
            ):
                break
            words, place = words + 1, place + 1
        if (
            best is None
            and comma > at
            and words
            and self.capitals(comma, place)
            and ("," in self.low[at:comma] or self.kind[comma - 1] == LINE)
        ):
            return place
        return best

    def town(self, at: int, stop: int) -> int | None:
        """Return the token after a postcode and the town that follows it ("28013 Madrid", "75011
        paris").
        """
        place = self.postcode(at, stop)
        if place is None:
            return None
        end, words = place, 0
        while place < stop and words < 4 and self.kind[place] in (WORD, SEPARATOR):
            low = self.low[place]
            if (
                low in self.vocab.particles
                or low in self.vocab.sets["name_starts"]
                or (low == "-" and place > end)
            ):
                place += 1
                continue
            if (
                self.kind[place] != WORD
                or not (self.capital(place) or low not in self.vocab.words)
                or low in self.vocab.address_stops
            ):
                break
            place, words = place + 1, words + 1
            end = place
        return end

    def capitals(self, first: int, last: int) -> bool:
        return first < last and all(
            self.proper(t) for t in range(first, last) if self.kind[t] in (WORD, MONTH)
        )

    def postcode(self, at: int, stop: int, said: tuple[int, ...] = (5, 9)) -> int | None:
        """See `postcode_end`."""
        return postcode_end(self.reading, self.skip, at, stop, said)
