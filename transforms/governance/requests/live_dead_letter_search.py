"""A person's data among the live zone's rejections: as in the rejected dataset, sealed content is
opened and looked through.

A record that could not be redacted is the person's own where they are its contact, and where its
content cannot be read well enough to tell. What else has arrived of such an interaction, as a
recording that was covered whole, goes with it, unless a redacted record says whose it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from callveil.schemas.interaction import InteractionKey
from callveil.transforms.governance.requests.dead_letter_search import (
    SearchTarget,
    mentions_subject,
    subject_roles,
)
from callveil.transforms.storage.encryption.encrypted_file import decrypt_bytes
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.files.filesystem import FileInfo
from callveil.transforms.storage.format1.live import LIVE, Live
from callveil.transforms.storage.format1.rejections import FOLDER
from callveil.transforms.storage.identity.record_identifiers import CONTACT
from callveil.transforms.storage.tables.dead_letters import PURPOSE
from callveil.transforms.storage.tables.spool import decode_raw_record

CONTENT, REASON = ".sealed", ".json"


class LiveRejectionHit(NamedTuple):
    """A rejection of the live zone that is about the person.

    Attributes:
        name: `<two>/<object id>-<n>`, of its files without suffix.
        account_id, interaction_id: its interaction; empty where it could not be read.
        is_own: whether the person is its contact, or nothing says that they are not.
    """

    name: str
    account_id: str
    interaction_id: str
    is_own: bool

    @property
    def key(self) -> InteractionKey:
        """The interaction."""
        return InteractionKey(self.account_id, self.interaction_id)


def search_live_rejections(
    live: Live, keyring: Keyring, looking: SearchTarget
) -> list[LiveRejectionHit]:
    """Return every rejection of the live zone that is about the person. Reads and opens all of
    them.

    Raises `SealedError` where the keyring does not open one.
    """
    root = live.url(FOLDER)
    found: dict[str, dict[str, FileInfo]] = {}
    for info in live.files.list(root):
        stem, dot, suffix = info.url[len(root) + 1 :].rpartition(".")
        found.setdefault(stem, {})[dot + suffix] = info
    hits: dict[str, LiveRejectionHit] = {}
    rest: list[tuple[str, InteractionKey]] = []
    for name, files in sorted(found.items()):
        key = _key(live, files.get(REASON))
        if not looking.controller.holds(key.account_id):
            continue
        content = _content(live, keyring, name) if CONTENT in files else b""
        if content and mentions_subject(keyring, content, looking):
            hits[name] = LiveRejectionHit(name, *key, _is_own(keyring, content, looking))
        else:
            rest.append((name, key))
    own = looking.keys | {h.key for h in hits.values() if h.is_own and h.interaction_id}
    hits |= {name: LiveRejectionHit(name, *key, True) for name, key in rest if key in own}
    return [hits[name] for name in sorted(hits)]


def _key(live: Live, info: FileInfo | None) -> InteractionKey:
    row = live.read_receipt(info.url) if info else None
    return (
        InteractionKey(str(row["account_id"] or ""), str(row["interaction_id"] or ""))
        if row
        else InteractionKey("", "")
    )


def _content(live: Live, keyring: Keyring, name: str) -> bytes:
    try:
        sealed = live.files.read(live.url(FOLDER, name + CONTENT))
    except FileNotFoundError:
        return b""  # gone since it was listed
    return decrypt_bytes(keyring, f"{LIVE}/{FOLDER}/{name}{CONTENT}", PURPOSE, sealed)


def _is_own(keyring: Keyring, content: bytes, looking: SearchTarget) -> bool:
    """Tell whether the person is the contact of rejected content, as far as it can be read."""
    try:
        return CONTACT in subject_roles(keyring, decode_raw_record(content), looking)
    except Exception:  # noqa: BLE001 - it was rejected because it cannot be read, so whatever reads it may fail in any way
        return True


def erase_live_rejections(live: Live, names: Iterable[str]) -> int:
    """Purge rejections, every version: reasons first, since content alone is found as well. Safe to
    repeat. Returns object versions removed.
    """
    return sum(
        len(live.files.purge(live.url(FOLDER, name + suffix)))
        for name in sorted(names)
        for suffix in (REASON, CONTENT)
    )
