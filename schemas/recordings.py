"""The policy's `recordings` section: how a recording is covered, and how long it and its transcript
wait for each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from callveil.schemas.policy_settings import Between, OmitDefault, OneOf, Section

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


@dataclass(frozen=True)
class RecordingSettings(Section):
    """How recordings are redacted as they arrive.

    Attributes:
        mode: one of `COVERS`.
        channel: one of `CHANNELS`.
        padding_seconds: added before and after each stretch.
        wait_seconds: how long a recording waits for its transcript, and a call's record for its
            recording, from when it landed; a week at most, which is longer than any platform takes
            to transcribe a call.
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

    mode: Annotated[str, OneOf(COVERS)] = "mute"
    channel: Annotated[str, OneOf(CHANNELS)] = "own"
    padding_seconds: Annotated[float, Between(0, 60)] = 0.1
    wait_seconds: Annotated[float, Between(0, 604_800)] = 900.0
    settle_seconds: Annotated[float, Between(0, 86_400), OmitDefault()] = 60.0
    without_transcript: Annotated[str, OneOf(WITHOUT_TRANSCRIPT)] = "cover"
    align: bool = True
    keypad: Annotated[bool, OmitDefault()] = True
    untranscribed: Annotated[bool, OmitDefault()] = True
    original: Annotated[str, OneOf(ORIGINALS)] = "keep"
    video: Annotated[str, OneOf(VIDEO), OmitDefault()] = "drop"
