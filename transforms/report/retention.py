"""Retention and disposal: dispositions, joined with the certificates of their runs."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from itertools import accumulate

from callveil.schemas.display_words import counts_in_words, value_in_words
from callveil.schemas.disposition import REASONS, Disposition
from callveil.schemas.json_types import Row
from callveil.schemas.report import REPORTS, RETENTION
from callveil.transforms.report.model import (
    BY_MONTH,
    DAY,
    Card,
    Chart,
    DailyCounts,
    FirstRows,
    Page,
    PageTable,
    PromiseCheck,
    ReportContext,
    axis_periods,
    count_phrase,
    format_count,
    ranking_chart,
)
from callveil.transforms.storage.format1.snapshot import parse_time

_NAMES = tuple(f.name for f in RETENTION)
COLUMNS = (
    ("record_class", "Class"),
    ("account_id", "Account"),
    ("decision", "Decision"),
    ("reason_code", "Reason"),
    ("rule_id", "Rule"),
    ("retention_days", "Days"),
    ("eligible_at", "Expired"),
    ("disposed_at", "Deleted"),
    ("old_versions_purged_at", "Purged"),
    ("promise", "Promise"),
    ("rows_deleted", "Records"),
    ("method", "Method"),
    ("late", "Arrived expired"),
    ("hold_id", "Hold"),
)


SOON = dt.timedelta(days=1)
"""Runs are daily: what is deleted within so long of its time is deleted as promised."""
STALE_RUN = dt.timedelta(days=2)
"""Where the newest run is older, nothing tells what is overdue."""


def deletion_delay(row: Row) -> dt.timedelta | None:
    """Tell how long after its time a deletion came, where that is later than was promised; None
    where it was in time, or nothing was deleted.

    What had expired when it arrived (`late`) is no broken promise of the run that deleted it next.
    A file stands for a day, and goes when the last of its records is due; its first may then wait a
    day longer.
    """
    done, last = row["disposed_at"], row["eligible_at"]
    if (
        row["decision"] not in ("delete", "redact")
        or not done
        or not last
        or row["dry_run"]
        or row["late"]
    ):
        return None
    first = row.get("expired_first") or last
    return done - first if done - last > SOON or done - first > 2 * SOON else None


def is_deletion(row: Row) -> bool:
    """Tell whether a row stands for what was deleted in a file: deletions are counted by these,
    once.
    """
    return (
        row["decision"] in ("delete", "redact")
        and bool(row["disposed_at"])
        and row["record_id"] is None
    )


def count_records(row: Row) -> int:
    """Tell how many records a row decides about. Those that go have rows of their own in some
    files, but are counted by the file's row.
    """
    if row["record_id"] is not None:
        return 0 if row["decision"] in ("delete", "redact") else 1
    return 1 if row["rows_deleted"] is None else int(row["rows_deleted"])


def purge_times(
    c: ReportContext,
) -> dict[tuple[str, ...], tuple[dt.datetime | None, dt.datetime | None]]:
    """Tell when the files of a series were purged, and when that was checked; the latest
    certificate of each.
    """
    out: dict[tuple[str, ...], tuple[dt.datetime | None, dt.datetime | None]] = {}
    for entry in c.snapshot.by_dataset("certificates"):
        for r in c.read(entry):
            series = (
                r["run_id"],
                r["record_class"],
                r["account_type"] or "",
                r["rule_id"] or "",
                r["method"],
            )
            if out.get(series, (None, None))[0] is None:
                out[series] = (r["purged_at"], r["verified_at"])
    return out


def series_of(row: Disposition, run_id: str) -> tuple[str, ...]:
    """Return the series of a run's certificates that a disposition belongs to."""
    return (
        run_id,
        row["record_class"],
        row["type_at_event"] or "",
        row["rule_id"] or "",
        row["method"],
    )


