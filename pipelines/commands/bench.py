"""`callveil bench`: what redaction costs here, and what a year's calls need."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from callveil.pipelines.arguments.bench import LEAST
from callveil.pipelines.bench import (
    ROUNDS,
    SCALES,
    BenchFigures,
    CapacityEstimate,
    RunCost,
    as_dict,
    estimate_capacity,
    run_bench,
)
from callveil.pipelines.beside import ALONE
from callveil.pipelines.exits import DONE, UsageError
from callveil.pipelines.logs import tell
from callveil.pipelines.summary import print_json
from callveil.schemas.policy_load import load_policy
from callveil.transforms.execution.resources import usable_cores


def run(args: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    policy = load_policy(args.policy)
    if policy.detect.models_for("en")[0] == "none":
        raise UsageError(
            "--policy: it reads without a language model, so there is nothing to measure beside; "
            "name one with a model"
        )

    def say(text: str) -> None:
        if not args.no_progress:
            tell(text)

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
