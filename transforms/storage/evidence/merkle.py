"""Merkle trees as RFC 6962 has them: a root over the commitments of a file's rows."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

LEAF, NODE = b"\x00", b"\x01"


def leaf_hash(salt: bytes, row: bytes) -> bytes:
    """Return a row's commitment: without its salt (32 bytes) nobody can try values against it."""
    return hashlib.sha256(LEAF + salt + row).digest()


def root_hash(leaves: Sequence[bytes]) -> bytes:
    """Root over `leaves` in their order; the digest of nothing where there are none.

    A node without a neighbour moves up as it is, which gives the tree of RFC 6962, section 2.1.
    """
    if not leaves:
        return hashlib.sha256(b"").digest()
    level = list(leaves)
    while len(level) > 1:
        above = [
            hashlib.sha256(NODE + level[i] + level[i + 1]).digest()
            for i in range(0, len(level) - 1, 2)
        ]
        if len(level) % 2:
            above.append(level[-1])
        level = above
    return level[0]
