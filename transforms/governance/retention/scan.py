"""Looking into one stored file: which of its rows are due, reading key columns only, and of those
only the row groups that can matter.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from callveil.schemas.manifest import FileEntry
from callveil.transforms.governance.retention.due_ranges import Spans
from callveil.transforms.storage.commit.catalog import Store

Mask = npt.NDArray[np.bool_]
SpansOf = Callable[[str], Spans]
"""Due stretches of time by account."""


def groups_with(file: Any, accounts: Collection[str]) -> list[int]:
    """Row groups that may hold rows of any of `accounts`, by the footer's statistics."""
    column = file.schema_arrow.get_field_index("account_id")
    wanted = sorted(accounts)
    out = []
    for number in range(file.num_row_groups):
        statistics = file.metadata.row_group(number).column(column).statistics
        if (
            statistics is None
            or not statistics.has_min_max
            or any(statistics.min <= a <= statistics.max for a in wanted)
        ):
            out.append(number)
    return out


def key_batches(
    store: Store, entry: FileEntry, columns: Sequence[str], accounts: Collection[str] | None = None
) -> Iterator[pa.RecordBatch]:
    """Key columns of a file, one row group at a time.

    Args:
        accounts: only row groups that may hold rows of these; None: all.
    """
    if accounts is not None and entry.lacks(accounts):
        return
    with store.files.open(store.url(entry.path)) as source:
        # Read with a small buffer: the columns wanted are a few KB each, far apart.
        file = pq.ParquetFile(source, buffer_size=1 << 16, pre_buffer=False)
        present = [c for c in columns if c in file.schema_arrow.names]
        numbers = range(file.num_row_groups) if accounts is None else groups_with(file, accounts)
        for number in numbers:
            yield from (
                file.read_row_group(number, columns=present, use_threads=False)
                .combine_chunks()
                .to_batches()
            )


def column_micros(batch: pa.RecordBatch, column: str) -> npt.NDArray[np.int64]:
    """Return a time column as microseconds since 1970; 0 for null."""
    values: npt.NDArray[np.int64] = pc.fill_null(
        batch.column(column).cast(pa.timestamp("us", tz="UTC")).cast(pa.int64()), 0
    ).to_numpy(zero_copy_only=False)
    return values


def batch_accounts(batch: pa.RecordBatch) -> tuple[list[str], npt.NDArray[np.int64]]:
    """Distinct accounts of a batch, and each row's place among them. A row without an account
    belongs to the account with an empty name.
    """
    encoded = pc.fill_null(batch.column("account_id"), "").dictionary_encode()
    return encoded.dictionary.to_pylist(), encoded.indices.to_numpy(zero_copy_only=False).astype(
        np.int64
    )


def due_mask(batch: pa.RecordBatch, time: str, spans_of: SpansOf) -> Mask:
    """Tell which rows are due, holds aside."""
    names, place = batch_accounts(batch)
    when = column_micros(batch, time)
    spans = [spans_of(n) for n in names]
    # Nearly every account has one stretch, from the beginning on: those are compared at once.
    simple = np.array([s[0][1] if len(s) == 1 and s[0][0] == 0 else 0 for s in spans], np.int64)
    mask: Mask = when < simple[place]
    for number, own in enumerate(spans):
        if own and (len(own) > 1 or own[0][0] > 0):
            rows = place == number
            inside = np.zeros(len(when), np.bool_)
            for lo, hi in own:
                inside |= (when >= lo) & (when < hi)
            mask |= rows & inside
    return mask
