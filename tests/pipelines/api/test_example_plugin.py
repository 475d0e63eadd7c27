"""The example package of plugins: built, installed beside callveil, and used by its commands."""

from __future__ import annotations

import csv
import gzip
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration
TOP = Path(__file__).resolve().parents[3]
UV = TOP / "build" / "uv" / "bin" / "uv"
EXPORT = """#calls|id|account_id|called_at|caller_number|notes
1|41|2026-10-20T10:00:00Z|+14155550123|card LC-204-731 as usual
2|41|2026-10-21T10:00:00Z|+14155550124|nothing
"""
POLICY = """version: 1
name: plain
extends: gdpr
detect: {model: none}
entities: {PHONE_NUMBER: length}
"""


def ended(*words: str | Path, cwd: Path, **env: str) -> str:
    """Run a program that must succeed; returns what it printed."""
    done = subprocess.run(
        [str(w) for w in words],
        cwd=cwd,
        env={k: v for k, v in os.environ.items() if not k.startswith("CALLVEIL")} | env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_it_is_built_installed_and_used(tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(TOP / "deploy" / "examples" / "plugin", source)
    ended(UV, "build", "--wheel", "--out-dir", tmp_path, source, cwd=tmp_path)
    (wheel,) = tmp_path.glob("*.whl")
    site = tmp_path / "site"
    where = ("--python", sys.executable, "--target", site)
    ended(UV, "pip", "install", "--no-deps", *where, wheel, cwd=tmp_path)

    (tmp_path / "calls.gz").write_bytes(gzip.compress(EXPORT.encode()))
    (tmp_path / "policy.yaml").write_text(POLICY)
    own = {"PYTHONPATH": str(site), "CALLVEIL_STATE": str(tmp_path / "state")}
    own["CALLVEIL_KEYRING"] = str(tmp_path / "keyring.json")

    def callveil(*words: str) -> str:
        return ended(sys.executable, "-m", "callveil.pipelines.cli", *words, cwd=tmp_path, **own)

    told = callveil("--version").splitlines()[1:]
    kinds = ["recognizer loyalty_card", "operator length", "source pipes", "report kinds"]
    assert [line.partition(" (")[0] for line in told] == [
        f"callveil-example 1.0: {k}" for k in kinds
    ]
    job = ("redact", "--input", "calls.gz", "--output", "store", "--policy", "policy.yaml")
    callveil(*job, "--no-progress")
    code = (
        "import callveil; store = callveil.open_store('store')\n"
        "print(*(r['notes'] + r['caller_number'] for r in store.rows('interactions')), sep='\\n')\n"
        "print(*{f['detector_version'].split(', ')[2][:29] for f in store.rows('findings')})"
    )
    assert ended(sys.executable, "-c", code, cwd=tmp_path, **own).splitlines() == [
        "card [X_LOYALTY_CARD] as usual[PHONE_NUMBER:length:12]",
        "nothing[PHONE_NUMBER:length:12]",
        "callveil-example 1.0 loyalty_",
    ]
    period = ("--from", "2026-10-01", "--to", "2026-11-01")
    callveil("report", "kinds", "--store", "store", "--out", "report", "--csv", *period)
    with (tmp_path / "report" / "kinds.csv").open(newline="") as rows:
        assert [(r["kind"], r["count"]) for r in csv.DictReader(rows)] == [("call", "2")]
    assert "Interactions by kind" in (tmp_path / "report" / "kinds.html").read_text()
    assert "row hash fits" in callveil("report", "verify", "report/kinds.parquet")
