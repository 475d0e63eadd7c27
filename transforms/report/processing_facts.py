"""Actual processing per policy and store, as far as a record of processing activities covers it."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from callveil.schemas.manifest import FileEntry
from callveil.schemas.policy import Policy
from callveil.schemas.retention import RetentionRule
from callveil.transforms.report import live_activity
from callveil.transforms.report.activities import Activity, TimeLimit
from callveil.transforms.report.model import ReportContext, count_phrase
from callveil.transforms.report.retention import (
    STALE_RUN,
    count_records,
    deletion_delay,
    is_deletion,
    purge_times,
    series_of,
)
from callveil.transforms.report.scope import ReportScope
from callveil.transforms.storage.commit.policy_archive import newest_policy
from callveil.transforms.storage.commit.scan import count_accounts
from callveil.transforms.storage.format1.snapshot import parse_time

_DATASETS = {
    "versions": "versions",
    "interactions": "interactions",
    "findings": "findings",
    "rejected": "rejected",
    "raw": "rejected_content",
}
"""Datasets by record class; the others are fields of interactions."""
SPECIAL = {
    "MEDICAL_RECORD": "health",
    "MEDICAL_LICENSE": "health",
    "UK_NHS": "health",
    "NRP": "nationality, religion, politics",
}
"""Entity types that hint at special categories (Art. 9)."""
_BY_ACCOUNT = frozenset({"interactions", "versions", "findings", "rejected", "dispositions"})
"""Datasets whose rows name their account."""
STALE_REVIEW = dt.timedelta(days=365)
EVER = ReportScope(
    dt.datetime.min.replace(tzinfo=dt.UTC),
    dt.datetime.max.replace(tzinfo=dt.UTC),
    dt.datetime.max.replace(tzinfo=dt.UTC),
)
GRACE = dt.timedelta(days=1)
"""Files are whole days; one is counted as late when its day is over by the limit and the time of
one more run.
"""


@dataclass(frozen=True)
class ProcessingFacts:
    """Facts about the processing, as store and policy show them.

    Attributes:
        root: where the store lies.
        policy: the newest the store was decided by, or None.
        entities: values found, by entity type, redacted and kept together.
        oldest: oldest day by dataset and account type. rows: rows by dataset; both of the report's
            accounts alone, where some were chosen.
        retained_at: time of the newest retention run, or None.
        locked: records of the report's accounts that were ever deleted and are not purged
            everywhere.
        late: records of the report's accounts that were deleted later than promised in its period,
            and the longest delay, by record class and account type.
    """

    root: str
    policy: Policy | None
    entities: Counter[str]
    oldest: dict[tuple[str, str], dt.date]
    rows: Counter[str]
    retained_at: dt.datetime | None
    locked: int
    late: Mapping[tuple[str, str], tuple[int, dt.timedelta]] = field(default_factory=dict)


def collect_facts(c: ReportContext) -> ProcessingFacts:
    """Look at the store: columns of the findings, records that arrived in the live zone, else names
    and numbers of files alone.

    Where accounts were chosen, rows are counted by their column of accounts.
    """
    entities: Counter[str] = Counter()
    for entry in filter(c.is_about, c.snapshot.by_dataset("findings")):
        for table in _tables(c, entry, ["entity_type", "count"]):
            values = (
                table.set_column(1, "count", pc.fill_null(table.column("count"), 1))
                .group_by("entity_type")
                .aggregate([("count", "sum")])
            )
            entities.update(
                dict(
                    zip(
                        values.column("entity_type").to_pylist(),
                        values.column("count_sum").to_pylist(),
                        strict=True,
                    )
                )
            )
    oldest: dict[tuple[str, str], dt.date] = {}
    rows: Counter[str] = Counter()
    for entry in c.snapshot.files:
        number = _rows(c, entry)
        rows[entry.dataset] += number
        if c.scope.accounts and not number:
            continue
        partition = entry.partition
        if "day" in partition:
            key = (entry.dataset, partition.get("account_type", ""))
            day = dt.date.fromisoformat(partition["day"])
            oldest[key] = min(oldest.get(key, day), day)
    for receipt in live_activity.scoped_receipts(
        replace(c, scope=replace(EVER, accounts=c.scope.accounts))
    ):
        rows["live"] += 1
        for f in live_activity.read_findings(c, receipt):
            entities[f["entity_type"]] += f["count"] or 1
    retained = [parse_time(m.as_of) for m in c.runs.values() if m.job == "retain"]
    late, locked = late_deletions(c)
    return ProcessingFacts(
        c.store.root,
        c.given.get("policy") or newest_policy(c.store, c.runs.values()),
        entities,
        oldest,
        rows,
        max(retained, default=None),
        locked,
        late,
    )


def _tables(c: ReportContext, entry: FileEntry, columns: list[str]) -> Iterator[pa.Table]:
    """Yield columns of a file's rows that are of the report's accounts."""
    among = pa.array(sorted(c.scope.accounts), pa.string())
    with c.store.files.open(c.store.url(entry.path)) as source:
        for batch in pq.ParquetFile(source).iter_batches(
            10_000, columns=[*columns, *(["account_id"] if c.scope.accounts else [])]
        ):
            table = pa.Table.from_batches([batch])
            yield (
                table.filter(pc.is_in(table.column("account_id"), among))
                if c.scope.accounts
                else table
            )


def _rows(c: ReportContext, entry: FileEntry) -> int:
    if not c.scope.accounts:
        return entry.rows
    if entry.dataset not in _BY_ACCOUNT:
        return 0
    counts = count_accounts(c.store, entry)
    return sum(counts.get(account, 0) for account in c.scope.accounts)


def late_deletions(c: ReportContext) -> tuple[dict[tuple[str, str], tuple[int, dt.timedelta]], int]:
    """Return what the retention report of the same period counts as deleted late, by record class
    and account type; and what is not purged, of all time.
    """
    out: dict[tuple[str, str], tuple[int, dt.timedelta]] = {}
    locked, certified = 0, purge_times(c)
    for entry in c.snapshot.by_dataset("dispositions"):
        run = c.run_of(entry.path)
        is_within = c.scope.holds(parse_time(run.as_of) if run else None)
        for row in c.read(entry) if c.is_about(entry) else ():
            if not is_deletion(row) or not c.scope.about(row["account_id"]):
                continue
            locked += (
                0
                if certified.get(series_of(row, run.run_id if run else ""), (None, None))[0]
                else count_records(row)
            )
            late = deletion_delay(row) if is_within else None
            if late:
                key = (row["record_class"], row["type_at_event"] or "")
                number, longest = out.get(key, (0, dt.timedelta()))
                out[key] = (number + count_records(row), max(longest, late))
    return out, locked


def find_differences(
    activity: Activity, others: list[Activity], facts: ProcessingFacts, as_of: dt.datetime
) -> list[str]:
    """Tell where policy and store do something else than the record says. `others` are all
    activities whose data lies in the store.
    """
    out = []
    named = frozenset(e for a in others for c in a.categories for e in c.entities)
    unnamed = [f"{e} ({n:,})" for e, n in facts.entities.most_common() if e not in named]
    if unnamed:
        out.append(
            f"found in the store, but in no data category: {', '.join(unnamed[:12])}"
            + (f" and {len(unnamed) - 12} more" if len(unnamed) > 12 else "")
        )
    special = sorted({SPECIAL[e] for e in facts.entities if e in SPECIAL})
    if special and not activity.values.get("special_categories"):
        out.append(
            f"special_categories is empty, although what was found hints at: {', '.join(special)}"
        )
    out += _rule_differences(activity, others, facts)
    for limit in activity.limits:
        late = _overdue(limit, facts, as_of)
        if late and _excepted(limit, facts, as_of):
            out.append(
                f"{late}, although retention has run: a change of account type, a hold or a duty "
                "keeps them"
            )
    places = activity.values.get("storage_location") or []
    if not any(p.strip("/") in facts.root for p in places):
        out.append(f"the store lies at {facts.root}, which storage_location does not name")
    if facts.policy is None:
        out.append("the store names no policy, so nothing is known to have decided")
    elif facts.policy.base.mode == "none":
        out.append(f"policy {facts.policy.name} redacts nothing (mode none)")
    if (
        facts.rows["rejected_content"] == 0
        and facts.rows["interactions"] == facts.rows["versions"] == facts.rows["live"] == 0
    ):
        out.append("the store holds no interactions and no change history")
    reviewed = activity.values.get("reviewed_at")
    if reviewed is None or as_of - reviewed > STALE_REVIEW:
        out.append(
            "the record was not reviewed within a year"
            if reviewed
            else "the record says nothing of when it was reviewed"
        )
    return out


def _rule_differences(
    activity: Activity, others: list[Activity], facts: ProcessingFacts
) -> list[str]:
    if facts.policy is None:
        return []
    out = []
    rules = [
        r
        for r in facts.policy.retention.rules
        if r.action == "delete" and r.clock == "event" and not r.accounts and not r.statuses
    ]
    for limit in activity.limits:
        if not limit.record_class:
            continue
        found = _rules(limit, facts.policy)
        if not found:
            out.append(
                f"{limit}: the policy has no rule that deletes "
                f"{limit.record_class}{f' of {limit.account_type} accounts' * bool(limit.account_type)}"  # noqa: E501
            )
            continue
        days = min(r.days for r in found)
        rule = next(r for r in found if r.days == days)
        if days != limit.days:
            out.append(f"{limit}: the policy deletes after {days} days (rule {rule.rule_id})")
    said = {x.record_class for a in others for x in a.limits}
    silent = defaultdict(list)
    for rule in rules:
        for record_class in sorted(rule.classes - said):
            silent[record_class].append(f"after {rule.days} days (rule {rule.rule_id})")
    return out + [
        f"the policy deletes {c} {', '.join(when)}, of which the record says nothing"
        for c, when in sorted(silent.items())
    ]


def check_time_limits(
    activity: Activity, facts: ProcessingFacts, as_of: dt.datetime
) -> tuple[str, list[str]]:
    """Tell whether the store keeps to the record's time limits: `yes`, `no` or `unknown`, and why
    not.
    """
    reasons, known = [], False
    for limit in activity.limits:
        found = [
            v
            for (name, kind), v in facts.late.items()
            if name == limit.record_class and limit.account_type in ("", kind)
        ]
        if found:
            days = max(d for _, d in found).total_seconds() / 86_400
            reasons.append(
                f"{limit}: {sum(n for n, _ in found):,} {limit.record_class} were deleted late in "
                f"this period, up to {days:.1f} days"
            )
        late = _overdue(limit, facts, as_of)
        known = known or late is not None
        reasons += [late] if late and not _excepted(limit, facts, as_of) else []
    if facts.locked:
        reasons.append(
            f"{count_phrase(facts.locked, 'deleted record is', 'deleted records are')} not purged "
            "everywhere: old object versions are locked"
        )
    if reasons:
        return "no", reasons
    if not _ran(facts, as_of):
        when = f"last ran for {facts.retained_at.date()}" if facts.retained_at else "has never run"
        return "unknown", [f"retention {when}"]
    return (
        ("yes", []) if known else ("unknown", ["no time limit names a record class of this store"])
    )


def _ran(facts: ProcessingFacts, as_of: dt.datetime) -> bool:
    return facts.retained_at is not None and as_of - facts.retained_at <= STALE_RUN


def _rules(limit: TimeLimit, policy: Policy | None) -> list[RetentionRule]:
    """Return rules of the policy that delete what a limit is about, whatever the account."""
    rules = policy.retention.rules if policy else ()
    found = [
        r
        for r in rules
        if r.action == "delete"
        and r.clock == "event"
        and not r.accounts
        and not r.statuses
        and limit.record_class in r.classes
    ]
    return [
        r
        for r in found
        if not limit.account_type or not r.account_types or limit.account_type in r.account_types
    ]


def _excepted(limit: TimeLimit, facts: ProcessingFacts, as_of: dt.datetime) -> bool:
    """Tell whether retention has just run by a rule as strict as the limit: what is older stays by
    an exception of the policy.
    """
    return _ran(facts, as_of) and any(r.days <= limit.days for r in _rules(limit, facts.policy))


def _overdue(limit: TimeLimit, facts: ProcessingFacts, as_of: dt.datetime) -> str | None:
    """Return what is older than a limit allows; empty where nothing is, None where the store cannot
    tell.
    """
    dataset = _DATASETS.get(limit.record_class)
    if dataset is None:
        return None
    last = (as_of - dt.timedelta(days=limit.days) - GRACE).date()
    days = [
        d
        for (name, kind), d in facts.oldest.items()
        if name == dataset and (not limit.account_type or kind == limit.account_type)
    ]
    if days and min(days) < last:
        return f"{limit}: {limit.record_class} of {min(days)} are still there"
    return ""
