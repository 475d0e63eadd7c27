"""Reading YAML with the place of every value, so that a message can name line, column and field.

The node tree is read, never constructed: no tag runs anything. Scalars follow YAML 1.2, so `no` is
the language Norwegian and not false.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import yaml

from callveil.schemas.policy_values import (
    GONE,
    KEY,
    WrittenFloat,
    WrittenInt,
    safe_key,
    suggest_choice,
)
from callveil.schemas.problem import Problem

Place = tuple[str | int, ...]
"""Keys and indexes from the root of a document to a value."""
MAX_CHARS = 1_048_576
_MERGES, _MERGE_DEPTH = 8, 2
_TAG = "tag:yaml.org,2002:"
_NAMES = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "null": "nothing",
    "map": "a mapping",
    "seq": "a list",
}
_INT = re.compile(r"[-+]?[0-9]{1,18}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]{1,40}|[0-9]{1,40}(\.[0-9]{0,40})?)([eE][-+]?[0-9]{1,3})?")


class _Loader(yaml.SafeLoader):
    """Composes nodes; scalars by the core schema of YAML 1.2, plus `<<`."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}


for _tag, _pattern, _first in (
    ("bool", re.compile(r"(?:true|True|TRUE|false|False|FALSE)\Z"), "tTfF"),
    ("int", re.compile(rf"{_INT.pattern}\Z"), "-+0123456789"),
    ("float", re.compile(rf"{_FLOAT.pattern}\Z"), "-+.0123456789"),
    ("null", re.compile(r"(?:~|null|Null|NULL|)\Z"), ["~", "n", "N", ""]),
    ("merge", re.compile(r"<<\Z"), "<"),
):
    _Loader.add_implicit_resolver(_TAG + _tag, _pattern, list(_first))


def node_kind(node: yaml.Node) -> str:
    """str, int, float, bool, null, map or seq; `tag` for a node with any other tag."""
    name = node.tag.removeprefix(_TAG)
    fits = {"map": yaml.MappingNode, "seq": yaml.SequenceNode}.get(name, yaml.ScalarNode)
    return name if name in _NAMES and isinstance(node, fits) else "tag"


def dotted(place: Place) -> str:
    """Return a place as a message names it."""
    parts = (f"[{p}]" if isinstance(p, int) else f".{safe_key(p)}" for p in place)
    return "".join(parts).lstrip(".")


def _scalar(node: yaml.Node, kind: str) -> Any:
    text = node.value
    if kind == "null":
        return None
    if kind == "bool" and text.lower() in ("true", "false"):
        return text.lower() == "true"
    number: WrittenInt | WrittenFloat
    if kind == "int" and _INT.fullmatch(text):
        number = WrittenInt(text)
    elif kind in ("int", "float") and _FLOAT.fullmatch(text):
        number = WrittenFloat(text)
    else:
        return node
    number.text = text
    return number


