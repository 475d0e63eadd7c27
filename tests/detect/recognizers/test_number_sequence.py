"""Values in a row: each stays covered whatever stands beside it. All numbers are generated."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.neighbouring_values import NEIGHBOURS, ONES, SIGNS, VALUES, digits, pair, plain_card

from callveil.schemas.policy_load import parse_policy
from callveil.transforms.detect.conversation import View
from callveil.transforms.detect.engine import Detector
from callveil.transforms.detect.recognizers.number_elements import NumberElement
from callveil.transforms.detect.recognizers.number_sequence import DigitValue, card_details, cut_run
from callveil.transforms.detect.resolve import accept_findings

POLICY = parse_policy("version: 1\nextends: gdpr\ndetect: {model: none}\n")


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector(POLICY.detect)


def left(detector: Detector, text: str) -> str:
    """The text with what the default policy covers written as `_`."""
    ((_, spans),) = detector.run([(View(text), None)], "en")
    assert isinstance(spans, list)
    covered = {
        i for s in accept_findings(text, spans, POLICY.base)[0] for i in range(s.start, s.end)
    }
    return "".join("_" if i in covered else c for i, c in enumerate(text))


PAIRS = st.tuples(
    st.sampled_from(sorted(VALUES)),
    st.sampled_from(sorted(NEIGHBOURS) + sorted(VALUES)),
    st.sampled_from(SIGNS),
    st.booleans(),
    st.integers(0, 2**32),
)


def check_pair(detector: Detector, drawn: tuple[str, str, str, bool, int]) -> None:
    kind, neighbour, sign, front, seed = drawn
    found = pair(random.Random(seed), kind, neighbour, sign, front)
    if found is None:
        return
    shown = left(detector, found.text)
    assert not any(c.isalnum() for c in shown[found.start : found.end]), (found.text, shown)


@settings(max_examples=2000)
@given(PAIRS)
def test_a_value_stays_covered_beside_any_neighbour(
    detector: Detector, drawn: tuple[str, str, str, bool, int]
) -> None:
    check_pair(detector, drawn)


@pytest.mark.soak
@settings(max_examples=20_000)
@given(PAIRS)
def test_a_value_stays_covered_beside_any_neighbour_soak(
    detector: Detector, drawn: tuple[str, str, str, bool, int]
) -> None:
    check_pair(detector, drawn)


@settings(max_examples=300)
@given(st.integers(0, 2**32), st.sampled_from((" ", ", ", " um ", " and ", "\n")), st.booleans())
def test_spoken_cards_stay_covered_beside_spoken_digits(
    detector: Detector, seed: int, sign: str, front: bool
) -> None:
    rng = random.Random(seed)
    value = " ".join(ONES[int(d)] for d in plain_card(rng))
    beside = " ".join(ONES[int(d)] for d in digits(rng, rng.choice((3, 4, 7, 10))))
    text = value + sign + beside if front else beside + sign + value
    shown = left(detector, text)
    start = 0 if front else len(text) - len(value)
    assert not any(c.isalnum() for c in shown[start : start + len(value)]), (text, shown)


@pytest.mark.parametrize(
    "text",
    [
        "4539910317764670 12/27 123",
        "4539910317764670 94107",
        "415-555-0194 628-555-0123",
        "415-555-0194 / 628-555-0123",
        "4539910317764670 457-74-3997 (415) 555-0194",
        "4539 9103 1776 4670 4111 1111 1111 1111",
        "4951291343715070 0928 417",
        "5535 4696 0267 1885 0928 123",
        "371449635398431 0928 4417",
        "4951291343715070 - 0928 - 417",
        "371449635398431 0928-1417",
        "4155550142 6285550177 5105550123",
        "phone630-596-1187",
        "is630-596-1187",
        "536_22_8712",
        "4539_9103_1776_4670",
        "4539910317764670USD",
        "AT611904300234573201",
        "DE89 3704 0044 0532 0130 00",
        "4539910317764670\n12/27\n123",
        "12/27 4539910317764670 123",
        "123 4539910317764670",
        "90210 4539910317764670",
        "4539910317764670|12|2027|123",
        "020 7946 0958 07700 900123",
        "+44 20 7946 0958 +1 415 555 0142",
        "4539910317764671 12/27 123",
        "12345678901234567890123456",
    ],
)
def test_no_digit_stays(detector: Detector, text: str) -> None:
    assert not any(c.isdigit() for c in left(detector, text)), left(detector, text)


@pytest.mark.parametrize(
    "text",
    [
        "we are open 10.30-16.00 on Saturday",
        "open 9:00 - 17:30",
        "Mon to Fri 0900-1700",
        "Mon 0900-1200 1300-1700",
        "at 1748503543 the webhook fired",
        "at 1748503543123 it fired",
        "valid 2015-2016 and 2019/2020",
        "error code 0x80070057",
        "the unit is 1200x800x2100 mm",
        "from 03/2015 – 03/2016",
        "version 10.15.7 build 19",
        "1 2 3 4 5 6 7 8 9 10 11 12",
        "in 2015 2016 2017 2018 2019",
        "at 51.5074, -0.1278",
        "a 3,500 to 12,000 range",
        "call 24 hours, 7 days",
        "it is 100% or $1,250.00",
    ],
)
def test_ranges_times_sizes_and_stamps_stay_readable(detector: Detector, text: str) -> None:
    assert left(detector, text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("我的卡号是4539910317764670，谢谢", "我的卡号是________________，谢谢"),
        ("カード番号は4539910317764670です", "カード番号は________________です"),
        ("please pay AT611904300234573201 ASAP NOW", "please pay ____________________ ASAP NOW"),
        ("415-555-0142 2 rooms", "____________ 2 rooms"),
        ("919 279 2327-1227", "____________-1227"),
        ("4539 9103 1776 4670 USD", "___________________ USD"),
        ("order total $20,4155550142", "order total $20,__________"),
    ],
)
def test_only_the_value_goes(detector: Detector, text: str, shown: str) -> None:
    assert left(detector, text) == shown


def elements(*groups: str) -> list[NumberElement]:
    """Written groups with a space between."""
    return [NumberElement(g, n, n, sign=" " if n else "") for n, g in enumerate(groups)]


@settings(max_examples=300)
@given(
    st.lists(st.integers(1, 6), min_size=1, max_size=9),
    st.dictionaries(
        st.tuples(st.integers(0, 8), st.integers(1, 9)),
        st.sampled_from((0.3, 0.6, 0.9, 1.0)),
        max_size=12,
    ),
)
def test_cutting_finds_the_best_sequence(
    sizes: list[int], known: dict[tuple[int, int], float]
) -> None:
    run = elements(*("1" * size for size in sizes))

    def form(_: object, first: int, stop: int) -> DigitValue | None:
        weight = known.get((first, stop))
        return None if weight is None else DigitValue(first, stop, "X", weight=weight)

    def best(place: int) -> float:
        """By trying every sequence."""
        if place == len(sizes):
            return 0.0
        worth = [best(place + 1)]
        for (first, stop), weight in known.items():
            count = sum(sizes[first:stop])
            if first == place and first < stop <= len(sizes) and 8 <= count <= 19:
                worth.append(weight * count - 0.01 + best(stop))
        return max(worth)

    parts = cut_run(run, form)
    assert [p.first for p in parts] == [0, *(p.stop for p in parts[:-1])]
    assert parts[-1].stop == len(sizes)
    assert sum(
        p.weight * sum(sizes[p.first : p.stop]) - 0.01 for p in parts if p.entity
    ) == pytest.approx(best(0))


@pytest.mark.parametrize(
    ("groups", "wanted"),
    [
        (("12", "27", "123"), ["CARD_EXPIRY", "CVV"]),
        (("1227", "123"), ["CARD_EXPIRY", "CVV"]),
        (("09", "2028"), ["CARD_EXPIRY"]),
        (("123",), ["CVV"]),
        (("4417",), ["CVV"]),
        (("94107",), ["ZIP_CODE"]),
        (("0928", "417", "94107"), ["CARD_EXPIRY", "CVV", "ZIP_CODE"]),
        (("0928", "417", "94107", "1234"), ["CARD_EXPIRY", "CVV", "ZIP_CODE"]),
        (("2",), [""]),
    ],
)
def test_details_beside_a_card(groups: tuple[str, ...], wanted: list[str]) -> None:
    assert [v.entity for v in card_details(elements(*groups))] == wanted
