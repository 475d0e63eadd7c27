"""Rules on Parquet columns that may carry statistics, and the check of a written file.

It goes by the leaf paths of a table's declaration.

Statistics, page indexes and bloom filters repeat values outside the data pages (minimum and
maximum; a filter can be asked whether a phone number is in it), so they are written only where
`Field.personal` is False.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

import pyarrow.parquet as pq

from callveil.schemas.fields import EXTRA, Field, FieldType, Json, ListOf, Struct

LONG_TEXT_EXCEPT = ("word",)
"""Prose columns that repeat few values and so gain from a dictionary."""


def leaf_columns(fields: tuple[Field, ...], prefix: str = "") -> Iterator[tuple[str, Field]]:
    """Yield every leaf column of a declaration as Parquet names it (`outline.list.element.s`), with
    the field that declares it.

    A struct's `extra` member is given as a personal JSON field.
    """
    for field in fields:
        yield from _leaves(field.type, f"{prefix}{field.name}", field)


def _leaves(kind: FieldType, path: str, field: Field) -> Iterator[tuple[str, Field]]:
    if isinstance(kind, ListOf):
        yield from _leaves(kind.item, f"{path}.list.element", field)
    elif isinstance(kind, Struct):
        yield from leaf_columns(kind.fields, f"{path}.")
        yield f"{path}.{EXTRA}", Field(EXTRA, Json())
    else:
        yield path, field


def plain_leaves(fields: tuple[Field, ...]) -> list[str]:
    """Leaf paths that hold no personal data, in column order."""
    return [path for path, field in leaf_columns(fields) if not field.personal]


def dictionary_leaves(fields: tuple[Field, ...]) -> list[str]:
    """Leaf paths worth a dictionary: all but JSON and prose, whose values hardly repeat."""
    return [
        path
        for path, field in leaf_columns(fields)
        if not isinstance(field.type, Json) and (not field.prose or field.name in LONG_TEXT_EXCEPT)
    ]


def personal_traces(source: str | BinaryIO, fields: tuple[Field, ...]) -> list[str]:
    """Leaf paths of a Parquet file that carry statistics, a column index or a bloom filter although
    they may not.

    Args:
        source: local path or reader.
        fields: declaration of its rows; a leaf it does not know counts as personal.

    Returns: sorted paths; empty is right.
    """
    plain = set(plain_leaves(fields))
    metadata: Any = pq.ParquetFile(source).metadata
    found = set()
    for group in range(metadata.num_row_groups):
        for number in range(metadata.num_columns):
            column = metadata.row_group(group).column(number)
            traced = (
                column.is_stats_set
                or column.has_column_index
                or column.bloom_filter_offset is not None
            )
            if traced and column.path_in_schema not in plain:
                found.add(column.path_in_schema)
    return sorted(found)


def require_no_traces(source: str | BinaryIO, fields: tuple[Field, ...]) -> None:
    """Raise ValueError, naming the columns, where `personal_traces` finds any."""
    found = personal_traces(source, fields)
    if found:
        raise ValueError(
            f"statistics or bloom filters exist on personal columns: {', '.join(found)}; rewrite "
            "the file with callveil's writer"
        )
