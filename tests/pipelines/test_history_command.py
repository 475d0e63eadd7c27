"""The command line: finding, showing, exporting and checking. Everything is generated."""

from __future__ import annotations

import contextlib
import datetime as dt
import io
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.history_runs import PLAIN, Bench, version

from callveil.pipelines import cli
from callveil.schemas.arrow import CHANGE_HISTORY_SCHEMA
from callveil.schemas.history import FIELDS
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.tables.column_stats import personal_traces

ADA = {"user_id": 3, "user_name": "Ada Admin", "ip": "203.0.113.9", "user_role": "Administrator"}
BOB = {"user_id": 4, "user_name": "Bob Boss", "ip": "203.0.113.10", "actor_type": "api"}
ROWS = [
    version(
        version_id="1",
        event="create",
        created_at="2026-10-01",
        changes={"role": [None, "Call Agent"], "name": [None, "Cy Person"]},
        **ADA,
    ),
    version(
        version_id="2",
        created_at="2026-10-02",
        changes={"role": ["Call Agent", "Administrator"]},
        **BOB,
    ),
    version(
        version_id="3",
        created_at="2026-10-03",
        item_type="TrackingNumber",
        item_id="9",
        event="destroy",
        changes={"color": ["a", None]},
        **ADA,
    ),
    version(version_id="4", created_at="2026-10-04", event="sign_in", changes=None, **BOB),
    version(
        version_id="5",
        created_at="2026-10-05",
        account_id="42",
        agency_id="41",
        item_type="Source",
        changes={"color": [1, 2]},
        **ADA,
    ),
    version(
        version_id="6",
        created_at="2026-10-06",
        item_type="Contact",
        item_id="c@example.com",
        changes={"color": [1, 2]},
        **ADA,
    ),
]

