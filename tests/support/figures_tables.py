"""The store's own tables in SQLite, for the queries of `figures_sql`."""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import yaml

from support.figures_sql import VIEWS, of_accounts

DATASETS = (
    "findings",
    "rejected",
    "versions",
    "dispositions",
    "certificates",
    "subject_requests",
    "erasure_certificates",
)


WORDS = {
    "action": {
        "label": "replaced by its type",
        "pseudonym": "replaced by a pseudonym",
        "clear": "removed",
        "keep": "kept by the policy",
    },
    "failure_reason": {
        "bad_json": "not readable as JSON",
        "missing_key": "account or id missing",
        "timed_out": "took too long",
        "bad_audio": "bad audio",
    },
    "decision": {
        "delete": "delete",
        "hold": "held by law",
        "quarantine": "set aside to be looked at",
    },
    "reason_code": {
        "rule": "a rule's days are over",
        "legal_hold": "legal hold",
        "future": "dated in the future",
    },
    "record_class": {
        "versions": "change history",
        "findings": "findings",
        "interactions": "calls and messages",
        "recordings": "recordings",
        "requests": "requests",
        "index": "search index",
    },
    "status": {
        "open": "open",
        "verified": "open, identity verified",
        "on_hold": "clock stopped",
        "in_progress": "being worked on",
        "completed": "granted",
        "partly_completed": "granted in part",
        "refused": "refused",
        "withdrawn": "withdrawn",
        "not_executed": "not carried out",
    },
    "method": {
        "drop_rows": "rows deleted",
        "unlink": "kept without what identifies the person",
        "purge": "purged whole",
        "seal": "set aside, encrypted",
    },
    "state": {
        "on_time": "notified in time",
        "late_with_reasons": "notified late, with reasons",
        "late_without_reasons": "notified late, without reasons",
        "due": "to be notified",
        "overdue": "overdue",
        "not_notifiable": "need not be notified",
        "undecided": "not decided",
    },
    "dataset": {
        "findings": "findings",
        "versions": "change history",
        "rejected": "reasons why input was held back",
        "dispositions": "decisions of retention",
        "certificates": "certificates of retention runs",
        "subject_requests": "steps of requests",
        "erasure_certificates": "certificates of erasures and restrictions",
    },
}


def load_tables(
    root: str,
    as_of: dt.datetime,
    start: dt.datetime,
    end: dt.datetime,
    accounts: Collection[str],
    activities: Path,
    breaches: Path,
) -> sqlite3.Connection:
    """A database of the store's tables, its manifests and live zone, and the company's files, for a
    report's scope.
    """
    base = sqlite3.connect(":memory:")
    _load(base, "scope", [{"start": start, "end": end, "as_of": as_of}])
    _load(base, "chosen", [{"account_id": a} for a in accounts], ("account_id",))
    _load(
        base,
        "words",
        [{"kind": k, "code": c, "word": w} for k, found in WORDS.items() for c, w in found.items()],
    )
    for name in DATASETS:
        files = sorted((Path(root) / name).rglob("*.parquet"))
        _load(
            base,
            name,
            [
                row | {"run": file.name}
                for file in files
                for row in pq.ParquetFile(file).read().to_pylist()
            ],
        )
    _changes(base)
    _zone(base, Path(root) / "live")
    manifests = [
        json.loads(p.read_bytes())
        for p in sorted((Path(root) / "_callveil" / "manifests").rglob("*.json"))
    ]
    _load(
        base,
        "runs",
        [
            {
                "run_id": m["run_id"],
                "job": m["job"],
                "as_of": dt.datetime.fromisoformat(m["as_of"]),
                "plan_sha256": _plan(m),
            }
            for m in manifests
        ],
    )
    _company(base, activities, breaches, root)
    base.executescript(VIEWS)
    own = [
        n
        for n in DATASETS
        if not accounts or n in ("findings", "rejected", "versions", "dispositions")
    ]
    counts = {
        n: base.execute(
            f"select count(*) from {n} where {of_accounts() if accounts else '1'}"
        ).fetchone()[0]
        for n in own
    }
    _load(
        base, "stored", [{"name": n, "n": f"{c:,}"} for n, c in counts.items() if c], ("name", "n")
    )
    return base


