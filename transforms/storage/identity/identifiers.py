"""Identifiers of people: brought to one form however they are written, and concealed by keyed
digests.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import phonenumbers

from callveil.schemas.errors import UserError
from callveil.schemas.subject_index import KINDS, NAME
from callveil.transforms.detect.normalized_text import WORD, strip_case_and_accents
from callveil.transforms.storage.encryption.keyring import Keyring

REGION = "US"
"""Region of numbers that are written without a country, where nothing says otherwise."""
SHORTEST = 7
"""Digits a number needs to tell one person from another; shorter ones are short codes and
extensions.
"""
TOKEN_HEX = 32
EMAIL = re.compile(r"(?<![^\s@<>\"'(),;:])[^\s@<>\"'(),;:]+@[^\s@<>\"'(),;:]+\.[^\s@<>\"'(),;:.]+")
_ALIASES = {
    "name": "name_address",
    "tel": "phone",
    "number": "phone",
    "mail": "email",
    "visitor_sid": "visitor",
    "sid": "visitor",
    "call": "interaction",
}


class IdentifierError(UserError, ValueError):
    """An identifier cannot be read; the text says which form it has to have, and does not quote
    it.
    """


@dataclass(frozen=True, order=True)
class Identifier:
    """One identifier in its one form.

    Attributes:
        kind: one of `schemas.subject_index.KINDS`.
        value: normal form; personal data, kept in memory and sealed files only.
    """

    kind: str
    value: str

    def __repr__(self) -> str:
        return f"Identifier({self.kind})"


@lru_cache(maxsize=65536)
@lru_cache(maxsize=4096)
def normal_phone(text: str, region: str = REGION) -> str | None:
    """Return a number in E.164, or None for what is none. One that fits no plan keeps its digits.

    Args:
        text: any way of writing or dialling it: +, 00, 011, national; extensions are left out.
        region: ISO 3166 code for numbers without a country; empty where it is not known.
    """
    digits = re.sub(r"\D", "", text)
    if len(digits) < SHORTEST or len(digits) > 20:
        return None
    for given in _dialled(text.strip(), digits, region):
        if number := _possible(given, region):
            return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
    return f"digits:{digits}"


def _dialled(text: str, digits: str, region: str) -> Iterator[str]:
    """Yield ways to read a number, the likeliest first.

    No national number begins with 00; one may begin with 011, so there the region comes first.
    What fits no region may be an international number without its +.
    """
    if digits.startswith("00") and not text.startswith("+"):
        yield f"+{digits[2:]}"
    if region or text.startswith("+"):
        yield text
    if text.startswith("+"):
        return
    if digits.startswith("011"):
        yield f"+{digits[3:]}"
    elif len(digits) > 10 and digits[0] != "0":
        yield f"+{digits}"


def _possible(given: str, region: str) -> phonenumbers.PhoneNumber | None:
    try:
        number = phonenumbers.parse(given, region or None)
    except phonenumbers.NumberParseException:
        return None
    reason = phonenumbers.is_possible_number_with_reason(number)
    local = reason == phonenumbers.ValidationResult.IS_POSSIBLE_LOCAL_ONLY and not given.startswith(
        "+"
    )
    return number if local or reason == phonenumbers.ValidationResult.IS_POSSIBLE else None


@lru_cache(maxsize=4096)
def national_to_e164(digits: str, region: str) -> str:
    """Return a number dialled within a region, in E.164; empty where it is none."""
    number = _possible(digits, region) if region else None
    return (
        str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
        if number
        else ""
    )


@lru_cache(maxsize=4096)
def is_whole(number: str) -> bool:
    """Tell whether a number in E.164 has the length of one of its country, area code included."""
    return bool(
        phonenumbers.is_possible_number_with_reason(phonenumbers.parse(number, None))
        == phonenumbers.ValidationResult.IS_POSSIBLE
    )


def without_extension(text: str) -> str:
    """Return a number as it is written, without `ext. 7`."""
    return re.split(r"(?i)\s*(?:;?ext|extension|x|durchwahl|poste)\b", text, maxsplit=1)[0]


def names_country(text: str) -> bool:
    """Tell whether a number tells its country: written with +, or dialled with 00 or 011."""
    return re.sub(r"[^\d+]", "", text).startswith(("+", "00", "011"))


def forms_of(kind: str, value: str) -> tuple[str, ...]:
    """Return forms in which a search finds an identifier, with no more of it than who gave it
    recognises.
    """
    if kind == "email":
        return ("as it is written, in any case", "read aloud")
    if kind != "phone":
        return ("as it is written",)
    if not value.startswith("+"):
        return ("as it is written",)
    country, tail = phonenumbers.parse(value, None).country_code, value[-2:]
    begins = (f"+{country}", f"00{country}", f"011{country}", f"{country}")
    return (
        *(f"{b}…{tail}" for b in begins),
        f"…{tail} within {region_of_number(value) or 'its country'}",
        "in words, in pieces, read back",
    )


def region_of_number(number: str) -> str:
    """Return the region of a number in E.164; empty where it has none."""
    try:
        return str(
            phonenumbers.region_code_for_country_code(
                phonenumbers.parse(number, None).country_code or 0
            )
        )
    except phonenumbers.NumberParseException:
        return ""


def local_digits(number: str) -> str:
    """Return digits of a number in normal form as they are dialled within its country, without a
    leading zero.
    """
    return (
        str(phonenumbers.parse(number, None).national_number)
        if number.startswith("+")
        else number.removeprefix("digits:")
    )


def normal_email(text: str) -> str | None:
    """Return an address in lower case, or None for what is none."""
    found = EMAIL.search(text.strip().removeprefix("mailto:"))
    return found[0].lower().rstrip(".") if found else None


def normal_name(text: str) -> str:
    """Return a name's words, folded, in alphabetical order: `Müller, Jane` and `jane muller` are
    one. Single letters are left out.
    """
    return " ".join(
        sorted(w for w in (strip_case_and_accents(m) for m in WORD.findall(text)) if len(w) > 1)
    )


def normal_place(text: str) -> str:
    """Return letters and digits of a postcode or street, folded."""
    return "".join(strip_case_and_accents(m) for m in WORD.findall(text))


def name_address(name: str, *places: str | None) -> list[Identifier]:
    """Return a name with each of some postcodes and streets; nothing where either is missing. A
    name alone tells nobody from others.
    """
    words = normal_name(name)
    if " " not in words:
        return []
    return [
        Identifier("name_address", f"{words}|{place}")
        for p in places
        if p and len(place := normal_place(p)) >= 4
    ]


def name_words(name: str) -> list[str]:
    """Return words of a contact's name that tell it from others; none where it names nobody."""
    from callveil.transforms.detect.known_values import NO_NAMES  # which brings detection along

    words = [w for w in normal_name(name).split() if w not in NO_NAMES]
    return [] if any(c.isdigit() for w in words for c in w) else words


