"""What a field is, judged by its name, and what a secret looks like. Every secret is generated."""

from __future__ import annotations

import pytest

from callveil.schemas.history import CLASSES
from callveil.transforms.history.judge import change_class, security_class, whole_entity
from callveil.transforms.history.secret import is_secret, secret_spans


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
    ],
)
def test_names_of_personal_fields(item: str, name: str, entity: str) -> None:
    assert whole_entity(item, name) == entity


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
    ],
)
def test_security_classes(item: str, event: str, name: str, expected: str) -> None:
    assert security_class(item, event, name) == expected
    assert not expected or expected in CLASSES


def test_classes_of_members_that_changed_inside_a_setting() -> None:
    old, new = {"theme": "a", "two_factor": False, "role": "x"}, {"theme": "b", "two_factor": True, "role": "x"}
    assert change_class("Account", "update", "settings", old, new) == "two_factor"
    assert change_class("Account", "update", "settings", old, old | {"theme": "c"}) == ""
