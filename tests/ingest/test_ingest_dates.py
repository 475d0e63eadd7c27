"""Times in every form that occurs. All values here are generated."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callveil.schemas.fields import FieldError
from callveil.transforms.ingest.dates import is_local, parse_time

FORMS = [
    ("2013-05-01 11:48 PM -04:00", None, "2013-05-02T03:48:00"),
    ("2013-05-01 12:05 AM -04:00", None, "2013-05-01T04:05:00"),
    ("2013-05-01 12:05 p.m. -0400", None, "2013-05-01T16:05:00"),
    ("2013-05-01T23:48:10Z", None, "2013-05-01T23:48:10"),
    ("2013-05-01t23:48:10z", None, "2013-05-01T23:48:10"),
    ("2013-05-01T23:48:10-0400", None, "2013-05-02T03:48:10"),
    ("2013-05-01T23:48:10-04", None, "2013-05-02T03:48:10"),
    ("2013-05-01 23:48:10.123456789 +05:30", None, "2013-05-01T18:18:10.123456"),
    ("2013-05-01T23:48:10,5Z", None, "2013-05-01T23:48:10.500000"),
    ("2013-05-01 23:48:10 UTC", None, "2013-05-01T23:48:10"),
    ("2013-05-01 23:48:10 EST", None, "2013-05-02T04:48:10"),
    ("2013-05-01 23:48:10 AEST", None, "2013-05-01T13:48:10"),
    ("2013-05-01 23:48:10 America/New_York", None, "2013-05-02T03:48:10"),
    ("Wed, 01 May 2013 23:48:10 -0400", None, "2013-05-02T03:48:10"),
    ("Wed, 01 May 2013 23:48:10 -0400 (EDT)", None, "2013-05-02T03:48:10"),
    ("1 May 13 23:48 GMT", None, "2013-05-01T23:48:00"),
    ("May 1, 2013 at 11:48 PM PDT", None, "2013-05-02T06:48:00"),
    ("20130501T234810Z", None, "2013-05-01T23:48:10"),
    ("20130501", None, "2013-05-01T00:00:00"),
    ("2013-05-01", None, "2013-05-01T00:00:00"),
    ("2013-05-01T24:00:00Z", None, "2013-05-02T00:00:00"),
    ("2016-12-31T23:59:60Z", None, "2017-01-01T00:00:00"),
    ("2013-05-01T23:48:10", None, "2013-05-01T23:48:10"),
    ("2013-05-01T23:48:10", "America/New_York", "2013-05-02T03:48:10"),
    ("05/01/2013 11:48 PM", "America/Chicago", "2013-05-02T04:48:00"),
    ("05/01/2013 11:48 PM CDT", None, "2013-05-02T04:48:00"),
    ("1367466490", None, "2013-05-02T03:48:10"),
    (1367466490, None, "2013-05-02T03:48:10"),
    (1367466490.25, None, "2013-05-02T03:48:10.250000"),
    (1367466490123, None, "2013-05-02T03:48:10.123000"),
    ("1367466490123456", None, "2013-05-02T03:48:10.123456"),
    (1367466490123456789, None, "2013-05-02T03:48:10.123456"),
    ("2025-11-02T01:30:00", "America/New_York", "2025-11-02T05:30:00"),  # twice: the first is meant
    ("2025-03-09T02:30:00", "America/New_York", "2025-03-09T07:30:00"),  # never: read as 03:30 EDT
]


ONE = "2013-05-01T23:48:00"
LOCAL = (
    "2013-05-01 11:48 PM",
    "2013-05-01T23:48:00",
    "2013-05-01 23:48",
    "2013/05/01 23:48",
    "05/01/2013 11:48 PM",
    "5/1/2013 23:48",
    "20130501T234800",
    "1 May 2013 23:48",
    "Wed, 01 May 2013 23:48:00",
    "May 1, 2013 at 11:48 PM",
    dt.datetime(2013, 5, 1, 23, 48),
)


@pytest.mark.parametrize("value", LOCAL, ids=str)
def test_a_time_without_a_zone_reads_alike_in_every_form(value):
    moment = dt.datetime.fromisoformat(ONE)
    assert is_local(value)
    assert parse_time(value) == moment.replace(tzinfo=dt.UTC)
    assert parse_time(value, "America/New_York") == moment.replace(tzinfo=dt.UTC) + dt.timedelta(
        hours=4
    )


@pytest.mark.parametrize(("text", "zone", "expected"), FORMS)
def test_forms(text, zone, expected):
    assert parse_time(text, zone) == dt.datetime.fromisoformat(expected).replace(tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("yesterday", "bad_time"),
        ("", "bad_time"),
        ("2013-13-01T00:00:00Z", "bad_time"),
        ("2013-02-29 10:00 Z", "bad_time"),
        ("2013-05-01 13:48 PM -04:00", "bad_time"),
        ("2013-05-01 10:00 +25:00", "bad_time"),
        ("2013-05-01 10:00 Mars/Olympus", "bad_time"),
        ("1969-12-31T23:59:59Z", "out_of_range"),
        ("2500-01-01T00:00:00Z", "out_of_range"),
        ("0001-01-01T00:00:00+14:00", "out_of_range"),
        (-5, "out_of_range"),
        (10**30, "out_of_range"),
        (float("nan"), "out_of_range"),
        (50_000_000_000, "out_of_range"),
        (True, "wrong_type"),
        ({}, "wrong_type"),
    ],
)
def test_refused(value, reason):
    with pytest.raises(FieldError) as caught:
        parse_time(value, None, "updated_at")
    assert (caught.value.path, caught.value.reason) == ("updated_at", reason)
    assert not isinstance(value, str) or not value or value not in str(caught.value)


moments = st.datetimes(dt.datetime(1971, 1, 1), dt.datetime(2260, 1, 1), timezones=st.just(dt.UTC))
offsets = st.integers(-14 * 60, 14 * 60).map(lambda m: dt.timezone(dt.timedelta(minutes=m)))


@given(moments, offsets)
def test_round_trips(moment, zone):
    local = moment.astimezone(zone)
    assert parse_time(local.isoformat()) == moment
    assert parse_time(local.isoformat(" ").replace(".", ",")) == moment
    whole = moment.replace(microsecond=0)
    assert parse_time(local.strftime("%a, %d %b %Y %H:%M:%S %z")) == whole
    assert parse_time(local.strftime("%Y-%m-%d %I:%M:%S %p %z")) == whole
    assert parse_time(local.strftime("%m/%d/%Y %I:%M:%S%p %z")) == whole


@given(st.integers(86_400 * 1200, 9_000_000_000), st.integers(0, 999_999))
def test_numbers(seconds, micros):
    assert parse_time(seconds).timestamp() == seconds
    exact = parse_time(seconds * 1_000_000 + micros)
    assert exact == parse_time(seconds) + dt.timedelta(microseconds=micros)
    assert parse_time(f"{seconds * 1000}") == parse_time(seconds)


@given(st.text(max_size=30))
def test_any_text_gives_a_time_or_a_reason(text):
    try:
        assert parse_time(text).tzinfo is dt.UTC
    except FieldError as e:
        assert e.reason in ("bad_time", "out_of_range")


def test_is_local():
    assert is_local("2013-05-01 11:48 PM") and is_local("05/01/2013 11:48")
    assert (
        not is_local("2013-05-01 11:48 PM -04:00")
        and not is_local("1367466490")
        and not is_local(5)
        and not is_local("soon")
    )
