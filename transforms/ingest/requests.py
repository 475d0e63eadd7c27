"""Manual redaction requests from a file: JSON lines, JSON, CSV, YAML or Parquet.

Redaction cannot be undone, so nothing is guessed: the scope must be written out, a misspelt member
is an error, and so is a member that its scope does not use. Who asked and why are required, because
the report must tell them.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import orjson

from callveil.schemas.fields import (
    EXTRA,
    FieldError,
    FieldType,
    Integer,
    Json,
    ListOf,
    Number,
    Struct,
    Text,
)
from callveil.schemas.interaction import BY_NAME, SECONDS
from callveil.schemas.json_types import Row
from callveil.schemas.problem import Problem
from callveil.schemas.request import BASES, FIELDS, SCOPES, TRIGGERS, RedactionRequest
from callveil.transforms.ingest.dates import parse_time
from callveil.transforms.ingest.normalise import parse_id
from callveil.transforms.ingest.rows import TableError, TableRow, read_table

if TYPE_CHECKING:
    from callveil.transforms.storage.files.filesystem import Files

_NAMES = tuple(f.name for f in FIELDS)
_REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:\-]{0,127}\Z")
_STEP = re.compile(
    r"(?:\A|\.)([A-Za-z_][A-Za-z0-9_]*)|(\[\d{1,9}\])|(\{(?:\d{1,9}|[^\W\d][\w .:/-]{0,63})\})"
)
_USES = {
    "all": (),
    "field": ("field",),
    "span": ("field", "start", "end"),
    "time": ("from_s", "to_s"),
}
_MAY = {"all": (), "field": (), "span": ("basis",), "time": ("channel",)}
_SCOPED = ("field", "start", "end", "from_s", "to_s", "channel", "basis")
_OFFSET, _CHANNEL, _SECONDS = Integer(0, 2**31), Integer(1, 64), Number()


class RequestsError(TableError):
    """Error that tells what is wrong with the requests, all at once."""

    what = "redaction requests"


def read_requests(files: Files, patterns: Sequence[str]) -> list[RedactionRequest]:
    """Read every request; members as in `schemas.request`. JSON and YAML may also be `{requests:
    [...]}`.

    Returns: requests sorted by id; of equal ones one. A request without `request_id` gets a digest
        of its content, so the same request has the same id whenever it is read.

    Raises:
        RequestsError: any row is faulty, or two different requests have one id.
        InputError: a pattern names nothing.
    """
    problems: list[Problem] = []
    found: dict[str, tuple[RedactionRequest, TableRow]] = {}
    for row in read_table(files, patterns, "requests"):
        if isinstance(row, Problem):
            problems.append(row)
            continue
        request = _request(row, problems)
        if request is None:
            continue
        known = found.setdefault(request.request_id, (request, row))
        if known[0] != request:
            other = f"{known[1].file}:{known[1].line}"
            problems.append(
                Problem(
                    row.file,
                    row.line,
                    "request_id",
                    f"is used for another request at {other}; ids must differ",
                )
            )
    if problems:
        raise RequestsError(problems)
    return [found[k][0] for k in sorted(found)]


def _request(row: TableRow, problems: list[Problem]) -> RedactionRequest | None:
    before = len(problems)
    values = {k: v for k, v in row.values.items() if v != ""}

    def fault(name: str, message: str) -> None:
        problems.append(Problem(row.file, row.line, name, message))

    for name in values:
        if name not in _NAMES:
            close = difflib.get_close_matches(name, _NAMES, 1)
            fault(
                "",
                "has a member that no request has"
                + (
                    f"; did you mean {close[0]}?" if close else f"; members are {', '.join(_NAMES)}"
                ),
            )
    read: Row = {}
    for name, reader in _READERS.items():
        try:
            read[name] = reader(values.get(name))
        except FieldError as e:
            fault(name, e.detail)
    scope: str = read.get("scope", "")
    for name in _SCOPED if scope else ():
        if name in values and name not in _USES[scope] + _MAY[scope]:
            fault(name, f"has no meaning for scope {scope}; leave it out, or change the scope")
        elif name not in values and name in _USES[scope]:
            fault(name, f"is required for scope {scope}")
    if len(problems) == before:
        _check_ranges(read, scope, fault)
    if len(problems) > before:
        return None
    if not read["request_id"]:
        read["request_id"] = (
            "req-"
            + blake2b(
                orjson.dumps({**read, "request_id": ""}, option=orjson.OPT_SORT_KEYS),
                digest_size=12,
            ).hexdigest()
        )
    return RedactionRequest(**read)


def _check_ranges(read: Mapping[str, Any], scope: str, fault: Callable[[str, str], None]) -> None:
    if scope == "span" and read["start"] >= read["end"]:
        fault("end", "must be greater than start; a span is half-open, in code points")
    if scope == "time" and read["from_s"] >= read["to_s"]:
        fault(
            "to_s",
            "must be greater than from_s, both in seconds from the beginning of the recording",
        )
    if scope in ("field", "span"):
        try:
            check_field_path(read["field"], text=scope == "span")
        except FieldError as e:
            fault("field", e.detail)


def check_field_path(path: str, *, text: bool = False) -> None:
    """Check that `path` names a declared field that can be redacted.

    Args:
        path: such as `notes`, `outline[3].text`, `form.custom[0].value`; a member of a JSON object
            goes by its key, `custom_fields{plan}`, or by its place, `custom_fields{0}`.
        text: whether it must be one text, as a span needs, and not a list or object.

    Raises:
        FieldError: it is no such path; the message says why.
    """
    steps = _STEP.findall(path)
    if (
        not steps
        or "".join(f".{name}" if name else index or place for name, index, place in steps)
        != f".{path}"
    ):
        raise FieldError(
            "field", "wrong_type", "is no path; write it like notes or outline[3].text"
        )
    top = BY_NAME.get(steps[0][0])
    if top is None:
        close = difflib.get_close_matches(steps[0][0], list(BY_NAME), 1)
        raise FieldError(
            "field",
            "wrong_type",
            "begins with no declared field" + (f"; did you mean {close[0]}?" if close else ""),
        )
    if top.group in ("identity", "time"):
        raise FieldError(
            "field",
            "wrong_type",
            f"names a field of the group {top.group}, which is kept so that the record can be "
            "found and retained",
        )
    kind: FieldType | None = top.type
    for name, index, place in steps[1:]:
        kind = _step(kind, name, index, place)
    if text and not isinstance(kind, Text | Json):
        raise FieldError(
            "field",
            "wrong_type",
            "names no text, so it has no span; name the text itself, such as outline[3].text, or "
            "use scope field",
        )


def _step(kind: FieldType | None, name: str, index: str, place: str) -> FieldType:
    if isinstance(kind, Json):
        if name:
            raise FieldError(
                "field",
                "wrong_type",
                "names a JSON object's member; write its key or its place in braces, such as "
                "custom_fields{plan}",
            )
        return kind
    if index and isinstance(kind, ListOf):
        return kind.item
    if name and isinstance(kind, Struct):
        if name == EXTRA:
            return Json()
        found = next((f.type for f in kind.fields if f.name == name), None)
        if found is not None:
            return found
        raise FieldError(
            "field",
            "wrong_type",
            "names a member that is not declared; there are "
            f"{', '.join(f.name for f in kind.fields)}",
        )
    needed = (
        "needs an index at a list, such as outline[3]"
        if isinstance(kind, ListOf)
        else "goes below a field that has no such members"
    )
    raise FieldError("field", "wrong_type", needed)


def _one_of(names: Sequence[str], default: str = "") -> Callable[[Any], str]:
    def read(value: Any) -> str:
        text = default if value is None else str(value).strip().lower()
        if text not in names:
            raise FieldError(
                "",
                "wrong_type",
                ("is required" if value is None else "is not known")
                + f"; write one of {', '.join(names)}",
            )
        return text

    return read


def _required_text(hint: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if not isinstance(value, str | int) or isinstance(value, bool) or not str(value).strip():
            raise FieldError("", "missing_key", f"is required: {hint}")
        return str(value).strip()

    return read


def _optional(kind: Integer | Number, high: float | None = None) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if value is None:
            return None
        number = kind.coerce(value, "")
        if high is not None and not 0 <= number <= high:
            raise FieldError("", "out_of_range", f"outside 0 to {high:g}")
        return number

    return read


def _request_id(value: Any) -> str:
    if value is None:
        return ""
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if not _REQUEST_ID.match(text):
        raise FieldError(
            "",
            "wrong_type",
            "must be 1 to 128 letters, digits or _ . : - (it is shown in reports, so let it hold "
            "nothing personal)",
        )
    return text


_READERS: dict[str, Callable[[Any], Any]] = {
    "request_id": _request_id,
    "account_id": lambda v: parse_id(v, "account_id"),
    "interaction_id": lambda v: parse_id(v, "interaction_id"),
    "scope": _one_of(SCOPES),
    "field": lambda v: None if v is None else str(v).strip(),
    "start": _optional(_OFFSET),
    "end": _optional(_OFFSET),
    "from_s": _optional(_SECONDS, SECONDS.high),
    "to_s": _optional(_SECONDS, SECONDS.high),
    "channel": _optional(_CHANNEL),
    "basis": _one_of(BASES, "source"),
    "reason": _required_text("why it is to be redacted, for the report"),
    "actor": _required_text("who asked, for the report"),
    "requested_at": lambda v: None if v is None else parse_time(v, None, "requested_at"),
    "trigger": _one_of(TRIGGERS, "manual"),
}
