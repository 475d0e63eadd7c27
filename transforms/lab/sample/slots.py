"""Slots of a sentence that plant a personal value, with its label."""

from __future__ import annotations

import random
from collections.abc import Callable

from callveil.transforms.lab.sample import values as say
from callveil.transforms.lab.sample.people import (
    house_number,
    person_name,
    pick_one,
    random_digits,
    street_name,
    towns_by_country,
)
from callveil.transforms.lab.sample.scene import Scene, TurnPiece


def _lit(text: str) -> TurnPiece:
    return TurnPiece(text, "", "", "")


Slot = Callable[["Scene"], tuple[TurnPiece, ...]]
ORG_WORDS = (
    "Northwind",
    "Brightside",
    "Oakline",
    "Bluepeak",
    "Silverton",
    "Fairmont",
    "Crestview",
    "Tri-County",
    "Lakeshore",
    "Evercare",
    "Sunbelt",
    "Redstone",
    "Greenfield",
    "Westbrook",
    "Ironbridge",
    "Summit",
    "Unity",
    "Patriot",
    "Cascade",
    "Meridian",
    "Horizon",
    "Vantage",
    "Beacon",
    "Sterling",
    "Keystone",
    "Kestrel",
    "Halcyon",
)
ORG_ENDS = (
    "Mutual",
    "Insurance",
    "Bank",
    "Health",
    "Logistics",
    "Financial",
    "Motors",
    "Telecom",
    "Airlines",
    "Credit Union",
    "Energy",
    "Foods",
    "Stores",
    "Hospital",
    "University",
    "Properties",
    "Electric",
    "& Partners",
    "Group",
    "Incorporated",
    "Holdings",
    "School District",
    "Construction",
)


def org_name(rng: random.Random) -> str:
    """Return a company name that belongs to nobody we know of."""
    return (
        f"{pick_one(rng, ORG_WORDS) if rng.random() < 0.75 else person_name(rng)[1]} "
        f"{pick_one(rng, ORG_ENDS)}"
    )


def _name(role: str, form: str) -> Slot:
    def make(s: Scene) -> tuple[TurnPiece, ...]:
        p = s.caller if role == "caller" else s.agent if role == "agent" else s.other(role)
        if form == "any":
            r = s.rng.random()
            text = (
                p.full
                if r < 0.62
                else p.first
                if r < 0.76
                else p.last
                if r < 0.82
                else f"{p.first} {p.middle} {p.last}"
                if r < 0.9
                else f"{p.last}, {p.first}"
            )
            if r >= 0.9 and s.rng.random() < 0.6:
                text = p.full
        else:
            text = p.first if form == "first" else p.last if form == "last" else p.full
        text = s.written(text)
        if not s.style.punctuated and "-" in text and s.rng.random() < 0.6:
            text = text.replace("-", " ")
        return (TurnPiece(text, "PERSON", f"{role}.name", p.full),)

    return make


def _of(
    entity: str,
    key: str,
    canonical: Callable[[Scene], str],
    spoken: Callable[[Scene, str], str],
    written: Callable[[Scene, str], str],
) -> Slot:
    def make(s: Scene) -> tuple[TurnPiece, ...]:
        value = canonical(s)
        text = spoken(s, value) if s.spoken() else written(s, value)
        return (TurnPiece(text if s.style.cased else text.lower(), entity, key, value),)

    return make


def _reference(key: str, entity: str, kind: str) -> Slot:
    return _of(
        entity,
        f"caller.{key}",
        lambda s: s.keep(key, lambda: say.random_reference(s.rng, kind)),
        lambda s, v: say.spoken_code(s.rng, v),
        lambda s, v: v,
    )


def _phone(key: str, number: Callable[[Scene], str]) -> Slot:
    return _of(
        "PHONE_NUMBER",
        key,
        number,
        lambda s, v: say.spoken_phone(s.rng, v),
        lambda s, v: say.written_phone(s.rng, v),
    )


def _spell(s: Scene) -> tuple[TurnPiece, ...]:
    p = s.caller
    what = p.last if s.rng.random() < 0.75 else p.first
    text = say.spell_text(
        s.rng, what, None if s.spoken() else pick_one(s.rng, ("dashes", "letters"))
    )
    pieces = [TurnPiece(text if s.style.cased else text.lower(), "PERSON", "caller.name", p.full)]
    if s.rng.random() < 0.2:
        pieces = [
            TurnPiece(s.written(what), "PERSON", "caller.name", p.full),
            _lit(s.written(", ")),
            *pieces,
        ]
    return tuple(pieces)


