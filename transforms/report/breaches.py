"""The breach register: a table the company keeps, checked, with the 72-hour rule of Article 33."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from callveil.schemas.display_words import counts_in_words, value_in_words
from callveil.schemas.json_types import Row
from callveil.schemas.problem import Problem
from callveil.schemas.report import BREACH_STATES, BREACHES, REPORTS, Breach
from callveil.transforms.ingest.rows import TableError, TableRow, read_table
from callveil.transforms.report.model import (
    Card,
    Chart,
    FirstRows,
    Page,
    PageTable,
    PromiseCheck,
    ReportContext,
    count_phrase,
    format_count,
    ranking_chart,
)
from callveil.transforms.storage.files.filesystem import Files

LIMIT = dt.timedelta(hours=72)
BARS = 60
_TIMES = ("aware_at", "occurred_at", "notified_at", "subjects_notified_at")
_COUNTS = ("approx_subjects", "approx_records")
_DERIVED = ("notify_by", "state")
_KNOWN = tuple(f.name for f in BREACHES if f.name not in _DERIVED)
COLUMNS = (
    ("breach_id", "Breach"),
    ("aware_at", "Known since"),
    ("occurred_at", "Happened"),
    ("facts", "Facts"),
    ("approx_subjects", "People"),
    ("approx_records", "Records"),
    ("notify_by", "72 hours end"),
    ("notified_at", "Authority told"),
    ("state", "State"),
    ("decision_reason", "Reason"),
    ("late_reason", "Reason for delay"),
    ("subjects_notified_at", "People told"),
    ("measures", "Measures"),
)

TEMPLATE = """\
# The breach register (Art. 33(5) GDPR). One entry per breach, notifiable or not; nothing is ever taken out.
# Times are ISO 8601; without an offset they are UTC. A CSV file with these columns is read as well (lists parted by semicolons).
breaches:
  - breach_id: B-2026-001
    aware_at: "2026-11-02T09:30:00+01:00"      # the 72 hours begin
    occurred_at: "2026-11-01T18:00:00+01:00"
    causes: an export was sent to a wrong address
    facts: one CSV file with call records left the company by e-mail
    data_categories: [contact details, call times]
    approx_subjects: 40
    approx_records: 52
    consequences: unwanted calls are possible
    measures: the recipient has deleted the file and confirmed it in writing
    notifiable: true                            # false needs a decision_reason; leave it out while it is not decided
    decision_reason: contact details of private persons
    notified_at: "2026-11-03T16:00:00+01:00"
    # late_reason:                              # needed where it was notified after more than 72 hours
    # subjects_notified_at:                     # Art. 34, where the risk is high
