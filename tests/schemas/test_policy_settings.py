"""A setting is declared once: reading, messages, layers, JSON Schema and document follow from its
field.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from callveil.schemas.policy import PolicyError, PolicyFile
from callveil.schemas.policy_load import parse_policy
from callveil.schemas.policy_schema import policy_json_schema
from callveil.schemas.policy_settings import Section, list_members, merge_given
from callveil.schemas.policy_values import (
    Between,
    Check,
    Items,
    Named,
    OmitDefault,
    OneOf,
    Problems,
    Table,
    Text,
)


def _odd(value: int) -> Problems:
    if value % 2:
        yield (), f"{value} is odd; give an even one"


@dataclass(frozen=True)
class Lamp(Section):
    """A lamp.

    Attributes:
        colour: of its light.
        watts: at most.
    """

    whole: ClassVar[bool] = True
    short: ClassVar[str] = "colour"
    missing: ClassVar[str] = "{} is missing; write it"

    colour: Annotated[str, OneOf(("red", "green"))]
    watts: Annotated[int, Between(0, 60), Check(_odd)] = 40


@dataclass(frozen=True)
class Room(Section):
    """A room.

    Attributes:
        lamps: by place.
        doors: names of its doors, which
            may be numbers.
        warm: degrees.
        locked: whether one needs a key.
    """

    lamps: Annotated[Mapping[Annotated[str, Text("text of letters", "[a-z]+")], Lamp], Table()] = (
        field(default_factory=dict)
    )
    doors: Annotated[frozenset[Annotated[str, Text(numbers=True)]], Items(), Named("door")] = (
        frozenset()
    )
    warm: Annotated[float, Between(-5, 40)] | None = 20.0
    locked: Annotated[bool, OmitDefault()] = False


ROOM = TypeAdapter(Room)


def problems(value: Any) -> dict[tuple[Any, ...], str]:
    with pytest.raises(ValidationError) as caught:
        ROOM.validate_python(value)
    return {e["loc"]: f"{e['type']}: {e['msg']}" for e in caught.value.errors()}


def test_a_file_gives_some_settings_and_layers_lie_on_the_usual_ones() -> None:
    one = ROOM.validate_python({"lamps": {"hall": "red"}, "door": "front", "warm": 21})
    two = ROOM.validate_python({"lamps": {"attic": {"colour": "green", "watts": 8}}, "warm": None})
    assert one == {"lamps": {"hall": Lamp("red")}, "doors": {"front"}, "warm": 21.0}
    assert ROOM.validate_python(None) == {}
    room = Room().layered(one).layered(two)
    assert room == Room(
        {"hall": Lamp("red"), "attic": Lamp("green", 8)}, frozenset({"front"}), None
    )
    assert room.as_dict() == {
        "lamps": {
            "attic": {"colour": "green", "watts": 8},
            "hall": {"colour": "red", "watts": 40},
        },
        "door": ["front"],
        "warm": None,
    }
    assert Room().layered(ROOM.validate_python(room.as_dict())) == room
    assert Room().layered({"locked": True}).as_dict()["locked"] is True


def test_messages_and_places() -> None:
    assert problems(
        {"lamps": {"hall": {"colour": "gren", "watts": 3}, "A1": "red"}, "lokced": 1}
    ) == {
        ("lamps", "hall", "colour"): "wrong: unknown value gren; did you mean green?",
        ("lamps", "hall", "watts"): "wrong: 3 is odd; give an even one",
        ("lamps", "A1", "[key]"): "wrong: expected text of letters",
        ("lokced", "[key]"): "wrong: unknown setting; did you mean locked?",
    }
    assert problems({"lamps": {"hall": {"watts": 61}}, "warm": "hot", "locked": 1}) == {
        ("lamps", "hall", "colour"): "wrong: colour is missing; write it",
        ("lamps", "hall", "watts"): "wrong: expected a whole number from 0 to 60",
        ("warm",): "expected: a number from -5 to 40",
        ("locked",): "expected: true or false",
    }
    assert problems([]) == {(): "expected: a mapping"}


def test_json_schema_says_the_same() -> None:
    schema = ROOM.json_schema()
    validator = jsonschema.Draft202012Validator(schema)
    assert schema["properties"]["door"]["description"] == (
        "names of its doors, which may be numbers."
    )
    for right in (None, {}, {"door": 7}, {"door": None}, {"warm": None, "locked": True}):
        assert validator.is_valid(right)
    for wrong in ([], {"doors": "x"}, {"warm": 41}, {"locked": 1}, {"lamps": {"hall": {}}}):
        assert not validator.is_valid(wrong)


@given(st.lists(st.dictionaries(st.sampled_from("ab"), st.integers()), max_size=4))
def test_merging_of_tables_is_that_of_dictionaries(layers: list[dict[str, int]]) -> None:
    expected: dict[str, int] = {}
    for layer in layers:
        expected |= layer
    assert merge_given(*layers) == expected
    assert merge_given(*({"t": layer} for layer in layers)).get("t", {}) == expected


def sections(root: type[Section]) -> list[type[Section]]:
    """The sections of the policy that stand in each other, without entries of lists and tables."""
    inner = [type(m.default) for m in list_members(root) if isinstance(m.default, Section)]
    return [root, *(s for section in inner for s in sections(section))]


@pytest.mark.parametrize("section", sections(PolicyFile), ids=lambda s: s.__name__)
def test_every_setting_of_the_policy_is_in_the_schema_with_words(section: type[Section]) -> None:
    schema = policy_json_schema()
    found = schema if section is PolicyFile else schema["$defs"][section.__name__]
    assert list(found["properties"]) == [m.key for m in list_members(section)]
    assert not [m.name for m in list_members(section) if not m.doc]


def test_what_shows_only_when_the_rest_is_read_is_reported_at_once() -> None:
    text = (
        "version: 1\n"
        "entities: {PERSN: label, CVV: token, PIN: {operator: mask, keep_last: 99}}\n"
        "allow: [falcon, [x]]\n"
        "deny: [{text: Falcon, entity: X_P}, {text: F, entity: X_P}, {text: FALCON, entity: X_Q}]\n"
        "fields: {identity: clear, media: hide}\n"
        "detect: {languages: [en, xx1], model: 3}\n"
        "retention: {rules: [{id: a, action: keep, days: x, class: raw}, {id: a, days: 1}]}\n"
    )
    with pytest.raises(PolicyError) as caught:
        parse_policy(text, "p.yaml")
    assert [(p.line, p.column, p.field) for p in caught.value.problems] == [
        (2, 12, "entities.PERSN"),
        (2, 31, "entities.CVV"),
        (2, 71, "entities.PIN.keep_last"),
        (3, 8, "allow"),
        (3, 17, "allow[1]"),
        (4, 44, "deny[1].text"),
        (4, 61, "deny[2]"),
        (5, 20, "fields.identity"),
        (5, 34, "fields.media"),
        (6, 26, "detect.languages[1]"),
        (6, 39, "detect.model"),
        (7, 49, "retention.rules[0].days"),
        (7, 65, "retention.rules[1]"),
        (7, 65, "retention.rules[1]"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "&a {version: 1, allow: *a}",
        "&a {version: 1, overrides: [*a, *a]}",
        "version: 1\nallow: &a [x, *a]",
        "version: 1\nentities: &e {PERSON: *e}",
        "version: 1\ndetect: &d {margins: *d}",
    ],
)
def test_documents_that_contain_themselves_are_refused(text: str) -> None:
    with pytest.raises(PolicyError):
        parse_policy(text)


def test_settings_are_imported_without_what_reads_files() -> None:
    code = (
        "import sys; import callveil.schemas.policy_load as load; "
        "assert not {'pydantic', 'pydantic_core', 'phonenumbers'} & set(sys.modules); "
        "load.load_policy(); assert 'pydantic' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
