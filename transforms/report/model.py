"""Page model of the reports before HTML rendering, and the context every report is made from."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import pyarrow.parquet as pq

from callveil.schemas.json_types import Row
from callveil.schemas.manifest import FileEntry, RunManifest
from callveil.schemas.report import SCHEMA_VERSION, ReportType
from callveil.transforms.report.scope import ReportScope
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.evidence.salt_store import owner_run
from callveil.transforms.storage.format1.snapshot import Snapshot

PAGE_ROWS = 500
"""Rows a page shows at most, of any table."""
MAX_BARS = 366
MAX_SERIES = 8
OTHER = "others"


@dataclass(frozen=True)
class Card:
    """A figure at the head of a page.

    Attributes:
        label, value: texts. hint: one line that says what is counted.
        tone: `good`, `bad`, `warn` or empty.
    """

    label: str
    value: str
    hint: str = ""
    tone: str = ""


@dataclass(frozen=True)
class Chart:
    """A chart, drawn by Chart.js, with its figures as a table beside it.

    Attributes:
        title: of the chart. kind: `bar`, `stacked`, `hbar` or `line`.
        labels: along the axis. series: values by name, as long as the labels.
        unit: of the values. note: one sentence that says what is counted.
    """

    title: str
    kind: str
    labels: Sequence[str]
    series: Mapping[str, Sequence[float | None]]
    unit: str
    note: str
    axis: str = "day"

    @property
    def is_empty(self) -> bool:
        """Nothing to draw."""
        return not any(v for values in self.series.values() for v in values)


@dataclass(frozen=True)
class PageTable:
    """A table of a page.

    Attributes:
        caption: what it shows.
        columns: `(key, heading)`.
        rows: values by key, at most `PAGE_ROWS`.
        total: how many there are in all. note: one sentence.
    """

    caption: str
    columns: Sequence[tuple[str, str]]
    rows: Sequence[Mapping[str, Any]]
    total: int
    note: str = ""


@dataclass(frozen=True)
class PromiseCheck:
    """Promise, and whether it was kept: one line of the index.

    Attributes:
        promise: in words. kept, broken, open: how many; each is counted in one of these.
        why: what stands behind `broken` and `open`, in words.
        unit: what is counted.
        known: false where nothing tells whether it was kept.
    """

    promise: str
    unit: str
    kept: int = 0
    broken: int = 0
    open: int = 0
    why: tuple[str, ...] = ()
    known: bool = True

    @property
    def tone(self) -> str:
        """`bad` where something was not kept, `warn` where it is open or not known, else `good`."""
        return "bad" if self.broken else "warn" if self.open or not self.known else "good"

    @property
    def said(self) -> str:
        """The verdict in words."""
        if self.broken:
            return "not kept in full"
        if not self.known:
            return "not known"
        return "open" if self.open else "kept" if self.kept else "nothing was due"


@dataclass
class Page:
    """Content of a page, in its order; `verdicts` stand on the index."""

    cards: list[Card] = field(default_factory=list)
    charts: list[Chart] = field(default_factory=list)
    views: list[PageTable] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    verdicts: list[PromiseCheck] = field(default_factory=list)


@dataclass
class ReportContext:
    """Material that reports are made from.

    Attributes:
        store, snapshot: the store, in one state.
        scope: what the report is about.
        tool: callveil's version.
        runs: manifests by the first digits of their run id.
        given: files the company keeps, and options of single reports.
    """

    store: Store
    snapshot: Snapshot
    scope: ReportScope
    tool: str
    runs: Mapping[str, RunManifest]
    given: Mapping[str, Any] = field(default_factory=dict)

    def common(self, kind: ReportType) -> Row:
        """Return the common columns that are the same in every row."""
        return {
            "report_id": self.scope.digest(kind.name, self.snapshot.manifest_sha256)[:32],
            "schema_version": SCHEMA_VERSION,
            "run_id": self.snapshot.run_id or None,
            "as_of": self.scope.as_of,
            "generated_at": self.scope.as_of,
            "tool_version": self.tool,
        }

    def run_of(self, path: str) -> RunManifest | None:
        """Return the run that wrote a data file."""
        return self.runs.get(owner_run(path))

    def policy_names(self) -> dict[str, str]:
        """Return names of policies by digest."""
        return {m.policy_sha256: m.policy_name for m in self.runs.values() if m.policy_sha256}

    def is_about(self, entry: FileEntry) -> bool:
        """Tell whether a file may hold rows of the report's accounts."""
        return not self.scope.accounts or not entry.lacks(self.scope.accounts)

    def read(self, entry: FileEntry, columns: list[str] | None = None) -> Iterator[Any]:
        """Yield rows of a data file, in order; their type is its table's. Bounded memory."""
        with self.store.files.open(self.store.url(entry.path)) as source:
            for batch in pq.ParquetFile(source).iter_batches(2_000, columns=columns):
                yield from batch.to_pylist()


