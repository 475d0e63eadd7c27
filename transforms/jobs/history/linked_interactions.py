"""Redaction state of the interactions that versions (change-history records) refer to.

It also finds those that were redacted further since the history was last written.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

import pyarrow.parquet as pq

from callveil.schemas.interaction import InteractionKey
from callveil.schemas.policy import Policy
from callveil.schemas.request import decode_request
from callveil.transforms.detect.decision import MinimumRedaction
from callveil.transforms.redact.manual_requests import top_level
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.format1.snapshot import Snapshot, parse_time
from callveil.transforms.storage.tables.key_index import (
    INDEX,
    IndexEntry,
    key_bucket,
    key_bucket_files,
)
from callveil.transforms.storage.tables.versions import VERSIONS, read_marks

JOB = "history"
"""Name of the job in manifests."""
_SPOKEN = ("outline", "words", "transcription_text")
DAY = dt.timedelta(days=1)


class LinkedInteraction(NamedTuple):
    """Extent to which one interaction was redacted.

    Attributes:
        floor: mode and entity types.
        fields: fields that people asked to have redacted, as a whole or in part; a version shows no
            part of them.
    """

    floor: MinimumRedaction
    fields: frozenset[str] = frozenset()


FULL = LinkedInteraction(MinimumRedaction("full"))


def lookup_interactions(
    files: Files, root: str, snapshot: Snapshot, wanted: Iterable[InteractionKey]
) -> dict[InteractionKey, LinkedInteraction]:
    """Return what is known of some interactions: from the key index, and from `redact` events that
    came before.
    """
    keys = set(wanted)
    by_bucket: dict[int, set[InteractionKey]] = defaultdict(set)
    for key in keys:
        by_bucket[key_bucket(key)].add(key)
    latest: dict[InteractionKey, IndexEntry] = {}
    for bucket, own in sorted(by_bucket.items()):
        for file in key_bucket_files(snapshot, bucket):
            with files.open(files.join(root, file.path)) as source:
                table = pq.read_table(source, filters=[("id", "in", sorted({k.id for k in own}))])
            for row in table.to_pylist():
                entry = IndexEntry.of(row)
                held = latest.get(entry.key)
                if entry.key in own and (held is None or entry.seq >= held.seq):
                    latest[entry.key] = entry
    out = {key: _about(entry) for key, entry in latest.items()}
    out.update(dict.fromkeys(read_marks(files, root, snapshot, keys), FULL))
    return out


def _about(entry: IndexEntry) -> LinkedInteraction:
    fields: set[str] = set()
    mode = "full" if entry.tombstone else entry.mode
    for text in entry.requests:
        request = decode_request(text)
        if request.scope == "all":
            mode = "full"
        elif request.scope == "time":
            fields.update(_SPOKEN)
        elif request.field:
            fields.add(top_level(request.field))
    return LinkedInteraction(MinimumRedaction(mode, frozenset(entry.entities)), frozenset(fields))


class LastHistoryRun(NamedTuple):
    """The last run that wrote the history.

    Attributes:
        seq: its number; 0 for none.
        as_of: its time; None where there was none, or it decided by another policy.
    """

    seq: int = 0
    as_of: dt.datetime | None = None


def last_run(store: Store, snapshot: Snapshot, policy_sha256: str) -> LastHistoryRun:
    """Find the last run of this job, from the newest manifest back. One by another policy tells
    nothing about what has grown old since.
    """
    for seq in range(snapshot.seq, 0, -1):
        manifest = store.manifest(seq)
        if manifest.job == JOB:
            return LastHistoryRun(
                seq, parse_time(manifest.as_of) if manifest.policy_sha256 == policy_sha256 else None
            )
    return LastHistoryRun()


def redacted_since(
    files: Files, root: str, snapshot: Snapshot, since: LastHistoryRun
) -> frozenset[InteractionKey]:
    """Return interactions that runs after `since` have redacted in full, deleted, or in part at
    someone's request. Reads index files of those runs only.
    """
    if not since.seq:
        return frozenset()
    out: set[InteractionKey] = set()
    for file in snapshot.by_dataset(INDEX.name):
        written = file.path.rsplit("-", 1)[1].removesuffix(".parquet")
        if written.isdigit() and int(written) <= since.seq:
            continue
        with files.open(files.join(root, file.path)) as source:
            columns = ["account_id", "id", "mode", "requests", "tombstone", "seq"]
            table = pq.read_table(source, columns=columns, filters=[("seq", ">", since.seq)])
        for row in table.to_pylist():
            if row["mode"] == "full" or row["tombstone"] or row["requests"]:
                out.add(InteractionKey(row["account_id"], row["id"]))
    return frozenset(out)


def aged_days(
    snapshot: Snapshot, policy: Policy, since: LastHistoryRun, as_of: dt.datetime
) -> set[str]:
    """Return days of stored versions in which some have reached an age of full redaction after
    `since` and by `as_of`.
    """
    ages = {
        policy.base.full_after_days,
        *(o.settings.get("full_after_days") for o in policy.overrides),
    }
    days = {dict(f.partition)["day"] for f in snapshot.by_dataset(VERSIONS.name)}
    out: set[str] = set()
    for age in ages:
        if not isinstance(age, int):
            continue
        for day in days:
            begins = dt.datetime.fromisoformat(day).replace(tzinfo=dt.UTC)
            limit = dt.timedelta(days=age)
            if begins + limit <= as_of and (
                since.as_of is None or begins + DAY + limit > since.as_of
            ):
                out.add(day)
    return out
