"""Table schemas of typed rows: a row's class says the type of each column, and what it holds."""

from __future__ import annotations

import datetime as dt
import types
import typing
from collections.abc import Collection
from typing import Any

from callveil.schemas.fields import (
    Boolean,
    Field,
    FieldType,
    Integer,
    Json,
    ListOf,
    Number,
    Struct,
    Text,
    Timestamp,
)

_TYPES: dict[object, FieldType] = {
    str: Text(),
    int: Integer(),
    float: Number(),
    bool: Boolean(),
    dt.datetime: Timestamp(),
    Any: Json(),
}


def fields_of(row: type, personal: Collection[str] = ()) -> tuple[Field, ...]:
    """Return the declaration of a row's columns.

    Args:
        row: a TypedDict or NamedTuple whose members are `Annotated[type, "what it holds"]`; every
            column may be null.
        personal: columns that may hold personal data.
    """
    return tuple(
        Field(name, _field_type(hint.__origin__), hint.__metadata__[0], personal=name in personal)
        for name, hint in typing.get_type_hints(row, include_extras=True).items()
    )


def _field_type(hint: Any) -> FieldType:
    args = [a for a in typing.get_args(hint) if a not in (type(None), ...)]
    if typing.get_origin(hint) is types.UnionType:
        return _field_type(args[0])
    if typing.get_origin(hint) in (list, tuple):
        return ListOf(_field_type(args[0]))
    return _TYPES[hint] if hint in _TYPES else Struct(fields_of(hint))
