"""Changes to a record in place: values taken out, keys renamed."""

from __future__ import annotations

from typing import Any

from callveil.schemas.interaction import BY_NAME
from callveil.transforms.detect.leaves import Leaf, Path, get_at


def is_json(leaf: Leaf) -> bool:
    """Whether the leaf stands inside a JSON member, where a number can become a text."""
    return leaf.field.name not in BY_NAME or len(leaf.path) > 1


def removal(leaf: Leaf) -> Path:
    """What is removed when a leaf is cleared: the whole field, or the undeclared members of a nested record."""
    return leaf.path[: leaf.path.index("extra") + 1] if leaf.field.group == "unknown" and "extra" in leaf.path else leaf.path[:1]


def clone(value: Any) -> Any:
    """A copy that shares no dict and no list with `value`."""
    if isinstance(value, dict):
        return {k: clone(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [clone(v) for v in value]
    return value


def remove(record: dict[str, Any], path: Path) -> None:
    """Take the value at `path` out; a list position becomes None, so that others keep theirs. Missing is fine."""
    try:
        parent = get_at(record, path[:-1])
    except (KeyError, IndexError, TypeError):
        return
    if isinstance(parent, dict):
        parent.pop(path[-1], None)
    elif isinstance(parent, list) and isinstance(path[-1], int) and path[-1] < len(parent):
        parent[path[-1]] = None


def rename(record: dict[str, Any], path: Path, key: str) -> None:
    """Rename a JSON key in place, keeping the order; a name already taken gets a number."""
    parent = get_at(record, path[:-1])
    if path[-1] not in parent:
        return
    name, n = key, 2
    while name in parent and name != path[-1]:
        name, n = f"{key}#{n}", n + 1
    items = [(name if k == path[-1] else k, v) for k, v in parent.items()]
    parent.clear()
    parent.update(items)
