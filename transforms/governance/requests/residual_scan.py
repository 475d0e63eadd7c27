"""The check after an erasure: are any of the person's identifiers left, in the index or in the
bytes of files?
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from callveil.schemas.manifest import FileEntry
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.identity.identifiers import Identifier

FEW = 16
"""Up to so many forms each is sought by itself."""
HEAD = 7
"""Bytes that every form has."""
HASH_BITS = 22
PIECE = 1 << 20


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
    return sorted(f.encode() for f in out if len(f) >= HEAD)


def unpack_file(data: bytes) -> bytes:
    """Return what a file says: its bytes, and of Parquet and zstd files what they unpack to."""
    if data[:4] == b"PAR1":
        table = pq.ParquetFile(pa.BufferReader(data)).read(use_threads=False)
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        return data + bytes(sink.getvalue().to_pybytes())
    if data[:4] == b"\x28\xb5\x2f\xfd":
        return data + zstandard.ZstdDecompressor().decompress(data)
    return data


def count_byte_hits(
    store: Store, entries: Iterable[FileEntry], wanted: Collection[bytes]
) -> Counter[bytes]:
    """Tell how often each of some forms of `identifier_bytes` stands in some files of a store.
    Each file is read once.
    """
    found: Counter[bytes] = Counter()
    finder = _FormFinder(wanted) if len(wanted) > FEW else None
    for entry in entries if wanted else ():
        text = unpack_file(store.files.read(store.url(entry.path))).lower()
        found += finder.count(text) if finder else Counter({f: text.count(f) for f in wanted})
    return found


class _FormFinder:
    """Finds many forms in one pass over a text: by their first seven bytes, hashed."""

    def __init__(self, forms: Iterable[bytes]) -> None:
        self._by_head: dict[bytes, list[bytes]] = defaultdict(list)
        for form in forms:
            self._by_head[form[:HEAD]].append(form)
        self._known = np.zeros(1 << HASH_BITS, np.bool_)
        heads = np.frombuffer(b"".join(self._by_head), np.uint8).reshape(-1, HEAD)
        self._known[[int(_hashes(head)[0]) for head in heads]] = True

    def count(self, text: bytes) -> Counter[bytes]:
        """Tell how often each form stands in a text."""
        found: Counter[bytes] = Counter()
        whole = np.frombuffer(text, np.uint8)
        for start in range(0, max(len(text) - HEAD + 1, 0), PIECE):
            piece = whole[start : start + PIECE + HEAD - 1]
            for place in np.flatnonzero(self._known[_hashes(piece)]).tolist():
                at = start + place
                for form in self._by_head.get(text[at : at + HEAD], ()):
                    found[form] += text.startswith(form, at)
        return found


def _hashes(text: Any) -> Any:
    """Hashes of every seven bytes that follow each other in an array of bytes."""
    wide = text.astype(np.uint32)
    four = wide[:-3] | wide[1:-2] << 8 | wide[2:-1] << 16 | wide[3:] << 24
    mixed = four[:-3] * np.uint32(2654435761) ^ four[3:] * np.uint32(2246822519)
    return mixed >> np.uint32(32 - HASH_BITS)
