"""Search: recall and precision 1.0 on confirmed links, against a naive reading of the raw records;
and what has happened to the rows since.
"""

from __future__ import annotations

import datetime as dt
import random
from pathlib import Path
from typing import Any

import pytest
from bench import bench_index
from support.people_world import NOW, Human, World, human, interaction, version

from callveil.pipelines.subject import search_request
from callveil.schemas.subject_index import RecordRef
from callveil.transforms.governance.requests.current_rows import current_entries
from callveil.transforms.governance.requests.raw_sources import raw_records
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.identity.identifiers import identifier_tokens, parse_identifier
from callveil.transforms.storage.identity.record_identifiers import interaction_people
from callveil.transforms.storage.index import identifier_index
from callveil.transforms.storage.index.identifier_index import SUBJECTS, lookup_entries
from callveil.transforms.storage.tables.column_stats import personal_traces

PEOPLE = 14


def make(world: World, seed: int = 1) -> tuple[list[Human], list[dict[str, Any]]]:
    """A store of calls by people with aliases, some of whom are mentioned by others."""
    rng = random.Random(seed)
    everybody = [human(n) for n in range(PEOPLE)]
    records = []
    for number in range(110):
        who = everybody[rng.randrange(PEOPLE)]
        other = everybody[rng.randrange(PEOPLE)] if rng.random() < 0.2 else None
        records.append(
            interaction(rng, number, who, other if other != who else None, agent=number % 3)
        )
    world.redact(records)
    return everybody, records


def own_values(who: Human) -> set[str]:
    """Return the person's identifiers in their normal form."""
    places = [i.value for i in parse_identifier(f"name:{who.name}|{who.postcode}|{who.street}")]
    return {*who.phones, *(e.lower() for e in who.emails), who.visitor, *places}


def truth(world: World, who: Human) -> dict[RecordRef, str]:
    """Records about a person, read from the raw files: as contact, or mentioned."""
    out: dict[RecordRef, str] = {}
    for raw in raw_records(world.files, [str(world.root / "in")]):
        roles = {p.role for p in interaction_people(raw) if p.identifier.value in own_values(who)}
        text = str(raw.record.get("notes"))
        digits = "".join(c for c in text if c.isdigit())
        mentioned = any(p[-10:] in digits for p in who.phones) or any(e in text for e in who.emails)
        if "contact" in roles or mentioned:
            out[RecordRef("interaction", raw.key.account_id, raw.key.id)] = (
                "contact" if "contact" in roles else "third_party"
            )
    return out


