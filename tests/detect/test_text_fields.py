"""Every text of a record is read exactly once, and its published path names no content."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callveil.schemas.fields import (
    Field,
    FieldType,
    Integer,
    Json,
    ListOf,
    Number,
    Struct,
    Text,
    coerce_members,
)
from callveil.schemas.interaction import FIELDS
from callveil.transforms.detect.text_fields import ROLE_WORDS, Leaf, get_at, set_at, walk

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**60), 2**60),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8),
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=6), inner, max_size=4)
    ),
    max_leaves=12,
)
SHOWN = re.compile(r"[a-z_]+(?:\.[a-z_]+|\[\d+\]|\{\d+\})*")


def texts(value: Any) -> list[str]:
    """Every key, string and number of a JSON value, by plain recursion."""
    if isinstance(value, dict):
        return [t for key, child in value.items() for t in (key, *texts(child))]
    if isinstance(value, list):
        return [t for child in value for t in texts(child)]
    if isinstance(value, bool) or value is None or value == "":
        return []
    return [str(value)]


@settings(max_examples=200)
@given(JSON, st.sampled_from(["custom_fields", "notes", "extra", "salesforce", "webvisit"]))
def test_each_text_of_json_is_read_once(value: Any, name: str) -> None:
    record = {name: value} if value is not None else {}
    leaves = list(walk(record))
    assert sorted(leaf.text for leaf in leaves) == sorted(texts(value))
    assert len({(leaf.path, leaf.key) for leaf in leaves}) == len(leaves)
    assert len({leaf.shown for leaf in leaves}) == len(leaves)
    for leaf in leaves:
        assert SHOWN.fullmatch(leaf.shown)
        assert leaf.field.name == name
        if leaf.key:
            assert leaf.path[-1] == leaf.text and leaf.text in get_at(record, leaf.path[:-1])
        else:
            stored = get_at(record, leaf.path)
            assert str(stored) == leaf.text and leaf.number == (not isinstance(stored, str))


@settings(max_examples=100)
@given(JSON)
def test_set_at_changes_that_place_alone(value: Any) -> None:
    record = {"notes": value} if value is not None else {}
    for leaf in (x for x in walk(record) if not x.key):
        changed = copy.deepcopy(record)
        set_at(changed, leaf.path, "\x01")
        assert get_at(changed, leaf.path) == "\x01"
        set_at(changed, leaf.path, get_at(record, leaf.path))
        assert changed == record


def by_shown(record: dict[str, Any]) -> dict[str, Leaf]:
    return {leaf.shown: leaf for leaf in walk(coerce_members(FIELDS, record))}


def test_declared_members_and_undeclared_ones() -> None:
    leaves = by_shown(
        {
            "outline": [
                {"speaker": "Jane Doe", "text": "hi", "channel": 1, "s": 1.5, "mood": "fine"},
                {"speaker": "Speaker 2", "text": "yes"},
            ],
            "form": {
                "name": "Jane",
                "custom": [{"id": "1", "label": "City?", "value": {"a": [1]}}],
            },
            "latitude": 41.5,
            "duration": 60,
            "is_new_caller": True,
            "shoe": {"size": 44},
        }
    )
    assert set(leaves) == {
        "outline[0].speaker",
        "outline[0].text",
        "outline[0].extra{0}.key",
        "outline[0].extra{0}",
        "outline[1].speaker",
        "outline[1].text",
        "form.name",
        "form.custom[0].id",
        "form.custom[0].label",
        "form.custom[0].value{0}.key",
        "form.custom[0].value{0}[0]",
        "latitude",
        "extra{0}.key",
        "extra{0}{0}.key",
        "extra{0}{0}",
    }
    assert leaves["outline[0].speaker"].entity == "PERSON"  # a label that is no role is a name
    assert leaves["outline[1].speaker"].entity == ""
    assert (
        leaves["outline[0].extra{0}"].field.group == "unknown"
        and leaves["outline[0].extra{0}"].entity == "UNKNOWN_FIELD"
    )
    assert leaves["form.name"].entity == "PERSON"
    assert leaves["latitude"].number and leaves["latitude"].entity == "LOCATION"


def sample(kind: FieldType) -> Any:
    """A value of a declared type with every member it may have, one that nobody declares among
    them.
    """
    if isinstance(kind, ListOf):
        return [sample(kind.item)] * 2
    if isinstance(kind, Struct):
        return {f.name: sample(f.type) for f in kind.fields} | {"extra": {"more": 1}}
    samples = {Text: "Ann", Number: 1.5, Json: {"a": ["b", 2]}, Integer: 7}
    return next((value for known, value in samples.items() if isinstance(kind, known)), True)


def declared(
    kind: FieldType, value: Any, path: tuple[Any, ...], shown: str, entity: str, prose: bool
) -> Iterator[tuple[Any, ...]]:
    """Yield what a walk gives of a value, as it is declared; JSON and undeclared members aside."""
    if isinstance(kind, Text) or (isinstance(kind, Number) and entity):
        yield path, shown, str(value), entity, prose, isinstance(kind, Number)
    for i, item in enumerate(value if isinstance(kind, ListOf) else ()):
        assert isinstance(kind, ListOf)
        yield from declared(kind.item, item, (*path, i), f"{shown}[{i}]", entity, prose)
    for member in kind.fields if isinstance(kind, Struct) else ():
        own = "PERSON" if member.name == "speaker" else member.entity or entity
        place, name = (*path, member.name), f"{shown}.{member.name}"
        told = member.prose or prose
        yield from declared(member.type, value[member.name], place, name, own, told)


@pytest.mark.parametrize("field", FIELDS, ids=lambda f: f.name)
def test_every_declared_member_is_read_as_it_is_declared(field: Field) -> None:
    leaves = list(walk({field.name: sample(field.type)}))
    told = [
        (leaf.path, leaf.shown, leaf.text, leaf.entity, leaf.prose, leaf.number)
        for leaf in leaves
        if "{" not in leaf.shown and leaf.field is field
    ]
    place = ((field.name,), field.name, field.entity, field.prose)
    assert told == list(declared(field.type, sample(field.type), *place))


def test_keys_come_just_before_their_scalar() -> None:
    order = [leaf.shown for leaf in walk({"notes": {"a": {"b": "1"}, "c": "2"}})]
    assert order == ["notes{0}.key", "notes{1}.key", "notes{1}", "notes{0}{0}.key", "notes{0}{0}"]


def test_nesting_does_not_exhaust_the_stack() -> None:
    value: Any = "deep"
    for _ in range(5_000):
        value = [value]
    assert [leaf.text for leaf in walk({"notes": value})] == ["deep"]


@pytest.mark.parametrize(
    "label", ["Agent", "caller", "Speaker 1", "spk_0", "channel-2", "The customer", "ch1", "", "7"]
)
def test_roles_name_nobody(label: str) -> None:
    assert ROLE_WORDS.fullmatch(label)


@pytest.mark.parametrize("label", ["Jane", "Agent Jane", "jane doe", "Dr Doe", "caller 4155550134"])
def test_names_are_no_roles(label: str) -> None:
    assert not ROLE_WORDS.fullmatch(label)
