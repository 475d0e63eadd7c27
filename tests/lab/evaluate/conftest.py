"""Fixtures of the evaluation tests: one detector for all, and a file of labelled conversations.
Names and numbers are made up.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from callveil.schemas.policy import Policy
from callveil.schemas.policy_load import load_policy
from callveil.transforms.detect.engine import Detector


@pytest.fixture(scope="session")
def policy() -> Policy:
    """The default policy."""
    return load_policy(None)


@pytest.fixture(scope="session")
def detector(policy: Policy) -> Detector:
    """Its engines; they take seconds to build."""
    return Detector(policy.detect)


@pytest.fixture(scope="session")
def data() -> Path:
    """Folder of labelled conversations of other people, with the scorer that came with them; named
    by CALLVEIL_DATA.
    """
    folder = os.environ.get("CALLVEIL_DATA")
    if not folder:
        pytest.skip(
            "set CALLVEIL_DATA to a folder with dev/*.jsonl and score.py to compare with them"
        )
    return Path(folder)


def labelled(text: str, *found: tuple[str, str], turn: int = 0) -> list[dict[str, Any]]:
    """Labels of pieces of one turn's text, each given as (piece, type)."""
    return [
        {
            "turn": turn,
            "start": text.index(piece),
            "end": text.index(piece) + len(piece),
            "type": kind,
        }
        for piece, kind in found
    ]


ASKED = "Could I have your phone number?"
ANSWER = "Sure, it's four one five, five five five, oh one four two."
MAIL = "Write to jane.doe@example.com please, not to Zorblax."


@pytest.fixture
def gold_file(tmp_path: Path) -> Path:
    """Two labelled conversations: one in which all is found, and one with a label nobody can
    find.
    """
    rows = [
        {
            "id": "one",
            "source": "generated",
            "metadata": {"complete_types": ["PHONE"]},
            "turns": [{"speaker": "agent", "text": ASKED}, {"speaker": "customer", "text": ANSWER}],
            "spans": labelled(
                ANSWER, ("four one five, five five five, oh one four two", "PHONE"), turn=1
            ),
        },
        {
            "id": "two",
            "source": "generated",
            "metadata": {},
            "turns": [{"speaker": "customer", "text": MAIL}],
            "spans": labelled(MAIL, ("jane.doe@example.com", "EMAIL"), ("please", "PERSON")),
        },
    ]
    path = tmp_path / "gold.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


Writer = Callable[[Any], Path]


@pytest.fixture
def write(tmp_path: Path) -> Writer:
    """Writes one value as the only line of a gold file."""

    def to_file(value: Any) -> Path:
        path = tmp_path / "row.jsonl"
        path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
        return path

    return to_file
