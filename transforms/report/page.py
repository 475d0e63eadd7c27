"""Pages: one self-contained HTML file each. No page asks for anything from anywhere, which a
content security policy in it makes sure of.
"""

from __future__ import annotations

import base64
import datetime as dt
import functools
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup, escape

from callveil.schemas.display_words import WORDS, value_in_words
from callveil.schemas.json_types import JsonObject
from callveil.schemas.report import ReportType
from callveil.schemas.subject import TERMINAL
from callveil.transforms.report.model import (
    PAGE_ROWS,
    Chart,
    Page,
    PageTable,
    PromiseCheck,
    format_count,
)

_HERE = Path(__file__).parent
_NUMBERS = frozenset(
    {
        "count",
        "rows_deleted",
        "retention_days",
        "records_found",
        "disclosed",
        "withheld",
        "rows_matched",
        "rows_erased",
        "rows_retained",
        "residual_hits",
        "approx_subjects",
        "approx_records",
        "score",
        "share",
    }
)
_IDS = frozenset({"interaction_id", "account_id", "request_id", "breach_id", "item_id"})
_TONES = {
    "status": {
        "rejected": "bad",
        "completed": "good",
        "refused": "warn",
        "not_executed": "bad",
        "partly_completed": "warn",
    },
    "decision": {"delete": "", "hold": "warn", "quarantine": "bad"},
    "state": {
        "on_time": "good",
        "late_with_reasons": "warn",
        "late_without_reasons": "bad",
        "overdue": "bad",
        "due": "warn",
        "undecided": "warn",
    },
    "on_time": {"yes": "good", "no": "bad"},
    "retention_adherence": {"yes": "good", "no": "bad", "unknown": "warn"},
    "what": {"differs": "bad", "time limit": "warn"},
    "late": {"yes": "warn"},
    "promise": {"late": "bad", "kept": "good"},
    "stated": {"stated": "warn"},
    "standing": {"OVERDUE": "bad", "clock": "warn"}
    | {f"{status}, late": "bad" for status in TERMINAL.values()},
}
MAX_TEXT = 300
LONG_TEXT, WHOLE_TEXT = 28, 120
"""Characters from which a cell gets some width, and more, so that it is not a column of single
words.
"""


@dataclass(frozen=True)
class PageDetails:
    """Details that stand on a page beside the report itself.

    Attributes:
        meta: name and value pairs at its head.
        store, run_id, head, tool, report_id: at its foot.
        file, sha256, rows, csv: of the Parquet file with all rows.
    """

    meta: Sequence[tuple[str, str]]
    store: str
    run_id: str
    head: str
    tool: str
    report_id: str = ""
    file: str = ""
    sha256: str = ""
    rows: int = 0
    csv: bool = False


@functools.cache
def _environment() -> jinja2.Environment:
    loader = jinja2.FileSystemLoader(_HERE / "templates")
    made = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=False
    )
    made.filters["coded"] = _coded
    return made


def _coded(text: str) -> Markup:
    """Return text with what stands in backticks as code."""
    parts = text.split("`")
    return Markup("").join(
        Markup("<code>{}</code>").format(p) if n % 2 else escape(p) for n, p in enumerate(parts)
    )


@functools.cache
def _asset(name: str) -> str:
    text = (_HERE / "assets" / name).read_text(encoding="utf-8")
    if "</script" in text.lower() or "</style" in text.lower():
        raise ValueError(f"{name}: would end its own element")
    return text


