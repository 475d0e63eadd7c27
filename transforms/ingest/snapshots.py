"""Ranking of the snapshots of one interaction, to select the one that prevails.

A platform reports an interaction several times: when it starts, when it ends (no recording yet),
when the recording is there, when its status changes; and it replays old reports in any order. Rank
decides, not arrival.

Layout of the rank, 63 bits, so that it is a non-negative int64 and sorts as a number:

    bits 62-61  status: 3 the platform had redacted it, 2 terminal, 1 unknown or none, 0 in progress
    bits 60-36  duration, whole seconds, at most 2^25 - 1 (388 days)
    bits 35-3   updated_at, seconds since 1970, saturating in 2242; 0 where there is none
    bits 2-0    completeness: 4 transcript, 2 recording, 1 summary

A snapshot the platform has redacted outranks all: redaction cannot be undone, and an older
unredacted copy must not bring the content back.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any

import orjson

from callveil.schemas.fields import EPOCH
from callveil.schemas.interaction import RawInteraction

IN_PROGRESS, UNKNOWN, TERMINAL, REDACTED = range(4)
_DURATION_BITS, _TIME_BITS, _COMPLETE_BITS = 25, 33, 3

_RUNNING = frozenset(
    (
        "in progress",
        "inprogress",
        "ringing",
        "initiated",
        "initiating",
        "queued",
        "started",
        "start",
        "active",
        "dialing",
        "connecting",
        "connected",
        "sending",
        "pending",
        "accepted",
        "scheduled",
        "on hold",
        "transferring",
        "early media",
        "open",
        "waiting",
    )
)
_ENDED = frozenset(
    (
        "completed",
        "complete",
        "answered",
        "no answer",
        "noanswer",
        "unanswered",
        "missed",
        "busy",
        "failed",
        "canceled",
        "cancelled",
        "voicemail",
        "voice mail",
        "hangup",
        "hang up",
        "abandoned",
        "rejected",
        "declined",
        "blocked",
        "spam",
        "received",
        "sent",
        "delivered",
        "undelivered",
        "read",
        "ended",
        "end",
        "closed",
        "submitted",
        "timeout",
        "error",
        "expired",
        "finished",
        "done",
    )
)


def status_class(record: Mapping[str, Any]) -> int:
    """Return class of a normalised record's status: `REDACTED`, `TERMINAL`, `UNKNOWN` or
    `IN_PROGRESS`.

    `call_status` and `status` decide together (one that is running wins over one that has ended);
    `dial_status`, which speaks of one leg, only where neither is known.
    """
    if record.get("redacted") is True:
        return REDACTED
    for names in (("call_status", "status"), ("dial_status",)):
        words = {
            str(record.get(n) or "").strip().lower().replace("_", " ").replace("-", " ")
            for n in names
        }
        if words & _RUNNING:
            return IN_PROGRESS
        if words & _ENDED:
            return TERMINAL
    return UNKNOWN


def snapshot_rank(record: Mapping[str, Any]) -> int:
    """Rank of a normalised record among the snapshots of its key; higher holds. Non-negative, below
    2^63.
    """
    duration = min(max(int(record.get("duration") or 0), 0), 2**_DURATION_BITS - 1)
    updated = record.get("updated_at")
    seconds = int((updated - EPOCH).total_seconds()) if isinstance(updated, dt.datetime) else 0
    seconds = min(max(seconds, 0), 2**_TIME_BITS - 1)
    transcript = any(
        record.get(n)
        for n in ("outline", "transcription_text", "words", "chat_messages", "message_body")
    )
    complete = 4 * transcript + 2 * bool(record.get("audio")) + bool(record.get("summary"))
    value = status_class(record)
    for part, bits in (
        (duration, _DURATION_BITS),
        (seconds, _TIME_BITS),
        (complete, _COMPLETE_BITS),
    ):
        value = value << bits | part
    return value


def payload_digest(record: Mapping[str, Any]) -> bytes:
    """16 bytes that are equal for equal records, whatever the order of their members. Not keyed:
    compare with it, never store it.
    """
    text = orjson.dumps(record, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS, default=str)
    return blake2b(text, digest_size=16).digest()


def resolve_snapshots(snapshots: Iterable[RawInteraction]) -> RawInteraction:
    """Return the snapshot that holds: highest rank, then highest digest of the content, then the
    first place by source.

    The order and the number of copies have no influence. Raises ValueError for no snapshot, or for
    different keys.
    """
    given = list(snapshots)
    if not given:
        raise ValueError("no snapshot to choose from")
    if len({s.key for s in given}) > 1:
        raise ValueError("snapshots of different interactions cannot be compared")
    top = max(s.rank for s in given)
    best = [s for s in given if s.rank == top]
    if len(best) == 1:
        return best[0]
    digests = [payload_digest(s.record) for s in best]
    highest = max(digests)
    return min((s for s, d in zip(best, digests, strict=True) if d == highest), key=_place)


def _place(snapshot: RawInteraction) -> tuple[str, int, int, int]:
    source = snapshot.source
    line, offset, index = (
        -1 if v is None else v for v in (source.line, source.offset, source.index)
    )
    return source.file, line, offset, index
