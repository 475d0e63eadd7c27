"""Results of pieces of work: files and counts, and what is left to do with rows and the indexes."""

from __future__ import annotations

from dataclasses import dataclass, field

from callveil.schemas.outcome import Outcome
from callveil.schemas.subject_index import SubjectEntry
from callveil.transforms.ingest.deduplicate import Change
from callveil.transforms.storage.tables.key_index import IndexEntry


@dataclass(slots=True)
class ChunkResult:
    """Result of reading a chunk.

    Attributes:
        buckets: blocks of packed pointers by bucket of the key index.
    """

    outcome: Outcome
    buckets: dict[str, list[bytes]]


@dataclass(slots=True)
class WorkResult:
    """Result of writing a shard, or of changing a file.

    Attributes:
        index: entries of the interactions that were written. subjects: of people in them.
        changes: what is to happen to stored rows that written ones replace.
    """

    outcome: Outcome = field(default_factory=Outcome)
    index: list[IndexEntry] = field(default_factory=list)
    subjects: list[SubjectEntry] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
