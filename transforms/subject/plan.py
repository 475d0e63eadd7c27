"""What an erasure or restriction will do to which rows, before anything is changed. Equal plans have equal hashes."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

from callveil.schemas.interaction import InteractionKey
from callveil.schemas.pointer import to_micros
from callveil.schemas.subject_index import RecordRef
from callveil.transforms.retain.engine import Record
from callveil.transforms.store.catalog import Store
from callveil.transforms.store.index import IndexEntry
from callveil.transforms.store.keyring import Keyring
from callveil.transforms.store.snapshot import Snapshot
from callveil.transforms.subject import rejected as rejected_zone
from callveil.transforms.subject.grounds import HOLD, Ground, Grounds
from callveil.transforms.subject.match import Match, Matched, Search, values_of
from callveil.transforms.subject.rejected import Looking, RejectedHit
from callveil.transforms.subject.stored import VERSION_COLUMNS, index_entries, interaction_files, version_files, version_rows

DROP, UNLINK, KEEP = "drop", "unlink", "keep"


class PlanChanged(ValueError):
    """The store holds other rows for the person than the plan that was agreed to."""


class Action(NamedTuple):
    """What happens to one record.

    Attributes:
        record: which. role: what the person is in it.
        action: drop, unlink (it stays, what leads to the person goes) or keep.
        path: live file that holds it. day, account_type: its partition.
        digest: of the stored snapshot.
        ground: why it stays, or empty.
    """

    record: RecordRef
    role: str
    action: str
    path: str
    day: str
    account_type: str
    digest: str
    ground: str = ""


@dataclass(frozen=True)
class ErasePlan:
    """A plan.

    Attributes:
        request_id, scope: the request; erasure or restriction.
        match: what was found in this state of the store.
        actions: one per record, in order.
        rejected: records of the rejected zone.
        entries: the key index' entries of the interactions.
    """

    request_id: str
    scope: str
    match: Match
    actions: tuple[Action, ...]
    rejected: tuple[RejectedHit, ...] = ()
    entries: dict[InteractionKey, IndexEntry] = field(default_factory=dict, repr=False)

    @property
    def sha256(self) -> str:
        """Digest of what will be done. Files are not part of it: others may be rewritten meanwhile without harm."""
        rows = [[*a.record, a.role, a.action, a.digest, a.ground] for a in self.actions]
        facts = [self.request_id, self.scope, rows, [[h.rejected_id, h.block, h.position] for h in self.rejected], self.match.tokens]
        return hashlib.sha256(orjson.dumps(facts)).hexdigest()

    @property
    def is_empty(self) -> bool:
        """Whether nothing is to be changed."""
        return not self.rejected and all(a.action == KEEP for a in self.actions)

    def counts(self) -> dict[str, int]:
        """Records by class and action."""
        found: Counter[str] = Counter(f"{a.record.record_class}s.{a.action}" for a in self.actions)
        found["rejected.drop"] += len(self.rejected)
        return dict(sorted((k, n) for k, n in found.items() if n))

    def lines(self) -> list[str]:
        """What the plan does, in words."""
        words = {DROP: "erased" if self.scope == "erasure" else "set aside, encrypted", UNLINK: "stay without what leads to the person", KEEP: "stay"}
        lines = [f"plan {self.sha256[:16]} of {self.scope} for request {self.request_id}"]
        for name, n in self.counts().items():
            record_class, action = name.split(".")
            lines.append(f"  {n:,} {record_class} {words[action]}")
        grounds = Counter(a.ground for a in self.actions if a.ground)
        return lines + [f"  {n:,} on the ground: {ground}" for ground, n in sorted(grounds.items())]


def make_plan(
    store: Store, keyring: Keyring, snapshot: Snapshot, request_id: str, before: Match, grounds: Grounds, scope: str = "erasure", *, zone: bool = True
) -> ErasePlan:
    """Plan on a state of the store.

    Args:
        before: the search whose identifiers were confirmed; records are looked for anew.
        grounds: why records stay.
        zone: look through the rejected zone too.
    """
    match = Search(store, keyring, snapshot).run(before.confirmed, before.rejected, before.proposed)
    entries = index_entries(store.files, store.root, snapshot, [_key(m.record) for m in match.records if m.record.record_class == "interaction"])
    actions = [*_interactions(snapshot, match.records, entries, grounds), *_versions(store, snapshot, match.records, grounds)]
    if scope == "restriction":  # what only mentions the person, or what they did as staff, is not theirs to have set aside
        actions = [a if a.action == DROP else a._replace(action=KEEP, ground=a.ground or "not the person's own record") for a in actions]
    keys = frozenset(_key(a.record) for a in actions if a.record.record_class == "interaction" and a.role == "contact")
    hits: list[RejectedHit] = []
    if zone and scope == "erasure":
        hits = rejected_zone.scan(store, keyring, snapshot, Looking(frozenset(match.tokens), tuple(values_of(match.confirmed)), keys))
    return ErasePlan(request_id, scope, match, tuple(sorted(actions)), tuple(hits), entries)


def _key(record: RecordRef) -> InteractionKey:
    return InteractionKey(record.account_id, record.record_id)


def _decided(role: str, ground: Ground | None) -> tuple[str, str]:
    if ground is not None and ground.kind == HOLD:
        return KEEP, ground.text
    if ground is not None:
        return UNLINK, ground.text
    return (DROP, "") if role == "contact" else (UNLINK, "")


def _interactions(snapshot: Snapshot, records: Iterable[Matched], entries: dict[InteractionKey, IndexEntry], grounds: Grounds) -> Iterable[Action]:
    files = interaction_files(snapshot)
    for m in records:
        if m.record.record_class != "interaction":
            continue
        entry = entries[_key(m.record)]
        record = Record("interactions", *_key(m.record), entry.called_us, entry.account_type, redacted=entry.mode == "full")
        action, ground = _decided(m.role, grounds.of(record))
        yield Action(m.record, m.role, action, files[entry.origin].path, m.day, entry.account_type, entry.digest, ground)


def _versions(store: Store, snapshot: Snapshot, records: Iterable[Matched], grounds: Grounds) -> Iterable[Action]:
    by_day: dict[str, dict[RecordRef, Matched]] = {}
    for m in records:
        if m.record.record_class == "version":
            by_day.setdefault(m.day, {})[m.record] = m
    files = version_files(snapshot) if by_day else {}
    columns = [*VERSION_COLUMNS, "created_at", "digest"]
    for day, own in sorted(by_day.items()):
        for ref, (file, row) in version_rows(store.files, store.root, files, day, own, columns).items():
            kind = dict(file.partition)["account_type"]
            record = Record("versions", ref.account_id, ref.record_id, to_micros(row["created_at"]), kind, ref.item_type, ref.item_id)
            action, ground = _decided(own[ref].role, grounds.of(record))
            yield Action(ref, own[ref].role, action, file.path, day, kind, row["digest"], ground)


def summary(plan: ErasePlan) -> dict[str, Any]:
    """JSON form of a plan's head."""
    return {"request_id": plan.request_id, "scope": plan.scope, "plan_sha256": plan.sha256, "counts": plan.counts(), "empty": plan.is_empty}
