"""A second look at what was written: is anything but the intended sound heard in the covered stretches?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO

import av
import numpy as np

from callveil.transforms.audio.cover import Sound
from callveil.transforms.audio.open import AudioRejected, checked
from callveil.transforms.audio.plan import AudioSpan, Margins, plan
from callveil.transforms.audio.samples import Floats
from callveil.transforms.audio.stream import begin, pieces_of

SILENT = {True: -60.0, False: -50.0}
"""dBFS, root of the mean square over a piece of 5 ms or more, by whether samples are stored as they are: a muted stretch is below it. Coded sound may
have a little noise of what is heard beside the stretch."""

BESIDE_TONE = {True: -30.0, False: -10.0}
"""What may be heard beside a tone, dB relative to the tone: where samples are stored as they are the rounding of 8-bit codes, else the noise of
encoders at low bit rates."""

SHORT = 0.005
"""Seconds below which a piece of a stretch is too short to be measured by itself."""

LONGER = 0.3
"""Seconds by which the length may differ: more than the longest frame there is."""


def leftover(sink: BinaryIO, seconds: float, spans: Sequence[AudioSpan], margins: Margins, sound: Sound, *, lossless: bool) -> str:
    """What is wrong with a redacted recording.

    Args:
        sink: the file, seekable, standing at its beginning.
        seconds: length it has to have.
        spans: what must not be heard.
        margins: how far covers reach at least.
        sound: what is heard there instead.
        lossless: samples are stored as they are.

    Returns: one sentence that quotes nothing; empty where nothing is wrong.
    """
    loudest = 0.0
    try:
        with av.open(sink, "r") as source:
            recording = checked(source)
            read = begin(recording)
            covered = None
            for length, load in pieces_of(recording, read):
                covered = covered or plan(spans, read.rate, read.channels, margins)
                lo, hi = read.frames, read.frames + length
                near = [(c, ranges, p) for c, ranges in enumerate(covered) for p in ranges.near(lo, hi)]
                heard = load() if near else None
                for channel, ranges, position in near:
                    a, b = max(lo, ranges.starts[position]), min(hi, ranges.ends[position])
                    if heard is not None and b - a >= SHORT * read.rate:
                        loudest = max(loudest, beside(heard[a - lo : b - lo, channel], a, sound, read.rate))
    except (av.FFmpegError, AudioRejected) as error:
        return f"what was written cannot be read again ({type(error).__name__})"
    if abs(read.frames / read.rate - seconds) > LONGER:
        return "what was written has another length than the recording"
    if loudest > 10 ** (SILENT[lossless] / 10) + sound.amplitude**2 / 2 * 10 ** (BESIDE_TONE[lossless] / 10):
        return f"a covered stretch still has sound of {10 * np.log10(loudest):.0f} dBFS in it beside what was put there"
    return ""


def beside(heard: Floats, at: int, sound: Sound, rate: int) -> float:
    """Mean square of what is heard beside a sound.

    Args:
        heard: samples of one channel.
        at: place of the first in the recording.
        sound: what belongs there; its phase and level are not looked at, since encoders change them a little.
        rate: samples per second.
    """
    if sound.amplitude and sound.frequency * 2 < rate:
        angle = 2 * np.pi * sound.frequency * np.arange(at, at + len(heard)) / rate
        base = np.stack([np.sin(angle), np.cos(angle)], axis=1)
        heard = heard - base @ np.linalg.lstsq(base, heard, rcond=None)[0]
    return float(np.mean(heard**2))
