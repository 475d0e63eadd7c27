"""Accounts: effective-dated type and status."""

from __future__ import annotations

import datetime as dt
import hashlib
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from callveil.schemas.fields import Boolean, Field, ListOf, Text, Timestamp

ACCOUNT_TYPES = ("individual", "agency", "unknown")
"""`agency` means: can create subaccounts. The capability decides, not the plan's name. `unknown`:
no account record covers the time.
"""

STATUSES = ("active", "paused", "cancelled")

FIELDS: tuple[Field, ...] = (
    Field("account_id", Text(), "account", personal=False),
    Field("agency_id", Text(), "agency it belongs to", personal=False),
    Field("type", Text(), "individual, or agency where it can create subaccounts", personal=False),
    Field("status", Text(), "active, paused or cancelled", personal=False),
    Field("effective_at", Timestamp(), "from when this version holds, UTC", personal=False),
    Field("name", Text(), "the business' own name"),
    Field("numbers", ListOf(Text()), "the business' own numbers"),
    Field("addresses", ListOf(Text()), "the business' own addresses, parts parted by commas"),
    Field("timezone", Text(), "IANA time zone of the account", personal=False),
    Field(
        "can_create_subaccounts",
        Boolean(),
        "the capability itself; decides the type where given",
        personal=False,
    ),
)


@dataclass(frozen=True, order=True)
class Account:
    """One effective-dated version of an account.

    Attributes:
        account_id, agency_id: ids as text; agency_id is empty for an account of its own.
        type: individual or agency.
        status: active, paused or cancelled.
        effective_at: from when this version holds, UTC; it holds until the next version's.
        name, numbers, addresses: the business' own, which are no personal data of callers.
    """

    account_id: str
    effective_at: dt.datetime
    type: str = "unknown"
    status: str = "active"
    agency_id: str = ""
    name: str = ""
    numbers: tuple[str, ...] = ()
    timezone: str = ""
    addresses: tuple[str, ...] = ()


class AccountBook:
    """Effective-dated lookup of accounts. Immutable after construction.

    Args:
        accounts: versions in any order; of two with the same account and time the last one given
            holds.
    """

    def __init__(self, accounts: Iterable[Account] = ()) -> None:
        versions: dict[str, dict[dt.datetime, Account]] = defaultdict(dict)
        for account in accounts:
            versions[account.account_id][account.effective_at] = account
        self._versions = {
            key: [by_time[t] for t in sorted(by_time)] for key, by_time in versions.items()
        }
        self._times = {key: [a.effective_at for a in rows] for key, rows in self._versions.items()}

    def __len__(self) -> int:
        return len(self._versions)

    def digest(self) -> str:
        """Return the digest of all versions, whatever the order they were given in."""
        rows = [repr(a) for key in sorted(self._versions) for a in self._versions[key]]
        return hashlib.sha256("\n".join(rows).encode()).hexdigest()

    def controllers(self) -> dict[str, str]:
        """Tell who is responsible for each account by its newest version: the agency at the root of
        those it belongs to, else the account itself.
        """
        above = {account: rows[-1].agency_id for account, rows in self._versions.items()}
        out = {}
        for account in sorted(above):
            root, passed = account, {account}
            while (
                agency := above.get(root, "")
            ) and agency not in passed:  # agencies that belong to each other end nowhere else
                passed.add(agency)
                root = agency
            out[account] = root
        return out

    def zones(self) -> dict[str, str]:
        """IANA time zone by account id, by the latest version that names one."""
        named = (
            (key, next((a.timezone for a in reversed(rows) if a.timezone), ""))
            for key, rows in self._versions.items()
        )
        return {key: zone for key, zone in named if zone}

    def at(self, account_id: str, when: dt.datetime) -> Account | None:
        """Return the version that holds at `when` (half-open: a version holds from its own instant
        on), or None.
        """
        times = self._times.get(account_id)
        if not times:
            return None
        place = bisect_right(times, when)
        return self._versions[account_id][place - 1] if place else None

    def type_at(self, account_id: str, when: dt.datetime) -> str:
        """Account type at `when`; `unknown` where no version covers it."""
        account = self.at(account_id, when)
        return account.type if account else "unknown"
