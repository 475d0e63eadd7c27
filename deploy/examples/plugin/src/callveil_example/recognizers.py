"""Numbers of loyalty cards, such as LC-204-731."""

from presidio_analyzer import EntityRecognizer, Pattern, PatternRecognizer


def loyalty_cards(language: str) -> list[EntityRecognizer]:
    """Return the recognizers for texts of a language; an empty list where there are none."""
    pattern = Pattern("loyalty card", r"\bLC-\d{3}-\d{3}\b", 0.9)
    return [
        PatternRecognizer(
            supported_entity="X_LOYALTY_CARD",
            name="LoyaltyCardRecognizer",
            patterns=[pattern],
            supported_language=language,
        )
    ]
