"""A dataset as an Iceberg table: its schema, how it is partitioned, and its data files.

Files of the store hold no Iceberg field ids: columns are found by name (`schema.name-mapping`), as
in files that were written before the table. Partition columns are identity transforms, so that a
reader takes their values from the metadata where a file lacks them (Iceberg specification, *Column
Projection*). Metadata hold no bounds and no counts by column: they would tell values of people.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa
from pyiceberg.manifest import DataFile, DataFileContent, FileFormat
from pyiceberg.partitioning import PARTITION_FIELD_ID_START, PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table import TableProperties
from pyiceberg.transforms import IdentityTransform
from pyiceberg.typedef import Record

from callveil.schemas.manifest import FileEntry

FORMAT_VERSION: Literal[2] = 2
KEPT_SNAPSHOTS = 16
"""Snapshots and earlier metadata files that readers may still be at."""
_EPOCH = dt.date(1970, 1, 1)


@dataclass(frozen=True)
class PartitionColumn:
    """A column of a table by which its files lie apart.

    Attributes:
        name: of the column; `day` is another thing in the platform's records.
        type: Arrow type. doc: what it holds.
        parse: makes the value that Iceberg stores of the text in the file's entry.
    """

    name: str
    type: pa.DataType
    doc: str
    parse: Callable[[str], Any]

    def field(self) -> pa.Field:
        """Return the column's Arrow field."""
        return pa.field(self.name, self.type, metadata={"doc": self.doc})


def _days(text: str) -> int:
    return (dt.date.fromisoformat(text) - _EPOCH).days


PARTITION_COLUMNS: Mapping[str, PartitionColumn] = {
    "account_type": PartitionColumn(
        "account_type", pa.string(), "type of the account at that time", str
    ),
    "day": PartitionColumn("utc_day", pa.date32(), "UTC day of the record, or of the run", _days),
    "bucket": PartitionColumn("bucket", pa.int32(), "hash bucket of the row's key", int),
    "request": PartitionColumn(
        "request", pa.string(), "request of a data subject that the file is about", str
    ),
}
"""Columns by their key in `FileEntry.partition`; other keys are columns of text of that name."""


def partition_column(key: str) -> PartitionColumn:
    """Return the column that a key of an entry's partition stands for."""
    return PARTITION_COLUMNS.get(key) or PartitionColumn(key, pa.string(), "partition", str)


PROPERTIES: Mapping[str, str] = {
    TableProperties.FORMAT_VERSION: str(FORMAT_VERSION),
    "write.metadata.metrics.default": "none",
    TableProperties.METADATA_PREVIOUS_VERSIONS_MAX: str(KEPT_SNAPSHOTS),
    TableProperties.MANIFEST_MERGE_ENABLED: "true",
    TableProperties.MANIFEST_MIN_MERGE_COUNT: "16",
    TableProperties.COMMIT_NUM_RETRIES: "0",  # the store has its own commit loop
}


def table_columns(schema: pa.Schema, keys: tuple[str, ...]) -> pa.Schema:
    """Return the columns readers see: those of the files and those of the partition."""
    for key in keys:
        column = partition_column(key)
        if column.name not in schema.names:
            schema = schema.append(column.field())
    return schema


def partition_spec(schema: Schema, keys: tuple[str, ...]) -> PartitionSpec:
    """Return how files lie apart, given the keys of their entries' partition, in order."""
    return PartitionSpec(
        *(
            PartitionField(
                source_id=schema.find_field(partition_column(key).name).field_id,
                field_id=PARTITION_FIELD_ID_START + place,
                transform=IdentityTransform(),
                name=partition_column(key).name,
            )
            for place, key in enumerate(keys)
        )
    )


def partition_keys(entry: FileEntry) -> tuple[str, ...]:
    """Return the keys of an entry's partition, in the order of the table's spec."""
    return tuple(sorted(entry.partition))


def data_file(entry: FileEntry, root: str, spec_id: int) -> DataFile:
    """Return the Iceberg entry of a published file: where it is and what it is part of, no
    statistics.
    """
    absent = (
        "column_sizes",
        "value_counts",
        "null_value_counts",
        "nan_value_counts",
        "lower_bounds",
        "upper_bounds",
        "key_metadata",
        "split_offsets",
        "equality_ids",
        "sort_order_id",
    )
    found = DataFile.from_args(
        _table_format_version=FORMAT_VERSION,
        content=DataFileContent.DATA,
        file_path=f"{root}/{entry.path}",
        file_format=FileFormat.PARQUET,
        partition=Record(
            *(partition_column(k).parse(entry.partition[k]) for k in partition_keys(entry))
        ),
        record_count=entry.rows,
        file_size_in_bytes=entry.bytes,
        **dict.fromkeys(absent),
    )
    found.spec_id = spec_id
    return found
