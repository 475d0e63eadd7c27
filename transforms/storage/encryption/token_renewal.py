"""Rows and records with their reversible tokens made anew by another key."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

from callveil.schemas.json_types import Row
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.encryption.tokens import renew_tokens
from callveil.transforms.storage.files.serialization import dumps

TOKEN = "token"  # noqa: S105
"""Action of a finding that was replaced by a token."""


def make_finding_renewal(key_id: str) -> Callable[[Row], Row]:
    """Return what turns a finding into one whose token a key has made."""

    def change(row: Row) -> Row:
        return (
            row if row["action"] != TOKEN or row["key_id"] == key_id else row | {"key_id": key_id}
        )

    return change


def renew_value_tokens(
    keyring: Keyring, value: Any, account_id: str, interaction_id: str, key_id: str = ""
) -> Any:
    """Return a value with the tokens in its texts made anew, by the active key unless another is
    named.
    """
    if isinstance(value, str):
        return (
            renew_tokens(value, keyring, account_id, interaction_id, key_id)
            if ":t1." in value
            else value
        )
    if isinstance(value, dict):
        return {
            k: renew_value_tokens(keyring, v, account_id, interaction_id, key_id)
            for k, v in value.items()
        }
    return (
        [renew_value_tokens(keyring, v, account_id, interaction_id, key_id) for v in value]
        if isinstance(value, list)
        else value
    )


def renew_record_tokens(keyring: Keyring, data: bytes, key_id: str = "") -> bytes:
    """Return a record of the live zone, with its findings, with tokens of the active key unless
    another is named.
    """
    document = json.loads(data)
    row, finding = document["interaction"], make_finding_renewal(key_id or keyring.active)
    row = renew_value_tokens(keyring, row, row["account_id"], row["id"], key_id)
    return dumps(
        document | {"interaction": row, "findings": [finding(f) for f in document["findings"]]}
    ).encode()


def is_renewed_record(keyring: Keyring, data: bytes, before: str) -> bool:
    """Tell whether a record of the live zone is one of some SHA-256 (hex) but for the key of its
    tokens: made anew by that key it is the same again.
    """
    try:
        if dumps(json.loads(data)).encode() != data:
            return False
        makers = [k for k in keyring.key_ids if keyring.opens(k)]
        return any(
            hashlib.sha256(renew_record_tokens(keyring, data, k)).hexdigest() == before
            for k in makers
        )
    except (ValueError, KeyError, TypeError):
        return False
