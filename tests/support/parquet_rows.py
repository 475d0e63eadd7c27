"""Redacted interactions to store, and rows read back from Parquet."""

from __future__ import annotations

import datetime as dt
import io
from typing import Any

import pyarrow.parquet as pq

from callveil.schemas.fields import Field, Integer
from callveil.schemas.interaction import (
    InteractionKey,
    RedactedInteraction,
)

WHEN = dt.datetime(2026, 11, 1, 12, tzinfo=dt.UTC)


def interaction(number: int, **record: Any) -> RedactedInteraction:
    """A generated interaction; nobody's data."""
    values = {
        "transcription_text": f"generated sentence {number} [PERSON]",
        "name": "[PERSON]",
        "outline": [
            {
                "speaker": "agent",
                "text": f"line {number}",
                "channel": 2,
                "s": 0.5,
                "e": 1.5,
                "extra": {"b": 1, "a": [2]},
            }
        ],
        "custom_fields": {"z": number, "a": None},
        "extra": {"undeclared": number},
        "redacted_fields": ["name"],
    }
    key = InteractionKey("7", f"{number:06d}")
    return RedactedInteraction(key, "call", WHEN, number, "agency", "content", values | record)


def read(data: bytes) -> list[dict[str, Any]]:
    return pq.read_table(io.BytesIO(data)).to_pylist()


LEAF = Field("n", Integer(), personal=False)
