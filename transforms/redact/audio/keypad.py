"""Keypad tones (DTMF, ITU-T Q.23 and Q.24): digits that a caller keyed can be read off a
recording.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from callveil.transforms.redact.audio.plan import AudioSpan
from callveil.transforms.redact.audio.samples import Floats

LOW, HIGH = (697.0, 770.0, 852.0, 941.0), (1209.0, 1336.0, 1477.0, 1633.0)
"""Hz of the rows and columns of a keypad; a key is one of each."""
OFF = (-0.012, 0.0, 0.012)
"""By how much, in parts of it, a tone is looked for beside where it should be; Q.24 has 1.5 %
understood.
"""
WINDOW, HOP = 0.024, 0.008
"""Seconds that are looked at at once, and from one look to the next."""
LOOKS, STEADY = 3, 5
"""Looks in a row that a tone lasts at least: 40 ms, as Q.24 has it for what must be understood; and
those from which on one sure look is enough.
"""
SURE, LIKELY = (0.55, 4.0), (0.2, 1.6)
"""Of the energy in a window what its two tones have at least, and times the power of the next tone
of its group that each has: for a key by itself, and for one beside others, which somebody may talk
over.
"""
TWIST = 16.0
"""Times the power of one tone that the other has at most (12 dB)."""
QUIET = 1e-4
"""Root mean square below which there is silence (-80 dB of full scale)."""
JOIN = 1.0
"""Seconds between two keys that are covered with them: a row of digits is one stretch."""


def spans_of_tones(blocks: Iterable[Floats], rate: int) -> Iterator[AudioSpan]:
    """Yield stretches in which keys are heard, by channel.

    Args:
        blocks: pieces of sound between -1 and 1, `(frames, channels)`, in order.
        rate: samples per second; tones above half of it are not there to be heard.
    """
    size, hop = round(WINDOW * rate), max(1, round(HOP * rate))
    if rate < 2 * HIGH[0]:
        return
    waves = _waves(size, rate)
    left: Floats | None = None
    first = 0  # looks before `left`
    tracks: dict[int, _Track] = {}
    for block in blocks:
        sound = block if left is None else np.concatenate([left, block])
        looks = max(0, (len(sound) - size) // hop + 1)
        for channel in range(sound.shape[1]):
            track = tracks.setdefault(channel, _Track(hop / rate, size / rate))
            if looks:
                track.add(first, *_keys(sound[:, channel], looks, size, hop, waves))
        left, first = sound[looks * hop :], first + looks
    for channel, track in tracks.items():
        for start, end in track.rows():
            yield AudioSpan(start, end, channel + 1)


class _Track:
    """The keys of one channel."""

    def __init__(self, hop: float, window: float) -> None:
        self._hop, self._window = (
            hop,
            window,
        )  # seconds, of whole samples: `HOP` would run away from them
        self.keys: list[tuple[float, float, bool]] = []
        self._key, self._from, self._looks, self._sure = -1, 0, 0, 0

    def add(self, first: int, keys: NDArray[np.int64], sure: NDArray[np.bool_]) -> None:
        """Looks from `first` on: a key each, or -1, and whether it is sure."""
        changes = [0, *(np.flatnonzero(np.diff(keys)) + 1).tolist(), len(keys)]
        for a, b in pairwise(changes):
            if int(keys[a]) != self._key:
                self._close()
                self._key, self._from, self._looks, self._sure = int(keys[a]), first + a, 0, 0
            self._looks += b - a
            self._sure += int(sure[a:b].sum())

    def rows(self) -> Iterator[tuple[float, float]]:
        """Yield rows of keys of which some are sure, whole, and single sure ones, as what talk
        sounds like at times: seconds from and to.
        """
        self._close()
        row: list[tuple[float, float, bool]] = []
        for key in (*self.keys, (math.inf, math.inf, False)):
            if row and key[0] - row[-1][1] > JOIN:
                found = [key for key in row if key[2]]
                whole = row if len(found) > 1 else found
                if whole:
                    yield whole[0][0], whole[-1][1]
                row = []
            row.append(key)

    def _close(self) -> None:
        if self._key >= 0 and self._looks >= LOOKS:
            end = (self._from + self._looks - 1) * self._hop + self._window
            steady = self._looks >= STEADY and self._sure
            self.keys.append((self._from * self._hop, end, self._sure >= LOOKS or bool(steady)))
        self._key = -1


def _waves(size: int, rate: int) -> NDArray[np.complex128]:
    """Return one complex wave for each tone and offset, `(size, 24)`, scaled so that a sine's
    energy in the window comes out.
    """
    place = np.arange(size)[:, None] / rate
    tones = np.outer(1 + np.array(OFF), [*LOW, *HIGH]).ravel()
    waves: NDArray[np.complex128] = np.exp(-2j * math.pi * place * tones) * math.sqrt(2.0 / size)
    waves[:, tones * 2 >= rate] = 0
    return waves


def _keys(
    sound: Floats, looks: int, size: int, hop: int, waves: NDArray[np.complex128]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """For each look the key that may be heard (0 to 15, by rows), or -1, and whether it is sure."""
    shape, strides = (looks, size), (sound.strides[0] * hop, sound.strides[0])
    windows = np.lib.stride_tricks.as_strided(sound, shape, strides, writeable=False)
    energy = np.einsum("ij,ij->i", windows, windows)
    keys, certain = np.full(looks, -1, dtype=np.int64), np.zeros(looks, dtype=np.bool_)
    loud = np.flatnonzero(energy > QUIET**2 * size)
    if not len(loud):
        return keys, certain
    power = (np.abs(windows[loud] @ waves) ** 2).reshape(len(loud), len(OFF), 8).max(1)
    rows, columns = power[:, :4], power[:, 4:]
    low, high = rows.max(1), columns.max(1)
    above = np.minimum(
        *(p.max(1) / np.maximum(np.partition(p, -2, 1)[:, -2], 1e-12) for p in (rows, columns))
    )
    share = (low + high) / energy[loud]
    even = (low <= TWIST * high) & (high <= TWIST * low)
    sure, likely = (even & (share >= part) & (above >= times) for part, times in (SURE, LIKELY))
    keys[loud[likely]] = (rows.argmax(1) * 4 + columns.argmax(1))[likely]
    certain[loud[sure]] = True
    return keys, certain
