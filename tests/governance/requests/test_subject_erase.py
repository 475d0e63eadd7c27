"""Erasure: nothing legible of the person is left in any zone, everything else is as it was, and
nothing comes back.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import random
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from support.people_world import (
    NOW,
    TOKENS,
    Human,
    World,
    human,
    index_tokens,
    interaction,
    left_over,
    version,
)

from callveil.pipelines.subject import erase_request, erase_returned, plan_erasure, search_request
from callveil.pipelines.subject_close import close_request
from callveil.pipelines.subject_package import make_package
from callveil.pipelines.subject_register import SubjectOptions, list_requests
from callveil.transforms.governance.requests.certificate import is_certificate_signed
from callveil.transforms.governance.requests.plan import PlanChanged
from callveil.transforms.governance.requests.register import RegisterError
from callveil.transforms.governance.requests.unlink import Unlinker
from callveil.transforms.redact.operators import TokenKeys, reveal_token, scope_of
from callveil.transforms.report.verify.store import verify_evidence
from callveil.transforms.storage.commit.maintenance import unpurged_runs, verify_integrity
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.encryption.tokens import make_token
from callveil.transforms.storage.evidence.signing_keys import open_signer
from callveil.transforms.storage.identity.identifiers import (
    Identifier,
    identifier_tokens,
    parse_identifier,
)

DATASETS = ("interactions", "findings", "versions", "rejected", "requests")


def populate(
    world: World, people: int = 6, calls: int = 30
) -> tuple[list[Human], list[dict[str, Any]], list[dict[str, Any]], list[bytes]]:
    """A store with everything in it: calls, mentions, versions, rejected lines, manual requests."""
    rng = random.Random(17)
    everybody = [human(n) for n in range(people)]
    records = []
    for number in range(calls):
        who = everybody[number % people]
        records.append(
            interaction(
                rng,
                number,
                who,
                everybody[(number + 1) % people] if number % 5 == 0 else None,
                agent=number % 2,
            )
        )
    broken = [
        json.dumps(r).encode()[:-9]
        for r in (interaction(rng, 900 + n, everybody[n % people]) for n in range(people))
    ]
    asked = world.root / "asked.jsonl"
    scope = {
        "account_id": "41",
        "scope": "field",
        "field": "notes",
        "reason": "asked",
        "actor": "officer",
    }
    asked.write_text(
        "".join(json.dumps(scope | {"interaction_id": records[n]["id"]}) + "\n" for n in range(3))
    )
    world.redact(records, broken, requests=[str(asked)])
    versions = [
        version(n, ("Call", records[n]["id"]), {"status": ("ringing", "completed")}, day=n % 3)
        for n in range(6)
    ]
    versions += [
        version(20 + n, ("Contact", str(900 + n)), {"phone": (p.phones[0], p.phones[1])}, actor=n)
        for n, p in enumerate(everybody)
    ]
    world.history(versions)
    return everybody, records, versions, broken


@pytest.fixture(scope="module")
def prepared(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[World, list[Human], list[dict[str, Any]]]:
    """Three people with two calls each and everything else, made once and copied."""
    world = World(tmp_path_factory.mktemp("prepared") / "world")
    everybody, records, *_ = populate(world, 3, 6)
    return world, everybody, records


@pytest.fixture
def small(
    prepared: tuple[World, list[Human], list[dict[str, Any]]], tmp_path: Path
) -> tuple[World, list[Human], list[dict[str, Any]]]:
    """A copy of that."""
    shutil.copytree(prepared[0].root, tmp_path / "small")
    return World(tmp_path / "small"), *prepared[1:]


def rows_by_key(world: World) -> dict[tuple[str, ...], dict[str, Any]]:
    """Rows of all datasets by what names them, without the columns that say which run wrote a
    file.
    """
    out: dict[tuple[str, ...], dict[str, Any]] = {}
    for dataset in DATASETS:
        for row in world.rows(dataset):
            key = {
                "interactions": ("account_id", "id"),
                "findings": ("account_id", "finding_id"),
                "versions": ("account_id", "version_id"),
                "rejected": ("rejected_id",),
                "requests": ("account_id", "request_id"),
            }[dataset]
            out[(dataset, *(str(row[k]) for k in key))] = {
                k: v for k, v in row.items() if k != "blob"
            }
    return out


def own_rows(
    before: Mapping[tuple[str, ...], dict[str, Any]],
    calls: set[str],
    versions: set[str],
    lines: set[int],
) -> set[tuple[str, ...]]:
    """Keys of the rows that must go."""
    out = set()
    for key, row in before.items():
        own = row.get("interaction_id") if key[0] in ("findings", "requests") else row.get("id")
        if key[0] == "rejected":
            own_line = row["line"] in lines
            out |= {key} if own_line else set()
        elif key[0] == "versions":
            out |= {key} if row["version_id"] in versions else set()
        elif own in calls:
            out.add(key)
    return out


def sound(world: World) -> None:
    """The store is whole, purged, and its evidence verifies."""
    assert verify_integrity(world.store) == [] and unpurged_runs(world.store) == []
    report = verify_evidence(world.files, world.output, [open_signer(world.keyring).public])
    assert list(report.problems) == []


def test_nothing_is_left_and_the_rest_is_as_it_was(world: World) -> None:
    everybody, records, versions, broken = populate(world)
    who = everybody[0]
    before, digests = rows_by_key(world), index_tokens(world)
    mine = {
        t
        for v in (*who.phones, *who.emails, f"visitor:{who.visitor}")
        for i in parse_identifier(v)
        for t in identifier_tokens(world.keys, i).values()
    }
    assert digests & mine
    request = world.ask("erasure", *who.phones, *who.emails)
    match = world.confirm_all(request.request_id)
    assert all(m.record.record_class in ("interaction", "version") for m in match.records)
    assert (
        left_over(world.root / "store", who.values) == []
    )  # redacted and sealed as it is, the store never says it in clear
    plan = plan_erasure(world.options(1), request.request_id)
    calls = {r["id"] for n, r in enumerate(records) if n % len(everybody) == 0}
    about = {v["version_id"] for v in versions if v["item_id"] in calls} | {"V20"}
    lines = {len(records) + 1}
    assert plan.counts() == {
        "interactions.drop": len(calls),
        "interactions.unlink": 1,
        "versions.drop": len(about),
        "rejected.drop": 1,
    }
    state = world.store.current()
    result = erase_request(world.options(1), request.request_id, plan.sha256[:16])
    assert (
        result.certified is not None
        and result.certified.residual_hits == 0
        and world.store.current().seq > state.seq
    )
    after = rows_by_key(world)
    gone = own_rows(before, calls, about, lines)
    assert before.keys() - after.keys() == gone and len(gone) >= 50
    assert {
        k: v for k, v in before.items() if k not in gone
    } == after  # every other row is unchanged
    assert not index_tokens(world) & mine
    assert left_over(world.root / "store", who.values) == []
    assert left_over(world.root / "store", everybody[1].values) == []
    sound(world)
    # What is sealed holds nothing of them either.
    rest = [data.decode() for data in rejected_contents(world) if data]
    assert len(rest) == len(broken) - 1 and not any(
        v in text.lower() for text in rest for v in who.values
    )
    assert not [
        f
        for f in world.store.current().by_dataset("subject_content")
        if f.partition["request"] == request.request_id
    ]
    # The certificate.
    rows = world.rows("erasure_certificates")
    by_series = {
        (r["record_class"], r["location"], r["method"]): (
            r["rows_matched"],
            r["rows_erased"],
            r["rows_retained"],
        )
        for r in rows
    }
    assert by_series["interactions", "interactions", "drop_rows"] == (len(calls),) * 2 + (0,)
    assert by_series["versions", "versions", "drop_rows"] == (len(about),) * 2 + (0,)
    assert by_series["rejected", "rejected", "drop_rows"] == (1, 1, 0) and by_series[
        "interactions", "interactions", "unlink"
    ] == (1, 1, 0)
    key = open_signer(world.keyring).public
    assert all(
        is_certificate_signed(r, key)
        and r["completed_at"]
        and r["residual_hits"] == 0
        and r["subject_ref"] == request.subject_ref
        for r in rows
    )
    assert not is_certificate_signed(rows[0] | {"rows_erased": 10**6}, key)
    # A replay of everything brings nothing back; the same command again does nothing.
    assert erase_request(world.options(2), request.request_id).run_id == ""
    again = world.redact(records, as_of=NOW + dt.timedelta(days=9))
    assert again.counts["tombstoned"] == len(calls) and again.counts.get("redacted", 0) == 0
    back = world.history(versions, as_of=NOW + dt.timedelta(days=9))
    assert back.counts["erased_on_arrival"] == len(about)
    assert rows_by_key(world).keys() == after.keys() and not index_tokens(world) & mine
    ended = close_request(world.options(3), request.request_id, "granted")
    assert (ended.status, ended.on_time, ended.runs) == ("completed", True, ())
    sound(world)


def rejected_contents(world: World) -> list[bytes]:
    """Everything that lies sealed in the rejected zone, opened; block numbers must be those the
    reasons name.
    """
    from callveil.pipelines.commands.rejected import decrypt_contents

    rows = [r for r in world.rows("rejected") if r["blob"]]
    return list(decrypt_contents(world.store, world.keys, rows))


def test_nobody_is_erased_unverified_unsearched_or_by_another_plan(
    small: tuple[World, list[Human], list[dict[str, Any]]],
) -> None:
    world, everybody, _ = small
    request = world.ask("erasure", *everybody[0].phones, *everybody[0].emails, verified=False)
    with pytest.raises(RegisterError, match="searched"):
        plan_erasure(world.options(), request.request_id)
    world.confirm_all(request.request_id)
    with pytest.raises(RegisterError, match="not verified"):
        erase_request(world.options(), request.request_id)
    from callveil.pipelines.subject_register import record_verification as verify_identity

    verify_identity(world.options(1), request.request_id, "letter")
    plan = plan_erasure(world.options(1), request.request_id)
    rng = random.Random(1)
    world.redact([interaction(rng, 77, everybody[0])], as_of=NOW + dt.timedelta(days=1))
    state = world.store.current()
    with pytest.raises(PlanChanged, match="agree anew"):
        erase_request(world.options(2), request.request_id, plan.sha256)
    assert world.store.current() == state
    fresh = plan_erasure(world.options(2), request.request_id)
    world.redact(
        [interaction(rng, 79, everybody[1])], as_of=NOW + dt.timedelta(days=2)
    )  # somebody else's record changes nothing about the plan
    assert (
        erase_request(world.options(2), request.request_id, fresh.sha256).plan.counts()
        == fresh.counts()
    )


def with_holds(
    world: World, options: SubjectOptions, rows: list[dict[str, Any]], **more: Any
) -> SubjectOptions:
    path = world.root / "holds.jsonl"
    path.write_text("".join(json.dumps(r) + "\n" for r in rows))
    return dataclasses.replace(options, holds=[str(path)], **more)


def test_what_stays_has_its_ground(world: World) -> None:
    """A legal hold keeps a record as it is, a duty keeps it without what leads to the person;
    lifted, the hold lets go.
    """
    (world.root / "policy.yaml").write_text(TOKENS)
    everybody, records, *_ = populate(world, 3, 9)
    who = everybody[0]
    request = world.ask("erasure", *who.phones, *who.emails)
    world.confirm_all(request.request_id)
    held = {
        "hold_id": "H1",
        "placed_at": "2026-01-01T00:00:00Z",
        "placed_by": "counsel",
        "items": [records[0]["id"]],
    }
    options = with_holds(world, world.options(1), [held], keep={"versions": "Art. 17(3)(b), audit"})
    row = next(r for r in world.rows("interactions") if r["id"] == records[0]["id"])
    plan = plan_erasure(options, request.request_id)
    assert plan.counts() == {
        "interactions.drop": 2,
        "interactions.keep": 1,
        "interactions.unlink": 1,
        "rejected.drop": 1,
        "versions.keep": 1,
        "versions.unlink": 2,
    }
    result = erase_request(options, request.request_id)
    assert result.certified is not None and result.certified.residual_hits == 0
    assert next(r for r in world.rows("interactions") if r["id"] == records[0]["id"]) == row
    kept = [r for r in world.rows("erasure_certificates") if r["rows_retained"]]
    hold = "legal hold H1 (Art. 17(3)(e))"
    assert {(r["record_class"], r["rows_retained"], r["retention_ground"]) for r in kept} == {
        ("interactions", 1, hold),
        ("versions", 1, hold),
        ("versions", 2, "Art. 17(3)(b), audit"),
    }
    lifted = with_holds(
        world,
        world.options(5),
        [held | {"lifted_at": "2026-11-05T00:00:00Z", "lifted_by": "counsel"}],
    )
    later = erase_request(lifted, request.request_id)
    assert later.plan.counts() == {"interactions.drop": 1, "versions.drop": 1}
    assert records[0]["id"] not in {r["id"] for r in world.rows("interactions")}
    sound(world)


def test_what_leads_to_the_person_goes_from_rows_of_others(world: World) -> None:
    """Tokens and pseudonyms of an erased person in other people's records become labels; those of
    others still open.
    """
    (world.root / "policy.yaml").write_text(TOKENS)
    rng = random.Random(3)
    who, other, third = human(1), human(2), human(3)
    own, telling = interaction(rng, 1, who), interaction(rng, 2, other, who)
    telling["notes"] = f"{telling['notes']}. And {third.phones[0]} is his brother"
    world.redact([own, telling])
    before = next(r for r in world.rows("interactions") if r["id"] == telling["id"])
    assert before["notes"].count(":t1.") == 3
    request = world.ask("erasure", *who.phones, *who.emails, f"name:{who.name}|{who.postcode}")
    search_request(world.options(1), request.request_id)
    assert erase_request(world.options(1), request.request_id).certified is not None
    after = next(r for r in world.rows("interactions") if r["id"] == telling["id"])
    assert (
        after["notes"].count(":t1.") == 1
        and "[PHONE_NUMBER]" in after["notes"]
        and "[EMAIL_ADDRESS]" in after["notes"]
    )
    token = next(w for w in after["notes"].split() if ":t1." in w)
    assert reveal_token(token, world.keys, "41", telling["id"])[-4:] == third.phones[0][-4:]
    assert {k: v for k, v in after.items() if k != "notes"} == {
        k: v for k, v in before.items() if k != "notes"
    }


@pytest.mark.parametrize(
    ("entity", "text", "own"),
    [
        ("PHONE_NUMBER", "(415) 555-0134", True),
        ("PHONE_NUMBER", "four one five five five five oh one three four", True),
        ("PHONE_NUMBER", "415 555 0134 415 555 0134", True),  # read back
        ("PHONE_NUMBER", "415 555 0134 0134", True),
        (
            "PHONE_NUMBER",
            "four one five, five five five, zero one three four, zero one three four",
            True,
        ),
        ("PHONE_NUMBER", "vier eins fünf fünf fünf fünf null eins drei vier", True),
        ("PHONE_NUMBER", "five five five", True),  # a piece
        ("PHONE_NUMBER", "415 555 0135", False),
        ("PHONE_NUMBER", "415 555 0135 0135", False),
        ("PHONE_NUMBER", "seven seven", False),
        ("EMAIL_ADDRESS", "jane dot moor at mail dot example", True),
        ("EMAIL_ADDRESS", "Jane.Moor@mail.example jane dot moor at mail dot example", True),
        ("EMAIL_ADDRESS", "jane", True),
        ("EMAIL_ADDRESS", "mail dot example", False),
        ("EMAIL_ADDRESS", "june dot moor at mail dot example", False),
    ],
)
def test_what_tokens_hold_is_told_however_it_was_said(
    keyring: Keyring, entity: str, text: str, own: bool
) -> None:
    """Check that values said in words, in pieces or twice are known as theirs, and another's are
    not.
    """
    known = [Identifier("phone", "+14155550134"), Identifier("email", "jane.moor@mail.example")]
    unlinker = Unlinker(
        keyring, [t for i in known for t in identifier_tokens(keyring, i).values()], known
    )
    secrets = TokenKeys.of(keyring)
    made = make_token(entity, text, secrets.token, secrets.key_id, scope_of("account", "41", "7"))
    row, count = unlinker.row({"notes": f"call {made} back"}, "41", "7")
    assert (count, row["notes"]) == (
        (1, f"call [{entity}] back") if own else (0, f"call {made} back")
    )


def test_staff_leave_the_records_they_worked_on(world: World) -> None:
    (world.root / "policy.yaml").write_text(
        "version: 1\nname: p\nextends: gdpr\ndetect: {model: none}\nfields: {staff: keep}\n"
    )
    _, records, *_ = populate(world, 3, 8)
    request = world.ask("erasure", "agent:41/A1", "agent:41/2")
    world.confirm_all(request.request_id)
    result = erase_request(world.options(1), request.request_id)
    assert result.certified is not None and result.certified.residual_hits == 0
    for row in world.rows("interactions"):
        worked = int(row["id"]) % 2 == 1
        assert (
            (row["agent_id"] is None) == worked
            and (row["agent"] is None) == worked
            and row["duration"]
        )
    changed = {r["version_id"]: r["actor_id"] for r in world.rows("versions")}
    assert changed["V22"] is None and changed["V21"] == "1"
    later = [r | {"duration": 5000} for r in records]  # a later snapshot does not say it again
    world.redact(later, as_of=NOW + dt.timedelta(days=2))
    assert all(
        (r["agent_id"] is None) == (int(r["id"]) % 2 == 1) for r in world.rows("interactions")
    )


def test_what_is_restored_is_found_and_erased_again(
    small: tuple[World, list[Human], list[dict[str, Any]]],
) -> None:
    """Somebody who is gone comes back in other records: their digests, which the register keeps,
    find them without anybody saying who they are.
    """
    world, everybody, _ = small
    who = everybody[0]
    request = world.ask("erasure", *who.phones, *who.emails)
    world.confirm_all(request.request_id)
    erase_request(world.options(1), request.request_id)
    close_request(world.options(1), request.request_id, "granted")
    world.redact([interaction(random.Random(2), 555, who)], as_of=NOW + dt.timedelta(days=3))
    assert len(world.rows("interactions")) == 5
    result = erase_request(world.options(4), request.request_id)
    assert result.plan.counts()["interactions.drop"] == 1 and len(world.rows("interactions")) == 4
    world.redact([interaction(random.Random(2), 556, who)], as_of=NOW + dt.timedelta(days=5))
    (again,) = erase_returned(
        world.options(6)
    )  # of all requests at once, as after a restored backup
    assert again.plan.counts()["interactions.drop"] == 1 and erase_returned(world.options(7)) == []
    (row,) = list_requests(world.options(5))
    assert row.status == "completed" and row.runs == ()


def test_packages_go_too(
    small: tuple[World, list[Human], list[dict[str, Any]]], tmp_path: Path
) -> None:
    world, everybody, _ = small
    request = world.ask("erasure", *everybody[0].phones, *everybody[0].emails)
    world.confirm_all(request.request_id)
    out = tmp_path / "answer.zip"
    make_package(world.options(1), request.request_id, "access", out)
    assert out.is_file()
    result = erase_request(world.options(1), request.request_id)
    assert result.certified is not None and result.certified.residual_hits == 0 and not out.exists()