def name_beside(word: str, identifier: Identifier) -> Identifier:
    """Return a word of a name beside an identifier of the same person, which compares with nothing
    but names beside that identifier.
    """
    return Identifier(NAME, f"{word}|{identifier.kind}:{identifier.value}")


def identifier_beside(name: Identifier) -> Identifier:
    """Return the identifier that a word of a name stands beside; see `name_beside`."""
    kind, _, value = name.value.partition("|")[2].partition(":")
    return Identifier(kind, value)


def agent_identifier(account_id: str, agent_id: str) -> Identifier:
    """Return the identifier of a member of staff: the platform's id, which is known within an
    account.
    """
    return Identifier("agent", f"{account_id}/{agent_id}")


def interaction_identifier(account_id: str, interaction_id: str) -> Identifier:
    """Return the identifier of an interaction: its key."""
    return Identifier("interaction", f"{account_id}/{interaction_id}")


def normal_ip(text: str) -> str | None:
    """Return an internet address in its short form, or None."""
    try:
        return str(ipaddress.ip_address(text.strip()))
    except ValueError:
        return None


def parse_identifier(text: str, region: str = "") -> list[Identifier]:
    """Return identifiers that `KIND:VALUE` names; a bare number, e-mail or internet address needs
    no kind.

    `name:Jane Muller|94107|12 Elm Street` is a name with a postcode, a street or both. Raises
    `IdentifierError`, without quoting the value.
    """
    head, colon, rest = text.partition(":")
    kind = _ALIASES.get(head.strip().lower(), head.strip().lower()) if colon else ""
    if kind not in KINDS:
        kind, rest = "email" if "@" in text else "ip" if normal_ip(text) else "phone", text
    return list(identifiers_of_kind(kind, rest.strip(), region))