def _address(s: Scene) -> tuple[TurnPiece, ...]:
    p, r = s.caller, s.rng.random()
    line = say.spoken_address(s.rng, p) if s.spoken() else s.written(p.street_line)
    pieces = [TurnPiece(line, "ADDRESS", "caller.street", p.street_line)]
    if r < 0.5:
        pieces += [
            _lit(s.written(", ")),
            TurnPiece(s.written(p.city), "LOCATION", "caller.city", p.city),
        ]
    if r < 0.25:
        if p.country in ("US", "CA", "AU"):
            pieces += [
                _lit(s.written(", ") if s.style.punctuated else " "),
                TurnPiece(s.written(p.state), "LOCATION", "caller.state", p.state),
            ]
        pieces += [_lit(" "), *_zip(s)]
    return tuple(pieces)


_zip = _of(
    "ZIP_CODE",
    "caller.zip",
    lambda s: s.caller.postal_code,
    lambda s, v: say.spoken_postal(s.rng, v, s.caller.country),
    lambda s, v: v,
)


def _street(s: Scene) -> tuple[TurnPiece, ...]:
    country = s.caller.country
    name = street_name(s.rng, country)
    if s.rng.random() < 0.35:
        name = (
            f"{name} {house_number(s.rng, country)}"
            if country in ("NL", "DE")
            else f"{house_number(s.rng, country)} {name}"
        )
    return (TurnPiece(s.written(name), "ADDRESS", f"place.{name}", name),)


def _city(s: Scene) -> tuple[TurnPiece, ...]:
    if s.rng.random() < 0.5:
        return (TurnPiece(s.written(s.caller.city), "LOCATION", "caller.city", s.caller.city),)
    city = pick_one(s.rng, towns_by_country()[s.caller.country]).city
    return (TurnPiece(s.written(city), "LOCATION", f"place.{city}", city),)


def _email(s: Scene) -> tuple[TurnPiece, ...]:
    value = s.caller.email
    if s.spoken():
        text = say.spoken_email(s.rng, value)
    else:
        text = (
            value
            if s.rng.random() < 0.75 or s.style.spoken == 0
            else say.spaced_email(s.rng, value)
        )
    return (
        TurnPiece(text if s.style.cased else text.lower(), "EMAIL_ADDRESS", "caller.email", value),
    )


def _biz(s: Scene) -> tuple[TurnPiece, ...]:
    return (TurnPiece(s.written(s.firm.name), "ORGANIZATION", "business.name", s.firm.name),)


def _org(s: Scene) -> tuple[TurnPiece, ...]:
    name = s.keep("org", lambda: org_name(s.rng))
    return (TurnPiece(s.written(name), "ORGANIZATION", f"org.{name}", name),)


def _ip(s: Scene) -> str:
    return s.keep(
        "ip",
        lambda: (
            f"{pick_one(s.rng, ('192.0.2', '198.51.100', '203.0.113'))}.{1 + int(s.rng.random() * 254)}"  # noqa: E501
        ),
    )


def _passport(s: Scene) -> str:
    return s.keep("passport", lambda: f"{pick_one(s.rng, 'ACEGLXYZ')}{random_digits(s.rng, 8)}")


def _bank(i: int) -> Callable[[Scene], str]:
    return lambda s: s.keep("bank", lambda: ":".join(say.us_account(s.rng))).split(":")[i]


def _birth(s: Scene, iso: str) -> str:
    text = say.spoken_date(s.rng, s.caller.dob, s.caller.country == "US")
    if s.style.cased:
        text = " ".join(w.title() if w in say.MONTHS else w for w in text.split(" "))
    return text


