"""The parts of the commands that have no place in a run's result: options, the summary,
progress.
"""

from __future__ import annotations

import argparse
import datetime as dt
import io
import json
import os
import pty
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from support import killed_commands
from support.command_runs import AS_OF, PLAIN, call, environment, write_lines
from support.waiting import wait_for

from callveil.pipelines import progress
from callveil.pipelines.arguments import history
from callveil.pipelines.arguments.redact import build_parser
from callveil.pipelines.attempts import RunResult
from callveil.pipelines.exits import UsageError
from callveil.pipelines.faults import describe_error
from callveil.pipelines.flink_options import declare_flink_options
from callveil.pipelines.logs import configure_logging
from callveil.pipelines.options import (
    beam_option_names,
    beam_options,
    parse_arguments,
    parse_as_of,
    start_of_today,
)
from callveil.pipelines.summary import as_dict, print_summary
from callveil.schemas.account import AccountBook
from callveil.schemas.outcome import Outcome
from callveil.schemas.policy import PolicyError
from callveil.schemas.policy_load import load_policy
from callveil.schemas.rejected import REASONS
from callveil.transforms.jobs.batch.context import RedactJob, WorkCache
from callveil.transforms.jobs.batch.work_results import WorkResult
from callveil.transforms.redact.engine import RunColumns
from callveil.transforms.storage.commit.catalog import Snapshot
from callveil.transforms.storage.files.filesystem import Files

# Options


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("2026-11-24", dt.datetime(2026, 11, 24, tzinfo=dt.UTC)),
        ("2026-11-24T06:00:00Z", dt.datetime(2026, 11, 24, 6, tzinfo=dt.UTC)),
        ("2026-11-24T06:00:00", dt.datetime(2026, 11, 24, 6, tzinfo=dt.UTC)),
        ("2026-11-24T01:30:00-05:00", dt.datetime(2026, 11, 24, 6, 30, tzinfo=dt.UTC)),
    ],
)
def test_times(text: str, when: dt.datetime) -> None:
    assert parse_as_of(text) == when and parse_as_of(text).tzinfo is dt.UTC


@pytest.mark.parametrize("text", ["yesterday", "24.11.2026", "2026-13-01", ""])
def test_times_that_are_none(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="2026-11-24T06:00:00Z"):
        parse_as_of(text)


@settings(max_examples=50)
@given(st.datetimes(dt.datetime(1990, 1, 1), dt.datetime(2090, 1, 1), timezones=st.timezones()))
def test_a_time_means_the_same_moment_wherever_it_was_written(when: dt.datetime) -> None:
    whole = when.replace(microsecond=0)
    offset = whole.utcoffset() or dt.timedelta()
    if offset.total_seconds() % 60 == 0:
        assert parse_as_of(whole.isoformat()) == whole.astimezone(dt.UTC)


def test_today_is_one_moment_all_day() -> None:
    assert start_of_today().tzinfo is dt.UTC and (
        start_of_today().hour,
        start_of_today().minute,
        start_of_today().second,
        start_of_today().microsecond,
    ) == (0, 0, 0, 0)


def test_beam_gets_its_own_options_and_nothing_misspelt() -> None:
    found = beam_options(
        ["--runner", "FlinkRunner", "--flink_master=localhost:8081", "--direct_num_workers", "2"]
    ).get_all_options()
    assert (found["runner"], found["direct_num_workers"]) == ("FlinkRunner", 2)
    for words, told in (
        (["--runer", "x"], "did you mean --runner?"),
        (["--dryrun"], "did you mean --dry"),
        (["--zzz"], "neither callveil nor Beam"),
    ):
        with pytest.raises(UsageError, match=told.replace("?", r"\?")):
            parse_arguments(build_parser(), ["--output", "store", *words])
    with pytest.raises(UsageError, match="belong to no option"):
        parse_arguments(build_parser(), ["--output", "store", "--json", "stray"])


