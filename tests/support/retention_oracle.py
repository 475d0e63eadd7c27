"""A naive reading of the retention rules, to judge the engine by: everything is replayed from the
first event for every question, with `datetime`s, booleans and plain dicts. Slow on purpose; shares
nothing with the engine but the records' and rules' types.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from callveil.schemas.hold import Hold
from callveil.schemas.lifecycle import AccountEvent
from callveil.schemas.retention import RetentionRule, RetentionSettings

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
ROW_CLASSES = {"interactions", "recordings", "transcripts"}
FILE_CLASSES = {"rejected", "raw"}


@dataclass
class World:
    """All that is known. `events` and `holds` in the order in which they came; both only grow.

    Attributes:
        found, replayed: answers of `facts` and `replay`, by how many events there were and the
            times asked for, since each question asks for them many times.
    """

    retention: RetentionSettings
    events: list[AccountEvent] = field(default_factory=list)
    holds: list[Hold] = field(default_factory=list)
    found: dict[tuple[int, dt.datetime], list[AccountEvent]] = field(
        default_factory=dict, repr=False
    )
    replayed: dict[tuple[Any, ...], dict[str, dict[str, Any]]] = field(
        default_factory=dict, repr=False
    )


def facts(world: World, as_of: dt.datetime) -> list[AccountEvent]:
    """Facts that were recorded by `as_of`, corrections applied."""
    asked = (len(world.events), as_of)
    if asked not in world.found:
        world.found[asked] = _facts(world, as_of)
    return world.found[asked]


def _facts(world: World, as_of: dt.datetime) -> list[AccountEvent]:
    out: list[AccountEvent] = []
    for event_id in {e.event_id for e in world.events}:
        same = sorted(
            (e for e in world.events if e.event_id == event_id and e.recorded_at <= as_of),
            key=lambda e: (e.recorded_at, repr(e)),
        )
        if same and not same[-1].retracted:
            out.append(same[-1])
    return sorted(
        (e for e in out if e.effective_at <= as_of),
        key=lambda e: (e.effective_at, e.recorded_at, e.event_id),
    )


def replay(
    world: World, as_of: dt.datetime, until: dt.datetime, inclusive: bool = True
) -> dict[str, dict[str, Any]]:
    """Every account as it stands at `until`, by what was known at `as_of`."""
    asked = (len(world.events), as_of, until, inclusive)
    if asked not in world.replayed:
        world.replayed[asked] = _replay(world, as_of, until, inclusive)
    return world.replayed[asked]


def _replay(
    world: World, as_of: dt.datetime, until: dt.datetime, inclusive: bool
) -> dict[str, dict[str, Any]]:
    accounts: dict[str, dict[str, Any]] = {}
    window = dt.timedelta(days=world.retention.cancel_window_days)
    for e in facts(world, as_of):
        if e.effective_at > until or (e.effective_at == until and not inclusive):
            break
        new = {
            "type": "unknown",
            "agency": "",
            "status": "active",
            "closed": [],
            "windows": [],
            "cancelled": None,
            "cause": "",
        }
        me = accounts.setdefault(e.account_id, new)
        if e.kind in ("opened", "plan_changed", "stated") and e.type in ("individual", "agency"):
            me["type"] = e.type
        if e.kind in ("opened", "moved", "stated") and e.agency_id is not None:
            me["agency"] = e.agency_id
        cancels = e.kind == "cancelled" or (e.kind == "stated" and e.status == "cancelled")
        revives = e.kind == "reactivated" or (
            e.kind == "stated" and e.status in ("active", "paused")
        )
        if cancels:
            for name, other in accounts.items():
                is_me = name == e.account_id
                if (is_me or other["agency"] == e.account_id) and other["status"] != "cancelled":
                    other |= {
                        "status": "cancelled",
                        "cancelled": e.effective_at,
                        "cause": "" if is_me else e.account_id,
                    }
        if revives and me["status"] == "cancelled":
            back = [me]
            if e.effective_at < me["cancelled"] + window:
                back += [
                    o
                    for o in accounts.values()
                    if o["agency"] == e.account_id
                    and o["status"] == "cancelled"
                    and o["cause"] == e.account_id
                ]
            for other in back:
                if e.effective_at >= other["cancelled"] + window:
                    other["closed"] = [*other["closed"], (other["cancelled"], e.effective_at)]
                else:
                    other["windows"] = [*other["windows"], (other["cancelled"], e.effective_at)]
                other |= {"status": "active", "cancelled": None}
        if me["status"] != "cancelled":
            if e.kind == "paused" or (e.kind == "stated" and e.status == "paused"):
                me["status"] = "paused"
            elif e.kind == "resumed" or (e.kind == "stated" and e.status == "active"):
                me["status"] = "active"
    return accounts


def type_in(world: World, accounts: dict[str, dict[str, Any]], account_id: str, stored: str) -> str:
    """An account's type, as stored where nothing is known."""
    me = accounts.get(account_id)
    if me is None:
        return stored
    if (
        world.retention.subaccounts_inherit
        and me["agency"]
        and accounts.get(me["agency"], {}).get("type") == "agency"
    ):
        return "agency"
    return stored if me["type"] == "unknown" else str(me["type"])


