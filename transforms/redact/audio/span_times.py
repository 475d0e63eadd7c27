"""Mapping of transcript findings to time spans of the recording.

Where the transcript gives the time of each word, those words are covered; else the turn they stand
in; where a turn has no time either, the rest of the recording, or all of it. What is not known is
covered.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NotRequired, TypedDict

from callveil.schemas.finding import WHOLE, Finding
from callveil.schemas.recording_settings import CHANNELS
from callveil.transforms.detect.align import align_texts, speaker_labels
from callveil.transforms.detect.text_fields import walk
from callveil.transforms.redact.audio.placeholders import find_placeholders, withheld_times
from callveil.transforms.redact.audio.plan import EVERYTHING, AudioSpan

TRANSCRIPTS = frozenset({"outline", "words", "transcription_text"})
_PLACE = re.compile(r"(outline|words)\[(\d+)\]\.(.+)")
_BESIDE = re.compile(r"(outline|words)\[(\d+)\]\.extra\b.*")
_WORD = re.compile(r"[^\W\d_]+")
_UNSPACED = re.compile(r"[\u2e80-\u9fff\u0e00-\u0eff]")
"""Signs of scripts that put no blanks between words."""
TALK = 3
"""Words from which on what a source says beside a turn may be talk that its text does not hold."""
SLACK = 0.5
"""Seconds by which a word may lie outside its turn's times and still be taken for one of it."""

Row = Mapping[str, Any]


class TranscriptTurn(TypedDict):
    """A turn as it was heard: who spoke, what, on which channel, and from and to which second."""

    speaker: str
    text: str
    channel: int
    s: float
    e: float


class TranscriptWord(TypedDict):
    """A word as it was heard, with the recogniser's or aligner's confidence in its times.

    Channel and speaker are those of its turn, `turn` the turn's number where it is known.
    """

    word: str
    s: float
    e: float
    channel: Any
    speaker: Any
    confidence: float
    turn: NotRequired[int]


class TurnWords(list[TranscriptWord]):
    """Words of a record that name in `turn` the turn of `outline` they were found in, so that they
    need not be looked up by their times.
    """


def audio_spans(
    record: Mapping[str, Any], findings: Iterable[Finding], channels: str = "own"
) -> list[AudioSpan]:
    """Return stretches of the recording in which what was replaced in the transcript is heard, and
    what was taken out of it before (`find_placeholders`).

    Args:
        record: the interaction as its source gave it: the findings' places are places in its texts.
        findings: of this interaction. Those that were kept, and those in other fields than the
            transcript's, count for nothing.
        channels: one of `CHANNELS`.

    Returns: spans, with repetitions where copies of the transcript hold the same words.
        `EVERYTHING` is among them where nothing says when a finding was heard.

    Raises:
        ValueError: `channels` is none of `CHANNELS`.
    """
    if channels not in CHANNELS:
        raise ValueError(f"channels must be one of {', '.join(CHANNELS)}")
    places = _Places(record)
    out: dict[AudioSpan, None] = {}
    found: Iterable[tuple[str, int | None, int | None]] = (
        (f.field_path, f.span_start, f.span_end)
        for f in findings
        if f.status != "kept"
        and re.split(r"[.\[{]", f.field_path, maxsplit=1)[0] in TRANSCRIPTS
        and not (f.detector == WHOLE and places.is_beside(f.field_path))
    )
    for path, begin, stop in (*found, *find_placeholders(record)):
        for start, end, channel in places.of(path, begin, stop):
            out[AudioSpan(start, end, heard_on(channel, channels))] = None
    for n, start, end in withheld_times(record):
        channel = heard_on(channel_of(record["outline"][n]), channels)
        out[AudioSpan(start, end, channel)] = None
    return list(out)


def turns_with(record: Mapping[str, Any], findings: Iterable[Finding]) -> set[int]:
    """Return numbers of the turns of `outline` in which something is to be covered, by the same
    reading of the findings as `audio_spans`.
    """
    places = _Places(record)
    out: set[int] = set()
    for f in findings:
        if f.status != "kept":
            out.update(places.turns_of(f.field_path, f.span_start, f.span_end))
    return out


Place = tuple[float, float, int]
"""Seconds from and to, and channel, 0 where none is known."""

ALL: Place = (EVERYTHING.start, EVERYTHING.end, EVERYTHING.channel)


