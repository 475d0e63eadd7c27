"""Data-subject requests as a job: searching, erasing, setting aside. The steps of the register are
in `subject_register`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

from callveil.pipelines.retain import RetainOptions, read_inputs
from callveil.pipelines.subject_register import (
    SubjectOptions,
    append_event,
    get_allowed_request,
    get_open_request,
    list_requests,
    register_of,
    require_everything,
)
from callveil.pipelines.workers import FILE_BYTES, use_workers
from callveil.schemas.policy_load import load_policy
from callveil.schemas.subject import ERASURE, RESTRICTION, SubjectRequest
from callveil.transforms.governance.requests import restriction
from callveil.transforms.governance.requests.controller import controller_of
from callveil.transforms.governance.requests.decisions import digests_of
from callveil.transforms.governance.requests.erasure import Eraser, EraseResult
from callveil.transforms.governance.requests.live_records import require_markers
from callveil.transforms.governance.requests.plan import ErasePlan
from callveil.transforms.governance.requests.publish import (
    purge_pending,
    read_encrypted_json,
    request_files,
    write_encrypted_json,
)
from callveil.transforms.governance.requests.raw_sources import people_in
from callveil.transforms.governance.requests.register import RegisterError, RequestRegister
from callveil.transforms.governance.requests.reindex import (
    ReindexResult,
    outdated_interactions,
    reindex_interactions,
)
from callveil.transforms.governance.requests.retention_grounds import RetentionGrounds
from callveil.transforms.governance.requests.search import (
    SubjectSearch,
    confirm_candidates,
    confirmed_values,
    fill_confirmed_values,
    given_identifiers,
)
from callveil.transforms.governance.requests.search_result import ConfirmedIdentifier, SearchResult
from callveil.transforms.governance.requests.unindexed import (
    INBOX,
    LIVE_REJECTED,
    REJECTED,
    make_search_target,
    search_unindexed,
)
from callveil.transforms.governance.requests.unindexed import ZONES as UNREAD
from callveil.transforms.jobs.streaming.backfill import BackfillResult, backfill_markers
from callveil.transforms.jobs.streaming.context import WatchJob
from callveil.transforms.jobs.streaming.redact_and_publish import InteractionPublisher
from callveil.transforms.storage.checkpoints.live_checkpoint import write_checkpoint
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.commit.commit_run import RunChanges
from callveil.transforms.storage.commit.policy_archive import newest_policy
from callveil.transforms.storage.format1.inbox_registry import Inboxes
from callveil.transforms.storage.format1.live import CALLS, Live
from callveil.transforms.storage.identity.identifiers import Identifier

SEARCHED = ("interactions", "versions", "index", "subjects", CALLS)


def search_request(
    options: SubjectOptions,
    request_id: str,
    *,
    more: Sequence[Identifier] = (),
    confirmed: Sequence[str] = (),
    rejected: Sequence[str] = (),
    sources: Sequence[str] = (),
    zone: bool = True,
    included: Sequence[str] = (),
    excluded: Sequence[str] = (),
    reason: str = "",
) -> tuple[SearchResult, dict[str, str]]:
    """Find the person's records, and propose what else may identify them.

    Args:
        more: identifiers the person has given since. confirmed, rejected: names of proposals of the
            search before.
        sources: raw inputs; with them proposals show their values.
        zone: look through what was never read into a dataset too.
        included, excluded: records of the search before that are the person's, and that are not;
            reason: why.

    Returns: the match, which is kept sealed in the store, and values of proposals by name, where
        the sources show them.
    """
    register, request = get_open_request(options, request_id)
    store, keyring = register.store, register.keyring
    snapshot = store.current()
    controller = controller_of(store, request, snapshot)
    if snapshot.by_dataset("interactions") and not snapshot.by_dataset("subjects"):
        raise RegisterError(
            "the store was written by a callveil that did not note whom records are about; redact "
            "its sources into a new store, to search that"
        )
    lacking = require_markers(store)
    before = (
        Eraser(store, keyring, options.as_of, options.now).match(request_id, snapshot)
        if request_files(snapshot, request_id, "match")
        else None
    )
    identity = [
        Identifier(*i)
        for file in request_files(snapshot, request_id, "identity")
        for i in read_encrypted_json(store, keyring, file)["identifiers"]
    ]
    held = confirmed_values(c for c in before.confirmed if c.name.startswith("G")) if before else []
    start = given_identifiers(keyring, [*identity, *held, *more])
    known: tuple[Any, ...] = ()
    if before is not None:
        wrong = sorted(set(rejected) - {p.name for p in before.proposed})
        if wrong:
            raise RegisterError(f"{', '.join(wrong)}: no such proposal")
        try:
            known = tuple(
                c for c in confirm_candidates(before, confirmed) if not c.name.startswith("G")
            )
        except ValueError as error:
            raise RegisterError(str(error)) from None
    elif confirmed or rejected:
        raise RegisterError(
            f"request {request_id}: nothing was proposed yet; search without --confirm first"
        )
    mine = {t for c in start for t in c.tokens}
    both = (*start, *(c for c in known if not mine & set(c.tokens)))
    refused = {
        *(before.rejected if before else ()),
        *(p.token for p in (before.proposed if before else ()) if p.name in set(rejected)),
    }
    decisions = _decide(options, register, request, before, included, excluded, reason)
    snapshot = store.current()
    finder = SubjectSearch(store, keyring, snapshot, controller, decisions)
    match = finder.run(both, refused, before.proposed if before else ())
    shown: dict[str, str] = {}
    if sources:
        seen = people_in(
            options.files,
            sources,
            {m.record for m in (*match.records, *match.left_out)},
            options.policy,
        )
        match = finder.run(
            fill_confirmed_values(match.confirmed, keyring, seen), refused, match.proposed
        )
        shown = {
            c.name: c.value
            for c in fill_confirmed_values(_as_confirmed(match), keyring, seen)
            if c.value
        }
    accounts = sorted({m.record.account_id for m in match.records})
    left = [f"{CALLS}: {told}"] if (told := lacking.told()) else []
    if old := len(outdated_interactions(store.files, store.root, snapshot)):
        left.append(
            f"interactions: {old} were noted by an earlier callveil, which noted less of the "
            "numbers and addresses said in them, "
            "and no names that tell people on one line apart; "
            f"run `callveil subject index --store {store.root} --source WHERE`"
        )
    if zone:
        unread = search_unindexed(
            store,
            keyring,
            snapshot,
            make_search_target(match, controller),
            Inboxes.of([Live(store.files, store.root)], options.inboxes),
            match.others,
        )
        match = replace(match, unread=unread.counts())
        left += [f"{INBOX}: {folder}: not there" for folder in unread.missing]
    else:
        left += [f"{name}: left out by --no-rejected" for name in UNREAD]
    apart = restriction.find_restricted_interactions(
        store,
        keyring,
        snapshot,
        match.own_tokens,
        restriction.requests_of_controller(store, keyring, snapshot, request_id),
    )
    match = replace(match, not_read=tuple(left), set_aside=len(apart))
    values = {
        "actor": options.actor,
        "records_found": len(match.records)
        + match.unread.get(REJECTED, 0)
        + match.unread.get(LIVE_REJECTED, 0)
        + match.set_aside,
        "accounts": accounts,
        "systems_searched": [*SEARCHED, *(UNREAD if zone else ())],
        "systems_not_executed": left,
    }

    def write(run_id: str, state: Any) -> RunChanges:
        old = request_files(state, request_id, "match")
        return RunChanges(
            (
                write_encrypted_json(
                    store, keyring, run_id, request_id, f"{state.seq:08d}.match", match.as_dict()
                ),
            ),
            tuple(old),
        )

    register.append(request_id, "searched", options.as_of, options.now, values, write)
    purge_pending(store, options.now)
    return match, shown


def _decide(
    options: SubjectOptions,
    register: RequestRegister,
    request: SubjectRequest,
    before: SearchResult | None,
    included: Sequence[str],
    excluded: Sequence[str],
    reason: str,
) -> Mapping[str, str]:
    """Enter what somebody says of single records; returns all that was said, by digest of the
    record.
    """
    if not included and not excluded:
        return request.decisions
    if not reason:
        raise RegisterError("--reason: needed to include or exclude a record")
    if before is None:
        raise RegisterError(
            f"request {request.request_id}: nobody has searched yet; search without --include or "
            "--exclude first"
        )
    said = {
        "included": digests_of(register.keyring, before, included),
        "excluded": digests_of(register.keyring, before, excluded),
    }
    if set(said["included"]) & set(said["excluded"]):
        raise RegisterError("--include, --exclude: name a record once")
    why = register.conceal(request.request_id, reason)
    for event, records in said.items():
        if records:
            request = append_event(
                options, register, request.request_id, event, {"records": records, "reason": why}
            )
    return request.decisions


def needs_approval(options: SubjectOptions, store: Store) -> bool:
    """Tell whether the store's newest policy, or one that is given, asks for a second person's
    approval.
    """
    return any(
        p is not None and p.requests.four_eyes for p in (options.policy, newest_policy(store))
    )


def index_records(
    options: SubjectOptions, sources: Sequence[str] = ()
) -> tuple[BackfillResult, ReindexResult]:
    """Note whom records are about of which less or nothing was noted when they came in. Repeated,
    it does what is left.

    Args:
        sources: raw inputs of interactions; inboxes are looked through as well.
    """
    require_everything(options.role)
    register = register_of(options)
    store, keyring = register.store, register.keyring
    gone = {
        t
        for r in list_requests(options)
        if any(e["event"] == "erased" for e in register.events(r.request_id))
        for t in r.tokens
    }
    marked = backfill_markers(store, keyring, gone)
    if not outdated_interactions(store.files, store.root, store.current()):
        return marked, ReindexResult(0, 0)
    policy = options.policy or newest_policy(store) or load_policy(None)
    job = WatchJob(policy, store.files, store.root, str(keyring.path))
    actor, at = InteractionPublisher(job, job.engines()), options.as_of.timestamp()
    inboxes = Inboxes.of([Live(store.files, store.root)], options.inboxes).folders
    return marked, reindex_interactions(
        store,
        keyring,
        options.as_of,
        options.now,
        [*sources, *inboxes],
        policy,
        lambda raw: actor.people_of(raw, at, "index"),
        gone,
    )


def _as_confirmed(match: SearchResult) -> list[ConfirmedIdentifier]:
    return [ConfirmedIdentifier(p.name, p.kind, (p.token,), p.reason) for p in match.proposed]


def grounds_of(options: SubjectOptions, register: RequestRegister) -> RetentionGrounds:
    """Tell why records stay, by what retention knows. Raises the user's own errors as `retain`
    does.
    """
    engine = None
    if options.policy is not None and (
        options.holds
        or options.accounts
        or any(r.action == "keep" for r in options.policy.retention.rules)
    ):
        retain = RetainOptions(
            options.store,
            options.policy,
            options.as_of,
            options.now,
            options.accounts,
            options.events,
            options.holds,
            options.keyring,
            options.files,
        )
        engine = read_inputs(retain, register.store, options.as_of).engine
    return RetentionGrounds(engine, dict(options.keep))


def eraser_of(options: SubjectOptions, register: RequestRegister, *, zone: bool = True) -> Eraser:
    """Return what carries requests out."""
    return Eraser(
        register.store,
        register.keyring,
        options.as_of,
        options.now,
        grounds_of(options, register),
        zone,
        options.inboxes,
        options.actor,
        needs_approval(options, register.store),
    )


def plan_erasure(
    options: SubjectOptions, request_id: str, scope: str = ERASURE, *, zone: bool = True
) -> ErasePlan:
    """Return what an erasure or restriction would do; nothing is changed."""
    register = register_of(options, write=False)
    get_allowed_request(options, register, request_id)
    return eraser_of(options, register, zone=zone).plan(request_id, scope)


def workers_for(options: SubjectOptions, store: Store, name: str) -> AbstractContextManager[None]:
    """Worker processes for a request, or a batch: every file of the identifier index is looked at,
    which a large store has many of.
    """
    looked_at = sum(f.bytes for f in store.current().by_dataset("subjects"))
    return use_workers(
        name,
        options.workers,
        looked_at / FILE_BYTES,
        None,
        ("callveil.transforms.governance.requests.apply_plan",),
    )


def erase_request(
    options: SubjectOptions, request_id: str, agreed: str = "", *, zone: bool = True
) -> EraseResult:
    """Erase what a request is about. Interrupted and repeated, it goes on where it was; done, it
    does nothing.
    """
    register = register_of(options)
    get_allowed_request(options, register, request_id)
    with workers_for(options, register.store, request_id):
        done = eraser_of(options, register, zone=zone).carry_out(request_id, ERASURE, agreed)
    write_checkpoint(register.store, register.keyring, options.now)
    return done


def erase_returned(options: SubjectOptions) -> list[EraseResult]:
    """Erase again whoever came back since they were erased: after a backup was restored, or where
    their data was taken in anew.

    Returns: one result for each request whose person was found again. What the register keeps of
        them, keyed digests, is enough to find them.
    """
    require_everything(options.role)
    register = register_of(options)
    eraser = eraser_of(options, register)
    out = []
    for request in list_requests(options):
        if request.tokens and any(
            e["event"] == "erased" for e in register.events(request.request_id)
        ):
            with workers_for(options, register.store, request.request_id):
                result = eraser.carry_out(request.request_id, ERASURE)
            out += [result] if result.run_id else []
    write_checkpoint(register.store, register.keyring, options.now)
    return out


def restrict_request(options: SubjectOptions, request_id: str, agreed: str = "") -> EraseResult:
    """Set aside, sealed, what a request is about."""
    register = register_of(options)
    get_allowed_request(options, register, request_id)
    with workers_for(options, register.store, request_id):
        done = eraser_of(options, register).carry_out(request_id, RESTRICTION, agreed)
    write_checkpoint(register.store, register.keyring, options.now)
    return done


def lift_restriction(options: SubjectOptions, request_id: str) -> int:
    """Bring back what a request had set aside; returns the number of rows."""
    register = register_of(options)
    get_allowed_request(options, register, request_id)
    rows = restriction.restore_restricted(
        register.store, register.keyring, request_id, options.as_of, options.now
    )
    eraser_of(options, register).finish(register.get(request_id))
    write_checkpoint(register.store, register.keyring, options.now)
    return rows
