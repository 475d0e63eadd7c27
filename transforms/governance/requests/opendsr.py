"""Requests in bulk, in the shape of OpenDSR 2.0 (formerly OpenGDPR):
https://github.com/opengdpr/OpenDSR/blob/master/specification.md.

Each request is read by itself, so that one that is wrong holds up none of the others. Callback URLs
are not called: no network call is made.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from callveil.schemas.errors import UserError
from callveil.schemas.json_types import JsonObject
from callveil.schemas.subject import SubjectRequest
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.identity.identifiers import (
    Identifier,
    IdentifierError,
    identifiers_of_kind,
    parse_identifier,
)

TYPES = ("access", "portability", "erasure")
REGULATIONS = ("gdpr", "ccpa")
KINDS = {
    "email": "email",
    "phone": "phone",
    "ios_advertising_id": "visitor",
    "android_advertising_id": "visitor",
    "fire_advertising_id": "visitor",
    "microsoft_advertising_id": "visitor",
    "roku_advertising_id": "visitor",
    "android_id": "visitor",
    "ios_vendor_id": "visitor",
    "microsoft_publisher_id": "visitor",
    "roku_publisher_id": "visitor",
    "controller_customer_id": "visitor",
}
"""Kind of identifier by OpenDSR's identity types, and `phone`, which callers have and OpenDSR
lacks.
"""
EXTENSION = "callveil"
"""Name of the extension in which identifiers may stand as `callveil subject open --identifier`
takes them.
"""
UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


class BulkError(UserError, ValueError):
    """The file as a whole cannot be read."""


@dataclass(frozen=True)
class BulkItem:
    """One request of a file.

    Attributes:
        place: where it stands: `line 3` or `item 2`.
        request_id: as given; empty where it is none.
        type, regulation, submitted_at: of the request; empty and None where it is refused.
        identifiers: what the person is found by.
        problems: why it is refused; empty where it is good. They quote no value.
        not_searched: identities that cannot be searched for, each with the reason.
    """

    place: str
    request_id: str = ""
    type: str = ""
    regulation: str = ""
    submitted_at: dt.datetime | None = None
    identifiers: tuple[Identifier, ...] = ()
    problems: tuple[str, ...] = ()
    not_searched: tuple[str, ...] = ()


def read_bulk(files: Files, url: str, region: str = "") -> list[BulkItem]:
    """Return requests of a file: one object, an array, `{"requests": [...]}`, or JSON lines. Raises
    `BulkError`.
    """
    try:
        data = files.read(url)
    except FileNotFoundError:
        raise BulkError(f"{url}: not there; check the path") from None
    return [_item(place, doc, region) for place, doc in _documents(url, data)]


def _documents(url: str, data: bytes) -> Iterator[tuple[str, Any]]:
    try:
        whole = orjson.loads(data)
    except ValueError:
        whole = None
    if isinstance(whole, dict) and isinstance(whole.get("requests"), list):
        whole = whole["requests"]
    if isinstance(whole, list):
        yield from ((f"item {n}", doc) for n, doc in enumerate(whole, 1))
        return
    if isinstance(whole, dict):
        yield "item 1", whole
        return
    for number, line in enumerate(data.splitlines(), 1):
        if line.strip():
            try:
                yield f"line {number}", orjson.loads(line)
            except ValueError:
                raise BulkError(
                    f"{url}, line {number}: not JSON; expected one request a line, or an array of "
                    "them"
                ) from None


def _item(place: str, doc: Any, region: str) -> BulkItem:
    if not isinstance(doc, Mapping):
        return BulkItem(place, problems=("expected an object",))
    problems: list[str] = []
    request_id = str(doc.get("subject_request_id") or "")
    if not UUID4.fullmatch(request_id.lower()):
        problems.append("subject_request_id: expected a UUID, version 4, in lower case")
    kind, regulation = (
        str(doc.get("subject_request_type") or ""),
        str(doc.get("regulation") or "gdpr"),
    )
    if kind not in TYPES:
        problems.append(f"subject_request_type: expected one of {', '.join(TYPES)}")
    if regulation not in REGULATIONS:
        problems.append(f"regulation: expected one of {', '.join(REGULATIONS)}")
    submitted = _time(doc.get("submitted_time"))
    if submitted is None:
        problems.append("submitted_time: expected an RFC 3339 time with its offset")
    found: list[Identifier] = []
    missed: list[str] = []
    identities = doc.get("subject_identities") or []
    for n, identity in enumerate(identities if isinstance(identities, list) else []):
        _identity(f"subject_identities[{n}]", identity, region, found, missed, problems)
    extensions = doc.get("extensions")
    own = extensions.get(EXTENSION) if isinstance(extensions, Mapping) else None
    for n, text in enumerate(own.get("identifiers") or () if isinstance(own, Mapping) else ()):
        try:
            found += parse_identifier(str(text), region)
        except IdentifierError as error:
            problems.append(f"extensions.{EXTENSION}.identifiers[{n}]: {error}")
    if not found and not problems:
        problems.append(
            "subject_identities: none that can be searched for"
            + (f" ({'; '.join(missed)})" if missed else "")
        )
    return BulkItem(
        place, request_id, kind, regulation, submitted, tuple(found), tuple(problems), tuple(missed)
    )


def _identity(
    place: str,
    identity: Any,
    region: str,
    found: list[Identifier],
    missed: list[str],
    problems: list[str],
) -> None:
    if not isinstance(identity, Mapping):
        problems.append(f"{place}: expected an object")
        return
    kind, form, value = (identity.get(f"identity_{n}") for n in ("type", "format", "value"))
    if kind not in KINDS:
        problems.append(f"{place}.identity_type: not one of OpenDSR's")
    elif form not in ("raw", None):
        # The index holds keyed digests; a plain hash cannot be turned into one.
        missed.append(f"{place}: hashed identities cannot be searched for; send it raw")
    elif not isinstance(value, str):
        problems.append(f"{place}.identity_value: expected text")
    else:
        try:
            found += identifiers_of_kind(KINDS[str(kind)], value, region)
        except IdentifierError as error:
            problems.append(f"{place}.identity_value: {error}")


def _time(value: Any) -> dt.datetime | None:
    try:
        when = dt.datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return when.astimezone(dt.UTC) if when is not None and when.tzinfo is not None else None


STATUS = {
    "open": "pending",
    "verified": "in_progress",
    "on_hold": "pending",
    "in_progress": "in_progress",
    "completed": "completed",
    "partly_completed": "completed",
    "refused": "cancelled",
    "withdrawn": "cancelled",
    "not_executed": "cancelled",
}
"""OpenDSR's status by ours."""


def build_response(
    request: SubjectRequest, received_at: dt.datetime, controller: str = ""
) -> JsonObject:
    """Return the answer to one request, as OpenDSR has it. The encoded request is left out: it
    would repeat what identifies the person.
    """
    return {
        "controller_id": controller or request.agency or request.account,
        "subject_request_id": request.request_id,
        "received_time": received_at.isoformat(),
        "expected_completion_time": request.last_day.isoformat(),
        "request_status": STATUS[request.status],
        "api_version": "2.0",
    }
