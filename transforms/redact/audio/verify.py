"""A second look at what was written: is anything but the intended sound heard in the covered
stretches, and is all else as it was?
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import av
import numpy as np
from numpy.typing import NDArray

from callveil.transforms.redact.audio.container import AudioRejected, sound_track
from callveil.transforms.redact.audio.energy import (
    MOMENT,
    SILENCE,
    LevelMeter,
    Levels,
    RecordingSurvey,
    moment_samples,
)
from callveil.transforms.redact.audio.masking import CoverTone
from callveil.transforms.redact.audio.plan import AudioSpan, CoverMargins, Plan, plan_coverage
from callveil.transforms.redact.audio.samples import Floats
from callveil.transforms.redact.audio.stream import begin_reading, read_sound_blocks

SILENT = {True: -60.0, False: -50.0}
"""dBFS, root of the mean square over a piece of 5 ms or more, by whether samples are stored as they
are: a muted stretch is below it. Coded sound may have a little noise of what is heard beside the
stretch.
"""

BESIDE_TONE = {True: -30.0, False: -10.0}
"""What may be heard beside a tone, dB relative to the tone: where samples are stored as they are
the rounding of 8-bit codes, else the noise of encoders at low bit rates.
"""

SHORT = 0.005
"""Seconds below which a piece of a stretch is too short to be measured by itself."""

LONGER = 0.3
"""Seconds by which the length may differ: more than the longest frame there is."""


OTHERWISE = {True: 0.1, False: 10.0}
"""dB by which the level outside covers may differ: of each moment where samples are stored as they
are, else of each second, since encoders spread and shape their noise.
"""

AUDIBLE = {True: -70.0, False: -45.0}
"""dBFS below which such a difference is none."""


@dataclass(frozen=True, slots=True)
class RecordingCheck:
    """Findings of the second look at a recording.

    Attributes:
        problem: one sentence that quotes nothing; empty where nothing is wrong.
        residue: dBFS of the loudest that is heard in a covered stretch beside what was put there;
            None where nothing is covered.
        changed: dB by which the level of what is not covered differs at most; None where it was not
            measured.
    """

    problem: str = ""
    residue: float | None = None
    changed: float | None = None


def verify_recording(
    sink: BinaryIO,
    seconds: float,
    spans: Sequence[AudioSpan],
    margins: CoverMargins,
    sound: CoverTone,
    planned: Plan,
    before: RecordingSurvey | None,
    *,
    lossless: bool,
) -> RecordingCheck:
    """Look at a redacted recording once more.

    Args:
        sink: the file, seekable, standing at its beginning.
        seconds: length it has to have.
        spans: what must not be heard.
        margins: how far covers reach at least.
        sound: what is heard there instead.
        planned: what was covered, in samples of the original.
        before: of the original; None leaves out what is not covered.
        lossless: samples are stored as they are.
    """
    loudest: float | None = None
    try:
        with av.open(sink, "r") as source:
            recording = sound_track(source)
            read = begin_reading(recording)
            meter = LevelMeter(lambda: read.rate)
            covered = None
            for length, load in read_sound_blocks(recording, read):
                covered = covered or plan_coverage(spans, read.rate, read.channels, margins)
                lo, hi = read.frames, read.frames + length
                near = [
                    (c, ranges, p) for c, ranges in enumerate(covered) for p in ranges.near(lo, hi)
                ]
                heard = load() if near or before else None
                if heard is not None and before:
                    meter.add(heard)
                for channel, ranges, position in near:
                    a, b = max(lo, ranges.starts[position]), min(hi, ranges.ends[position])
                    if heard is not None and b - a >= SHORT * read.rate:
                        loudest = max(
                            loudest or 0.0,
                            residual_power(heard[a - lo : b - lo, channel], a, sound, read.rate),
                        )
    except (av.FFmpegError, AudioRejected) as error:
        return RecordingCheck(f"what was written cannot be read again ({type(error).__name__})")
    if abs(read.frames / read.rate - seconds) > LONGER:
        return RecordingCheck("what was written has another length than the recording")
    residue = (
        None if loudest is None else round(float(10 * np.log10(loudest + 10 ** (SILENCE / 10))), 1)
    )
    if loudest and loudest > 10 ** (SILENT[lossless] / 10) + sound.amplitude**2 / 2 * 10 ** (
        BESIDE_TONE[lossless] / 10
    ):
        return RecordingCheck(
            f"a covered stretch still has sound of {residue:.0f} dBFS in it beside what was put "
            "there",
            residue,
        )
    if before is None:
        return RecordingCheck("", residue)
    if read.channels != before.channels:
        return RecordingCheck("what was written has other channels than the recording", residue)
    free = _uncovered(planned, before, margins.fade + (0 if lossless else 2 * MOMENT))
    changed = _changed(before, meter.levels(), read.rate, free, lossless)
    problem = (
        f"the level of what is not covered differs by {changed:.1f} dB from the recording"
        if changed > OTHERWISE[lossless]
        else ""
    )
    return RecordingCheck(problem, residue, changed)


def _uncovered(planned: Plan, before: RecordingSurvey, reach: float) -> NDArray[np.bool_]:
    """Return moments that no cover and no fade touches, `(channels, moments)`; the last one may be
    shorter and is left out.
    """
    free = np.ones(before.levels.shape, np.bool_)
    free[:, -1:] = False
    size = moment_samples(before.rate)
    for row, ranges in zip(free, planned, strict=True):
        for a, b in zip(ranges.starts, ranges.ends, strict=True):
            row[
                max(0, int((a - reach * before.rate) // size)) : int(
                    (b + reach * before.rate) // size
                )
                + 1
            ] = False
    return free


def _changed(
    before: RecordingSurvey, levels: Levels, rate: int, free: NDArray[np.bool_], lossless: bool
) -> float:
    """Greatest difference of levels where `free`, dB."""
    was, now = before.levels, levels
    if rate != before.rate or now.shape != was.shape:
        now = _on_time(
            now,
            moment_samples(rate) / rate,
            was.shape[1],
            moment_samples(before.rate) / before.rate,
        )
    if not lossless:
        was, now, free = _by_second(was, free), _by_second(now, free), _by_second(free, free) > 0
    worth = free & (np.maximum(was, now) > AUDIBLE[lossless])
    return round(float(np.abs(was - now)[worth].max(initial=0.0)), 2)


def _on_time(levels: Levels, have: float, count: int, wanted: float) -> Levels:
    """Return levels of moments that are `have` seconds long as levels of `count` moments of
    `wanted` seconds.
    """
    power = 10 ** (levels.astype(np.float64) / 10)
    until = np.concatenate([np.zeros((len(levels), 1)), np.cumsum(power, axis=1)], axis=1) * have
    times, ends = np.arange(until.shape[1]) * have, np.arange(count + 1) * wanted
    rows = [np.diff(np.interp(ends, times, row)) / wanted for row in until]
    return np.asarray(10 * np.log10(np.stack(rows) + 10 ** (SILENCE / 10)), np.float32)


def _by_second(values: NDArray[Any], free: NDArray[np.bool_]) -> NDArray[Any]:
    """Return the level of each second, over its free moments; of `free` itself, whether half of
    each second or more is free.
    """
    size = round(1 / MOMENT)
    whole = values.shape[1] // size * size
    taken = free[:, :whole].reshape(len(free), -1, size)
    if values is free:
        return np.asarray(taken.mean(axis=2) >= 0.5)
    power = np.where(
        taken, 10 ** (values[:, :whole].astype(np.float64) / 10).reshape(taken.shape), 0.0
    )
    mean = power.sum(axis=2) / np.maximum(1, taken.sum(axis=2))
    return np.asarray(10 * np.log10(mean + 10 ** (SILENCE / 10)))


def residual_power(heard: Floats, at: int, sound: CoverTone, rate: int) -> float:
    """Mean square of what is heard beside a sound.

    Args:
        heard: samples of one channel.
        at: place of the first in the recording.
        sound: what belongs there; its phase and level are not looked at, since encoders change them
            a little.
        rate: samples per second.
    """
    if sound.amplitude and sound.frequency * 2 < rate:
        angle = 2 * np.pi * sound.frequency * np.arange(at, at + len(heard)) / rate
        base = np.stack([np.sin(angle), np.cos(angle)], axis=1)
        heard = heard - base @ np.linalg.lstsq(base, heard, rcond=None)[0]
    return float(np.mean(heard**2))
