"""Command line of `callveil store`."""

from __future__ import annotations

import argparse

from callveil.pipelines.options import (
    add_list,
    add_store,
    add_store_place,
    command_parser,
    with_common,
)

ENGINES = ("duckdb", "spark", "trino", "athena", "pyiceberg", "pandas", "polars")

DESCRIPTION = """\
A store's tables, as other engines read them. Every dataset is an Apache Iceberg table (format 2);
all tables change together, by one swap, so a query sees a whole run or none.

  tables    list the tables, and print for each engine the statement that reads them
  upgrade   make the tables of a store that has none: one that an earlier version wrote
  relocate  make the tables anew at the place where the store is now, after it was copied or moved:
            Iceberg holds absolute paths. No row is read or written

Any run that writes to a store does what upgrade and relocate do; they are for stores that should
be read before the next run. A query may fail once where a run has purged files under it, such as
those of rows that were erased; repeat it."""

EPILOG = """\
examples:
  callveil store tables --store store/ --engine duckdb
  callveil store tables --store s3://clean/calls --table interactions findings --json
  callveil store upgrade --store store/
  callveil store relocate --store /mnt/restored/store

exit codes: 0 done, or nothing to do; 1 failed; 2 usage, or a store of other keys or one that was
set back"""


def build_parser() -> argparse.ArgumentParser:
    """Return the command's options."""
    p = command_parser("store", DESCRIPTION, EPILOG)
    actions = p.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, text in (
        ("tables", "list tables, and statements that read them"),
        ("upgrade", "make the tables of a store of an earlier version"),
        ("relocate", "make the tables anew after the store was copied or moved"),
    ):
        a = actions.add_parser(name, help=text, description=text, allow_abbrev=False)
        add_store_place(a)
        if name == "tables":
            add_list(a, "--table", "NAME", "only these tables")
            a.add_argument(
                "--engine", choices=ENGINES, help="statements of one engine; default: all of them"
            )
        else:
            a.add_argument(
                "--dry-run", action="store_true", help="say what would be made, and change nothing"
            )
        add_store(a)
    return with_common(p)
