"""Transcripts in the shapes of each recogniser, as their documentation shows them. All words here
are made up.
"""

import json

import pytest

from callveil.schemas.fields import FieldError
from callveil.schemas.interaction import SourceRef
from callveil.schemas.policy import InputLimits
from callveil.transforms.ingest.normalise import normalize_interaction
from callveil.transforms.ingest.transcripts import is_covered, language_code, read_transcript


def record(**members):
    doc = {"id": 1, "account_id": 2, "unix_time": 1730000000, **members}
    return normalize_interaction(doc, SourceRef("f", 1, 0), InputLimits()).record


def item(text, start=None, end=None, kind="pronunciation", **more):
    times = {} if start is None else {"start_time": str(start), "end_time": str(end)}
    return {
        **times,
        "alternatives": [{"confidence": "0.98", "content": text}],
        "type": kind,
        **more,
    }


HOLD = [
    item("I'm", 4.86, 5.0),
    item("holding", 5.01, 5.6),
    item(".", kind="punctuation"),
    item("Sorry", 8.5, 8.9),
    item(".", kind="punctuation"),
]


def aws(**results):
    return {
        "jobName": "job-1",
        "accountId": "111122223333",
        "status": "COMPLETED",
        "results": {"transcripts": [{"transcript": "I'm holding. Sorry."}], **results},
    }


def test_aws_plain():
    got = record(transcription_json=json.dumps(aws(items=HOLD, language_code="en-US")))
    assert [(r["text"], r["s"], r["e"]) for r in got["outline"]] == [
        ("I'm holding.", 4.86, 5.6),
        ("Sorry.", 8.5, 8.9),
    ]
    assert [(w["word"], w["s"], w["confidence"]) for w in got["words"]] == [
        ("I'm", 4.86, 0.98),
        ("holding.", 5.01, 0.98),
        ("Sorry.", 8.5, 0.98),
    ]
    assert (
        "channel" not in got["outline"][0]
        and got["language"] == "en"
        and "transcription_text" not in got
    )
    assert got["extra"] == {
        "transcription_json": {
            "jobName": "job-1",
            "accountId": "111122223333",
            "status": "COMPLETED",
        }
    }


def test_aws_channels():
    channels = [
        {"channel_label": "ch_0", "items": [{**i, "channel_label": "ch_0"} for i in HOLD[:3]]},
        {"channel_label": "ch_1", "items": [{**i, "channel_label": "ch_1"} for i in HOLD[3:]]},
    ]
    for results in (
        {"channel_labels": {"channels": channels, "number_of_channels": 2}},
        {
            "channel_labels": {"channels": channels},
            "items": [i for c in channels for i in c["items"]],
        },
    ):
        got = record(transcript=aws(**results))
        assert [(r["channel"], r["text"]) for r in got["outline"]] == [
            (1, "I'm holding."),
            (2, "Sorry."),
        ]
        assert [w["channel"] for w in got["words"]] == [1, 1, 2]
        assert "results" not in got["extra"]["transcript"]


def test_aws_speakers_and_alternatives():
    segments = [
        {
            "start_time": "4.86",
            "end_time": "5.6",
            "speaker_label": "spk_0",
            "items": [{"start_time": "4.86", "speaker_label": "spk_0"}, {"start_time": "5.01"}],
        },
        {
            "start_time": "8.5",
            "end_time": "8.9",
            "speaker_label": "spk_1",
            "items": [{"start_time": "8.5", "speaker_label": "spk_1"}],
        },
    ]
    other = {
        **HOLD[0],
        "alternatives": [*HOLD[0]["alternatives"], {"confidence": "0.3", "content": "Zimmer"}],
    }
    got = record(
        transcript=aws(
            items=[other, *HOLD[1:]],
            speaker_labels={"channel_label": "ch_0", "speakers": 2, "segments": segments},
            audio_segments=[{"id": 0, "transcript": "I'm holding."}],
        )
    )
    assert [(r["speaker"], r.get("channel"), r["text"]) for r in got["outline"]] == [
        ("spk_0", None, "I'm holding."),
        ("spk_1", None, "Sorry."),
    ]
    assert (
        "Zimmer" in json.dumps(got["words"][0]["extra"])
        and "results" not in got["extra"]["transcript"]
    )


