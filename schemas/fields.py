"""The type algebra every record of callveil is declared in.

One declaration gives four things that must never drift apart: the Arrow type a column is stored as
(`schemas/arrow.py`), the JSON Schema that is published, the coercion that ingest applies, and the
walk over leaves that redaction needs.
"""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from callveil.schemas.json_types import JsonObject

UTC = dt.UTC
EPOCH = dt.datetime(1970, 1, 1, tzinfo=UTC)
EXTRA = "extra"
"""Name of the member that keeps what a declaration does not know. It is personal data until proven
otherwise.
"""

INT64_MAX = 2**63 - 1


class FieldError(ValueError):
    """A value does not fit its declared type.

    Args:
        path: where it stands, in declared names only (`outline[3].s`); an undeclared key never
            appears here, because a key can itself be personal data.
        reason: short code, e.g. `wrong_type`, `out_of_range`.
        detail: one sentence about types and bounds; never the value.
    """

    def __init__(self, path: str, reason: str, detail: str) -> None:
        super().__init__(f"{path}: {detail}")
        self.path, self.reason, self.detail = path, reason, detail


@dataclass(frozen=True)
class FieldType:
    """Base of the algebra. Subclasses give `json_schema` and `coerce`."""

    def json_schema(self) -> JsonObject:
        raise NotImplementedError

    def coerce(self, value: Any, path: str) -> Any:
        """Return `value` as the canonical Python value of this type, or raise `FieldError`."""
        raise NotImplementedError


def _wrong(path: str, expected: str, value: Any) -> FieldError:
    return FieldError(path, "wrong_type", f"expected {expected}, found {json_type(value)}")


