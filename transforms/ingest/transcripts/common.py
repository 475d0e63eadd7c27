"""Shared parts of the transcript adapters: result type, lenient parsing, duplicate-text rule.

The rule on copies: recognisers repeat the same words several times over (flat text, paragraphs,
items by channel). A repeated piece is dropped only when every text in it occurs in the text that
was used, compared by letters and digits alone (`covered`). All else is kept under `extra`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from callveil.schemas.fields import FieldError, json_type
from callveil.schemas.json_types import JsonObject

EXTERNAL, BUSINESS = 1, 2
PAUSE = 2.0
"""Seconds of silence after which words of one speaker begin a new turn."""

_ROLES = {
    **dict.fromkeys(
        (
            "caller",
            "customer",
            "client",
            "contact",
            "visitor",
            "lead",
            "external",
            "patient",
            "guest",
        ),
        EXTERNAL,
    ),
    **dict.fromkeys(
        (
            "agent",
            "representative",
            "rep",
            "business",
            "staff",
            "internal",
            "operator",
            "receptionist",
            "employee",
        ),
        BUSINESS,
    ),
}
_LABELS = re.compile(r"(?:spk|ch|speaker)[_ ]?\d+\Z|(?:pronunciation|punctuation)\Z", re.IGNORECASE)
_SPEAKER_PREFIX = re.compile(r"^speaker \d+:\s*", re.IGNORECASE | re.MULTILINE)
_NEITHER = re.compile(r"[\W_]+")
_DECIMAL = re.compile(r"-?\d+(?:\.\d+)?\Z", re.ASCII)
_MEASURES = frozenset(
    ("start_time", "end_time", "confidence", "start", "end", "s", "e", "score", "probability")
)
_LANGUAGE = re.compile(r"([A-Za-z]{2,3})(?:[-_][A-Za-z0-9]{2,8})*\Z")
_LANGUAGE_NAMES = {
    "english": "en",
    "spanish": "es",
    "french": "fr",
    "german": "de",
    "portuguese": "pt",
    "italian": "it",
    "dutch": "nl",
    "polish": "pl",
    "russian": "ru",
    "ukrainian": "uk",
    "turkish": "tr",
    "arabic": "ar",
    "hebrew": "he",
    "hindi": "hi",
    "chinese": "zh",
    "japanese": "ja",
    "korean": "ko",
    "vietnamese": "vi",
    "tagalog": "tl",
    "swedish": "sv",
    "danish": "da",
    "norwegian": "no",
    "finnish": "fi",
    "greek": "el",
    "czech": "cs",
    "romanian": "ro",
    "hungarian": "hu",
    "thai": "th",
    "indonesian": "id",
    "persian": "fa",
    "urdu": "ur",
    "bengali": "bn",
}
_LANGUAGE_CODES = {
    "eng": "en",
    "spa": "es",
    "fra": "fr",
    "fre": "fr",
    "deu": "de",
    "ger": "de",
    "por": "pt",
    "ita": "it",
    "nld": "nl",
    "dut": "nl",
    "pol": "pl",
    "rus": "ru",
    "ukr": "uk",
    "tur": "tr",
    "ara": "ar",
    "heb": "he",
    "hin": "hi",
    "zho": "zh",
    "chi": "zh",
    "cmn": "zh",
    "jpn": "ja",
    "kor": "ko",
    "vie": "vi",
    "tgl": "tl",
    "fil": "tl",
    "swe": "sv",
    "dan": "da",
    "nor": "no",
    "nob": "no",
    "fin": "fi",
    "ell": "el",
    "gre": "el",
    "ces": "cs",
    "cze": "cs",
    "ron": "ro",
    "rum": "ro",
    "hun": "hu",
    "tha": "th",
    "ind": "id",
    "fas": "fa",
    "per": "fa",
    "urd": "ur",
    "ben": "bn",
}
"""ISO 639-2 and 639-3 codes of languages that ISO 639-1 has a code for."""


@dataclass
class Transcript:
    """Transcript as an adapter read it.

    Attributes:
        outline: rows of `schemas.interaction.OUTLINE`, by time; members it does not declare become
            the row's `extra`.
        words: rows of `schemas.interaction.WORD`, by time.
        text: flat text that is no copy of the outline; empty else.
        language: ISO 639 code; empty where the transcript names none.
        rest: what was not used, to be kept under `extra`; empty where all was.
    """

    outline: list[JsonObject] = field(default_factory=list)
    words: list[JsonObject] = field(default_factory=list)
    text: str = ""
    language: str = ""
    rest: Any = None


def letters_and_digits(text: str) -> str:
    """Return letters and digits of `text`, case folded: what is left when layout and punctuation
    are taken away.
    """
    return _NEITHER.sub("", text.casefold())


def used_text(outline: Sequence[Mapping[str, Any]], words: Sequence[Mapping[str, Any]] = ()) -> str:
    """Squashed text of rows, for `is_covered`."""
    turns_text = letters_and_digits("".join(str(r.get("text") or "") for r in outline))
    return turns_text + "\n" + letters_and_digits("".join(str(w.get("word") or "") for w in words))


def is_covered(value: Any, used: str, key: str = "") -> bool:
    """Tell whether every text in `value` occurs in `used` (squashed), so that dropping `value`
    loses nothing. Numbers count as covered.
    """
    if isinstance(value, str):
        if _LABELS.match(value) or (key in _MEASURES and _DECIMAL.match(value)):
            return True
        return (
            letters_and_digits(value) in used
            or letters_and_digits(_SPEAKER_PREFIX.sub("", value)) in used
        )
    if isinstance(value, Mapping):
        return all(is_covered(v, used, str(k)) for k, v in value.items())
    if isinstance(value, list | tuple):
        return all(is_covered(v, used, key) for v in value)
    return True


def uncovered_members(members: Mapping[str, Any], used: str) -> JsonObject:
    """Return members of `members` that hold text which is not in `used`."""
    return {k: v for k, v in members.items() if not is_covered(v, used, k)}


def without_members(members: Mapping[str, Any], *names: str) -> JsonObject:
    """Return a copy of `members` less those of `names` and less nulls."""
    return {k: v for k, v in members.items() if k not in names and v is not None}


def require_objects(value: Any, path: str) -> list[Mapping[str, Any]]:
    """Return `value` as a list of objects; null is an empty list. Raises FieldError `wrong_type`
    for anything else.
    """
    if value is None:
        return []
    if not isinstance(value, list | tuple):
        raise FieldError(path, "wrong_type", f"expected an array, found {json_type(value)}")
    for i, item in enumerate(value):
        if not isinstance(item, Mapping):
            raise FieldError(
                f"{path}[{i}]", "wrong_type", f"expected an object, found {json_type(item)}"
            )
    return list(value)


def first_present(members: Mapping[str, Any], *names: str) -> Any:
    """Return the first member of `names` that is there and not null."""
    return next((members[n] for n in names if members.get(n) is not None), None)


def parse_number(value: Any) -> float | None:
    """Return a finite number, also from text; None where it is none. For ordering and grouping;
    declared types check the value itself later.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def seconds_of_millis(value: Any) -> Any:
    """Convert milliseconds to seconds; what is no number passes, to be refused by the declared
    type.
    """
    found = parse_number(value)
    return value if found is None else found / 1000


