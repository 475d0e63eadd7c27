"""Generated people: names of many origins, addresses, numbers, documents.

Every value is made from the lists in `data/` and a seeded generator; a likeness to anyone living is
chance. See `numbers` for the ranges telephone numbers and cards are taken from. Mail domains are
those of RFC 2606 unless realistic ones are asked for.
"""

from __future__ import annotations

import datetime as dt
import random
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from callveil.transforms.lab.sample.lists import (
    COUNTRIES,
    GENERATED_BY,
    NameOrigin,
    Town,
    name_origins,
    origin_wheel,
    pick_one,
    street_parts,
    towns_by_country,
)
from callveil.transforms.lab.sample.numbers import (
    card_number,
    luhn_digit,
    phone_number,
    postal_code,
    random_digits,
    random_ssn,
)

__all__ = [
    "COUNTRIES",
    "GENERATED_BY",
    "NameOrigin",
    "Person",
    "Town",
    "ascii_fold",
    "birth_date",
    "card_number",
    "email_address",
    "house_number",
    "luhn_digit",
    "name_origins",
    "person_name",
    "phone_number",
    "pick_one",
    "postal_code",
    "random_digits",
    "random_person",
    "random_ssn",
    "street_name",
    "towns_by_country",
    "unit_name",
    "user_name",
]

EPOCH = dt.date(1930, 1, 1)
_SPAN_DAYS = (dt.date(2007, 12, 31) - EPOCH).days
_COUNTRY_NAMES = {
    "US": "United States",
    "GB": "United Kingdom",
    "CA": "Canada",
    "AU": "Australia",
    "IE": "Ireland",
    "NL": "Netherlands",
    "DE": "Germany",
    "FR": "France",
}
_SAFE_DOMAINS = (
    "example.com",
    "example.org",
    "example.net",
    "mail.example",
    "post.example",
    "inbox.example",
    "webmail.example",
    "northwind.example",
)
_REAL_DOMAINS = (
    "gmail.com",
    "gmail.com",
    "gmail.com",
    "yahoo.com",
    "hotmail.com",
    "outlook.com",
    "icloud.com",
    "aol.com",
    "comcast.net",
    "verizon.net",
)
_REAL_LOCAL_DOMAINS = {
    "GB": ("hotmail.co.uk", "yahoo.co.uk", "btinternet.com", "gmail.com"),
    "CA": ("rogers.com", "gmail.com", "sympatico.ca"),
    "NL": ("ziggo.nl", "gmail.com"),
    "DE": ("gmx.de", "web.de", "t-online.de", "gmail.com"),
    "FR": ("orange.fr", "free.fr", "gmail.com"),
    "AU": ("bigpond.com", "gmail.com"),
    "IE": ("eircom.net", "gmail.com"),
}
_WORDS = (
    "blue",
    "red",
    "lucky",
    "happy",
    "sunny",
    "wild",
    "quiet",
    "turbo",
    "cosmic",
    "pixel",
    "tiger",
    "panda",
    "otter",
    "falcon",
    "maple",
    "river",
    "comet",
    "ninja",
)


@dataclass(frozen=True)
class Person:
    """A generated person. `phone` is E.164; `dob` a date; `random_ssn` nine digits with dashes;
    `card` digits only; `expiry` is (month, year).
    """

    first: str
    last: str
    middle: str
    origin: str
    country: str
    emails: tuple[str, ...]
    phone: str
    phone2: str
    number: str
    street: str
    unit: str
    city: str
    state: str
    postal_code: str
    dob: dt.date
    username: str
    ssn: str
    card: str
    card_brand: str
    cvv: str
    expiry: tuple[int, int]

    @property
    def full(self) -> str:
        """First and last name."""
        return f"{self.first} {self.last}"

    @property
    def email(self) -> str:
        """The first e-mail address."""
        return self.emails[0]

    @property
    def street_line(self) -> str:
        """House number, street and unit as written in the country."""
        line = (
            f"{self.street} {self.number}"
            if self.country in ("NL", "DE")
            else f"{self.number} {self.street}"
        )
        return f"{line}, {self.unit}" if self.unit else line

    @property
    def address(self) -> str:
        """One-line postal address without the country."""
        if self.country in ("US", "CA", "AU"):
            return f"{self.street_line}, {self.city}, {self.state} {self.postal_code}"
        if self.country in ("NL", "DE", "FR"):
            return f"{self.street_line}, {self.postal_code} {self.city}"
        return f"{self.street_line}, {self.city}, {self.postal_code}"

    @property
    def country_name(self) -> str:
        """English name of the country."""
        return _COUNTRY_NAMES[self.country]


