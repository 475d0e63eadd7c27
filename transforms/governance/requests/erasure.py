"""Erasure: planned, rewritten, published with its register entry in one step, purged, checked,
certified. Each arrow can be interrupted.

Up to publishing nothing a reader sees has changed. The run that is published holds, sealed, the
list of what is to be purged outside the catalog, so whoever comes next finishes it: the list, the
register's open run and the store itself say what is left to do. Where another run is published
first, what is rewritten is kept as long as it holds, and plans are made again only where the other
run may concern them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from callveil.schemas.manifest import RunManifest
from callveil.schemas.subject import ERASURE, SubjectRequest
from callveil.transforms.governance.requests import restriction
from callveil.transforms.governance.requests.approval import require_approved, require_ready
from callveil.transforms.governance.requests.certificate import (
    CertificationResult,
    certify_requests,
)
from callveil.transforms.governance.requests.erasure_run import ErasureRun
from callveil.transforms.governance.requests.erasure_state import ErasureState
from callveil.transforms.governance.requests.lookups import StoreLookups
from callveil.transforms.governance.requests.plan import ErasePlan, PlanChanged, make_erase_plan
from callveil.transforms.governance.requests.publish import (
    publish_patiently,
    purge_pending,
    read_encrypted_json,
    request_files,
    request_run_id,
)
from callveil.transforms.governance.requests.register import RegisterError, RequestRegister
from callveil.transforms.governance.requests.retention_grounds import RetentionGrounds
from callveil.transforms.governance.requests.search_result import SearchResult
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.commit.commit_run import RunChanges
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.evidence.kept_evidence import KeptEvidence
from callveil.transforms.storage.format1.snapshot import Snapshot

Replan = Callable[[Sequence[ErasePlan], ErasureState], Sequence[ErasePlan]]
"""Makes plans again on a later state; raises `PlanChanged` where none may be carried out."""


@dataclass(frozen=True)
class EraseResult:
    """Outcome of an erasure or restriction.

    Attributes:
        plan: what was carried out.
        run_id, seq: the run; empty and 0 where nothing was left to do.
        certified: how purging and checking went; None where nothing was to be certified.
        before: which plan was carried out by an earlier command, in words; empty where none was.
    """

    plan: ErasePlan
    run_id: str = ""
    seq: int = 0
    certified: CertificationResult | None = None
    before: str = ""


@dataclass(frozen=True)
class Eraser:
    """Carries out requests on a store.

    Args:
        store: open for writing. keyring: the store's.
        grounds: why records stay.
        as_of: time of the decision, UTC. now: for the record and leases; decides nothing.
        zone: look through what was never read into a dataset too. inboxes: folders of webhooks
            beside those that `watch` has read.
        actor: who carries it out. four_eyes: whether another person has to approve it first.
    """

    store: Store
    keyring: Keyring
    as_of: dt.datetime
    now: dt.datetime
    grounds: RetentionGrounds = field(default_factory=RetentionGrounds)
    zone: bool = True
    inboxes: Sequence[str] = ()
    actor: str = ""
    four_eyes: bool = False
    register: RequestRegister = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "register", RequestRegister(self.store, self.keyring))

    def state(self, snapshot: Snapshot | None = None) -> ErasureState:
        """Return a state of the store, the newest where none is given. Raises `RegisterError` where
        the live zone cannot be searched.
        """
        lookups = StoreLookups(self.store, snapshot or self.store.current())
        return ErasureState(self.register, lookups, self.inboxes, self.zone)

    def plan(
        self, request_id: str, scope: str = ERASURE, state: ErasureState | None = None
    ) -> ErasePlan:
        """Return what would be done now. Nothing is changed.

        Raises `RegisterError` where nobody has searched yet, or the live zone cannot be searched;
        `SealedError` where something does not open.
        """
        state = state or self.state()
        request = self.register.get(request_id, state.snapshot)
        return make_erase_plan(
            self.store,
            self.keyring,
            state.snapshot,
            request_id,
            self.match(request_id, state.snapshot),
            self.grounds,
            scope,
            state.folders,
            controller=state.controller(request),
            decisions=request.decisions,
            lookups=state.lookups,
        )

    def match(self, request_id: str, snapshot: Snapshot) -> SearchResult:
        """Return the last search of a request; after an erasure, what its digests still find."""
        request = self.register.get(request_id, snapshot)
        files = request_files(snapshot, request_id, "match")
        if files:
            return SearchResult.from_dict(read_encrypted_json(self.store, self.keyring, files[-1]))
        if request.tokens or self.was_done(request_id, ERASURE, snapshot):
            return restriction.result_from_tokens(request.tokens)
        raise RegisterError(
            f"request {request_id}: nobody has searched for the person yet; run `callveil subject "
            "search` first"
        )

    def require_allowed(self, request: SubjectRequest, scope: str, snapshot: Snapshot) -> None:
        """Refuse a request that cannot take this step, `RegisterError`; what was erased once is
        erased again, should it have come back.
        """
        if not self.was_done(request.request_id, scope, snapshot):
            require_ready(request, scope)
            require_approved(request, self.four_eyes, self.actor)

    def carry_out(self, request_id: str, scope: str = ERASURE, agreed: str = "") -> EraseResult:
        """Erase, or set aside, what a request is about, and finish what an earlier attempt left.

        Args:
            agreed: hash of the plan that was agreed to, or its beginning; empty: whatever is
                planned now.

        Raises `PlanChanged` where another plan is due than was agreed to, `RegisterError` where the
        request cannot take this step.
        """
        snapshot = self.store.current()
        request = self.register.get(request_id, snapshot)
        self.require_allowed(request, scope, snapshot)
        done = self.finish(request)
        state = self.state()
        plan = self.plan(request_id, scope, state)
        before = self.carried_out(request_id, scope, agreed, state.snapshot)
        if agreed and not plan.sha256.startswith(agreed):
            if (done is not None or before) and plan.is_empty:
                return EraseResult(plan, certified=done, before=before)
            now = (
                f"the plan is {plan.sha256[:16]} now, not {agreed[:16]}: other rows are stored. "
                "Look at it, and agree anew"
            )
            raise PlanChanged(f"{before}; {now}" if before else now)
        if plan.is_empty and self.was_done(request_id, scope, state.snapshot):
            return EraseResult(plan, certified=done, before=before)

        def replan(_: Sequence[ErasePlan], later: ErasureState) -> Sequence[ErasePlan]:
            fresh = self.plan(request_id, scope, later)
            if fresh.sha256 != plan.sha256:
                raise PlanChanged(
                    "the store was changed while this was going on; nothing was done. Look at the "
                    "plan again"
                )
            return [fresh]

        run_id = request_run_id(request_id, event_of(scope), plan.sha256)
        manifest = self.publish([plan], scope, run_id, request_id, state, replan)
        return EraseResult(
            plan, manifest.run_id, manifest.seq, self.finish(self.register.get(request_id))
        )

    def publish(
        self,
        plans: Sequence[ErasePlan],
        scope: str,
        run_id: str,
        pool: str,
        state: ErasureState,
        replan: Replan,
    ) -> RunManifest:
        """Carry plans out and publish them as one run.

        Args:
            plans: made on `state`. pool: name under which workers are found.
            replan: makes them again where what another run has published may concern them.

        Raises `PlanChanged` as `replan` does, `PublishConflict` once all attempts are spent.
        """

        def build(snapshot: Snapshot, kept: KeptEvidence) -> RunChanges:
            nonlocal plans
            is_later = snapshot.manifest_sha256 != state.snapshot.manifest_sha256
            if is_later and not state.move_to(snapshot):
                plans = replan(plans, state)
            event, times = event_of(scope), (self.as_of, self.now)
            run = ErasureRun(state, run_id, pool, plans, event, *times)
            changes = run.changes()
            kept.changes |= run.row_changes
            return changes

        return publish_patiently(self.store, run_id, self.as_of, self.now, build)

    def finish(self, request: SubjectRequest) -> CertificationResult | None:
        """Purge, check and certify published runs of a request; None where none is open."""
        return self.finish_all([request]).get(request.request_id)

    def finish_all(self, requests: Iterable[SubjectRequest]) -> dict[str, CertificationResult]:
        """Purge, check and certify published runs of some requests; a run is finished for all that
        it was carried out for.
        """
        out: dict[str, CertificationResult] = {}
        for run_id in sorted({run_id for r in requests for run_id in r.runs}):
            seq = self.store.published(run_id)
            if seq is not None:
                manifest = self.store.manifest(seq)
                snapshot = self.store.current()
                names = [f["request_id"] for f in manifest.inputs if "series" in f]
                carried = (self.register.get(name, snapshot) for name in names)
                own = [r for r in carried if run_id in r.runs]
                out |= certify_requests(self.register, own, manifest, self.as_of, self.now)
        purge_pending(
            self.store,
            self.now,
            # what a certificate took out, and what was being written when an earlier attempt was
            # killed
        )
        return out

    def was_done(self, request_id: str, scope: str, snapshot: Snapshot) -> bool:
        """Tell whether a request was carried out before."""
        event = event_of(scope)
        return any(e["event"] == event for e in self.register.events(request_id, snapshot))

    def carried_out(self, request_id: str, scope: str, agreed: str, snapshot: Snapshot) -> str:
        """Tell which plan was carried out before, and when, in words: the one that was agreed to,
        or the last; empty where none was.
        """
        event = event_of(scope)
        rows = [
            e
            for e in self.register.events(request_id, snapshot)
            if e["event"] == event and (e["plan_sha256"] or "").startswith(agreed)
        ]
        if not rows:
            return ""
        return (
            f"plan {(rows[-1]['plan_sha256'] or '')[:16]} was carried out already, on "
            f"{rows[-1]['at']:%Y-%m-%d %H:%MZ}"
        )


def event_of(scope: str) -> str:
    """Return the event by which the register says that a request was carried out."""
    return "erased" if scope == ERASURE else "restricted"
