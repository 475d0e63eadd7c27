"""Activity of the live zone (data redacted on arrival): findings, rejections and recordings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import orjson

from callveil.schemas.fields import with_times
from callveil.schemas.finding import FIELDS, StoredFinding
from callveil.schemas.interaction import InteractionKey
from callveil.schemas.rejected import RejectedRow
from callveil.transforms.report.model import ReportContext
from callveil.transforms.storage.format1.live import Live, Receipt
from callveil.transforms.storage.format1.rejections import rejections
from callveil.transforms.storage.format1.snapshot import parse_time


def scoped_receipts(c: ReportContext) -> Iterator[Receipt]:
    """Yield receipts of the report's accounts and period, in the order of accounts and ids."""
    try:
        for receipt in Live(c.store.files, c.store.root).receipts():
            if (
                receipt.get("as_of")
                and c.scope.about(receipt["account_id"])
                and c.scope.holds(parse_time(receipt["as_of"]))
            ):
                yield receipt
    except FileNotFoundError:
        return


def read_findings(c: ReportContext, receipt: Receipt) -> Iterator[StoredFinding]:
    """Yield findings of a record's receipt, as rows of the findings dataset."""
    live = Live(c.store.files, c.store.root)
    if receipt["what"] == "record" and receipt["status"] == "done":
        url = c.store.files.join(
            live.folder(InteractionKey(receipt["account_id"], receipt["id"])), receipt["file"]
        )
        for found in orjson.loads(c.store.files.read(url))["findings"]:
            yield cast(StoredFinding, with_times(FIELDS, found))


def scoped_rejections(c: ReportContext) -> Iterator[RejectedRow]:
    """Yield rejections of the report's accounts and period, as rows of the rejected dataset."""
    for row in rejections(c.store.files, c.store.root):
        if c.scope.about(row["account_id"]) and c.scope.holds(row["rejected_at"]):
            yield cast(RejectedRow, row)
