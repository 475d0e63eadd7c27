"""The last digits of a number, asked for in pieces of sentences and answered in any way of saying
digits; postcodes after a state.
"""

from __future__ import annotations

import pytest

from callveil.schemas.policy_load import load_policy
from callveil.transforms.detect.conversation import View
from callveil.transforms.detect.engine import Detector
from callveil.transforms.detect.resolve import accept_findings

SAYINGS = [
    "uh [fifteen hundred]",
    "[thirty one hundred].",
    "[two thousand]",
    "[oh eight hundred], I think",
    "[15 hundred]",
    "[nine thousand one]",
    "That's [1 oh 6 nine].",
    "[nine one one oh]",
    "[eight 1 three eight]",
    "Yeah, [one 7 0 three].",
    "it's [double two fifty one]",
    "it's going to be [fifteen hundred]",
    "[twelve oh oh]",
    "okay it's [6 double 0 1]",
    "[eighty one oh 7]",
    "[4072]",
]
ASKED = {
    "for security the last four of your social please": "US_SSN",
    "Just the last four of the social security number.": "US_SSN",
    "And the last four of the card on file.": "CREDIT_CARD",
    "I'll need the last four digits of your account.": "ACCOUNT_ID",
    "Last four digits of the card, for verification.": "CREDIT_CARD",
}
BETWEEN = [
    [],
    [("caller", "One second, let me get it."), ("agent", "No rush.")],
    [("caller", "hang on I have to find it"), ("agent", "Take your time, whenever you're ready.")],
    [("caller", "Why do you need that?"), ("agent", "It's to verify it's really you.")],
]


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector(load_policy(None).detect)


def found(detector: Detector, turns: list[tuple[str, str]]) -> set[tuple[str, str]]:
    """Return text and type of what the default policy redacts."""
    view = View.of_turns(turns)
    ((_, results),) = list(detector.run([(view, None)], "en"))
    assert isinstance(results, list)
    return {
        (view.text[s.start : s.end], s.entity)
        for s in accept_findings(view.text, results, load_policy(None).base)[0]
    }


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize(
    "between", BETWEEN, ids=["at once", "a second", "a search", "a question back"]
)
def test_last_digits_are_found(
    detector: Detector, asked: str, between: list[tuple[str, str]]
) -> None:
    for saying in SAYINGS:
        value = saying[saying.index("[") + 1 : saying.index("]")]
        turns = [("agent", asked), *between, ("caller", saying.replace("[", "").replace("]", ""))]
        assert (value, ASKED[asked]) in found(detector, turns), turns


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("how much is the rent", "fifteen hundred a month"),
        ("what's the account for", "it's about fifteen hundred dollars that I was charged"),
        ("This is about your account.", "I was charged 4500 last month"),
        ("Thanks for calling about your order.", "I have 1200 sheets to print"),
    ],
)
def test_amounts_are_no_last_digits(detector: Detector, asked: str, said: str) -> None:
    assert found(detector, [("agent", asked), ("caller", said)]) == set()


@pytest.mark.parametrize(
    "text",
    [
        "my card ends 4242 exp 04/29",
        "card number ends 4242",
        "it's the visa that ends 4242, expires 04/29",
        "card finishing 4242 exp 04/29",
    ],
)
def test_last_digits_are_told_by_a_card_that_ends_so(detector: Detector, text: str) -> None:
    assert ("4242", "CREDIT_CARD") in found(detector, [("caller", text)])


@pytest.mark.parametrize(
    "text",
    [
        "the sale ends 2030",
        "my shift ends 1800",
        "the game ends 3 2",
        "card finishing touches 1200",
    ],
)
def test_what_ends_otherwise_has_no_last_digits(detector: Detector, text: str) -> None:
    assert found(detector, [("caller", text)]) == set()


@pytest.mark.parametrize(
    "text",
    [
        "the customer lives in Denver, CO [80206] and wants a quote",
        "(city), CO [80206] and wants two rooms",
        "shipping to Austin TX [78701] next week",
        "moved from Portland, OR [97209-1234] last year",
        "lives in Saint Paul, Minnesota [55104] and would like a call",
        "i live in florida [33139]",
        "he moved to austin texas [seven eight seven oh one] last month",
        "Caller from CO [80206] wants a visit",
    ],
)
def test_postcodes_after_a_state_are_found(detector: Detector, text: str) -> None:
    value = text[text.index("[") + 1 : text.index("]")]
    assert (value, "ZIP_CODE") in found(
        detector, [("agent", text.replace("[", "").replace("]", ""))]
    )


@pytest.mark.parametrize(
    "text",
    [
        "call me OR 20000 people will",
        "in Washington 2019 was a good year",
        "Texas 45 degrees",
        "PLEASE COME IN 80206 TIMES",
    ],
)
def test_other_numbers_after_two_letters_are_no_postcodes(detector: Detector, text: str) -> None:
    assert "ZIP_CODE" not in {entity for _, entity in found(detector, [("agent", text)])}
