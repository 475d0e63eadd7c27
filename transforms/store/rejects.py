"""The rejected zone: reasons in plain Parquet, content sealed."""

from __future__ import annotations

import datetime as dt
from collections import Counter

from callveil.schemas.manifest import FileEntry
from callveil.schemas.rejected import Rejected
from callveil.transforms.store.files import Files
from callveil.transforms.store.keyring import Keyring
from callveil.transforms.store.parquet import REJECTED, publish_bytes, publish_records, sort_key
from callveil.transforms.store.rows import rejected_row
from callveil.transforms.store.s3 import spooled
from callveil.transforms.store.sealed import SealedWriter
from callveil.transforms.store.snapshot import data_path

PURPOSE = "rejected"
CONTENT = "rejected_content"


class RejectedWriter:
    """Collects one piece of work's rejections and publishes them as two files: reasons, and sealed content.

    Args:
        files, root: the store.
        keyring: seals the content.
        run_id, as_of: stand in every row; the partition is the day of `as_of`.
        name: of the piece of work; names both files.
    """

    def __init__(self, files: Files, root: str, keyring: Keyring, run_id: str, as_of: dt.datetime, name: str) -> None:
        self._files, self._root, self._run_id, self._as_of = files, root, run_id, as_of
        self._partition = {"day": as_of.date().isoformat()}
        self._path = data_path(REJECTED.name, self._partition, run_id, name)
        self._blob = data_path(CONTENT, self._partition, run_id, name, ".sealed")
        self._sink = spooled()
        self._writer = SealedWriter(self._sink, keyring, self._blob, PURPOSE)
        self._rows: list[dict[str, object]] = []
        self.reasons: Counter[str] = Counter()

    def add(self, rejected: Rejected) -> None:
        """Take in one rejection."""
        block, _ = self._writer.append(rejected.raw) if rejected.raw else (None, 0)
        self._rows.append(rejected_row(rejected, run_id=self._run_id, rejected_at=self._as_of, blob=self._blob if rejected.raw else "", block=block))
        self.reasons[rejected.reason] += 1

    def publish(self) -> list[FileEntry]:
        """Write the files and return their entries; none where nothing was rejected."""
        if not self._rows:
            self._sink.close()
            return []
        self._writer.close()
        self._rows.sort(key=lambda r: sort_key(r, REJECTED.sort_by))
        out = [publish_records(self._files, self._root, self._path, REJECTED, self._partition, self._rows)]
        if self._writer.records:
            out.append(publish_bytes(self._files, self._root, self._blob, CONTENT, self._partition, self._sink))
        self._sink.close()
        return out
