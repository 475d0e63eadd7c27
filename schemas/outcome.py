"""Outcome of a completed unit of work: published files and counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from callveil.schemas.json_types import from_json_text, to_json_text
from callveil.schemas.manifest import FileEntry


@dataclass(slots=True)
class Outcome:
    """Published files and counts of a piece of work, or of many added up.

    Attributes:
        added: files to publish.
        removed: paths of live files they replace.
        counts: numbers by name, such as `in`, `redacted`, `rejected`, `finding.PERSON`,
            `reason.bad_json`.
    """

    added: list[FileEntry] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def encode(self) -> bytes:
        """JSON bytes, the form in which outcomes travel through a pipeline."""
        return to_json_text(self)

    @classmethod
    def total(cls, parts: Iterable[bytes]) -> Outcome:
        """Return the sum of encoded outcomes; files are sorted, so that the order of arrival leaves
        no trace.
        """
        out = cls()
        for part in parts:
            one = from_json_text(part, cls)
            out.added.extend(one.added)
            out.removed.extend(one.removed)
            out.counts.update(one.counts)
        out.added.sort()
        out.removed.sort()
        return out
