"""Erasure: planned, rewritten, published with its register entry in one step, purged, checked,
certified. Each arrow can be interrupted.

Up to publishing nothing a reader sees has changed. The run that is published holds, sealed, the
list of what is to be purged outside the catalog, so whoever comes next finishes it: the list, the
register's open run and the store itself say what is left to do.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import msgspec

from callveil.schemas.interaction import InteractionKey
from callveil.schemas.manifest import RunManifest
from callveil.schemas.subject import ERASURE, SubjectRequest
from callveil.schemas.subject_index import RecordRef
from callveil.transforms.governance.requests import dead_letter_search, restriction
from callveil.transforms.governance.requests.action import DROP, KEEP, UNLINK
from callveil.transforms.governance.requests.apply_plan import ExecutionResult, PlanExecutor
from callveil.transforms.governance.requests.approval import require_approved, require_ready
from callveil.transforms.governance.requests.certificate import (
    CertificationResult,
    ErasureWork,
    PackageFile,
    certify_request,
)
from callveil.transforms.governance.requests.controller import controller_of
from callveil.transforms.governance.requests.erasure_zones import (
    AT_REST,
    LEFT_OUT,
    NOT_OURS,
    OUTSIDE,
    ZONES,
)
from callveil.transforms.governance.requests.live_plan import is_held
from callveil.transforms.governance.requests.live_records import (
    LIVE,
    find_live,
    require_markers,
    urls_held,
)
from callveil.transforms.governance.requests.plan import ErasePlan, PlanChanged, make_erase_plan
from callveil.transforms.governance.requests.publish import (
    publish_changes,
    purge_pending,
    read_encrypted_json,
    request_files,
    request_run_id,
    write_encrypted_json,
)
from callveil.transforms.governance.requests.register import RegisterError, RequestRegister
from callveil.transforms.governance.requests.retention_grounds import RetentionGrounds
from callveil.transforms.governance.requests.search_result import SearchResult
from callveil.transforms.governance.requests.unindexed import (
    INBOX,
    LIVE_REJECTED,
    REJECTED,
    explain_skipped_hits,
    make_search_target,
)
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.commit.commit_run import RunChanges
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.format1.inbox_registry import Inboxes
from callveil.transforms.storage.format1.live import CALLS, Live
from callveil.transforms.storage.format1.snapshot import Snapshot
from callveil.transforms.storage.identity.record_identifiers import interaction_ref, record_token
from callveil.transforms.storage.index.identity_markers import MARKERS, is_empty
from callveil.transforms.storage.index.suppression_list import write_suppressed_records


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

    @property
    def live(self) -> Live:
        """The live zone of the store."""
        return Live(self.store.files, self.store.root)

    def plan(
        self, request_id: str, scope: str = ERASURE, snapshot: Snapshot | None = None
    ) -> ErasePlan:
        """Return what would be done now. Nothing is changed.

        Raises `RegisterError` where nobody has searched yet, or the live zone cannot be searched;
        `SealedError` where something does not open.
        """
        snapshot = snapshot or self.store.current()
        require_markers(self.store)
        inboxes = Inboxes.of([self.live], self.inboxes) if self.zone else None
        request = self.register.get(request_id, snapshot)
        controller = controller_of(self.store, request, snapshot)
        return make_erase_plan(
            self.store,
            self.keyring,
            snapshot,
            request_id,
            self.match(request_id, snapshot),
            self.grounds,
            scope,
            inboxes,
            controller=controller,
            decisions=request.decisions,
        )

    def match(self, request_id: str, snapshot: Snapshot) -> SearchResult:
        """Return the last search of a request; after an erasure, what its digests still find."""
        request = self.register.get(request_id, snapshot)
        files = request_files(snapshot, request_id, "match")
        if files:
            return SearchResult.from_dict(read_encrypted_json(self.store, self.keyring, files[-1]))
        if request.tokens or self._was_done(request_id, ERASURE):
            return restriction.result_from_tokens(request.tokens)
        raise RegisterError(
            f"request {request_id}: nobody has searched for the person yet; run `callveil subject "
            "search` first"
        )

    def carry_out(self, request_id: str, scope: str = ERASURE, agreed: str = "") -> EraseResult:
        """Erase, or set aside, what a request is about, and finish what an earlier attempt left.

        Args:
            agreed: hash of the plan that was agreed to, or its beginning; empty: whatever is
                planned now.

        Raises `PlanChanged` where another plan is due than was agreed to, `RegisterError` where the
        request cannot take this step.
        """
        request = self.register.get(request_id)
        if not self._was_done(
            request_id, scope
        ):  # what was erased once is erased again, should it have come back
            require_ready(request, scope)
            require_approved(request, self.four_eyes, self.actor)
        done = self.finish(request)
        plan = self.plan(request_id, scope)
        before = self._carried_out(request_id, scope, agreed)
        if agreed and not plan.sha256.startswith(agreed):
            if (done is not None or before) and plan.is_empty:
                return EraseResult(plan, certified=done, before=before)
            now = (
                f"the plan is {plan.sha256[:16]} now, not {agreed[:16]}: other rows are stored. "
                "Look at it, and agree anew"
            )
            raise PlanChanged(f"{before}; {now}" if before else now)
        if plan.is_empty and self._was_done(request_id, scope):
            return EraseResult(plan, certified=done, before=before)
        manifest = self._publish(plan, scope)
        return EraseResult(
            plan, manifest.run_id, manifest.seq, self.finish(self.register.get(request_id))
        )

    def finish(self, request: SubjectRequest) -> CertificationResult | None:
        """Purge, check and certify published runs of a request; None where none is open."""
        out: CertificationResult | None = None
        for run_id in request.runs:
            seq = self.store.published(run_id)
            if seq is not None:
                out = certify_request(
                    self.store,
                    self.keyring,
                    request,
                    self.store.manifest(seq),
                    self.as_of,
                    self.now,
                )
        purge_pending(
            self.store,
            self.now,
            # what a certificate took out, and what was being written when an earlier attempt was
            # killed
        )
        return out

    def _was_done(self, request_id: str, scope: str) -> bool:
        event = "erased" if scope == ERASURE else "restricted"
        return any(e["event"] == event for e in self.register.events(request_id))

    def _carried_out(self, request_id: str, scope: str, agreed: str) -> str:
        """Tell which plan was carried out before, and when, in words: the one that was agreed to,
        or the last; empty where none was.
        """
        event = "erased" if scope == ERASURE else "restricted"
        rows = [
            e
            for e in self.register.events(request_id)
            if e["event"] == event and (e["plan_sha256"] or "").startswith(agreed)
        ]
        if not rows:
            return ""
        return (
            f"plan {(rows[-1]['plan_sha256'] or '')[:16]} was carried out already, on "
            f"{rows[-1]['at']:%Y-%m-%d %H:%MZ}"
        )

    def _publish(self, plan: ErasePlan, scope: str) -> RunManifest:
        event = "erased" if scope == ERASURE else "restricted"
        run_id = request_run_id(plan.request_id, event, plan.sha256)

        def build(snapshot: Snapshot) -> RunChanges:
            fresh = self.plan(plan.request_id, scope, snapshot)
            if fresh.sha256 != plan.sha256:
                raise PlanChanged(
                    "the store was changed while this was going on; nothing was done. Look at the "
                    "plan again"
                )
            return self._build(snapshot, run_id, fresh, event)

        return publish_changes(self.store, run_id, self.as_of, self.now, build)

    def _build(self, snapshot: Snapshot, run_id: str, plan: ErasePlan, event: str) -> RunChanges:
        carrier = PlanExecutor(
            self.store, self.keyring, snapshot, run_id, plan, set_aside=event == "restricted"
        )
        done = carrier.run()
        gone = self._live_gone(plan, carrier.dropped("interaction"))
        work = self._work(plan, gone)
        self._count_live(plan, gone, done, event)
        if event == "erased":
            self._unread(snapshot, run_id, plan, done)
            ours = restriction.requests_of_controller(
                self.store, self.keyring, snapshot, plan.request_id
            )
            restriction.drop_restricted(
                self.store, self.keyring, snapshot, plan.match.own_tokens, done, ours
            )
            work.packages = self._packages(snapshot, plan.match.own_tokens, done, ours)
        else:
            done.added.append(
                restriction.write_restricted(
                    self.store,
                    self.keyring,
                    run_id,
                    plan.request_id,
                    plan.match.own_tokens,
                    done,
                    gone,
                )
            )
        refs = [*(a.record for a in plan.actions if a.action == DROP), *map(interaction_ref, gone)]
        erased = write_suppressed_records(
            self.store.files,
            self.store.root,
            run_id,
            snapshot.seq,
            self.keyring,
            refs,
            plan.request_id,
        )
        done.added += [erased] if erased else []
        done.added.append(
            write_encrypted_json(
                self.store,
                self.keyring,
                run_id,
                plan.request_id,
                f"{snapshot.seq:08d}.work",
                msgspec.to_builtins(work),
            )
        )
        left = self._left(plan, event)
        for zone, record_class in ZONES.items():
            if zone in left or not any(location == zone for _, location, _, _ in done.rows):
                done.count(record_class, zone, "none", 0, 0, 0, left.get(zone, ""))
        values = {
            "run_id": run_id,
            "plan_sha256": plan.sha256,
            "tokens": list(plan.match.own_tokens),
            "records_found": len(plan.actions)
            + len(plan.unread.rejected)
            + sum(is_held(a) for a in plan.live)
            + len(plan.unread.live),
            "systems_searched": [z for z in ZONES if z not in left],
            "systems_not_executed": [f"{z}: {why}" for z, why in left.items()],
        }
        row = self.register.row(
            plan.request_id,
            event,
            self.as_of,
            len(self.register.events(plan.request_id, snapshot)) + 1,
            values,
            self.now,
        )
        done.added.append(self.register.write(run_id, row, f"{snapshot.seq:08d}.event"))
        series = [[*name, *counts] for name, counts in sorted(done.rows.items())]
        unlinked = sorted(
            record_token(self.keyring, interaction_ref(_key(a.record)))
            for a in plan.live
            if a.action == UNLINK
        )
        facts = {
            "request_id": plan.request_id,
            "event": event,
            "plan_sha256": plan.sha256,
            "series": series,
            "unlinked": unlinked,
        }
        return RunChanges(tuple(done.added), tuple(done.removed), plan.counts(), (facts,))

    def _live_gone(self, plan: ErasePlan, dropped: set[InteractionKey]) -> list[InteractionKey]:
        """Return interactions whose folder in the live zone goes: those that are planned, and what
        lies there of those that leave the datasets.
        """
        own = {_key(a.record) for a in plan.live if a.action == DROP}
        own |= {
            k for h in plan.unread.bodies for k in h.own
        }  # they may be in work, and must not be published
        stay = {_key(a.record) for a in plan.live if a.action != DROP}
        rest = () if is_empty(self.live) else dropped - own - stay
        return sorted((own - stay) | {k for k in rest if urls_held(self.live, k)})

    def _work(self, plan: ErasePlan, gone: list[InteractionKey]) -> ErasureWork:
        """Return what is to be done once the run is published, and to be known for the check."""
        request = self.register.get(plan.request_id)
        looking = make_search_target(plan.match, controller_of(self.store, request))
        stay = [a for a in (*plan.actions, *plan.live) if a.action == KEEP]
        staying = {_key(a.record) for a in stay if a.record.record_class in ("interaction", LIVE)}
        kept = [a.record for a in plan.actions if a.action == KEEP]
        return ErasureWork(
            live=sorted(set(gone)),
            unlink=[(*_key(a.record), a.role) for a in plan.live if a.action == UNLINK],
            stay=sorted(staying | plan.match.others),
            kept=kept + [m.record for m in plan.match.left_out],
            tokens=sorted(looking.tokens),
            rejected=sorted(looking.rejected),
            known=[(i.kind, i.value) for i in looking.known],
            keys=sorted(looking.keys | plan.unread.own),
            mentioned=sorted(looking.mentioned),
            rejections=[h.name for h in plan.unread.live],
            bodies=[h.url for h in plan.unread.bodies],
            inboxes=Inboxes.of([self.live], self.inboxes).folders if self.zone else None,
        )

    def _count_live(
        self, plan: ErasePlan, gone: list[InteractionKey], done: ExecutionResult, event: str
    ) -> None:
        method = "purge" if event == "erased" else "seal"
        number = sum(bool(urls_held(self.live, k)) for k in gone)
        if number:
            done.count("recordings", CALLS, method, number, number)
        for action in plan.live:
            if action.action != DROP and is_held(action):
                unlinked = action.action == UNLINK and not action.ground
                done.count(
                    "recordings",
                    CALLS,
                    "unlink" if action.action == UNLINK else "none",
                    1,
                    int(unlinked),
                    int(not unlinked),
                    action.ground,
                )
        if event == "erased":
            stay = {_key(a.record) for a in plan.live if a.action == KEEP} | plan.match.others
            holds = controller_of(self.store, self.register.get(plan.request_id)).holds
            found = find_live(self.store.files, self.store.root, plan.match.own_tokens)
            markers = sum(
                len(rows)
                for key, rows in found.items()
                if key not in stay and holds(key.account_id)
            )
            if markers:
                done.count("index", MARKERS, "purge", markers, markers)
            done.count(
                "sources", OUTSIDE, "none", len(plan.outside), 0, len(plan.outside), NOT_OURS
            )

    def _left(self, plan: ErasePlan, event: str) -> dict[str, str]:
        """Return zones that were not, or not wholly, looked at, and why."""
        if event == "restricted":
            return dict.fromkeys((REJECTED, LIVE_REJECTED, INBOX), AT_REST)
        left = {} if self.zone else dict.fromkeys((REJECTED, LIVE_REJECTED, INBOX), LEFT_OUT)
        snapshot = self.store.current()
        controller = controller_of(
            self.store, self.register.get(plan.request_id, snapshot), snapshot
        )
        if self.zone:
            left |= explain_skipped_hits(
                self.store,
                self.keyring,
                snapshot,
                plan.match,
                controller,
                Inboxes.of([self.live], self.inboxes),
            )
        if self.zone and not controller.alone:
            nobodys = dead_letter_search.count_unowned(self.store, snapshot)
            left |= (
                {
                    REJECTED: f"{nobodys} records that name no account were left alone: nothing "
                    "says whose they are"
                }
                if nobodys
                else {}
            )
        if told := require_markers(self.store).told():
            left[CALLS] = f"{told}; name them by interaction:ACCOUNT/ID"
        if plan.unread.missing:
            left[INBOX] = (
                f"{len(plan.unread.missing)} inboxes are not where `watch` has read them; name "
                "where they lie by --inbox"
            )
        return left

    def _unread(
        self, snapshot: Snapshot, run_id: str, plan: ErasePlan, done: ExecutionResult
    ) -> None:
        added, removed = dead_letter_search.erase_dead_letters(
            self.store, self.keyring, snapshot, run_id, plan.unread.rejected
        )
        done.added += added
        done.removed += removed
        methods = {REJECTED: "drop_rows", LIVE_REJECTED: "purge", INBOX: "unlink"}
        for zone, number in plan.unread.counts().items():
            if number:
                done.count(ZONES[zone], zone, methods[zone], number, number)

    def _packages(
        self,
        snapshot: Snapshot,
        tokens: tuple[str, ...],
        done: ExecutionResult,
        ours: Collection[str],
    ) -> list[PackageFile]:
        """Return packages that were made of the person's data, to be deleted where they still lie;
        what says where they are goes too.
        """
        out: list[PackageFile] = []
        mine = set(tokens)
        for file in snapshot.by_dataset("subject_content"):
            if file.path.endswith("package.sealed") and dict(file.partition)["request"] in ours:
                found = read_encrypted_json(self.store, self.keyring, file)
                if mine & set(found["tokens"]):
                    out.append({"path": found["path"], "sha256": found["sha256"]})
                    done.removed.append(file)
        if out:
            done.count("package", "packages", "purge", len(out), len(out))
        return out


def _key(record: RecordRef) -> InteractionKey:
    return InteractionKey(record.account_id, record.record_id)
