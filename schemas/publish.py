"""Every schema callveil publishes, by name: JSON Schema for people and tools, Arrow for
datasets.
"""

from __future__ import annotations

import datetime as dt
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import partial
from typing import Any

from msgspec import UnsetType

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
    version,
)
from callveil.schemas.evidence import RunDigest
from callveil.schemas.fields import json_schema
from callveil.schemas.json_types import JsonObject
from callveil.schemas.manifest import RunManifest
from callveil.schemas.policy_schema import policy_json_schema
from callveil.schemas.report import REPORTS

_SCALARS: dict[type, JsonObject] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    dt.datetime: {"type": "string", "format": "date-time"},
}


def _of_type(hint: Any) -> JsonObject:
    """JSON Schema of a type annotation. Raises `TypeError` for one that has no JSON form."""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return {}
    if isinstance(hint, type) and hint in _SCALARS:
        return dict(_SCALARS[hint])
    if isinstance(hint, type) and is_dataclass(hint):
        return _of_dataclass(hint)
    if origin is typing.Literal:
        return {"enum": list(args)}
    if origin in (typing.Union, types.UnionType):
        options = [_of_type(a) for a in args if a not in (type(None), UnsetType)]
        if UnsetType in args and len(options) == 1:
            return options[0]
        return {"anyOf": [*options, {"type": "null"}]} if type(None) in args else {"anyOf": options}
    if origin in (dict, Mapping):
        return {"type": "object", "additionalProperties": _of_type(args[1])}
    if origin is typing.Annotated:
        return _of_type(args[0]) | {"description": args[1]}
    if origin in (list, tuple):
        return {"type": "array", "items": _of_type(args[0])}
    raise TypeError(f"no JSON form for {hint!r}")


def _of_dataclass(cls: type) -> JsonObject:
    hints = typing.get_type_hints(cls, include_extras=True)
    required = [
        f.name for f in fields(cls) if f.default is MISSING and f.default_factory is MISSING
    ]
    members = {f.name: _of_type(hints[f.name]) for f in fields(cls)}
    return {
        "type": "object",
        "properties": members,
        "required": required,
        "additionalProperties": False,
    }


def _dataclass_schema(cls: type) -> JsonObject:
    summary = " ".join((cls.__doc__ or "").strip().split("\n\n")[0].split())
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": cls.__name__,
        "description": summary,
        **_of_dataclass(cls),
    }


def _request_schema() -> JsonObject:
    required = ("account_id", "interaction_id", "scope", "reason", "actor")
    schema = json_schema(
        "RedactionRequest",
        request.FIELDS,
        required,
        "A person's request to redact an interaction, or a part of one.",
    )
    options = {"scope": request.SCOPES, "basis": request.BASES, "trigger": request.TRIGGERS}
    for name, values in options.items():
        schema["properties"][name]["enum"] = [*values] if name in required else [*values, None]
    for name in required:
        schema["properties"][name]["type"] = "string"
    return schema


JSON_SCHEMAS: dict[str, Callable[[], JsonObject]] = {
    "interaction": interaction.published_json_schema,
    "redacted_interaction": lambda: json_schema(
        "RedactedInteraction",
        interaction.FIELDS + interaction.STATE,
        ("account_id", "id", "redaction_mode"),
        "An interaction after redaction, with what was done to it.",
    ),
    "account": lambda: json_schema(
        "Account", account.FIELDS, ("account_id",), "One effective-dated version of an account."
    ),
    "finding": lambda: json_schema(
        "Finding",
        finding.FIELDS,
        ("finding_id",),
        "What was found where and what was done, never the value.",
    ),
    "rejected": lambda: json_schema(
        "Rejected",
        rejected.FIELDS,
        ("rejected_id", "reason"),
        "Input that could not be read or redacted.",
    ),
    "run_manifest": lambda: _dataclass_schema(RunManifest),
    "policy": policy_json_schema,
    "redaction_request": _request_schema,
    "account_event": lambda: json_schema(
        "AccountEvent",
        lifecycle.FIELDS,
        ("account_id", "kind", "effective_at"),
        "Something that happened to an account, and when it became known.",
    ),
    "hold": lambda: json_schema(
        "Hold",
        hold.FIELDS,
        ("hold_id", "placed_at", "placed_by"),
        "A legal hold: what may not be destroyed, and who said so.",
    ),
    "disposition": lambda: json_schema(
        "Disposition",
        disposition.FIELDS,
        ("decision", "reason_code"),
        "What retention decided, and what was done.",
    ),
    "retention_certificate": lambda: json_schema(
        "RetentionCertificate",
        disposition.CERTIFICATE_FIELDS,
        ("certificate_id",),
        "That a series of records expired, was deleted, and purged.",
    ),
    "recording": lambda: json_schema(
        "Recording",
        recording.FIELDS,
        ("account_id", "interaction_id", "status"),
        "What became of a recording that arrived.",
    ),
    "version": version.published_json_schema,
    "redacted_version": lambda: json_schema(
        "RedactedVersion",
        version.FIELDS + version.STATE,
        ("version_id", "account_id", "item_type", "item_id"),
        "A version after redaction.",
    ),
    "change_history": lambda: json_schema(
        "ChangeHistory",
        history.FIELDS,
        ("report_id", "account_id", "version_id", "seq", "row_hash"),
        "One changed field, chained by keyed hashes.",
    ),
    "subject_request": lambda: json_schema(
        "SubjectRequest",
        subject.REGISTER_FIELDS,
        ("request_id", "type", "due_at", "status"),
        "A data-subject request.",
    ),
    "subject_request_event": lambda: json_schema(
        "SubjectRequestEvent",
        subject.EVENT_FIELDS,
        ("event_id", "request_id", "event", "at"),
        "One entry of the register of requests.",
    ),
    "erasure_certificate": lambda: json_schema(
        "ErasureCertificate",
        erasure_certificate.FIELDS,
        ("certificate_id", "request_id"),
        "That a person's rows of one kind were erased or set aside.",
    ),
}
"""Makers of the JSON Schemas (2020-12), by published name."""
JSON_SCHEMAS["evidence_record"] = partial(_dataclass_schema, RunDigest)
for _report in REPORTS.values():
    if _report.name != "history":  # which is `change_history`
        JSON_SCHEMAS[f"report_{_report.name}"] = partial(
            json_schema, _report.title, _report.columns, ("report_id", "row_hash"), _report.what
        )


def json_schemas() -> dict[str, JsonObject]:
    """Return every JSON Schema (2020-12) by published name."""
    return {name: make() for name, make in JSON_SCHEMAS.items()}
