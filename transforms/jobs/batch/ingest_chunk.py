"""One chunk of input: raw records to the encrypted spool, pointers to what lies there, and
rejections.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from dataclasses import replace

from callveil.schemas.interaction import RawInteraction
from callveil.schemas.outcome import Outcome
from callveil.schemas.pointer import RecordPointer, pack_rows
from callveil.schemas.rejected import Rejected
from callveil.transforms.execution.memory import limit_arenas
from callveil.transforms.ingest.chunks import InputChunk
from callveil.transforms.ingest.read import read_chunk
from callveil.transforms.jobs.batch.context import RedactJob, WorkCache, keyring_of
from callveil.transforms.jobs.batch.work_results import ChunkResult
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.files.strict_json import dump_json
from callveil.transforms.storage.identity.identifier_names import (
    PREFIX,
    NamePseudonymizer,
    is_number,
)
from callveil.transforms.storage.tables.dead_letters import DeadLetterWriter, KnownDeadLetters
from callveil.transforms.storage.tables.key_index import key_bucket
from callveil.transforms.storage.tables.spool import SpoolWriter, spool_url

POINTERS_HELD = 2_000
"""So many pointers wait as objects before they are packed, which takes them a tenth of the room: a
compressed file is one chunk however large.
"""


def ingest_once(job: RedactJob, chunk: InputChunk) -> ChunkResult:
    """Return what `ingest_chunk` gives, done or remembered."""
    limit_arenas()
    name = f"{chunk.ordinal:06d}-{hashlib.sha256(repr(chunk).encode()).hexdigest()[:16]}"
    return WorkCache(job, "ingest", ChunkResult).once(
        name, lambda: ingest_chunk(job, keyring_of(job), chunk), chunk=chunk.ordinal
    )


def ingest_chunk(job: RedactJob, keyring: Keyring, chunk: InputChunk) -> ChunkResult:
    """Read one chunk: raw records to the spool, the rest to the rejected zone."""
    spool = SpoolWriter(keyring, job.run.run_id, chunk.ordinal)
    before = KnownDeadLetters(job.files, job.root, job.snapshot, keyring)
    rejects = DeadLetterWriter(
        job.files,
        job.target,
        keyring,
        job.run.run_id,
        job.as_of,
        f"ingest.{chunk.ordinal:06d}",
        before,
    )
    counts: Counter[str] = Counter()
    buckets: dict[str, list[bytes]] = {}
    names = NamePseudonymizer(keyring, job.policy.detect.digit_ids)
    for item in read_chunk(job.files, chunk, job.policy.limits, job.accounts.zones(), keyring):
        counts["in"] += 1
        if isinstance(item, Rejected):
            rejects.add(replace(item, interaction_id=names.id(item.interaction_id)))
            counts["rejected"] += 1
            continue
        try:
            _spool(job, spool, names.conceal(item), counts)
        except OSError:
            raise
        except Exception as e:  # noqa: BLE001 - one record that hits a fault of ours must not end the run; it is refused and counted
            detail = f"{type(e).__name__} while the record was put aside; please report this"
            raw = dump_json(dict(item.record))
            rejects.add(
                Rejected(item.source, "ingest", "internal_error", detail, "", raw, *item.key)
            )
            counts["rejected"] += 1
        if len(spool.pointers) >= POINTERS_HELD:
            _pack(spool.pointers, buckets)
    spool.finish(job.files, spool_url(job.files, job.work, chunk.ordinal))
    _pack(spool.pointers, buckets)
    files = rejects.publish()
    if rejects.repeated:
        counts["rejected_before"] = rejects.repeated
    counts.update({f"reason.{reason}": n for reason, n in rejects.reasons.items()})
    return ChunkResult(Outcome(files, [], counts), buckets)


def _spool(job: RedactJob, spool: SpoolWriter, item: RawInteraction, counts: Counter[str]) -> None:
    """Put a record into the spool under the account it belongs to."""
    account = job.accounts.at(item.key.account_id, item.called_at)
    agency = str(item.record.get("agency_id") or (account.agency_id if account else ""))
    spool.add(item, account.type if account else "unknown", agency)
    counts["account_unknown"] += account is None
    counts.update(set(item.notes))
    kind = (
        "named_ids"
        if item.key.id.startswith(PREFIX)
        else "digit_ids"
        if is_number(item.key.id)
        else ""
    )
    if kind:
        counts[kind] += 1


def _pack(pointers: list[RecordPointer], buckets: dict[str, list[bytes]]) -> None:
    """Move pointers to one more packed block of each of their buckets."""
    rows: dict[int, list[RecordPointer]] = defaultdict(list)
    for pointer in pointers:
        rows[key_bucket(pointer.key)].append(pointer)
    for bucket in sorted(rows):
        buckets.setdefault(str(bucket), []).append(pack_rows(rows[bucket]))
    pointers.clear()
