"""Generated people: names of many origins, addresses, numbers, documents.

Every value is made from the lists in `data/` and a seeded generator; a likeness to anyone living is chance. Telephone numbers come from ranges set
aside for fiction unless `realistic=True` asks for numbers that validators accept:

- North America: 555-0100 to 555-0199 in every area code (NANPA, 555 line number guidelines);
- United Kingdom: Ofcom, "Telephone numbers for use in TV and radio drama programmes";
- Australia: ACMA, "Phone numbers for use in TV shows, films and creative works";
- Ireland: ComReg, 020 91x xxxx; Germany: Bundesnetzagentur, media numbers; France: ARCEP decision 2009, media numbers;
- the Netherlands set none aside, so those look real and are random.

Cards are Luhn-valid on top of prefixes that payment providers publish for tests. Mail domains are those of RFC 2606 unless realistic.
"""

from __future__ import annotations

import datetime as dt
import random
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import TypeVar

_T = TypeVar("_T")

GENERATED_BY = "callveil sample (generated people)"
COUNTRIES = ("US", "GB", "CA", "AU", "IE", "NL", "DE", "FR")
EPOCH = dt.date(1930, 1, 1)
_SPAN_DAYS = (dt.date(2007, 12, 31) - EPOCH).days

_COUNTRY_NAMES = {
    "US": "United States", "GB": "United Kingdom", "CA": "Canada", "AU": "Australia", "IE": "Ireland", "NL": "Netherlands", "DE": "Germany", "FR": "France",
}
# Origins that are likelier than their general weight among the people of a country.
_LOCAL = {
    "GB": ("english", "scottish-welsh", "indian-north", "punjabi-pakistani-bengali"), "IE": ("irish",), "NL": ("dutch", "turkish"), "DE": ("german", "turkish"),
    "FR": ("french", "arabic"), "CA": ("english", "french", "chinese"), "AU": ("english", "greek", "vietnamese"), "US": ("english", "latin-american"),
}
_CARD_PREFIXES = (
    ("visa", "424242", 16), ("visa", "411111", 16), ("visa", "400000", 16), ("mastercard", "555555", 16), ("mastercard", "510510", 16),
    ("mastercard", "222300", 16), ("amex", "378282", 15), ("amex", "371449", 15), ("discover", "601111", 16), ("diners", "305693", 14), ("jcb", "353011", 16),
)
_CARD_WEIGHTED = (0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 5, 6, 7, 8, 9, 10)
_SAFE_DOMAINS = ("example.com", "example.org", "example.net", "mail.example", "post.example", "inbox.example", "webmail.example", "northwind.example")
_REAL_DOMAINS = ("gmail.com", "gmail.com", "gmail.com", "yahoo.com", "hotmail.com", "outlook.com", "icloud.com", "aol.com", "comcast.net", "verizon.net")
_REAL_LOCAL_DOMAINS = {
    "GB": ("hotmail.co.uk", "yahoo.co.uk", "btinternet.com", "gmail.com"), "CA": ("rogers.com", "gmail.com", "sympatico.ca"), "NL": ("ziggo.nl", "gmail.com"),
    "DE": ("gmx.de", "web.de", "t-online.de", "gmail.com"), "FR": ("orange.fr", "free.fr", "gmail.com"), "AU": ("bigpond.com", "gmail.com"), "IE": ("eircom.net", "gmail.com"),
}
_WORDS = ("blue", "red", "lucky", "happy", "sunny", "wild", "quiet", "turbo", "cosmic", "pixel", "tiger", "panda", "otter", "falcon", "maple", "river", "comet", "ninja")
_CA_LETTERS = "ABCEGHJKLMNPRSTVXY"
_UK_INWARD = "ABDEFGHJLNPQRSTUWXYZ"


@dataclass(frozen=True)
class Origin:
    """Names of one origin.

    Attributes:
        name: label, such as `irish` or `common-word` (names that are also everyday words).
        weight: share among people when none is asked for.
        given: given names. surnames: surnames, with particles, hyphens and apostrophes.
    """

    name: str
    weight: int
    given: tuple[str, ...]
    surnames: tuple[str, ...]


@dataclass(frozen=True)
class Place:
    """A town: country code, city, state or county, postal code pattern, telephone areas without trunk digit."""

    country: str
    city: str
    state: str
    postal: str
    areas: tuple[str, ...]


@dataclass(frozen=True)
class Person:
    """A generated person. `phone` is E.164; `dob` a date; `ssn` nine digits with dashes; `card` digits only; `expiry` is (month, year)."""

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
        line = f"{self.street} {self.number}" if self.country in ("NL", "DE") else f"{self.number} {self.street}"
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


