"""Redactions that a recogniser or platform has already made in a transcript.

What was taken out there is still heard in the recording.

It is told by labels in the text (`[PII]`), and by what Amazon says beside it: `redactions` of an
item (Transcribe, with kinds), and `Redaction.RedactedTimestamps` of a turn (Contact Lens) or its
`Entities` (live Call Analytics), with milliseconds. `IssuesDetected` and other `CharacterOffsets`
mark what a call is about, and withhold nothing.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

_SOUNDS = r"(?:music|laugh(?:ter|s)?|noise|silence|applause|inaudible|unintelligible|unk|crosstalk|blank_?audio|cough|sound|ringing|foreign)"  # noqa: E501
_TAKEN = (
    r"(?i:(?:content[ ]|was[ "
    r"])?(?:redacted|removed|masked|hidden|withheld|anonymi[sz]ed|omitted|censored|scrubbed|expunged|suppressed"
    r"|sensitive|confidential|private|blanked|de-?identified|bleep(?:ed)?|beep(?:ed)?)(?:[ "
    r"](?:content|data|information))?"
    r"|pii|phi|pci|name|number|address|(?:[a-z]+_)+(?:name|number|address|code|date|id|card|account|birth|type))(?:[_ ]\d+)?"  # noqa: E501
)
_LABEL = rf"(?!(?i:{_SOUNDS})\b)[A-Z][A-Z0-9]*(?:[_ -][A-Z0-9]+)*"
PLACEHOLDER = re.compile(
    # [PII], <PERSON>, (redacted)
    rf"\[(?:{_LABEL}|{_TAKEN})\]|(?:<#?|&lt;)(?:{_LABEL}|{_TAKEN})(?:#?>|&gt;)|\({_TAKEN}\)"
    # %NAME%, __NAME__, $NAME
    rf"|«(?:{_LABEL}|{_TAKEN})»|([|%]|__)(?:{_LABEL})\1|\$[A-Z][A-Z_]{{2,}}(?!\w)"
    rf"|(?<!\w)(?!(?i:{_SOUNDS})\b)[A-Z]{{2,}}(?:_[A-Z0-9]+)+(?!\w)"  # PERSON_NAME
    r"|\{\{?\s*[\w .-]{1,40}\s*\}\}?"  # {{NAME}}
    r"|(?<![#*])[#*]{2,}|[*•█]{2,}|_{3,}|~{3,}|-{4,}"  # ####, ***
    r"|(?<!\w)(?:[xX]{3,}(?:[- ]?[xX]{2,})*(?:[- ]?\d{2,4})?|xx)(?!\w)"  # XXXX, XXX-XX-1234
)
"""Labels in brackets but those of sounds, names in braces, and runs of signs that stand for
characters.
"""
_ALONE = re.compile(r"[#*•█_]")
"""A word that is one such sign stands for a name or an age of one letter or digit."""

KINDS = frozenset(
    (
        "ADDRESS",
        "AGE",
        "ALL",
        "BANK_ACCOUNT_NUMBER",
        "BANK_ROUTING",
        "CREDIT_CARD",
        "CREDIT_CARD_NUMBER",
        "CREDIT_DEBIT_CVV",
        "CREDIT_DEBIT_EXPIRY",
        "CREDIT_DEBIT_NUMBER",
        "CVV",
        "DATE",
        "DATE_OF_BIRTH",
        "DATE_TIME",
        "DOB",
        "EMAIL",
        "EMAIL_ADDRESS",
        "LOCATION",
        "NAME",
        "ORGANIZATION",
        "PASSWORD",
        "PCI",
        "PERSON",
        "PERSON_NAME",
        "PHI",
        "PHONE",
        "PHONE_NUMBER",
        "PII",
        "PIN",
        "SSN",
        "URL",
        "US_SSN",
        "USERNAME",
    )
)
"""Kinds that are told of: those of Amazon Transcribe, and usual labels. Another's own could quote
what was said.
"""
_MILLIS = ("BeginOffsetMillis", "EndOffsetMillis")
OUTSIDE = 1.0
"""Seconds by which what was taken out may lie outside its turn."""


def find_placeholders(record: Mapping[str, Any]) -> Iterator[tuple[str, int, int]]:
    """Yield places in a record's transcript where something was taken out: field path, start and
    end of the label.

    Args:
        record: the interaction as its source gave it.
    """
    words = list(_found(record, "words", "word"))
    timed = {n for n, turn in enumerate(record.get("outline") or ()) if _all_timed(turn)}
    for path, label, start, end in _found(record, "outline", "text"):
        if int(path[len("outline[") : path.index("]")]) in timed:
            continue  # `withheld_times` says when, better than the turn's text
        if not words or any(
            c.isalnum() for c in label
        ):  # signs cannot be lined up with words, which say it themselves
            yield path, start, end
    yield from ((path, start, end) for path, _, start, end in words)
    labelled = {path for path, *_ in words}
    for n, word in enumerate(record.get("words") or ()):
        if (
            _redactions(word) and f"words[{n}].word" not in labelled
        ):  # taken out under a sign of the customer's own
            yield f"words[{n}].word", 0, len(str(word.get("word") or ""))
    if not record.get("outline"):
        for match in PLACEHOLDER.finditer(str(record.get("transcription_text") or "")):
            yield "transcription_text", *match.span()


def _found(record: Mapping[str, Any], name: str, key: str) -> Iterator[tuple[str, str, int, int]]:
    for n, row in enumerate(record.get(name) or ()):
        text = str(row.get(key) or "")
        alone = _ALONE.fullmatch(text.strip()) if name == "words" else None
        for match in (alone,) if alone else PLACEHOLDER.finditer(text):
            yield f"{name}[{n}].{key}", match.group(), *match.span()


def withheld_times(record: Mapping[str, Any]) -> Iterator[tuple[int, float, float]]:
    """Yield when turns have something that was taken out, as Amazon says beside them: number of the
    turn, seconds from and to.

    Times that cannot be, or lie outside their turn, are not among them: the label in the text then
    covers the turn.
    """
    for n, turn in enumerate(record.get("outline") or ()):
        for _, s, e in _timed(turn):
            yield n, s, e


def shift_times(extra: Any, seconds: float) -> Any:
    """Return what a source says beside a turn, with the times in it moved."""
    if isinstance(extra, Mapping):
        return {
            k: v + 1000 * seconds
            if k in _MILLIS and not math.isnan(_seconds(v))
            else shift_times(v, seconds)
            for k, v in extra.items()
        }
    return [shift_times(v, seconds) for v in extra] if isinstance(extra, list) else extra


def count_withheld(record: Mapping[str, Any]) -> dict[str, int]:
    """Tell how much was taken out, by kind: what the source names it where that is one of `KINDS`,
    else `OTHER`.
    """
    found: Counter[str] = Counter()
    rows = [("words", "word", w) for w in record.get("words") or ()]
    labelled = bool(rows) and any(
        _redactions(w) or PLACEHOLDER.search(str(w.get("word") or "")) for _, _, w in rows
    )
    rows += [("outline", "text", t) for t in record.get("outline") or ()] if not labelled else []
    for name, key, row in rows:
        kinds = [kind for kind, *_ in _timed(row)] if name == "outline" else _redactions(row)
        labels = [_kind(m.group()) for m in PLACEHOLDER.finditer(str(row.get(key) or ""))]
        found.update(kinds if len(kinds) >= len(labels) else labels)
    return dict(sorted(found.items()))


def _kind(name: Any) -> str:
    kind = re.sub(r"[^A-Z]+", "_", str(name).upper()).strip("_") if isinstance(name, str) else ""
    return kind if kind in KINDS else "OTHER"


def _redactions(word: Mapping[str, Any]) -> list[str]:
    """Return kinds of what was taken out of an item."""
    rows = _extra(word).get("redactions") or _extra(word).get("Redactions")
    return (
        [_named(row) for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []
    )


def _named(row: Mapping[str, Any]) -> str:
    names = [
        _kind(row.get(key))
        for key in ("type", "Type", "pii_type", "pii_category", "category", "Category")
    ]
    return next((n for n in names if n != "OTHER"), "OTHER")


def _timed(turn: Mapping[str, Any]) -> list[tuple[str, float, float]]:
    """Return kind and times of what was taken out of a turn, seconds."""
    extra = _extra(turn)
    redaction = extra.get("Redaction")
    stamps = redaction.get("RedactedTimestamps") if isinstance(redaction, Mapping) else None
    entities = extra.get("Entities")
    out = []
    for row in (
        *(stamps if isinstance(stamps, list) else ()),
        *(entities if isinstance(entities, list) else ()),
    ):
        if not isinstance(row, Mapping) or str(row.get("Category", "PII")).upper() != "PII":
            continue
        s, e = (_seconds(row.get(key)) for key in _MILLIS)
        lo, hi = (turn.get(key) for key in ("s", "e"))
        if (
            not 0 <= s < e
            or (isinstance(lo, int | float) and s < lo - OUTSIDE)
            or (isinstance(hi, int | float) and e > hi + OUTSIDE)
        ):
            continue
        kind = _named(row)
        out.append(("PII" if kind == "OTHER" else kind, s, e))
    return out


def _all_timed(turn: Mapping[str, Any]) -> bool:
    labels = sum(1 for _ in PLACEHOLDER.finditer(str(turn.get("text") or "")))
    return 0 < labels <= len(_timed(turn))


def _seconds(millis: Any) -> float:
    return (
        millis / 1000
        if isinstance(millis, int | float) and not isinstance(millis, bool)
        else math.nan
    )


def _extra(row: Mapping[str, Any]) -> Mapping[str, Any]:
    extra = row.get("extra")
    return extra if isinstance(extra, Mapping) else {}
