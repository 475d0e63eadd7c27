"""Erasure or restriction plan: the rows affected and the action on each, before any change.

Equal plans have equal hashes.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import orjson

from callveil.schemas.errors import UserError
from callveil.schemas.interaction import InteractionKey
from callveil.schemas.json_types import JsonObject
from callveil.schemas.pointer import to_micros
from callveil.schemas.subject import ERASURE, RESTRICTION
from callveil.schemas.subject_index import RecordRef
from callveil.transforms.governance.requests.action import (
    DROP,
    KEEP,
    UNLINK,
    RecordAction,
    decide_action,
    restrict_action,
)
from callveil.transforms.governance.requests.controller import Controller
from callveil.transforms.governance.requests.decisions import require_decided
from callveil.transforms.governance.requests.live_plan import (
    is_held,
    live_actions,
    own_actions,
    raw_files_outside,
)
from callveil.transforms.governance.requests.live_records import LIVE, find_live
from callveil.transforms.governance.requests.lookups import StoreLookups
from callveil.transforms.governance.requests.retention_grounds import RetentionGrounds
from callveil.transforms.governance.requests.search import SubjectSearch
from callveil.transforms.governance.requests.search_result import MatchedRecord, SearchResult
from callveil.transforms.governance.requests.unindexed import (
    INBOX,
    LIVE_REJECTED,
    UnindexedHits,
    make_search_target,
    search_unindexed,
)
from callveil.transforms.governance.retention.record import RetentionRecord
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.format1.inbox_registry import Inboxes
from callveil.transforms.storage.format1.live import Live
from callveil.transforms.storage.format1.snapshot import Snapshot
from callveil.transforms.storage.tables.key_index import IndexEntry

WORDS = {
    "live": "interactions in the live zone",
    LIVE_REJECTED: "rejections of the live zone",
    INBOX: "bodies of webhooks",
}
"""What is counted under names that do not say it."""


class PlanChanged(UserError, ValueError):
    """The store holds other rows for the person than the plan that was agreed to."""


@dataclass(frozen=True)
class ErasePlan:
    """A plan.

    Attributes:
        request_id, scope: the request; erasure or restriction.
        match: what was found in this state of the store.
        actions: one per record of the datasets, in order. live: one per interaction of the live
            zone.
        unread: what was found in what was never read into a dataset.
        outside: URLs of raw files outside the store that records which go came from, as far as is
            known; they are left alone.
        entries: the key index' entries of the interactions.
    """

    request_id: str
    scope: str
    match: SearchResult
    actions: tuple[RecordAction, ...]
    live: tuple[RecordAction, ...] = ()
    unread: UnindexedHits = field(default_factory=UnindexedHits)
    outside: tuple[str, ...] = ()
    entries: dict[InteractionKey, IndexEntry] = field(default_factory=dict, repr=False)

    @property
    def sha256(self) -> str:
        """Digest of what will be done. Files are not part of it: others may be rewritten meanwhile
        without harm.
        """
        rows = [
            [*a.record, a.role, a.action, a.digest, a.ground] for a in (*self.actions, *self.live)
        ]
        unread: list[list[object]] = [
            [h.rejected_id, h.block, h.position] for h in self.unread.rejected
        ]
        unread += [
            [name]
            for name in (*(h.name for h in self.unread.live), *(h.url for h in self.unread.bodies))
        ]
        facts = [
            self.request_id,
            self.scope,
            rows,
            unread,
            self.match.tokens,
            sorted(map(list, self.match.others)),
        ]
        return hashlib.sha256(orjson.dumps(facts)).hexdigest()

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing is to be changed."""
        return not any(self.unread.counts().values()) and all(
            a.action == KEEP for a in (*self.actions, *self.live)
        )

    def counts(self) -> dict[str, int]:
        """Return the number of records by class and action."""
        found: Counter[str] = Counter(f"{a.record.record_class}s.{a.action}" for a in self.actions)
        found.update(f"{LIVE}.{a.action}" for a in self.live if is_held(a) or a.action == UNLINK)
        found.update({f"{zone}.{DROP}": n for zone, n in self.unread.counts().items()})
        return dict(sorted((k, n) for k, n in found.items() if n))

    def lines(self) -> list[str]:
        """Return what the plan does, in words."""
        words = {
            DROP: "erased" if self.scope == "erasure" else "set aside, encrypted",
            UNLINK: "stay without what leads to the person",
            KEEP: "stay",
        }
        lines = [f"plan {self.sha256[:16]} of {self.scope} for request {self.request_id}"]
        for name, n in self.counts().items():
            record_class, action = name.split(".")
            lines.append(f"  {n:,} {WORDS.get(record_class, record_class)} {words[action]}")
        grounds = Counter(a.ground for a in (*self.actions, *self.live) if a.ground)
        lines += [f"  {n:,} on the ground: {ground}" for ground, n in sorted(grounds.items())]
        lines += [
            f"  not there to be looked at: the inbox {folder}; say where it lies now with --inbox"
            for folder in self.unread.missing
        ]
        return lines + [
            f"  left alone, as it is not the store's; delete it there: {url}"
            for url in self.outside
        ]


