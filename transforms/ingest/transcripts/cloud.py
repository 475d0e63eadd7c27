"""The large clouds' recognisers: Azure Speech, Google Speech-to-Text, NVIDIA Riva, IBM Watson, AWS
Bedrock data automation.

Shapes from their API references: Azure batch transcription 3.x and fast transcription, Google v1
and v2 (as JSON and as protobuf's JSON in snake case), Riva's `RecognizeResponse`, Watson's
`SpeechRecognitionResults`, Bedrock's standard output for audio.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from callveil.schemas.json_types import JsonObject
from callveil.transforms.ingest.transcripts.common import (
    Transcript,
    as_key,
    first_present,
    require_objects,
    seconds_of_millis,
)
from callveil.transforms.ingest.transcripts.utterances import (
    Utterance,
    any_object,
    channel_from_one,
    channel_from_zero,
    end_time,
    have_members,
    make_transcript,
    make_word,
    parse_duration,
    seconds_in,
    start_and_end,
    word_utterances,
)

Doc = Mapping[str, Any]


class Azure:
    """Batch (`recognizedPhrases`) and fast transcription (`phrases`); channels are counted from
    0.
    """

    @staticmethod
    def recognise(doc: Any) -> bool:
        """Tell whether `doc` has one of these shapes."""
        if not isinstance(doc, Mapping):
            return False
        fast = have_members(doc.get("phrases"), "offsetMilliseconds", "offsetInTicks", "offset")
        return fast or any_object(doc.get("recognizedPhrases"), lambda p: "nBest" in p)

    @staticmethod
    def convert(doc: Doc) -> Transcript:
        """Read the best reading of each phrase. Raises FieldError where a list or object has
        another type.
        """
        phrases = require_objects(first_present(doc, "recognizedPhrases", "phrases"), "outline")
        many = len({as_key(p.get("channel")) for p in phrases}) > 1
        language = next((p["locale"] for p in phrases if p.get("locale")), doc.get("locale"))
        used = (
            "offset duration offsetInTicks durationInTicks offsetMilliseconds durationMilliseconds "
            "recognitionStatus"
            " timestamp locale speaker maskedITN"
        )
        return make_transcript((_azure(p, many) for p in phrases), doc, used.split(), language)


def _azure(phrase: Doc, many: bool) -> Utterance:
    readings = require_objects(phrase.get("nBest"), "outline")
    best = readings[0] if readings else phrase
    words = []
    for w in require_objects(first_present(best, "displayWords", "words"), "words"):
        start = seconds_in(w, "offset")
        words.append(
            make_word(
                first_present(w, "word", "text", "displayText"),
                start,
                end_time(start, seconds_in(w, "duration")),
                w.get("confidence"),
            )
        )
    start = seconds_in(phrase, "offset")
    end = end_time(start, seconds_in(phrase, "duration"))
    text = first_present(best, "display", "text", "lexical")
    return Utterance(
        text,
        start,
        end,
        phrase.get("speaker"),
        channel_from_zero(phrase.get("channel")) if many else None,
        words,
    )


class AzureSdk:
    """Detailed results of the Speech SDK, one a phrase: `{RecognitionStatus, Offset, Duration,
    NBest: [{Display, Words}]}` in ticks.
    """

    @staticmethod
    def recognise(doc: Any) -> bool:
        """Tell whether `doc` has this shape."""
        return any_object(
            doc if isinstance(doc, list) else [doc],
            lambda r: isinstance(r.get("NBest"), list) and "Offset" in r,
        )

    @staticmethod
    def convert(doc: Any) -> Transcript:
        """Read the best reading of each phrase. Raises FieldError where a list or object has
        another type.
        """
        phrases = require_objects(doc if isinstance(doc, list) else [doc], "outline")
        many = len({as_key(p.get("Channel")) for p in phrases}) > 1
        language = next(
            (v for p in phrases if isinstance(v := first_present(p, "PrimaryLanguage"), str)), None
        )
        used = "Id RecognitionStatus Offset Duration Channel SpeakerId Type"
        return make_transcript((_azure_sdk(p, many) for p in phrases), doc, used.split(), language)


def _azure_sdk(phrase: Doc, many: bool) -> Utterance:
    readings = require_objects(phrase.get("NBest"), "outline")
    best: Doc = readings[0] if readings else {}
    words = [
        make_word(first_present(w, "Word", "DisplayText"), *_ticks(w), w.get("Confidence"))
        for w in require_objects(first_present(best, "Words", "DisplayWords"), "words")
    ]
    text = first_present(best, "Display", "Lexical") or phrase.get("DisplayText")
    return Utterance(
        text,
        *_ticks(phrase),
        first_present(phrase, "SpeakerId"),
        channel_from_zero(phrase.get("Channel")) if many else None,
        words,
    )


def _ticks(row: Doc) -> tuple[float | None, float | None]:
    start, length = (seconds_in({f"{k}InTicks": row.get(k)}, k) for k in ("Offset", "Duration"))
    return start, end_time(start, length)


class Google:
    """v1 and v2, and Riva, whose times are milliseconds; channels are counted from 1."""

    @staticmethod
    def recognise(doc: Any) -> bool:
        """Tell whether `doc` has one of these shapes."""
        results = _google_results(doc)
        return any_object(
            results, lambda r: isinstance(first_present(r, "alternatives"), list)
        ) and not any_object(
            results,
            lambda r: "type" in r or any_object(r.get("alternatives"), lambda a: "timestamps" in a),
        )

    @staticmethod
    def convert(doc: Doc) -> Transcript:
        """Read the first alternative of each result. Raises FieldError where a list or object has
        another type.
        """
        results = require_objects(_google_results(doc), "outline")
        said = [_google(r) for r in results]
        # Told apart by voice, all words come once more in a last result that has no text.
        apart = [u for u in said if u.words and not u.text]
        if apart and len(apart) < len(said):
            said = word_utterances([w for u in apart for w in u.words])
        language = next(
            (v for r in results if (v := first_present(r, "languageCode", "language_code"))), None
        )
        used = (
            "startTime endTime startOffset endOffset start_time end_time resultEndTime "
            "resultEndOffset result_end_time"
            " result_end_offset languageCode language_code totalBilledTime totalBilledDuration "
            "requestId speakerLabel"
            " speaker_label name @type"
        )
        return make_transcript(said, doc, used.split(), language)


def _google_results(doc: Any) -> Any:
    """Return the list of results, also inside a finished operation and inside a batch's answer for
    one file.
    """
    if isinstance(doc, Mapping) and isinstance(doc.get("response"), Mapping):
        doc = doc["response"]
    results = doc.get("results") if isinstance(doc, Mapping) else None
    if isinstance(results, Mapping) and len(results) == 1:
        (only,) = results.values()
        inner = (
            first_present(only, "transcript", "inlineResult") if isinstance(only, Mapping) else None
        )
        inner = inner.get("transcript", inner) if isinstance(inner, Mapping) else None
        return inner.get("results") if isinstance(inner, Mapping) else None
    return results


def _google(result: Doc) -> Utterance:
    readings = require_objects(result.get("alternatives"), "outline")
    best: Doc = readings[0] if readings else {}
    words = []
    for w in require_objects(best.get("words"), "words"):
        start, end = (
            first_present(w, "startTime", "startOffset", "start_time", "start_offset"),
            first_present(w, "endTime", "endOffset", "end_time", "end_offset"),
        )
        whole = isinstance(start, int) and isinstance(end, int)
        s, e = (parse_duration(v) if not whole else seconds_of_millis(v) for v in (start, end))
        row = make_word(w.get("word"), s, e, w.get("confidence"))
        label = first_present(w, "speakerLabel", "speakerTag", "speaker_label", "speaker_tag")
        words.append(row | {"speaker": str(label) if label else None})
    channel = channel_from_one(first_present(result, "channelTag", "channel_tag"))
    speakers = {w["speaker"] for w in words}
    first_word, last_word = (words[0], words[-1]) if words else ({}, {})
    speaker = next(iter(speakers)) if len(speakers) == 1 else None
    end = first_present(last_word, "e") or parse_duration(
        first_present(result, "resultEndTime", "resultEndOffset")
    )
    return Utterance(best.get("transcript"), first_word.get("s"), end, speaker, channel, words)


class Watson:
    """`results[].alternatives[].timestamps` of `[word, start, end]`, with `speaker_labels` by start
    time.
    """

    @staticmethod
    def recognise(doc: Any) -> bool:
        """Tell whether `doc` has this shape."""
        return any_object(
            _watson_results(doc),
            lambda r: any_object(
                r.get("alternatives"), lambda a: isinstance(a.get("timestamps"), list)
            ),
        )

    @staticmethod
    def convert(doc: Doc) -> Transcript:
        """Read final results. Raises FieldError where a list or object has another type."""
        inner = [
            doc,
            *(r for r in require_objects(doc.get("results"), "outline") if "results" in r),
        ]
        told = [
            label
            for part in inner
            for label in require_objects(part.get("speaker_labels"), "words")
        ]
        labels = {as_key(label.get("from")): f"speaker {label.get('speaker')}" for label in told}
        said = (
            _watson(r, labels)
            for r in require_objects(_watson_results(doc), "outline")
            if r.get("final", True)
        )
        return make_transcript(
            said, doc, ("speaker_labels", "timestamps", "word_confidence", "result_index")
        )


def _watson_results(doc: Any) -> Any:
    """Return the list of results, also inside the answer to a job, which has one for each
    request.
    """
    results = doc.get("results") if isinstance(doc, Mapping) else None
    if isinstance(results, list) and any_object(
        results, lambda r: isinstance(r.get("results"), list)
    ):
        return [inner for r in results for inner in r.get("results") or ()]
    return results


def _watson(result: Doc, labels: Mapping[Any, str]) -> Utterance:
    readings = require_objects(result.get("alternatives"), "outline")
    best: Doc = readings[0] if readings else {}
    sure = {
        n: c[1]
        for n, c in enumerate(best.get("word_confidence") or [])
        if isinstance(c, list) and len(c) == 2
    }
    words = []
    for n, timed in enumerate(best.get("timestamps") or []):
        if isinstance(timed, list) and len(timed) == 3:
            said, start, end = timed
            words.append(
                make_word(said, start, end, sure.get(n)) | {"speaker": labels.get(as_key(timed[1]))}
            )
    speakers = {w["speaker"] for w in words}
    alone = speakers.pop() if len(speakers) == 1 else None
    return Utterance(
        best.get("transcript"),
        words[0]["s"] if words else None,
        words[-1]["e"] if words else None,
        alone,
        None,
        words,
    )


class Bedrock:
    """Bedrock data automation: `audio_items` (words) within `audio_segments` (turns); channels
    `ch_0`, `ch_1`.
    """

    @staticmethod
    def recognise(doc: Any) -> bool:
        """Tell whether `doc` has this shape."""
        return isinstance(doc, Mapping) and any(
            any_object(doc.get(k), lambda r: "start_timestamp_millis" in r)
            for k in ("audio_items", "audio_segments")
        )

    @staticmethod
    def convert(doc: Doc) -> Transcript:
        """Read segments with their items. Raises FieldError where a list or object has another
        type.
        """
        said = dict(_segments(doc))
        for item in require_objects(doc.get("audio_items"), "words"):
            whose = said.setdefault(as_key(item.get("audio_segment_index")), Utterance())
            if item.get("start_timestamp_millis") is not None:
                whose.words.append(
                    make_word(
                        item.get("content"),
                        *start_and_end(item, "start_timestamp_millis", "end_timestamp_millis"),
                    )
                )
        used = "speaker_label channel_label type asset_id semantic_modality s3_bucket s3_key"
        return make_transcript(said.values(), doc, used.split())


def _segments(doc: Doc) -> Iterator[tuple[Any, Utterance]]:
    for n, segment in enumerate(require_objects(doc.get("audio_segments"), "outline")):
        labels: JsonObject = {}
        for part in ("speaker", "channel"):
            value = segment.get(part)
            labels |= value if isinstance(value, Mapping) else {}
        label = labels.get("channel_label")
        channel = (
            channel_from_zero(int(label[3:]))
            if isinstance(label, str) and label.startswith("ch_") and label[3:].isdigit()
            else None
        )
        times = start_and_end(segment, "start_timestamp_millis", "end_timestamp_millis")
        yield (
            as_key(segment.get("segment_index", n)),
            Utterance(segment.get("text"), *times, labels.get("speaker_label"), channel),
        )
