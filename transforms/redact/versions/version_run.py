"""Common parts of the versions of one run: keys, digests, and stand-ins for actors and ids."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from callveil.schemas.policy import DetectionSettings, Rules
from callveil.transforms.detect.plain_ids import is_plain_id
from callveil.transforms.redact.operators import TokenKeys, apply_operator, operator_params
from callveil.transforms.redact.versions.json_values import (
    canonical_json,
)
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.identity.identifier_names import entity_of


def distinct_label(
    rules: Rules, entity: str, value: str, secrets: TokenKeys, account_id: str
) -> str:
    """Return what stands for a name, address or id that tells actors apart: the policy's operator,
    but a pseudonym of account scope in place of a mere label, so that one person's actions can be
    told from another's without saying who it is.
    """
    if rules.operator(entity).name in ("label", "keep"):
        return apply_operator(
            "pseudonym",
            value,
            {
                "entity": entity,
                "value": value,
                "key": secrets.pseudonym,
                "scope": ("account", account_id),
            },
        )
    action, params, _ = operator_params(rules, entity, value, secrets, account_id, "")
    return apply_operator(action, value, params)


@dataclass(frozen=True)
class VersionRun:
    """Settings, keys and columns that all versions redacted by one run have in common.

    Attributes:
        detect: the policy's `detect` section.
        keyring: keys of pseudonyms, tokens and digests.
        run_id, policy_sha256, as_of: stand in every row.
    """

    detect: DetectionSettings
    keyring: Keyring
    run_id: str
    policy_sha256: str
    as_of: dt.datetime

    @cached_property
    def secrets(self) -> TokenKeys:
        """Keys that the keyring derives for pseudonyms and tokens."""
        return TokenKeys.of(self.keyring)

    def digest(self, account_id: str, value: Any) -> str:
        """Keyed digest of a value (32 hex digits), by which two redacted values of one account are
        told apart or alike.
        """
        return self.keyring.hmac("version-value", account_id, canonical_json(value))[:32]

    def stand_in(self, rules: Rules, entity: str, value: str, account_id: str) -> str:
        """See `distinct_label`."""
        return distinct_label(rules, entity, value, self.secrets, account_id)

    def plain_id(self, rules: Rules, text: str, account_id: str) -> str:
        """Return an id as it is stored: one that is no plain id (an address, a card, a number with
        its +) or is a name becomes a pseudonym.
        """
        return (
            text
            if is_plain_id(text) and not entity_of(text)
            else distinct_label(rules, "ID", text, self.secrets, account_id)
        )
