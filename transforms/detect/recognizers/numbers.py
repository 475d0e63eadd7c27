"""Digits as they are written and said, gathered into runs: "four one five, double two" is one run
of five digits.
"""

from __future__ import annotations

import re

from callveil.transforms.detect.budget import spend_steps
from callveil.transforms.detect.recognizers import checks
from callveil.transforms.detect.recognizers.not_numbers import blocked_tokens
from callveil.transforms.detect.recognizers.number_elements import (
    CHAIN,
    GLUED,
    LOOSE,
    PAUSE,
    REPAIR,
    TIGHT,
    WEAK,
    DigitRun,
    NumberElement,
    after_annotation,
    sign_weight,
)
from callveil.transforms.detect.recognizers.tokens import (
    HARD,
    SOFT,
    TokenizedConversation,
    TokenStream,
)
from callveil.transforms.detect.recognizers.vocabulary import (
    DIGITS,
    HUNDRED,
    LETTER,
    LINE,
    MONTH,
    MULTIPLE,
    SEPARATOR,
    TEEN,
    TENS,
    THOUSAND,
    UNIT,
    WORD,
    ZERO,
)

CONNECTORS = 10
"""At most this many words and signs may stand between two elements of one number."""

_CHAIN = re.compile(r"\d+(?:[-. ()/_]{1,2}\d+)*")
_NAMING = frozenset(("cvv", "expiry", "card", "ssn", "pin"))


