"""Version logs of generated accounts: users, numbers, settings, keys, cards and calls being made,
changed, destroyed and restored.

Every object's states are known, so what a history should say is known, too. A part of the objects
is told as native events, a part as rows of paper_trail with YAML or JSON states. Nobody in it
exists; see `people` and `numbers`. The same arguments give the same bytes.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator
from dataclasses import dataclass, field

import orjson
import yaml

from callveil.schemas.json_types import JsonObject
from callveil.transforms.lab.sample.people import Person, pick_one, random_person
from callveil.transforms.lab.sample.world import SampleAccount, random_stream, sample_account

KINDS = (
    "User",
    "User",
    "User",
    "TrackingNumber",
    "TrackingNumber",
    "TrackingNumber",
    "Source",
    "ApiKey",
    "PaymentMethod",
    "Call",
    "Call",
    "Contact",
)
ROLES = (
    "Call Agent",
    "Call Manager",
    "Reporting Manager",
    "Billing Manager",
    "Marketing Manager",
    "Administrator",
)
SALT = 11
_HEX = "0123456789abcdef"
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789"


@dataclass(frozen=True)
class VersionStep:
    """One version with the truth around it.

    Attributes:
        version_id, number: ids.
        event: what happened. when: at which time, UTC.
        before, after: the object's states; None where it does not exist.
        actor: who did it.
    """

    version_id: str
    number: int
    event: str
    when: dt.datetime
    before: JsonObject | None
    after: JsonObject | None
    actor: Person


@dataclass
class VersionedObject:
    """One object of an account with its whole life, and the values planted in it, by entity
    type.
    """

    firm: SampleAccount
    kind: str
    item_id: str
    shape: str
    steps: list[VersionStep] = field(default_factory=list)
    planted: list[tuple[str, str]] = field(default_factory=list)


def _word(rng: random.Random, letters: str, size: int) -> str:
    return "".join(pick_one(rng, letters) for _ in range(size))


def _make(rng: random.Random, thing: VersionedObject) -> JsonObject:
    """Return the first state of an object, with what is planted in it."""
    who = random_person(rng, thing.firm.country)
    planted = thing.planted
    if thing.kind == "User":
        password = f"$2a$12${_word(rng, _LETTERS, 53)}"
        planted += [("PERSON", who.full), ("EMAIL_ADDRESS", who.email), ("SECRET", password)]
        return {
            "name": who.full,
            "email": who.email,
            "role": pick_one(rng, ROLES),
            "two_factor_enabled": False,
            "encrypted_password": password,
            "active": True,
        }
    if thing.kind == "TrackingNumber":
        return {
            "number": pick_one(rng, thing.firm.numbers),
            "name": pick_one(rng, thing.firm.labels),
            "routing": pick_one(rng, ("queue", "menu", "direct")),
            "record_calls": True,
        }
    if thing.kind == "Source":
        return {
            "name": pick_one(rng, thing.firm.labels),
            "position": int(rng.random() * 20),
            "comment": "",
        }
    if thing.kind == "Account":
        return {
            "name": thing.firm.business.name,
            "time_zone": thing.firm.zone,
            "login_required_for_recordings": False,
            "redaction_mode": "none",
            "auto_logout_minutes": 60,
            "support_access_until": None,
            "recording_encryption": False,
        }
    if thing.kind == "ApiKey":
        key = f"sk_live_{_word(rng, _LETTERS, 24)}"
        planted.append(("SECRET", key))
        return {
            "name": pick_one(rng, ("website", "CRM", "reports", "warehouse")),
            "api_key": key,
            "scopes": ["read"],
        }
    if thing.kind == "PaymentMethod":
        planted += [("CREDIT_CARD", who.card), ("PERSON", who.full)]
        return {
            "holder_name": who.full,
            "card_number": who.card,
            "cvv": who.cvv,
            "exp_month": who.expiry[0],
            "card_last4": who.card[-4:],
        }
    planted += [("PERSON", who.full), ("PHONE_NUMBER", who.phone)]
    if thing.kind == "Call":
        return {
            "name": who.full,
            "caller_number": who.phone,
            "status": "completed",
            "notes": "",
            "duration": int(rng.random() * 600),
        }
    planted.append(("EMAIL_ADDRESS", who.email))
    return {"name": who.full, "phone": who.phone, "email": who.email, "city": who.city}


def _change(rng: random.Random, thing: VersionedObject, state: JsonObject) -> JsonObject:
    """Return a state after one change."""
    who = random_person(rng, thing.firm.country)
    new = dict(state)
    name = pick_one(rng, sorted(state))
    value = state[name]
    if isinstance(value, bool):
        new[name] = not value
    elif name in ("notes", "comment"):
        thing.planted += [("PHONE_NUMBER", who.phone), ("EMAIL_ADDRESS", who.email)]
        new[name] = pick_one(
            rng,
            (
                f"reach them at {who.phone}",
                f"wrote to {who.email} about the invoice",
                "nothing to add",
            ),
        )
    elif name == "role":
        new[name] = pick_one(rng, ROLES)
    elif name in (
        "name",
        "email",
        "phone",
        "caller_number",
        "holder_name",
        "api_key",
        "encrypted_password",
        "card_number",
    ):
        fresh = _make(rng, thing)
        new[name] = fresh.get(name, value)
    elif name == "support_access_until":
        new[name] = f"2026-12-{1 + int(rng.random() * 28):02d}T00:00:00Z"
    elif isinstance(value, int):
        new[name] = value + 1 + int(rng.random() * 9)
    elif name == "redaction_mode":
        new[name] = pick_one(rng, ("none", "content", "full"))
    else:
        new[name] = pick_one(rng, thing.firm.labels)
    return new


def generate_objects(
    seed: int, account: int, count: int, start: dt.datetime, end: dt.datetime
) -> Iterator[VersionedObject]:
    """Yield the objects of account number `account`, each with versions between `start` and
    `end`.
    """
    owner = sample_account(seed, account)
    span = (end - start).total_seconds()
    for n in range(count):
        rng = random_stream(seed, SALT, account * 100_000 + n)
        kind = "Account" if n == 0 else pick_one(rng, KINDS)
        shape = pick_one(rng, ("native", "native", "yaml", "json"))
        thing = VersionedObject(
            owner,
            kind,
            owner.account_id if kind == "Account" else str(7_000_000_000 + account * 100_000 + n),
            shape,
        )
        state: JsonObject | None = None
        times = sorted(
            start + dt.timedelta(microseconds=int(span * 1e6 * rng.random()))
            for _ in range(1 + int(rng.random() * 7))
        )
        for number, when in enumerate(times, 1):
            before = state
            if state is None:
                event, state = (
                    ("create" if number == 1 or thing.kind == "Call" else "restore"),
                    _make(rng, thing),
                )
            elif rng.random() < 0.08 and kind != "Account":
                event, state = "destroy", None
            else:
                event, state = "update", _change(rng, thing, state)
            version_id = str((account * 100_000 + n) * 100 + number)
            thing.steps.append(
                VersionStep(
                    version_id,
                    number,
                    event if event != "restore" else "create",
                    when,
                    before,
                    state,
                    pick_one(rng, owner.staff),
                )
            )
        yield thing


def native_event(thing: VersionedObject, step: VersionStep) -> JsonObject:
    """Return a version as a native event."""
    old, new = step.before or {}, step.after or {}
    changes = [
        {"field": k, "before": old.get(k), "after": new.get(k)}
        for k in sorted(old.keys() | new.keys())
        if old.get(k) != new.get(k)
    ]
    return _head(thing, step) | {
        "version_id": step.version_id,
        "version_number": step.number,
        "user_name": step.actor.full,
        "user_role": "Administrator",
        "actor_type": "user",
        "ip": f"203.0.113.{int(step.version_id) % 250}",
        "request_id": f"r-{step.version_id}",
        "changes": changes,
        "item_label": (step.after or step.before or {}).get("name"),
    }


def paper_trail(thing: VersionedObject, step: VersionStep) -> JsonObject:
    """Return a version as a row of paper_trail: the state before as YAML or JSON text, no
    changes.
    """
    text = None
    if step.before is not None:
        text = (
            yaml.safe_dump(step.before, explicit_start=True)
            if thing.shape == "yaml"
            else orjson.dumps(step.before).decode()
        )
    return _head(thing, step) | {
        "id": step.version_id,
        "whodunnit": step.actor.email if int(step.version_id) % 3 else "17",
        "object": text,
    }


def _head(thing: VersionedObject, step: VersionStep) -> JsonObject:
    return {
        "account_id": thing.firm.account_id,
        "agency_id": thing.firm.agency_id or None,
        "item_type": thing.kind,
        "item_id": thing.item_id,
        "event": step.event,
        "created_at": step.when.isoformat().replace("+00:00", "Z"),
    }
