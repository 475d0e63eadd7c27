"""The page that explains a package to the person it is about: plain words, no scripts, nothing from
the network.

It refers to files of the package alone, so that these open from it once the package is unpacked.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from html import escape
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from callveil.schemas.entities import ENTITIES
from callveil.schemas.interaction import BY_NAME
from callveil.transforms.governance.requests.package import (
    EMPTY,
    AccessPackage,
    PackageRecording,
    PackageSection,
)
from callveil.transforms.governance.requests.package_readme_de import WORDS as GERMAN
from callveil.transforms.governance.requests.package_words import (
    CUT,
    FACTS,
    HELD,
    NAMES,
    NOT_STATED,
    PEOPLE,
    POLICY,
    QUESTIONS,
    SECTIONS,
    STYLE,
)

SHOWN = 200
"""Records of a kind that are shown on the page; all are in the data files."""
LONG = 600
"""Characters of a single value that are shown."""

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
LANGUAGES: Mapping[str, Mapping[str, str]] = {"en": {}, "de": GERMAN}
"""Languages of the page, with their words by the English ones."""
_VOICE: ContextVar[tuple[Mapping[str, str], ZoneInfo]] = ContextVar(
    "voice", default=(LANGUAGES["en"], ZoneInfo("UTC"))
)
_LABEL = re.compile(r"\[(?:withheld: )?([A-Z][A-Z0-9_]{1,63})(?::[^\]\s]*)?\]")
_RULE = re.compile(
    r"(?P<what>.+?)(?: of (?P<who>.+) accounts)?: (?P<verb>deleted after|cleared of everything "
    r"personal after|kept for at least) (?P<n>\d+) days"
    r"(?: (?P<clock>from the end of the account they belong to))?(?: \((?P<basis>.*)\))?"
)
_SECONDS = frozenset({"duration", "talk_time", "ring_time", "hold_time"})


def render_readme(package: AccessPackage) -> bytes:
    """Return the page, UTF-8, in the package's language and zone."""
    voice = _VOICE.set((LANGUAGES.get(package.language, {}), ZoneInfo(package.zone)))
    try:
        return "".join(_page(package)).encode("utf-8", "replace")
    finally:
        _VOICE.reset(voice)


def _t(text: str, **values: object) -> str:
    """Return a text in the page's language, escaped; `values` stand in it as they are. Without a
    translation it is English.
    """
    made = escape(_VOICE.get()[0].get(text, text), quote=False)
    return made.format(**values) if values else made


def _page(p: AccessPackage) -> Iterator[str]:
    title = _t("Your data" if p.kind == "access" else "Your data, to take with you")
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
    yield f"<p>{_t(asked)} " + (
        _t("Who answers: {name}.", name=escape(_text(whose).splitlines()[0])) + " " if whose else ""
    )
    told = (
        "This is the answer to your request {id}, made on {when}. It holds personal data, so "
        "please keep it where only you can read it."
    )
    yield _t(told, id=f"<code>{escape(p.request_id)}</code>", when=_when(p.made_at)) + "</p>"
    yield from _records(p)
    yield from _withheld(p)
    if p.kind == "access" or any(p.context.get(k) for k in (*QUESTIONS, *PEOPLE)):
        yield from _context(p)
    yield from _opening(p)
    yield "</main></body></html>\n"


