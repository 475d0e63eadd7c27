"""`callveil sample`: generated input to try things on."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict

from callveil.pipelines.exits import DONE
from callveil.pipelines.logs import logs_json
from callveil.pipelines.summary import print_json
from callveil.transforms.lab.sample.convert import convert_conversations
from callveil.transforms.lab.sample.version_files import write_versions
from callveil.transforms.lab.sample.write import SampleSummary, write_sample


def run(args: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    if args.dialogues:
        count = convert_conversations(args.dialogues, args.output, args.seed, args.end)
        print_json({"interactions": count, "output": str(args.output)}) if args.json else print(
            f"{count:,} conversations written to {args.output} as calls"
        )
        return DONE
    summary = make_sample(args)
    if args.json:
        print_json(asdict(summary))
    else:
        print(
            f"{summary.interactions:,} generated interactions of {summary.accounts} accounts "
            f"({summary.records:,} records, {summary.bytes / 1e6:,.1f} MB) in {args.output}"
        )
        if args.versions:
            print(
                f"version logs: callveil history load --input {args.output}/versions --accounts "
                f"{args.output}/accounts.jsonl --output store/"
            )
        print(
            f"redact them: callveil redact --input {args.output}/interactions --accounts "
            f"{args.output}/accounts.jsonl --output store/"
        )
    return DONE


def make_sample(args: argparse.Namespace) -> SampleSummary:
    """Write the sample, with progress on a terminal."""
    shown = sys.stderr.isatty() and not args.json and not logs_json()

    def progress(done: int) -> None:
        if shown and done % 1000 == 0:
            print(f"\r{done:,} of {args.interactions:,}", end="", file=sys.stderr, flush=True)

    summary = write_sample(
        args.output,
        args.seed,
        args.interactions,
        args.accounts,
        args.days,
        args.end,
        malformed=args.malformed,
        snapshots=not args.no_snapshots,
        gold=args.gold,
        formats=tuple(args.formats),
        progress=progress,
    )
    if args.versions:
        write_versions(
            args.output,
            args.seed,
            args.versions,
            args.accounts,
            args.days,
            args.end,
            gold=args.gold,
        )
    if shown:
        print("\r", end="", file=sys.stderr)
    return summary
