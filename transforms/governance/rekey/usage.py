"""Usage of each encryption key: data that it alone decrypts, by zone, and keyed digests.

By the digests people and erased records are found.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import orjson
import pyarrow.parquet as pq

from callveil.schemas.interaction import InteractionKey
from callveil.transforms.governance.rekey.live import records_with_tokens
from callveil.transforms.governance.rekey.restriction import (
    count_restricted_keys,
    is_restricted_file,
)
from callveil.transforms.governance.rekey.token_rotation import count_file_tokens, token_files
from callveil.transforms.governance.rekey.zones import (
    OLDER,
    RECORDS,
    EncryptedFile,
    encrypted_files,
    superseded_files,
)
from callveil.transforms.governance.requests.publish import CONTENT
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.encryption.encrypted_file import SealedError
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.format1.live import Live
from callveil.transforms.storage.format1.snapshot import Snapshot
from callveil.transforms.storage.identity.record_identifiers import interaction_ref, record_token
from callveil.transforms.storage.index.identifier_index import SUBJECTS
from callveil.transforms.storage.index.identity_markers import SUBJECTS as MARKERS
from callveil.transforms.storage.index.suppression_list import ERASED

WITHIN = "set aside"
"""Zone of what lies within rows that a restriction has set aside."""
LIVE_MARKERS = "live/subjects"
UNTIL = {
    SUBJECTS.name: "until these records go by retention or erasure",
    LIVE_MARKERS: "until these records are erased",
    ERASED.name: "for ever: by them no replay brings an erased record back",
    WITHIN: "until the restriction is lifted",
}
"""For how long digests of a zone are looked up."""


@dataclass(frozen=True)
class KeyUse:
    """Files, tokens and digests that depend on one key.

    Attributes:
        files: sealed files by zone. bytes: of them.
        tokens: reversible tokens by zone; among findings, rows that name the key.
        values: pseudonyms and tokens in live findings, by action.
        digests: entries that are found by this key's digests alone, by zone.
        latest: latest day (ISO) of the records those entries are about, by zone.
    """

    files: Counter[str] = field(default_factory=Counter)
    bytes: Counter[str] = field(default_factory=Counter)
    tokens: Counter[str] = field(default_factory=Counter)
    values: Counter[str] = field(default_factory=Counter)
    digests: Counter[str] = field(default_factory=Counter)
    latest: dict[str, str] = field(default_factory=dict)

    @property
    def opening(self) -> Counter[str]:
        """Return the number of files and tokens that would stay closed without the key, by zone."""
        return self.files + self.tokens

    @property
    def is_used(self) -> bool:
        """Tell whether anything would stay closed or be found no more without the key."""
        return bool(self.files or self.tokens or self.digests)

    def count(self, found: EncryptedFile) -> None:
        """Count a sealed file."""
        self.files[found.zone] += 1
        self.bytes[found.zone] += found.info.size

    def digest(self, zone: str, number: int, day: str = "") -> None:
        """Count entries that are found by digests."""
        self.digests[zone] += number
        if day:
            self.latest[zone] = max(day, self.latest.get(zone, ""))


class _Uses(dict[str, KeyUse]):
    def __missing__(self, key_id: str) -> KeyUse:
        return self.setdefault(key_id, KeyUse())


def count_key_uses(
    store: Store, keyring: Keyring, inboxes: Sequence[str] = ()
) -> dict[str, KeyUse]:
    """Return what depends on each key, by key id. What does not say whose it is counts for every
    key that may have made it.

    Reads the first bytes of sealed files, texts that may hold tokens, and the columns of the
    identifier index that name keys.
    """
    out, snapshot = _Uses(), store.current()
    for found in encrypted_files(store.files, store.root):
        out[found.key_id].count(found)
    for inbox in inboxes:
        count_inbox_uses(store.files, inbox, keyring, out)
    _older(store.files, Live(store.files, store.root).url(), keyring, out)
    for entry in token_files(snapshot):
        for key_id, number in count_file_tokens(store, entry).items():
            out[key_id].tokens[entry.dataset] += number
    for _, counts in records_with_tokens(Live(store.files, store.root)):
        for key_id, number in counts.items():
            out[key_id].tokens[RECORDS] += number
    _values(store, snapshot, out)
    _set_aside(store, keyring, snapshot, out)
    _digests(store, keyring, snapshot, out)
    return dict(out)


def count_inbox_uses(files: Files, inbox: str, keyring: Keyring, out: dict[str, KeyUse]) -> None:
    """Add what an inbox holds."""
    for found in encrypted_files(files, inbox):
        out.setdefault(found.key_id, KeyUse()).count(found)
    _older(files, inbox, keyring, out)


def _older(files: Files, folder: str, keyring: Keyring, out: dict[str, KeyUse]) -> None:
    """Older object versions do not say without being read which key sealed them, so each counts for
    every key that no longer seals.
    """
    number = len(superseded_files(files, folder))
    for key_id in keyring.key_ids:
        if number and key_id != keyring.active and keyring.opens(key_id):
            out.setdefault(key_id, KeyUse()).files[OLDER] += number


def _values(store: Store, snapshot: Snapshot, out: _Uses) -> None:
    for entry in snapshot.by_dataset("findings"):
        with store.files.open(store.url(entry.path)) as source:
            for batch in pq.ParquetFile(source).iter_batches(20_000, columns=["key_id", "action"]):
                pairs = Counter(
                    zip(batch.column(0).to_pylist(), batch.column(1).to_pylist(), strict=True)
                )
                for (key_id, action), count in pairs.items():
                    if key_id:
                        out[key_id].values[action] += count


def _set_aside(store: Store, keyring: Keyring, snapshot: Snapshot, out: _Uses) -> None:
    for entry in (f for f in snapshot.by_dataset(CONTENT) if is_restricted_file(f.path)):
        for key_id in keyring.digest_keys:
            out[key_id].digest(WITHIN, 1)
        # What does not open is counted as a file of its key, so that this key stays.
        with store.files.open(store.url(entry.path)) as source, suppress(SealedError):
            for key_id, number in count_restricted_keys(source, keyring, entry.path).items():
                out[key_id].tokens[WITHIN] += number


# Digests


def _digests(store: Store, keyring: Keyring, snapshot: Snapshot, out: _Uses) -> None:
    for entry in snapshot.by_dataset(SUBJECTS.name):
        with store.files.open(store.url(entry.path)) as source:
            for batch in pq.ParquetFile(source).iter_batches(50_000, columns=["key_id", "day"]):
                grouped = batch.to_struct_array().flatten()
                for key_id, day, number in _grouped(*(a.to_pylist() for a in grouped)):
                    for maker in _makers(keyring, key_id):
                        out[maker].digest(SUBJECTS.name, number, day)
    for entry in snapshot.by_dataset(ERASED.name):
        for key_id in keyring.digest_keys:
            out[key_id].digest(ERASED.name, entry.rows)
    _markers(store, keyring, out)


def _grouped(keys: Iterable[str], days: Iterable[str]) -> Iterable[tuple[str, str, int]]:
    counts: Counter[str] = Counter()
    latest: dict[str, str] = {}
    for key_id, day in zip(keys, days, strict=True):
        counts[key_id] += 1
        latest[key_id] = max(day or "", latest.get(key_id, ""))
    return [(k, latest[k], n) for k, n in counts.items()]


def _makers(keyring: Keyring, key_id: str) -> tuple[str, ...]:
    """Return keys that may have made digests which name a key: one that never made any stands for
    those that did.
    """
    return (
        (key_id,)
        if key_id in keyring.digest_keys or key_id not in keyring.key_ids
        else keyring.digest_keys
    )


def _markers(store: Store, keyring: Keyring, out: _Uses) -> None:
    """Markers of the live zone: they, and lists of them, are named by a digest of their record, so
    the record tells which key made it.
    """
    folder = Live(store.files, store.root).url(MARKERS)
    by_record: dict[str, list[str]] = {}
    lists: dict[str, list[str]] = {}
    for info in store.files.list(folder):
        parent, _, name = info.url.removeprefix(f"{folder}/").removesuffix(".json").rpartition("/")
        if parent:
            by_record.setdefault(name, []).append(info.url)
            lists.setdefault(parent, []).append(name)
    for record in lists.keys() & by_record.keys():
        for name in lists[record]:
            by_record.pop(name, None)
    for record, urls in by_record.items():
        try:
            row = orjson.loads(store.files.read(urls[0]))
        except FileNotFoundError:
            continue
        ref, names = (
            interaction_ref(InteractionKey(row["account_id"], row["id"])),
            {record, urls[0].split("/")[-2]},
        )
        makers = [
            k for k in keyring.digest_keys if record_token(keyring, ref, k) in names
        ] or keyring.digest_keys
        for key_id in makers:
            out[key_id].digest(LIVE_MARKERS, len(urls), row["day"])
