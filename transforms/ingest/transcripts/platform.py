"""The platform's own outline: rows `{speaker, text, channel, s, e}`, alone or inside an object.

Other names that occur for the same members are read as well. Times are seconds; `m:ss` and
`h:mm:ss` occur. What a row holds besides becomes the row's `extra`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from callveil.schemas.fields import FieldError, json_type
from callveil.schemas.json_types import JsonObject
from callveil.transforms.ingest.transcripts.common import (
    Transcript,
    by_time,
    is_covered,
    language_code,
    require_objects,
    role_channel,
    text_of,
    used_text,
    without_members,
)
from callveil.transforms.ingest.transcripts.whisper import word_row

_TEXT = ("text", "content", "transcript", "body", "line", "utterance")
_START = ("s", "start", "start_time", "begin")
_END = ("e", "end", "end_time", "stop")
_SPEAKER = ("speaker", "name", "role", "participant")
_LISTS = ("outline", "transcript", "turns", "segments", "utterances")
_DECLARED = frozenset(("speaker", "text", "channel", "s", "e"))
_CLOCK = re.compile(r"(?:(\d{1,3}):)?(\d{1,3}):(\d{2}(?:\.\d+)?)\Z", re.ASCII)


class Platform:
    """A list of rows, or an object with one under `outline`, `transcript`, `turns`, `segments` or
    `utterances`, or with flat `text`.
    """

    @staticmethod
    def recognise(doc: Any) -> bool:
        """Tell whether `doc` has this shape."""
        if isinstance(doc, Mapping):
            return any(_rows(doc.get(k)) for k in _LISTS) or any(
                isinstance(doc.get(k), str) for k in ("text", "transcript", "transcription_text")
            )
        return _rows(doc)

    @staticmethod
    def convert(doc: Any) -> Transcript:
        """Return rows of the outline. Raises FieldError where a row or list has another type."""
        if not isinstance(doc, Mapping):
            return _convert(doc, {})
        name = next((k for k in _LISTS if _rows(doc.get(k))), "")
        found = _convert(doc.get(name), without_members(doc, name))
        language = language_code(doc.get("language"))
        if language:
            found.language = language
            found.rest.pop("language", None)
        used = used_text(found.outline, found.words)
        for key in ("text", "transcript", "transcription_text"):
            flat = found.rest.get(key)
            if isinstance(flat, str) and (is_covered(flat, used) or not found.text):
                found.text = found.text if is_covered(flat, used) else flat
                del found.rest[key]
        return found


def outline_rows(value: Any, path: str = "outline") -> tuple[list[JsonObject], list[JsonObject]]:
    """Return turns and the words inside them, from a list of rows (objects, or bare texts).

    Raises:
        FieldError: `wrong_type` where `value` is no list, or a row neither object nor text.
    """
    if not isinstance(value, list | tuple):
        raise FieldError(path, "wrong_type", f"expected an array, found {json_type(value)}")
    outline: list[JsonObject] = []
    words: list[JsonObject] = []
    for i, row in enumerate(value):
        if row is None:
            continue
        if isinstance(row, str):
            outline.append({"text": row})
            continue
        if not isinstance(row, Mapping):
            raise FieldError(
                f"{path}[{i}]", "wrong_type", f"expected an object, found {json_type(row)}"
            )
        if row.keys() <= _DECLARED:  # the usual case, quickly
            outline.append(_declared(row))
            continue
        names = [
            next((n for n in group if row.get(n) is not None), "")
            for group in (_TEXT, _START, _END, _SPEAKER)
        ]
        text, start, end, speaker = (row.get(n) for n in names)
        channel = row.get("channel")
        channel = role_channel(speaker) if channel is None else channel
        spoken = row.get("words") if _rows(row.get("words")) else None
        words += [word_row(w, speaker, channel) for w in require_objects(spoken, "words")]
        outline.append(
            without_members(row, *names, "channel", *(("words",) if spoken is not None else ()))
            | {
                "speaker": speaker,
                "text": text,
                "channel": channel,
                "s": clock_seconds(start),
                "e": clock_seconds(end),
            }
        )
    return outline, words


def _declared(row: Mapping[str, Any]) -> JsonObject:
    shaped = dict(row)
    if shaped.get("channel") is None:
        shaped["channel"] = role_channel(shaped.get("speaker"))
    for key in ("s", "e"):
        if isinstance(shaped.get(key), str):
            shaped[key] = clock_seconds(shaped[key])
    return shaped


def word_rows(value: Any) -> list[JsonObject]:
    """Return rows of a record's own `words`, under whichever names. Raises FieldError `wrong_type`
    where a row is no object.
    """
    return [word_row(w, None, None) for w in require_objects(value, "words")]


def clock_seconds(value: Any) -> Any:
    """Return seconds of `h:mm:ss`; anything else passes, to be read or refused by the declared
    type.
    """
    clock = _CLOCK.match(text_of(value)) if isinstance(value, str) else None
    return int(clock[1] or 0) * 3600 + int(clock[2]) * 60 + float(clock[3]) if clock else value


def _rows(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(r, Mapping) for r in value)


def _convert(rows: Any, rest: JsonObject) -> Transcript:
    outline, words = outline_rows(rows or [])
    return Transcript(outline, by_time(words), rest=rest)
