"""Recordings for tests: generated signals, generated voices, and files of every format made from
them.
"""

from __future__ import annotations

import io
import shutil
import struct
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from callveil.transforms.redact.audio import g711

Signal = NDArray[np.float64]
"""Samples between -1 and 1, `(channels, frames)`."""

LAYOUTS = {1: "mono", 2: "stereo"}
ESPEAK = shutil.which("espeak-ng")

FORMATS = {
    # name: (container, codec, rate, channels, bits, lossless)
    "wav-u8": ("wav", 1, 8000, 1, 8, True),
    "wav-s16": ("wav", 1, 8000, 1, 16, True),
    "wav-s16-stereo": ("wav", 1, 44100, 2, 16, True),
    "wav-s24-stereo": ("wav", 1, 48000, 2, 24, True),
    "wav-s32": ("wav", 1, 16000, 1, 32, True),
    "wav-f32-stereo": ("wav", 3, 16000, 2, 32, True),
    "wav-f64": ("wav", 3, 8000, 1, 64, True),
    "wav-mulaw": ("wav", 7, 8000, 1, 8, True),
    "wav-mulaw-stereo": ("wav", 7, 8000, 2, 8, True),
    "wav-alaw": ("wav", 6, 8000, 1, 8, True),
    "wav-alaw-stereo": ("wav", 6, 8000, 2, 8, True),
    "flac-s16-stereo": ("flac", "flac", 8000, 2, 16, True),
    "flac-s24": ("flac", "flac", 48000, 1, 24, True),
    "ogg-flac": ("ogg", "flac", 16000, 1, 16, True),
    "mp3-8k": ("mp3", "libmp3lame", 8000, 1, 16_000, False),
    "mp3-44k-stereo": ("mp3", "libmp3lame", 44100, 2, 96_000, False),
    "opus": ("ogg", "libopus", 48000, 1, 24_000, False),
    "opus-stereo": ("ogg", "libopus", 48000, 2, 64_000, False),
    "vorbis": ("ogg", "vorbis", 44100, 2, 96_000, False),
    "m4a-8k": ("ipod", "aac", 8000, 1, 16_000, False),
    "m4a-44k-stereo": ("ipod", "aac", 44100, 2, 96_000, False),
    "wav-adpcm-ima": ("wav", "adpcm_ima_wav", 8000, 1, 0, False),
    "wav-adpcm-ms-stereo": ("wav", "adpcm_ms", 16000, 2, 0, False),
    "aiff-s16-stereo": ("aiff", "pcm_s16be", 8000, 2, 0, True),
    "aiff-s24": ("aiff", "pcm_s24be", 48000, 1, 0, True),
    "aifc-sowt": ("aiff", "pcm_s16le", 8000, 1, 0, True),
    "au-mulaw-stereo": ("au", "pcm_mulaw", 8000, 2, 0, True),
    "caf-f32": ("caf", "pcm_f32be", 16000, 1, 0, True),
    "m4a-alac-stereo": ("ipod", "alac", 16000, 2, 0, True),
    "webm-opus-stereo": ("webm", "libopus", 48000, 2, 64_000, False),
    "aac-8k": ("adts", "aac", 8000, 1, 16_000, False),
    "mpegts-aac": ("mpegts", "aac", 44100, 1, 64_000, False),
}


def chatter(rate: int, channels: int, seconds: float, seed: int = 1) -> Signal:
    """Noise in the rhythm of speech, never silent, each channel of its own."""
    rng = np.random.default_rng(seed)
    n = int(rate * seconds)
    time = np.arange(n) / rate
    out = np.empty((channels, n))
    for c in range(channels):
        syllables = 0.15 + 0.85 * np.abs(np.sin(2 * np.pi * (2.1 + 0.7 * c) * time))
        voice = sum(np.sin(2 * np.pi * h * (120 + 40 * c) * time + h) / h for h in range(1, 12))
        out[c] = 0.25 * syllables * (0.6 * voice + 0.4 * rng.standard_normal(n))
    return np.clip(out, -0.99, 0.99)


def by_turns(signal: Signal, rate: int, turns: Sequence[Mapping[str, Any]]) -> Signal:
    """A signal as it is where each channel's turns are, and faint, never silent, everywhere
    else.
    """
    gain = np.full(signal.shape, 0.01)
    for turn in turns:
        gain[turn["channel"] - 1, int(turn["s"] * rate) : int(turn["e"] * rate)] = 1
    return signal * gain


@lru_cache(maxsize=64)
def spoken(text: str, rate: int, voice: str = "en-us") -> NDArray[np.float64]:
    """A text spoken by espeak-ng, resampled."""
    assert ESPEAK
    wav = subprocess.run(
        [ESPEAK, "-v", voice, "-s", "150", "--stdout", text], check=True, capture_output=True
    ).stdout
    return _decode(io.BytesIO(wav), rate)


