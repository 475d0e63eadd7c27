"""The change history as a report: the rows of `transforms.report.change_history.export`, for a
period, with a page.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from callveil.schemas.history import CLASSES
from callveil.schemas.json_types import Row
from callveil.schemas.report import REPORTS
from callveil.transforms.redact.versions.timeline import HistoryEntry
from callveil.transforms.report.change_history.export import (
    Expires,
    ReportColumns,
    account_rows,
    accounts_with_versions,
    read_account_versions,
)
from callveil.transforms.report.model import (
    Card,
    DailyCounts,
    FirstRows,
    Page,
    PageTable,
    ReportContext,
    format_count,
    ranking_chart,
)
from callveil.transforms.storage.encryption.keyring import Keyring

COLUMNS = (
    ("occurred_at", "When"),
    ("account_id", "Account"),
    ("item_type", "Object"),
    ("item_id", "Id"),
    ("event", "Event"),
    ("field", "Field"),
    ("before", "Before"),
    ("after", "After"),
    ("actor_name", "Who"),
    ("actor_role", "Role"),
    ("actor_ip", "From"),
    ("sensitive_class", "Security class"),
)
ORDINARY = "other changes"


def actor_of(row: Row) -> str:
    """Tell who made a change, told apart by id, else by name, else by address; a change that names
    nobody is put down to its kind of actor.
    """
    who = row["actor_id"] or row["actor_name"]
    kind = row["actor_type"] or "unknown"
    if who:
        return str(who)
    return f"{kind} at {row['actor_ip']}" if row["actor_ip"] else f"{kind}, not named"


class HistoryReport:
    """Changes of the period, one row per changed field, account by account.

    Args:
        keyring: chains the rows.
        expires: tells when a version becomes due for deletion, or None.
    """

    def __init__(
        self, context: ReportContext, keyring: Keyring, expires: Expires | None = None
    ) -> None:
        self._c, self._keyring, self._expires = context, keyring, expires
        self._days, self._kept, self._sensitive = DailyCounts(), FirstRows(), FirstRows()
        self._items, self._actors, self._events = Counter[str](), Counter[str](), Counter[str]()
        self._classes: Counter[str] = Counter()
        self._changes = 0

    def rows(self) -> Iterator[Row]:
        """Yield rows, chained per account; `callveil history verify` checks them."""
        c = self._c
        head = c.common(REPORTS["history"])
        report = ReportColumns(
            head["report_id"], head["run_id"] or "", c.scope.as_of, c.tool, c.policy_names()
        )
        counts = (
            accounts_with_versions(c.store, c.snapshot, sorted(c.scope.accounts))
            if c.snapshot.by_dataset("versions")
            else {}
        )

        def within(entry: HistoryEntry) -> bool:
            return c.scope.holds(entry.version.created_at)

        for _, versions in read_account_versions(c.store, c.snapshot, counts):
            for row in account_rows(report, self._keyring, versions, self._expires, within):
                self._count(row)
                yield row

    def _count(self, row: Row) -> None:
        self._changes += 1
        kind = row["sensitive_class"] or ORDINARY
        self._days.add(row["occurred_at"], kind)
        self._items[row["item_type"]] += 1
        self._actors[actor_of(row)] += 1
        self._events[row["event"]] += 1
        if row["sensitive_class"]:
            self._classes[kind] += 1
            self._sensitive.add(row)
        self._kept.add(row)

    def page(self) -> Page:
        """Return the page."""
        classes = [
            {"class": k, "meaning": CLASSES.get(k, ""), "count": n}
            for k, n in self._classes.most_common()
        ]
        found = sum(self._classes.values())
        return Page(
            [
                Card(
                    "Changes",
                    format_count(self._changes),
                    "of the period, one per changed field; an event without fields counts once",
                ),
                Card(
                    "Security-relevant changes",
                    format_count(found),
                    "of these; the classes are listed below",
                    "warn" if found else "good",
                ),
                Card(
                    "Actors",
                    format_count(len(self._actors)),
                    "people and systems behind these changes, told apart by id, else by name",
                ),
                Card(
                    "Kinds of object",
                    format_count(len(self._items)),
                    "types of the objects that were changed in the period",
                ),
            ],
            [
                self._days.chart(
                    "Changes by day and security class",
                    "changes",
                    "One per changed field, by the day it happened (UTC).",
                ),
                ranking_chart(
                    "Changes by object",
                    self._items,
                    "changes",
                    "One per changed field, by the type of the object.",
                ),
                ranking_chart(
                    "Changes by actor",
                    self._actors,
                    "changes",
                    "One per changed field; actors by id, else by name.",
                ),
            ],
            [
                PageTable(
                    "Security-relevant changes by class",
                    (("class", "Class"), ("meaning", "Meaning"), ("count", "Changes")),
                    classes,
                    len(classes),
                ),
                self._sensitive.view("Security-relevant changes", COLUMNS),
                self._kept.view("All changes", COLUMNS),
            ],
            [
                "Personal values and secrets are redacted before they are stored. The rows of each "
                "account are chained by keyed hashes; "
                "`callveil history verify` checks the file."
            ],
        )
