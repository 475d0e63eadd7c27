"""JSON bytes to Python values: strict, exact, and with a reason for everything that is refused.

orjson does the work. Four things it would pass over or give up on are looked at here:
    - a member named twice in one object: orjson keeps the last one, so a value would vanish. The
      count of members in the text is compared with the count of members that came out; only where
      they differ is the text parsed again by the standard library to be sure.
    - an integer beyond 64 bits: orjson rounds it to a double. It is kept as text, digit by digit.
    - NUL characters, which no column may hold.
    - half surrogate pairs, NaN and numbers beyond a double: orjson refuses the whole document. The
      standard library's parser reads on, so that in a page of many only the record at fault is
      rejected.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import orjson

from callveil.schemas.fields import EXTRA, FieldError, FieldType, ListOf, Struct
from callveil.schemas.interaction import FIELDS, STATE
from callveil.schemas.json_types import JsonObject

if TYPE_CHECKING:
    from callveil.schemas.fields import Field
    from callveil.schemas.policy import InputLimits

UNDECLARED = "<undeclared>"
_EXACT = 2**63
_KEY_END = re.compile(rb'"[ \t\r\n]*:')
_SPACED = tuple(b'"' + c for c in (b" ", b"\t", b"\r", b"\n"))


class ParseError(ValueError):
    """Bytes that are no JSON.

    Args:
        reason: a code of `schemas.rejected.REASONS`.
        detail: one sentence that quotes nothing.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason, self.detail = reason, detail


class _Repeated(JsonObject):
    """An object in which a member was named twice."""

    key = ""


class _NotJson:
    """Infinity, which JSON has not."""


class _NotANumber(_NotJson):
    """NaN, which JSON has not, and which some write where a number is missing."""


def load_json(raw: bytes) -> Any:
    """Parse one JSON document.

    Returns: its value. It may still hold what `inspect_record` refuses (half surrogates, NUL,
        repeated members): those are faults of one record, not of the document.

    Raises:
        ParseError: `bad_utf8`, `bad_json` or `too_deep`.
    """
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as e:
        return _second_look(raw, e.msg, e.pos)
    members, exact = _survey(value)
    keys = len(_KEY_END.findall(raw)) if any(s in raw for s in _SPACED) else raw.count(b'":')
    if exact and keys == members:
        return value
    return _exactly(raw.decode())


def load_json_text(text: str) -> Any | None:
    """Parse a text that may be JSON (an object or array written into a column); None where it is
    not.
    """
    if text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        return load_json(text.encode())
    except (ParseError, UnicodeEncodeError):
        return None


def _survey(value: Any) -> tuple[int, bool]:
    """Count members; tell whether every number is as exact as it was written."""
    members, exact, stack = 0, True, [value]
    while stack:
        top = stack.pop()
        if type(top) is dict:
            members += len(top)
            stack.extend(top.values())
        elif type(top) is list:
            stack.extend(top)
        elif type(top) is float and (top >= _EXACT or top <= -_EXACT):
            exact = False
    return members, exact


def _second_look(raw: bytes, message: str, place: int) -> Any:
    try:
        text = raw.decode()
    except UnicodeDecodeError as e:
        hint = (
            "; it looks like UTF-16, convert it with iconv -t UTF-8"
            if raw[:2] in (b"\xff\xfe", b"\xfe\xff") or raw[1:4:2] == b"\0\0"
            else ""
        )
        raise ParseError(
            "bad_utf8", f"not UTF-8 from byte {e.start} of the record on{hint}"
        ) from None
    if "limit" in message:
        raise ParseError("too_deep", "nested more than 1,000 levels deep")
    try:
        return _exactly(text)
    except ParseError as e:
        if e.reason == "too_deep":
            raise
    at = len(text[:place].encode())
    cut = "; the record looks cut off" if at >= len(raw) - 1 else ""
    raise ParseError("bad_json", f"{message} at byte {at} of the record{cut}") from None


def _exactly(text: str) -> Any:
    try:
        return json.loads(
            text, object_pairs_hook=_pairs, parse_int=_integer, parse_constant=_constant
        )
    except RecursionError:
        raise ParseError("too_deep", "nested too deeply to be read") from None
    except ValueError:
        raise ParseError("bad_json", "not well-formed JSON") from None


