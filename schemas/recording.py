"""Recordings: one row per redacted or rejected recording that arrived, without anything that was
said.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, TypedDict

from callveil.schemas.typed_rows import fields_of


class RecordingRow(TypedDict, total=False):
    """A row of the recordings."""

    account_id: Annotated[str, "account"]
    interaction_id: Annotated[str, "interaction"]
    status: Annotated[str, "done, rejected or erased"]
    reason: Annotated[str | None, "why it was rejected, or covered whole"]
    detail: Annotated[str | None, "one sentence on a rejection, that quotes nothing"]
    landed_at: Annotated[dt.datetime | None, "when the original landed, UTC"]
    path: Annotated[str | None, "the redacted recording, below the store's root"]
    sha256: Annotated[str | None, "of the redacted recording"]
    bytes: Annotated[int | None, "its size"]
    container: Annotated[str | None, "FFmpeg's name of the container, by content"]
    codec: Annotated[str | None, "codec of the original, by content"]
    written: Annotated[str | None, "codec of the redacted recording"]
    written_container: Annotated[str | None, "FFmpeg's name of its container"]
    video: Annotated[
        str | None, "what became of moving pictures: dropped or copied; empty where there were none"
    ]
    rate: Annotated[int | None, "samples per second"]
    channels: Annotated[int | None, "number of channels"]
    seconds: Annotated[float | None, "length, seconds"]
    covered_seconds: Annotated[list[float] | None, "covered seconds by channel"]
    spans: Annotated[int | None, "stretches that were to be covered"]
    keyed: Annotated[int | None, "stretches of keypad tones that were found and covered"]
    transcript: Annotated[
        bool | None, "a transcript said what to cover; else all of it was covered"
    ]
    times: Annotated[
        str | None,
        "how its times fit what is heard: fits, swapped, shifted, unclear (every channel is "
        "covered), refused or untimed",
    ]
    heard_on: Annotated[
        str | None,
        "where its parties are heard: own, the channel expected; swapped, the other; all, any "
        "of them",
    ]
    shift_seconds: Annotated[float | None, "by how much its times were moved"]
    likeness: Annotated[float | None, "correlation of its times with what is heard, at most 1"]
    untranscribed_seconds: Annotated[
        float | None, "covered because somebody is heard there and the transcript says nothing"
    ]
    withheld: Annotated[
        str | None, "what was taken out of the transcript before it came, by kind; covered as well"
    ]
    residue_dbfs: Annotated[
        float | None, "loudest sound left in what was covered, beside what was put there"
    ]
    overheard: Annotated[
        int | None,
        "stretches that a recogniser still heard in the result, all covered then; none where "
        "none has listened",
    ]
    changed_db: Annotated[
        float | None,
        "by how much the level of what was not covered differs from the original at most",
    ]
    cut: Annotated[bool | None, "the original ended before the length it declares"]
    original: Annotated[str | None, "what became of the original: keep, seal or delete"]
    record_status: Annotated[
        str | None, "status of the interaction's record; empty where none came"
    ]
    findings: Annotated[int | None, "findings in that record"]
    policy_sha256: Annotated[str | None, "policy that decided"]
    run_id: Annotated[str | None, "digest of what it was made from"]


FIELDS = fields_of(RecordingRow)
