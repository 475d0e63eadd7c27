"""Changes to a record in place: values taken out, keys renamed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from callveil.schemas.fields import EXTRA
from callveil.schemas.interaction import BY_NAME
from callveil.schemas.json_types import RecordValues
from callveil.schemas.rules import NAMED
from callveil.transforms.detect.text_fields import UNKNOWN, Leaf, Path, get_at


def is_json(leaf: Leaf) -> bool:
    """Tell whether the leaf stands inside a JSON member, where a number can become a text."""
    return leaf.field.name not in BY_NAME or len(leaf.path) > 1


def removal_path(leaf: Leaf) -> Path:
    """Return what is removed when a leaf is cleared: the whole field, or the undeclared member it
    lies in.
    """
    return (
        leaf.path[: leaf.path.index(EXTRA) + 2]
        if leaf.field.group in (UNKNOWN.group, NAMED) and EXTRA in leaf.path
        else leaf.path[:1]
    )


def drop_empty(record: RecordValues, paths: Iterable[Path]) -> None:
    """Take out the undeclared members of the records along some paths where none is left."""
    for place in {path[: path.index(EXTRA) + 1] for path in paths if EXTRA in path}:
        try:
            left = get_at(record, place)
        except (KeyError, IndexError, TypeError):
            continue
        if left == {}:
            remove_at(record, place)


def clone_json(value: Any) -> Any:
    """Return a copy that shares no dict and no list with `value`."""
    if isinstance(value, dict):
        return {k: clone_json(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [clone_json(v) for v in value]
    return value


def remove_at(record: RecordValues, path: Path) -> None:
    """Take the value at `path` out; a list position becomes None, so that others keep theirs.
    Missing is fine.
    """
    try:
        parent = get_at(record, path[:-1])
    except (KeyError, IndexError, TypeError):
        return
    if isinstance(parent, dict):
        parent.pop(path[-1], None)
    elif isinstance(parent, list) and isinstance(path[-1], int) and path[-1] < len(parent):
        parent[path[-1]] = None


def rename_keys(record: RecordValues, renamed: Iterable[tuple[Path, str]]) -> None:
    """Rename JSON keys in place, given by their paths, keeping the order; a name already taken gets
    a number.
    """
    by_parent: dict[Path, list[tuple[str | int, str]]] = defaultdict(list)
    for path, key in renamed:
        by_parent[path[:-1]].append((path[-1], key))
    for place in sorted(
        by_parent, key=len, reverse=True
    ):  # what is deeper is found under its parents' old names
        parent = get_at(record, place)
        names, taken, last = (
            {k: k for k in parent},
            set(parent),
            dict.fromkeys((key for _, key in by_parent[place]), 2),
        )
        for old, key in by_parent[place]:
            if old not in names:
                continue
            name, n = key, last[key]
            while name in taken and name != old:
                name, n = f"{key}#{n}", n + 1
            last[key] = n
            taken.remove(old)
            taken.add(name)
            names[old] = name
        items = [(names[k], v) for k, v in parent.items()]
        parent.clear()
        parent.update(items)
