"""The command line: help, exit codes, JSON, dry runs, and messages that say where and what to do.
All people are generated.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import killed_commands
from support.command_runs import (
    PLAIN,
    call,
    callveil,
    environment,
    leftovers,
    new_interpreter,
    rows,
    tree,
    write_lines,
)

from callveil.pipelines.cli import COMMANDS, main
from callveil.pipelines.exits import USAGE
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.files.filesystem import Files

SECRET = "Wilhelmina Testperson lives at 12 Nowhere Street"


class Place:
    """A folder with an input, a policy and whatever a test writes into it; runs commands there."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.env = folder, environment(folder)
        self.write("policy.yaml", PLAIN)
        write_lines(folder / "in.jsonl", [call(1), call(2)])

    def write(self, name: str, text: str) -> str:
        """Write a file and return its path."""
        (self.folder / name).write_text(text)
        return str(self.folder / name)

    def run(self, *words: str, **more: Any) -> Any:
        """Run a command; paths are relative to the folder."""
        return callveil(*words, env=self.env, cwd=self.folder, **more)

    def redact(
        self,
        *words: str,
        source: str = "in.jsonl",
        output: str = "store",
        policy: str = "policy.yaml",
    ) -> Any:
        """Run `callveil redact`."""
        return self.run(
            "redact",
            "--input",
            source,
            "--output",
            output,
            "--policy",
            policy,
            "--no-progress",
            *words,
        )


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def said(process: Any, code: int) -> str:
    """Standard error of a process that ended with `code` and printed no traceback."""
    assert process.returncode == code, (process.returncode, process.stdout, process.stderr)
    assert "Traceback" not in process.stderr
    return str(process.stderr)


# Help


def test_the_programs_own_help(place: Place) -> None:
    shown = new_interpreter("--help", env=place.env)
    assert shown.returncode == 0 and shown.stderr == ""
    for name, text in COMMANDS.items():
        assert name in shown.stdout and text in shown.stdout
    assert "exit codes" in shown.stdout and "callveil demo" in shown.stdout
    bare = place.run()
    assert (bare.returncode, bare.stdout) == (0, shown.stdout)
    assert place.run("--version").stdout.startswith("callveil 0.")


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_help_of_each_command(place: Place, name: str) -> None:
    shown = place.run(name, "--help")
    assert said(shown, 0) == ""
    assert shown.stdout.startswith(f"usage: callveil {name}")
    described = shown.stdout.split("\n\n", 1)[1]
    assert len(described) > 100
    options = [line.strip() for line in shown.stdout.splitlines() if line.strip().startswith("--")]
    assert all(len(line.split()) > 1 for line in options if "=" not in line)
    assert tree(place.folder / "tmp") == {}


def parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """A command's parser, or those of its actions."""
    below = [
        p
        for a in parser._actions
        if isinstance(a, argparse._SubParsersAction)
        for p in a.choices.values()
    ]
    yield from (leaf for p in below for leaf in parsers(p)) if below else (parser,)


LOADED = """
import contextlib, io, sys
from callveil.pipelines import cli

HEAVY = {"apache_beam", "spacy", "pyarrow", "presidio_analyzer", "presidio_anonymizer"}
HEAVY |= {"prometheus_client"}
for line in sys.stdin.read().splitlines():
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        try:
            code = cli.main(line.split())
        except SystemExit as end:
            code = end.code
    print(code, *(sys.modules.keys() & HEAVY))
"""
BESIDE = (
    "redact --output s --inptu x",
    "redact --output s --direct_num_worker=2",
    "redact --output gs://bucket/store",
    "history load --output s --folow 3",
    "history load --output s --follow 3",
    "rescan --store s --aply",
    "watch --output s --poll 0",
    "watch --output s --input i --poll 0",
    "retain explain --store s --record calls/1",
    "sample --output new --malformed 2",
    "bench --records 3",
    "audio redact --input a.wav --output a.wav",
    "receive --inbox i --secret-file f --threads 0",
    "evidence verify --store s --anchor x",
    "subject open --store s",
    "subject erase --store s --request R --keep all",
)


