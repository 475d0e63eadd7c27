"""Recordings as a stream: read piece by piece, covered, written piece by piece. No more than a few
pieces are held.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Any, BinaryIO, cast

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container.output import OutputContainer

from callveil.transforms.redact.audio.container import AudioRejected, OpenRecording
from callveil.transforms.redact.audio.formats import TargetFormat
from callveil.transforms.redact.audio.masking import SoundCover
from callveil.transforms.redact.audio.samples import DECODED, PCM, Block, Floats

UNNAMED = {"1 channels": "mono", "2 channels": "stereo"}

MAX_GAP = 0.1
"""Seconds by which the times a file states may run ahead of its sound. With more, sound is missing
in the middle and nobody knows what times mean.
"""


@dataclass
class ReadProgress:
    """How far a recording has been read.

    Attributes:
        frames: samples per channel so far.
        rate, channels: of the sound itself; a header may say otherwise.
        cut: the last piece could not be decoded: the file is cut off.
    """

    rate: int
    channels: int
    frames: int = 0
    cut: bool = False


MakeCover = Callable[[int, int], SoundCover]
"""Makes the cover once rate (samples per second) and channels are known."""


Aside = Callable[["av.Packet[Any]"], None]
"""Takes the packets of moving pictures."""


def frames_of(
    recording: OpenRecording, read: ReadProgress, aside: Aside | None = None
) -> Iterator[AudioFrame]:
    """Decode a recording; `read.frames` is the place of the frame that is given.

    Args:
        recording: as opened.
        read: as `begin_reading` gives it.
        aside: given what comes of moving pictures; without it they are passed over.

    Raises:
        AudioRejected: `bad_audio` where sound is damaged or missing before the end;
            `unsupported_audio` where the format changes on the way, or is none that is known here.
    """
    form: tuple[int, str, str] | None = None
    first: int | None = None
    unit, scale, gap = 0, 1, 0.0
    for packet in recording.source.demux([recording.stream, *(recording.films if aside else ())]):
        if packet.stream is not recording.stream:
            if aside and packet.size:
                aside(packet)
            continue
        try:
            frames = cast("list[AudioFrame]", packet.decode())
        except av.InvalidDataError:
            read.cut = True
            continue
        for frame in frames:
            if read.cut:
                raise AudioRejected("bad_audio", "a piece in the middle of it is damaged")
            here = (frame.sample_rate, frame.layout.name, frame.format.name)
            if form is None:
                if frame.format.packed.name not in DECODED:
                    raise AudioRejected(
                        "unsupported_audio",
                        f"its samples are of a kind ({frame.format.packed.name}) that is not read "
                        "here",
                    )
                form, read.rate, read.channels = here, frame.sample_rate, frame.layout.nb_channels
                # In whole numbers: fractions take more time than decoding does.
                base = frame.time_base or Fraction(0)
                unit, gap = base.numerator * read.rate, MAX_GAP * read.rate * base.denominator
                scale = base.denominator
            elif here != form:
                raise AudioRejected(
                    "unsupported_audio", "its sampling rate or channels change on the way"
                )
            pts = frame.pts
            if pts is not None and unit:
                first = pts if first is None else first
                if abs((pts - first) * unit - read.frames * scale) > gap:
                    raise AudioRejected(
                        "bad_audio", "the times it states jump: sound is missing in the middle"
                    )
            yield frame
            read.frames += frame.samples


def packets_of(recording: OpenRecording, read: ReadProgress) -> Iterator[Block]:
    """Coded samples of a PCM or G.711 recording; `read.frames` is the place of the block that is
    given. Blocks may be written to.
    """
    samples = PCM[recording.codec]
    left = b""
    for packet in recording.source.demux(recording.stream):
        if not packet.size:
            continue
        data = bytearray(left + bytes(packet))
        block = samples.view(data, read.channels)
        left = bytes(data[block.nbytes :])
        if len(block):
            yield block
            read.frames += len(block)
    read.cut = bool(left)


def count_frames(recording: OpenRecording) -> ReadProgress:
    """Read a recording to its end and say how long it is. Raises as `frames_of` does."""
    read = begin_reading(recording)
    for _ in read_sound_blocks(recording, read):
        pass
    return read


def read_sound_blocks(
    recording: OpenRecording, read: ReadProgress
) -> Iterator[tuple[int, Callable[[], Floats]]]:
    """Yield pieces of sound: how many samples per channel, and a function that gives them as
    numbers, `(frames, channels)`.

    `read.frames` is the place of the piece that is given. Raises as `frames_of` does.
    """
    if recording.codec in PCM:
        samples = PCM[recording.codec]
        for block in packets_of(recording, read):
            yield len(block), partial(samples.load, block)
        return
    for frame in frames_of(recording, read):
        yield frame.samples, partial(_numbers, frame)


def rewrite_recording(
    recording: OpenRecording, target: TargetFormat, make: MakeCover, sink: BinaryIO
) -> ReadProgress:
    """Write a recording again with a cover laid over it; tags, pictures and chapters do not come
    along.

    Args:
        recording: as opened; it is read to its end.
        target: how it is written.
        make: the cover, for the rate and channels found.
        sink: seekable; stands at the end of the file afterwards.

    Raises:
        AudioRejected: as `frames_of` does; `empty_audio` where there is no sound in it.
    """
    read = begin_reading(recording)
    with av.open(sink, "w", format=target.muxer, options=dict(target.muxer_options)) as out:
        if target.encoder:
            _coded(recording, read, target, make, out)
        else:
            _samples(recording, read, make(read.rate, read.channels), out)
        if not read.frames:
            raise AudioRejected("empty_audio", "it holds no samples")
    return read


def begin_reading(recording: OpenRecording) -> ReadProgress:
    """Return a recording of which nothing has been read, with rate and channels as its header has
    them.
    """
    return ReadProgress(recording.stream.rate, recording.stream.codec_context.layout.nb_channels)


def _samples(
    recording: OpenRecording, read: ReadProgress, cover: SoundCover, out: OutputContainer
) -> None:
    """The way of samples that are stored as they are: what is not covered is copied byte by
    byte.
    """
    samples = PCM[recording.codec]
    stream = out.add_stream_from_template(recording.stream)
    for block in packets_of(recording, read):
        at = read.frames
        if cover.touches(at, at + len(block)):
            cover.apply(block, at, samples)
        packet = av.Packet(block.tobytes())
        packet.stream, packet.time_base = stream, Fraction(1, read.rate)
        packet.pts = packet.dts = at
        packet.duration = len(block)
        out.mux_one(packet)


def _coded(
    recording: OpenRecording,
    read: ReadProgress,
    target: TargetFormat,
    make: MakeCover,
    out: OutputContainer,
) -> None:
    """The way of coded sound: decode, cover, encode. Encoder delay is written into the file, and
    taken off again by decoders that read it.
    """
    stream: AudioStream | None = None
    cover: SoundCover | None = None
    films = _Films(recording, out) if target.films else None
    base, first = Fraction(1, read.rate), 0
    for frame in frames_of(recording, read, films.take if films else None):
        at = read.frames
        if stream is None or cover is None:
            stream, cover, base = (
                _encoder(out, target, frame),
                make(read.rate, read.channels),
                Fraction(1, read.rate),
            )
            if films:
                # Sound that begins later than the pictures keeps its distance to them.
                first = max(0, round((frame.pts or 0) * (frame.time_base or 0) * read.rate))
                films.begin()
        if cover.touches(at, at + frame.samples):
            frame = _covered(frame, at, cover)
        frame.pts, frame.time_base = first + at, base
        out.mux(stream.encode(frame))
    if stream is not None:
        out.mux(stream.encode(None))


class _Films:
    """Copies moving pictures beside the sound. Packets wait until all streams are known: the header
    comes first.
    """

    def __init__(self, recording: OpenRecording, out: OutputContainer) -> None:
        self._out = out
        self._streams = {film.index: out.add_stream_from_template(film) for film in recording.films}
        self._held: list[av.Packet[Any]] | None = []

    def take(self, packet: av.Packet[Any]) -> None:
        packet.stream = self._streams[packet.stream.index]
        if self._held is None:
            self._out.mux(packet)
        else:
            self._held.append(packet)

    def begin(self) -> None:
        held, self._held = self._held or [], None
        for packet in held:
            self._out.mux(packet)


def _encoder(out: OutputContainer, target: TargetFormat, frame: AudioFrame) -> AudioStream:
    rates = av.Codec(target.encoder, "w").audio_rates
    rate = frame.sample_rate
    if rates and rate not in rates:
        if target.encoder != "libopus":
            raise AudioRejected(
                "unsupported_audio", f"{rate} samples per second cannot be written in this format"
            )
        rate = 48_000
    # Headers may tell the number of channels alone, which some encoders do not take.
    layout = UNNAMED.get(frame.layout.name, frame.layout.name)
    stream = cast(
        AudioStream,
        out.add_stream(
            target.encoder, rate=rate, options=dict(target.encoder_options), layout=layout
        ),
    )
    if target.bit_rate:
        stream.bit_rate = target.bit_rate
    formats = [f.name for f in av.Codec(target.encoder, "w").audio_formats or ()]
    wanted = [
        n
        for n in (frame.format.name, frame.format.packed.name, frame.format.planar.name)
        if n in formats
    ]
    if wanted:
        stream.codec_context.format = wanted[0]
    return stream


def _by_frame(frame: AudioFrame, data: np.ndarray) -> Block:
    """Return samples of a frame, frames first; shares memory with `data`."""
    return data.T if frame.format.is_planar else data.reshape(-1, frame.layout.nb_channels)


def _numbers(frame: AudioFrame) -> Floats:
    return DECODED[frame.format.packed.name].load(_by_frame(frame, frame.to_ndarray()))


def _covered(frame: AudioFrame, at: int, cover: SoundCover) -> AudioFrame:
    data: Any = np.array(frame.to_ndarray())
    cover.apply(_by_frame(frame, data), at, DECODED[frame.format.packed.name])
    done = AudioFrame.from_ndarray(data, format=frame.format.name, layout=frame.layout.name)
    done.sample_rate = frame.sample_rate
    return done
