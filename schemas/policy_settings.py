"""Settings that say what they may be.

A section of a policy is a frozen dataclass whose fields carry, as `Annotated`, what a file may
write there. From these come the pydantic model that reads a file, the JSON Schema and the document.
pydantic is imported when a file is read, not with the sections.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import MISSING, dataclass, fields, replace
from functools import cache, partial
from typing import Any, ClassVar, Self, TypeVar, get_args, get_origin, get_type_hints

Problems = Iterator[tuple[tuple[str | int, ...], str]]
"""What is wrong: where, from the value that is checked, and a message that says the way out."""

KEY = "[key]"
"""Last part of a place that is a key and not its value, as pydantic has it for mappings."""
GONE = object()
"""Stands for a value that was wrong and is reported; read as if it had not been written, but where
something has to be there it is none missing.
"""
T = TypeVar("T")
_NOUNS = {
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "string_type": "text",
}
"""What pydantic's errors of a value's type say was expected."""
_SAFE_KEY = re.compile(r"[A-Za-z0-9_-]{1,40}")


def safe_key(key: str) -> str:
    """Return a key as messages may name it: one that does not look like a setting could be personal
    data and is not repeated.
    """
    return key if _SAFE_KEY.fullmatch(key) else "<key>"


def suggest_choice(word: str, known: Collection[str]) -> str:
    """Return ` did you mean ...?` with the nearest of `known`, or what there is to choose from
    where that is short.
    """
    for form in (word, word.lower(), word.upper()):
        near = difflib.get_close_matches(form, known, 1, 0.6)
        if near:
            return f"; did you mean {near[0]}?"
    return f"; it can be {', '.join(known)}" if len(known) <= 16 else ""


class WrittenInt(int):
    """A whole number of a file, with its text, since `007` may be meant as one."""

    text: str


class WrittenFloat(float):
    """A number of a file, with its text."""

    text: str


def _for_each_class(make: Callable[[type[Section]], T]) -> Callable[[type[Section]], T]:
    """Keep what is made of a class: `cache`, of which mypy does not believe that it takes one."""
    kept: Any = cache(make)
    made: Callable[[type[Section]], T] = kept
    return made


def _error(kind: str, message: str) -> Any:
    from pydantic_core import PydanticCustomError

    return PydanticCustomError(kind, "{message}", {"message": message})


def _details(place: tuple[str | int, ...], kind: str, message: str) -> dict[str, Any]:
    return {"type": _error(kind, message), "loc": place, "input": None}


def _raise(found: list[dict[str, Any]]) -> None:
    """Raise what pydantic takes for errors of parts of the value at hand."""
    from pydantic import ValidationError

    if found:
        raise ValidationError.from_exception_data("policy", found)  # type: ignore[arg-type]


def _expecting(what: str, inner: dict[str, Any]) -> Any:
    """Return a core schema whose errors say what was expected; one of another type what was found,
    too.
    """
    from pydantic_core import ValidationError, core_schema

    def read(value: Any, handler: Callable[[Any], Any]) -> Any:
        try:
            return handler(value)
        except ValidationError as error:
            if error.errors()[0]["type"].endswith("_type"):
                raise _error("expected", what) from None
            raise _error("wrong", f"expected {what}") from None

    return core_schema.no_info_wrap_validator_function(read, inner)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Named:
    """The key of a file, where the field has another name."""

    key: str


@dataclass(frozen=True)
class OmitDefault:
    """Leaves a setting out of the document while it has its default: it came later than stores
    whose policies are named by the digest of a document without it.
    """


@dataclass(frozen=True)
class Between:
    """Bounds of a number, both included."""

    low: float
    high: float

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        noun, form = ("a whole number", "d") if source is int else ("a number", "g")
        return _expecting(
            f"{noun} from {self.low:{form}} to {self.high:{form}}",
            {**handler(source), "ge": self.low, "le": self.high},
        )


@dataclass(frozen=True)
class OneOf:
    """A choice of words, or of those that a function gives when it is made."""

    options: tuple[str, ...] | Callable[[], tuple[str, ...]]

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        return core_schema.no_info_before_validator_function(
            self._read,
            core_schema.str_schema()
            if callable(self.options)
            else core_schema.literal_schema(list(self.options)),
        )

    def _read(self, value: Any) -> Any:
        options = self.options() if callable(self.options) else self.options
        if not isinstance(value, str):
            raise _error("expected", f"one of {', '.join(options)}")
        if value not in options:
            name = safe_key(value)
            raise _error("wrong", f"unknown value {name}{suggest_choice(name, options)}")
        return value


@dataclass(frozen=True)
class Text:
    """A text that is more than white space.

    Attributes:
        what: its words in a message; begins with `text`.
        pattern: regular expression it matches as a whole.
        longest: characters at most.
        numbers: whether digits without quotes are taken, as they are written.
    """

    what: str = "text"
    pattern: str = ""
    longest: int = 1000
    numbers: bool = False

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        return core_schema.no_info_before_validator_function(self._read, handler(source))

    def __get_pydantic_json_schema__(self, core: Any, handler: Any) -> dict[str, Any]:
        pattern = {"pattern": f"^(?:{self.pattern})$"} if self.pattern else {}
        kinds = ["string", "number"] if self.numbers else "string"
        return {"type": kinds, "minLength": 1, "maxLength": self.longest, **pattern}

    def _read(self, value: Any) -> str:
        if self.numbers and isinstance(value, WrittenInt | WrittenFloat):
            value = value.text
        if not isinstance(value, str):
            raise _error("expected", self.what)
        if not value.strip() or len(value) > self.longest:
            wanted = f"{self.what} of 1 to {self.longest} characters"
            raise _error("wrong", f"expected {wanted}, found {len(value.strip())}")
        if self.pattern and not re.fullmatch(self.pattern, value):
            raise _error("wrong", f"expected {self.what}")
        return value


@dataclass(frozen=True)
class Check:
    """A check of a value that has its form.

    Attributes:
        find: gives what is wrong with it.
        context: name of what else `find` is given: something that other files have said.
    """

    find: Callable[..., Problems]
    context: str = ""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        return core_schema.with_info_after_validator_function(self._read, handler(source))

    def _read(self, value: Any, info: Any) -> Any:
        more = [(info.context or {}).get(self.context, ())] if self.context else []
        _raise([_details(place, "wrong", message) for place, message in self.find(value, *more)])
        return value


@dataclass(frozen=True)
class Then:
    """The form in which a value is kept."""

    make: Callable[[Any], Any]

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        return core_schema.no_info_after_validator_function(self.make, handler(source))


@dataclass(frozen=True)
class Items:
    """A list of values. A single value is a list of one, nothing after the colon an empty one.

    Attributes:
        empty: message for a list of nothing; without one it is taken.
        find: gives what is wrong with items by their places.
    """

    empty: str = ""
    find: Callable[[dict[int, Any]], Problems] | None = None

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        item = core_schema.no_info_wrap_validator_function(
            lambda value, inner: value if value is GONE else inner(value),
            handler.generate_schema(get_args(source)[0]),
        )
        return core_schema.no_info_wrap_validator_function(
            partial(self._read, get_origin(source)), core_schema.list_schema(item)
        )

    def __get_pydantic_json_schema__(self, core: Any, handler: Any) -> dict[str, Any]:
        many = handler(core) | ({"minItems": 1} if self.empty else {})
        nothing = () if self.empty else ({"type": "null"},)
        return {"anyOf": [many, many["items"], *nothing]}

    def _read(self, container: Any, value: Any, inner: Callable[[Any], list[Any]]) -> Any:
        if value is None:
            value = []
        elif isinstance(value, str | WrittenInt | WrittenFloat):
            value = [value]
        if not isinstance(value, list):
            raise _error("expected", "a list")
        if self.empty and not value:
            raise _error("wrong", self.empty)
        found = {i: item for i, item in enumerate(inner(value)) if item is not GONE}
        if self.find:
            _raise([_details(place, "wrong", message) for place, message in self.find(found)])
        return container(found.values())


@dataclass(frozen=True)
class Table:
    """Values by name. Nothing after the colon is an empty table.

    Attributes:
        schema: JSON Schema of it, where more is to be said than what keys and values are.
    """

    schema: Callable[[], dict[str, Any]] | None = None

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        key, value = map(handler.generate_schema, get_args(source))
        return core_schema.no_info_before_validator_function(
            self._read, core_schema.dict_schema(key, value)
        )

    def __get_pydantic_json_schema__(self, core: Any, handler: Any) -> dict[str, Any]:
        return {**(self.schema() if self.schema else handler(core)), "type": ["object", "null"]}

    def _read(self, value: Any) -> Any:
        if not isinstance(value, dict | None):
            raise _error("expected", "a mapping")
        return {k: v for k, v in (value or {}).items() if v is not GONE}


@dataclass(frozen=True)
class ReadAs:
    """What a file has where the field keeps it in another form."""

    hint: Any

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        return handler.generate_schema(self.hint)


@dataclass(frozen=True)
class WriteAs:
    """How the document has it where the field keeps it in another form."""

    make: Callable[[Any], Any]


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
    def find(cls, given: Mapping[str, Any]) -> Problems:
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
        kept = {m.name: getattr(self, m.name) for m in members(type(self))}
        return written(type(self), kept)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        return core_schema.no_info_wrap_validator_function(
            cls._read, handler.generate_schema(_file_model(cls))
        )

    @classmethod
    def _read(cls, value: Any, inner: Callable[[Any], Any]) -> Any:
        from pydantic import ValidationError

        own = members(cls)
        needed = [m.key for m in own if m.default is MISSING]
        if value is None and not needed:
            value = {}
        if cls.short and not isinstance(value, dict):
            value = {cls.short: value}
        if not isinstance(value, dict):
            raise _error("expected", cls.expected)
        if cls.empty and not value:
            raise _error("wrong", cls.empty)
        there = {k: v for k, v in value.items() if v is not GONE}
        keys = [m.key for m in own]
        found = [
            _details((k, KEY), "wrong", f"unknown setting{suggest_choice(safe_key(k), keys)}")
            for k in there
            if k not in keys
        ]
        found += [_details((k,), "wrong", cls.missing.format(k)) for k in needed if k not in value]
        try:
            made = inner({k: v for k, v in there.items() if k in keys})
        except ValidationError as error:
            found += [
                _details(e["loc"], "expected", _NOUNS[e["type"]])
                if e["type"] in _NOUNS
                else _details(e["loc"], e["type"], e["msg"])
                for e in error.errors(include_url=False, include_input=False)
            ]
        _raise(found)
        if cls.whole and not there.keys() >= {*needed}:
            raise _error("gone", "a part that has to be there was wrong, which is reported")
        given = {m.name: getattr(made, m.name) for m in own if m.name in made.model_fields_set}
        _raise([_details(place, "wrong", message) for place, message in cls.find(given)])
        return cls(**given) if cls.whole else given


def merge_given(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings of a section that layers add up to, of which a later one overrides."""
    out: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            nested = isinstance(value, Mapping)
            out[key] = merge_given(out.get(key, {}), value) if nested else value
    return out


