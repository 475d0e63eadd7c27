"""Versions that come after retention has deleted them, or would have: they are not taken in
again.
"""

from __future__ import annotations

from dataclasses import dataclass

from callveil.schemas.pointer import to_micros
from callveil.schemas.version import RawVersion
from callveil.transforms.governance.retention.engine import RetentionEngine
from callveil.transforms.governance.retention.file_stats import FilePruner
from callveil.transforms.governance.retention.last_run import RetainState
from callveil.transforms.governance.retention.record import RetentionRecord


@dataclass(frozen=True)
class LateArrivalFilter:
    """Tells whether a version that arrives would be gone by now, had it been there at the store's
    last retention run.

    Whole days of versions are deleted without being read, so no list of what went can be kept. What
    that run decided by is known instead: where the rules, the account's facts and the holds are the
    same now, all of the account's versions of certain times are gone. Where they differ, or a hold
    covers the version, it is taken in, and the next retention run decides.

    Attributes:
        outlook: of the rules, facts and holds the load was given, over the state that the run left.
    """

    outlook: FilePruner

    @classmethod
    def after(cls, engine: RetentionEngine, state: RetainState | None) -> LateArrivalFilter | None:
        """Return the filter for a store whose last retention run left `state`; None where there was
        none, or it decided by other rules or general holds.
        """
        outlook = FilePruner(engine, state)
        return cls(outlook) if outlook.usable else None

    def expired(self, version: RawVersion, stored_type: str) -> bool:
        """Tell whether a version is not to be taken in.

        Args:
            stored_type: account type it would be stored under.
        """
        key, at = version.key, to_micros(version.created_at)
        spans = self.outlook.gone("versions", "delete", key.account_id, stored_type)
        if not any(a <= at < b for a, b in spans):
            return False
        record = RetentionRecord(
            "versions", key.account_id, key.version_id, at, stored_type, key.item_type, key.item_id
        )
        return self.outlook.engine.decide(record).decision == "delete"
