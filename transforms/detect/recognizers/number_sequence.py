"""Runs of digits that hold several values: the best way to cut "4539 9103 1776 4670 12/27 123"."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from callveil.transforms.detect.budget import spend_steps
from callveil.transforms.detect.recognizers import checks
from callveil.transforms.detect.recognizers.number_elements import PAUSE, TIGHT, NumberElement

LONGEST = 19
"""Digits of the longest value that is known by its form (a payment card)."""
SHORTEST = 8
"""Digits of the shortest one (an international telephone number)."""
DETAIL, DETAILS = 0.9, 9
"""Weight of a digit of an expiry date or code behind a card, and elements of both at most."""
CARD_GROUPS = ([4, 4, 4, 4], [4, 6, 5], [4, 6, 4])
"""How cards are printed: most brands, American Express, Diners Club."""

_PHONE_GROUPS = (
    [10],
    [11],
    [3, 7],
    [3, 3, 4],
    [6, 4],
    [1, 10],
    [1, 3, 7],
    [1, 3, 3, 4],
    [1, 6, 4],
    [4, 3, 4],
)
_EXPIRY = re.compile(r"(?:0[1-9]|1[0-2])(?:20)?[2-4]\d\Z")
_WRITTEN_ON = re.compile(r"(?:0[1-9]|1[0-2])(?:20)?[2-4]\d\d{0,4}\Z")
_SHORT_EXPIRY = re.compile(r"[1-9][2-4]\d\Z")


@dataclass(frozen=True, slots=True)
class DigitValue:
    """Elements of a run, half-open, that are one value.

    Attributes:
        first, stop: positions in the run.
        entity: entity type; empty for a stretch that has no known form.
        score: 0 to 1.
        why: the form that was recognised; never the value.
        weight: how much each digit speaks for the cut, 0 to 1.
    """

    first: int
    stop: int
    entity: str = ""
    score: float = 0.0
    why: str = ""
    weight: float = 0.0


Form = Callable[[Sequence[NumberElement], int, int], DigitValue | None]
"""The value that elements `first` to `stop` (half-open) are by their form alone, if any."""


def cache_form(form: Form) -> Form:
    """Return a form that judges the same elements of one reading once: a run is cut again for every
    part that it falls into.

    Elements that follow each other are known by their first and last token.
    """
    kept: dict[tuple[int, int], DigitValue | None] = {}

    def judge(elements: Sequence[NumberElement], first: int, stop: int) -> DigitValue | None:
        key = elements[first].first, elements[stop - 1].last
        if key not in kept:
            kept[key] = form(elements, first, stop)
        value = kept[key]
        return (
            value
            if value is None or value.first == first
            else replace(value, first=first, stop=stop)
        )

    return judge


def cut_run(elements: Sequence[NumberElement], form: Form) -> list[DigitValue]:
    """Cut a run into values and stretches between them, so that most digits belong to the surest.

    Dynamic programming over the borders between elements. A value has at most `LONGEST` digits, so
    the work grows with the length of the run alone. Expiry date and code count with the card that
    stands before them.
    """
    best: list[tuple[float, list[DigitValue]]] = [(0.0, []) for _ in range(len(elements) + 1)]
    for stop in range(1, len(elements) + 1):
        _offer(best, stop, best[stop - 1][0], [])
        spend_steps(LONGEST)
        digits = 0
        for first in range(stop - 1, -1, -1):
            digits += len(elements[first].digits)
            if digits > LONGEST:
                break
            value = form(elements, first, stop) if digits >= SHORTEST else None
            if value is None:
                continue
            # Equal sums are decided for fewer values.
            worth = best[first][0] + value.weight * digits - 0.01
            _offer(best, stop, worth, [value])
            if value.entity == "CREDIT_CARD":
                for details in _behind(elements, stop):
                    size = sum(len(e.digits) for e in elements[stop : details[-1].stop])
                    _offer(best, details[-1].stop, worth + DETAIL * size, [value, *details])
    out: list[DigitValue] = []
    place = border = len(elements)
    while place:
        values = best[place][1]
        if not values:
            place -= 1
            continue
        if place < border:
            out.append(DigitValue(place, border))
        out.extend(reversed(values))
        place = border = values[0].first
    if border:
        out.append(DigitValue(0, border))
    return out[::-1]


def _offer(
    best: list[tuple[float, list[DigitValue]]], stop: int, worth: float, values: list[DigitValue]
) -> None:
    """Take `values` as what ends at `stop` where nothing better does."""
    if worth > best[stop][0] or (worth == best[stop][0] and not values):
        best[stop] = worth, values


def _behind(elements: Sequence[NumberElement], first: int) -> list[list[DigitValue]]:
    """Expiry date and code that stand at `first`: all of them, and each shorter beginning."""
    values = card_details(elements[first : first + DETAILS])
    known = [v for v in values if v.entity in ("CARD_EXPIRY", "CVV")]
    if known != values[: len(known)]:
        return []
    moved = [
        DigitValue(v.first + first, v.stop + first, v.entity, v.score, v.why, DETAIL) for v in known
    ]
    return [moved[: n + 1] for n in range(len(moved))]


@dataclass(frozen=True)
class ContextFreeForms:
    """Forms of values without any word beside them.

    Args:
        regions: CLDR regions whose numbers are telephone numbers without a country code.
        national_ids: state numbers of the language, of `checks.NATIONAL`.
        phone_forms: national telephone numbers of the language, digits only.
        cued: the words beside the run speak of a card, so that one digit may be wrong, lost or
            doubled.
    """

    regions: tuple[str, ...]
    national_ids: frozenset[str] = frozenset()
    phone_forms: re.Pattern[str] | None = None
    cued: bool = False

    def __call__(
        self, elements: Sequence[NumberElement], first: int, stop: int
    ) -> DigitValue | None:
        """See `Form`."""
        parts = elements[first:stop]
        digits = "".join([e.digits for e in parts])
        told = (
            self._state_number(digits)
            or self._card(digits, parts)
            or self._ssn(digits, parts)
            or self._phone(digits, parts)
        )
        if told is None:
            return None
        widest = max([e.link for e in parts[1:]], default=TIGHT)
        if widest > PAUSE or any(e.plus for e in parts[1:]):
            return None
        entity, weight, score, why = told
        if widest == PAUSE:
            weight -= 0.1  # a value said in one breath is likelier than one over two turns
        elif widest > TIGHT or not _alike(parts):
            weight -= 0.15
        return DigitValue(first, stop, entity, score, why, weight)

    def _state_number(self, digits: str) -> tuple[str, float, float, str] | None:
        entity = checks.national_id_type(digits, self.national_ids) if self.national_ids else None
        return (entity, 1.0, 0.8, "state number with right check digits") if entity else None

    def _card(
        self, digits: str, parts: Sequence[NumberElement]
    ) -> tuple[str, float, float, str] | None:
        if not 12 <= len(digits) <= LONGEST or parts[0].plus:
            return None
        usual, brand = checks.card_brand(digits)
        if not brand and not self.cued:
            return None
        near = checks.card_brand(digits[:-1])[0] or checks.card_brand(f"{digits}0")[0]
        if self.cued and near and not usual and (len(parts) == 1 or _card_like(parts)):
            return "CREDIT_CARD", 0.75, 0.5, "a card number but for one digit"
        if self.cued and usual and not checks.luhn(digits) and _card_like(parts):
            return "CREDIT_CARD", 0.8, 0.5, "a card number but for one digit"
        if not brand:
            return None
        if checks.luhn(digits):
            # Longer forms of a brand exist but are rare: shorter ones before other digits are not.
            # One number in ten has the right check digit, so odd groups speak against a card.
            weight = min(1.0 if usual else 0.7, 1.0 if _card_like(parts) else 0.5)
            return "CREDIT_CARD", weight, 0.9, "valid card number"
        if usual and (len(parts) == 1 or (_card_like(parts) and min(group_sizes(parts)) >= 4)):
            return "CREDIT_CARD", 0.8, 0.5, "length and first digits of a brand's cards"
        return None

    def _ssn(
        self, digits: str, parts: Sequence[NumberElement]
    ) -> tuple[str, float, float, str] | None:
        if len(parts) == 3 and group_sizes(parts) == [3, 2, 4] and checks.is_ssn(digits):
            return "US_SSN", 0.95, 0.6, "form of a social security number"
        return None

    def _phone(
        self, digits: str, parts: Sequence[NumberElement]
    ) -> tuple[str, float, float, str] | None:
        count = len(digits)
        if count > 18:
            return None
        spoken = sum([e.spoken for e in parts]) * 2 > len(parts)
        if parts[0].plus and count <= 15:
            sure = checks.is_valid_phone(f"+{digits}", None)
            return "PHONE_NUMBER", 0.98 if sure else 0.6, 0.85, "international form"
        if checks.is_international_number(digits) and (len(parts) == 1 or _alike(parts)):
            return "PHONE_NUMBER", 0.97, 0.65, "number dialled to another country"
        if checks.is_nanp_number(digits) and (count == 10 or digits[0] == "1"):
            if spoken or group_sizes(parts) in _PHONE_GROUPS:
                weight = 0.85 if spoken else 0.95 if len(parts) > 1 else 0.9
                if spoken and any(len(e.digits) > 2 and not e.spoken for e in parts):
                    weight = 0.6  # hardly anyone says one half and writes the other
                return "PHONE_NUMBER", weight, 0.6, "North American number"
            return None
        if count > 12 or (not spoken and (len(parts) > 6 or not _alike(parts))):
            return None
        if not spoken and any(e.link > TIGHT for e in parts[1:]):
            return None
        weight = 0.75 if len({e.sign for e in parts[1:]}) < 2 else 0.7
        if count in (10, 11) and digits[0] == "0" and digits[1] != "0":
            return "PHONE_NUMBER", weight, 0.65, "national number"
        if self.phone_forms is not None and self.phone_forms.fullmatch(digits):
            return "PHONE_NUMBER", weight, 0.65, "national number"
        if (
            not spoken
            and 2 <= len(parts) <= 5
            and count <= 12
            and any(checks.is_valid_phone(digits, region) for region in self.regions)
        ):
            return "PHONE_NUMBER", 0.6, 0.6, "valid number"
        return None


def _alike(parts: Sequence[NumberElement]) -> bool:
    """Tell whether written parts are joined by one sign, but for the first, which may set a prefix
    off ("(415) 555-0142").
    """
    signs = [e.sign.strip() or e.sign[:1] for e in parts[1:]]
    if signs and parts[0].plus:
        signs = signs[1:]
    return len(set(signs[1:])) <= 1 and (
        len(signs) < 2 or signs[0] in (signs[1], ")", "/", " ", "-")
    )


def _card_like(parts: Sequence[NumberElement]) -> bool:
    """Tell whether the digits are grouped as people write a card: one sign, groups alike or none
    short but the last.
    """
    sizes, signs = group_sizes(parts)[:-1], {e.sign for e in parts[1:]}
    if any(e.spoken for e in parts):
        return True
    return len(signs) < 2 and (len(set(sizes)) < 2 or min(sizes) >= 4)


def group_sizes(elements: Sequence[NumberElement]) -> list[int]:
    """Tell how many digits each element has."""
    return [len(e.digits) for e in elements]


def joined_card(digits: str) -> int:
    """Tell how many of `digits` are a card whose expiry date or code is written on; 0 where none
    is.
    """
    if not 16 < len(digits) <= 30 or checks.card_brand(digits)[0]:
        return 0
    for size in (16, 15, 14):
        number, rest = digits[:size], digits[size:]
        if checks.card_brand(number)[0] and (checks.luhn(number) or _WRITTEN_ON.match(rest)):
            return size
    return 0


def card_details(elements: Sequence[NumberElement], code: bool = True) -> list[DigitValue]:
    """Return what stands beside a card: expiry date, verification code, postcode, in the order
    given.

    Args:
        elements: what stands there.
        code: a verification code may be among it.

    Returns: values over `elements`; what fits none of the three is a stretch without entity.
    """
    out: list[DigitValue] = []
    place, codes = 0, int(not code)
    while place < len(elements):
        found = _detail(elements, place, codes == 0)
        codes += found.entity == "CVV"
        if not found.entity and out and not out[-1].entity:
            out[-1] = DigitValue(out[-1].first, found.stop)
        else:
            out.append(found)
        place = found.stop
    return out


def _detail(elements: Sequence[NumberElement], first: int, code: bool) -> DigitValue:
    digits, fits = "", []
    for stop in range(first + 1, min(first + 7, len(elements) + 1)):
        digits += elements[stop - 1].digits
        whole = len(elements) - stop == 0
        if _EXPIRY.match(digits) or (_SHORT_EXPIRY.match(digits) and stop - first == 2):
            fits.append(
                (3, DigitValue(first, stop, "CARD_EXPIRY", 0.6, "expiry beside a card number"))
            )
        elif code and 3 <= len(digits) <= 4:
            fits.append(
                (2 + whole, DigitValue(first, stop, "CVV", 0.6, "code beside a card number"))
            )
        elif len(digits) == 5 or [len(e.digits) for e in elements[first:stop]] == [5, 4]:
            fits.append(
                (1, DigitValue(first, stop, "ZIP_CODE", 0.5, "postcode beside a card number"))
            )
    if not fits:
        return DigitValue(first, first + 1)
    return max(fits, key=lambda fit: (fit[0], fit[1].stop))[1]
