"""Explanation of the retention rule that applies to a stored record, and of its due time."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import pyarrow.dataset as ds

from callveil.schemas.pointer import from_micros
from callveil.transforms.governance.retention.decide_rows import MODE, record_of
from callveil.transforms.governance.retention.engine import RetentionDecision, RetentionEngine
from callveil.transforms.governance.retention.file_stats import day_of
from callveil.transforms.governance.retention.record import RetentionRecord
from callveil.transforms.governance.retention.record_classes import CLASSES, table_of
from callveil.transforms.governance.retention.timeline import State
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.commit.scan import open_dataset
from callveil.transforms.storage.format1.snapshot import Snapshot


@dataclass(frozen=True)
class ExplainedRecord:
    """A record, where it lies, what is decided about it, and its account's states."""

    record: RetentionRecord
    path: str
    decision: RetentionDecision
    states: tuple[State, ...]

    @staticmethod
    def when(micros: int | None) -> str | None:
        """Return a time as ISO 8601, or None."""
        return from_micros(micros).isoformat() if micros is not None else None


def explain_record(
    store: Store,
    snapshot: Snapshot,
    engine: RetentionEngine,
    record_class: str,
    account_id: str,
    ids: Collection[str],
) -> list[ExplainedRecord]:
    """Return decisions about the stored records of this class, account and id; several where an id
    occurs under several objects.

    Args:
        ids: what the id may be stored as; see `Names.stored`.

    Raises `LookupError` where there is none.
    """
    kind = CLASSES[record_class]
    if not kind.time:
        raise LookupError(f"{record_class} go as whole files; see a plan for what is due")
    table_of(kind.dataset)
    found = []
    chosen = (ds.field("account_id") == account_id) & ds.field(kind.record_id).isin(sorted(ids))
    for entry in snapshot.by_dataset(kind.dataset):
        if entry.lacks([account_id]):
            continue
        only = Snapshot(
            snapshot.seq, snapshot.run_id, snapshot.manifest, snapshot.manifest_sha256, (entry,)
        )
        columns = [*kind.columns, *([MODE] if kind.dataset == "interactions" else [])]
        for batch in (
            open_dataset(store, kind.dataset, only)
            .to_table(filter=chosen, columns=columns)
            .to_batches()
        ):
            for place in range(batch.num_rows):
                record = record_of(
                    batch, place, kind, entry.partition.get("account_type", "unknown")
                )
                if kind.unit == "file":  # such a file goes when the last moment of its day is due
                    record = record._replace(at=day_of(entry)[1] - 1)
                timeline = engine.timelines.get(account_id)
                found.append(
                    ExplainedRecord(
                        record,
                        entry.path,
                        engine.decide(record),
                        timeline.states if timeline else (),
                    )
                )
    if not found:
        raise LookupError(
            "no such record is stored; it may have gone already, see the dispositions"
        )
    return found
