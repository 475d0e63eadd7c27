"""The platform's own shape, in full: every field it shows is declared, and what is the business'
own stays. All values are generated.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable
from typing import Any

import pytest
from support.record_redaction import Bench, policy

from callveil.schemas.account import Account
from callveil.schemas.fields import EXTRA, coerce_members
from callveil.schemas.interaction import BY_NAME, FURTHER, SourceRef
from callveil.schemas.policy import InputLimits, PolicyError
from callveil.transforms.detect.batch import detect_batch
from callveil.transforms.detect.decision import MinimumRedaction, decide_redaction
from callveil.transforms.detect.detection_result import DetectionJob
from callveil.transforms.detect.engine import Detector
from callveil.transforms.ingest.normalise import normalize_interaction
from callveil.transforms.redact.engine import RedactionResult, Redactor, RunColumns
from callveil.transforms.redact.until_stable import redact_until_stable
from callveil.transforms.storage.encryption.keyring import Keyring

T0 = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
FIRST, LAST = (
    ("Zofia", "Tunde", "Ines", "Ravi", "Mei", "Olaf"),
    ("Marchetti", "Adeyemi", "Quiroga", "Bhandari", "Lindqvist", "Okafor"),
)
FIRMS = (
    "Larkspur Plumbing LLC",
    "Copper Kettle Dental",
    "Bluegate Roofing Inc",
    "Fernhill Law Group",
)
SOURCES = (
    "Google Ads",
    "Facebook Lead Ads",
    "Bing Organic",
    "Direct Mail",
    "Yellow Pages",
    "Radio Spot",
    "Website",
)
TAGS = (
    "lead",
    "vip",
    "source",
    "follow up",
    "spam",
    "quote sent",
    "appointment",
    "hot lead",
    "new patient",
    "no show",
    "Acme Promo",
)
Make = Callable[[random.Random], Any]


def _either(*values: Any) -> Make:
    return lambda rng: rng.choice(values)


def _whole(low: int, high: int) -> Make:
    return lambda rng: rng.randint(low, high)


def _sid(prefix: str) -> Make:
    return lambda rng: f"{prefix}{rng.getrandbits(128):032X}"


def _time(rng: random.Random) -> str:
    return (
        f"2026-03-0{rng.randint(1, 9)} {rng.randint(1, 12):02}:{rng.randint(0, 59):02} "
        f"{rng.choice(('AM', 'PM'))} -05:00"
    )


def number(rng: random.Random) -> str:
    """A number that nobody has."""
    return f"+1{rng.choice(('415', '202', '312'))}555{rng.randint(100, 199):04}"


def shown(number: str) -> str:
    """A number as people write it."""
    return f"({number[2:5]}) {number[5:8]}-{number[8:]}"


PLAIN: dict[str, Make] = {
    "sid": _sid("CA"),
    "source_id": _whole(1, 10**6),
    "source_sid": _sid("TSO"),
    "tgid": _whole(1, 10**6),
    "likelihood": _either(0.25, None, 1),
    "duration": _whole(0, 4000),
    "talk_time": _whole(0, 4000),
    "ring_time": _whole(0, 60),
    "hold_time": _whole(0, 60),
    "wait_time": _whole(0, 60),
    "parent_id": _sid("CA"),
    "unix_time": lambda rng: int(T0.timestamp()) + rng.randint(0, 10**6),
    "called_at": _time,
    "tracking_number_id": _whole(1, 10**6),
    "tracking_number_sid": _sid("TPN"),
    "dial_status": _either("completed", "no-answer", "busy"),
    "is_new_caller": _either(True, False),
    "indexed_at": lambda rng: T0.timestamp() + rng.random(),
    "agent_insights": _either(True, False),
    "duration_period": lambda rng: {"gte": 0, "lte": rng.randint(1, 4000)},
    "inbound_rate_center": lambda rng: {
        "country": "US",
        "prefix": "1",
        "tollfree": rng.random() < 0.5,
    },
    "source_tag": _either("paid", "organic", None),
    "excluded": _either(True, False),
    "redacted": _either(False, None),
    "visitor": _either(True, False),
    "left_talk_time": _whole(0, 900),
    "right_talk_time": _whole(0, 900),
    "call_status": _either("answered", "hangup"),
    "status": _either("completed", "answered"),
    "spotted": _either([], ["price", "refund"]),
    "salesforce": _either({}, {"Lead Status": "Open"}),
    "day": _either("Monday", "Sunday"),
    "month": _either("March", "May"),
    "hour": _either("9 AM", "12 PM"),
    "extended_lookup_on": _either(True, False),
    "billed_amount": _either(0.045, 12, None),
    "billed_at": _either("2026-03-01T08:19:09"),
    "is_s3_link": _either(True, False),
    "receiving_number_id": _whole(1, 10**6),
    "receiving_number_sid": _sid("RPN"),
    "inputs": lambda rng: {"menu_inputs": [str(rng.randint(1, 9))], "geo_inputs": []},
    "chat_status": _either("open", "closed"),
    "chat_type": _either("live", None),
    "sms_error_code": _either(None, "30007"),
    "caller_number_blocked": _either(False, True),
    "spam": _either(0, None),
    "voicemail": _either(False, True),
    "direction": _either("inbound", "outbound"),
    "callbacks": _either([], [{"status": "completed", "attempts": 2}]),
    "account_name": _either(None),
    "agent_id": _sid("USR"),
    "timestamp": _either("2026-03-01T08:19:09Z"),
}
"""Members that say nothing about a person and nothing that is spoken."""

WEB: dict[str, Make] = {
    "search": _either("roof repair near me", None),
    "referrer": _either("https://search.example/?q=roof"),
    "location": _either("https://firm.example/a"),
    "last_location": _either("https://firm.example/b"),
    "visitor_sid": _sid(""),
    "visitor_ip": _either("203.0.113.9"),
    "web_source": _either("google"),
    "medium": _either("cpc"),
    "campaign": _either("spring roofs"),
    "keyword": _either("roofer"),
    "ad_match_type": _either("b"),
    "ad_content": _either("a1"),
    "ad_slot": _either("top"),
    "ad_slot_position": _either("1t1"),
    "ad_network": _either("g"),
    "creative_id": _whole(1, 10**9),
    "ad_group_id": _either("55123"),
    "adgroup_id": _either("55123"),
    "campaign_id": _either("99123"),
    "ad_format": _either("text"),
    "ad_targeting_type": _either("kwd"),
    "keyword_id": _whole(1, 10**9),
    "ubv": _either("Firefox 140"),
    "ubp": _either("Linux"),
    "ubvt": _either("desktop"),
    "first_touch": _either("Google Ads"),
    "last_touch": _either("Website"),
    "ms": _either(None, {"msclkid": "9f1c"}),
    "paid": _either(
        {
            "source": "google",
            "medium": "cpc",
            "keyword": None,
            "campaign": "spring roofs",
            "ad_group": "a",
            "campaign_id": "99123",
        }
    ),
    "ga": _either(
        {"cid": "GA1.1.1", "ga4": [["a", "b"]], "events": ["call"], "utmz": "1.2", "gclid": "EAIa"}
    ),
    "touchpoints": _either(
        [
            {
                "call_id": 1,
                "time": "2026-03-01",
                "touch_type": "web",
                "clickid": None,
                "source": "Google",
                "weight": 0.5,
            }
        ]
    ),
    "webvisit": _either(
        {
            "score": 0.5,
            "keywords": None,
            "location_host": "firm.example",
            "browser": "Firefox",
            "device": "desktop",
            "mobile": "no",
        }
    ),
}

NUMBERS = [
    f"{n}_number{s}"
    for n in ("tracking", "business", "receiving")
    for s in ("", "_bare", "_complete", "_format")
]
FORMS: dict[str, Callable[[str], str]] = {"bare": lambda n: n[2:], "format": shown}


def one(rng: random.Random, place: int) -> tuple[dict[str, Any], Account, list[str]]:
    """A record in the platform's shape, its account, and texts of the business' own that must all
    be left wherever the record has them.
    """
    name, firm = f"{rng.choice(FIRST)} {rng.choice(LAST)}", rng.choice(FIRMS)
    ours = {n: number(rng) for n in ("tracking", "business", "receiving", "account")}
    theirs = next(n for n in iter(lambda: number(rng), None) if n not in ours.values())
    street = f"{rng.randint(10, 99)} Foundry Lane"
    label, source = rng.choice(SOURCES), rng.choice(SOURCES)
    record = {"id": 5_000_000_000 + place, "account_id": 70001} | {
        n: make(rng) for n, make in {**PLAIN, **WEB}.items()
    }
    for field in NUMBERS:
        own, _, form = field.partition("_number")
        record[field] = FORMS.get(form[1:], str)(ours[own])
    own_end, their_end = ("to", "from") if record["direction"] == "inbound" else ("from", "to")
    form = rng.choice(
        (shown, str, lambda n: f"{n[2:5]} {n[5:8]} {n[8:]}", lambda n: f"{n[2:5]}-{n[5:8]}-{n[8:]}")
    )
    dialled, ringing, spare = (form(ours[n]) for n in ("tracking", "receiving", "account"))
    record |= {
        "source": source,
        "tracking_label": label,
        "business_label": "Main Office",
        "account_name": firm,
        "name": name,
        "cnam": name.upper(),
        "email": f"{name.split()[0].lower()}@example.com",
        "emails": [],
        "street": f"{rng.randint(100, 999)} Elderflower Way",
        "city": "Springfield",
        "state": "IL",
        "country": "US",
        "postal_code": "62701",
        "caller_number": theirs,
        "caller_number_format": shown(theirs),
        "caller_number_complete": theirs,
        "caller_number_bare": theirs[2:],
        "caller_number_split": ["1", theirs[2:5], theirs[5:8], theirs[8:]],
        "contact_number": theirs,
        "alternative_number": shown(theirs),
        "latitude": 39.8,
        "longitude": -89.6,
        "geo": {"lat": 39.8, "lon": -89.6},
        "carrier": {"name": "Example Wireless"},
        "extended_lookup": {},
        "call_path": [
            {
                "route_name": f"Main line {dialled}",
                "route_id": "CQU1",
                "route_type": "CallQueue",
                "started_at": "2026-03-01T12:00:00Z",
            }
        ],
        "legs": [
            {
                "sid": f"CA{rng.getrandbits(128):032x}",
                own_end: ours["receiving"],
                their_end: theirs,
                "status": "completed",
                "started_at": "2026-03-01T12:00:00Z",
                "end_at": "2026-03-01T12:04:00Z",
            }
        ],
        "transfers": [
            {
                "from": ours["tracking"],
                "to": ours["account"],
                "offset": 3,
                "status": "completed",
                "start_time": 1772366400,
                "transferred_at_relative": 22,
            }
        ],
        "tag_list": rng.sample(TAGS, 3),
        "notes": f"Called back from {spare}. Wants a quote by Friday.",
        "summary": f"The caller asked {firm} for a quote.",
        "message_body": None,
        "agent": {
            "id": "USR1",
            "uid": 4,
            "name": "Odalys Brandt",
            "email": "odalys@firm.example",
            "role": "call_agent",
        },
        "transcription_text": f"Agent: thanks for calling {firm}, we are at {street}.\nCaller: hi, "
        f"{name.split()[0]} here, you rang from {ringing}.\n"
        f"Agent: yes, our number is {dialled}.",
        "audio": "https://app.example.com/a.mp3",
        "transcription": "/a/transcription.json",
        "custom_fields": {"Lead Score": "42", "Account Tier": "gold"},
        "form": {
            "form_id": 3,
            "form_name": "Contact us",
            "name": name,
            "email": "a@example.com",
            "number_to_call": ours["tracking"],
            "customer_number_to_dial": theirs,
            "trackback_id": "TB1",
            "custom": [{"id": "q1", "label": "Number dialled", "value": dialled}],
        },
        "sale": {
            "name": "Roof",
            "score": 4,
            "conversion": True,
            "value": "120.00",
            "sale_date": "2026-03-01",
        },
        "chat_messages": [],
        "message_id": "SM1",
        "message_media": [],
    }
    account = Account(
        "70001",
        T0 - dt.timedelta(days=9),
        name=firm,
        numbers=(ours["account"],),
        addresses=(f"{street}, Springfield, IL",),
    )
    said = {
        "transcription_text": [firm, street, ringing, dialled],
        "notes": [spare],
        "summary": [firm],
        "call_path": [dialled],
        "legs": [ours["receiving"]],
        "transfers": [ours["tracking"], ours["account"]],
    }
    return (
        {n: v for n, v in record.items() if v is not None},
        account,
        [f"{n}\0{t}" for n, texts in said.items() for t in texts],
    )


FLOW = [n for n, f in BY_NAME.items() if f.group in ("identity", "flow")]


def worlds(count: int) -> list[tuple[dict[str, Any], Account, list[str]]]:
    """Records of the platform, the same on every run."""
    return [one(random.Random(f"business {n}"), n) for n in range(count)]


@pytest.mark.parametrize(("model", "count"), [("none", 150), ("embedded", 25)])
def test_every_field_is_declared_and_nothing_of_the_business_own_is_covered(
    tmp_path: Any, model: str, count: int
) -> None:
    covered = _covered(Keyring.create(tmp_path / "keyring.json"), model, count)
    assert covered == []


def _covered(keyring: Keyring, model: str, count: int) -> list[str]:
    """What of `count` records is undeclared, or is the business' own and has been covered, by
    field.
    """
    rules = policy(f"version: 1\ndetect: {{model: {model}}}\n")
    detector, out = Detector(rules.detect), []
    redactor = Redactor(keyring, RunColumns("run-1", "0" * 64, "tests", T0))
    for doc, account, own in worlds(count):
        raw = normalize_interaction(doc, SourceRef("f", 1, 0), InputLimits(), {})
        out += [f"undeclared {n}" for n in _undeclared(raw.record)]
        decision = decide_redaction(rules, raw, "individual", T0, "en", MinimumRedaction(), ())
        (result,) = redact_until_stable(
            detector,
            redactor,
            list(detect_batch(detector, [DetectionJob(raw, decision, "individual", "", account)])),
        )  # type: ignore[arg-type]
        assert isinstance(result, RedactionResult), result
        left = result.interaction.record
        out += [f"{n}: {left.get(n)}" for n in FLOW if left.get(n) != raw.record.get(n)]
        out += [
            f"{n} lacks {text}: {left.get(n)}"
            for n, text in (item.split("\0") for item in own)
            if text not in str(left.get(n))
        ]
        out += [f"{n}: {left[n]}" for n in ("tag_list",) if left[n] != raw.record[n]]
        out += [
            f"form: {left['form']}"
            for n in ("form_name", "number_to_call", "custom")
            if left["form"][n] != raw.record["form"][n]
        ]
        out += [
            f"custom_fields: {left['custom_fields']}"
            for _ in "1"
            if [*left["custom_fields"]] != [*raw.record["custom_fields"]]
        ]
        assert (
            "555" not in str(left["caller_number"])
            and "Quiroga" not in str(left)
            and "39.8" not in str(left)
        )
    return out


def _undeclared(value: Any) -> list[str]:
    """Names of the members that no declaration knows, at any depth."""
    if isinstance(value, dict):
        return [*value.get(EXTRA, ()), *(n for v in value.values() for n in _undeclared(v))]
    return [n for v in value for n in _undeclared(v)] if isinstance(value, list) else []


@pytest.mark.parametrize("field", FURTHER, ids=lambda f: f.name)
def test_what_does_not_fit_a_field_declared_later_rejects_no_record(field: Any) -> None:
    """Earlier versions read such members as undeclared; they are kept so where they have another
    type.
    """
    for value in ("generated", {"a": [1]}, [True], 10**30, -0.5, ""):
        got = coerce_members((field,), {field.name: value})
        assert got.get(field.name) is not None or got == {EXTRA: {field.name: value}}


def test_a_contacts_number_is_not_the_business_own_because_a_leg_has_it(bench: Bench) -> None:
    theirs = "+12025550171"
    dialled = {
        "direction": "inbound",
        "legs": [{"from": "+14155550132", "to": theirs}],
        "form": {"customer_number_to_dial": theirs},
    }
    assert theirs[2:] not in str(bench(dialled).interaction.record)
    called = {
        "direction": "outbound",
        "caller_number": theirs,
        "legs": [{"from": theirs, "to": "+14155550132"}],
        "notes": f"call {theirs}",
    }
    assert theirs[2:] not in str(bench(called).interaction.record)


FOUND = {
    "likely": 0.42,
    "colour": "red",
    "plan": "for Zofia Marchetti, 4539910317764670",
    "deep": {"a": [1, 2], "b": "x"},
    "content": "hello",
    "zip": "6",
}


@pytest.mark.parametrize(
    ("rules", "left"),
    [
        (
            "fields: {likely: keep, deep: keep, plan: keep}",
            {
                "likely": 0.42,
                "plan": "for [PERSON], [CREDIT_CARD]",
                "deep": {"a": [1, 2], "b": "x"},
            },
        ),
        ("fields: {likely: keep, unknown: clear}", {"likely": 0.42}),
        (
            "fields: {unknown: scan, zip: clear, colour: redact}",
            {**FOUND, "plan": "for [PERSON], [CREDIT_CARD]", "colour": "*", "zip": None},
        ),
        ("mode: full\nfields: {likely: keep, colour: scan}", {"likely": 0.42}),
        ("mode: none\nfields: {likely: keep}", {"likely": 0.42}),
        ("fields: {content: scan}", {}),  # the group of that name, not the member
        ("fields: {extra.content: scan, extra.likely: keep}", {"content": "hello", "likely": 0.42}),
    ],
)
def test_a_policy_names_a_further_field(bench: Bench, rules: str, left: dict[str, Any]) -> None:
    record = {"name": "Zofia Marchetti", "form": {"shoe": "42", "hat": "7"}}
    got = bench({**record, **FOUND}, rules).interaction.record
    gone = {n for n, v in FOUND.items() if n not in left}
    assert {n: got.get(EXTRA, {}).get(n) for n in left} == {
        n: "[UNKNOWN_FIELD]" if v == "*" else v for n, v in left.items()
    }
    assert all(got.get(EXTRA, {}).get(n) != FOUND[n] for n in gone)
    once = {
        n: v
        for n, v in got.items()
        if n in BY_NAME and n not in ("id", "account_id", "kind", "called_at")
    }
    assert {n: v for n, v in bench(once, rules).interaction.record.items() if n in once} == once


def test_a_policy_names_a_member_of_a_record_within(bench: Bench) -> None:
    rules = "fields: {form.shoe: keep}"
    assert bench({"form": {"shoe": "42", "hat": "7"}}, rules).interaction.record["form"][EXTRA] == {
        "shoe": "42",
        "hat": "[UNKNOWN_FIELD]",
    }


def test_what_an_earlier_policy_covered_stays_covered_though_a_later_one_names_it(
    bench: Bench,
) -> None:
    first = bench({"likely": 0.42})
    later = bench(
        {"likely": 0.42},
        "fields: {likely: keep}",
        floor=MinimumRedaction("content", frozenset(first.floor)),
    )
    assert later.interaction.record[EXTRA] == {"likely": "[UNKNOWN_FIELD]"}


def test_a_record_says_which_of_its_fields_an_earlier_redaction_holds_in(bench: Bench) -> None:
    lax = "fields: {campaign: keep, city: keep, likely: keep}\nentities: {PERSON: keep}\n"
    record = {
        "campaign": "spring",
        "likely": 0.4,
        "name": "Zofia Marchetti",
        "notes": "call Zofia Marchetti",
        "city": "Springfield",
    }
    first = bench(record)
    later = bench(record, lax, floor=MinimumRedaction("content", frozenset(first.floor)))
    assert (first.held, later.held) == (
        (),
        ("campaign", "city", "likely", "name", "notes"),
    ) and bench(record, lax).held == ()
    assert bench(record, "mode: none\n", floor=MinimumRedaction("content", frozenset())).held == (
        "mode",
    )
    assert bench(record, floor=MinimumRedaction("content", frozenset(first.floor))).held == ()


@pytest.mark.parametrize(
    ("name", "meant"),
    [("caler", "caller"), ("likelihoods", "likelihood"), ("tag-list", "tag_list")],
)
def test_a_misspelt_field_is_told_and_can_be_meant(name: str, meant: str) -> None:
    with pytest.raises(PolicyError, match=f"did you mean {meant}.*extra.{name}"):
        policy(f"fields: {{{name}: keep}}")
    assert policy(f"fields: {{extra.{name}: keep}}").base.fields[f"extra.{name}"] == "keep"


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(
        Detector(policy().detect), Keyring.create(tmp_path_factory.mktemp("keys") / "keyring.json")
    )
