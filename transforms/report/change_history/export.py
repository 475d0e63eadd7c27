"""The change-history report: rows per changed field, chained per account by keyed hashes, and the
check of such a file.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from callveil.schemas.arrow import CHANGE_HISTORY_SCHEMA
from callveil.schemas.history import FIELDS, SCHEMA_VERSION
from callveil.schemas.json_types import Row
from callveil.schemas.version import RedactedVersion
from callveil.transforms.redact.versions.json_values import canonical_json
from callveil.transforms.redact.versions.timeline import FieldChange, HistoryEntry, history_of
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.commit.scan import count_accounts, open_dataset
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.files.local import temporary_file
from callveil.transforms.storage.format1.snapshot import Snapshot
from callveil.transforms.storage.tables.parquet import Table, TableWriter
from callveil.transforms.storage.tables.versions import VERSIONS, version_from_row

BATCH_ROWS = 100_000
"""Versions held in memory at once; an account with more is held whole."""
REPORT = Table("change_history", CHANGE_HISTORY_SCHEMA, FIELDS, ("account_id", "seq"))
_CHAINED = tuple(f.name for f in FIELDS if f.name not in ("row_hash", "previous_hash"))
PURPOSE = "history-row"

Expires = Callable[[RedactedVersion], "dt.datetime | None"]
"""When a version becomes due for deletion, or None where it is not known."""


@dataclass(frozen=True)
class ReportColumns:
    """Values that every row of a report carries.

    Attributes:
        report_id: id of the report.
        run_id: last published run of the store it was made from.
        as_of: its time, UTC; versions that happened or were taken in after it are left out.
        tool: callveil's version.
        policies: names of policies by digest.
    """

    report_id: str
    run_id: str
    as_of: dt.datetime
    tool: str
    policies: Mapping[str, str] = field(default_factory=dict)


def accounts_with_versions(
    store: Store, snapshot: Snapshot, accounts: Sequence[str] = (), agencies: Sequence[str] = ()
) -> Counter[str]:
    """Return accounts that have versions, with how many.

    Args:
        accounts: only these. agencies: only accounts that are one of these or belonged to one when
            something happened. Empty: all.
    """
    out: Counter[str] = Counter()
    if not agencies:
        for entry in snapshot.by_dataset(VERSIONS.name):
            counts = count_accounts(store, entry)
            out.update({a: n for a, n in counts.items() if not accounts or a in accounts})
        return out
    data = open_dataset(store, VERSIONS.name, snapshot)
    where = _among("agency_id", agencies) | _among("account_id", agencies)
    if accounts:
        where = _among("account_id", accounts) | where
    for batch in data.to_batches(columns=["account_id"], filter=where):
        for pair in pc.value_counts(batch.column("account_id")).to_pylist():
            out[pair["values"]] += pair["counts"]
    return out


def _among(column: str, values: Sequence[str]) -> Any:
    return ds.field(column).isin(list(values))


def read_account_versions(
    store: Store, snapshot: Snapshot, counts: Mapping[str, int], agencies: Sequence[str] = ()
) -> Iterator[tuple[str, list[RedactedVersion]]]:
    """Yield versions account by account, in order of account; a bounded number of accounts is held
    at once.

    Args:
        counts: from `accounts_with_versions`.
        agencies: leave out what an account did under another agency.
    """
    for group in _groups(counts):
        data = open_dataset(store, VERSIONS.name, snapshot, group)
        by_account: dict[str, list[RedactedVersion]] = defaultdict(list)
        for batch in data.to_batches(filter=_among("account_id", group)):
            for row in batch.to_pylist():
                if not agencies or row["agency_id"] in agencies or row["account_id"] in agencies:
                    by_account[row["account_id"]].append(version_from_row(row))
        for account in group:
            yield account, by_account.pop(account, [])


def _groups(counts: Mapping[str, int]) -> Iterator[list[str]]:
    group: list[str] = []
    size = 0
    for account in sorted(counts):
        if group and size + counts[account] > BATCH_ROWS:
            yield group
            group, size = [], 0
        group.append(account)
        size += counts[account]
    if group:
        yield group


def account_history(versions: Iterable[RedactedVersion]) -> list[HistoryEntry]:
    """Return the entries of all objects of one account, in order of time."""
    items: dict[tuple[str, str, str], list[RedactedVersion]] = defaultdict(list)
    for version in versions:
        items[version.key.item].append(version)
    out = [
        (e.version.created_at, item, n, e)
        for item, found in items.items()
        for n, e in enumerate(history_of(found))
    ]
    return [e for _, _, _, e in sorted(out, key=lambda row: row[:3])]


def account_rows(
    report: ReportColumns,
    keyring: Keyring,
    versions: Iterable[RedactedVersion],
    expires: Expires | None = None,
    within: Callable[[HistoryEntry], bool] | None = None,
) -> Iterator[Row]:
    """Yield rows of one account, with its chain of hashes.

    Args:
        versions: of one account, in any order.
        expires: tells when a version becomes due for deletion.
        within: tells whether an entry belongs in the report; what it does not hold still tells what
            others led to.
    """
    kept = [
        v
        for v in versions
        if v.created_at <= report.as_of and v.record["recorded_at"] <= report.as_of
    ]
    previous, seq = "", 0
    for entry in account_history(kept):
        if within is not None and not within(entry):
            continue
        for change in entry.changes or (None,):
            seq += 1
            row = _row(report, entry, change, expires) | {"seq": seq, "previous_hash": previous}
            previous = row["row_hash"] = row_hash(keyring, row)
            yield row


def _row(
    report: ReportColumns, entry: HistoryEntry, change: FieldChange | None, expires: Expires | None
) -> Row:
    v = entry.version
    r = v.record
    kind = (change.sensitive_class if change else "") or entry.sensitive_class
    return {
        "report_id": report.report_id,
        "schema_version": SCHEMA_VERSION,
        "run_id": report.run_id,
        "as_of": report.as_of,
        "generated_at": report.as_of,
        "tool_version": report.tool,
        "policy_version": report.policies.get(r["policy_sha256"]),
        "policy_sha256": r["policy_sha256"],
        "account_id": v.key.account_id,
        "agency_id": r.get("agency_id"),
        "account_type_at_event": v.account_type,
        "version_id": v.key.version_id,
        "item_type": v.key.item_type,
        "item_id": v.key.item_id,
        "item_label": r.get("item_label"),
        "event": v.event,
        "occurred_at": v.created_at,
        "recorded_at": r["recorded_at"],
        "actor_id": r.get("actor_id"),
        "actor_type": r.get("actor_type"),
        "actor_name": r.get("actor_name"),
        "actor_role": r.get("actor_role"),
        "actor_ip": r.get("actor_ip"),
        "request_id": r.get("request_id"),
        "field": change.name if change else None,
        "before": _json(change.before.value) if change else None,
        "after": _json(change.after.value) if change else None,
        "after_known": entry.known,
        "redacted": change.redacted if change else False,
        "sensitive_class": kind or None,
        "reverted_from": r.get("restored_from"),
        "retention_expires_at": expires(v) if expires else None,
    }


def _json(value: Any) -> str | None:
    return None if value is None else canonical_json(value)


def row_hash(keyring: Keyring, row: Mapping[str, Any], key_id: str | None = None) -> str:
    """Hash of a row: HMAC-SHA256 over the hash before it and all other columns. Keyed, since values
    can be guessed from a plain hash.
    """
    values = {name: _plain(row.get(name)) for name in _CHAINED}
    return keyring.hmac(PURPOSE, row["previous_hash"], canonical_json(values), key_id=key_id)


def _plain(value: Any) -> Any:
    return value.astimezone(dt.UTC).isoformat() if isinstance(value, dt.datetime) else value


def write_report(files: Files, url: str, rows: Iterable[Row]) -> int:
    """Write rows as one Parquet file and return their number. A reader sees the whole file or
    none.
    """
    with temporary_file() as sink:
        writer = TableWriter(sink, REPORT)
        try:
            for row in rows:
                writer.append(row)
        except BaseException:
            writer.abandon()
            raise
        count = writer.close()
        sink.seek(0)
        files.write(url, sink)
        return count


def verify_report(files: Files, url: str, keyring: Keyring) -> list[str]:
    """Check the chains of a report's file; returns what is wrong, empty where it is whole. Works
    offline, with the keyring alone.

    Raises `OSError` where the file cannot be read.
    """
    problems: list[str] = []
    chains: dict[str, tuple[int, str]] = {}
    with files.open(url) as source:
        for batch in pq.ParquetFile(source).iter_batches():
            for row in batch.to_pylist():
                account = row["account_id"]
                seq, previous = chains.get(account, (0, ""))
                if row["seq"] != seq + 1 or row["previous_hash"] != previous:
                    problems.append(
                        f"account {account}: row {seq + 1} is missing, or rows were put in another "
                        "order"
                    )
                if not any(
                    row_hash(keyring, row, key) == row["row_hash"]
                    for key in (keyring.active, *keyring.key_ids)
                ):
                    problems.append(
                        f"account {account}: row {row['seq']} was changed, or the report was made "
                        "with another keyring"
                    )
                chains[account] = (row["seq"], row["row_hash"])
    return problems
