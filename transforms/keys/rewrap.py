"""Sealing the rejected zone anew: what lies under an older key is opened and sealed with the active one, and the old files are purged."""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass

from callveil.transforms.keys.status import sealed_files
from callveil.transforms.store.catalog import Store
from callveil.transforms.store.keyring import Keyring
from callveil.transforms.store.rejects import CONTENT
from callveil.transforms.store.snapshot import Snapshot
from callveil.transforms.subject.publish import Changes, publish, settle
from callveil.transforms.subject.rejected import RejectedHit, erase

JOB = "rewrap"


@dataclass(frozen=True)
class Rewrapped:
    """What was done.

    Attributes:
        files: sealed anew. seq: the run that did it; 0 where nothing was to be done.
        purged: object versions. left: sealed files under older keys that are sealed anew by no run, by folder.
    """

    files: int
    seq: int
    purged: int
    left: dict[str, int]


def rewrap(store: Store, keyring: Keyring, now: dt.datetime) -> Rewrapped:
    """Seal the content of rejected records that lies under an older key with the active one. Killed anywhere, it is repeated.

    Raises `SealedError` where a file cannot be opened: its key is not in the keyring, or it was changed; nothing is published then.
    """
    old = {p for p, (key_id, _) in sealed_files(store).items() if key_id != keyring.active}
    chosen = sorted(f.path for f in store.current().by_dataset(CONTENT) if f.path in old)
    left: dict[str, int] = {}
    for path in old - set(chosen):
        left[path.split("/")[0]] = left.get(path.split("/")[0], 0) + 1
    if not chosen:
        return Rewrapped(0, 0, settle(store, now)[0], left)
    run_id = hashlib.sha256(repr((JOB, keyring.active, chosen)).encode()).hexdigest()

    def build(snapshot: Snapshot) -> Changes:
        live = {f.path for f in snapshot.by_dataset(CONTENT)}
        # A hit outside of every block takes nothing out: the file is written anew as it is, and the reasons are pointed to it.
        hits = [RejectedHit("", "", path, -1, -1) for path in chosen if path in live]
        added, removed = erase(store, keyring, snapshot, run_id, hits)
        return Changes(tuple(added), tuple(removed), {"rewrapped": len(hits)}, ({"key_id": keyring.active},))

    manifest = publish(store, run_id, now, now, build, JOB)
    return Rewrapped(manifest.counts["rewrapped"], manifest.seq, settle(store, now)[0], left)
