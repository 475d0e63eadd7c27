"""Stretches of a recording as plain sound, one after the other, while it is read once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from callveil.transforms.redact.audio.container import open_recording
from callveil.transforms.redact.audio.stream import begin_reading, read_sound_blocks
from callveil.transforms.storage.files.filesystem import Files

MAX_STRETCH = 120.0
"""Seconds of the longest stretch that is given: no more than that is held at a time."""

Sound = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class SoundSegment:
    """A stretch of a recording.

    Attributes:
        start, end: seconds.
        channel: counted from 1; 0, and one the recording does not have, means all of them, mixed.
    """

    start: float
    end: float
    channel: int = 0


def read_segments(
    files: Files, url: str, wanted: Sequence[SoundSegment], rate: int
) -> Iterator[tuple[int, Sound]]:
    """Yield stretches of a recording, as they are read.

    Args:
        files: access to it.
        url: path or URL.
        wanted: in any order, overlapping or not. Those longer than `MAX_STRETCH` or without any
            sound are left out.
        rate: samples per second of what is given.

    Yields: the place in `wanted`, and samples between -1 and 1.

    Raises:
        AudioRejected, FileNotFoundError, FilesError, OSError: as `open_recording` does, on the way
            too.
    """
    waiting = sorted(
        (n for n, w in enumerate(wanted) if 0 < w.end - w.start <= MAX_STRETCH),
        key=lambda n: wanted[n].start,
    )
    if not waiting:
        return
    with open_recording(files, url) as recording:
        read = begin_reading(recording)
        held: list[tuple[int, NDArray[np.float32]]] = []
        for length, load in read_sound_blocks(recording, read):
            lo, hi = read.frames, read.frames + length
            if waiting and wanted[waiting[0]].start * read.rate < hi:
                held.append((lo, load().astype(np.float32)))
            done = [n for n in waiting if wanted[n].end * read.rate <= hi]
            for n in done:
                yield from _cut(n, wanted[n], held, read.rate, rate)
            if done:
                waiting = [n for n in waiting if wanted[n].end * read.rate > hi]
                first = wanted[waiting[0]].start * read.rate if waiting else hi
                held = [(at, piece) for at, piece in held if at + len(piece) > first]
            if not waiting:
                return
        for n in waiting:
            yield from _cut(n, wanted[n], held, read.rate, rate)


def _cut(
    n: int,
    stretch: SoundSegment,
    held: Sequence[tuple[int, NDArray[np.float32]]],
    have: int,
    rate: int,
) -> Iterator[tuple[int, Sound]]:
    a, b = int(stretch.start * have), int(stretch.end * have)
    column = slice(stretch.channel - 1, stretch.channel)
    parts = []
    for at, piece in held:
        part = piece[max(0, a - at) : max(0, b - at)]
        parts.append(
            (part[:, column] if 0 < stretch.channel <= part.shape[1] else part).mean(axis=1)
            if len(part)
            else part[:, 0]
        )
    sound = np.concatenate(parts) if parts else np.zeros(0, np.float32)
    if len(sound):
        yield n, resample_sound(sound, have, rate)


def resample_sound(sound: NDArray[Any], have: int, rate: int) -> Sound:
    """Return one channel of sound at another number of samples per second."""
    if have == rate:
        return np.asarray(sound, np.float32)
    resampler = av.AudioResampler(format="flt", layout="mono", rate=rate)
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound, np.float32)[None], "flt", "mono")
    frame.sample_rate = have
    return np.concatenate(
        [part.to_ndarray()[0] for part in (*resampler.resample(frame), *resampler.resample(None))]
    )
