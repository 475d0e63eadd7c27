"""Table of the live zone's recordings: one row for each, with its outcome."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from itertools import groupby
from typing import cast

from callveil.schemas.arrow import RECORDING_SCHEMA
from callveil.schemas.interaction import InteractionKey
from callveil.schemas.recording import FIELDS, RecordingRow
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.format1.live import GONE, Live, Receipt, entries_of
from callveil.transforms.storage.tables.parquet import Table, register_table

RECORDINGS = register_table(
    Table("recordings", RECORDING_SCHEMA, FIELDS, doc="What became of a recording that arrived.")
)


def recording_rows(files: Files, root: str) -> Iterator[RecordingRow]:
    """Yield a row of the recordings table for each recording, in the order of the store's listing.
    Memory: one interaction.
    """
    live = Live(files, root)
    for key, receipts in groupby(
        live.receipts(), lambda r: InteractionKey(r["account_id"], r["id"])
    ):
        found = {r["what"]: r for r in receipts}
        if "audio" in found:
            yield from (
                _row(live, key, entry, found.get("record")) for entry in entries_of(found["audio"])
            )


def _row(live: Live, key: InteractionKey, audio: Receipt, record: Receipt | None) -> RecordingRow:
    same = cast(RecordingRow, {f.name: audio.get(f.name) for f in FIELDS})
    landed = audio.get("landed_at")
    path = (
        live.files.join(live.folder(key), audio["file"])[len(live.root.rstrip("/")) + 1 :]
        if audio.get("file")
        else None
    )
    return same | {
        "interaction_id": key.id,
        "landed_at": dt.datetime.fromtimestamp(landed, dt.UTC) if landed is not None else None,
        "path": path,
        "spans": len(audio["spans"]) if audio.get("spans") is not None else None,
        "withheld": ", ".join(
            f"{kind} {n}" for kind, n in sorted((audio.get("withheld") or {}).items())
        ),
        "record_status": record["status"] if record else None,
        "findings": record.get("findings") if record else None,
    }


def forget_rejected(live: Live, receipt: Receipt) -> None:
    """Take back what a receipt says of a rejected record or of rejected recordings, so that they
    are taken in anew when word of them comes again.

    The receipt goes last: killed before, this is repeated.

    Raises ValueError for a receipt that is of no rejection: what is published stays published.
    """
    entries = entries_of(receipt)
    rejected = [e for e in entries if e["status"] == "rejected"]
    if not rejected:
        raise ValueError("only what was rejected can be forgotten")
    key = InteractionKey(receipt["account_id"], receipt["id"])
    live.announce(live.part(key, receipt["what"]), GONE)
    for entry in rejected:
        live.forget_object(entry["object"])
    kept = [e for e in entries if e not in rejected]
    if kept:
        live.swap(key, receipt, kept[0] | ({"others": kept[1:]} if kept[1:] else {}))
    else:
        live.files.purge(live.files.join(live.folder(key), f"{receipt['what']}.json"))
