"""The register of data-subject requests, and certificates of erasures and restrictions."""

from __future__ import annotations

import datetime as dt
import statistics
from collections import Counter
from collections.abc import Iterator

from callveil.schemas.display_words import counts_in_words, value_in_words
from callveil.schemas.erasure_certificate import FIELDS
from callveil.schemas.json_types import Row
from callveil.schemas.report import REPORTS
from callveil.schemas.subject import SubjectRequest
from callveil.transforms.governance.requests.register import RequestRegister, register_row
from callveil.transforms.report.model import (
    Card,
    Chart,
    DailyCounts,
    FirstRows,
    Page,
    PageTable,
    PromiseCheck,
    ReportContext,
    count_phrase,
    format_count,
    ranking_chart,
)
from callveil.transforms.report.scope import ReportScope
from callveil.transforms.storage.encryption.keyring import Keyring

_DAY = dt.timedelta(days=1)
OPEN_BARS = 60
REQUEST_COLUMNS = (
    ("request_id", "Request"),
    ("type", "Type"),
    ("status", "Status"),
    ("standing", "How it stands"),
    ("received_at", "Received"),
    ("received_entered_at", "Entered"),
    ("due_at", "Due"),
    ("extended_due_at", "Extended to"),
    ("responded_at", "Answered"),
    ("responded_entered_at", "Answer entered"),
    ("stated_times", "Stated otherwise"),
    ("records_found", "Found"),
    ("disclosed", "Disclosed"),
    ("withheld", "Withheld"),
    ("refusal_ground", "Ground"),
    ("accounts", "Accounts"),
    ("identity_verified_at", "Identity verified"),
)
ERASURE_COLUMNS = (
    ("request_id", "Request"),
    ("accounts", "Accounts"),
    ("scope", "Scope"),
    ("record_class", "Class"),
    ("location", "Where"),
    ("method", "Method"),
    ("rows_matched", "Matched"),
    ("rows_erased", "Erased"),
    ("rows_retained", "Kept"),
    ("retention_ground", "Ground"),
    ("started_at", "Carried out"),
    ("entered_at", "Entered"),
    ("completed_at", "Completed"),
    ("residual_hits", "Residual hits"),
    ("signer_key_id", "Signed by"),
)


def _of(request: SubjectRequest | None, scope: ReportScope) -> Row | None:
    """Return columns that say which accounts a request is about, as far as the scope has them; None
    where it is about none of those.
    """
    found = {*request.accounts, request.account} - {""} if request else set()
    accounts = sorted(a for a in found if scope.about(a))
    if scope.accounts and not accounts:
        return None
    return {"account_id": accounts[0] if len(accounts) == 1 else None, "accounts": accounts}


