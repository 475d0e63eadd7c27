"""Outcome of a completed unit of work: published files and counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from callveil.schemas.manifest import FileEntry


@dataclass
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
        return orjson.dumps(self.as_dict())

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {
            "added": [f.as_dict() for f in self.added],
            "removed": self.removed,
            "counts": dict(sorted(self.counts.items())),
        }

    @classmethod
    def from_dict(cls, d: Mapping[str, Any]) -> Outcome:
        """Return inverse of `as_dict`."""
        return cls(
            [FileEntry.from_dict(f) for f in d["added"]], list(d["removed"]), Counter(d["counts"])
        )

    @classmethod
    def total(cls, parts: Iterable[bytes]) -> Outcome:
        """Return sum of encoded outcomes; files sorted, so that the order of arrival leaves no
        trace.
        """
        out = cls()
        for part in parts:
            one = cls.from_dict(orjson.loads(part))
            out.added.extend(one.added)
            out.removed.extend(one.removed)
            out.counts.update(one.counts)
        out.added.sort()
        out.removed.sort()
        return out
