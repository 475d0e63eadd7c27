"""Names of people in ids and file names: told apart, digested, sealed. All people are generated."""

from __future__ import annotations

from typing import Any

import pytest

from callveil.schemas.interaction import InteractionKey, RawInteraction, SourceRef
from callveil.schemas.rejected import Rejected
from callveil.transforms.detect.text_fields import SEALED_NAMES, walk
from callveil.transforms.redact.operators import TOKEN, reveal_token
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.identity.identifier_names import (
    PREFIX,
    NamePseudonymizer,
    entity_of,
    is_number,
)

NAMES = (
    "jane@mail.example",
    "jane%40mail.example",
    "mailto:jane.q@mail.example",
    "Jane Muller",
    "jane.muller",
    "jane_muller-2026-11-01",
    "muller-jane",
    "JaneMuller",
    "john smith",
    "John-Smith-calls",
    "mark price",
    "Tadeusz Brannigan",
    "Siobhán O'Reilly",
    "José Peña",
    "calls of jane.muller",
    "Wilhelmina Testperson",
    "robert.johnson.export",
    "maria_garcia",
    "41-John Smith-7",
    "wilhelmina.testperson",
    "2026-11-01_tadeusz_brannow",
    "Ｊａｎｅ Muller",
)
OTHERS = (
    "CA128b2f330c5c7fd0a6a3a4506513270e",
    "2000000000",
    "lead-4711",
    "firehose-1-2026-11-01-10-00-00-5f0c",
    "part-00000",
    "calls-0001",
    "april-sales",
    "may-calls",
    "export_final",
    "store-north",
    "550e8400-e29b-41d4-a716-446655440000",
    "CA-source-7",
    "page",
    "acme-calls-day",
    "msg_inbound",
    "google-ads",
    "rose-line-7",
    "day=2026-11-01",
    "interactions",
    "paper_trail",
    "FM12",
    "call 17",
    "will-call-later",
    "mark-up",
    "GA1.2.33",
    "north-dakota",
    "q3-report",
    "xKq9ZpLmTv3",
    "eu-west-1",
    "prod-us-east",
    "v2.beta",
    "acme_gmbh_kiel",
    "webhook.body.7",
    "",
)


@pytest.mark.parametrize("text", NAMES)
def test_a_name_is_told(text: str) -> None:
    assert entity_of(text) == ("EMAIL_ADDRESS" if "mail.example" in text else "PERSON")


@pytest.mark.parametrize("text", OTHERS)
def test_an_id_is_left(text: str) -> None:
    assert entity_of(text) == ""


NUMBERS = (
    "4155550194",
    "+14155550194",
    "+1 (415) 555-0194",
    "415-555-0194",
    "(415) 555-0194",
    "415.555.0194",
    "1-415-555-0194",
    "+49 30 123456",
    "030/123456",
    "+49 (0)30/123456",
    "00442079460018",
    "tel:+1-415-555-0194",
    "%2B14155550194",
    "415 555 0194",
    " 415-555-0194",
    "+1\u2013415\u2013555\u20130194",
    "＋１４１５５５５０１９４",
    "+1 415 555 0194 ext. 12",
    "415-555-0194x7",
    "sip:14155550194",
    "7",
    "٤١٥٥٥٥٠١٩٤",
)
NO_NUMBERS = (
    "CA128b2f330c5c7fd0a6a3a4506513270e",
    "lead-4711",
    "4711-a",
    "550e8400-e29b-41d4-a716-446655440000",
    "1.2.3",
    "41-7",
    "",
    "+",
    "--",
    "call 4155550194",
    "4155550194-rec",
    "named-abcdefgh234567",
    "v2.20261101",
)


@pytest.mark.parametrize("text", NUMBERS)
def test_a_number_with_its_signs_is_digested_where_the_policy_says_so(
    keyring: Keyring, text: str
) -> None:
    assert is_number(text) and entity_of(text) == ""
    names, given = NamePseudonymizer(keyring, digits=True), raw(id=text, sid=text)
    stored = names.conceal(given)
    assert stored.key.id == stored.record["sid"] == names.id(text) and stored.key.id.startswith(
        PREFIX
    )
    assert reveal_token(stored.record["extra"][SEALED_NAMES]["id"], keyring, *stored.key) == text
    assert NamePseudonymizer(keyring).conceal(given) is given and {
        text,
        stored.key.id,
    } == NamePseudonymizer(keyring).stored(text)


@pytest.mark.parametrize("text", NO_NUMBERS)
def test_an_id_that_is_no_number_is_left(keyring: Keyring, text: str) -> None:
    assert not is_number(text) and NamePseudonymizer(keyring, digits=True).id(text) == text


