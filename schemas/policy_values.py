"""Kinds of values that a policy file may give a setting, carried by a field's `Annotated`.

Each gives pydantic how to read it strictly, what a message says was expected, and its JSON Schema.
pydantic is imported when a file is read, not with the settings.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, get_args, get_origin

Problems = Iterator[tuple[tuple[str | int, ...], str]]
"""What is wrong: where, from the value that is checked, and a message that says the way out."""

KEY = "[key]"
"""Last part of a place that is a key and not its value, as pydantic has it for mappings."""
GONE = object()
"""Stands for a value that was wrong and is reported; read as if it had not been written, but where
something has to be there it is none missing.
"""
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


def value_error(kind: str, message: str) -> Any:
    """Return the error of a value: `expected`, where the message is what should stand there, or
    `wrong`.
    """
    from pydantic_core import PydanticCustomError

    return PydanticCustomError(kind, "{message}", {"message": message})


def raise_errors(found: Iterable[tuple[tuple[str | int, ...], str, str]]) -> None:
    """Raise errors of parts of the value at hand, if there are some: place, kind, message."""
    from pydantic import ValidationError
    from pydantic_core import InitErrorDetails

    details = [
        InitErrorDetails(type=value_error(kind, message), loc=place, input=None)
        for place, kind, message in found
    ]
    if details:
        raise ValidationError.from_exception_data("policy", details)


def raise_problems(found: Problems) -> None:
    """Raise what a check has found, if it has found something."""
    raise_errors((place, "wrong", message) for place, message in found)


def _expecting(what: str, inner: dict[str, Any]) -> Any:
    """Return a core schema whose errors say what was expected and, of a value of another type, what
    was found.
    """
    from pydantic_core import ValidationError, core_schema

    def read(value: Any, handler: Callable[[Any], Any]) -> Any:
        try:
            return handler(value)
        except ValidationError as error:
            if error.errors()[0]["type"].endswith("_type"):
                raise value_error("expected", what) from None
            raise value_error("wrong", f"expected {what}") from None

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
    """A choice of words, or of those that a function gives when a value is read."""

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
            raise value_error("expected", f"one of {', '.join(options)}")
        if value not in options:
            name = safe_key(value)
            raise value_error("wrong", f"unknown value {name}{suggest_choice(name, options)}")
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
            raise value_error("expected", self.what)
        if not value.strip() or len(value) > self.longest:
            wanted = f"{self.what} of 1 to {self.longest} characters"
            raise value_error("wrong", f"expected {wanted}, found {len(value.strip())}")
        if self.pattern and not re.fullmatch(self.pattern, value):
            raise value_error("wrong", f"expected {self.what}")
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
        raise_problems(self.find(value, *more))
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
            raise value_error("expected", "a list")
        if self.empty and not value:
            raise value_error("wrong", self.empty)
        found = {i: item for i, item in enumerate(inner(value)) if item is not GONE}
        if self.find:
            raise_problems(self.find(found))
        return container(found.values())


@dataclass(frozen=True)
class Table:
    """Values by name. Nothing after the colon is an empty table.

    Attributes:
        schema: adds to its JSON Schema what is to be said of single keys.
    """

    schema: Callable[[dict[str, Any]], dict[str, Any]] = dict

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        key, value = map(handler.generate_schema, get_args(source))
        return core_schema.no_info_before_validator_function(
            self._read, core_schema.dict_schema(key, value)
        )

    def __get_pydantic_json_schema__(self, core: Any, handler: Any) -> dict[str, Any]:
        return {**self.schema(handler(core)), "type": ["object", "null"]}

    def _read(self, value: Any) -> Any:
        if not isinstance(value, dict | None):
            raise value_error("expected", "a mapping")
        return {k: v for k, v in (value or {}).items() if v is not GONE}


@dataclass(frozen=True)
class ReadAs:
    """Type of a value in a file where the field keeps it in another form."""

    hint: Any

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        return handler.generate_schema(self.hint)


@dataclass(frozen=True)
class WriteAs:
    """How the document has it where the field keeps it in another form."""

    make: Callable[[Any], Any]