class ReportSource(Protocol):
    """A report: rows that are gone through once, and the page that they lead to."""

    def rows(self) -> Iterable[Row]:
        """Return rows without `row_hash`, in the order of the report."""

    def page(self) -> Page:
        """Return the page; called once the rows are through."""


class DailyCounts:
    """Counts by day and name, for stacked bars."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()

    def add(self, when: dt.datetime | None, name: str, count: int = 1) -> None:
        """Count something on a day."""
        if when is not None:
            self._counts[when.astimezone(dt.UTC).date().isoformat(), name] += count

    def totals(self) -> Counter[str]:
        """Return counts by name."""
        out: Counter[str] = Counter()
        for (_, name), count in self._counts.items():
            out[name] += count
        return out

    def chart(self, title: str, unit: str, note: str) -> Chart:
        """Return a stacked bar per day; the rarest names are summed as others, and long stretches
        are drawn by month.
        """
        labels, cut = axis_periods({day for day, _ in self._counts})
        names = [n for n, _ in self.totals().most_common()]
        shown = names if len(names) <= MAX_SERIES else names[: MAX_SERIES - 1]
        values: dict[str, Counter[str]] = {
            n: Counter() for n in [*shown, *([OTHER] if len(shown) < len(names) else [])]
        }
        for (day, name), count in self._counts.items():
            values[name if name in values else OTHER][day[:cut]] += count
        axis, by = ("day", "") if cut == DAY else ("month", f" {BY_MONTH}")
        return Chart(
            title,
            "stacked",
            labels,
            {n: [c[d] for d in labels] for n, c in values.items()},
            unit,
            note + by,
            axis,
        )


DAY, MONTH = len("2026-11-24"), len("2026-11")
BY_MONTH = "The stretch is long, so months are drawn."


def axis_periods(days: Collection[str]) -> tuple[list[str], int]:
    """Return labels of an axis that has every one of some ISO days on it, and how many characters
    of a day make its label.

    Days, or months where those would be too many; where one day lies far off all others, only the
    months that occur.
    """
    if not days:
        return [], DAY
    a, b = dt.date.fromisoformat(min(days)), dt.date.fromisoformat(max(days))
    if (b - a).days < MAX_BARS:
        return [(a + dt.timedelta(days=n)).isoformat() for n in range((b - a).days + 1)], DAY
    months = [
        f"{n // 12:04d}-{n % 12 + 1:02d}"
        for n in range(a.year * 12 + a.month - 1, b.year * 12 + b.month)
    ]
    return months if len(months) <= MAX_BARS else sorted({d[:MONTH] for d in days}), MONTH


def ranking_chart(title: str, counts: Counter[str], unit: str, note: str, top: int = 15) -> Chart:
    """Return bars by name, the most frequent first."""
    best = counts.most_common(top)
    rest = sum(counts.values()) - sum(c for _, c in best)
    labels = [n for n, _ in best] + ([OTHER] if rest else [])
    return Chart(
        title,
        "hbar",
        labels,
        {unit: [c for _, c in best] + ([rest] if rest else [])},
        unit,
        note,
        "",
    )


class FirstRows:
    """The first rows of many, for a page."""

    def __init__(self, limit: int = PAGE_ROWS) -> None:
        self.rows: list[Row] = []
        self.total, self._limit = 0, limit

    def add(self, row: Row) -> None:
        """Take note of a row."""
        self.total += 1
        if len(self.rows) < self._limit:
            self.rows.append(row)

    def view(self, caption: str, columns: Sequence[tuple[str, str]], note: str = "") -> PageTable:
        """Return the table."""
        return PageTable(caption, columns, self.rows, self.total, note)


def format_count(value: int) -> str:
    """Return a count for people."""
    return f"{value:,}"


def count_phrase(value: int, one: str, many: str) -> str:
    """Return a count with its words, which differ for one."""
    return f"{value:,} {one if value == 1 else many}"
