"""Command line of `callveil redact`."""

from __future__ import annotations

import argparse

from callveil.pipelines.options import (
    add_list,
    add_output,
    add_policy,
    add_store,
    add_time,
    add_workers,
    check_places,
    command_parser,
    passes_to_beam,
    with_common,
)
from callveil.schemas.policy_load import PRESETS

DESCRIPTION = """\
Redact call interactions into a store of Parquet files.

Input may be JSON lines, API pages, webhook bodies, JSON arrays, JSON that runs together (Firehose)
or Parquet; files, folders, globs or s3:// URLs. The content tells, whatever the names: also inside
gzip, zstd, bzip2 and zip. Names that begin with . or _ or end in .tmp or ~ are passed over; any
other file that is not read is named with the reason. The store gets three datasets: interactions
(redacted), findings (what was found where, without the values), and rejected (what could not be
read, with the reason; its content is encrypted). A reader sees a whole run or none of it.

The same command again does nothing; interrupted and started again, it goes on where it was."""


EPILOG = """\
examples:
  callveil redact --input day/interactions --accounts day/accounts.jsonl --output store/
  callveil redact --input 's3://raw/2026-11-*/*.jsonl.gz' --output s3://clean/calls --policy
  policy.yaml --accounts accounts.csv
  callveil redact --output store/ --requests takedowns.csv      no new input: apply manual requests and redact what has grown old
  callveil redact --input day/interactions --output store/ --runner FlinkRunner --flink_master
  localhost:8081

With no --runner the job runs here, on all cores where the work is worth it. Any option of Apache
Beam may follow.

exit codes: 0 done, 1 failed,
2 usage, or a store of other keys or one that was set back, 3 done with rejected records or with
files that were not read, 4 nothing to read: nothing was done"""


def build_parser() -> argparse.ArgumentParser:
    """Return the command's own options."""
    p = command_parser("redact", DESCRIPTION, EPILOG, allow_abbrev=False)
    add_list(p, "--input", "WHERE", "files, folders, globs or s3:// URLs to read")
    add_output(p)
    add_policy(
        p, f"{', '.join(PRESETS)}, or a YAML file (default: gdpr); see `callveil policy show`"
    )
    add_list(
        p, "--accounts", "WHERE", "account records (JSON lines, JSON, CSV, Parquet): type by time"
    )
    add_list(p, "--requests", "WHERE", "manual redaction requests (JSON lines, JSON, CSV, YAML)")
    add_time(
        p, "--as-of", "the run's time, from which ages are counted (default: today, 00:00 UTC)"
    )
    p.add_argument(
        "--dry-run",
        action="store_true",
        help="do all the work but change nothing; says what would be done",
    )
    p.add_argument("--shard-rows", type=int, default=None, metavar="N", help=argparse.SUPPRESS)
    add_workers(p)
    add_store(p)
    passes_to_beam(p)
    return with_common(p)


def check_arguments(args: argparse.Namespace) -> None:
    """Refuse a command line that does not fit together."""
    check_places(args.output, *args.input, *args.accounts, *args.requests)
