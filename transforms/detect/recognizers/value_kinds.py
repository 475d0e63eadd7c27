"""Value types of numbers by the topic of a cue word beside the digits."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ValueKind:
    """How many digits a value named by a cue may have.

    Attributes:
        entity: entity type.
        told: fewest digits where the cue stands in the same turn.
        asked: fewest digits where the cue is a question.
        most: most digits.
    """

    entity: str
    told: int
    asked: int
    most: int = 40


KINDS: dict[str, ValueKind] = {
    "phone": ValueKind("PHONE_NUMBER", 6, 3),
    "card": ValueKind("CREDIT_CARD", 8, 3),
    "cvv": ValueKind("CVV", 3, 3, 4),
    "expiry": ValueKind("CARD_EXPIRY", 3, 2, 8),
    "ssn": ValueKind("US_SSN", 4, 2, 20),
    "state": ValueKind("ID", 4, 2, 20),  # a state number of the language's own; its data says which
    "zip": ValueKind("ZIP_CODE", 3, 3, 10),
    "dob": ValueKind("DATE_OF_BIRTH", 4, 2, 8),
    "account": ValueKind("ACCOUNT_ID", 4, 3),
    "bank": ValueKind("US_BANK_NUMBER", 5, 3),
    "iban": ValueKind("IBAN_CODE", 8, 4),
    "order": ValueKind("ORDER_ID", 4, 3),
    "booking": ValueKind("BOOKING_REFERENCE", 4, 3),
    "plate": ValueKind("LICENSE_PLATE", 3, 2, 10),
    "vin": ValueKind("VIN", 5, 3, 20),
    "license": ValueKind("US_DRIVER_LICENSE", 5, 3, 20),
    "passport": ValueKind("US_PASSPORT", 5, 3, 12),
    "medical": ValueKind("MEDICAL_RECORD", 4, 3, 20),
    "username": ValueKind("USERNAME", 3, 3, 20),
    "password": ValueKind("PASSWORD", 3, 3, 20),
    "pin": ValueKind("PIN", 3, 3, 12),
}
"""What a cue's topic makes of digits near it."""
DIGITS_ASKED = frozenset(
    (
        "last4",
        "ssn",
        "card",
        "cvv",
        "pin",
        "phone",
        "account",
        "bank",
        "medical",
        "license",
        "passport",
        "state",
    )
)
"""After a question about one of these, a hundred or a thousand is a way to say digits."""
TAILS = {
    "ssn": "US_SSN",
    "card": "CREDIT_CARD",
    "phone": "PHONE_NUMBER",
    "account": "ACCOUNT_ID",
    "bank": "US_BANK_NUMBER",
    "license": "US_DRIVER_LICENSE",
    "order": "ORDER_ID",
}
"""Entity type of the last digits of what a cue names."""
