"""What the words beside digits make of them: kinds of values by the topic of their cue."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
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


KINDS: dict[str, Kind] = {
    "phone": Kind("PHONE_NUMBER", 6, 3),
    "card": Kind("CREDIT_CARD", 8, 3),
    "cvv": Kind("CVV", 3, 3, 4),
    "expiry": Kind("CARD_EXPIRY", 3, 2, 8),
    "ssn": Kind("US_SSN", 4, 2, 20),
    "state": Kind("ID", 4, 2, 20),  # a state number of the language's own; its data says which
    "zip": Kind("ZIP_CODE", 3, 3, 10),
    "dob": Kind("DATE_OF_BIRTH", 4, 2, 8),
    "account": Kind("ACCOUNT_ID", 4, 3),
    "bank": Kind("US_BANK_NUMBER", 5, 3),
    "iban": Kind("IBAN_CODE", 8, 4),
    "order": Kind("ORDER_ID", 4, 3),
    "booking": Kind("BOOKING_REFERENCE", 4, 3),
    "plate": Kind("LICENSE_PLATE", 3, 2, 10),
    "vin": Kind("VIN", 5, 3, 20),
    "license": Kind("US_DRIVER_LICENSE", 5, 3, 20),
    "passport": Kind("US_PASSPORT", 5, 3, 12),
    "medical": Kind("MEDICAL_RECORD", 4, 3, 20),
    "username": Kind("USERNAME", 3, 3, 20),
    "password": Kind("PASSWORD", 3, 3, 20),
    "pin": Kind("PIN", 3, 3, 12),
}
"""What a cue's topic makes of digits near it."""
DIGITS_ASKED = frozenset(("last4", "ssn", "card", "cvv", "pin", "phone", "account", "bank", "medical", "license", "passport", "state"))
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
