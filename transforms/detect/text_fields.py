"""Every text of a record, with its place: what detection must read and redaction must be able to
change.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any, NamedTuple

from callveil.schemas.fields import EXTRA, Field, FieldType, Json, ListOf, Number, Struct, Text
from callveil.schemas.interaction import BY_NAME, FIELDS, GROUPS
from callveil.schemas.json_types import RecordValues
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
"""Undeclared member in which `redact.names` keeps, as tokens, the names that digests stand for. It
is redacted already.
"""
_SEALED = re.compile(r"\[[A-Z][A-Z0-9_]*:t1\.[A-Za-z0-9]+\.[A-Za-z0-9_\-]+\]")

LABELLED = frozenset({"custom_fields", "salesforce"})
"""Fields whose keys are names that an account has given to fields of its own."""
LABEL = re.compile(r"[^\W\d][\w .:/-]{0,63}")
"""A key that a path can name: nothing in it reads as a place or as the end of the key."""
PLAIN_KEY = re.compile(r"[^\W\d][\w.:/-]{0,63}")
"""One that is a field's name by its form; a key of several words is one only where an account gives
the names.
"""
_SHOWN = re.compile(r"\{\d+\}|\[\d+\]|\.?[^.\[{]+")
"""A step of a shown path."""


class Leaf(NamedTuple):
    """One text of a record.

    Attributes:
        path: where it stands; for a key, the path of the member the key names.
        shown: the path as it may be published: declared names and positions only, JSON keys as
            `{ordinal}`, because a key can itself be personal data; the key itself is
            `{ordinal}.key`, so that it and its value have places of their own. `by_keys` names
            members by keys.
        text: the value as text.
        field: declaration that decides the treatment: the top-level field, or `extra` for
            undeclared members.
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
        """Return the path with the keys of JSON objects by their names, `custom_fields{plan}`;
        those that are no field's name stay places.

        Args:
            record: the record as it may be seen; a key that is not there any more was personal, so
                its place is told.
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
def named_field(name: str) -> Field:
    """Return declaration of a member that a policy names and nobody else declares."""
    return replace(UNKNOWN, name=name, group=NAMED)


def with_named_field(leaf: Leaf, names: Container[str]) -> Leaf:
    """Return the leaf, as one of a further field where it lies in an undeclared member that `names`
    has.

    A member `a` goes by `a` or `extra.a`, one of a record within by `form.a`; by the name alone
    only where no field and no group has it.
    """
    if leaf.field.group != UNKNOWN.group or EXTRA not in leaf.path[:-1]:
        return leaf
    at = leaf.path.index(EXTRA)
    outer = [str(step) for step in leaf.path[:at] if isinstance(step, str)]
    name = str(leaf.path[at + 1])
    for form in (".".join([*outer, name]), ".".join([*outer, EXTRA, name])):
        if form in names and form not in BY_NAME and form not in GROUPS:
            return leaf._replace(field=named_field(form))
    return leaf


def walk(record: Mapping[str, Any]) -> Iterator[Leaf]:
    """Return all leaves of a coerced record that can hold personal data, in declaration order.

    Integers, booleans and times of declared members are left out: their type and bounds say what
    they are. Numbers inside JSON members are not.
    """
    record = without_sealed(record)
    out: list[Leaf] = []
    for field, read in _READERS:
        value = record.get(field.name)
        if value is not None:
            read(value, (field.name,), field.name, out)
    return iter(out)


def without_sealed(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the record without names that are sealed in it."""
    extra = record.get(EXTRA)
    if not isinstance(extra, Mapping) or not _is_sealed(extra.get(SEALED_NAMES)):
        return record
    left = {k: v for k, v in extra.items() if k != SEALED_NAMES}
    return {k: v for k, v in record.items() if k != EXTRA} | ({EXTRA: left} if left else {})


def _is_sealed(names: Any) -> bool:
    return (
        isinstance(names, Mapping)
        and all(isinstance(t, str) and _SEALED.fullmatch(t) for t in names.values())
        and set(names) <= {"id", "sid"}
    )


