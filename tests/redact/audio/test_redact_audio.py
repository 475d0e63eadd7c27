"""Recordings of every format, redacted and measured on what FFmpeg decodes from the result."""

from __future__ import annotations

import io
from pathlib import Path

import av
import numpy as np
import pytest
from support import sounds

from callveil.transforms.redact.audio import g711
from callveil.transforms.redact.audio.container import AudioRejected
from callveil.transforms.redact.audio.energy import survey_recording
from callveil.transforms.redact.audio.masking import CoverTone
from callveil.transforms.redact.audio.plan import EVERYTHING, AudioSpan, CoverMargins, plan_coverage
from callveil.transforms.redact.audio.redact import (
    Listen,
    RecordingTreatment,
    examine_audio,
    redact_audio,
)
from callveil.transforms.redact.audio.verify import verify_recording
from callveil.transforms.storage.files.filesystem import Files, PreconditionFailed, S3Settings

FILES = Files()
SPANS = [AudioSpan(1.0, 1.6, 1), AudioSpan(1.7, 2.0, 1), AudioSpan(3.2, 3.5, 1)]
SECONDS = 5.0
OTHERS = {"vendor_id", "duration"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sounds")
    for name, (_, _, rate, channels, _, _) in sounds.FORMATS.items():
        (folder / name).write_bytes(sounds.file_of(name, sounds.chatter(rate, channels, SECONDS)))
    return folder


@pytest.mark.parametrize("mode", ["mute", "beep"])
@pytest.mark.parametrize("name", sounds.FORMATS)
def test_covered_stretches_hold_the_sound_alone_and_the_rest_stays(
    made: Path, tmp_path: Path, name: str, mode: str
) -> None:
    _, _, _, channels, _, lossless = sounds.FORMATS[name]
    out = tmp_path / "out"
    done = redact_audio(
        FILES, str(made / name), str(out), SPANS, RecordingTreatment(CoverTone.of(mode))
    )
    in_rate, before = sounds.heard(made / name)
    rate, after = sounds.heard(out)
    assert abs(after.shape[1] / rate - before.shape[1] / in_rate) <= (0 if lossless else 0.13), (
        "length"
    )
    assert done.channels == channels == len(after)
    assert not done.cut
    lo, hi = (int(t * rate) for t in (0.9, 2.1))
    for a, b in ((lo, hi), (int(3.1 * rate), int(3.6 * rate))):
        stretch = after[0, a:b]
        if mode == "mute":
            assert sounds.level(stretch) < -60
            assert 20 * np.log10(max(np.abs(stretch).max(), 1e-9)) < -60
        elif lossless and "law" not in name:
            wanted = CoverTone.of(mode).at(a, b, rate)
            assert np.abs(stretch - wanted).max() < {"wav-u8": 0.005}.get(name, 2e-5)
        else:
            spectrum = np.abs(np.fft.rfft(stretch * np.hanning(len(stretch)))) ** 2
            near = np.abs(np.fft.rfftfreq(len(stretch), 1 / rate) - 1000) < 20
            assert spectrum[near].sum() > 0.97 * spectrum.sum()
            assert -24.5 < sounds.level(stretch) < -21.5
    # The other speech is there still, and in its place.
    for channel in range(channels):
        a, b = int(3.8 * rate), int(4.8 * rate)
        same = before[channel, int(3.8 * in_rate) : int(4.8 * in_rate)]
        if rate == in_rate:
            assert np.corrcoef(same, after[channel, a:b])[0, 1] > (0.999999 if lossless else 0.8)
        assert abs(sounds.level(after[channel, a:b]) - sounds.level(same)) < 1.5
    if channels == 2:
        other, was = after[1], before[1]
        if lossless:
            assert np.array_equal(other, was)
        else:
            assert sounds.level(other[lo:hi]) > -30, (
                "the other party is heard while this one is not"
            )


@pytest.mark.parametrize("name", [n for n, f in sounds.FORMATS.items() if isinstance(f[1], int)])
def test_stored_samples_outside_are_the_same_bytes(made: Path, tmp_path: Path, name: str) -> None:
    _, _, rate, channels, bits, _ = sounds.FORMATS[name]
    out = tmp_path / "out"
    redact_audio(
        FILES,
        str(made / name),
        str(out),
        SPANS,
        RecordingTreatment(CoverTone.of("mute"), CoverMargins(0.1, 0.1, 0.25, 0.005)),
    )
    size = int(SECONDS * rate) * channels * bits // 8
    before, after = (
        (p.read_bytes()).rpartition(b"data")[2][4 : 4 + size] for p in (made / name, out)
    )
    assert len(before) == len(after) == size
    shape = (-1, channels, bits // 8)
    changed = (
        np.frombuffer(before, "u1").reshape(shape) != np.frombuffer(after, "u1").reshape(shape)
    ).any(axis=2)
    times = np.flatnonzero(changed[:, 0]) / rate
    assert (
        (times >= 0.895 - 1 / rate) & (times < 2.105 + 1 / rate)
        | (times >= 3.095 - 1 / rate) & (times < 3.605 + 1 / rate)
    ).all()
    assert not changed[:, 1:].any()
    fade = np.frombuffer(after, "u1").reshape(shape)[int(0.895 * rate) : int(0.9 * rate), 0]
    assert (fade != fade[-1]).any(), "the edge is faded, not cut"


@pytest.mark.parametrize(
    "name",
    [
        "wav-mulaw",
        "mp3-8k",
        "mp3-44k-stereo",
        "opus",
        "vorbis",
        "flac-s16-stereo",
        "m4a-8k",
        "wav-adpcm-ima",
        "caf-f32",
        "m4a-alac-stereo",
        "webm-opus-stereo",
    ],
)
def test_nothing_but_sound_is_left(made: Path, tmp_path: Path, name: str) -> None:
    source = (made / name).read_bytes()
    assert b"Zoe Marsh" in source
    out = tmp_path / "out"
    redact_audio(FILES, str(made / name), str(out), [])
    written = out.read_bytes()
    for word in (b"Zoe", b"Marsh", b"415 555", b"APIC", b"covr", b"LIST", b"id3 "):
        assert word not in written
    with av.open(str(out)) as source_file:
        tags = {**source_file.metadata, **source_file.streams.audio[0].metadata}
        assert (
            set(map(str.lower, tags))
            <= {
                "encoder",
                "major_brand",
                "minor_version",
                "compatible_brands",
                "language",
                "handler_name",
            }
            | OTHERS
        )
        assert len(source_file.streams) == 1


def test_cover_pictures_are_left_out(tmp_path: Path) -> None:
    plain = sounds.encoded(sounds.chatter(44100, 1, 2), "mp3", "libmp3lame", 44100, 64_000)
    picture = b"\x89PNG\r\n\x1a\n" + bytes.fromhex(
        "0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360000002000001e221bc330000000049454e44ae426082"
    )
    frame = b"\0image/png\0\3\0" + picture
    apic = b"APIC" + len(frame).to_bytes(4, "big") + b"\0\0" + frame
    size = len(apic)
    head = (
        b"ID3\3\0\0"
        + bytes([size >> 21 & 127, size >> 14 & 127, size >> 7 & 127, size & 127])
        + apic
    )
    start = plain.index(b"\xff\xfb") if b"\xff\xfb" in plain else plain.index(b"\xff")
    source, out = tmp_path / "in.mp3", tmp_path / "out.mp3"
    source.write_bytes(head + plain[start:])
    with av.open(str(source)) as opened:
        assert opened.streams.video, "the picture is there before"
    redact_audio(FILES, str(source), str(out), [AudioSpan(0.5, 1)])
    assert b"PNG" not in out.read_bytes()


def of_codec(container: str, codec: str, rate: int, channels: int, bit_rate: int = 0) -> bytes:
    return sounds.encoded(sounds.chatter(rate, channels, 4), container, codec, rate, bit_rate)


@pytest.mark.parametrize(
    ("data", "codec", "container", "written"),
    [
        (sounds.gsm_wav(4), "gsm_ms", "wav", "pcm_s16le"),
        (sounds.gsm_raw(4), "gsm", "flac", "flac"),
        (sounds.amr_wideband(4), "amrwb", "flac", "flac"),
        (of_codec("amr", "libopencore_amrnb", 8000, 1, 12_200), "amrnb", "flac", "flac"),
        (of_codec("wav", "g722", 16000, 1), "g722", "wav", "pcm_s16le"),
        (of_codec("wav", "g726", 8000, 1), "g726", "wav", "pcm_s16le"),
        (of_codec("asf", "wmav2", 16000, 1, 32_000), "wmav2", "flac", "flac"),
        (of_codec("mp2", "mp2", 16000, 2, 64_000), "mp2", "flac", "flac"),
        (of_codec("wv", "wavpack", 16000, 2), "wavpack", "flac", "flac"),
        (of_codec("avi", "pcm_s16le", 8000, 2), "pcm_s16le", "flac", "flac"),
        (of_codec("mov", "pcm_mulaw", 8000, 1), "pcm_mulaw", "flac", "flac"),
        (of_codec("voc", "pcm_u8", 8000, 1), "pcm_u8", "flac", "flac"),
        (of_codec("sox", "pcm_s32le", 8000, 1), "pcm_s32le", "wav", "pcm_s32le"),
        (of_codec("matroska", "pcm_f32le", 8000, 1), "pcm_f32le", "wav", "pcm_f32le"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_only_decoded_is_written_without_further_loss(
    tmp_path: Path, data: bytes, codec: str, container: str, written: str
) -> None:
    source, names = tmp_path / "in.any", list[str]()

    def named(suffix: str) -> str:
        names.append(suffix)
        return str(tmp_path / f"out{suffix}")

    source.write_bytes(data)
    done = redact_audio(
        FILES, str(source), named, SPANS[:2], RecordingTreatment(margins=CoverMargins(0.1, 0.1))
    )
    assert (done.codec, done.written_container, done.written) == (codec, container, written)
    assert names == ["." + container]
    (rate, before), (_, after) = sounds.heard(source), sounds.heard(tmp_path / f"out.{container}")
    assert after.shape == before.shape
    lo, hi = int(0.9 * rate), int(2.1 * rate)
    assert not after[0, lo:hi].any()
    assert np.abs(before[0, lo:hi]).max() > 0.05
    edge = int(0.006 * rate)
    for a, b in ((0, lo - edge), (hi + edge, before.shape[1])):
        # What overflows is clipped.
        assert np.abs(after[0, a:b] - np.clip(before[0, a:b], -1, 1)).max() <= 2.0**-15
    assert np.abs(after[1:] - np.clip(before[1:], -1, 1)).max(initial=0) <= 2.0**-15


@pytest.mark.parametrize(
    ("container", "video", "audio", "rate", "alone", "together"),
    [
        ("mp4", "libx264", "aac", 44100, "mov", "mov"),
        ("webm", "libvpx", "libopus", 48000, "matroska", "matroska"),
        ("matroska", "mpeg4", "pcm_s16le", 8000, "flac", "matroska"),
        ("avi", "mpeg4", "libmp3lame", 44100, "mp3", "matroska"),
    ],
)
def test_moving_pictures_are_left_out_or_copied(
    tmp_path: Path, container: str, video: str, audio: str, rate: int, alone: str, together: str
) -> None:
    source = tmp_path / "in"
    source.write_bytes(sounds.film(sounds.chatter(rate, 1, 4), container, video, audio, rate))
    for films, muxer, fate in ((False, alone, "dropped"), (True, together, "copied")):
        out = tmp_path / muxer
        done = redact_audio(
            FILES, str(source), str(out), SPANS[:2], RecordingTreatment(films=films)
        )
        assert (done.written_container, done.video) == (muxer, fate)
        out_rate, after = sounds.heard(out)
        assert sounds.level(after[0, int(0.95 * out_rate) : int(2.05 * out_rate)]) < -60
        assert sounds.level(after[0, int(2.5 * out_rate) : int(3.5 * out_rate)]) > -30
        written = out.read_bytes()
        assert not [word for word in (b"Zoe", b"Marsh", b"415 555") if word in written]
        with av.open(str(source)) as whole, av.open(str(out)) as copy:
            assert [s.type for s in copy.streams] == (["video", "audio"] if films else ["audio"])
            if films:
                was, now = (
                    [f.to_ndarray() for f in opened.decode(video=0)] for opened in (whole, copy)
                )
                assert len(was) == len(now) == 40
                assert all(np.array_equal(a, b) for a, b in zip(was, now, strict=True))


def test_g711_tables_are_those_of_ffmpeg(tmp_path: Path) -> None:
    for tag, levels, codes in (
        (7, g711.MULAW_LEVELS, g711.MULAW_CODES),
        (6, g711.ALAW_LEVELS, g711.ALAW_CODES),
    ):
        path = tmp_path / "codes"
        path.write_bytes(sounds.wav_bytes(bytes(range(256)) * 20, tag, 8000, 1, 8))
        _, decoded = sounds.heard(path)
        assert np.array_equal(decoded[0, :256] * 2**15, levels)
        back = codes[levels.astype(np.int64) + 32768]
        assert np.array_equal(levels[back], levels)
        every = np.arange(-32768, 32768)
        assert np.abs(levels[codes].astype(int) - every).max() <= 1024


def test_whole_recording_and_examine(made: Path, tmp_path: Path) -> None:
    source = str(made / "wav-mulaw-stereo")
    seen = examine_audio(FILES, source, [EVERYTHING])
    done = redact_audio(FILES, source, str(tmp_path / "out"), [EVERYTHING])
    assert seen.covered == done.covered
    assert done.covered_seconds == (SECONDS, SECONDS)
    assert not sounds.heard(tmp_path / "out")[1].any()
    assert list(tmp_path.iterdir()) == [tmp_path / "out"]


def test_spans_lie_where_words_are_in_coded_sound(tmp_path: Path) -> None:
    """A click every half second, one of them covered: the others keep their places, whatever delay
    encoder and decoder have.
    """
    for name in ("mp3-8k", "opus", "m4a-8k", "vorbis", "wav-adpcm-ima", "webm-opus-stereo"):
        container, codec, rate, channels, bits, _ = sounds.FORMATS[name]
        signal = np.zeros((channels, rate * 4))
        for n in range(1, 8):
            at = n * rate // 2
            signal[:, at : at + rate // 50] = 0.6 * np.sin(
                2 * np.pi * 700 * np.arange(rate // 50) / rate
            )
        source, out = tmp_path / name, tmp_path / f"{name}.out"
        source.write_bytes(sounds.encoded(signal, container, str(codec), rate, max(bits, 24_000)))
        redact_audio(FILES, str(source), str(out), [AudioSpan(2.0, 2.02)])
        out_rate, after = sounds.heard(out)
        for n in range(1, 8):
            click = sounds.level(
                after[0, int((n / 2 - 0.002) * out_rate) : int((n / 2 + 0.022) * out_rate)]
            )
            assert click < -60 if n == 4 else click > -20, (name, n, click)


@pytest.mark.skipif(
    not sounds.ESPEAK,
    reason="espeak-ng is not installed (apt install espeak-ng), so "
    "there are no voices to test with",
)
def test_spoken_number_is_not_heard_and_the_agent_is(tmp_path: Path) -> None:
    rate = 8000
    parts = [
        sounds.spoken(t, rate)
        for t in (
            "my card number is",
            "four one one one, one one one one, one one one one, one one one one",
            "thank you",
        )
    ]
    caller = np.concatenate(parts) * 0.7
    agent = (
        np.resize(
            sounds.spoken(
                "one moment please, I am looking at your account right now", rate, "en-gb"
            ),
            len(caller),
        )
        * 0.7
    )
    start, end = len(parts[0]) / rate, (len(parts[0]) + len(parts[1])) / rate
    source, out = tmp_path / "call.wav", tmp_path / "clean.wav"
    codes = sounds.pcm_bytes(np.stack([caller, agent]), 7, 8)
    source.write_bytes(sounds.wav_bytes(codes, 7, rate, 2, 8))
    done = redact_audio(
        FILES,
        str(source),
        str(out),
        [AudioSpan(start, end, 1)],
        RecordingTreatment(margins=CoverMargins(0, 0)),
    )
    _, before = sounds.heard(source)
    _, after = sounds.heard(out)
    a, b = int(start * rate), int(end * rate)
    assert sounds.level(before[0, a:b]) > -30
    assert not after[0, a:b].any()
    assert np.array_equal(after[1], before[1])
    assert np.array_equal(after[0, : a - 41], before[0, : a - 41])
    assert np.array_equal(after[0, b + 41 :], before[0, b + 41 :])
    assert done.covered_seconds[0] == pytest.approx(end - start, abs=0.001)
    assert done.covered_seconds[1] == 0


@pytest.mark.parametrize("name", ["wav-mulaw", "m4a-8k"])
def test_recordings_in_s3(s3_server: S3Settings, s3_bucket: str, name: str) -> None:
    files = Files(s3_server)
    source, out = f"s3://{s3_bucket}/in/{name}", f"s3://{s3_bucket}/out/{name}"
    files.write(source, sounds.file_of(name, sounds.chatter(8000, 1, 4)))
    done = redact_audio(files, source, out, [AudioSpan(1, 2)], if_none_match=True)
    assert len(files.read(out)) == done.bytes
    with pytest.raises(PreconditionFailed):
        redact_audio(files, source, out, [AudioSpan(1, 2)], if_none_match=True)
    with pytest.raises(FileNotFoundError):
        redact_audio(files, f"s3://{s3_bucket}/in/none", f"s3://{s3_bucket}/out/none", [])
    assert files.info(f"s3://{s3_bucket}/out/none") is None


@pytest.mark.parametrize(
    "name", ["wav-mulaw-stereo", "flac-s16-stereo", "opus-stereo", "mp3-44k-stereo"]
)
@pytest.mark.parametrize("fault", ["channels swapped", "a second silenced", "made louder"])
def test_a_change_outside_covers_is_seen(made: Path, tmp_path: Path, name: str, fault: str) -> None:
    _, _, rate, _, _, lossless = sounds.FORMATS[name]
    signal = sounds.chatter(rate, 2, SECONDS) * np.array([[1.0], [0.1]])
    (tmp_path / "in").write_bytes(sounds.file_of(name, signal))
    other = {"channels swapped": signal[::-1], "made louder": signal * [[0.1], [9.0]]}.get(
        fault, signal
    ).copy()
    other[1, 2 * rate : 4 * rate] *= 0 if fault == "a second silenced" else 1
    before, margins = survey_recording(FILES, str(tmp_path / "in")), CoverMargins()
    planned = plan_coverage([], before.rate, 2, margins)
    for sound, right in ((signal, True), (other, False)):
        sink = io.BytesIO(sounds.file_of(name, sound))
        seen = verify_recording(
            sink, before.seconds, [], margins, CoverTone(), planned, before, lossless=lossless
        )
        assert (seen.problem == "") is right, (seen, right)


def listening(heard: list[list[AudioSpan]]) -> Listen:
    def listen(path: str) -> list[AudioSpan] | None:
        assert sounds.heard(path)[1].shape == (2, 5 * 8000), "it hears the copy"
        return heard.pop(0)

    return listen


def test_what_is_overheard_is_covered_before_it_is_out(made: Path, tmp_path: Path) -> None:
    source, out = str(made / "wav-mulaw-stereo"), tmp_path / "out"
    hidden, more = AudioSpan(1.1, 1.5, 1), AudioSpan(4.0, 4.4, 2)
    done = redact_audio(
        FILES, source, str(out), SPANS, listen=listening([[hidden, more], [hidden, more]])
    )
    assert done.overheard == (more,), "what is heard in silence is no more than that"
    assert not sounds.heard(out)[1][1, 4 * 8000 : int(4.4 * 8000)].any()
    assert redact_audio(FILES, source, str(out), SPANS, listen=listening([[]])).overheard == ()
    assert redact_audio(FILES, source, str(out), SPANS).overheard is None
    left = tmp_path / "never"
    with pytest.raises(AudioRejected, match="audio_residual"):
        redact_audio(
            FILES,
            source,
            str(left),
            [],
            listen=listening([[AudioSpan(n / 2, n / 2 + 0.1, 1)] for n in range(5)]),
        )
    assert not left.exists()