class RequestReport:
    """Requests that were received before the period's end and not answered before its beginning.

    Args:
        keyring: as the register needs one.
    """

    def __init__(self, context: ReportContext, keyring: Keyring) -> None:
        self._c, self._keyring = context, keyring
        self._kept, self._types, self._states = FirstRows(), DailyCounts(), Counter[str]()
        self._requests: list[SubjectRequest] = []
        self._elsewhere = 0

    def rows(self) -> Iterator[Row]:
        """Yield one row per request, by id."""
        c = self._c
        common = c.common(REPORTS["requests"])
        for request in RequestRegister(c.store, self._keyring).requests(c.snapshot).values():
            ended = request.responded_at
            if request.received_at >= c.scope.end or (ended is not None and ended < c.scope.start):
                continue
            about = _of(request, c.scope)
            if about is None:
                self._elsewhere += not (request.accounts or request.account)
                continue
            row = common | register_row(request) | about
            self._requests.append(request)
            self._types.add(request.received_at, request.type)
            self._states[request.status] += 1
            self._kept.add(row | {"standing": request.standing(c.scope.as_of)})
            yield row

    def _ages(self) -> Chart:
        still = sorted((r for r in self._requests if not r.is_over), key=lambda r: r.last_day)
        waiting = still[:OPEN_BARS]
        now = self._c.scope.as_of
        age = [round((now - r.clock_start_at) / _DAY, 1) for r in waiting]
        time = [round((r.last_day - r.clock_start_at) / _DAY, 1) for r in waiting]
        labels = [
            f"{'OVERDUE ' if r.is_overdue(now) else ''}{r.request_id} ({r.type})" for r in waiting
        ]
        note = (
            "Days since each open request's time began, beside the days it has; the one due "
            "first stands on top."
        )
        note += (
            f" The first {OPEN_BARS} of {format_count(len(still))}."
            if len(still) > OPEN_BARS
            else ""
        )
        return Chart(
            "Open requests: age against deadline",
            "hbar",
            labels,
            {"age": age, "time allowed": time},
            "days",
            note,
            "",
        )

    @staticmethod
    def _verdict(
        overdue: list[SubjectRequest],
        waiting: list[SubjectRequest],
        late: list[SubjectRequest],
        failed: list[SubjectRequest],
        answered: int,
    ) -> PromiseCheck:
        broken = {r.request_id for r in (*overdue, *late)}
        open_ = {r.request_id for r in waiting} - broken
        why = [f"{r.request_id} is overdue since {r.last_day:%Y-%m-%d}" for r in overdue[:4]]
        why += [
            (
                f"{r.request_id} was answered late "
                f"({value_in_words('standing', r.standing(r.last_day))})"
            )
            for r in late[:4]
        ]
        why += [f"{format_count(len(broken) - len(why))} more"] if len(broken) > len(why) else []
        why += [f"{count_phrase(len(open_), 'is', 'are')} open and in time"] if open_ else []
        why += (
            [f"{count_phrase(len(failed), 'was', 'were')} not carried out in a system"]
            if failed
            else []
        )
        return PromiseCheck(
            "People are answered within the time of the law",
            "requests",
            answered - len(late),
            len(broken),
            len(open_),
            tuple(why),
        )

    def page(self) -> Page:
        """Return the page."""
        now = self._c.scope.as_of
        waiting = [r for r in self._requests if not r.is_over]
        overdue = [r for r in waiting if r.is_overdue(now)]
        soon = [r for r in waiting if now <= r.last_day < now + 7 * _DAY]
        late = [r for r in self._requests if r.on_time is False]
        answered = [r for r in self._requests if r.responded_at]
        failed = [r for r in self._requests if r.systems_not_executed or r.status == "not_executed"]
        stated = [r for r in self._requests if r.stated_times]
        days = [(r.responded_at - r.clock_start_at) / _DAY for r in answered if r.responded_at]
        page = Page(
            [
                Card(
                    "Requests",
                    format_count(len(self._requests)),
                    "received before the period's end and not answered before it; "
                    f"{format_count(len(waiting))} open",
                ),
                Card(
                    "Overdue",
                    format_count(len(overdue)),
                    "of these; open, and their time is over at the report's time",
                    "bad" if overdue else "good",
                ),
                Card(
                    "Due within 7 days",
                    format_count(len(soon)),
                    "of these; open, counted from the report's time",
                    "warn" if soon else "",
                ),
                Card(
                    "Answered late",
                    format_count(len(late)),
                    f"of {format_count(len(answered))} answered; an answer counts when it is "
                    "entered",
                    "bad" if late else "good",
                ),
                Card(
                    "Median days to answer",
                    f"{statistics.median(days):.1f}" if days else "-",
                    "of those answered, from the start of the time to the answer as stated; pauses "
                    "count",
                ),
                Card(
                    "Not carried out somewhere",
                    format_count(len(failed)),
                    "of these; in a system that it names",
                    "bad" if failed else "good",
                ),
                Card(
                    "Stated times",
                    format_count(len(stated)),
                    "of these; with a step that goes back, or is stated for another time than its "
                    "entry",
                    "warn" if stated else "good",
                ),
            ],
            [
                self._ages(),
                self._types.chart(
                    "Requests received by type",
                    "requests",
                    "The requests that the first tile counts, by the day they came in, as stated "
                    "(UTC).",
                ),
                ranking_chart(
                    "Requests by status",
                    counts_in_words("status", self._states),
                    "requests",
                    "The requests that the first tile counts, as they stand in the register now.",
                ),
            ],
            [self._kept.view("Requests", REQUEST_COLUMNS)],
            [
                "Deadlines were stored when they were decided (one month, or three with an "
                "extension told in time) and are not derived again here.",
                "Free texts of the register are reversible tokens; `callveil reveal` opens one "
                "with the keyring.",
                "Received and answered are times as stated; beside them stands when that was "
                "entered, by the signing machine's clock. "
                "An answer that was entered after the last day counts as late.",
            ],
            [self._verdict(overdue, waiting, late, failed, len(answered))],
        )
        if self._c.scope.accounts:
            page.notes.insert(
                0,
                "With accounts chosen, only requests are listed whose search has found records in "
                "them; their counts are of all that was found. "
                f"{count_phrase(self._elsewhere, 'request of this period is', 'requests of this period are')} tied to no account, as nothing was found "  # noqa: E501
                "or nobody has searched yet.",
            )
        return page


