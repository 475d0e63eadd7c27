"""What becomes of each container and codec: the same family again, at a bit rate that does not tell the difference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from callveil.transforms.audio.open import AudioRejected, Opened
from callveil.transforms.audio.samples import PCM

AAC_SMEAR, OPUS_SMEAR, MP3_SMEAR_SAMPLES = 0.04, 0.1, 864
"""Seconds, and for MP3 samples (one and a half granules), by which a cover is widened where sound is coded by transform: what stands beside a cover
smears into it. Measured with loud noise in the rhythm of speech right beside the cover, at 16 to 96 kbit/s: behind that distance the loudest 5 ms
are below -60 dBFS."""

BARE = {"fflags": "+bitexact"}
"""Muxer options: nothing about the writing library, no time of writing."""


@dataclass(frozen=True)
class Target:
    """How a recording is written.

    Attributes:
        muxer, encoder: FFmpeg's names; no encoder where coded samples are edited in place.
        muxer_options, encoder_options: FFmpeg's.
        bit_rate: bits per second; 0 where it does not apply.
        guard: seconds by which covers are widened.
        lossless: samples outside covers and fades come out as they went in.
    """

    muxer: str
    encoder: str = ""
    muxer_options: Mapping[str, str] = field(default_factory=lambda: BARE)
    encoder_options: Mapping[str, str] = field(default_factory=dict)
    bit_rate: int = 0
    guard: float = 0.0

    @property
    def lossless(self) -> bool:
        return not self.guard


def target_of(recording: Opened, size: int) -> Target:
    """How to write a recording again.

    Vorbis becomes Opus in the same container: FFmpeg's own Vorbis encoder is experimental, and takes two channels only.

    Args:
        recording: as opened.
        size: bytes of the file.

    Raises:
        AudioRejected: `unsupported_audio` for other combinations.
    """
    container, codec = recording.container, recording.codec
    channels, rate = recording.stream.codec_context.layout.nb_channels, recording.stream.rate
    bits = recording.stream.bit_rate or recording.source.bit_rate or 64_000 * channels
    if container in ("wav", "w64") and codec in PCM:
        big = container == "wav" and size > 3 << 30
        return Target(container, muxer_options={**BARE, "rf64": "auto"} if big else BARE)
    if codec == "flac" and container in ("flac", "ogg"):
        if _flac_bits(recording.stream.codec_context.extradata) > 24:
            raise AudioRejected("unsupported_audio", "FLAC with more than 24 bits per sample cannot be written again without loss")
        return Target(container, "flac")
    if container == "mp3" and codec.startswith("mp3"):
        # Joint stereo would let one party's speech into the other's channel; no tag is written.
        return Target(
            "mp3",
            "libmp3lame",
            {**BARE, "id3v2_version": "0", "write_id3v1": "0"},
            {"joint_stereo": "0", "compression_level": "7"},
            min(max(bits, 8_000), 320_000),
            max(0.02, MP3_SMEAR_SAMPLES / rate),
        )
    if container == "ogg" and codec in ("opus", "libopus", "vorbis"):
        options = {"application": "audio", "compression_level": "3"}
        return Target("ogg", "libopus", BARE, options, min(max(bits, 24_000 * channels), 256_000 * channels), OPUS_SMEAR)
    if container == "mov" and codec == "aac":
        # The fast coder takes a quarter of the time and stays nearer to the speech it is given (26 dB against 13 at 96 kbit/s).
        # Below about 0.9 bit a sample the encoder has nothing left for speech; recordings with band replication come in lower.
        return Target("ipod", "aac", BARE, {"aac_ms": "0", "aac_is": "0", "aac_coder": "fast"}, max(bits, int(0.9 * rate * channels)), AAC_SMEAR)
    raise AudioRejected("unsupported_audio", f"{codec} in {container} cannot be written again; convert it to WAV, FLAC, MP3, Opus or M4A first")


def _flac_bits(extradata: bytes | None) -> int:
    """Bits per sample from the STREAMINFO block (RFC 9639, section 8.2); 16 where there is none."""
    if not extradata or len(extradata) < 34:
        return 16
    block = extradata[-34:] if extradata[:4] != b"fLaC" else extradata[8:42]
    return ((block[12] & 1) << 4 | block[13] >> 4) + 1
