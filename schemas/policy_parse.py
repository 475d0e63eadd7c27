"""One policy file's nodes to its settings, with every mistake noted at its place."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from callveil.schemas.entities import NAME
from callveil.schemas.policy import PolicyFile
from callveil.schemas.policy_settings import file_adapter, list_members
from callveil.schemas.policy_values import GONE, KEY
from callveil.schemas.policy_yaml import NodeReader, Place
from callveil.schemas.rules import Rules


@dataclass
class PolicyLayer:
    """Content of one policy file.

    Attributes:
        reader: of the file; its problems grow.
        given: settings it gives, by field of `PolicyFile`; what was wrong is left out.
        entities: entity types that it and the files it extends declare.
    """

    reader: NodeReader
    given: dict[str, Any] = field(default_factory=dict)
    entities: frozenset[str] = frozenset()

    @property
    def rules(self) -> dict[str, Any]:
        """Those of the settings that are `Rules`."""
        return {m.name: self.given[m.name] for m in list_members(Rules) if m.name in self.given}

    @property
    def name(self) -> str:
        """The policy's name: the one given, or one made of the file's."""
        stem = "".join(c if c.isalnum() or c in "._-" else "-" for c in Path(self.reader.file).stem)
        return self.given.get("name") or stem[:100] or "policy"


def read_layer(reader: NodeReader, values: Any, inherited: frozenset[str]) -> PolicyLayer:
    """Read a file. Problems are in the reader.

    Args:
        reader: of the file.
        values: what it gave for the file's root.
        inherited: entity types that files it extends have declared.
    """
    from pydantic import ValidationError

    entities = inherited | _declared(values)
    while True:
        try:
            given = file_adapter(PolicyFile).validate_python(values, context={"entities": entities})
            return PolicyLayer(reader, given, entities)
        except ValidationError as error:
            found = error.errors(include_url=False, include_input=False)
        keys = {e["loc"][:-1] for e in found if e["loc"][-1:] == (KEY,)}
        for e in found:
            place: Place = e["loc"]
            below_wrong_key = place[-1:] != (KEY,) and any(place[: len(k)] == k for k in keys)
            if e["type"] != "gone" and not below_wrong_key:
                reader.add_problem(place, e["type"], e["msg"])
        left_out = [_leave_out(values, e["loc"]) for e in found]
        if not any(left_out):
            return PolicyLayer(reader, {}, entities)


def _leave_out(values: Any, place: Place) -> bool:
    """Put `GONE` where something wrong stands, or nearest above it; False where nothing is left to
    leave out.
    """
    steps = place[:-1] if place[-1:] == (KEY,) else place
    holder: Any = None
    last: str | int = ""
    for step in steps:
        if isinstance(values, dict):
            holder, last, values = values, step, values.get(step)
        elif isinstance(values, list) and isinstance(step, int):
            holder, last, values = values, step, values[step]
        else:
            break
    if holder is None or values is GONE:
        return False
    holder[last] = GONE
    return True


def _declared(values: Any) -> frozenset[str]:
    """Return entity types that the deny lists of a file, those of its overrides among them, give to
    a text.
    """
    overrides = _in(values, "overrides")
    lists = [_in(values, "deny")]
    for override in overrides if isinstance(overrides, list) else []:
        lists.append(_in(_in(override, "set"), "deny"))
    entries = (entry for found in lists if isinstance(found, list) for entry in found)
    names = (_in(entry, "entity") for entry in entries)
    return frozenset(n for n in names if isinstance(n, str) and NAME.fullmatch(n))


def _in(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, dict) else None
