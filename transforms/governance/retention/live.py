"""Retention in the live zone: what was redacted as it arrived goes when the interaction, its
recording or its transcript is due.

Each of its folders is judged as its interaction would be. What goes leaves a receipt that says no
more than that it has expired, so that neither a late event nor a replay brings it back. The batch
store keeps its own copy of the record, and its own time.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from callveil.schemas.interaction import InteractionKey
from callveil.schemas.json_types import Row
from callveil.schemas.pointer import to_micros
from callveil.transforms.governance.retention.engine import RetentionDecision
from callveil.transforms.governance.retention.plan import RetentionPlanner
from callveil.transforms.governance.retention.plan_file import RetentionPlan, plan_rows
from callveil.transforms.governance.retention.record import RetentionRecord
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.format1.live import LAST, LIVE, Live, Receipt, What

METHOD = "purge_live"
PARTS: dict[What, str] = {"record": "transcripts", "audio": "recordings"}
"""Record class that a part of a folder belongs to, beside `interactions`."""


def live_rows(planner: RetentionPlanner) -> Iterator[Row]:
    """Yield rows of the plan about the live zone: one for each part of a folder that is due or
    held, then one for each class that says how many go.

    Reads every receipt, which is a small file for each recording and each record.
    """
    store = planner.store
    live = Live(store.files, store.root)
    heads: dict[tuple[str, str], list[Row]] = {}
    try:
        receipts = list(live.receipts())
    except FileNotFoundError:
        return
    for key, found in groupby(receipts, lambda r: InteractionKey(r["account_id"], r["id"])):
        parts: dict[What, Receipt] = {
            r["what"]: r for r in found if r["status"] in ("done", "rejected")
        }
        about = parts.get("record") or parts.get("audio")
        if about is None:
            continue
        for what, receipt in parts.items():
            for record in _records(key, what, about):
                decision = planner.engine.decide(record)
                if not _goes(decision) and decision.decision != "hold":
                    continue
                row = planner.record_row(None, record, decision, False)
                row["object"] = f"{live.folder(key)[len(store.root.rstrip('/')) + 1 :]}/{what}"
                if _goes(decision):
                    row |= {
                        "method": METHOD,
                        "decision": "delete",
                        "object_version_old": receipt.get("sha256"),
                    }
                    heads.setdefault((record.record_class, record.account_id), []).append(row)
                    planner.counts[f"{record.record_class}.delete"] += 1
                yield row
                if _goes(decision):
                    break
    for (name, account), rows in sorted(heads.items()):
        planner.counts[f"files.{METHOD}"] += len(rows)
        first = min(r["eligible_at"] for r in rows)
        last = max(rows, key=lambda r: r["eligible_at"])
        yield last | {
            "record_class": name,
            "account_id": account,
            "record_id": None,
            "clock_start": None,
            "retain_until": None,
            "expired_first": first,
            "object": LIVE,
            "object_version_old": None,
            "rows_before": len(rows),
            "rows_deleted": len(rows),
            "rows_after": 0,
        }


def _records(key: InteractionKey, what: What, about: Receipt) -> Iterator[RetentionRecord]:
    """Yield one part of a folder as the classes it may go by."""
    called = about.get("called_at")
    at = to_micros(
        dt.datetime.fromisoformat(called)
        if called
        else dt.datetime.fromtimestamp(about["landed_at"], dt.UTC)
    )
    stored = about.get("account_type", "unknown")
    full = (
        about.get("mode") == "full" or what == "audio"
    )  # a recording is covered as it is; only what can still be read grows old
    for name in ("interactions", PARTS[what]):
        yield RetentionRecord(name, key.account_id, key.id, at, stored, redacted=full)


def _goes(decision: RetentionDecision) -> bool:
    return decision.decision in ("delete", "redact")


def purge_live(store: Store, plan: RetentionPlan) -> int:
    """Carry out what a plan says of the live zone, and return how many parts of folders went.
    Repeated, it does what is left.

    Raises `ObjectLocked` after trying all of a folder, where a lock protects some of its files.
    """
    live = Live(store.files, store.root)
    gone = 0
    for row in plan_rows(store.files, plan):
        if row["method"] == METHOD and row["record_id"] is not None:
            folder, _, what = row["object"].rpartition("/")
            gone += _expire(live, store.url(folder), what)
    return gone


def _expire(live: Live, folder: str, what: Any) -> bool:
    """Purge a part's files, in every version, then let its receipt say that it has expired: killed
    in between, it is still due.
    """
    url = live.files.join(folder, f"{what}.json")
    receipt = live.read_receipt(url)
    if receipt is None or receipt["status"] == "expired":
        return False
    doomed = [
        f.url
        for f in live.files.list(folder)
        if f.url.rpartition("/")[2].startswith((f"{what}-", f"{what}.proof."))
    ]
    doomed += (
        [f.url for f in live.files.list(folder) if f.url.rpartition("/")[2].startswith("original")]
        if what == "audio"
        else []
    )
    for name in doomed:
        live.files.purge(name)
    stub = {
        "what": what,
        "account_id": receipt["account_id"],
        "id": receipt["id"],
        "object": receipt["object"],
    }
    stub |= {
        "status": "expired",
        "reason": "expired",
        "file": "",
        "rank": LAST,
        "spans": None,
        "original": "keep",
    }
    live.replace_receipt(url, stub)
    return True
