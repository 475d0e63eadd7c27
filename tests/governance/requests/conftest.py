"""Fixtures of the tests of data-subject requests."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.people_world import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    """An empty world."""
    return World(tmp_path / "world")
