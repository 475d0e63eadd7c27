"""Ground truth of the generated sample: the planted values and their locations.

The redaction of the sample is measured against it. It holds the values in clear and says so.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from callveil.schemas.json_types import JsonObject
from callveil.transforms.lab.sample.dialogues import DialogueTurn
from callveil.transforms.lab.sample.scene import PlantedValue

SENSITIVE = frozenset(
    (
        "PERSON",
        "PHONE_NUMBER",
        "EMAIL_ADDRESS",
        "CREDIT_CARD",
        "CVV",
        "CARD_EXPIRY",
        "US_SSN",
        "DATE_OF_BIRTH",
        "ADDRESS",
        "ZIP_CODE",
        "LOCATION",
        "ACCOUNT_ID",
        "ORDER_ID",
        "LICENSE_PLATE",
        "USERNAME",
        "US_BANK_NUMBER",
        "IBAN_CODE",
        "IP_ADDRESS",
        "US_PASSPORT",
    )
)
"""Types that count for a leak scan; ORGANIZATION is labelled but is no personal data."""


@dataclass(slots=True)
class PlantedSpan:
    """One planted surface form: dotted path of the field in the source record (`outline[3].text`),
    half-open code points, type, value key.
    """

    path: str
    start: int
    end: int
    type: str
    key: str
    text: str


@dataclass(slots=True)
class InteractionGold:
    """Everything planted in one interaction.

    Attributes:
        account_id, id: key of the interaction.
        values: key to type and canonical form. spans: every place where a form of a value was
            written; word rows (`words`, and the word lists inside recognisers' transcripts) repeat
            the text they were cut from and are not listed, since one word (`four`) is no form of a
            value.
    """

    account_id: str
    id: str
    values: dict[str, PlantedValue] = field(default_factory=dict)
    spans: list[PlantedSpan] = field(default_factory=list)

    def turn(
        self, path: str, turn: DialogueTurn, shift: int, values: dict[str, PlantedValue]
    ) -> None:
        """Add the labels of a turn that stands in the field at offset `shift`."""
        for s in turn.spans:
            self.values.setdefault(s.key, values[s.key])
            self.spans.append(
                PlantedSpan(
                    path, s.start + shift, s.end + shift, s.type, s.key, turn.text[s.start : s.end]
                )
            )

    def whole(self, path: str, text: str, entity: str, key: str, canonical: str) -> None:
        """Add a field that is one value from end to end."""
        self.part(path, 0, text, entity, key, canonical)

    def part(self, path: str, start: int, text: str, entity: str, key: str, canonical: str) -> None:
        """Add a value that stands at `start` of a field."""
        if text:
            self.values.setdefault(key, PlantedValue(entity, canonical))
            self.spans.append(PlantedSpan(path, start, start + len(text), entity, key, text))

    def as_dict(self) -> JsonObject:
        """JSON form: values with all their surface forms (each once, in order of appearance), and
        spans.
        """
        forms: dict[str, dict[str, None]] = {k: {} for k in self.values}
        for s in self.spans:
            forms[s.key].setdefault(s.text)
        return {
            "generated": True,
            "account_id": self.account_id,
            "id": self.id,
            "values": [
                {
                    "key": k,
                    "type": v.type,
                    "value": v.canonical,
                    "sensitive": v.type in SENSITIVE,
                    "forms": list(forms[k]),
                }
                for k, v in self.values.items()
            ],
            "spans": [
                {"path": s.path, "start": s.start, "end": s.end, "type": s.type, "key": s.key}
                for s in self.spans
            ],
        }
