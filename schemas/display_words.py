"""Words of people for the codes that stand in tables: pages show these, Parquet and CSV keep the
codes.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from callveil.schemas.disposition import REASONS as RETENTION_REASONS
from callveil.schemas.history import CLASSES
from callveil.schemas.rejected import REASONS as REJECTED_REASONS

_METHODS = {
    "drop_rows": "rows deleted",
    "drop_file": "whole file deleted",
    "rewrite": "file rewritten without the rows",
    "clear_fields": "fields emptied",
    "full_redaction": "fully redacted",
    "purge_live": "deleted where new calls arrive",
    "unlink": "kept without what identifies the person",
    "purge": "purged whole",
    "seal": "set aside, encrypted",
    "restore": "brought back",
    "none": "left as it is",
}
_STATES = {
    "open": "open",
    "verified": "open, identity verified",
    "on_hold": "clock stopped",
    "in_progress": "being worked on",
    "completed": "granted",
    "partly_completed": "granted in part",
    "refused": "refused",
    "withdrawn": "withdrawn",
    "not_executed": "not carried out",
    "done": "redacted",
    "kept": "kept",
    "rejected": "held back",
}
_BREACHES = {
    "on_time": "notified in time",
    "late_with_reasons": "notified late, with reasons",
    "late_without_reasons": "notified late, without reasons",
    "due": "to be notified",
    "overdue": "overdue",
    "not_notifiable": "need not be notified",
    "undecided": "not decided",
}
_DECISIONS = {
    "keep": "keep",
    "delete": "delete",
    "redact": "redact fully",
    "hold": "held by law",
    "quarantine": "set aside to be looked at",
    "granted": "granted",
    "partly_granted": "granted in part",
}
_ACTIONS = {
    "label": "replaced by its type",
    "mask": "masked",
    "pseudonym": "replaced by a pseudonym",
    "token": "replaced by a reversible token",
    "clear": "removed",
    "keep": "kept by the policy",
    "none": "nothing",
}
_TRIGGERS = {
    "auto": "by the policy",
    "manual": "by hand",
    "subject_request": "on a person's request",
}
_SHORT = {
    "bad_json": "not readable as JSON",
    "bad_yaml": "not readable as YAML",
    "bad_csv": "not readable as CSV",
    "bad_utf8": "not readable as text",
    "bad_parquet": "Parquet file not readable",
    "bad_compression": "compressed file damaged",
    "missing_key": "account or id missing",
    "not_an_object": "no record",
    "timed_out": "took too long",
    "over_budget": "too costly to look through",
    "residual": "a value was left",
    "unsettled": "not settled",
    "wrong_type": "field of a wrong type",
    "record_too_large": "record too large",
    "field_too_large": "text too large",
}
_RECORDS = {
    "interactions": "calls and messages",
    "versions": "change history",
    "recordings": "recordings",
    "transcripts": "transcripts",
    "findings": "findings",
    "rejected": "input held back",
    "raw": "content of input held back",
    "reports": "reports",
    "requests": "requests",
    "index": "search index",
    "bodies": "webhooks",
    "package": "packages",
    "sources": "raw files outside the store",
}
_EVENTS = {
    "create": "created",
    "update": "changed",
    "destroy": "deleted",
    "restore": "restored",
    "redact": "redacted",
    "export": "exported",
    "sign_in": "signed in",
}
WORDS: dict[str, dict[str, str]] = {
    "method": _METHODS,
    "status": _STATES,
    "decision": _DECISIONS,
    "action": _ACTIONS,
    "trigger": _TRIGGERS,
    "state": _BREACHES,
    "failure_reason": _SHORT,
    "reason_code": {
        "rule": "a rule's days are over",
        "not_due": "not due yet",
        "no_rule": "no rule",
        "duty": "duty to keep",
        "legal_hold": "legal hold",
        "future": "dated in the future",
        "account_unknown": "account not known",
    },
    "record_class": _RECORDS,
    "event": _EVENTS,
    "sensitive_class": {},
    "dataset": {
        **_RECORDS,
        "rejected": "reasons why input was held back",
        "live": "what was redacted as it arrived",
        "dispositions": "decisions of retention",
        "certificates": "certificates of retention runs",
        "subject_requests": "steps of requests",
        "erasure_certificates": "certificates of erasures and restrictions",
    },
}
"""Words by column and code. A code that is not listed is written with spaces."""
CODED = {
    "failure_reason": REJECTED_REASONS,
    "reason_code": RETENTION_REASONS,
    "sensitive_class": CLASSES,
}
"""Columns whose codes have a whole sentence elsewhere, by which a code is known as one."""


def value_in_words(column: str, value: Any) -> str:
    """Return a cell's value in words where its column holds codes."""
    text = str(value)
    if column == "standing":  # a status, by itself or with what is late about it
        status, comma, more = text.partition(",")
        return _STATES.get(status, status) + comma + more
    known = WORDS.get(column)
    if known is None:
        return text
    return known.get(text) or (
        text.replace("_", " ") if text.replace("_", "").isalnum() and text.islower() else text
    )


def counts_in_words(column: str, counts: Counter[str]) -> Counter[str]:
    """Return counts by words instead of codes."""
    out: Counter[str] = Counter()
    for code, n in counts.items():
        out[value_in_words(column, code)] += n
    return out
