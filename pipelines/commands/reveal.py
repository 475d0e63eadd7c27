"""`callveil reveal`: open a reversible token."""

from __future__ import annotations

import argparse
import sys

from callveil.pipelines.exits import DONE
from callveil.pipelines.summary import print_json
from callveil.transforms.redact.operators import reveal_token
from callveil.transforms.storage.checkpoints.store_identity import refuse_replaced
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.files.filesystem import Files


def run(args: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    sealed = sys.stdin.readline().strip() if args.token == "-" else args.token  # noqa: S105
    refuse_replaced(Files(state=args.state), args.keyring)
    text = reveal_token(sealed, Keyring.load(args.keyring), args.account, args.interaction)
    print_json({"text": text}) if args.json else print(text)
    return DONE
