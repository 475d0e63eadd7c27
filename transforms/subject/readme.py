"""The page that explains a package to the person it is about: plain words, no scripts, nothing from the network."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from typing import Any

from callveil.transforms.subject.context import CATEGORIES, KEYS
from callveil.transforms.subject.package import Package

SHOWN = 200
"""Conversations that are shown on the page; all are in the data files."""

STYLE = """
:root{color-scheme:light dark;--ink:#1c1f24;--soft:#5a6270;--line:#d8dce3;--paper:#fff;--card:#f6f7f9;--accent:#1f5fae}
@media(prefers-color-scheme:dark){:root{--ink:#e8eaee;--soft:#a7afbc;--line:#3a404a;--paper:#15181d;--card:#1e2229;--accent:#8ab8f2}}
*{box-sizing:border-box}body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.6 system-ui,sans-serif}
main{max-width:56rem;margin:0 auto;padding:2rem 1.25rem 4rem}h1{font-size:1.8rem;line-height:1.25}h2{margin-top:2.5rem;font-size:1.25rem}
p,li{max-width:44rem}.soft{color:var(--soft)}table{border-collapse:collapse;width:100%;margin:1rem 0}caption{text-align:left;color:var(--soft)}
th,td{text-align:left;vertical-align:top;padding:.5rem .75rem .5rem 0;border-bottom:1px solid var(--line)}
details{background:var(--card);border:1px solid var(--line);border-radius:.5rem;margin:.5rem 0;padding:.5rem 1rem}
summary{cursor:pointer;font-weight:600}dl{display:grid;grid-template-columns:minmax(8rem,14rem) 1fr;gap:.25rem 1rem}dt{color:var(--soft)}
dd{margin:0;overflow-wrap:anywhere;white-space:pre-wrap}code{font-family:ui-monospace,monospace}a{color:var(--accent)}
@media print{details{break-inside:avoid}details>*{display:block}}
"""
_SKIP = frozenset({"words", "transcription_text", "outline", "chat_messages", "id", "account_id", "sid", "agency_id", "unix_time"})
_TITLES = {"called_at": "when", "caller_number": "your number", "message_body": "message"}


def readme(package: Package) -> bytes:
    """The page, UTF-8."""
    return "".join(_page(package)).encode("utf-8", "replace")


def _page(p: Package) -> Iterator[str]:
    title = "Your data" if p.kind == "access" else "Your data, to take with you"
    yield f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
    yield f'<meta name="viewport" content="width=device-width,initial-scale=1"><style>{STYLE}</style></head><body><main>'
    yield f"<h1>{title}</h1><p>This package answers your request <code>{escape(p.request_id)}</code>. It was made on {_when(p.made_at)}. "
    yield "Please keep it where only you can read it.</p>"
    yield "<h2>What is in it</h2>"
    yield _table(
        ("What", "Records", "Files"),
        ((CATEGORIES[s.category], f"{len(s.rows):,}", f"data/{s.name}: .csv for a spreadsheet, .json and .parquet for programs") for s in p.sections),
    )
    if p.recordings:
        yield f"<p>{len(p.recordings)} recordings lie in the folder <code>recordings</code>. What was found to be personal in them is covered.</p>"
    if not any(s.rows for s in p.sections):
        yield "<p>We hold no records that are about you, as far as what you gave us tells.</p>"
    yield from _withheld(p)
    yield from _records(p)
    yield from _context(p.context)
    yield "<h2>The other files</h2><ul><li><code>manifest.json</code> lists every file with its SHA-256, so that you can check that none was changed."
    yield "</li><li><code>context.json</code> holds what this page says about purposes, recipients and your rights.</li>"
    yield "<li><code>withheld.json</code> lists what is not in the package, and why.</li></ul></main></body></html>\n"


def _withheld(p: Package) -> Iterator[str]:
    yield "<h2>What is not in it, and why</h2>"
    if not p.withheld:
        yield "<p>Nothing was withheld.</p>"
        return
    yield "<p>Where something was taken out of a text, it says <code>[withheld: …]</code> with its kind.</p>"
    yield _table(("From", "Why", "Times"), ((str(w["from"]), str(w["explanation"]), f"{w['count']:,}") for w in p.withheld))


def _records(p: Package) -> Iterator[str]:
    for section in p.sections:
        if section.category not in ("communication", "staff", "mentions") or not section.rows:
            continue
        yield f"<h2>{escape(section.title)}</h2>"
        if len(section.rows) > SHOWN:
            yield f"<p class=soft>The first {SHOWN} of {len(section.rows):,}; the data files hold all.</p>"
        for row in section.rows[:SHOWN]:
            yield from _record(row)


def _record(row: Mapping[str, Any]) -> Iterator[str]:
    head = f"{_text(row.get('kind')) or 'record'} of {_when(row.get('called_at'))}"
    yield f"<details><summary>{escape(head)}</summary><dl>"
    for name, value in row.items():
        if name not in _SKIP and value not in (None, "", [], {}):
            yield f"<dt>{escape(_TITLES.get(name, name.replace('_', ' ')))}</dt><dd>{escape(_text(value))}</dd>"
    yield "</dl>"
    turns = [(t.get("speaker") or t.get("channel") or "", t.get("text") or "") for t in row.get("outline") or row.get("chat_messages") or ()]
    if turns:
        yield "<h3>What was said</h3>" + "".join(f"<p><b>{escape(str(who))}</b> {escape(said)}</p>" for who, said in turns)
    elif row.get("transcription_text"):
        yield f"<h3>What was said</h3><p>{escape(row['transcription_text'])}</p>"
    yield "</details>"


def _context(context: Mapping[str, Any]) -> Iterator[str]:
    yield "<h2>About this data</h2><dl>"
    for key, what in KEYS.items():
        value = context.get(key)
        shown = value if isinstance(value, str) else "\n".join(value or ())
        if shown or key in context["not_stated"]:
            yield f"<dt>{escape(what)}</dt><dd>{escape(shown) or 'The company has not stated this here; ask it.'}</dd>"
    yield f"<dt>how long, by the rules in force</dt><dd>{escape(chr(10).join(context['retention_by_policy']))}</dd></dl>"
    yield "<h2>Your rights</h2><ul>" + "".join(f"<li>{escape(r)}</li>" for r in context["rights"]) + "</ul>"


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    cells = "".join("<tr>" + "".join(f"<td>{escape(c)}</td>" for c in row) + "</tr>" for row in rows)
    return "<table><thead><tr>" + "".join(f'<th scope="col">{escape(h)}</th>' for h in head) + f"</tr></thead><tbody>{cells}</tbody></table>"


def _when(value: Any) -> str:
    return value.strftime("%-d %B %Y, %H:%M UTC") if isinstance(value, dt.datetime) else _text(value)


def _text(value: Any) -> str:
    if isinstance(value, dt.datetime):
        return _when(value)
    if isinstance(value, dict):
        return "\n".join(f"{k}: {_text(v)}" for k, v in value.items() if v not in (None, ""))
    if isinstance(value, list):
        return "\n".join(_text(v) for v in value)
    return "" if value is None else str(value)
