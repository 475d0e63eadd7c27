"""An object that arrived, to pieces: the recording it is, each record it holds, or the transcript
it is.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

from callveil.schemas.arrival import Arrival
from callveil.schemas.fields import FieldError
from callveil.schemas.interaction import InteractionKey, RawInteraction, SourceRef
from callveil.schemas.rejected import Rejected
from callveil.transforms.ingest.cached_object import cache_small_object
from callveil.transforms.ingest.chunks import plan_input
from callveil.transforms.ingest.normalise import normalize_interaction
from callveil.transforms.ingest.read import read_chunk
from callveil.transforms.ingest.transcripts.bare import SUFFIXES, bare_transcript
from callveil.transforms.jobs.streaming.context import WatchJob
from callveil.transforms.jobs.streaming.halves import (
    BARE,
    InteractionPart,
    encrypt_record,
    is_complete,
)
from callveil.transforms.jobs.streaming.object_names import object_kind
from callveil.transforms.jobs.streaming.rejections import write_rejection
from callveil.transforms.redact.audio.whole import length_of
from callveil.transforms.storage.checkpoints.store_identity import worker_keyring
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.format1.inbox_registry import note_inbox
from callveil.transforms.storage.format1.live import EMPTY, TRANSCRIPT, Ledger, is_told
from callveil.transforms.storage.identity.identifier_names import NamePseudonymizer

Found = tuple[InteractionKey, InteractionPart]

SECOND = (
    "the interaction it belongs to has expired or was erased, so it is not redacted; delete "
    "it where that holds for it too"
)
MOST = 4 << 20
"""Bytes up to which a file is read again for one record in it."""


def read_arrival(
    job: WatchJob, keyring: Keyring, arrival: Arrival, counts: Counter[str]
) -> Iterator[Found]:
    """Yield pieces of one object. What cannot be read is rejected: sealed, with its reason, and
    counted.

    The ledger entry is written last: without it the object does not count as settled, and word of
    it comes again.

    Args:
        job: the job. keyring: seals records on their way.
        arrival: the object.
        counts: grows: `replayed`, `gone`, `recordings`, `records`, `transcripts`, `rejected`.

    Raises `OSError` where the store or the source cannot be reached; the object can be read again.
    """
    live = job.live
    if live.settled(arrival):
        counts["replayed"] += 1
        return
    sort = object_kind(arrival.url)
    if sort == "records":
        yield from _records(job, keyring, arrival, counts)
        return
    key = job.naming.key_of(arrival.url)
    if key is None:
        detail = f"its path does not end like {job.naming.pattern}; name the pattern with --name"
        write_rejection(
            job,
            keyring,
            arrival,
            0,
            Rejected(SourceRef(arrival.url), "ingest", "unnamed_recording", detail),
            counts,
        )
        live.note(arrival, Ledger("audio", (), 1, "unnamed_recording"))
        return
    key = NamePseudonymizer(keyring, job.policy.detect.digit_ids).key(key)
    published = live.receipt(key, "audio")
    if published and published["status"] in EMPTY and published["object"] != arrival.object_id:
        second = Rejected(
            SourceRef(arrival.url),
            "ingest",
            "second_recording",
            SECOND,
            account_id=key.account_id,
            interaction_id=key.id,
        )
        write_rejection(job, keyring, arrival, 0, second, counts)
        live.note(arrival, Ledger("audio", (), 1, "second_recording"))
        return
    if published:
        live.sweep(published)
    counts["recordings"] += 1
    record = live.receipt(key, "record")
    alone = published is not None or (record is not None and is_told(record))
    there = _as_it_is(job, arrival)
    yield (
        key,
        InteractionPart(
            "recording",
            there.object_id,
            there.url,
            there.etag,
            0,
            there.landed_at,
            0,
            True,
            alone,
            _is_cut(job, there),
        ),
    )
    live.note(arrival, Ledger("audio", ((key.account_id, key.id, 0),)))


def _as_it_is(job: WatchJob, arrival: Arrival) -> Arrival:
    """Return the object as it lies there now: it may have grown, or been replaced, since word of it
    came.
    """
    info = job.files.info(arrival.url)
    if info is None or info.etag == arrival.etag:
        return arrival
    return Arrival(info.url, info.etag, info.size, info.modified)


def _is_cut(job: WatchJob, arrival: Arrival) -> bool:
    try:
        return length_of(job.files, arrival.url) == "cut"
    except (FileNotFoundError, PermissionError):
        return False  # it is rejected when it is to be covered


def reread_interaction(
    job: WatchJob, keyring: Keyring, object_id: str, key: InteractionKey
) -> RawInteraction | None:
    """Return an interaction's record, or the transcript that belongs to it, from the object it came
    from; None where that is gone, changed or large.
    """
    arrival = job.live.source(object_id)
    if arrival is None or arrival.size > MOST:
        return None
    names = NamePseudonymizer(keyring, job.policy.detect.digit_ids)
    raws = (
        names.conceal(item)
        for item in _read(job, keyring, arrival)
        if not isinstance(item, Rejected)
    )
    return max((raw for raw in raws if raw.key == key), key=lambda raw: raw.rank, default=None)


def _records(
    job: WatchJob, keyring: Keyring, arrival: Arrival, counts: Counter[str]
) -> Iterator[Found]:
    live = job.live
    keys: list[tuple[str, str, int]] = []
    rejected = place = 0
    note = ""
    note_inbox(live, arrival.url)
    names = NamePseudonymizer(keyring, job.policy.detect.digit_ids)
    try:
        for item in _read(job, keyring, arrival):
            if isinstance(item, Rejected):
                write_rejection(
                    job,
                    keyring,
                    arrival,
                    place,
                    replace(item, interaction_id=names.id(item.interaction_id)),
                    counts,
                )
                rejected += 1
            else:
                counts["records"] += 1
                counts.update(set(item.notes))
                item = names.conceal(item)
                if item.rank == BARE:
                    note = TRANSCRIPT
                    counts["transcripts"] += 1
                keys.append((item.key.account_id, item.key.id, item.rank))
                if not _published(job, item) or item.rank == BARE:
                    yield item.key, _piece(job, keyring, arrival, place, item)
            place += 1
    except FileNotFoundError:
        counts["gone"] += 1
        note = "gone"
    except OSError:
        raise
    except Exception as e:  # noqa: BLE001 - a fault of ours in one file must not end a pipeline that many others wait for
        detail = f"{type(e).__name__} while the file was read; please report this"
        write_rejection(
            job,
            keyring,
            arrival,
            place,
            Rejected(SourceRef(arrival.url), "ingest", "internal_error", detail),
            counts,
        )
        rejected += 1
    live.note(arrival, Ledger("record", tuple(keys), rejected, note))


def _read(job: WatchJob, keyring: Keyring, arrival: Arrival) -> Iterator[RawInteraction | Rejected]:
    limits = job.policy.limits
    files = cache_small_object(job.files, arrival)
    if files.info(arrival.url) is None:
        raise FileNotFoundError(arrival.url)
    if arrival.size:
        beside = list(_beside(job, files, arrival))
        if beside:
            yield from beside
            return
        plan = plan_input(files, [arrival.url])
        for refused in plan.not_read:
            yield Rejected(
                SourceRef(refused.url),
                "ingest",
                "unknown_file",
                f"{refused.reason}: {refused.detail}",
            )
        for chunk in plan.chunks:
            yield from read_chunk(files, chunk, limits, job.accounts.zones(), keyring)


def _beside(job: WatchJob, files: Files, arrival: Arrival) -> Iterator[RawInteraction | Rejected]:
    """Yield the transcript, where the file is no more than that, as a record of the interaction its
    name says; else nothing.
    """
    limits = job.policy.limits
    if not arrival.url.lower().endswith(SUFFIXES) or arrival.size > limits.document_bytes:
        return
    key = job.naming.key_beside(arrival.url)
    source = SourceRef(arrival.url)
    account, interaction = key or ("", "")
    try:
        transcript = bare_transcript(files.read(arrival.url))
        if transcript is None:
            return
        if key is None:
            detail = (
                f"its name does not begin as that of a recording, {job.naming.pattern}; name "
                "the pattern with --name"
            )
            yield Rejected(source, "ingest", "unnamed_transcript", detail)
            return
        at = dt.datetime.fromtimestamp(arrival.landed_at, dt.UTC).isoformat()
        record = {
            "account_id": account,
            "id": interaction,
            "kind": "call",
            "called_at": at,
            "transcript": transcript,
        }
        yield replace(normalize_interaction(record, source, limits), rank=BARE)
    except FieldError as e:
        yield Rejected(source, "ingest", e.reason, e.detail, e.path, b"", account, interaction)


def _published(job: WatchJob, raw: RawInteraction) -> bool:
    receipt = job.live.receipt(raw.key, "record")
    if receipt is None or int(receipt["rank"]) < raw.rank:
        return False
    job.live.sweep(receipt)
    return True


def _piece(
    job: WatchJob, keyring: Keyring, arrival: Arrival, place: int, raw: RawInteraction
) -> InteractionPart:
    alone = raw.kind != "call" or job.live.receipt(raw.key, "audio") is not None
    sealed = encrypt_record(keyring, raw, arrival.object_id, place)
    sort = "transcript" if raw.rank == BARE else "record"
    return InteractionPart(
        sort,
        arrival.object_id,
        arrival.url,
        arrival.etag,
        place,
        arrival.landed_at,
        raw.rank,
        is_complete(raw),
        alone,
        sealed=sealed,
    )


@dataclass(frozen=True)
class RejectMessage:
    """Seals the body of a message that is no notification into the rejected zone: what a
    `QueueSource` without a dead-letter queue asks for.

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
        write_rejection(
            self.job,
            keyring,
            arrival,
            0,
            Rejected(SourceRef(self.queue), "ingest", reason, detail, raw=body),
            Counter(),
        )
