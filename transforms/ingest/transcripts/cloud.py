"""The large clouds' recognisers: Azure Speech, Google Speech-to-Text, NVIDIA Riva, IBM Watson, AWS Bedrock data automation.

Shapes from their API references: Azure batch transcription 3.x and fast transcription, Google v1 and v2 (as JSON and as protobuf's JSON in
snake case), Riva's `RecognizeResponse`, Watson's `SpeechRecognitionResults`, Bedrock's standard output for audio.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from callveil.transforms.ingest.transcripts.common import Row, Transcript, as_key, first, objects, seconds_of_millis
from callveil.transforms.ingest.transcripts.utterances import (
    Utterance,
    duration,
    ends,
    from_one,
    from_zero,
    millis,
    of_words,
    rows_of,
    seconds_in,
    some,
    transcript,
    word,
)

Doc = Mapping[str, Any]


class Azure:
    """Batch (`recognizedPhrases`) and fast transcription (`phrases`); channels are counted from 0."""

    @staticmethod
    def recognise(doc: Any) -> bool:
        """Tell whether `doc` has one of these shapes."""
        if not isinstance(doc, Mapping):
            return False
        fast = rows_of(doc.get("phrases"), "offsetMilliseconds", "offsetInTicks", "offset")
        return fast or some(doc.get("recognizedPhrases"), lambda p: "nBest" in p)

    @staticmethod
    def convert(doc: Doc) -> Transcript:
        """Read the best reading of each phrase. Raises FieldError where a list or object has another type."""
        phrases = objects(first(doc, "recognizedPhrases", "phrases"), "outline")
        many = len({as_key(p.get("channel")) for p in phrases}) > 1
        language = next((p["locale"] for p in phrases if p.get("locale")), doc.get("locale"))
        used = (
            "offset duration offsetInTicks durationInTicks offsetMilliseconds durationMilliseconds recognitionStatus"
            " timestamp locale speaker maskedITN"
        )
        return transcript((_azure(p, many) for p in phrases), doc, used.split(), language)


def _azure(phrase: Doc, many: bool) -> Utterance:
    readings = objects(phrase.get("nBest"), "outline")
    best = readings[0] if readings else phrase
    words = []
    for w in objects(first(best, "displayWords", "words"), "words"):
        start = seconds_in(w, "offset")
        words.append(word(first(w, "word", "text", "displayText"), start, ends(start, seconds_in(w, "duration")), w.get("confidence")))
    start = seconds_in(phrase, "offset")
    end = ends(start, seconds_in(phrase, "duration"))
    text = first(best, "display", "text", "lexical")
    return Utterance(text, start, end, phrase.get("speaker"), from_zero(phrase.get("channel")) if many else None, words)


class AzureSdk:
    """Detailed results of the Speech SDK, one a phrase: `{RecognitionStatus, Offset, Duration, NBest: [{Display, Words}]}` in ticks."""

    @staticmethod
    def recognise(doc: Any) -> bool:
        """Tell whether `doc` has this shape."""
        return some(doc if isinstance(doc, list) else [doc], lambda r: isinstance(r.get("NBest"), list) and "Offset" in r)

    @staticmethod
    def convert(doc: Any) -> Transcript:
        """Read the best reading of each phrase. Raises FieldError where a list or object has another type."""
        phrases = objects(doc if isinstance(doc, list) else [doc], "outline")
        many = len({as_key(p.get("Channel")) for p in phrases}) > 1
        language = next((v for p in phrases if isinstance(v := first(p, "PrimaryLanguage"), str)), None)
        used = "Id RecognitionStatus Offset Duration Channel SpeakerId Type"
        return transcript((_azure_sdk(p, many) for p in phrases), doc, used.split(), language)


def _azure_sdk(phrase: Doc, many: bool) -> Utterance:
    readings = objects(phrase.get("NBest"), "outline")
    best: Doc = readings[0] if readings else {}
    words = [
        word(first(w, "Word", "DisplayText"), *_ticks(w), w.get("Confidence")) for w in objects(first(best, "Words", "DisplayWords"), "words")
    ]
    text = first(best, "Display", "Lexical") or phrase.get("DisplayText")
    return Utterance(text, *_ticks(phrase), first(phrase, "SpeakerId"), from_zero(phrase.get("Channel")) if many else None, words)


def _ticks(row: Doc) -> tuple[float | None, float | None]:
    start, length = (seconds_in({f"{k}InTicks": row.get(k)}, k) for k in ("Offset", "Duration"))
    return start, ends(start, length)


class Google:
    """v1 and v2, and Riva, whose times are milliseconds; channels are counted from 1."""

    @staticmethod
    def recognise(doc: Any) -> bool:
        """Tell whether `doc` has one of these shapes."""
        results = _google_results(doc)
        return some(results, lambda r: isinstance(first(r, "alternatives"), list)) and not some(
            results, lambda r: "type" in r or some(r.get("alternatives"), lambda a: "timestamps" in a)
        )

    @staticmethod
    def convert(doc: Doc) -> Transcript:
        """Read the first alternative of each result. Raises FieldError where a list or object has another type."""
        results = objects(_google_results(doc), "outline")
        said = [_google(r) for r in results]
        # Told apart by voice, all words come once more in a last result that has no text.
        apart = [u for u in said if u.words and not u.text]
        if apart and len(apart) < len(said):
            said = of_words([w for u in apart for w in u.words])
        language = next((v for r in results if (v := first(r, "languageCode", "language_code"))), None)
        used = (
            "startTime endTime startOffset endOffset start_time end_time resultEndTime resultEndOffset result_end_time"
            " result_end_offset languageCode language_code totalBilledTime totalBilledDuration requestId speakerLabel"
            " speaker_label name @type"
        )
        return transcript(said, doc, used.split(), language)


def _google_results(doc: Any) -> Any:
    """The list of results, also inside a finished operation and inside a batch's answer for one file."""
    if isinstance(doc, Mapping) and isinstance(doc.get("response"), Mapping):
        doc = doc["response"]
    results = doc.get("results") if isinstance(doc, Mapping) else None
    if isinstance(results, Mapping) and len(results) == 1:
        (only,) = results.values()
        inner = first(only, "transcript", "inlineResult") if isinstance(only, Mapping) else None
        inner = inner.get("transcript", inner) if isinstance(inner, Mapping) else None
        return inner.get("results") if isinstance(inner, Mapping) else None
    return results


