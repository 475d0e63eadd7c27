"""Run summary, as a table for people and as JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from callveil.pipelines.exits import NOTHING
from callveil.pipelines.logs import tell
from callveil.schemas.json_types import JsonObject
from callveil.schemas.rejected import REASONS
from callveil.transforms.execution.resources import workers_used

if TYPE_CHECKING:  # which loads the language model's library, and most commands do without
    from callveil.pipelines.attempts import RunResult
    from callveil.transforms.ingest.chunks import NothingToRead

ROWS = (
    ("in", "snapshots read"),
    ("redacted", "interactions redacted and stored"),
    ("superseded", "older snapshots of the same interactions"),
    ("replayed", "snapshots older than what is stored"),
    ("unchanged", "snapshots stored already, unchanged"),
    ("tombstoned", "snapshots of deleted interactions, not taken back"),
    ("rejected", "rejected, kept encrypted"),
    ("rejected_before", "of these rejected by an earlier run, with the same content"),
    ("replaced", "stored interactions replaced by a newer snapshot"),
    ("aged", "stored interactions fully redacted by age"),
    ("redone", "stored interactions redacted further"),
    ("requests_applied", "manual requests applied"),
    ("requests_unmatched", "manual requests that name no interaction"),
    ("account_unknown", "interactions whose account has no record (give --accounts)"),
    (
        "named_ids",
        "ids that are a person's name or address, or a number where the policy says so: written as "
        "keyed digests, what they are sealed",
    ),
    (
        "digit_ids",
        "ids of digits, or with a telephone number's signs too, left readable; if they are such, "
        "`detect: {digit_ids: true}` changes them",
    ),
    (
        "local_times",
        "interactions whose time names no zone: read in the account's (accounts: timezone), else "
        "in UTC",
    ),
    ("findings", "findings"),
)
FURTHER = (
    (
        "held.",
        "still covered as an earlier redaction left it, though this policy would not (interactions "
        "by field)",
    ),
    (
        "times.",
        "transcripts whose times cannot all be, where recordings are covered wider (interactions "
        "by field)",
    ),
    ("missing.", "numbers read as missing, being NaN or empty (interactions by field)"),
    ("mode.", "by mode"),
    ("kind.", "by kind"),
)
NOT_READ_SHOWN = 50
"""Files that were not read that the summary names; `--json` and the manifest name all."""
ALWAYS = ("in", "redacted", "rejected", "findings")


def as_dict(result: RunResult, seconds: float, peak_bytes: int) -> JsonObject:
    """JSON form of a result."""
    return {
        "run_id": result.run_id,
        "seq": result.seq,
        "repeated": result.repeated,
        "dry_run": result.dry_run,
        "counts": result.counts,
        "files_added": result.added,
        "files_removed": result.removed,
        "seconds": round(seconds, 2),
        "peak_memory_bytes": peak_bytes,
        "workers": workers_used(),
        "not_read": list(result.not_read),
    }


def not_read_lines(not_read: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what people are told of files below the inputs that were not read: how many, and
    which, with the reason and the way out.
    """
    if not not_read:
        return []
    lines = [f"{len(not_read):,} file{'s' * (len(not_read) > 1)} below the input not read:"]
    lines += [f"  {f['url']}: {f['reason']}: {f['detail']}" for f in not_read[:NOT_READ_SHOWN]]
    more = len(not_read) - NOT_READ_SHOWN
    return [*lines, f"  ... and {more:,} more; --json names all"] if more > 0 else lines


def print_nothing_read(nothing: NothingToRead, as_json: bool) -> int:
    """Say that there was nothing to read, and why; returns the exit code."""
    not_read = list(map(asdict, nothing.not_read))
    tell("\n".join([str(nothing), *not_read_lines(not_read)]))
    if as_json:
        print_json({"nothing_to_read": True, "empty_files": nothing.empty, "not_read": not_read})
    return NOTHING


def print_json(values: Any) -> None:
    """One JSON document on standard output."""
    print(json.dumps(values, indent=2, sort_keys=True, ensure_ascii=False))


def print_summary(
    result: RunResult, output: str, seconds: float, peak_bytes: int, console: Console | None = None
) -> None:
    """The summary table of a run."""
    console = console or Console()
    title = (
        "dry run: nothing was changed"
        if result.dry_run
        else f"run {result.run_id[:16]} · published as number {result.seq} · {output}"
    )
    if result.repeated:
        title += (
            "\nthis very run had been published before; nothing was done, and these are its figures"
        )
    counts = result.counts
    console.print(title, style="italic", markup=False, highlight=False, soft_wrap=True)
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(justify="right", style="bold")
    table.add_column()
    for name, text in ROWS:
        if counts.get(name) or name in ALWAYS:
            table.add_row(f"{counts.get(name, 0):,}", text)
    console.print(table)
    for prefix, text in (
        ("finding.", "replaced by type"),
        ("kept.", "found and kept by policy"),
        *FURTHER,
    ):
        parts = sorted(
            ((n, k.removeprefix(prefix)) for k, n in counts.items() if k.startswith(prefix) and n),
            reverse=True,
        )
        if parts:
            console.print(
                f"{text}: " + ", ".join(f"{k} {n:,}" for n, k in parts),
                soft_wrap=True,
                highlight=False,
            )
    reasons = sorted(
        (
            (n, k.removeprefix("reason."))
            for k, n in counts.items()
            if k.startswith("reason.") and n
        ),
        reverse=True,
    )
    for n, reason in reasons:
        console.print(
            f"rejected {n:,}: {reason}: {REASONS.get(reason, '')}", soft_wrap=True, highlight=False
        )
    if reasons and not result.dry_run:
        console.print(
            f"see why, record by record: callveil rejected list --store {output}",
            soft_wrap=True,
            highlight=False,
            markup=False,
        )
    for line in not_read_lines(result.not_read):
        console.print(line, soft_wrap=True, highlight=False, markup=False)
    if not result.repeated:
        by = f", by {workers_used()} worker processes" if workers_used() > 1 else ""
        console.print(
            f"{seconds:.1f} s, peak memory {peak_bytes / 2**20:,.0f} MiB, {result.added} files "
            f"written, {result.removed} replaced{by}",
            highlight=False,
        )
