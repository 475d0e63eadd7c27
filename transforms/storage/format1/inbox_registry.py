"""Inboxes that were read for a store, so that whoever looks for a person's data looks there too:
`live/inboxes/<x>.json`, each with its folder.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson

from callveil.transforms.storage.encryption.sealed_body import SUFFIX
from callveil.transforms.storage.files.urls import is_s3, local_path
from callveil.transforms.storage.format1.live import Live

FOLDER = "inboxes"
_noted: set[tuple[str, str]] = set()
"""What this process has noted: an inbox is noted once, not with each body."""


def note_inbox(live: Live, url: str) -> None:
    """Note the folder of a sealed body that is about to be read; of other files nothing is
    noted.
    """
    if not url.endswith(SUFFIX):
        return
    folder = url.rpartition("/")[0] if is_s3(url) else str(Path(local_path(url)).resolve().parent)
    if (live.root, folder) not in _noted:
        name = hashlib.sha256(folder.encode()).hexdigest()[:24]
        live.files.write(live.url(FOLDER, f"{name}.json"), orjson.dumps({"folder": folder}))
        _noted.add((live.root, folder))


@dataclass(frozen=True)
class Inboxes:
    """Inboxes to look at.

    Attributes:
        folders: those that are there. missing: those that `watch` has read for a store, or that are
            named, and that are not there, or not here.
    """

    folders: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()

    @classmethod
    def of(cls, lives: Iterable[Live], given: Iterable[str] = ()) -> Inboxes:
        """Return those that `watch` has read for some stores, and those that are given; one that is
        both is written as it is given.
        """
        read = (f for live in lives for f in _read_inboxes(live))
        known = {_place(f): f.rstrip("/") for f in (*read, *given)}
        gone = tuple(
            f for place, f in sorted(known.items()) if not is_s3(f) and not Path(place).is_dir()
        )
        return cls(tuple(f for _, f in sorted(known.items()) if f not in gone), gone)


def _place(folder: str) -> str:
    return folder.rstrip("/") if is_s3(folder) else str(Path(local_path(folder)).resolve())


def _read_inboxes(live: Live) -> Iterator[str]:
    """Yield folders of the inboxes that were read."""
    for info in live.files.list(live.url(FOLDER)):
        yield str(orjson.loads(live.files.read(info.url))["folder"])
