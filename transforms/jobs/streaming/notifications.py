"""Parser for S3 event notifications in queue messages.

Three forms come, alone or wrapped by SNS:
    - S3's own: `Records`, each with `s3.bucket.name` and `s3.object` ("Event message structure",
      Amazon S3 User Guide). Its keys are URL-encoded as forms are: a blank is `+`. MinIO and Ceph
      write it too, with `s3:` before the event's name.
    - EventBridge: `detail-type`, and `detail` with `bucket` and `object` ("EventBridge event
      message structure", same guide). Its keys are plain.
    - `s3:TestEvent`, sent once when notifications are set up.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

import orjson

from callveil.schemas.arrival import Arrival
from callveil.schemas.json_types import JsonObject
from callveil.transforms.ingest.discover import TEMPORARY

WRAPPERS = 3
"""Wrappings that are taken off; SNS does not wrap its own messages more often than topics are
chained.
"""
TEST, REMOVED, OTHER, FOLDER, ELSEWHERE, OWN, UNFINISHED = (
    "test",
    "removed",
    "other",
    "folder",
    "elsewhere",
    "own",
    "unfinished",
)
"""Why an event brings no arrival: S3's test, an object deleted, another event, an object that only
shows a folder, outside the prefixes, written by the store itself, which is never input, or of a
hidden or temporary name, to be renamed once it is whole.
"""


class NotANotification(ValueError):
    """A message is no notification of S3, or a broken one. The text names the field and quotes
    nothing.
    """


@dataclass(frozen=True, slots=True)
class ParsedNotification:
    """Contents of one message.

    Attributes:
        arrivals: objects that were made, in the message's order.
        ignored: for each other event, why it is passed over.
    """

    arrivals: tuple[Arrival, ...] = ()
    ignored: tuple[str, ...] = ()


def parse_notification(
    body: str | bytes, prefixes: tuple[str, ...] = (), store: str = ""
) -> ParsedNotification:
    """Read a message's body.

    Args:
        body: as the queue gave it.
        prefixes: only objects whose URL begins with one of these are arrivals, as
            `s3://bucket/calls/`; none means all.
        store: root of the store that is written to; objects below it are none.

    Raises `NotANotification`. A message of which one event is broken is broken as a whole.
    """
    document = _json(body, "the body")
    for _ in range(WRAPPERS):
        if not (
            isinstance(document, dict)
            and document.get("Type") == "Notification"
            and "Message" in document
        ):
            break
        document = _json(document["Message"], "Message")
    if not isinstance(document, dict):
        raise NotANotification("the body is no JSON object")
    if document.get("Event") == "s3:TestEvent":
        return ParsedNotification(ignored=(TEST,))
    if "detail-type" in document:
        events = [_bridge(document)]
    elif isinstance(document.get("Records"), list) and document["Records"]:
        events = [
            _record(record, f"Records[{number}]")
            for number, record in enumerate(document["Records"])
        ]
    else:
        raise NotANotification(
            "the body is JSON, but has neither Records nor detail-type: no notification of S3"
        )
    found = [_within(event, prefixes, store) for event in events]
    return ParsedNotification(
        tuple(f for f in found if isinstance(f, Arrival)),
        tuple(f for f in found if isinstance(f, str)),
    )


def _within(event: Arrival | str, prefixes: tuple[str, ...], store: str) -> Arrival | str:
    if isinstance(event, str):
        return event
    if store and event.url.startswith(store.rstrip("/") + "/"):
        return OWN
    if prefixes and not event.url.startswith(prefixes):
        return ELSEWHERE
    if event.url.endswith("/"):
        return FOLDER
    name = event.url.rpartition("/")[2].lower()
    return UNFINISHED if name.startswith(".") or name.endswith(TEMPORARY) else event


def _record(record: Any, path: str) -> Arrival | str:
    """Read one event of S3's own form."""
    name = _text(record, path, "eventName").removeprefix("s3:")
    _member(record, path, "s3")
    if not name.startswith("ObjectCreated:"):
        return REMOVED if name.startswith(("ObjectRemoved:", "LifecycleExpiration:")) else OTHER
    bucket = _text(record, path, "s3", "bucket", "name")
    try:
        key = unquote_plus(_text(record, path, "s3", "object", "key"), errors="strict")
    except UnicodeDecodeError:
        raise NotANotification(f"{path}.s3.object.key: not UTF-8 once decoded") from None
    etag, size = (
        _text(record, path, "s3", "object", "eTag"),
        _size(record, path, "s3", "object", "size"),
    )
    return _arrival(path, bucket, key, etag, size, _time(record, path, "eventTime"))


def _bridge(event: JsonObject) -> Arrival | str:
    """Read an event of EventBridge."""
    if event.get("source") != "aws.s3":
        raise NotANotification("source: the event is not one of S3's; check the rule's pattern")
    kind = _text(event, "", "detail-type")
    if kind != "Object Created":
        return REMOVED if kind == "Object Deleted" else OTHER
    at = ("detail", "object")
    bucket, key = _text(event, "", "detail", "bucket", "name"), _text(event, "", *at, "key")
    return _arrival(
        "detail",
        bucket,
        key,
        _text(event, "", *at, "etag"),
        _size(event, "", *at, "size"),
        _time(event, "", "time"),
    )


def _arrival(path: str, bucket: str, key: str, etag: str, size: int, landed_at: float) -> Arrival:
    if "/" in bucket:
        raise NotANotification(f"{path}: the bucket's name holds a slash")
    if not key:
        raise NotANotification(f"{path}: the key is empty")
    return Arrival(f"s3://{bucket}/{key}", etag.strip('"'), size, landed_at)


def _json(text: Any, what: str) -> Any:
    if not isinstance(text, str | bytes):
        raise NotANotification(f"{what}: expected text")
    try:
        return orjson.loads(text)
    except ValueError:  # orjson's text quotes none of it, but is not needed either
        raise NotANotification(f"{what} is not JSON") from None


def _member(record: Any, path: str, *names: str) -> Any:
    value = record
    for number, name in enumerate(names):
        if not isinstance(value, dict) or name not in value:
            raise NotANotification(f"{'.'.join((path, *names[: number + 1])).lstrip('.')}: missing")
        value = value[name]
    return value


def _text(record: Any, path: str, *names: str) -> str:
    value = _member(record, path, *names)
    if not isinstance(value, str) or not value or "\0" in value:
        raise NotANotification(f"{'.'.join((path, *names)).lstrip('.')}: expected text")
    return value


def _size(record: Any, path: str, *names: str) -> int:
    value = _member(record, path, *names)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 63:
        raise NotANotification(
            f"{'.'.join((path, *names)).lstrip('.')}: expected a number of bytes"
        )
    return value


def _time(record: Any, path: str, name: str) -> float:
    """Return seconds since 1970 of an ISO 8601 time with an offset."""
    try:
        when = dt.datetime.fromisoformat(_text(record, path, name))
        if when.tzinfo is not None:
            return when.timestamp()
    except ValueError as error:
        if isinstance(error, NotANotification):
            raise
    raise NotANotification(
        f"{'.'.join((path, name)).lstrip('.')}: expected a time such as 2026-11-24T06:00:00.000Z"
    )
