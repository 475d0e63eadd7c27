"""Names for untyped JSON, and JSON text of typed records.

Records of callveil's own are dataclasses and named tuples, which msgspec reads and checks; with
slots, since it leaves out defaults that an instance does not hold itself. Only what others decide
the members of, and what a declaration describes, is a plain dict under one of the names below.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
import orjson

T = TypeVar("T")

JsonObject = dict[str, Any]
"""An object of JSON whose members others decide, such as a call as its platform sends it, or that
is made for others to read.
"""

RecordValues = dict[str, Any]
"""Values of a record by declared name, coerced as `interaction.FIELDS` or `version.FIELDS` say."""

Row = dict[str, Any]
"""A row of a table by column, as pyarrow gives and takes it; the table's schema says what it holds.
"""


def to_json_text(value: Any, option: int = 0) -> bytes:
    """Return JSON with sorted members, of dataclasses and named tuples too; the latter as arrays.

    Args:
        option: further options of orjson.
    """
    typed = orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATACLASS
    return orjson.dumps(value, default=msgspec.to_builtins, option=typed | option)


def from_json_text(data: bytes, kind: type[T]) -> T:
    """Return the record of a type that JSON text states. Raises ValueError for anything else."""
    return msgspec.json.decode(data, type=kind, dec_hook=_build)


def _build(kind: Any, value: Any) -> Any:
    """Build the one type of our records' members that msgspec does not know."""
    return Counter(value)


def to_plain(value: Any, within: frozenset[int] = frozenset()) -> Any:
    """Return a value with its mappings, sequences and texts, of whatever class, as dicts, lists and
    texts. What is none of these stays, and what holds itself or lies 300 levels deep.

    Args:
        within: identities of what it lies in.
    """
    if isinstance(value, str):
        return value if type(value) is str else str.__str__(value)
    if not isinstance(value, Mapping | list | tuple) or id(value) in within or len(within) > 300:
        return value
    within |= {id(value)}
    if isinstance(value, Mapping):
        return {to_plain(key, within): to_plain(part, within) for key, part in value.items()}
    return [to_plain(part, within) for part in value]
