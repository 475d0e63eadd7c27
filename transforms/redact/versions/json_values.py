"""JSON values of a version: the texts in them, and the same value with some of its texts replaced.

Texts that are JSON themselves (or a YAML document), however often encoded, are read as what they
write.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from callveil.schemas.fields import FieldError
from callveil.schemas.json_types import RecordValues
from callveil.schemas.policy import InputLimits
from callveil.transforms.detect.complete_findings import FIELD_NAME
from callveil.transforms.detect.secret_fields import KEYPAD, is_secret
from callveil.transforms.ingest.versions.yaml_json import load_yaml
from callveil.transforms.storage.files.serialization import dumps
from callveil.transforms.storage.files.strict_json import ParseError, inspect_record, load_json

Path = tuple[str | int, ...]
SHORT_DIGITS = 4
"""Whole numbers of fewer digits than five are counts, sizes and flags; what may be a PIN is known
by its field's name.
"""
INSIDE = -1
"""Step of a path from a text to the value it writes."""
NAME_DIGITS = 5
"""Digits a field's name may hold; one with more may be a number that someone has."""
NAMED = (
    "name",
    "key",
    "field",
    "header",
    "attribute",
    "setting",
    "option",
    "variable",
    "param",
    "parameter",
    "property",
    "id",
)
VALUED = (
    "value",
    "val",
    "values",
    "content",
    "data",
    "before",
    "after",
    "from",
    "to",
    "old",
    "new",
    "old_value",
    "new_value",
    "default",
)
_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9_.\-]{0,60}")


def is_name(text: str) -> bool:
    """Tell whether a text is written like the name of a field, and holds no number that could be
    someone's.
    """
    return (
        FIELD_NAME.fullmatch(text) is not None and sum(c.isdecimal() for c in text) <= NAME_DIGITS
    )


@dataclass(frozen=True, slots=True)
class ValueText:
    """One text in a value.

    Attributes:
        path: keys and places that lead to it.
        text: as written; of a number its digits.
        key: name it stands under, empty at the top.
        is_key: the text is a key itself; `path` ends in it.
        number: the value is a number.
        below: it stands somewhere below a name that is a secret's.
    """

    path: Path
    text: str
    key: str = ""
    is_key: bool = False
    number: bool = False
    below: bool = False


@dataclass(frozen=True, slots=True)
class EmbeddedJson:
    """A text that writes a value.

    Attributes:
        text: as it stands.
        value: what it writes; texts in it that write values are `EmbeddedJson`, too.
    """

    text: str
    value: Any


