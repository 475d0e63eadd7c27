"""`callveil rescan`: stored rows read again by the present rules."""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from callveil.pipelines.commands.redact import own_spelling
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
from callveil.pipelines.rescan import NoPolicy, RescanOptions, RescanResult, run_rescan
from callveil.pipelines.summary import print_json
from callveil.schemas.rejected import REASONS
from callveil.transforms.detect.pipeline import ModelError
from callveil.transforms.ingest.accounts import AccountsError
from callveil.transforms.ingest.discover import InputError
from callveil.transforms.jobs.rescan.report import ZONES, count_kinds
from callveil.transforms.storage.commit.catalog import PublishConflict, StoreError
from callveil.transforms.storage.encryption.keyring import KeyringError
from callveil.transforms.storage.files.urls import FilesError, is_s3

DESCRIPTION = """\
Read what a store holds already (interactions, the change history, the records that `callveil watch`
has redacted) by the rules of this version, and tell by kind what they would cover more: field,
entity type, how often, in how many rows; never a value. Nothing is changed.

With --apply it is covered: rows are rewritten in one published run, findings and a signed record
say so, and the files they were in are purged. Interrupted and started again, it goes on where it
was; once it is done, a second one finds nothing. It never uncovers: what was redacted is gone.

The policy is the newest one the store was decided by, as it is kept there. A preset that this
version has made stricter comes in by its name: --policy gdpr.

A row that cannot be read again (exit code 3) is named. With --apply it leaves the store for the
rejected zone, encrypted: what nobody can show to be clean is not left readable.
`callveil rejected list` shows it. A later copy of such an interaction is not taken in again; a
record of watch is, after `callveil recordings retry`.

Full redaction by age stays the work of `callveil redact` and `history`, and what is set aside at a
person's request is read once it is back.

Recordings are not listened to again. Where more was found in the transcript of one that was
redacted before, it is named: what is found now can still be heard in it. Take its original (from
where it landed, or with `callveil recordings original`) and cover it anew with
`callveil audio redact`."""

EPILOG = """\
examples:
  callveil rescan --store store/ --accounts accounts.csv             what would be covered
  callveil rescan --store store/ --accounts accounts.csv --apply     cover it
  callveil rescan --store s3://clean/calls --policy pci --accounts accounts.csv --json

With no --runner the job runs here, on all cores where the work is worth it. Any option of Apache
Beam may follow.

exit codes: 0 done, 1 failed and nothing was published, 2 usage, or a store of other keys or one
that was set back, 3 done, but some rows could not be read again"""

NAMED = 20
"""Rows that are named on a terminal; --json names all."""


def build_parser() -> argparse.ArgumentParser:
    """Return the command's own options."""
    p = argparse.ArgumentParser(
        prog="callveil rescan",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    p.add_argument(
        "--store", required=True, metavar="STORE", help="folder or s3:// URL of the store"
    )
    p.add_argument(
        "--policy",
        metavar="NAME|FILE",
        help="gdpr, pci, hipaa, ccpa, gdpr-attribution, or a YAML file (default: the newest one in "
        "the store)",
    )
    p.add_argument(
        "--apply", action="store_true", help="cover what is found; without it nothing is changed"
    )
    add_list(
        p,
        "--accounts",
        "WHERE",
        "account records, as `redact` and `history` were given them: an account's own name, "
        "numbers and places are nobody's personal data",
    )
    p.add_argument(
        "--as-of",
        type=parse_as_of,
        metavar="TIME",
        help="the time that stands in what is written (default: today, 00:00 UTC)",
    )
    p.add_argument("--json", action="store_true", help="print what was found as JSON")
    p.add_argument("--no-progress", action="store_true", help="no progress on standard error")
    add_workers(p)
    add_store(p)
    return with_common(p)


def main(argv: Sequence[str]) -> int:
    """Run the command; returns its exit code."""
    own = build_parser()
    args, rest = own.parse_known_args(own_spelling(own, argv))
    for place in (args.store, *args.accounts):
        try:
            is_s3(place)
        except ValueError as error:
            raise UsageError(f"{place}: {error}") from None
    options = RescanOptions(
        args.store,
        args.as_of or start_of_today(),
        policy_of(args.policy) if args.policy else None,
        args.apply,
        args.accounts,
        args.keyring,
        files_of(args),
        beam_options(rest),
        not args.no_progress,
        args.workers,
    )
    refuse_workers(args, options.beam)
    started = time.monotonic()
    try:
        result = run_rescan(options)
    except (InputError, AccountsError, KeyringError, ModelError, NoPolicy) as error:
        raise UsageError(str(error)) from None
    except (StoreError, FilesError, PublishConflict) as error:
        raise FailedError(str(error)) from None
    if args.json:
        print_json(as_dict(result, args.apply) | {"seconds": round(time.monotonic() - started, 2)})
    else:
        _print(result, args, time.monotonic() - started)
    return REJECTED if result.unread else DONE


def as_dict(result: RescanResult, applied: bool) -> dict[str, Any]:
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
