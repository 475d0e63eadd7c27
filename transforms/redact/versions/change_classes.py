"""Security classes of changes, by the type of the object, the event and the field that changed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from callveil.schemas.version import to_snake_case
from callveil.transforms.redact.versions.field_classes import (
    ALLOWED_IPS,
    NUMBER_ITEMS,
    item_name,
    names_pattern,
)

_ACCOUNT_ITEMS = frozenset(
    {
        "account",
        "agency",
        "subaccount",
        "sub_account",
        "company",
        "organization",
        "subscription",
        "plan",
    }
)
_CLASS_OF_FIELD: tuple[tuple[str, re.Pattern[str]], ...] = (
    (
        "two_factor",
        names_pattern(
            """two_?factor[a-z_]* 2fa[a-z_]* mfa[a-z_]* otp[a-z_]* totp[a-z_]* (?:backup|recovery)_?codes? second_factor[a-z_]*"""
        ),
    ),
    (
        "support_access",
        names_pattern("support_access[a-z_]* support_(?:grant|granted|login)[a-z_]* allow_support"),
    ),
    (
        "privacy_settings",
        names_pattern("""gdpr[a-z_]* ccpa[a-z_]* hipaa[a-z_]* (?:cookie_|tracking_|recording_)?consent[a-z_]* privacy[a-z_]*
        data_(?:processing|protection|retention|residency|subject)[a-z_]* retention(?:_[a-z]+)* anonymi[sz]e[a-z_]* do_not_track
        dpa[a-z_]* right_to[a-z_]*"""),
    ),
    (
        "redaction_settings",
        names_pattern(
            "redact(?:ion|ed|s|_after)?[a-z_]* auto_?redact[a-z_]* pci_mode mask(?:ing|ed)?_[a-z_]*"
        ),
    ),
    (
        "recording_encryption",
        names_pattern("""recording_encrypt[a-z_]* encrypt(?:ion)?_recordings? recordings_encrypt[a-z_]*
        encryption_key_id encrypt_at_rest"""),
    ),
    (
        "role",
        names_pattern(
            """roles? role_ids? permissions? access_level is_admin admin administrator privileges? scopes?"""
        ),
    ),
    (
        "login_rule",
        names_pattern("""login_required[a-z_]* require_login[a-z_]* requires_login sso[a-z_]* saml[a-z_]* oidc[a-z_]*
        password_(?:policy|min|max|length|expires?|rotation)[a-z_]* auto_?logout[a-z_]* session_timeout[a-z_]* idle_timeout[a-z_]*
        lockout[a-z_]* login_hours allowed_domains?"""),
    ),
    (
        "payment_method",
        names_pattern("""payment_methods?[a-z_]* (?:credit_|debit_)?card_[a-z0-9_]+ cc_[a-z]+ ccv cvv iban bank_account[a-z_]* routing_number
        billing_(?:card|account|method)[a-z_]*"""),
    ),
    (
        "credential",
        names_pattern(
            "pass(?:word|wd|phrase)[a-z_]* encrypted_password security_(?:question|answer)s? pin"
        ),
    ),
    (
        "key",
        names_pattern(
            """api_?keys?[a-z_]* (?:access|private|signing|encryption|webhook|secret)_?keys? secrets? tokens? client_secret credentials?"""
        ),
    ),
)
_CLASS_OF_ITEM = {
    **dict.fromkeys(
        (
            "api_key",
            "access_key",
            "access_token",
            "api_token",
            "oauth_application",
            "webhook_secret",
            "ssh_key",
            "credential",
        ),
        "key",
    ),
    **dict.fromkeys(
        ("payment_method", "credit_card", "card", "bank_account", "billing_method"),
        "payment_method",
    ),
    **dict.fromkeys(("role", "permission", "user_role", "membership"), "role"),
    **dict.fromkeys(("support_access", "support_grant", "support_access_grant"), "support_access"),
    **dict.fromkeys(
        ("redaction_setting", "redaction_settings", "redaction_rule", "redaction_policy"),
        "redaction_settings",
    ),
    **dict.fromkeys(("two_factor", "two_factor_device", "otp_device", "mfa_device"), "two_factor"),
    **dict.fromkeys(
        ("login_rule", "sso_configuration", "saml_configuration", "ip_rule"), "login_rule"
    ),
}
_ACCOUNT_STATE = re.compile(
    r"(?:^|_)(?:plan|status|state|tier|subscription)(?:_(?:id|name|type|code|level))?$|^(?:active|enabled|disabled|closed|deleted|archived)$"
    r"|(?:^|_)(?:can_create_subaccounts|agency_id|trial|pause|paused|resumed|reactivated|cancel(?:l?ed|lation)?|suspended|closed|deactivated|"
    r"terminated|downgraded|upgraded)(?:_|$)"
)
"""What an account is and whether it lives: fields of items that are accounts or their plans."""
_ACCOUNT_EVENTS = frozenset(
    {
        "pause",
        "paused",
        "resume",
        "resumed",
        "cancel",
        "cancelled",
        "canceled",
        "reactivate",
        "reactivated",
        "suspend",
        "suspended",
        "close",
        "closed",
        "destroy",
        "plan_change",
        "plan_changed",
        "upgrade",
        "upgraded",
        "downgrade",
        "downgraded",
    }
)
_RELEASE = re.compile(r"^(?:released|released_at|released_on|release|cancelled_at|ported_out_at)$")


@lru_cache(maxsize=8192)
def security_class(item_type: str, event: str, name: str) -> str:
    """Security class (a key of `schemas.history.CLASSES`) of a change; empty where it has none.

    Args:
        item_type, event: of the version.
        name: field that changed; empty for an event as such.
    """
    item, folded = item_name(item_type), to_snake_case(name)
    if event == "export":
        return "data_export"
    if item in NUMBER_ITEMS and (event in ("destroy", "release") or _RELEASE.match(folded)):
        return "number_release"
    if item in _CLASS_OF_ITEM:
        return _CLASS_OF_ITEM[item]
    if item in _ACCOUNT_ITEMS and (
        _ACCOUNT_STATE.search(folded) or (not folded and event in _ACCOUNT_EVENTS)
    ):
        return "account_state"
    if ALLOWED_IPS.search(folded):
        return "login_rule"
    return next(
        (name for name, pattern in _CLASS_OF_FIELD if folded and pattern.search(folded)), ""
    )


def change_class(item_type: str, event: str, name: str, before: Any, after: Any) -> str:
    """Security class of a field's change, looking also at the members inside of its values that
    differ; empty where it has none.
    """
    found = security_class(item_type, event, name)
    if found or not (isinstance(before, Mapping) or isinstance(after, Mapping)):
        return found
    old, new = (v if isinstance(v, Mapping) else {} for v in (before, after))
    for key in sorted(old.keys() | new.keys()):
        if old.get(key) != new.get(key):
            found = change_class(item_type, event, key, old.get(key), new.get(key))
            if found:
                return found
    return ""
