"""Command line of `callveil demo`."""

from __future__ import annotations

import argparse
from pathlib import Path

from callveil.pipelines.exits import UsageError
from callveil.pipelines.options import add_policy, command_parser, with_common

DESCRIPTION = """\
Generate a small day of calls, texts, chats and forms, redact it, and show what happened: the
summary, and excerpts before and after.

The people are generated; that is why their words can be shown. Everything is written below
--output, a keyring of its own included."""


def build_parser() -> argparse.ArgumentParser:
    """Return the command's options."""
    p = command_parser("demo", DESCRIPTION)
    p.add_argument(
        "--output",
        type=Path,
        default=Path("callveil-demo"),
        metavar="FOLDER",
        help="folder to write to, empty or new (default: callveil-demo)",
    )
    p.add_argument("--seed", type=int, default=7, help="seed of the sample (default 7)")
    p.add_argument("--interactions", type=int, default=150, help="interactions (default 150)")
    add_policy(p, "policy (default: gdpr)")
    p.add_argument(
        "--json", action="store_true", help="print the summary as JSON, without excerpts"
    )
    return with_common(p)


def check_arguments(args: argparse.Namespace) -> None:
    """Refuse a command line that does not fit together."""
    if args.output.exists() and (not args.output.is_dir() or any(args.output.iterdir())):
        raise UsageError(
            f"{args.output}: is not empty, or a file; name a new folder with --output, or remove it"
        )
