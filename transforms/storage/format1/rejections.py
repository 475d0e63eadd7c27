"""Rejected records of the live zone: reasons in clear, one file each, content encrypted beside
it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import orjson

from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.format1.live import Live

FOLDER = "rejected"


def rejections(files: Files, root: str) -> Iterator[dict[str, Any]]:
    """Yield rows of the live zone's rejections, as the rejected dataset has them."""
    try:
        found = list(files.list(Live(files, root).url(FOLDER)))
    except FileNotFoundError:
        return
    for info in found:
        if info.url.endswith(".json"):
            row: dict[str, Any] = orjson.loads(files.read(info.url))
            yield row | {"rejected_at": dt.datetime.fromisoformat(row["rejected_at"])}
