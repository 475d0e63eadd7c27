"""Members that occur in several shapes, each to its declared one.

Every function gives (value for the declared member, what did not fit it); the second goes to
`extra`, so nothing is lost.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from callveil.schemas.fields import FieldError, Json, ListOf, Struct, json_type
from callveil.schemas.interaction import BY_NAME
from callveil.schemas.json_types import JsonObject
from callveil.transforms.ingest.dates import parse_time
from callveil.transforms.ingest.transcripts.common import (
    first_present,
    role_channel,
    without_members,
)
from callveil.transforms.storage.files.strict_json import load_json_text

Shaped = tuple[Any, Any]
_SEPARATOR = re.compile(r"\s*[,;]\s*")
_JSON_COLUMNS = frozenset(
    n for n, f in BY_NAME.items() if isinstance(f.type, Json | Struct | ListOf)
)


def from_json_text(name: str, value: Any) -> Any:
    """Return the value of a JSON text in a member that is declared as a list, an object or JSON;
    anything else as it is.

    Exports to CSV and Parquet write such members as text.
    """
    if isinstance(value, str) and name in _JSON_COLUMNS:
        parsed = load_json_text(value)
        return value if parsed is None else parsed
    return value


def shape_texts(value: Any, *names: str) -> Shaped:
    """Return a list of texts from a text (split at commas and semicolons), a list of texts, or a
    list of objects that hold the text under one of `names`.
    """
    if isinstance(value, str):
        return [p for p in _SEPARATOR.split(value.strip()) if p], None
    if isinstance(value, Mapping):
        value = [value]
    if not isinstance(value, list | tuple):
        return value, None
    kept, rest = [], []
    for item in value:
        if isinstance(item, Mapping):
            name = next(
                (
                    n
                    for n in names
                    if isinstance(item.get(n), str | int) and not isinstance(item.get(n), bool)
                ),
                "",
            )
            if name:
                kept.append(item[name])
            spare = without_members(item, name)
        elif isinstance(item, list | tuple):
            spare = list(item)  # type: ignore[assignment]
        else:
            kept.append(item)
            continue
        if spare:
            rest.append(spare)
    return kept, rest or None


def shape_emails(value: Any) -> Shaped:
    """Return `emails`: a text, a list of texts or of `{email | address | value}`."""
    return shape_texts(value, "email", "address", "value", "email_address")


def shape_tags(value: Any) -> Shaped:
    """Return `tag_list`: "a, b", a list of texts or of `{name | tag | label}`."""
    return shape_texts(value, "name", "tag", "label", "value")


def shape_number_parts(value: Any) -> Shaped:
    """Return `caller_number_split`: a list of parts; an object with named parts does not fit."""
    return (None, value) if isinstance(value, Mapping) else shape_texts(value)


def shape_form(value: Any) -> Shaped:
    """Return `form`: its `custom` questions as a list of `{id, label, value}`, whichever way they
    came.
    """
    if not isinstance(value, Mapping):
        return None, value
    shaped = dict(value)
    custom = from_json_text("form", shaped.pop("custom", None))
    if isinstance(custom, Mapping):
        custom = [{"label": k, "value": v} for k, v in custom.items()]
    if isinstance(custom, list | tuple):
        shaped["custom"] = [_answer(a) for a in custom if a is not None]
    elif custom is not None:
        shaped["custom"] = [{"value": custom}]
    return shaped, None


def _answer(answer: Any) -> Any:
    if isinstance(answer, Mapping):
        if not any(k in answer for k in ("id", "label", "value")):
            return (
                next(({"label": k, "value": v} for k, v in answer.items()), {})
                if len(answer) == 1
                else answer
            )
        return answer
    if isinstance(answer, list | tuple) and len(answer) == 2 and isinstance(answer[0], str):
        return {"label": answer[0], "value": answer[1]}
    return {"value": answer}


def shape_call_path(value: Any, zone: str | None) -> Shaped:
    """Return `call_path`: its times read; entries that are no object do not fit."""
    if not isinstance(value, list | tuple | Mapping):
        return None, value
    rows, rest = [], []
    for i, row in enumerate([value] if isinstance(value, Mapping) else value):
        if not isinstance(row, Mapping):
            rest.append(row)
            continue
        rows.append(_with_time(row, "started_at", zone, f"call_path[{i}].started_at"))
    return rows, [r for r in rest if r is not None] or None


def shape_chat_messages(value: Any, zone: str | None) -> Shaped:
    """Return `chat_messages`: rows of `{id, speaker, channel, text, sent_at}` under the names that
    occur.

    Raises:
        FieldError: `wrong_type` for what is no list or holds other than objects and texts,
            `bad_time` for a time.
    """
    if not isinstance(value, list | tuple):
        raise FieldError(
            "chat_messages", "wrong_type", f"expected an array, found {json_type(value)}"
        )
    rows: list[JsonObject] = []
    for i, row in enumerate(value):
        if row is None:
            continue
        if isinstance(row, str):
            rows.append({"text": row})
            continue
        if not isinstance(row, Mapping):
            raise FieldError(
                f"chat_messages[{i}]", "wrong_type", f"expected an object, found {json_type(row)}"
            )
        names = [
            next((n for n in group if _scalar(row.get(n))), "")
            for group in (
                ("text", "body", "message", "content", "message_body"),
                ("speaker", "author", "from", "sender", "name", "role"),
                ("sent_at", "timestamp", "time", "created_at", "at"),
            )
        ]
        text, speaker, sent = (row.get(n) for n in names)
        shaped = without_members(row, *names) | {"text": text, "speaker": speaker, "sent_at": sent}
        if shaped.get("channel") is None:
            shaped["channel"] = role_channel(first_present(row, "role") or speaker) or role_channel(
                speaker
            )
        rows.append(_with_time(shaped, "sent_at", zone, f"chat_messages[{i}].sent_at"))
    return rows, None


def shape_agent(value: Any) -> Shaped:
    """Return `agent`: an object; a bare name or id becomes one."""
    return (
        ({"name": value}, None)
        if isinstance(value, str)
        else ({"id": value}, None)
        if isinstance(value, int)
        else (value, None)
    )


def _scalar(value: Any) -> bool:
    return isinstance(value, str | int | float)


def _with_time(row: Mapping[str, Any], name: str, zone: str | None, path: str) -> JsonObject:
    value = row.get(name)
    if value is None or value == "":
        return without_members(row, name)
    return {**row, name: parse_time(value, zone, path)}
