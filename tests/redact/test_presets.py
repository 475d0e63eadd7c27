"""Promises of the presets, asserted on what is left of a text, whatever it is labelled. Every
number is generated.
"""

from __future__ import annotations

import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.neighbouring_values import (
    NEIGHBOURS,
    ONES,
    SIGNS,
    VALUES,
    card,
    digits,
    grouped,
    pair,
    plain_card,
)
from support.record_redaction import Bench, content, policy

from callveil.schemas.interaction import InteractionKey
from callveil.transforms.detect.engine import Detector
from callveil.transforms.storage.encryption.keyring import Keyring


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    keyring = Keyring.create(tmp_path_factory.mktemp("keys") / "keyring.json")
    return Bench(Detector(policy().detect), keyring)


def after(bench: Bench, preset: str, text: str, field: str = "message_body") -> str:
    """The text after redaction under a preset, without a language model."""
    rules = f"version: 1\nextends: {preset}\ndetect: {{model: none}}\n"
    return str(content(bench({field: text}, rules))[field])


def left_of(shown: str) -> str:
    """The digits that can still be read, written or said."""
    words = {word: str(n) for n, word in enumerate(ONES)} | {"oh": "0"}
    return "".join(
        words.get(w, w) for w in re.findall(rf"\d|\b(?:{'|'.join(words)})\b", shown.lower())
    )


def only_the_tail(seen: str, number: str, beside: str) -> bool:
    """Tell whether what can be read is at most the last four digits of `number`, and then some of
    the digits beside it.
    """

    def some_of(part: str) -> bool:
        rest = iter(beside)
        return all(d in rest for d in part)

    return any(seen.startswith(number[len(number) - n :]) and some_of(seen[n:]) for n in range(5))


CARDS = ("typed", "grouped", "spoken", "one off", "cued")


def a_card(rng: random.Random, form: str) -> tuple[str, str]:
    """A card number's digits, and a text that gives them in one of the ways `CARDS`."""
    number = plain_card(rng)
    if form == "typed":
        return number, number
    if form == "grouped":
        return number, grouped(
            number, {14: (4, 6, 4), 15: (4, 6, 5)}.get(len(number), (4, 4, 4, 4)), rng.choice(" -")
        )
    if form == "spoken":
        return number, " ".join(ONES[int(d)] for d in number)
    if form == "one off":  # a digit misheard: right brand and length
        place = rng.randrange(6, len(number))
        number = (
            number[:place]
            + str((int(number[place]) + rng.randint(1, 9)) % 10)
            + number[place + 1 :]
        )
        return number, number
    lead = rng.choice(
        ("my card number is ", "visa ", "credit card account is ", "the long number on the card: ")
    )
    number = "".join(rng.choice((number[:-1], number + rng.choice("0123456789"))))
    return number, lead + number


@settings(max_examples=400)
@given(
    st.sampled_from(CARDS),
    st.sampled_from([*sorted(NEIGHBOURS), "phone", "ssn"]),
    st.sampled_from((" ", ", ", " - ", "\n", "; ")),
    st.integers(0, 2**32),
)
def test_pci_leaves_at_most_the_last_four_of_a_card(
    bench: Bench, form: str, neighbour: str, sign: str, seed: int
) -> None:
    rng = random.Random(seed)
    number, text = a_card(rng, form)
    beside = (NEIGHBOURS.get(neighbour) or VALUES[neighbour])(rng)
    shown = after(bench, "pci", f"{text}{sign}{beside}")
    given_number = left_of(text) if form == "cued" else number
    assert only_the_tail(left_of(shown), given_number, left_of(beside)), (text, beside, shown)


@settings(max_examples=400)
@given(
    st.sampled_from(CARDS[:3]),
    st.sampled_from(
        (
            " ",
            ", ",
            " - ",
            "\n",
            "; ",
            " cvv ",
            " security code ",
            " exp 12/27 cvc ",
            " 12/27 ",
            " 0928 ",
        )
    ),
    st.integers(0, 2**32),
)
def test_pci_leaves_nothing_of_a_verification_code(
    bench: Bench, form: str, sign: str, seed: int
) -> None:
    rng = random.Random(seed)
    number, text = a_card(rng, form)
    code = digits(rng, 4 if number[0] == "3" else 3)
    shown = after(bench, "pci", f"{text}{sign}{code}")
    kept = left_of(shown)
    assert kept in ("", number[-4:]) or (form == "spoken" and len(kept) <= 1), (
        text,
        sign,
        code,
        shown,
    )


