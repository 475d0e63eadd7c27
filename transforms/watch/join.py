"""Joining a recording with its record: what is held of an interaction, and when it is acted on. Pure functions; time is an argument.

| there is | is waited for | until |
| --- | --- | --- |
| recording, and a record with its transcript | nothing | at once |
| a text, a chat, a form | nothing | at once |
| recording, no record or one without transcript | the transcript | it landed + `wait_seconds`; then fail closed |
| a call's record | its recording | the same; then the record alone |
| a record, its recording being out already, or the other way round | nothing | at once |

Of several snapshots the one of the highest rank is held. The wait is counted from when the first piece landed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from callveil.transforms.watch.pieces import Piece

Why = Literal["joined", "alone", "waited"]


@dataclass(frozen=True)
class Gathered:
    """What has come of one interaction.

    Attributes:
        recording, record: the pieces; None where it has not come.
    """

    recording: Piece | None = None
    record: Piece | None = None

    def with_(self, piece: Piece) -> Gathered:
        """This and one more piece. The order in which pieces come makes no difference, but for copies of equal standing, of which one is kept."""
        if piece.sort == "recording":
            return replace(self, recording=min((p for p in (self.recording, piece) if p), key=_first))
        return replace(self, record=max((p for p in (self.record, piece) if p), key=_later))

    @property
    def landed_at(self) -> float:
        """When the first of the pieces landed, seconds since 1970."""
        return min(p.landed_at for p in (self.recording, self.record) if p)


def _first(piece: Piece) -> tuple[float, str, bool]:
    return piece.landed_at, piece.object_id, not piece.alone


def _later(piece: Piece) -> tuple[int, bool, float, str, int]:
    return piece.rank, piece.alone, -piece.landed_at, piece.object_id, -piece.place


def gather(pieces: Iterable[Piece]) -> Gathered:
    """All pieces of one interaction as one."""
    held = Gathered()
    for piece in pieces:
        held = held.with_(piece)
    return held


def ready(held: Gathered) -> Why | None:
    """Why it can be acted on at once, or None where something is waited for. Raises ValueError where nothing is held."""
    recording, record = held.recording, held.record
    if recording and record and record.complete:
        return "joined"
    if (record and record.alone) or (recording and recording.alone):
        return "alone"
    if not recording and not record:
        raise ValueError("nothing is held")
    return None


def due_at(held: Gathered, wait: float) -> float:
    """When waiting ends, seconds since 1970. `wait` in seconds."""
    return held.landed_at + wait


def verdict(held: Gathered, now: float, wait: float) -> Why | None:
    """Why it is to be acted on at `now`, or None where it is not yet."""
    return ready(held) or ("waited" if now >= due_at(held, wait) else None)
