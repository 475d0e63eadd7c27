"""Whisper and its relatives: openai-whisper, faster-whisper, WhisperX, and the transcription API's
`verbose_json`.

Shapes: `{text, language, segments: [{start, end, text, words?: [{word, start, end, probability}],
    speaker?, ...}]}`, or `words` at the top where only
word times were asked for. WhisperX writes `score` and `word_segments`.

Not kept: `tokens`, which are the same words as numbers of the model's vocabulary (so they would
carry them past redaction), and top-level `text`, `words` and `word_segments` where every text in
them was used.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from callveil.schemas.json_types import JsonObject
from callveil.transforms.ingest.transcripts.common import (
    Transcript,
    by_time,
    first_present,
    group_turns,
    is_covered,
    language_code,
    require_objects,
    role_channel,
    text_of,
    uncovered_members,
    used_text,
    without_members,
)

_TIMES = ("start", "end")


class Whisper:
    """`{text, language, segments}`."""

    @staticmethod
    def recognise(doc: Any) -> bool:
        """Tell whether `doc` has this shape."""
        if not isinstance(doc, Mapping) or "results" in doc:
            return False
        return _timed(doc.get("segments"), "text") or (
            "text" in doc and _timed(doc.get("words"), "word")
        )

    @staticmethod
    def convert(doc: Mapping[str, Any]) -> Transcript:
        """Return rows of a Whisper result. Raises FieldError where a list or object has another
        type.
        """
        outline: list[JsonObject] = []
        words: list[JsonObject] = []
        for segment in require_objects(doc.get("segments"), "outline"):
            speaker = segment.get("speaker")
            channel = first_present(segment, "channel")
            channel = role_channel(speaker) if channel is None else channel
            words += [
                word_row(w, speaker, channel)
                for w in require_objects(segment.get("words"), "words")
            ]
            outline.append(
                without_members(segment, "text", "words", "tokens", "speaker", "channel", *_TIMES)
                | {
                    "speaker": speaker,
                    "channel": channel,
                    "text": text_of(segment.get("text")),
                    "s": segment.get("start"),
                    "e": segment.get("end"),
                }
            )
        if not words:
            words = [
                word_row(w, None, None)
                for w in require_objects(first_present(doc, "words", "word_segments"), "words")
            ]
        words = by_time(words)
        outline = by_time(outline) or group_turns(words)
        used = used_text(outline, words)
        language = language_code(doc.get("language"))
        rest = without_members(
            doc, "text", "segments", "words", "word_segments", *(("language",) if language else ())
        )
        rest |= uncovered_members({k: doc[k] for k in ("words", "word_segments") if k in doc}, used)
        flat = doc.get("text")
        if isinstance(flat, str) and is_covered(flat, used):
            flat = None
        if flat is not None and not isinstance(flat, str):
            rest["text"], flat = flat, None
        return Transcript(outline, words, flat or "", language, rest)


def word_row(word: Mapping[str, Any], speaker: Any, channel: Any) -> JsonObject:
    """Return a word of any recogniser that writes `{word, start, end, probability | score |
    confidence}`; its own speaker and channel win.
    """
    own = first_present(word, "channel")
    return without_members(
        word,
        "word",
        "text",
        "start",
        "end",
        "s",
        "e",
        "probability",
        "score",
        "confidence",
        "speaker",
        "channel",
    ) | {
        "word": text_of(first_present(word, "word", "text")),
        "s": first_present(word, "s", "start"),
        "e": first_present(word, "e", "end"),
        "confidence": first_present(word, "confidence", "probability", "score"),
        "speaker": first_present(word, "speaker") or speaker,
        "channel": channel if own is None else own,
    }


def _timed(rows: Any, text: str) -> bool:
    return (
        isinstance(rows, list)
        and bool(rows)
        and all(isinstance(r, Mapping) and text in r and "start" in r for r in rows)
    )
