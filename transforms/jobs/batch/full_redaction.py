"""Automatic full redaction as a disposition: interactions that stay, without content and caller. A
published run of its own.

The rows are redacted by the same code as the redaction job's, so that index, findings and floor
agree with it.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from functools import partial
from typing import Any

from callveil.schemas.account import AccountBook
from callveil.schemas.manifest import FileEntry, RunManifest
from callveil.schemas.outcome import Outcome
from callveil.schemas.policy import Policy
from callveil.transforms.execution.worker_pool import spread_work
from callveil.transforms.governance.retention.apply import dispositions_name, retention_run_id
from callveil.transforms.governance.retention.decide_rows import (
    actions_of,
    decide_rows,
    key_columns,
)
from callveil.transforms.governance.retention.file_stats import FilePruner
from callveil.transforms.governance.retention.plan_file import (
    DISPOSITIONS,
    RetentionPlan,
    plan_rows,
)
from callveil.transforms.governance.retention.record_classes import ROW_DATASETS
from callveil.transforms.governance.retention.scan import key_batches
from callveil.transforms.ingest.deduplicate import REDO, Change
from callveil.transforms.jobs.batch.changes import apply_changes
from callveil.transforms.jobs.batch.context import RedactJob, engines_of
from callveil.transforms.redact.engine import RunColumns
from callveil.transforms.storage.commit.catalog import AlreadyPublished, PublishConflict, Store
from callveil.transforms.storage.commit.maintenance import abandon_run, take_lease
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.format1.snapshot import Snapshot, data_path
from callveil.transforms.storage.tables.key_index import (
    IndexEntry,
    current_files,
    key_bucket,
    origin_of,
    write_key_bucket,
)
from callveil.transforms.storage.tables.parquet import publish_records

METHOD = "full_redaction"
_CLASSES = ROW_DATASETS["interactions"]


def redact_due(
    store: Store,
    plan: RetentionPlan,
    outlook: FilePruner,
    policy: Policy,
    keyring: Keyring,
    now: dt.datetime,
) -> str:
    """Fully redact the interactions a plan names, publish that, and return the run's id.

    Where they are redacted already, by an earlier attempt or one beside this, nothing is published.
    Raises `PublishConflict` where another run was faster; nothing was changed then.
    """
    base = store.current()
    # The store's state is part of the id: on another one the same plan writes other bytes, which
    # may not get the same names.
    run_id = retention_run_id(plan, f"full_redaction:{base.manifest_sha256}")
    take_lease(store, run_id, now)
    try:
        _publish(store, plan, outlook, policy, keyring, now, run_id, base)
    except AlreadyPublished:
        abandon_run(store, run_id, base)
    except (PublishConflict, FileNotFoundError):
        abandon_run(store, run_id, base)
        raise
    return run_id


def _publish(
    store: Store,
    plan: RetentionPlan,
    outlook: FilePruner,
    policy: Policy,
    keyring: Keyring,
    now: dt.datetime,
    run_id: str,
    base: Snapshot,
) -> None:
    run = RunColumns(
        run_id, policy.sha256, policy.name, dt.datetime.fromisoformat(plan.inputs.as_of)
    )
    job = RedactJob(
        run, policy, store.files, store.root, str(keyring.path), AccountBook(()), {}, base
    )
    rows = [r for r in plan_rows(store.files, plan) if r["method"] == METHOD]
    total, entries = Outcome(), defaultdict(list)
    stored = {
        origin: current_files(base, "interactions").get(origin)
        for origin in sorted({origin_of(r["object"]) for r in rows})
    }
    pieces = [
        (origin, changes)
        for origin, entry in stored.items()
        if entry and (changes := _changes(store, entry, outlook))
    ]
    for result in spread_work(retention_run_id(plan), partial(redact_file, job), pieces):
        part = Outcome.from_dict(result["outcome"])
        total.added += part.added
        total.removed += part.removed
        total.counts.update(part.counts)
        for values in result["index"]:
            found = IndexEntry.of(values)
            entries[key_bucket(found.key)].append(found)
    for bucket, found_here in sorted(entries.items()):
        added, replaced = write_key_bucket(
            store.files, store.root, base, run_id, bucket, found_here
        )
        total.added += [added] if added else []
        total.removed += [f.path for f in replaced]
    if not total.added:
        return
    total.added.append(_dispositions(store, plan, rows, run_id, now))
    live = {f.path: f for f in base.files}
    manifest = RunManifest(
        run_id=run_id,
        **base.chain(),
        job="retain",
        as_of=plan.inputs.as_of,
        tool_version=plan.inputs.tool,
        policy_name=policy.name,
        policy_sha256=policy.sha256,
        inputs=({"plan_sha256": plan.sha256},),
        counts=dict(sorted(total.counts.items())),
        added=tuple(sorted(total.added)),
        removed=tuple(sorted(live[p] for p in total.removed)),
    )
    store.publish(manifest, base)


def redact_file(job: RedactJob, origin: str, changes: list[Change]) -> dict[str, Any]:
    """Return what `apply_changes` gives, with this process' engines."""
    return apply_changes(job, engines_of(job), origin, changes)


def _changes(store: Store, entry: FileEntry, outlook: FilePruner) -> list[Change]:
    """Return what is to be redacted in a file as it is now."""
    actions = actions_of(outlook.engine, _CLASSES)
    stored = dict(entry.partition)["account_type"]
    out = []
    for batch in key_batches(store, entry, key_columns(actions)):
        for _, action, _, record, decision in decide_rows(outlook, batch, actions, stored):
            if action == "redact" and decision.decision == "redact":
                out.append(
                    Change(
                        origin_of(entry.path), record.account_id, record.record_id, REDO, (), "full"
                    )
                )
    return out


def _dispositions(
    store: Store, plan: RetentionPlan, rows: list[dict[str, Any]], run_id: str, now: dt.datetime
) -> FileEntry:
    partition = {"day": plan.inputs.as_of[:10]}
    path = data_path(DISPOSITIONS.name, partition, run_id, dispositions_name(now))
    done = [r | {"dry_run": False, "plan_sha256": plan.sha256, "disposed_at": now} for r in rows]
    return publish_records(store.files, store.root, path, DISPOSITIONS, partition, done)
