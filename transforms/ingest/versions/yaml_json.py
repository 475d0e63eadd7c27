"""YAML and JSON texts to plain values, safely: no object is ever built, whatever a tag asks for.

Rails writes versions as YAML with tags of its own (`!ruby/object:BigDecimal`,
`!ruby/object:ActiveSupport::TimeWithZone`, hashes with indifferent access, symbols). Each of these
has a plain value, which is taken; a tag that is not known here gives the node's plain content.
References (`*1`) are followed, but what they unfold to is counted, so that a few lines cannot
become gigabytes.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from typing import Any

import yaml

from callveil.schemas.json_types import JsonObject
from callveil.transforms.storage.files.strict_json import ParseError, load_json

MAX_NODES = 500_000
"""Values one document may unfold to."""
MAX_DEPTH = 100

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_RESOLVER = yaml.SafeLoader("")
_BIG_DECIMAL = re.compile(r"(?:\d+:)?([+-]?[\d.]+(?:e[+-]?\d+)?)\Z", re.IGNORECASE)
_SYMBOL = re.compile(r":([A-Za-z_]\w*[?!]?)\Z")
_NULL = re.compile(r"(?:---)?\s*(?:null|~|\\N|\(null\)|<null>)?\s*(?:\n\.\.\.)?\s*", re.IGNORECASE)


def load_object(text: str) -> Any:
    """Return the value of a text column that holds JSON or YAML.

    Raises:
        ParseError: `bad_json` or `bad_yaml` for text that is neither, `too_deep`, or
            `record_too_large` for references that unfold too far.
    """
    if text.lstrip()[:1] in ("{", "[", '"'):
        try:
            return load_json(text.encode("utf-8", "surrogatepass"))
        except ParseError as error:
            if error.reason == "too_deep":
                raise  # flow-style YAML begins like JSON; whatever else is wrong, YAML may read it
    return load_yaml(text)


def is_null(text: str) -> bool:
    """Tell whether a text is null as databases and YAML write it: `null`, `~`, `\\N`, `---`, an
    empty text.
    """
    return len(text) <= 40 and _NULL.fullmatch(text) is not None


def load_yaml(text: str) -> Any:
    """Return the value of one YAML document; None for an empty one. Raises as `load_object`."""
    found = list(yaml_documents(text))
    if len(found) > 1:
        raise ParseError("bad_yaml", "more than one YAML document where one belongs")
    return _Budget().value(found[0]) if found else None


def yaml_documents(text: str) -> Iterator[yaml.Node]:
    """Yield nodes of every document of a YAML stream. Raises `ParseError` after the last good
    one.
    """
    _check_depth(text)
    loader = None
    try:
        loader = _Loader(text)
        while loader.check_node():
            yield loader.get_node()
    except Exception as error:  # noqa: BLE001 - whatever the parser raises, what it was given is no YAML
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        where = f" near its line {mark.line + 1}" if mark else ""
        raise ParseError(
            "bad_yaml", f"not well-formed YAML{where}; check indentation and quotes"
        ) from None
    finally:
        if loader is not None:
            loader.dispose()


def node_value(node: yaml.Node) -> Any:
    """Return the plain value of a node. Raises `ParseError` where it unfolds too far or too
    deep.
    """
    return _Budget().value(node)


def _check_depth(text: str) -> None:
    """Refuse texts that would nest far before a parser written in C meets them: brackets within one
    line, or indentation.
    """
    if text.count("[") + text.count("{") > MAX_DEPTH:
        depth = deepest = 0
        for char in text:
            if char in "[{":
                depth += 1
                deepest = max(deepest, depth)
            elif char in "]}":
                depth = max(0, depth - 1)
        if deepest > 4 * MAX_DEPTH:
            raise ParseError("too_deep", f"nested more than {MAX_DEPTH} levels deep")
    for line in text.split("\n"):
        if len(line) - len(line.lstrip(" -")) > 20 * MAX_DEPTH or line.count("- ") > 4 * MAX_DEPTH:
            raise ParseError("too_deep", f"nested more than {MAX_DEPTH} levels deep")


class _Budget:
    """Converts nodes and counts what comes out."""

    def __init__(self) -> None:
        self.left = MAX_NODES

    def value(self, node: yaml.Node, depth: int = 0) -> Any:
        """Plain value of a node."""
        self.left -= 1
        if self.left < 0:
            raise ParseError(
                "record_too_large", f"references unfold to more than {MAX_NODES} values"
            )
        if depth > MAX_DEPTH:
            raise ParseError("too_deep", f"nested more than {MAX_DEPTH} levels deep")
        if isinstance(node, yaml.ScalarNode):
            return _scalar(node)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(child, depth + 1) for child in node.value]
        return self._mapping(node, depth)

    def _mapping(self, node: yaml.Node, depth: int) -> Any:
        out: JsonObject = {}
        tag = str(node.tag)
        for key, child in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise ParseError("bad_yaml", "a key of a mapping is no plain text")
            if key.tag == "tag:yaml.org,2002:merge" or key.value == "<<":
                raise ParseError(
                    "bad_yaml", "merge keys (<<) are not read: what they mean depends on the reader"
                )
            name = _symbol(key.value)
            if name in out:
                raise ParseError(
                    "duplicate_key",
                    "one mapping names the same member twice, so one of its values would be lost",
                )
            out[name] = self.value(child, depth + 1)
        if "TimeWithZone" in tag and "utc" in out:
            return out["utc"]
        if "/hash" in tag or "HashWithIndifferentAccess" in tag:
            inner = out.get("hash")
            return (
                inner
                if isinstance(inner, dict) and len(out) <= 2
                else {k: v for k, v in out.items() if k not in ("ivars",)}
            )
        return out


def _symbol(text: str) -> str:
    found = _SYMBOL.match(text)
    return found[1] if found else text


def _scalar(node: yaml.ScalarNode) -> Any:
    tag, text = str(node.tag), str(node.value)
    name = tag.rpartition(":")[2]
    if tag.startswith("!"):
        if "BigDecimal" in tag:
            found = _BIG_DECIMAL.match(text.strip())
            return _number(found[1]) if found else text
        return _symbol(text) if "sym" in tag else text
    if name == "null":
        return None
    if name == "bool":
        return text.lower() in ("yes", "true", "on")
    if name == "int":
        plain = text.replace("_", "")
        # Base sixty and octal of YAML 1.1 are surprises: what is no plain decimal stays the text it
        # was.
        return int(plain) if re.fullmatch(r"[+-]?(?:0|[1-9]\d{0,17})", plain) else text
    if name == "float":
        return _number(text)
    if name == "timestamp":
        return _time(text)
    if name == "str" and node.style not in ("'", '"', "|", ">"):
        return _symbol(text)
    return text


def _number(text: str) -> Any:
    if re.fullmatch(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", text):
        value = float(text)
        if value.is_integer() and abs(value) < 2**53:
            return int(value)
        return value if abs(value) < 1e308 else text
    return text


def _time(text: str) -> str:
    """Return a YAML time as ISO 8601 in UTC; without an offset Rails means UTC."""
    try:
        value = _RESOLVER.construct_yaml_timestamp(
            yaml.ScalarNode("tag:yaml.org,2002:timestamp", text)
        )
        if isinstance(value, dt.datetime):
            value = (
                value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value.astimezone(dt.UTC)
            )
            return value.isoformat().replace("+00:00", "Z")
    except (ValueError, OverflowError, AttributeError):
        return text
    return str(value.isoformat())
