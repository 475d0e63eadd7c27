"""The page that explains a package to the person it is about: plain words, no scripts, nothing from the network.

It refers to files of the package alone, so that these open from it once the package is unpacked.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any
from urllib.parse import quote

from callveil.schemas.entities import ENTITIES
from callveil.schemas.interaction import BY_NAME
from callveil.transforms.subject.package import EMPTY, Package, Recording, Section

SHOWN = 200
"""Records of a kind that are shown on the page; all are in the data files."""
LONG = 600
"""Characters of a single value that are shown."""

STYLE = """
:root{color-scheme:light dark;--ink:#1c1f24;--soft:#565e6c;--line:#d8dce3;--paper:#fff;--card:#f5f7fa;--accent:#1f5fae;--mine:#e4eefb}
@media(prefers-color-scheme:dark){:root{--ink:#e8eaee;--soft:#a7afbc;--line:#3a404a;--paper:#15181d;--card:#1e2229;--accent:#8ab8f2;--mine:#1d3149}}
*{box-sizing:border-box}html{scroll-padding-top:1rem}body{margin:0;background:var(--paper);color:var(--ink);font:17px/1.6 system-ui,sans-serif}
main{max-width:52rem;margin:0 auto;padding:2rem 1.25rem 4rem;overflow-wrap:anywhere}h1{font-size:2rem;line-height:1.2;margin:.5rem 0 1rem}
h2{margin:3rem 0 .75rem;font-size:1.4rem;line-height:1.3}h3{font-size:1.05rem;margin:1.25rem 0 .5rem}p,li{max-width:42rem}.soft{color:var(--soft)}
a{color:var(--accent)}ul.held{list-style:none;padding:0;margin:1rem 0}ul.held li{max-width:none;padding:.8rem 0;border-top:1px solid var(--line)}
ul.held li:last-child{border-bottom:1px solid var(--line)}ul.held b{font-size:1.1rem}ul.held span{display:block}
details{background:var(--card);border:1px solid var(--line);border-radius:.6rem;margin:.6rem 0;padding:.6rem 1rem}
summary{cursor:pointer;font-weight:600}summary small{font-weight:400;color:var(--soft)}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
dl{margin:.75rem 0}dl>div{display:grid;grid-template-columns:16rem minmax(0,1fr);gap:0 1.25rem;padding:.35rem 0;border-bottom:1px solid var(--line)}
dl>div:last-child{border-bottom:0}dt{color:var(--soft)}dd{margin:0;white-space:pre-wrap}dl.facts dd+dd{grid-column:2}
ol.said{list-style:none;padding:0;margin:.5rem 0}ol.said li{padding:.4rem .75rem;margin:.35rem 0;border-radius:.5rem;border:1px solid var(--line)}
ol.said li.mine{background:var(--mine);border-color:transparent}ol.said b{display:block;font-size:.85rem;color:var(--soft);font-weight:600}
audio{display:block;width:100%;max-width:32rem;margin:.5rem 0}code{font-family:ui-monospace,monospace;font-size:.92em}
@media(max-width:40rem){body{font-size:16px}main{padding:1.25rem 1rem 3rem}dl>div{grid-template-columns:minmax(0,1fr)}dl.facts dd+dd{grid-column:1}}
@media print{:root{color-scheme:light;--ink:#000;--soft:#444;--line:#bbb;--paper:#fff;--card:#fff;--accent:#000;--mine:#eee}body{font-size:10.5pt}
main{max-width:none;padding:0}audio{display:none}details::details-content{content-visibility:visible;height:auto;display:block}h2,h3,summary{break-after:avoid}
ol.said li,dl>div{break-inside:avoid}@page{margin:18mm}}
"""
POLICY = "default-src 'none'; style-src 'unsafe-inline'; media-src 'self' file:; base-uri 'none'; form-action 'none'"
HELD = {
    "communication": ("conversation of yours", "conversations of yours", "What was said and written, when, and what we noted with it."),
    "staff": ("conversation", "conversations", "You took part as a member of staff. What is about our customers is left out."),
    "mentions": ("conversation of others", "conversations of others", "You are mentioned in it. We may only tell you that, and when it was."),
    "changes": ("change", "changes", "What was changed in records or settings that concern you."),
    "processing": ("redaction", "redactions", "What was taken out of your conversations when they were stored, and by which rule."),
}  # fmt: skip
"""What a section holds, in words: one, several, and what it is."""
SECTIONS = {
    "conversations": "your conversations", "staff_activity": "what you did as staff", "mentions": "conversations of others",
    "change_history": "changes", "redactions": "redactions", "recordings": "the recordings",
    "unreadable": "what could not be read when it came in", "inbox": "messages as they came in", "originals": "recordings as they came in",
}  # fmt: skip
QUESTIONS = {
    "purposes": "What we use it for", "lawful_basis": "Why we may", "source": "Where we have it from", "recipients": "Who receives it",
    "third_countries": "Countries outside the EEA or UK it goes to", "safeguards": "What protects it there", "retention": "How long we keep it",
    "automated_decisions": "Decisions made by machines alone",
}  # fmt: skip
PEOPLE = {"controller": "Who is responsible", "contact": "Where to write", "dpo": "Data protection officer", "authority": "Supervisory authority"}
FACTS = frozenset({"purposes", "source", "recipients", "third_countries", "automated_decisions", *PEOPLE} - {"dpo"})
"""What is asked about even where the company states nothing."""
NOT_STATED = "Not stated in this package. You can ask for it."
NAMES = {
    "direction": "Direction", "language": "Language", "duration": "Length", "extra": "Further fields", "tracking_number": "Number that was called",
    "tracking_label": "Label of that number", "source": "What led to it", "business_number": "Number that rang", "is_new_caller": "First contact",
}  # fmt: skip
"""Fields under plainer names than their declaration's."""
_SKIP = frozenset({
    "words", "transcription_text", "outline", "chat_messages", "id", "account_id", "sid", "agency_id", "unix_time", "kind", "called_at", "updated_at",
    "caller_number_split", "caller_number_bare", "caller_number_complete", "caller_number_format",
})  # fmt: skip
_LABEL = re.compile(r"\[(?:withheld: )?([A-Z][A-Z0-9_]{1,63})(?::[^\]\s]*)?\]")
_SECONDS = frozenset({"duration", "talk_time", "ring_time", "hold_time"})


def readme(package: Package) -> bytes:
    """The page, UTF-8."""
    return "".join(_page(package)).encode("utf-8", "replace")


def _page(p: Package) -> Iterator[str]:
    title = "Your data" if p.kind == "access" else "Your data, to take with you"
    yield f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
    yield f'<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}"><meta name="robots" content="noindex">'
    yield f'<meta name="viewport" content="width=device-width,initial-scale=1"><style>{STYLE}</style></head><body><main>'
    whose = p.context.get("controller")
    holder = f" by {escape(_text(whose).splitlines()[0])}" if whose else ""
    what = "what data is held about you" if p.kind == "access" else "for the data you provided, in a form you can take elsewhere"
    yield f"<h1>{title}</h1><p>You asked {what}{holder}. This package is the answer to your request <code>{escape(p.request_id)}</code>; "
    yield f"it was made on {_when(p.made_at)}. It holds personal data, so please keep it where only you can read it.</p>"
    yield from _held(p)
    yield from _opening(p)
    yield from _records(p)
    yield from _withheld(p)
    if p.kind == "access" or any(p.context.get(k) for k in (*QUESTIONS, *PEOPLE)):
        yield from _context(p)
    yield "</main></body></html>\n"


def _held(p: Package) -> Iterator[str]:
    yield "<h2>What is in it</h2>"
    if not any(s.rows for s in p.sections) and not p.recordings:
        yield "<p>We hold no records that are about you, as far as what you gave us tells.</p>"
        return
    yield '<ul class="held">'
    for s in p.sections:
        one, many, what = HELD[s.category]
        name = escape(f"{len(s.rows):,} {one if len(s.rows) == 1 else many}")
        yield f'<li><b><a href="#{s.name}">{name}</a></b><span class="soft">{what}</span></li>'
    if p.recordings:
        name = f"{len(p.recordings):,} recording{'' if len(p.recordings) == 1 else 's'}"
        yield f'<li><b>{name}</b><span class="soft">Of your calls; you can listen to them below. Personal words in them are covered by silence or '
        yield "a tone.</span></li>"
    yield "</ul>"
    if p.context.get("categories") and p.kind == "access":
        yield "<p>Kinds of data in it: " + escape("; ".join(c["description"] for c in p.context["categories"])) + ".</p>"


def _opening(p: Package) -> Iterator[str]:
    yield "<h2>How to open the files</h2><ol><li>Unpack the package first: on most computers a double click does, in Windows a right click and "
    yield "“Extract all”. Then open <code>README.html</code> again, which is this page.</li>"
    if p.sections:
        yield "<li>Everything can be read on this page. The same data lies in the folder <code>data</code>: the files that end in "
        yield "<code>.csv</code> open in a spreadsheet (Excel, LibreOffice, Numbers); <code>.json</code> and <code>.parquet</code> hold the same for "
        yield "programs.</li>"
    if p.recordings:
        yield "<li>Recordings lie in the folder <code>recordings</code> and play in any music player.</li>"
    if p.kind == "portability" and p.sections:
        yield "<li>To take your data to another service, give it the files in <code>data</code>; those in <code>schema</code> tell its programs what "
        yield "each field means (JSON Schema).</li>"
    yield '</ol><p class="soft">For those who want to check: <code>manifest.json</code> lists every file with its SHA-256; '
    yield "<code>withheld.json</code> and <code>context.json</code> hold for programs what this page says about what is not here and about your "
    yield "rights.</p>"


def _records(p: Package) -> Iterator[str]:
    sounds: dict[tuple[str, str], Recording] = {(r.account_id, r.record_id): r for r in p.recordings}
    for section in p.sections:
        yield f'<h2 id="{section.name}">{escape(section.title)}</h2>'
        yield "<p>As files: " + ", ".join(f'<a href="data/{section.name}.{end}">{section.name}.{end}</a>' for end in ("csv", "json", "parquet"))
        yield ".</p>"
        if section.category == "processing":
            yield from _redactions(section)
            continue
        if len(section.rows) > SHOWN:
            yield f'<p class="soft">Here are the first {SHOWN} of {len(section.rows):,}; the files hold all.</p>'
        for row in section.rows[:SHOWN]:
            if section.category == "changes":
                yield from _change(row)
            else:
                yield from _conversation(row, sounds.pop((str(row.get("account_id")), str(row.get("id"))), None))
    if sounds:
        yield "<h2>Other recordings</h2><ul>" + "".join(f"<li>{_link(r.path, r.name)}</li>" for _, r in sorted(sounds.items())) + "</ul>"


def _conversation(row: Mapping[str, Any], sound: Recording | None) -> Iterator[str]:
    kind = {"call": "Call", "text": "Text message", "chat": "Chat", "form": "Form"}.get(str(row.get("kind")), "Record")
    length = f", {_seconds(row['duration'])}" if row.get("duration") else ""
    more = f" <small>{'with its recording' if sound else ''}</small>" if sound else ""
    yield f"<details><summary>{kind} of {_when(row.get('called_at'))}{length}{more}</summary>"
    if sound:
        whole, some = "All of it is covered, since nothing told what is said in it.", f"Covered in {sound.covered:,} places."
        covered = whole if sound.whole else some if sound.covered else "Nothing in it is covered."
        yield f'<audio controls preload="none" src="{quote(sound.path)}"></audio><p class="soft">{_link(sound.path, sound.name)}, '
        yield f"{_seconds(sound.seconds)}. {covered}</p>"
    turns = row.get("outline") or row.get("chat_messages") or ()
    if turns:
        yield f'<h3>What was {"said" if row.get("outline") else "written"}</h3><ol class="said">'
        for turn in turns:
            mine = ' class="mine"' if turn.get("channel") == 1 else ""
            yield f"<li{mine}><b>{escape(_speaker(turn))}</b>{escape(turn.get('text') or '')}</li>"
        yield "</ol>"
    elif row.get("transcription_text"):
        yield f"<h3>What was said</h3><p>{escape(row['transcription_text'])}</p>"
    facts = [(_label(n), _value(n, v)) for n, v in row.items() if n not in _SKIP and v not in EMPTY]
    if facts:
        yield "<h3>What is noted with it</h3><dl>" + "".join(f"<div><dt>{escape(a)}</dt><dd>{escape(b)}</dd></div>" for a, b in facts) + "</dl>"
    yield "</details>"


def _speaker(turn: Mapping[str, Any]) -> str:
    name = str(turn.get("speaker") or "")
    return name or {1: "You", 2: "The company"}.get(turn.get("channel") or 0, "")


def _change(row: Mapping[str, Any]) -> Iterator[str]:
    what = str(row.get("item_type") or "record").rpartition("::")[2]
    yield f"<details><summary>{escape(what)} {escape(str(row.get('item_id') or ''))}: {escape(str(row.get('event') or 'change'))} of "
    yield f"{_when(row.get('created_at'))}</summary><dl>"
    for change in row.get("changes") or ():
        before, after = (_shorter(_text(change.get(side))) or "(nothing)" for side in ("before", "after"))
        yield f"<div><dt>{escape(str(change.get('field') or ''))}</dt><dd>{escape(before)} → {escape(after)}</dd></div>"
    yield "</dl></details>"


def _redactions(section: Section) -> Iterator[str]:
    kinds: dict[str, int] = {}
    for row in section.rows:
        kinds[str(row.get("entity_type"))] = kinds.get(str(row.get("entity_type")), 0) + 1
    yield "<dl>"
    for name, count in sorted(kinds.items(), key=lambda k: (-k[1], k[0])):
        yield f"<div><dt>{escape(_meaning(name))}</dt><dd>{count:,} time{'' if count == 1 else 's'}</dd></div>"
    yield "</dl>"


def _withheld(p: Package) -> Iterator[str]:
    yield "<h2>What is not in it, and why</h2>"
    if not p.withheld:
        yield "<p>Nothing was left out.</p>"
    else:
        yield "<ul>"
        for w in p.withheld:
            where, times = SECTIONS.get(str(w["from"]), str(w["from"])), f"{w['count']:,} time{'' if w['count'] == 1 else 's'}"
            yield f"<li>From {escape(where)}, {times}: {escape(str(w['explanation']))}.</li>"
        yield "</ul>"
    labels = _labels(p)
    if labels:
        yield "<p>Words in square brackets stand where something was taken out: <code>[withheld: …]</code> for this package, the others when the "
        yield "conversation was stored.</p><dl>"
        yield "".join(f"<div><dt><code>[{escape(name)}]</code></dt><dd>{escape(_meaning(name))}</dd></div>" for name in labels) + "</dl>"


def _labels(p: Package) -> list[str]:
    """Kinds of what was taken out of texts, as their labels name them."""
    found: set[str] = set()
    for section in p.sections:
        if section.category != "processing":
            found |= {m[1] for m in _LABEL.finditer(json.dumps(section.rows[:SHOWN], default=str, ensure_ascii=False))}
    return sorted(found)


def _context(p: Package) -> Iterator[str]:
    yield "<h2>About your data</h2>" + _facts(p.context, QUESTIONS)
    rules = p.context["retention_by_policy"]
    if rules:
        yield "<h3>How long, by the rules our systems follow</h3><ul>" + "".join(f"<li>{escape(_capital(r))}.</li>" for r in rules) + "</ul>"
    yield "<h2>Your rights</h2><p>You have the right</p><ul>" + "".join(f"<li>{escape(r)}</li>" for r in p.context["rights"]) + "</ul>"
    yield '<p class="soft">The articles are those of the General Data Protection Regulation (GDPR).</p>'
    yield "<h2>Whom to ask</h2>" + _facts(p.context, PEOPLE)


def _facts(context: Mapping[str, Any], names: Mapping[str, str]) -> str:
    out = ""
    for key, question in names.items():
        value = context.get(key)
        texts = [value] if isinstance(value, str) else list(value or ())
        if not texts and key in FACTS:
            texts = [NOT_STATED]
        if texts:
            out += f"<div><dt>{escape(question)}</dt>" + "".join(f"<dd>{escape(t)}</dd>" for t in texts) + "</div>"
    return f'<dl class="facts">{out}</dl>'


def _meaning(entity: str) -> str:
    return ENTITIES.get(entity, entity.removeprefix("X_").replace("_", " ").lower())


def _label(name: str) -> str:
    text = NAMES.get(name) or (BY_NAME[name].doc if name in BY_NAME else name.replace("_", " "))
    return _capital(re.sub(r"\b(?:contact|visitor)'s\b", "your", text.removesuffix(", seconds")).replace("of the contact", "of yours"))


def _value(name: str, value: Any) -> str:
    if name in _SECONDS and isinstance(value, int | float):
        return _seconds(value)
    if name == "direction":
        return {"inbound": "incoming", "outbound": "outgoing"}.get(str(value), str(value))
    if name == "extra" and isinstance(value, dict) and "mentioned_in" in value:
        return "mentioned in: " + ", ".join({"content": "what was said or written"}.get(w, w.replace("_", " ")) for w in value["mentioned_in"])
    return _shorter(_text(value))


def _shorter(text: str) -> str:
    return text if len(text) <= LONG else f"{text[:LONG]}… (all of it is in the files)"


def _seconds(value: float) -> str:
    minutes, seconds = divmod(round(value), 60)
    parts = [f"{minutes:,} minute{'' if minutes == 1 else 's'}"] if minutes else []
    return " ".join([*parts, f"{seconds} second{'' if seconds == 1 else 's'}"] if seconds or not minutes else parts)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _link(path: str, name: str) -> str:
    return f'<a href="{quote(path)}">{escape(name)}</a>'


def _when(value: Any) -> str:
    return value.strftime("%-d %B %Y, %H:%M UTC") if isinstance(value, dt.datetime) else escape(_text(value)) or "an unknown time"


def _text(value: Any) -> str:
    if isinstance(value, dt.datetime):
        return _when(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return "\n".join(f"{str(k).replace('_', ' ')}: {_text(v)}" for k, v in value.items() if v not in EMPTY)
    if isinstance(value, list | tuple):
        return "\n".join(_text(v) for v in value)
    return "" if value is None else str(value)
