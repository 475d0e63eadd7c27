"""Mistakes that people make: each ends with its exit code and one message that names option, file,
line or field, and the way out.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from support.command_runs import PLAIN, call, write_lines

from callveil.pipelines import cli
from callveil.pipelines.exits import NOTHING

Said = Callable[..., tuple[int, str, str]]

FILES = {
    "policy.yaml": PLAIN,
    "misspelt.yaml": "version: 1\nname: mine\nentites: {}\n",
    "tab.yaml": "version: 1\n\tname: x\n",
    "later.yaml": "version: 9\n",
    "list.yaml": "- a\n",
    "no-id.csv": "name,type\nx,agency\n",
    "type.csv": "account_id,type\n1,giant\n",
    "quote.csv": 'account_id,type\n1,"agency\n',
    "time.csv": "account_id,type,effective_at\n1,agency,someday\n",
    "zone.csv": "account_id,type,timezone\n1,agency,Mars/X\n",
    "twice.csv": "account_id,account_id\n1,2\n",
    "prose.txt": "hello there\n",
    "utf16.csv": "account_id,type\n1,agency\n".encode("utf-16"),
    "sheet.xlsx": b"PK\x03\x04 and more",
    "scope.jsonl": '{"account_id":41,"interaction_id":7,"scope":"some","reason":"r","actor":"a"}\n',
    "half.csv": "account_id,scope\n41,all\n",
    "holds.csv": "hold_id,account_id\n,41\n",
    "events.csv": "account_id,event\n41,explodes\n",
    "empty.jsonl": "",
    "table/calls.csv": "call_id,when\n1,2\n",
    "notes.txt": "no keys",
    "open.json": "{}",
}

REDACT = ("redact", "--policy", "policy.yaml", "--no-progress")
INTO = (*REDACT, "--input", "in.jsonl", "--output", "new")
MISTAKES: tuple[tuple[tuple[str, ...], int, tuple[str, ...]], ...] = (
    ((*REDACT, "--input", "in.jsonl"), 2, ("--output",)),
    (
        (*REDACT, "--input", "nowhere", "--output", "new"),
        2,
        ("'nowhere'", "no such file or folder", "Check the path"),
    ),
    (
        (*REDACT, "--input", "no*.jsonl", "--output", "new"),
        2,
        ("no*.jsonl", "no file matches", "quote wildcards"),
    ),
    (
        (*REDACT, "--input", "bare", "--output", "new"),
        4,
        ("nothing to read at 'bare'", "Check the path"),
    ),
    (
        (*REDACT, "--input", "empty.jsonl", "--output", "new"),
        4,
        ("nothing to read at 'empty.jsonl'", "1 empty file"),
    ),
    (
        (*REDACT, "--input", "table", "--output", "new"),
        4,
        ("table/calls.csv: csv", "account_id, id, called_at", "duckdb"),
    ),
    (
        (*REDACT, "--input", "store", "--output", "new"),
        2,
        ("--input store: lies in the store", "folder of the source"),
    ),
    (
        (*REDACT, "--input", "store/interactions", "--output", "store"),
        2,
        ("lies in the store store",),
    ),
    (
        (*REDACT, "--input", ".", "--output", "store"),
        2,
        ("--output store: lies below the input .", "a folder of its own"),
    ),
    (
        (*REDACT, "--input", "in.jsonl", "--output", "notes.txt"),
        2,
        ("--output notes.txt", "is a file; name a folder"),
    ),
    (
        (*REDACT, "--input", "in.jsonl", "--output", "notes.txt/deep/store"),
        2,
        ("notes.txt is a file; name a folder",),
    ),
    ((*REDACT, "--input", "gs://b/x", "--output", "new"), 2, ("gs://", "s3://bucket/key")),
    ((*REDACT, "--input", "s3://", "--output", "new"), 2, ("s3://: an S3 URL needs a bucket",)),
    ((*REDACT, "--input", "in.jsonl", "--output", "ftp://h/x"), 2, ("ftp://", "s3://bucket/key")),
    ((*REDACT, "--inptu", "in.jsonl", "--output", "new"), 2, ("--inptu", "did you mean --input?")),
    ((*INTO, "--runner", "FlinkRuner"), 2, ("--runner FlinkRuner", "did you mean FlinkRunner?")),
    ((*INTO, "--as-of", "yesterday"), 2, ("--as-of", "2026-11-24")),
    ((*INTO, "--keyring", "open.json"), 2, ("open.json", "chmod 600")),
    ((*INTO, "--keyring", "notes.txt"), 2, ("notes.txt: not JSON",)),
    ((*INTO, "--keyring", "bare"), 2, ("bare: is a folder; name the keyring's file",)),
    ((*INTO, "--accounts", "no-id.csv"), 2, ("no-id.csv:2: account_id",)),
    ((*INTO, "--accounts", "type.csv"), 2, ("type.csv:2: type", "individual, agency")),
    ((*INTO, "--accounts", "quote.csv"), 2, ("quote.csv", "check the quotes")),
    ((*INTO, "--accounts", "time.csv"), 2, ("time.csv:2: effective_at", "ISO 8601")),
    ((*INTO, "--accounts", "zone.csv"), 2, ("zone.csv:2: timezone", "America/New_York")),
    ((*INTO, "--accounts", "twice.csv"), 2, ("twice.csv:1", "rename one")),
    ((*INTO, "--accounts", "prose.txt"), 2, ("prose.txt: text that is neither JSON nor a table",)),
    ((*INTO, "--accounts", "utf16.csv"), 2, ("utf16.csv", "iconv")),
    ((*INTO, "--accounts", "sheet.xlsx"), 2, ("sheet.xlsx", "save the sheet as CSV")),
    ((*INTO, "--accounts", "none.csv"), 2, ("'none.csv'", "check the path")),
    ((*INTO, "--requests", "scope.jsonl"), 2, ("scope.jsonl:1: scope", "all, field, span, time")),
    ((*INTO, "--requests", "half.csv"), 2, ("half.csv:2: interaction_id", "half.csv:2: reason")),
    (
        (*INTO, "--policy", "misspelt.yaml"),
        2,
        ("misspelt.yaml:3:1: entites", "did you mean entities?"),
    ),
    ((*INTO, "--policy", "tab.yaml"), 2, ("tab.yaml:2:1", "Check indentation")),
    ((*INTO, "--policy", "later.yaml"), 2, ("later.yaml:1:10: version",)),
    ((*INTO, "--policy", "list.yaml"), 2, ("list.yaml:1:1: expected a mapping",)),
    ((*INTO, "--policy", "bare"), 2, ("bare: cannot be read", "Presets are")),
    (("history", "load", "--input", "bare", "--output", "new"), 4, ("nothing to read at 'bare'",)),
    (("history", "load", "--input", "store", "--output", "store"), 2, ("lies in the store",)),
    (("history", "show", "--store", "store", "--item", "User"), 2, ("TYPE/ID",)),
    (("history", "find", "--store", "store", "--from", "soon"), 2, ("--from", "2026-11-24")),
    (
        ("retain", "plan", "--store", "store", "--holds", "holds.csv", "--out", "plan"),
        2,
        ("holds.csv:2: placed_at",),
    ),
    (
        ("retain", "plan", "--store", "store", "--events", "events.csv", "--out", "plan"),
        2,
        ("events.csv:2: kind", "plan_changed"),
    ),
    (("watch", "--output", "new"), 2, ("--input", "--queue")),
    (("watch", "--input", ".", "--output", "store", "--once"), 2, ("lies below the input",)),
    (
        ("watch", "--input", "bare", "--output", "new", "--name", "{id}"),
        2,
        ("--name", "{account_id}"),
    ),
    (
        ("rejected", "list", "--store", "notes.txt"),
        1,
        ("notes.txt: there is no store here", "check the path"),
    ),
    (
        ("rejected", "export", "--store", "store", "--out", "notes.txt"),
        2,
        ("notes.txt: is there already",),
    ),
    (
        ("report", "all", "--store", "store", "--out", "notes.txt"),
        2,
        ("--out notes.txt", "is a file; name a folder"),
    ),
    (
        ("subject", "open", "--store", "store", "--type", "erasure", "--identifier", "phone:abc"),
        2,
        ("phone", "+14155550123"),
    ),
)


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> Said:
    """Runs a command in a folder with a store and the files above; gives its exit code, standard
    output and standard error.
    """
    folder = tmp_path_factory.mktemp("mistakes")
    for name, content in FILES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    (folder / "bare").mkdir()
    (folder / "notes.txt").chmod(0o600)
    (folder / "open.json").chmod(0o644)
    write_lines(folder / "in.jsonl", [call(1), call(2)])

    def run(*words: str) -> tuple[int, str, str]:
        out, err, before = io.StringIO(), io.StringIO(), Path.cwd()
        os.chdir(folder)
        try:
            with (
                pytest.MonkeyPatch.context() as patch,
                contextlib.redirect_stdout(out),
                contextlib.redirect_stderr(err),
            ):
                patch.setenv("CALLVEIL_KEYRING", str(folder / "keyring.json"))
                code = cli.main(words)
        finally:
            os.chdir(before)
        return code, out.getvalue(), err.getvalue()

    assert run(*REDACT, "--input", "in.jsonl", "--output", "store")[0] == 0
    return run


@pytest.mark.parametrize(
    ("words", "code", "told"), MISTAKES, ids=[" ".join(m[0][-4:]) for m in MISTAKES]
)
def test_a_mistake_is_told_with_its_way_out(
    said: Said, words: tuple[str, ...], code: int, told: tuple[str, ...]
) -> None:
    ended, out, text = said(*words, "--json")
    assert ended == code, text
    assert all(t in text for t in told), text
    assert "Traceback" not in text and "withheld" not in text
    document = json.loads(out)
    if code == NOTHING:
        assert document["nothing_to_read"]
        return
    error = document["error"]
    assert error["message"] in text and error["exit_code"] == code and error["kind"].islower()
    if error["message"].startswith("--"):
        assert error["message"].startswith(error["option"])
    assert said("rejected", "list", "--store", "new")[0] == 1, "something was written"


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (
            (*REDACT, "--input", "in.jsonl", "--output", "notes.txt"),
            {
                "kind": "input_error",
                "option": "--output",
                "place": "notes.txt",
                "way_out": "name a folder for the store",
            },
        ),
        ((*INTO, "--keyring", "open.json"), {"kind": "keyring_error", "place": "open.json"}),
        ((*INTO, "--accounts", "type.csv"), {"kind": "accounts_error", "place": "type.csv:2"}),
        ((*INTO, "--as-of", "soon"), {"kind": "argument_error", "option": "--as-of"}),
        (("redact",), {"kind": "usage_error"}),
        (("schema", "nothing"), {"kind": "argument_error"}),
        (("redcat",), {"kind": "usage_error"}),
        (
            ("report", "all", "--store", "store", "--out", "notes.txt"),
            {"kind": "usage_error", "option": "--out", "place": "notes.txt"},
        ),
        (("rejected", "list", "--store", "none"), {"kind": "store_error", "place": "none"}),
    ],
)
def test_a_refusal_as_json_names_kind_option_and_place(
    said: Said, words: tuple[str, ...], found: dict[str, str]
) -> None:
    error = json.loads(said(*words, "--json")[1])["error"]
    assert {
        name: error.get(name)
        for name in ("kind", "option", "place")
        if name in found or name in error
    } | ({"way_out": error["way_out"]} if "way_out" in found else {}) == found, error
