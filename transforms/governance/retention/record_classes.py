"""Storage location of each record class, and the unit that its deletion removes."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module

from callveil.transforms.storage.tables.parquet import TABLES, Table

ROWS, FIELDS, FILE = "rows", "fields", "file"


@dataclass(frozen=True)
class RecordClass:
    """One record class.

    Attributes:
        name: one of `schemas.retention.CLASSES`.
        dataset: of the store.
        unit: what goes: `rows`, `fields` of rows, or a `file` as a whole, once all it holds is due.
        time, record_id: columns of a record's time and id.
        item_type, item_id: columns of what the record is about, or empty.
        fields: columns that go, for the unit `fields`.
    """

    name: str
    dataset: str
    unit: str
    time: str = ""
    record_id: str = ""
    item_type: str = ""
    item_id: str = ""
    fields: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that a decision reads; all small, none personal."""
        return tuple(
            c for c in ("account_id", self.time, self.record_id, self.item_type, self.item_id) if c
        )


CLASSES: dict[str, RecordClass] = {
    c.name: c
    for c in (
        RecordClass(
            "versions", "versions", ROWS, "created_at", "version_id", "item_type", "item_id"
        ),
        RecordClass("interactions", "interactions", ROWS, "called_at", "id"),
        RecordClass(
            "recordings",
            "interactions",
            FIELDS,
            "called_at",
            "id",
            fields=("audio", "message_media"),
        ),
        RecordClass(
            "transcripts",
            "interactions",
            FIELDS,
            "called_at",
            "id",
            fields=(
                "transcription_text",
                "outline",
                "words",
                "transcription",
                "summary",
                "activity_analysis",
            ),
        ),
        RecordClass("findings", "findings", ROWS, "event_time", "finding_id", "", "interaction_id"),
        RecordClass(
            "rejected", "rejected", FILE, "rejected_at", "rejected_id", "", "interaction_id"
        ),
        RecordClass("raw", "rejected_content", FILE),
        RecordClass("reports", "reports", FILE),
    )
}
"""Record classes by name."""

ROW_DATASETS: dict[str, tuple[RecordClass, ...]] = {
    name: tuple(c for c in CLASSES.values() if c.dataset == name)
    for name in ("versions", "interactions", "findings")
}
"""Datasets whose rows are judged one by one, with the classes they hold; the class whose rows go is
the first.
"""

_REGISTERED_BY = {
    "versions": "callveil.transforms.storage.tables.versions",
    "index": "callveil.transforms.storage.tables.key_index",
}


def table_of(dataset: str) -> Table:
    """Return the declaration of a dataset. Raises KeyError for an unknown one."""
    if dataset not in TABLES and dataset in _REGISTERED_BY:
        import_module(_REGISTERED_BY[dataset])
    return TABLES[dataset]
