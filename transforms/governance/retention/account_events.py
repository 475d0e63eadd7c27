"""Account events and legal holds from files that people and systems write: JSON lines, JSON, CSV,
YAML or Parquet.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from callveil.schemas.account import ACCOUNT_TYPES, Account
from callveil.schemas.fields import Boolean, FieldError
from callveil.schemas.hold import Hold
from callveil.schemas.json_types import Row
from callveil.schemas.lifecycle import KINDS, PAUSES, AccountEvent, event_from_account
from callveil.schemas.problem import Problem
from callveil.schemas.retention import CLASSES
from callveil.transforms.governance.retention.holds import sorted_repr
from callveil.transforms.governance.retention.timeline import known_events
from callveil.transforms.ingest.dates import parse_time
from callveil.transforms.ingest.normalise import parse_id
from callveil.transforms.ingest.rows import TableError, TableRow, read_table

if TYPE_CHECKING:
    from callveil.transforms.storage.files.filesystem import Files

_Made = TypeVar("_Made")
_BOOLEAN = Boolean()
_KIND_NAMES = {
    **{k: k for k in KINDS if k != "stated"},
    "canceled": "cancelled",
    "agency_cancelled": "cancelled",
    "upgraded": "plan_changed",
    "downgraded": "plan_changed",
    "created": "opened",
    "reopened": "reactivated",
    "unpaused": "resumed",
    "calls_stopped": "paused",
    "tracking_paused": "paused",
}


class EventsError(TableError):
    """Faults of the account events, all at once."""

    what = "account events"


class HoldsError(TableError):
    """Faults of the legal holds, all at once."""

    what = "legal holds"


def read_events(files: Files, patterns: Sequence[str]) -> list[AccountEvent]:
    """Read lifecycle events.

    Members: `account_id`, `kind` (opened, plan_changed, paused, resumed, cancelled, reactivated,
        moved), `effective_at`; `recorded_at` (default:
    when it takes effect); `event_id` (default: a digest of the rest); for opened and plan_changed
    `can_create_subaccounts` or `type`; for opened and moved `agency_id`; for paused `pause` (calls,
    tracking_code); `numbers`; `retracted`.

    Raises: `EventsError` for faulty rows, `InputError` where a pattern names nothing.
    """
    return _read(files, patterns, "events", _event, EventsError)


def read_holds(files: Files, patterns: Sequence[str]) -> list[Hold]:
    """Read legal holds, lifted ones too.

    Members: `hold_id`, `placed_at`, `placed_by`; at least one of `account_id`, `items`,
        `period_from`, `period_to`; `subject_ref`, `classes`,
    `reason`; `lifted_at` with `lifted_by`.

    Raises: `HoldsError` for faulty rows and for an id that occurs twice, `InputError` where a
        pattern names nothing.
    """
    holds = _read(files, patterns, "holds", _hold, HoldsError)
    twice = (
        sorted({h.hold_id for h in holds if sum(o.hold_id == h.hold_id for o in holds) > 1})
        if len({h.hold_id for h in holds}) < len(holds)
        else []
    )
    if twice:
        raise HoldsError(
            [
                Problem(
                    patterns[0],
                    None,
                    "hold_id",
                    f"{name} stands twice; a hold that was lifted is one row with lifted_at",
                )
                for name in twice
            ]
        )
    return holds


def all_facts(accounts: Iterable[Account], events: Iterable[AccountEvent]) -> list[AccountEvent]:
    """Account records and events as facts."""
    return [*(event_from_account(a) for a in accounts), *events]


def facts_digest(events: Iterable[AccountEvent], as_of: dt.datetime) -> str:
    """Return the digest of what is known at `as_of`, whatever the order it was given in."""
    return hashlib.sha256(
        "\n".join(repr(e) for e in known_events(events, as_of)).encode()
    ).hexdigest()


def holds_digest(holds: Iterable[Hold]) -> str:
    """Return the digest of holds, whatever their order."""
    return hashlib.sha256("\n".join(sorted(sorted_repr(h) for h in holds)).encode()).hexdigest()


def _read(
    files: Files,
    patterns: Sequence[str],
    name: str,
    make: Callable[[Mapping[str, Any]], _Made],
    error: type[TableError],
) -> list[_Made]:
    problems: list[Problem] = []
    out: list[_Made] = []
    for row in read_table(files, patterns, name):
        if isinstance(row, TableRow):
            try:
                out.append(make(row.values))
            except FieldError as e:
                problems.append(Problem(row.file, row.line, e.path, e.detail))
        else:
            problems.append(row)
    if problems:
        raise error(problems)
    return out


def _event(values: Mapping[str, Any]) -> AccountEvent:
    given = _word(values, "kind")
    kind = _KIND_NAMES.get(given)
    if kind is None:
        raise FieldError(
            "kind", "wrong_type", f"is none of {', '.join(k for k in KINDS if k != 'stated')}"
        )
    effective = _time(values, "effective_at")
    if effective is None:
        raise FieldError(
            "effective_at", "missing_key", "is missing; write when it takes effect, ISO 8601"
        )
    made: Row = {
        "effective_at": effective,
        "recorded_at": _time(values, "recorded_at") or effective,
        "account_id": parse_id(values.get("account_id"), "account_id"),
        "kind": kind,
        "type": _type(values, kind, given),
        "agency_id": _agency(values, kind),
        "pause": _pause(values, given) if kind == "paused" else "",
        "numbers": tuple(_texts(values, "numbers")),
        "retracted": bool(_BOOLEAN.coerce(values.get("retracted", False), "retracted")),
    }
    event_id = (
        str(values.get("event_id") or "")
        or hashlib.sha256(repr(sorted((k, repr(v)) for k, v in made.items())).encode()).hexdigest()[
            :32
        ]
    )
    return AccountEvent(event_id=event_id, **made)


def _type(values: Mapping[str, Any], kind: str, given: str) -> str:
    """Return the account type. The capability decides it; `type` only where that is not told."""
    if (capability := values.get("can_create_subaccounts")) is not None:
        return "agency" if _BOOLEAN.coerce(capability, "can_create_subaccounts") else "individual"
    name = (
        _word(values, "type")
        if values.get("type")
        else {"upgraded": "agency", "downgraded": "individual"}.get(given, "")
    )
    if kind == "plan_changed" and not name:
        raise FieldError(
            "can_create_subaccounts",
            "missing_key",
            "is missing; what a plan is called does not say what it can do",
        )
    if name and name not in ACCOUNT_TYPES:
        raise FieldError("type", "wrong_type", f"is none of {', '.join(ACCOUNT_TYPES)}")
    return name


def _agency(values: Mapping[str, Any], kind: str) -> str | None:
    if kind == "moved" and "agency_id" not in values:
        return ""  # moved out of its agency: null members are not told from absent ones
    given = values.get("agency_id")
    return None if given is None else "" if given == "" else parse_id(given, "agency_id")


def _pause(values: Mapping[str, Any], given: str) -> str:
    pause = {"calls_stopped": "calls", "tracking_paused": "tracking_code"}.get(given) or _word(
        values, "pause"
    )
    if pause not in PAUSES:
        raise FieldError(
            "pause",
            "wrong_type",
            f"is none of {', '.join(PAUSES)}; to pause by cancelling is the kind cancelled",
        )
    return pause


def _hold(values: Mapping[str, Any]) -> Hold:
    placed, by = _time(values, "placed_at"), str(values.get("placed_by") or "")
    if placed is None or not by or not values.get("hold_id"):
        raise FieldError(
            "placed_at",
            "missing_key",
            "hold_id, placed_at and placed_by are all needed: a hold says who placed it, and when",
        )
    lifted, lifted_by = _time(values, "lifted_at"), str(values.get("lifted_by") or "")
    if bool(lifted) != bool(lifted_by):
        raise FieldError(
            "lifted_at",
            "missing_key",
            "lifted_at and lifted_by go together; until both are there the hold stands",
        )
    classes = frozenset(_texts(values, "classes"))
    if not classes <= set(CLASSES):
        raise FieldError(
            "classes", "wrong_type", f"holds a name that is none of {', '.join(CLASSES)}"
        )
    account = (
        parse_id(values["account_id"], "account_id")
        if values.get("account_id") not in (None, "")
        else ""
    )
    start, end = _time(values, "period_from"), _time(values, "period_to")
    if start and end and start >= end:
        raise FieldError("period_to", "out_of_range", "is not after period_from")
    try:
        return Hold(
            str(values["hold_id"]),
            placed,
            by,
            str(values.get("reason") or ""),
            account,
            str(values.get("subject_ref") or ""),
            frozenset(_texts(values, "items")),
            start,
            end,
            classes,
            lifted,
            lifted_by,
        )
    except ValueError as e:
        raise FieldError("account_id", "missing_key", str(e)) from None


def _word(values: Mapping[str, Any], name: str) -> str:
    return str(values.get(name) or "").strip().lower().replace(" ", "_").replace("-", "_")


def _time(values: Mapping[str, Any], name: str) -> dt.datetime | None:
    return parse_time(values[name], None, name) if values.get(name) not in (None, "") else None


def _texts(values: Mapping[str, Any], name: str) -> list[str]:
    given = values.get(name)
    items = (
        given.split(",")
        if isinstance(given, str)
        else given
        if isinstance(given, list)
        else []
        if given is None
        else [given]
    )
    if not all(isinstance(i, str | int) and not isinstance(i, bool) for i in items):
        raise FieldError(
            name, "wrong_type", "must be a list of texts, or one text with commas between"
        )
    return [str(i).strip() for i in items if str(i).strip()]
