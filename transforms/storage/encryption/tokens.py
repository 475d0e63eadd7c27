"""Reversible tokens, and the keys that tokens and pseudonyms are made with. Loads no Presidio, so
that short commands stay short.
"""

from __future__ import annotations

import base64
import re
import struct
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from callveil.schemas.errors import CallveilError
from callveil.transforms.storage.encryption.keyring import Keyring

TOKEN = re.compile(r"\[([A-Z][A-Z0-9_]*):t1\.([A-Za-z0-9]+)\.([A-Za-z0-9_\-]+)\]")


class TokenError(CallveilError, ValueError):
    """A token cannot be opened: changed, cut off, of another scope, or made with a key the keyring
    lacks.
    """


@dataclass(frozen=True)
class TokenKeys:
    """Keys of pseudonyms and tokens; derived from the keyring, kept out of `repr`, never pickled
    with a pipeline.

    Attributes:
        key_id: the keyring's active key, which makes tokens. pseudonym_id: the key of pseudonyms.
        pseudonym: 32 bytes for HMAC-SHA256.
        token: 64 bytes for AES-SIV (RFC 5297).
    """

    key_id: str
    pseudonym: bytes = field(repr=False)
    token: bytes = field(repr=False)
    pseudonym_id: str = ""

    @classmethod
    def of(cls, keyring: Keyring, key_id: str | None = None) -> TokenKeys:
        """Derive both keys from a keyring; a retired key makes no tokens."""
        name = key_id or keyring.active
        token = keyring.derive("token", 64, name) if keyring.opens(name) else b""
        return cls(name, keyring.derive("pseudonym", 32, key_id), token, key_id or keyring.digests)


def scope_of(scope: str, account_id: str, interaction_id: str) -> tuple[str, ...]:
    """Return what a pseudonym or token is bound to: one call, one account, or nothing."""
    return {"call": ("call", account_id, interaction_id), "account": ("account", account_id)}.get(
        scope, ("everywhere",)
    )


def encode_parts(*parts: str) -> bytes:
    """Return parts in one form that tells where each ends."""
    data = [p.encode() for p in parts]
    return b"".join(struct.pack(">I", len(d)) + d for d in data)


def make_token(entity: str, text: str, key: bytes, key_id: str, scope: tuple[str, ...]) -> str:
    """Return a token of a text, such as `[PERSON:t1.<key>.<text>]`: AES-SIV, bound to scope and
    entity type. Equal texts of one scope give equal tokens.
    """
    data = AESSIV(key).encrypt(text.encode(), [encode_parts(*scope), entity.encode()])
    return f"[{entity}:t1.{key_id}.{base64.urlsafe_b64encode(data).decode().rstrip('=')}]"


def make_call_token(
    entity: str, text: str, secrets: TokenKeys, account_id: str, interaction_id: str
) -> str:
    """Return a token of scope `call` outside of a redacted record, for texts that go with it."""
    return make_token(
        entity, text, secrets.token, secrets.key_id, scope_of("call", account_id, interaction_id)
    )


def reveal_token(
    token: str, keyring: Keyring, account_id: str = "", interaction_id: str = ""
) -> str:
    """Return the text behind a token.

    Args:
        token: as it stands in a redacted text, brackets included.
        keyring: must hold the key the token names.
        account_id, interaction_id: where the token was found; needed for tokens of scope `account`
            and `call`.

    Raises:
        TokenError: no scope and key opens it.
    """
    match = TOKEN.fullmatch(token)
    if not match:
        raise TokenError(
            "this is no callveil token; give it with its brackets, as it stands in the redacted "
            "text"
        )
    entity, key_id, body = match.groups()
    return _opened(entity, key_id, body, keyring, account_id, interaction_id)[0]


def _opened(
    entity: str, key_id: str, body: str, keyring: Keyring, account_id: str, interaction_id: str
) -> tuple[str, tuple[str, ...]]:
    """Return the text behind a token's parts, and the scope it is bound to. Raises `TokenError`."""
    if not keyring.opens(key_id):
        raise TokenError(
            f"the keyring has no key {key_id!r} that opens tokens; use the keyring of the run that "
            "made the token"
        )
    siv = AESSIV(TokenKeys.of(keyring, key_id).token)
    try:
        data = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
    except ValueError:
        raise TokenError("the token is damaged") from None
    for scope in ("call", "account", "everywhere"):
        bound = scope_of(scope, account_id, interaction_id)
        try:
            return siv.decrypt(data, [encode_parts(*bound), entity.encode()]).decode(), bound
        except (InvalidTag, ValueError):
            continue
    raise TokenError(
        "the token does not open: it was changed, or it belongs to another account or interaction "
        "(give --account and --interaction)"
    )


def renew_tokens(
    text: str, keyring: Keyring, account_id: str, interaction_id: str, key_id: str = ""
) -> str:
    """Return a text with its tokens made anew by a key, the active one unless another is named; of
    the same length. One that does not open stays.
    """
    maker = key_id or keyring.active

    def renewed(match: re.Match[str]) -> str:
        entity, key_id, body = match.groups()
        if key_id == maker:
            return match[0]
        try:
            value, scope = _opened(entity, key_id, body, keyring, account_id, interaction_id)
        except TokenError:
            return match[0]
        secrets = TokenKeys.of(keyring, maker)
        return make_token(entity, value, secrets.token, secrets.key_id, scope)

    return TOKEN.sub(renewed, text)
