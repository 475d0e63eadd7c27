"""Merkle trees as RFC 6962 has them: a root over the commitments of a file's rows."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

LEAF, NODE = b"\x00", b"\x01"


def leaf_hash(salt: bytes, row: bytes) -> bytes:
    """Return a row's commitment: without its salt (32 bytes) nobody can try values against it."""
    return hashlib.sha256(LEAF + salt + row).digest()


def leaf_hashes(salts: Iterable[bytes], rows: Iterable[bytes]) -> list[bytes]:
    """Return the commitments of some rows, each under its own salt. Raises ValueError where there
    are more of one than of the other.
    """
    sha256 = hashlib.sha256
    return [sha256(LEAF + salt + row).digest() for salt, row in zip(salts, rows, strict=True)]


def root_hash(leaves: Sequence[bytes]) -> bytes:
    """Root over `leaves` in their order; the digest of nothing where there are none.

    A node without a neighbour moves up as it is, which gives the tree of RFC 6962, section 2.1.
    """
    if not leaves:
        return hashlib.sha256(b"").digest()
    level, sha256 = list(leaves), hashlib.sha256
    while len(level) > 1:
        above = [
            sha256(NODE + left + right).digest()
            for left, right in zip(level[::2], level[1::2], strict=False)
        ]
        if len(level) % 2:
            above.append(level[-1])
        level = above
    return level[0]
