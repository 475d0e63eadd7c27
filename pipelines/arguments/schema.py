"""Command line of `callveil schema`."""

from __future__ import annotations

import argparse

from callveil.pipelines.exits import UsageError
from callveil.pipelines.options import add_list, add_policy, add_store, command_parser, with_common
from callveil.schemas.policy_load import PRESETS
from callveil.schemas.publish import JSON_SCHEMAS

DESCRIPTION = """\
Print the schema of a record: as JSON Schema, or as the Arrow schema its Parquet files have.
Both come from the same definitions the job itself uses.

With --contract: the data contract of a store's tables, YAML in the form of the Open Data Contract
Standard (ODCS) 3.2 (JSON with --json), for a catalog or `datacontract lint`: every column with its
type, what it holds and its class of personal data; keys, partitions, retention and quality."""

EPILOG = """\
examples:
  callveil schema finding --arrow
  callveil schema --contract --store s3://bucket/store --policy acme.yaml > contract.odcs.yaml
  callveil schema --contract --table interactions findings"""


def build_parser() -> argparse.ArgumentParser:
    """Return the command's options."""
    p = command_parser("schema", DESCRIPTION, EPILOG)
    names = sorted(JSON_SCHEMAS)
    p.add_argument(
        "name",
        nargs="?",
        choices=names,
        help=f"one of {', '.join(names)}; without it, all names are listed",
    )
    p.add_argument("--arrow", action="store_true", help="the Arrow schema instead of JSON Schema")
    p.add_argument(
        "--contract", action="store_true", help="the data contract of a store's tables (ODCS)"
    )
    add_list(p, "--table", "NAME", "with --contract: only these tables")
    p.add_argument(
        "--store",
        metavar="STORE",
        help="with --contract: folder or s3:// URL of the store, to be named as the server; "
        "without it, servers are left to be filled in",
    )
    add_policy(
        p,
        f"with --contract: policy whose retention rules are promised: {', '.join(PRESETS)}, or a "
        "YAML file (default: gdpr)",
    )
    add_store(p)
    return with_common(p)


def check_arguments(args: argparse.Namespace) -> None:
    """Refuse a command line that does not fit together."""
    if args.contract and (args.name or args.arrow):
        raise UsageError(
            "--contract: is of tables; leave out the record's name and --arrow, and choose tables "
            "with --table"
        )
    for flag, given in (
        ("--table", args.table),
        ("--store", args.store),
        ("--policy", args.policy),
    ):
        if given and not args.contract:
            raise UsageError(f"{flag}: goes with --contract")
