"""Records of processing (Article 30), joined with what policy and store do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from callveil.schemas.display_words import value_in_words
from callveil.schemas.json_types import Row
from callveil.schemas.report import REPORTS
from callveil.transforms.report.activities import Activity
from callveil.transforms.report.model import (
    Card,
    FirstRows,
    Page,
    PageTable,
    PromiseCheck,
    ReportContext,
    format_count,
    ranking_chart,
)
from callveil.transforms.report.processing_facts import (
    ProcessingFacts,
    check_time_limits,
    collect_facts,
    find_differences,
)

COLUMNS = (
    ("activity_id", "Activity"),
    ("name", "Name"),
    ("role", "Role"),
    ("purposes", "Purposes"),
    ("lawful_basis", "Lawful basis"),
    ("subject_categories", "People"),
    ("data_categories", "Data"),
    ("recipients", "Recipients"),
    ("third_countries", "Third countries"),
    ("retention_by_category", "Time limits"),
    ("retention_adherence", "Kept to"),
    ("reviewed_at", "Reviewed"),
)


class ProcessingReport:
    """The company's record as it stands.

    Args:
        activities: from `load_activities`; None where the company gave none.
    """

    def __init__(self, context: ReportContext, activities: list[Activity] | None) -> None:
        self._c, self._activities = context, activities
        self._kept = FirstRows()
        self._found: list[dict[str, str]] = []
        self._adherence: Counter[str] = Counter()
        self._facts: ProcessingFacts | None = None

    def rows(self) -> Iterator[Row]:
        """Yield one row per activity, in the record's order."""
        c = self._c
        common = c.common(REPORTS["processing"])
        activities = self._activities or []
        ours = [a for a in activities if a.ours]
        self._facts = facts = collect_facts(c)
        for activity in activities:
            row = common | {k: v for k, v in activity.values.items() if v is not None}
            if activity.ours:
                kept, reasons = check_time_limits(activity, facts, c.scope.as_of)
                found = find_differences(activity, ours, facts, c.scope.as_of)
                row |= {
                    "retention_adherence": kept,
                    "non_adherence_reason": reasons,
                    "differences": found,
                }
                if facts.policy is not None:
                    row |= {
                        "policy_version": facts.policy.name,
                        "policy_sha256": facts.policy.sha256,
                    }
                self._adherence[kept] += 1
                self._found += [
                    {"activity": activity.values["activity_id"], "what": "differs", "text": text}
                    for text in found
                ]
                self._found += [
                    {"activity": activity.values["activity_id"], "what": "time limit", "text": text}
                    for text in reasons
                ]
            self._kept.add(row)
            yield row

    def _verdict(self) -> PromiseCheck:
        why = [f["text"] for f in self._found if f["what"] == "time limit"]
        kept = self._adherence
        return PromiseCheck(
            "Time limits of the record of processing are kept",
            "activities",
            kept["yes"],
            kept["no"],
            kept["unknown"],
            tuple(why[:4]),
        )

    def page(self) -> Page:
        """Return the page."""
        facts = self._facts
        differ = [f for f in self._found if f["what"] == "differs"]
        page = Page(
            [
                Card(
                    "Activities",
                    format_count(self._kept.total),
                    "in the company's record as it stands",
                ),
                Card(
                    "Compared with this store",
                    format_count(sum(self._adherence.values())),
                    "of these; activities whose data lies here",
                ),
                Card(
                    "Differences",
                    format_count(len(differ)),
                    "points in which these say something else than policy and store do",
                    "bad" if differ else "good",
                ),
                Card(
                    "Time limits not kept",
                    format_count(self._adherence["no"]),
                    "of these; activities with a limit that was not kept. Of "
                    f"{format_count(self._adherence['unknown'])} it is not known",
                    "bad" if self._adherence["no"] else "good",
                ),
            ],
            [],
            [
                PageTable(
                    "Where policy and store do something else than the record says",
                    (("activity", "Activity"), ("what", "What"), ("text", "Difference")),
                    self._found,
                    len(self._found),
                ),
                self._kept.view(
                    "Processing activities", COLUMNS, "The Parquet file has all columns of Art. 30."
                ),
            ],
            [
                "The record is the company's own; callveil checks its form and sets it beside what "
                "its policy and store do."
            ],
        )
        if self._activities is not None:
            page.verdicts.append(self._verdict())
        if facts is not None:
            page.charts.append(
                ranking_chart(
                    "Values found in the store by type",
                    facts.entities,
                    "values",
                    "In all that the store holds now, whenever found; values redacted and values "
                    "kept together.",
                )
            )
            page.views.append(_store_view(facts))
            if self._c.scope.accounts:
                whose = (
                    "values, rows and days of the store are theirs alone; the record is the "
                    "company's as a whole."
                )
                page.notes.insert(0, f"Accounts were chosen: {whose}")
        if self._activities is None:
            page.notes.insert(
                0,
                "No record was given (--activities FILE), so this report is empty. `callveil "
                "report processing --template` prints one.",
            )
        return page


def _store_view(facts: ProcessingFacts) -> PageTable:
    policy = facts.policy
    rows = [
        {"what": "store", "is": facts.root},
        {
            "what": "policy",
            "is": f"{policy.name}, {policy.sha256[:16]}" if policy else "none known",
        },
    ]
    rows += [
        {"what": f"rows of {value_in_words('dataset', name)}", "is": format_count(count)}
        for name, count in sorted(facts.rows.items())
        if count
    ]
    rows += [
        {
            "what": "oldest day of "
            f"{value_in_words('dataset', name)}{f', {kind} accounts' if kind else ''}",
            "is": day.isoformat(),
        }
        for (name, kind), day in sorted(facts.oldest.items())
    ]
    if policy is not None:
        for rule in policy.retention.rules:
            who = (
                f" of {', '.join(sorted(rule.account_types))} accounts"
                if rule.account_types
                else ""
            )
            rows.append(
                {
                    "what": f"rule {rule.rule_id}",
                    "is": f"{rule.action} {', '.join(sorted(rule.classes))}{who}: {rule.days} days "
                    f"from {rule.clock}",
                }
            )
    rows.append(
        {
            "what": "retention last ran",
            "is": facts.retained_at.date().isoformat() if facts.retained_at else "never",
        }
    )
    return PageTable("What policy and store do", (("what", "What"), ("is", "Is")), rows, len(rows))
