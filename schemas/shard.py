"""Shards: the unit a worker redacts and writes at once, and what travels between the steps."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from callveil.schemas.pointer import RecordPointer, pack_rows, unpack_rows


class ChosenSnapshot(NamedTuple):
    """A snapshot that won its key, with what earlier runs and people decided about it.

    Attributes:
        pointer: where it lies.
        floor_mode, floor_entities: what its earlier version was redacted to.
        requests: manual requests that name it, as JSON texts.
        replaces: origin of the file that holds the version it replaces, or empty.
    """

    pointer: RecordPointer
    floor_mode: str = "none"
    floor_entities: tuple[str, ...] = ()
    requests: tuple[str, ...] = ()
    replaces: str = ""


class Shard(NamedTuple):
    """Interactions of one partition that are written to one file.

    Attributes:
        account_type, day: the partition.
        number: position among the partition's shards of this run.
        rows: packed `ChosenSnapshot`s, sorted by account, time and id.
    """

    account_type: str
    day: str
    number: int
    rows: bytes

    @property
    def digest(self) -> str:
        """Digest of everything the shard's result depends on, the run apart."""
        head = f"{self.account_type}\x1f{self.day}\x1f{self.number}\x1f".encode()
        return hashlib.sha256(
            head + b"".join(repr(r).encode() for r in unpack_rows(self.rows))
        ).hexdigest()[:24]

    def chosen(self) -> list[ChosenSnapshot]:
        """Return the rows."""
        return unpack_chosen(self.rows)


def pack_chosen(rows: list[ChosenSnapshot]) -> bytes:
    """Packed form of some rows."""
    return pack_rows(
        (list(c.pointer), c.floor_mode, list(c.floor_entities), list(c.requests), c.replaces)
        for c in rows
    )


def unpack_chosen(data: bytes) -> list[ChosenSnapshot]:
    """Return the inverse of `pack_chosen`."""
    return [
        ChosenSnapshot(RecordPointer(*p), mode, tuple(entities), tuple(requests), replaces)
        for p, mode, entities, requests, replaces in unpack_rows(data)
    ]
