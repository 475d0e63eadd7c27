"""Fixtures shared by all tests: an S3 server, buckets, a keyring, and store roots on both kinds of
storage.
"""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from hypothesis import HealthCheck, settings
from support import TESTS

from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.files.filesystem import Files, S3Settings

# The same examples in every run; `pytest --hypothesis-profile explore` looks for new ones. Nothing
# is timed, for the machine may be busy with other work; fixtures serve all examples of a test.
_lenient: dict[str, Any] = {
    "deadline": None,
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
}
settings.register_profile("suite", derandomize=True, **_lenient)
settings.register_profile("explore", print_blob=True, **_lenient)
settings.load_profile("suite")
_numbers = itertools.count(1)
_own = Path(tempfile.mkdtemp(prefix="callveil-test-"))
# Child processes inherit these; the user's own keyring, evidence key and state are left alone.
os.environ |= {
    "CALLVEIL_KEYRING": str(_own / "keyring.json"),
    "CALLVEIL_EVIDENCE_KEY": str(_own / "evidence-key.pem"),
    "CALLVEIL_STATE": str(_own / "state"),
    "PYTHONPATH": os.pathsep.join(filter(None, (str(TESTS), os.environ.get("PYTHONPATH")))),
}


@pytest.fixture(autouse=True)
def state(monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place of the test's own in which heads of stores are remembered: some tests put a store
    back as it was.
    """
    folder = _own / "states" / str(next(_numbers))
    monkeypatch.setenv("CALLVEIL_STATE", str(folder))
    return folder


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Settings]:
    """Settings of a running S3-compatible server.

    CALLVEIL_TEST_S3_ENDPOINT names one that runs already, with credentials in the usual
    environment; otherwise a server is started here, with made-up credentials.
    """
    endpoint = os.environ.get("CALLVEIL_TEST_S3_ENDPOINT")
    if endpoint:
        yield S3Settings(endpoint, os.environ.get("AWS_DEFAULT_REGION", "us-east-1"))
        return
    from moto.server import ThreadedMotoServer

    with pytest.MonkeyPatch.context() as patch:
        for name, value in (
            ("AWS_ACCESS_KEY_ID", "generated"),
            ("AWS_SECRET_ACCESS_KEY", "generated"),
            ("AWS_DEFAULT_REGION", "us-east-1"),
        ):
            patch.setenv(name, value)
        patch.delenv("AWS_PROFILE", raising=False)
        patch.delenv("AWS_ENDPOINT_URL", raising=False)
        server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        server.start()
        host, port = server.get_host_and_port()
        yield S3Settings(f"http://{host}:{port}", "us-east-1")
        server.stop()


@pytest.fixture
def s3_client(s3_server: S3Settings) -> Any:
    """A boto3 client of that server, for what `Files` cannot do: making buckets, versioning,
    locks.
    """
    return boto3.session.Session().client(
        "s3", endpoint_url=s3_server.endpoint_url, region_name=s3_server.region
    )


@pytest.fixture
def s3_bucket(s3_client: Any) -> Iterator[str]:
    """Name of a new empty bucket; emptied and deleted afterwards."""
    name = f"callveil-test-{os.getpid()}-{next(_numbers)}"
    s3_client.create_bucket(Bucket=name)
    yield name
    try:
        for page in s3_client.get_paginator("list_object_versions").paginate(Bucket=name):
            for item in page.get("Versions", []) + page.get("DeleteMarkers", []):
                s3_client.delete_object(Bucket=name, Key=item["Key"], VersionId=item["VersionId"])
    finally:
        s3_client.delete_bucket(Bucket=name)


@pytest.fixture
def keyring(tmp_path: Path) -> Keyring:
    """A new keyring of one random key."""
    return Keyring.create(tmp_path / "keys" / "keyring.json")


@pytest.fixture
def files(s3_server: S3Settings) -> Files:
    """A facade that reaches the local disk and the test server."""
    return Files(s3_server)


@pytest.fixture(params=["local", "s3"])
def store_root(request: pytest.FixtureRequest) -> str:
    """An empty place for a store: once a local folder, once a prefix in a bucket."""
    if request.param == "local":
        return str(request.getfixturevalue("tmp_path") / "store")
    return f"s3://{request.getfixturevalue('s3_bucket')}/zone/store"


@pytest.fixture(scope="session")
def detector() -> Any:
    """Detection with the recognizers alone, no language model."""
    from callveil.schemas.policy import DetectionSettings
    from callveil.transforms.detect.engine import Detector

    return Detector(DetectionSettings(model="none"))


@pytest.fixture(scope="session")
def redact(detector: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A function `(record, rules="", **how)` that detects and redacts one record; see
    `record_redaction.Bench`.
    """
    from support.record_redaction import Bench

    return Bench(detector, Keyring.create(tmp_path_factory.mktemp("keys") / "keyring.json"))


@pytest.fixture(scope="session")
def redact_version(detector: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A function that detects and redacts one version; see `history_runs.Redact`."""
    from support.history_runs import Redact

    return Redact(detector, Keyring.create(tmp_path_factory.mktemp("keys") / "keyring.json"))
