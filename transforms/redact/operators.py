"""What stands in place of a value: Presidio operators for labels, masks, keyed pseudonyms and reversible tokens."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import struct
from dataclasses import dataclass, field
from typing import Any

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from presidio_anonymizer import AnonymizerEngine
from presidio_anonymizer.operators import Operator, OperatorType

from callveil.schemas.policy import Rules
from callveil.transforms.detect.consistent import KINDS
from callveil.transforms.detect.known import CODE, DIGITS, EMAIL, EMAIL_WORDS, NAME, fold, spoken_code
from callveil.transforms.store.keyring import Keyring

PSEUDONYM_CHARS = 13
"""Characters of a pseudonym in base 32: 65 bits, so that a million values of one account collide with a chance of about 1 in 70 million."""

NUMERIC = frozenset({"CVV", "PIN", "US_ITIN"})
"""Numbers that are not sought again (`detect.consistent.KINDS`), but read alike however they are said."""
WORD = re.compile(r"[^\W_]+")
TOKEN = re.compile(r"\[([A-Z][A-Z0-9_]*):t1\.([A-Za-z0-9]+)\.([A-Za-z0-9_\-]+)\]")


class TokenError(ValueError):
    """A token cannot be opened: changed, cut off, of another scope, or made with a key the keyring lacks."""


@dataclass(frozen=True)
class Secrets:
    """Keys of pseudonyms and tokens; derived from the keyring, kept out of `repr`, never pickled with a pipeline.

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
    def of(cls, keyring: Keyring, key_id: str | None = None) -> Secrets:
        """Derive both keys from a keyring; a retired key makes no tokens."""
        name = key_id or keyring.active
        token = keyring.derive("token", 64, name) if keyring.opens(name) else b""
        return cls(name, keyring.derive("pseudonym", 32, key_id), token, key_id or keyring.digests)


def canonical(entity: str, text: str) -> str:
    """The form in which two ways of writing or saying one value are equal: folded letters and digits; in numbers and codes spoken
    digits and repeats as digits, and the letter o as a zero, since speech does not tell them apart; telephone numbers by their last
    ten digits; e-mail addresses without their symbols and the words for them; names without what stands between their letters."""
    kind = KINDS.get(entity)
    if kind in (DIGITS, CODE) or entity in NUMERIC:
        joined = spoken_code(text).replace("o", "0")
        return joined[-10:] if entity == "PHONE_NUMBER" else joined
    words = [fold(w) for w in WORD.findall(text)]
    if kind == EMAIL and "@" not in text:
        words = [w for w in words if w not in EMAIL_WORDS]
    return ("" if kind in (EMAIL, NAME) else " ").join(words)


def scope_of(scope: str, account_id: str, interaction_id: str) -> tuple[str, ...]:
    """What a pseudonym or token is bound to: one call, one account, or nothing."""
    return {"call": ("call", account_id, interaction_id), "account": ("account", account_id)}.get(scope, ("everywhere",))


def _bound(*parts: str) -> bytes:
    data = [p.encode() for p in parts]
    return b"".join(struct.pack(">I", len(d)) + d for d in data)


class _Anonymizer(Operator):  # type: ignore[misc]
    def validate(self, params: dict[str, Any] | None = None) -> None:
        """Parameters come from a validated policy."""

    def operator_type(self) -> OperatorType:
        """Anonymizes."""
        return OperatorType.Anonymize

    def operator_name(self) -> str:
        """Name under which the engine finds it."""
        return f"callveil_{type(self).__name__.lower()}"


class Label(_Anonymizer):
    """The typed label, such as `[PHONE_NUMBER]`."""

    def operate(self, text: str, params: dict[str, Any] | None = None) -> str:
        """Return the label; `text` plays no part."""
        return str((params or {})["label"])


class Clear(_Anonymizer):
    """Nothing at all."""

    def operate(self, text: str, params: dict[str, Any] | None = None) -> str:
        """Return an empty text."""
        return ""


class Same(_Anonymizer):
    """The text itself, where it is a pseudonym or token already."""

    def operate(self, text: str, params: dict[str, Any] | None = None) -> str:
        """Return the text."""
        return text


