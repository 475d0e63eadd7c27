"""Publishing what a request does to the store: small runs, safe to repeat, planned anew where
another run came first.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import orjson

from callveil.schemas.errors import UserError
from callveil.schemas.manifest import FileEntry, RunManifest
from callveil.transforms.storage.commit.catalog import PublishConflict, Store
from callveil.transforms.storage.commit.commit_run import (
    REPLAN,
    CommitPolicy,
    RunChanges,
    RunFacts,
    close_run,
    commit_run,
)
from callveil.transforms.storage.commit.maintenance import (
    abandon_run,
    collect_orphans,
    list_leases,
    purge_all_removed,
    purge_removed,
)
from callveil.transforms.storage.encryption.encrypted_file import EncryptedReader, EncryptedWriter
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.evidence.kept_evidence import KeptEvidence, keep_evidence
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.files.local import temporary_file
from callveil.transforms.storage.format1.snapshot import Snapshot, data_path
from callveil.transforms.storage.tables.parquet import publish_bytes

JOB = "subject"
CONTENT = "subject_content"
"""Dataset of sealed files: what a person gave to be found by, and what was found."""
PURPOSE = "subject"
STATES = 4


def request_run_id(*parts: object) -> str:
    """Run id of one step of a request: the same step is the same run."""
    return hashlib.sha256(orjson.dumps([JOB, *map(str, parts)])).hexdigest()


def publish_changes(
    store: Store,
    run_id: str,
    as_of: dt.datetime,
    now: dt.datetime,
    build: Callable[[Snapshot], RunChanges],
    job: str = JOB,
    policy: CommitPolicy = REPLAN,
) -> RunManifest:
    """Do a run's work and publish it; on the new state of the store where another run came first.

    Args:
        build: writes the run's files for a state of the store and says which they are.
        now: for the lease; decides nothing. policy: what to do where another run comes first.

    Returns: the manifest; of an earlier attempt where that was published. Raises `PublishConflict`
        once all attempts are spent, and whatever `build` raises; the lease then stays, so that what
        was written is collected once it is over.
    """
    done = commit_run(store, RunFacts(run_id, job, as_of.isoformat()), build, now, policy)
    close_run(store, done)
    if not done.repeated and not done.manifest.removed:
        # Nothing is to be purged; the record says so.
        purge_removed(store, done.manifest, now.isoformat())
    return done.manifest


PATIENT = CommitPolicy(attempts=100, abandon=False)
"""For runs of which another attempt costs little, since they keep what is written."""


def publish_patiently(
    store: Store,
    run_id: str,
    as_of: dt.datetime,
    now: dt.datetime,
    build: Callable[[Snapshot, KeptEvidence], RunChanges],
) -> RunManifest:
    """Publish a run that keeps what it has written where another one is published first, however
    often; arguments as of `publish_changes`.

    Args:
        build: gets what is known of the run's files, too; it may add to that.
    """
    planned_on = store.current()
    try:
        with keep_evidence(run_id) as kept:
            return publish_changes(
                store, run_id, as_of, now, lambda state: build(state, kept), policy=PATIENT
            )
    except (UserError, PublishConflict):
        abandon_run(store, run_id, planned_on)
        raise


def purge_pending(store: Store, now: dt.datetime) -> tuple[int, list[tuple[str, str]]]:
    """Purge what published runs removed, and what dead runs left, and check it; returns versions
    purged, and `(url, version)` that are locked.
    """
    done = purge_all_removed(store, now)
    if list_leases(store, now):
        collect_orphans(store, now, dry_run=False)
    return done


def write_encrypted_json(
    store: Store, keyring: Keyring, run_id: str, request_id: str, name: str, value: Any
) -> FileEntry:
    """Write a JSON value as a sealed file and return its entry."""
    partition = {"request": request_id}
    path = data_path(CONTENT, partition, run_id, name, ".sealed")
    with temporary_file() as sink:
        with EncryptedWriter(sink, keyring, path, PURPOSE) as writer:
            for block in _blocks(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)):
                writer.append(block)
        return publish_bytes(store.files, store.root, path, CONTENT, partition, sink)


def _blocks(data: bytes) -> Iterable[bytes]:
    return (data[at : at + (1 << 20)] for at in range(0, max(len(data), 1), 1 << 20))


def read_encrypted_json(store: Store, keyring: Keyring, entry: FileEntry) -> Any:
    """Return the value that `write_encrypted_json` wrote. Raises `SealedError` where the keyring
    does not open it.
    """
    return orjson.loads(decrypt_file(store.files, store.url(entry.path), entry.path, keyring))


def decrypt_file(files: Files, url: str, name: str, keyring: Keyring) -> bytes:
    """Return the bytes of a sealed file of one value."""
    with files.open(url) as source:
        return b"".join(
            record for block in EncryptedReader(source, keyring, name, PURPOSE) for record in block
        )


_by_request: dict[tuple[str, str], dict[str, list[FileEntry]]] = {}
"""Files of a dataset by request, of the states of a store that were looked at last: by the digest
of the state's manifest, and dataset."""


def files_by_request(snapshot: Snapshot, dataset: str) -> Mapping[str, list[FileEntry]]:
    """Live files of a dataset that is partitioned by request."""
    key = snapshot.manifest_sha256, dataset
    if (held := _by_request.get(key)) is None:
        held = {}
        for file in snapshot.by_dataset(dataset):
            held.setdefault(file.partition["request"], []).append(file)
        while len(_by_request) >= STATES:
            del _by_request[next(iter(_by_request))]
        if snapshot.seq:
            _by_request[key] = held
    return held


def request_files(snapshot: Snapshot, request_id: str, name: str = "") -> list[FileEntry]:
    """Live sealed files of a request, those of one name or all, the latest last."""
    own = files_by_request(snapshot, CONTENT).get(request_id, ())
    return sorted(
        (f for f in own if not name or f.path.endswith(f"{name}.sealed")),
        key=lambda f: f.path.rsplit("/", 1)[1].split("-", 1)[1],
    )
