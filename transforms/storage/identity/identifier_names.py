"""Names of people where only an id or the name of a file should stand: told apart, and replaced by
keyed digests with the name sealed.

Ids, session ids and the names of source files are kept readable by every policy, since records are
found again by them. One that is an e-mail address or a person's name is written as `named-` and a
digest instead. The digest is the same for the same name as long as the keyring's key of digests is,
so records, requests, holds and searches meet under it; the name itself goes with the row, as a
token that `callveil reveal` opens.
"""

from __future__ import annotations

import base64
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise
from urllib.parse import unquote

from callveil.schemas.fields import EXTRA
from callveil.schemas.hold import Hold
from callveil.schemas.interaction import InteractionKey, RawInteraction, SourceRef
from callveil.schemas.rejected import FILE_NAME, Rejected
from callveil.schemas.version import RawVersion, is_interaction
from callveil.transforms.detect.lexicon import load_lexicon
from callveil.transforms.detect.propagation import everyday_words
from callveil.transforms.detect.text_fields import SEALED_NAMES
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.encryption.tokens import TokenKeys, make_call_token

PREFIX = "named-"
DIGEST_CHARS = 26
"""Characters of a digest in base 32: 130 bits."""
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_HUMP = re.compile(r"(?<=[^\W\d_])(?<![A-Z])(?=[A-Z])")
_CODE = re.compile(r"[0-9A-Fa-f-]{16,}|(?=[A-Za-z]*\d)(?=\d*[A-Za-z])[A-Za-z0-9]{20,}")
_MONTHS = frozenset(("april", "may", "june", "august", "january", "summer", "autumn", "sunday"))
_LONG = 4
"""Letters from which on a word that is neither an English one nor a known name is a last name
behind a given name that is no word.
"""
_VOWEL = re.compile("[aeiouy]")
_NUMBER = re.compile(
    r"(?:(?:tel|sips?|callto|sms|whatsapp):)?[+(]*\d[\d\s()./+\u2010-\u2015-]*(?:[;,]?\s*(?:ext\.?|x|#)\s*=?\s*\d{1,8})?",
    re.IGNORECASE,
)
_NUMBER_DIGITS = 7
"""Digits from which on a text with the signs of telephone numbers may be one."""
_SEPARATORS = re.compile(r"[\s._,+-]{1,3}\Z")


def entity_of(text: str) -> str:
    """Return `EMAIL_ADDRESS` or `PERSON` where a text is, or holds, an address or a person's name;
    else empty.

    A name is two words side by side of which one is a common given name and the other a name too,
    or one a rare given name and the other no English word; or two to four capitalised words that
    are no everyday ones and nothing else.
    """
    text = unicodedata.normalize("NFKC", unquote(text))
    if _EMAIL.search(text):
        return "EMAIL_ADDRESS"
    if text.isdigit() or _CODE.search(text):
        return ""
    return "PERSON" if _is_name(_HUMP.sub(" ", text)) else ""


def is_number(text: str) -> bool:
    """Tell whether a text is digits alone, or with no more than the signs that telephone numbers
    are written with.
    """
    text = unicodedata.normalize("NFKC", unquote(text)).strip()
    return text.isdecimal() or (
        sum(c.isdecimal() for c in text) >= _NUMBER_DIGITS and _NUMBER.fullmatch(text) is not None
    )


def _is_name(text: str) -> bool:
    found = [(m[0], m.start(), m.end()) for m in _WORD.finditer(text)]
    if len(found) < 2:
        return False
    words = [(word, _fold(word)) for word, _, _ in found]
    beside = [bool(_SEPARATORS.match(text[a[2] : b[1]])) for a, b in pairwise(found)]
    alone = len(found) == 2 and not any(c.isdigit() for c in text)
    for (first, second), side in zip(pairwise(words), beside, strict=True):
        if side and (_is_pair(first, second, alone) or _is_pair(second, first, alone)):
            return True
    everyday = everyday_words("en")
    spelled = all(
        w[:1].isupper() and not w.isupper() and len(w) > 1 and f not in everyday for w, f in words
    )
    return spelled and len(words) <= 4 and all(beside) and not any(c.isdigit() for c in text)


def _is_pair(given: tuple[str, str], last: tuple[str, str], alone: bool) -> bool:
    """Tell whether two words are a given name and a last name, as they stand in the text and
    folded.
    """
    known = load_lexicon()
    if given[1] in _MONTHS or len(last[1]) < 2:
        return False
    rare = given[1] in known.given and given[1] not in known.words
    if rare and last[1] not in known.words and len(last[1]) >= _LONG and _VOWEL.search(last[1]):
        return True
    if given[1] not in known.usual:
        return False
    if not known.named(last[1]):
        return given[0][:1].isupper() and last[0][:1].isupper() and last[1] not in known.words
    capitals = (
        given[0][:1].isupper() and last[0][:1].isupper() and not (given[0] + last[0]).isupper()
    )
    return alone or capitals or last[1] not in everyday_words("en") & known.words


