"""Word times for a transcript that has none: each turn is laid over its stretch of the recording.

This is done after detection, not before. The words repeat the turns, so detection would read the
transcript twice for nothing; only turns in which something was found need times, which is what
makes alignment cheap; and the findings' places stay places in the record as its source gave it. So
the record that comes out is a side table for `times.audio_spans`, and is not stored.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from callveil.schemas.finding import Finding
from callveil.schemas.json_types import JsonObject
from callveil.transforms.redact.audio.align import RATE, Aligner, SoundAlignment
from callveil.transforms.redact.audio.container import AudioRejected
from callveil.transforms.redact.audio.pronunciations import tokens_of
from callveil.transforms.redact.audio.segments import MAX_STRETCH, SoundSegment, read_segments
from callveil.transforms.redact.audio.span_times import (
    TranscriptWord,
    TurnWords,
    channel_of,
    heard_on,
    times_of,
    turns_with,
)
from callveil.transforms.storage.files.filesystem import Files

AROUND = 0.25
"""Seconds of sound taken on either side of a turn, as far as no other turn is heard there:
recognisers cut turns close.
"""
PAUSE = 0.3
"""Seconds by which a word reaches into silence beside it: nothing is lost by covering silence, and
soft beginnings and ends of words lie there.
"""
UNSURE, GUESSED = 0.15, 0.25
"""Seconds by which a word reaches into its neighbours, the second where its sounds or those of the
word beside it were guessed from letters: of 1,500 words of generated voices 3 in 100 begin or end
more than a tenth of a second beyond where alignment puts them, most of them such words.
"""
FASTEST = 9.0
"""Words a second beyond which a turn's times are not those of its text."""


def add_word_times(
    files: Files,
    url: str,
    record: Mapping[str, Any],
    aligner: Aligner,
    findings: Iterable[Finding] | None = None,
    channels: str = "own",
) -> JsonObject:
    """Return a record with the times of its words, as far as they can be found in its recording.

    Only `words` is changed, and only where the record has none and gives times of turns. The words
    of a turn carry its number (`turn`), and reach a little beyond what was found, into silence
    above all. Turns without words stay covered as wholes by `audio_spans`: those that are not
    English, have no times, are longer than two minutes, or are not heard where they should be.
    Memory is bounded by the longest turn.

    Args:
        files: access to the recording.
        url: its path or URL.
        record: the interaction as its source gave it; it is not changed.
        aligner: kept from one record to the next.
        findings: of this record; turns without any are passed over. None aligns every turn.
        channels: which channel of the recording a party is heard on; see `times.CHANNELS`.

    Returns: the record itself where nothing could be added: a recording that cannot be read adds
        nothing, and says so when it is redacted.

    Raises:
        FileNotFoundError, FilesError, OSError: the recording cannot be reached.
    """
    turns: Sequence[Mapping[str, Any]] = record.get("outline") or []
    if (
        not turns
        or record.get("words")
        or not str(record.get("language") or "en").lower().startswith("en")
    ):
        return dict(record)
    needed = turns_with(record, findings) if findings is not None else range(len(turns))
    times = [(*times_of(turn), channel_of(turn)) for turn in turns]
    chosen = [
        (n, stretch)
        for n in sorted(needed)
        if n < len(turns) and (stretch := _stretch(turns[n], n, times, channels))
    ]
    found: dict[int, list[TranscriptWord]] = {}
    try:
        for place, sound in read_segments(files, url, [s for _, s in chosen], RATE):
            n, stretch = chosen[place]
            aligned = aligner.align(sound, str(turns[n].get("text") or ""))
            if aligned.confidence >= aligner.threshold:
                found[n] = list(_words(turns[n], n, stretch, aligned))
    except AudioRejected:
        return dict(record)
    return (
        {**record, "words": TurnWords(word for n in sorted(found) for word in found[n])}
        if found
        else dict(record)
    )


def _stretch(
    turn: Mapping[str, Any],
    n: int,
    times: Sequence[tuple[float | None, float | None, int]],
    channels: str,
) -> SoundSegment | None:
    """Return the stretch of the recording in which turn `n` is looked for; None where it cannot be.
    `times` are start, end and channel of all turns.
    """
    (start, end, channel), text = times[n], turn.get("text")
    if (
        start is None
        or end is None
        or not isinstance(text, str)
        or not text
        or end - start > MAX_STRETCH - 2 * AROUND
    ):
        return None
    if len(tokens_of(text)) > max(1.0, (end - start + 2 * AROUND) * FASTEST):
        return None
    others = [
        (s, e) for i, (s, e, c) in enumerate(times) if i != n and (not channel or c in (0, channel))
    ]
    before = max(
        (e for s, e in others if e is not None and s is not None and s < start), default=0.0
    )
    after = min((s for s, _ in others if s is not None and s > start), default=math.inf)
    return SoundSegment(
        max(0.0, start - AROUND, min(before, start)),
        min(end + AROUND, max(after, end)),
        heard_on(channel, channels),
    )


def _words(
    turn: Mapping[str, Any], n: int, stretch: SoundSegment, aligned: SoundAlignment
) -> Iterator[TranscriptWord]:
    tokens = tokens_of(str(turn["text"]))
    guessed = [False, *(h.guessed for h in aligned.heard), False]
    for i, heard in enumerate(aligned.heard):
        left, right = (
            GUESSED if guessed[i + 1] or guessed[i + 2 * side] else UNSURE for side in (0, 1)
        )
        s = stretch.start + min(heard.s, max(heard.before, heard.s - PAUSE)) - left
        e = stretch.start + max(heard.e, min(heard.after, heard.e + PAUSE)) + right
        yield {
            "word": tokens[heard.token],
            "s": round(max(0.0, s), 3),
            "e": round(e, 3),
            "channel": turn.get("channel"),
            "speaker": turn.get("speaker"),
            "confidence": round(aligned.confidence, 3),
            "turn": n,
        }
