"""People by evidence: the lexicon, what it makes of words, and the frames that hold a name that is
a word. Names and pairs are invented.
"""

from __future__ import annotations

import string
from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callveil.schemas.policy_load import load_policy
from callveil.transforms.detect import lexicon as module
from callveil.transforms.detect.conversation import View
from callveil.transforms.detect.engine import Detector
from callveil.transforms.detect.lexicon import FILE, SECTIONS, load_lexicon, pack_lexicon
from callveil.transforms.detect.recognizers.evidence import (
    BOTH,
    NAME,
    RARE,
    THING,
    is_ordinary_word,
    word_kind,
)
from callveil.transforms.detect.resolve import accept_findings, merge_spans

WORDS = st.frozensets(
    st.text(string.ascii_lowercase + "'", min_size=1, max_size=40), min_size=1, max_size=30
)
FRAMES = {
    "asked": "A: may i have your full name please / {}",
    "told": "Hi, my name is {} and I need some help.",
    "spoke": "I spoke to {} last week about the bill.",
    "agent": "Yesterday {} told me that it was ready.",
    "end": "The parcel was signed for by {}.",
    "file": "Could you check whether {} is on the account too?",
}
LEAST = 0.93
EATEN = {("African", True): 0.92}
"""Origins of whose sixteen names here some are words alone ("Blessing Sunday", "Comfort"), without
a capital to tell.
"""


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector(load_policy(None).detect)


def covered(detector: Detector, lines: list[str]) -> list[tuple[str, set[int]]]:
    """The text of each line, whose turns a slash parts, and the offsets the default policy redacts
    in it.
    """
    rules = load_policy(None).base
    views = [
        View.of_turns(
            [
                ("agent", p[3:]) if p.lower().startswith("a: ") else ("caller", p)
                for p in line.split(" / ")
            ]
        )
        for line in lines
    ]
    out = []
    for view, (_, found) in zip(views, detector.run([(v, None) for v in views], "en"), strict=True):
        assert isinstance(found, list)
        out.append(
            (
                view.text,
                {
                    i
                    for s in merge_spans(accept_findings(view.text, found, rules)[0])
                    for i in range(s.start, s.end)
                },
            )
        )
    return out


def origins() -> dict[str, list[str]]:
    """Full names by origin."""
    out, heading = {}, ""
    for line in (
        (Path(__file__).parent / "spoken" / "origins.txt").read_text(encoding="utf-8").splitlines()
    ):
        if line.startswith("## "):
            heading = line[3:]
        elif line and not line.startswith("#"):
            out[heading] = [name.strip() for name in line.split("|")]
    return out


@given(words=WORDS, first=WORDS, last=WORDS)
def test_a_lexicon_is_read_back_as_it_was_packed(
    words: frozenset[str], first: frozenset[str], last: frozenset[str]
) -> None:
    lists = dict(zip(SECTIONS, (words, first, last, first, last), strict=True))
    parts = module.bz2.decompress(pack_lexicon(lists)).decode("ascii").split("\0")
    assert [frozenset(module._unpacked(part)) for part in parts] == list(lists.values())


def test_the_lexicon_is_small_and_says_whose_it_is() -> None:
    assert FILE.stat().st_size < 1_000_000
    notice = FILE.with_suffix(".md").read_text(encoding="utf-8")
    assert all(
        holder in notice
        for holder in (
            "Kevin Atkinson",
            "J Ross Beresford",
            "Daniele Faraglia",
            "Isaak Uchakaev",
            "Princeton University",
        )
    )
    assert (
        len(load_lexicon().words) > 250_000
        and len(load_lexicon().given) > 30_000
        and len(load_lexicon().surnames) > 90_000
        and len(load_lexicon().places) > 30_000
    )


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (
            THING,
            "lead source acme monday weds mm erm byebye answerphone voicemail colour color "
            "organise tyre nhs metformin tylenol tesco",
        ),
        (BOTH, "blessing rune berg an long mark hope grace rose art's "),
        (NAME, "kwame rajesh zdravko bogdan ximena hiroshi"),
        (RARE, "tolvaar quellmir roosje"),
    ],
)
def test_what_the_lists_make_of_a_word(kind: int, words: str) -> None:
    wrong = {word: word_kind(word) for word in words.split() if word_kind(word) != kind}
    assert not wrong
    assert all(
        is_ordinary_word(word) == (kind == THING) for word in words.split() if kind in (NAME, RARE)
    )


