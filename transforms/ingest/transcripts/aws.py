"""Amazon Transcribe: standard jobs, and Call Analytics (post-call).

Shapes from the Amazon Transcribe developer guide ("Data input and output", "Example channel
identification output", "Example diarization output", "Post-call analytics output"). Times of
standard jobs are texts in seconds, of Call Analytics integers in milliseconds.

Not kept, because their content is closed or a copy: an item's `type`, ordinal `id`, and
`channel_label`/`speaker_label` (they become channel and speaker); `transcripts`, `channel_labels`,
`speaker_labels`, `audio_segments` and `segments` where every text in them was used.
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
    language_code,
    parse_number,
    require_objects,
    role_channel,
    seconds_of_millis,
    text_of,
    uncovered_members,
    used_text,
    without_members,
)

_COPIES = ("transcripts", "channel_labels", "speaker_labels", "audio_segments", "segments")
_TYPES = ("pronunciation", "punctuation")


class Standard:
    """`{jobName, accountId, results: {transcripts, items, speaker_labels?, channel_labels?,
    audio_segments?}}`.
    """

    @staticmethod
    def recognise(doc: Any) -> bool:
        """Tell whether `doc` has this shape."""
        results = doc.get("results") if isinstance(doc, Mapping) else None
        return (
            isinstance(results, Mapping)
            and "channels" not in results
            and ("items" in results or "transcripts" in results)
        )

    @staticmethod
    def convert(doc: Mapping[str, Any]) -> Transcript:
        """Return rows of a standard job. Raises FieldError where a list or object has another
        type.
        """
        results = doc["results"]
        speakers = _speakers(results.get("speaker_labels"))
        tracks = _tracks(results)
        language = language_code(
            first_present(results, "language_code")
            or first_present(doc, "language_code", "LanguageCode")
        )
        words: list[JsonObject] = []
        for channel, items in tracks:
            words += _words(items, channel, speakers, language)
        words = by_time(words)
        outline = group_turns(words)
        used = used_text(outline, words)
        rest = without_members(results, "items", "language_code", *_COPIES) | uncovered_members(
            {k: results[k] for k in _COPIES if k in results}, used
        )
        outer = without_members(doc, "results", *(("language_code",) if language else ()))
        text = (
            ""
            if words
            else "\n".join(
                str(t["transcript"])
                for t in require_objects(results.get("transcripts"), "outline")
                if t.get("transcript")
            )
        )
        if text:
            rest.pop("transcripts", None)
        return Transcript(
            outline, words, text, language, outer | ({"results": rest} if rest else {})
        )


def _tracks(results: Mapping[str, Any]) -> list[tuple[int | None, list[Mapping[str, Any]]]]:
    """Return items by channel, so that punctuation (which has no time) follows its own word."""
    items = require_objects(results.get("items"), "words")
    labels = results.get("channel_labels")
    channels = (
        require_objects(labels.get("channels"), "words") if isinstance(labels, Mapping) else []
    )
    if len(channels) < 2:
        return [
            (None, items or [i for c in channels for i in require_objects(c.get("items"), "words")])
        ]
    if items and all("channel_label" in i for i in items):
        names = sorted({str(i["channel_label"]) for i in items})
        return [
            (_channel(name), [i for i in items if str(i["channel_label"]) == name])
            for name in names
        ]
    tracks = [
        (_channel(str(c.get("channel_label", f"ch_{n}"))), require_objects(c.get("items"), "words"))
        for n, c in enumerate(channels)
    ]
    return tracks if any(t for _, t in tracks) else [(None, items)]


def _channel(label: str) -> int | None:
    digits = label.rpartition("_")[2]
    return int(digits) + 1 if digits.isascii() and digits.isdigit() and len(digits) < 3 else None


def _speakers(labels: Any) -> dict[float, str]:
    """Start time to speaker, for items that carry no label of their own."""
    found: dict[float, str] = {}
    for segment in (
        require_objects(labels.get("segments"), "outline") if isinstance(labels, Mapping) else []
    ):
        for item in require_objects(segment.get("items"), "words"):
            start = parse_number(item.get("start_time"))
            if start is not None:
                found[start] = str(item.get("speaker_label", segment.get("speaker_label", "")))
    return found


def _words(
    items: list[Mapping[str, Any]], channel: int | None, speakers: dict[float, str], language: str
) -> list[JsonObject]:
    rows: list[JsonObject] = []
    for item in items:
        alternatives = require_objects(item.get("alternatives"), "words")
        best = alternatives[0] if alternatives else {}
        content = best.get("content")
        if item.get("type") == "punctuation" and rows:
            rows[-1]["word"] = f"{rows[-1]['word']}{'' if content is None else content}"
            spare = alternatives[1:]
            if spare:
                rows[-1].setdefault("punctuation_alternatives", []).append(spare)
            continue
        start = parse_number(item.get("start_time"))
        speaker = item.get("speaker_label") or (speakers.get(start) if start is not None else None)
        known = ("type",) if item.get("type") in _TYPES else ()
        same_language = (
            ("language_code",)
            if language and language_code(item.get("language_code")) == language
            else ()
        )
        ordinal = ("id",) if isinstance(item.get("id"), int) else ()
        rows.append(
            without_members(
                item,
                "start_time",
                "end_time",
                "alternatives",
                "channel_label",
                "speaker_label",
                *known,
                *same_language,
                *ordinal,
            )
            | without_members(best, "content", "confidence")
            | ({"alternatives": alternatives[1:]} if alternatives[1:] else {})
            | {
                "word": "" if content is None else content,
                "s": item.get("start_time"),
                "e": item.get("end_time"),
            }
            | {"confidence": best.get("confidence"), "channel": channel, "speaker": speaker}
        )
    return rows


class CallAnalytics:
    """`{Transcript: [{Content, BeginOffsetMillis, EndOffsetMillis, ParticipantRole, Items, ...}],
    ...}`; Contact Lens' files are alike.

    In real time Contact Lens gives each turn under `Segments[].Transcript`.
    """

    @staticmethod
    def recognise(doc: Any) -> bool:
        """Tell whether `doc` has this shape."""
        rows = _turns_of(doc) if isinstance(doc, Mapping) else None
        return (
            isinstance(rows, list)
            and all(isinstance(r, Mapping) for r in rows)
            and any("Content" in r or "Items" in r for r in rows)
        )

    @staticmethod
    def convert(doc: Mapping[str, Any]) -> Transcript:
        """Return rows of a Call Analytics job. Raises FieldError where a list or object has another
        type.
        """
        outline: list[JsonObject] = []
        words: list[JsonObject] = []
        for turn in require_objects(_turns_of(doc), "outline"):
            role = first_present(turn, "ParticipantRole", "ParticipantId")
            channel = role_channel(role)
            spoken = [_item(i, channel, role) for i in require_objects(turn.get("Items"), "words")]
            spoken = _join_punctuation(spoken)
            words += spoken
            content = turn.get("Content")
            id_is_role = ("ParticipantId",) if turn.get("ParticipantId") == role else ()
            outline.append(
                without_members(
                    turn,
                    "Content",
                    "BeginOffsetMillis",
                    "EndOffsetMillis",
                    "ParticipantRole",
                    "Items",
                    *id_is_role,
                )
                | {
                    "speaker": role,
                    "channel": channel,
                    "text": " ".join(str(w["word"]) for w in spoken)
                    if content is None
                    else content,
                }
                | {
                    "s": seconds_of_millis(turn.get("BeginOffsetMillis")),
                    "e": seconds_of_millis(turn.get("EndOffsetMillis")),
                }
            )
        language = language_code(first_present(doc, "LanguageCode"))
        live = "Transcript" not in doc
        rest = without_members(
            doc, "Segments" if live else "Transcript", *(("LanguageCode",) if language else ())
        )
        beside = [s for s in doc["Segments"] if not _is_turn(s) or len(s) > 1] if live else []
        return Transcript(
            by_time(outline),
            by_time(words),
            "",
            language,
            rest | ({"Segments": beside} if beside else {}),
        )


def _turns_of(doc: Mapping[str, Any]) -> Any:
    """Return the turns, also those inside segments; a segment with another member beside its turn
    is kept as well.
    """
    segments = doc.get("Segments")
    if "Transcript" in doc or not isinstance(segments, list):
        return doc.get("Transcript")
    return [s["Transcript"] for s in segments if _is_turn(s)]


def _is_turn(segment: Any) -> bool:
    return isinstance(segment, Mapping) and isinstance(segment.get("Transcript"), Mapping)


def _item(item: Mapping[str, Any], channel: int | None, role: Any) -> JsonObject:
    alternatives = require_objects(item.get("Alternatives"), "words")
    best = alternatives[0] if alternatives else item
    known = ("Type",) if str(item.get("Type")).lower() in _TYPES else ()
    return (
        without_members(
            item,
            "Content",
            "Confidence",
            "BeginOffsetMillis",
            "EndOffsetMillis",
            "Alternatives",
            *known,
        )
        | ({"alternatives": alternatives[1:]} if alternatives[1:] else {})
        | {
            "word": text_of(best.get("Content")),
            "confidence": best.get("Confidence"),
            "channel": channel,
            "speaker": role,
        }
        | {
            "s": seconds_of_millis(item.get("BeginOffsetMillis")),
            "e": seconds_of_millis(item.get("EndOffsetMillis")),
        }
        | {"_mark": str(item.get("Type")).lower() == "punctuation"}
    )


def _join_punctuation(rows: list[JsonObject]) -> list[JsonObject]:
    joined: list[JsonObject] = []
    for row in rows:
        mark = row.pop("_mark")
        if mark and joined:
            joined[-1]["word"] = f"{joined[-1]['word']}{row['word']}"
        else:
            joined.append(row)
    return joined