VALUES: dict[str, Slot] = {
    "name": _name("caller", "any"),
    "caller": _name("caller", "full"),
    "first": _name("caller", "first"),
    "last": _name("caller", "last"),
    "agent": _name("agent", "first"),
    "agentfull": _name("agent", "full"),
    "other": _name("other", "first"),
    "otherfull": _name("other", "full"),
    "otherlast": _name("other", "last"),
    "other2": _name("other2", "first"),
    "other2full": _name("other2", "full"),
    "other2last": _name("other2", "last"),
    "doctor": _name("doctor", "last"),
    "doctor2": _name("doctor2", "last"),
    "spell": _spell,
    "phone": _phone("caller.phone", lambda s: s.caller.phone),
    "phone2": _phone("other.phone", lambda s: s.other("other").phone),
    "email": _email,
    "address": _address,
    "zip": _zip,
    "city": _city,
    "street": _street,
    "street2": _street,
    "biz": _biz,
    "org": _org,
    "yourcity": lambda s: (
        TurnPiece(s.written(s.caller.city), "LOCATION", "caller.city", s.caller.city),
    ),
    "bizaddress": lambda s: (
        TurnPiece(s.written(s.firm.address), "ADDRESS", "business.address", s.firm.address),
    ),
    "dob": _of(
        "DATE_OF_BIRTH",
        "caller.dob",
        lambda s: s.caller.dob.isoformat(),
        _birth,
        lambda s, v: say.written_date(s.rng, s.caller.dob, s.caller.country == "US"),
    ),
    "card": _of(
        "CREDIT_CARD",
        "caller.card",
        lambda s: s.caller.card,
        lambda s, v: say.spoken_card(s.rng, v),
        lambda s, v: say.written_card(s.rng, v),
    ),
    "card4": _of(
        "CREDIT_CARD",
        "caller.card4",
        lambda s: s.caller.card[-4:],
        lambda s, v: say.spoken_digits(s.rng, v, say.any_style(s.rng)),
        lambda s, v: v,
    ),
    "expiry": _of(
        "CARD_EXPIRY",
        "caller.expiry",
        lambda s: f"{s.caller.expiry[1]}-{s.caller.expiry[0]:02d}",
        lambda s, v: say.spoken_expiry(s.rng, *s.caller.expiry),
        lambda s, v: say.written_expiry(s.rng, *s.caller.expiry),
    ),
    "cvv": _of(
        "CVV",
        "caller.cvv",
        lambda s: s.caller.cvv,
        lambda s, v: say.spoken_cvv(s.rng, v),
        lambda s, v: v,
    ),
    "ssn": _of(
        "US_SSN",
        "caller.ssn",
        lambda s: s.caller.ssn,
        lambda s, v: say.spoken_ssn(s.rng, v),
        lambda s, v: v if s.rng.random() < 0.7 else v.replace("-", " "),
    ),
    "ssn4": _of(
        "US_SSN",
        "caller.ssn4",
        lambda s: s.caller.ssn[-4:],
        lambda s, v: say.spoken_digits(s.rng, v, say.any_style(s.rng)),
        lambda s, v: v,
    ),
    "account": _reference("account", "ACCOUNT_ID", "account"),
    "policy": _reference("policy", "ACCOUNT_ID", "policy"),
    "order": _reference("order", "ORDER_ID", "order"),
    "ticket": _reference("ticket", "ORDER_ID", "confirmation"),
    "plate": _of(
        "LICENSE_PLATE",
        "caller.plate",
        lambda s: s.keep("plate", lambda: say.licence_plate(s.rng, s.caller.country)),
        lambda s, v: say.spoken_code(s.rng, v),
        lambda s, v: v,
    ),
    "username": _of(
        "USERNAME",
        "caller.username",
        lambda s: s.caller.username,
        lambda s, v: say.spoken_username(s.rng, v),
        lambda s, v: v,
    ),
    "routing": _of(
        "US_BANK_NUMBER",
        "caller.routing",
        _bank(0),
        lambda s, v: say.spoken_digits(s.rng, v, say.any_style(s.rng), (3, 3, 3), 0.1),
        lambda s, v: v,
    ),
    "bank": _of(
        "US_BANK_NUMBER",
        "caller.bank",
        _bank(1),
        lambda s, v: say.spoken_digits(s.rng, v, say.any_style(s.rng), (4, 4, 4), 0.1),
        lambda s, v: v,
    ),
    "iban": _of(
        "IBAN_CODE",
        "caller.iban",
        lambda s: s.keep("iban", lambda: say.random_iban(s.rng, s.caller.country)),
        lambda s, v: say.spoken_code(s.rng, v, "letters"),
        lambda s, v: say.written_iban(s.rng, v),
    ),
    "ip": _of(
        "IP_ADDRESS",
        "caller.ip",
        _ip,
        lambda s, v: " dot ".join(say.spoken_digits(s.rng, x, "words") for x in v.split(".")),
        lambda s, v: v,
    ),
    "passport": _of(
        "US_PASSPORT",
        "caller.passport",
        _passport,
        lambda s, v: say.spoken_code(s.rng, v),
        lambda s, v: v,
    ),
}
"""Slots that plant a value, by the name used in braces."""
