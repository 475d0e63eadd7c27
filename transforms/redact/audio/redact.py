"""Redacting one recording: nothing is written under its name before the whole of it is done and
looked at once more.
"""

from __future__ import annotations

import math
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import BinaryIO

import av

from callveil.transforms.redact.audio.container import AudioRejected, OpenRecording, open_recording
from callveil.transforms.redact.audio.energy import RecordingSurvey, survey_recording
from callveil.transforms.redact.audio.formats import TargetFormat, target_of
from callveil.transforms.redact.audio.masking import CoverTone, SoundCover
from callveil.transforms.redact.audio.plan import (
    EVERYTHING,
    AudioSpan,
    CoverMargins,
    Plan,
    fade_samples,
    plan_coverage,
)
from callveil.transforms.redact.audio.stream import ReadProgress, count_frames, rewrite_recording
from callveil.transforms.redact.audio.verify import verify_recording
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.files.local import temporary_file

MAX_BEYOND = 2.0
"""Seconds by which a span may begin after the end of the recording. Recognisers round, and files
lose their tail; with more, the transcript belongs to another recording, and its times say nothing
about this one.
"""


HEARINGS = 3
"""Times that a result is covered further by what a recogniser hears in it. With a recogniser that
hears something ever anew it is given up.
"""

Listen = Callable[[str], list[AudioSpan] | None]
"""Hears the recording at a local path: stretches in which personal data is said; None where it
cannot be heard.
"""

WRITTEN = {"libmp3lame": "mp3", "libopus": "opus"}
"""Codecs by encoder, where the names differ."""

CONTAINER = {"ipod": "mov", "mp4": "mov", "webm": "matroska"}
"""The same of demuxers by muxer."""


NameOf = Callable[[str], str]
"""Makes the name of a redacted recording from the suffix that fits what is written."""


@dataclass(frozen=True, slots=True)
class RecordingTreatment:
    """How recordings are redacted.

    Attributes:
        sound: what is heard instead.
        margins: how far covers reach.
        check: read the result again before it is published, and reject it where something can still
            be heard, or where what is not covered has changed.
        keypad: cover keypad tones as well, wherever they are heard.
        films: copy moving pictures as they are, instead of leaving them out.
    """

    sound: CoverTone = field(default_factory=CoverTone)
    margins: CoverMargins = field(default_factory=CoverMargins)
    check: bool = True
    keypad: bool = True
    films: bool = False


