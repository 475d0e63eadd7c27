"""Steps of a data-subject request that are entered in the register: opening, verifying, pausing,
extending.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from callveil.schemas.json_types import Row
from callveil.schemas.policy import Policy
from callveil.schemas.subject import CHANNELS, STATED, TYPES, SubjectRequest
from callveil.transforms.governance.requests.approval import same_person
from callveil.transforms.governance.requests.controller import (
    Controller,
    controller_of,
    only_controller,
    select_controller,
)
from callveil.transforms.governance.requests.deadline import response_deadline
from callveil.transforms.governance.requests.publish import write_encrypted_json
from callveil.transforms.governance.requests.register import (
    REQUEST_ID,
    RegisterError,
    RequestRegister,
)
from callveil.transforms.report.scope import EVERYTHING, NotAllowed, Role
from callveil.transforms.storage.checkpoints.store_identity import open_keyed, open_to_change
from callveil.transforms.storage.commit.commit_run import RunChanges
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.format1.snapshot import Snapshot
from callveil.transforms.storage.identity.identifiers import Identifier, subject_ref


@dataclass(frozen=True)
class SubjectOptions:
    """Settings that every step needs.

    Attributes:
        store: root of the store.
        as_of: when the step happens, UTC. now: for leases and the record; decides nothing.
        actor: who enters it.
        keyring: path of the keyring, or None for the default place.
        files: how to reach files.
        policy, accounts, events, holds: what retention knows of duties and legal holds.
        keep: ground on which records of a class stay, by class.
        inboxes: folders of webhooks, beside those that `watch` has read for the store.
        role: what whoever enters it may see.
        login: login name of the process; four eyes are those of two logins. Empty where it is not
            known.
        workers: processes an erasure works with; 1: this one alone; None: what the machine allows
            and the store is worth.
    """

    store: str
    as_of: dt.datetime
    now: dt.datetime
    actor: str = ""
    keyring: str | None = None
    files: Files = field(default_factory=Files)
    policy: Policy | None = None
    accounts: Sequence[str] = ()
    events: Sequence[str] = ()
    holds: Sequence[str] = ()
    keep: Mapping[str, str] = field(default_factory=dict)
    inboxes: Sequence[str] = ()
    role: Role = EVERYTHING
    login: str = ""
    workers: int | None = None

    @property
    def entry(self) -> dt.datetime:
        """When a step is entered, whatever time it is stated for: how a request stands then is
        told.
        """
        return self.now


@dataclass(frozen=True)
class NewRequest:
    """A request as it comes in.

    Attributes:
        type: one of `schemas.subject.TYPES`.
        identifiers: what the person gave.
        request_id: empty: made from the person, the type and the time.
        received_at: UTC. clock_start_at: None: the same.
        regulation, channel, zone, calendar: see `schemas.subject.EVENT_FIELDS`.
        region: of numbers without a country.
        note: free text, sealed.
        account, agency: the controller it is made to; neither: the store's only one.
    """

    type: str
    identifiers: tuple[Identifier, ...]
    received_at: dt.datetime
    request_id: str = ""
    regulation: str = "gdpr"
    channel: str = "other"
    zone: str = "UTC"
    calendar: str = ""
    clock_start_at: dt.datetime | None = None
    region: str = ""
    note: str = ""
    account: str = ""
    agency: str = ""


def register_of(options: SubjectOptions, *, write: bool = True) -> RequestRegister:
    """Return the register of the store. Raises `StoreError`, `KeyringError`."""
    opened = open_to_change if write else open_keyed
    store, keyring = opened(options.files, options.store, options.keyring)
    if write:
        store.recover()
    return RequestRegister(store, keyring, options.login)


def open_request(options: SubjectOptions, new: NewRequest) -> SubjectRequest:
    """Enter a request; its deadline is decided and stored now. The same again does nothing.

    Raises `RegisterError` for one that does not fit, `DeadlineError` for a calendar, zone or
    regulation that is not known.
    """
    register = register_of(options)
    for name, value, known in (("type", new.type, TYPES), ("channel", new.channel, CHANNELS)):
        if value not in known:
            raise RegisterError(f"{name}: expected one of {', '.join(known)}")
    if not new.identifiers:
        raise RegisterError("a request needs something to find the person by: --identifier")
    if new.received_at > options.as_of:
        raise RegisterError("received: is later than the time of entering it (--as-of)")
    controller = _controller(options, register, new.account, new.agency, "open it")
    ref = subject_ref(register.keyring, new.identifiers)
    named = f"{ref}|{new.type}|{new.received_at.isoformat()}" + (
        f"|{controller}" if new.account or new.agency else ""
    )
    request_id = new.request_id or "DSR-" + hashlib.sha256(named.encode()).hexdigest()[:12]
    if not REQUEST_ID.fullmatch(request_id):
        raise RegisterError(
            "request: expected up to 64 letters, digits, dots, dashes and underscores; it is not "
            "redacted, so it may name nobody"
        )
    if register.events(request_id):
        held = register.get(request_id)
        if (held.subject_ref, held.type, held.account, held.agency) == (
            ref,
            new.type,
            controller.account,
            controller.agency,
        ):
            return held
        raise RegisterError(
            f"request {request_id}: is in the register already, for another person, right or "
            "controller; choose another id"
        )
    start = new.clock_start_at or new.received_at
    values = {
        "actor": options.actor,
        "regulation": new.regulation,
        "type": new.type,
        "channel": new.channel,
        "zone": new.zone,
        "calendar": new.calendar,
        "received_at": new.received_at,
        "clock_start_at": start,
        "subject_ref": ref,
        "account": controller.account or None,
        "agency": controller.agency or None,
        "due_at": response_deadline(new.regulation, start, new.zone, new.calendar),
    }
    identity = {
        "identifiers": [[i.kind, i.value] for i in sorted(set(new.identifiers))],
        "region": new.region,
        "note": new.note,
    }

    def more(run_id: str, snapshot: Any) -> RunChanges:
        return RunChanges(
            (
                write_encrypted_json(
                    register.store,
                    register.keyring,
                    run_id,
                    request_id,
                    f"{snapshot.seq:08d}.identity",
                    identity,
                ),
            )
        )

    register.append(request_id, "opened", options.as_of, options.now, values, more)
    return register.get(request_id)


def _controller(
    options: SubjectOptions, register: RequestRegister, account: str, agency: str, way_out: str
) -> Controller:
    """Return the controller somebody names, or the store's only one. Raises `RegisterError`,
    `NotAllowed`.
    """
    if account and agency:
        raise RegisterError("--account, --agency: a request belongs to one of them")
    found = (
        select_controller(register.store, account, agency)
        if account or agency
        else only_controller(register.store, way_out)
    )
    _require_role(options.role, found)
    return found


def _require_role(role: Role, controller: Controller) -> None:
    """Refuse a controller whose accounts a role does not see all. Raises `NotAllowed`."""
    role.narrow(["requests"], controller.accounts, False)
    if role.accounts is not None and not controller.accounts:
        raise NotAllowed(f"role {role.name} does not see requests that are bound to no account")


def bind_request(
    options: SubjectOptions, request_id: str, account: str, agency: str
) -> SubjectRequest:
    """Bind a request that was opened for no controller to one. Once bound it stays."""
    register = register_of(options)
    request = register.get(request_id)
    found = _controller(options, register, account, agency, f"bind request {request_id}")
    if (request.account, request.agency) == (found.account, found.agency):
        return request
    if request.account or request.agency:
        raise RegisterError(
            f"request {request_id}: is bound already, and stays so; open another one for {found}"
        )
    return append_event(
        options,
        register,
        request_id,
        "bound",
        {"account": found.account or None, "agency": found.agency or None},
    )


def approve_search(options: SubjectOptions, request_id: str, by: str) -> SubjectRequest:
    """Record that a second person approves what was found last. Raises `RegisterError` where it is
    one of those who found it.
    """
    register, _ = get_open_request(options, request_id)
    if not by.strip():
        raise RegisterError("--by: the name of who approves it is needed")
    events = register.events(request_id)
    last = max((n for n, e in enumerate(events) if e["event"] == "searched"), default=None)
    if last is None:
        raise RegisterError(
            f"request {request_id}: nobody has searched yet, so there is nothing to approve"
        )
    before = [e for e in events if e["event"] in ("searched", "included", "excluded")]
    if any(same_person(by, e["actor"]) for e in before if e["actor"]):
        raise RegisterError(
            f"request {request_id}: whoever searched or decided may not approve it; another person "
            "has to (--by)"
        )
    if options.login and any(same_person(options.login, e.get("login") or "") for e in before):
        raise RegisterError(
            f"request {request_id}: the login {options.login} has searched or decided, so another "
            "person has to approve it, under their own login"
        )
    return append_event(options, register, request_id, "approved", {"approved_by": by.strip()})


def record_verification(options: SubjectOptions, request_id: str, method: str) -> SubjectRequest:
    """Record that the person's identity was verified, and how."""
    register, _ = get_open_request(options, request_id)
    return append_event(options, register, request_id, "verified", {"method": method})


