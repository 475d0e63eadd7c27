"""A person's data in what was never read into a dataset: rejected input, rejections of the live
zone, and bodies of webhooks.

None of it is indexed, so all of it is opened and looked through.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from callveil.schemas.interaction import InteractionKey
from callveil.transforms.governance.requests import dead_letter_search
from callveil.transforms.governance.requests.controller import Controller
from callveil.transforms.governance.requests.dead_letter_search import DeadLetterHit, SearchTarget
from callveil.transforms.governance.requests.inbox_search import (
    BodyHit,
    BodyReader,
    search_inboxes,
)
from callveil.transforms.governance.requests.live_dead_letter_search import (
    LiveRejectionHit,
    search_live_rejections,
)
from callveil.transforms.governance.requests.live_records import LIVE
from callveil.transforms.governance.requests.search import confirmed_values
from callveil.transforms.governance.requests.search_result import SearchResult
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.format1.inbox_registry import Inboxes
from callveil.transforms.storage.format1.live import Live
from callveil.transforms.storage.format1.originals import FILE as ORIGINAL
from callveil.transforms.storage.format1.snapshot import Snapshot

REJECTED, LIVE_REJECTED, INBOX = "rejected", "live/rejected", "inbox"
ZONES = (REJECTED, LIVE_REJECTED, INBOX)


@dataclass(frozen=True)
class UnindexedHits:
    """Hits in zones that no index covers.

    Attributes:
        rejected: in the rejected dataset. live: among the live zone's rejections. bodies: in
            inboxes.
        missing: inboxes that are not there to be looked at.
    """

    rejected: tuple[DeadLetterHit, ...] = ()
    live: tuple[LiveRejectionHit, ...] = ()
    bodies: tuple[BodyHit, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def own(self) -> frozenset[InteractionKey]:
        """The person's own interactions among it, as far as they can be told."""
        return frozenset(
            {h.key for h in self.live if h.is_own and h.interaction_id}
            | {k for h in self.bodies for k in h.own}
        )

    def counts(self) -> dict[str, int]:
        """Return what was found, by zone."""
        return {
            REJECTED: len(self.rejected),
            LIVE_REJECTED: len(self.live),
            INBOX: len(self.bodies),
        }


def count_unindexed_withheld(
    unread: UnindexedHits, live: Live, own: Iterable[InteractionKey]
) -> Counter[tuple[str, str]]:
    """Return what an access package withholds of it, and of the sealed originals of the person's
    own recordings: number by part and reason.
    """
    sealed = sum(
        live.files.info(live.files.join(live.folder(key), ORIGINAL)) is not None for key in own
    )
    found = Counter(
        {
            ("unreadable", "not_read"): len(unread.rejected) + len(unread.live),
            ("inbox", "raw"): len(unread.bodies),
        }
    )
    return found + Counter({("originals", "raw"): sealed})


def make_search_target(match: SearchResult, controller: Controller) -> SearchTarget:
    """Return what is looked for of a person: not by identifiers that are others' too, since nothing
    says more of what was never read.
    """
    records = [m for m in match.records if m.record.record_class in ("interaction", LIVE)]
    by_role = {
        role: frozenset(
            InteractionKey(m.record.account_id, m.record.record_id)
            for m in records
            if m.role == role
        )
        for role in ("contact", "third_party")
    }
    own = [c for c in match.confirmed if c.name not in match.shared]
    return SearchTarget(
        frozenset(match.own_tokens),
        tuple(confirmed_values(own)),
        by_role["contact"],
        by_role["third_party"],
        frozenset(match.rejected),
        controller,
    )


def explain_skipped_hits(
    store: Store,
    keyring: Keyring,
    snapshot: Snapshot,
    match: SearchResult,
    controller: Controller,
    inboxes: Inboxes,
) -> dict[str, str]:
    """Return what was left alone, by zone: only an identifier of several people leads to it, or it
    carries a rejected contact.
    """
    if not match.shared and not match.rejected:
        return {}
    own = make_search_target(match, controller)
    anyhow = replace(
        own,
        tokens=frozenset(match.tokens),
        known=tuple(confirmed_values(match.confirmed)),
        rejected=frozenset(),
    )
    found = search_unindexed(store, keyring, snapshot, anyhow, inboxes, match.others).counts()
    ours = search_unindexed(store, keyring, snapshot, own, inboxes, match.others).counts()
    why = (
        "were left alone: only an identifier of several people leads to them, or a rejected "
        "contact stands in them"
    )
    return {zone: f"{n - ours[zone]} {why}" for zone, n in found.items() if n > ours[zone]}


def search_unindexed(
    store: Store,
    keyring: Keyring,
    snapshot: Snapshot,
    looking: SearchTarget,
    inboxes: Inboxes,
    stay: Iterable[InteractionKey] = (),
) -> UnindexedHits:
    """Look through all of it.

    Args:
        inboxes: where webhooks lie. stay: interactions that stay as they are.

    Raises `SealedError` where the keyring does not open something.
    """
    kept = frozenset(stay)
    bodies = tuple(
        search_inboxes(store.files, inboxes.folders, keyring, BodyReader(keyring, looking, kept))
    )
    more = replace(looking, keys=looking.keys | {k for h in bodies for k in h.own})
    live = tuple(
        h
        for h in search_live_rejections(Live(store.files, store.root), keyring, more)
        if h.key not in kept
    )
    return UnindexedHits(
        tuple(dead_letter_search.search_dead_letters(store, keyring, snapshot, looking)),
        live,
        bodies,
        inboxes.missing,
    )