@lru_cache(maxsize=65536)
def _fold(word: str) -> str:
    plain = unicodedata.normalize("NFKD", word.casefold())
    return "".join(c for c in plain if c.isalpha() and c.isascii())


class NamePseudonymizer:
    """Replaces names by digests of one keyring.

    Args:
        keyring: keys the digests and seals the names.
        digits: ids that are numbers, which may be telephone numbers, go as well; see `is_number`,
            and `detect.digit_ids` of a policy.
    """

    def __init__(self, keyring: Keyring, digits: bool = False) -> None:
        self._keyring, self._digits = keyring, digits
        self._secrets = TokenKeys.of(keyring)

    def digest(self, text: str, key_id: str | None = None) -> str:
        """Return what stands for a name: by the keyring's key of digests, or by a key it had
        before.
        """
        keyed = bytes.fromhex(self._keyring.hmac("name-in-id", text, key_id=key_id))
        return PREFIX + base64.b32encode(keyed).decode().lower()[:DIGEST_CHARS]

    def id(self, text: str) -> str:
        """Return an id as it is stored: itself, or the digest of the name it is."""
        return self.digest(text) if self._entity(text) else text

    def stored(self, text: str) -> frozenset[str]:
        """Return all that an id may be stored as: itself, and its digest by each key of digests,
        whatever the policy said then.
        """
        return frozenset(
            {text, *(self.digest(text, key_id) for key_id in self._keyring.digest_keys)}
        )

    def _entity(self, text: str) -> str:
        return entity_of(text) or ("ID" if self._digits and is_number(text) else "")

    def key(self, key: InteractionKey) -> InteractionKey:
        """Return an interaction's key as it is stored."""
        return key._replace(id=self.id(key.id))

    def conceal(self, raw: RawInteraction) -> RawInteraction:
        """Return a raw record whose `id` and `sid` may be stored: names in them are digests, and
        sealed in an undeclared member.
        """
        given = raw.record.get(EXTRA)
        forged = isinstance(given, dict) and SEALED_NAMES in given
        found = {
            name: entity
            for name in ("id", "sid")
            if (entity := self._entity(str(raw.record.get(name) or "")))
        }
        if not found and not forged:
            return raw
        key, record = self.key(raw.key), dict(raw.record)
        sealed = {
            n: make_call_token(entity, record[n], self._secrets, *key)
            for n, entity in found.items()
        }
        record.update({n: self.digest(record[n]) for n in found})
        extra = dict(given) if isinstance(given, dict) else {} if given is None else {EXTRA: given}
        if forged:  # no source may say that something is sealed
            extra[f"{SEALED_NAMES}_given"] = extra.pop(SEALED_NAMES)
        record[EXTRA] = extra | ({SEALED_NAMES: sealed} if sealed else {})
        return replace(raw, key=key, record=record)

    def place(self, url: str) -> str:
        """Return a file's place with each name that is a person's as its digest; suffixes stay."""
        return "".join(
            part if part in "/!" else self._part(part) for part in re.split("([/!])", url)
        )

    def _part(self, part: str) -> str:
        stem, dot, suffix = part.partition(".") if "@" not in part else (part, "", "")
        while suffix and entity_of(f"{stem}.{suffix}") and not entity_of(stem):
            more, dot, suffix = suffix.partition(".")
            stem = f"{stem}.{more}"
        return f"{self.digest(stem)}{dot}{suffix}" if entity_of(stem) else part

    def version(self, raw: RawVersion) -> RawVersion:
        """Return a raw version whose item's id, where the item is an interaction, stands as the
        interaction's own does.
        """
        own = self.id(raw.key.item_id) if is_interaction(raw.key.item_type) else raw.key.item_id
        return raw if own == raw.key.item_id else replace(raw, key=raw.key._replace(item_id=own))

    def holds(self, holds: Iterable[Hold]) -> list[Hold]:
        """Legal holds that also name items as they are stored."""
        return [replace(h, items=h.items.union(*map(self.stored, h.items))) for h in holds]

    def rejected(self, rejected: Rejected) -> Rejected:
        """Return a rejection whose file and id may be stored; the file's own name goes with it,
        sealed.
        """
        source = rejected.source
        place, own = self.place(source.file), self.id(rejected.interaction_id)
        if place == source.file and own == rejected.interaction_id:
            return rejected
        if place != source.file:
            place += " " + make_call_token(FILE_NAME, source.file, self._secrets, "", "")
        return replace(
            rejected,
            interaction_id=own,
            source=SourceRef(place, source.line, source.offset, source.index),
        )
