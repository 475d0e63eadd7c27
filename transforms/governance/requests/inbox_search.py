"""A person's data in the inboxes of webhooks that `watch` has read: sealed bodies, which are opened
and looked through.

A record of the person's own is taken out of its body. So is somebody else's that mentions them,
once it was redacted and published: nothing needs its raw form any more, and words may tell a number
in ways that detection alone reads. One that waits to be redacted stays, with labels in the place of
what leads to the person. The body keeps its name, which one that is delivered again would have, so
that the receiver takes that for a repetition; where nothing is left it holds an empty list.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from callveil.schemas.arrival import Arrival
from callveil.schemas.interaction import InteractionKey, RawInteraction, SourceRef
from callveil.schemas.json_types import JsonObject
from callveil.schemas.policy import InputLimits
from callveil.transforms.detect.known_values import WORD, strip_case_and_accents
from callveil.transforms.governance.requests.dead_letter_search import (
    SearchTarget,
    mentions_subject,
    subject_roles,
)
from callveil.transforms.governance.requests.unlink import STAFF_FIELDS, Unlinker
from callveil.transforms.ingest.documents import expand_document, list_member
from callveil.transforms.ingest.normalise import normalize_interaction
from callveil.transforms.storage.encryption import sealed_body
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.files.filesystem import FileInfo, Files
from callveil.transforms.storage.files.strict_json import ParseError, dump_json, load_json
from callveil.transforms.storage.format1.live import Ledger, Live
from callveil.transforms.storage.identity import identifiers as ids
from callveil.transforms.storage.identity.record_identifiers import (
    CONTACT,
    NUMBER,
    STAFF,
)

NOTHING = b"[]"
"""A body without records."""
AT_ONCE = 16


class BodyHit(NamedTuple):
    """A body that is about the person.

    Attributes:
        url: the sealed file. own: the person's own interactions in it, as account and id.
    """

    url: str
    own: tuple[InteractionKey, ...]


class BodyReader:
    """Reads bodies for one person.

    Args:
        keyring: opens and seals. looking: who is looked for. stay: interactions that stay as they
            are.
    """

    def __init__(
        self, keyring: Keyring, looking: SearchTarget, stay: Iterable[InteractionKey] = ()
    ) -> None:
        self._keyring, self._looking, self._stay = keyring, looking, frozenset(stay)
        self._unlinker = Unlinker(keyring, looking.tokens, looking.known)
        self._own_words = frozenset(
            w
            for i in looking.known
            if i.kind == "name_address"
            for w in i.value.split("|", 1)[0].split()
        )
        self._texts = sorted(
            (i.value for i in looking.known if i.kind in ("visitor", "ip")), key=len, reverse=True
        )

    def look(self, url: str, body: bytes) -> BodyHit | None:
        """Return what a body has of the person, or None."""
        new, own = self.without(body)
        return BodyHit(url, own) if new != body else None

    def without(self, body: bytes) -> tuple[bytes, tuple[InteractionKey, ...]]:
        """Return a body without the person, the same bytes where it has nothing of them, and the
        keys of the records that were taken out.
        """
        try:
            doc = load_json(body)
        except ParseError:  # nothing says where a record of theirs ends
            theirs = self._looking.controller.holds("")
            return (
                (NOTHING, ())
                if theirs and mentions_subject(self._keyring, body, self._looking)
                else (body, ())
            )
        own: list[InteractionKey] = []
        name = list_member(doc)
        if name or isinstance(doc, list):
            entries = doc[name] if name else doc
            shared = {k: v for k, v in doc.items() if k != name} if name else {}
            new: list[Any] = [
                out for e in entries if (out := self._entry(e, shared, name, own)) is not None
            ]
            same = len(new) == len(entries) and all(
                a is b for a, b in zip(new, entries, strict=True)
            )
            result: Any = doc if same else {**doc, name: new} if name else new
        else:
            result = self._entry(doc, {}, "", own)
        return (body if result is doc else NOTHING if result is None else dump_json(result)), tuple(
            own
        )

    def _entry(self, entry: Any, around: JsonObject, name: str, own: list[InteractionKey]) -> Any:
        """Return one record as it stays: the same object where nothing changes, None where it
        goes.
        """
        raw = _read({**around, name: [entry]} if name else [entry])
        key = raw.key if raw else None
        if key in self._stay or not self._looking.controller.holds(key.account_id if key else ""):
            return entry
        roles = subject_roles(self._keyring, raw, self._looking) if raw else set()
        if CONTACT in roles or (key is not None and key in self._looking.keys):
            own += [key] if key is not None else []
            return None
        if key is not None and key in self._looking.mentioned:
            return None
        if not roles and not mentions_subject(self._keyring, dump_json(entry), self._looking):
            return entry
        if raw is None:
            return None
        new = self._masked(entry, STAFF in roles, frozenset())
        return (
            new
            if not mentions_subject(self._keyring, dump_json(new), self._looking)
            else self._masked(new, STAFF in roles, self._own_words)
        )

    def _masked(self, value: Any, is_staff: bool, words: frozenset[str]) -> Any:
        """Return a record of somebody else's with labels in the place of what leads to the person;
        `words` of names go too.
        """
        if isinstance(value, dict):
            return {
                k: None if is_staff and k in STAFF_FIELDS else self._masked(v, is_staff, words)
                for k, v in value.items()
            }
        if isinstance(value, list):
            return [self._masked(v, is_staff, words) for v in value]
        if isinstance(value, int) and not isinstance(value, bool):
            return None if self._unlinker.is_own("PHONE_NUMBER", str(value)) else value
        return self._text(value, words) if isinstance(value, str) else value

    def _text(self, text: str, words: frozenset[str]) -> str:
        text = NUMBER.sub(
            self._label("PHONE_NUMBER"), ids.EMAIL.sub(self._label("EMAIL_ADDRESS"), text)
        )
        for own in self._texts:
            text = re.sub(re.escape(own), "[ONLINE_ID]", text, flags=re.IGNORECASE)
        return (
            WORD.sub(lambda m: "[PERSON]" if strip_case_and_accents(m[0]) in words else m[0], text)
            if words
            else text
        )

    def _label(self, entity: str) -> Callable[[re.Match[str]], str]:
        return lambda m: f"[{entity}]" if self._unlinker.is_own(entity, m[0]) else m[0]


def _read(doc: Any) -> RawInteraction | None:
    """Return the record of a document with one, or None where it cannot be read."""
    item = next(iter(expand_document(doc)), None)
    try:
        return (
            normalize_interaction(
                item.value, SourceRef(""), InputLimits(), kind_hint=item.kind_hint
            )
            if item
            else None
        )
    except Exception:  # noqa: BLE001 - what cannot be read is looked through as text
        return None


def search_inboxes(
    files: Files, folders: Iterable[str], keyring: Keyring, reader: BodyReader
) -> list[BodyHit]:
    """Return every body that is about the person. Reads and opens all of them; raises `SealedError`
    where the keyring does not open one.
    """

    def look(info: FileInfo) -> BodyHit | None:
        try:
            data = files.read(info.url)
        except FileNotFoundError:
            return None  # gone since it was listed
        return reader.look(info.url, sealed_body.decrypt_body(data, keyring))

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return sorted(
            hit for folder in folders for hit in pool.map(look, _bodies(files, folder)) if hit
        )


def _bodies(files: Files, folder: str) -> Iterator[FileInfo]:
    return (f for f in files.list(folder) if f.url.endswith(sealed_body.SUFFIX))


def erase_bodies(
    files: Files, live: Live, keyring: Keyring, reader: BodyReader, urls: Iterable[str]
) -> int:
    """Seal bodies anew without the person and purge what they were, every version. Safe to repeat;
    returns object versions removed.

    What `watch` has dealt with counts as dealt with under its new etag. Raises `PreconditionFailed`
    where a body was changed meanwhile.
    """
    versions, chosen = 0, sorted(urls)
    for folder in sorted({url.rpartition("/")[0] for url in chosen}):
        files.sweep_temporary(folder)  # what was being written when an earlier attempt was killed
    for url in chosen:
        info = files.info(url)
        if info is None:
            versions += len(files.purge(url))  # its older versions
            continue
        body = sealed_body.decrypt_body(files.read(url), keyring)
        new, own = reader.without(body)
        if new != body:
            etag = files.write(url, sealed_body.encrypt_body(new, keyring), if_match=info.etag)
            _carry_ledger(live, info, etag, own)
        versions += len(files.purge_older(url))
    return versions


def _carry_ledger(live: Live, info: FileInfo, etag: str, own: Iterable[InteractionKey]) -> None:
    ledger = live.ledger(Arrival(info.url, info.etag, info.size, info.modified).object_id)
    if ledger is not None:
        gone = set(own)
        keys = tuple(k for k in ledger.keys if InteractionKey(k[0], k[1]) not in gone)
        live.note(
            Arrival(info.url, etag, info.size, info.modified),
            Ledger(ledger.what, keys, ledger.rejected, ledger.note),
        )