@dataclass
class NodeReader:
    """Reads nodes of one file and gathers what is wrong.

    Attributes:
        file: name used in problems.
        problems: grows; every getter returns None after adding to it.
    """

    file: str
    problems: list[Problem] = field(default_factory=list)
    _root: yaml.Node | None = None
    _values: dict[int, Any] = field(default_factory=dict)
    _mappings: dict[int, dict[str, tuple[yaml.ScalarNode, yaml.Node]]] = field(default_factory=dict)

    def compose(self, text: str) -> yaml.Node | None:
        """Root node of the only document in `text`, or None with a problem."""
        if len(text) > MAX_CHARS:
            self.whole(f"the file has {len(text):,} characters; a policy has at most {MAX_CHARS:,}")
            return None
        try:
            node = yaml.compose(text, _Loader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
            why = ": ".join(part for part in (error.context, error.problem) if part)
            message = f"not well-formed YAML: {why}. Check indentation and quotes near this place"
            self.problems.append(Problem(self.file, line, "", message, column))
        except yaml.reader.ReaderError as error:
            before = text[: error.position]
            line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
            message = "a control character stands here; write it as an escape in double quotes"
            self.problems.append(Problem(self.file, line, "", message, column))
        except (RecursionError, ValueError, OverflowError):
            self.whole("not well-formed YAML: nested too deeply, or an escape names no character")
        else:
            if node is None:
                self.whole("the file is empty; a policy begins with `version: 1`")
            return node
        return None

    def whole(self, message: str) -> None:
        """Add a problem of the file as a whole."""
        self.problems.append(Problem(self.file, 0, "", message))

    def fail(self, node: yaml.Node, path: str, message: str) -> None:
        """Add a problem at `node`."""
        mark = node.start_mark
        self.problems.append(Problem(self.file, mark.line + 1, path, message, mark.column + 1))

    def expected(self, node: yaml.Node, path: str, what: str) -> None:
        """Add the problem that `node` is something else than `what`."""
        kind = node_kind(node)
        if kind == "tag":
            self.fail(
                node,
                path,
                f"expected {what}, found a YAML tag; a policy has no tags, remove the part that "
                "begins with '!'",
            )
        else:
            hint = (
                "; put it in quotes if it is meant as text"
                if what.startswith("text") and kind in ("int", "float", "bool")
                else ""
            )
            self.fail(node, path, f"expected {what}, found {_NAMES[kind]}{hint}")

    def read_values(self, root: yaml.Node) -> Any:
        """Return what stands below `root`: dictionaries, lists, texts, numbers with their texts
        (`WrittenInt`), truths, None; of any other node the node.

        What no reader could take (a key given twice, half of a surrogate pair) is a problem, and
        `GONE` or left out.
        """
        self._root = root
        return self._value(root, ())

    def _value(self, node: yaml.Node, place: Place) -> Any:
        if id(node) not in self._values:
            self._values[id(node)] = node  # which nothing takes, should it contain itself
            self._values[id(node)] = self._made(node, place)
        return self._values[id(node)]

    def _made(self, node: yaml.Node, place: Place) -> Any:
        kind = node_kind(node)
        if isinstance(node, yaml.MappingNode) and kind == "map":
            own = {key.value: (key, value) for key, value in self._members(node, dotted(place), 0)}
            self._mappings[id(node)] = own
            return {
                name: self._value(value, (*place, name))
                for name, (key, value) in own.items()
                if self._no_surrogate(key, dotted((*place, name)))
            }
        if isinstance(node, yaml.SequenceNode) and kind == "seq":
            return [self._value(item, (*place, i)) for i, item in enumerate(node.value)]
        if kind == "str":
            return str(node.value) if self._no_surrogate(node, dotted(place)) else GONE
        return _scalar(node, kind)

    def _no_surrogate(self, node: yaml.Node, path: str) -> bool:
        if not any(0xD800 <= ord(c) < 0xE000 for c in node.value):
            return True
        self.fail(
            node,
            path,
            "half of a surrogate pair, which no file can hold; write the character itself",
        )
        return False

    def find_node(self, place: Place) -> tuple[yaml.Node, yaml.Node, Place]:
        """Return the node that stands at a place or, where there is none, nearest above it; its key
        (or itself); and its own place.
        """
        assert self._root is not None
        key, node = self._root, self._root
        for depth, step in enumerate(place):
            own = self._mappings.get(id(node), {})
            if step in own:
                key, node = own[str(step)]
            elif isinstance(node, yaml.SequenceNode) and isinstance(step, int):
                key = node = node.value[step]
            else:
                return key, node, place[:depth]
        return key, node, place

    def add_problem(self, place: Place, kind: str, message: str) -> None:
        """Add a problem of a value that `read_values` gave, or of its key where the place ends with
        `KEY`.

        Args:
            place: keys and indexes from the root.
            kind: `expected` where the message is what should stand there, else `wrong`.
            message: what is wrong, and the way out.
        """
        at_key = place[-1:] == (KEY,)
        key, node, found = self.find_node(place[:-1] if at_key else place)
        if kind == "expected":
            self.expected(node, dotted(found), message)
        elif not found:
            self.whole(message)
        else:
            self.fail(key if at_key else node, dotted(found), message)

    def mapping(
        self, node: yaml.Node, path: str, known: Collection[str] | None = None
    ) -> dict[str, yaml.Node]:
        """Return members of a mapping; nothing after the colon counts as an empty one.

        Duplicate keys, keys that are no text and, where `known` is given, unknown keys are problems
        and left out.
        """
        if node_kind(node) == "null":
            return {}
        if not isinstance(node, yaml.MappingNode) or node_kind(node) == "tag":
            self.expected(node, path, "a mapping")
            return {}
        out: dict[str, yaml.Node] = {}
        for key, value in self._members(node, path, 0):
            name = f"{path}.{safe_key(key.value)}" if path else safe_key(key.value)
            if known is not None and key.value not in known:
                self.fail(key, name, f"unknown setting{suggest_choice(safe_key(key.value), known)}")
                continue
            out[key.value] = value
        return out

    def _members(
        self, node: yaml.MappingNode, path: str, depth: int
    ) -> list[tuple[yaml.ScalarNode, yaml.Node]]:
        """Own members in order, then those of merged mappings that the own ones do not replace."""
        own: dict[str, tuple[yaml.ScalarNode, yaml.Node]] = {}
        merged: list[yaml.Node] = []
        for key, value in node.value:
            if key.tag == f"{_TAG}merge":
                merged += value.value if isinstance(value, yaml.SequenceNode) else [value]
            elif not isinstance(key, yaml.ScalarNode) or node_kind(key) not in (
                "str",
                "int",
                "bool",
                "float",
            ):
                self.expected(key, path, "text before the colon")
            elif key.value in own:
                first = own[key.value][0].start_mark.line + 1
                self.fail(
                    key,
                    f"{path}.{safe_key(key.value)}".lstrip("."),
                    f"given twice, first in line {first}; remove one, since only one could hold",
                )
            else:
                own[key.value] = (key, value)
        if len(merged) > _MERGES or (merged and depth >= _MERGE_DEPTH):
            self.fail(node, path, "too many merges (<<) inside each other; write the settings out")
            return list(own.values())
        for part in merged:
            if not isinstance(part, yaml.MappingNode):
                self.expected(part, path, "a mapping after <<")
                continue
            for key, value in self._members(part, path, depth + 1):
                own.setdefault(key.value, (key, value))
        return list(own.values())

    def items(self, node: yaml.Node, path: str) -> list[yaml.Node]:
        """Return items of a list; nothing after the colon counts as an empty one, and a single text
        as a list of one.
        """
        kind = node_kind(node)
        if kind == "null":
            return []
        if kind in ("str", "int", "float"):
            return [node]
        if not isinstance(node, yaml.SequenceNode) or kind == "tag":
            self.expected(node, path, "a list")
            return []
        return list(node.value)

    def text(
        self,
        node: yaml.Node,
        path: str,
        *,
        numbers: bool = False,
        longest: int = 1000,
        what: str = "text",
    ) -> str | None:
        """Return a text of 1 to `longest` characters. With `numbers`, digits without quotes are
        taken as they are written.
        """
        kind = node_kind(node)
        if kind != "str" and not (numbers and kind in ("int", "float")):
            self.expected(node, path, what)
            return None
        value = str(node.value)
        if not self._no_surrogate(node, path):
            return None
        if value.strip() and len(value) <= longest:
            return value
        found = f"found {len(value.strip())}"
        self.fail(node, path, f"expected {what} of 1 to {longest} characters, {found}")
        return None

    def choice(self, node: yaml.Node, path: str, options: Collection[str]) -> str | None:
        """Return one of `options`."""
        if node_kind(node) != "str":
            self.expected(node, path, f"one of {', '.join(options)}")
        elif node.value not in options:
            self.fail(
                node,
                path,
                "unknown value "
                f"{safe_key(node.value)}{suggest_choice(safe_key(node.value), options)}",
            )
        else:
            return str(node.value)
        return None

    def integer(self, node: yaml.Node, path: str, low: int, high: int) -> int | None:
        """Return a whole number from `low` to `high`."""
        if node_kind(node) != "int" or not _INT.fullmatch(node.value):
            self.expected(node, path, "a whole number")
        elif not low <= int(node.value) <= high:
            self.fail(node, path, f"expected a whole number from {low} to {high}")
        else:
            return int(node.value)
        return None

    def boolean(self, node: yaml.Node, path: str) -> bool | None:
        """Return true or false."""
        if node_kind(node) != "bool" or node.value.lower() not in ("true", "false"):
            self.expected(node, path, "true or false")
            return None
        return bool(node.value.lower() == "true")
