"""Names without a capital that a frame gives away. All is invented.

A bracket holds what must go, everything else must stay.
"""

from __future__ import annotations

import re

import pytest

from callveil.schemas.policy_load import load_policy
from callveil.transforms.detect.conversation import View
from callveil.transforms.detect.engine import Detector
from callveil.transforms.detect.recognizers.recipients import recipients
from callveil.transforms.detect.recognizers.tokens import TokenizedConversation
from callveil.transforms.detect.recognizers.vocabulary import load_vocabulary
from callveil.transforms.detect.resolve import accept_findings, merge_spans

HIDDEN = """
pls send 2 xl boxes to [quentin] at [9b Thistle Mews], my card ends [4242] exp [04/29]
deliver the sofa to [tamsin] at [3 Cobble Yard]
Post it to [ottoline] at [22 Heron Walk]
post it to [ottoline] at [22 heron walk]
c/o [perpetua], [5 Mill Lane]
attn: [grace], [5 Mill Lane]
deliver to [rose at 14 Farrow Lane]
ship 3 to [tamsin bell], [44 Orchard Street]
Send 2 boxes to [kwabena] at [9 Thistle Mews]
Hi, call [tamsin] on [07700 900123]. I paid on Friday
The weather was bad on Friday so it will be collected by [tamsin]
Leave it with [grace] on Friday at the front desk
Book it under [mark]. I paid on Friday
ask for [will] at reception
Make the cheque payable to [tamsin]. I paid on Friday
Hi, [mark] will be home after 5. I paid on Friday
Hi, [grace]'s the one who signs for it. I paid on Friday
bring 2 pizzas to the porch for [hyacinth], [9 Elm Grove]
Handed the iPhone to [wren] at the front desk
SEND 2 BOXES TO [QUENTIN] AT [9B THISTLE MEWS]
Which way, did you say it is left with [ignatius]?
could you get them to deliver it to [marisol at nine b thistle mews] please
""".strip().splitlines()

KEPT = """
send it to reception at [9b Thistle Mews]
deliver to work at [14 Farrow Lane]
leave it with security at the front desk, I paid on Friday
leave it for pickup at 5, I paid on Friday
pick up by noon
ask for help. I paid on Friday
Put it under the mat, I paid on Friday
Is it under warranty? I bought it in May
Text bill to me on Friday
phone bill is wrong, I paid on Friday
A yellow lexus will pick you up on Friday
The price will pick up in March
give it a go with chrome on the Mac
send it to iphone at once, not the Mac
a hotel call lovell lodge
Everyone will be home on Friday
I asked for refnud on Friday
mail [quentin.k@example.com] on Friday
pass it to dir/quentin/notes on Friday
the sale ends 2030
my shift ends 1800
""".strip().splitlines()

BUSINESSES = [
    "Good morning and welcome to Ortolan's Half Year 2020 Results",
    "Hello and welcome to Tessaly's first quarter 2022 results",
    "Bexley's earnings call",
    "Thank you for joining us today to review Tessaly's record second quarter results today",
]
PEOPLE = [
    "did you see Okafor's first quarter earnings",
    "my son Okwudili's half year results are poor",
    "welcome to John's first quarter results",
]


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector(load_policy(None).detect)


def hidden(detector: Detector, text: str) -> set[int]:
    """Offsets of the letters and digits that the default policy redacts."""
    ((_, found),) = list(detector.run([(View(text), None)], "en"))
    assert isinstance(found, list)
    return {
        i
        for s in merge_spans(accept_findings(text, found, load_policy(None).base)[0])
        for i in range(s.start, s.end)
        if text[i].isalnum()
    }


@pytest.mark.parametrize("line", [*HIDDEN, *KEPT])
def test_recipients_and_nobody_else(detector: Detector, line: str) -> None:
    wanted: set[int] = set()
    text = ""
    for part in re.split(r"(\[.*?\])", line):
        bare = part.strip("[]")
        if part != bare:
            wanted.update(i for i, c in enumerate(bare, len(text)) if c.isalnum())
        text += bare
    assert "".join(c for i, c in enumerate(text) if i in hidden(detector, text)) == "".join(
        text[i] for i in sorted(wanted)
    )


@pytest.mark.parametrize(
    ("text", "person"), [*((t, False) for t in BUSINESSES), *((t, True) for t in PEOPLE)]
)
def test_results_of_a_business_are_no_person(detector: Detector, text: str, person: bool) -> None:
    assert bool(hidden(detector, text)) is person


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "leave it with tamsin, thanks",
            [("tamsin", False)],
        ),  # no list has it and no address follows: the model must agree
        ("leave it with tamsin at 9 elm grove", [("tamsin", True)]),
        ("ship it to florence at 9 elm grove", [("florence", True)]),  # a town too
        ("ship it to florence tomorrow", [("florence", False)]),
        ("ship it to Florence tomorrow", []),
        ("it goes to leeds, deliver to quentin's hotel", []),
        ("i need to leave christ 's college", []),
        ("quentin'll be home", [("quentin", True)]),
    ],
)
def test_what_tells_a_recipient(text: str, told: list[tuple[str, bool]]) -> None:
    read = TokenizedConversation(text, (), load_vocabulary("en"))
    assert [(text[read.start[r.first] : r.end], r.sure) for r in recipients(read)] == told
