"""Classes of fields, judged by their names, and the look of secrets. Every secret is generated."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callveil.schemas.history import CLASSES
from callveil.transforms.detect import closed_values
from callveil.transforms.detect.secret_fields import is_secret, secret_spans
from callveil.transforms.redact.versions.change_classes import change_class, security_class
from callveil.transforms.redact.versions.field_classes import is_setting, whole_entity

SECRETS = """pw pwd pass passwd passphrase auth authorization bearer apikey access_token session cookie otp totp_secret
recovery_codes signing_key credentials dsn connectionString client-secret X-Api-Key smtpPass DB_PASSWORD sessionId session_id
sid set_cookie password2 oldPassword basic_auth userpass contraseña ｐａｓｓｗｏｒｄ"""


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "encryptedPassword",
        "password_digest",
        "api_key",
        "apiKey",
        "API key",
        "auth_token",
        "otp_secret",
        "webhookSecret",
        "private_key",
        "pin",
        "reset_password_token",
        "client_secret",
        "backup_codes",
        "session_cookie",
        "security_answer",
        "hashed_pw",
        "smtp_password",
        "Settings::ApiKey",
        *SECRETS.split(),
    ],
)
def test_names_of_secrets(name: str) -> None:
    assert is_secret(name)


@pytest.mark.parametrize(
    "name",
    [
        "password_changed_at",
        "token_expires_at",
        "require_pin",
        "api_key_id",
        "two_factor_enabled",
        "password_policy",
        "session_timeout",
        "keyword",
        "monkey",
        "spinner",
        "tokenizer_mode",
        "name",
        "passenger",
        "compass",
        "key_metrics",
        *[
            "auth_provider",
            "session_recording",
            "pass_through",
            "token_type",
            "otp_delivery",
            "cookie_consent",
            "boarding_pass_layout",
        ],
    ],
)
def test_names_that_hold_no_secret(name: str) -> None:
    assert not is_secret(name)


@pytest.mark.parametrize(
    ("item", "name", "entity"),
    [
        ("User", "name", "PERSON"),
        ("User", "first_name", "PERSON"),
        ("TrackingNumber", "name", ""),
        ("Account", "name", ""),
        ("User", "email", "EMAIL_ADDRESS"),
        ("Account", "billing_email", "EMAIL_ADDRESS"),
        ("User", "email_verified", ""),
        ("User", "mobile", "PHONE_NUMBER"),
        ("TrackingNumber", "phone_number", ""),
        ("PaymentMethod", "card_number", "CREDIT_CARD"),
        ("PaymentMethod", "cvv", "CVV"),
        ("PaymentMethod", "exp_month", "CARD_EXPIRY"),
        ("User", "dob", "DATE_OF_BIRTH"),
        ("User", "last_sign_in_ip", "IP_ADDRESS"),
        ("Account", "allowed_ips", ""),
        ("User", "ssn", "US_SSN"),
        ("Account", "tax_id", "US_SSN"),
        ("User", "city", "LOCATION"),
        ("Location", "city", ""),
        ("Vendor", "iban", "IBAN_CODE"),
        ("Billing::Contact", "postalCode", "ZIP_CODE"),
        ("User", "role", ""),
        ("Source", "color", ""),
        ("Account", "card_on_file", "CREDIT_CARD"),
        ("User", "born_at", "DATE_OF_BIRTH"),
    ],
)
def test_names_of_personal_fields(item: str, name: str, entity: str) -> None:
    assert whole_entity(item, name) == entity


@pytest.mark.parametrize("item", ["Agent", "User", "AgentStatus", "UserAvailability"])
@pytest.mark.parametrize("name", ["status", "status_message", "availability", "away_reason"])
def test_what_staff_write_of_themselves_is_no_setting(item: str, name: str) -> None:
    for text in (
        "On break - dialysis",
        "chemo until 3",
        "sick child",
        "Break (pregnancy check)",
        "at the lawyer's",
        "union meeting",
        "funeral",
    ):
        assert whole_entity(item, name) and not is_setting(item, name, text), text
    for text in (
        "On break",
        "available",
        "OFFLINE",
        "Lunch",
        "Do not disturb",
        "Wrap-up",
        "in a meeting",
        "On a call",
        "2",
        "true",
    ):
        assert is_setting(item, name, text), text
    assert whole_entity("Lead", "status") == "" and whole_entity("TrackingNumber", "status") == ""


@pytest.mark.parametrize(
    "text",
    [
        "Call Agent",
        "https://example.com/path/to/page",
        "9b2f0a44-3c1d-4e5f-8a6b-7c8d9e0f1a2b",
        "America/New_York",
        "two words and 12 more",
        "radio-spot-2026-summer",
    ],
)
def test_values_that_are_none(text: str) -> None:
    assert secret_spans(text) == []


@pytest.mark.parametrize(
    ("item", "event", "name", "expected"),
    [
        ("User", "update", "two_factor_enabled", "two_factor"),
        ("User", "update", "otp_secret", "two_factor"),
        ("User", "update", "role", "role"),
        ("User", "update", "encrypted_password", "credential"),
        ("Account", "update", "login_required_for_recordings", "login_rule"),
        ("Account", "update", "auto_logout_minutes", "login_rule"),
        ("Account", "update", "allowed_ips", "login_rule"),
        ("Account", "update", "support_access_until", "support_access"),
        ("Account", "update", "recording_encryption", "recording_encryption"),
        ("Account", "update", "redaction_mode", "redaction_settings"),
        ("Account", "update", "auto_redact_after_days", "redaction_settings"),
        ("ApiKey", "create", "name", "key"),
        ("Account", "update", "api_key", "key"),
        ("PaymentMethod", "destroy", "", "payment_method"),
        ("Account", "update", "card_last4", "payment_method"),
        ("TrackingNumber", "destroy", "", "number_release"),
        ("TrackingNumber", "update", "released_at", "number_release"),
        ("TrackingNumber", "update", "name", ""),
        ("Report", "export", "", "data_export"),
        ("User", "update", "name", ""),
        ("Source", "update", "color", ""),
        ("Account", "update", "plan", "account_state"),
        ("Account", "update", "plan_id", "account_state"),
        ("Account", "update", "status", "account_state"),
        ("Account", "update", "paused_at", "account_state"),
        ("Account", "update", "cancelled_at", "account_state"),
        ("Account", "update", "cancellation_reason", "account_state"),
        ("Account", "update", "can_create_subaccounts", "account_state"),
        ("Subscription", "update", "status", "account_state"),
        ("Account", "cancel", "", "account_state"),
        ("Agency", "reactivated", "", "account_state"),
        ("TrackingNumber", "update", "status", ""),
        ("Campaign", "update", "plan", ""),
        ("Account", "update", "name", ""),
        ("Account", "update", "gdpr_enabled", "privacy_settings"),
        ("Account", "update", "gdpr_mode", "privacy_settings"),
        ("Tracker", "update", "cookie_consent_required", "privacy_settings"),
        ("Account", "update", "anonymize_ip", "privacy_settings"),
        ("Account", "update", "recording_consent_message", "privacy_settings"),
        ("Account", "update", "data_retention_days", "privacy_settings"),
    ],
)
def test_security_classes(item: str, event: str, name: str, expected: str) -> None:
    assert security_class(item, event, name) == expected
    assert not expected or expected in CLASSES


def test_classes_of_members_that_changed_inside_a_setting() -> None:
    old, new = (
        {"theme": "a", "two_factor": False, "role": "x"},
        {"theme": "b", "two_factor": True, "role": "x"},
    )
    assert change_class("Account", "update", "settings", old, new) == "two_factor"
    assert change_class("Account", "update", "settings", old, old | {"theme": "c"}) == ""


SETTINGS = """ssn_redaction: off | login_required_for_recordings: false | last_login_at: 2026-10-01 | email_notifications: daily
login_at: 2026-10-01T10:00:00Z | gdpr_enabled: true | payment_method: visa | payment_method: Visa ending in 4242 | card_on_file: true
role: Account Administrator | phone_number_format: e164 | phone_number_format: (XXX) XXX-XXXX | name_display: first name only
address_required: true | ssn_masking: last four | dob_format: MM/DD/YYYY | phoneNumberFormat: international | email: disabled
phone_verified_at: 2026-11-01 04:05:06 UTC | otp_delivery: sms | caller_name_lookup: disabled | email-notifications: weekly
SSN_REDACTION: ON | email_template_language: en-US | login_attempts_limit: 5 | login_hours: 09:00 | card_brand: American Express
session_timeout: 30 minutes | ssn_verified_at: 2026-01-01 | username_format: lowercase | payment_method: ach | state: suspended"""
SETTINGS += """
ssn_last4_visible: t | ssn_last4_visible: f | mask_phone_numbers: Y | mask_phone_numbers: N | hide_address: always | hide_caller_name: Y
email_opt_in: y | show_email: 1 | phone_verified: T | iban_present: F | redact_ssn: 0 | email_bounce_state: ok | email_bounce_state: bounced
email_state: soft bounce | passport_check: passed | passport_check: N/A | ssn_check: no match | iban_check: inconclusive | card_status: lost
address_validation: partial match | phone_lookup_status: unavailable | password_policy: strong | driver_license_check: in review
language: de | language: DE | languages: de, en, fr | ui_language: German | lang: pt-br | locale: en-GB | locale: zh-Hant-TW | locale: en_US
default_locale: no | fallback_languages: ["en","de"] | default_country: DE | country_code: us | allowed_countries: US,CA,MX | billing_country: UK
currency: EUR | currencies: usd eur | billing_currency_code: GBP | timezone: Europe/Berlin | time_zone: Berlin | tz: UTC+2 | timezone: CET
time_zone: Eastern Time (US & Canada) | timezone: +05:30 | timezone: New York"""
VALUES = """ssn_redaction: 457-55-5462 | ssn_masking: 5462 | email_notifications: jane@example.org | email_notifications: marla | name: marla
payment_method: Marla Ostrander 4111 1111 1111 1111 | login: mostrander | login: Daily | owner: Max | first_name: No
last_name: Daily | city: Mobile | last_login_at: jane@example.org | cvv_required: 123 | dob_format: 1980-02-03 | born_at: 1980-02-03
phone_number_format: 1512345678 | phone_verified_at: 415-555-0123 | card_expiry_reminder: 12/27 | username: admin | zip: 9411
role: Marla Ostrander | comment: Max | name_display: Marla Ostrander | address_required: 22 Willow Lane | card_brand: 4539910317764670"""


VALUES += """
language: Marla Ostrander | language: Al | language: marla | locale: 415-555-0194 | default_country: 457-55-5462 | country: Al
default_country: Marla | currency: Penny | currency: 4539910317764670 | timezone: Marla Ostrander | timezone: 415-555-0194 | tz: +4155550194
first_name: Y | middle_initial: N | name: T | last_name: F | zip: F | mask_phone_numbers: 415-555-0194 | ssn_last4_visible: 5462
hide_caller_name: Marla | show_email: bo@example.org | email_bounce_state: bo@example.org | passport_check: C01X00T47 | cvv: 1
iban_check: DE89370400440532013000 | password_policy: Marla Strong | language: en 457-55-5462 | locale: en_Marla"""


def rows(text: str) -> list[tuple[str, str]]:
    """Names and values of a table above."""
    parts = [row.strip().partition(": ") for line in text.splitlines() for row in line.split("|")]
    return [(name, value) for name, _, value in parts]


@pytest.mark.parametrize(("name", "text"), rows(SETTINGS))
def test_states_times_and_closed_words_are_settings_whatever_their_field_is_named_after(
    name: str, text: str
) -> None:
    assert is_setting("User", name, text)


@pytest.mark.parametrize(("name", "text"), rows(VALUES))
def test_the_value_decides_and_a_word_is_closed_only_by_the_lists(name: str, text: str) -> None:
    assert not is_setting("User", name, text)


@settings(max_examples=200, derandomize=True)
@given(st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=12))
def test_no_word_outside_the_lists_is_a_setting(word: str) -> None:
    listed = (
        word
        in closed_values._CONTENT
        | closed_values._WEAK
        | closed_values._FLAGS
        | closed_values._LOWER_FLAGS
        | closed_values._LETTER_FLAGS
    )
    assert listed or not any(
        is_setting("User", name, word)
        for name in ("email_notifications", "role", "name", "login", "comment")
    )
