"""The compliance reports: their names, and the columns of each. The change history has columns of
its own, in `history`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, TypedDict

from callveil.schemas import disposition, erasure_certificate, finding, history, subject
from callveil.schemas.fields import (
    Field,
    Text,
)
from callveil.schemas.plugins import REPORTS as PLUGINS
from callveil.schemas.plugins import Plugin, find_plugins
from callveil.schemas.typed_rows import fields_of

SCHEMA_VERSION = 1


class ReportRow(TypedDict, total=False):
    """Columns that all reports but the change history have."""

    report_id: Annotated[
        str, "this report: digest of what it is about and of the state of the store"
    ]
    schema_version: Annotated[int | None, "version of these columns"]
    run_id: Annotated[str | None, "state of the store it was made from: the last published run"]
    as_of: Annotated[dt.datetime, "the report's time, UTC"]
    generated_at: Annotated[
        dt.datetime | None, "equal to as_of, so that the same report has the same bytes"
    ]
    tool_version: Annotated[str | None, "callveil's version"]
    policy_version: Annotated[str | None, "name of the policy that decided; null where none did"]
    policy_sha256: Annotated[str | None, "digest of that policy"]
    account_id: Annotated[str | None, "account; null where the row is about no single one"]
    agency_id: Annotated[str | None, "agency the account belonged to; null where it is not known"]
    account_type_at_event: Annotated[str | None, "account type when it happened"]


COMMON = fields_of(ReportRow)
ROW_HASH = Field(
    "row_hash",
    Text(),
    "HMAC-SHA256 of the row hash before and all other columns, keyed by the keyring",
    personal=False,
)


class RedactionReportRow(TypedDict, total=False):
    """A redacted or rejected value."""

    interaction_id: Annotated[str | None, "interaction"]
    kind: Annotated[str | None, "call, text, chat or form"]
    event_time: Annotated[dt.datetime | None, "when the interaction began, UTC"]
    field_path: Annotated[str | None, "field, such as outline[3].text"]
    entity_type: Annotated[str | None, "what was found; null for a record that was rejected"]
    detector: Annotated[str | None, "what found it"]
    detector_version: Annotated[str | None, "its version"]
    score: Annotated[float | None, "0 to 1"]
    action: Annotated[str | None, "label, mask, pseudonym, token, keep or clear"]
    key_id: Annotated[str | None, "key a pseudonym or token was made with"]
    span_start: Annotated[int | None, "start in the source text, code points"]
    span_end: Annotated[int | None, "end, exclusive"]
    count: Annotated[int | None, "values the row stands for"]
    trigger: Annotated[str | None, "auto, manual or subject_request"]
    request_id: Annotated[str | None, "request that asked for it"]
    actor_id: Annotated[str | None, "who asked"]
    status: Annotated[str | None, "done, kept or rejected"]
    failure_reason: Annotated[str | None, "why a record was rejected"]
    input_sha256: Annotated[str | None, finding.INPUT_SHA256]
    output_sha256: Annotated[
        str | None, "SHA-256 of the stored file that holds the redacted record"
    ]
    residual_hits: Annotated[
        int | None,
        "what was still found in the redacted record: 0, since a record is read again until "
        "nothing is; null for rejected ones",
    ]
    processed_at: Annotated[dt.datetime | None, "time of the run, UTC"]


REDACTION = fields_of(RedactionReportRow)


class CertifiedColumns(TypedDict, total=False):
    """When what was deleted was purged."""

    old_versions_purged_at: Annotated[
        dt.datetime | None,
        "when every old version of the file was gone, UTC; null while some are locked, or where "
        "nothing was to go",
    ]
    verified_at: Annotated[dt.datetime | None, "when that was checked, UTC"]


_CERTIFIED = fields_of(CertifiedColumns)
RETENTION: tuple[Field, ...] = (
    *(f for f in disposition.FIELDS if f.name != "account_id"),
    *_CERTIFIED,
)


class ProcessingReportRow(TypedDict, total=False):
    """A processing activity."""

    activity_id: Annotated[str | None, "processing activity"]
    name: Annotated[str | None, "what it is called"]
    role: Annotated[str | None, "controller or processor"]
    controller: Annotated[str | None, "controller and contact"]
    joint_controllers: Annotated[list[str] | None, "joint controllers"]
    representative: Annotated[str | None, "representative in the Union"]
    dpo: Annotated[str | None, "data protection officer"]
    purposes: Annotated[list[str] | None, "why data is processed"]
    lawful_basis: Annotated[list[str] | None, "Art. 6 and, for special categories, Art. 9"]
    subject_categories: Annotated[list[str] | None, "whose data"]
    data_categories: Annotated[list[str] | None, "which data"]
    special_categories: Annotated[list[str] | None, "which special categories (Art. 9, 10)"]
    source: Annotated[list[str] | None, "where it comes from"]
    recipients: Annotated[list[str] | None, "to whom it is disclosed"]
    processors: Annotated[list[str] | None, "who processes it for the controller"]
    third_countries: Annotated[list[str] | None, "transfers outside the Union"]
    safeguards: Annotated[list[str] | None, "safeguards of these transfers"]
    retention_by_category: Annotated[list[str] | None, "time limits, as category: days"]
    retention_adherence: Annotated[
        str | None, "whether the store keeps to them: yes, no or unknown"
    ]
    non_adherence_reason: Annotated[list[str] | None, "where it does not, and why"]
    security_measures: Annotated[list[str] | None, "general description (Art. 32)"]
    storage_location: Annotated[list[str] | None, "where it lies"]
    automated_decisions: Annotated[str | None, "automated decisions, and their logic"]
    dpia_ref: Annotated[str | None, "data protection impact assessment"]
    reviewed_at: Annotated[dt.datetime | None, "when the record was last reviewed, UTC"]
    reviewed_by: Annotated[str | None, "by whom"]
    differences: Annotated[
        list[str] | None, "where policy and store do something else than the record says"
    ]


PROCESSING = fields_of(ProcessingReportRow)


class Breach(TypedDict, total=False):
    """A breach of the company's register."""

    breach_id: Annotated[str, "breach"]
    aware_at: Annotated[dt.datetime, "when it became known, UTC: the 72 hours begin (Art. 33)"]
    occurred_at: Annotated[dt.datetime | None, "when it happened, UTC"]
    causes: Annotated[str | None, "causes"]
    facts: Annotated[str | None, "what happened"]
    data_categories: Annotated[list[str] | None, "which data"]
    approx_subjects: Annotated[int | None, "about how many people"]
    approx_records: Annotated[int | None, "about how many records"]
    consequences: Annotated[str | None, "likely consequences"]
    measures: Annotated[str | None, "measures taken"]
    notifiable: Annotated[
        bool | None, "whether it must be notified; null while that is not decided"
    ]
    decision_reason: Annotated[str | None, "why"]
    notify_by: Annotated[dt.datetime | None, "72 hours after aware_at, UTC"]
    notified_at: Annotated[dt.datetime | None, "when the authority was told, UTC"]
    late_reason: Annotated[str | None, "why later than 72 hours (Art. 33(1))"]
    subjects_notified_at: Annotated[dt.datetime | None, "when the people were told, UTC (Art. 34)"]
    state: Annotated[
        str,
        "on_time, late_with_reasons, late_without_reasons, due, overdue, not_notifiable, undecided",
    ]


