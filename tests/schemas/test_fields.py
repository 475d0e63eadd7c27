"""The type algebra: what is accepted, what is refused, and that nothing is lost on the way to
storage and back. All values are generated.
"""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callveil.schemas.arrow import arrow_schema
from callveil.schemas.fields import (
    EPOCH,
    EXTRA,
    INT64_MAX,
    Boolean,
    Field,
    FieldError,
    FieldType,
    Integer,
    Json,
    ListOf,
    Number,
    Struct,
    Text,
    Timestamp,
    coerce_members,
    from_storage,
    json_schema,
    json_type,
    parse_times,
    to_storage,
)
from callveil.transforms.storage.files.serialization import dumps_in_order

T0 = dt.datetime(2026, 3, 1, 12, 30, 1, 5, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("kind", "value", "out"),
    [
        (Text(), "a", "a"),
        (Text(), 5, "5"),
        (Text(), True, "true"),
        (Text(), False, "false"),
        (Text(), 5.0, "5"),
        (Text(), 2.5, "2.5"),
        (Text(), 1e300, "1e+300"),
        (Integer(), "7", 7),
        (Integer(), " -7 ", -7),
        (Integer(), "+7", 7),
        (Integer(), 7.0, 7),
        (Integer(), INT64_MAX, INT64_MAX),
        (Number(), "1.5", 1.5),
        (Number(), 3, 3.0),
        (Number(), -0.5, -0.5),
        (Boolean(), 1, True),
        (Boolean(), "No", False),
        (Boolean(), "", False),
        (Boolean(), " TRUE ", True),
        (Timestamp(), T0, T0),
        (Timestamp(), T0.astimezone(dt.timezone(dt.timedelta(hours=-5))), T0),
        (Json(), {"a": [1]}, {"a": [1]}),
        (ListOf(Text()), "x", ["x"]),
        (ListOf(Text()), [1, None, "b"], ["1", "b"]),
        (ListOf(Integer()), (1, "2"), [1, 2]),
        (ListOf(Struct((Field("a", Text()),))), {"a": 1}, [{"a": "1"}]),
        (Struct((Field("a", Text()),)), {"a": None, "b": 2}, {EXTRA: {"b": 2}}),
    ],
)
def test_coerced(kind: FieldType, value: Any, out: Any) -> None:
    got = kind.coerce(value, "p")
    assert got == out and type(got) is type(out)


@pytest.mark.parametrize(
    ("kind", "value", "reason"),
    [
        (Text(), [], "wrong_type"),
        (Text(), {}, "wrong_type"),
        (Text(), float("nan"), "wrong_type"),
        (Text(), float("inf"), "wrong_type"),
        (Integer(), "x", "wrong_type"),
        (Integer(), True, "wrong_type"),
        (Integer(), 1.5, "wrong_type"),
        (Integer(), "9" * 21, "wrong_type"),
        (Integer(), "٣", "wrong_type"),
        (Integer(), "", "wrong_type"),
        (Integer(), INT64_MAX + 1, "out_of_range"),
        (Integer(0, 5), 6, "out_of_range"),
        (Integer(0, 5), -1, "out_of_range"),
        (Integer(), "9" * 20, "out_of_range"),
        (Number(), "x", "wrong_type"),
        (Number(), True, "wrong_type"),
        (Number(), "nan", "out_of_range"),
        (Number(), 10**400, "out_of_range"),
        (Boolean(), 2, "wrong_type"),
        (Boolean(), "maybe", "wrong_type"),
        (Boolean(), 1.0, "wrong_type"),
        (Timestamp(), "2026-01-01", "wrong_type"),
        (Timestamp(), dt.datetime(2026, 1, 1), "wrong_type"),
        (Timestamp(), EPOCH - dt.timedelta(microseconds=1), "out_of_range"),
        (Timestamp(), dt.datetime(2262, 4, 11, tzinfo=dt.UTC), "out_of_range"),
        (ListOf(Struct((Field("a", Text()),))), "x", "wrong_type"),
        (Struct(()), [], "wrong_type"),
        (ListOf(Integer()), ["x"], "wrong_type"),
    ],
)
def test_refused(kind: FieldType, value: Any, reason: str) -> None:
    with pytest.raises(FieldError) as refused:
        kind.coerce(value, "p")
    assert refused.value.reason == reason


@settings(max_examples=150)
@given(
    st.sampled_from([Integer(0, 5), Number(), Boolean(), Timestamp(), ListOf(Integer())]),
    st.text("secretzofia\x00é", min_size=6, max_size=30),
)
def test_messages_never_quote_the_value(kind: FieldType, value: str) -> None:
    with pytest.raises(FieldError) as refused:
        kind.coerce(value, "outline[3].s")
    assert value not in str(refused.value) and str(refused.value).startswith("outline[3].s")