def _constant(name: str) -> _NotJson:
    return _NotANumber() if name == "NaN" else _NotJson()


def without_nan(record: Mapping[str, Any]) -> tuple[JsonObject, tuple[str, ...]]:
    """Return a record without its NaN, which stand for missing numbers, and the declared paths
    where they stood, without indexes.
    """
    lost: list[str] = []

    def kept(value: Any, path: str, kind: FieldType | None) -> Any:
        if isinstance(value, _NotANumber) or (isinstance(value, float) and math.isnan(value)):
            lost.append(re.sub(r"\[\d+\]", "", path))
            return None
        if type(value) is dict:
            return {
                key: kept(value[key], where, sort)
                for key, (_, where, sort) in zip(value, _children(value, path, kind), strict=True)
            }
        return (
            [kept(*child) for child in _children(value, path, kind)]
            if isinstance(value, list)
            else value
        )

    out: JsonObject = kept(
        dict(record) if type(record) is not _Repeated else record, "", Struct((*FIELDS, *STATE))
    )
    return out, tuple(lost)


def _pairs(pairs: list[tuple[str, Any]]) -> JsonObject:
    members = dict(pairs)
    if len(members) == len(pairs):
        return members
    repeated, seen = _Repeated(members), set()
    for key, _ in pairs:
        if key in seen:
            repeated.key = key
            break
        seen.add(key)
    return repeated


def _integer(text: str) -> int | str:
    if len(text) <= 18:
        return int(text)
    return int(text) if len(text) <= 20 and -_EXACT <= int(text) < 2 * _EXACT else text


def inspect_record(record: Mapping[str, Any], limits: InputLimits) -> None:
    """Refuse what no record may hold.

    Args:
        record: a parsed JSON object.
        limits: `depth` bounds nesting (the record itself is 1), `field_chars` one text,
            `record_bytes` all texts together.

    Raises:
        FieldError: `too_deep`, `field_too_large`, `record_too_large`, `lone_surrogate`,
            `control_character`, `duplicate_key`, `bad_json` or `out_of_range`, with the declared
            path of the first fault.
    """
    if not _sound(record, limits.depth, limits.field_chars, limits.record_bytes):
        _blame(record, limits)
        raise FieldError(
            "", "record_too_large", f"all texts together exceed {limits.record_bytes} characters"
        )


def _sound(record: Mapping[str, Any], depth: int, chars: int, total: int) -> bool:
    """Tell the same as `_blame`, without paths: one quick pass over the nine in ten records that
    are sound.
    """
    level: list[Any] = [record]
    size = 0
    while level:
        depth -= 1
        if depth < 0:
            return False
        below: list[Any] = []
        for top in level:
            if type(top) is dict:
                for key in top:
                    if type(key) is not str or not _plain(key):
                        return False
                values: Any = top.values()
            elif type(top) is list:
                values = top
            else:
                return False
            for value in values:
                kind = type(value)
                if kind is str:
                    n = len(value)
                    size += n
                    if n > chars or not _plain(value):
                        return False
                elif kind is dict or kind is list:
                    below.append(value)
                elif kind is float:
                    if not math.isfinite(value):
                        return False
                elif (
                    kind is not int
                    and kind is not bool
                    and value is not None
                    and not hasattr(value, "isoformat")
                ):
                    return False
        level = below
    return size <= total


def _plain(text: str) -> bool:
    if "\0" in text:
        return False
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _blame(record: Mapping[str, Any], limits: InputLimits) -> None:
    stack: list[tuple[Any, str, int, Any]] = [(record, "", 1, Struct((*FIELDS, *STATE)))]
    while stack:
        value, path, depth, kind = stack.pop()
        if isinstance(value, str):
            _check_text(value, path, limits.field_chars)
        elif isinstance(value, Mapping | list | tuple):
            if depth > limits.depth:
                raise FieldError(path, "too_deep", f"nested more than {limits.depth} levels deep")
            if isinstance(value, _Repeated):
                detail = "one object names this member twice, so one of its values would be lost"
                raise FieldError(_below(path, value.key, kind)[0], "duplicate_key", detail)
            below = _children(value, path, kind)
            for key in value if isinstance(value, Mapping) else ():
                if not isinstance(key, str):
                    detail = f"a member's name of type {type(key).__name__} is not JSON"
                    raise FieldError(path, "bad_json", detail)
                _check_text(key, _below(path, key, kind)[0], limits.field_chars)
            stack.extend((child, where, depth + 1, sort) for child, where, sort in reversed(below))
        elif isinstance(value, float) and not math.isfinite(value):
            raise FieldError(path, "out_of_range", "a number beyond what a double can hold")
        elif isinstance(value, _NotJson):
            name = "NaN is" if isinstance(value, _NotANumber) else "Infinity and -Infinity are"
            raise FieldError(path, "bad_json", f"{name} not JSON")
        elif not (value is None or isinstance(value, int | float) or hasattr(value, "isoformat")):
            raise FieldError(
                path, "bad_json", f"a value of type {type(value).__name__} is not JSON"
            )


