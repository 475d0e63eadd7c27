"""Records of the shape that the call-tracking platform writes, in full. All is generated."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable
from typing import Any

from callveil.schemas.account import Account

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