def pause_clock(options: SubjectOptions, request_id: str, reason: str) -> SubjectRequest:
    """Stop the clock, while the person is asked for what is needed."""
    register, request = get_open_request(options, request_id)
    if options.as_of > options.now + STATED:
        raise RegisterError(
            f"request {request_id}: its clock cannot be stopped at a time that is to come (--as-of)"
        )
    if request.status == "on_hold":
        since = f"{request.pauses[-1].start:%Y-%m-%d %H:%MZ}"
        raise RegisterError(
            f"request {request_id}: its clock was stopped already, on {since}; --resume lets it go "
            "on"
        )
    return append_event(
        options, register, request_id, "paused", {"reason": register.conceal(request_id, reason)}
    )


def resume_clock(options: SubjectOptions, request_id: str) -> SubjectRequest:
    """Let the clock go on; the deadlines move by the days it stood still, and are stored anew."""
    register, request = get_open_request(options, request_id)
    if request.status != "on_hold":
        ended = request.pauses[-1].end if request.pauses else None
        again = f"; it was resumed already, on {ended:%Y-%m-%d %H:%MZ}" if ended else ""
        raise RegisterError(f"request {request_id}: its clock is not stopped{again}")
    *before, last = request.pauses
    if options.as_of < next(e.at for e in reversed(request.entries) if e.event == "paused"):
        raise RegisterError(f"request {request_id}: the clock cannot go on before it was stopped")
    pauses = (*before, last.until(options.as_of, options.now))
    facts = (request.regulation, request.clock_start_at, request.zone, request.calendar, pauses)
    values: Row = {"due_at": response_deadline(*facts)}
    if request.extended_due_at:
        values["extended_due_at"] = response_deadline(*facts, extended=True)
    return append_event(options, register, request_id, "resumed", values)


