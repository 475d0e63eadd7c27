"""Redacting one recording: nothing is written under its name before the whole of it is done and looked at once more."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import av

from callveil.transforms.audio.check import leftover
from callveil.transforms.audio.cover import Cover, Sound
from callveil.transforms.audio.formats import Target, target_of
from callveil.transforms.audio.keypad import keypad_spans
from callveil.transforms.audio.open import AudioRejected, Opened, opened
from callveil.transforms.audio.plan import EVERYTHING, AudioSpan, Margins, Plan, fade_samples, plan
from callveil.transforms.audio.stream import Read, count, rewrite
from callveil.transforms.store.files import Files
from callveil.transforms.store.s3 import spooled

MAX_BEYOND = 2.0
"""Seconds by which a span may begin after the end of the recording. Recognisers round, and files lose their tail; with more, the transcript belongs
to another recording, and its times say nothing about this one."""


WRITTEN = {"libmp3lame": "mp3", "libopus": "opus"}
"""Codecs by encoder, where the names differ."""

CONTAINER = {"ipod": "mov", "mp4": "mov", "webm": "matroska"}
"""The same of demuxers by muxer."""


NameOf = Callable[[str], str]
"""Makes the name of a redacted recording from the suffix that fits what is written."""


@dataclass(frozen=True, slots=True)
class Treatment:
    """How recordings are redacted.

    Attributes:
        sound: what is heard instead.
        margins: how far covers reach.
        check: read the result again before it is published, and reject it where something can still be heard.
        keypad: cover keypad tones as well, wherever they are heard.
        films: copy moving pictures as they are, instead of leaving them out.
    """

    sound: Sound = field(default_factory=Sound)
    margins: Margins = field(default_factory=Margins)
    check: bool = True
    keypad: bool = True
    films: bool = False


@dataclass(frozen=True, slots=True)
class Recording:
    """What was done with a recording.

    Attributes:
        container, codec: FFmpeg's names, as it was found by content.
        written: codec of what was written.
        written_container: the container of what was written, named as `container` is.
        video: what became of moving pictures: `dropped` or `copied`; empty where there were none.
        rate: samples per second.
        channels: number of channels.
        frames: samples per channel.
        covered: covered samples by channel, fades not counted.
        cut: the file ends before the length it declares, or in the middle of a piece.
        bytes: size of what was written.
        keyed: stretches of keypad tones found, all of them covered.
    """

    container: str
    codec: str
    written: str
    rate: int
    channels: int
    frames: int
    covered: Plan
    cut: bool
    bytes: int = 0
    keyed: int = 0
    written_container: str = ""
    video: str = ""

    @property
    def seconds(self) -> float:
        """Length."""
        return self.frames / self.rate

    @property
    def covered_seconds(self) -> tuple[float, ...]:
        """Covered seconds by channel."""
        return tuple(ranges.total / self.rate for ranges in self.covered)


def examine(files: Files, source: str, spans: Sequence[AudioSpan], treatment: Treatment = Treatment()) -> Recording:
    """What `redact_audio` would do, without writing. The recording is read to its end.

    Raises as `redact_audio` does.
    """
    info = files.info(source)
    keyed = _keyed(files, source, spans, treatment)
    spans = [*spans, *keyed]
    with opened(files, source) as recording:
        target = target_of(recording, info.size if info else 0, films=treatment.films)
        read = count(recording)
        if not read.frames:
            raise AudioRejected("empty_audio", "it holds no samples")
        _fits(spans, recording, read)
        planned = plan(spans, read.rate, read.channels, treatment.margins.widened(target.guard))
        return replace(_summary(recording, target, read, planned, 0), keyed=len(keyed))


def redact_audio(
    files: Files, source: str, output: str | NameOf, spans: Sequence[AudioSpan], treatment: Treatment = Treatment(), *, if_none_match: bool = False
) -> Recording:  # fmt: skip
    """Write a recording again with stretches of it covered.

    The format follows the content, not the name. Samples outside covers and fades are bit-identical for PCM, G.711, FLAC and ALAC, and so are
    channels without covers; other codecs are encoded again (Vorbis as Opus), and those that FFmpeg only decodes become FLAC or WAV (see
    `formats.target_of`). Length is the same to the sample, for AAC to the frame. Tags, pictures, subtitles and chapters are left out, moving
    pictures as `treatment` says. Memory does not depend on the length.

    Args:
        files: access to both.
        source: path or URL of the recording.
        output: path or URL of the redacted one, or what makes it from the suffix that fits; it appears whole or not at all.
        spans: what must not be heard. None at all is a valid answer: the copy then only loses its tags.
        treatment: sound, margins and checking.
        if_none_match: only if there is no `output` yet.

    Raises:
        AudioRejected: the recording cannot be redacted; `output` is untouched.
        FileNotFoundError, FilesError, OSError: something cannot be read or written.
        PreconditionFailed: `if_none_match`, and it exists.
    """
    info = files.info(source)
    keyed = _keyed(files, source, spans, treatment)
    spans = [*spans, *keyed]
    with spooled() as sink:
        with opened(files, source) as recording:
            target = target_of(recording, info.size if info else 0, films=treatment.films)
            margins = treatment.margins.widened(target.guard)
            planned: list[Plan] = []

            def make(rate: int, channels: int) -> Cover:
                planned.append(plan(spans, rate, channels, margins))
                return Cover(planned[0], treatment.sound, rate, fade_samples(margins, rate))

            try:
                read = rewrite(recording, target, make, sink)
            except (av.error.ArgumentError, av.error.EncoderNotFoundError, av.error.ExperimentalError, av.error.NotImplementedError):
                raise AudioRejected("unsupported_audio", "its channels or sampling rate cannot be written again in this format") from None
            _fits(spans, recording, read)
            done = _summary(recording, target, read, planned[0], sink.seek(0, 2))
        if treatment.check:
            sink.seek(0)
            problem = leftover(sink, done.seconds, spans, treatment.margins, treatment.sound, lossless=target.lossless)
            if problem:
                raise AudioRejected("audio_residual", problem)
        sink.seek(0)
        url = output if isinstance(output, str) else output(target.suffix(source))
        files.write(url, sink, if_none_match=if_none_match)
    return replace(done, keyed=len(keyed))


def _keyed(files: Files, source: str, spans: Sequence[AudioSpan], treatment: Treatment) -> list[AudioSpan]:
    """Keypad tones to be covered; none are looked for where all is covered."""
    if not treatment.keypad or EVERYTHING in spans:
        return []
    return keypad_spans(files, source)


def _fits(spans: Sequence[AudioSpan], recording: Opened, read: Read) -> None:
    length = max(read.frames, recording.declared or 0) / read.rate
    if any(s.start > length + MAX_BEYOND for s in spans):
        raise AudioRejected("audio_times", "a span begins after the end of the recording, so its times belong to another one")


def _summary(recording: Opened, target: Target, read: Read, planned: Plan, size: int) -> Recording:
    cut = read.cut or (recording.declared is not None and read.frames < recording.declared - math.ceil(0.2 * read.rate))
    covered = tuple(ranges.clamped(read.frames) for ranges in planned)
    written = WRITTEN.get(target.encoder, target.encoder or recording.codec)
    video = ("copied" if target.films else "dropped") if recording.films else ""
    return Recording(
        recording.container, recording.codec.removesuffix("float"), written, read.rate, read.channels, read.frames, covered, cut, size,
        written_container=CONTAINER.get(target.muxer, target.muxer), video=video,
    )  # fmt: skip