class Mask(_Anonymizer):
    """Each letter and digit replaced, but for the last `keep_last` of them, and at most half; punctuation stays and shows the form."""

    def operate(self, text: str, params: dict[str, Any] | None = None) -> str:
        """Return a text of the same length."""
        params = params or {}
        keep, out = int(params["keep_last"]), list(text)
        # What is masked already counts, so that masking twice changes nothing.
        letters = [i for i, c in enumerate(text) if c.isalnum() or c == params["char"]]
        # A value hardly longer than what may stay readable could be guessed from the rest.
        for i in letters[: len(letters) - min(keep, len(letters) // 2)]:
            out[i] = params["char"]
        return "".join(out)


class Pseudonym(_Anonymizer):
    """The same keyed name for the same value within a scope, such as `[PERSON:k3v9...]`."""

    def operate(self, text: str, params: dict[str, Any] | None = None) -> str:
        """HMAC-SHA256 over scope, entity type and canonical value."""
        params = params or {}
        entity, value = params["entity"], canonical(params["entity"], params["value"])
        digest = hmac.digest(params["key"], _bound(*params["scope"], entity, value), hashlib.sha256)
        return f"[{entity}:{base64.b32encode(digest).decode().lower()[:PSEUDONYM_CHARS]}]"


class Token(_Anonymizer):
    """An authenticated, reversible token, such as `[PERSON:t1.<key>.<text>]`; see `reveal`."""

    def operate(self, text: str, params: dict[str, Any] | None = None) -> str:
        """AES-SIV of the text itself, bound to scope and entity type. Equal texts of one scope give equal tokens."""
        params = params or {}
        data = AESSIV(params["key"]).encrypt(text.encode(), [_bound(*params["scope"]), params["entity"].encode()])
        return f"[{params['entity']}:t1.{params['key_id']}.{base64.urlsafe_b64encode(data).decode().rstrip('=')}]"


class Encoded(_Anonymizer):
    """What another operator writes, as a literal of JSON that is written as a text."""

    def operate(self, text: str, params: dict[str, Any] | None = None) -> str:
        """Run the operator over the decoded text and encode its result; see `encoded`."""
        params = params or {}
        out = str(_BY_ACTION[params["action"]].operate(params["value"], params["params"]))
        for level in range(params["depth"] + 1):
            out = orjson.dumps(out).decode()
            out = out if level == 0 and params["number"] else out[1:-1]
        return out


def encoded(action: str, params: dict[str, Any], value: str, depth: int, number: bool) -> dict[str, Any]:
    """Parameters of `Encoded`.

    Args:
        action, params: the operator whose result is written.
        value: the decoded text.
        depth: JSON strings within each other that the literal stands in.
        number: the literal is a number, and becomes a string.
    """
    return {"action": action, "params": params, "value": value, "depth": depth, "number": number}


_BY_ACTION = {
    kind.__name__.lower(): kind() for kind in (Label, Clear, Same, Mask, Pseudonym, Token)
}
OPERATORS = (Label, Clear, Same, Mask, Pseudonym, Token, Encoded)


def anonymizer() -> AnonymizerEngine:
    """Presidio's anonymizer with callveil's operators registered."""
    engine = AnonymizerEngine()
    for operator in OPERATORS:
        engine.add_anonymizer(operator)
    return engine


def parameters(rules: Rules, entity: str, value: str, secrets: Secrets, account_id: str, interaction_id: str) -> tuple[str, dict[str, Any], str]:
    """Operator for one value.

    Args:
        value: the whole value, of which the text at hand may be a part (a number spread over turns).

    Returns: action as reports name it, Presidio parameters, and the id of the key used (empty where none is).
        `keep` never comes back: where the policy keeps a type that must be replaced all the same, it is labelled.
    """
    operator = rules.operator(entity)
    scope = scope_of(operator.scope, account_id, interaction_id)
    if operator.name == "mask":
        return "mask", {"char": operator.char, "keep_last": operator.keep_last}, ""
    if operator.name == "pseudonym":
        return "pseudonym", {"entity": entity, "value": value, "key": secrets.pseudonym, "scope": scope}, secrets.pseudonym_id or secrets.key_id
    if operator.name == "token":
        return "token", {"entity": entity, "key": secrets.token, "key_id": secrets.key_id, "scope": scope}, secrets.key_id
    if operator.name == "clear":
        return "clear", {}, ""
    return "label", {"label": rules.label_for(entity)}, ""


def token(entity: str, text: str, secrets: Secrets, account_id: str, interaction_id: str) -> str:
    """A token of scope `call` outside of a redacted record, for texts that go with it."""
    return Token().operate(
        text, {"entity": entity, "key": secrets.token, "key_id": secrets.key_id, "scope": scope_of("call", account_id, interaction_id)}
    )


def reveal(token: str, keyring: Keyring, account_id: str = "", interaction_id: str = "") -> str:
    """The text behind a token.

    Args:
        token: as it stands in a redacted text, brackets included.
        keyring: must hold the key the token names.
        account_id, interaction_id: where the token was found; needed for tokens of scope `account` and `call`.

    Raises:
        TokenError: no scope and key opens it.
    """
    match = TOKEN.fullmatch(token)
    if not match:
        raise TokenError("this is no callveil token; give it with its brackets, as it stands in the redacted text")
    entity, key_id, body = match.groups()
    return _opened(entity, key_id, body, keyring, account_id, interaction_id)[0]


def _opened(entity: str, key_id: str, body: str, keyring: Keyring, account_id: str, interaction_id: str) -> tuple[str, tuple[str, ...]]:
    """The text behind a token's parts, and the scope it is bound to. Raises `TokenError`."""
    if not keyring.opens(key_id):
        raise TokenError(f"the keyring has no key {key_id!r} that opens tokens; use the keyring of the run that made the token")
    siv = AESSIV(Secrets.of(keyring, key_id).token)
    try:
        data = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
    except ValueError:
        raise TokenError("the token is damaged") from None
    for scope in ("call", "account", "everywhere"):
        bound = scope_of(scope, account_id, interaction_id)
        try:
            return siv.decrypt(data, [_bound(*bound), entity.encode()]).decode(), bound
        except (InvalidTag, ValueError):
            continue
    raise TokenError("the token does not open: it was changed, or it belongs to another account or interaction (give --account and --interaction)")


def renew_tokens(text: str, keyring: Keyring, account_id: str, interaction_id: str, key_id: str = "") -> str:
    """A text with its tokens made anew by a key, the active one unless another is named; of the same length. One that does not open stays."""
    maker = key_id or keyring.active

    def renewed(match: re.Match[str]) -> str:
        entity, key_id, body = match.groups()
        if key_id == maker:
            return match[0]
        try:
            value, scope = _opened(entity, key_id, body, keyring, account_id, interaction_id)
        except TokenError:
            return match[0]
        secrets = Secrets.of(keyring, maker)
        return Token().operate(value, {"entity": entity, "key": secrets.token, "key_id": secrets.key_id, "scope": scope})

    return TOKEN.sub(renewed, text)
