"""The raw spool: normalised raw records, encrypted, ordered so that one partition can be read
without the others.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator

import orjson

from callveil.schemas.fields import parse_times
from callveil.schemas.interaction import FIELDS, InteractionKey, RawInteraction, SourceRef
from callveil.schemas.pointer import RecordPointer, from_micros, to_micros
from callveil.transforms.detect.text_fields import without_sealed
from callveil.transforms.storage.encryption.encrypted_file import EncryptedReader, EncryptedWriter
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.files.local import temporary_file
from callveil.transforms.storage.files.serialization import dumps, encode_time

PURPOSE = "spool"
BLOCK_BYTES = 1 << 20
HELD_BYTES = 4 << 20
"""Records wait in memory, by partition, until a partition has a block full or all of them together
this much.
"""


def spool_name(run_id: str, chunk: int) -> str:
    """Logical name of a chunk's spool file; it is bound to the ciphertext."""
    return f"spool/{run_id}/{chunk:06d}"


PLAIN = b"J"
"""Begins a record that the standard library's JSON wrote, because it holds an integer beyond 64
bits or a lone surrogate.
"""


def encode_raw_record(raw: RawInteraction) -> bytes:
    """Return a raw record as JSON."""
    source = [raw.source.file, raw.source.line, raw.source.offset, raw.source.index]
    head = [raw.key.account_id, raw.key.id, raw.kind, to_micros(raw.called_at), raw.rank, source]
    try:
        return orjson.dumps([head, raw.record])
    except TypeError:
        return (
            PLAIN
            + json.dumps([head, raw.record], separators=(",", ":"), default=encode_time).encode()
        )


def decode_raw_record(data: bytes) -> RawInteraction:
    """Return the record that `encode_raw_record` encoded."""
    (account_id, key_id, kind, micros, rank, source), record = (
        json.loads(data[1:]) if data.startswith(PLAIN) else orjson.loads(data)
    )
    return RawInteraction(
        InteractionKey(account_id, key_id),
        kind,
        from_micros(micros),
        rank,
        parse_times(FIELDS, record),
        SourceRef(*source),
    )


def snapshot_digest(key: bytes, raw: RawInteraction) -> str:
    """Return the digest of a record alone: the same snapshot read from two files is one, whichever
    key has sealed a name in it.

    `key`: of the purpose `snapshot-digest`.
    """
    return hmac.digest(key, dumps(without_sealed(raw.record)).encode(), hashlib.sha256)[:12].hex()


class SpoolWriter:
    """Writes one chunk's raw records; blocks hold records of one partition only.

    Args:
        keyring: seals the file and keys the digests.
        run_id, chunk: name the file.
    """

    def __init__(self, keyring: Keyring, run_id: str, chunk: int) -> None:
        self._sink = temporary_file()
        self._writer = EncryptedWriter(
            self._sink, keyring, spool_name(run_id, chunk), PURPOSE, block_bytes=1 << 62
        )
        self._key = keyring.derive("snapshot-digest")
        self._chunk = chunk
        self._held: dict[tuple[str, str], list[tuple[RecordPointer, bytes]]] = {}
        self._sizes: dict[tuple[str, str], int] = {}
        self.pointers: list[RecordPointer] = []

    def add(self, raw: RawInteraction, account_type: str, agency_id: str) -> None:
        """Take a record in. Its pointer is known once its block is written."""
        data = encode_raw_record(raw)
        digest = snapshot_digest(self._key, raw)
        language = str(raw.record.get("language") or "")
        pointer = RecordPointer(
            *raw.key,
            raw.rank,
            digest,
            to_micros(raw.called_at),
            raw.kind,
            language,
            account_type,
            agency_id,
            self._chunk,
            0,
            0,
            len(data),
        )
        partition = (account_type, raw.day)
        # The record itself is let go here: as objects it takes several times the room of its bytes.
        self._held.setdefault(partition, []).append((pointer, data))
        self._sizes[partition] = self._sizes.get(partition, 0) + len(data)
        if self._sizes[partition] >= BLOCK_BYTES:
            self._flush(partition)
        while sum(self._sizes.values()) > HELD_BYTES:
            self._flush(max(self._sizes, key=lambda p: (self._sizes[p], p)))

    def _flush(self, partition: tuple[str, str]) -> None:
        for pointer, data in self._held.pop(partition):
            block, position = self._writer.append(data)
            self.pointers.append(pointer._replace(block=block, position=position))
        del self._sizes[partition]
        self._writer.cut()

    def finish(self, files: Files, url: str) -> None:
        """Write what is held and put the file in its place."""
        for partition in sorted(self._held):
            self._flush(partition)
        self._writer.close()
        self._sink.seek(0)
        files.write(url, self._sink)
        self._sink.close()


class SpoolReader:
    """Reads records of a run's spool by pointer, each block once."""

    def __init__(self, files: Files, folder: str, keyring: Keyring, run_id: str) -> None:
        self._files, self._folder, self._keyring, self._run_id = files, folder, keyring, run_id

    def read(self, pointers: list[RecordPointer]) -> Iterator[tuple[RecordPointer, RawInteraction]]:
        """Yield records of some pointers, in the order they lie in the spool."""
        for pointer, data in self.encoded(pointers):
            yield pointer, decode_raw_record(data)

    def encoded(self, pointers: list[RecordPointer]) -> Iterator[tuple[RecordPointer, bytes]]:
        """Yield the same, as `encode_raw_record` made them: as objects records take several times
        the room.
        """
        by_chunk: dict[int, dict[int, list[RecordPointer]]] = {}
        for pointer in pointers:
            by_chunk.setdefault(pointer.chunk, {}).setdefault(pointer.block, []).append(pointer)
        for chunk in sorted(by_chunk):
            with self._files.open(spool_url(self._files, self._folder, chunk)) as source:
                reader = EncryptedReader(
                    source, self._keyring, spool_name(self._run_id, chunk), PURPOSE
                )
                for block in sorted(by_chunk[chunk]):
                    records = reader.read_block(block)
                    for pointer in sorted(by_chunk[chunk][block], key=lambda p: p.position):
                        yield pointer, records[pointer.position]


def spool_url(files: Files, folder: str, chunk: int) -> str:
    """Tell where a chunk's spool file lies."""
    return files.join(folder, "spool", f"{chunk:06d}.sealed")
