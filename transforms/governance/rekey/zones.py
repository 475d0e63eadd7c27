"""Locations of sealed (encrypted) files, by zone of the store.

All of them end in `.sealed`, and their first bytes name the key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from callveil.transforms.storage.encryption.encrypted_file import HEAD_BYTES, encryption_key_id
from callveil.transforms.storage.encryption.sealed_body import SUFFIX
from callveil.transforms.storage.files.filesystem import FileInfo, Files
from callveil.transforms.storage.format1.live import LIVE
from callveil.transforms.storage.format1.snapshot import CONTROL

WORK, INBOX, ORIGINALS, REJECTIONS, RECORDS, OLDER = (
    "working files of runs",
    "inbox",
    "live/originals",
    "live/rejected",
    "live/records",
    "older versions",
)
"""Zones that are no dataset."""

Tell = Callable[[str, int, int], None]
"""`tell(zone, done, total)`: how far long work is."""


def ignore_progress(zone: str, done: int, total: int) -> None:
    """Progress that nobody looks at."""


@dataclass(frozen=True)
class EncryptedFile:
    """A sealed file.

    Attributes:
        path: below the folder that was listed. info: as listed. key_id: what sealed it.
    """

    path: str
    info: FileInfo
    key_id: str

    @property
    def zone(self) -> str:
        """Return the zone the file is part of."""
        return storage_zone_of(self.path)


def storage_zone_of(path: str) -> str:
    """Return the zone of a path below a store's root: its dataset, or one of the names above."""
    first, _, rest = path.partition("/")
    if first == CONTROL:
        return WORK
    if first == LIVE:
        return REJECTIONS if rest.startswith("rejected/") else ORIGINALS
    return first if rest else INBOX


def encrypted_files(files: Files, root: str) -> Iterator[EncryptedFile]:
    """Yield every sealed file below a folder, working files of runs included. Reads the first bytes
    of each, and needs no key.
    """
    for info in files.list(root):
        if not info.url.endswith(SUFFIX):
            continue
        try:
            key_id = encryption_key_id(files.read(info.url, 0, HEAD_BYTES))
        except FileNotFoundError:  # gone since it was listed
            continue
        if key_id is not None:
            yield EncryptedFile(info.url[len(root) :].lstrip("/"), info, key_id)


def superseded_files(files: Files, root: str) -> list[str]:
    """Sealed files of which a bucket keeps older versions, which lie under whatever key sealed
    them.
    """
    return [url for url in files.superseded(root) if url.endswith(SUFFIX)]
