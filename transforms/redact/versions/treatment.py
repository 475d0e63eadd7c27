"""Treatment of each value of a version, by its field's name and by the policy."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from callveil.schemas.fields import EXTRA
from callveil.schemas.interaction import BY_NAME
from callveil.schemas.rules import collapse_whitespace
from callveil.schemas.version import RawVersion, is_interaction, to_snake_case
from callveil.transforms.detect.closed_values import time_zones
from callveil.transforms.detect.plain_ids import card_spans
from callveil.transforms.detect.secret_fields import (
    SECRET,
    is_misplaced_secret,
    is_secret,
    is_secret_state,
)
from callveil.transforms.redact.versions.change_classes import security_class
from callveil.transforms.redact.versions.decision import RedactionSettings
from callveil.transforms.redact.versions.field_classes import (
    NOTE,
    PERSON_ITEMS,
    STATUS_ITEMS,
    holds_business_number,
    is_setting,
    item_name,
    whole_entity,
)
from callveil.transforms.redact.versions.json_values import Path, ValueText, on_keypad

UNKNOWN = "UNKNOWN_FIELD"
ALWAYS = frozenset({SECRET, "CREDIT_CARD", "CVV", "PASSWORD", "PIN"})
"""Entity types that no history keeps readable, whatever the policy and its mode."""


ROLES = frozenset(
    {
        "Call Agent",
        "Call Manager",
        "Reporting Manager",
        "Billing Manager",
        "Marketing Manager",
        "Administrator",
        "Agency Administrator",
    }
)
"""Names of the platform's roles."""
_LAST_FOUR = re.compile(r"last_?(?:4|four)(?:_digits)?$")


@dataclass
class FieldValue:
    """One value of a version, and what becomes of its texts.

    Attributes:
        place: where it stands in the version.
        name: the field's name; empty for a text that is read by itself.
        value: as delivered.
        tree: the value with its encoded texts opened, where they are read one by one.
        heading: it is a name or word of the version itself, not a value.
        treatment, entity: see `FieldClassifier.of`.
        texts, keys: what stands in place of texts and keys, by path.
        entities: entity types that were redacted.
    """

    place: Path
    name: str
    value: Any
    heading: bool = False
    tree: Any = None
    treatment: str = "scan"
    entity: str = ""
    texts: dict[Path, str] = field(default_factory=dict)
    keys: dict[Path, str] = field(default_factory=dict)
    entities: set[str] = field(default_factory=set)


class FieldClassifier:
    """Decides about the values of one version."""

    def __init__(self, raw: RawVersion, decided: RedactionSettings) -> None:
        self.raw, self.decided, self.rules = raw, decided, decided.rules
        self.about = is_interaction(raw.key.item_type)

    def of(self, slot: FieldValue) -> tuple[str, str]:
        """Return treatment and entity of a value as a whole: keep, scan, redact or clear."""
        name, item = slot.name, self.raw.key.item_type
        if not name:
            return ("scan" if self.decided.mode != "none" else "keep"), ""
        if is_secret(name) and not on_keypad(name, slot.value):
            return "redact", SECRET
        entity = whole_entity(item, name)
        if slot.place[0] == "item_label":
            entity = (
                "PERSON"
                if self.about or item_name(item) in PERSON_ITEMS
                else NOTE
                if item_name(item) in STATUS_ITEMS
                else ""
            )
        if entity in ALWAYS:
            return "redact", entity
        if self.about:
            return self._as_interaction(slot, entity)
        if self.decided.mode == "none":
            return "keep", ""
        if slot.place == (EXTRA,):
            return self.rules.treatment(BY_NAME[EXTRA], self.decided.mode), UNKNOWN
        if (
            holds_business_number(item, name)
            and self.rules.treatment(BY_NAME["tracking_number"], self.decided.mode) == "keep"
        ):
            return "keep", ""
        if entity:
            kept = self.rules.operator(entity).name == "keep" and entity not in self.decided.floor
            return ("keep" if kept else "redact"), entity
        return "scan", ""

    def _as_interaction(self, slot: FieldValue, entity: str) -> tuple[str, str]:
        """Return treatment and entity of a value of an interaction's field, which is treated as the
        interaction's own is.
        """
        declared = BY_NAME.get(slot.name, BY_NAME[EXTRA])
        treatment = self.rules.treatment(declared, self.decided.mode)
        entity = declared.entity if declared.name != EXTRA else entity or UNKNOWN
        floor = self.decided.floor
        if slot.name in self.decided.fields or f"clear:{declared.name}" in floor:
            return "clear", entity
        if f"redact:{declared.name}" in floor or (entity and entity in floor):
            treatment = "redact" if treatment != "clear" else treatment
        if slot.place[0] == "item_label" and self.decided.mode != "none":
            return "redact", "PERSON"
        if (
            treatment == "redact"
            and self.rules.operator(entity).name == "keep"
            and entity not in floor
            and entity != UNKNOWN
        ):
            return "keep", entity
        return treatment, entity

    def is_plain(self, name: str, piece: ValueText) -> bool:
        """Tell whether a text says nothing about a person by what it is: the business' own name or
        number, a time zone, a role of the platform, the last four digits of a card (PCI DSS lets
        them be shown).
        """
        text = piece.text
        return (
            text in ROLES
            or (not self.about and is_setting(self.raw.key.item_type, name, text))
            or ("/" in text and text in time_zones())
            or collapse_whitespace(text) in self.decided.own
            or (
                _LAST_FOUR.search(to_snake_case(name)) is not None
                and len(text) <= 4
                and text.isdigit()
            )
        )

    def entity(self, slot: FieldValue, piece: ValueText) -> str:
        """Entity type a text goes whole as, by the names it stands under; empty where it is
        read.
        """
        secret = slot.entity == SECRET
        name = slot.name if not piece.key or on_keypad(slot.name, {piece.key: 0}) else piece.key
        if piece.below or (secret and (piece.is_key or piece.key)):
            return SECRET
        if piece.is_key:
            return ""
        if secret or is_secret(name):
            return "" if is_secret_state(name, piece.text) else SECRET
        if is_misplaced_secret(name, piece.text):
            return SECRET
        item = self.raw.key.item_type
        if slot.treatment in ("redact", "clear"):
            named = (
                not self.about
                and slot.place != (EXTRA,)
                and (slot.place[0] != "item_label" or slot.entity == NOTE)
            )
            if named and is_setting(item, name, piece.text):
                return ""
            return slot.entity or "REDACTED"
        if card_spans(piece.text) and security_class(item, "", name) == "payment_method":
            return "CREDIT_CARD"  # whose it is may stand beside it
        entity = whole_entity(item, piece.key) if piece.key else ""
        if not entity or (not self.about and is_setting(item, piece.key, piece.text)):
            return ""
        kept = slot.treatment == "keep" or (
            self.rules.operator(entity).name == "keep" and entity not in self.decided.floor
        )
        return "" if kept and entity not in ALWAYS else entity
