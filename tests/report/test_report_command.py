"""Reports by the command line: every row accounted for, scoped, recorded, chained, and pages that
carry nothing they should not.
"""

from __future__ import annotations

import csv
import datetime as dt
import re
import stat
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.report_runs import AS_OF, DAY, NASTY, Built, build, pull, read, words

from callveil.pipelines.cli import main
from callveil.pipelines.commands.report import current_user
from callveil.schemas.report import COMMON, REPORTS
from callveil.transforms.report.model import PAGE_ROWS
from callveil.transforms.report.verify.store import verify_evidence
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.evidence.signing_keys import open_signer
from callveil.transforms.storage.files.filesystem import Files


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Built:
    return build(tmp_path_factory.mktemp("reports"))


@pytest.fixture(scope="module")
def out(place: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("out")
    pull(place, folder, "all", "--csv", "--for", "the authority")
    return folder


def test_every_report_is_there_for_its_owner_alone(out: Path) -> None:
    names = {f"{n}.{e}" for n in REPORTS for e in ("html", "parquet", "csv")} | {"index.html"}
    assert {p.name for p in out.iterdir() if not p.name.startswith(".")} == names
    assert {stat.S_IMODE((out / n).stat().st_mode) for n in names} == {0o600}
    for name, kind in REPORTS.items():
        table = pq.read_table(out / f"{name}.parquet")
        assert table.schema.names == [f.name for f in kind.columns]
        assert {c.name for c in COMMON} | {"row_hash"} <= set(table.schema.names)
        assert table.num_rows > 0, name
        with (out / f"{name}.csv").open(newline="") as source:
            lines = list(csv.reader(source))
        assert lines[0] == table.schema.names and len(lines) == table.num_rows + 1


def test_redaction_has_each_finding_and_each_rejection(place: Built, out: Path) -> None:
    rows = read(out, "redaction")
    done = [r for r in rows if r["status"] == "done"]
    key = (
        "account_id",
        "interaction_id",
        "field_path",
        "entity_type",
        "span_start",
        "score",
        "event_time",
    )
    assert sorted(repr(orjson.dumps([r[k] for k in key])) for r in done) == sorted(
        repr(orjson.dumps([f.get(k) for k in key])) for f in place.findings
    )
    assert [r["failure_reason"] for r in rows if r["status"] == "rejected"] == [
        r["reason"] for r in place.rejected
    ]
    assert {r["policy_version"] for r in rows} == {"gdpr"} and {
        r["residual_hits"] for r in done
    } == {0}


def test_period_and_account(place: Built, tmp_path: Path) -> None:
    given = words(place, tmp_path, "redaction", "--account", "1001")
    given[given.index("--from") + 1] = "2026-11-20"
    given[given.index("--to") + 1] = "2026-11-22"
    assert main(given) == 0
    start, end = dt.datetime(2026, 11, 20, tzinfo=dt.UTC), dt.datetime(2026, 11, 22, tzinfo=dt.UTC)
    expected = [
        f for f in place.findings if start <= f["processed_at"] < end and f["account_id"] == "1001"
    ]
    assert expected and len(read(tmp_path, "redaction")) == len(expected)
    for account, requests, certificates in (
        ("1001", ["R-0", "R-1"], ["R-1"]),
        ("1002", ["R-0"], []),
        ("1000", ["R-2"], []),
        ("9999", [], []),
    ):
        for kind, expected in (("requests", requests), ("erasures", certificates)):
            pull(place, tmp_path, kind, "--account", account)
            rows = read(tmp_path, kind)
            assert [
                r["request_id"] for r in rows
            ] == expected  # those whose search has found records in the account
            assert all(
                (r["account_id"], r["accounts"]) == (account, [account]) for r in rows
            )  # other accounts of the person are not told
        assert (
            "2 requests of this period are tied to no account"
            in (tmp_path / "requests.html").read_text()
        )
    pull(place, tmp_path, "history", "--account", "1001")
    assert {r["account_id"] for r in read(tmp_path, "history")} == {"1001"}


def test_retention_joins_certificates(out: Path) -> None:
    rows = [
        r for r in read(out, "retention") if r["record_id"] is None and r["decision"] == "delete"
    ]
    assert rows and all(r["old_versions_purged_at"] and r["verified_at"] for r in rows)
    assert (
        sum(r["rows_deleted"] for r in rows) == 6 * 3
    )  # individual accounts' of 12, 9 and 8 days ago
    assert all(r["eligible_at"] <= r["disposed_at"] for r in rows)


def test_an_accounts_report_counts_whole_files_that_went(
    place: Built, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = {}
    for account in ("", "1000", "1001", "1002"):
        assert (
            main(
                [
                    *words(
                        place, tmp_path, "retention", *(["--account", account] if account else [])
                    ),
                    "--json",
                ]
            )
            == 0
        )
        told[account] = orjson.loads(capsys.readouterr().out)["reports"][0]["figures"][
            "Records deleted"
        ]
    assert told == {
        "": "18",
        "1000": "9",
        "1001": "9",
        "1002": "0",
    }  # each day's file of individual accounts went whole


def test_requests_and_erasures(out: Path) -> None:
    rows = {r["request_id"]: r for r in read(out, "requests")}
    assert sorted(rows) == [f"R-{n}" for n in range(5)]
    assert {n: (r["account_id"], r["accounts"]) for n, r in rows.items()} == {
        "R-0": (None, ["1001", "1002"]),
        "R-1": ("1001", ["1001"]),
        "R-2": ("1000", ["1000"]),
        "R-3": (None, []),
        "R-4": (None, []),
    }
    assert rows["R-1"]["status"] == "completed" and rows["R-1"]["on_time"] is False
    assert rows["R-0"]["due_at"] == AS_OF - 50 * DAY + 31 * DAY and rows["R-0"]["on_time"] is None
    (erased,) = read(out, "erasures")
    assert (erased["rows_erased"], erased["rows_retained"], erased["retention_ground"]) == (
        4,
        1,
        "Art. 17(3)(b)",
    )
    page = (out / "requests.html").read_text()
    assert "OVERDUE R-0 (access)" in page and "OVERDUE by" in page and "Answered late" in page


def test_changed_rows_break_the_chain_of_hashes(
    place: Built, out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in REPORTS:
        assert (
            main(["report", "verify", str(out / f"{name}.parquet"), "--keyring", place.keyring])
            == 0
        ), name
    table = pq.read_table(out / "redaction.parquet")
    rows = table.to_pylist()
    rows[3]["score"] = 0.99
    for changed, where in ((rows, "row 3"), (rows[:2] + table.to_pylist()[3:], "row 2")):
        pq.write_table(
            pa.Table.from_pylist(changed, schema=table.schema), tmp_path / "changed.parquet"
        )
        capsys.readouterr()
        assert (
            main(
                ["report", "verify", str(tmp_path / "changed.parquet"), "--keyring", place.keyring]
            )
            == 1
        )
        assert capsys.readouterr().out.startswith(where)


def test_pages_are_whole_escaped_and_bounded(place: Built, out: Path) -> None:
    for path in out.glob("*.html"):
        text = path.read_text()
        assert not re.findall(
            r"""(?:src|href|action|xlink:href)\s*=\s*["'](?!#|data:|[a-z]+\.(?:html|parquet|csv)["'])""",
            text,
        ), path.name
        assert (
            "url(" not in text.split("</style>")[0]
            and "@import" not in text
            and "sourceMappingURL" not in text
        )
        policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
        assert (
            policy
            and policy[1].startswith("default-src &#39;none&#39;")
            and "unsafe" not in policy[1]
        )
    page = (out / "redaction.html").read_text()
    assert NASTY not in page and "&lt;script&gt;alert(1)" in page
    assert f"the first {PAGE_ROWS} of {len(place.findings):,} rows" in page
    assert page.count("<tr>") < PAGE_ROWS + 400


def test_a_spreadsheet_runs_nothing(out: Path) -> None:
    with (out / "redaction.csv").open(newline="") as source:
        actors = {r["actor_id"] for r in csv.DictReader(source)}
    assert "'=cmd()" in actors and "=cmd()" not in actors


def test_the_same_report_has_the_same_bytes(place: Built, out: Path, tmp_path: Path) -> None:
    pull(place, tmp_path, "all", "--csv", "--for", "the authority")
    for path in out.iterdir():
        assert path.read_bytes() == (tmp_path / path.name).read_bytes(), path.name


def test_each_pull_is_recorded_signed(
    place: Built, out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert main(["report", "pulls", "--store", place.root, "--json"]) == 0
    first = orjson.loads(capsys.readouterr().out)[0]
    assert (first["who"], first["on_behalf_of"], first["reports"]) == (
        current_user(),
        "the authority",
        list(REPORTS),
    )
    digests = {f["name"]: f["sha256"] for f in first["files"]}
    assert digests["redaction.parquet"] == Files().sha256(str(out / "redaction.parquet"))[0]
    keys = [open_signer().public]
    assert verify_evidence(Files(), place.root, keys).problems == ()
    path = Path(place.root) / "_callveil/pulls/00000001.json"
    data = path.read_bytes()
    path.write_bytes(data.replace(b"the authority", b"my aunt Betty"))
    assert {p.path for p in verify_evidence(Files(), place.root, keys).problems} == {
        "_callveil/pulls/00000001.json"
    }
    path.write_bytes(data)


def test_roles(place: Built, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "all", "--roles-template"]) == 0
    template = capsys.readouterr().out
    roles = tmp_path / "roles.yaml"
    roles.write_text(template.replace("bob:", f"{current_user()}:"))
    given = ["--roles", str(roles)]
    out = tmp_path / "out"
    assert main([*words(place, out, "all"), *given]) == 0  # what the role does not see is left out
    assert {p.name for p in out.glob("*.html")} == {"index.html", "redaction.html", "history.html"}
    assert {r["account_id"] for r in read(out, "redaction")} == {"1001", "1002"}
    assert main([*words(place, out, "requests"), *given]) == 2
    assert "does not see the report requests" in capsys.readouterr().err
    assert main([*words(place, out, "redaction", "--account", "1000"), *given]) == 2
    assert "does not see account 1000" in capsys.readouterr().err
    assert main(["report", "pulls", "--store", place.root]) == 0
    assert capsys.readouterr().out.count("REFUSED") == 2
    roles.write_text(
        "version: 1\nroles:\n  r: {reports: [redactoin], acounts: all}\npeople: {a: s}\n"
    )
    assert main([*words(place, out, "requests"), *given]) == 2
    said = capsys.readouterr().err
    assert (
        f"{roles}:3:" in said
        and "did you mean redaction?" in said
        and "roles.r.acounts" in said
        and "people.a" in said
    )


def test_where_no_pull_can_be_recorded_no_report_is_left(
    place: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CALLVEIL_EVIDENCE_KEY", str(tmp_path / "another.pem"))
    out = tmp_path / "out"
    assert main(words(place, out, "redaction")) == 2
    assert [p for p in out.glob("*") if not p.name.startswith(".")] == []


def test_an_empty_store_has_empty_reports(tmp_path: Path) -> None:
    from callveil.transforms.storage.commit.catalog import Store

    store = Store.open_or_create(Files(), str(tmp_path / "store"))
    empty = Built(tmp_path, store.root, str(Keyring.create(tmp_path / "keyring.json").path), [], [])
    out = tmp_path / "out"
    words_ = [
        w
        for w in words(empty, out, "all")
        if "yaml" not in w and w not in ("--activities", "--breaches")
    ]
    assert main(words_) == 0
    for name in REPORTS:
        assert read(out, name) == []
        assert "None in this period." in (out / f"{name}.html").read_text() or name == "processing"


@pytest.mark.parametrize(
    "words_", [["report", "redaction", "--out", "x"], ["report", "redaction", "--store", "x"]]
)
def test_usage(words_: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words_) == 2
    assert "is needed" in capsys.readouterr().err


def test_the_index_opens_with_a_verdict_in_words(out: Path) -> None:
    page = (out / "index.html").read_text()
    assert page.index("Was what was promised kept?") < page.index('class="reports"')
    for said in (
        "promises were not kept in full",
        "R-0 is overdue since",
        "R-1 was answered late",
        "deleted more than a day after their time",
    ):
        assert said in page, said
    for name in REPORTS:
        text = (out / f"{name}.html").read_text()
        for code in (
            "drop_rows",
            "drop_file",
            "bad_json",
            "in_progress",
            "legal_hold",
            "missing_key",
        ):
            assert f">{code}<" not in text and f'"{code}"' not in text, (name, code)
