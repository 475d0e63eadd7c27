"""`callveil schema`: the published schemas."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from callveil.pipelines.exits import DONE
from callveil.pipelines.options import with_common
from callveil.pipelines.summary import print_json
from callveil.schemas.arrow import ARROW_SCHEMAS
from callveil.schemas.publish import json_schemas

DESCRIPTION = """\
Print the schema of a record: as JSON Schema, or as the Arrow schema its Parquet files have.
Both come from the same definitions the job itself uses."""


def build_parser() -> argparse.ArgumentParser:
    """Return the command's options."""
    p = argparse.ArgumentParser(
        prog="callveil schema",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    names = sorted(set(json_schemas()) | set(ARROW_SCHEMAS))
    p.add_argument(
        "name",
        nargs="?",
        choices=names,
        help=f"one of {', '.join(names)}; without it, all names are listed",
    )
    p.add_argument("--arrow", action="store_true", help="the Arrow schema instead of JSON Schema")
    return with_common(p)


def main(argv: Sequence[str]) -> int:
    """Run the command; returns its exit code."""
    p = build_parser()
    args = p.parse_args(argv)
    documents, arrows = json_schemas(), ARROW_SCHEMAS
    if args.name is None:
        names = sorted(set(documents) | set(arrows))
        print_json(names) if args.json else print("\n".join(names))
    elif args.arrow:
        if args.name not in arrows:
            p.error(f"{args.name} is stored as JSON and has no Arrow schema")
        shown = arrows[args.name].to_string(show_field_metadata=False)
        print_json({"name": args.name, "arrow": shown}) if args.json else print(shown)
    elif args.name not in documents:
        p.error(f"{args.name} has an Arrow schema only: add --arrow")
    else:
        print_json(documents[args.name])
    return DONE
