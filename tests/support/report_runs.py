"""A store with something in every dataset that reports read, and pulls of reports from it. Nobody's
data.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from callveil.pipelines.cli import main
from callveil.schemas.manifest import FileEntry, RunManifest
from callveil.schemas.policy_load import load_policy
from callveil.transforms.governance.requests.certificate import CERTIFICATES
from callveil.transforms.governance.requests.register import RequestRegister
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.commit.maintenance import purge_removed
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.format1.snapshot import CONTROL, data_path
from callveil.transforms.storage.tables.parquet import FINDINGS, REJECTED, Table, publish_records
from callveil.transforms.storage.tables.versions import VERSIONS
from support.retention_stores import DAY, Place, account

AS_OF = dt.datetime(2026, 11, 24, tzinfo=dt.UTC)
ENTITIES = (
    "PERSON",
    "PHONE_NUMBER",
    "EMAIL_ADDRESS",
    "CREDIT_CARD",
    "ADDRESS",
    "LOCATION",
    "US_SSN",
    "NRP",
    "IP_ADDRESS",
    "ACCOUNT_ID",
)
NASTY = "<script>alert(1)</script>"
PLAIN_FINDINGS = replace(FINDINGS, to_row=dict)
PLAIN_VERSIONS = replace(VERSIONS, to_row=dict)
"""Findings and versions as rows, which in jobs come from typed records alone."""


@dataclass(frozen=True)
class Built:
    """A store and the files beside it."""

    folder: Path
    root: str
    keyring: str
    findings: list[dict[str, Any]]
    rejected: list[dict[str, Any]]

    @property
    def store(self) -> Store:
        """Open for reading."""
        return Store.open(Files(), self.root)


def publish(
    store: Store,
    name: str,
    parts: Sequence[tuple[Table, dict[str, str], list[dict[str, Any]]]],
    job: str = "redact",
) -> None:
    """Publish rows as a run, with the default policy."""
    policy = load_policy(None)
    url = store.url(f"{CONTROL}/policies/{policy.sha256}.yaml")
    if store.files.info(url) is None:
        store.files.write(url, policy.effective_yaml().encode())
    run = hashlib.sha256(name.encode()).hexdigest()
    base = store.current()
    added: list[FileEntry] = []
    for n, (table, partition, rows) in enumerate(parts):
        added.append(
            publish_records(
                store.files,
                store.root,
                data_path(table.name, partition, run, f"{n:04d}"),
                table,
                partition,
                rows,
            )
        )
    made = RunManifest(
        run,
        **base.chain(),
        job=job,
        as_of=AS_OF.isoformat(),
        tool_version="t",
        policy_name=policy.name,
        policy_sha256=policy.sha256,
        added=tuple(added),
    )
    store.publish(made, base)
    purge_removed(store, made, AS_OF.isoformat())


def finding(n: int, day: int) -> dict[str, Any]:
    """One finding."""
    at = AS_OF - (day + 1) * DAY + dt.timedelta(minutes=n)
    return {
        "finding_id": f"f{day:02d}-{n:04d}",
        "account_id": f"100{n % 3}",
        "agency_id": "18000",
        "interaction_id": f"{day:02d}{n // 4:04d}",
        "kind": "call",
        "account_type": "individual",
        "event_time": at,
        "field_path": NASTY if n == 0 else f"outline[{n}].text",
        "entity_type": ENTITIES[(n * 7 + day) % len(ENTITIES)],
        "detector": "known_value",
        "detector_version": "1",
        "score": 0.5 + n % 50 / 100,
        "action": ("label", "pseudonym", "clear")[n % 3],
        "count": 1,
        "trigger": "manual" if n % 17 == 0 else "auto",
        "actor_id": "=cmd()" if n == 0 else None,
        "status": "done",
        "policy_sha256": load_policy(None).sha256,
        "run_id": "r",
        "processed_at": AS_OF - day * DAY,
    }


def version(n: int, back: int) -> dict[str, Any]:
    """One version: a user's role changes."""
    at = AS_OF - back * DAY + dt.timedelta(hours=n)
    return {
        "version_id": f"v{back:02d}-{n}",
        "account_id": f"100{n % 3}",
        "item_type": "User",
        "item_id": f"{n}",
        "created_at": at,
        "event": "update",
        "account_type": "agency" if n % 3 == 2 else "individual",
        "redaction_mode": "none",
        "recorded_at": at,
        "has_changes": True,
        "has_object": False,
        "rank": 1,
        "digest": "d",
        "policy_sha256": load_policy(None).sha256,
        "actor_id": "7",
        "actor_type": "user",
        "changes": [
            {
                "field": "role",
                "before": '"agent"',
                "after": '"admin"',
                "redacted": False,
                "entities": [],
                "sensitive_class": "role",
            }
        ],
    }


