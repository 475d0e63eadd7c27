"""Redact further what is stored already: by age, or because someone asked, when the raw record is
not at hand.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson

from callveil.schemas.fields import from_storage
from callveil.schemas.interaction import FIELDS, InteractionKey, RawInteraction, SourceRef
from callveil.schemas.request import RedactionRequest
from callveil.transforms.detect.text_fields import walk
from callveil.transforms.redact.manual_requests import paths_of


def stored_record(row: Mapping[str, Any], path: str) -> RawInteraction:
    """Return a stored row as a record that can be redacted again. It is read as it stands: labels
    are text like any other.
    """
    record = from_storage(FIELDS, row, orjson.loads)
    if row.get("redacted"):
        record["redacted"] = True
    return RawInteraction(
        InteractionKey(row["account_id"], row["id"]),
        row["kind"],
        row["called_at"],
        row["rank"],
        record,
        SourceRef(path),
    )


def to_stored_offsets(
    request: RedactionRequest,
    findings: Iterable[Mapping[str, Any]],
    record: Mapping[str, Any] | None = None,
) -> RedactionRequest:
    """Turn a span over the source text into one over the stored text.

    Args:
        request: a span request of basis `source`.
        findings: the interaction's findings rows; those of the same field say which stretch of the
            source became which of the stored text.
        record: the stored record, where the request or the findings may name a member of a JSON
            object by its key.

    Returns: the request with offsets of the stored text. A border inside a replacement moves to the
        replacement's own border, so that the span never covers less than was asked for. A field
        that was cleared has nothing left to cover.
    """
    if request.scope != "span" or request.basis != "source":
        return request
    paths = {request.field}.union(
        *(
            p
            for leaf in walk(record or {})
            if not leaf.key and request.field in (p := paths_of(leaf))
        )
    )
    done = sorted(
        (f["span_start"], f["span_end"], f["out_start"], f["out_end"])
        for f in findings
        if f["field_path"] in paths
        and f["status"] == "done"
        and f["span_start"] is not None
        and f["out_start"] is not None
    )
    return replace(
        request,
        basis="stored",
        start=_move(request.start or 0, done, False),
        end=None if request.end is None else _move(request.end, done, True),
    )


def _move(place: int, done: Sequence[tuple[int, int, int, int]], is_end: bool) -> int:
    shift = 0
    for start, end, out_start, out_end in done:
        if place <= start and not (is_end and place > start):
            break
        if place < end or (place == end and is_end):
            return out_end if is_end else out_start
        shift = out_end - end
    return place + shift
