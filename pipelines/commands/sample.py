"""`callveil sample`: generated input to try things on."""

from __future__ import annotations

import argparse
import datetime as dt
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from callveil.pipelines.exits import DONE, UsageError
from callveil.pipelines.options import with_common
from callveil.pipelines.summary import print_json
from callveil.transforms.lab.sample.convert import ConvertError, convert_conversations
from callveil.transforms.lab.sample.version_files import write_versions
from callveil.transforms.lab.sample.write import FORMATS, SampleSummary, write_sample

DESCRIPTION = """\
Write generated call-tracking data: accounts, and calls with dialogues, texts, chats and forms, as a
platform would send them.

Nobody in it exists. Names are drawn from lists, numbers from ranges set aside for fiction, cards
from test prefixes. The same seed gives the same bytes. With --gold, every planted value is written
down beside the data, so that a redaction can be measured.

With --dialogues, labelled conversations (JSON lines of {"id", "turns": [{"speaker", "text"}]}) are
turned into platform-shaped calls instead."""

EPILOG = """\
examples:
  callveil sample --output day/
  callveil sample --output big/ --interactions 100000 --accounts 300 --malformed 0.05 --gold
  callveil sample --output day/ --versions 8                    version logs beside the interactions
  callveil sample --output calls/ --dialogues conversations.jsonl"""


def build_parser() -> argparse.ArgumentParser:
    """Return the command's options."""
    p = argparse.ArgumentParser(
        prog="callveil sample",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    p.add_argument(
        "--output",
        required=True,
        type=Path,
        metavar="FOLDER",
        help="folder to write to; must be empty or new",
    )
    p.add_argument("--seed", type=int, default=1, help="seed (default 1)")
    p.add_argument("--interactions", type=int, default=1000, help="interactions (default 1000)")
    p.add_argument("--accounts", type=int, default=20, help="accounts (default 20)")
    p.add_argument("--days", type=int, default=7, help="days they spread over (default 7)")
    p.add_argument(
        "--end",
        type=dt.date.fromisoformat,
        default=dt.date(2026, 11, 1),
        metavar="DATE",
        help="the day after the last one (default 2026-11-01)",
    )
    p.add_argument(
        "--malformed",
        type=float,
        default=0.0,
        metavar="SHARE",
        help="share of records to break, 0 to 1 (default 0)",
    )
    p.add_argument(
        "--no-snapshots",
        action="store_true",
        help="one record per interaction, no repeated snapshots",
    )
    p.add_argument(
        "--formats",
        nargs="+",
        choices=FORMATS,
        default=list(FORMATS),
        help="forms to write in (default: all)",
    )
    p.add_argument(
        "--gold",
        action="store_true",
        help="also write every planted value, in clear, to gold.jsonl",
    )
    p.add_argument(
        "--versions",
        type=int,
        default=0,
        metavar="N",
        help="also write version logs: N objects of each account (default 0: none)",
    )
    p.add_argument(
        "--dialogues",
        nargs="+",
        type=Path,
        metavar="FILE",
        help="turn these conversations into calls instead",
    )
    p.add_argument("--json", action="store_true", help="print the summary as JSON")
    return with_common(p)


def main(argv: Sequence[str]) -> int:
    """Run the command; returns its exit code."""
    args = build_parser().parse_args(argv)
    if args.output.exists() and (not args.output.is_dir() or any(args.output.iterdir())):
        raise UsageError(f"{args.output}: is not empty, or a file; name a new folder")
    if (
        not 0 <= args.malformed < 1
        or min(args.interactions, args.accounts, args.days) < 1
        or args.versions < 0
    ):
        raise UsageError(
            "--malformed lies in [0, 1); --interactions, --accounts and --days are at least 1"
        )
    if args.dialogues:
        try:
            count = convert_conversations(args.dialogues, args.output, args.seed, args.end)
        except ConvertError as error:
            raise UsageError(str(error)) from None
        print_json({"interactions": count, "output": str(args.output)}) if args.json else print(
            f"{count:,} conversations written to {args.output} as calls"
        )
        return DONE
    summary = make_sample(args)
    if args.json:
        print_json(asdict(summary))
    else:
        print(
            f"{summary.interactions:,} generated interactions of {summary.accounts} accounts "
            f"({summary.records:,} records, {summary.bytes / 1e6:,.1f} MB) in {args.output}"
        )
        if args.versions:
            print(
                f"version logs: callveil history load --input {args.output}/versions --accounts "
                f"{args.output}/accounts.jsonl --output store/"
            )
        print(
            f"redact them: callveil redact --input {args.output}/interactions --accounts "
            f"{args.output}/accounts.jsonl --output store/"
        )
    return DONE


def make_sample(args: argparse.Namespace) -> SampleSummary:
    """Write the sample, with progress on a terminal."""
    shown = sys.stderr.isatty() and not args.json

    def progress(done: int) -> None:
        if shown and done % 1000 == 0:
            print(f"\r{done:,} of {args.interactions:,}", end="", file=sys.stderr, flush=True)

    summary = write_sample(
        args.output,
        args.seed,
        args.interactions,
        args.accounts,
        args.days,
        args.end,
        malformed=args.malformed,
        snapshots=not args.no_snapshots,
        gold=args.gold,
        formats=tuple(args.formats),
        progress=progress,
    )
    if args.versions:
        write_versions(
            args.output,
            args.seed,
            args.versions,
            args.accounts,
            args.days,
            args.end,
            gold=args.gold,
        )
    if shown:
        print("\r", end="", file=sys.stderr)
    return summary
