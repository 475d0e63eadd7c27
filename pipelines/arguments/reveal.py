"""Command line of `callveil reveal`."""

from __future__ import annotations

import argparse

from callveil.pipelines.options import command_parser, with_common

DESCRIPTION = """\
Turn a reversible token, such as [EMAIL_ADDRESS:t1.4f0c...], back into the text it stands for.

Only policies with `operator: token` make tokens, and only the keyring of that run opens them. A
token of scope `account` or `call` opens only with the account (and interaction) it was found in.
The text is printed to standard output."""


def build_parser() -> argparse.ArgumentParser:
    """Return the command's options."""
    p = command_parser("reveal", DESCRIPTION)
    p.add_argument("token", help="the token, brackets included; - reads it from standard input")
    p.add_argument("--account", default="", help="account the token was found in")
    p.add_argument("--interaction", default="", help="interaction the token was found in")
    return with_common(p)
