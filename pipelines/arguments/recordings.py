"""Command line of `callveil recordings`."""

from __future__ import annotations

import argparse
from pathlib import Path

from callveil.pipelines.options import add_store, add_store_place, command_parser, with_common

DESCRIPTION = """\
Look at the recordings that `callveil watch` has redacted.

  list      one line per recording: length, what was covered, or why it was rejected
  export    the same as Parquet, one row per recording
  original  a sealed original, decrypted into a file. Needs the keyring. The file holds personal
            data: delete it after use
  retry     forget rejected recordings and records once the cause is mended, so that the next
            `callveil watch` takes them in anew"""


def build_parser() -> argparse.ArgumentParser:
    """Return the command's options."""
    p = command_parser("recordings", DESCRIPTION)
    actions = p.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, text in (
        ("list", "list recordings"),
        ("export", "write them as Parquet"),
        ("original", "decrypt a sealed original"),
        ("retry", "forget rejected ones, so that they are taken in anew"),
    ):
        a = actions.add_parser(name, help=text)
        add_store_place(a)
        add_store(a)
        if name == "list":
            a.add_argument("--status", choices=["done", "rejected"], help="only these")
            a.add_argument(
                "--limit", type=int, default=50, help="lines at most (default 50; 0: all)"
            )
        elif name == "export":
            a.add_argument(
                "--out",
                required=True,
                metavar="FILE",
                help="Parquet file to write, a path or s3:// URL; replaced if it is there",
            )
        elif name == "original":
            a.add_argument(
                "--account", required=True, metavar="ID", help="account of the interaction"
            )
            a.add_argument("--id", required=True, metavar="ID", help="the interaction")
            a.add_argument(
                "--number",
                type=int,
                default=1,
                metavar="N",
                help="which of the call's recordings, in the order of `list` (default 1)",
            )
            a.add_argument(
                "--out",
                required=True,
                type=Path,
                metavar="FILE",
                help="file to write; made with mode 0600, never overwritten",
            )
        else:
            a.add_argument("--reason", help="only those rejected for this reason")
            a.add_argument("--dry-run", action="store_true", help="say which; change nothing")
    return with_common(p)
