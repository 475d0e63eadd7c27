"""Sealing a store anew: what lies under an older key is opened and sealed with the active one,
tokens likewise, and what was is purged.

Files of datasets go through small published runs, so that readers see whole states and evidence
follows; the live zone and inboxes are written in place. Killed anywhere it is repeated, and does
what is left. Digests stay: they are made of what is stored no more.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from callveil.schemas.manifest import FileEntry
from callveil.transforms.governance.rekey.live import (
    ReencryptionCounts,
    reencrypt_inbox,
    reencrypt_live,
)
from callveil.transforms.governance.rekey.restriction import (
    is_restricted_file,
    reencrypt_restricted,
)
from callveil.transforms.governance.rekey.token_rotation import (
    files_to_renew,
    renew_file_tokens,
    token_files,
)
from callveil.transforms.governance.rekey.usage import count_key_uses
from callveil.transforms.governance.rekey.zones import (
    Tell,
    encrypted_files,
    ignore_progress,
)
from callveil.transforms.governance.requests.dead_letter_search import (
    DeadLetterHit,
    erase_dead_letters,
)
from callveil.transforms.governance.requests.publish import (
    CONTENT,
    PURPOSE,
    publish_changes,
    purge_pending,
)
from callveil.transforms.storage.checkpoints.live_checkpoint import write_checkpoint
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.commit.commit_run import RunChanges
from callveil.transforms.storage.encryption.encrypted_file import SealedError, reencrypt_file
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.encryption.sealed_body import SUFFIX
from callveil.transforms.storage.files.local import temporary_file
from callveil.transforms.storage.format1.inbox_registry import Inboxes
from callveil.transforms.storage.format1.live import Live
from callveil.transforms.storage.format1.snapshot import Snapshot, data_path
from callveil.transforms.storage.tables.dead_letters import CONTENT as REJECTED
from callveil.transforms.storage.tables.mutation import RowMutation
from callveil.transforms.storage.tables.parquet import publish_bytes

JOB = "rewrap"
BATCH = 64
"""Files of one published run: a kill repeats no more, and another run that is faster has no more
planned anew.
"""


@dataclass(frozen=True)
class RewrapResult:
    """Outcome of rewrapping a store.

    Attributes:
        files: written anew, by zone. runs: published for it.
        purged: object versions.
        locked: object versions that a lock protects, as `(url, version)`.
        failed: files that do not open, each with the reason.
        left: what still needs an older key to be opened, by zone.
    """

    files: Counter[str] = field(default_factory=Counter)
    runs: int = 0
    purged: int = 0
    locked: tuple[tuple[str, str], ...] = ()
    failed: tuple[str, ...] = ()
    left: Counter[str] = field(default_factory=Counter)

    @property
    def is_whole(self) -> bool:
        """Tell whether nothing is left to do."""
        return not (self.left or self.locked or self.failed)


def rewrap_store(
    store: Store,
    keyring: Keyring,
    now: dt.datetime,
    inboxes: Sequence[str] = (),
    tell: Tell = ignore_progress,
) -> RewrapResult:
    """Seal what a store, and inboxes of its `watch`, hold under older keys with the active one.
    Killed anywhere, it is repeated.

    Args:
        now: for leases and the record; decides nothing.
        inboxes: beside those that `watch` has read for the store.
    """
    done, runs = ReencryptionCounts(), 0
    purged, locked = purge_pending(store, now)
    for what, build in ((_sealed, _build_sealed), (_tokens, _build_tokens)):
        runs += _publish_all(
            store, keyring, now, what(store, keyring), _Builder(store, keyring, build), done, tell
        )
    reencrypt_live(store, keyring, done, tell)
    places = Inboxes.of([Live(store.files, store.root)], inboxes)
    for inbox in places.folders:
        reencrypt_inbox(store.files, inbox, [store], keyring, done, tell)
    write_checkpoint(store, keyring, now)
    more, still = purge_pending(store, now)
    left: Counter[str] = Counter()
    for key_id, use in count_key_uses(store, keyring, places.folders).items():
        if key_id != keyring.active:
            left += use.opening
    return RewrapResult(
        done.files,
        runs,
        purged + more + done.purged,
        tuple(sorted({*locked, *still, *done.locked})),
        tuple(done.failed),
        left,
    )


@dataclass(frozen=True)
class _Builder:
    """Makes a run's changes of some files."""

    store: Store
    keyring: Keyring
    build: Callable[[Store, Keyring, Snapshot, str, list[FileEntry]], RunChanges]

    def changes(self, snapshot: Snapshot, run_id: str, paths: set[str]) -> RunChanges:
        """Return those of the files that are live still."""
        chosen = [f for f in snapshot.files if f.path in paths]
        made = self.build(self.store, self.keyring, snapshot, run_id, chosen)
        counts = Counter(f.dataset for f in chosen)
        return RunChanges(
            made.added,
            made.removed,
            {f"rewrapped.{name}": n for name, n in counts.items()},
            ({"key_id": self.keyring.active},),
        )


