"""Rejected input: what could not be read or redacted, with the reason and without the content."""

from __future__ import annotations

import dataclasses
import datetime as dt
from dataclasses import dataclass
from typing import Annotated, TypedDict

from callveil.schemas.interaction import SourceRef
from callveil.schemas.typed_rows import fields_of


class RejectedRow(TypedDict, total=False):
    """A row of the rejected dataset."""

    rejected_id: Annotated[str, "stable id: digest of source place and run"]
    file: Annotated[str | None, "file it was read from"]
    line: Annotated[int | None, "1-based line"]
    byte_offset: Annotated[int | None, "byte offset in the uncompressed stream"]
    index: Annotated[int | None, "0-based record in a page or Parquet file"]
    stage: Annotated[str, "ingest, detect, redact or write"]
    field: Annotated[str | None, "declared field at fault, such as outline[3].s"]
    reason: Annotated[str, "short code"]
    detail: Annotated[str, "one sentence that quotes nothing"]
    size: Annotated[int | None, "bytes of the rejected content"]
    account_id: Annotated[str | None, "account, where it could be read"]
    interaction_id: Annotated[str | None, "interaction, where it could be read"]
    blob: Annotated[str | None, "encrypted file that holds the content"]
    block: Annotated[int | None, "block of that file"]
    run_id: Annotated[str | None, "run that rejected it"]
    rejected_at: Annotated[dt.datetime | None, "as_of of the run, UTC"]


FIELDS = fields_of(RejectedRow)

REASONS = {
    "bad_utf8": "the bytes are not UTF-8",
    "bad_json": "not well-formed JSON",
    "bad_yaml": "not well-formed YAML",
    "bad_csv": "not well-formed CSV, or a row with more cells than the header",
    "not_an_object": "a record must be a JSON object",
    "bad_compression": "the compressed stream is damaged or cut off",
    "bad_parquet": "the Parquet file cannot be read",
    "record_too_large": "the record exceeds limits.record_bytes of the policy",
    "field_too_large": "the text exceeds limits.field_chars of the policy",
    "too_deep": "nesting exceeds limits.depth of the policy",
    "missing_key": "account_id and id are both needed",
    "wrong_type": "a field has a type it cannot have",
    "out_of_range": "a number or time lies outside what it can be",
    "bad_time": "a time has no form that occurs",
    "lone_surrogate": "a text holds half of a surrogate pair",
    "control_character": "a text holds a NUL character",
    "duplicate_key": "one JSON object names the same member twice, so one of its values would be "
    "lost",
    "internal_error": "a fault of callveil itself; the record is kept for another try",
    "unreadable_file": "the file cannot be opened",
    "detection_failed": "a recognizer failed, so the record cannot be shown to be clean",
    "over_budget": "the record takes more counted steps than detect.max_steps of the policy "
    "grants; it would on any machine",
    "timed_out": "the record took more CPU time than detect.timeout_seconds of the policy grants; "
    "another try may do",
    "redaction_failed": "a finding could not be applied",
    "residual": "a value that was to be redacted was still there afterwards",
    "bad_audio": "the recording is no audio file, or is damaged",
    "unsupported_audio": "the recording has a format or content that cannot be redacted",
    "empty_audio": "the recording holds no sound",
    "audio_times": "times of the transcript do not fit the recording",
    "bad_notification": "the message of a queue is no notification of S3's",
    "second_recording": "the interaction has expired or was erased; this recording of it stays "
    "where it is",
    "gone": "it was gone when it was to be read",
    "unnamed_recording": "the recording's name does not tell which interaction it belongs to",
    "unnamed_transcript": "the transcript names no interaction, and neither does the name of its "
    "file",
    "unknown_file": "the file is neither a recording nor of a kind that holds interactions",
    "no_transcript": "no transcript came in time, and the policy does not let such recordings be "
    "covered whole",
    "audio_residual": "a stretch of the recording that was to be covered was not, as a second look "
    "at the result showed",
    "unsettled": "every further look at the redacted record found more, so it cannot be shown to "
    "be clean",
}
"""Reason codes and what they mean."""

FILE_NAME = "FILE_NAME"
"""Kind of the token that stands for the name of a file which names somebody."""

RETRYABLE = frozenset({"timed_out", "internal_error"})
"""Reasons that another try may not meet: the record itself need not be mended first."""


@dataclass(frozen=True)
class Rejected:
    """One rejected piece of input.

    Attributes:
        source: where it was read.
        stage: ingest, detect, redact or write.
        reason: a key of `REASONS`.
        detail: one sentence that quotes nothing of the content.
        field: declared path at fault, or empty. Undeclared keys are written `<undeclared>`: a key
            can be personal data.
        raw: the content itself; goes to the encrypted zone only and is kept out of `repr`.
        account_id, interaction_id: where they could be read.
    """

    source: SourceRef
    stage: str
    reason: str
    detail: str
    field: str = ""
    raw: bytes = dataclasses.field(default=b"", repr=False)
    account_id: str = ""
    interaction_id: str = ""

    def __post_init__(self) -> None:
        if self.reason not in REASONS:
            raise ValueError(f"unknown reason {self.reason!r}; add it to schemas.rejected.REASONS")
