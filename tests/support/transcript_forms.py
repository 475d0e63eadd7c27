"""One invented call in the form of each recogniser, as its documentation shows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

SAID = (
    (2, 0.5, "thanks for calling may i have your name"),
    (1, 5.0, "it is tove lindquist"),
    (2, 8.25, "and your number please"),
    (1, 11.0, "five five five zero one nine nine"),
)
"""Channel (1 external party, 2 business), start in seconds, words."""
LENGTH, STEP = 0.25, 0.375
"""Seconds a word lasts; from one word's start to the next one's."""
Word = tuple[str, float, float]
Turn = tuple[int, list[Word]]
TURNS: list[Turn] = [
    (
        channel,
        [(w, start + n * STEP, start + n * STEP + LENGTH) for n, w in enumerate(text.split())],
    )
    for channel, start, text in SAID
]


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def _text(words: list[Word]) -> str:
    return " ".join(w for w, _, _ in words)


def _all() -> list[tuple[int, Word]]:
    return [(channel, word) for channel, words in TURNS for word in words]


def _clock(seconds: float, comma: str) -> str:
    return f"00:00:{seconds:06.3f}".replace(".", comma)


def azure_batch() -> Any:
    def part(name: str, seconds: float) -> dict[str, Any]:
        return {name: f"PT{seconds}S", f"{name}InTicks": seconds * 1e7}

    phrases = []
    for channel, words in TURNS:
        text, start, end = _text(words), words[0][1], words[-1][2]
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
        {"channel": c - 1, "lexical": " ".join(_text(w) for n, w in TURNS if n == c), "display": ""}
        for c in (1, 2)
    ]
    return {
        "timestamp": "2026-11-01T10:00:00Z",
        "combinedRecognizedPhrases": whole,
        "recognizedPhrases": phrases,
    }


def azure_fast() -> Any:
    def part(start: float, end: float) -> dict[str, int]:
        return {"offsetMilliseconds": _ms(start), "durationMilliseconds": _ms(end - start)}

    phrases = [
        {
            "channel": c - 1,
            "text": _text(words),
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
                    "transcript": _text(words),
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
    return {"results": _google("start_time", "end_time", "speaker_tag", _ms, "channel_tag")}


def watson() -> Any:
    results = [
        {
            "final": True,
            "alternatives": [
                {
                    "transcript": _text(words) + " ",
                    "timestamps": [[w, s, e] for w, s, e in words],
                    "word_confidence": [[w, 0.9] for w, _, _ in words],
                }
            ],
        }
        for _, words in TURNS
    ]
    labels = [{"from": s, "to": e, "speaker": c, "final": True} for c, (_, s, e) in _all()]
    return {"result_index": 0, "results": results, "speaker_labels": labels}


def bedrock() -> Any:
    segments = [
        {
            "segment_index": n,
            "start_timestamp_millis": _ms(words[0][1]),
            "end_timestamp_millis": _ms(words[-1][2]),
            "type": "TRANSCRIPT",
            "text": _text(words),
            "speaker": {"speaker_label": f"spk_{c - 1}"},
            "channel": {"channel_label": f"ch_{c - 1}"},
        }
        for n, (c, words) in enumerate(TURNS)
    ]
    items = [
        {
            "audio_segment_index": n,
            "content": w,
            "start_timestamp_millis": _ms(s),
            "end_timestamp_millis": _ms(e),
        }
        for n, (_, words) in enumerate(TURNS)
        for w, s, e in words
    ]
    whole = {"transcript": {"representation": {"text": " ".join(_text(w) for _, w in TURNS)}}}
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
            "start": _ms(s),
            "end": _ms(e),
            "confidence": 0.9,
            "speaker": "BA"[c - 1],
            "channel": str(c),
        }

    spoken = [
        row(c, _text(words), words[0][1], words[-1][2]) | {"words": [row(c, *w) for w in words]}
        for c, words in TURNS
    ]
    flat = " ".join(_text(w) for _, w in TURNS)
    return {
        "id": "t",
        "status": "completed",
        "text": flat,
        "words": [row(c, *w) for c, w in _all()],
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
        for c, (w, s, e) in _all()
    ]
    mark = {"type": "punctuation", "start_time": 13.5, "end_time": 13.5, "channel": "channel_1"}
    return {"format": "2.9", "results": [*results, mark | {"alternatives": [{"content": "."}]}]}


def eleven() -> Any:
    def words(channel: int) -> list[dict[str, Any]]:
        out: list[dict[str, Any]] = []
        for c, (w, s, e) in _all():
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
        best = {"transcript": _text(words), "confidence": 0.9, "words": rows}
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
                "transcript": _text(words),
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
                {"start": _ms(words[0][1]), "end": _ms(words[-1][2]), "text": _text(words)}
            ],
        }
        for c, words in TURNS
    ]
    return {"callTranscripts": [{"callId": "7", "transcript": said}]}


def genesys() -> Any:
    begin = 1_793_000_000_000

    def part(s: float, e: float) -> dict[str, Any]:
        return {"startTimeMs": begin + _ms(s), "duration": {"milliseconds": _ms(e - s)}}

    phrases = [
        {
            "text": _text(words),
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


def nemo() -> Any:
    words = [
        {"word": w, "start_time": s, "end_time": e, "speaker": f"speaker_{c}"}
        for c, (w, s, e) in _all()
    ]
    sentences = [
        {
            "sentence": _text(w),
            "start_time": w[0][1],
            "end_time": w[-1][2],
            "speaker": f"speaker_{c}",
        }
        for c, w in TURNS
    ]
    return {"status": "success", "session_id": "a", "words": words, "sentences": sentences}


def nemo_stamps() -> Any:
    flat = [w for _, w in _all()]
    stamps = {
        "word": [
            {"word": w, "start": s, "end": e, "start_offset": 1, "end_offset": 2}
            for w, s, e in flat
        ],
        "segment": [{"segment": _text(w), "start": w[0][1], "end": w[-1][2]} for _, w in TURNS],
    }
    return {"text": _text(flat), "timestamp": stamps}


def whisper_cpp() -> Any:
    def part(s: float, e: float) -> dict[str, Any]:
        return {
            "timestamps": {"from": _clock(s, ","), "to": _clock(e, ",")},
            "offsets": {"from": _ms(s), "to": _ms(e)},
        }

    rows = []
    for _, words in TURNS:
        tokens = [{"text": "[_BEG_]", **part(0, 0)}]
        for w, s, e in words:
            half = (s + e) / 2
            tokens += [{"text": f" {w[:2]}", "p": 0.9, **part(s, half if w[2:] else e)}]
            tokens += [{"text": w[2:], "p": 0.9, **part(half, e)}] if w[2:] else []
        rows.append(
            {"text": f" {_text(words)}", "tokens": tokens, **part(words[0][1], words[-1][2])}
        )
    return {
        "systeminfo": "AVX",
        "model": {},
        "params": {},
        "result": {"language": "en"},
        "transcription": rows,
    }


def hugging_face() -> Any:
    chunks = [{"text": f" {w}", "timestamp": [s, e]} for _, (w, s, e) in _all()]
    return {"text": " ".join(w for _, (w, _, _) in _all()), "chunks": chunks}


def hugging_face_turns() -> Any:
    return {
        "chunks": [{"text": f" {_text(w)}", "timestamp": [w[0][1], w[-1][2]]} for _, w in TURNS]
    }


def vosk() -> Any:
    return [
        {
            "result": [{"conf": 0.9, "start": s, "end": e, "word": w} for w, s, e in words],
            "text": _text(words),
        }
        for _, words in TURNS
    ]


def zoom() -> Any:
    cues = (
        (
            f"{n}\n{_clock(w[0][1], '.')} --> "
            f"{_clock(w[-1][2], '.')}\n{('Caller', 'Agent')[c - 1]}: "
            f"{_text(w)}"
        )
        for n, (c, w) in enumerate(TURNS, 1)
    )
    return "WEBVTT\n\n" + "\n\n".join(cues) + "\n"


def teams() -> Any:
    cues = (
        (
            f"{n}/1-0\n{_clock(w[0][1], '.')} --> {_clock(w[-1][2], '.')} align:start\n<v "
            f"{('Tove Lindquist', 'Agent')[c - 1]}>{_text(w)}</v>"
        )
        for n, (c, w) in enumerate(TURNS, 1)
    )
    return "WEBVTT\r\n\r\nNOTE language:en-us\r\n\r\n" + "\n\n".join(cues).replace("\n", "\r\n")


def subrip() -> Any:
    return "\n\n".join(
        f"{n}\n{_clock(w[0][1], ',')} --> {_clock(w[-1][2], ',')}\n{_text(w)}"
        for n, (_, w) in enumerate(TURNS, 1)
    )


def azure_sdk() -> Any:
    def part(start: float, end: float) -> dict[str, int]:
        return {"Offset": round(start * 1e7), "Duration": round((end - start) * 1e7)}

    return [
        {
            "Id": str(n),
            "RecognitionStatus": "Success",
            "Channel": c - 1,
            "DisplayText": _text(words),
            **part(words[0][1], words[-1][2]),
            "NBest": [
                {
                    "Confidence": 0.9,
                    "Lexical": _text(words),
                    "Display": _text(words),
                    "Words": [{"Word": w, **part(s, e)} for w, s, e in words],
                }
            ],
        }
        for n, (c, words) in enumerate(TURNS)
    ]


def assembly_sentences() -> Any:
    said = [
        {
            "text": _text(w),
            "start": _ms(w[0][1]),
            "end": _ms(w[-1][2]),
            "channel": str(c),
            "speaker": "AB"[c - 1],
            "words": [
                {"text": t, "start": _ms(s), "end": _ms(e), "speaker": None} for t, s, e in w
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
            "metadata": {"transcript": _text(words)},
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
            "Content": _text(w),
            "Sentiment": "NEUTRAL",
            "BeginOffsetMillis": _ms(w[0][1]),
            "EndOffsetMillis": _ms(w[-1][2]),
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
                    element[new] = _clock(element.pop(old), ",")
    return doc


def vosk_best() -> Any:
    return [
        {
            "alternatives": [
                {"confidence": 250.5, **part},
                {"confidence": 249.1, "text": part["text"]},
            ]
        }
        for part in vosk()
    ]


def ctm() -> Any:
    rows = sorted((s, c, w, e) for c, (w, s, e) in _all())
    return (
        ";;\n"
        + "\n".join(f"call {'AB'[c - 1]} {s:.3f} {e - s:.3f} {w} 0.98" for s, c, w, e in rows)
        + "\n"
    )


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
