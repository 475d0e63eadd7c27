"""Extraction of person identifiers from raw records before redaction, and their keyed digests.

The identifiers are concealed at once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from callveil.schemas.interaction import InteractionKey, RawInteraction
from callveil.schemas.subject_index import NAME, RECORD, IdentifierLink, RecordRef, SubjectEntry
from callveil.schemas.version import RawVersion, VersionKey, is_interaction, to_snake_case
from callveil.transforms.detect.normalized_text import normalize_text
from callveil.transforms.detect.text_fields import walk
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.identity import identifiers as ids
from callveil.transforms.storage.identity.identifiers import Identifier
from callveil.transforms.storage.identity.spoken_identifiers import (
    addresses_in_run,
    find_spoken_addresses,
    find_spoken_numbers,
    numbers_in_run,
)

METHOD = "3"
"""How an interaction's identifiers are found, as its list in the index says: from 2 on in pieces,
read back, spoken in any language and dialled; from 3 on with the words of names that tell people on
one line apart.
"""
SIDES = frozenset(
    {
        "",
        "visitor",
        "customer",
        "caller",
        "client",
        "guest",
        "user",
        "you",
        "contact",
        "lead",
        "besucher",
        "kunde",
        "cliente",
    }
)
"""Words for the contact's side of a chat, which name nobody."""
_NAME_FIELD = re.compile(r"(?:(?:contact|customer|caller|client|full|kunden)_?)?name")
NAMED = ("phone", "email", "visitor")
"""Kinds of identifiers that people share, so that names beside them are compared."""
CONTACT, STAFF, OTHER = "contact", "agent", "third_party"
PHONES = (
    "caller_number_complete",
    "caller_number",
    "contact_number",
    "caller_number_format",
    "caller_number_bare",
    "alternative_number",
)
"""Where a contact's numbers stand; those that tell the country come first."""
COMPANY = (
    "business_number",
    "tracking_number",
    "business_number_complete",
    "tracking_number_complete",
)
ONLINE = ("visitor_sid", "gclid", "fbclid", "msclkid", "ga_client_id")
FREE_GROUPS = frozenset({"caller", "form", "custom", "unknown"})
"""Groups whose undeclared members are searched for addresses and numbers; conversations are read by
detection instead.
"""
NUMBER = re.compile(r"(?<![\w+])\+?\(?\d[\d\s().\-/]{6,20}\d(?!\w)")
_PERSON_FIELDS = re.compile(
    r"(?:^|_)(?:phone|mobile|cell|number|tel|telephone|fax|whatsapp|caller|contact)(?:$|_)"
)
_COUNTRIES = {
    "united states": "US",
    "usa": "US",
    "united kingdom": "GB",
    "uk": "GB",
    "great britain": "GB",
    "canada": "CA",
    "australia": "AU",
    "ireland": "IE",
    "netherlands": "NL",
    "germany": "DE",
    "france": "FR",
    "spain": "ES",
    "austria": "AT",
    "switzerland": "CH",
}


class FoundIdentifier(NamedTuple):
    """One identifier of a record: in clear, so it never leaves the function that asked for it."""

    identifier: Identifier
    role: str
    field: str


def region_of_record(record: Mapping[str, Any]) -> str:
    """Return the region for numbers of a record that name no country: the contact's country, else
    that of the business' own numbers.
    """
    country = str(record.get("country") or "").strip()
    if country:
        known = _COUNTRIES.get(country.lower()) or (country.upper() if len(country) == 2 else "")
        if known:
            return known
    for name in COMPANY:
        value = record.get(name)
        if (
            isinstance(value, str)
            and value.strip().startswith("+")
            and (region := ids.region_of_number(value))
        ):
            return region
    return ids.REGION


Pieces = Iterable[tuple[str, Sequence[str]]]
"""Entity types, each with pieces of text."""