def json_type(value: Any) -> str:
    """Return JSON's own name for the type of `value`, for messages that must not quote it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    for kind, name in (
        (str, "string"),
        (int, "integer"),
        (float, "number"),
        (Mapping, "object"),
        (list | tuple, "array"),
    ):
        if isinstance(value, kind):
            return name
    return type(value).__name__


@dataclass(frozen=True)
class Text(FieldType):
    """UTF-8 text. Numbers and booleans are accepted and written out, since platforms send ids
    either way.

    Attributes:
        personal: whether the column may hold personal data; statistics and bloom filters stay off
            where it does.
    """

    def json_schema(self) -> JsonObject:
        return {"type": ["string", "null"]}

    def coerce(self, value: Any, path: str) -> str:
        if isinstance(value, str):
            return value
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, int):
            return str(value)
        if isinstance(value, float) and math.isfinite(value):
            return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
        raise _wrong(path, "a string", value)


@dataclass(frozen=True)
class Integer(FieldType):
    """A signed 64-bit integer between `low` and `high`."""

    low: int = -INT64_MAX
    high: int = INT64_MAX

    def json_schema(self) -> JsonObject:
        return {"type": ["integer", "null"], "minimum": self.low, "maximum": self.high}

    def coerce(self, value: Any, path: str) -> int:
        if isinstance(value, str):
            text = value.strip()
            if not text.lstrip("+-").isascii() or not text.lstrip("+-").isdigit() or len(text) > 20:
                raise _wrong(path, "an integer", value)
            value = int(text)
        elif isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise _wrong(path, "an integer", value)
        if not self.low <= value <= self.high:
            raise FieldError(path, "out_of_range", f"outside {self.low} to {self.high}")
        return value


@dataclass(frozen=True)
class Number(FieldType):
    """A finite double."""

    def json_schema(self) -> JsonObject:
        return {"type": ["number", "null"]}

    def coerce(self, value: Any, path: str) -> float:
        if isinstance(value, str):
            try:
                value = float(value)
            except ValueError:
                raise _wrong(path, "a number", value) from None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _wrong(path, "a number", value)
        try:
            number = float(value)
        except OverflowError:
            raise FieldError(path, "out_of_range", "too large for a double") from None
        if not math.isfinite(number):
            raise FieldError(path, "out_of_range", "not a finite number")
        return number


@dataclass(frozen=True)
class Boolean(FieldType):
    """true or false; 0, 1 and the words are accepted."""

    def json_schema(self) -> JsonObject:
        return {"type": ["boolean", "null"]}

    def coerce(self, value: Any, path: str) -> bool:
        if isinstance(value, bool):
            return value
        if isinstance(value, int) and value in (0, 1):
            return bool(value)
        if isinstance(value, str) and value.strip().lower() in (
            "true",
            "false",
            "0",
            "1",
            "yes",
            "no",
            "",
        ):
            return value.strip().lower() in ("true", "1", "yes")
        raise _wrong(path, "a boolean", value)


@dataclass(frozen=True)
class Timestamp(FieldType):
    """An instant in UTC, microseconds, 1970 to 2262.

    Ingest parses every form that occurs before coercion, so only `datetime` values (aware) arrive
    here.
    """

    low: dt.datetime = EPOCH
    high: dt.datetime = dt.datetime(2262, 4, 11, tzinfo=UTC)

    def json_schema(self) -> JsonObject:
        return {"type": ["string", "null"], "format": "date-time"}

    def coerce(self, value: Any, path: str) -> dt.datetime:
        if not isinstance(value, dt.datetime) or value.tzinfo is None:
            raise _wrong(path, "a time", value)
        moment: dt.datetime = value.astimezone(UTC)
        if not self.low <= moment < self.high:
            raise FieldError(
                path, "out_of_range", f"time outside {self.low.year} to {self.high.year}"
            )
        return moment


@dataclass(frozen=True)
class Json(FieldType):
    """Any JSON value, stored as JSON text. Its leaves and its keys are all read by redaction."""

    def json_schema(self) -> JsonObject:
        return {"description": "any JSON value; stored as JSON text in Parquet"}

    def coerce(self, value: Any, path: str) -> Any:
        return value


@dataclass(frozen=True)
class TextOrJson(Json):
    """A text, or any other JSON value. A text is stored as it stands, without JSON's quotes; what
    else there is, as JSON text.
    """

    def json_schema(self) -> JsonObject:
        return {
            "type": ["string", "array", "object", "null"],
            "description": "text, or JSON that is stored as JSON text in Parquet",
        }

    def coerce(self, value: Any, path: str) -> Any:
        return value if isinstance(value, Mapping | list | tuple) else Text().coerce(value, path)


_JSON_STARTS = ("{", "[", '"')
"""How a stored `TextOrJson` begins that may be JSON."""


def _reads_as_json(text: str) -> bool:
    """Tell whether a text would be read back as JSON if it were stored as it stands."""
    if not text.lstrip().startswith(_JSON_STARTS):
        return False
    try:
        json.loads(text)
    except ValueError:
        return False
    except RecursionError:
        return True  # another reader may go deeper
    return True


@dataclass(frozen=True)
class ListOf(FieldType):
    """A list of one type. A single value where a list is declared becomes a list of one."""

    item: FieldType

    def json_schema(self) -> JsonObject:
        return {"type": ["array", "null"], "items": self.item.json_schema()}

    def coerce(self, value: Any, path: str) -> list[Any]:
        if not isinstance(value, list | tuple):
            if isinstance(self.item, Struct) and not isinstance(value, Mapping):
                raise _wrong(path, "an array", value)
            value = [value]
        return [self.item.coerce(v, f"{path}[{i}]") for i, v in enumerate(value) if v is not None]


@dataclass(frozen=True)
class Field:
    """One named member of a record or a struct.

    Attributes:
        name: column name; CTM's where CTM has one.
        type: what it holds.
        doc: one line for the published schema.
        group: name of the field group that decides its treatment; empty inside structs (the
            parent's holds).
        entity: entity type of the whole value when it is personal by nature (`name` is a PERSON),
            else empty.
        personal: the column may hold personal data, so no statistics and no bloom filter are
            written for it.
        prose: natural language, to be read with the conversation model; otherwise only patterns and
            known values apply.
        lenient: a value of another type than declared goes to `extra` as it is, where another
            field's would reject the record.
    """

    name: str
    type: FieldType
    doc: str = ""
    group: str = ""
    entity: str = ""
    personal: bool = True
    prose: bool = False
    lenient: bool = False


@dataclass(frozen=True)
class Struct(FieldType):
    """A nested record. Members that are not declared are kept in a JSON member called `extra`."""

    fields: tuple[Field, ...]

    def json_schema(self) -> JsonObject:
        members = {
            f.name: f.type.json_schema() | ({"description": f.doc} if f.doc else {})
            for f in self.fields
        }
        return {"type": ["object", "null"], "properties": members, "additionalProperties": True}

    def coerce(self, value: Any, path: str) -> JsonObject:
        if not isinstance(value, Mapping):
            raise _wrong(path, "an object", value)
        return coerce_members(self.fields, value, f"{path}.")


PERSONAL_CLASSES = {
    "none": "no personal data",
    "possible": "may hold personal data",
    "text": "free text, in which people may be named",
    "direct": "the value itself is about a person; the entity type says what",
}
"""Classes of personal data a column is declared to be of, weakest first, and what they mean."""


def member_fields(kind: FieldType) -> tuple[Field, ...]:
    """Return the members of a nested record, or of the records of a list, as they are stored: with
    `extra`; empty for any other type.
    """
    while isinstance(kind, ListOf):
        kind = kind.item
    if not isinstance(kind, Struct):
        return ()
    return (*kind.fields, Field(EXTRA, Json(), "members no declaration knows, as JSON text"))


def personal_class(field: Field) -> str:
    """Return the class of personal data of a column, one of `PERSONAL_CLASSES`: of a nested record
    the strongest of its members.
    """
    if not field.personal:
        return "none"
    if field.entity:
        return "direct"
    if field.prose:
        return "text"
    order = list(PERSONAL_CLASSES)
    return max(map(personal_class, member_fields(field.type)), key=order.index, default="possible")


def coerce_members(
    fields: tuple[Field, ...], value: Mapping[str, Any], prefix: str = ""
) -> JsonObject:
    """Coerce a mapping against declared members; nulls are dropped, unknown members gather under
    `extra`.

    Returns: a new dict in declaration order. Raises `FieldError` for the first member that does not
        fit.
    """
    out: JsonObject = {}
    known = {f.name for f in fields}
    for field in fields:
        member = value.get(field.name)
        if member is None:
            continue
        try:
            out[field.name] = field.type.coerce(member, prefix + field.name)
        except FieldError:
            if not field.lenient:
                raise
            known.discard(field.name)
    unknown = {k: v for k, v in value.items() if k not in known and k != EXTRA and v is not None}
    given = value.get(EXTRA)
    if isinstance(given, Mapping) and not given.keys() & unknown.keys():
        unknown = {**given, **unknown}
    elif given is not None:
        unknown[EXTRA] = given
    if unknown:
        out[EXTRA] = unknown
    return out


def json_schema(
    title: str, fields: tuple[Field, ...], required: tuple[str, ...] = (), doc: str = ""
) -> JsonObject:
    """JSON Schema (2020-12) of a record declared by `fields`."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        "description": doc,
        "type": "object",
        "properties": {
            f.name: f.type.json_schema() | ({"description": f.doc} if f.doc else {}) for f in fields
        },
        "required": list(required),
        "additionalProperties": True,
    }


