"""Care of a store: purging removed files, leases, orphans, and verification."""

from __future__ import annotations

import datetime as dt
import errno
import os
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import orjson

from callveil.schemas.manifest import FileEntry, RunManifest
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.evidence.problem import EvidenceProblem, ProblemCollector
from callveil.transforms.storage.files.filesystem import (
    Files,
    FilesError,
    ObjectLocked,
    PreconditionFailed,
)
from callveil.transforms.storage.files.urls import is_s3, local_path
from callveil.transforms.storage.format1.snapshot import (
    CONTROL,
    RUN_ID,
    SHORT_ID,
    Snapshot,
    StoreError,
    is_table_metadata,
    parse_time,
    sha256,
    to_json,
)

LEASE = "lease.json"
LEASE_HOURS = 24.0
KEEP_SNAPSHOTS = 16
_OWNED = re.compile(rf"([0-9a-f]{{{SHORT_ID}}})-")


def refuse_read_only(files: Files, root: str) -> None:
    """Refuse a place that this user may only read, before the work is done for nothing.

    S3 is asked for a write that it has to refuse in any case, by a condition that cannot hold.

    Raises `FilesError`.
    """
    url = files.join(root, CONTROL)
    if is_s3(url):
        probe = files.join(url, "probe")
        try:
            files.write(probe, b"", if_match="0" * 32)
        except PreconditionFailed:
            return
        except FilesError as error:
            if error.errno != errno.EACCES:
                raise
            raise _only_read(
                root, "let this role write there (s3:PutObject, s3:DeleteObject)"
            ) from None
        files.purge(probe)  # by a server that knows no conditions
        return
    here = Path(local_path(url))
    while not here.exists() and here != here.parent:
        here = here.parent
    if here.is_dir() and not os.access(
        here, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids
    ):
        raise _only_read(root, "work on the store itself, as its owner")


def _only_read(root: str, way_out: str) -> FilesError:
    text = (
        "this user may only read the store; name one that may be written (--output, --store), "
        f"or {way_out}"
    )
    return FilesError(errno.EACCES, text, root)


# Purging


def purged_name(seq: int) -> str:
    """Return the path of the purge record of run number `seq` below the root."""
    return f"{CONTROL}/purged/{seq:08d}.json"


def purge_removed(store: Store, manifest: RunManifest, as_of: str = "") -> int:
    """Delete every version of the files that a published run removed, then record it; returns how
    many versions were deleted.

    Args:
        manifest: of a published run; its `removed` files must no longer be live.
        as_of: time to record, ISO 8601.

    Killed anywhere, it can be repeated: a file already gone has no versions left. Where the record
    exists nothing is done. A run that removed nothing gets a record too, so that a missing record
    always means work to do. Raises `ObjectLocked` after trying all files where some are protected
    (no record is written then), and `StoreError` where the run is not published or one of the files
    is live.
    """
    url = store.url(purged_name(manifest.seq))
    if store.files.info(url) is not None:
        return 0
    snapshot = store.current()
    if manifest.seq > snapshot.seq or store.manifest(manifest.seq).run_id != manifest.run_id:
        raise StoreError(
            f"run {manifest.run_id[:SHORT_ID]} is not published, so what it removes may not be "
            "purged"
        )
    live = {f.path for f in snapshot.files}
    if any(f.path in live for f in manifest.removed):
        raise StoreError(
            "a file listed as removed is live; purging was refused and nothing deleted. Run "
            "`verify` on the store"
        )
    done, refused = [], []
    for entry in sorted(manifest.removed):
        try:
            versions = store.files.purge(store.url(entry.path))
            done.append({"path": entry.path, "sha256": entry.sha256, "versions": len(versions)})
        except ObjectLocked as error:
            refused += error.refused
    if refused:
        raise ObjectLocked(refused)
    attestor = store.attestor()
    attestor.destroy_salts((f.path for f in manifest.removed), live)
    record = {"seq": manifest.seq, "run_id": manifest.run_id, "as_of": as_of, "files": done}
    with suppress(PreconditionFailed):
        store.files.write(url, attestor.signed("purge", record, manifest.seq), if_none_match=True)
    return sum(int(str(d["versions"])) for d in done)


