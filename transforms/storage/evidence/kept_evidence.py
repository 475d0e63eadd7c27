"""What is known of a run's files while it is planned and published: which rows a rewritten file
left out, and what was committed to on an earlier attempt. Files never change, so both hold.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from callveil.schemas.manifest import FileEntry
from callveil.transforms.storage.evidence.file_commitments import Committed
from callveil.transforms.storage.tables.rewrite import RowChanges


@dataclass
class KeptEvidence:
    """What is known of one run's files.

    Attributes:
        changes: rows that are not in a rewritten file, by its path.
        committed: evidence of files, each with the file it replaces.
    """

    changes: dict[str, RowChanges] = field(default_factory=dict)
    committed: dict[tuple[FileEntry, FileEntry | None], Committed] = field(default_factory=dict)


_kept: dict[str, KeptEvidence] = {}


@contextmanager
def keep_evidence(run_id: str) -> Iterator[KeptEvidence]:
    """Remember what is known of a run's files within the block, however often it is tried."""
    try:
        yield _kept.setdefault(run_id, KeptEvidence())
    finally:
        _kept.pop(run_id, None)


def evidence_of(run_id: str) -> KeptEvidence:
    """Return what is known of a run's files; nothing that lasts outside of `keep_evidence`."""
    return _kept.get(run_id) or KeptEvidence()
