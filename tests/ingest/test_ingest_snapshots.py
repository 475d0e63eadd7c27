"""Which snapshot holds. All data here is generated."""

import datetime as dt
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callveil.schemas.interaction import InteractionKey, RawInteraction, SourceRef
from callveil.transforms.ingest.snapshots import (
    IN_PROGRESS,
    REDACTED,
    TERMINAL,
    UNKNOWN,
    payload_digest,
    resolve_snapshots,
    snapshot_rank,
    status_class,
)

T0 = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)


def snap(place=0, **record):
    return RawInteraction(
        InteractionKey("1", "2"), "call", T0, snapshot_rank(record), record, SourceRef("f", place)
    )


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({}, UNKNOWN),
        ({"status": "In Progress"}, IN_PROGRESS),
        ({"call_status": "in-progress", "status": "answered"}, IN_PROGRESS),
        ({"status": "no_answer"}, TERMINAL),
        ({"status": "Completed"}, TERMINAL),
        ({"status": "odd"}, UNKNOWN),
        ({"dial_status": "busy"}, TERMINAL),
        ({"status": "answered", "dial_status": "ringing"}, TERMINAL),
        ({"status": "in progress", "redacted": True}, REDACTED),
    ],
)
def test_status(record, expected):
    assert status_class(record) == expected


def test_order_of_the_moments_of_a_call():
    """Start, end, delayed end with the recording, status change, the platform's own redaction: each
    outranks the one before.
    """
    moments = [
        {"status": "in progress", "duration": 900, "updated_at": T0 + dt.timedelta(days=9)},
        {"status": "odd", "duration": 30},
        {
            "status": "completed",
            "duration": 20,
            "updated_at": T0 + dt.timedelta(days=9),
            "audio": "u",
            "outline": [1],
            "summary": "s",
        },
        {"status": "completed", "duration": 30},
        {"status": "completed", "duration": 30, "audio": "u"},
        {"status": "completed", "duration": 30, "audio": "u", "outline": [1]},
        {"status": "completed", "duration": 30, "updated_at": T0},
        {"status": "completed", "duration": 30, "updated_at": T0 + dt.timedelta(seconds=1)},
        {"status": "in progress", "redacted": True},
    ]
    ranks = [snapshot_rank(m) for m in moments]
    assert ranks == sorted(set(ranks))


records = st.fixed_dictionaries(
    {},
    optional={
        "status": st.sampled_from(["in progress", "completed", "odd", "busy"]),
        "duration": st.integers(0, 31_622_400),
        "redacted": st.booleans(),
        "updated_at": st.datetimes(
            dt.datetime(1970, 1, 1), dt.datetime(2261, 1, 1), timezones=st.just(dt.UTC)
        ),
        "audio": st.just("u"),
        "name": st.text(max_size=2),
    },
)


@given(records)
def test_rank_is_a_non_negative_int64(record):
    assert 0 <= snapshot_rank(record) < 2**63


@given(st.lists(records, min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_winner_does_not_depend_on_order_or_copies(given_records, rng: random.Random):
    snaps = [snap(i, **r) for i, r in enumerate(given_records)]
    winner = resolve_snapshots(snaps)
    assert winner.rank == max(s.rank for s in snaps)
    mixed = snaps + rng.choices(snaps, k=4)
    rng.shuffle(mixed)
    assert resolve_snapshots(mixed) == winner
    assert (
        resolve_snapshots(
            [resolve_snapshots(mixed[:3]), resolve_snapshots(mixed[3:])]
            if len(mixed) > 3
            else mixed
        )
        == winner
    )


def test_misuse_and_digest():
    with pytest.raises(ValueError, match="no snapshot"):
        resolve_snapshots([])
    other = RawInteraction(InteractionKey("1", "3"), "call", T0, 0, {}, SourceRef("f"))
    with pytest.raises(ValueError, match="different"):
        resolve_snapshots([snap(), other])
    assert (
        payload_digest({"a": 1, "b": {"c": T0, "d": 2}})
        == payload_digest({"b": {"d": 2, "c": T0}, "a": 1})
        != payload_digest({"a": 1})
    )
