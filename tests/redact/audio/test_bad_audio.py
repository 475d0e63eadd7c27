"""Recordings that are damaged, cut off, mislabelled or strange: handled, or refused with a reason
and without a trace.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from support import sounds

from callveil.schemas.rejected import REASONS
from callveil.transforms.redact.audio.container import AudioRejected
from callveil.transforms.redact.audio.plan import AudioSpan, CoverMargins
from callveil.transforms.redact.audio.redact import RecordingTreatment, redact_audio
from callveil.transforms.storage.files.filesystem import Files, PreconditionFailed

FILES = Files()
MULAW = sounds.pcm_bytes(sounds.chatter(8000, 1, 5), 7, 8)


def refused(folder: Path, data: bytes, spans: list[AudioSpan] | None = None) -> AudioRejected:
    """Redact bytes that have to be refused; nothing may be left behind, and what stood there
    stays.
    """
    source, out = folder / "in.wav", folder / "out" / "clean.wav"
    source.write_bytes(data)
    out.parent.mkdir(exist_ok=True)
    out.write_bytes(b"earlier")
    with pytest.raises(AudioRejected) as problem:
        redact_audio(FILES, str(source), str(out), [AudioSpan(1, 2)] if spans is None else spans)
    assert problem.value.reason in REASONS
    assert out.read_bytes() == b"earlier"
    assert os.listdir(out.parent) == ["clean.wav"]
    return problem.value


def flipped(data: bytes, seed: int = 3) -> bytes:
    """Every byte behind the first tenth replaced at random."""
    rng = np.random.default_rng(seed)
    keep = len(data) // 10
    return data[:keep] + rng.integers(0, 256, len(data) - keep, dtype=np.uint8).tobytes()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty_audio"),
        (b"RIFF", "bad_audio"),
        (b"these are the minutes of a meeting, not its recording\n" * 99, "bad_audio"),
        (b"#EXTM3U\n#EXTINF:10,\nfile:///etc/hostname\n#EXT-X-ENDLIST\n", "bad_audio"),
        (b"ffconcat version 1.0\nfile /etc/hostname\n", "bad_audio"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF" + bytes(5000), "bad_audio"),
        (b"PK\3\4" + bytes(5000), "bad_audio"),
        (np.random.default_rng(9).integers(0, 256, 50_000, dtype=np.uint8).tobytes(), "bad_audio"),
        (sounds.wav_bytes(b"", 7, 8000, 1, 8), "empty_audio"),
        (sounds.wav_bytes(bytes(64_000), 1, 8000, 1, 64), "unsupported_audio"),
        (sounds.wav_bytes(MULAW, 7, 8000, 0, 8), "bad_audio"),
    ],
    ids=[
        "empty",
        "header only",
        "text",
        "playlist",
        "concat",
        "picture",
        "archive",
        "noise",
        "no samples",
        "samples of 64 bits",
        "no channels",
    ],
)
def test_what_is_no_recording_is_refused(tmp_path: Path, data: bytes, reason: str) -> None:
    found = refused(tmp_path, data)
    if reason == "bad_audio":
        assert found.reason in ("bad_audio", "empty_audio", "unsupported_audio")
    else:
        assert found.reason == reason
    assert "minutes" not in str(found)


@pytest.mark.parametrize(
    "name",
    [
        "flac-s16-stereo",
        "opus",
        "m4a-8k",
        "mp3-8k",
        "vorbis",
        "wav-adpcm-ima",
        "webm-opus-stereo",
        "aac-8k",
    ],
)
def test_damaged_recordings_are_refused_or_covered(tmp_path: Path, name: str) -> None:
    """Damage may leave a file that can be read: then the covered stretch is silent all the same."""
    _, _, rate, channels, _, _ = sounds.FORMATS[name]
    source, out = tmp_path / "in", tmp_path / "out"
    source.write_bytes(flipped(sounds.file_of(name, sounds.chatter(rate, channels, 4))))
    try:
        redact_audio(FILES, str(source), str(out), [AudioSpan(0.2, 2)])
    except AudioRejected as problem:
        assert problem.reason in REASONS
        assert not out.exists()
    else:
        out_rate, after = sounds.heard(out)
        covered = after[:, int(0.2 * out_rate) : int(2 * out_rate)]
        assert not covered.size or sounds.level(covered) < -60


DECLARING = (
    "wav-mulaw",
    "flac-s16-stereo",
    "wav-adpcm-ima",
    "aiff-s16-stereo",
    "au-mulaw-stereo",
    "webm-opus-stereo",
)


@pytest.mark.parametrize("name", [*DECLARING, "mp3-8k", "opus", "vorbis", "aac-8k"])
def test_cut_off_recordings_are_covered_as_far_as_they_go(tmp_path: Path, name: str) -> None:
    _, _, rate, channels, _, _ = sounds.FORMATS[name]
    whole = sounds.file_of(name, sounds.chatter(rate, channels, 6))
    source, out = tmp_path / "in", tmp_path / "out"
    source.write_bytes(whole[: len(whole) * 6 // 10])
    lengths_are_declared = name in DECLARING  # then spans may lie in the part that is missing
    done = redact_audio(
        FILES,
        str(source),
        str(out),
        [AudioSpan(1, 2, 1), *([AudioSpan(5.9, 6, 1)] if lengths_are_declared else [])],
    )
    assert 2.2 < done.seconds < 5
    assert done.cut or not lengths_are_declared
    out_rate, after = sounds.heard(out)
    assert sounds.level(after[0, out_rate : 2 * out_rate]) < -60


def test_cut_off_m4a_is_refused(tmp_path: Path) -> None:
    whole = sounds.file_of("m4a-8k", sounds.chatter(8000, 1, 6))
    assert refused(tmp_path, whole[: len(whole) // 2]).reason == "bad_audio"


@pytest.mark.parametrize("declared", [0, 0xFFFFFFFF])
def test_headers_written_before_the_length_was_known(tmp_path: Path, declared: int) -> None:
    source, out = tmp_path / "in.wav", tmp_path / "out.wav"
    source.write_bytes(sounds.wav_bytes(MULAW, 7, 8000, 1, 8, declared=declared, tags=False))
    done = redact_audio(FILES, str(source), str(out), [AudioSpan(1, 2)])
    assert done.frames == 40_000
    assert not sounds.heard(out)[1][0, 8000:16000].any()


def test_content_decides_not_the_name(tmp_path: Path) -> None:
    source, out = tmp_path / "call.wav", tmp_path / "clean.wav"
    source.write_bytes(sounds.file_of("mp3-8k", sounds.chatter(8000, 1, 4)))
    done = redact_audio(FILES, str(source), str(out), [AudioSpan(1, 2)])
    assert (done.container, done.written) == ("mp3", "mp3")
    assert sounds.level(sounds.heard(out)[1][0, 8000:16000]) < -60


def test_twelve_channels(tmp_path: Path) -> None:
    signal = sounds.chatter(16000, 12, 3)
    source, out = tmp_path / "in.wav", tmp_path / "out.wav"
    source.write_bytes(sounds.wav_bytes(sounds.pcm_bytes(signal, 1, 16), 1, 16000, 12, 16))
    redact_audio(FILES, str(source), str(out), [AudioSpan(1, 2, 7)])
    (_, before), (_, after) = sounds.heard(source), sounds.heard(out)
    assert not after[6, 16000:32000].any()
    others = [c for c in range(12) if c != 6]
    assert np.array_equal(after[others], before[others])


def test_times_of_another_recording_are_refused(tmp_path: Path) -> None:
    assert (
        refused(tmp_path, sounds.wav_bytes(MULAW, 7, 8000, 1, 8), [AudioSpan(60, 61)]).reason
        == "audio_times"
    )


def test_missing_source_and_existing_output(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        redact_audio(FILES, str(tmp_path / "none"), str(tmp_path / "out"), [])
    source, out = tmp_path / "in.wav", tmp_path / "out.wav"
    source.write_bytes(sounds.wav_bytes(MULAW, 7, 8000, 1, 8))
    out.write_bytes(b"earlier")
    with pytest.raises(PreconditionFailed):
        redact_audio(FILES, str(source), str(out), [], if_none_match=True)
    assert out.read_bytes() == b"earlier"


def test_second_look_refuses_what_is_still_heard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cover that does nothing is noticed, in stored and in coded sound."""
    from callveil.transforms.redact.audio.masking import SoundCover

    monkeypatch.setattr(SoundCover, "apply", lambda *_: None)
    for name in ("wav-mulaw", "mp3-8k", "opus"):
        _, _, rate, channels, _, _ = sounds.FORMATS[name]
        assert (
            refused(tmp_path, sounds.file_of(name, sounds.chatter(rate, channels, 4))).reason
            == "audio_residual"
        )


def test_three_hours_in_little_memory(tmp_path: Path) -> None:
    source, out = str(tmp_path / "in.wav"), str(tmp_path / "out.wav")
    sounds.long_recording(source, "mulaw", 3)
    done = redact_audio(
        FILES,
        source,
        out,
        [AudioSpan(10_700, 10_790)],
        RecordingTreatment(margins=CoverMargins(0, 0)),
    )
    assert done.seconds == 3 * 3600
    with open(out, "rb") as written:
        written.seek(-100 * 8000, os.SEEK_END)
        tail = np.frombuffer(written.read(), "u1")
    assert (tail[: 90 * 8000] == 0xFF).all()
    assert (tail[90 * 8000 + 100 :] != 0xFF).any()