def interaction_people(
    raw: RawInteraction,
    mentioned: Pieces = (),
    language: str = "en",
    runs: Pieces = (),
    introduced: Callable[[], Iterable[str]] = tuple,
) -> list[FoundIdentifier]:
    """Return identifiers of everybody in a raw interaction.

    Args:
        raw: the record; not changed.
        mentioned: entity type, and pieces in their order, of each value that was found in its
            texts.
        language: whose words the texts are in.
        runs: entity type, and pieces that follow each other and may say values together.
        introduced: names the contact has said to be theirs, asked for where the record names
            nobody.

    Returns: one item per identifier and role, in order. The business' own numbers are nobody's.
    """
    record, region = raw.record, region_of_record(raw.record)
    own = {
        n
        for name in COMPANY
        if isinstance(v := record.get(name), str) and (n := ids.normal_phone(v, region))
    }
    found: dict[tuple[Identifier, str], str] = {}

    def add(identifier: Identifier | None, role: str, field: str) -> None:
        if identifier is not None and not (identifier.kind == "phone" and identifier.value in own):
            found.setdefault((identifier, role), field)

    form = record.get("form") or {}
    for field, number in _numbers(record, form, region):
        add(Identifier("phone", number), CONTACT, field)
    mails = [
        ("email", record.get("email")),
        *(("emails", v) for v in record.get("emails") or ()),
        ("form.email", form.get("email")),
    ]
    for field, text in mails:
        if isinstance(text, str) and (address := ids.normal_email(text)):
            add(Identifier("email", address), CONTACT, field)
    for field, name in (
        ("name", record.get("name")),
        ("cnam", record.get("cnam")),
        ("form.name", form.get("name")),
    ):
        if isinstance(name, str):
            for identifier in ids.name_address(
                name, record.get("postal_code"), record.get("street")
            ):
                add(identifier, CONTACT, field)
    for field in ONLINE:
        if isinstance(text := record.get(field), str) and len(text) >= 4:
            add(Identifier("visitor", text.strip()), CONTACT, field)
    if isinstance(text := record.get("visitor_ip"), str) and (address := ids.normal_ip(text)):
        add(Identifier("ip", address), CONTACT, "visitor_ip")
    staff = record.get("agent") or {}
    for field, value in (("agent_id", record.get("agent_id")), ("agent.id", staff.get("id"))):
        if value:
            add(ids.agent_identifier(raw.key.account_id, str(value)), STAFF, field)
    if isinstance(text := staff.get("email"), str) and (address := ids.normal_email(text)):
        add(Identifier("email", address), STAFF, "agent.email")
    names = [text for text in (record.get("name"), form.get("name")) if text] or [
        *_senders(record),
        *introduced(),
    ]
    for text in names:
        if isinstance(text, str):
            for identifier in [i for i, role in found if role == CONTACT and i.kind in NAMED]:
                for word in ids.name_words(text):
                    add(ids.name_beside(word, identifier), CONTACT, NAME)
    taken = {identifier for identifier, _ in found}
    for identifier, field in (
        *_said(mentioned, region, language),
        *_in_runs(runs, region, language),
        *_loose(record, region),
    ):
        if identifier not in taken:
            add(identifier, OTHER, field)
    return [FoundIdentifier(identifier, role, field) for (identifier, role), field in found.items()]


def _senders(record: Mapping[str, Any]) -> Iterator[str]:
    """Yield the contact's name as a chat or a field the account defined gives it."""
    for message in record.get("chat_messages") or ():
        if (
            isinstance(message, Mapping)
            and message.get("channel") == 1
            and str(message.get("speaker") or "").lower() not in SIDES
        ):
            yield str(message.get("speaker") or "")
    fields = record.get("custom_fields")
    for name, value in fields.items() if isinstance(fields, Mapping) else ():
        if isinstance(value, str) and _NAME_FIELD.fullmatch(to_snake_case(str(name))):
            yield value


def _numbers(
    record: Mapping[str, Any], form: Mapping[str, Any], region: str
) -> Iterator[tuple[str, str]]:
    """Yield the contact's numbers in E.164. A form of a number already told without its country is
    the same number, not one of another country.
    """
    given = [(name, record.get(name)) for name in PHONES] + [
        ("form.number_to_call", form.get("number_to_call"))
    ]
    texts = sorted(
        ((n, v) for n, v in given if isinstance(v, str)),
        key=lambda p: not p[1].strip().startswith("+"),
    )
    told: list[str] = []
    for name, text in texts:
        digits = re.sub(r"\D", "", text).lstrip("0")
        number = ids.normal_phone(text, region)
        if number and not any(full.endswith(digits) for full in told):
            told.append(number)
            yield name, number


def _said(
    mentioned: Iterable[tuple[str, Sequence[str]]], region: str, language: str
) -> Iterator[tuple[Identifier, str]]:
    """Yield numbers and addresses that were found in texts."""
    for entity, parts in mentioned:
        if entity == "PHONE_NUMBER":
            yield from (
                (Identifier("phone", number), "content")
                for number in find_spoken_numbers(parts, region, language)
            )
        elif entity == "EMAIL_ADDRESS":
            yield from (
                (Identifier("email", address), "content")
                for address in find_spoken_addresses(parts, language)
            )


def _in_runs(runs: Pieces, region: str, language: str) -> Iterator[tuple[Identifier, str]]:
    for entity, pieces in runs:
        if entity == "PHONE_NUMBER":
            yield from (
                (Identifier("phone", number), "content")
                for number in numbers_in_run(pieces, region, language)
            )
        else:
            yield from (
                (Identifier("email", address), "content")
                for address in addresses_in_run(pieces, language)
            )


def _loose(record: Mapping[str, Any], region: str) -> Iterator[tuple[Identifier, str]]:
    """Yield addresses, and numbers that stand alone, in members nobody declared as such."""
    for leaf in walk(record):
        if (
            leaf.field.group in FREE_GROUPS
            and not leaf.entity.startswith(("PERSON", "PHONE", "EMAIL"))
            and len(leaf.text) <= 2_000
        ):
            text = normalize_text(leaf.text).text
            for match in ids.EMAIL.finditer(text):
                if address := ids.normal_email(match[0]):
                    yield Identifier("email", address), leaf.field.name
            if NUMBER.fullmatch(text.strip()) and (number := ids.normal_phone(text, region)):
                yield Identifier("phone", number), leaf.field.name


