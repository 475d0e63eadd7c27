"""Dispositions: what retention decided about a record or a file, and the certificate of a series of
them.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, TypedDict

from callveil.schemas.typed_rows import fields_of

DECISIONS = ("keep", "delete", "redact", "hold", "quarantine")
METHODS = ("drop_file", "rewrite", "clear_fields", "full_redaction", "purge_live", "none")
"""How it was done: the file went unread, the file was rewritten without the row or the fields, the
row was fully redacted, it went from the live zone, or nothing was done.
"""

REASONS = {
    "rule": "a rule's days are over",
    "not_due": "the days are not over yet",
    "no_rule": "no rule says that it must go",
    "duty": "a duty to keep it outlasts the rule that deletes it",
    "legal_hold": "a legal hold protects it",
    "future": "it is dated after the run's time and the allowed skew",
    "account_unknown": "nothing is known about its account, and no rule covers unknown accounts",
}


class Disposition(TypedDict, total=False):
    """Decision of retention about a record, or a whole file."""

    record_class: Annotated[str, "versions, interactions, recordings, ..."]
    account_id: Annotated[
        str,
        "account; a row about a file stands once for each account in it, and is empty for what "
        "names none",
    ]
    record_id: Annotated[str, "keyed digest of the record's id; empty in a row about a file"]
    item_type: Annotated[str | None, "type of the object a version is about"]
    item_id: Annotated[str | None, "keyed digest of that object's id"]
    event_time: Annotated[
        dt.datetime | None, "the record's time, UTC; of a whole file the beginning of its day"
    ]
    type_at_event: Annotated[str | None, "account type when it happened"]
    type_as_of: Annotated[str | None, "account type at the run's time"]
    account_status: Annotated[str | None, "active, paused or cancelled"]
    rule_id: Annotated[str | None, "rule that decided"]
    retention_days: Annotated[int | None, "its days"]
    clock_start: Annotated[dt.datetime | None, "from when they count, UTC"]
    retain_until: Annotated[dt.datetime | None, "until when a duty keeps it, UTC"]
    eligible_at: Annotated[
        dt.datetime | None,
        "when it expired or will, UTC; of a whole file the last of its records' times",
    ]
    expired_first: Annotated[
        dt.datetime | None, "of a whole file, the earliest of its due records' times, UTC"
    ]
    decision: Annotated[str, ", ".join(DECISIONS)]
    reason_code: Annotated[str, ", ".join(REASONS)]
    hold_id: Annotated[str | None, "hold that protects it"]
    late: Annotated[bool | None, "it had expired before the last run and arrived since"]
    dry_run: Annotated[bool | None, "planned, not done"]
    plan_sha256: Annotated[str | None, "plan that was carried out"]
    disposed_at: Annotated[
        dt.datetime | None, "when it was deleted, UTC: no reader has seen it since"
    ]
    method: Annotated[str, ", ".join(METHODS)]
    object: Annotated[str, "file it is about, below the store's root"]
    object_version_old: Annotated[str | None, "SHA-256 of the file before"]
    object_version_new: Annotated[
        str | None, "SHA-256 of the file that replaces it; empty where none does"
    ]
    rows_before: Annotated[int | None, "rows of the file before; for rows about a file"]
    rows_deleted: Annotated[
        int | None, "rows that went; in a row about a file those of its account"
    ]
    rows_after: Annotated[int | None, "rows of the file after"]


FIELDS = fields_of(Disposition)


class RetentionCertificate(TypedDict, total=False):
    """That a series of records expired, was deleted, and purged."""

    certificate_id: Annotated[str, "digest of run and series"]
    run_id: Annotated[str, "run that deleted"]
    account_id: Annotated[
        str | None,
        "account of the series; null where it has records of several, which it counts together, "
        "and in certificates older than this column",
    ]
    plan_sha256: Annotated[str | None, "plan it carried out"]
    record_class: Annotated[str, "series: record class"]
    account_type: Annotated[str | None, "series: account type when it happened"]
    rule_id: Annotated[str | None, "series: rule"]
    method: Annotated[str | None, "series: how"]
    rows_deleted: Annotated[int | None, "records that went, or whose fields went"]
    files: Annotated[int | None, "files they were in"]
    expired_first: Annotated[dt.datetime | None, "earliest time one of them expired, UTC"]
    expired_last: Annotated[dt.datetime | None, "latest, UTC"]
    deleted_at: Annotated[dt.datetime | None, "when they were deleted, UTC"]
    purged_at: Annotated[
        dt.datetime | None,
        "when every old version of their files was gone, UTC; null while some are locked",
    ]
    verified_at: Annotated[dt.datetime | None, "when that was checked, UTC"]
    versions_purged: Annotated[
        int | None, "object versions and delete markers that were removed from the run's files"
    ]
    versions_locked: Annotated[
        int | None, "object versions a lock protects; they are tried again by the next run"
    ]
    evidence_sha256: Annotated[str | None, "SHA-256 of the manifest of the run that deleted"]


CERTIFICATE_FIELDS = fields_of(RetentionCertificate)
