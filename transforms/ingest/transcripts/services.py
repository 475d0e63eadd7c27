"""Transcription services and contact-centre platforms: AssemblyAI, Rev, Speechmatics, ElevenLabs,
Deepgram live, Twilio, Gong, Genesys.

Shapes from their API references. AssemblyAI, Gong and Genesys count milliseconds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from callveil.schemas.json_types import JsonObject
from callveil.transforms.ingest.transcripts.common import (
    Transcript,
    as_key,
    first_present,
    parse_number,
    require_objects,
)
from callveil.transforms.ingest.transcripts.plausible import SLOWEST, seconds_per_letter
from callveil.transforms.ingest.transcripts.utterances import (
    Utterance,
    any_object,
    attach_punctuation,
    channel_from_one,
    channel_from_zero,
    end_time,
    have_members,
    make_transcript,
    make_word,
    parse_duration,
    start_and_end,
    timecode_seconds,
    word_utterances,
)

Doc = Mapping[str, Any]
_ASSEMBLY = frozenset(
    (
        "audio_url",
        "audio_duration",
        "language_model",
        "acoustic_model",
        "speech_model",
        "webhook_url",
        "speaker_labels",
    )
)
_ASSEMBLED = ("utterances", "sentences", "paragraphs")
_LETTER = re.compile(r"[A-Z]{1,2}\Z")


class AssemblyAI:
    """`utterances` and `words` of `{text, start, end, speaker, channel}` in whole milliseconds, or
    `sentences` or `paragraphs` of the same form.
    """

    @staticmethod
    def recognise(doc: Any) -> bool:
        """Tell whether `doc` has this shape and its times are no seconds."""
        if not isinstance(doc, Mapping):
            return False
        rows = next(
            (doc[k] for k in ("words", *_ASSEMBLED) if have_members(doc.get(k), "text")), None
        )
        if rows is None or not all(
            isinstance(r.get("start"), int) and isinstance(r.get("end"), int) for r in rows
        ):
            return False
        named = not _ASSEMBLY.isdisjoint(doc) or any(
            isinstance(r.get("speaker"), str) and _LETTER.match(r["speaker"]) for r in rows
        )
        return named and seconds_per_letter(rows, "text", "start", "end") > SLOWEST

    @staticmethod
    def convert(doc: Doc) -> Transcript:
        """Read utterances, else words. Raises FieldError where a list or object has another
        type.
        """
        spoken = require_objects(first_present(doc, *_ASSEMBLED), "outline")
        said = [_assembly(u) for u in spoken]
        if not any(u.words for u in said):
            said += word_utterances(
                _assembly_word(w) for w in require_objects(doc.get("words"), "words")
            )
        used = "start end confidence speaker channel status language_code audio_channels"
        return make_transcript(said, doc, used.split(), doc.get("language_code"))


def _assembly(row: Doc) -> Utterance:
    words = [_assembly_word(w) for w in require_objects(row.get("words"), "words")]
    return Utterance(
        row.get("text"),
        *start_and_end(row, "start", "end"),
        row.get("speaker"),
        channel_from_one(row.get("channel")),
        words,
    )


def _assembly_word(row: Doc) -> JsonObject:
    whose = {"speaker": row.get("speaker"), "channel": channel_from_one(row.get("channel"))}
    return (
        make_word(row.get("text"), *start_and_end(row, "start", "end"), row.get("confidence"))
        | whose
    )


_REV = ("ts", "end_ts", "timestamp", "end_timestamp", "type", "speaker", "speakers")


class Rev:
    """`monologues` of `{speaker, elements}`; an element is text with times (seconds, or
    `hh:mm:ss,mmm` where people wrote), or punctuation.
    """

    @staticmethod
    def recognise(doc: Any) -> bool:
        """Tell whether `doc` has this shape."""
        return isinstance(doc, Mapping) and have_members(doc.get("monologues"), "elements")

    @staticmethod
    def convert(doc: Doc) -> Transcript:
        """Read monologues. Raises FieldError where a list or object has another type."""
        names = {
            as_key(s.get("id")): s.get("name")
            for s in require_objects(doc.get("speakers"), "outline")
        }
        return make_transcript(
            (_rev(m, names) for m in require_objects(doc["monologues"], "outline")), doc, _REV
        )


def _rev(monologue: Doc, names: Mapping[Any, Any]) -> Utterance:
    elements = require_objects(monologue.get("elements"), "words")
    words = [
        make_word(
            e.get("value"),
            timecode_seconds(first_present(e, "ts", "timestamp")),
            timecode_seconds(first_present(e, "end_ts", "end_timestamp")),
            e.get("confidence"),
        )
        for e in elements
        if e.get("type") == "text"
    ]
    text = "".join(str(e.get("value") or "") for e in elements)
    speaker = monologue.get("speaker")
    info = monologue.get("speaker_info")
    name = (
        first_present(info, "display_name", "name")
        if isinstance(info, Mapping)
        else names.get(as_key(speaker))
    )
    start, end = (words[0]["s"], words[-1]["e"]) if words else (None, None)
    return Utterance(
        text, start, end, name or (None if speaker is None else f"speaker {speaker}"), None, words
    )


class Speechmatics:
    """`results` of words and punctuation, each with alternatives, a channel (`channel_2`) and a
    speaker (`S1`).

    In real time they come in messages `AddTranscript`, each with a channel; those that are partial
    are said again.
    """

    @staticmethod
    def recognise(doc: Any) -> bool:
        """Tell whether `doc` has this shape."""
        if isinstance(doc, list):
            return any_object(
                doc,
                lambda m: (
                    m.get("message") == "AddTranscript" and isinstance(m.get("results"), list)
                ),
            )
        return isinstance(doc, Mapping) and any_object(
            doc.get("results"), lambda r: "type" in r and "start_time" in r and "alternatives" in r
        )

    @staticmethod
    def convert(doc: Doc) -> Transcript:
        """Read the first alternative of each. Raises FieldError where a list or object has another
        type.
        """
        words: list[JsonObject] = []
        language = None
        messages = (
            [doc]
            if isinstance(doc, Mapping)
            else [m for m in require_objects(doc, "outline") if m.get("message") == "AddTranscript"]
        )
        for channel, item in (
            (m.get("channel"), i)
            for m in messages
            for i in require_objects(m.get("results"), "words")
        ):
            readings = require_objects(item.get("alternatives"), "words")
            best: Doc = readings[0] if readings else {}
            language = language or best.get("language")
            if item.get("type") == "punctuation":
                attach_punctuation(words, best.get("content"))
                continue
            row = make_word(
                best.get("content"),
                item.get("start_time"),
                item.get("end_time"),
                best.get("confidence"),
            )
            words.append(
                row
                | {
                    "speaker": first_present(best, "speaker"),
                    "channel": channel_from_one(first_present(item, "channel") or channel),
                }
            )
        used = (
            "start_time end_time type channel speaker language attaches_to format created_at "
            "message"
        )
        return make_transcript(word_utterances(words), doc, used.split(), language)


class ElevenLabs:
    """`words` of `{text, start, end, type, speaker_id}`, also by channel under `transcripts`."""

    @staticmethod
    def recognise(doc: Any) -> bool:
        """Tell whether `doc` has this shape."""
        parts = doc.get("transcripts", [doc]) if isinstance(doc, Mapping) else None
        return any_object(
            parts,
            lambda p: any_object(
                p.get("words"), lambda w: w.get("type") in ("word", "spacing", "audio_event")
            ),
        )

    @staticmethod
    def convert(doc: Doc) -> Transcript:
        """Read words of each channel. Raises FieldError where a list or object has another type."""
        parts = require_objects(doc.get("transcripts", [doc]), "outline")
        said = [u for part in parts for u in word_utterances(_eleven(part, len(parts) > 1))]
        used = "start end type speaker_id channel_index language_code transcription_id"
        return make_transcript(
            said, doc, used.split(), parts[0].get("language_code") if parts else None
        )


def _eleven(part: Doc, many: bool) -> Iterator[JsonObject]:
    channel = channel_from_zero(part.get("channel_index")) if many else None
    for w in require_objects(part.get("words"), "words"):
        if w.get("type") == "word":
            yield make_word(w.get("text"), w.get("start"), w.get("end")) | {
                "speaker": w.get("speaker_id"),
                "channel": channel,
            }


class DeepgramLive:
    """Messages of a live connection: one `Results` message or a list of messages; interim ones are
    said again in final ones.
    """

    @staticmethod
    def recognise(doc: Any) -> bool:
        """Tell whether `doc` has this shape."""
        return any_object(
            doc if isinstance(doc, list) else [doc],
            lambda m: m.get("type") == "Results" and isinstance(m.get("channel"), Mapping),
        )

    @staticmethod
    def convert(doc: Any) -> Transcript:
        """Read final messages. Raises FieldError where a list or object has another type."""
        messages = [
            m
            for m in require_objects(doc if isinstance(doc, list) else [doc], "outline")
            if m.get("type") == "Results"
        ]
        final = [m for m in messages if m.get("is_final", True)] or messages
        used = "type channel_index request_id model_uuid model_info created sha256 transaction_key"
        return make_transcript((_live(m) for m in final), doc, used.split())


def _live(message: Doc) -> Utterance:
    readings = require_objects(message["channel"].get("alternatives"), "outline")
    best: Doc = readings[0] if readings else {}
    words = [
        make_word(
            first_present(w, "punctuated_word", "word"),
            w.get("start"),
            w.get("end"),
            w.get("confidence"),
        )
        | {"speaker": w.get("speaker")}
        for w in require_objects(best.get("words"), "words")
    ]
    index = message.get("channel_index")
    many = isinstance(index, list) and len(index) == 2 and index[1] != 1
    start = parse_duration(message.get("start"))
    end = end_time(start, parse_duration(message.get("duration")))
    return Utterance(
        best.get("transcript"),
        start,
        end,
        None,
        channel_from_zero(index[0]) if many and index else None,
        words,
    )


class Twilio:
    """Conversational Intelligence: `sentences` of `{media_channel, transcript, start_time,
    end_time, words}`.
    """

    @staticmethod
    def recognise(doc: Any) -> bool:
        """Tell whether `doc` has this shape."""
        return (
            isinstance(doc, Mapping)
            and have_members(doc.get("sentences"), "transcript")
            and any_object(doc["sentences"], lambda s: "media_channel" in s)
        )

    @staticmethod
    def convert(doc: Doc) -> Transcript:
        """Read sentences. Raises FieldError where a list or object has another type."""
        said = []
        for s in require_objects(doc["sentences"], "outline"):
            words = [
                make_word(
                    w.get("word"),
                    parse_duration(w.get("start_time")),
                    parse_duration(w.get("end_time")),
                    w.get("confidence"),
                )
                for w in require_objects(s.get("words"), "words")
            ]
            start, end = (parse_duration(s.get(k)) for k in ("start_time", "end_time"))
            said.append(
                Utterance(
                    s.get("transcript"),
                    start,
                    end,
                    None,
                    channel_from_one(s.get("media_channel")),
                    words,
                )
            )
        return make_transcript(
            said, doc, ("start_time", "end_time", "sid", "meta", "sentence_index")
        )


class Gong:
    """`callTranscripts` of monologues with sentences, without words; speakers by id."""

    @staticmethod
    def recognise(doc: Any) -> bool:
        """Tell whether `doc` has this shape, or is the transcript of one call."""
        calls = doc.get("callTranscripts", [doc]) if isinstance(doc, Mapping) else None
        return any_object(
            calls,
            lambda c: any_object(
                c.get("transcript"),
                lambda m: "speakerId" in m and have_members(m.get("sentences"), "text"),
            ),
        )

    @staticmethod
    def convert(doc: Doc) -> Transcript:
        """Read sentences. Raises FieldError where a list or object has another type."""
        said = [
            Utterance(s.get("text"), *start_and_end(s, "start", "end"), m.get("speakerId"))
            for call in require_objects(doc.get("callTranscripts", [doc]), "outline")
            for m in require_objects(call.get("transcript"), "outline")
            for s in require_objects(m.get("sentences"), "outline")
        ]
        return make_transcript(said, doc, ("speakerId", "start", "end", "callId", "requestId"))


class Genesys:
    """`transcripts[].phrases` with `startTimeMs`, `duration` and the words of each; `internal` is
    the business.
    """

    @staticmethod
    def recognise(doc: Any) -> bool:
        """Tell whether `doc` has this shape."""
        return isinstance(doc, Mapping) and any_object(
            doc.get("transcripts"), lambda t: have_members(t.get("phrases"), "startTimeMs")
        )

    @staticmethod
    def convert(doc: Doc) -> Transcript:
        """Read phrases. Raises FieldError where a list or object has another type."""
        parts = require_objects(doc["transcripts"], "outline")
        begin = parse_number(doc.get("startTime")) or 0.0
        said = [
            _genesys(p, begin)
            for part in parts
            for p in require_objects(part.get("phrases"), "outline")
        ]
        used = (
            "startTimeMs duration participantPurpose transcriptId conversationId "
            "communicationId recordingId mediaType language startTime"
        )
        return make_transcript(said, doc, used.split(), parts[0].get("language") if parts else None)


def _genesys(phrase: Doc, begin: float) -> Utterance:
    side = phrase.get("participantPurpose")
    channel = {"external": 1, "internal": 2}.get(side) if isinstance(side, str) else None
    words = []
    for w in require_objects(first_present(phrase, "decoratedWords", "words"), "words"):
        start, end = _stretch(w, begin)
        words.append(make_word(first_present(w, "word", "text"), start, end, w.get("confidence")))
    return Utterance(
        first_present(phrase, "decoratedText", "text"),
        *_stretch(phrase, begin),
        side,
        channel,
        words,
    )


def _stretch(members: Doc, begin: float) -> tuple[float | None, float | None]:
    """Return start and end in seconds; start times count from the recording's, or from 1970 as its
    start does.
    """
    at = parse_number(members.get("startTimeMs"))
    if at is not None and begin and at >= begin:
        at -= begin
    start = None if at is None else at / 1000
    length = members.get("duration")
    return start, end_time(
        start, parse_duration(length if isinstance(length, Mapping) else {"milliseconds": length})
    )
