"""Keypad tones: found, covered, and not heard in talk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from support import sounds, voices

from callveil.transforms.redact.audio.energy import survey_recording
from callveil.transforms.redact.audio.keypad import HIGH, LOW, spans_of_tones
from callveil.transforms.redact.audio.plan import AudioSpan
from callveil.transforms.redact.audio.redact import RecordingTreatment, redact_audio
from callveil.transforms.storage.files.filesystem import Files

FILES = Files()


def tone(
    key: int, seconds: float, rate: int, level: float = 0.1, twist: float = 1.0, off: float = 0.0
) -> NDArray[np.float64]:
    place = np.arange(round(seconds * rate)) / rate
    low, high = (np.sin(2 * np.pi * f * (1 + off) * place) for f in (LOW[key // 4], HIGH[key % 4]))
    return level * low + level * twist * high


def keyed(
    keys: list[int], rate: int, seconds: float = 0.08, pause: float = 0.1, **form: float
) -> NDArray[np.float64]:
    """Keys from 0.5 s on, with half a second of silence behind them."""
    quiet = np.zeros(round(pause * rate))
    parts = [p for key in keys for p in (tone(key, seconds, rate, **form), quiet)]
    return np.concatenate([np.zeros(rate // 2), *parts, np.zeros(rate // 2)])


def found(sound: NDArray[np.float64], rate: int) -> list[AudioSpan]:
    return list(spans_of_tones([sound[:, None]], rate))


@pytest.mark.parametrize("rate", [11_025, 22_050, 44_100])
def test_a_late_key_is_covered_where_it_is(rate: int) -> None:
    late = np.concatenate([np.zeros(120 * rate), keyed([7], rate)])
    (span,) = found(late, rate)
    assert span.start == pytest.approx(120.5, abs=0.03) and span.end == pytest.approx(
        120.58, abs=0.03
    )


@pytest.mark.parametrize("rate", [8000, 11_025, 16_000, 44_100, 48_000])
@pytest.mark.parametrize(
    "form",
    [
        {},
        {"level": 0.005},
        {"level": 0.45},
        {"twist": 0.4},
        {"twist": 2.5},
        {"off": 0.015},
        {"off": -0.015},
        {"seconds": 0.045},
    ],
    ids=str,
)
def test_every_key_is_found(rate: int, form: dict[str, float]) -> None:
    seconds = form.get("seconds", 0.08)
    (span,) = found(keyed(list(range(16)), rate, **form), rate)
    assert span.start == pytest.approx(0.5, abs=0.03)
    assert span.end == pytest.approx(0.5 + 16 * seconds + 15 * 0.1, abs=0.03)


@pytest.mark.parametrize("noise", [0.01, 0.03])
def test_a_single_key_is_found_under_noise(noise: float) -> None:
    rng = np.random.default_rng(2)
    for key in range(16):
        sound = keyed([key], 8000)
        assert found(sound + rng.normal(0, noise, len(sound)), 8000), key


@given(st.lists(st.integers(1, 4000), max_size=12), st.sampled_from([8000, 16_000]))
def test_the_pieces_a_recording_is_read_in_change_nothing(cuts: list[int], rate: int) -> None:
    sound = keyed([1, 5, 9], rate)[:, None]
    pieces = np.split(sound, sorted({c for c in np.cumsum(cuts) if c < len(sound)}))
    assert list(spans_of_tones(pieces, rate)) == list(spans_of_tones([sound], rate))


@pytest.mark.parametrize("kind", ["silence", "noise", "one tone", "chord", "ringing", "clicks"])
def test_other_sounds_are_no_keys(kind: str) -> None:
    rate, rng = 8000, np.random.default_rng(3)
    place = np.arange(rate * 20) / rate
    sound = {
        "silence": np.zeros(len(place)),
        "noise": rng.normal(0, 0.1, len(place)),
        "one tone": 0.3 * np.sin(2 * np.pi * 697 * place),
        "chord": sum(
            0.1 * np.sin(2 * np.pi * f * place) for f in (261.6, 329.6, 392.0, 523.3, 784.0)
        ),
        "ringing": 0.1 * np.sin(2 * np.pi * 440 * place) + 0.1 * np.sin(2 * np.pi * 480 * place),
        "clicks": (rng.random(len(place)) < 0.001).astype(float),
    }[kind]
    assert not found(np.asarray(sound), rate)


@pytest.mark.skipif(not voices.LIBRARY, reason=voices.NEEDS_ESPEAK)
@pytest.mark.parametrize("voice", ["gmw/en-US", "gmw/en", "gmw/en-US+f4", "roa/es"])
def test_talk_is_no_keys(voice: str) -> None:
    said = voices.speech(
        "the weather was good and i called about the bill of last month, is it paid " * 8,
        voice,
        150,
    )
    sound = voices.resampled(np.asarray(said.samples), said.rate, 8000)
    assert not found(sound, 8000)


@pytest.mark.parametrize("channel", [1, 2])
def test_keys_are_covered_on_the_channel_they_are_heard_on(tmp_path: Path, channel: int) -> None:
    rate = 8000
    sound = sounds.chatter(rate, 2, 6.0)
    keys = keyed([3, 1, 4, 1, 5, 9], rate)
    sound[channel - 1, :] *= 0.3
    sound[channel - 1, rate : rate + len(keys)] += keys
    (tmp_path / "in.wav").write_bytes(
        sounds.wav_bytes(sounds.pcm_bytes(sound, 1, 16), 1, rate, 2, 16)
    )
    done = redact_audio(FILES, str(tmp_path / "in.wav"), str(tmp_path / "out.wav"), [])
    assert done.keyed == 1 and done.covered_seconds[2 - channel] == 0
    assert not survey_recording(FILES, str(tmp_path / "out.wav")).keyed
    _, before = sounds.heard(tmp_path / "in.wav")
    _, after = sounds.heard(tmp_path / "out.wav")
    assert np.array_equal(before[2 - channel], after[2 - channel])
    assert sounds.level(after[channel - 1, int(1.5 * rate) : int(2.3 * rate)]) < -80
    left = redact_audio(
        FILES,
        str(tmp_path / "in.wav"),
        str(tmp_path / "left.wav"),
        [],
        RecordingTreatment(keypad=False),
    )
    assert left.keyed == 0 and np.array_equal(sounds.heard(tmp_path / "left.wav")[1], before)
