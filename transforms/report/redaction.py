"""Redaction activity: findings, and records that were rejected."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from callveil.schemas.display_words import counts_in_words, value_in_words
from callveil.schemas.entities import ENTITIES
from callveil.schemas.finding import StoredFinding
from callveil.schemas.json_types import Row
from callveil.schemas.rejected import REASONS, RejectedRow
from callveil.schemas.report import REDACTION, REPORTS
from callveil.transforms.report import live_activity
from callveil.transforms.report.model import (
    Card,
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
from callveil.transforms.storage.commit.policy_archive import policy_at

_NAMES = tuple(f.name for f in REDACTION)
COLUMNS = (
    ("event_time", "When"),
    ("account_id", "Account"),
    ("interaction_id", "Interaction"),
    ("kind", "Kind"),
    ("field_path", "Field"),
    ("entity_type", "Found"),
    ("detector", "By"),
    ("score", "Score"),
    ("action", "Action"),
    ("trigger", "Trigger"),
    ("processed_at", "Processed"),
)


def is_kept(row: Row) -> bool:
    """Tell whether a finding was left readable, because the policy keeps its type."""
    return row["status"] == "kept" or row["action"] in ("keep", "none")


MOST = 5_000_000
"""Interactions that are told apart; of more it is said that there are at least so many."""


class RedactionReport:
    """Findings that were processed in the period, then what was rejected in it."""

    def __init__(self, context: ReportContext) -> None:
        self._c = context
        self._days, self._kept, self._rejected = DailyCounts(), FirstRows(), FirstRows()
        self._actions: Counter[str] = Counter()
        self._triggers: Counter[str] = Counter()
        self._reasons: Counter[str] = Counter()
        self._interactions: set[bytes] = set()
        self._policies: dict[str, str | None] = dict(context.policy_names())
        self._common = context.common(REPORTS["redaction"])
        self._found = self._kept_values = self._recordings = 0
        self._covered = 0.0

    def rows(self) -> Iterator[Row]:
        """Yield rows in the order of the store's files: by account type, day, account and
        interaction; then what was redacted as it arrived.
        """
        c = self._c
        outputs = {
            f.path.removeprefix("interactions/"): f.sha256
            for f in c.snapshot.by_dataset("interactions")
        }
        for entry in c.snapshot.by_dataset("findings"):
            output = outputs.get(entry.path.removeprefix("findings/"))
            for f in c.read(entry) if c.is_about(entry) else ():
                if c.scope.holds(f["processed_at"]) and c.scope.about(f["account_id"]):
                    yield self._found_row(f, output)
        for receipt in live_activity.scoped_receipts(c):
            if receipt["what"] == "audio" and receipt["status"] == "done":
                self._recordings += 1
                self._covered += max(receipt.get("covered_seconds") or (0.0,))
            for f in live_activity.read_findings(c, receipt):
                yield self._found_row(f, receipt["sha256"])
        for entry in c.snapshot.by_dataset("rejected"):
            run = c.run_of(entry.path)
            for r in c.read(entry) if c.is_about(entry) else ():
                if c.scope.holds(r["rejected_at"]) and c.scope.about(r["account_id"]):
                    yield self._rejected_row(
                        r, run.policy_name if run else None, run.policy_sha256 if run else None
                    )
        for r in live_activity.scoped_rejections(c):
            yield self._rejected_row(r, None, None)

    def _found_row(self, f: StoredFinding, output: str | None) -> Row:
        sha256 = f["policy_sha256"]
        if sha256 not in self._policies:
            stored = policy_at(self._c.store, sha256)
            self._policies[sha256] = stored.name if stored else None
        row = (
            self._common
            | {n: f.get(n) for n in _NAMES}
            | {
                "policy_version": self._policies[sha256],
                "policy_sha256": sha256,
                "account_id": f["account_id"],
                "agency_id": f["agency_id"] or None,
                "account_type_at_event": f["account_type"],
                "input_sha256": f.get("input_sha256") or None,
                "output_sha256": output,
                "residual_hits": 0,
            }
        )
        self._count(row)
        return row

    def _rejected_row(self, r: RejectedRow, policy: str | None, sha256: str | None) -> Row:
        row = self._common | {
            "policy_version": policy,
            "policy_sha256": sha256,
            "account_id": r["account_id"] or None,
            "interaction_id": r["interaction_id"] or None,
            "field_path": r["field"] or None,
            "count": 1,
            "trigger": "auto",
            "status": "rejected",
            "failure_reason": r["reason"],
            "processed_at": r["rejected_at"],
        }
        self._reasons[r["reason"]] += 1
        self._rejected.add(row | {"detail": r["detail"]})
        return row

    def _count(self, row: Row) -> None:
        n = row["count"] or 1
        self._actions[row["action"] or "none"] += n
        self._kept.add(row)
        if is_kept(row):
            self._kept_values += n
            return
        self._found += n
        self._days.add(row["event_time"], row["entity_type"], n)
        self._triggers[row["trigger"] or "auto"] += n
        if len(self._interactions) < MOST:
            self._interactions.add(f"{row['account_id']}\0{row['interaction_id']}".encode())

    def _verdict(self, rejected: int) -> PromiseCheck:
        why = [
            f"{format_count(n)} {value_in_words('failure_reason', r)}"
            for r, n in self._reasons.most_common(4)
        ]
        held = (
            f"{count_phrase(rejected, 'record is', 'records are')} held back, encrypted, and "
            f"passed to nobody: {', '.join(why)}"
        )
        return PromiseCheck(
            "Personal data is redacted before anybody reads a record",
            "records in which values were redacted",
            len(self._interactions),
            0,
            rejected,
            (held,) if rejected else (),
        )

    def page(self) -> Page:
        """Return the page."""
        totals = self._days.totals()
        rejected = sum(self._reasons.values())
        view = [
            {
                "entity": name,
                "meaning": ENTITIES.get(name, "named by the policy"),
                "count": count,
                "share": f"{count / max(self._found, 1):.1%}",
            }
            for name, count in totals.most_common()
        ]
        reasons = [
            {
                "reason": value_in_words("failure_reason", r),
                "meaning": REASONS.get(r, ""),
                "count": n,
            }
            for r, n in self._reasons.most_common()
        ]
        found_in = count_phrase(len(self._interactions), "interaction", "interactions")
        least = "at least " if len(self._interactions) >= MOST else ""
        page = Page(
            [
                Card(
                    "Values redacted",
                    format_count(self._found),
                    f"in {least}{found_in}, processed in the period; "
                    "values kept are not among them",
                ),
                Card(
                    "Values kept",
                    format_count(self._kept_values),
                    "found in the period, and left readable because the policy says so",
                ),
                Card(
                    "Kinds of personal data",
                    format_count(len(totals)),
                    "types of the values redacted",
                ),
                Card(
                    "By hand or on request",
                    format_count(self._found - self._triggers["auto"]),
                    "of the values redacted",
                ),
                Card(
                    "Recordings redacted",
                    format_count(self._recordings),
                    "recordings, in the period, as they arrived"
                    + (f"; {self._covered / 60:,.1f} minutes covered" if self._recordings else ""),
                ),
                Card(
                    "Records held back",
                    format_count(rejected),
                    "in the period; could not be redacted, encrypted until mended",
                    "warn" if rejected else "good",
                ),
            ],
            [
                self._days.chart(
                    "Values redacted by type and day",
                    "values",
                    "By the day the interaction happened (UTC). Values kept are not counted.",
                ),
                ranking_chart(
                    "Values redacted by type", totals, "values", "Values kept are not counted."
                ),
                ranking_chart(
                    "What was done with what was found",
                    counts_in_words("action", self._actions),
                    "values",
                    "Values redacted and values kept together.",
                ),
            ],
            [
                PageTable(
                    "Values redacted by type",
                    (
                        ("entity", "Type"),
                        ("meaning", "Meaning"),
                        ("count", "Values"),
                        ("share", "Share"),
                    ),
                    view,
                    len(view),
                ),
                self._kept.view("Findings", COLUMNS),
            ],
            [
                "A finding says what was found where and what was done; it never holds the value "
                "itself."
            ],
            [self._verdict(rejected)],
        )
        if self._recordings:
            page.notes.append(
                "What was redacted as it arrived stands beside what a later run made of the same "
                "record, so its values count in both."
            )
        if self._reasons:
            page.charts.append(
                ranking_chart(
                    "Records held back, by reason",
                    counts_in_words("failure_reason", self._reasons),
                    "records",
                    "Records of the period that could not be redacted, as the tile counts them.",
                )
            )
            page.views.append(
                PageTable(
                    "Records held back, by reason",
                    (("reason", "Reason"), ("meaning", "Meaning"), ("count", "Records")),
                    reasons,
                    len(reasons),
                )
            )
            page.views.append(
                self._rejected.view(
                    "Records held back",
                    (
                        ("processed_at", "When"),
                        ("account_id", "Account"),
                        ("interaction_id", "Interaction"),
                        ("field_path", "Field"),
                        ("failure_reason", "Reason"),
                        ("detail", "Detail"),
                    ),
                )
            )
        return page
