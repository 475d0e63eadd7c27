"""`callveil bench`: what redaction costs here, and what a year's calls need."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from callveil.pipelines.bench import (
    LEAST,
    ROUNDS,
    SCALES,
    UTILISATION,
    BenchFigures,
    CapacityEstimate,
    RunCost,
    as_dict,
    estimate_capacity,
    run_bench,
)
from callveil.pipelines.beside import ALONE
from callveil.pipelines.exits import DONE, UsageError
from callveil.pipelines.options import at_least_one, policy_of, with_common
from callveil.pipelines.summary import print_json
from callveil.transforms.detect.pipeline import ModelError
from callveil.transforms.execution.resources import usable_cores
from callveil.transforms.ingest.discover import InputError

DESCRIPTION = """\
Measure what `callveil redact` costs on this machine, and tell what a million and a billion calls a year need.

Interactions are generated (nobody in them exists), or yours are taken (--input). They are redacted into a store that is thrown away,
with one process and with all cores; then stock Presidio, with the same language model and asked for what the policy does not keep, and
the spaCy pipeline alone read the same conversations: turn by turn, and whole.

  CPU      of all processes, start-up included. An interaction's is that of a run less the start of one, which is measured too
  memory   of all processes together, at most
  store    bytes of every dataset an interaction ends in, evidence included

Ratios are of this one run: what else the machine does slows all alike, so they hold where the seconds do not. Wall time does not:
for that, the machine should be idle. What a year needs is counted from measured cost, and each figure says how."""

EPILOG = f"""\
examples:
  callveil bench --records 2000
  callveil bench --records 20000 --utilisation 0.5 --policy pci --json
  callveil bench --input calls/2026-11-24/ --accounts accounts.csv

An input is measured as it is: take a day, or a part of one. A copy of it in redacted form, and, sealed, in raw form, lies in a temporary
folder meanwhile (--folder, else TMPDIR). Fewer than {LEAST} interactions are refused: most of what would be measured is how a run starts.
2,000 take about four minutes of one core, 20,000 half an hour.

exit codes: 0 done, 1 failed, 2 usage"""


def build_parser() -> argparse.ArgumentParser:
    """Return the command's options."""
    raw = argparse.RawDescriptionHelpFormatter
    p = argparse.ArgumentParser(
        prog="callveil bench", description=DESCRIPTION, epilog=EPILOG, formatter_class=raw
    )
    what = p.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "--records",
        type=at_least_one,
        metavar="N",
        help=f"generate so many interactions, {LEAST} at least",
    )
    what.add_argument(
        "--input",
        nargs="+",
        metavar="WHERE",
        help="or take these files or folders, as `redact` does",
    )
    p.add_argument(
        "--accounts", nargs="+", default=[], metavar="WHERE", help="account records for --input"
    )
    p.add_argument(
        "--policy",
        metavar="NAME|FILE",
        help="gdpr (default), pci, hipaa, ccpa, gdpr-attribution, or a YAML file",
    )
    p.add_argument(
        "--utilisation",
        type=_share,
        default=UTILISATION,
        metavar="SHARE",
        help=f"share of the cores' time a year's work may take (default {UTILISATION}): the rest "
        "is for peaks",
    )
    p.add_argument("--seed", type=int, default=1, help="of what is generated (default 1)")
    p.add_argument(
        "--folder",
        type=Path,
        metavar="FOLDER",
        help="where to work (default: TMPDIR); what is written is removed",
    )
    p.add_argument("--json", action="store_true", help="print as JSON")
    return with_common(p)


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = 0.0
    if not 0 < share <= 1:
        raise argparse.ArgumentTypeError("expected a share above 0, such as 0.6, and at most 1")
    return share