Run = Callable[..., tuple[int, str]]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A loaded store, and a function that runs one action on it and returns exit code and standard
    output.
    """
    folder = tmp_path_factory.mktemp("command")
    bench = Bench(folder, Files(), str(folder / "store"))
    bench.load_records(ROWS)
    (folder / "plain.yaml").write_text(PLAIN)

    def act(action: str, *words: str, store: bool = True) -> tuple[int, str]:
        where = ["--store", bench.output] if store else []
        out = io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            code = cli.main(
                [
                    "history",
                    action,
                    *where,
                    "--keyring",
                    str(bench.keyring),
                    *(w.replace("FOLDER", str(folder)) for w in words),
                ]
            )
        return code, out.getvalue()

    return act


@pytest.mark.parametrize(
    ("words", "ids"),
    [
        ([], "112345 6"),
        (["--actor", "3"], "11356"),
        (["--actor", "ada ADMIN", "--policy", "FOLDER/plain.yaml"], "11356"),
        (["--actor", "Nobody Known"], ""),
        (["--item", "user"], "1124"),
        (["--item", "User/15"], "1124"),
        (["--item", "Contact/c@example.com"], "6"),
        (["--item", "tracking_number"], "3"),
        (["--field", "role"], "12"),
        (["--field", "ro*"], "12"),
        (["--event", "sign_in"], "4"),
        (["--from", "2026-10-02", "--to", "2026-10-04"], "23"),
        (["--ip", "203.0.113.10"], "24"),
        (["--security"], "123"),
        (["--class", "number_release"], "3"),
        (["--class", "role", "number_release", "--actor", "4"], "2"),
        (["--account", "42"], "5"),
        (["--agency", "41"], "112345 6"),
        (["--agency", "42"], "5"),
        (["--agency", "43"], ""),
    ],
)
def test_finding_by_every_filter(run: Run, words: list[str], ids: str) -> None:
    code, out = run("find", "--json", *words)
    assert code == 0
    assert sorted(c["version_id"] for c in orjson.loads(out)["changes"]) == sorted(
        ids.replace(" ", "")
    )


def test_showing_an_object_and_its_past(run: Run) -> None:
    code, out = run("show", "--item", "user/15")
    assert code == 0
    for text in (
        "1. 2026-10-01 00:00:00Z  create",
        "role: Call Agent → Administrator",
        "name: (none) → [PERSON]",
        "[role]",
        "id 3 (Administrator)",
        "(api)",
    ):
        assert text in out
    assert "Cy" not in out
    _, out = run("at", "--item", "User/15", "--time", "2026-10-01T12:00:00Z", "--json")
    assert orjson.loads(out)[0]["fields"] == {"name": "[PERSON]", "role": "Call Agent"}
    _, out = run("at", "--item", "User/15", "--time", "2026-09-30", "--json")
    assert orjson.loads(out)[0]["exists"] is False
    _, out = run("at", "--item", "TrackingNumber/9", "--time", "2026-10-03T00:00:00Z")
    assert "did not exist" in out


@pytest.mark.parametrize(
    ("action", "words", "code", "text"),
    [
        ("show", ["--item", "User"], 2, "TYPE/ID"),
        ("show", ["--item", "User/999"], 2, "no version"),
        (
            "at",
            ["--item", "User/15", "--time", "2026-10-01", "--policy", "FOLDER/none.yaml"],
            2,
            "none.yaml",
        ),
        ("load", ["--output", "FOLDER/s", "--input", "FOLDER/nothing-*.csv"], 2, "nothing to read"),
        (
            "load",
            ["--output", "FOLDER/s", "--input", "FOLDER/in-1.jsonl", "--runer", "x"],
            2,
            "did you mean --runner",
        ),
        (
            "export",
            ["--out", "FOLDER/r.parquet", "--accounts", "FOLDER/plain.yaml"],
            2,
            "plain.yaml",
        ),
    ],
)
def test_mistakes_are_told(run: Run, action: str, words: list[str], code: int, text: str) -> None:
    found, out = run(action, *words, store=action != "load")
    assert (found, text in out) == (code, True), out


def test_a_store_that_is_not_there(run: Run) -> None:
    code, out = run("find", "--store", "FOLDER/elsewhere", store=False)
    assert code == 1
    assert "there is no store here" in out


PROMISED = """
report_id schema_version run_id as_of generated_at tool_version policy_version policy_sha256 account_id agency_id account_type_at_event row_hash
version_id item_type item_id item_label event occurred_at recorded_at actor_id actor_type actor_name actor_role actor_ip request_id field before after
redacted sensitive_class reverted_from retention_expires_at seq previous_hash"""  # noqa: E501
"""Columns that readers of the report count on."""


def exported(run: Run, name: str) -> Path:
    """A report as a file."""
    code, out = run("export", "--out", f"FOLDER/{name}", "--json", "--as-of", "2026-11-02")
    assert code == 0
    (path,) = orjson.loads(out)["files"]
    return Path(path)


def test_a_report_has_the_columns_and_a_chain_per_account(run: Run) -> None:
    path = exported(run, "whole.parquet")
    table = pq.read_table(path)
    assert table.schema.names == CHANGE_HISTORY_SCHEMA.names
    assert set(PROMISED.split()) <= set(table.schema.names)
    rows = table.to_pylist()
    assert {r["policy_version"] for r in rows} == {"plain"}
    assert [(r["account_id"], r["seq"]) for r in rows] == [("41", n) for n in range(1, 7)] + [
        ("42", 1)
    ]
    for before, after in itertools.pairwise(rows):
        assert after["previous_hash"] == (
            before["row_hash"] if after["account_id"] == before["account_id"] else ""
        )
    assert {r["generated_at"] for r in rows} == {dt.datetime(2026, 11, 2, tzinfo=dt.UTC)}
    assert personal_traces(str(path), FIELDS) == []
    assert path.read_bytes() == exported(run, "again.parquet").read_bytes()
    assert run("verify", str(path), store=False) == (0, f"{path}: whole\n")


def test_one_file_per_account(run: Run) -> None:
    code, out = run("export", "--out", "FOLDER/many", "--json")
    files = orjson.loads(out)["files"]
    assert code == 0
    assert sorted(Path(f).name for f in files) == [
        "change-history-41.parquet",
        "change-history-42.parquet",
    ]
    assert sum(files.values()) == 7


@pytest.mark.parametrize("what", ["value", "dropped", "swapped", "keyring"])
def test_a_report_that_was_changed_is_found_out(run: Run, tmp_path: Path, what: str) -> None:
    rows: list[dict[str, Any]] = pq.read_table(exported(run, "whole.parquet")).to_pylist()
    more: list[str] = []
    if what == "value":
        rows[1]["after"] = '"Call Manager"'
    elif what == "dropped":
        del rows[2]
    elif what == "swapped":
        rows[1], rows[2] = rows[2], rows[1]
    else:
        more = ["--keyring", str(Keyring.create(tmp_path / "other.json").path)]
    path = tmp_path / "changed.parquet"
    pq.write_table(pa.Table.from_pylist(rows, CHANGE_HISTORY_SCHEMA), path)
    code, out = run("verify", str(path), *more, store=False)
    assert code == 1
    assert "account 41" in out
