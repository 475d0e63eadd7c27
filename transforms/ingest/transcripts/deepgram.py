"""Deepgram, pre-recorded: `{metadata, results: {channels: [{alternatives: [{transcript, words,
paragraphs?}]}], utterances?}}`.

Shapes from Deepgram's guides "Utterances" and "Paragraphs" and its response reference. Turns come
from `utterances`, else from `paragraphs`, else words are gathered. With two or more channels,
channel 0 is the external party (1) and channel 1 the business (2); with one channel the index says
nothing about the party, so none is set.

Not kept: `transcript`, `paragraphs` and `utterances` where every text in them was used, and a
word's plain form where it differs from `punctuated_word` in case and punctuation only.
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
    letters_and_digits,
    require_objects,
    text_of,
    uncovered_members,
    used_text,
    without_members,
)


class Deepgram:
    """A pre-recorded response."""

    @staticmethod
    def recognise(doc: Any) -> bool:
        """Tell whether `doc` has this shape."""
        results = doc.get("results") if isinstance(doc, Mapping) else None
        return isinstance(results, Mapping) and isinstance(results.get("channels"), list)

    @staticmethod
    def convert(doc: Mapping[str, Any]) -> Transcript:
        """Return rows of a response. Raises FieldError where a list or object has another type."""
        results = doc["results"]
        channels = require_objects(results["channels"], "outline")
        many = len(channels) > 1
        words: list[JsonObject] = []
        paragraphs: list[JsonObject] = []
        language = ""
        for n, channel in enumerate(channels):
            alternatives = require_objects(channel.get("alternatives"), "outline")
            best = alternatives[0] if alternatives else {}
            place = n + 1 if many else None
            words += [_word(w, place) for w in require_objects(best.get("words"), "words")]
            paragraphs += _paragraphs(best.get("paragraphs"), place)
            language = language or language_code(channel.get("detected_language"))
        spoken = require_objects(results.get("utterances"), "outline")
        if not words:
            words = [
                _word(w, _place(u, many))
                for u in spoken
                for w in require_objects(u.get("words"), "words")
            ]
        words = by_time(words)
        utterances = [_utterance(u, _place(u, many)) for u in spoken]
        outline = by_time(utterances or paragraphs) or group_turns(words)
        used = used_text(outline, words)
        left, flat = _left(channels, used, bool(outline), language)
        rest = without_members(results, "channels", "utterances") | (
            {"channels": left} if left else {}
        )
        repeated = [{"words": u["words"]} for u in spoken if not is_covered(u.get("words"), used)]
        if repeated:
            rest["utterances"] = repeated
        return Transcript(
            outline,
            words,
            flat,
            language,
            without_members(doc, "results") | ({"results": rest} if rest else {}),
        )


def _place(utterance: Mapping[str, Any], many: bool) -> int | None:
    index = utterance.get("channel")
    return index + 1 if many and isinstance(index, int) and not isinstance(index, bool) else None


def _word(word: Mapping[str, Any], channel: int | None) -> JsonObject:
    plain, written = word.get("word"), word.get("punctuated_word")
    shown = plain if written is None else written
    differs = (
        isinstance(plain, str)
        and isinstance(shown, str)
        and letters_and_digits(plain) != letters_and_digits(shown)
    )
    return (
        without_members(
            word, "word", "punctuated_word", "start", "end", "confidence", "speaker", "channel"
        )
        | ({"plain_word": plain} if differs else {})
        | {
            "word": text_of(shown),
            "s": word.get("start"),
            "e": word.get("end"),
            "confidence": word.get("confidence"),
        }
        | {"channel": channel, "speaker": word.get("speaker")}
    )


def _utterance(row: Mapping[str, Any], channel: int | None) -> JsonObject:
    return without_members(row, "transcript", "words", "start", "end", "channel", "speaker") | {
        "text": text_of(row.get("transcript")),
        "s": row.get("start"),
        "e": row.get("end"),
        "channel": channel,
        "speaker": row.get("speaker"),
    }


def _paragraphs(value: Any, channel: int | None) -> list[JsonObject]:
    rows: list[JsonObject] = []
    for p in (
        require_objects(value.get("paragraphs"), "outline") if isinstance(value, Mapping) else []
    ):
        sentences = require_objects(p.get("sentences"), "outline")
        spare = [s for s in (without_members(s, "text", "start", "end") for s in sentences) if s]
        rows.append(
            without_members(p, "sentences", "start", "end", "speaker", "num_words")
            | ({"sentences": spare} if spare else {})
            | {
                "text": " ".join(str(s.get("text", "")) for s in sentences),
                "s": p.get("start"),
                "e": p.get("end"),
            }
            | {"channel": channel, "speaker": p.get("speaker")}
        )
    return rows


def _left(
    channels: list[Mapping[str, Any]], used: str, have_turns: bool, language: str
) -> tuple[list[JsonObject], str]:
    """Return what of the channels was not used, and the flat transcript where there are no turns at
    all.
    """
    left: list[JsonObject] = []
    flat: list[str] = []
    for channel in channels:
        alternatives = require_objects(channel.get("alternatives"), "outline")
        kept = without_members(
            channel, "alternatives", *(("detected_language",) if language else ())
        )
        spare: list[JsonObject] = []
        for n, alternative in enumerate(alternatives):
            copies = {
                k: alternative[k]
                for k in ("transcript", "paragraphs", *(("words",) if n else ()))
                if first_present(alternative, k) is not None
            }
            if n == 0 and not have_turns and isinstance(copies.get("transcript"), str):
                flat.append(copies.pop("transcript"))
            extra = without_members(
                alternative, "transcript", "paragraphs", "words", "confidence"
            ) | uncovered_members(copies, used)
            if extra:
                spare.append(extra)
        if spare:
            kept["alternatives"] = spare
        if kept:
            left.append(kept)
    return left, "\n".join(f for f in flat if f.strip())
