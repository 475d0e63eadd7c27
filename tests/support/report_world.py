"""A generated world for the reports, and what is true of it as its generator knows. Nobody's
data.
"""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from callveil.schemas.interaction import InteractionKey
from callveil.transforms.governance.retention.certificate import CERTIFICATES as RETAINED
from callveil.transforms.governance.retention.plan_file import DISPOSITIONS
from callveil.transforms.report.activities import TEMPLATE
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.format1.live import Live
from callveil.transforms.storage.tables.parquet import REJECTED
from support.report_requests import HOUR, add_certificates, add_requests
from support.report_runs import (
    AS_OF,
    PLAIN_FINDINGS,
    PLAIN_VERSIONS,
    Built,
    finding,
    publish,
    version,
)
from support.retention_stores import DAY, NOW, Place, account, hold

FROM = dt.datetime(2026, 10, 1, tzinfo=dt.UTC)
FAR = dt.datetime(1970, 1, 1, 5, tzinfo=dt.UTC)
ACTORS = 27
ALL = ""
"""Stands for the whole company where truth is kept by account."""


@dataclass
class Truth:
    """True figures: counts by account, and under `ALL` of the whole company."""

    redacted: Counter[str] = field(default_factory=Counter)
    kept: Counter[str] = field(default_factory=Counter)
    changes: Counter[str] = field(default_factory=Counter)
    actors: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    deleted: Counter[str] = field(default_factory=Counter)
    late: Counter[str] = field(default_factory=Counter)
    held: Counter[str] = field(default_factory=Counter)
    locked: Counter[str] = field(default_factory=Counter)

    def add(self, name: str, account_id: str, n: int = 1) -> None:
        """Count something for its account and the company."""
        getattr(self, name)[account_id] += n
        getattr(self, name)[ALL] += n


def world(folder: Path) -> tuple[Built, Truth]:
    """Make the world's store and the company's files beside it."""
    kinds = [account("1000"), account("1001"), account("1002", "agency"), account("1003")]
    place = Place(folder, accounts=kinds, holds=[hold("H-1", account_id="1003")])
    truth = Truth()
    _findings(place.store, truth)
    _rejected(place.store)
    _versions(place, truth)
    _locked(place.store, truth)
    add_requests(place.store, folder)
    add_certificates(place.store)
    _live(place.store, truth)
    _company(folder)
    return Built(folder, place.root, str(folder / "keyring.json"), [], []), truth


def _findings(store: Store, truth: Truth) -> None:
    for day in range(10):
        rows = []
        for n in range(66):
            kept = (n + day) % 9 == 0
            row = finding(n, day) | {
                "count": 1 + (n + day) % 3,
                "status": "kept" if kept else "done",
            }
            row |= {"action": "keep"} if kept else {}
            row |= {"processed_at": FROM - DAY} if day == 9 else {}  # before the period
            rows.append(row)
            if day < 9:
                truth.add("kept" if kept else "redacted", row["account_id"], row["count"])
        _put(store, PLAIN_FINDINGS, f"findings {day}", AS_OF - (day + 1) * DAY, rows)
    far = finding(1, 0) | {
        "finding_id": "far",
        "event_time": FAR,
        "action": "label",
        "account_id": "1000",
    }
    truth.add("redacted", "1000")
    _put(store, PLAIN_FINDINGS, "far", FAR, [far])


def _put(
    store: Store,
    table: Any,
    name: str,
    day: dt.datetime,
    rows: list[dict[str, Any]],
    kind: str = "individual",
) -> None:
    rows = sorted(rows, key=lambda r: tuple(r[c] for c in table.sort_by))
    publish(
        store,
        name,
        [(table, {"account_type": kind, "day": day.date().isoformat()}, rows)],
        "history",
    )


def _rejected(store: Store) -> None:
    rows = [
        {
            "rejected_id": f"x{n}",
            "file": "in.jsonl",
            "line": n,
            "stage": "ingest",
            "field": "",
            "reason": ("bad_json", "missing_key", "timed_out")[n % 3],
            "detail": "not well-formed",
            "size": 10,
            "account_id": ("", "1001", "1000", "1001")[n % 4],
            "interaction_id": "",
            "run_id": "r",
            "rejected_at": AS_OF - (90 if n == 8 else 1) * DAY,
        }
        for n in range(9)
    ]
    publish(store, "rejects", [(REJECTED, {"day": "2026-11-23"}, rows)])


