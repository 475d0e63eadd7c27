"""Opening a recording, whatever its name says it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO

import av
from av.audio.stream import AudioStream
from av.container.input import InputContainer
from av.video.stream import VideoStream

from callveil.transforms.redact.audio.samples import PCM
from callveil.transforms.storage.files.filesystem import Files

CONTAINERS = (
    "wav",
    "w64",
    "mp3",
    "ogg",
    "flac",
    "mov",
    "aac",
    "ac3",
    "aiff",
    "amr",
    "ape",
    "asf",
    "au",
    "avi",
    "caf",
    "dss",
    "eac3",
    "flv",
    "gsm",
    "ircam",
    "matroska",
    "mpeg",
    "mpegts",
    "nistsphere",
    "qcp",
    "sox",
    "tta",
    "voc",
    "wv",
)
"""Demuxers FFmpeg may use. Others, playlists above all, could make it read files that the recording
names.
"""

PACKET_BYTES = 1 << 14
"""What the WAV demuxer gives at a time at most. With its own 1,024 demuxing takes a tenth of all
there is to do; with more, pieces leave the cache.
"""

DECLARING = ("aiff", "au", "flac", "mov", "tta", "wv")
"""Containers that say how long the sound is. FFmpeg guesses for others, and then counts what is
there.
"""

FACTUAL = ("adpcm_ima_wav", "adpcm_ms", "gsm_ms")
"""Codecs for which a WAV file says so in its `fact` chunk."""

MAX_CHANNELS = 64
MAX_RATE = 384_000
MAX_CHUNKS = 64
STREAMED = 0xFFFFFF00
"""Lengths from here on stand for one that was not known when the header was written."""


class AudioRejected(Exception):
    """A recording cannot be redacted.

    Attributes:
        reason: a key of `schemas.rejected.REASONS`.
        detail: one sentence that quotes nothing of the content.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason, self.detail = reason, detail

    def __reduce__(self) -> tuple[Any, ...]:
        return AudioRejected, (self.reason, self.detail)


@dataclass(frozen=True)
class OpenRecording:
    """A recording open for reading.

    Attributes:
        container, codec: FFmpeg's names.
        stream: its one stream of sound.
        films: its moving pictures.
        declared: samples per channel as the file says; None where it does not, or only guesses.
    """

    source: InputContainer
    stream: AudioStream
    container: str
    codec: str
    declared: int | None
    films: tuple[VideoStream, ...] = ()


@contextmanager
def open_recording(files: Files, url: str) -> Iterator[OpenRecording]:
    """Open a recording by its content.

    Raises:
        AudioRejected: it holds no sound or several tracks of it, or is no audio; FFmpeg's errors
            within the block become `bad_audio`.
        FileNotFoundError, OSError: it cannot be read.
    """
    info = files.info(url)
    if info is None:
        raise FileNotFoundError(url)
    if not info.size:
        raise AudioRejected("empty_audio", "the file is empty")
    with files.open(url) as file:
        declared = _wav_bytes(file)
        file.seek(0)
        try:
            options = {"format_whitelist": ",".join(CONTAINERS), "max_size": str(PACKET_BYTES)}
            with av.open(file, "r", options=options, metadata_errors="replace") as source:
                yield sound_track(source, declared)
        except av.FFmpegError as error:
            raise AudioRejected(
                "bad_audio", f"it cannot be read as audio ({type(error).__name__})"
            ) from None


def sound_track(source: InputContainer, data_bytes: int | None = None) -> OpenRecording:
    """Return the one track of sound of an open file.

    Args:
        source: the file.
        data_bytes: bytes of samples a WAV header declares, where it does.

    Raises AudioRejected as `open_recording` does.
    """
    tracks = source.streams.audio
    if not tracks:
        raise AudioRejected("bad_audio", "it holds no sound track")
    if len(tracks) > 1:
        raise AudioRejected(
            "unsupported_audio",
            f"it holds {len(tracks)} sound tracks; times say nothing about which one is meant",
        )
    stream = tracks[0]
    context = stream.codec_context
    if not (1 <= context.layout.nb_channels <= MAX_CHANNELS and 1 <= stream.rate <= MAX_RATE):
        raise AudioRejected(
            "bad_audio", "it names an impossible number of channels or samples per second"
        )
    context.thread_count = 1
    container = source.format.name.split(",")[0]
    films = tuple(
        s for s in source.streams.video if not s.disposition & av.stream.Disposition.attached_pic
    )
    return OpenRecording(
        source,
        stream,
        container,
        context.name,
        _declared(source, stream, container, data_bytes),
        films,
    )


def _declared(
    source: InputContainer, stream: AudioStream, container: str, data_bytes: int | None
) -> int | None:
    context = stream.codec_context
    if container == "wav" and context.name in PCM:
        align = context.layout.nb_channels * PCM[context.name].size
        return data_bytes // align if data_bytes else None
    if container == "matroska":  # of the file as a whole
        return (
            round(source.duration * stream.rate / av.time_base)
            if source.duration and not source.streams.video
            else None
        )
    if (
        stream.duration
        and stream.time_base
        and (container in DECLARING or (container == "wav" and context.name in FACTUAL))
    ):
        return round(stream.duration * stream.time_base * stream.rate)
    return None


def _wav_bytes(file: BinaryIO) -> int | None:
    """Return bytes of samples a RIFF header declares; None for other files, and for headers written
    before the length was known.

    FFmpeg does not say: it counts what is there.
    """
    if file.read(4) != b"RIFF":
        return None
    place = 12
    for _ in range(MAX_CHUNKS):
        file.seek(place)
        head = file.read(8)
        if len(head) < 8:
            return None
        size = int.from_bytes(head[4:], "little")
        if head[:4] == b"data":
            return size if 0 < size < STREAMED else None
        place += 8 + size + size % 2
    return None
