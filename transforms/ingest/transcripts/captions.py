"""Transcripts that are text: WebVTT (W3C) as Zoom and Teams write it, SubRip, and CTM (NIST), as
Kaldi, NeMo and sclite write it.
"""

from __future__ import annotations

import html
import re

from callveil.schemas.json_types import JsonObject
from callveil.transforms.ingest.transcripts.common import Transcript, by_time, role_channel
from callveil.transforms.ingest.transcripts.utterances import (
    channel_from_one,
    end_time,
    make_transcript,
    make_word,
    word_utterances,
)

_CLOCK = r"(?:(\d{1,3}):)?(\d{1,2}):(\d{2})[.,](\d{1,3})"
_CUE = re.compile(rf"[ \t]*{_CLOCK}[ \t]*-->[ \t]*{_CLOCK}(?:[ \t].*)?\Z", re.ASCII)
_VOICE = re.compile(r"<v(?:\.[^\s>]*)?[ \t]+([^>]{1,200})>")
_TAG = re.compile(r"</?[A-Za-z0-9.:][^>]{0,200}>")
_NAMED = re.compile(r"([^\s:][^:\n]{0,60}):[ \t]+(?=\S)")
_CTM = re.compile(
    r"(\S+)[ \t]+([A-Za-z]|\d{1,2})[ \t]+(\d+(?:\.\d+)?)[ \t]+(\d+(?:\.\d+)?)[ \t]+(\S+)(?:[ "
    r"\t]+(NA|\d(?:\.\d+)?)(?:[ \t]+\S+)*)?",
    re.ASCII,
)
_BLANK = re.compile(r"\n[ \t]*\n")


def read_captions(text: str) -> Transcript | None:
    """Read WebVTT or SubRip.

    A cue is a turn; a voice tag (`<v Name>`) or a name and colon before its text tell who speaks.
    Notes, styles and cue settings are no one's words; what stands in notes is kept as `rest`.

    Args:
        text: a whole file.

    Returns: the transcript; None where the text holds no cue, or holds what is no part of captions.
    """
    if "-->" not in text:
        return None
    outline: list[JsonObject] = []
    notes: list[str] = []
    blocks = _BLANK.split(text.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n").strip())
    vtt = blocks[0].startswith("WEBVTT")
    for block in blocks[1:] if vtt and "-->" not in blocks[0] else blocks:
        lines = block.strip("\n").split("\n")
        if vtt and lines[0].startswith(("NOTE", "STYLE", "REGION", "WEBVTT")):
            notes.append(block)
            continue
        place = next((n for n, line in enumerate(lines[:2]) if _CUE.match(line)), None)
        if place is None:
            return None
        cue = _CUE.match(lines[place])
        said = "\n".join(lines[place + 1 :])
        if cue is not None and said.strip():
            outline.extend(_turns(said, _seconds(*cue.groups()[:4]), _seconds(*cue.groups()[4:])))
    return (
        Transcript(by_time(outline), rest={"notes": notes} if notes else None) if outline else None
    )


def read_ctm(text: str) -> Transcript | None:
    """Read CTM: `recording channel start seconds word [confidence]`, a word a line, comments behind
    `;;`.

    Args:
        text: a whole file.

    Returns: the transcript; None where a line is none of these. Channels `A` and `B` are the first
        and the second; where there is one
    alone, it tells nothing of who speaks.
    """
    rows: list[JsonObject] = []
    notes: list[str] = []
    for line in text.lstrip("\ufeff").splitlines():
        if line.lstrip().startswith(";;"):
            notes.append(line.strip())
        elif line.strip():
            match = _CTM.fullmatch(line.strip())
            if match is None:
                return None
            _, channel, start, length, said, sure = match.groups()
            row = make_word(
                said,
                float(start),
                end_time(float(start), float(length)),
                None if sure in (None, "NA") else sure,
            )
            rows.append(
                row | {"channel": "AB".find(channel.upper()) + 1 or channel_from_one(channel)}
            )
    if not rows:
        return None
    if len({row["channel"] for row in rows}) == 1:
        rows = [row | {"channel": None} for row in rows]
    return make_transcript(word_utterances(rows), [n for n in notes if n != ";;"], ())


def read_text(text: str) -> Transcript | None:
    """Read a transcript that is a text; None where it is in none of the forms."""
    return read_captions(text) or read_ctm(text)


def _turns(said: str, start: float, end: float) -> list[JsonObject]:
    """Return the turns of a cue: one for each voice in it."""
    parts = _VOICE.split(said)
    if len(parts) == 1:
        named = _NAMED.match(said)
        parts = ["", named[1], said[named.end() :]] if named else ["", "", said]
    pairs = [("", parts[0]), *zip(parts[1::2], parts[2::2], strict=True)]
    return [
        {
            "speaker": html.unescape(who) or None,
            "channel": role_channel(who),
            "text": plain,
            "s": start,
            "e": end,
        }
        for who, words in pairs
        if (plain := html.unescape(_TAG.sub("", words)).strip())
    ]


def _seconds(hours: str | None, minutes: str, seconds: str, fraction: str) -> float:
    return float(int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds)) + int(
        fraction
    ) / 10.0 ** len(fraction)
