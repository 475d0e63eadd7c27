"""Output audio format of a redacted recording.

It is the recording's own codec where FFmpeg encodes it well and keeps its times, else FLAC or WAV.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from callveil.transforms.redact.audio.container import AudioRejected, OpenRecording
from callveil.transforms.redact.audio.samples import PCM

AAC_SMEAR, OPUS_SMEAR, MP3_SMEAR_SAMPLES = 0.04, 0.1, 864
"""Seconds, and for MP3 samples (one and a half granules), by which a cover is widened where sound
is coded by transform: what stands beside a cover smears into it. Measured with loud noise in the
rhythm of speech right beside the cover, at 16 to 96 kbit/s: behind that distance the loudest 5 ms
are below -60 dBFS.
"""

ADPCM_SMEAR = 0.01
"""The same for coders that predict a sample from those before: until they have settled."""

ADPCM_BLOCK = 256
"""Bytes. The last block is filled up with silence, so small ones keep the length."""

BARE = {"fflags": "+bitexact"}
"""Muxer options: nothing about the writing library, no time of writing."""

STORED = ("wav", "w64", "aiff", "au", "caf")
"""Containers of samples that are edited in place."""

LARGE_BYTES, GROWTH = 3 << 30, 30
"""Size from which a WAV file needs 64-bit lengths, and how many times its size a coded recording
takes up there at most."""

FLAC_CHANNELS = 8

SUFFIXES = {
    "aiff": (".aiff", ".aif", ".aifc"),
    "au": (".au", ".snd"),
    "caf": (".caf",),
    "flac": (".flac",),
    "ipod": (".m4a", ".m4b", ".mp4"),
    "matroska": (".mkv",),
    "mp3": (".mp3",),
    "mp4": (".mp4", ".mov"),
    "ogg": (".ogg", ".oga", ".opus"),
    "w64": (".w64",),
    "wav": (".wav", ".wave"),
    "webm": (".webm",),
}
"""Suffixes of names by muxer, the usual one first."""


@dataclass(frozen=True)
class TargetFormat:
    """How a recording is written.

    Attributes:
        muxer, encoder: FFmpeg's names; no encoder where coded samples are edited in place.
        muxer_options, encoder_options: FFmpeg's.
        bit_rate: bits per second; 0 where it does not apply.
        guard: seconds by which covers are widened.
        films: moving pictures come along as they are.
        lossless: samples outside covers and fades come out as they went in, or as they were
            decoded.
    """

    muxer: str
    encoder: str = ""
    muxer_options: Mapping[str, str] = field(default_factory=lambda: BARE)
    encoder_options: Mapping[str, str] = field(default_factory=dict)
    bit_rate: int = 0
    guard: float = 0.0
    films: bool = False

    @property
    def lossless(self) -> bool:
        return not self.guard

    def suffix(self, name: str) -> str:
        """Give the suffix of the written file: that of `name` where it fits."""
        fitting = SUFFIXES[self.muxer]
        return next((s for s in fitting if name.lower().endswith(s)), fitting[0])


def target_of(recording: OpenRecording, size: int, *, films: bool = False) -> TargetFormat:
    """Say how to write a recording again.

    Codecs whose streams cannot say by how much their encoder is late (AMR, MP2, G.722, WMA, AC-3)
    are not used: what is heard would move against its transcript. AAC goes into M4A and MP3 into a
    file of its own, since there the delay has its place. Vorbis becomes Opus: FFmpeg's own encoder
    is experimental, and takes two channels only.

    Args:
        recording: as opened.
        size: bytes of the file.
        films: copy moving pictures, where there are any.

    Raises:
        AudioRejected: `unsupported_audio` for samples that cannot be written without loss.
    """
    if films and recording.films:
        return _with_films(recording)
    if recording.container in STORED and recording.codec in PCM:
        large = recording.container == "wav" and size > LARGE_BYTES
        return TargetFormat(recording.container, muxer_options=_wav_options(large))
    coder = CODERS.get(recording.codec.removesuffix("float").removeprefix("lib"))
    return coder(recording) if coder else _decoded(recording, size)


def _wav_options(large: bool) -> Mapping[str, str]:
    return {**BARE, "rf64": "auto"} if large else BARE


def _decoded(recording: OpenRecording, size: int) -> TargetFormat:
    """Return FLAC of 16 bits for what is coded with loss, and for stored samples of no more; else
    WAV of the very samples.
    """
    context = recording.stream.codec_context
    form = context.format.packed.name if context.format else ""
    stored = {"s32": "pcm_s32le", "flt": "pcm_f32le", "dbl": "pcm_f64le"}.get(form, "pcm_s16le")
    exact = recording.codec.startswith("pcm_") or recording.codec in (
        "wavpack",
        "tta",
        "ape",
        "tak",
        "mlp",
        "truehd",
    )
    whole = form in ("u8", "s16") or not exact
    large = _wav_options(size > LARGE_BYTES // GROWTH)
    if recording.container == "wav":
        return TargetFormat("wav", "pcm_s16le" if whole else stored, large)
    if whole and context.layout.nb_channels <= FLAC_CHANNELS:
        return TargetFormat("flac", "flac")
    return TargetFormat("wav", "pcm_s16le" if whole else stored, large)


def _bit_rate(recording: OpenRecording) -> int:
    channels = recording.stream.codec_context.layout.nb_channels
    whole = 0 if recording.films else recording.source.bit_rate
    return recording.stream.bit_rate or whole or 64_000 * channels


def _flac(recording: OpenRecording) -> TargetFormat:
    if _flac_bits(recording.stream.codec_context.extradata) > 24:
        raise AudioRejected(
            "unsupported_audio",
            "FLAC with more than 24 bits per sample cannot be written again without loss",
        )
    return TargetFormat("ogg" if recording.container == "ogg" else "flac", "flac")


def _mp3(recording: OpenRecording) -> TargetFormat:
    # Joint stereo would let one party's speech into the other's channel; no tag is written.
    return TargetFormat(
        "mp3",
        "libmp3lame",
        {**BARE, "id3v2_version": "0", "write_id3v1": "0"},
        {"joint_stereo": "0", "compression_level": "7"},
        min(max(_bit_rate(recording), 8_000), 320_000),
        max(0.02, MP3_SMEAR_SAMPLES / recording.stream.rate),
    )


def _opus(recording: OpenRecording) -> TargetFormat:
    channels = recording.stream.codec_context.layout.nb_channels
    options = {"application": "audio", "compression_level": "3"}
    bits = min(max(_bit_rate(recording), 24_000 * channels), 256_000 * channels)
    return TargetFormat(
        "webm" if recording.container == "matroska" else "ogg",
        "libopus",
        BARE,
        options,
        bits,
        OPUS_SMEAR,
    )


def _aac(recording: OpenRecording) -> TargetFormat:
    # The fast coder takes a quarter of the time and stays nearer to the speech it is given (26 dB
    # against 13 at 96 kbit/s).
    # Below about 0.9 bit a sample the encoder has nothing left for speech; recordings with band
    # replication come in lower.
    channels = recording.stream.codec_context.layout.nb_channels
    options = {"aac_ms": "0", "aac_is": "0", "aac_coder": "fast"}
    bits = max(_bit_rate(recording), int(0.9 * recording.stream.rate * channels))
    return TargetFormat("ipod", "aac", BARE, options, bits, AAC_SMEAR)


def _adpcm(recording: OpenRecording) -> TargetFormat:
    return TargetFormat(
        "wav", recording.codec, BARE, {"block_size": str(ADPCM_BLOCK)}, guard=ADPCM_SMEAR
    )


def _with_films(recording: OpenRecording) -> TargetFormat:
    """Return the container that takes the pictures as they are, with the codec that belongs into
    it.
    """
    if recording.container == "mov":
        return _of(_aac(recording), "mp4")
    web = all(
        film.codec_context.name in ("vp8", "vp9", "av1", "libdav1d") for film in recording.films
    )
    return _of(_opus(recording), "webm" if web else "matroska")


def _of(target: TargetFormat, muxer: str) -> TargetFormat:
    return TargetFormat(
        muxer,
        target.encoder,
        BARE,
        target.encoder_options,
        target.bit_rate,
        target.guard,
        films=True,
    )


CODERS: Mapping[str, Callable[[OpenRecording], TargetFormat]] = {
    "aac": _aac,
    "adpcm_ima_wav": _adpcm,
    "adpcm_ms": _adpcm,
    "alac": lambda recording: TargetFormat("ipod", "alac"),
    "flac": _flac,
    "mp3": _mp3,
    "opus": _opus,
    "vorbis": _opus,
}
"""Codecs that are written again, by FFmpeg's name."""


def _flac_bits(extradata: bytes | None) -> int:
    """Return bits per sample from the STREAMINFO block (RFC 9639, section 8.2); 16 where there is
    none.
    """
    if not extradata or len(extradata) < 34:
        return 16
    block = extradata[-34:] if extradata[:4] != b"fLaC" else extradata[8:42]
    return ((block[12] & 1) << 4 | block[13] >> 4) + 1
