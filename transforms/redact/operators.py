"""Presidio operators that replace detected values.

They write labels, masks, keyed pseudonyms and reversible tokens.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import orjson
from presidio_anonymizer.operators import Operator, OperatorType

from callveil.schemas.plugins import OPERATORS as PLUGINS
from callveil.schemas.plugins import Plugin, find_plugins
from callveil.schemas.policy import OPERATORS as OWN
from callveil.schemas.policy import Policy, Rules
from callveil.transforms.detect.known_values import (
    CODE,
    DIGITS,
    EMAIL,
    EMAIL_WORDS,
    NAME,
    normalize_code,
    strip_case_and_accents,
)
from callveil.transforms.detect.models import model_fingerprint, plugin_fingerprint
from callveil.transforms.detect.placeholders import CODE as WRITTEN
from callveil.transforms.detect.propagation import KINDS
from callveil.transforms.storage.encryption.tokens import TOKEN as TOKEN
from callveil.transforms.storage.encryption.tokens import TokenError as TokenError
from callveil.transforms.storage.encryption.tokens import TokenKeys as TokenKeys
from callveil.transforms.storage.encryption.tokens import encode_parts, make_token
from callveil.transforms.storage.encryption.tokens import make_call_token as make_call_token
from callveil.transforms.storage.encryption.tokens import renew_tokens as renew_tokens
from callveil.transforms.storage.encryption.tokens import reveal_token as reveal_token
from callveil.transforms.storage.encryption.tokens import scope_of as scope_of

PSEUDONYM_CHARS = 13
"""Characters of a pseudonym in base 32: 65 bits, so that a million values of one account collide
with a chance of about 1 in 70 million.
"""

NUMERIC = frozenset({"CVV", "PIN", "US_ITIN"})
"""Numbers that are not sought again (`detect.propagation.KINDS`), but read alike however they are
said.
"""
WORD = re.compile(r"[^\W_]+")


def canonical_value(entity: str, text: str) -> str:
    """Return the form in which two ways of writing or saying one value are equal: folded letters
    and digits; in numbers and codes spoken digits and repeats as digits, and the letter o as a
    zero, since speech does not tell them apart; telephone numbers by their last ten digits; e-mail
    addresses without their symbols and the words for them; names without what stands between their
    letters.
    """
    kind = KINDS.get(entity)
    if kind in (DIGITS, CODE) or entity in NUMERIC:
        joined = normalize_code(text).replace("o", "0")
        return joined[-10:] if entity == "PHONE_NUMBER" else joined
    words = [strip_case_and_accents(w) for w in WORD.findall(text)]
    if kind == EMAIL and "@" not in text:
        words = [w for w in words if w not in EMAIL_WORDS]
    return ("" if kind in (EMAIL, NAME) else " ").join(words)


OperatorParams = dict[str, Any]
"""Parameters of an operator, as Presidio hands them over."""


class _Anonymizer(Operator):  # type: ignore[misc]
    def validate(self, params: OperatorParams | None = None) -> None:
        """Parameters come from a validated policy."""

    def operator_type(self) -> OperatorType:
        """Return the type of all operators that anonymize."""
        return OperatorType.Anonymize

    def operator_name(self) -> str:
        """Name under which the engine finds it."""
        return f"callveil_{type(self).__name__.lower()}"


class Label(_Anonymizer):
    """The typed label, such as `[PHONE_NUMBER]`."""

    def operate(self, text: str, params: OperatorParams | None = None) -> str:
        """Return the label; `text` plays no part."""
        return str((params or {})["label"])


class Clear(_Anonymizer):
    """Nothing at all."""

    def operate(self, text: str, params: OperatorParams | None = None) -> str:
        """Return an empty text."""
        return ""


class Same(_Anonymizer):
    """The text itself, where it is a pseudonym or token already."""

    def operate(self, text: str, params: OperatorParams | None = None) -> str:
        """Return the text."""
        return text


class Mask(_Anonymizer):
    """Each letter and digit replaced, but for the last `keep_last` of them, and at most half;
    punctuation stays and shows the form.
    """

    def operate(self, text: str, params: OperatorParams | None = None) -> str:
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

    def operate(self, text: str, params: OperatorParams | None = None) -> str:
        """HMAC-SHA256 over scope, entity type and canonical value."""
        params = params or {}
        entity, value = params["entity"], canonical_value(params["entity"], params["value"])
        digest = hmac.digest(
            params["key"], encode_parts(*params["scope"], entity, value), hashlib.sha256
        )
        return f"[{entity}:{base64.b32encode(digest).decode().lower()[:PSEUDONYM_CHARS]}]"


class Token(_Anonymizer):
    """An authenticated, reversible token, such as `[PERSON:t1.<key>.<text>]`; see
    `reveal_token`.
    """

    def operate(self, text: str, params: OperatorParams | None = None) -> str:
        """Return AES-SIV of the text itself, bound to scope and entity type. Equal texts of one
        scope give equal tokens.
        """
        params = params or {}
        return make_token(params["entity"], text, params["key"], params["key_id"], params["scope"])


class Encoded(_Anonymizer):
    """Operator that writes the result of another one as a literal of JSON written as a text."""

    def operate(self, text: str, params: OperatorParams | None = None) -> str:
        """Run the operator over the decoded text and encode its result; see `encoded_params`."""
        params = params or {}
        out = apply_operator(params["action"], params["value"], params["params"])
        for level in range(params["depth"] + 1):
            out = orjson.dumps(out).decode()
            out = out if level == 0 and params["number"] else out[1:-1]
        return out


def encoded_params(
    action: str, params: OperatorParams, value: str, depth: int, number: bool
) -> OperatorParams:
    """Return parameters of `Encoded`.

    Args:
        action, params: the operator whose result is written.
        value: the decoded text.
        depth: JSON strings within each other that the literal stands in.
        number: the literal is a number, and becomes a string.
    """
    return {"action": action, "params": params, "value": value, "depth": depth, "number": number}


OPERATORS = (Label, Clear, Same, Mask, Pseudonym, Token, Encoded)
_BY_ACTION = {kind.__name__.lower(): kind() for kind in OPERATORS}
SHORT = 4
"""Letters and digits up to which what an operator of others writes may hold a value by chance."""


class PluginOperator(_Anonymizer):
    """An operator of others, which writes a code into a placeholder: `[PERSON:theirs:x1]`."""

    def __init__(self, plugin: Plugin) -> None:
        self.plugin = plugin
        try:
            self._theirs = plugin.load()()
            self._operate = self._theirs.operate
        except Exception as error:
            raise plugin.failed(f"cannot be made ({type(error).__name__}: {error})") from error

    def operate(self, text: str, params: dict[str, Any] | None = None) -> str:
        """Return the placeholder. Raises `PluginError`, so that the record is rejected, where the
        code has other characters than `detect.placeholders.CODE`, or holds the value.
        """
        params = params or {}
        with self.plugin.contained():
            code = self._operate(text, dict(params))
        if not isinstance(code, str) or not re.fullmatch(WRITTEN, code):
            raise self.plugin.failed(f"writes what is no code ({WRITTEN})")
        value = _bare(text)
        if len(value) > SHORT and value in _bare(code):
            raise self.plugin.failed("writes the value itself")
        return f"[{params['entity']}:{self.plugin.name}:{code}]"


def _bare(text: str) -> str:
    return "".join(filter(str.isalnum, text.casefold()))


@lru_cache(maxsize=64)
def _operator(action: str) -> Operator:
    """Return the operator of an action. Raises `PluginError` where a plugin's cannot be used."""
    return _BY_ACTION.get(action) or PluginOperator(find_plugins(PLUGINS, OWN)[action])


