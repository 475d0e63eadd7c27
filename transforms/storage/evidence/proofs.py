"""Proof file beside a run's signed record: checksums, row hints, tombstones of removed rows.

By the sums and hints, verification names the changes.

One file per run, named by its digest, which the signed record holds. It stays for ever: without the
salts nothing in it can be tried against values.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import msgspec
import zstandard

from callveil.transforms.storage.evidence.signed_record import EVIDENCE

SHORT = 16


@dataclass(frozen=True, slots=True)
class FileDetail:
    """Of one file.

    Attributes:
        sums: packed byte sums; see `sums`.
        hints: first bytes of each row's commitment, in the order of rows.
    """

    sums: bytes
    hints: bytes = b""


@dataclass(frozen=True, slots=True)
class RewriteDetail:
    """Of one rewritten file.

    Attributes:
        old: path of the file it replaces.
        rows: rows of that file.
        spans: `(row here, row there, number)` of rows that are in both; the rest of the old file's
            rows are gone.
        tombstones: their commitments, 32 bytes each, in the old file's order.
    """

    old: str
    rows: int
    spans: tuple[tuple[int, int, int], ...]
    tombstones: bytes

    def gone(self) -> list[int]:
        """Return rows of the old file that are gone."""
        kept = {there + i for _, there, count in self.spans for i in range(count)}
        return [n for n in range(self.rows) if n not in kept]

    def old_leaves(self, leaves: list[bytes]) -> list[bytes]:
        """Return commitments of the old file's rows, from those of the new one's. Raises IndexError
        where they do not fit together.
        """
        out: list[bytes] = [b""] * self.rows
        for here, there, count in self.spans:
            out[there : there + count] = leaves[here : here + count]
        gone = self.gone()
        if len(out) != self.rows or len(self.tombstones) != 32 * len(gone):
            raise IndexError("tombstones and rows do not add up")
        for n, place in enumerate(gone):
            out[place] = self.tombstones[32 * n : 32 * n + 32]
        return out


@dataclass(frozen=True, slots=True)
class Proofs:
    """Details of one run's files, by path."""

    files: dict[str, FileDetail] = field(default_factory=dict)
    rewrites: dict[str, RewriteDetail] = field(default_factory=dict)

    def encode(self) -> bytes:
        """Return the bytes of the file; equal proofs have equal bytes."""
        return zstandard.ZstdCompressor(level=3).compress(msgspec.json.encode(self, order="sorted"))

    @classmethod
    def decode(cls, data: bytes) -> Proofs:
        """Return the proofs that `encode` encoded. Raises ValueError for anything else."""
        try:
            return msgspec.json.decode(zstandard.ZstdDecompressor().decompress(data), type=cls)
        except (zstandard.ZstdError, ValueError):
            raise ValueError("not a file of proofs") from None


def proofs_name(seq: int, data: bytes) -> str:
    """Return the path of a run's proofs below the root."""
    return f"{EVIDENCE}/{seq:08d}-{hashlib.sha256(data).hexdigest()[:SHORT]}.proofs"
