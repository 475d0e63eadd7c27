"""Masking sounds (silence, beep, tone), and their overlay on audio samples.

Everything depends on a sample's place in the recording alone, so that it does not matter in which
pieces the recording is read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from callveil.transforms.redact.audio.plan import Plan
from callveil.transforms.redact.audio.samples import Block, Floats, SampleFormat

MODES = ("mute", "beep", "tone")


@dataclass(frozen=True, slots=True)
class CoverTone:
    """Sound that is heard in a covered stretch, or silence.

    Attributes:
        frequency: Hz.
        amplitude: peak, between 0 (silence) and 1 (full scale).
    """

    frequency: float = 0.0
    amplitude: float = 0.0

    def __post_init__(self) -> None:
        if not (0 <= self.amplitude <= 1 and 0 <= self.frequency <= 20_000):
            raise ValueError(
                "a sound needs an amplitude between 0 and 1 and a frequency up to 20,000 Hz"
            )

    @classmethod
    def of(cls, mode: str) -> CoverTone:
        """Return the sound of a mode. `mute`: silence; `beep`: 1,000 Hz; `tone`: a low 220 Hz. Both
        sounds are 20 dB below full scale. Raises ValueError for another mode.
        """
        if mode not in MODES:
            raise ValueError(f"mode must be one of {', '.join(MODES)}")
        return {"mute": cls(), "beep": cls(1000.0, 0.1), "tone": cls(220.0, 0.1)}[mode]

    def at(self, lo: int, hi: int, rate: int) -> Floats:
        """Return samples `lo` to `hi`, exclusive, counted from the beginning of the recording.
        Above half the rate there is silence.
        """
        if not self.amplitude or self.frequency * 2 >= rate:
            return np.zeros(hi - lo)
        # The phase is taken within one second, which holds a whole number of periods: it stays
        # exact however long the call is.
        place = np.arange(lo, hi, dtype=np.int64)
        whole, part = divmod(self.frequency, 1.0)
        turns = (place * int(whole) % rate) / rate + (part * place / rate) % 1.0
        return self.amplitude * np.sin(2 * np.pi * turns)


class SoundCover:
    """Lays a sound over the planned stretches of a recording.

    Args:
        covered: samples by channel.
        sound: what is heard there.
        rate: samples per second.
        fade: samples over which the voice fades into the sound before a stretch, and back behind
            it.
    """

    def __init__(self, covered: Plan, sound: CoverTone, rate: int, fade: int) -> None:
        self.covered, self.sound, self.rate, self.fade = covered, sound, rate, fade
        steps = (np.arange(fade) + 0.5) / fade if fade else np.zeros(0)
        self._falling = 0.5 + 0.5 * np.cos(np.pi * steps)

    def touches(self, lo: int, hi: int) -> bool:
        """Tell whether anything changes in samples `lo` to `hi`, exclusive."""
        return any(ranges.near(lo, hi, self.fade) for ranges in self.covered)

    def apply(self, block: Block, lo: int, samples: SampleFormat) -> None:
        """Lay the sound over a block in place; samples outside the stretches and their fades are
        not written to.

        Args:
            block: stored samples, frames first.
            lo: place of the block's first sample in the recording.
            samples: how they are stored.
        """
        hi = lo + len(block)
        for channel, ranges in enumerate(self.covered):
            for position in ranges.near(lo, hi, self.fade):
                for a, b, voice in self._pieces(
                    ranges.starts[position], ranges.ends[position], lo, hi
                ):
                    sound = self.sound.at(a, b, self.rate)
                    if voice is not None:
                        sound = samples.load(block[a - lo : b - lo, channel]) * voice + sound * (
                            1 - voice
                        )
                    block[a - lo : b - lo, channel] = samples.store(sound)

    def _pieces(
        self, start: int, end: int, lo: int, hi: int
    ) -> Iterator[tuple[int, int, Floats | None]]:
        """Yield where a stretch and its fades lie within `[lo, hi)`, with the voice's gain; None
        where no voice is left.
        """
        a, b = max(lo, start), min(hi, end)
        if a < b:
            yield a, b, None
        first = start - self.fade
        a, b = max(lo, first), min(hi, start)
        if a < b:
            yield a, b, self._falling[a - first : b - first]
        a, b = max(lo, end), min(hi, end + self.fade)
        if a < b:
            yield a, b, self._falling[::-1][a - end : b - end]