def _google(result: Doc) -> Utterance:
    readings = objects(result.get("alternatives"), "outline")
    best: Doc = readings[0] if readings else {}
    words = []
    for w in objects(best.get("words"), "words"):
        start, end = first(w, "startTime", "startOffset", "start_time", "start_offset"), first(w, "endTime", "endOffset", "end_time", "end_offset")
        whole = isinstance(start, int) and isinstance(end, int)
        s, e = (duration(v) if not whole else seconds_of_millis(v) for v in (start, end))
        row = word(w.get("word"), s, e, w.get("confidence"))
        label = first(w, "speakerLabel", "speakerTag", "speaker_label", "speaker_tag")
        words.append(row | {"speaker": str(label) if label else None})
    channel = from_one(first(result, "channelTag", "channel_tag"))
    speakers = {w["speaker"] for w in words}
    first_word, last_word = (words[0], words[-1]) if words else ({}, {})
    speaker = next(iter(speakers)) if len(speakers) == 1 else None
    end = first(last_word, "e") or duration(first(result, "resultEndTime", "resultEndOffset"))
    return Utterance(best.get("transcript"), first_word.get("s"), end, speaker, channel, words)


class Watson:
    """`results[].alternatives[].timestamps` of `[word, start, end]`, with `speaker_labels` by start time."""

    @staticmethod
    def recognise(doc: Any) -> bool:
        """Tell whether `doc` has this shape."""
        return some(_watson_results(doc), lambda r: some(r.get("alternatives"), lambda a: isinstance(a.get("timestamps"), list)))

    @staticmethod
    def convert(doc: Doc) -> Transcript:
        """Read final results. Raises FieldError where a list or object has another type."""
        inner = [doc, *(r for r in objects(doc.get("results"), "outline") if "results" in r)]
        told = [label for part in inner for label in objects(part.get("speaker_labels"), "words")]
        labels = {as_key(label.get("from")): f"speaker {label.get('speaker')}" for label in told}
        said = (_watson(r, labels) for r in objects(_watson_results(doc), "outline") if r.get("final", True))
        return transcript(said, doc, ("speaker_labels", "timestamps", "word_confidence", "result_index"))


def _watson_results(doc: Any) -> Any:
    """The list of results, also inside the answer to a job, which has one for each request."""
    results = doc.get("results") if isinstance(doc, Mapping) else None
    if isinstance(results, list) and some(results, lambda r: isinstance(r.get("results"), list)):
        return [inner for r in results for inner in r.get("results") or ()]
    return results


def _watson(result: Doc, labels: Mapping[Any, str]) -> Utterance:
    readings = objects(result.get("alternatives"), "outline")
    best: Doc = readings[0] if readings else {}
    sure = {n: c[1] for n, c in enumerate(best.get("word_confidence") or []) if isinstance(c, list) and len(c) == 2}
    words = []
    for n, timed in enumerate(best.get("timestamps") or []):
        if isinstance(timed, list) and len(timed) == 3:
            said, start, end = timed
            words.append(word(said, start, end, sure.get(n)) | {"speaker": labels.get(as_key(timed[1]))})
    speakers = {w["speaker"] for w in words}
    alone = speakers.pop() if len(speakers) == 1 else None
    return Utterance(best.get("transcript"), words[0]["s"] if words else None, words[-1]["e"] if words else None, alone, None, words)


class Bedrock:
    """Bedrock data automation: `audio_items` (words) within `audio_segments` (turns); channels `ch_0`, `ch_1`."""

    @staticmethod
    def recognise(doc: Any) -> bool:
        """Tell whether `doc` has this shape."""
        return isinstance(doc, Mapping) and any(some(doc.get(k), lambda r: "start_timestamp_millis" in r) for k in ("audio_items", "audio_segments"))

    @staticmethod
    def convert(doc: Doc) -> Transcript:
        """Read segments with their items. Raises FieldError where a list or object has another type."""
        said = dict(_segments(doc))
        for item in objects(doc.get("audio_items"), "words"):
            whose = said.setdefault(as_key(item.get("audio_segment_index")), Utterance())
            if item.get("start_timestamp_millis") is not None:
                whose.words.append(word(item.get("content"), *millis(item, "start_timestamp_millis", "end_timestamp_millis")))
        used = "speaker_label channel_label type asset_id semantic_modality s3_bucket s3_key"
        return transcript(said.values(), doc, used.split())


def _segments(doc: Doc) -> Iterator[tuple[Any, Utterance]]:
    for n, segment in enumerate(objects(doc.get("audio_segments"), "outline")):
        labels: Row = {}
        for part in ("speaker", "channel"):
            value = segment.get(part)
            labels |= value if isinstance(value, Mapping) else {}
        label = labels.get("channel_label")
        channel = from_zero(int(label[3:])) if isinstance(label, str) and label.startswith("ch_") and label[3:].isdigit() else None
        times = millis(segment, "start_timestamp_millis", "end_timestamp_millis")
        yield as_key(segment.get("segment_index", n)), Utterance(segment.get("text"), *times, labels.get("speaker_label"), channel)
