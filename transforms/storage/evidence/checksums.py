"""Sums of a file's bytes by which a change is found to the byte.

For each piece of 64 KiB: a keyed digest, the sum of its bytes, and the sum of its bytes times their
places. Where one byte differs, the first difference is by how much, and the second divided by the
first is where; putting the byte back then gives the signed SHA-256, so the answer is proven, not
guessed. The sums are masked by the file's own salt, which is destroyed with it.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

PIECE = 1 << 16
DIGEST_BYTES = 8
_MASK = (1 << 64) - 1
_PLACES = np.arange(PIECE, dtype=np.int64)
_PACKED = struct.Struct(f">{DIGEST_BYTES}sQQ")


class PieceSum(NamedTuple):
    """Of one piece: keyed digest, masked sum of bytes, masked sum of bytes times places."""

    digest: bytes
    first: int
    second: int


def _raw(piece: bytes) -> tuple[int, int]:
    values = np.frombuffer(piece, np.uint8).astype(np.int64)
    return int(values.sum()), int((values * _PLACES[: len(values)]).sum())


def _masks(pad: bytes, number: int) -> tuple[int, int]:
    return struct.unpack(
        ">QQ",
        hashlib.blake2b(
            number.to_bytes(8, "big"), key=pad, digest_size=16, person=b"callveil mask 1"
        ).digest(),
    )


def piece_sum(pad: bytes, number: int, piece: bytes) -> PieceSum:
    """Return the sum of piece `number` (from 0) of a file."""
    first, second = _raw(piece)
    a, b = _masks(pad, number)
    digest = hashlib.blake2b(
        number.to_bytes(8, "big") + piece,
        key=pad,
        digest_size=DIGEST_BYTES,
        person=b"callveil sum 1",
    ).digest()
    return PieceSum(digest, (first + a) & _MASK, (second + b) & _MASK)


def pack_sums(sums: Sequence[PieceSum]) -> bytes:
    """Return the bytes of a file's sums."""
    return b"".join(_PACKED.pack(*s) for s in sums)


def unpack_sums(data: bytes) -> list[PieceSum]:
    """Return the sums that `pack_sums` packed. Raises struct.error for data of another length."""
    return [PieceSum(*s) for s in _PACKED.iter_unpack(data)]


class ByteChange(NamedTuple):
    """Where a file differs.

    Attributes:
        start, end: bytes of the pieces that differ, half-open; one byte where `exact`.
        exact: the one byte that changed is known, and putting it back gives the signed file.
        was, now: its values, where exact.
    """

    start: int
    end: int
    exact: bool = False
    was: int = 0
    now: int = 0


def locate_changes(
    pad: bytes, sums: Sequence[PieceSum], size: int, data: bytes, is_signed: Callable[[bytes], bool]
) -> list[ByteChange]:
    """Tell where `data` differs from the file whose sums are given.

    Args:
        size: bytes the file had.
        data: as it is now.
        is_signed: whether bytes are those of the signed file.

    Returns: stretches in order, neighbouring pieces joined; empty where nothing differs.
    """
    bad = []
    pieces = max(len(sums), -(-len(data) // PIECE))
    for number in range(pieces):
        piece = data[number * PIECE : (number + 1) * PIECE]
        if number >= len(sums) or not piece or piece_sum(pad, number, piece) != sums[number]:
            bad.append(number)
    if len(bad) == 1 and len(data) == size:
        found = _one_byte(pad, bad[0], sums[bad[0]], data, is_signed)
        if found:
            return [found]
    out: list[ByteChange] = []
    for number in bad:
        start, end = number * PIECE, min((number + 1) * PIECE, max(size, len(data)))
        if out and out[-1].end == start:
            out[-1] = ByteChange(out[-1].start, end)
        else:
            out.append(ByteChange(start, end))
    return out


def _one_byte(
    pad: bytes, number: int, signed: PieceSum, data: bytes, is_signed: Callable[[bytes], bool]
) -> ByteChange | None:
    piece = data[number * PIECE : (number + 1) * PIECE]
    first, second = _raw(piece)
    a, b = _masks(pad, number)
    by = _signed64(signed.first - a - first)
    moved = _signed64(signed.second - b - second)
    if not by or moved % by:
        return None
    place = moved // by
    if not 0 <= place < len(piece) or not 0 <= piece[place] + by < 256:
        return None
    at = number * PIECE + place
    was = piece[place] + by
    if not is_signed(data[:at] + bytes([was]) + data[at + 1 :]):
        return None
    return ByteChange(at, at + 1, True, was, piece[place])


def _signed64(value: int) -> int:
    value &= _MASK
    return value - (1 << 64) if value >> 63 else value
