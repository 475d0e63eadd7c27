"""Every text of a record, with its place: what detection must read and redaction must be able to change."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from callveil.schemas.fields import EXTRA, Field, FieldType, Json, ListOf, Number, Struct, Text
from callveil.schemas.interaction import BY_NAME, FIELDS, GROUPS
from callveil.schemas.rules import NAMED

Path = tuple[str | int, ...]
"""Where a leaf stands in a record: member names, list positions and JSON keys, outermost first."""

ROLE_WORDS = re.compile(
    r"(?:the\s+)?(?:spk|speaker|channel|ch|agent|rep|representative|operator|staff|business|caller|customer|client|contact|visitor|guest|"
    r"lead|user|external|internal|inbound|outbound|bot|system|unknown|receptionist|you|me|ivr)?[\s_\-#]*\d{0,2}",
    re.IGNORECASE,
)
"""Speaker labels that name a role and nobody; any other label is taken for a name."""

UNKNOWN = BY_NAME[EXTRA]

SEALED_NAMES = "sealed_names"
"""Undeclared member in which `redact.names` keeps, as tokens, the names that digests stand for. It is redacted already."""
_SEALED = re.compile(r"\[[A-Z][A-Z0-9_]*:t1\.[A-Za-z0-9]+\.[A-Za-z0-9_\-]+\]")

LABELLED = frozenset({"custom_fields", "salesforce"})
"""Fields whose keys are names that an account has given to fields of its own."""
LABEL = re.compile(r"[^\W\d][\w .:/-]{0,63}")
"""A key that a path can name: nothing in it reads as a place or as the end of the key."""
PLAIN_KEY = re.compile(r"[^\W\d][\w.:/-]{0,63}")
"""One that is a field's name by its form; a key of several words is one only where an account gives the names."""
_SHOWN = re.compile(r"\{\d+\}|\[\d+\]|\.?[^.\[{]+")
"""A step of a shown path."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """One text of a record.

    Attributes:
        path: where it stands; for a key, the path of the member the key names.
        shown: the path as it may be published: declared names and positions only, JSON keys as `{ordinal}`,
            because a key can itself be personal data; the key itself is `{ordinal}.key`, so that it and its value have places of their own.
            `by_keys` names members by keys.
        text: the value as text.
        field: declaration that decides the treatment: the top-level field, or `extra` for undeclared members.
        entity: entity type of the whole value where it is personal by nature, else empty.
        prose: natural language.
        key: the text is a key of a JSON object.
        number: the stored value is a number, not a string.
    """

    path: Path
    shown: str
    text: str
    field: Field
    entity: str = ""
    prose: bool = False
    key: bool = False
    number: bool = False

    def by_keys(self, record: Mapping[str, Any] | None = None) -> str:
        """The path with the keys of JSON objects by their names, `custom_fields{plan}`; those that are no field's name stay places.

        Args:
            record: the record as it may be seen; a key that is not there any more was personal, so its place is told.
        """
        form = LABEL if record is None or self.field.name in LABELLED else PLAIN_KEY
        out: list[str] = []
        left: Any = record
        for step, key in zip(_SHOWN.findall(self.shown), self.path, strict=False):
            try:
                left = left if record is None else left[key]
                told = step[0] == "{" and form.fullmatch(str(key)) is not None
            except (KeyError, IndexError, TypeError):
                left, told = None, False
            out.append(f"{{{key}}}" if told else step)
        return "".join(out) + (".key" if self.key else "")


@lru_cache(maxsize=4096)
def further(name: str) -> Field:
    """Declaration of a member that a policy names and nobody else declares."""
    return replace(UNKNOWN, name=name, group=NAMED)


def named(leaf: Leaf, names: Container[str]) -> Leaf:
    """The leaf, as one of a further field where it lies in an undeclared member that `names` has.

    A member `a` goes by `a` or `extra.a`, one of a record within by `form.a`; by the name alone only where no field and no group has it.
    """
    if leaf.field.group != UNKNOWN.group or EXTRA not in leaf.path[:-1]:
        return leaf
    at = leaf.path.index(EXTRA)
    outer = [str(step) for step in leaf.path[:at] if isinstance(step, str)]
    name = str(leaf.path[at + 1])
    for form in (".".join([*outer, name]), ".".join([*outer, EXTRA, name])):
        if form in names and form not in BY_NAME and form not in GROUPS:
            return replace(leaf, field=further(form))
    return leaf



def walk(record: Mapping[str, Any]) -> Iterator[Leaf]:
    """All leaves of a coerced record that can hold personal data, in declaration order.

    Integers, booleans and times of declared members are left out: their type and bounds say what they are. Numbers
    inside JSON members are not.
    """
    record = without_sealed(record)
    for field in FIELDS:
        value = record.get(field.name)
        if value is not None:
            yield from _walk(field.type, value, (field.name,), field.name, field, field.entity, field.prose)


def without_sealed(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """The record without names that are sealed in it."""
    extra = record.get(EXTRA)
    if not isinstance(extra, Mapping) or not _is_sealed(extra.get(SEALED_NAMES)):
        return record
    left = {k: v for k, v in extra.items() if k != SEALED_NAMES}
    return {k: v for k, v in record.items() if k != EXTRA} | ({EXTRA: left} if left else {})


def _is_sealed(names: Any) -> bool:
    return isinstance(names, Mapping) and all(isinstance(t, str) and _SEALED.fullmatch(t) for t in names.values()) and set(names) <= {"id", "sid"}


def _walk(kind: FieldType, value: Any, path: Path, shown: str, top: Field, entity: str, prose: bool) -> Iterator[Leaf]:
    if isinstance(kind, Text):
        if value:
            yield Leaf(path, shown, value, top, entity, prose)
    elif isinstance(kind, Number):
        if entity:
            yield Leaf(path, shown, repr(value), top, entity, prose, number=True)
    elif isinstance(kind, ListOf):
        for i, item in enumerate(value):
            yield from _walk(kind.item, item, (*path, i), f"{shown}[{i}]", top, entity, prose)
    elif isinstance(kind, Struct):
        for member in kind.fields:
            if value.get(member.name) is not None:
                own = member.entity or entity
                if member.name == "speaker" and not ROLE_WORDS.fullmatch(value["speaker"]):
                    own = "PERSON"
                yield from _walk(member.type, value[member.name], (*path, member.name), f"{shown}.{member.name}", top, own, member.prose or prose)
        if value.get(EXTRA) is not None:
            yield from _walk_json(value[EXTRA], (*path, EXTRA), f"{shown}.{EXTRA}", UNKNOWN, UNKNOWN.entity, True)
    elif isinstance(kind, Json):
        yield from _walk_json(value, path, shown, top, entity, prose)


def _walk_json(value: Any, path: Path, shown: str, top: Field, entity: str, prose: bool) -> Iterator[Leaf]:
    # Iterative, so that nesting as deep as the limits allow cannot exhaust the stack of a worker.
    stack: list[tuple[Any, Path, str]] = [(value, path, shown)]
    while stack:
        node, at, name = stack.pop()
        if isinstance(node, str):
            if node:
                yield Leaf(at, name, node, top, entity, prose)
        elif isinstance(node, bool) or node is None:
            continue
        elif isinstance(node, int | float):
            yield Leaf(at, name, str(node), top, entity, prose, number=True)
        elif isinstance(node, Mapping):
            children: list[tuple[Any, Path, str]] = []
            for n, (key, child) in enumerate(node.items()):
                here = f"{name}{{{n}}}"
                if isinstance(child, str | int | float) and not isinstance(child, bool):
                    # A scalar follows its key at once, so that the key reads as the question to its answer.
                    yield Leaf((*at, key), f"{here}.key", key, top, entity, prose, key=True)
                    if child != "":
                        yield Leaf((*at, key), here, str(child), top, entity, prose, number=not isinstance(child, str))
                else:
                    yield Leaf((*at, key), f"{here}.key", key, top, entity, prose, key=True)
                    children.append((child, (*at, key), here))
            stack.extend(reversed(children))
        elif isinstance(node, list | tuple):
            stack.extend((child, (*at, i), f"{name}[{i}]") for i, child in reversed(list(enumerate(node))))


def get_at(record: Mapping[str, Any], path: Path) -> Any:
    """The value at `path`. Raises KeyError or IndexError where there is none."""
    node: Any = record
    for step in path:
        node = node[step]
    return node


def set_at(record: dict[str, Any], path: Path, value: Any) -> None:
    """Replace the value at `path` in place. Raises KeyError or IndexError where its parent is missing."""
    node: Any = record
    for step in path[:-1]:
        node = node[step]
    node[path[-1]] = value