def main(argv: Sequence[str]) -> int:
    """Run the command; returns its exit code."""
    args = build_parser().parse_args(argv)
    policy = policy_of(args.policy)
    if args.records is not None and args.records < LEAST:
        raise UsageError(
            f"--records {args.records}: too few to tell anything; a run takes seconds to start, so "
            f"give {LEAST} at least, better 2,000"
        )
    if args.records is not None and args.accounts:
        raise UsageError(
            "--accounts: is for --input; generated interactions come with accounts of their own"
        )
    if args.folder and not args.folder.is_dir():
        raise UsageError(f"--folder {args.folder}: is no folder")
    if policy.detect.models_for("en")[0] == "none":
        raise UsageError(
            "--policy: it reads without a language model, so there is nothing to measure beside; "
            "name one with a model"
        )

    def say(text: str) -> None:
        if not args.no_progress:
            print(f"callveil bench: {text}", file=sys.stderr, flush=True)

    try:
        figures = run_bench(
            args.records or 0,
            args.input or (),
            args.accounts,
            policy,
            args.policy,
            args.seed,
            args.folder,
            say,
        )
    except (InputError, ModelError) as error:
        raise UsageError(str(error)) from None
    if figures.one.interactions < LEAST:
        raise UsageError(
            f"--input: holds {figures.one.interactions:,} interactions that can be redacted; "
            f"{LEAST} at least tell something"
        )
    needs = [estimate_capacity(figures, calls, args.utilisation) for calls in SCALES]
    if args.json:
        print_json(as_dict(figures, needs))
    else:
        _print(figures, needs, args.utilisation)
    return DONE


def _print(figures: BenchFigures, needs: Sequence[CapacityEstimate], utilisation: float) -> None:
    console = Console(width=None if sys.stdout.isatty() else 140)
    one, every = figures.one, figures.all
    kinds = (
        f"{figures.conversations:,} conversations, {figures.words:,} words, "
        f"{figures.input_bytes / 1e6:,.1f} MB"
    )
    console.print(
        f"{one.interactions:,} interactions ({kinds}) on {usable_cores()} cores; {ROUNDS} rounds "
        "beside\n",
        highlight=False,
    )
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("", "CPU", "an interaction", "wall", "peak memory", "written"):
        table.add_column(name, justify="left" if not name else "right")
    for name, cost in (
        ("redact, one process", one),
        (f"redact, {every.workers} processes", every),
        ("redact, one interaction", figures.start),
    ):
        table.add_row(name, *_cost(cost))
    for name, seconds in figures.beside.items():
        table.add_row(name, f"{seconds:.1f} s", f"{1000 * seconds / one.interactions:.1f} ms")
    console.print(table, highlight=False)
    r = figures.ratios()
    console.print(
        f"\nredact takes {r['redact_to_pipeline_alone']:.2f} times the CPU of the {ALONE} over the "
        "same conversations "
        f"({r['redact_without_start_to_pipeline_alone']:.2f} without its start), "
        f"{r['redact_to_stock_turn_by_turn']:.2f} times that of "
        f"stock Presidio turn by turn and {r['redact_to_stock_whole_texts']:.2f} times on whole "
        f"texts, which looks for {figures.entities} "
        "types and reads no other fields, replaces nothing and writes nothing. "
        f"{every.workers} processes are {r['all_cores_wall']:.2f} times as fast as one, at "
        f"{r['all_cores_cpu']:.2f} times the CPU.",
        highlight=False,
    )
    stored = ", ".join(
        f"{name} {size / one.interactions:,.0f}" for name, size in one.store_bytes.items()
    )
    console.print(
        f"An interaction takes {figures.store_each:,.0f} bytes of the store: {stored}.\n",
        highlight=False,
    )
    for found in needs:
        console.print(
            f"[bold]{found.calls:,} calls a year[/bold], at {utilisation:.0%} utilisation",
            highlight=False,
        )
        table = Table(show_header=False, box=None, pad_edge=False)
        table.add_column(justify="right", style="bold", no_wrap=True)
        table.add_column(no_wrap=True)
        table.add_column(style="dim")
        for figure, unit, how in (
            (f"{found.cores:,.3g}", "cores", "cores"),
            (f"{found.cpu_hours:,.0f}", "hours of CPU", "cpu_hours"),
            (f"{found.machine_hours:,.0f}", "hours of this machine", "machine_hours"),
            (f"{found.memory_bytes / 2**30:,.1f}", "GiB memory", "memory_bytes"),
            (f"{found.store_bytes / 1e9:,.1f}", "GB of store", "store_bytes"),
        ):
            table.add_row(figure, unit, found.how[how])
        console.print(table, highlight=False)
        console.print()


def _cost(cost: RunCost) -> tuple[str, ...]:
    each = f"{1000 * cost.cpu_seconds / cost.interactions:.1f} ms" if cost.interactions > 1 else ""
    written = f"{cost.written_bytes / 1e6:,.1f} MB" if cost.written_bytes else "not told"
    return (
        f"{cost.cpu_seconds:.1f} s",
        each,
        f"{cost.wall_seconds:.1f} s",
        f"{cost.peak_bytes / 2**20:,.0f} MiB",
        written,
    )
