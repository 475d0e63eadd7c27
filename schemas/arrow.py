"""Arrow schemas of the records: of all schemas the only module that loads pyarrow."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from callveil.schemas import (
    account,
    disposition,
    erasure_certificate,
    finding,
    history,
    hold,
    interaction,
    lifecycle,
    recording,
    rejected,
    request,
    subject,
    subject_index,
    version,
)
from callveil.schemas.fields import (
    Boolean,
    Field,
    FieldType,
    Integer,
    Json,
    ListOf,
    Number,
    Struct,
    Text,
    TextOrJson,
    Timestamp,
    member_fields,
    personal_class,
)
from callveil.schemas.report import REPORTS, ReportType

_PLAIN: dict[type[FieldType], pa.DataType] = {
    Text: pa.string(),
    Integer: pa.int64(),
    Number: pa.float64(),
    Boolean: pa.bool_(),
    Timestamp: pa.timestamp("us", tz="UTC"),
    Json: pa.string(),
    TextOrJson: pa.string(),
}


def arrow_type(kind: FieldType) -> pa.DataType:
    """Return the Arrow type a declared type is stored as."""
    if isinstance(kind, ListOf):
        return pa.list_(arrow_type(kind.item))
    if isinstance(kind, Struct):
        return pa.struct([_arrow_field(f) for f in member_fields(kind)])
    return _PLAIN[type(kind)]


def _arrow_field(field: Field) -> pa.Field:
    said = {"doc": field.doc, "group": field.group, "entity": field.entity}
    metadata = {"pii": personal_class(field)} | {k: v for k, v in said.items() if v}
    return pa.field(field.name, arrow_type(field.type), metadata=metadata)


def arrow_schema(fields: tuple[Field, ...], metadata: Mapping[str, str] | None = None) -> pa.Schema:
    """Return the Arrow schema of a record declared by `fields`. The metadata of each column, and of
    each member of a nested one, tell what it holds (`doc`) and its class of personal data (`pii`,
    one of `fields.PERSONAL_CLASSES`), field group and entity type where it has them.
    """
    return pa.schema([_arrow_field(f) for f in fields], metadata=dict(metadata or {}))


def _named(name: str, fields: tuple[Field, ...]) -> pa.Schema:
    return arrow_schema(fields, {"callveil": name})


def report_schema(report: ReportType) -> pa.Schema:
    """Return the Arrow schema of a report's row."""
    return _named(f"report_{report.name}", report.columns)


ARROW_SCHEMAS: dict[str, pa.Schema] = {}
"""Arrow schemas by published name."""


def _published(name: str, fields: tuple[Field, ...]) -> pa.Schema:
    return ARROW_SCHEMAS.setdefault(name, _named(name, fields))


RAW_INTERACTION_SCHEMA = _named("raw_interaction", interaction.FIELDS)
ARROW_SCHEMAS["interaction"] = RAW_INTERACTION_SCHEMA
REDACTED_INTERACTION_SCHEMA = _published(
    "redacted_interaction", interaction.FIELDS + interaction.STATE
)
ACCOUNT_SCHEMA = _published("account", account.FIELDS)
FINDING_SCHEMA = _published("finding", finding.FIELDS)
REJECTED_SCHEMA = _published("rejected", rejected.FIELDS)
REDACTION_REQUEST_SCHEMA = _published("redaction_request", request.FIELDS)
ACCOUNT_EVENT_SCHEMA = _published("account_event", lifecycle.FIELDS)
HOLD_SCHEMA = _published("hold", hold.FIELDS)
DISPOSITION_SCHEMA = _published("disposition", disposition.FIELDS)
RETENTION_CERTIFICATE_SCHEMA = _published("retention_certificate", disposition.CERTIFICATE_FIELDS)
RECORDING_SCHEMA = _published("recording", recording.FIELDS)
REDACTED_VERSION_SCHEMA = _published("redacted_version", version.FIELDS + version.STATE)
CHANGE_HISTORY_SCHEMA = _published("change_history", history.FIELDS)
SUBJECT_REQUEST_SCHEMA = _published("subject_request", subject.REGISTER_FIELDS)
SUBJECT_REQUEST_EVENT_SCHEMA = _published("subject_request_event", subject.EVENT_FIELDS)
ERASURE_CERTIFICATE_SCHEMA = _published("erasure_certificate", erasure_certificate.FIELDS)
SUBJECT_INDEX_SCHEMA = _named("subject_index", subject_index.FIELDS)
ARROW_SCHEMAS |= {
    f"report_{r.name}": report_schema(r) for r in REPORTS.values() if r.name != "history"
}
