"""Pointers: the few facts about a raw snapshot that travel through the pipeline, while its content
stays in the encrypted spool.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import orjson
import zstandard

from callveil.schemas.fields import EPOCH
from callveil.schemas.interaction import InteractionKey

MICRO = dt.timedelta(microseconds=1)


class RecordPointer(NamedTuple):
    """One raw snapshot in the spool. It holds no personal data.

    Attributes:
        account_id, id: its key.
        rank, digest: its order among snapshots of the key; see `transforms.ingest.snapshots`. The
            digest is keyed.
        called_us: when it began, microseconds since 1970.
        kind, language, account_type, agency_id: what decides its rules and its partition.
        chunk, block, position: where it lies in the spool.
        size: bytes it takes there before compression.
    """

    account_id: str
    id: str
    rank: int
    digest: str
    called_us: int
    kind: str
    language: str
    account_type: str
    agency_id: str
    chunk: int
    block: int
    position: int
    size: int

    @property
    def key(self) -> InteractionKey:
        """Key of the interaction."""
        return InteractionKey(self.account_id, self.id)

    @property
    def called_at(self) -> dt.datetime:
        """When it began, UTC."""
        return from_micros(self.called_us)

    @property
    def partition(self) -> tuple[str, str]:
        """Account type and UTC day."""
        return self.account_type, self.called_at.date().isoformat()


def to_micros(when: dt.datetime) -> int:
    """Return microseconds since 1970."""
    return (when - EPOCH) // MICRO


def from_micros(micros: int) -> dt.datetime:
    """Return the inverse of `to_micros`, in UTC."""
    return EPOCH + dt.timedelta(microseconds=micros)


def pack_rows(rows: Iterable[Iterable[object]]) -> bytes:
    """Many small tuples as one compact element. Runners keep what is grouped in memory, one object
    per element, so few large ones.
    """
    return zstandard.ZstdCompressor(level=1).compress(orjson.dumps([list(r) for r in rows]))


def unpack_rows(data: bytes) -> Iterator[list[Any]]:
    """Yield inverse of `pack_rows`."""
    if data:
        yield from orjson.loads(zstandard.ZstdDecompressor().decompress(data))


def unpack_pointers(data: bytes) -> Iterator[RecordPointer]:
    """Yield inverse of `pack_rows` over pointers."""
    for row in unpack_rows(data):
        yield RecordPointer(*row)
