"""A parsed version, native or of paper_trail, to a `RawVersion`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from callveil.schemas.fields import EXTRA, FieldError, json_type
from callveil.schemas.interaction import SourceRef
from callveil.schemas.json_types import RecordValues
from callveil.schemas.version import ACTOR_TYPES, RawVersion, VersionKey
from callveil.transforms.detect.plain_ids import is_plain_id
from callveil.transforms.ingest.dates import parse_time
from callveil.transforms.ingest.normalise import parse_id
from callveil.transforms.ingest.versions.yaml_json import is_null, load_object
from callveil.transforms.storage.files.strict_json import ParseError, inspect_record

if TYPE_CHECKING:
    from callveil.schemas.policy import InputLimits

_EVENTS = {
    **dict.fromkeys(("created", "insert", "inserted", "add", "added", "new"), "create"),
    **dict.fromkeys(
        ("updated", "change", "changed", "edit", "edited", "modify", "modified", "touch"), "update"
    ),
    **dict.fromkeys(("destroyed", "delete", "deleted", "remove", "removed"), "destroy"),
    **dict.fromkeys(("restored", "undelete", "revert", "reverted", "reify"), "restore"),
    **dict.fromkeys(("redacted", "redaction"), "redact"),
    **dict.fromkeys(("exported", "download", "downloaded"), "export"),
    **dict.fromkeys(("signin", "signed_in", "login", "log_in", "logged_in", "logon"), "sign_in"),
}
_WORD = re.compile(r"[a-z][a-z0-9_]{0,39}\Z")
_ROLE = re.compile(r"[A-Za-z][A-Za-z0-9 _\-/]{0,59}\Z")
_TYPE = re.compile(r"[A-Za-z][A-Za-z0-9_:.\- ]{0,99}\Z")
_ACTOR_ID = re.compile(
    r"(?:[A-Za-z]{0,12}[_\-]?\d{1,19}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{16,64})\Z"
)
_GLOBAL_ID = re.compile(r"gid://[^/]+/[^/]+/([^/?]+)")
_ITEM_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:\-]{0,127}\Z")
_IN_ACCOUNT_FORM = ("Account", "account")
_NOTHING = frozenset(
    (
        "nil",
        "none",
        "undefined",
        "n/a",
        "na",
        "#n/a",
        "nan",
        "<nil>",
        "<none>",
        "<na>",
        "<undefined>",
        "(nil)",
        "(none)",
        "(empty)",
        "(undefined)",
    )
)
"""What a column of JSON or YAML holds where an export had nothing to write; in the value of a field
these are texts.
"""
_PAPER_TRAIL = ("object", "object_changes", "whodunnit")

_NAMES: dict[str, tuple[str, ...]] = {
    "version_id": ("version_id", "id"),
    "account_id": ("account_id",),
    "agency_id": ("agency_id",),
    "item_type": ("item_type", "auditable_type"),
    "item_id": ("item_id", "auditable_id"),
    "item_label": ("item_label", "item_name"),
    "version_number": ("version_number", "version"),
    "event": ("event", "action"),
    "created_at": ("created_at", "occurred_at", "timestamp"),
    "user_id": ("user_id", "actor_id"),
    "user_name": ("user_name", "actor_name"),
    "user_role": ("user_role", "actor_role"),
    "actor_type": ("actor_type", "user_type"),
    "ip": ("ip", "ip_address", "remote_ip", "remote_address"),
    "user_agent": ("user_agent",),
    "request_id": ("request_id", "request_uuid"),
    "restored_from": ("restored_from", "reverted_from"),
    "changes": ("changes", "audited_changes", "changeset"),
    "object": ("object",),
    "object_changes": ("object_changes",),
    "whodunnit": ("whodunnit",),
}


def normalize_version(doc: Any, source: SourceRef, limits: InputLimits) -> RawVersion:
    """Read one version.

    Args:
        doc: a parsed object or row; not changed.
        source: where it was read.
        limits: bounds on nesting and texts.

    Raises:
        FieldError: the first thing that does not fit, with its declared name and without its value.
    """
    if not isinstance(doc, Mapping):
        raise FieldError(
            "",
            "not_an_object",
            f"a version must be an object with named members, found {json_type(doc)}",
        )
    inspect_record(doc, limits)
    taken, extra = _taken(doc)
    key = _key(taken, extra)
    created_at = parse_time(_required(taken, "created_at"), None, "created_at")
    record: RecordValues = {}
    shape = "paper_trail" if any(n in doc for n in _PAPER_TRAIL) else "native"
    for name in ("changes", "object_changes"):
        found = _opened(taken.get(name), name, limits)
        if found is not None:
            record["changes"] = _changes(found, name)
            break
    state = _opened(taken.get("object"), "object", limits)
    if state is not None and state != []:  # an empty object as PHP writes it
        if not isinstance(state, Mapping):
            raise FieldError(
                "object", "wrong_type", f"expected the object's members, found {json_type(state)}"
            )
        record["object"] = {str(name): state[name] for name in sorted(state, key=str)}
    record |= {
        "shape": shape,
        "agency_id": _id(taken, "agency_id"),
        "version_number": _number(taken.get("version_number"), extra),
    }
    record |= _actor(taken, extra)
    for name in ("item_label", "user_agent"):
        record[name] = _text(taken.get(name), name)
    for name in ("request_id", "restored_from"):
        value = taken.get(name)
        text = (
            ""
            if value is None
            else str(value)
            if isinstance(value, int)
            else value
            if isinstance(value, str)
            else ""
        )
        if _ITEM_ID.match(text):
            record[name] = text
        elif value not in (None, ""):
            extra[name] = value
    if extra:
        record[EXTRA] = extra
    return RawVersion(
        key,
        _event(taken, extra),
        created_at,
        {k: v for k, v in record.items() if v not in (None, "")},
        source,
    )


def _taken(doc: Mapping[str, Any]) -> tuple[RecordValues, RecordValues]:
    """Return members by declared name, and the others. Of several names for one thing the first
    holds, the rest stays with the others.
    """
    rest = {k: v for k, v in doc.items() if v is not None and v != ""}
    taken: RecordValues = {}
    for name, names in _NAMES.items():
        found = next((n for n in names if n in rest), None)
        if found is not None:
            taken[name] = rest.pop(found)
    user = rest.get("user")
    if isinstance(user, Mapping) and not {"user_id", "user_name"} & taken.keys():
        taken["user_id"], taken["user_name"], taken["user_role"] = (
            user.get("id"),
            user.get("name") or user.get("email"),
            user.get("role"),
        )
        left = {
            k: v for k, v in user.items() if k not in ("id", "role") and v != taken["user_name"]
        }
        rest.pop("user")
        if left:
            rest["user"] = left
    return taken, rest


def _required(taken: Mapping[str, Any], name: str) -> Any:
    if taken.get(name) in (None, ""):
        raise FieldError(
            name,
            "missing_key" if name != "created_at" else "bad_time",
            "is missing or empty; no version is complete without it",
        )
    return taken[name]


def _key(taken: Mapping[str, Any], extra: Mapping[str, Any]) -> VersionKey:
    version_id = parse_id(_required(taken, "version_id"), "version_id")
    if not _ITEM_ID.match(version_id):
        raise FieldError(
            "version_id", "wrong_type", "expected a plain id: letters, digits and . : _ -"
        )
    item_type = _required(taken, "item_type")
    if not isinstance(item_type, str) or not _TYPE.match(item_type.strip()):
        raise FieldError(
            "item_type", "wrong_type", "expected the name of a type, such as User or TrackingNumber"
        )
    item_type = item_type.strip()
    item_id = parse_id(_required(taken, "item_id"), "item_id")
    account = taken.get("account_id")
    if account is None and item_type.rpartition("::")[2] in _IN_ACCOUNT_FORM:
        account = item_id
    return VersionKey(parse_id(account, "account_id"), item_type, item_id, version_id)


def _event(taken: Mapping[str, Any], extra: RecordValues) -> str:
    given = _required(taken, "event")
    word = (
        given.strip().lower().replace("-", "_").replace(" ", "_") if isinstance(given, str) else ""
    )
    if not _WORD.match(word):
        raise FieldError("event", "wrong_type", "expected a word such as create, update or destroy")
    return _EVENTS.get(word, word)


def _actor(taken: Mapping[str, Any], extra: RecordValues) -> RecordValues:
    """Tell who did it. What is no id (paper_trail's whodunnit may be a name or an address) counts
    as a name, which the policy may redact.
    """
    out: RecordValues = {
        "actor_name": _text(taken.get("user_name"), "user_name"),
        "actor_ip": _text(taken.get("ip"), "ip"),
    }
    given = taken.get("user_id") if taken.get("user_id") is not None else taken.get("whodunnit")
    if given is not None and not isinstance(given, str | int | float):
        raise FieldError("user_id", "wrong_type", f"expected an id, found {json_type(given)}")
    text = "" if given is None else parse_id(given, "user_id") if str(given).strip() else ""
    found = _GLOBAL_ID.match(text)
    text = found[1] if found else text
    kind = taken.get("actor_type")
    kind = kind.strip().lower() if isinstance(kind, str) else ""
    if text.lower() in ("system", "cron", "console", "worker") and kind not in ACTOR_TYPES:
        text, kind = "", "system"
    if _ACTOR_ID.match(text) and is_plain_id(text):
        out["actor_id"] = text
    elif text and not out["actor_name"]:
        out["actor_name"] = text
    elif text and text != out["actor_name"]:
        extra["user_id"] = text
    role = taken.get("user_role")
    if isinstance(role, str) and _ROLE.match(role.strip()):
        out["actor_role"] = role.strip()
    elif role is not None:
        extra["user_role"] = role
    out["actor_type"] = kind if kind in ACTOR_TYPES else "user" if text else "system"
    return out


def _text(value: Any, path: str) -> str:
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise FieldError(path, "wrong_type", f"expected text, found {json_type(value)}")
    return str(value)


def _id(taken: Mapping[str, Any], name: str) -> str:
    return "" if taken.get(name) is None else parse_id(taken[name], name)


def _number(value: Any, extra: RecordValues) -> int | None:
    text = (
        str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""
    )
    if text.isascii() and text.isdigit() and len(text) <= 18:
        return int(text)
    if value is not None:
        extra["version_number"] = value
    return None


def _opened(value: Any, path: str, limits: InputLimits) -> Any:
    """Return a value as it is, or read from the JSON or YAML text that a column holds, however
    often it was encoded; None for null in any of the ways it is written.
    """
    while isinstance(value, str) and not is_null(value) and value.strip().lower() not in _NOTHING:
        try:
            opened = load_object(value)
        except ParseError as error:
            raise FieldError(path, error.reason, error.detail) from None
        inspect_record({"value": opened}, limits)
        if isinstance(opened, str) and len(opened) >= len(value.strip()):
            raise FieldError(path, "wrong_type", "expected JSON or YAML, found plain text")
        value = opened
    return None if isinstance(value, str) else value


def _changes(value: Any, path: str) -> list[RecordValues]:
    """Return changes from every form they occur in: a list of `{field, before, after}`, or an
    object of `field: [before, after]`.
    """
    rows: list[tuple[Any, Any, Any]] = []
    if isinstance(value, Mapping):
        for name, pair in value.items():
            if isinstance(pair, list | tuple) and len(pair) == 2:
                rows.append((name, *_pair(pair)))
            elif isinstance(pair, Mapping) and pair.keys() & {
                "before",
                "after",
                "from",
                "to",
                "old",
                "new",
            }:
                rows.append(
                    (name, _side(pair, "before", "from", "old"), _side(pair, "after", "to", "new"))
                )
            else:
                raise FieldError(
                    path, "wrong_type", "expected each field's change as [before, after]"
                )
    elif isinstance(value, list | tuple):
        for entry in value:
            name = (
                next(
                    (entry[n] for n in ("field", "attribute", "name", "key") if entry.get(n)), None
                )
                if isinstance(entry, Mapping)
                else None
            )
            if not isinstance(name, str):
                raise FieldError(path, "wrong_type", "expected a list of {field, before, after}")
            rows.append(
                (
                    name,
                    _side(entry, "before", "from", "old", "old_value"),
                    _side(entry, "after", "to", "new", "new_value"),
                )
            )
    elif value is not None:
        raise FieldError(
            path, "wrong_type", f"expected changes as a list or an object, found {json_type(value)}"
        )
    out: dict[str, RecordValues] = {}
    for name, before, after in rows:
        if name in out:
            raise FieldError(
                path,
                "duplicate_key",
                "one field is listed twice, so one of its changes would be lost",
            )
        out[name] = {"field": name, "before": before, "after": after}
    return [out[name] for name in sorted(out)]


def _pair(pair: Sequence[Any]) -> tuple[Any, Any]:
    sides = {"before": pair[0], "after": pair[1]}
    return _side(sides, "before"), _side(sides, "after")


def _side(entry: Mapping[str, Any], *names: str) -> Any:
    found = next((entry[n] for n in names if n in entry), None)
    return None if isinstance(found, str) and found and is_null(found) else found
