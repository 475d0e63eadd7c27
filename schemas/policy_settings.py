"""Sections of settings that are declared once.

A section of a policy is a frozen dataclass whose fields carry, as `Annotated`, what a file may
write there (`policy_values`). From these come the pydantic model that reads a file, the layers, the
JSON Schema and the document. pydantic is imported when a file is read, not with the sections.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields, replace
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar, get_type_hints

from callveil.schemas.policy_values import (
    GONE,
    KEY,
    Named,
    OmitDefault,
    Problems,
    WriteAs,
    raise_errors,
    raise_problems,
    safe_key,
    suggest_choice,
    value_error,
)

if TYPE_CHECKING:
    from pydantic import TypeAdapter

T = TypeVar("T")
_NOUNS = {
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "string_type": "text",
}
"""What pydantic's errors of a value's type say was expected."""


def _for_each_class(make: Callable[[type[Section]], T]) -> Callable[[type[Section]], T]:
    """Keep what is made of a class: `cache`, of which mypy does not believe that it takes one."""
    return cache(make)  # type: ignore[return-value]


@dataclass(frozen=True)
class Member:
    """A setting of a section, as its field declares it."""

    name: str
    key: str
    hint: Any
    doc: str
    default: Any
    omitted: bool
    write: Callable[[Any], Any]


class Section:
    """Settings that stand together. A file gives some of them, read as a mapping by field name.

    Class attributes:
        expected: what a message calls it.
        missing: message for a member that has to be there, `{}` its key.
        empty: message for a section in which nothing stands; without one it is taken.
        short: key whose value may stand for a mapping with nothing besides.
        whole: whether it is read as an object and not as some settings of one.
    """

    expected: ClassVar[str] = "a mapping"
    missing: ClassVar[str] = "{} is missing"
    empty: ClassVar[str] = ""
    short: ClassVar[str] = ""
    whole: ClassVar[bool] = False

    @classmethod
    def find_problems(cls, given: Mapping[str, Any]) -> Problems:
        """Give what is wrong with settings together that are right one by one."""
        yield from ()

    def layered(self, given: Mapping[str, Any]) -> Self:
        """Return this section with settings of another layer on top: sections and tables are merged
        entry by entry, other values replaced.
        """
        out: dict[str, Any] = {}
        for name, new in given.items():
            old = getattr(self, name)
            if isinstance(old, Section):
                new = old.layered(new)
            out[name] = {**old, **new} if isinstance(old, Mapping) else new
        return replace(self, **out)  # type: ignore[type-var]

    def as_dict(self) -> dict[str, Any]:
        """Return the form a policy file gives it in; it reads back to an equal one."""
        kept = {m.name: getattr(self, m.name) for m in list_members(type(self))}
        return to_file_form(type(self), kept)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        return core_schema.no_info_wrap_validator_function(
            cls._read, handler.generate_schema(_file_model(cls))
        )

    @classmethod
    def _read(cls, value: Any, inner: Callable[[Any], Any]) -> Any:
        from pydantic import ValidationError

        own = list_members(cls)
        needed = [m.key for m in own if m.default is MISSING]
        if value is None and not needed:
            value = {}
        if cls.short and not isinstance(value, dict):
            value = {cls.short: value}
        if not isinstance(value, dict):
            raise value_error("expected", cls.expected)
        if cls.empty and not value:
            raise value_error("wrong", cls.empty)
        there = {k: v for k, v in value.items() if v is not GONE}
        keys = [m.key for m in own]
        found: list[tuple[tuple[str | int, ...], str, str]] = [
            ((k, KEY), "wrong", f"unknown setting{suggest_choice(safe_key(k), keys)}")
            for k in there
            if k not in keys
        ]
        found += [((k,), "wrong", cls.missing.format(k)) for k in needed if k not in value]
        try:
            made = inner({k: v for k, v in there.items() if k in keys})
        except ValidationError as error:
            found += [
                (e["loc"], "expected", _NOUNS[e["type"]])
                if e["type"] in _NOUNS
                else (e["loc"], e["type"], e["msg"])
                for e in error.errors(include_url=False, include_input=False)
            ]
        raise_errors(found)
        if cls.whole and not there.keys() >= {*needed}:
            raise value_error("gone", "a part that has to be there was wrong, which is reported")
        given = {m.name: getattr(made, m.name) for m in own if m.name in made.model_fields_set}
        raise_problems(cls.find_problems(given))
        return cls(**given) if cls.whole else given


def merge_given(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a section that layers add up to; a later layer overrides."""
    out: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            nested = isinstance(value, Mapping)
            out[key] = merge_given(out.get(key, {}), value) if nested else value
    return out


def to_plain(value: Any) -> Any:
    """Return a setting as YAML has it: the same for two policies that say the same."""
    if isinstance(value, Section):
        return value.as_dict()
    if isinstance(value, Mapping):
        return {k: to_plain(value[k]) for k in sorted(value, key=lambda k: (k != "default", k))}
    if isinstance(value, frozenset):
        return sorted(value)
    return [to_plain(v) for v in value] if isinstance(value, tuple) else value


def to_file_form(section: type[Section], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings of a section in the form a policy file gives them in."""
    return {
        m.key: m.write(given[m.name])
        for m in list_members(section)
        if m.name in given and not (m.omitted and given[m.name] == m.default)
    }


@_for_each_class
def list_members(section: type[Section]) -> tuple[Member, ...]:
    """Return the settings of a section in their order."""
    hints, docs = get_type_hints(section, include_extras=True), _docs(section)
    out = []
    for f in fields(section):  # type: ignore[arg-type]
        if "internal" in f.metadata:
            continue
        marks = {type(m): m for m in getattr(hints[f.name], "__metadata__", ())}
        out.append(
            Member(
                f.name,
                marks[Named].key if Named in marks else f.name,
                hints[f.name],
                docs.get(f.name, ""),
                f.default if f.default_factory is MISSING else f.default_factory(),
                OmitDefault in marks,
                marks[WriteAs].make if WriteAs in marks else to_plain,
            )
        )
    return tuple(out)


def _docs(section: type) -> dict[str, str]:
    """Return what the docstrings of a section and its bases say of each attribute."""
    out: dict[str, str] = {}
    for base in reversed(section.__mro__):
        _, _, listed = (base.__doc__ or "").partition("Attributes:\n")
        for names, text in re.findall(r"^ {8}([\w, ]+): (.+(?:\n {12}.+)*)", listed, re.MULTILINE):
            out |= dict.fromkeys(names.split(", "), " ".join(text.split()))
    return out


@_for_each_class
def file_adapter(section: type[Section]) -> TypeAdapter[Any]:
    """Return what reads a section of a file, and knows its JSON Schema."""
    from pydantic import TypeAdapter

    return TypeAdapter(section)


@_for_each_class
def _file_model(section: type[Section]) -> Any:
    """Return the pydantic model of what a file may give of a section."""
    from pydantic import ConfigDict, Field, create_model

    def finish(schema: dict[str, Any]) -> None:
        needed = [m.key for m in list_members(section) if m.default is MISSING]
        schema |= {"required": needed} if needed else {"type": ["object", "null"]}
        schema |= {"type": "object", "minProperties": 1} if section.empty else {}

    declared: dict[str, Any] = {
        m.name: (m.hint, Field(default_factory=dict, alias=m.key, description=m.doc or None))
        for m in list_members(section)
    }
    config = ConfigDict(strict=True, extra="forbid", json_schema_extra=finish)
    summary = " ".join((section.__doc__ or "").partition("\n\n")[0].split())
    return create_model(section.__name__, __config__=config, __doc__=summary, **declared)
