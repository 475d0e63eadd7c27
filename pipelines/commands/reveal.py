"""`callveil reveal`: open a reversible token."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from callveil.pipelines.exits import DONE, FailedError, UsageError
from callveil.pipelines.options import with_common
from callveil.pipelines.summary import print_json
from callveil.transforms.redact.operators import TokenError, reveal_token
from callveil.transforms.storage.checkpoints.store_identity import refuse_replaced
from callveil.transforms.storage.encryption.keyring import Keyring, KeyringError
from callveil.transforms.storage.files.filesystem import Files

DESCRIPTION = """\
Turn a reversible token, such as [EMAIL_ADDRESS:t1.4f0c...], back into the text it stands for.

Only policies with `operator: token` make tokens, and only the keyring of that run opens them. A
token of scope `account` or `call` opens only with the account (and interaction) it was found in.
The text is printed to standard output."""


def build_parser() -> argparse.ArgumentParser:
    """Return the command's options."""
    p = argparse.ArgumentParser(
        prog="callveil reveal",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    p.add_argument("token", help="the token, brackets included; - reads it from standard input")
    p.add_argument("--account", default="", help="account the token was found in")
    p.add_argument("--interaction", default="", help="interaction the token was found in")
    p.add_argument("--keyring", metavar="FILE", help="keyring file")
    return with_common(p)


def main(argv: Sequence[str]) -> int:
    """Run the command; returns its exit code."""
    args = build_parser().parse_args(argv)
    sealed = sys.stdin.readline().strip() if args.token == "-" else args.token  # noqa: S105
    try:
        refuse_replaced(Files(state=args.state), args.keyring)
        text = reveal_token(sealed, Keyring.load(args.keyring), args.account, args.interaction)
    except KeyringError as error:
        raise UsageError(str(error)) from None
    except TokenError as error:
        raise FailedError(str(error)) from None
    print_json({"text": text}) if args.json else print(text)
    return DONE