def _data(name: str) -> str:
    return (files("callveil.transforms.sample") / "data" / name).read_text(encoding="utf-8")


def _sections(name: str) -> list[tuple[str, dict[str, list[str]]]]:
    out: list[tuple[str, dict[str, list[str]]]] = []
    for line in _data(name).splitlines():
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        if line.startswith("["):
            out.append((line[1:].replace("]", ""), {}))
            continue
        key, _, values = line.partition(":")
        out[-1][1].setdefault(key, []).extend(v.strip() for v in values.split(",") if v.strip())
    return out


@lru_cache(maxsize=1)
def origins() -> dict[str, Origin]:
    """Every origin by name, in the order of the list. Lists are in file order and hold no duplicates within an origin."""
    out = {}
    for head, lists in _sections("names.txt"):
        name, _, weight = head.partition(" ")
        out[name] = Origin(name, int(weight), tuple(dict.fromkeys(lists["given"])), tuple(dict.fromkeys(lists["sur"])))
    return out


@lru_cache(maxsize=1)
def places() -> dict[str, tuple[Place, ...]]:
    """Towns by country code."""
    out: dict[str, list[Place]] = {}
    for line in _data("places.txt").splitlines():
        if line and not line.startswith("#"):
            country, city, state, postal, areas = line.split("|")
            out.setdefault(country, []).append(Place(country, city, state, postal, tuple(areas.split(","))))
    return {k: tuple(v) for k, v in out.items()}


@lru_cache(maxsize=1)
def _streets() -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    return {head: (tuple(lists["name"]), tuple(lists["suffix"])) for head, lists in _sections("streets.txt")}


@lru_cache(maxsize=16)
def _origin_wheel(country: str) -> tuple[Origin, ...]:
    wheel: list[Origin] = []
    local = _LOCAL.get(country, ())
    for o in origins().values():
        wheel += [o] * (o.weight * (6 if o.name in local and country in ("NL", "DE", "FR", "IE") else 2 if o.name in local else 1))
    return tuple(wheel)


def pick(rng: random.Random, seq: Sequence[_T]) -> _T:
    """One element, uniformly; about four times as fast as `rng.choice`. `seq` must not be empty."""
    return seq[int(rng.random() * len(seq))]


def digits(rng: random.Random, n: int) -> str:
    """`n` random digits, n from 0 to 18."""
    return f"{int(rng.random() * 10**n):0{n}d}" if n else ""


def luhn_digit(body: str) -> str:
    """The check digit that makes `body` followed by it pass the Luhn test (ISO/IEC 7812-1, annex B)."""
    total = 0
    for i, c in enumerate(reversed(body)):
        d = int(c)
        if i % 2 == 0:
            d = d * 2 - 9 if d > 4 else d * 2
        total += d
    return str(-total % 10)


def card_number(rng: random.Random) -> tuple[str, str]:
    """(brand, digits) of a card number that passes Luhn, on a test prefix."""
    brand, prefix, length = _CARD_PREFIXES[pick(rng, _CARD_WEIGHTED)]
    body = prefix + digits(rng, length - 1 - len(prefix))
    return brand, body + luhn_digit(body)


def ssn(rng: random.Random) -> str:
    """A US social security number, valid in form: area 001-899 but not 666, group 01-99, serial 0001-9999 (SSA, "SSN randomization")."""
    area = 1 + int(rng.random() * 898)
    return f"{area + (area >= 666):03d}-{1 + int(rng.random() * 99):02d}-{1 + int(rng.random() * 9999):04d}"


def birth_date(rng: random.Random) -> dt.date:
    """A day between 1930 and 2007."""
    return EPOCH + dt.timedelta(days=int(rng.random() * _SPAN_DAYS))


def postal_code(rng: random.Random, place: Place) -> str:
    """A code of the place's form; most, not all, are in use."""
    out = []
    for c in place.postal:
        if c == "#":
            out.append(str(int(rng.random() * 10)))
        elif c == "%":
            out.append(str(1 + int(rng.random() * 9)))
        elif c == "@":
            out.append(pick(rng, _UK_INWARD))
        elif c == "?":
            out.append(pick(rng, _CA_LETTERS))
        else:
            out.append(c)
    return "".join(out)