def _decode(file: io.BytesIO, rate: int) -> NDArray[np.float64]:
    with av.open(file) as source:
        resampler = av.AudioResampler(format="fltp", layout="mono", rate=rate)
        parts = [p.to_ndarray() for f in source.decode(audio=0) for p in resampler.resample(f)] + [
            p.to_ndarray() for p in resampler.resample(None)
        ]
    return np.concatenate(parts, axis=1)[0].astype(np.float64)


def pcm_bytes(signal: Signal, tag: int, bits: int) -> bytes:
    """Interleaved samples of a WAV file."""
    x = signal.T
    if tag == 3:
        return x.astype("<f4" if bits == 32 else "<f8").tobytes()
    whole = np.clip(
        np.rint(x * 2 ** (15 if tag > 3 else bits - 1)),
        -(2 ** (bits - 1 if tag < 3 else 15)),
        2 ** (bits - 1 if tag < 3 else 15) - 1,
    )
    if tag in (6, 7):
        return (g711.ALAW_CODES if tag == 6 else g711.MULAW_CODES)[
            whole.astype(np.int64) + 32768
        ].tobytes()
    if bits == 8:
        return (whole + 128).astype("u1").tobytes()
    if bits == 24:
        return whole.astype("<i4")[..., None].view("u1")[..., :3].tobytes()
    return whole.astype(f"<i{bits // 8}").tobytes()


def wav_bytes(
    data: bytes,
    tag: int,
    rate: int,
    channels: int,
    bits: int,
    declared: int | None = None,
    tags: bool = True,
) -> bytes:
    """A WAV file with a name in its tags, around interleaved samples."""
    align = channels * bits // 8
    chunks = b"WAVEfmt " + struct.pack(
        "<IHHIIHH", 16, tag, channels, rate, rate * align, align, bits
    )
    if tags:
        chunks += (
            b"LIST" + struct.pack("<I", 22) + b"INFOIART" + struct.pack("<I", 10) + b"Zoe Marsh\0"
        )
        chunks += b"id3 " + struct.pack("<I", 10) + b"ID3\3\0\0\0\0\0\0"
    chunks += b"data" + struct.pack("<I", len(data) if declared is None else declared) + data
    return b"RIFF" + struct.pack("<I", min(len(chunks), 0xFFFFFFFF)) + chunks


def encoded(
    signal: Signal, container: str, codec: str, rate: int, bit_rate: int = 0, bits: int = 16
) -> bytes:
    """A coded file with tags, a chapter and, where the container can, a cover picture."""
    sink = io.BytesIO()
    channels, layout = len(signal), LAYOUTS[len(signal)]
    options = {"strict": "experimental"} if codec == "vorbis" else {}
    with av.open(sink, "w", format=container) as out:
        out.metadata.update(
            {"artist": "Zoe Marsh", "title": "call with Zoe Marsh", "comment": "+1 415 555 0101"}
        )
        stream = out.add_stream(codec, rate=rate, layout=layout, options=options)
        if codec == "flac":
            stream.codec_context.format = "s16" if bits == 16 else "s32"
        elif bit_rate:
            stream.bit_rate = bit_rate
        for at in range(0, signal.shape[1], 4096):
            part = np.ascontiguousarray(signal[:, at : at + 4096])
            if codec == "flac":
                whole = np.rint(part * 2 ** (bits - 1)).astype(np.int32) << (0 if bits == 16 else 8)
                frame = av.AudioFrame.from_ndarray(
                    whole.T.reshape(1, -1).astype(np.int16 if bits == 16 else np.int32),
                    stream.format.name,
                    layout,
                )
            else:
                frame = av.AudioFrame.from_ndarray(part.astype(np.float32), "fltp", layout)
            frame.sample_rate, frame.pts = rate, at
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    assert channels
    return sink.getvalue()


def file_of(name: str, signal: Signal) -> bytes:
    """A signal in one of `FORMATS`."""
    container, codec, rate, channels, bits, _ = FORMATS[name]
    assert len(signal) == channels
    if isinstance(codec, int):
        return wav_bytes(pcm_bytes(signal, codec, bits), codec, rate, channels, bits)
    flac = codec == "flac"
    return encoded(signal, container, str(codec), rate, 0 if flac else bits, bits if flac else 16)