def test_options_with_underscores_are_callveils_where_it_has_them() -> None:
    words = [
        "--dry_run",
        "--as_of=2026-11-01",
        "--output",
        "a_b",
        "--direct_num_workers=2",
        "--input",
        "my_file",
    ]
    args = parse_arguments(build_parser(), words)
    assert args.dry_run and args.as_of == parse_as_of("2026-11-01")
    assert (args.output, args.input) == ("a_b", ["my_file"])
    assert args.beam == ["--direct_num_workers=2"]
    load = ["load", "--output", "a_b", "--dry_run"]  # below an action as well
    assert parse_arguments(history.build_parser(), load).dry_run


def test_names_of_beams_options_are_those_beam_takes() -> None:
    declare_flink_options()
    known = argparse.ArgumentParser(add_help=False, conflict_handler="resolve")
    todo: list[type[Any]] = [PipelineOptions]
    while todo:
        todo += (cls := todo.pop()).__subclasses__()
        cls._add_argparse_args(known)
    assert beam_option_names() == set(known._option_string_actions)


def test_a_policy_that_is_wrong_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text("version: 1\nname: mine\nmode: some\n")
    with pytest.raises(PolicyError, match=r"p\.yaml:3:7: mode"):
        load_policy(str(tmp_path / "p.yaml"))


def test_an_error_is_described_without_its_text() -> None:
    text = (
        'Traceback:\n  File "/x/transforms/redact/engine.py", line 7, in redact\nKeyError: '
        '"Wilhelmina" [while running "Detect"]'
    )
    told = describe_error(RuntimeError(text))
    assert (
        told.startswith("KeyError in redact (transforms/redact/engine.py:7).")
        and "Wilhelmina" not in told
    )
    assert "Wilhelmina" not in describe_error(ValueError("Wilhelmina")) and describe_error(
        ValueError("Wilhelmina")
    ).startswith("ValueError.")


# Summary


def shown(result: RunResult, output: str = "store/", width: int = 60) -> str:
    """The summary as text."""
    console = Console(file=io.StringIO(), width=width, force_terminal=False)
    print_summary(result, output, 12.34, 300 << 20, console)
    return str(console.file.getvalue())  # type: ignore[attr-defined]


COUNTS = {
    "in": 1234,
    "redacted": 1200,
    "superseded": 30,
    "rejected": 4,
    "findings": 9876,
    "finding.PERSON": 70,
    "finding.EMAIL_ADDRESS": 700,
    "kept.ORGANIZATION": 3,
    "mode.content": 1200,
    "kind.call": 1000,
    "kind.text": 200,
    "reason.bad_json": 3,
    "reason.too_deep": 1,
    "replayed": 0,
}


def test_the_summary_of_a_run() -> None:
    text = shown(RunResult("ab" * 32, 7, COUNTS, 12, 3))
    assert text.startswith("run abababababababab · published as number 7 · store/\n")
    for line in (
        "1,234  snapshots read",
        "1,200  interactions redacted",
        "30  older snapshots",
        "9,876  findings",
        "rejected 3: bad_json: not well-formed",
    ):
        assert line in text
    assert (
        "replaced by type: EMAIL_ADDRESS 700, PERSON 70" in text
        and "found and kept by policy: ORGANIZATION 3" in text
    )
    assert "snapshots older than" not in text, "counts of nothing are not shown"
    assert (
        "callveil rejected list --store store/" in text
        and "12.3 s, peak memory 300 MiB, 12 files written, 3 replaced" in text
    )


def test_the_summary_of_a_run_that_changed_nothing() -> None:
    dry = shown(RunResult("ab" * 32, 0, COUNTS, 12, 0, dry_run=True))
    assert dry.startswith("dry run: nothing was changed") and "rejected list" not in dry
    again = shown(RunResult("ab" * 32, 7, COUNTS, 12, 0, repeated=True))
    assert "had been published before" in again and "peak memory" not in again


@pytest.mark.parametrize(
    "output", ["a[b]c/", "x[/y]", "s3://bucket/a[bold]b", "/very/long/" + "path/" * 30]
)
def test_any_path_is_printed_as_it_is(output: str) -> None:
    text = shown(RunResult("ab" * 32, 7, COUNTS, 1, 0), output)
    assert f"published as number 7 · {output}\n" in text and f"--store {output}\n" in text


