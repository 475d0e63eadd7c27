"""Transcripts in the shapes that recognisers deliver: the platform's outline, AWS Transcribe,
Whisper, Deepgram, flat text, words with times.
"""

from __future__ import annotations

import random

from callveil.schemas.json_types import JsonObject
from callveil.transforms.lab.sample.dialogues import DialogueTurn


def as_outline(
    turns: list[DialogueTurn], names: tuple[str, str] = ("Caller", "Agent")
) -> list[JsonObject]:
    """Return the platform's outline: speaker, text, channel (1 external party, 2 business), s and e
    in seconds.
    """
    return [
        {"speaker": names[t.channel - 1], "text": t.text, "channel": t.channel, "s": t.s, "e": t.e}
        for t in turns
    ]


def as_word_rows(rng: random.Random, turns: list[DialogueTurn]) -> list[JsonObject]:
    """Return one row per word; a turn's time is shared out by the words' lengths."""
    out = []
    for t in turns:
        parts = t.text.split()
        step, at = (t.e - t.s) / (len(t.text) + 1), t.s
        for w in parts:
            end = at + step * (len(w) + 1)
            out.append(
                {
                    "word": w,
                    "s": round(at, 3),
                    "e": round(end, 3),
                    "channel": t.channel,
                    "speaker": "Caller" if t.channel == 1 else "Agent",
                    "confidence": round(0.7 + 0.3 * rng.random(), 3),
                }
            )
            at = end
    return out


def as_flat_text(turns: list[DialogueTurn], labelled: bool) -> tuple[str, list[int]]:
    """(text, offset at which each turn's text begins): `Agent: ...` lines, or plain lines."""
    parts, starts, place = [], [], 0
    for t in turns:
        head = ("Agent: " if t.channel == 2 else "Caller: ") if labelled else ""
        starts.append(place + len(head))
        parts.append(head + t.text)
        place += len(parts[-1]) + 1
    return "\n".join(parts), starts


def as_one_line(turns: list[DialogueTurn]) -> tuple[str, list[int]]:
    """(text, offsets) of all turns on one line."""
    text, starts = as_flat_text(turns, False)
    return text.replace("\n", " "), starts


def as_aws_transcribe(rng: random.Random, turns: list[DialogueTurn], job: str) -> JsonObject:
    """Return AWS Transcribe's standard form, with channel labels: `results.transcripts`,
    `results.items` with times as strings, punctuation items without.
    """
    items: list[JsonObject] = []
    for w in as_word_rows(rng, turns):
        bare = w["word"].rstrip(".,?!")
        channel = f"ch_{w['channel'] - 1}"
        if bare:
            items.append(
                {
                    "channel_label": channel,
                    "start_time": f"{w['s']:.2f}",
                    "end_time": f"{w['e']:.2f}",
                    "type": "pronunciation",
                    "alternatives": [{"confidence": f"{w['confidence']:.3f}", "content": bare}],
                }
            )
        if bare != w["word"]:
            items.append(
                {
                    "channel_label": channel,
                    "type": "punctuation",
                    "alternatives": [{"confidence": "0.0", "content": w["word"][-1]}],
                }
            )
    labels = [
        {"channel_label": f"ch_{c}", "items": [i for i in items if i["channel_label"] == f"ch_{c}"]}
        for c in (0, 1)
    ]
    return {
        "jobName": job,
        "accountId": "000000000000",
        "status": "COMPLETED",
        "results": {
            "transcripts": [{"transcript": as_one_line(turns)[0]}],
            "channel_labels": {"channels": labels, "number_of_channels": 2},
            "items": items,
        },
    }


def as_whisper(rng: random.Random, turns: list[DialogueTurn]) -> JsonObject:
    """Whisper: text, segments with words and probabilities; it knows no channels."""
    segments = []
    for i, t in enumerate(turns):
        rows = [
            {
                "word": f" {w['word']}",
                "start": w["s"],
                "end": w["e"],
                "probability": w["confidence"],
            }
            for w in as_word_rows(rng, [t])
        ]
        segments.append(
            {
                "id": i,
                "seek": 0,
                "start": t.s,
                "end": t.e,
                "text": f" {t.text}",
                "temperature": 0.0,
                "avg_logprob": -round(rng.random() / 2, 3),
                "no_speech_prob": round(rng.random() / 10, 4),
                "words": rows,
            }
        )
    return {"text": as_one_line(turns)[0], "segments": segments, "language": "en"}


def as_deepgram(rng: random.Random, turns: list[DialogueTurn], request: str) -> JsonObject:
    """Deepgram, multichannel with utterances: channel 0 is the caller, 1 the business."""
    channels: list[JsonObject] = []
    utterances: list[JsonObject] = []
    for c in (1, 2):
        own = [t for t in turns if t.channel == c]
        rows = [
            {
                "word": w["word"].lower().strip(".,?!"),
                "start": w["s"],
                "end": w["e"],
                "confidence": w["confidence"],
                "punctuated_word": w["word"],
            }
            for w in as_word_rows(rng, own)
        ]
        channels.append(
            {
                "alternatives": [
                    {"transcript": as_one_line(own)[0], "confidence": 0.97, "words": rows}
                ]
            }
        )
    for t in turns:
        utterances.append(
            {
                "start": t.s,
                "end": t.e,
                "confidence": 0.95,
                "channel": t.channel - 1,
                "transcript": t.text,
                "id": f"{request}-{len(utterances)}",
            }
        )
    return {
        "metadata": {
            "request_id": request,
            "channels": 2,
            "duration": turns[-1].e if turns else 0.0,
        },
        "results": {"channels": channels, "utterances": utterances},
    }
