"""Erasure: planned, rewritten, published with its register entry in one step, purged, checked, certified. Each arrow can be interrupted.

Up to publishing nothing a reader sees has changed. The run that is published holds, sealed, the list of what is to be purged outside the catalog,
so whoever comes next finishes it: the list, the register's open run and the store itself say what is left to do.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

from callveil.schemas.interaction import InteractionKey
from callveil.schemas.manifest import RunManifest
from callveil.schemas.subject import SubjectRequest
from callveil.schemas.subject_index import RecordRef
from callveil.transforms.store.care import unpurged
from callveil.transforms.store.catalog import Store
from callveil.transforms.store.keyring import Keyring
from callveil.transforms.store.snapshot import Snapshot
from callveil.transforms.subject import aside, rejected
from callveil.transforms.subject.carry import Carried, Carrier
from callveil.transforms.subject.certify import Certified, certify
from callveil.transforms.subject.erased import write_erased
from callveil.transforms.subject.grounds import Grounds
from callveil.transforms.subject.live_zone import find_live
from callveil.transforms.subject.match import Match, values_of
from callveil.transforms.subject.plan import DROP, KEEP, ErasePlan, PlanChanged, make_plan
from callveil.transforms.subject.publish import Changes, publish, run_id_of, seal, sealed_files, settle, unseal
from callveil.transforms.subject.register import Register, RegisterError

ZONES = ("interactions", "findings", "versions", "rejected", "requests", "index", "subjects", "live", "packages")
ERASURE, RESTRICTION = "erasure", "restriction"


@dataclass(frozen=True)
class EraseResult:
    """What an erasure or restriction did.

    Attributes:
        plan: what was carried out.
        run_id, seq: the run; empty and 0 where nothing was left to do.
        certified: how purging and checking went; None where nothing was to be certified.
    """

    plan: ErasePlan
    run_id: str = ""
    seq: int = 0
    certified: Certified | None = None


@dataclass(frozen=True)
class Eraser:
    """Carries out requests on a store.

    Args:
        store: open for writing. keyring: the store's.
        grounds: why records stay.
        as_of: time of the decision, UTC. now: for the record and leases; decides nothing.
        zone: look through the rejected zone too.
    """

    store: Store
    keyring: Keyring
    as_of: dt.datetime
    now: dt.datetime
    grounds: Grounds = field(default_factory=Grounds)
    zone: bool = True

    def plan(self, request_id: str, scope: str = ERASURE, snapshot: Snapshot | None = None) -> ErasePlan:
        """What would be done now. Nothing is changed. Raises `RegisterError` where nobody has searched yet."""
        snapshot = snapshot or self.store.current()
        return make_plan(
            self.store, self.keyring, snapshot, request_id, self.match(request_id, snapshot), self.grounds, scope, zone=self.zone
        )  # fmt: skip

    def match(self, request_id: str, snapshot: Snapshot) -> Match:
        """The last search of a request; after an erasure, what its digests still find."""
        request = Register(self.store, self.keyring).get(request_id, snapshot)
        files = sealed_files(snapshot, request_id, "match")
        if files:
            return Match.from_dict(unseal(self.store, self.keyring, files[-1]))
        if request.tokens:
            return aside.match_of(request.tokens)
        raise RegisterError(f"request {request_id}: nobody has searched for the person yet; run `callveil subject search` first")

    def carry_out(self, request_id: str, scope: str = ERASURE, agreed: str = "") -> EraseResult:
        """Erase, or set aside, what a request is about, and finish what an earlier attempt left.

        Args:
            agreed: hash of the plan that was agreed to, or its beginning; empty: whatever is planned now.

        Raises `PlanChanged` where another plan is due than was agreed to, `RegisterError` where the request cannot take this step.
        """
        register = Register(self.store, self.keyring)
        request = register.get(request_id)
        if not self._was_done(register, request_id, scope):  # what was erased once is erased again, should it have come back
            require_ready(request, scope)
        done = self.finish(request)
        plan = self.plan(request_id, scope)
        if agreed and not plan.sha256.startswith(agreed):
            if done is not None and plan.is_empty:
                return EraseResult(plan, certified=done)
            raise PlanChanged(f"the plan is {plan.sha256[:16]} now, not {agreed[:16]}: other rows are stored. Look at it, and agree anew")
        if plan.is_empty and self._was_done(register, request_id, scope) and not self._live(plan):
            return EraseResult(plan, certified=done)
        manifest = self._publish(register, plan, scope)
        return EraseResult(plan, manifest.run_id, manifest.seq, self.finish(register.get(request_id)))

    def finish(self, request: SubjectRequest) -> Certified | None:
        """Purge, check and certify published runs of a request; None where none is open."""
        out: Certified | None = None
        for run_id in request.runs:
            seq = self.store.published(run_id)
            if seq is not None:
                out = certify(self.store, self.keyring, request, self.store.manifest(seq), self.as_of, self.now)
        if unpurged(self.store):  # a run that was killed after its certificate has still to purge what that took out
            settle(self.store, self.now)
        return out

    def _was_done(self, register: Register, request_id: str, scope: str) -> bool:
        event = "erased" if scope == ERASURE else "restricted"
        return any(e["event"] == event for e in register.events(request_id))

    def _live(self, plan: ErasePlan) -> set[InteractionKey]:
        """The person's own interactions in the live zone that are not erased there yet."""
        stay = {_key(a.record) for a in plan.actions if a.action != DROP}
        found = find_live(self.store.files, self.store.root, plan.match.tokens)
        return {k for k, rows in found.items() if k not in stay and any(r["role"] == "contact" for r in rows)}

    def _publish(self, register: Register, plan: ErasePlan, scope: str) -> RunManifest:
        event = "erased" if scope == ERASURE else "restricted"
        run_id = run_id_of(plan.request_id, event, plan.sha256)

        def build(snapshot: Snapshot) -> Changes:
            fresh = self.plan(plan.request_id, scope, snapshot)
            if fresh.sha256 != plan.sha256:
                raise PlanChanged("the store was changed while this was going on; nothing was done. Look at the plan again")
            return self._build(register, snapshot, run_id, fresh, event)

        return publish(self.store, run_id, self.as_of, self.now, build)

    def _build(self, register: Register, snapshot: Snapshot, run_id: str, plan: ErasePlan, event: str) -> Changes:
        carrier = Carrier(self.store, self.keyring, snapshot, run_id, plan, set_aside=event == "restricted")
        done = carrier.run()
        keys = carrier.dropped("interaction") | self._live(plan)
        gone = [a.record for a in plan.actions if a.action == DROP]
        work: dict[str, Any] = {"keys": sorted(map(list, keys)), "kept": [list(a.record) for a in plan.actions if a.action == KEEP]}
        work["known"] = [[i.kind, i.value] for i in values_of(plan.match.confirmed)]
        if event == "erased":
            self._rejected(snapshot, run_id, plan, done)
            aside.drop(self.store, self.keyring, snapshot, plan.match.tokens, done)
            work["packages"] = self._packages(snapshot, plan.match.tokens, done)
        else:
            done.added.append(aside.seal_aside(self.store, self.keyring, run_id, plan.request_id, plan.match.tokens, done, keys))
        erased = write_erased(self.store.files, self.store.root, run_id, snapshot.seq, self.keyring, [*gone, *map(_ref, keys)], plan.request_id)
        done.added += [erased] if erased else []
        done.added.append(seal(self.store, self.keyring, run_id, plan.request_id, f"{snapshot.seq:08d}.work", work))
        values = {
            "run_id": run_id, "plan_sha256": plan.sha256, "tokens": list(plan.match.tokens), "records_found": len(plan.actions) + len(plan.rejected),
            "systems_searched": [z for z in ZONES if z != "rejected" or self.zone],
            "systems_not_executed": [] if self.zone else ["rejected: left out by --no-rejected"],
        }  # fmt: skip
        row = register.row(plan.request_id, event, self.as_of, len(register.events(plan.request_id, snapshot)) + 1, values)
        done.added.append(register.write(run_id, row, f"{snapshot.seq:08d}.event"))
        series = [[*name, *counts] for name, counts in sorted(done.rows.items())]
        facts = {"request_id": plan.request_id, "event": event, "plan_sha256": plan.sha256, "series": series}
        counts = {f"{a}": n for a, n in plan.counts().items()}
        return Changes(tuple(done.added), tuple(done.removed), counts, (facts,))

    def _rejected(self, snapshot: Snapshot, run_id: str, plan: ErasePlan, done: Carried) -> None:
        added, removed = rejected.erase(self.store, self.keyring, snapshot, run_id, plan.rejected)
        done.added += added
        done.removed += removed
        if plan.rejected:
            done.count("rejected", "rejected", "drop_rows", len(plan.rejected), len(plan.rejected))

    def _packages(self, snapshot: Snapshot, tokens: tuple[str, ...], done: Carried) -> list[dict[str, str]]:
        """Packages that were made of the person's data, to be deleted where they still lie; what says where they are goes too."""
        out, mine = [], set(tokens)
        for file in snapshot.by_dataset("subject_content"):
            if file.path.endswith("package.sealed"):
                found = unseal(self.store, self.keyring, file)
                if mine & set(found["tokens"]):
                    out.append({"path": found["path"], "sha256": found["sha256"]})
                    done.removed.append(file)
        if out:
            done.count("package", "packages", "purge", len(out), len(out))
        return out


def require_ready(request: SubjectRequest, scope: str) -> SubjectRequest:
    """Refuse steps that a request may not take. Raises `RegisterError`."""
    if request.identity_verified_at is None and scope == ERASURE:
        raise RegisterError(f"request {request.request_id}: the person's identity is not verified; record it with `callveil subject verify` first")
    if request.is_over and not request.runs:
        raise RegisterError(f"request {request.request_id}: is over ({request.status}); open a new one")
    return request


def _key(record: RecordRef) -> InteractionKey:
    return InteractionKey(record.account_id, record.record_id)


def _ref(key: InteractionKey) -> RecordRef:
    return RecordRef("interaction", key.account_id, key.id)
