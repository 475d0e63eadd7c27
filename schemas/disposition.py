"""Dispositions: what retention decided about a record or a file, and the certificate of a series of
them.
"""

from __future__ import annotations

from callveil.schemas.fields import Boolean, Field, Integer, Text, Timestamp

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

_T, _I, _S, _B = Text(), Integer(), Timestamp(), Boolean()

FIELDS: tuple[Field, ...] = tuple(
    Field(name, kind, doc, personal=False)
    for name, kind, doc in (
        ("record_class", _T, "versions, interactions, recordings, ..."),
        (
            "account_id",
            _T,
            "account; a row about a file stands once for each account in it, and is empty for what "
            "names none",
        ),
        ("record_id", _T, "keyed digest of the record's id; empty in a row about a file"),
        ("item_type", _T, "type of the object a version is about"),
        ("item_id", _T, "keyed digest of that object's id"),
        ("event_time", _S, "the record's time, UTC; of a whole file the beginning of its day"),
        ("type_at_event", _T, "account type when it happened"),
        ("type_as_of", _T, "account type at the run's time"),
        ("account_status", _T, "active, paused or cancelled"),
        ("rule_id", _T, "rule that decided"),
        ("retention_days", _I, "its days"),
        ("clock_start", _S, "from when they count, UTC"),
        ("retain_until", _S, "until when a duty keeps it, UTC"),
        (
            "eligible_at",
            _S,
            "when it expired or will, UTC; of a whole file the last of its records' times",
        ),
        ("expired_first", _S, "of a whole file, the earliest of its due records' times, UTC"),
        ("decision", _T, ", ".join(DECISIONS)),
        ("reason_code", _T, ", ".join(REASONS)),
        ("hold_id", _T, "hold that protects it"),
        ("late", _B, "it had expired before the last run and arrived since"),
        ("dry_run", _B, "planned, not done"),
        ("plan_sha256", _T, "plan that was carried out"),
        ("disposed_at", _S, "when it was deleted, UTC: no reader has seen it since"),
        ("method", _T, ", ".join(METHODS)),
        ("object", _T, "file"),
        ("object_version_old", _T, "SHA-256 of the file before"),
        ("object_version_new", _T, "SHA-256 of the file that replaces it; empty where none does"),
        ("rows_before", _I, "rows of the file before; for rows about a file"),
        ("rows_deleted", _I, "rows that went; in a row about a file those of its account"),
        ("rows_after", _I, "rows of the file after"),
    )
)

CERTIFICATE_FIELDS: tuple[Field, ...] = tuple(
    Field(name, kind, doc, personal=False)
    for name, kind, doc in (
        ("certificate_id", _T, "digest of run and series"),
        ("run_id", _T, "run that deleted"),
        ("plan_sha256", _T, "plan it carried out"),
        ("record_class", _T, "series: record class"),
        ("account_type", _T, "series: account type when it happened"),
        ("rule_id", _T, "series: rule"),
        ("method", _T, "series: how"),
        ("rows_deleted", _I, "records that went, or whose fields went"),
        ("files", _I, "files they were in"),
        ("expired_first", _S, "earliest time one of them expired, UTC"),
        ("expired_last", _S, "latest, UTC"),
        ("deleted_at", _S, "when they were deleted, UTC"),
        (
            "purged_at",
            _S,
            "when every old version of their files was gone, UTC; null while some are locked",
        ),
        ("verified_at", _S, "when that was checked, UTC"),
        (
            "versions_purged",
            _I,
            "object versions and delete markers that were removed from the run's files",
        ),
        (
            "versions_locked",
            _I,
            "object versions a lock protects; they are tried again by the next run",
        ),
        ("evidence_sha256", _T, "SHA-256 of the manifest of the run that deleted"),
    )
)