def _plan(manifest: Mapping[str, Any]) -> str:
    return next(
        (i["plan_sha256"] for i in manifest["inputs"] if "plan_sha256" in i), manifest["run_id"]
    )


def _load(
    base: sqlite3.Connection, name: str, rows: list[dict[str, Any]], columns: tuple[str, ...] = ()
) -> None:
    columns = columns or tuple(dict.fromkeys(c for row in rows for c in row))
    base.execute(f"create table {name} (rowid_, {', '.join(f'[{c}]' for c in columns)})")
    marks = ", ".join("?" * (len(columns) + 1))
    base.executemany(
        f"insert into {name} values ({marks})",
        [[n, *(_cell(r.get(c)) for c in columns)] for n, r in enumerate(rows)],
    )


def _cell(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        return (value - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)
    return json.dumps(value, default=str) if isinstance(value, list | dict) else value


def _changes(base: sqlite3.Connection) -> None:
    base.execute("alter table versions add column n")
    base.execute("update versions set n = rowid_")
    rows = [
        {"version": n} | c
        for n, text in base.execute("select n, changes from versions")
        for c in json.loads(text or "[]")
    ]
    _load(base, "changes", rows)
    base.execute("update changes set sensitive_class = nullif(sensitive_class, '')")


def _zone(base: sqlite3.Connection, live: Path) -> None:
    receipts, findings = [], []
    for path in sorted(live.glob("calls/*/*/*.json")):
        receipt = json.loads(path.read_bytes())
        if path.name in ("record.json", "audio.json"):
            as_of = dt.datetime.fromisoformat(receipt["as_of"])
            receipts.append(
                {
                    "what": receipt["what"],
                    "account_id": receipt["account_id"],
                    "as_of": as_of,
                    "covered": max(receipt.get("covered_seconds") or [0.0]),
                }
            )
        if path.name == "record.json":
            for row in json.loads((path.parent / receipt["file"]).read_bytes())["findings"]:
                findings.append(
                    row
                    | {"as_of": as_of, "event_time": dt.datetime.fromisoformat(row["event_time"])}
                )
    _load(base, "receipts", receipts)
    _load(base, "live_findings", findings)
    held = [json.loads(p.read_bytes()) for p in sorted(live.glob("rejected/*/*.json"))]
    _load(
        base,
        "live_rejected",
        [h | {"rejected_at": dt.datetime.fromisoformat(h["rejected_at"])} for h in held],
    )


def _company(base: sqlite3.Connection, activities: Path, breaches: Path, root: str) -> None:
    given = yaml.safe_load(activities.read_text())["activities"]
    ours = [a for a in given if a.get("callveil")]
    _load(base, "activities", [{"id": a["id"], "ours": bool(a.get("callveil"))} for a in given])
    _load(
        base,
        "named",
        [{"entity": e} for a in ours for c in a["data_categories"] for e in c.get("entities", ())],
    )
    _load(
        base,
        "limits",
        [
            {
                "activity_id": a["id"],
                "class": x["class"],
                "account_type": x["account_type"],
                "days": x["days"],
            }
            for a in ours
            for x in a["retention"]
        ],
    )
    places = [{"place": p} for a in ours for p in a["storage_location"] if p.strip("/") in root]
    _load(base, "places", places, ("place",))
    rows = [
        {k: dt.datetime.fromisoformat(v) if k.endswith("_at") else v for k, v in b.items()}
        for b in yaml.safe_load(breaches.read_text())["breaches"]
    ]
    _load(base, "breaches", rows)
