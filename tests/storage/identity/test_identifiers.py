"""Identifiers however they are written, and what of a raw record is one."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callveil.schemas.interaction import InteractionKey, RawInteraction, SourceRef
from callveil.schemas.version import RawVersion, VersionKey
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.identity.identifiers import (
    Identifier,
    IdentifierError,
    identifier_token,
    identifier_tokens,
    normal_email,
    normal_phone,
    parse_identifier,
    subject_ref,
)
from callveil.transforms.storage.identity.record_identifiers import (
    interaction_people,
    tokenize,
    version_people,
)
from callveil.transforms.storage.identity.spoken_identifiers import (
    find_spoken_addresses,
    find_spoken_numbers,
)

T0 = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("text", "region", "normal"),
    [
        ("+14155550123", "US", "+14155550123"),
        ("(415) 555-0123", "US", "+14155550123"),
        ("415.555.0123", "US", "+14155550123"),
        ("1-415-555-0123", "US", "+14155550123"),
        ("tel:+1-415-555-0123", "US", "+14155550123"),
        ("+1 (415) 555 0123 ext. 7", "US", "+14155550123"),
        ("020 7946 0123", "GB", "+442079460123"),
        ("+44 (0)20 7946 0123", "US", "+442079460123"),
        ("442079460123", "US", "+442079460123"),
        ("0049 30 901820", "DE", "+4930901820"),
        ("0049 30 901820", "US", "+4930901820"),
        ("0049 30 901820", "", "+4930901820"),
        ("00441632960811", "FR", "+441632960811"),
        ("001 415 555 0123", "GB", "+14155550123"),
        ("011 44 1632 960811", "US", "+441632960811"),
        ("011 44 1632 960811", "GB", "+441632960811"),
        ("0011 44 1632 960811", "AU", "+441632960811"),
        ("0117 496 0123", "GB", "+441174960123"),
        ("0800 123456", "DE", "+49800123456"),
        ("030 901820", "US", "digits:030901820"),
        ("030 901820", "DE", "+4930901820"),
        ("01 23 45 67 89", "FR", "+33123456789"),
        ("911", "US", None),
        ("[PHONE_NUMBER]", "US", None),
        ("no number", "US", None),
    ],
)
def test_numbers(text: str, region: str, normal: str | None) -> None:
    assert normal_phone(text, region) == normal


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        (" Jane.Doe@Example.COM ", "jane.doe@example.com"),
        ("mailto:a@b.example", "a@b.example"),
        ("<a@b.example>", "a@b.example"),
        ("[EMAIL_ADDRESS]", None),
    ],
)
def test_addresses(text: str, normal: str | None) -> None:
    assert normal_email(text) == normal


def test_names_with_their_places_in_any_order() -> None:
    wanted = [
        Identifier("name_address", "jane muller|94107"),
        Identifier("name_address", "jane muller|12elmstreet"),
    ]
    for text in (
        "name:Jane Müller|94107|12 Elm Street",
        "name:MULLER, Jane|94 107|12, elm street",
        "name:Jane A. Muller|94107|12 ELM STREET",
    ):
        assert parse_identifier(text) == wanted


@pytest.mark.parametrize(
    "text", ["name:Jane|94107", "name:Jane Doe", "phone:77", "email:nobody", "agent:7", "visitor:"]
)
def test_what_is_none_is_refused_without_quoting_it(text: str) -> None:
    with pytest.raises(IdentifierError) as refused:
        parse_identifier(text)
    value = text.split(":", 1)[1]
    assert not value or value not in str(refused.value)


@pytest.mark.parametrize(
    "text", ["(415) 555-0123", "phone:030 901820", "1-415-555-0123", "0117 496 0123"]
)
def test_a_number_without_a_country_asks_for_it(text: str) -> None:
    with pytest.raises(IdentifierError, match="--region") as refused:
        parse_identifier(text)
    assert "555" not in str(refused.value) and "901820" not in str(refused.value)
    assert parse_identifier(
        text, "GB" if text.startswith("0117") else "DE" if "030" in text else "us"
    )
    with pytest.raises(IdentifierError, match="region: expected"):
        parse_identifier(text, "Mars")


@pytest.mark.parametrize(
    ("parts", "region", "language", "numbers"),
    [
        (["my four one five five five five zero five zero one"], "US", "en", ["+14155550501"]),
        (["four one five five five five zero five zero three"] * 2, "US", "en", ["+14155550503"]),
        (
            ["415 555 0506", "four one five five five five oh five oh six"],
            "US",
            "en",
            ["+14155550506"],
        ),
        (["415 555", "0507"], "US", "en", ["+14155550507"]),
        (["415 555", "415 555 0507", "0507"], "US", "en", ["+14155550507"]),
        (["415", "555", "5555"], "US", "en", ["+14155555555"]),
        (["415 555 0506 415 555 0506"], "US", "en", ["+14155550506"]),
        (["415 555 0101", "415 555 0102"], "US", "en", ["+14155550101", "+14155550102"]),
        (
            ["plus four four one six three two", "nine six oh eight one one"],
            "US",
            "en",
            ["+441632960811"],
        ),
        (
            ["zero one one four four one six three two nine six zero eight double one"],
            "US",
            "en",
            ["+441632960811"],
        ),
        (
            ["double oh four four one six three two nine six oh eight one one"],
            "US",
            "en",
            ["+441632960811"],
        ),
        (["07700 900", "471", "07700 900471"], "GB", "en", ["+447700900471"]),
        (
            ["null eins fünf eins", "zwei drei vier fünf sechs sieben acht"],
            "DE",
            "de",
            ["+491512345678"],
        ),
        (
            ["zéro un", "vingt trois", "quarante cinq", "soixante sept", "quatre vingt neuf"],
            "FR",
            "fr",
            ["+33123456789"],
        ),
        (["seis uno dos", "tres cuatro cinco", "seis siete ocho"], "ES", "es", ["+34612345678"]),
        (["seven"], "US", "en", []),
    ],
)
def test_numbers_as_they_are_said(
    parts: list[str], region: str, language: str, numbers: list[str]
) -> None:
    assert find_spoken_numbers(parts, region, language) == numbers


@given(st.integers(2_000_000_000, 9_999_999_999), st.data())
def test_a_number_in_pieces_and_read_back_is_one(number: int, data: st.DataObject) -> None:
    n, cut = str(number), data.draw(st.integers(1, 9))
    spoken = " ".join(
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"][int(d)]
        for d in n
    )
    assert f"+1{n}" in find_spoken_numbers([n[:cut], n[cut:]], "US")
    for back in (n, spoken, f"1-{n[:3]}-{n[3:6]}-{n[6:]}", f"+1 {n}"):
        assert find_spoken_numbers([n, back], "US") == [f"+1{n}"]


@pytest.mark.parametrize(
    ("parts", "language", "addresses"),
    [
        (["jane dot doe at mail dot example"] * 2, "en", ["jane.doe@mail.example"]),
        (["j a n e underscore four two", "at example dot org"], "en", ["jane_42@example.org"]),
        (["jana punkt weber at mail punkt de"], "de", ["jana.weber@mail.de"]),
        (["eva arroba correo punto es"], "es", ["eva@correo.es"]),
        (["Sis@example.org", "sis at example dot org"], "en", ["sis@example.org"]),
        (["nobody"], "en", []),
    ],
)
def test_addresses_as_they_are_said(parts: list[str], language: str, addresses: list[str]) -> None:
    assert find_spoken_addresses(parts, language) == addresses


@given(st.integers(2_000_000_000, 9_999_999_999))
def test_every_way_of_writing_a_number_is_one(number: int) -> None:
    n = str(number)
    a, b, c = n[:3], n[3:6], n[6:]
    assert {
        normal_phone(f)
        for f in (f"+1{n}", f"1{n}", n, f"({a}) {b}-{c}", f"{a}.{b}.{c}", f"+1 {a} {b} {c}")
    } == {f"+1{n}"}


def test_digests_need_the_key(keyring: Keyring) -> None:
    a, b = Identifier("phone", "+14155550123"), Identifier("email", "a@b.example")
    first = identifier_token(keyring, a)
    assert (
        len(first) == 32
        and first != identifier_token(keyring, b)
        and first != identifier_token(keyring, Identifier("email", "+14155550123"))
    )
    ref = subject_ref(keyring, [a, b])
    assert ref == subject_ref(keyring, [b, a, a]) != subject_ref(keyring, [a])
    rotated = Keyring.rotate(keyring.path)
    assert (
        identifier_token(rotated, a) != first
        and first in identifier_tokens(rotated, a).values()
        and len(identifier_tokens(rotated, a)) == 2
    )
    assert "+1415" not in repr(a)


def raw(**members: Any) -> RawInteraction:
    return RawInteraction(
        InteractionKey("41", "7"),
        "call",
        T0,
        1,
        {"id": "7", "account_id": "41", **members},
        SourceRef("f"),
    )


def people(record: RawInteraction, mentioned: Any = ()) -> set[tuple[str, str, str]]:
    return {
        (p.identifier.kind, p.identifier.value, p.role)
        for p in interaction_people(record, mentioned)
    }


def test_who_is_in_an_interaction() -> None:
    record = raw(
        caller_number="+442079460123",
        caller_number_bare="2079460123",
        caller_number_format="020 7946 0123",
        business_number="+442079460999",
        email="Jane@Example.com",
        emails=["j2@example.com"],
        name="Jane Doe",
        postal_code="N1 9GU",
        street="12 Elm Row",
        visitor_sid="vis-77",
        visitor_ip="2001:DB8::1",
        agent_id="A9",
        agent={"id": "A9", "email": "Rep@firm.example"},
        form={"name": "Jane Doe", "email": "form@example.com", "number_to_call": "020 7946 0456"},
        custom_fields={"second": "+1 212 555 0199", "owner": "x@other.example"},
    )
    said = [
        ("PHONE_NUMBER", ["four one five five five five oh one two three"]),
        ("PHONE_NUMBER", ["020 7946 0123"]),
        ("EMAIL_ADDRESS", ["sis@example.org"]),
    ]
    beside = (
        "phone:+442079460123",
        "phone:+442079460456",
        "visitor:vis-77",
        "email:jane@example.com",
        "email:j2@example.com",
        "email:form@example.com",
    )
    assert people(record, said) == {
        *(("name", f"{word}|{at}", "contact") for word in ("jane", "doe") for at in beside),
        ("phone", "+442079460123", "contact"),
        ("phone", "+442079460456", "contact"),
        ("email", "jane@example.com", "contact"),
        ("email", "j2@example.com", "contact"),
        ("email", "form@example.com", "contact"),
        ("name_address", "doe jane|n19gu", "contact"),
        ("name_address", "doe jane|12elmrow", "contact"),
        ("visitor", "vis-77", "contact"),
        ("ip", "2001:db8::1", "contact"),
        ("agent", "41/A9", "agent"),
        ("email", "rep@firm.example", "agent"),
        ("phone", "+12125550199", "third_party"),
        ("email", "x@other.example", "third_party"),
        ("email", "sis@example.org", "third_party"),
        (
            "phone",
            "+444155550123",
            "third_party",
        ),  # said to a British business without a country, so it is read as British
    }


def test_labels_and_the_business_are_nobody() -> None:
    record = raw(
        caller_number="[PHONE_NUMBER]",
        email="[EMAIL_ADDRESS]",
        name="[PERSON]",
        postal_code="[ZIP_CODE]",
        visitor_sid="[ID]"[:3],
    )
    assert people(record) == set()
    assert people(raw(caller_number="+14155550123", business_number="(415) 555-0123")) == set()


def test_who_is_in_a_version() -> None:
    def version(item: tuple[str, str], **record: Any) -> set[tuple[str, str, str]]:
        made = RawVersion(VersionKey("41", *item, "V1"), "update", T0, record, SourceRef("f"))
        return {(p.identifier.kind, p.identifier.value, p.role) for p in version_people(made)}

    contact = version(
        ("Contact", "88"),
        actor_id="12",
        actor_ip="192.0.2.1",
        changes=[
            {"field": "phone", "before": "(415) 555-0123", "after": "+14155550124"},
            {"field": "email", "before": None, "after": "A@b.example"},
            {"field": "duration", "before": 4155550999, "after": 4155550998},
        ],
    )
    assert contact == {
        ("agent", "41/12", "agent"),
        ("ip", "192.0.2.1", "agent"),
        ("phone", "+14155550123", "contact"),
        ("phone", "+14155550124", "contact"),
        ("email", "a@b.example", "contact"),
    }
    assert ("agent", "41/15", "contact") in version(("User", "15"), changes=[])
    assert ("interaction", "41/777", "contact") in version(("Call", "777"), changes=[])


def test_nothing_legible_is_kept(keyring: Keyring) -> None:
    links = tokenize(
        keyring, interaction_people(raw(caller_number="+14155550123", email="jane@example.com"))
    )
    assert len(links) == 2 and not any(
        part in repr(links) for part in ("4155550123", "jane", "example")
    )
