"""Matching of a transcript to a recording and its channels, by comparison with speech activity.

It tells whether the transcript's times belong to the recording, and which party is on which
channel.

The times are laid against the stretches in which somebody speaks, at every shift up to a minute,
with channels as they are and swapped. Where they belong together the likeness has one high peak;
with times of another recording it has none.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from callveil.schemas.json_types import JsonObject
from callveil.transforms.redact.audio.energy import MOMENT, RecordingSurvey, SpeechActivity
from callveil.transforms.redact.audio.placeholders import shift_times
from callveil.transforms.redact.audio.plan import AudioSpan
from callveil.transforms.redact.audio.span_times import channel_of, heard_on, times_of

FARTHEST = 60.0
"""Seconds of the largest shift that is looked at: a greeting, a queue's announcement."""
AS_IT_IS = 0.3
"""Seconds of shift that recognisers' habits explain: covers reach over it."""
BROAD = 1.5
"""Seconds around a peak that belong to it."""
FITS, FAINTLY, BY_CHANCE = 0.65, 0.25, 1.0
"""Likeness (correlation, -1 to 1) from which times fit as they are; where no other shift comes
near, from the second on and the third divided by the root of how many stretches of speech there
are. Of generated calls their own times have .72 and more, in loud noise half of that; those of
other calls up to .4, the more the fewer turns there are.
"""
FEW, SURELY = 8, 0.9
"""Stretches of speech below which all of the recording is to be accounted for by them, unless their
likeness channel by channel is so high.
"""
SHIFTED, SHIFTED_BY_CHANNEL = 0.55, 0.75
"""Likeness from which a shift is mended, the second where it is told channel by channel: parties
take turns in any call, so that others' are alike somewhere.
"""
AHEAD, FAR_AHEAD = 0.15, 0.25
"""By how much the best shift and way of channels is ahead of the next, the second where a shift is
mended.
"""
NEARLY = 0.1
"""By how much a shift of up to `BROAD` may be better where it is not clear: covers then reach over
it.
"""
QUIET = 0.3
"""Part of a stretch that must be heard on the channel it is said to be on."""
ALSO = 0.1
"""Seconds of sound on another channel, in which nobody is said to speak there, for which it is
covered too.
"""
UNTRANSCRIBED, AROUND, PAUSE, FAINT = 0.5, 0.4, 1.0, 15.0
"""Talk of which no row tells is covered: from so many seconds on, so far from rows, with pauses up
to so long in it, and at most so many dB below the median of what rows tell of. What is unknown is
covered wider; ringing and music are not told apart from talk.
"""
ALL_THE_TIME = 0.95
"""Part of the time from which speaking all the time tells nothing."""

Row = tuple[float, float, int]
"""Seconds from and to, and channel from 1, 0 where none is known."""