def phone_number(rng: random.Random, place: Place, realistic: bool = False, mobile: bool | None = None) -> str:
    """E.164 number of the place's country; see the module's text for the ranges. `mobile=None` draws (outside North America)."""
    area, r = pick(rng, place.areas), rng.random
    mob = r() < 0.6 if mobile is None else mobile
    if place.country in ("US", "CA"):
        if not realistic:
            return f"+1{area}55501{digits(rng, 2)}"
        exchange = 200 + int(r() * 800)
        while exchange % 100 == 11 or exchange == 555 or exchange % 1000 == 950:
            exchange = 200 + int(r() * 800)
        return f"+1{area}{exchange}{digits(rng, 4)}"
    if place.country == "GB":
        if realistic:
            return f"+447{pick(rng, ('4', '5', '8', '9'))}{1 + int(r() * 8)}{digits(rng, 7)}" if mob else _uk_landline(rng, area, digits(rng, 4), True)
        return f"+447700900{digits(rng, 3)}" if mob else _uk_landline(rng, area, f"0{digits(rng, 3)}", False)
    if place.country == "AU":
        if mob:
            return f"+614{pick(rng, ('12', '23', '34', '01', '38'))}{digits(rng, 6)}" if realistic else "+61491570" + pick(rng, ("006", "156", "157", "158", "159", "110", "313", "737"))
        return f"+61{area}{'9' if realistic else pick(rng, ('5550', '7010'))}{digits(rng, 7 if realistic else 4)}"
    if place.country == "IE":
        return f"+3538{pick(rng, '5679')}{1 + int(r() * 8)}{digits(rng, 6)}" if realistic else f"+3532091{digits(rng, 5)}"
    if place.country == "DE":
        if realistic:
            return f"+4915{pick(rng, ('12', '20', '22', '75', '77'))}{digits(rng, 7)}" if mob else f"+49{area}{2 + int(r() * 7)}{digits(rng, 6)}"
        media = {"30": "23125", "69": "90009", "40": "66969", "221": "4710", "89": "99998"}
        return f"+49{area}{media[area]}{digits(rng, 3)}"
    if place.country == "FR":
        if realistic:
            return f"+336{1 + int(r() * 8)}{digits(rng, 7)}" if mob else f"+33{area}{pick(rng, {'1': ('40', '42', '44'), '4': ('72', '78'), '3': ('20', '27'), '5': ('56', '57'), '2': ('99', '23')}[area])}{digits(rng, 6)}"
        return f"+3363998{digits(rng, 4)}" if mob else {"1": "+3319900", "2": "+3326191", "3": "+3335301", "4": "+3346571", "5": "+3353649"}[area] + digits(rng, 4)
    return f"+316{1 + int(r() * 8)}{digits(rng, 7)}" if mob else f"+31{area}{2 + int(r() * 7)}{digits(rng, 6)}"


def _uk_landline(rng: random.Random, area: str, tail: str, realistic: bool) -> str:
    if area == "20":
        return f"+4420{'7' if realistic else '7946'}{digits(rng, 3) if realistic else ''}{tail}"
    if area == "29":
        return f"+442920{'5' + digits(rng, 1) if realistic else '18'}{tail}"
    if area == "28":
        return f"+442890{'3' + digits(rng, 1) if realistic else '18'}{tail}" if realistic else f"+44289649{'6' + tail[1:]}"
    if area == "1632":
        return f"+441223{pick(rng, '23456')}{digits(rng, 1)}{tail}" if realistic else f"+441632960{tail[1:]}"
    return f"+44{area}{'2' + digits(rng, 2) if realistic else '498' if area == '191' else '496'}{tail}"


@lru_cache(maxsize=8192)
def ascii_fold(text: str) -> str:
    """Lower-case ASCII letters of a name, as people put it into an address: `Núñez de Hart` gives `nunezdehart`."""
    text = text.lower().replace("ß", "ss").replace("ø", "o").replace("ł", "l").replace("đ", "d").replace("ı", "i")
    return "".join(c for c in unicodedata.normalize("NFKD", text) if "a" <= c <= "z")


def email_address(rng: random.Random, first: str, last: str, year: int, country: str = "US", realistic: bool = False) -> str:
    """An address for a name; `year` of birth may show in it."""
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
        local = f"{pick(rng, _WORDS)}{pick(rng, _WORDS)}{int(rng.random() * 100)}"
    domains = (_REAL_LOCAL_DOMAINS.get(country, _REAL_DOMAINS)) if realistic else _SAFE_DOMAINS
    return f"{local}@{pick(rng, domains)}"