def to_storage(
    fields: tuple[Field, ...], record: Mapping[str, Any], dumps: Callable[[Any], str]
) -> JsonObject:
    """Turn a coerced record into the values its Arrow schema stores: JSON members become text,
    `extra` too.
    """
    out = {
        f.name: _store(f.type, record[f.name], dumps)
        for f in fields
        if record.get(f.name) is not None
    }
    if record.get(EXTRA) is not None:
        out[EXTRA] = record[EXTRA] if isinstance(record[EXTRA], str) else dumps(record[EXTRA])
    return out


def _store(kind: FieldType, value: Any, dumps: Callable[[Any], str]) -> Any:
    if isinstance(kind, TextOrJson) and isinstance(value, str):
        return dumps(value) if _reads_as_json(value) else value
    if isinstance(kind, Json):
        return dumps(value)
    if isinstance(kind, ListOf):
        return [_store(kind.item, v, dumps) for v in value]
    if isinstance(kind, Struct):
        return to_storage(kind.fields, value, dumps)
    return value


def parse_times(fields: tuple[Field, ...], record: JsonObject) -> JsonObject:
    """Turn times that went through JSON back into `datetime`, in place, and return the record."""
    for field in fields:
        value = record.get(field.name)
        if value is None:
            continue
        if isinstance(field.type, Timestamp):
            record[field.name] = dt.datetime.fromisoformat(value)
        elif isinstance(field.type, Struct):
            parse_times(field.type.fields, value)
        elif isinstance(field.type, ListOf) and isinstance(field.type.item, Struct):
            for item in value:
                parse_times(field.type.item.fields, item)
    return record


def from_storage(
    fields: tuple[Field, ...], row: Mapping[str, Any], loads: Callable[[str], Any]
) -> JsonObject:
    """Turn a stored row back into a coerced record, the inverse of `to_storage`; JSON text is
    parsed, nulls are dropped.
    """
    out = {f.name: _load(f.type, row[f.name], loads) for f in fields if row.get(f.name) is not None}
    if row.get(EXTRA) is not None and EXTRA not in out:
        out[EXTRA] = loads(row[EXTRA])
    return out


def with_times(fields: tuple[Field, ...], row: Mapping[str, Any]) -> JsonObject:
    """Return a stored row that was kept as JSON, with its times as such."""
    kinds = {f.name: f.type for f in fields}
    return {n: _timed(kinds[n], v) if n in kinds else v for n, v in row.items()}


def _timed(kind: FieldType, value: Any) -> Any:
    if isinstance(kind, Timestamp):
        return dt.datetime.fromisoformat(value) if isinstance(value, str) else value
    if isinstance(kind, ListOf) and isinstance(value, list):
        return [_timed(kind.item, v) for v in value]
    return (
        with_times(kind.fields, value)
        if isinstance(kind, Struct) and isinstance(value, Mapping)
        else value
    )


def _load(kind: FieldType, value: Any, loads: Callable[[str], Any]) -> Any:
    if isinstance(kind, TextOrJson):
        return loads(value) if _reads_as_json(value) else value
    if isinstance(kind, Json):
        return loads(value)
    if isinstance(kind, ListOf):
        return [_load(kind.item, v, loads) for v in value if v is not None]
    if isinstance(kind, Struct):
        return from_storage(kind.fields, value, loads)
    return value
