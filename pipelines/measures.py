"""Measures of detection, as tables for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from callveil.transforms.lab.evaluate.evaluate import SetResult
from callveil.transforms.lab.evaluate.measure import Estimate, Scoring
from callveil.transforms.lab.evaluate.misses import QuotedExample

ROWS = 12
"""Kinds of misses and of over-redaction shown; JSON has them all."""


def format_estimate(estimate: Estimate, digits: int = 3) -> str:
    """Return `0.951 (0.940 to 0.960)`, or a dash where there was nothing to measure."""
    if estimate.value is None:
        return "-"
    return f"{estimate.value:.{digits}f} ({estimate.low:.{digits}f} to {estimate.high:.{digits}f})"


def print_measured(console: Console, measured: SetResult, scoring: Scoring) -> None:
    """Print one set: its figures, figures by type, misses and over-redaction."""
    figures = measured.figures
    table = Table(
        title=escape(measured.name),
        title_justify="left",
        title_style="bold",
        show_header=False,
        box=None,
        pad_edge=False,
    )
    table.add_column()
    table.add_column()
    rows = [
        (
            "conversations",
            f"{figures.dialogues:,}; {measured.words:,} words; {figures.entity_recall.n:,} core "
            "spans",
        ),
        ("entity recall", format_estimate(figures.entity_recall)),
        ("character recall", format_estimate(figures.char_recall)),
        ("leaked per 1,000 characters", format_estimate(figures.leak_per_1000, 2)),
        (
            "conversations without a leak",
            f"{format_estimate(figures.zero_leak)} of {figures.zero_leak.n:,} with core spans",
        ),
        ("covered without a label per 1,000", format_estimate(figures.over_per_1000, 2)),
        (
            "precision",
            f"{format_estimate(figures.precision)}, type right "
            f"{format_estimate(figures.typed_precision)}, of {figures.precision.n:,} spans",
        ),
    ]
    if measured.failed:
        rows.insert(1, ("would have been rejected", f"{measured.failed:,}"))
    for name, text in rows:
        table.add_row(name, text)
    console.print(table)
    _print_types(console, measured, scoring)
    _print_misses(console, measured)
    _print_over(console, measured)
    console.print()


Beside = Sequence[tuple[str, SetResult]]
"""One set's measures by tool, callveil first."""


def print_beside(console: Console, tools: Beside, scoring: Scoring) -> None:
    """Print one set's measures by several tools, side by side; nothing where there is but one."""
    if len(tools) < 2:
        return
    table = _table(f"side by side: {escape(tools[0][1].name)}")
    table.add_column("")
    for name, _ in tools:
        table.add_column(escape(name))
    figures = [m.figures for _, m in tools]
    for name, texts in {
        "entity recall": [format_estimate(f.entity_recall) for f in figures],
        "character recall": [format_estimate(f.char_recall) for f in figures],
        "leaked per 1,000 characters": [format_estimate(f.leak_per_1000, 2) for f in figures],
        "conversations without a leak": [format_estimate(f.zero_leak) for f in figures],
        "covered without a label per 1,000": [format_estimate(f.over_per_1000, 2) for f in figures],
        "precision": [format_estimate(f.precision) for f in figures],
        "precision, type right": [format_estimate(f.typed_precision) for f in figures],
        "people found per 1,000 words": [_number(m.people_per_1000) for _, m in tools],
        "seconds of CPU": [f"{m.cpu_seconds:.1f}" for _, m in tools],
    }.items():
        table.add_row(name, *texts)
    for kind, n in ((k, f.entity_recall.n) for k, f in figures[0].by_type.items()):
        if n:
            style = "" if scoring.core(kind) else "dim"
            table.add_row(
                escape(f"recall of {kind} ({n:,})"),
                *(format_estimate(f.by_type[kind].entity_recall) for f in figures),
                style=style,
            )
    console.print(table)
    console.print()


def describe_baseline(about: Mapping[str, Any]) -> str:
    """Return what ran beside callveil, and how."""
    left = (
        f"; not asked for what the policy keeps ({', '.join(about['kept'])})"
        if about["kept"]
        else ""
    )
    return (
        f"{about['name']}: Presidio {about['presidio']} with {about['pipeline']}, its default "
        "recognizers and "
        f"score threshold ({about['score_threshold']:g}), one turn at a time{left}"
    )


