"""Messages of every form, read; and, by properties, against a second reading of the same thing,
written naively.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.s3_events import LANDED, ONE, TEST, bridge, classic, records, sns

from callveil.schemas.arrival import Arrival
from callveil.transforms.ingest.discover import TEMPORARY
from callveil.transforms.jobs.streaming.notifications import (
    NotANotification,
    ParsedNotification,
    parse_notification,
)


@pytest.mark.parametrize(
    ("document", "arrivals", "ignored"),
    [
        (records(classic()), (ONE,), ()),
        (records(classic(name="s3:ObjectCreated:CompleteMultipartUpload")), (ONE,), ()),
        (records(classic(eTag='"0123abcd"')), (ONE,), ()),
        (
            records(classic("a/b c+d%é 😀.wav")),
            (Arrival("s3://raw/a/b c+d%é 😀.wav", "0123abcd", 7, LANDED),),
            (),
        ),
        (records(classic(size=0)), (Arrival("s3://raw/calls/1.wav", "0123abcd", 0, LANDED),), ()),
        (
            records(classic(), classic("calls/2.json")),
            (ONE, Arrival("s3://raw/calls/2.json", "0123abcd", 7, LANDED)),
            (),
        ),
        (records(classic(), classic(name="ObjectRemoved:Delete")), (ONE,), ("removed",)),
        (records(classic(name="ObjectRemoved:DeleteMarkerCreated")), (), ("removed",)),
        (records(classic(name="LifecycleExpiration:Delete")), (), ("removed",)),
        (records(classic(name="ObjectTagging:Put")), (), ("other",)),
        (records(classic("calls/")), (), ("folder",)),
        (
            records(classic("calls/1.wav.part"), classic("calls/.1.wav.Xy12Zq")),
            (),
            ("unfinished", "unfinished"),
        ),
        (bridge("calls/1.WAV.TMP"), (), ("unfinished",)),
        (records(classic("other/1.wav")), (), ("elsewhere",)),
        (records(classic(bucket="raw2")), (), ("elsewhere",)),
        (bridge(), (ONE,), ()),
        (
            bridge("calls/b c+d%20é.wav"),
            (Arrival("s3://raw/calls/b c+d%20é.wav", "0123abcd", 7, LANDED),),
            (),
        ),
        (bridge(kind="Object Deleted"), (), ("removed",)),
        (bridge(kind="Object Restore Completed"), (), ("other",)),
        (sns(records(classic())), (ONE,), ()),
        (sns(bridge()), (ONE,), ()),
        (sns(sns(records(classic()))), (ONE,), ()),
        (TEST, (), ("test",)),
        (sns(TEST), (), ("test",)),
    ],
)
def test_forms(document: Any, arrivals: tuple[Arrival, ...], ignored: tuple[str, ...]) -> None:
    prefixes = ("s3://raw/calls/", "s3://raw/a/")
    assert parse_notification(json.dumps(document), prefixes) == ParsedNotification(
        arrivals, ignored
    )
    assert (
        not parse_notification(json.dumps(document), prefixes, "s3://raw").arrivals
        and parse_notification(json.dumps(document), prefixes, "s3://ra").arrivals == arrivals
    )
    assert parse_notification(json.dumps(document).encode(), prefixes) == ParsedNotification(
        arrivals, ignored
    )


def without(document: dict[str, Any], *path: Any) -> dict[str, Any]:
    """A copy that lacks one member."""
    out = json.loads(json.dumps(document))
    inner = out
    for name in path[:-1]:
        inner = inner[name]
    del inner[path[-1]]
    return out


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ("", "JSON"),
        ("hello", "JSON"),
        ("[1]", "object"),
        ("{}", "Records"),
        (records(), "Records"),
        ({"Records": {}}, "Records"),
        (records(7), r"Records\[0\]"),
        (records(classic(), {"eventSource": "aws:ses"}), r"Records\[1\].eventName: missing"),
        (records(without(classic(), "s3")), r"Records\[0\].s3: missing"),
        (
            records(without(classic(), "s3", "object", "eTag")),
            r"Records\[0\].s3.object.eTag: missing",
        ),
        (records(without(classic(), "eventTime")), r"Records\[0\].eventTime: missing"),
        (records(classic(size="7")), r"Records\[0\].s3.object.size"),
        (records(classic(size=True)), "size"),
        (records(classic(size=-1)), "size"),
        (records(classic(size=1 << 63)), "size"),
        (records({**classic(), "eventTime": "Vexworth"}), "eventTime"),
        (records({**classic(), "eventTime": "2026-11-24T06:00:00"}), "eventTime"),
        (records(classic(bucket="a/b")), "slash"),
        (
            records(
                {
                    **classic(),
                    "s3": {
                        "bucket": {"name": "raw"},
                        "object": {"key": "%ff", "size": 1, "eTag": "x"},
                    },
                }
            ),
            "UTF-8",
        ),
        ({**bridge(), "source": "aws.ec2"}, "source"),
        (without(bridge(), "detail", "object", "key"), "detail.object.key: missing"),
        ({"Type": "Notification", "Message": 7}, "Message"),
        ({"Type": "Notification", "Message": "Vexworth"}, "Message is not JSON"),
        (sns(sns(sns(sns(records(classic()))))), "Records"),
    ],
)
def test_what_is_no_notification(document: Any, said: str) -> None:
    with pytest.raises(NotANotification, match=said) as caught:
        parse_notification(document if isinstance(document, str) else json.dumps(document))
    assert "Vexworth" not in str(caught.value)


KEYS = st.text(
    st.characters(exclude_categories=("Cs",), exclude_characters="\0"), min_size=1, max_size=30
)
EVENT = st.fixed_dictionaries(
    {
        "key": KEYS,
        "bucket": st.sampled_from(["raw", "calls-1"]),
        "size": st.integers(0, 1 << 50),
        "etag": st.from_regex(r"[0-9a-f]{8}(-\d)?", fullmatch=True),
        "created": st.booleans(),
        "at": st.datetimes(dt.datetime(2020, 1, 1), dt.datetime(2035, 1, 1)),
    }
)


def percent(key: str) -> str:
    """A key as S3 writes it, byte by byte."""
    return "".join(
        chr(b)
        if (chr(b).isalnum() and b < 128) or chr(b) in "/.-_"
        else "+"
        if b == 32
        else f"%{b:02X}"
        for b in key.encode()
    )


@settings(max_examples=150)
@given(
    events=st.lists(EVENT, min_size=1, max_size=4),
    form=st.sampled_from(["classic", "bridge"]),
    wrapped=st.integers(0, 3),
    prefix=st.booleans(),
)
def test_every_event_is_told_of_once(
    events: list[dict[str, Any]], form: str, wrapped: int, prefix: bool
) -> None:
    if form == "bridge":
        events = events[:1]
    document: Any
    expected, passed = [], 0
    for event in events:
        url = "s3://" + event["bucket"] + "/" + event["key"]
        name = event["key"].split("/")[-1].lower()  # empty for a folder
        whole = name and name[0] != "." and not name.endswith(TEMPORARY)
        if event["created"] and whole and (not prefix or event["bucket"] == "raw"):
            expected.append((url, event["etag"], event["size"], event["at"].replace(tzinfo=dt.UTC)))
        else:
            passed += 1
    if form == "classic":
        items = []
        for event in events:
            name = "ObjectCreated:Post" if event["created"] else "ObjectRemoved:Delete"
            item = classic(
                name=name, bucket=event["bucket"], key="x", size=event["size"], eTag=event["etag"]
            )
            item["s3"]["object"]["key"] = percent(event["key"])
            items.append({**item, "eventTime": event["at"].isoformat() + "Z"})
        document = records(*items)
    else:
        event = events[0]
        kind = "Object Created" if event["created"] else "Object Deleted"
        document = bridge(
            event["key"], kind, event["bucket"], size=event["size"], etag=event["etag"]
        )
        document["time"] = event["at"].isoformat() + "+00:00"
    for _ in range(wrapped):
        document = sns(document)
    found = parse_notification(json.dumps(document), ("s3://raw/",) if prefix else ())
    assert [
        (a.url, a.etag, a.size, dt.datetime.fromtimestamp(a.landed_at, dt.UTC))
        for a in found.arrivals
    ] == expected
    assert len(found.ignored) == passed


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["Records", "s3", "object", "Message", "Type", "detail", "key"]), inner
        )
    ),
    max_leaves=12,
)


@settings(max_examples=150)
@given(
    st.text(max_size=40)
    | JSON.map(json.dumps)
    | st.tuples(st.text(max_size=12), JSON).map(lambda t: json.dumps({**classic(), t[0]: t[1]}))
)
def test_nothing_breaks_it(body: str) -> None:
    with contextlib.suppress(NotANotification):
        assert isinstance(parse_notification(body), ParsedNotification)