_CHANGES: tuple[tuple[tuple[str, str | None], ...], ...] = (
    (("role", "role"),),
    (("color", None), ("name", None)),
    (),
    (("api_key", "key"), ("color", None)),
)
"""Fields that versions change, with the security class of each."""


def _versions(place: Place, truth: Truth) -> None:
    """Changes by 27 actors of whom some have ids and some only names; those of twelve to eight days
    ago are due.
    """
    for back in (12, 9, 8, 3, 2):
        by_kind: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for n in range(30):
            owner = ("1000", "1001", "1002", "1003")[(n * 7 + back) % 4 if back != 8 else n % 2]
            who = (n + back) % ACTORS
            named = (
                {"actor_id": f"{who}", "actor_name": "Sam"}
                if who % 3
                else {"actor_id": None, "actor_name": f"Actor {who}"}
            )
            changes = [
                {
                    "field": f,
                    "before": "1",
                    "after": "2",
                    "redacted": False,
                    "entities": [],
                    "sensitive_class": c,
                }
                for f, c in _CHANGES[n % 4]
            ]
            kind = "agency" if owner == "1002" else "individual"
            row = (
                version(n, back)
                | named
                | {
                    "account_id": owner,
                    "changes": changes,
                    "account_type": kind,
                    "item_type": ("User", "Widget")[n % 2],
                }
            )
            row["created_at"] = AS_OF - back * DAY + n * dt.timedelta(minutes=20)
            by_kind[kind].append(row)
        for kind, rows in by_kind.items():
            _put(
                place.store,
                PLAIN_VERSIONS,
                f"versions {back} {kind}",
                AS_OF - back * DAY,
                rows,
                kind,
            )
            _expect(rows, back, kind, truth)
    for back in (2, 1, 0):
        place.run(AS_OF - back * DAY)


def _expect(rows: list[dict[str, Any]], back: int, kind: str, truth: Truth) -> None:
    """Add up what the rules do with a day's versions: 7 days for individuals, and everything of
    1003 is held; all runs delete at `NOW`.
    """
    gone = [
        r
        for r in rows
        if r["account_id"] != "1003" and kind == "individual" and r["created_at"] + 7 * DAY <= AS_OF
    ]
    for who in {r["account_id"] for r in gone}:
        for run in (AS_OF - 2 * DAY, AS_OF - DAY, AS_OF):
            due = [r["created_at"] + 7 * DAY for r in gone if r["account_id"] == who]
            due = [t for t in due if t <= run and not (t <= run - DAY and run > AS_OF - 2 * DAY)]
            truth.add("deleted", who, len(due))
            # Where nobody's records stay, the rest of a day goes without being read, by the bounds
            # of the day.
            whole = back == 8 and run == AS_OF
            first, last = (
                (AS_OF - DAY, AS_OF) if whole else (min(due, default=NOW), max(due, default=NOW))
            )
            if due and (NOW - last > DAY or NOW - first > 2 * DAY):
                truth.add("late", who, len(due))
    for row in rows:
        if row["account_id"] == "1003" and row["created_at"] + 7 * DAY <= AS_OF:
            truth.add("held", "1003")
        if row not in gone:
            for who in (row["account_id"], ALL):
                truth.actors[who].add(row["actor_id"] or row["actor_name"])
            truth.add("changes", row["account_id"], max(1, len(row["changes"])))


def _locked(store: Store, truth: Truth) -> None:
    """A run whose file a lock protects, then free: its certificate was published twice. And one
    that is still locked.
    """
    for n, (name, purged) in enumerate((("free", [None, AS_OF]), ("locked", [None]))):
        row = {
            "record_class": "versions",
            "account_id": "1000",
            "event_time": AS_OF - 8 * DAY,
            "type_at_event": "individual",
            "rule_id": "versions-individual",
            "retention_days": 7,
            "eligible_at": AS_OF - HOUR,
            "expired_first": AS_OF - 2 * HOUR,
            "decision": "delete",
            "reason_code": "rule",
            "late": False,
            "dry_run": False,
            "plan_sha256": name,
            "disposed_at": AS_OF,
            "method": "drop_file",
            "object": f"{name}.parquet",
            "rows_before": 4 + n,
            "rows_deleted": 4 + n,
            "rows_after": 0,
        }
        publish(store, name, [(DISPOSITIONS, {"day": "2026-11-24"}, [row])], "retain")
        truth.add("deleted", "1000", 4 + n)
        truth.add("locked", "1000", 0 if purged[-1] else 4 + n)
        run = store.manifest(store.current().seq).run_id
        for m, at in enumerate(purged):
            certificate = {
                "certificate_id": name,
                "run_id": run,
                "plan_sha256": name,
                "record_class": "versions",
                "account_type": "individual",
                "rule_id": "versions-individual",
                "method": "drop_file",
                "rows_deleted": 4 + n,
                "files": 1,
                "deleted_at": AS_OF,
                "purged_at": at,
                "verified_at": at,
                "versions_purged": 1,
                "versions_locked": 0 if at else 2,
                "evidence_sha256": "0",
            }
            publish(
                store,
                f"{name} certificate {m}",
                [(RETAINED, {"day": "2026-11-24"}, [certificate])],
                "attest",
            )


