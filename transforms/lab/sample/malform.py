"""Broken input: records turned into lines that must be rejected, one way of being broken per class.

The classes are those that call exports are seen to have, and each comes with the reason codes
(`schemas.rejected.REASONS`) that are right for it. Breaking is done on bytes, because what is
broken (half a surrogate pair, Infinity, bad UTF-8) cannot be written by a JSON library that keeps
the rules.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

import orjson

from callveil.schemas.json_types import JsonObject
from callveil.schemas.policy import InputLimits
from callveil.transforms.lab.sample.people import pick_one


@dataclass(frozen=True, slots=True)
class MalformedLine:
    """One broken line.

    Attributes:
        line: bytes without the line feed.
        kind: a name of `CLASSES`. reasons: codes any of which is a right answer.
        account_id, id: the key, where the line still says it (else empty).
    """

    line: bytes
    kind: str
    reasons: tuple[str, ...]
    account_id: str
    id: str


Break = Callable[[random.Random, JsonObject, InputLimits], bytes]


def _with(record: JsonObject, name: str, raw: bytes) -> bytes:
    """Return the record with one member set to raw JSON (or what is to pass for it)."""
    body = orjson.dumps({k: v for k, v in record.items() if k != name})
    return body[:-1] + b',"' + name.encode() + b'":' + raw + b"}"


def _broken_json(rng: random.Random, record: JsonObject, limits: InputLimits) -> bytes:
    line = orjson.dumps(record)
    return pick_one(
        rng,
        (
            line[:-1] + b",}",
            line.replace(b":", b"", 1),
            b"{" + line,
            line[:-1] + b',"x" 1}',
            line[1:-1].replace(b'"', b"'") + b"'",
            line + b"}",
        ),
    )


def _truncated(rng: random.Random, record: JsonObject, limits: InputLimits) -> bytes:
    line = orjson.dumps(record)
    return line[: len(line) // 3 + int(rng.random() * (len(line) // 2))]


def _wrong_type(rng: random.Random, record: JsonObject, limits: InputLimits) -> bytes:
    name, value = pick_one(
        rng,
        (
            ("duration", b'"three minutes"'),
            ("duration", b"[12]"),
            ("outline", b"[12,13]"),
            ("name", b'{"first":1}'),
            ("is_new_caller", b'"perhaps"'),
            ("talk_time", b"12.5"),
            ("unix_time", b'{"at":1}'),
            ("chat_messages", b"7"),
            ("latitude", b'"north"'),
            ("caller_number", b'["a",1]'),
            ("ring_time", b'{"s":1}'),
        ),
    )
    return _with(record, name, value)


def _huge_field(rng: random.Random, record: JsonObject, limits: InputLimits) -> bytes:
    words = ("and so on and so forth " * (limits.field_chars // 23 + 2))[
        : limits.field_chars + 1 + int(rng.random() * 1000)
    ]
    return _with(
        record, pick_one(rng, ("transcription_text", "notes", "summary")), orjson.dumps(words)
    )


def _huge_record(rng: random.Random, record: JsonObject, limits: InputLimits) -> bytes:
    """Return a transcript of about 1.2 times the limit, in turns that are each short enough."""
    turn = orjson.dumps(
        {"speaker": "Agent", "text": "and so on " * 400, "channel": 2, "s": 1.0, "e": 2.0}
    )
    return _with(
        record,
        "outline",
        b"[" + b",".join([turn] * (limits.record_bytes * 6 // 5 // len(turn) + 1)) + b"]",
    )


def _bad_utf8(rng: random.Random, record: JsonObject, limits: InputLimits) -> bytes:
    return _with(
        record,
        "notes",
        b'"caf'
        + pick_one(rng, (b"\xe9", b"\xff", b"\xc3(", b"\xed\xa0\x80", b"\xf8\x88\x80\x80\x80"))
        + b' after the tone"',
    )


def _surrogate(rng: random.Random, record: JsonObject, limits: InputLimits) -> bytes:
    return _with(
        record,
        pick_one(rng, ("notes", "summary", "name")),
        b'"see you ' + pick_one(rng, (rb"\ud83d", rb"\ude00", rb"\ud83d x")) + b'"',
    )


def _null_id(rng: random.Random, record: JsonObject, limits: InputLimits) -> bytes:
    return orjson.dumps(
        record | {pick_one(rng, ("id", "account_id")): pick_one(rng, (None, "", "  "))}
    )


def _missing_id(rng: random.Random, record: JsonObject, limits: InputLimits) -> bytes:
    gone = pick_one(rng, ("id", "account_id"))
    return orjson.dumps({k: v for k, v in record.items() if k != gone})


def _deep(rng: random.Random, record: JsonObject, limits: InputLimits) -> bytes:
    n = limits.depth + 1 + int(rng.random() * 200)
    return _with(record, "custom_fields", b'{"a":' * n + b"1" + b"}" * n)


def _bad_time(rng: random.Random, record: JsonObject, limits: InputLimits) -> bytes:
    whole = {k: v for k, v in record.items() if k != "unix_time"}
    value = pick_one(
        rng,
        (
            "0000-00-00 00:00:00",
            "2026-13-45T99:99:99Z",
            "yesterday",
            "9999-12-31T23:59:59Z",
            "1826-05-01T10:00:00Z",
            "2026-02-30T10:00:00Z",
        ),
    )
    return orjson.dumps(whole | {"called_at": value})


def _out_of_range(rng: random.Random, record: JsonObject, limits: InputLimits) -> bytes:
    name, value = pick_one(
        rng,
        (
            ("duration", b"-5"),
            ("duration", b"99999999999"),
            ("unix_time", b"-1"),
            ("unix_time", b"99999999999999999999"),
            ("talk_time", b"1" * 40),
        ),
    )
    return _with(record, name, value)


def _infinite(rng: random.Random, record: JsonObject, limits: InputLimits) -> bytes:
    return _with(
        record,
        pick_one(rng, ("billed_amount", "latitude", "duration")),
        pick_one(rng, (b"Infinity", b"-Infinity", b"1e999")),
    )


def _nul(rng: random.Random, record: JsonObject, limits: InputLimits) -> bytes:
    return _with(record, pick_one(rng, ("notes", "summary", "name")), rb'"one\u0000two"')


def _not_object(rng: random.Random, record: JsonObject, limits: InputLimits) -> bytes:
    return pick_one(rng, (b"null", b"42", b'"a call"', b"true", orjson.dumps(str(record["id"]))))


def _duplicate(rng: random.Random, record: JsonObject, limits: InputLimits) -> bytes:
    return orjson.dumps(record)[:-1] + b',"status":"one","status":"two"}'


CLASSES: dict[str, tuple[Break, tuple[str, ...], bool]] = {
    "broken_json": (_broken_json, ("bad_json",), False),
    "truncated": (_truncated, ("bad_json",), False),
    "wrong_type": (_wrong_type, ("wrong_type", "bad_time"), True),
    "bad_utf8": (_bad_utf8, ("bad_utf8",), True),
    "lone_surrogate": (_surrogate, ("lone_surrogate", "bad_json"), True),
    "null_id": (_null_id, ("missing_key",), False),
    "missing_id": (_missing_id, ("missing_key",), False),
    "deep_nesting": (_deep, ("too_deep",), True),
    "bad_time": (_bad_time, ("bad_time", "out_of_range"), True),
    "out_of_range": (_out_of_range, ("out_of_range", "bad_time", "wrong_type"), True),
    "infinite": (_infinite, ("bad_json", "out_of_range"), True),
    "nul_character": (_nul, ("control_character",), True),
    "not_an_object": (_not_object, ("not_an_object",), False),
    "duplicate_key": (_duplicate, ("duplicate_key", "bad_json"), True),
    "huge_field": (_huge_field, ("field_too_large",), True),
    "huge_record": (_huge_record, ("record_too_large",), True),
}
"""Name of a class: how it breaks a record, the reasons that are right, and whether the key stays
readable.
"""

SMALL = tuple(name for name in CLASSES if not name.startswith("huge"))


def class_of(ordinal: int) -> str:
    """Return the class of the n-th broken line of a sample. All small classes come in turn; one
    line in 97 has a huge field and one in 397 is a huge record (the first of each comes early, so
    that a small sample has them too), which keeps 100,000 interactions with 2 % broken below 1 GB.
    """
    if ordinal % 397 == 15:
        return "huge_record"
    if ordinal % 97 == 14:
        return "huge_field"
    return SMALL[ordinal % len(SMALL)]


def malform_record(
    rng: random.Random, record: JsonObject, kind: str, limits: InputLimits | None = None
) -> MalformedLine:
    """Break a record.

    Args:
        rng: seeded. record: a sound record with `id` and `account_id`; not changed. kind: a name of
            `CLASSES`.
        limits: bounds to exceed; the product's defaults when absent.

    Raises:
        ValueError: unknown class.
    """
    if kind not in CLASSES:
        raise ValueError(f"unknown class {kind!r}; one of {', '.join(CLASSES)}")
    make, reasons, readable = CLASSES[kind]
    line = make(rng, record, limits or InputLimits())
    return MalformedLine(
        line,
        kind,
        reasons,
        str(record["account_id"]) if readable else "",
        str(record["id"]) if readable else "",
    )
