"""Recognisers: how recordings are cut for them, what the embedded one hears, and what is said where
one is missing.
"""

from __future__ import annotations

import pickle
import random
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import sounds, voices
from support.generated_calls import RATE, spoken

from callveil.transforms.redact.audio.transcribe import (
    LONGEST,
    SHORTEST,
    EmbeddedRecogniser,
    RecogniserMissing,
    quietest_sample,
    recogniser_of,
    split_recording,
    turns_of,
)
from callveil.transforms.storage.files.filesystem import Files

needs_espeak = pytest.mark.skipif(not voices.LIBRARY, reason=voices.NEEDS_ESPEAK)


def test_a_recording_is_heard_whole_and_cut_where_it_is_quiet(tmp_path: Path) -> None:
    signal = sounds.chatter(8000, 2, 70)
    gaps = (21.0, 44.5)
    for at in gaps:
        signal[0, int(at * 8000) : int((at + 0.3) * 8000)] = 0
    (tmp_path / "x.wav").write_bytes(sounds.file_of("wav-mulaw-stereo", signal))
    got = list(split_recording(Files(), str(tmp_path / "x.wav")))
    for channel in (1, 2):
        mine = [(start, sound) for c, start, sound in got if c == channel]
        assert mine[0][0] == 0
        for (a, x), (b, _) in pairwise(mine):
            assert abs(a + len(x) / 16_000 - b) < 0.001, "nothing is left out"
            assert SHORTEST <= len(x) / 16_000 <= LONGEST
        assert abs(mine[-1][0] + len(mine[-1][1]) / 16_000 - 70) < 0.001
    cuts = [start for c, start, _ in got if c == 1 and start]
    assert [any(g <= cut <= g + 0.3 for g in gaps) for cut in cuts[:2]] == [True, True]


@settings(max_examples=40)
@given(st.integers(0, 99), st.sampled_from([100, 401, 800]))
def test_the_quietest_moment_is_that_of_a_plain_search(seed: int, rate: int) -> None:
    sound = np.random.default_rng(seed).normal(0, 1, int(LONGEST * rate)).astype(np.float32)
    size = int(0.1 * rate)
    naive = min(
        range(int(SHORTEST * rate), int(LONGEST * rate) - size + 1),
        key=lambda i: float(np.sum(sound[i : i + size].astype(np.float64) ** 2)),
    )
    assert quietest_sample(sound, rate) == naive + size // 2


def test_turns_are_words_with_no_long_pause_between() -> None:
    rows = [(1, 0.0, 0.5), (2, 0.2, 0.6), (1, 0.6, 1.0), (1, 2.0, 2.5), (2, 2.2, 2.4)]
    words = [
        {
            "word": f"w{i}",
            "s": s,
            "e": e,
            "channel": c,
            "speaker": f"Channel {c}",
            "confidence": 1.0,
        }
        for i, (c, s, e) in enumerate(rows)
    ]
    turns = turns_of(words)
    assert [(t["channel"], t["text"], t["s"], t["e"]) for t in turns] == [
        (1, "w0 w2", 0.0, 1.0),
        (2, "w1", 0.2, 0.6),
        (1, "w3", 2.0, 2.5),
        (2, "w4", 2.2, 2.4),
    ]


@needs_espeak
def test_the_embedded_recogniser_hears_clear_speech(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """It hears little more than this: common words, wide band, one voice."""
    made = voices.speech("one two three four five. the weather is good today", "gmw/en-US+m3", 130)
    signal = np.zeros((2, made.rate * 8))
    signal[1, made.rate : made.rate + len(made.samples)] = made.samples
    (tmp_path / "x.wav").write_bytes(
        sounds.wav_bytes(sounds.pcm_bytes(signal, 1, 16), 1, made.rate, 2, 16)
    )
    heard = EmbeddedRecogniser().transcribe(Files(), str(tmp_path / "x.wav"))
    assert capfd.readouterr() == ("", ""), "what was said is not logged"
    words = [w["word"] for w in heard.words if w["channel"] == 2]
    said = {"one", "two", "three", "four", "five", "weather", "good", "today"}
    assert len(said & set(words)) >= 4, words
    # a word heard wrong may reach over the silence behind it
    right = [w for w in heard.words if w["channel"] == 2 and w["word"] in said]
    assert all(0.8 <= w["s"] <= w["e"] <= 1.2 + len(made.samples) / made.rate for w in right)
    assert " ".join(t["text"] for t in heard.outline if t["channel"] == 2) == " ".join(words)
    assert all(0 <= w["confidence"] <= 1 for w in heard.words)


@needs_espeak
def test_it_travels_without_its_model() -> None:
    recogniser = EmbeddedRecogniser()
    sound, _ = spoken(random.Random(1), "yes", voices.VOICES[0], 150)
    list(recogniser.words_of(voices.resampled(sound, RATE, 16_000).astype(np.float32)))
    assert len(pickle.dumps(recogniser)) < 300


def test_a_missing_model_or_package_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(RecogniserMissing, match="model\\.bin"):
        recogniser_of(str(tmp_path / "none"))
    with pytest.raises(RecogniserMissing, match="embedded"):
        recogniser_of(str(tmp_path))
    (tmp_path / "model.bin").write_bytes(b"no model")
    with pytest.raises(RecogniserMissing, match="tokenizer"):
        recogniser_of(str(tmp_path))
    (tmp_path / "tokenizer.json").write_text("{}")
    monkeypatch.setitem(sys.modules, "faster_whisper", None)
    with pytest.raises(RecogniserMissing, match="pip install 'callveil\\[asr\\]'"):
        recogniser_of(str(tmp_path))


def test_a_broken_whisper_model_is_named(tmp_path: Path) -> None:
    pytest.importorskip("faster_whisper", reason="the extra `asr` is not installed")
    (tmp_path / "model.bin").write_bytes(b"no model")
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(RecogniserMissing, match="cannot be loaded"):
        recogniser_of(str(tmp_path))
