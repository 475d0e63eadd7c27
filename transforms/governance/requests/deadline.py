"""Statutory response deadlines for data subject requests.

GDPR Art. 12(3): within one month of receipt; two further months where that is necessary, of which
the person is told, with reasons, within the first. Regulation (EEC, Euratom) 1182/71 says how a
month is counted: to the end of the day that has the same date (Art. 3(2)(c)), of a month that lacks
it to the end of its last day, and to the end of the next working day where it ends on a holiday, a
Saturday or a Sunday (Art. 3(4)). The ICO counts alike. CCPA, 11 CCR 7021(b): 45 calendar days, 90
with an extension.
"""

from __future__ import annotations

import datetime as dt
from calendar import SATURDAY, SUNDAY, monthrange
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from callveil.schemas.errors import UserError
from callveil.schemas.subject import Pause

DAY = dt.timedelta(days=1)


class DeadlineError(UserError, ValueError):
    """A calendar, zone or regulation that is not known, or an extension that comes too late."""


@dataclass(frozen=True)
class Regulation:
    """How long there is. `months` or `days`, the other is 0; so for `extended_*`, counted from the
    same start.

    Attributes:
        working_days: whether a last day that is none moves to the next working day.
        source: where that stands.
    """

    months: int
    days: int
    extended_months: int
    extended_days: int
    working_days: bool
    source: str


REGULATIONS = {
    "gdpr": Regulation(
        1, 0, 3, 0, True, "GDPR Art. 12(3); Regulation (EEC, Euratom) 1182/71 Art. 3"
    ),
    "uk_gdpr": Regulation(
        1,
        0,
        3,
        0,
        True,
        "UK GDPR Art. 12(3); ICO, time limits for responding to data protection rights requests",
    ),
    "ccpa": Regulation(
        0, 45, 0, 90, False, "California Code of Regulations, title 11, section 7021(b)"
    ),
}


def regulation_of(name: str) -> Regulation:
    """Return a regulation by name. Raises `DeadlineError`."""
    if name not in REGULATIONS:
        raise DeadlineError(f"regulation: expected one of {', '.join(REGULATIONS)}")
    return REGULATIONS[name]


@lru_cache(maxsize=64)
def holidays_of(name: str) -> Any:
    """Return holidays and weekend days of a country or a part of it, such as `GB-ENG`, `DE-BY` or
    `FR`; None for an empty name.

    Raises `DeadlineError` for one that is not known.
    """
    if not name:
        return None
    import holidays  # which takes a while to load, and a request without a calendar does without

    country, _, part = name.upper().partition("-")
    try:
        return holidays.country_holidays(country, subdiv=part or None)
    except NotImplementedError:
        raise DeadlineError(
            "calendar: not known; expected a country or a part of one: FR, GB-ENG, DE-BY, US-CA"
        ) from None


def load_time_zone(name: str) -> ZoneInfo:
    """Return a time zone. Raises `DeadlineError`."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise DeadlineError(
            "zone: not known; expected an IANA name such as Europe/Berlin"
        ) from None


def months_after(day: dt.date, months: int) -> dt.date:
    """Return the day with the same date some months on; the last day of a month that lacks it."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return dt.date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def working_day(day: dt.date, calendar_name: str) -> dt.date:
    """Return the day itself, or the next that is no weekend day and no holiday."""
    known = holidays_of(calendar_name)
    weekend = known.weekend if known is not None else {SATURDAY, SUNDAY}
    while day.weekday() in weekend or (known is not None and day in known):
        day += DAY
    return day


def paused_days(pauses: Iterable[Pause], zone: str) -> int:
    """Return days the clock has stood still, by the dates of the zone; a pause that still lasts
    counts nothing yet. Overlaps count once.
    """
    place = load_time_zone(zone)
    days: set[dt.date] = set()
    for pause in pauses:
        if pause.end is None:
            continue
        day, last = pause.start.astimezone(place).date(), pause.end.astimezone(place).date()
        while day < last:
            days.add(day)
            day += DAY
    return len(days)


def response_deadline(
    regulation: str,
    start: dt.datetime,
    zone: str,
    calendar: str,
    pauses: Iterable[Pause] = (),
    *,
    extended: bool = False,
) -> dt.datetime:
    """End of the last day for an answer, UTC.

    Args:
        regulation: a key of `REGULATIONS`.
        start: when the time began, aware.
        zone: IANA zone whose days count.
        calendar: see `holidays_of`.
        pauses: stretches in which the clock stood still; they lengthen the time by their days.
        extended: with the extension.

    Pure: what is stored is what this says when a request is opened, resumed or extended.
    """
    rule, place = regulation_of(regulation), load_time_zone(zone)
    first = start.astimezone(place).date()
    last = months_after(first, rule.extended_months if extended else rule.months) + DAY * (
        rule.extended_days if extended else rule.days
    )
    last += DAY * paused_days(pauses, zone)
    if rule.working_days:
        last = working_day(last, calendar)
    return dt.datetime.combine(last, dt.time(23, 59, 59), place).astimezone(dt.UTC)