def _held(p: AccessPackage) -> Iterator[str]:
    yield f"<h2>{_t('What we found')}</h2>"
    if not any(s.rows for s in p.sections) and not p.recordings:
        yield f"<p>{_t('We hold no records that are about you, as far as what you gave us tells.')}</p>"
        return
    yield '<ul class="held">'
    for s in p.sections:
        one, many, what = HELD[s.category]
        name = f"{_number(len(s.rows))} {_t(one if len(s.rows) == 1 else many)}"
        yield f'<li><b><a href="#{s.name}">{name}</a></b><span class="soft">{_t(what)}</span></li>'
    if p.recordings:
        name = (
            f"{_number(len(p.recordings))} "
            f"{_t('recording' if len(p.recordings) == 1 else 'recordings')}"
        )
        about = _t(
            "Of your calls; you can listen to them below. Personal words in them are covered by "
            "silence or a tone."
        )
        yield f'<li><b>{name}</b><span class="soft">{about}</span></li>'
    yield "</ul>"
    if p.context.get("categories") and p.kind == "access":
        kinds = "; ".join(_t(c["description"]) for c in p.context["categories"])
        yield f"<p>{_t('Kinds of data in it:')} {kinds}.</p>"


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
        f"<h2>{_t('How to open the files')}</h2><ol>"
        + "".join(f"<li>{_t(line)}</li>" for line in lines)
        + "</ol>"
    )
    for section in p.sections:
        files = ", ".join(
            f'<a href="data/{section.name}.{end}">{section.name}.{end}</a>'
            for end in ("csv", "json", "parquet")
        )
        yield f"<p>{_t(section.title)}: {files}</p>"
    check = (
        "For those who want to check: manifest.json lists every file with its SHA-256; "
        "withheld.json and context.json hold for programs "
        "what this page says about what is not here and about your rights."
    )
    yield f'<p class="soft">{_t(check)}</p>'