@pytest.mark.parametrize(
    "text",
    [
        "byebye then, byebye",
        "ta ta",
        "i'll put you through to directory enquiries",
        "you got the answerphone",
        "we saw strong revenue growth and higher margins this quarter",
        "the diarrhoea stopped and my weight is down",
        "use the brown inhalers twice a day",
        "he is on Metformin and Tylenol",
        "our Vice President will see to it",
        "erm hmm mm",
        "see you weds or thurs",
        "the tyres and the aluminium trim",
        "is that a lead or a VIP",
        "the source is Facebook Ads",
        "oh gosh aye",
        "it's under mister",
        "and the EBITDA under GAAP fell",
        "press star star",
        "can you give me the number of the railway station",
        "the main box line is charged at national rate",
        "i want to enquire about a bill",
        "we open at seven forty five a m",
        "is Kafka or Redis down",
        "bisoprolol, ramipril and levothyroxine twice a day",
        "24 @ 3.5mm, 4 boxes @ 12.50ea, 1920x1080@60Hz",
        "the Prometheus dashboard shows it",
        "our CEO and CFO will join, the KPI is up",
        "the Wi-Fi router and the hi-fi",
        "the cpc and the ctr on google are high",
        "it is missus in the list and mister um let's see",
        "It says 502 Bad Gateway",
        "Doctor Appointment at 3",
        "the Doctor said so",
        "my mum just said so",
        "my brother may come",
        "my son is a hunter",
        "A: your last name? / sorry?",
        "A: your surname please / yes",
        "a1b2c3d4e5f6a7b8c9d0",
        "an iPhone 15 Pro Max 256GB or a Galaxy S24 Ultra 512GB",
    ],
)
def test_words_are_nobody(detector: Detector, text: str) -> None:
    ((shown, places),) = covered(detector, [text])
    assert not places, "".join("_" if i in places else c for i, c in enumerate(shown))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Thanks, Char.", "Char"),
        ("Good morning, Thwaite.", "Thwaite"),
        ("my name is berg", "berg"),
        ("A: may i have your name / rune berg", "rune berg"),
        ("I sent it to Mark on Monday", "Mark"),
        ("To Tom's point, it is late", "Tom"),
        ("Our agent Amir Said will call", "Amir Said"),
        ("please ask doctor long", "long"),
        ("I saw Doctor Pain last week", "Pain"),
        ("mr strange called", "strange"),
        ("my son hunter fell off his bike", "hunter"),
        ("A: what's your surname / Strange.", "Strange"),
        ("A: and your last name / um strong", "strong"),
        ("i spoke to rosalind thwaite today", "rosalind thwaite"),
        ("steve jobs", "steve"),
        ("A: who am i speaking to / stig", "stig"),
        ("the Smiths live next door", "Smiths"),
        ("we asked the Joneses", "Joneses"),
        ("this month Rod mentioned it", "Rod"),
        ("as Joy has also said", "Joy"),
        ("yesterday ove kvist told me", "ove kvist"),
        ("i spoke to amir said last week", "amir said"),
        ("yesterday amir said told me", "amir said"),
        ("I met Cassandra yesterday", "Cassandra"),
        ("a hotel near lax", "lax"),
        ("we moved to walnut creek", "walnut creek"),
        ("it is in mountain view", "mountain view"),
    ],
)
def test_a_frame_holds_a_name_that_is_a_word(detector: Detector, text: str, name: str) -> None:
    ((shown, places),) = covered(detector, [text])
    at = shown.index(name)
    missing = [i for i in range(at, at + len(name)) if shown[i].isalpha() and i not in places]
    assert not missing, "".join("_" if i in places else c for i, c in enumerate(shown))


def test_names_of_every_origin_are_found(detector: Detector) -> None:
    said = [
        (o, False, n, f.format(n))
        for o, ns in origins().items()
        for n in ns
        for f in FRAMES.values()
    ]
    said += [(o, True, n.lower(), text.lower()) for o, _, n, text in said]
    whole: dict[tuple[str, bool], list[bool]] = defaultdict(list)
    for (origin, low, name, _), (text, places) in zip(
        said, covered(detector, [text for *_, text in said]), strict=True
    ):
        at = text.index(name)
        whole[origin, low].append(
            all(i in places for i in range(at, at + len(name)) if text[i].isalpha())
        )
    assert len(whole) == 18
    short = {
        key: sum(found) / len(found)
        for key, found in whole.items()
        if sum(found) / len(found) < EATEN.get(key, LEAST)
    }
    assert not short