def test_what_an_id_may_be_stored_as_is_known_by_every_key_of_digests(keyring: Keyring) -> None:
    before = NamePseudonymizer(keyring).digest("jane@mail.example")
    rotated = NamePseudonymizer(Keyring.rotate(keyring.path))
    assert rotated.digest("jane@mail.example") != before and before in rotated.stored(
        "jane@mail.example"
    )


def raw(**members: Any) -> RawInteraction:
    """A raw record."""
    import datetime as dt

    record = {"id": "7", "account_id": "41", **members}
    return RawInteraction(
        InteractionKey("41", record["id"]),
        "call",
        dt.datetime(2026, 11, 1, tzinfo=dt.UTC),
        0,
        record,
        SourceRef("calls.jsonl", 1),
    )


def test_ids_are_digested_and_sealed(keyring: Keyring) -> None:
    names = NamePseudonymizer(keyring)
    given = raw(id="jane@mail.example", sid="Jane Muller", extra={"colour": "red"})
    stored = names.conceal(given)
    assert stored.key.id == stored.record["id"] == names.id(
        "jane@mail.example"
    ) and stored.key.id.startswith(PREFIX)
    assert "jane" not in str(stored.record).lower() and given.record["id"] == "jane@mail.example"
    sealed = stored.record["extra"][SEALED_NAMES]
    assert {n: reveal_token(t, keyring, *stored.key) for n, t in sealed.items()} == {
        "id": "jane@mail.example",
        "sid": "Jane Muller",
    }
    assert names.conceal(stored) is not None and names.id(stored.key.id) == stored.key.id
    assert not any(TOKEN.search(leaf.text) for leaf in walk(stored.record))


def test_what_needs_nothing_is_left_as_it_is(keyring: Keyring) -> None:
    given = raw(sid="CA128b2f330c5c7fd0a6a3a4506513270e")
    assert NamePseudonymizer(keyring).conceal(given) is given
    assert NamePseudonymizer(keyring, digits=True).conceal(given).key.id.startswith(PREFIX)


@pytest.mark.parametrize(
    "claim", ["Jane Muller", {"id": "Jane Muller"}, {"id": "[PERSON:t1.a.JaneMuller]"}, ["x"], None]
)
def test_no_source_can_say_that_something_is_sealed(keyring: Keyring, claim: Any) -> None:
    stored = NamePseudonymizer(keyring).conceal(raw(extra={SEALED_NAMES: claim}))
    assert claim is None or SEALED_NAMES not in stored.record["extra"]
    assert claim is None or any(
        "x" in leaf.text or "Muller" in leaf.text for leaf in walk(stored.record)
    )


def test_a_sealed_name_survives_redaction_and_another_look(keyring: Keyring, redact: Any) -> None:
    stored = NamePseudonymizer(redact.keyring).conceal(
        raw(id="jane@mail.example", extra={"colour": "red"})
    )
    done = redact({"extra": stored.record["extra"]}).interaction.record["extra"]
    assert done[SEALED_NAMES] == stored.record["extra"][SEALED_NAMES] and "red" not in str(done)


@pytest.mark.parametrize(
    ("place", "kept"),
    [
        ("in/jane.muller.jsonl.gz", ("in/", ".jsonl.gz")),
        ("in/jane@mail.example.jsonl", ("in/", "")),
        ("s3://b/Jane Muller/calls.json", ("s3://b/", "/calls.json")),
        ("in/calls.zip!john smith.json", ("in/calls.zip!", ".json")),
        ("in/JaneMuller.json", ("in/", ".json")),
    ],
)
def test_file_names(keyring: Keyring, place: str, kept: tuple[str, str]) -> None:
    found = NamePseudonymizer(keyring).place(place)
    assert (
        found.startswith(kept[0] + PREFIX)
        and found.endswith(kept[1])
        and not entity_of(found.rpartition("/")[2])
    )
    assert NamePseudonymizer(keyring).place("in/calls-0001.jsonl.gz") == "in/calls-0001.jsonl.gz"


def test_a_rejection_seals_its_files_name(keyring: Keyring) -> None:
    stored = NamePseudonymizer(keyring).rejected(
        Rejected(
            SourceRef("in/jane.muller.jsonl", 3),
            "ingest",
            "bad_json",
            "cut off",
            interaction_id="jane.muller",
        )
    )
    place, _, sealed = stored.source.file.partition(" ")
    assert (
        stored.source.line == 3
        and place.startswith(f"in/{PREFIX}")
        and stored.interaction_id.startswith(PREFIX)
    )
    assert reveal_token(sealed, keyring) == "in/jane.muller.jsonl"
