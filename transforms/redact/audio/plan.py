"""From stretches of time to stretches of samples: what of each channel of a recording is covered.

All arithmetic is exact (fractions), so that a plan depends on its input alone and a sample is
covered wholly or not at all.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

END = 1 << 62
"""Sample index that stands for the end of a recording whose length is not known."""


@dataclass(frozen=True, slots=True, order=True)
class AudioSpan:
    """A stretch of a recording that must not be heard.

    Attributes:
        start: seconds from the beginning of the recording; 0 where only an end is known.
        end: seconds; infinity where the stretch goes on to the end of the recording.
        channel: audio channel it is heard on, counted from 1; 0 means every channel.
    """

    start: float
    end: float
    channel: int = 0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.start) and self.start <= self.end):  # NaN fails both
            raise ValueError(
                "a stretch of audio needs a finite start and an end that is not before it"
            )
        if self.channel < 0:
            raise ValueError("channels are counted from 1; 0 means all of them")


EVERYTHING = AudioSpan(0.0, math.inf)
"""The whole recording, on every channel: what is covered where nothing says when something was
said.
"""


@dataclass(frozen=True, slots=True)
class CoverMargins:
    """How far a cover reaches beyond the stretch it hides. Seconds.

    Attributes:
        before, after: added to each stretch: recognisers place the edges of words some tens of
            milliseconds off.
        join: covers on one channel that are at most so far apart become one; a syllable left
            between two beeps tells more than it is worth.
        fade: length of the faded edges, outside the cover, so that the cover itself holds nothing
            of what was said.
    """

    before: float = 0.1
    after: float = 0.1
    join: float = 0.25
    fade: float = 0.005

    def __post_init__(self) -> None:
        for name in ("before", "after", "join", "fade"):
            if not 0 <= getattr(self, name) <= 60:
                raise ValueError(f"{name} must lie between 0 and 60 seconds")

    def widened(self, guard: float) -> CoverMargins:
        """Return the same margins with `guard` seconds more on either side."""
        return (
            CoverMargins(
                min(60, self.before + guard), min(60, self.after + guard), self.join, self.fade
            )
            if guard
            else self
        )


@dataclass(frozen=True, slots=True)
class CoveredRanges:
    """Covered samples of one channel: half-open, in order, disjoint, none touching.

    Attributes:
        starts, ends: sample indices, pairwise.
    """

    starts: tuple[int, ...] = ()
    ends: tuple[int, ...] = ()

    def near(self, lo: int, hi: int, reach: int = 0) -> range:
        """Return positions of the ranges that come within `reach` samples of the stretch `[lo,
        hi)`.
        """
        return range(bisect_right(self.ends, lo - reach), bisect_left(self.starts, hi + reach))

    def clamped(self, frames: int) -> CoveredRanges:
        """Return the parts of the ranges that lie before sample `frames`."""
        kept = [
            (a, min(b, frames)) for a, b in zip(self.starts, self.ends, strict=True) if a < frames
        ]
        return CoveredRanges(tuple(a for a, _ in kept), tuple(b for _, b in kept))

    @property
    def total(self) -> int:
        """Number of covered samples."""
        return sum(self.ends) - sum(self.starts)


Plan = tuple[CoveredRanges, ...]
"""Covered samples by channel."""


def plan_coverage(
    spans: Iterable[AudioSpan],
    rate: int,
    channels: int,
    margins: CoverMargins = CoverMargins(),
    frames: int = END,
) -> Plan:
    """Lay out which samples are covered.

    Args:
        spans: what must not be heard, in any order, overlapping or not. A span on a channel the
            recording does not have covers every
            channel: the transcript and the recording then disagree on who is heard where.
        rate: samples per second.
        channels: channels of the recording.
        margins: widening, joining and fading.
        frames: samples per channel; leave out where it is not known yet.

    Returns: one `CoveredRanges` per channel. A sample is covered where any part of its time `[n /
        rate, (n + 1) / rate)` lies in a widened span.

    Raises:
        ValueError: rate or channels below 1.
    """
    if rate < 1 or channels < 1:
        raise ValueError("a recording has at least one channel and one sample per second")
    found: list[list[tuple[int, int]]] = [[] for _ in range(channels)]
    before, after = Fraction(margins.before), Fraction(margins.after)
    for span in spans:
        lo = max(0, math.floor((Fraction(span.start) - before) * rate))
        hi = END if math.isinf(span.end) else math.ceil((Fraction(span.end) + after) * rate)
        if hi <= lo:
            continue
        for channel in [span.channel - 1] if 0 < span.channel <= channels else range(channels):
            found[channel].append((lo, hi))
    gap = max(math.floor(Fraction(margins.join) * rate), 2 * fade_samples(margins, rate))
    # Cut last, so that a plan made before the length is known covers the same samples.
    return tuple(_joined(sorted(ranges), gap).clamped(frames) for ranges in found)


def fade_samples(margins: CoverMargins, rate: int) -> int:
    """Return length of a faded edge, samples."""
    return round(margins.fade * rate)


def _joined(ranges: Sequence[tuple[int, int]], gap: int) -> CoveredRanges:
    starts: list[int] = []
    ends: list[int] = []
    for lo, hi in ranges:
        if ends and lo - ends[-1] <= gap:
            ends[-1] = max(ends[-1], hi)
        else:
            starts.append(lo)
            ends.append(hi)
    return CoveredRanges(tuple(starts), tuple(ends))
