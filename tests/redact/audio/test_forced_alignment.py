"""Word times where a transcript has none: generated voices, right and wrong texts, and records of
every kind of gap.
"""

from __future__ import annotations

import copy
import pickle
import random
import re
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import sounds, voices
from support.generated_calls import RATE, Call, Said, calls, spoken

from callveil.schemas.finding import Finding
from callveil.transforms.redact.audio.align import Aligner, SoundAlignment
from callveil.transforms.redact.audio.plan import AudioSpan
from callveil.transforms.redact.audio.segments import SoundSegment, read_segments
from callveil.transforms.redact.audio.span_times import audio_spans
from callveil.transforms.redact.audio.word_times import GUESSED, PAUSE, add_word_times
from callveil.transforms.storage.files.filesystem import Files

needs_espeak = pytest.mark.skipif(not voices.LIBRARY, reason=voices.NEEDS_ESPEAK)

TEXTS = (
    "yes my number is 415-555-0123 and my name is Siobhan O'Brien",
    "The card is 4111 1111 1111 1111, it expires 04/29.",
    "you can reach Ikechukwu Okonkwo at the office until four thirty",
    "My social is 021-84-5916, do you need anything else?",
    "I paid $42.50 on the 22nd of March and nobody called me back",
    "send it to jo.marsh@example.net please",
)


