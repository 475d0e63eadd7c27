"""Deduplication of interaction snapshots: the prevailing one, and the change to the stored row."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from callveil.schemas.interaction import InteractionKey, RawInteraction
from callveil.schemas.pointer import RecordPointer, from_micros
from callveil.schemas.policy import Policy
from callveil.schemas.request import RedactionRequest, decode_request, encode_request
from callveil.schemas.shard import ChosenSnapshot
from callveil.transforms.storage.tables.key_index import IndexEntry

DROP, REDO = "drop", "redo"


class Change(NamedTuple):
    """Change that is to be made to one stored row.

    Attributes:
        origin: the file it was first written to; see `store.index.origin_of`.
        account_id, id: its key.
        action: `drop` (a newer snapshot replaces it) or `redo` (it is redacted further, from what
            is stored).
        requests: manual requests to apply, as JSON texts; none for automatic full redaction.
        mode: mode to redo it in.
    """

    origin: str
    account_id: str
    id: str
    action: str
    requests: tuple[str, ...] = ()
    mode: str = "content"

    @classmethod
    def of(cls, row: Sequence[Any]) -> Change:
        """Return a change from a list of its values, as JSON gives it."""
        origin, account_id, key_id, action, requests, mode = row
        return cls(origin, account_id, key_id, action, tuple(requests), mode)


@dataclass(frozen=True)
class BucketResolution:
    """Outcome of resolving a bucket of keys."""

    chosen: list[ChosenSnapshot]
    changes: list[Change]
    counts: Counter[str]


def best_pointers(pointers: Iterable[RecordPointer]) -> dict[InteractionKey, RecordPointer]:
    """Return the winning snapshot of each key: highest rank, then a keyed digest of the content, so
    that order never matters.
    """
    out: dict[InteractionKey, RecordPointer] = {}
    for pointer in pointers:
        held = out.get(pointer.key)
        if held is None or _order(pointer) > _order(held):
            out[pointer.key] = pointer
    return out


def best_raw(held: RawInteraction | None, other: RawInteraction) -> RawInteraction:
    """Return the later of two snapshots of one interaction, by rank; of equal rank the one held."""
    return other if held is None or other.rank > held.rank else held


def _order(pointer: RecordPointer) -> tuple[int, str, int, int, int]:
    # Of equal snapshots the one read first is taken: which it is makes no difference to the result,
    # but it must be one.
    return pointer.rank, pointer.digest, -pointer.chunk, -pointer.block, -pointer.position


def resolve_bucket(
    pointers: Iterable[RecordPointer],
    stored: Mapping[InteractionKey, IndexEntry],
    requests: Mapping[InteractionKey, tuple[RedactionRequest, ...]],
    policy: Policy,
    as_of: dt.datetime,
) -> BucketResolution:
    """Resolve all keys of one bucket.

    A tombstone outranks every snapshot. A snapshot of lower rank than the stored one is a replay of
    the past and is passed over. One of equal rank and content is passed over too, unless the
    policy, a request or the record's age now asks for more. One of equal rank and other content was
    read later, so it replaces the stored one.

    Args:
        pointers: snapshots read in this run, any order, duplicates welcome.
        stored: the index' entries of this bucket.
        requests: manual requests of this run.
        policy: the policy, for ages.
        as_of: the run's time.

    A chosen snapshot that replaces a stored one names its file; the stored row is dropped only once
    the new one is written.

    Returns: chosen snapshots, changes to stored rows, and counts: `superseded`, `unchanged`,
        `replayed`, `tombstoned`, `aged`, `requests_applied`, `requests_unmatched`.
    """
    counts: Counter[str] = Counter()
    read = list(pointers)
    seen = Counter(p.key for p in read)
    winners = best_pointers(read)
    counts["superseded"] = sum(seen.values()) - len(seen)
    chosen: list[ChosenSnapshot] = []
    changes: list[Change] = []
    for key in sorted(set(winners) | set(requests) | set(stored)):
        pointer, entry = winners.get(key), stored.get(key)
        asked = requests.get(key, ())
        if entry is not None and entry.tombstone:
            counts["tombstoned"] += pointer is not None
            continue
        if entry is None:
            if pointer is not None:
                chosen.append(
                    ChosenSnapshot(pointer, requests=tuple(encode_request(r) for r in asked))
                )
                counts["requests_applied"] += len(asked)
            else:
                counts["requests_unmatched"] += len(asked)
            continue
        known = {decode_request(r).request_id for r in entry.requests}
        new = tuple(r for r in asked if r.request_id not in known)
        rules = policy.rules(
            entry.account_id,
            entry.account_type,
            entry.kind,
            entry.language or policy.detect.default_language,
        )
        aged = entry.mode != "full" and rules.mode_at(from_micros(entry.called_us), as_of) == "full"
        if pointer is not None and _replaces(pointer, entry, policy, bool(new) or aged):
            texts = (*entry.requests, *(encode_request(r) for r in new))
            chosen.append(ChosenSnapshot(pointer, entry.mode, entry.entities, texts, entry.origin))
            counts["requests_applied"] += len(new)
            continue
        if pointer is not None:
            counts["replayed" if pointer.rank < entry.rank else "unchanged"] += 1
        if new or aged:
            changes.append(
                Change(
                    entry.origin,
                    *key,
                    REDO,
                    tuple(encode_request(r) for r in new),
                    "full" if aged else entry.mode,
                )
            )
            counts["aged"] += aged
            counts["requests_applied"] += len(new)
    return BucketResolution(chosen, changes, counts)


def _replaces(pointer: RecordPointer, entry: IndexEntry, policy: Policy, asked: bool) -> bool:
    if pointer.rank != entry.rank:
        return pointer.rank > entry.rank
    return pointer.digest != entry.digest or entry.policy_sha256 != policy.sha256 or asked


def plan_shards(
    rows: Iterable[ChosenSnapshot], max_rows: int, max_bytes: int
) -> Iterator[list[ChosenSnapshot]]:
    """Cut one partition's rows into shards.

    Cuts run along time, since that is how sources are ordered: a shard then reads few blocks of the
    spool. Within a shard, rows are sorted by account, time and id. A single row larger than
    `max_bytes` is a shard by itself.
    """
    held: list[ChosenSnapshot] = []
    size = 0
    for row in sorted(rows, key=lambda c: (c.pointer.called_us, c.pointer.key)):
        if held and (len(held) >= max_rows or size + row.pointer.size > max_bytes):
            yield sorted(held, key=_row_order)
            held, size = [], 0
        held.append(row)
        size += row.pointer.size
    if held:
        yield sorted(held, key=_row_order)


def _row_order(row: ChosenSnapshot) -> tuple[str, int, str]:
    return row.pointer.account_id, row.pointer.called_us, row.pointer.id
