"""The businesses of a sample: accounts, staff, numbers, and how their type changes over time."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from callveil.schemas.json_types import JsonObject
from callveil.transforms.lab.sample.dialogues import Business, random_business
from callveil.transforms.lab.sample.people import (
    Person,
    phone_number,
    pick_one,
    random_person,
    towns_by_country,
)

_MIX = (
    ("US",) * 70 + ("GB",) * 12 + ("CA",) * 8 + ("AU",) * 4 + ("IE", "IE", "NL", "NL", "DE", "FR")
)
_ZONES = {
    "US": ("America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles"),
    "GB": ("Europe/London",),
    "CA": ("America/Toronto", "America/Vancouver"),
    "AU": ("Australia/Sydney",),
    "IE": ("Europe/Dublin",),
    "NL": ("Europe/Amsterdam",),
    "DE": ("Europe/Berlin",),
    "FR": ("Europe/Paris",),
}
_LABELS = (
    "Google Ads",
    "Google Organic",
    "Facebook",
    "Yellow Pages",
    "Website",
    "Radio Spot",
    "Direct Mail",
    "Billboard I-80",
    "Bing",
    "Referral",
)
GROUP = 7
"""Accounts come in groups of seven: an agency, three of its subaccounts, three accounts of their
own.
"""


def random_stream(seed: int, salt: int, index: int) -> random.Random:
    """Return a generator of its own for one thing of the sample, so that each can be made without
    the ones before it.
    """
    return random.Random(((seed & 0xFFFFFFFF) << 72) | (salt << 64) | index)


@dataclass(frozen=True)
class SampleAccount:
    """An account with what its interactions need.

    Attributes:
        account_id, agency_id: ids; agency_id empty for an account of its own.
        business: name, scenario, town. staff: who answers. numbers: tracking numbers, E.164.
            labels: their labels.
        zone: IANA time zone. country: where it is.
    """

    account_id: str
    agency_id: str
    kind: str
    business: Business
    staff: tuple[Person, ...]
    numbers: tuple[str, ...]
    labels: tuple[str, ...]
    zone: str
    country: str


@lru_cache(maxsize=4096)
def sample_account(seed: int, index: int) -> SampleAccount:
    """Return the account number `index` of a sample. Depends on seed and index only."""
    rng = random_stream(seed, 1, index)
    place = index % GROUP
    agency_index = index - place
    country = pick_one(random_stream(seed, 2, agency_index if place < 4 else index), _MIX)
    b = random_business(rng, None, country)
    town = pick_one(rng, towns_by_country()[country])
    staff = tuple(random_person(rng, country) for _ in range(3 + int(rng.random() * 5)))
    numbers = tuple(
        dict.fromkeys(
            phone_number(rng, town, mobile=False) for _ in range(2 + int(rng.random() * 3))
        )
    )
    labels = tuple(pick_one(rng, _LABELS) for _ in numbers)
    return SampleAccount(
        account_id(index),
        account_id(agency_index) if 0 < place < 4 else "",
        "agency" if place == 0 else "individual",
        b,
        staff,
        numbers,
        labels,
        pick_one(rng, _ZONES[country]),
        country,
    )


def account_id(index: int) -> str:
    """Return the id of account `index`, as text."""
    return str(18_000 + 13 * index)


def account_records(
    seed: int, index: int, start: dt.datetime, end: dt.datetime
) -> list[JsonObject]:
    """Return the effective-dated versions of one account, oldest first, as an account file holds
    them.

    One account in ten changes its type inside [start, end), one in twenty its status; half give the
    capability and not the type.
    """
    f, rng = sample_account(seed, index), random_stream(seed, 3, index)
    opened = start - dt.timedelta(days=30 + int(rng.random() * 900))
    base: JsonObject = {
        "account_id": f.account_id,
        "agency_id": f.agency_id or None,
        "status": "active",
        "effective_at": _iso(opened),
        "name": f.business.name,
        "numbers": [*f.numbers, f.business.phone],
        "timezone": f.zone,
    }
    by_capability = rng.random() < 0.5

    def version(kind: str, **changes: Any) -> JsonObject:
        return (
            base
            | ({"can_create_subaccounts": kind == "agency"} if by_capability else {"type": kind})
            | changes
        )

    out = [version(f.kind)]
    span, kind = (end - start).total_seconds(), f.kind
    if rng.random() < 0.1 and not f.agency_id:
        kind = "individual" if kind == "agency" else "agency"
        out.append(
            version(
                kind,
                effective_at=_iso(start + dt.timedelta(seconds=int(span * rng.random() * 0.6))),
            )
        )
    if rng.random() < 0.05:
        when = start + dt.timedelta(seconds=int(span * (0.6 + 0.35 * rng.random())))
        out.append(
            version(kind, status=pick_one(rng, ("paused", "cancelled")), effective_at=_iso(when))
        )
    return out


def _iso(when: dt.datetime) -> str:
    return when.replace(microsecond=0).isoformat().replace("+00:00", "Z")
