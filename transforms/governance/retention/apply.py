"""Carrying out a plan: due files and rows leave the store in one published run, then every old
version of their files is purged.

    planned -> rewritten -> verified -> published -> fully redacted (where rules ask for it) ->
    purged -> attested

Killed anywhere, it can be repeated: up to publishing nothing a reader sees has changed, and from
there on each step finds what is left to do in the store itself. See `attest` for the last two.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import io
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa

from callveil.schemas.interaction import InteractionKey
from callveil.schemas.manifest import FileEntry, RunManifest
from callveil.transforms.execution.worker_pool import spread_work
from callveil.transforms.governance.retention.decide_rows import Actions, actions_of, decide_rows
from callveil.transforms.governance.retention.file_stats import FilePruner
from callveil.transforms.governance.retention.last_run import DATASET, state_path
from callveil.transforms.governance.retention.plan_file import (
    DISPOSITIONS,
    STATE,
    PlanError,
    PlanInputs,
    RetentionPlan,
    plan_rows,
    require_same,
)
from callveil.transforms.governance.retention.record_classes import ROW_DATASETS, ROWS, table_of
from callveil.transforms.governance.retention.scan import key_batches
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.commit.commit_run import (
    RunChanges,
    RunFacts,
    close_run,
    commit_on,
)
from callveil.transforms.storage.format1.snapshot import Snapshot, data_path
from callveil.transforms.storage.tables.key_index import (
    INDEX,
    IndexEntry,
    key_bucket,
    key_bucket_files,
    origin_of,
    read_key_bucket,
)
from callveil.transforms.storage.tables.parquet import publish_bytes, publish_records
from callveil.transforms.storage.tables.rewrite import BatchChange, rewrite_file

JOB = "retain"


def retention_run_id(plan: RetentionPlan, step: str = JOB) -> str:
    """Run id of a step of carrying out a plan: the same plan is the same run."""
    return hashlib.sha256(f"{step}:{plan.sha256}".encode()).hexdigest()


def dispositions_name(now: dt.datetime) -> str:
    """Name of a run's dispositions: `now` stands in them, so two processes that carry out the same
    plan at once may not share the file.
    """
    return f"dispositions-{hashlib.sha256(now.isoformat().encode()).hexdigest()[:8]}"


@dataclass(frozen=True)
class ChangedFile:
    """What became of one file.

    Attributes:
        entry: the new file; None where none is left.
        deleted: interactions that went with their rows. cleared: fields that were emptied, by
            interaction.
    """

    entry: FileEntry | None
    deleted: set[InteractionKey]
    cleared: dict[InteractionKey, set[str]]


@dataclass
class RetentionApplier:
    """Carries out one plan.

    Args:
        store: open for writing.
        plan: as read.
        outlook: made from the inputs as they are now.
        inputs: as they are now; a plan made from others is refused.
        snapshot: the store's state that `inputs` names.
        policy: name and sha256 for the manifest.
        now: the time for the record and the lease, UTC; decides nothing.
    """

    store: Store
    plan: RetentionPlan
    outlook: FilePruner
    inputs: PlanInputs
    snapshot: Snapshot
    policy: tuple[str, str]
    now: dt.datetime
    run_id: str = field(init=False)
    _deleted: set[InteractionKey] = field(init=False, default_factory=set)
    _cleared: dict[InteractionKey, set[str]] = field(
        init=False, default_factory=lambda: defaultdict(set)
    )

    def __post_init__(self) -> None:
        self.run_id = retention_run_id(self.plan)

    def apply(self) -> RunManifest:
        """Publish the run; where it is published already, by an earlier attempt or one beside this,
        nothing is done.

        Raises `PlanError` where the plan does not fit what there is, and `PublishConflict` where
        another run was faster; nothing was changed then.
        """
        if self.store.published(self.run_id) is None:
            require_same(self.plan, self.inputs)
        run = RunFacts(
            self.run_id, JOB, self.plan.inputs.as_of, *self.policy, tool_version=self.inputs.tool
        )
        done = commit_on(self.store, self.snapshot, run, self._build, self.now)
        assert done is not None
        # Published, so its files need no lease; what follows may yield, and then this run is not
        # seen again.
        close_run(self.store, done)
        return done.manifest

    def _build(self, base: Snapshot) -> RunChanges:
        added, removed, done = self._change_files()
        added += [self._dispositions(done), self._state()]
        removed += list(base.by_dataset(DATASET))
        index_added, index_removed = self._index()
        return RunChanges(
            tuple(added + index_added),
            tuple(removed + index_removed),
            self.plan.counts,
            ({"plan_sha256": self.plan.sha256},),
        )

    # Files

    def _change_files(self) -> tuple[list[FileEntry], list[FileEntry], dict[str, FileEntry | None]]:
        live = {f.path: f for f in self.snapshot.files}
        todo: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
        for row in plan_rows(self.store.files, self.plan):
            if row["record_id"] is None and row["method"] not in (
                "none",
                "full_redaction",
                "purge_live",
            ):
                todo[row["object"]][row["record_class"], row["method"]] += row["rows_deleted"]
        added: list[FileEntry] = []
        removed: list[FileEntry] = []
        done: dict[str, FileEntry | None] = {}
        pieces = [(live[path], dict(planned)) for path, planned in sorted(todo.items())]
        for (entry, _), change in zip(
            pieces, spread_work(self.run_id, self.change_file, pieces), strict=True
        ):
            done[entry.path] = change.entry
            removed.append(entry)
            added += [change.entry] if change.entry else []
            self._deleted |= change.deleted
            for key, names in change.cleared.items():
                self._cleared[key] |= names
        return added, removed, done

    def change_file(self, entry: FileEntry, planned: Mapping[tuple[str, str], int]) -> ChangedFile:
        """Rewrite one file, or let it go. Nothing is remembered of it here.

        Args:
            planned: how many rows are due, by class and method.
        """
        alone = replace(self)
        if not any(method == "drop_file" for _, method in planned):
            return ChangedFile(alone._rewrite(entry, planned), alone._deleted, dict(alone._cleared))
        if entry.dataset == "interactions":
            alone._forget(entry)
        return ChangedFile(None, alone._deleted, {})

    def _forget(self, entry: FileEntry) -> None:
        for batch in key_batches(self.store, entry, ("account_id", "id")):
            self._deleted.update(
                InteractionKey(*k)
                for k in zip(batch.column(0).to_pylist(), batch.column(1).to_pylist(), strict=True)
            )

    def _rewrite(
        self, entry: FileEntry, planned: Mapping[tuple[str, str], int]
    ) -> FileEntry | None:
        counts: dict[str, int] = defaultdict(int)
        actions = actions_of(self.outlook.engine, ROW_DATASETS[entry.dataset])
        name = origin_of(entry.path).rsplit("/", 1)[1].removesuffix(".parquet")
        path = data_path(entry.dataset, dict(entry.partition), self.run_id, name)
        change = self._change(actions, dict(entry.partition)["account_type"], counts)
        new = rewrite_file(
            self.store.files, self.store.root, entry, path, table_of(entry.dataset), change
        )
        if counts != {
            name: n for (name, _), n in planned.items()
        } or new.rows_before - new.rows_after != counts.get(ROW_DATASETS[entry.dataset][0].name, 0):
            raise PlanError(
                f"{entry.path}: other rows are due than were planned; nothing was published. Make "
                "a new plan"
            )
        return new.entry

    def _change(self, actions: Actions, stored: str, counts: dict[str, int]) -> BatchChange:
        """Return a change of a batch: due rows go, due fields become null; `counts` grows by class.
        Rows due for full redaction stay for the next step.
        """

        def change(batch: pa.RecordBatch) -> pa.RecordBatch:
            keep = np.ones(batch.num_rows, np.bool_)
            clear: dict[str, list[int]] = defaultdict(list)
            for record_class, action, place, record, decision in decide_rows(
                self.outlook, batch, actions, stored
            ):
                if decision.decision != "delete" or action != "delete":
                    continue
                counts[record_class.name] += 1
                key = InteractionKey(record.account_id, record.record_id)
                if record_class.unit == ROWS:
                    keep[place] = False
                    if record_class.name == "interactions":
                        self._deleted.add(key)
                else:
                    for name in record_class.fields:
                        clear[name].append(place)
                        self._cleared[key].add(name)
            batch = _cleared(batch, clear)
            return batch if keep.all() else batch.filter(pa.array(keep))

        return change

    # What is published along with them

    def _dispositions(self, done: dict[str, FileEntry | None]) -> FileEntry:
        """Return the plan's rows as done."""

        def rows() -> Any:
            for row in plan_rows(self.store.files, self.plan):
                if row["method"] == "full_redaction":
                    continue  # the next step's own
                row |= {"dry_run": False, "plan_sha256": self.plan.sha256}
                if row["method"] != "none":
                    new = done.get(row["object"])
                    row["disposed_at"] = self.now
                    if row["record_id"] is None:
                        row["object_version_new"] = new.sha256 if new else None
                        row["rows_after"] = new.rows if new else 0
                yield row

        partition = {"day": self.plan.inputs.as_of[:10]}
        path = data_path(DISPOSITIONS.name, partition, self.run_id, dispositions_name(self.now))
        return publish_records(
            self.store.files, self.store.root, path, DISPOSITIONS, partition, rows()
        )

    def _state(self) -> FileEntry:
        data = self.store.files.read(self.store.files.join(self.plan.folder, STATE))
        return publish_bytes(
            self.store.files,
            self.store.root,
            state_path(self.run_id),
            DATASET,
            {"kind": "state"},
            io.BytesIO(data),
            0,
        )

    def _index(self) -> tuple[list[FileEntry], list[FileEntry]]:
        """Return tombstones of deleted interactions, so that no replay brings them back, and notes
        of cleared fields. Touched buckets are merged, so that what older entries say of a deleted
        interaction goes too.
        """
        keys = self._deleted | self._cleared.keys()
        added, removed = [], []
        for bucket in sorted({key_bucket(k) for k in keys}):
            old = key_bucket_files(self.snapshot, bucket)
            entries = read_key_bucket(self.store.files, self.store.root, self.snapshot, bucket)
            for key in [k for k in entries if k in keys]:
                entries[key] = self._entry(entries[key])
            rows = [
                e._asdict() | {"entities": list(e.entities), "requests": list(e.requests)}
                for _, e in sorted(entries.items())
            ]
            partition = {"bucket": f"{bucket:02d}"}
            path = data_path(INDEX.name, partition, self.run_id, f"{self.snapshot.seq + 1:08d}")
            if rows:
                added.append(
                    publish_records(self.store.files, self.store.root, path, INDEX, partition, rows)
                )
                removed += old
        return added, removed

    def _entry(self, entry: IndexEntry) -> IndexEntry:
        seq = self.snapshot.seq + 1
        if entry.key in self._deleted:
            return entry._replace(tombstone=True, digest="", entities=(), requests=(), seq=seq)
        gone = {f"clear:{name}" for name in self._cleared[entry.key]}
        return entry._replace(entities=tuple(sorted({*entry.entities, *gone})), seq=seq)


def _cleared(batch: pa.RecordBatch, clear: dict[str, list[int]]) -> pa.RecordBatch:
    for name, places in clear.items():
        number = batch.schema.get_field_index(name)
        column = batch.column(number)
        take = np.arange(batch.num_rows)
        # Taking with a null place gives null, whatever the column's type.
        mask = np.zeros(batch.num_rows, np.bool_)
        mask[places] = True
        batch = batch.set_column(
            number, batch.schema.field(number), column.take(pa.array(take, mask=mask))
        )
    return batch
