"""Erasure of many people in one run: files that hold something of several are rewritten once. Each
request keeps its own plan, register entries and certificate.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import orjson

from callveil.schemas.json_types import JsonObject
from callveil.schemas.subject import ERASURE
from callveil.schemas.subject_index import RecordRef
from callveil.transforms.governance.requests.certificate import CertificationResult
from callveil.transforms.governance.requests.erasure import Eraser, EraseResult, event_of
from callveil.transforms.governance.requests.erasure_state import ErasureState
from callveil.transforms.governance.requests.plan import ErasePlan, PlanChanged, summarize_plan
from callveil.transforms.governance.requests.publish import request_run_id
from callveil.transforms.governance.requests.register import RegisterError
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.identity import identifiers as ids
from callveil.transforms.storage.identity.record_identifiers import record_token

POOL = "batch"
"""Name under which workers of a batch are found."""


@dataclass(frozen=True)
class BatchPlan:
    """Plans that are carried out together.

    Attributes:
        plans: in the order of requests; those with nothing to do too.
        refused: why requests are left out, by request.
    """

    plans: tuple[ErasePlan, ...]
    refused: Mapping[str, str] = field(default_factory=dict)

    @property
    def sha256(self) -> str:
        """Digest of what will be done; that of the only plan where there is one."""
        names = sorted(p.sha256 for p in self.plans)
        return names[0] if len(names) == 1 else hashlib.sha256(orjson.dumps(names)).hexdigest()

    def counts(self) -> dict[str, int]:
        """Return the number of records by class and action; one that several requests name counts
        for each.
        """
        return dict(sorted(sum((Counter(p.counts()) for p in self.plans), Counter[str]()).items()))

    def lines(self) -> list[str]:
        """Return what the plans do, in words, and what the whole comes to."""
        own = [line for p in self.plans for line in p.lines()]
        files = {a.path for p in self.plans for a in p.actions if a.action != "keep"}
        return [
            *own,
            f"plan {self.sha256[:16]} of {len(self.plans):,} requests: "
            f"{sum(not p.is_empty for p in self.plans):,} with something to erase, "
            f"{len(files):,} files of rows rewritten once",
        ]

    def summary(self) -> JsonObject:
        """JSON form."""
        return {
            "plan_sha256": self.sha256,
            "counts": self.counts(),
            "requests": [summarize_plan(p) for p in self.plans],
            "refused": dict(self.refused),
        }


@dataclass(frozen=True)
class BatchResult:
    """Outcome of a batch.

    Attributes:
        results: one for each request that was not refused, in order.
        refused: why the others were left out, by request.
        run_id, seq: the run; empty and 0 where nothing was left to do.
    """

    results: tuple[EraseResult, ...]
    refused: Mapping[str, str]
    run_id: str = ""
    seq: int = 0


class _NothingLeft(PlanChanged):
    """Every plan of a batch has changed."""


@dataclass
class BatchEraser:
    """Carries out erasure requests together.

    Attributes:
        eraser: what carries out one.
        refused: why requests are left out, by request; grows.
    """

    eraser: Eraser
    refused: dict[str, str] = field(default_factory=dict)

    def plan(self, names: Iterable[str], state: ErasureState | None = None) -> BatchPlan:
        """Return what would be done now for some requests; nothing is changed. A request that may
        not be carried out is refused, and stops no other.
        """
        state = state or self.eraser.state()
        wanted = list(dict.fromkeys(names))
        for name in wanted:
            try:
                request = self.eraser.register.get(name, state.snapshot)
                self.eraser.require_allowed(request, ERASURE, state.snapshot)
            except RegisterError as error:
                self.refused.setdefault(name, str(error))
        self._look_up(state, (n for n in wanted if n not in self.refused))
        plans = []
        for name in wanted:
            if name not in self.refused:
                try:
                    plans.append(self.eraser.plan(name, ERASURE, state))
                except RegisterError as error:
                    self.refused[name] = str(error)
        return BatchPlan(tuple(plans), self.refused)

    def _look_up(self, state: ErasureState, names: Iterable[str]) -> None:
        """Look up, for all requests at once, what their searches will ask for."""
        tokens: set[str] = set()
        for name in names:
            try:
                tokens.update(self.eraser.match(name, state.snapshot).tokens)
            except RegisterError as error:
                self.refused[name] = str(error)
        found = state.lookups.entries(tokens)
        records = {e.record for own in found.values() for e in own}
        state.lookups.entries(t for r in records for t in _asked_for(self.eraser.keyring, r))

    def carry_out(self, names: Sequence[str], agreed: str = "") -> BatchResult:
        """Erase whom some requests are about, as one run, and finish what an earlier attempt left.

        Args:
            agreed: hash of the batch's plan that was agreed to, or its beginning; empty: whatever
                is planned now.

        Raises `PlanChanged` where another plan is due than was agreed to.
        """
        eraser = self.eraser
        finished = self._finish(names)
        state = eraser.state()
        batch = self.plan(names, state)
        done = {p.request_id for p in batch.plans if self._is_done(p, state)}
        due = [p for p in batch.plans if p.request_id not in done]
        if agreed and not batch.sha256.startswith(agreed) and due:
            raise PlanChanged(
                f"the plan is {batch.sha256[:16]} now, not {agreed[:16]}: other requests are due, "
                "or other rows are stored. Look at it, and agree anew"
            )
        before = {n: eraser.carried_out(n, ERASURE, "", state.snapshot) for n in done}
        run_id, seq = "", 0
        if due:
            run_id = request_run_id("batch", event_of(ERASURE), *sorted(p.sha256 for p in due))
            try:
                seq = eraser.publish(due, ERASURE, run_id, POOL, state, self._replan).seq
            except _NothingLeft:
                run_id = ""
            del state  # what was looked up for all of them is large, and not needed for the check
            finished |= self._finish(p.request_id for p in due) if seq else {}
        results = [
            EraseResult(p, certified=finished.get(p.request_id), before=before[p.request_id])
            if p.request_id in done
            else EraseResult(p, run_id, seq, finished.get(p.request_id))
            for p in batch.plans
            if p.request_id not in self.refused
        ]
        return BatchResult(tuple(results), self.refused, run_id, seq)

    def _is_done(self, plan: ErasePlan, state: ErasureState) -> bool:
        """Tell whether nothing is left to do for a request that was carried out before."""
        return plan.is_empty and self.eraser.was_done(plan.request_id, ERASURE, state.snapshot)

    def _finish(self, names: Iterable[str]) -> dict[str, CertificationResult]:
        """Finish published runs of some requests."""
        register, snapshot = self.eraser.register, self.eraser.store.current()
        known = (n for n in names if n not in self.refused and register.events(n, snapshot))
        return self.eraser.finish_all([register.get(n, snapshot) for n in known])

    def _replan(self, plans: Sequence[ErasePlan], state: ErasureState) -> Sequence[ErasePlan]:
        """Return plans on a later state of the store; a request whose plan has changed is refused
        and stops no other.
        """
        before = {p.request_id: p.sha256 for p in plans}
        fresh = self.plan(before, state).plans
        for plan in fresh:
            if plan.sha256 != before[plan.request_id]:
                self.refused[plan.request_id] = (
                    f"request {plan.request_id}: the store was changed while this was going on; "
                    "nothing was done for it. Run the command again"
                )
        kept = [p for p in fresh if p.request_id not in self.refused]
        if not kept:
            raise _NothingLeft("every request of the batch has changed")
        return kept


def _asked_for(keyring: Keyring, record: RecordRef) -> Iterator[str]:
    """Yield digests that a search looks up for a record it has found: of its own list of
    identifiers, and of what is about it.
    """
    yield from (record_token(keyring, record, key_id) for key_id in keyring.key_ids)
    if record.record_class == "interaction":
        own = ids.interaction_identifier(record.account_id, record.record_id)
        yield from ids.identifier_tokens(keyring, own).values()
