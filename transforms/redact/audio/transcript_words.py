"""Time spans of a recording to mask, as its transcript gives them.

The transcript's times and channels are first checked against the sound.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from callveil.schemas.finding import Finding
from callveil.transforms.redact.audio.align import Aligner
from callveil.transforms.redact.audio.energy import RecordingSurvey, survey_recording
from callveil.transforms.redact.audio.fit import (
    Row,
    TranscriptFit,
    fit_transcript,
    timed_rows,
    untranscribed_spans,
)
from callveil.transforms.redact.audio.placeholders import count_withheld
from callveil.transforms.redact.audio.plan import EVERYTHING, AudioSpan
from callveil.transforms.redact.audio.span_times import audio_spans, times_of
from callveil.transforms.redact.audio.word_times import add_word_times
from callveil.transforms.storage.files.filesystem import Files


@dataclass(frozen=True)
class TranscriptCoverage:
    """Stretches to be covered, and the times they rest on.

    Attributes:
        spans: stretches; None where nothing says what was said, or when.
        rows: when the parties speak by the transcript, in the same times and channels.
        fit: how the times fit the recording; None where they were not held against one.
        known: of that recording, where it was read just now.
        withheld: what was taken out of the transcript before it came, by kind; it is covered as
            well.
    """

    spans: list[AudioSpan] | None = None
    rows: tuple[Row, ...] = ()
    fit: TranscriptFit | None = None
    known: RecordingSurvey | None = field(default=None, repr=False, compare=False)
    withheld: dict[str, int] = field(default_factory=dict)

    @property
    def refused(self) -> bool:
        """Tell whether the times belong to another recording."""
        return self.fit is not None and self.fit.refused

    def held_against(self, known: RecordingSurvey, *, more: bool = True) -> TranscriptCoverage:
        """Return the same in the times and channels of a recording. Where `spans` is None nothing
        is left to be told. `more`: see `transcript_coverage`.
        """
        fitting = fit_transcript(known, self.rows)
        if fitting.refused or self.spans is None:
            return replace(self, spans=None, fit=fitting, known=known)
        return _covering(fitting.spans(self.spans), fitting, known, self.rows, self.withheld, more)


def transcript_coverage(
    files: Files,
    url: str | None,
    record: Mapping[str, Any],
    findings: Iterable[Finding],
    channels: str = "own",
    aligner: Aligner | None = None,
    known: RecordingSurvey | None = None,
    *,
    more: bool = True,
) -> TranscriptCoverage:
    """Return what of a recording is to be covered.

    Args:
        files: access to it.
        url: its path or URL; None where it is not there yet: `TranscriptCoverage.held_against` then
            does the rest.
        record: the interaction as its source gave it, with a transcript.
        findings: of it.
        channels: which channel of the recording a party is taken to be on, one of `times.CHANNELS`;
            what is heard outweighs it.
        aligner: looks for the words of turns that have no word times; None covers such turns as
            wholes.
        known: of the recording, where it was read before.
        more: cover as well where somebody is heard and the transcript says nothing.

    Raises:
        AudioRejected, FileNotFoundError, FilesError, OSError: the recording cannot be read.
    """
    findings, rows, taken = list(findings), timed_rows(record, channels), count_withheld(record)
    if url is None:
        return TranscriptCoverage(
            audio_spans(record, findings, channels), tuple(rows), withheld=taken
        )
    known = known or survey_recording(files, url)
    fitting = fit_transcript(known, rows)
    if fitting.refused:
        return TranscriptCoverage(None, tuple(rows), fitting, known, taken)
    heard, record = (
        _both(channels, fitting.channels),
        _within(fitting.record(record), known.seconds),
    )
    if aligner is not None:
        record = add_word_times(files, url, record, aligner, findings, heard)
    return _covering(audio_spans(record, findings, heard), fitting, known, rows, taken, more)


def _covering(
    spans: Iterable[AudioSpan],
    fitting: TranscriptFit,
    known: RecordingSurvey,
    rows: Iterable[Row],
    taken: dict[str, int],
    more: bool,
) -> TranscriptCoverage:
    """Return stretches with every channel on which they may be heard, and those of which the
    transcript tells nothing.
    """
    own = fitting.rows(rows)
    spans = [
        s if s.start < known.seconds else EVERYTHING for s in spans
    ]  # nobody knows when that was said
    anywhere = [(s, e, 0) for s, e, _ in own] if fitting.channels == "all" else own
    unknown = untranscribed_spans(known, anywhere) if own and more else []
    fitting = replace(fitting, untranscribed=sum(s.end - s.start for s in unknown))
    return TranscriptCoverage(
        [*fitting.covering(spans, known, own), *unknown], tuple(own), fitting, known, taken
    )


def _within(record: Mapping[str, Any], seconds: float) -> Mapping[str, Any]:
    """Return a record without times of words and turns that begin when the recording is over: they
    were never heard then.
    """
    beyond = {
        name: [
            {**row, "s": None, "e": None} if (times_of(row)[0] or 0.0) >= seconds else row
            for row in record[name]
        ]
        for name in ("outline", "words")
        if any((times_of(row)[0] or 0.0) >= seconds for row in record.get(name) or ())
    }
    return {**record, **beyond} if beyond else record


def _both(first: str, then: str) -> str:
    """Return two ways of channels, one after the other."""
    if "all" in (first, then):
        return "all"
    return "own" if first == then else "swapped"
