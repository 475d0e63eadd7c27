"""Fixtures of the tests of the catalog."""

from __future__ import annotations

import pytest
from support.number_tables import NUMBERS

from callveil.transforms.storage.tables.parquet import TABLES


@pytest.fixture(autouse=True)
def _numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TABLES, "numbers", NUMBERS)