def _check_text(text: str, path: str, limit: int) -> None:
    if len(text) > limit:
        raise FieldError(
            path, "field_too_large", f"text of {len(text)} characters; the limit is {limit}"
        )
    if "\0" in text:
        raise FieldError(path, "control_character", "text holds a NUL character")
    if not _plain(text):
        raise FieldError(path, "lone_surrogate", "text holds half of a surrogate pair")


def _children(
    value: Any, path: str, kind: FieldType | None
) -> list[tuple[Any, str, FieldType | None]]:
    if isinstance(value, Mapping):
        return [(child, *_below(path, key, kind)) for key, child in value.items()]
    item = kind.item if isinstance(kind, ListOf) else kind
    return [(child, f"{path}[{i}]", item) for i, child in enumerate(value)]


def _below(path: str, key: str, kind: FieldType | None) -> tuple[str, FieldType | None]:
    """Return the path and type of a member; an undeclared key is not shown, because a key can be
    personal data.
    """
    if isinstance(kind, ListOf):
        kind = kind.item
    fields: tuple[Field, ...] = kind.fields if isinstance(kind, Struct) else ()
    for field in fields:
        if field.name == key:
            return (f"{path}.{key}" if path else key), field.type
    name = EXTRA if key == EXTRA else UNDECLARED
    if path.endswith(name):
        return path, None
    return (f"{path}.{name}" if path else name), None


_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[{}\[\]:,]|[^\s{}\[\]:,"]+')
_ID = re.compile(rb'"?([A-Za-z0-9][A-Za-z0-9_.:\-]{0,63})"?\Z')
_HEAD = 65_536


def peek_key(raw: bytes, wrappers: frozenset[str] = frozenset()) -> tuple[str, str]:
    """Account and interaction id as far as they can be read from damaged JSON; empty where they
    cannot.

    Only the first 64 KiB are looked at, and only members of the record itself (or of an object
    under a key of `wrappers`), so that the id of an agent or form is never taken for the
    interaction's.
    """
    names = {f'"{w}"'.encode() for w in wrappers}
    found: dict[bytes, str] = {}
    depth, base, key, last = 0, 1, b"", b""
    for match in _TOKEN.finditer(raw, 0, _HEAD):
        token = match.group()
        if token in (b"{", b"["):
            depth += 1
            if token == b"{" and depth == 2 and key in names:
                base = 2
            key = b""
        elif token in (b"}", b"]"):
            depth -= 1
            key = b""
        elif token == b":":
            key = last
        elif token == b",":
            key = b""
        elif key:
            value = _ID.match(token)
            if (
                depth in (1, base)
                and key in (b'"account_id"', b'"id"')
                and value
                and token not in (b"null", b"true", b"false")
            ):
                found.setdefault(key, value[1].decode())
            key = b""
        last = token
    return found.get(b'"account_id"', ""), found.get(b'"id"', "")


def dump_json(record: Any) -> bytes:
    """JSON bytes of a parsed record, for the encrypted zone; unlike orjson it writes what
    `inspect_record` refuses, too.
    """
    try:
        return orjson.dumps(record, default=_other, option=orjson.OPT_NON_STR_KEYS)
    except (TypeError, ValueError, orjson.JSONEncodeError):
        try:
            return json.dumps(record, default=_other, skipkeys=True).encode()
        except (RecursionError, ValueError, TypeError):
            return b""


def _other(value: Any) -> Any:
    if isinstance(value, _NotJson):
        return "NaN"
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return dict(value) if isinstance(value, Mapping) else str(value)
