"""Command line of `callveil explain`."""

from __future__ import annotations

import argparse

from callveil.pipelines.options import add_policy, command_parser, with_common

DESCRIPTION = """\
Show for each piece of a text or of one interaction what found it and what becomes of it:
recognizer, pattern or question that decided, context words, score and threshold, the policy's
operator, and which of several overlapping findings won.

It prints your own text, personal data and all, to standard output. Nothing is stored or logged."""


EPILOG = """\
examples:
  callveil explain --text 'my number is four one five, five five five, oh one oh one'
  callveil explain --text - --policy pci < transcript.txt          lines may begin with `Agent:` and `Caller:`
  callveil explain --interaction day/calls.jsonl:17 --json          line 17; of an API page or Parquet file the 17th record

exit codes: 0 done, 2 usage, 3 the job would reject this record"""


def build_parser() -> argparse.ArgumentParser:
    """Return the command's options."""
    p = command_parser("explain", DESCRIPTION, EPILOG)
    what = p.add_mutually_exclusive_group(required=True)
    what.add_argument("--text", metavar="TEXT", help="a text; - reads standard input")
    what.add_argument(
        "--interaction",
        metavar="FILE[:LINE]",
        help="an interaction in any format `callveil redact` reads; without LINE the first one",
    )
    add_policy(p)
    p.add_argument(
        "--account-type",
        default="unknown",
        choices=["individual", "agency", "unknown"],
        help="type of the account (default unknown)",
    )
    return with_common(p)
