"""Secrets are in the keyring's file and in the memory of processes, and nowhere else: not in
options, pipelines, logs, process lists or the store.
"""

from __future__ import annotations

import base64
import bz2
import json
import os
import re
import stat
import subprocess
import sys
import time
import zlib
from pathlib import Path

import pytest
from apache_beam import Pipeline
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from support.waiting import HANGS

from callveil.pipelines.cli import main
from callveil.transforms.lab.sample.write import write_sample
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.evidence.signing_keys import ENV, open_signer


def forms(keyring: Keyring, key_file: Path) -> list[bytes]:
    """Every form a secret could be written in."""
    secrets = [
        half
        for k in keyring.key_ids
        for half in (keyring.secret(k), keyring.secret(k)[:32], keyring.secret(k)[32:])
    ] + [keyring.derive(p, n, keyring.active) for p, n in (("token", 64), ("pseudonym", 32))]
    secrets.append(base64.b64decode("".join(key_file.read_text().splitlines()[1:-1]))[-32:])
    out = []
    for s in secrets:
        out += [
            s,
            s.hex().encode(),
            base64.b64encode(s)[:40],
            base64.urlsafe_b64encode(s)[:40],
            repr(s)[2:-1].encode(),
        ]
    return [f for f in out if len(f) > 16]


def hits(data: bytes, wanted: list[bytes]) -> bool:
    return any(w in data for w in wanted)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_sample(tmp_path / "day", 5, 12, accounts=2, days=1, malformed=0.2)
    Keyring.create(tmp_path / "keys" / "keyring.json")
    monkeypatch.setenv(ENV, str(tmp_path / "keys" / "evidence-key.pem"))
    open_signer()
    return tmp_path


def words(place: Path, *more: str) -> list[str]:
    given = [
        "--input",
        f"{place}/day/interactions",
        "--accounts",
        f"{place}/day/accounts.jsonl",
        "--output",
        f"{place}/store",
        "--as-of",
        "2026-11-02",
    ]
    return ["redact", *given, "--keyring", f"{place}/keys/keyring.json", "--no-progress", *more]


def unpacked(data: bytes) -> bytes:
    """A pipeline's bytes with what Beam has packed into them (pickled, compressed, base64) laid
    open behind.
    """
    out = [data]
    for run in re.findall(rb"[A-Za-z0-9+/=]{64,}", data):
        for start in range(4):  # the run may begin with a byte that is no part of it
            part = run[start:]
            packed = base64.b64decode(part[: len(part) // 4 * 4])
            for open_ in (bz2.decompress, zlib.decompress):
                try:
                    out.append(open_(packed))
                except (OSError, ValueError, zlib.error):
                    continue
    return b"\n".join(out)


class _Seen(Exception):
    pass


def test_no_secret_in_the_pipeline_or_its_options(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = forms(Keyring.load(place / "keys/keyring.json"), place / "keys/evidence-key.pem")
    seen: list[bytes] = []

    def look(runner: FnApiRunner, pipeline: Pipeline, options: object) -> None:
        seen.append(
            unpacked(pipeline.to_runner_api().SerializeToString())
            + json.dumps(pipeline.options.get_all_options(), default=str).encode()
        )
        raise _Seen

    monkeypatch.setattr(FnApiRunner, "run_pipeline", look)
    assert main(words(place)) == 1
    assert len(seen) == 1 and len(seen[0]) > 10_000
    assert (
        str(place / "keys/keyring.json").encode() in seen[0]
    )  # the path travels, so that workers can load it; and it was looked at in the open
    assert not hits(seen[0], wanted)


@pytest.mark.parametrize(
    "more",
    [
        ["--workers", "2"],
        ["--direct_num_workers", "2", "--direct_running_mode", "multi_processing"],
    ],
)
def test_no_secret_in_process_lists_logs_or_the_store(more: list[str], place: Path) -> None:
    wanted = forms(Keyring.load(place / "keys/keyring.json"), place / "keys/evidence-key.pem")
    env = {**os.environ, "TMPDIR": str(place / "tmp")}
    (place / "tmp").mkdir()
    program = (
        "import logging, sys; from callveil.pipelines.cli import main; "
        "logging.getLogger().setLevel(logging.DEBUG); sys.exit(main(sys.argv[1:]))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, *words(place, *more)],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    told: list[bytes] = []
    processes: set[int] = set()
    output = b""
    assert process.stdout
    os.set_blocking(process.stdout.fileno(), False)
    end = time.monotonic() + HANGS
    while process.poll() is None and time.monotonic() < end:
        for pid in _family(process.pid):
            processes.add(pid)
            for name in ("cmdline", "environ"):
                try:
                    told.append(Path(f"/proc/{pid}/{name}").read_bytes())
                except OSError:
                    continue
        output += process.stdout.read() or b""
        time.sleep(0.05)
    output += process.stdout.read() or b""
    assert process.returncode in (0, 3), output[-2000:]
    assert len(processes) > 1, "no worker process was seen"
    assert not any(hits(t, wanted) for t in told), "a secret stands in a process list"
    assert len(output) > 100 and not hits(output, wanted), "a secret was printed or logged"
    assert not any(
        talk in output
        for talk in (b"INFO:", b"apitools", b"semi_persistent_directory", b"Warning:")
    ), output[:2000]
    for path in place.rglob("*"):
        if path.is_file() and path.parent.name != "keys":
            assert not hits(path.read_bytes(), wanted), f"a secret lies in {path}"
    for path in (place / "store").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
    for path in (place / "keys").iterdir():
        assert path.is_dir() or stat.S_IMODE(path.stat().st_mode) == 0o600, path


def _family(pid: int) -> list[int]:
    out, waiting = [], [pid]
    while waiting:
        one = waiting.pop()
        out.append(one)
        for task in Path(f"/proc/{one}/task").glob("*/children"):
            try:
                waiting += [int(p) for p in task.read_text().split()]
            except OSError:
                continue
    return out