def markdown_table(sets: Sequence[Beside]) -> str:
    """Return one table of the chief figures, a line for each set and tool."""
    head = (
        "set",
        "conversations",
        "",
        "recall by entity",
        "leaked per 1,000",
        "covered without a label per 1,000",
        "people per 1,000 words",
        "people: recall",
        "people: precision",
        "s of CPU",
    )
    lines = [head, ("---",) * len(head)]
    for tools in sets:
        for n, (name, m) in enumerate(tools):
            figures, person = m.figures, m.figures.by_type.get("PERSON")
            lines.append(
                (
                    "" if n else Path(m.name).stem,
                    "" if n else f"{figures.dialogues:,}",
                    name,
                    _number(figures.entity_recall.value, 3),
                    _number(figures.leak_per_1000.value),
                    _number(figures.over_per_1000.value),
                    _number(m.people_per_1000),
                    _number(person.entity_recall.value if person else None, 3),
                    _number(person.precision.value if person else None, 3),
                    f"{m.cpu_seconds:.1f}",
                )
            )
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _number(value: float | None, digits: int = 2) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _print_types(console: Console, measured: SetResult, scoring: Scoring) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("type", "spans", "entity recall", "character recall", "precision"):
        table.add_column(name, justify="right" if name == "spans" else "left")
    for kind, figures in measured.figures.by_type.items():
        if not figures.entity_recall.n and not figures.precision.n:
            continue
        chars = "-" if figures.char_recall is None else f"{figures.char_recall:.3f}"
        precision = (
            f"{format_estimate(figures.precision)} of {figures.precision.n:,}"
            if figures.precision.n
            else "-"
        )
        name = kind if scoring.core(kind) else f"{kind} (not core)"
        style = "" if figures.core else "dim"
        table.add_row(
            escape(name),
            f"{figures.entity_recall.n:,}",
            format_estimate(figures.entity_recall),
            chars,
            precision,
            style=style,
        )
    console.print(table)


def _print_misses(console: Console, measured: SetResult) -> None:
    ranked = measured.account.ranked_misses()
    if not ranked:
        return
    table = _table(f"missed: {sum(n for _, n in ranked):,} core spans")
    for name in (
        "spans",
        "type",
        "nearest prediction",
        "written",
        "where in the turn",
        "after a question",
    ):
        table.add_column(name, justify="right" if name == "spans" else "left")
    for kind, n in ranked[:ROWS]:
        table.add_row(
            f"{n:,}",
            *(
                escape(t)
                for t in (
                    kind.type,
                    kind.nearest,
                    kind.case,
                    kind.position,
                    "yes" if kind.after_question else "no",
                )
            ),
        )
    console.print(table)
    _more(console, len(ranked))
    for kind, _ in ranked[:ROWS]:
        _quote(
            console,
            f"{kind.type}, {kind.nearest}, {kind.position}",
            measured.account.missed_examples.get(kind, ()),
        )


def _print_over(console: Console, measured: SetResult) -> None:
    ranked = measured.account.ranked_over()
    if not ranked:
        return
    table = _table("covered without a label")
    for name in ("letters", "spans with no label", "type", "found by"):
        table.add_column(name, justify="left" if name in ("type", "found by") else "right")
    for (kind, detector), letters in ranked[:ROWS]:
        table.add_row(
            f"{letters:,}",
            f"{measured.account.over_spans[kind, detector]:,}",
            escape(kind),
            escape(detector),
        )
    console.print(table)
    _more(console, len(ranked))
    for key, _ in ranked[:ROWS]:
        _quote(console, f"{key[0]} by {key[1]}", measured.account.over_examples.get(key, ()))


def _table(title: str) -> Table:
    return Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=None,
        pad_edge=False,
        header_style="bold",
    )


def _more(console: Console, total: int) -> None:
    if total > ROWS:
        console.print(f"... and {total - ROWS:,} rarer kinds; --json has them all")


def _quote(console: Console, title: str, examples: Sequence[QuotedExample]) -> None:
    for n, e in enumerate(examples):
        if not n:
            console.print(escape(f"{title}:"))
        before, text, after = (" ".join(part.split()) for part in (e.before, e.text, e.after))
        console.print(
            f"  {escape(e.id)} turn {e.turn}: {escape(before)} [bold]«{escape(text)}»[/bold] "
            f"{escape(after)}",
            soft_wrap=True,
        )
