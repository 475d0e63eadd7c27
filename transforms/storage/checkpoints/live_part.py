"""A part of the live zone as a checkpoint commits to it: an interaction's record, or its recording,
with its receipt.

The commitment is a digest under a random salt. Salt and receipt lie in the interaction's own
folder, as its proof: whatever purges the folder, or the part, destroys the salt, so that what is
signed says nothing any more. The signed entry names the part by its path, which the receipt of
something that has expired or was erased keeps too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import orjson

from callveil.schemas.json_types import JsonObject
from callveil.transforms.storage.evidence.merkle import leaf_hash
from callveil.transforms.storage.evidence.salts import SEED_BYTES
from callveil.transforms.storage.format1.live import CALLS, Receipt

_ORIGINAL = re.compile(r"original(?:-[0-9a-f]{24})?\.(?:json|sealed)")
_NAME = re.compile(r"(record|audio)\.proof\.([0-9a-f]{16})\.json")
_PART = re.compile(rf"{CALLS}/[^/]+/[^/]+/(record|audio)")
_SHORT = 16


@dataclass(frozen=True)
class PartState:
    """State of a part that a checkpoint commits to.

    Attributes:
        part: path of the receipt, without suffix.
        receipt: as it is read.
        files: SHA-256 (hex) and size (bytes) by name, of the receipt and what belongs to it.
    """

    part: str
    receipt: Receipt
    files: dict[str, tuple[str, int]]

    @property
    def status(self) -> str:
        """Status of its receipt."""
        return str(self.receipt.get("status"))

    def content(self) -> bytes:
        """Canonical bytes."""
        return orjson.dumps(self._dict(), option=orjson.OPT_SORT_KEYS)

    def _dict(self) -> JsonObject:
        return {
            "part": self.part,
            "receipt": self.receipt,
            "files": {n: list(f) for n, f in self.files.items()},
        }


@dataclass(frozen=True)
class PartProof:
    """Proof that opens a commitment.

    Attributes:
        state: what was committed to.
        seal: number of the checkpoint it was made for.
        salt: 32 random bytes.
    """

    state: PartState
    seal: int
    salt: bytes = field(repr=False)

    @property
    def leaf(self) -> str:
        """The commitment, hex."""
        return leaf_hash(self.salt, self.state.content()).hex()

    @property
    def path(self) -> str:
        """Where it lies, below the store's root."""
        return proof_name(self.state.part, self.leaf)

    def encode(self) -> bytes:
        """Return its bytes."""
        return orjson.dumps(
            {"seal": self.seal, "salt": self.salt.hex(), **self.state._dict()},
            option=orjson.OPT_SORT_KEYS,
        )

    @classmethod
    def decode(cls, data: bytes) -> PartProof:
        """Return the proof that `encode` encoded. Raises ValueError for other bytes than that
        gives.
        """
        try:
            d = orjson.loads(data)
            state = PartState(
                d["part"], d["receipt"], {n: (sha, size) for n, (sha, size) in d["files"].items()}
            )
            proof = cls(state, d["seal"], bytes.fromhex(d["salt"]))
        except (ValueError, KeyError, TypeError, AttributeError):
            raise ValueError("not a proof") from None
        if len(proof.salt) != SEED_BYTES or not is_part(state.part) or proof.encode() != data:
            raise ValueError("not a proof")
        return proof


def proof_name(part: str, commitment: str) -> str:
    """Return the path of a commitment's proof below the root."""
    return f"{part}.proof.{commitment[:_SHORT]}.json"


def proof_of(name: str) -> str | None:
    """Return `record` or `audio` where a file's name is that of a proof, or None."""
    found = _NAME.fullmatch(name)
    return found[1] if found else None


def is_part(path: str) -> bool:
    """Tell whether a path names a part."""
    return _PART.fullmatch(path) is not None


def belongs_to_part(part: str, name: str) -> bool:
    """Tell whether a file of an interaction's folder belongs to a part, by its name."""
    what = part.rpartition("/")[2]
    return (
        name == f"{what}.json"
        or name.startswith(f"{what}-")
        or (what == "audio" and is_original(name))
    )


def is_original(name: str) -> bool:
    """Tell whether a file is a recording's sealed original, or word that it was put away."""
    return _ORIGINAL.fullmatch(name) is not None
