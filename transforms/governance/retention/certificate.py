"""The end of a retention run: old versions purged, that checked, and certificates published. Safe
to repeat; finds its work in the store.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import orjson
import pyarrow.parquet as pq

from callveil.schemas.arrow import RETENTION_CERTIFICATE_SCHEMA
from callveil.schemas.disposition import CERTIFICATE_FIELDS, Disposition, RetentionCertificate
from callveil.schemas.manifest import RunManifest
from callveil.transforms.governance.retention.plan_file import DISPOSITIONS
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.commit.commit_run import (
    CommitPolicy,
    RunChanges,
    RunFacts,
    close_run,
    commit_run,
)
from callveil.transforms.storage.commit.maintenance import (
    collect_orphans,
    list_leases,
    purge_all_removed,
    purge_removed,
    purged_name,
    release_lease,
    unpurged_runs,
)
from callveil.transforms.storage.format1.snapshot import Snapshot, data_path, manifest_name, sha256
from callveil.transforms.storage.tables.parquet import Table, publish_records, register_table

CERTIFICATES = register_table(
    Table(
        "certificates",
        RETENTION_CERTIFICATE_SCHEMA,
        CERTIFICATE_FIELDS,
        doc="That a series of records expired, was deleted, and purged. Where files were locked, "
        "another row follows once they are gone.",
        partition_by=("day",),
    )
)
JOB = "attest"
CERTIFY = CommitPolicy(retry_on=(), abandon=False)
"""The rows are the same on every state of the store, and so is their file."""


@dataclass(frozen=True)
class FinishResult:
    """Outcome of finishing runs.

    Attributes:
        versions_purged: object versions and delete markers removed.
        locked: `(url, version)` that a lock protects; they stay until a later run finds them free.
        certificates: certificates published.
    """

    versions_purged: int
    locked: tuple[tuple[str, str], ...]
    certificates: int


def finish_runs(store: Store, run_ids: Iterable[str], now: dt.datetime) -> FinishResult:
    """Purge what published runs removed, check it, publish certificates of retention runs, and
    clear away what dead runs left.

    Args:
        run_ids: runs whose leases are over.
        now: the time for the record, UTC.
    """
    waiting = unpurged_runs(store)
    purged, locked = purge_all_removed(store, now)
    certificates = sum(_certify(store, m, locked, now) for m in _uncertified(store, waiting))
    for run_id in run_ids:
        release_lease(store, run_id)
    if list_leases(store, now):
        collect_orphans(store, now, dry_run=False)
    return FinishResult(purged, tuple(locked), certificates)


def _uncertified(store: Store, waiting: list[int]) -> list[RunManifest]:
    """Retention runs that may lack certificates: those whose files were not purged, and the latest
    ones back to the first that has its own.
    """
    out = {}
    for seq in range(store.current().seq, 0, -1):
        manifest = store.manifest(seq)
        if manifest.job == "retain" and manifest.removed:
            if store.published(_certificate_run(manifest, True)) is not None:
                break
            out[seq] = manifest
    out |= {seq: m for seq in waiting if (m := store.manifest(seq)).job == "retain"}
    return [out[seq] for seq in sorted(out)]


def _certificate_run(manifest: RunManifest, is_purged: bool) -> str:
    return hashlib.sha256(f"{JOB}:{manifest.run_id}:{is_purged}".encode()).hexdigest()


def _certify(
    store: Store, manifest: RunManifest, locked: list[tuple[str, str]], now: dt.datetime
) -> int:
    """Publish certificates of one run; 0 where they are there already, in this state of things, or
    the run disposed of nothing.
    """
    record = store.url(purged_name(manifest.seq))
    is_purged = store.files.info(record) is not None
    run_id = _certificate_run(manifest, is_purged)
    if store.published(run_id) is not None:
        return 0
    versions = (
        sum(int(f["versions"]) for f in orjson.loads(store.files.read(record))["files"])
        if is_purged
        else 0
    )
    own = {store.url(f.path) for f in manifest.removed}
    facts = {
        "run_id": manifest.run_id,
        "plan_sha256": manifest.inputs[0]["plan_sha256"],
        "purged_at": now if is_purged else None,
        "verified_at": now if is_purged and _verified(store, manifest) else None,
        "versions_purged": versions,
        "versions_locked": len({v for v in locked if v[0] in own}),
        "evidence_sha256": sha256(store.files.read(store.url(manifest_name(manifest.seq)))),
    }
    rows = [r | facts for r in _series(store, manifest)]
    if not rows:
        return 0
    partition = {"day": manifest.as_of[:10]}
    # Certificates name the time of purging: two processes that finish the same run at once may not
    # share the file.
    name = f"certificates-{hashlib.sha256(repr(rows).encode()).hexdigest()[:8]}"
    path = data_path(CERTIFICATES.name, partition, run_id, name)

    def build(_: Snapshot) -> RunChanges:
        entry = publish_records(store.files, store.root, path, CERTIFICATES, partition, rows)
        facts = ({"run_id": manifest.run_id},)
        return RunChanges((entry,), (), {"certificates": entry.rows}, facts)

    run = RunFacts(
        run_id,
        JOB,
        manifest.as_of,
        manifest.policy_name,
        manifest.policy_sha256,
        manifest.tool_version,
    )
    done = commit_run(store, run, build, now, CERTIFY)
    if not done.repeated:
        purge_removed(store, done.manifest, now.isoformat())  # it removed nothing, the record says
    close_run(store, done)
    return 0 if done.repeated else len(rows)


def _verified(store: Store, manifest: RunManifest) -> bool:
    """Tell whether nothing is left of any file the run removed: no object, no old version, no
    delete marker.
    """
    return all(
        store.files.info(store.url(f.path)) is None and not store.files.purge(store.url(f.path))
        for f in manifest.removed
    )


def _series(store: Store, manifest: RunManifest) -> list[RetentionCertificate]:
    """Return one row per series of the run: record class, account type, rule and method."""
    found: dict[tuple[str, str, str, str], list[Disposition]] = defaultdict(list)
    (entry,) = [f for f in manifest.added if f.dataset == DISPOSITIONS.name]
    for row in _file_rows(store, entry.path):
        found[
            row["record_class"], row["type_at_event"] or "", row["rule_id"] or "", row["method"]
        ].append(row)
    out = []
    for series, rows in sorted(found.items()):
        expired = [r["eligible_at"] for r in rows if r["eligible_at"]]
        first = [r["expired_first"] for r in rows if r["expired_first"]]
        accounts = {r["account_id"] for r in rows}
        record_class, account_type, rule_id, method = series
        name = hashlib.sha256(repr((manifest.run_id, series)).encode()).hexdigest()[:32]
        out.append(
            RetentionCertificate(
                record_class=record_class,
                account_type=account_type,
                rule_id=rule_id,
                method=method,
                certificate_id=name,
                account_id=(accounts.pop() or None) if len(accounts) == 1 else None,
                rows_deleted=sum(r["rows_deleted"] or 0 for r in rows),
                files=len({r["object"] for r in rows}),
                expired_first=min(first, default=None),
                expired_last=max(expired, default=None),
                deleted_at=rows[0]["disposed_at"],
            )
        )
    return out


def _file_rows(store: Store, path: str) -> Iterable[Disposition]:
    with store.files.open(store.url(path)) as source:
        for batch in pq.ParquetFile(source).iter_batches():
            yield from (
                r
                for r in batch.to_pylist()
                if r["record_id"] is None and r["method"] not in ("none",)
            )
