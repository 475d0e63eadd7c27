"""A person's data in the live zone: found through markers that are written as records are redacted,
and purged whole.

An erased interaction keeps receipts that say no more than that, so that an arrival which is
delivered again is not redacted again. They take the place of the receipts there were before
anything is purged: at no moment may the interaction be redacted anew.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator

import orjson

from callveil.schemas.interaction import InteractionKey
from callveil.schemas.subject_index import IdentifierLink
from callveil.transforms.governance.requests.register import RegisterError
from callveil.transforms.governance.requests.unlink import STAFF_FIELDS, Unlinker
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.files.serialization import dumps
from callveil.transforms.storage.format1.live import EMPTY, WHATS, Live, Receipt, tombstone
from callveil.transforms.storage.identity.record_identifiers import interaction_ref, record_token
from callveil.transforms.storage.index.identity_markers import (
    SUBJECTS,
    MissingMarkers,
    marker_url,
    method_of,
    read_missing_markers,
    write_marker_list,
)

LIVE = "live"
"""Class of a record that is in the live zone alone."""


def require_markers(store: Store) -> MissingMarkers:
    """Tell how many records of the live zone cannot be found by all that identifies people, as
    nothing says any more whom they are about.

    Raises `RegisterError` where records may lack markers that can still be written.
    """
    lacking = read_missing_markers(Live(store.files, store.root))
    if lacking is None:
        raise RegisterError(
            "the live zone holds records of a callveil that noted less or nothing of whom they are "
            "about, so a search would miss them; "
            f"run `callveil subject index --store {store.root}` once"
        )
    return lacking


def find_live(
    files: Files, root: str, tokens: Iterable[str]
) -> dict[InteractionKey, list[dict[str, str]]]:
    """Return interactions of the live zone that markers of some digests name, with what the markers
    say.
    """
    live = Live(files, root)
    out: dict[InteractionKey, list[dict[str, str]]] = {}
    for token in sorted(set(tokens)):
        for info in files.list(live.url(SUBJECTS, token)):
            row = orjson.loads(files.read(info.url))
            out.setdefault(InteractionKey(row["account_id"], row["id"]), []).append(row)
    return out


def links_of(live: Live, keyring: Keyring, key: InteractionKey) -> tuple[IdentifierLink, ...]:
    """Return identifiers of a record of the live zone, as its list has them."""
    digests = (record_token(keyring, interaction_ref(key), key_id) for key_id in keyring.key_ids)
    return tuple(
        sorted(
            {
                IdentifierLink(*x)
                for d in digests
                for _, row in _lists(live, d)
                for x in row["links"]
            }
        )
    )


def urls_held(live: Live, key: InteractionKey) -> list[str]:
    """Return URLs of what the zone holds of an interaction: all but receipts that say it was erased
    or has expired, and what proves these.
    """
    urls = [f.url for f in live.files.list(live.folder(key))]
    for what in WHATS:
        receipt = live.receipt(key, what) if f"{live.folder(key)}/{what}.json" in urls else None
        if receipt is not None and receipt.get("status") in EMPTY:
            urls = [
                u
                for u in urls
                if not u.rpartition("/")[2].startswith((f"{what}.json", f"{what}.proof."))
            ]
    return urls


def erase_live(live: Live, keys: Iterable[InteractionKey]) -> int:
    """Purge what the live zone holds of some interactions, every version, and leave receipts that
    say so. Safe to repeat.

    Returns how many object versions were removed.
    """
    versions = 0
    for key in sorted(set(keys)):
        doomed = urls_held(live, key)
        for what in WHATS:
            url = live.files.join(live.folder(key), f"{what}.json")
            receipt = live.receipt(key, what)
            if receipt is None:
                live.commit(key, what, tombstone(key, what))
            elif receipt.get("status") not in EMPTY:
                live.replace_receipt(url, tombstone(key, what))
            versions += len(live.files.purge_older(url))
        versions += sum(
            len(live.files.purge(u))
            for u in doomed
            if not u.endswith(("/record.json", "/audio.json"))
        )
    return versions


def unlink_live(live: Live, key: InteractionKey, role: str, unlinker: Unlinker, run_id: str) -> int:
    """Write a redacted record that stays anew, without what leads from it to a person. Safe to
    repeat; returns object versions removed.

    Args:
        role: what the person is in it. run_id: run that the new receipt names.
    """
    folder = live.folder(key)

    def anew(data: bytes) -> bytes:
        document = json.loads(data)
        row, _ = unlinker.row(document["interaction"], *key)
        row |= dict.fromkeys(STAFF_FIELDS) if role == "agent" else {}
        return dumps(document | {"interaction": row}).encode()

    while True:
        receipt = live.receipt(key, "record")
        if receipt is None or receipt.get("status") != "done":
            return 0
        before = live.files.read(live.files.join(folder, receipt["file"]))
        data = anew(before)
        if data == before:
            versions = len(live.files.purge_older(live.files.join(folder, "record.json")))
            for info in list(
                live.files.list(folder)
            ):  # what it was made from, where an attempt was killed before that was purged
                name = info.url.rpartition("/")[2]
                if (
                    name.startswith("record-")
                    and name != receipt["file"]
                    and anew(live.files.read(info.url)) == data
                ):
                    versions += len(live.files.purge(info.url))
            return versions
        digest = hashlib.sha256(data).hexdigest()
        new = receipt | {
            "file": f"record-{digest[:24]}.json",
            "sha256": digest,
            "bytes": len(data),
            "unlinked": run_id,
        }
        live.files.write(live.files.join(folder, new["file"]), data)
        if live.swap(key, receipt, new):
            old = live.files.purge(live.files.join(folder, receipt["file"]))
            return len(old) + len(live.files.purge_older(live.files.join(folder, "record.json")))
        live.files.purge(live.files.join(folder, new["file"]))


def erase_markers(
    live: Live,
    keyring: Keyring,
    keys: Iterable[InteractionKey],
    tokens: Iterable[str],
    stay: Iterable[InteractionKey],
    holds: Callable[[str], bool] = bool,
) -> int:
    """Purge the markers of records that went, and those that lead from a person to other records.
    Safe to repeat; its cost follows what is purged.

    Args:
        keys: records that went. tokens: digests of what identifies the person.
        stay: records that stay as they are, which the person can still be found in.
        holds: whether an account's records are the controller's; the markers of others' stay.

    Returns how many object versions were removed.
    """
    versions, files = 0, live.files
    for key in sorted(set(keys)):
        for record in (
            record_token(keyring, interaction_ref(key), key_id) for key_id in keyring.key_ids
        ):
            lists = dict(_lists(live, record))
            for row in lists.values():
                versions += sum(
                    len(files.purge(marker_url(live, link[0], record))) for link in row["links"]
                )
            versions += sum(len(files.purge(url)) for url in lists)
    kept = set(stay)
    for token in sorted(set(tokens)):
        for info in list(files.list(live.url(SUBJECTS, token))):
            record, row = (
                info.url.rpartition("/")[2].removesuffix(".json"),
                orjson.loads(files.read(info.url)),
            )
            if InteractionKey(row["account_id"], row["id"]) not in kept and holds(
                row["account_id"]
            ):
                versions += _take_out(live, record, token) + len(files.purge(info.url))
    return versions


def _lists(live: Live, record: str) -> Iterator[tuple[str, Receipt]]:
    """Yield lists of a record's markers, by URL."""
    for info in list(live.files.list(live.url(SUBJECTS, record))):
        yield info.url, orjson.loads(live.files.read(info.url))


def _take_out(live: Live, record: str, token: str) -> int:
    """Take an identifier out of the lists of a record that stays."""
    versions = 0
    for url, row in _lists(live, record):
        rest = [link for link in row["links"] if token not in link]
        if len(rest) < len(row["links"]):
            write_marker_list(
                live,
                InteractionKey(row["account_id"], row["id"]),
                record,
                row["day"],
                rest,
                method_of(row),
            )
            versions += len(live.files.purge(url))
    return versions


def marker_methods(live: Live, keyring: Keyring, key: InteractionKey) -> frozenset[str]:
    """Return the methods by which a record's lists of markers were made, under any key of the
    keyring.
    """
    return frozenset(
        method_of(row)
        for k in keyring.key_ids
        for _, row in _lists(live, record_token(keyring, interaction_ref(key), k))
    )