def user_name(rng: random.Random, first: str, last: str, year: int) -> str:
    """A log-in or handle, 5 to 24 characters of a-z, 0-9, dot and underscore."""
    f, n, r = ascii_fold(first) or "user", ascii_fold(last) or "name", rng.random()
    if r < 0.3:
        name = f"{f}{n[0]}{year % 100:02d}"
    elif r < 0.5:
        name = f"{f}_{n}"
    elif r < 0.7:
        name = f"{pick(rng, _WORDS)}{pick(rng, _WORDS)}{int(rng.random() * 1000)}"
    elif r < 0.85:
        name = f"{f[0]}.{n}{int(rng.random() * 100)}"
    else:
        name = f"{f}{pick(rng, _WORDS)}{year}"
    return (name if len(name) >= 5 else name + digits(rng, 3))[:24]


def street_name(rng: random.Random, country: str) -> str:
    """Street with its suffix, in the country's order."""
    names, suffixes = _streets().get(country, _streets()["GB" if country in ("AU", "IE") else "US"])
    name, suffix = pick(rng, names), pick(rng, suffixes)
    if country in ("NL", "DE"):
        return name + suffix
    if country == "FR":
        return f"{suffix} {name}"
    if name in ("Broadway", "The Crescent", "El Camino"):
        return name
    if country == "US" and rng.random() < 0.25:
        name = f"{pick(rng, ('North', 'South', 'East', 'West', 'N', 'S', 'E', 'W'))} {name}"
    return f"{name} {suffix}"


def house_number(rng: random.Random, country: str) -> str:
    """A house number as usual there; a few carry a letter."""
    r = rng.random()
    if country in ("US", "CA", "AU"):
        return str(1 + int(rng.random() * (99 if r < 0.15 else 999 if r < 0.5 else 9999 if r < 0.93 else 19999)))
    return str(1 + int(rng.random() * (60 if r < 0.6 else 400))) + (pick(rng, "abc") if r > 0.9 else "")


def unit_name(rng: random.Random, country: str) -> str:
    """Flat, apartment, suite; empty three times in four."""
    if rng.random() < 0.75:
        return ""
    if country in ("GB", "IE", "AU"):
        return f"Flat {1 + int(rng.random() * 40)}"
    if country in ("US", "CA"):
        kind = pick(rng, ("Apt", "Apt", "Apartment", "Unit", "Suite", "#"))
        label = f"{1 + int(rng.random() * 30)}{pick(rng, ('', '', 'A', 'B', 'C', 'D'))}"
        return f"#{label}" if kind == "#" else f"{kind} {label}"
    return ""


def person_name(rng: random.Random, country: str = "US", origin: str | None = None) -> tuple[str, str, str]:
    """(given name, surname, origin); one name in eight pairs two origins, as families do."""
    o = origins()[origin] if origin else pick(rng, _origin_wheel(country))
    first, last = pick(rng, o.given), pick(rng, o.surnames)
    if origin is None and rng.random() < 0.125:
        last = pick(rng, pick(rng, _origin_wheel(country)).surnames)
    return first, last, o.name


def person(rng: random.Random, country: str = "US", realistic: bool = False, origin: str | None = None) -> Person:
    """A generated person.

    Args:
        rng: seeded; equal states give equal people.
        country: one of `COUNTRIES`.
        realistic: numbers and mail domains that validators take for real ones, instead of those set aside for fiction.
        origin: a key of `origins()`; drawn by weight when absent.

    Raises:
        ValueError: unknown country or origin.
    """
    if country not in COUNTRIES:
        raise ValueError(f"unknown country {country!r}; one of {', '.join(COUNTRIES)}")
    if origin is not None and origin not in origins():
        raise ValueError(f"unknown origin {origin!r}; see callveil.transforms.sample.people.origins()")
    place = pick(rng, places()[country])
    first, last, label = person_name(rng, country, origin)
    o, r, born = origins()[label], rng.random, birth_date(rng)
    emails = [email_address(rng, first, last, born.year, country, realistic)]
    if r() < 0.15:
        emails.append(email_address(rng, first, last, born.year, country, realistic))
    brand, card = card_number(rng)
    return Person(
        first=first, last=last, middle=pick(rng, o.given) if r() < 0.5 else pick(rng, "ABCDEFGHJKLMNPRSTW"), origin=label, country=country,
        emails=tuple(emails), phone=phone_number(rng, place, realistic), phone2=phone_number(rng, place, realistic),
        number=house_number(rng, country), street=street_name(rng, country), unit=unit_name(rng, country), city=place.city, state=place.state,
        postal_code=postal_code(rng, place), dob=born, username=user_name(rng, first, last, born.year), ssn=ssn(rng), card=card, card_brand=brand,
        cvv=digits(rng, 4 if brand == "amex" else 3), expiry=(1 + int(r() * 12), 2027 + int(r() * 6)),
    )