_Reader = Callable[[Any, Path, str, list[Leaf]], None]
"""Adds the leaves of a value to a list; it is given the value's place and the place as shown."""


def _reader(kind: FieldType, top: Field, entity: str, prose: bool) -> _Reader | None:
    """Return the reader of values of a declared type, made once; None where no leaf can be in
    one.
    """
    if isinstance(kind, Text):

        def text(value: Any, path: Path, shown: str, out: list[Leaf]) -> None:
            if value:
                out.append(Leaf(path, shown, value, top, entity, prose))

        return text
    if isinstance(kind, Number) and entity:

        def number(value: Any, path: Path, shown: str, out: list[Leaf]) -> None:
            out.append(Leaf(path, shown, repr(value), top, entity, prose, number=True))

        return number
    if isinstance(kind, ListOf):
        return _list_reader(_reader(kind.item, top, entity, prose))
    if isinstance(kind, Struct):
        return _struct_reader(kind, top, entity, prose)
    if isinstance(kind, Json):
        return lambda value, path, shown, out: out.extend(
            _walk_json(value, path, shown, top, entity, prose)
        )
    return None


def _list_reader(item: _Reader | None) -> _Reader | None:
    if item is None:
        return None

    def read(value: Any, path: Path, shown: str, out: list[Leaf]) -> None:
        for i, each in enumerate(value):
            item(each, (*path, i), f"{shown}[{i}]", out)

    return read


def _struct_reader(kind: Struct, top: Field, entity: str, prose: bool) -> _Reader:
    declared = [(m, m.entity or entity, m.prose or prose) for m in kind.fields]
    readers = [(m.name, _reader(m.type, top, own, told)) for m, own, told in declared]
    members = [(name, f".{name}", reader) for name, reader in readers if reader is not None]
    person = {
        m.name: _reader(m.type, top, "PERSON", told)
        for m, _, told in declared
        if m.name == "speaker"
    }

    def read(value: Any, path: Path, shown: str, out: list[Leaf]) -> None:
        for name, suffix, reader in members:
            member = value.get(name)
            if member is None:
                continue
            if name in person and not ROLE_WORDS.fullmatch(member):
                reader = person[name] or reader
            reader(member, (*path, name), shown + suffix, out)
        if value.get(EXTRA) is not None:
            place, name = (*path, EXTRA), f"{shown}.{EXTRA}"
            out.extend(_walk_json(value[EXTRA], place, name, UNKNOWN, UNKNOWN.entity, True))

    return read


def _walk_json(
    value: Any, path: Path, shown: str, top: Field, entity: str, prose: bool
) -> Iterator[Leaf]:
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
                    # A scalar follows its key at once, so that the key reads as the question to its
                    # answer.
                    yield Leaf((*at, key), f"{here}.key", key, top, entity, prose, key=True)
                    if child != "":
                        yield Leaf(
                            (*at, key),
                            here,
                            str(child),
                            top,
                            entity,
                            prose,
                            number=not isinstance(child, str),
                        )
                else:
                    yield Leaf((*at, key), f"{here}.key", key, top, entity, prose, key=True)
                    children.append((child, (*at, key), here))
            stack.extend(reversed(children))
        elif isinstance(node, list | tuple):
            stack.extend(
                (child, (*at, i), f"{name}[{i}]") for i, child in reversed(list(enumerate(node)))
            )


_READERS = [
    (f, reader) for f in FIELDS if (reader := _reader(f.type, f, f.entity, f.prose)) is not None
]
"""Readers of the fields that can hold leaves, in declaration order."""


def get_at(record: Mapping[str, Any], path: Path) -> Any:
    """Return the value at `path`. Raises KeyError or IndexError where there is none."""
    node: Any = record
    for step in path:
        node = node[step]
    return node


def set_at(record: RecordValues, path: Path, value: Any) -> None:
    """Replace the value at `path` in place. Raises KeyError or IndexError where its parent is
    missing.
    """
    node: Any = record
    for step in path[:-1]:
        node = node[step]
    node[path[-1]] = value
