"""Reading YAML with the place of every value, so that a message can name line, column and field.

The node tree is read, never constructed: no tag runs anything. Scalars follow YAML 1.2, so `no` is
the language Norwegian and not false.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import yaml

from callveil.schemas.policy import PolicyProblem

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
_SAFE_KEY = re.compile(r"[A-Za-z0-9_-]{1,40}")
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


def suggest_choice(word: str, known: Collection[str]) -> str:
    """Return ` did you mean ...?` with the nearest of `known`, or what there is to choose from
    where that is short.
    """
    near = difflib.get_close_matches(word, known, 1, 0.6) or difflib.get_close_matches(
        word.lower(), known, 1, 0.6
    )
    near = near or difflib.get_close_matches(word.upper(), known, 1, 0.6)
    if near:
        return f"; did you mean {near[0]}?"
    return f"; it can be {', '.join(known)}" if len(known) <= 16 else ""


def safe_key(key: str) -> str:
    """Return a key as messages may name it: one that does not look like a setting could be personal
    data and is not repeated.
    """
    return key if _SAFE_KEY.fullmatch(key) else "<key>"


def set_if_given(out: dict[str, Any], key: str, value: Any) -> None:
    """Set `out[key]` unless `value` is None, which every getter of `NodeReader` returns for what it
    could not read.
    """
    if value is not None:
        out[key] = value


@dataclass
class NodeReader:
    """Reads nodes of one file and gathers what is wrong.

    Attributes:
        file: name used in problems.
        problems: grows; every getter returns None after adding to it.
        places: (line, column) of every field read, for checks that need the whole.
    """

    file: str
    problems: list[PolicyProblem] = field(default_factory=list)
    places: dict[str, tuple[int, int]] = field(default_factory=dict)

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
            self.problems.append(
                PolicyProblem(
                    self.file,
                    line,
                    column,
                    "",
                    f"not well-formed YAML: {why}. Check indentation and quotes near this place",
                )
            )
        except yaml.reader.ReaderError as error:
            before = text[: error.position]
            line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
            self.problems.append(
                PolicyProblem(
                    self.file,
                    line,
                    column,
                    "",
                    "a control character stands here; write it as an escape in double quotes",
                )
            )
        except (RecursionError, ValueError, OverflowError):
            self.whole("not well-formed YAML: nested too deeply, or an escape names no character")
        else:
            if node is None:
                self.whole("the file is empty; a policy begins with `version: 1`")
            return node
        return None

    def whole(self, message: str) -> None:
        """Add a problem of the file as a whole."""
        self.problems.append(PolicyProblem(self.file, 0, 0, "", message))

    def fail(self, node: yaml.Node, path: str, message: str) -> None:
        """Add a problem at `node`."""
        self.at(node.start_mark.line + 1, node.start_mark.column + 1, path, message)

    def at(self, line: int, column: int, path: str, message: str) -> None:
        """Add a problem at a place."""
        self.problems.append(PolicyProblem(self.file, line, column, path, message))

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
            self.places[name] = (key.start_mark.line + 1, key.start_mark.column + 1)
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
        for i, item in enumerate(node.value):
            self.places[f"{path}[{i}]"] = (item.start_mark.line + 1, item.start_mark.column + 1)
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
        if any(0xD800 <= ord(c) < 0xE000 for c in value):
            self.fail(
                node,
                path,
                "half of a surrogate pair, which no file can hold; write the character itself",
            )
        elif not value.strip() or len(value) > longest:
            self.fail(
                node,
                path,
                f"expected {what} of 1 to {longest} characters, found {len(value.strip())}",
            )
        else:
            return value
        return None

    def pattern(
        self, node: yaml.Node, path: str, pattern: re.Pattern[str], what: str
    ) -> str | None:
        """Return a text that matches `pattern` as a whole."""
        value = self.text(node, path, what=what)
        if value is None or pattern.fullmatch(value):
            return value
        self.fail(node, path, f"expected {what}")
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

    def number(self, node: yaml.Node, path: str, low: float, high: float) -> float | None:
        """Return a number from `low` to `high`."""
        if node_kind(node) not in ("int", "float") or not _FLOAT.fullmatch(node.value):
            self.expected(node, path, "a number")
        elif not low <= float(node.value) <= high:
            self.fail(node, path, f"expected a number from {low:g} to {high:g}")
        else:
            return float(node.value)
        return None

    def boolean(self, node: yaml.Node, path: str) -> bool | None:
        """Return true or false."""
        if node_kind(node) != "bool" or node.value.lower() not in ("true", "false"):
            self.expected(node, path, "true or false")
            return None
        return bool(node.value.lower() == "true")
