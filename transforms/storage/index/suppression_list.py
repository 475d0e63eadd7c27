"""Records that were erased or set aside at a person's request, so that no replay of their source
brings them back.

Interactions have tombstones in the key index; versions, which are not looked up by key when they
come in, are listed here, and so are the interactions that versions may be about, and that may
arrive at `watch`. Of a record the list holds a keyed digest and its account, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import pyarrow.parquet as pq

from callveil.schemas.arrow import arrow_schema
from callveil.schemas.fields import Field, Text
from callveil.schemas.manifest import FileEntry
from callveil.schemas.subject_index import RecordRef
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.format1.snapshot import Snapshot, data_path
from callveil.transforms.storage.identity.record_identifiers import record_token
from callveil.transforms.storage.tables.parquet import Table, publish_records, register_table

FIELDS: tuple[Field, ...] = tuple(
    Field(name, Text(), doc, personal=False)
    for name, doc in (
        ("token", "keyed digest of the record's key"),
        ("account_id", "account of the record; null in rows older than this column"),
        ("request_id", "request that had it erased or set aside"),
    )
)
ERASED = register_table(
    Table(
        "erased",
        arrow_schema(FIELDS, {"callveil": "erased_record"}),
        FIELDS,
        ("token",),
        doc="A record that was erased or set aside, as a keyed digest: it may not come back.",
        partition_by=("request",),
    )
)


_last: tuple[tuple[str, str], frozenset[str]] = (("", ""), frozenset())
"""Root and manifest of the state of a store that this process read last, and its list: a run asks
for it once a chunk, and `watch` with each record.
"""


@dataclass(frozen=True)
class SuppressionList:
    """List of the records that may not be taken in again.

    Attributes:
        tokens: digests of records' keys.
    """

    tokens: frozenset[str]
    _keyring: Keyring | None = field(default=None, repr=False)

    @classmethod
    def read(cls, files: Files, root: str, snapshot: Snapshot, keyring: Keyring) -> SuppressionList:
        """Read the list; a store in which nobody was erased costs nothing."""
        global _last
        key = (root, snapshot.manifest_sha256)
        held, tokens = _last
        if held != key:
            tokens = frozenset(
                token
                for file in snapshot.by_dataset(ERASED.name)
                for token in read_suppressed_tokens(files, root, file)
            )
            _last = key, tokens
        return cls(tokens, keyring)

    def holds(self, record: RecordRef) -> bool:
        """Tell whether a record was erased or set aside, under any key of the keyring."""
        if not self.tokens or self._keyring is None:
            return False
        return any(
            record_token(self._keyring, record, key_id) in self.tokens
            for key_id in self._keyring.key_ids
        )


def read_suppression_list(store: Store, keyring: Keyring) -> SuppressionList:
    """Return what may not be taken in now. Reads one small file, and the list where a run was
    published since this process asked last.
    """
    held, tokens = _last
    if held == (store.root, store.head().sha256):
        return SuppressionList(tokens, keyring)
    return SuppressionList.read(store.files, store.root, store.current(), keyring)


def read_suppressed_tokens(files: Files, root: str, file: FileEntry) -> list[str]:
    """Return digests in one file."""
    with files.open(files.join(root, file.path)) as source:
        return list(pq.read_table(source, columns=["token"]).column(0).to_pylist())


def write_suppressed_records(
    files: Files,
    root: str,
    run_id: str,
    seq: int,
    keyring: Keyring,
    records: Iterable[tuple[RecordRef, str]],
    name: str,
) -> FileEntry | None:
    """Publish the records of one run, each with its request; None where there are none.

    Args:
        name: the partition: the request, so that lifting a restriction takes a file away; of
            several, that of their run.
    """
    rows = [
        {"token": token, "account_id": account or None, "request_id": request_id}
        for token, account, request_id in sorted(
            {(record_token(keyring, r), r.account_id, own) for r, own in records}
        )
    ]
    if not rows:
        return None
    partition = {"request": name}
    return publish_records(
        files,
        root,
        data_path(ERASED.name, partition, run_id, f"{seq:08d}"),
        ERASED,
        partition,
        rows,
    )
