"""The page that explains a package to the person it is about: plain words, no scripts, nothing from
the network.

It refers to files of the package alone, so that these open from it once the package is unpacked.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from callveil.transforms.governance.requests.package import (
    EMPTY,
    AccessPackage,
    PackageRecording,
    PackageSection,
)
from callveil.transforms.governance.requests.package_values import (
    LABEL,
    LANGUAGES,
    VOICE,
    capitalize_first,
    duration_in_words,
    entity_in_words,
    field_in_words,
    format_number,
    name_labels,
    rule_in_words,
    shorten,
    text_in_words,
    time_in_words,
    times_in_words,
    tr,
    value_in_words,
)

SHOWN = 200
"""Records of a kind that are shown on the page; all are in the data files."""

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
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; media-src 'self' file:; base-uri 'none'; "
    "form-action 'none'"
)
HELD = {
    "communication": (
        "conversation of yours",
        "conversations of yours",
        "What was said and written, when, and what we noted with it.",
    ),
    "staff": (
        "conversation",
        "conversations",
        "You took part as a member of staff. What is about our customers is left out.",
    ),
    "mentions": (
        "conversation of others",
        "conversations of others",
        "You are mentioned in it. We may only tell you that, and when it was.",
    ),
    "changes": ("change", "changes", "What was changed in records or settings that concern you."),
    "processing": (
        "redaction",
        "redactions",
        "What was taken out of your conversations when they were stored, and by which rule.",
    ),
}
"""What a section holds, in words: one, several, and what it is."""
SECTIONS = {
    "conversations": "your conversations",
    "staff_activity": "what you did as staff",
    "mentions": "conversations of others",
    "change_history": "changes",
    "redactions": "redactions",
    "recordings": "the recordings",
    "unreadable": "what could not be read when it came in",
    "inbox": "messages as they came in",
    "originals": "recordings as they came in",
}
QUESTIONS = {
    "purposes": "What we use it for",
    "lawful_basis": "Why we may",
    "source": "Where we have it from",
    "recipients": "Who receives it",
    "third_countries": "Countries outside the EEA or UK it goes to",
    "safeguards": "What protects it there",
    "retention": "How long we keep it",
    "automated_decisions": "Decisions made by machines alone",
}
PEOPLE = {
    "controller": "Who is responsible",
    "contact": "Where to write",
    "dpo": "Data protection officer",
    "authority": "Supervisory authority",
}
FACTS = frozenset(
    {"purposes", "source", "recipients", "third_countries", "automated_decisions", *PEOPLE}
    - {"dpo"}
)
"""What is asked about even where the company states nothing."""
NOT_STATED = "Not stated in this package. You can ask for it."
_SKIP = frozenset(
    {
        "words",
        "transcription_text",
        "outline",
        "chat_messages",
        "id",
        "account_id",
        "sid",
        "agency_id",
        "unix_time",
        "kind",
        "called_at",
        "updated_at",
        "caller_number_split",
        "caller_number_bare",
        "caller_number_complete",
        "caller_number_format",
    }
)


def render_readme(package: AccessPackage) -> bytes:
    """Return the page, UTF-8, in the package's language and zone."""
    voice = VOICE.set((LANGUAGES.get(package.language, {}), ZoneInfo(package.zone)))
    try:
        return "".join(_page(package)).encode("utf-8", "replace")
    finally:
        VOICE.reset(voice)


def _page(p: AccessPackage) -> Iterator[str]:
    title = tr("Your data" if p.kind == "access" else "Your data, to take with you")
    language = p.language if p.language in LANGUAGES else "en"
    yield (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8"><title>{title}</title>'
    )
    yield (
        f'<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}"><meta '
        'name="robots" content="noindex">'
    )
    yield (
        '<meta name="viewport" '
        f'content="width=device-width,initial-scale=1"><style>{STYLE}</style></head><body><main>'
    )
    whose = p.context.get("controller")
    asked = "You asked what data is held about you."
    if p.kind != "access":
        asked = "You asked for the data you provided, in a form you can take elsewhere."
    yield f"<h1>{title}</h1>"
    yield from _held(p)
    yield f"<p>{tr(asked)} " + (
        tr("Who answers: {name}.", name=escape(text_in_words(whose).splitlines()[0])) + " "
        if whose
        else ""
    )
    told = (
        "This is the answer to your request {id}, made on {when}. It holds personal data, so "
        "please keep it where only you can read it."
    )
    yield (
        tr(told, id=f"<code>{escape(p.request_id)}</code>", when=time_in_words(p.made_at)) + "</p>"
    )
    yield from _records(p)
    yield from _withheld(p)
    if p.kind == "access" or any(p.context.get(k) for k in (*QUESTIONS, *PEOPLE)):
        yield from _context(p)
    yield from _opening(p)
    yield "</main></body></html>\n"


