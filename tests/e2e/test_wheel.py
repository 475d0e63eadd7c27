"""The wheel: built by pip, installed into an environment of its own with what it asks for, and used
from another folder.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from support import ROOT
from support.command_runs import rows

from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.commit.maintenance import verify_integrity
from callveil.transforms.storage.files.filesystem import Files

pytestmark = pytest.mark.integration
TIMEOUT = 1500
TYPED = """
from collections.abc import Iterator
from typing import Any, assert_type
import callveil
assert_type(callveil.redact("a", "gdpr"), callveil.Redacted[str])
assert_type(callveil.redact({"id": 1}).value, dict[str, Any])
assert_type(callveil.redact(["a"]), list[callveil.Redacted[str]])
assert_type(callveil.open_store("s").rows("interactions"), Iterator[dict[str, Any]])
assert_type(callveil.__version__, str)
callveil.redact("a", polcy="gdpr")  # type: ignore[call-overload]
"""


def ended(*words: str, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a program that must succeed, without this environment's own settings for Python."""
    clean = {
        k: v
        for k, v in os.environ.items()
        if not k.startswith(("PYTHON", "VIRTUAL_ENV", "CALLVEIL"))
    }
    done = subprocess.run(
        words,
        cwd=cwd,
        env=clean | env,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert done.returncode == 0, (
        f"{' '.join(words[:4])}: {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-3000:]}"
    )
    return done


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of the source, since a build leaves files beside it; and with
    it, as `bin/`, the environment that built it.
    """
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    left_out = shutil.ignore_patterns("build", ".*", "__pycache__", "*.egg-info", "dist")
    shutil.copytree(ROOT, source, ignore=left_out)
    ended(sys.executable, "-m", "venv", str(folder / "env"), cwd=folder)
    ended(
        str(folder / "env/bin/python"),
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--wheel-dir",
        str(folder),
        str(source),
        cwd=folder,
    )
    (built,) = folder.glob("callveil-*.whl")
    return built


def test_it_holds_the_code_and_its_data_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {n.split("/")[0] for n in names}
    assert {t for t in tops if not t.endswith(".dist-info")} == {"callveil"}
    held = {n.removeprefix("callveil/") for n in names if n.startswith("callveil/")}
    wanted = {
        str(p.relative_to(ROOT)).removeprefix("pipelines/api/")
        for folder in ("pipelines", "transforms", "schemas")
        for p in (ROOT / folder).rglob("*")
        if p.is_file() and "__pycache__" not in p.parts
    }
    assert wanted - held == set(), "files of the source that the wheel lacks"
    assert not [n for n in names if n.startswith("tests/") or "/test_" in n]
    assert not [n for n in held if n.endswith((".pyc", ".jsonl", ".parquet"))]


def test_it_works_from_another_folder(wheel: Path, tmp_path: Path) -> None:
    export = (
        "export",
        "--quiet",
        "--frozen",
        "--no-dev",
        "--no-emit-project",
        "--no-hashes",
        "--no-header",
        "--no-annotate",
    )
    (tmp_path / "constraints.txt").write_text(
        ended(str(ROOT / "build/uv/bin/uv"), *export, cwd=ROOT).stdout
    )
    programs = wheel.parent / "env" / "bin"
    install = (
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--constraint",
        str(tmp_path / "constraints.txt"),
        str(wheel),
    )
    ended(str(programs / "python"), *install, cwd=tmp_path)
    where = ended(
        str(programs / "python"),
        "-c",
        "import callveil, json; print(json.dumps([callveil.__file__, callveil.__version__]))",
        cwd=tmp_path,
    )
    file, version = json.loads(where.stdout)
    assert file.startswith(str(wheel.parent / "env")) and wheel.name.startswith(
        f"callveil-{version}-"
    )
    (tmp_path / "typed.py").write_text(TYPED)
    mypy = ("-m", "mypy", "--strict", "--python-executable", str(programs / "python"))
    ended(sys.executable, *mypy, "typed.py", cwd=tmp_path)
    away = tmp_path / "away"
    away.mkdir()
    home = {"HOME": str(away), "TMPDIR": str(away)}
    assert ended(str(programs / "callveil"), "--version", cwd=away, **home).stdout.startswith(
        "callveil "
    )
    shown = ended(str(programs / "callveil"), "policy", "show", "hipaa", cwd=away, **home)
    assert "PERSON" in shown.stdout
    done: Any = ended(
        str(programs / "callveil"),
        "demo",
        "--output",
        "demo",
        "--interactions",
        "40",
        "--json",
        cwd=away,
        **home,
    )
    report = json.loads(done.stdout)
    assert report["counts"]["redacted"] > 20 and report["counts"]["finding.PERSON"] > 20
    store = Store.open(Files(), str(away / "demo" / "store"))
    assert (
        verify_integrity(store) == []
        and len(rows(store, "interactions")) == report["counts"]["redacted"]
    )
    assert "SpacyRecognizer" in {f["detector"] for f in rows(store, "findings")}, (
        "the language model is not in the wheel, or not used"
    )
