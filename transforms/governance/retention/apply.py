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
from callveil.transforms.governance.retention.record_classes import ROW_DATASETS, ROWS
from callveil.transforms.governance.retention.scan import key_batches
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.commit.commit_run import (
    RunChanges,
    RunFacts,
    close_run,
    commit_on,
)
from callveil.transforms.storage.format1.snapshot import Snapshot, data_path
from callveil.transforms.storage.tables.key_index import stem_of
from callveil.transforms.storage.tables.mutation import (
    RowMutation,
    tombstone,
    with_cleared_fields,
)
from callveil.transforms.storage.tables.parquet import publish_bytes, publish_records
from callveil.transforms.storage.tables.rewrite import BatchEdit, EditRows

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
    """Outcome for one file.

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
        index = self._index()
        return RunChanges(
            tuple(added + index.added),
            tuple(removed + index.removed),
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
        alone, mutation = replace(self), self._mutation()
        if not any(method == "drop_file" for _, method in planned):
            alone._edit(mutation, entry, planned)
            new = mutation.added[0] if mutation.added else None
            return ChangedFile(new, alone._deleted, dict(alone._cleared))
        if entry.dataset == "interactions":
            alone._forget(entry)
        return ChangedFile(None, alone._deleted, {})

    def _forget(self, entry: FileEntry) -> None:
        for batch in key_batches(self.store, entry, ("account_id", "id")):
            self._deleted.update(
                InteractionKey(*k)
                for k in zip(batch.column(0).to_pylist(), batch.column(1).to_pylist(), strict=True)
            )

    def _edit(
        self, mutation: RowMutation, entry: FileEntry, planned: Mapping[tuple[str, str], int]
    ) -> None:
        actions = actions_of(self.outlook.engine, ROW_DATASETS[entry.dataset])
        counts = mutation.edit_file(
            entry, stem_of(entry.path), self._due(actions, dict(entry.partition)["account_type"])
        )
        if counts != {name: n for (name, _), n in planned.items()}:
            raise PlanError(
                f"{entry.path}: other rows are due than were planned; nothing was published. Make "
                "a new plan"
            )

    def _due(self, actions: Actions, stored: str) -> EditRows:
        """Return a change of rows: due rows go, due fields become null, counted by class. Rows due
        for full redaction stay for the next step.
        """

        def edit_rows(edit: BatchEdit) -> None:
            for record_class, action, place, record, decision in decide_rows(
                self.outlook, edit.batch, actions, stored
            ):
                if decision.decision != "delete" or action != "delete":
                    continue
                key = InteractionKey(record.account_id, record.record_id)
                if record_class.unit == ROWS:
                    edit.drop(place, record_class.name)
                    if record_class.name == "interactions":
                        self._deleted.add(key)
                else:
                    edit.clear(place, record_class.fields, record_class.name)
                    self._cleared[key].update(record_class.fields)

        return edit_rows

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

    def _index(self) -> RowMutation:
        """Return tombstones of deleted interactions, so that no replay brings them back, and notes
        of cleared fields.
        """
        mutation = self._mutation()
        mutation.edit_index(
            self._deleted | self._cleared.keys(),
            lambda entry: (
                tombstone(entry)
                if entry.key in self._deleted
                else with_cleared_fields(entry, self._cleared[entry.key])
            ),
        )
        return mutation

    def _mutation(self) -> RowMutation:
        return RowMutation(self.store.files, self.store.root, self.snapshot, self.run_id)