def gsm_wav(seconds: float, seed: int = 1) -> bytes:
    """GSM 6.10 in WAV (WAV49: two frames in 65 bytes): any bytes are sound, so these are drawn."""
    frames = int(seconds * 50)
    data = np.random.default_rng(seed).bytes(65 * (frames // 2))
    head = struct.pack("<HHIIHHHH", 0x31, 1, 8000, 1625, 65, 0, 2, 320)
    chunks = (
        b"WAVEfmt "
        + struct.pack("<I", len(head))
        + head
        + b"fact"
        + struct.pack("<II", 4, frames * 160)
    )
    chunks += b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(chunks)) + chunks


def gsm_raw(seconds: float, seed: int = 1) -> bytes:
    """GSM 6.10 by itself: frames of 33 bytes that begin with 0xD."""
    frames = np.random.default_rng(seed).integers(0, 256, (int(seconds * 50), 33), dtype=np.uint8)
    frames[:, 0] = 0xD0 | frames[:, 0] & 0x0F
    return frames.tobytes()


def amr_wideband(seconds: float, seed: int = 1) -> bytes:
    """AMR-WB (RFC 4867, section 5): frames of 23.85 kbit/s."""
    frames = np.random.default_rng(seed).integers(0, 256, (int(seconds * 50), 61), dtype=np.uint8)
    frames[:, 0] = 8 << 3 | 1 << 2
    return b"#!AMR-WB\n" + frames.tobytes()


def film(signal: Signal, container: str, video: str, audio: str, rate: int) -> bytes:
    """Moving pictures with sound, and names in their tags."""
    sink = io.BytesIO()
    channels, seconds = len(signal), signal.shape[1] / rate
    with av.open(sink, "w", format=container) as out:
        out.metadata.update({"title": "call with Zoe Marsh", "comment": "+1 415 555 0101"})
        pictures = out.add_stream(video, rate=10, width=64, height=48, pix_fmt="yuv420p")
        pictures.metadata["title"] = "screen of Zoe Marsh"
        sound = out.add_stream(audio, rate=rate, layout=LAYOUTS[channels])
        for at in range(int(seconds * 10)):
            picture = av.VideoFrame.from_ndarray(
                np.full((48, 64, 3), at * 5 % 256, np.uint8), "rgb24"
            )
            picture.pts, picture.time_base = at, Fraction(1, 10)
            out.mux(pictures.encode(picture))
            part = np.ascontiguousarray(signal[:, at * rate // 10 : (at + 1) * rate // 10]).astype(
                np.float32
            )
            frame = av.AudioFrame.from_ndarray(part, "fltp", LAYOUTS[channels])
            frame.sample_rate, frame.pts = rate, at * rate // 10
            out.mux(sound.encode(frame))
        out.mux(pictures.encode(None))
        out.mux(sound.encode(None))
    return sink.getvalue()


def heard(path: str | Path) -> tuple[int, NDArray[np.float64]]:
    """Rate and samples `(channels, frames)` of a file, through FFmpeg alone: nothing of the product
    is asked.
    """
    parts = []
    with av.open(str(path)) as source:
        rate = source.streams.audio[0].rate
        for frame in source.decode(audio=0):
            rate = frame.sample_rate
            data = frame.to_ndarray()
            data = data if frame.format.is_planar else data.reshape(-1, frame.layout.nb_channels).T
            scale = {"u8": 128.0, "s16": 2.0**15, "s32": 2.0**31}.get(frame.format.packed.name, 1.0)
            parts.append(
                (data.astype(np.float64) - (128 if frame.format.packed.name == "u8" else 0)) / scale
            )
    return rate, np.concatenate(parts, axis=1)


def level(samples: NDArray[np.float64]) -> float:
    """Root of the mean square, dBFS."""
    return 10 * float(np.log10(max(float(np.mean(samples**2)), 1e-20)))


def long_recording(path: str, kind: str, hours: float) -> None:
    """A recording of `hours` for measuring: one minute over and over, written piece by piece."""
    name = {"mulaw": "wav-mulaw", "alaw-stereo": "wav-alaw-stereo"}.get(kind, kind)
    if kind == "s16-stereo-48k":
        spec: tuple = ("wav", 1, 48000, 2, 16, True)
    elif kind == "flac":
        spec = FORMATS["flac-s16-stereo"]
    else:
        spec = FORMATS[name]
    container, codec, rate, channels, bits, _ = spec
    minute = _minute(rate, channels)
    if container == "wav":
        data = pcm_bytes(minute, codec, bits)
        head = wav_bytes(b"", codec, rate, channels, bits, declared=int(len(data) * 60 * hours))
        with open(path, "wb") as sink:
            sink.write(head)
            for _ in range(int(60 * hours)):
                sink.write(data)
        return
    with av.open(path, "w", format=container) as out:
        stream = out.add_stream(codec, rate=rate, layout=LAYOUTS[channels])
        if codec != "flac":
            stream.bit_rate = bits
        at = 0
        for part in _parts(minute, int(60 * hours)):
            frame = av.AudioFrame.from_ndarray(part, "fltp", LAYOUTS[channels])
            frame.sample_rate, frame.pts = rate, at
            at += part.shape[1]
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


def _parts(minute: Signal, times: int) -> Iterator[NDArray[np.float32]]:
    whole = minute.astype(np.float32)
    for _ in range(times):
        for at in range(0, whole.shape[1], 1 << 16):
            yield np.ascontiguousarray(whole[:, at : at + (1 << 16)])


def _minute(rate: int, channels: int) -> Signal:
    if not ESPEAK:
        return chatter(rate, channels, 60)
    texts = (
        "my card number is four one one one, two three four five, six seven eight nine. ",
        "thank you, one moment please, I will have a look at it for you. ",
    )
    out = np.zeros((channels, rate * 60))
    for c in range(channels):
        voice = 0.8 * spoken(texts[c] * 12, rate, ("en-us", "en-gb")[c])[: rate * 60]
        out[c, : len(voice)] = voice
    return out
