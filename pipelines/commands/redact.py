"""`callveil redact`: the main job."""

from __future__ import annotations

import argparse
import time

from callveil.pipelines.attempts import RunResult
from callveil.pipelines.exits import DONE, REJECTED
from callveil.pipelines.logs import tell
from callveil.pipelines.options import beam_options, files_of, refuse_workers, start_of_today
from callveil.pipelines.redact import run_redact
from callveil.pipelines.redact_options import RedactOptions
from callveil.pipelines.summary import as_dict, print_json, print_nothing_read, print_summary
from callveil.schemas.policy_document import emptied_columns, emptied_lines
from callveil.schemas.policy_load import load_policy
from callveil.transforms.execution.resources import peak_bytes
from callveil.transforms.ingest.chunks import NothingToRead


def run_checked(options: RedactOptions) -> tuple[RunResult, float, int]:
    """Run the job with the user's mistakes turned into usage errors. Returns the result, seconds,
    and peak memory in bytes, of all processes.
    """
    started = time.monotonic()
    result = run_redact(options)
    return result, time.monotonic() - started, peak_bytes()


def run(args: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    if not args.input and not args.requests:
        tell("no --input: only stored interactions that have grown old will be redacted further")
    options = RedactOptions(
        inputs=args.input,
        output=args.output,
        policy=load_policy(args.policy),
        as_of=args.as_of or start_of_today(),
        accounts=args.accounts,
        requests=args.requests,
        keyring=args.keyring,
        files=files_of(args),
        beam=beam_options(args.beam),
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
        return print_nothing_read(nothing, args.json)
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
