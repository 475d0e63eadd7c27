"""A raw record with its decision, and with what was found in it."""

from __future__ import annotations

from dataclasses import dataclass, field

from callveil.schemas.account import Account
from callveil.schemas.finding import TextSpan
from callveil.schemas.interaction import RawInteraction
from callveil.schemas.rules import NAMED
from callveil.transforms.detect.conversation import View
from callveil.transforms.detect.decision import RedactionDecision
from callveil.transforms.detect.document import (
    InteractionDocument,
)
from callveil.transforms.detect.known_values import (
    KnownValue,
)
from callveil.transforms.detect.text_fields import Leaf

GUARDED_GROUPS, CALLER_GROUPS = (
    frozenset({"flow", "media", "staff", "visitor", NAMED}),
    frozenset({"caller"}),
)
"""Groups that are read where a policy keeps them, for `GUARDED_ENTITIES` and for `CARD_DATA` alone.
"""


@dataclass(frozen=True)
class DetectionJob:
    """A raw record, how it is to be redacted, the type of its account, and the account as it was
    then, where it is known.
    """

    raw: RawInteraction
    decision: RedactionDecision
    account_type: str
    agency_id: str = ""
    account: Account | None = None


@dataclass(frozen=True)
class DetectionResult:
    """A raw record with everything that was found in it.

    Attributes:
        job: the record and its decision.
        leaves: all its leaves, with the treatment of each.
        readings: the texts that were read.
        spans: spans per reading, in the reading's offsets, unfiltered.
        known: the contact's own values.
        read: what the engines found in each view, before anything else was added, so that an equal
            view need not be read twice.
        chars: characters of the record's texts; each text counts as one more.
        countries: whose identity numbers may be in it; see `business_values.countries_of`.
    """

    job: DetectionJob
    leaves: list[tuple[Leaf, str]] = field(repr=False)
    readings: list[InteractionDocument] = field(repr=False)
    spans: list[list[TextSpan]] = field(repr=False)
    known: list[KnownValue] = field(repr=False)
    read: dict[View, tuple[TextSpan, ...]] = field(repr=False, default_factory=dict)
    chars: int = 0
    countries: frozenset[str] = frozenset()
