"""Command line of `callveil sample`."""

from __future__ import annotations

import argparse
import datetime as dt
from pathlib import Path

from callveil.pipelines.exits import UsageError
from callveil.pipelines.options import command_parser, with_common
from callveil.transforms.lab.sample import FORMATS

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
    p = command_parser("sample", DESCRIPTION, EPILOG)
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
    return with_common(p)


def check_arguments(args: argparse.Namespace) -> None:
    """Refuse a command line that does not fit together."""
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