def decide(world: World, record: Any, as_of: dt.datetime) -> str:
    """keep, delete, redact, hold or quarantine."""
    made = EPOCH + dt.timedelta(microseconds=record.at)
    if made > as_of + dt.timedelta(hours=world.retention.skew_hours):
        return "quarantine"
    for action in ("delete", "redact"):
        if action == "redact" and (record.record_class != "interactions" or record.redacted):
            continue
        if must_go(world, record, made, as_of, action):
            return (
                "hold"
                if any(
                    covers(h, record, made)
                    for h in world.holds
                    if h.lifted_at is None or as_of < h.lifted_at
                )
                else action
            )
    then = type_in(world, replay(world, as_of, made), record.account_id, record.stored_type)
    now = type_in(world, replay(world, as_of, as_of), record.account_id, record.stored_type)
    if then == now == "unknown" and any(
        r.action == "delete" and record.record_class in r.classes for r in world.retention.rules
    ):
        has_rule = [
            r
            for r in world.retention.rules
            if r.action in ("delete", "redact") and speaks(world, r, record, made, as_of)
        ]
        return "keep" if has_rule else "quarantine"
    return "keep"


def speaks(
    world: World, rule: RetentionRule, record: Any, made: dt.datetime, as_of: dt.datetime
) -> bool:
    """Tell whether a rule has anything to say about the record, sooner or later."""
    account = replay(world, as_of, as_of).get(record.account_id)
    if rule.action == "redact" and (record.record_class != "interactions" or record.redacted):
        return False
    if rule.clock == "cancelled" and governing(account, made) is None:
        return False
    return rule.matches(
        record.record_class,
        "unknown",
        account["status"] if account else "active",
        record.account_id,
    )


def governing(account: dict[str, Any] | None, made: dt.datetime) -> dt.datetime | None:
    """The cancellation that governs a record: the first whose life it belongs to."""
    if account is None:
        return None
    for at, until in account["closed"]:
        if made < until:
            return at
    return account["cancelled"]


def must_go(world: World, record: Any, made: dt.datetime, as_of: dt.datetime, action: str) -> bool:
    """Tell whether a rule says it must go and no duty says it must stay."""
    account = replay(world, as_of, as_of).get(record.account_id)
    status = account["status"] if account else "active"
    closed = governing(account, made)
    went = by_event(world, record, made, as_of, as_of, action, status)
    types = types_held(world, record, made, as_of, as_of)
    if closed is not None:
        went = went or any(
            closed + dt.timedelta(days=r.days) <= as_of
            for r in world.retention.rules
            if r.action == action
            and r.clock == "cancelled"
            and r.matches(record.record_class, types[-1], status, record.account_id)
        )
    if not went:
        return False
    for rule in world.retention.rules:
        if rule.action != "keep" or not rule_touches(rule, record, types, status):
            continue
        if rule.clock == "event" and as_of < made + dt.timedelta(days=rule.days):
            return False
        in_window = (
            rule.clock == "cancelled"
            and closed is not None
            and as_of < closed + dt.timedelta(days=rule.days)
        )
        if (
            in_window
            and closed is not None
            and not was_due(world, record, made, as_of, closed, action)
        ):
            return False
    return not kept_by_window(world, record, made, as_of, as_of, closed, action)


