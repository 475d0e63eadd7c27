"""The rejected zone: reasons in plain Parquet, content sealed."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import Counter, defaultdict
from typing import Any

import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from callveil.schemas.manifest import FileEntry
from callveil.schemas.rejected import FILE_NAME, Rejected
from callveil.transforms.storage.encryption.encrypted_file import (
    EncryptedReader,
    EncryptedWriter,
    SealedError,
)
from callveil.transforms.storage.encryption.keyring import Keyring, KeyringError
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.files.local import temporary_file
from callveil.transforms.storage.files.serialization import rejected_row
from callveil.transforms.storage.format1.snapshot import Snapshot, data_path
from callveil.transforms.storage.tables.parquet import (
    REJECTED,
    publish_bytes,
    publish_records,
    row_sort_key,
)

PURPOSE = "rejected"
CONTENT = "rejected_content"


SEALED_MARK = f" [{FILE_NAME}:"
"""Begins, behind the place of a file whose name is a person's, the name as it is, sealed."""
_PLACE = ("file", "line", "byte_offset", "index", "stage", "field", "reason", "size")


class KnownDeadLetters:
    """Rejections that lie in the zone already, so that a file that is read every day is not
    rejected anew every day.

    One is the same where place, reason and content are: the stored content is opened and compared.

    Args:
        files, root: the store. snapshot: its state. keyring: opens the content.
    """

    def __init__(self, files: Files, root: str, snapshot: Snapshot, keyring: Keyring) -> None:
        self._files, self._root, self._keyring = files, root, keyring
        self._stored = [f.path for f in snapshot.by_dataset(REJECTED.name)]
        self._rows: dict[str, dict[tuple[Any, ...], set[tuple[str, int | None]]]] = {}
        self._contents: dict[tuple[str, int | None], frozenset[bytes]] = {}

    def holds(self, rejected: Rejected) -> bool:
        """Tell whether the zone holds this very rejection."""
        source = rejected.source
        place = (
            source.line,
            source.offset,
            source.index,
            rejected.stage,
            rejected.field,
            rejected.reason,
            len(rejected.raw),
        )
        found = self._of_file(source.file).get(place, set())
        digest = hashlib.sha256(rejected.raw).digest()
        return any(
            not rejected.raw if block is None else digest in self._content(blob, block)
            for blob, block in found
        )

    def _of_file(self, name: str) -> dict[tuple[Any, ...], set[tuple[str, int | None]]]:
        name = name.partition(SEALED_MARK)[0]  # what follows was sealed by the key of its time
        if name not in self._rows:
            place = ds.field("file")
            same = (place == name) | pc.starts_with(place, name + SEALED_MARK)
            rows: dict[tuple[Any, ...], set[tuple[str, int | None]]] = defaultdict(set)
            for path in self._stored:
                with self._files.open(self._files.join(self._root, path)) as source:
                    table = pq.read_table(source, columns=[*_PLACE, "blob", "block"], filters=same)
                for row in table.to_pylist():
                    rows[tuple(row[n] for n in _PLACE[1:])].add((row["blob"], row["block"]))
            self._rows[name] = rows
        return self._rows[name]

    def _content(self, blob: str, block: int) -> frozenset[bytes]:
        """Return digests of what a block holds; of one that cannot be opened none."""
        if (blob, block) not in self._contents:
            try:
                with self._files.open(self._files.join(self._root, blob)) as source:
                    records = EncryptedReader(source, self._keyring, blob, PURPOSE).read_block(
                        block
                    )
            except (SealedError, KeyringError, FileNotFoundError):
                records = []
            self._contents[blob, block] = frozenset(hashlib.sha256(r).digest() for r in records)
        return self._contents[blob, block]


class DeadLetterWriter:
    """Collects one piece of work's rejections and publishes them as two files: reasons, and sealed
    content.

    Args:
        files, root: the store.
        keyring: seals the content.
        run_id, as_of: stand in every row; the partition is the day of `as_of`.
        name: of the piece of work; names both files.
        before: what lies in the zone already is counted in `repeated` and not written again.
    """

    def __init__(
        self,
        files: Files,
        root: str,
        keyring: Keyring,
        run_id: str,
        as_of: dt.datetime,
        name: str,
        before: KnownDeadLetters | None = None,
    ) -> None:
        from callveil.transforms.storage.identity.identifier_names import (
            NamePseudonymizer,
        )  # which brings detection along

        self._files, self._root, self._run_id, self._as_of = files, root, run_id, as_of
        self._partition = {"day": as_of.date().isoformat()}
        self._path = data_path(REJECTED.name, self._partition, run_id, name)
        self._blob = data_path(CONTENT, self._partition, run_id, name, ".sealed")
        self._sink = temporary_file()
        self._writer = EncryptedWriter(self._sink, keyring, self._blob, PURPOSE)
        self._rows: list[dict[str, object]] = []
        self.reasons: Counter[str] = Counter()
        self.repeated = 0
        self._names = NamePseudonymizer(keyring)
        self._before = before

    def add(self, rejected: Rejected) -> None:
        """Take in one rejection. Names in its file's name and id go as digests."""
        rejected = self._names.rejected(rejected)
        self.reasons[rejected.reason] += 1
        if self._before and self._before.holds(rejected):
            self.repeated += 1
            return
        block, _ = self._writer.append(rejected.raw) if rejected.raw else (None, 0)
        self._rows.append(
            rejected_row(
                rejected,
                run_id=self._run_id,
                rejected_at=self._as_of,
                blob=self._blob if rejected.raw else "",
                block=block,
            )
        )

    def publish(self) -> list[FileEntry]:
        """Write the files and return their entries; none where nothing was rejected."""
        if not self._rows:
            self._sink.close()
            return []
        self._writer.close()
        self._rows.sort(key=lambda r: row_sort_key(r, REJECTED.sort_by))
        out = [
            publish_records(
                self._files, self._root, self._path, REJECTED, self._partition, self._rows
            )
        ]
        if self._writer.records:
            out.append(
                publish_bytes(
                    self._files, self._root, self._blob, CONTENT, self._partition, self._sink
                )
            )
        self._sink.close()
        return out
