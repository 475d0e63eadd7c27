"""A call as it is told: its record, and the transcript that lies in a file beside its recording, as
one.
"""

from __future__ import annotations

from dataclasses import dataclass

from callveil.schemas.interaction import InteractionKey, RawInteraction
from callveil.transforms.jobs.streaming.context import WatchJob
from callveil.transforms.jobs.streaming.halves import (
    BARE,
    InteractionPart,
    decrypt_record,
    has_transcript,
    with_transcript,
)
from callveil.transforms.jobs.streaming.pair import InteractionParts
from callveil.transforms.jobs.streaming.read_object import reread_interaction
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.format1.live import EMPTY, Receipt, says


@dataclass(frozen=True)
class JoinedRecord:
    """A record that is to be published.

    Attributes:
        piece: what its receipt names. raw: the record.
        said: object of the transcript in it that came in a file of its own; empty where none did.
        out: receipt of the record where that is published and cannot be read again, so that `raw`,
            a transcript, tells only what to cover.
    """

    piece: InteractionPart
    raw: RawInteraction
    said: str = ""
    out: Receipt | None = None


def joined_of(
    job: WatchJob, keyring: Keyring, key: InteractionKey, held: InteractionParts
) -> JoinedRecord | None:
    """Return the record, with its transcript; None where nothing is told that is not published.

    What came before, a record without its transcript or a transcript without its record, is read
    again from where it came.
    """
    receipt = job.live.receipt(key, "record") or {}
    record, transcript = held.record, held.transcript
    if record and receipt and int(receipt["rank"]) >= record.rank:
        record = None  # an earlier snapshot, or this one once more
    if (
        transcript
        and receipt
        and (receipt["status"] in EMPTY or says(receipt, transcript.object_id))
    ):
        transcript = None
    said = decrypt_record(keyring, transcript) if transcript else None
    if record:
        raw = decrypt_record(keyring, record)
        name = transcript.object_id if transcript else str(receipt.get("said", ""))
        if has_transcript(raw) or not name:
            return JoinedRecord(record, raw)
        said = said or reread_interaction(job, keyring, name, key)
        return _both(record, raw, said, name) if said else JoinedRecord(record, raw, name)
    if transcript is None or said is None:
        return None
    if not receipt or int(receipt["rank"]) == BARE:
        return JoinedRecord(transcript, said, transcript.object_id)
    before = reread_interaction(job, keyring, receipt["object"], key)
    if before is None:
        return JoinedRecord(transcript, said, transcript.object_id, receipt)
    piece = transcript._replace(
        object_id=receipt["object"], landed_at=receipt["landed_at"], sort="record"
    )
    return _both(piece, before, said, transcript.object_id)


def _both(
    piece: InteractionPart, raw: RawInteraction, said: RawInteraction, name: str
) -> JoinedRecord:
    raw = with_transcript(raw, said)
    return JoinedRecord(piece._replace(rank=raw.rank), raw, name)
