"""One invented call in the form of each recogniser, as its documentation shows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from support.invented_call import TURNS, Word, clock, every_word, joined, milliseconds
from support.toolkit_transcripts import (
    ctm,
    hugging_face,
    hugging_face_turns,
    nemo,
    nemo_stamps,
    subrip,
    teams,
    vosk,
    vosk_best,
    whisper_cpp,
    zoom,
)


def azure_batch() -> Any:
    def part(name: str, seconds: float) -> dict[str, Any]:
        return {name: f"PT{seconds}S", f"{name}InTicks": seconds * 1e7}

    phrases = []
    for channel, words in TURNS:
        text, start, end = joined(words), words[0][1], words[-1][2]
        rows = [
            {"word": w, "confidence": 0.9, **part("offset", s), **part("duration", e - s)}
            for w, s, e in words
        ]
        best = {
            "confidence": 0.9,
            "lexical": text,
            "itn": text,
            "maskedITN": text,
            "display": text.capitalize() + ".",
            "words": rows,
        }
        phrase = {
            "recognitionStatus": "Success",
            "channel": channel - 1,
            "nBest": [best],
            "locale": "en-US",
        }
        phrases.append({**phrase, **part("offset", start), **part("duration", end - start)})
    whole = [
        {
            "channel": c - 1,
            "lexical": " ".join(joined(w) for n, w in TURNS if n == c),
            "display": "",
        }
        for c in (1, 2)
    ]
    return {
        "timestamp": "2026-11-01T10:00:00Z",
        "combinedRecognizedPhrases": whole,
        "recognizedPhrases": phrases,
    }


def azure_fast() -> Any:
    def part(start: float, end: float) -> dict[str, int]:
        return {
            "offsetMilliseconds": milliseconds(start),
            "durationMilliseconds": milliseconds(end - start),
        }

    phrases = [
        {
            "channel": c - 1,
            "text": joined(words),
            "words": [{"text": w, **part(s, e)} for w, s, e in words],
            "locale": "en-US",
            **part(words[0][1], words[-1][2]),
        }
        for c, words in TURNS
    ]
    return {"durationMilliseconds": 15000, "combinedPhrases": [], "phrases": phrases}


def _google(
    start: str, end: str, label: str, form: Callable[[float], Any], tag: str
) -> list[dict[str, Any]]:
    return [
        {
            "alternatives": [
                {
                    "transcript": joined(words),
                    "confidence": 0.9,
                    "words": [
                        {start: form(s), end: form(e), "word": w, label: c} for w, s, e in words
                    ],
                }
            ],
            tag: c,
        }
        for c, words in TURNS
    ]


def google_v1() -> Any:
    results = _google("startTime", "endTime", "speakerTag", lambda s: f"{s:.3f}s", "channelTag")
    return {"name": "123", "done": True, "response": {"results": results}}


def google_v2() -> Any:
    results = _google("startOffset", "endOffset", "speakerLabel", lambda s: f"{s}s", "channelTag")
    return {"results": {"gs://bucket/call.wav": {"transcript": {"results": results}}}}


def google_protobuf() -> Any:
    def form(s: float) -> dict[str, int]:
        return {"seconds": int(s), "nanos": round((s % 1) * 1e9)}

    return {"results": _google("start_time", "end_time", "speaker_tag", form, "channel_tag")}


def riva() -> Any:
    return {
        "results": _google("start_time", "end_time", "speaker_tag", milliseconds, "channel_tag")
    }


def watson() -> Any:
    results = [
        {
            "final": True,
            "alternatives": [
                {
                    "transcript": joined(words) + " ",
                    "timestamps": [[w, s, e] for w, s, e in words],
                    "word_confidence": [[w, 0.9] for w, _, _ in words],
                }
            ],
        }
        for _, words in TURNS
    ]
    labels = [{"from": s, "to": e, "speaker": c, "final": True} for c, (_, s, e) in every_word()]
    return {"result_index": 0, "results": results, "speaker_labels": labels}


def bedrock() -> Any:
    segments = [
        {
            "segment_index": n,
            "start_timestamp_millis": milliseconds(words[0][1]),
            "end_timestamp_millis": milliseconds(words[-1][2]),
            "type": "TRANSCRIPT",
            "text": joined(words),
            "speaker": {"speaker_label": f"spk_{c - 1}"},
            "channel": {"channel_label": f"ch_{c - 1}"},
        }
        for n, (c, words) in enumerate(TURNS)
    ]
    items = [
        {
            "audio_segment_index": n,
            "content": w,
            "start_timestamp_millis": milliseconds(s),
            "end_timestamp_millis": milliseconds(e),
        }
        for n, (_, words) in enumerate(TURNS)
        for w, s, e in words
    ]
    whole = {"transcript": {"representation": {"text": " ".join(joined(w) for _, w in TURNS)}}}
    return {
        "metadata": {"asset_id": "0"},
        "audio": whole,
        "audio_items": items,
        "audio_segments": segments,
    }


def assembly() -> Any:
    def row(c: int, w: str, s: float, e: float) -> dict[str, Any]:
        return {
            "text": w,
            "start": milliseconds(s),
            "end": milliseconds(e),
            "confidence": 0.9,
            "speaker": "BA"[c - 1],
            "channel": str(c),
        }

    spoken = [
        row(c, joined(words), words[0][1], words[-1][2]) | {"words": [row(c, *w) for w in words]}
        for c, words in TURNS
    ]
    flat = " ".join(joined(w) for _, w in TURNS)
    return {
        "id": "t",
        "status": "completed",
        "text": flat,
        "words": [row(c, *w) for c, w in every_word()],
        "utterances": spoken,
    }


def rev() -> Any:
    def elements(words: list[Word]) -> list[dict[str, Any]]:
        out: list[dict[str, Any]] = []
        for w, s, e in words:
            out += [
                {"type": "text", "value": w, "ts": s, "end_ts": e},
                {"type": "punct", "value": " "},
            ]
        return [*out[:-1], {"type": "punct", "value": "."}]

    return {"monologues": [{"speaker": c, "elements": elements(words)} for c, words in TURNS]}


def speechmatics() -> Any:
    results = [
        {
            "type": "word",
            "start_time": s,
            "end_time": e,
            "channel": f"channel_{c}",
            "alternatives": [
                {"content": w, "confidence": 0.9, "language": "en", "speaker": f"S{c}"}
            ],
        }
        for c, (w, s, e) in every_word()
    ]
    mark = {"type": "punctuation", "start_time": 13.5, "end_time": 13.5, "channel": "channel_1"}
    return {"format": "2.9", "results": [*results, mark | {"alternatives": [{"content": "."}]}]}


def eleven() -> Any:
    def words(channel: int) -> list[dict[str, Any]]:
        out: list[dict[str, Any]] = []
        for c, (w, s, e) in every_word():
            if c == channel:
                out.append(
                    {"text": w, "start": s, "end": e, "type": "word", "speaker_id": "speaker_0"}
                )
                out.append(
                    {
                        "text": " ",
                        "start": e,
                        "end": e,
                        "type": "spacing",
                        "speaker_id": "speaker_0",
                    }
                )
        return out

    parts = [{"language_code": "eng", "channel_index": c - 1, "words": words(c)} for c in (1, 2)]
    return {"transcripts": [p | {"text": "".join(w["text"] for w in p["words"])} for p in parts]}


def deepgram_live() -> Any:
    def message(c: int, words: list[Word], final: bool) -> dict[str, Any]:
        rows = [{"word": w, "start": s, "end": e, "confidence": 0.9} for w, s, e in words]
        start, end = words[0][1], words[-1][2]
        best = {"transcript": joined(words), "confidence": 0.9, "words": rows}
        return {
            "type": "Results",
            "channel_index": [c - 1, 2],
            "start": start,
            "duration": end - start,
            "is_final": final,
            "channel": {"alternatives": [best]},
        }

    return [
        m for c, words in TURNS for m in (message(c, words[:2], False), message(c, words, True))
    ]


def twilio() -> Any:
    return {
        "sentences": [
            {
                "media_channel": c,
                "sentence_index": n,
                "start_time": words[0][1],
                "end_time": words[-1][2],
                "transcript": joined(words),
                "words": [{"word": w, "start_time": s, "end_time": e} for w, s, e in words],
            }
            for n, (c, words) in enumerate(TURNS)
        ]
    }


def gong() -> Any:
    said = [
        {
            "speakerId": str(c),
            "topic": "Intro",
            "sentences": [
                {
                    "start": milliseconds(words[0][1]),
                    "end": milliseconds(words[-1][2]),
                    "text": joined(words),
                }
            ],
        }
        for c, words in TURNS
    ]
    return {"callTranscripts": [{"callId": "7", "transcript": said}]}


def genesys() -> Any:
    begin = 1_793_000_000_000

    def part(s: float, e: float) -> dict[str, Any]:
        return {
            "startTimeMs": begin + milliseconds(s),
            "duration": {"milliseconds": milliseconds(e - s)},
        }

    phrases = [
        {
            "text": joined(words),
            "participantPurpose": ("external", "internal")[c - 1],
            "words": [{"word": w, "confidence": 0.9, **part(s, e)} for w, s, e in words],
            **part(words[0][1], words[-1][2]),
        }
        for c, words in TURNS
    ]
    return {
        "startTime": begin,
        "transcripts": [{"transcriptId": "t", "language": "en-us", "phrases": phrases}],
    }


def azure_sdk() -> Any:
    def part(start: float, end: float) -> dict[str, int]:
        return {"Offset": round(start * 1e7), "Duration": round((end - start) * 1e7)}

    return [
        {
            "Id": str(n),
            "RecognitionStatus": "Success",
            "Channel": c - 1,
            "DisplayText": joined(words),
            **part(words[0][1], words[-1][2]),
            "NBest": [
                {
                    "Confidence": 0.9,
                    "Lexical": joined(words),
                    "Display": joined(words),
                    "Words": [{"Word": w, **part(s, e)} for w, s, e in words],
                }
            ],
        }
        for n, (c, words) in enumerate(TURNS)
    ]


def assembly_sentences() -> Any:
    said = [
        {
            "text": joined(w),
            "start": milliseconds(w[0][1]),
            "end": milliseconds(w[-1][2]),
            "channel": str(c),
            "speaker": "AB"[c - 1],
            "words": [
                {"text": t, "start": milliseconds(s), "end": milliseconds(e), "speaker": None}
                for t, s, e in w
            ],
        }
        for c, w in TURNS
    ]
    return {"id": "x", "confidence": 0.9, "audio_duration": 14, "sentences": said}


def speechmatics_live() -> Any:
    return [
        {
            "message": "AddTranscript",
            "format": "2.9",
            "channel": f"channel_{c}",
            "metadata": {"transcript": joined(words)},
            "results": [
                {
                    "type": "word",
                    "start_time": s,
                    "end_time": e,
                    "alternatives": [{"content": w, "confidence": 1.0, "language": "en"}],
                }
                for w, s, e in words
            ],
        }
        for c, words in TURNS
    ]


def contact_lens_live() -> Any:
    role = ("CUSTOMER", "AGENT")
    said = [
        {
            "Id": str(n),
            "ParticipantId": role[c - 1],
            "ParticipantRole": role[c - 1],
            "Content": joined(w),
            "Sentiment": "NEUTRAL",
            "BeginOffsetMillis": milliseconds(w[0][1]),
            "EndOffsetMillis": milliseconds(w[-1][2]),
        }
        for n, (c, w) in enumerate(TURNS)
    ]
    return {"Channel": "VOICE", "Segments": [{"Transcript": turn} for turn in said]}


def watson_job() -> Any:
    return {"id": "j", "status": "completed", "results": [{"result_index": 0, **watson()}]}


def rev_people() -> Any:
    doc = rev()
    for monologue in doc["monologues"]:
        for element in monologue["elements"]:
            for old, new in (("ts", "timestamp"), ("end_ts", "end_timestamp")):
                if old in element:
                    element[new] = clock(element.pop(old), ",")
    return doc


WITH_CHANNELS = (
    azure_sdk,
    assembly_sentences,
    speechmatics_live,
    ctm,
    azure_batch,
    azure_fast,
    google_v1,
    google_v2,
    google_protobuf,
    riva,
    bedrock,
    assembly,
    speechmatics,
    eleven,
    deepgram_live,
    twilio,
    genesys,
)
"""Forms with words and channels."""
WITH_WORDS = (
    watson,
    watson_job,
    rev,
    rev_people,
    vosk_best,
    nemo,
    nemo_stamps,
    whisper_cpp,
    hugging_face,
    vosk,
)
"""Forms with words and no channels."""
TURNS_ONLY = (gong, contact_lens_live, hugging_face_turns, zoom, teams, subrip)