def unpurged_runs(store: Store) -> list[int]:
    """Return numbers of published runs whose removed files are not recorded as purged; found from
    file names alone.
    """
    names = {f.url.rsplit("/", 1)[1] for f in store.files.list(store.url(f"{CONTROL}/purged"))}
    return [seq for seq in range(1, store.current().seq + 1) if f"{seq:08d}.json" not in names]


def purge_all_removed(store: Store, now: dt.datetime) -> tuple[int, list[tuple[str, str]]]:
    """Purge what published runs removed, and temporary files of dead writers; returns versions
    purged, and `(url, version)` that are locked.
    """
    purged, locked = 0, []
    for seq in unpurged_runs(store):
        try:
            purged += purge_removed(store, store.manifest(seq), now.isoformat())
        except ObjectLocked as error:
            locked += error.refused
    store.files.sweep_temporary(store.root)
    return purged, locked


# Leases and orphans


def sweep_run(store: Store, manifest: RunManifest) -> list[str]:
    """Purge what attempts at a published run left: data files of its name that it did not publish,
    and temporary files of dead writers.

    An attempt that was killed, and found another run's results when it was repeated, may have
    written files that the repetition had no use for. Readers of the catalog never see them; readers
    of the bare folder would. Returns their paths below the root, sorted.
    """
    return _sweep_own(store, manifest.run_id)


def abandon_run(
    store: Store, run_id: str, base: Snapshot, undo: Callable[[], None] = lambda: None
) -> list[str]:
    """Clear away what a run wrote that another one was faster than, and end its lease; returns the
    paths of its files, sorted.

    Nothing is done while the run may still be published on `base`, by this process or a twin of it.

    Args:
        undo: takes back what the run wrote outside of tables, before nothing tells of it any more.
    """
    if store.recover().seq == base.seq:
        return []
    undo()
    left = _sweep_own(store, run_id)
    release_lease(store, run_id)
    return left


def _sweep_own(store: Store, run_id: str) -> list[str]:
    """Purge the data files of a run's name that are neither live nor another run's to purge. The
    run must be published, or never can be.
    """
    own = f"{run_id[:SHORT_ID]}-"
    listed = [f.url[len(store.root) :].lstrip("/") for f in store.files.list(store.root)]
    known = _known(store, store.current())
    # A twin that is slow may write a file anew which a later run has removed and purged, so what
    # counts is what is live now.
    left = [
        p
        for p in listed
        if p.rsplit("/", 1)[-1].startswith(own)
        and not p.startswith(f"{CONTROL}/")
        and p not in known
    ]
    for path in left:
        store.files.purge(store.url(path))
    store.files.sweep_temporary(store.root)
    return sorted(left)


def _known(store: Store, snapshot: Snapshot) -> set[str]:
    """Return paths of files that are live, or were removed and are still to be purged."""
    return {f.path for f in snapshot.files} | {
        f.path for seq in unpurged_runs(store) for f in store.manifest(seq).removed
    }


def take_lease(store: Store, run_id: str, now: dt.datetime) -> bool:
    """Say that a run is under way, before it writes its first file; returns whether that was said
    before. Call again to renew; `now` is an aware UTC time.
    """
    url = store.url(_lease_name(run_id))
    was_held = store.files.info(url) is not None
    store.files.write(url, to_json({"run_id": run_id, "renewed_at": now.isoformat()}))
    return was_held


def release_lease(store: Store, run_id: str) -> None:
    """Say that a run is over, after it published or gave up: its working files are purged, its
    lease last.
    """
    folder = store.url(_lease_name(run_id)).removesuffix(f"/{LEASE}")
    for info in store.files.list(folder):
        if not info.url.endswith(f"/{LEASE}"):
            store.files.purge(info.url)
    store.files.purge(store.url(_lease_name(run_id)))


def list_leases(store: Store, now: dt.datetime, hours: float = LEASE_HOURS) -> dict[str, bool]:
    """Run ids with a lease, and whether it is still good: renewed less than `hours` before `now`
    (or in its future).
    """
    out = {}
    for info in store.files.list(store.url(f"{CONTROL}/work")):
        if not info.url.endswith(f"/{LEASE}"):
            continue
        try:
            found = orjson.loads(store.files.read(info.url))
            out[str(found["run_id"])] = now - parse_time(found["renewed_at"]) < dt.timedelta(
                hours=hours
            )
        except FileNotFoundError:  # released since listing
            continue
        except (ValueError, KeyError, TypeError):
            raise StoreError(f"{info.url}: not a lease; delete it if no run is under way") from None
    return out


