"""The live zone and inboxes sealed anew: each file in its place, by a conditional write, beside
whatever else writes there.

A file that was changed or purged since it was read is left to who did that. What was purged while
it was being written anew is purged again: its receipt, or its reason, says so. Older object
versions go after the write; those that a killed attempt left are found by listing versions.
"""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from callveil.schemas.arrival import Arrival
from callveil.schemas.interaction import InteractionKey
from callveil.schemas.json_types import JsonObject
from callveil.transforms.governance.rekey.token_rotation import (
    count_tokens_by_key,
    without_active_key,
)
from callveil.transforms.governance.rekey.zones import (
    INBOX,
    ORIGINALS,
    RECORDS,
    REJECTIONS,
    EncryptedFile,
    Tell,
    encrypted_files,
    superseded_files,
)
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.commit.maintenance import LEASE_HOURS
from callveil.transforms.storage.encryption import sealed_body
from callveil.transforms.storage.encryption.encrypted_file import SealedError, reencrypt_file
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.encryption.token_renewal import (
    is_renewed_record,
    renew_record_tokens,
)
from callveil.transforms.storage.files.filesystem import (
    FileInfo,
    Files,
    ObjectLocked,
    PreconditionFailed,
)
from callveil.transforms.storage.files.local import temporary_file
from callveil.transforms.storage.format1.live import LIVE, Live, Receipt
from callveil.transforms.storage.format1.originals import PURPOSE as ORIGINAL
from callveil.transforms.storage.format1.originals import name_of
from callveil.transforms.storage.tables.dead_letters import PURPOSE as REJECTED

RECEIPT = "audio.json"
RENEWED = "sealed anew"
"""What is announced of a recording whose original is sealed anew."""


@dataclass
class ReencryptionCounts:
    """Counts of what was done.

    Attributes:
        files: sealed anew, and records with tokens made anew, by zone.
        purged: older object versions.
        locked: object versions that a lock protects, as `(url, version)`.
        failed: files that do not open, each with the reason.
    """

    files: Counter[str] = field(default_factory=Counter)
    purged: int = 0
    locked: list[tuple[str, str]] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def purge_older(self, files: Files, url: str) -> None:
        """Purge a file's older versions."""
        try:
            self.purged += len(files.purge_older(url))
        except ObjectLocked as error:
            self.locked += error.refused


def reencrypt_live(store: Store, keyring: Keyring, done: ReencryptionCounts, tell: Tell) -> None:
    """Seal anew what the live zone holds under older keys, and make its records' tokens anew. What
    does not open stays.
    """
    live = Live(store.files, store.root)
    old = [
        s
        for s in encrypted_files(store.files, live.url())
        if s.key_id != keyring.active and keyring.opens(s.key_id)
    ]
    owned: list[tuple[str, str]] = []
    for number, found in enumerate(old):
        tell(LIVE, number, len(old))
        owned += _renew_one(live, keyring, found, done)
    for url in superseded_files(store.files, live.url()):
        done.purge_older(store.files, url)
    _renew_records(live, keyring, done)
    for url, owner in owned:
        if not _stands(live, owner):
            done.purged += len(store.files.purge(url))


def _renew_one(
    live: Live, keyring: Keyring, found: EncryptedFile, done: ReencryptionCounts
) -> list[tuple[str, str]]:
    """Seal one file anew. Returns it with what it belongs to, where that stood before."""
    url = found.info.url
    if found.path.startswith("rejected/"):
        receipt: JsonObject = {}
        zone, owner, name, purpose = (
            REJECTIONS,
            f"{url.removesuffix(sealed_body.SUFFIX)}.json",
            f"{LIVE}/{found.path}",
            REJECTED,
        )
    else:
        owner = f"{url.rpartition('/')[0]}/{RECEIPT}"
        receipt = live.read_receipt(owner) or {}
        if not receipt:  # nothing says whose it is
            return []
        zone, name, purpose = (
            ORIGINALS,
            name_of(InteractionKey(receipt["account_id"], receipt["id"])),
            ORIGINAL,
        )
    stood = _stands(live, owner)
    if zone == ORIGINALS:
        live.announce(
            live.part(InteractionKey(receipt["account_id"], receipt["id"]), "audio"), RENEWED
        )
    if reencrypt_in_place(live.files, keyring, found.info, name, purpose, done) is None:
        return []
    done.files[zone] += 1
    return [(url, owner)] if stood else []


def _stands(live: Live, owner: str) -> bool:
    """Tell whether what a sealed file belongs to is still there: a reason, or the receipt of a
    recording that was neither erased nor expired.
    """
    receipt = live.read_receipt(owner)
    return receipt is not None and receipt.get("status", "done") == "done"


