"""Legal holds: what may not be destroyed, who said so, and until when."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from callveil.schemas.fields import Field, ListOf, Text, Timestamp

FIELDS: tuple[Field, ...] = (
    Field("hold_id", Text(), "id of the hold", personal=False),
    Field("account_id", Text(), "account whose records are held", personal=False),
    Field("subject_ref", Text(), "keyed digest of the person the hold is about", personal=False),
    Field(
        "items",
        ListOf(Text()),
        "ids of the records or of the changed objects that are held",
        personal=False,
    ),
    Field("period_from", Timestamp(), "records from this time on, UTC", personal=False),
    Field("period_to", Timestamp(), "records before this time, UTC", personal=False),
    Field("classes", ListOf(Text()), "record classes; none: all", personal=False),
    Field("placed_at", Timestamp(), "when it was placed, UTC", personal=False),
    Field("placed_by", Text(), "who placed it"),
    Field("reason", Text(), "why"),
    Field("lifted_at", Timestamp(), "when it was lifted, UTC", personal=False),
    Field("lifted_by", Text(), "who lifted it"),
)


@dataclass(frozen=True, order=True)
class Hold:
    """One legal hold. It covers the records for which every condition that is given holds.

    Attributes:
        hold_id: id of the hold.
        account_id: account; empty: any.
        subject_ref: keyed digest of a person; with `items` those are the person's records, without
            them every record of the account is held, since stored records do not say whom they are
            about.
        items: ids of records, or of the objects that versions are about.
        period_from, period_to: half-open, of the record's time; None: open.
        classes: record classes; empty: all.
        placed_at, placed_by, reason: when (UTC), by whom, why.
        lifted_at, lifted_by: when and by whom it was lifted; None: it stands.
    """

    hold_id: str
    placed_at: dt.datetime
    placed_by: str
    reason: str = ""
    account_id: str = ""
    subject_ref: str = ""
    items: frozenset[str] = frozenset()
    period_from: dt.datetime | None = None
    period_to: dt.datetime | None = None
    classes: frozenset[str] = frozenset()
    lifted_at: dt.datetime | None = None
    lifted_by: str = ""

    def __post_init__(self) -> None:
        if not (self.account_id or self.items or self.period_from or self.period_to):
            raise ValueError(
                "a hold needs an account, items or a period; a hold on a person needs one of them "
                "too"
            )

    def stands(self, as_of: dt.datetime) -> bool:
        """Tell whether it protects at `as_of`: until it is lifted. A hold counts as soon as it is
        known, even where `placed_at` is later, since what a hold comes too late for cannot be
        brought back.
        """
        return self.lifted_at is None or as_of < self.lifted_at