def test_every_reason_has_words() -> None:
    counts = {"in": 1, "rejected": 1} | {f"reason.{r}": 1 for r in REASONS}
    text = shown(RunResult("ab" * 32, 7, counts, 1, 0), width=300)
    assert all(f"{reason}: {words}" in text for reason, words in REASONS.items())


def test_the_summary_as_json() -> None:
    found = json.loads(json.dumps(as_dict(RunResult("ab", 7, COUNTS, 12, 3), 1.23456, 99)))
    assert (
        found["counts"] == COUNTS
        and found["seconds"] == 1.23
        and (found["files_added"], found["files_removed"]) == (12, 3)
    )


# Progress


@pytest.fixture
def job(tmp_path: Path) -> RedactJob:
    policy = load_policy("gdpr")
    run = RunColumns("ab" * 32, policy.sha256, policy.name, AS_OF)
    return RedactJob(
        run,
        policy,
        Files(),
        str(tmp_path / "store"),
        str(tmp_path / "k"),
        AccountBook(()),
        {},
        Snapshot(),
    )


def store(job: RedactJob, stage: str, name: str, **counts: int) -> None:
    """A piece of work is done."""
    WorkCache(job, stage, WorkResult).store(name, WorkResult(Outcome(counts=Counter(counts))))


def test_progress_is_read_from_what_is_done(
    job: RedactJob, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "QUIET_SECONDS", 0.0)
    configure_logging("redact")
    store(job, "ingest", "000000", **{"in": 1500, "rejected": 100})
    first = "read 1 of 2 pieces (1,400 interactions), redacted 0"
    second = "read 2 of 2 pieces (1,500 interactions), redacted 701"
    with progress.RunProgress(job, 2):
        wait_for("its first line", lambda: first in capsys.readouterr().err)
        store(job, "ingest", "000001", **{"in": 100})
        store(job, "shards", "a", redacted=700, rejected=1)
        wait_for("its last line", lambda: second in capsys.readouterr().err)


def test_progress_passes_over_what_it_cannot_read(
    job: RedactJob, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "QUIET_SECONDS", 0.0)
    configure_logging("redact")
    job.files.write(job.files.join(job.work, "done", "shards", "torn.json"), b"{")
    store(job, "shards", "a", redacted=3)
    with progress.RunProgress(job, 1):
        wait_for("its line", lambda: "redacted 3" in capsys.readouterr().err)


def test_no_progress_where_none_is_wanted(
    job: RedactJob, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "QUIET_SECONDS", 0.0)
    configure_logging("redact")
    before = threading.active_count()
    with progress.RunProgress(job, 1, show=False):
        assert threading.active_count() == before
    with pytest.raises(ValueError), progress.RunProgress(job, 1):
        raise ValueError("the run failed")
    assert threading.active_count() == before, "the thread ends with the run, however that ends"
    assert capsys.readouterr().err == ""


def test_on_a_terminal_there_is_a_bar_that_goes_away(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(PLAIN)
    write_lines(tmp_path / "in.jsonl", [call(n) for n in range(30)])
    ours, theirs = pty.openpty()
    seen: list[bytes] = []

    def read() -> None:
        try:
            while data := os.read(ours, 4096):
                seen.append(data)
        except OSError:  # the terminal is gone
            pass

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    words = [
        "redact",
        "--input",
        "in.jsonl",
        "--output",
        "store",
        "--policy",
        "policy.yaml",
        "--json",
        "--shard-rows",
        "2",
    ]
    env: dict[str, Any] = environment(tmp_path) | {"TERM": "xterm", "COLUMNS": "100"}
    process = killed_commands.forkserver().Process(
        target=killed_commands._apart,
        args=(words, env, str(tmp_path / "out"), os.ttyname(theirs), str(tmp_path), None),
    )
    process.start()
    process.join(120)
    os.close(theirs)
    reader.join(5)
    assert process.exitcode == 0
    text = b"".join(seen).decode()
    assert "reading input" in text and "redacting" in text and "\x1b[2K" in text, (
        "the bar is erased at the end"
    )
    assert json.loads((tmp_path / "out").read_text())["counts"]["redacted"] == 30
