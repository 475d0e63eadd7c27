"""A person whose data are in all of the live zone is found there, shown what is held, and erased;
everybody else's data stay as they were.
"""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.live_people import (
    ACCOUNT,
    BROKEN,
    MENTION,
    OTHER,
    OWN,
    LiveWorld,
    PreparedWorld,
    files_of,
    opened,
    populate,
    text,
)
from support.people_world import World, left_over
from support.sounds import chatter, file_of

from callveil.pipelines.subject import (
    erase_request,
    erase_returned,
    index_records,
    lift_restriction,
    plan_erasure,
    restrict_request,
    search_request,
)
from callveil.pipelines.subject_package import make_package
from callveil.schemas.interaction import InteractionKey
from callveil.schemas.subject_index import IdentifierLink
from callveil.transforms.governance.requests.erasure_zones import OUTSIDE, ZONES
from callveil.transforms.governance.requests.live_records import erase_markers, urls_held
from callveil.transforms.governance.requests.register import RegisterError
from callveil.transforms.jobs.streaming.backfill import BackfillResult
from callveil.transforms.report.verify.store import verify_evidence
from callveil.transforms.storage.encryption import sealed_body
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.evidence.signing_keys import open_signer
from callveil.transforms.storage.files.filesystem import FileInfo, Files
from callveil.transforms.storage.format1.live import WHATS, Live
from callveil.transforms.storage.format1.originals import open_original
from callveil.transforms.storage.identity.identifiers import Identifier, identifier_token
from callveil.transforms.storage.index.identity_markers import write_markers


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> PreparedWorld:
    """The world, filled, with an open request."""
    folder = tmp_path_factory.mktemp("live")
    made = populate(World(folder / "world"))
    made.ask()
    return PreparedWorld(made, folder / "kept")


@pytest.fixture
def made(kept: PreparedWorld) -> LiveWorld:
    """The world as it was."""
    return kept.restore()


def key(number: str) -> InteractionKey:
    return InteractionKey(ACCOUNT, number)


def test_a_search_finds_what_was_never_read(made: LiveWorld) -> None:
    match, _ = search_request(made.world.options(1), "R")
    live = {m.record.record_id: m.role for m in match.records if m.record.record_class == "live"}
    assert live == dict.fromkeys((*OWN, "6000000001", "6000000004"), "contact") | {
        MENTION: "third_party",
        "6000000003": "third_party",
    }
    assert match.unread == {"rejected": 1, "live/rejected": 2, "inbox": 7}
    left_out, _ = search_request(made.world.options(1.1), "R", zone=False)
    assert left_out.unread == {} and left_out.records == match.records


def test_nothing_of_a_person_is_left_anywhere_and_the_rest_is_as_it_was(made: LiveWorld) -> None:
    who, other = made.people
    plan = plan_erasure(made.world.options(1), "R")
    assert {k: n for k, n in plan.counts().items() if not k.startswith("interactions")} == {
        "live.drop": 5,
        "live.unlink": 2,
        "rejected.drop": 1,
        "live/rejected.drop": 2,
        "inbox.drop": 7,
    }
    assert sorted(Path(u).name for u in plan.outside) == sorted(f"{n}.json" for n in OWN)
    posted = [
        Path(made.inbox.url(data)).name for name, data in made.bodies.items() if name != "other"
    ]
    mine = (
        *OWN,
        BROKEN,
        MENTION,
        *(f"600000000{n}" for n in (1, 3, 4)),
        "subjects",
        "unsealed",
        "objects",
        "rejected",
        *posted,
    )
    before = files_of(made, without=mine)
    assert len(before) > 4
    spoken = b"".join(open_original(made.world.files, made.live, made.world.keys, key(OTHER)))
    result = erase_request(made.world.options(2), "R", plan.sha256)
    assert result.certified is not None and result.certified.residual_hits == 0
    assert (
        left_over(made.world.root / "store", who.values)
        == []
        == left_over(made.world.root / "inbox", who.values)
    )
    assert [
        (p, v) for p, data in opened(made) for v in who.values if v.encode() in data.lower()
    ] == []
    for number in (*OWN, BROKEN, "6000000001", "6000000004"):
        assert urls_held(made.live, key(number)) == []
        assert {
            (made.live.receipt(key(number), what) or {}).get("status")
            for what in ("record", "audio")
        } == {"erased"}
    # Everybody else.
    after = files_of(made)
    assert {path: after.get(path) for path in before} == before
    assert (
        b"".join(open_original(made.world.files, made.live, made.world.keys, key(OTHER))) == spoken
    )
    assert json.loads(made.body("both")) == [text("6000000005", other)]
    assert made.body("own") == made.body("own late") == made.body("unreadable") == b"[]"
    assert json.loads(made.body("mention late"))["message_body"] == "call\n[PHONE_NUMBER] now"
    assert [r["id"] for r in json.loads(made.body("page late"))["calls"]] == ["6000000009"]
    assert (
        len([d for p, d in opened(made) if "/rejected" in p and other.phones[0].encode() in d]) == 1
    )
    receipt = made.live.receipt(key(MENTION), "record")
    assert receipt is not None and receipt["unlinked"] == result.run_id
    row = json.loads(Path(made.live.folder(key(MENTION)), receipt["file"]).read_bytes())[
        "interaction"
    ]
    assert (
        "[PHONE_NUMBER]" in row["message_body"]
        and ":t1." not in row["message_body"]
        and ":t1." in row["caller_number"]
    )
    certify(made)
    # Nothing comes back: not by watching again, not by a body that is delivered again.
    assert not made.inbox.store(made.bodies["own"]) and not made.inbox.store(made.bodies["both"])
    counts = made.watch()
    assert counts["record.done"] == 2  # the two of others that had not been dealt with
    assert (
        erase_returned(made.world.options(4)) == []
        and erase_request(made.world.options(4), "R").run_id == ""
    )
    verified(made)


