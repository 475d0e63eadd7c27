"""Fixtures of the history tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from support.history_runs import Bench

from callveil.transforms.storage.files.filesystem import Files


@pytest.fixture
def bench(tmp_path: Path, files: Files) -> Bench:
    """A bench with a store on disk."""
    return Bench(tmp_path, files, str(tmp_path / "store"))


@pytest.fixture
def make_bench(tmp_path: Path, files: Files) -> Callable[[str], Bench]:
    """Makes further benches that share a keyring, so that their stores can be compared."""

    def make(name: str) -> Bench:
        return Bench(tmp_path, files, str(tmp_path / name))

    return make
