"""Forms that a number is known by, whatever words stand beside it: as a table, the surest first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from callveil.transforms.detect.recognizers import checks
from callveil.transforms.detect.recognizers.context import Topic
from callveil.transforms.detect.recognizers.number_elements import REPAIR, TIGHT, NumberElement
from callveil.transforms.detect.recognizers.tokens import TokenizedConversation


@dataclass(frozen=True, slots=True)
class NumberCandidate:
    """Elements that may be one value, and what is asked of them once for all forms.

    Attributes:
        regions: CLDR regions whose numbers are telephone numbers without a country code.
        sizes: digits of each element.
        spoken: most were said in words.
        tight: nothing but a sign stands between them.
        card: the words beside speak of a card.
        told: the first topic whose kind admits so many digits.
    """

    reading: TokenizedConversation
    regions: tuple[str, ...]
    elements: list[NumberElement]
    digits: str
    sizes: list[int]
    spoken: bool
    tight: bool
    card: bool
    told: Topic | None

    @property
    def plus(self) -> bool:
        return self.elements[0].plus

    @property
    def open(self) -> bool:
        """Tell whether no other word names it than one for a telephone."""
        return self.told is None or self.told.name == "phone"


@dataclass(frozen=True, slots=True)
class NumberForm:
    """A form that numbers are known by.

    Attributes:
        entity, why: what has it, and its name.
        topic: a cue of this topic makes it surer.
        least, most: how many digits it has.
        score: the score of a number that has it; 0 where it has not.
    """

    entity: str
    why: str
    topic: str
    least: int
    most: int
    score: Callable[[NumberCandidate], float]


def _repaired_card(elements: Sequence[NumberElement]) -> bool:
    """Tell whether a card number comes out once what was taken back is left out ("four five, no
    sorry, four six").
    """
    digits = "".join(e.digits for e in elements)
    places = [
        sum(len(e.digits) for e in elements[:i])
        for i, e in enumerate(elements)
        if i and e.link == REPAIR
    ]
    return any(
        checks.is_card_number(digits[: place - dropped] + digits[place:])
        for place in places[:4]
        for dropped in range(1, min(place, 16) + 1)
    )


def _valid(number: NumberCandidate) -> bool:
    return any(
        checks.is_valid_phone(number.digits, region)
        for region in (*number.regions, *number.reading.vocab.regions)
    )


def _card(number: NumberCandidate) -> float:
    right = not number.plus and (
        checks.is_card_number(number.digits) or _repaired_card(number.elements)
    )
    return right * (1.0 if number.card else 0.9)


def _ssn(number: NumberCandidate) -> float:
    named = number.told is not None and number.told.name == "ssn"
    fits = (
        number.sizes == [3, 2, 4]
        and (number.told is None or named)
        and number.digits[0] != "9"
        and number.digits[:3] not in ("000", "666")
    )
    return fits * (0.85 if named else 0.6)


def _dialled(number: NumberCandidate) -> float:
    return 0.65 * (
        number.open
        and checks.is_international_number(number.digits)
        and (number.spoken or number.tight)
    )


def _north_american(number: NumberCandidate) -> float:
    fits = (
        number.open
        and checks.is_nanp_number(number.digits)
        and (len(number.digits) == 10 or number.digits[0] == "1")
    )
    return fits * (0.6 if len(number.elements) == 1 and not number.spoken else 0.75)


def _national(number: NumberCandidate) -> float:
    forms = number.reading.vocab.phone_forms
    usual = len(number.digits) in (10, 11) and number.digits[0] == "0" and number.digits[1] != "0"
    return 0.65 * (
        number.open
        and (usual or (forms is not None and forms.fullmatch(number.digits) is not None))
    )


def _local(number: NumberCandidate) -> float:
    return 0.5 * (
        number.open
        and number.sizes == [3, 4]
        and not number.spoken
        and number.elements[-1].link == TIGHT
    )


def _given_out(number: NumberCandidate) -> float:
    return 0.6 * (
        number.open
        and not number.spoken
        and len(number.elements) > 1
        and number.tight
        and _valid(number)
    )


_ANY = 1_000_000
FORMS = (
    NumberForm("CREDIT_CARD", "valid card number", "card", 13, 28, _card),
    NumberForm(
        "PHONE_NUMBER", "international form", "phone", 8, 15, lambda number: 0.85 * number.plus
    ),
    NumberForm("US_SSN", "form of a social security number", "ssn", 9, 9, _ssn),
    NumberForm("PHONE_NUMBER", "number dialled to another country", "phone", 10, _ANY, _dialled),
    NumberForm("PHONE_NUMBER", "North American number", "phone", 10, 11, _north_american),
    NumberForm("PHONE_NUMBER", "national number", "phone", 1, _ANY, _national),
    NumberForm("PHONE_NUMBER", "local number", "phone", 7, 7, _local),
    NumberForm("PHONE_NUMBER", "valid number", "phone", 8, 15, _given_out),
)
"""Forms of values, the surest first."""