def test_aws_call_analytics():
    turns = [
        {
            "LoudnessScores": [78.6],
            "Content": "Hello, this is Zora.",
            "Id": "a1",
            "BeginOffsetMillis": 440,
            "EndOffsetMillis": 2960,
            "Sentiment": "NEUTRAL",
            "ParticipantRole": "AGENT",
            "Items": [
                {
                    "Type": "pronunciation",
                    "Content": "Hello",
                    "Confidence": "1.0",
                    "BeginOffsetMillis": 440,
                    "EndOffsetMillis": 910,
                },
                {"Type": "punctuation", "Content": ",", "Confidence": "0.0"},
                {
                    "Type": "pronunciation",
                    "Content": "Zora",
                    "Confidence": "0.9",
                    "BeginOffsetMillis": 2000,
                    "EndOffsetMillis": 2960,
                },
            ],
        },
        {
            "Content": "Hi.",
            "BeginOffsetMillis": 3000,
            "EndOffsetMillis": 3500,
            "ParticipantRole": "CUSTOMER",
            "Items": [],
        },
    ]
    got = record(
        transcript={
            "LanguageCode": "en-US",
            "Transcript": turns,
            "Participants": [{"ParticipantRole": "AGENT"}],
            "JobName": "j",
        }
    )
    assert [(r["speaker"], r["channel"], r["s"], r["e"]) for r in got["outline"]] == [
        ("AGENT", 2, 0.44, 2.96),
        ("CUSTOMER", 1, 3.0, 3.5),
    ]
    assert [(w["word"], w["channel"], w["s"]) for w in got["words"]] == [
        ("Hello,", 2, 0.44),
        ("Zora", 2, 2.0),
    ]
    assert got["outline"][0]["extra"] == {
        "LoudnessScores": [78.6],
        "Id": "a1",
        "Sentiment": "NEUTRAL",
    }
    assert (
        got["extra"]["transcript"]
        == {"Participants": [{"ParticipantRole": "AGENT"}], "JobName": "j"}
        and got["language"] == "en"
    )


def test_whisper_and_relatives():
    words = [
        {"word": " Hello", "start": 0.0, "end": 0.4, "probability": 0.91},
        {"word": " there.", "start": 0.4, "end": 0.8, "probability": 0.8},
    ]
    segment = {
        "id": 0,
        "seek": 0,
        "start": 0.0,
        "end": 0.8,
        "text": " Hello there.",
        "tokens": [50364, 2425],
        "avg_logprob": -0.2,
        "words": words,
    }
    got = record(transcript={"text": " Hello there.", "segments": [segment], "language": "english"})
    assert got["outline"] == [
        {
            "text": "Hello there.",
            "s": 0.0,
            "e": 0.8,
            "extra": {"id": 0, "seek": 0, "avg_logprob": -0.2},
        }
    ]
    assert [(w["word"], w["confidence"]) for w in got["words"]] == [
        ("Hello", 0.91),
        ("there.", 0.8),
    ]
    assert got["language"] == "en" and "extra" not in got and "transcription_text" not in got
    x = {
        "segments": [
            {
                "start": 0,
                "end": 1,
                "text": "Hi",
                "speaker": "SPEAKER_00",
                "words": [{"word": "Hi", "start": 0, "end": 1, "score": 0.5}],
            }
        ],
        "word_segments": [{"word": "Hi", "start": 0, "end": 1, "score": 0.5}],
    }
    got = record(transcription=x)
    assert (
        got["words"]
        == [{"word": "Hi", "s": 0.0, "e": 1.0, "speaker": "SPEAKER_00", "confidence": 0.5}]
        and "extra" not in got
    )
    got = record(
        transcript={
            "text": "Hi you",
            "words": [{"word": "Hi", "start": 0, "end": 1}, {"word": "you", "start": 4, "end": 5}],
            "duration": 6,
        }
    )
    assert [r["text"] for r in got["outline"]] == ["Hi", "you"] and got["extra"] == {
        "transcript": {"duration": 6}
    }
    assert (
        record(transcript={"text": "Something else", "segments": [segment]})["transcription_text"]
        == "Something else"
    )


def deepgram(channels, **results):
    return {
        "metadata": {"request_id": "r", "channels": len(channels)},
        "results": {"channels": channels, **results},
    }


def heard(text, start, **more):
    words = [
        {
            "word": w.lower().strip(".,"),
            "punctuated_word": w,
            "start": start + i,
            "end": start + i + 0.5,
            "confidence": 0.9,
            **more,
        }
        for i, w in enumerate(text.split())
    ]
    return {"alternatives": [{"transcript": text, "confidence": 0.95, "words": words}]}


