"""The datasets of the history: `versions`, partitioned by account type and UTC day, and the marks
that `redact` events leave.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import orjson
import pyarrow.parquet as pq

from callveil.schemas.arrow import REDACTED_VERSION_SCHEMA, arrow_schema
from callveil.schemas.fields import Field, Integer, Text, from_storage, parse_times, to_storage
from callveil.schemas.interaction import InteractionKey
from callveil.schemas.json_types import Row
from callveil.schemas.manifest import FileEntry
from callveil.schemas.pointer import pack_rows, unpack_rows
from callveil.schemas.version import FIELDS, STATE, RedactedVersion, VersionKey
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.files.serialization import dumps
from callveil.transforms.storage.format1.snapshot import Snapshot, data_path
from callveil.transforms.storage.tables.key_index import key_bucket
from callveil.transforms.storage.tables.parquet import Table, publish_records, register_table

SORT = ("account_id", "item_type", "item_id", "created_at", "version_id")
MAX_MARK_FILES = 8
"""Files of marks per bucket before they are merged into one."""


def version_row(version: RedactedVersion) -> Row:
    """Return a row of the versions dataset. Raises TypeError for anything but a `RedactedVersion`;
    key, time and mode are taken from the object itself.
    """
    if type(version) is not RedactedVersion:
        raise TypeError(
            f"the versions dataset takes RedactedVersion only, not {type(version).__name__}: raw "
            "versions are never stored"
        )
    return to_storage(FIELDS + STATE, version.record, dumps) | {
        **version.key._asdict(),
        "event": version.event,
        "created_at": version.created_at,
        "account_type": version.account_type,
        "redaction_mode": version.mode,
    }


VERSIONS = register_table(
    Table(
        "versions",
        REDACTED_VERSION_SCHEMA,
        FIELDS + STATE,
        SORT,
        ("item_id", "version_id"),
        version_row,
        doc="A change to an object of an account, after redaction.",
        key=VersionKey._fields,
        partition_by=("account_type", "day"),
    )
)


def version_from_row(row: Row) -> RedactedVersion:
    """Return the version that `version_row` made a row of."""
    return _version(from_storage(FIELDS + STATE, row, orjson.loads))


def _version(record: Row) -> RedactedVersion:
    key = VersionKey(
        record["account_id"], record["item_type"], record["item_id"], record["version_id"]
    )
    return RedactedVersion(
        key,
        record["event"],
        record["created_at"],
        record["account_type"],
        record["redaction_mode"],
        record,
    )


def encode_versions(versions: Iterable[RedactedVersion]) -> bytes:
    """Many versions as one compact element for a pipeline. They are redacted already, so a runner
    may write it to disk.
    """
    return pack_rows([v.record] for v in versions)


def decode_versions(data: bytes) -> Iterator[RedactedVersion]:
    """Yield inverse of `encode_versions`."""
    for (record,) in unpack_rows(data):
        yield _version(parse_times(FIELDS + STATE, record))


def version_sort_key(version: RedactedVersion) -> tuple[Any, ...]:
    """Order of rows in a file."""
    return (
        version.key.account_id,
        version.key.item_type,
        version.key.item_id,
        version.created_at,
        version.key.version_id,
    )


def best_versions(versions: Iterable[RedactedVersion]) -> dict[VersionKey, RedactedVersion]:
    """Return one version per key: the most complete delivery, whatever the order they came in."""
    out: dict[VersionKey, RedactedVersion] = {}
    for version in versions:
        held = out.get(version.key)
        if (
            held is None
            or version.order > held.order
            or (
                version.order == held.order
                and version.record["recorded_at"] < held.record["recorded_at"]
            )
        ):
            out[version.key] = version
    return out


_T = Text()
MARK_FIELDS: tuple[Field, ...] = tuple(
    Field(name, kind, doc, personal=False)
    for name, kind, doc in (
        ("account_id", _T, "account"),
        ("item_id", _T, "interaction that a `redact` event names"),
        ("seq", Integer(), "run that wrote this mark"),
    )
)
MARKS = register_table(
    Table(
        "redact_marks",
        arrow_schema(MARK_FIELDS, {"callveil": "redact_mark"}),
        MARK_FIELDS,
        ("account_id", "item_id"),
        ("item_id",),
        doc="An interaction that the platform itself has redacted, as the change history tells.",
        key=("account_id", "item_id", "seq"),
        partition_by=("bucket",),
    )
)


def _mark_files(snapshot: Snapshot, bucket: int) -> list[FileEntry]:
    return [f for f in snapshot.by_dataset(MARKS.name) if f.partition["bucket"] == f"{bucket:02d}"]


def read_marks(
    files: Files, root: str, snapshot: Snapshot, wanted: Iterable[InteractionKey]
) -> set[InteractionKey]:
    """Return those of `wanted` that a `redact` event has named."""
    out: set[InteractionKey] = set()
    by_bucket: dict[int, set[InteractionKey]] = {}
    for key in wanted:
        by_bucket.setdefault(key_bucket(key), set()).add(key)
    for bucket, keys in sorted(by_bucket.items()):
        for file in _mark_files(snapshot, bucket):
            with files.open(files.join(root, file.path)) as source:
                rows = pq.read_table(
                    source,
                    columns=["account_id", "item_id"],
                    filters=[("item_id", "in", sorted({k.id for k in keys}))],
                )
            out |= {InteractionKey(r["account_id"], r["item_id"]) for r in rows.to_pylist()} & keys
    return out


def write_marks(
    files: Files,
    root: str,
    target: str,
    snapshot: Snapshot,
    run_id: str,
    marks: Iterable[InteractionKey],
) -> tuple[list[FileEntry], list[FileEntry]]:
    """Publish a run's marks, one small file per bucket they fall in.

    Args:
        root: the store, to read. target: where to write; the store, or a dry run's folder.

    Returns: the new files, and those they replace where a bucket was merged.
    """
    added: list[FileEntry] = []
    removed: list[FileEntry] = []
    by_bucket: dict[int, dict[InteractionKey, int]] = {}
    for key in set(marks):
        by_bucket.setdefault(key_bucket(key), {})[key] = snapshot.seq + 1
    for bucket, rows in sorted(by_bucket.items()):
        old = _mark_files(snapshot, bucket)
        if len(old) >= MAX_MARK_FILES:
            for file in old:
                with files.open(files.join(root, file.path)) as source:
                    for row in pq.read_table(source).to_pylist():
                        rows.setdefault(
                            InteractionKey(row["account_id"], row["item_id"]), row["seq"]
                        )
            removed += old
        partition = {"bucket": f"{bucket:02d}"}
        records = [
            {"account_id": k.account_id, "item_id": k.id, "seq": seq}
            for k, seq in sorted(rows.items())
        ]
        added.append(
            publish_records(
                files,
                target,
                data_path(MARKS.name, partition, run_id, f"{snapshot.seq + 1:08d}"),
                MARKS,
                partition,
                records,
            )
        )
    return added, removed
