"""A parsed record, in whatever shape its source gives it, to a `RawInteraction`.

Nothing is dropped unread: each member of the input ends in a declared field or under `extra`, which
redaction treats as personal data. The exceptions are nulls, numbers that are NaN or an empty text
(which are noted), copies of a transcript (`transcripts.common.covered`) and the times that were
read into `called_at` and `updated_at`.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from callveil.schemas.fields import (
    EXTRA,
    Field,
    FieldError,
    Integer,
    ListOf,
    Number,
    Struct,
    coerce_members,
    json_type,
)
from callveil.schemas.interaction import FIELDS, KINDS, InteractionKey, RawInteraction, SourceRef
from callveil.schemas.json_types import RecordValues
from callveil.transforms.ingest import shapes
from callveil.transforms.ingest.dates import is_local, parse_time
from callveil.transforms.ingest.snapshots import snapshot_rank
from callveil.transforms.ingest.transcripts.common import language_code
from callveil.transforms.ingest.transcripts.gather import gather_transcripts
from callveil.transforms.storage.files.strict_json import inspect_record, without_nan

if TYPE_CHECKING:
    from callveil.schemas.policy import InputLimits

NO_ZONES: Mapping[str, str] = MappingProxyType({})
_BEGINNINGS = (
    "called_at",
    "unix_time",
    "start_time",
    "started_at",
    "created_at",
    "submitted_at",
    "sent_at",
    "received_at",
)
_UPDATES = ("updated_at", "last_updated_at", "modified_at")
_KIND_NAMES = {
    **dict.fromkeys(
        ("call", "phone", "voice", "phone_call", "inbound_call", "outbound_call"), "call"
    ),
    **dict.fromkeys(
        ("text", "sms", "mms", "message", "text_message", "msg", "msg_inbound", "msg_outbound"),
        "text",
    ),
    **dict.fromkeys(("chat", "live_chat", "webchat"), "chat"),
    **dict.fromkeys(("form", "form_reactor", "formreactor", "form_submission"), "form"),
}
_BLANK = frozenset(("", "nan", "null", "none", "n/a"))
"""What stands where a number is missing, in exports that write every cell as text."""
_ID_LENGTH = 256
_WORD = re.compile(r"[A-Za-z][A-Za-z _\-]{0,31}\Z")
_DECLARED = frozenset(f.name for f in FIELDS)


def normalize_interaction(
    doc: Mapping[str, Any],
    source: SourceRef,
    limits: InputLimits,
    zones: Mapping[str, str] = NO_ZONES,
    kind_hint: str = "",
) -> RawInteraction:
    """Read one record.

    Args:
        doc: a parsed JSON object or Parquet row; not changed.
        source: where it was read.
        limits: bounds on nesting and texts; see `strict_json.inspect_record`.
        zones: IANA zone by account id, for times without an offset; UTC where an account is not
            there.
        kind_hint: kind that the envelope around the record tells, used where the record itself does
            not.

    Raises:
        FieldError: the first thing that does not fit, with its declared path and without its value.
    """
    if not isinstance(doc, Mapping):
        raise FieldError(
            "", "not_an_object", f"a record must be a JSON object, found {json_type(doc)}"
        )
    doc, notes = _inspected(doc, limits)
    key = InteractionKey(parse_id(_account(doc), "account_id"), parse_id(doc.get("id"), "id"))
    zone = zones.get(key.account_id)
    members, rest, doubted = gather_transcripts({k: v for k, v in doc.items() if v is not None})
    notes += [f"times.{name}" for name in doubted]
    members |= key._asdict()
    notes += [f"missing.{path}" for path in _drop_blanks(FIELDS, members)]
    members["called_at"] = called_at = _begin(members, zone, notes)
    _update_time(members, zone)
    _shape(members, rest, zone)
    redacted = (
        members.pop("redacted", None)
        if str(doc.get("redacted")).strip().lower() in ("true", "1", "yes")
        else None
    )
    if members.get("redacted") is False:
        del members["redacted"]
    members["kind"] = kind = _kind(members, rest, kind_hint)
    _plainidentity(members, rest)
    _keep(members, rest)
    record = coerce_members(FIELDS, members)
    if redacted is not None:
        record["redacted"] = True
    return RawInteraction(key, kind, called_at, snapshot_rank(record), record, source, tuple(notes))


def _inspected(doc: Mapping[str, Any], limits: InputLimits) -> tuple[Mapping[str, Any], list[str]]:
    """Return the record without NaN, and a note of each. Raises `FieldError` as
    `strict_json.inspect_record` does.
    """
    try:
        inspect_record(doc, limits)
    except FieldError as e:
        if e.reason not in ("bad_json", "out_of_range"):
            raise
        kept, lost = without_nan(doc)
        if not lost:
            raise
        inspect_record(kept, limits)
        return kept, [f"missing.{path}" for path in lost]
    return doc, []


def _drop_blanks(
    fields: tuple[Field, ...], members: RecordValues, prefix: str = ""
) -> Iterator[str]:
    """Take out declared numbers that are written as an empty text or a word for none, and tell
    their paths.

    Rows of lists are replaced, not changed: they are the source's.
    """
    for field in fields:
        value = members.get(field.name)
        kind = field.type.item if isinstance(field.type, ListOf) else field.type
        if value is None or (isinstance(value, str) and not isinstance(kind, Integer | Number)):
            continue
        path = prefix + field.name
        if isinstance(value, str):
            if value.strip().lower() in _BLANK:
                del members[field.name]
                yield path
        elif isinstance(kind, Struct):
            rows = value if isinstance(value, list) else [value]
            if not any(
                type(row.get(name)) is str
                for row in rows
                if type(row) is dict
                for name in _numbers(kind)
            ):
                continue
            rows = [dict(row) if isinstance(row, Mapping) else row for row in rows]
            yield from (
                blank
                for row in rows
                if isinstance(row, dict)
                for blank in _drop_blanks(kind.fields, row, f"{path}.")
            )
            members[field.name] = rows if isinstance(value, list) else rows[0]


@lru_cache(maxsize=64)
def _numbers(kind: Struct) -> tuple[str, ...]:
    """Return names of a struct's members that are numbers."""
    return tuple(f.name for f in kind.fields if isinstance(f.type, Integer | Number))


