"""`callveil schema`: the published schemas, and the data contract of a store's tables."""

from __future__ import annotations

import argparse

import yaml

from callveil.pipelines.exits import DONE, UsageError
from callveil.pipelines.options import files_of
from callveil.pipelines.summary import print_json
from callveil.schemas.arrow import ARROW_SCHEMAS
from callveil.schemas.policy_load import load_policy
from callveil.schemas.publish import JSON_SCHEMAS


def run(args: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    if args.contract:
        _print_contract(args)
    elif args.name is None:
        names = sorted(JSON_SCHEMAS)
        print_json(names) if args.json else print("\n".join(names))
    elif not args.arrow:
        print_json(JSON_SCHEMAS[args.name]())
    elif args.name in ARROW_SCHEMAS:
        shown = ARROW_SCHEMAS[args.name].to_string(show_field_metadata=False)
        print_json({"name": args.name, "arrow": shown}) if args.json else print(shown)
    else:
        raise UsageError(f"{args.name} is stored as JSON and has no Arrow schema")
    return DONE


def _print_contract(args: argparse.Namespace) -> None:
    from callveil.transforms.report.contract import data_contract
    from callveil.transforms.storage.checkpoints.store_identity import open_store

    root = open_store(files_of(args), args.store, args.keyring).root if args.store else ""
    contract = data_contract(args.table, load_policy(args.policy).retention.rules, root)
    if args.json:
        print_json(contract)
    else:
        print(yaml.safe_dump(contract, sort_keys=False, allow_unicode=True, width=100), end="")
