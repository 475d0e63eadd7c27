"""Noting anew whom stored interactions are about, where an earlier callveil noted less of what is
said in them.

What a redacted record no longer says is read where it still stands: in its source, or in the sealed
body it came in, in the snapshot that is stored and by the same detection. What has neither is
counted, so that each search that may miss it says so.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

import pyarrow.parquet as pq

from callveil.schemas.interaction import InteractionKey, RawInteraction
from callveil.schemas.policy import Policy
from callveil.schemas.subject_index import RECORD, IdentifierLink, SubjectEntry
from callveil.transforms.governance.requests.current_rows import current_entries
from callveil.transforms.governance.requests.publish import publish_changes, request_run_id
from callveil.transforms.governance.requests.raw_sources import raw_records
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.commit.commit_run import RunChanges
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.format1.snapshot import Snapshot
from callveil.transforms.storage.identity.record_identifiers import (
    CONTACT,
    METHOD,
    interaction_ref,
    make_subject_entries,
)
from callveil.transforms.storage.index.identifier_index import (
    SUBJECTS,
    token_bucket,
    write_identifier_bucket,
)
from callveil.transforms.storage.tables.spool import snapshot_digest

COLUMNS = ("field", "record_class", "account_id", "record_id", "day", "digest")
AT_ONCE = 2_000
"""Records whose entries are published together."""

PeopleOf = Callable[[RawInteraction], tuple[IdentifierLink, ...]]
"""Whom a raw record is about, as it is noted when it is redacted."""


@dataclass(frozen=True)
class ReindexResult:
    """Outcome of noting interactions anew, in interactions.

    Attributes:
        read: noted anew. left: of these neither source nor sealed body was there.
    """

    read: int
    left: int


def outdated_interactions(
    files: Files, root: str, snapshot: Snapshot
) -> dict[InteractionKey, tuple[str, str]]:
    """Stored interactions that were noted by an earlier method, each with its day and the digest of
    its snapshot.
    """
    old: dict[InteractionKey, SubjectEntry] = {}
    for row in _lists(files, root, snapshot, "!="):
        key = InteractionKey(row["account_id"], row["record_id"])
        old[key] = SubjectEntry(
            "", RECORD, CONTACT, row["field"], *interaction_ref(key), row["day"], row["digest"], ""
        )
    if not old:
        return {}
    done = {
        (r["account_id"], r["record_id"], r["digest"]) for r in _lists(files, root, snapshot, "=")
    }
    left = [e for e in old.values() if (e.account_id, e.record_id, e.digest) not in done]
    return {
        InteractionKey(e.account_id, e.record_id): (e.day, e.digest)
        for e in current_entries(files, root, snapshot, left)
    }


def _lists(files: Files, root: str, snapshot: Snapshot, sign: str) -> Iterator[dict[str, str]]:
    """Yield the index' lists of interactions whose method compares as `sign` says. Reads few
    columns, and none of the digests of people.
    """
    where = [("kind", "=", RECORD), ("record_class", "=", "interaction"), ("field", sign, METHOD)]
    for file in snapshot.by_dataset(SUBJECTS.name):
        with files.open(files.join(root, file.path)) as source:
            yield from pq.read_table(source, columns=list(COLUMNS), filters=where).to_pylist()


def reindex_interactions(
    store: Store,
    keyring: Keyring,
    as_of: dt.datetime,
    now: dt.datetime,
    sources: Sequence[str],
    policy: Policy,
    people_of: PeopleOf,
    gone: Collection[str] = (),
) -> ReindexResult:
    """Note anew whom interactions are about, of those whose stored snapshot stands in some sources.
    Repeated, it does what is left.

    Args:
        sources: raw inputs and inboxes. policy: its limits hold. people_of: detects.
        gone: digests of people who were erased; nothing leads to them again.

    Raises `InputError` where a source is not there, `SealedError` where the keyring does not open a
    body.
    """
    waiting = outdated_interactions(store.files, store.root, store.current())
    held: list[SubjectEntry] = []
    read = 0
    for raw in raw_records(store.files, sources, policy, keyring) if waiting and sources else ():
        day, digest = waiting.get(raw.key, ("", ""))
        if not digest or digest not in {
            snapshot_digest(keyring.derive("snapshot-digest", key_id=k), raw)
            for k in keyring.key_ids
        }:
            continue
        links = [link for link in people_of(raw) if link.token not in gone]
        held += make_subject_entries(keyring, interaction_ref(raw.key), day, digest, links)
        del waiting[raw.key]
        read += 1
        if read % AT_ONCE == 0:
            _publish(store, as_of, now, held)
            held = []
    if held:
        _publish(store, as_of, now, held)
    return ReindexResult(read, len(waiting))


def _publish(
    store: Store, as_of: dt.datetime, now: dt.datetime, found: Iterable[SubjectEntry]
) -> None:
    by_bucket: dict[int, list[SubjectEntry]] = defaultdict(list)
    for entry in found:
        by_bucket[token_bucket(entry.token)].append(entry)
    records = sorted(
        {(e.account_id, e.record_id, e.digest) for own in by_bucket.values() for e in own}
    )
    run_id = request_run_id("index", as_of.isoformat(), records)

    def build(snapshot: Snapshot) -> RunChanges:
        made = [
            write_identifier_bucket(store.files, store.root, snapshot, run_id, b, own)
            for b, own in sorted(by_bucket.items())
        ]
        added = tuple(file for file, _ in made if file is not None)
        return RunChanges(
            added, tuple(f for _, merged in made for f in merged), {"indexed": len(records)}
        )

    publish_changes(store, run_id, as_of, now, build)
