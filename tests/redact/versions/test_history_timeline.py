"""Histories against a naive oracle that writes every state down as it happens."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from support.history_runs import Redact, version
from support.history_worlds import FIELDS, Life, lives

from callveil.schemas.version import RedactedVersion
from callveil.transforms.redact.versions.timeline import (
    HistoryEntry,
    history_of,
    order_versions,
    state_at,
)

SETTINGS = settings(max_examples=60)
SHAPES = st.sampled_from(["native", "object", "object_changes"])
MIXES = st.lists(SHAPES, min_size=1, max_size=4)
WHOLE = MIXES.filter(lambda shapes: not {"native", "object"} <= set(shapes))
"""Mixes in which everything is told: a row that holds only the state before is followed by one that
holds a state, too.
"""


def told(life: Life, shapes: list[str]) -> list[dict[str, Any]]:
    """A life's versions, each in one of the shapes."""
    out = []
    for n, t in enumerate(life.versions):
        shape = shapes[n % len(shapes)]
        out.append(
            t.native("41", life.item)
            if shape == "native"
            else t.paper_trail("41", life.item, shape == "object_changes")
        )
    return out


def redacted(redact: Redact, records: list[dict[str, Any]]) -> list[RedactedVersion]:
    """All redacted, by a policy that keeps everything, since order and replay are what is asked
    about.
    """
    found = redact.many(records, "mode: none")
    assert all(isinstance(v, RedactedVersion) for v in found)
    return found  # type: ignore[return-value]


def text(value: Any) -> str:
    """JSON text, in which 1, true and "1" differ."""
    return json.dumps(value, sort_keys=True)


def facts(found: list[HistoryEntry]) -> list[Any]:
    """Return what a history says, without what depends on the run."""
    return [
        (
            e.version.key,
            e.known,
            [(c.name, text(c.before.value), text(c.after.value)) for c in e.changes],
        )
        for e in found
    ]


def instants(life: Life) -> list[dt.datetime]:
    """Times around every version."""
    micro = dt.timedelta(microseconds=1)
    return sorted({t.when + d for t in life.versions for d in (-micro, micro * 0, micro)})


@SETTINGS
@given(life=lives(), shapes=WHOLE)
def test_an_object_at_any_time_is_what_naive_replay_says(
    redact_version: Redact, life: Life, shapes: list[str]
) -> None:
    records = told(life, shapes)
    found = redacted(redact_version, records)
    for when in instants(life):
        expected, state = life.at(when), state_at(found, when)
        assert state.exists is (expected is not None)
        last = max((n for n, t in enumerate(life.versions) if t.when <= when), default=-1)
        if (
            last == len(life.versions) - 1
            and "object_changes" not in records[last]
            and "changes" not in records[last]
        ):
            continue  # after the last version only its own row may tell what it changed
        if expected is not None:
            assert state.unsure == ()
            assert {n: text(v.value) for n, v in state.fields.items()} == {
                n: text(v) for n, v in expected.items()
            }


@SETTINGS
@given(life=lives(), shapes=MIXES)
def test_what_is_told_for_sure_is_true_whatever_is_missing(
    redact_version: Redact, life: Life, shapes: list[str]
) -> None:
    found = redacted(redact_version, told(life, shapes))
    for when in instants(life):
        expected, state = life.at(when), state_at(found, when)
        for name, value in state.fields.items() if expected is not None else ():
            assert name in state.unsure or text(value.value) == text(expected.get(name))


@SETTINGS
@given(life=lives(), shapes=MIXES, data=st.data())
def test_order_and_repetition_of_deliveries_make_no_difference(
    redact_version: Redact, life: Life, shapes: list[str], data: st.DataObject
) -> None:
    found = redacted(redact_version, told(life, shapes))
    again = data.draw(
        st.permutations([*found, *data.draw(st.lists(st.sampled_from(found), max_size=5))])
    )
    assert facts(history_of(again)) == facts(history_of(found))
    for when in instants(life):
        assert state_at(again, when) == state_at(found, when)