def test_help_and_mistakes_load_nothing_that_works() -> None:
    """Every command and action, each with `--help` and with a mistake, in one process."""
    lines = ["--help", "--version", "redcat"]
    for name in COMMANDS:
        parser = importlib.import_module(f"callveil.pipelines.arguments.{name}").build_parser()
        for leaf in parsers(parser):
            words = " ".join(leaf.prog.split()[1:])
            lines += [f"{name} --help", f"{words} --help", f"{words} --no-such-option"]
    lines += BESIDE
    shown = subprocess.run(
        [sys.executable, "-c", LOADED],
        input="\n".join(lines),
        capture_output=True,
        text=True,
        check=True,
    )
    ended = dict(zip(lines, shown.stdout.splitlines(), strict=True))
    assert {line: end for line, end in ended.items() if end not in ("0", "2")} == {}
    assert {line for line, end in ended.items() if end == "0"} == {
        line for line in lines if line == "--version" or line.endswith("--help")
    }


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_takes_the_common_options(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And says as JSON, where it was asked to, why it refuses a command line."""
    common = [
        "--json",
        "--no-progress",
        "--keyring",
        str(tmp_path / "none.json"),
        "--state",
        str(tmp_path / "state"),
    ]
    for leaf in parsers(
        importlib.import_module(f"callveil.pipelines.arguments.{name}").build_parser()
    ):
        assert {
            "--json",
            "--no-progress",
            "--keyring",
            "--state",
        } <= leaf._option_string_actions.keys(), leaf.prog
        assert main([*leaf.prog.split()[1:], *common, "--no-such-option"]) == USAGE, leaf.prog
        told = capsys.readouterr()
        error = json.loads(told.out)["error"]
        assert error["exit_code"] == USAGE and error["message"] in told.err


# Exit codes


def test_0_and_3_and_the_summary(place: Place) -> None:
    done = place.redact()
    assert said(done, 0) == ""
    assert "2  snapshots read" in done.stdout and "by kind: call 2" in done.stdout
    write_lines(place.folder / "more.jsonl", [call(3)])
    with (place.folder / "more.jsonl").open("a") as f:
        f.write('{"id": 5, "account_id": 41, "notes": "' + SECRET + "\n")
    some = place.redact(source="more.jsonl")
    assert said(some, 3) == ""
    assert "bad_json" in some.stdout and "callveil rejected list --store store" in some.stdout
    assert "Wilhelmina" not in some.stdout
    listed = place.run("rejected", "list", "--store", "store")
    assert (
        said(listed, 0) == ""
        and "more.jsonl, line 2" in listed.stdout
        and "bad_json" in listed.stdout
        and "Wilhelmina" not in listed.stdout
    )


def test_1_where_the_store_is_damaged(place: Place) -> None:
    place.redact()
    latest = place.folder / "store" / "_callveil" / "latest.json"
    latest.write_text("{}")
    write_lines(place.folder / "more.jsonl", [call(3)])
    assert "latest.json" in said(place.redact(source="more.jsonl"), 1)


FAILURES: tuple[tuple[str, dict[str, str], tuple[str, ...]], ...] = (
    ("a place that cannot be written", {"output": "/proc/nowhere/store"}, ("/proc/nowhere",)),
)


@pytest.mark.parametrize(("why", "how", "told"), FAILURES, ids=[f[0] for f in FAILURES])
def test_1_where_the_output_cannot_be_written(
    place: Place, why: str, how: dict[str, str], told: tuple[str, ...]
) -> None:
    message = said(place.redact(**how), 1)
    assert all(t in message for t in told), message


ACCOUNTS = (
    '{"account_id": 41, "type": "agency", "effective_at": "2026-01-01"}\n{"account_id": '
    "42, "
    '"type": "giant", "effective_at": "2026-01-01"}\n'
)
REQUEST = '{"account_id": 41, "interaction_id": 7, "scope": "some", "reason": "r", "actor": "a"}\n'
MISTAKES: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("no input there", ("--input", "none*.jsonl"), ("none*.jsonl", "Check the path")),
    (
        "a file where the store should be",
        ("--output", "in.jsonl"),
        ("--output in.jsonl", "is a file; name a folder"),
    ),
    ("no such preset", ("--policy", "gdrp"), ("gdrp", "Presets are gdpr")),
    (
        "a bad policy",
        ("--policy", "bad.yaml"),
        (
            "bad.yaml:4:1: entites",
            "did you mean entities?",
            "bad.yaml:5:7: mode",
            "none, content, full",
        ),
    ),
    (
        "bad accounts",
        ("--accounts", "accounts.jsonl"),
        ("accounts.jsonl:2: type", "individual, agency"),
    ),
    (
        "bad requests",
        ("--requests", "requests.jsonl"),
        ("requests.jsonl:1: scope", "all, field, span, time"),
    ),
    ("a bad time", ("--as-of", "yesterday"), ("--as-of", "2026-11-24T06:00:00Z")),
    ("no keyring", ("--keyring", "notes.txt"), ("notes.txt", "not JSON")),
    ("an open keyring", ("--keyring", "open.json"), ("open.json", "chmod 600")),
    ("a foreign scheme", ("--input", "gs://bucket/x"), ("gs://bucket/x", "s3://bucket/key")),
    ("a misspelt option", ("--inptu", "x"), ("--inptu", "did you mean --input?")),
    (
        "a misspelt option of Beam",
        ("--direct_num_worker=2",),
        ("--direct_num_worker", "did you mean --direct_num_workers?"),
    ),
    ("a word too many", ("--json", "stray"), ("belong to no option",)),
)


@pytest.mark.parametrize(("why", "words", "told"), MISTAKES, ids=[m[0] for m in MISTAKES])
def test_2_says_what_and_where(
    place: Place, why: str, words: tuple[str, ...], told: tuple[str, ...]
) -> None:
    place.write(
        "bad.yaml", "version: 1\nname: mine\nextends: gdpr\nentites: {}\nmode: everything\n"
    )
    place.write("accounts.jsonl", ACCOUNTS)
    place.write("requests.jsonl", REQUEST)
    os.chmod(place.write("notes.txt", "no keys"), 0o600)
    os.chmod(place.write("open.json", "{}"), 0o644)
    message = said(place.redact(*words), 2)
    assert all(t in message for t in told), message
    assert not (place.folder / "store" / "_callveil" / "manifests").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("redcat",), "did you mean redact?"),
        (("what",), "no such command"),
        (("redact",), "--output"),
        (("schema", "nothing"), "redacted_interaction"),
        (("policy", "check", "none.yaml"), "none.yaml: cannot be read"),
        (("sample", "--output", "."), "is not empty"),
        (("demo", "--output", "."), "is not empty"),
        (("sample", "--output", "new", "--malformed", "2"), "[0, 1)"),
        (("evaluate", "--gold", "none.jsonl"), "none.jsonl: cannot be opened"),
        (("explain", "--text", " "), "is empty"),
        (
            ("reveal", "[NAME:t1.00]", "--keyring", "none.json"),
            "none.json: there is no keyring here",
        ),
    ],
)
def test_2_of_other_commands(place: Place, words: tuple[str, ...], told: str) -> None:
    assert told in said(place.run(*words), 2)


def test_every_mistake_in_a_policy_is_told_as_json(place: Place) -> None:
    place.write("bad.yaml", "version: 1\nname: mine\nentites: {}\nmode: everything\n")
    checked = place.run("policy", "check", "bad.yaml", "--json")
    assert said(checked, 2) == ""
    assert [(p["line"], p["field"]) for p in json.loads(checked.stdout)["problems"]] == [
        (3, "entites"),
        (4, "mode"),
    ]


# Faults


@pytest.fixture(
    params=[
        ("callveil.transforms.jobs.batch.store_beam", "write_shard"),
        ("callveil.pipelines.redact_job", "_changes"),
    ],
    ids=["worker", "main"],
)
def broken(request: pytest.FixtureRequest, place: Place) -> Iterator[tuple[Place, Any]]:
    words = (
        "redact",
        "--input",
        "in.jsonl",
        "--output",
        "store",
        "--policy",
        "policy.yaml",
        "--no-progress",
    )
    yield (
        place,
        killed_commands.command(
            *words, env=place.env, cwd=place.folder, fault=(*request.param, SECRET)
        ),
    )


def test_a_fault_is_told_by_kind_and_place_and_its_text_is_not(broken: tuple[Place, Any]) -> None:
    place, failed = broken
    message = said(failed, 1)
    assert re.search(r"callveil redact: ValueError in \w+ \([\w/.]+\.py:\d+\)\.", message), message
    assert "Wilhelmina" not in message + failed.stdout and "CALLVEIL_TRACEBACK=1" in message
    assert Store.open(Files(), str(place.folder / "store")).current().seq == 0
    assert said(place.redact(), 0) == ""
    assert len(rows(Store.open(Files(), str(place.folder / "store")), "interactions")) == 2
    assert leftovers(place.folder / "store") == []


def test_a_fault_is_shown_whole_on_request(place: Place) -> None:
    words = (
        "redact",
        "--input",
        "in.jsonl",
        "--output",
        "store",
        "--policy",
        "policy.yaml",
        "--no-progress",
    )
    env = place.env | {"CALLVEIL_TRACEBACK": "1"}
    failed = killed_commands.command(
        *words,
        env=env,
        cwd=place.folder,
        fault=("callveil.pipelines.redact_job", "_changes", SECRET),
    )
    assert failed.returncode == 1 and "Traceback" in failed.stderr and SECRET in failed.stderr


# Forms of output


def test_json_is_one_document_and_nothing_else(place: Place) -> None:
    done = place.redact("--json")
    assert said(done, 0) == ""
    report = json.loads(done.stdout)
    told = {
        "run_id",
        "seq",
        "repeated",
        "dry_run",
        "counts",
        "workers",
        "files_added",
        "files_removed",
        "seconds",
        "peak_memory_bytes",
        "not_read",
    }
    assert (
        set(report) == told | {"emptied"}
        and "audio" in report["emptied"]["cleared"]
        and "campaign" in report["emptied"]["labelled"]
    )
    assert (report["seq"], report["counts"]["in"], report["counts"]["redacted"]) == (1, 2, 2)
    assert report["seconds"] > 0 and report["peak_memory_bytes"] > 10 << 20
    again = json.loads(place.redact("--json").stdout)
    assert again["repeated"] and again["run_id"] == report["run_id"] and "emptied" not in again
    for words in (
        ("rejected", "list", "--store", "store", "--json"),
        ("policy", "show", "pci", "--json"),
        ("schema", "interaction"),
    ):
        assert isinstance(json.loads(place.run(*words).stdout), dict)


@pytest.mark.parametrize("flag", ["--dry-run", "--dry_run"])
def test_a_dry_run_writes_nothing_however_it_is_spelt(place: Place, flag: str) -> None:
    place.redact("--as-of", "2026-11-01")
    write_lines(place.folder / "more.jsonl", [call(1, duration=99), call(3)])
    before = tree(place.folder)
    dry = place.redact(flag, "--json", "--as_of=2026-11-03", source="more.jsonl")
    assert said(dry, 0) == ""
    report = json.loads(dry.stdout)
    assert report["dry_run"] and report["seq"] == 0 and report["counts"]["redacted"] == 2
    assert tree(place.folder) == before
    nowhere = place.redact(flag, output="nowhere")
    assert (
        "nothing was changed" in nowhere.stdout
        and "no key brings a value back\n  cleared: " in nowhere.stdout
    )
    assert not (place.folder / "nowhere").exists()


def test_without_input_it_says_what_it_does(place: Place) -> None:
    place.redact()
    idle = place.run(
        "redact",
        "--output",
        "store",
        "--policy",
        "policy.yaml",
        "--no-progress",
        "--as-of",
        "2026-11-02",
    )
    assert "no --input" in said(idle, 0)


def test_progress_is_told_on_standard_error_only(place: Place) -> None:
    """A short run without a terminal prints no progress, and its standard output is the summary
    alone.
    """
    done = place.run(
        "redact", "--input", "in.jsonl", "--output", "store", "--policy", "policy.yaml", "--json"
    )
    assert done.stderr == "" and json.loads(done.stdout)["seq"] == 1
