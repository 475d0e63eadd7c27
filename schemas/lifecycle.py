"""Lifecycle events of accounts: bitemporal facts about plan, status, agency and numbers."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from callveil.schemas.account import Account
from callveil.schemas.fields import EPOCH, Boolean, Field, ListOf, Text, Timestamp

KINDS = (
    "opened",
    "plan_changed",
    "paused",
    "resumed",
    "cancelled",
    "reactivated",
    "moved",
    "stated",
)
"""`stated` is an account record: everything about the account from then on. `cancelled` on an
account with subaccounts cancels them too.
"""

PAUSES = ("calls", "tracking_code")
"""What a pause stops: incoming calls, or the tracking code. The third way to pause is to cancel.
Neither shortens retention.
"""

FIELDS: tuple[Field, ...] = (
    Field(
        "event_id",
        Text(),
        "id of the event; a later record of the same id corrects the earlier one",
        personal=False,
    ),
    Field("account_id", Text(), "account", personal=False),
    Field("kind", Text(), ", ".join(KINDS), personal=False),
    Field("effective_at", Timestamp(), "from when it holds, UTC", personal=False),
    Field(
        "recorded_at",
        Timestamp(),
        "when it became known, UTC; the time it holds from where not told",
        personal=False,
    ),
    Field(
        "can_create_subaccounts",
        Boolean(),
        "the capability, for opened and plan_changed",
        personal=False,
    ),
    Field("agency_id", Text(), "agency, for opened and moved; empty: none", personal=False),
    Field("pause", Text(), "what a pause stops: calls or tracking_code", personal=False),
    Field("numbers", ListOf(Text()), "the account's tracking numbers, for opened"),
    Field("retracted", Boolean(), "the event of this id did not happen", personal=False),
)


@dataclass(frozen=True, order=True)
class AccountEvent:
    """One fact about an account.

    Attributes:
        effective_at: from when it holds, UTC.
        recorded_at: when it became known, UTC; a decision uses only what was known at its `as_of`.
        event_id: of several records with one id the one recorded last holds.
        account_id: account.
        kind: one of `KINDS`.
        type: individual or agency, for opened, plan_changed and stated; empty: unchanged.
        agency_id: for opened, moved and stated; None: unchanged.
        status: for stated.
        pause: one of `PAUSES`, for paused.
        numbers: tracking numbers, for opened and stated.
        retracted: the event of this id did not happen.
    """

    effective_at: dt.datetime
    recorded_at: dt.datetime
    event_id: str
    account_id: str
    kind: str
    type: str = ""
    agency_id: str | None = None
    status: str = ""
    pause: str = ""
    numbers: tuple[str, ...] = ()
    retracted: bool = False

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown kind of account event; expected one of {', '.join(KINDS)}")


def event_from_account(account: Account) -> AccountEvent:
    """Return an account record as a fact. Records do not say when they became known, so they count
    as known from always on.
    """
    return AccountEvent(
        account.effective_at,
        EPOCH,
        f"record:{account.account_id}:{account.effective_at.isoformat()}",
        account.account_id,
        "stated",
        type=account.type,
        agency_id=account.agency_id,
        status=account.status,
        numbers=account.numbers,
    )
