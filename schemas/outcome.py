"""Outcome of a completed unit of work: published files and counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from callveil.schemas.json_types import JsonObject, to_json_text
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

    def as_dict(self) -> JsonObject:
        """JSON form."""
        return msgspec.to_builtins(self, order="sorted")  # type: ignore[no-any-return]

    @classmethod
    def from_dict(cls, d: Mapping[str, Any]) -> Outcome:
        """Return inverse of `as_dict`."""
        return msgspec.convert(d, cls, dec_hook=_of_type)

    @classmethod
    def total(cls, parts: Iterable[bytes]) -> Outcome:
        """Return sum of encoded outcomes; files sorted, so that the order of arrival leaves no
        trace.
        """
        out = cls()
        for part in parts:
            one = msgspec.json.decode(part, type=cls, dec_hook=_of_type)
            out.added.extend(one.added)
            out.removed.extend(one.removed)
            out.counts.update(one.counts)
        out.added.sort()
        out.removed.sort()
        return out


def _of_type(kind: Any, value: Any) -> Any:
    """Build what msgspec has no form for: a Counter."""
    return kind(value)
