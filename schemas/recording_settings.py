"""The policy's `recordings` section: how a recording is covered, and how long it and its transcript
wait for each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from callveil.schemas.policy_settings import Section
from callveil.schemas.policy_values import Between, OmitDefault, OneOf

COVERS = ("mute", "beep", "tone")
CHANNELS = ("own", "swapped", "all")
WITHOUT_TRANSCRIPT = ("cover", "recognise", "reject")
ORIGINALS = ("keep", "seal", "delete")
VIDEO = ("drop", "copy")


@dataclass(frozen=True)
class RecordingSettings(Section):
    """How recordings are redacted as they arrive.

    Attributes:
        mode: what is heard instead: silence, 1,000 Hz, or a low 220 Hz.
        channel: which channel is covered: that of the party who spoke (1, the external party, is
            the first of the recording), the other way round, or every one.
        padding_seconds: added before and after each stretch.
        wait_seconds: how long a recording waits for its transcript, and a call's record for its
            recording, from when it landed; a week at most, which is longer than any platform takes
            to transcribe a call.
        settle_seconds: how long a recording must not have grown before its original is put away, or
            before one that is shorter than it declares is taken as it is.
        without_transcript: what becomes of a recording without one: the whole of it is covered,
            what the embedded recogniser hears decides, or it is rejected.
        align: whether words are timed by forced alignment where the transcript times turns only;
            else whole turns are covered.
        keypad: whether keypad tones are covered wherever they are heard: digits can be read off
            them.
        untranscribed: whether sound in which somebody is heard and of which the transcript says
            nothing is covered: what is said there is unknown.
        original: it stays where it is, moves into the store encrypted, or is deleted.
        video: whether moving pictures beside the sound are left out or copied. They are not looked
            at: a shared screen or a name under a face tells who calls, and so do captions.
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