def birth_date(rng: random.Random) -> dt.date:
    """Return a day between 1930 and 2007."""
    return EPOCH + dt.timedelta(days=int(rng.random() * _SPAN_DAYS))


@lru_cache(maxsize=8192)
def ascii_fold(text: str) -> str:
    """Lower-case ASCII letters of a name, as people put it into an address: `Núñez de Hart` gives
    `nunezdehart`.
    """
    text = (
        text.lower()
        .replace("ß", "ss")
        .replace("ø", "o")
        .replace("ł", "l")
        .replace("đ", "d")
        .replace("ı", "i")
    )
    return "".join(c for c in unicodedata.normalize("NFKD", text) if "a" <= c <= "z")


def email_address(
    rng: random.Random,
    first: str,
    last: str,
    year: int,
    country: str = "US",
    realistic: bool = False,
) -> str:
    """Return an address for a name; `year` of birth may show in it."""
    f, n, r = ascii_fold(first) or "user", ascii_fold(last) or "name", rng.random()
    if r < 0.25:
        local = f"{f}.{n}"
    elif r < 0.4:
        local = f"{f}{n}"
    elif r < 0.5:
        local = f"{f[0]}{n}"
    elif r < 0.58:
        local = f"{f}_{n}"
    elif r < 0.64:
        local = f"{f}-{n}"
    elif r < 0.8:
        local = f"{f}.{n}{year % 100:02d}"
    elif r < 0.9:
        local = f"{n}{f[0]}{int(rng.random() * 1000)}"
    else:
        local = f"{pick_one(rng, _WORDS)}{pick_one(rng, _WORDS)}{int(rng.random() * 100)}"
    domains = (_REAL_LOCAL_DOMAINS.get(country, _REAL_DOMAINS)) if realistic else _SAFE_DOMAINS
    return f"{local}@{pick_one(rng, domains)}"


def user_name(rng: random.Random, first: str, last: str, year: int) -> str:
    """Return a log-in or handle, 5 to 24 characters of a-z, 0-9, dot and underscore."""
    f, n, r = ascii_fold(first) or "user", ascii_fold(last) or "name", rng.random()
    if r < 0.3:
        name = f"{f}{n[0]}{year % 100:02d}"
    elif r < 0.5:
        name = f"{f}_{n}"
    elif r < 0.7:
        name = f"{pick_one(rng, _WORDS)}{pick_one(rng, _WORDS)}{int(rng.random() * 1000)}"
    elif r < 0.85:
        name = f"{f[0]}.{n}{int(rng.random() * 100)}"
    else:
        name = f"{f}{pick_one(rng, _WORDS)}{year}"
    return (name if len(name) >= 5 else name + random_digits(rng, 3))[:24]


def street_name(rng: random.Random, country: str) -> str:
    """Return a street with its suffix, in the country's order."""
    names, suffixes = street_parts().get(
        country, street_parts()["GB" if country in ("AU", "IE") else "US"]
    )
    name, suffix = pick_one(rng, names), pick_one(rng, suffixes)
    if country in ("NL", "DE"):
        return name + suffix
    if country == "FR":
        return f"{suffix} {name}"
    if name in ("Broadway", "The Crescent", "El Camino"):
        return name
    if country == "US" and rng.random() < 0.25:
        name = f"{pick_one(rng, ('North', 'South', 'East', 'West', 'N', 'S', 'E', 'W'))} {name}"
    return f"{name} {suffix}"