class NumberParser:
    """Reads one stream of a conversation."""

    def __init__(
        self, reading: TokenizedConversation, stream: TokenStream, skip: frozenset[int]
    ) -> None:
        self.reading, self.stream, self.skip = reading, stream, skip
        self.kind, self.low, self.value = reading.kind, reading.low, reading.value

    def _kind(self, place: int) -> int:
        if not 0 <= place < len(self.stream):
            return -1
        token = self.stream[place]
        return self.kind[token] if token >= 0 else -1

    def number(
        self, place: int, inside: bool, scaled: bool = False
    ) -> tuple[str, int, bool] | None:
        """Return the number that begins at `place`: (digits, place after it, whether it was said in
        words). `scaled`: it follows a hundred.
        """
        spend_steps()
        read = _BY_KIND.get(self._kind(place))
        if read is None or (token := self.stream[place]) in self.skip:
            return None
        return read(self, place, token, inside, scaled)

    def _in_digits(
        self, place: int, token: int, inside: bool, scaled: bool
    ) -> tuple[str, int, bool] | None:
        return self._written(place, token)

    def _unit(
        self, place: int, token: int, inside: bool, scaled: bool
    ) -> tuple[str, int, bool] | None:
        sets = self.reading.vocab.sets
        if self.low[token] in sets["article_ones"] and self._article(place, inside):
            return None
        alone = not inside and self._kind(place + 1) not in (UNIT, ZERO, DIGITS, MULTIPLE, HUNDRED)
        if alone and self.low[token] in sets["ones"] and self._pronoun(token):
            return None
        return self._scaled(self.value[token], place + 1, scaled)

    def _zero(
        self, place: int, token: int, inside: bool, scaled: bool
    ) -> tuple[str, int, bool] | None:
        ahead = self._kind(self._past_signs(place + 1, 1) if inside else place + 1)
        if ahead in (UNIT, ZERO, MULTIPLE, TEEN, TENS) or (
            ahead == DIGITS and len(self.low[token]) > 1
        ):
            return "0", place + 1, True
        return (
            ("0", place + 1, True)
            if inside and self._number_before(place) and not self._clock(place)
            else None
        )

    def _number_before(self, place: int) -> bool:
        """Tell whether a number stands before `place`, signs, a hesitation or a joint passed
        over.
        """
        back, vocab = self._past_signs(place - 1, -1), self.reading.vocab
        if self._kind(back) == WORD:
            low = self.low[self.stream[back]]
            back -= low in vocab.sets["hesitations"] or low in vocab.joints
        return (
            self._kind(back) in (DIGITS, UNIT, ZERO, TEEN, TENS, HUNDRED)
            or self._sound(back) is not None
        )

    def _teen(
        self, place: int, token: int, inside: bool, scaled: bool
    ) -> tuple[str, int, bool] | None:
        return self._scaled(self.value[token], place + 1, scaled)

    def _tens(
        self, place: int, token: int, inside: bool, scaled: bool
    ) -> tuple[str, int, bool] | None:
        after = place + 1
        if (
            self._kind(after) == SEPARATOR
            and self.low[self.stream[after]] == "-"
            and self._kind(after + 1) == UNIT
        ):
            after += 1
        if self._kind(after) == UNIT and self.value[self.stream[after]] != "0":
            return self._scaled(
                str(int(self.value[token]) + int(self.value[self.stream[after]])), after + 1, scaled
            )
        return self._scaled(self.value[token], place + 1, scaled)

    def _multiple(
        self, place: int, token: int, inside: bool, scaled: bool
    ) -> tuple[str, int, bool] | None:
        """Return digits said at once ("double two"); those written count singly only."""
        ahead = self._kind(place + 1)
        if ahead in (UNIT, ZERO) or (
            ahead == DIGITS
            and len(self.value[self.stream[place + 1]]) == 1
            and self.stream[place + 1] not in self.skip
        ):
            return self.value[self.stream[place + 1]] * int(self.value[token]), place + 2, True
        return None

    def _past_signs(self, place: int, step: int) -> int:
        """Return the place reached from `place` over full stops, commas and hyphens ("Five. Oh.
        One.").
        """
        while self._kind(place) == SEPARATOR and self.low[self.stream[place]] in ".,-":
            place += step
        return place

    def _written(self, place: int, token: int) -> tuple[str, int, bool] | None:
        if self._touched(token) and not self._long(token):
            return None
        digits = self.value[token]
        if len(digits) <= 2:
            if self._kind(place + 1) == HUNDRED:
                return digits + "00", place + 2, False
            if self._kind(place + 1) == THOUSAND:
                return digits + "000", place + 2, False
        return digits, place + 1, False

    def _touched(self, token: int) -> bool:
        """Tell whether letters touch the digits of `token`; those that name them ("cvv123") or say
        "extension" don't count.
        """
        if self._named_code(token):
            return False
        return (self.reading.glued(token) and self._touches(token - 1)) or (
            token + 1 < self.reading.count
            and self.reading.glued(token + 1)
            and self._touches(token + 1)
        )

    def _named_code(self, token: int) -> bool:
        """Tell whether a cue for a card's code stands right before: what follows is no unit of it
        then ("cvv 226USD").
        """
        before = token - 1
        while before >= 0 and self.low[before] in ":=#":
            before -= 1
        if before < 0 or self.reading.turn[before] != self.reading.turn[token]:
            return False
        return any(
            cue.topic == "cvv" and cue.last - 1 == before
            for cue in self.reading.cues_of.get(self.reading.turn[token], ())
        )

    def _touches(self, token: int) -> bool:
        reading = self.reading
        if (
            self.kind[token] not in (WORD, LETTER, UNIT, TENS, ZERO)
            or self.low[token] in reading.vocab.sets["extension"]
        ):
            return False
        return not any(
            cue.first <= token < cue.last and cue.topic in _NAMING
            for cue in reading.cues_of.get(reading.turn[token], ())
        )

    def _long(self, token: int) -> bool:
        """Tell whether the digits that letters touch are long enough for a value: they are none of
        a code's then.
        """
        text, start, end = self.reading.text, self.reading.start[token], self.reading.end[token]
        ahead, back = (
            _CHAIN.match(text, start, start + CHAIN),
            _CHAIN.match(text[max(0, end - CHAIN) : end][::-1]),
        )
        return any(
            found is not None and sum(map(str.isdigit, found[0])) >= GLUED
            for found in (ahead, back)
        )

    def _scaled(self, digits: str, after: int, scaled: bool = False) -> tuple[str, int, bool]:
        kind = self._kind(after)
        if kind == THOUSAND:
            return digits + "000", after + 1, True
        if kind != HUNDRED:
            return digits, after, True
        after += 1
        if scaled:  # a hundred of hundreds is no number, whatever comes after it
            return digits + "00", after, True
        tail, joined = after, False
        if (
            self._kind(tail) == WORD
            and self.low[self.stream[tail]] in self.reading.vocab.sets["and"]
        ):
            tail, joined = tail + 1, True
        if self._kind(tail) in (TEEN, TENS) or (joined and self._kind(tail) == UNIT):
            rest = self.number(tail, True, True)
            # "eight hundred twenty one" is 821; "eight hundred five five five" goes on digit by
            # digit
            if (
                rest is not None
                and len(rest[0]) <= 2
                and self._kind(rest[1]) not in (UNIT, ZERO, TEEN, TENS, DIGITS, MULTIPLE)
            ):
                return str(int(digits) * 100 + int(rest[0])), rest[1], True
        return digits + "00", after, True

    def _pronoun(self, token: int) -> bool:
        low, vocab = self.low, self.reading.vocab
        before = token > 0 and low[token - 1] in vocab.one_before
        after = token + 1 < self.reading.count and low[token + 1] in vocab.one_after
        return before or after

    def _article(self, place: int, inside: bool) -> bool:
        """Tell whether a word that is "one" and an article too ("un") is the article: nothing of a
        number stands beside it.
        """
        ahead, pauses = (
            place + 1,
            self.reading.vocab.sets["spelling_pauses"] | self.reading.vocab.sets["hesitations"],
        )
        while self._kind(ahead) in (SEPARATOR, WORD) and (
            self.low[self.stream[ahead]] in ",-" or self.low[self.stream[ahead]] in pauses
        ):
            ahead += 1
        if self._kind(ahead) in (UNIT, ZERO, DIGITS, MULTIPLE, HUNDRED, TEEN, TENS, MONTH):
            return False
        return not inside or (
            self._kind(ahead) == WORD and self._weight(self.stream[ahead]) is None
        )

    def quantity(self, after: int) -> bool:
        """Tell whether the word at `after` makes the number before it a quantity, a time or a
        price.
        """
        while self._kind(after) == SEPARATOR and self.low[self.stream[after]] == "-":
            after += 1
        if self._clock(after):
            return True
        return (
            self._kind(after) in (WORD, ZERO, LETTER)
            and self.low[self.stream[after]] in self.reading.vocab.quantities
        )

    def _clock(self, place: int) -> bool:
        """Tell whether "o clock" stands here."""
        return (
            self._kind(place) == ZERO
            and self._kind(place + 1) == WORD
            and self.low[self.stream[place + 1]] in self.reading.vocab.sets["clock"]
        )

    def link(self, place: int) -> tuple[int, int] | None:
        """From just after an element: (strength of the link, place of the next element), or None
        where the run ends.
        """
        strength, signs = TIGHT, 0
        while place < len(self.stream) and signs <= CONNECTORS:
            token = self.stream[place]
            if token == HARD:
                return None
            if token == SOFT:
                strength = max(strength, PAUSE)
            elif (noted := after_annotation(self.reading, self.stream, place)) > place:
                strength, place = max(strength, WEAK), noted - 1
            elif self.number(place, strength < PAUSE) is not None:
                return strength, place
            else:
                weight = self._weight(token)
                if weight is None:
                    return None
                strength = max(strength, weight)
            place += 1
            signs += 1
        return None

    def _weight(self, token: int) -> int | None:
        """Tell how firmly a word or sign between two numbers holds them together; None where it
        parts them.
        """
        low, kind, vocab = self.low[token], self.kind[token], self.reading.vocab
        if kind == LINE:
            return PAUSE
        if kind == SEPARATOR:
            return sign_weight(self.reading, self.skip, token)
        if self.repairs(token):
            return REPAIR
        if low in vocab.joints:
            return TIGHT
        if low in vocab.fillers or self._pause(token):
            return WEAK
        return LOOSE if low in vocab.sets["extension"] else None

    def repairs(self, token: int) -> bool:
        """Tell whether the word takes something back, alone or with the word beside it ("sorry", "i
        mean", "scratch that").
        """
        reading, low = self.reading, self.low[token]
        if low in reading.vocab.repairs:
            return True
        if (
            low in reading.vocab.sets["before_repair"]
            and token + 1 < reading.count
            and self.low[token + 1] in reading.vocab.repairs
        ):
            return True
        return (
            low in reading.vocab.sets["after_repair"]
            and token > 0
            and self.low[token - 1] in reading.vocab.repairs
        )

    def _pause(self, token: int) -> bool:
        """Tell whether "one moment" stands here, from either of its words on."""
        low, sets = self.low, self.reading.vocab.sets
        if low[token] in sets["ones"]:
            return token + 1 < self.reading.count and low[token + 1] in sets["pauses"]
        return (
            low[token] in sets["pauses"]
            and token > 0
            and (low[token - 1] in sets["ones"] or low[token - 1] in sets["noun_articles"])
        )

    def runs(self) -> list[DigitRun]:
        out: list[DigitRun] = []
        place, stream = 0, self.stream
        for begin in stream.telling:
            first = self.number(begin, False) if begin >= place else None
            if first is None:
                continue
            place = begin
            run, link = DigitRun(), TIGHT
            number: tuple[str, int, bool] | None = first
            while number is not None:
                digits, after, _ = number
                element = self._element(number, place, link, run)
                place = after
                if (
                    len(digits) <= 4
                    and self.quantity(after)
                    and not self._named_code(element.first)
                ):
                    run.counting = element
                    break
                run.elements.append(element)
                following = self._homophone(after, run) or self.link(after)
                if following is None:
                    break
                link, place = following
                number = self._sound(place) or self.number(place, True)
            if run.elements:
                out.append(run)
        return out

    def _element(
        self, number: tuple[str, int, bool], place: int, link: int, run: DigitRun
    ) -> NumberElement:
        """Return the number that begins at `place` as the next element of `run`."""
        reading, (digits, after, spoken) = self.reading, number
        token = self.stream[place]
        before = token - 1
        plus = before >= 0 and (
            self.low[before] == "+" or self.low[before] in reading.vocab.sets["plus"]
        )
        sign = reading.text[reading.end[run.last] : reading.start[token]] if run.elements else ""
        return NumberElement(
            digits,
            token,
            self.stream[after - 1],
            link,
            spoken,
            plus,
            not spoken and self._touched(token),
            sign,
        )

    def _homophone(self, place: int, run: DigitRun) -> tuple[int, int] | None:
        """Return the link and the place of a word that sounds like a digit, where it counts as one
        in the midst of digits said one by one ("four one five to three", "eight won three two").
        """
        sound = self._sound(place)
        if sound is None or not all(e.spoken and len(e.digits) == 1 for e in run.elements[-2:]):
            return None
        ahead, sure = place, True
        while ahead < place + 4 and self._sound(ahead) is not None:
            sure = sure and self.low[self.stream[ahead]] in self.reading.vocab.sets["sure_sounds"]
            ahead += 1
        goes_on = self._kind(ahead) in (UNIT, ZERO, MULTIPLE)
        if len(run.elements) < 2:  # "one to five" is a span of numbers, "seven to four nine" is not
            goes_on = goes_on and (
                ahead > place + 1
                or self._kind(ahead + 1) in (UNIT, ZERO, MULTIPLE)
                or self._sound(ahead + 1) is not None
            )
            return (TIGHT, place) if goes_on else None
        complete = ahead == place + 1 and self._completes(run, sound[0])
        return (TIGHT, place) if goes_on or complete or (sure and len(run.elements) > 2) else None

    @staticmethod
    def _completes(run: DigitRun, digit: str) -> bool:
        """Tell whether a last "to" or "for" is the digit that is missing: of a telephone or card
        number, which is whole with it and not without.
        """
        digits = run.digits
        if len(digits) == 9 and digits[0] != "0":
            return checks.is_nanp_number(digits + digit)
        return (len(digits) == 10 and digits[0] == "0") or (
            14 <= len(digits) <= 15
            and checks.is_card_number(digits + digit)
            and not checks.is_card_number(digits)
        )

    def _sound(self, place: int) -> tuple[str, int, bool] | None:
        if place < 0 or self._kind(place) != WORD:
            return None
        digit = self.reading.vocab.homophones.get(self.low[self.stream[place]])
        return None if digit is None else (digit, place + 1, True)


_BY_KIND = {
    DIGITS: NumberParser._in_digits,
    UNIT: NumberParser._unit,
    ZERO: NumberParser._zero,
    TEEN: NumberParser._teen,
    TENS: NumberParser._tens,
    MULTIPLE: NumberParser._multiple,
}
"""How the number is read that begins with a token of a kind."""


def digit_runs(reading: TokenizedConversation) -> list[DigitRun]:
    """Return every run of numbers in every party's stream, in order; computed once per reading."""
    kept: list[DigitRun] | None = reading.__dict__.get("_runs")
    if kept is None:
        kept = []
        if reading.has_numbers:
            skip = blocked_tokens(reading)
            for stream in reading.streams:
                kept.extend(NumberParser(reading, stream, skip).runs())
        reading.__dict__["_runs"] = kept
    return kept
