"""Command line of `callveil rejected`."""

from __future__ import annotations

import argparse
from pathlib import Path

from callveil.pipelines.options import add_store, add_store_place, command_parser, with_common
from callveil.schemas.rejected import RETRYABLE

DESCRIPTION = """\
Look at the rejected zone of a store.

  list     one line per rejected record: file, line or record, field, reason. No content is shown.
  export   decrypt the content into a file, to mend it and feed it in again. Needs the keyring. The
           file holds personal data: delete it after use."""


def build_parser() -> argparse.ArgumentParser:
    """Return the command's options."""
    p = command_parser("rejected", DESCRIPTION)
    actions = p.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, text in (
        ("list", "list rejected records"),
        ("export", "decrypt rejected content into a file"),
    ):
        a = actions.add_parser(name, help=text)
        add_store_place(a)
        a.add_argument("--reason", help="only this reason")
        a.add_argument(
            "--retryable",
            action="store_true",
            help="only what another try may read as it is (" + ", ".join(sorted(RETRYABLE)) + ")",
        )
        a.add_argument("--run", help="only this run (id or its beginning)")
        add_store(a)
        if name == "list":
            a.add_argument(
                "--limit", type=int, default=50, help="lines at most (default 50; 0: all)"
            )
        else:
            a.add_argument(
                "--out",
                required=True,
                type=Path,
                metavar="FILE",
                help="file to write, one record a line; made with mode 0600, never overwritten",
            )
    return with_common(p)
