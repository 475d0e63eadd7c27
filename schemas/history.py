"""The change-history report: one row per changed field, with a chain of keyed hashes per
account.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, TypedDict

from callveil.schemas.typed_rows import fields_of

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

_PERSONAL = frozenset({"item_label", "actor_name", "actor_ip", "field", "before", "after"})


class ChangeHistoryRow(TypedDict, total=False):
    """A row of the report."""

    report_id: Annotated[str | None, "this report"]
    schema_version: Annotated[int | None, "version of these columns"]
    run_id: Annotated[str | None, "state of the store it was made from: the last published run"]
    as_of: Annotated[dt.datetime | None, "the report's time, UTC; versions after it are left out"]
    generated_at: Annotated[
        dt.datetime | None, "equal to as_of, so that the same report has the same bytes"
    ]
    tool_version: Annotated[str | None, "callveil's version"]
    policy_version: Annotated[str | None, "name of the policy the version was redacted by"]
    policy_sha256: Annotated[str | None, "digest of that policy"]
    account_id: Annotated[str, "account"]
    agency_id: Annotated[str | None, "agency the account belonged to"]
    account_type_at_event: Annotated[str | None, "account type when it happened"]
    version_id: Annotated[str, "version"]
    item_type: Annotated[str | None, "type of the object"]
    item_id: Annotated[str | None, "id of the object"]
    item_label: Annotated[str | None, "what it was called"]
    event: Annotated[str | None, "what happened"]
    occurred_at: Annotated[dt.datetime | None, "when, UTC"]
    recorded_at: Annotated[dt.datetime | None, "as_of of the run that took it in, UTC"]
    actor_id: Annotated[str | None, "who"]
    actor_type: Annotated[str | None, "user, api, system or support"]
    actor_name: Annotated[str | None, "name; a pseudonym where the policy redacts staff"]
    actor_role: Annotated[str | None, "role at that time"]
    actor_ip: Annotated[str | None, "address; a pseudonym where the policy redacts staff"]
    request_id: Annotated[str | None, "request"]
    field: Annotated[str | None, "field that changed; null for an event without changes"]
    before: Annotated[Any | None, "value before, JSON"]
    after: Annotated[Any | None, "value after, JSON"]
    after_known: Annotated[
        bool | None,
        "false where the source holds only states before changes and the next version has not come",
    ]
    redacted: Annotated[bool | None, "a part of either value was redacted"]
    sensitive_class: Annotated[str | None, "security class of the change; null where it has none"]
    reverted_from: Annotated[str | None, "version that was restored"]
    retention_expires_at: Annotated[
        dt.datetime | None,
        "when the version becomes due for deletion, UTC; null where it is not known",
    ]
    seq: Annotated[int, "place in the account's chain, from 1"]
    previous_hash: Annotated[str | None, "row_hash of the row before; empty for the first"]
    row_hash: Annotated[
        str | None, "HMAC-SHA256 of previous_hash and all other columns, keyed by the keyring"
    ]


FIELDS = fields_of(ChangeHistoryRow, _PERSONAL)
