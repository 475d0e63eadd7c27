"""Findings: what was found where, by what, and what was done. A finding never holds the value."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Annotated, TypedDict

from callveil.schemas.typed_rows import fields_of

INPUT_SHA256 = (
    "HMAC-SHA256 of the record as it was read, keyed by the keyring: a plain digest could be tried "
    "against guesses"
)


class StoredFinding(TypedDict, total=False):
    """A row of the findings, with what the interaction and the run say."""

    finding_id: Annotated[str, "stable id: keyed digest of interaction, field, span and type"]
    group_id: Annotated[
        str | None,
        "shared by the spans of one value that is spread over turns, and by its copies in "
        "other fields",
    ]
    account_id: Annotated[str, "account"]
    agency_id: Annotated[str | None, "agency"]
    interaction_id: Annotated[str, "interaction"]
    kind: Annotated[str | None, "call, text, chat or form"]
    account_type: Annotated[str | None, "account type when it happened"]
    event_time: Annotated[dt.datetime | None, "when the interaction began, UTC"]
    field_path: Annotated[
        str | None,
        "path, such as outline[3].text or custom_fields{plan}; a key that is no plain name, or "
        "was covered, by its place",
    ]
    entity_type: Annotated[str, "what was found"]
    detector: Annotated[str | None, "recognizer, `known_value`, `field`, `mode` or `request`"]
    detector_version: Annotated[
        str | None, "versions of callveil and Presidio, and names and digests of models of your own"
    ]
    score: Annotated[float | None, "how sure the detector is, 0 to 1"]
    action: Annotated[str, "operator: label, mask, pseudonym, token, keep, clear"]
    key_id: Annotated[str | None, "id of the key a pseudonym or token was made with"]
    span_start: Annotated[int | None, "start in the field's source text, code points"]
    span_end: Annotated[int | None, "end, exclusive"]
    out_start: Annotated[int | None, "start of the replacement in the redacted text, code points"]
    out_end: Annotated[int | None, "end, exclusive"]
    audio_start: Annotated[
        float | None, "seconds from the beginning of the recording, where times are known"
    ]
    audio_end: Annotated[float | None, "end, seconds"]
    count: Annotated[int | None, "values this row stands for; 1 unless a whole field was cleared"]
    trigger: Annotated[str | None, "auto, manual or subject_request"]
    request_id: Annotated[str | None, "request that asked for it"]
    actor_id: Annotated[str | None, "who asked, for manual ones"]
    status: Annotated[str | None, "done or kept"]
    failure_reason: Annotated[str | None, "why not, where status is neither"]
    input_sha256: Annotated[str | None, INPUT_SHA256]
    policy_sha256: Annotated[str, "policy that decided"]
    run_id: Annotated[str | None, "run that wrote this row"]
    processed_at: Annotated[dt.datetime | None, "as_of of that run, UTC"]


FIELDS = fields_of(StoredFinding)

# What is made by the hundred for each record is not frozen, which would take three times as long to
# make. Nobody changes one all the same: they are shared and hashed.

WHOLE = "field"
"""Detector of a value that is personal by where it stands, and was not read."""


@dataclass(slots=True, unsafe_hash=True)
class TextSpan:
    """A piece of one text.

    Attributes:
        start, end: half-open, in code points.
        entity: entity type, Presidio's name where Presidio has one.
        score: 0 to 1.
        detector: name of the recognizer.
        group: spans of one value share it; empty where the span is the whole value.
        mixed: other findings reach beyond the one that names the span, so that its last characters
            may be another value's.
    """

    start: int
    end: int
    entity: str
    score: float
    detector: str
    group: str = ""
    mixed: bool = field(default=False, compare=False)

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end:
            raise ValueError(f"a span needs 0 <= start < end, got {self.start}..{self.end}")


@dataclass(slots=True, unsafe_hash=True)
class Finding:
    """A span of one field of one interaction, and what was done with it. Field names as in
    `FIELDS`.
    """

    field_path: str
    entity_type: str
    detector: str
    score: float
    action: str
    span_start: int | None = None
    span_end: int | None = None
    out_start: int | None = None
    out_end: int | None = None
    audio_start: float | None = None
    audio_end: float | None = None
    group_id: str = ""
    key_id: str = ""
    count: int = 1
    trigger: str = "auto"
    request_id: str = ""
    actor_id: str = ""
    status: str = "done"
    failure_reason: str = ""
    detector_version: str = ""


@dataclass(slots=True, unsafe_hash=True)
class FindingRow:
    """A finding joined with the record and the run it belongs to; one row of the findings dataset.

    The finding's own path has the places of keys, which do not change as keys are covered; the
    dataset names them where it may.
    """

    finding: Finding
    finding_id: str
    account_id: str
    agency_id: str
    interaction_id: str
    kind: str
    account_type: str
    event_time: dt.datetime
    policy_sha256: str
    run_id: str
    processed_at: dt.datetime
    input_sha256: str = ""
    named_path: str = ""

    @property
    def field_path(self) -> str:
        """Where it was found, as the dataset tells it: keys by their names where `named_path` has
        them.
        """
        return self.named_path or self.finding.field_path
