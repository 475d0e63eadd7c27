"""`callveil store`: statements that work as they are printed, and tables after a move."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from support.history_runs import Bench, many
from support.table_readers import connect_duckdb, read_by_folder

from callveil.pipelines.cli import main
from callveil.transforms.storage.files.filesystem import Files


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    made = Bench(tmp_path, Files(), str(tmp_path / "store"))
    made.load_records(many(12))
    return made


def said(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    assert main(["store", *words]) == code
    return capsys.readouterr().out


def listed(capsys: pytest.CaptureFixture[str], root: str, *words: str) -> dict[str, dict[str, str]]:
    tables = json.loads(said(capsys, "tables", "--store", root, "--json", *words))["tables"]
    return {t["name"]: t for t in tables}


def test_statements_work_as_printed(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    tables = listed(capsys, bench.output)
    assert tables["versions"]["rows"] == len(bench.versions())
    statements: dict[str, str] = tables["versions"]["statements"]  # type: ignore[assignment]
    with connect_duckdb() as connection:  # its extensions are loaded already, from packages
        query = statements["duckdb"].replace("INSTALL iceberg; LOAD iceberg;", "")
        assert len(connection.execute(query).fetchall()) == min(10, len(bench.versions()))
    setup, expression = statements["pyiceberg"].split("\n")
    names: dict[str, object] = {}
    exec(setup, names)
    assert eval(expression, names).num_rows == min(10, len(bench.versions()))
    for engine in ("spark", "trino", "athena", "pandas", "polars"):
        assert f"{bench.output}/versions" in statements[engine]


def test_a_place_with_a_quote_stays_one_text(tmp_path: Path) -> None:
    from callveil.transforms.storage.iceberg.statements import ENGINES

    place = "/a'b\"c"
    for engine, make in ENGINES.items():
        text = make(place, "t", "t/metadata/00000-x.metadata.json")
        quoted = re.findall(r"""'(?:[^']|'')*'|"(?:[^"\\]|\\.)*\"""", text)
        assert any("/a''b" in q or "c/t" in q for q in quoted), engine


def test_unknown_tables_and_stores_without_any(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["store", "tables", "--store", bench.output, "--table", "calls"]) == 2
    assert "no table 'calls'; the store has" in capsys.readouterr().err


def test_relocate_after_a_move(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    moved = f"{bench.output}-moved"
    keys = ("--keyring", str(bench.keyring))
    assert "nothing to do" in said(capsys, "relocate", "--store", bench.output, *keys)
    before = read_by_folder(bench.output, "versions", "version_id")
    shutil.move(bench.output, moved)
    shown = said(capsys, "tables", "--store", moved, "--engine", "duckdb")
    assert "`callveil store relocate` makes it anew here" in shown
    assert "would make" in said(capsys, "relocate", "--store", moved, "--dry-run", *keys)
    assert "would make" in said(capsys, "relocate", "--store", moved, "--dry-run", *keys)
    assert f"made at {moved}" in said(capsys, "relocate", "--store", moved, *keys)
    assert read_by_folder(moved, "versions", "version_id") == before
    assert "nothing to do" in said(capsys, "relocate", "--store", moved, *keys)
    assert main(["evidence", "verify", "--store", moved, *keys]) == 0