def _held(p: AccessPackage) -> Iterator[str]:
    yield f"<h2>{tr('What we found')}</h2>"
    if not any(s.rows for s in p.sections) and not p.recordings:
        yield f"<p>{tr('We hold no records that are about you, as far as what you gave us tells.')}</p>"
        return
    yield '<ul class="held">'
    for s in p.sections:
        one, many, what = HELD[s.category]
        name = f"{format_number(len(s.rows))} {tr(one if len(s.rows) == 1 else many)}"
        yield f'<li><b><a href="#{s.name}">{name}</a></b><span class="soft">{tr(what)}</span></li>'
    if p.recordings:
        name = (
            f"{format_number(len(p.recordings))} "
            f"{tr('recording' if len(p.recordings) == 1 else 'recordings')}"
        )
        about = tr(
            "Of your calls; you can listen to them below. Personal words in them are covered by "
            "silence or a tone."
        )
        yield f'<li><b>{name}</b><span class="soft">{about}</span></li>'
    yield "</ul>"
    if p.context.get("categories") and p.kind == "access":
        kinds = "; ".join(tr(c["description"]) for c in p.context["categories"])
        yield f"<p>{tr('Kinds of data in it:')} {kinds}.</p>"


def _opening(p: AccessPackage) -> Iterator[str]:
    lines = [
        "Unpack the package first: on most computers a double click does, in Windows a right click "
        "and “Extract all”. "
        "Then open README.html again, which is this page."
    ]
    if p.sections:
        lines.append(
            "The same data lies in the folder data: the files that end in .csv open in a "
            "spreadsheet; "
            ".json and .parquet hold the same for programs."
        )
    if p.recordings:
        lines.append("Recordings lie in the folder recordings and play in any music player.")
    if p.kind == "portability" and p.sections:
        lines.append(
            "To take your data to another service, give it the files in data; "
            "those in schema tell its programs what each field means (JSON Schema)."
        )
    yield (
        f"<h2>{tr('How to open the files')}</h2><ol>"
        + "".join(f"<li>{tr(line)}</li>" for line in lines)
        + "</ol>"
    )
    for section in p.sections:
        files = ", ".join(
            f'<a href="data/{section.name}.{end}">{section.name}.{end}</a>'
            for end in ("csv", "json", "parquet")
        )
        yield f"<p>{tr(section.title)}: {files}</p>"
    check = (
        "For those who want to check: manifest.json lists every file with its SHA-256; "
        "withheld.json and context.json hold for programs "
        "what this page says about what is not here and about your rights."
    )
    yield f'<p class="soft">{tr(check)}</p>'


def _records(p: AccessPackage) -> Iterator[str]:
    sounds: dict[tuple[str, str], PackageRecording] = {
        (r.account_id, r.record_id): r for r in p.recordings
    }
    for section in p.sections:
        yield f'<h2 id="{section.name}">{tr(section.title)}</h2>'
        if section.category == "processing":
            yield from _redactions(section)
            continue
        if len(section.rows) > SHOWN:
            some = tr(
                "Here are the first {n} of {all}; the files hold all.",
                n=SHOWN,
                all=format_number(len(section.rows)),
            )
            yield f'<p class="soft">{some}</p>'
        for row in section.rows[:SHOWN]:
            if section.category == "changes":
                yield from _change(row)
            else:
                yield from _conversation(
                    row, sounds.pop((str(row.get("account_id")), str(row.get("id"))), None)
                )
    if sounds:
        links = "".join(f"<li>{_link(r.path, r.name)}</li>" for _, r in sorted(sounds.items()))
        yield f"<h2>{tr('Other recordings')}</h2><ul>{links}</ul>"


def _conversation(row: Mapping[str, Any], sound: PackageRecording | None) -> Iterator[str]:
    kind = {"call": "Call", "text": "Text message", "chat": "Chat", "form": "Form"}.get(
        str(row.get("kind")), "Record"
    )
    length = f", {duration_in_words(row['duration'])}" if row.get("duration") else ""
    more = f" <small>{tr('with its recording')}</small>" if sound else ""
    yield (
        "<details "
        f"open><summary>{tr('{kind} of {when}', kind=tr(kind), when=time_in_words(row.get('called_at')))}{length}{more}</summary>"
    )
    if sound:
        whole = tr("All of it is covered, since nothing told what is said in it.")
        some = (
            tr("Covered in {n} places.", n=format_number(sound.covered))
            if sound.covered
            else tr("Nothing in it is covered.")
        )
        yield (
            f'<audio controls preload="none" src="{quote(sound.path)}"></audio><p '
            f'class="soft">{_link(sound.path, sound.name)}, '
        )
        yield f"{duration_in_words(sound.seconds)}. {whole if sound.whole else some}</p>"
    turns = row.get("outline") or row.get("chat_messages") or ()
    if turns:
        yield (
            f"<h3>{tr('What was said' if row.get('outline') else 'What was written')}</h3><ol "
            'class="said">'
        )
        for turn in turns:
            mine = ' class="mine"' if turn.get("channel") == 1 else ""
            yield f"<li{mine}><b>{escape(_speaker(turn))}</b>{escape(name_labels(turn.get('text') or ''))}</li>"
        yield "</ol>"
    elif row.get("transcription_text"):
        yield f"<h3>{tr('What was said')}</h3><p>{escape(name_labels(row['transcription_text']))}</p>"
    facts = [
        (field_in_words(n), value_in_words(n, v))
        for n, v in row.items()
        if n not in _SKIP and v not in EMPTY
    ]
    if facts:
        listed = "".join(f"<div><dt>{escape(a)}</dt><dd>{escape(b)}</dd></div>" for a, b in facts)
        yield f"<h3>{tr('What is noted with it')}</h3><dl>{listed}</dl>"
    yield "</details>"