@pytest.mark.parametrize(
    ("text", "stays"),
    [
        ("my credit card account is 4059 1963 7616 3920", "3920"),
        ("4951 2913 4371 5070 417", "5070"),
        ("order 88213 5535 4696 0267 1885", "882131885"),
        ("card ending in 9855, cvc 417", "55"),
        ("the last 4 are 9855 and the cvv is 417", "49855"),
        ("card ending in 9855 417", "55"),
        ("%B4539910317764670^DOE/JANE^27121010000012300000?", "4670"),
        (";4539910317764670=27121010000012300?", "4670"),
        ("4539910317764670=27121010000012300", "4670"),
        ("card 4539 9103 1776 467", "6467"),
        ("4951291343715070 sorry 417", "5070"),
        ("4 5 3 9 9 1 0 3 1 7 7 6 4 6 7 0", "4670"),
        ("4#5#3#9#9#1#0#3#1#7#7#6#4#6#7#0#", "4670"),
        ("keyed 4539910317764670# 1227# 123#", "4670"),
        ("6011000990139424 and 5105105105105100", "94245100"),
        ("expires 09/28, security code 417", ""),
        ("4539-9103-1776-4670exp12/27cvv123", "4670"),
        ("cvv123", ""),
        ("cvv 703 94107", "94107"),
        ("cvc one nine six 94107", "94107"),
        ("security code six four zero 12/27", ""),
        ("4539910317764670 cvv 703 94107", "467094107"),
        ("cvv 226USD", ""),
        ("cvv226EUR", ""),
        ("cvvs are 417", ""),
        ("csc 417", ""),
        ("cvv2: 417", "2"),
        ("4539910317764670 415-555-0194 code 109", "46704155550194"),
        ("card 4539910317764670 Jane Doe 703", "4670"),
        ("card ending in 4670 with 417", "70"),
        ("45399103177646701227417", "4670"),
        ("45399103177646701227", "4670"),
        ("4539910317764670417", "4670"),
        ("453991031776467012/27", "4670"),
        ("5A084539910317764670", "5084670"),
        ("4 5 3 9 9 1 0 3 1 7 7 6 4 6 7 1", "4671"),
        ("453991 031776 4671", "4671"),
        ("4539=9103=1776=4670", "4670"),
        ("my card is 4 0 8 0 6 3 6 0 8 4 7 7 8 3 5 3", "8353"),
        ("3x4539 9103 1776 4670", "34670"),
        ("4539 [silence] 9103 [inaudible] 1776 4670", "4670"),
        ("amex 3714 496353 98431 cid 4417", "8431"),
    ],
)
def test_pci_by_example(bench: Bench, text: str, stays: str) -> None:
    kept = left_of(after(bench, "pci", text))
    assert len(kept) <= len(stays), kept
    assert kept in stays, kept


def test_pci_over_turns(bench: Bench) -> None:
    turns = [
        {"speaker": "agent", "channel": 2, "text": "how would you like to pay"},
        {
            "speaker": "caller",
            "channel": 1,
            "text": "5535 4696 0267 1885 oh nine twenty eight one two three",
        },
        {"speaker": "agent", "channel": 2, "text": "and the card for the deposit please"},
        {"speaker": "caller", "channel": 1, "text": "4539 9103"},
        {"speaker": "agent", "channel": 2, "text": "ok"},
        {"speaker": "caller", "channel": 1, "text": "1776 4670"},
        {"speaker": "caller", "channel": 1, "text": "12/27 123"},
    ]
    rules = "version: 1\nextends: pci\ndetect: {model: none}\n"
    shown = [turn["text"] for turn in content(bench({"outline": turns}, rules))["outline"]]
    assert left_of(shown[1]) in ("", "1885"), shown
    assert not re.search(r"nine|twenty|eight|one|two|three", shown[1]), shown
    assert left_of(" ".join(shown[3:])) in ("", "4670"), shown


