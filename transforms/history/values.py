"""JSON values of a version: the texts in them, and the same value with some of its texts replaced."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from callveil.transforms.store.rows import dumps

Path = tuple[str | int, ...]
SHORT_DIGITS = 4
"""Whole numbers of fewer digits than five are counts, sizes and flags; what may be a PIN is known by its field's name."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One text in a value.

    Attributes:
        path: keys and places that lead to it.
        text: as written; of a number its digits.
        key: name it stands under, empty at the top.
        is_key: the text is a key itself; `path` ends in it.
        number: the value is a number.
    """

    path: Path
    text: str
    key: str = ""
    is_key: bool = False
    number: bool = False


def plain(value: Any) -> Any:
    """The value with times as ISO 8601 text and nothing but JSON's own types."""
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return value


def pieces(value: Any, path: Path = (), key: str = "") -> Iterator[Piece]:
    """Texts of a value, keys before what stands under them. Booleans and nulls say nothing about anyone."""
    if isinstance(value, str):
        if value:
            yield Piece(path, value, key)
    elif isinstance(value, bool) or value is None:
        return
    elif isinstance(value, int | float):
        yield Piece(path, str(value), key, number=True)
    elif isinstance(value, Mapping):
        for name, child in value.items():
            yield Piece((*path, name), name, key, is_key=True)
            yield from pieces(child, (*path, name), name)
    else:
        for i, child in enumerate(value):
            yield from pieces(child, (*path, i), key)


def replaced(value: Any, texts: Mapping[Path, str], keys: Mapping[Path, str], path: Path = ()) -> Any:
    """The value with the texts at some paths replaced, and some keys renamed; a name already taken gets a number."""
    if path in texts:
        return texts[path]
    if isinstance(value, Mapping):
        out: dict[str, Any] = {}
        for name, child in value.items():
            new, n = keys.get((*path, name), name), 2
            while new in out:
                new, n = f"{keys.get((*path, name), name)}#{n}", n + 1
            out[new] = replaced(child, texts, keys, (*path, name))
        return out
    if isinstance(value, list | tuple):
        return [replaced(child, texts, keys, (*path, i)) for i, child in enumerate(value)]
    return value


def canonical(value: Any) -> str:
    """The one JSON text of a value."""
    return dumps(value)


def parsed(text: str | None) -> Any:
    """Inverse of `canonical`; None for None."""
    return None if text is None else orjson.loads(text)
