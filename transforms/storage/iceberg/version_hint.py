"""Hints for engines that are given a table's folder and no catalog: `version-hint.text`.

The hint holds a number and `v<number>.metadata.json` is a copy of that metadata, as Iceberg's file
system tables have it (Spark goes on from there to any higher number it finds, so a copy is made
only of what the store's pointer names).
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping

from callveil.transforms.storage.files.filesystem import Files

HINT = "version-hint.text"
_METADATA = re.compile(r"(.+)/(\d+)-[^/]+\.metadata\.json")
_COPY = re.compile(r"v(\d+)\.metadata\.json")


def hinted_files(path: str) -> tuple[str, str, int]:
    """Return paths of the hint and of the copy that belong to a metadata file, and its number.

    Raises ValueError for another path.
    """
    found = _METADATA.fullmatch(path)
    if found is None:
        raise ValueError(f"{path}: not the path of a table's metadata")
    return f"{found[1]}/{HINT}", f"{found[1]}/v{int(found[2])}.metadata.json", int(found[2])


def write_version_hints(files: Files, root: str, tables: Mapping[str, str]) -> None:
    """Make hints say what the store's pointer does, and purge copies of earlier metadata.

    Args:
        root: the store's. tables: metadata file of each table, below it.
    """
    for path in tables.values():
        hint, copy, number = hinted_files(path)
        data = files.read(files.join(root, path))
        if not _holds(files, files.join(root, copy), data) or not _holds(
            files, files.join(root, hint), str(number).encode()
        ):
            # Where a table was made anew, a reader would go on to the old one's higher numbers.
            _purge_copies(files, root, hint, range(number + 1, sys.maxsize))
            files.write(files.join(root, copy), data)
            files.write(files.join(root, hint), str(number).encode())
        _purge_copies(files, root, hint, range(number))


def _purge_copies(files: Files, root: str, hint: str, numbers: range) -> None:
    for info in list(files.list(files.join(root, hint.rpartition("/")[0]))):
        found = _COPY.fullmatch(info.url.rpartition("/")[2])
        if found and int(found[1]) in numbers:
            files.purge(info.url)


def _holds(files: Files, url: str, data: bytes) -> bool:
    try:
        return files.read(url) == data
    except FileNotFoundError:
        return False