@settings(max_examples=300)
@given(
    st.sampled_from(("gdpr", "hipaa", "ccpa", "gdpr-attribution")),
    st.sampled_from(sorted(VALUES)),
    st.sampled_from(sorted(NEIGHBOURS) + sorted(VALUES)),
    st.sampled_from(SIGNS),
    st.booleans(),
    st.integers(0, 2**32),
)
def test_the_others_leave_nothing_of_a_value(
    bench: Bench, preset: str, kind: str, neighbour: str, sign: str, front: bool, seed: int
) -> None:
    found = pair(random.Random(seed), kind, neighbour, sign, front)
    if found is None:
        return
    value = found.text[found.start : found.end]
    shown = after(bench, preset, found.text)
    around = found.text.replace(value, "")
    for part in re.findall(r"\w{4,}", value):
        assert part in around or part not in shown, (found.text, shown)


@pytest.mark.parametrize(
    "field", ["name", "street", "city", "notes", "search", "referrer", "location"]
)
def test_pci_guards_what_it_keeps(bench: Bench, field: str) -> None:
    shown = after(bench, "pci", "x?cc=4539910317764670&cvv=417", field)
    assert left_of(shown) == "4670", shown


def test_pci_keeps_who_called(bench: Bench) -> None:
    record = {
        "name": "Jane Doe",
        "street": "12 Oak Street",
        "caller_number": "+4915112345678",
        "email": "jane.doe@example.org",
    }
    rules = "version: 1\nextends: pci\ndetect: {model: none}\n"
    assert {k: v for k, v in content(bench(record, rules)).items() if k in record} == record


def test_a_policy_that_keeps_the_caller_keeps_names_said_elsewhere_too(bench: Bench) -> None:
    record = {"name": "Jane Doe", "message_body": "my name is Jane Doe, card 4539910317764670"}
    rules = "version: 1\nextends: gdpr\ndetect: {model: none}\nfields: {caller: keep}\n"
    shown = content(bench(record, rules))
    assert shown["name"] == "Jane Doe" and "Jane" not in shown["message_body"], shown


def test_cards_drawn_are_cards(bench: Bench) -> None:
    assert after(bench, "pci", card(random.Random(1)))[-4:].isdigit()


CLICKS = {
    "visitor_sid": "5f0c9a77b1",
    "gclid": "EAIaIQobChMI9",
    "fbclid": "IwAR0xQ",
    "msclkid": "9f1c2b",
    "ga_client_id": "GA1.1.77",
    "ga": {"cid": "GA1.1.77"},
}
ADVERTISED = {
    "web_source": "google",
    "medium": "cpc",
    "campaign": "spring roofs",
    "keyword": "roof repair",
    "paid": {"ad_group": "a7", "campaign_id": "99123"},
    "campaign_id": "99123",
    "ad_group_id": "55123",
    "source": "Google Ads",
    "first_touch": "Google Ads",
}


def test_attribution_keeps_what_was_advertised_and_pseudonymises_who_clicked(bench: Bench) -> None:
    rules = "version: 1\nextends: gdpr-attribution\ndetect: {model: none}\n"
    typed = {
        "search": "roofer near 12 elm street",
        "referrer": "https://a.example/?q=jane",
        "visitor_ip": "203.0.113.9",
    }
    record = {"name": "Jane Doe", "email": "jane@mail.example", **CLICKS, **ADVERTISED, **typed}
    shown = content(bench(record, rules))
    assert {n: shown[n] for n in ADVERTISED} == ADVERTISED
    for name, value in CLICKS.items():
        assert (
            str(shown[name]) != str(value)
            and "ONLINE_ID" in str(shown[name])
            and shown[name] != "[ONLINE_ID]"
        )
    assert shown["ga_client_id"] == shown["ga"]["cid"], "one id, one pseudonym"
    assert not any(
        part in str(shown)
        for part in ("5f0c", "EAIa", "IwAR", "9f1c", "1.77", "elm street", "jane", "Jane", "203.0")
    )
    other = content(bench(record, rules, key=InteractionKey("70001", "5000000002")))
    abroad = content(bench(record, rules, key=InteractionKey("70002", "5000000001")))
    assert other["gclid"] == shown["gclid"] != abroad["gclid"]
    leaky = content(
        bench({"name": "Jane Doe", "campaign": "for Jane Doe or cy@mail.example"}, rules)
    )["campaign"]
    assert leaky == "for [PERSON] or [EMAIL_ADDRESS]"
    assert (
        content(bench(record, "version: 1\nextends: gdpr\ndetect: {model: none}\n"))["campaign"]
        == "[VISITOR_DATA]"
    )
