"""Command line of `callveil train`."""

from __future__ import annotations

import argparse
from pathlib import Path

from callveil.pipelines.exits import UsageError
from callveil.pipelines.options import add_list, command_parser, with_common

DESCRIPTION = """\
Train the spaCy pipeline that finds people, places, addresses and organizations in call text.

It learns from generated calls, requests and messages, and from labelled conversations you add: JSON
lines of
  {"id", "source", "turns": [{"speaker", "text"}], "spans": [{"turn", "start", "end", "type"}]}
Names, places and addresses labelled there are swapped for generated ones, so that the model does
not learn the people of a corpus, and no text of a corpus is kept in the model's folder. Equal seed,
files, number of steps and machine give equal weights.

The folder gets the pipeline and a model card with what it was trained on and its figures on
held-out generated talk and on each --test file. A policy takes it with `detect: {model: FOLDER}`."""


EPILOG = """\
examples:
  callveil train --output names-model/
  callveil train --output names-model/ --data labelled/*.jsonl --test dev.jsonl --steps 14000
  callveil train --output quick/ --steps 200 --width 64 --depth 2           to see that it works

On one core 1,000 steps (about a million words) take a minute and a half. Exit codes: 0 done, 1
failed, 2 usage"""


def build_parser() -> argparse.ArgumentParser:
    """Return the command's options."""
    p = command_parser("train", DESCRIPTION, EPILOG)
    p.add_argument(
        "--output", required=True, type=Path, metavar="FOLDER", help="folder to write, empty or new"
    )
    p.add_argument(
        "--data",
        nargs="+",
        action="extend",
        default=[],
        type=Path,
        metavar="FILE",
        help="labelled conversations to learn from",
    )
    p.add_argument(
        "--test",
        nargs="+",
        action="extend",
        default=[],
        type=Path,
        metavar="FILE",
        help="labelled conversations to take figures on",
    )
    add_list(p, "--about", "TEXT", "for the card: source and licence of each --data file")
    p.add_argument("--seed", type=int, default=0, help="seed (default 0)")
    p.add_argument(
        "--steps", type=int, default=14_000, help="updates of about 1,000 words (default 14,000)"
    )
    p.add_argument(
        "--width",
        type=int,
        default=96,
        help="columns of a word's vector, a multiple of 8 from 16 to 128 (default 96)",
    )
    p.add_argument("--depth", type=int, default=4, help="window layers, 1 to 8 (default 4)")
    p.add_argument(
        "--minutes",
        type=float,
        help="stop after this long if that is sooner than --steps; not reproducible on another "
        "machine",
    )
    p.add_argument("--json", action="store_true", help="print what was trained as JSON")
    return with_common(p)


def check_arguments(args: argparse.Namespace) -> None:
    """Refuse a command line that does not fit together."""
    if args.output.exists() and (not args.output.is_dir() or any(args.output.iterdir())):
        raise UsageError(f"--output: {args.output} is not empty; name a new folder")
    for path in (*args.data, *args.test):
        if not path.is_file():
            raise UsageError(f"{path}: no such file")