def _records(p: AccessPackage) -> Iterator[str]:
    sounds: dict[tuple[str, str], PackageRecording] = {
        (r.account_id, r.record_id): r for r in p.recordings
    }
    for section in p.sections:
        yield f'<h2 id="{section.name}">{_t(section.title)}</h2>'
        if section.category == "processing":
            yield from _redactions(section)
            continue
        if len(section.rows) > SHOWN:
            some = _t(
                "Here are the first {n} of {all}; the files hold all.",
                n=SHOWN,
                all=_number(len(section.rows)),
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
        yield f"<h2>{_t('Other recordings')}</h2><ul>{links}</ul>"


def _conversation(row: Mapping[str, Any], sound: PackageRecording | None) -> Iterator[str]:
    kind = {"call": "Call", "text": "Text message", "chat": "Chat", "form": "Form"}.get(
        str(row.get("kind")), "Record"
    )
    length = f", {_seconds(row['duration'])}" if row.get("duration") else ""
    more = f" <small>{_t('with its recording')}</small>" if sound else ""
    yield (
        "<details "
        f"open><summary>{_t('{kind} of {when}', kind=_t(kind), when=_when(row.get('called_at')))}{length}{more}</summary>"
    )
    if sound:
        whole = _t("All of it is covered, since nothing told what is said in it.")
        some = (
            _t("Covered in {n} places.", n=_number(sound.covered))
            if sound.covered
            else _t("Nothing in it is covered.")
        )
        yield (
            f'<audio controls preload="none" src="{quote(sound.path)}"></audio><p '
            f'class="soft">{_link(sound.path, sound.name)}, '
        )
        yield f"{_seconds(sound.seconds)}. {whole if sound.whole else some}</p>"
    turns = row.get("outline") or row.get("chat_messages") or ()
    if turns:
        yield (
            f"<h3>{_t('What was said' if row.get('outline') else 'What was written')}</h3><ol "
            'class="said">'
        )
        for turn in turns:
            mine = ' class="mine"' if turn.get("channel") == 1 else ""
            yield f"<li{mine}><b>{escape(_speaker(turn))}</b>{escape(_readable(turn.get('text') or ''))}</li>"
        yield "</ol>"
    elif row.get("transcription_text"):
        yield f"<h3>{_t('What was said')}</h3><p>{escape(_readable(row['transcription_text']))}</p>"
    facts = [(_label(n), _value(n, v)) for n, v in row.items() if n not in _SKIP and v not in EMPTY]
    if facts:
        listed = "".join(f"<div><dt>{escape(a)}</dt><dd>{escape(b)}</dd></div>" for a, b in facts)
        yield f"<h3>{_t('What is noted with it')}</h3><dl>{listed}</dl>"
    yield "</details>"


def _speaker(turn: Mapping[str, Any]) -> str:
    name = str(turn.get("speaker") or "")
    side = {1: "You", 2: "The company"}.get(turn.get("channel") or 0, "")
    return name or (_t(side) if side else "")


def _change(row: Mapping[str, Any]) -> Iterator[str]:
    what = str(row.get("item_type") or "record").rpartition("::")[2]
    name = escape(f"{what} {row.get('item_id') or ''}: {row.get('event') or 'change'}")
    yield (
        "<details "
        f"open><summary>{_t('{kind} of {when}', kind=name, when=_when(row.get('created_at')))}</summary><dl>"
    )
    for change in row.get("changes") or ():
        before, after = (
            escape(_shorter(_text(change.get(side)))) or _t("(nothing)")
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
        yield f"<div><dt>{escape(_meaning(name))}</dt><dd>{_times(count)}</dd></div>"
    yield "</dl>"


def _times(count: int) -> str:
    return _t("{n} time" if count == 1 else "{n} times", n=_number(count))


def _number(count: int) -> str:
    return f"{count:,}" if not _VOICE.get()[0] else f"{count:,}".replace(",", ".")


def _withheld(p: AccessPackage) -> Iterator[str]:
    yield f"<h2>{_t('What is not in it, and why')}</h2>"
    if not p.withheld:
        yield f"<p>{_t('Nothing was left out.')}</p>"
    else:
        yield "<ul>"
        for w in p.withheld:
            where, why = SECTIONS.get(str(w["from"]), str(w["from"])), str(w["explanation"])
            yield f"<li>{_t('From {where}, {times}: {why}.', where=_t(where), times=_times(w['count']), why=_t(why))}</li>"
        yield "</ul>"
    if _is_labelled(p):
        told = (
            "Words in square brackets stand where something was taken out: [withheld: …] for this "
            "package, "
            "the others when the conversation was stored."
        )
        yield f"<p>{_t(told)}</p>"


def _is_labelled(p: AccessPackage) -> bool:
    """Tell whether something stands in a text for what was taken out."""
    rows = (s.rows[:SHOWN] for s in p.sections if s.category != "processing")
    return any(_LABEL.search(json.dumps(own, default=str, ensure_ascii=False)) for own in rows)


def _readable(text: str) -> str:
    """Return a text with words for what was taken out of it: `[telephone number]`; the files keep
    its label, `[PHONE_NUMBER]`.
    """

    def said(match: re.Match[str]) -> str:
        words = _VOICE.get()[0]
        kind = re.split(
            r"[,:(]",
            ENTITIES.get(match[1]) or match[1].removeprefix("X_").replace("_", " ").lower(),
        )[0].strip()
        kind = {"PERSON": "name"}.get(match[1], kind)
        kind = words.get(kind, words.get(ENTITIES.get(match[1], ""), kind))
        return (
            f"[{words.get('withheld', 'withheld')}: {kind}]"
            if match[0].startswith("[withheld")
            else f"[{kind}]"
        )

    return _LABEL.sub(said, text)


def _context(p: AccessPackage) -> Iterator[str]:
    yield f"<h2>{_t('About your data')}</h2>" + _facts(p.context, QUESTIONS)
    rules = p.context["retention_by_policy"]
    if rules:
        listed = "".join(f"<li>{escape(_capital(_rule(r)))}.</li>" for r in rules)
        yield f"<h3>{_t('How long, by the rules our systems follow')}</h3><ul>{listed}</ul>"
    rights = "".join(f"<li>{_t(r)}</li>" for r in p.context["rights"])
    yield f"<h2>{_t('Your rights')}</h2><p>{_t('You have the right')}</p><ul>{rights}</ul>"
    yield f'<p class="soft">{_t("The articles are those of the General Data Protection Regulation (GDPR).")}</p>'
    yield f"<h2>{_t('Whom to ask')}</h2>" + _facts(p.context, PEOPLE)


def _rule(text: str) -> str:
    """Return a rule of `context.retention_of` in the page's language."""
    told, words = _RULE.fullmatch(text), _VOICE.get()[0]
    if told is None or not words:
        return text
    what = ", ".join(words.get(w, w) for w in told["what"].split(", "))
    who = " ".join(words.get(w, w) for w in (told["who"] or "").split())
    what += " " + words["of {who} accounts"].format(who=who) if who else ""
    form = words[f"{{what}}: {told['verb']} {{n}} days"].format(what=what, n=told["n"])
    clock = f" {words[told['clock']]}" if told["clock"] else ""
    return form + clock + (f" ({told['basis']})" if told["basis"] else "")


def _facts(context: Mapping[str, Any], names: Mapping[str, str]) -> str:
    out = ""
    for key, question in names.items():
        value = context.get(key)
        texts = [value] if isinstance(value, str) else list(value or ())
        shown = [escape(t) for t in texts] or ([_t(NOT_STATED)] if key in FACTS else [])
        if shown:
            out += (
                f"<div><dt>{_t(question)}</dt>" + "".join(f"<dd>{t}</dd>" for t in shown) + "</div>"
            )
    return f'<dl class="facts">{out}</dl>'


def _meaning(entity: str) -> str:
    meaning = ENTITIES.get(entity, entity.removeprefix("X_").replace("_", " ").lower())
    return _VOICE.get()[0].get(meaning, meaning)


def _label(name: str) -> str:
    if name in NAMES:
        return _VOICE.get()[0].get(NAMES[name], NAMES[name])
    text = BY_NAME[name].doc if name in BY_NAME else name.replace("_", " ")
    label = _capital(
        re.sub(
            r"\b(?:(?:the )?contact|visitor)'s\b", "your", text.removesuffix(", seconds")
        ).replace("of the contact", "of yours")
    )
    return _VOICE.get()[0].get(label, label)


def _value(name: str, value: Any) -> str:
    if name in _SECONDS and isinstance(value, int | float):
        return _seconds(value)
    if name == "direction":
        return _t({"inbound": "incoming", "outbound": "outgoing"}.get(str(value), str(value)))
    if name in ("status", "call_status", "dial_status", "chat_status") and isinstance(value, str):
        return _VOICE.get()[0].get(value.replace("_", " ").replace("-", " ").lower(), value)
    if name == "language":
        known = {"en": "English", "de": "German", "es": "Spanish", "fr": "French"}.get(
            str(value)[:2], str(value)
        )
        return _VOICE.get()[0].get(known, known)
    if name == "extra" and isinstance(value, dict) and "mentioned_in" in value:
        where = (
            {"content": "what was said or written"}.get(w, w.replace("_", " "))
            for w in value["mentioned_in"]
        )
        return f"{_t('mentioned in')}: " + ", ".join(map(_t, where))
    return _shorter(_text(value))


def _shorter(text: str) -> str:
    return text if len(text) <= LONG else _VOICE.get()[0].get(CUT, CUT).format(text=text[:LONG])


def _seconds(value: float) -> str:
    minutes, seconds = divmod(round(value), 60)
    parts = (
        [_t("{n} minute" if minutes == 1 else "{n} minutes", n=_number(minutes))] if minutes else []
    )
    return " ".join(
        [*parts, _t("{n} second" if seconds == 1 else "{n} seconds", n=seconds)]
        if seconds or not minutes
        else parts
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _link(path: str, name: str) -> str:
    return f'<a href="{quote(path)}">{escape(name)}</a>'


def _when(value: Any) -> str:
    if not isinstance(value, dt.datetime):
        return escape(_text(value)) or _t("an unknown time")
    at = value.astimezone(_VOICE.get()[1])
    parts = {
        "day": at.day,
        "month": _t(at.strftime("%B")),
        "year": at.year,
        "time": at.strftime("%H:%M"),
        "zone": at.tzname(),
    }
    return _t("{day} {month} {year}, {time} ({zone})", **parts)


def _text(value: Any) -> str:
    if isinstance(value, dt.datetime):
        return _when(value)
    if isinstance(value, bool):
        return _t("yes" if value else "no")
    if isinstance(value, dict) and value.keys() >= {"label", "value"}:  # a field of a form
        return f"{value['label']}: {_text(value['value'])}"
    if isinstance(value, dict):
        return "\n".join(
            f"{str(k).replace('_', ' ')}: {_text(v)}" for k, v in value.items() if v not in EMPTY
        )
    if isinstance(value, list | tuple):
        return "\n".join(_text(v) for v in value)
    return "" if value is None else _readable(str(value))