def to_plain_json(value: Any) -> Any:
    """Return the value with times as ISO 8601 text and nothing but JSON's own types."""
    if isinstance(value, Mapping):
        return {str(k): to_plain_json(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [to_plain_json(v) for v in value]
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return value


def parse_embedded(value: Any) -> Any:
    """Return the value with an `EmbeddedJson` for each text that writes a list, or an object.

    Raises:
        ParseError: such a text nests too deep, or names a member twice.
    """
    if isinstance(value, str):
        inner = _inner(value)
        return value if inner is None else EmbeddedJson(value, inner)
    if isinstance(value, Mapping):
        return {name: parse_embedded(child) for name, child in value.items()}
    if isinstance(value, list | tuple):
        return [parse_embedded(child) for child in value]
    return value


def _inner(text: str) -> Any:
    """Return what a text writes, opened; None where that is no list and no object."""
    start = text.lstrip()[:3]
    if start[:1] not in ("{", "[", '"') and start != "---":
        return None
    try:
        found = load_yaml(text) if start == "---" else load_json(text.encode())
        inspect_record({"value": found}, InputLimits())
    except (ParseError, FieldError) as error:
        if error.reason in ("too_deep", "duplicate_key", "record_too_large"):
            raise ParseError(
                error.reason, "a text that writes a value nests too deep or repeats a member"
            ) from None
        return None
    except UnicodeEncodeError:
        return None
    if isinstance(found, str) and len(found) < len(text):
        found = parse_embedded(found)
        return found if isinstance(found, EmbeddedJson) else None
    return parse_embedded(found) if isinstance(found, Mapping | list) else None


def iter_texts(
    value: Any, path: Path = (), key: str = "", below: bool = False
) -> Iterator[ValueText]:
    """Yield texts of a value, keys before what stands under them. Booleans and nulls say nothing
    about anyone.

    What a list or object names beside it (`{"name": "api_key", "value": ...}`) stands under that
    name.
    """
    if isinstance(value, str):
        if value:
            yield ValueText(path, value, key, below=below)
    elif isinstance(value, EmbeddedJson):
        yield from iter_texts(value.value, (*path, INSIDE), key, below)
    elif isinstance(value, bool) or value is None:
        return
    elif isinstance(value, int | float):
        yield ValueText(path, str(value), key, number=True, below=below)
    elif isinstance(value, Mapping):
        named = (value.get(n) for n in NAMED)
        said = next((v for v in named if isinstance(v, str) and _names(v)), "")
        keypad = on_keypad(key, value)
        under = below or (is_secret(key) and not keypad)
        tells = any(name.lower() in VALUED for name in value)
        for name, child in value.items():
            own = key if keypad else said if said and name.lower() in VALUED else name
            if tells and name.lower() == "key" and tells_name(child):
                own = ""  # it names the member beside it, and is no key to anything
            yield ValueText((*path, name), name, key, is_key=True, below=under)
            yield from iter_texts(child, (*path, name), own, under)
    else:
        pair = (
            len(value) == 2
            and isinstance(value[0], str)
            and _names(value[0])
            and is_secret(value[0])
        )
        for i, child in enumerate(value):
            yield from iter_texts(child, (*path, i), value[0] if pair and i else key, below)


def on_keypad(key: str, value: Any) -> bool:
    """Tell whether a value lists what the keys of a telephone do: `keys: {"1": "sales"}`."""
    return (
        key.lower() == "keys" and isinstance(value, Mapping) and all(map(KEYPAD.fullmatch, value))
    )


def tells_name(value: Any) -> bool:
    """Tell whether a member called `key` names the member beside it, and is no key to anything."""
    return isinstance(value, str) and (
        is_secret(value)
        or (FIELD_NAME.fullmatch(value) is not None and not any(c.isdecimal() for c in value))
    )


def _names(text: str) -> bool:
    """Tell whether a member such as `name` or `key` tells what the member beside it is."""
    if FIELD_NAME.fullmatch(text):
        return True
    return _HEADER.fullmatch(text) is not None and is_secret(text)


def replace_texts(
    value: Any, texts: Mapping[Path, str], keys: Mapping[Path, str], path: Path = ()
) -> Any:
    """Return the value with the texts at some paths replaced, and some keys renamed; a name already
    taken gets a number.
    """
    if path in texts:
        return texts[path]
    if isinstance(value, EmbeddedJson):
        inner = replace_texts(value.value, texts, keys, (*path, INSIDE))
        return value.text if inner == _as_written(value.value) else dumps(inner)
    if isinstance(value, Mapping):
        out: RecordValues = {}
        taken: Counter[str] = Counter()
        for name, child in value.items():
            new = label = keys.get((*path, name), name)
            while new in out:
                taken[label] += 1
                new = f"{label}#{taken[label] + 1}"
            out[new] = replace_texts(child, texts, keys, (*path, name))
        return out
    if isinstance(value, list | tuple):
        return [replace_texts(child, texts, keys, (*path, i)) for i, child in enumerate(value)]
    return value


def _as_written(value: Any) -> Any:
    if isinstance(value, EmbeddedJson):
        return value.text
    if isinstance(value, Mapping):
        return {name: _as_written(child) for name, child in value.items()}
    return [_as_written(child) for child in value] if isinstance(value, list) else value


def canonical_json(value: Any) -> str:
    """Return the one JSON text of a value."""
    return dumps(value)


def parse_canonical(text: str | None) -> Any:
    """Return the value of a text of `canonical_json`; None for None."""
    return None if text is None else orjson.loads(text)