class ErasureReport:
    """Certificates of erasures and restrictions that were carried out in the period.

    Args:
        keyring: as the register needs one.
    """

    def __init__(self, context: ReportContext, keyring: Keyring) -> None:
        self._c, self._keyring = context, keyring
        self._kept, self._methods, self._grounds = FirstRows(), Counter[str](), Counter[str]()
        self._days = DailyCounts()
        self._erased = self._aside = self._retained = self._locked = 0
        self._requests: set[str] = set()
        self._bad: set[str] = set()
        self._waiting: set[str] = set()
        self._residual: dict[str, int] = {}

    def rows(self) -> Iterator[Row]:
        """Yield one row per certificate, as they were published; one that waited for locked copies
        is published again once it is complete.
        """
        c = self._c
        newest = self._newest()
        common = c.common(REPORTS["erasures"])
        requests = RequestRegister(c.store, self._keyring).requests(c.snapshot)
        for entry in c.snapshot.by_dataset("erasure_certificates"):
            run = c.run_of(entry.path)
            for certificate in c.read(entry):
                about = _of(requests.get(certificate["request_id"]), c.scope)
                again = newest[certificate["certificate_id"]] != (
                    entry.path,
                    certificate["completed_at"],
                )
                if again or about is None or not c.scope.holds(certificate["started_at"]):
                    continue
                row = (
                    common
                    | {f.name: certificate.get(f.name) for f in FIELDS}
                    | about
                    | {
                        "policy_version": (run.policy_name if run else None) or None,
                        "policy_sha256": (run.policy_sha256 if run else None) or None,
                    }
                )
                self._count(row)
                yield row

    def _newest(self) -> dict[str, tuple[str, dt.datetime | None]]:
        """Return file and time of completion of each certificate as it was published last: the
        complete one, where there is one.
        """
        out: dict[str, tuple[str, dt.datetime | None]] = {}
        for entry in self._c.snapshot.by_dataset("erasure_certificates"):
            for r in self._c.read(entry, ["certificate_id", "completed_at"]):
                if r["certificate_id"] not in out or r["completed_at"]:
                    out[r["certificate_id"]] = (entry.path, r["completed_at"])
        return out

    def _verdict(self, residual: int) -> PromiseCheck:
        why = (
            [f"the check still found {count_phrase(residual, 'row', 'rows')} of a person"]
            if residual
            else []
        )
        why += (
            [f"{count_phrase(self._retained, 'row stays', 'rows stay')}, each on a legal ground"]
            if self._retained
            else []
        )
        why += (
            [
                f"{count_phrase(self._locked, 'certificate waits', 'certificates wait')} for "
                "locked copies"
            ]
            if self._locked
            else []
        )
        broken = len(self._bad)
        return PromiseCheck(
            "What is erased is gone everywhere",
            "requests",
            len(self._requests - self._bad - self._waiting),
            broken,
            len(self._waiting - self._bad),
            tuple(why),
        )

    def _count(self, row: Row) -> None:
        if row["residual_hits"]:
            self._bad.add(row["request_id"])
        if row["completed_at"] is None:
            self._waiting.add(row["request_id"])
        self._requests.add(row["request_id"])
        is_aside = row["scope"] == "restriction"
        self._aside += (row["rows_erased"] or 0) if is_aside else 0
        self._erased += 0 if is_aside else row["rows_erased"] or 0
        self._retained += row["rows_retained"] or 0
        self._residual[row["evidence_root_sha256"]] = (
            row["residual_hits"] or 0
        )  # of the run; each of its certificates has it
        self._locked += row["completed_at"] is None
        self._methods[row["method"]] += row["rows_erased"] or 0
        if row["rows_retained"]:
            self._grounds[row["retention_ground"] or "no ground given"] += row["rows_retained"]
        self._days.add(
            row["started_at"],
            value_in_words("record_class", row["record_class"]),
            0 if is_aside else row["rows_erased"] or 0,
        )
        self._kept.add(row)

    def page(self) -> Page:
        """Return the page."""
        grounds = [{"ground": g, "count": n} for g, n in self._grounds.most_common()]
        residual = sum(self._residual.values())
        page = Page(
            [
                Card(
                    "Requests carried out",
                    format_count(len(self._requests)),
                    "erasures and restrictions, in the period",
                ),
                Card(
                    "Rows erased",
                    format_count(self._erased),
                    "by these; rows that went, or whose link to the person went",
                ),
                Card(
                    "Rows set aside",
                    format_count(self._aside),
                    "by restrictions among these; encrypted, until one is lifted",
                ),
                Card(
                    "Rows kept",
                    format_count(self._retained),
                    "by these, each with its legal ground",
                ),
                Card(
                    "Found by the check",
                    format_count(residual),
                    "rows that the checks afterwards still found of the people",
                    "bad" if residual else "good",
                ),
                Card(
                    "Not complete",
                    format_count(self._locked),
                    "certificates that wait, as old object versions are locked",
                    "warn" if self._locked else "good",
                ),
            ],
            [
                self._days.chart(
                    "Rows erased by record class",
                    "rows",
                    "Rows erased, as the tile counts them, by the day the run was published (UTC).",
                ),
                ranking_chart(
                    "How rows were dealt with",
                    counts_in_words("method", +self._methods),
                    "rows",
                    "Rows erased and rows set aside together.",
                ),
            ],
            [
                self._kept.view("Certificates", ERASURE_COLUMNS),
                PageTable(
                    "Grounds on which rows were kept",
                    (("ground", "Ground"), ("count", "Rows")),
                    grounds,
                    len(grounds),
                ),
            ],
            [
                "Each certificate names the digest of the run's manifest and of the certificate "
                "before it, and is signed; "
                "`callveil evidence verify` checks the store behind them."
            ],
            [self._verdict(residual)],
        )
        if self._c.scope.accounts:
            page.notes.insert(
                0,
                "With accounts chosen, only requests are listed whose search has found records in "
                "them; their counts are of all that was erased.",
            )
        return page
