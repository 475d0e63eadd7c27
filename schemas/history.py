"""The change-history report: one row per changed field, with a chain of keyed hashes per
account.
"""

from __future__ import annotations

from callveil.schemas.fields import Boolean, Field, Integer, Json, Text, Timestamp

CLASSES: dict[str, str] = {
    "two_factor": "second factor of a sign-in switched, or its codes changed",
    "role": "role or permission of a user",
    "credential": "password or other means of signing in",
    "login_rule": "who may sign in, from where, and for how long",
    "support_access": "access granted to the platform's support",
    "redaction_settings": "what is redacted, and when",
    "privacy_settings": "data protection: GDPR and consent switches, how long data is kept",
    "account_state": "an account's plan, pause, cancellation or return",
    "recording_encryption": "encryption of recordings",
    "key": "API key, token or other machine credential",
    "payment_method": "card, bank account or other means of payment",
    "number_release": "a tracking number was given up",
    "data_export": "data left the platform",
}
"""Security-relevant kinds of change, and what each one is."""

SCHEMA_VERSION = 1

_T, _I, _S, _J = Text(), Integer(), Timestamp(), Json()
_PERSONAL = frozenset({"item_label", "actor_name", "actor_ip", "field", "before", "after"})

FIELDS: tuple[Field, ...] = tuple(
    Field(name, kind, doc, personal=name in _PERSONAL)
    for name, kind, doc in (
        ("report_id", _T, "this report"),
        ("schema_version", _I, "version of these columns"),
        ("run_id", _T, "state of the store it was made from: the last published run"),
        ("as_of", _S, "the report's time, UTC; versions after it are left out"),
        ("generated_at", _S, "equal to as_of, so that the same report has the same bytes"),
        ("tool_version", _T, "callveil's version"),
        ("policy_version", _T, "name of the policy the version was redacted by"),
        ("policy_sha256", _T, "digest of that policy"),
        ("account_id", _T, "account"),
        ("agency_id", _T, "agency the account belonged to"),
        ("account_type_at_event", _T, "account type when it happened"),
        ("version_id", _T, "version"),
        ("item_type", _T, "type of the object"),
        ("item_id", _T, "id of the object"),
        ("item_label", _T, "what it was called"),
        ("event", _T, "what happened"),
        ("occurred_at", _S, "when, UTC"),
        ("recorded_at", _S, "as_of of the run that took it in, UTC"),
        ("actor_id", _T, "who"),
        ("actor_type", _T, "user, api, system or support"),
        ("actor_name", _T, "name; a pseudonym where the policy redacts staff"),
        ("actor_role", _T, "role at that time"),
        ("actor_ip", _T, "address; a pseudonym where the policy redacts staff"),
        ("request_id", _T, "request"),
        ("field", _T, "field that changed; null for an event without changes"),
        ("before", _J, "value before, JSON"),
        ("after", _J, "value after, JSON"),
        (
            "after_known",
            Boolean(),
            "false where the source holds only states before changes and the next version has not "
            "come",
        ),
        ("redacted", Boolean(), "a part of either value was redacted"),
        ("sensitive_class", _T, "security class of the change; null where it has none"),
        ("reverted_from", _T, "version that was restored"),
        (
            "retention_expires_at",
            _S,
            "when the version becomes due for deletion, UTC; null where it is not known",
        ),
        ("seq", _I, "place in the account's chain, from 1"),
        ("previous_hash", _T, "row_hash of the row before; empty for the first"),
        (
            "row_hash",
            _T,
            "HMAC-SHA256 of previous_hash and all other columns, keyed by the keyring",
        ),
    )
)
