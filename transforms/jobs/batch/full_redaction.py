"""Automatic full redaction as a disposition: interactions that stay, without content and caller. A
published run of its own.

The rows are redacted by the same code as the redaction job's, so that index, findings and floor
agree with it.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from functools import partial

from callveil.schemas.account import AccountBook
from callveil.schemas.json_types import Row
from callveil.schemas.manifest import FileEntry
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
from callveil.transforms.jobs.batch.work_results import WorkResult
from callveil.transforms.redact.engine import RunColumns
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.commit.commit_run import (
    RunChanges,
    RunFacts,
    close_run,
    commit_on,
)
from callveil.transforms.storage.commit.maintenance import release_lease
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.format1.snapshot import Snapshot, data_path
from callveil.transforms.storage.tables.key_index import (
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
) -> None:
    """Fully redact the interactions a plan names, and publish that.

    Where they are redacted already, by an earlier attempt or one beside this, nothing is published.
    Raises `PublishConflict` where another run was faster; nothing was changed then.
    """
    base = store.current()
    # The store's state is part of the id: on another one the same plan writes other bytes, which
    # may not get the same names.
    run_id = retention_run_id(plan, f"full_redaction:{base.manifest_sha256}")
    facts = RunFacts(
        run_id,
        "retain",
        plan.inputs.as_of,
        policy.name,
        policy.sha256,
        tool_version=plan.inputs.tool,
    )

    def build(base: Snapshot) -> RunChanges | None:
        run = RunColumns(
            run_id, policy.sha256, policy.name, dt.datetime.fromisoformat(plan.inputs.as_of)
        )
        job = RedactJob(
            run, policy, store.files, store.root, str(keyring.path), AccountBook(()), {}, base
        )
        total = _redact_files(store, plan, outlook, job)
        if not total.added:
            return None
        total.added.append(_dispositions(store, plan, run_id, now))
        return RunChanges.of(total, base, inputs=({"plan_sha256": plan.sha256},))

    done = commit_on(store, base, facts, build, now)
    if done is None:
        release_lease(store, run_id)
    else:
        close_run(store, done)


def _redact_files(
    store: Store, plan: RetentionPlan, outlook: FilePruner, job: RedactJob
) -> Outcome:
    base, files = job.snapshot, current_files(job.snapshot, "interactions")
    total, entries = Outcome(), defaultdict(list)
    pieces = [
        (origin, changes)
        for origin in sorted({origin_of(r["object"]) for r in _planned(store, plan)})
        if (entry := files.get(origin)) and (changes := _changes(store, entry, outlook))
    ]
    for result in spread_work(retention_run_id(plan), partial(redact_file, job), pieces):
        part = result.outcome
        total.added += part.added
        total.removed += part.removed
        total.counts.update(part.counts)
        for found in result.index:
            entries[key_bucket(found.key)].append(found)
    for bucket, found_here in sorted(entries.items()):
        added, replaced = write_key_bucket(
            store.files, store.root, base, job.run.run_id, bucket, found_here
        )
        total.added += [added] if added else []
        total.removed += [f.path for f in replaced]
    return total


def _planned(store: Store, plan: RetentionPlan) -> list[Row]:
    return [r for r in plan_rows(store.files, plan) if r["method"] == METHOD]


def redact_file(job: RedactJob, origin: str, changes: list[Change]) -> WorkResult:
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


def _dispositions(store: Store, plan: RetentionPlan, run_id: str, now: dt.datetime) -> FileEntry:
    partition = {"day": plan.inputs.as_of[:10]}
    path = data_path(DISPOSITIONS.name, partition, run_id, dispositions_name(now))
    facts = {"dry_run": False, "plan_sha256": plan.sha256, "disposed_at": now}
    done = [r | facts for r in _planned(store, plan)]
    return publish_records(store.files, store.root, path, DISPOSITIONS, partition, done)
