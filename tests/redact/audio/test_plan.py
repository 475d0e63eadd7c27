"""The planner against an oracle that decides sample by sample."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from callveil.transforms.redact.audio.masking import CoverTone, SoundCover
from callveil.transforms.redact.audio.plan import (
    EVERYTHING,
    AudioSpan,
    CoveredRanges,
    CoverMargins,
    fade_samples,
    plan_coverage,
)
from callveil.transforms.redact.audio.samples import PCM

times = st.one_of(st.integers(0, 120).map(lambda n: n / 10), st.floats(0, 12, allow_nan=False))


@st.composite
def spans(draw: st.DrawFn) -> AudioSpan:
    start = draw(times)
    end = draw(st.one_of(st.just(math.inf), times.map(lambda length: start + length / 4)))
    return AudioSpan(start, end, draw(st.integers(0, 4)))


margins = st.builds(
    CoverMargins,
    st.sampled_from([0.0, 0.1, 0.33]),
    st.sampled_from([0.0, 0.1, 0.5]),
    st.sampled_from([0.0, 0.25, 1.0]),
    st.sampled_from([0.0, 0.005, 0.1]),
)


def oracle(
    found: list[AudioSpan], rate: int, channels: int, m: CoverMargins, frames: int
) -> list[list[bool]]:
    """For each channel and sample: covered or not."""
    out = []
    gap = max(math.floor(Fraction(m.join) * rate), 2 * fade_samples(m, rate))
    beyond = frames + gap + 1  # a stretch behind the end joins one before it all the same
    for channel in range(1, channels + 1):
        covered = [False] * beyond
        for s in found:
            if s.channel not in (0, channel) and s.channel <= channels:
                continue
            lo = Fraction(s.start) - Fraction(m.before)
            hi = None if math.isinf(s.end) else Fraction(s.end) + Fraction(m.after)
            for n in range(beyond):
                # A span without length and without margins covers nothing that has a duration,
                # unless it lies inside of a sample.
                overlaps = Fraction(n + 1, rate) > lo and (hi is None or Fraction(n, rate) < hi)
                covered[n] = covered[n] or overlaps
        last = None
        for n in range(beyond):
            if covered[n]:
                if last is not None and n - last - 1 <= gap:
                    covered[last : n + 1] = [True] * (n + 1 - last)
                last = n
        out.append(covered[:frames])
    return out


@settings(max_examples=150)
@example(
    [AudioSpan(0.2, math.inf), AudioSpan(0.0, 0.025)], 10, 1, CoverMargins(0.0, 0.0, 0.25, 0.0), 2
)
@given(
    st.lists(spans(), max_size=6),
    st.sampled_from([7, 10, 16]),
    st.integers(1, 3),
    margins,
    st.integers(1, 150),
)
def test_plan_covers_what_the_oracle_covers(
    found: list[AudioSpan], rate: int, channels: int, m: CoverMargins, frames: int
) -> None:
    got = plan_coverage(found, rate, channels, m, frames)
    for ranges, wanted in zip(got, oracle(found, rate, channels, m, frames), strict=True):
        covered = [False] * frames
        for a, b in zip(ranges.starts, ranges.ends, strict=True):
            assert 0 <= a < b <= frames
            covered[a:b] = [True] * (b - a)
        assert covered == wanted
        assert all(b < a for b, a in zip(ranges.ends, ranges.starts[1:], strict=False)), (
            "ranges touch"
        )
        assert ranges.total == sum(wanted)
    open_ended = plan_coverage(found, rate, channels, m)
    for ranges, clamped in zip(open_ended, got, strict=True):
        first = [
            (a, min(b, frames))
            for a, b in zip(ranges.starts, ranges.ends, strict=True)
            if a < frames
        ]
        assert [x for x, _ in first] == list(ranges.clamped(frames).starts)
        assert first == list(zip(clamped.starts, clamped.ends, strict=True))


@settings(max_examples=60)
@given(
    st.lists(spans(), max_size=5),
    margins,
    st.lists(st.integers(1, 400), min_size=1, max_size=12),
    st.sampled_from(sorted(PCM)),
    st.sampled_from(["mute", "tone"]),
)
def test_pieces_do_not_matter_and_the_rest_stays(
    found: list[AudioSpan], m: CoverMargins, cuts: list[int], name: str, mode: str
) -> None:
    rate, channels, samples = 1000, 2, PCM[name]
    rng = np.random.default_rng(len(found))
    data = bytearray(rng.integers(0, 256, 1500 * channels * samples.size, dtype=np.uint8).tobytes())
    before = samples.view(bytearray(data), channels)
    covered = plan_coverage(found, rate, channels, m, len(before))
    cover = SoundCover(covered, CoverTone.of(mode), rate, fade_samples(m, rate))
    whole = samples.view(bytearray(data), channels)
    cover.apply(whole, 0, samples)
    pieces, at, n = samples.view(bytearray(data), channels), 0, 0
    while at < len(pieces):
        size = cuts[n % len(cuts)]
        if cover.touches(at, at + size):
            cover.apply(pieces[at : at + size], at, samples)
        at, n = at + size, n + 1
    assert whole.tobytes() == pieces.tobytes()
    fade = fade_samples(m, rate)
    for channel, ranges in enumerate(covered):
        touched = np.zeros(len(before), bool)
        for a, b in zip(ranges.starts, ranges.ends, strict=True):
            touched[max(0, a - fade) : b + fade] = True
            wanted = samples.store(CoverTone.of(mode).at(a, b, rate))
            assert whole[a:b, channel].tobytes() == wanted.tobytes()
        assert whole[~touched, channel].tobytes() == before[~touched, channel].tobytes()


def test_a_channel_the_recording_lacks_covers_every_channel() -> None:
    assert plan_coverage([AudioSpan(1, 2, 2)], 10, 1, CoverMargins(0, 0, 0, 0)) == (
        CoveredRanges((10,), (20,)),
    )
    assert plan_coverage([EVERYTHING], 10, 2, frames=30) == (CoveredRanges((0,), (30,)),) * 2


@pytest.mark.parametrize(
    ("start", "end", "channel"),
    [(2, 1, 0), (math.nan, 1, 0), (0, math.nan, 0), (math.inf, math.inf, 0), (0, 1, -1)],
)
def test_impossible_spans_are_refused(start: float, end: float, channel: int) -> None:
    with pytest.raises(ValueError, match=r"channel|stretch"):
        AudioSpan(start, end, channel)


def test_tones_keep_their_phase_to_the_end_of_a_long_call() -> None:
    rate, beep = 8000, CoverTone.of("beep")
    late = 3 * 3600 * rate
    assert np.allclose(beep.at(late, late + 80, rate), beep.at(0, 80, rate), atol=1e-12)
    assert abs(np.abs(beep.at(0, rate, rate)).max() - 0.1) < 1e-6
    assert not CoverTone(5000, 0.5).at(0, 100, 8000).any(), "what the rate cannot carry is silence"
