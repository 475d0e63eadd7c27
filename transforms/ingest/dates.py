"""Every form of time that occurs in call-tracking data, to UTC.

Rules:
    - An offset in the text decides. An abbreviation is a fixed offset (EST is -05:00 in summer
      too); an IANA name follows its rules.
    - A time without an offset is read in the account's zone, and where that is not known in UTC, in
      every form alike: a text in any order, a day, a column of Parquet. `is_local` tells such
      times, so that they can be noted.
    - Where clocks go back, the first of the two instants is meant. Where they go forward, a time
      that did not exist is read with the offset that held before, so 02:30 becomes 03:30 of the new
      time.
    - Fractions of a second are cut, not rounded, to microseconds. A leap second is the first second
      of the next minute.
    - A number counts from 1970: below 1e11 in seconds, then milliseconds, microseconds and
      nanoseconds by magnitude.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from callveil.schemas.fields import EPOCH, UTC, FieldError, Timestamp, json_type

_HOURS = {
    "UTC": 0,
    "GMT": 0,
    "Z": 0,
    "UT": 0,
    "WET": 0,
    "WEST": 1,
    "BST": 1,
    "IST": 5.5,
    "CET": 1,
    "CEST": 2,
    "EET": 2,
    "EEST": 3,
    "EST": -5,
    "EDT": -4,
    "CST": -6,
    "CDT": -5,
    "MST": -7,
    "MDT": -6,
    "PST": -8,
    "PDT": -7,
    "AKST": -9,
    "AKDT": -8,
    "HST": -10,
    "AST": -4,
    "ADT": -3,
    "NST": -3.5,
    "NDT": -2.5,
    "AEST": 10,
    "AEDT": 11,
    "ACST": 9.5,
    "ACDT": 10.5,
    "AWST": 8,
    "NZST": 12,
    "NZDT": 13,
}
ABBREVIATIONS: dict[str, dt.timezone] = {
    name: dt.timezone(dt.timedelta(hours=hours)) for name, hours in _HOURS.items()
}
"""Zone abbreviations and their fixed offsets. North American, European and Australian readings win
where one is ambiguous.
"""

_MONTHS = {
    m: i
    for i, m in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), 1
    )
}
_CLOCK = r"(?P<h>\d{1,2}):(?P<m>\d{2})(?::(?P<s>\d{2})(?:[.,](?P<f>\d+))?)?\s*(?P<half>[AaPp]\.?[Mm]\.?(?![A-Za-z]))?"  # noqa: E501
# never AM or PM
_COMPACT_CLOCK = r"(?P<h>\d{2}):?(?P<m>\d{2})(?::?(?P<s>\d{2})(?:[.,](?P<f>\d+))?)?(?P<half>(?!))?"
_ZONE = (
    r"\s*(?P<zone>[+\-−]\d{1,2}(?::?\d{2}){0,2}|[A-Za-z][A-Za-z0-9_+\-/]*)?(?:\s*\([A-Za-z0-9 "
    r"]+\))?"
)
_DAY_NAME = r"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*,?\s+)?"
_FORMS = tuple(
    re.compile(date + tail + r"\s*\Z", re.IGNORECASE)
    for date, tail in (
        (
            r"\s*(?P<y>\d{4})[-/](?P<mo>\d{1,2})[-/](?P<d>\d{1,2})",
            rf"(?:(?:T|,?\s+)\s*{_CLOCK})?{_ZONE}",
        ),
        (r"\s*(?P<mo>\d{1,2})/(?P<d>\d{1,2})/(?P<y>\d{4})", rf"(?:,?\s+{_CLOCK})?{_ZONE}"),
        (r"\s*(?P<y>\d{4})(?P<mo>\d{2})(?P<d>\d{2})", rf"(?:T{_COMPACT_CLOCK})?{_ZONE}"),
        (
            rf"\s*{_DAY_NAME}(?P<d>\d{{1,2}})[\s-](?P<mo>[a-z]{{3}})[a-z]*[\s-](?P<y>\d{{4}}|\d{{2}})",
            rf"(?:,?\s+{_CLOCK})?{_ZONE}",
        ),
        (
            rf"\s*{_DAY_NAME}(?P<mo>[a-z]{{3}})[a-z]*\.?\s+(?P<d>\d{{1,2}}),?\s+(?P<y>\d{{4}})",
            rf"(?:,?\s+(?:at\s+)?{_CLOCK})?{_ZONE}",
        ),
    )
)
_NUMBER = re.compile(r"[+-]?\d{1,19}(?:\.\d+)?\Z", re.ASCII)
_COMPACT_DAY = re.compile(r"(?:19|20|21)\d{6}\Z", re.ASCII)
_TIMESTAMP = Timestamp()
_MAX_OFFSET = dt.timedelta(hours=15)


def parse_time(value: object, zone: str | None = None, path: str = "called_at") -> dt.datetime:
    """Read a time in any form that occurs.

    Args:
        value: text, a number (see the module's rules on units) or a `datetime`.
        zone: IANA name that holds for texts without an offset, such as the account's; None means
            UTC.
        path: declared path for the error.

    Returns: an aware `datetime` in UTC, microseconds.

    Raises:
        FieldError: `bad_time` for a form that does not occur, `out_of_range` outside 1970 to 2262,
            `wrong_type` for no text or number.
    """
    try:
        return _TIMESTAMP.coerce(_read(value, zone, path), path)
    except OverflowError:
        raise FieldError(path, "out_of_range", "time outside 1970 to 2262") from None


def is_local(value: object) -> bool:
    """Tell whether `value` is a time that names neither an offset nor a zone: a text of a known
    form, a day, or a naive `datetime`.
    """
    if isinstance(value, dt.date):
        return not isinstance(value, dt.datetime) or value.tzinfo is None
    if not isinstance(value, str) or _NUMBER.match(value.strip()):
        return False
    for form in _FORMS:
        if found := form.match(value):
            return not found["zone"]
    return False


def _read(value: object, zone: str | None, path: str) -> dt.datetime:
    if isinstance(value, dt.datetime):
        return (
            value if value.tzinfo else value.replace(tzinfo=named_zone(zone, path) if zone else UTC)
        )
    if isinstance(value, dt.date):
        return dt.datetime(
            value.year, value.month, value.day, tzinfo=named_zone(zone, path) if zone else UTC
        )
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise FieldError(
            path, "wrong_type", f"expected a time as text or number, found {json_type(value)}"
        )
    if not isinstance(value, str):
        return _since_1970(value, path)
    text = value.strip()
    if len(text) >= 19 and text[4] == "-":  # the common case, in C
        try:
            quick = dt.datetime.fromisoformat(text)
        except ValueError:
            quick = None
        if (
            quick is not None
            and quick.tzinfo is not None
            and abs(quick.utcoffset() or dt.timedelta()) <= _MAX_OFFSET
        ):
            return quick
    if _NUMBER.match(text) and not _COMPACT_DAY.match(text):
        whole, _, fraction = text.partition(".")
        return _since_1970(float(text) if fraction else int(whole), path)
    for form in _FORMS:
        if found := form.match(text):
            return _assemble(found, zone, path)
    raise FieldError(
        path, "bad_time", "no known form of a time; ISO 8601 with an offset always works"
    )


def _since_1970(value: float, path: str) -> dt.datetime:
    if isinstance(value, float) and not math.isfinite(value):
        raise FieldError(path, "out_of_range", "not a finite number")
    size = abs(value)
    per_second = next(
        (
            unit
            for bound, unit in ((1e11, 1), (1e14, 1_000), (1e17, 1_000_000), (1e20, 1_000_000_000))
            if size < bound
        ),
        0,
    )
    if not per_second:
        raise FieldError(path, "out_of_range", "time outside 1970 to 2262")
    microseconds = (
        value * 1_000_000 // per_second
        if isinstance(value, int)
        else round(value * 1_000_000 / per_second)
    )
    return EPOCH + dt.timedelta(microseconds=microseconds)


def _assemble(found: re.Match[str], zone: str | None, path: str) -> dt.datetime:
    month = found["mo"] if found["mo"].isdigit() else _MONTHS.get(found["mo"].lower(), 0)
    year, hour, second = int(found["y"]), int(found["h"] or 0), int(found["s"] or 0)
    if len(found["y"]) == 2:  # RFC 2822, section 4.3
        year += 2000 if year < 50 else 1900
    if found["half"]:
        if not 1 <= hour <= 12:
            raise FieldError(path, "bad_time", "an hour with AM or PM must be 1 to 12")
        hour = hour % 12 + (12 if found["half"][0] in "pP" else 0)
    extra = dt.timedelta()
    if hour == 24 and int(found["m"]) == second == 0:
        hour, extra = 0, dt.timedelta(days=1)
    if second == 60:
        second, extra = 59, extra + dt.timedelta(seconds=1)
    if found["zone"]:
        tz = _zone(found["zone"], path)
    elif zone:
        tz = named_zone(zone, path)
    else:
        tz = UTC
    try:
        local = dt.datetime(
            year,
            int(month),
            int(found["d"]),
            hour,
            int(found["m"] or 0),
            second,
            int(((found["f"] or "") + "000000")[:6]),
        )
    except ValueError:
        raise FieldError(path, "bad_time", "no such day or time of day") from None
    return local.replace(tzinfo=tz).astimezone(UTC) + extra


def _zone(text: str, path: str) -> dt.tzinfo:
    if text[0] in "+-−":
        digits = text[1:].replace(":", "")
        digits = digits.zfill(2) if len(digits) < 3 else digits.zfill(4)
        hours, minutes, seconds = int(digits[:2]), int(digits[2:4] or 0), int(digits[4:6] or 0)
        offset = dt.timedelta(hours=hours, minutes=minutes, seconds=seconds)
        if offset > _MAX_OFFSET or minutes > 59 or seconds > 59:
            raise FieldError(path, "bad_time", "no such offset from UTC")
        return dt.timezone(offset if text[0] == "+" else -offset)
    return ABBREVIATIONS.get(text.upper()) or named_zone(text, path)


def named_zone(name: str, path: str = "timezone") -> dt.tzinfo:
    """Return the zone of an IANA name or a known abbreviation. Raises FieldError `bad_time` for a
    name that is neither.
    """
    zone = _named(name)
    if zone is None:
        raise FieldError(
            path,
            "bad_time",
            "unknown time zone; use an offset such as -04:00 or an IANA name such as "
            "America/New_York",
        )
    return zone


@lru_cache(maxsize=1024)
def _named(name: str) -> dt.tzinfo | None:
    try:
        return ABBREVIATIONS.get(name.upper()) or ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
