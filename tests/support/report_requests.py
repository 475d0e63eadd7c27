"""Requests of data subjects and erasure certificates of the generated world of reports."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from callveil.transforms.governance.requests.certificate import CERTIFICATES
from callveil.transforms.governance.requests.register import RequestRegister
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.encryption.keyring import Keyring
from support.report_runs import (
    AS_OF,
    publish,
)
from support.retention_stores import DAY

HOUR = dt.timedelta(hours=1)


def add_requests(store: Store, folder: Path) -> None:
    register = RequestRegister(store, Keyring.open_or_create(folder / "keyring.json"))
    noon = AS_OF + 12 * HOUR

    def opened(name: str, kind: str, days: int, **more: Any) -> dt.datetime:
        received = noon - days * DAY
        register.append(
            name,
            "opened",
            received,
            more.pop("entered", received),
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
            }
            | more,
        )
        return received

    def closed(
        name: str, at: dt.datetime, decision: str, entered: dt.datetime | None = None, **more: Any
    ) -> None:
        register.append(
            name, "closed", at, entered or at, {"decision": decision, "responded_at": at} | more
        )

    def searched(name: str, accounts: list[str], found: int) -> None:
        register.append(
            name,
            "searched",
            AS_OF - DAY,
            AS_OF - DAY,
            {"records_found": found, "accounts": accounts, "systems_searched": ["live"]},
        )

    opened("R-01", "access", 50)
    searched("R-01", ["1000", "1001"], 1234)  # overdue
    at = opened("R-02", "erasure", 40)
    searched("R-02", ["1001"], 7)
    closed("R-02", at + 10 * DAY, "granted", disclosed=5, withheld=2)
    at = opened("R-03", "erasure", 45, account="1000")
    closed(
        "R-03", at + 30 * DAY, "refused", at + 33 * DAY, refusal_ground="Art. 12(5)(b)"
    )  # in time as stated, entered late
    opened("R-04", "portability", 27, account="1001")
    register.append(
        "R-04", "verified", AS_OF - 20 * DAY, AS_OF - 20 * DAY, {"method": "letter"}
    )  # due within 7 days
    at = opened("R-05", "access", 60)
    register.append(
        "R-05",
        "extended",
        at + 20 * DAY,
        at + 20 * DAY,
        {"reason": "", "extended_due_at": at + 92 * DAY, "extension_notified_at": at + 20 * DAY},
    )
    opened("R-06", "objection", 35, account="1002")
    register.append("R-06", "verified", AS_OF - 30 * DAY, AS_OF - 30 * DAY, {"method": "id"})
    searched("R-06", ["1002"], 0)
    register.append(
        "R-06", "paused", AS_OF - 9 * HOUR, AS_OF - 9 * HOUR, {"reason": ""}
    )  # its time is over, but stands still
    at = opened("R-07", "access", 20, account="1001")
    closed("R-07", at + 4 * DAY, "not_executed", systems_not_executed=["crm: no access"])
    at = opened("R-08", "rectification", 30)
    closed("R-08", at + 20 * DAY, "partly_granted", disclosed=1, withheld=1)
    at = opened("R-09", "access", 90)
    closed("R-09", at + 5 * DAY, "granted")  # answered before the period
    opened("R-10", "access", -3)  # received after it
    opened(
        "R-11", "restriction", 10, entered=noon - 9 * DAY
    )  # stated for another day than its entry
    at = opened("R-12", "access", 44, account="1001")
    closed("R-12", at + 40 * DAY, "withdrawn")


def add_certificates(store: Store) -> None:
    base = {
        "subject_ref": "00" * 16,
        "location": "interactions",
        "versions_purged": 3,
        "verification_method": "read",
        "residual_hits": 0,
        "started_at": AS_OF - 4 * DAY,
        "completed_at": AS_OF - 4 * DAY,
        "previous_sha256": "",
        "scope": "erasure",
        "retention_ground": None,
        "rows_retained": 0,
    }
    made = (
        (
            "c1",
            "R-02",
            "drop_rows",
            "interactions",
            9,
            8,
            {"rows_retained": 1, "retention_ground": "Art. 17(3)(b)", "evidence_root_sha256": "a1"},
        ),
        ("c2", "R-02", "unlink", "findings", 30, 30, {"evidence_root_sha256": "a1"}),
        (
            "c3",
            "R-03",
            "purge",
            "recordings",
            3,
            3,
            {"evidence_root_sha256": "a2", "completed_at": None},
        ),
        (
            "c3",
            "R-03",
            "purge",
            "recordings",
            3,
            3,
            {"evidence_root_sha256": "a2", "completed_at": AS_OF},
        ),  # free, so it is complete
        (
            "c4",
            "R-06",
            "drop_rows",
            "interactions",
            2,
            2,
            {"evidence_root_sha256": "a3", "completed_at": None},
        ),
        (
            "c5",
            "R-07",
            "seal",
            "interactions",
            11,
            11,
            {"scope": "restriction", "evidence_root_sha256": "a4"},
        ),
        (
            "c6",
            "R-07",
            "restore",
            "interactions",
            11,
            0,
            {"scope": "restriction", "evidence_root_sha256": "a5"},
        ),
        (
            "c7",
            "R-08",
            "none",
            "requests",
            5,
            0,
            {"rows_retained": 5, "evidence_root_sha256": "a6", "residual_hits": 2},
        ),
        (
            "c8",
            "R-08",
            "drop_rows",
            "index",
            1,
            1,
            {"evidence_root_sha256": "a6", "residual_hits": 2},
        ),
        (
            "c9",
            "R-09",
            "drop_rows",
            "index",
            50,
            50,
            {"evidence_root_sha256": "a7", "started_at": AS_OF - 80 * DAY},
        ),  # before the period
    )
    for n, (name, request, method, record_class, matched, erased, more) in enumerate(made):
        row = (
            base
            | {
                "certificate_id": name,
                "request_id": request,
                "method": method,
                "record_class": record_class,
                "rows_matched": matched,
                "rows_erased": erased,
            }
            | more
        )
        publish(
            store, f"certificate {n}", [(CERTIFICATES, {"day": "2026-11-20"}, [row])], "subject"
        )
