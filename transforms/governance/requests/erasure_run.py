"""The run of an erasure or restriction: what one or many plans come to on a state of the store, as
files to be published in one step, with the register entry of each request.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import Counter
from collections.abc import Container, Sequence

import msgspec
import orjson

from callveil.schemas.interaction import InteractionKey
from callveil.schemas.json_types import JsonObject
from callveil.schemas.subject_index import RecordRef
from callveil.transforms.governance.requests import dead_letter_search, restriction
from callveil.transforms.governance.requests.action import DROP, KEEP, UNLINK
from callveil.transforms.governance.requests.apply_plan import PlanExecutor
from callveil.transforms.governance.requests.certificate import ErasureWork, PackageFile
from callveil.transforms.governance.requests.erasure_state import ErasureState
from callveil.transforms.governance.requests.erasure_zones import (
    AT_REST,
    LEFT_OUT,
    NOT_OURS,
    OUTSIDE,
    ZONES,
)
from callveil.transforms.governance.requests.execution_result import ExecutionResult
from callveil.transforms.governance.requests.live_plan import is_held
from callveil.transforms.governance.requests.live_records import LIVE, find_live, urls_held
from callveil.transforms.governance.requests.plan import ErasePlan
from callveil.transforms.governance.requests.publish import write_encrypted_json
from callveil.transforms.governance.requests.unindexed import (
    INBOX,
    LIVE_REJECTED,
    REJECTED,
    explain_skipped_hits,
    make_search_target,
)
from callveil.transforms.storage.commit.commit_run import RunChanges
from callveil.transforms.storage.format1.live import CALLS
from callveil.transforms.storage.identity.record_identifiers import interaction_ref, record_token
from callveil.transforms.storage.index.identity_markers import MARKERS, is_empty
from callveil.transforms.storage.index.suppression_list import write_suppressed_records


class ErasureRun:
    """Carries plans out on a state of the store.

    Args:
        state: where. run_id: names new files. pool: name under which workers are found.
        plans: what, each of another request and made on that state.
        event: `erased` or `restricted`; a restriction is of one request.
        as_of, now: time of the decision, and of its entry.
    """

    def __init__(
        self,
        state: ErasureState,
        run_id: str,
        pool: str,
        plans: Sequence[ErasePlan],
        event: str,
        as_of: dt.datetime,
        now: dt.datetime,
    ) -> None:
        self.state, self.run_id, self.plans, self.event = state, run_id, plans, event
        self.as_of, self.now = as_of, now
        self.register, self.snapshot = state.register, state.snapshot
        self.store, self.keyring = state.register.store, state.register.keyring
        self.executor = PlanExecutor(
            self.store,
            self.keyring,
            self.snapshot,
            run_id,
            plans,
            pool=pool,
            set_aside=event == "restricted",
            finished=state.finished,
        )

    def changes(self) -> RunChanges:
        """Write the run's files, and return which they are."""
        done = self.executor.run()
        if self.event == "erased":
            hits = {h for p in self.plans for h in p.unread.rejected}
            added, removed = dead_letter_search.erase_dead_letters(
                self.store, self.keyring, self.snapshot, self.run_id, hits
            )
            done.added += added
            done.removed += removed
        works = [self._request(plan, done) for plan in self.plans]
        done.removed = sorted(set(done.removed))
        counts = sum((Counter(p.counts()) for p in self.plans), Counter[str]())
        facts = tuple(
            work | {"series": done.series(plan.request_id)}
            for plan, work in zip(self.plans, works, strict=True)
        )
        return RunChanges(tuple(done.added), tuple(done.removed), counts, facts)

    def _request(self, plan: ErasePlan, done: ExecutionResult) -> JsonObject:
        """Write what belongs to one request; returns the facts of it that the manifest states."""
        name = plan.request_id
        dropped = {
            InteractionKey(a.record.account_id, a.record.record_id)
            for a in plan.actions
            if a.action == DROP and a.record.record_class == "interaction"
        }
        gone = self._live_gone(plan, dropped)
        work = self._work(plan, gone)
        self._count_live(plan, gone, done)
        if self.event == "erased":
            self._count_unread(plan, done)
            request = self.register.get(name, self.snapshot)
            ours = restriction.RequestsOfController(
                self.register, self.snapshot, self.state.controller(request)
            )
            restriction.drop_restricted(
                self.state.restricted(), name, plan.match.own_tokens, done, ours
            )
            work.packages = self._packages(plan, done, ours)
        else:
            tokens = plan.match.own_tokens
            done.added.append(
                restriction.write_restricted(
                    self.store, self.keyring, self.run_id, name, tokens, done, gone
                )
            )
        self._write_lists(plan, gone, work, done)
        left = self._left(plan)
        searched = {location for _, location, _, _ in done.rows[name]}
        for zone, record_class in ZONES.items():
            if zone in left or zone not in searched:
                done.count(name, record_class, zone, "none", 0, 0, 0, left.get(zone, ""))
        self._write_event(plan, left, done)
        unlinked = sorted(
            record_token(self.keyring, interaction_ref(_key(a.record)))
            for a in plan.live
            if a.action == UNLINK
        )
        return {
            "request_id": name,
            "event": self.event,
            "plan_sha256": plan.sha256,
            "unlinked": unlinked,
        }

    def _write_lists(
        self,
        plan: ErasePlan,
        gone: list[InteractionKey],
        work: ErasureWork,
        done: ExecutionResult,
    ) -> None:
        """Write what may not come back, and what is left to do once the run is published."""
        name, seq = plan.request_id, self.snapshot.seq
        refs = [*(a.record for a in plan.actions if a.action == DROP), *map(interaction_ref, gone)]
        if refs:
            done.added.extend(
                self.state.write_once(
                    ("list", name, *sorted(refs)),
                    lambda: write_suppressed_records(
                        self.store.files,
                        self.store.root,
                        self.run_id,
                        seq,
                        self.keyring,
                        refs,
                        name,
                    ),
                )
            )
        value = msgspec.to_builtins(work)
        digest = hashlib.sha256(orjson.dumps(value)).digest()
        done.added.extend(
            self.state.write_once(
                ("work", name, digest),
                lambda: write_encrypted_json(
                    self.store, self.keyring, self.run_id, name, f"{seq:08d}.work", value
                ),
            )
        )

    def _write_event(self, plan: ErasePlan, left: dict[str, str], done: ExecutionResult) -> None:
        values = {
            "run_id": self.run_id,
            "plan_sha256": plan.sha256,
            "tokens": list(plan.match.own_tokens),
            "records_found": len(plan.actions)
            + len(plan.unread.rejected)
            + sum(is_held(a) for a in plan.live)
            + len(plan.unread.live),
            "systems_searched": [z for z in ZONES if z not in left],
            "systems_not_executed": [f"{z}: {why}" for z, why in left.items()],
        }
        name, number = plan.request_id, len(self.register.events(plan.request_id, self.snapshot))
        row = self.register.row(name, self.event, self.as_of, number + 1, values, self.now)
        done.added.extend(
            self.state.write_once(
                ("event", name, row["event_id"]),
                lambda: self.register.write(self.run_id, row, f"{self.snapshot.seq:08d}.event"),
            )
        )

    def _live_gone(self, plan: ErasePlan, dropped: set[InteractionKey]) -> list[InteractionKey]:
        """Return interactions whose folder in the live zone goes: those that are planned, and what
        lies there of those that leave the datasets.
        """
        own = {_key(a.record) for a in plan.live if a.action == DROP}
        own |= {
            k for h in plan.unread.bodies for k in h.own
        }  # they may be in work, and must not be published
        stay = {_key(a.record) for a in plan.live if a.action != DROP}
        live = self.state.live
        rest = () if is_empty(live) else dropped - own - stay
        return sorted((own - stay) | {k for k in rest if urls_held(live, k)})

    def _work(self, plan: ErasePlan, gone: list[InteractionKey]) -> ErasureWork:
        """Return what is to be done once the run is published, and to be known for the check."""
        request = self.register.get(plan.request_id, self.snapshot)
        looking = make_search_target(plan.match, self.state.controller(request))
        stay = [a for a in (*plan.actions, *plan.live) if a.action == KEEP]
        staying = {_key(a.record) for a in stay if a.record.record_class in ("interaction", LIVE)}
        kept = [a.record for a in plan.actions if a.action == KEEP]
        inboxes = self.state.folders
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
            inboxes=inboxes.folders if inboxes else None,
        )

    def _count_live(
        self, plan: ErasePlan, gone: list[InteractionKey], done: ExecutionResult
    ) -> None:
        name, live = plan.request_id, self.state.live
        method = "purge" if self.event == "erased" else "seal"
        number = sum(bool(urls_held(live, k)) for k in gone)
        if number:
            done.count(name, "recordings", CALLS, method, number, number)
        for action in plan.live:
            if action.action != DROP and is_held(action):
                unlinked = action.action == UNLINK and not action.ground
                done.count(
                    name,
                    "recordings",
                    CALLS,
                    "unlink" if action.action == UNLINK else "none",
                    1,
                    int(unlinked),
                    int(not unlinked),
                    action.ground,
                )
        if self.event == "erased":
            stay = {_key(a.record) for a in plan.live if a.action == KEEP} | plan.match.others
            holds = self.state.controller(self.register.get(name, self.snapshot)).holds
            found = find_live(self.store.files, self.store.root, plan.match.own_tokens)
            markers = sum(
                len(rows)
                for key, rows in found.items()
                if key not in stay and holds(key.account_id)
            )
            if markers:
                done.count(name, "index", MARKERS, "purge", markers, markers)
            outside = len(plan.outside)
            done.count(name, "sources", OUTSIDE, "none", outside, 0, outside, NOT_OURS)

    def _left(self, plan: ErasePlan) -> dict[str, str]:
        """Return zones that were not, or not wholly, looked at, and why."""
        if self.event == "restricted":
            return dict.fromkeys((REJECTED, LIVE_REJECTED, INBOX), AT_REST)
        inboxes = self.state.folders
        left = {} if inboxes else dict.fromkeys((REJECTED, LIVE_REJECTED, INBOX), LEFT_OUT)
        controller = self.state.controller(self.register.get(plan.request_id, self.snapshot))
        if inboxes:
            left |= explain_skipped_hits(
                self.store, self.keyring, self.snapshot, plan.match, controller, inboxes
            )
        if inboxes and not controller.alone:
            nobodys = dead_letter_search.count_unowned(self.store, self.snapshot)
            left |= (
                {
                    REJECTED: f"{nobodys} records that name no account were left alone: nothing "
                    "says whose they are"
                }
                if nobodys
                else {}
            )
        if told := self.state.lacking.told():
            left[CALLS] = f"{told}; name them by interaction:ACCOUNT/ID"
        if plan.unread.missing:
            left[INBOX] = (
                f"{len(plan.unread.missing)} inboxes are not where `watch` has read them; name "
                "where they lie by --inbox"
            )
        return left

    def _count_unread(self, plan: ErasePlan, done: ExecutionResult) -> None:
        methods = {REJECTED: "drop_rows", LIVE_REJECTED: "purge", INBOX: "unlink"}
        for zone, number in plan.unread.counts().items():
            if number:
                done.count(plan.request_id, ZONES[zone], zone, methods[zone], number, number)

    def _packages(
        self, plan: ErasePlan, done: ExecutionResult, ours: Container[str]
    ) -> list[PackageFile]:
        """Return packages that were made of the person's data, to be deleted where they still lie;
        what says where they are goes too.
        """
        out: list[PackageFile] = []
        mine = set(plan.match.own_tokens)
        for file, found in self.state.packages():
            if mine & set(found["tokens"]) and dict(file.partition)["request"] in ours:
                out.append({"path": found["path"], "sha256": found["sha256"]})
                done.removed.append(file)
        if out:
            done.count(plan.request_id, "package", "packages", "purge", len(out), len(out))
        return out


def _key(record: RecordRef) -> InteractionKey:
    return InteractionKey(record.account_id, record.record_id)
