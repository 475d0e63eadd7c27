"""Command line of `callveil schema`."""

from __future__ import annotations

import argparse

from callveil.pipelines.options import command_parser, with_common
from callveil.schemas.publish import JSON_SCHEMAS

DESCRIPTION = """\
Print the schema of a record: as JSON Schema, or as the Arrow schema its Parquet files have.
Both come from the same definitions the job itself uses."""


def build_parser() -> argparse.ArgumentParser:
    """Return the command's options."""
    p = command_parser("schema", DESCRIPTION)
    names = sorted(JSON_SCHEMAS)
    p.add_argument(
        "name",
        nargs="?",
        choices=names,
        help=f"one of {', '.join(names)}; without it, all names are listed",
    )
    p.add_argument("--arrow", action="store_true", help="the Arrow schema instead of JSON Schema")
    return with_common(p)
