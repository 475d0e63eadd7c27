"""Record of what a run writes for the tables, and names it gives; loads no pyiceberg."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True)
class TableCommit:
    """Metadata of tables that a run leads to.

    Attributes:
        tables: metadata file of each table, below the store's root.
        written: SHA-256 (hex) of the files that were written, by path below the root.
        obsolete: paths of what no reader comes to any more once the pointer names `tables`.
    """

    tables: Mapping[str, str]
    written: Mapping[str, str]
    obsolete: tuple[str, ...] = ()


_SEQ_BITS = 48
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def run_uuid(seq: int) -> UUID:
    """Return a new UUID (version 8, RFC 9562) that begins with the number of a run."""
    number = (seq << (128 - _SEQ_BITS)) | secrets.randbits(128 - _SEQ_BITS)
    number = number & ~(0xF << 76) | (8 << 76)
    return UUID(int=number & ~(0b11 << 62) | (0b10 << 62))


def run_of_metadata(path: str) -> int | None:
    """Return the number of the run that wrote a metadata file, by its name; None for another."""
    found = _UUID.search(path.rpartition("/")[2])
    return UUID(found[0]).int >> (128 - _SEQ_BITS) if found else None
