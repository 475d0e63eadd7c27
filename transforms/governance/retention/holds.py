"""Legal holds, arranged for looking up: which of them covers a record, and which accounts and days
need a look at all.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING

from callveil.schemas.hold import Hold
from callveil.schemas.pointer import to_micros

if TYPE_CHECKING:
    from callveil.transforms.governance.retention.record import RetentionRecord

_SAME = (frozenset({"interactions", "recordings", "transcripts"}), frozenset({"rejected", "raw"}))
"""Classes that share a row or a file: none of them can go without harm to the others, so a hold on
one holds all.
"""


def held_classes(hold: Hold) -> frozenset[str]:
    """Record classes a hold protects; empty: all."""
    out = set(hold.classes)
    for group in _SAME:
        if out & group:
            out |= group
    return frozenset(out)


class HoldIndex:
    """Holds that stand.

    Args:
        holds: those that stand, any order.
    """

    def __init__(self, holds: Iterable[Hold]) -> None:
        self.all = sorted(holds, key=lambda h: h.hold_id)
        self._classes = {h.hold_id: held_classes(h) for h in self.all}
        self._by_account: dict[str, list[Hold]] = defaultdict(list)
        for hold in self.all:
            self._by_account[hold.account_id].append(hold)

    def covering(self, record: RetentionRecord) -> str:
        """Return the id of the first hold (by id) that covers a record, or an empty text."""
        found = [
            h.hold_id
            for key in {record.account_id, ""}
            for h in self._by_account.get(key, ())
            if self._covers(h, record)
        ]
        return min(found, default="")

    def _covers(self, hold: Hold, record: RetentionRecord) -> bool:
        classes = self._classes[hold.hold_id]
        if classes and record.record_class not in classes:
            return False
        if hold.items and record.record_id not in hold.items and record.item_id not in hold.items:
            return False
        after = hold.period_from is None or to_micros(hold.period_from) <= record.at
        return after and (hold.period_to is None or record.at < to_micros(hold.period_to))

    def on(self, account_id: str) -> list[Hold]:
        """Return holds that name an account."""
        return self._by_account.get(account_id, []) if account_id else []

    @property
    def anyone(self) -> list[Hold]:
        """Holds that name no account, so that any record may be covered."""
        return self._by_account.get("", [])

    def touches(self, lo: int, hi: int) -> bool:
        """Tell whether a hold that names no account may cover a record of time `lo` to `hi`
        (exclusive).
        """
        return any(
            (h.period_to is None or to_micros(h.period_to) > lo)
            and (h.period_from is None or to_micros(h.period_from) < hi)
            for h in self.anyone
        )

    def digest(self, account_id: str) -> str:
        """Return the digest of the holds that name an account; an empty text names those that name
        none.
        """
        return hashlib.sha256(
            repr([sorted_repr(h) for h in self._by_account.get(account_id, ())]).encode()
        ).hexdigest()[:16]


def sorted_repr(hold: Hold) -> str:
    """Return a text that equal holds share: sets have no order of their own."""
    return repr(
        [
            (n, sorted(v) if isinstance(v, frozenset) else v)
            for n, v in ((n, getattr(hold, n)) for n in hold.__dataclass_fields__)
        ]
    )