def build(folder: Path, days: int = 12, per_day: int = 60) -> Built:
    """Findings of several days, rejected records, versions with retention runs over them, subject
    requests with a certificate, company files.
    """
    place = Place(folder, accounts=[account("1000"), account("1001"), account("1002", "agency")])
    store, found = place.store, []
    for day in range(days):
        rows = sorted(
            (finding(n, day) for n in range(per_day)),
            key=lambda r: (r["account_id"], r["interaction_id"], r["finding_id"]),
        )
        found += rows
        publish(
            store,
            f"redact {day}",
            [
                (
                    PLAIN_FINDINGS,
                    {
                        "account_type": "individual",
                        "day": (AS_OF - (day + 1) * DAY).date().isoformat(),
                    },
                    rows,
                )
            ],
        )
    rejected = [
        {
            "rejected_id": f"x{n}",
            "file": "in.jsonl",
            "line": n,
            "stage": "ingest",
            "field": "",
            "reason": "bad_json" if n % 2 else "missing_key",
            "detail": "not well-formed",
            "size": 10,
            "account_id": "1001" if n % 2 else "",
            "interaction_id": "",
            "run_id": "r",
            "rejected_at": AS_OF - DAY,
        }
        for n in range(5)
    ]
    publish(store, "rejects", [(REJECTED, {"day": "2026-11-23"}, rejected)])
    for back in (12, 9, 8, 6, 2):
        kinds: dict[str, list[dict[str, Any]]] = {}
        for n in range(9):
            kinds.setdefault("agency" if n % 3 == 2 else "individual", []).append(version(n, back))
        day = (AS_OF - back * DAY).date().isoformat()
        parts = [
            (
                PLAIN_VERSIONS,
                {"account_type": k, "day": day},
                sorted(r, key=lambda v: v["account_id"]),
            )
            for k, r in sorted(kinds.items())
        ]
        publish(store, f"load {back}", parts, "history")
    for back in (2, 1, 0):
        place.run(AS_OF - back * DAY)
    keyring = Keyring.open_or_create(folder / "keyring.json")
    register = RequestRegister(store, keyring)
    for n, kind in enumerate(("access", "erasure", "portability", "erasure", "objection")):
        received = AS_OF - (50 - 9 * n) * DAY
        register.append(
            f"R-{n}",
            "opened",
            received,
            AS_OF,
            {
                "regulation": "gdpr",
                "type": kind,
                "channel": "email",
                "zone": "UTC",
                "calendar": "",
                "received_at": received,
                "clock_start_at": received,
                "subject_ref": "00" * 16,
                "due_at": received + 31 * DAY,
            },
        )
    for n, accounts in ((0, ["1001", "1002"]), (1, ["1001"]), (2, ["1000"])):
        values = {
            "records_found": 4 + n,
            "accounts": accounts,
            "systems_searched": ["interactions", "live"],
        }
        register.append(f"R-{n}", "searched", AS_OF - 5 * DAY, AS_OF, values)
    register.append(
        "R-1",
        "closed",
        AS_OF - 3 * DAY,
        AS_OF,
        {"decision": "granted", "responded_at": AS_OF - 3 * DAY},
    )
    certificate = {
        "certificate_id": "c1",
        "request_id": "R-1",
        "subject_ref": "00" * 16,
        "scope": "erasure",
        "record_class": "interactions",
        "location": "interactions",
        "method": "drop_rows",
        "rows_matched": 5,
        "rows_erased": 4,
        "rows_retained": 1,
        "retention_ground": "Art. 17(3)(b)",
        "versions_purged": 3,
        "started_at": AS_OF - 4 * DAY,
        "completed_at": AS_OF - 4 * DAY,
        "verification_method": "read",
        "residual_hits": 0,
        "evidence_root_sha256": "00" * 32,
        "previous_sha256": "",
    }
    publish(store, "certificate", [(CERTIFICATES, {"day": "2026-11-20"}, [certificate])], "subject")
    from callveil.transforms.report.activities import TEMPLATE
    from callveil.transforms.report.breaches import TEMPLATE as BREACHES

    (folder / "processing.yaml").write_text(TEMPLATE.read_text())
    (folder / "breaches.yaml").write_text(BREACHES)
    return Built(folder, place.root, str(folder / "keyring.json"), found, rejected)


def words(place: Built, out: Path, kind: str, *more: str) -> list[str]:
    """The command line of a pull."""
    given = {
        "all": [
            "--activities",
            f"{place.folder}/processing.yaml",
            "--breaches",
            f"{place.folder}/breaches.yaml",
        ]
    }
    return [
        "report",
        kind,
        "--store",
        place.root,
        "--out",
        str(out),
        "--from",
        "2026-10-01",
        "--to",
        "2026-11-25",
        "--as-of",
        "2026-11-24T12:00:00Z",
        "--keyring",
        place.keyring,
        *given.get(kind, []),
        *more,
    ]


def pull(place: Built, out: Path, kind: str, *more: str) -> None:
    """Pull reports by the command line."""
    assert main(words(place, out, kind, *more)) == 0


def read(out: Path, kind: str) -> list[dict[str, Any]]:
    """Rows of a pulled report."""
    rows: list[dict[str, Any]] = pq.read_table(out / f"{kind}.parquet").to_pylist()
    return rows
