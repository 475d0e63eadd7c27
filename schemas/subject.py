"""Data-subject requests: the register's events, the register itself, and the certificate of an
erasure or restriction.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from callveil.schemas.fields import Boolean, Field, Integer, ListOf, Struct, Text, Timestamp

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


EVENT_FIELDS = _plain(
    ("event_id", _T, "digest of the event"),
    ("request_id", _T, "request"),
    ("event", _T, ", ".join(EVENTS)),
    ("at", _S, "when it happened, UTC, as stated"),
    (
        "entered_at",
        _S,
        "when it was entered, UTC, by the clock of the machine that signed it; null in entries "
        "older than this column",
    ),
    ("seq", _I, "place among the request's events, from 1"),
    ("actor", _T, "who entered it"),
    ("login", _T, "login name of the process that entered it; empty where it was not noted"),
    ("regulation", _T, "gdpr, uk_gdpr or ccpa"),
    ("type", _T, ", ".join(TYPES)),
    ("channel", _T, ", ".join(CHANNELS)),
    ("zone", _T, "IANA zone in which its days begin and end"),
    ("calendar", _T, "holidays, such as DE-BY; empty: weekends only"),
    ("received_at", _S, "when it came in, UTC"),
    ("clock_start_at", _S, "from when its time counts, UTC"),
    ("subject_ref", _T, "keyed digest of the person's identifiers"),
    ("account", _T, "account the request belongs to"),
    ("agency", _T, "agency the request belongs to, with its subaccounts"),
    (
        "due_at",
        _S,
        "end of the last day for an answer, UTC; stored when it is decided, never derived again",
    ),
    ("method", _T, "how the identity was verified"),
    ("reason", _T, "why; a reversible token, since free text may name people"),
    ("extended_due_at", _S, "end of the last day after an extension, UTC"),
    ("extension_notified_at", _S, "when the person was told of it, UTC"),
    ("decision", _T, ", ".join(DECISIONS)),
    ("refusal_ground", _T, "ground of a refusal, such as Art. 12(5)(b)"),
    ("exemptions", _L, "exemptions that were relied on"),
    ("systems_searched", _L, "zones and systems that were searched"),
    ("systems_not_executed", _L, "systems in which it was not carried out, each with its reason"),
    ("records_found", _I, "records that are about the person"),
    ("accounts", _L, "accounts these records belong to, as the last search found them"),
    ("records", _L, "keyed digests of records somebody has said to be the person's, or not to be"),
    ("approved_by", _T, "second person who approved what is to be disclosed or erased"),
    ("disclosed", _I, "records that were disclosed"),
    ("withheld", _I, "records or parts that were withheld"),
    ("responded_at", _S, "when it was answered, UTC"),
    ("package", _T, "name of the package"),
    ("package_sha256", _T, "SHA-256 of it"),
    ("recipients_notified", _L, "recipients that were told (Art. 19)"),
    (
        "tokens",
        _L,
        "keyed digests of what identified the person, so that what comes back after an erasure is "
        "found",
    ),
    ("run_id", _T, "run of the store that did it"),
    ("plan_sha256", _T, "plan it carried out"),
)

REGISTER_FIELDS = _plain(
    *(
        (f.name, f.type, f.doc)
        for f in EVENT_FIELDS
        if f.name
        in ("request_id", "regulation", "type", "channel", "received_at", "clock_start_at")
    ),
    ("clock_pauses", ListOf(_PAUSE), "when the clock stood still"),
    ("identity_verified_at", _S, "when the identity was verified, UTC"),
    *(
        (f.name, f.type, f.doc)
        for f in EVENT_FIELDS
        if f.name in ("method", "subject_ref", "account", "agency", "due_at")
    ),
    ("extended", _B, "whether the time was extended"),
    ("extension_reason", _T, "why; a reversible token"),
    *(
        (f.name, f.type, f.doc)
        for f in EVENT_FIELDS
        if f.name in ("extension_notified_at", "extended_due_at")
    ),
    ("status", _T, ", ".join(STATUSES)),
    *(
        (f.name, f.type, f.doc)
        for f in EVENT_FIELDS
        if f.name
        in (
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
        )
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
    *(
        (f.name, f.type, f.doc)
        for f in EVENT_FIELDS
        if f.name in ("package", "package_sha256", "recipients_notified")
    ),
)

METHODS = ("drop_rows", "unlink", "purge", "seal", "restore", "none")
"""How rows were dealt with: dropped and purged, kept without what identifies the person, an object
purged whole, moved into the encrypted zone, brought back from there, or left as they are.
"""

CERTIFICATE_FIELDS = _plain(
    ("certificate_id", _T, "digest of run and series"),
    ("request_id", _T, "request"),
    ("subject_ref", _T, "keyed digest of the person's identifiers"),
    ("scope", _T, "erasure or restriction"),
    (
        "record_class",
        _T,
        "interactions, findings, versions, rejected, requests, index, recordings, bodies, package, "
        "sources",
    ),
    ("location", _T, "dataset or folder of the store, `inbox`, `packages`, or `outside the store`"),
    ("method", _T, ", ".join(METHODS)),
    ("rows_matched", _I, "rows that are about the person"),
    ("rows_erased", _I, "rows that went, or whose link to the person went"),
    ("rows_retained", _I, "rows that stay as they are"),
    (
        "retention_ground",
        _T,
        "ground on which they stay, or why the place was not, or not wholly, looked at",
    ),
    (
        "versions_purged",
        _I,
        "object versions and delete markers that were removed from the run's files",
    ),
    (
        "started_at",
        _S,
        "when the run was published, UTC, as stated: no reader has seen the rows since",
    ),
    (
        "entered_at",
        _S,
        "when that was entered, UTC, by the signing machine's clock; null in certificates older "
        "than this column",
    ),
    (
        "completed_at",
        _S,
        "when every old version of their files was gone, UTC; null while some are locked",
    ),
    ("verification_method", _T, "how it was checked"),
    ("residual_hits", _I, "what the check still found"),
    ("evidence_root_sha256", _T, "SHA-256 of the manifest of the run"),
    ("previous_sha256", _T, "SHA-256 of the certificate before this one, as the store holds it"),
    ("signer_key_id", _T, "key that signed; null where nothing signs"),
    ("signature", _T, "signature over the row without this column"),
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
        """Return one that begins; both times as its entry has them."""
        return cls(max(at, entered_at or at), None, reason)

    def until(self, at: dt.datetime, entered_at: dt.datetime | None) -> Pause:
        """Return the same, ended; both times as the entry of its end has them."""
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


def register_entry(row: Mapping[str, Any]) -> RegisterEntry:
    """Return the step of a row of `EVENT_FIELDS`. What is said of `opened` is the receipt, of
    `closed` the answer, of `extended` the notice.
    """
    name = {
        "opened": "received_at",
        "closed": "responded_at",
        "extended": "extension_notified_at",
    }.get(row["event"], "at")
    return RegisterEntry(row["event"], row["at"], row.get(name) or row["at"], row.get("entered_at"))


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
        """What is stated about another time than that of its entry, and steps that go back."""
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
        """Whether it has ended."""
        return self.status in TERMINAL.values()

    @property
    def on_time(self) -> bool | None:
        """Whether it was answered by the end of its last day; None while it was not answered.

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
