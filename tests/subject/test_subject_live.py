"""A person whose data are in all of the live zone is found there, shown what is held, and erased; everybody else's data stay as they were."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from live_people import ACCOUNT, BROKEN, MENTION, OTHER, OWN, Kept, LiveWorld, files_of, opened, populate, text
from people_world import World, left_over

from callveil.pipelines.subject import erase, erase_returned, plan_erase, search
from callveil.schemas.interaction import InteractionKey
from callveil.transforms.evidence.keys import open_signer
from callveil.transforms.evidence.verify import verify as verify_evidence
from callveil.transforms.subject.erase import OUTSIDE, ZONES
from callveil.transforms.subject.live_zone import held
from callveil.transforms.watch.originals import open_original


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    """The world, filled, with an open request."""
    folder = tmp_path_factory.mktemp("live")
    made = populate(World(folder / "world"))
    made.ask()
    return Kept(made, folder / "kept")


@pytest.fixture
def made(kept: Kept) -> LiveWorld:
    """The world as it was."""
    return kept.restore()


def key(number: str) -> InteractionKey:
    return InteractionKey(ACCOUNT, number)


def test_a_search_finds_what_was_never_read(made: LiveWorld) -> None:
    match, _ = search(made.world.options(1), "R")
    live = {m.record.record_id: m.role for m in match.records if m.record.record_class == "live"}
    assert live == dict.fromkeys((*OWN, "6000000001", "6000000004"), "contact") | {MENTION: "third_party", "6000000003": "third_party"}
    assert match.unread == {"rejected": 1, "live/rejected": 2, "inbox": 7}
    left_out, _ = search(made.world.options(1.1), "R", zone=False)
    assert left_out.unread == {} and left_out.records == match.records


def test_nothing_of_a_person_is_left_anywhere_and_the_rest_is_as_it_was(made: LiveWorld) -> None:
    who, other = made.people
    plan = plan_erase(made.world.options(1), "R")
    assert {k: n for k, n in plan.counts().items() if not k.startswith("interactions")} == {
        "live.drop": 5, "live.unlink": 2, "rejected.drop": 1, "live/rejected.drop": 2, "inbox.drop": 7
    }  # fmt: skip
    assert sorted(Path(u).name for u in plan.outside) == sorted(f"{n}.json" for n in OWN)
    posted = [Path(made.inbox.url(data)).name for name, data in made.bodies.items() if name != "other"]
    mine = (*OWN, BROKEN, MENTION, *(f"600000000{n}" for n in (1, 3, 4)), "subjects", "unsealed", "objects", "rejected", *posted)
    before = files_of(made, without=mine)
    assert len(before) > 4
    spoken = b"".join(open_original(made.world.files, made.live, made.world.keys, key(OTHER)))
    result = erase(made.world.options(2), "R", plan.sha256)
    assert result.certified is not None and result.certified.residual_hits == 0
    assert left_over(made.world.root / "store", who.values) == [] == left_over(made.world.root / "inbox", who.values)
    assert [(p, v) for p, data in opened(made) for v in who.values if v.encode() in data.lower()] == []
    for number in (*OWN, BROKEN, "6000000001", "6000000004"):
        assert held(made.live, key(number)) == []
        assert {(made.live.receipt(key(number), what) or {}).get("status") for what in ("record", "audio")} == {"erased"}
    # Everybody else.
    after = files_of(made)
    assert {path: after.get(path) for path in before} == before
    assert b"".join(open_original(made.world.files, made.live, made.world.keys, key(OTHER))) == spoken
    assert json.loads(made.body("both")) == [text("6000000005", other)]
    assert made.body("own") == made.body("own late") == made.body("unreadable") == b"[]"
    assert json.loads(made.body("mention late"))["message_body"] == "call\n[PHONE_NUMBER] now"
    assert [r["id"] for r in json.loads(made.body("page late"))["calls"]] == ["6000000009"]
    assert len([d for p, d in opened(made) if "/rejected" in p and other.phones[0].encode() in d]) == 1
    receipt = made.live.receipt(key(MENTION), "record")
    assert receipt is not None and receipt["unlinked"] == result.run_id
    row = json.loads(Path(made.live.folder(key(MENTION)), receipt["file"]).read_bytes())["interaction"]
    assert "[PHONE_NUMBER]" in row["message_body"] and ":t1." not in row["message_body"] and ":t1." in row["caller_number"]
    certify(made)
    # Nothing comes back: not by watching again, not by a body that is delivered again.
    assert not made.inbox.store(made.bodies["own"]) and not made.inbox.store(made.bodies["both"])
    counts = made.watch()
    assert counts["record.done"] == 2  # the two of others that had not been dealt with
    assert erase_returned(made.world.options(4)) == [] and erase(made.world.options(4), "R").run_id == ""
    verified(made)


def certify(made: LiveWorld) -> None:
    """The certificate names every zone, and what is not the store's."""
    rows = {(r["location"], r["method"]): (r["rows_matched"], r["rows_erased"], r["rows_retained"]) for r in made.world.rows("erasure_certificates")}
    assert rows["live/calls", "purge"] == (5, 5, 0) and rows["live/calls", "unlink"] == (2, 2, 0)
    assert rows["live/rejected", "purge"] == (2, 2, 0) and rows["inbox", "unlink"] == (7, 7, 0) and rows["rejected", "drop_rows"] == (1, 1, 0)
    assert rows["outside the store", "none"] == (2, 0, 2) and rows["versions", "none"] == (0, 0, 0)
    assert {location for location, _ in rows} == {*ZONES, OUTSIDE}


def verified(made: LiveWorld) -> None:
    assert list(verify_evidence(made.world.files, made.world.output, [open_signer(made.world.keyring).public]).problems) == []