def test_deepgram():
    two = [heard("Hello there.", 0), heard("Good day.", 5)]
    got = record(transcript=deepgram(two))
    assert [(r["channel"], r["text"], r["s"], r["e"]) for r in got["outline"]] == [
        (1, "Hello there.", 0.0, 1.5),
        (2, "Good day.", 5.0, 6.5),
    ]
    assert [w["word"] for w in got["words"]] == [
        "Hello",
        "there.",
        "Good",
        "day.",
    ] and "extra" not in got["words"][0]
    assert got["extra"] == {"transcript": {"metadata": {"request_id": "r", "channels": 2}}}
    spoken = [
        {
            "start": 0,
            "end": 1.5,
            "confidence": 0.9,
            "channel": 0,
            "transcript": "Hello there.",
            "words": two[0]["alternatives"][0]["words"],
            "id": "u",
        }
    ]
    got = record(transcript=deepgram(two, utterances=spoken))
    assert [(r["channel"], r["text"]) for r in got["outline"]] == [(1, "Hello there.")]
    assert [w["word"] for w in got["words"]] == [
        "Hello",
        "there.",
        "Good",
        "day.",
    ]  # what no utterance holds is still among the words
    one = [heard("Hello there.", 0, speaker=0)]
    one[0]["alternatives"][0]["paragraphs"] = {
        "transcript": "\nSpeaker 0: Hello there.",
        "paragraphs": [
            {
                "sentences": [{"text": "Hello there.", "start": 0, "end": 1.5}],
                "num_words": 2,
                "start": 0,
                "end": 1.5,
                "speaker": 0,
            }
        ],
    }
    got = record(transcript=deepgram(one))
    assert (
        got["outline"] == [{"speaker": "0", "text": "Hello there.", "s": 0.0, "e": 1.5}]
        and "results" not in got["extra"]["transcript"]
    )
    one[0]["alternatives"].append({"transcript": "Yellow bear", "confidence": 0.1, "words": []})
    assert "Yellow bear" in json.dumps(record(transcript=deepgram(one))["extra"])
    assert (
        record(
            transcript=deepgram(
                [{"alternatives": [{"transcript": "Only text", "confidence": 1, "words": []}]}]
            )
        )["transcription_text"]
        == "Only text"
    )


ROWS = [
    {"speaker": "Agent", "text": "Hello", "channel": 2, "s": 0, "e": 1},
    {"speaker": "Caller", "text": "Hi", "s": "0:01", "e": "0:02.5", "mood": "glad"},
]


@pytest.mark.parametrize(
    "members",
    [
        {"outline": ROWS},
        {"outline": json.dumps(ROWS)},
        {"transcript": ROWS},
        {"transcript": {"outline": ROWS}},
        {"transcription": {"outline": ROWS}},
        {"transcript_outline": ROWS},
        {"transcription_text": json.dumps({"outline": ROWS})},
        {"transcription_json": ROWS},
    ],
)
def test_platform(members):
    got = record(**members)
    assert got["outline"] == [
        {"speaker": "Agent", "text": "Hello", "channel": 2, "s": 0.0, "e": 1.0},
        {
            "speaker": "Caller",
            "text": "Hi",
            "channel": 1,
            "s": 1.0,
            "e": 2.5,
            "extra": {"mood": "glad"},
        },
    ]
    assert "extra" not in got and "transcription_text" not in got


def test_several_transcripts_in_one_record():
    got = record(
        outline=ROWS,
        transcription_text="Agent: Hello\nCaller: Hi",
        transcript="Hello hi",
        transcription="https://example.com/t/1",
    )
    assert (
        got["transcription_text"].startswith("Agent:")
        and got["transcription"].startswith("https")
        and "extra" not in got
    )
    got = record(outline=ROWS, transcript=deepgram([heard("Entirely different.", 0)]))
    assert (
        len(got["outline"]) == 2
        and "Entirely different." in json.dumps(got["extra"])
        and got["words"]
    )
    assert record(transcription="I said my name")["transcription_text"] == "I said my name"
    assert record(transcription="jane@example.com")["transcription_text"] == "jane@example.com"
    assert record(transcript={"odd": "shape"})["extra"] == {"transcript": {"odd": "shape"}}


@pytest.mark.parametrize(
    ("members", "path"),
    [
        ({"outline": 5}, "outline"),
        ({"outline": [5]}, "outline[0]"),
        ({"transcript": aws(items="x")}, "words"),
        ({"transcript": aws(items=[5])}, "words[0]"),
        ({"words": [{"word": "a", "s": "x"}]}, "words[0].s"),
        ({"transcript": deepgram([5])}, "outline[0]"),
    ],
)
def test_faults_name_the_declared_place(members, path):
    with pytest.raises(FieldError) as caught:
        record(**members)
    assert caught.value.path == path


def test_helpers():
    assert [language_code(v) for v in ("en-US", "English", "pt_BR", "x!", 5, "")] == [
        "en",
        "en",
        "pt",
        "",
        "",
        "",
    ]
    assert is_covered({"a": ["Hello, THERE"], "n": 5}, "hellothere") and not is_covered(
        "bye", "hellothere"
    )
    assert read_transcript({"nothing": 1}) is None and read_transcript([]) is None
