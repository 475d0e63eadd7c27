"""Data-subject requests: the register's events, the register itself, and the certificate of an
erasure or restriction.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, NamedTuple, TypedDict

from callveil.schemas.fields import (
    Boolean,
    Field,
    Integer,
    ListOf,
    Struct,
    Text,
    Timestamp,
)
from callveil.schemas.typed_rows import fields_of

TYPES = ("access", "portability", "erasure", "restriction", "objection", "rectification")
"""What people ask for: GDPR Art. 15, 20, 17, 18, 21, 16."""

CHANNELS = ("email", "phone", "letter", "form", "in_person", "api", "other")

EVENTS = (
    "opened",
    "bound",
    "verified",
    "paused",
    "resumed",
    "extended",
    "searched",
    "included",
    "excluded",
    "approved",
    "disclosed",
    "erased",
    "restricted",
    "lifted",
    "certified",
    "objected",
    "notified",
    "closed",
)
"""What happens to a request. The register is the list of these; nothing in it is ever changed."""

LETTERS = ("received", "extended", "granted", "refused", "certificate")
DECISIONS = ("granted", "partly_granted", "refused", "withdrawn", "not_executed")
"""How a request can end. `not_executed` means that what was promised was not done in some system,
and says why.
"""

STATUSES = (
    "open",
    "verified",
    "on_hold",
    "in_progress",
    "completed",
    "partly_completed",
    "refused",
    "withdrawn",
    "not_executed",
)
TERMINAL = dict(
    zip(
        DECISIONS,
        ("completed", "partly_completed", "refused", "withdrawn", "not_executed"),
        strict=True,
    )
)
"""Status by decision; a request in one of these is over."""

_T, _I, _S, _B, _L = Text(), Integer(), Timestamp(), Boolean(), ListOf(Text())
_PAUSE = Struct(
    (
        Field("from", _S, "when the clock was stopped, UTC", personal=False),
        Field("to", _S, "when it went on, UTC; null while it stands still", personal=False),
        Field("reason", _T, "why; a reversible token", personal=False),
    )
)


def _plain(*rows: tuple[str, object, str]) -> tuple[Field, ...]:
    return tuple(
        Field(name, kind, doc, personal=name in ("actor", "approved_by", "login"))  # type: ignore[arg-type]
        for name, kind, doc in rows
    )


class RegisterEvent(TypedDict, total=False):
    """One entry of the register of requests. What an event does not say is absent or null."""

    event_id: Annotated[str, "digest of the event"]
    request_id: Annotated[str, "request"]
    event: Annotated[str, ", ".join(EVENTS)]
    at: Annotated[dt.datetime, "when it happened, UTC, as stated"]
    entered_at: Annotated[
        dt.datetime | None,
        "when it was entered, UTC, by the clock of the machine that signed it; null in entries "
        "older than this column",
    ]
    seq: Annotated[int, "place among the request's events, from 1"]
    account_id: Annotated[
        str | None,
        "account the request is bound to; null while it is bound to none, where it is bound to an "
        "agency, which has several, and in entries older than this column",
    ]
    actor: Annotated[str | None, "who entered it"]
    login: Annotated[
        str | None, "login name of the process that entered it; empty where it was not noted"
    ]
    regulation: Annotated[str | None, "gdpr, uk_gdpr or ccpa"]
    type: Annotated[str | None, ", ".join(TYPES)]
    channel: Annotated[str | None, ", ".join(CHANNELS)]
    zone: Annotated[str | None, "IANA zone in which its days begin and end"]
    calendar: Annotated[str | None, "holidays, such as DE-BY; empty: weekends only"]
    received_at: Annotated[dt.datetime | None, "when it came in, UTC"]
    clock_start_at: Annotated[dt.datetime | None, "from when its time counts, UTC"]
    subject_ref: Annotated[str | None, "keyed digest of the person's identifiers"]
    account: Annotated[str | None, "account the request belongs to"]
    agency: Annotated[str | None, "agency the request belongs to, with its subaccounts"]
    due_at: Annotated[
        dt.datetime | None,
        "end of the last day for an answer, UTC; stored when it is decided, never derived again",
    ]
    method: Annotated[str | None, "how the identity was verified"]
    reason: Annotated[str | None, "why; a reversible token, since free text may name people"]
    extended_due_at: Annotated[dt.datetime | None, "end of the last day after an extension, UTC"]
    extension_notified_at: Annotated[dt.datetime | None, "when the person was told of it, UTC"]
    decision: Annotated[str | None, ", ".join(DECISIONS)]
    refusal_ground: Annotated[str | None, "ground of a refusal, such as Art. 12(5)(b)"]
    exemptions: Annotated[list[str] | None, "exemptions that were relied on"]
    systems_searched: Annotated[list[str] | None, "zones and systems that were searched"]
    systems_not_executed: Annotated[
        list[str] | None, "systems in which it was not carried out, each with its reason"
    ]
    records_found: Annotated[int | None, "records that are about the person"]
    accounts: Annotated[
        list[str] | None, "accounts these records belong to, as the last search found them"
    ]
    records: Annotated[
        list[str] | None,
        "keyed digests of records somebody has said to be the person's, or not to be",
    ]
    approved_by: Annotated[
        str | None, "second person who approved what is to be disclosed or erased"
    ]
    disclosed: Annotated[int | None, "records that were disclosed"]
    withheld: Annotated[int | None, "records or parts that were withheld"]
    responded_at: Annotated[dt.datetime | None, "when it was answered, UTC"]
    package: Annotated[str | None, "name of the package"]
    package_sha256: Annotated[str | None, "SHA-256 of it"]
    recipients_notified: Annotated[list[str] | None, "recipients that were told (Art. 19)"]
    tokens: Annotated[
        list[str] | None,
        "keyed digests of what identified the person, so that what comes back after an erasure is "
        "found",
    ]
    run_id: Annotated[str | None, "run of the store that did it"]
    plan_sha256: Annotated[str | None, "plan it carried out"]


EVENT_FIELDS = fields_of(RegisterEvent, personal=("actor", "approved_by", "login"))


def _of_event(*names: str) -> Iterator[tuple[str, object, str]]:
    return ((f.name, f.type, f.doc) for f in EVENT_FIELDS if f.name in names)


REGISTER_FIELDS = _plain(
    *_of_event("request_id", "regulation", "type", "channel", "received_at", "clock_start_at"),
    ("clock_pauses", ListOf(_PAUSE), "when the clock stood still"),
    ("identity_verified_at", _S, "when the identity was verified, UTC"),
    *_of_event("method", "subject_ref", "account", "agency", "due_at"),
    ("extended", _B, "whether the time was extended"),
    ("extension_reason", _T, "why; a reversible token"),
    *_of_event("extension_notified_at", "extended_due_at"),
    ("status", _T, ", ".join(STATUSES)),
    *_of_event(
        "decision",
        "refusal_ground",
        "exemptions",
        "systems_searched",
        "systems_not_executed",
        "records_found",
        "accounts",
        "disclosed",
        "withheld",
        "responded_at",
    ),
    (
        "on_time",
        _B,
        "whether it was answered, and that entered, by the end of its last day; null while it is "
        "open",
    ),
    (
        "received_entered_at",
        _S,
        "when the request was entered, UTC, by the signing machine's clock",
    ),
    ("verified_entered_at", _S, "when the verification was entered, UTC"),
    ("responded_entered_at", _S, "when the answer was entered, UTC"),
    (
        "stated_times",
        _L,
        "steps whose stated time is not that of their entry, and steps that go back in time",
    ),
    *_of_event("package", "package_sha256", "recipients_notified"),
)


@dataclass(frozen=True)
class Pause:
    """A stretch in which a request's clock stands still. Half-open, UTC; `end` is None while it
    lasts.

    It counts from its entry, and up to the entry of its end: of what is stated about the past or
    the future nothing but the statement says so.
    """

    start: dt.datetime
    end: dt.datetime | None
    reason: str

    @classmethod
    def since(cls, at: dt.datetime, entered_at: dt.datetime | None, reason: str) -> Pause:
        """Return a pause that begins; both times are as its entry has them."""
        return cls(max(at, entered_at or at), None, reason)

    def until(self, at: dt.datetime, entered_at: dt.datetime | None) -> Pause:
        """Return the same pause, ended; both times are as the entry of its end has them."""
        return Pause(self.start, max(self.start, min(at, entered_at or at)), self.reason)


STATED = dt.timedelta(minutes=5)
"""A stated time that lies further from its entry is a statement about the past or the future."""


class RegisterEntry(NamedTuple):
    """A step as the register has it: what happened, when as stated, and when that was entered. UTC;
    None where it was not noted.
    """

    event: str
    at: dt.datetime
    said: dt.datetime
    entered_at: dt.datetime | None


def register_entry(row: RegisterEvent) -> RegisterEntry:
    """Return the step of a row of `EVENT_FIELDS`. What is said of `opened` is the receipt, of
    `closed` the answer, of `extended` the notice.
    """
    said = {
        "opened": row.get("received_at"),
        "closed": row.get("responded_at"),
        "extended": row.get("extension_notified_at"),
    }.get(row["event"])
    return RegisterEntry(row["event"], row["at"], said or row["at"], row.get("entered_at"))


def list_backdated(entries: Sequence[RegisterEntry]) -> list[str]:
    """Return steps whose stated time is not that of their entry, one sentence each."""
    words = {"opened": "receipt", "closed": "answer", "extended": "notice of the extension"}
    out = []
    for e in entries:
        if e.entered_at is not None and abs(e.entered_at - e.said) > STATED:
            way = "after" if e.entered_at > e.said else "before"
            out.append(
                f"{words.get(e.event, e.event)} stated for {_clock(e.said)}, entered "
                f"{_clock(e.entered_at)}: {_span(e)} {way}"
            )
    return out


def steps_back(entries: Sequence[RegisterEntry]) -> list[str]:
    """Return steps that are stated for a time before the step they follow, or were entered before
    it, one sentence each.
    """
    out = []
    for n, (a, b) in enumerate(itertools.pairwise(entries), 2):
        if b.at < a.at:
            out.append(
                f"step {n}, {b.event}, is stated for {_clock(b.at)}, before step {n - 1}, "
                f"{a.event}, of {_clock(a.at)}"
            )
        if a.entered_at and b.entered_at and b.entered_at < a.entered_at:
            out.append(
                f"step {n}, {b.event}, was entered {_clock(b.entered_at)}, before step {n - 1}, "
                f"{a.event}, "
                f"of {_clock(a.entered_at)}: a machine's clock was set back"
            )
    return out


def _clock(when: dt.datetime) -> str:
    return when.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%MZ")


def _span(entry: RegisterEntry) -> str:
    assert entry.entered_at is not None
    minutes = abs(entry.entered_at - entry.said) // dt.timedelta(minutes=1)
    number, unit = next(
        (minutes // size, name)
        for size, name in ((1440, "day"), (60, "hour"), (1, "minute"))
        if minutes >= size
    )
    return f"{number:,} {unit}{'' if number == 1 else 's'}"


@dataclass(frozen=True)
class SubjectRequest:
    """A request as its events leave it. Times are UTC.

    Attributes:
        request_id, regulation, type, channel: what it is.
        zone, calendar: where its days begin and end, and which are no working days.
        received_at, clock_start_at: when it came in, and from when its time counts.
        subject_ref: keyed digest of the person's identifiers.
        due_at: end of the last day, as stored; `extended_due_at` where it was extended.
        status: one of `STATUSES`.
        pauses: when the clock stood still.
        events: number of its events. entries: each with its stated time and that of its entry.
        account, agency: the controller it is bound to; both empty where it is bound to none.
        decisions: `included` or `excluded` by digest of a record, as last said.
        approved_by: who has approved it as it is now; empty where nobody has. approved_login: that
            process' login name.
        tokens: digests of what identified the person, of the last erasure.
        runs: run ids of erasures and restrictions whose certificates are not published yet.
        The rest as in `REGISTER_FIELDS`.
    """

    request_id: str
    regulation: str
    type: str
    channel: str
    zone: str
    calendar: str
    received_at: dt.datetime
    clock_start_at: dt.datetime
    subject_ref: str
    due_at: dt.datetime
    status: str = "open"
    pauses: tuple[Pause, ...] = ()
    identity_verified_at: dt.datetime | None = None
    method: str = ""
    extension_reason: str = ""
    extension_notified_at: dt.datetime | None = None
    extended_due_at: dt.datetime | None = None
    decision: str = ""
    refusal_ground: str = ""
    exemptions: tuple[str, ...] = ()
    systems_searched: tuple[str, ...] = ()
    systems_not_executed: tuple[str, ...] = ()
    records_found: int | None = None
    accounts: tuple[str, ...] = ()
    disclosed: int | None = None
    withheld: int | None = None
    responded_at: dt.datetime | None = None
    package: str = ""
    package_sha256: str = ""
    recipients_notified: tuple[str, ...] = ()
    tokens: tuple[str, ...] = ()
    runs: tuple[str, ...] = ()
    events: int = 0
    account: str = ""
    agency: str = ""
    decisions: Mapping[str, str] = field(default_factory=dict)
    approved_by: str = ""
    approved_login: str = ""
    entries: tuple[RegisterEntry, ...] = ()

    def entered(self, event: str) -> dt.datetime | None:
        """Tell when the newest step of a kind was entered, by the signing machine's clock."""
        return next((e.entered_at for e in reversed(self.entries) if e.event == event), None)

    @property
    def received_entered_at(self) -> dt.datetime | None:
        """When the request was entered."""
        return self.entered("opened")

    @property
    def verified_entered_at(self) -> dt.datetime | None:
        """When the verification was entered."""
        return self.entered("verified")

    @property
    def responded_entered_at(self) -> dt.datetime | None:
        """When the answer was entered."""
        return self.entered("closed")

    @property
    def stated_times(self) -> list[str]:
        """List what is stated about another time than that of its entry, and steps that go back."""
        later = self.clock_start_at - self.received_at
        start = (
            f"time stated to count from {_clock(self.clock_start_at)}, {later.days} days "
            "after "
            "the receipt"
        )
        begun = [start] if later >= dt.timedelta(days=1) else []
        return [*begun, *list_backdated(self.entries), *steps_back(self.entries)]

    @property
    def last_day(self) -> dt.datetime:
        """End of the last day for an answer, extension counted in."""
        return self.extended_due_at or self.due_at

    @property
    def is_over(self) -> bool:
        """Tell whether it has ended."""
        return self.status in TERMINAL.values()

    @property
    def on_time(self) -> bool | None:
        """Tell whether it was answered by the end of its last day; None while it was not answered.

        An answer whose entry came later counts as late: nothing but the statement says that it was
        given in time.
        """
        if self.responded_at is None:
            return None
        return (
            max(self.responded_at, self.responded_entered_at or self.responded_at) <= self.last_day
        )

    def is_overdue(self, as_of: dt.datetime) -> bool:
        """Tell whether its time is over and nobody has answered; while its clock stands still it is
        not.
        """
        return not self.is_over and self.status != "on_hold" and as_of > self.last_day

    def standing(self, as_of: dt.datetime) -> str:
        """Tell how it stands at a time (UTC), in words."""
        if self.is_over:
            if self.on_time is not False:
                return self.status
            entered = self.responded_entered_at
            said = self.responded_at is not None and self.responded_at <= self.last_day
            return f"{self.status}, late" + (
                f": the answer was entered {entered:%Y-%m-%d}" if said and entered else ""
            )
        if self.status == "on_hold":
            return f"clock stopped since {self.pauses[-1].start:%Y-%m-%d %H:%M}Z"
        days = (self.last_day - as_of).days
        return f"OVERDUE by {-days} days" if self.is_overdue(as_of) else f"{days} days left"


ERASURE, RESTRICTION = "erasure", "restriction"
