"""`callveil train`: make the names model anew, or one that knows your own conversations."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from callveil.pipelines.exits import DONE, FailedError, UsageError
from callveil.pipelines.options import add_list, with_common
from callveil.pipelines.summary import print_json

DESCRIPTION = """\
Train the spaCy pipeline that finds people, places, addresses and organizations in call text.

It learns from generated calls, requests and messages, and from labelled conversations you add: JSON
lines of
  {"id", "source", "turns": [{"speaker", "text"}], "spans": [{"turn", "start", "end", "type"}]}
Names, places and addresses labelled there are swapped for generated ones, so that the model does
not learn the people of a corpus, and no text of a corpus is kept in the model's folder. Equal seed,
files, number of steps and machine give equal weights.

The folder gets the pipeline and a model card with what it was trained on and its figures on
held-out generated talk and on each --test file. A policy takes it with `detect: {model: FOLDER}`."""  # noqa: E501

EPILOG = """\
examples:
  callveil train --output names-model/
  callveil train --output names-model/ --data labelled/*.jsonl --test dev.jsonl --steps 14000
  callveil train --output quick/ --steps 200 --width 64 --depth 2           to see that it works

On one core 1,000 steps (about a million words) take a minute and a half. Exit codes: 0 done, 1
failed, 2 usage"""


def build_parser() -> argparse.ArgumentParser:
    """Return the command's options."""
    raw = argparse.RawDescriptionHelpFormatter
    p = argparse.ArgumentParser(
        prog="callveil train", description=DESCRIPTION, epilog=EPILOG, formatter_class=raw
    )
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


def main(argv: Sequence[str]) -> int:
    """Run the command; returns its exit code."""
    args = build_parser().parse_args(argv)
    if args.output.exists() and (not args.output.is_dir() or any(args.output.iterdir())):
        raise UsageError(f"--output: {args.output} is not empty; name a new folder")
    for path in (*args.data, *args.test):
        if not path.is_file():
            raise UsageError(f"{path}: no such file")
    # Imported here: the trainer loads spaCy, which a wrong command line need not wait for.
    from callveil.transforms.lab.train.card import describe_model, metrics_table
    from callveil.transforms.lab.train.corpus import CorpusError
    from callveil.transforms.lab.train.trainer import train_model

    said = " ".join(
        [
            "callveil train",
            *(f"--data {p.name}" for p in args.data),
            f"--seed {args.seed} --steps {args.steps}",
        ]
    )
    said += f" --width {args.width} --depth {args.depth}"
    said += f" --minutes {args.minutes:g}" if args.minutes else ""
    try:
        report = train_model(
            args.output,
            args.seed,
            args.data,
            args.steps,
            args.width,
            args.depth,
            _say,
            args.minutes,
        )
        _say("taking figures")
        corpora = args.about or [p.name for p in args.data]
        card, figures = describe_model(report, {p.stem: p for p in args.test}, corpora, said)
    except CorpusError as error:
        raise UsageError(str(error)) from None
    except ValueError as error:
        raise FailedError(str(error)) from None
    if args.json:
        shape = {
            "seed": report.seed,
            "steps": report.steps,
            "width": report.width,
            "depth": report.depth,
            "bytes": report.size,
        }
        facts = {
            "words": report.words,
            "seconds": round(report.seconds, 1),
            "loss": round(report.loss, 5),
        }
        print_json({"folder": str(report.out), "card": str(card), **shape, **facts})
    else:
        print(metrics_table(figures))
        print(
            f"\n{report.out}: {report.size / 1e6:.1f} MB after {report.steps:,} steps and "
            f"{report.seconds / 60:.0f} minutes; {card}"
        )
        print(f"Use it in a policy: detect: {{model: {report.out}}}")
    return DONE


def _say(line: str) -> None:
    print(f"callveil train: {line}", file=sys.stderr, flush=True)