def certify(made: LiveWorld) -> None:
    """The certificate names every zone, and what is not the store's."""
    rows = {
        (r["location"], r["method"]): (r["rows_matched"], r["rows_erased"], r["rows_retained"])
        for r in made.world.rows("erasure_certificates")
    }
    assert rows["live/calls", "purge"] == (5, 5, 0) and rows["live/calls", "unlink"] == (2, 2, 0)
    assert (
        rows["live/rejected", "purge"] == (2, 2, 0)
        and rows["inbox", "unlink"] == (7, 7, 0)
        and rows["rejected", "drop_rows"] == (1, 1, 0)
    )
    assert rows["outside the store", "none"] == (2, 0, 2) and rows["versions", "none"] == (0, 0, 0)
    assert {location for location, _ in rows} == {*ZONES, OUTSIDE}


def verified(made: LiveWorld) -> None:
    assert (
        list(
            verify_evidence(
                made.world.files, made.world.output, [open_signer(made.world.keyring).public]
            ).problems
        )
        == []
    )


def test_what_is_under_a_hold_stays_in_the_live_zone_and_can_be_found_later(
    made: LiveWorld,
) -> None:
    holds = made.world.root / "holds.jsonl"
    hold = {
        "hold_id": "H1",
        "placed_at": "2026-01-01T00:00:00Z",
        "placed_by": "counsel",
        "items": [OWN[0], "6000000001"],
    }
    holds.write_text(json.dumps(hold))
    before = {
        n: files_of(made, without=("proof",))[f"store/live/calls/41/{n}/record.json"]
        for n in hold["items"]
    }
    result = erase_request(made.world.options(1, holds=[str(holds)]), "R")
    assert result.certified is not None and result.certified.residual_hits == 0
    after = files_of(made)
    assert {n: after[f"store/live/calls/41/{n}/record.json"] for n in hold["items"]} == before
    assert made.body("own") == made.bodies["own"] and json.loads(made.body("both")) == [
        text("6000000005", made.people[1])
    ]
    kept = {
        (r["location"], r["rows_retained"], r["retention_ground"])
        for r in made.world.rows("erasure_certificates")
        if r["rows_retained"]
    }
    assert ("live/calls", 2, "legal hold H1 (Art. 17(3)(e))") in kept
    holds.write_text(
        json.dumps(hold | {"lifted_at": "2026-11-05T00:00:00Z", "lifted_by": "counsel"})
    )
    later = erase_request(made.world.options(5, holds=[str(holds)]), "R")
    assert later.plan.counts() == {"live.drop": 2, "inbox.drop": 1}
    assert [
        (p, v)
        for p, data in opened(made)
        for v in made.people[0].values
        if v.encode() in data.lower()
    ] == []
    verified(made)


def test_an_access_package_accounts_for_what_it_does_not_hold(
    made: LiveWorld, tmp_path: Path
) -> None:
    made_of = make_package(made.world.options(1), "R", "access", tmp_path / "answer.zip")
    withheld = {(w["from"], w["reason"]): w["count"] for w in made_of.withheld}
    assert (
        withheld["unreadable", "not_read"],
        withheld["inbox", "raw"],
        withheld["originals", "raw"],
    ) == (3, 7, 2)
    with zipfile.ZipFile(tmp_path / "answer.zip") as archive:
        page = archive.read("README.html").decode()
    assert "messages as they came in" in page and "recordings as they came in" in page


