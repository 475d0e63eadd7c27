"""G.711: mu-law and A-law codes and the linear samples they stand for (ITU-T Recommendation G.711,
tables 1a to 2b).

Recordings are never taken through linear samples and back as a whole: two mu-law codes stand for
zero, so that would not return every byte.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.uint8]


def _mulaw_levels() -> NDArray[np.int16]:
    codes = ~np.arange(256, dtype=np.int32) & 0xFF
    magnitude = (((codes & 0x0F) << 3) + 0x84 << ((codes & 0x70) >> 4)) - 0x84
    return np.where(codes & 0x80, -magnitude, magnitude).astype(np.int16)


def _alaw_levels() -> NDArray[np.int16]:
    codes = np.arange(256, dtype=np.int32) ^ 0x55
    exponent, mantissa = (codes & 0x70) >> 4, codes & 0x0F
    magnitude = np.where(
        exponent == 0, (mantissa << 4) + 8, ((mantissa << 4) + 0x108) << np.maximum(exponent - 1, 0)
    )
    return np.where(codes & 0x80, magnitude, -magnitude).astype(np.int16)


def _codes(levels: NDArray[np.int16]) -> Codes:
    """For each 16-bit sample, by its value + 32768, the code whose level is nearest; of two as
    near, the louder one.

    Of mu-law's two zeros it is the positive one, 0xFF, which lines send as silence.
    """
    order = np.lexsort((-np.arange(256), levels))
    sorted_levels = levels[order].astype(np.int32)
    samples = np.arange(-32768, 32768, dtype=np.int32)
    above = np.clip(np.searchsorted(sorted_levels, samples), 0, 255)
    below = np.maximum(above - 1, 0)
    up, down = np.abs(sorted_levels[above] - samples), np.abs(samples - sorted_levels[below])
    nearer = np.where((up < down) | ((up == down) & (samples >= 0)), above, below)
    return order[nearer].astype(np.uint8)


MULAW_LEVELS, ALAW_LEVELS = _mulaw_levels(), _alaw_levels()
"""The linear 16-bit sample each code stands for."""

MULAW_CODES, ALAW_CODES = _codes(MULAW_LEVELS), _codes(ALAW_LEVELS)
"""The nearest code to each 16-bit sample, by its value + 32768."""
