"""Every figure of every page, beside SQL over the store's own tables; and beside what the generator
of the world knows.
"""

from __future__ import annotations

import csv
import datetime as dt
import html
import json
import re
import sqlite3
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
import pytest
from support import figures_sql as sql
from support.figures_tables import load_tables
from support.report_runs import AS_OF, Built, words
from support.report_world import ACTORS, ALL, FROM, Truth, world

from callveil.pipelines.cli import main
from callveil.pipelines.subject_close import letter_of
from callveil.pipelines.subject_register import SubjectOptions
from callveil.schemas.report import REPORTS

SCOPES = {"the company": ALL, "one account": "1001"}
MOST_ROWS = 500
NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")


@dataclass(frozen=True)
class Shown:
    """Content of a page: tiles by label, charts and tables by title."""

    cards: dict[str, tuple[str, str, str]]
    charts: dict[str, tuple[str, dict[str, Any] | None]]
    views: dict[str, tuple[str, list[str], set[str], list[list[str]]]]
    notes: list[str]


def _text(markup: str) -> str:
    return html.unescape(re.sub(r"<[^>]+>", "", markup)).strip()


def parse(page: str) -> Shown:
    """Read a report's page."""
    card = (
        r'<li class="card ([^"]*)"><span class="label">(.*?)</span> <span '
        r'class="value">(.*?)</span>(?: <span class="hint">(.*?)</span>)?</li>'
    )
    cards = {
        _text(label): (_text(value), _text(hint), tone)
        for tone, label, value, hint in re.findall(card, page)
    }
    charts, views = {}, {}
    for part in re.findall(
        r'<div class="panel(?: wide)?">(.*?)</div>\s*(?=<div class="panel|</div>|\Z)', page, re.S
    ):
        title = re.search(r"<h2>(.*?)</h2>", part)
        note, spec = (
            re.search(r'<p class="note">(.*?)</p>', part),
            re.search(r'<script type="application/json"[^>]*>(.*?)</script>', part, re.S),
        )
        assert title
        charts[_text(title[1])] = (
            _text(note[1]) if note else "",
            json.loads(spec[1]) if spec else None,
        )
    for part in re.findall(r'<section class="panel table" data-table.*?</section>', page, re.S):
        title, count = (
            re.search(r"<h2 id=[^>]*>(.*?)</h2>", part),
            re.search(r'role="status">(.*?)</span>', part),
        )
        heads = re.findall(
            r'<th scope="col"( class="num")?><button type="button">(.*?)</button>', part
        )
        rows = [
            [_text(c) for c in re.findall(r"<td[^>]*>(.*?)</td>", r, re.S)]
            for r in re.findall(r"<tr>(<td.*?)</tr>", part, re.S)
        ]
        assert title
        views[_text(title[1])] = (
            count[1] if count else "0 rows",
            [_text(h) for _, h in heads],
            {_text(h) for n, h in heads if n},
            rows,
        )
    return Shown(
        cards,
        charts,
        views,
        [_text(li) for li in re.findall(r"<li>(.*?)</li>", page.split("<footer>")[1], re.S)],
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Built, Truth]:
    return world(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module", params=SCOPES.values(), ids=SCOPES)
def pulled(
    request: pytest.FixtureRequest,
    made: tuple[Built, Truth],
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Built, str, Path, Any]:
    """The world's store, an account or `ALL`, its pages, and what `--json` says."""
    place, account, out = made[0], request.param, tmp_path_factory.mktemp("pages")
    with pytest.MonkeyPatch.context() as patch, (out / "told.json").open("w") as sink:
        patch.setattr("sys.stdout", sink)
        assert (
            main(
                [
                    *words(place, out, "all", "--csv", "--json"),
                    *(["--account", account] if account else []),
                ]
            )
            == 0
        )
    return place, account, out, orjson.loads((out / "told.json").read_bytes())


@pytest.fixture(scope="module")
def base(pulled: tuple[Built, str, Path, Any]) -> sqlite3.Connection:
    place, account, _, _ = pulled
    end, now = AS_OF + dt.timedelta(days=1), AS_OF + dt.timedelta(hours=12)
    chosen = [account] if account else []
    return load_tables(
        place.root,
        now,
        FROM,
        end,
        chosen,
        place.folder / "processing.yaml",
        place.folder / "breaches.yaml",
    )


def _shown(pulled: tuple[Built, str, Path, Any], name: str) -> Shown:
    return parse((pulled[2] / f"{name}.html").read_text())


def _as_text(value: Any) -> str:
    if value is None:
        return "–"
    return (
        f"{value:,}"
        if isinstance(value, int)
        else f"{value:.2f}"
        if isinstance(value, float)
        else str(value)
    )


@pytest.mark.parametrize("name", REPORTS)
def test_each_tile_is_what_sql_says(
    pulled: tuple[Built, str, Path, Any], base: sqlite3.Connection, name: str
) -> None:
    cards = _shown(pulled, name).cards
    assert cards.keys() == sql.TILES[name].keys(), (
        "a tile without SQL beside it, or SQL without its tile"
    )
    for label, query in sql.TILES[name].items():
        value, *more = base.execute(query).fetchone()
        told, hint, _ = cards[label]
        assert told == _as_text(value or 0), label
        assert NUMBER.findall(hint) == [_as_text(m or 0) for m in more], (label, hint)
    (report,) = [r for r in pulled[3]["reports"] if r["report"] == name]
    assert report["figures"] == {label: value for label, (value, _, _) in cards.items()}
    index = re.findall(
        r"<dt>(.*?)</dt><dd[^>]*>(.*?)</dd>",
        (pulled[2] / "index.html").read_text().split(f'<h2 id="{name}">')[1].split("</dl>")[0],
    )
    assert {_text(a): _text(b) for a, b in index} == report["figures"]


@pytest.mark.parametrize("name", REPORTS)
def test_each_chart_is_what_sql_says(
    pulled: tuple[Built, str, Path, Any], base: sqlite3.Connection, name: str
) -> None:
    charts = _shown(pulled, name).charts
    assert charts.keys() == sql.CHARTS[name].keys(), (
        "a chart without SQL beside it, or SQL without its chart"
    )
    for title, query in sql.CHARTS[name].items():
        spec = charts[title][1] or {"labels": [], "series": []}
        drawn = {
            (str(x), s["name"]): v
            for s in spec["series"]
            for x, v in zip(spec["labels"], s["values"], strict=True)
            if v
        }
        expected: Counter[tuple[str, str]] = Counter()
        folded = (
            {s["name"] for s in spec["series"]}
            if any(s["name"] == "others" for s in spec["series"])
            else None
        )
        bars = set(map(str, spec["labels"])) if "others" in spec["labels"] else None
        for label, series, value in base.execute(query):
            key = (
                label if bars is None or label in bars else "others",
                series if folded is None or series in folded else "others",
            )
            expected[key] += value
        expected = Counter({k: v for k, v in expected.items() if v})
        assert drawn.keys() == expected.keys(), title
        assert all(
            v == pytest.approx(expected[k], abs=0.0501 if isinstance(v, float) else 0)
            for k, v in drawn.items()
        ), title


@pytest.mark.parametrize("name", REPORTS)
def test_each_table_is_what_sql_says(
    pulled: tuple[Built, str, Path, Any], base: sqlite3.Connection, name: str
) -> None:
    views = _shown(pulled, name).views
    assert views.keys() == sql.TABLES[name].keys(), (
        "a table without SQL beside it, or SQL without its table"
    )
    for title, query in sql.TABLES[name].items():
        count, heads, numeric, rows = views[title]
        found = base.execute(query)
        columns = [c[0] for c in found.description]
        expected = [tuple(map(_as_text, row)) for row in found]
        if "part_" in columns:  # parts of what the table says
            assert all(any(part in cell for row in rows for cell in row) for _, part in expected), (
                title
            )
            continue
        if title == "What policy and store do":
            heads, rows = heads, [r for r in rows if r[0].startswith("rows of ")]
        else:
            told = f"{len(expected):,} row{'' if len(expected) == 1 else 's'}"
            assert count == (
                told
                if len(expected) <= MOST_ROWS
                else f"the first {MOST_ROWS} of {told}; the Parquet file has all"
            ), title
        assert numeric <= set(columns), f"{title}: a column of numbers without SQL beside it"
        cells = Counter(tuple(row[heads.index(c)] for c in columns) for row in rows)
        assert (
            cells == Counter(expected)
            if len(expected) <= MOST_ROWS
            else not cells - Counter(expected)
        ), title


def test_each_verdict_is_what_sql_says(
    pulled: tuple[Built, str, Path, Any], base: sqlite3.Connection
) -> None:
    account, page = pulled[1], (pulled[2] / "index.html").read_text()
    rows = re.findall(
        r'<tr><th scope="row">(.*?)</th><td><span class="tag (\w+)">(.*?)</span></td>(.*?)</tr>',
        page,
    )
    assert {_text(r[0]) for r in rows} == sql.VERDICTS.keys()
    for promise, tone, _, cells in rows:
        kept, broken, waiting, _, why = [
            _text(c) for c in re.findall(r"<td[^>]*>(.*?)</td>", cells)
        ]
        *counts, numbers = base.execute(sql.VERDICTS[_text(promise)]).fetchone()
        assert [kept, broken, waiting] == [_as_text(n or 0) for n in counts], promise
        assert tone == ("bad" if counts[1] else "warn" if counts[2] else "good"), promise
        if numbers is not None:
            assert NUMBER.findall(why) == str(numbers).split(), (promise, why)
    broken = sum(r[1] == "bad" for r in rows)
    assert f"{broken} of {len(rows)} promises were not kept in full." in page
    requests = (pulled[2] / "requests.html").read_text()
    assert (
        account
        or '<span class="tag bad">refused, late: the answer was entered 2026-11-12</span>'
        in requests
    )
    register = next(_text(r[3]) for r in rows if r[0].startswith("People are answered"))
    for (name,) in base.execute("select request_id from overdue"):
        assert f"{name} is overdue since" in register
    for (name,) in base.execute("select request_id from q where is_late"):
        assert f"{name} was answered late" in register
    ((waiting,),) = base.execute(
        f"select count(*) from q where not over and request_id not in {sql.BROKEN}"
    )
    assert f"{waiting} {'is' if waiting == 1 else 'are'} open and in time" in register


def test_each_note_with_a_number_is_what_sql_says(
    pulled: tuple[Built, str, Path, Any], base: sqlite3.Connection
) -> None:
    _, account, _, _ = pulled
    for name in REPORTS:
        notes = [
            n for n in _shown(pulled, name).notes if not n.startswith(("All rows:", "Report "))
        ]
        expected = [base.execute(q).fetchone()[0] for q in sql.NOTES.get(name, ()) if account]
        numbered = [n for n in notes if NUMBER.search(n)]
        assert len(numbered) == len(expected) and all(
            e in n for e, n in zip(expected, numbered, strict=True)
        ), (name, numbered)


def test_files_beside_the_pages_have_the_rows_they_are_said_to(
    pulled: tuple[Built, str, Path, Any],
) -> None:
    _, _, out, told = pulled
    index = (out / "index.html").read_text()
    for report in told["reports"]:
        name = report["report"]
        table = pq.read_table(out / f"{name}.parquet")
        with (out / f"{name}.csv").open(newline="") as source:
            lines = list(csv.DictReader(source))
        assert report["rows"] == table.num_rows == len(lines)
        for kind in ("parquet", "csv"):
            assert re.search(
                rf'{name}\.{kind}</a></td><td class="num" '
                rf'data-v="{table.num_rows}">{table.num_rows:,}</td>',
                index,
            )
        for column in (f.name for f in table.schema if str(f.type) == "int64"):
            assert [r[column] for r in lines] == [
                "" if v is None else str(v) for v in table.column(column).to_pylist()
            ], (name, column)


def test_each_tile_and_chart_says_what_it_counts(pulled: tuple[Built, str, Path, Any]) -> None:
    """In one line: what, which of them, and of which time. Tiles that count some of the first one's
    say so by `of these`.
    """
    for name in REPORTS:
        shown = _shown(pulled, name)
        for label, (_, hint, _) in shown.cards.items():
            assert len(hint.split()) >= 3, f"{name}: {label} says nothing of what it counts"
        for title, (note, spec) in shown.charts.items():
            assert len(note.split()) >= 5, f"{name}: {title} says nothing of what it counts"
            assert spec is None or spec["unit"], f"{name}: {title} has no unit"


def test_figures_are_those_the_generator_knows(
    pulled: tuple[Built, str, Path, Any], made: tuple[Built, Truth]
) -> None:
    _, account, out, _ = pulled
    truth = made[1]
    cards = {name: _shown(pulled, name).cards for name in REPORTS}
    assert cards["redaction"]["Values redacted"][0] == f"{truth.redacted[account]:,}"
    assert cards["redaction"]["Values kept"][0] == f"{truth.kept[account]:,}" != "0"
    assert cards["history"]["Actors"][0] == str(len(truth.actors[account]))
    assert account or len(truth.actors[ALL]) == ACTORS
    assert cards["history"]["Changes"][0] == str(truth.changes[account])
    assert cards["retention"]["Records deleted"][0] == str(truth.deleted[account]) != "0"
    assert cards["retention"]["Deleted late"][::2] == (str(truth.late[account]), "bad")
    assert cards["retention"]["Held"][0] == str(truth.held[account])
    page = (out / "retention.html").read_text()
    assert 'class="tag bad">late by' in page
    (row,) = [
        r
        for r in pq.read_table(out / "processing.parquet").to_pylist()
        if r["activity_id"] == "call-tracking"
    ]
    reason, *locked = row["non_adherence_reason"]
    assert (
        row["retention_adherence"] == "no"
        and f": {truth.late[account]} versions were deleted late in this period, up to " in reason
    )
    waiting = truth.locked[account]
    assert locked == [
        f"{waiting} deleted records are not purged everywhere: old object versions are locked"
    ] * bool(waiting)


def test_a_certificate_to_hand_over_sums_all_runs_of_its_request(made: tuple[Built, Truth]) -> None:
    """R-07 was restricted and lifted; R-08's check still found two rows, which each certificate of
    its run says.
    """
    place = made[0]
    options = SubjectOptions(place.root, AS_OF, AS_OF, keyring=place.keyring)
    told = {
        name: _text(letter_of(options, name, "certificate").replace("</dd>", "; "))
        for name in ("R-02", "R-03", "R-06", "R-07", "R-08")
    }
    expected = {
        "R-02": ("Certificate of erasure", "Rows erased38;", "Rows kept1;", "afterwards0 rows"),
        "R-03": (
            "Rows erased3;",
            "Every copy purged24 November 2026;",
        ),  # published again once it was complete
        "R-06": ("Every copy purgednot yet: old copies are locked;",),
        "R-07": ("Certificate of restriction", "Rows set aside11;"),
        "R-08": ("Rows erased1;", "Rows kept5;", "afterwards2 rows"),
    }
    for name, parts in expected.items():
        assert all(part in told[name] for part in parts), (name, told[name])
    assert "Rows erased" not in told["R-07"] and "drop_rows" not in "".join(told.values())
