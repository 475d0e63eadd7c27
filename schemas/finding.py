"""Findings: what was found where, by what, and what was done. A finding never holds the value."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

from callveil.schemas.fields import Field, Integer, Number, Text, Timestamp, arrow_schema

INPUT_SHA256 = (
    "HMAC-SHA256 of the record as it was read, keyed by the keyring: a plain digest could be tried "
    "against guesses"
)
_T, _I, _N, _S = Text(), Integer(), Number(), Timestamp()

FIELDS: tuple[Field, ...] = tuple(
    Field(name, kind, doc, personal=False)
    for name, kind, doc in (
        ("finding_id", _T, "stable id: keyed digest of interaction, field, span and type"),
        (
            "group_id",
            _T,
            "shared by the spans of one value that is spread over turns, and by its copies in "
            "other fields",
        ),
        ("account_id", _T, "account"),
        ("agency_id", _T, "agency"),
        ("interaction_id", _T, "interaction"),
        ("kind", _T, "call, text, chat or form"),
        ("account_type", _T, "account type when it happened"),
        ("event_time", _S, "when the interaction began, UTC"),
        (
            "field_path",
            _T,
            "path, such as outline[3].text or custom_fields{plan}; a key that is no plain name, or "
            "was covered, by its place",
        ),
        ("entity_type", _T, "what was found"),
        ("detector", _T, "recognizer, `known_value`, `field`, `mode` or `request`"),
        (
            "detector_version",
            _T,
            "versions of callveil and Presidio, and names and digests of models of your own",
        ),
        ("score", _N, "0 to 1"),
        ("action", _T, "operator: label, mask, pseudonym, token, keep, clear"),
        ("key_id", _T, "id of the key a pseudonym or token was made with"),
        ("span_start", _I, "start in the field's source text, code points"),
        ("span_end", _I, "end, exclusive"),
        ("out_start", _I, "start of the replacement in the redacted text, code points"),
        ("out_end", _I, "end, exclusive"),
        ("audio_start", _N, "seconds from the beginning of the recording, where times are known"),
        ("audio_end", _N, "seconds"),
        ("count", _I, "values this row stands for; 1 unless a whole field was cleared"),
        ("trigger", _T, "auto, manual or subject_request"),
        ("request_id", _T, "request that asked for it"),
        ("actor_id", _T, "who asked, for manual ones"),
        ("status", _T, "done or kept"),
        ("failure_reason", _T, "why not, where status is neither"),
        (
            "input_sha256",
            _T,
            INPUT_SHA256,
        ),
        ("policy_sha256", _T, "policy that decided"),
        ("run_id", _T, "run that wrote this row"),
        ("processed_at", _S, "as_of of that run, UTC"),
    )
)
SCHEMA = arrow_schema(FIELDS, {"callveil": "finding"})

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