def test_a_path_names_declared_members_only() -> None:
    kind = ListOf(Struct((Field("a", ListOf(Integer())),)))
    with pytest.raises(FieldError) as refused:
        kind.coerce([{"a": 1}, {"zofia": 1, "a": [1, "x"]}], "rows")
    assert refused.value.path == "rows[1].a[1]" and "zofia" not in str(refused.value)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False, width=32)
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=8,
)
TIMES = st.datetimes(dt.datetime(1970, 1, 1), dt.datetime(2262, 4, 10), timezones=st.just(dt.UTC))


@st.composite
def types(draw: st.DrawFn, depth: int = 2) -> tuple[FieldType, st.SearchStrategy[Any]]:
    """A type, and values it takes."""
    simple = [
        (Text(), st.text(max_size=6)),
        (Integer(), st.integers(-INT64_MAX, INT64_MAX)),
        (Number(), st.floats(allow_nan=False, allow_infinity=False)),
        (Boolean(), st.booleans()),
        (Timestamp(), TIMES),
        (Json(), JSON.filter(lambda v: v is not None)),
    ]
    pick = draw(st.integers(0, len(simple) + (1 if depth else -1)))
    if pick < len(simple):
        return simple[pick]
    if pick == len(simple):
        item, values = draw(types(depth - 1))
        return (
            (ListOf(item), st.lists(values, max_size=3))
            if not isinstance(item, ListOf)
            else (item, values)
        )
    fields, members = draw(declared(depth - 1))
    return Struct(fields), members


@st.composite
def declared(draw: st.DrawFn, depth: int = 2) -> tuple[tuple[Field, ...], st.SearchStrategy[Any]]:
    """Declared members, and mappings that fit them, with undeclared members here and there."""
    chosen = draw(st.lists(types(depth), min_size=1, max_size=3))
    fields = tuple(Field(f"m{n}", kind, "doc") for n, (kind, _) in enumerate(chosen))
    members = st.fixed_dictionaries(
        {},
        optional={f"m{n}": values for n, (_, values) in enumerate(chosen)}
        | {"odd": JSON, "Zofia": JSON},
    )
    return fields, members


@settings(max_examples=150)
@given(st.data())
def test_there_and_back(data: st.DataObject) -> None:
    """Coercion is idempotent; Arrow takes what storage gives; storage and JSON give back what was
    coerced.
    """
    fields, values = data.draw(declared())
    top = (*fields, Field(EXTRA, Json()))
    given_record = data.draw(values)
    record = coerce_members(top, given_record)
    assert coerce_members(top, record) == record
    assert list(record) == [f.name for f in top if f.name in record]
    row = to_storage(top, record, dumps_in_order)
    table = pa.Table.from_pylist([row], schema=arrow_schema(top))
    assert from_storage(top, table.to_pylist()[0], json.loads) == record
    assert json.dumps(
        parse_times(top, json.loads(json.dumps(record, default=str))), default=str
    ) == json.dumps(record, default=str)


def test_undeclared_members_gather_and_nulls_go() -> None:
    fields = (Field("a", Text()), Field("b", Text()))
    assert coerce_members(fields, {"b": 1, "x": 2, "a": None, "y": None}) == {
        "b": "1",
        EXTRA: {"x": 2},
    }
    assert coerce_members(fields, {"x": 2, EXTRA: {"y": 3}}) == {EXTRA: {"y": 3, "x": 2}}
    assert coerce_members(fields, {"x": 2, EXTRA: {"x": 3}}) == {
        EXTRA: {"x": 2, EXTRA: {"x": 3}}
    }  # neither is lost
    assert coerce_members(fields, {EXTRA: "text"}) == {EXTRA: {EXTRA: "text"}}


def test_schemas_say_what_the_declaration_says() -> None:
    fields = (
        Field("a", Integer(0, 5), "a count", "flow"),
        Field("b", ListOf(Struct((Field("t", Timestamp()),)))),
        Field("c", Json()),
    )
    arrow = arrow_schema(fields, {"callveil": "x"})
    assert arrow.field("a").type == pa.int64() and arrow.field("a").metadata == {
        b"doc": b"a count",
        b"group": b"flow",
        b"pii": b"possible",
    }
    assert arrow.field("b").type == pa.list_(
        pa.struct([("t", pa.timestamp("us", tz="UTC")), (EXTRA, pa.string())])
    )
    assert arrow.metadata == {b"callveil": b"x"}
    schema = json_schema("X", fields, ("a",), "what it is")
    assert schema["required"] == ["a"] and schema["additionalProperties"] is True
    assert schema["properties"]["a"] == {
        "type": ["integer", "null"],
        "minimum": 0,
        "maximum": 5,
        "description": "a count",
    }
    assert schema["properties"]["b"]["items"]["properties"]["t"]["format"] == "date-time"
    assert "type" not in schema["properties"]["c"]


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (None, "null"),
        (True, "boolean"),
        ("", "string"),
        (1, "integer"),
        (1.0, "number"),
        ({}, "object"),
        ([], "array"),
        (b"", "bytes"),
    ],
)
def test_json_type(value: Any, name: str) -> None:
    assert json_type(value) == name
