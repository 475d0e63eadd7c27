"""Letters to a person about their request, and a one-page certificate, as HTML that is ready to
print. They hold no record of the person.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

from callveil.schemas.display_words import value_in_words
from callveil.schemas.subject import SubjectRequest
from callveil.transforms.governance.requests.deadline import load_time_zone
from callveil.transforms.governance.requests.package_readme_de import WORDS as GERMAN
from callveil.transforms.governance.requests.register import RegisterError

_RIGHTS = {
    "access": "access to your personal data (Article 15)",
    "portability": "a portable copy of your personal data (Article 20)",
    "erasure": "erasure of your personal data (Article 17)",
    "restriction": "restriction of processing (Article 18)",
    "objection": "objection to processing (Article 21)",
    "rectification": "rectification of your personal data (Article 16)",
}
_COMPLAINT = (
    "You have the right to lodge a complaint with a data protection supervisory authority, in "
    "particular where you live or work or where you "
    "think the law was infringed (Article 77), and the right to a judicial remedy (Article 79)."
)
LANGUAGES: Mapping[str, Mapping[str, str]] = {"en": {}, "de": GERMAN}
"""Languages of letters, with their words by the English ones."""
_CSS = """:root { color-scheme: light } @page { size: A4; margin: 22mm }
body { font: 11pt/1.5 Georgia, serif; color: #111; background: #fff; max-width: 42rem; margin: 2rem auto;
padding: 0 1rem } h1 { font-size: 1.25rem }
dl { display: grid; grid-template-columns: auto 1fr; gap: .2rem 1rem } dd { margin: 0; overflow-wrap: anywhere }
table { border-collapse: collapse; width: 100%; font-size: 9pt }
th, td { border: 1px solid #777; padding: .2rem .4rem; text-align: left; vertical-align: top; overflow-wrap: break-word }
.num { text-align: right } .sign { margin-top: 3rem }
@media (max-width: 480px) { dl { grid-template-columns: 1fr; gap: 0 } dd { margin-bottom: .4rem } dt { color: #444 }
th, td { padding: .15rem .2rem } table { font-size: 8pt } }
@media print { body { margin: 0; max-width: none; padding: 0 } tr { break-inside: avoid } }"""


def render_letter(
    kind: str,
    request: SubjectRequest,
    on: dt.datetime,
    reason: str = "",
    certificates: Sequence[Mapping[str, Any]] = (),
    language: str = "en",
) -> str:
    """Return one letter, with blanks for name and signature.

    Args:
        kind: one of `schemas.subject.LETTERS`.
        on: date of the letter.
        reason: free text of an extension or a refusal, opened.
        certificates: of the request's erasures and restrictions.
        language: of letters, one of `LANGUAGES`; a certificate is in English.

    Raises `RegisterError` where the register does not bear the letter out.
    """
    place, known = (
        load_time_zone(request.zone),
        LANGUAGES.get(language if kind != "certificate" else "en", {}),
    )

    def day(when: dt.datetime | None) -> str:
        if when is None:
            return "-"
        at = when.astimezone(place)
        month = at.strftime("%B")
        return f"{at.day}. {known[month]} {at.year}" if known else f"{at.day} {month} {at.year}"

    def say(text: str, **values: str) -> str:
        return known.get(text, text).format(**values)

    title, body = _letter(kind, request, reason, certificates, day, say)
    lines = "".join(f"<p>{escape(text)}</p>" for text in body)
    facts = [(say("Reference"), request.request_id), (say("Date"), day(on))]
    if kind == "certificate":
        facts += _certified(certificates, day)
        lines = _table(certificates)
    head = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts)
    greeting = "" if kind == "certificate" else f"<p>{say('To:')} ____________________________</p>"
    return (
        f'<!DOCTYPE html>\n<html lang="{language if known else "en"}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_CSS}</style></head><body><main><h1>{escape(title)}</h1><dl>{head}</dl>{greeting}{lines}"
        f'<p class="sign">____________________________<br>{say("for the controller")}</p></main></body></html>\n'
    )


def _letter(
    kind: str,
    request: SubjectRequest,
    reason: str,
    certificates: Sequence[Mapping[str, Any]],
    day: Callable[[dt.datetime | None], str],
    say: Callable[..., str],
) -> tuple[str, list[str]]:
    """Return the title and paragraphs of a letter."""
    what = {"right": say(_RIGHTS[request.type]), "received": day(request.received_at)}
    if kind == "received":
        return say("We have received your request"), [
            say("On {received} we received your request for {right}.", **what),
            say(
                "We will answer by {day} at the latest. If we need more information to be sure who "
                "you are, we will ask you.",
                day=day(request.last_day),
            ),
        ]
    if kind == "extended":
        if not request.extended_due_at:
            raise RegisterError(
                f"request {request.request_id}: was not extended; `callveil subject extend` enters "
                "an extension first"
            )
        return say("We need more time for your request"), [
            say(
                "Your request for {right} of {received} would have been due on {day}.",
                **what,
                day=day(request.due_at),
            ),
            say(
                "We extend this time to {day} (Article 12(3)). The reason: {reason}.",
                day=day(request.extended_due_at),
                reason=reason or say("see our separate explanation"),
            ),
            say(_COMPLAINT),
        ]
    if kind == "granted":
        if request.decision not in ("granted", "partly_granted"):
            raise RegisterError(
                f"request {request.request_id}: was not granted; `callveil subject close` enters "
                "the decision first"
            )
        partly = request.decision == "partly_granted"
        told = (
            "Your request for {right} of {received} is granted in part."
            if partly
            else "Your request for {right} of {received} is granted."
        )
        body = [say(told, **what)]
        body += (
            [say("Not carried out: {what}.", what="; ".join(request.systems_not_executed))]
            if request.systems_not_executed
            else []
        )
        body += (
            [say("Exemptions we rely on: {what}.", what="; ".join(request.exemptions))]
            if request.exemptions
            else []
        )
        return say(
            "Your request is granted in part" if partly else "Your request is granted"
        ), body + ([say(_COMPLAINT)] if partly else [])
    if kind == "refused":
        if request.decision != "refused":
            raise RegisterError(
                f"request {request.request_id}: was not refused; `callveil subject close` enters "
                "the decision first"
            )
        ground = say(
            "We cannot meet your request for {right} of {received}. The ground: {ground}.",
            **what,
            ground=request.refusal_ground,
        )
        return say("Your request is refused"), [
            ground,
            *([say("The reason: {reason}.", reason=reason)] if reason else []),
            say(_COMPLAINT),
        ]
    if not certificates:
        raise RegisterError(
            f"request {request.request_id}: has no certificate; an erasure or restriction that is "
            "carried out makes one"
        )
    return f"Certificate of {' and '.join(sorted({c['scope'] for c in certificates}))}", []


def _certified(rows: Sequence[Mapping[str, Any]], day: Any) -> list[tuple[str, str]]:
    """Return what the certificates of all runs of a request say together."""

    def each(name: str) -> list[Any]:
        return list(dict.fromkeys(r[name] for r in rows if r.get(name)))

    done = [" and ".join(map(day, each(n))) for n in ("started_at", "entered_at")]
    waiting = sum(r["completed_at"] is None for r in rows)
    gone, aside = (
        sum(r["rows_erased"] or 0 for r in rows if r["scope"] == scope)
        for scope in ("erasure", "restriction")
    )
    hits = {
        r["evidence_root_sha256"]: r["residual_hits"] or 0 for r in rows
    }  # of a run; each of its certificates has it
    return [
        ("Carried out", f"{done[0]} as stated" + (f", entered {done[1]}" if done[1] else "")),
        (
            "Every copy purged",
            "not yet: old copies are locked" if waiting else day(max(each("completed_at"))),
        ),
        *([("Rows erased", f"{gone:,}")] if "erasure" in each("scope") else []),
        *([("Rows set aside", f"{aside:,}")] if "restriction" in each("scope") else []),
        ("Rows kept", f"{sum(r['rows_retained'] or 0 for r in rows):,}"),
        ("Found by the check afterwards", f"{sum(hits.values()):,} rows"),
        ("Checked by", "; ".join(each("verification_method"))),
        ("Evidence", ", ".join(each("evidence_root_sha256"))),
        ("Signed with key", ", ".join(each("signer_key_id")) or "not signed"),
    ]


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    shown = [r for r in rows if r["rows_matched"] or r["retention_ground"]]
    counts = ("rows_matched", "rows_erased", "rows_retained")
    heads = "".join(
        f'<th scope="col"{mark}>{h}</th>'
        for h, mark in (
            ("What", ""),
            ("How", ""),
            *((h, ' class="num"') for h in ("Found", "Done", "Kept")),
            ("Ground", ""),
        )
    )
    cells = "".join(
        f"<tr><td>{escape(_what(r))}</td><td>{escape(value_in_words('method', r['method']))}</td>"
        + "".join(f'<td class="num">{r[c] or 0:,}</td>' for c in counts)
        + f"<td>{escape(r['retention_ground'] or '-')}</td></tr>"
        for r in shown
    )
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{cells}</tbody></table>"


def _what(row: Mapping[str, Any]) -> str:
    """Return what was dealt with, in words, with its place where that has another name."""
    name = value_in_words("record_class", row["record_class"])
    return name if row["location"] == row["record_class"] else f"{name} ({row['location']})"