def _account(doc: Mapping[str, Any]) -> Any:
    account = doc.get("account")
    own = doc.get("account_id")
    return account.get("id") if own is None and isinstance(account, Mapping) else own


def parse_id(value: Any, path: str) -> str:
    """Return an id as text. Whole numbers are ids too, whatever their size; booleans and fractions
    are not.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        raise FieldError(
            path,
            "missing_key",
            "is missing or empty; a record is found again by account_id and id, so both are needed",
        )
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise FieldError(
            path, "wrong_type", f"expected an id as text or whole number, found {json_type(value)}"
        )
    text = str(value).strip()
    if len(text) > _ID_LENGTH:
        raise FieldError(path, "out_of_range", f"id of more than {_ID_LENGTH} characters")
    if not text.isprintable():
        raise FieldError(path, "control_character", "id holds a control character")
    return text


def _begin(members: RecordValues, zone: str | None, notes: list[str]) -> dt.datetime:
    """Tell when the interaction began. A `called_at` without offset gives way to `unix_time`, which
    is exact.
    """
    given = [n for n in _BEGINNINGS if members.get(n) not in (None, "")]
    if not given:
        raise FieldError(
            "called_at",
            "bad_time",
            "is missing, and there is no unix_time, start_time or created_at either",
        )
    name = (
        "unix_time"
        if given[:2] == ["called_at", "unix_time"] and is_local(members["called_at"])
        else given[0]
    )
    path = name if name in _DECLARED else "called_at"
    if is_local(members[name]):
        notes.append("local_times")
    when = parse_time(members[name], zone, path)
    if "unix_time" in given:
        exact = parse_time(members["unix_time"], zone, "unix_time")
        members["unix_time"] = int(exact.timestamp())
    for empty in ("called_at", "unix_time"):
        if members.get(empty) == "":
            del members[empty]
    if name not in _DECLARED:
        del members[name]
    return when


def _update_time(members: RecordValues, zone: str | None) -> None:
    name = next((n for n in _UPDATES if members.get(n) not in (None, "")), None)
    if name is None:
        members.pop("updated_at", None)
        return
    members["updated_at"] = parse_time(members.pop(name), zone, "updated_at")


_SHAPES: dict[str, Callable[[Any], shapes.Shaped]] = {
    "emails": shapes.shape_emails,
    "tag_list": shapes.shape_tags,
    "caller_number_split": shapes.shape_number_parts,
    "form": shapes.shape_form,
    "agent": shapes.shape_agent,
}
_TIMED_SHAPES: dict[str, Callable[[Any, str | None], shapes.Shaped]] = {
    "call_path": shapes.shape_call_path,
    "chat_messages": shapes.shape_chat_messages,
}


def _shape(members: RecordValues, rest: RecordValues, zone: str | None) -> None:
    if (
        "form_reactor" in members
        and "form" not in members
        and isinstance(members["form_reactor"], Mapping)
    ):
        members["form"] = members.pop("form_reactor")
    for name in [n for n in members if n in _DECLARED]:
        members[name] = shapes.from_json_text(name, members[name])
        if name in _SHAPES:
            value, spare = _SHAPES[name](members[name])
        elif name in _TIMED_SHAPES:
            value, spare = _TIMED_SHAPES[name](members[name], zone)
        else:
            continue
        members[name] = value
        if spare is not None:
            rest[name] = spare


def _kind(members: RecordValues, rest: RecordValues, hint: str) -> str:
    """Return `kind`, else `type`, else what the envelope says, else the direction's own naming,
    else what the record holds.
    """
    for name in ("kind", "type"):
        value = members.get(name)
        found = _KIND_NAMES.get(value.strip().lower()) if isinstance(value, str) else None
        if found:
            del members[name]
            return found
        if name == "kind" and value is not None:
            rest[name] = members.pop(name)
    direction = members.get("direction")
    for told in (hint, direction if isinstance(direction, str) else ""):
        if told.strip().lower() in _KIND_NAMES:
            return _KIND_NAMES[told.strip().lower()]
    if members.get("chat_messages"):
        return "chat"
    if members.get("form") and not any(
        members.get(n) for n in ("duration", "talk_time", "audio", "outline")
    ):
        return "form"
    if any(
        members.get(n) for n in ("message_body", "message_id", "message_media")
    ) and not members.get("duration"):
        return "text"
    return KINDS[0]


def _plainidentity(members: RecordValues, rest: RecordValues) -> None:
    """Identity fields are kept by every policy, so what is no language or direction must not hide
    there.
    """
    if (language := members.pop("language", None)) is not None:
        code = language_code(language)
        if code:
            members["language"] = code
        else:
            rest["language"] = language
    direction = members.get("direction")
    if direction is not None and not (
        isinstance(direction, str) and (not direction or _WORD.match(direction))
    ):
        rest["direction"] = members.pop("direction")


def _keep(members: RecordValues, rest: RecordValues) -> None:
    """Put what was not used under `extra`, beside what the source itself keeps there; no name
    overwrites another.
    """
    given = members.pop(EXTRA, None)
    spare = dict(rest)
    for name in [n for n in members if n not in _DECLARED and n in spare]:
        spare[f"{name}_rest"] = spare.pop(name)
    if isinstance(given, str):
        given = shapes.from_json_text(EXTRA, given)
    if isinstance(given, Mapping) and not given.keys() & (
        spare.keys() | (members.keys() - _DECLARED)
    ):
        spare = {**given, **spare}
    elif given is not None:
        spare = {EXTRA: given, **spare}
    if spare:
        members[EXTRA] = spare
