"""Times of a transcript against the sound: what is mended, what is refused, and on which channels
is covered.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from callveil.transforms.redact.audio.energy import (
    MOMENT,
    LevelMeter,
    RecordingSurvey,
    moment_samples,
    speech_in,
)
from callveil.transforms.redact.audio.fit import (
    FARTHEST,
    Row,
    TranscriptFit,
    fit_transcript,
    shift_correlation,
    timed_rows,
    untranscribed_spans,
)
from callveil.transforms.redact.audio.plan import EVERYTHING, AudioSpan
from callveil.transforms.redact.audio.transcript_words import TranscriptCoverage

RATE = 8000
Sound = NDArray[np.float64]


def turns(seed: int, seconds: float = 60.0, pause: float = 1.5) -> list[Row]:
    """Two parties in turn, with pauses of up to so many seconds."""
    rng, rows, at = np.random.default_rng(seed), [], 1.0
    while at < seconds - 8:
        end = at + rng.uniform(0.8, 6.0)
        rows.append((round(at, 2), round(end, 2), 1 + len(rows) % 2))
        at = end + rng.uniform(0.3, pause)
    return rows


def call(rows: list[Row], seconds: float = 60.0, noise: float = 0.001) -> Sound:
    """Each party's turns as bursts of noise on its channel, with short holes in them, as talk
    has.
    """
    rng = np.random.default_rng(5)
    sound = rng.normal(0, noise, (2, round(seconds * RATE)))
    for start, end, channel in rows:
        a, b = round(start * RATE), round(end * RATE)
        gain = np.repeat(rng.random(1 + (b - a) // 800) > 0.15, 800)[: b - a]
        sound[channel - 1, a:b] += rng.normal(0, 0.1, b - a) * gain
    return sound


def survey_of(sound: Sound) -> RecordingSurvey:
    meter = LevelMeter(lambda: RATE)
    meter.add(sound.T)
    return RecordingSurvey(RATE, len(sound), sound.shape[1], meter.levels())


def mono(sound: Sound) -> Sound:
    return sound.sum(axis=0, keepdims=True)


FORMS = {
    "as it is": (lambda s: s, TranscriptFit("fits", "own")),
    "swapped": (lambda s: s[::-1], TranscriptFit("swapped", "swapped")),
    "mono": (mono, TranscriptFit("fits", "all")),
    "mono on two channels": (
        lambda s: np.repeat(mono(s), 2, axis=0),
        TranscriptFit("unclear", "all"),
    ),
    "a greeting before": (
        lambda s: np.concatenate([np.zeros((2, 20_000)), s], axis=1),
        TranscriptFit("shifted", "own", 2.5),
    ),
    "a greeting before, swapped": (
        lambda s: np.concatenate([np.zeros((2, 20_000)), s[::-1]], axis=1),
        TranscriptFit("shifted", "swapped", 2.5),
    ),
    "began late": (lambda s: s[:, 12_000:], TranscriptFit("shifted", "own", -1.5)),
    "music before": (
        lambda s: np.concatenate([np.random.default_rng(1).normal(0, 0.1, (2, 80_000)), s], axis=1),
        TranscriptFit("shifted", "own", 10.0),
    ),
    "an echo": (lambda s: s + 0.15 * s[::-1], TranscriptFit("fits", "own")),
    "cut off": (lambda s: s[:, : 40 * RATE], TranscriptFit("fits", "own")),
    "turned around": (lambda s: s[:, ::-1], TranscriptFit("refused", "all")),
    "digital silence": (lambda s: s * 0, TranscriptFit("refused", "all")),
    "noise alone": (
        lambda s: np.random.default_rng(3).normal(0, 0.1, s.shape),
        TranscriptFit("unclear", "all"),
    ),
}


@pytest.mark.parametrize("noise", [0.0001, 0.01])
@pytest.mark.parametrize("form", FORMS)
def test_what_times_are_found_to_be(form: str, noise: float) -> None:
    for seed in (1, 2, 3):
        rows = turns(seed)
        make, expected = FORMS[form]
        got = fit_transcript(survey_of(make(call(rows, noise=noise))), rows)
        assert (got.verdict, got.channels) == (expected.verdict, expected.channels), (seed, got)
        assert got.shift == pytest.approx(expected.shift, abs=0.06), (seed, got)


def test_calls_of_one_length_have_nothing_else_in_common() -> None:
    """Parties that leave short pauses: what the two have in common is that they begin and end."""
    for seed in range(15):
        first, other = (turns(n, 60.0, 0.35) for n in (seed, 100 + seed))
        for make in (mono, lambda s: s):
            assert fit_transcript(survey_of(make(call(first))), other).refused, seed
            assert not fit_transcript(survey_of(make(call(first))), first).refused


def test_times_of_another_call_are_refused() -> None:
    sounds = [
        survey_of(make(call(turns(seed)))) for seed in range(4) for make in (lambda s: s, mono)
    ]
    for sound in sounds:
        for other in range(10, 22):
            assert fit_transcript(sound, turns(other)).refused, other


def test_without_times_nothing_is_told() -> None:
    assert fit_transcript(survey_of(call(turns(1))), []) == TranscriptFit("untimed")
    assert timed_rows({"outline": [{"text": "hello", "s": 0, "e": 0}]}) == []


@pytest.mark.parametrize("part", [slice(12), slice(-12, None), slice(10, 30)])
def test_a_transcript_of_a_part_fits_if_it_says_enough(part: slice) -> None:
    rows = turns(4, 240)
    sound = survey_of(call(rows, 240))
    assert fit_transcript(sound, rows[part]).verdict == "fits"


def test_one_turn_from_end_to_end_cannot_be_held_against_anything() -> None:
    sound = call([(0.2, 19.8, 1)], 20)
    assert fit_transcript(survey_of(sound), [(0.0, 20.0, 1)]).verdict == "unclear"
    assert not fit_transcript(survey_of(sound), [(0.3, 19.7, 1)]).refused


def test_times_a_little_early_are_covered_with_what_they_missed() -> None:
    rows = turns(6)
    got = fit_transcript(survey_of(call(rows)), [(s - 0.2, e - 0.2, c) for s, e, c in rows])
    assert (got.verdict, got.shift) == ("fits", 0.0) and got.reach == pytest.approx(0.2, abs=0.03)
    (span,) = got.covering(
        [AudioSpan(rows[0][0] - 0.2, rows[0][0] + 0.3, 1)], survey_of(call(rows)), rows
    )
    assert span.end == pytest.approx(rows[0][0] + 0.5, abs=0.03)


def test_a_stretch_is_covered_wherever_it_is_heard() -> None:
    rows = [(1.0, 4.0, 1), (5.0, 8.0, 2), (9.0, 12.0, 1), (13.0, 16.0, 2)]
    sound = call([*rows[:2], (9.0, 12.0, 2), rows[3]], 18)  # the third turn is on the wrong party
    sound[1, : 4 * RATE] += 0.1 * sound[0, : 4 * RATE]  # an echo of the first
    where = TranscriptFit("fits").covering(
        [AudioSpan(s + 0.5, e - 0.5, c) for s, e, c in rows], survey_of(sound), rows
    )
    assert where == [
        AudioSpan(1.5, 3.5, 1),
        AudioSpan(1.5, 3.5, 2),
        AudioSpan(5.5, 7.5, 2),
        AudioSpan(9.5, 11.5, 0),
        AudioSpan(13.5, 15.5, 2),
    ]
    assert TranscriptFit("fits").covering(
        [EVERYTHING, AudioSpan(2, 3, 7)], survey_of(sound), rows
    ) == [EVERYTHING, AudioSpan(2, 3, 7)]


@pytest.mark.parametrize("noise", [0.0001, 0.01])
@pytest.mark.parametrize("seed", range(3))
def test_talk_of_which_nothing_tells_is_covered(seed: int, noise: float) -> None:
    rows = turns(seed)
    sound = survey_of(call(rows, noise=noise))
    assert untranscribed_spans(sound, rows) == []
    assert (
        untranscribed_spans(sound, [(s + 0.2, e + 0.2, c) for s, e, c in rows]) == []
    )  # as recognisers' times are
    for missing in (
        {3},
        {4},
        set(range(8, len(rows))),
        {n for n, (*_, c) in enumerate(rows) if c == 1},
    ):
        spans = untranscribed_spans(sound, [r for n, r in enumerate(rows) if n not in missing])
        for n, (start, end, channel) in enumerate(rows):
            reached = [
                s
                for s in spans
                if s.channel == channel and s.start <= start + 0.1 and s.end >= end - 0.1
            ]
            assert bool(reached) is (n in missing)
    early = [(s - 1.0, e - 1.0, c) if n == 3 else (s, e, c) for n, (s, e, c) in enumerate(rows)]
    assert [s.channel for s in untranscribed_spans(sound, early)] == [rows[3][2]]
    alike = survey_of(mono(call(rows, noise=noise)))
    assert untranscribed_spans(alike, rows) == []
    assert len(untranscribed_spans(alike, [*rows[:3], *rows[4:]])) == 1


def test_faint_sound_beside_the_talk_is_not_taken_for_more_of_it() -> None:
    rows = turns(1)
    sound = call(rows)
    sound[:, -4 * RATE :] += np.random.default_rng(2).normal(0, 0.01, (2, 4 * RATE))  # 20 dB below
    assert untranscribed_spans(survey_of(sound), rows) == []


def test_spans_laid_out_before_the_recording_came_are_mended_with_it() -> None:
    rows = turns(8)
    start, end, channel = rows[3]
    said = TranscriptCoverage([AudioSpan(start, end, channel)], tuple(rows))
    came = said.held_against(
        survey_of(np.concatenate([np.zeros((2, 16_000)), call(rows)[::-1]], axis=1))
    )
    (span,) = came.spans or []
    assert (span.start, span.end, span.channel) == (
        pytest.approx(start + 2, abs=0.06),
        pytest.approx(end + 2, abs=0.06),
        3 - channel,
    )
    again = came.held_against(
        survey_of(np.concatenate([np.zeros((2, 16_000)), call(rows)[::-1]], axis=1))
    )
    assert again.fit and (again.fit.verdict, again.spans) == ("fits", came.spans), (
        "what is mended needs no mending"
    )
    gone = said.held_against(survey_of(call(turns(9))))
    assert gone.refused and gone.spans is None


@settings(max_examples=30)
@given(st.integers(0, 999), st.integers(2, 90), st.integers(1, 3))
def test_likeness_is_the_correlation_at_each_shift(seed: int, moments: int, channels: int) -> None:
    rng = np.random.default_rng(seed)
    heard, said = (rng.random((2, channels, moments)) < 0.5).astype(np.float64)
    got, middle = shift_correlation(heard, said), round(FARTHEST / MOMENT)
    places = np.flatnonzero(said.any(axis=0))
    for shift in (-moments, -7, -1, 0, 1, 5, moments) if len(places) else ():
        within = [(n, n + shift) for n in range(int(places[0]), int(places[-1]) + 1)]
        a = np.array(
            [[heard[c, m] if 0 <= m < moments else 0 for _, m in within] for c in range(channels)]
        )
        b = np.array([[said[c, n] for n, _ in within] for c in range(channels)])
        a, b = (x - x.mean(axis=1, keepdims=True) for x in (a, b))
        expected = float((a * b).sum()) / np.sqrt(
            float((a**2).sum() * (b**2).sum()) + (0.01 * len(within)) ** 2
        )
        assert got[middle + shift] == pytest.approx(expected, abs=1e-6)


@settings(max_examples=30)
@given(st.lists(st.integers(1, 900), max_size=20), st.sampled_from([8000, 11_025, 16_000]))
def test_levels_do_not_depend_on_the_pieces_sound_comes_in(cuts: list[int], rate: int) -> None:
    sound = np.random.default_rng(2).normal(0, 0.1, (rate // 2 + 77, 2))
    whole, parts = LevelMeter(lambda: rate), LevelMeter(lambda: rate)
    whole.add(sound)
    for piece in np.split(sound, sorted({int(c) for c in np.cumsum(cuts) if c < len(sound)})):
        parts.add(piece)
    assert np.allclose(whole.levels(), parts.levels(), atol=1e-4)
    assert whole.levels().shape == (2, -(-len(sound) // moment_samples(rate)))


def test_a_channel_that_is_loud_all_the_time_tells_nothing() -> None:
    sound = call(turns(1))
    sound[1] = np.random.default_rng(1).normal(0, 0.1, sound.shape[1])
    assert speech_in(survey_of(sound).levels).telling == (True, False)