@cache
def said(n: int, voice: str) -> tuple[Any, list[Said]]:
    sound, words = spoken(random.Random(n), TEXTS[n], voice, 150)
    edge = np.zeros(RATE // 4)
    return np.concatenate([edge, sound, edge]), [
        Said(w.start, w.end, w.s + 0.25, w.e + 0.25) for w in words
    ]


@pytest.fixture(scope="module")
def aligner() -> Aligner:
    return Aligner()


def laid(aligner: Aligner, sound: Any, text: str) -> SoundAlignment:
    return aligner.align(voices.resampled(sound, RATE, 16_000), text)


@needs_espeak
def test_words_are_found_where_they_are_said(aligner: Aligner) -> None:
    """Names the dictionary lacks, and digits however they are read, are within 0.2 s; almost all
    words within 0.1 s.
    """
    off, sure = [], 0
    for n in range(len(TEXTS)):
        for voice in voices.VOICES[:3]:
            sound, words = said(n, voice)
            found = laid(aligner, sound, TEXTS[n])
            if found.confidence < aligner.threshold:
                continue
            sure += 1
            starts = [m.start() for m in re.finditer(r"\S+", TEXTS[n])]
            for heard, word in zip(found.heard, words, strict=True):
                assert starts[heard.token] == word.start
                off += [
                    max(heard.s - PAUSE, heard.before) - word.s,
                    word.e - min(heard.e + PAUSE, heard.after),
                ]
    assert sure >= 15, "of 18"
    assert np.mean(np.array(off) > 0.1) < 0.05
    assert max(off) < 0.25


@needs_espeak
def test_texts_that_were_not_said_are_not_found(aligner: Aligner) -> None:
    for n in range(len(TEXTS)):
        sound, _ = said(n, voices.VOICES[n % 3])
        assert laid(aligner, sound, TEXTS[(n + 1) % len(TEXTS)]).confidence < aligner.threshold
        assert (
            laid(aligner, sound, f"I would like to know {TEXTS[n]}").confidence < aligner.threshold
        )
        assert laid(aligner, sound[len(sound) // 3 :], TEXTS[n]).confidence < aligner.threshold, (
            "the beginning is missing"
        )


@needs_espeak
def test_what_cannot_be_pronounced_lies_between_its_neighbours(aligner: Aligner) -> None:
    sound, words = said(2, voices.VOICES[0])
    found = laid(aligner, sound, TEXTS[2].replace("Okonkwo", "Оконкво"))
    name, before, after = found.heard[4], found.heard[3], found.heard[5]
    assert (name.s, name.e) == (before.e, after.s)
    assert name.s - 0.1 <= words[4].s
    assert words[4].e <= name.e + 0.1


@settings(max_examples=25)
@given(
    st.text(max_size=30),
    st.sampled_from(["silence", "noise", "clicks", "nan", "short"]),
    st.integers(0, 9),
)
def test_odd_text_and_sound_raise_nothing_and_prove_nothing(
    text: str, kind: str, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    sound = {
        "silence": np.zeros(16_000),
        "noise": rng.normal(0, 0.2, 16_000),
        "clicks": (rng.random(16_000) > 0.999) * 1.0,
        "nan": np.full(8_000, np.nan),
        "short": np.zeros(3),
    }[kind]
    found = _shared().align(sound, text)
    assert 0 <= found.confidence <= 1
    if kind in ("silence", "short", "nan"):
        assert found.confidence < 0.5
    assert all(a.e <= b.s + 1e-9 for a, b in zip(found.heard, found.heard[1:], strict=False))


@cache
def _shared() -> Aligner:
    return Aligner()


def test_an_aligner_travels_without_its_recogniser(aligner: Aligner) -> None:
    aligner.align(np.zeros(16_000), "hello")
    other = pickle.loads(pickle.dumps(aligner))
    assert len(pickle.dumps(aligner)) < 400
    assert other.align(np.zeros(16_000), "hello") == aligner.align(np.zeros(16_000), "hello")


def test_a_recogniser_is_built_anew_before_its_dictionary_grows(
    aligner: Aligner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callveil.transforms.redact.audio.align.MAX_ADDED", 2)
    first = Aligner()
    first.align(np.zeros(16_000), "Zqxville Wrtzburg Qypsing")
    before = first._decoder
    first.align(np.zeros(16_000), "hello")
    assert first._decoder is not before


@needs_espeak
def test_nothing_of_the_text_is_printed(
    capfd: pytest.CaptureFixture[str], aligner: Aligner
) -> None:
    sound, _ = said(2, voices.VOICES[0])
    Aligner().align(voices.resampled(sound, RATE, 16_000), "Zqxville " + TEXTS[2])
    Aligner().align(voices.resampled(sound, RATE, 16_000), "")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "name", ["wav-mulaw-stereo", "flac-s16-stereo", "wav-s24-stereo", "mp3-44k-stereo"]
)
def test_stretches_are_those_of_the_recording(tmp_path: Path, name: str) -> None:
    rate = sounds.FORMATS[name][2]
    signal = sounds.chatter(rate, 2, 5)
    (tmp_path / "x").write_bytes(sounds.file_of(name, signal))
    wanted = [
        SoundSegment(3.0, 4.5, 2),
        SoundSegment(0.5, 2.0, 1),
        SoundSegment(1.0, 3.5, 1),
        SoundSegment(4.0, 9.0, 2),
        SoundSegment(2.0, 2.5, 0),
        SoundSegment(20, 30, 1),
        SoundSegment(0, 500, 1),
    ]
    _, heard = sounds.heard(tmp_path / "x")
    got = dict(read_segments(Files(), str(tmp_path / "x"), wanted, rate))
    assert set(got) == {0, 1, 2, 3, 4}
    for n, sound in got.items():
        a, b = int(wanted[n].start * rate), int(wanted[n].end * rate)
        expected = (
            heard[wanted[n].channel - 1, a:b] if wanted[n].channel else heard[:, a:b].mean(axis=0)
        )
        assert len(sound) == len(expected)
        assert np.abs(sound - expected).max() < 1e-4


@cache
def _call() -> Call:
    return next(calls(1, seed=5))


@pytest.fixture(scope="module")
def call(tmp_path_factory: pytest.TempPathFactory) -> tuple[Call, str]:
    path = tmp_path_factory.mktemp("call") / "call.wav"
    path.write_bytes(_call().wav())
    return _call(), str(path)


def finding(turn: int, start: int, end: int, status: str = "done") -> Finding:
    return Finding(
        f"outline[{turn}].text", "PERSON", "generated", 1.0, "label", start, end, status=status
    )


@needs_espeak
def test_a_record_gets_words_and_loses_nothing(call: tuple[Call, str], aligner: Aligner) -> None:
    made, url = call
    before = copy.deepcopy(made.record)
    out = add_word_times(Files(), url, made.record, aligner)
    assert made.record == before
    assert {k: v for k, v in out.items() if k != "words"} == before
    done = {w["turn"] for w in out["words"]}
    assert len(done) >= 0.8 * len(made.turns)
    for n in done:
        mine = [w for w in out["words"] if w["turn"] == n]
        turn = made.record["outline"][n]
        assert [w["word"] for w in mine] == [turn["text"][w.start : w.end] for w in made.turns[n]]
        assert {w["channel"] for w in mine} == {turn["channel"]}
        for word, truth in zip(mine, made.turns[n], strict=True):
            assert word["s"] - 0.15 <= truth.s
            assert truth.e <= word["e"] + 0.15
            assert word["e"] - word["s"] <= truth.e - truth.s + 2 * (PAUSE + GUESSED) + 0.3


@needs_espeak
@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"language": "es"}, "another language"),
        ({"words": [{"word": "x", "s": 1.0, "e": 1.2}]}, "words came with it"),
        ({"outline": []}, "no turns"),
        ({"outline": None}, "no turns"),
    ],
)
def test_records_that_stay_as_they_are(
    call: tuple[Call, str], aligner: Aligner, change: dict[str, Any], why: str
) -> None:
    made, url = call
    record = made.record | change
    assert add_word_times(Files(), url, record, aligner) == record, why


