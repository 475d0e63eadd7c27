"""Accounts over time: lifecycle events, in any order and from any source, to what held when, as it
was known at one time.

Times are integers, microseconds since 1970 UTC.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import itertools
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from callveil.schemas.lifecycle import AccountEvent
from callveil.schemas.pointer import to_micros


class State(NamedTuple):
    """State of an account from `at` on.

    Attributes:
        at: from when, microseconds.
        type: individual, agency or unknown, the agency's capability counted in where subaccounts
            inherit it.
        status: active, paused or cancelled.
        agency_id: agency it belongs to, or empty.
        pause: what a pause stops, or empty.
    """

    at: int
    type: str
    status: str
    agency_id: str
    pause: str


class Closure(NamedTuple):
    """A cancellation that no reactivation within the window has undone.

    Attributes:
        at: when it was cancelled, microseconds.
        until: when a new life began; None: it has not.
        cause: the agency whose cancellation took it along, or empty.
    """

    at: int
    until: int | None
    cause: str


class Window(NamedTuple):
    """A cancellation that a reactivation within the window has undone: `at` and `back`,
    microseconds.
    """

    at: int
    back: int


class Release(NamedTuple):
    """Tracking numbers that a cancellation released."""

    account_id: str
    at: int
    numbers: tuple[str, ...]


@dataclass(frozen=True)
class Timeline:
    """One account over time. `states` are in order of time and never empty."""

    states: tuple[State, ...]
    closures: tuple[Closure, ...] = ()
    windows: tuple[Window, ...] = ()
    _times: tuple[int, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_times", tuple(s.at for s in self.states))

    def at(self, when: int) -> State | None:
        """Return the state that holds at `when` (half-open), or None before the first."""
        place = bisect_right(self._times, when)
        return self.states[place - 1] if place else None

    @property
    def last(self) -> State:
        """The state that holds at the end."""
        return self.states[-1]

    def closure(self, when: int) -> Closure | None:
        """Return the cancellation that governs a record of time `when`: the first whose life it
        belongs to.
        """
        return next((c for c in self.closures if c.until is None or when < c.until), None)

    @property
    def breaks(self) -> list[int]:
        """Times at which anything about it changes, sorted."""
        ends = [c.until for c in self.closures if c.until is not None]
        return sorted(
            {*self._times, *(c.at for c in self.closures), *ends, *itertools.chain(*self.windows)}
        )

    def digest(self) -> str:
        """Return the digest of everything in it."""
        return hashlib.sha256(
            repr((self.states, self.closures, self.windows)).encode()
        ).hexdigest()[:16]


@dataclass
class _Account:
    type: str = "unknown"
    status: str = "active"
    pause: str = ""
    agency_id: str = ""
    numbers: tuple[str, ...] = ()
    states: list[State] = field(default_factory=list)
    closures: list[Closure] = field(default_factory=list)
    windows: list[Window] = field(default_factory=list)


def known_events(events: Iterable[AccountEvent], as_of: dt.datetime) -> list[AccountEvent]:
    """Return the facts that hold at `as_of` as far as they were known then, in order: of each id
    the one recorded last, unless it was retracted.
    """
    latest: dict[str, AccountEvent] = {}
    for event in events:
        if event.recorded_at <= as_of:
            held = latest.get(event.event_id)
            if held is None or _recorded(event) > _recorded(held):
                latest[event.event_id] = event
    return sorted(
        (e for e in latest.values() if not e.retracted and e.effective_at <= as_of), key=_order
    )


def _recorded(event: AccountEvent) -> tuple[dt.datetime, str]:
    return event.recorded_at, repr(event)


def _order(event: AccountEvent) -> tuple[dt.datetime, dt.datetime, str]:
    return event.effective_at, event.recorded_at, event.event_id


class Timelines:
    """Timelines of all accounts, and the numbers that cancellations released.

    Args:
        events: facts in any order, duplicates welcome.
        as_of: what was recorded or holds only later is left out.
        window_us: a reactivation less than so many microseconds after a cancellation undoes it.
        inherit: whether a subaccount of an agency counts as an agency's account.
    """

    def __init__(
        self,
        events: Iterable[AccountEvent],
        as_of: dt.datetime,
        window_us: int,
        inherit: bool = False,
    ) -> None:
        self._window, self._inherit = window_us, inherit
        self._accounts: dict[str, _Account] = {}
        self._children: dict[str, set[str]] = defaultdict(set)
        self.releases: list[Release] = []
        for event in known_events(events, as_of):
            self._apply(event)
        self.by_account: Mapping[str, Timeline] = {
            k: Timeline(tuple(a.states), tuple(a.closures), tuple(a.windows))
            for k, a in sorted(self._accounts.items())
        }

    def get(self, account_id: str) -> Timeline | None:
        """Return the timeline of an account, or None where nothing is known about it."""
        return self.by_account.get(account_id)

    def _apply(self, event: AccountEvent) -> None:
        account_id, at = event.account_id, to_micros(event.effective_at)
        account = self._accounts.setdefault(account_id, _Account())
        touched = {account_id}
        if event.kind in ("opened", "plan_changed", "stated") and event.type not in ("", "unknown"):
            account.type = event.type
        if event.kind in ("opened", "moved", "stated") and event.agency_id is not None:
            self._children[account.agency_id].discard(account_id)
            account.agency_id = event.agency_id
            self._children[account.agency_id].add(account_id)
        if event.kind in ("opened", "stated") and account.status != "cancelled":
            account.numbers = event.numbers or account.numbers
        if event.kind == "cancelled" or (event.kind == "stated" and event.status == "cancelled"):
            touched |= self._cancel_all(account_id, at)
        elif event.kind == "reactivated" or (
            event.kind == "stated" and event.status in ("active", "paused")
        ):
            touched |= self._reactivate_all(account_id, at)
        if account.status != "cancelled":
            if event.kind == "paused" or (event.kind == "stated" and event.status == "paused"):
                account.status, account.pause = "paused", event.pause
            elif event.kind == "resumed" or (event.kind == "stated" and event.status == "active"):
                account.status, account.pause = "active", ""
        if self._inherit:
            touched |= {c for t in tuple(touched) if t for c in self._children.get(t, ())}
        for name in touched:
            self._note(name, at)

    def _cancel_all(self, account_id: str, at: int) -> set[str]:
        touched = self._cancel(account_id, at, "")
        for child in sorted(self._children.get(account_id, ())) if account_id else ():
            touched |= self._cancel(child, at, account_id)
        return touched

    def _cancel(self, account_id: str, at: int, cause: str) -> set[str]:
        account = self._accounts[account_id]
        if account.status == "cancelled":
            return set()
        account.status, account.pause = "cancelled", ""
        account.closures.append(Closure(at, None, cause))
        if account.numbers:
            self.releases.append(Release(account_id, at, account.numbers))
            account.numbers = ()
        return {account_id}

    def _reactivate_all(self, account_id: str, at: int) -> set[str]:
        account = self._accounts[account_id]
        if account.status != "cancelled":
            return set()
        in_window = at - account.closures[-1].at < self._window
        touched = self._reactivate(account_id, at)
        for child in sorted(self._children.get(account_id, ())) if in_window else ():
            other = self._accounts[child]
            # Only what this agency's cancellation took along comes back with it, and only while it
            # is the agency's still.
            if other.status == "cancelled" and other.closures[-1].cause == account_id:
                touched |= self._reactivate(child, at)
        return touched

    def _reactivate(self, account_id: str, at: int) -> set[str]:
        account = self._accounts[account_id]
        closure = account.closures.pop()
        if at - closure.at >= self._window:
            account.closures.append(closure._replace(until=at))
        else:
            account.windows.append(Window(closure.at, at))
        account.status = "active"
        return {account_id}

    def _note(self, account_id: str, at: int) -> None:
        account = self._accounts[account_id]
        kind = account.type
        agency = (
            self._accounts.get(account.agency_id) if self._inherit and account.agency_id else None
        )
        if agency is not None and agency.type == "agency":
            kind = "agency"
        state = State(at, kind, account.status, account.agency_id, account.pause)
        if account.states and account.states[-1].at == at:
            account.states.pop()
        if not account.states or account.states[-1][1:] != state[1:]:
            account.states.append(state)