def version_people(raw: RawVersion, region: str = ids.REGION) -> list[FoundIdentifier]:
    """Return identifiers of everybody in a raw version: who did it, whom the object is, and whose
    values changed.
    """
    record, account = raw.record, raw.key.account_id
    found: dict[tuple[Identifier, str], str] = {}
    if record.get("actor_id"):
        found[ids.agent_identifier(account, str(record["actor_id"])), STAFF] = "actor_id"
    for field in ("actor_name", "actor_ip"):
        text = str(record.get(field) or "")
        address = ids.normal_email(text) if field == "actor_name" else ids.normal_ip(text)
        if address:
            found.setdefault(
                (Identifier("email" if field == "actor_name" else "ip", address), STAFF), field
            )
    kind = to_snake_case(raw.key.item_type.rpartition("::")[2])
    if kind in ("user", "agent", "member", "staff", "account_user"):
        found.setdefault((ids.agent_identifier(account, raw.key.item_id), CONTACT), "item_id")
    elif is_interaction(raw.key.item_type):
        found.setdefault((ids.interaction_identifier(account, raw.key.item_id), CONTACT), "item_id")
    role = (
        CONTACT
        if kind
        in (
            "user",
            "agent",
            "member",
            "staff",
            "account_user",
            "contact",
            "caller",
            "lead",
            "customer",
        )
        or is_interaction(raw.key.item_type)
        else OTHER
    )
    for name, text in _version_texts(raw):
        for match in ids.EMAIL.finditer(text):
            if address := ids.normal_email(match[0]):
                found.setdefault((Identifier("email", address), role), "changes")
        if _PERSON_FIELDS.search(to_snake_case(name)) or text.strip().startswith("+"):
            for match in NUMBER.finditer(text):
                if number := ids.normal_phone(match[0], region):
                    found.setdefault((Identifier("phone", number), role), "changes")
    return [FoundIdentifier(identifier, role, field) for (identifier, role), field in found.items()]


def _version_texts(raw: RawVersion) -> Iterator[tuple[str, str]]:
    """Yield texts of a version with the field each is a value of."""
    record = raw.record
    stack: list[tuple[str, Any]] = [
        ("label", record.get("item_label")),
        ("item", raw.key.item_id),
        ("extra", record.get("extra")),
    ]
    stack += [
        (str(c["field"]), c[side])
        for c in record.get("changes") or ()
        for side in ("before", "after")
    ]
    stack += [(str(name), value) for name, value in (record.get("object") or {}).items()]
    while stack:
        name, value = stack.pop()
        if isinstance(value, str):
            if len(value) <= 20_000:
                yield name, value
        elif isinstance(value, int) and not isinstance(value, bool) and value > 10**6:
            yield name, str(value)
        elif isinstance(value, Mapping):
            stack += [(str(k), v) for k, v in value.items()]
        elif isinstance(value, list | tuple):
            stack += [(name, v) for v in value]


def tokenize(keyring: Keyring, people: Iterable[FoundIdentifier]) -> tuple[IdentifierLink, ...]:
    """Return the same as keyed digests, in order."""
    return tuple(
        sorted(
            IdentifierLink(
                ids.identifier_token(keyring, p.identifier),
                p.identifier.kind,
                p.role,
                _field(keyring, p),
            )
            for p in people
        )
    )


def _field(keyring: Keyring, found: FoundIdentifier) -> str:
    return (
        ids.identifier_token(keyring, ids.identifier_beside(found.identifier))
        if found.identifier.kind == NAME
        else found.field
    )


def record_token(keyring: Keyring, record: RecordRef, key_id: str | None = None) -> str:
    """Return the digest of a record's key, under which the index lists its identifiers."""
    return keyring.hmac("subject/record", *record, key_id=key_id)[: ids.TOKEN_HEX]


def make_subject_entries(
    keyring: Keyring, record: RecordRef, day: str, digest: str, links: Iterable[IdentifierLink]
) -> list[SubjectEntry]:
    """Return rows of the index for one record: one from each identifier to it, and one from it to
    all of them.
    """
    links = tuple(links)
    key = (
        record.record_class,
        record.account_id,
        record.record_id,
        record.item_type,
        record.item_id,
        day,
        digest,
        keyring.digests,
    )
    out = [
        SubjectEntry(link.token, link.kind, link.role, link.field, *key)
        for link in links
        if link.kind != NAME
    ]
    if record.record_class == "interaction":
        own = ids.identifier_token(
            keyring, ids.interaction_identifier(record.account_id, record.record_id)
        )
        out.append(SubjectEntry(own, "interaction", CONTACT, "id", *key))
    method = METHOD if record.record_class == "interaction" else ""
    return [
        *out,
        SubjectEntry(record_token(keyring, record), RECORD, CONTACT, method, *key, links=links),
    ]


def interaction_ref(key: InteractionKey) -> RecordRef:
    """Return an interaction as the index names it."""
    return RecordRef("interaction", key.account_id, key.id)


def version_ref(key: VersionKey) -> RecordRef:
    """Return a version as the index names it."""
    return RecordRef("version", key.account_id, key.version_id, key.item_type, key.item_id)