def identifiers_of_kind(kind: str, value: str, region: str = "") -> Iterable[Identifier]:
    """Return identifiers of one kind. Raises `IdentifierError` where the value has not the form its
    kind has to have.
    """
    if region and region.upper() not in phonenumbers.SUPPORTED_REGIONS:
        raise IdentifierError("region: expected a country's code of two letters, such as US or DE")
    if kind == "name_address":
        name, *places = value.split("|")
        found = name_address(name, *places)
        if not found:
            raise IdentifierError(
                "name: expected a first and last name with a postcode or street: name:FIRST "
                "LAST|POSTCODE|STREET"
            )
        return found
    normal = {
        "phone": lambda: _told_phone(value, region.upper()),
        "email": lambda: normal_email(value),
        "ip": lambda: normal_ip(value),
    }
    if kind in normal:
        result = normal[kind]()
        if not result:
            raise IdentifierError(
                f"{kind}: the value is none; expected such as "
                + {"phone": "+14155550123", "email": "name@example.com"}.get(kind, "192.0.2.7")
            )
        return [Identifier(kind, result)]
    if kind in ("agent", "interaction"):
        account, slash, own = value.partition("/")
        if not slash or not account or not own:
            raise IdentifierError(f"{kind}: expected ACCOUNT/ID")
        return [Identifier(kind, f"{account}/{own}")]
    if not value:
        raise IdentifierError(f"{kind}: the value is empty")
    return [Identifier(kind, value)]


def _told_phone(value: str, region: str) -> str | None:
    """Return a number someone is looked for by. Raises `IdentifierError` where it may be one of
    several countries.
    """
    number = normal_phone(value, region)
    if (
        number
        and number.startswith("digits:")
        and names_country(value)
        and not value.strip().startswith("011")
    ):
        raise IdentifierError("phone: no country has such a number; check its digits")
    if number and not region and (number.startswith("digits:") or not names_country(value)):
        raise IdentifierError(
            "phone: the number does not tell its country, so it may be several people's; "
            "write it as +COUNTRY NUMBER, or name the country: --region US"
        )
    return number


def identifier_token(keyring: Keyring, identifier: Identifier, key_id: str | None = None) -> str:
    """Return what stands for an identifier in the index: HMAC-SHA256 under a key of its own, 32 hex
    digits.
    """
    value = identifier.value
    if (
        identifier.kind == "interaction"
    ):  # asked for by the platform's id, it is known by the one it is stored under
        account, slash, own = value.partition("/")
        from callveil.transforms.storage.identity.identifier_names import (
            NamePseudonymizer,
        )  # which brings detection along

        value = f"{account}{slash}{NamePseudonymizer(keyring).id(own)}"
    return keyring.hmac(f"subject/{identifier.kind}", value, key_id=key_id)[:TOKEN_HEX]


def identifier_tokens(keyring: Keyring, identifier: Identifier) -> dict[str, str]:
    """Return the same under every key of the keyring, by key id: what was indexed before a key was
    rotated is found too.
    """
    return {key_id: identifier_token(keyring, identifier, key_id) for key_id in keyring.key_ids}


def tokens_to_search(keyring: Keyring, identifier: Identifier) -> tuple[str, ...]:
    """Return all that may stand for what somebody asks for: of an interaction under each form its
    id may be stored as.
    """
    if identifier.kind != "interaction":
        return tuple(identifier_tokens(keyring, identifier).values())
    from callveil.transforms.storage.identity.identifier_names import (
        NamePseudonymizer,
    )  # which brings detection along

    account, slash, own = identifier.value.partition("/")
    forms = sorted(NamePseudonymizer(keyring).stored(own))
    values = [(f"{account}{slash}{form}", key_id) for key_id in keyring.key_ids for form in forms]
    return tuple(
        keyring.hmac(f"subject/{identifier.kind}", value, key_id=key_id)[:TOKEN_HEX]
        for value, key_id in values
    )


def subject_ref(keyring: Keyring, identifiers: Iterable[Identifier]) -> str:
    """Return what stands for a person in the register and in certificates: a keyed digest of all
    that identifies them.
    """
    return keyring.hmac(
        "subject/ref", *(part for i in sorted(set(identifiers)) for part in (i.kind, i.value))
    )[:TOKEN_HEX]
