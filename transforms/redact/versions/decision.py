"""Redaction decision for one version (change-history record): rules and mode.

What was decided about the interaction it is about counts as well.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from callveil.schemas.policy import Policy, Rules
from callveil.schemas.version import RawVersion, is_interaction
from callveil.transforms.detect.decision import MinimumRedaction, strongest_mode

KIND = "version"
"""Kind of record that a policy's overrides see."""


@dataclass(frozen=True)
class RedactionSettings:
    """How one version is redacted.

    Attributes:
        rules: the policy's rules for it.
        mode: none, content or full; of a version about an interaction at least the interaction's
            own.
        account_type: type of the account when it happened.
        agency_id: its agency.
        language: language its texts are read in.
        floor: entity types (and `clear:<field>`, `redact:<field>`) that were redacted in the
            interaction.
        fields: fields of the interaction that someone asked to have redacted.
        own: the business' own name and numbers, folded, which are nobody's personal data.
    """

    rules: Rules
    mode: str
    account_type: str
    agency_id: str = ""
    language: str = "en"
    floor: frozenset[str] = frozenset()
    fields: frozenset[str] = frozenset()
    own: frozenset[str] = frozenset()


def choose_settings(
    policy: Policy,
    raw: RawVersion,
    account_type: str,
    agency_id: str,
    as_of: dt.datetime,
    floor: MinimumRedaction | None = None,
    fields: frozenset[str] = frozenset(),
) -> RedactionSettings:
    """Decide how a version is redacted.

    Args:
        account_type, agency_id: of its account when it happened.
        as_of: the run's time, from which the age of a version about an interaction is counted.
        floor: what the interaction it is about was redacted to, if it is about one that is stored.
        fields: fields of that interaction people asked to have redacted.
    """
    rules = policy.rules(raw.key.account_id, account_type, KIND, policy.detect.default_language)
    mode = rules.mode
    if is_interaction(raw.key.item_type):
        mode = strongest_mode(
            rules.mode_at(raw.created_at, as_of),
            floor.mode if floor else "none",
            "full" if raw.event == "redact" else "none",
        )
    elif mode == "full":
        # full redaction empties interactions; an object of the account keeps its name
        mode = "content"
    agency = str(raw.record.get("agency_id") or agency_id)
    return RedactionSettings(
        rules,
        mode,
        account_type,
        agency,
        policy.detect.default_language,
        floor.entities if floor else frozenset(),
        fields,
    )