def _lease_name(run_id: str) -> str:
    if not RUN_ID.fullmatch(run_id):
        raise ValueError("a run id must be a digest in lower-case hex, 16 digits or more")
    return f"{CONTROL}/work/{run_id}/{LEASE}"


def collect_orphans(
    store: Store, now: dt.datetime, *, hours: float = LEASE_HOURS, dry_run: bool = True
) -> list[str]:
    """Find, and unless `dry_run` purge, files that dead runs left; returns their paths below the
    root, sorted.

    A data file is an orphan when no live snapshot names it, no unpurged run removed it (that is
    purging's work), and its run holds no good lease. A file whose name does not begin with a run's
    id is left alone while any good lease exists. Old snapshots, temporary files of dead writers,
    and working files of runs without a good lease are taken along.

    Args:
        now: aware UTC time.
        hours: how long a lease is good after its last renewal. Must exceed the longest time a run
            goes without renewing.

    The order of looking makes it safe beside running jobs. Files are listed first, then leases,
    then the snapshot: a listed file's run took its lease before writing it, so either the lease is
    still seen, or it was released after publishing (then the snapshot, read later, names the file)
    or after giving up.
    """
    listed = [f.url[len(store.root) :].lstrip("/") for f in store.files.list(store.root)]
    held = list_leases(store, now, hours)
    snapshot = store.recover()
    good = {run_id[:SHORT_ID] for run_id, is_good in held.items() if is_good}
    known = _known(store, snapshot)
    orphans = [
        p
        for p in listed
        if not p.startswith(f"{CONTROL}/")
        and not is_table_metadata(p)
        and p not in known
        and not _may_be_running(p, good)
    ]
    orphans += [p for p in listed if _is_old_snapshot(p, snapshot.seq)]
    orphans += store.unreachable_metadata()
    orphans += [
        p
        for p in listed
        if p.startswith(f"{CONTROL}/work/") and p.split("/")[2][:SHORT_ID] not in good
    ]
    if not dry_run:
        for path in orphans:
            store.files.purge(store.url(path))
        store.files.sweep_temporary(store.root, now - dt.timedelta(hours=hours))
    return sorted(orphans)


def _may_be_running(path: str, good: set[str]) -> bool:
    owner = _OWNED.match(path.rsplit("/", 1)[-1])
    return owner[1] in good if owner else bool(good)


def _is_old_snapshot(path: str, seq: int) -> bool:
    """Old enough that neither a reader that just read the pointer nor a run that may still publish
    needs it.
    """
    found = re.match(rf"{CONTROL}/snapshots/(\d+)-", path)
    return found is not None and int(found[1]) <= seq - KEEP_SNAPSHOTS


# Verification


def verify_integrity(store: Store) -> list[EvidenceProblem]:
    """Check all that can be checked without keys: every live file's bytes, the chain of manifests,
    and that it leads to the live set; that purged files are gone. Returns what differs, sorted;
    empty is right. Reads every live byte.
    """
    found = ProblemCollector()
    try:
        snapshot = store.current()
        if _replay(store).files != snapshot.files:
            latest = "its snapshot lists other files than the manifests lead to"
            found.add(f"{CONTROL}/latest.json", "gap", latest)
    except (StoreError, ValueError) as error:
        return [EvidenceProblem(CONTROL, "changed", str(error))]
    for entry in snapshot.files:
        reason = store.differs(entry)
        if reason:
            found.add(entry.path, "missing" if reason == "missing" else "byte", reason)
    live = {f.path for f in snapshot.files}
    for entry in _purged(store, snapshot.seq):
        if entry.path not in live and store.files.info(store.url(entry.path)) is not None:
            found.add(entry.path, "left", "recorded as purged, but it is there")
    return list(found.sorted())


def _replay(store: Store) -> Snapshot:
    snapshot = Snapshot()
    for manifest in store.manifests():
        snapshot = snapshot.after(manifest)
        stored = sha256(store.files.read(store.url(snapshot.manifest)))
        if stored != snapshot.manifest_sha256:
            raise StoreError(
                f"{snapshot.manifest}: its bytes are not in canonical form; it was changed"
            )
    return snapshot


def _purged(store: Store, seq: int) -> Iterator[FileEntry]:
    waiting = set(unpurged_runs(store))
    for number in range(1, seq + 1):
        if number not in waiting:
            yield from store.manifest(number).removed
