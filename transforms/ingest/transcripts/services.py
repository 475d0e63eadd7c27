"""Transcription services and contact-centre platforms: AssemblyAI, Rev, Speechmatics, ElevenLabs, Deepgram live, Twilio, Gong, Genesys.

Shapes from their API references. AssemblyAI, Gong and Genesys count milliseconds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from callveil.transforms.ingest.transcripts.common import Row, Transcript, as_key, first, number, objects
from callveil.transforms.ingest.transcripts.plausible import SLOWEST, slowness
from callveil.transforms.ingest.transcripts.utterances import (
    Utterance,
    attach,
    clock,
    duration,
    ends,
    from_one,
    from_zero,
    millis,
    of_words,
    rows_of,
    some,
    transcript,
    word,
)

Doc = Mapping[str, Any]
_ASSEMBLY = frozenset(("audio_url", "audio_duration", "language_model", "acoustic_model", "speech_model", "webhook_url", "speaker_labels"))
_ASSEMBLED = ("utterances", "sentences", "paragraphs")
_LETTER = re.compile(r"[A-Z]{1,2}\Z")


class AssemblyAI:
    """`utterances` and `words` of `{text, start, end, speaker, channel}` in whole milliseconds, or `sentences` or `paragraphs` of the same form."""

    @staticmethod
    def recognise(doc: Any) -> bool:
        """Tell whether `doc` has this shape and its times are no seconds."""
        if not isinstance(doc, Mapping):
            return False
        rows = next((doc[k] for k in ("words", *_ASSEMBLED) if rows_of(doc.get(k), "text")), None)
        if rows is None or not all(isinstance(r.get("start"), int) and isinstance(r.get("end"), int) for r in rows):
            return False
        named = not _ASSEMBLY.isdisjoint(doc) or any(isinstance(r.get("speaker"), str) and _LETTER.match(r["speaker"]) for r in rows)
        return named and slowness(rows, "text", "start", "end") > SLOWEST

    @staticmethod
    def convert(doc: Doc) -> Transcript:
        """Read utterances, else words. Raises FieldError where a list or object has another type."""
        spoken = objects(first(doc, *_ASSEMBLED), "outline")
        said = [_assembly(u) for u in spoken]
        if not any(u.words for u in said):
            said += of_words(_assembly_word(w) for w in objects(doc.get("words"), "words"))
        used = "start end confidence speaker channel status language_code audio_channels"
        return transcript(said, doc, used.split(), doc.get("language_code"))


def _assembly(row: Doc) -> Utterance:
    words = [_assembly_word(w) for w in objects(row.get("words"), "words")]
    return Utterance(row.get("text"), *millis(row, "start", "end"), row.get("speaker"), from_one(row.get("channel")), words)


def _assembly_word(row: Doc) -> Row:
    whose = {"speaker": row.get("speaker"), "channel": from_one(row.get("channel"))}
    return word(row.get("text"), *millis(row, "start", "end"), row.get("confidence")) | whose


_REV = ("ts", "end_ts", "timestamp", "end_timestamp", "type", "speaker", "speakers")


class Rev:
    """`monologues` of `{speaker, elements}`; an element is text with times (seconds, or `hh:mm:ss,mmm` where people wrote), or punctuation."""

    @staticmethod
    def recognise(doc: Any) -> bool:
        """Tell whether `doc` has this shape."""
        return isinstance(doc, Mapping) and rows_of(doc.get("monologues"), "elements")

    @staticmethod
    def convert(doc: Doc) -> Transcript:
        """Read monologues. Raises FieldError where a list or object has another type."""
        names = {as_key(s.get("id")): s.get("name") for s in objects(doc.get("speakers"), "outline")}
        return transcript((_rev(m, names) for m in objects(doc["monologues"], "outline")), doc, _REV)


def _rev(monologue: Doc, names: Mapping[Any, Any]) -> Utterance:
    elements = objects(monologue.get("elements"), "words")
    words = [
        word(e.get("value"), clock(first(e, "ts", "timestamp")), clock(first(e, "end_ts", "end_timestamp")), e.get("confidence"))
        for e in elements
        if e.get("type") == "text"
    ]
    text = "".join(str(e.get("value") or "") for e in elements)
    speaker = monologue.get("speaker")
    info = monologue.get("speaker_info")
    name = first(info, "display_name", "name") if isinstance(info, Mapping) else names.get(as_key(speaker))
    start, end = (words[0]["s"], words[-1]["e"]) if words else (None, None)
    return Utterance(text, start, end, name or (None if speaker is None else f"speaker {speaker}"), None, words)


class Speechmatics:
    """`results` of words and punctuation, each with alternatives, a channel (`channel_2`) and a speaker (`S1`).

    In real time they come in messages `AddTranscript`, each with a channel; those that are partial are said again.
    """

    @staticmethod
    def recognise(doc: Any) -> bool:
        """Tell whether `doc` has this shape."""
        if isinstance(doc, list):
            return some(doc, lambda m: m.get("message") == "AddTranscript" and isinstance(m.get("results"), list))
        return isinstance(doc, Mapping) and some(doc.get("results"), lambda r: "type" in r and "start_time" in r and "alternatives" in r)

    @staticmethod
    def convert(doc: Doc) -> Transcript:
        """Read the first alternative of each. Raises FieldError where a list or object has another type."""
        words: list[Row] = []
        language = None
        messages = [doc] if isinstance(doc, Mapping) else [m for m in objects(doc, "outline") if m.get("message") == "AddTranscript"]
        for channel, item in ((m.get("channel"), i) for m in messages for i in objects(m.get("results"), "words")):
            readings = objects(item.get("alternatives"), "words")
            best: Doc = readings[0] if readings else {}
            language = language or best.get("language")
            if item.get("type") == "punctuation":
                attach(words, best.get("content"))
                continue
            row = word(best.get("content"), item.get("start_time"), item.get("end_time"), best.get("confidence"))
            words.append(row | {"speaker": first(best, "speaker"), "channel": from_one(first(item, "channel") or channel)})
        used = "start_time end_time type channel speaker language attaches_to format created_at message"
        return transcript(of_words(words), doc, used.split(), language)


class ElevenLabs:
    """`words` of `{text, start, end, type, speaker_id}`, also by channel under `transcripts`."""

    @staticmethod
    def recognise(doc: Any) -> bool:
        """Tell whether `doc` has this shape."""
        parts = doc.get("transcripts", [doc]) if isinstance(doc, Mapping) else None
        return some(parts, lambda p: some(p.get("words"), lambda w: w.get("type") in ("word", "spacing", "audio_event")))

    @staticmethod
    def convert(doc: Doc) -> Transcript:
        """Read words of each channel. Raises FieldError where a list or object has another type."""
        parts = objects(doc.get("transcripts", [doc]), "outline")
        said = [u for part in parts for u in of_words(_eleven(part, len(parts) > 1))]
        used = "start end type speaker_id channel_index language_code transcription_id"
        return transcript(said, doc, used.split(), parts[0].get("language_code") if parts else None)


def _eleven(part: Doc, many: bool) -> Iterator[Row]:
    channel = from_zero(part.get("channel_index")) if many else None
    for w in objects(part.get("words"), "words"):
        if w.get("type") == "word":
            yield word(w.get("text"), w.get("start"), w.get("end")) | {"speaker": w.get("speaker_id"), "channel": channel}


class DeepgramLive:
    """What a live connection sends: one `Results` message or a list of messages; interim ones are said again in final ones."""

    @staticmethod
    def recognise(doc: Any) -> bool:
        """Tell whether `doc` has this shape."""
        return some(doc if isinstance(doc, list) else [doc], lambda m: m.get("type") == "Results" and isinstance(m.get("channel"), Mapping))

    @staticmethod
    def convert(doc: Any) -> Transcript:
        """Read final messages. Raises FieldError where a list or object has another type."""
        messages = [m for m in objects(doc if isinstance(doc, list) else [doc], "outline") if m.get("type") == "Results"]
        final = [m for m in messages if m.get("is_final", True)] or messages
        used = "type channel_index request_id model_uuid model_info created sha256 transaction_key"
        return transcript((_live(m) for m in final), doc, used.split())


def _live(message: Doc) -> Utterance:
    readings = objects(message["channel"].get("alternatives"), "outline")
    best: Doc = readings[0] if readings else {}
    words = [
        word(first(w, "punctuated_word", "word"), w.get("start"), w.get("end"), w.get("confidence")) | {"speaker": w.get("speaker")}
        for w in objects(best.get("words"), "words")
    ]
    index = message.get("channel_index")
    many = isinstance(index, list) and len(index) == 2 and index[1] != 1
    start = duration(message.get("start"))
    end = ends(start, duration(message.get("duration")))
    return Utterance(best.get("transcript"), start, end, None, from_zero(index[0]) if many and index else None, words)


class Twilio:
    """Conversational Intelligence: `sentences` of `{media_channel, transcript, start_time, end_time, words}`."""

    @staticmethod
    def recognise(doc: Any) -> bool:
        """Tell whether `doc` has this shape."""
        return isinstance(doc, Mapping) and rows_of(doc.get("sentences"), "transcript") and some(doc["sentences"], lambda s: "media_channel" in s)

    @staticmethod
    def convert(doc: Doc) -> Transcript:
        """Read sentences. Raises FieldError where a list or object has another type."""
        said = []
        for s in objects(doc["sentences"], "outline"):
            words = [
                word(w.get("word"), duration(w.get("start_time")), duration(w.get("end_time")), w.get("confidence"))
                for w in objects(s.get("words"), "words")
            ]
            start, end = (duration(s.get(k)) for k in ("start_time", "end_time"))
            said.append(Utterance(s.get("transcript"), start, end, None, from_one(s.get("media_channel")), words))
        return transcript(said, doc, ("start_time", "end_time", "sid", "meta", "sentence_index"))


class Gong:
    """`callTranscripts` of monologues with sentences, without words; speakers by id."""

    @staticmethod
    def recognise(doc: Any) -> bool:
        """Tell whether `doc` has this shape, or is the transcript of one call."""
        calls = doc.get("callTranscripts", [doc]) if isinstance(doc, Mapping) else None
        return some(calls, lambda c: some(c.get("transcript"), lambda m: "speakerId" in m and rows_of(m.get("sentences"), "text")))

    @staticmethod
    def convert(doc: Doc) -> Transcript:
        """Read sentences. Raises FieldError where a list or object has another type."""
        said = [
            Utterance(s.get("text"), *millis(s, "start", "end"), m.get("speakerId"))
            for call in objects(doc.get("callTranscripts", [doc]), "outline")
            for m in objects(call.get("transcript"), "outline")
            for s in objects(m.get("sentences"), "outline")
        ]
        return transcript(said, doc, ("speakerId", "start", "end", "callId", "requestId"))


class Genesys:
    """`transcripts[].phrases` with `startTimeMs`, `duration` and the words of each; `internal` is the business."""

    @staticmethod
    def recognise(doc: Any) -> bool:
        """Tell whether `doc` has this shape."""
        return isinstance(doc, Mapping) and some(doc.get("transcripts"), lambda t: rows_of(t.get("phrases"), "startTimeMs"))

    @staticmethod
    def convert(doc: Doc) -> Transcript:
        """Read phrases. Raises FieldError where a list or object has another type."""
        parts = objects(doc["transcripts"], "outline")
        begin = number(doc.get("startTime")) or 0.0
        said = [_genesys(p, begin) for part in parts for p in objects(part.get("phrases"), "outline")]
        used = "startTimeMs duration participantPurpose transcriptId conversationId communicationId recordingId mediaType language startTime"
        return transcript(said, doc, used.split(), parts[0].get("language") if parts else None)


def _genesys(phrase: Doc, begin: float) -> Utterance:
    side = phrase.get("participantPurpose")
    channel = {"external": 1, "internal": 2}.get(side) if isinstance(side, str) else None
    words = []
    for w in objects(first(phrase, "decoratedWords", "words"), "words"):
        start, end = _stretch(w, begin)
        words.append(word(first(w, "word", "text"), start, end, w.get("confidence")))
    return Utterance(first(phrase, "decoratedText", "text"), *_stretch(phrase, begin), side, channel, words)


def _stretch(members: Doc, begin: float) -> tuple[float | None, float | None]:
    """Seconds from and to; start times count from the recording's, or from 1970 as its start does."""
    at = number(members.get("startTimeMs"))
    if at is not None and begin and at >= begin:
        at -= begin
    start = None if at is None else at / 1000
    length = members.get("duration")
    return start, ends(start, duration(length if isinstance(length, Mapping) else {"milliseconds": length}))
