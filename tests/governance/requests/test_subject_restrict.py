"""Restriction: rows leave every dataset anybody reads, nothing comes back by replay, and lifting
brings all of it back as it was.
"""

from __future__ import annotations

import datetime as dt
import random

import pytest
from support.people_world import NOW, World, human, interaction, left_over, version

from callveil.pipelines.subject import (
    erase_request,
    lift_restriction,
    plan_erasure,
    restrict_request,
    search_request,
)
from callveil.pipelines.subject_package import make_package
from callveil.schemas.interaction import InteractionKey
from callveil.transforms.governance.requests.register import RegisterError
from callveil.transforms.storage.commit.maintenance import unpurged_runs, verify_integrity
from callveil.transforms.storage.format1.live import Live
from callveil.transforms.storage.index.identity_markers import note_new_zone

DATASETS = ("interactions", "findings", "versions")


def test_set_aside_and_brought_back(world: World) -> None:
    rng = random.Random(31)
    people = [human(n) for n in range(3)]
    records = [interaction(rng, n, people[n % 3], people[0] if n == 5 else None) for n in range(12)]
    versions = [version(n, ("Call", records[n]["id"]), {"status": ("a", "b")}) for n in range(3)]
    world.redact(records)
    world.history(versions)
    live = Live(world.files, world.output)
    note_new_zone(live)
    key = InteractionKey("41", records[0]["id"])
    sound = bytes(range(256)) * 9000
    world.files.write(world.files.join(live.folder(key), "audio-x.wav"), sound)
    receipt = {
        "what": "audio",
        "account_id": "41",
        "id": key.id,
        "status": "done",
        "file": "audio-x.wav",
        "object": "o",
    }
    live.commit(key, "audio", receipt)
    before = {d: world.rows(d) for d in DATASETS}
    index = world.rows("index")
    request = world.ask("restriction", *people[0].phones, *people[0].emails)
    world.confirm_all(request.request_id)
    plan = plan_erasure(world.options(1), request.request_id, "restriction")
    assert plan.counts() == {
        "interactions.drop": 4,
        "interactions.keep": 1,
        "versions.drop": 1,
    }  # a mention by others stays where it is
    done = restrict_request(world.options(1), request.request_id, plan.sha256)
    assert done.certified is not None and {r["scope"] for r in done.certified.rows} == {
        "restriction"
    }
    mine = {r["id"] for n, r in enumerate(records) if n % 3 == 0}
    during = {d: world.rows(d) for d in DATASETS}
    assert {r["id"] for r in during["interactions"]} == {r["id"] for r in records} - mine
    assert during["findings"] == [r for r in before["findings"] if r["interaction_id"] not in mine]
    assert during["versions"] == [r for r in before["versions"] if r["item_id"] not in mine]
    assert not world.files.info(world.files.join(live.folder(key), "audio-x.wav"))
    assert (live.receipt(key, "audio") or {})["status"] == "erased"
    # A replay does not bring anything back, nor does a later snapshot; the person may still have a
    # copy.
    again = world.redact(
        [r | {"duration": 7000} for r in records], as_of=NOW + dt.timedelta(days=1)
    )
    assert again.counts["tombstoned"] == 4
    assert (
        world.history(versions, as_of=NOW + dt.timedelta(days=1)).counts["erased_on_arrival"] == 1
    )
    made = make_package(world.options(2), request.request_id, "access", world.root / "copy.zip")
    assert made.records == 5
    assert left_over(world.root / "store", people[0].values) == []
    assert restrict_request(world.options(2), request.request_id).run_id == ""  # done before
    rows = lift_restriction(world.options(3), request.request_id)
    assert rows == sum(len(before[d]) - len(during[d]) for d in DATASETS)
    back = {d: world.rows(d) for d in DATASETS}
    for dataset in ("findings", "versions"):
        own = "interaction_id" if dataset == "findings" else "item_id"
        assert [r for r in back[dataset] if r[own] in mine] == [
            r for r in before[dataset] if r[own] in mine
        ]
    assert [r for r in back["interactions"] if r["id"] in mine] == [
        r for r in before["interactions"] if r["id"] in mine
    ]
    now = {r["id"]: r for r in world.rows("index")}
    assert all(
        {k: v for k, v in now[r["id"]].items() if k not in ("origin", "seq")}
        == {k: v for k, v in r.items() if k not in ("origin", "seq")}
        for r in index
        if r["id"] in mine
    )
    assert (
        world.files.read(world.files.join(live.folder(key), "audio-x.wav")) == sound
        and live.receipt(key, "audio") == receipt
    )
    with pytest.raises(RegisterError, match="nothing is set aside"):
        lift_restriction(world.options(4), request.request_id)
    # From here on they are records like any other: a later snapshot replaces them, a search finds
    # them.
    later = world.redact([records[0] | {"duration": 8000}], as_of=NOW + dt.timedelta(days=4))
    assert later.counts["replaced"] == 1
    match, _ = search_request(world.options(5), request.request_id)
    assert len([m for m in match.records if m.role == "contact"]) == 5
    assert verify_integrity(world.store) == [] and unpurged_runs(world.store) == []


def test_what_is_set_aside_can_be_erased(world: World) -> None:
    rng = random.Random(37)
    people = [human(n) for n in range(2)]
    records = [interaction(rng, n, people[n % 2]) for n in range(6)]
    world.redact(records)
    held = world.ask("restriction", *people[0].phones, *people[0].emails, request_id="A")
    world.confirm_all(held.request_id)
    restrict_request(world.options(1), "A")
    gone = world.ask("erasure", *people[0].phones, *people[0].emails, request_id="B")
    search_request(world.options(2), gone.request_id)
    result = erase_request(world.options(3), "B")
    assert result.certified is not None
    purged = {(r["record_class"], r["method"], r["rows_erased"]) for r in result.certified.rows}
    assert ("interactions", "purge", 3) in purged
    assert not [f for f in world.store.current().files if f.path.endswith("aside.sealed")]
    with pytest.raises(RegisterError, match="nothing is set aside"):
        lift_restriction(world.options(4), "A")
    assert (
        world.redact(
            [r | {"duration": 9000} for r in records], as_of=NOW + dt.timedelta(days=5)
        ).counts["tombstoned"]
        == 3
    )
    assert {int(r["id"]) % 2 for r in world.rows("interactions")} == {1}
    assert verify_integrity(world.store) == [] and unpurged_runs(world.store) == []
