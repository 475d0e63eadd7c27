"""Command line of `callveil bench`."""

from __future__ import annotations

import argparse
from pathlib import Path

from callveil.pipelines.exits import UsageError
from callveil.pipelines.options import add_policy, at_least_one, command_parser, with_common

LEAST = 200
"""Interactions below which what is measured is how a run starts."""
UTILISATION = 0.6
DESCRIPTION = """\
Measure what `callveil redact` costs on this machine, and tell what a million and a billion calls a year need.

Interactions are generated (nobody in them exists), or yours are taken (--input). They are redacted into a store that is thrown away,
with one process and with all cores; then stock Presidio, with the same language model and asked for what the policy does not keep, and
the spaCy pipeline alone read the same conversations: turn by turn, and whole.

  CPU      of all processes, start-up included. An interaction's is that of a run less the start of one, which is measured too
  memory   of all processes together, at most
  store    bytes of every dataset an interaction ends in, evidence included

Ratios are of this one run: what else the machine does slows all alike, so they hold where the seconds do not. Wall time does not:
for that, the machine should be idle. What a year needs is counted from measured cost, and each figure says how."""


EPILOG = f"""\
examples:
  callveil bench --records 2000
  callveil bench --records 20000 --utilisation 0.5 --policy pci --json
  callveil bench --input calls/2026-11-24/ --accounts accounts.csv

An input is measured as it is: take a day, or a part of one. A copy of it in redacted form, and, sealed, in raw form, lies in a temporary
folder meanwhile (--folder, else TMPDIR). Fewer than {LEAST} interactions are refused: most of what would be measured is how a run starts.
2,000 take about four minutes of one core, 20,000 half an hour.

exit codes: 0 done, 1 failed, 2 usage"""


def build_parser() -> argparse.ArgumentParser:
    """Return the command's options."""
    p = command_parser("bench", DESCRIPTION, EPILOG)
    what = p.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "--records",
        type=at_least_one,
        metavar="N",
        help=f"generate so many interactions, {LEAST} at least",
    )
    what.add_argument(
        "--input",
        nargs="+",
        metavar="WHERE",
        help="or take these files or folders, as `redact` does",
    )
    p.add_argument(
        "--accounts", nargs="+", default=[], metavar="WHERE", help="account records for --input"
    )
    add_policy(p)
    p.add_argument(
        "--utilisation",
        type=_share,
        default=UTILISATION,
        metavar="SHARE",
        help=f"share of the cores' time a year's work may take (default {UTILISATION}): the rest "
        "is for peaks",
    )
    p.add_argument("--seed", type=int, default=1, help="of what is generated (default 1)")
    p.add_argument(
        "--folder",
        type=Path,
        metavar="FOLDER",
        help="where to work (default: TMPDIR); what is written is removed",
    )
    return with_common(p)


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = 0.0
    if not 0 < share <= 1:
        raise argparse.ArgumentTypeError("expected a share above 0, such as 0.6, and at most 1")
    return share


def check_arguments(args: argparse.Namespace) -> None:
    """Refuse a command line that does not fit together."""
    if args.records is not None and args.records < LEAST:
        raise UsageError(
            f"--records {args.records}: too few to tell anything; a run takes seconds to start, so "
            f"give {LEAST} at least, better 2,000"
        )
    if args.records is not None and args.accounts:
        raise UsageError(
            "--accounts: is for --input; generated interactions come with accounts of their own"
        )
    if args.folder and not args.folder.is_dir():
        raise UsageError(f"--folder {args.folder}: is no folder")
