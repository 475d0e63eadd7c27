"""Notifications of S3 and EventBridge, as their user guides show them."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any
from urllib.parse import quote_plus

from callveil.schemas.arrival import Arrival

AT = "2026-11-24T06:00:00.250Z"
LANDED = dt.datetime(2026, 11, 24, 6, 0, 0, 250_000, dt.UTC).timestamp()


def classic(
    key: str = "calls/1.wav", name: str = "ObjectCreated:Put", bucket: str = "raw", **more: Any
) -> dict[str, Any]:
    """One record of S3's own form, as its user guide shows it."""
    body = {
        "key": quote_plus(key, safe="/"),
        "size": 7,
        "eTag": "0123abcd",
        "sequencer": "0055AED6DCD90281E5",
        "versionId": "v1",
        **more,
    }
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": "us-west-2",
        "eventTime": AT,
        "eventName": name,
        "userIdentity": {"principalId": "AID"},
        "requestParameters": {"sourceIPAddress": "127.0.0.1"},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "c",
            "bucket": {"name": bucket, "arn": f"arn:aws:s3:::{bucket}"},
            "object": body,
        },
    }


def bridge(
    key: str = "calls/1.wav", kind: str = "Object Created", bucket: str = "raw", **more: Any
) -> dict[str, Any]:
    """An event of EventBridge, as the user guide shows it."""
    body = {
        "key": key,
        "size": 7,
        "etag": "0123abcd",
        "version-id": "v1",
        "sequencer": "00617F08299329D189",
        **more,
    }
    return {
        "version": "0",
        "id": "17793124",
        "detail-type": kind,
        "source": "aws.s3",
        "account": "1234",
        "time": AT,
        "region": "ca-central-1",
        "resources": [f"arn:aws:s3:::{bucket}"],
        "detail": {
            "version": "0",
            "bucket": {"name": bucket},
            "object": body,
            "request-id": "N4",
            "reason": "PutObject",
        },
    }


def sns(document: Any) -> dict[str, Any]:
    """Something as SNS hands it on."""
    return {
        "Type": "Notification",
        "MessageId": "m",
        "TopicArn": "t",
        "Subject": "Amazon S3 Notification",
        "Message": json.dumps(document),
    }


def records(*items: Any) -> dict[str, Any]:
    return {"Records": list(items)}


ONE = Arrival("s3://raw/calls/1.wav", "0123abcd", 7, LANDED)
TEST = {
    "Service": "Amazon S3",
    "Event": "s3:TestEvent",
    "Time": AT,
    "Bucket": "raw",
    "RequestId": "5582815E1AEA5ADF",
    "HostId": "8c",
}
