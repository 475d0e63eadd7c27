"""Batch on a Flink cluster of two TaskManagers that the script starts for one command: the same
rows, and an exit code of its own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import psutil
import pytest
from support import ROOT
from support.command_runs import PLAIN, call, environment, leftovers, rows, write_lines

from callveil.pipelines.options import parse_as_of
from callveil.pipelines.redact import run_redact
from callveil.pipelines.redact_options import RedactOptions
from callveil.schemas.policy_load import load_policy
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.files.filesystem import Files

FLINK = ROOT / "deploy" / "flink.sh"
PORT = 18_481

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(
        not shutil.which("java")
        or not (FLINK.parents[1] / "build" / "flink" / "job-server.jar").exists(),
        reason="no Flink here; deploy/flink.sh install",
    ),
]


def script(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command by the script, on a cluster of its own."""
    env = {
        **os.environ,
        **environment(folder),
        "CALLVEIL_FLINK_DIR": str(folder / "flink"),
        "CALLVEIL_FLINK_PORT": str(PORT),
    }
    return subprocess.run(
        [str(FLINK), *words], env=env, check=False, capture_output=True, text=True, timeout=400
    )


def log(folder: Path, role: str) -> str:
    """The log of a part of the cluster."""
    return (folder / "flink" / "log" / f"{role}.log").read_text()


def test_two_task_managers_write_what_one_process_does(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(PLAIN)
    records = [
        call(n, called_at=f"2026-10-{10 + n % 5}T10:00:00Z", notes=f"mail a{n}@mail.example")
        for n in range(60)
    ]
    inputs = [
        write_lines(tmp_path / f"in-{n}.jsonl", [*records[n::4], {"id": n}]) for n in range(4)
    ]
    keyring = environment(tmp_path).get("CALLVEIL_KEYRING") or str(tmp_path / "keyring.json")
    common = [
        "--policy",
        str(tmp_path / "policy.yaml"),
        "--shard-rows",
        "3",
        "--as-of",
        "2026-11-24",
        "--no-progress",
        "--keyring",
        keyring,
    ]
    done = script(
        tmp_path,
        "--task-managers",
        "2",
        "redact",
        "--input",
        *inputs,
        "--output",
        str(tmp_path / "flink-store"),
        *common,
    )
    assert done.returncode == 3, done.stderr[-3000:]  # four lines are broken
    policy, as_of = load_policy(str(tmp_path / "policy.yaml")), parse_as_of("2026-11-24")
    run_redact(
        RedactOptions(
            inputs,
            str(tmp_path / "store"),
            policy,
            as_of,
            keyring=keyring,
            progress=False,
            shard_rows=3,
            workers=1,
        )
    )
    here, there = (Store.open(Files(), str(tmp_path / name)) for name in ("store", "flink-store"))
    for dataset in ("interactions", "findings", "index", "subjects"):
        assert rows(here, dataset) == rows(there, dataset)
    assert (
        len(rows(there, "interactions")) == 60
        and here.manifest(1).counts == there.manifest(1).counts
    )
    assert leftovers(tmp_path / "flink-store") == []
    for number in (1, 2):
        told = log(tmp_path, f"taskmanager-{number}")
        assert told.count("Python sdk harness starting") == 1, (
            "one worker, which is kept from step to step"
        )
    assert not [
        p
        for p in psutil.process_iter(["cmdline"])
        if str(tmp_path) in " ".join(p.info["cmdline"] or ())
    ]


def test_a_job_that_fails_ends_the_command(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(PLAIN)
    inputs = write_lines(tmp_path / "in.jsonl", [call(n) for n in range(3)])
    store = tmp_path / "flink-store"
    store.mkdir()
    (store / "interactions").write_text("in the way")
    done = script(
        tmp_path,
        "--task-managers",
        "2",
        "redact",
        "--input",
        inputs,
        "--output",
        str(store),
        "--policy",
        str(tmp_path / "policy.yaml"),
        "--no-progress",
        "--keyring",
        str(tmp_path / "keyring.json"),
    )
    assert done.returncode == 1, done.stderr[-3000:]
    assert not list(store.glob("_callveil/manifests/*"))


@pytest.mark.parametrize(
    "words",
    [
        ("--task-managers", n, *more)
        for n, more in (("0", ["redact"]), ("two", ["redact"]), ("2", []), ("", []))
    ],
)
def test_what_the_script_refuses(words: tuple[str, ...], tmp_path: Path) -> None:
    done = script(tmp_path, *words)
    assert done.returncode == 2 and "--task-managers" in done.stderr
    assert not (tmp_path / "flink").exists()