class _Places:
    """The texts of one transcript and the times they give."""

    def __init__(self, record: Mapping[str, Any]) -> None:
        self.turns: Sequence[Row] = record.get("outline") or []
        self.words: Sequence[Row] = record.get("words") or []
        self.flat = str(record.get("transcription_text") or "")
        self._flat: _Copy | None = None
        self._leaves: dict[str, str] | None = None
        self._turn_words: dict[int, tuple[_Copy, list[int]]] = {}

    def of(self, path: str, start: int | None, end: int | None) -> Iterator[Place]:
        match = _PLACE.fullmatch(path)
        if path == "transcription_text" and start is not None and end is not None:
            yield from self._in_flat(start, end)
        elif match is None:
            yield ALL  # a whole transcript was taken out
        elif match[3] == "speaker":
            return  # a label; nobody said it
        elif match[1] == "words":
            yield self._word(int(match[2]))
        elif match[3] == "text" and start is not None and end is not None:
            yield from self._in_turn(int(match[2]), start, end)
        else:
            yield self._turn(int(match[2]))

    def is_beside(self, path: str) -> bool:
        """Tell whether a value of a row says nothing of what is heard: ids, confidences, labels, or
        the words of the row's own text again.
        """
        match = _BESIDE.fullmatch(path)
        if match is None or match[0].endswith(".key"):
            return match is not None
        rows, own = (self.turns, "text") if match[1] == "outline" else (self.words, "word")
        row = rows[int(match[2])] if int(match[2]) < len(rows) else {}
        said = set(_WORD.findall(str(row.get(own) or "").casefold()))
        if not said:
            return False
        if self._leaves is None:
            leaves = walk({"outline": self.turns, "words": self.words})
            self._leaves = {
                leaf.shown: leaf.text
                for leaf in leaves
                if not leaf.key and _BESIDE.fullmatch(leaf.shown)
            }
        texts = [
            text
            for shown, text in self._leaves.items()
            if shown == path or shown.startswith((path + "{", path + "["))
        ]
        parts = [
            part for text in texts for part in _UNSPACED.sub(r" \g<0> ", text.casefold()).split()
        ]  # `text.segment` is one
        return sum(any(c.isalpha() for c in part) for part in parts) < TALK or said.issuperset(
            w for part in parts for w in _WORD.findall(part)
        )

    def turns_of(self, path: str, start: int | None, end: int | None) -> Iterator[int]:
        """Yield turns in which a finding stands; none where it is covered by other times than
        theirs.
        """
        match = _PLACE.fullmatch(path)
        if path == "transcription_text" and start is not None and end is not None and self.turns:
            yield from (n for n, _, _ in self._lined().pieces(start, end))
        elif match and match[1] == "outline" and match[3] == "text":
            yield int(match[2])

    def _word(self, n: int) -> Place:
        if n >= len(self.words):
            return ALL
        word = self.words[n]
        channel = channel_of(word)
        start, end = times_of(word)
        if start is not None and end is not None:
            return start, end, channel
        # Words stand in the order of their times, so one without lies between its timed neighbours.
        same = (
            [w for w in self.words if channel_of(w) in (0, channel)]
            if channel
            else list(self.words)
        )
        here = next(i for i, w in enumerate(same) if w is word)
        lo = (
            start
            if start is not None
            else max((e for w in same[:here] if (e := times_of(w)[0]) is not None), default=0.0)
        )
        after = [s for w in same[here + 1 :] if (s := times_of(w)[0]) is not None and s >= lo]
        return lo, end if end is not None else min(after, default=self._over(channel, lo)), channel

    def _over(self, channel: int, start: float) -> float:
        """Tell when a party's last turn is over: no word of theirs comes later. Never, where a turn
        of theirs has no end.
        """
        ends = [times_of(t)[1] for t in self.turns if not channel or channel_of(t) in (0, channel)]
        known = [e for e in ends if e is not None]
        return max(known) if known and len(known) == len(ends) and max(known) > start else math.inf

    def _turn(self, n: int) -> Place:
        if n >= len(self.turns):
            return ALL
        turn = self.turns[n]
        channel = channel_of(turn)
        start, end = times_of(turn)
        if end is None and start is not None:
            # A party's turn is over when its next one begins; who spoke is known only where
            # channels are.
            later = [
                s
                for i, t in enumerate(self.turns)
                if i > n
                and channel
                and channel_of(t) == channel
                and (s := times_of(t)[0]) is not None
                and s > start
            ]
            end = min(later, default=math.inf)
        return start if start is not None else 0.0, end if end is not None else math.inf, channel

    def _in_turn(self, n: int, start: int, end: int) -> Iterator[Place]:
        if n >= len(self.turns):
            yield ALL
            return
        if n not in self._turn_words:
            chosen = self._words_of(n)
            self._turn_words[n] = (
                _Copy(
                    [str(self.words[i].get("word") or "") for i in chosen],
                    str(self.turns[n].get("text") or ""),
                    " ",
                ),
                chosen,
            )
        copy, chosen = self._turn_words[n]
        pieces = copy.pieces(start, end)
        places = [self._word(chosen[i]) for i, _, _ in pieces]
        turn = self._turn(n)
        if not places or any(
            times_of(self.words[chosen[i]]) == (None, None) or math.isinf(p[1])
            for (i, _, _), p in zip(pieces, places, strict=True)
        ):
            yield turn
            return
        yield from ((a, b, channel or turn[2]) for a, b, channel in places)

    def _words_of(self, n: int) -> list[int]:
        turn = self.turns[n]
        if isinstance(self.words, TurnWords):
            return [i for i, word in enumerate(self.words) if word.get("turn") == n]
        start, end = times_of(turn)
        channel, speaker = channel_of(turn), turn.get("speaker")
        lo, hi = (
            start - SLACK if start is not None else 0.0,
            end + SLACK if end is not None else math.inf,
        )
        chosen = []
        for i, word in enumerate(self.words):
            a, b = times_of(word)
            middle = (a + b) / 2 if a is not None and b is not None else a if a is not None else b
            if channel and channel_of(word) not in (0, channel):
                continue
            if not channel and speaker and word.get("speaker") not in (None, speaker):
                continue
            if middle is None or lo <= middle <= hi:
                chosen.append(i)
        return chosen

    def _in_flat(self, start: int, end: int) -> Iterator[Place]:
        if any(a <= start and end <= b for a, b in speaker_labels(self.flat, self._speakers())):
            return  # a label; nobody said it
        pieces = self._lined().pieces(start, end)
        if not pieces:
            yield ALL
        for n, a, b in pieces:
            if self.turns:
                yield from self._in_turn(n, a, b)
            else:
                yield self._word(n)

    def _speakers(self) -> frozenset[str]:
        return frozenset(
            str(t["speaker"]).lower() for t in (*self.turns, *self.words) if t.get("speaker")
        )

    def _lined(self) -> _Copy:
        """Return the flat text, lined up with turns, or with words where there are no turns."""
        if self._flat is None:
            rows, name = (self.turns, "text") if self.turns else (self.words, "word")
            self._flat = _Copy(
                [str(r.get(name) or "") for r in rows],
                self.flat,
                "\n" if self.turns else " ",
                self._speakers(),
            )
        return self._flat