@dataclass(frozen=True, slots=True)
class TranscriptFit:
    """How the times of a transcript fit a recording.

    Attributes:
        verdict: `fits`, `swapped`, `shifted` (channels may be swapped as well), `unclear` (times
            may fit, or cannot be told; every channel is covered), `refused` (they belong to another
            recording), or `untimed`.
        channels: on which the parties are heard: `own`, where they were expected; `swapped`; `all`,
            on any of them.
        shift: seconds that are added to the times.
        reach: seconds by which covers reach further, to the end where positive, to the beginning
            where negative.
        likeness: of the times as they are used.
        untranscribed: seconds that are covered because somebody is heard of whom no row tells.
    """

    verdict: str
    channels: str = "own"
    shift: float = 0.0
    reach: float = 0.0
    likeness: float = 0.0
    untranscribed: float = 0.0

    @property
    def refused(self) -> bool:
        """Tell whether the times say nothing about this recording."""
        return self.verdict == "refused"

    def as_dict(self) -> JsonObject:
        """Return what receipts say of it."""
        return {
            "times": self.verdict,
            "heard_on": self.channels,
            "shift_seconds": self.shift,
            "likeness": round(self.likeness, 2),
            "untranscribed_seconds": round(self.untranscribed, 1),
        }

    def record(self, record: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return a record with its times as the recording has them; its channels stay."""
        if not self.shift:
            return record
        new = {
            name: [_moved(row, self.shift) for row in record[name]]
            for name in ("outline", "words")
            if record.get(name)
        }
        return {**record, **new}

    def rows(self, rows: Iterable[Row]) -> list[Row]:
        """Return times and channels as the recording has them."""
        return [
            (max(0.0, s + self.shift), max(MOMENT, e + self.shift), self._channel(c))
            for s, e, c in rows
        ]

    def spans(self, spans: Iterable[AudioSpan]) -> list[AudioSpan]:
        """Return stretches that were laid out by the times as they came, as the recording has
        them.
        """
        out = []
        for span in spans:
            start = max(
                0.0, span.start + (self.shift if span.start else 0.0)
            )  # 0 may mean that none is known
            out.append(
                AudioSpan(
                    start,
                    max(start, span.end + self.shift),
                    0 if self.channels == "all" else self._channel(span.channel),
                )
            )
        return out

    def _channel(self, channel: int) -> int:
        return 3 - channel if self.channels == "swapped" and channel in (1, 2) else channel

    def covering(
        self, spans: Iterable[AudioSpan], found: RecordingSurvey, rows: Sequence[Row]
    ) -> list[AudioSpan]:
        """Return stretches with every channel on which they may be heard.

        One whose own channel is silent is covered on all; where another channel has sound and
        nobody is said to speak there, that too: an echo, or a turn that was put on the wrong party.

        Args:
            spans: in the recording's times.
            found: of the recording.
            rows: the transcript's, in the recording's times.
        """
        if not rows:
            return list(spans)
        speech = found.speech
        out: dict[AudioSpan, None] = {}
        for span in spans:
            if self.reach and not math.isinf(span.end):
                span = AudioSpan(
                    max(0.0, span.start + min(0.0, self.reach)),
                    span.end + max(0.0, self.reach),
                    span.channel,
                )
            for channel in _channels_of(span, speech, rows):
                out[AudioSpan(span.start, span.end, channel)] = None
        return list(out)


def untranscribed_spans(found: RecordingSurvey, rows: Sequence[Row]) -> list[AudioSpan]:
    """Return stretches in which somebody is heard of whom no row tells: what a recogniser left out,
    or put where it was not said.

    Args:
        found: of the recording.
        rows: the transcript's, in the recording's times and channels; one that names no channel
            tells of every one.
    """
    speech = found.speech
    count, moments = speech.own.shape
    told = np.zeros((count, moments), np.bool_)
    for s, e, c in rows:
        which = slice(c - 1, c) if 0 < c <= count else slice(None)
        told[which, max(0, int((s - AROUND) / MOMENT)) : math.ceil((e + AROUND) / MOMENT)] = True
    known = found.levels[speech.own & told]
    faintest = float(np.median(known)) - FAINT if len(known) else -math.inf
    out = []
    for channel, (active, level) in enumerate(
        zip(speech.own & ~told & np.array(speech.telling)[:, None], found.levels, strict=True), 1
    ):
        for run in _runs(np.flatnonzero(active)):
            if len(run) * MOMENT >= UNTRANSCRIBED and float(np.median(level[run])) >= faintest:
                first, last = int(run[0]), int(run[-1]) + 1
                out.append(
                    AudioSpan(
                        max(0.0, first * MOMENT - AS_IT_IS), last * MOMENT + AS_IT_IS, channel
                    )
                )
    return out


def _runs(places: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    """Return moments that lie no more than `PAUSE` apart, together."""
    return (
        np.split(places, np.flatnonzero(np.diff(places) > PAUSE / MOMENT) + 1)
        if len(places)
        else []
    )


def timed_rows(record: Mapping[str, Any], channels: str = "own") -> list[Row]:
    """Tell when the parties speak, by a transcript's words, or by its turns where words have no
    times. `channels`: see `times.CHANNELS`.
    """
    for name in ("words", "outline"):
        rows = record.get(name) or ()
        timed = [
            (s, e, heard_on(channel_of(row), channels))
            for row in rows
            for s, e in [times_of(row)]
            if s is not None and e is not None
        ]
        if 2 * len(timed) > len(rows):
            return _gathered(timed)
    return []


def fit_transcript(found: RecordingSurvey, rows: Sequence[Row]) -> TranscriptFit:
    """Lay a transcript's times against a recording.

    Args:
        found: of the recording.
        rows: of the transcript; see `timed_rows`.
    """
    if not rows or not found.frames:
        return TranscriptFit("untimed")
    speech = found.speech
    count = len(speech.own)
    last = max(e for _, e, _ in rows)
    moments = max(
        speech.own.shape[1],
        min(math.ceil(last / MOMENT), 2 * speech.own.shape[1] + round(FARTHEST / MOMENT)),
    )
    own = np.pad(speech.own, ((0, 0), (0, moments - speech.own.shape[1]))).astype(np.float64)
    said = _said(rows, count, moments)
    anyone = said.max(axis=0, keepdims=True)
    by_channel = count > 1 and all(0 < c <= count for _, _, c in rows)
    in_turn = by_channel and said.any(axis=1).sum() > 1
    if not any(speech.telling) or (
        not in_turn and min(float(own.max(axis=0).mean()), float(anyone.mean())) > ALL_THE_TIME
    ):
        return TranscriptFit("unclear", "all")
    pairs = {"all": (own.max(axis=0, keepdims=True), anyone)} | (
        {"own": (own, said)} if by_channel else {}
    )
    pairs |= {"swapped": (own, said[::-1])} if by_channel and count == 2 else {}
    ways = {name: shift_correlation(*pair) for name, pair in pairs.items()}
    middle, near = round(FARTHEST / MOMENT), round(AS_IT_IS / MOMENT)
    if len(rows) < FEW and all(
        v[middle - near : middle + near + 1].max() < SURELY
        for name, v in ways.items()
        if name != "all"
    ):
        ways = {name: shift_correlation(*pair, whole=True) for name, pair in pairs.items()}
    return _judged(ways, min(FITS, FAINTLY + BY_CHANCE / math.sqrt(len(rows))))


def shift_correlation(
    heard: NDArray[np.float64], said: NDArray[np.float64], whole: bool = False
) -> NDArray[np.float64]:
    """Tell how alike two `(channels, moments)` of 0 and 1 are at every shift of the second, from
    `-FARTHEST` to `FARTHEST`, all channels together.

    It is their correlation from the first to the last that is said, or that is said or heard where
    the `whole` of what is heard has to be told. The silence around a call is left out: any two
    calls of one length have it in common. Where nothing is heard likeness tends to 0.
    """
    moments, most = heard.shape[1], round(FARTHEST / MOMENT)
    places = np.flatnonzero(said.any(axis=0))
    if not len(places):
        return np.zeros(2 * most + 1)
    both = np.flatnonzero(said.any(axis=0) | heard.any(axis=0)) if whole else places
    lo, hi = int(both[0]), int(both[-1]) + 1
    size = 1 << (2 * (moments + most)).bit_length()
    shifts = np.arange(-most, most + 1)
    moving = np.zeros_like(shifts) if whole else shifts
    across = np.fft.irfft(np.fft.rfft(heard, size) * np.conj(np.fft.rfft(said, size)), size)[
        :, shifts % size
    ]
    until = np.concatenate([np.zeros((len(heard), 1)), np.cumsum(heard, axis=1)], axis=1)
    within = until[:, np.clip(hi + moving, 0, moments)] - until[:, np.clip(lo + moving, 0, moments)]
    count, own = hi - lo, said.sum(axis=1, keepdims=True)
    together = (across - within * own / count).sum(axis=0)
    spread = (within - within**2 / count).sum(axis=0) * float((own - own**2 / count).sum())
    return np.asarray(together / np.sqrt(spread + (0.01 * count) ** 2))


def _judged(ways: Mapping[str, NDArray[np.float64]], enough: float) -> TranscriptFit:
    """Return the verdict on the likenesses of each way in which channels may lie."""
    most, near, broad = (round(s / MOMENT) for s in (FARTHEST, AS_IT_IS, BROAD))
    best = {name: int(v.argmax()) for name, v in ways.items()}
    peaks = {name: float(v[best[name]]) for name, v in ways.items()}
    by_channel = {name: v for name, v in peaks.items() if name != "all"}
    name = max(by_channel, key=lambda n: by_channel[n], default="all")
    others = max((v for n, v in by_channel.items() if n != name), default=-1.0)
    if peaks[name] < max(others + AHEAD, enough) and "all" in ways:
        name, others = "all", -1.0
    values, place, peak = ways[name], best[name], peaks[name]
    here = float(values[most - near : most + near + 1].max())
    elsewhere = max(
        float(values[: max(0, place - broad)].max(initial=-1)),
        float(values[place + broad + 1 :].max(initial=-1)),
    )
    ahead, shift = peak - max(elsewhere, others), round((place - most) * MOMENT, 3)
    known = (
        "unclear" if name == "all" and by_channel else "swapped" if name == "swapped" else "fits"
    )
    if abs(shift) <= AS_IT_IS and peak >= (enough if ahead >= AHEAD else FITS):
        return TranscriptFit(known, name, 0.0, shift, peak)
    if ahead >= FAR_AHEAD and peak >= (SHIFTED if name == "all" else SHIFTED_BY_CHANNEL):
        return TranscriptFit("shifted", name, shift, 0.0, peak)
    if here >= FITS and here >= peak - NEARLY and abs(shift) <= BROAD:
        return TranscriptFit(known, name, 0.0, shift, here)
    return TranscriptFit("refused", "all", likeness=here)


def _channels_of(span: AudioSpan, speech: SpeechActivity, turns: Sequence[Row]) -> list[int]:
    """Return channels on which a stretch is covered."""
    count = len(speech.heard)
    if not 0 < span.channel <= count or math.isinf(span.end):
        return [span.channel]
    if speech.share(span.channel, span.start, span.end, own=True) < QUIET:
        return [0]
    out = [span.channel]
    for channel in range(1, count + 1):
        spoken = any(
            c in (0, channel) and s - AS_IT_IS < span.end and e + AS_IT_IS > span.start
            for s, e, c in turns
        )
        if (
            channel != span.channel
            and not spoken
            and speech.share(channel, span.start, span.end) * (span.end - span.start) > ALSO
        ):
            out.append(channel)
    return out


def _said(rows: Sequence[Row], channels: int, moments: int) -> NDArray[np.float64]:
    said = np.zeros((channels, moments))
    for s, e, c in rows:
        said[c - 1 if 0 < c <= channels else 0, int(s / MOMENT) : math.ceil(e / MOMENT)] = 1
    return said


def _gathered(rows: Iterable[Row]) -> list[Row]:
    """Return rows of one channel that follow each other closely as one."""
    out: list[Row] = []
    last: dict[int, int] = {}
    for s, e, c in sorted(rows):
        n = last.get(c)
        if n is not None and s - out[n][1] <= AS_IT_IS:
            out[n] = (out[n][0], max(e, out[n][1]), c)
        else:
            last[c] = len(out)
            out.append((s, e, c))
    return out


def _moved(row: Mapping[str, Any], shift: float) -> JsonObject:
    """Return a turn or word moved; what lies before the recording begins is at its very
    beginning.
    """
    s, e = times_of(row)
    start = None if s is None else round(max(0.0, s + shift), 3)
    end = None if e is None else round(max(MOMENT, e + shift), 3)
    return {**row, "s": start, "e": end, "extra": shift_times(row.get("extra"), shift)}