@dataclass(frozen=True, slots=True)
class RecordingResult:
    """Account of what was done with a recording.

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
        residue, changed: what the second look measured; see `verify.RecordingCheck`.
        overheard: stretches that a recogniser still heard, all of them covered then; None where
            none has listened.
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
    residue: float | None = None
    changed: float | None = None
    overheard: tuple[AudioSpan, ...] | None = None

    @property
    def seconds(self) -> float:
        """Length."""
        return self.frames / self.rate

    @property
    def covered_seconds(self) -> tuple[float, ...]:
        """Covered seconds by channel."""
        return tuple(ranges.total / self.rate for ranges in self.covered)


def examine_audio(
    files: Files,
    source: str,
    spans: Sequence[AudioSpan],
    treatment: RecordingTreatment = RecordingTreatment(),
    *,
    known: RecordingSurvey | None = None,
) -> RecordingResult:
    """Return what `redact_audio` would do, without writing. The recording is read to its end.

    Raises as `redact_audio` does.
    """
    info = files.info(source)
    before = _surveyed(files, source, spans, replace(treatment, check=False), known)
    keyed = _keyed(before, treatment)
    spans = [*spans, *keyed]
    with open_recording(files, source) as recording:
        target = target_of(recording, info.size if info else 0, films=treatment.films)
        read = count_frames(recording)
        if not read.frames:
            raise AudioRejected("empty_audio", "it holds no samples")
        _fits(spans, recording, read)
        planned = plan_coverage(
            spans, read.rate, read.channels, treatment.margins.widened(target.guard)
        )
        return replace(_summary(recording, target, read, planned, 0), keyed=len(keyed))


def redact_audio(
    files: Files,
    source: str,
    output: str | NameOf,
    spans: Sequence[AudioSpan],
    treatment: RecordingTreatment = RecordingTreatment(),
    *,
    if_none_match: bool = False,
    known: RecordingSurvey | None = None,
    listen: Listen | None = None,
) -> RecordingResult:
    """Write a recording again with stretches of it covered.

    The format follows the content, not the name. Samples outside covers and fades are bit-identical
    for PCM, G.711, FLAC and ALAC, and so are channels without covers; other codecs are encoded
    again (Vorbis as Opus), and those that FFmpeg only decodes become FLAC or WAV (see
    `formats.target_of`). Length is the same to the sample, for AAC to the frame. Tags, pictures,
    subtitles and chapters are left out, moving pictures as `treatment` says. Memory does not depend
    on the length.

    Args:
        files: access to both.
        source: path or URL of the recording.
        output: path or URL of the redacted one, or what makes it from the suffix that fits; it
            appears whole or not at all.
        spans: what must not be heard. None at all is a valid answer: the copy then only loses its
            tags.
        treatment: sound, margins and checking.
        if_none_match: only if there is no `output` yet.
        known: of the recording, with its keypad tones, where it has been read before; else it is
            read.
        listen: hears the result before anybody else can; what it still hears is covered too, and
            the result heard again.

    Raises:
        AudioRejected: the recording cannot be redacted; `output` is untouched.
        FileNotFoundError, FilesError, OSError: something cannot be read or written.
        PreconditionFailed: `if_none_match`, and it exists.
    """
    before = _surveyed(files, source, spans, treatment, known)
    keyed = _keyed(before, treatment)
    spans, overheard = [*spans, *keyed], None
    for hearing in range(HEARINGS + 1):
        with temporary_file() as sink:
            done, suffix = _made(files, source, spans, treatment, before, sink)
            more = _overheard(sink, listen, done) if listen and EVERYTHING not in spans else None
            if more and hearing == HEARINGS:
                raise AudioRejected(
                    "audio_residual",
                    "the recogniser still hears personal data, however often it is covered further",
                )
            if not more:
                sink.seek(0)
                files.write(
                    output if isinstance(output, str) else output(suffix),
                    sink,
                    if_none_match=if_none_match,
                )
                break
        overheard = [*(overheard or []), *more]
        spans = [*spans, *more]
    heard = overheard or more
    return replace(done, keyed=len(keyed), overheard=None if heard is None else tuple(heard))


def _made(
    files: Files,
    source: str,
    spans: Sequence[AudioSpan],
    treatment: RecordingTreatment,
    before: RecordingSurvey | None,
    sink: BinaryIO,
) -> tuple[RecordingResult, str]:
    """Write the redacted recording into a file that nobody sees yet, and look at it once more.
    Returns what it is, and the suffix that fits it.
    """
    info = files.info(source)
    with open_recording(files, source) as recording:
        target = target_of(recording, info.size if info else 0, films=treatment.films)
        margins = treatment.margins.widened(target.guard)
        planned: list[Plan] = []

        def make(rate: int, channels: int) -> SoundCover:
            planned.append(plan_coverage(spans, rate, channels, margins))
            return SoundCover(planned[0], treatment.sound, rate, fade_samples(margins, rate))

        try:
            read = rewrite_recording(recording, target, make, sink)
        except (
            av.error.ArgumentError,
            av.error.EncoderNotFoundError,
            av.error.ExperimentalError,
            av.error.NotImplementedError,
        ):
            raise AudioRejected(
                "unsupported_audio",
                "its channels or sampling rate cannot be written again in this format",
            ) from None
        _fits(spans, recording, read)
        done = _summary(recording, target, read, planned[0], sink.seek(0, 2))
    suffix = target.suffix(source)
    if not treatment.check:
        return done, suffix
    sink.seek(0)
    seen = verify_recording(
        sink,
        done.seconds,
        spans,
        treatment.margins,
        treatment.sound,
        done.covered,
        before,
        lossless=target.lossless,
    )
    if seen.problem:
        raise AudioRejected("audio_residual", seen.problem)
    return replace(done, residue=seen.residue, changed=seen.changed), suffix


def _overheard(sink: BinaryIO, listen: Listen, done: RecordingResult) -> list[AudioSpan] | None:
    """Return what a recogniser hears in a redacted recording that should not be heard; None where
    it could not listen.
    """
    with tempfile.NamedTemporaryFile(
        prefix="callveil-"
    ) as copy:  # for its name; nothing in it is not to be published
        sink.seek(0)
        shutil.copyfileobj(sink, copy)
        copy.flush()
        heard = listen(copy.name)
    return None if heard is None else [span for span in heard if not _hidden(span, done)]


def _hidden(span: AudioSpan, done: RecordingResult) -> bool:
    """Tell whether a stretch is covered: recognisers hear things in silence."""
    asked = plan_coverage([span], done.rate, done.channels, CoverMargins(0, 0, 0, 0), done.frames)
    return all(
        any(a <= lo and hi <= b for a, b in zip(have.starts, have.ends, strict=True))
        for have, want in zip(done.covered, asked, strict=True)
        for lo, hi in zip(want.starts, want.ends, strict=True)
    )


def _surveyed(
    files: Files,
    source: str,
    spans: Sequence[AudioSpan],
    treatment: RecordingTreatment,
    known: RecordingSurvey | None,
) -> RecordingSurvey | None:
    """Return what a reading of the recording tells; it is not read where all is covered, or nothing
    asked for it.
    """
    if EVERYTHING in spans or not (treatment.keypad or treatment.check):
        return None
    return known or survey_recording(files, source, keypad=treatment.keypad)


def _keyed(before: RecordingSurvey | None, treatment: RecordingTreatment) -> list[AudioSpan]:
    """Keypad tones to be covered."""
    return list(before.keyed) if before and treatment.keypad else []


def _fits(spans: Sequence[AudioSpan], recording: OpenRecording, read: ReadProgress) -> None:
    length = max(read.frames, recording.declared or 0) / read.rate
    if any(s.start > length + MAX_BEYOND for s in spans):
        raise AudioRejected(
            "audio_times",
            "a span begins after the end of the recording, so its times belong to another one",
        )


def _summary(
    recording: OpenRecording, target: TargetFormat, read: ReadProgress, planned: Plan, size: int
) -> RecordingResult:
    cut = read.cut or (
        recording.declared is not None
        and read.frames < recording.declared - math.ceil(0.2 * read.rate)
    )
    covered = tuple(ranges.clamped(read.frames) for ranges in planned)
    written = WRITTEN.get(target.encoder, target.encoder or recording.codec)
    video = ("copied" if target.films else "dropped") if recording.films else ""
    return RecordingResult(
        recording.container,
        recording.codec.removesuffix("float"),
        written,
        read.rate,
        read.channels,
        read.frames,
        covered,
        cut,
        size,
        written_container=CONTAINER.get(target.muxer, target.muxer),
        video=video,
    )
