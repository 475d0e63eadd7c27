"""From the members of a record that may hold a transcript to `outline`, `words` and
`transcription_text`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from callveil.schemas.json_types import JsonObject
from callveil.transforms.ingest.transcripts.captions import read_text
from callveil.transforms.ingest.transcripts.common import (
    Transcript,
    is_covered,
    letters_and_digits,
    used_text,
    without_members,
)
from callveil.transforms.ingest.transcripts.platform import outline_rows, word_rows
from callveil.transforms.ingest.transcripts.plausible import plausible_times
from callveil.transforms.ingest.transcripts.registry import read_transcript
from callveil.transforms.storage.files.strict_json import load_json_text

CANDIDATES = (
    "outline",
    "transcript_outline",
    "transcript",
    "transcription",
    "transcription_json",
    "transcription_text",
)
"""Members that may hold a transcript, in order of trust: of two outlines the first is kept as
`outline`.
"""

_ADDRESS = re.compile(
    r"(?=[^\s{}\[\]]*\Z)(?:[^/]*/|.*\.(?:json|txt|vtt|srt|xml|html?|pdf)\Z)", re.IGNORECASE
)
"""A URL or path, as opposed to something that was said."""


def gather_transcripts(members: Mapping[str, Any]) -> tuple[JsonObject, JsonObject, list[str]]:
    """Read every transcript in a record.

    Args:
        members: a record's members; not changed.

    Returns: (members without the transcripts, with `outline`, `words`, `transcription_text` and
        `language` set where found; what was not used, by the member it came from; which of
        `outline` and `words` gave times that cannot be, which were left out). A second transcript
        that says the same is dropped as a copy; one that differs is kept whole in the second.

    Raises:
        FieldError: an outline or word list has a type it cannot have.
    """
    out = {k: v for k, v in members.items() if k not in CANDIDATES}
    rest: JsonObject = {}
    outline: list[JsonObject] = []
    texts: list[tuple[str, str]] = []
    own = out.pop("words", None)
    own = load_json_text(own) or own if isinstance(own, str) else own
    words: list[JsonObject] = word_rows(own) if own is not None else []
    for name in CANDIDATES:
        value = members.get(name)
        if value is None:
            continue
        found = _read(name, value)
        if found is None:
            if isinstance(value, str):
                if name == "transcription" and _ADDRESS.match(value):
                    out[name] = value
                else:
                    texts.append((name, value))
            else:
                rest[name] = value
            continue
        if found.outline and not outline:
            outline = found.outline
        elif found.outline and not _said_before(found.outline, outline, words):
            rest[f"{name}_outline"] = found.outline
        if found.words and not words:
            words = found.words
        elif found.words and not _said_before(found.words, outline, words):
            rest[f"{name}_words"] = found.words
        if found.text:
            texts.append((name, found.text))
        if found.language and not out.get("language"):
            out["language"] = found.language
        if found.rest:
            rest[name] = found.rest
    _place_texts(texts, outline, words, out, rest)
    doubted = plausible_times(outline, words)
    out |= {key: rows for key, rows in (("outline", outline), ("words", words)) if rows}
    return out, rest, doubted


def _said_before(
    rows: list[JsonObject], outline: list[JsonObject], words: list[JsonObject]
) -> bool:
    """Tell whether all texts of some rows, their speakers too, are in what is kept already."""
    speakers = {
        letters_and_digits(str(r["speaker"]))
        for r in (*outline, *words)
        if r.get("speaker") is not None
    }
    used = "\n".join((used_text(outline, words), *sorted(speakers)))
    return is_covered([without_members(r, "channel", "s", "e") for r in rows], used)


def _read(name: str, value: Any) -> Transcript | None:
    if isinstance(value, str):
        doc = load_json_text(value)
        return read_transcript(doc) if doc is not None else read_text(value)
    if name in ("outline", "transcript_outline") and not isinstance(value, Mapping):
        outline, words = outline_rows(value)
        return Transcript(outline, words)
    return read_transcript(value)


def _place_texts(
    texts: list[tuple[str, str]],
    outline: list[JsonObject],
    words: list[JsonObject],
    out: JsonObject,
    rest: JsonObject,
) -> None:
    """The record's own flat text is kept; another becomes it where there is none and it says more
    than the outline.
    """
    texts.sort(key=lambda t: t[0] != "transcription_text")
    for name, text in texts:
        if name == "transcription_text" and "transcription_text" not in out:
            out[name] = text
        elif is_covered(text, used_text(outline, words)) or letters_and_digits(
            text
        ) == letters_and_digits(str(out.get("transcription_text", ""))):
            continue
        elif "transcription_text" not in out:
            out["transcription_text"] = text
        else:
            rest[f"{name}_text"] = text
