"""What a recogniser or platform has taken out of a transcript already: it is still heard in the recording."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_SOUNDS = (
    r"(?:music|laugh(?:ter|s)?|noise|silence|applause|inaudible|unintelligible|unk|crosstalk|blank_?audio|cough|sound|ringing|beep|foreign)"
)
_TAKEN = (
    r"(?i:(?:content[ ]|was[ ])?(?:redacted|removed|masked|hidden|withheld|anonymi[sz]ed|omitted|censored)(?:[ ]content)?"
    r"|pii|phi|pci|name|number|address)(?:[_ ]\d+)?"
)
_LABEL = rf"(?!(?i:{_SOUNDS})\b)[A-Z][A-Z0-9]*(?:[_ -][A-Z0-9]+)*"
PLACEHOLDER = re.compile(
    rf"\[(?:{_LABEL}|{_TAKEN})\]|<(?:{_LABEL}|{_TAKEN})>|\({_TAKEN}\)"  # [PII], <PERSON>, (redacted)
    r"|\{\{?\s*[\w .-]{1,40}\s*\}\}?"  # {{NAME}}
    r"|(?<![#*])[#*]{3,}|[*•█]{2,}|(?<!\w)[xX]{4,}(?!\w)"  # ####, ***, XXXX
)
"""Labels in brackets but those of sounds, names in braces, and runs of signs that stand for characters."""


def placeholders(record: Mapping[str, Any]) -> Iterator[tuple[str, int, int]]:
    """Places in a record's transcript where something was taken out: field path, start and end of the label.

    Args:
        record: the interaction as its source gave it.
    """
    words = list(_found(record, "words", "word"))
    for path, label, start, end in _found(record, "outline", "text"):
        if not words or any(c.isalnum() for c in label):  # signs cannot be lined up with words, which say it themselves
            yield path, start, end
    yield from ((path, start, end) for path, _, start, end in words)
    if not record.get("outline"):
        for match in PLACEHOLDER.finditer(str(record.get("transcription_text") or "")):
            yield "transcription_text", *match.span()


def _found(record: Mapping[str, Any], name: str, key: str) -> Iterator[tuple[str, str, int, int]]:
    for n, row in enumerate(record.get(name) or ()):
        for match in PLACEHOLDER.finditer(str(row.get(key) or "")):
            yield f"{name}[{n}].{key}", match.group(), *match.span()