@cache
def sure_turns(url: str) -> set[int]:
    """Of the first four turns of the call."""
    record = _call().record
    return {
        w["turn"]
        for w in add_word_times(
            Files(), url, record | {"outline": record["outline"][:4]}, _shared()
        )["words"]
    }


@needs_espeak
@pytest.mark.parametrize(
    "turn",
    [
        {"s": None, "e": 3.0},
        {"s": 1.0, "e": None},
        {"s": 5.0, "e": 1.0},
        {"s": 900.0, "e": 905.0},
        {"s": 0.0, "e": 9000.0},
        {"text": ""},
        {"text": None},
        {"text": "word " * 5000},
        {"text": "nobody ever said anything of this kind in here"},
        {"s": float("nan")},
        {"channel": 9},
    ],
)
def test_a_bad_turn_is_passed_over(
    call: tuple[Call, str], aligner: Aligner, turn: dict[str, Any]
) -> None:
    made, url = call
    record = copy.deepcopy(made.record)
    record["outline"] = record["outline"][:4]
    record["outline"][1] |= turn
    out = add_word_times(Files(), url, record, aligner)
    others = {w["turn"] for w in out.get("words", [])}
    assert others - {1} == sure_turns(url) - {1}
    if turn != {"channel": 9}:
        assert 1 not in others


def test_an_unreadable_recording_adds_nothing(tmp_path: Path, aligner: Aligner) -> None:
    (tmp_path / "bad").write_bytes(b"no recording")
    record = {"outline": [{"text": "hello there", "s": 0.0, "e": 1.0, "channel": 1}]}
    assert add_word_times(Files(), str(tmp_path / "bad"), record, aligner) == record
    with pytest.raises(FileNotFoundError):
        add_word_times(Files(), str(tmp_path / "none"), record, aligner)


@needs_espeak
def test_only_turns_in_which_something_was_found_are_looked_at(
    call: tuple[Call, str], aligner: Aligner
) -> None:
    made, url = call
    sure = sorted({w["turn"] for w in add_word_times(Files(), url, made.record, aligner)["words"]})
    n, other = sure[1], sure[2]
    out = add_word_times(
        Files(), url, made.record, aligner, [finding(n, 0, 2), finding(other, 0, 2, "kept")]
    )
    assert {w["turn"] for w in out["words"]} == {n}
    assert "words" not in add_word_times(Files(), url, made.record, aligner, [])


@needs_espeak
def test_spans_are_those_of_words_or_of_the_turn(call: tuple[Call, str], aligner: Aligner) -> None:
    """Places of findings are places in the record as it came; a word that another turn ends with is
    not taken for one's own.
    """
    made, url = call
    out = add_word_times(Files(), url, made.record, aligner)
    done = {w["turn"] for w in out["words"]}
    for n, turn in enumerate(made.record["outline"]):
        words = made.turns[n]
        f = finding(n, words[-1].start, words[-1].end)
        (span,) = audio_spans(out, [f])
        if n in done:
            mine = [w for w in out["words"] if w["turn"] == n]
            assert span == AudioSpan(mine[-1]["s"], mine[-1]["e"], turn["channel"])
        else:
            assert span == AudioSpan(turn["s"], turn["e"], turn["channel"])