def _csp(css: str, scripts: Sequence[str]) -> str:
    """Return a content security policy: only the scripts and the style of this page run; nothing is
    loaded, sent or framed.
    """

    def digest(text: str) -> str:
        return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    run = " ".join(map(digest, scripts))
    return (
        f"default-src 'none'; script-src {run}; style-src {digest(css)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _render(template: str, scripts: Sequence[str], **values: Any) -> bytes:
    css, texts = _asset("page.css"), [_asset(s) for s in scripts]
    # Markup: these are files of callveil itself; everything else on a page is escaped.
    ready = {"css": Markup(css), "scripts": [Markup(t) for t in texts], "csp": _csp(css, texts)}  # noqa: S704
    return _environment().get_template(template).render(**ready, **values).encode()


def report_page(kind: ReportType, page: Page, about: PageDetails) -> bytes:
    """Return a report's page."""
    views = [_view(v, f"table-{n + 1}") for n, v in enumerate(page.views)]
    charts = _paired([_chart(c, f"chart-{n + 1}") for n, c in enumerate(page.charts)])
    scripts = ["chart.min.js", "page.js"] if any(not c["is_empty"] for c in charts) else ["page.js"]
    return _render(
        "report.html.j2",
        scripts,
        title=kind.title,
        what=kind.what,
        meta=about.meta,
        cards=page.cards,
        charts=charts,
        views=views,
        notes=page.notes,
        file=about.file,
        csv=about.csv,
        rows=format_count(about.rows),
        sha256=about.sha256,
        report_id=about.report_id,
        store=about.store,
        run_id=about.run_id or "none",
        head=about.head or "none",
        tool=about.tool,
    )


def index_page(
    reports: Sequence[Mapping[str, Any]],
    files: Sequence[Mapping[str, Any]],
    about: PageDetails,
    verdicts: Sequence[PromiseCheck] = (),
) -> bytes:
    """Return the page that ties the reports of a period together.

    Args:
        reports: name, title, what, page, cards and files of each. files: report, name, rows, sha256
            of each.
        verdicts: what was promised, and whether it was kept.
    """
    broken = [v for v in verdicts if v.broken]
    waiting = [v for v in verdicts if v.tone == "warn"]
    headline = (
        f"{len(broken)} of {len(verdicts)} promises were not kept in full."
        if broken
        else (
            f"Nothing promised was broken; {len(waiting)} of {len(verdicts)} promises have "
            "something open, or nothing tells."
        )
        if waiting
        else f"All {len(verdicts)} promises were kept."
    )
    return _render(
        "index.html.j2",
        ["page.js"],
        title="Compliance reports",
        what="The reports of one period, with their figures and files.",
        meta=about.meta,
        reports=reports,
        files=[dict(f) | {"shown": format_count(f["rows"])} for f in files],
        store=about.store,
        run_id=about.run_id or "none",
        head=about.head or "none",
        tool=about.tool,
        headline=headline,
        tone="bad" if broken else "warn" if waiting else "good",
        verdicts=[
            {
                "promise": v.promise,
                "unit": v.unit,
                "tone": v.tone,
                "why": v.why,
                "kept": format_count(v.kept),
                "broken": format_count(v.broken),
                "open": format_count(v.open),
                "said": v.said,
            }
            for v in verdicts
        ],
    )


def _chart(chart: Chart, name: str) -> JsonObject:
    spec = {
        "kind": chart.kind,
        "labels": list(chart.labels),
        "unit": chart.unit,
        "series": [{"name": n, "values": list(v)} for n, v in chart.series.items()],
    }
    total = {n: sum(x or 0 for x in v) for n, v in chart.series.items()}
    said = "; ".join(f"{n}: {x:,.10g}" for n, x in list(total.items())[:8])
    bars = len(chart.labels)
    size = (
        ""
        if chart.kind != "hbar"
        else "h1"
        if bars <= 2
        else "h2"
        if bars <= 6
        else "h3"
        if bars <= 12
        else "h4"
        if bars <= 20
        else "h5"
    )
    return {
        "id": name,
        "title": chart.title,
        "note": chart.note,
        "unit": chart.unit,
        "axis": chart.axis,
        "is_empty": chart.is_empty,
        "size": size,
        "wide": chart.kind in ("stacked", "line"),
        "aria": f"{chart.title}. {bars} bars or points. Totals in {chart.unit}: {said}. The "
        "figures follow as a table.",
        "json": Markup(_json(spec)),  # noqa: S704 - escaped below
        "names": list(chart.series),
        "figures": [
            (label, [_figure(v[n]) for v in chart.series.values()])
            for n, label in enumerate(chart.labels)
        ],
    }


def _paired(charts: list[JsonObject]) -> list[JsonObject]:
    """Narrow charts stand in pairs; one that is left over becomes wide."""
    alone = False
    for n, chart in enumerate(charts):
        alone = not alone if not chart["wide"] else False
        last = n + 1 == len(charts) or charts[n + 1]["wide"]
        if alone and last:
            chart["wide"], alone = True, False
    return charts


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:,.10g}"


def _json(value: Any) -> str:
    """Return JSON that can stand in a script element."""
    return (
        json.dumps(value, ensure_ascii=True, separators=(",", ":"))
        .replace("<", "\\u003c")
        .replace(">", "\\u003e")
        .replace("&", "\\u0026")
    )


def _view(view: PageTable, name: str) -> JsonObject:
    shown = list(view.rows)[:PAGE_ROWS]
    count = (
        f"{format_count(view.total)} row{'' if view.total == 1 else 's'}"
        if len(shown) == view.total
        else (
            f"the first {format_count(len(shown))} of {format_count(view.total)} rows; the "
            "Parquet file has all"
        )
    )
    return {
        "id": name,
        "caption": view.caption,
        "note": view.note,
        "count": count,
        "heads": [{"text": text, "num": key in _NUMBERS} for key, text in view.columns],
        "rows": [[_cell(key, row.get(key)) for key, _ in view.columns] for row in shown],
    }


def _cell(key: str, value: Any) -> JsonObject:
    """Text, sort key, class and tone of a cell."""
    if value is None or value == "" or value == []:
        return {"text": "–", "key": "", "css": "none num" if key in _NUMBERS else "none", "tag": ""}
    sort, css = None, "id" if key in _IDS else ""
    if isinstance(value, dt.datetime):
        moment = value.astimezone(dt.UTC)
        text, sort, css = moment.strftime("%Y-%m-%d %H:%M"), moment.isoformat(), "time"
    elif isinstance(value, bool):
        text = "yes" if value else "no"
    elif isinstance(value, int | float):
        text, sort, css = (
            (f"{value:,}" if isinstance(value, int) else f"{value:.2f}"),
            str(value),
            "num",
        )
    else:
        text = "; ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
        text = text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 1]}…"
        if key in _NUMBERS:
            sort, css = text.rstrip("%"), "num"
        css = css or ("text" if len(text) > WHOLE_TEXT else "long" if len(text) > LONG_TEXT else "")
    tones = _TONES.get(key, {})
    if key in WORDS and isinstance(value, str):
        code, text = text, value_in_words(key, text)
        return {"text": text, "key": sort, "css": css, "tag": tones.get(code, "")}
    tag = (
        tones.get(text) or tones.get(text.split(":", 1)[0]) or tones.get(text.split(" ", 1)[0], "")
    )
    return {"text": value_in_words(key, text), "key": sort, "css": css, "tag": tag}