def plain(value: Any) -> Any:
    """Return a setting as YAML has it: of two policies that say the same it is the same."""
    if isinstance(value, Section):
        return value.as_dict()
    if isinstance(value, Mapping):
        return {k: plain(value[k]) for k in sorted(value, key=lambda k: (k != "default", k))}
    if isinstance(value, frozenset):
        return sorted(value)
    return [plain(v) for v in value] if isinstance(value, tuple) else value


def written(section: type[Section], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings of a section in the form a policy file gives them in."""
    return {
        m.key: m.write(given[m.name])
        for m in members(section)
        if m.name in given and not (m.omitted and given[m.name] == m.default)
    }


@_for_each_class
def members(section: type[Section]) -> tuple[Member, ...]:
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
                marks[WriteAs].make if WriteAs in marks else plain,
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
def _file_model(section: type[Section]) -> Any:
    """Return the pydantic model of what a file may give of a section."""
    from pydantic import ConfigDict, Field, create_model

    def finish(schema: dict[str, Any]) -> None:
        needed = [m.key for m in members(section) if m.default is MISSING]
        schema |= {"required": needed} if needed else {"type": ["object", "null"]}
        schema |= {"type": "object", "minProperties": 1} if section.empty else {}

    declared: dict[str, Any] = {
        m.name: (m.hint, Field(default_factory=dict, alias=m.key, description=m.doc or None))
        for m in members(section)
    }
    config = ConfigDict(strict=True, extra="forbid", json_schema_extra=finish)
    summary = " ".join((section.__doc__ or "").partition("\n\n")[0].split())
    return create_model(section.__name__, __config__=config, __doc__=summary, **declared)
