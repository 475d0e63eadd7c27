"""Pieces: recordings, record and transcript of one interaction, on their way to each other.

A piece holds nothing readable: a record travels sealed, since runners keep what waits on disk and
in checkpoints.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import orjson

from callveil.schemas.fields import EXTRA
from callveil.schemas.interaction import InteractionKey, RawInteraction
from callveil.transforms.ingest.snapshots import IN_PROGRESS, snapshot_rank, status_class
from callveil.transforms.storage.encryption.encrypted_file import decrypt_bytes, encrypt_bytes
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.tables.spool import decode_raw_record, encode_raw_record

PURPOSE = "watch"
BARE = -1
"""Rank of a transcript that came without a record: every record takes its place."""
_TEXTS = ("outline", "words", "transcription_text")


class InteractionPart(NamedTuple):
    """One part of an interaction.

    Attributes:
        sort: `recording`, `record`, or `transcript`: a record that is no more than the transcript
            in a file beside the recording.
        object_id, url, etag: the object it came from.
        place: number of the record in that object.
        landed_at: seconds since 1970.
        rank: of the record's snapshot; 0 for a recording.
        complete: a record that has a transcript and has ended; true for a recording.
        alone: nothing else is waited for.
        cut: a recording that is shorter than it declares.
        sealed: the record, encrypted; empty for a recording.
    """

    sort: str
    object_id: str
    url: str
    etag: str
    place: int
    landed_at: float
    rank: int
    complete: bool
    alone: bool
    cut: bool = False
    sealed: bytes = b""

    def encoded(self) -> bytes:
        """As bytes; `InteractionPart.decoded` is the inverse."""
        head = orjson.dumps(self[:-1])
        return len(head).to_bytes(4, "big") + head + self.sealed

    @classmethod
    def decoded(cls, data: bytes) -> InteractionPart:
        """Return the piece that `encoded` encoded."""
        end = 4 + int.from_bytes(data[:4], "big")
        return cls._make([*orjson.loads(data[4:end]), data[end:]])


def key_text(key: InteractionKey) -> str:
    """Return a key as one text, for grouping."""
    return orjson.dumps(list(key)).decode()


def parse_key_text(text: str) -> InteractionKey:
    """Return the key that `key_text` wrote."""
    return InteractionKey(*orjson.loads(text))


def encrypt_record(keyring: Keyring, raw: RawInteraction, object_id: str, place: int) -> bytes:
    """Return a raw record, encrypted."""
    return encrypt_bytes(
        keyring.current(), _name(object_id, place), PURPOSE, encode_raw_record(raw)
    )


def decrypt_record(keyring: Keyring, piece: InteractionPart) -> RawInteraction:
    """Return the record of a piece. Raises `SealedError` where it was changed or the keyring is
    another.
    """
    return decode_raw_record(
        decrypt_bytes(keyring, _name(piece.object_id, piece.place), PURPOSE, piece.sealed)
    )


def _name(object_id: str, place: int) -> str:
    return f"watch/{object_id}/{place}"


def has_transcript(raw: RawInteraction) -> bool:
    """Tell whether a record says what was said."""
    return any(raw.record.get(name) for name in _TEXTS)


def with_transcript(raw: RawInteraction, words: RawInteraction) -> RawInteraction:
    """Return a record with the transcript that lies in a file beside it; what of that was not used
    stands under `extra`.
    """
    record = {
        **raw.record,
        **{name: words.record[name] for name in (*_TEXTS, "language") if words.record.get(name)},
    }
    rest = words.record.get(EXTRA)
    if rest:
        record[EXTRA] = {**(raw.record.get(EXTRA) or {}), "transcript_file": rest}
    return replace(
        raw,
        record=record,
        rank=max(raw.rank, snapshot_rank(record)),
        notes=(*raw.notes, *words.notes),
    )


def is_complete(raw: RawInteraction) -> bool:
    """Tell whether a call's record needs no later snapshot: it has ended, and its transcript is
    there.
    """
    return has_transcript(raw) and status_class(raw.record) != IN_PROGRESS
