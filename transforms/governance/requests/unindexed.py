"""A person's data in what was never read into a dataset: rejected input, rejections of the live zone, and bodies of webhooks.

None of it is indexed, so all of it is opened and looked through.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from callveil.schemas.interaction import InteractionKey
from callveil.transforms.governance.requests import quarantine_search
from callveil.transforms.governance.requests.controller import Controller
from callveil.transforms.governance.requests.inbox_search import BodyHit, Inboxes, Reader, scan_inboxes
from callveil.transforms.governance.requests.live_quarantine_search import LiveHit, scan_live
from callveil.transforms.governance.requests.live_records import LIVE
from callveil.transforms.governance.requests.quarantine_search import Looking, RejectedHit
from callveil.transforms.governance.requests.search import Match, values_of
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.format1.live import Live
from callveil.transforms.storage.format1.originals import FILE as ORIGINAL
from callveil.transforms.storage.format1.snapshot import Snapshot

REJECTED, LIVE_REJECTED, INBOX = "rejected", "live/rejected", "inbox"
ZONES = (REJECTED, LIVE_REJECTED, INBOX)


@dataclass(frozen=True)
class Unread:
    """What was found.

    Attributes:
        rejected: in the rejected dataset. live: among the live zone's rejections. bodies: in inboxes.
        missing: inboxes that are not there to be looked at.
    """

    rejected: tuple[RejectedHit, ...] = ()
    live: tuple[LiveHit, ...] = ()
    bodies: tuple[BodyHit, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def own(self) -> frozenset[InteractionKey]:
        """The person's own interactions among it, as far as they can be told."""
        return frozenset({h.key for h in self.live if h.is_own and h.interaction_id} | {k for h in self.bodies for k in h.own})

    def counts(self) -> dict[str, int]:
        """What was found, by zone."""
        return {REJECTED: len(self.rejected), LIVE_REJECTED: len(self.live), INBOX: len(self.bodies)}


def withheld_unread(unread: Unread, live: Live, own: Iterable[InteractionKey]) -> Counter[tuple[str, str]]:
    """What an access package withholds of it, and of the sealed originals of the person's own recordings: number by part and reason."""
    sealed = sum(live.files.info(live.files.join(live.folder(key), ORIGINAL)) is not None for key in own)
    found = Counter({("unreadable", "not_read"): len(unread.rejected) + len(unread.live), ("inbox", "raw"): len(unread.bodies)})
    return found + Counter({("originals", "raw"): sealed})


def looking_for(match: Match, controller: Controller) -> Looking:
    """What is looked for of a person: not by identifiers that are others' too, since nothing says more of what was never read."""
    records = [m for m in match.records if m.record.record_class in ("interaction", LIVE)]
    by_role = {role: frozenset(InteractionKey(m.record.account_id, m.record.record_id) for m in records if m.role == role) for role in
               ("contact", "third_party")}  # fmt: skip
    own = [c for c in match.confirmed if c.name not in match.shared]
    return Looking(
        frozenset(match.own_tokens), tuple(values_of(own)), by_role["contact"], by_role["third_party"], frozenset(match.rejected), controller
    )


def doubtful(store: Store, keyring: Keyring, snapshot: Snapshot, match: Match, controller: Controller, inboxes: Inboxes) -> dict[str, str]:
    """What was left alone, by zone: only an identifier of several people leads to it, or it carries a rejected contact."""
    if not match.shared and not match.rejected:
        return {}
    own = looking_for(match, controller)
    anyhow = replace(own, tokens=frozenset(match.tokens), known=tuple(values_of(match.confirmed)), rejected=frozenset())
    found = look_through(store, keyring, snapshot, anyhow, inboxes, match.others).counts()
    ours = look_through(store, keyring, snapshot, own, inboxes, match.others).counts()
    why = "were left alone: only an identifier of several people leads to them, or a rejected contact stands in them"
    return {zone: f"{n - ours[zone]} {why}" for zone, n in found.items() if n > ours[zone]}


def look_through(
    store: Store, keyring: Keyring, snapshot: Snapshot, looking: Looking, inboxes: Inboxes, stay: Iterable[InteractionKey] = ()
) -> Unread:
    """Look through all of it.

    Args:
        inboxes: where webhooks lie. stay: interactions that stay as they are.

    Raises `SealedError` where the keyring does not open something.
    """
    kept = frozenset(stay)
    bodies = tuple(scan_inboxes(store.files, inboxes.folders, keyring, Reader(keyring, looking, kept)))
    more = replace(looking, keys=looking.keys | {k for h in bodies for k in h.own})
    live = tuple(h for h in scan_live(Live(store.files, store.root), keyring, more) if h.key not in kept)
    return Unread(tuple(quarantine_search.scan(store, keyring, snapshot, looking)), live, bodies, inboxes.missing)
