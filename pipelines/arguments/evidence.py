"""Command line of `callveil evidence`."""

from __future__ import annotations

import argparse
from pathlib import Path

from callveil.pipelines.exits import UsageError
from callveil.pipelines.options import (
    add_list,
    add_store,
    add_store_place,
    command_parser,
    with_common,
)

DESCRIPTION = """\
Every run of a job leaves a signed record: its files, their SHA-256, a commitment to every row, and
the digest of the record before it.

  key      show the public key, which checks signatures and may be given to anybody; change to a new
           key
  verify   check a store, offline, with the public key alone: says which byte, row, file or run is
           not what was signed
  head     print the newest records' digests, to be kept outside (on paper, in a ticket): that the
           newest ones were cut off shows only against them
  seal     make a checkpoint of the live zone: commit to what `callveil watch` has redacted, and to
           what else has changed there, since the last one;
           watch does it every five minutes and at the end of --once, `retain` and `subject` after
           what they purge
  anchor   have the newest records timestamped by an authority (RFC 3161), which is sent a digest
           and nothing else; verify checks that with --tsa-cert
  sign     make records for runs that have none: those a store had before evidence was kept
  owner    show whose a store is: its keys, its operator, and the controller of each account (the
           agency it belongs to, else itself); or state them
  accept   take a store as it stands for the newest state, after it was put back from a copy, or
           made anew, on purpose

The newest state that was seen of a store is remembered on this machine (--state), and every command
refuses one that is older. A copy elsewhere, or another machine, has nothing to compare with but
what --anchor gives.

Rows are committed to through a salt of their own. When retention or erasure takes a row out its
salt is destroyed; what stays is a tombstone that proves that a row was there and says nothing of
it. So the chain stays whole, and what is left is proven to be what was first written. Recordings
and records of the live zone are committed to in the same way, in a chain of checkpoints.

The signing key: $CALLVEIL_EVIDENCE_KEY (a PEM file, or kms:KEY for AWS KMS, or the PEM text), else
evidence-key.pem beside the keyring."""


EPILOG = """\
examples:
  callveil evidence key --out callveil-evidence.pem
  callveil evidence head --store s3://clean/calls
  callveil evidence verify --store copy-of-store/ --key callveil-evidence.pem --anchor 5f0c6a...
  callveil evidence verify --store copy-of-store/ --key callveil-evidence.pem --json
  callveil evidence seal --store s3://clean/calls
  callveil evidence anchor --store s3://clean/calls --tsa https://freetsa.org/tsr --tsa-cert tsa.crt
  cacert.pem

exit codes: 0 the store is what was signed, 1 it is not (seal: something was changed, without a good
reason), 2 usage, or a store of other keys or one that was set back"""


def build_parser() -> argparse.ArgumentParser:
    """Return the command's own options."""
    p = command_parser("evidence", DESCRIPTION, EPILOG)
    actions = p.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, text in (
        ("key", "show or change the signing key"),
        ("verify", "check a store against its evidence"),
        ("head", "print the digests of the newest records"),
        ("seal", "make a checkpoint of the live zone"),
        ("anchor", "have the newest records timestamped"),
        ("sign", "make records for runs that have none"),
        ("owner", "show or state whose a store is"),
        (
            "accept",
            "take a store as it stands for the newest state, after it was put back or made anew on "
            "purpose",
        ),
    ):
        a = actions.add_parser(name, help=text, description=text, allow_abbrev=False)
        if name != "key":
            add_store_place(a)
        if name == "key":
            a.add_argument(
                "--out", metavar="FILE", type=Path, help="write the public key (PEM) to a file"
            )
            a.add_argument(
                "--rotate",
                action="store_true",
                help="make a new key; the present one hands over to it, so its public half stays "
                "enough",
            )
        if name == "verify":
            add_list(a, "--key", "FILE", "public keys (PEM or DER); default: the signing key's own")
            add_list(a, "--anchor", "HASH", "digests of records noted outside (see head)")
            a.add_argument(
                "--quick",
                action="store_true",
                help="compare bytes only, and leave out the commitments of rows",
            )
            a.add_argument(
                "--limit", type=int, default=50, help="findings shown at most (default 50; 0: all)"
            )
        if name == "anchor":
            a.add_argument("--tsa", required=True, metavar="URL", help="the timestamp authority")
        if name in ("anchor", "verify"):
            add_list(a, "--tsa-cert", "FILE", "its certificates (PEM), to check timestamps by")
        if name == "owner":
            a.add_argument(
                "--operator",
                default="",
                metavar="NAME",
                help="who runs the store; $CALLVEIL_OPERATOR is compared with it",
            )
            add_list(
                a, "--controller", "ACCOUNT=NAME", "who is responsible for an account from now on"
            )
        if name == "seal":
            a.add_argument(
                "--all",
                action="store_true",
                help="look at every call, not only at those whose change was announced; the first "
                "one always does",
            )
        add_store(a)
    return with_common(p)


def check_arguments(args: argparse.Namespace) -> None:
    """Refuse a command line that does not fit together."""
    for digest in getattr(args, "anchor", ()):
        if not 16 <= len(digest) <= 64 or any(c not in "0123456789abcdefABCDEF" for c in digest):
            raise UsageError(
                "--anchor: expected a digest in hex, 16 to 64 digits, as `callveil evidence head` "
                "prints it"
            )
    for text in getattr(args, "controller", ()):
        account, _, controller = text.partition("=")
        if not (account and controller):
            raise UsageError("--controller: expected ACCOUNT=NAME")
