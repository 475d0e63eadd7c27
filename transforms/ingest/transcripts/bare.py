"""A file that is no more than a transcript: it names no interaction, and belongs to the recording
beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from callveil.transforms.ingest.transcripts.captions import read_text
from callveil.transforms.ingest.transcripts.registry import read_transcript
from callveil.transforms.storage.files.strict_json import ParseError, load_json

SUFFIXES = (".json", ".vtt", ".srt", ".ctm", ".txt")
"""Ends of the names such files have."""


def bare_transcript(data: bytes) -> Any | None:
    """Return the transcript in a file, for a record's `transcript`: the parsed JSON or the text of
    captions; None where it is a record or anything else.

    Raises `FieldError` where it is one, and a part of it has a type it cannot have.
    """
    if data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"["):
        try:
            doc = load_json(data.removeprefix(b"\xef\xbb\xbf"))
        except ParseError:
            return None
        if any(
            m.get("account_id") is not None or m.get("account") is not None for m in _members(doc)
        ):
            return None
        found = read_transcript(doc)
        return doc if found and (found.outline or found.words or found.text) else None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    return text if read_text(text) else None


def _members(doc: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the objects that may be records: the document, what it wraps, and the entries of what
    it lists.
    """
    if isinstance(doc, list):
        yield from (m for m in doc if isinstance(m, Mapping))
    elif isinstance(doc, Mapping):
        yield doc
        for value in doc.values():
            yield from (
                m for m in (value if isinstance(value, list) else [value]) if isinstance(m, Mapping)
            )
