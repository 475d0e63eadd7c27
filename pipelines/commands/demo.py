"""`callveil demo`: a small day of generated calls, redacted, before the reader's eyes."""

from __future__ import annotations

import argparse
import datetime as dt
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from callveil.pipelines.commands.redact import run_checked
from callveil.pipelines.exits import DONE, FAILED
from callveil.pipelines.redact_options import RedactOptions
from callveil.pipelines.summary import as_dict, print_json, print_summary
from callveil.schemas.interaction import InteractionKey
from callveil.schemas.json_types import JsonObject
from callveil.schemas.policy import InputLimits
from callveil.schemas.policy_load import load_policy
from callveil.schemas.rejected import Rejected
from callveil.transforms.ingest.chunks import plan_chunks
from callveil.transforms.ingest.deduplicate import best_raw
from callveil.transforms.ingest.read import read_chunk
from callveil.transforms.lab.sample.write import write_sample
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.commit.scan import open_dataset
from callveil.transforms.storage.files.filesystem import Files

SHOWN = {"call": 2, "text": 2, "chat": 1, "form": 1}
"""Interactions shown, by kind."""


TURNS = 8


END = dt.date(2026, 11, 1)


def run(args: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    console = Console(width=None if sys.stdout.isatty() else 120)
    sample, store = args.output / "sample", args.output / "store"
    made = write_sample(sample, args.seed, args.interactions, 6, 3, END, malformed=0.03)
    if not args.json:
        console.print(
            f"1. generated: {made.interactions} interactions of {made.accounts} accounts in "
            f"{sample} "
            "(nobody in it exists); a few are broken on purpose"
        )
        console.print(
            f"2. redacting: callveil redact --input {sample}/interactions --accounts "
            f"{sample}/accounts.jsonl --output {store}\n",
            soft_wrap=True,
        )
    options = RedactOptions(
        inputs=[str(sample / "interactions")],
        output=str(store),
        policy=load_policy(args.policy),
        as_of=dt.datetime.combine(END, dt.time(), dt.UTC),
        accounts=[str(sample / "accounts.jsonl")],
        keyring=str(args.output / "keyring.json"),
        progress=not args.json,
        files=Files(state=str(args.output / "state")),
    )
    result, seconds, peak = run_checked(options)
    if args.json:
        print_json(as_dict(result, seconds, peak))
    else:
        print_summary(result, str(store), seconds, peak, console)
        console.print("\n3. before and after, of people who were generated:\n")
        for kind, before, after in pick_excerpts(sample, store):
            console.print(comparison_table(kind, before, after))
        console.print(
            f"The tables: {store}/interactions, {store}/findings, {store}/rejected. How DuckDB, "
            f"pandas, Spark and others read them: callveil store tables --store {store}",
            soft_wrap=True,
        )
    return DONE if result.counts["redacted"] else FAILED


def pick_excerpts(sample: Path, store: Path) -> Iterator[tuple[str, JsonObject, JsonObject]]:
    """Kind, raw record and stored row of a few interactions in which much was found."""
    files = Files()
    redacted = {
        (r["account_id"], r["id"]): r
        for r in open_dataset(Store.open(files, str(store)), "interactions").to_table().to_pylist()
    }
    found = Counter(
        (r["account_id"], r["interaction_id"])
        for r in open_dataset(Store.open(files, str(store)), "findings")
        .to_table(columns=["account_id", "interaction_id", "detector"])
        .to_pylist()
        if r["detector"] not in ("field", "mode")
    )
    raws: dict[InteractionKey, Any] = {}
    for chunk in plan_chunks(files, [str(sample / "interactions")])[0]:
        for item in read_chunk(files, chunk, InputLimits()):
            if not isinstance(item, Rejected):
                raws[item.key] = best_raw(raws.get(item.key), item)
    left = dict(SHOWN)
    for key, _ in sorted(found.items(), key=lambda f: (-f[1], f[0])):
        raw = raws[InteractionKey(*key)]
        lines = len(raw.record.get("outline") or raw.record.get("chat_messages") or ())
        if left.get(raw.kind) and (raw.kind in ("text", "form") or 4 <= lines <= 30):
            left[raw.kind] -= 1
            yield raw.kind, raw.record, redacted[key]


def comparison_table(kind: str, before: JsonObject, after: JsonObject) -> Table:
    """Return two columns: what came in, and what is stored."""
    table = Table(
        title=f"{kind} {before['id']}", title_justify="left", show_lines=False, expand=True
    )
    table.add_column("field", style="dim", no_wrap=True)
    table.add_column("before (generated)", ratio=1)
    table.add_column("after", ratio=1)
    shown = 0
    for name in ("name", "caller_number", "email", "street"):
        if before.get(name):
            table.add_row(name, escape(str(before[name])), escape(str(after[name])))
    for name in ("outline", "chat_messages"):
        pairs = list(zip(before.get(name) or (), after.get(name) or (), strict=False))
        changed = [i for i, (b, a) in enumerate(pairs) if b.get("text") != a.get("text")]
        near = sorted({j for i in changed for j in (i - 1, i) if j >= 0})[:TURNS]
        for i in near:
            table.add_row(
                f"{name}[{i}]",
                escape(pairs[i][0].get("text") or ""),
                escape(pairs[i][1].get("text") or ""),
            )
        shown += len(near)
    for name in ("message_body", "summary", "notes"):
        if before.get(name) and (shown == 0 or name == "summary"):
            table.add_row(name, escape(str(before[name])), escape(str(after[name]).strip('"')))
    for i, (b, a) in enumerate(
        zip(
            (before.get("form") or {}).get("custom") or (),
            (after.get("form") or {}).get("custom") or (),
            strict=False,
        )
    ):
        if i < TURNS:
            table.add_row(
                escape(str(b.get("label") or f"form.custom[{i}]")[:40]),
                escape(str(b.get("value"))),
                escape(str(a.get("value") or "").strip('"')),
            )
    return table
