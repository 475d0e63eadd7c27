"""Letters to a person about their request, and a one-page certificate, as HTML that is ready to print. They hold no record of the person."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from callveil.schemas.subject import SubjectRequest
from callveil.transforms.report.words import words
from callveil.transforms.subject.deadline import zone_of
from callveil.transforms.subject.register import RegisterError

KINDS = ("received", "extended", "granted", "refused", "certificate")
_RIGHTS = {
    "access": "access to your personal data (Article 15)", "portability": "a portable copy of your personal data (Article 20)",
    "erasure": "erasure of your personal data (Article 17)", "restriction": "restriction of processing (Article 18)",
    "objection": "objection to processing (Article 21)", "rectification": "rectification of your personal data (Article 16)",
}  # fmt: skip
_COMPLAINT = (
    "You have the right to lodge a complaint with a data protection supervisory authority, in particular where you live or work or where you "
    "think the law was infringed (Article 77), and the right to a judicial remedy (Article 79)."
)
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


def letter(kind: str, request: SubjectRequest, on: dt.datetime, reason: str = "", certificates: Sequence[Mapping[str, Any]] = ()) -> str:
    """One letter, with blanks for name and signature.

    Args:
        kind: one of `KINDS`.
        on: date of the letter.
        reason: free text of an extension or a refusal, opened.
        certificates: of the request's erasures and restrictions.

    Raises `RegisterError` where the register does not bear the letter out.
    """
    place = zone_of(request.zone)

    def day(when: dt.datetime | None) -> str:
        return f"{when.astimezone(place):%d %B %Y}".lstrip("0") if when else "-"

    right = _RIGHTS[request.type]
    if kind == "received":
        title = "We have received your request"
        body = [f"On {day(request.received_at)} we received your request for {right}.",
                f"We will answer by {day(request.last_day)} at the latest. "
                "If we need more information to be sure who you are, we will ask you."]  # fmt: skip
    elif kind == "extended":
        if not request.extended_due_at:
            raise RegisterError(f"request {request.request_id}: was not extended; `callveil subject extend` enters an extension first")
        title = "We need more time for your request"
        body = [f"Your request for {right} of {day(request.received_at)} would have been due on {day(request.due_at)}.",
                f"We extend this time to {day(request.extended_due_at)} (Article 12(3)). The reason: {reason or 'see our separate explanation'}.",
                _COMPLAINT]  # fmt: skip
    elif kind == "granted":
        if request.decision not in ("granted", "partly_granted"):
            raise RegisterError(f"request {request.request_id}: was not granted; `callveil subject close` enters the decision first")
        part = " in part" if request.decision == "partly_granted" else ""
        title = f"Your request is granted{part}"
        body = [f"Your request for {right} of {day(request.received_at)} is granted{part}."]
        body += [f"Not carried out: {'; '.join(request.systems_not_executed)}."] if request.systems_not_executed else []
        body += [f"Exemptions we rely on: {'; '.join(request.exemptions)}."] if request.exemptions else []
        body += [_COMPLAINT] if part else []
    elif kind == "refused":
        if request.decision != "refused":
            raise RegisterError(f"request {request.request_id}: was not refused; `callveil subject close` enters the decision first")
        title = "Your request is refused"
        body = [f"We cannot meet your request for {right} of {day(request.received_at)}. The ground: {request.refusal_ground}.",
                *([f"The reason: {reason}."] if reason else []), _COMPLAINT]  # fmt: skip
    else:
        if not certificates:
            raise RegisterError(f"request {request.request_id}: has no certificate; an erasure or restriction that is carried out makes one")
        title = f"Certificate of {' and '.join(sorted({c['scope'] for c in certificates}))}"
        body = []
    lines = "".join(f"<p>{escape(text)}</p>" for text in body)
    facts = [("Reference", request.request_id), ("Date", day(on))]
    if kind == "certificate":
        facts += _certified(certificates, day)
        lines = _table(certificates)
    head = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts)
    greeting = "" if kind == "certificate" else "<p>To: ____________________________</p>"
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_CSS}</style></head><body><main><h1>{escape(title)}</h1><dl>{head}</dl>{greeting}{lines}"
        f'<p class="sign">____________________________<br>for the controller</p></main></body></html>\n'
    )


def _certified(rows: Sequence[Mapping[str, Any]], day: Any) -> list[tuple[str, str]]:
    """What the certificates of all runs of a request say together."""

    def each(name: str) -> list[Any]:
        return list(dict.fromkeys(r[name] for r in rows if r.get(name)))

    done = [" and ".join(map(day, each(n))) for n in ("started_at", "entered_at")]
    waiting = sum(r["completed_at"] is None for r in rows)
    gone, aside = (sum(r["rows_erased"] or 0 for r in rows if r["scope"] == scope) for scope in ("erasure", "restriction"))
    hits = {r["evidence_root_sha256"]: r["residual_hits"] or 0 for r in rows}  # of a run; each of its certificates has it
    return [
        ("Carried out", f"{done[0]} as stated" + (f", entered {done[1]}" if done[1] else "")),
        ("Every copy purged", "not yet: old copies are locked" if waiting else day(max(each("completed_at")))),
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
    heads = "".join(f'<th scope="col"{mark}>{h}</th>' for h, mark in
                    (("What", ""), ("How", ""), *((h, ' class="num"') for h in ("Found", "Done", "Kept")), ("Ground", "")))  # fmt: skip
    cells = "".join(
        f"<tr><td>{escape(_what(r))}</td><td>{escape(words('method', r['method']))}</td>"
        + "".join(f'<td class="num">{r[c] or 0:,}</td>' for c in counts) + f"<td>{escape(r['retention_ground'] or '-')}</td></tr>"
        for r in shown
    )  # fmt: skip
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{cells}</tbody></table>"


def _what(row: Mapping[str, Any]) -> str:
    """What was dealt with, in words, with its place where that has another name."""
    name = words("record_class", row["record_class"])
    return name if row["location"] == row["record_class"] else f"{name} ({row['location']})"
