"""A person's data in the live zone: found through markers that are written as records are redacted, and purged whole.

    live/subjects/<digest of an identifier>/<digest of the record>.json     the record, and what the person is in it

An erased interaction keeps receipts that say no more than that, so that an arrival which is delivered again is not redacted again.
"""

from __future__ import annotations

from collections.abc import Iterable

import orjson

from callveil.schemas.interaction import InteractionKey
from callveil.transforms.store.catalog import Store
from callveil.transforms.store.files import FileInfo, Files
from callveil.transforms.store.keyring import Keyring
from callveil.transforms.subject.keys import record_token, ref_of
from callveil.transforms.watch.live import LAST, Live, What
from callveil.transforms.watch.people import SUBJECTS

WHATS: tuple[What, ...] = ("record", "audio")
LIVE = "live"
"""Class of a record that is in the live zone alone."""


def find_live(files: Files, root: str, tokens: Iterable[str]) -> dict[InteractionKey, list[dict[str, str]]]:
    """Interactions of the live zone that markers of some digests name, with what the markers say."""
    live = Live(files, root)
    out: dict[InteractionKey, list[dict[str, str]]] = {}
    for token in sorted(set(tokens)):
        try:
            found = list(files.list(live.url(SUBJECTS, token)))
        except FileNotFoundError:
            continue
        for info in found:
            row = orjson.loads(files.read(info.url))
            out.setdefault(InteractionKey(row["account_id"], row["id"]), []).append(row)
    return out


def erase_live(store: Store, keyring: Keyring, keys: Iterable[InteractionKey], tokens: Iterable[str]) -> tuple[int, int]:
    """Purge what the live zone holds of some interactions, every version, and the person's markers. Safe to repeat.

    Returns: folders that held something, and object versions removed.
    """
    live, wanted = Live(store.files, store.root), sorted(set(keys))
    folders = versions = 0
    for key in wanted:
        urls = [f.url for f in _listed(store.files, live.folder(key))]
        receipts = {store.files.join(live.folder(key), f"{what}.json"): what for what in WHATS}
        real = [u for u in urls if not (u in receipts and _erased(live, key, receipts[u]))]
        for url in real:
            versions += len(store.files.purge(url))
        if real:
            folders += 1
            for what in WHATS:
                stub = {"what": what, "account_id": key.account_id, "id": key.id, "status": "erased", "reason": "erased", "object": "", "file": "",
                        "rank": LAST, "spans": None, "original": "keep"}  # fmt: skip
                live.commit(key, what, stub)
    names = {record_token(keyring, ref_of(k), key_id) for k in wanted for key_id in keyring.key_ids}
    for token in sorted(set(tokens)):
        for info in _listed(store.files, live.url(SUBJECTS, token)):
            versions += len(store.files.purge(info.url))
    if names:
        for info in _listed(store.files, live.url(SUBJECTS)):
            if info.url.rsplit("/", 1)[1].removesuffix(".json") in names:
                versions += len(store.files.purge(info.url))
    return folders, versions


def _erased(live: Live, key: InteractionKey, what: What) -> bool:
    receipt = live.receipt(key, what)
    return receipt is not None and receipt.get("status") == "erased"


def _listed(files: Files, folder: str) -> list[FileInfo]:
    try:
        return list(files.list(folder))
    except FileNotFoundError:
        return []
