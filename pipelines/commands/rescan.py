"""`callveil rescan`: stored rows read again by the present rules."""

from __future__ import annotations

import argparse
import time
from collections import Counter

from rich.console import Console
from rich.table import Table

from callveil.pipelines.exits import DONE, REJECTED
from callveil.pipelines.options import beam_options, files_of, refuse_workers, start_of_today
from callveil.pipelines.rescan import RescanOptions, RescanResult, run_rescan
from callveil.pipelines.summary import print_json
from callveil.schemas.json_types import JsonObject
from callveil.schemas.policy_load import load_policy
from callveil.schemas.rejected import REASONS
from callveil.transforms.jobs.rescan.report import ZONES, count_kinds

NAMED = 20
"""Rows that are named on a terminal; --json names all."""


def run(args: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    options = RescanOptions(
        args.store,
        args.as_of or start_of_today(),
        load_policy(args.policy) if args.policy else None,
        args.apply,
        args.accounts,
        args.keyring,
        files_of(args),
        beam_options(args.beam),
        not args.no_progress,
        args.workers,
    )
    refuse_workers(args, options.beam)
    started = time.monotonic()
    result = run_rescan(options)
    if args.json:
        print_json(as_dict(result, args.apply) | {"seconds": round(time.monotonic() - started, 2)})
    else:
        _print(result, args, time.monotonic() - started)
    return REJECTED if result.unread else DONE


def as_dict(result: RescanResult, applied: bool) -> JsonObject:
    """JSON form of a result."""
    counts = Counter(result.counts)
    found = [kind._asdict() | {"count": n, "rows": rows} for kind, n, rows in count_kinds(counts)]
    return {
        "policy": result.policy.name,
        "policy_sha256": result.policy.sha256,
        "applied": applied,
        "run_id": result.run_id,
        "seq": result.seq,
        "finished_earlier": result.finished,
        "rows_read": {zone: counts[f"in.{zone}"] for zone in ZONES},
        "rows_affected": {zone: counts[f"affected.{zone}"] for zone in ZONES},
        "account_unknown": counts["account_unknown"],
        "found": found,
        "rows_unread": [row._asdict() for row in result.unread],
        "recordings_audible": [{"account_id": a, "id": i} for a, i in result.audible],
    }


def _print(result: RescanResult, args: argparse.Namespace, seconds: float) -> None:
    console = Console(highlight=False, soft_wrap=True, markup=False)
    told = as_dict(result, args.apply)
    rows = sum(told["rows_affected"].values())
    if result.finished:
        console.print(
            "an earlier rescan that was interrupted after it was published has been finished"
        )
    if result.seq:
        run = result.run_id[:16]
        console.print(f"run {run} · published as number {result.seq} · {args.store}")
    by = f"by policy {told['policy']} ({told['policy_sha256'][:12]})"
    console.print(f"read {_zones(told['rows_read'])} in {seconds:.1f} s {by}")
    if told["found"]:
        table = Table("entity type", "field", "in", "found", "rows", box=None, pad_edge=False)
        for f in told["found"]:
            table.add_row(f["entity"], f["field"], f["zone"], f"{f['count']:,}", f"{f['rows']:,}")
        console.print(table)
    done = "covered" if args.apply else "would be covered"
    console.print(f"{done}: {_zones(told['rows_affected'])}" if rows else "nothing more was found")
    if told["account_unknown"]:
        console.print(
            f"{told['account_unknown']:,} rows have no account record (give --accounts): an "
            "account's own name, numbers and places are taken for somebody's then"
        )
    _print_unread(console, result, args)
    if result.audible:
        names = _named([f"{account}/{key_id}" for account, key_id in result.audible])
        console.print(
            f"{len(result.audible):,} redacted recordings let hear what was found in their "
            f"transcripts; recordings are not covered here: {names}\n"
            "take the original of each and cover it with callveil audio redact (see --help)"
        )
    if rows and not args.apply:
        console.print(
            f"cover it: callveil rescan --store {args.store} --apply (with the same options)"
        )


def _print_unread(console: Console, result: RescanResult, args: argparse.Namespace) -> None:
    reasons: Counter[tuple[str, str]] = Counter((row.zone, row.reason) for row in result.unread)
    for (zone, reason), number in sorted(reasons.items()):
        rows = (r for r in result.unread if (r.zone, r.reason) == (zone, reason))
        names = _named([f"{row.account_id}/{row.id}" for row in rows])
        went = "went" if args.apply else "would go"
        console.print(
            f"{number:,} rows of {zone} could not be read again and {went} to the rejected zone: "
            f"{reason}: {REASONS[reason]}: {names}"
        )
    if result.unread and args.apply:
        console.print(f"see them: callveil rejected list --store {args.store}")


def _zones(numbers: dict[str, int]) -> str:
    names = {"interactions": "interactions", "versions": "versions", "live": "records of watch"}
    return ", ".join(f"{n:,} {names[zone]}" for zone, n in numbers.items() if n) or "nothing"


def _named(names: list[str]) -> str:
    more = f" and {len(names) - NAMED:,} more (--json names all)" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
