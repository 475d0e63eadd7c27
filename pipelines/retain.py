"""The retention job: plan what is due, carry a plan out, or both."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from callveil.pipelines.workers import FILE_BYTES, PIECE_ROWS, use_workers
from callveil.schemas.pointer import to_micros
from callveil.schemas.policy import Policy
from callveil.transforms.governance.retention.account_events import (
    all_facts,
    facts_digest,
    holds_digest,
    read_events,
    read_holds,
)
from callveil.transforms.governance.retention.apply import RetentionApplier
from callveil.transforms.governance.retention.certificate import FinishResult, finish_runs
from callveil.transforms.governance.retention.engine import RetentionEngine
from callveil.transforms.governance.retention.explain import ExplainedRecord, explain_record
from callveil.transforms.governance.retention.file_stats import FilePruner
from callveil.transforms.governance.retention.last_run import RetainState, read_state
from callveil.transforms.governance.retention.live import live_rows, purge_live
from callveil.transforms.governance.retention.plan import RetentionPlanner
from callveil.transforms.governance.retention.plan_file import (
    PlanError,
    PlanInputs,
    RetentionPlan,
    read_plan,
    write_plan,
)
from callveil.transforms.governance.retention.timeline import Timelines
from callveil.transforms.ingest.accounts import read_accounts
from callveil.transforms.storage.checkpoints.live_checkpoint import write_checkpoint
from callveil.transforms.storage.checkpoints.store_identity import (
    keyring_for,
    open_keyed,
    open_or_claim,
    open_store,
    open_to_change,
    store_keyring,
)
from callveil.transforms.storage.commit.catalog import PublishConflict, Store
from callveil.transforms.storage.commit.commit_run import TOOL
from callveil.transforms.storage.commit.maintenance import release_lease, take_lease
from callveil.transforms.storage.encryption.keyring import Keyring, KeyringError
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.format1.snapshot import CONTROL, Snapshot
from callveil.transforms.storage.identity.identifier_names import NamePseudonymizer

MODULES = (
    "callveil.transforms.governance.retention.apply",
    "callveil.transforms.jobs.batch.full_redaction",
)
"""What worker processes load: to rewrite files, and to redact further what stays."""
ATTEMPTS = 5
"""How often `run_retain` plans anew when another run publishes first."""


@dataclass(frozen=True)
class RetainOptions:
    """Settings of the job.

    Attributes:
        store: root of the store.
        policy: its retention section decides.
        as_of: the time of every decision, UTC.
        now: the time for leases and the record of what was done when, UTC; decides nothing.
        accounts, events, holds: files with account records, lifecycle events and legal holds.
        keyring: path of the keyring, or None for the default place; ids in plans are its digests.
        files: how to reach files.
        workers: processes to work with; 1: this one alone; None: what the machine allows and the
            plan is worth.
    """

    store: str
    policy: Policy
    as_of: dt.datetime
    now: dt.datetime
    accounts: Sequence[str] = ()
    events: Sequence[str] = ()
    holds: Sequence[str] = ()
    keyring: str | None = None
    files: Files = field(default_factory=Files)
    workers: int | None = None


@dataclass(frozen=True)
class RetainResult:
    """Outcome of a run.

    Attributes:
        plan: what was carried out.
        run_id, seq: the run and its position; seq is 0 where nothing was to be done and so nothing
            was published.
        attested: how purging went.
    """

    plan: RetentionPlan
    run_id: str
    seq: int
    attested: FinishResult


@dataclass(frozen=True)
class RetentionInputs:
    """The inputs of a decision, read and ready.

    Attributes:
        engine: decides.
        inputs: what it was made from, for a plan.
        snapshot: the store's state.
        outlook: what is known before files are read.
    """

    engine: RetentionEngine
    inputs: PlanInputs
    snapshot: Snapshot
    outlook: FilePruner


def read_inputs(options: RetainOptions, store: Store, as_of: dt.datetime) -> RetentionInputs:
    """Read accounts, events and holds, and the store's state.

    Raises `AccountsError`, `EventsError`, `HoldsError`, `InputError`: the user's input, with file,
    line and field.
    """
    retention = options.policy.retention
    accounts = read_accounts(options.files, list(options.accounts)) if options.accounts else []
    facts = all_facts(
        accounts, read_events(options.files, list(options.events)) if options.events else []
    )
    holds = read_holds(options.files, list(options.holds)) if options.holds else []
    standing = (
        NamePseudonymizer(store_keyring(store)).holds(holds)
        if any(hold.items for hold in holds)
        else holds
    )
    timelines = Timelines(facts, as_of, retention.window_us, retention.subaccounts_inherit)
    engine = RetentionEngine(retention, timelines, standing, to_micros(as_of))
    snapshot = store.current()
    inputs = PlanInputs(
        as_of.isoformat(),
        snapshot.seq,
        snapshot.manifest_sha256,
        retention.digest(),
        facts_digest(facts, as_of),
        holds_digest(holds),
        TOOL,
    )
    return RetentionInputs(
        engine, inputs, snapshot, FilePruner(engine, read_state(store, snapshot))
    )


def write_retention_plan(
    options: RetainOptions, folder: str, store: Store | None = None
) -> RetentionPlan:
    """Write a plan of what is due at `options.as_of` to a folder; the store is only read.

    Raises `StoreError` where there is no store, and the user's own errors as `read_inputs` does.
    """
    store = store or open_keyed(options.files, options.store, options.keyring)[0]
    with _undisturbed(store):
        return _make_plan(options, folder, store)


def _make_plan(options: RetainOptions, folder: str, store: Store) -> RetentionPlan:
    found = read_inputs(options, store, options.as_of)
    planner = RetentionPlanner(store, found.snapshot, found.outlook, hash_accounts(options))

    def state() -> RetainState:
        engine, odd = found.engine, dict(sorted(planner.odd.items()))
        rules, anyone = engine.retention.digest(), engine.holds.digest("")
        return RetainState(
            engine.as_of,
            found.snapshot.seq + 1,
            rules,
            anyone,
            found.outlook.digests,
            odd,
            tuple(sorted(planner.pending)),
        )

    rows = chain(planner.rows(), live_rows(planner))
    return write_plan(options.files, folder, found.inputs, rows, planner.counts, state)


def hash_accounts(options: RetainOptions) -> Any:
    """Keyed digests of ids, for plans and dispositions."""
    keyring = Keyring.load(options.keyring)
    return lambda kind, account_id, name: keyring.hmac(f"retention/{kind}", account_id, name)[:32]


def apply_plan(options: RetainOptions, folder: str, leases: Sequence[str] = ()) -> RetainResult:
    """Carry a plan out, and finish what an earlier, killed run left.

    Args:
        leases: further run ids whose leases are over afterwards.

    Raises `PlanError` where the plan was changed, or anything it was made from; nothing was changed
    in the store then.
    """
    store, _ = open_to_change(options.files, options.store, options.keyring)
    plan = read_plan(options.files, folder)
    store.recover()
    with _undisturbed(store):
        return _apply(options, store, plan, leases)


def _apply(
    options: RetainOptions, store: Store, plan: RetentionPlan, leases: Sequence[str]
) -> RetainResult:
    found = read_inputs(options, store, dt.datetime.fromisoformat(plan.inputs.as_of))
    applier = RetentionApplier(
        store,
        plan,
        found.outlook,
        found.inputs,
        found.snapshot,
        (options.policy.name, options.policy.sha256),
        options.now,
    )
    redacts = any(k == "files.full_redaction" for k in plan.counts)
    with use_workers(
        applier.run_id,
        options.workers,
        _units(plan, found.snapshot),
        options.policy.detect if redacts else None,
        MODULES[: 1 + redacts],
    ):
        manifest = applier.apply()
        if plan.counts.get("files.purge_live"):
            purge_live(store, plan)
            write_checkpoint(store, Keyring.load(options.keyring), options.now)
        if redacts:
            # Brings the recognizers along, which most runs do not need.
            from callveil.transforms.jobs.batch.full_redaction import redact_due

            keyring = Keyring.load(options.keyring)
            redact_due(store, plan, found.outlook, options.policy, keyring, options.now)
    return RetainResult(
        plan, manifest.run_id, manifest.seq, finish_runs(store, leases, options.now)
    )


def _units(plan: RetentionPlan, snapshot: Snapshot) -> float:
    """Tell how many worker processes there is work for: rows to be redacted further, and files, of
    average size, to be rewritten.
    """
    rewritten = sum(plan.counts.get(f"files.{method}", 0) for method in ("rewrite", "clear_fields"))
    average = sum(f.bytes for f in snapshot.files) / max(1, len(snapshot.files))
    return plan.counts.get("interactions.redact", 0) / PIECE_ROWS + rewritten * average / FILE_BYTES


def run_retain(options: RetainOptions) -> RetainResult:
    """Plan and carry out, for schedulers. The same time and inputs again do nothing; interrupted
    and started again, it goes on where it was.

    The plan lies in the store's working folder while it is carried out.
    """
    store = open_or_claim(
        options.files, options.store, keyring_for(options.files, options.store, options.keyring)
    )
    # The working folder is this process' own: runs at once may have other facts or holds, and the
    # first to end removes its folder.
    work = hashlib.sha256(f"plan:{options.as_of.isoformat()}".encode() + os.urandom(16)).hexdigest()
    try:
        for attempt in range(1, ATTEMPTS + 1):
            take_lease(store, work, options.now)
            try:
                return _run_once(options, store, work)
            except (PublishConflict, PlanError):
                if attempt == ATTEMPTS:
                    raise
    except Exception:
        release_lease(store, work)
        raise
    raise AssertionError("unreachable")


def _run_once(options: RetainOptions, store: Store, work: str) -> RetainResult:
    folder = store.url(f"{CONTROL}/work/{work}/plan")
    plan = write_retention_plan(options, folder, store)
    with _undisturbed(store):
        state = read_state(store, store.current())
    if (
        not plan.changes
        and state is not None
        and state.as_of == to_micros(options.as_of)
        and _same_state(options, plan, state)
    ):
        return RetainResult(plan, "", 0, finish_runs(store, [work], options.now))
    return apply_plan(options, folder, [work])


@contextmanager
def _undisturbed(store: Store) -> Iterator[None]:
    """Turn a file that is missing because another run replaced and purged it meanwhile into a
    `PublishConflict`.
    """
    seq = store.current().seq
    try:
        yield
    except FileNotFoundError:
        if store.current().seq == seq:
            raise
        raise PublishConflict(
            "another run was published meanwhile, and files this one was reading are gone. Plan it "
            "again"
        ) from None


def explain_stored_record(
    options: RetainOptions, record_class: str, account_id: str, record_id: str
) -> list[ExplainedRecord]:
    """Return what is decided about one stored record, and why; its id may be the source's own where
    it is stored as a digest.

    Raises `LookupError` where there is none.
    """
    store = open_store(options.files, options.store, options.keyring)
    found = read_inputs(options, store, options.as_of)
    try:
        ids, untold = NamePseudonymizer(store_keyring(store)).stored(record_id), ""
    except KeyringError as error:
        ids, untold = (
            frozenset({record_id}),
            "; an id that is a name, address or number may be stored as a digest, which needs the "
            f"keyring: {error}",
        )
    try:
        return explain_record(store, found.snapshot, found.engine, record_class, account_id, ids)
    except LookupError as error:
        raise LookupError(f"{error.args[0]}{untold}") from None


def _same_state(options: RetainOptions, plan: RetentionPlan, state: RetainState) -> bool:
    found = RetainState.decode(
        options.files.read(options.files.join(plan.folder, "state.json.zst"))
    )
    return found is not None and (found.retention, found.anyone, found.accounts) == (
        state.retention,
        state.anyone,
        state.accounts,
    )