def test_what_is_set_aside_comes_back_and_can_be_found_all_along(made: LiveWorld) -> None:
    before = files_of(made, without=("unsealed", "proof", "inbox/", "lock"))
    restrict_request(made.world.options(1), "R")
    assert all(urls_held(made.live, key(n)) == [] for n in (*OWN, "6000000001")) and urls_held(
        made.live, key(OTHER)
    )
    assert restrict_request(made.world.options(2), "R").run_id == ""
    lift_restriction(made.world.options(3), "R")
    after = files_of(made, without=("unsealed", "proof", "inbox/", "lock"))
    assert after == before
    verified(made)
    result = erase_request(made.world.options(4), "R")
    assert result.certified is not None and result.certified.residual_hits == 0
    assert [
        (p, v)
        for p, data in opened(made)
        for v in made.people[0].values
        if v.encode() in data.lower()
    ] == []


def test_what_leaves_the_datasets_does_not_come_back_by_a_watch(made: LiveWorld) -> None:
    """The recording and the record of an interaction that was in the datasets alone arrive after it
    was set aside, lifted, and erased.
    """
    number = "5000000000"
    assert not urls_held(made.live, key(number))
    calls = made.world.root / "calls" / ACCOUNT

    def arrive(name: str) -> dict[str, str]:
        (calls / f"{name}.wav").write_bytes(file_of("wav-mulaw-stereo", chatter(8000, 2, 1.0, 1)))
        (calls / f"{name}.json").write_text(json.dumps(text(name, made.people[0])))
        made.watch()
        return {
            what: (made.live.receipt(key(name), what) or {}).get("status", "") for what in WHATS
        }

    made.world.ask("restriction", *made.people[0].phones, request_id="S")
    made.world.confirm_all("S")
    restrict_request(made.world.options(1), "S")
    assert arrive(number) == {"record": "erased", "audio": "erased"} and not urls_held(
        made.live, key(number)
    )
    lift_restriction(made.world.options(2), "S")
    assert made.live.receipt(key(number), "audio") is None
    assert arrive(number) == {"record": "done", "audio": "done"}
    made.world.confirm_all("R")
    erase_request(made.world.options(3), "R")
    assert arrive(number) == {"record": "erased", "audio": "erased"} and not urls_held(
        made.live, key(number)
    )
    assert arrive("5000000002") == {
        "record": "erased",
        "audio": "erased",
    }  # erased from the datasets alone
    assert not [path for path, _ in left_over(Path(made.world.output), made.people[0].values)]
    assert (
        verify_evidence(
            made.world.files, made.world.output, [open_signer(made.world.keyring).public]
        ).problems
        == ()
    )


def test_records_from_before_markers_were_kept_are_marked_anew(made: LiveWorld) -> None:
    """By their sources, by their tokens, or not at all, which is told; markers without lists get
    theirs.
    """
    zone = Path(made.world.output, "live", "subjects")
    before = files_of(made)
    (zone / "complete.json").unlink()
    lists = [p for p in zone.rglob("*.json") if "links" in json.loads(p.read_bytes())]
    for path in lists:
        path.unlink()
    with pytest.raises(RegisterError, match="subject index"):
        search_request(made.world.options(1), "R")
    with pytest.raises(RegisterError, match="subject index"):
        plan_erasure(made.world.options(1), "R")
    number = len(made.world.rows("interactions"))
    assert index_records(made.world.options(1))[0] == BackfillResult(
        listed=len(lists), read=len(lists), opened=0, unknown=0
    )
    assert before.items() <= files_of(made).items()
    shutil.rmtree(zone)
    (made.world.root / "calls" / ACCOUNT / f"{OWN[0]}.json").unlink()  # tokens still say who
    assert index_records(made.world.options(1))[0] == BackfillResult(
        listed=0, read=len(lists) - 1, opened=1, unknown=0
    )
    match, _ = search_request(made.world.options(2), "R")
    assert {*OWN, "6000000001", "6000000004"} <= {
        m.record.record_id for m in match.records if m.role == "contact"
    }
    assert len(made.world.rows("interactions")) == number


