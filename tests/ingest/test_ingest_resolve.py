"""Which snapshot holds and what becomes of the stored one, whatever order they come in. All values
are generated.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.record_redaction import policy

from callveil.schemas.interaction import InteractionKey
from callveil.schemas.pointer import RecordPointer, to_micros
from callveil.schemas.policy import Policy
from callveil.schemas.request import RedactionRequest, encode_request
from callveil.schemas.shard import ChosenSnapshot
from callveil.transforms.ingest.deduplicate import (
    DROP,
    REDO,
    BucketResolution,
    Change,
    best_pointers,
    plan_shards,
    resolve_bucket,
)
from callveil.transforms.storage.tables.key_index import IndexEntry

T0 = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
AS_OF = T0 + dt.timedelta(days=10)
POLICY = policy()
AGED = policy("full_after_days: 5")


def pointer(key: str = "a", rank: int = 5, digest: str = "d", **how: Any) -> RecordPointer:
    base = RecordPointer(
        "1", key, rank, digest, to_micros(T0), "call", "en", "agency", "9", 0, 0, 0, 10
    )
    return base._replace(**how)


def entry(
    key: str = "a", rank: int = 5, digest: str = "d", own: Policy = POLICY, **how: Any
) -> IndexEntry:
    base = IndexEntry(
        "1",
        key,
        rank,
        digest,
        to_micros(T0),
        "call",
        "en",
        "agency",
        "9",
        f"f-{key}",
        "content",
        ("PERSON",),
        (),
        own.sha256,
    )
    return base._replace(**how)


def request(name: str = "r1", key: str = "a") -> RedactionRequest:
    return RedactionRequest(name, "1", key, "field", "why", "who", field="notes")


def resolve(
    pointers: list[RecordPointer],
    stored: Sequence[IndexEntry] = (),
    requests: Sequence[RedactionRequest] = (),
    own: Policy = POLICY,
) -> BucketResolution:
    asked: dict[InteractionKey, tuple[RedactionRequest, ...]] = {}
    for r in requests:
        asked[r.key] = (*asked.get(r.key, ()), r)
    return resolve_bucket(pointers, {e.key: e for e in stored}, asked, own, AS_OF)


POINTERS = st.builds(
    pointer,
    st.sampled_from("abc"),
    st.integers(0, 3),
    st.sampled_from("de"),
    chunk=st.integers(0, 2),
    block=st.integers(0, 1),
    position=st.integers(0, 2),
)
STORED = st.lists(
    st.builds(
        entry,
        st.sampled_from("abcx"),
        st.integers(0, 3),
        st.sampled_from("de"),
        tombstone=st.booleans(),
        mode=st.sampled_from(["content", "full"]),
        policy_sha256=st.sampled_from([POLICY.sha256, AGED.sha256, "old"]),
        requests=st.sampled_from([(), (encode_request(request()),)]),
    ),
    max_size=4,
    unique_by=lambda e: e.key,
)
ASKED = st.lists(
    st.builds(request, st.sampled_from(["r1", "r2"]), st.sampled_from("abxy")),
    max_size=3,
    unique=True,
)


@settings(max_examples=300)
@given(
    st.lists(POINTERS, max_size=8),
    STORED,
    ASKED,
    st.sampled_from([POLICY, AGED]),
    st.randoms(use_true_random=False),
)
def test_order_and_copies_make_no_difference(
    pointers: list[RecordPointer],
    stored: list[IndexEntry],
    asked: list[RedactionRequest],
    own: Policy,
    rng: Any,
) -> None:
    plain = resolve(pointers, stored, asked, own)
    shuffled = resolve(
        rng.sample(pointers, len(pointers)), rng.sample(stored, len(stored)), asked, own
    )
    assert plain == shuffled
    doubled = resolve([*pointers, *pointers], stored, asked, own)
    assert (doubled.chosen, doubled.changes) == (plain.chosen, plain.changes)


@settings(max_examples=300)
@given(st.lists(POINTERS, max_size=8), STORED, ASKED, st.sampled_from([POLICY, AGED]))
def test_nothing_is_weakened_lost_or_done_twice(
    pointers: list[RecordPointer],
    stored: list[IndexEntry],
    asked: list[RedactionRequest],
    own: Policy,
) -> None:
    out = resolve(pointers, stored, asked, own)
    held = {e.key: e for e in stored}
    chosen = {c.pointer.key: c for c in out.chosen}
    changed = {InteractionKey(c.account_id, c.id): c for c in out.changes}
    assert (
        len(chosen) == len(out.chosen)
        and len(changed) == len(out.changes)
        and not chosen.keys() & changed.keys()
    )
    for key, row in chosen.items():
        assert row.pointer == best_pointers([p for p in pointers if p.key == key])[key]
        old = held.get(key)
        if old is None:
            assert row.replaces == "" and row.floor_mode == "none"
        else:
            assert not old.tombstone and row.pointer.rank >= old.rank
            assert (row.replaces, row.floor_mode, row.floor_entities) == (
                old.origin,
                old.mode,
                old.entities,
            )
            assert set(old.requests) <= set(row.requests)
    for key in {p.key for p in pointers} - held.keys():
        assert key in chosen
    for key, change in changed.items():
        assert (
            change.action == REDO and not held[key].tombstone and change.origin == held[key].origin
        )
    counts = out.counts
    assert counts["superseded"] == len(pointers) - len({p.key for p in pointers})
    live = [k for k in {p.key for p in pointers} & held.keys() if k not in chosen]
    assert counts["replayed"] + counts["unchanged"] + counts["tombstoned"] == len(live)


@pytest.mark.parametrize(
    ("read", "stored", "count"),
    [
        (pointer(rank=4), entry(rank=5), "replayed"),
        (pointer(), entry(), "unchanged"),
        (pointer(rank=9), entry(tombstone=True), "tombstoned"),
    ],
)
def test_what_is_passed_over(read: RecordPointer, stored: IndexEntry, count: str) -> None:
    out = resolve([read], [stored])
    assert out.chosen == [] and out.changes == [] and out.counts[count] == 1


@pytest.mark.parametrize(
    ("read", "stored"),
    [
        (pointer(rank=6), entry()),
        (pointer(digest="e"), entry()),
        (pointer(), entry(policy_sha256="an older policy")),
    ],
)
def test_what_replaces_the_stored_one(read: RecordPointer, stored: IndexEntry) -> None:
    out = resolve([read], [stored])
    assert (
        out.chosen == [ChosenSnapshot(read, "content", ("PERSON",), (), "f-a")]
        and out.changes == []
    )


def test_age_and_requests_reach_stored_rows_without_a_new_snapshot() -> None:
    out = resolve(
        [],
        [entry("a", own=AGED), entry("b", own=AGED, mode="full")],
        [request(key="b"), request(key="y")],
        AGED,
    )
    assert out.changes == [
        Change("f-a", "1", "a", REDO, (), "full"),
        Change("f-b", "1", "b", REDO, (encode_request(request(key="b")),), "full"),
    ]
    assert (
        out.counts["aged"],
        out.counts["requests_applied"],
        out.counts["requests_unmatched"],
    ) == (1, 1, 1)


def test_age_is_counted_to_the_instant() -> None:
    just = entry(own=AGED, called_us=to_micros(AS_OF - dt.timedelta(days=5)))
    assert [c.mode for c in resolve([], [just], [], AGED).changes] == ["full"]
    assert resolve([], [just._replace(called_us=just.called_us + 1)], [], AGED).changes == []


def test_a_request_is_applied_once_and_kept_for_later_snapshots() -> None:
    asked = encode_request(request())
    again = resolve([], [entry(requests=(asked,))], [request()])
    assert again.changes == [] and again.counts["requests_applied"] == 0
    later = resolve([pointer(rank=9)], [entry(requests=(asked,))], [request("r2")])
    assert later.chosen[0].requests == (asked, encode_request(request("r2")))


@settings(max_examples=150)
@given(
    st.lists(st.tuples(st.sampled_from("12"), st.integers(0, 50), st.integers(1, 40)), max_size=20),
    st.integers(1, 6),
    st.integers(1, 80),
    st.randoms(use_true_random=False),
)
def test_shards_hold_every_row_once_within_bounds(
    rows: list[tuple[str, int, int]], most: int, size: int, rng: Any
) -> None:
    chosen = [
        ChosenSnapshot(pointer(str(n), account_id=a, called_us=t, size=s))
        for n, (a, t, s) in enumerate(rows)
    ]
    shards = list(plan_shards(chosen, most, size))
    assert sorted(c for shard in shards for c in shard) == sorted(chosen)
    last = -1
    for shard in shards:
        assert 0 < len(shard) <= most
        assert len(shard) == 1 or sum(c.pointer.size for c in shard) <= size
        assert shard == sorted(
            shard, key=lambda c: (c.pointer.account_id, c.pointer.called_us, c.pointer.id)
        )
        times = [c.pointer.called_us for c in shard]
        assert min(times) >= last  # cuts run along time
        last = max(times)
    assert shards == list(plan_shards(rng.sample(chosen, len(chosen)), most, size))


def test_a_change_there_and_back() -> None:
    change = Change("f", "1", "a", DROP, ("{}",), "full")
    assert Change.of(["f", "1", "a", DROP, ["{}"], "full"]) == change
