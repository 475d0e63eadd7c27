"""Values and texts of a package's page, in the words of the page's language."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from contextvars import ContextVar
from html import escape
from typing import Any
from zoneinfo import ZoneInfo

from callveil.schemas.entities import ENTITIES
from callveil.schemas.interaction import BY_NAME
from callveil.transforms.governance.requests.package import EMPTY
from callveil.transforms.governance.requests.package_readme_de import WORDS as GERMAN

LONG = 600
"""Characters of a single value that are shown."""
NAMES = {
    "direction": "Direction",
    "language": "Language",
    "duration": "Length",
    "extra": "Further fields",
    "tracking_number": "Number that was called",
    "tracking_label": "Label of that number",
    "source": "What led to it",
    "business_number": "Number that rang",
    "is_new_caller": "First contact",
}
"""Fields under plainer names than their declaration's."""
CUT = "{text}… (all of it is in the files)"
LANGUAGES: Mapping[str, Mapping[str, str]] = {"en": {}, "de": GERMAN}
"""Languages of the page, with their words by the English ones."""
VOICE: ContextVar[tuple[Mapping[str, str], ZoneInfo]] = ContextVar(
    "voice", default=(LANGUAGES["en"], ZoneInfo("UTC"))
)
LABEL = re.compile(r"\[(?:withheld: )?([A-Z][A-Z0-9_]{1,63})(?::[^\]\s]*)?\]")
_RULE = re.compile(
    r"(?P<what>.+?)(?: of (?P<who>.+) accounts)?: (?P<verb>deleted after|cleared of everything "
    r"personal after|kept for at least) (?P<n>\d+) days"
    r"(?: (?P<clock>from the end of the account they belong to))?(?: \((?P<basis>.*)\))?"
)
_SECONDS = frozenset({"duration", "talk_time", "ring_time", "hold_time"})


def word_for(text: str) -> str:
    """Return a text in the page's language; the same where it has no translation."""
    return VOICE.get()[0].get(text, text)


def tr(text: str, **values: object) -> str:
    """Return a text in the page's language, escaped; `values` stand in it as they are. Without a
    translation it is English.
    """
    made = escape(word_for(text), quote=False)
    return made.format(**values) if values else made


def times_in_words(count: int) -> str:
    """Return how often something was done."""
    return tr("{n} time" if count == 1 else "{n} times", n=format_number(count))


def format_number(count: int) -> str:
    """Return a count with the language's marks between thousands."""
    return f"{count:,}" if not VOICE.get()[0] else f"{count:,}".replace(",", ".")


def name_labels(text: str) -> str:
    """Return a text with words for what was taken out of it: `[telephone number]`; the files keep
    its label, `[PHONE_NUMBER]`.
    """

    def said(match: re.Match[str]) -> str:
        words = VOICE.get()[0]
        kind = re.split(
            r"[,:(]",
            ENTITIES.get(match[1]) or match[1].removeprefix("X_").replace("_", " ").lower(),
        )[0].strip()
        kind = {"PERSON": "name"}.get(match[1], kind)
        kind = words.get(kind, words.get(ENTITIES.get(match[1], ""), kind))
        return (
            f"[{words.get('withheld', 'withheld')}: {kind}]"
            if match[0].startswith("[withheld")
            else f"[{kind}]"
        )

    return LABEL.sub(said, text)


def rule_in_words(text: str) -> str:
    """Return a rule of `context.retention_of` in the page's language."""
    told, words = _RULE.fullmatch(text), VOICE.get()[0]
    if told is None or not words:
        return text
    what = ", ".join(words.get(w, w) for w in told["what"].split(", "))
    who = " ".join(words.get(w, w) for w in (told["who"] or "").split())
    what += " " + words["of {who} accounts"].format(who=who) if who else ""
    form = words[f"{{what}}: {told['verb']} {{n}} days"].format(what=what, n=told["n"])
    clock = f" {words[told['clock']]}" if told["clock"] else ""
    return form + clock + (f" ({told['basis']})" if told["basis"] else "")


def entity_in_words(entity: str) -> str:
    """Return what a type of finding is called."""
    meaning = ENTITIES.get(entity, entity.removeprefix("X_").replace("_", " ").lower())
    return word_for(meaning)


def field_in_words(name: str) -> str:
    """Return what a field is called, addressed to the person."""
    if name in NAMES:
        return word_for(NAMES[name])
    text = BY_NAME[name].doc if name in BY_NAME else name.replace("_", " ")
    label = capitalize_first(
        re.sub(
            r"\b(?:(?:the )?contact|visitor)'s\b", "your", text.removesuffix(", seconds")
        ).replace("of the contact", "of yours")
    )
    return word_for(label)


def value_in_words(name: str, value: Any) -> str:
    """Return the value of a field, shortened."""
    if name in _SECONDS and isinstance(value, int | float):
        return duration_in_words(value)
    if name == "direction":
        return tr({"inbound": "incoming", "outbound": "outgoing"}.get(str(value), str(value)))
    if name in ("status", "call_status", "dial_status", "chat_status") and isinstance(value, str):
        return VOICE.get()[0].get(value.replace("_", " ").replace("-", " ").lower(), value)
    if name == "language":
        known = {"en": "English", "de": "German", "es": "Spanish", "fr": "French"}.get(
            str(value)[:2], str(value)
        )
        return word_for(known)
    if name == "extra" and isinstance(value, dict) and "mentioned_in" in value:
        where = (
            {"content": "what was said or written"}.get(w, w.replace("_", " "))
            for w in value["mentioned_in"]
        )
        return f"{tr('mentioned in')}: " + ", ".join(map(tr, where))
    return shorten(text_in_words(value))


def shorten(text: str) -> str:
    """Return at most `LONG` characters of a text."""
    return text if len(text) <= LONG else word_for(CUT).format(text=text[:LONG])


def duration_in_words(value: float) -> str:
    """Return minutes and seconds."""
    minutes, seconds = divmod(round(value), 60)
    parts = (
        [tr("{n} minute" if minutes == 1 else "{n} minutes", n=format_number(minutes))]
        if minutes
        else []
    )
    return " ".join(
        [*parts, tr("{n} second" if seconds == 1 else "{n} seconds", n=seconds)]
        if seconds or not minutes
        else parts
    )


def capitalize_first(text: str) -> str:
    """Return a text with a capital letter at its beginning."""
    return text[:1].upper() + text[1:]


def time_in_words(value: Any) -> str:
    """Return day and time in the page's zone, escaped."""
    if not isinstance(value, dt.datetime):
        return escape(text_in_words(value)) or tr("an unknown time")
    at = value.astimezone(VOICE.get()[1])
    parts = {
        "day": at.day,
        "month": tr(at.strftime("%B")),
        "year": at.year,
        "time": at.strftime("%H:%M"),
        "zone": at.tzname(),
    }
    return tr("{day} {month} {year}, {time} ({zone})", **parts)


def text_in_words(value: Any) -> str:
    """Return any value as text; members and items on lines of their own."""
    if isinstance(value, dt.datetime):
        return time_in_words(value)
    if isinstance(value, bool):
        return tr("yes" if value else "no")
    if isinstance(value, dict) and value.keys() >= {"label", "value"}:  # a field of a form
        return f"{value['label']}: {text_in_words(value['value'])}"
    if isinstance(value, dict):
        return "\n".join(
            f"{str(k).replace('_', ' ')}: {text_in_words(v)}"
            for k, v in value.items()
            if v not in EMPTY
        )
    if isinstance(value, list | tuple):
        return "\n".join(text_in_words(v) for v in value)
    return "" if value is None else name_labels(str(value))
