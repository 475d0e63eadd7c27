"""The check after an erasure: are any of the person's identifiers left, in the index or in the
bytes of files?
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from callveil.schemas.manifest import FileEntry
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.identity.identifiers import Identifier


def identifier_bytes(known: Iterable[Identifier]) -> list[bytes]:
    """Return bytes that would give an identifier away, in lower case: addresses and online ids as
    they are, numbers with and without their country.
    """
    out: set[str] = set()
    for identifier in known:
        value = identifier.value.lower()
        if identifier.kind == "phone":
            digits = re.sub(r"\D", "", value)
            out |= {digits, digits[-10:]} if len(digits) >= 10 else {digits}
        elif identifier.kind in ("email", "visitor", "ip"):
            out.add(value)
    return sorted(f.encode() for f in out if len(f) >= 7)


def unpack_file(data: bytes) -> bytes:
    """Return what a file says: its bytes, and of Parquet and zstd files what they unpack to."""
    if data[:4] == b"PAR1":
        table = pq.read_table(pa.BufferReader(data))
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        return data + bytes(sink.getvalue().to_pybytes())
    if data[:4] == b"\x28\xb5\x2f\xfd":
        return data + zstandard.ZstdDecompressor().decompress(data)
    return data


def count_byte_hits(store: Store, entries: Iterable[FileEntry], wanted: Iterable[bytes]) -> int:
    """Tell how often some forms stand in some files of a store."""
    looked_for = list(wanted)
    if not looked_for:
        return 0
    count = 0
    for entry in entries:
        text = unpack_file(store.files.read(store.url(entry.path))).lower()
        count += sum(text.count(form) for form in looked_for)
    return count