def test_records_noted_by_an_earlier_method_are_noted_anew(made: LiveWorld) -> None:
    """By their sources; where these are gone each search and certificate counts them."""
    zone = Path(made.world.output, "live", "subjects")
    before = files_of(made)
    for path in zone.rglob("*.json"):
        row = json.loads(path.read_bytes())
        del row["method"]
        path.write_bytes(json.dumps(row).encode())
    with pytest.raises(RegisterError, match="subject index"):
        search_request(made.world.options(1), "R")
    (made.world.root / "calls" / ACCOUNT / f"{OWN[0]}.json").unlink()
    done = index_records(made.world.options(1))[0]
    assert (
        done == BackfillResult(listed=0, read=done.read, opened=0, unknown=0, older=1)
        and done.read > 3
    )
    assert index_records(made.world.options(1))[0] == BackfillResult(
        listed=0, read=0, opened=0, unknown=0, older=1
    )
    assert set(before) <= set(files_of(made))
    match, _ = search_request(made.world.options(2), "R")
    assert "1 records noted by an earlier callveil" in " ".join(match.not_read)
    erase_request(made.world.options(3), "R")
    assert not [path for path, _ in left_over(zone, made.people[0].values)]


def test_where_nothing_says_whom_a_record_is_about_that_is_told(made: LiveWorld) -> None:
    zone, folder = Path(made.world.output, "live", "subjects"), Path(made.live.folder(key(OWN[0])))
    shutil.rmtree(zone)
    (made.world.root / "calls" / ACCOUNT / f"{OWN[0]}.json").unlink()
    (record,) = folder.glob("record-*.json")
    document = json.loads(record.read_bytes())
    row = {n: v for n, v in document["interaction"].items() if ":t1." not in json.dumps(v)}
    record.write_bytes(json.dumps(document | {"interaction": row}).encode())
    assert index_records(made.world.options(1))[0].unknown == 1
    erase_request(made.world.options(2), "R")
    row = next(
        r
        for r in made.world.rows("erasure_certificates")
        if r["retention_ground"].startswith("1 records of which nothing says")
    )
    assert row["location"] == "live/calls"
    request = made.world.ask("erasure", f"interaction:{ACCOUNT}/{OWN[0]}", request_id="S")
    search_request(made.world.options(3), request.request_id)
    erase_request(made.world.options(4), request.request_id)
    assert urls_held(made.live, key(OWN[0])) == []


def test_an_inbox_that_is_elsewhere_is_told_and_can_be_named(made: LiveWorld) -> None:
    (made.world.root / "inbox").rename(made.world.root / "elsewhere")
    assert plan_erasure(made.world.options(1), "R").unread.missing == (
        str(made.world.root / "inbox"),
    )
    result = erase_request(made.world.options(1), "R")
    assert result.certified is not None and result.certified.residual_hits == 0
    assert "inbox" in str(
        next(r for r in made.world.rows("erasure_certificates") if r["location"] == "inbox")[
            "retention_ground"
        ]
    )
    again = erase_request(made.world.options(2, inboxes=[str(made.world.root / "elsewhere")]), "R")
    assert again.plan.counts() == {"inbox.drop": 7}
    rest = [
        sealed_body.decrypt_body(p.read_bytes(), made.world.keys)
        for p in (made.world.root / "elsewhere").glob("*.sealed")
    ]
    assert not [v for v in made.people[0].values for data in rest if v.encode() in data.lower()]


def test_the_cost_of_taking_markers_away_follows_the_matches(tmp_path: Path) -> None:
    """However many other people's records there are, the same files are listed, read and purged."""
    counted = []
    for others in (2, 40):
        world = World(tmp_path / str(others), Counted())
        keyring, live = Keyring.open_or_create(world.keyring), Live(world.files, world.output)
        links = {
            n: [
                IdentifierLink(
                    identifier_token(keyring, Identifier("phone", f"+1212555{n:04d}")),
                    "phone",
                    "contact",
                    "x",
                )
            ]
            for n in range(others + 1)
        }
        for n, own in links.items():
            write_markers(live, keyring, key(str(n)), "2026-10-01", own)
        world.files.calls = 0
        erase_markers(live, keyring, [key("0")], [links[0][0].token], [])
        counted.append(world.files.calls)
        assert len(list(Path(world.output, "live", "subjects").rglob("*.json"))) == 3 * others
    assert counted[0] == counted[1]


class Counted(Files):
    """Files that count what is listed, read and purged."""

    calls = 0

    def list(self, folder: str) -> Iterator[FileInfo]:
        for info in super().list(folder):
            self.calls += 1
            yield info

    def read(self, url: str, start: int = 0, length: int | None = None) -> bytes:
        self.calls += 1
        return super().read(url, start, length)

    def purge(self, url: str) -> Any:
        self.calls += 1
        return super().purge(url)