def house_number(rng: random.Random, country: str) -> str:
    """Return a house number as usual there; a few carry a letter."""
    r = rng.random()
    if country in ("US", "CA", "AU"):
        return str(
            1
            + int(
                rng.random() * (99 if r < 0.15 else 999 if r < 0.5 else 9999 if r < 0.93 else 19999)
            )
        )
    return str(1 + int(rng.random() * (60 if r < 0.6 else 400))) + (
        pick_one(rng, "abc") if r > 0.9 else ""
    )


def unit_name(rng: random.Random, country: str) -> str:
    """Flat, apartment, suite; empty three times in four."""
    if rng.random() < 0.75:
        return ""
    if country in ("GB", "IE", "AU"):
        return f"Flat {1 + int(rng.random() * 40)}"
    if country in ("US", "CA"):
        kind = pick_one(rng, ("Apt", "Apt", "Apartment", "Unit", "Suite", "#"))
        label = f"{1 + int(rng.random() * 30)}{pick_one(rng, ('', '', 'A', 'B', 'C', 'D'))}"
        return f"#{label}" if kind == "#" else f"{kind} {label}"
    return ""


def person_name(
    rng: random.Random, country: str = "US", origin: str | None = None
) -> tuple[str, str, str]:
    """(given name, surname, origin); one name in eight pairs two origins, as families do."""
    o = name_origins()[origin] if origin else pick_one(rng, origin_wheel(country))
    first, last = pick_one(rng, o.given), pick_one(rng, o.surnames)
    if origin is None and rng.random() < 0.125:
        last = pick_one(rng, pick_one(rng, origin_wheel(country)).surnames)
    return first, last, o.name


def random_person(
    rng: random.Random, country: str = "US", realistic: bool = False, origin: str | None = None
) -> Person:
    """Return a generated person.

    Args:
        rng: seeded; equal states give equal people.
        country: one of `COUNTRIES`.
        realistic: numbers and mail domains that validators take for real ones, instead of those set
            aside for fiction.
        origin: a key of `name_origins()`; drawn by weight when absent.

    Raises:
        ValueError: unknown country or origin.
    """
    if country not in COUNTRIES:
        raise ValueError(f"unknown country {country!r}; one of {', '.join(COUNTRIES)}")
    if origin is not None and origin not in name_origins():
        raise ValueError(
            f"unknown origin {origin!r}; see callveil.transforms.lab.sample.people.origins()"
        )
    place = pick_one(rng, towns_by_country()[country])
    first, last, label = person_name(rng, country, origin)
    o, r, born = name_origins()[label], rng.random, birth_date(rng)
    emails = [email_address(rng, first, last, born.year, country, realistic)]
    if r() < 0.15:
        emails.append(email_address(rng, first, last, born.year, country, realistic))
    brand, card = card_number(rng)
    return Person(
        first=first,
        last=last,
        middle=pick_one(rng, o.given) if r() < 0.5 else pick_one(rng, "ABCDEFGHJKLMNPRSTW"),
        origin=label,
        country=country,
        emails=tuple(emails),
        phone=phone_number(rng, place, realistic),
        phone2=phone_number(rng, place, realistic),
        number=house_number(rng, country),
        street=street_name(rng, country),
        unit=unit_name(rng, country),
        city=place.city,
        state=place.state,
        postal_code=postal_code(rng, place),
        dob=born,
        username=user_name(rng, first, last, born.year),
        ssn=random_ssn(rng),
        card=card,
        card_brand=brand,
        cvv=random_digits(rng, 4 if brand == "amex" else 3),
        expiry=(1 + int(r() * 12), 2027 + int(r() * 6)),
    )
