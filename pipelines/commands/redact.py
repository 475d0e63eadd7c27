"""`callveil redact`: the main job."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

from callveil.pipelines.attempts import RunResult
from callveil.pipelines.exits import DONE, REJECTED, FailedError, UsageError
from callveil.pipelines.options import (
    add_list,
    add_store,
    add_workers,
    beam_options,
    files_of,
    parse_as_of,
    policy_of,
    refuse_workers,
    start_of_today,
    with_common,
)
from callveil.pipelines.redact import run_redact
from callveil.pipelines.redact_options import ReconciliationError, RedactOptions
from callveil.pipelines.summary import as_dict, print_json, print_nothing_read, print_summary
from callveil.schemas.policy_document import emptied_columns, emptied_lines
from callveil.schemas.policy_load import PRESETS
from callveil.transforms.detect.models import ModelError
from callveil.transforms.execution.resources import peak_bytes
from callveil.transforms.ingest.accounts import AccountsError
from callveil.transforms.ingest.chunks import NothingToRead
from callveil.transforms.ingest.discover import InputError
from callveil.transforms.ingest.requests import RequestsError
from callveil.transforms.storage.commit.catalog import StoreError
from callveil.transforms.storage.encryption.keyring import KeyringError
from callveil.transforms.storage.files.urls import FilesError, is_s3

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
files that were not read, 4 nothing to read: nothing was done"""  # noqa: E501


def build_parser() -> argparse.ArgumentParser:
    """Return the command's own options."""
    p = argparse.ArgumentParser(
        prog="callveil redact",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_list(p, "--input", "WHERE", "files, folders, globs or s3:// URLs to read")
    p.add_argument(
        "--output",
        required=True,
        metavar="STORE",
        help="folder or s3:// URL of the store; made on first use",
    )
    p.add_argument(
        "--policy",
        metavar="NAME|FILE",
        help=f"{', '.join(PRESETS)}, or a YAML file (default: gdpr); see `callveil policy show`",
    )
    add_list(
        p, "--accounts", "WHERE", "account records (JSON lines, JSON, CSV, Parquet): type by time"
    )
    add_list(p, "--requests", "WHERE", "manual redaction requests (JSON lines, JSON, CSV, YAML)")
    p.add_argument(
        "--as-of",
        type=parse_as_of,
        metavar="TIME",
        help="the run's time, from which ages are counted (default: today, 00:00 UTC)",
    )
    p.add_argument(
        "--dry-run",
        action="store_true",
        help="do all the work but change nothing; says what would be done",
    )
    p.add_argument("--json", action="store_true", help="print the summary as JSON")
    p.add_argument("--no-progress", action="store_true", help="no progress on standard error")
    p.add_argument("--shard-rows", type=int, default=None, metavar="N", help=argparse.SUPPRESS)
    add_workers(p)
    add_store(p)
    return with_common(p)


def run_checked(options: RedactOptions) -> tuple[RunResult, float, int]:
    """Run the job with the user's mistakes turned into usage errors. Returns the result, seconds,
    and peak memory in bytes, of all processes.
    """
    started = time.monotonic()
    try:
        result = run_redact(options)
    except NothingToRead:
        raise
    except (InputError, AccountsError, RequestsError, KeyringError, ModelError) as error:
        raise UsageError(str(error)) from None
    return result, time.monotonic() - started, peak_bytes()


def own_spelling(own: argparse.ArgumentParser, argv: Sequence[str]) -> list[str]:
    """Return options as this command spells them. Beam's have underscores, and it knows a
    `--dry_run` of its own: passed on, that would be a real run.
    """
    out = []
    for word in argv:
        flag, equals, value = word.partition("=")
        dashed = flag.replace("_", "-")
        out.append(
            dashed + equals + value
            if flag.startswith("--") and dashed in own._option_string_actions
            else word
        )
    return out


def main(argv: Sequence[str]) -> int:
    """Run the command; returns its exit code."""
    own = build_parser()
    args, rest = own.parse_known_args(own_spelling(own, argv))
    for place in (args.output, *args.input, *args.accounts, *args.requests):
        try:
            is_s3(place)
        except ValueError as error:
            raise UsageError(f"{place}: {error}") from None
    if not args.input and not args.requests:
        print(
            "callveil redact: no --input: only stored interactions that have grown old will be "
            "redacted further",
            file=sys.stderr,
        )
    options = RedactOptions(
        inputs=args.input,
        output=args.output,
        policy=policy_of(args.policy),
        as_of=args.as_of or start_of_today(),
        accounts=args.accounts,
        requests=args.requests,
        keyring=args.keyring,
        files=files_of(args),
        beam=beam_options(rest),
        dry_run=args.dry_run,
        progress=not args.no_progress,
        workers=args.workers,
    )
    refuse_workers(args, options.beam)
    if args.shard_rows:
        from dataclasses import replace

        options = replace(options, shard_rows=args.shard_rows)
    try:
        result, seconds, peak = run_checked(options)
    except NothingToRead as nothing:
        return print_nothing_read("redact", nothing, args.json)
    except (StoreError, FilesError, ReconciliationError) as error:
        raise FailedError(str(error)) from None
    first = result.dry_run or (
        result.seq == 1 and not result.repeated
    )  # from then on a store has been made by a policy that was looked at
    if args.json:
        print_json(
            as_dict(result, seconds, peak)
            | ({"emptied": emptied_columns(options.policy)} if first else {})
        )
    else:
        print_summary(result, args.output, seconds, peak)
        if first:
            print("\n".join(emptied_lines(options.policy)))
    return REJECTED if result.counts.get("rejected") or result.not_read else DONE
