"""Rescan report: counts of findings by kind, under names that hold no value, key or location."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from callveil.schemas.interaction import InteractionKey
from callveil.schemas.json_types import JsonObject
from callveil.schemas.outcome import Outcome
from callveil.transforms.jobs.batch.work_results import WorkResult

INTERACTIONS, VERSIONS, LIVE = "interactions", "versions", "live"
ZONES = (INTERACTIONS, VERSIONS, LIVE)
"""Where rows are stored: the two datasets, and what `watch` has redacted as it arrived."""

_COVERED, _ROWS = "covered", "rows"
_PLACE = re.compile(r"([\[{])\d+([\]}])")


class CoveredKind(NamedTuple):
    """One kind of what was found.

    Attributes:
        zone: one of `ZONES`.
        field: declared path without places, such as `outline[].text` or `notes{}.key`.
        entity: entity type.
    """

    zone: str
    field: str
    entity: str


class UnreadableRow(NamedTuple):
    """A stored row that could not be read again.

    Attributes:
        zone: one of `ZONES`.
        account_id, id: of the interaction, or of the version.
        reason: a key of `schemas.rejected.REASONS`.
    """

    zone: str
    account_id: str
    id: str
    reason: str


@dataclass(slots=True)
class RescanNotes:
    """Notes on a rescan beside its outcome: facts to tell, and work left to do.

    Attributes:
        unread: rows that could not be read.
        audible: interactions with a redacted recording in whose transcript something was found.
        receipts: of the live zone, each with the one to be put in its place.
    """

    unread: list[UnreadableRow] = field(default_factory=list)
    audible: list[InteractionKey] = field(default_factory=list)
    receipts: list[tuple[JsonObject, JsonObject]] = field(default_factory=list)


@dataclass(slots=True)
class TaskResult(WorkResult):
    """Result of reading a piece of the store again."""

    notes: RescanNotes = field(default_factory=RescanNotes)


def path_shape(path: str) -> str:
    """Return a declared path without the places in it: neither which turn, nor which key."""
    return _PLACE.sub(r"\1\2", path)


def count_row(counts: Counter[str], zone: str, found: Mapping[tuple[str, str], int]) -> None:
    """Count what was found in one row, by field (as `path_shape` gives it) and entity type."""
    counts[f"affected.{zone}"] += 1
    for (name, entity), number in found.items():
        counts[f"{_COVERED}/{zone}/{name}/{entity}"] += number
        counts[f"{_ROWS}/{zone}/{name}/{entity}"] += 1


def count_unread(outcome: Outcome, unread: Iterable[UnreadableRow]) -> None:
    """Count rows that could not be read again."""
    outcome.counts.update(f"unread.{row.zone}" for row in unread)


def count_kinds(counts: Mapping[str, int]) -> Iterator[tuple[CoveredKind, int, int]]:
    """Yield each kind with how often it was found and in how many rows, in order."""
    for name, number in sorted(counts.items()):
        head, _, rest = name.partition("/")
        if head == _COVERED:
            yield CoveredKind(*rest.split("/")), number, counts[f"{_ROWS}/{rest}"]
