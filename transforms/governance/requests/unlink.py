"""Rows that stay, without what leads from them to a person: reversible tokens, pseudonyms and ids
of theirs become plain labels.

The key of a token is shared by many records, so it cannot be destroyed for one person; what it
locks is destroyed instead, which comes to the same.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping
from typing import Any

from callveil.schemas.json_types import RecordValues
from callveil.transforms.detect.known_values import normalize_code
from callveil.transforms.detect.lang import available_languages
from callveil.transforms.redact.operators import (
    TOKEN,
    TokenError,
    TokenKeys,
    apply_operator,
    reveal_token,
    scope_of,
)
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.identity import identifiers as ids
from callveil.transforms.storage.identity.identifiers import Identifier
from callveil.transforms.storage.identity.spoken_identifiers import (
    find_spoken_addresses,
    find_spoken_numbers,
)

PSEUDONYM = re.compile(r"\[([A-Z][A-Z0-9_]*):([a-z2-7]{13})\]")
ENTITIES = {
    "phone": ("PHONE_NUMBER",),
    "email": ("EMAIL_ADDRESS", "PERSON"),
    "ip": ("IP_ADDRESS",),
    "visitor": ("ONLINE_ID",),
    "agent": ("STAFF_ID", "ID"),
    "name_address": ("PERSON",),
}
STAFF_FIELDS = ("agent_id", "agent")
"""Fields of an interaction that say who of the staff took part."""
ACTOR_FIELDS = ("actor_id", "actor_name", "actor_ip", "user_agent")
"""Fields of a version that say who made the change."""


class Unlinker:
    """Finds what stands for a person in redacted rows.

    Args:
        keyring: opens tokens and makes pseudonyms.
        tokens: digests of the person's confirmed identifiers.
        known: those identifiers that are known in clear.
    """

    def __init__(
        self, keyring: Keyring, tokens: Iterable[str], known: Iterable[Identifier]
    ) -> None:
        self._keyring, self._tokens, self._known = keyring, frozenset(tokens), sorted(set(known))
        self._names = [
            i.value.split("|", 1)[0].split() for i in self._known if i.kind == "name_address"
        ]
        self._secrets = [TokenKeys.of(keyring, key_id) for key_id in keyring.key_ids]
        self._pseudonyms: dict[tuple[str, str], frozenset[str]] = {}

    def row(
        self, row: Mapping[str, Any], account_id: str, interaction_id: str
    ) -> tuple[RecordValues, int]:
        """Return a row without what stands for the person, and how many pieces were taken out. The
        row given is not changed.
        """
        count = 0

        def text(value: str) -> str:
            nonlocal count
            if "[" not in value:
                return value
            out, n = self._text(value, account_id, interaction_id)
            count += n
            return out

        def walk(value: Any) -> Any:
            if isinstance(value, str):
                return text(value)
            if isinstance(value, dict):
                return {k: walk(v) for k, v in value.items()}
            return [walk(v) for v in value] if isinstance(value, list) else value

        return {name: walk(value) for name, value in row.items()}, count

    def _text(self, value: str, account_id: str, interaction_id: str) -> tuple[str, int]:
        count = 0

        def opened(match: re.Match[str]) -> str:
            nonlocal count
            if self._is_own(match, account_id, interaction_id):
                count += 1
                return f"[{match[1]}]"
            return match[0]

        def named(match: re.Match[str]) -> str:
            nonlocal count
            if match[0] in self._own_pseudonyms(account_id, interaction_id):
                count += 1
                return f"[{match[1]}]"
            return match[0]

        return PSEUDONYM.sub(named, TOKEN.sub(opened, value)), count

    def _is_own(self, match: re.Match[str], account_id: str, interaction_id: str) -> bool:
        """Tell whether a token holds one of the person's identifiers. One that does not open is
        nobody's to tell, so it goes.
        """
        try:
            text = reveal_token(match[0], self._keyring, account_id, interaction_id)
        except TokenError:
            return True
        return self.is_own(match[1], text) or self._is_piece(match[1], text)

    def _is_piece(self, entity: str, text: str) -> bool:
        """Tell whether a value is a piece of one of the person's, or holds one of them: `five five
        five` of one turn, a number read back in part.
        """
        codes = {
            code for language in available_languages() if (code := normalize_code(text, language))
        }
        if entity == "PHONE_NUMBER":
            numbers = [i.value for i in self._known if i.kind == "phone"]
            return any(
                c in n or ids.local_digits(n) in c
                for n in numbers
                for c in (code.replace("o", "0") for code in codes)
            )
        names = [
            normalize_code(i.value.rsplit("@", 1)[0]) for i in self._known if i.kind == "email"
        ]
        return entity == "EMAIL_ADDRESS" and any(c in name for name in names for c in codes)

    def is_own(self, entity: str, text: str) -> bool:
        """Tell whether a value is one of the person's identifiers, however it is written."""
        found: list[Identifier | None] = []
        if entity == "EMAIL_ADDRESS":
            found += [
                Identifier("email", address)
                for language in available_languages()
                for address in find_spoken_addresses([text], language)
            ]
        elif entity == "PHONE_NUMBER":
            regions = {
                ids.REGION,
                *(ids.region_of_number(i.value) for i in self._known if i.kind == "phone"),
            } - {""}
            found += [
                Identifier("phone", n) for region in sorted(regions) for n in _numbers(text, region)
            ]
        elif entity == "IP_ADDRESS" and (address := ids.normal_ip(text)):
            found.append(Identifier("ip", address))
        elif entity == "ONLINE_ID":
            found.append(Identifier("visitor", text.strip()))
        elif entity == "PERSON":
            words = ids.normal_name(text).split()
            return bool(words) and any(set(words) <= set(name) for name in self._names)
        return any(
            t in self._tokens
            for i in found
            if i
            for t in ids.identifier_tokens(self._keyring, i).values()
        )

    def _own_pseudonyms(self, account_id: str, interaction_id: str) -> frozenset[str]:
        key = (account_id, interaction_id)
        if key not in self._pseudonyms:
            if len(self._pseudonyms) > 10_000:
                self._pseudonyms.clear()
            self._pseudonyms[key] = frozenset(self._make(account_id, interaction_id))
        return self._pseudonyms[key]

    def _make(self, account_id: str, interaction_id: str) -> Iterable[str]:
        values = [
            (entity, form)
            for i in self._known
            for entity in ENTITIES.get(i.kind, ())
            for form in _forms(i)
        ]
        for (entity, value), secrets, scope in itertools.product(
            values, self._secrets, ("call", "account", "everywhere")
        ):
            params = {
                "entity": entity,
                "value": value,
                "key": secrets.pseudonym,
                "scope": scope_of(scope, account_id, interaction_id),
            }
            yield apply_operator("pseudonym", value, params)


def _numbers(text: str, region: str) -> set[str]:
    """Return numbers that a text may tell: as written, and as said in any language."""
    said = {
        n
        for language in available_languages()
        for n in find_spoken_numbers([text], region, language)
    }
    return said | {n for n in (ids.normal_phone(text, region),) if n}


def _forms(identifier: Identifier) -> list[str]:
    """Return ways a value may have been written when its pseudonym was made; what is the same when
    folded need not be among them.
    """
    if identifier.kind == "name_address":
        words = identifier.value.split("|", 1)[0].split()[:4]
        return [
            " ".join(p) for n in range(1, len(words) + 1) for p in itertools.permutations(words, n)
        ]
    if identifier.kind == "agent":
        return [identifier.value.split("/", 1)[1]]
    return [identifier.value]