def _live(store: Store, truth: Truth) -> None:
    """Store what was redacted as it arrived: two recordings and two records in the period, one of
    each before it, and a rejection.
    """
    live = Live(store.files, store.root)
    for n, (who, at) in enumerate(
        (("1000", AS_OF - DAY), ("1001", AS_OF - DAY), ("1001", FROM - DAY))
    ):
        key = InteractionKey(who, f"live{n}")
        common = {
            "account_id": who,
            "id": key.id,
            "object": f"o{n}",
            "as_of": at.isoformat(),
            "status": "done",
            "rank": 1,
        }
        assert live.commit(
            key,
            "audio",
            common
            | {"what": "audio", "file": "audio-x.wav", "covered_seconds": [30.0 * (n + 1), 6.0]},
        )
        found = []
        for m in range(5):
            row = finding(m, 1) | {
                "account_id": who,
                "interaction_id": key.id,
                "status": "kept" if m == 0 else "done",
                "count": 2,
            }
            found.append(
                row
                | {
                    "action": "keep" if m == 0 else "label",
                    "finding_id": f"{key.id}{m}",
                    "processed_at": at,
                }
            )
            if at >= FROM:
                truth.add("kept" if m == 0 else "redacted", who, 2)
        text = json.dumps(
            {"findings": found}, default=lambda t: t.isoformat().replace("+00:00", "Z")
        )
        store.files.write(store.files.join(live.folder(key), "record-x.json"), text.encode())
        assert live.commit(
            key, "record", common | {"what": "record", "file": "record-x.json", "sha256": "0"}
        )
    row = {
        "rejected_id": "l1",
        "file": "o9",
        "line": 1,
        "stage": "ingest",
        "field": "",
        "reason": "bad_audio",
        "detail": "no sound",
        "account_id": "1001",
        "interaction_id": "",
        "run_id": "r",
        "rejected_at": (AS_OF - DAY).isoformat(),
    }
    store.files.write(live.url("rejected", "o9", "o9-000001.json"), json.dumps(row).encode())


def _company(folder: Path) -> None:
    (folder / "processing.yaml").write_text(TEMPLATE.read_text())
    aware = AS_OF - 10 * DAY
    given: list[dict[str, Any]] = [
        {
            "breach_id": "B-1",
            "aware_at": aware,
            "notified_at": aware + 71 * HOUR,
            "notifiable": True,
            "approx_subjects": 40,
        },
        {
            "breach_id": "B-2",
            "aware_at": aware,
            "notified_at": aware + 73 * HOUR,
            "notifiable": True,
            "approx_subjects": 1200,
        },
        {
            "breach_id": "B-3",
            "aware_at": aware,
            "notified_at": aware + 90 * HOUR,
            "notifiable": True,
            "late_reason": "found piece by piece",
        },
        {
            "breach_id": "B-4",
            "aware_at": aware,
            "notifiable": False,
            "decision_reason": "no risk",
            "approx_records": 5000,
        },
        {"breach_id": "B-5", "aware_at": aware, "notifiable": True},
        {"breach_id": "B-6", "aware_at": AS_OF - DAY, "notifiable": True},
        {"breach_id": "B-7", "aware_at": AS_OF - DAY, "approx_subjects": 3},
        {
            "breach_id": "B-8",
            "aware_at": FROM - DAY,
            "notified_at": FROM,
            "notifiable": True,
            "approx_subjects": 9,
        },
    ]
    rows = [
        {k: v.isoformat() if isinstance(v, dt.datetime) else v for k, v in b.items()}
        | {"facts": "a list was lost"}
        for b in given
    ]
    (folder / "breaches.yaml").write_text(yaml.safe_dump({"breaches": rows}))
