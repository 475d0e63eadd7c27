"""Histories as text for the terminal and as JSON for programs."""

from __future__ import annotations

import datetime as dt
import difflib
import sys
from collections.abc import Iterable

from rich.console import Console
from rich.table import Table
from rich.text import Text

from callveil.schemas.json_types import JsonObject
from callveil.transforms.redact.versions.json_values import canonical_json
from callveil.transforms.redact.versions.timeline import (
    NOTHING,
    FieldChange,
    HistoryEntry,
    ObjectState,
    StoredValue,
)

WIDTH = 150
"""Columns where standard output is no terminal."""
LONG = 60
"""Characters from which two texts are shown line under line with what differs marked."""


def make_console() -> Console:
    """Tell where tables and diffs go."""
    return Console(width=None if sys.stdout.isatty() else WIDTH, highlight=False)


def format_value(value: StoredValue) -> str:
    """Return a value on one line."""
    if value.value is None:
        return "(none)"
    return (
        value.value
        if isinstance(value.value, str) and value.value.isprintable()
        else canonical_json(value.value)
    )


def format_time(when: dt.datetime) -> str:
    """Return a UTC time, to the second where it has no fraction."""
    return when.isoformat(sep=" ").replace("+00:00", "Z")


def describe_actor(entry: HistoryEntry) -> str:
    """Tell who did it, from where."""
    r = entry.version.record
    name = (
        " ".join(
            t
            for t in (r.get("actor_name"), f"id {r['actor_id']}" if r.get("actor_id") else "")
            if t
        )
        or r.get("actor_type")
        or "unknown"
    )
    more = ", ".join(
        t
        for t in (r.get("actor_role"), r.get("actor_type") if r.get("actor_type") != "user" else "")
        if t
    )
    return (
        name
        + (f" ({more})" if more else "")
        + (f" from {r['actor_ip']}" if r.get("actor_ip") else "")
    )


def print_item(item: tuple[str, str, str], entries: Iterable[HistoryEntry]) -> None:
    """The versions of one object as diffs, oldest first."""
    out = make_console()
    out.print(Text(f"{item[1]}/{item[2]} of account {item[0]}", style="bold"))
    for n, entry in enumerate(entries, 1):
        v = entry.version
        head = Text(f"\n{n}. {format_time(v.created_at)}  {v.event}", style="bold")
        head.append(f"  by {describe_actor(entry)}", style="not bold")
        if entry.classes:
            head.append(f"  [{', '.join(entry.classes)}]", style="bold yellow")
        out.print(head)
        out.print(
            Text(
                f"   version {v.key.version_id}"
                + (
                    f", restored from {v.record['restored_from']}"
                    if v.record.get("restored_from")
                    else ""
                ),
                style="dim",
            )
        )
        for change in entry.changes:
            print_change(out, change)
        if not entry.known:
            out.print(
                Text(
                    "   what changed is not known yet: the source tells it with the next version",
                    style="dim",
                )
            )


def print_change(out: Console, change: FieldChange) -> None:
    """One field's change."""
    before, after = format_value(change.before), format_value(change.after)
    line = Text("   ")
    line.append(change.name, style="bold")
    line.append(": ")
    if before == after:
        line.append(f"{after} (changed; both values are redacted)", style="yellow")
    elif len(before) + len(after) <= LONG or NOTHING in (change.before, change.after):
        line.append(before, style="red")
        line.append(" → ")
        line.append(after, style="green")
    else:
        out.print(line)
        out.print(_marked("   - ", before, after, "red"))
        out.print(_marked("   + ", after, before, "green"))
        return
    out.print(line)


def _marked(head: str, text: str, other: str, style: str) -> Text:
    """Return a text with the stretches that the other one has not in bold."""
    line = Text(head, style=style)
    for tag, start, end, _, _ in (
        difflib.SequenceMatcher(None, text, other, autojunk=False).get_opcodes()
        if len(text) + len(other) < 4_000
        else [("replace", 0, len(text), 0, 0)]
    ):
        line.append(text[start:end], style="bold" if tag != "equal" else "not bold")
    return line


def print_state(item: tuple[str, str, str], when: dt.datetime, state: ObjectState) -> None:
    """An object as it was."""
    out = make_console()
    what = {True: "as it was", False: "did not exist", None: "is not known"}[state.exists]
    out.print(
        Text(
            f"{item[1]}/{item[2]} of account {item[0]} at {format_time(when)}: {what}", style="bold"
        )
    )
    if state.version is not None:
        out.print(
            Text(
                f"last version before: {state.version.key.version_id}, {state.version.event} at "
                f"{format_time(state.version.created_at)}",
                style="dim",
            )
        )
    if state.fields:
        table = Table(show_header=False, box=None, pad_edge=False)
        for name, value in state.fields.items():
            table.add_row(
                Text(name, style="bold"),
                Text(format_value(value)),
                Text("may have changed: the source tells it with the next version", style="dim")
                if name in state.unsure
                else "",
            )
        out.print(table)


def print_found(rows: Iterable[tuple[HistoryEntry, FieldChange | None]], limit: int) -> int:
    """Print changes as a table; return how many there were, of which at most `limit` are shown
    (0: all).
    """
    out = make_console()
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("when", "account", "item", "event", "who", "field", "before", "after", "class"):
        table.add_column(name, overflow="fold")
    count = 0
    for entry, change in rows:
        count += 1
        if limit and count > limit:
            continue
        v = entry.version
        values = (
            (change.name, format_value(change.before), format_value(change.after))
            if change
            else ("", "", "")
        )
        kind = (change.sensitive_class if change else "") or entry.sensitive_class
        cells = (
            format_time(v.created_at),
            v.key.account_id,
            f"{v.key.item_type}/{v.key.item_id}",
            v.event,
            describe_actor(entry),
            *values,
            kind,
        )
        table.add_row(*(Text(c) for c in cells))
    if count:
        out.print(table)
    return count


def as_dict(entry: HistoryEntry, change: FieldChange | None = None) -> JsonObject:
    """JSON form of a version with its changes, or with one of them."""
    v = entry.version
    names = (
        "item_label",
        "version_number",
        "actor_id",
        "actor_type",
        "actor_name",
        "actor_role",
        "actor_ip",
        "request_id",
        "restored_from",
        "redaction_mode",
    )
    out: JsonObject = {
        **v.key._asdict(),
        "event": v.event,
        "occurred_at": v.created_at.isoformat(),
        "account_type": v.account_type,
    }
    out |= {name: v.record[name] for name in names if v.record.get(name) is not None}
    changes = entry.changes if change is None else (change,)
    return out | {
        "known": entry.known,
        "changes": [
            {
                "field": c.name,
                "before": c.before.value,
                "after": c.after.value,
                "redacted": c.redacted,
                "sensitive_class": c.sensitive_class or None,
            }
            for c in changes
        ],
        "sensitive_classes": list(entry.classes),
    }


def state_dict(item: tuple[str, str, str], when: dt.datetime, state: ObjectState) -> JsonObject:
    """JSON form of an object at a time."""
    return {
        "account_id": item[0],
        "item_type": item[1],
        "item_id": item[2],
        "at": when.isoformat(),
        "exists": state.exists,
        "version_id": state.version.key.version_id if state.version else None,
        "unsure": list(state.unsure),
        "fields": {n: v.value for n, v in state.fields.items()},
        "redacted": sorted(n for n, v in state.fields.items() if v.digest),
    }
