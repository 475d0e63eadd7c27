"""Energy-based voice activity detection: signal level by channel and time, and speech segments.

The times of a transcript are checked against them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from callveil.transforms.redact.audio.container import OpenRecording, open_recording
from callveil.transforms.redact.audio.keypad import spans_of_tones
from callveil.transforms.redact.audio.plan import AudioSpan
from callveil.transforms.redact.audio.samples import Floats
from callveil.transforms.redact.audio.stream import ReadProgress, begin_reading, read_sound_blocks
from callveil.transforms.storage.files.filesystem import Files

MOMENT = 0.02
"""Seconds over which loudness is measured: a syllable is longer, the pause between two words mostly
is.
"""
SILENCE = -120.0
"""dBFS that stands for digital silence, and the least there is."""
BELOW_LOUD, ABOVE_NOISE, FAINTEST = 32.0, 4.0, -65.0
"""Speech is at most so many dB below its own loudest, at least so many above the line's noise, and
never fainter than so many dBFS.
"""
FLAT = 8.0
"""dB between the noise and the loudest of a channel from which anything can be told of who speaks
when.
"""
LEAK = 12.0
"""dB by which another channel is louder where what is heard is its echo."""
HOLE, BURST = 0.2, 0.06
"""Seconds of silence that belong to speech (a stop, a breath), and of sound that do not make speech
(a click).
"""

Levels = NDArray[np.float32]
"""dBFS, `(channels, moments)`."""
Active = NDArray[np.bool_]


@dataclass(frozen=True)
class RecordingSurvey:
    """Facts that one reading of a recording tells of it, without anything that is said.

    Attributes:
        rate, channels, frames: of the sound itself.
        levels: mean level of each moment; the last may be a part of one.
        keyed: stretches of keypad tones.
    """

    rate: int
    channels: int
    frames: int
    levels: Levels
    keyed: tuple[AudioSpan, ...] = ()

    @property
    def seconds(self) -> float:
        """Length."""
        return self.frames / self.rate

    @cached_property
    def speech(self) -> SpeechActivity:
        """Where somebody speaks."""
        return speech_in(self.levels)


class LevelMeter:
    """Takes the levels of sound that comes in pieces of any size; the moments lie where they would
    if it came in one.
    """

    def __init__(self, rate: Callable[[], int]) -> None:
        self._rate = rate
        self._left: Floats | None = None
        self._parts: list[Levels] = []

    def add(self, block: Floats) -> Floats:
        """Take one piece, `(frames, channels)`; returns it."""
        sound = np.clip(block, -1, 1)  # as it is written: codecs decode beyond full scale
        sound = sound if self._left is None else np.concatenate([self._left, sound])
        size = moment_samples(self._rate())
        whole = len(sound) // size
        if whole:
            self._parts.append(_levels(sound[: whole * size].reshape(whole, size, -1)))
        self._left = sound[whole * size :].copy()
        return block

    def levels(self) -> Levels:
        """Return levels so far."""
        rest = [_levels(self._left[None])] if self._left is not None and len(self._left) else []
        parts = [*self._parts, *rest]
        return np.concatenate(parts).T if parts else np.zeros((0, 0), np.float32)


def survey_recording(files: Files, url: str, *, keypad: bool = True) -> RecordingSurvey:
    """Read a recording once.

    Args:
        files: access to it.
        url: its path or URL.
        keypad: look for keypad tones as well.

    Memory: 200 bytes for each second and channel. Raises as `open_recording` and
        `read_sound_blocks` do.
    """
    with open_recording(files, url) as recording:
        return survey_open(recording, keypad=keypad)


def survey_open(recording: OpenRecording, *, keypad: bool = True) -> RecordingSurvey:
    """Read a recording that is open, as `survey_recording` does."""
    read = begin_reading(recording)
    meter = LevelMeter(lambda: read.rate)
    blocks = _measured(recording, read, meter)
    first = next(blocks, None)  # only decoding tells the rate for sure
    keyed: list[AudioSpan] = []
    if first is not None:
        sound = _chained(first, blocks)
        keyed = sorted(spans_of_tones(sound, read.rate)) if keypad else []
        for _ in sound:
            pass
    return RecordingSurvey(read.rate, read.channels, read.frames, meter.levels(), tuple(keyed))


def _measured(recording: OpenRecording, read: ReadProgress, meter: LevelMeter) -> Iterator[Floats]:
    for _, load in read_sound_blocks(recording, read):
        yield meter.add(load())


def _chained(first: Floats, rest: Iterable[Floats]) -> Iterator[Floats]:
    yield first
    yield from rest


def moment_samples(rate: int) -> int:
    """Return samples of one moment."""
    return max(1, round(MOMENT * rate))


def _levels(moments: Floats) -> Levels:
    """Return levels of `(moments, samples, channels)`."""
    power = np.einsum("ijk,ijk->ik", moments, moments) / moments.shape[1]
    return np.asarray(10 * np.log10(power + 10 ** (SILENCE / 10)), np.float32)


@dataclass(frozen=True)
class SpeechActivity:
    """Where somebody speaks. `(channels, moments)`, except `telling`.

    Attributes:
        heard: something can be made out on the channel, be it an echo.
        own: the same without what another channel has much louder.
        telling: channels of which it can be told; one that is equally loud all the time (noise,
            music over everything) tells nothing.
    """

    heard: Active
    own: Active
    telling: tuple[bool, ...]

    def share(self, channel: int, start: float, end: float, *, own: bool = False) -> float:
        """Part of a stretch, seconds, in which something is heard on a channel, from 1."""
        row = (self.own if own else self.heard)[
            channel - 1, int(start / MOMENT) : max(int(start / MOMENT) + 1, round(end / MOMENT))
        ]
        return float(row.mean()) if len(row) else 0.0


def speech_in(levels: Levels) -> SpeechActivity:
    """Tell where somebody speaks, by the levels of all channels."""
    heard = np.zeros(levels.shape, np.bool_)
    telling = []
    for channel, level in enumerate(levels):
        noise, loud = (
            (float(q) for q in np.quantile(level, (0.05, 0.99)))
            if len(level)
            else (SILENCE, SILENCE)
        )
        telling.append(loud - noise >= FLAT or loud < FAINTEST)
        heard[channel] = level > max(loud - BELOW_LOUD, noise + ABOVE_NOISE, FAINTEST)
    own = heard & (levels > levels.max(axis=0) - LEAK) if len(levels) > 1 else heard.copy()
    for row in (*heard, *own):
        _turn_short(row, False, round(HOLE / MOMENT))
        _turn_short(row, True, round(BURST / MOMENT))
    return SpeechActivity(heard, own, tuple(telling))


def _turn_short(row: Active, value: bool, most: int) -> None:
    """Turn over runs of `value` of at most `most` moments, in place; those at the ends stay, since
    they may go on beyond.
    """
    edges = np.flatnonzero(np.diff(row.view(np.int8))) + 1
    for a, b in pairwise(edges.tolist()):
        if row[a] == value and b - a <= most:
            row[a:b] = not value
