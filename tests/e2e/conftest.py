"""Fixtures of the end-to-end tests: one generated sample, redacted once through the command line,
and a bench for small runs.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from support.command_runs import (
    Bench,
    Finished,
    environment,
    new_interpreter,
    own_keyring,
)

from callveil.transforms.lab.sample.write import write_sample

__all__ = ["own_keyring"]

SEED, INTERACTIONS, MALFORMED = 20261102, 150, 0.08


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A sample of all formats with broken lines and repeated snapshots, redacted with the default
    policy by the command line.
    """
    folder = tmp_path_factory.mktemp("finished")
    summary = write_sample(
        folder / "day", SEED, INTERACTIONS, accounts=8, days=7, malformed=MALFORMED, gold=True
    )
    env = environment(folder)
    words = (
        "redact",
        "--input",
        f"{folder}/day/interactions",
        "--accounts",
        f"{folder}/day/accounts.jsonl",
        "--output",
        f"{folder}/store",
        "--as-of",
        "2026-11-02",
    )
    return Finished(folder, summary, words, new_interpreter(*words, "--json", env=env), env)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """An empty place to run small jobs in."""
    return Bench(tmp_path / "bench")
