"""Redaction decision for one record: rules, mode, language, and earlier decisions.

Earlier decisions are those of previous runs and those that people have made.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

from callveil.schemas.interaction import MODES, RawInteraction
from callveil.schemas.policy import Policy, Rules
from callveil.schemas.request import RedactionRequest
from callveil.transforms.detect.script import is_unsupported_language
from callveil.transforms.detect.text_fields import walk

DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class MinimumRedaction:
    """Redaction that an earlier version of the same record already got. A later snapshot is never
    redacted less.

    Attributes:
        mode: none, content or full.
        entities: entity types that were replaced, and `clear:<field>` or `redact:<field>` for
            fields without a type that went as a whole.
    """

    mode: str = "none"
    entities: frozenset[str] = frozenset()


@dataclass(frozen=True)
class RedactionDecision:
    """How one record is redacted.

    Attributes:
        rules: the policy's rules for it.
        mode: none, content or full.
        trigger: auto, manual or subject_request; why the mode is what it is.
        language: language it is analysed in; None where the policy reads none such.
        floor: entity types that stay redacted whatever the rules say.
        requests: requests that name it, narrowest last.
        request: the request that asked for full redaction, where one did.
        held: the mode is what an earlier version of the record was redacted in, and stronger than
            the policy's.
    """

    rules: Rules
    mode: str
    trigger: str
    language: str | None
    floor: frozenset[str] = frozenset()
    requests: tuple[RedactionRequest, ...] = ()
    request: RedactionRequest | None = field(default=None)
    held: bool = False


def strongest_mode(*modes: str) -> str:
    """Return the strongest of some modes."""
    return max(modes, key=MODES.index)


def decide_redaction(
    policy: Policy,
    raw: RawInteraction,
    account_type: str,
    as_of: dt.datetime,
    language: str | None,
    floor: MinimumRedaction,
    requests: tuple[RedactionRequest, ...],
) -> RedactionDecision:
    """Decide how a record is redacted.

    Args:
        policy: the policy.
        raw: the record; its own `redacted` flag counts as content redaction by the platform, never
            as less work here.
        account_type: type of its account when it happened.
        as_of: the run's time; ages are counted from `called_at` in whole 24-hour days, half-open.
        language: the detector's language for it, None where the policy reads none such. A record
            mostly written in a script that none of the policy's languages uses counts as such.
        floor: what it was redacted to before.
        requests: manual requests that name it.
    """
    prose = (leaf.text for leaf in walk(raw.record) if leaf.prose and not leaf.key)
    if language is not None and is_unsupported_language(prose, policy.detect.languages):
        language = None
    rules = policy.rules(
        raw.key.account_id,
        account_type,
        raw.kind,
        str(raw.record.get("language") or policy.detect.default_language),
    )
    mode = rules.mode
    trigger = "auto"
    asked = next((r for r in requests if r.scope == "all"), None)
    if rules.mode_at(raw.called_at, as_of) == "full" or (
        language is None and policy.detect.unknown_language == "full" and rules.mode != "none"
    ):
        mode = "full"
    elif asked:
        mode, trigger = "full", asked.trigger
    # A narrower request needs the record to be read at all: `none` would pass everything else
    # through, which is what the rules say.
    held = strongest_mode(mode, floor.mode) != mode
    mode = strongest_mode(mode, floor.mode)
    if language is None and mode != "full":
        language = policy.detect.default_language
    return RedactionDecision(
        rules,
        mode,
        trigger,
        language,
        floor.entities,
        requests,
        asked if trigger != "auto" else None,
        held,
    )
