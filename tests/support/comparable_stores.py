"""Content of a store as far as it is a function of what was done to it."""

from __future__ import annotations

import itertools
import re

import orjson

from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.format1.snapshot import LATEST_FILE, is_table_metadata

_DRAWN = re.compile(
    r"-[0-9a-f]{16}(?=\.(json|proofs)$)"  # evidence and salts
    r"|-?[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}"  # metadata of tables
    r"|(?<=snap-)\d+"
)


def comparable_files(files: Files, root: str) -> dict[str, bytes]:
    """All files by path. Salts are drawn at random, and metadata of tables hold times and numbers
    of Iceberg's own, so these and evidence stand for themselves by name alone, without what is
    drawn in it.
    """
    found = [f.url[len(root) :].lstrip("/") for f in files.list(root)]
    return {
        _DRAWN.sub("", path): comparable_content(path, files.read(files.join(root, path)))
        for path in found
    } | _repeated(found)


def comparable_content(path: str, data: bytes) -> bytes:
    """Return a file's content, or what of it is no chance."""
    if path == LATEST_FILE:
        return orjson.dumps(orjson.loads(data) | {"tables": {}})
    drawn = path.startswith(("_callveil/evidence/", "_callveil/salts/"))
    return b"" if drawn or is_table_metadata(path) else data


def comparable_name(path: str) -> str:
    """Return a file's path without what is drawn at random."""
    return _DRAWN.sub("", path)


def _repeated(found: list[str]) -> dict[str, bytes]:
    """Say which names stand for several files: a killed attempt has left something."""
    names = sorted(_DRAWN.sub("", p) for p in found)
    return {f"{a} (again)": b"" for a, b in itertools.pairwise(names) if a == b}
