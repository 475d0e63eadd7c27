"""The compliance reports: their names, and the columns of each. The change history has columns of
its own, in `history`.
"""

from __future__ import annotations

from dataclasses import dataclass

from callveil.schemas import disposition, finding, history, subject
from callveil.schemas.fields import Boolean, Field, Integer, ListOf, Number, Text, Timestamp

SCHEMA_VERSION = 1
_T, _I, _N, _S, _B, _L = Text(), Integer(), Number(), Timestamp(), Boolean(), ListOf(Text())


def _plain(*rows: tuple[str, object, str]) -> tuple[Field, ...]:
    return tuple(Field(name, kind, doc, personal=False) for name, kind, doc in rows)  # type: ignore[arg-type]


COMMON: tuple[Field, ...] = _plain(
    ("report_id", _T, "this report: digest of what it is about and of the state of the store"),
    ("schema_version", _I, "version of these columns"),
    ("run_id", _T, "state of the store it was made from: the last published run"),
    ("as_of", _S, "the report's time, UTC"),
    ("generated_at", _S, "equal to as_of, so that the same report has the same bytes"),
    ("tool_version", _T, "callveil's version"),
    ("policy_version", _T, "name of the policy that decided; null where none did"),
    ("policy_sha256", _T, "digest of that policy"),
    ("account_id", _T, "account; null where the row is about no single one"),
    ("agency_id", _T, "agency the account belonged to; null where it is not known"),
    ("account_type_at_event", _T, "account type when it happened"),
)
ROW_HASH = Field(
    "row_hash",
    _T,
    "HMAC-SHA256 of the row hash before and all other columns, keyed by the keyring",
    personal=False,
)

REDACTION: tuple[Field, ...] = _plain(
    ("interaction_id", _T, "interaction"),
    ("kind", _T, "call, text, chat or form"),
    ("event_time", _S, "when the interaction began, UTC"),
    ("field_path", _T, "field, such as outline[3].text"),
    ("entity_type", _T, "what was found; null for a record that was rejected"),
    ("detector", _T, "what found it"),
    ("detector_version", _T, "its version"),
    ("score", _N, "0 to 1"),
    ("action", _T, "label, mask, pseudonym, token, keep or clear"),
    ("key_id", _T, "key a pseudonym or token was made with"),
    ("span_start", _I, "start in the source text, code points"),
    ("span_end", _I, "end, exclusive"),
    ("count", _I, "values the row stands for"),
    ("trigger", _T, "auto, manual or subject_request"),
    ("request_id", _T, "request that asked for it"),
    ("actor_id", _T, "who asked"),
    ("status", _T, "done, kept or rejected"),
    ("failure_reason", _T, "why a record was rejected"),
    *((f.name, f.type, f.doc) for f in finding.FIELDS if f.name == "input_sha256"),
    ("output_sha256", _T, "SHA-256 of the stored file that holds the redacted record"),
    (
        "residual_hits",
        _I,
        "what was still found in the redacted record: 0, since a record is read again until "
        "nothing is; null for rejected ones",
    ),
    ("processed_at", _S, "time of the run, UTC"),
)

_CERTIFIED = _plain(
    (
        "old_versions_purged_at",
        _S,
        "when every old version of the file was gone, UTC; null while some are locked, or where "
        "nothing was to go",
    ),
    ("verified_at", _S, "when that was checked, UTC"),
)
RETENTION: tuple[Field, ...] = (
    *(f for f in disposition.FIELDS if f.name != "account_id"),
    *_CERTIFIED,
)

PROCESSING: tuple[Field, ...] = _plain(
    ("activity_id", _T, "processing activity"),
    ("name", _T, "what it is called"),
    ("role", _T, "controller or processor"),
    ("controller", _T, "controller and contact"),
    ("joint_controllers", _L, "joint controllers"),
    ("representative", _T, "representative in the Union"),
    ("dpo", _T, "data protection officer"),
    ("purposes", _L, "why data is processed"),
    ("lawful_basis", _L, "Art. 6 and, for special categories, Art. 9"),
    ("subject_categories", _L, "whose data"),
    ("data_categories", _L, "which data"),
    ("special_categories", _L, "which special categories (Art. 9, 10)"),
    ("source", _L, "where it comes from"),
    ("recipients", _L, "to whom it is disclosed"),
    ("processors", _L, "who processes it for the controller"),
    ("third_countries", _L, "transfers outside the Union"),
    ("safeguards", _L, "safeguards of these transfers"),
    ("retention_by_category", _L, "time limits, as category: days"),
    ("retention_adherence", _T, "whether the store keeps to them: yes, no or unknown"),
    ("non_adherence_reason", _L, "where it does not, and why"),
    ("security_measures", _L, "general description (Art. 32)"),
    ("storage_location", _L, "where it lies"),
    ("automated_decisions", _T, "automated decisions, and their logic"),
    ("dpia_ref", _T, "data protection impact assessment"),
    ("reviewed_at", _S, "when the record was last reviewed, UTC"),
    ("reviewed_by", _T, "by whom"),
    ("differences", _L, "where policy and store do something else than the record says"),
)

BREACHES: tuple[Field, ...] = _plain(
    ("breach_id", _T, "breach"),
    ("aware_at", _S, "when it became known, UTC: the 72 hours begin (Art. 33)"),
    ("occurred_at", _S, "when it happened, UTC"),
    ("causes", _T, "causes"),
    ("facts", _T, "what happened"),
    ("data_categories", _L, "which data"),
    ("approx_subjects", _I, "about how many people"),
    ("approx_records", _I, "about how many records"),
    ("consequences", _T, "likely consequences"),
    ("measures", _T, "measures taken"),
    ("notifiable", _B, "whether it must be notified; null while that is not decided"),
    ("decision_reason", _T, "why"),
    ("notify_by", _S, "72 hours after aware_at, UTC"),
    ("notified_at", _S, "when the authority was told, UTC"),
    ("late_reason", _T, "why later than 72 hours (Art. 33(1))"),
    ("subjects_notified_at", _S, "when the people were told, UTC (Art. 34)"),
    (
        "state",
        _T,
        "on_time, late_with_reasons, late_without_reasons, due, overdue, not_notifiable, undecided",
    ),
)

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
                *subject.CERTIFICATE_FIELDS,
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