def _publish_all(
    store: Store,
    keyring: Keyring,
    now: dt.datetime,
    chosen: list[FileEntry],
    builder: _Builder,
    done: ReencryptionCounts,
    tell: Tell,
) -> int:
    """Publish runs over some files, each over a batch of them. One that does not open stays, and
    stops no other. Returns how many there were.
    """
    waiting = [chosen[at : at + BATCH] for at in range(0, len(chosen), BATCH)]
    runs = finished = 0
    while waiting:
        batch = waiting.pop(0)
        tell(batch[0].dataset, finished, len(chosen))
        paths = {f.path for f in batch}
        run_id = hashlib.sha256(repr((JOB, keyring.active, sorted(paths))).encode()).hexdigest()
        try:
            changes = partial(builder.changes, run_id=run_id, paths=paths)
            manifest = publish_changes(store, run_id, now, now, changes, JOB)
        except SealedError as error:
            if len(batch) == 1:
                done.failed.append(f"{batch[0].path}: {error}")
            else:
                waiting[:0] = [[f] for f in batch]
            continue
        runs, finished = runs + 1, finished + len(batch)
        done.files.update(
            {n.removeprefix("rewrapped."): count for n, count in manifest.counts.items()}
        )
    return runs


# Sealed files of datasets


def _sealed(store: Store, keyring: Keyring) -> list[FileEntry]:
    """Live sealed files under older keys that the keyring opens."""
    old = {
        s.path
        for s in encrypted_files(store.files, store.root)
        if s.key_id != keyring.active and keyring.opens(s.key_id)
    }
    return [
        f for name in (REJECTED, CONTENT) for f in store.current().by_dataset(name) if f.path in old
    ]


def _build_sealed(
    store: Store, keyring: Keyring, snapshot: Snapshot, run_id: str, chosen: list[FileEntry]
) -> RunChanges:
    # A hit outside of every block takes nothing out: the file is written anew as it is, and the
    # reasons are pointed to it.
    hits = [DeadLetterHit("", "", f.path, -1, -1) for f in chosen if f.dataset == REJECTED]
    added, removed = (
        erase_dead_letters(store, keyring, snapshot, run_id, hits) if hits else ([], [])
    )
    own = [f for f in chosen if f.dataset == CONTENT]
    return RunChanges(
        (*added, *(_of_request(store, keyring, run_id, f) for f in own)), (*removed, *own)
    )


def _of_request(store: Store, keyring: Keyring, run_id: str, entry: FileEntry) -> FileEntry:
    """Return a sealed file of a request anew. What its name says behind the run's id stays: the
    file is found by it.
    """
    name = entry.path.rpartition("/")[2].partition("-")[2].removesuffix(SUFFIX)
    path = data_path(CONTENT, entry.partition, run_id, name, SUFFIX)
    with store.files.open(store.url(entry.path)) as source, temporary_file() as sink:
        if is_restricted_file(entry.path):
            reencrypt_restricted(source, sink, keyring, entry.path, path)
        else:
            reencrypt_file(source, sink, keyring, entry.path, PURPOSE, path)
        return publish_bytes(store.files, store.root, path, CONTENT, entry.partition, sink)


# Tokens in rows


def _tokens(store: Store, keyring: Keyring) -> list[FileEntry]:
    """Live files that hold tokens which older keys made and the keyring opens."""
    return files_to_renew(store, token_files(store.current()), keyring)


def _build_tokens(
    store: Store, keyring: Keyring, snapshot: Snapshot, run_id: str, chosen: list[FileEntry]
) -> RunChanges:
    mutation = RowMutation(store.files, store.root, snapshot, run_id)
    for entry in chosen:
        renew_file_tokens(mutation, keyring, entry)
    return RunChanges(tuple(mutation.added), tuple(mutation.removed))
