"""What the live zone holds, as rows: each recording with what became of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from callveil.schemas.interaction import InteractionKey
from callveil.schemas.recording import FIELDS, SCHEMA
from callveil.transforms.store.files import Files
from callveil.transforms.store.parquet import Table, register
from callveil.transforms.watch.live import GONE, Live, Receipt

RECORDINGS = register(Table("recordings", SCHEMA, FIELDS))


def recordings(files: Files, root: str) -> Iterator[dict[str, Any]]:
    """A row of the recordings table for each recording's receipt, in the order of the store's listing. Memory: one interaction."""
    live = Live(files, root)
    for key, receipts in groupby(live.receipts(), lambda r: InteractionKey(r["account_id"], r["id"])):
        found = {r["what"]: r for r in receipts}
        if "audio" in found:
            yield _row(live, key, found["audio"], found.get("record"))


def _row(live: Live, key: InteractionKey, audio: Receipt, record: Receipt | None) -> dict[str, Any]:
    same = {f.name: audio.get(f.name) for f in FIELDS}
    landed = audio.get("landed_at")
    path = live.files.join(live.folder(key), audio["file"])[len(live.root.rstrip("/")) + 1 :] if audio.get("file") else None
    return same | {
        "interaction_id": key.id,
        "landed_at": dt.datetime.fromtimestamp(landed, dt.UTC) if landed is not None else None,
        "path": path,
        "spans": len(audio["spans"]) if audio.get("spans") is not None else None,
        "withheld": ", ".join(f"{kind} {n}" for kind, n in sorted((audio.get("withheld") or {}).items())),
        "record_status": record["status"] if record else None,
        "findings": record.get("findings") if record else None,
    }


def forget(live: Live, receipt: Receipt) -> None:
    """Take a rejected recording's or record's receipt back, so that the object is taken in anew when word of it comes again.

    The receipt goes last: killed before, this is repeated.

    Raises ValueError for a receipt that is not of a rejection: what is published stays published.
    """
    if receipt["status"] != "rejected":
        raise ValueError("only what was rejected can be forgotten")
    key = InteractionKey(receipt["account_id"], receipt["id"])
    live.announce(live.part(key, receipt["what"]), GONE)
    live.forget_object(receipt["object"])
    live.files.purge(live.files.join(live.folder(key), f"{receipt['what']}.json"))