"""


class BreachesError(TableError):
    """The breach register is wrong; names file, line and field, and quotes nothing."""

    what = "breach register"


def read_breaches(files: Files, patterns: Sequence[str], as_of: dt.datetime) -> list[Breach]:
    """Return breaches in order of `aware_at`, with `notify_by` and `state` at `as_of`.

    Raises: `BreachesError` with all that is wrong; `InputError` where a pattern names nothing.
    """
    problems: list[Problem] = []
    out: dict[str, Breach] = {}
    for item in read_table(files, patterns, "breaches"):
        if isinstance(item, Problem):
            problems.append(item)
            continue
        breach = _breach(item, problems)
        if breach and breach["breach_id"] in out:
            problems.append(
                Problem(
                    item.file,
                    item.line,
                    "breach_id",
                    "the id stands twice; give each breach an id of its own",
                )
            )
        elif breach:
            out[breach["breach_id"]] = breach | {
                "notify_by": breach["aware_at"] + LIMIT,
                "state": breach_state(breach, as_of),
            }
    if problems:
        raise BreachesError(problems)
    return sorted(out.values(), key=lambda b: (b["aware_at"], b["breach_id"]))


def breach_state(breach: Breach, as_of: dt.datetime) -> str:
    """Tell where a breach stands by Art. 33(1): see `BREACH_STATES`."""
    limit = breach["aware_at"] + LIMIT
    told = breach.get("notified_at")
    if told:
        return (
            "on_time"
            if told <= limit
            else "late_with_reasons"
            if breach.get("late_reason")
            else "late_without_reasons"
        )
    if breach.get("notifiable") is False:
        return "not_notifiable"
    if as_of > limit:
        return "overdue"
    return "due" if breach.get("notifiable") else "undecided"


def _breach(row: TableRow, problems: list[Problem]) -> Breach | None:
    before = len(problems)

    def fail(field: str, message: str) -> None:
        problems.append(Problem(row.file, row.line, field, message))

    unknown = sorted(set(map(str, row.values)) - set(_KNOWN))
    if unknown:
        fail(
            "",
            f"{len(unknown)} columns that a breach register does not have; it has "
            f"{', '.join(_KNOWN)}",
        )
    out: Row = {}
    for name in _KNOWN:
        value = row.values.get(name)
        if value is None or value == "":
            continue
        if name in _TIMES:
            out[name] = _time(value)
            if out[name] is None:
                fail(name, "expected a time such as 2026-11-02T09:30:00+01:00")
        elif name in _COUNTS:
            out[name] = _count(value)
            if out[name] is None:
                fail(name, "expected a whole number")
        elif name == "notifiable":
            out[name] = {
                "true": True,
                "yes": True,
                "1": True,
                "false": False,
                "no": False,
                "0": False,
            }.get(str(value).strip().lower())
            if out[name] is None:
                fail(name, "expected true or false; leave it out while it is not decided")
        elif name == "data_categories":
            out[name] = [
                str(v).strip()
                for v in (value if isinstance(value, list) else str(value).split(";"))
                if str(v).strip()
            ]
        else:
            out[name] = str(value).strip()
    for name in ("breach_id", "aware_at", "facts"):
        if name not in out:
            fail(name, "is missing")
    if len(problems) == before:
        _consistent(out, fail)
    return cast(Breach, out) if len(problems) == before else None


def _consistent(out: Mapping[str, Any], fail: Any) -> None:
    aware = out["aware_at"]
    if out.get("occurred_at") and out["occurred_at"] > aware:
        fail("occurred_at", "is later than aware_at; a breach is known only after it has happened")
    for name in ("notified_at", "subjects_notified_at"):
        if out.get(name) and out[name] < aware:
            fail(name, "is earlier than aware_at")
    if out.get("notifiable") is False and not out.get("decision_reason"):
        fail(
            "decision_reason",
            "is missing; why a breach need not be notified is to be documented (Art. 33(5))",
        )
    if out.get("notifiable") is False and out.get("notified_at"):
        fail("notifiable", "is false, although notified_at is given")


def _time(value: Any) -> dt.datetime | None:
    if isinstance(value, dt.datetime):
        return value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value.astimezone(dt.UTC)
    if isinstance(value, dt.date):
        return dt.datetime(value.year, value.month, value.day, tzinfo=dt.UTC)
    try:
        return _time(dt.datetime.fromisoformat(str(value).strip()))
    except ValueError:
        return None


def _count(value: Any) -> int | None:
    text = str(value).replace(",", "").replace("_", "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


class BreachReport:
    """Breaches that became known in the period.

    Args:
        breaches: from `read_breaches`; None where the company gave no register.
    """

    def __init__(self, context: ReportContext, breaches: list[Breach] | None) -> None:
        self._c, self._breaches = context, breaches
        self._kept, self._states = FirstRows(), Counter[str]()
        self._rows: list[Row] = []

    def rows(self) -> Iterator[Row]:
        """Yield one row per breach, in order of when it became known."""
        common = self._c.common(REPORTS["breaches"])
        for breach in self._breaches or ():
            if self._c.scope.holds(breach["aware_at"]):
                row = common | breach
                self._states[breach["state"]] += 1
                self._rows.append(row)
                self._kept.add(row)
                yield row

    def page(self) -> Page:
        """Return the page."""
        bad = self._states["overdue"] + self._states["late_without_reasons"]
        waiting = self._states["due"] + self._states["undecided"]
        as_of = self._c.scope.as_of
        concerned = [r for r in self._rows if r.get("notifiable") is not False]
        told = concerned[-BARS:]
        newest = (
            f" The newest {BARS} of {format_count(len(concerned))}."
            if len(concerned) > BARS
            else ""
        )
        hours = [
            round(((r.get("notified_at") or as_of) - r["aware_at"]).total_seconds() / 3600, 1)
            for r in told
        ]
        chart = Chart(
            "Hours until the authority was told",
            "hbar",
            [f"{r['breach_id']}{'' if r.get('notified_at') else ' (still open)'}" for r in told],
            {"hours": hours, "allowed": [72.0] * len(told)},
            "hours",
            "Each breach of the period that was or may have to be notified, from when it became "
            "known; "
            f"open ones up to the report's time.{newest}",
            "",
        )
        late, reasons = self._states["late_without_reasons"], self._states["late_with_reasons"]
        why = (
            [f"{count_phrase(self._states['overdue'], 'is', 'are')} overdue"]
            if self._states["overdue"]
            else []
        )
        why += (
            [f"{count_phrase(late, 'was', 'were')} notified late without reasons"] if late else []
        )
        why += (
            [f"{count_phrase(reasons, 'was', 'were')} notified late, with reasons"]
            if reasons
            else []
        )
        why += (
            [f"{count_phrase(waiting, 'is', 'are')} to be decided or notified"] if waiting else []
        )
        kept = self._states["on_time"] + self._states["not_notifiable"]
        verdict = PromiseCheck(
            "The authority is told of a breach within 72 hours",
            "breaches",
            kept,
            bad + reasons,
            waiting,
            tuple(why),
        )
        states = [
            {"state": value_in_words("state", s), "meaning": BREACH_STATES[s], "count": n}
            for s, n in self._states.most_common()
        ]
        page = Page(
            [
                Card(
                    "Breaches",
                    format_count(len(self._rows)),
                    "became known in the period; about "
                    f"{format_count(sum(r.get('approx_subjects') or 0 for r in self._rows))} "
                    "people concerned",
                ),
                Card(
                    "Late without reasons, or overdue",
                    format_count(bad),
                    "of these; the authority is to be told within 72 hours (Art. 33(1))",
                    "bad" if bad else "good",
                ),
                Card(
                    "To be decided or notified",
                    format_count(waiting),
                    "of these; their 72 hours are not over",
                    "warn" if waiting else "",
                ),
                Card(
                    "Need not be notified",
                    format_count(self._states["not_notifiable"]),
                    "of these, with the reason documented",
                ),
            ],
            [
                chart,
                ranking_chart(
                    "Breaches by state",
                    counts_in_words("state", self._states),
                    "breaches",
                    "Breaches of the period, at the report's time.",
                ),
            ],
            [
                self._kept.view("Breaches", COLUMNS),
                PageTable(
                    "States",
                    (("state", "State"), ("meaning", "Meaning"), ("count", "Breaches")),
                    states,
                    len(states),
                ),
            ],
            [
                "The register is the company's own; callveil checks it and counts the hours. It is "
                "not looked for in the store."
            ],
            [verdict] if self._breaches is not None else [],
        )
        if self._c.scope.accounts:
            page.notes.insert(
                0,
                "Accounts were chosen; the register is not divided by account, so it stands here "
                "as a whole.",
            )
        if self._breaches is None:
            page.notes.insert(
                0,
                "No register was given (--breaches FILE), so this report is empty. `callveil "
                "report breaches --template` prints one.",
            )
        return page
