"""Shared parts of the end-to-end tests: generated records, runs of the job, views of a store."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest

from callveil.pipelines.attempts import RunResult
from callveil.pipelines.redact import run_redact
from callveil.pipelines.redact_options import RedactOptions
from callveil.schemas.policy_load import load_policy
from callveil.transforms.lab.sample.write import SampleSummary
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.commit.scan import open_dataset
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.format1.snapshot import is_table_metadata
from support import killed_commands
from support.comparable_stores import comparable_content
from support.waiting import HANGS

AS_OF = dt.datetime(2026, 11, 2, tzinfo=dt.UTC)
PLAIN = "version: 1\nname: plain\nextends: gdpr\ndetect: {model: none}\n"
"""A policy without a language model: patterns and known values only, so that a run takes half a
second.
"""

DATASETS = ("interactions", "findings", "rejected", "index")


def call(number: int, **members: Any) -> dict[str, Any]:
    """A generated call that has ended; nobody's data."""
    record: dict[str, Any] = {
        "id": 7_000_000_000 + number,
        "account_id": 41,
        "called_at": "2026-10-20T10:00:00Z",
        "status": "completed",
        "duration": 60,
        "name": "Wilhelmina Testperson",
        "caller_number": "+14155550123",
        "notes": "first version",
    }
    return record | members


def key_of(record: Mapping[str, Any]) -> tuple[str, str]:
    """Key of a source record, as the store writes it."""
    return str(record["account_id"]), str(record["id"])


def write_lines(path: Path, records: Iterable[Mapping[str, Any]]) -> str:
    """Write records as JSON lines and return the path as text."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(orjson.dumps(dict(r)) + b"\n" for r in records))
    return str(path)


@dataclass
class Bench:
    """A place to run jobs in: one store, one keyring, files numbered as they are written.

    Attributes:
        root: folder of its own.
        files: how to reach files.
        output: root of the store; a folder of `root` where empty.
    """

    root: Path
    files: Files = field(default_factory=Files)
    output: str = ""
    number: int = 0

    def __post_init__(self) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        self.output = self.output or str(self.root / "store")
        self.keyring = self.root.parent / "keyring.json"

    @property
    def store(self) -> Store:
        """The store, to read."""
        return Store.open(self.files, self.output)

    def policy(self, text: str = PLAIN) -> str:
        """Write a policy and return its path."""
        path = self.root / f"policy-{hashlib.sha256(text.encode()).hexdigest()[:12]}.yaml"
        path.write_text(text)
        return str(path)

    def run(
        self,
        records: Sequence[Mapping[str, Any]] = (),
        *,
        policy: str = PLAIN,
        as_of: dt.datetime = AS_OF,
        requests: Sequence[Mapping[str, Any]] = (),
        **more: Any,
    ) -> RunResult:
        """Run the job in this process over some records and requests."""
        self.number += 1
        inputs = [write_lines(self.root / f"in-{self.number}.jsonl", records)] if records else []
        asked = (
            [write_lines(self.root / f"requests-{self.number}.jsonl", requests)] if requests else []
        )
        options = RedactOptions(
            inputs,
            self.output,
            load_policy(self.policy(policy)),
            as_of,
            requests=asked,
            keyring=str(self.keyring),
            files=self.files,
            progress=False,
            **more,
        )
        return run_redact(options)

    def rows(self, dataset: str = "interactions") -> list[dict[str, Any]]:
        """All rows of a dataset, in a fixed order."""
        return rows(self.store, dataset)

    def row(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """The one row of a source record's key."""
        (found,) = [r for r in self.rows() if (r["account_id"], r["id"]) == key_of(record)]
        return found

    def findings(self, record: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Findings of a source record's key."""
        return [
            r
            for r in self.rows("findings")
            if (r["account_id"], r["interaction_id"]) == key_of(record)
        ]


def rows(store: Store, dataset: str) -> list[dict[str, Any]]:
    """All rows of a dataset, in a fixed order."""
    found: list[dict[str, Any]] = open_dataset(store, dataset).to_table().to_pylist()
    return sorted(found, key=lambda r: [str(v) for v in r.values()])


def live(store: Store) -> dict[str, str]:
    """Path to SHA-256 of every live file, read from the disk and not from the manifest."""
    return {f.path: store.files.sha256(store.url(f.path))[0] for f in store.current().files}


def tree(root: Path) -> dict[str, str]:
    """Relative path to SHA-256 of every file below a folder, locks and metadata of tables left
    out. Evidence is salted at random, so of it only the names count.
    """
    out = {}
    for p in sorted(root.rglob("*")):
        if p.is_file() and p.name != ".callveil-lock":
            path = str(p.relative_to(root))
            if is_table_metadata(path):
                continue
            named = killed_commands.SALTED.sub("-*", path)
            assert named not in out, f"{path}: left by a killed attempt"
            out[named] = (
                ""
                if path.startswith(("_callveil/evidence/", "_callveil/salts/"))
                else hashlib.sha256(comparable_content(path, p.read_bytes())).hexdigest()
            )
    return out


def leftovers(root: Path) -> list[str]:
    """Working files and temporary files that a finished run must not leave."""
    return sorted(
        str(p.relative_to(root))
        for p in root.rglob("*")
        if p.is_file() and (p.name.startswith(".callveil-tmp-") or "_callveil/work/" in str(p))
    )


def callveil(
    *words: str, env: Mapping[str, str], cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own."""
    return killed_commands.command(*words, env=env, cwd=cwd)


def new_interpreter(
    *words: str, env: Mapping[str, str], cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the command line as a shell would: some seconds go into loading."""
    program = [sys.executable, "-m", "callveil.pipelines.cli", *words]
    return subprocess.run(
        program, env=dict(env), cwd=cwd, capture_output=True, text=True, timeout=HANGS, check=False
    )


@dataclass(frozen=True)
class Finished:
    """The sample and what the command line made of it.

    Attributes:
        folder: holds `day/` (the sample), `store/` and `tmp/` (the run's TMPDIR).
        summary: of the sample.
        command: words of the command that ran, after the program.
        process: how it ended.
        env: its environment.
    """

    folder: Path
    summary: SampleSummary
    command: tuple[str, ...]
    process: subprocess.CompletedProcess[str]
    env: dict[str, str]

    @property
    def store(self) -> Path:
        """Root of the store."""
        return self.folder / "store"

    @property
    def gold(self) -> list[dict[str, Any]]:
        """Return the planted values, by interaction."""
        return read_lines(self.folder / "day" / "gold.jsonl")

    @property
    def malformed(self) -> list[dict[str, Any]]:
        """The broken lines."""
        return read_lines(self.folder / "day" / "malformed.jsonl")


def read_lines(path: Path) -> list[dict[str, Any]]:
    """JSON lines of a file."""
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


def environment(folder: Path) -> dict[str, str]:
    """Environment of a run: keyring, temporary files and what is remembered of stores in a folder
    of their own.
    """
    (folder / "tmp").mkdir(parents=True, exist_ok=True)
    own = {
        "CALLVEIL_KEYRING": str(folder / "keyring.json"),
        "CALLVEIL_STATE": str(folder / "state"),
        "TMPDIR": str(folder / "tmp"),
    }
    return {**os.environ, **own, "PYTHONDONTWRITEBYTECODE": "1"}


@pytest.fixture(autouse=True)
def own_keyring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A keyring of the test's own, which its first command makes."""
    monkeypatch.setenv("CALLVEIL_KEYRING", str(tmp_path / "keyring.json"))
