"""Faults of S3 and of the way to it, behind a proxy: a lost answer is known for what it is, and
what came cut off or damaged is read again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from support.faulty_proxy import Proxy, free_port

from callveil.transforms.jobs.streaming.sqs import Queue, QueueError, receive_messages
from callveil.transforms.storage.encryption.kms import KmsError, unwrap_secret
from callveil.transforms.storage.files import s3 as s3_module
from callveil.transforms.storage.files import s3_reader
from callveil.transforms.storage.files.filesystem import (
    Files,
    FilesError,
    PreconditionFailed,
    S3Settings,
)
from callveil.transforms.storage.files.s3_errors import ATTEMPTS

LOST = ("500 after success", "answer lost")
CUT = ("truncated", "short length", "corrupt")


@pytest.fixture(scope="module")
def proxy(s3_server: S3Settings) -> Proxy:
    port = urlsplit(str(s3_server.endpoint_url)).port
    assert port
    return Proxy(port)


@pytest.fixture
def spoilt(proxy: Proxy, s3_server: S3Settings) -> Iterator[Files]:
    yield Files(S3Settings(proxy.endpoint, s3_server.region))
    proxy.spoil("", 0, 0)


@pytest.mark.parametrize("kind", LOST)
def test_a_write_whose_answer_was_lost_is_known_as_done(
    proxy: Proxy, spoilt: Files, files: Files, s3_bucket: str, kind: str
) -> None:
    url = f"s3://{s3_bucket}/pointer"
    proxy.spoil(kind, 1, 1, most=1)
    etag = spoilt.write(url, b"one", if_none_match=True)
    assert proxy.done == 1 and files.read(url) == b"one"
    proxy.spoil(kind, 1, 1, most=1)
    after = spoilt.write(url, b"two", if_match=etag)
    assert proxy.done == 1 and files.read(url) == b"two"
    proxy.spoil(kind, 1, 1, most=1)
    with pytest.raises(PreconditionFailed):
        spoilt.write(url, b"two", if_none_match=True)  # the same content, and yet another's
    with pytest.raises(PreconditionFailed):
        spoilt.write(url, b"three", if_match=etag)
    info = files.info(url)
    assert info and info.etag == after


@pytest.mark.parametrize("condition", [{}, {"if_none_match": True}])
def test_the_last_answer_of_a_large_write_was_lost(
    proxy: Proxy,
    spoilt: Files,
    files: Files,
    s3_bucket: str,
    monkeypatch: pytest.MonkeyPatch,
    condition: dict[str, Any],
) -> None:
    monkeypatch.setattr(s3_module, "PART_BYTES", 5 << 20)
    data = os.urandom(1 << 20) * 6
    proxy.spoil("answer lost", 1, 1, most=1, after=3)  # begun, two parts
    spoilt.write(f"s3://{s3_bucket}/large", data, **condition)
    assert proxy.methods == {"POST": 1} and files.read(f"s3://{s3_bucket}/large") == data


@pytest.mark.parametrize("kind", CUT)
@pytest.mark.parametrize("size", [100, 50_000])
def test_what_comes_cut_or_damaged_is_read_again(
    proxy: Proxy, spoilt: Files, files: Files, s3_bucket: str, kind: str, size: int
) -> None:
    url, data = f"s3://{s3_bucket}/object", os.urandom(size)
    files.write(url, data)

    def in_pieces() -> bytes:
        source = spoilt.open(url)
        return b"".join(iter(lambda: source.read(64), b""))

    for read in (lambda: spoilt.read(url), lambda: spoilt.open(url).read(), in_pieces):
        proxy.spoil(kind, 1, 1, most=2)
        assert read() == data
        assert proxy.done == 2
    if kind != "corrupt":
        proxy.spoil(kind, 1, 1, most=2)
        assert spoilt.read(url, 10, 50) == data[10:60] and proxy.done == 2
    proxy.spoil(kind, 1, 1)
    with pytest.raises(FilesError, match=r"/object: .*4 times in a row"):
        spoilt.read(url)


def test_a_large_object_that_comes_damaged_is_told(
    proxy: Proxy, spoilt: Files, files: Files, s3_bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read in ranges, of which S3 gives no checksum."""
    monkeypatch.setattr(s3_reader, "RANGE_BYTES", 1000)
    data = os.urandom(4500)
    files.write(f"s3://{s3_bucket}/plain", data)
    assert spoilt.open(f"s3://{s3_bucket}/plain").read() == data
    proxy.spoil("corrupt", 1, 1, most=1, after=3)
    with (
        pytest.raises(FilesError, match="came damaged"),
        spoilt.open(f"s3://{s3_bucket}/plain") as source,
    ):
        while source.read(1000):
            pass


@pytest.mark.parametrize(
    ("kind", "words"),
    [("503", "overloaded"), ("expired", "expired"), ("cut before", "could not be reached")],
)
def test_what_does_not_pass_is_told_with_its_way_out(
    proxy: Proxy, spoilt: Files, s3_bucket: str, kind: str, words: str
) -> None:
    proxy.spoil(kind, 1, 1)
    url = f"s3://{s3_bucket}/object"
    for call in (
        lambda: spoilt.write(url, b"content"),
        lambda: spoilt.read(url),
        lambda: spoilt.info(url),
    ):
        with pytest.raises(FilesError, match=words) as caught:
            call()
        assert "/object" in str(caught.value) and "Errno" not in str(caught.value)


@pytest.mark.parametrize("service", ["s3", "sqs", "kms"])
def test_a_closed_port_is_given_up_within_seconds(
    monkeypatch: pytest.MonkeyPatch, service: str
) -> None:
    """By the pauses between attempts, not by the clock."""
    closed = f"http://127.0.0.1:{free_port()}"
    settings = {
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": closed,
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    pauses: list[float] = []
    monkeypatch.setattr("botocore.endpoint.time.sleep", pauses.append)
    ask: Callable[[], object] = {
        "s3": lambda: Files(S3Settings(closed, "us-east-1")).info("s3://bucket/key"),
        "sqs": lambda: receive_messages(Queue(f"{closed}/1/calls", closed, "us-east-1")),
        "kms": lambda: unwrap_secret("alias/none", b"sealed", "key"),
    }[service]
    with pytest.raises((FilesError, QueueError, KmsError), match="could not be"):
        ask()
    assert len(pauses) == ATTEMPTS - 1 and 0 < sum(pauses) < 3