BREACHES = fields_of(Breach)

BREACH_STATES: dict[str, str] = {
    "on_time": "notified within 72 hours",
    "late_with_reasons": "notified later, with the reasons Art. 33(1) asks for",
    "late_without_reasons": "notified later, and no reasons are given",
    "due": "to be notified; the 72 hours are not over",
    "overdue": "to be notified, and the 72 hours are over",
    "not_notifiable": "need not be notified, with the reason documented",
    "undecided": "not yet decided whether it must be notified",
}


@dataclass(frozen=True)
class ReportType:
    """A kind of report.

    Attributes:
        name: on the command line, and of its files.
        title: of its page.
        what: one sentence: what the report answers.
        fields: its columns, without the common ones.
        period: which time decides whether a row is in the period.
    """

    name: str
    title: str
    what: str
    fields: tuple[Field, ...]
    period: str

    @property
    def columns(self) -> tuple[Field, ...]:
        """All columns."""
        return (
            self.fields
            if self.name == "history"
            else (*COMMON, *(f for f in self.fields if f.name not in _COMMON_NAMES), ROW_HASH)
        )


_COMMON_NAMES = {f.name for f in COMMON}

REPORTS: dict[str, ReportType] = {
    r.name: r
    for r in (
        ReportType(
            "redaction",
            "Redaction activity",
            "What was found and redacted, where, by what, and what could not be.",
            REDACTION,
            "when it was processed",
        ),
        ReportType(
            "retention",
            "Retention and disposal",
            "What retention decided, what was deleted, when it had "
            "expired, and when it was purged.",
            RETENTION,
            "the retention run's time",
        ),
        ReportType(
            "requests",
            "Data-subject requests",
            "Every request, its deadline, what came of it, and whether it was answered in time.",
            subject.REGISTER_FIELDS,
            "when it was received, or still open in the period",
        ),
        ReportType(
            "erasures",
            "Erasure certificates",
            "What erasures and restrictions did, what stayed and on which ground, and how it was "
            "checked.",
            (
                *erasure_certificate.FIELDS,
                *(f for f in subject.REGISTER_FIELDS if f.name == "accounts"),
            ),
            "when it was carried out",
        ),
        ReportType(
            "processing",
            "Records of processing (Article 30)",
            "What the company says it does with data, beside what policy and store do.",
            PROCESSING,
            "none: the record as it stands",
        ),
        ReportType(
            "history",
            "Change history",
            "Who changed what, when, and from where; security-relevant changes stand out.",
            history.FIELDS,
            "when it happened",
        ),
        ReportType(
            "breaches",
            "Breach register (Article 33)",
            "Every breach, the 72-hour rule, and what was decided.",
            BREACHES,
            "when it became known",
        ),
    )
}
"""Reports by name, in the order they are read."""


RESERVED = (*REPORTS, "all", "pulls", "verify")
"""Names that no plugin's report may have: what `callveil report` knows itself."""


def report_plugins() -> Mapping[str, Plugin]:
    """Return the reports that plugins bring, by name. Raises `PluginError`."""
    return find_plugins(PLUGINS, RESERVED)


def report_names() -> tuple[str, ...]:
    """Return the names of `REPORTS` and of reports that plugins bring. Raises `PluginError`."""
    return (*REPORTS, *report_plugins())
