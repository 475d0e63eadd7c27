"""Planned effects of an erasure or restriction on the live zone."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping

from callveil.schemas.arrival import Arrival
from callveil.schemas.interaction import InteractionKey
from callveil.schemas.json_types import JsonObject
from callveil.schemas.pointer import to_micros
from callveil.schemas.subject_index import RecordRef
from callveil.transforms.governance.requests.action import DROP, RecordAction, decide_action
from callveil.transforms.governance.requests.live_records import LIVE, urls_held
from callveil.transforms.governance.requests.retention_grounds import (
    RetentionGround,
    RetentionGrounds,
)
from callveil.transforms.governance.requests.search_result import RANK
from callveil.transforms.governance.retention.record import RetentionRecord
from callveil.transforms.storage.encryption.sealed_body import SUFFIX
from callveil.transforms.storage.files.filesystem import FilesError
from callveil.transforms.storage.format1.live import EMPTY, WHATS, Live, Receipt, entries_of

CLASSES = ("interactions", "transcripts", "recordings")
"""Record classes that a folder of the live zone belongs to."""


def live_actions(
    live: Live,
    found: Mapping[InteractionKey, list[dict[str, str]]],
    stored: Mapping[InteractionKey, RecordAction],
    grounds: RetentionGrounds,
) -> Iterator[RecordAction]:
    """Yield one action for each interaction that the person's markers lead to, in order.

    Args:
        found: see `find_live`. stored: actions on the same interactions in the datasets, whose
            grounds hold here too.
    """
    for key, rows in sorted(found.items()):
        role, day = min((r["role"] for r in rows), key=RANK.__getitem__), rows[0]["day"]
        same = stored.get(key)
        what = (
            (same.action, same.ground) if same else decide_action(role, _ground(live, key, grounds))
        )
        yield _action(live, key, role, day, *what)


def own_actions(
    live: Live, keys: Iterable[InteractionKey], grounds: RetentionGrounds
) -> Iterator[RecordAction]:
    """Yield actions on interactions that rejected records, or bodies of webhooks, say are the
    person's, where no redacted record says whose they are.
    """
    for key in sorted(set(keys)):
        receipt = live.receipt(key, "record")
        if receipt is None or receipt.get("status") != "done":
            yield _action(
                live, key, "contact", "", *decide_action("contact", _ground(live, key, grounds))
            )


def _action(
    live: Live, key: InteractionKey, role: str, day: str, action: str, ground: str
) -> RecordAction:
    names = sorted(u.rpartition("/")[2] for u in urls_held(live, key))
    return RecordAction(
        RecordRef(LIVE, *key),
        role,
        action,
        live.folder(key),
        day,
        "",
        "|".join(n for n in names if ".proof." not in n),
        ground,
    )


def is_held(action: RecordAction) -> bool:
    """Tell whether the zone holds anything of the interaction."""
    return bool(action.digest)


def _ground(live: Live, key: InteractionKey, grounds: RetentionGrounds) -> RetentionGround | None:
    receipts = [
        r for what in WHATS if (r := live.receipt(key, what)) and r.get("status") not in EMPTY
    ]
    if not receipts:
        return None
    about: JsonObject = receipts[0]
    called = about.get("called_at")
    at = to_micros(
        dt.datetime.fromisoformat(called)
        if called
        else dt.datetime.fromtimestamp(about["landed_at"], dt.UTC)
    )
    records = (
        RetentionRecord(name, *key, at, about.get("account_type", "unknown")) for name in CLASSES
    )
    return next((g for r in records if (g := grounds.of(r))), None)


def raw_files_outside(live: Live, actions: Iterable[RecordAction]) -> Iterator[str]:
    """Yield URLs of raw files outside the store that records which go came from, as far as receipts
    name them and they are still there.
    """
    seen: set[str] = set()
    for action in actions:
        key = InteractionKey(action.record.account_id, action.record.record_id)
        for what in WHATS if action.action == DROP else ():
            receipt = live.receipt(key, what)
            for entry in entries_of(receipt) if receipt else ():
                said = {"object": entry["said"]} if entry.get("said") else {}
                for one in (entry, said):
                    url = _source(live, one)
                    if url and url not in seen and _is_there(live, url, one["object"]):
                        seen.add(url)
                        yield url


def _source(live: Live, receipt: Receipt) -> str:
    """Tell where a receipt's object lies; empty for the body of a webhook, which is dealt with, and
    for none.
    """
    name = str(receipt.get("object") or "")
    ledger = live.read_receipt(live.url("objects", name[:2], f"{name}.json")) if name else None
    url = str(receipt.get("source") or (ledger or {}).get("url") or "")
    return "" if url.endswith(SUFFIX) else url


def _is_there(live: Live, url: str, object_id: str) -> bool:
    try:
        info = live.files.info(url)
    except (FilesError, ValueError):  # it cannot be asked, so it has to be looked at
        return True
    return (
        info is not None
        and Arrival(url, info.etag, info.size, info.modified).object_id == object_id
    )