@SETTINGS
@given(life=lives(most=8), shapes=MIXES)
def test_changes_are_the_differences_of_the_true_states(
    redact_version: Redact, life: Life, shapes: list[str]
) -> None:
    found = history_of(redacted(redact_version, told(life, shapes)))
    assert [e.version.event for e in found] == [t.event for t in life.versions]
    for entry, t in zip(found, life.versions, strict=True):
        if (
            not entry.known
        ):  # only a state before the change is held, and the next version holds none
            following = found[t.number].version if t.number < len(found) else None
            assert not entry.version.record["has_changes"]
            assert following is None or not following.record["has_object"]
            continue
        old, new = t.before or {}, t.after or {}
        expected = [
            (f, text(old.get(f)), text(new.get(f)))
            for f in FIELDS
            if text(old.get(f)) != text(new.get(f))
        ]
        assert sorted(
            (c.name, text(c.before.value), text(c.after.value)) for c in entry.changes
        ) == sorted(expected)


@SETTINGS
@given(life=lives(most=8), data=st.data())
def test_a_version_that_comes_late_corrects_its_neighbours(
    redact_version: Redact, life: Life, data: st.DataObject
) -> None:
    found = redacted(redact_version, told(life, ["object"]))
    late = data.draw(st.sampled_from(found))
    early = [v for v in found if v is not late]
    assert facts(history_of([*early, late])) == facts(history_of(found))
    for a, b in zip(history_of(early), history_of(early)[1:], strict=False):
        if a.known and a.changes and b.version.record["has_object"]:
            assert {c.name for c in a.changes} <= set(FIELDS)


def test_redacted_values_that_differ_are_told_apart_though_their_labels_are_equal(
    redact_version: Redact,
) -> None:
    rows = [
        version(
            id="1",
            version_id=None,
            event="update",
            created_at="2026-10-20",
            object={"name": "Ann Testperson", "role": "Agent"},
            changes=None,
        ),
        version(
            id="2",
            version_id=None,
            event="update",
            created_at="2026-10-21",
            object={"name": "Bea Testperson", "role": "Agent"},
            changes=None,
        ),
        version(
            id="3",
            version_id=None,
            event="update",
            created_at="2026-10-22",
            object={"name": "Bea Testperson", "role": "Admin"},
            changes=None,
        ),
    ]
    found = history_of([redact_version(r) for r in rows])
    assert [[c.name for c in e.changes] for e in found] == [["name"], ["role"], []]
    assert found[0].changes[0].before.value == found[0].changes[0].after.value == "[PERSON]"
    assert not found[2].known


def test_versions_of_one_instant_keep_the_order_of_their_numbers_or_ids(
    redact_version: Redact,
) -> None:
    rows = [
        version(version_id=i, created_at="2026-10-20", changes={"color": [a, b]})
        for i, a, b in (("10", "c", "d"), ("9", "b", "c"), ("100", "d", "e"))
    ]
    assert [v.key.version_id for v in order_versions(redacted(redact_version, rows))] == [
        "9",
        "10",
        "100",
    ]
    numbered = [r | {"version_number": n} for r, n in zip(rows, (3, 1, 2), strict=True)]
    assert [v.key.version_id for v in order_versions(redacted(redact_version, numbered))] == [
        "9",
        "100",
        "10",
    ]


def test_fields_that_only_later_changes_tell_of_are_filled_in(redact_version: Redact) -> None:
    rows = [
        version(
            version_id="1", created_at="2026-10-20T00:00:00Z", changes={"color": ["red", "blue"]}
        ),
        version(version_id="2", created_at="2026-10-22T00:00:00Z", changes={"size": [1, 2]}),
    ]
    found = redacted(redact_version, rows)
    day = dt.datetime(2026, 10, 21, tzinfo=dt.UTC)
    assert {n: v.value for n, v in state_at(found, day).fields.items()} == {
        "color": "blue",
        "size": 1,
    }
    before = state_at(found, day - dt.timedelta(days=5))
    assert (before.exists, {n: v.value for n, v in before.fields.items()}) == (
        True,
        {"color": "red", "size": 1},
    )


def test_an_event_that_changes_nothing_is_known_to_change_nothing(redact_version: Redact) -> None:
    (entry,) = history_of([redact_version(version(event="sign_in", changes=None))])
    assert (entry.known, entry.changes, entry.classes) == (True, (), ())
    (entry,) = history_of([redact_version(version(event="export", changes=None))])
    assert entry.classes == ("data_export",)
