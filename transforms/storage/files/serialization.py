"""Records to the flat values that their Arrow schemas store."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from typing import Any

import orjson

from callveil.schemas import finding as finding_schema
from callveil.schemas.fields import to_storage
from callveil.schemas.finding import FindingRow
from callveil.schemas.interaction import FIELDS, STATE, RedactedInteraction
from callveil.schemas.json_types import JsonObject
from callveil.schemas.rejected import Rejected

_FINDING_MEMBERS = tuple(f.name for f in finding_schema.FIELDS)


def encode_time(value: object) -> str:
    """Return a time as orjson writes it, for the standard library's JSON. Raises TypeError for
    anything else, as that one's `default` must.
    """
    if isinstance(value, dt.datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is not JSON")


def dumps(value: Any) -> str:
    """JSON text with sorted keys. Integers beyond 64 bits and lone surrogates, which orjson
    refuses, take the slower way.
    """
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    except TypeError:
        return json.dumps(
            value, sort_keys=True, separators=(",", ":"), allow_nan=False, default=encode_time
        )


def dumps_in_order(value: Any) -> str:
    """JSON text that keeps the order of keys: findings and requests name members by their place
    (`notes{1}`).
    """
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        return json.dumps(value, separators=(",", ":"), allow_nan=False, default=encode_time)


def interaction_row(interaction: RedactedInteraction) -> JsonObject:
    """Return a row of the interactions dataset. Raises TypeError for anything but a
    `RedactedInteraction`.

    Key, time, rank and mode are taken from the object itself, so that a row and its partition
    cannot disagree.
    """
    if type(interaction) is not RedactedInteraction:
        raise TypeError(
            "the interactions dataset takes RedactedInteraction only, not "
            f"{type(interaction).__name__}: raw records are never stored"
        )
    row = to_storage(FIELDS + STATE, interaction.record, dumps_in_order)
    return row | {
        "account_id": interaction.key.account_id,
        "id": interaction.key.id,
        "kind": interaction.kind,
        "called_at": interaction.called_at,
        "rank": interaction.rank,
        "account_type": interaction.account_type,
        "redaction_mode": interaction.mode,
    }


def finding_row(row: FindingRow) -> JsonObject:
    """Return a row of the findings dataset. Raises TypeError for anything but a `FindingRow`."""
    if type(row) is not FindingRow:
        raise TypeError(f"the findings dataset takes FindingRow only, not {type(row).__name__}")
    return {
        name: getattr(row, name) if hasattr(row, name) else getattr(row.finding, name)
        for name in _FINDING_MEMBERS
    }


def rejected_id(rejected: Rejected, run_id: str) -> str:
    """Stable id of a rejected piece of input: digest (32 hex digits) of its place, stage, reason
    and run.
    """
    source = rejected.source
    place = [
        source.file,
        source.line,
        source.offset,
        source.index,
        rejected.stage,
        rejected.reason,
        rejected.field,
        run_id,
    ]
    return hashlib.sha256(dumps(place).encode()).hexdigest()[:32]


def rejected_row(
    rejected: Rejected,
    *,
    run_id: str,
    rejected_at: dt.datetime,
    blob: str = "",
    block: int | None = None,
) -> JsonObject:
    """Return a row of the rejected dataset: reason and place, without the content.

    Args:
        rejected: what was rejected; its `raw` bytes are counted, not stored.
        run_id: run that rejected it.
        rejected_at: as_of of that run, UTC.
        blob: path of the sealed file that holds the content, or empty where none was kept.
        block: block of that file.
    """
    return {
        "rejected_id": rejected_id(rejected, run_id),
        "file": rejected.source.file,
        "line": rejected.source.line,
        "byte_offset": rejected.source.offset,
        "index": rejected.source.index,
        "stage": rejected.stage,
        "field": rejected.field,
        "reason": rejected.reason,
        "detail": rejected.detail,
        "size": len(rejected.raw),
        "account_id": rejected.account_id,
        "interaction_id": rejected.interaction_id,
        "blob": blob,
        "block": block,
        "run_id": run_id,
        "rejected_at": rejected_at,
    }
