"""Joining recordings with their record: what is held of an interaction, and when it is acted on.
Pure functions; time is an argument.

| there is | is waited for | until |
| --- | --- | --- |
| recording, and a record with its transcript, or a transcript of its own | nothing | at once |
| a text, a chat, a form | nothing | at once |
| recording, no record or one without transcript | the transcript | it landed + `wait_seconds`; then fail closed |
| a call's record | its recording | the same; then the record alone |
| a record, its recording being out already, or the other way round | nothing | at once |
| a recording that is shorter than it declares | the rest of it | it landed + `settle_seconds`; then it is taken as it is |

Of several snapshots the one of the highest rank is held, of several contents of one recording's
file the newest. The wait is counted from when the first piece landed. A recording whose original is
to be put away is held on until it has not grown for `settle_seconds`.
"""  # noqa: E501

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from callveil.transforms.jobs.streaming.halves import InteractionPart

Why = Literal["joined", "alone", "waited", "settled"]


@dataclass(frozen=True)
class InteractionParts:
    """Parts of one interaction that have come.

    Attributes:
        recordings: one of each file, in the order they landed.
        record, transcript: None where it has not come.
    """

    recordings: tuple[InteractionPart, ...] = ()
    record: InteractionPart | None = None
    transcript: InteractionPart | None = None

    def with_(self, piece: InteractionPart) -> InteractionParts:
        """Return this and one more piece. The order in which pieces come makes no difference, but
        for copies of equal standing, of which one is kept.
        """
        if piece.sort == "recording":
            same = [piece, *(p for p in self.recordings if p.url == piece.url)]
            newest = max(same, key=_newest)._replace(alone=any(p.alone for p in same))
            others = [p for p in self.recordings if p.url != piece.url]
            return replace(self, recordings=tuple(sorted([*others, newest], key=_first)))
        if piece.sort == "transcript":
            return replace(
                self, transcript=max((p for p in (self.transcript, piece) if p), key=_newest)
            )
        return replace(self, record=max((p for p in (self.record, piece) if p), key=_later))

    @property
    def pieces(self) -> list[InteractionPart]:
        """All of them."""
        return [*self.recordings, *(p for p in (self.record, self.transcript) if p)]

    @property
    def landed_at(self) -> float:
        """When the first of the pieces landed, seconds since 1970."""
        return min(p.landed_at for p in self.pieces)


def _first(piece: InteractionPart) -> tuple[float, str]:
    return piece.landed_at, piece.url


def _newest(piece: InteractionPart) -> tuple[float, str, bool]:
    return piece.landed_at, piece.object_id, piece.alone


def _later(piece: InteractionPart) -> tuple[int, bool, float, str, int]:
    return piece.rank, piece.alone, -piece.landed_at, piece.object_id, -piece.place


def collect_parts(pieces: Iterable[InteractionPart]) -> InteractionParts:
    """Return all pieces of one interaction as one."""
    held = InteractionParts()
    for piece in pieces:
        held = held.with_(piece)
    return held


def ready_reason(held: InteractionParts) -> Why | None:
    """Tell why it can be acted on, as far as its parts are there, or None where one is waited for.
    Raises ValueError where nothing is held.
    """
    if not held.pieces:
        raise ValueError("nothing is held")
    if held.recordings and (held.transcript or (held.record and held.record.complete)):
        return "joined"
    return "alone" if any(p.alone for p in held.pieces) else None


def waiting_ends_at(held: InteractionParts, wait: float) -> float:
    """Tell when waiting for another part ends, seconds since 1970. `wait` in seconds."""
    return held.landed_at + wait


def settled_at(held: InteractionParts, settle: float) -> float:
    """From when on all recordings may be taken as they are, seconds since 1970. `settle` in
    seconds.
    """
    return max((p.landed_at + settle for p in held.recordings if p.cut), default=-math.inf)


def due_reason(held: InteractionParts, now: float, wait: float, settle: float = 0.0) -> Why | None:
    """Tell why it is to be acted on at `now`, or None where it is not yet."""
    if now < settled_at(held, settle):
        return None
    return ready_reason(held) or ("waited" if now >= waiting_ends_at(held, wait) else None)


def growing_recordings(held: InteractionParts, now: float, settle: float) -> InteractionParts:
    """Return recordings that may still grow, held on alone after they were acted on; those that
    were cut are left where they are anyway.
    """
    kept = (
        p._replace(alone=True) for p in held.recordings if not p.cut and now < p.landed_at + settle
    )
    return InteractionParts(tuple(kept))
