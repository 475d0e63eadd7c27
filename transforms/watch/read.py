"""An object that arrived, to pieces: the recording it is, or each record it holds."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

from callveil.schemas.arrival import Arrival
from callveil.schemas.interaction import InteractionKey, RawInteraction, SourceRef
from callveil.schemas.rejected import Rejected
from callveil.transforms.ingest.chunks import plan_input
from callveil.transforms.ingest.read import read_chunk
from callveil.transforms.redact.names import Names
from callveil.transforms.store.identity import worker_keyring
from callveil.transforms.store.keyring import Keyring
from callveil.transforms.watch.fetched import reader
from callveil.transforms.watch.job import WatchJob
from callveil.transforms.watch.live import Ledger
from callveil.transforms.watch.naming import sort_of
from callveil.transforms.watch.pieces import Piece, is_complete, seal
from callveil.transforms.watch.places import note_inbox
from callveil.transforms.watch.rejections import reject

Found = tuple[InteractionKey, Piece]

SECOND = "another recording of this interaction, or other content under the same name, was redacted before; compare the two by hand"


def read_arrival(job: WatchJob, keyring: Keyring, arrival: Arrival, counts: Counter[str]) -> Iterator[Found]:
    """Pieces of one object. What cannot be read is rejected: sealed, with its reason, and counted.

    The ledger entry is written last: without it the object does not count as settled, and word of it comes again.

    Args:
        job: the job. keyring: seals records on their way.
        arrival: the object.
        counts: grows: `replayed`, `gone`, `recordings`, `records`, `rejected`.

    Raises `OSError` where the store or the source cannot be reached; the object can be read again.
    """
    live = job.live
    if live.settled(arrival):
        counts["replayed"] += 1
        return
    sort = sort_of(arrival.url)
    if sort == "records":
        yield from _records(job, keyring, arrival, counts)
        return
    key = job.naming.key_of(arrival.url)
    if key is None:
        detail = f"its path does not end like {job.naming.pattern}; name the pattern with --name"
        reject(job, keyring, arrival, 0, Rejected(SourceRef(arrival.url), "ingest", "unnamed_recording", detail), counts)
        live.note(arrival, Ledger("audio", (), 1, "unnamed_recording"))
        return
    key = Names(keyring, job.policy.detect.digit_ids).key(key)
    published = live.receipt(key, "audio")
    if published and published["object"] != arrival.object_id:
        second = Rejected(SourceRef(arrival.url), "ingest", "second_recording", SECOND, account_id=key.account_id, interaction_id=key.id)
        reject(job, keyring, arrival, 0, second, counts)
        live.note(arrival, Ledger("audio", (), 1, "second_recording"))
        return
    counts["recordings"] += 1
    record = live.receipt(key, "record")
    alone = record is not None and record.get("spans") is not None
    yield key, Piece("recording", arrival.object_id, arrival.url, arrival.etag, 0, arrival.landed_at, 0, True, alone)
    live.note(arrival, Ledger("audio", ((key.account_id, key.id, 0),)))


def _records(job: WatchJob, keyring: Keyring, arrival: Arrival, counts: Counter[str]) -> Iterator[Found]:
    live = job.live
    keys: list[tuple[str, str, int]] = []
    rejected = place = 0
    note = ""
    note_inbox(live, arrival.url)
    names = Names(keyring, job.policy.detect.digit_ids)
    try:
        for item in _read(job, keyring, arrival):
            if isinstance(item, Rejected):
                reject(job, keyring, arrival, place, replace(item, interaction_id=names.id(item.interaction_id)), counts)
                rejected += 1
            else:
                counts["records"] += 1
                counts.update(set(item.notes))
                item = names.conceal(item)
                keys.append((item.key.account_id, item.key.id, item.rank))
                if not _published(job, item):
                    yield item.key, _piece(job, keyring, arrival, place, item)
            place += 1
    except FileNotFoundError:
        counts["gone"] += 1
        note = "gone"
    except OSError:
        raise
    except Exception as e:  # noqa: BLE001 - a fault of ours in one file must not end a pipeline that many others wait for
        detail = f"{type(e).__name__} while the file was read; please report this"
        reject(job, keyring, arrival, place, Rejected(SourceRef(arrival.url), "ingest", "internal_error", detail), counts)
        rejected += 1
    live.note(arrival, Ledger("record", tuple(keys), rejected, note))


def _read(job: WatchJob, keyring: Keyring, arrival: Arrival) -> Iterator[RawInteraction | Rejected]:
    limits = job.policy.limits
    files = reader(job.files, arrival)
    if files.info(arrival.url) is None:
        raise FileNotFoundError(arrival.url)
    if arrival.size:
        plan = plan_input(files, [arrival.url])
        for refused in plan.not_read:
            yield Rejected(SourceRef(refused.url), "ingest", "unknown_file", f"{refused.reason}: {refused.detail}")
        for chunk in plan.chunks:
            yield from read_chunk(files, chunk, limits, job.accounts.zones(), keyring)


def _published(job: WatchJob, raw: RawInteraction) -> bool:
    receipt = job.live.receipt(raw.key, "record")
    return receipt is not None and int(receipt["rank"]) >= raw.rank


def _piece(job: WatchJob, keyring: Keyring, arrival: Arrival, place: int, raw: RawInteraction) -> Piece:
    alone = raw.kind != "call" or job.live.receipt(raw.key, "audio") is not None
    sealed = seal(keyring, raw, arrival.object_id, place)
    return Piece("record", arrival.object_id, arrival.url, arrival.etag, place, arrival.landed_at, raw.rank, is_complete(raw), alone, sealed)


@dataclass(frozen=True)
class RejectMessage:
    """Seals the body of a message that is no notification into the rejected zone: what a `QueueSource` without a dead-letter queue asks for.

    Attributes:
        job: the job.
        queue: URL of the queue, which stands where a file's name would.
        at: seconds since 1970; stands in the row.
    """

    job: WatchJob
    queue: str
    at: float

    def __call__(self, body: bytes, reason: str, detail: str) -> None:
        arrival = Arrival(self.queue, hashlib.sha256(body).hexdigest(), len(body), self.at)
        keyring = worker_keyring(self.job.files, self.job.root, self.job.keyring_path)
        reject(self.job, keyring, arrival, 0, Rejected(SourceRef(self.queue), "ingest", reason, detail, raw=body), Counter())