class _Copy:
    """A text that repeats what pieces say, lined up with them.

    Args:
        pieces: turns or words.
        text: the text.
        between: what stands between two pieces.
        speakers: labels of speakers in `text`, lower case.
    """

    def __init__(
        self, pieces: Sequence[str], text: str, between: str, speakers: frozenset[str] = frozenset()
    ) -> None:
        self.text, self.starts = text, []
        at = 0
        for piece in pieces:
            self.starts.append(at)
            at += len(piece) + len(between)
        self.ends = [a + len(p) for a, p in zip(self.starts, pieces, strict=True)]
        lined = align_texts(between.join(pieces), text, speakers)
        self.partner = dict(zip(lined.right, lined.left, strict=True))

    def pieces(self, start: int, end: int) -> list[tuple[int, int, int]]:
        """Tell which pieces hold `text[start:end]`: number, and place within; none where a letter
        or digit of it stands in no piece.
        """
        letters = [i for i in range(start, min(end, len(self.text))) if self.text[i].isalnum()]
        if not letters or any(i not in self.partner for i in letters):
            return []
        found = sorted(self.partner[i] for i in letters)
        return [
            (n, max(a, found[0]) - a, min(b, found[-1] + 1) - a)
            for n, (a, b) in enumerate(zip(self.starts, self.ends, strict=True))
            if a <= found[-1] and b > found[0]
        ]


def times_of(row: Row) -> tuple[float | None, float | None]:
    """Return start and end in seconds where they can be times; an end that is not behind its start
    says nothing.
    """
    start, end = (
        float(v) if isinstance(v, int | float) and math.isfinite(v) and v >= 0 else None
        for v in (row.get("s"), row.get("e"))
    )
    return (start, end) if start is None or end is None or start < end else (None, None)


def channel_of(row: Row) -> int:
    """Return channel, from 1; 0 where none is given."""
    channel = row.get("channel")
    return channel if isinstance(channel, int) and channel > 0 else 0


def heard_on(channel: int, channels: str) -> int:
    """Return the recording's channel on which a transcript's is heard, 0 for every one. `channels`:
    one of `CHANNELS`.
    """
    if channels == "all":
        return 0
    return 3 - channel if channels == "swapped" and channel in (1, 2) else channel
