"""Judging the rows of a batch. Planning and carrying out share it, so that what is done is what was
planned.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import pyarrow.compute as pc

from callveil.transforms.governance.retention.due_ranges import Spans
from callveil.transforms.governance.retention.engine import RetentionDecision, RetentionEngine
from callveil.transforms.governance.retention.file_stats import FilePruner
from callveil.transforms.governance.retention.record import RetentionRecord
from callveil.transforms.governance.retention.record_classes import ROWS, RecordClass
from callveil.transforms.governance.retention.scan import column_micros, due_mask

MODE = "redaction_mode"

Actions = Sequence[tuple[RecordClass, str]]
"""Record classes of a dataset, each with what may happen to its records: delete or redact."""


def has_rules(engine: RetentionEngine, record_class: RecordClass, action: str) -> bool:
    """Tell whether any rule can bring an action about."""
    return any(
        r.action == action and record_class.name in r.classes for r in engine.retention.rules
    )


def actions_of(
    engine: RetentionEngine, classes: Sequence[RecordClass]
) -> list[tuple[RecordClass, str]]:
    """Return what the rules can bring about in one dataset; deleting rows comes first, since what
    is gone needs nothing else.
    """
    return [(c, a) for c in classes for a in ("delete", "redact") if has_rules(engine, c, a)]


def key_columns(actions: Actions) -> list[str]:
    """Return columns that judging reads."""
    mode = [MODE] if any(a == "redact" for _, a in actions) else []
    return (
        list(dict.fromkeys(c for record_class, _ in actions for c in record_class.columns)) + mode
    )


def decide_rows(
    outlook: FilePruner, batch: Any, actions: Actions, stored: str
) -> Iterator[tuple[RecordClass, str, int, RetentionRecord, RetentionDecision]]:
    """Yield decisions about the due rows of a batch, with their places; a row that goes is not
    judged for its fields any more.

    Args:
        stored: account type of the partition.
    """
    gone = np.zeros(batch.num_rows, np.bool_)
    for record_class, action in actions:
        mask = (
            due_mask(
                batch,
                record_class.time,
                partial(_spans, outlook, record_class.name, action, stored),
            )
            & ~gone
        )
        if action == "redact":
            mask &= ~pc.fill_null(pc.equal(batch.column(MODE), "full"), False).to_numpy(
                zero_copy_only=False
            )
        for place in np.flatnonzero(mask):
            record = record_of(batch, int(place), record_class, stored)
            decision = outlook.engine.decide(record)
            if record_class.unit == ROWS and decision.decision in ("delete", "redact"):
                gone[place] = True
            yield record_class, action, int(place), record, decision


def _spans(
    outlook: FilePruner, record_class: str, action: str, stored: str, account_id: str
) -> Spans:
    return outlook.spans(record_class, action, account_id, stored)


def record_of(batch: Any, place: int, record_class: RecordClass, stored: str) -> RetentionRecord:
    """Return one row as a record."""

    def text(column: str) -> str:
        return (
            str(batch.column(column)[place].as_py() or "")
            if column and column in batch.schema.names
            else ""
        )

    at = int(column_micros(batch.slice(place, 1), record_class.time)[0])
    names = (record_class.record_id, record_class.item_type, record_class.item_id)
    record_id, item_type, item_id = (text(n) for n in names)
    return RetentionRecord(
        record_class.name,
        text("account_id"),
        record_id,
        at,
        stored,
        item_type,
        item_id,
        text(MODE) == "full",
    )
