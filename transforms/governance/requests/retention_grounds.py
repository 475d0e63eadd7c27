"""Grounds for keeping a record despite an erasure request.

They are legal holds, duties to keep, and grounds that are given by record class.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from callveil.schemas.pointer import from_micros
from callveil.schemas.retention import DAY_US
from callveil.transforms.governance.retention.engine import RetentionEngine
from callveil.transforms.governance.retention.record import RetentionRecord

HOLD, DUTY = "hold", "duty"


class RetentionGround(NamedTuple):
    """Why a record stays.

    Attributes:
        kind: `hold`: nothing of it may be changed; `duty`: it stays, but what leads to the person
            goes.
        text: the ground, for the certificate.
    """

    kind: str
    text: str


@dataclass(frozen=True)
class RetentionGrounds:
    """Known grounds for keeping records.

    Attributes:
        engine: holds and duties; None where nothing is known of them.
        given: ground by record class (interactions, versions, ...), as someone gave it.
    """

    engine: RetentionEngine | None = None
    given: Mapping[str, str] = field(default_factory=dict)

    def of(self, record: RetentionRecord) -> RetentionGround | None:
        """Return the ground on which a record stays, or None. A duty that only keeps what a closed
        account may be reactivated with is none.
        """
        if self.engine is not None:
            hold = self.engine.holds.covering(record)
            if hold:
                return RetentionGround(HOLD, f"legal hold {hold} (Art. 17(3)(e))")
            _, now, status = self.engine.account(
                record, self.engine.timelines.get(record.account_id)
            )
            duties = [
                r
                for r in self.engine.retention.rules
                if r.action == "keep"
                and r.clock == "event"
                and record.at + r.days * DAY_US > self.engine.as_of
                and r.matches(record.record_class, now, status, record.account_id)
            ]
            if duties:
                longest = max(duties, key=lambda r: (r.days, r.rule_id))
                until = from_micros(record.at + longest.days * DAY_US).date().isoformat()
                return RetentionGround(
                    DUTY,
                    f"duty to keep until {until}: {longest.basis or longest.rule_id} (Art. "
                    "17(3)(b))",
                )
        text = self.given.get(record.record_class, "")
        return RetentionGround(DUTY, text) if text else None