def kept_by_window(
    world: World,
    record: Any,
    made: dt.datetime,
    known: dt.datetime,
    at: dt.datetime,
    before: dt.datetime | None,
    action: str,
) -> bool:
    """Tell whether a window that a reactivation ended early keeps it at `at`; of windows that began
    before `before`.
    """
    account = replay(world, known, known).get(record.account_id)
    if account is None or world.retention.on_reactivation == "at_once":
        return False
    for start, back in account["windows"]:
        if made >= back or (before is not None and start >= before):
            continue
        types = types_held(world, record, made, known, at, before=at != known)
        for rule in world.retention.rules:
            keeps = (
                rule.action == "keep"
                and rule.clock == "cancelled"
                and rule_touches(rule, record, types, "cancelled")
            )
            if (
                keeps
                and at < start + dt.timedelta(days=rule.days)
                and not was_due(world, record, made, known, start, action)
            ):
                return True
    return False


def was_due(
    world: World,
    record: Any,
    made: dt.datetime,
    known: dt.datetime,
    closed: dt.datetime,
    action: str,
) -> bool:
    """Tell whether it had to go by the moment of cancellation, as the account stood just before."""
    account = replay(world, known, closed, inclusive=False).get(record.account_id)
    status = account["status"] if account else "active"
    if not by_event(world, record, made, known, closed, action, status, before=True):
        return False
    if kept_by_window(world, record, made, known, closed, closed, action):
        return False
    types = types_held(world, record, made, known, closed, before=True)
    return not any(
        r.action == "keep"
        and r.clock == "event"
        and rule_touches(r, record, types, status)
        and closed < made + dt.timedelta(days=r.days)
        for r in world.retention.rules
    )


def rule_touches(rule: RetentionRule, record: Any, types: Sequence[str], status: str) -> bool:
    """Tell whether a duty is about the record: about its class or one that would go with it, and
    any type its account had.
    """
    group = {"interactions": ROW_CLASSES, "rejected": FILE_CLASSES}.get(
        record.record_class, {record.record_class}
    )
    return any(rule.matches(c, t, status, record.account_id) for c in group for t in types)


def types_held(
    world: World,
    record: Any,
    made: dt.datetime,
    known: dt.datetime,
    until: dt.datetime,
    before: bool = False,
) -> list[str]:
    """Types the account had at the time of the record and after each event since, in order."""
    accounts = replay(world, known, min(made, until), inclusive=not (before and made >= until))
    out = [type_in(world, accounts, record.account_id, record.stored_type)]
    for event in facts(world, known):
        if made < event.effective_at and (
            event.effective_at < until or (event.effective_at == until and not before)
        ):
            out.append(
                type_in(
                    world,
                    replay(world, known, event.effective_at),
                    record.account_id,
                    record.stored_type,
                )
            )
    return out


def by_event(
    world: World,
    record: Any,
    made: dt.datetime,
    known: dt.datetime,
    at: dt.datetime,
    action: str,
    status: str,
    before: bool = False,
) -> bool:
    """Tell whether the rules that count from the record's time say it must go at `at`."""
    retention = world.retention

    def due(kind: str) -> bool:
        return any(
            made + dt.timedelta(days=r.days) <= at
            for r in retention.rules
            if r.action == action
            and r.clock == "event"
            and r.matches(record.record_class, kind, status, record.account_id)
        )

    types = types_held(world, record, made, known, at, before)
    if retention.on_downgrade == "at_event":
        return due(types[0])
    if retention.on_downgrade == "current":
        return due(types[-1])
    times = [
        e.effective_at
        for e in facts(world, known)
        if made < e.effective_at and (e.effective_at < at or (e.effective_at == at and not before))
    ]
    downs = [
        when
        for when, was, becomes in zip(times, types, types[1:], strict=False)
        if was == "agency" and becomes == "individual"
    ]
    if not downs:
        return due(types[-1])
    every = all(due(t) for t in types if t != "unknown")
    grace = retention.downgrade_grace_days
    if grace is None or at < downs[-1] + dt.timedelta(days=grace):
        return every
    return every or due(types[-1])


def covers(hold: Hold, record: Any, made: dt.datetime) -> bool:
    """Tell whether a hold covers a record, or something that could not stay without it."""
    wanted = {record.record_class}
    wanted |= next((g for g in (ROW_CLASSES, FILE_CLASSES) if record.record_class in g), set())
    return (
        (not hold.account_id or hold.account_id == record.account_id)
        and (not hold.items or bool(hold.items & {record.record_id, record.item_id}))
        and (hold.period_from is None or hold.period_from <= made)
        and (hold.period_to is None or made < hold.period_to)
        and (not hold.classes or bool(hold.classes & wanted))
    )
