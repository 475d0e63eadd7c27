"""Building blocks of the adapters whose formats are lists of phrases with words in them, or of
words alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from callveil.schemas.json_types import JsonObject
from callveil.transforms.ingest.transcripts.common import (
    Transcript,
    as_key,
    by_time,
    first_present,
    group_turns,
    is_covered,
    language_code,
    parse_number,
    seconds_of_millis,
    text_of,
    used_text,
)

_SPAN = re.compile(r"P(?:(\d+)D)?T?(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?\Z", re.ASCII)
_TICKS = 10_000_000
"""Ticks of a second, as Azure counts."""
_CLOCK = re.compile(r"(\d{1,3}):(\d{2}):(\d{2}(?:[.,]\d{1,6})?)", re.ASCII)
_NUMBERED = re.compile(r"(?:ch(?:annel)?)[_ ]?(\d+)\Z", re.IGNORECASE)


@dataclass
class Utterance:
    """Stretch of speech of one party without a break.

    Attributes:
        text: as it is shown; empty where words alone are given.
        s: start in seconds. e: end in seconds. None where the format gives none.
        speaker: label. channel: from 1; None where nothing tells.
        words: rows of `schemas.interaction.WORD`.
    """

    text: Any = None
    s: Any = None
    e: Any = None
    speaker: Any = None
    channel: int | None = None
    words: list[JsonObject] = field(default_factory=list)


def make_word(text: Any, s: Any, e: Any, confidence: Any = None) -> JsonObject:
    """Return a row of a word; whose it is comes from its utterance."""
    return {"word": text_of(text), "s": s, "e": e, "confidence": confidence}


def make_transcript(
    said: Iterable[Utterance], doc: Any, used: Iterable[str], language: Any = None
) -> Transcript:
    """Return the transcript that utterances add up to.

    Args:
        said: utterances in any order.
        doc: the document. What of it says something that no utterance says is kept as `rest`.
        used: names of members that hold times, labels or settings and are left out of `rest`, at
            any depth.
        language: as the document names it.
    """
    outline, words = [], []
    for u in said:
        whose = {"speaker": u.speaker, "channel": u.channel}
        words += [w | {k: v for k, v in whose.items() if w.get(k) is None} for w in u.words]
        if isinstance(u.text, str) and u.text.strip():
            outline.append({"text": u.text.strip(), "s": u.s, "e": u.e, **whose})
    words = by_time(words)
    outline = by_time(outline) or group_turns(words)
    parties: dict[Any, list[JsonObject]] = {}
    for row in outline:
        parties.setdefault(as_key(row.get("speaker"), row.get("channel")), []).append(row)
    told = "\n".join((used_text(outline, words), *map(used_text, parties.values())))
    rest = _left(doc, told, frozenset(used))
    return Transcript(outline, words, "", language_code(language), rest)


def _left(value: Any, said: str, used: frozenset[str]) -> Any:
    """Return what of a value was not read: members and items that hold a text nobody said; None
    where there is none.
    """
    if isinstance(value, Mapping):
        kept = {
            k: v
            for k, m in value.items()
            if k not in used and (v := _left(m, said, used)) is not None
        }
        return kept or None
    if isinstance(value, list | tuple):
        return [v for item in value if (v := _left(item, said, used)) is not None] or None
    return None if value is None or value == "" or is_covered(value, said) else value


def word_utterances(rows: Iterable[JsonObject]) -> list[Utterance]:
    """Return words alone, each of which names its own speaker and channel: `make_transcript` makes
    turns of them.
    """
    return [Utterance(words=list(rows))]


def attach_punctuation(rows: list[JsonObject], mark: Any) -> None:
    """Put a punctuation mark behind the last word."""
    if rows and isinstance(mark, str):
        rows[-1]["word"] = f"{rows[-1]['word']}{mark.strip()}"


def seconds_in(members: Mapping[str, Any], name: str) -> float | None:
    """Return seconds of the first of a member's forms: ticks, milliseconds, ISO 8601 (`PT1.5S`),
    `1.5s`, seconds and nanoseconds, a number.
    """
    for suffix, parts in (
        ("InTicks", _TICKS),
        ("Milliseconds", 1000),
        ("InMs", 1000),
        ("Ms", 1000),
    ):
        found = parse_number(members.get(name + suffix))
        if found is not None:
            return found / parts
    return parse_duration(members.get(name))


def start_and_end(members: Mapping[str, Any], start: str, end: str) -> tuple[Any, Any]:
    """Start and end in seconds of two members that count milliseconds."""
    return seconds_of_millis(members.get(start)), seconds_of_millis(members.get(end))


def parse_duration(value: Any) -> float | None:
    """Return seconds of a duration in any of these forms; None where it is none of them."""
    if isinstance(value, Mapping):
        millis = parse_number(value.get("milliseconds"))
        if millis is not None:
            return millis / 1000
        return (parse_number(value.get("seconds")) or 0.0) + (
            parse_number(value.get("nanos")) or 0.0
        ) / 1e9
    if not isinstance(value, str):
        return parse_number(value)
    span = _SPAN.match(value)
    if span and any(span.groups()):
        days, hours, minutes, secs = (float(part or 0) for part in span.groups())
        return timedelta(days, secs, 0, 0, minutes, hours).total_seconds()
    return parse_number(value.removesuffix("s"))


def end_time(start: float | None, length: float | None) -> float | None:
    """Return the end of what starts and lasts so long, rounded to microseconds."""
    return None if start is None or length is None else round(start + length, 6)


def channel_from_zero(index: Any) -> int | None:
    """Return a channel from 1 of one that is counted from 0."""
    return index + 1 if isinstance(index, int) and not isinstance(index, bool) else None


def channel_from_one(index: Any) -> int | None:
    """Return a channel that is counted from 1, as a number or text (`channel_2`); None where it is
    neither or 0.
    """
    if isinstance(index, str):
        label = _NUMBERED.match(index.strip())
        index = (
            int(label[1]) if label else int(index) if index.isascii() and index.isdigit() else None
        )
    return index if isinstance(index, int) and not isinstance(index, bool) and index > 0 else None


def timecode_seconds(value: Any) -> Any:
    """Return seconds of `hh:mm:ss,mmm` or `hh:mm:ss.mmm`; anything else as it is."""
    match = _CLOCK.fullmatch(value.strip()) if isinstance(value, str) else None
    return (
        int(match[1]) * 3600 + int(match[2]) * 60 + float(match[3].replace(",", "."))
        if match
        else value
    )


def have_members(value: Any, *names: str) -> bool:
    """Tell a list of objects, not empty, that all have one of these members."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(r, Mapping) and first_present(r, *names) is not None for r in value)
    )


def any_object(value: Any, test: Callable[[Mapping[str, Any]], bool]) -> bool:
    """Tell a list of objects alone of which one at least passes a test."""
    return (
        isinstance(value, list)
        and all(isinstance(r, Mapping) for r in value)
        and any(test(r) for r in value)
    )
