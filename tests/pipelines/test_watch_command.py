"""`callveil watch` from the command line: usage, dry run, exit codes."""

from __future__ import annotations

import os

import pytest
from support.landed_calls import noise

from callveil.pipelines import cli


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--output", "s"], "nothing to watch"),
        (["--input", "in"], "arguments are required: --output"),
        (["--input", "ftp://x", "--output", "s"], "ftp:// is not supported"),
        (["--input", "in", "--output", "s", "--name", "{id}"], "--name"),
        (["--queue", "calls", "--output", "s"], "--queue: a queue is named by its URL"),
        (["--input", "in", "--output", "s", "--poll", "0"], "--poll"),
        (["--input", "in", "--output", "s", "--onse"], "neither callveil nor Beam has this option"),
        (["--input", "in", "--output", "s", "--dry-run"], "--dry-run: goes with --once"),
        (["--input", "in", "--output", "s", "--once", "--policy", "nope.yaml"], "cannot be read"),
    ],
)
def test_mistakes_are_usage_errors_that_say_what_is_wrong(args, said, capsys):
    assert cli.main(["watch", *args]) == 2
    assert said in capsys.readouterr().err


def test_without_a_runner_that_streams_it_says_how_to_get_one(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("callveil.pipelines.watch.find_prism", lambda: None)
    where = [
        "--input",
        str(tmp_path),
        "--output",
        str(tmp_path / "s"),
        "--keyring",
        str(tmp_path / "k.json"),
    ]
    assert cli.main(["watch", *where]) == 2
    assert "go install github.com/apache/beam" in capsys.readouterr().err


def test_a_dry_run_says_what_would_be_taken_in_and_changes_nothing(tmp_path, capsys):
    folder = tmp_path / "in" / "17"
    folder.mkdir(parents=True)
    (folder / "1.wav").write_bytes(noise(1))
    (folder / "1.json").write_text("{}")
    (folder / "1.doc").write_text("?")
    for path in folder.iterdir():
        os.utime(path, (1_790_000_000, 1_790_000_000))
    where = [
        "--input",
        str(tmp_path / "in"),
        "--output",
        str(tmp_path / "store"),
        "--keyring",
        str(tmp_path / "k.json"),
        "--once",
    ]
    assert cli.main(["watch", *where, "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert "17/1.wav: recording of 17/1" in out
    assert "17/1.json: interactions" in out
    assert "17/1.doc: text that is neither JSON nor a table" in out
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in"]
    assert cli.main(["watch", *where]) == 3
    assert cli.main(["watch", *where, "--dry-run"]) == 0
    assert "1.doc" not in capsys.readouterr().out.splitlines()[-1]