def extend_deadline(
    options: SubjectOptions, request_id: str, reason: str, notified_at: dt.datetime
) -> SubjectRequest:
    """Extend the time; the person must have been told, with reasons, before the first deadline
    (Art. 12(3)).
    """
    register, request = get_open_request(options, request_id)
    if request.extended_due_at:
        told = (
            f", and the person told on {request.extension_notified_at:%Y-%m-%d}"
            if request.extension_notified_at
            else ""
        )
        raise RegisterError(
            f"request {request_id}: was extended already, to "
            f"{request.extended_due_at:%Y-%m-%d}{told}; the law knows one extension"
        )
    if not reason:
        raise RegisterError(
            f"request {request_id}: an extension needs a reason that the person was told"
        )
    if notified_at > request.due_at:
        raise RegisterError(
            f"request {request_id}: the person must be told of an extension by "
            f"{request.due_at.isoformat()}, within the first deadline"
        )
    if notified_at > options.as_of:
        raise RegisterError(
            f"request {request_id}: the person is said to have been told later than this is "
            "entered (--as-of)"
        )
    if options.now > request.due_at:
        raise RegisterError(
            f"request {request_id}: its last day, {request.due_at:%Y-%m-%d}, is over, and an "
            "extension that is entered later extends nothing: "
            "nothing but the statement says that the person was told in time; answer it now"
        )
    last = response_deadline(
        request.regulation,
        request.clock_start_at,
        request.zone,
        request.calendar,
        request.pauses,
        extended=True,
    )
    values = {
        "reason": register.conceal(request_id, reason),
        "extension_notified_at": notified_at,
        "extended_due_at": last,
    }
    return append_event(options, register, request_id, "extended", values)


def list_requests(options: SubjectOptions) -> list[SubjectRequest]:
    """Return all requests, those that are open first, by their last day."""
    options.role.narrow(["requests"], [], False)
    register = register_of(options, write=False)
    found = [r for r in register.requests().values() if _is_seen(options.role, register, r)]
    return sorted(found, key=lambda r: (r.is_over, r.last_day, r.request_id))


def _is_seen(role: Role, register: RequestRegister, request: SubjectRequest) -> bool:
    """Tell whether a role sees a request: all of its controller's accounts."""
    if role.accounts is None:
        return True
    try:
        _require_role(role, controller_of(register.store, request))
    except (NotAllowed, RegisterError):
        return False
    return True


def get_allowed_request(
    options: SubjectOptions,
    register: RequestRegister,
    request_id: str,
    snapshot: Snapshot | None = None,
) -> SubjectRequest:
    """Return a request that whoever asks may see. Raises `RegisterError`, `NotAllowed`."""
    request = register.get(request_id, snapshot)
    if options.role.accounts is not None or not options.role.sees("requests"):
        _require_role(options.role, controller_of(register.store, request))
    return request


def require_everything(role: Role) -> None:
    """Refuse a role that sees some accounts only what is about all of a store. Raises
    `NotAllowed`.
    """
    role.narrow(["requests"], [], False)
    if role.accounts is not None:
        raise NotAllowed(
            f"role {role.name} sees some accounts only, and this is about all of a store; let a "
            "role do it that sees all"
        )


def get_open_request(
    options: SubjectOptions, request_id: str
) -> tuple[RequestRegister, SubjectRequest]:
    """Return the register, and a request that is not over. Raises `RegisterError`."""
    register = register_of(options)
    request = get_allowed_request(options, register, request_id)
    if request.is_over:
        answered = f", answered on {request.responded_at:%Y-%m-%d}" if request.responded_at else ""
        raise RegisterError(
            f"request {request_id}: is over ({request.status}{answered}); open a new one"
        )
    return register, request


def append_event(
    options: SubjectOptions,
    register: RequestRegister,
    request_id: str,
    event: str,
    values: Mapping[str, Any],
) -> SubjectRequest:
    """Enter an event, and return the request as it is then."""
    register.append(
        request_id,
        event,
        options.as_of,
        options.now,
        {"actor": options.actor, **{k: v for k, v in values.items() if v is not None}},
    )
    return register.get(request_id)
