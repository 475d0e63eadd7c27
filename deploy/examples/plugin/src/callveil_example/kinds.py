"""A report of how many interactions there are of each kind."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from callveil.schemas.fields import Field, Integer, Text
from callveil.schemas.report import ReportType
from callveil.transforms.report.model import Card, Page, ReportContext, format_count
from callveil.transforms.storage.encryption.keyring import Keyring

REPORT = ReportType(
    "kinds",
    "Interactions by kind",
    "How many calls, texts, chats and forms the store holds.",
    (
        Field("kind", Text(), "call, text, chat or form", personal=False),
        Field("count", Integer(), "interactions of that kind", personal=False),
    ),
    "when the interaction began",
)


class KindsReport:
    """One row for each kind."""

    def __init__(self, context: ReportContext) -> None:
        self._context = context
        self._counts: Counter[str] = Counter()

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield the rows, without `row_hash`."""
        scope = self._context.scope
        for entry in self._context.snapshot.by_dataset("interactions"):
            for row in self._context.read(entry, ["account_id", "called_at", "kind"]):
                if scope.holds(row["called_at"]) and scope.about(row["account_id"]):
                    self._counts[row["kind"]] += 1
        for kind, count in sorted(self._counts.items()):
            yield self._context.common(REPORT) | {"kind": kind, "count": count}

    def page(self) -> Page:
        """Return the page."""
        total = format_count(self._counts.total())
        return Page(cards=[Card("Interactions", total, "of all kinds in the period")])


def make(context: ReportContext, keyring: Keyring) -> KindsReport:
    """Return the report over one state of a store."""
    return KindsReport(context)