def apply_operator(action: str, text: str, params: OperatorParams) -> str:
    """Return what the operator of an action writes in place of a text."""
    return str(_operator(action).operate(text, params))


def code_fingerprint(policy: Policy) -> str:
    """Return names, versions and digests of all code of others that decides under a policy: models,
    recognizers, and the operators it names. Empty where there is none.

    Raises `PluginError` where one cannot be used.
    """
    told = [model_fingerprint(policy.detect)]
    if plugins := find_plugins(PLUGINS, OWN):
        for name in sorted(policy.operators_named().intersection(plugins)):
            _operator(name)
            told.append(plugin_fingerprint(plugins[name]))
    return ", ".join(filter(None, told))


Replacement = tuple[int, int, str, OperatorParams]
"""A stretch of a text, half-open, the action that writes in its place, and its parameters."""


def replace_spans(
    text: str, replacements: Iterable[Replacement]
) -> tuple[str, list[tuple[int, int]]]:
    """Return what Presidio's anonymizer makes of a text, in time that grows with its length alone.

    Presidio compares each result with each and copies the text for every one; ours are disjoint.

    Args:
        replacements: in order and disjoint.

    Returns: the text, and where in it the replacements stand, half-open.

    Raises:
        ValueError: a stretch is out of order, or beyond the text.
    """
    parts: list[str] = []
    places: list[tuple[int, int]] = []
    read = written = 0
    for start, end, action, params in replacements:
        if not read <= start <= end <= len(text):
            raise ValueError("a replacement is out of order, or beyond the text")
        new = apply_operator(action, text[start:end], params)
        written += start - read
        places.append((written, written + len(new)))
        parts += (text[read:start], new)
        read, written = end, written + len(new)
    return "".join((*parts, text[read:])), places


def operator_params(
    rules: Rules, entity: str, value: str, secrets: TokenKeys, account_id: str, interaction_id: str
) -> tuple[str, OperatorParams, str]:
    """Return the operator for one value, with its parameters.

    Args:
        value: the whole value, of which the text at hand may be a part (a number spread over
            turns).

    Returns: action as reports name it, Presidio parameters, and the id of the key used (empty where
        none is). `keep` never comes back: where the policy keeps a type that must be replaced all
        the same, it is labelled.
    """
    operator = rules.operator(entity)
    scope = scope_of(operator.scope, account_id, interaction_id)
    if operator.name == "mask":
        return "mask", {"char": operator.char, "keep_last": operator.keep_last}, ""
    if operator.name == "pseudonym":
        return (
            "pseudonym",
            {"entity": entity, "value": value, "key": secrets.pseudonym, "scope": scope},
            secrets.pseudonym_id or secrets.key_id,
        )
    if operator.name == "token":
        return (
            "token",
            {"entity": entity, "key": secrets.token, "key_id": secrets.key_id, "scope": scope},
            secrets.key_id,
        )
    if operator.name in ("label", "keep"):
        return "label", {"label": rules.label_for(entity)}, ""
    return operator.name, {"entity": entity, "value": value, "scope": scope}, ""