class RetentionReport:
    """Decisions of the retention runs whose time lies in the period."""

    def __init__(self, context: ReportContext) -> None:
        self._c = context
        self._days, self._kept = DailyCounts(), FirstRows()
        self._decisions: Counter[str] = Counter()
        self._reasons: Counter[str] = Counter()
        self._deleted: Counter[str] = Counter()
        self._steps: Counter[dt.datetime] = Counter()
        self._deletions = self._late = self._unpurged = self._overdue = self._waiting = 0
        self._longest = self._latest = dt.timedelta()
        self._runs: set[str] = set()
        self._held: set[tuple[str, str | None, str | None]] = set()

    def rows(self) -> Iterator[Row]:
        """Yield rows run by run."""
        c = self._c
        common, certified = c.common(REPORTS["retention"]), purge_times(c)
        for entry in c.snapshot.by_dataset("dispositions"):
            run = c.run_of(entry.path)
            when = parse_time(run.as_of) if run else None
            if not c.scope.holds(when):
                continue
            if run:
                self._runs.add(
                    next((i["plan_sha256"] for i in run.inputs if "plan_sha256" in i), run.run_id)
                )
            for d in c.read(entry) if c.is_about(entry) else ():
                if not c.scope.about(d["account_id"]):
                    continue
                purged, verified = certified.get(
                    series_of(d, run.run_id if run else ""), (None, None)
                )
                row = (
                    common
                    | {n: d.get(n) for n in _NAMES if n in d}
                    | {
                        "policy_version": run.policy_name if run else None,
                        "policy_sha256": run.policy_sha256 if run else None,
                        "account_id": d["account_id"] or None,
                        "account_type_at_event": d["type_at_event"] or None,
                        "old_versions_purged_at": purged,
                        "verified_at": verified,
                    }
                )
                self._count(row, when)
                yield row

    def _count(self, row: Row, when: dt.datetime | None) -> None:
        n = count_records(row)
        self._decisions[row["decision"]] += n
        self._reasons[row["reason_code"]] += n
        self._days.add(when, value_in_words("decision", row["decision"]), n)
        if row["decision"] == "hold":  # decided anew by each run that would have deleted it
            self._held.add((row["record_class"], row["account_id"], row["record_id"]))
        late = deletion_delay(row)
        if is_deletion(row):
            self._overdue += n if late else 0
            self._latest = max(self._latest, late or dt.timedelta())
            self._waiting += n if not late and not row["old_versions_purged_at"] else 0
            self._deletions += n
            self._deleted[row["record_class"]] += n
            self._unpurged += 0 if row["old_versions_purged_at"] else n
            if row["eligible_at"]:
                first = row["expired_first"] or row["eligible_at"]
                self._steps[first] += n
                self._steps[row["disposed_at"]] -= n
                self._longest = max(self._longest, row["disposed_at"] - first)
        self._late += n if row["late"] else 0
        days = f"late by {late.total_seconds() / 86_400:,.1f} days" if late else ""
        in_time = (
            row["decision"] in ("delete", "redact") and row["disposed_at"] and not row["dry_run"]
        )
        self._kept.add(row | {"promise": days or ("kept" if in_time else None)})

    def _verdict(self) -> PromiseCheck:
        longest = f"{self._latest.total_seconds() / 86_400:.1f} days"
        late = (
            f"{count_phrase(self._overdue, 'was', 'were')} deleted more than a day after "
            f"{'its' if self._overdue == 1 else 'their'} time"
        )
        why = [f"{late}, the longest wait {longest}"] if self._overdue else []
        why += (
            [f"old copies of {format_count(self._unpurged)} are locked"] if self._unpurged else []
        )
        why += (
            [f"{count_phrase(len(self._held), 'stays', 'stay')} by a legal hold"]
            if self._held
            else []
        )
        end = min(self._c.scope.end, self._c.scope.as_of)
        ran = max(
            (
                t
                for m in self._c.runs.values()
                if m.job == "retain" and (t := parse_time(m.as_of)) <= end
            ),
            default=None,
        )
        known = ran is not None and end - ran <= STALE_RUN
        if not known:
            why.append(
                f"retention {f'last ran for {ran:%Y-%m-%d}' if ran else 'has never run'}, so what "
                "is overdue is not known"
            )
        kept = self._deletions - self._overdue - self._waiting
        return PromiseCheck(
            "Data is deleted when its time is over",
            "records",
            kept,
            self._overdue,
            self._waiting,
            tuple(why),
            known,
        )

    def _backlog(self) -> Chart:
        """Return records that had expired and were not yet deleted, at the end of each day, or
        month of a long stretch.
        """
        by_day: Counter[str] = Counter()
        for when, change in self._steps.items():
            by_day[when.astimezone(dt.UTC).date().isoformat()] += change
        labels, cut = axis_periods(set(by_day))
        steps: Counter[str] = Counter()
        for day, change in by_day.items():
            steps[day[:cut]] += change
        values = list(accumulate(steps[label] for label in labels))
        note = (
            "Expired records at the end of each day that were still to be deleted, as far as runs "
            "in the period deleted them since. "
            "Those of a file count from when its first expired."
        )
        axis, by = ("day", "") if cut == DAY else ("month", f" {BY_MONTH}")
        return Chart(
            "Expiry backlog", "line", labels, {"records": values}, "records", note + by, axis
        )

    def page(self) -> Page:
        """Return the page."""
        held = len(self._held)
        reasons = [
            {"reason": value_in_words("reason_code", r), "meaning": REASONS.get(r, ""), "count": n}
            for r, n in (+self._reasons).most_common()
        ]
        longest = f"{self._longest.total_seconds() / 86_400:.1f} days" if self._deletions else "-"
        page = Page(
            [
                Card(
                    "Retention runs",
                    format_count(len(self._runs)),
                    "of all accounts, in the period",
                ),
                Card(
                    "Records deleted",
                    format_count(self._deletions),
                    "by these runs; whole files counted by their records, fully redacted records "
                    "too",
                ),
                Card(
                    "Deleted late",
                    format_count(self._overdue),
                    "of these; more than a day after their time",
                    "bad" if self._overdue else "good",
                ),
                Card(
                    "Longest from expiry to deletion",
                    longest,
                    "of these; what arrived when it had expired is among them",
                    "bad" if self._overdue else "",
                ),
                Card(
                    "Not yet purged everywhere",
                    format_count(self._unpurged),
                    "of these; deleted, but old object versions are locked",
                    "bad" if self._unpurged else "good",
                ),
                Card(
                    "Held",
                    format_count(held),
                    "records that were due, and that a legal hold protects",
                    "warn" if held else "",
                ),
            ],
            [
                self._days.chart(
                    "Decisions by run",
                    "records",
                    "Records decided about, by the run's time (UTC); each run that finds a record "
                    "held counts it again.",
                ),
                self._backlog(),
                ranking_chart(
                    "Deleted by record class",
                    counts_in_words("record_class", self._deleted),
                    "records",
                    "Records deleted, as the tile counts them.",
                ),
            ],
            [
                PageTable(
                    "Reasons",
                    (("reason", "Reason"), ("meaning", "Meaning"), ("count", "Records")),
                    reasons,
                    len(reasons),
                    "Records decided about, as the chart of decisions counts them.",
                ),
                self._kept.view(
                    "Decisions",
                    COLUMNS,
                    "A row with a number of records stands for all of its account's records in a "
                    "file that were due.",
                ),
            ],
            [
                "Expired, deleted and purged are three times: a record expires by rule, is deleted "
                "when no reader sees it any more, and is purged when "
                "no copy is left in any object version."
            ],
            [self._verdict()],
        )
        if self._late:
            arrived = count_phrase(self._late, "record", "records")
            page.notes.append(
                f"{arrived} had expired before an earlier run and arrived after it (late)."
            )
        return page