def make_erase_plan(
    store: Store,
    keyring: Keyring,
    snapshot: Snapshot,
    request_id: str,
    before: SearchResult,
    grounds: RetentionGrounds,
    scope: str = ERASURE,
    inboxes: Inboxes | None = None,
    *,
    controller: Controller,
    decisions: Mapping[str, str] | None = None,
    lookups: StoreLookups | None = None,
) -> ErasePlan:
    """Plan on a state of the store.

    Args:
        before: the search whose identifiers were confirmed; records are looked for anew.
        grounds: why records stay.
        inboxes: look through what was never read into a dataset too, and through these; None: leave
            all of that out.
        controller: whose records are touched. decisions: what was said of records, by digest.
        lookups: what was looked up in that state before.

    Raises `RegisterError` where nobody has said yet whose a record is.
    """
    lookups = lookups or StoreLookups(store, snapshot)
    match = SubjectSearch(store, keyring, snapshot, controller, decisions, lookups).run(
        before.confirmed, before.rejected, before.proposed, propose=False
    )
    require_decided(store, request_id, match)
    entries = lookups.index(
        _key(m.record) for m in match.records if m.record.record_class == "interaction"
    )
    actions = sorted(
        [
            *_interactions(lookups, match.records, entries, grounds),
            *_versions(lookups, match.records, grounds),
        ]
    )
    zone = Live(store.files, store.root)
    stored = {_key(a.record): a for a in actions if a.record.record_class == "interaction"}
    arrived = find_live(store.files, store.root, match.tokens)
    others = {k for k in arrived if k in match.others or not controller.holds(k.account_id)}
    live = list(
        live_actions(
            zone, {k: rows for k, rows in arrived.items() if k not in others}, stored, grounds
        )
    )
    if scope == RESTRICTION:
        actions, live = (
            [restrict_action(a) for a in actions],
            [restrict_action(a) for a in live if is_held(a)],
        )
    unread = UnindexedHits()
    if inboxes is not None and scope == ERASURE:
        stay = {_key(a.record) for a in (*actions, *live) if a.action == KEEP} | match.others
        unread = search_unindexed(
            store, keyring, snapshot, make_search_target(match, controller), inboxes, stay
        )
        live += own_actions(zone, unread.own - {_key(a.record) for a in live}, grounds)
        live.sort()
    return ErasePlan(
        request_id,
        scope,
        match,
        tuple(actions),
        tuple(live),
        unread,
        tuple(raw_files_outside(zone, live)),
        entries,
    )


def _key(record: RecordRef) -> InteractionKey:
    return InteractionKey(record.account_id, record.record_id)


def _interactions(
    lookups: StoreLookups,
    records: Iterable[MatchedRecord],
    entries: dict[InteractionKey, IndexEntry],
    grounds: RetentionGrounds,
) -> Iterable[RecordAction]:
    files = lookups.origins()
    for m in records:
        if m.record.record_class != "interaction":
            continue
        entry = entries[_key(m.record)]
        record = RetentionRecord(
            "interactions",
            *_key(m.record),
            entry.called_us,
            entry.account_type,
            redacted=entry.mode == "full",
        )
        action, ground = decide_action(m.role, grounds.of(record))
        yield RecordAction(
            m.record,
            m.role,
            action,
            files[entry.origin].path,
            m.day,
            entry.account_type,
            entry.digest,
            ground,
        )


def _versions(
    lookups: StoreLookups, records: Iterable[MatchedRecord], grounds: RetentionGrounds
) -> Iterable[RecordAction]:
    own = {m.record: m for m in records if m.record.record_class == "version"}
    stored = lookups.versions({ref: m.day for ref, m in own.items()})
    for ref, (file, row) in stored.items():
        kind, m = file.partition["account_type"], own[ref]
        record = RetentionRecord(
            "versions",
            ref.account_id,
            ref.record_id,
            to_micros(row["created_at"]),
            kind,
            ref.item_type,
            ref.item_id,
        )
        action, ground = decide_action(m.role, grounds.of(record))
        yield RecordAction(ref, m.role, action, file.path, m.day, kind, row["digest"], ground)


def summarize_plan(plan: ErasePlan) -> JsonObject:
    """JSON form of a plan's head."""
    return {
        "request_id": plan.request_id,
        "scope": plan.scope,
        "plan_sha256": plan.sha256,
        "counts": plan.counts(),
        "empty": plan.is_empty,
        "outside": list(plan.outside),
        "not_there": list(plan.unread.missing),
    }
