"""The policy's `recordings` section: how a recording is covered, and how long it and its transcript
wait for each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

COVERS = ("mute", "beep", "tone")
"""What is heard instead: silence, 1,000 Hz, or a low 220 Hz."""

CHANNELS = ("own", "swapped", "all")
"""Which channel is covered: that of the party who spoke (1, the external party, is the first of the
recording), the other way round, or every one.
"""

WITHOUT_TRANSCRIPT = ("cover", "recognise", "reject")
"""What becomes of a recording without a transcript: the whole of it is covered, what the embedded
recogniser hears decides, or it is rejected.
"""

ORIGINALS = ("keep", "seal", "delete")
"""What becomes of the original: it stays where it is, moves into the store encrypted, or is
deleted.
"""

VIDEO = ("drop", "copy")
"""What becomes of moving pictures beside the sound. They are not looked at: a shared screen or a
name under a face tells who calls, and so do captions within the picture. So they are left out
unless somebody says that they may stay.
"""
LATER = {"keypad": True, "untranscribed": True, "video": "drop", "settle_seconds": 60.0}
"""Members that came later, with what holds where a policy does not name them."""


@dataclass(frozen=True)
class RecordingSettings:
    """How recordings are redacted as they arrive.

    Attributes:
        mode: one of `COVERS`.
        channel: one of `CHANNELS`.
        padding_seconds: added before and after each stretch.
        wait_seconds: how long a recording waits for its transcript, and a call's record for its
            recording, from when it landed.
        settle_seconds: how long a recording must not have grown before its original is put away, or
            before one that is shorter than it declares is taken as it is.
        without_transcript: one of `WITHOUT_TRANSCRIPT`.
        align: whether words are timed by forced alignment where the transcript times turns only;
            else whole turns are covered.
        keypad: whether keypad tones are covered wherever they are heard: digits can be read off
            them.
        untranscribed: whether sound in which somebody is heard and of which the transcript says
            nothing is covered: what is said there is unknown.
        original: one of `ORIGINALS`.
        video: one of `VIDEO`.
    """

    mode: str = "mute"
    channel: str = "own"
    padding_seconds: float = 0.1
    wait_seconds: float = 900.0
    settle_seconds: float = 60.0
    without_transcript: str = "cover"
    align: bool = True
    keypad: bool = True
    untranscribed: bool = True
    original: str = "keep"
    video: str = "drop"

    def __post_init__(self) -> None:
        for value, options in (
            (self.mode, COVERS),
            (self.channel, CHANNELS),
            (self.without_transcript, WITHOUT_TRANSCRIPT),
            (self.original, ORIGINALS),
            (self.video, VIDEO),
        ):
            if value not in options:
                raise ValueError(f"expected one of {', '.join(options)}")
        if not (
            0 <= self.padding_seconds <= 60
            and 0 <= self.wait_seconds <= 604_800
            and 0 <= self.settle_seconds <= 86_400
        ):
            raise ValueError(
                "padding_seconds lies between 0 and 60, wait_seconds between 0 and 604800 (a "
                "week), settle_seconds between 0 and 86400"
            )

    def as_dict(self) -> dict[str, Any]:
        """Return the form a policy file gives it in; it reads back to an equal object. Policies
        from before `LATER` keep their digest.
        """
        return {k: v for k, v in asdict(self).items() if LATER.get(k) != v}

    def layered(self, given: Mapping[str, Any]) -> RecordingSettings:
        """Return this section with another file's members on top."""
        return RecordingSettings(
            **({f.name: getattr(self, f.name) for f in fields(self)} | dict(given))
        )
