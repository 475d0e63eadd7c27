"""Salts: one of 32 bytes for each row, destroyed with the row.

A file's salts are the leaves of a tree that grows from one random seed (the construction of
Goldreich, Goldwasser and Micali), so 32 bytes stand for any number of salts. To destroy some of
them the seed is replaced by seeds of subtrees that hold none of these; what is above is gone, and
the tree grows one way only. A rewritten file keeps the salts of the rows it keeps, and so their
commitments.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import orjson

from callveil.schemas.json_types import JsonObject

SEED_BYTES = 32
_GROW = hashlib.blake2b(digest_size=64, person=b"callveil salt 1")


def _depth(leaves: int) -> int:
    return max(leaves - 1, 0).bit_length()


def _children(seed: bytes) -> tuple[bytes, bytes]:
    hasher = _GROW.copy()  # which costs half of making one
    hasher.update(seed)
    both = hasher.digest()
    return both[:SEED_BYTES], both[SEED_BYTES:]


@dataclass(frozen=True)
class SaltTree:
    """A tree of salts, or what is left of one.

    Attributes:
        leaves: number it had at first.
        seeds: `(level, place) -> seed`; level 0 is the root. Leaves below none of them are
            destroyed.
    """

    leaves: int
    seeds: dict[tuple[int, int], bytes] = field(repr=False)

    @classmethod
    def grown(cls, leaves: int, seed: bytes | None = None) -> SaltTree:
        """Return a whole tree from a new random seed."""
        return cls(leaves, {(0, 0): seed or secrets.token_bytes(SEED_BYTES)} if leaves else {})

    def salts(self) -> dict[int, bytes]:
        """Return salts by leaf, of those that are left."""
        depth = _depth(self.leaves)
        out: dict[int, bytes] = {}
        for (level, place), seed in self.seeds.items():
            row, at = [seed], level
            first = place
            while at < depth:
                # Leaves behind the last one are never made.
                upto = -(-self.leaves // (1 << (depth - at - 1)))
                row = [child for parent in row for child in _children(parent)]
                first *= 2
                row = row[: max(upto - first, 0)]
                at += 1
            out.update(enumerate(row, first))
        return out

    def without(self, gone: Iterable[int]) -> SaltTree:
        """Return what is left once some leaves are destroyed."""
        depth = _depth(self.leaves)
        cut: set[tuple[int, int]] = {
            (level, place >> (depth - level)) for place in gone for level in range(depth + 1)
        }
        seeds: dict[tuple[int, int], bytes] = {}
        waiting = list(self.seeds.items())
        while waiting:
            (level, place), seed = waiting.pop()
            if (level, place) not in cut:
                seeds[level, place] = seed
            elif level < depth:
                for side, child in enumerate(_children(seed)):
                    below = (level + 1, 2 * place + side)
                    if below[1] << (depth - level - 1) < self.leaves:
                        waiting.append((below, child))
        return SaltTree(self.leaves, dict(sorted(seeds.items())))


@dataclass(frozen=True)
class FileSalts:
    """The salts of one file's rows.

    Attributes:
        trees: where they come from; more than one after a rewrite that changed rows.
        spans: `(tree, first leaf, number)`, in the order of the file's rows.
        pad: key of the file's own byte sums; see `sums`.
    """

    trees: tuple[SaltTree, ...]
    spans: tuple[tuple[int, int, int], ...]
    pad: bytes = field(repr=False)

    @classmethod
    def new(cls, rows: int) -> FileSalts:
        """New salts for a file."""
        return cls(
            (SaltTree.grown(rows),),
            ((0, 0, rows),) if rows else (),
            secrets.token_bytes(SEED_BYTES),
        )

    def by_row(self) -> list[bytes]:
        """Return salts in the order of rows. Raises LookupError where one is destroyed that the
        file still needs.
        """
        grown = [t.salts() for t in self.trees]
        return [
            salt
            for tree, first, count in self.spans
            for salt in map(grown[tree].__getitem__, range(first, first + count))
        ]

    def places(self) -> Iterator[tuple[int, int]]:
        """Yield tree and leaf of each row."""
        for tree, first, count in self.spans:
            yield from ((tree, leaf) for leaf in range(first, first + count))

    def carried(self, kept: Iterable[int | None]) -> FileSalts:
        """Return the salts of a file that replaces this one.

        Args:
            kept: for each of its rows the row of this file that it is, or None for a new or changed
                one. No row twice.
        """
        rows = list(kept)
        places = list(self.places())
        fresh = SaltTree.grown(sum(r is None for r in rows))
        spans: list[list[int]] = []
        number, used = 0, [set[int]() for _ in self.trees]
        for row in rows:
            if row is None:
                tree, leaf = len(self.trees), number
                number += 1
            else:
                tree, leaf = places[row]
                used[tree].add(leaf)
            if spans and spans[-1][0] == tree and spans[-1][1] + spans[-1][2] == leaf:
                spans[-1][2] += 1
            else:
                spans.append([tree, leaf, 1])
        trees = [t.without(set(range(t.leaves)) - u) for t, u in zip(self.trees, used, strict=True)]
        return FileSalts(
            (*trees, fresh), tuple((a, b, c) for a, b, c in spans), secrets.token_bytes(SEED_BYTES)
        )._packed()

    def _packed(self) -> FileSalts:
        """Without trees that no row uses."""
        used = sorted({t for t, _, _ in self.spans})
        number = {t: n for n, t in enumerate(used)}
        return FileSalts(
            tuple(self.trees[t] for t in used),
            tuple((number[t], a, b) for t, a, b in self.spans),
            self.pad,
        )

    def encode(self) -> JsonObject:
        """JSON form."""
        trees = [
            {
                "leaves": t.leaves,
                "seeds": [[level, place, s.hex()] for (level, place), s in sorted(t.seeds.items())],
            }
            for t in self.trees
        ]
        return {"trees": trees, "spans": [list(s) for s in self.spans], "pad": self.pad.hex()}

    @classmethod
    def decode(cls, d: JsonObject) -> FileSalts:
        """Return the salts that `encode` encoded. Raises KeyError, TypeError or ValueError for
        another form.
        """
        trees = tuple(
            SaltTree(
                t["leaves"], {(level, place): bytes.fromhex(s) for level, place, s in t["seeds"]}
            )
            for t in d["trees"]
        )
        return cls(trees, tuple((a, b, c) for a, b, c in d["spans"]), bytes.fromhex(d["pad"]))

    def sha256(self) -> str:
        """Return the digest of the JSON form, hex; safe to publish, since the seeds in it are
        random.
        """
        return hashlib.sha256(orjson.dumps(self.encode(), option=orjson.OPT_SORT_KEYS)).hexdigest()
