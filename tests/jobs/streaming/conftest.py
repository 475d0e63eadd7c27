"""Fixtures of the tests of streaming jobs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.landed_calls import Call, calls
from support.queues import FileSettled, sqs_server


@pytest.fixture(scope="module")
def landed(tmp_path_factory) -> list[Call]:
    return calls(tmp_path_factory.mktemp("sample"), 6, seconds=20)


@pytest.fixture
def place(tmp_path):
    (tmp_path / "in").mkdir()
    return tmp_path


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with sqs_server() as url:
        yield url


@pytest.fixture
def settled(tmp_path: Path) -> FileSettled:
    return FileSettled(str(tmp_path))
