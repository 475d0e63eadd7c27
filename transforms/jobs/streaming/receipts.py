"""Recording entries in the live zone's receipts (processing records).

They hold the covered time spans, the fit of a transcript's times, and the source file of a copy.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict

from callveil.schemas.json_types import JsonObject
from callveil.transforms.jobs.streaming.halves import InteractionPart
from callveil.transforms.redact.audio.fit import TranscriptFit
from callveil.transforms.redact.audio.plan import AudioSpan
from callveil.transforms.redact.audio.transcript_words import TranscriptCoverage
from callveil.transforms.storage.format1.live import Receipt, entries_of

SAME_LENGTH = 0.5
"""Seconds by which two recordings of the same time may differ in length: codecs pad."""
OF_ORIGINAL = ("container", "codec", "video", "cut", "keyed")
"""What a receipt says of the original; a copy that is covered once more says otherwise."""


def span_row(span: AudioSpan) -> list[float | int | None]:
    """Return a stretch as receipts hold it: begin, end (None: to the end), channel."""
    return [span.start, None if math.isinf(span.end) else span.end, span.channel]


def span_rows(spans: Iterable[AudioSpan] | None) -> list[list[float | int | None]] | None:
    """Return stretches as receipts hold them."""
    return None if spans is None else [span_row(s) for s in spans]


def transcript_entry(said: TranscriptCoverage, recording: str) -> JsonObject:
    """Return what a transcript says of its recording, as the record's receipt holds it: times
    alone. `recording`: the object they were held against.
    """
    fitted = {"fit": {**asdict(said.fit), "object": recording}} if said.fit and recording else {}
    return {
        "spans": span_rows(said.spans),
        "turns": [list(r) for r in said.rows],
        "withheld": said.withheld,
        **fitted,
    }


def read_transcript_entry(receipt: Receipt, recording: str) -> TranscriptCoverage:
    """Return the same read back; its fit only where it is the fit of this recording, an object's
    id.
    """
    rows, known = receipt.get("spans"), dict(receipt.get("fit") or {})
    spans = (
        None
        if rows is None
        else [
            AudioSpan(start, math.inf if end is None else end, channel)
            for start, end, channel in rows
        ]
    )
    fitted = TranscriptFit(**known) if known.pop("object", None) == recording and known else None
    return TranscriptCoverage(
        spans,
        tuple((s, e, c) for s, e, c in receipt.get("turns") or ()),
        fitted,
        withheld=receipt.get("withheld") or {},
    )


def recording_entry(receipt: Receipt, piece: InteractionPart) -> Receipt | None:
    """Return what a receipt says of a recording."""
    return next((e for e in entries_of(receipt) if e["object"] == piece.object_id), None)


def covers_recording(entry: Receipt, digest: str) -> bool:
    """Tell whether a redacted copy is of a recording of that content, all of it."""
    return (
        entry.get("status") == "done" and not entry["cut"] and entry.get("source_sha256") == digest
    )


def same_length(done: Receipt, beside: Receipt) -> bool:
    """Tell whether a recording is as long as the first of its call, so that times in that are times
    in this.
    """
    first = entries_of(beside)[0].get("seconds")
    return first is not None and abs(first - done["seconds"]) <= SAME_LENGTH