@pytest.fixture(scope="module")
def made(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[World, list[Human], list[dict[str, Any]]]:
    world = World(tmp_path_factory.mktemp("match") / "world")
    return world, *make(world)


def test_everybody_is_found_by_one_identifier_and_what_is_confirmed(
    made: tuple[World, list[Human], list[dict[str, Any]]],
) -> None:
    world, everybody, records = made
    found = 0
    for who in everybody[:5]:
        expected = truth(world, who)
        own = {k.record_id for k, role in expected.items() if role == "contact"}
        first = next(r for r in records if r["id"] in own)
        request = world.ask(
            "access",
            first["email"] if who.number % 2 else first["caller_number"],
            request_id=f"P{who.number}",
        )
        match = world.confirm_all(request.request_id, own_values(who))
        assert {m.record: m.role for m in match.records} == expected  # recall and precision are 1.0
        found += len(expected)
    assert found > 25


def test_nothing_counts_unconfirmed_and_reasons_are_given(
    made: tuple[World, list[Human], list[dict[str, Any]]],
) -> None:
    world, everybody, _ = made
    who = everybody[8]
    request = world.ask("access", who.phones[0], request_id="Q")
    match, shown = search_request(world.options(0.3), request.request_id)
    assert {m.through for m in match.records} == {("G1",)} and not shown
    assert match.proposed and all(
        "stands beside the confirmed phone as the same contact's" in p.reason
        for p in match.proposed
    )
    kinds = {p.kind for p in match.proposed}
    assert "email" in kinds and "ip" not in kinds and "agent" not in kinds
    name = next(p.name for p in match.proposed if p.kind == "email")
    refused, _ = search_request(world.options(0.4), request.request_id, rejected=[name])
    assert name not in {p.name for p in refused.proposed} and len(refused.rejected) == 1
    again, shown = search_request(
        world.options(0.5), request.request_id, sources=[str(world.root / "in")]
    )
    assert {p.name: p.kind for p in again.proposed} == {
        p.name: p.kind for p in match.proposed if p.name != name
    }
    assert set(shown.values()) <= own_values(who) and len(shown) == len(again.proposed)


def test_a_shared_number_is_told(world: World) -> None:
    rng = random.Random(3)
    switchboard = "+12125559999"
    records = [
        interaction(rng, n, human(20 + n)) | {"caller_number": switchboard} for n in range(6)
    ]
    world.redact(records)
    request = world.ask("access", human(20).emails[0], human(20).emails[1])
    match, _ = search_request(world.options(1), request.request_id)
    (number,) = [p for p in match.proposed if p.kind == "phone"]
    assert "may be shared" in number.shared and number.records == 6
    confirmed, _ = search_request(world.options(2), request.request_id, confirmed=["all"])
    assert len(confirmed.records) == 1  # `all` leaves out what is shared
    chosen, _ = search_request(world.options(3), request.request_id, confirmed=[number.name])
    assert len(chosen.records) == 6


def test_staff_are_subjects_too(made: tuple[World, list[Human], list[dict[str, Any]]]) -> None:
    world, _, _ = made
    request = world.ask("access", "agent:41/A1", request_id="S")
    match, _ = search_request(world.options(1), request.request_id)
    assert len(match.records) == sum(n % 3 == 1 for n in range(110)) and {
        m.role for m in match.records
    } == {"agent"}
    assert [p.kind for p in match.proposed] == ["email"]  # their own address, none of a caller's


def test_late_updates_and_keys_that_rotate(world: World) -> None:
    """An entry of a snapshot that was replaced leads nowhere; digests under an older key are
    found.
    """
    rng = random.Random(5)
    who, other = human(40), human(41)
    first = [interaction(rng, n, who) for n in range(4)]
    world.redact(first)
    Keyring.rotate(world.keyring)
    moved = first[0] | {
        "caller_number": other.phones[0],
        "email": other.emails[0],
        "duration": 9000,
        "name": other.name,
        "visitor_sid": None,
    }
    world.redact([moved, interaction(rng, 9, who)], as_of=NOW + dt.timedelta(days=1))
    request = world.ask("access", who.phones[0], who.phones[1], *who.emails)
    match, _ = search_request(world.options(2), request.request_id)
    assert sorted(m.record.record_id for m in match.records) == [
        str(5_000_000_000 + n) for n in (1, 2, 3, 9)
    ]
    digests = {
        t
        for v in (*who.phones, *who.emails)
        for i in parse_identifier(v)
        for t in identifier_tokens(world.keys, i).values()
    }
    entries = lookup_entries(world.files, world.output, world.store.current(), digests)
    standing = current_entries(world.files, world.output, world.store.current(), entries)
    assert {e.record_id for e in entries} - {e.record_id for e in standing} == {first[0]["id"]}
    assert {e.key_id for e in standing} == set(
        world.keys.key_ids
    )  # some were written before the key was rotated, some after


def test_versions_about_the_person_their_calls_and_their_acts(world: World) -> None:
    rng = random.Random(7)
    who = human(50)
    calls = [interaction(rng, n, who) for n in range(2)]
    world.redact(calls)
    world.history(
        [
            version(1, ("Call", calls[0]["id"]), {"status": ("ringing", "completed")}),
            version(
                2,
                ("Contact", "900"),
                {"phone": (who.phones[0], "+19175550000"), "email": (None, who.emails[0])},
            ),
            version(3, ("Contact", "901"), {"phone": ("+19175550001", "+19175550002")}),
            version(4, ("TrackingNumber", "7"), {"name": ("a", "b")}, actor=77),
        ]
    )
    request = world.ask("access", *who.phones, *who.emails)
    match, _ = search_request(world.options(1), request.request_id)
    assert {
        (m.record.record_id, m.role) for m in match.records if m.record.record_class == "version"
    } == {("V1", "contact"), ("V2", "contact")}
    staff = world.ask("access", "agent:41/77", request_id="S")
    match, _ = search_request(world.options(2), staff.request_id)
    assert {(m.record.record_id, m.role) for m in match.records} == {("V4", "agent")}
    before = world.store.current().by_dataset("subjects")
    again = world.history(
        [version(4, ("TrackingNumber", "7"), {"name": ("a", "b")}, actor=77)],
        as_of=NOW + dt.timedelta(days=3),
    )
    assert again.counts["duplicates"] == 1
    assert world.store.current().by_dataset("subjects") == before  # nothing is written anew


def test_the_index_says_nothing_legible(
    made: tuple[World, list[Human], list[dict[str, Any]]],
) -> None:
    world, everybody, _ = made
    for file in world.store.current().by_dataset("subjects"):
        data = world.files.read(world.store.url(file.path))
        assert personal_traces(world.store.url(file.path), SUBJECTS.fields) == []
        assert not any(v.encode() in data.lower() for who in everybody for v in who.values)


def test_cost_follows_the_matches_not_the_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A search reads one row group of each file of its buckets, however many there are. The
    10-million-row bar is a soak test.
    """
    for module in (bench_index, identifier_index):
        monkeypatch.setattr(module, "BUCKETS", 2)  # so that a small index has many row groups
    few, many = (bench_index.read_share(tmp_path / str(rows), rows) for rows in (30_000, 120_000))
    assert many < few * 0.4


@pytest.mark.soak
def test_finding_one_person_in_ten_million_rows(tmp_path: Path) -> None:
    assert bench_index.read_share(tmp_path, 10_000_000) < 0.01


def test_merged_buckets_answer_alike(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many small runs: buckets are merged, and the latest entry of each place holds."""
    monkeypatch.setattr(identifier_index, "MAX_FILES", 3)
    rng = random.Random(11)
    who = human(60)
    for n in range(5):
        world.redact([interaction(rng, n, who)], as_of=NOW + dt.timedelta(hours=n))
    most = max(
        sum(
            f.partition["bucket"] == f"{b:02d}"
            for f in world.store.current().by_dataset("subjects")
        )
        for b in range(64)
    )
    assert 1 < most <= 3
    request = world.ask("access", *who.phones, *who.emails)
    match, _ = search_request(world.options(3), request.request_id)
    assert len(match.records) == 5