def reencrypt_in_place(
    files: Files,
    keyring: Keyring,
    info: FileInfo,
    name: str,
    purpose: str,
    done: ReencryptionCounts,
) -> str | None:
    """Seal a file anew in its place and purge its older versions. Returns the new etag; None where
    it does not open, or was changed or taken away.
    """
    try:
        with files.open(info.url) as source, temporary_file() as sink:
            if not reencrypt_file(source, sink, keyring, name, purpose):
                return None
            sink.seek(0)
            etag = files.write(info.url, sink, if_match=info.etag)
    except (FileNotFoundError, PreconditionFailed):
        return None
    except SealedError as error:
        done.failed.append(f"{info.url}: {error}")
        return None
    done.purge_older(files, info.url)
    return etag


def reencrypt_inbox(
    files: Files,
    folder: str,
    stores: Iterable[Store],
    keyring: Keyring,
    done: ReencryptionCounts,
    tell: Tell,
) -> None:
    """Seal anew the bodies of an inbox that lie under older keys.

    Args:
        stores: of the `watch` that reads it: what they have dealt with counts as dealt with under
            its new etag.
    """
    old = [
        s
        for s in encrypted_files(files, folder)
        if s.key_id != keyring.active and keyring.opens(s.key_id)
    ]
    ledgers = [Live(s.files, s.root) for s in stores]
    for number, found in enumerate(old):
        tell(INBOX, number, len(old))
        info = found.info
        etag = reencrypt_in_place(files, keyring, info, sealed_body.NAME, sealed_body.PURPOSE, done)
        if etag is None:
            continue
        done.files[INBOX] += 1
        for live in ledgers:
            _carry_ledger(live, info, etag)
    for url in superseded_files(files, folder):
        done.purge_older(files, url)


def _carry_ledger(live: Live, info: FileInfo, etag: str) -> None:
    """Note of an object that was written anew what is noted of it as it was."""
    before = Arrival(info.url, info.etag, info.size, info.modified)
    ledger = live.ledger(before.object_id)
    if ledger is not None:
        live.note(Arrival(info.url, etag, info.size, info.modified), ledger)


# Records of the live zone


def records_with_tokens(live: Live) -> Iterable[tuple[FileInfo, Counter[str]]]:
    """Redacted records that hold tokens, with how many each key has made."""
    for info in live.files.list(live.url("calls")):
        if info.url.rpartition("/")[2].startswith("record-"):
            try:
                counts = count_tokens_by_key(live.files.read(info.url))
            except FileNotFoundError:
                continue
            if counts:
                yield info, counts


def _renew_records(live: Live, keyring: Keyring, done: ReencryptionCounts) -> None:
    for info, counts in list(records_with_tokens(live)):
        if any(keyring.opens(k) for k in without_active_key(counts, keyring)) and _renew_record(
            live, keyring, info
        ):
            done.files[RECORDS] += 1


def _renew_record(live: Live, keyring: Keyring, info: FileInfo) -> bool:
    """Write a record anew under the name of its new content, and have its receipt name that. One
    that is nobody's any more is purged.
    """
    url = info.url
    folder, _, name = url.rpartition("/")
    receipt = live.read_receipt(f"{folder}/record.json")
    if receipt is None:
        return False
    if receipt.get("file") != name:
        if _is_left(live, keyring, info, receipt):
            live.files.purge(url)
        return False
    try:
        data, named = renew_live_record(keyring, live.files.read(url), receipt)
    except FileNotFoundError:
        return False
    if named["file"] == name:
        return False
    live.files.write(f"{folder}/{named['file']}", data)
    if live.swap(InteractionKey(receipt["account_id"], receipt["id"]), receipt, named):
        live.files.purge(url)
        return True
    held = live.read_receipt(f"{folder}/record.json")
    if held is None or held.get("file") != named["file"]:
        live.files.purge(f"{folder}/{named['file']}")
    return False


def _is_left(live: Live, keyring: Keyring, info: FileInfo, receipt: Receipt) -> bool:
    """Tell whether a record that its receipt does not name was left by somebody who was killed: it
    is what the named one was made anew from, or old.

    A later snapshot's is written moments before the receipt that names it.
    """
    if time.time() - info.modified > LEASE_HOURS * 3600:
        return True
    try:
        named = (
            live.files.read(f"{info.url.rpartition('/')[0]}/{receipt['file']}")
            if receipt.get("file")
            else b""
        )
        return is_renewed_record(keyring, named, live.files.sha256(info.url)[0])
    except FileNotFoundError:
        return False


def renew_live_record(
    keyring: Keyring, data: bytes, receipt: JsonObject
) -> tuple[bytes, JsonObject]:
    """Return a record of the live zone with tokens of the active key, and its receipt as it has to
    be then.
    """
    if not without_active_key(count_tokens_by_key(data), keyring):
        return data, receipt
    new = renew_record_tokens(keyring, data)
    digest = hashlib.sha256(new).hexdigest()
    return new, receipt | {
        "file": f"record-{digest[:24]}.json",
        "sha256": digest,
        "bytes": len(new),
    }
