"""`callveil schema`: the published schemas."""

from __future__ import annotations

import argparse

from callveil.pipelines.exits import DONE, UsageError
from callveil.pipelines.summary import print_json
from callveil.schemas.arrow import ARROW_SCHEMAS
from callveil.schemas.publish import JSON_SCHEMAS


def run(args: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    if args.name is None:
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
