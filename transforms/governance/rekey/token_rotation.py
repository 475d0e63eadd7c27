"""Reversible tokens in stored rows: which keys made them, and the same rows with tokens of the
active key.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from callveil.schemas.json_types import Row
from callveil.schemas.manifest import FileEntry
from callveil.transforms.governance.requests.register import EVENTS
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.encryption.token_renewal import (
    TOKEN,
    make_finding_renewal,
    renew_value_tokens,
)
from callveil.transforms.storage.format1.snapshot import Snapshot
from callveil.transforms.storage.tables.key_index import INDEX, origin_of, stem_of
from callveil.transforms.storage.tables.mutation import RowMutation
from callveil.transforms.storage.tables.parquet import FINDINGS, INTERACTIONS, REQUESTS
from callveil.transforms.storage.tables.rewrite import BatchEdit, EditRows, change_rows
from callveil.transforms.storage.tables.versions import VERSIONS

_MADE_BY = re.compile(rb":t1\.([A-Za-z0-9]+)\.")
_PLACES: dict[str, tuple[list[str] | None, tuple[str, str]]] = {
    INTERACTIONS.name: (None, ("account_id", "id")),
    VERSIONS.name: (None, ("account_id", "")),
    REQUESTS.name: (["reason"], ("account_id", "interaction_id")),
    EVENTS.name: (None, ("", "request_id")),
    INDEX.name: (["requests"], ("account_id", "id")),
}
"""Datasets whose texts may hold tokens: columns they stand in (None: any), and those that say
what they are bound to.
"""
DATASETS = (*_PLACES, FINDINGS.name)


def count_tokens_by_key(data: bytes | memoryview) -> Counter[str]:
    """Tell how many tokens each key has made in some bytes."""
    return Counter(m[1].decode() for m in _MADE_BY.finditer(data))


def _in_batch(batch: pa.RecordBatch) -> Counter[str]:
    """Return the same counts for a batch's texts. A slice is counted with what it was cut from."""
    out: Counter[str] = Counter()
    for column in batch.columns:
        for buffer in column.buffers():
            if buffer is not None:
                out += count_tokens_by_key(memoryview(buffer))
    return out


def count_file_tokens(store: Store, entry: FileEntry) -> Counter[str]:
    """Tell how many tokens each key has made in a live file; in findings, how many rows say so."""
    out: Counter[str] = Counter()
    with store.files.open(store.url(entry.path)) as source:
        stored = pq.ParquetFile(source, page_checksum_verification=True)
        if entry.dataset == FINDINGS.name:
            for batch in stored.iter_batches(20_000, columns=["key_id", "action"]):
                pairs = zip(batch.column(0).to_pylist(), batch.column(1).to_pylist(), strict=True)
                out.update(key_id for key_id, action in pairs if key_id and action == TOKEN)
        else:
            for batch in stored.iter_batches(5_000, columns=_PLACES[entry.dataset][0]):
                out += _in_batch(batch)
    return out


def token_files(snapshot: Snapshot) -> Iterator[FileEntry]:
    """Live files that may hold tokens; findings beside the interactions they are about."""
    chosen = [f for f in snapshot.files if f.dataset in DATASETS]
    yield from sorted(
        chosen,
        key=lambda f: (
            f.path.partition("/")[2].rpartition("/")[0],
            origin_of(f.path).rpartition("/")[2],
            f.dataset,
        ),
    )


def renew_file_tokens(mutation: RowMutation, keyring: Keyring, entry: FileEntry) -> None:
    """Write a live file anew with tokens of the active key. Rows, their order and lengths of texts
    stay.
    """
    if entry.dataset in (INTERACTIONS.name, FINDINGS.name, VERSIONS.name):
        name = f"{mutation.snapshot.seq:08d}-{stem_of(entry.path)}"
    else:
        name = f"{mutation.snapshot.seq + 1:08d}.{entry.sha256[:12]}"
    mutation.edit_file(entry, name, make_token_renewal(keyring, entry.dataset))


def make_token_renewal(keyring: Keyring, dataset: str) -> EditRows:
    """Return a change of a dataset's rows that makes their tokens anew."""
    if dataset == FINDINGS.name:
        return change_rows(make_finding_renewal(keyring.active))
    change = change_rows(_row(keyring, *_PLACES[dataset][1]))

    def edit_rows(edit: BatchEdit) -> None:
        if _in_batch(edit.batch).keys() - {keyring.active}:
            change(edit)

    return edit_rows


def _row(keyring: Keyring, account: str, interaction: str) -> Callable[[Row], Row]:
    def change(row: Row) -> Row:
        new = renew_value_tokens(
            keyring, row, row[account] if account else "", row[interaction] if interaction else ""
        )
        return row if new == row else new

    return change


def without_active_key(counts: Counter[str], keyring: Keyring) -> Counter[str]:
    """Of counts by key, those of keys that are not active."""
    return Counter({k: n for k, n in counts.items() if k != keyring.active})


def files_to_renew(store: Store, entries: Iterable[FileEntry], keyring: Keyring) -> list[FileEntry]:
    """Of some files, those that hold tokens which the keyring opens and another key than the active
    one made.
    """
    return [
        e
        for e in entries
        if any(keyring.opens(k) for k in without_active_key(count_file_tokens(store, e), keyring))
    ]