def _speaker(turn: Mapping[str, Any]) -> str:
    name = str(turn.get("speaker") or "")
    side = {1: "You", 2: "The company"}.get(turn.get("channel") or 0, "")
    return name or (tr(side) if side else "")


def _change(row: Mapping[str, Any]) -> Iterator[str]:
    what = str(row.get("item_type") or "record").rpartition("::")[2]
    name = escape(f"{what} {row.get('item_id') or ''}: {row.get('event') or 'change'}")
    yield (
        "<details "
        f"open><summary>{tr('{kind} of {when}', kind=name, when=time_in_words(row.get('created_at')))}</summary><dl>"
    )
    for change in row.get("changes") or ():
        before, after = (
            escape(shorten(text_in_words(change.get(side)))) or tr("(nothing)")
            for side in ("before", "after")
        )
        yield (
            f"<div><dt>{escape(str(change.get('field') or ''))}</dt><dd>{before} → "
            f"{after}</dd></div>"
        )
    yield "</dl></details>"


def _redactions(section: PackageSection) -> Iterator[str]:
    kinds: dict[str, int] = {}
    for row in section.rows:
        kinds[str(row.get("entity_type"))] = kinds.get(str(row.get("entity_type")), 0) + 1
    yield "<dl>"
    for name, count in sorted(kinds.items(), key=lambda k: (-k[1], k[0])):
        yield f"<div><dt>{escape(entity_in_words(name))}</dt><dd>{times_in_words(count)}</dd></div>"
    yield "</dl>"


def _withheld(p: AccessPackage) -> Iterator[str]:
    yield f"<h2>{tr('What is not in it, and why')}</h2>"
    if not p.withheld:
        yield f"<p>{tr('Nothing was left out.')}</p>"
    else:
        yield "<ul>"
        for w in p.withheld:
            where, why = SECTIONS.get(str(w["from"]), str(w["from"])), str(w["explanation"])
            yield f"<li>{tr('From {where}, {times}: {why}.', where=tr(where), times=times_in_words(w['count']), why=tr(why))}</li>"
        yield "</ul>"
    if _is_labelled(p):
        told = (
            "Words in square brackets stand where something was taken out: [withheld: …] for this "
            "package, "
            "the others when the conversation was stored."
        )
        yield f"<p>{tr(told)}</p>"


def _is_labelled(p: AccessPackage) -> bool:
    """Tell whether something stands in a text for what was taken out."""
    rows = (s.rows[:SHOWN] for s in p.sections if s.category != "processing")
    return any(LABEL.search(json.dumps(own, default=str, ensure_ascii=False)) for own in rows)


def _context(p: AccessPackage) -> Iterator[str]:
    yield f"<h2>{tr('About your data')}</h2>" + _facts(p.context, QUESTIONS)
    rules = p.context["retention_by_policy"]
    if rules:
        listed = "".join(f"<li>{escape(capitalize_first(rule_in_words(r)))}.</li>" for r in rules)
        yield f"<h3>{tr('How long, by the rules our systems follow')}</h3><ul>{listed}</ul>"
    rights = "".join(f"<li>{tr(r)}</li>" for r in p.context["rights"])
    yield f"<h2>{tr('Your rights')}</h2><p>{tr('You have the right')}</p><ul>{rights}</ul>"
    yield f'<p class="soft">{tr("The articles are those of the General Data Protection Regulation (GDPR).")}</p>'
    yield f"<h2>{tr('Whom to ask')}</h2>" + _facts(p.context, PEOPLE)


def _facts(context: Mapping[str, Any], names: Mapping[str, str]) -> str:
    out = ""
    for key, question in names.items():
        value = context.get(key)
        texts = [value] if isinstance(value, str) else list(value or ())
        shown = [escape(t) for t in texts] or ([tr(NOT_STATED)] if key in FACTS else [])
        if shown:
            out += (
                f"<div><dt>{tr(question)}</dt>" + "".join(f"<dd>{t}</dd>" for t in shown) + "</div>"
            )
    return f'<dl class="facts">{out}</dl>'


def _link(path: str, name: str) -> str:
    return f'<a href="{quote(path)}">{escape(name)}</a>'