def text_of(value: Any) -> Any:
    """Trimmed text; what is no text passes, to be refused or written out by the declared type."""
    return value.strip() if isinstance(value, str) else value


def role_channel(speaker: Any) -> int | None:
    """Return channel of a speaker named by role (`AGENT`, `Caller`): 1 external party, 2 business;
    None for other names.
    """
    return _ROLES.get(speaker.strip().lower()) if isinstance(speaker, str) else None


def language_code(value: Any) -> str:
    """ISO 639 code in lower case from a code, a locale (`en-US`) or an English name; empty where it
    is none of these.
    """
    if not isinstance(value, str):
        return ""
    named = _LANGUAGE_NAMES.get(value.strip().lower())
    code = _LANGUAGE.match(value.strip())
    found = code[1].lower() if code else ""
    return named or _LANGUAGE_CODES.get(found, found)


def by_time(rows: Iterable[JsonObject]) -> list[JsonObject]:
    """Return rows by start time; a row without one stays behind the row it followed. Stable."""
    keyed, last = [], -math.inf
    for row in rows:
        start = parse_number(row.get("s"))
        last = last if start is None else start
        keyed.append((last, row))
    return [row for _, row in sorted(keyed, key=lambda k: k[0])]


def as_key(*values: Any) -> tuple[Any, ...]:
    """Return labels as the key of a dictionary; one that is a list or object counts as its text."""
    return tuple(str(v) if isinstance(v, list | Mapping) else v for v in values)


def group_turns(words: Sequence[JsonObject]) -> list[JsonObject]:
    """Gather words into turns, in the order in which these begin.

    A new turn begins where another party has begun to speak since, or after `PAUSE` seconds of
    silence; two who speak at once are not cut up.
    """
    rows: list[JsonObject] = []
    open_rows: dict[Any, JsonObject] = {}
    for word in words:
        start, end = parse_number(word.get("s")), parse_number(word.get("e"))
        channel, speaker = word.get("channel"), word.get("speaker")
        now = as_key(channel, speaker)
        row = open_rows.get(now)
        over = row is None or (
            row is not rows[-1] and (start is None or _answered(row, rows, start))
        )
        previous = parse_number(row.get("e")) if row is not None else None
        if over or (start is not None and previous is not None and start - previous > PAUSE):
            row = open_rows[now] = {
                "speaker": speaker,
                "channel": channel,
                "s": word.get("s"),
                "e": word.get("e"),
                "_parts": [],
            }
            rows.append(row)
        assert row is not None
        row["_parts"].append(str(word.get("word", "")))
        if end is not None:
            row["e"] = word["e"]
    return [{"text": " ".join(r.pop("_parts")), **r} for r in rows]


def _answered(row: JsonObject, rows: Sequence[JsonObject], start: float) -> bool:
    """Tell a turn behind whose end another has begun, or has been ended before `start`."""
    end = parse_number(row.get("e"))
    for other in reversed(rows):
        if other is row:
            return False
        begin, stop = parse_number(other.get("s")), parse_number(other.get("e"))
        if (
            end is None
            or begin is None
            or begin >= end
            or (stop is not None and end < stop <= start)
        ):
            return True
    return False
